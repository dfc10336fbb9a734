-- What deleting means: out of sight at once, gone for good after a grace time.
--
-- A client's DELETE of a job or a project does not remove the row, it hides it, by trigger: the
-- statement reports no row, and the row is in nobody's sight any more. What still runs is cancelled
-- and refunded. A draft, which nothing was paid for, is removed at once. Until the purge the owner
-- may have it back (restore_project, restore_generation).
--
-- The purge removes contents and files. What the books need of a job stays: id, kind, model, cost,
-- state and times, without its prompt. Deleting the user at the platform removes that as well.
--
-- Locks: profile, project, account, job, as everywhere. Rows of one statement are locked in the
-- order in which the statement meets them.

alter table private.settings
add column purge_after interval not null default interval '30 days'
constraint settings_purge_after_is_not_negative check (purge_after >= interval '0');
comment on column private.settings.purge_after is
'How long what a user deleted can be restored; then it is removed for good.';

create function private.lock_before_hiding()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if tg_table_name in ('generation_jobs', 'assets') then
    perform private.lock_account((select auth.uid()));
  else
    perform 1 from public.profiles where user_id = (select auth.uid()) for key share;
  end if;
  return null;
end;
$$;
comment on function private.lock_before_hiding() is
'Trigger: takes the locks that come before those of the rows about to be hidden, or of a file that '
'a draft may be queued with at this moment. Definer: clients may not lock them.';

create function private.hide_job()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if old.queued_at is null then
    delete from public.user_prompts where job_id = old.id;
    return old;
  end if;
  update public.generation_jobs
  set hidden_at = now(),
      -- A retry that was deleted does not stand in the way of another one.
      idempotency_key = case
        when idempotency_key !~ '^retry:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
          then idempotency_key
      end
  where id = old.id;
  update public.assets set hidden_at = now()
  where id in (
    select asset_id from public.job_assets
    where job_id = old.id and role not in ('reference_image', 'source_video', 'source_audio')
  );
  return null;
end;
$$;
comment on function private.hide_job() is
'Trigger: a client''s DELETE hides the job and its results. Definer: none of that is a client''s '
'to write.';

create function private.cancel_hidden_jobs()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- After the statement: what depends on a job is cancelled with it, and may be a row that the
  -- statement has still to come to, which must not have changed by then.
  update public.generation_jobs set status = 'cancelled'
  where user_id = (select auth.uid()) and hidden_at = now() and purged_at is null
    and status in ('queued', 'starting', 'processing', 'finalizing');
  return null;
end;
$$;
comment on function private.cancel_hidden_jobs() is
'Trigger: cancels and refunds, after jobs were hidden, those of them that still run. Definer: as '
'above.';

create function private.hide_project()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  update public.projects set deleted_at = now(), is_public = false, share_token = null
  where id = old.id;
  return null;
end;
$$;
comment on function private.hide_project() is
'Trigger: a client''s DELETE hides the project; its contents hide behind it. Definer: deleted_at '
'is not a client''s to write.';

create function private.cancel_jobs_of_hidden_projects()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_jobs uuid[] := array(
    select jobs.id
    from public.projects
    inner join public.generation_jobs as jobs
      on jobs.project_id = projects.id and jobs.user_id = projects.user_id
    where projects.user_id = (select auth.uid()) and projects.deleted_at = now()
      and jobs.status in ('queued', 'starting', 'processing', 'finalizing')
    order by jobs.id
  );
begin
  if cardinality(v_jobs) = 0 then
    return null;
  end if;
  perform private.lock_account((select auth.uid()));
  perform 1 from public.generation_jobs where id = any(v_jobs) order by id for no key update;
  -- Looked at again under lock: one may have ended meanwhile.
  update public.generation_jobs set status = 'cancelled'
  where id = any(v_jobs) and status in ('queued', 'starting', 'processing', 'finalizing');
  return null;
end;
$$;
comment on function private.cancel_jobs_of_hidden_projects() is
'Trigger: after projects were hidden, cancels and refunds what still runs in them. Definer: as '
'above.';

revoke execute on function
private.lock_before_hiding(), private.hide_job(), private.cancel_hidden_jobs(),
private.hide_project(), private.cancel_jobs_of_hidden_projects()
from public;

-- Only clients: a cascade runs as the tables' owner, and the services mean what they say.
create trigger generation_jobs_lock_before_hiding before delete on public.generation_jobs
for each statement when (current_user = 'authenticated')
execute function private.lock_before_hiding();
create trigger generation_jobs_hide before delete on public.generation_jobs
for each row when (current_user = 'authenticated')
execute function private.hide_job();
create trigger generation_jobs_cancel_hidden after delete on public.generation_jobs
for each statement when (current_user = 'authenticated')
execute function private.cancel_hidden_jobs();

