"""Fixtures for tests of providers: the server of all stand-ins, and stand-ins on it."""

from collections.abc import Iterator

import pytest
from standins.frame import Loopback, loopback

from reelbase.local.pytest_plugin import anyio_backend

__all__ = ["anyio_backend", "standins"]


@pytest.fixture(scope="session")
def standins() -> Iterator[Loopback]:
    """The server; `standins.open(RunwayStandin)` makes a stand-in of a test's own."""
    with loopback() as server:
        yield server
