"""What subscriptions become with time, and the credits that each month of them brings."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from .clock import START, TimedBench
from .harness import Session, Shop, open_shop, refused

NOBODY = "00000000-0000-4000-8000-0000000000ff"
EVERYBODY = 1_000_000
PRO, STARTER, BUSINESS = Decimal(1200), Decimal(100), Decimal(3500)


def day(month: int, number: int, year: int = 2030, hour: int = 0) -> datetime:
    """Return a time of the year 2030."""
    return datetime(year, month, number, hour, tzinfo=UTC)


JANUARY = (day(1, 1), day(2, 1))
FEBRUARY = (day(2, 1), day(3, 1))
THE_YEAR = (day(1, 1), day(1, 1, 2031))


@dataclass(frozen=True, slots=True)
class Desk:
    """What the services tell of subscriptions, and what came of it."""

    bench: TimedBench
    session: Session

    def at(self, now: datetime, *, sweep: bool = True) -> None:
        """Let it be another time, and let time alone do its work."""
        self.bench.at(now, self.session)
        if sweep:
            self.sweep()

    def sweep(self) -> None:
        """Let subscriptions follow time."""
        self.session("worker.follow_subscriptions", p_limit=EVERYBODY)

    def tell(self, function: str, *arguments: Any, **named: Any) -> str:
        """Call a function that returns a subscription, and return the subscription's id."""
        listed = [*["%s"] * len(arguments), *(f"{name} => %s" for name in named)]
        query = f"select id::text from worker.{function}_subscription({', '.join(listed)})"
        return str(self.session.value(query, *arguments, *named.values()))

    def start(
        self, user: str, tier: str | None, period: tuple[datetime, datetime], **more: Any
    ) -> str:
        """Tell that a subscription begins."""
        more = {"p_provider": "sandbox", "p_provider_reference": uuid4().hex} | more
        return self.tell("start", user, tier, *period, **more)

    def invoice(self, user: str, tier: str = "pro") -> str:
        """Open a payment for a plan."""
        return str(
            self.session.value(
                "select id::text from worker.open_payment(%s, 'sandbox', %s, p_tier => %s)",
                user,
                uuid4().hex,
                tier,
            )
        )

    def settle(self, payment: str) -> None:
        """Tell that a payment was paid."""
        self.session.rows(
            "select worker.settle_payment(id, amount_minor, currency) from public.payments"
            " where id = %s",
            payment,
        )

    def paid(self, user: str, tier: str = "pro") -> str:
        """Open a payment for a plan, and settle it."""
        payment = self.invoice(user, tier)
        self.settle(payment)
        return payment

    def refund(self, payment: str, total: int | None = None) -> None:
        """Tell that so much of a payment was refunded, or all of it."""
        self.session.rows(
            "select worker.refund_payment(id, coalesce(%s, amount_minor)) from public.payments"
            " where id = %s",
            total,
            payment,
        )

    def status(self, subscription: str) -> str:
        """Return a subscription's status."""
        return str(
            self.bench.value("select status from public.subscriptions where id = %s", subscription)
        )

    def tier(self, user: str) -> str:
        """Return a user's tier."""
        return str(
            self.bench.value(
                "select subscription_tier from public.profiles where user_id = %s", user
            )
        )

    def granted(self, user: str) -> Decimal:
        """Return what somebody was granted, less what a change of tier took back."""
        return Decimal(
            self.bench.value(
                "select coalesce(sum(amount), 0) from public.credit_transactions"
                " where user_id = %s and (type = 'grant' or metadata ? 'month')",
                user,
            )
        )

    def left(self, user: str) -> Decimal:
        """Return what of it could be spent."""
        return Decimal(
            self.bench.value(
                "select coalesce(sum(remaining), 0) from public.credit_grants where user_id = %s"
                " and kind = 'allowance' and expires_at > private.now()",
                user,
            )
        )

    def months(self, user: str) -> list[tuple[Decimal, datetime]]:
        """Return the lots of allowance that somebody was ever given, and their ends."""
        return [
            (amount, ends)
            for amount, ends in self.bench.rows(
                "select amount, expires_at from public.credit_grants"
                " where user_id = %s and kind = 'allowance' order by expires_at, created_at",
                user,
            )
        ]


@pytest.fixture
def desk(timed: TimedBench) -> Iterator[Desk]:
    """The services at work, on the fifteenth of January 2030."""
    with timed.service() as session:
        yield Desk(timed, session)


