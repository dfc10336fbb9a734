"""How a dispatcher learns that there is work: a notification, a free slot, or the time."""

from typing import LiteralString

import anyio
import psycopg
import structlog

__all__ = ["CHANNEL", "Wakeup", "listen"]

CHANNEL: LiteralString = "reelbase_tasks"
"""The NOTIFY channel of `worker.tasks`."""

RECONNECT_SECONDS = (0.5, 15.0)
"""The first and the longest pause between attempts to connect."""

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


async def listen(database_url: str, wakeup: Wakeup) -> None:
    """Wake at every notification, connecting again for ever.

    A connection that a peer dropped without a word is found out by TCP within about half a minute;
    until then the slow poll finds the work.
    """
    pause = RECONNECT_SECONDS[0]
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(
                database_url,
                autocommit=True,
                application_name="reelbase worker",
                connect_timeout=10,
                keepalives_idle=15,
                keepalives_interval=5,
                keepalives_count=3,
            ) as connection:
                await connection.execute(f"listen {CHANNEL}")
                log.info("listening", channel=CHANNEL)
                wakeup.listening = True
                pause = RECONNECT_SECONDS[0]
                # Whatever was notified before we listened.
                wakeup.wake()
                async for _ in connection.notifies():
                    wakeup.wake()
        except psycopg.Error as error:
            # The text may hold the connection string's parts; the class says enough.
            log.warning("listen_interrupted", error=type(error).__name__, retry_seconds=pause)
        finally:
            wakeup.listening = False
        await anyio.sleep(pause)
        pause = min(pause * 2, RECONNECT_SECONDS[1])
