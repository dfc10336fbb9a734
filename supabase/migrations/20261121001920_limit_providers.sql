-- What all dispatchers together may ask of a provider, and when to leave it alone.
--
-- A provider may have a limit of jobs at once and of jobs begun a minute. One that fails several
-- times in a row is paused: nothing of it is claimed, so no job spends its attempts on a provider
-- that is down. After the pause one task at a time is let through; the first success ends it all,
-- another failure doubles the pause. Operators may pause and drain providers by hand.
--
-- Locks: the provider's row comes first in a claim, which then waits for nothing, and last
-- everywhere else.

alter table private.settings
add column breaker_failures smallint not null default 5
constraint settings_breaker_failures_are_positive check (breaker_failures > 0),
add column breaker_pause interval not null default interval '10 seconds',
add column breaker_pause_limit interval not null default interval '5 minutes'
constraint settings_breaker_pauses_are_in_order check (
  breaker_pause > interval '0' and breaker_pause_limit >= breaker_pause
);
comment on column private.settings.breaker_failures is
'After how many failures in a row a provider is paused.';
comment on column private.settings.breaker_pause is
'How long at first; doubles with each failure that follows.';
comment on column private.settings.breaker_pause_limit is
'How long at most, and at once when the installation is at fault (a wrong key).';

create table worker.providers (
  name text primary key,
  max_running integer,
  starts_per_minute integer,
  tokens numeric not null default 0,
  tokens_at timestamptz not null default '-infinity',
  failures integer not null default 0,
  failed_at timestamptz,
  paused_until timestamptz,
  pause_reason text,
  is_drained boolean not null default false,
  constraint providers_name_is_short check (char_length(name) between 1 and 100),
  constraint providers_limits_are_positive check (max_running > 0 and starts_per_minute > 0),
  constraint providers_counts_are_numbers check (failures >= 0 and tokens <> 'NaN'),
  constraint providers_pause_has_a_reason check (paused_until is null or pause_reason is not null)
)
with (fillfactor = 50);
comment on table worker.providers is
'Limits and health of providers. One without a row has no limits and is well.';
comment on column worker.providers.max_running is
'Jobs at once, of all dispatchers; null: no limit.';
comment on column worker.providers.starts_per_minute is 'Jobs begun a minute; null: no limit.';
comment on column worker.providers.tokens is
'How many may begin at once, as of tokens_at; fills up at the rate, to ten seconds'' worth.';
comment on column worker.providers.failures is 'In a row; a success makes it 0.';
comment on column worker.providers.paused_until is
'Nothing of it is claimed until then; afterwards one task at a time, until one succeeds.';
comment on column worker.providers.is_drained is
'By an operator: begin nothing new; what was begun goes on.';

create function private.room_at_provider(
  p_provider text, p_limit integer, out any_step integer, out starts integer
)
language plpgsql
set search_path = ''
as $$
declare
  v_provider worker.providers;
  v_running bigint;
begin
  any_step := p_limit;
  starts := p_limit;
  select * into v_provider from worker.providers where name = p_provider;
  if not found then
    return;
  elsif v_provider.paused_until > private.now() then
    any_step := 0;
    starts := 0;
    return;
  elsif v_provider.is_drained then
    starts := 0;
  end if;
  if v_provider.paused_until is null and v_provider.max_running is null
    and v_provider.starts_per_minute is null
  then
    return;
  end if;

  -- From here on one claim after another, each seeing what the one before took.
  select * into v_provider from worker.providers where name = p_provider for no key update;
  if v_provider.paused_until is not null then
    any_step := case
      when v_provider.paused_until > private.now() or exists (
        select from worker.tasks where provider = p_provider and lease is not null
      ) then 0
      else 1
    end;
    any_step := least(any_step, p_limit);
    starts := least(starts, any_step);
  end if;
  if v_provider.max_running is not null then
    select count(*) into v_running from worker.tasks
    where provider = p_provider and (lease is not null or step <> 'submit');
    starts := greatest(0, least(starts, v_provider.max_running - v_running));
  end if;
  if v_provider.starts_per_minute is not null then
    starts := least(starts, floor(private.tokens_of(v_provider)));
  end if;
end;
$$;
comment on function private.room_at_provider is
'How many tasks of a provider may be claimed now, and how many of them may be begun. Where there '
'are limits its row is locked until the transaction ends.';

create function private.tokens_of(p_provider worker.providers)
returns numeric
language sql
stable
set search_path = ''
return least(
  greatest(1, p_provider.starts_per_minute / 6.0),
  p_provider.tokens + p_provider.starts_per_minute / 60.0 * greatest(0, extract(
    epoch from private.now() - greatest(p_provider.tokens_at, private.now() - interval '1 hour')
  ))
);
comment on function private.tokens_of is 'A provider''s tokens as of now.';

