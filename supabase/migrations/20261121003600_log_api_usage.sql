-- What the providers cost: one row a call that was made to one, whether it went well or not.
--
-- Written by the services, never changed. A user who is deleted takes the link to the job along;
-- the cost stays.

create table worker.api_usage_logs (
  id bigint generated always as identity primary key,
  provider text not null,
  model text,
  operation text not null,
  job_id uuid references public.generation_jobs (id) on delete set null,
  request_id text,
  latency_ms integer,
  units numeric(14, 4),
  cost_usd numeric(14, 6),
  status_code integer,
  created_at timestamptz not null default now(),
  constraint api_usage_logs_texts_are_short check (
    char_length(provider) between 1 and 50 and char_length(model) <= 200
    and char_length(operation) between 1 and 100 and char_length(request_id) <= 255
  ),
  constraint api_usage_logs_latency_is_not_negative check (latency_ms >= 0),
  constraint api_usage_logs_units_are_not_negative check (units >= 0 and units <> 'NaN'),
  constraint api_usage_logs_cost_is_not_negative check (cost_usd >= 0 and cost_usd <> 'NaN'),
  constraint api_usage_logs_status_code_is_http check (status_code between 100 and 599)
);
comment on table worker.api_usage_logs is
'Calls to providers, with what each took and cost. Append-only.';
comment on column worker.api_usage_logs.model is 'The provider''s own name of the model.';
comment on column worker.api_usage_logs.operation is
'What was asked for: submit, look_up, cancel, fetch, ...';
comment on column worker.api_usage_logs.request_id is 'The provider''s own id of the call.';
comment on column worker.api_usage_logs.units is
'What the provider bills by: seconds, outputs, tokens.';
comment on column worker.api_usage_logs.cost_usd is 'What the call cost us; null: not known.';
comment on column worker.api_usage_logs.status_code is
'HTTP, or what HTTP would have said; null: no answer came.';

create index api_usage_logs_job_id_idx on worker.api_usage_logs (job_id)
where job_id is not null;
create index api_usage_logs_day_idx
on worker.api_usage_logs (((created_at at time zone 'UTC')::date), provider);

create view worker.provider_costs
with (security_invoker = true)
as
select
  logs.provider,
  logs.model,
  logs.operation,
  (logs.created_at at time zone 'UTC')::date as day,
  count(*) as calls,
  count(*) filter (where logs.status_code is null or logs.status_code >= 400) as failures,
  coalesce(sum(logs.units), 0) as units,
  coalesce(sum(logs.cost_usd), 0) as cost_usd,
  round(avg(logs.latency_ms), 1) as average_latency_ms
from worker.api_usage_logs as logs
group by logs.provider, logs.model, logs.operation, (logs.created_at at time zone 'UTC')::date;
comment on view worker.provider_costs is
'Calls, failures, units, cost and latency by provider, model, operation and day (UTC). Ask for '
'days: without any it reads the whole log.';
comment on column worker.provider_costs.failures is
'Calls without an answer, or with one that says so.';

alter table worker.api_usage_logs enable row level security;

revoke all on worker.api_usage_logs, worker.provider_costs
from public, anon, authenticated, service_role;
grant select, insert on worker.api_usage_logs to service_role;
grant select on worker.provider_costs to service_role;
