"""Servers and databases that are thrown away: what they leave alone, and whom they refuse."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from reelbase.local.binaries import find_binaries, find_project_root
from reelbase.local.errors import LocalError
from reelbase.local.postgres import url_for
from reelbase.local.throwaway import fresh_database, running_server

ROOT = find_project_root(Path(__file__).parent)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """An empty server."""
    with running_server(find_binaries(ROOT).postgres) as url:
        yield url


@pytest.fixture(scope="module")
def strange_server() -> Iterator[str]:
    """A server that never becomes one of ours."""
    with running_server(find_binaries(ROOT).postgres) as url:
        yield url


@pytest.fixture
def role(strange_server: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A role on the strange server, for as long as a test lasts; its name."""
    name = str(request.param).split()[0]
    with psycopg.connect(strange_server, autocommit=True) as connection:
        connection.execute(f"create role {request.param} password 'secret'".encode())
        yield name
        connection.execute(f"drop role {name}".encode())


def databases(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {name for (name,) in connection.execute("select datname from pg_database")}


@pytest.mark.parametrize(
    ("role", "reason"),
    [
        ("postgres superuser login", "Role postgres is a superuser"),
        ("anon", "roles which Reelbase did not make .anon."),
    ],
    indirect=["role"],
)
def test_server_where_it_would_do_harm_or_prove_little_is_refused_and_left_as_it_was(
    strange_server: str, role: str, reason: str
) -> None:
    before = databases(strange_server)
    with (
        pytest.raises(LocalError, match=reason),
        fresh_database(strange_server, ROOT, migrate=False),
    ):
        pytest.fail("it was made")
    assert databases(strange_server) == before


@pytest.mark.parametrize("role", ["plain login"], indirect=True)
def test_who_is_no_superuser_is_refused(strange_server: str, role: str) -> None:
    url = url_for(strange_server, user=role, password="secret")
    with (
        pytest.raises(LocalError, match="plain is no superuser"),
        fresh_database(url, ROOT, migrate=False),
    ):
        pytest.fail("it was made")


def test_fresh_databases_stand_side_by_side_and_are_gone_at_the_end(server: str) -> None:
    before = databases(server)
    with (
        fresh_database(server, ROOT, migrate=False) as first,
        fresh_database(server, ROOT, migrate=False) as second,
    ):
        made = databases(server) - before
        with psycopg.connect(first.url) as one, psycopg.connect(second.admin_url) as other:
            assert {one.info.dbname, other.info.dbname} == made
            assert one.info.parameter_status("is_superuser") == "off"
            assert other.info.parameter_status("is_superuser") == "on"
    assert databases(server) == before


def test_server_that_does_not_answer_is_told_of() -> None:
    with (
        pytest.raises(LocalError, match="cannot be used"),
        fresh_database("postgresql://nobody@127.0.0.1:1/postgres", ROOT),
    ):
        pytest.fail("it was made")


def throwaway(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "reelbase.local.throwaway", *arguments],
        env=os.environ | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_command_runs_beside_a_server_and_its_exit_code_is_passed_on() -> None:
    script = (
        "import os, psycopg; c = psycopg.connect(os.environ['DATABASE_URL']);"
        " print(c.execute('select 6 * 7').fetchone()); raise SystemExit(5)"
    )
    done = throwaway("embedded", "--", sys.executable, "-c", script)
    assert (done.returncode, done.stderr) == (5, "")
    assert "(42,)" in done.stdout


def test_docker_that_does_not_answer_is_a_reason_to_skip(tmp_path: Path) -> None:
    done = throwaway("docker", "false", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Skipped, for Docker is needed: no Docker daemon answers")


@pytest.mark.parametrize(
    ("url", "changed"),
    [
        ("postgresql://a:b%2Fc@h/d", "postgresql://p:b%2Fc@h:5432/n"),
        ("postgres://a@[::1]:6543/d?sslmode=require", "postgres://p@[::1]:6543/n?sslmode=require"),
    ],
)
def test_url_keeps_what_is_not_changed(url: str, changed: str) -> None:
    assert url_for(url, user="p", database="n") == changed


@pytest.mark.parametrize("url", ["host=h user=a", "postgresql:///d", "postgresql://a@h:x/d"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(LocalError, match="connection URL"):
        url_for(url)
