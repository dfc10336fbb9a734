-- How webhooks come in, and how those of jobs wake their tasks.
--
-- Many requests share one call, since a commit costs more than fifty rows. An entry that cannot be
-- stored never spoils the others: it is missing from the answer.
--
-- An event of a job changes nothing but when its provider is asked: what it says of the job is not
-- believed. If a task is known by the event's subject it gets in line, or is marked where it is
-- leased, so that it is not parked. If the work is over, the event is ignored. Else it may have
-- come before the dispatcher could say under which id its provider has the job:
-- worker.follow_webhooks, in every round of worker.tend_queue, looks again after 1, 4, 16, 64
-- seconds and so on, and gives up after ten minutes. Nothing hangs on it: a job whose event is lost
-- is asked after all the same.
--
-- Locks: events are inserted in one order, so that two batches with the same ones wait for each
-- other in one direction. Jobs and tasks are never waited for: one that somebody has locked at this
-- moment is left to follow_webhooks. So no batch is part of a deadlock. The job is locked
-- (key share) with its task, so that it cannot be deleted before the event refers to it.

create function private.wake_tasks(p_providers text[], p_subjects text[])
returns table (provider text, subject text, job_id uuid)
language plpgsql
set search_path = ''
as $$
declare
  v_found record;
  v_woken text[];
begin
  select
    array_agg(found.provider) as providers, array_agg(found.provider_job_id) as subjects,
    array_agg(found.job_id) as jobs
  into v_found
  from (
    select tasks.provider, tasks.provider_job_id, tasks.job_id
    from worker.tasks
    inner join public.generation_jobs as jobs on jobs.id = tasks.job_id
    where tasks.provider = any(p_providers) and tasks.provider_job_id = any(p_subjects)
      and exists (
        select from unnest(p_providers, p_subjects) as asked (provider, subject)
        where asked.provider = tasks.provider and asked.subject = tasks.provider_job_id
      )
    for key share of jobs skip locked
    for no key update of tasks skip locked
  ) as found;
  if v_found.jobs is null then
    return;
  end if;
  with woken as (
    update worker.tasks
    set ready_at = case when tasks.due_at is not null then clock_timestamp() end,
        due_at = null,
        is_woken = tasks.lease is not null
    where tasks.job_id = any(v_found.jobs)
      and (tasks.due_at is not null or (tasks.lease is not null and not tasks.is_woken))
    returning tasks.provider
  )
  select array_agg(distinct woken.provider) into v_woken from woken;
  perform pg_catalog.pg_notify('reelbase_tasks', woken.provider)
  from unnest(v_woken) as woken (provider);
  return query
  select found.provider, found.subject, found.job_id
  from unnest(v_found.providers, v_found.subjects, v_found.jobs)
    as found (provider, subject, job_id);
end;
$$;
comment on function private.wake_tasks is
'Has tasks looked up now, by their providers and the providers'' ids, which come in pairs; returns '
'those that were found. Passes over what somebody has locked.';

create function private.find_past_work(p_providers text[], p_subjects text[])
returns table (provider text, subject text, job_id uuid)
language plpgsql
set search_path = ''
as $$
begin
  return query
  select attempts.provider, attempts.provider_job_id, attempts.job_id
  from worker.attempts
  inner join public.generation_jobs as jobs on jobs.id = attempts.job_id
  where attempts.provider = any(p_providers) and attempts.provider_job_id = any(p_subjects)
    and not exists (
      select from worker.tasks
      where tasks.job_id = attempts.job_id
        and tasks.provider_job_id = attempts.provider_job_id
    )
  for key share of jobs skip locked;
end;
$$;
comment on function private.find_past_work is
'What was known by these providers'' ids and is over: its job has ended, or was submitted anew.';

create function private.store_webhooks(p_events jsonb)
returns table (provider text, event_id text, is_new boolean)
language plpgsql
set search_path = ''
as $$
declare
  v_now timestamptz := private.now();
  v_of_payments text[] := enum_range(null::public.payment_provider)::text[];
  v_fresh record;
