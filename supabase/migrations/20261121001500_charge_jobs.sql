-- Money follows the job's state, by trigger, so that no path can forget it:
--   queued      the cost is taken as a hold (402 when it is not there, and then there is no job)
--   completed   the hold becomes a charge
--   failed, cancelled, expired   what was taken is returned
-- All of it in the transaction that changes the state. accept_job does what a job that is made or
-- queued needs, follow_jobs what a statement's jobs need that moved on: few and fat statements, for
-- speed, since each costs more to begin and end than to run.
--
-- Lock order, here and everywhere: the owner's profile, the job's project and campaign (shared),
-- the account, the job. private.lock_job takes these locks for a job that exists. For one that is
-- about to be made price_job takes the shared ones, and accept_job the account's, as late as can
-- be: a row that nobody sees yet holds nobody up.

create function private.lock_job(p_job_id uuid)
returns public.generation_jobs
language plpgsql
set search_path = ''
as $$
declare
  v_job public.generation_jobs;
begin
  -- A job's owner and project change only by being deleted, and that locks them first: so do we.
  -- So does its campaign, which counts its finished videos.
  select * into v_job from public.generation_jobs where id = p_job_id;
  perform 1 from public.profiles where user_id = v_job.user_id for key share;
  perform 1 from public.projects where id = v_job.project_id for key share;
  perform 1 from public.campaigns where id = v_job.campaign_id for key share;
  perform private.lock_account(v_job.user_id);
  select * into v_job from public.generation_jobs where id = p_job_id for no key update;
  return v_job;
end;
$$;
comment on function private.lock_job is
'The job, locked after its owner''s profile, its project and its campaign (shared), and its '
'account.';
revoke execute on function private.lock_job from public;

create function private.accept_job()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_balance numeric;
  v_now record;
  v_count bigint;
