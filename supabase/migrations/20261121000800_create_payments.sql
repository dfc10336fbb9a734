-- Money that came, or should have come, or went back: one row a payment.
--
-- A payment is opened before its provider is asked for anything, and fixes what is bought, by whom,
-- at what price. What the provider tells afterwards moves its status and nothing else that counts:
-- private.payment_transitions is the one list of the moves that exist. Events come in any order and
-- more than once, so that the list has no way back: whatever the order, `failed` ends up below
-- `expired`, and both below `succeeded`. A payment that was paid after all is paid.
--
-- The triggers hold that against everybody, the tables' owner and the services included: a payment
-- begins as `pending`, and user, price, credits, provider and reference never change once they are
-- set. A payment is part of the books, like the ledger that it feeds, and like the ledger it goes
-- with its user and in no other way; what the law wants kept beyond that lies with the provider.
--
-- Nobody writes here but the functions that follow the providers' events.

create type public.payment_status as enum (
  'pending', 'processing', 'succeeded', 'failed', 'expired', 'refunded', 'disputed'
);
comment on type public.payment_status is
'pending: opened. processing: the payer has done their part. succeeded: paid, perhaps returned in '
'part. failed, expired: nothing was paid. refunded: all of it went back. disputed: the payer asks '
'their bank to take it back.';

create type public.payment_method as enum ('card', 'promptpay', 'truemoney');
comment on type public.payment_method is 'How the payer pays.';

create table private.payment_transitions (
  from_status public.payment_status not null,
  to_status public.payment_status not null,
  reason text not null,
  primary key (from_status, to_status)
);
comment on table private.payment_transitions is
'The state machine of a payment: what may follow what.';
alter table private.payment_transitions enable row level security;
revoke all on private.payment_transitions from public, anon, authenticated, service_role;

insert into private.payment_transitions (from_status, to_status, reason) values
('pending', 'processing', 'the payer has done their part and the money is on its way'),
('pending', 'succeeded', 'it is paid, or costs nothing'),
('pending', 'failed', 'the provider or the payer declines'),
('pending', 'expired', 'nobody paid in time'),
('processing', 'succeeded', 'the money is there'),
('processing', 'failed', 'the money does not come'),
('processing', 'expired', 'the money did not come in time'),
('failed', 'expired', 'no further try was made in time'),
('failed', 'succeeded', 'a further try was paid, or the events came in the wrong order'),
('expired', 'succeeded', 'it was paid at the last moment, or the events came in the wrong order'),
('succeeded', 'refunded', 'all of it is returned'),
('refunded', 'succeeded', 'a dispute that was lost is won after all'),
('succeeded', 'disputed', 'the payer opens a dispute'),
('refunded', 'disputed', 'the payer opens a dispute all the same'),
('disputed', 'succeeded', 'the dispute is decided, and something of it stays'),
('disputed', 'refunded', 'the dispute is lost, or all of it is returned to end it');

create table public.payments (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.profiles (user_id) on delete cascade,
  package_id uuid references public.credit_packages (id),
  tier public.subscription_tier references public.subscription_plans (tier),
  subscription_id uuid,
  provider public.payment_provider not null,
  method public.payment_method,
  amount_minor bigint not null,
  currency text not null,
  credits public.credit_amount not null,
  refunded_minor bigint not null default 0,
  charged_back_minor bigint not null default 0,
  credits_owed public.credit_amount not null default 0,
  status public.payment_status not null default 'pending',
  provider_reference text,
  receipt_url text,
  failure_reason text,
  idempotency_key text,
  transaction_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  succeeded_at timestamptz,
  expires_at timestamptz,
  constraint payments_id_user_id_key unique (id, user_id),
  constraint payments_provider_provider_reference_key unique (provider, provider_reference),
  constraint payments_user_id_idempotency_key_key unique (user_id, idempotency_key),
  constraint payments_subscription_is_the_payers foreign key (subscription_id, user_id)
  references public.subscriptions (id, user_id),
  constraint payments_buys_a_package_or_a_plan check (
    (package_id is not null) <> (tier is not null or subscription_id is not null)
  ),
  constraint payments_amount_is_not_negative check (amount_minor between 0 and 1000000000000000),
  constraint payments_currency_is_iso check (currency ~ '^[A-Z]{3}$'),
  constraint payments_credits_are_not_negative check (credits >= 0),
  constraint payments_refund_is_within_amount check (refunded_minor between 0 and amount_minor),
  constraint payments_refunded_means_all_of_it check (
    status <> 'refunded' or refunded_minor + charged_back_minor >= amount_minor
  ),
  constraint payments_success_has_a_time check (
    (status in ('succeeded', 'refunded', 'disputed')) = (succeeded_at is not null)
  ),
  constraint payments_charged_back_is_within_amount check (
    charged_back_minor between 0 and amount_minor
  ),
  constraint payments_owes_only_what_was_paid check (
    credits_owed = 0 or (credits_owed > 0 and succeeded_at is not null)
  ),
  constraint payments_credits_only_what_was_paid check (
    transaction_id is null or succeeded_at is not null
  ),
  constraint payments_texts_are_short check (
    char_length(provider_reference) between 1 and 255
    and char_length(failure_reason) <= 1000
    and char_length(idempotency_key) between 1 and 200
  ),
  constraint payments_receipt_url_is_a_web_address check (
    receipt_url ~ '^https?://[^[:space:]<>"]+$' and char_length(receipt_url) <= 2048
  )
);
comment on table public.payments is
'Payments for credits and plans. Read by their owner, written by billing alone, never rewritten.';
comment on column public.payments.package_id is
'The package that is bought; null when a plan is paid.';
comment on column public.payments.tier is 'The plan that is paid, before its subscription exists.';
comment on column public.payments.subscription_id is 'The subscription that is paid.';
comment on column public.payments.method is 'Null until the payer has chosen.';
comment on column public.payments.amount_minor is 'The price in minor units (cents, satang).';
comment on column public.payments.currency is 'ISO 4217.';
comment on column public.payments.credits is 'What the payer gets for it.';
comment on column public.payments.refunded_minor is
'All that was refunded up to now, in minor units, as the provider tells it; it only grows. May be '
'known before the payment is.';
comment on column public.payments.charged_back_minor is
'What lost disputes took, in minor units; falls when one is won after all.';
comment on column public.payments.credits_owed is
'Credits of it that had to be given back and were no longer there; part of the account''s debt.';
comment on column public.payments.provider_reference is
'The provider''s own id of it; unique a provider. Null until the provider has been asked.';
comment on column public.payments.failure_reason is 'Why nothing was paid, for people.';
comment on column public.payments.idempotency_key is
'Unique a user: the same key again is the same payment, not another.';
comment on column public.payments.transaction_id is
'The movement in the ledger that it led to; see credit_transactions.payment_id.';
comment on column public.payments.succeeded_at is 'When it was first known to be paid.';
comment on column public.payments.expires_at is 'When it lapses if nobody has paid by then.';

