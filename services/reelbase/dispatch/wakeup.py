"""How a dispatcher learns that there is work: a notification, a free slot, or the time."""

import heapq
import math
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import LiteralString

import anyio
import psycopg
import structlog

__all__ = ["CHANNEL", "Agenda", "Wakeup", "listen"]

CHANNEL: LiteralString = "reelbase_tasks"
"""The NOTIFY channel of `worker.tasks`; a notification names the provider that it concerns."""

RECONNECT_SECONDS = (0.5, 15.0)
"""The first and the longest pause between attempts to connect."""

AGENDA_SECONDS = 0.05
"""What is due within so many seconds of each other is looked for once."""

log = structlog.stdlib.get_logger("reelbase.dispatch")


class Wakeup:
    """One sleeper, many wakers. A call while nobody sleeps is kept for the next sleep.

    Attributes:
        listening: Whether notifications arrive, so that looking now and then is enough.
    """

    def __init__(self) -> None:
        self.listening = False
        self._event = anyio.Event()

    def wake(self) -> None:
        """End the sleep, or the next one."""
        self._event.set()

    async def sleep(self, seconds: float | None = None) -> bool:
        """Sleep until woken, or for that many seconds; say whether it was the former."""
        with anyio.move_on_after(seconds):
            await self._event.wait()
        woken = self._event.is_set()
        self._event = anyio.Event()
        return woken


class Agenda:
    """When to look again for what was put aside: no notification tells of that.

    Times are the event loop's, rounded up, so that there are few of them however many tasks wait.
    """

    def __init__(self) -> None:
        self._times: list[int] = []
        self._known: set[int] = set()

    def note(self, time: float) -> None:
        """Look again at that time."""
        rounded = math.ceil(time / AGENDA_SECONDS)
        if rounded not in self._known:
            self._known.add(rounded)
            heapq.heappush(self._times, rounded)

    def until_next(self, now: float) -> float | None:
        """Seconds until the next of the times; None when there is none."""
        return max(0.0, self._times[0] * AGENDA_SECONDS - now) if self._times else None

    def forget_past(self, now: float) -> None:
        """Forget what is due: it is being looked for."""
        while self._times and self._times[0] * AGENDA_SECONDS <= now:
            self._known.discard(heapq.heappop(self._times))


async def listen(database_url: str, providers: Collection[str], wakeups: Sequence[Wakeup]) -> None:
    """Wake all at every notification about one of the providers, connecting again for ever.

    A connection that a peer dropped without a word is found out by TCP within about half a minute;
    until then the slow poll finds the work.
    """
    pause = RECONNECT_SECONDS[0]

    def set_listening(listening: bool) -> None:
        for wakeup in wakeups:
            wakeup.listening = listening

    def wake() -> None:
        for wakeup in wakeups:
            wakeup.wake()

    while True:
        try:
            async with connected(database_url) as connection:
                await connection.execute(f"listen {CHANNEL}")
                log.info("listening", channel=CHANNEL)
                set_listening(True)
                pause = RECONNECT_SECONDS[0]
                # Whatever was notified before we listened.
                wake()
                async for notification in connection.notifies():
                    if not notification.payload or notification.payload in providers:
                        wake()
        except psycopg.Error as error:
            # The text may hold the connection string's parts; the class says enough.
            log.warning("listen_interrupted", error=type(error).__name__, retry_seconds=pause)
        finally:
            set_listening(False)
        await anyio.sleep(pause)
        pause = min(pause * 2, RECONNECT_SECONDS[1])


@asynccontextmanager
async def connected(database_url: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """A connection that is closed however the block ends, and without a word to the server.

    psycopg's own way out rolls back first, which a cancelled task never gets to the end of.
    """
    connection = await psycopg.AsyncConnection.connect(
        database_url,
        autocommit=True,
        application_name="reelbase worker",
        connect_timeout=10,
        keepalives_idle=15,
        keepalives_interval=5,
        keepalives_count=3,
    )
    try:
        yield connection
    finally:
        await connection.close()
