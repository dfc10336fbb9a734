-- What dispatchers call while they work. How a job ends is in end_jobs, what is done now and then
-- in tend_queue.
--
-- Every call carries a batch, since a commit costs more than fifty rows. A batch is answered job by
-- job: one that is lost, locked or wrong never spoils the others. Each call may be sent twice with
-- the same arguments, because a call over HTTP may be. A lease that ran out changes nothing.
-- Definer, all of them: the services write no money and no state by hand.
--
-- plan_cache_mode: keys come as arrays, and for one of few elements PostgreSQL would take a plan of
-- its own for the better one, again at each call: a third of what a call costs.
--
-- Locks: nothing here waits for a job or a task; what somebody else has locked is passed over, or
-- answered with `busy`. So no batch, in whatever order its jobs come, is part of a deadlock.

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
  provider_state jsonb,
  previous_outcome text,
  has_lost_inputs boolean,
  queued_at timestamptz,
  deadline_at timestamptz,
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
comment on column worker.claimed_task.provider_state is
'What was told with provider_job_id when it was accepted, an object.';
comment on column worker.claimed_task.previous_outcome is
'How the attempt before this one ended. lost or unknown: its provider may have the job.';
comment on column worker.claimed_task.inputs is
'The user''s files, then the results of the jobs that it waited for.';

create function private.claim_ready_tasks(
  p_lease uuid, p_worker text, p_wanted jsonb, p_limit integer, p_lease_seconds integer,
  p_is_thorough boolean
)
returns uuid[]
language plpgsql
set search_path = ''
as $$
declare
  v_now timestamptz := private.now();
  v_ready record;
  v_jobs uuid[];
  v_claimed record;
