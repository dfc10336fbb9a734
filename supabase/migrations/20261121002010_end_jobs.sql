-- How a job ends: completed with its results, failed with a refund, or expired with one. What
-- follows from the end (events, settled charge or refund, the task's removal, the jobs that wait)
-- follows by trigger, for all jobs of a statement together: see charge_jobs.
--
-- Locks: first what all rows of the batch belong to (profiles, projects and campaigns shared, then,
-- where credits return, accounts), each in order; these are waited for, by somebody who holds
-- nothing that comes after them. Then jobs and tasks, which are not waited for.

create function private.lock_owners(p_job_ids uuid[], p_with_accounts boolean)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_owners record;
begin
  select
    array_agg(distinct jobs.user_id) as users,
    array_agg(distinct jobs.project_id) filter (where jobs.project_id is not null) as projects,
    array_agg(distinct jobs.campaign_id) filter (where jobs.campaign_id is not null) as campaigns
  into v_owners
  from public.generation_jobs as jobs
  where jobs.id = any(p_job_ids);
  perform 1 from public.profiles where user_id = any(v_owners.users)
  order by user_id for key share;
  if v_owners.projects is not null then
    perform 1 from public.projects where id = any(v_owners.projects) order by id for key share;
  end if;
  if v_owners.campaigns is not null then
    perform 1 from public.campaigns where id = any(v_owners.campaigns) order by id for key share;
  end if;
  if p_with_accounts then
    perform 1 from public.credit_accounts where user_id = any(v_owners.users)
    order by user_id for no key update;
  end if;
end;
$$;
comment on function private.lock_owners is
'Locks what comes before jobs in the order of locks: their owners'' profiles, their projects and '
'campaigns (shared) and, when credits may return, the accounts.';

create function private.complete_held_jobs(p_jobs jsonb)
returns uuid[]
language plpgsql
set search_path = ''
as $$
declare
  -- The ids by themselves: plans are made once a session, perhaps when these tables were empty, and
  -- must look rows up by key even so.
  v_ids uuid[] := array(
    select given.job_id from jsonb_to_recordset(p_jobs) as given (job_id uuid)
  );
  v_held record;
  v_fault text;
begin
  select array_agg(held.job_id) as jobs, array_agg(distinct held.provider) as providers into v_held
  from (
    select tasks.job_id, tasks.provider
    from jsonb_to_recordset(p_jobs) as given (job_id uuid, lease uuid)
    inner join worker.tasks
      on tasks.job_id = any(v_ids) and tasks.job_id = given.job_id
      and tasks.lease = given.lease and tasks.lease_expires_at > private.now()
    inner join public.generation_jobs as jobs
      on jobs.id = any(v_ids) and jobs.id = tasks.job_id
    for no key update of jobs, tasks skip locked
  ) as held;
  if v_held.jobs is null then
    return '{}'::uuid[];
  end if;

  -- Results lie where the services alone write: what a user could replace is not a result.
  select
    case
      when outputs.storage_path is null then
        'no_outputs: a job is completed with at least one output.'
      else 'storage_path_not_allowed: output ' || outputs.storage_path || ' in ' || outputs.bucket
        || ' is not in the job''s folder of a results bucket.'
    end
  into v_fault
  from jsonb_to_recordset(p_jobs) as given (job_id uuid, assets jsonb, yields jsonb)
  inner join public.generation_jobs as jobs
    on jobs.id = any(v_held.jobs) and jobs.id = given.job_id
  left join lateral jsonb_to_recordset(
    case when jsonb_typeof(given.assets) = 'array' then given.assets else '[]' end
  ) as outputs (bucket text, storage_path text, thumbnail jsonb) on true
  where case
      when outputs.storage_path is null
        then coalesce(jsonb_typeof(given.yields), '') <> 'object'
          or coalesce(jsonb_array_length(nullif(given.assets, 'null')), 0) > 0
      else
        not starts_with(outputs.storage_path, jobs.user_id || '/' || jobs.id || '/')
        or coalesce(outputs.bucket, '')
        not in ('final-videos', 'final-images', 'thumbnails', 'voiceovers')
        or not starts_with(
          coalesce(outputs.thumbnail ->> 'storage_path', outputs.storage_path),
          jobs.user_id || '/' || jobs.id || '/'
        )
        or coalesce(outputs.thumbnail ->> 'bucket', 'thumbnails') <> 'thumbnails'
    end
  limit 1;
  if found then
    raise exception '%', v_fault using errcode = 'PT400', hint = split_part(v_fault, ':', 1);
  end if;

  with outputs as materialized (
    select
      gen_random_uuid() as asset_id, jobs.id as job_id, jobs.user_id, jobs.project_id,
      case when jsonb_typeof(files.thumbnail) = 'object' then gen_random_uuid() end as thumbnail_id,
      files.role, files.bucket, files.storage_path, files.mime_type, files.size_bytes, files.sha256,
      files.width, files.height, files.duration_ms, files.style,
      coalesce(files.position, 0) as place, files.thumbnail
    from jsonb_to_recordset(p_jobs) as given (job_id uuid, assets jsonb)
    inner join public.generation_jobs as jobs
      on jobs.id = any(v_held.jobs) and jobs.id = given.job_id
    cross join lateral jsonb_to_recordset(given.assets) as files (
      role public.asset_role, bucket text, storage_path text, mime_type text, size_bytes bigint,
      sha256 text, width integer, height integer, duration_ms integer, style text,
      position integer, thumbnail jsonb
    )
    where jsonb_typeof(given.assets) = 'array'
  ),
  files as materialized (
    select
      outputs.asset_id, outputs.job_id, outputs.user_id, outputs.project_id, outputs.role,
      case split_part(outputs.mime_type, '/', 1)
        when 'image' then 'image' when 'video' then 'video' when 'audio' then 'audio'
        else 'document'
      end::public.asset_kind as kind,
      outputs.bucket, outputs.storage_path, outputs.mime_type, outputs.size_bytes, outputs.sha256,
      outputs.width, outputs.height, outputs.duration_ms, outputs.style, outputs.thumbnail_id,
      outputs.place
    from outputs
    union all
    select
      outputs.thumbnail_id, outputs.job_id, outputs.user_id, outputs.project_id, 'thumbnail',
      'image', thumbnails.bucket, thumbnails.storage_path, thumbnails.mime_type,
      thumbnails.size_bytes, thumbnails.sha256, thumbnails.width, thumbnails.height, null, null,
      null, outputs.place
    from outputs
    cross join lateral jsonb_to_record(outputs.thumbnail) as thumbnails (
      bucket text, storage_path text, mime_type text, size_bytes bigint, sha256 text,
      width integer, height integer
    )
    where outputs.thumbnail_id is not null
  ),
  assets as (
    insert into public.assets (
      id, user_id, project_id, kind, bucket, storage_path, mime_type, size_bytes, sha256, width,
      height, duration_ms, style, thumbnail_id
    )
    select
      files.asset_id, files.user_id, files.project_id, files.kind, files.bucket,
      files.storage_path, files.mime_type, files.size_bytes, files.sha256, files.width,
      files.height, files.duration_ms, files.style, files.thumbnail_id
    from files
  )
  insert into public.job_assets (job_id, asset_id, role, user_id, position)
  select files.job_id, files.asset_id, files.role, files.user_id, files.place from files;

  update worker.attempts
  set outcome = 'succeeded', finished_at = clock_timestamp(), latency_ms = given.latency_ms,
      units = given.units, cost_usd = given.cost_usd
  from jsonb_to_recordset(p_jobs) as given (
    job_id uuid, latency_ms integer, units numeric, cost_usd numeric
  )
  where attempts.job_id = any(v_held.jobs) and attempts.outcome = 'running'
    and attempts.job_id = given.job_id;

  perform private.record_yields(given.yields)
  from (
    select jsonb_agg(
      jsonb_build_object('job_id', given.job_id, 'yields', given.yields)
    ) as yields
    from jsonb_to_recordset(p_jobs) as given (job_id uuid, yields jsonb)
    where given.job_id = any(v_held.jobs) and jsonb_typeof(given.yields) = 'object'
  ) as given
  where given.yields is not null;

  -- Before the jobs end, which locks tasks that wait for them: in the order of fail_held_job.
  perform private.note_successes(v_held.providers);
  update public.generation_jobs
  set status = 'completed', error_code = null, error_message = null
  where id = any(v_held.jobs);
  return v_held.jobs;
end;
$$;
comment on function private.complete_held_jobs is
'Completes those jobs of a batch whose leases are held and which nobody has locked, all or none; '
'returns them. Raises what a constraint or PT400 no_outputs or storage_path_not_allowed says.';

create function worker.complete_jobs(p_jobs jsonb)
returns table (job_id uuid, result worker.call_result, message text)
language plpgsql
security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  v_ids uuid[];
  v_done uuid[] := '{}'::uuid[];
  v_faults jsonb := '{}'::jsonb;
  v_given jsonb;
begin
  select array_agg(distinct given.job_id) into v_ids
  from jsonb_to_recordset(p_jobs) as given (job_id uuid);
  perform private.lock_owners(v_ids, false);
  begin
    if cardinality(v_ids) < jsonb_array_length(p_jobs) then
      raise exception 'A job is named twice.' using errcode = 'PT400', hint = 'duplicate_job';
    end if;
    v_done := private.complete_held_jobs(p_jobs);
  exception
    when deadlock_detected or serialization_failure or lock_not_available or query_canceled then
      raise;
    when others then
      -- One of them is wrong. Each by itself then, so that the others are done.
      for v_given in select jsonb_array_elements(p_jobs) loop
        continue when (v_given ->> 'job_id')::uuid = any(v_done);
        begin
          v_done := v_done || private.complete_held_jobs(jsonb_build_array(v_given));
        exception
          when deadlock_detected or serialization_failure or lock_not_available
            or query_canceled then
            raise;
          when others then
            v_faults := v_faults || jsonb_build_object(v_given ->> 'job_id', sqlerrm);
        end;
      end loop;
  end;

  return query
  select
    given.job_id,
    case
      when given.job_id = any(v_done) then 'done'
      when v_faults ? given.job_id::text then 'refused'
      else case private.verdict_on(given.job_id, given.lease)
        when 'held' then 'busy' when 'succeeded' then 'done' else 'lease_lost'
      end
    end::worker.call_result,
    v_faults ->> given.job_id::text
  from jsonb_to_recordset(p_jobs) as given (job_id uuid, lease uuid);
end;
$$;
comment on function worker.complete_jobs is
'Ends jobs well: [{job_id, lease, assets: [{role, bucket, storage_path, mime_type, size_bytes, '
'sha256, width, height, duration_ms, style, position, thumbnail}], yields, latency_ms, units, '
'cost_usd}]. Writes assets and yields, settles the charge. The same again changes nothing. A job '
'whose results cannot be (refused, with a message) is left as it was.';

create function private.fail_held_job(
  p_job_id uuid, p_lease uuid, p_class worker.error_class, p_code text, p_message text,
  p_retry_after interval, p_is_final boolean, p_anew boolean,
  out status public.job_status, out due_in interval
)
language plpgsql
set search_path = ''
as $$
declare
  v_job public.generation_jobs;
  v_task worker.tasks;
  v_settings private.settings;
  v_is_excused boolean;
  v_is_known boolean;
  v_is_over boolean;
begin
  select * into v_job from public.generation_jobs
  where id = p_job_id for no key update skip locked;
  select * into v_task from worker.tasks
  where job_id = v_job.id and lease = p_lease and lease_expires_at > private.now()
  for no key update skip locked;
  if not found then
    return;
  end if;
  v_is_excused := private.note_failure(v_task.provider, p_class, p_retry_after);
  -- What the provider has is asked after, never submitted again, unless it says that it gave up.
  v_is_known := v_task.provider_job_id is not null and not p_anew;

  update worker.attempts
  set error_class = p_class, error_code = p_code, error_message = p_message,
      outcome = case when p_class = 'unknown' and not v_is_known then 'unknown' else 'failed' end,
      finished_at = clock_timestamp()
  where job_id = p_job_id and attempt = v_task.tries;

  select * into v_settings from private.settings;
  -- A submission counted when it was claimed, unless the job is excused. Look-ups have a measure of
  -- their own, since the provider's work goes on meanwhile.
  if v_is_known then
    v_task.failures := v_task.failures + (not v_is_excused)::integer;
    v_is_over := v_task.failures >= v_settings.look_up_failures;
  else
    v_job.attempt_count := v_job.attempt_count - v_is_excused::integer;
    v_is_over := v_job.attempt_count >= v_job.max_attempts;
  end if;
  if p_class = 'permanent' or p_is_final or v_is_over then
    update public.generation_jobs
    set status = 'failed', error_code = p_code, error_message = p_message,
        attempt_count = v_job.attempt_count
    where id = p_job_id
    returning generation_jobs.status into status;
    if p_class <> 'permanent' and (v_is_known or p_class = 'unknown') then
      perform private.cancel_at_provider(
        p_job_id, coalesce(v_task.provider_job_id, ''), v_task.provider_state
      );
    end if;
    return;
  end if;

  -- Half of the wait is chance, so that jobs that failed together do not come back together.
  due_in := coalesce(
    p_retry_after,
    least(
      v_settings.retry_backoff * 2 ^ (
        case when v_is_known then v_task.failures else v_job.attempt_count end - 1
      ),
      v_settings.retry_backoff_limit
    ) * (0.5 + random() / 2)
  );
  update public.generation_jobs
  set status = case when v_is_known then v_job.status else 'queued' end,
      error_code = p_code, error_message = p_message, attempt_count = v_job.attempt_count,
      provider_job_id = case when v_is_known then provider_job_id end
  where id = p_job_id
  returning generation_jobs.status into status;
  if v_is_known then
    update worker.attempts set outcome = 'running', finished_at = null
    where job_id = p_job_id and attempt = v_task.tries;
  end if;
  update worker.tasks
  set step = (case when v_is_known then 'poll' else 'submit' end)::worker.task_step,
      provider_job_id = case when v_is_known then provider_job_id end,
      provider_state = case when v_is_known then provider_state end,
      is_uncertain = p_class = 'unknown' and not v_is_known,
      failures = v_task.failures,
      lease = null, worker = null, lease_expires_at = null, is_woken = false,
      due_at = private.now() + due_in
  where job_id = p_job_id;
end;
$$;
comment on function private.fail_held_job is
'Ends an attempt badly: the job fails, or is parked until another one. Status is null when its '
'lease is not held or somebody has it locked. The caller has locked the owner''s account.';

create function worker.fail_jobs(p_jobs jsonb)
returns table (
  job_id uuid, result worker.call_result, status public.job_status, due_in_seconds numeric,
  message text
)
language plpgsql
security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  v_given record;
  v_failed record;
  v_verdict text;
begin
  perform private.lock_owners(
    array(select given.job_id from jsonb_to_recordset(p_jobs) as given (job_id uuid)), true
  );
  for v_given in
    select
      given.job_id, given.lease, coalesce(given.error_class, 'transient') as error_class,
      coalesce(nullif(left(given.error_code, 100), ''), 'unknown_error') as error_code,
      coalesce(nullif(left(given.error_message, 2000), ''), 'The job failed.') as error_message,
      case
        when given.retry_after_seconds < 'NaN'
          then make_interval(secs => greatest(0, least(given.retry_after_seconds, 86400)))
      end as retry_after,
      coalesce(given.is_final, false) as is_final, coalesce(given.anew, false) as anew,
      given.latency_ms, given.units, given.cost_usd
    from jsonb_to_recordset(p_jobs) as given (
      job_id uuid, lease uuid, error_class worker.error_class, error_code text,
      error_message text, retry_after_seconds double precision, is_final boolean, anew boolean,
      latency_ms integer, units numeric, cost_usd numeric
    )
    left join worker.tasks on tasks.job_id = given.job_id
    order by tasks.provider, given.job_id
  loop
    v_failed := private.fail_held_job(
      v_given.job_id, v_given.lease, v_given.error_class, v_given.error_code,
      v_given.error_message, v_given.retry_after, v_given.is_final, v_given.anew
    );
    job_id := v_given.job_id;
    status := v_failed.status;
    due_in_seconds := extract(epoch from v_failed.due_in);
    message := null;
    if status is not null then
      result := 'done';
      update worker.attempts
      set latency_ms = v_given.latency_ms, units = v_given.units, cost_usd = v_given.cost_usd
      where attempts.job_id = v_given.job_id and attempts.lease = v_given.lease;
    else
      v_verdict := private.verdict_on(v_given.job_id, v_given.lease);
      result := (case
        when v_verdict = 'held' then 'busy'
        when v_verdict in ('given_up', 'failed', 'unknown') then 'done'
        else 'lease_lost'
      end)::worker.call_result;
      if result = 'done' then
        select jobs.status into status from public.generation_jobs as jobs
        where jobs.id = v_given.job_id;
      end if;
    end if;
    return next;
  end loop;
end;
$$;
comment on function worker.fail_jobs is
'Ends attempts badly: [{job_id, lease, error_class, error_code, error_message, '
'retry_after_seconds, is_final, anew, latency_ms, units, cost_usd}]. permanent: the job fails and '
'is refunded. transient: it is tried again later while attempts are left. throttled, '
'configuration: so it is, the attempt does not count, and the provider is paused. unknown: it is '
'claimed again to be looked up; with is_final it fails. anew: the provider gave up, submit it '
'again. What its provider has and did not give up is looked up again, never submitted twice. '
'Answers with the job''s state and when it is due. The same again changes nothing.';

create function private.is_used_up(p_task worker.tasks, p_job public.generation_jobs)
returns boolean
language sql
stable
set search_path = ''
return case
  when p_task.step = 'submit' then p_job.attempt_count >= p_job.max_attempts
  else p_task.failures + 1 >= (select look_up_failures from private.settings)
end;
comment on function private.is_used_up is
'Whether a task whose dispatcher vanished has had its last attempt or look-up.';

create function worker.end_overdue_jobs(p_limit integer default 50)
returns setof uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := private.now();
  v_ids uuid[];
  v_expired uuid[];
  v_lost uuid[];
  v_states jsonb;
begin
  v_ids := array(
    select tasks.job_id from worker.tasks where tasks.deadline_at <= v_now
    order by tasks.deadline_at
    limit p_limit
  ) || array(
    select tasks.job_id
    from worker.tasks
    inner join public.generation_jobs as jobs on jobs.id = tasks.job_id
    where tasks.lease is not null and tasks.lease_expires_at <= v_now
      and private.is_used_up(tasks, jobs)
    limit p_limit
  );
  if cardinality(v_ids) = 0 then
    return;
  end if;
  perform private.lock_owners(v_ids, true);
  -- Looked at again under lock: it may have ended or been extended meanwhile.
  select
    array_agg(overdue.job_id) filter (where overdue.deadline_at <= v_now),
    array_agg(overdue.job_id) filter (where overdue.deadline_at > v_now),
    jsonb_object_agg(overdue.job_id, overdue.provider_state)
  into v_expired, v_lost, v_states
  from (
    select tasks.job_id, tasks.deadline_at, tasks.provider_state
    from worker.tasks
    inner join public.generation_jobs as jobs on jobs.id = tasks.job_id
    where tasks.job_id = any(v_ids)
      and (
        tasks.deadline_at <= v_now
        or (
          tasks.lease is not null and tasks.lease_expires_at <= v_now
          and private.is_used_up(tasks, jobs)
        )
      )
    for no key update of jobs, tasks skip locked
  ) as overdue;

  update worker.attempts set outcome = 'lost', lease = null, finished_at = clock_timestamp()
  where job_id = any(v_lost) and outcome = 'running';
  update public.generation_jobs
  set status = 'failed', error_code = 'attempts_exhausted',
      error_message = 'The job was tried as often as allowed and never finished.'
  where id = any(v_lost);
  perform private.cancel_at_provider(jobs.id, jobs.provider_job_id, v_states -> jobs.id::text)
  from public.generation_jobs as jobs
  where jobs.id = any(v_lost) and jobs.provider_job_id is not null;
  update public.generation_jobs
  set status = 'expired', error_code = 'deadline_exceeded',
      error_message = 'The job did not finish in time.'
  -- One that depends on a job that has just failed was cancelled with it.
  where id = any(v_expired) and finished_at is null;
  return query select unnest(v_expired || v_lost);
end;
$$;
comment on function worker.end_overdue_jobs is
'Ends, with refund, jobs that outlived their deadline (expired) and jobs whose last attempt was '
'lost together with its dispatcher (failed). Call it until it returns none.';

revoke execute on function
private.lock_owners, private.complete_held_jobs, private.fail_held_job, private.is_used_up
from public;
revoke execute on function worker.complete_jobs, worker.fail_jobs, worker.end_overdue_jobs
from public, anon, authenticated;
grant execute on function worker.complete_jobs, worker.fail_jobs, worker.end_overdue_jobs
to service_role;
