-- What an operator sees of the queue, and does to jobs and providers.
--
-- The views count what there is to do by the queue itself, which is as small as that, and never by
-- the history of jobs. What was begun and what ended in the last minutes they read from job_events,
-- by an index that costs an insert next to nothing: it remembers of each stretch of the table the
-- first and the last time in it, and rows are only ever added at its end.
--
-- What an operator does is what an owner could have done, or a setting of a provider; what is added
-- is a name, a reason, and a row in worker.operator_actions. A job is cancelled and refunded by the
-- same triggers whoever cancels it, and locked first as everybody locks it: profile, project,
-- campaign, account, job. So against a dispatcher that completes the job, one comes first, and the
-- other finds that the job has ended.

create index job_events_created_at_idx on public.job_events
using brin (created_at) with (autosummarize = on);

-- ---------------------------------------------------------------------------------------------
-- To see
-- ---------------------------------------------------------------------------------------------

create view worker.queue_jobs
with (security_invoker = true)
as
select
  tasks.job_id,
  tasks.user_id,
  tasks.provider,
  tasks.kind,
  -- What never was claimed is queued: a million of them need not be looked up.
  case
    when tasks.tries = 0 then 'queued'
    else (select jobs.status from public.generation_jobs as jobs where jobs.id = tasks.job_id)
  end as status,
  case
    when tasks.lease is not null then 'running'
    when tasks.ready_at is not null then 'in_line'
    when tasks.due_at is not null then 'parked'
    when tasks.waits_for > 0 then 'blocked'
    else 'held'
  end as place,
  tasks.step,
  tasks.created_at,
  tasks.ready_at,
  tasks.due_at,
  tasks.deadline_at,
  tasks.worker,
  tasks.lease_expires_at
from worker.tasks;
comment on view worker.queue_jobs is
'The jobs that have not ended, and where in the queue each is.';
comment on column worker.queue_jobs.place is
'running: a dispatcher has it. in_line: it may be claimed. parked: it is due later. blocked: it '
'waits for other jobs to end. held: its user has as much in line and running as the plan allows.';
comment on column worker.queue_jobs.created_at is 'When it was queued.';

create view worker.queue_depths
with (security_invoker = true)
as
select
  tasks.provider,
  tasks.kind,
  count(*) as jobs,
  count(tasks.ready_at) as in_line,
  count(*) filter (where not tasks.is_admitted and tasks.waits_for = 0) as held,
  count(*) filter (where not tasks.is_admitted and tasks.waits_for > 0) as blocked,
  count(tasks.due_at) as parked,
  count(tasks.lease) as running,
  count(*) filter (where tasks.lease is not null or tasks.step <> 'submit') as underway,
  count(*) filter (where tasks.tries > 0) as begun,
  round(date_part('epoch', clock_timestamp() - min(tasks.ready_at))::numeric, 1)
    as oldest_wait_seconds
from worker.tasks
group by tasks.provider, tasks.kind;
comment on view worker.queue_depths is
'How much there is to do, by provider and kind. Each job is in one of in_line, held, blocked, '
'parked and running.';
comment on column worker.queue_depths.in_line is 'May be claimed.';
comment on column worker.queue_depths.held is
'Their users have as many in line and running as their plans allow.';
comment on column worker.queue_depths.blocked is 'Wait for other jobs to end.';
comment on column worker.queue_depths.parked is
'Due later: their providers work on them, or another attempt is due then.';
comment on column worker.queue_depths.running is 'A dispatcher has them.';
comment on column worker.queue_depths.underway is
'Running, or their provider has them: what counts against its max_running.';
comment on column worker.queue_depths.begun is
'Were claimed once, wherever they are now: what a drain lets go on.';
comment on column worker.queue_depths.oldest_wait_seconds is
'How long the oldest has been in line; null: none is.';

