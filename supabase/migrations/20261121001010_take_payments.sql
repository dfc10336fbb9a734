-- What the providers of payments tell, and what it does to credits.
--
-- Providers deliver events late, twice, and in any order. So no function here moves a payment from
-- one state to another and hopes that it was told the states in between: each only notes a fact,
-- and facts only grow.
--   it was paid            once; with the amount and the currency of our own row, or not at all
--   so much was refunded   a cumulative total, of which the greatest ever heard counts
--   a dispute              is open, then lost, then perhaps won after all; never the other way
-- After each fact private.follow_payment works out what the payment's status is and how many
-- credits its payer should have of it, compares with the ledger, and writes the difference.
-- Whatever the order was, the same facts end in the same state, and telling one twice does nothing.
-- What comes before the payment is known to be paid is noted, and counts as soon as it is.
--
-- Giving back takes the payment's own lots first, then what else the account has; what is not there
-- is owed: payments.credits_owed, whose sum is the account's debt. An open dispute takes nothing.
--
-- The functions of `worker` are the services' own. All lock the account, then the payment. A user
-- has no more than twenty payments that are open or failed and younger than a day.

create table worker.payment_disputes (
  payment_id uuid not null,
  user_id uuid not null,
  provider_reference text not null,
  amount_minor bigint,
  outcome text not null default 'open',
  reason text,
  opened_at timestamptz not null default private.now(),
  closed_at timestamptz,
  primary key (payment_id, provider_reference),
  constraint payment_disputes_payment_fkey foreign key (payment_id, user_id)
  references public.payments (id, user_id) on delete cascade,
  constraint payment_disputes_amount_is_positive check (amount_minor > 0),
  constraint payment_disputes_outcome_is_known check (outcome in ('open', 'lost', 'won')),
  constraint payment_disputes_closed_has_a_time check ((outcome = 'open') = (closed_at is null)),
  constraint payment_disputes_texts_are_short check (
    char_length(provider_reference) between 1 and 255 and char_length(reason) <= 1000
  )
);
comment on table worker.payment_disputes is
'Payers who asked their bank to take a payment back. Read by the services, written by functions.';
comment on column worker.payment_disputes.provider_reference is 'The provider''s own id of it.';
comment on column worker.payment_disputes.amount_minor is
'What is disputed, in minor units; null: all of the payment.';
comment on column worker.payment_disputes.outcome is
'open, then lost, then perhaps won after all; it never goes back.';

create index payment_disputes_payment_id_user_id_idx
on worker.payment_disputes (payment_id, user_id);

alter table worker.payment_disputes enable row level security;
revoke all on worker.payment_disputes from public, anon, authenticated, service_role;
grant select on worker.payment_disputes to service_role;

create function private.lock_payment(p_payment_id uuid)
returns public.payments
language plpgsql
set search_path = ''
as $$
declare
  v_payment public.payments;
begin
  -- Whose it is never changes.
  select * into v_payment from public.payments where id = p_payment_id;
  if found then
    perform private.lock_account(v_payment.user_id);
    select * into v_payment from public.payments where id = p_payment_id for no key update;
  end if;
  if not found then
    raise exception 'There is no such payment.' using errcode = 'PT404', hint = 'payment_not_found';
  end if;
  return v_payment;
end;
$$;
comment on function private.lock_payment is
'The payment, locked after its payer''s account. Raises PT404 payment_not_found.';

create function private.lots_of_payment(p_payment_id uuid)
returns uuid[]
language sql
stable
set search_path = ''
as $$
  with given as (
    select allocations.grant_id as id
    from public.credit_transactions as transactions
    inner join public.credit_allocations as allocations
      on allocations.transaction_id = transactions.id
    where transactions.payment_id = p_payment_id and transactions.type in ('purchase', 'grant')
  )
  select coalesce(array_agg(lots.id), '{}'::uuid[])
  from (
    select given.id from given
    union all
    select grants.id
    from public.credit_grants as grants
    inner join given on grants.replaces_id = given.id
  ) as lots;
$$;
comment on function private.lots_of_payment is
'The lots that a payment gave, and those in whose place others are.';

create function private.give_back(p_payment_id uuid, p_amount numeric)
returns void
language plpgsql
set search_path = reelbase_ledger
as $$
declare
  v_payment public.payments;
  v_due numeric := p_amount;
  v_part numeric;
  v_transaction_id uuid;
  v_chargeback record;