begin
  -- Only what is new wakes anybody. Lateral and limited, so that each is one look into the index,
  -- whatever the table was like when the plan was made.
  select array_agg(given.provider) as providers, array_agg(given.subject) as subjects
  into v_fresh
  from jsonb_to_recordset(p_events) as given (provider text, event_id text, subject text)
  left join lateral (
    select true as is_known from worker.webhook_events as events
    where events.provider = given.provider and events.event_id = given.event_id
    limit 1
  ) as known on true
  where given.subject <> '' and given.provider <> all(v_of_payments) and known.is_known is null;

  return query
  with found as materialized (
    select distinct on (known.provider, known.subject)
      known.provider, known.subject, known.job_id, known.is_awake
    from (
      select tasks.provider, tasks.subject, tasks.job_id, true as is_awake
      from private.wake_tasks(v_fresh.providers, v_fresh.subjects) as tasks
      union all
      select past.provider, past.subject, past.job_id, false
      from private.find_past_work(v_fresh.providers, v_fresh.subjects) as past
    ) as known
    order by known.provider, known.subject, known.is_awake desc
  ),
  -- The conditions are looked at after the joins: the planner thinks that they leave one row.
  given as materialized (
    select distinct on (events.provider collate "C", events.event_id collate "C")
      events.provider, events.event_id,
      coalesce(
        char_length(events.provider) between 1 and 50
        and char_length(events.event_id) between 1 and 255
        and octet_length(events.payload) <= 4194304,
        false
      ) as is_sound,
      coalesce(left(events.type, 255), '') as type,
      nullif(left(events.subject, 255), '') as subject,
      events.provider = any(v_of_payments) as is_of_payment,
      case
        when json_typeof(events.headers) = 'object' and octet_length(events.headers::text) <= 16384
          then events.headers
        else '{}'
      end as headers,
      events.payload
    from jsonb_to_recordset(p_events) as events (
      provider text, event_id text, type text, headers json, payload text, subject text
    )
    order by events.provider collate "C", events.event_id collate "C"
  ),
  stored as (
    insert into worker.webhook_events as events (
      provider, event_id, type, subject, is_of_payment, headers, payload, status,
      next_attempt_at, error, job_id, processed_at
    )
    select
      given.provider, given.event_id, given.type, given.subject, given.is_of_payment,
      given.headers, given.payload::json, fates.status,
      case
        when given.is_of_payment then v_now
        when fates.status = 'received' then v_now + interval '1 second'
      end,
      case
        when fates.status <> 'ignored' then null
        when given.subject is null then 'It does not say which job it is about.'
        else 'The work that it is about is over.'
      end,
      found.job_id, case when fates.status <> 'received' then v_now end
    from given
    left join found on found.provider = given.provider and found.subject = given.subject
    cross join lateral (
      select (case
        when given.is_of_payment then 'received'
        when found.is_awake then 'processed'
        when found.job_id is not null or given.subject is null then 'ignored'
        else 'received'
      end)::worker.webhook_status as status
    ) as fates
    where given.is_sound
    order by given.provider collate "C", given.event_id collate "C"
    on conflict on constraint webhook_events_provider_event_id_key do nothing
    returning events.provider, events.event_id
  )
  select
    given.provider, given.event_id,
    (given.provider, given.event_id) in (select stored.provider, stored.event_id from stored)
  from given
  where given.is_sound;
end;
$$;
comment on function private.store_webhooks is
'Stores events and wakes the tasks that they are about, all or, where one is not JSON, none.';

create function worker.receive_webhooks(p_events jsonb)
returns table (provider text, event_id text, is_new boolean)
language plpgsql
security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  v_stored record;
  v_event jsonb;