@pytest.fixture
def user(timed: TimedBench) -> str:
    """Somebody without an address, who was given nothing."""
    return timed.person(anonymous=True)


@pytest.fixture
def hall(timed: TimedBench) -> Shop:
    """A shop in the database that has a clock."""
    return open_shop(timed)


@contextmanager
def plan(bench: TimedBench, tier: str, column: str, value: int) -> Iterator[None]:
    """Let a plan be another for a while."""
    change = f"update public.subscription_plans set {column} = %s where tier = %s"
    before = bench.value(f"select {column} from public.subscription_plans where tier = %s", tier)
    bench.run(change, value, tier)
    try:
        yield
    finally:
        bench.run(change, before, tier)


# Who may ------------------------------------------------------------------------------------------


CALLS: dict[str, dict[str, Any]] = {
    "start": {"p_user_id": NOBODY, "p_tier": "pro"},
    "renew": {},
    "change": {"p_tier": "pro", "p_effective_at": START},
    "cancel": {"p_occurred_at": START},
    "lapse": {"p_occurred_at": START},
    "end": {"p_ended_at": START},
}
PERIOD = {"p_period_started_at": JANUARY[0], "p_period_ends_at": JANUARY[1]}


@pytest.mark.parametrize("function", CALLS)
def test_nobody_but_the_services_tells_of_subscriptions(timed: TimedBench, function: str) -> None:
    arguments = CALLS[function] | (PERIOD if function in ("start", "renew") else {})
    if function != "start":
        arguments |= {"p_subscription_id": NOBODY}
    for session in (timed.owner(timed.person()), timed.anonymous()):
        with session:
            with refused("42501"):
                session(f"worker.{function}_subscription", **arguments)
            with refused("42501"):
                session("worker.follow_subscriptions")


@pytest.mark.parametrize("function", CALLS)
def test_event_of_an_unknown_subscription_or_user_is_refused(desk: Desk, function: str) -> None:
    if function == "start":
        with refused("PT404", "user_not_found"):
            desk.start(NOBODY, "pro", JANUARY)
        return
    arguments = CALLS[function] | (PERIOD if function == "renew" else {})
    for unknown in (NOBODY, None):
        with refused("PT404", "subscription_not_found"):
            desk.tell(function, p_subscription_id=unknown, **arguments)


@pytest.mark.parametrize(
    "period",
    [
        (day(2, 1), day(1, 1)),
        (day(1, 1), day(1, 1)),
        (None, day(1, 1)),
        (day(1, 1), None),
        ("-infinity", day(2, 1)),
        (day(1, 1), "infinity"),
    ],
)
def test_period_that_is_none_is_refused(desk: Desk, user: str, period: Any) -> None:
    with refused("PT400", "invalid_period"):
        desk.start(user, "pro", period)
    subscription = desk.start(user, "pro", JANUARY)
    with refused("PT400", "invalid_period"):
        desk.tell("renew", subscription, *period)
    assert desk.granted(user) == PRO


@pytest.mark.parametrize("function", ["change", "cancel", "lapse", "end"])
def test_event_without_a_time_is_refused(desk: Desk, user: str, function: str) -> None:
    subscription = desk.start(user, "pro", JANUARY)
    for time in (None, "infinity"):
        with refused("PT400", "invalid_period"):
            desk.tell(function, subscription, *(["pro"] if function == "change" else []), time)


def test_subscription_has_a_tier_and_a_provider_its_id_of_it(desk: Desk, user: str) -> None:
    for wrong in ({"p_provider": None}, {"p_provider_reference": None}):
        with refused("PT400", "invalid_period"):
            desk.start(user, "pro", JANUARY, **wrong)
    with refused("PT400", "invalid_period"):
        desk.start(user, None, JANUARY)
    subscription = desk.start(user, "pro", JANUARY)
    with refused("PT404", "plan_not_available"):
        desk.tell("change", subscription, None, START)


