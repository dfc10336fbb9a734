-- How a video is cut into segments: what is seen, said and moving in each, in order.
--
-- A generation offers several segmentations, and the user goes on with one: at most one is selected
-- in a project, or among those without one. Selecting one unselects the others, by trigger, so that
-- a plain update does it as well as select_segmentation; an exclusion constraint holds it whatever
-- runs at once. The function takes the owner's profile first, so that two calls wait for one
-- another.

create table public.video_segmentations (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.profiles (user_id) on delete cascade,
  project_id uuid,
  job_id uuid,
  prompt text not null,
  concept text not null,
  negative_prompt text,
  art_style text not null default '',
  model text not null default '',
  is_selected boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint video_segmentations_id_user_id_key unique (id, user_id),
  constraint video_segmentations_project_is_the_owners foreign key (project_id, user_id)
  references public.projects (id, user_id) on delete cascade,
  constraint video_segmentations_job_is_the_owners foreign key (job_id, user_id)
  references public.generation_jobs (id, user_id) on delete set null (job_id),
  -- Looked at when the transaction ends: a statement may select several, before the trigger below
  -- has unselected all but one.
  constraint video_segmentations_one_selected_key exclude using btree (
    user_id with =, (coalesce(project_id, user_id)) with =
  ) where (is_selected) deferrable initially deferred,
  constraint video_segmentations_prompt_is_given check (prompt ~ '[^[:space:]]'),
  constraint video_segmentations_texts_are_short check (
    char_length(prompt) <= 10000 and char_length(concept) <= 20000
    and char_length(negative_prompt) <= 10000 and char_length(art_style) <= 100
    and char_length(model) <= 100
    and octet_length(concat(prompt, concept, negative_prompt)) <= 32768
  )
);
comment on table public.video_segmentations is
'Ways to cut a video into segments; at most one selected a project.';
comment on column public.video_segmentations.job_id is 'The job that made it; null: the user did.';
comment on column public.video_segmentations.concept is 'The idea of the whole video.';
comment on column public.video_segmentations.model is 'Which model made it.';
comment on column public.video_segmentations.is_selected is
'The one to go on with. Selecting one unselects the others of its project.';

create table public.video_segments (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.profiles (user_id) on delete cascade,
  segmentation_id uuid not null,
  position integer not null,
  visual text not null,
  narration text not null default '',
  animation text not null default '',
  created_at timestamptz not null default now(),
  constraint video_segments_segmentation_is_the_owners foreign key (segmentation_id, user_id)
  references public.video_segmentations (id, user_id) on delete cascade,
  -- The owner stands in it for the sake of the foreign key's index; the segmentation has but one.
  constraint video_segments_segmentation_id_user_id_position_key
  unique (segmentation_id, user_id, position),
  constraint video_segments_position_is_bounded check (position between 0 and 999),
  constraint video_segments_texts_are_short check (
    octet_length(visual || narration || animation) <= 8192
  )
);
comment on table public.video_segments is 'The segments of a segmentation.';
comment on column public.video_segments.position is 'Place in the segmentation, from 0; unique.';
comment on column public.video_segments.visual is 'What is seen.';
comment on column public.video_segments.narration is 'What is said.';
comment on column public.video_segments.animation is 'What moves, and how.';

create index video_segmentations_user_id_created_at_idx
on public.video_segmentations (user_id, created_at desc);
create index video_segmentations_project_id_user_id_created_at_idx
on public.video_segmentations (project_id, user_id, created_at desc) where project_id is not null;
create index video_segmentations_job_id_user_id_idx
on public.video_segmentations (job_id, user_id) where job_id is not null;
create index video_segments_user_id_idx on public.video_segments (user_id);

-- Computed columns, as those of video_concepts.

create function public.credits_used(public.video_segmentations)
returns numeric
language sql
stable
set search_path = ''
begin atomic
  select case when jobs.credit_transaction_id is null then 0 else jobs.credit_cost end
  from public.generation_jobs as jobs where jobs.id = ($1).job_id;
end;
comment on function public.credits_used(public.video_segmentations) is
'Computed column: what the job that made it was charged, whether or not it was returned.';

create function public.credit_transaction_id(public.video_segmentations)
returns uuid
language sql
stable
set search_path = ''
begin atomic
  select jobs.credit_transaction_id
  from public.generation_jobs as jobs where jobs.id = ($1).job_id;
end;
comment on function public.credit_transaction_id(public.video_segmentations) is
'Computed column: the deduction that paid for it.';

create function public.is_refunded(public.video_segmentations)
returns boolean
language sql
stable
set search_path = ''
begin atomic
  select coalesce(
    (
      select jobs.is_refunded
      from public.generation_jobs as jobs where jobs.id = ($1).job_id
    ), false
  );
end;
comment on function public.is_refunded(public.video_segmentations) is
'Computed column: whether all that it cost was returned.';

create function private.lock_selection()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('lock_selection ' || new.user_id, 0));
  return new;
end;
$$;
comment on function private.lock_selection() is
'Trigger: lets a user''s selections wait for one another before they write, where the exclusion '
'constraint would find two of them waiting for each other in the end.';
revoke execute on function private.lock_selection() from public;

create function private.unselect_other_segmentations()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  update public.video_segmentations set is_selected = false
  where user_id = new.user_id and project_id is not distinct from new.project_id
    and is_selected and id <> new.id
    -- Of several that one statement selects, the first stays.
    and (select mine.is_selected from public.video_segmentations as mine where mine.id = new.id);
  return null;
