-- How events of payments are acted on, and how an operator has any event tried again.
--
-- An event is claimed for a while, applied (which may be done twice: what it leads to is
-- idempotent), and finished. Whoever claimed it and vanished is made up for when the time is over;
-- the number of the attempt keeps a late word from counting. What failed is due again after five
-- seconds, then after twice as long each time, up to an hour; after twelve attempts it is dead.
--
-- Locks: the payment or job (key share), then the event.

create function private.is_worn_out(p_attempts integer, p_forgiven integer)
returns boolean
language sql
immutable
set search_path = ''
return p_attempts - p_forgiven >= 12;
comment on function private.is_worn_out is 'Whether an event was acted on often enough.';

create function worker.claim_webhooks(
  p_providers text[], p_limit integer default 20, p_lease_seconds integer default 60
)
returns table (
  id uuid, provider text, event_id text, type text, subject text, payload json,
  attempts integer, created_at timestamptz
)
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := private.now();
  v_due uuid[];
begin
  v_due := array(
    select events.id
    from worker.webhook_events as events
    where events.is_of_payment and events.next_attempt_at <= v_now
      and events.provider = any(p_providers)
    order by events.next_attempt_at
    limit p_limit
    for no key update skip locked
  );
  if cardinality(v_due) = 0 then
    return;
  end if;
  -- Whatever kills whoever acts on it, every time, ends too.
  update worker.webhook_events as events
  set status = 'dead', next_attempt_at = null,
      error = coalesce(events.error, 'Whoever acted on it never said how it went.')
  where events.id = any(v_due) and private.is_worn_out(events.attempts, events.forgiven);
  return query
  with claimed as (
    update worker.webhook_events as events
    set attempts = events.attempts + 1,
        next_attempt_at = v_now + make_interval(secs => p_lease_seconds)
    where events.id = any(v_due) and events.status <> 'dead'
    returning
      events.id, events.provider, events.event_id, events.type, events.subject, events.payload,
      events.attempts, events.created_at
  )
  select
    claimed.id, claimed.provider, claimed.event_id, claimed.type, claimed.subject,
    claimed.payload, claimed.attempts, claimed.created_at
  from claimed
  order by claimed.created_at;
end;
$$;
comment on function worker.claim_webhooks is
'Gives up to p_limit due events of these providers of payments, oldest first, to the caller for '
'p_lease_seconds; finish_webhook, with the number of the attempt, when one was acted on. One that '
'is not finished in time is claimed again, and is dead after twelve attempts.';

create function worker.finish_webhook(
  p_id uuid,
  p_attempt integer,
  p_status worker.webhook_status,
  p_error text default null,
  p_payment_id uuid default null
)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := private.now();
  v_payment_id uuid;
  v_event worker.webhook_events;
begin
  if p_status is null or p_status not in ('processed', 'ignored', 'failed') then
    raise exception 'p_status: must be processed, ignored or failed.'
      using errcode = 'PT400', hint = 'invalid_status';
  end if;
  -- One that is not there any more is nothing that the event could refer to.
  select payments.id into v_payment_id from public.payments
  where payments.id = p_payment_id for key share;
  select * into v_event from worker.webhook_events as events
  where events.id = p_id and events.attempts = p_attempt and events.attempts > events.forgiven
    and events.next_attempt_at is not null
  for no key update;
  if not found then
    return false;
  end if;
  v_event.status := p_status;
  v_event.next_attempt_at := null;
  if p_status in ('processed', 'ignored') then
    v_event.processed_at := v_now;
  elsif private.is_worn_out(v_event.attempts, v_event.forgiven) then
    v_event.status := 'dead';
  else
    v_event.next_attempt_at := v_now + least(
      interval '5 seconds' * 2 ^ (v_event.attempts - v_event.forgiven - 1), interval '1 hour'
    );
  end if;
  update worker.webhook_events
  set status = v_event.status, next_attempt_at = v_event.next_attempt_at,
      processed_at = v_event.processed_at, error = left(p_error, 5000),
      payment_id = coalesce(v_payment_id, payment_id)
  where id = p_id;
  return true;
end;
$$;
comment on function worker.finish_webhook is
'Says how acting on a claimed event went: processed; ignored, since there was nothing to do; or '
'failed, so that it is due again after a while, or dead after twelve attempts. p_attempt is '
'`attempts` as it was claimed: a late word of an attempt before changes nothing and returns false. '
'Raises PT400 invalid_status.';

create function worker.replay_webhook(p_id uuid, p_reason text, p_operator text)
returns worker.webhook_events
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := private.now();
  v_event worker.webhook_events;
  v_user_id uuid;
begin
  perform private.require_operator(p_operator, p_reason);
  select * into v_event from worker.webhook_events where id = p_id for no key update;
  if not found then
    raise exception 'There is no such event, or not any more.'
      using errcode = 'PT404', hint = 'webhook_not_found';
  elsif v_event.status = 'received' then
    raise exception 'The event is about to be acted on as it is.'
      using errcode = 'PT409', hint = 'webhook_is_open';
  end if;
  select coalesce(
    (select user_id from public.payments where id = v_event.payment_id),
    (select user_id from public.generation_jobs where id = v_event.job_id)
  ) into v_user_id;
  insert into worker.operator_actions (operator, action, reason, user_id, details)
  values (
    btrim(p_operator), 'replay_webhook', btrim(p_reason), v_user_id,
    jsonb_build_object(
      'id', p_id, 'provider', v_event.provider, 'event_id', v_event.event_id,
      'type', v_event.type, 'status', v_event.status
    )
  );
  update worker.webhook_events
  set status = 'received', next_attempt_at = v_now, processed_at = null, error = null,
      forgiven = attempts
  where id = p_id
  returning * into v_event;
  return v_event;
end;
$$;
comment on function worker.replay_webhook is
'An operator has an event acted on again, at once and with twelve new attempts, whatever became of '
'it before; acting on it twice changes nothing. Returns the event. Raises PT400 operator_required '
'or reason_required, PT404 webhook_not_found, PT409 webhook_is_open.';

revoke execute on function private.is_worn_out from public;
revoke execute on function
worker.claim_webhooks, worker.finish_webhook, worker.replay_webhook
from public, anon, authenticated;
grant execute on function worker.claim_webhooks, worker.finish_webhook, worker.replay_webhook
to service_role;
