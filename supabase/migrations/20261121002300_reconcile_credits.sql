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
        where transactions.amount > 0 and transactions.type <> 'refund'
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
  select 'an active job has one task, an ended one none', jobs.user_id, jobs.id,
    (jobs.status in ('queued', 'starting', 'processing', 'finalizing'))::integer,
    (tasks.job_id is not null)::integer
  from public.generation_jobs as jobs
  left join worker.tasks on tasks.job_id = jobs.id
  where (tasks.job_id is not null)
    <> (jobs.status in ('queued', 'starting', 'processing', 'finalizing'));
$$;
comment on function private.reconcile_credits() is
'Every account, lot, transaction and job that breaks a promise about credits: no row means all is'
' well. Reads all of them; for operators and tests.';
revoke execute on function private.reconcile_credits() from public;
