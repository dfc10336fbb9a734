"""Payments whose event never came are asked about, and one that goes wrong holds up no other."""

from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from standins.frame import Status
from standins.omise import OmiseStandin
from standins.stripe import StripeStandin

from reelbase.payments.base import Purchase
from reelbase.payments.omise import OmisePayments
from reelbase.payments.reconcile import Reconciler
from reelbase.payments.stripe import StripePayments

pytestmark = pytest.mark.anyio


async def make_due(shop: Any, *payments: Any) -> None:
    """Have these payments be the only ones to be asked about now."""
    ids = [each.id for each in payments]
    await shop.rows("select worker.claim_open_payments('{stripe,omise,sandbox}', 1000, 60)")
    await shop.connection.execute(
        "update worker.payment_checks set due_at = now() where payment_id = any(%s)", (ids,)
    )


async def test_open_payments_are_asked_about_and_one_that_fails_holds_up_no_other(
    shop: Any,
    stripe: StripePayments,
    stripe_standin: StripeStandin,
    omise: OmisePayments,
    omise_standin: OmiseStandin,
) -> None:
    paid, _ = await shop.open(stripe)
    broken, _ = await shop.open(stripe)
    scanned = await shop.open_payment(omise, package="thb-starter")
    await omise.open(Purchase("Credits", None, "promptpay"), scanned)
    stripe_standin.pay(paid.provider_reference)
    del stripe_standin.things[broken.provider_reference]
    (charge,) = omise_standin.charges
    omise_standin.end(charge, "successful")
    await make_due(shop, paid, broken, scanned)
    reconciler = Reconciler({"stripe": stripe, "omise": omise}, shop.books)
    assert await reconciler.round() == 3
    statuses = [(await shop.payment(each.id)).status for each in (paid, broken, scanned)]
    assert statuses == ["succeeded", "pending", "succeeded"]
    assert await shop.bought(paid.user_id) == 100
    # Not again before its time, and never again what is over.
    assert await reconciler.round() == 0


async def test_provider_that_is_away_is_asked_again_later(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, _ = await shop.open(stripe)
    stripe_standin.pay(payment.provider_reference)
    reconciler = Reconciler({"stripe": stripe}, shop.books)
    stripe_standin.misbehave(Status(500), on="look_up", times=2)
    for bought in (0, 100):
        await make_due(shop, payment)
        assert await reconciler.round() == 1
        assert await shop.bought(payment.user_id) == bought


async def test_late_subscriptions_are_asked_about_whatever_one_provider_does(
    shop: Any, stripe: StripePayments, omise: OmisePayments
) -> None:
    asked: list[str] = []

    class Late:
        async def check_subscriptions(self) -> None:
            asked.append("late")

    stripe._now = lambda: datetime.now(UTC) + timedelta(days=1)
    providers: dict[str, Any] = {"stripe": stripe, "omise": omise, "late": Late()}
    await Reconciler(providers, shop.books).follow_subscriptions()
    assert asked == ["late"]


async def test_late_subscriptions_keep_no_payment_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rounds = anyio.create_memory_object_stream[int](100)
    late, never = anyio.Event(), anyio.Event()

    class Slow:
        async def check_subscriptions(self) -> None:
            late.set()
            await never.wait()

    class Books:
        async def claim_open_payments(self, *_: Any) -> list[Any]:
            await rounds[0].send(1)
            return []

    monkeypatch.setattr("reelbase.payments.reconcile.PAUSE_SECONDS", 0.01)
    providers: dict[str, Any] = {"slow": Slow()}
    books: Any = Books()
    with rounds[0], rounds[1], anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(Reconciler(providers, books).run)
            await late.wait()
            for _ in range(20):
                await rounds[1].receive()
            group.cancel_scope.cancel()
