"""Keeping what is held: one call extends all leases, and says what is not ours any more."""

from collections.abc import Mapping

import anyio
import structlog

from reelbase.database import CALL_SECONDS, Database
from reelbase.dispatch.held import Held
from reelbase.dispatch.wakeup import Wakeup
from reelbase.errors import DatabaseError, DatabaseUnavailable
from reelbase.settings import Settings
from reelbase.telemetry import Telemetry

__all__ = ["Leases"]

log = structlog.stdlib.get_logger("reelbase.dispatch")


class Leases:
    """Extends the leases of what is held, every third of a lease, or sooner to show progress.

    A task's scope ends with its lease, and only a heartbeat that got through moves that end. So
    whatever keeps this process from the database for longer than a lease (a broken network, a
    frozen machine) also ends its work, as by then another worker may have it.
    """

    def __init__(
        self,
        database: Database,
        held: Mapping[tuple[str, str], Held],
        settings: Settings,
        telemetry: Telemetry,
    ) -> None:
        self._database = database
        self._held = held
        self._lease_seconds = settings.lease_seconds
        self._progress_seconds = settings.progress_seconds
        self._telemetry = telemetry
        self._beat = Wakeup()

    def show_progress(self) -> None:
        """Call soon: there is progress to tell."""
        self._beat.wake()

    async def run(self) -> None:
        """Extend for ever."""
        third = self._lease_seconds / 3
        pause = third
        while True:
            called = anyio.current_time()
            # An idle process holds nothing, and one that falls asleep notices when it wakes.
            self._telemetry.alive("leases", within=pause + third + CALL_SECONDS)
            if await self._beat.sleep(pause):
                # As soon as is decent after the last call.
                least = min(self._progress_seconds, third)
                await anyio.sleep(max(0.0, called + least - anyio.current_time()))
            pause = third if await self._extend(third) else min(1.0, third / 4)

    async def _extend(self, patience: float) -> bool:
        """Extend what is held, and drop what is not ours any more; False if nobody answered."""
        held = [each for each in self._held.values() if not each.scope.cancel_called]
        if not held:
            return True
        sent = anyio.current_time()
        try:
            with anyio.fail_after(patience):
                kept = await self._database.extend_leases(
                    [each.as_lease() for each in held], self._lease_seconds
                )
        except (DatabaseUnavailable, TimeoutError):
            self._telemetry.extend_failed()
            log.warning("heartbeat_failed", held=len(held))
            return False
        except DatabaseError as error:
            self._telemetry.extend_failed()
            log.error("heartbeat_refused", code=error.code, error=str(error))
            return False
        self._telemetry.extended(len(held), anyio.current_time() - sent)
        for each in held:
            if each.task.job_id in kept:
                each.scope.deadline = sent + self._lease_seconds
            elif not each.settling and not each.submitting:
                each.scope.cancel()
        return True