def test_subscription_is_paid_by_its_subscriber(timed: TimedBench, desk: Desk, user: str) -> None:
    stranger = timed.person(anonymous=True)
    package = timed.value(
        "select id from worker.open_payment(%s, 'sandbox', 'key', 'usd-starter')", user
    )
    for payment in (desk.paid(stranger), package, NOBODY):
        with refused("PT404", "payment_not_found"):
            desk.start(user, "pro", JANUARY, p_payment_id=payment)
        subscription = desk.start(user, "pro", JANUARY)
        with refused("PT404", "payment_not_found"):
            desk.tell("renew", subscription, *FEBRUARY, payment)
        with refused("PT404", "payment_not_found"):
            desk.tell("change", subscription, "business", START, payment)
    reference = timed.value(
        "select provider_reference from public.subscriptions where user_id = %s limit 1", user
    )
    with refused("PT409", "reference_taken"):
        desk.start(stranger, "pro", JANUARY, p_provider_reference=reference)
    assert desk.granted(stranger) == 0


# What a subscription becomes ----------------------------------------------------------------------


def test_nothing_begins_before_it_is_paid_for(desk: Desk, user: str) -> None:
    payment = desk.invoice(user)
    subscription = desk.start(user, "pro", JANUARY, p_payment_id=payment)
    assert (desk.status(subscription), desk.tier(user)) == ("ended", "free")
    assert desk.granted(user) == 0
    desk.settle(payment)
    assert (desk.status(subscription), desk.tier(user)) == ("active", "pro")
    assert desk.granted(user) == PRO


def test_renewal_that_is_paid_with_a_further_try_counts(desk: Desk, user: str) -> None:
    subscription = desk.start(user, "pro", JANUARY)
    first, second = desk.invoice(user), desk.invoice(user)
    desk.tell("renew", subscription, *FEBRUARY, first)
    desk.tell("renew", subscription, *FEBRUARY, second)
    desk.settle(second)
    desk.at(day(2, 1))
    assert desk.status(subscription) == "active"
    assert desk.granted(user) == 2 * PRO


def test_payment_that_never_comes_takes_nothing_away(desk: Desk, user: str) -> None:
    subscription = desk.start(user, "pro", JANUARY)
    desk.tell("renew", subscription, *JANUARY, desk.invoice(user))
    desk.tell("change", subscription, "business", START, desk.invoice(user))
    assert (desk.status(subscription), desk.tier(user)) == ("active", "pro")
    assert desk.granted(user) == PRO


def test_tier_is_kept_for_some_days_after_its_period(desk: Desk, user: str) -> None:
    subscription = desk.start(user, "pro", JANUARY)
    for now, status, tier in (
        (day(1, 31, hour=23), "active", "pro"),
        (day(2, 1), "past_due", "pro"),
        (day(2, 3, hour=23), "past_due", "pro"),
        (day(2, 4), "ended", "free"),
    ):
        desk.at(now)
        assert (desk.status(subscription), desk.tier(user)) == (status, tier)
    assert desk.granted(user) == PRO
    desk.at(day(2, 10))
    desk.tell("renew", subscription, *FEBRUARY)
    assert (desk.status(subscription), desk.tier(user)) == ("active", "pro")
    assert desk.granted(user) == 2 * PRO


def test_renewal_that_failed_is_past_due_until_it_is_well_again(desk: Desk, user: str) -> None:
    subscription = desk.start(user, "pro", JANUARY)
    desk.tell("lapse", subscription, day(1, 10))
    assert (desk.status(subscription), desk.tier(user)) == ("past_due", "pro")
    desk.tell("lapse", subscription, day(1, 12), True)
    desk.tell("lapse", subscription, day(1, 11))
    assert desk.status(subscription) == "active"


def test_cancelled_subscription_runs_to_the_end_of_its_period_and_no_longer(
    desk: Desk, user: str
) -> None:
    subscription = desk.start(user, "pro", JANUARY)
    desk.tell("cancel", subscription, day(1, 10))
    assert (desk.status(subscription), desk.tier(user)) == ("cancelled", "pro")
    desk.tell("cancel", subscription, day(1, 11), True)
    assert desk.status(subscription) == "active"
    desk.tell("cancel", subscription, day(1, 12))
    desk.at(day(1, 31, hour=23))
    assert (desk.status(subscription), desk.tier(user)) == ("cancelled", "pro")
    desk.at(day(2, 1))
    assert (desk.status(subscription), desk.tier(user)) == ("ended", "free")


