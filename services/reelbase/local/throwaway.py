"""Servers and databases that are thrown away after use: for tests, linters and measurements.

Run as a program it starts a server, runs a command with `DATABASE_URL` saying where the server is,
and ends both: `python -m reelbase.local.throwaway embedded|system|docker -- COMMAND …`.
"""

import argparse
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from reelbase.local.binaries import find_binaries, find_project_root
from reelbase.local.errors import BinaryMissingError, LocalError, PartFailedError
from reelbase.local.postgres import (
    ROLES_MARK,
    SUPERUSER,
    PostgresServer,
    apply_migrations,
    database_dsn,
    prepare_database,
    url_for,
)
from reelbase.local.processes import LOOPBACK, wait_until
from reelbase.local.pytest_plugin import free_port_block

__all__ = [
    "Database",
    "DockerMissingError",
    "docker_server",
    "find_system_postgres",
    "fresh_database",
    "main",
    "running_server",
]

_OLDEST = 15
_DISTRIBUTION = Path("/usr/lib/postgresql")
_PLATFORM_ROLES = (
    *("anon", "authenticated", "service_role", "authenticator"),
    *("supabase_auth_admin", "supabase_storage_admin", "postgres"),
)
_IMAGE_VARIABLE, _IMAGE = "REELBASE_TEST_IMAGE", "postgres:17"
_NETWORK_VARIABLE = "REELBASE_TEST_DOCKER_NETWORK"
_PORT_INSIDE = 5432
_CONTAINER_PATIENCE = 60.0
# Each test process holds some dozens of connections.
_CONTAINER_SETTINGS = {"max_connections": "200", "wal_level": "logical", "fsync": "off"}


class DockerMissingError(LocalError):
    """No Docker daemon answers, or the library that would ask it is not installed."""


@dataclass(frozen=True, slots=True)
class Database:
    """A prepared and migrated database.

    Attributes:
        admin_url: The database as superuser.
        url: The database as role `postgres`, which is no superuser.
    """

    admin_url: str = field(repr=False)
    url: str = field(repr=False)


@contextmanager
def fresh_database(
    server_url: str, project_root: Path, *, migrate: bool = True
) -> Iterator[Database]:
    """Make a database on a server, prepared, migrated and seeded, and drop it at the end.

    No other database of that server is touched. The platform's roles are made there, and stay.

    Args:
        server_url: `postgresql://USER:PASSWORD@HOST:PORT/NAME`: any database of an empty or
            prepared server, PostgreSQL 15 or later, as superuser.
        project_root: The folder that holds `supabase/`.
        migrate: Off for a database that is prepared and no more.

    Raises:
        LocalError: The server cannot be used; the message says why.
    """
    name = f"reelbase_{uuid.uuid4().hex}"
    database = Database(
        admin_url=url_for(server_url, database=name),
        url=url_for(server_url, user="postgres", database=name),
    )
    try:
        server = psycopg.connect(server_url, autocommit=True)
    except psycopg.Error as error:
        raise LocalError(f"The database server cannot be used: {str(error).strip()}") from error
    try:
        with server:
            # Roles and their settings are the server's: one process at a time changes them.
            server.execute("select pg_advisory_lock(hashtext('reelbase.throwaway'))")
            _require_usable(server)
            server.execute(
                sql.SQL("create database {} template template0 encoding 'UTF8'").format(
                    sql.Identifier(name)
                )
            )
            prepare_database(database.admin_url)
            if migrate:
                apply_migrations(database.url, project_root)
        yield database
    finally:
        with psycopg.connect(server_url, autocommit=True) as server:
            server.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
            )


@contextmanager
def running_server(native: Path) -> Iterator[str]:
    """Run an empty server for as long as the context lasts, and yield its superuser's URL.

    Args:
        native: The folder with PostgreSQL's `bin`.
    """
    password = secrets.token_urlsafe(24)
    with tempfile.TemporaryDirectory(prefix="reelbase-server-") as name, free_port_block() as port:
        folder = Path(name)
        # The server runs as another user when root starts it; its own folder stays its own.
        folder.chmod(0o755)
        server = PostgresServer(
            native,
            folder / "data",
            port,
            password=password,
            log_path=folder / "postgres.log",
            durable=False,
        )
        try:
            server.start()
            yield server.dsn()
        finally:
            server.stop()


def find_system_postgres(extension: str | None = None) -> Path | None:
    """Find a PostgreSQL that the distribution has installed: the oldest that the project supports.

    Args:
        extension: One that must be installed with it.
    """
    found = []
    for folder in _DISTRIBUTION.glob("*"):
        if not folder.name.isdecimal() or not (folder / "bin" / "postgres").is_file():
            continue
        control = Path("/usr/share/postgresql", folder.name, "extension", f"{extension}.control")
        if int(folder.name) >= _OLDEST and (extension is None or control.is_file()):
            found.append((int(folder.name), folder))
    return min(found)[1] if found else None