begin
  -- What was parked and is due gets in line.
  update worker.tasks set ready_at = clock_timestamp(), due_at = null
  from (
    select parked.job_id from worker.tasks as parked
    where parked.due_at <= v_now
      and (p_is_thorough or parked.due_at > v_now - interval '10 seconds')
    order by parked.due_at
    limit 500
    for no key update skip locked
  ) as due
  where tasks.job_id = due.job_id;

  with wanted as materialized (
    select given.provider, given.kinds, rooms.any_step, rooms.starts
    from jsonb_to_recordset(p_wanted) as given (
      provider text, kinds public.generation_kind[], "limit" integer
    )
    cross join lateral private.room_at_provider(
      given.provider, greatest(0, least(p_limit, given."limit"))
    ) as rooms
  ),
  -- How many to take of each lane, so that all together are the first of all lanes.
  heads as (
    select
      lanes.provider, lanes.kind, lanes.priority, line.turn_at, wanted.any_step, wanted.starts,
      row_number() over (
        partition by lanes.provider order by lanes.priority > 100 desc, line.turn_at
      ) as place,
      row_number() over (
        partition by lanes.provider, lanes.priority > 100 order by line.turn_at
      ) as place_of_sort
    from wanted
    inner join worker.lanes
      on lanes.provider = wanted.provider
      and (wanted.kinds is null or lanes.kind = any(wanted.kinds))
    cross join lateral (
      -- A point of priority is worth ten seconds in line, so that it cannot starve anybody.
      select tasks.ready_at - lanes.priority * interval '10 seconds' as turn_at
      from worker.tasks
      where tasks.provider = lanes.provider and tasks.kind = lanes.kind
        and tasks.priority = lanes.priority
        and tasks.ready_at >= (case when p_is_thorough then '-infinity' else lanes.oldest_at end)
      order by tasks.ready_at
      limit wanted.any_step
    ) as line
  ),
  shares as (
    select first.provider, first.kind, first.priority, count(*) as share
    from (
      select heads.provider, heads.kind, heads.priority from heads
      where heads.place <= heads.any_step
        and (heads.priority > 100 or heads.place_of_sort <= heads.starts)
      order by heads.priority > 100 desc, heads.turn_at
      limit p_limit
    ) as first
    group by first.provider, first.kind, first.priority
  ),
  ready as materialized (
    select line.*
    from shares
    inner join worker.lanes
      on lanes.provider = shares.provider and lanes.kind = shares.kind
      and lanes.priority = shares.priority
    cross join lateral (
      select tasks.job_id, tasks.user_id, tasks.provider, tasks.priority
      from worker.tasks
      where tasks.provider = lanes.provider and tasks.kind = lanes.kind
        and tasks.priority = lanes.priority
        and tasks.ready_at >= (case when p_is_thorough then '-infinity' else lanes.oldest_at end)
      order by tasks.ready_at
      limit shares.share
      for no key update skip locked
    ) as line
  )
  select
    array_agg(ready.job_id) as jobs,
    array_agg(distinct ready.user_id) as users,
    array_agg(ready.provider) filter (where ready.priority <= 100) as begun_at
  into v_ready
  from ready;
  -- Jobs after their tasks are certain, so that no job is locked in passing which another dispatcher
  -- has just claimed. Here and below by arrays of keys: plans are made once a session, perhaps while
  -- these tables were empty, and must look rows up by key even so.
  select array_agg(jobs.id) into v_jobs
  from (
    select id from public.generation_jobs where id = any(v_ready.jobs)
    for no key update skip locked
  ) as jobs;
  if v_jobs is null then
    return null;
  end if;

  with claimed as (
    update worker.tasks
    set lease = p_lease, worker = p_worker,
        lease_expires_at = v_now + make_interval(secs => p_lease_seconds),
        ready_at = null, is_woken = false, priority = 101,
        tries = tasks.tries + (tasks.step = 'submit')::integer
    where tasks.job_id = any(v_jobs)
    returning tasks.job_id, tasks.provider, tasks.step, tasks.tries
  ),
  recorded as (
    insert into worker.attempts (job_id, attempt, lease, worker, provider)
    select claimed.job_id, claimed.tries, p_lease, p_worker, claimed.provider
    from claimed
    where claimed.step = 'submit'
  )
  select
    array_agg(claimed.job_id) filter (where claimed.step = 'submit') as begun,
    array_agg(claimed.job_id) filter (where claimed.step <> 'submit') as continued
  into v_claimed
  from claimed;
  if v_claimed.begun is not null then
    update public.generation_jobs
    set status = 'starting', attempt_count = attempt_count + 1
    where id = any(v_claimed.begun);
    perform private.spend_starts(v_ready.begun_at);
  end if;
  if v_claimed.continued is not null then
    update worker.attempts set lease = p_lease, worker = p_worker
    where attempts.job_id = any(v_claimed.continued) and attempts.outcome = 'running';
  end if;
  insert into worker.claims (lease, worker, tasks)
  values (p_lease, p_worker, cardinality(v_jobs));
  -- Each of these users has a place in line free now.
  perform private.admit_tasks(v_ready.users);
  return v_jobs;
end;
$$;
comment on function private.claim_ready_tasks is
'Leases the first tasks in line, marks their jobs as starting and writes their attempts down; '
'returns the jobs, or null. Unless it is to be thorough it begins to read where worker.lanes says.';
revoke execute on function private.claim_ready_tasks from public;

create function worker.claim_tasks(
  p_lease uuid,
  p_worker text,
  p_wanted jsonb,
  p_limit integer default 1,
  p_lease_seconds integer default 60,
  p_is_repeat boolean default false
)
returns setof worker.claimed_task
language plpgsql
security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  v_jobs uuid[];
begin
  -- One claim a token, so that one sent twice claims once, and one that arrives when all is over
  -- claims nothing that nobody would then work on.
  perform pg_advisory_xact_lock(hashtextextended(p_lease::text, 0));
  if exists (select from worker.claims where lease = p_lease) then
    v_jobs := array(
      select tasks.job_id from worker.tasks
      where tasks.lease = p_lease and tasks.lease_expires_at > private.now()
    );
  else
    v_jobs := coalesce(
      private.claim_ready_tasks(p_lease, p_worker, p_wanted, p_limit, p_lease_seconds, false),
      private.claim_ready_tasks(p_lease, p_worker, p_wanted, p_limit, p_lease_seconds, true)
    );
    if v_jobs is null and p_is_repeat then
      insert into worker.claims (lease, worker, tasks) values (p_lease, p_worker, 0);
    end if;
  end if;

  return query
  select
    tasks.job_id, tasks.user_id, tasks.step, tasks.tries, jobs.max_attempts,
    tasks.lease_expires_at, jobs.provider, models.provider_model, jobs.provider_job_id,
    coalesce(tasks.provider_state, '{}'),
    case when tasks.is_uncertain then 'unknown' else (
      select attempts.outcome from worker.attempts
      where attempts.job_id = tasks.job_id and attempts.attempt = tasks.tries - 1
    ) end,
    jobs.has_lost_inputs, jobs.queued_at, tasks.deadline_at,
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
    ), '[]') || case
      when exists (select from public.job_dependencies where job_dependencies.job_id = jobs.id)
        then private.inputs_of_parents(jobs.id)
      else '[]'
    end
  from worker.tasks
  inner join public.generation_jobs as jobs on jobs.id = tasks.job_id
  inner join public.models on models.id = jobs.model_id
  where tasks.job_id = any(v_jobs)
  order by jobs.priority desc, jobs.queued_at;
