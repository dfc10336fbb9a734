-- How well a video did, or is expected to: scores, what the audience did, what could be better.
--
-- The front end writes it, for its owner alone. A row about a job disappears with the job: what is
-- deleted in the app is not to be read in another table.

create table public.performance_metrics (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.profiles (user_id) on delete cascade,
  job_id uuid,
  character_id uuid,
  prompt text,
  platform text,
  predicted_score numeric(5, 2),
  quality_score numeric(5, 2),
  style_consistency numeric(5, 2),
  brand_compliance numeric(5, 2),
  actual_engagement jsonb not null default '{}',
  improvements jsonb not null default '[]',
  created_at timestamptz not null default now(),
  constraint performance_metrics_job_is_the_owners foreign key (job_id, user_id)
  references public.generation_jobs (id, user_id) on delete set null (job_id),
  constraint performance_metrics_character_is_the_owners foreign key (character_id, user_id)
  references public.characters (id, user_id) on delete set null (character_id),
  constraint performance_metrics_texts_are_short check (
    char_length(prompt) <= 10000 and octet_length(prompt) <= 16384 and char_length(platform) <= 50
  ),
  constraint performance_metrics_predicted_score_is_a_percentage check (
    predicted_score between 0 and 100 and predicted_score <> 'NaN'
  ),
  constraint performance_metrics_quality_score_is_a_percentage check (
    quality_score between 0 and 100 and quality_score <> 'NaN'
  ),
  constraint performance_metrics_style_consistency_is_a_percentage check (
    style_consistency between 0 and 100 and style_consistency <> 'NaN'
  ),
  constraint performance_metrics_brand_compliance_is_a_percentage check (
    brand_compliance between 0 and 100 and brand_compliance <> 'NaN'
  ),
  constraint performance_metrics_engagement_is_a_small_object check (
    private.is_small_object(actual_engagement, 4096)
  ),
  constraint performance_metrics_improvements_are_small check (
    jsonb_typeof(improvements) in ('array', 'object')
    and private.is_small_json(improvements, 8192)
  )
);
comment on table public.performance_metrics is
'How well a video did, or is expected to. Scores are from 0 to 100.';
comment on column public.performance_metrics.job_id is 'The job that made the video.';
comment on column public.performance_metrics.character_id is 'The character that plays in it.';
comment on column public.performance_metrics.platform is 'Where it is for.';
comment on column public.performance_metrics.predicted_score is 'Expected success, 0 to 100.';
comment on column public.performance_metrics.quality_score is '0 to 100.';
comment on column public.performance_metrics.style_consistency is '0 to 100.';
comment on column public.performance_metrics.brand_compliance is '0 to 100.';
comment on column public.performance_metrics.actual_engagement is
'What the audience did, such as views and likes: an object of the front end''s own.';
comment on column public.performance_metrics.improvements is
'What could be better: an array or object of the front end''s own.';

create index performance_metrics_user_id_created_at_idx
on public.performance_metrics (user_id, created_at desc);
create index performance_metrics_job_id_user_id_idx
on public.performance_metrics (job_id, user_id) where job_id is not null;
create index performance_metrics_character_id_user_id_idx
on public.performance_metrics (character_id, user_id) where character_id is not null;

alter table public.performance_metrics enable row level security;

-- The look-up by primary key runs under the jobs' own policy, which hides what was deleted.
create policy performance_metrics_select_owner on public.performance_metrics
for select to authenticated
using (
  user_id = (select auth.uid())
  and (
    job_id is null
    or (
      select true from public.generation_jobs as jobs where jobs.id = performance_metrics.job_id
    )
  )
);
create policy performance_metrics_insert_owner on public.performance_metrics
for insert to authenticated
with check (
  user_id = (select auth.uid())
  and (
    job_id is null
    or (
      select true from public.generation_jobs as jobs where jobs.id = performance_metrics.job_id
    )
  )
);
create policy performance_metrics_update_owner on public.performance_metrics
for update to authenticated
using (
  user_id = (select auth.uid())
  and (
    job_id is null
    or (
      select true from public.generation_jobs as jobs where jobs.id = performance_metrics.job_id
    )
  )
)
with check (
  user_id = (select auth.uid())
  and (
    job_id is null
    or (
      select true from public.generation_jobs as jobs where jobs.id = performance_metrics.job_id
    )
  )
);
create policy performance_metrics_delete_owner on public.performance_metrics
for delete to authenticated
using (
  user_id = (select auth.uid())
  and (
    job_id is null
    or (
      select true from public.generation_jobs as jobs where jobs.id = performance_metrics.job_id
    )
  )
);

revoke all on public.performance_metrics from public, anon, authenticated, service_role;
grant select, delete on public.performance_metrics to authenticated;
grant
insert (
  job_id, character_id, prompt, platform, predicted_score, quality_score, style_consistency,
  brand_compliance, actual_engagement, improvements
),
update (
  job_id, character_id, prompt, platform, predicted_score, quality_score, style_consistency,
  brand_compliance, actual_engagement, improvements
)
on public.performance_metrics to authenticated;
grant select, insert, update, delete on public.performance_metrics to service_role;