def test_what_its_provider_ended_stays_ended_and_keeps_what_it_was_given(
    desk: Desk, user: str
) -> None:
    subscription = desk.start(user, "pro", JANUARY)
    desk.tell("end", subscription, day(1, 10))
    assert (desk.status(subscription), desk.tier(user)) == ("ended", "free")
    assert desk.left(user) == PRO
    desk.at(day(2, 1))
    desk.tell("renew", subscription, *FEBRUARY)
    assert (desk.status(subscription), desk.tier(user)) == ("ended", "free")
    assert desk.left(user) == 0


def test_end_that_lies_ahead_comes_with_time(desk: Desk, user: str) -> None:
    subscription = desk.start(user, "pro", JANUARY)
    desk.tell("end", subscription, day(1, 20))
    desk.at(day(1, 19))
    assert desk.tier(user) == "pro"
    desk.at(day(1, 20))
    assert (desk.status(subscription), desk.tier(user)) == ("ended", "free")


@pytest.mark.parametrize("swapped", [False, True])
def test_subscription_that_begins_later_replaces_the_other(
    timed: TimedBench, desk: Desk, user: str, swapped: bool
) -> None:
    beginnings = [("starter", JANUARY), ("pro", (day(1, 10), day(2, 10)))]
    for tier, period in reversed(beginnings) if swapped else beginnings:
        desk.start(user, tier, period)
    assert timed.rows(
        "select tier::text, status::text from public.subscriptions where user_id = %s"
        " order by current_period_started_at",
        user,
    ) == [("starter", "ended"), ("pro", "active")]
    assert desk.tier(user) == "pro"
    assert desk.granted(user) == STARTER + PRO


def test_subscription_that_is_not_paid_replaces_nothing(desk: Desk, user: str) -> None:
    first = desk.start(user, "starter", JANUARY)
    payment = desk.invoice(user)
    second = desk.start(user, "pro", (day(1, 10), day(2, 10)), p_payment_id=payment)
    assert (desk.status(first), desk.status(second)) == ("active", "ended")
    desk.settle(payment)
    assert (desk.status(first), desk.status(second)) == ("ended", "active")


def test_trial_becomes_a_subscription_that_is_paid(desk: Desk, user: str) -> None:
    trial = (day(1, 1), day(1, 20))
    subscription = desk.start(user, "pro", trial, p_is_trial=True)
    assert (desk.status(subscription), desk.tier(user)) == ("trialing", "pro")
    assert desk.months(user) == [(PRO, day(1, 20))]
    desk.tell("renew", subscription, day(1, 20), day(2, 20), desk.paid(user))
    desk.at(day(1, 20))
    assert desk.status(subscription) == "active"
    assert desk.months(user) == [(PRO, day(1, 20)), (PRO, day(2, 20))]


def test_trial_that_is_made_longer_keeps_its_credits_longer(desk: Desk, user: str) -> None:
    reference = uuid4().hex
    for ends in (day(1, 16), day(1, 30), day(1, 20)):
        desk.start(
            user,
            "pro",
            (day(1, 2), ends),
            p_is_trial=True,
            p_provider_reference=reference,
        )
    assert desk.months(user) == [(PRO, day(1, 30))]


# Months -------------------------------------------------------------------------------------------


def test_month_is_granted_once_however_often_somebody_asks(
    timed: TimedBench, desk: Desk, user: str
) -> None:
    reference, payment = uuid4().hex, desk.paid(user)
    for _ in range(3):
        subscription = desk.start(
            user, "pro", JANUARY, p_provider_reference=reference, p_payment_id=payment
        )
        desk.tell("renew", subscription, *JANUARY, payment)
        desk.settle(payment)
        desk.sweep()
        desk.at(timed.now + timedelta(days=2))
    assert timed.rows(
        "select entries.type::text, entries.amount, entries.payment_id::text, grants.kind::text,"
        " grants.priority, grants.expires_at from public.credit_transactions as entries"
        " inner join public.credit_allocations as parts on parts.transaction_id = entries.id"
        " inner join public.credit_grants as grants on grants.id = parts.grant_id"
        " where entries.user_id = %s",
        user,
    ) == [("grant", PRO, payment, "allowance", 10, day(2, 1))]


def test_allowance_is_spent_before_what_was_bought(
    timed: TimedBench, desk: Desk, hall: Shop
) -> None:
    person = timed.person()
    desk.start(person, "starter", JANUARY)
    hall.job(person, p_output_count=10)
    assert desk.left(person) == 30
    hall.job(person, p_output_count=5)
    assert desk.left(person) == 0
    assert timed.balance(person) == 95