create index payments_user_id_created_at_idx on public.payments (user_id, created_at desc);
create index payments_package_id_idx on public.payments (package_id) where package_id is not null;
create index payments_tier_idx on public.payments (tier) where tier is not null;
create index payments_subscription_id_user_id_idx
on public.payments (subscription_id, user_id) where subscription_id is not null;

create function private.guard_payment()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  -- What may change more than once. All else may be filled in, and then stays.
  v_movable text[] := array[
    'status', 'refunded_minor', 'charged_back_minor', 'credits_owed', 'receipt_url',
    'failure_reason', 'succeeded_at', 'expires_at', 'updated_at'
  ];
begin
  if tg_op = 'INSERT' then
    if new.status <> 'pending' or new.refunded_minor <> 0 then
      raise exception 'A payment begins as pending, with nothing returned.'
        using errcode = 'PT409', hint = 'transition_not_allowed',
          detail = json_build_object('from', null, 'to', new.status)::text;
    end if;
    return new;
  elsif tg_op = 'UPDATE' then
    if not to_jsonb(new) @> jsonb_strip_nulls(to_jsonb(old) - v_movable) then
      raise exception 'What a payment is for, and its price, never change.'
        using errcode = 'PT403', hint = 'payment_is_settled';
    elsif new.refunded_minor < old.refunded_minor then
      raise exception 'The sum of a payment''s refunds never falls.'
        using errcode = 'PT409', hint = 'refund_total_falls',
          detail = json_build_object('from', old.refunded_minor, 'to', new.refunded_minor)::text;
    elsif new.status <> old.status and not exists (
      select from private.payment_transitions
      where from_status = old.status and to_status = new.status
    ) then
      raise exception 'A payment that is % cannot become %.', old.status, new.status
        using errcode = 'PT409', hint = 'transition_not_allowed',
          detail = json_build_object('from', old.status, 'to', new.status)::text;
    end if;
    new.succeeded_at := old.succeeded_at;
    if new.status = 'succeeded' then
      new.succeeded_at := coalesce(old.succeeded_at, private.now());
    end if;
    return new;
  elsif tg_op = 'DELETE' then
    -- The one way out: the user is being deleted, and this is the cascade.
    if not exists (select from auth.users where id = old.user_id) then
      return old;
    end if;
  end if;
  raise exception 'Payments belong to the books: % is refused.', lower(tg_op)
    using errcode = 'PT403', hint = 'payments_are_kept';
end;
$$;
comment on function private.guard_payment() is
'Trigger: lets a payment begin as pending and its status move as private.payment_transitions says, '
'stamps succeeded_at, refuses to rewrite or delete the rest; rows go with their user. Definer, to '
'see the transitions and whether the user is still there. Raises PT409 transition_not_allowed or '
'refund_total_falls, PT403 payment_is_settled or payments_are_kept.';
revoke execute on function private.guard_payment() from public;

create trigger payments_guard
before insert or update or delete on public.payments
for each row execute function private.guard_payment();
create trigger payments_guard_whole
before truncate on public.payments
for each statement execute function private.guard_payment();
create trigger payments_set_updated_at before update on public.payments
for each row execute function private.set_updated_at();
-- `always`: session_replication_role = replica does not switch them off.
alter table public.payments enable always trigger payments_guard;
alter table public.payments enable always trigger payments_guard_whole;

alter table public.payments enable row level security;

create policy payments_select_owner on public.payments
for select to authenticated using (user_id = (select auth.uid()));

revoke all on public.payments from public, anon, authenticated, service_role;
grant select on public.payments to authenticated, service_role;
