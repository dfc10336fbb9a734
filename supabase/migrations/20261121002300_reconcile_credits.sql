-- The proof that the books are right: every promise about credits, checked over every account.

create function private.reconcile_credits()
returns table (promise text, user_id uuid, subject_id uuid, expected numeric, found numeric)
language sql
stable
set search_path = ''
as $$
  with ledger as (
    select
      transactions.user_id, sum(transactions.amount) as total, count(*) as entries,
      max(transactions.version) as last_version,
      -coalesce(
        sum(transactions.amount) filter (where transactions.type in ('deduction', 'refund')), 0
      ) as spent,
      coalesce(sum(transactions.amount) filter (
        where transactions.amount > 0 and transactions.reverses_id is null
      ), 0) as earned
    from public.credit_transactions as transactions
    group by transactions.user_id
  ),
  lots as (
    select grants.user_id, sum(grants.remaining) as remaining
    from public.credit_grants as grants
    group by grants.user_id
  ),
  chain as (
    select
      transactions.id, transactions.user_id, transactions.balance_after,
      transactions.amount + lag(transactions.balance_after, 1, 0::numeric) over (
        partition by transactions.user_id order by transactions.version
      ) as expected
    from public.credit_transactions as transactions
  ),
  charges as (
    select
      deductions.id, deductions.user_id, deductions.job_id, -deductions.amount as charged,
      deductions.status, coalesce(sum(refunds.amount), 0) as refunded
    from public.credit_transactions as deductions
    left join public.credit_transactions as refunds on refunds.reverses_id = deductions.id
    where deductions.type = 'deduction'
    group by deductions.id
  ),
  disputes as (
    select
      disputes.payment_id, bool_or(disputes.outcome = 'open') as is_open,
      coalesce(sum(coalesce(disputes.amount_minor, payments.amount_minor)) filter (
        where disputes.outcome = 'lost'
      ), 0) as lost_minor
    from worker.payment_disputes as disputes
    inner join public.payments on payments.id = disputes.payment_id
    group by disputes.payment_id
  ),
  booked as (
    select
      transactions.payment_id,
      count(*) filter (where transactions.type = 'purchase') as purchases,
      coalesce(sum(transactions.amount + coalesce((
        select sum(uses.amount)
        from public.credit_allocations as gifts
        inner join public.credit_allocations as uses on uses.grant_id = gifts.grant_id
        inner join public.credit_transactions as causes on causes.id = uses.transaction_id
        where gifts.transaction_id = transactions.id and uses.amount < 0
          and causes.type = 'adjustment' and causes.metadata ? 'month'
      ), 0)) filter (where transactions.type in ('purchase', 'grant')), 0) as given,
      -coalesce(sum(transactions.amount) filter (
        where transactions.type in ('chargeback', 'adjustment')
      ), 0) as taken,
      coalesce(sum((
        select -sum(uses.amount)
        from public.credit_allocations as gifts
        inner join public.credit_grants as lots
          on lots.id = gifts.grant_id or lots.replaces_id = gifts.grant_id
        inner join public.credit_allocations as uses on uses.grant_id = lots.id
        inner join public.credit_transactions as causes on causes.id = uses.transaction_id
        where gifts.transaction_id = transactions.id and uses.amount < 0
          and causes.type in ('expiration', 'adjustment') and not causes.metadata ? 'month'
      )) filter (where transactions.type in ('purchase', 'grant')), 0) as unused
    from public.credit_transactions as transactions
    where transactions.payment_id is not null
    group by transactions.payment_id
  ),
  paid as (
    select
      payments.id, payments.user_id, payments.package_id, payments.status, payments.succeeded_at,
      payments.amount_minor, payments.credits, payments.credits_owed, payments.transaction_id,
      payments.charged_back_minor,
      least(coalesce(disputes.lost_minor, 0), payments.amount_minor) as lost_minor,
      coalesce(disputes.is_open, false) as is_disputed,
      least(
        payments.refunded_minor + coalesce(disputes.lost_minor, 0), payments.amount_minor
      ) as returned_minor,
      coalesce(booked.purchases, 0) as purchases, coalesce(booked.given, 0) as given,
      coalesce(booked.taken, 0) as taken, coalesce(booked.unused, 0) as unused
    from public.payments
    left join disputes on disputes.payment_id = payments.id
    left join booked on booked.payment_id = payments.id
  )
  select 'balance is the sum of the ledger', accounts.user_id, accounts.user_id,
    coalesce(ledger.total, 0), accounts.balance
  from public.credit_accounts as accounts
  left join ledger on ledger.user_id = accounts.user_id
  where accounts.balance <> coalesce(ledger.total, 0)
  union all
  select 'balance is the sum of the lots', accounts.user_id, accounts.user_id,
    coalesce(lots.remaining, 0), accounts.balance
  from public.credit_accounts as accounts
  left join lots on lots.user_id = accounts.user_id
  where accounts.balance <> coalesce(lots.remaining, 0)
  union all
  select 'version is the number of transactions', accounts.user_id, accounts.user_id,
    coalesce(ledger.entries, 0), accounts.version
  from public.credit_accounts as accounts
  left join ledger on ledger.user_id = accounts.user_id
  where (accounts.version, accounts.version)
    <> (coalesce(ledger.entries, 0), coalesce(ledger.last_version, 0))
  union all
  select 'lifetime_spent is what jobs cost', accounts.user_id, accounts.user_id,
    coalesce(ledger.spent, 0), accounts.lifetime_spent
  from public.credit_accounts as accounts
  left join ledger on ledger.user_id = accounts.user_id
  where accounts.lifetime_spent <> coalesce(ledger.spent, 0)
  union all
  select 'lifetime_earned is what came in', accounts.user_id, accounts.user_id,
    coalesce(ledger.earned, 0), accounts.lifetime_earned
  from public.credit_accounts as accounts
  left join ledger on ledger.user_id = accounts.user_id
  where accounts.lifetime_earned <> coalesce(ledger.earned, 0)
  union all
  select 'balance_after chains', chain.user_id, chain.id, chain.expected, chain.balance_after
  from chain
  where chain.balance_after <> chain.expected
  union all
  select 'a transaction is the sum of its allocations', transactions.user_id, transactions.id,
    transactions.amount, coalesce(sum(allocations.amount), 0)
  from public.credit_transactions as transactions
  left join public.credit_allocations as allocations
    on allocations.transaction_id = transactions.id
  group by transactions.id
  having transactions.amount <> coalesce(sum(allocations.amount), 0)
  union all
  select 'a lot holds what its allocations left in it', grants.user_id, grants.id,
    coalesce(sum(allocations.amount), 0), grants.remaining
  from public.credit_grants as grants
  left join public.credit_allocations as allocations on allocations.grant_id = grants.id
  group by grants.id
  having grants.remaining <> coalesce(sum(allocations.amount), 0)
  union all
  select 'refunds do not exceed the charge, and all of it is what refunded means',
    charges.user_id, charges.id, charges.charged, charges.refunded
  from charges
  where charges.refunded > charges.charged
    or (charges.status = 'refunded') <> (charges.refunded = charges.charged)
  union all
  select 'a job was charged what it costs, once', jobs.user_id, jobs.id,
    case when jobs.queued_at is null then 0 else jobs.credit_cost end,
    coalesce(sum(charges.charged), 0)
  from public.generation_jobs as jobs
  left join charges on charges.job_id = jobs.id
  group by jobs.id
  having coalesce(sum(charges.charged), 0)
    <> case when jobs.queued_at is null then 0 else jobs.credit_cost end
  union all
  select 'an ended job is settled or refunded, another is on hold', jobs.user_id, jobs.id,
    charges.charged, charges.refunded
  from public.generation_jobs as jobs
  inner join charges on charges.job_id = jobs.id
  where not case
    when jobs.status = 'completed'
      then charges.status::text = case when jobs.is_refunded then 'refunded' else 'completed' end
    when jobs.status in ('failed', 'cancelled', 'expired')
      then charges.status = 'refunded' and jobs.is_refunded
    else charges.status = 'pending' and not jobs.is_refunded
  end
  union all
  select 'debt is what payments owe', accounts.user_id, accounts.user_id,
    coalesce(owed.credits, 0), accounts.debt
  from public.credit_accounts as accounts
  left join (
    select payments.user_id, sum(payments.credits_owed) as credits
    from public.payments
    group by payments.user_id
  ) as owed on owed.user_id = accounts.user_id
  where accounts.debt <> coalesce(owed.credits, 0)
  union all
  select 'who has debt has nothing that could be spent', accounts.user_id, grants.id,
    0, grants.remaining
  from public.credit_accounts as accounts
  inner join public.credit_grants as grants on grants.user_id = accounts.user_id
  where accounts.debt > 0 and not grants.is_spent
    and (grants.expires_at is null or grants.expires_at > private.now())
  union all
  select 'a package that was paid is credited once, another never', paid.user_id, paid.id,
    case when paid.package_id is null or paid.succeeded_at is null then 0 else paid.credits end,
    coalesce(purchases.amount, 0)
  from paid
  left join public.credit_transactions as purchases
    on purchases.id = paid.transaction_id and purchases.payment_id = paid.id
    and purchases.type = 'purchase'
  where coalesce(purchases.amount, 0)
    <> case when paid.package_id is null or paid.succeeded_at is null then 0 else paid.credits end
    or paid.purchases <> (paid.package_id is not null and paid.succeeded_at is not null)::integer
  union all
  select 'what a payment''s return takes is its share', paid.user_id, paid.id,
    case
      when paid.returned_minor = 0 then 0
      else round(paid.given * paid.returned_minor / paid.amount_minor, 2)
    end,
    paid.taken + paid.credits_owed
  from paid
  where not case
    when paid.returned_minor = 0 or paid.succeeded_at is null
      then paid.taken + paid.credits_owed = 0
    -- Less where credits had ended before they could be taken.
    else paid.taken + paid.credits_owed
      between least(
        round(paid.given * paid.returned_minor / paid.amount_minor, 2), paid.given - paid.unused
      )
      and round(paid.given * paid.returned_minor / paid.amount_minor, 2)
  end
  union all
  select 'a payment''s status follows what is known of it', paid.user_id, paid.id,
    paid.returned_minor, paid.charged_back_minor
  from paid
  where case
    when paid.succeeded_at is null
      then paid.status not in ('pending', 'processing', 'failed', 'expired')
    else paid.charged_back_minor <> paid.lost_minor or paid.status::text <> case
      when paid.is_disputed then 'disputed'
      when paid.returned_minor = paid.amount_minor and paid.returned_minor > 0 then 'refunded'
      else 'succeeded'
    end
  end
  union all
  select 'a month''s allowance is what was granted for it', months.user_id, months.user_id,
    months.granted, coalesce(sum(allocations.amount), 0)
  from private.allowance_months as months
  left join public.credit_grants as grants
    on grants.user_id = months.user_id
    and (
      grants.source_key = months.source_key
      or starts_with(grants.source_key, months.source_key || '/')
    )
  left join (
    select moved.grant_id, moved.amount
    from public.credit_allocations as moved
    inner join public.credit_transactions as causes on causes.id = moved.transaction_id
    where causes.type = 'grant' or (causes.type = 'adjustment' and causes.metadata ? 'month')
  ) as allocations on allocations.grant_id = grants.id
  group by months.user_id, months.source_key, months.granted
  having months.granted <> coalesce(sum(allocations.amount), 0)
  union all
  select 'a subscriber has the tier of the subscription', profiles.user_id, subscriptions.id,
    null, null
  from public.subscriptions
  inner join public.profiles on profiles.user_id = subscriptions.user_id
  where subscriptions.status <> 'ended' and profiles.subscription_tier <> subscriptions.tier
  union all
  select 'an active job has one task, an ended one none', jobs.user_id, jobs.id,
    (jobs.status in ('queued', 'starting', 'processing', 'finalizing'))::integer,
    (tasks.job_id is not null)::integer
  from public.generation_jobs as jobs
  left join worker.tasks on tasks.job_id = jobs.id
  where (tasks.job_id is not null)
    <> (jobs.status in ('queued', 'starting', 'processing', 'finalizing'));
