-- What keeps the queue well and belongs to no job's way: taking over what lost its dispatcher,
-- telling providers to stop, finding files that nobody registered, following webhooks that came
-- before the jobs that they are about were known by their providers' ids.
--
-- Any dispatcher does it, every second or two, one at a time. Nothing here waits for a lock.

create table worker.cancellations (
  job_id uuid not null references public.generation_jobs (id) on delete cascade,
  provider_job_id text not null,
  provider text not null,
  provider_state worker.provider_state,
  tries smallint not null default 0,
  available_at timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default clock_timestamp(),
  primary key (job_id, provider_job_id)
);
comment on table worker.cancellations is
'What providers are still to be told to stop, since its job has ended without them.';
comment on column worker.cancellations.provider_job_id is
'Empty: its answer was lost, and it may be known there by the job''s id alone.';
comment on column worker.cancellations.available_at is
'From then on it may be claimed; moves on when it is, so that a dispatcher that died is made up '
'for.';

create index cancellations_available_at_idx on worker.cancellations (available_at);

create table worker.upload_checks (
  job_id uuid primary key references public.generation_jobs (id) on delete cascade,
  user_id uuid not null,
  due_at timestamptz not null
);
comment on table worker.upload_checks is
'Jobs whose folder may hold files that nobody registered: a dispatcher died or lost the job '
'between storing and saying so.';

create index upload_checks_due_at_idx on worker.upload_checks (due_at);

alter table private.settings
add column upload_grace interval not null default interval '1 hour'
constraint settings_upload_grace_is_positive check (upload_grace > interval '0');
comment on column private.settings.upload_grace is
'How long after its job''s end a stored file that nobody registered is left alone: longer than '
'anybody may still be uploading.';

create function private.cancel_at_provider(
  p_job_id uuid, p_provider_job_id text, p_provider_state jsonb default null
)
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into worker.cancellations (job_id, provider_job_id, provider, provider_state)
  select
    jobs.id, p_provider_job_id, jobs.provider,
    case when private.is_small_object(p_provider_state, 4096) then p_provider_state end
  from public.generation_jobs as jobs
  where jobs.id = p_job_id
  on conflict do nothing;
  if found then
    perform pg_catalog.pg_notify(
      'reelbase_tasks',
      (select jobs.provider from public.generation_jobs as jobs where jobs.id = p_job_id)
    );
  end if;
end;
$$;
comment on function private.cancel_at_provider is
'Notes that a provider is to stop, once the job has ended, unless it ended well with just this '
'work: what comes late from a dispatcher that lost the job may be what another one found.';