begin
  if jsonb_typeof(p_events) is distinct from 'array' then
    raise exception 'p_events: must be an array.'
      using errcode = 'PT400', hint = 'invalid_events';
  end if;
  begin
    select
      array_agg(kept.provider) as providers, array_agg(kept.event_id) as ids,
      array_agg(kept.is_new) as are_new
    into v_stored
    from private.store_webhooks(p_events) as kept;
    return query select * from unnest(v_stored.providers, v_stored.ids, v_stored.are_new);
    return;
  exception
    when data_exception or integrity_constraint_violation or program_limit_exceeded then
      null;
  end;
  -- One of them cannot be stored. Each by itself then, in the order in which all do it.
  for v_event in
    select given.event from jsonb_array_elements(p_events) as given (event)
    order by given.event ->> 'provider' collate "C", given.event ->> 'event_id' collate "C"
  loop
    begin
      select kept.provider, kept.event_id, kept.is_new into strict provider, event_id, is_new
      from private.store_webhooks(jsonb_build_array(v_event)) as kept;
      return next;
    exception
      when data_exception or integrity_constraint_violation or program_limit_exceeded
        or no_data_found then
        null;
    end;
  end loop;
end;
$$;
comment on function worker.receive_webhooks is
'Stores genuine events, each once, and has the jobs looked up that they are about: [{provider, '
'event_id (1 to 255 characters), type, headers, payload (the JSON as it was delivered, as a text), '
'subject}]. Answers, once it is committed, with those that are stored; is_new is false for one '
'that was there before. What cannot be stored, since it is not JSON or has no id, is missing from '
'the answer. Raises PT400 invalid_events.';

create function worker.follow_webhooks(p_limit integer default 1000)
returns integer
language plpgsql
security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := private.now();
  v_due record;
begin
  select
    array_agg(due.id) as ids, array_agg(due.provider) as providers,
    array_agg(due.subject) as subjects
  into v_due
  from (
    select events.id, events.provider, events.subject
    from worker.webhook_events as events
    where not events.is_of_payment and events.next_attempt_at <= v_now
    order by events.next_attempt_at
    limit p_limit
    for no key update skip locked
  ) as due;
  if v_due.ids is null then
    return 0;
  end if;

  with found as materialized (
    select distinct on (known.provider, known.subject)
      known.provider, known.subject, known.job_id, known.is_awake
    from (
      select tasks.provider, tasks.subject, tasks.job_id, true as is_awake
      from private.wake_tasks(v_due.providers, v_due.subjects) as tasks
      union all
      select past.provider, past.subject, past.job_id, false
      from private.find_past_work(v_due.providers, v_due.subjects) as past
    ) as known
    order by known.provider, known.subject, known.is_awake desc
  ),
  fates as materialized (
    select
      due.id, found.job_id,
      (case
        when found.is_awake then 'processed'
        when found.job_id is not null or due.attempts - due.forgiven >= 5 then 'ignored'
        else 'received'
      end)::worker.webhook_status as status,
      least(4 ^ (due.attempts - due.forgiven + 1), 256) * interval '1 second' as due_in,
      case
        when found.is_awake then null
        when found.job_id is not null then 'The work that it is about is over.'
        else 'There is no such job.'
      end as error
    from worker.webhook_events as due
    left join found on found.provider = due.provider and found.subject = due.subject
    where due.id = any(v_due.ids)
  )
  update worker.webhook_events as events
  set status = fates.status, job_id = fates.job_id, error = fates.error,
      attempts = events.attempts + 1,
      next_attempt_at = case when fates.status = 'received' then v_now + fates.due_in end,
      processed_at = case when fates.status <> 'received' then v_now end
  from fates
  where events.id = any(v_due.ids) and events.id = fates.id;
  return cardinality(v_due.ids);
end;
$$;
comment on function worker.follow_webhooks is
'Looks again for the jobs of events that found none, and wakes them; ignores what finds none for '
'ten minutes. Returns how many were due. Never waits for a lock.';

revoke execute on function
private.wake_tasks, private.find_past_work, private.store_webhooks
from public;
revoke execute on function worker.receive_webhooks, worker.follow_webhooks
from public, anon, authenticated;
grant execute on function worker.receive_webhooks, worker.follow_webhooks to service_role;