$$;
comment on function private.reconcile_credits() is
'Every account, lot, transaction, payment and job that breaks a promise about credits: no row '
'means all is well. Reads all of them; for operators and tests.';
revoke execute on function private.reconcile_credits() from public;

create function worker.audit_credits()
returns table (promise text, checked bigint, broken bigint)
language sql
stable
security definer
set search_path = ''
as $$
  with promises (promise, of_what) as (
    values
    ('balance is the sum of the ledger', 'account'),
    ('balance is the sum of the lots', 'account'),
    ('version is the number of transactions', 'account'),
    ('lifetime_spent is what jobs cost', 'account'),
    ('lifetime_earned is what came in', 'account'),
    ('balance_after chains', 'transaction'),
    ('a transaction is the sum of its allocations', 'transaction'),
    ('a lot holds what its allocations left in it', 'lot'),
    ('refunds do not exceed the charge, and all of it is what refunded means', 'charge'),
    ('a job was charged what it costs, once', 'job'),
    ('an ended job is settled or refunded, another is on hold', 'charge'),
    ('an active job has one task, an ended one none', 'job'),
    ('debt is what payments owe', 'account'),
    ('who has debt has nothing that could be spent', 'account'),
    ('a package that was paid is credited once, another never', 'payment'),
    ('what a payment''s return takes is its share', 'payment'),
    ('a payment''s status follows what is known of it', 'payment'),
    ('a month''s allowance is what was granted for it', 'month'),
    ('a subscriber has the tier of the subscription', 'subscription')
  ),
  counted (of_what, number) as (
    select 'account', count(*) from public.credit_accounts
    union all
    select 'transaction', count(*) from public.credit_transactions
    union all
    select 'charge', count(*) from public.credit_transactions where type = 'deduction'
    union all
    select 'lot', count(*) from public.credit_grants
    union all
    select 'job', count(*) from public.generation_jobs
    union all
    select 'payment', count(*) from public.payments
    union all
    select 'month', count(*) from private.allowance_months
    union all
    select 'subscription', count(*) from public.subscriptions
  ),
  broken as (
    select found.promise, count(*) as number from private.reconcile_credits() as found
    group by found.promise
  )
  select coalesce(promises.promise, broken.promise), counted.number, coalesce(broken.number, 0)
  from promises
  inner join counted on counted.of_what = promises.of_what
  full join broken on broken.promise = promises.promise;
$$;
comment on function worker.audit_credits() is
'Each promise about credits, how many things it was checked on, and how many break it; see '
'private.reconcile_credits for which. Reads all of the books. Definer: it reads what no role may.';
revoke execute on function worker.audit_credits() from public;
grant execute on function worker.audit_credits() to service_role;
