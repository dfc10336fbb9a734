-- What a browser calls. submit_generation does nothing that the caller could not do by hand, only
-- all of it in one transaction, and so much faster than under the caller's policies that a definer
-- in `private` does it, which asks what they ask. What a caller may not do by hand, moving the
-- state of a job, goes through a definer, too, that asks whose job it is.

create function private.submit_own_generation(
  p_kind public.generation_kind,
  p_prompt text,
  p_model_id text,
  p_mode public.generation_mode,
  p_project_id uuid,
  p_negative_prompt text,
  p_audio_instructions text,
  p_art_style text,
  p_aspect_ratio text,
  p_resolution text,
  p_duration_seconds numeric,
  p_output_count integer,
  p_parameters jsonb,
  p_reference_asset_ids uuid[],
  p_reference_roles public.asset_role[],
  p_parent_job_id uuid,
  p_campaign_id uuid,
  p_storyboard_id uuid,
  p_idempotency_key text,
  p_after_job_ids uuid[]
)
returns public.generation_jobs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := auth.uid();
  v_job public.generation_jobs;
  v_is_known boolean := false;
  v_needs_files boolean;
begin
  if p_project_id is not null then
    if not exists (
      select from public.projects
      where id = p_project_id and user_id = v_user_id and deleted_at is null
    ) then
      raise exception 'There is no such project.'
        using errcode = '42501', hint = 'project_not_found';
    end if;
  end if;
  if exists (
    select from unnest(p_reference_roles) as wanted (role)
    where wanted.role not in ('reference_image', 'source_video', 'source_audio')
  ) then
    raise exception 'p_reference_roles: what goes into a job is a reference_image, a source_video '
      'or a source_audio.'
      using errcode = 'PT400', hint = 'role_does_not_fit';
  end if;
  -- A key that was used is answered before anything is priced: the catalogue may have changed
  -- since.
  if p_idempotency_key is not null then
    select * into v_job from public.generation_jobs
    where user_id = v_user_id and idempotency_key = p_idempotency_key and hidden_at is null;
    v_is_known := found;
  end if;
  if not v_is_known then
    if cardinality(p_after_job_ids) > 0 then
      perform private.lock_parents(
        v_user_id, p_project_id, p_campaign_id, p_storyboard_id, p_parent_job_id, p_after_job_ids
      );
    end if;
    insert into public.generation_jobs (
      user_id, kind, prompt, model_id, mode, project_id, negative_prompt, audio_instructions,
      art_style,
      aspect_ratio, resolution, duration_seconds, output_count, parameters, parent_job_id,
      campaign_id, storyboard_id, idempotency_key
    )
    values (
      v_user_id, p_kind, p_prompt, p_model_id, p_mode, p_project_id, p_negative_prompt,
      p_audio_instructions, p_art_style, p_aspect_ratio, p_resolution, p_duration_seconds,
      p_output_count, coalesce(p_parameters, '{}'), p_parent_job_id, p_campaign_id,
      p_storyboard_id, p_idempotency_key
    )
    on conflict (user_id, idempotency_key) where idempotency_key is not null do nothing
    returning * into v_job;
    if not found then
      select * into v_job from public.generation_jobs
      where user_id = v_user_id and idempotency_key = p_idempotency_key and hidden_at is null;
      if not found then
        raise exception 'The job of this idempotency key was deleted.'
          using errcode = 'PT409', hint = 'job_deleted';
      end if;
      v_is_known := true;
    end if;
  end if;

  if v_is_known then
    -- Sent twice, or another wish under a key that was used: the same wish gets the same job,
    -- another an error. What was left open then may be left open now.
    if (v_job.kind, v_job.prompt, v_job.mode, v_job.output_count) is distinct from
      (p_kind, p_prompt, p_mode, p_output_count)
      or (v_job.model_id, v_job.aspect_ratio, v_job.resolution, v_job.duration_seconds)
      is distinct from (
        coalesce(p_model_id, v_job.model_id), coalesce(p_aspect_ratio, v_job.aspect_ratio),
        coalesce(p_resolution, v_job.resolution),
        coalesce(round(p_duration_seconds, 2), v_job.duration_seconds)
      )
      or (
        v_job.project_id, v_job.negative_prompt, v_job.audio_instructions, v_job.art_style,
        v_job.parameters, v_job.parent_job_id, v_job.campaign_id, v_job.storyboard_id
      ) is distinct from (
        p_project_id, p_negative_prompt, p_audio_instructions, p_art_style,
        coalesce(p_parameters, '{}'), p_parent_job_id, p_campaign_id, p_storyboard_id
      )
      or array(
        select asset_id from public.job_assets
        where job_id = v_job.id and role in ('reference_image', 'source_video', 'source_audio')
        order by position
      ) is distinct from coalesce(p_reference_asset_ids, '{}')
      or exists (
        select from public.job_assets
        where job_id = v_job.id and role in ('reference_image', 'source_video', 'source_audio')
          and role <> p_reference_roles[position + 1]
      )
      -- What stands at 0 is parent_job_id, not named here.
      or array(
        select depends_on_job_id from public.job_dependencies
        where job_id = v_job.id and position > 0
        order by position
      ) is distinct from coalesce(p_after_job_ids, '{}')
    then
      raise exception 'The idempotency key was used for another request.'
        using errcode = 'PT409', hint = 'idempotency_key_reused';
    end if;
    return v_job;
  end if;

  if cardinality(p_reference_asset_ids) > 0 then
    if p_reference_roles is not null
      and cardinality(p_reference_roles) <> cardinality(p_reference_asset_ids)
    then
      raise exception 'p_reference_roles: one role for each asset, or none at all.'
        using errcode = 'PT400', hint = 'reference_roles_do_not_fit';
    elsif exists (
      select from unnest(p_reference_asset_ids, p_reference_roles) as wanted (id, role)
      group by wanted.id, wanted.role
      having count(*) > 1
    ) then
      raise exception 'p_reference_asset_ids: an asset is named twice.'
        using errcode = 'PT400', hint = 'duplicate_reference_asset';
    end if;
    insert into public.job_assets (user_id, job_id, asset_id, role, position)
    select
      v_user_id, v_job.id, wanted.id,
      coalesce(
        wanted.role,
        case assets.kind
          when 'video' then 'source_video' when 'audio' then 'source_audio' else 'reference_image'
        end::public.asset_role
      ),
      wanted.ordinality - 1
    from unnest(p_reference_asset_ids, p_reference_roles)
      with ordinality as wanted (id, role, ordinality)
    inner join public.assets on assets.id = wanted.id and assets.user_id = v_user_id;
    if (select count(*) from public.job_assets where job_id = v_job.id)
      < cardinality(p_reference_asset_ids)
    then
      raise exception 'A reference asset does not exist.'
        using errcode = 'PT404', hint = 'reference_asset_not_found';
    end if;
  end if;

  -- Most models need no file; asking costs least on the way.
  insert into public.user_prompts (
    user_id, prompt, audio_input, reference_asset_id, mode, job_id
  )
  values (
    v_user_id, p_prompt, p_audio_instructions, p_reference_asset_ids[1], p_mode, v_job.id
  )
  returning (
    select models.required_inputs ? p_kind::text from public.models
    where models.id = v_job.model_id
  ) into v_needs_files;
  if cardinality(p_after_job_ids) > 0 then
    perform private.wait_for_jobs(v_job.id, p_after_job_ids, true);
  end if;
  if v_needs_files then
    perform private.require_inputs(v_job.id, p_kind, v_job.model_id);
  end if;
  return v_job;
