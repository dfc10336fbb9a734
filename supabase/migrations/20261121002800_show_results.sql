-- What was made, shown the way a front end lists it.
--
-- An image or video is an asset, a generated one the result of a job: nothing here is stored twice.
-- The views ask as their reader, under the policies of jobs and assets, so that what is hidden
-- there is hidden here. Each is written for one question, a user's newest 20: one walk along the
-- index of (user_id, created_at) with a few look-ups a row. Files are named by bucket and path,
-- never by an address.
--
-- Drafts are no generations, dropped ones neither. A job without a result has a row all the same,
-- with nulls, and says why in `message`. Thumbnails have a bucket of their own, and are shown
-- beside what they are of, never as something that was made.

-- A file comes out of one job, once. It tells the planner, too, that a look-up adds no rows.
create unique index job_assets_one_maker_key on public.job_assets (asset_id)
where role not in ('reference_image', 'source_video', 'source_audio');

-- Most users have few files and some have thousands. For those, and nobody else would notice, a
-- plan that begins by reading all of a user's links is slow; the average would suggest it.
alter table public.job_assets alter column user_id set (n_distinct = 50);

create table public.video_source_images (
  video_id uuid not null,
  position integer not null,
  image_id uuid not null,
  user_id uuid not null,
  duration_ms integer,
  created_at timestamptz not null default now(),
  primary key (video_id, position),
  constraint video_source_images_video_is_the_owners foreign key (video_id, user_id)
  references public.assets (id, user_id) on delete cascade,
  constraint video_source_images_image_is_the_owners foreign key (image_id, user_id)
  references public.assets (id, user_id) on delete cascade,
  constraint video_source_images_is_not_its_own_source check (video_id <> image_id),
  constraint video_source_images_position_is_bounded check (position between 0 and 999),
  constraint video_source_images_duration_is_positive check (duration_ms > 0)
);
comment on table public.video_source_images is
'Which images, in which order, each for how long, make up a video. Written by the services.';
comment on column public.video_source_images.video_id is 'Asset: the video.';
comment on column public.video_source_images.position is 'Place in the video, from 0.';
comment on column public.video_source_images.image_id is 'Asset: the image.';
comment on column public.video_source_images.user_id is 'Owner of both; ties them together.';
comment on column public.video_source_images.duration_ms is
'Milliseconds for which it is seen; null: not known.';

create index video_source_images_user_id_video_id_idx
on public.video_source_images (user_id, video_id);
create index video_source_images_image_id_user_id_idx
on public.video_source_images (image_id, user_id);

alter table public.video_source_images enable row level security;

-- Under the assets' own policy, which hides what was deleted.
create policy video_source_images_select_owner on public.video_source_images
for select to authenticated using (
  user_id = (select auth.uid())
  and (select true from public.assets where assets.id = video_source_images.video_id)
);

-- ---------------------------------------------------------------------------------------------
-- Files
-- ---------------------------------------------------------------------------------------------

create view public.images
with (security_invoker = true)
as
select
  assets.id,
  assets.user_id,
  assets.project_id,
  made.job_id,
  assets.bucket,
  assets.storage_path,
  (
    select thumbnails.bucket
    from public.assets as thumbnails where thumbnails.id = assets.thumbnail_id
  ) as thumbnail_bucket,
  (
    select thumbnails.storage_path
    from public.assets as thumbnails where thumbnails.id = assets.thumbnail_id
  ) as thumbnail_path,
  assets.width,
  assets.height,
  split_part(assets.mime_type, '/', 2) as format,
  assets.style,
  (assets.width / gcd(assets.width, assets.height))
  || ':' || (assets.height / gcd(assets.width, assets.height)) as aspect_ratio,
  assets.size_bytes,
  assets.created_at,
  assets.updated_at
from public.assets
left join public.job_assets as made
  on
    assets.id = made.asset_id
    and made.role not in ('reference_image', 'source_video', 'source_audio')
where assets.kind = 'image' and assets.bucket <> 'thumbnails';
comment on view public.images is
'Images, uploaded and generated. Shows the reader''s own; order by created_at.';
comment on column public.images.job_id is 'The job that made it; null: it was uploaded.';
comment on column public.images.format is 'From the file''s type: png, jpeg, webp, ...';
comment on column public.images.aspect_ratio is 'Width to height, reduced: 16:9.';

