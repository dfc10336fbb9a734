"""Many webhooks, one commit: what comes while one is on its way goes with the next.

A commit is what an event costs; fifty in one cost hardly more than one alone. So an event that
comes alone leaves at once, and what comes meanwhile waits for the answer and leaves together; when
very much waits, it leaves before. Each event is answered when it is stored.

What may wait is bounded. When the database is away all that wait are refused, and nobody waits for
the next attempt: whoever delivers them comes again.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import anyio
import structlog
from anyio.abc import TaskGroup

from reelbase.errors import DatabaseError, DatabaseUnavailable

__all__ = ["Full", "GroupCommit", "NotStored"]

FLIGHTS = 3
"""Calls under way at once."""

ENOUGH = 100
"""Events that are worth a call beside those that are under way."""

MAX_BATCH = 500

MAX_BATCH_BYTES = 4 << 20

MAX_WAITING = 5000

MAX_WAITING_BYTES = 64 << 20

AGAIN_SECONDS = 2.0
"""How long a call that failed is made again: a connection that had grown old, a restart."""

log = structlog.stdlib.get_logger("reelbase.web")


class Full(Exception):  # noqa: N818 - a state
    """More wait than may."""


class NotStored(Exception):  # noqa: N818 - says what happened
    """The database has it not, and would not have it another time."""


class Waiting(NamedTuple):
    """An event that is to be stored, and who waits for it."""

    key: tuple[str, str]
    entry: str
    stored: "asyncio.Future[bool]"


class GroupCommit:
    """Stores events, those that come together together.

    Args:
        receive: Stores a JSON array of events; returns the decoded answer of
            `worker.receive_webhooks`. May be called twice with the same.
    """

    def __init__(self, receive: Callable[[str], Awaitable[Any]]) -> None:
        self._receive = receive
        self._waiting: deque[Waiting] = deque()
        self._bytes = 0
        self._flying = 0
        self._is_called = False
        self._group: TaskGroup | None = None

    async def put(self, provider: str, event_id: str, entry: str) -> bool:
        """Return, once an event is stored, whether it is new.

        Args:
            provider: Whose event it is.
            event_id: As in the entry.
            entry: As JSON, as `worker.receive_webhooks` takes it.

        Raises:
            Full: it cannot wait.
            NotStored: the database refuses it.
            DatabaseUnavailable, DatabaseError: it may be stored later, or is already.
        """
        if len(self._waiting) >= MAX_WAITING or self._bytes > MAX_WAITING_BYTES:
            raise Full
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting((provider, event_id), entry, stored))
        self._bytes += len(entry)
        if not self._is_called and self._may_leave():
            # What else comes with this turn of the loop goes along.
            self._is_called = True
            asyncio.get_running_loop().call_soon(self._leave)
        return await stored

    async def run(self) -> None:
        """Store what comes until cancelled."""
        async with anyio.create_task_group() as self._group:
            self._leave()
            await anyio.sleep_forever()

    def _may_leave(self) -> bool:
        """Whether what waits is to leave now."""
        waiting = len(self._waiting)
        return waiting > 0 and (self._flying == 0 or (waiting >= ENOUGH and self._flying < FLIGHTS))

    def _leave(self) -> None:
        """Send what waits on its way, where that is time."""
        self._is_called = False
        while self._group is not None and self._may_leave():
            self._flying += 1
            self._group.start_soon(self._fly, self._take())

    async def _fly(self, batch: list[Waiting]) -> None:
        try:
            await self._store(batch)
        except DatabaseUnavailable as error:
            log.warning("webhooks_unavailable", events=len(batch), error=str(error))
            refuse([*batch, *self._waiting], error)
            self._waiting.clear()
            self._bytes = 0
        except DatabaseError as error:
            log.error("webhooks_refused", events=len(batch), error=str(error))
            refuse(batch, error)
        except Exception:
            log.exception("webhooks_failed", events=len(batch))
            refuse(batch, NotStored())
        except anyio.get_cancelled_exc_class():
            self._group = None
            refuse([*batch, *self._waiting], DatabaseUnavailable("The service is stopping."))
            raise
        finally:
            self._flying -= 1
            self._leave()

    def _take(self) -> list[Waiting]:
        """Take as many of those that wait as one call may carry."""
        batch: list[Waiting] = []
        size = 0
        while self._waiting and len(batch) < MAX_BATCH and size <= MAX_BATCH_BYTES:
            each = self._waiting.popleft()
            self._bytes -= len(each.entry)
            # Who was waiting for it may have gone.
            if not each.stored.done():
                batch.append(each)
                size += len(each.entry)
        return batch

    async def _store(self, batch: list[Waiting]) -> None:
        """Store events, and tell those who wait."""
        if not batch:
            return
        rows = await self._call(f"[{','.join([each.entry for each in batch])}]")
        try:
            kept = {(row["provider"], row["event_id"]): bool(row["is_new"]) for row in rows}
        except (KeyError, TypeError):
            message = "The database answered receive_webhooks in an unknown form."
            raise DatabaseError("unknown_form", message) from None
        for each in batch:
            if each.stored.done():
                continue
            is_new = kept.get(each.key)
            if is_new is None:
                each.stored.set_exception(NotStored())
            else:
                each.stored.set_result(is_new)

    async def _call(self, entries: str) -> Any:
        """Call the database, again within bounds of time if it did not answer."""
        given_up = anyio.current_time() + AGAIN_SECONDS
        pause = 0.05
        while True:
            try:
                return await self._receive(entries)
            except DatabaseUnavailable:
                if anyio.current_time() + pause > given_up:
                    raise
            await anyio.sleep(pause)
            pause *= 2


def refuse(batch: list[Waiting], error: Exception) -> None:
    """Tell those who still wait that it came to nothing."""
    for each in batch:
        if not each.stored.done():
            each.stored.set_exception(error)
