-- Roles, schemas and grants of an empty database, as the platform hands it out.
--
-- What passes here must pass on the platform, so a database starts with just what a project has
-- there: client roles that own nothing and are granted nothing by default, service roles that own
-- their schemas, and a role `postgres` that may do much but is no superuser. Runs as the cluster's
-- superuser `supabase_admin`, on an empty database; roles belong to the cluster, so that a second
-- database finds them. Works on PostgreSQL 15 and later. Passwords are set by the caller.

do $$
declare
  v_role text;
begin
  foreach v_role in array array[
    'anon', 'authenticated', 'service_role', 'authenticator',
    'supabase_auth_admin', 'supabase_storage_admin', 'postgres'
  ] loop
    if to_regrole(v_role) is null then
      execute format('create role %I', v_role);
    end if;
  end loop;
end
$$;

-- What a request may become. The API's server impersonates them; nobody logs in as one.
alter role anon nologin;
alter role authenticated nologin;
alter role service_role nologin bypassrls;

-- Who logs in. The two servers that impersonate have none of the client roles' rights by
-- themselves (noinherit): what forgets to change its role can do nothing. `noinherit` stands
-- before the memberships, for since PostgreSQL 16 each membership copies it when it is granted.
alter role authenticator login noinherit;
alter role supabase_auth_admin login noinherit;
alter role supabase_storage_admin login noinherit;
alter role postgres login createdb createrole replication bypassrls;

grant anon to authenticator;
grant authenticated to authenticator;
grant service_role to authenticator;
grant authenticator to supabase_storage_admin;

-- Migrations run as `postgres`. It may try out what a client sees (`set role authenticated`),
-- change the API's roles' settings (`alter role authenticator set …`, which takes the admin option
-- since PostgreSQL 16), and read statistics. On the platform an extension (supautils) lets it
-- write policies on storage.objects; here the membership does.
grant anon to postgres with admin option;
grant authenticated to postgres with admin option;
grant service_role to postgres with admin option;
grant authenticator to postgres with admin option;
grant supabase_storage_admin to postgres;
grant pg_monitor to postgres;
grant pg_read_all_data to postgres;
grant pg_signal_backend to postgres;

-- The platform's patience with statements and locks.
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';

alter role postgres set search_path = "$user", public, extensions;  -- noqa: RF05
alter role supabase_auth_admin set search_path = auth;
alter role supabase_auth_admin set idle_in_transaction_session_timeout = '60s';
alter role supabase_storage_admin set search_path = storage;

do $$
begin
  execute format('alter database %I owner to postgres', current_database());
  -- The database's owner keeps these through ownership; the services need them by name.
  execute format(
    'grant connect, temporary on database %I to postgres, authenticator, '
    'supabase_auth_admin, supabase_storage_admin',
    current_database()
  );
end
$$;

alter schema public owner to postgres;
revoke create on schema public from public;
grant usage on schema public to anon, authenticated, service_role;

create schema if not exists auth authorization supabase_auth_admin;
grant usage on schema auth to anon, authenticated, service_role, postgres;

create schema if not exists storage authorization supabase_storage_admin;
grant usage on schema storage to anon, authenticated, service_role, postgres;

-- Extensions stay out of `public`, where the API would offer their functions to everybody.
create schema if not exists extensions;
grant usage on schema extensions to anon, authenticated, service_role;
grant usage on schema extensions to supabase_auth_admin, supabase_storage_admin;
grant usage, create on schema extensions to postgres;
create extension if not exists pgcrypto with schema extensions;
create extension if not exists "uuid-ossp" with schema extensions;

-- No `alter default privileges` for the client roles: since October 2026 the platform grants them
-- nothing on new tables, and a migration says its grants out loud.

-- The API's server keeps a picture of the schema. As on the platform, whoever changes the schema
-- need not tell it: these triggers do.
create or replace function extensions.pgrst_ddl_watch()
returns event_trigger
language plpgsql
as $$
begin
  if exists (
    select 1
    from pg_event_trigger_ddl_commands() as command
    where command.schema_name is distinct from 'pg_temp'
  ) then
    notify pgrst, 'reload schema';
  end if;
end
$$;

create or replace function extensions.pgrst_drop_watch()
returns event_trigger
language plpgsql
as $$
begin
  if exists (
    select 1 from pg_event_trigger_dropped_objects() as dropped where not dropped.is_temporary
  ) then
    notify pgrst, 'reload schema';
  end if;
end
$$;

create event trigger pgrst_ddl_watch on ddl_command_end  -- noqa: PRS
execute function extensions.pgrst_ddl_watch();
create event trigger pgrst_drop_watch on sql_drop  -- noqa: PRS
execute function extensions.pgrst_drop_watch();

-- The API's options that migrations set (`alter role authenticator set pgrst.db_pre_request = …`).
grant set on parameter pgrst.db_pre_request to postgres;
grant set on parameter pgrst.db_max_rows to postgres;
grant set on parameter pgrst.db_aggregates_enabled to postgres;
