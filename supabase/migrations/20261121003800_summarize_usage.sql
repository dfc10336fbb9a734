-- Sums that a front end and an operator ask for, so that nobody has to add up rows by hand.
--
-- The views ask as their reader: an owner sees their own, the services see all. What an owner has
-- deleted is out of their sight and does not count for them any more; it does for the services, and
-- what it cost stays in credits_spent, which comes from the books.

create view public.user_stats
with (security_invoker = true)
as
select
  profiles.user_id,
  counted.total_jobs,
  counted.completed_jobs,
  counted.failed_jobs,
  coalesce(accounts.lifetime_spent, 0)::numeric(12, 2) as credits_spent,
  profiles.last_login_at
from public.profiles
left join public.credit_accounts as accounts on profiles.user_id = accounts.user_id
-- For each user on its own, by the index that begins with user_id.
cross join lateral (
  select
    count(*) as total_jobs,
    count(*) filter (where jobs.status = 'completed') as completed_jobs,
    count(*) filter (where jobs.status = 'failed') as failed_jobs
  from public.generation_jobs as jobs
  where jobs.user_id = profiles.user_id
) as counted;
comment on view public.user_stats is
'Numbers about a user: jobs, credits, last login. Shows the reader''s own row; to its owner, jobs '
'that were deleted do not count.';
comment on column public.user_stats.total_jobs is 'All jobs, drafts too.';
comment on column public.user_stats.credits_spent is
'All that jobs cost, less their refunds; deleted ones too.';

create view public.credit_usage_by_model
with (security_invoker = true)
as
select
  moves.user_id,
  moves.operation_type,
  moves.model_id,
  (coalesce(charges.created_at, moves.created_at) at time zone 'UTC')::date as day,
  count(*) filter (where moves.type = 'deduction') as jobs,
  -sum(moves.amount) as credits
from public.credit_transactions as moves
-- A refund counts on the day of what it returns; a charge has nothing to look up.
left join public.credit_transactions as charges on moves.reverses_id = charges.id
where moves.type in ('deduction', 'refund')
-- The day first: days are compared faster than names of models, and most differ.
group by
  (coalesce(charges.created_at, moves.created_at) at time zone 'UTC')::date,
  moves.operation_type, moves.model_id, moves.user_id;
comment on view public.credit_usage_by_model is
'What was spent on what: jobs and credits by kind, model and day. Shows the reader''s own rows.';
comment on column public.credit_usage_by_model.day is
'Day (UTC) on which the jobs were charged; a later refund counts there, too.';
comment on column public.credit_usage_by_model.jobs is
'Jobs that were charged, refunded ones too.';
comment on column public.credit_usage_by_model.credits is 'What they cost, less their refunds.';

create view worker.job_queue_status
with (security_invoker = true)
as
with live as (
  -- By the queue, which is as small as what there is to do, however long the history. Of what never
  -- was claimed, and that may be a million, it knows all that is asked for.
  select
    'queued'::public.job_status as status,
    tasks.kind,
    tasks.provider,
    count(*) as jobs,
    count(*) * date_part('epoch', clock_timestamp()) - sum(date_part('epoch', tasks.created_at))
      as wait_seconds,
    date_part('epoch', clock_timestamp() - min(tasks.created_at)) as longest_wait_seconds
  from worker.tasks
  where tasks.tries = 0
  group by tasks.kind, tasks.provider
  union all
  select
    jobs.status,
    jobs.kind,
    jobs.provider,
    count(*) as jobs,
    sum(
      date_part('epoch', case jobs.status when 'queued' then now() else jobs.started_at end)
      - date_part('epoch', jobs.queued_at)
    ) as wait_seconds,
    max(
      date_part('epoch', case jobs.status when 'queued' then now() else jobs.started_at end)
      - date_part('epoch', jobs.queued_at)
    ) as longest_wait_seconds
  from worker.tasks
  inner join public.generation_jobs as jobs on tasks.job_id = jobs.id
  where tasks.tries > 0
  group by jobs.status, jobs.kind, jobs.provider
)

