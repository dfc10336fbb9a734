"""A thousand orders of a payment's events, each with duplicates, end in the state that they tell.

Sets of ten events are drawn by a generator. Each is told of fifty payments, of each in another
order and some of it twice, by four connections that take the next event from one queue, as the
workers of an inbox do: neighbours in the queue race for the same payment. What must come of it is
reckoned from the set alone, which has no order.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from .harness import Bench, Session, Shop, race

ORDERS = 50
"""Payments, each with an order of its own, that are told of one set of events."""

EVENTS = 10
DUPLICATES = 3
CONNECTIONS = 4
ABREAST = 5
"""Payments of which events are told at a time."""

DOMAIN = "@orders.example"
RECEIPT = "https://pay.example/receipts/1"
OUTCOMES = ("open", "lost", "won")

CALLS = {
    "named": "worker.advance_payment(%(payment)s, %(reference)s, 'card')",
    "processing": "worker.advance_payment(%(payment)s, p_is_processing => true)",
    "receipt": f"worker.advance_payment(%(payment)s, p_receipt_url => '{RECEIPT}')",
    "failed": "worker.fail_payment(%(payment)s, 'Declined')",
    "expired": "worker.fail_payment(%(payment)s, 'Too late', true)",
    "settled": "worker.settle_payment(%(payment)s, %(amount)s, %(currency)s, %(reference)s)",
    "refunded": "worker.refund_payment(%(payment)s, %(minor)s)",
    "open": "worker.open_dispute(%(payment)s, %(dispute)s, %(minor)s, 'Unknown to me')",
    "lost": "worker.close_dispute(%(payment)s, %(dispute)s, 'lost', %(minor)s)",
    "won": "worker.close_dispute(%(payment)s, %(dispute)s, 'won', %(minor)s)",
    "started": (
        "worker.start_subscription(%(user)s, 'pro', %(since)s, %(until)s, 'sandbox',"
        " %(reference)s, %(payment)s)"
    ),
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a provider tells of a payment.

    Attributes:
        name: What happened; see CALLS.
        minor: Its amount in minor units: of a refund, the total up to then.
        dispute: The provider's id of the dispute.
    """

    name: str
    minor: int | None = None
    dispute: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """What is bought: a package, or a month of a plan.

    Attributes:
        slug: The package; None: the plan `pro`.
        is_spent_from: Whether it is paid, and much is spent of it, before the events come.
    """

    slug: str | None
    amount: int
    currency: str
    credits: Decimal
    is_spent_from: bool = False


OFFERS = {
    "a package": Offer("usd-creator", 3999, "USD", Decimal(500)),
    "a small package": Offer("thb-starter", 9900, "THB", Decimal(3)),
    "a package that was spent from": Offer("usd-starter", 999, "USD", Decimal(100), True),
    "a month of a plan": Offer(None, 7999, "USD", Decimal(1200)),
}


@dataclass(slots=True)
class Lot:
    """Credits that somebody has."""

    id: str
    kind: str
    left: Decimal
    is_bought: bool = False
    lasts: bool = True


@dataclass(slots=True)
class Order:
    """A payment, whose events come in an order of its own.

    Attributes:
        lots: What the payer had before the events came.
        spent: What jobs had cost by then.
    """

    user: str
    payment: str
    reference: str
    lots: list[Lot] = field(default_factory=list)
    spent: Decimal = Decimal(0)


def draw(rng: random.Random, offer: Offer) -> list[Event]:
    """Draw ten different events of a payment; most sets say that it was paid."""
    totals = sorted(rng.sample(range(1, offer.amount), 3))
    if rng.random() < 0.5:
        totals[-1] = offer.amount
    certain = [Event("started")] if offer.slug is None else []
    if offer.is_spent_from or rng.random() < 0.9:
        certain.append(Event("settled"))
    possible = [
        *map(Event, ("named", "processing", "receipt", "failed", "expired")),
        *(Event("refunded", total) for total in totals),
    ]
    for dispute in ("dp_1", "dp_2"):
        amounts = rng.choices((None, rng.randint(1, offer.amount), rng.randint(1, 99)), k=3)
        possible += [
            Event(outcome, amount, dispute)
            for outcome, amount in zip(OUTCOMES, amounts, strict=True)
        ]
    return certain + rng.sample(possible, EVENTS - len(certain))


# What must come of it -----------------------------------------------------------------------------


