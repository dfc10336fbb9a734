"""Whatever is delivered, or answered, raises what is documented and nothing else."""

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standins.omise import OmiseStandin
from standins.stripe import StripeStandin

from reelbase.errors import ReelbaseError
from reelbase.payments.base import event_in, payment_id_in, time_of, with_payment
from reelbase.payments.omise import OmisePayments
from reelbase.payments.stripe import HEARD, StripePayments, StripeWebhooks
from reelbase.webhooks import NotGenuine

pytestmark = pytest.mark.anyio

TEXTS = st.text(max_size=12) | st.sampled_from(
    ["cs_1", "in_1", "chrg_1", "paid", "open", "complete", "usd", "\0", "\ud800", "won"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
EXAMPLES = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def some(form: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects of a form in which some members are something else, or missing."""
    members = {
        name: (some(value) if isinstance(value, dict) else st.just(value)) | VALUES
        for name, value in form.items()
    }
    return st.fixed_dictionaries({}, optional=members)


EVENT = {
    "id": "evt_1",
    "livemode": False,
    "created": 1_800_000_000,
    "data": {"object": {"id": "cs_1", "object": "checkout.session", "charge": "ch_1"}},
}
OMISE_EVENT = {"id": "evnt_1", "livemode": False, "data": {"id": "chrg_1", "charge": "chrg_1"}}
PAYMENT_ID = str(uuid.uuid4())
OMISE_ID = str(uuid.uuid4())
STRIPE_THING = {
    "id": "cs_1",
    "object": "checkout.session",
    "livemode": False,
    "metadata": {"payment_id": PAYMENT_ID},
    "mode": "payment",
    "status": "complete",
    "payment_status": "paid",
    "amount_total": 999,
    "amount_due": 999,
    "amount_paid": 999,
    "amount_refunded": 1,
    "amount": 999,
    "currency": "usd",
    "created": 1_800_000_000,
    "start_date": 1_800_000_000,
    "billing_reason": "subscription_cycle",
    "parent": {"subscription_details": {"subscription": "cs_1", "metadata": {}}},
    "items": {"data": [{"current_period_start": 1_800_000_000}]},
    "lines": {"data": [{"period": {"start": 1}}]},
    "payment_intent": "cs_1",
    "charge": "cs_1",
    "subscription": "cs_1",
}
OMISE_CHARGE = {
    "id": "chrg_1",
    "livemode": False,
    "status": "successful",
    "amount": 9900,
    "currency": "THB",
    "metadata": {"payment_id": OMISE_ID},
    "refunded_amount": 100,
    "expires_at": "2027-01-01T00:00:00Z",
    "dispute": {"id": "dspt_1", "status": "open", "amount": 9900},
    "source": {"type": "promptpay"},
}


@EXAMPLES
@given(kind=st.sampled_from(sorted(HEARD)) | TEXTS, event=some(EVENT) | VALUES)
async def test_no_event_of_stripes_raises_anything_else(
    kind: str, event: Any, stripe: StripePayments
) -> None:
    with suppress(ReelbaseError):
        assert (await stripe.apply(kind, event, None)).status == "ignored"


@EXAMPLES
@given(kind=st.sampled_from(sorted(HEARD)), thing=some(STRIPE_THING) | VALUES)
async def test_no_object_of_stripes_raises_anything_else(
    kind: str, thing: Any, stripe: StripePayments, stripe_standin: StripeStandin
) -> None:
    stripe_standin.answer = serial(thing)
    with suppress(ReelbaseError):
        assert (await stripe.apply(kind, EVENT, None)).payment_id in {None, PAYMENT_ID}


@EXAMPLES
@given(
    kind=st.sampled_from(["charge.complete", "refund.create", "dispute.close"]) | TEXTS,
    event=some(OMISE_EVENT) | VALUES,
    charge=some(OMISE_CHARGE) | VALUES,
)
async def test_no_event_or_charge_of_omises_raises_anything_else(
    kind: str, event: Any, charge: Any, omise: OmisePayments, omise_standin: OmiseStandin
) -> None:
    omise_standin.answer = serial(charge)
    with suppress(ReelbaseError):
        assert (await omise.apply(kind, event, None)).payment_id in {None, OMISE_ID}


def serial(thing: Any) -> Any:
    """What of it can be sent: a float has to be a number."""
    return json.loads(json.dumps(thing).replace("NaN", "0").replace("Infinity", "1"))


@pytest.fixture(scope="module", autouse=True)
async def known(shop: Any) -> AsyncIterator[None]:
    """A payment to which all of it may lead: the books are sound in the end."""
    user = await shop.user()
    for provider, package, payment_id in (
        ("stripe", "usd-starter", PAYMENT_ID),
        ("omise", "thb-starter", OMISE_ID),
    ):
        await shop.connection.execute(
            "insert into public.payments (id, user_id, package_id, provider, amount_minor,"
            " currency, credits) select %s, %s, id, %s, price_minor, currency, credits"
            " from public.credit_packages where slug = %s",
            (payment_id, user, provider, package),
        )
    yield
    assert await shop.is_sound(user)
    assert 0 <= await shop.bought(user) <= 103


@settings(EXAMPLES, max_examples=60)
@given(body=st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()))
async def test_no_signed_body_raises_anything_but_that_it_is_no_event(body: bytes) -> None:
    sent_at = int(time.time())
    mac = hmac.new(b"whsec_x", f"{sent_at}.".encode() + body, hashlib.sha256).hexdigest()
    try:
        event = await StripeWebhooks((b"whsec_x",)).verify(
            {"stripe-signature": f"t={sent_at},v1={mac}"}, body, sent_at
        )
    except NotGenuine:
        return
    assert 1 <= len(event.event_id) <= 255


def test_event_is_read_as_far_as_it_can_be() -> None:
    body = json.dumps({"id": "evt_1", "type": "x\0y", "data": {"object": {"id": "cs_1"}}}).encode()
    event = event_in(body, "type", "data", "object", "id")
    assert (event.event_id, event.type, event.subject) == ("evt_1", "", "cs_1")
    for body in (b"", b"{", b"[]", b'{"id": 1}', b'{"id": ""}', b'{"id": "\\u0000"}', b"[" * 9000):
        with pytest.raises(NotGenuine):
            event_in(body, "type", "data", "id")


def test_only_our_own_kind_of_id_is_ours() -> None:
    assert payment_id_in({"payment_id": PAYMENT_ID}) == PAYMENT_ID
    for other in (None, [], {}, {"payment_id": 7}, {"payment_id": PAYMENT_ID.upper()}, {"id": "x"}):
        assert payment_id_in(other) is None


def test_times_and_addresses_are_made_with_care() -> None:
    assert time_of(1_800_000_000).isoformat() == "2027-01-15T08:00:00+00:00"  # type: ignore[union-attr]
    for other in (None, True, -1, 0, 2**70, "1800000000", 1.8e9):
        assert time_of(other) is None
    assert with_payment("https://a.example/x#y", "1") == "https://a.example/x?payment_id=1#y"
