-- Chains: a job may wait for others and work from what they made, as a film is made from pictures
-- and an edit from the film.
--
-- A job names its parents when it is submitted: p_after_job_ids of submit_generation, and
-- parent_job_id while that one has not ended. It is charged at once, as any other job, and its task
-- is blocked (waits_for > 0) until all parents have ended: nobody can claim it, and it takes none
-- of its user's places. When the last parent is done it gets in line. When one comes to nothing,
-- all that depends on it, however far down, is cancelled with error_code parent_failed, and so
-- refunded, in the same transaction. What the parents made is not copied: it is read when the job
-- is claimed (inputs_of_parents), and no purge takes it away before the job has ended
-- (is_input_of_active_job).
--
-- There are no cycles. A row here is written once, in the transaction that queues its job, and
-- leads to a job that was queued before: drafts are waited for by nobody, and one user's jobs are
-- queued one after another, under the lock of the account. No row is ever changed to lead
-- elsewhere. So along every row the time of queuing goes back, and no way leads back to its
-- beginning.
--
-- How many rows there are needs no limit of its own: at most 21 a job, and jobs are limited.
--
-- Locks, in the order of everywhere: account; then the parents (shared), so that none of them ends
-- between being looked at and being waited for; tasks last, in order of job_id. A parent that is
-- done is not under the account's lock: its children's tasks are what two parents that end at once
-- wait for each other at.

create table public.job_dependencies (
  job_id uuid not null,
  depends_on_job_id uuid not null,
  user_id uuid not null,
  position smallint not null default 0,
  -- The owner stands in it for the sake of the foreign key; a job has but one.
  primary key (job_id, user_id, depends_on_job_id),
  constraint job_dependencies_job_is_the_owners foreign key (job_id, user_id)
  references public.generation_jobs (id, user_id) on delete cascade,
  constraint job_dependencies_parent_is_the_owners foreign key (depends_on_job_id, user_id)
  references public.generation_jobs (id, user_id) on delete cascade,
  constraint job_dependencies_is_not_its_own_parent check (depends_on_job_id <> job_id),
  constraint job_dependencies_position_is_bounded check (position between 0 and 21)
);
comment on table public.job_dependencies is
'Which jobs a job waits for, or waited for, and works from. Written by submit_generation.';
comment on column public.job_dependencies.job_id is 'The job that waits.';
comment on column public.job_dependencies.depends_on_job_id is 'The job that it waits for.';
comment on column public.job_dependencies.user_id is 'Owner of both; ties them together.';
comment on column public.job_dependencies.position is
'Order in which results are used: 0 is parent_job_id, then p_after_job_ids from 1.';

create index job_dependencies_depends_on_job_id_user_id_idx
on public.job_dependencies (depends_on_job_id, user_id);
create index job_dependencies_user_id_idx on public.job_dependencies (user_id);

-- ---------------------------------------------------------------------------------------------
-- Waiting
-- ---------------------------------------------------------------------------------------------

create function private.lock_parents(
  p_user_id uuid, p_project_id uuid, p_campaign_id uuid, p_storyboard_id uuid, p_parent_job_id uuid,
  p_after_job_ids uuid[]
)
returns void
language plpgsql
set search_path = ''
as $$
begin
  -- The parent that is named twice is no parent more.
  if cardinality(array_remove(p_after_job_ids, p_parent_job_id)) > 20 then
    raise exception 'p_after_job_ids: a job may wait for no more than 20 others.'
      using errcode = 'PT400', hint = 'too_many_parents', detail = '{"max": 20}';
  elsif exists (
    select from unnest(p_after_job_ids) as wanted (id) group by wanted.id having count(*) > 1
  ) then
    raise exception 'p_after_job_ids: a job is named twice.'
      using errcode = 'PT400', hint = 'duplicate_parent';
  end if;
  perform 1 from public.profiles where user_id = p_user_id for key share;
  perform 1 from public.projects where id = p_project_id and user_id = p_user_id for key share;
  perform 1 from public.campaigns where id = p_campaign_id and user_id = p_user_id for key share;
  perform private.lock_account(p_user_id);
  perform 1 from public.storyboard_sequences
  where id = p_storyboard_id and user_id = p_user_id for key share;
  -- All parents in one order: later each way of naming one would lock its own.
  perform 1 from public.generation_jobs
  where id = any(p_after_job_ids || p_parent_job_id) and user_id = p_user_id
  order by id for share;
