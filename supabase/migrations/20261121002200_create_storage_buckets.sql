-- Where the files lie: private buckets with limits of size and type.
--
-- Paths are {user_id}/{job or upload id}/{file}. A user writes into raw-videos and reference-images
-- inside the folder of their own id, and reads inside that folder everywhere. Results are written
-- by the services alone, and are there for their owner once the job has ended well: a file that is
-- stored but not yet paid for is not. Nobody lists or reads another's folder; links for others are
-- signed. What lies in a deleted project is out of its owner's sight.
--
-- The policies ask before an upload whether there is room for one more. They cannot do more: its
-- size is not known yet, uploads that begin together do not see one another, and an address that
-- was signed for a later upload is used with the storage server's rights, whenever that is. So a
-- trigger counts again when the row is written, one upload of a user after another, and refuses
-- what passes the plan. By then the bytes have been sent: the storage server writes the row last,
-- and drops the file when the row is refused.

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values
(
  'raw-videos', 'raw-videos', false, 2147483648,
  array['video/mp4', 'video/quicktime', 'video/webm', 'audio/mpeg', 'audio/mp4', 'audio/wav']
),
(
  'reference-images', 'reference-images', false, 20971520,
  array['image/png', 'image/jpeg', 'image/webp']
),
('final-videos', 'final-videos', false, 5368709120, array['video/mp4', 'video/webm']),
(
  'final-images', 'final-images', false, 104857600,
  array['image/png', 'image/jpeg', 'image/webp']
),
('thumbnails', 'thumbnails', false, 5242880, array['image/jpeg', 'image/png', 'image/webp']),
('voiceovers', 'voiceovers', false, 209715200, array['audio/mpeg', 'audio/wav', 'audio/mp4'])
on conflict (id) do update
  set
    public = excluded.public,
    file_size_limit = excluded.file_size_limit,
    allowed_mime_types = excluded.allowed_mime_types;

create function private.is_hidden_upload(p_bucket text, p_path text)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return exists (
    select from public.assets
    left join public.projects on projects.id = assets.project_id
    where assets.bucket = p_bucket and assets.storage_path = p_path
      and assets.user_id = (select auth.uid())
      and (assets.hidden_at is not null or projects.deleted_at is not null)
  );
end;
$$;
comment on function private.is_hidden_upload is
'Whether a file is an asset that was hidden, or of a project that was deleted. Asked by the policy '
'about the caller''s own files, and knows of no others. Definer: the caller does not see what is '
'hidden.';
revoke execute on function private.is_hidden_upload from public;
grant execute on function private.is_hidden_upload to authenticated;

create policy reelbase_objects_select_owner on storage.objects
for select to authenticated using (
  (storage.foldername(name))[1] = (select auth.uid())::text
  and (
    (
      bucket_id in ('raw-videos', 'reference-images')
      and not private.is_hidden_upload(bucket_id, name)
    )
    or (
      bucket_id in ('final-videos', 'final-images', 'thumbnails', 'voiceovers')
      and (
        select true from public.assets
        where assets.bucket = objects.bucket_id and assets.storage_path = objects.name
      )
    )
  )
);
create function private.has_room_for_uploads()
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  -- A token outlives its user by up to an hour; nobody without a profile has room.
  select coalesce((
    select uploads.bytes < plans.max_storage_bytes and uploads.files < plans.max_rows
    from public.profiles
    inner join public.subscription_plans as plans on plans.tier = profiles.subscription_tier
    cross join lateral (
      select
        count(*) as files, coalesce(sum((objects.metadata ->> 'size')::bigint), 0) as bytes
      from storage.objects
      where objects.bucket_id in ('raw-videos', 'reference-images')
        and objects.name collate "C" >= profiles.user_id || '/'
        and objects.name collate "C" < profiles.user_id || '0'
    ) as uploads
    where profiles.user_id = (select auth.uid()) and profiles.deleted_at is null
  ), false);
$$;
comment on function private.has_room_for_uploads() is
'Whether the caller''s uploads are within the plan: bytes (max_storage_bytes) and number '
'(max_rows). Asked by the policies before an upload, whose size is not known yet. Definer: counts '
'all the caller''s files and reads the plan.';
revoke execute on function private.has_room_for_uploads() from public;
grant execute on function private.has_room_for_uploads() to authenticated;

create policy reelbase_objects_insert_owner on storage.objects
for insert to authenticated with check (
  bucket_id in ('raw-videos', 'reference-images')
  and (storage.foldername(name))[1] = (select auth.uid())::text
  and name !~ '(^|/)[.]{0,2}(/|$)'
  and (select private.has_room_for_uploads())
);
create policy reelbase_objects_update_owner on storage.objects
for update to authenticated
using (
  bucket_id in ('raw-videos', 'reference-images')
  and (storage.foldername(name))[1] = (select auth.uid())::text
)
with check (
  bucket_id in ('raw-videos', 'reference-images')
  and (storage.foldername(name))[1] = (select auth.uid())::text
  and name !~ '(^|/)[.]{0,2}(/|$)'
  and (select private.has_room_for_uploads())
);
create policy reelbase_objects_delete_owner on storage.objects
for delete to authenticated using (
  bucket_id in ('raw-videos', 'reference-images')
  and (storage.foldername(name))[1] = (select auth.uid())::text
);

create function private.limit_uploads()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_folder text := (storage.foldername(new.name))[1];
begin
  -- No policy lets a user write, or sign an address, outside of a folder with an id for its name.
  if (v_folder ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$') is not true then
    return null;
  end if;
  perform pg_advisory_xact_lock(hashtextextended('limit_uploads ' || v_folder, 0));
  if not exists (
    select from public.profiles
    inner join public.subscription_plans as plans on plans.tier = profiles.subscription_tier
    cross join lateral (
      select
        count(*) as files, coalesce(sum((objects.metadata ->> 'size')::bigint), 0) as bytes
      from storage.objects
      where objects.bucket_id in ('raw-videos', 'reference-images')
        and objects.name collate "C" >= profiles.user_id || '/'
        and objects.name collate "C" < profiles.user_id || '0'
    ) as uploads
    where profiles.user_id = v_folder::uuid and profiles.deleted_at is null
      and uploads.bytes <= plans.max_storage_bytes and uploads.files <= plans.max_rows
  ) then
    -- The code by which the storage server answers 403.
    raise exception 'The upload passes what the plan of its folder''s owner allows.'
      using errcode = '42501', hint = 'storage_limit_reached';
  end if;
  return null;
end;
$$;
comment on function private.limit_uploads() is
'Trigger: what is uploaded into a user''s folder, by whomever, is within the user''s plan. Locks '
'the folder against other uploads. Definer: the storage server may not read plans. Raises 42501 '
'storage_limit_reached.';
revoke execute on function private.limit_uploads() from public;

create trigger reelbase_limit_uploads
after insert on storage.objects
for each row when (new.bucket_id in ('raw-videos', 'reference-images'))
execute function private.limit_uploads();
-- What is moved here or grows; a plan that was passed already keeps nothing else from being noted.
create trigger reelbase_limit_changed_uploads
after update of bucket_id, name, metadata on storage.objects
for each row when (
  new.bucket_id in ('raw-videos', 'reference-images')
  and (
    (new.bucket_id, new.name) is distinct from (old.bucket_id, old.name)
    or (new.metadata ->> 'size')::bigint > coalesce((old.metadata ->> 'size')::bigint, 0)
  )
)
execute function private.limit_uploads();