def expected(events: set[Event], offer: Offer, order: Order) -> dict[str, Any]:
    """Reckon the end state from what happened, whatever the order was."""
    said = {event.name for event in events}
    is_paid = "settled" in said
    refunded = max((event.minor or 0 for event in events if event.name == "refunded"), default=0)
    outcomes: dict[str, str] = {}
    amounts: dict[str, int | None] = {}
    for event in events:
        if event.dispute:
            known = outcomes.get(event.dispute, "open")
            outcomes[event.dispute] = max(known, event.name, key=OUTCOMES.index)
            named = max(amounts.get(event.dispute) or 0, event.minor or 0)
            amounts[event.dispute] = named or None
    asked = [amounts[each] or offer.amount for each in outcomes if outcomes[each] == "lost"]
    lost = min(offer.amount, sum(asked))
    returned = min(offer.amount, refunded + lost) if is_paid else 0

    lots = [replace(lot) for lot in order.lots]
    has_begun = "started" in said or offer.slug is not None
    if is_paid and has_begun and not any(lot.is_bought for lot in lots):
        lots.append(
            Lot(order.payment, "purchase" if offer.slug else "allowance", offer.credits, True)
        )
    due = taken = Decimal(0)
    if any(lot.is_bought for lot in lots):
        share = offer.credits * returned / offer.amount
        due = share.quantize(Decimal("0.01"), ROUND_HALF_UP)
    # What was bought first, then what would be spent first.
    for lot in sorted(lots, key=lambda lot: (not lot.is_bought, lot.lasts, UUID(lot.id))):
        part = min(lot.left, due - taken)
        lot.left -= part
        taken += part

    unpaid = [status for status in ("processing", "failed", "expired") if status in said]
    paid = "refunded" if returned == offer.amount else "succeeded"
    return {
        "status": (
            "disputed"
            if is_paid and "open" in outcomes.values()
            else paid
            if is_paid
            else unpaid[-1]
            if unpaid
            else "pending"
        ),
        "refunded": refunded,
        "charged back": lost if is_paid else 0,
        "owed": due - taken,
        "debt": due - taken,
        "failure": (
            None
            if is_paid or not said & {"failed", "expired"}
            else "Too late"
            if "expired" in said
            else "Declined"
        ),
        "reference": order.reference if said & {"named", "settled"} else None,
        "receipt": RECEIPT if "receipt" in said else None,
        "is paid": is_paid,
        "names its purchase": is_paid and offer.slug is not None,
        "disputes": sorted(
            [dispute, amounts[dispute], outcome, outcome != "open"]
            for dispute, outcome in outcomes.items()
        ),
        "lots": sorted([lot.kind, lot.left] for lot in lots),
        "balance": sum(lot.left for lot in lots),
        "given": sum(lot.left for lot in lots) + order.spent + taken,
        "spent": order.spent,
        "taken": taken,
    }


STATES = """
select
  payments.id::text, payments.status::text, payments.refunded_minor, payments.charged_back_minor,
  payments.credits_owed, accounts.debt, payments.failure_reason, payments.provider_reference,
  payments.receipt_url, payments.succeeded_at is not null, payments.transaction_id is not null,
  array(
    select jsonb_build_array(
      disputes.provider_reference, disputes.amount_minor, disputes.outcome,
      disputes.closed_at is not null
    )
    from worker.payment_disputes as disputes where disputes.payment_id = payments.id
  ),
  array(
    select jsonb_build_array(grants.kind, grants.remaining::text)
    from public.credit_grants as grants where grants.user_id = payments.user_id
  ),
  accounts.balance, ledger.given, ledger.spent, ledger.taken
from public.payments
inner join public.credit_accounts as accounts on accounts.user_id = payments.user_id
cross join lateral (
  select
    sum(amount) filter (where type in ('purchase', 'grant', 'bonus')) as given,
    coalesce(-sum(amount) filter (where type in ('deduction', 'refund')), 0) as spent,
    -- What was taken back, less what of this was returned: how often, hangs on the order.
    coalesce(-sum(amount) filter (where type in ('chargeback', 'adjustment')), 0) as taken
  from public.credit_transactions where user_id = payments.user_id
) as ledger
where payments.id = any(%s::uuid[])
"""


def states(bench: Bench, orders: list[Order]) -> dict[str, dict[str, Any]]:
    """Return what became of payments and of their payers' credits."""
    names = (
        *("status", "refunded", "charged back", "owed", "debt", "failure", "reference", "receipt"),
        *("is paid", "names its purchase", "disputes", "lots", "balance", "given"),
        *("spent", "taken"),
    )
    found = {}
    for payment, *columns in bench.rows(STATES, [order.payment for order in orders]):
        state = dict(zip(names, columns, strict=True))
        state["lots"] = sorted([kind, Decimal(left)] for kind, left in state["lots"])
        state["disputes"].sort()
        found[payment] = state
    return found


# How it is told -----------------------------------------------------------------------------------


