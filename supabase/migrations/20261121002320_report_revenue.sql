-- What the books say to whoever runs the business: what was sold, what of it is earned, what is
-- still owed to the users, and what lapsed, by month.
--
-- A credit that somebody has paid for is money received for work not yet done. Of each such credit
-- exactly one of these is true at any moment, so that in every currency, credit for credit,
--   sold = recognised + returned + expired + withdrawn + liability
--     sold        a payment gave it
--     recognised  it paid for a job that was completed: this is the revenue
--     returned    the payment it came with was returned, by refund or lost dispute
--     expired     its lot ended before it was spent: breakage, revenue without work
--     withdrawn   taken by hand or by a change of plan, with no money going back
--     liability   none of that yet: unspent, or held by a job that has not ended
--
-- Which credits were paid for is a matter of lots. A lot that a payment gave is worth that payment,
-- in its currency, and one credit of it its share in all that the payment gave. A payment for
-- several months of a plan is worth the same in each of them, and a month is sold when it begins;
-- what was paid for months to come is in no column yet. A lot of grace goes on being what the lot
-- was that it replaces. Bonuses, adjustments and unpaid allowances are no revenue, whatever they
-- are spent on.
--
-- When a payment is returned whose credits are spent, other credits pay for them, or the user owes
-- them. Then what was recognised of that payment is not: its credits count as returned, whether the
-- user ever pays the debt or not. Credits of another payment that were taken for it count as spent,
-- since that is what they did: they pay for jobs that the returned money no longer pays for.
--
-- When: a sale when the credits came; revenue when the job was completed, and less when it is
-- refunded after that; the rest when it happened. A month that is over stays as it is, but for two
-- things. A change of tier that gives more credits within a month of a plan makes that month's
-- credits cheaper. And a user who is deleted takes their part of every month along, as of the
-- ledger itself: keep what was reported.

-- ---------------------------------------------------------------------------------------------
-- When debt came and went; payments.credits_owed only says how much there is of it now
-- ---------------------------------------------------------------------------------------------

create table worker.debt_changes (
  id bigint generated always as identity primary key,
  payment_id uuid not null references public.payments (id) on delete cascade,
  amount public.credit_amount not null,
  created_at timestamptz not null default private.now(),
  constraint debt_changes_amount_is_not_zero check (amount <> 0)
);
comment on table worker.debt_changes is
'Changes of payments.credits_owed: with their sum it agrees. Written by a trigger alone.';
comment on column worker.debt_changes.amount is
'Credits; positive: owed since, negative: no longer owed.';

create index debt_changes_payment_id_idx on worker.debt_changes (payment_id);

create function private.note_debt()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into worker.debt_changes (payment_id, amount)
  values (new.id, new.credits_owed - old.credits_owed);
  return null;
end;
$$;
comment on function private.note_debt() is
'Trigger: notes when a payment''s debt grows or shrinks. Definer: nobody else writes there.';
revoke execute on function private.note_debt() from public;

create trigger payments_note_debt
after update on public.payments
for each row when (old.credits_owed <> new.credits_owed)
execute function private.note_debt();
-- `always`: session_replication_role = replica does not switch it off.
alter table public.payments enable always trigger payments_note_debt;

alter table worker.debt_changes enable row level security;

-- ---------------------------------------------------------------------------------------------
-- Which credits were paid for, and what became of them
-- ---------------------------------------------------------------------------------------------

create function private.months_paid(p_payment_id uuid)
returns integer
language sql
stable
security definer
set search_path = ''
as $$
  select coalesce(max(
    12 * (extract(year from last.began) - extract(year from last.first_began))
    + extract(month from last.began) - extract(month from last.first_began) + 1
  ), 1)::integer
  from (
    select
      month.started_at at time zone 'UTC' as began,
      facts.occurred_at at time zone 'UTC' as first_began
    from private.subscription_facts as facts
    cross join lateral private.month_of(
      facts.ends_at - interval '1 microsecond', facts.occurred_at, facts.ends_at
    ) as month
    where facts.payment_id = p_payment_id and facts.kind in ('trial', 'period')
  ) as last;
$$;
comment on function private.months_paid is
'For how many months of a plan a payment is. Called by the view below in its reader''s name. '
'Definer: the facts of subscriptions are nobody''s to read.';
revoke execute on function private.months_paid from public;
grant execute on function private.months_paid to service_role;

