-- The schema `realtime`, and the publication that tells which tables' changes browsers may follow.
--
-- No Realtime server runs in the embedded stack: nothing reads the publication. It exists because
-- migrations say `alter publication supabase_realtime add table …`, and that must pass here as it
-- does on the platform, where role `postgres` owns the publication.

create schema if not exists realtime;
grant usage on schema realtime to anon, authenticated, service_role, postgres;
comment on schema realtime is 'The platform''s Realtime server keeps its things here.';

do $$
begin
  if not exists (select 1 from pg_publication where pubname = 'supabase_realtime') then
    create publication supabase_realtime;
  end if;
end
$$;
alter publication supabase_realtime owner to postgres;
