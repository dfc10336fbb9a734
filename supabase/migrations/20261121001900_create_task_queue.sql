-- The queue: one small row for each job that is waiting or running, gone when the job ends.
--
-- A task is at one of five places:
--   blocked   it waits for other jobs to end (chain_jobs)
--   held      its user has as many in line and running as the plan allows (admit_tasks)
--   in line   ready_at is set: a dispatcher may claim it
--   parked    due_at is set: the provider works on it, or another attempt is due then
--   leased    a dispatcher has it
-- Only what is in line stands in the index that a claim reads, in the order in which it reads, so
-- that a claim costs the same however much waits, is parked, or has ended.
--
-- A dispatcher claims tasks under a lease, a token that it makes up itself, and extends it while it
-- works. One that dies stops extending, and the task is taken over. worker.attempts keeps what was
-- tried, for good.

create domain worker.provider_state as jsonb
constraint provider_state_is_a_small_object check (private.is_small_object(value, 4096));
comment on domain worker.provider_state is
'What a provider''s module wants to be reminded of when a job is looked up or cancelled.';

create table worker.tasks (
  job_id uuid primary key references public.generation_jobs (id) on delete cascade,
  user_id uuid not null,
  provider text not null,
  kind public.generation_kind not null,
  step worker.task_step not null default 'submit',
  priority smallint not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  is_admitted boolean not null default false,
  waits_for smallint not null default 0,
  ready_at timestamptz,
  due_at timestamptz,
  deadline_at timestamptz not null,
  tries smallint not null default 0,
  failures smallint not null default 0,
  provider_job_id text,
  provider_state worker.provider_state,
  is_woken boolean not null default false,
  is_uncertain boolean not null default false,
  lease uuid,
  worker text,
  lease_expires_at timestamptz,
  constraint tasks_are_at_one_place check (
    num_nonnulls(ready_at, due_at, lease) = is_admitted::integer
  )
)
with (
  fillfactor = 60, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_cost_delay = 0
);
comment on table worker.tasks is 'What there is to do now: one row a job that has not ended.';
comment on column worker.tasks.priority is
'The job''s, 0 to 100, ten seconds'' start in line for each point; 0 for one that had to be held, '
'since the start is for few jobs, not for many; 101 once it was begun, which comes first.';
comment on column worker.tasks.is_admitted is
'Whether it counts among those that its user may have in line and running at once.';
comment on column worker.tasks.waits_for is 'Jobs that have to end well before it gets in line.';
comment on column worker.tasks.ready_at is
'In line since then, by the machine''s clock; null: not in line.';
comment on column worker.tasks.due_at is 'Parked until then.';
comment on column worker.tasks.deadline_at is 'If it has not ended by then, it expires.';
comment on column worker.tasks.tries is 'Claims at step submit: the number of its last attempt.';
comment on column worker.tasks.failures is
'Look-ups in a row that failed or whose dispatcher vanished, since its provider has it.';
comment on column worker.tasks.provider_job_id is 'By which a webhook finds it.';
comment on column worker.tasks.provider_state is
'Told together with provider_job_id; null: nothing.';
comment on column worker.tasks.is_woken is 'A webhook came while it was leased: do not park it.';
comment on column worker.tasks.is_uncertain is
'An answer was lost: the provider may have the job, and must be asked before it is submitted.';
comment on column worker.tasks.lease is 'Token of the dispatcher that has it; null: nobody.';
comment on column worker.tasks.worker is 'Name of that dispatcher, for people.';

-- What a claim reads: of one lane (provider, kind, priority) those that are in line, oldest first.
create index tasks_line_idx on worker.tasks (provider, kind, priority, ready_at)
where ready_at is not null;
create index tasks_due_at_idx on worker.tasks (due_at) where due_at is not null;
-- How many a user has admitted, and which is the next of those that are held.
create index tasks_user_id_idx
on worker.tasks (user_id, is_admitted, priority desc, created_at) where waits_for = 0;
create index tasks_deadline_at_idx on worker.tasks (deadline_at);
-- What runs: leased, or at its provider.
create index tasks_running_idx on worker.tasks (provider)
where lease is not null or step <> 'submit';
create index tasks_provider_job_id_idx on worker.tasks (provider, provider_job_id)
where provider_job_id is not null;

