-- Every stored file has a row here, whoever made it; the bytes lie in the storage buckets.
--
-- A user uploads into raw-videos or reference-images and then inserts the row: type and size are
-- read from storage by trigger, not believed. Results are written by the services. job_assets says
-- what went into a job and what came out. Two-column foreign keys keep both ends with one owner.
--
-- The bytes can only be removed through the storage API. So a row that goes, by whatever way,
-- leaves its path in worker.file_removals, and the services remove the file.

create table public.assets (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.profiles (user_id) on delete cascade,
  project_id uuid,
  kind public.asset_kind not null,
  bucket text not null,
  storage_path text not null,
  mime_type text not null,
  size_bytes bigint not null,
  sha256 text,
  width integer,
  height integer,
  duration_ms integer,
  style text,
  thumbnail_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  hidden_at timestamptz,
  constraint assets_id_user_id_key unique (id, user_id),
  constraint assets_bucket_storage_path_key unique (bucket, storage_path),
  constraint assets_project_is_the_owners foreign key (project_id, user_id)
  references public.projects (id, user_id) on delete set null (project_id),
  constraint assets_thumbnail_is_the_owners foreign key (thumbnail_id, user_id)
  references public.assets (id, user_id) on delete set null (thumbnail_id),
  constraint assets_storage_path_is_the_owners check (
    starts_with(storage_path, user_id::text || '/') and char_length(storage_path) <= 1024
    and storage_path !~ '(^|/)[.]{0,2}(/|$)'
  ),
  constraint assets_mime_type_is_plain check (mime_type ~ '^[a-z]+/[a-z0-9.+-]+$'),
  constraint assets_size_is_not_negative check (size_bytes >= 0),
  constraint assets_sha256_is_hex check (sha256 ~ '^[0-9a-f]{64}$'),
  constraint assets_measures_are_positive check (width > 0 and height > 0 and duration_ms >= 0),
  constraint assets_style_is_short check (char_length(style) <= 100)
);
comment on table public.assets is 'Stored files: bucket and path, never an address.';
comment on column public.assets.storage_path is
'{user_id}/{job or upload id}/{file}; unique a bucket.';
comment on column public.assets.width is 'Pixels.';
comment on column public.assets.height is 'Pixels.';
comment on column public.assets.duration_ms is 'Milliseconds, of video and audio.';
comment on column public.assets.thumbnail_id is 'A small picture of it, itself an asset.';

comment on column public.assets.hidden_at is 'When the owner deleted the job that made it.';

create index assets_user_id_created_at_idx on public.assets (user_id, created_at desc, id);
-- What the limit of rows counts.
create index assets_uploads_idx on public.assets (user_id)
where bucket in ('raw-videos', 'reference-images');
create index assets_project_id_user_id_created_at_idx
on public.assets (project_id, user_id, created_at desc) where project_id is not null;
create index assets_thumbnail_id_user_id_idx
on public.assets (thumbnail_id, user_id) where thumbnail_id is not null;

create trigger assets_set_updated_at before update on public.assets
for each row execute function private.set_updated_at();

create table worker.file_removals (
  bucket text not null,
  storage_path text not null,
  available_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  primary key (bucket, storage_path)
);
comment on table worker.file_removals is 'Files to remove from storage: nothing needs them.';
comment on column worker.file_removals.available_at is
'From then on it may be claimed; moves on when it is, so that a service that died is made up for.';

create index file_removals_available_at_idx on worker.file_removals (available_at);

create function private.request_file_removal()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into worker.file_removals (bucket, storage_path)
  select bucket, storage_path from removed
  on conflict do nothing;
  return null;
end;
$$;
comment on function private.request_file_removal() is
'Trigger: the file goes after its row. Definer: clients do not enter the schema worker.';
revoke execute on function private.request_file_removal() from public;

create trigger assets_request_file_removal after delete on public.assets
referencing old table as removed
for each statement execute function private.request_file_removal();

create function private.request_removal_of_users_files()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- Whatever lies in the user's folder, registered or not. The range serves storage's index.
  insert into worker.file_removals (bucket, storage_path)
  select objects.bucket_id, objects.name
  from removed
  cross join storage.buckets
  inner join storage.objects
    on objects.bucket_id = buckets.id
    and objects.name collate "C" >= removed.user_id || '/'
    and objects.name collate "C" < removed.user_id || '0'
  on conflict do nothing;
  return null;
end;
$$;
comment on function private.request_removal_of_users_files() is
'Trigger: a deleted user''s files go, too, also those that have no row. Definer: see above.';
revoke execute on function private.request_removal_of_users_files() from public;

create trigger profiles_request_removal_of_files after delete on public.profiles
referencing old table as removed
for each statement execute function private.request_removal_of_users_files();

create function private.describe_upload()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_metadata jsonb;
  v_kind text;
