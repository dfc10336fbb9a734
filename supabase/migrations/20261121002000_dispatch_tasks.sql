-- What dispatchers call. Each function that changes a job asks for the lease's token, and a token
-- that ran out changes nothing. Each may be called twice with the same arguments, because a call
-- over HTTP may be sent twice. Definer, all of them: the services write no money and no state by
-- hand.
--
-- Lock order: the owner's profile, the job's project and campaign (shared), account, job, task; of
-- several jobs, by user and id. claim_tasks locks job and task without ever waiting.

create type worker.claimed_task as (
  job_id uuid,
  user_id uuid,
  step worker.task_step,
  attempt smallint,
  max_attempts smallint,
  lease_expires_at timestamptz,
  provider text,
  provider_model text,
  provider_job_id text,
  previous_outcome text,
  kind public.generation_kind,
  mode public.generation_mode,
  model_id text,
  prompt text,
  negative_prompt text,
  audio_instructions text,
  art_style text,
  aspect_ratio text,
  resolution text,
  duration_seconds numeric,
  output_count integer,
  parameters jsonb,
  inputs jsonb
);
comment on type worker.claimed_task is 'All that a dispatcher needs to know to work on a job.';
comment on column worker.claimed_task.previous_outcome is
'How the attempt before this one ended; lost: its provider may have been called, nobody knows.';

create function worker.claim_tasks(
  p_lease uuid,
  p_worker text,
  p_providers text[],
  p_limit integer default 1,
  p_lease_seconds integer default 60
)
returns setof worker.claimed_task
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- One call with a token at a time, and one claim a token: a call sent twice claims once, and one
  -- that arrives when all is over claims nothing that nobody would then work on.
  perform pg_advisory_xact_lock(hashtextextended(p_lease::text, 0));
  if not exists (select from worker.attempts where lease = p_lease) then
    with ready as (
      select tasks.job_id, tasks.step
      from worker.tasks
      inner join public.generation_jobs as jobs on jobs.id = tasks.job_id
      where tasks.provider = any(p_providers)
        and tasks.available_at <= private.now()
        and (tasks.step <> 'submit' or jobs.attempt_count < jobs.max_attempts)
      order by tasks.priority desc, tasks.created_at
      limit p_limit
      for no key update of jobs, tasks skip locked
    ),
    claimed as (
      update worker.tasks
      set lease = p_lease, worker = p_worker,
          available_at = private.now() + make_interval(secs => p_lease_seconds)
      from ready
      where tasks.job_id = ready.job_id
    ),
    begun as (
      update public.generation_jobs as jobs
      set status = 'starting', attempt_count = jobs.attempt_count + 1
      from ready
      where jobs.id = ready.job_id and ready.step = 'submit'
      returning jobs.id, jobs.attempt_count, jobs.provider
    ),
    lost as (
      update worker.attempts
      set outcome = 'lost', finished_at = clock_timestamp()
      from begun
      where attempts.job_id = begun.id and attempts.outcome = 'running'
    ),
    recorded as (
      insert into worker.attempts (job_id, attempt, lease, worker, provider)
      select begun.id, begun.attempt_count, p_lease, p_worker, begun.provider from begun
      on conflict (job_id, attempt) do update
      set lease = excluded.lease, worker = excluded.worker, outcome = 'running',
          started_at = excluded.started_at, finished_at = null
    )
    update worker.attempts
    set lease = p_lease, worker = p_worker
    from ready
    where ready.step <> 'submit' and attempts.job_id = ready.job_id
      and attempts.outcome = 'running';
  end if;

  return query
  select
    tasks.job_id, tasks.user_id, tasks.step, jobs.attempt_count, jobs.max_attempts,
    tasks.available_at, jobs.provider, models.provider_model, jobs.provider_job_id,
    (
      select attempts.outcome from worker.attempts
      where attempts.job_id = jobs.id and attempts.attempt = jobs.attempt_count - 1
    ),
    jobs.kind, jobs.mode, jobs.model_id, jobs.prompt, jobs.negative_prompt, jobs.audio_instructions,
    jobs.art_style, jobs.aspect_ratio, jobs.resolution, jobs.duration_seconds::numeric,
    jobs.output_count, jobs.parameters,
    coalesce((
      select jsonb_agg(
        jsonb_build_object(
          'role', job_assets.role, 'bucket', assets.bucket, 'storage_path', assets.storage_path,
          'mime_type', assets.mime_type, 'position', job_assets.position
        )
        order by job_assets.position
      )
      from public.job_assets
      inner join public.assets on assets.id = job_assets.asset_id
      where job_assets.job_id = jobs.id
        and job_assets.role in ('reference_image', 'source_video', 'source_audio')
    ), '[]')
  from worker.tasks
  inner join public.generation_jobs as jobs on jobs.id = tasks.job_id
  inner join public.models on models.id = jobs.model_id
  where tasks.lease = p_lease and tasks.available_at > private.now()
  order by tasks.priority desc, tasks.created_at;