create view worker.queue_users
with (security_invoker = true)
as
select
  tasks.user_id,
  count(*) as jobs,
  count(tasks.ready_at) as in_line,
  count(*) filter (where not tasks.is_admitted and tasks.waits_for = 0) as held,
  count(*) filter (where not tasks.is_admitted and tasks.waits_for > 0) as blocked,
  count(tasks.due_at) as parked,
  count(tasks.lease) as running,
  count(*) filter (where tasks.lease is not null or tasks.step <> 'submit') as underway,
  count(*) filter (where tasks.tries > 0) as begun,
  round(date_part('epoch', clock_timestamp() - min(tasks.ready_at))::numeric, 1)
    as oldest_wait_seconds
from worker.tasks
group by tasks.user_id;
comment on view worker.queue_users is
'How much each user has in the queue; columns as in worker.queue_depths.';

create view worker.queue_rates
with (security_invoker = true)
as
with recent as (
  select
    jobs.provider,
    jobs.kind,
    moves.to_status,
    moves.created_at > now() - interval '1 minute' as is_of_last_minute
  from public.job_events as moves
  inner join public.generation_jobs as jobs on moves.job_id = jobs.id
  where
    moves.created_at > now() - interval '5 minutes'
    and moves.to_status in ('starting', 'completed', 'failed', 'cancelled', 'expired')
    and moves.from_status <> 'pending'  -- a draft that was dropped never was in the queue
)

select
  recent.provider,
  recent.kind,
  count(*) filter (
    where recent.is_of_last_minute and recent.to_status = 'starting'
  ) as started_1m,
  count(*) filter (where recent.is_of_last_minute and recent.to_status <> 'starting') as ended_1m,
  count(*) filter (where recent.to_status = 'starting') as started_5m,
  count(*) filter (where recent.to_status = 'completed') as completed_5m,
  count(*) filter (where recent.to_status = 'failed') as failed_5m,
  count(*) filter (where recent.to_status = 'cancelled') as cancelled_5m,
  count(*) filter (where recent.to_status = 'expired') as expired_5m
from recent
group by recent.provider, recent.kind;
comment on view worker.queue_rates is
'How many attempts were begun and how many jobs ended in the last minute and the last five, by '
'provider and kind.';
comment on column worker.queue_rates.started_1m is 'Attempts begun in the last minute.';
comment on column worker.queue_rates.ended_1m is 'Jobs that ended in the last minute, however.';

revoke all on worker.queue_jobs, worker.queue_depths, worker.queue_users, worker.queue_rates
from public, anon, authenticated, service_role;
grant select on worker.queue_jobs, worker.queue_depths, worker.queue_users, worker.queue_rates
to service_role;

-- ---------------------------------------------------------------------------------------------
-- To do
-- ---------------------------------------------------------------------------------------------

create function private.require_operator(p_operator text, p_reason text)
returns void
language plpgsql
immutable
set search_path = ''
as $$
begin
  if (char_length(btrim(p_operator)) between 1 and 100) is not true then
    raise exception 'Say who you are, in up to 100 characters.'
      using errcode = 'PT400', hint = 'operator_required';
  elsif (char_length(btrim(p_reason)) between 1 and 500) is not true then
    raise exception 'Say why, in up to 500 characters.'
      using errcode = 'PT400', hint = 'reason_required';
  end if;
end;
$$;
comment on function private.require_operator is
'Nothing is done without a name and a reason. Raises PT400 operator_required or reason_required.';
revoke execute on function private.require_operator from public;

create function worker.cancel_job(p_job_id uuid, p_reason text, p_operator text)
returns public.generation_jobs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_job public.generation_jobs;
  v_status public.job_status;
begin
  perform private.require_operator(p_operator, p_reason);
  v_job := private.lock_job(p_job_id);
  v_status := v_job.status;
  if v_job.id is null then
    raise exception 'There is no such job.' using errcode = 'PT404', hint = 'job_not_found';
  elsif v_status = 'cancelled' then
    return v_job;
  elsif v_status = 'pending' then
    raise exception 'The job is a draft: nothing runs, and nothing was charged.'
      using errcode = 'PT409', hint = 'job_is_draft';
  elsif v_job.finished_at is not null then
    raise exception 'The job is % already.', v_status
      using errcode = 'PT409', hint = 'job_ended',
        detail = json_build_object('status', v_status)::text;
  end if;

  update public.generation_jobs
  set status = 'cancelled', error_code = 'cancelled_by_operator',
      error_message = 'The job was cancelled by the people who run this service.'
  where id = p_job_id
  returning * into v_job;
  insert into worker.operator_actions (operator, action, reason, user_id, transaction_id, details)
  values (
    btrim(p_operator), 'cancel_job', btrim(p_reason), v_job.user_id,
    (
      select id from public.credit_transactions
      where reverses_id = v_job.credit_transaction_id
      order by version desc
      limit 1
    ),
    jsonb_build_object('job_id', p_job_id, 'status', v_status)
  );
  return v_job;
