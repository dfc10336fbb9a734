-- A job is one wish to generate something, and the record of what became of it.
--
-- A client inserts it with what it wants; everything else is the server's: a trigger resolves the
-- model, checks its limits and prices the job (price_jobs), another charges it (charge_jobs). A
-- `pending` job is a draft, priced but not charged, and may be edited. Any other is frozen for its
-- owner, who acts on it through functions, or deletes it, which hides it (hide_and_purge).
-- private.job_transitions is the one list of state changes that exist; private.follow_jobs refuses
-- all others and records every change in job_events.

create table private.job_transitions (
  from_status public.job_status not null,
  to_status public.job_status not null,
  reason text not null,
  primary key (from_status, to_status)
);
comment on table private.job_transitions is 'The state machine of a job: what may follow what.';
alter table private.job_transitions enable row level security;
revoke all on private.job_transitions from public, anon, authenticated, service_role;

insert into private.job_transitions (from_status, to_status, reason) values
('pending', 'queued', 'the owner submits a draft'),
('pending', 'cancelled', 'the owner drops a draft'),
('queued', 'starting', 'a worker claims it'),
('queued', 'failed', 'no attempt is left, or it depends on a job that failed'),
('queued', 'cancelled', 'the owner cancels, or what it waits for came to nothing'),
('queued', 'expired', 'it outlived its deadline'),
('starting', 'starting', 'another worker takes over from one that was lost'),
('starting', 'queued', 'the attempt is repeated later, or the worker hands it back'),
('starting', 'processing', 'the provider has it'),
('starting', 'finalizing', 'the provider answered at once, and outputs are fetched'),
('starting', 'completed', 'the provider answered at once, and all outputs are stored'),
('starting', 'failed', 'it cannot be done'),
('starting', 'cancelled', 'the owner cancels'),
('starting', 'expired', 'it outlived its deadline'),
('processing', 'starting', 'another worker takes over from one that was lost'),
('processing', 'queued', 'the attempt is repeated later, or the worker hands it back'),
('processing', 'finalizing', 'the provider is done and outputs are fetched'),
('processing', 'completed', 'the provider is done and all outputs are stored'),
('processing', 'failed', 'it cannot be done'),
('processing', 'cancelled', 'the owner cancels'),
('processing', 'expired', 'it outlived its deadline'),
('finalizing', 'starting', 'another worker takes over from one that was lost'),
('finalizing', 'queued', 'the attempt is repeated later, or the worker hands it back'),
('finalizing', 'completed', 'all outputs are stored'),
('finalizing', 'failed', 'the outputs cannot be stored'),
('finalizing', 'cancelled', 'the owner cancels'),
('finalizing', 'expired', 'it outlived its deadline');

-- PostgreSQL parses and plans a table's check constraints anew for each statement that writes it,
-- at a cost that grows with their length. So long ones stand in functions, which a session parses
-- once.

create function private.are_sound_texts(
  p_prompt text, p_negative_prompt text, p_audio_instructions text, p_art_style text,
  p_aspect_ratio text, p_resolution text, p_idempotency_key text, p_purged_at timestamptz
)
returns boolean
language plpgsql
immutable
parallel safe
set search_path = ''
as $$
begin
  -- A prompt that begins with a visible character has one; only others are looked through.
  if not (
    ascii(p_prompt) > 32 and ascii(p_prompt) < 127
    or p_prompt ~ '[^[:space:]]' or p_purged_at is not null
  ) then
    return false;
  end if;
  -- The usual case with the fewest operators: each costs something, once a transaction.
  if octet_length(p_prompt) <= 10000 and p_negative_prompt is null and p_audio_instructions is null
    and p_art_style is null and p_idempotency_key is null
    and octet_length(p_aspect_ratio || p_resolution) <= 20
  then
    return true;
  end if;
  return char_length(p_prompt) <= 10000
    and coalesce(char_length(p_negative_prompt), 0) <= 10000
    and coalesce(char_length(p_audio_instructions), 0) <= 10000
    and octet_length(p_prompt) + coalesce(octet_length(p_negative_prompt), 0)
    + coalesce(octet_length(p_audio_instructions), 0) <= 32768
    and coalesce(char_length(p_art_style), 0) <= 100
    and coalesce(char_length(p_aspect_ratio), 0) <= 20
    and coalesce(char_length(p_resolution), 0) <= 20
    and coalesce(char_length(p_idempotency_key), 1) between 1 and 200;
end;
$$;
comment on function private.are_sound_texts is
'Whether a job has a prompt, until it is purged, and all its texts are as short as they must be, '
'in characters each and in bytes together.';