create view worker.sold_lots
with (security_invoker = true)
as
with gifts as (
  select
    transactions.id,
    transactions.payment_id,
    payments.currency,
    transactions.amount,
    payments.amount_minor::numeric / case
      when payments.package_id is null then private.months_paid(payments.id) else 1
    end as month_minor,
    -- allowance:<subscription>:<the month's start>, and then perhaps more
    case
      when transactions.type = 'grant' then split_part(transactions.idempotency_key, ':', 3)
    end as month
  from public.credit_transactions as transactions
  inner join public.payments on transactions.payment_id = payments.id
  where transactions.type in ('purchase', 'grant') and payments.amount_minor > 0
),

priced as (
  select
    gifts.id,
    gifts.payment_id,
    gifts.currency,
    gifts.amount,
    gifts.month_minor / sum(gifts.amount) over (partition by gifts.payment_id, gifts.month)
      as price_minor
  from gifts
),

sold as (
  select
    allocations.grant_id,
    priced.payment_id,
    priced.currency,
    priced.price_minor,
    sum(priced.amount * priced.price_minor) over of_payment / sum(priced.amount) over of_payment
      as average_price_minor
  from priced
  inner join public.credit_allocations as allocations on priced.id = allocations.transaction_id
  window of_payment as (partition by priced.payment_id)
)

select
  sold.grant_id,
  sold.payment_id,
  sold.currency,
  sold.price_minor,
  sold.average_price_minor
from sold
union all
select
  grace.id as grant_id,
  sold.payment_id,
  sold.currency,
  sold.price_minor,
  sold.average_price_minor
from public.credit_grants as grace
inner join sold on grace.replaces_id = sold.grant_id;
comment on view worker.sold_lots is
'Lots that somebody has paid for, those of grace that replace one of them too.';
comment on column worker.sold_lots.price_minor is
'What one credit of it cost, in minor units: the payment, or a month of it, shared among all that '
'it gave.';
comment on column worker.sold_lots.average_price_minor is
'What one credit of the payment cost, over all its lots.';

create view worker.revenue_entries
with (security_invoker = true)
as
with moves as (
  select
    transactions.id,
    transactions.type,
    transactions.payment_id,
    lots.payment_id as sold_by,
    lots.currency,
    lots.price_minor,
    allocations.amount,
    coalesce(charges.status, transactions.status) = 'pending' as is_held,
    -- What takes for a payment that is returned, and what undoes that.
    transactions.type = 'chargeback'
    or (transactions.type = 'adjustment' and transactions.reverses_id is not null) as is_return,
    -- A hold that is refunded has never been revenue: both count at the same instant.
    case transactions.type
      when 'deduction' then transactions.processed_at
      when 'refund' then greatest(transactions.created_at, charges.processed_at)
      else transactions.created_at
    end as occurred_at
  from public.credit_transactions as transactions
  inner join public.credit_allocations as allocations
    on transactions.id = allocations.transaction_id
  left join worker.sold_lots as lots on allocations.grant_id = lots.grant_id
  left join public.credit_transactions as charges
    on transactions.reverses_id = charges.id and transactions.type = 'refund'
),

payments as (
  select distinct
    lots.payment_id,
    lots.currency,
    lots.average_price_minor as price_minor
  from worker.sold_lots as lots
),

effects as (
  -- What became of the credits of the lots that were sold.
  select
    moves.id as transaction_id,
    moves.sold_by as payment_id,
    moves.occurred_at,
    case
      when moves.type in ('purchase', 'grant') then 'sold'
      when moves.type in ('deduction', 'refund') then 'recognised'
      when moves.type = 'expiration' then 'expired'
      when not moves.is_return then 'withdrawn'
      when moves.payment_id = moves.sold_by then 'returned'
      else 'recognised'
    end as effect,
    moves.currency,
    case when moves.type in ('purchase', 'grant') then moves.amount else -moves.amount end
      as credits,
    moves.price_minor
  from moves
  where moves.sold_by is not null and not moves.is_held
  union all
  -- What a payment's return took from other lots had been spent of its own.
  select
    moves.id as transaction_id,
    moves.payment_id,
    moves.occurred_at,
    sides.effect,
    payments.currency,
    -moves.amount * sides.sign as credits,
    payments.price_minor
  from moves
  inner join payments on moves.payment_id = payments.payment_id
  cross join (values ('returned', 1), ('recognised', -1)) as sides (effect, sign)
  where moves.is_return and moves.sold_by is distinct from moves.payment_id
  union all
  -- And so had what it could not take.
  select
    null as transaction_id,
    debts.payment_id,
    debts.created_at as occurred_at,
    sides.effect,
    payments.currency,
    debts.amount * sides.sign as credits,
    payments.price_minor
  from worker.debt_changes as debts
  inner join payments on debts.payment_id = payments.payment_id
  cross join (values ('returned', 1), ('recognised', -1)) as sides (effect, sign)
)