begin
  select * into v_payment from public.payments where id = p_payment_id;
  v_part := least(v_payment.credits_owed, v_due);
  if v_part > 0 then
    update public.payments set credits_owed = credits_owed - v_part where id = p_payment_id;
    update public.credit_accounts set debt = debt - v_part where user_id = v_payment.user_id;
    v_due := v_due - v_part;
  end if;
  for v_chargeback in
    select taken.id, -taken.amount - coalesce((
      select sum(reversed.amount) from public.credit_transactions as reversed
      where reversed.reverses_id = taken.id
    ), 0) as amount
    from public.credit_transactions as taken
    where taken.payment_id = p_payment_id and taken.type = 'chargeback'
    order by taken.version desc
  loop
    exit when v_due = 0;
    v_part := least(v_chargeback.amount, v_due);
    continue when v_part = 0;
    if v_part + (
      select balance from public.credit_accounts where user_id = v_payment.user_id
    ) > 99999999.99 then
      raise exception 'The account cannot hold that many credits.'
        using errcode = 'PT409', hint = 'credit_limit_reached';
    end if;
    v_transaction_id := gen_random_uuid();
    perform private.post_transaction(
      v_transaction_id, v_payment.user_id, v_part, 'adjustment', 'completed',
      p_reverses_id => v_chargeback.id, p_payment_id => p_payment_id,
      p_description => 'Payment not returned after all'
    );
    perform private.return_to_lots(
      v_transaction_id, v_payment.user_id, v_part, v_chargeback.id,
      private.lots_of_payment(p_payment_id)
    );
    v_due := v_due - v_part;
  end loop;
end;
$$;
comment on function private.give_back is
'Undoes up to p_amount of what the return of a payment took: what is still owed first, then what '
'was taken last. Debts of other payments are not looked at. Raises PT409 credit_limit_reached.';

create function private.follow_payment(p_payment_id uuid)
returns public.payments
language plpgsql
set search_path = reelbase_ledger
as $$
declare
  v_payment public.payments := private.lock_payment(p_payment_id);
  v_lost bigint;
  v_is_disputed boolean;
  v_returned bigint;
  v_status public.payment_status;
  v_lots uuid[];
  v_given numeric;
  v_unused numeric;
  v_taken numeric;
  v_due numeric;
  v_part numeric;
  v_transaction_id uuid;
begin
  if v_payment.succeeded_at is null then
    return v_payment;
  end if;

  if v_payment.package_id is not null and v_payment.transaction_id is null then
    v_transaction_id := private.grant_credits(
      v_payment.user_id, v_payment.credits, 'purchase', 'payment:' || p_payment_id,
      p_description => 'Credits bought', p_payment_id => p_payment_id
    );
    update public.payments set transaction_id = v_transaction_id where id = p_payment_id;
  end if;

  select
    least(coalesce(
      sum(coalesce(amount_minor, v_payment.amount_minor)) filter (where outcome = 'lost'), 0
    ), v_payment.amount_minor),
    coalesce(bool_or(outcome = 'open'), false)
  into v_lost, v_is_disputed
  from worker.payment_disputes where payment_id = p_payment_id;
  v_returned := least(v_payment.refunded_minor::numeric + v_lost, v_payment.amount_minor);
  v_status := (case
    when v_is_disputed then 'disputed'
    when v_returned = v_payment.amount_minor and v_returned > 0 then 'refunded'
    else 'succeeded'
  end)::public.payment_status;
  update public.payments set charged_back_minor = v_lost, status = v_status
  where id = p_payment_id and (charged_back_minor, status) is distinct from (v_lost, v_status);

  -- What has ended cannot be given back, and was of no use to anybody.
  perform private.expire_lots(v_payment.user_id);
  v_lots := private.lots_of_payment(p_payment_id);
  select coalesce(sum(amount), 0) into v_given
  from public.credit_transactions
  where payment_id = p_payment_id and type in ('purchase', 'grant');
  -- What a change of plan took back of it counts as not given at all.
  select
    v_given + coalesce(sum(allocations.amount) filter (where transactions.metadata ? 'month'), 0),
    coalesce(-sum(allocations.amount) filter (where not transactions.metadata ? 'month'), 0)
  into v_given, v_unused
  from public.credit_allocations as allocations
  inner join public.credit_transactions as transactions
    on transactions.id = allocations.transaction_id
  where allocations.grant_id = any(v_lots) and allocations.amount < 0
    and transactions.type in ('expiration', 'adjustment');
  select coalesce(-sum(amount), 0) into v_taken
  from public.credit_transactions
  where payment_id = p_payment_id and type in ('chargeback', 'adjustment');
  select credits_owed into v_payment.credits_owed from public.payments where id = p_payment_id;
  v_due := case
    when v_returned = 0 then 0
    else least(round(v_given * v_returned / v_payment.amount_minor, 2), v_given - v_unused)
  end - v_taken - v_payment.credits_owed;

  if v_due > 0 then
    v_part := coalesce(-(private.take_credits(
      v_payment.user_id, v_due, 'chargeback', v_lots, p_payment_id => p_payment_id,
      p_description => 'Payment returned'
    )).amount, 0);
    if v_part < v_due then
      update public.payments set credits_owed = credits_owed + v_due - v_part
      where id = p_payment_id;
      update public.credit_accounts set debt = debt + v_due - v_part
      where user_id = v_payment.user_id;
    end if;
  elsif v_due < 0 then
    perform private.give_back(p_payment_id, -v_due);
    perform private.collect_debt(v_payment.user_id);
  end if;

  select * into v_payment from public.payments where id = p_payment_id;
  return v_payment;