create function private.is_sound_state(
  p_status public.job_status, p_progress smallint, p_output_count integer,
  p_attempt_count smallint, p_max_attempts smallint, p_finished_at timestamptz,
  p_error_code text, p_error_message text, p_hidden_at timestamptz, p_purged_at timestamptz,
  p_duration_seconds numeric
)
returns boolean
language plpgsql
immutable
parallel safe
set search_path = ''
as $$
begin
  if p_duration_seconds <= 0 or p_duration_seconds = 'NaN' then
    return false;
  end if;
  -- One that was just made, with the fewest operators: each costs something, once a transaction.
  if p_status = 'queued' and p_finished_at is null and p_hidden_at is null and p_purged_at is null
    and (p_progress, p_output_count, p_attempt_count, p_max_attempts) = (0, 1, 0, 3)
  then
    return true;
  end if;
  return p_progress between 0 and 100
    and p_output_count between 1 and 100
    and p_attempt_count between 0 and p_max_attempts
    and p_max_attempts between 1 and 20
    -- What has ended has a time, and only that.
    and (p_status in ('completed', 'failed', 'cancelled', 'expired')) = (p_finished_at is not null)
    -- What failed says why.
    and (p_status <> 'failed' or (p_error_code is not null and p_error_message is not null))
    -- What was purged had ended and was hidden.
    and (p_purged_at is null or (p_hidden_at is not null and p_finished_at is not null));
end;
$$;
comment on function private.is_sound_state is
'Whether a job''s state, its counts and its times fit one another.';

revoke execute on function private.are_sound_texts, private.is_sound_state from public;
grant execute on function private.are_sound_texts, private.is_sound_state
to authenticated, service_role;

create table public.generation_jobs (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.profiles (user_id) on delete cascade,
  project_id uuid,
  campaign_id uuid,
  storyboard_id uuid,
  parent_job_id uuid,
  kind public.generation_kind not null,
  mode public.generation_mode not null default 'standard',
  model_id text not null references public.models (id),
  prompt text not null,
  negative_prompt text,
  audio_instructions text,
  art_style text,
  aspect_ratio text,
  resolution text,
  duration_seconds numeric(7, 2),
  output_count integer not null default 1,
  parameters jsonb not null default '{}',
  status public.job_status not null default 'queued',
  progress smallint not null default 0,
  priority smallint not null default 0,
  credit_cost public.job_cost not null,
  credit_transaction_id uuid,
  is_edit_call boolean not null default false,
  is_refunded boolean not null default false,
  attempt_count smallint not null default 0,
  max_attempts smallint not null default 3,
  provider text not null,
  provider_job_id text,
  error_code text,
  error_message text,
  idempotency_key text,
  created_at timestamptz not null default now(),
  queued_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  updated_at timestamptz not null default now(),
  hidden_at timestamptz,
  purged_at timestamptz,

  -- A job joins its owner's project and follows its owner's job, or it is refused.
  constraint generation_jobs_id_user_id_key unique (id, user_id),
  constraint generation_jobs_project_is_the_owners foreign key (project_id, user_id)
  references public.projects (id, user_id) on delete set null (project_id),
  constraint generation_jobs_campaign_is_the_owners foreign key (campaign_id, user_id)
  references public.campaigns (id, user_id) on delete set null (campaign_id),
  constraint generation_jobs_storyboard_is_the_owners foreign key (storyboard_id, user_id)
  references public.storyboard_sequences (id, user_id) on delete set null (storyboard_id),
  constraint generation_jobs_parent_is_the_owners foreign key (parent_job_id, user_id)
  references public.generation_jobs (id, user_id) on delete set null (parent_job_id),
  constraint generation_jobs_is_not_its_own_parent check (parent_job_id <> id),

  constraint generation_jobs_texts_are_given_and_short check (
    private.are_sound_texts(
      prompt, negative_prompt, audio_instructions, art_style, aspect_ratio, resolution,
      idempotency_key, purged_at
    )
  ),
  constraint generation_jobs_parameters_are_a_small_object check (
    private.is_small_object(parameters, 16384)
  ),
  constraint generation_jobs_state_is_sound check (
    private.is_sound_state(
      status, progress, output_count, attempt_count, max_attempts, finished_at, error_code,
      error_message, hidden_at, purged_at, duration_seconds
    )
  )
)
with (fillfactor = 70);