end;
$$;
comment on function worker.claim_tasks is
'Gives up to p_limit tasks of the named providers to the caller for p_lease_seconds, highest '
'priority first, then oldest, and writes the attempt down. p_lease is a fresh token; the same '
'token again returns the same tasks and claims no more. Takes over what lost its lease. Never '
'waits for a lock.';

create function private.require_lease(p_job_id uuid, p_lease uuid)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform 1 from worker.tasks
  where job_id = p_job_id and lease = p_lease and available_at > private.now()
  for update;
  if not found then
    raise exception 'The lease on this job is no longer held.'
      using errcode = 'PT409', hint = 'lease_lost';
  end if;
end;
$$;
comment on function private.require_lease is
'Locks the job''s task if p_lease holds it and has not run out. Raises PT409 lease_lost.';
revoke execute on function private.require_lease from public;

create function worker.extend_leases(p_held jsonb, p_lease_seconds integer default 60)
returns setof uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_held uuid[];
begin
  -- Everybody's leases in one call: it must wait for nobody. What somebody else has locked at this
  -- moment is held as yet, and the next call will tell what became of it.
  v_held := array(
    select tasks.job_id
    from jsonb_to_recordset(p_held) as held (job_id uuid, lease uuid)
    inner join worker.tasks on tasks.job_id = held.job_id and tasks.lease = held.lease
    where tasks.available_at > private.now()
  );
  update worker.tasks
  set available_at = private.now() + make_interval(secs => p_lease_seconds)
  from (
    select locked.job_id
    from jsonb_to_recordset(p_held) as held (job_id uuid, lease uuid)
    inner join worker.tasks as locked on locked.job_id = held.job_id and locked.lease = held.lease
    where locked.available_at > private.now()
    for update of locked skip locked
  ) as free
  where tasks.job_id = free.job_id;

  -- Progress is for the eye: a job that somebody else has locked goes without.
  update public.generation_jobs as jobs
  set progress = ready.progress
  from (
    select locked.id, held.progress
    from jsonb_to_recordset(p_held) as held (job_id uuid, progress smallint)
    inner join public.generation_jobs as locked on locked.id = held.job_id
    where locked.id = any(v_held) and locked.status in ('starting', 'processing', 'finalizing')
      and held.progress between locked.progress + 1 and 99
    for no key update of locked skip locked
  ) as ready
  where jobs.id = ready.id;

  return query select unnest(v_held);
end;
$$;
comment on function worker.extend_leases is
'Extends leases ([{job_id, lease, progress}]) and notes progress, which only grows. Returns the '
'jobs still held: one that is missing was cancelled, ended or taken over.';