end;
$$;
comment on function private.unselect_other_segmentations() is
'Trigger: makes room for the segmentation that was selected. Definer: one that is hidden with its '
'job may be selected, too, and its owner does not see it.';
revoke execute on function private.unselect_other_segmentations() from public;

create trigger video_segmentations_lock_selection_insert
before insert on public.video_segmentations
for each row when (new.is_selected)
execute function private.lock_selection();
create trigger video_segmentations_lock_selection_update
before update of is_selected, project_id on public.video_segmentations
for each row when (
  new.is_selected
  and (not old.is_selected or new.project_id is distinct from old.project_id)
)
execute function private.lock_selection();
create trigger video_segmentations_unselect_others_insert
after insert on public.video_segmentations
for each row when (new.is_selected)
execute function private.unselect_other_segmentations();
create trigger video_segmentations_unselect_others_update
after update of is_selected, project_id on public.video_segmentations
for each row when (
  new.is_selected
  and (not old.is_selected or new.project_id is distinct from old.project_id)
)
execute function private.unselect_other_segmentations();
create trigger video_segmentations_set_updated_at before update on public.video_segmentations
for each row execute function private.set_updated_at();

create function public.select_segmentation(p_segmentation_id uuid)
returns public.video_segmentations
language plpgsql
set search_path = ''
as $$
declare
  v_segmentation public.video_segmentations;
begin
  perform 1 from public.profiles where user_id = (select auth.uid()) for no key update;
  update public.video_segmentations set is_selected = true
  where id = p_segmentation_id and user_id = (select auth.uid())
  returning * into v_segmentation;
  if not found then
    raise exception 'There is no such segmentation.'
      using errcode = 'PT404', hint = 'segmentation_not_found';
  end if;
  return v_segmentation;
end;
$$;
comment on function public.select_segmentation is
'Selects a segmentation, unselects the others of its project and returns it. Errors: 404 '
'segmentation_not_found.';
revoke execute on function public.select_segmentation from public;
grant execute on function public.select_segmentation to authenticated;

revoke execute on function
public.credits_used(public.video_segmentations),
public.credit_transaction_id(public.video_segmentations),
public.is_refunded(public.video_segmentations)
from public;
grant execute on function
public.credits_used(public.video_segmentations),
public.credit_transaction_id(public.video_segmentations),
public.is_refunded(public.video_segmentations)
to authenticated, service_role;

alter table public.video_segmentations enable row level security;
alter table public.video_segments enable row level security;

create policy video_segmentations_select_owner on public.video_segmentations
for select to authenticated using (
  user_id = (select auth.uid())
  and (
    project_id is null or project_id in (
      select projects.id from public.projects
      where projects.user_id = (select auth.uid()) and projects.deleted_at is null
    )
  )
  and (
    job_id is null or (
      select true from public.generation_jobs as jobs where jobs.id = video_segmentations.job_id
    )
  )
);
create policy video_segmentations_insert_owner on public.video_segmentations
for insert to authenticated with check (
  user_id = (select auth.uid())
  and (
    project_id is null or project_id in (
      select projects.id from public.projects
      where projects.user_id = (select auth.uid()) and projects.deleted_at is null
    )
  )
);
create policy video_segmentations_update_owner on public.video_segmentations
for update to authenticated using (
  user_id = (select auth.uid())
  and (
    project_id is null or project_id in (
      select projects.id from public.projects
      where projects.user_id = (select auth.uid()) and projects.deleted_at is null
    )
  )
  and (
    job_id is null or (
      select true from public.generation_jobs as jobs where jobs.id = video_segmentations.job_id
    )
  )
)
with check (user_id = (select auth.uid()));
create policy video_segmentations_delete_owner on public.video_segmentations
for delete to authenticated using (
  user_id = (select auth.uid())
  and (
    project_id is null or project_id in (
      select projects.id from public.projects
      where projects.user_id = (select auth.uid()) and projects.deleted_at is null
    )
  )
  and (
    job_id is null or (
      select true from public.generation_jobs as jobs where jobs.id = video_segmentations.job_id
    )
  )
);

-- Under the segmentations' own policies, which hide what was deleted.
create policy video_segments_select_owner on public.video_segments
for select to authenticated using (
  user_id = (select auth.uid())
  and (
    select true from public.video_segmentations
    where video_segmentations.id = video_segments.segmentation_id
  )
);
create policy video_segments_insert_owner on public.video_segments
for insert to authenticated with check (
  user_id = (select auth.uid())
  and (
    select true from public.video_segmentations
    where video_segmentations.id = video_segments.segmentation_id
  )
);
create policy video_segments_delete_owner on public.video_segments
for delete to authenticated using (
  user_id = (select auth.uid())
  and (
    select true from public.video_segmentations
    where video_segmentations.id = video_segments.segmentation_id
  )
);

revoke all on public.video_segmentations, public.video_segments
from public, anon, authenticated, service_role;
grant select, delete on public.video_segmentations, public.video_segments to authenticated;
grant
insert (project_id, prompt, concept, negative_prompt, art_style, model, is_selected),
update (is_selected)
on public.video_segmentations to authenticated;
grant insert (segmentation_id, position, visual, narration, animation)
on public.video_segments to authenticated;
grant select, insert, update, delete
on public.video_segmentations, public.video_segments to service_role;
