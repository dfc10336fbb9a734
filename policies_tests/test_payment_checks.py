"""Open payments: when their providers are asked about them, how many there may be, and whose."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from .clock import START, TimedBench
from .harness import PACKAGE_PRICE, Bench, Session, race, refused

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def services(timed: TimedBench) -> Iterator[Session]:
    """The services' session, on a day without open payments of anybody else's."""
    timed.run("delete from worker.payment_checks")
    with timed.service() as session:
        yield session


def open_payment(session: Session, user: str, provider: str = "sandbox", **more: Any) -> str:
    """Open a payment for a package, unless told otherwise, and return its id."""
    named = {"p_user_id": user, "p_provider": provider, "p_idempotency_key": uuid4().hex}
    named |= more or {"p_package_slug": "usd-starter"}
    call = ", ".join(f"{name} => %s" for name in named)
    query = f"select id::text from worker.open_payment({call})"
    return str(session.value(query, *named.values()))


def due(session: Session, providers: str = "{sandbox,stripe,omise}", **more: Any) -> list[str]:
    """Claim what is to be asked about, and return the payments."""
    named = {"p_providers": providers} | more
    call = ", ".join(f"{name} => %s" for name in named)
    query = f"select payment_id::text from worker.claim_open_payments({call})"
    return [str(each) for each in session.column(query, *named.values())]


def next_check(bench: Bench, payment: str) -> datetime | None:
    """Return when a payment is to be asked about next, if at all."""
    rows = bench.column("select due_at from worker.payment_checks where payment_id = %s", payment)
    return rows[0] if rows else None


# Asking -------------------------------------------------------------------------------------------


def test_open_payment_is_asked_about_after_two_minutes_and_then_less_and_less_often(
    timed: TimedBench, services: Session
) -> None:
    payment = open_payment(services, timed.person())
    now, waits = START, []
    while len(waits) < 11:
        when = next_check(timed, payment)
        assert when is not None
        timed.at(when - timedelta(milliseconds=1), services)
        assert due(services) == []
        timed.at(when, services)
        assert due(services) == [payment]
        assert due(services) == []
        waits.append((when - now) / MINUTE)
        now = when
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]


def test_whoever_asks_is_told_all_that_is_needed_for_it(
    timed: TimedBench, services: Session
) -> None:
    user = timed.person()
    payment = open_payment(
        services, user, p_package_slug="usd-starter", p_expires_at=START + HOUR, p_method="card"
    )
    services.rows("select worker.advance_payment(%s, 'cs_1', p_is_processing => true)", payment)
    timed.at(START + 2 * MINUTE, services)
    assert services.rows(
        "select payment_id::text, user_id::text, provider, provider_reference, amount_minor,"
        " currency, status, method, tier, subscription_id, created_at, expires_at"
        " from worker.claim_open_payments('{sandbox}')"
    ) == [
        (
            *(payment, user, "sandbox", "cs_1", 999, "USD", "processing", "card"),
            *(None, None, START, START + HOUR),
        )
    ]


@pytest.mark.parametrize("end", ["succeeded", "refunded", "disputed"])
def test_payment_that_was_paid_is_asked_about_no_more(
    timed: TimedBench, services: Session, end: str
) -> None:
    payment = open_payment(services, timed.person())
    services("worker.settle_payment", p_payment_id=payment, **PACKAGE_PRICE)
    if end == "refunded":
        services("worker.refund_payment", p_payment_id=payment, p_refunded_minor=999)
    elif end == "disputed":
        services("worker.open_dispute", p_payment_id=payment, p_dispute_reference="dp_1")
    timed.at(START + 2 * MINUTE, services)
    assert due(services) == []
    assert next_check(timed, payment) is None


@pytest.mark.parametrize("expired", [True, False])
def test_payment_that_came_to_nothing_is_asked_about_for_another_day(
    timed: TimedBench, services: Session, expired: bool
) -> None:
    payment = open_payment(services, timed.person())
    services("worker.fail_payment", p_payment_id=payment, p_has_expired=expired)
    # The row's own stamp is the machine's.
    timed.run("alter table public.payments disable trigger payments_set_updated_at")
    try:
        timed.run("update public.payments set updated_at = %s where id = %s", START, payment)
    finally:
        timed.run("alter table public.payments enable trigger payments_set_updated_at")
    timed.at(START + DAY - MINUTE, services)
    assert due(services) == [payment]
    timed.at(START + 2 * DAY, services)
    assert due(services) == []
    assert next_check(timed, payment) is None


def test_payment_that_nobody_can_tell_of_is_given_up_after_a_month(
    timed: TimedBench, services: Session
) -> None:
    kept, gone = (open_payment(services, timed.person(), name) for name in ("sandbox", "omise"))
    timed.at(START + timedelta(days=29), services)
    assert due(services, "{sandbox}") == [kept]
    timed.at(START + timedelta(days=31), services)
    # Nobody serves its provider any more: housekeeping drops it.
    services("worker.housekeep")
    assert next_check(timed, gone) is None
    assert due(services) == []


def test_only_asked_for_providers_are_asked_and_the_longest_due_first(
    timed: TimedBench, services: Session
) -> None:
    user = timed.person()
    payments = []
    for n, provider in enumerate(("stripe", "sandbox", "stripe", "stripe")):
        timed.at(START + n * MINUTE, services)
        payments.append(open_payment(services, user, provider))
    timed.at(START + HOUR, services)
    assert due(services, "{omise}") == []
    assert due(services, "{stripe}", p_limit=2) == [payments[0], payments[2]]
    assert due(services, "{stripe}") == [payments[3]]
    assert due(services, "{sandbox}", p_lease_seconds=3600) == [payments[1]]
    assert next_check(timed, payments[1]) == START + 2 * HOUR


def test_two_who_ask_at_once_never_ask_about_the_same_payment(
    timed: TimedBench, services: Session
) -> None:
    payments = [open_payment(services, timed.person()) for _ in range(12)]
    timed.at(START + HOUR, services)

    def drain() -> list[str]:
        with timed.service() as session:
            return [payment for _ in range(8) for payment in due(session, p_limit=2)]

    answers = race([drain, drain])
    asked = [each for answer in answers if isinstance(answer, list) for each in answer]
    assert sorted(asked) == sorted(payments)


def test_package_that_costs_nothing_is_asked_about_never(
    timed: TimedBench, services: Session
) -> None:
    free = timed.column("select slug from public.credit_packages where price_minor = 0 limit 1")
    [slug] = free
    open_payment(services, timed.person(), p_package_slug=slug)
    timed.at(START + HOUR, services)
    assert due(services) == []


# How many -----------------------------------------------------------------------------------------


def test_user_has_twenty_payments_open_and_no_more(timed: TimedBench, services: Session) -> None:
    user = timed.person()
    first, *others = [
        open_payment(services, user, p_package_slug="usd-starter", p_idempotency_key=f"key {n}")
        for n in range(20)
    ]
    with refused("PT429", "too_many_open_payments"):
        open_payment(services, user)
    with refused("PT429", "too_many_open_payments"):
        open_payment(services, user, p_tier="pro")
    # A key that was used is answered, and others have their own.
    same = {"p_package_slug": "usd-starter", "p_idempotency_key": "key 0"}
    assert open_payment(services, user, **same) == first
    open_payment(services, timed.person())
    # What is paid or was left is not open; what failed is one stolen card more that was tried.
    services("worker.settle_payment", p_payment_id=first, **PACKAGE_PRICE)
    services("worker.fail_payment", p_payment_id=others[0], p_has_expired=True)
    services("worker.advance_payment", p_payment_id=others[1], p_is_processing=True)
    services("worker.fail_payment", p_payment_id=others[2])
    for _ in range(2):
        open_payment(services, user)
    with refused("PT429", "too_many_open_payments"):
        open_payment(services, user)
    timed.at(START + DAY, services)
    open_payment(services, user)


def test_payment_of_a_subscription_is_never_too_many(timed: TimedBench, services: Session) -> None:
    user = timed.person()
    with timed.undone():
        timed.run("update private.settings set max_open_payments = 1")
        open_payment(timed, user)
        with timed.undone(), refused("PT429", "too_many_open_payments"):
            open_payment(timed, user)
        subscription = timed.value(
            "select id::text from worker.start_subscription(%s, 'pro', private.now(),"
            " private.now() + interval '1 month')",
            user,
        )
        open_payment(timed, user, p_subscription_id=subscription)


def test_payments_opened_at_once_are_counted_one_by_one(bench: Bench) -> None:
    user = bench.person()
    with bench.service() as session:
        for _ in range(18):
            open_payment(session, user)

    def press() -> str:
        with bench.service() as session:
            return open_payment(session, user)

    results = race([press] * 5)
    assert len([result for result in results if isinstance(result, str)]) == 2


# Whose --------------------------------------------------------------------------------------------


def keep(
    session: Session, user: str | None, reference: str | None, provider: str = "stripe"
) -> str:
    """Say what a provider calls a user, and return what counts."""
    [kept] = session(
        "worker.keep_payment_customer",
        p_user_id=user,
        p_provider=provider,
        p_provider_reference=reference,
    )
    return str(kept)


def test_first_word_of_what_a_provider_calls_a_user_counts(bench: Bench) -> None:
    user, other = bench.person(), bench.person()
    name = f"cus_{uuid4().hex}"
    with bench.service() as session:
        assert keep(session, user, name) == name
        assert keep(session, user, f"{name}x") == name
        assert keep(session, user, f"{name}x", "omise") == f"{name}x"
        with refused("PT409", "reference_taken"):
            keep(session, other, name)
        assert keep(session, other, name, "omise") == name
        assert keep(session, user, name) == name
        for reference in ("", None, "x" * 256):
            with refused("PT400", "invalid_reference"):
                keep(session, user, reference)
        for nobody in (str(uuid4()), None):
            with refused("PT404", "user_not_found"):
                keep(session, nobody, uuid4().hex)
        with refused("42501"):
            session.run("delete from worker.payment_customers where user_id = %s", user)
    bench.run("delete from auth.users where id = %s", user)
    assert bench.rows("select from worker.payment_customers where user_id = %s", user) == []


def test_two_who_make_a_customer_at_once_agree_on_one(bench: Bench) -> None:
    user = bench.person()

    def make() -> str:
        with bench.service() as session:
            return keep(session, user, f"cus_{uuid4().hex}")

    assert len(set(race([make] * 4))) == 1