begin
  select metadata into v_metadata from storage.objects
  where bucket_id = new.bucket and name = new.storage_path;
  if not found or not starts_with(new.storage_path, new.user_id::text || '/') then
    raise exception 'There is no upload at % in bucket %.', new.storage_path, new.bucket
      using errcode = 'PT404', hint = 'upload_not_found';
  end if;
  new.mime_type := lower(trim(split_part(v_metadata ->> 'mimetype', ';', 1)));
  new.size_bytes := (v_metadata ->> 'size')::bigint;
  v_kind := split_part(new.mime_type, '/', 1);
  if new.kind::text <> (
    case when v_kind in ('image', 'video', 'audio') then v_kind else 'document' end
  ) then
    raise exception 'kind: the upload is %, not %.', new.mime_type, new.kind
      using errcode = 'PT400', hint = 'kind_does_not_fit';
  end if;
  return new;
end;
$$;
comment on function private.describe_upload() is
'Trigger: fills type and size of an upload from storage. Definer: answers for the path asked for,'
' and only inside the owner''s own folder. Raises PT404 upload_not_found, PT400 kind_does_not_fit.';
revoke execute on function private.describe_upload() from public;

-- The services state type and size themselves; a client cannot, and gets them from storage.
create trigger assets_describe_upload before insert on public.assets
for each row when (new.mime_type is null)
execute function private.describe_upload();

create function private.refuse_removed_upload()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- After the insert, which may have waited for the deletion of the row that was there before.
  if exists (
    select from worker.file_removals
    where bucket = new.bucket and storage_path = new.storage_path
  ) then
    raise exception 'The upload at % is being removed; upload under another path.', new.storage_path
      using errcode = 'PT409', hint = 'upload_is_being_removed';
  end if;
  return null;
end;
$$;
comment on function private.refuse_removed_upload() is
'Trigger: no row for a file that is about to go. Definer: clients do not enter the schema worker. '
'Raises PT409 upload_is_being_removed.';
revoke execute on function private.refuse_removed_upload() from public;

create trigger assets_refuse_removed_upload after insert on public.assets
for each row when (current_user = 'authenticated')
execute function private.refuse_removed_upload();

create table public.job_assets (
  job_id uuid not null,
  asset_id uuid not null,
  role public.asset_role not null,
  user_id uuid not null default auth.uid(),
  position integer not null default 0,
  created_at timestamptz not null default now(),
  primary key (job_id, asset_id, role),
  constraint job_assets_job_is_the_owners foreign key (job_id, user_id)
  references public.generation_jobs (id, user_id) on delete cascade,
  constraint job_assets_asset_is_the_owners foreign key (asset_id, user_id)
  references public.assets (id, user_id) on delete cascade,
  constraint job_assets_position_is_not_negative check (position between 0 and 999)
);
comment on table public.job_assets is 'Which files went into a job and which came out of it.';
comment on column public.job_assets.user_id is 'Owner of both ends; ties them together.';
comment on column public.job_assets.position is 'Order among those of one role, from 0.';

create index job_assets_user_id_job_id_idx on public.job_assets (user_id, job_id);
create index job_assets_asset_id_user_id_idx on public.job_assets (asset_id, user_id);

create function private.check_job_input()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_kind public.asset_kind;
  v_limit integer := 1;
begin
  select kind into v_kind from public.assets
  where id = new.asset_id and user_id = new.user_id and hidden_at is null
    and not exists (
      select from public.projects
      where projects.id = assets.project_id and projects.deleted_at is not null
    );
  if not found then
    raise exception 'A reference asset does not exist.'
      using errcode = 'PT404', hint = 'reference_asset_not_found';
  end if;
  if not (
    (new.role = 'reference_image' and v_kind = 'image')
    or (new.role = 'source_video' and v_kind = 'video')
    or (new.role = 'source_audio' and v_kind in ('audio', 'video'))
  ) then
    raise exception 'An asset of kind % cannot be a %.', v_kind, new.role
      using errcode = 'PT400', hint = 'role_does_not_fit';
  end if;

  -- The job's lock makes two inserts at once count one another. It is not waited for: a client
  -- chooses the order of its rows, and could make the services' calls part of a deadlock.
  perform 1 from public.generation_jobs
  where id = new.job_id and user_id = new.user_id for no key update skip locked;
  if not found and exists (
    select from public.generation_jobs where id = new.job_id and user_id = new.user_id
  ) then
    raise exception 'The job is being changed at this moment; try again.'
      using errcode = 'PT409', hint = 'job_is_busy';
  end if;
  if new.role = 'reference_image' then
    select models.max_reference_images into v_limit
    from public.generation_jobs as jobs
    inner join public.models on models.id = jobs.model_id
    where jobs.id = new.job_id;
  end if;
  if (select count(*) from public.job_assets where job_id = new.job_id and role = new.role)
    >= v_limit
  then
    raise exception 'The model takes no more than % of %.', v_limit, new.role
      using errcode = 'PT400', hint = 'too_many_inputs',
        detail = json_build_object('role', new.role, 'max', v_limit)::text;
  end if;
  return new;
