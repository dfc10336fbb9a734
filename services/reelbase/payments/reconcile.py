"""Asking after payments whose event never came.

Events may be lost, and so may the answer to a purchase that was opened. The database keeps a list
of what is still open, and when to ask next: soon at first, then less and less often. Any number of
processes may run this; each claims some.
"""

from collections.abc import Awaitable, Callable, Mapping

import anyio
import structlog

from reelbase.errors import ReelbaseError
from reelbase.payments.base import Misconfigured, PaymentProvider
from reelbase.payments.books import Books, OpenPayment

__all__ = ["Reconciler"]

PAUSE_SECONDS = 30.0
SUBSCRIPTIONS_SECONDS = 600.0
LEASE_SECONDS = 120
CHECK_SECONDS = 60.0
"""The longest that one payment may take; less than the lease."""

LIMIT = 20
AT_ONCE = 4

log = structlog.stdlib.get_logger("reelbase.payments")


class Reconciler:
    """Asks providers about open payments.

    Args:
        providers: By name.
        books: Know what is open.
    """

    def __init__(self, providers: Mapping[str, PaymentProvider], books: Books) -> None:
        self._providers = providers
        self._books = books

    async def run(self) -> None:
        """Ask for as long as this is not cancelled; never raises anything else."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._repeat, self.round, PAUSE_SECONDS)
            # Beside it: many late subscriptions must not keep payments waiting.
            group.start_soon(self._repeat, self.follow_subscriptions, SUBSCRIPTIONS_SECONDS)

    async def _repeat(self, act: Callable[[], Awaitable[int]], pause: float) -> None:
        """Do something again and again, at once if there is more of it than was done."""
        while True:
            asked = 0
            try:
                asked = await act()
            except ReelbaseError as error:
                log.warning("reconciler_unavailable", error=str(error))
            except Exception:
                # Whatever it is, the next round must come.
                log.exception("reconciler_failed")
            if asked < LIMIT:
                await anyio.sleep(pause)

    async def round(self) -> int:
        """Ask about some payments that are due; return how many.

        Raises:
            DatabaseError, DatabaseUnavailable: they could not be had.
        """
        claimed = await self._books.claim_open_payments(
            sorted(self._providers), LIMIT, LEASE_SECONDS
        )
        places = anyio.CapacityLimiter(AT_ONCE)

        async def check(open_payment: OpenPayment) -> None:
            async with places:
                await self._check(open_payment)

        async with anyio.create_task_group() as group:
            for each in claimed:
                group.start_soon(check, each)
        return len(claimed)

    async def follow_subscriptions(self) -> int:
        """Ask about subscriptions whose renewal is late; there are never more at once (0)."""
        for name, provider in self._providers.items():
            try:
                with anyio.fail_after(SUBSCRIPTIONS_SECONDS):
                    await provider.check_subscriptions()
            except (ReelbaseError, TimeoutError) as error:
                log.warning("subscriptions_not_checked", provider=name, error=said(error))
        return 0

    async def _check(self, claimed: OpenPayment) -> None:
        """Ask about one payment; what goes wrong is for the next time."""
        provider = self._providers[claimed.provider]
        try:
            with anyio.fail_after(CHECK_SECONDS):
                payment = await self._books.payment(claimed.payment_id)
                if payment is not None:
                    await provider.check(payment)
        except (ReelbaseError, TimeoutError) as error:
            tell = log.error if isinstance(error, Misconfigured) else log.warning
            tell(
                "payment_not_checked",
                payment_id=claimed.payment_id,
                provider=claimed.provider,
                error=said(error),
            )
        except Exception:
            # One must not keep the others from being asked about.
            log.exception("payment_check_failed", payment_id=claimed.payment_id)


def said(error: BaseException) -> str:
    """What is logged of an error."""
    return str(error) or type(error).__name__
