"""What every dispatcher does for the queue now and then, so that no job waits for one of them.

Any number may do it side by side: the database hands out each piece once and waits for nobody.
"""

from collections.abc import Callable

import anyio
import structlog

from reelbase.database import CALL_SECONDS, Database
from reelbase.errors import DatabaseError, DatabaseUnavailable
from reelbase.telemetry import Telemetry

__all__ = ["tend"]

OVERDUE_AT_ONCE = 50
"""Jobs that one call ends."""

ROUND_SECONDS = 3 * CALL_SECONDS
"""The longest that one call may take, with its repetitions."""

log = structlog.stdlib.get_logger("reelbase.dispatch")


async def tend(
    database: Database, pause_seconds: float, telemetry: Telemetry, on_work: Callable[[], None]
) -> None:
    """Do the rounds for ever, with a pause between them.

    Args:
        database: Where the queue is.
        pause_seconds: The pause.
        telemetry: Told of what was found.
        on_work: Called when tasks got in line, of which no notification may have told.
    """
    while True:
        telemetry.alive("tending", within=ROUND_SECONDS)
        try:
            done = await database.tend_queue()
            taken_over = done.get("taken_over") or 0
            if taken_over or done.get("admitted"):
                on_work()
            if taken_over:
                telemetry.taken_over(taken_over)
                log.warning("taken_over", tasks=taken_over)
            await end_overdue(database, telemetry)
        except (DatabaseUnavailable, DatabaseError) as error:
            log.warning("tending_failed", error=str(error))
        telemetry.alive("tending", within=pause_seconds)
        await anyio.sleep(pause_seconds)


async def end_overdue(database: Database, telemetry: Telemetry) -> None:
    """End the jobs that outlived their deadline, or whose last attempt vanished."""
    while True:
        telemetry.alive("tending", within=ROUND_SECONDS)
        ended = await database.end_overdue_jobs(OVERDUE_AT_ONCE)
        if ended:
            telemetry.expired(len(ended))
            log.warning("overdue", job_ids=sorted(ended))
        if len(ended) < OVERDUE_AT_ONCE:
            return
