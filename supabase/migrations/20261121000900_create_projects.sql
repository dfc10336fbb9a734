-- A project gathers what a user makes for one purpose.
--
-- Deleting one in the app hides it and all that is in it (hide_and_purge): the policies of whatever
-- has a project look here. Others see a project only through the functions of share_projects; no
-- policy opens the table itself to them.

create table public.projects (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.profiles (user_id) on delete cascade,
  name text not null,
  description text,
  is_public boolean not null default false,
  show_prompts boolean not null default false,
  share_token text unique,
  deleted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint projects_name_is_given check (name ~ '[^[:space:]]' and char_length(name) <= 200),
  constraint projects_description_is_short check (
    char_length(description) <= 5000 and octet_length(description) <= 10240
  ),
  constraint projects_share_token_is_long check (char_length(share_token) >= 32),
  -- What a foreign key of two columns needs, so that a job can only join its owner's project.
  constraint projects_id_user_id_key unique (id, user_id)
);

comment on table public.projects is 'A user''s projects; everything generated may belong to one.';
comment on column public.projects.is_public is
'It is listed, and its finished results may be seen by everybody.';
comment on column public.projects.show_prompts is
'Whether those who may see it are shown the prompts, too.';
comment on column public.projects.share_token is 'Unguessable; made and dropped by the server.';
comment on column public.projects.deleted_at is 'When the owner deleted it; it is hidden since.';

create index projects_user_id_created_at_idx on public.projects (user_id, created_at desc);
-- What every policy of a table with a project asks: which of my projects can be seen. Without the
-- id in it the planner finds the question dear, and reads all of a user's rows instead.
create index projects_visible_idx on public.projects (user_id, id) where deleted_at is null;
create index projects_public_idx on public.projects (created_at desc, id desc)
where is_public and deleted_at is null;
create index projects_deleted_at_idx on public.projects (deleted_at) where deleted_at is not null;

create trigger projects_set_updated_at before update on public.projects
for each row execute function private.set_updated_at();

alter table public.projects enable row level security;

create policy projects_select_owner on public.projects
for select to authenticated using (user_id = (select auth.uid()) and deleted_at is null);
create policy projects_insert_owner on public.projects
for insert to authenticated with check (user_id = (select auth.uid()));
create policy projects_update_owner on public.projects
for update to authenticated
using (user_id = (select auth.uid()) and deleted_at is null)
with check (user_id = (select auth.uid()) and deleted_at is null);
create policy projects_delete_owner on public.projects
for delete to authenticated using (user_id = (select auth.uid()) and deleted_at is null);

revoke all on public.projects from public, anon, authenticated, service_role;
grant select, delete on public.projects to authenticated;
grant
insert (name, description, is_public, show_prompts),
update (name, description, is_public, show_prompts)
on public.projects to authenticated;
grant select, insert, update, delete on public.projects to service_role;
