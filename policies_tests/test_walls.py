"""What no role of the API can do to the database itself, whatever the policies say."""

import psycopg
import pytest

from .harness import Bench, refused

ROLES = ["anon", "authenticated", "service_role"]
TABLES = (
    "select c.oid::regclass::text from pg_class as c where c.relkind = 'r'"
    " and c.relnamespace = any(array['public', 'worker', 'private']::regnamespace[])"
)


@pytest.mark.parametrize("role", ROLES)
def test_no_table_is_emptied_or_given_a_trigger(bench: Bench, role: str) -> None:
    tables = bench.column(TABLES)
    assert len(tables) > 40
    allowed = []
    for table in tables:
        for statement in (
            f"truncate {table} cascade",
            f"create trigger spy before update on {table}"
            " for each row execute function suppress_redundant_updates_trigger()",
            f"create rule spy as on insert to {table} do instead nothing",
            f"alter table {table} disable row level security",
            f"alter table {table} replica identity full",
            f"create policy more on {table} using (true)",
            f"create index on {table} ((1))",
            f"drop table {table} cascade",
        ):
            with bench.undone():
                # Not the wall of a schema alone keeps them out.
                bench.run(f"grant usage on schema worker, private to {role}")
                bench.run(f"set local role {role}")
                try:
                    bench.run(statement)
                except psycopg.errors.InsufficientPrivilege:
                    continue
                allowed.append(statement)
    assert allowed == []


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("schema", ["public", "worker", "private", "storage", "auth"])
def test_nothing_is_made_in_the_schemas(bench: Bench, role: str, schema: str) -> None:
    for statement in (
        f"create table {schema}.mine (id integer)",
        f"create view {schema}.mine as select 1 as one",
        f"create function {schema}.mine() returns integer language sql return 1",
        f"create type {schema}.mine as enum ('x')",
        f"create sequence {schema}.mine",
    ):
        with bench.undone():
            bench.run(f"set local role {role}")
            with refused("42501"):
                bench.run(statement)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "statement",
    [
        "set local session_replication_role = replica",
        "create schema mine",
        "create publication mine for all tables",
        "alter publication supabase_realtime add table public.profiles",
        "create role mine",
        "grant service_role to anon",
        "alter default privileges for role postgres grant select on tables to anon",
        "select pg_read_file('/etc/passwd')",
        "select pg_ls_dir('.')",
        "copy (select 1) to program 'true'",
    ],
)
def test_nothing_beyond_the_schemas_is_reached(bench: Bench, role: str, statement: str) -> None:
    with bench.undone():
        bench.run(f"set local role {role}")
        with refused("42501"):
            bench.run(statement)


@pytest.mark.parametrize("role", ROLES)
def test_what_postgres_makes_later_is_nobodys(bench: Bench, role: str) -> None:
    for schema in ("public", "worker", "private"):
        for make, use in (
            ("table {0}.later (id integer)", "select from {0}.later"),
            ("sequence {0}.later", "select nextval('{0}.later')"),
            (
                "function {0}.later() returns integer language sql return 1",
                "select {0}.later()",
            ),
        ):
            with bench.undone():
                bench.run("set local role postgres")
                bench.run(f"create {make.format(schema)}")
                bench.run("set local role none")
                bench.run(f"grant usage on schema worker, private to {role}")
                bench.run(f"set local role {role}")
                with refused("42501"):
                    bench.run(use.format(schema))