comment on table public.generation_jobs is
'Generation jobs. Insert what you want; price, charge and progress are the server''s. Watch '
'status.';
comment on column public.generation_jobs.campaign_id is 'The campaign that it is a video of.';
comment on column public.generation_jobs.storyboard_id is 'The storyboard that it follows.';
comment on column public.generation_jobs.parent_job_id is 'The job that this one edits or follows.';
comment on column public.generation_jobs.model_id is 'Null at insert: the default of the kind.';
comment on column public.generation_jobs.audio_instructions is 'Dialogue, narration or mood.';
comment on column public.generation_jobs.duration_seconds is 'Seconds of film or sound per output.';
comment on column public.generation_jobs.output_count is 'How many results are asked for.';
comment on column public.generation_jobs.parameters is
'Further settings that the model understands.';
comment on column public.generation_jobs.status is
'At insert: queued (charged at once) or pending (a draft). Then moved by the server alone.';
comment on column public.generation_jobs.progress is 'Per cent.';
comment on column public.generation_jobs.credit_cost is 'Credits, from the catalogue.';
comment on column public.generation_jobs.credit_transaction_id is 'The deduction that paid for it.';
comment on column public.generation_jobs.is_edit_call is
'Priced as an edit: its parent is a finished job of the same kind that was paid for.';
comment on column public.generation_jobs.is_refunded is 'All of its cost was returned.';
comment on column public.generation_jobs.provider_job_id is 'The provider''s own id of the work.';
comment on column public.generation_jobs.error_code is 'Stable, for programs; see the message.';
comment on column public.generation_jobs.idempotency_key is
'Unique a user: the same key again is the same job, not another.';
comment on column public.generation_jobs.hidden_at is
'When the owner deleted it. The row stays for the books.';
comment on column public.generation_jobs.purged_at is
'When its prompt, settings and files were removed for good; kind, cost and times stay.';

-- Partial: most jobs come without a key, and would stand in it for nothing.
create unique index generation_jobs_user_id_idempotency_key_key
on public.generation_jobs (user_id, idempotency_key) where idempotency_key is not null;
create index generation_jobs_user_id_created_at_idx
on public.generation_jobs (user_id, created_at desc, id);
-- What has not ended: for front ends (finished_at=is.null) and for the limit of active jobs. No
-- index names status: one that did would have every change of state write into all of them.
create index generation_jobs_unfinished_idx on public.generation_jobs (user_id, created_at desc)
where finished_at is null;
create index generation_jobs_user_id_queued_at_idx
on public.generation_jobs (user_id, queued_at desc) where queued_at is not null;
-- What was never queued, for the limit of drafts.
create index generation_jobs_never_queued_idx on public.generation_jobs (user_id)
where queued_at is null;
create index generation_jobs_project_id_user_id_created_at_idx
on public.generation_jobs (project_id, user_id, created_at desc) where project_id is not null;
create index generation_jobs_campaign_id_user_id_idx
on public.generation_jobs (campaign_id, user_id) where campaign_id is not null;
create index generation_jobs_storyboard_id_user_id_idx
on public.generation_jobs (storyboard_id, user_id) where storyboard_id is not null;
create index generation_jobs_hidden_at_idx on public.generation_jobs (hidden_at)
where hidden_at is not null and purged_at is null;
create index generation_jobs_parent_job_id_user_id_idx
on public.generation_jobs (parent_job_id, user_id) where parent_job_id is not null;
create index generation_jobs_model_id_idx on public.generation_jobs (model_id);

-- credit_transaction_id needs no foreign key of its own: price_job makes it up and charge_job
-- writes the deduction under it in the same statement, no client and no service may write it, and a
-- ledger row goes with its user alone, which takes the job along.
alter table public.credit_transactions
add constraint credit_transactions_job_id_fkey foreign key (job_id)
references public.generation_jobs (id) on delete cascade;

create type public.job_actor as enum ('user', 'service', 'system');
comment on type public.job_actor is
'user: a job''s owner; service: a dispatcher; system: the database itself.';

create table public.job_events (
  id bigint generated always as identity,
  job_id uuid not null,
  user_id uuid not null,
  from_status public.job_status,
  to_status public.job_status not null,
  actor public.job_actor not null,
  note text,
  created_at timestamptz not null default clock_timestamp(),
  primary key (job_id, user_id, id),
  constraint job_events_job_fkey foreign key (job_id, user_id)
  references public.generation_jobs (id, user_id) on delete cascade
);
comment on table public.job_events is 'A job''s life: every change of state, in order of id.';
comment on column public.job_events.from_status is 'Null: the job was made.';
comment on column public.job_events.actor is 'Who changed it.';
comment on column public.job_events.note is 'Why, where there is more to say.';

create index job_events_user_id_idx on public.job_events (user_id);

create function private.stamp_job()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := pg_catalog.now();
  -- Another attempt may begin where the last one was lost: as `starting` again.
  if (new.status, new.attempt_count) is distinct from (old.status, old.attempt_count) then
    if new.status = 'starting' then
      new.started_at := coalesce(old.started_at, private.now());
    elsif new.status in ('completed', 'failed', 'cancelled', 'expired') then
      new.finished_at := private.now();
    end if;
    new.progress := case
      when new.status = 'completed' then 100
      when new.status in ('queued', 'starting') then 0
      else new.progress
    end;
  end if;
  return new;