create function worker.advance_job(
  p_job_id uuid,
  p_lease uuid,
  p_status public.job_status,
  p_provider_job_id text default null,
  p_poll_after_seconds numeric default null
)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_job public.generation_jobs;
begin
  if p_status not in ('processing', 'finalizing') then
    raise exception 'A job is advanced to processing or finalizing, not to %.', p_status
      using errcode = 'PT400', hint = 'status_not_allowed';
  end if;
  v_job := private.lock_job(p_job_id, false);
  -- Sent twice: the first call gave the lease up, and what it said stands.
  if p_poll_after_seconds is not null and exists (
    select from worker.attempts
    inner join worker.tasks on tasks.job_id = attempts.job_id
    where attempts.job_id = p_job_id and attempts.lease = p_lease
      and attempts.provider_job_id = coalesce(p_provider_job_id, attempts.provider_job_id)
      and tasks.step = 'poll' and tasks.lease is null
  ) then
    return;
  end if;
  perform private.require_lease(p_job_id, p_lease);
  if v_job.status = 'finalizing' and p_status = 'processing' then
    p_status := 'finalizing';  -- a call delivered late, or a job put aside again: it does not go back
  end if;
  if v_job.status <> p_status
    or v_job.provider_job_id is distinct from coalesce(p_provider_job_id, v_job.provider_job_id)
  then
    update public.generation_jobs
    set status = p_status, provider_job_id = coalesce(p_provider_job_id, provider_job_id)
    where id = p_job_id;
  end if;
  if p_provider_job_id is not null then
    update worker.attempts set provider_job_id = p_provider_job_id
    where job_id = p_job_id and lease = p_lease;
  end if;
  if p_poll_after_seconds is not null then
    update worker.tasks
    set step = 'poll', lease = null, worker = null,
        available_at = private.now() + make_interval(secs => p_poll_after_seconds)
    where job_id = p_job_id;
  elsif p_status = 'finalizing' then
    update worker.tasks set step = case when v_job.provider_job_id is null then step else 'collect' end
    where job_id = p_job_id;
  end if;
end;
$$;
comment on function worker.advance_job is
'Says that the provider has the job (processing) or that its outputs are being stored '
'(finalizing). With p_poll_after_seconds the task is parked until then and the lease given up. '
'Raises PT409 lease_lost.';

create function worker.complete_job(p_job_id uuid, p_lease uuid, p_assets jsonb)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_job public.generation_jobs;
  v_asset record;
  v_asset_id uuid;
  v_thumbnail_id uuid;
  v_folder text;
begin
  v_job := private.lock_job(p_job_id, false);
  if exists (
    select from worker.attempts
    where job_id = p_job_id and lease = p_lease and outcome = 'succeeded'
  ) then
    return;
  end if;
  perform private.require_lease(p_job_id, p_lease);
  if jsonb_typeof(p_assets) is distinct from 'array' or jsonb_array_length(p_assets) = 0 then
    raise exception 'A job is completed with at least one output.'
      using errcode = 'PT400', hint = 'no_outputs';
  end if;
  v_folder := v_job.user_id || '/' || v_job.id || '/';

  for v_asset in
    select * from jsonb_to_recordset(p_assets) as asset (
      role public.asset_role, bucket text, storage_path text, mime_type text, size_bytes bigint,
      sha256 text, width integer, height integer, duration_ms integer, style text,
      position integer, thumbnail jsonb
    )
  loop
    -- Results lie where the services alone write: what a user could replace is not a result.
    if not starts_with(v_asset.storage_path, v_folder)
      or not starts_with(coalesce(v_asset.thumbnail ->> 'storage_path', v_folder), v_folder)
      or v_asset.bucket not in ('final-videos', 'final-images', 'thumbnails', 'voiceovers')
      or coalesce(v_asset.thumbnail ->> 'bucket', 'thumbnails') <> 'thumbnails'
    then
      raise exception 'Output % in % is not in the job''s folder of a results bucket.',
        v_asset.storage_path, v_asset.bucket
        using errcode = 'PT400', hint = 'storage_path_not_allowed';
    end if;

    v_thumbnail_id := null;
    if jsonb_typeof(v_asset.thumbnail) = 'object' then
      insert into public.assets (
        user_id, project_id, kind, bucket, storage_path, mime_type, size_bytes, sha256, width, height
      )
      select
        v_job.user_id, v_job.project_id, 'image', thumbnail.bucket, thumbnail.storage_path,
        thumbnail.mime_type, thumbnail.size_bytes, thumbnail.sha256, thumbnail.width,
        thumbnail.height
      from jsonb_to_record(v_asset.thumbnail) as thumbnail (
        bucket text, storage_path text, mime_type text, size_bytes bigint, sha256 text,
        width integer, height integer
      )
      returning id into v_thumbnail_id;
      insert into public.job_assets (job_id, asset_id, role, user_id, position)
      values (
        v_job.id, v_thumbnail_id, 'thumbnail', v_job.user_id, coalesce(v_asset.position, 0)
      );
    end if;

    insert into public.assets (
      user_id, project_id, kind, bucket, storage_path, mime_type, size_bytes, sha256, width, height,
      duration_ms, style, thumbnail_id
    )
    values (
      v_job.user_id, v_job.project_id,
      case split_part(v_asset.mime_type, '/', 1)
        when 'image' then 'image' when 'video' then 'video' when 'audio' then 'audio'
        else 'document'
      end::public.asset_kind,
      v_asset.bucket, v_asset.storage_path, v_asset.mime_type, v_asset.size_bytes, v_asset.sha256,
      v_asset.width, v_asset.height, v_asset.duration_ms, v_asset.style, v_thumbnail_id
    )
    returning id into v_asset_id;
    insert into public.job_assets (job_id, asset_id, role, user_id, position)
    values (v_job.id, v_asset_id, v_asset.role, v_job.user_id, coalesce(v_asset.position, 0));
  end loop;

  update worker.attempts set outcome = 'succeeded', finished_at = clock_timestamp()
  where job_id = p_job_id and lease = p_lease;
  update public.generation_jobs
  set status = 'completed', error_code = null, error_message = null
  where id = p_job_id;