create view public.videos
with (security_invoker = true)
as
select
  assets.id,
  assets.user_id,
  assets.project_id,
  made.job_id,
  assets.bucket,
  assets.storage_path,
  (
    select thumbnails.bucket
    from public.assets as thumbnails where thumbnails.id = assets.thumbnail_id
  ) as thumbnail_bucket,
  (
    select thumbnails.storage_path
    from public.assets as thumbnails where thumbnails.id = assets.thumbnail_id
  ) as thumbnail_path,
  round(assets.duration_ms / 1000.0, 3) as duration,
  assets.width,
  assets.height,
  split_part(assets.mime_type, '/', 2) as format,
  assets.style,
  (assets.width / gcd(assets.width, assets.height))
  || ':' || (assets.height / gcd(assets.width, assets.height)) as aspect_ratio,
  assets.size_bytes,
  assets.created_at,
  assets.updated_at
from public.assets
left join public.job_assets as made
  on
    assets.id = made.asset_id
    and made.role not in ('reference_image', 'source_video', 'source_audio')
where assets.kind = 'video';
comment on view public.videos is
'Videos, uploaded and generated. Shows the reader''s own; order by created_at.';
comment on column public.videos.job_id is 'The job that made it; null: it was uploaded.';
comment on column public.videos.duration is 'Seconds.';
comment on column public.videos.format is 'From the file''s type: mp4, webm, quicktime, ...';
comment on column public.videos.aspect_ratio is 'Width to height, reduced: 16:9.';

-- ---------------------------------------------------------------------------------------------
-- Generations
-- ---------------------------------------------------------------------------------------------

create view public.generated_images
with (security_invoker = true)
as
select
  coalesce(results.asset_id, jobs.id) as id,
  jobs.id as job_id,
  results.asset_id,
  results.position,
  jobs.user_id,
  jobs.project_id,
  jobs.prompt as visual_prompt,
  jobs.art_style,
  jobs.status = 'completed' as success,
  jobs.status,
  assets.bucket,
  assets.storage_path,
  (
    select thumbnails.bucket
    from public.assets as thumbnails where thumbnails.id = assets.thumbnail_id
  ) as thumbnail_bucket,
  (
    select thumbnails.storage_path
    from public.assets as thumbnails where thumbnails.id = assets.thumbnail_id
  ) as thumbnail_path,
  jobs.model_id as model,
  jobs.error_message as message,
  assets.size_bytes as image_size_bytes,
  case when jobs.credit_transaction_id is null then 0 else jobs.credit_cost end as credits_used,
  jobs.credit_transaction_id,
  jobs.is_refunded,
  jobs.created_at
from public.generation_jobs as jobs
left join public.job_assets as results
  on jobs.id = results.job_id and results.role = 'result_image'
left join public.assets on results.asset_id = assets.id
where
  jobs.kind = 'text_to_image' and jobs.status <> 'pending'
  and (jobs.status <> 'cancelled' or jobs.queued_at is not null);
comment on view public.generated_images is
'Generated images, one row a result, and one with nulls for a job without any. Shows the reader''s '
'own; order by created_at.';
comment on column public.generated_images.id is
'Of the row: the asset''s, or the job''s while there is no result.';
comment on column public.generated_images.job_id is 'The job.';
comment on column public.generated_images.asset_id is 'The image.';
comment on column public.generated_images.position is 'Place among the job''s results, from 0.';
comment on column public.generated_images.success is 'Whether the job is done.';
comment on column public.generated_images.message is 'What went wrong, if anything did.';
comment on column public.generated_images.credits_used is
'What the whole job was charged, whether or not it was returned; the same on each of its rows.';
comment on column public.generated_images.created_at is 'When the job was made.';

create view public.generated_videos
with (security_invoker = true)
as
select
  jobs.id,
  jobs.user_id,
  jobs.project_id,
  jobs.prompt as animation_prompt,
  jobs.art_style,
  (
    select assets.bucket
    from public.job_assets as inputs
    inner join public.assets on inputs.asset_id = assets.id
    where inputs.job_id = jobs.id and inputs.role = 'reference_image'
    order by inputs.position, inputs.asset_id
    limit 1
  ) as image_bucket,
  (
    select assets.storage_path
    from public.job_assets as inputs
    inner join public.assets on inputs.asset_id = assets.id
    where inputs.job_id = jobs.id and inputs.role = 'reference_image'
    order by inputs.position, inputs.asset_id
    limit 1
  ) as image_storage_path,
  jobs.status = 'completed' as success,
  jobs.status,
  jobs.model_id as model,
  jobs.error_message as message,
  (
    select count(*) from public.job_assets as results
    where results.job_id = jobs.id and results.role = 'result_video'
  ) as total_videos,
  case when jobs.credit_transaction_id is null then 0 else jobs.credit_cost end as credits_used,
  jobs.credit_transaction_id,
  jobs.is_refunded,
  jobs.created_at