end;
$$;
comment on function private.check_job_input() is
'Trigger: what goes into a job is there, fits its role and the model''s limits. Definer: it locks '
'the job. Raises PT404 reference_asset_not_found; PT400 role_does_not_fit, too_many_inputs; PT409 '
'job_is_busy.';
revoke execute on function private.check_job_input() from public;

create function private.is_input_of_active_job(p_asset_id uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select from public.job_assets
    inner join public.generation_jobs as jobs on jobs.id = job_assets.job_id
    where job_assets.asset_id = p_asset_id
      and job_assets.role in ('reference_image', 'source_video', 'source_audio')
      and jobs.finished_at is null and jobs.status <> 'pending'
  )
  -- Or it came out of a job that one waited for, or still waits beside.
  or exists (
    select from public.job_assets as made
    inner join public.job_dependencies as dependencies
      on dependencies.depends_on_job_id = made.job_id and dependencies.user_id = made.user_id
    inner join public.generation_jobs as children on children.id = dependencies.job_id
    where made.asset_id = p_asset_id
      and made.role not in ('reference_image', 'source_video', 'source_audio')
      and children.finished_at is null
  );
$$;
comment on function private.is_input_of_active_job is
'Whether a job that is charged and not done yet needs the asset, as an input of its own or as the '
'result of a job that it depends on.';

create function private.keep_inputs()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if private.is_input_of_active_job(old.id) then
    raise exception 'A job that has not ended needs this asset.'
      using errcode = 'PT409', hint = 'asset_in_use';
  end if;
  return old;
end;
$$;
comment on function private.keep_inputs() is
'Trigger: nobody takes away what a job that was charged works from, short of deleting the user. '
'Definer: looks at jobs that a client may have hidden. Raises PT409 asset_in_use.';
revoke execute on function private.is_input_of_active_job, private.keep_inputs() from public;

create trigger assets_keep_inputs before delete on public.assets
for each row when (current_user in ('authenticated', 'service_role'))
execute function private.keep_inputs();

create trigger job_assets_check_input before insert on public.job_assets
for each row when (new.role in ('reference_image', 'source_video', 'source_audio'))
execute function private.check_job_input();

alter table worker.file_removals enable row level security;
revoke all on worker.file_removals from public, anon, authenticated, service_role;
grant select, insert, update, delete on worker.file_removals to service_role;

alter table public.assets enable row level security;
alter table public.job_assets enable row level security;

create policy assets_select_owner on public.assets
for select to authenticated using (
  user_id = (select auth.uid()) and hidden_at is null
  and (
    project_id is null or project_id in (
      select projects.id from public.projects
      where projects.user_id = (select auth.uid()) and projects.deleted_at is null
    )
  )
);
create policy assets_insert_owner on public.assets
for insert to authenticated
with check (
  user_id = (select auth.uid()) and bucket in ('raw-videos', 'reference-images')
  and (
    project_id is null or project_id in (
      select projects.id from public.projects
      where projects.user_id = (select auth.uid()) and projects.deleted_at is null
    )
  )
);
create policy assets_delete_owner on public.assets
for delete to authenticated using (
  user_id = (select auth.uid()) and hidden_at is null
  and bucket in ('raw-videos', 'reference-images')
  and (
    project_id is null or project_id in (
      select projects.id from public.projects
      where projects.user_id = (select auth.uid()) and projects.deleted_at is null
    )
  )
);

-- Ids and a role: what they lead to is hidden by its own policy. To ask for the job here as well
-- would make the page that front ends show most, jobs with their files, half as slow again.
create policy job_assets_select_owner on public.job_assets
for select to authenticated using (user_id = (select auth.uid()));
-- What goes into a job may be said until a worker has begun it.
create policy job_assets_insert_owner on public.job_assets
for insert to authenticated
with check (
  user_id = (select auth.uid())
  and role in ('reference_image', 'source_video', 'source_audio')
  and job_id in (
    select generation_jobs.id from public.generation_jobs
    where
      generation_jobs.user_id = (select auth.uid())
      and generation_jobs.status in ('pending', 'queued')
  )
);
create policy job_assets_delete_owner on public.job_assets
for delete to authenticated
using (
  user_id = (select auth.uid())
  and role in ('reference_image', 'source_video', 'source_audio')
  and job_id in (
    select generation_jobs.id from public.generation_jobs
    where generation_jobs.user_id = (select auth.uid()) and generation_jobs.status = 'pending'
  )
);

revoke all on public.assets, public.job_assets from public, anon, authenticated, service_role;
grant select, delete on public.assets, public.job_assets to authenticated;
grant insert (project_id, kind, bucket, storage_path, style) on public.assets to authenticated;
grant insert (job_id, asset_id, role, position) on public.job_assets to authenticated;
grant select, insert, update, delete on public.assets, public.job_assets to service_role;
