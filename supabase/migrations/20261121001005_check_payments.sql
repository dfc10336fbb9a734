-- Which open payments their providers are to be asked about: an event may never come.
--
-- worker.open_payment notes a check, due after two minutes. Each claim puts the next one off, by
-- twice as long as the one before, up to six hours, so that whoever asks may vanish and nothing is
-- lost but time. A payment that was paid needs no more; one that failed or expired is asked about
-- for another day, since it may have been paid at the last moment.
--
-- Here and not in public.payments, whose rows their owner reads and follows.

create table worker.payment_checks (
  payment_id uuid primary key references public.payments (id) on delete cascade,
  provider public.payment_provider not null,
  due_at timestamptz not null,
  checks smallint not null default 0,
  constraint payment_checks_are_counted check (checks >= 0)
);
comment on table worker.payment_checks is
'Payments that are open, or were a day ago, and when their provider is to be asked about them.';
comment on column worker.payment_checks.checks is 'How often they were claimed.';

create index payment_checks_due_at_idx on worker.payment_checks (due_at);

alter table private.settings
add column max_open_payments smallint not null default 20
constraint settings_max_open_payments_is_positive check (max_open_payments > 0);
comment on column private.settings.max_open_payments is
'How many payments a user may have that are open or failed and younger than a day.';

create function private.needs_check(p_payment public.payments)
returns boolean
language sql
stable
set search_path = ''
return case
  when p_payment.status in ('pending', 'processing')
    then p_payment.created_at > private.now() - interval '30 days'
  when p_payment.status in ('failed', 'expired')
    then p_payment.updated_at > private.now() - interval '1 day'
  else false
end;
comment on function private.needs_check is
'Whether a payment''s provider is to be asked about it: it is open, and that not for a month, or '
'came to nothing within the last day.';

create function worker.claim_open_payments(
  p_providers public.payment_provider[], p_limit integer default 20,
  p_lease_seconds integer default 120
)
returns table (
  payment_id uuid, user_id uuid, provider public.payment_provider, provider_reference text,
  amount_minor bigint, currency text, status public.payment_status,
  method public.payment_method, tier public.subscription_tier, subscription_id uuid,
  created_at timestamptz, expires_at timestamptz
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
    select checks.payment_id
    from worker.payment_checks as checks
    where checks.due_at <= v_now and checks.provider = any(p_providers)
    order by checks.due_at
    limit p_limit
    for update skip locked
  );
  delete from worker.payment_checks as checks
  using public.payments
  where checks.payment_id = any(v_due) and payments.id = checks.payment_id
    and not private.needs_check(payments);
  update worker.payment_checks as checks
  set checks = least(checks.checks, 100) + 1,
      due_at = v_now + greatest(
        make_interval(secs => p_lease_seconds),
        least(interval '2 minutes' * 2 ^ least(checks.checks + 1, 10), interval '6 hours')
      )
  where checks.payment_id = any(v_due);
  return query
  select
    payments.id, payments.user_id, payments.provider, payments.provider_reference,
    payments.amount_minor, payments.currency, payments.status, payments.method, payments.tier,
    payments.subscription_id, payments.created_at, payments.expires_at
  from public.payments
  inner join worker.payment_checks as checks on checks.payment_id = payments.id
  where payments.id = any(v_due)
  order by payments.created_at;
end;
$$;
comment on function worker.claim_open_payments is
'Gives up to p_limit payments of these providers to the caller that their provider is due to be '
'asked about, oldest first, and puts the next check of each off: two minutes at first, doubling up '
'to six hours, never less than p_lease_seconds. Those that need none any more are dropped.';

revoke execute on function private.needs_check from public;
revoke execute on function worker.claim_open_payments from public;
grant execute on function worker.claim_open_payments to service_role;

alter table worker.payment_checks enable row level security;
revoke all on worker.payment_checks from public, anon, authenticated, service_role;
grant select on worker.payment_checks to service_role;