create function private.spend_starts(p_providers text[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  if exists (
    select from worker.providers where name = any(p_providers) and starts_per_minute is not null
  ) then
    update worker.providers
    set tokens = private.tokens_of(providers) - spent.starts, tokens_at = private.now()
    from (
      select begun.name, count(*) as starts from unnest(p_providers) as begun (name) group by begun.name
    ) as spent
    where providers.name = spent.name and providers.starts_per_minute is not null;
  end if;
end;
$$;
comment on function private.spend_starts is
'Counts jobs that were begun, each named by its provider, against the providers'' rates. The '
'caller has locked their rows.';

create function private.note_failure(
  p_provider text, p_class worker.error_class, p_retry_after interval
)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_settings private.settings;
  v_provider worker.providers;
  v_failures integer;
  v_pause interval;
begin
  if p_class = 'permanent' then
    return false;
  end if;
  select * into v_settings from private.settings;
  insert into worker.providers (name) values (p_provider) on conflict do nothing;
  select * into v_provider from worker.providers where name = p_provider for no key update;
  v_failures := v_provider.failures + 1;
  if p_class = 'configuration' then
    v_pause := v_settings.breaker_pause_limit;
  elsif p_class = 'throttled' and p_retry_after is not null then
    v_pause := least(p_retry_after, v_settings.breaker_pause_limit);
  elsif v_failures >= v_settings.breaker_failures then
    v_pause := least(
      v_settings.breaker_pause * 2 ^ least(v_failures - v_settings.breaker_failures, 20),
      v_settings.breaker_pause_limit
    );
  end if;
  update worker.providers
  set failures = v_failures,
      failed_at = private.now(),
      paused_until = greatest(paused_until, private.now() + v_pause),
      pause_reason = coalesce(
        case when paused_until = 'infinity' then pause_reason end,
        case when v_pause is not null then p_class::text end, pause_reason
      )
  where name = p_provider;
  -- Not the job's fault: the provider wants to be left alone, or was known to be ill.
  return p_class in ('throttled', 'configuration') or v_failures >= v_settings.breaker_failures;
end;
$$;
comment on function private.note_failure is
'Notes that a provider failed, and pauses it if that is enough; returns whether the job is excused '
'and the attempt does not count. Locks the provider''s row, last.';

create function private.note_successes(p_providers text[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  if exists (select from worker.providers where name = any(p_providers) and failures > 0) then
    update worker.providers
    set failures = 0,
        paused_until = case when paused_until = 'infinity' then paused_until end,
        pause_reason = case when paused_until = 'infinity' then pause_reason end
    from (
      select ill.name from worker.providers as ill
      where ill.name = any(p_providers) and ill.failures > 0
      order by ill.name
      for no key update
    ) as well
    where providers.name = well.name;
  end if;
end;
$$;
comment on function private.note_successes is
'Notes that providers work: their pauses end, but for an operator''s. Locks their rows, last.';

revoke execute on function
private.room_at_provider, private.tokens_of, private.spend_starts, private.note_failure,
private.note_successes
from public;

-- ---------------------------------------------------------------------------------------------
-- By hand
-- ---------------------------------------------------------------------------------------------

create function worker.limit_provider(
  p_provider text, p_max_running integer, p_starts_per_minute integer
)
returns worker.providers
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_provider worker.providers;
begin
  insert into worker.providers (name, max_running, starts_per_minute)
  values (p_provider, p_max_running, p_starts_per_minute)
  on conflict (name) do update
  set max_running = excluded.max_running, starts_per_minute = excluded.starts_per_minute
  returning * into v_provider;
  perform pg_catalog.pg_notify('reelbase_tasks', p_provider);
  return v_provider;
end;
$$;
comment on function worker.limit_provider is
'Sets how many jobs of a provider run at once and begin a minute, over all dispatchers; null: no '
'limit.';

create function worker.pause_provider(
  p_provider text, p_reason text, p_until timestamptz default 'infinity'
)
returns worker.providers
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_provider worker.providers;
begin
  insert into worker.providers (name, paused_until, pause_reason)
  values (p_provider, p_until, coalesce(p_reason, 'by hand'))
  on conflict (name) do update
  set paused_until = excluded.paused_until, pause_reason = excluded.pause_reason
  returning * into v_provider;
  return v_provider;
end;
$$;
comment on function worker.pause_provider is
'Claims nothing of a provider until then, or until resume_provider. What its jobs do at the '
'provider goes on, but nobody looks.';

create function worker.resume_provider(p_provider text)
returns worker.providers
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_provider worker.providers;
begin
  update worker.providers set paused_until = null, pause_reason = null, failures = 0
  where name = p_provider
  returning * into v_provider;
  if not found then
    raise exception 'There is nothing to resume: provider % was never paused.', p_provider
      using errcode = 'PT404', hint = 'provider_not_found';
  end if;
  perform pg_catalog.pg_notify('reelbase_tasks', p_provider);
  return v_provider;
end;
$$;
comment on function worker.resume_provider is
'Ends a pause, an operator''s or the circuit breaker''s. Raises PT404 provider_not_found.';

create function worker.drain_provider(p_provider text, p_is_drained boolean default true)
returns worker.providers
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_provider worker.providers;
begin
  insert into worker.providers (name, is_drained) values (p_provider, p_is_drained)
  on conflict (name) do update set is_drained = excluded.is_drained
  returning * into v_provider;
  perform pg_catalog.pg_notify('reelbase_tasks', p_provider);
  return v_provider;
end;
$$;
comment on function worker.drain_provider is
'Begins nothing new of a provider (true), or does again (false). What was begun goes on.';

alter table worker.providers enable row level security;
revoke all on worker.providers from public, anon, authenticated, service_role;
grant select on worker.providers to service_role;
