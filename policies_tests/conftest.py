"""Fixtures: a workbench on the database, and a shop window of each test's own."""

from collections.abc import Iterator

import pytest

from reelbase.local.pytest_plugin import anyio_backend, database, stack
from reelbase.local.throwaway import Database

from .clock import timed, timed_bench, timed_database
from .harness import Bench, Shop, open_shop

__all__ = [
    "anyio_backend",
    "bench",
    "database",
    "shop",
    "stack",
    "timed",
    "timed_bench",
    "timed_database",
]


@pytest.fixture(scope="session")
def bench(database: Database) -> Iterator[Bench]:
    """The database, with a superuser's session and ways to be somebody else.

    After all tests the books of everybody who ever was here must be right.
    """
    with Bench(database.admin_url) as bench:
        yield bench
        assert bench.rows("select * from private.reconcile_credits()") == []


@pytest.fixture
def shop(bench: Bench) -> Shop:
    """Models whose provider nobody else serves, so that no other test claims these jobs."""
    return open_shop(bench)
