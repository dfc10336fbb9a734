-- What happened on a user's account, from where: for the user to see, and for support.
--
-- Triggers write down sign-ups, logins, and projects that are made, shared or deleted; a front end
-- adds what it likes by log_activity. Address and browser come from the request that reached the
-- API, never from an argument, and only when the user made it: what a service or an operator does
-- is noted without them. A header that makes no sense is taken for none. Nobody edits an entry.
--
-- Whoever holds a session can write by log_activity, thieves too. So what the server saw is marked
-- (by_server), its words are refused to clients, and the two are bounded apart: a client may write
-- subscription_plans.max_rows entries in 24 hours, above which log_activity is refused; of the
-- server's there may be a fifth of that for each word, above which triggers write nothing. No noise
-- keeps the next login from being written down, no amount of sharing fills the disk, and nothing
-- that a user does fails because of the log. Calls that run at the same moment may pass the bound
-- together; no lock is worth preventing that. worker.housekeep removes entries once they are older
-- than the settings say.

alter table private.settings
add column address_header text not null default 'x-forwarded-for'
constraint settings_address_header_is_a_header_name check (address_header ~ '^[a-z0-9-]{1,64}$'),
add column activity_log_retention interval not null default interval '90 days'
constraint settings_activity_log_retention_is_positive check (
  activity_log_retention > interval '0'
);
comment on column private.settings.address_header is
'The request header, in lower case, whose last entry is the client''s address. It must be one that '
'the proxy in front of the API sets itself.';
comment on column private.settings.activity_log_retention is
'How long entries of the activity log are kept.';

create table public.user_activity_logs (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.profiles (user_id) on delete cascade,
  action text not null,
  by_server boolean not null,
  details jsonb not null default '{}',
  ip_address inet,
  user_agent text,
  created_at timestamptz not null default now(),
  constraint user_activity_logs_action_is_plain check (action ~ '^[a-z0-9_.:-]{1,100}$'),
  constraint user_activity_logs_details_are_a_small_object check (
    private.is_small_object(details, 1024)
  ),
  constraint user_activity_logs_user_agent_is_short check (octet_length(user_agent) <= 256),
  constraint user_activity_logs_servers_words_are_its_own check (
    by_server or action not in (
      'sign_up', 'login', 'project_create', 'project_share', 'project_delete'
    )
  )
);
comment on table public.user_activity_logs is
'What happened on the user''s account. Read by its owner; written by triggers and log_activity.';
comment on column public.user_activity_logs.action is
'sign_up, login, project_create, project_share, project_delete, which are the server''s, or a word '
'of the front end''s.';
comment on column public.user_activity_logs.by_server is
'Whether the server saw it happen; else a front end said so by log_activity.';
comment on column public.user_activity_logs.details is 'Object; more about it.';
comment on column public.user_activity_logs.ip_address is
'Where the request came from; null when nobody can tell, or when it was not the user''s own.';
comment on column public.user_activity_logs.user_agent is
'What the client calls itself, cut to 256 characters, those beyond ASCII replaced.';

create index user_activity_logs_user_id_created_at_idx
on public.user_activity_logs (user_id, created_at desc);
-- By which old entries are found.
create index user_activity_logs_created_at_idx on public.user_activity_logs (created_at);

create function private.parse_address(p_entries text)
returns inet
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_entry text := btrim(split_part(p_entries, ',', -1), E' \t');
begin
  -- Some proxies add the port: 192.0.2.1:4711, [2001:db8::1]:4711.
  v_entry := coalesce(
    substring(v_entry from '^([0-9.]+)(?::[0-9]+)?$'),
    substring(v_entry from '^\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?$'),
    substring(v_entry from '^([0-9A-Fa-f:.]+)$')
  );
  return v_entry::inet;
exception when data_exception then
  return null;
end;
$$;
comment on function private.parse_address is
'The last address in a list of them, as proxies write it into a header; null when it is none.';

create function private.write_activity(
  p_user_id uuid, p_action text, p_details jsonb, p_by_server boolean
)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_limit integer;
  v_headers jsonb;
  v_address text;
  v_agent text;
begin
  -- The foreign key would take the same lock, and wait for it: in a row that is being deleted with
  -- its user, which locks the profile first, for ever.
  select case when p_by_server then ceil(plans.max_rows / 5.0) else plans.max_rows end into v_limit
  from public.profiles
  inner join public.subscription_plans as plans on plans.tier = profiles.subscription_tier
  where profiles.user_id = p_user_id
  for key share of profiles skip locked;
  if not found then
    return null;
  elsif v_limit <= (
    select count(*) from (
      select from public.user_activity_logs
      where user_id = p_user_id and created_at > private.now() - interval '24 hours'
        and by_server = p_by_server and (action = p_action or not p_by_server)
      limit v_limit
    ) as recent
  ) then
    return v_limit;
  end if;

  if p_user_id = (select auth.uid()) then
    begin
      v_headers := nullif(current_setting('request.headers', true), '')::jsonb;
      v_address := v_headers ->> (select address_header from private.settings);
      v_agent := regexp_replace(
        private.clean_text(v_headers ->> 'user-agent', 256), '[^ -~]', '?', 'g'
      );
    exception when data_exception then
      v_address := null;
    end;
  end if;
  insert into public.user_activity_logs (
    user_id, action, by_server, details, ip_address, user_agent, created_at
  )
  values (
    p_user_id, p_action, p_by_server, p_details, private.parse_address(v_address), v_agent,
    private.now()
  );
  return null;
