-- What providers tell us, written down before anything is done about it.
--
-- Whoever takes a webhook in stores it here and answers; only then is it acted on. The same event
-- delivered again meets the unique key and ends there. What goes wrong is tried again at
-- next_attempt_at, and what goes wrong too often is `dead`, until an operator looks at it and lets
-- it be tried again (`received`).
--
-- An event whose signature was wrong may be kept to be looked at. It claims no event_id, so that a
-- forger cannot take the place of an event to come, and it is `ignored` for ever: a constraint.
--
-- Events of a job or payment go when these go. worker.housekeep removes what was processed or
-- ignored once it is older than the settings say, which is longer than any provider repeats itself.

alter table private.settings
add column webhook_retention interval not null default interval '30 days'
constraint settings_webhook_retention_outlasts_redelivery check (
  webhook_retention >= interval '7 days'
);
comment on column private.settings.webhook_retention is
'How long webhook events that are done with are kept; as long, a repeated one is known.';

create type worker.webhook_status as enum ('received', 'processed', 'ignored', 'failed', 'dead');
comment on type worker.webhook_status is
'received: stored, not acted on yet. processed: done. ignored: there was nothing to do, or it was '
'not genuine. failed: to be tried again. dead: tried too often, an operator must look.';

create table worker.webhook_events (
  id uuid primary key default gen_random_uuid(),
  provider text not null,
  event_id text,
  type text not null,
  headers jsonb not null default '{}',
  payload json not null,
  signature_is_valid boolean not null,
  status worker.webhook_status not null default 'received',
  attempts smallint not null default 0,
  next_attempt_at timestamptz default now(),
  error text,
  job_id uuid references public.generation_jobs (id) on delete cascade,
  payment_id uuid references public.payments (id) on delete cascade,
  created_at timestamptz not null default now(),
  processed_at timestamptz,
  constraint webhook_events_provider_event_id_key unique (provider, event_id),
  constraint webhook_events_only_genuine_ones_claim_an_id check (
    signature_is_valid = (event_id is not null)
  ),
  constraint webhook_events_forged_ones_change_nothing check (
    signature_is_valid or (status = 'ignored' and job_id is null and payment_id is null)
  ),
  constraint webhook_events_open_ones_are_due check (
    (status in ('received', 'failed')) = (next_attempt_at is not null)
  ),
  constraint webhook_events_done_has_a_time check (
    (status in ('processed', 'ignored')) = (processed_at is not null)
  ),
  constraint webhook_events_attempts_are_counted check (attempts >= 0),
  constraint webhook_events_texts_are_short check (
    char_length(provider) between 1 and 50 and char_length(event_id) between 1 and 255
    and char_length(type) <= 255 and char_length(error) <= 5000
  ),
  constraint webhook_events_headers_are_a_small_object check (
    private.is_small_object(headers, 16384)
  ),
  constraint webhook_events_payload_is_bounded check (octet_length(payload::text) <= 4194304)
);
comment on table worker.webhook_events is
'The inbox: every event that a provider delivered, once, and what became of it.';
comment on column worker.webhook_events.event_id is
'The provider''s own id of the event; unique a provider. Null when the signature was wrong.';
comment on column worker.webhook_events.type is
'What the provider calls it; empty where it has no name.';
comment on column worker.webhook_events.payload is
'As it was delivered, to the letter. Not jsonb: that writes 1e131071 out in 131072 digits, and a '
'stranger may send many.';
comment on column worker.webhook_events.headers is
'Those that matter: ids and times. No secrets.';
comment on column worker.webhook_events.signature_is_valid is
'Whether it came from the provider, as found when it arrived.';
comment on column worker.webhook_events.attempts is 'How often it was acted on.';
comment on column worker.webhook_events.next_attempt_at is
'From then on it is to be acted on; null: not any more.';
comment on column worker.webhook_events.error is 'What went wrong last.';
comment on column worker.webhook_events.job_id is 'The job that it turned out to be about.';
comment on column worker.webhook_events.payment_id is 'The payment that it turned out to be about.';
comment on column worker.webhook_events.processed_at is 'When it was done with.';

create index webhook_events_due_idx on worker.webhook_events (next_attempt_at)
where status in ('received', 'failed');
create index webhook_events_job_id_idx on worker.webhook_events (job_id) where job_id is not null;
create index webhook_events_payment_id_idx on worker.webhook_events (payment_id)
where payment_id is not null;
-- By which old ones are found, and the dead ones, newest first.
create index webhook_events_processed_at_idx on worker.webhook_events (processed_at)
where status in ('processed', 'ignored');
create index webhook_events_dead_idx on worker.webhook_events (created_at desc)
where status = 'dead';

alter table worker.webhook_events enable row level security;

revoke all on worker.webhook_events from public, anon, authenticated, service_role;
-- What was delivered is not rewritten; only what became of it.
grant select, insert on worker.webhook_events to service_role;
grant update (status, attempts, next_attempt_at, error, job_id, payment_id, processed_at)
on worker.webhook_events to service_role;
