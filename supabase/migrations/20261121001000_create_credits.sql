-- The ledger: who has how many credits, and why.
--
-- Three tables say the same thing in three ways, and must always agree:
--   credit_accounts      one row a user: the balance, for a quick answer.
--   credit_transactions  every movement, in order, never rewritten: the books.
--   credit_grants        lots: every credit in the balance belongs to one, so that what was given
--                        for a month can end with the month without touching what was bought.
-- credit_allocations says which lots a transaction took from or gave back to.
-- private.reconcile_credits() returns every disagreement; it must return no row.
--
-- Only functions write, as definer; no client role and no service role may. Triggers refuse even
-- the tables' owner who writes by hand: each function that writes has the search path
-- `reelbase_ledger`, a schema that there is not, so that it is as empty as everywhere else, and the
-- triggers let nobody write who has another. It is a latch, not a lock (an owner can take triggers
-- away, too): it is there so that no hotfix at night puts the books out of order.
--
-- Each function takes the account's row lock first: movements of one account happen one after
-- another, movements of different accounts never wait for each other. Lock order everywhere:
-- profile, project and campaign (shared), account, payment and subscription, job, task, lots,
-- ledger.
--
-- Debt is what a returned payment took and the account no longer had. It blocks spending, and
-- whatever comes in pays it first: an account with debt has nothing left that could be spent.

create table public.credit_accounts (
  user_id uuid primary key references public.profiles (user_id) on delete cascade,
  balance public.credit_balance not null default 0,
  debt public.credit_balance not null default 0,
  version bigint not null default 0,
  lifetime_earned public.credit_total not null default 0,
  lifetime_spent public.credit_total not null default 0,
  monthly_allowance public.credit_balance not null default 0,
  period_started_at timestamptz,
  period_ends_at timestamptz,
  last_transaction_at timestamptz,
  realtime_id uuid not null default gen_random_uuid(),
  created_at timestamptz not null default private.now(),
  updated_at timestamptz not null default now(),
  constraint credit_accounts_realtime_id_key unique (realtime_id),
  constraint credit_accounts_period_is_in_order check (period_started_at < period_ends_at)
)
with (fillfactor = 80);
comment on table public.credit_accounts is
'One row a user: what is there. Read by the owner, written only by the ledger''s functions.';
comment on column public.credit_accounts.balance is
'Credits not yet spent. A lot that has ended counts here until it is swept, but cannot be spent.';
comment on column public.credit_accounts.debt is
'What returned payments took and the balance no longer had. Blocks spending until it is paid.';
comment on column public.credit_accounts.version is 'Number of the account''s transactions.';
comment on column public.credit_accounts.lifetime_earned is
'All that ever came in, what only reverses something aside.';
comment on column public.credit_accounts.lifetime_spent is
'All that jobs cost, less their refunds.';
comment on column public.credit_accounts.monthly_allowance is
'What each month grants, by plan.';
comment on column public.credit_accounts.period_ends_at is
'When the month of the allowance is over.';

-- Whose month is over; see worker.follow_subscriptions. No charge moves it, so that charges stay
-- updates in place.
create index credit_accounts_period_ends_at_idx on public.credit_accounts (period_ends_at);

comment on column public.credit_accounts.realtime_id is
'Names the row in change streams: a deletion is told to everybody who listens, and must not tell '
'a user''s id.';

create trigger credit_accounts_set_updated_at before update on public.credit_accounts
for each row execute function private.set_updated_at();

create function private.is_sound_entry(
  p_type public.transaction_type, p_amount numeric, p_version bigint, p_job_id uuid,
  p_reverses_id uuid, p_metadata jsonb
)
returns boolean
language plpgsql
immutable
parallel safe
set search_path = ''
as $$
begin
  return p_version > 0
    and case
      when p_type in ('purchase', 'refund', 'bonus', 'grant') then p_amount > 0
      when p_type in ('deduction', 'expiration', 'chargeback') then p_amount < 0
      else p_amount <> 0
    end
    and (p_type <> 'deduction' or p_job_id is not null)
    and (p_type <> 'refund' or p_reverses_id is not null)
    and (p_metadata = '{}' or private.is_small_object(p_metadata, 16384));
end;
$$;
comment on function private.is_sound_entry is
'Whether a ledger entry''s sign fits its type, a deduction names its job, a refund what it '
'reverses, and its metadata are small. A function, since PostgreSQL parses a check constraint '
'anew for each statement, and this one is long.';
revoke execute on function private.is_sound_entry from public;

