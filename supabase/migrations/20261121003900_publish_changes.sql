-- Which changes a browser may follow live: those of its user's jobs and credits.
--
-- The platform's Realtime server reads the publication supabase_realtime and asks the tables'
-- policies before it tells anybody of a new or changed row. Of a row that is gone there is nothing
-- left to ask: everybody who listens is told its key. So no key may say whose row it was. A job's
-- is its random id. An account's primary key is the user's id, so that the stream names accounts by
-- realtime_id instead, which stands for nothing.

alter table public.generation_jobs replica identity default;
alter table public.credit_accounts
replica identity using index credit_accounts_realtime_id_key;

create function private.publish_changes()
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_all_tables boolean;
  v_table text;
begin
  select puballtables into v_all_tables from pg_catalog.pg_publication
  where pubname = 'supabase_realtime';
  if not found then
    return false;
  end if;
  foreach v_table in array array['generation_jobs', 'credit_accounts'] loop
    if not v_all_tables and not exists (
      select from pg_catalog.pg_publication_tables
      where pubname = 'supabase_realtime' and schemaname = 'public' and tablename = v_table
    ) then
      execute format('alter publication supabase_realtime add table public.%I', v_table);
    end if;
  end loop;
  return true;
end;
$$;
comment on function private.publish_changes() is
'Puts jobs and credit accounts into the publication supabase_realtime, and says whether there is '
'one. Called by this migration, and by hand where the publication is made later; again it changes '
'nothing.';
revoke execute on function private.publish_changes() from public;

select private.publish_changes();
