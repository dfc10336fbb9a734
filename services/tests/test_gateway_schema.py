"""Schema `auth` of the embedded stack: what migrations, seeds and policies may count on."""

import json
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.errors import InsufficientPrivilege, UniqueViolation
from psycopg.rows import TupleRow

from reelbase.local.pytest_plugin import RunningStack

TABLES = ["identities", "mfa_amr_claims", "refresh_tokens", "sessions", "users"]
API_ROLES = ["anon", "authenticated", "service_role"]
INSERT_USER = "insert into auth.users (id, email) values (gen_random_uuid(), %s) returning id"


@pytest.fixture
def as_postgres(stack: RunningStack) -> Iterator[Connection[TupleRow]]:
    """A transaction as the role that runs migrations, undone at the end."""
    with psycopg.connect(stack.database_url) as connection:
        yield connection
        connection.rollback()


def test_claims_are_read_as_the_platform_sets_them(as_postgres: Connection[TupleRow]) -> None:
    user_id = uuid4()
    claims = {"sub": str(user_id), "role": "authenticated", "email": "a@example.com", "x": [1]}
    query = "select auth.uid(), auth.role(), auth.email(), auth.jwt()"
    assert as_postgres.execute(query).fetchone() == (None, None, None, None)
    setting = "select set_config(%s, %s, true)"
    as_postgres.execute(setting, ["request.jwt.claims", json.dumps(claims)])
    row = as_postgres.execute(query).fetchone()
    assert row == (user_id, "authenticated", "a@example.com", claims)
    as_postgres.execute(setting, ["request.jwt.claims", ""])
    assert as_postgres.execute(query).fetchone() == (None, None, None, None)


def test_claims_of_the_older_kind_are_read_first(as_postgres: Connection[TupleRow]) -> None:
    old, new = uuid4(), uuid4()
    setting = "select set_config(%s, %s, true)"
    as_postgres.execute(setting, ["request.jwt.claims", json.dumps({"sub": str(new)})])
    as_postgres.execute(setting, ["request.jwt.claim.sub", str(old)])
    as_postgres.execute(setting, ["request.jwt.claim.role", "anon"])
    row = as_postgres.execute("select auth.uid(), auth.role()").fetchone()
    assert row == (old, "anon")


@pytest.mark.parametrize("role", API_ROLES)
@pytest.mark.parametrize("table", TABLES)
def test_api_roles_see_no_table_of_auth(stack: RunningStack, role: str, table: str) -> None:
    with psycopg.connect(stack.admin_database_url) as connection:
        connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
        connection.execute("select auth.uid(), auth.role(), auth.email(), auth.jwt()")
        with pytest.raises(InsufficientPrivilege):
            connection.execute(sql.SQL("select from auth.{}").format(sql.Identifier(table)))


def test_every_table_of_auth_is_known_here_and_guarded(as_postgres: Connection[TupleRow]) -> None:
    query = """
        select c.relname, c.relrowsecurity, pg_get_userbyid(c.relowner)
        from pg_class as c
        where c.relnamespace = 'auth'::regnamespace and c.relkind in ('r', 'p', 'v')
        order by c.relname
    """
    expected = [(table, True, "supabase_auth_admin") for table in TABLES]
    assert as_postgres.execute(query).fetchall() == expected


def test_seeds_write_users_as_postgres(as_postgres: Connection[TupleRow]) -> None:
    email = f"{uuid4().hex}@example.com"
    created = as_postgres.execute(INSERT_USER, [email]).fetchone()
    assert created is not None
    insert = """
        insert into auth.identities (provider_id, user_id, identity_data, provider)
        values (%(id)s::text, %(id)s::uuid, jsonb_build_object('email', 'A@Example.com'), 'email')
        returning email
    """
    identity = as_postgres.execute(insert, {"id": created[0]}).fetchone()
    assert identity == ("a@example.com",)
    confirm = (
        "update auth.users set email_confirmed_at = now() where id = %s returning confirmed_at"
    )
    confirmed = as_postgres.execute(confirm, created).fetchone()
    assert confirmed is not None
    assert confirmed[0] is not None
    with pytest.raises(UniqueViolation), as_postgres.transaction():
        as_postgres.execute(INSERT_USER, [email])
    as_postgres.execute("delete from auth.users where id = %s", created)
    left = as_postgres.execute("select from auth.identities where user_id = %s", created)
    assert left.fetchall() == []


def test_migrations_refer_to_users_and_hang_triggers_on_them(
    as_postgres: Connection[TupleRow],
) -> None:
    as_postgres.execute(
        """
        create table public.gateway_profiles (
          user_id uuid primary key references auth.users (id) on delete cascade,
          signed_up_by name not null
        );
        create function public.gateway_profile() returns trigger language plpgsql security definer
        set search_path = '' as $$
        begin
          insert into public.gateway_profiles values (new.id, current_user);
          return new;
        end $$;
        create trigger gateway_profile after insert on auth.users
        for each row execute function public.gateway_profile();
        """
    )
    created = as_postgres.execute(INSERT_USER, [f"{uuid4().hex}@example.com"]).fetchone()
    assert created is not None
    query = "select signed_up_by from public.gateway_profiles where user_id = %s"
    assert as_postgres.execute(query, created).fetchone() == ("postgres",)


@pytest.mark.parametrize(
    "statement",
    [
        "alter table auth.users add column x integer",
        "drop table auth.sessions",
        "create table auth.mine ()",
        "alter table auth.users disable row level security",
        "create or replace function auth.uid() returns uuid language sql as 'select null::uuid'",
        "create policy open on auth.users for select using (true)",
        "truncate auth.users cascade",
        "set role supabase_auth_admin",
    ],
)
def test_migrations_change_nothing_that_is_the_platforms(
    as_postgres: Connection[TupleRow], statement: str
) -> None:
    with pytest.raises(InsufficientPrivilege):
        as_postgres.execute(statement.encode())