-- Where a claim begins to read a lane. An entry of the index that was claimed is dead, but while
-- somebody's long transaction could still see it, it cannot be removed, and each claim would step
-- over all of them. worker.tend_queue moves these marks on; they only ever are a hint.
create table worker.lanes (
  provider text not null,
  kind public.generation_kind not null,
  priority smallint not null,
  oldest_at timestamptz not null default '-infinity',
  primary key (provider, kind, priority)
)
with (fillfactor = 50);
comment on table worker.lanes is 'The lines that there are: by provider, kind and priority.';
comment on column worker.lanes.oldest_at is
'Nothing in line is older, but for what a late commit left behind.';

create table worker.attempts (
  job_id uuid not null references public.generation_jobs (id) on delete cascade,
  attempt smallint not null,
  lease uuid,
  worker text not null,
  provider text not null,
  provider_job_id text,
  outcome text not null default 'running',
  error_class worker.error_class,
  error_code text,
  error_message text,
  latency_ms integer,
  units numeric(14, 4),
  cost_usd numeric(14, 6),
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  primary key (job_id, attempt),
  constraint attempts_outcome_is_known check (
    outcome in ('running', 'succeeded', 'failed', 'cancelled', 'lost', 'unknown', 'handed_back')
  ),
  constraint attempts_measures_are_not_negative check (
    latency_ms >= 0 and units >= 0 and units <> 'NaN' and cost_usd >= 0 and cost_usd <> 'NaN'
  )
)
with (fillfactor = 80);
comment on table worker.attempts is
'Every attempt at a job, written down before its provider is called.';
comment on column worker.attempts.lease is
'Under which it was last worked on; null: that dispatcher vanished, and the lease is void.';
comment on column worker.attempts.outcome is
'cancelled: the job ended over its head. lost: its dispatcher vanished. unknown: the provider''s '
'answer was lost. handed_back: its dispatcher stopped in good order.';
comment on column worker.attempts.latency_ms is 'How long the provider took to answer.';
comment on column worker.attempts.units is 'What the provider bills by: seconds, outputs, tokens.';
comment on column worker.attempts.cost_usd is 'What it cost us; null: not known.';

-- By which a webhook is seen to be about work that is over.
create index attempts_provider_job_id_idx on worker.attempts (provider, provider_job_id)
where provider_job_id is not null;

create table worker.claims (
  lease uuid primary key,
  worker text not null,
  tasks integer not null,
  claimed_at timestamptz not null default clock_timestamp()
);
comment on table worker.claims is
'Tokens that were used. A claim that a proxy delivers once more, or late, finds its own here.';

create index claims_claimed_at_idx on worker.claims (claimed_at);

alter table private.settings
add column look_up_failures smallint not null default 10
constraint settings_look_up_failures_are_positive check (look_up_failures > 0);
comment on column private.settings.look_up_failures is
'After how many failed look-ups in a row a job that its provider has is given up. More than '
'attempts at submitting: the work goes on meanwhile, and is paid for.';

create table private.kind_deadlines (
  kind public.generation_kind primary key,
  lasts interval not null,
  constraint kind_deadlines_are_positive check (lasts > interval '0')
);
comment on table private.kind_deadlines is
'How long a job of a kind may take from being queued until it expires, waiting included.';

insert into private.kind_deadlines (kind, lasts)
select
  kinds.kind,
  case
    when kinds.kind in ('concept', 'web_research', 'content_summary', 'video_segmentation')
      then interval '24 hours'
    else interval '48 hours'
  end as lasts
from unnest(enum_range(null::public.generation_kind)) as kinds (kind);

alter table worker.tasks enable row level security;
alter table worker.lanes enable row level security;
alter table worker.attempts enable row level security;
alter table worker.claims enable row level security;
alter table private.kind_deadlines enable row level security;
revoke all on worker.tasks, worker.lanes, worker.attempts, worker.claims, private.kind_deadlines
from public, anon, authenticated, service_role;
-- Written by functions alone: a job whose task somebody deletes would wait for ever.
grant select on worker.tasks, worker.lanes, worker.attempts, worker.claims to service_role;