end;
$$;
comment on function private.follow_payment is
'Brings a payment''s status, and its payer''s credits, in line with what is known of it. Does '
'nothing where they are. Locks account and payment.';

create function private.follow_purchase(p_payment_id uuid)
returns public.payments
language plpgsql
set search_path = ''
as $$
declare
  v_payment public.payments := private.follow_payment(p_payment_id);
begin
  if exists (select from private.subscription_facts where payment_id = p_payment_id) then
    perform private.follow_plan(v_payment.user_id);
    select * into v_payment from public.payments where id = p_payment_id;
  end if;
  return v_payment;
end;
$$;
comment on function private.follow_purchase is
'private.follow_payment, and private.follow_plan where the payment is for a subscription.';

create function private.check_payment_currency(p_payment public.payments, p_currency text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if p_currency is not null and upper(p_currency) <> p_payment.currency then
    raise exception 'The payment is in %, not in %.',
      p_payment.currency, left(upper(p_currency), 10)
      using errcode = 'PT409', hint = 'currency_differs';
  end if;
end;
$$;
comment on function private.check_payment_currency is 'Raises PT409 currency_differs.';

create function private.note_payment(
  p_payment public.payments,
  p_provider_reference text,
  p_method public.payment_method,
  p_receipt_url text,
  p_expires_at timestamptz
)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if char_length(p_provider_reference) not between 1 and 255 then
    raise exception 'A provider''s id has 1 to 255 characters.'
      using errcode = 'PT400', hint = 'invalid_reference';
  elsif p_provider_reference <> p_payment.provider_reference then
    raise exception 'The payment is known to its provider under another id.'
      using errcode = 'PT409', hint = 'reference_differs';
  end if;
  -- A receipt's address is for people: one that is none is not worth losing a payment for.
  if p_receipt_url !~ '^https?://[^[:space:]<>"]+$' or char_length(p_receipt_url) > 2048 then
    p_receipt_url := null;
  end if;
  update public.payments
  set provider_reference = coalesce(provider_reference, p_provider_reference),
      method = coalesce(method, p_method),
      receipt_url = coalesce(receipt_url, p_receipt_url),
      expires_at = greatest(expires_at, p_expires_at)
  where id = p_payment.id and (
    (provider_reference is null and p_provider_reference is not null)
    or (method is null and p_method is not null)
    or (receipt_url is null and p_receipt_url is not null)
    or p_expires_at > coalesce(expires_at, '-infinity')
  );
exception when unique_violation then
  raise exception 'Another payment is known to the provider under this id.'
    using errcode = 'PT409', hint = 'reference_taken';
end;
$$;
comment on function private.note_payment is
'Fills in what else is told of a payment. Raises PT400 invalid_reference, PT409 reference_differs '
'or reference_taken.';

revoke execute on function
private.lock_payment, private.lots_of_payment, private.give_back, private.follow_payment,
private.follow_purchase,
private.check_payment_currency, private.note_payment
from public;

create function worker.open_payment(
  p_user_id uuid,
  p_provider public.payment_provider,
  p_idempotency_key text,
  p_package_slug text default null,
  p_tier public.subscription_tier default null,
  p_subscription_id uuid default null,
  p_method public.payment_method default null,
  p_amount_minor bigint default null,
  p_currency text default null,
  p_expires_at timestamptz default null
)
returns public.payments
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_payment public.payments;
  v_package public.credit_packages;
  v_plan public.subscription_plans;
  v_tier public.subscription_tier := p_tier;
  v_profile public.profiles;
  v_limit smallint;
begin
  if (char_length(p_idempotency_key) between 1 and 200) is not true or p_provider is null
    or (p_package_slug is null) = (p_tier is null and p_subscription_id is null)
    or (p_amount_minor is null) <> (p_currency is null)
    or (p_amount_minor is not null and p_subscription_id is null)
  then
    raise exception 'A payment needs a provider, a key of up to 200 characters, and either a '
      'package or a plan. Only a subscription''s payment may say its amount, with its currency.'
      using errcode = 'PT400', hint = 'invalid_purchase';
  end if;
  perform private.lock_account(p_user_id);
  select * into v_profile from public.profiles where user_id = p_user_id;
  if not found then
    raise exception 'There is no such user.' using errcode = 'PT404', hint = 'user_not_found';
  end if;

  -- A key that was used is answered before anything is priced: the catalogue may have changed
  -- since.
  select * into v_payment from public.payments
  where user_id = p_user_id and idempotency_key = p_idempotency_key;
  if found then
    select * into v_package from public.credit_packages where id = v_payment.package_id;
    if (v_payment.provider, v_package.slug, v_payment.subscription_id)
      is distinct from (p_provider, p_package_slug, p_subscription_id)
      or v_payment.tier <> p_tier
      or (v_payment.amount_minor, v_payment.currency)
      <> (p_amount_minor, upper(p_currency))
    then
      raise exception 'The idempotency key was used for another payment.'
        using errcode = 'PT409', hint = 'idempotency_key_reused';
    end if;
    return v_payment;
  elsif v_profile.deleted_at is not null then
    raise exception 'The account is closed.' using errcode = 'PT403', hint = 'account_closed';
  end if;

  if p_package_slug is not null then
    select * into v_package from public.credit_packages where slug = p_package_slug and is_active;
    if not found then
      raise exception 'There is no such package on sale.'
        using errcode = 'PT404', hint = 'package_not_available';
    end if;
  else
    if p_subscription_id is not null then
      select coalesce(p_tier, tier) into v_tier from public.subscriptions
      where id = p_subscription_id and user_id = p_user_id;
      if not found then
        raise exception 'The user has no such subscription.'
          using errcode = 'PT404', hint = 'subscription_not_found';
      end if;
    end if;
    -- What is subscribed to goes on being paid when it is not on sale any more.
    select * into v_plan from public.subscription_plans
    where tier = v_tier and (is_active or p_subscription_id is not null)
      and (price_minor > 0 or p_amount_minor is not null);
    if not found then
      raise exception 'There is no such plan on sale.'
        using errcode = 'PT404', hint = 'plan_not_available';
    end if;
  end if;
  -- What somebody opens and leaves is asked about for a month, and who tries one stolen card after
  -- the other fails at once. A subscription's payments come from its provider, and are never
  -- refused.
  if p_subscription_id is null then
    select max_open_payments into v_limit from private.settings;
    if (
      select count(*) from public.payments
      where user_id = p_user_id and created_at > private.now() - interval '1 day'
        and status in ('pending', 'processing', 'failed')
    ) >= v_limit then
      raise exception 'There are % payments open or failed; pay one or come back in a day.', v_limit
        using errcode = 'PT429', hint = 'too_many_open_payments',
          detail = json_build_object('limit', v_limit)::text;
    end if;
  end if;
  if p_amount_minor not between 0 and 1000000000000000 or upper(p_currency) !~ '^[A-Z]{3}$' then
    raise exception 'An amount is from 0 to a quadrillion, and a currency has three letters.'
      using errcode = 'PT400', hint = 'invalid_purchase';
  end if;

  -- What costs nothing is given once a person, as the welcome bonus is.
  if v_package.price_minor = 0 then
    if v_profile.email is null then
      raise exception 'An anonymous user gives an e-mail address first.'
        using errcode = 'PT403', hint = 'identity_required';
    elsif exists (
      select from public.payments
      where user_id = p_user_id and package_id = v_package.id and succeeded_at is not null
    ) or not private.claim_once(v_profile.email, 'package:' || v_package.slug) then
      raise exception 'The package % was taken before.', v_package.slug
        using errcode = 'PT409', hint = 'package_already_claimed';
    end if;
  end if;

  insert into public.payments (
    user_id, package_id, tier, subscription_id, provider, method, amount_minor, currency, credits,
    idempotency_key, expires_at, created_at
  )
  values (
    p_user_id, v_package.id, v_tier, p_subscription_id, p_provider, p_method,
    coalesce(p_amount_minor, v_package.price_minor, v_plan.price_minor),
    coalesce(upper(p_currency), v_package.currency, v_plan.currency),
    coalesce(v_package.credits, v_plan.monthly_allowance), p_idempotency_key, p_expires_at,
    private.now()
  )
  returning * into v_payment;
  insert into worker.payment_checks (payment_id, provider, due_at)
  values (v_payment.id, p_provider, private.now() + interval '2 minutes');
  if v_package.price_minor = 0 then
    v_payment := worker.settle_payment(v_payment.id, 0, v_payment.currency);
  end if;
  return v_payment;
end;
$$;
comment on function worker.open_payment is
'Opens a payment for a package or a plan, at the catalogue''s price; one for a subscription may '
'say its own amount. To be called before the provider is asked. The same key is the same payment. '
'What costs nothing is settled at once. Raises PT400 invalid_purchase, PT403 account_closed or '
'identity_required, PT404 user_not_found, package_not_available, plan_not_available or '
'subscription_not_found, PT409 idempotency_key_reused or package_already_claimed, PT429 '
'too_many_open_payments (detail: limit).';

create function worker.advance_payment(
  p_payment_id uuid,
  p_provider_reference text default null,
  p_method public.payment_method default null,
  p_receipt_url text default null,
  p_expires_at timestamptz default null,
  p_is_processing boolean default false
)
returns public.payments
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_payment public.payments := private.lock_payment(p_payment_id);
begin
  perform private.note_payment(
    v_payment, p_provider_reference, p_method, p_receipt_url, p_expires_at
  );
  update public.payments set status = 'processing'
  where id = p_payment_id and status = 'pending' and p_is_processing;
  select * into v_payment from public.payments where id = p_payment_id;
  return v_payment;
end;
$$;
comment on function worker.advance_payment is
'Notes what a provider calls a payment, how it is paid, and that the payer has done their part. '
'Raises PT404 payment_not_found, PT409 reference_differs or reference_taken.';

create function worker.settle_payment(
  p_payment_id uuid,
  p_amount_minor bigint,
  p_currency text,
  p_provider_reference text default null,
  p_receipt_url text default null,
  p_method public.payment_method default null
)
returns public.payments
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_payment public.payments := private.lock_payment(p_payment_id);
begin
  if p_currency is null or p_amount_minor is distinct from v_payment.amount_minor then
    raise exception 'The payment is of % %, not of % %.',
      v_payment.amount_minor, v_payment.currency, p_amount_minor, left(p_currency, 10)
      using errcode = 'PT409', hint = 'amount_differs',
        detail = json_build_object(
          'expected', v_payment.amount_minor, 'told', p_amount_minor
        )::text;
  end if;
  perform private.check_payment_currency(v_payment, p_currency);
  perform private.note_payment(v_payment, p_provider_reference, p_method, p_receipt_url, null);
  if v_payment.succeeded_at is null then
    update public.payments set status = 'succeeded', failure_reason = null
    where id = p_payment_id;
  end if;
  return private.follow_purchase(p_payment_id);
end;
$$;
comment on function worker.settle_payment is
'The payment was paid: credits its package, or brings its subscription up to date; once, however '
'often and after whatever else it is told. Raises PT404 payment_not_found, PT409 amount_differs, '
'currency_differs, reference_differs, reference_taken or credit_limit_reached.';

create function worker.fail_payment(
  p_payment_id uuid, p_reason text default null, p_has_expired boolean default false
)
returns public.payments
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_payment public.payments := private.lock_payment(p_payment_id);
begin
  update public.payments
  set status = (case when p_has_expired then 'expired' else 'failed' end)::public.payment_status,
      failure_reason = left(p_reason, 1000)
  where id = p_payment_id
    and (
      status in ('pending', 'processing') or (status = 'failed' and p_has_expired)
    );
  select * into v_payment from public.payments where id = p_payment_id;
  return v_payment;
end;
$$;
comment on function worker.fail_payment is
'Nothing was paid, or not in time. Changes nothing for a payment that was paid. Raises PT404 '
'payment_not_found.';

create function worker.refund_payment(
  p_payment_id uuid, p_refunded_minor bigint, p_currency text default null
)
returns public.payments
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_payment public.payments := private.lock_payment(p_payment_id);
begin
  perform private.check_payment_currency(v_payment, p_currency);
  if p_refunded_minor is null or p_refunded_minor < 0 then
    raise exception 'A total of refunds is a number of minor units.'
      using errcode = 'PT400', hint = 'invalid_refund';
  elsif p_refunded_minor > v_payment.amount_minor then
    raise exception 'No more can be refunded than was paid: %.', v_payment.amount_minor
      using errcode = 'PT409', hint = 'refund_exceeds_amount',
        detail = json_build_object(
          'amount', v_payment.amount_minor, 'told', p_refunded_minor
        )::text;
  end if;
  update public.payments set refunded_minor = p_refunded_minor
  where id = p_payment_id and refunded_minor < p_refunded_minor;
  return private.follow_purchase(p_payment_id);
end;
$$;
comment on function worker.refund_payment is
'So much of a payment was refunded up to now, in minor units; not how much more. Takes back its '
'share of the credits. A total below one that was heard of is old news. Raises PT400 '
'invalid_refund, PT404 payment_not_found, PT409 refund_exceeds_amount or currency_differs.';

create function private.note_dispute(
  p_payment public.payments,
  p_dispute_reference text,
  p_outcome text,
  p_amount_minor bigint,
  p_reason text
)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if p_dispute_reference is null or char_length(p_dispute_reference) not between 1 and 255
    or p_outcome is null or p_outcome not in ('open', 'lost', 'won') or p_amount_minor <= 0
  then
    raise exception 'A dispute needs its provider''s id, an outcome of won or lost once it is '
      'closed, and an amount above 0 if any.'
      using errcode = 'PT400', hint = 'invalid_dispute';
  end if;
  insert into worker.payment_disputes as disputes (
    payment_id, user_id, provider_reference, amount_minor, outcome, reason, closed_at
  )
  values (
    p_payment.id, p_payment.user_id, p_dispute_reference, p_amount_minor, p_outcome,
    left(p_reason, 1000), case when p_outcome <> 'open' then private.now() end
  )
  on conflict (payment_id, provider_reference) do update
  set amount_minor = greatest(disputes.amount_minor, excluded.amount_minor),
      reason = coalesce(disputes.reason, excluded.reason),
      outcome = case
        when 'won' in (disputes.outcome, excluded.outcome) then 'won'
        when 'lost' in (disputes.outcome, excluded.outcome) then 'lost'
        else 'open'
      end,
      closed_at = coalesce(disputes.closed_at, excluded.closed_at);
end;
$$;
comment on function private.note_dispute is
'Notes a dispute, or how far it has come. Raises PT400 invalid_dispute.';
revoke execute on function private.note_dispute from public;

create function worker.open_dispute(
  p_payment_id uuid,
  p_dispute_reference text,
  p_amount_minor bigint default null,
  p_reason text default null
)
returns public.payments
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_payment public.payments := private.lock_payment(p_payment_id);
begin
  perform private.note_dispute(v_payment, p_dispute_reference, 'open', p_amount_minor, p_reason);
  return private.follow_purchase(p_payment_id);
end;
$$;
comment on function worker.open_dispute is
'The payer asks their bank to take a payment back, all of it or p_amount_minor. Takes nothing yet. '
'Raises PT400 invalid_dispute, PT404 payment_not_found.';

create function worker.close_dispute(
  p_payment_id uuid,
  p_dispute_reference text,
  p_outcome text,
  p_amount_minor bigint default null
)
returns public.payments
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_payment public.payments := private.lock_payment(p_payment_id);
begin
  perform private.note_dispute(
    v_payment, p_dispute_reference, nullif(p_outcome, 'open'), p_amount_minor, null
  );
  return private.follow_purchase(p_payment_id);
end;
$$;
comment on function worker.close_dispute is
'A dispute is decided: p_outcome is won (the payment stays) or lost (its share of the credits is '
'taken back). A lost one may still be won; they come back then. Raises PT400 invalid_dispute, '
'PT404 payment_not_found.';

revoke execute on function
worker.open_payment, worker.advance_payment, worker.settle_payment, worker.fail_payment,
worker.refund_payment, worker.open_dispute, worker.close_dispute
from public;
grant execute on function
worker.open_payment, worker.advance_payment, worker.settle_payment, worker.fail_payment,
worker.refund_payment, worker.open_dispute, worker.close_dispute
to service_role;