end;
$$;
comment on function private.lock_parents is
'Takes all locks that a job needs which is about to be made and names the jobs that it waits for, '
'in the order of everywhere: profile, project and campaign (shared), account, storyboard, parents '
'(shared). Raises PT400 too_many_parents or duplicate_parent.';

create function private.wait_for_jobs(
  p_job_id uuid, p_parent_ids uuid[], p_is_named boolean default false
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_user_id uuid := (select user_id from public.generation_jobs where id = p_job_id);
  v_status public.job_status;
  v_count bigint;
begin
  perform 1 from public.generation_jobs
  where id = any(p_parent_ids) and user_id = v_user_id
  order by id for share;

  if p_is_named then
    if (
      select count(*) from public.generation_jobs as parents
      where parents.id = any(p_parent_ids) and parents.user_id = v_user_id
        and parents.hidden_at is null and not exists (
          select from public.projects
          where projects.id = parents.project_id and projects.deleted_at is not null
        )
    ) < cardinality(p_parent_ids) then
      raise exception 'p_after_job_ids: there is no such job.'
        using errcode = 'PT404', hint = 'job_not_found';
    end if;
    select parents.status into v_status
    from unnest(p_parent_ids) with ordinality as wanted (id, place)
    inner join public.generation_jobs as parents on parents.id = wanted.id
    where parents.status in ('pending', 'failed', 'cancelled', 'expired')
    order by wanted.place
    limit 1;
    if v_status = 'pending' then
      raise exception 'p_after_job_ids: a draft is not waited for; submit it first.'
        using errcode = 'PT409', hint = 'parent_not_submitted';
    elsif v_status is not null then
      raise exception 'p_after_job_ids: a job that is % has made nothing to go on from.', v_status
        using errcode = 'PT409', hint = 'parent_failed',
          detail = json_build_object('status', v_status)::text;
    end if;
  end if;

  insert into public.job_dependencies (job_id, depends_on_job_id, user_id, position)
  select
    p_job_id, parents.id, parents.user_id, case when p_is_named then wanted.place else 0 end
  from unnest(p_parent_ids) with ordinality as wanted (id, place)
  inner join public.generation_jobs as parents
    on parents.id = wanted.id and parents.user_id = v_user_id
  where parents.status in ('queued', 'starting', 'processing', 'finalizing', 'completed')
  on conflict (job_id, user_id, depends_on_job_id) do update set position = excluded.position;

  select count(*) into v_count
  from public.job_dependencies as dependencies
  inner join public.generation_jobs as parents on parents.id = dependencies.depends_on_job_id
  where dependencies.job_id = p_job_id and parents.finished_at is null;
  if v_count > 0 then
    update worker.tasks
    set waits_for = v_count, is_admitted = false, ready_at = null
    where job_id = p_job_id;
  end if;
end;
$$;
comment on function private.wait_for_jobs is
'Lets a job that is being submitted wait for others of its owner, and work from what they make or '
'made. Called in the transaction that queues it, after its task is there: by accept_job for '
'parent_job_id, where one that ended without a result is passed over, and by submit_own_generation '
'for p_after_job_ids, which must all be of some use (p_is_named). Locks the parents (shared), by '
'id; the caller has the account. Raises, for what is named, PT404 job_not_found, PT409 '
'parent_not_submitted or parent_failed.';

-- ---------------------------------------------------------------------------------------------
-- What becomes of parents
-- ---------------------------------------------------------------------------------------------

-- One walk over the index, level by level, however the table looked when the plan was made: a plan
-- that reads the whole table reads it once a level, and there may be ten thousand of them.
create function private.unfinished_descendants(p_job_ids uuid[])
returns uuid[]
language plpgsql
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
  return array(
    with recursive descendants as (
      select dependencies.job_id
      from public.job_dependencies as dependencies
      inner join public.generation_jobs as jobs on jobs.id = dependencies.job_id
      where dependencies.depends_on_job_id = any(p_job_ids) and jobs.finished_at is null
      union
      select dependencies.job_id
      from descendants
      inner join public.job_dependencies as dependencies
        on dependencies.depends_on_job_id = descendants.job_id
      inner join public.generation_jobs as jobs on jobs.id = dependencies.job_id
      where jobs.finished_at is null
    )
    select descendants.job_id from descendants order by descendants.job_id
  );
end;
$$;
comment on function private.unfinished_descendants is
'All jobs that have not ended and depend on one of these, directly or through others.';

create function private.follow_parents(p_completed uuid[], p_fruitless uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_doomed uuid[] := array[]::uuid[];
  v_children uuid[] := array[]::uuid[];
  v_providers text[];
begin
  -- Who ends a job without a result has its owner's account, and so nobody submits another
  -- descendant meanwhile. What ended while its lock was waited for is passed over.
  if p_fruitless is not null then
    v_doomed := private.unfinished_descendants(p_fruitless);
  end if;
  if cardinality(v_doomed) > 0 then
    v_doomed := array(
      select id from public.generation_jobs
      where id = any(v_doomed) and finished_at is null
      order by id for no key update
    );
  end if;
  if p_completed is not null then
    v_children := array(
      select job_id from public.job_dependencies where depends_on_job_id = any(p_completed)
    );
  end if;
  -- In a statement of its own: the next one sees what a parent that ended at the same time has left
  -- of each task. With the tasks that the caller is about to remove, or two of these calls could
  -- each hold what the other one waits for.
  perform 1 from worker.tasks
  where job_id = any(v_children || v_doomed || coalesce(p_fruitless, '{}'))
  order by job_id for update;

  -- Each task is written once: a second time would ask for its job, which whoever deletes that one
  -- has locked, and waits for the task. So it gets in line at once if, by its age, it is among the
  -- next that its user may have there, now that the jobs that ended leave their places.
  if cardinality(v_children) > 0 then
    with ended as materialized (
      select dependencies.job_id, count(*) as parents
      from public.job_dependencies as dependencies
      where dependencies.depends_on_job_id = any(p_completed)
      group by dependencies.job_id
    ),
    freed as materialized (
      select
        tasks.job_id, tasks.user_id, tasks.priority, tasks.created_at,
        row_number() over (
          partition by tasks.user_id order by tasks.priority desc, tasks.created_at
        ) as place
      from ended
      inner join worker.tasks
        on tasks.job_id = ended.job_id and tasks.waits_for = ended.parents
    ),
    rooms as materialized (
      select
        owners.user_id,
        greatest(0, least(
          plans.max_running_jobs - counts.admitted, private.users_window() - counts.in_line
        )) as room
      from (select distinct freed.user_id from freed) as owners
      inner join public.profiles on profiles.user_id = owners.user_id
      inner join public.subscription_plans as plans on plans.tier = profiles.subscription_tier
      cross join lateral (
        select count(*) as admitted, count(tasks.ready_at) as in_line
        from worker.tasks
        where tasks.user_id = owners.user_id and tasks.is_admitted and tasks.waits_for = 0
          and tasks.job_id <> all(p_completed)
      ) as counts
    ),
    next as materialized (
      select freed.job_id
      from freed
      inner join rooms on rooms.user_id = freed.user_id and freed.place <= rooms.room
      cross join lateral (
        select count(*) as held
        from (
          select from worker.tasks as older
          where older.user_id = freed.user_id and not older.is_admitted and older.waits_for = 0
            and (older.priority > freed.priority or (
              older.priority = freed.priority and older.created_at < freed.created_at
            ))
          limit rooms.room
        ) as ahead
      ) as line
      where freed.place + line.held <= rooms.room
    ),
    nearer as (
      update worker.tasks
      set waits_for = tasks.waits_for - ended.parents,
          is_admitted = next.job_id is not null,
          ready_at = case when next.job_id is not null then clock_timestamp() end
      from ended
      left join next on next.job_id = ended.job_id
      where tasks.job_id = ended.job_id and tasks.waits_for > 0
      returning tasks.provider, tasks.waits_for
    )
    select array_agg(distinct nearer.provider) into v_providers
    from nearer
    where nearer.waits_for = 0;
    perform pg_catalog.pg_notify('reelbase_tasks', freed.provider)
    from unnest(v_providers) as freed (provider);
  end if;

  if cardinality(v_doomed) > 0 then
    update public.generation_jobs
    set status = 'cancelled', error_code = 'parent_failed',
        error_message = 'A job that this one depends on came to nothing.'
    where id = any(v_doomed);
  end if;
end;
$$;
comment on function private.follow_parents is
'What depends on jobs that ended: of those that were completed the children wait for one less, and '
'whoever waits for none any more gets in line; of those that came to nothing all descendants are '
'cancelled, in one statement, whose own triggers refund them. Called by follow_jobs in the '
'transaction that ended them, before it removes their tasks. Locks jobs, then tasks, each by id; '
'of those without a result the caller has the accounts.';

-- ---------------------------------------------------------------------------------------------
-- What parents leave
-- ---------------------------------------------------------------------------------------------

create function private.inputs_of_parents(p_job_id uuid)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return coalesce(
    (
      with own as materialized (
        select role, count(*) as inputs, max(position) + 1 as next_position
        from public.job_assets
        where job_id = p_job_id and role in ('reference_image', 'source_video', 'source_audio')
        group by role
      ),
      results as (
        select
          roles.role, assets.bucket, assets.storage_path, assets.mime_type, made.asset_id,
          dependencies.position as parent_place, made.position as place,
          row_number() over (
            partition by roles.role
            order by dependencies.position, made.position, made.asset_id
          ) as place_in_role
        from public.job_dependencies as dependencies
        inner join public.job_assets as made on made.job_id = dependencies.depends_on_job_id
        inner join (
          values
          (
            'result_image'::public.asset_role, 'image'::public.asset_kind,
            'reference_image'::public.asset_role
          ),
          ('result_video', 'video', 'source_video'),
          ('result_audio', 'audio', 'source_audio')
        ) as roles (made_as, kind, role)
          on roles.made_as = made.role
        inner join public.assets on assets.id = made.asset_id and assets.kind = roles.kind
        where dependencies.job_id = p_job_id
      ),
      taken as (
        select
          results.role, results.bucket, results.storage_path, results.mime_type,
          (select coalesce(max(own.next_position), 0) from own) - 1 + row_number() over (
            order by results.parent_place, results.place, results.asset_id
          ) as position
        from results
        left join own on own.role = results.role
        where results.place_in_role + coalesce(own.inputs, 0) <= case results.role
          when 'reference_image' then (
            select models.max_reference_images
            from public.generation_jobs as jobs
            inner join public.models on models.id = jobs.model_id
            where jobs.id = p_job_id
          )
          else 1
        end
      )
      select
        jsonb_agg(
          jsonb_build_object(
            'role', taken.role, 'bucket', taken.bucket, 'storage_path', taken.storage_path,
            'mime_type', taken.mime_type, 'position', taken.position
          )
          order by taken.position
        )
      from taken
    ),
    '[]'
  );
end;
$$;
comment on function private.inputs_of_parents is
'What the parents of a job made, as inputs of that job ([{role, bucket, storage_path, mime_type, '
'position}]): images are references, a video or sound a source. In order of the parents, after the '
'job''s own inputs, and no more than its model takes of each.';

revoke execute on function
private.lock_parents, private.wait_for_jobs, private.unfinished_descendants, private.follow_parents,
private.inputs_of_parents
from public;

alter table public.job_dependencies enable row level security;

create policy job_dependencies_select_owner on public.job_dependencies
for select to authenticated using (
  user_id = (select auth.uid())
  and (
    select true from public.generation_jobs as jobs where jobs.id = job_dependencies.job_id
  )
);

revoke all on public.job_dependencies from public, anon, authenticated, service_role;
grant select on public.job_dependencies to authenticated, service_role;