end;
$$;
comment on function worker.claim_tasks is
'Gives up to p_limit tasks to the caller for p_lease_seconds, what was begun before the rest, then '
'by age in line and priority, and writes their attempts down. p_wanted says what the caller can '
'do: [{provider, kinds (null: all), limit (null: p_limit)}]. p_lease is a fresh token; the same '
'one again returns the same tasks and claims no more, and is to be sent with p_is_repeat, so that '
'the first, should it only arrive later, claims nothing either. Never waits for a job or a task.';

create function worker.extend_leases(p_held jsonb, p_lease_seconds integer default 60)
returns setof uuid
language plpgsql
security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := private.now();
  v_held uuid[];
begin
  -- Everybody's leases in one call. What somebody else has locked at this moment is held as yet,
  -- and the next call will tell what became of it.
  v_held := array(
    select tasks.job_id
    from jsonb_to_recordset(p_held) as held (job_id uuid, lease uuid)
    inner join worker.tasks on tasks.job_id = held.job_id and tasks.lease = held.lease
    where tasks.lease_expires_at > v_now
  );
  -- No index knows when a lease ends, so that this writes into none.
  update worker.tasks set lease_expires_at = v_now + make_interval(secs => p_lease_seconds)
  from (
    select locked.job_id
    from jsonb_to_recordset(p_held) as held (job_id uuid, lease uuid)
    inner join worker.tasks as locked on locked.job_id = held.job_id and locked.lease = held.lease
    where locked.lease_expires_at > v_now
    for no key update of locked skip locked
  ) as free
  where tasks.job_id = free.job_id;

  -- Progress is for the eye: once a second at most, and not while somebody has the job locked.
  update public.generation_jobs as jobs
  set progress = ready.progress
  from (
    select locked.id, held.progress
    from jsonb_to_recordset(p_held) as held (job_id uuid, progress smallint)
    inner join public.generation_jobs as locked on locked.id = held.job_id
    where locked.id = any(v_held) and locked.status in ('starting', 'processing', 'finalizing')
      and held.progress between locked.progress + 1 and 99
      and (locked.progress = 0 or locked.updated_at < pg_catalog.now() - interval '1 second')
    for no key update of locked skip locked
  ) as ready
  where jobs.id = ready.id;

  return query select unnest(v_held);
end;
$$;
comment on function worker.extend_leases is
'Extends leases ([{job_id, lease, progress}]) and notes progress, which only grows. Returns the '
'jobs still held: one that is missing was cancelled, ended or taken over.';

create function private.verdict_on(p_job_id uuid, p_lease uuid)
returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  v_task worker.tasks;
  v_outcome text;
begin
  select * into v_task from worker.tasks where job_id = p_job_id;
  if v_task.lease = p_lease and v_task.lease_expires_at > private.now() then
    return 'held';
  end if;
  select attempts.outcome into v_outcome from worker.attempts
  where attempts.job_id = p_job_id and attempts.lease = p_lease
  order by attempts.attempt desc
  limit 1;
  return case
    when v_outcome is null then 'lost'
    when v_task.job_id is null then case when v_outcome = 'running' then 'lost' else v_outcome end
    when v_task.lease is null then 'given_up'
    else 'lost'
  end;