create table public.credit_transactions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.profiles (user_id) on delete cascade,
  version bigint not null,
  amount public.credit_movement not null,
  balance_after public.credit_balance not null,
  type public.transaction_type not null,
  status public.transaction_status not null default 'completed',
  operation_type public.generation_kind,
  model_id text,
  job_id uuid,
  payment_id uuid,
  reverses_id uuid references public.credit_transactions (id) on delete cascade,
  is_edit_call boolean not null default false,
  description text,
  metadata jsonb not null default '{}',
  idempotency_key text,
  created_at timestamptz not null default private.now(),
  processed_at timestamptz,
  constraint credit_transactions_user_id_version_key unique (user_id, version),
  constraint credit_transactions_payment_is_the_owners foreign key (payment_id, user_id)
  references public.payments (id, user_id) on delete cascade,
  constraint credit_transactions_entry_is_sound check (
    private.is_sound_entry(type, amount, version, job_id, reverses_id, metadata)
  )
);
comment on table public.credit_transactions is
'The ledger: every movement of credits, append-only. Only status moves, along fixed edges.';
comment on column public.credit_transactions.version is
'Place in the account''s history, 1, 2, 3, ... without a gap.';
comment on column public.credit_transactions.amount is 'Credits; negative takes, positive gives.';
comment on column public.credit_transactions.balance_after is 'The account''s balance after it.';
comment on column public.credit_transactions.operation_type is 'What sort of job it paid for.';
comment on column public.credit_transactions.model_id is 'Which model it paid for.';
comment on column public.credit_transactions.payment_id is
'The payment that bought them, or whose return takes them.';
comment on column public.credit_transactions.reverses_id is
'The transaction that it undoes, in whole or in part: a charge, or the taking back of a payment.';
comment on column public.credit_transactions.is_edit_call is 'Whether edit pricing was used.';
comment on column public.credit_transactions.metadata is
'month: of which month''s allowance an adjustment took back what was too much.';
comment on column public.credit_transactions.idempotency_key is
'Unique a user; the same movement asked for twice is written once.';
comment on column public.credit_transactions.processed_at is
'When a hold was settled or, never settled, returned.';

-- Charges have no key of their own: they do not stand in the index of keys.
create unique index credit_transactions_user_id_idempotency_key_key
on public.credit_transactions (user_id, idempotency_key) where idempotency_key is not null;
-- A job is charged at most once: this is the constraint, whatever the code above it does. Its other
-- entries stand under their own ids, so that the same index finds all of a job's.
create unique index credit_transactions_one_deduction_per_job_key
on public.credit_transactions (
  job_id, (case when type <> 'deduction' then id end)
) nulls not distinct where job_id is not null;
create index credit_transactions_payment_id_user_id_idx
on public.credit_transactions (payment_id, user_id) where payment_id is not null;
create index credit_transactions_reverses_id_idx on public.credit_transactions (reverses_id)
where reverses_id is not null;

-- The purchase that a payment led to; the other end of credit_transactions.payment_id.
alter table public.payments
add constraint payments_transaction_id_fkey foreign key (transaction_id)
references public.credit_transactions (id) deferrable initially deferred;
create unique index payments_transaction_id_key on public.payments (transaction_id)
where transaction_id is not null;

create function private.is_sound_lot(p_amount numeric, p_remaining numeric)
returns boolean
language plpgsql
immutable
parallel safe
set search_path = ''
as $$
begin
  return p_amount > 0 and p_remaining between 0 and p_amount;
end;
$$;
comment on function private.is_sound_lot is 'Whether a lot holds no more than it was given.';
revoke execute on function private.is_sound_lot from public;

create table public.credit_grants (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.profiles (user_id) on delete cascade,
  kind public.credit_grant_kind not null,
  amount public.credit_amount not null,
  remaining public.credit_balance not null,
  priority smallint not null default 0,
  expires_at timestamptz,
  source_key text not null,
  replaces_id uuid references public.credit_grants (id) on delete cascade,
  is_spent boolean not null generated always as (remaining = 0) stored,
  created_at timestamptz not null default private.now(),
  constraint credit_grants_user_id_source_key_key unique (user_id, source_key),
  constraint credit_grants_remaining_is_within_amount check (
    private.is_sound_lot(amount, remaining)
  )
)
with (fillfactor = 80);
comment on table public.credit_grants is 'Lots: where the credits of a balance came from.';
comment on column public.credit_grants.remaining is 'What has not been spent of it.';
comment on column public.credit_grants.priority is 'Higher is spent first; then what ends sooner.';
comment on column public.credit_grants.expires_at is
'From then on it cannot be spent; null: never.';
comment on column public.credit_grants.replaces_id is
'The lot that had ended when its credits came back, and in whose place this one is.';
comment on column public.credit_grants.is_spent is
'Whether nothing is left. The indexes ask for this and not for what is left, so that taking a part '
'of a lot is an update in place.';
comment on column public.credit_grants.source_key is
'What it was given for, unique a user: the same thing never grants twice.';

-- Walked in this order when spending; a spent lot leaves the index.
create index credit_grants_spending_order_idx
on public.credit_grants (user_id, priority desc, expires_at, id) where not is_spent;
create index credit_grants_replaces_id_idx on public.credit_grants (replaces_id)
where replaces_id is not null;
-- What is to be swept.
create index credit_grants_expires_at_idx on public.credit_grants (expires_at)
where not is_spent and expires_at is not null;

create table public.credit_allocations (
  transaction_id uuid not null references public.credit_transactions (id) on delete cascade,
  grant_id uuid not null references public.credit_grants (id) on delete cascade,
  amount public.credit_movement not null,
  primary key (transaction_id, grant_id)
);
comment on table public.credit_allocations is 'What a transaction did to which lot.';
comment on column public.credit_allocations.amount is
'Credits; negative: taken from the lot, positive: put into it.';

create index credit_allocations_grant_id_idx on public.credit_allocations (grant_id);

-- ---------------------------------------------------------------------------------------------
-- Writing
-- ---------------------------------------------------------------------------------------------