def test_year_that_is_paid_at_once_is_granted_month_by_month(desk: Desk, user: str) -> None:
    payment = desk.paid(user)
    desk.start(user, "pro", THE_YEAR, p_payment_id=payment)
    for month in range(2, 13):
        assert desk.left(user) == PRO
        for now in (day(month, 1), day(month, 17)):
            desk.at(now)
    desk.at(day(1, 1, 2031))
    ends = [*(day(month, 1) for month in range(2, 13)), day(1, 1, 2031)]
    assert desk.months(user) == [(PRO, end) for end in ends]
    assert desk.left(user) == 0


def test_month_that_is_over_is_not_granted_any_more(desk: Desk, user: str) -> None:
    desk.at(day(4, 10))
    desk.start(user, "pro", THE_YEAR)
    assert desk.months(user) == [(PRO, day(5, 1))]
    desk.at(day(7, 10))
    assert desk.months(user) == [(PRO, day(5, 1)), (PRO, day(8, 1))]
    late = desk.start(user, "starter", (day(7, 9), day(8, 9)))
    desk.tell("renew", late, day(5, 9), day(6, 9))
    assert desk.months(user)[1:] == [(PRO, day(8, 1)), (STARTER, day(8, 9))]


def test_months_are_counted_from_the_first_day_not_from_the_last_short_month(
    desk: Desk, user: str
) -> None:
    desk.at(day(1, 31))
    desk.start(user, "pro", (day(1, 31), day(1, 31, 2031)))
    for now in (day(2, 27), day(2, 28), day(3, 30), day(3, 31), day(4, 30)):
        desk.at(now)
    ends = (day(2, 28), day(3, 31), day(4, 30), day(5, 31))
    assert desk.months(user) == [(PRO, end) for end in ends]


def test_tail_of_days_is_no_month(desk: Desk, user: str) -> None:
    desk.start(user, "pro", (day(1, 1), day(3, 20)))
    for now in (day(1, 31, hour=23), day(2, 1), day(3, 1), day(3, 19)):
        desk.at(now)
    assert desk.months(user) == [(PRO, day(2, 1)), (PRO, day(3, 20))]


def test_period_shorter_than_a_month_is_one(desk: Desk, user: str) -> None:
    desk.start(user, "pro", (day(1, 10), day(1, 24)))
    assert desk.months(user) == [(PRO, day(1, 24))]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles", "Asia/Kathmandu"])
def test_months_are_the_same_in_every_time_zone(
    desk: Desk, user: str, timed: TimedBench, zone: str
) -> None:
    moment = timedelta(hours=23, minutes=30)
    desk.at(day(1, 31) + moment)
    subscription = desk.start(user, "pro", (day(1, 31) + moment, day(1, 31, 2031) + moment))
    desk.tell("change", subscription, "business", day(2, 3))
    for now in (day(2, 10), day(2, 28) + moment, day(3, 31), day(3, 31) + moment):
        desk.at(now, sweep=False)
        for setting in (zone, "UTC", zone):
            desk.session.rows("select set_config('TimeZone', %s, false)", setting)
            desk.sweep()
    share = Decimal((day(2, 28) + moment - day(2, 3)) / timedelta(days=28))
    assert desk.months(user) == [
        (PRO, day(2, 28) + moment),
        ((share * (BUSINESS - PRO)).quantize(Decimal("0.01")), day(2, 28) + moment),
        (BUSINESS, day(3, 31) + moment),
        (BUSINESS, day(4, 30) + moment),
    ]


def test_allowance_rolls_over_as_often_as_the_plan_says(
    timed: TimedBench, desk: Desk, user: str, hall: Shop
) -> None:
    with plan(timed, "pro", "rollover_periods", 2):
        desk.start(user, "pro", THE_YEAR)
        desk.at(day(2, 1))
        assert desk.months(user) == [(PRO, day(4, 1)), (PRO, day(5, 1))]
        assert desk.left(user) == 2 * PRO
        # What ends sooner is spent first.
        hall.job(user, p_output_count=10)
        left = "select remaining from public.credit_grants where user_id = %s order by expires_at"
        assert timed.column(left, user) == [PRO - 70, PRO]
        desk.at(day(3, 1))
        desk.at(day(4, 1))
        assert desk.left(user) == 3 * PRO