end;
$$;
comment on function private.verdict_on is
'What became of a lease: held; given_up by a call that put the task back or aside; how its attempt '
'ended, if that ended the job; lost.';
revoke execute on function private.verdict_on from public;

create function worker.advance_jobs(p_jobs jsonb)
returns table (job_id uuid, result worker.call_result, message text)
language plpgsql
security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := private.now();
  v_ids uuid[] := array(
    select given.job_id from jsonb_to_recordset(p_jobs) as given (job_id uuid)
  );
  v_done uuid[];
  v_accepted text[];
  v_given record;
begin
  with given as materialized (
    select distinct on (given.job_id)
      given.job_id, given.lease, given.provider_job_id, given.provider_state, given.progress,
      case
        when given.poll_after_seconds is not null
          then make_interval(secs => greatest(0, least(given.poll_after_seconds, 86400)))
      end as poll_after,
      given.status
    from jsonb_to_recordset(p_jobs) as given (
      job_id uuid, lease uuid, status public.job_status, provider_job_id text,
      provider_state jsonb, poll_after_seconds double precision, progress smallint
    )
    where given.status in ('processing', 'finalizing')
  ),
  held as materialized (
    select
      given.*, tasks.tries, jobs.provider,
      coalesce(given.provider_job_id, jobs.provider_job_id) as known_as,
      -- A call that was delivered late, or a job that is put aside again: it does not go back.
      case when jobs.status = 'finalizing' then jobs.status else given.status end as new_status,
      (
        jobs.status not in (given.status, 'finalizing')
        or jobs.provider_job_id is distinct from
          coalesce(given.provider_job_id, jobs.provider_job_id)
        or given.progress between jobs.progress + 1 and 99
      ) as is_news
    from given
    inner join worker.tasks
      on tasks.job_id = any(v_ids) and tasks.job_id = given.job_id
      and tasks.lease = given.lease and tasks.lease_expires_at > v_now
    inner join public.generation_jobs as jobs
      on jobs.id = any(v_ids) and jobs.id = tasks.job_id
    for no key update of jobs, tasks skip locked
  ),
  moved as (
    update public.generation_jobs as jobs
    set status = held.new_status,
        provider_job_id = held.known_as,
        progress = greatest(jobs.progress, least(held.progress, 99))
    from held
    where jobs.id = any(v_ids) and jobs.id = held.job_id and held.is_news
  ),
  named as (
    update worker.attempts set provider_job_id = held.provider_job_id
    from held
    where attempts.job_id = any(v_ids) and attempts.job_id = held.job_id
      and attempts.attempt = held.tries and held.provider_job_id is not null
  ),
  placed as (
    update worker.tasks
    set provider_job_id = held.known_as,
        -- The id matters more: a state that cannot be kept is left out.
        provider_state = case
          when held.provider_job_id is null then tasks.provider_state
          when private.is_small_object(held.provider_state, 4096) then held.provider_state
          when held.provider_job_id = tasks.provider_job_id then tasks.provider_state
        end,
        is_uncertain = tasks.is_uncertain and held.known_as is null,
        failures = 0,
        step = case
          when held.new_status = 'finalizing' and held.known_as is not null then 'collect'
          -- What its provider has is asked for by whoever comes next, and not begun again.
          when held.poll_after is not null or held.known_as is not null then 'poll'
          else tasks.step::text
        end::worker.task_step,
        lease = case when held.poll_after is null then tasks.lease end,
        worker = case when held.poll_after is null then tasks.worker end,
        lease_expires_at = case when held.poll_after is null then tasks.lease_expires_at end,
        due_at = case
          when held.poll_after is not null and not tasks.is_woken then v_now + held.poll_after
        end,
        ready_at = case
          when held.poll_after is not null and tasks.is_woken then clock_timestamp()
        end,
        is_woken = false
    from held
    where tasks.job_id = any(v_ids) and tasks.job_id = held.job_id
      and (held.poll_after is not null or held.new_status = 'finalizing'
        or held.provider_job_id is not null)
  )
  select
    array_agg(held.job_id),
    array_agg(distinct held.provider) filter (where held.provider_job_id is not null)
  into v_done, v_accepted
  from held;
  perform private.note_successes(v_accepted);

  for v_given in
    select distinct on (given.job_id)
      given.job_id, given.lease, given.status, given.provider_job_id, given.provider_state,
      given.poll_after_seconds is not null as is_parked
    from jsonb_to_recordset(p_jobs) as given (
      job_id uuid, lease uuid, status public.job_status, provider_job_id text,
      provider_state jsonb, poll_after_seconds double precision
    )
  loop
    job_id := v_given.job_id;
    message := null;
    result := 'done';
    if v_given.status is null or v_given.status not in ('processing', 'finalizing') then
      result := 'refused';
      message := 'status_not_allowed: a job is advanced to processing or finalizing.';
    elsif v_done is null or v_given.job_id <> all(v_done) then
      result := (case private.verdict_on(v_given.job_id, v_given.lease)
        when 'held' then 'busy'
        when 'given_up' then case when v_given.is_parked then 'done' else 'lease_lost' end
        else 'lease_lost'
      end)::worker.call_result;
      if result = 'lease_lost' and v_given.provider_job_id is not null then
        perform private.cancel_at_provider(
          v_given.job_id, v_given.provider_job_id, v_given.provider_state
        );
      end if;
    end if;
    if result = 'done' and not private.is_small_object(v_given.provider_state, 4096) then
      message := 'provider_state_left_out: it is to be an object of up to 4096 bytes.';
    end if;
    return next;
  end loop;