select
  effects.occurred_at,
  effects.payment_id,
  effects.transaction_id,
  effects.effect,
  effects.currency,
  effects.credits,
  effects.credits * effects.price_minor as amount_minor
from effects;
comment on view worker.revenue_entries is
'What happened to credits that were paid for, one row an effect: the proof of revenue_by_month. '
'Reads the whole ledger.';
comment on column worker.revenue_entries.payment_id is 'The payment that the credits came with.';
comment on column worker.revenue_entries.transaction_id is
'The entry of the ledger that did it; null: the payment''s debt grew or shrank.';
comment on column worker.revenue_entries.effect is
'sold, recognised, returned, expired or withdrawn.';
comment on column worker.revenue_entries.amount_minor is
'What the credits cost, in minor units, not rounded.';

-- ---------------------------------------------------------------------------------------------
-- Reports
-- ---------------------------------------------------------------------------------------------

create view worker.revenue_by_month
with (security_invoker = true)
as
with totals as (
  select
    date_trunc('month', entries.occurred_at at time zone 'UTC')::date as month,
    entries.currency,
    entries.effect,
    sum(entries.credits) as credits,
    sum(entries.amount_minor) as amount_minor
  from worker.revenue_entries as entries
  group by
    date_trunc('month', entries.occurred_at at time zone 'UTC')::date,
    entries.currency, entries.effect
),

sums as (
  select
    totals.month,
    totals.currency,
    sum(totals.credits) filter (where totals.effect = 'sold') as sold_credits,
    sum(totals.amount_minor) filter (where totals.effect = 'sold') as sold_minor,
    sum(totals.credits) filter (where totals.effect = 'recognised') as recognised_credits,
    sum(totals.amount_minor) filter (where totals.effect = 'recognised') as recognised_minor,
    sum(totals.credits) filter (where totals.effect = 'returned') as returned_credits,
    sum(totals.amount_minor) filter (where totals.effect = 'returned') as returned_minor,
    sum(totals.credits) filter (where totals.effect = 'expired') as expired_credits,
    sum(totals.amount_minor) filter (where totals.effect = 'expired') as expired_minor,
    sum(totals.credits) filter (where totals.effect = 'withdrawn') as withdrawn_credits,
    sum(totals.amount_minor) filter (where totals.effect = 'withdrawn') as withdrawn_minor,
    sum(case totals.effect when 'sold' then 1 else -1 end * totals.credits) as kept_credits,
    sum(case totals.effect when 'sold' then 1 else -1 end * totals.amount_minor) as kept_minor
  from totals
  group by totals.month, totals.currency
),

-- Each month from a currency's first on: a liability is there in quiet months, too.
months as (
  select
    generate_series(
      min(sums.month)::timestamp, max(max(sums.month)) over ()::timestamp, interval '1 month'
    )::date as month,
    sums.currency
  from sums
  group by sums.currency
)

select
  months.month,
  months.currency,
  coalesce(sums.sold_credits, 0) as sold_credits,
  round(coalesce(sums.sold_minor, 0), 2) as sold_minor,
  coalesce(sums.recognised_credits, 0) as recognised_credits,
  round(coalesce(sums.recognised_minor, 0), 2) as recognised_minor,
  coalesce(sums.returned_credits, 0) as returned_credits,
  round(coalesce(sums.returned_minor, 0), 2) as returned_minor,
  coalesce(sums.expired_credits, 0) as expired_credits,
  round(coalesce(sums.expired_minor, 0), 2) as expired_minor,
  coalesce(sums.withdrawn_credits, 0) as withdrawn_credits,
  round(coalesce(sums.withdrawn_minor, 0), 2) as withdrawn_minor,
  coalesce(sum(sums.kept_credits) over running, 0) as liability_credits,
  round(coalesce(sum(sums.kept_minor) over running, 0), 2) as liability_minor