create trigger assets_lock_before_deleting before delete on public.assets
for each statement when (current_user = 'authenticated')
execute function private.lock_before_hiding();

create trigger projects_lock_before_hiding before delete on public.projects
for each statement when (current_user = 'authenticated')
execute function private.lock_before_hiding();
create trigger projects_hide before delete on public.projects
for each row when (current_user = 'authenticated')
execute function private.hide_project();
create trigger projects_cancel_jobs after delete on public.projects
for each statement when (current_user = 'authenticated')
execute function private.cancel_jobs_of_hidden_projects();

-- ---------------------------------------------------------------------------------------------
-- Back again
-- ---------------------------------------------------------------------------------------------

create function private.restore_own_project(p_project_id uuid)
returns public.projects
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_project public.projects;
begin
  update public.projects set deleted_at = null
  where id = p_project_id and user_id = (select auth.uid())
    and (
      deleted_at is null
      or deleted_at > now() - (select purge_after from private.settings)
    )
  returning * into v_project;
  if not found then
    raise exception 'There is no such project.' using errcode = 'PT404', hint = 'project_not_found';
  end if;
  return v_project;
end;
$$;
comment on function private.restore_own_project is
'Shows the caller''s project again. Definer: deleted_at is not a client''s to write. Identity from '
'the token. Raises PT404 project_not_found.';

create function private.restore_own_job(p_job_id uuid)
returns public.generation_jobs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_job public.generation_jobs;
begin
  update public.generation_jobs as jobs set hidden_at = null
  where jobs.id = p_job_id and jobs.user_id = (select auth.uid()) and jobs.purged_at is null
    and (
      jobs.hidden_at is null
      or jobs.hidden_at > now() - (select purge_after from private.settings)
    )
    and not exists (
      select from public.projects
      where projects.id = jobs.project_id and projects.deleted_at is not null
    )
  returning * into v_job;
  if not found then
    raise exception 'There is no such job.' using errcode = 'PT404', hint = 'job_not_found';
  end if;
  update public.assets set hidden_at = null
  where hidden_at is not null
    and id in (
      select asset_id from public.job_assets
      where job_id = p_job_id and role not in ('reference_image', 'source_video', 'source_audio')
    );
  return v_job;
end;
$$;
comment on function private.restore_own_job is
'Shows the caller''s job and its results again. Definer: hidden_at is not a client''s to write. '
'Identity from the token. Raises PT404 job_not_found.';

revoke execute on function private.restore_own_project, private.restore_own_job from public;
grant execute on function private.restore_own_project, private.restore_own_job to authenticated;

create function public.restore_project(p_project_id uuid)
returns public.projects
language sql
set search_path = ''
begin atomic
  select private.restore_own_project(p_project_id);
end;
comment on function public.restore_project is
'Brings a deleted project back with all that is in it, until it is purged. It is private then; '
'jobs that ran were cancelled. Errors: 404 project_not_found.';

create function public.restore_generation(p_job_id uuid)
returns public.generation_jobs
language sql
set search_path = ''
begin atomic
  select private.restore_own_job(p_job_id);
end;
comment on function public.restore_generation is
'Brings a deleted job back with its results, until it is purged. Errors: 404 job_not_found.';

revoke execute on function public.restore_project, public.restore_generation from public;
grant execute on function public.restore_project, public.restore_generation to authenticated;

-- ---------------------------------------------------------------------------------------------
-- For good
-- ---------------------------------------------------------------------------------------------

create function worker.purge_hidden(p_limit integer default 100)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_before timestamptz := now() - (select purge_after from private.settings);
  v_jobs uuid[];
  v_projects uuid[];