end;
$$;
comment on function worker.advance_jobs is
'Says of jobs ([{job_id, lease, status, provider_job_id, provider_state, poll_after_seconds, '
'progress}]) that their provider has them (processing) or that their outputs are being stored '
'(finalizing). provider_state, told with provider_job_id, comes back with each claim. With '
'poll_after_seconds the task is parked until then and the lease given up. What was accepted by the '
'provider after its job had ended is noted to be cancelled there.';

create function worker.release_tasks(p_held jsonb)
returns setof uuid
language plpgsql
security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  v_held record;
begin
  for v_held in
    select tasks.job_id, tasks.lease, tasks.step, tasks.tries, tasks.provider
    from jsonb_to_recordset(p_held) as held (job_id uuid, lease uuid)
    inner join worker.tasks on tasks.job_id = held.job_id and tasks.lease = held.lease
    inner join public.generation_jobs as jobs on jobs.id = tasks.job_id
    where tasks.lease_expires_at > private.now()
    for no key update of jobs, tasks skip locked
  loop
    update worker.tasks
    set lease = null, worker = null, lease_expires_at = null, ready_at = clock_timestamp()
    where tasks.job_id = v_held.job_id and tasks.lease = v_held.lease;
    continue when not found;  -- named twice
    -- What was submitted stays submitted: only a task that had not got that far starts again.
    if v_held.step = 'submit' then
      update public.generation_jobs
      set status = 'queued', attempt_count = attempt_count - 1
      where id = v_held.job_id;
      update worker.attempts set outcome = 'handed_back', finished_at = clock_timestamp()
      where attempts.job_id = v_held.job_id and attempts.attempt = v_held.tries;
    end if;
    perform pg_catalog.pg_notify('reelbase_tasks', v_held.provider);
    return next v_held.job_id;
  end loop;
end;
$$;
comment on function worker.release_tasks is
'Hands tasks ([{job_id, lease}]) back unharmed: the attempt does not count. Returns those that '
'were held; what somebody else has locked comes back when its lease ends.';

create function worker.wake_jobs(p_provider text, p_provider_job_ids text[])
returns setof uuid
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- Waits for one that is being parked at this moment: passed over, it would sleep on.
  return query
  update worker.tasks
  set ready_at = case when tasks.due_at is not null then clock_timestamp() else tasks.ready_at end,
      due_at = null,
      is_woken = tasks.lease is not null
  where tasks.provider = p_provider and tasks.provider_job_id = any(p_provider_job_ids)
  returning tasks.job_id;
  if found then
    perform pg_catalog.pg_notify('reelbase_tasks', p_provider);
  end if;
end;
$$;
comment on function worker.wake_jobs is
'Has jobs looked up now, since their provider says that there is news of them. Returns those that '
'were found by the provider''s own ids.';

revoke execute on all functions in schema worker from public, anon, authenticated;
grant execute on all functions in schema worker to service_role;