end;
$$;
comment on function worker.complete_job is
'Ends a job well: writes its assets ([{role, bucket, storage_path, mime_type, size_bytes, sha256,'
' width, height, duration_ms, style, position, thumbnail}]), settles its charge. The same lease '
'again changes nothing. Raises PT409 lease_lost, PT400 no_outputs or storage_path_not_allowed.';

create function worker.fail_job(
  p_job_id uuid,
  p_lease uuid,
  p_error_code text,
  p_error_message text,
  p_retry boolean,
  p_retry_after_seconds numeric default null
)
returns public.job_status
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_job public.generation_jobs;
  v_settings private.settings;
  v_wait interval;
  v_code text := coalesce(nullif(p_error_code, ''), 'unknown_error');
  v_message text := coalesce(nullif(p_error_message, ''), 'The job failed.');
begin
  v_job := private.lock_job(p_job_id, true);
  if exists (
    select from worker.attempts
    where job_id = p_job_id and lease = p_lease and outcome = 'failed'
  ) then
    return v_job.status;
  end if;
  perform private.require_lease(p_job_id, p_lease);

  update worker.attempts
  set outcome = 'failed', error_code = v_code, error_message = v_message,
      finished_at = clock_timestamp()
  where job_id = p_job_id and lease = p_lease;

  if p_retry and v_job.attempt_count < v_job.max_attempts then
    select * into v_settings from private.settings;
    -- Half of the wait is chance, so that jobs that failed together do not come back together.
    v_wait := coalesce(
      make_interval(secs => p_retry_after_seconds),
      least(
        v_settings.retry_backoff * 2 ^ (v_job.attempt_count - 1), v_settings.retry_backoff_limit
      ) * (0.5 + random() / 2)
    );
    if v_job.provider_job_id is not null then
      -- The provider has it, and a second submission would be a second bill: ask it again. That
      -- counts as an attempt too, or it could go on for ever.
      update public.generation_jobs
      set attempt_count = attempt_count + 1, error_code = v_code, error_message = v_message
      where id = p_job_id;
      insert into worker.attempts (job_id, attempt, lease, worker, provider, provider_job_id)
      select job_id, attempt + 1, lease, worker, provider, v_job.provider_job_id
      from worker.attempts where job_id = p_job_id and attempt = v_job.attempt_count;
      update worker.tasks
      set step = 'poll', lease = null, worker = null, available_at = private.now() + v_wait
      where job_id = p_job_id;
      return v_job.status;
    end if;
    update public.generation_jobs
    set status = 'queued', error_code = v_code, error_message = v_message
    where id = p_job_id;
    update worker.tasks
    set step = 'submit', lease = null, worker = null, available_at = private.now() + v_wait
    where job_id = p_job_id;
    return 'queued'::public.job_status;
  end if;

  update public.generation_jobs
  set status = 'failed', error_code = v_code, error_message = v_message
  where id = p_job_id;
  return 'failed'::public.job_status;