begin
  -- Jobs that were deleted by themselves, then those of deleted projects. What somebody works on at
  -- this moment, or a running job works from, is left for the next time.
  v_jobs := array(
    select jobs.id from public.generation_jobs as jobs
    where jobs.hidden_at <= v_before and jobs.purged_at is null
      and not exists (
        select from public.job_assets
        where job_assets.job_id = jobs.id
          and job_assets.role not in ('reference_image', 'source_video', 'source_audio')
          and private.is_input_of_active_job(job_assets.asset_id)
      )
    order by jobs.hidden_at
    limit p_limit
    for no key update skip locked
  );
  v_jobs := v_jobs || array(
    select jobs.id
    from public.projects
    inner join public.generation_jobs as jobs
      on jobs.project_id = projects.id and jobs.user_id = projects.user_id
    where projects.deleted_at <= v_before and jobs.purged_at is null and jobs.id <> all(v_jobs)
      and jobs.status in ('pending', 'completed', 'failed', 'cancelled', 'expired')
      and not exists (
        select from public.job_assets
        where job_assets.job_id = jobs.id
          and job_assets.role not in ('reference_image', 'source_video', 'source_audio')
          and private.is_input_of_active_job(job_assets.asset_id)
      )
    order by projects.deleted_at
    limit p_limit - cardinality(v_jobs)
    for no key update of jobs, projects skip locked
  );

  delete from public.assets
  where id in (
    select asset_id from public.job_assets
    where job_id = any(v_jobs) and role not in ('reference_image', 'source_video', 'source_audio')
  );
  delete from public.job_assets where job_id = any(v_jobs);
  delete from public.job_dependencies where job_id = any(v_jobs);
  delete from public.user_prompts where job_id = any(v_jobs);
  delete from public.feedback where job_id = any(v_jobs);
  delete from public.performance_metrics where job_id = any(v_jobs);
  delete from public.video_concepts where job_id = any(v_jobs);
  delete from public.web_research_queries where job_id = any(v_jobs);
  delete from public.content_summaries where job_id = any(v_jobs);
  delete from public.video_segmentations where job_id = any(v_jobs);
  delete from public.characters where job_id = any(v_jobs);
  delete from worker.webhook_events where job_id = any(v_jobs);
  update worker.attempts set error_message = null where job_id = any(v_jobs);
  delete from public.generation_jobs where id = any(v_jobs) and status = 'pending';
  update public.generation_jobs
  set purged_at = now(),
      hidden_at = coalesce(hidden_at, now()),
      prompt = '', negative_prompt = null, audio_instructions = null, art_style = null,
      parameters = '{}', idempotency_key = null, project_id = null, campaign_id = null,
      storyboard_id = null,
      error_message = case when error_message is not null then 'Removed.' end
  where id = any(v_jobs);

  -- A project goes when no job is left in it.
  v_projects := array(
    select projects.id from public.projects
    where projects.deleted_at <= v_before
      and not exists (
        select from public.generation_jobs as jobs where jobs.project_id = projects.id
      )
      and not exists (
        select from public.assets
        where assets.project_id = projects.id and private.is_input_of_active_job(assets.id)
      )
    order by projects.deleted_at
    limit p_limit
    for update skip locked
  );
  delete from public.assets where project_id = any(v_projects);
  delete from public.conversations where project_id = any(v_projects);
  delete from public.video_concepts where project_id = any(v_projects);
  delete from public.web_research_queries where project_id = any(v_projects);
  delete from public.content_summaries where project_id = any(v_projects);
  delete from public.video_segmentations where project_id = any(v_projects);
  delete from public.characters where project_id = any(v_projects);
  delete from public.projects where id = any(v_projects);

  return jsonb_build_object('jobs', cardinality(v_jobs), 'projects', cardinality(v_projects));
end;
$$;
comment on function worker.purge_hidden is
'Removes for good what was deleted longer ago than the settings say, up to p_limit jobs and '
'projects a call; returns how many. Call it again until it returns zeros. Files are left to '
'claim_file_removals. Definer: it writes what nobody may. Skips what is locked.';

create function worker.claim_file_removals(
  p_limit integer default 100, p_lease_seconds integer default 300
)
returns table (bucket text, storage_path text)
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- Registered again meanwhile: it is needed.
  delete from worker.file_removals as removals
  using public.assets
  where assets.bucket = removals.bucket and assets.storage_path = removals.storage_path
    and removals.available_at <= private.now();

  return query
  update worker.file_removals as removals
  set available_at = private.now() + make_interval(secs => p_lease_seconds)
  from (
    select due.bucket, due.storage_path
    from worker.file_removals as due
    where due.available_at <= private.now()
    order by due.available_at
    limit p_limit
    for update skip locked
  ) as claimed
  where removals.bucket = claimed.bucket and removals.storage_path = claimed.storage_path
  returning removals.bucket, removals.storage_path;
end;
$$;
comment on function worker.claim_file_removals is
'Files to remove from storage, the caller''s for p_lease_seconds; confirm_file_removals when done.';

create function worker.confirm_file_removals(p_files jsonb)
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_count integer;
begin
  delete from worker.file_removals as removals
  using jsonb_to_recordset(p_files) as done (bucket text, storage_path text)
  where removals.bucket = done.bucket and removals.storage_path = done.storage_path;
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
comment on function worker.confirm_file_removals is
'Forgets files ([{bucket, storage_path}]) that are removed from storage; returns how many.';

revoke execute on function
worker.purge_hidden, worker.claim_file_removals, worker.confirm_file_removals
from public;
grant execute on function
worker.purge_hidden, worker.claim_file_removals, worker.confirm_file_removals
to service_role;