begin
  if new.status = 'pending' then
    insert into public.job_events (job_id, user_id, to_status, actor)
    values (new.id, new.user_id, 'pending', private.current_actor());
    if current_setting('role', true) = 'authenticated' then
      -- The account first: the next row of the same statement may be charged.
      perform private.lock_account(new.user_id);
      perform private.hold_row_limit('generation_jobs');
    end if;
    return null;
  end if;

  -- Two conditions: one that looks into a table costs a statement, whatever else it asks.
  if new.project_id is not null then
    if not exists (
      select from public.projects where id = new.project_id and deleted_at is null
    ) then
      -- Deleted while the job was on its way: the policy had looked before.
      raise exception 'There is no such project.'
        using errcode = 'PT404', hint = 'project_not_found';
    end if;
  end if;

  if new.credit_cost > 0 then
    -- Assigned, since an assignment costs plpgsql a tenth of a `perform`.
    v_balance := private.deduct_credits(
      new.credit_transaction_id, new.user_id, new.credit_cost, new.id, new.kind, new.model_id,
      new.is_edit_call
    );
  else
    perform 1 from public.credit_accounts where user_id = new.user_id for no key update;
  end if;

  -- The account is locked now, so that no two of a user's jobs can both be the last that fits. One
  -- statement, for speed: the job's event, its task, and how many jobs there are. Few jobs at once
  -- get in line at once; who has many is admitted as admit_tasks says.
  with owner as materialized (
    select
      plans.max_active_jobs,
      plans.max_jobs_per_day,
      (
        select count(*) from (
          select from public.generation_jobs
          where user_id = new.user_id and finished_at is null and status <> 'pending'
          limit plans.max_active_jobs + 1
        ) as active
      ) as active_jobs,
      least(plans.max_running_jobs, private.users_window()) as room
    from public.profiles
    inner join public.subscription_plans as plans on plans.tier = profiles.subscription_tier
    where profiles.user_id = new.user_id
  ),
  event as (
    insert into public.job_events (job_id, user_id, from_status, to_status, actor)
    values (
      new.id, new.user_id, (case when tg_op = 'UPDATE' then 'pending' end)::public.job_status,
      'queued', private.current_actor()
    )
  ),
  task as (
    insert into worker.tasks (
      job_id, user_id, provider, kind, priority, is_admitted, ready_at, deadline_at
    )
    select
      new.id, new.user_id, new.provider, new.kind, new.priority,
      owner.active_jobs <= owner.room,
      case when owner.active_jobs <= owner.room then clock_timestamp() end,
      private.now() + deadlines.lasts
    from owner
    inner join private.kind_deadlines as deadlines on deadlines.kind = new.kind
  )
  select
    owner.max_active_jobs,
    owner.max_jobs_per_day,
    owner.active_jobs,
    owner.active_jobs > owner.room as is_held,
    lanes.oldest_at is null as is_first_of_lane,
    exists (
      select from worker.tasks
      where provider = new.provider and kind = new.kind and priority = new.priority
        and ready_at >= lanes.oldest_at
    ) as others_wait
  into v_now
  from owner
  left join worker.lanes
    on lanes.provider = new.provider and lanes.kind = new.kind
    and lanes.priority = new.priority;

  if v_now.active_jobs > v_now.max_active_jobs then
    raise exception 'Too many jobs at once: your plan allows % waiting or running.',
      v_now.max_active_jobs
      using errcode = 'PT429', hint = 'too_many_active_jobs',
        detail = json_build_object('limit', v_now.max_active_jobs)::text;
  end if;
  -- What was cancelled and refunded, or costs nothing, leaves a row for ever all the same.
  if v_now.max_jobs_per_day is not null then
    select count(*) into v_count from (
      select from public.generation_jobs
      where user_id = new.user_id and queued_at > private.now() - interval '24 hours'
      limit v_now.max_jobs_per_day + 1
    ) as recent;
    if v_count > v_now.max_jobs_per_day then
      raise exception 'Too many jobs in 24 hours: your plan allows %.', v_now.max_jobs_per_day
        using errcode = 'PT429', hint = 'too_many_jobs_today',
          detail = json_build_object('limit', v_now.max_jobs_per_day)::text;
    end if;
  end if;
  if v_now.is_first_of_lane then
    insert into worker.lanes (provider, kind, priority)
    values
    (new.provider, new.kind, new.priority), (new.provider, new.kind, 0),
    (new.provider, new.kind, 101)
    on conflict do nothing;
  end if;
  if new.parent_job_id is not null then
    if exists (
      select from public.generation_jobs
      where id = new.parent_job_id and finished_at is null and status <> 'pending'
    ) then
      perform private.wait_for_jobs(new.id, array[new.parent_job_id]);
    end if;
  end if;
  if v_now.is_held then
    perform private.admit_tasks(array[new.user_id]);
  -- Waking the dispatchers costs a third of an insert, and those that are busy look again anyway:
  -- wake them only when nothing is in line. A wake-up that slips through is made up by their poll.
  elsif not v_now.others_wait then
    perform pg_catalog.pg_notify('reelbase_tasks', new.provider);
  end if;
  return null;
end;
$$;
comment on function private.accept_job() is
'Trigger: takes a queued job''s cost, gives it its task, records it, and holds the plan''s limits '
'of jobs. Definer: only the ledger''s functions write there. Raises PT402, PT429 '
'too_many_active_jobs or too_many_jobs_today, PT404 project_not_found; the job is not made then.';

create function private.follow_jobs()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_changed record;
  v_count bigint;
