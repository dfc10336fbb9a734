"""Stripe, against a server on loopback that behaves as its documents say."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from standins.frame import AfterAccepting, Cut, Garbage, Status
from standins.stripe import StripeStandin

from reelbase.errors import DatabaseError
from reelbase.payments.base import (
    Applied,
    Away,
    Contradiction,
    Misconfigured,
    Payment,
    Purchase,
    Refused,
)
from reelbase.payments.stripe import StripePayments
from reelbase.payments.stripe import make as make_stripe
from reelbase.providers.base import Configuration

pytestmark = pytest.mark.anyio

DAY = 86400


def session_of(standin: StripeStandin, payment: Payment) -> str:
    assert payment.provider_reference in standin.things
    return payment.provider_reference


# Opening ----------------------------------------------------------------------------------------


async def test_session_carries_our_payment_and_its_key(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, opened = await shop.open(stripe)
    session = stripe_standin.things[session_of(stripe_standin, payment)]
    assert opened.url == session["url"]
    assert opened.expires_at is not None
    assert (session["amount_total"], session["currency"]) == (999, "usd")
    assert session["metadata"]["payment_id"] == session["client_reference_id"] == payment.id
    assert f"payment_id={payment.id}" in session["success_url"]
    assert "from=stripe" in session["success_url"]
    (sent,) = stripe_standin.of("submit")
    assert sent.headers["idempotency-key"] == payment.id
    assert payment.status == "pending"


async def test_same_payment_goes_on_where_it_was(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, opened = await shop.open(stripe)
    again = await stripe.open(Purchase("Credits"), payment)
    assert again == opened
    assert len(stripe_standin.of("submit")) == 1
    await shop.tell(stripe, stripe_standin.pay(session_of(stripe_standin, payment)))
    assert (await stripe.open(Purchase("Credits"), payment)).url is None


async def test_same_payment_in_two_processes_has_one_session(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment = await shop.open_payment(stripe)
    first = await stripe.open(Purchase("Credits"), payment)
    second = await stripe.open(Purchase("Credits"), payment)
    assert first == second
    assert sum(each["object"] == "checkout.session" for each in stripe_standin.things.values()) == 1


async def test_second_session_of_a_payment_is_closed_at_once(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment = await shop.open_payment(stripe)
    first = await stripe.open(Purchase("Credits"), payment)
    # Another process that knew nothing of it, and a key that Stripe has forgotten.
    stripe_standin._answers.clear()
    second = await stripe.open(Purchase("Credits"), payment)
    assert second == first
    sessions = [t for t in stripe_standin.things.values() if t["object"] == "checkout.session"]
    assert sorted(each["status"] for each in sessions) == ["expired", "open"]


async def test_promptpay_is_for_single_payments_in_baht(stripe: StripePayments) -> None:
    wish = Purchase("Credits", method="promptpay")
    stripe.vet(wish, "THB", is_plan=False)
    for currency, is_plan in (("USD", False), ("THB", True)):
        with pytest.raises(Refused, match="baht"):
            stripe.vet(wish, currency, is_plan=is_plan)
    with pytest.raises(Refused, match="truemoney"):
        stripe.vet(Purchase("Credits", method="truemoney"), "THB", is_plan=False)
    with pytest.raises(Refused, match="card"):
        stripe.vet(Purchase("Credits", token="tok_x"), "USD", is_plan=False)


async def test_way_to_pay_is_asked_for(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment = await shop.open_payment(stripe, package="thb-starter")
    await stripe.open(Purchase("Credits", method="promptpay"), payment)
    (sent,) = stripe_standin.of("submit")
    assert b"allowed_payment_method_types[0]=promptpay" in sent.body


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        (Status(500), Away),
        (Status(503), Away),
        (Status(429, {"retry-after": "7"}, {"error": {"message": "Slow down."}}), Away),
        (Cut(), Away),
        (Garbage(b"[1, 2"), Away),
        (Garbage(b"[1, 2]"), Away),
        (Status(400), Away),
        (Status(401), Misconfigured),
    ],
    ids=["500", "503", "429", "cut", "garbage", "no object", "no error of Stripe's", "401"],
)
async def test_payment_stays_open_while_stripe_is_away_and_its_key_goes_on(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin, how: Any, kind: type
) -> None:
    stripe._client._requestor._options.max_network_retries = 0
    payment = await shop.open_payment(stripe)
    stripe_standin.misbehave(how)
    with pytest.raises(kind) as refused:
        await stripe.open(Purchase("Credits"), payment)
    assert stripe_standin.key not in str(refused.value)
    if isinstance(how, Status) and how.status == 429:
        assert refused.value.retry_after == 7
    assert (await shop.payment(payment.id)).status == "pending"
    opened = await stripe.open(Purchase("Credits"), payment)
    assert opened.url is not None
    assert sum(each["object"] == "checkout.session" for each in stripe_standin.things.values()) == 1


async def test_answer_that_was_cut_is_asked_for_again_with_its_key(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    stripe_standin.misbehave(Cut(after_accepting=True))
    _, opened = await shop.open(stripe)
    assert opened.url is not None
    first, second = stripe_standin.of("submit")
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert sum(each["object"] == "checkout.session" for each in stripe_standin.things.values()) == 1


async def test_failure_that_a_key_repeats_for_ever_is_not_the_end(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    stripe._client._requestor._options.max_network_retries = 0
    stripe_standin.breaks = 1
    payment = await shop.open_payment(stripe)
    with pytest.raises(Away):
        await stripe.open(Purchase("Credits"), payment)
    # The session was made all the same.
    found = await stripe.open(Purchase("Credits"), payment)
    assert found.url is not None
    assert sum(each["object"] == "checkout.session" for each in stripe_standin.things.values()) == 1


async def test_key_that_answers_for_another_wish_is_replaced(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    stripe_standin.misbehave(AfterAccepting(Status(401)))
    payment = await shop.open_payment(stripe)
    with pytest.raises(Misconfigured):
        await stripe.open(Purchase("Credits", "old@example.com"), payment)
    opened = await stripe.open(Purchase("Credits", "new@example.com"), payment)
    assert opened.url is not None
    assert sum(each["object"] == "checkout.session" for each in stripe_standin.things.values()) == 1


async def test_refused_payment_has_failed_and_says_why(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    stripe_standin.misbehave(Status(400, body={"error": {"message": "The amount is too small."}}))
    payment = await shop.open_payment(stripe)
    with pytest.raises(Refused, match="too small"):
        await stripe.open(Purchase("Credits"), payment)
    payment = await shop.payment(payment.id)
    assert (payment.status, payment.failure_reason) == ("failed", "The amount is too small.")


# Events -----------------------------------------------------------------------------------------


async def test_paid_session_credits_once_however_often_it_is_told(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, _ = await shop.open(stripe)
    event = stripe_standin.pay(session_of(stripe_standin, payment))
    for _ in range(3):
        assert await shop.tell(stripe, event) == Applied("processed", payment.id)
    payment = await shop.payment(payment.id)
    assert (payment.status, payment.method) == ("succeeded", "card")
    assert payment.receipt_url is not None
    assert await shop.bought(payment.user_id) == 100
    assert await shop.is_sound(payment.user_id)


async def test_event_that_says_paid_of_an_unpaid_session_credits_nothing(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, _ = await shop.open(stripe)
    session_id = session_of(stripe_standin, payment)
    event = stripe_standin.event("checkout.session.completed", session_id)
    event["data"]["object"].update(status="complete", payment_status="paid")
    assert await shop.tell(stripe, event) == Applied("ignored", payment.id)
    assert await shop.bought(payment.user_id) == 0


@pytest.mark.parametrize(
    ("changes", "hint"),
    [({"amount_total": 1}, "amount_differs"), ({"currency": "thb"}, "currency_differs")],
)
async def test_other_amount_or_currency_credits_nothing_and_is_shown(
    shop: Any,
    stripe: StripePayments,
    stripe_standin: StripeStandin,
    changes: dict[str, Any],
    hint: str,
) -> None:
    payment, _ = await shop.open(stripe)
    event = stripe_standin.pay(session_of(stripe_standin, payment))
    stripe_standin.things[session_of(stripe_standin, payment)].update(changes)
    with pytest.raises(DatabaseError) as refused:
        await shop.tell(stripe, event)
    assert refused.value.hint == hint
    assert (await shop.payment(payment.id)).status == "pending"
    assert await shop.bought(payment.user_id) == 0


async def test_money_that_takes_its_time_is_processing_until_it_comes(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, _ = await shop.open(stripe, package="thb-starter")
    session_id = session_of(stripe_standin, payment)
    promised = stripe_standin.promise(session_id)
    await shop.tell(stripe, promised)
    assert (await shop.payment(payment.id)).status == "processing"
    await shop.tell(stripe, stripe_standin.arrive(session_id))
    # Late, and old news by now.
    await shop.tell(stripe, promised)
    payment = await shop.payment(payment.id)
    assert (payment.status, payment.method) == ("succeeded", "promptpay")
    assert await shop.bought(payment.user_id) == 3


async def test_money_that_does_not_come_has_failed(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, _ = await shop.open(stripe, package="thb-starter")
    session_id = session_of(stripe_standin, payment)
    await shop.tell(stripe, stripe_standin.promise(session_id))
    await shop.tell(stripe, stripe_standin.bounce(session_id))
    payment = await shop.payment(payment.id)
    assert (payment.status, payment.failure_reason) == ("failed", "The bank said no.")


async def test_page_that_was_left_has_expired(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, _ = await shop.open(stripe)
    await shop.tell(stripe, stripe_standin.leave(session_of(stripe_standin, payment)))
    assert (await shop.payment(payment.id)).status == "expired"


async def test_refunds_are_totals_whose_latest_counts(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, _ = await shop.open(stripe)
    session_id = session_of(stripe_standin, payment)
    await shop.tell(stripe, stripe_standin.pay(session_id))
    charge = stripe_standin.charge_of(session_id)
    some = stripe_standin.refund(charge, 333)
    await shop.tell(stripe, some)
    assert await shop.bought(payment.user_id) == pytest.approx(66.67)
    refund = stripe_standin.add("refund", "re", charge=charge)
    stripe_standin.refund(charge, 999)
    await shop.tell(stripe, stripe_standin.event("refund.created", refund["id"]))
    assert await shop.tell(stripe, some) == Applied("ignored", payment.id)
    assert (await shop.payment(payment.id)).status == "refunded"
    assert await shop.bought(payment.user_id) == 0
    # A bank sends it back: nobody knows here whom to give what.
    stripe_standin.refund(charge, 333)
    with pytest.raises(Contradiction, match="666 USD less"):
        await shop.tell(stripe, stripe_standin.event("refund.failed", refund["id"]))


async def test_dispute_takes_credits_when_it_is_lost_and_returns_them_when_it_is_won(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, _ = await shop.open(stripe)
    session_id = session_of(stripe_standin, payment)
    await shop.tell(stripe, stripe_standin.pay(session_id))
    charge = stripe_standin.charge_of(session_id)
    seen = []
    for status in ("needs_response", "lost", "won"):
        await shop.tell(stripe, stripe_standin.dispute(charge, status))
        seen.append(((await shop.payment(payment.id)).status, await shop.bought(payment.user_id)))
    assert seen == [("disputed", 100), ("refunded", 0), ("succeeded", 100)]
    assert await shop.is_sound(payment.user_id)


async def test_dispute_in_the_banks_own_currency_is_about_all_of_it(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, _ = await shop.open(stripe)
    session_id = session_of(stripe_standin, payment)
    await shop.tell(stripe, stripe_standin.pay(session_id))
    charge = stripe_standin.charge_of(session_id)
    await shop.tell(stripe, stripe_standin.dispute(charge, "lost", amount=31_000, currency="thb"))
    assert await shop.bought(payment.user_id) == 0


async def test_what_is_nothing_of_ours_is_ignored(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, _ = await shop.open(stripe)
    session = stripe_standin.things[session_of(stripe_standin, payment)]
    event = stripe_standin.event("product.created", session["id"])
    assert await shop.tell(stripe, event) == Applied("ignored")
    session["metadata"] = {"order": "42"}
    event = stripe_standin.pay(session["id"])
    assert await shop.tell(stripe, event) == Applied("ignored")
    charge = stripe_standin._charge(100, "usd", {}, "card")
    assert await shop.tell(stripe, stripe_standin.refund(charge["id"], 50)) == Applied("ignored")


async def test_what_cannot_be_ours_is_shown(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, _ = await shop.open(stripe)
    session = stripe_standin.things[session_of(stripe_standin, payment)]
    event = stripe_standin.pay(session["id"])
    with pytest.raises(Misconfigured, match="test mode"):
        await shop.tell(stripe, {**event, "livemode": True})
    session["livemode"] = True
    with pytest.raises(Misconfigured, match="test mode"):
        await shop.tell(stripe, event)
    session["livemode"] = False
    session["metadata"] = {"payment_id": "3f1d7f0a-0d3c-4c55-9c53-0f0f5a3b7e11"}
    with pytest.raises(Contradiction, match="no such payment"):
        await shop.tell(stripe, event)
    del stripe_standin.things[session["id"]]
    with pytest.raises(Contradiction, match="knows nothing"):
        await shop.tell(stripe, event)
    event["data"]["object"]["id"] = "../../v1/charges"
    with pytest.raises(Contradiction, match="no id"):
        await shop.tell(stripe, event)
    assert await shop.bought(payment.user_id) == 0


# Subscriptions ----------------------------------------------------------------------------------


async def subscribed(
    shop: Any, stripe: StripePayments, standin: StripeStandin, days_ago: int = 0
) -> tuple[Payment, str]:
    """Subscribe somebody to the plan `starter` (100 credits for 9.99 a month)."""
    standin.now -= days_ago * DAY
    payment, _ = await shop.open(stripe, tier="starter")
    await shop.tell(stripe, standin.pay(session_of(standin, payment)))
    standin.now += days_ago * DAY
    return payment, standin.things[session_of(standin, payment)]["subscription"]


async def test_subscription_brings_its_tier_and_allowance_whatever_is_told_first(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        payment, _ = await shop.open(stripe, tier="starter")
        session_id = session_of(stripe_standin, payment)
        completed = stripe_standin.pay(session_id)
        deal = stripe_standin.things[session_id]["subscription"]
        invoice = stripe_standin.things[deal]["latest_invoice"]
        events = [
            completed,
            stripe_standin.event("invoice.paid", invoice),
            stripe_standin.event("customer.subscription.created", deal),
        ]
        for number in order:
            await shop.tell(stripe, events[number])
        assert await shop.tier(payment.user_id) == "starter"
        assert await shop.bought(payment.user_id) == 100
    row = await shop.subscription(payment.user_id)
    assert (row["status"], row["provider_reference"]) == ("active", deal)
    assert await shop.is_sound(payment.user_id)


async def test_subscription_that_is_not_paid_for_brings_nothing(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, _ = await shop.open(stripe, tier="starter")
    session_id = session_of(stripe_standin, payment)
    stripe_standin.pay(session_id)
    deal = stripe_standin.things[session_id]["subscription"]
    await shop.tell(stripe, stripe_standin.event("customer.subscription.created", deal))
    assert await shop.tier(payment.user_id) == "free"
    assert await shop.bought(payment.user_id) == 0


async def test_renewal_is_a_payment_of_its_own_and_brings_the_next_month(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, deal = await subscribed(shop, stripe, stripe_standin, days_ago=31)
    # Nothing for a month that was over before anybody heard of it.
    assert await shop.bought(payment.user_id) == 0
    event = stripe_standin.renew(deal, 999, "usd")
    for _ in range(2):
        assert (await shop.tell(stripe, event)).status == "processed"
    assert await shop.bought(payment.user_id) == 100
    row = await shop.subscription(payment.user_id)
    assert row["status"] == "active"
    assert row["current_period_ends_at"] > datetime.now(UTC) + timedelta(days=28)
    renewal = await shop.books.payment_by_reference("stripe", event["data"]["object"]["id"])
    assert (renewal.status, renewal.amount_minor, renewal.currency) == ("succeeded", 999, "USD")
    # Its refund is told by a charge that knows only of the invoice.
    charge = stripe_standin.charge_of(event["data"]["object"]["id"])
    await shop.tell(stripe, stripe_standin.refund(charge, 999))
    assert await shop.bought(payment.user_id) == 0
    assert await shop.is_sound(payment.user_id)


async def test_first_invoice_is_refunded_like_any_payment(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, deal = await subscribed(shop, stripe, stripe_standin)
    invoice = stripe_standin.things[deal]["latest_invoice"]
    await shop.tell(stripe, stripe_standin.refund(stripe_standin.charge_of(invoice), 999))
    assert (await shop.payment(payment.id)).status == "refunded"
    assert await shop.bought(payment.user_id) == 0


async def test_renewal_that_fails_is_past_due_until_it_is_paid(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, deal = await subscribed(shop, stripe, stripe_standin, days_ago=30)
    failed = stripe_standin.renew(deal, 999, "usd", is_paid=False)
    await shop.tell(stripe, failed)
    assert (await shop.subscription(payment.user_id))["status"] == "past_due"
    assert await shop.tier(payment.user_id) == "starter"
    await shop.tell(stripe, stripe_standin.settle_invoice(failed["data"]["object"]["id"]))
    assert (await shop.subscription(payment.user_id))["status"] == "active"
    assert await shop.bought(payment.user_id) == 100


async def test_renewal_that_was_never_told_is_asked_after(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, deal = await subscribed(shop, stripe, stripe_standin, days_ago=30)
    stripe_standin.renew(deal, 999, "usd")
    await shop.rows("select worker.follow_subscriptions(1000)")
    assert (await shop.subscription(payment.user_id))["status"] == "past_due"
    found = [each.provider_reference for each in await shop.books.overdue_subscriptions("stripe")]
    assert deal in found
    # Others' late ones lie with stand-ins of their own.
    stripe._books = OnlyOverdue(shop.books, deal)
    await stripe.check_subscriptions()
    assert (await shop.subscription(payment.user_id))["status"] == "active"
    assert await shop.bought(payment.user_id) == 100


class OnlyOverdue:
    """The books, with one late subscription."""

    def __init__(self, books: Any, reference: str) -> None:
        self._books = books
        self._reference = reference

    def __getattr__(self, name: str) -> Any:
        return getattr(self._books, name)

    async def overdue_subscriptions(self, provider: str) -> list[Any]:
        rows = await self._books.overdue_subscriptions(provider)
        return [each for each in rows if each.provider_reference == self._reference]


async def test_subscription_is_cancelled_resumed_and_ended(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, deal = await subscribed(shop, stripe, stripe_standin, days_ago=2)
    seen = []
    stripe_standin.now -= 100
    for act in (
        stripe_standin.cancel_later,
        stripe_standin.resume,
        stripe_standin.cancel_later,
        stripe_standin.end,
    ):
        # An end in a year says nothing yet.
        stripe_standin.things[deal]["cancel_at"] = stripe_standin.now + 365 * DAY
        event = act(deal)
        stripe_standin.now += 10
        for _ in range(2):
            await shop.tell(stripe, event)
        seen.append((await shop.subscription(payment.user_id))["status"])
    assert seen == ["cancelled", "active", "cancelled", "ended"]
    assert await shop.tier(payment.user_id) == "free"
    assert await shop.bought(payment.user_id) == 100


async def test_change_of_plan_counts_once_its_bill_is_paid(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, deal = await subscribed(shop, stripe, stripe_standin, days_ago=3)
    stripe_standin.now -= 100
    changed = stripe_standin.change(deal, "creator", 2000, "usd", is_paid=False)
    await shop.tell(stripe, changed)
    assert await shop.tier(payment.user_id) == "starter"
    invoice = stripe_standin.things[deal]["latest_invoice"]
    paid = stripe_standin.settle_invoice(invoice)
    for event in (paid, changed, paid):
        await shop.tell(stripe, event)
    assert await shop.tier(payment.user_id) == "creator"
    assert await shop.bought(payment.user_id) == pytest.approx(370, abs=1)
    # And back, which is billed with the next month.
    stripe_standin.now += 50
    await shop.tell(stripe, stripe_standin.change(deal, "starter", 0, "usd"))
    assert await shop.tier(payment.user_id) == "starter"
    assert await shop.is_sound(payment.user_id)


async def test_more_that_is_not_billed_at_once_counts_with_the_month_that_is(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, deal = await subscribed(shop, stripe, stripe_standin, days_ago=31)
    cheap = stripe_standin.renew(deal, 999, "usd")
    await shop.tell(stripe, cheap)
    # As a portal has it that bills no difference: up, and back before the month is over.
    raised = stripe_standin.change(deal, "business", 0, "usd")
    for event in (raised, cheap):
        await shop.tell(stripe, event)
    assert await shop.tier(payment.user_id) == "starter"
    assert await shop.bought(payment.user_id) == 100
    # Who keeps it is billed for it, and has it once that is paid.
    item = stripe_standin.things[deal]["items"]["data"][0]
    item["current_period_end"] = stripe_standin.now - 60
    unpaid = stripe_standin.renew(deal, 9999, "usd", is_paid=False)
    await shop.tell(stripe, unpaid)
    assert await shop.tier(payment.user_id) == "starter"
    paid = stripe_standin.settle_invoice(unpaid["data"]["object"]["id"])
    for event in (paid, raised, paid):
        await shop.tell(stripe, event)
    assert await shop.tier(payment.user_id) == "business"
    assert await shop.bought(payment.user_id) > 1000
    assert await shop.is_sound(payment.user_id)


async def test_plan_that_a_balance_paid_for_brings_nothing(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, _ = await shop.open(stripe, tier="starter")
    paid = stripe_standin.pay(session_of(stripe_standin, payment))
    session = stripe_standin.things[session_of(stripe_standin, payment)]
    stripe_standin.things[session["invoice"]].update(amount_due=0, amount_paid=0)
    for status in ("paid", "no_payment_required"):
        session["payment_status"] = status
        with pytest.raises(DatabaseError) if status == "paid" else nullcontext():
            await shop.tell(stripe, paid)
    assert await shop.tier(payment.user_id) == "free"
    assert await shop.bought(payment.user_id) == 0


async def test_bill_of_a_change_is_asked_after_like_any_payment(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    statuses = []
    for end in ("paid", "void"):
        payment, deal = await subscribed(shop, stripe, stripe_standin, days_ago=3)
        stripe_standin.now -= 100
        changed = stripe_standin.change(deal, "creator", 2000, "usd", is_paid=False)
        stripe_standin.now += 100
        await shop.tell(stripe, changed)
        invoice = stripe_standin.things[deal]["latest_invoice"]
        if end == "paid":
            stripe_standin.settle_invoice(invoice)
        else:
            stripe_standin.things[invoice]["status"] = end
        bill = await shop.books.payment_by_reference("stripe", invoice)
        await stripe.check(bill)
        statuses.append(((await shop.payment(bill.id)).status, await shop.tier(payment.user_id)))
    assert statuses == [("succeeded", "creator"), ("failed", "starter")]


async def test_change_to_an_unknown_price_is_shown(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, deal = await subscribed(shop, stripe, stripe_standin)
    event = stripe_standin.change(deal, "somebody_elses", 0, "usd")
    with pytest.raises(Contradiction, match="does not say its plan"):
        await shop.tell(stripe, event)
    assert await shop.tier(payment.user_id) == "starter"


async def test_plan_cannot_be_paid_in_two_tabs(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    first, _ = await shop.open(stripe, tier="starter")
    second, _ = await shop.open(stripe, first.user_id, tier="creator")
    assert stripe_standin.things[session_of(stripe_standin, first)]["status"] == "expired"
    assert (await shop.payment(first.id)).status == "expired"
    # Of an account that is ours no longer.
    del stripe_standin.things[session_of(stripe_standin, second)]
    second, _ = await shop.open(stripe, first.user_id, tier="creator")
    # Nobody has told us of it yet.
    stripe_standin.pay(session_of(stripe_standin, second))
    with pytest.raises(Refused, match="on its way"):
        await shop.open(stripe, first.user_id, tier="starter")
    assert await shop.tier(first.user_id) == "creator"


class AtOnce:
    """The books, where nobody learns which payments are open before two have asked."""

    def __init__(self, books: Any) -> None:
        self._books = books
        self._asked = 0
        self._both = anyio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._books, name)

    async def open_plan_payments(self, *asked: Any) -> list[Any]:
        found = await self._books.open_plan_payments(*asked)
        self._asked += 1
        if self._asked == 2:
            self._both.set()
        await self._both.wait()
        return list(found)


async def test_two_plans_at_the_same_moment_leave_no_two_pages_to_pay_on(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    first = await shop.open_payment(stripe, tier="starter")
    second = await shop.open_payment(stripe, first.user_id, tier="creator")
    stripe._books = AtOnce(shop.books)
    async with anyio.create_task_group() as group:
        for payment in (first, second):
            group.start_soon(stripe.open, Purchase("A plan"), payment)
    sessions = [each for each in stripe_standin.things.values() if "payment_status" in each]
    assert len(sessions) == 2
    assert [each["status"] for each in sessions].count("open") < 2


async def test_subscription_that_another_replaces_is_ended_at_stripe(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, old = await subscribed(shop, stripe, stripe_standin, days_ago=1)
    later, _ = await shop.open(stripe, payment.user_id, tier="creator")
    await shop.tell(stripe, stripe_standin.pay(session_of(stripe_standin, later)))
    assert stripe_standin.things[old]["status"] == "canceled"
    assert await shop.tier(payment.user_id) == "creator"
    # And if it is billed on for all that, somebody must look.
    with pytest.raises(Contradiction, match="billed on"):
        await shop.tell(stripe, stripe_standin.renew(old, 999, "usd"))


async def test_portal_is_the_customers_own(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, deal = await subscribed(shop, stripe, stripe_standin)
    customer = stripe_standin.things[deal]["customer"]
    assert (await stripe.portal(payment.user_id)).endswith(customer)
    with pytest.raises(Refused, match="nothing was bought"):
        await stripe.portal(await shop.user())


async def test_customer_who_is_gone_at_stripe_can_still_buy(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, deal = await subscribed(shop, stripe, stripe_standin)
    del stripe_standin.things[stripe_standin.things[deal]["customer"]]
    _, opened = await shop.open(stripe, payment.user_id)
    assert opened.url is not None


# Asking -----------------------------------------------------------------------------------------


async def test_payment_whose_event_was_lost_is_asked_after(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment, _ = await shop.open(stripe)
    await stripe.check(payment)
    assert (await shop.payment(payment.id)).status == "pending"
    stripe_standin.pay(session_of(stripe_standin, payment))
    await stripe.check(payment)
    assert await shop.bought(payment.user_id) == 100


async def test_session_of_which_no_note_was_taken_is_found_by_its_metadata(
    shop: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    payment = await shop.open_payment(stripe)
    stripe_standin.misbehave(AfterAccepting(Status(401)))
    with pytest.raises(Misconfigured):
        await stripe.open(Purchase("Credits"), payment)
    (session,) = stripe_standin.things.values()
    # More than fit on a page were made since.
    for _ in range(130):
        stripe_standin.add("checkout.session", "cs_test", status="open")
    stripe_standin.pay(session["id"])
    await stripe.check(payment)
    assert (await shop.payment(payment.id)).provider_reference == session["id"]
    assert await shop.bought(payment.user_id) == 100


async def test_payment_that_was_never_begun_expires_after_a_day(
    shop: Any, stripe: StripePayments
) -> None:
    payment = await shop.open_payment(stripe)
    await stripe.check(payment)
    assert (await shop.payment(payment.id)).status == "pending"
    stripe._now = lambda: datetime.now(UTC) + timedelta(hours=26)
    await stripe.check(payment)
    assert (await shop.payment(payment.id)).status == "expired"


# Setting up -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"])
async def test_missing_key_is_named(shop: Any, stripe_standin: StripeStandin, name: str) -> None:
    environ = {**stripe_standin.environ, name: ""}
    with pytest.raises(Configuration, match=name):
        make_stripe(stripe_standin.context(environ=environ), shop.books)
