"""Taking tasks out of the queue, under a token that makes a lost answer harmless."""

import uuid
from dataclasses import dataclass

import anyio
import structlog

from reelbase.database import CALL_SECONDS, Database, Task, Wanted
from reelbase.errors import DatabaseError, DatabaseUnavailable
from reelbase.settings import Settings
from reelbase.telemetry import Telemetry

__all__ = ["Claim", "Claims"]

CLAIM_AT_ONCE = 100
"""The most tasks that are claimed in one call."""

LAST_CLAIM_SECONDS = 2.0
"""How long a stopping worker waits for the answer to a claim."""

log = structlog.stdlib.get_logger("reelbase.dispatch")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a claim brought. `until` is the end of the lease, in the event loop's time."""

    lease: str
    until: float
    tasks: list[Task]


class Claims:
    """Claims tasks, one call at a time."""

    def __init__(self, database: Database, settings: Settings, telemetry: Telemetry) -> None:
        self._database = database
        self._settings = settings
        self._telemetry = telemetry
        self._scope = anyio.CancelScope()
        self._stopping = False

    def stop(self) -> None:
        """Claim nothing more.

        A claim on its way is waited for, as nobody else can have its tasks before their lease ends;
        but not for as long as the database may be away.
        """
        self._stopping = True
        self._scope.deadline = anyio.current_time() + LAST_CLAIM_SECONDS

    async def claim(self, wanted: list[Wanted], limit: int) -> Claim:
        """Claim up to `limit` tasks; none when the database is away for too long, or refuses."""
        lease = str(uuid.uuid4())
        # The lease begins later than now, so this end comes before the database's.
        until = anyio.current_time() + self._settings.lease_seconds
        tasks: list[Task] = []
        with self._scope:
            tasks = await self._claim_under(lease, wanted, min(limit, CLAIM_AT_ONCE), until)
        self._scope = anyio.CancelScope(deadline=self._scope.deadline)
        return Claim(lease, until, tasks)

    async def _claim_under(
        self, lease: str, wanted: list[Wanted], limit: int, until: float
    ) -> list[Task]:
        """Claim under one token, again and again while the database is away.

        The token stays the same because a claim whose answer got lost may have been carried out.
        When such a lease would have run out, the tasks are free again and so are we.
        """
        settings = self._settings
        away = False
        while anyio.current_time() < until and not (away and self._stopping):
            sent = anyio.current_time()
            self._telemetry.alive("claiming", within=CALL_SECONDS + settings.poll_max_seconds)
            try:
                tasks = await self._database.claim_tasks(
                    lease,
                    settings.worker_name,
                    wanted,
                    limit,
                    settings.lease_seconds,
                    is_repeat=away,
                )
            except DatabaseUnavailable as error:
                self._telemetry.claim_failed("unavailable")
                if not away:
                    log.warning("database_unavailable", error=str(error))
                away = True
                await anyio.sleep(settings.poll_min_seconds)
                continue
            except DatabaseError as error:
                # Refused: a wrong key, or migrations that are not there. An operator has to act,
                # and this process shall go on by itself then.
                self._telemetry.claim_failed("refused")
                log.error("claim_refused", code=error.code, error=str(error))
                await anyio.sleep(settings.poll_max_seconds)
                return []
            self._telemetry.claimed(tasks, anyio.current_time() - sent)
            if away:
                log.info("database_available")
            return tasks
        return []
