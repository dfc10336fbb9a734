-- Work that falls due with time and not with a request.
--
-- worker.housekeep does a bounded piece of it and is safe to call from anywhere, as often as one
-- likes: where the extension pg_cron is installed the database calls it every minute, and where it
-- is not the services do.

create function worker.housekeep(p_limit integer default 100)
returns jsonb
language plpgsql
security definer
set search_path = ''
set lock_timeout = '2s'
as $$
declare
  v_settings private.settings;
  v_done jsonb := jsonb_build_object('ran', true);
  v_count bigint;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('worker.housekeep', 0)) then
    return jsonb_build_object('ran', false);
  end if;
  select * into v_settings from private.settings;

  -- Each piece by itself: one that goes wrong must not keep the others from being done. What it had
  -- locked it lets go, and the next call tries it again.
  begin
    select count(*) into v_count from worker.end_overdue_jobs(p_limit);
    v_done := v_done || jsonb_build_object('overdue_jobs', v_count);
  exception when others then
    raise warning 'housekeep: end_overdue_jobs: % %', sqlstate, sqlerrm;
    v_done := v_done || jsonb_build_object('overdue_jobs', null);
  end;

  begin
    v_done := v_done || jsonb_build_object('tended', worker.tend_queue(p_limit) -> 'ran');
  exception when others then
    raise warning 'housekeep: tend_queue: % %', sqlstate, sqlerrm;
    v_done := v_done || jsonb_build_object('tended', null);
  end;

  begin
    v_done := v_done || jsonb_build_object('purged', worker.purge_hidden(p_limit));
  exception when others then
    raise warning 'housekeep: purge_hidden: % %', sqlstate, sqlerrm;
    v_done := v_done || jsonb_build_object('purged', null);
  end;

  begin
    v_done := v_done || jsonb_build_object('followed', worker.follow_subscriptions(p_limit));
  exception when others then
    raise warning 'housekeep: follow_subscriptions: % %', sqlstate, sqlerrm;
    v_done := v_done || jsonb_build_object('followed', null);
  end;

  begin
    v_done := v_done || jsonb_build_object('expired_lots', worker.expire_credits(p_limit));
  exception when others then
    raise warning 'housekeep: expire_credits: % %', sqlstate, sqlerrm;
    v_done := v_done || jsonb_build_object('expired_lots', null);
  end;

  -- Small rows, ten times as many.
  begin
    delete from public.user_activity_logs
    where id in (
      select logs.id from public.user_activity_logs as logs
      where logs.created_at < private.now() - v_settings.activity_log_retention
      order by logs.created_at
      limit p_limit * 10
      for update skip locked
    );
    get diagnostics v_count = row_count;
    v_done := v_done || jsonb_build_object('activity_logs', v_count);
  exception when others then
    raise warning 'housekeep: activity logs: % %', sqlstate, sqlerrm;
    v_done := v_done || jsonb_build_object('activity_logs', null);
  end;

  -- Every job brings some of these: a hundred times as many.
  begin
    delete from worker.api_usage_logs
    where call_id in (
      select logs.call_id from worker.api_usage_logs as logs
      where (logs.created_at at time zone 'UTC')::date
        < ((private.now() - v_settings.usage_retention) at time zone 'UTC')::date
      order by (logs.created_at at time zone 'UTC')::date
      limit p_limit * 100
      for update skip locked
    );
    get diagnostics v_count = row_count;
    v_done := v_done || jsonb_build_object('api_usage_logs', v_count);
  exception when others then
    raise warning 'housekeep: api usage logs: % %', sqlstate, sqlerrm;
    v_done := v_done || jsonb_build_object('api_usage_logs', null);
  end;

  begin
    delete from worker.webhook_events
    where id in (
      select events.id from worker.webhook_events as events
      where events.status in ('processed', 'ignored')
        and events.processed_at < private.now() - v_settings.webhook_retention
      order by events.processed_at
      limit p_limit * 100
      for update skip locked
    );
    get diagnostics v_count = row_count;
    v_done := v_done || jsonb_build_object('webhook_events', v_count);
  exception when others then
    raise warning 'housekeep: webhook events: % %', sqlstate, sqlerrm;
    v_done := v_done || jsonb_build_object('webhook_events', null);
  end;

  begin
    delete from worker.payment_checks
    where payment_id in (
      select checks.payment_id from worker.payment_checks as checks
      inner join public.payments on payments.id = checks.payment_id
      where checks.due_at <= private.now() and not private.needs_check(payments)
      order by checks.due_at
      limit p_limit * 10
      for update of checks skip locked
    );
    get diagnostics v_count = row_count;
    v_done := v_done || jsonb_build_object('payment_checks', v_count);
  exception when others then
    raise warning 'housekeep: payment checks: % %', sqlstate, sqlerrm;
    v_done := v_done || jsonb_build_object('payment_checks', null);
  end;

  return v_done;
end;
$$;
comment on function worker.housekeep is
'Does what is due, up to p_limit of it: ends jobs that are overdue, tends the queue, purges what '
'was deleted long ago, lets subscriptions and their allowances follow time, writes off credits '
'that ended, removes old activity logs, records of calls to providers, webhook events and checks '
'of payments. Returns what it did, null for a piece that went wrong (the log says why); '
'{"ran": false} when another call is at it. Call it again while it does much. Definer: it removes '
'what nobody may.';
revoke execute on function worker.housekeep from public;
grant execute on function worker.housekeep to service_role;

create function private.schedule_work()
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_job record;
begin
  if not exists (select from pg_catalog.pg_extension where extname = 'pg_cron') then
    return false;
  end if;
  for v_job in
    select jobs.name, jobs.schedule, jobs.command
    from (values
      ('reelbase-housekeep', '* * * * *', 'select worker.housekeep()'),
      (
        'reelbase-forget-runs', '17 3 * * *',
        'delete from cron.job_run_details where end_time < now() - interval ''7 days'' and jobid in ('
        'select jobid from cron.job where starts_with(jobname, ''reelbase-''))'
      )
    ) as jobs (name, schedule, command)
  loop
    -- A job that is scheduled again under its name is replaced.
    execute format('select %I.schedule($1, $2, $3)', 'cron')
    using v_job.name, v_job.schedule, v_job.command;
  end loop;
  return true;
exception when insufficient_privilege then
  raise warning 'pg_cron is installed, but % may not use it.', current_user;
  return false;
end;
$$;
comment on function private.schedule_work() is
'Lets pg_cron do the housekeeping, and says whether it does. Called by this migration; to be '
'called once by hand where the extension is installed later. Again it changes nothing.';
revoke execute on function private.schedule_work() from public;

select private.schedule_work();