def test_account_that_is_closed_is_granted_nothing(
    timed: TimedBench, desk: Desk, user: str
) -> None:
    timed.run("update public.profiles set deleted_at = private.now() where user_id = %s", user)
    desk.start(user, "pro", JANUARY)
    assert desk.granted(user) == 0


def test_account_that_is_full_goes_without_and_keeps_nobody_waiting(
    timed: TimedBench, desk: Desk
) -> None:
    full, other = timed.person(anonymous=True), timed.person(anonymous=True)
    for person in (full, other):
        desk.start(person, "pro", THE_YEAR)
    desk.session(
        "worker.grant_credits",
        p_user_id=full,
        p_amount="89990000",
        p_reason="A test",
        p_operator="tester",
    )
    desk.at(day(2, 1))
    assert desk.granted(full) == PRO
    assert desk.granted(other) == 2 * PRO


def test_account_that_somebody_works_on_is_left_for_the_next_time(
    timed: TimedBench, desk: Desk, user: str
) -> None:
    desk.start(user, "pro", THE_YEAR)
    with timed.superuser() as somebody, somebody.connection.transaction():
        somebody.rows("select private.lock_account(%s)", user)
        desk.at(day(2, 1))
        assert desk.left(user) == 0
    desk.sweep()
    assert desk.left(user) == PRO


# Changes of tier ----------------------------------------------------------------------------------


def test_upgrade_is_granted_for_the_rest_of_the_month_to_the_cent(desk: Desk, user: str) -> None:
    subscription = desk.start(user, "starter", JANUARY)
    for _ in range(2):
        desk.tell("change", subscription, "pro", day(1, 11))
        desk.sweep()
    # 21 of 31 days.
    assert desk.granted(user) == desk.left(user) == Decimal("845.16")
    assert desk.tier(user) == "pro"


def test_downgrade_takes_back_the_rest_of_the_month_to_the_cent(desk: Desk, user: str) -> None:
    subscription = desk.start(user, "pro", JANUARY)
    for _ in range(2):
        desk.tell("change", subscription, "starter", day(1, 11))
        desk.sweep()
    assert desk.granted(user) == desk.left(user) == Decimal("454.84")
    assert desk.bench.complaints(user) == []


def test_downgrade_takes_back_what_was_not_spent(desk: Desk, user: str, hall: Shop) -> None:
    subscription = desk.start(user, "creator", JANUARY)
    for _ in range(5):
        hall.job(user, p_output_count=10)
    # 400 granted, 350 spent; 203.23 would go back, 50 are there.
    desk.tell("change", subscription, "starter", day(1, 11))
    assert desk.left(user) == 0
    assert desk.granted(user) == 350
    # What was not there counts against what comes later in the month, and not beyond it.
    desk.tell("change", subscription, "pro", day(1, 12))
    due = (400 * 10 + 100 * 1 + 1200 * 20) / Decimal(31)
    assert desk.granted(user) == due.quantize(Decimal("0.01"))
    desk.at(day(2, 1))
    desk.tell("renew", subscription, *FEBRUARY)
    assert desk.left(user) == PRO
    assert desk.bench.complaints(user) == []


@pytest.mark.parametrize("seed", range(4))
def test_going_back_and_forth_gains_nothing(desk: Desk, user: str, hall: Shop, seed: int) -> None:
    rng = random.Random(seed)
    allowances = {"starter": STARTER, "creator": Decimal(400), "pro": PRO}
    tier, since, had, spent = "creator", JANUARY[0], Decimal(0), Decimal(0)
    subscription = desk.start(user, tier, JANUARY)
    for number in range(12):
        now = START + timedelta(days=number, hours=1)
        desk.at(now)
        for _ in range(rng.randint(0, 10)):
            if desk.left(user) >= 70:
                hall.job(user, p_output_count=10)
                spent += 70
        had += allowances[tier] * Decimal((now - since) / timedelta(days=31))
        tier, since = rng.choice(list(allowances)), now
        desk.tell("change", subscription, tier, now)
        desk.sweep()
        # What is due if it stays so, unless more is gone already; each change rounds to the cent.
        due = had + allowances[tier] * Decimal((JANUARY[1] - now) / timedelta(days=31))
        assert abs(desk.granted(user) - max(due, spent)) < Decimal("0.1")
        assert desk.granted(user) - desk.left(user) == spent
    assert desk.bench.complaints(user) == []


