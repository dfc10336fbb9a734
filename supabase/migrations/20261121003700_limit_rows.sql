-- How many rows a user may have in each table that users write: subscription_plans.max_rows.
--
-- One trigger function for all of them, after the statement, whatever the number of rows it
-- inserted; rows that were deleted but not yet purged count. private.row_limits says what is
-- counted where. What a user cannot pile up needs no limit: one feedback a job, inputs of a job
-- within its model's limits, six reference images a character. Jobs are limited by accept_job,
-- what was never queued here, cancelled or not.
--
-- Rows are bounded in size by the tables' own checks, in bytes, so that the product of both is a
-- bound on bytes. At worst, every row as large as it can be, a free account (max_rows 500) fills
-- 454 MB: the activity log of 90 days 82, video_segments 42, conversations 37, campaigns 31,
-- performance_metrics 29, drafts 25, storyboards 25, video_concepts 25, and eleven more tables 158;
-- PostgreSQL adds some five per cent. A test adds it up anew. Not in it is what is bounded by the
-- day: a job takes up to 50 kB and its prompt 33 kB, and there may be max_jobs_per_day of them.
--
-- Who closed the account adds nothing: refused here, by price_job, share_project, log_activity and
-- for uploads. What is there its owner may still edit or delete, for as long as a token lasts.
--
-- The lock is an advisory one, taken last: it makes a user's statements count one another without
-- having a place in the order of row locks.

create table private.row_limits (
  table_name text primary key,
  counted text not null default 'true',
  factor integer not null default 1,
  constraint row_limits_factor_is_positive check (factor > 0)
);
comment on table private.row_limits is 'What of which table counts against a plan''s max_rows.';
comment on column private.row_limits.counted is
'Condition, in SQL, on the rows that count; an index holds few others, so that counting does not '
'walk what a user''s years have left. Written by migrations alone.';
comment on column private.row_limits.factor is 'How many times max_rows the table may hold.';
alter table private.row_limits enable row level security;
revoke all on private.row_limits from public, anon, authenticated, service_role;

insert into private.row_limits (table_name, counted, factor) values
('prompt_templates', 'true', 1),
('projects', 'true', 1),
('brand_guidelines', 'true', 1),
('campaigns', 'true', 1),
('storyboard_sequences', 'true', 1),
('generation_jobs', 'queued_at is null', 1),
('assets', 'bucket in (''raw-videos'', ''reference-images'')', 1),
('user_prompts', 'job_id is null', 1),
('conversations', 'true', 2),
('video_concepts', 'true', 1),
('video_segmentations', 'true', 1),
('video_segments', 'true', 10),
('characters', 'true', 1),
('style_presets', 'true', 1),
('tool_configurations', 'true', 1),
('tool_preset_chains', 'true', 1),
('platform_configurations', 'true', 1),
('performance_metrics', 'true', 2);

create function private.count_rows(p_table text, p_user_id uuid, p_at_most bigint)
returns bigint
language plpgsql
stable
set search_path = ''
as $$
declare
  v_count bigint;
begin
  execute format(
    'select count(*) from (select from public.%I where user_id = $1 and (%s) limit $2) as counted',
    p_table, (select counted from private.row_limits where table_name = p_table)
  ) into v_count using p_user_id, p_at_most;
  return v_count;
end;
$$;
comment on function private.count_rows is
'A user''s rows that count in a table, hidden ones too; counting stops at p_at_most.';

