-- The queue: one small row for each job that is waiting or running, gone when the job ends.
--
-- A dispatcher claims tasks under a lease, a token that it makes up itself. Until available_at the
-- task is its own; it extends that time while it works. A dispatcher that dies stops extending, and
-- the task is there for the next. worker.attempts keeps what was tried, for good.

create table worker.tasks (
  job_id uuid primary key references public.generation_jobs (id) on delete cascade,
  user_id uuid not null,
  provider text not null,
  kind public.generation_kind not null,
  step worker.task_step not null default 'submit',
  priority smallint not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  available_at timestamptz not null,
  lease uuid,
  worker text,
  constraint tasks_lease_names_its_worker check ((lease is null) = (worker is null))
)
with (
  fillfactor = 60, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_cost_delay = 0
);
comment on table worker.tasks is 'What there is to do now: one row a job that has not ended.';
comment on column worker.tasks.available_at is
'From then on it may be claimed: due time of one that waits, end of the lease of one that runs.';
comment on column worker.tasks.lease is 'Token of the dispatcher that has it; null: nobody.';
comment on column worker.tasks.worker is 'Name of that dispatcher, for people.';

create index tasks_claim_idx on worker.tasks (provider, priority desc, created_at);
create index tasks_lease_idx on worker.tasks (lease) where lease is not null;

create table worker.attempts (
  job_id uuid not null references public.generation_jobs (id) on delete cascade,
  attempt smallint not null,
  lease uuid not null,
  worker text not null,
  provider text not null,
  provider_job_id text,
  outcome text not null default 'running',
  error_code text,
  error_message text,
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  primary key (job_id, attempt),
  constraint attempts_outcome_is_known check (
    outcome in ('running', 'succeeded', 'failed', 'cancelled', 'lost', 'handed_back')
  )
);
comment on table worker.attempts is
'Every attempt at a job, written down before its provider is called.';
comment on column worker.attempts.outcome is
'cancelled: the job ended over its head. lost: its dispatcher vanished. handed_back: it stopped in '
'good order, and the attempt does not count.';

-- By which a repeated call finds what the first one did, and a used-up token is known.
create index attempts_lease_idx on worker.attempts (lease);

alter table worker.tasks enable row level security;
alter table worker.attempts enable row level security;
revoke all on worker.tasks, worker.attempts from public, anon, authenticated, service_role;
grant select, insert, update, delete on worker.tasks, worker.attempts to service_role;
