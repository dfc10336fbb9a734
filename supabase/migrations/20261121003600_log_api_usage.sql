-- What the providers cost: one row a call that was made to one, whether it went well or not.
--
-- Written by worker.log_api_usage, never changed. A user who is deleted takes the link to the job
-- along; the cost stays, until worker.housekeep removes what is older than the settings say.

alter table private.settings
add column usage_retention interval not null default interval '400 days'
constraint settings_usage_retention_is_positive check (usage_retention > interval '0');
comment on column private.settings.usage_retention is
'How long the record of calls to providers is kept.';

create table worker.api_usage_logs (
  call_id uuid primary key default gen_random_uuid(),
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
comment on column worker.api_usage_logs.call_id is
'Made up by whoever made the call, so that one told twice is written once.';
comment on column worker.api_usage_logs.model is 'The provider''s own name of the model.';
comment on column worker.api_usage_logs.operation is
'What was asked for: submit, look_up, recover, cancel, fetch, ...';
comment on column worker.api_usage_logs.request_id is 'The provider''s own id of the call.';
comment on column worker.api_usage_logs.units is
'What the provider bills by: seconds, outputs, tokens.';
comment on column worker.api_usage_logs.cost_usd is
'What the call cost us: as the provider says, else by worker.provider_rates; null: not known.';
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

-- Whoever writes a record down must not be kept from it by one odd value. So each value is taken
-- for what it is, or else for nothing.

create function private.uuid_or_null(p_value jsonb)
returns uuid
language sql
immutable
set search_path = ''
return case
  when p_value #>> '{}' ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    then (p_value #>> '{}')::uuid
end;
comment on function private.uuid_or_null is 'A value as a UUID, if it is one.';

create function private.measure_or_null(p_value jsonb, p_limit numeric)
returns numeric
language sql
immutable
set search_path = ''
return case
  when jsonb_typeof(p_value) = 'number' and p_value::numeric >= 0
    then least(p_value::numeric, p_limit)
end;
comment on function private.measure_or_null is
'A value as a number that is not negative and no greater than the limit, if it is a number.';

create function private.time_or_null(p_value jsonb)
returns timestamptz
language plpgsql
stable
set search_path = ''
as $$
declare
  v_time timestamptz;
begin
  if p_value #>> '{}' ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]{5,15}(Z|[+-][0-9:]{2,6})$' then
    v_time := (p_value #>> '{}')::timestamptz;
  end if;
  return v_time;
exception when data_exception then
  return null;
end;
$$;
comment on function private.time_or_null is
'A value as a time, if it is one as ISO 8601 has it, with its zone.';

create function worker.log_api_usage(p_calls jsonb)
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_jobs uuid[];
  v_count integer;
begin
  if jsonb_typeof(p_calls) is distinct from 'array' then
    raise exception 'p_calls: must be an array.' using errcode = 'PT400', hint = 'invalid_calls';
  end if;
  -- A job that is just being deleted is gone.
  v_jobs := array(
    select jobs.id from public.generation_jobs as jobs
    where jobs.id = any(array(
      select private.uuid_or_null(given.call -> 'job_id')
      from jsonb_array_elements(p_calls) as given (call)
    ))
    for key share skip locked
  );
  insert into worker.api_usage_logs (
    call_id, provider, model, operation, job_id, request_id, latency_ms, units, cost_usd,
    status_code, created_at
  )
  select
    calls.call_id, calls.provider, calls.model, calls.operation,
    case when calls.job_id = any(v_jobs) then calls.job_id end,
    calls.request_id, calls.latency_ms, calls.units,
    coalesce(
      calls.cost_usd,
      case
        when calls.units * rates.usd_per_unit is not null
          then least(round(calls.units * rates.usd_per_unit, 6), 99999999.999999)
      end
    ),
    calls.status_code,
    -- A clock that is wrong puts no call where nobody looks for it.
    case
      when calls.created_at between private.now() - interval '7 days' and private.now()
        then calls.created_at
      else private.now()
    end
  from (
    select
      private.uuid_or_null(given.call -> 'call_id') as call_id,
      nullif(left(given.call ->> 'provider', 50), '') as provider,
      left(given.call ->> 'model', 200) as model,
      nullif(left(given.call ->> 'operation', 100), '') as operation,
      private.uuid_or_null(given.call -> 'job_id') as job_id,
      left(given.call ->> 'request_id', 255) as request_id,
      round(private.measure_or_null(given.call -> 'latency_ms', 2147483647))::integer as latency_ms,
      round(private.measure_or_null(given.call -> 'units', 9999999999.9999), 4) as units,
      round(private.measure_or_null(given.call -> 'cost_usd', 99999999.999999), 6) as cost_usd,
      case
        when private.measure_or_null(given.call -> 'status_code', 1000) between 100 and 599
          then round(private.measure_or_null(given.call -> 'status_code', 599))::integer
      end as status_code,
      private.time_or_null(given.call -> 'at') as created_at
    from jsonb_array_elements(p_calls) as given (call)
    where jsonb_typeof(given.call) = 'object'
  ) as calls
  left join worker.provider_rates as rates
    on rates.provider = calls.provider and rates.provider_model = calls.model
    and calls.operation in ('submit', 'look_up', 'recover')
  where calls.call_id is not null and calls.provider is not null and calls.operation is not null
  order by calls.call_id
  on conflict (call_id) do nothing;
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
comment on function worker.log_api_usage is
'Writes calls to providers down: [{call_id, provider, operation, model, job_id, request_id, '
'latency_ms, units, cost_usd, status_code, at}]; one that was told before is not written again. '
'A value that makes no sense is left out, and a call without call_id, provider or operation. What '
'a call cost is worked out from its units where the provider does not say. Returns how many are '
'new. Raises PT400 invalid_calls.';

revoke execute on function
private.uuid_or_null, private.measure_or_null, private.time_or_null
from public;
revoke execute on function worker.log_api_usage from public;
grant execute on function worker.log_api_usage to service_role;

alter table worker.api_usage_logs enable row level security;

revoke all on worker.api_usage_logs, worker.provider_costs
from public, anon, authenticated, service_role;
grant select on worker.api_usage_logs, worker.provider_costs to service_role;