from public.generation_jobs as jobs
where
  jobs.kind in ('text_to_video', 'image_to_video', 'video_edit') and jobs.status <> 'pending'
  and (jobs.status <> 'cancelled' or jobs.queued_at is not null);
comment on view public.generated_videos is
'Generations of videos, one row a job; their files are in generated_video_files. Shows the '
'reader''s own; order by created_at.';
comment on column public.generated_videos.id is 'The job.';
comment on column public.generated_videos.image_bucket is 'Bucket of the first reference image.';
comment on column public.generated_videos.image_storage_path is
'Path of the first reference image.';
comment on column public.generated_videos.success is 'Whether the job is done.';
comment on column public.generated_videos.message is 'What went wrong, if anything did.';
comment on column public.generated_videos.total_videos is 'How many videos came out of it so far.';
comment on column public.generated_videos.credits_used is
'What the job was charged, whether or not it was returned.';

create view public.generated_video_files
with (security_invoker = true)
as
select
  assets.id,
  results.job_id as generated_video_id,
  results.user_id,
  results.position,
  assets.project_id,
  assets.bucket,
  assets.storage_path,
  (
    select thumbnails.bucket
    from public.assets as thumbnails where thumbnails.id = assets.thumbnail_id
  ) as thumbnail_bucket,
  (
    select thumbnails.storage_path
    from public.assets as thumbnails where thumbnails.id = assets.thumbnail_id
  ) as thumbnail_path,
  round(assets.duration_ms / 1000.0, 3) as duration,
  assets.size_bytes,
  assets.created_at
from public.assets
left join public.job_assets as results
  on assets.id = results.asset_id and results.role = 'result_video'
-- What is not an upload came out of a job. The outer join keeps the walk along the index.
where assets.kind = 'video' and assets.bucket not in ('raw-videos', 'reference-images');
comment on view public.generated_video_files is
'Files of generated_videos. Shows the reader''s own; order by created_at, or by position in one.';
comment on column public.generated_video_files.id is 'The asset.';
comment on column public.generated_video_files.generated_video_id is 'generated_videos.id.';
comment on column public.generated_video_files.position is 'Place among its job''s videos, from 0.';
comment on column public.generated_video_files.duration is 'Seconds.';

create view public.generated_voiceovers
with (security_invoker = true)
as
select
  coalesce(results.asset_id, jobs.id) as id,
  jobs.id as job_id,
  results.asset_id,
  results.position,
  jobs.user_id,
  jobs.project_id,
  jobs.prompt as narration_prompt,
  jobs.status = 'completed' as success,
  jobs.status,
  assets.bucket,
  assets.storage_path,
  round(assets.duration_ms / 1000.0, 3) as duration,
  jobs.model_id as model,
  jobs.error_message as message,
  case when jobs.credit_transaction_id is null then 0 else jobs.credit_cost end as credits_used,
  jobs.credit_transaction_id,
  jobs.is_refunded,
  jobs.created_at
from public.generation_jobs as jobs
left join public.job_assets as results
  on jobs.id = results.job_id and results.role = 'result_audio'
left join public.assets on results.asset_id = assets.id
where
  jobs.kind = 'voiceover' and jobs.status <> 'pending'
  and (jobs.status <> 'cancelled' or jobs.queued_at is not null);
comment on view public.generated_voiceovers is
'Generated voice-overs, one row a result, and one with nulls for a job without any. Shows the '
'reader''s own; order by created_at.';
comment on column public.generated_voiceovers.id is
'Of the row: the asset''s, or the job''s while there is no result.';
comment on column public.generated_voiceovers.job_id is 'The job.';
comment on column public.generated_voiceovers.asset_id is 'The sound file.';
comment on column public.generated_voiceovers.position is 'Place among the job''s results, from 0.';
comment on column public.generated_voiceovers.success is 'Whether the job is done.';
comment on column public.generated_voiceovers.duration is 'Seconds.';
comment on column public.generated_voiceovers.message is 'What went wrong, if anything did.';
comment on column public.generated_voiceovers.credits_used is
'What the whole job was charged, whether or not it was returned; the same on each of its rows.';
comment on column public.generated_voiceovers.created_at is 'When the job was made.';

revoke all
on public.video_source_images, public.images, public.videos, public.generated_images,
public.generated_videos, public.generated_video_files, public.generated_voiceovers
from public, anon, authenticated, service_role;
grant select
on public.video_source_images, public.images, public.videos, public.generated_images,
public.generated_videos, public.generated_video_files, public.generated_voiceovers
to authenticated, service_role;
grant insert, update, delete on public.video_source_images to service_role;
