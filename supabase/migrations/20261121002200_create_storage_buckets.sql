-- Where the files lie: private buckets with limits of size and type.
--
-- Paths are {user_id}/{job or upload id}/{file}. A user writes into raw-videos and reference-images
-- inside the folder of their own id, and reads inside that folder everywhere. Results are written
-- by the services alone, and are there for their owner once the job has ended well: a file that is
-- stored but not yet paid for is not. Nobody lists or reads another's folder; links for others are
-- signed.

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

create policy reelbase_objects_select_owner on storage.objects
for select to authenticated using (
  (storage.foldername(name))[1] = (select auth.uid())::text
  and (
    bucket_id in ('raw-videos', 'reference-images')
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
'(max_rows). Asked by the policies before an upload, whose size is not known yet: the one that '
'passes the limit is the last. Definer: counts all the caller''s files and reads the plan.';
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