end;
$$;
comment on function private.stamp_job() is
'Trigger: stamps the times of a job and sets its progress back or to the end. One for all of it: '
'a trigger costs a tenth of the update.';
revoke execute on function private.stamp_job() from public;

create trigger generation_jobs_stamp before update on public.generation_jobs
for each row execute function private.stamp_job();

create function private.current_actor()
returns public.job_actor
language sql
stable
return (case auth.role()
  when 'authenticated' then 'user' when 'service_role' then 'service' else 'system'
end)::public.job_actor;
comment on function private.current_actor() is
'Who is at work, as job_events names them. Without settings of its own, so that it is inlined.';
revoke execute on function private.current_actor() from public;

create function private.count_campaign_videos(p_job_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  if not exists (
    select from public.generation_jobs where id = any(p_job_ids) and campaign_id is not null
  ) then
    return;
  end if;
  update public.campaigns set completed_videos = completed_videos + counted.videos
  from (
    select campaigns.id, videos.videos
    from (
      select campaign_id, count(*) as videos from public.generation_jobs
      where id = any(p_job_ids) and kind in ('text_to_video', 'image_to_video', 'video_edit')
      group by campaign_id
    ) as videos
    inner join public.campaigns on campaigns.id = videos.campaign_id
    order by campaigns.id
    for no key update of campaigns
  ) as counted
  where campaigns.id = counted.id;
end;
$$;
comment on function private.count_campaign_videos is
'Counts finished videos for their campaigns. The campaigns are locked (shared) before the jobs by '
'whoever ends jobs, and here one after another.';
revoke execute on function private.count_campaign_videos from public;

alter table public.generation_jobs enable row level security;
alter table public.job_events enable row level security;

create policy generation_jobs_select_owner on public.generation_jobs
for select to authenticated using (
  user_id = (select auth.uid()) and hidden_at is null
  and (
    project_id is null or project_id in (
      select projects.id from public.projects
      where projects.user_id = (select auth.uid()) and projects.deleted_at is null
    )
  )
);
create policy generation_jobs_insert_owner on public.generation_jobs
for insert to authenticated
with check (
  user_id = (select auth.uid()) and status in ('pending', 'queued')
  and (
    project_id is null or project_id in (
      select projects.id from public.projects
      where projects.user_id = (select auth.uid()) and projects.deleted_at is null
    )
  )
);
create policy generation_jobs_update_draft_owner on public.generation_jobs
for update to authenticated
using (
  user_id = (select auth.uid()) and status = 'pending' and hidden_at is null
  and (
    project_id is null or project_id in (
      select projects.id from public.projects
      where projects.user_id = (select auth.uid()) and projects.deleted_at is null
    )
  )
)
with check (
  user_id = (select auth.uid()) and status = 'pending'
  and (
    project_id is null or project_id in (
      select projects.id from public.projects
      where projects.user_id = (select auth.uid()) and projects.deleted_at is null
    )
  )
);
create policy generation_jobs_delete_owner on public.generation_jobs
for delete to authenticated using (
  user_id = (select auth.uid()) and hidden_at is null
  and (
    project_id is null or project_id in (
      select projects.id from public.projects
      where projects.user_id = (select auth.uid()) and projects.deleted_at is null
    )
  )
);
-- Here and wherever a policy looks a job up: a scalar sub-select is one look-up by primary key a
-- row, always. An `exists` the planner may turn into a hash of all the user's jobs.
create policy job_events_select_owner on public.job_events
for select to authenticated using (
  user_id = (select auth.uid())
  and (
    select true from public.generation_jobs as jobs where jobs.id = job_events.job_id
  )
);

revoke all on public.generation_jobs, public.job_events
from public, anon, authenticated, service_role;
grant select on public.generation_jobs, public.job_events to authenticated, service_role;
grant delete on public.generation_jobs to authenticated;
grant insert (
  project_id, campaign_id, storyboard_id, parent_job_id, kind, mode, model_id, prompt,
  negative_prompt, audio_instructions, art_style, aspect_ratio, resolution, duration_seconds,
  output_count, parameters, status,
  idempotency_key
) on public.generation_jobs to authenticated;
grant update (
  project_id, campaign_id, storyboard_id, parent_job_id, kind, mode, model_id, prompt,
  negative_prompt, audio_instructions, art_style, aspect_ratio, resolution, duration_seconds,
  output_count, parameters
) on public.generation_jobs to authenticated;
