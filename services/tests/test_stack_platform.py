"""The embedded database beside the platform's: who is who, and what nobody is granted."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg import sql

from reelbase.local.binaries import find_project_root
from reelbase.local.errors import DataFolderMismatchError, MigrationsRewrittenError
from reelbase.local.postgres import apply_migrations, prepare_database
from reelbase.local.pytest_plugin import RunningStack


@pytest.fixture
def postgres(stack: RunningStack) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """A connection as role `postgres` whose work is undone."""
    with psycopg.connect(stack.database_url) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def empty_database(stack: RunningStack) -> Iterator[tuple[str, str]]:
    """A second database in the cluster: its addresses as superuser and as `postgres`."""
    name = f"second_{uuid4().hex}"
    with psycopg.connect(stack.admin_database_url, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        yield (
            psycopg.conninfo.make_conninfo(stack.admin_database_url, dbname=name),
            psycopg.conninfo.make_conninfo(stack.database_url, dbname=name),
        )
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def test_postgres_is_no_superuser_and_owns_only_what_is_the_projects(
    postgres: "psycopg.Connection[tuple[object, ...]]",
) -> None:
    role = postgres.execute(
        "select rolsuper, rolcreatedb, rolcreaterole, rolbypassrls from pg_roles"
        " where rolname = current_user"
    ).fetchone()
    assert role == (False, True, True, True)
    owned = postgres.execute(
        "select nspname from pg_namespace where nspowner = 'postgres'::regrole"
        " and nspname in ('public', 'auth', 'storage', 'extensions', 'realtime')"
    ).fetchall()
    assert owned == [("public",)]
    foreign = postgres.execute(
        "select count(*) from pg_class where relowner = 'postgres'::regrole"
        " and relnamespace in ('auth'::regnamespace, 'storage'::regnamespace)"
    ).fetchone()
    assert foreign == (0,)


def test_client_roles_cannot_log_in_and_own_nothing(
    postgres: "psycopg.Connection[tuple[object, ...]]",
) -> None:
    rows = postgres.execute(
        """
        select role.rolname, role.rolcanlogin, role.rolsuper, role.rolbypassrls,
          exists (select 1 from pg_class where relowner = role.oid)
        from pg_roles as role
        where role.rolname in ('anon', 'authenticated', 'service_role')
        order by role.rolname
        """
    ).fetchall()
    assert rows == [
        ("anon", False, False, False, False),
        ("authenticated", False, False, False, False),
        ("service_role", False, False, True, False),
    ]


def test_impersonating_roles_have_no_rights_of_those_they_impersonate(
    postgres: "psycopg.Connection[tuple[object, ...]]",
) -> None:
    for role in ("authenticator", "supabase_storage_admin", "supabase_auth_admin"):
        for client in ("anon", "authenticated", "service_role"):
            inherits = postgres.execute(
                "select pg_has_role(%s, %s, 'usage')", [role, client]
            ).fetchone()
            assert inherits == (False,), (role, client)


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_new_table_is_granted_to_nobody(
    postgres: "psycopg.Connection[tuple[object, ...]]", role: str
) -> None:
    postgres.execute("create table public.fresh (id integer)")
    postgres.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        postgres.execute("select id from public.fresh")


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
@pytest.mark.parametrize("schema", ["public", "auth", "storage", "extensions", "realtime"])
def test_client_roles_may_create_nothing(
    postgres: "psycopg.Connection[tuple[object, ...]]", role: str, schema: str
) -> None:
    postgres.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        postgres.execute(sql.SQL("create table {}.mine ()").format(sql.Identifier(schema)))


def test_migrations_may_do_what_they_may_on_the_platform(
    postgres: "psycopg.Connection[tuple[object, ...]]",
) -> None:
    postgres.execute(
        """
        create function public.watch() returns trigger language plpgsql as 'begin return new; end';
        create trigger watch after insert on auth.users
        for each row execute function public.watch();
        create policy objects_select_tests on storage.objects for select to authenticated
        using (owner_id = (select auth.uid())::text);
        create table public.follows (user_id uuid references auth.users (id) on delete cascade);
        alter publication supabase_realtime add table public.follows;
        alter role authenticator set pgrst.db_aggregates_enabled = 'false';
        alter role anon set statement_timeout = '2s';
        """
    )
    published = postgres.execute(
        "select tablename from pg_publication_tables where pubname = 'supabase_realtime'"
    ).fetchall()
    assert ("follows",) in published


def test_migrations_may_not_change_the_platforms_tables(
    postgres: "psycopg.Connection[tuple[object, ...]]",
) -> None:
    for statement in (
        "alter table auth.users add column mine text",
        "drop table auth.users",
        "create table auth.mine ()",
        "alter role supabase_admin password 'mine'",
        "create role mine superuser",
    ):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            postgres.transaction(),
        ):
            postgres.execute(statement)


def test_requests_run_under_the_platforms_time_limits(stack: RunningStack) -> None:
    with psycopg.connect(stack.admin_database_url) as admin:
        rows = admin.execute(
            "select rolname, unnest(rolconfig) from pg_roles"
            " where rolname in ('anon', 'authenticated', 'authenticator')"
        ).fetchall()
    assert set(rows) >= {
        ("anon", "statement_timeout=3s"),
        ("authenticated", "statement_timeout=8s"),
        ("authenticator", "statement_timeout=8s"),
        ("authenticator", "lock_timeout=8s"),
    }


def test_database_listens_on_loopback_alone_and_wants_a_password(stack: RunningStack) -> None:
    with psycopg.connect(stack.admin_database_url) as admin:
        seen = admin.execute(
            "select current_setting('listen_addresses'), current_setting('unix_socket_directories')"
        ).fetchone()
        assert seen == ("127.0.0.1", "")
        methods = admin.execute("select distinct auth_method from pg_hba_file_rules").fetchall()
        assert methods == [("scram-sha-256",)]
    wrong = psycopg.conninfo.make_conninfo(stack.admin_database_url, password="wrong")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(wrong)


def test_api_learns_of_a_new_table_by_itself(stack: RunningStack) -> None:
    table = f"made_{uuid4().hex}"
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        try:
            connection.execute("listen pgrst")
            with psycopg.connect(stack.database_url) as other:
                other.execute(sql.SQL("create table public.{} ()").format(sql.Identifier(table)))
            heard = [note.payload for note in connection.notifies(timeout=10, stop_after=1)]
            assert heard == ["reload schema"]
        finally:
            connection.execute(
                sql.SQL("drop table if exists public.{}").format(sql.Identifier(table))
            )


def test_api_answers_over_the_gateway(stack: RunningStack) -> None:
    answer = httpx.get(
        f"{stack.supabase_url}/rest/v1/credit_packages",
        params={"select": "slug"},
        headers={"apikey": stack.publishable_key},
    )
    assert answer.status_code == 200
    assert answer.json()


def test_second_database_is_prepared_and_migrated_and_serves_as_a_template(
    stack: RunningStack, empty_database: tuple[str, str]
) -> None:
    admin_url, url = empty_database
    root = find_project_root()
    assert prepare_database(admin_url)
    assert not prepare_database(admin_url)
    assert apply_migrations(url, root)
    assert not apply_migrations(url, root)

    copy = f"copy_{uuid4().hex}"
    source = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    with psycopg.connect(stack.admin_database_url, autocommit=True) as admin:
        admin.execute(
            sql.SQL("create database {} template {} owner postgres").format(
                sql.Identifier(copy), sql.Identifier(str(source))
            )
        )
        try:
            with psycopg.connect(stack.database_url, dbname=copy) as connection:
                packages = connection.execute(
                    "select count(*) > 0 from public.credit_packages"
                ).fetchone()
                assert packages == (True,)
                connection.execute("create schema mine; create table public.mine ()")
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(copy)))


def test_rewritten_and_removed_migrations_are_refused(
    empty_database: tuple[str, str], tmp_path: Path
) -> None:
    admin_url, url = empty_database
    prepare_database(admin_url)
    (tmp_path / "supabase" / "migrations").mkdir(parents=True)
    (tmp_path / "supabase" / "config.toml").write_text('project_id = "rewritten"\n')
    (tmp_path / "node_modules").symlink_to(find_project_root() / "node_modules")
    migration = tmp_path / "supabase" / "migrations" / "20260101000000_create_first.sql"
    migration.write_text("create table public.first ();\n")
    assert apply_migrations(url, tmp_path)
    migration.write_text("create table public.second ();\n")
    with pytest.raises(MigrationsRewrittenError, match="20260101000000"):
        apply_migrations(url, tmp_path)
    migration.unlink()
    with pytest.raises(MigrationsRewrittenError, match="20260101000000"):
        apply_migrations(url, tmp_path)


def test_database_of_another_reelbase_is_refused(empty_database: tuple[str, str]) -> None:
    admin_url, _ = empty_database
    prepare_database(admin_url)
    with psycopg.connect(admin_url) as connection:
        connection.execute(
            "comment on schema extensions is 'Prepared by Reelbase, platform 000000000000'"
        )
    with pytest.raises(DataFolderMismatchError, match="another version of Reelbase"):
        prepare_database(admin_url)
