"""Omise, against a server on loopback that behaves as its documents say."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standins.frame import AfterAccepting, Cut, Garbage, Hang, Status
from standins.omise import OmiseStandin

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
from reelbase.payments.omise import OmisePayments
from reelbase.payments.omise import make as make_omise
from reelbase.providers.base import Configuration

pytestmark = pytest.mark.anyio

PROMPTPAY = Purchase("Starter Pack: 3 credits", "a@example.com", "promptpay")
TRUEMONEY = Purchase("Starter Pack: 3 credits", "a@example.com", "truemoney")


def card(token: str = "tokn_test_good") -> Purchase:
    return Purchase("Starter Pack: 3 credits", "a@example.com", "card", token)


async def opened(shop: Any, omise: OmisePayments, purchase: Purchase = PROMPTPAY) -> Payment:
    """Open a purchase of 3 credits for 99 baht."""
    payment = await shop.open_payment(omise, package="thb-starter")
    await omise.open(purchase, payment)
    return await shop.payment(payment.id)


# Opening ----------------------------------------------------------------------------------------


async def test_promptpay_gives_a_code_to_scan(
    shop: Any, omise: OmisePayments, omise_standin: OmiseStandin
) -> None:
    payment = await shop.open_payment(omise, package="thb-starter")
    where = await omise.open(PROMPTPAY, payment)
    (charge,) = omise_standin.charges.values()
    assert where.qr_url == charge["source"]["scannable_code"]["image"]["download_uri"]
    assert where.url is None
    assert where.expires_at is not None
    assert (charge["amount"], charge["currency"]) == (9900, "THB")
    assert charge["metadata"] == {"payment_id": payment.id}
    assert charge["return_uri"].endswith(f"?payment_id={payment.id}")
    payment = await shop.payment(payment.id)
    assert (payment.provider_reference, payment.method) == (charge["id"], "promptpay")


async def test_truemoney_sends_the_browser_to_its_app(
    shop: Any, omise: OmisePayments, omise_standin: OmiseStandin
) -> None:
    payment = await shop.open_payment(omise, package="thb-starter")
    where = await omise.open(TRUEMONEY, payment)
    (charge,) = omise_standin.charges.values()
    assert charge["source"]["type"] == "truemoney_jumpapp"
    assert (where.url, where.qr_url) == (charge["authorize_uri"], None)


async def test_card_is_charged_by_a_token_at_once(
    shop: Any, omise: OmisePayments, omise_standin: OmiseStandin
) -> None:
    payment = await opened(shop, omise, card())
    assert (payment.status, payment.method) == ("succeeded", "card")
    assert await shop.bought(payment.user_id) == 3


async def test_declined_card_has_failed_and_says_why(shop: Any, omise: OmisePayments) -> None:
    payment = await opened(shop, omise, card("tokn_test_poor"))
    assert payment.status == "failed"
    assert payment.failure_reason == "insufficient funds in the account"
    assert await shop.bought(payment.user_id) == 0


@pytest.mark.parametrize(
    ("purchase", "currency", "is_plan", "code"),
    [
        (PROMPTPAY, "THB", True, "plan_not_available"),
        (PROMPTPAY, "USD", False, "method_not_available"),
        (TRUEMONEY, "USD", False, "method_not_available"),
        (Purchase("Credits"), "THB", False, "method_missing"),
        (Purchase("Credits", None, "card"), "THB", False, "token_missing"),
        (card("4242424242424242"), "THB", False, "token_not_taken"),
        (Purchase("Credits", None, "promptpay", "tokn_test_good"), "THB", False, "token_not_taken"),
    ],
)
async def test_what_omise_cannot_take_is_refused_before(
    omise: OmisePayments, purchase: Purchase, currency: str, is_plan: bool, code: str
) -> None:
    with pytest.raises(Refused) as refused:
        omise.vet(purchase, currency, is_plan=is_plan)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        (Status(500), Away),
        (AfterAccepting(Status(500)), Away),
        (Status(429, {"retry-after": "7"}), Away),
        (Cut(), Away),
        (Cut(after_accepting=True), Away),
        (Garbage(), Away),
        (Status(401), Misconfigured),
    ],
    ids=["500", "500 after accepting", "429", "cut", "cut after accepting", "garbage", "401"],
)
async def test_payment_whose_answer_was_lost_goes_on_with_the_charge_that_was_made(
    shop: Any, omise: OmisePayments, omise_standin: OmiseStandin, how: Any, kind: type
) -> None:
    payment = await shop.open_payment(omise, package="thb-starter")
    omise_standin.misbehave(how)
    with pytest.raises(kind) as refused:
        await omise.open(PROMPTPAY, payment)
    assert omise_standin.key not in str(refused.value)
    assert (await shop.payment(payment.id)).status == "pending"
    assert (await omise.open(PROMPTPAY, payment)).qr_url is not None
    assert len(omise_standin.charges) == 1


async def test_refused_payment_has_failed_and_says_why(
    shop: Any, omise: OmisePayments, omise_standin: OmiseStandin
) -> None:
    omise_standin.misbehave(
        Status(400, body={"object": "error", "message": "amount must be at least 2000"})
    )
    payment = await shop.open_payment(omise, package="thb-starter")
    with pytest.raises(Refused, match="at least 2000"):
        await omise.open(PROMPTPAY, payment)
    assert (await shop.payment(payment.id)).status == "failed"


async def test_charge_that_was_made_beside_another_is_expired(
    shop: Any, omise: OmisePayments, omise_standin: OmiseStandin
) -> None:
    payment = await opened(shop, omise)
    (first,) = omise_standin.charges.values()
    # Another process made one in the same moment.
    other = await omise._create(PROMPTPAY, payment)
    assert (await omise._noted(payment, other)).id == first["id"]
    assert omise_standin.charges[other.id]["status"] == "expired"
    expired = omise_standin.event("charge.expire", omise_standin.charges[other.id])
    await shop.tell(omise, expired)
    assert (await shop.payment(payment.id)).status == "pending"


# Events -----------------------------------------------------------------------------------------


async def test_paid_charge_credits_once_however_often_it_is_told(
    shop: Any, omise: OmisePayments, omise_standin: OmiseStandin
) -> None:
    payment = await opened(shop, omise)
    event = omise_standin.end(payment.provider_reference or "", "successful")
    for _ in range(3):
        assert await shop.tell(omise, event) == Applied("processed", payment.id)
    assert (await shop.payment(payment.id)).status == "succeeded"
    assert await shop.bought(payment.user_id) == 3
    assert await shop.is_sound(payment.user_id)


async def test_event_that_says_paid_of_a_pending_charge_credits_nothing(
    shop: Any, omise: OmisePayments, omise_standin: OmiseStandin
) -> None:
    payment = await opened(shop, omise)
    charge = omise_standin.charges[payment.provider_reference or ""]
    event = omise_standin.event("charge.complete", {**charge, "status": "successful"})
    assert await shop.tell(omise, event) == Applied("ignored", payment.id)
    assert await shop.bought(payment.user_id) == 0


@pytest.mark.parametrize(
    ("changes", "hint"),
    [({"amount": 100}, "amount_differs"), ({"currency": "JPY"}, "currency_differs")],
)
async def test_other_amount_or_currency_credits_nothing_and_is_shown(
    shop: Any,
    omise: OmisePayments,
    omise_standin: OmiseStandin,
    changes: dict[str, Any],
    hint: str,
) -> None:
    payment = await opened(shop, omise)
    event = omise_standin.end(payment.provider_reference or "", "successful")
    omise_standin.charges[payment.provider_reference or ""].update(changes)
    with pytest.raises(DatabaseError) as refused:
        await shop.tell(omise, event)
    assert refused.value.hint == hint
    assert await shop.bought(payment.user_id) == 0


@pytest.mark.parametrize(
    ("status", "ours"), [("failed", "failed"), ("reversed", "failed"), ("expired", "expired")]
)
async def test_unpaid_charge_has_failed_or_expired(
    shop: Any, omise: OmisePayments, omise_standin: OmiseStandin, status: str, ours: str
) -> None:
    payment = await opened(shop, omise)
    reference = payment.provider_reference or ""
    await shop.tell(omise, omise_standin.end(reference, status, "see https://bank.example/x"))
    payment = await shop.payment(payment.id)
    assert payment.status == ours
    assert "https" not in (payment.failure_reason or "")


async def test_refunds_and_disputes_are_read_from_the_charge(
    shop: Any, omise: OmisePayments, omise_standin: OmiseStandin
) -> None:
    payment = await opened(shop, omise)
    reference = payment.provider_reference or ""
    await shop.tell(omise, omise_standin.end(reference, "successful"))
    await shop.tell(omise, omise_standin.refund(reference, 3300))
    assert await shop.bought(payment.user_id) == 2
    seen = []
    for status in ("open", "pending", "lost", "won"):
        await shop.tell(omise, omise_standin.dispute(reference, status))
        seen.append((await shop.payment(payment.id)).status)
    assert seen == ["disputed", "disputed", "refunded", "succeeded"]
    assert await shop.bought(payment.user_id) == 2
    assert await shop.is_sound(payment.user_id)


async def test_what_is_nothing_of_ours_is_ignored_and_what_cannot_be_is_shown(
    shop: Any, omise: OmisePayments, omise_standin: OmiseStandin
) -> None:
    payment = await opened(shop, omise)
    charge = omise_standin.charges[payment.provider_reference or ""]
    event = omise_standin.end(charge["id"], "successful")
    assert await shop.tell(omise, {**event, "key": "transfer.create"}) == Applied("ignored")
    with pytest.raises(Misconfigured, match="test mode"):
        await shop.tell(omise, {**event, "livemode": True})
    with pytest.raises(Contradiction, match="no id"):
        await shop.tell(omise, {**event, "data": {"id": "chrg_/../x"}})
    with pytest.raises(Contradiction, match="knows nothing"):
        await shop.tell(omise, {**event, "data": {"id": "chrg_test_gone"}})
    charge["metadata"] = {"payment_id": "3f1d7f0a-0d3c-4c55-9c53-0f0f5a3b7e11"}
    with pytest.raises(Contradiction, match="no such payment"):
        await shop.tell(omise, event)
    charge["metadata"] = {"order": "42"}
    assert await shop.tell(omise, event) == Applied("ignored")
    assert await shop.bought(payment.user_id) == 0


# Asking -----------------------------------------------------------------------------------------


async def test_payment_whose_event_was_lost_is_asked_after(
    shop: Any, omise: OmisePayments, omise_standin: OmiseStandin
) -> None:
    payment = await opened(shop, omise)
    omise_standin.end(payment.provider_reference or "", "successful")
    omise_standin.misbehave(Hang(), on="look_up")
    omise._wire._call_seconds = 0.2
    with pytest.raises(Away):
        await omise.check(payment)
    omise._wire._call_seconds = 20
    await omise.check(payment)
    assert await shop.bought(payment.user_id) == 3


async def test_charge_of_which_no_note_was_taken_is_found_by_its_metadata(
    shop: Any, omise: OmisePayments, omise_standin: OmiseStandin
) -> None:
    payment = await shop.open_payment(omise, package="thb-starter")
    omise_standin.misbehave(Cut(after_accepting=True))
    with pytest.raises(Away):
        await omise.open(PROMPTPAY, payment)
    (charge,) = list(omise_standin.charges.values())
    # More than fit on a page were made shortly before.
    del omise_standin.charges[charge["id"]]
    for number in range(130):
        omise_standin.charges[f"chrg_{number}"] = {**charge, "id": f"chrg_{number}", "metadata": {}}
    omise_standin.charges[charge["id"]] = charge
    charge["status"] = "successful"
    await omise.check(payment)
    assert await shop.bought(payment.user_id) == 3


async def test_payment_that_was_never_begun_expires_after_a_day(
    shop: Any, omise: OmisePayments
) -> None:
    payment = await shop.open_payment(omise, package="thb-starter")
    await omise.check(payment)
    assert (await shop.payment(payment.id)).status == "pending"
    omise._now = lambda: datetime.now(UTC) + timedelta(hours=26)
    await omise.check(payment)
    assert (await shop.payment(payment.id)).status == "expired"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OMISE_SECRET_KEY", ""),
        ("OMISE_WEBHOOK_SECRET", ""),
        ("OMISE_WEBHOOK_SECRET", "no base64!"),
    ],
)
async def test_missing_or_garbled_key_is_named(
    shop: Any, omise_standin: OmiseStandin, name: str, value: str
) -> None:
    environ = {**omise_standin.environ, name: value}
    with pytest.raises(Configuration, match=name) as refused:
        make_omise(omise_standin.context(environ=environ), shop.books)
    assert not value or value not in str(refused.value)
