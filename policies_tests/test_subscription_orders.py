"""Events of a subscription in random orders, some of them twice, end in the state that they tell.

As with payments (test_payment_orders): sets of events are drawn, each is told of many subscriptions
in as many orders by four connections, and what must come of it is reckoned from the set alone. What
is told before its subscription is known is refused and told again later, as an inbox does. The
clock stands still.
"""

import random
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from .clock import START, TimedBench
from .harness import Session, race

ORDERS = 15
EVENTS = 10
DUPLICATES = 4
CONNECTIONS = 4

NOW = START
GRACE = timedelta(days=3)
ALLOWANCES = {"starter": 100, "creator": 400, "pro": 1200, "business": 3500}
AMOUNT = 7999

SUBSCRIPTION = (
    "(select id from public.subscriptions where provider = 'sandbox'"
    " and provider_reference = %(reference)s)"
)
CALLS = {
    "started": (
        "worker.start_subscription(%(user)s, %(tier)s, %(at)s, %(until)s, 'sandbox',"
        " %(reference)s, %(payment)s)"
    ),
    "renewed": f"worker.renew_subscription({SUBSCRIPTION}, %(at)s, %(until)s, %(payment)s)",
    "changed": f"worker.change_subscription({SUBSCRIPTION}, %(tier)s, %(at)s, %(payment)s)",
    "cancelled": f"worker.cancel_subscription({SUBSCRIPTION}, %(at)s)",
    "resumed": f"worker.cancel_subscription({SUBSCRIPTION}, %(at)s, true)",
    "lapsed": f"worker.lapse_subscription({SUBSCRIPTION}, %(at)s)",
    "recovered": f"worker.lapse_subscription({SUBSCRIPTION}, %(at)s, true)",
    "ended": f"worker.end_subscription({SUBSCRIPTION}, %(at)s)",
    "paid": f"worker.settle_payment(%(payment)s, {AMOUNT}, 'USD')",
    "refunded": "worker.refund_payment(%(payment)s, %(minor)s)",
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a provider tells of a subscription.

    Attributes:
        name: What happened; see CALLS.
        at: When, by the provider's clock; a period's start.
        until: A period's end.
        payment: Which of the subscriber's payments it is about, or takes.
        minor: What was refunded of it up to then.
        subscription: Which of the subscriber's two it is about.
    """

    name: str
    at: datetime = NOW
    until: datetime = NOW
    tier: str = ""
    payment: int | None = None
    minor: int = 0
    subscription: int = 0


@dataclass(slots=True)
class Subscriber:
    """Somebody who is told the events in an order of their own."""

    user: str
    references: tuple[str, str]
    payments: list[str] = field(default_factory=list)


def months(start: datetime, count: int) -> datetime:
    """Return the same day so many months later; no later one than the 28th is asked for."""
    year, month = divmod(start.year * 12 + start.month - 1 + count, 12)
    return start.replace(year=year, month=month + 1)


def draw(rng: random.Random) -> list[Event]:
    """Draw ten events: a start, and what may follow it within some months."""
    length = rng.choice((1, 1, 1, 12))
    start = months(NOW.replace(day=rng.randint(1, 28)), -rng.randint(1, 3) * length)
    month = max(begin for n in range(40) if (begin := months(start, n)) <= NOW)
    tiers = list(ALLOWANCES)

    def sometime(since: datetime = start) -> datetime:
        return since + (NOW + timedelta(days=10) - since) * rng.random()

    def bill(number: int, chance: float) -> int | None:
        return number if rng.random() < chance else None

    def begin(since: datetime, until: datetime, number: int, which: int = 0) -> Event:
        # The payments are for pro, and begin nothing else.
        payment = bill(number, 0.7)
        tier = rng.choice(tiers) if payment is None else "pro"
        return Event("started", since, until, tier, payment, 0, which)

    events = [
        begin(start, months(start, length), 0),
        *(
            Event(
                "renewed",
                months(start, n * length),
                months(start, (n + 1) * length),
                "",
                bill(n, 0.7),
            )
            for n in range(1, 4)
        ),
        *(Event(name, sometime()) for name in ("cancelled", "resumed", "lapsed", "recovered")),
        *(Event("changed", sometime(month), NOW, rng.choice(tiers), bill(n, 0.5)) for n in (4, 5)),
        Event("changed", sometime(), NOW, rng.choice(tiers)),
    ]
    # What was granted stays, so that no month is granted which began after the end.
    if rng.random() < 0.3:
        events += [Event("ended", sometime(month)) for _ in range(2)]
    if rng.random() < 0.3:
        since = month + (NOW - month) * rng.random()
        until = since + timedelta(days=30)
        events.append(begin(since, until, 6, 1))
    events = [events[0], *rng.sample(events[1:], 6)]
    for number in sorted({event.payment for event in events if event.payment is not None}):
        if rng.random() < 0.85:
            events.append(Event("paid", payment=number))
        if rng.random() < 0.4:
            events.append(Event("refunded", payment=number, minor=rng.randint(1, AMOUNT)))
    return events[:EVENTS]


# What must come of it -----------------------------------------------------------------------------


def expected(events: set[Event]) -> dict[str, Any]:
    """Reckon the end state from what happened, whatever the order was."""
    paid = {event.payment for event in events if event.name == "paid"} | {None}
    counting = [event for event in events if event.payment in paid]
    second = [event for event in counting if (event.name, event.subscription) == ("started", 1)]
    # The one that begins later ends the other.
    first = [event for event in counting if event.subscription == 0]
    first += [Event("ended", event.at) for event in second]
    state: dict[str, Any] = {"user's tier": "free", "granted": Decimal(0), "taken": Decimal(0)}
    for number, known in enumerate((first, second)):
        starts = [e for e in events if (e.name, e.subscription) == ("started", number)]
        for start in starts:
            row, parts = stand(sorted(known, key=lambda event: event.at), start)
            state[f"subscription {number}"] = row
            if row["status"] != "ended":
                state["user's tier"] = row["tier"]
            state["granted"] += sum(amount for amount, _ in parts)
            for payment in {payment for _, payment in parts if payment is not None}:
                given = sum((amount for amount, payer in parts if payer == payment), Decimal(0))
                back = [e.minor for e in events if (e.name, e.payment) == ("refunded", payment)]
                state["taken"] += cents(given * max(back, default=0) / AMOUNT)
    state["allowance"] = ALLOWANCES.get(state["user's tier"], 0)
    state["balance"] = 100 + state["granted"] - state["taken"]
    return state | {"debt": 0}


def stand(
    known: list[Event], start: Event
) -> tuple[dict[str, Any], list[tuple[Decimal, int | None]]]:
    """Reckon how a subscription stands, and what its month brought, each part by which payment."""

    def latest(*names: str) -> Event | None:
        found = [event for event in known if event.name in names and event.at <= NOW]
        return found[-1] if found else None

    period = latest("started", "renewed")
    cancel, lapse = latest("cancelled", "resumed"), latest("lapsed", "recovered")
    is_cancelled = cancel is not None and cancel.name == "cancelled"
    kept = period.until + (timedelta(0) if is_cancelled else GRACE) if period else None
    ends = [event.at for event in known if event.name == "ended"]
    over = min(filter(None, (*ends, kept)), default=NOW)
    status = "active"
    if kept is None or over <= NOW:
        status = "ended"
    elif is_cancelled:
        status = "cancelled"
    elif period and (
        period.until <= NOW
        or (lapse and lapse.name == "lapsed" and lapse.at > period.at and period.payment is None)
    ):
        status = "past_due"
    # A tier that was never paid for never was; the first that was counts from the beginning.
    tiers = [event for event in known if event.name in ("started", "changed")] or [start]
    begun = [event for event in tiers if event.at <= NOW] or tiers[:1]
    cancels = [event.at for event in known if event.name == "cancelled" and event.at <= NOW]
    row = {
        "status": status,
        "tier": begun[-1].tier,
        "period": [(period or start).at, (period or start).until],
        "is not renewed": is_cancelled,
        "cancelled at": max(cancels, default=None),
        "ended at": over if status == "ended" else None,
        "is final": any(end <= NOW for end in ends),
    }
    if period is None or period.until <= NOW:
        return row, []

    month, end = period.at, period.until
    # The second subscription is paid for thirty days, and the first for months.
    if period.subscription == 0:
        month = max(begin for n in range(12) if (begin := months(period.at, n)) <= NOW)
        end = months(month, 1)
    earlier = [event for event in tiers if event.at <= month] or tiers[:1]
    parts: list[tuple[Decimal, int | None]] = []
    total = worth = rate = Decimal(0)
    since = month
    for event in (
        replace(earlier[-1], at=month, payment=period.payment),
        *(event for event in begun if month < event.at < min(ends, default=NOW + GRACE)),
    ):
        at = event.at
        worth += rate * share(at - since, end - month)
        since, rate = at, Decimal(ALLOWANCES[event.tier])
        due = cents(worth + rate * share(end - at, end - month))
        if due >= total:
            parts.append((due - total, period.payment if event.payment is None else event.payment))
        # A change to less comes off what was changed to last.
        for number in reversed(range(len(parts))):
            amount, payment = parts[number]
            less = min(amount, max(total - due, Decimal(0)))
            parts[number] = amount - less, payment
            total -= less
        total = due
    return row, parts


def share(part: timedelta, whole: timedelta) -> Decimal:
    """Return a part of a time."""
    microsecond = timedelta(microseconds=1)
    return Decimal(part // microsecond) / Decimal(whole // microsecond)


def cents(amount: Decimal) -> Decimal:
    """Round half a cent up."""
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


STATES = """
select
  profiles.user_id::text, profiles.subscription_tier::text, accounts.monthly_allowance,
  ledger.granted, ledger.taken, accounts.balance, accounts.debt,
  accounts.period_started_at, accounts.period_ends_at,
  array(
    select row(grants.kind, grants.expires_at, sum(grants.remaining))::text
    from public.credit_grants as grants
    where grants.user_id = profiles.user_id
    group by grants.kind, grants.expires_at
    having sum(grants.remaining) > 0
    order by 1
  )
from public.profiles
inner join public.credit_accounts as accounts on accounts.user_id = profiles.user_id
cross join lateral (
  select
    -- A change of tier takes back what it had granted for nothing; how often, hangs on the order.
    coalesce(sum(amount) filter (where type = 'grant' or metadata ? 'month'), 0) as granted,
    coalesce(-sum(amount) filter (
      where type in ('chargeback', 'adjustment') and not metadata ? 'month'
    ), 0) as taken
  from public.credit_transactions where user_id = profiles.user_id
) as ledger
where profiles.user_id = any(%s::uuid[])
"""
NAMES = ("user's tier", "allowance", "granted", "taken", "balance", "debt")

ROWS = """
select
  user_id::text, provider_reference, follow_at, status::text, tier::text,
  array[current_period_started_at, current_period_ends_at], cancel_at_period_end, cancelled_at,
  ended_at, is_final
from public.subscriptions where user_id = any(%s::uuid[])
"""
COLUMNS = (*("status", "tier", "period", "is not renewed", "cancelled at", "ended at", "is final"),)


# How it is told -----------------------------------------------------------------------------------


def subscribers(bench: TimedBench) -> list[Subscriber]:
    """Sign people up who each open some payments for a plan."""
    people = [Subscriber(bench.person(), (uuid4().hex, uuid4().hex)) for _ in range(ORDERS)]
    for person in people:
        person.payments = bench.column(
            "select (worker.open_payment(%s, 'sandbox', number::text, p_tier => 'pro')).id::text"
            " from generate_series(0, 6) as numbers (number) order by number",
            person.user,
        )
    return people


def tell(session: Session, queue: deque[tuple[Subscriber, Event]]) -> None:
    """Tell the next event until there is none; what comes too early is told again."""
    while queue:
        try:
            person, event = queue.popleft()
        except IndexError:
            return
        try:
            session.connection.execute(
                f"select from {CALLS[event.name]}".encode(),
                {
                    "user": person.user,
                    "reference": person.references[event.subscription],
                    "payment": None if event.payment is None else person.payments[event.payment],
                    "at": event.at,
                    "until": event.until,
                    "tier": event.tier,
                    "minor": event.minor,
                },
            )
        except psycopg.Error as error:
            if error.diag.message_hint != "subscription_not_found":
                raise
            queue.append((person, event))


@pytest.fixture(scope="module")
def tellers(timed_bench: TimedBench) -> Iterator[list[Session]]:
    """The services' connections, in January 2030. After all orders all books must be right."""
    timed_bench.at(NOW)
    with ExitStack() as stack:
        yield [stack.enter_context(timed_bench.service()) for _ in range(CONNECTIONS)]
    assert timed_bench.rows("select * from private.reconcile_credits()") == []


def told(bench: TimedBench, tellers: list[Session], rng: random.Random) -> None:
    """Tell a set of events in many orders, and see what becomes of each."""
    events = draw(rng)
    people = {person.user: person for person in subscribers(bench)}
    orders = {}
    for user in people:
        orders[user] = events + rng.choices(events, k=DUPLICATES)
        rng.shuffle(orders[user])
    queue = deque((people[user], event) for user in people for event in orders[user])
    for end in race([partial(tell, session, queue) for session in tellers]):
        if isinstance(end, psycopg.Error):
            raise end

    found: dict[str, dict[str, Any]] = {}
    rest: dict[str, list[Any]] = {}
    for user, *columns in bench.rows(STATES, list(people)):
        found[user] = dict(zip(NAMES, columns, strict=False))
        rest[user] = columns[len(NAMES) :]
    for user, reference, follow_at, *columns in bench.rows(ROWS, list(people)):
        number = people[user].references.index(reference)
        found[user][f"subscription {number}"] = dict(zip(COLUMNS, columns, strict=True))
        rest[user].append((number, follow_at))
    wanted = expected(set(events))
    for user in people:
        assert found[user] == wanted, orders[user]
    # And what was not reckoned is at least the same in every order.
    assert len({str(sorted(map(str, each))) for each in rest.values()}) == 1


@pytest.mark.parametrize("seed", range(20))
def test_events_of_a_subscription_end_in_one_state_whatever_their_order(
    timed: TimedBench, tellers: list[Session], seed: int
) -> None:
    told(timed, tellers, random.Random(seed))