create function private.clear_tasks(p_ended uuid[], p_fruitless uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_gone record;
begin
  with gone as (
    delete from worker.tasks where job_id = any(p_ended)
    returning
      job_id, user_id, provider, step, provider_job_id, provider_state, is_uncertain, lease, tries
  ),
  -- Who is just submitting it gets the answer first, and then says so under its name.
  told as (
    insert into worker.cancellations (
      job_id, provider_job_id, provider, provider_state, available_at
    )
    select
      gone.job_id, coalesce(gone.provider_job_id, ''), gone.provider, gone.provider_state,
      private.now()
      + case when gone.provider_job_id is null then interval '1 minute' else interval '0' end
    from gone
    inner join public.generation_jobs as jobs on jobs.id = gone.job_id
    where jobs.status in ('cancelled', 'expired')
      and (gone.provider_job_id is not null or gone.is_uncertain
        or (gone.step = 'submit' and gone.lease is not null))
    on conflict do nothing
    returning provider
  ),
  checked as (
    insert into worker.upload_checks (job_id, user_id, due_at)
    select gone.job_id, gone.user_id, private.now() + settings.upload_grace
    from gone
    cross join private.settings
    where gone.tries > 1 or (gone.job_id = any(p_fruitless) and gone.tries > 0)
    on conflict (job_id) do update set due_at = excluded.due_at
  )
  select
    array(select distinct user_id from gone) as users,
    array(select distinct provider from told) as providers
  into v_gone;
  perform pg_catalog.pg_notify('reelbase_tasks', told.provider)
  from unnest(v_gone.providers) as told (provider);
  perform private.admit_tasks(v_gone.users);
end;
$$;
comment on function private.clear_tasks is
'Takes the tasks of ended jobs away, and with them every lease; lets their users'' next tasks in '
'line; notes what providers must be told to stop and which folders are to be looked through.';

create function worker.claim_cancellations(
  p_providers text[], p_limit integer default 20, p_lease_seconds integer default 60
)
returns table (job_id uuid, provider text, provider_job_id text, provider_state jsonb)
language plpgsql
security definer
set search_path = ''
as $$
begin
  return query
  update worker.cancellations as cancellations
  set available_at = private.now() + make_interval(secs => p_lease_seconds),
      tries = cancellations.tries + 1
  from (
    select due.job_id, due.provider_job_id
    from worker.cancellations as due
    inner join public.generation_jobs as jobs on jobs.id = due.job_id
    where due.available_at <= private.now() and due.provider = any(p_providers)
      and jobs.finished_at is not null
      and (
        jobs.status <> 'completed' or jobs.provider_job_id is distinct from due.provider_job_id
      )
    order by due.available_at
    limit p_limit
    for update of due skip locked
  ) as claimed
  where cancellations.job_id = claimed.job_id
    and cancellations.provider_job_id = claimed.provider_job_id
  returning cancellations.job_id, cancellations.provider,
    nullif(cancellations.provider_job_id, ''), coalesce(cancellations.provider_state, '{}');
end;
$$;
comment on function worker.claim_cancellations is
'What providers are to be told to stop, the caller''s for p_lease_seconds; confirm_cancellations '
'when it is done. Given up after ten tries.';

create function worker.confirm_cancellations(p_done jsonb)
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_count integer;
begin
  delete from worker.cancellations
  using jsonb_to_recordset(p_done) as done (job_id uuid, provider_job_id text)
  where cancellations.job_id = done.job_id
    and cancellations.provider_job_id = coalesce(done.provider_job_id, '');
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
comment on function worker.confirm_cancellations is
'Forgets cancellations ([{job_id, provider_job_id}]) that their providers know of; returns how '
'many there were.';

create function private.take_over_tasks(p_limit integer)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_count integer;
begin
  with lost as materialized (
    select tasks.job_id, tasks.user_id, tasks.step, tasks.tries
    from worker.tasks
    inner join public.generation_jobs as jobs on jobs.id = tasks.job_id
    where tasks.lease is not null and tasks.lease_expires_at <= private.now()
      and not private.is_used_up(tasks, jobs)
    limit p_limit
    for no key update of jobs, tasks skip locked
  ),
  void as (
    update worker.attempts
    set lease = null,
        outcome = case when lost.step = 'submit' then 'lost' else attempts.outcome end,
        finished_at = case when lost.step = 'submit' then clock_timestamp() end
    from lost
    where attempts.job_id = lost.job_id and attempts.attempt = lost.tries
  ),
  checked as (
    insert into worker.upload_checks (job_id, user_id, due_at)
    select lost.job_id, lost.user_id, private.now() + settings.upload_grace
    from lost
    cross join private.settings
    on conflict do nothing
  )
  update worker.tasks
  set lease = null, worker = null, lease_expires_at = null, ready_at = clock_timestamp(),
      is_uncertain = tasks.is_uncertain or lost.step = 'submit',
      -- A submission counted when it was claimed. Whatever kills its dispatcher every time ends,
      -- too.
      failures = tasks.failures + (lost.step <> 'submit')::integer
  from lost
  where tasks.job_id = lost.job_id;
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
comment on function private.take_over_tasks is
'Puts tasks whose dispatcher vanished back in line; returns how many.';

create function private.find_stray_uploads(p_limit integer)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_due record;
  v_count integer := 0;
  v_found integer;
begin
  for v_due in
    select checks.job_id, checks.user_id, jobs.finished_at
    from worker.upload_checks as checks
    inner join public.generation_jobs as jobs on jobs.id = checks.job_id
    where checks.due_at <= private.now()
    order by checks.due_at
    limit p_limit
    for update of checks skip locked
  loop
    if v_due.finished_at is null then
      update worker.upload_checks
      set due_at = private.now() + (select upload_grace from private.settings)
      where job_id = v_due.job_id;
      continue;
    end if;
    insert into worker.file_removals (bucket, storage_path)
    select objects.bucket_id, objects.name
    from unnest(array['final-videos', 'final-images', 'thumbnails', 'voiceovers']) as results (bucket)
    inner join storage.objects
      on objects.bucket_id = results.bucket
      and objects.name collate "C" >= v_due.user_id || '/' || v_due.job_id || '/'
      and objects.name collate "C" < v_due.user_id || '/' || v_due.job_id || '0'
    where not exists (
      select from public.assets
      where assets.bucket = objects.bucket_id and assets.storage_path = objects.name
    )
    on conflict do nothing;
    get diagnostics v_found = row_count;
    v_count := v_count + v_found;
    delete from worker.upload_checks where job_id = v_due.job_id;
  end loop;
  return v_count;
end;
$$;
comment on function private.find_stray_uploads is
'Looks through the folders of ended jobs that are due, and has files removed that nobody '
'registered; returns how many.';

create function private.move_lanes_on()
returns void
language plpgsql
set search_path = ''
as $$
begin
  -- Now and then from the very beginning: a row that was committed late may lie before the mark.
  update worker.lanes
  set oldest_at = marks.oldest_at
  from (
    select
      lanes.provider, lanes.kind, lanes.priority,
      coalesce(first.ready_at, clock_timestamp()) - interval '2 seconds' as oldest_at
    from worker.lanes
    cross join (select random() < 0.1 as is_thorough) as look
    left join lateral (
      select tasks.ready_at from worker.tasks
      where tasks.provider = lanes.provider and tasks.kind = lanes.kind
        and tasks.priority = lanes.priority
        and tasks.ready_at >= (case when look.is_thorough then '-infinity' else lanes.oldest_at end)
      order by tasks.ready_at
      limit 1
    ) as first on true
  ) as marks
  where lanes.provider = marks.provider and lanes.kind = marks.kind
    and lanes.priority = marks.priority
    and (
      lanes.oldest_at < marks.oldest_at - interval '1 second'
      or lanes.oldest_at > marks.oldest_at + interval '2 seconds'
    );
end;
$$;
comment on function private.move_lanes_on() is
'Moves the marks from which claims read on to shortly before the first task in line.';

create function private.admit_forgotten_tasks(p_limit integer)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_from uuid := gen_random_uuid();
  v_users uuid[];
begin
  -- Some of those who have tasks held, from anywhere on: in the end everybody's turn comes. Each is
  -- found by one look into the index, however many of their tasks there are.
  with recursive holders as (
    (
      select tasks.user_id from worker.tasks
      where tasks.user_id >= v_from and tasks.waits_for = 0
      order by tasks.user_id
      limit 1
    )
    union all
    (
      select next.user_id
      from holders
      cross join lateral (
        select tasks.user_id from worker.tasks
        where tasks.user_id > holders.user_id and tasks.waits_for = 0
        order by tasks.user_id
        limit 1
      ) as next
    )
  )
  select array_agg(found.user_id) into v_users
  from (select holders.user_id from holders limit p_limit) as found;
  if coalesce(cardinality(v_users), 0) < p_limit then
    v_users := v_users || array(
      select distinct few.user_id from (
        select tasks.user_id from worker.tasks
        where not tasks.is_admitted and tasks.waits_for = 0 and tasks.user_id < v_from
        order by tasks.user_id
        limit p_limit
      ) as few
    );
  end if;
  return private.admit_tasks(v_users);
end;
$$;
comment on function private.admit_forgotten_tasks is
'Lets held tasks in line whose place a race, or a change of plan, left free; returns how many.';

create function worker.tend_queue(p_limit integer default 200)
returns jsonb
language plpgsql
security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  v_taken_over integer;
  v_admitted integer;
  v_stray integer;
  v_followed integer;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('worker.tend_queue', 0)) then
    return jsonb_build_object('ran', false);
  end if;
  v_taken_over := private.take_over_tasks(p_limit);
  update worker.tasks set ready_at = clock_timestamp(), due_at = null
  from (
    select parked.job_id from worker.tasks as parked
    where parked.due_at <= private.now()
    order by parked.due_at
    limit p_limit
    for no key update skip locked
  ) as due
  where tasks.job_id = due.job_id;
  v_admitted := private.admit_forgotten_tasks(p_limit);
  v_stray := private.find_stray_uploads(p_limit);
  v_followed := worker.follow_webhooks(p_limit * 5);
  perform private.move_lanes_on();
  delete from worker.claims where claimed_at < clock_timestamp() - interval '1 day';
  delete from worker.cancellations
  using public.generation_jobs as jobs
  where jobs.id = cancellations.job_id and cancellations.available_at <= private.now()
    and (
      cancellations.tries >= 10
      or (
        jobs.status = 'completed' and jobs.provider_job_id = cancellations.provider_job_id
      )
    );
  if v_taken_over + v_admitted > 0 then
    perform pg_catalog.pg_notify('reelbase_tasks', '');
  end if;
  return jsonb_build_object(
    'ran', true, 'taken_over', v_taken_over, 'admitted', v_admitted, 'stray_uploads', v_stray,
    'webhooks', v_followed
  );
end;
$$;
comment on function worker.tend_queue is
'Puts tasks back in line whose dispatcher vanished or whose time came, lets in line whom a race '
'left out, finds stray uploads, follows webhooks that found no job, and keeps claims quick. '
'Returns what it did; {"ran": false} when another call is at it. Call it every second or two.';

revoke execute on function
private.cancel_at_provider, private.clear_tasks, private.take_over_tasks,
private.find_stray_uploads, private.move_lanes_on, private.admit_forgotten_tasks
from public;
revoke execute on function
worker.claim_cancellations, worker.confirm_cancellations, worker.tend_queue
from public, anon, authenticated;
grant execute on function
worker.claim_cancellations, worker.confirm_cancellations, worker.tend_queue
to service_role;

alter table worker.cancellations enable row level security;
alter table worker.upload_checks enable row level security;
revoke all on worker.cancellations, worker.upload_checks
from public, anon, authenticated, service_role;
grant select on worker.cancellations, worker.upload_checks to service_role;
