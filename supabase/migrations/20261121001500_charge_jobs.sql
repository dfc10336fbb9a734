-- Money follows the job's state, by trigger, so that no path can forget it:
--   queued      the cost is taken as a hold (402 when it is not there, and then there is no job)
--   completed   the hold becomes a charge
--   failed, cancelled, expired   what was taken is returned
-- All of it in the transaction that changes the state.
--
-- Lock order, here and everywhere: the owner's profile, the job's project and campaign (shared),
-- the account, the job. private.lock_job takes these locks for a job that exists, price_job for one
-- that is about to.

create function private.lock_job(p_job_id uuid, p_with_account boolean)
returns public.generation_jobs
language plpgsql
set search_path = ''
as $$
declare
  v_job public.generation_jobs;
begin
  -- A job's owner and project change only by being deleted, and that locks them first: so do we.
  -- So does its campaign, which counts its finished videos.
  select * into v_job from public.generation_jobs where id = p_job_id;
  perform 1 from public.profiles where user_id = v_job.user_id for key share;
  perform 1 from public.projects where id = v_job.project_id for key share;
  perform 1 from public.campaigns where id = v_job.campaign_id for key share;
  if p_with_account then
    perform private.lock_account(v_job.user_id);
  end if;
  select * into v_job from public.generation_jobs where id = p_job_id for no key update;
  return v_job;
end;
$$;
comment on function private.lock_job is
'The job, locked after its owner''s profile, its project and its campaign (shared) and, when '
'credits may move, the account.';
revoke execute on function private.lock_job from public;

create function private.charge_job()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_plan public.subscription_plans;
  v_count bigint;
begin
  select plans.* into v_plan
  from public.profiles
  inner join public.subscription_plans as plans on plans.tier = profiles.subscription_tier
  where profiles.user_id = new.user_id and profiles.deleted_at is null;
  if not found then
    raise exception 'The account is closed.' using errcode = 'PT403', hint = 'account_closed';
  elsif new.project_id is not null and not exists (
    select from public.projects where id = new.project_id and deleted_at is null
  ) then
    -- Deleted while the job was on its way: the policy had looked before.
    raise exception 'There is no such project.' using errcode = 'PT404', hint = 'project_not_found';
  end if;

  if new.credit_cost > 0 then
    perform private.deduct_credits(
      new.credit_transaction_id, new.user_id, new.credit_cost, new.id, new.kind, new.model_id,
      new.is_edit_call
    );
  else
    perform 1 from public.credit_accounts where user_id = new.user_id for no key update;
  end if;

  -- The account is locked now, so that no two of a user's jobs can both be the last that fits.
  select count(*) into v_count from (
    select from public.generation_jobs
    where user_id = new.user_id and finished_at is null and status <> 'pending'
    limit v_plan.max_active_jobs + 1
  ) as active;
  if v_count > v_plan.max_active_jobs then
    raise exception 'Too many jobs at once: your plan allows % waiting or running.',
      v_plan.max_active_jobs
      using errcode = 'PT429', hint = 'too_many_active_jobs',
        detail = json_build_object('limit', v_plan.max_active_jobs)::text;
  end if;

  -- What was cancelled and refunded, or costs nothing, leaves a row for ever all the same.
  if v_plan.max_jobs_per_day is not null then
    select count(*) into v_count from (
      select from public.generation_jobs
      where user_id = new.user_id and queued_at > private.now() - interval '24 hours'
      limit v_plan.max_jobs_per_day + 1
    ) as recent;
    if v_count > v_plan.max_jobs_per_day then
      raise exception 'Too many jobs in 24 hours: your plan allows %.', v_plan.max_jobs_per_day
        using errcode = 'PT429', hint = 'too_many_jobs_today',
          detail = json_build_object('limit', v_plan.max_jobs_per_day)::text;
    end if;
  end if;
  return null;
end;
$$;
comment on function private.charge_job() is
'Trigger: takes a queued job''s cost and holds the plan''s limits of jobs. Definer: only the '
'ledger''s functions write there. Raises PT402, PT429 too_many_active_jobs or too_many_jobs_today, '
'PT403 account_closed, PT404 project_not_found; the job is not made then.';

create function private.settle_job()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.settle_deduction(new.id);
  return null;
end;
$$;
comment on function private.settle_job() is 'Trigger: turns a completed job''s hold into a charge.';

create function private.refund_job()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.refund_deduction(new.id);
  return null;
end;
$$;
comment on function private.refund_job() is
'Trigger: returns what is left of the charge of a job that came to nothing.';

create function private.mark_job_refunded()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.is_refunded := new.credit_cost > 0 and old.credit_transaction_id is not null;
  return new;
end;
$$;
comment on function private.mark_job_refunded() is
'Trigger: notes on a job that came to nothing that its refund below returns all of its charge.';

revoke execute on function
private.charge_job(), private.settle_job(), private.refund_job(), private.mark_job_refunded()
from public;

create trigger generation_jobs_charge_insert
after insert on public.generation_jobs
for each row when (new.status = 'queued')
execute function private.charge_job();
create trigger generation_jobs_charge_update
after update of status on public.generation_jobs
for each row when (old.status = 'pending' and new.status = 'queued')
execute function private.charge_job();
create trigger generation_jobs_settle
after update of status on public.generation_jobs
for each row when (old.status <> 'completed' and new.status = 'completed')
execute function private.settle_job();
create trigger generation_jobs_mark_refunded
before update of status on public.generation_jobs
for each row when (
  old.status not in ('failed', 'cancelled', 'expired')
  and new.status in ('failed', 'cancelled', 'expired')
)
execute function private.mark_job_refunded();
create trigger generation_jobs_refund
after update of status on public.generation_jobs
for each row when (
  old.status not in ('failed', 'cancelled', 'expired')
  and new.status in ('failed', 'cancelled', 'expired')
)
execute function private.refund_job();