@contextmanager
def docker_server() -> Iterator[str]:
    """Run an empty server in a container, and yield its superuser's URL.

    The image, `postgres:17` unless `REELBASE_TEST_IMAGE` names another, keeps to the conventions of
    Docker's official one. `REELBASE_TEST_DOCKER_NETWORK=host` is for daemons that publish no ports.

    Raises:
        DockerMissingError: No Docker daemon answers.
        PartFailedError: The container does not start, or its server never answers.
    """
    try:
        from docker.errors import DockerException  # noqa: PLC0415
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415
    except ImportError as error:
        raise DockerMissingError(f"{error.name} is not installed") from error
    image = os.environ.get(_IMAGE_VARIABLE) or _IMAGE
    on_host = os.environ.get(_NETWORK_VARIABLE) == "host"
    password = secrets.token_urlsafe(24)
    with contextlib.ExitStack() as cleanup:
        try:
            container = DockerContainer(image)
            container.get_docker_client().client.ping()
        except DockerException as error:
            raise DockerMissingError(f"no Docker daemon answers ({error})") from error
        container.with_envs(
            POSTGRES_USER=SUPERUSER, POSTGRES_PASSWORD=password, POSTGRES_DB="postgres"
        )
        settings = dict(_CONTAINER_SETTINGS)
        if on_host:
            port = cleanup.enter_context(free_port_block())
            settings |= {"port": str(port), "listen_addresses": LOOPBACK}
            container.with_kwargs(network_mode="host")
        else:
            container.with_exposed_ports(_PORT_INSIDE)
        container.with_command(
            ["postgres", *(f"--{name}={value}" for name, value in settings.items())]
        )
        try:
            cleanup.enter_context(container)
        except DockerException as error:
            raise PartFailedError(f"The container of {image} does not start: {error}.") from error
        if on_host:
            url = database_dsn(port, SUPERUSER, password)
        else:
            host = container.get_container_host_ip()
            port = container.get_exposed_port(_PORT_INSIDE)
            url = f"postgresql://{SUPERUSER}:{password}@{host}:{port}/postgres"
        if not wait_until(lambda: _answers(url), _CONTAINER_PATIENCE, 0.1):
            raise PartFailedError(
                f"PostgreSQL in the container of {image} does not answer:\n"
                + b"".join(container.get_logs()).decode(errors="replace")[-4000:]
            )
        yield url


def main() -> None:
    """Run a command beside a server of its own."""
    parser = argparse.ArgumentParser(prog="python -m reelbase.local.throwaway")
    parser.add_argument("server", choices=["embedded", "system", "docker"])
    parser.add_argument(
        "command", nargs=argparse.REMAINDER, help="what to run, with DATABASE_URL set"
    )
    asked = parser.parse_args()
    command = asked.command[1:] if asked.command[:1] == ["--"] else asked.command
    if not command:
        parser.error("a command to run is needed")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        sys.exit(_run(asked.server, command))
    except DockerMissingError as missing:
        sys.stdout.write(f"Skipped, for Docker is needed: {missing}.\n")
    except LocalError as error:
        sys.exit(str(error))


def _run(kind: str, command: Sequence[str]) -> int:
    if kind == "docker":
        server = docker_server()
    elif kind == "system":
        native = find_system_postgres()
        if native is None:
            raise BinaryMissingError(
                f"There is no PostgreSQL in {_DISTRIBUTION}: install the package postgresql."
            )
        server = running_server(native)
    else:
        server = running_server(find_binaries(find_project_root()).postgres)
    with server as url:
        with psycopg.connect(url) as connection:
            version = connection.info.parameter_status("server_version")
        sys.stdout.write(f"PostgreSQL {version} ({kind})\n")
        sys.stdout.flush()
        process = subprocess.Popen(command, env=os.environ | {"DATABASE_URL": url})
        # Whoever ends us ends the command first, which may have something to clean up there.
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the command by itself
        code = process.wait()
        return code if code >= 0 else 128 - code


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _require_usable(server: "psycopg.Connection[Any]") -> None:
    """See that migrating there shows what it would show on the platform, and harms nobody."""
    if server.info.server_version < _OLDEST * 10_000:
        raise LocalError(f"That server is older than PostgreSQL {_OLDEST}.")
    if server.info.parameter_status("is_superuser") != "on":
        raise LocalError(
            f"{server.info.user} is no superuser of that server, and only a superuser can make the "
            "platform's roles."
        )
    roles = dict(
        server.execute(
            "select rolname, rolsuper from pg_roles where rolname = any(%s)",
            [list(_PLATFORM_ROLES)],
        ).fetchall()
    )
    if roles.get("postgres"):
        raise LocalError(
            "Role postgres is a superuser of that server, as it is not on the platform, so that "
            "what passes there would prove little: start a server whose superuser has another name "
            f"(`initdb --username {SUPERUSER}`; POSTGRES_USER={SUPERUSER} for Docker's image)."
        )
    marked = server.execute(
        "select shobj_description(to_regrole('authenticator'), 'pg_authid') like %s",
        [f"{ROLES_MARK}%"],
    ).fetchone()
    if roles and marked != (True,):
        raise LocalError(
            f"That server has roles which Reelbase did not make ({', '.join(sorted(roles))}) and "
            "would have to change: choose an empty server."
        )


if __name__ == "__main__":
    main()
