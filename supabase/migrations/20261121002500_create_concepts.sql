-- What the jobs that make text yield: ideas for videos, answers from the web, summaries.
--
-- The services write them, each with the job that paid for it: what a row cost, by which
-- transaction and whether that was returned is read through the job, by the computed columns
-- credits_used, credit_transaction_id and is_refunded. A user may write down a concept of their
-- own; it has no job. What belongs to a job or project that was deleted is hidden with it.

create table public.video_concepts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.profiles (user_id) on delete cascade,
  project_id uuid,
  job_id uuid,
  prompt text not null,
  web_info text not null default '',
  title text not null,
  concept text not null,
  tone text not null default '',
  goal text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint video_concepts_project_is_the_owners foreign key (project_id, user_id)
  references public.projects (id, user_id) on delete cascade,
  constraint video_concepts_job_is_the_owners foreign key (job_id, user_id)
  references public.generation_jobs (id, user_id) on delete set null (job_id),
  constraint video_concepts_texts_are_given check (
    prompt ~ '[^[:space:]]' and title ~ '[^[:space:]]' and concept ~ '[^[:space:]]'
  ),
  constraint video_concepts_texts_are_short check (
    char_length(prompt) <= 10000 and char_length(title) <= 300 and char_length(concept) <= 20000
    and char_length(tone) <= 1000 and char_length(goal) <= 5000
    and octet_length(prompt || web_info || title || concept || tone || goal) <= 49152
  )
);
comment on table public.video_concepts is 'Ideas for videos, generated or the user''s own.';
comment on column public.video_concepts.job_id is 'The job that made it; null: the user did.';
comment on column public.video_concepts.prompt is 'What was asked for.';
comment on column public.video_concepts.web_info is 'What was found on the web and went into it.';
comment on column public.video_concepts.concept is 'The idea itself.';

create table public.web_research_queries (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.profiles (user_id) on delete cascade,
  project_id uuid,
  job_id uuid,
  prompt text not null,
  response text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint web_research_queries_project_is_the_owners foreign key (project_id, user_id)
  references public.projects (id, user_id) on delete cascade,
  constraint web_research_queries_job_is_the_owners foreign key (job_id, user_id)
  references public.generation_jobs (id, user_id) on delete set null (job_id),
  constraint web_research_queries_prompt_is_given check (prompt ~ '[^[:space:]]'),
  constraint web_research_queries_texts_are_short check (
    char_length(prompt) <= 10000 and char_length(response) <= 100000
  )
);
comment on table public.web_research_queries is 'Questions to the web and what was found.';
comment on column public.web_research_queries.job_id is 'The job that asked.';

create table public.content_summaries (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.profiles (user_id) on delete cascade,
  project_id uuid,
  job_id uuid,
  original_content text not null,
  user_input text not null default '',
  summary text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint content_summaries_project_is_the_owners foreign key (project_id, user_id)
  references public.projects (id, user_id) on delete cascade,
  constraint content_summaries_job_is_the_owners foreign key (job_id, user_id)
  references public.generation_jobs (id, user_id) on delete set null (job_id),
  constraint content_summaries_texts_are_short check (
    char_length(original_content) <= 500000 and char_length(user_input) <= 10000
    and char_length(summary) <= 100000
  )
);
comment on table public.content_summaries is 'Texts and what they come down to.';
comment on column public.content_summaries.job_id is 'The job that made it.';
comment on column public.content_summaries.user_input is 'What the user wanted of the summary.';

create index video_concepts_user_id_created_at_idx
on public.video_concepts (user_id, created_at desc);
create index video_concepts_project_id_user_id_created_at_idx
on public.video_concepts (project_id, user_id, created_at desc) where project_id is not null;
create index video_concepts_job_id_user_id_idx
on public.video_concepts (job_id, user_id) where job_id is not null;

create index web_research_queries_user_id_created_at_idx
on public.web_research_queries (user_id, created_at desc);
create index web_research_queries_project_id_user_id_created_at_idx
on public.web_research_queries (project_id, user_id, created_at desc) where project_id is not null;
create index web_research_queries_job_id_user_id_idx
on public.web_research_queries (job_id, user_id) where job_id is not null;

create index content_summaries_user_id_created_at_idx
on public.content_summaries (user_id, created_at desc);
create index content_summaries_project_id_user_id_created_at_idx
on public.content_summaries (project_id, user_id, created_at desc) where project_id is not null;
create index content_summaries_job_id_user_id_idx
on public.content_summaries (job_id, user_id) where job_id is not null;

-- Computed columns. PostgREST offers them like columns of the table; they take its row, unnamed.

create function public.credits_used(public.video_concepts)
returns numeric
language sql
stable
set search_path = ''
begin atomic
  select case when jobs.credit_transaction_id is null then 0 else jobs.credit_cost end
  from public.generation_jobs as jobs where jobs.id = ($1).job_id;
end;
comment on function public.credits_used(public.video_concepts) is
'Computed column: what the job that made the concept was charged, whether or not it was returned.';

create function public.credit_transaction_id(public.video_concepts)
returns uuid
language sql
stable
set search_path = ''
begin atomic
  select jobs.credit_transaction_id
  from public.generation_jobs as jobs where jobs.id = ($1).job_id;