def test_change_that_lies_ahead_comes_with_time(desk: Desk, user: str) -> None:
    subscription = desk.start(user, "starter", JANUARY)
    desk.tell("change", subscription, "pro", day(1, 20))
    assert (desk.tier(user), desk.granted(user)) == ("starter", STARTER)
    desk.at(day(1, 21))
    assert desk.tier(user) == "pro"
    # 12 of 31 days.
    assert desk.granted(user) == Decimal("525.81")


def test_change_at_the_end_of_the_period_leaves_the_month_alone(desk: Desk, user: str) -> None:
    subscription = desk.start(user, "pro", JANUARY)
    desk.tell("change", subscription, "starter", day(2, 1))
    desk.tell("renew", subscription, *FEBRUARY)
    assert desk.left(user) == PRO
    desk.at(day(2, 1))
    assert (desk.tier(user), desk.left(user)) == ("starter", STARTER)


# Money back ---------------------------------------------------------------------------------------


def test_payment_that_is_returned_takes_its_allowance_back(timed: TimedBench, desk: Desk) -> None:
    person = timed.person()
    payment = desk.paid(person)
    desk.start(person, "pro", JANUARY, p_payment_id=payment)
    # 2000 of 7999.
    desk.refund(payment, 2000)
    assert desk.left(person) == Decimal("899.96")
    desk.refund(payment)
    assert desk.left(person) == 0
    assert timed.balance(person) == 100


def test_dispute_that_is_lost_takes_the_allowance_of_all_months_to_come(
    desk: Desk, user: str
) -> None:
    payment = desk.paid(user)
    desk.start(user, "pro", THE_YEAR, p_payment_id=payment)
    dispute = {"p_payment_id": payment, "p_dispute_reference": "dp_1"}
    desk.session("worker.open_dispute", **dispute)
    assert desk.left(user) == PRO
    desk.session("worker.close_dispute", **dispute, p_outcome="lost")
    assert desk.left(user) == 0
    desk.at(day(2, 1))
    assert desk.left(user) == 0
    assert desk.bench.balance(user) == 0
    desk.session("worker.close_dispute", **dispute, p_outcome="won")
    assert desk.left(user) == PRO
    assert desk.bench.complaints(user) == []


def test_what_has_ended_is_not_owed(desk: Desk, user: str, hall: Shop) -> None:
    payment = desk.paid(user)
    desk.start(user, "pro", JANUARY, p_payment_id=payment)
    hall.job(user, p_output_count=10)
    desk.at(day(2, 10))
    desk.refund(payment)
    debt = "select debt from public.credit_accounts where user_id = %s"
    assert desk.bench.value(debt, user) == 70
    assert desk.bench.balance(user) == 0
    assert desk.bench.complaints(user) == []


def test_what_came_back_and_has_ended_is_not_owed_either(
    timed: TimedBench, desk: Desk, user: str, hall: Shop
) -> None:
    payment = desk.paid(user)
    desk.start(user, "pro", JANUARY, p_payment_id=payment)
    job = hall.job(user, p_output_count=10)
    dispute = {"p_payment_id": payment, "p_dispute_reference": "dp_1"}
    desk.session("worker.close_dispute", **dispute, p_outcome="lost")
    desk.at(day(2, 2))
    desk.session("worker.close_dispute", **dispute, p_outcome="won")
    with timed.owner(user) as session:
        session("public.cancel_generation", p_job_id=job.id)
    desk.at(day(2, 20))
    desk.refund(payment)
    debt = "select debt from public.credit_accounts where user_id = %s"
    assert timed.value(debt, user) == 0
    assert timed.balance(user) == 0
    assert timed.complaints(user) == []


def test_downgrade_after_a_refund_ends_as_a_refund_after_a_downgrade(
    timed: TimedBench, desk: Desk
) -> None:
    left = []
    for is_refunded_first in (True, False):
        person = timed.person(anonymous=True)
        payment = desk.paid(person)
        subscription = desk.start(person, "pro", JANUARY, p_payment_id=payment)
        if is_refunded_first:
            desk.refund(payment, 7199)
        desk.tell("change", subscription, "starter", day(1, 11))
        desk.refund(payment, 7199)
        left.append((desk.granted(person), desk.left(person)))
    # 7199 of 7999 go back of what the month is worth.
    assert left == [(Decimal("454.84"), Decimal("45.49"))] * 2