end;
$$;
comment on function worker.cancel_job is
'An operator cancels a job that has not ended: it is refunded, its provider is told, and what '
'waits for it is cancelled, too. Returns the job; the same for one that is cancelled already. '
'Raises PT400 operator_required or reason_required, PT404 job_not_found, PT409 job_ended or '
'job_is_draft.';

create function private.retry_for_owner(p_job public.generation_jobs)
returns public.generation_jobs
language plpgsql
set search_path = ''
as $$
declare
  v_claims text := coalesce(current_setting('request.jwt.claims', true), '');
  v_job public.generation_jobs;
begin
  perform set_config(
    'request.jwt.claims',
    jsonb_build_object('sub', p_job.user_id, 'role', coalesce(auth.role(), 'postgres'))::text, true
  );
  if auth.uid() is distinct from p_job.user_id then
    raise exception 'The caller is somebody already, and cannot act for a job''s owner.'
      using errcode = 'PT403', hint = 'caller_is_a_user';
  end if;
  v_job := public.retry_generation(p_job.id);
  perform set_config('request.jwt.claims', v_claims, true);
  return v_job;
end;
$$;
comment on function private.retry_for_owner is
'Retries a job in its owner''s name, by the owner''s own function, with all that it checks and '
'charges. The job''s history says that the services did it. Raises PT403 caller_is_a_user.';

create function worker.retry_job(p_job_id uuid, p_reason text, p_operator text)
returns public.generation_jobs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_job public.generation_jobs;
  v_task worker.tasks;
  v_retry public.generation_jobs;
  v_is_new boolean;
begin
  perform private.require_operator(p_operator, p_reason);
  v_job := private.lock_job(p_job_id);
  if v_job.id is null then
    raise exception 'There is no such job.' using errcode = 'PT404', hint = 'job_not_found';
  elsif v_job.status = 'pending' then
    raise exception 'The job is a draft: its owner has not submitted it.'
      using errcode = 'PT409', hint = 'job_is_draft';
  elsif v_job.status = 'completed' then
    raise exception 'The job is done; there is nothing to retry.'
      using errcode = 'PT409', hint = 'job_completed';
  end if;

  if v_job.finished_at is null then
    select * into v_task from worker.tasks where job_id = p_job_id for no key update;
    if v_task.due_at is null then
      raise exception 'Only what is parked or has ended is retried; the job is %.',
        case
          when v_task.lease is not null then 'being worked on'
          when v_task.ready_at is not null then 'in line'
          when v_task.waits_for > 0 then 'waiting for other jobs'
          else 'waiting for its owner''s other jobs'
        end
        using errcode = 'PT409', hint = case
          when v_task.lease is not null then 'job_running'
          when v_task.ready_at is not null then 'job_in_line'
          when v_task.waits_for > 0 then 'job_blocked'
          else 'job_held'
        end;
    elsif v_task.due_at <= private.now() then
      return v_job;
    end if;
    update worker.tasks set due_at = private.now() where job_id = p_job_id;
    insert into worker.operator_actions (operator, action, reason, user_id, details)
    values (
      btrim(p_operator), 'retry_job', btrim(p_reason), v_job.user_id,
      jsonb_build_object('job_id', p_job_id, 'was_due_at', v_task.due_at)
    );
    perform pg_catalog.pg_notify('reelbase_tasks', v_task.provider);
    return v_job;
  end if;

  if v_job.hidden_at is not null or exists (
    select from public.projects where id = v_job.project_id and deleted_at is not null
  ) then
    raise exception 'The job''s owner has deleted it.'
      using errcode = 'PT409', hint = 'job_deleted';
  end if;
  -- The owner may have done it already. The account is locked: nobody can do it in between.
  v_is_new := not exists (
    select from public.generation_jobs
    where user_id = v_job.user_id and idempotency_key = 'retry:' || p_job_id
  );
  v_retry := private.retry_for_owner(v_job);
  if v_is_new then
    insert into worker.operator_actions (
      operator, action, reason, user_id, transaction_id, details
    )
    values (
      btrim(p_operator), 'retry_job', btrim(p_reason), v_job.user_id,
      v_retry.credit_transaction_id,
      jsonb_build_object('job_id', p_job_id, 'new_job_id', v_retry.id)
    );
  end if;
  return v_retry;
