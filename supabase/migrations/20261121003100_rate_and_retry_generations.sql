-- What a user thinks of a result, and another try at what came to nothing.
--
-- Both functions run as their caller, under the caller's policies. A retry is a new job, made and
-- charged by submit_generation; its key is derived from the job it repeats, so that clicking twice
-- retries once. It waits for what the first one waited for, or for the retries of that: a chain is
-- tried again from its first job that failed, one job after another.
--
-- A file that went into a job may be deleted later, and its row in job_assets with it. The job is
-- marked then, or a retry would quietly do, and charge for, something else.

create table public.feedback (
  id uuid primary key default gen_random_uuid(),
  job_id uuid not null,
  user_id uuid not null default auth.uid() references public.profiles (user_id) on delete cascade,
  rating smallint not null,
  comment text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- One a job, since a job has one owner.
  constraint feedback_job_id_user_id_key unique (job_id, user_id),
  constraint feedback_job_is_the_owners foreign key (job_id, user_id)
  references public.generation_jobs (id, user_id) on delete cascade,
  constraint feedback_rating_is_from_one_to_five check (rating between 1 and 5),
  constraint feedback_comment_is_short check (char_length(comment) <= 2000)
);
comment on table public.feedback is
'What users think of their finished jobs, one row a job. rate_generation writes it.';
comment on column public.feedback.rating is '1 (poor) to 5 (excellent).';

create index feedback_user_id_created_at_idx on public.feedback (user_id, created_at desc);

create trigger feedback_set_updated_at before update on public.feedback
for each row execute function private.set_updated_at();

alter table public.feedback enable row level security;

-- Under the jobs' own policy, which hides what was deleted.
create policy feedback_select_owner on public.feedback
for select to authenticated using (
  user_id = (select auth.uid())
  and (
    select true from public.generation_jobs as jobs where jobs.id = feedback.job_id
  )
);
create policy feedback_insert_owner on public.feedback
for insert to authenticated with check (
  user_id = (select auth.uid())
  and (
    select true from public.generation_jobs as jobs
    where jobs.id = feedback.job_id and jobs.status = 'completed'
  )
);
create policy feedback_update_owner on public.feedback
for update to authenticated
using (
  user_id = (select auth.uid())
  and (
    select true from public.generation_jobs as jobs where jobs.id = feedback.job_id
  )
)
with check (user_id = (select auth.uid()));
create policy feedback_delete_owner on public.feedback
for delete to authenticated using (
  user_id = (select auth.uid())
  and (
    select true from public.generation_jobs as jobs where jobs.id = feedback.job_id
  )
);

revoke all on public.feedback from public, anon, authenticated, service_role;
grant select, delete on public.feedback to authenticated;
grant insert (job_id, rating, comment), update (rating, comment)
on public.feedback to authenticated;
grant select, insert, update, delete on public.feedback to service_role;

create function public.rate_generation(
  p_job_id uuid,
  p_rating integer,
  p_comment text default null
)
returns public.feedback
language plpgsql
set search_path = ''
as $$
declare
  v_status public.job_status;
  v_feedback public.feedback;
begin
  select status into v_status from public.generation_jobs
  where id = p_job_id and user_id = (select auth.uid());
  if not found then
    raise exception 'There is no such job.' using errcode = 'PT404', hint = 'job_not_found';
  elsif v_status <> 'completed' then
    raise exception 'A job that is % cannot be rated.', v_status
      using errcode = 'PT409', hint = 'job_not_completed',
        detail = json_build_object('status', v_status)::text;
  elsif p_rating is null or p_rating not between 1 and 5 then
    raise exception 'p_rating: must be from 1 to 5.'
      using errcode = 'PT400', hint = 'invalid_rating';
  end if;
  insert into public.feedback (job_id, rating, comment)
  values (p_job_id, p_rating, nullif(p_comment, ''))
  on conflict (job_id, user_id) do update
  set rating = excluded.rating,
      comment = case when p_comment is null then feedback.comment else excluded.comment end
  returning * into v_feedback;
  return v_feedback;
end;
$$;
comment on function public.rate_generation is
'Rates a finished job from 1 to 5, or changes its rating. p_comment replaces the comment; left out '
'it stays as it was, empty it is removed. Returns the feedback. Errors: 404 job_not_found, 409 '
'job_not_completed, 400 invalid_rating.';

-- ---------------------------------------------------------------------------------------------
-- Another try
-- ---------------------------------------------------------------------------------------------

alter table public.generation_jobs add column has_lost_inputs boolean not null default false;
comment on column public.generation_jobs.has_lost_inputs is
'A file that went into it was deleted since; it cannot be retried.';

create function private.mark_lost_inputs()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- Only where the file is gone: the purge of a job removes its rows here as well.
  update public.generation_jobs as jobs set has_lost_inputs = true
  from (
    select removed.job_id from removed
    where removed.role in ('reference_image', 'source_video', 'source_audio')
      and not exists (select from public.assets where assets.id = removed.asset_id)
  ) as lost
  where jobs.id = lost.job_id and jobs.status <> 'pending' and not jobs.has_lost_inputs;
  return null;