def test_upgrade_that_was_paid_is_returned_alone(desk: Desk, user: str) -> None:
    first, second = desk.paid(user), desk.paid(user, "business")
    subscription = desk.start(user, "pro", JANUARY, p_payment_id=first)
    desk.tell("change", subscription, "business", day(1, 11), second)
    assert desk.left(user) == Decimal("2758.06")
    desk.refund(second)
    assert desk.left(user) == PRO
    desk.refund(first, 2000)
    assert desk.left(user) == Decimal("899.96")


@pytest.mark.parametrize("is_late", [False, True])
def test_change_that_is_heard_of_late_counts_as_if_it_had_not_been(
    desk: Desk, user: str, is_late: bool
) -> None:
    subscription = desk.start(user, "starter", JANUARY)
    if not is_late:
        desk.tell("change", subscription, "pro", day(1, 9))
    payment = desk.paid(user)
    desk.tell("change", subscription, "pro", day(1, 10), payment)
    desk.refund(payment, 2000)
    if is_late:
        desk.tell("change", subscription, "pro", day(1, 9))
    # 23 of 31 days, of which the payment brought none.
    assert desk.granted(user) == desk.left(user) == Decimal("916.13")
    assert desk.bench.complaints(user) == []


# Plans that nobody pays for -----------------------------------------------------------------------


def test_free_plan_grants_once_an_address_and_month(timed: TimedBench, desk: Desk) -> None:
    name = uuid4().hex
    with plan(timed, "free", "monthly_allowance", 6):
        person = timed.person(f"{name}@policies.example")
        twin = timed.person(f"{name}+twin@policies.example")
        stranger = timed.person(anonymous=True)
        desk.sweep()
        desk.sweep()
        assert [desk.left(each) for each in (person, twin, stranger)] == [6, 0, 0]
        timed.run("delete from auth.users where id = %s", person)
        again = timed.person(f"{name}@policies.example")
        desk.sweep()
        assert desk.left(again) == 0
        desk.at(START + timedelta(days=31))
        assert sorted(desk.left(each) for each in (again, twin)) == [0, 6]
        assert desk.left(stranger) == 0


def test_free_plan_waits_while_somebody_subscribes(timed: TimedBench, desk: Desk) -> None:
    with plan(timed, "free", "monthly_allowance", 6):
        person = timed.person()
        assert desk.months(person) == [(Decimal(6), day(2, 15, hour=12))]
        subscription = desk.start(person, "starter", (day(2, 10), day(3, 10)))
        desk.at(day(2, 16))
        assert desk.months(person)[1:] == [(STARTER, day(3, 10))]
        desk.tell("end", subscription, day(2, 16))
        desk.sweep()
        assert desk.months(person)[1:] == [
            (STARTER, day(3, 10)),
            (Decimal(6), day(3, 15, hour=12)),
        ]


def test_payment_is_for_one_period_however_its_start_is_told(desk: Desk, user: str) -> None:
    payment = desk.paid(user, "creator")
    sub = desk.start(user, "creator", (day(1, 15), day(2, 15)), p_payment_id=payment)
    again = (day(1, 15) + timedelta(seconds=3), day(2, 15) + timedelta(seconds=3))
    desk.tell("renew", sub, *again, p_payment_id=payment)
    desk.tell("renew", sub, day(2, 15), day(3, 15), p_payment_id=payment)
    assert desk.granted(user) == 400
    with refused("PT409", "payment_used"):
        desk.start(user, "creator", (day(1, 15), day(2, 15)), p_payment_id=payment)
    assert desk.granted(user) == 400


def test_payment_for_one_plan_begins_no_other(desk: Desk, user: str) -> None:
    payment = desk.paid(user, "starter")
    with refused("PT409", "payment_differs"):
        desk.start(user, "enterprise", (day(1, 15), day(2, 15)), p_payment_id=payment)
    assert desk.tier(user) == "free"


def test_grace_is_counted_in_the_same_hours_in_every_time_zone(
    timed: TimedBench, desk: Desk, user: str
) -> None:
    # Clocks go forward in New York on 10 March 2030.
    sub = desk.start(user, "pro", (day(2, 8), day(3, 8)), p_payment_id=desk.paid(user))
    desk.session.run("set timezone = 'America/New_York'")
    desk.at(day(3, 9))
    desk.session.run("reset timezone")
    assert timed.value("select follow_at from public.subscriptions where id = %s", sub) == day(
        3, 11
    )
