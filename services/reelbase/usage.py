"""The record of what was asked of providers: noted at once, told to the database in batches.

Noting never waits and never fails. What cannot be told is kept, up to a bound, and then the oldest
goes first: it is a record of costs, which no job may wait for. Each call has an id of its own, so
that a batch whose answer was lost is told again without being counted twice.
"""

import asyncio
import contextlib
import threading
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Protocol

import anyio
import structlog

from reelbase.database import CALL_SECONDS, Database, encode
from reelbase.errors import DatabaseError, DatabaseUnavailable
from reelbase.providers.base import Call

__all__ = ["UsageLog"]

BATCH = 100
"""Calls told at once; as soon as there are so many, they are."""

KEPT = 10_000
"""Calls that are kept while they cannot be told."""

PAUSE_SECONDS = 1.0
"""The pause between batches that are not full."""

FLUSH_SECONDS = 3.0
"""How long a stopping service tries to tell the rest."""

log = structlog.stdlib.get_logger("reelbase.usage")


class Watcher(Protocol):
    """Who is told how the log is doing; see `reelbase.telemetry.Telemetry`."""

    def alive(self, loop: str, within: float | None) -> None: ...

    def usage_dropped(self, calls: int) -> None: ...


class UsageLog:
    """Takes calls from any thread (`note`), and tells the database of them (`run`)."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._waiting: deque[str] = deque()
        self._dropped = 0
        self._batch_is_there = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._away = False

    def __len__(self) -> int:
        """How many calls wait to be told."""
        return len(self._waiting)

    def note(self, call: Call) -> None:
        """Take a call that was made. Never waits, never raises."""
        entry = {"call_id": str(uuid.uuid4()), **asdict(call), "at": self._now().isoformat()}
        try:
            body = encode(entry)
        except ValueError:
            # Figures that are none (NaN) are worth less than the rest of the entry.
            body = encode({**entry, "units": None, "cost_usd": None})
        with self._lock:
            self._waiting.append(body)
            self._bound()
            is_batch = len(self._waiting) == BATCH
        if is_batch and (loop := self._loop) is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._batch_is_there.set)

    async def run(self, database: Database, watcher: Watcher | None = None) -> None:
        """Tell what there is, for ever."""
        self._loop = asyncio.get_running_loop()
        while True:
            if watcher is not None:
                watcher.alive("usage", within=PAUSE_SECONDS)
            with anyio.move_on_after(PAUSE_SECONDS):
                await self._batch_is_there.wait()
            self._batch_is_there.clear()
            if watcher is not None:
                watcher.alive("usage", within=2 * CALL_SECONDS)
            await self.flush(database, watcher)

    async def tell_rest(self, database: Database, watcher: Watcher | None = None) -> None:
        """Put the last calls on record, if the database takes them in time."""
        with anyio.move_on_after(FLUSH_SECONDS):
            await self.flush(database, watcher)
        if left := len(self):
            log.error("usage_dropped", calls=left)

    async def flush(self, database: Database, watcher: Watcher | None = None) -> None:
        """Tell what there is, as long as the database takes it."""
        while batch := self._take():
            try:
                await database.log_api_usage(batch)
            except DatabaseUnavailable as error:
                self._put_back(batch)
                if not self._away:
                    log.warning("usage_not_told", calls=len(self), error=str(error))
                self._away = True
                break
            except DatabaseError as error:
                # It would be refused another time as well.
                self._dropped += len(batch)
                log.error("usage_refused", calls=len(batch), code=error.code, error=str(error))
            except BaseException:
                # Broken off in the middle: it may have been told, and may be told again.
                self._put_back(batch)
                raise
            else:
                self._away = False
        dropped, self._dropped = self._dropped, 0
        if dropped:
            if watcher is not None:
                watcher.usage_dropped(dropped)
            log.error("usage_dropped", calls=dropped)

    def _take(self) -> list[str]:
        """Take the oldest calls out."""
        with self._lock:
            return [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]

    def _put_back(self, batch: list[str]) -> None:
        """Keep calls that could not be told, before those that came meanwhile."""
        with self._lock:
            self._waiting.extendleft(reversed(batch))
            self._bound()

    def _bound(self) -> None:
        """Let go of the oldest calls of too many."""
        while len(self._waiting) > KEPT:
            self._waiting.popleft()
            self._dropped += 1
