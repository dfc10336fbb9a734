"""Telling providers to stop what nobody wants any more.

A job that ends while its provider has it (cancelled by its user, or past its deadline) leaves a
note in the database. Dispatchers take these notes under a lease, tell the provider and strike them
out; a note whose provider could not be told comes back when the lease is over, until the database
gives up.
"""

from collections.abc import Mapping

import anyio
import structlog

from reelbase.database import CALL_SECONDS, Cancellation, Database
from reelbase.dispatch.wakeup import Wakeup
from reelbase.errors import DatabaseError, DatabaseUnavailable
from reelbase.providers.base import Permanent, Provider, ProviderError, Unknowable
from reelbase.telemetry import Telemetry

__all__ = ["Cancellations"]

AT_ONCE = 20
"""Notes that are taken at once."""

TELL_SECONDS = 10.0
"""How long a provider may take to hear of it."""

LEASE_SECONDS = 30
"""How long a note is ours."""

LOOK_SECONDS = 5.0
"""The pause between looks where no notification comes."""

GATHER_SECONDS = 0.1
"""The pause after a notification: most are about tasks, and claiming those goes first."""

log = structlog.stdlib.get_logger("reelbase.dispatch")


class Cancellations:
    """Tells the providers of this process to stop. `wakeup` ends the pause between looks."""

    def __init__(
        self, database: Database, providers: Mapping[str, Provider], telemetry: Telemetry
    ) -> None:
        self.wakeup = Wakeup()
        self._database = database
        self._providers = providers
        self._telemetry = telemetry

    async def run(self) -> None:
        """Look for ever."""
        while True:
            self._telemetry.alive("cancellations", within=LOOK_SECONDS + 6 * CALL_SECONDS)
            try:
                more = await self._round()
            except (DatabaseUnavailable, DatabaseError) as error:
                more = False
                log.warning("cancellations_failed", error=str(error))
            if not more and await self.wakeup.sleep(LOOK_SECONDS):
                await anyio.sleep(GATHER_SECONDS)

    async def _round(self) -> bool:
        """Take some notes and tell the providers; say whether there may be more."""
        notes = await self._database.claim_cancellations(
            sorted(self._providers), AT_ONCE, LEASE_SECONDS
        )
        told: list[Cancellation] = []

        async def tell(note: Cancellation) -> None:
            if await self._tell(note):
                told.append(note)

        async with anyio.create_task_group() as group:
            for note in notes:
                group.start_soon(tell, note)
        if told:
            await self._database.confirm_cancellations(told)
        return len(notes) == AT_ONCE

    async def _tell(self, note: Cancellation) -> bool:
        """Tell one provider; say whether the matter is closed. Never raises."""
        provider = self._providers[note.provider]
        try:
            with (
                anyio.fail_after(TELL_SECONDS),
                self._telemetry.provider_call(note.provider, "cancel", note.job_id),
            ):
                await provider.cancel(note.job_id, note.provider_job_id, note.provider_state or {})
        except (Permanent, Unknowable) as error:
            # It will not be heard another time either.
            log.warning("cancel_refused", job_id=note.job_id, code=error.code)
        except Exception as error:
            code = error.code if isinstance(error, ProviderError) else type(error).__name__
            log.warning("cancel_failed", job_id=note.job_id, error=code)
            return False
        else:
            log.info("cancelled", job_id=note.job_id, provider=note.provider)
        return True