def open_orders(
    bench: Bench, shop: Shop, offer: Offer, rng: random.Random, count: int = ORDERS
) -> list[Order]:
    """Sign people up who each open a payment; some pay at once, and spend."""
    users = [str(uuid4()) for _ in range(count)]
    bench.run(
        "insert into auth.users (id, aud, role, email) select id, 'authenticated', 'authenticated',"
        " id || %s from unnest(%s::uuid[]) as people (id)",
        DOMAIN,
        users,
    )
    orders = [
        Order(user, payment, uuid4().hex)
        for user, payment in bench.rows(
            "select id::text, (worker.open_payment(id, 'sandbox', 'once', p_package_slug => %s,"
            " p_tier => %s)).id::text from unnest(%s::uuid[]) as people (id)",
            offer.slug,
            None if offer.slug else "pro",
            users,
        )
    ]
    if not offer.is_spent_from:
        for order in orders:
            order.lots.append(Lot(order.user, "bonus", Decimal(100)))
        return orders
    for order in orders:
        bench.run(
            "select worker.settle_payment(%s, %s, %s)", order.payment, offer.amount, offer.currency
        )
        outputs = rng.randint(1, 10)
        order.spent = Decimal(7 * outputs)
        shop.job(order.user, p_output_count=outputs)
        bench.run(
            "select worker.grant_credits(%s, 40, 'Sorry', 'tester', p_expires_at => '2126-01-01')",
            order.user,
        )
        order.lots = [
            Lot(*row)
            for row in bench.rows(
                "select id::text, kind::text, remaining, kind = 'purchase', expires_at is null"
                " from public.credit_grants where user_id = %s",
                order.user,
            )
        ]
    return orders


def tell(session: Session, queue: Iterator[tuple[Order, Event]], offer: Offer) -> None:
    """Tell the next event until there is none."""
    for order, event in queue:
        session.connection.execute(
            f"select from {CALLS[event.name]}".encode(),
            {
                "payment": order.payment,
                "user": order.user,
                "reference": order.reference,
                "amount": offer.amount,
                "currency": offer.currency,
                "minor": event.minor,
                "dispute": event.dispute,
                "since": "2026-01-01 00:00+00",
                "until": "2126-01-01 00:00+00",
            },
        )


@pytest.fixture(scope="module")
def tellers(bench: Bench) -> Iterator[list[Session]]:
    """The services' connections. After all orders the books of all payers must be right."""
    with ExitStack() as stack:
        yield [stack.enter_context(bench.service()) for _ in range(CONNECTIONS)]
    payers = bench.column("select user_id from public.profiles where email like %s", f"%{DOMAIN}")
    assert bench.complaints(*payers) == []


def deliver(tellers: list[Session], queue: Sequence[tuple[Order, Event]], offer: Offer) -> None:
    """Tell all events by connections that race for the next one; none may be refused."""
    upcoming = iter(queue)
    for end in race([partial(tell, session, upcoming, offer) for session in tellers]):
        if isinstance(end, psycopg.Error):
            raise end


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("what", OFFERS)
def test_events_of_a_payment_end_in_one_state_whatever_their_order(
    bench: Bench, shop: Shop, tellers: list[Session], what: str, seed: int
) -> None:
    offer, rng = OFFERS[what], random.Random(f"{what} {seed}")
    events = draw(rng, offer)
    orders = open_orders(bench, shop, offer, rng)
    queue = []
    for first in range(0, ORDERS, ABREAST):
        heard = [
            (order, event)
            for order in orders[first : first + ABREAST]
            for event in events + rng.choices(events, k=DUPLICATES)
        ]
        rng.shuffle(heard)
        queue += heard
    deliver(tellers, queue, offer)
    found = states(bench, orders)
    for order in orders:
        wanted = expected(set(events), offer, order)
        assert found[order.payment] == wanted, [event for told, event in queue if told is order]


@pytest.mark.parametrize("seed", range(3))
def test_two_payments_of_one_payer_take_back_their_sum_whatever_the_order(
    bench: Bench, shop: Shop, tellers: list[Session], seed: int
) -> None:
    offer, rng = OFFERS["a package that was spent from"], random.Random(seed)
    events = [draw(rng, offer)[:6] for _ in range(2)]
    pairs = []
    for first in open_orders(bench, shop, offer, rng, 20):
        payment = bench.value(
            "select id::text from worker.open_payment(%s, 'sandbox', 'twice', %s)",
            first.user,
            offer.slug,
        )
        second = Order(first.user, payment, uuid4().hex, [*first.lots])
        tell(bench, iter([(second, Event("settled"))]), offer)
        pairs.append((first, second))
    queue = []
    for pair in pairs:
        heard = [
            (order, event) for order, drawn in zip(pair, events, strict=True) for event in drawn
        ]
        heard += rng.choices(heard, k=DUPLICATES)
        rng.shuffle(heard)
        queue += heard
    deliver(tellers, queue, offer)
    found = states(bench, [order for pair in pairs for order in pair])
    same = ("status", "refunded", "charged back", "disputes")
    for pair in pairs:
        due = owed = Decimal(0)
        for order, drawn in zip(pair, events, strict=True):
            state, wanted = found[order.payment], expected(set(drawn), offer, order)
            assert {key: state[key] for key in same} == {key: wanted[key] for key in same}
            due += wanted["owed"] + wanted["taken"]
            owed += state["owed"]
        # Which of the two owes it hangs on the order; the sum does not.
        there = sum(lot.left for lot in pair[0].lots) + offer.credits
        assert state["balance"] == max(there - due, 0)
        assert state["debt"] == owed == max(due - there, 0)