end;
$$;
comment on function worker.retry_job is
'An operator has a job tried again. One that is parked is due at once, and is returned. One that '
'failed, expired or was cancelled is submitted anew in its owner''s name, charged at today''s '
'price, and the new job is returned; the same one again for the same job. Raises PT400 '
'operator_required or reason_required, PT404 job_not_found, PT409 job_completed, job_is_draft, '
'job_deleted, job_in_line, job_running, job_held or job_blocked, and what submit_generation does.';

create function worker.operate_provider(
  p_provider text, p_action text, p_reason text, p_operator text, p_settings jsonb default '{}'
)
returns worker.providers
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_provider worker.providers;
  v_limit text;
begin
  perform private.require_operator(p_operator, p_reason);
  if not exists (select from public.models where provider = p_provider)
    and not exists (select from worker.providers where name = p_provider)
    and not exists (select from worker.tasks where provider = p_provider)
  then
    raise exception 'There is no provider %.', left(p_provider, 100)
      using errcode = 'PT404', hint = 'provider_not_found';
  end if;

  if p_action = 'pause' then
    if (p_settings ->> 'until')::timestamptz <= private.now() then
      raise exception 'A pause ends in the future, or never.'
        using errcode = 'PT400', hint = 'invalid_time';
    end if;
    v_provider := worker.pause_provider(
      p_provider, btrim(p_reason), coalesce((p_settings ->> 'until')::timestamptz, 'infinity')
    );
  elsif p_action = 'resume' then
    v_provider := worker.resume_provider(p_provider);
  elsif p_action = 'limit' then
    foreach v_limit in array array['max_running', 'starts_per_minute'] loop
      if jsonb_typeof(p_settings -> v_limit) <> 'null'
        and (p_settings ->> v_limit !~ '^[1-9][0-9]{0,8}$')
      then
        raise exception '%: must be from 1 to 999999999, or null for no limit.', v_limit
          using errcode = 'PT400', hint = 'invalid_limit';
      end if;
    end loop;
    select * into v_provider from worker.providers where name = p_provider;
    v_provider := worker.limit_provider(
      p_provider,
      case
        when p_settings ? 'max_running' then (p_settings ->> 'max_running')::integer
        else v_provider.max_running
      end,
      case
        when p_settings ? 'starts_per_minute' then (p_settings ->> 'starts_per_minute')::integer
        else v_provider.starts_per_minute
      end
    );
  elsif p_action in ('drain', 'undrain') then
    v_provider := worker.drain_provider(p_provider, p_action = 'drain');
  else
    raise exception 'p_action: must be pause, resume, limit, drain or undrain.'
      using errcode = 'PT400', hint = 'unknown_action';
  end if;

  insert into worker.operator_actions (operator, action, reason, details)
  values (
    btrim(p_operator), p_action || '_provider', btrim(p_reason),
    jsonb_build_object('provider', p_provider) || coalesce(p_settings, '{}')
  );
  return v_provider;
end;
$$;
comment on function worker.operate_provider is
'An operator pauses a provider ({until}), resumes it, limits it ({max_running, starts_per_minute}; '
'null: no limit; left out: as it is), drains it or ends that. Returns the provider. Raises PT400 '
'operator_required, reason_required, invalid_time, invalid_limit or unknown_action, PT404 '
'provider_not_found.';

revoke execute on function
private.retry_for_owner, worker.cancel_job, worker.retry_job, worker.operate_provider
from public;
grant execute on function worker.cancel_job, worker.retry_job, worker.operate_provider
to service_role;