end;
$$;
comment on function private.submit_own_generation is
'Makes the caller''s job; see public.submit_generation. Definer, for speed: the caller''s '
'policies would be planned and asked at each of its statements. So it asks itself what they ask: '
'identity from the token, a project that is the caller''s own and not deleted; that whatever else '
'the job names is the caller''s own hold the two-column foreign keys.';
revoke execute on function private.submit_own_generation from public;
grant execute on function private.submit_own_generation to authenticated;

create function public.submit_generation(
  p_kind public.generation_kind,
  p_prompt text,
  p_model_id text default null,
  p_mode public.generation_mode default 'standard',
  p_project_id uuid default null,
  p_negative_prompt text default null,
  p_audio_instructions text default null,
  p_art_style text default null,
  p_aspect_ratio text default null,
  p_resolution text default null,
  p_duration_seconds numeric default null,
  p_output_count integer default 1,
  p_parameters jsonb default '{}',
  p_reference_asset_ids uuid[] default '{}',
  p_reference_roles public.asset_role[] default null,
  p_parent_job_id uuid default null,
  p_campaign_id uuid default null,
  p_storyboard_id uuid default null,
  p_idempotency_key text default null,
  p_after_job_ids uuid[] default '{}'
)
returns public.generation_jobs
language sql
return private.submit_own_generation(
  p_kind, p_prompt, p_model_id, p_mode, p_project_id, p_negative_prompt, p_audio_instructions,
  p_art_style, p_aspect_ratio, p_resolution, p_duration_seconds, p_output_count, p_parameters,
  p_reference_asset_ids, p_reference_roles, p_parent_job_id, p_campaign_id, p_storyboard_id,
  p_idempotency_key, p_after_job_ids
);
comment on function public.submit_generation is
'Makes a job, charges it, remembers the prompt and ties the reference files to it: all or '
'nothing. p_reference_roles says what each file is for; left out, an image is a reference, a video '
'or sound a source. p_after_job_ids are up to 20 jobs that it waits for and whose results it works '
'from, after its own files; an unfinished p_parent_job_id is waited for as well. If one of them '
'comes to nothing, it is cancelled and refunded. Safe to send twice with one p_idempotency_key. '
'Returns the job. Errors: 402 insufficient_credits, 429 too_many_active_jobs or '
'too_many_jobs_today, 400 for what the model does not offer, invalid_parameter (the message begins '
'with its name), input_missing, too_many_parents or duplicate_parent, 404 '
'reference_asset_not_found, project_not_found or job_not_found, 409 idempotency_key_reused, '
'job_deleted, parent_not_submitted or parent_failed.';