begin
  with changed as materialized (
    -- Not a join: its plan is made once a session, for the first statement's one row, and would
    -- compare each of ten thousand rows with each.
    select
      jobs.id, (array_agg(jobs.user_id))[1] as user_id,
      (array_agg(jobs.status) filter (where not jobs.is_new))[1] as from_status,
      (array_agg(jobs.status) filter (where jobs.is_new))[1] as status,
      (array_agg(jobs.attempt_count) filter (where jobs.is_new))[1] as attempt_count,
      (array_agg(jobs.error_code) filter (where jobs.is_new))[1] as error_code
    from (
      select id, user_id, status, attempt_count, error_code, false as is_new from jobs_before
      union all
      select id, user_id, status, attempt_count, error_code, true from jobs_after
    ) as jobs
    group by jobs.id
    -- A take-over changes no state, but begins another attempt.
    having count(distinct jobs.status) > 1
      or (max(jobs.status) = 'starting' and count(distinct jobs.attempt_count) > 1)
  ),
  events as (
    insert into public.job_events (job_id, user_id, from_status, to_status, actor, note)
    select
      changed.id, changed.user_id, changed.from_status, changed.status, private.current_actor(),
      case
        when changed.status = 'failed' or changed.error_code = 'parent_failed'
          then changed.error_code
        when changed.status = 'starting' and changed.attempt_count > 1
          then 'attempt ' || changed.attempt_count
        when changed.status = 'queued' and changed.attempt_count > 0
          then coalesce(changed.error_code, 'handed back')
      end
    from changed
    where changed.from_status <> 'pending' or changed.status <> 'queued'
    order by changed.user_id, changed.id
  )
  select
    min(changed.from_status::text || ' ' || changed.status::text) filter (
      where not exists (
        select from private.job_transitions as allowed
        where allowed.from_status = changed.from_status and allowed.to_status = changed.status
      )
    ) as forbidden,
    array_agg(changed.id) filter (where changed.status = 'completed') as completed,
    array_agg(changed.id) filter (
      where changed.status in ('failed', 'cancelled', 'expired')
    ) as fruitless,
    array_agg(changed.id) filter (
      where changed.status in ('completed', 'failed', 'cancelled', 'expired')
    ) as ended
  into v_changed
  from changed;
  if v_changed.forbidden is not null then
    raise exception 'A job that is % cannot become %.',
      split_part(v_changed.forbidden, ' ', 1), split_part(v_changed.forbidden, ' ', 2)
      using errcode = 'PT409', hint = 'transition_not_allowed',
        detail = json_build_object(
          'from', split_part(v_changed.forbidden, ' ', 1),
          'to', split_part(v_changed.forbidden, ' ', 2)
        )::text;
  end if;
  if v_changed.ended is null then
    return null;
  end if;

  update worker.attempts set outcome = 'cancelled', finished_at = clock_timestamp()
  where job_id = any(v_changed.ended) and outcome = 'running';
  -- Before these jobs' own tasks go, since it locks tasks in order.
  if exists (
    select from public.job_dependencies
    where depends_on_job_id = any(v_changed.ended) or job_id = any(v_changed.fruitless)
  ) then
    perform private.follow_parents(v_changed.completed, v_changed.fruitless);
  end if;
  perform private.clear_tasks(v_changed.ended, v_changed.fruitless);
  if v_changed.completed is not null then
    v_count := private.settle_deductions(v_changed.completed);
    perform private.count_campaign_videos(v_changed.completed);
  end if;
  if v_changed.fruitless is not null then
    v_count := private.refund_deductions(v_changed.fruitless);
  end if;
  return null;
end;
$$;
comment on function private.follow_jobs() is
'Trigger: refuses a change of state that private.job_transitions does not list (PT409 '
'transition_not_allowed), records what became of all jobs of a statement, takes the tasks of those '
'that ended away, settles what was completed, returns what is left of the charges of those that '
'came to nothing, and lets the jobs that waited go on or ends them. Definer: nobody else may write '
'there.';

create function private.mark_job_refunded()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.is_refunded := new.credit_cost > 0 and old.credit_transaction_id is not null;
  return new;
end;
$$;
comment on function private.mark_job_refunded() is
'Trigger: notes on a job that came to nothing that its refund below returns all of its charge.';

revoke execute on function
private.accept_job(), private.follow_jobs(), private.mark_job_refunded()
from public;

create trigger generation_jobs_accept_insert
after insert on public.generation_jobs
for each row execute function private.accept_job();
create trigger generation_jobs_accept_update
after update of status on public.generation_jobs
for each row when (old.status = 'pending' and new.status = 'queued')
execute function private.accept_job();
-- For all rows of a statement at once: fifty jobs that end together cost little more than one.
create trigger generation_jobs_follow
after update on public.generation_jobs
referencing old table as jobs_before new table as jobs_after
for each statement execute function private.follow_jobs();
create trigger generation_jobs_mark_refunded
before update of status on public.generation_jobs
for each row when (
  old.status not in ('failed', 'cancelled', 'expired')
  and new.status in ('failed', 'cancelled', 'expired')
)
execute function private.mark_job_refunded();