from months
left join sums on months.month = sums.month and months.currency = sums.currency
window running as (partition by months.currency order by months.month);
comment on view worker.revenue_by_month is
'Credits and money (minor units) by month (UTC) and currency, up to the last month in which '
'anything happened. Over all months, sold = recognised + returned + expired + withdrawn + the last '
'liability: in credits exactly, in money but for the rounding of each month.';
comment on column worker.revenue_by_month.month is 'Its first day.';
comment on column worker.revenue_by_month.sold_credits is 'What payments gave; money came in.';
comment on column worker.revenue_by_month.recognised_credits is
'What jobs that were completed have cost, less what was refunded later, and less what was spent of '
'payments that were returned since. With expired_minor and withdrawn_minor: the revenue.';
comment on column worker.revenue_by_month.returned_credits is
'Credits of payments that were returned, by refund or lost dispute; not those that had expired.';
comment on column worker.revenue_by_month.expired_credits is 'Breakage: paid for and never spent.';
comment on column worker.revenue_by_month.withdrawn_credits is
'Taken back with no money returned: by an operator, or by a change of plan.';
comment on column worker.revenue_by_month.liability_credits is
'At the month''s end: sold and unspent, held by unfinished jobs included.';

create view worker.credit_liability
with (security_invoker = true)
as
with held as (
  select
    allocations.grant_id,
    -sum(allocations.amount) as credits
  from public.credit_transactions as holds
  inner join public.credit_transactions as moves
    on holds.id = moves.id or (holds.id = moves.reverses_id and moves.type = 'refund')
  inner join public.credit_allocations as allocations on moves.id = allocations.transaction_id
  where holds.type = 'deduction' and holds.status = 'pending'
  group by allocations.grant_id
),

prices as (
  select distinct
    lots.payment_id,
    lots.currency,
    lots.average_price_minor as price_minor
  from worker.sold_lots as lots
),

parts as (
  select
    lots.currency,
    grants.remaining as unspent,
    coalesce(held.credits, 0) as held,
    0 as owed,
    (grants.remaining + coalesce(held.credits, 0)) * lots.price_minor as amount_minor,
    0 as owed_minor
  from public.credit_grants as grants
  left join worker.sold_lots as lots on grants.id = lots.grant_id
  left join held on grants.id = held.grant_id
  where grants.remaining > 0 or held.credits > 0
  union all
  select
    prices.currency,
    0 as unspent,
    0 as held,
    payments.credits_owed as owed,
    0 as amount_minor,
    payments.credits_owed * prices.price_minor as owed_minor
  from public.payments
  inner join prices on payments.id = prices.payment_id
  where payments.credits_owed > 0
)

select
  parts.currency,
  sum(parts.unspent) as unspent_credits,
  sum(parts.held) as held_credits,
  sum(parts.unspent + parts.held) as liability_credits,
  round(sum(parts.amount_minor), 2) as liability_minor,
  sum(parts.owed) as owed_credits,
  round(sum(parts.owed_minor), 2) as owed_minor
from parts
group by parts.currency;
comment on view worker.credit_liability is
'What is owed to users now, read off the lots and not off their history; agrees with the last '
'month of revenue_by_month.';
comment on column worker.credit_liability.currency is
'Null: credits that nobody has paid for, which have no worth in money.';
comment on column worker.credit_liability.unspent_credits is
'In lots; those that have ended count until they are swept.';
comment on column worker.credit_liability.held_credits is 'Taken by jobs that have not ended.';
comment on column worker.credit_liability.owed_credits is
'What users owe for payments that were returned when their credits were spent; not part of the '
'liability.';

create view worker.credits_by_month
with (security_invoker = true)
as
select
  date_trunc('month', transactions.created_at at time zone 'UTC')::date as month,
  transactions.type,
  sum(transactions.amount) as credits,
  count(*) as entries
from public.credit_transactions as transactions
group by
  date_trunc('month', transactions.created_at at time zone 'UTC')::date, transactions.type;
comment on view worker.credits_by_month is
'The ledger by month (UTC) and type, paid for or not. Reads all of it.';
comment on column worker.credits_by_month.credits is 'Negative: taken from users.';

revoke all
on worker.debt_changes, worker.sold_lots, worker.revenue_entries, worker.revenue_by_month,
worker.credit_liability, worker.credits_by_month
from public, anon, authenticated, service_role;
grant select
on worker.debt_changes, worker.sold_lots, worker.revenue_entries, worker.revenue_by_month,
worker.credit_liability, worker.credits_by_month
to service_role;