end;
$$;
comment on function worker.fail_job is
'Ends an attempt badly. With p_retry, and while attempts are left, the job waits '
'(p_retry_after_seconds or a growing backoff) and is tried again: submitted if its provider never '
'had it, else looked up; else it fails and is refunded. Returns the job''s state. The same lease '
'again changes nothing. Raises PT409 lease_lost.';

create function worker.release_tasks(p_held jsonb)
returns setof uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_held record;
begin
  for v_held in
    select tasks.job_id, tasks.lease, tasks.step
    from jsonb_to_recordset(p_held) as held (job_id uuid, lease uuid)
    inner join worker.tasks on tasks.job_id = held.job_id and tasks.lease = held.lease
    inner join public.generation_jobs as jobs on jobs.id = tasks.job_id
    where tasks.available_at > private.now()
    for no key update of jobs, tasks skip locked
  loop
    update worker.tasks
    set lease = null, worker = null, available_at = private.now()
    where job_id = v_held.job_id and lease = v_held.lease;
    continue when not found;  -- named twice
    -- What was submitted stays submitted: only a task that had not got that far starts again.
    if v_held.step = 'submit' then
      update public.generation_jobs
      set status = 'queued', attempt_count = attempt_count - 1
      where id = v_held.job_id;
      update worker.attempts set outcome = 'handed_back', finished_at = clock_timestamp()
      where job_id = v_held.job_id and lease = v_held.lease;
    end if;
    perform pg_catalog.pg_notify('reelbase_tasks', '');
    return next v_held.job_id;
  end loop;
end;
$$;
comment on function worker.release_tasks is
'Hands tasks ([{job_id, lease}]) back unharmed: the attempt does not count. Returns those that '
'were held. Never waits for a lock: what somebody else has locked comes back when its lease ends.';

create function worker.fail_exhausted_jobs(p_limit integer default 1)
returns setof uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_candidate record;
  v_job public.generation_jobs;
begin
  for v_candidate in
    select tasks.job_id, tasks.user_id
    from worker.tasks
    inner join public.generation_jobs as jobs on jobs.id = tasks.job_id
    where tasks.step = 'submit' and tasks.available_at <= private.now()
      and jobs.attempt_count >= jobs.max_attempts
    order by tasks.user_id, tasks.job_id
    limit p_limit
  loop
    -- Looked at again under lock: it may have ended or been extended meanwhile.
    v_job := private.lock_job(v_candidate.job_id, true);
    continue when v_job.attempt_count < v_job.max_attempts;
    perform 1 from worker.tasks
    where job_id = v_candidate.job_id and step = 'submit' and available_at <= private.now()
    for update;
    continue when not found;
    update worker.attempts set outcome = 'lost', finished_at = clock_timestamp()
    where job_id = v_candidate.job_id and outcome = 'running';
    update public.generation_jobs
    set status = 'failed', error_code = 'attempts_exhausted',
        error_message = 'The job was tried as often as allowed and never finished.'
    where id = v_candidate.job_id;
    return next v_candidate.job_id;
  end loop;
end;
$$;
comment on function worker.fail_exhausted_jobs is
'Fails, with refund, jobs whose last attempt was lost together with its dispatcher. Dispatchers '
'call it now and then, until it returns nothing. One at a time by default: each takes the locks of '
'its owner, and who holds those of one must not wait for another''s.';

revoke execute on all functions in schema worker from public, anon, authenticated;
grant execute on all functions in schema worker to service_role;
