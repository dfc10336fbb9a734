-- What an operator does to somebody's credits, and who it was.
--
-- Each of these is a movement in the ledger like any other, by the same functions; what is added is
-- a name, a reason, and a row in worker.operator_actions that nobody can take back. They stand
-- there and not in the ledger, which its owner reads. The name is the caller's word: whoever has
-- the services' key, or the database, may be anybody.

create table worker.operator_actions (
  id uuid primary key default gen_random_uuid(),
  operator text not null,
  action text not null,
  reason text not null,
  user_id uuid,
  transaction_id uuid,
  details jsonb not null default '{}',
  created_at timestamptz not null default private.now(),
  constraint operator_actions_action_is_known check (
    action in (
      'grant_credits', 'adjust_credits', 'refund_job', 'cancel_job', 'retry_job', 'pause_provider',
      'resume_provider', 'limit_provider', 'drain_provider', 'undrain_provider', 'replay_webhook',
      'enable_model', 'disable_model'
    )
  ),
  constraint operator_actions_are_about_a_user_or_a_provider check (
    -- An event may turn out to be about nobody.
    (user_id is null) = (action like '%provider' or action like '%model')
    or action = 'replay_webhook'
  ),
  constraint operator_actions_details_are_a_small_object check (
    private.is_small_object(details, 16384)
  )
);
comment on table worker.operator_actions is
'What operators did, who and why. Append-only; outlives the user on purpose.';
comment on column worker.operator_actions.user_id is
'Whose credits or job; no reference, since the user may go and this stays. Null: a provider, '
'a model, or an event of nobody''s.';
comment on column worker.operator_actions.transaction_id is
'The movement in the ledger, if there was one.';
create unique index operator_actions_transaction_id_key on worker.operator_actions (transaction_id)
where transaction_id is not null;
create index operator_actions_user_id_created_at_idx
on worker.operator_actions (user_id, created_at desc);
create index operator_actions_created_at_idx on worker.operator_actions (created_at desc);

create trigger operator_actions_keep before update or delete on worker.operator_actions
for each row execute function private.refuse_by_hand();
create trigger operator_actions_keep_whole before truncate on worker.operator_actions
for each statement execute function private.refuse_by_hand();
alter table worker.operator_actions
enable always trigger operator_actions_keep,
enable always trigger operator_actions_keep_whole;

alter table worker.operator_actions enable row level security;
revoke all on worker.operator_actions from public, anon, authenticated, service_role;
grant select on worker.operator_actions to service_role;

create function private.begin_action(
  p_user_id uuid, p_operator text, p_reason text, p_idempotency_key text, p_action text,
  p_details jsonb
)
returns public.credit_transactions
language plpgsql
set search_path = ''
as $$
declare
  v_transaction public.credit_transactions;
  v_action worker.operator_actions;
begin
  if (char_length(btrim(p_operator)) between 1 and 100) is not true then
    raise exception 'Say who you are, in up to 100 characters.'
      using errcode = 'PT400', hint = 'operator_required';
  elsif (char_length(btrim(p_reason)) between 1 and 500) is not true then
    raise exception 'Say why, in up to 500 characters.'
      using errcode = 'PT400', hint = 'reason_required';
  elsif char_length(p_idempotency_key) not between 1 and 150 then
    raise exception 'An idempotency key has 1 to 150 characters.'
      using errcode = 'PT400', hint = 'invalid_idempotency_key';
  end if;
  perform private.lock_account(p_user_id);
  if not exists (select from public.credit_accounts where user_id = p_user_id) then
    raise exception 'There is no such user.' using errcode = 'PT404', hint = 'user_not_found';
  end if;

  select * into v_transaction from public.credit_transactions
  where user_id = p_user_id and idempotency_key = 'operator:' || p_idempotency_key;
  if found then
    select * into v_action from worker.operator_actions where transaction_id = v_transaction.id;
    if (v_action.action, v_action.details) is distinct from (p_action, p_details) then
      raise exception 'The idempotency key was used for something else.'
        using errcode = 'PT409', hint = 'idempotency_key_reused';
    end if;
  end if;
  return v_transaction;
end;
$$;
comment on function private.begin_action is
'Locks the account of whom an operator does something for, and returns what the same key did '
'before, if it did. Raises PT400 operator_required, reason_required or invalid_idempotency_key, '
'PT404 user_not_found, PT409 idempotency_key_reused.';

create function private.end_action(
  p_transaction_id uuid, p_user_id uuid, p_operator text, p_reason text, p_action text,
  p_details jsonb
)
returns public.credit_transactions
language plpgsql
set search_path = ''
as $$
declare
  v_transaction public.credit_transactions;
begin
  insert into worker.operator_actions (operator, action, reason, user_id, transaction_id, details)
  values (btrim(p_operator), p_action, btrim(p_reason), p_user_id, p_transaction_id, p_details);
  select * into v_transaction from public.credit_transactions where id = p_transaction_id;
  return v_transaction;
end;
$$;
comment on function private.end_action is 'Writes down what an operator did, and returns it.';
revoke execute on function private.begin_action, private.end_action from public;

create function worker.grant_credits(
  p_user_id uuid,
  p_amount numeric,
  p_reason text,
  p_operator text,
  p_idempotency_key text default null,
  p_expires_at timestamptz default null
)
returns public.credit_transactions
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_details jsonb;
  v_transaction public.credit_transactions;