create function private.lock_own_job(p_job_id uuid)
returns public.generation_jobs
language plpgsql
set search_path = ''
as $$
declare
  v_job public.generation_jobs;
begin
  -- Asked first: nobody locks what is not theirs.
  if exists (
    select from public.generation_jobs where id = p_job_id and user_id = (select auth.uid())
  ) then
    v_job := private.lock_job(p_job_id);
  end if;
  if v_job.id is null or v_job.hidden_at is not null or exists (
    select from public.projects where id = v_job.project_id and deleted_at is not null
  ) then
    raise exception 'There is no such job.' using errcode = 'PT404', hint = 'job_not_found';
  end if;
  return v_job;
end;
$$;
comment on function private.lock_own_job is
'The caller''s job, locked as private.lock_job does. Raises PT404 job_not_found for anybody else''s'
' and for what the caller deleted.';
revoke execute on function private.lock_own_job from public;

create function private.queue_own_job(p_job_id uuid)
returns public.generation_jobs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_job public.generation_jobs := private.lock_own_job(p_job_id);
begin
  if v_job.status = 'pending' then
    update public.generation_jobs set status = 'queued' where id = p_job_id returning * into v_job;
  end if;
  return v_job;
end;
$$;
comment on function private.queue_own_job is
'Submits the caller''s draft; nothing happens when it already was. Definer: state is not a '
'client''s to write. Identity from the token. Locks account, then job.';
revoke execute on function private.queue_own_job from public;
grant execute on function private.queue_own_job to authenticated;

create function private.cancel_own_job(p_job_id uuid)
returns public.generation_jobs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_job public.generation_jobs := private.lock_own_job(p_job_id);
begin
  if v_job.status <> 'cancelled' then
    update public.generation_jobs set status = 'cancelled' where id = p_job_id
    returning * into v_job;
  end if;
  return v_job;
end;
$$;
comment on function private.cancel_own_job is
'Cancels the caller''s job and refunds it; nothing happens when it already was. Definer: state is'
' not a client''s to write. Identity from the token. Raises PT409 transition_not_allowed once it '
'ended.';
revoke execute on function private.cancel_own_job from public;
grant execute on function private.cancel_own_job to authenticated;

-- Bodies in SQL-standard form are resolved when they are created: a caller needs no way into the
-- schema `private`, only the right to execute the one function.
create function public.queue_generation(p_job_id uuid)
returns public.generation_jobs
language sql
set search_path = ''
begin atomic
  select private.queue_own_job(p_job_id);
end;
comment on function public.queue_generation is
'Submits a draft: prices and charges it. Returns the job. Errors as submit_generation, and 404.';

create function public.cancel_generation(p_job_id uuid)
returns public.generation_jobs
language sql
set search_path = ''
begin atomic
  select private.cancel_own_job(p_job_id);
end;
comment on function public.cancel_generation is
'Cancels a job at any state before its end and returns its credits. Returns the job. Errors: 404 '
'job_not_found, 409 transition_not_allowed.';

revoke execute on function
public.submit_generation, public.queue_generation, public.cancel_generation from public;
grant execute on function
public.submit_generation, public.queue_generation, public.cancel_generation to authenticated;
