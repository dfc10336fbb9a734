"""What is told of jobs, put together: many jobs' news in one call, an answer for each.

A commit costs the same for one job as for fifty. The first entry goes at once; those that come
while that call is under way go together in the next. So an idle worker loses no time and a busy one
needs few calls, without a pause that somebody would have to choose.

An entry is told until the database has answered for it, or until nobody waits for the answer any
more, which is when its lease ends.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import anyio
import structlog

from reelbase.database import CALL_SECONDS, Verdict, encode
from reelbase.errors import DatabaseError, DatabaseUnavailable
from reelbase.telemetry import Telemetry

__all__ = ["Outbox"]

BATCH = 50
"""Entries in one call."""

BUSY_SECONDS = 0.02
"""The first pause before a job that somebody else had locked is told again; it doubles, to 1 s."""

AWAY_SECONDS = 0.5
"""The pause while the database is away."""

log = structlog.stdlib.get_logger("reelbase.dispatch")


@dataclass(slots=True, eq=False)
class Entry:
    """What there is to tell of one job, and who waits for the answer."""

    job_id: str
    body: str
    answer: asyncio.Future[Verdict]
    pause: float = BUSY_SECONDS


class Outbox:
    """Tells one function of the database about jobs.

    Attributes:
        name: What it tells: "advance", "complete" or "fail".
    """

    def __init__(
        self,
        name: str,
        call: Callable[[Sequence[str]], Awaitable[Mapping[str, Verdict]]],
        telemetry: Telemetry,
    ) -> None:
        self.name = name
        self._call = call
        self._telemetry = telemetry
        self._waiting: deque[Entry] = deque()
        self._filled = asyncio.Event()
        self._away = False

    def __len__(self) -> int:
        """How many entries wait to be told."""
        return len(self._waiting)

    def put(self, job_id: str, lease: str, **news: Any) -> asyncio.Future[Verdict]:
        """Have something told of a job, after what was put in here of it before.

        Returns:
            The answer, never "busy". `DatabaseError` in it: the whole call was refused.

        Raises:
            ValueError: the news cannot be written as JSON.
        """
        body = encode({"job_id": job_id, "lease": lease, **news})
        entry = Entry(job_id, body, asyncio.get_running_loop().create_future())
        self._add(entry)
        return entry.answer

    async def run(self) -> None:
        """Tell what there is, for ever."""
        while True:
            self._telemetry.alive(f"outbox {self.name}", within=None)
            await self._filled.wait()
            self._filled.clear()
            while batch := self._next_batch():
                await self._send(batch)

    def _add(self, entry: Entry) -> None:
        self._waiting.append(entry)
        self._filled.set()

    def _next_batch(self) -> list[Entry]:
        """Take out the oldest entries that somebody still waits for, one of each job."""
        batch: dict[str, Entry] = {}
        later = []
        while self._waiting and len(batch) < BATCH:
            entry = self._waiting.popleft()
            if entry.answer.done():
                continue
            if batch.setdefault(entry.job_id, entry) is not entry:
                later.append(entry)
        self._waiting.extendleft(reversed(later))
        return list(batch.values())

    async def _send(self, batch: list[Entry]) -> None:
        """Tell a batch, once, and pass the answers on."""
        self._telemetry.alive(f"outbox {self.name}", within=CALL_SECONDS + AWAY_SECONDS)
        sent = anyio.current_time()
        try:
            verdicts = await self._call([entry.body for entry in batch])
        except DatabaseUnavailable as error:
            await self._wait_for_database(error)
            # What was told before goes before what came meanwhile.
            self._waiting.extendleft(reversed(batch))
        except DatabaseError as error:
            await self._isolate(batch, error)
        else:
            self._away = False
            self._telemetry.flushed(self.name, len(batch), anyio.current_time() - sent)
            for entry in batch:
                self._answer(entry, verdicts.get(entry.job_id))

    def _answer(self, entry: Entry, verdict: Verdict | None) -> None:
        if entry.answer.done():
            return
        if verdict is None:
            message = f"The database did not answer for job {entry.job_id}."
            entry.answer.set_exception(DatabaseError("unknown_form", message))
        elif verdict.result == "busy":
            asyncio.get_running_loop().call_later(entry.pause, self._add, entry)
            entry.pause = min(entry.pause * 2, 1.0)
        else:
            entry.answer.set_result(verdict)

    async def _isolate(self, batch: list[Entry], error: DatabaseError) -> None:
        """Find out whose fault it is that a call was refused: the others shall not suffer."""
        if len(batch) > 1:
            for entry in batch:
                await self._send([entry])
        elif not batch[0].answer.done():
            batch[0].answer.set_exception(error)

    async def _wait_for_database(self, error: DatabaseUnavailable) -> None:
        if not self._away:
            log.warning("database_unavailable", telling=self.name, error=str(error))
        self._away = True
        self._telemetry.database(available=False)
        await anyio.sleep(AWAY_SECONDS)