end;
$$;
comment on function private.write_activity is
'Writes an entry, unless the user is being deleted. Returns null, or the limit that left no room '
'for it. Address and browser are those of the request, if it is the user''s own. Called by the '
'definer functions below. Locks the profile (shared), without waiting.';

create function private.log_own_activity(p_action text, p_details jsonb)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_details jsonb := coalesce(p_details, '{}');
  v_limit integer;
begin
  if (p_action ~ '^[a-z0-9_.:-]{1,100}$') is not true then
    raise exception 'p_action: 1 to 100 small letters, digits and _ . : - are allowed.'
      using errcode = 'PT400', hint = 'invalid_action';
  elsif p_action in ('sign_up', 'login', 'project_create', 'project_share', 'project_delete') then
    raise exception 'p_action: % is a word of the server''s own.', p_action
      using errcode = 'PT400', hint = 'invalid_action';
  elsif not private.is_small_object(v_details, 1024) then
    raise exception 'p_details: must be an object of at most 1024 bytes, eight levels deep.'
      using errcode = 'PT400', hint = 'invalid_details';
  elsif not exists (
    select from public.profiles where user_id = (select auth.uid()) and deleted_at is null
  ) then
    raise exception 'The account is closed.' using errcode = 'PT403', hint = 'account_closed';
  end if;
  v_limit := private.write_activity((select auth.uid()), p_action, v_details, false);
  if v_limit is not null then
    raise exception 'Your plan allows % entries in 24 hours.', v_limit
      using errcode = 'PT429', hint = 'row_limit_reached',
        detail = json_build_object('table', 'user_activity_logs', 'limit', v_limit)::text;
  end if;
end;
$$;
comment on function private.log_own_activity is
'Writes an entry about the caller. Definer: nobody writes the log by hand. Identity from the '
'token. Raises PT400 invalid_action or invalid_details, PT403 account_closed, PT429 '
'row_limit_reached (detail: table, limit).';

create function public.log_activity(p_action text, p_details jsonb default '{}')
returns void
language sql
set search_path = ''
begin atomic
  select private.log_own_activity(p_action, p_details);
end;
comment on function public.log_activity is
'Writes down what you do, with the address and browser that the request came from. p_action: up to '
'100 small letters, digits and _ . : - , no word of the server''s own; p_details: an object of up '
'to 1024 bytes. Errors: 400 invalid_action or invalid_details, 403 account_closed, 429 '
'row_limit_reached.';

create function private.log_profile_activity()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.write_activity(
    new.user_id, case tg_op when 'INSERT' then 'sign_up' else 'login' end, '{}', true
  );
  return null;
end;
$$;
comment on function private.log_profile_activity() is
'Trigger: writes sign-ups and logins into the activity log. Definer: nobody writes it by hand.';

create function private.log_project_activity()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    perform private.write_activity(
      new.user_id, 'project_create', jsonb_build_object('project_id', new.id), true
    );
  elsif tg_op = 'DELETE' or (old.deleted_at is null and new.deleted_at is not null) then
    perform private.write_activity(
      old.user_id, 'project_delete', jsonb_build_object('project_id', old.id), true
    );
  else
    perform private.write_activity(
      new.user_id, 'project_share',
      jsonb_build_object(
        'project_id', new.id,
        'how', case when new.is_public and not old.is_public then 'public' else 'link' end
      ),
      true
    );
  end if;
  return null;
end;
$$;
comment on function private.log_project_activity() is
'Trigger: writes into the activity log that a project was made, deleted, or shown to others: by a '
'link, or to everybody. Definer: nobody writes it by hand.';

revoke execute on function
private.parse_address, private.write_activity, private.log_own_activity, public.log_activity,
private.log_profile_activity(), private.log_project_activity()
from public;
grant execute on function public.log_activity, private.log_own_activity to authenticated;

create trigger profiles_log_sign_up
after insert on public.profiles
for each row execute function private.log_profile_activity();
create trigger profiles_log_login
after update of last_login_at on public.profiles
for each row when (new.last_login_at > coalesce(old.last_login_at, '-infinity'))
execute function private.log_profile_activity();

create trigger projects_log_create
after insert on public.projects
for each row execute function private.log_project_activity();
create trigger projects_log_change
after update of deleted_at, share_token, is_public on public.projects
for each row when (
  (old.deleted_at is null and new.deleted_at is not null)
  or (new.share_token is not null and new.share_token is distinct from old.share_token)
  or (new.is_public and not old.is_public)
)
execute function private.log_project_activity();
-- What was hidden before it is removed was written down then.
create trigger projects_log_delete
after delete on public.projects
for each row when (old.deleted_at is null)
execute function private.log_project_activity();

alter table public.user_activity_logs enable row level security;

create policy user_activity_logs_select_owner on public.user_activity_logs
for select to authenticated using (user_id = (select auth.uid()));

revoke all on public.user_activity_logs from public, anon, authenticated, service_role;
grant select on public.user_activity_logs to authenticated, service_role;
