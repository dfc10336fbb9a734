-- Who gets in line: fairness between users, and the plans' limits of jobs at once.
--
-- A user has at most sixteen tasks in line, and no more in line and running than the plan's
-- max_running_jobs. The others are held, out of the index that claims read. When one of a user's
-- tasks is claimed or ends, the user's next one (priority, then age) joins at the end of the line.
-- So the line is a round of all who wait: who comes with a first job stands behind at most sixteen
-- of anybody else's, were it ten thousand that these wait for. A higher plan's start in line is for
-- the first sixteen, too. And nothing that may not run now is ever read by a claim, so its cost
-- does not grow with what is held.
--
-- Two transactions that do not see each other yet, a job that ends and one that is made, may both
-- leave a place free. worker.tend_queue finds those.

create function private.users_window()
returns integer
language sql
immutable
return 16;
comment on function private.users_window() is 'How many tasks one user may have in line.';

create function private.admit_tasks(p_user_ids uuid[])
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_count integer;
begin
  with holders as materialized (
    select distinct wanted.user_id
    from unnest(p_user_ids) as wanted (user_id)
    where exists (
      select from worker.tasks
      where tasks.user_id = wanted.user_id and not tasks.is_admitted and tasks.waits_for = 0
    )
  ),
  rooms as materialized (
    select
      holders.user_id,
      least(
        plans.max_running_jobs - counts.admitted, private.users_window() - counts.in_line
      ) as room
    from holders
    inner join public.profiles on profiles.user_id = holders.user_id
    inner join public.subscription_plans as plans on plans.tier = profiles.subscription_tier
    cross join lateral (
      select count(*) as admitted, count(tasks.ready_at) as in_line
      from worker.tasks
      where tasks.user_id = holders.user_id and tasks.is_admitted and tasks.waits_for = 0
    ) as counts
  ),
  next as materialized (
    select held.job_id
    from rooms
    cross join lateral (
      select tasks.job_id from worker.tasks
      where tasks.user_id = rooms.user_id and not tasks.is_admitted and tasks.waits_for = 0
      order by tasks.priority desc, tasks.created_at
      limit greatest(rooms.room, 0)
      for no key update skip locked
    ) as held
  )
  update worker.tasks set is_admitted = true, ready_at = clock_timestamp(), priority = 0
  from next
  where tasks.job_id = next.job_id;
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
comment on function private.admit_tasks is
'Puts the next held tasks of users in line, as far as their plans allow; returns how many. Never '
'waits for a lock.';
revoke execute on function private.users_window(), private.admit_tasks from public;
