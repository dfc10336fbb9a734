-- Characters that play in videos: how they look, and the pictures that say so.
--
-- A user describes one and gives up to six pictures of it; a job draws it, and the services write
-- the sprite sheet, the final picture and how it went. Pictures are assets of the same owner.

create table public.characters (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.profiles (user_id) on delete cascade,
  project_id uuid,
  job_id uuid,
  name text,
  description text,
  visual_prompt text not null,
  art_style text not null default '',
  model text,
  success boolean not null default false,
  message text,
  sprite_sheet_id uuid,
  final_image_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint characters_id_user_id_key unique (id, user_id),
  constraint characters_project_is_the_owners foreign key (project_id, user_id)
  references public.projects (id, user_id) on delete cascade,
  constraint characters_job_is_the_owners foreign key (job_id, user_id)
  references public.generation_jobs (id, user_id) on delete set null (job_id),
  constraint characters_sprite_sheet_is_the_owners foreign key (sprite_sheet_id, user_id)
  references public.assets (id, user_id) on delete set null (sprite_sheet_id),
  constraint characters_final_image_is_the_owners foreign key (final_image_id, user_id)
  references public.assets (id, user_id) on delete set null (final_image_id),
  constraint characters_visual_prompt_is_given check (visual_prompt ~ '[^[:space:]]'),
  constraint characters_texts_are_short check (
    char_length(name) <= 200 and char_length(description) <= 5000
    and char_length(visual_prompt) <= 10000 and char_length(art_style) <= 100
    and char_length(model) <= 100 and char_length(message) <= 5000
    and octet_length(concat(description, visual_prompt)) <= 20480
  )
);
comment on table public.characters is 'Characters, described by the user and drawn by a job.';
comment on column public.characters.job_id is 'The job that draws it; the server''s.';
comment on column public.characters.visual_prompt is 'What it looks like.';
comment on column public.characters.model is 'Which model drew it; the server''s.';
comment on column public.characters.success is 'Whether it has been drawn; the server''s.';
comment on column public.characters.message is 'How the drawing went; the server''s.';
comment on column public.characters.sprite_sheet_id is 'Asset: its poses; the server''s.';
comment on column public.characters.final_image_id is 'Asset: the finished picture; the server''s.';

create table public.character_reference_images (
  character_id uuid not null,
  asset_id uuid not null,
  user_id uuid not null default auth.uid(),
  position smallint not null,
  created_at timestamptz not null default now(),
  primary key (character_id, position),
  constraint character_reference_images_user_id_character_id_asset_id_key
  unique (user_id, character_id, asset_id),
  constraint character_reference_images_character_is_the_owners
  foreign key (character_id, user_id)
  references public.characters (id, user_id) on delete cascade,
  constraint character_reference_images_asset_is_the_owners foreign key (asset_id, user_id)
  references public.assets (id, user_id) on delete cascade,
  -- With the primary key: at most six a character.
  constraint character_reference_images_are_at_most_six check (position between 0 and 5)
);
comment on table public.character_reference_images is
'Pictures that a character is drawn from, at most six.';
comment on column public.character_reference_images.user_id is
'Owner of character and picture; ties them together.';
comment on column public.character_reference_images.position is
'Place, 0 to 5, unique a character.';

create index characters_user_id_created_at_idx
on public.characters (user_id, created_at desc);
create index characters_project_id_user_id_created_at_idx
on public.characters (project_id, user_id, created_at desc) where project_id is not null;
create index characters_job_id_user_id_idx
on public.characters (job_id, user_id) where job_id is not null;
create index characters_sprite_sheet_id_user_id_idx
on public.characters (sprite_sheet_id, user_id) where sprite_sheet_id is not null;
create index characters_final_image_id_user_id_idx
on public.characters (final_image_id, user_id) where final_image_id is not null;
create index character_reference_images_asset_id_user_id_idx
on public.character_reference_images (asset_id, user_id);

alter table public.storyboard_sequences
add constraint storyboard_sequences_character_is_the_owners foreign key (character_id, user_id)
references public.characters (id, user_id) on delete set null (character_id);
create index storyboard_sequences_character_id_user_id_idx
on public.storyboard_sequences (character_id, user_id) where character_id is not null;

-- Computed columns, as those of video_concepts.

create function public.credits_used(public.characters)
returns numeric
language sql
stable
set search_path = ''
begin atomic
  select case when jobs.credit_transaction_id is null then 0 else jobs.credit_cost end
  from public.generation_jobs as jobs where jobs.id = ($1).job_id;
end;
comment on function public.credits_used(public.characters) is
'Computed column: what the job that made it was charged, whether or not it was returned.';

