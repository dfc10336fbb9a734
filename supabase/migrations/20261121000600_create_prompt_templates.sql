-- Prompts to begin with: those that everybody is offered, and those that a user keeps.
--
-- A template without an owner is shared. Only the services make those; everybody reads them while
-- they are active, also before signing in, and nobody can edit or delete them. Every other one is
-- its owner's alone.

create table public.prompt_templates (
  id uuid primary key default gen_random_uuid(),
  user_id uuid default auth.uid() references public.profiles (user_id) on delete cascade,
  name text not null,
  description text,
  prompt text not null,
  kind public.generation_kind,
  mode public.generation_mode,
  tags text[] not null default '{}',
  is_active boolean not null default true,
  is_favorite boolean not null default false,
  sort_order integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint prompt_templates_name_is_given check (
    name ~ '[^[:space:]]' and char_length(name) <= 200
  ),
  constraint prompt_templates_prompt_is_given check (
    prompt ~ '[^[:space:]]' and char_length(prompt) <= 10000
  ),
  constraint prompt_templates_description_is_short check (char_length(description) <= 5000),
  constraint prompt_templates_texts_are_small check (
    octet_length(concat(description, prompt)) <= 24576
  ),
  constraint prompt_templates_tags_are_short check (private.is_text_list(tags, 50, 50))
);

comment on table public.prompt_templates is
'Prompts to begin with: shared ones, which nobody can change, and the user''s own.';
comment on column public.prompt_templates.user_id is 'Null: shared with everybody.';
comment on column public.prompt_templates.kind is 'What it is meant to make; null: anything.';
comment on column public.prompt_templates.mode is 'The effort it is meant for; null: any.';
comment on column public.prompt_templates.tags is 'To search by; at most 50.';
comment on column public.prompt_templates.is_active is
'A shared one is shown while it is active; an owner sees all of theirs.';
comment on column public.prompt_templates.sort_order is 'Display order.';

create index prompt_templates_user_id_created_at_idx
on public.prompt_templates (user_id, created_at desc);
create index prompt_templates_shared_idx
on public.prompt_templates (sort_order, id) where user_id is null and is_active;

create trigger prompt_templates_set_updated_at before update on public.prompt_templates
for each row execute function private.set_updated_at();

alter table public.prompt_templates enable row level security;

create policy prompt_templates_select_anon on public.prompt_templates
for select to anon using (user_id is null and is_active);
create policy prompt_templates_select_shared_or_owner on public.prompt_templates
for select to authenticated
using ((user_id is null and is_active) or user_id = (select auth.uid()));
create policy prompt_templates_insert_owner on public.prompt_templates
for insert to authenticated with check (user_id = (select auth.uid()));
create policy prompt_templates_update_owner on public.prompt_templates
for update to authenticated
using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy prompt_templates_delete_owner on public.prompt_templates
for delete to authenticated using (user_id = (select auth.uid()));

revoke all on public.prompt_templates from public, anon, authenticated, service_role;
grant select on public.prompt_templates to anon, authenticated;
grant delete on public.prompt_templates to authenticated;
grant
insert (name, description, prompt, kind, mode, tags, is_active, is_favorite, sort_order),
update (name, description, prompt, kind, mode, tags, is_active, is_favorite, sort_order)
on public.prompt_templates to authenticated;
grant select, insert, update, delete on public.prompt_templates to service_role;