end;
comment on function public.credit_transaction_id(public.video_concepts) is
'Computed column: the deduction that paid for the concept.';

create function public.is_refunded(public.video_concepts)
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
comment on function public.is_refunded(public.video_concepts) is
'Computed column: whether all that the concept cost was returned.';

create function public.credits_used(public.web_research_queries)
returns numeric
language sql
stable
set search_path = ''
begin atomic
  select case when jobs.credit_transaction_id is null then 0 else jobs.credit_cost end
  from public.generation_jobs as jobs where jobs.id = ($1).job_id;
end;
comment on function public.credits_used(public.web_research_queries) is
'Computed column: what the job that made the answer was charged, whether or not it was returned.';

create function public.credit_transaction_id(public.web_research_queries)
returns uuid
language sql
stable
set search_path = ''
begin atomic
  select jobs.credit_transaction_id
  from public.generation_jobs as jobs where jobs.id = ($1).job_id;
end;
comment on function public.credit_transaction_id(public.web_research_queries) is
'Computed column: the deduction that paid for the answer.';

create function public.is_refunded(public.web_research_queries)
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
comment on function public.is_refunded(public.web_research_queries) is
'Computed column: whether all that the answer cost was returned.';

create function public.credits_used(public.content_summaries)
returns numeric
language sql
stable
set search_path = ''
begin atomic
  select case when jobs.credit_transaction_id is null then 0 else jobs.credit_cost end
  from public.generation_jobs as jobs where jobs.id = ($1).job_id;
end;
comment on function public.credits_used(public.content_summaries) is
'Computed column: what the job that made the summary was charged, whether or not it was returned.';

create function public.credit_transaction_id(public.content_summaries)
returns uuid
language sql
stable
set search_path = ''
begin atomic
  select jobs.credit_transaction_id
  from public.generation_jobs as jobs where jobs.id = ($1).job_id;
end;
comment on function public.credit_transaction_id(public.content_summaries) is
'Computed column: the deduction that paid for the summary.';

create function public.is_refunded(public.content_summaries)
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
comment on function public.is_refunded(public.content_summaries) is
'Computed column: whether all that the summary cost was returned.';

revoke execute on function
public.credits_used(public.video_concepts),
public.credit_transaction_id(public.video_concepts),
public.is_refunded(public.video_concepts),
public.credits_used(public.web_research_queries),
public.credit_transaction_id(public.web_research_queries),
public.is_refunded(public.web_research_queries),
public.credits_used(public.content_summaries),
public.credit_transaction_id(public.content_summaries),
public.is_refunded(public.content_summaries)
from public;
grant execute on function
public.credits_used(public.video_concepts),
public.credit_transaction_id(public.video_concepts),
public.is_refunded(public.video_concepts),
public.credits_used(public.web_research_queries),
public.credit_transaction_id(public.web_research_queries),
public.is_refunded(public.web_research_queries),
public.credits_used(public.content_summaries),
public.credit_transaction_id(public.content_summaries),
public.is_refunded(public.content_summaries)
to authenticated, service_role;

create trigger video_concepts_set_updated_at before update on public.video_concepts
for each row execute function private.set_updated_at();
create trigger web_research_queries_set_updated_at before update on public.web_research_queries
for each row execute function private.set_updated_at();
create trigger content_summaries_set_updated_at before update on public.content_summaries
for each row execute function private.set_updated_at();

alter table public.video_concepts enable row level security;
alter table public.web_research_queries enable row level security;
alter table public.content_summaries enable row level security;

create policy video_concepts_select_owner on public.video_concepts
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
      select true from public.generation_jobs as jobs where jobs.id = video_concepts.job_id
    )
  )
);
create policy video_concepts_insert_owner on public.video_concepts
for insert to authenticated with check (
  user_id = (select auth.uid())
  and (
    project_id is null or project_id in (
      select projects.id from public.projects
      where projects.user_id = (select auth.uid()) and projects.deleted_at is null
    )
  )
);
create policy video_concepts_delete_owner on public.video_concepts
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
      select true from public.generation_jobs as jobs where jobs.id = video_concepts.job_id
    )
  )
);

create policy web_research_queries_select_owner on public.web_research_queries
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
      select true from public.generation_jobs as jobs where jobs.id = web_research_queries.job_id
    )
  )
);
create policy web_research_queries_delete_owner on public.web_research_queries
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
      select true from public.generation_jobs as jobs where jobs.id = web_research_queries.job_id
    )
  )
);

create policy content_summaries_select_owner on public.content_summaries
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
      select true from public.generation_jobs as jobs where jobs.id = content_summaries.job_id
    )
  )
);
create policy content_summaries_delete_owner on public.content_summaries
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
      select true from public.generation_jobs as jobs where jobs.id = content_summaries.job_id
    )
  )
);

revoke all on public.video_concepts, public.web_research_queries, public.content_summaries
from public, anon, authenticated, service_role;
grant select, delete
on public.video_concepts, public.web_research_queries, public.content_summaries
to authenticated;
grant insert (project_id, prompt, web_info, title, concept, tone, goal)
on public.video_concepts to authenticated;
grant select, insert, update, delete
on public.video_concepts, public.web_research_queries, public.content_summaries
to service_role;
