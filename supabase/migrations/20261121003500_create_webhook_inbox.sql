-- What providers tell us, written down before anything is done about it.
--
-- Whoever takes webhooks in verifies them, stores them here (worker.receive_webhooks) and answers;
-- only then are they acted on. What cannot be shown to come from a provider is not stored: whoever
-- sends much of that fills nothing. The same event delivered again meets the unique key and ends
-- there. What goes wrong is tried again at next_attempt_at, and what goes wrong too often is dead,
-- until an operator looks at it and lets it be tried again.
--
-- There are two sorts. Events of jobs say no more than that there is news: they wake the task, and
-- the dispatcher asks the provider (wake_by_webhooks). Events of payments are claimed and applied
-- one by one (act_on_webhooks).
--
-- Events go with the job or payment that they are about. worker.housekeep removes what was
-- processed or ignored once it is older than the settings say, which is longer than any provider
-- repeats itself.

alter table private.settings
add column webhook_retention interval not null default interval '30 days'
constraint settings_webhook_retention_outlasts_redelivery check (
  webhook_retention >= interval '7 days'
);
comment on column private.settings.webhook_retention is
'How long webhook events that are done with are kept; as long, a repeated one is known.';

create type worker.webhook_status as enum ('received', 'processed', 'ignored', 'failed', 'dead');
comment on type worker.webhook_status is
'received: stored, not acted on yet. processed: done. ignored: there was nothing to do. failed: to '
'be tried again. dead: tried too often, an operator must look.';

create table worker.webhook_events (
  id uuid primary key default gen_random_uuid(),
  provider text not null,
  event_id text not null,
  type text not null,
  subject text,
  is_of_payment boolean not null,
  headers json not null default '{}',
  payload json not null,
  status worker.webhook_status not null default 'received',
  attempts integer not null default 0,
  forgiven integer not null default 0,
  next_attempt_at timestamptz default now(),
  error text,
  job_id uuid references public.generation_jobs (id) on delete cascade,
  payment_id uuid references public.payments (id) on delete cascade,
  created_at timestamptz not null default now(),
  processed_at timestamptz,
  constraint webhook_events_provider_event_id_key unique (provider, event_id),
  constraint webhook_events_open_ones_are_due check (
    (status in ('received', 'failed')) = (next_attempt_at is not null)
  ),
  constraint webhook_events_done_has_a_time check (
    (status in ('processed', 'ignored')) = (processed_at is not null)
  ),
  constraint webhook_events_attempts_are_counted check (forgiven between 0 and attempts),
  constraint webhook_events_texts_are_short check (
    char_length(provider) between 1 and 50 and char_length(event_id) between 1 and 255
    and char_length(type) <= 255 and char_length(subject) between 1 and 255
    and char_length(error) <= 5000
  ),
  constraint webhook_events_headers_are_a_small_object check (
    json_typeof(headers) = 'object' and octet_length(headers::text) <= 16384
  ),
  constraint webhook_events_payload_is_bounded check (octet_length(payload::text) <= 4194304)
);
comment on table worker.webhook_events is
'The inbox: every genuine event that a provider delivered, once, and what became of it.';
comment on column worker.webhook_events.event_id is
'The provider''s own id of the event; unique a provider.';
comment on column worker.webhook_events.type is
'What the provider calls it; empty where it has no name.';
comment on column worker.webhook_events.subject is
'The provider''s own id of what it is about: a job or a payment; null: it does not say.';
comment on column worker.webhook_events.is_of_payment is
'Whether it comes from a provider of payments, and is to be claimed.';
comment on column worker.webhook_events.payload is
'As it was delivered, to the letter. Not jsonb: that writes 1e131071 out in 131072 digits, and a '
'stranger may send many.';
comment on column worker.webhook_events.headers is
'Those that matter: ids and times. No secrets.';
comment on column worker.webhook_events.attempts is
'How often it was acted on. Only grows: by it a late word of an attempt before is known.';
comment on column worker.webhook_events.forgiven is
'Attempts that do not count any more, since an operator had it tried again.';
comment on column worker.webhook_events.next_attempt_at is
'From then on it is to be acted on; null: not any more.';
comment on column worker.webhook_events.error is 'What went wrong last.';
comment on column worker.webhook_events.job_id is 'The job that it turned out to be about.';
comment on column worker.webhook_events.payment_id is 'The payment that it turned out to be about.';
comment on column worker.webhook_events.processed_at is 'When it was done with.';

create index webhook_events_due_idx on worker.webhook_events (is_of_payment, next_attempt_at)
where next_attempt_at is not null;
create index webhook_events_job_id_idx on worker.webhook_events (job_id) where job_id is not null;
create index webhook_events_payment_id_idx on worker.webhook_events (payment_id)
where payment_id is not null;
-- By which old ones are found, and the dead ones, newest first.
create index webhook_events_processed_at_idx on worker.webhook_events (processed_at)
where processed_at is not null;
create index webhook_events_dead_idx on worker.webhook_events (created_at desc)
where status = 'dead';

alter table worker.webhook_events enable row level security;

revoke all on worker.webhook_events from public, anon, authenticated, service_role;
-- Written by functions alone: what was delivered is not rewritten, and what was done about it is
-- not undone.
grant select on worker.webhook_events to service_role;