select
  live.status,
  live.kind,
  live.provider,
  sum(live.jobs)::bigint as jobs,
  round((sum(live.wait_seconds) / sum(live.jobs))::numeric, 1) as average_wait_seconds,
  round(max(live.longest_wait_seconds)::numeric, 1) as longest_wait_seconds
from live
group by live.status, live.kind, live.provider;
comment on view worker.job_queue_status is
'What waits and what runs, by status, kind and provider. Jobs that have ended are not in it.';
comment on column worker.job_queue_status.average_wait_seconds is
'From being queued until it started, or until now.';

create type public.my_credits_summary as (
  balance numeric,
  spendable numeric,
  in_flight numeric,
  debt numeric,
  next_expiry_at timestamptz,
  next_expiry_credits numeric,
  monthly_allowance numeric,
  period_ends_at timestamptz
);
comment on type public.my_credits_summary is 'How the caller''s credits stand.';
comment on column public.my_credits_summary.balance is
'What the account says; a lot that has ended counts until it is swept.';
comment on column public.my_credits_summary.spendable is
'What can be spent now: lots that have not ended; nothing while there is debt.';
comment on column public.my_credits_summary.in_flight is
'What jobs that have not ended hold; not in the balance any more.';
comment on column public.my_credits_summary.debt is 'To be paid before anything can be spent.';
comment on column public.my_credits_summary.next_expiry_at is
'When credits are lost next; null: none ever are.';
comment on column public.my_credits_summary.next_expiry_credits is 'How many are lost then.';

create function private.own_credits()
returns public.my_credits_summary
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_account public.credit_accounts;
  v_summary public.my_credits_summary;
begin
  select * into v_account from public.credit_accounts where user_id = (select auth.uid());
  if not found then
    raise exception 'The user has no credit account.'
      using errcode = 'PT404', hint = 'account_not_found';
  end if;
  v_summary.balance := v_account.balance;
  v_summary.debt := v_account.debt;
  v_summary.monthly_allowance := v_account.monthly_allowance;
  v_summary.period_ends_at := v_account.period_ends_at;

  with lots as (
    select remaining, expires_at, min(expires_at) over () as soonest
    from public.credit_grants
    where user_id = v_account.user_id and remaining > 0
      and (expires_at is null or expires_at > private.now())
  )
  select
    coalesce(sum(remaining), 0), min(soonest),
    coalesce(sum(remaining) filter (where expires_at = soonest), 0)
  into v_summary.spendable, v_summary.next_expiry_at, v_summary.next_expiry_credits
  from lots;
  if v_account.debt > 0 then
    v_summary.spendable := 0;
  end if;

  -- A hold lives as long as its job is active, and of these there are few.
  select coalesce(-sum(holds.amount), 0) into v_summary.in_flight
  from public.generation_jobs as jobs
  inner join public.credit_transactions as holds on holds.id = jobs.credit_transaction_id
  where jobs.user_id = v_account.user_id and jobs.finished_at is null
    and holds.status = 'pending';
  return v_summary;
end;
$$;
comment on function private.own_credits() is
'How the caller''s credits stand. Definer: time is the ledger''s own, and jobs that the owner has '
'hidden hold credits, too. Identity from the token. Raises PT404 account_not_found.';

create function public.my_credits()
returns public.my_credits_summary
language sql
stable
set search_path = ''
begin atomic
  select private.own_credits();
end;
comment on function public.my_credits() is
'How your credits stand: balance, what can be spent, what running jobs hold, debt, what is lost '
'next and when, the monthly allowance and when its period ends. Errors: 404 account_not_found.';

revoke execute on function private.own_credits(), public.my_credits() from public;
grant execute on function private.own_credits(), public.my_credits() to authenticated;

revoke all on public.user_stats, public.credit_usage_by_model, worker.job_queue_status
from public, anon, authenticated, service_role;
grant select on public.user_stats, public.credit_usage_by_model to authenticated, service_role;
grant select on worker.job_queue_status to service_role;
