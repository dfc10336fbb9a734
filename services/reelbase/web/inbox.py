"""The inbox: stored events of payments, applied one by one, until each has come to an end.

What `intake` stores is claimed here, handed to the payment provider it came from, and finished. A
claim is good for a minute: if this process dies, another applies the event again, which changes
nothing the second time. What goes wrong is tried again later and later, and is `dead` after twelve
attempts, for an operator to look at: `reelbase webhooks list --status dead`.

Events of jobs are none of this: their tasks are woken as they are stored, and dispatchers ask the
providers themselves.
"""

from collections.abc import Mapping
from typing import Any

import anyio
import structlog
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from reelbase.database import Database
from reelbase.errors import DatabaseError, ReelbaseError, Unavailable
from reelbase.payments import PaymentProvider

__all__ = ["Inbox"]

PAUSE_SECONDS = 5.0
"""How often to look when nobody says that there is something: what failed is due again."""

LEASE_SECONDS = 60

APPLY_SECONDS = 45.0
"""The longest that applying one event may take; less than the lease."""

AT_ONCE = 8

MAX_ERROR = 1000

log = structlog.stdlib.get_logger("reelbase.web")


class Claimed(BaseModel):
    """An event that is ours for a minute. `attempts` counts from 1 and fences what we say."""

    model_config = ConfigDict(frozen=True)

    id: str
    provider: str
    event_id: str
    type: str
    subject: str | None = None
    payload: Any
    attempts: int


CLAIMED: TypeAdapter[list[Claimed]] = TypeAdapter(list[Claimed])


class Inbox:
    """Applies events of payments.

    Args:
        database: Has them.
        payments: Apply them, by name.
    """

    def __init__(self, database: Database, payments: Mapping[str, PaymentProvider]) -> None:
        self._database = database
        self._payments = payments
        self._woken = {name: anyio.Event() for name in payments}
        self._stopping = False
        self._stopped = anyio.Event()

    def wake(self) -> None:
        """Say that there is something to do."""
        for woken in self._woken.values():
            woken.set()

    async def stop(self, seconds: float) -> None:
        """Have `run` return, and wait so long for what it is at."""
        self._stopping = True
        self.wake()
        with anyio.move_on_after(seconds):
            await self._stopped.wait()

    async def run(self) -> None:
        """Apply what comes, each provider's by itself: one that hangs holds up no other."""
        try:
            async with anyio.create_task_group() as group:
                for name in self._payments:
                    group.start_soon(self._run, name)
        finally:
            self._stopped.set()

    async def _run(self, name: str) -> None:
        while not self._stopping:
            # Before looking, so that what is stored meanwhile is looked for again.
            woken = self._woken[name] = anyio.Event()
            try:
                done = await self._round(name)
            except ReelbaseError as error:
                log.warning("inbox_unavailable", error=str(error))
                done = 0
            except Exception:
                # Whatever it is, the next round must come.
                log.exception("inbox_failed")
                done = 0
            if not done and not self._stopping:
                with anyio.move_on_after(PAUSE_SECONDS):
                    await woken.wait()

    async def _round(self, name: str) -> int:
        """Apply some of what is due of a provider's; return how many there were."""
        rows = await self._database.call(
            "claim_webhooks",
            p_providers=[name],
            p_limit=AT_ONCE,
            p_lease_seconds=LEASE_SECONDS,
        )
        try:
            claimed = CLAIMED.validate_python(rows)
        except ValidationError:
            message = "The database answered claim_webhooks in an unknown form."
            raise DatabaseError("unknown_form", message) from None
        async with anyio.create_task_group() as group:
            for event in claimed:
                group.start_soon(self._handle, event)
        return len(claimed)

    async def _handle(self, event: Claimed) -> None:
        """Apply one event, and say how it went."""
        status, error, payment_id = "failed", None, None
        try:
            with anyio.fail_after(APPLY_SECONDS):
                applied = await self._payments[event.provider].apply(
                    event.type, event.payload, event.subject
                )
            status, payment_id = applied.status, applied.payment_id
        except TimeoutError:
            error = f"It was not done within {APPLY_SECONDS:g} s."
        except ReelbaseError as failure:
            error = str(failure)
        except Exception as failure:
            # What it says may hold anything; the log's censor knows what must not be seen.
            log.exception("webhook_failed", provider=event.provider, event_id=event.event_id)
            error = f"It could not be applied ({type(failure).__name__})."
        tell = log.info if error is None else log.warning
        tell(
            "webhook_applied" if error is None else "webhook_failed",
            provider=event.provider,
            event_id=event.event_id,
            type=event.type,
            status=status,
            attempt=event.attempts,
            payment_id=payment_id,
            error=error,
        )
        try:
            await self._database.call(
                "finish_webhook",
                p_id=event.id,
                p_attempt=event.attempts,
                p_status=status,
                p_error=None if error is None else error.replace("\0", "\ufffd")[:MAX_ERROR],
                p_payment_id=payment_id,
            )
        except Unavailable as failure:
            # It is due again when the claim has run out.
            log.warning("inbox_unavailable", event_id=event.event_id, error=str(failure))
        except ReelbaseError as failure:
            log.error("webhook_not_finished", event_id=event.event_id, error=str(failure))
