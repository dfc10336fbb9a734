"""A workbench whose time is what a test says: `timed`, on a database of its own.

There, and nowhere else, private.now() reads a setting of the session. Every session of the bench
follows its clock: those that are begun after `at`, and, if told, those that are open. Nobody else
uses the database, so that a test may let years go by for everybody in it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from reelbase.local.throwaway import Database, fresh_database

from .harness import Bench, Session

__all__ = ["START", "TimedBench", "timed", "timed_bench", "timed_database"]

START = datetime(2030, 1, 15, 12, tzinfo=UTC)
"""What time it is when a test begins."""

SETTABLE = """
create or replace function private.now() returns timestamptz
language sql stable set search_path = ''
return coalesce(
  nullif(current_setting('reelbase.now', true), '')::timestamptz, pg_catalog.now()
)
"""


class TimedBench(Bench):
    """The database as superuser, at a time of the test's choice."""

    def __init__(self, dsn: str) -> None:
        super().__init__(dsn)
        self.now = START

    def at(self, now: datetime, *sessions: Session) -> None:
        """Let it be another time: here, in sessions that begin from now on, and in these."""
        self.now = now
        for session in (self, *sessions):
            session.run("select set_config('reelbase.now', %s, false)", now.isoformat())

    def _session(self, role: str | None = None, user_id: str | None = None) -> Session:
        session = super()._session(role, user_id)
        session.run("select set_config('reelbase.now', %s, false)", self.now.isoformat())
        return session


@pytest.fixture(scope="session")
def timed_database(database: Database, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A migrated database whose time sessions can set: one for each test process."""
    with fresh_database(database.admin_url, request.config.rootpath) as fresh:
        with Bench(fresh.admin_url) as bench:
            bench.run(SETTABLE)
        yield fresh


@pytest.fixture(scope="session")
def timed_bench(timed_database: Database) -> Iterator[TimedBench]:
    """The bench behind `timed`. After all tests its books must be right."""
    with TimedBench(timed_database.admin_url) as bench:
        yield bench
        assert bench.rows("select * from private.reconcile_credits()") == []


@pytest.fixture
def timed(timed_bench: TimedBench) -> TimedBench:
    """A bench on which it is half a month into January 2030, at noon."""
    timed_bench.at(START)
    return timed_bench