end;
$$;
comment on function private.mark_lost_inputs() is
'Trigger: notes on jobs that a file that went into them is gone. A draft may still get another. '
'Definer: it is not a client''s to write. Locks the jobs, after the asset.';
revoke execute on function private.mark_lost_inputs() from public;

create trigger job_assets_mark_lost_inputs after delete on public.job_assets
referencing old table as removed
for each statement execute function private.mark_lost_inputs();

create function public.retry_generation(p_job_id uuid, p_idempotency_key text default null)
returns public.generation_jobs
language plpgsql
set search_path = ''
as $$
declare
  v_key text := coalesce(p_idempotency_key, 'retry:' || p_job_id);
  v_job public.generation_jobs;
  v_chain record;
begin
  select * into v_job from public.generation_jobs
  where id = p_job_id and user_id = (select auth.uid());
  if not found then
    raise exception 'There is no such job.' using errcode = 'PT404', hint = 'job_not_found';
  elsif v_job.status = 'completed' then
    raise exception 'The job is done; there is nothing to retry.'
      using errcode = 'PT409', hint = 'job_completed';
  elsif v_job.status not in ('failed', 'cancelled', 'expired') then
    raise exception 'A job that is % has not ended yet.', v_job.status
      using errcode = 'PT409', hint = 'job_not_ended',
        detail = json_build_object('status', v_job.status)::text;
  elsif v_job.has_lost_inputs and not exists (
    select from public.generation_jobs
    where user_id = (select auth.uid()) and idempotency_key = v_key
  ) then
    raise exception 'A reference asset of the job does not exist any more.'
      using errcode = 'PT404', hint = 'reference_asset_not_found';
  end if;

  -- Of what it depends on, the last retry that there is; or, where this was retried before, that
  -- which the retry went on from, whatever has happened since.
  with recursive lineage as (
    select
      dependencies.position as place, dependencies.depends_on_job_id as first_id,
      dependencies.depends_on_job_id as id, 0 as tries
    from public.job_dependencies as dependencies
    where dependencies.job_id = p_job_id and dependencies.user_id = (select auth.uid())
    union all
    select lineage.place, lineage.first_id, retries.id, lineage.tries + 1
    from lineage
    inner join public.generation_jobs as retries
      on retries.user_id = (select auth.uid())
      and retries.idempotency_key = 'retry:' || lineage.id
  ),
  chosen as (
    select distinct on (lineage.place) lineage.place, lineage.first_id, lineage.id
    from lineage
    order by
      lineage.place,
      lineage.id in (
        select dependencies.depends_on_job_id
        from public.generation_jobs as jobs
        inner join public.job_dependencies as dependencies on dependencies.job_id = jobs.id
        where jobs.user_id = (select auth.uid()) and jobs.idempotency_key = v_key
      ) desc,
      lineage.tries desc
  )
  select
    array_agg(chosen.id order by chosen.place) as job_ids,
    (array_agg(chosen.id) filter (where chosen.first_id = v_job.parent_job_id))[1] as parent_id
  into v_chain
  from chosen;

  return public.submit_generation(
    p_kind => v_job.kind,
    p_prompt => v_job.prompt,
    p_model_id => v_job.model_id,
    p_mode => v_job.mode,
    p_project_id => v_job.project_id,
    p_negative_prompt => v_job.negative_prompt,
    p_audio_instructions => v_job.audio_instructions,
    p_art_style => v_job.art_style,
    p_aspect_ratio => v_job.aspect_ratio,
    p_resolution => v_job.resolution,
    p_duration_seconds => v_job.duration_seconds,
    p_output_count => v_job.output_count,
    p_parameters => v_job.parameters,
    p_reference_asset_ids => array(
      select asset_id from public.job_assets
      where job_id = v_job.id and role in ('reference_image', 'source_video', 'source_audio')
      order by position, asset_id, role
    ),
    p_reference_roles => array(
      select role from public.job_assets
      where job_id = v_job.id and role in ('reference_image', 'source_video', 'source_audio')
      order by position, asset_id, role
    ),
    p_parent_job_id => coalesce(v_chain.parent_id, v_job.parent_job_id),
    p_campaign_id => v_job.campaign_id,
    p_storyboard_id => v_job.storyboard_id,
    p_idempotency_key => v_key,
    p_after_job_ids => coalesce(v_chain.job_ids, '{}')
  );
end;
$$;
comment on function public.retry_generation is
'Submits a job that failed, expired or was cancelled once more, as a new job at today''s price, '
'and returns that. It waits for the jobs that the first one waited for, or for their retries: of a '
'chain, retry the parent first (409 parent_failed). The same job again, without a key, returns the '
'same new job. Errors as submit_generation, and 404 job_not_found, 409 job_not_ended or '
'job_completed.';

revoke execute on function public.rate_generation, public.retry_generation from public;
grant execute on function public.rate_generation, public.retry_generation to authenticated;