create function private.lock_account(p_user_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform 1 from public.profiles where user_id = p_user_id for key share;
  perform 1 from public.credit_accounts where user_id = p_user_id for no key update;
end;
$$;
comment on function private.lock_account is
'Locks a user''s account. The profile first, shared: the deletion of a user locks it before all '
'else, and whoever wrote a row of the user''s under the account''s lock would otherwise deadlock.';

create function private.try_lock_account(p_user_id uuid)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  perform 1 from public.profiles where user_id = p_user_id for key share skip locked;
  if not found then
    return false;
  end if;
  perform 1 from public.credit_accounts where user_id = p_user_id for no key update skip locked;
  return found;
end;
$$;
comment on function private.try_lock_account is
'Locks a user''s account if nobody else has it, and says whether it did. For what works on many '
'accounts in one transaction, in no order: who never waits is part of no deadlock.';

create function private.post_transaction(
  p_id uuid,
  p_user_id uuid,
  p_amount numeric,
  p_type public.transaction_type,
  p_status public.transaction_status,
  p_job_id uuid default null,
  p_reverses_id uuid default null,
  p_operation_type public.generation_kind default null,
  p_model_id text default null,
  p_is_edit_call boolean default false,
  p_description text default null,
  p_idempotency_key text default null,
  p_payment_id uuid default null,
  p_metadata jsonb default '{}'
)
returns void
language plpgsql
set search_path = reelbase_ledger
as $$
declare
  v_version bigint;
  v_balance numeric;
  v_earned numeric := case when p_reverses_id is null then greatest(p_amount, 0) else 0 end;
  v_spent numeric := case when p_type in ('deduction', 'refund') then -p_amount else 0 end;
begin
  update public.credit_accounts
  set balance = balance + p_amount,
      version = version + 1,
      lifetime_earned = lifetime_earned + v_earned,
      lifetime_spent = lifetime_spent + v_spent,
      last_transaction_at = private.now()
  where user_id = p_user_id
  returning version, balance into v_version, v_balance;
  if not found then
    raise exception 'The user has no credit account.'
      using errcode = 'PT404', hint = 'account_not_found';
  end if;

  insert into public.credit_transactions (
    id, user_id, version, amount, balance_after, type, status, job_id, reverses_id,
    operation_type, model_id, is_edit_call, description, idempotency_key, payment_id, metadata,
    processed_at
  )
  values (
    p_id, p_user_id, v_version, p_amount, v_balance, p_type, p_status, p_job_id, p_reverses_id,
    p_operation_type, p_model_id, p_is_edit_call, p_description, p_idempotency_key, p_payment_id,
    p_metadata, case when p_status <> 'pending' then private.now() end
  );
end;
$$;
comment on function private.post_transaction is
'Moves the balance and writes the ledger row that says so. Called by the functions below, which '
'see to the lots. Locks the account. Raises PT404 account_not_found, or the balance''s check.';

create function private.check_amount(p_amount numeric)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if p_amount is null or p_amount in ('NaN', 'Infinity', '-Infinity') or p_amount <= 0
    or p_amount > 99999999.99 or scale(trim_scale(p_amount)) > 2
  then
    -- Without the number itself: it may be one of a hundred thousand digits.
    raise exception 'An amount of credits is a number from 0.01 to 99999999.99, of two decimals.'
      using errcode = 'PT400', hint = 'invalid_amount';
  end if;
end;
$$;
comment on function private.check_amount is
'Refuses what is no amount of credits, before a column would round it. Raises PT400 '
'invalid_amount.';

create function private.grant_credits(
  p_user_id uuid,
  p_amount numeric,
  p_kind public.credit_grant_kind,
  p_source_key text,
  p_expires_at timestamptz default null,
  p_priority smallint default 0,
  p_description text default null,
  p_payment_id uuid default null
)
returns uuid
language plpgsql
set search_path = reelbase_ledger
as $$
declare
  v_account public.credit_accounts;
  v_held numeric;
  v_grant_id uuid;
  v_transaction_id uuid := gen_random_uuid();
begin
  perform private.check_amount(p_amount);
  perform private.lock_account(p_user_id);

  if exists (
    select from public.credit_grants where user_id = p_user_id and source_key = p_source_key
  ) then
    if not exists (
      select from public.credit_grants
      where user_id = p_user_id and source_key = p_source_key
        and kind = p_kind and amount = p_amount
    ) then
      raise exception 'The key % was used for another grant.', p_source_key
        using errcode = 'PT409', hint = 'idempotency_key_reused';
    end if;
    return null;
  end if;

  select * into v_account from public.credit_accounts where user_id = p_user_id;
  if not found then
    raise exception 'The user has no credit account.'
      using errcode = 'PT404', hint = 'account_not_found';
  end if;
  -- What running jobs hold may all come back, and must still fit.
  select coalesce(sum(jobs.credit_cost), 0) into v_held
  from public.generation_jobs as jobs
  where jobs.user_id = p_user_id and jobs.finished_at is null and jobs.status <> 'pending';
  if v_account.balance + v_held + p_amount > 90000000
    or v_account.lifetime_earned + p_amount > 9999999999.99
  then
    raise exception 'The account cannot hold that many credits.'
      using errcode = 'PT409', hint = 'credit_limit_reached',
        detail = json_build_object('limit', 90000000)::text;
  end if;

  insert into public.credit_grants (
    user_id, kind, amount, remaining, priority, expires_at, source_key
  )
  values (p_user_id, p_kind, p_amount, p_amount, p_priority, p_expires_at, p_source_key)
  returning id into v_grant_id;
  perform private.post_transaction(
    v_transaction_id, p_user_id, p_amount,
    (case p_kind when 'allowance' then 'grant' else p_kind::text end)::public.transaction_type,
    'completed', p_description => p_description, p_idempotency_key => p_source_key,
    p_payment_id => p_payment_id
  );
  insert into public.credit_allocations (transaction_id, grant_id, amount)
  values (v_transaction_id, v_grant_id, p_amount);
  perform private.collect_debt(p_user_id);
  return v_transaction_id;
end;
$$;
comment on function private.grant_credits is
'Gives a lot of credits, out of which debt is paid first. Returns the transaction; null when the '
'same had been given before under p_source_key. Locks the account. Raises PT400 invalid_amount, '
'PT404 account_not_found, PT409 credit_limit_reached, or idempotency_key_reused for another amount '
'or kind.';

create function private.deduct_credits(
  p_transaction_id uuid,
  p_user_id uuid,
  p_amount numeric,
  p_job_id uuid,
  p_operation_type public.generation_kind,
  p_model_id text,
  p_is_edit_call boolean
)
returns numeric
language plpgsql
set search_path = reelbase_ledger
as $$
declare
  v_account record;
  v_version bigint;
  v_balance numeric;
  v_lot record;
  v_lot_id uuid;
  v_missing numeric := p_amount;
  v_emptied uuid[];
begin
  -- The usual case in one statement: it locks the account, sees that the charge is possible, and
  -- moves the balance. What may be spent is less than the balance when a lot has ended; the lots
  -- below decide.
  loop
    update public.credit_accounts
    set balance = balance - p_amount, version = version + 1,
        lifetime_spent = lifetime_spent + p_amount, last_transaction_at = private.now()
    where user_id = p_user_id and debt = 0 and balance >= p_amount
      and lifetime_spent <= 9999999999.99 - p_amount
    returning version, balance into v_version, v_balance;
    exit when found;

    select debt, balance, lifetime_spent into v_account from public.credit_accounts
    where user_id = p_user_id for no key update;
    if v_account.debt > 0 then
      raise exception 'The account owes % credits from a reversed payment; buy credits to go on.',
        v_account.debt
        using errcode = 'PT402', hint = 'account_in_debt',
          detail = json_build_object('debt', v_account.debt)::text;
    elsif v_account.lifetime_spent + p_amount > 9999999999.99 then
      raise exception 'The account cannot count that many credits spent.'
        using errcode = 'PT409', hint = 'credit_limit_reached';
    elsif v_account.balance >= p_amount then
      continue;  -- somebody has paid in between
    end if;
    exit;
  end loop;

  -- Mostly the first lot is enough.
  if v_version is not null then
    update public.credit_grants
    set remaining = remaining - p_amount
    where remaining >= p_amount and id = (
      select id from public.credit_grants
      where user_id = p_user_id and not is_spent
        and (expires_at is null or expires_at > private.now())
      order by priority desc, expires_at, id
      limit 1
    )
    returning id into v_lot_id;
  end if;

  -- Else all but the last lot are emptied, and of the last what is missing is taken.
  if v_lot_id is null then
    for v_lot in
      select id, remaining from public.credit_grants
      where user_id = p_user_id and not is_spent
        and (expires_at is null or expires_at > private.now())
      order by priority desc, expires_at, id
    loop
      if v_lot.remaining >= v_missing then
        v_lot_id := v_lot.id;
        exit;
      end if;
      v_emptied := v_emptied || v_lot.id;
      v_missing := v_missing - v_lot.remaining;
    end loop;
    if v_version is null or v_lot_id is null then
      raise exception 'Not enough credits: % needed, % available.', p_amount, p_amount - v_missing
        using errcode = 'PT402', hint = 'insufficient_credits',
          detail = json_build_object('needed', p_amount, 'available', p_amount - v_missing)::text;
    end if;
  end if;

  with entry as (
    insert into public.credit_transactions (
      id, user_id, version, amount, balance_after, type, status, job_id, operation_type, model_id,
      is_edit_call
    )
    values (
      p_transaction_id, p_user_id, v_version, -p_amount, v_balance, 'deduction', 'pending',
      p_job_id, p_operation_type, p_model_id, p_is_edit_call
    )
  )
  insert into public.credit_allocations (transaction_id, grant_id, amount)
  values (p_transaction_id, v_lot_id, -v_missing);
  if v_emptied is not null then
    insert into public.credit_allocations (transaction_id, grant_id, amount)
    select p_transaction_id, id, -remaining from public.credit_grants where id = any(v_emptied);
    update public.credit_grants
    set remaining = case when id = v_lot_id then remaining - v_missing else 0 end
    where id = v_lot_id or id = any(v_emptied);
  end if;
  return v_balance;
end;
$$;
comment on function private.deduct_credits is
'Takes credits for a job as a hold: highest priority first, then what ends soonest, nothing that '
'has ended. Returns the balance. Locks the account. Raises PT402 insufficient_credits (detail: '
'needed, available) or account_in_debt; nothing is written then.';

create function private.settle_deductions(p_job_ids uuid[])
returns bigint
language plpgsql
set search_path = reelbase_ledger
as $$
declare
  v_count bigint;
begin
  update public.credit_transactions
  set status = 'completed', processed_at = private.now()
  where job_id = any(p_job_ids) and type = 'deduction' and status = 'pending';
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
comment on function private.settle_deductions is
'Turns the holds of many jobs into charges that are earned, and says how many. Nothing happens the '
'second time. The caller has locked the jobs.';

create function private.settle_deduction(p_job_id uuid)
returns void
language plpgsql
set search_path = reelbase_ledger
as $$
begin
  update public.credit_transactions
  set status = 'completed', processed_at = private.now()
  where job_id = p_job_id and type = 'deduction' and status = 'pending';
end;
$$;
comment on function private.settle_deduction is
'Turns a job''s hold into a charge that is earned. Nothing happens the second time.';

create function private.return_to_lots(
  p_transaction_id uuid, p_user_id uuid, p_amount numeric, p_taken_by uuid,
  p_taken_first uuid[] default '{}'
)
returns void
language plpgsql
set search_path = reelbase_ledger
as $$
declare
  v_open numeric := p_amount;
  v_back numeric;
  v_lot record;
  v_lot_id uuid;
  v_grace timestamptz := private.later(
    private.now(), (select refund_grace from private.settings)
  );
begin
  -- Back to where it came from, last taken first; what came from a lot that has ended meanwhile
  -- returns in a lot of its own, or the user would be refunded into the void. Live lots come first,
  -- so that a partial refund never turns lasting credits into ones that end.
  for v_lot in
    select
      grants.id, grants.kind, grants.priority,
      grants.expires_at is not null and grants.expires_at <= private.now() as has_ended,
      -sum(moved.amount) as taken
    from (
      select
        allocations.amount,
        -- What already came back in a lot of its own came back to the one that it replaces.
        case
          when allocations.amount > 0 and lots.replaces_id is not null and lots.source_key
            = 'refund:' || allocations.transaction_id || ':' || lots.replaces_id
            then lots.replaces_id
          else lots.id
        end as grant_id
      from public.credit_transactions as transactions
      inner join public.credit_allocations as allocations
        on allocations.transaction_id = transactions.id
      inner join public.credit_grants as lots on lots.id = allocations.grant_id
      where transactions.id = p_taken_by or transactions.reverses_id = p_taken_by
    ) as moved
    inner join public.credit_grants as grants on grants.id = moved.grant_id
    group by grants.id
    having -sum(moved.amount) > 0
    order by
      has_ended, grants.id = any(p_taken_first), grants.priority,
      grants.expires_at desc nulls first, grants.id desc
  loop
    v_back := least(v_lot.taken, v_open);
    -- Grace is given once: a grace lot that ended takes its own credits back, and stays ended.
    if v_lot.has_ended and v_lot.kind <> 'refund' then
      insert into public.credit_grants (
        user_id, kind, amount, remaining, priority, expires_at, source_key, replaces_id
      )
      values (
        p_user_id, 'refund', v_back, v_back, v_lot.priority, v_grace,
        'refund:' || p_transaction_id || ':' || v_lot.id, v_lot.id
      )
      returning id into v_lot_id;
    else
      update public.credit_grants set remaining = remaining + v_back where id = v_lot.id;
      v_lot_id := v_lot.id;
    end if;
    insert into public.credit_allocations (transaction_id, grant_id, amount)
    values (p_transaction_id, v_lot_id, v_back);
    v_open := v_open - v_back;
    exit when v_open = 0;
  end loop;
end;
$$;
comment on function private.return_to_lots is
'Puts the credits of p_transaction_id, which reverses p_taken_by, back into the lots they were '
'taken from, p_taken_first after the others. The account is locked.';

create function private.refund_deduction(
  p_job_id uuid, p_amount numeric default null, p_description text default null,
  p_idempotency_key text default null
)
returns uuid
language plpgsql
set search_path = reelbase_ledger
as $$
declare
  v_deduction public.credit_transactions;
  v_left numeric;
  v_refund numeric;
  v_refund_id uuid := gen_random_uuid();
begin
  select * into v_deduction from public.credit_transactions
  where job_id = p_job_id and type = 'deduction';
  if not found then
    return null;
  end if;
  perform private.lock_account(v_deduction.user_id);
  perform 1 from public.generation_jobs where id = p_job_id for no key update;

  select -v_deduction.amount - coalesce(sum(amount), 0) into v_left
  from public.credit_transactions where reverses_id = v_deduction.id;
  if p_amount is null and v_left = 0 then
    return null;
  end if;
  v_refund := coalesce(p_amount, v_left);
  perform private.check_amount(v_refund);
  if v_refund > v_left then
    raise exception 'A refund of % is not possible: % of the charge is left.', v_refund, v_left
      using errcode = 'PT409', hint = 'refund_exceeds_charge',
        detail = json_build_object('asked', v_refund, 'left', v_left)::text;
  end if;

  perform private.post_transaction(
    v_refund_id, v_deduction.user_id, v_refund, 'refund', 'completed', p_job_id => p_job_id,
    p_reverses_id => v_deduction.id, p_operation_type => v_deduction.operation_type,
    p_model_id => v_deduction.model_id, p_is_edit_call => v_deduction.is_edit_call,
    p_description => p_description, p_idempotency_key => p_idempotency_key
  );
  perform private.return_to_lots(v_refund_id, v_deduction.user_id, v_refund, v_deduction.id);

  if v_refund = v_left then
    update public.credit_transactions
    set status = 'refunded', processed_at = coalesce(processed_at, private.now())
    where id = v_deduction.id;
    update public.generation_jobs set is_refunded = true
    where id = p_job_id and not is_refunded;
  end if;
  perform private.collect_debt(v_deduction.user_id);
  return v_refund_id;
end;
$$;
comment on function private.refund_deduction is
'Returns what a job was charged, all that is left of it or p_amount. Returns the transaction; null '
'when there was nothing to return. Locks account and job. Raises PT400 invalid_amount, PT409 '
'refund_exceeds_charge.';

create function private.refund_deductions(p_job_ids uuid[])
returns bigint
language plpgsql
set search_path = reelbase_ledger
as $$
declare
  v_users uuid[];
  v_partly uuid[];
  v_job_id uuid;
  v_user_id uuid;
  v_count bigint;
  v_debtors uuid[];
  v_grace timestamptz := private.later(
    private.now(), (select refund_grace from private.settings)
  );
begin
  v_users := array(
    select distinct user_id from public.credit_transactions
    where job_id = any(p_job_ids) and type = 'deduction' and status <> 'refunded'
    order by user_id
  );
  if cardinality(v_users) = 0 then
    return 0;
  end if;
  perform 1 from public.profiles where user_id = any(v_users) order by user_id for key share;
  perform 1 from public.credit_accounts
  where user_id = any(v_users) order by user_id for no key update;
  perform 1 from public.generation_jobs where id = any(p_job_ids) order by id for no key update;

  -- What was returned in part before is the rare case, and goes one by one.
  v_partly := array(
    select charges.job_id
    from public.credit_transactions as charges
    where charges.job_id = any(p_job_ids) and charges.type = 'deduction'
      and charges.status <> 'refunded' and exists (
        select from public.credit_transactions as refunds where refunds.reverses_id = charges.id
      )
    order by charges.job_id
  );

  -- All the others at once. Each user's entries follow one another in order of the jobs, and chain;
  -- the account and each lot move once, by the sum. A charge returns whole, so each lot gets back
  -- what the charge took from it; what has ended meanwhile returns in a lot of grace, as in
  -- private.return_to_lots.
  with charges as materialized (
    select
      charges.id, charges.user_id, charges.job_id, charges.operation_type, charges.model_id,
      charges.is_edit_call, -charges.amount as amount, gen_random_uuid() as refund_id,
      row_number() over places as place, sum(-charges.amount) over places as running
    from public.credit_transactions as charges
    where charges.job_id = any(p_job_ids) and charges.job_id <> all(v_partly)
      and charges.type = 'deduction' and charges.status <> 'refunded'
    window places as (
      partition by charges.user_id order by charges.job_id rows unbounded preceding
    )
  ),
  accounts as (
    update public.credit_accounts as accounts
    set balance = accounts.balance + sums.amount,
        version = accounts.version + sums.entries,
        lifetime_spent = accounts.lifetime_spent - sums.amount,
        last_transaction_at = private.now()
    from (
      select user_id, sum(amount) as amount, count(*) as entries from charges group by user_id
    ) as sums
    where accounts.user_id = sums.user_id
    returning
      accounts.user_id, accounts.version - sums.entries as version,
      accounts.balance - sums.amount as balance, accounts.debt
  ),
  entries as (
    insert into public.credit_transactions (
      id, user_id, version, amount, balance_after, type, status, job_id, reverses_id,
      operation_type, model_id, is_edit_call, processed_at
    )
    select
      charges.refund_id, charges.user_id, accounts.version + charges.place, charges.amount,
      accounts.balance + charges.running, 'refund', 'completed', charges.job_id, charges.id,
      charges.operation_type, charges.model_id, charges.is_edit_call, private.now()
    from charges
    inner join accounts on accounts.user_id = charges.user_id
    order by charges.user_id, charges.place
  ),
  returned as materialized (
    select
      charges.refund_id, charges.user_id, grants.id as lot_id, grants.priority,
      -allocations.amount as amount,
      -- Grace is given once: a grace lot that ended takes its own credits back, and stays ended.
      case
        when grants.expires_at <= private.now() and grants.kind <> 'refund' then gen_random_uuid()
      end as grace_id
    from charges
    inner join public.credit_allocations as allocations on allocations.transaction_id = charges.id
    inner join public.credit_grants as grants on grants.id = allocations.grant_id
  ),
  lots as (
    update public.credit_grants as grants
    set remaining = grants.remaining + sums.amount
    from (
      select lot_id, sum(amount) as amount from returned where grace_id is null group by lot_id
    ) as sums
    where grants.id = sums.lot_id
  ),
  graces as (
    insert into public.credit_grants (
      id, user_id, kind, amount, remaining, priority, expires_at, source_key, replaces_id
    )
    select
      grace_id, user_id, 'refund', amount, amount, priority, v_grace,
      'refund:' || refund_id || ':' || lot_id, lot_id
    from returned
    where grace_id is not null
  ),
  allocations as (
    insert into public.credit_allocations (transaction_id, grant_id, amount)
    select refund_id, coalesce(grace_id, lot_id), amount from returned
  ),
  marked as (
    update public.credit_transactions as transactions
    set status = 'refunded', processed_at = coalesce(transactions.processed_at, private.now())
    from charges
    where transactions.id = charges.id
  )
  select
    (select count(*) from charges),
    array(select user_id from accounts where debt > 0 order by user_id)
  into v_count, v_debtors;

  foreach v_job_id in array v_partly loop
    perform private.refund_deduction(v_job_id);
    v_count := v_count + 1;
  end loop;
  update public.generation_jobs set is_refunded = true
  where id = any(p_job_ids) and not is_refunded and credit_cost > 0 and queued_at is not null;
  foreach v_user_id in array v_debtors loop
    perform private.collect_debt(v_user_id);
  end loop;
  return v_count;
end;
$$;
comment on function private.refund_deductions is
'Returns all that is left of the charges of many jobs, and says how many there were. Nothing '
'happens the second time. Locks their accounts in order of user, then the jobs.';

create function private.take_credits(
  p_user_id uuid,
  p_amount numeric,
  p_type public.transaction_type,
  p_lots uuid[] default '{}',
  p_only_those boolean default false,
  p_description text default null,
  p_idempotency_key text default null,
  p_payment_id uuid default null,
  p_metadata jsonb default '{}'
)
returns public.credit_transactions
language plpgsql
set search_path = reelbase_ledger
as $$
declare
  v_missing numeric := p_amount;
  v_take numeric;
  v_lot record;
  v_ids uuid[] := '{}'::uuid[];
  v_taken numeric[] := '{}'::numeric[];
  v_transaction_id uuid := gen_random_uuid();
  v_transaction public.credit_transactions;
begin
  for v_lot in
    select id, remaining from public.credit_grants
    where user_id = p_user_id and not is_spent
      and (expires_at is null or expires_at > private.now())
      and (not p_only_those or id = any(p_lots))
    order by id = any(p_lots) desc, priority desc, expires_at, id
  loop
    v_take := least(v_lot.remaining, v_missing);
    v_ids := v_ids || v_lot.id;
    v_taken := v_taken || v_take;
    v_missing := v_missing - v_take;
    exit when v_missing = 0;
  end loop;
  if v_missing = p_amount then
    return null;
  end if;

  update public.credit_grants
  set remaining = remaining - taken.amount
  from unnest(v_ids, v_taken) as taken (id, amount)
  where credit_grants.id = taken.id;
  perform private.post_transaction(
    v_transaction_id, p_user_id, v_missing - p_amount, p_type, 'completed',
    p_description => p_description, p_idempotency_key => p_idempotency_key,
    p_payment_id => p_payment_id, p_metadata => p_metadata
  );
  insert into public.credit_allocations (transaction_id, grant_id, amount)
  select v_transaction_id, taken.id, -taken.amount
  from unnest(v_ids, v_taken) as taken (id, amount);
  select * into v_transaction from public.credit_transactions where id = v_transaction_id;
  return v_transaction;
end;
$$;
comment on function private.take_credits is
'Takes up to p_amount out of the lots that have not ended, p_lots before the others or alone, and '
'returns the transaction; null when nothing was there. The account is locked.';

create function private.collect_debt(p_user_id uuid)
returns void
language plpgsql
set search_path = reelbase_ledger
as $$
declare
  v_payment record;
  v_paid numeric;
begin
  if not exists (select from public.credit_accounts where user_id = p_user_id and debt > 0) then
    return;
  end if;
  for v_payment in
    select id, credits_owed from public.payments
    where user_id = p_user_id and credits_owed > 0
    order by created_at, id
  loop
    v_paid := -(private.take_credits(
      p_user_id, v_payment.credits_owed, 'chargeback', p_payment_id => v_payment.id,
      p_description => 'Debt paid'
    )).amount;
    exit when v_paid is null;
    update public.payments set credits_owed = credits_owed - v_paid where id = v_payment.id;
    update public.credit_accounts set debt = debt - v_paid where user_id = p_user_id;
    exit when v_paid < v_payment.credits_owed;
  end loop;
end;
$$;
comment on function private.collect_debt is
'Pays debt, the oldest payment''s first, out of what can be spent; called whenever credits come '
'in. The account is locked.';

revoke execute on function
private.lock_account, private.try_lock_account, private.post_transaction, private.check_amount,
private.grant_credits, private.deduct_credits, private.settle_deduction,
private.settle_deductions, private.return_to_lots, private.refund_deduction,
private.refund_deductions, private.take_credits, private.collect_debt
from public;

-- ---------------------------------------------------------------------------------------------
-- Append-only and never by hand, against the owner and the services too
-- ---------------------------------------------------------------------------------------------

create function private.refuse_by_hand()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception '% of % by hand is refused: the ledger''s functions alone keep the books.',
    tg_op, tg_table_name
    using errcode = 'PT403', hint = 'ledger_is_kept_by_functions';
end;
$$;
comment on function private.refuse_by_hand() is
'Trigger: refuses whatever reaches it. Raises PT403 ledger_is_kept_by_functions.';
revoke execute on function private.refuse_by_hand() from public;

create function private.require_ledger()
returns trigger
language plpgsql
as $$
begin
  -- No path of its own: it is the caller's that is asked. Not in the triggers' `when`, whose text
  -- PostgreSQL parses anew for each statement, at six times the cost of this call.
  if current_setting('search_path') <> 'reelbase_ledger' then
    raise exception '% of % by hand is refused: the ledger''s functions alone keep the books.',
      tg_op, tg_table_name
      using errcode = 'PT403', hint = 'ledger_is_kept_by_functions';
  end if;
  return null;
end;
$$;

comment on function private.require_ledger() is
'Trigger: refuses whoever writes without the ledger''s path. Raises PT403 '
'ledger_is_kept_by_functions.';
revoke execute on function private.require_ledger() from public;

create function private.keep_with_user()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_may_go boolean;
begin
  -- The one way out: the user is being deleted, and this is the cascade.
  if tg_table_name = 'credit_allocations' then
    v_may_go := not exists (select from public.credit_transactions where id = old.transaction_id)
      or not exists (select from public.credit_grants where id = old.grant_id);
  else
    v_may_go := not exists (select from auth.users where id = old.user_id);
  end if;
  if not v_may_go then
    raise exception 'Deleting from % is refused: it goes with its user alone.', tg_table_name
      using errcode = 'PT403', hint = 'ledger_is_kept_by_functions';
  end if;
  return old;
end;
$$;
comment on function private.keep_with_user() is
'Trigger: lets accounts, lots and allocations go with their user and in no other way. Definer, to '
'see whether the user is still there. Raises PT403 ledger_is_kept_by_functions.';
revoke execute on function private.keep_with_user() from public;

create function private.keep_ledger()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_same public.credit_transactions;
begin
  if tg_op = 'UPDATE' then
    v_same := new;
    v_same.status := old.status;
    v_same.processed_at := old.processed_at;
    if v_same *= old
      and (old.status, new.status) in (
        ('pending', 'completed'), ('pending', 'refunded'), ('completed', 'refunded')
      )
    then
      return new;
    end if;
  elsif tg_op = 'DELETE' then
    -- The one way out: the user is being deleted, and this is the cascade.
    if not exists (select from auth.users where id = old.user_id) then
      return old;
    end if;
  end if;
  raise exception 'The ledger is append-only: % is refused.', lower(tg_op)
    using errcode = 'PT403', hint = 'ledger_is_append_only';
end;
$$;
comment on function private.keep_ledger() is
'Trigger: refuses to rewrite or delete ledger rows; lets status move along its edges, and rows go'
' with their user. Definer, to see whether the user is still there. Raises PT403.';
revoke execute on function private.keep_ledger() from public;

create trigger credit_transactions_keep_ledger
before update or delete on public.credit_transactions
for each row execute function private.keep_ledger();
create trigger credit_transactions_keep_ledger_whole
before truncate on public.credit_transactions
for each statement execute function private.keep_ledger();

create trigger credit_accounts_refuse_by_hand
before insert or update on public.credit_accounts
for each statement execute function private.require_ledger();
create trigger credit_transactions_refuse_by_hand
before insert or update on public.credit_transactions
for each statement execute function private.require_ledger();
create trigger credit_grants_refuse_by_hand
before insert or update on public.credit_grants
for each statement execute function private.require_ledger();
create trigger credit_allocations_refuse_by_hand
before insert or update on public.credit_allocations
for each statement execute function private.require_ledger();
create trigger credit_accounts_keep_with_user before delete on public.credit_accounts
for each row execute function private.keep_with_user();
create trigger credit_grants_keep_with_user before delete on public.credit_grants
for each row execute function private.keep_with_user();
create trigger credit_allocations_keep_with_user before delete on public.credit_allocations
for each row execute function private.keep_with_user();
create trigger credit_accounts_keep_whole before truncate on public.credit_accounts
for each statement execute function private.refuse_by_hand();
create trigger credit_grants_keep_whole before truncate on public.credit_grants
for each statement execute function private.refuse_by_hand();
create trigger credit_allocations_keep_whole before truncate on public.credit_allocations
for each statement execute function private.refuse_by_hand();

-- `always`: session_replication_role = replica does not switch them off.
alter table public.credit_transactions
enable always trigger credit_transactions_keep_ledger,
enable always trigger credit_transactions_keep_ledger_whole,
enable always trigger credit_transactions_refuse_by_hand;
alter table public.credit_accounts
enable always trigger credit_accounts_refuse_by_hand,
enable always trigger credit_accounts_keep_with_user,
enable always trigger credit_accounts_keep_whole;
alter table public.credit_grants
enable always trigger credit_grants_refuse_by_hand,
enable always trigger credit_grants_keep_with_user,
enable always trigger credit_grants_keep_whole;
alter table public.credit_allocations
enable always trigger credit_allocations_refuse_by_hand,
enable always trigger credit_allocations_keep_with_user,
enable always trigger credit_allocations_keep_whole;

-- ---------------------------------------------------------------------------------------------
-- Reading
-- ---------------------------------------------------------------------------------------------

create view public.credit_statement
with (security_invoker = true)
as
select
  transactions.user_id,
  transactions.version,
  transactions.created_at,
  transactions.type,
  transactions.status,
  transactions.amount,
  transactions.balance_after,
  transactions.operation_type,
  transactions.model_id,
  transactions.job_id,
  transactions.payment_id,
  transactions.reverses_id,
  transactions.description,
  transactions.id as transaction_id
from public.credit_transactions as transactions;
comment on view public.credit_statement is
'The account''s history with running balance; order by version. Shows the reader''s own rows.';

alter table public.credit_accounts enable row level security;
alter table public.credit_transactions enable row level security;
alter table public.credit_grants enable row level security;
alter table public.credit_allocations enable row level security;

create policy credit_accounts_select_owner on public.credit_accounts
for select to authenticated using (user_id = (select auth.uid()));
create policy credit_transactions_select_owner on public.credit_transactions
for select to authenticated using (user_id = (select auth.uid()));
create policy credit_grants_select_owner on public.credit_grants
for select to authenticated using (user_id = (select auth.uid()));
create policy credit_allocations_select_owner on public.credit_allocations
for select to authenticated using (
  transaction_id in (
    select credit_transactions.id from public.credit_transactions
    where credit_transactions.user_id = (select auth.uid())
  )
);

revoke all
on public.credit_accounts, public.credit_transactions, public.credit_grants,
public.credit_allocations, public.credit_statement
from public, anon, authenticated, service_role;
grant select
on public.credit_accounts, public.credit_transactions, public.credit_grants,
public.credit_allocations, public.credit_statement
to authenticated, service_role;