begin
  perform private.check_amount(p_amount);
  v_details := jsonb_build_object(
    'amount', round(p_amount, 2), 'expires_at', extract(epoch from p_expires_at)
  );
  v_transaction := private.begin_action(
    p_user_id, p_operator, p_reason, p_idempotency_key, 'grant_credits', v_details
  );
  if v_transaction.id is not null then
    return v_transaction;
  elsif p_expires_at <= private.now() or not isfinite(p_expires_at) then
    raise exception 'Credits end in the future, or never.'
      using errcode = 'PT400', hint = 'invalid_expiry';
  end if;
  return private.end_action(
    private.grant_credits(
      p_user_id, p_amount, 'bonus',
      'operator:' || coalesce(p_idempotency_key, gen_random_uuid()::text), p_expires_at,
      p_description => 'Credits given'
    ),
    p_user_id, p_operator, p_reason, 'grant_credits', v_details
  );
end;
$$;
comment on function worker.grant_credits is
'An operator gives credits, until p_expires_at if any. Returns the movement; the same for the same '
'key. Raises PT400 invalid_amount, invalid_expiry, operator_required or reason_required, PT404 '
'user_not_found, PT409 idempotency_key_reused or credit_limit_reached.';

create function worker.adjust_credits(
  p_user_id uuid,
  p_amount numeric,
  p_reason text,
  p_operator text,
  p_idempotency_key text default null
)
returns public.credit_transactions
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_key text := 'operator:' || coalesce(p_idempotency_key, gen_random_uuid()::text);
  v_details jsonb;
  v_transaction public.credit_transactions;
  v_there numeric;
begin
  perform private.check_amount(abs(p_amount));
  v_details := jsonb_build_object('amount', round(p_amount, 2));
  v_transaction := private.begin_action(
    p_user_id, p_operator, p_reason, p_idempotency_key, 'adjust_credits', v_details
  );
  if v_transaction.id is not null then
    return v_transaction;
  elsif p_amount > 0 then
    v_transaction.id := private.grant_credits(
      p_user_id, p_amount, 'adjustment', v_key, p_description => 'Balance adjusted'
    );
  else
    select coalesce(sum(remaining), 0) into v_there from public.credit_grants
    where user_id = p_user_id and not is_spent
      and (expires_at is null or expires_at > private.now());
    if v_there < -p_amount then
      raise exception 'The account has % that could be taken.', v_there
        using errcode = 'PT409', hint = 'adjustment_exceeds_balance',
          detail = json_build_object('available', v_there)::text;
    end if;
    v_transaction := private.take_credits(
      p_user_id, -p_amount, 'adjustment', p_description => 'Balance adjusted',
      p_idempotency_key => v_key
    );
  end if;
  return private.end_action(
    v_transaction.id, p_user_id, p_operator, p_reason, 'adjust_credits', v_details
  );
end;
$$;
comment on function worker.adjust_credits is
'An operator puts an account right, up or down. Returns the movement; the same for the same key. '
'Raises PT400 invalid_amount, operator_required or reason_required, PT404 user_not_found, PT409 '
'adjustment_exceeds_balance, idempotency_key_reused or credit_limit_reached.';

create function worker.refund_job(
  p_job_id uuid,
  p_reason text,
  p_operator text,
  p_amount numeric default null,
  p_idempotency_key text default null
)
returns public.credit_transactions
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_job public.generation_jobs;
  v_details jsonb;
  v_transaction public.credit_transactions;
begin
  if p_amount is not null then
    perform private.check_amount(p_amount);
  end if;
  v_details := jsonb_build_object('job_id', p_job_id, 'amount', round(p_amount, 2));
  v_job := private.lock_job(p_job_id);
  if v_job.id is null then
    raise exception 'There is no such job.' using errcode = 'PT404', hint = 'job_not_found';
  end if;
  v_transaction := private.begin_action(
    v_job.user_id, p_operator, p_reason, p_idempotency_key, 'refund_job', v_details
  );
  if v_transaction.id is not null then
    return v_transaction;
  elsif v_job.finished_at is null then
    raise exception 'The job is still running; cancelling it returns its credits.'
      using errcode = 'PT409', hint = 'job_not_ended';
  end if;
  if (
    select accounts.balance + coalesce(p_amount, v_job.credit_cost)
    from public.credit_accounts as accounts where accounts.user_id = v_job.user_id
  ) > 99999999.99 then
    raise exception 'The account cannot hold that many credits.'
      using errcode = 'PT409', hint = 'credit_limit_reached';
  end if;
  v_transaction.id := private.refund_deduction(
    p_job_id, p_amount, 'Refunded',
    'operator:' || coalesce(p_idempotency_key, gen_random_uuid()::text)
  );
  if v_transaction.id is null then
    raise exception 'Nothing of the job''s charge is left to return.'
      using errcode = 'PT409', hint = 'refund_exceeds_charge';
  end if;
  return private.end_action(
    v_transaction.id, v_job.user_id, p_operator, p_reason, 'refund_job', v_details
  );
end;
$$;
comment on function worker.refund_job is
'An operator returns what a finished job cost, all that is left of it or p_amount. Returns the '
'movement; the same for the same key. Raises PT400 invalid_amount, operator_required or '
'reason_required, PT404 job_not_found, PT409 job_not_ended, refund_exceeds_charge, '
'credit_limit_reached or idempotency_key_reused.';

revoke execute on function worker.grant_credits, worker.adjust_credits, worker.refund_job
from public;
grant execute on function worker.grant_credits, worker.adjust_credits, worker.refund_job
to service_role;