create function private.hold_row_limit(p_table text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_user_id uuid := (select auth.uid());
  v_limit bigint;
begin
  perform pg_advisory_xact_lock(hashtextextended('limit_rows ' || v_user_id, 0));
  select plans.max_rows * row_limits.factor into v_limit
  from public.profiles
  inner join public.subscription_plans as plans on plans.tier = profiles.subscription_tier
  cross join private.row_limits
  where profiles.user_id = v_user_id and profiles.deleted_at is null
    and row_limits.table_name = p_table;
  if not found then
    raise exception 'The account is closed.' using errcode = 'PT403', hint = 'account_closed';
  elsif private.count_rows(p_table, v_user_id, v_limit + 1) > v_limit then
    raise exception 'Your plan allows % rows in %.', v_limit, p_table
      using errcode = 'PT429', hint = 'row_limit_reached',
        detail = json_build_object('table', p_table, 'limit', v_limit)::text;
  end if;
end;
$$;
comment on function private.hold_row_limit is
'Holds a plan''s max_rows against the caller, who may not have a closed account either. Raises '
'PT429 row_limit_reached (detail: table, limit), PT403 account_closed.';

create function private.limit_rows()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.hold_row_limit(tg_table_name);
  return null;
end;
$$;
comment on function private.limit_rows() is
'Trigger: holds a plan''s max_rows against clients. Definer: counts rows that the caller does not '
'see. Raises what private.hold_row_limit does.';
revoke execute on function private.count_rows, private.hold_row_limit, private.limit_rows()
from public;

create function private.limit_loose_prompts()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if current_setting('role', true) = 'authenticated' then
    perform private.hold_row_limit('user_prompts');
  end if;
  return null;
end;
$$;
comment on function private.limit_loose_prompts() is
'Trigger: as private.limit_rows, for prompts that led to no job.';
revoke execute on function private.limit_loose_prompts() from public;

-- Only clients: what the services write is paid for.
do $$
declare
  v_table text;
begin
  for v_table in select table_name from private.row_limits where counted = 'true' loop
    execute format(
      'create trigger %I after insert on public.%I for each statement'
      ' when (current_user = ''authenticated'') execute function private.limit_rows()',
      v_table || '_limit_rows', v_table
    );
  end loop;
end;
$$;

-- Where not every row counts, the others pass by: submitting a job asks nothing here. Of drafts
-- accept_job takes care; like it this asks the session's role in the function, since the text of a
-- trigger's `when` is parsed anew for each statement.
create trigger user_prompts_limit_rows after insert on public.user_prompts
for each row when (new.job_id is null)
execute function private.limit_loose_prompts();
create trigger assets_limit_rows after insert on public.assets
for each statement when (current_user = 'authenticated')
execute function private.limit_rows();

-- ---------------------------------------------------------------------------------------------
-- How far the limits are
-- ---------------------------------------------------------------------------------------------

create type public.limit_use as (resource text, used bigint, allowed bigint);
comment on type public.limit_use is 'How much of a limit is used.';
comment on column public.limit_use.allowed is 'Null: as much as you like.';

create function private.own_limits()
returns setof public.limit_use
language sql
stable
security definer
set search_path = ''
as $$
  with plan as (
    select plans.*
    from public.profiles
    inner join public.subscription_plans as plans on plans.tier = profiles.subscription_tier
    where profiles.user_id = (select auth.uid())
  )
  select
    'active_jobs',
    (
      select count(*) from public.generation_jobs
      where user_id = (select auth.uid()) and finished_at is null and status <> 'pending'
    ),
    plan.max_active_jobs
  from plan
  union all
  select
    'jobs_per_day',
    (
      select count(*) from public.generation_jobs
      where user_id = (select auth.uid()) and queued_at > private.now() - interval '24 hours'
    ),
    plan.max_jobs_per_day
  from plan
  union all
  select
    'storage_bytes',
    (
      select coalesce(sum((objects.metadata ->> 'size')::bigint), 0)::bigint
      from storage.objects
      where objects.bucket_id in ('raw-videos', 'reference-images')
        and objects.name collate "C" >= (select auth.uid()) || '/'
        and objects.name collate "C" < (select auth.uid()) || '0'
    ),
    plan.max_storage_bytes
  from plan
  union all
  select
    row_limits.table_name,
    private.count_rows(
      row_limits.table_name, (select auth.uid()), plan.max_rows * row_limits.factor::bigint
    ),
    plan.max_rows * row_limits.factor::bigint
  from plan
  cross join private.row_limits;
$$;
comment on function private.own_limits() is
'The caller''s limits and how much of each is used. Definer: reads the plan, files, hidden rows.';
revoke execute on function private.own_limits from public;
grant execute on function private.own_limits to authenticated;

create function public.my_limits()
returns setof public.limit_use
language sql
stable
set search_path = ''
begin atomic
  select private.own_limits();
end;
comment on function public.my_limits() is
'What your plan allows and how much of it you use: active_jobs, jobs_per_day, storage_bytes, and '
'rows by table.';
revoke execute on function public.my_limits from public;
grant execute on function public.my_limits to authenticated;
