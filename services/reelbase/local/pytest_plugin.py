"""Fixtures for tests on real databases: `pytest -p reelbase.local.pytest_plugin`.

`stack` is a whole embedded stack; `database`, for tests that need no more, is the database in it.
With `REELBASE_TEST_DATABASE_URL`, the superuser's address of any empty PostgreSQL 15 or later,
`database` is a fresh one on that server, and `stack` serves it. Each test process has its own.
"""

import fcntl
import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from reelbase.local.stack import EmbeddedStack
    from reelbase.local.throwaway import Database

__all__ = [
    "SERVER_VARIABLE",
    "RunningStack",
    "anyio_backend",
    "database",
    "free_port_block",
    "running_stack",
    "stack",
]

SERVER_VARIABLE = "REELBASE_TEST_DATABASE_URL"
"""Names the server of the tests' databases; not `DATABASE_URL`, which a shell may hold for work."""

# Below the range from which systems take the ports of outgoing connections.
_FIRST_PORT, _LAST_PORT = 20_000, 32_000
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class RunningStack:
    """A stack that is up, migrated and seeded, and belongs to this test process.

    Attributes:
        supabase_url: The gateway.
        publishable_key: `sb_publishable_…`; acts as `anon`.
        secret_key: `sb_secret_…`; acts as `service_role`.
        anon_key: The legacy JWT for `anon`.
        service_role_key: The legacy JWT for `service_role`.
        database_url: The database as role `postgres`, which is no superuser.
        admin_database_url: The database as superuser.
        api_url: Where Reelbase's own web API belongs; the stack does not run it.
        state_dir: The state folder.
    """

    supabase_url: str
    publishable_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    anon_key: str = field(repr=False)
    service_role_key: str = field(repr=False)
    database_url: str = field(repr=False)
    admin_database_url: str = field(repr=False)
    api_url: str
    state_dir: Path


@pytest.fixture(scope="session")
def anyio_backend() -> Literal["asyncio"]:
    """Run async tests on asyncio, and allow session-wide async fixtures."""
    return "asyncio"


@pytest.fixture(scope="session")
def database(request: pytest.FixtureRequest) -> Iterator["Database"]:
    """A migrated and seeded database: one for each test process."""
    from reelbase.local.throwaway import Database, fresh_database  # noqa: PLC0415

    if server := os.environ.get(SERVER_VARIABLE):
        with fresh_database(server, request.config.rootpath) as fresh:
            yield fresh
    else:
        stack: RunningStack = request.getfixturevalue("stack")
        yield Database(stack.admin_database_url, stack.database_url)


@pytest.fixture(scope="session")
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningStack]:
    """A running stack: one for each test process, stopped at its end, however it ends."""
    borrowed = None
    if os.environ.get(SERVER_VARIABLE):
        borrowed = request.getfixturevalue("database").admin_url
    folder = tmp_path_factory.mktemp("stack")
    with running_stack(folder, request.config.rootpath, database_url=borrowed) as running:
        yield running


@contextmanager
def running_stack(
    state_dir: Path, project: Path | None = None, *, database_url: str | None = None
) -> Iterator[RunningStack]:
    """Run a stack that is meant to be thrown away, for as long as the context lasts.

    Args:
        state_dir: An empty folder.
        project: A folder in the project; default: the working directory.
        database_url: A prepared database, as superuser, to serve; default: one of its own.
    """
    from reelbase.local.binaries import find_project_root  # noqa: PLC0415
    from reelbase.local.errors import PortTakenError  # noqa: PLC0415
    from reelbase.local.stack import EmbeddedStack  # noqa: PLC0415

    root = find_project_root(project)
    embedded = EmbeddedStack(state_dir)
    for attempt in range(1, _ATTEMPTS + 1):
        with free_port_block() as port:
            try:
                embedded.up(
                    root,
                    port=port,
                    durable=False,
                    tied_to_caller=True,
                    database_url=database_url,
                )
            except PortTakenError:
                if attempt == _ATTEMPTS:
                    raise
                continue
            try:
                yield _describe(embedded)
            finally:
                embedded.down()
            return


@contextmanager
def free_port_block() -> Iterator[int]:
    """Find five ports in a row on which nothing listens, and keep other test processes off them.

    Yields:
        The first of them.
    """
    from reelbase.local.processes import port_is_free  # noqa: PLC0415
    from reelbase.local.stack import PORTS_IN_BLOCK  # noqa: PLC0415

    reservations = Path(tempfile.gettempdir()) / f"reelbase-ports-{os.getuid()}"
    reservations.mkdir(mode=0o700, exist_ok=True)
    blocks = list(range(_FIRST_PORT, _LAST_PORT, PORTS_IN_BLOCK))
    random.SystemRandom().shuffle(blocks)
    for base in blocks:
        with (reservations / str(base)).open("ab") as reservation:
            try:
                fcntl.flock(reservation, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if all(port_is_free(base + offset) for offset in range(PORTS_IN_BLOCK)):
                yield base
                return
    raise RuntimeError("No five free ports in a row could be found.")


def _describe(embedded: "EmbeddedStack") -> RunningStack:
    values = embedded.environment()
    return RunningStack(
        supabase_url=values["SUPABASE_URL"],
        publishable_key=values["SUPABASE_PUBLISHABLE_KEY"],
        secret_key=values["SUPABASE_SECRET_KEY"],
        anon_key=values["SUPABASE_ANON_KEY"],
        service_role_key=values["SUPABASE_SERVICE_ROLE_KEY"],
        database_url=values["DATABASE_URL"],
        admin_database_url=embedded.admin_database_url(),
        api_url=values["REELBASE_API_URL"],
        state_dir=embedded.state_dir,
    )