create function public.credit_transaction_id(public.characters)
returns uuid
language sql
stable
set search_path = ''
begin atomic
  select jobs.credit_transaction_id
  from public.generation_jobs as jobs where jobs.id = ($1).job_id;
end;
comment on function public.credit_transaction_id(public.characters) is
'Computed column: the deduction that paid for it.';

create function public.is_refunded(public.characters)
returns boolean
language sql
stable
set search_path = ''
begin atomic
  select coalesce(
    (
      select jobs.is_refunded
      from public.generation_jobs as jobs where jobs.id = ($1).job_id
    ), false
  );
end;
comment on function public.is_refunded(public.characters) is
'Computed column: whether all that it cost was returned.';

revoke execute on function
public.credits_used(public.characters),
public.credit_transaction_id(public.characters),
public.is_refunded(public.characters)
from public;
grant execute on function
public.credits_used(public.characters),
public.credit_transaction_id(public.characters),
public.is_refunded(public.characters)
to authenticated, service_role;

create function private.check_character_image()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
  v_kind public.asset_kind;
begin
  select kind into v_kind from public.assets where id = new.asset_id and user_id = new.user_id;
  if not found then
    raise exception 'A reference asset does not exist.'
      using errcode = 'PT404', hint = 'reference_asset_not_found';
  elsif v_kind <> 'image' then
    raise exception 'An asset of kind % cannot be a picture of a character.', v_kind
      using errcode = 'PT400', hint = 'kind_does_not_fit';
  end if;
  return new;
end;
$$;
comment on function private.check_character_image() is
'Trigger: a character is drawn from pictures that whoever says so can see. Raises PT404 '
'reference_asset_not_found, PT400 kind_does_not_fit.';
revoke execute on function private.check_character_image() from public;

create trigger character_reference_images_check_image
before insert or update of asset_id on public.character_reference_images
for each row execute function private.check_character_image();
create trigger characters_set_updated_at before update on public.characters
for each row execute function private.set_updated_at();

alter table public.characters enable row level security;
alter table public.character_reference_images enable row level security;

create policy characters_select_owner on public.characters
for select to authenticated using (
  user_id = (select auth.uid())
  and (
    project_id is null or project_id in (
      select projects.id from public.projects
      where projects.user_id = (select auth.uid()) and projects.deleted_at is null
    )
  )
  and (
    job_id is null or (
      select true from public.generation_jobs as jobs where jobs.id = characters.job_id
    )
  )
);
create policy characters_insert_owner on public.characters
for insert to authenticated with check (
  user_id = (select auth.uid())
  and (
    project_id is null or project_id in (
      select projects.id from public.projects
      where projects.user_id = (select auth.uid()) and projects.deleted_at is null
    )
  )
);
create policy characters_update_owner on public.characters
for update to authenticated using (
  user_id = (select auth.uid())
  and (
    project_id is null or project_id in (
      select projects.id from public.projects
      where projects.user_id = (select auth.uid()) and projects.deleted_at is null
    )
  )
  and (
    job_id is null or (
      select true from public.generation_jobs as jobs where jobs.id = characters.job_id
    )
  )
)
with check (user_id = (select auth.uid()));
create policy characters_delete_owner on public.characters
for delete to authenticated using (
  user_id = (select auth.uid())
  and (
    project_id is null or project_id in (
      select projects.id from public.projects
      where projects.user_id = (select auth.uid()) and projects.deleted_at is null
    )
  )
  and (
    job_id is null or (
      select true from public.generation_jobs as jobs where jobs.id = characters.job_id
    )
  )
);

-- Under the characters' own policies, which hide what was deleted.
create policy character_reference_images_select_owner on public.character_reference_images
for select to authenticated using (
  user_id = (select auth.uid())
  and (
    select true from public.characters
    where characters.id = character_reference_images.character_id
  )
);
create policy character_reference_images_insert_owner on public.character_reference_images
for insert to authenticated with check (
  user_id = (select auth.uid())
  and (
    select true from public.characters
    where characters.id = character_reference_images.character_id
  )
);
create policy character_reference_images_delete_owner on public.character_reference_images
for delete to authenticated using (
  user_id = (select auth.uid())
  and (
    select true from public.characters
    where characters.id = character_reference_images.character_id
  )
);

revoke all on public.characters, public.character_reference_images
from public, anon, authenticated, service_role;
grant select, delete on public.characters, public.character_reference_images to authenticated;
grant
insert (project_id, name, description, visual_prompt, art_style),
update (name, description)
on public.characters to authenticated;
grant insert (character_id, asset_id, position)
on public.character_reference_images to authenticated;
grant select, insert, update, delete
on public.characters, public.character_reference_images to service_role;
