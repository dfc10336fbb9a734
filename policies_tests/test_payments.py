"""Payments and subscriptions: what was agreed stays, and a status moves one way only."""

import itertools
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from .harness import Bench, refused

STATUSES = [
    "pending",
    "processing",
    "succeeded",
    "failed",
    "expired",
    "refunded",
    "disputed",
]
SOMETHING = "0a0a0a0a-0000-4000-8000-00000000ffff"
# How a payment gets into each status, from pending on.
PATHS = {
    "pending": [],
    "processing": ["processing"],
    "succeeded": ["succeeded"],
    "failed": ["failed"],
    "expired": ["expired"],
    "refunded": ["succeeded", "refunded"],
    "disputed": ["succeeded", "disputed"],
}
EDGES = {
    ("pending", "processing"),
    ("pending", "succeeded"),
    ("pending", "failed"),
    ("pending", "expired"),
    ("processing", "succeeded"),
    ("processing", "failed"),
    ("processing", "expired"),
    ("failed", "expired"),
    ("failed", "succeeded"),
    ("expired", "succeeded"),
    ("succeeded", "refunded"),
    ("succeeded", "disputed"),
    ("refunded", "succeeded"),
    ("refunded", "disputed"),
    ("disputed", "succeeded"),
    ("disputed", "refunded"),
}


@pytest.fixture(autouse=True)
def gone_afterwards(bench: Bench) -> Iterator[None]:
    """Take away whoever was made: what is moved here by hand is in no books."""
    began = bench.value("select clock_timestamp()")
    yield
    bench.run(
        "delete from auth.users using public.profiles"
        " where users.id = profiles.user_id and profiles.created_at >= %s",
        began,
    )


def insert(bench: Bench, table: str, values: dict[str, Any]) -> str:
    """Insert a row as the tables' owner might, and return its id."""
    return str(
        bench.value(
            f"insert into public.{table} ({', '.join(values)})"
            f" values ({', '.join(['%s'] * len(values))}) returning id",
            *values.values(),
        )
    )


def pay(bench: Bench, user_id: str, **columns: Any) -> str:
    """Open a payment of 9.99 dollars for a package, and return its id."""
    values = {
        "user_id": user_id,
        "provider": "sandbox",
        "amount_minor": 999,
        "currency": "USD",
        "credits": 100,
    } | columns
    if not values.keys() & {"package_id", "tier", "subscription_id"}:
        values["package_id"] = bench.value(
            "select id from public.credit_packages where slug = 'usd-starter'"
        )
    return insert(bench, "payments", values)


def subscribe(bench: Bench, user_id: str, **columns: Any) -> str:
    """Begin a subscription, and return its id."""
    return insert(
        bench,
        "subscriptions",
        {
            "user_id": user_id,
            "tier": "pro",
            "provider": "sandbox",
            "provider_reference": uuid4().hex,
            "current_period_started_at": "2026-11-01",
            "current_period_ends_at": "2026-12-01",
        }
        | columns,
    )


def move(bench: Bench, payment: str, *statuses: str) -> None:
    """Move a payment's status on; what is refunded is refunded whole."""
    for status in statuses:
        bench.run(
            "update public.payments set status = %s, refunded_minor ="
            " case when %s = 'refunded' then amount_minor else refunded_minor end where id = %s",
            status,
            status,
            payment,
        )


def may_move(bench: Bench, payment: str, status: str) -> bool:
    """Move a payment's status on if that is allowed, and tell whether it was."""
    try:
        move(bench, payment, status)
    except psycopg.Error as error:
        if error.diag.message_hint != "transition_not_allowed":
            raise
        return False
    return True


def change(bench: Bench, payment: str, **columns: Any) -> None:
    """Write columns of a payment as the tables' owner might."""
    sets = ", ".join(f"{column} = %s" for column in columns)
    bench.run(f"update public.payments set {sets} where id = %s", *columns.values(), payment)


# Who may do what ----------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["payments", "subscriptions"])
def test_billing_is_read_by_its_owner_and_the_services(bench: Bench, table: str) -> None:
    user, stranger = bench.person(), bench.person()
    row = subscribe(bench, user) if table == "subscriptions" else pay(bench, user)
    query = f"select id::text from public.{table} where user_id = %s"
    with bench.owner(user) as session:
        assert session.column(f"select id::text from public.{table}") == [row]
    with bench.owner(stranger) as session:
        assert session.column(query, user) == []
    with bench.anonymous() as session, refused("42501"):
        session.column(query, user)
    with bench.service() as session:
        assert session.column(query, user) == [row]


@pytest.mark.parametrize("table", ["payments", "subscriptions"])
def test_nobody_writes_billing_by_hand(bench: Bench, table: str) -> None:
    user = bench.person()
    subscription = subscribe(bench, user)
    row = subscription if table == "subscriptions" else pay(bench, user)
    for session in (bench.owner(user), bench.anonymous(), bench.service()):
        with session:
            for attempt in (
                f"insert into public.{table} (user_id) values ('{user}')",
                f"update public.{table} set created_at = now() where id = '{row}'",
                f"update public.{table} set status = status where id = '{row}'",
                f"delete from public.{table} where id = '{row}'",
                f"truncate public.{table} cascade",
            ):
                with refused("42501"):
                    session.run(attempt)


# How a payment moves ------------------------------------------------------------------------------


@pytest.mark.parametrize("start", STATUSES)
def test_status_moves_along_its_edges_and_no_other(bench: Bench, start: str) -> None:
    payment = pay(bench, bench.person())
    move(bench, payment, *PATHS[start])
    moved = set()
    for goal in STATUSES:
        with bench.undone():
            if goal != start and may_move(bench, payment, goal):
                moved.add((start, goal))
    assert moved == {edge for edge in EDGES if edge[0] == start}


@pytest.mark.parametrize(
    ("told", "end"),
    [
        (("processing", "failed", "succeeded"), "succeeded"),
        (("processing", "failed", "expired"), "expired"),
        (("processing", "failed", "expired", "succeeded"), "succeeded"),
    ],
)
def test_order_in_which_events_arrive_makes_no_difference(
    bench: Bench, told: tuple[str, ...], end: str
) -> None:
    user = bench.person()
    for order in itertools.permutations(told):
        payment = pay(bench, user)
        for status in order * 2:
            may_move(bench, payment, status)
        assert bench.value("select status from public.payments where id = %s", payment) == end


@pytest.mark.parametrize("status", STATUSES[1:])
def test_payment_begins_as_pending(bench: Bench, status: str) -> None:
    user = bench.person()
    with refused("PT409", "transition_not_allowed"):
        pay(bench, user, status=status, succeeded_at="2026-11-01")
    with refused("PT409", "transition_not_allowed"):
        pay(bench, user, refunded_minor=1)


def test_time_of_success_is_the_first_and_not_anybodys_to_write(bench: Bench) -> None:
    payment = pay(bench, bench.person())
    when = "select succeeded_at from public.payments where id = %s"
    change(bench, payment, succeeded_at="2020-01-01")
    assert bench.value(when, payment) is None
    move(bench, payment, "succeeded")
    first = bench.value(when, payment)
    assert first is not None
    move(bench, payment, "disputed", "succeeded")
    change(bench, payment, succeeded_at=None)
    assert bench.value(when, payment) == first


@pytest.mark.parametrize("status", ["pending", "processing", "failed", "expired"])
def test_return_may_be_known_before_the_payment_and_takes_nothing_till_then(
    bench: Bench, status: str
) -> None:
    payment = pay(bench, bench.person())
    move(bench, payment, *PATHS[status])
    change(bench, payment, refunded_minor=999, charged_back_minor=999)
    with refused("PT409", "transition_not_allowed"):
        change(bench, payment, status="refunded")
    with refused("23514"):
        change(bench, payment, credits_owed=1)
    change(bench, payment, status="succeeded")
    change(bench, payment, status="refunded", credits_owed=1)


@pytest.mark.parametrize(
    "columns",
    [
        {"charged_back_minor": 1000},
        {"charged_back_minor": -1},
        {"credits_owed": -1},
        {"credits_owed": "NaN"},
    ],
)
def test_no_more_is_taken_back_than_was_given(bench: Bench, columns: dict[str, Any]) -> None:
    payment = pay(bench, bench.person())
    move(bench, payment, "succeeded")
    with refused("23514"):
        change(bench, payment, **columns)


@pytest.mark.parametrize("table", ["credit_packages", "subscription_plans"])
def test_nothing_is_sold_in_a_currency_without_cents(bench: Bench, table: str) -> None:
    # A hundredth, or the hundredfold, would be charged.
    for currency in ("JPY", "KWD", "UGX"):
        with refused("23514"):
            bench.run(f"update public.{table} set currency = %s", currency)


def test_refund_total_only_grows_and_stays_within_the_amount(bench: Bench) -> None:
    payment = pay(bench, bench.person())
    move(bench, payment, "succeeded")
    change(bench, payment, refunded_minor=400)
    with refused("PT409", "refund_total_falls"):
        change(bench, payment, refunded_minor=399)
    with refused("23514"):
        change(bench, payment, refunded_minor=1000)
    with refused("23514"):
        change(bench, payment, status="refunded")
    with refused("23514"):
        change(bench, payment, status="disputed", refunded_minor=1000)
    change(bench, payment, status="refunded", refunded_minor=999)


# What never changes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("id", SOMETHING),
        ("amount_minor", 1),
        ("currency", "THB"),
        ("credits", 100000),
        ("provider", "stripe"),
        ("provider_reference", "another"),
        ("provider_reference", None),
        ("method", "promptpay"),
        ("idempotency_key", "another"),
        ("package_id", None),
        ("tier", "pro"),
        ("created_at", "2020-01-01"),
    ],
)
def test_what_was_agreed_never_changes(bench: Bench, column: str, value: Any) -> None:
    payment = pay(
        bench,
        bench.person(),
        provider_reference=uuid4().hex,
        method="card",
        idempotency_key="once",
    )
    move(bench, payment, "succeeded")
    for setting in ("role = postgres", "session_replication_role = replica"):
        with bench.undone():
            bench.run(f"set local {setting}")
            # A plan was not named, and could be: but a package was.
            with refused("23514" if column == "tier" else "PT403"):
                change(bench, payment, **{column: value})


def test_payment_never_becomes_somebody_elses(bench: Bench) -> None:
    user, thief = bench.person(), bench.person()
    payment = pay(bench, user)
    with refused("PT403", "payment_is_settled"):
        change(bench, payment, user_id=thief)


def test_what_was_open_is_filled_in_once(bench: Bench) -> None:
    user = bench.person()
    payment = pay(bench, user, tier="pro")
    first, second = {"provider_reference": uuid4().hex}, {"provider_reference": uuid4().hex}
    first["subscription_id"] = subscribe(bench, user)
    change(bench, payment, **first, method="card")
    change(bench, payment, **first, method="card")
    with refused("PT403", "payment_is_settled"):
        change(bench, payment, **second)
    with refused("PT403", "payment_is_settled"):
        change(bench, payment, subscription_id=None)


@pytest.mark.parametrize("setting", ["role = postgres", "session_replication_role = replica"])
@pytest.mark.parametrize(
    "attempt",
    [
        "delete from public.payments where user_id = '{user}'",
        "truncate public.payments cascade",
    ],
)
def test_payment_is_not_deleted_by_hand(bench: Bench, attempt: str, setting: str) -> None:
    user = bench.person()
    pay(bench, user)
    with bench.undone(), refused("PT403", "payments_are_kept"):
        bench.run(f"set local {setting}")
        bench.run(attempt.format(user=user))


def test_payment_does_not_go_with_a_profile_alone(bench: Bench) -> None:
    user = bench.person()
    pay(bench, user)
    with bench.service() as session, refused("PT403"):
        session.run("delete from public.profiles where user_id = %s", user)


def test_billing_goes_with_its_user_and_leaves_others_alone(bench: Bench) -> None:
    user, other = bench.person(), bench.person()
    for person in (user, other):
        subscription = subscribe(bench, person)
        payment = pay(bench, person, subscription_id=subscription)
        move(bench, payment, "succeeded")
        bench.run(
            "update public.payments set transaction_id = (select id from"
            " public.credit_transactions where user_id = %s) where id = %s",
            person,
            payment,
        )
    assert bench.run("delete from auth.users where id = %s", user) == 1
    left = "select count(*) from public.{} where user_id = any(%s::uuid[])"
    for table in ("payments", "subscriptions", "credit_transactions"):
        assert bench.value(left.format(table), [user, other]) == 1


# What fits together -------------------------------------------------------------------------------


def test_payment_is_for_a_package_or_a_plan(bench: Bench) -> None:
    user = bench.person()
    subscription = subscribe(bench, user)
    package = bench.value("select id from public.credit_packages where slug = 'usd-starter'")
    pay(bench, user, tier="pro")
    pay(bench, user, subscription_id=subscription)
    pay(bench, user, tier="pro", subscription_id=subscription)
    for wrong in (
        {"package_id": None},
        {"package_id": package, "tier": "pro"},
        {"package_id": package, "subscription_id": subscription},
    ):
        with refused("23514"):
            pay(bench, user, **wrong)


def test_subscription_that_is_paid_is_the_payers(bench: Bench) -> None:
    user, stranger = bench.person(), bench.person()
    with refused("23503"):
        pay(bench, user, subscription_id=subscribe(bench, stranger))


def test_reference_is_taken_once_a_provider_and_a_key_once_a_user(bench: Bench) -> None:
    user, other = bench.person(), bench.person()
    reference = uuid4().hex
    pay(bench, user, provider_reference=reference, idempotency_key="once")
    pay(bench, other, provider="stripe", provider_reference=reference, idempotency_key="once")
    with refused("23505"):
        pay(bench, other, provider_reference=reference)
    with refused("23505"):
        pay(bench, user, idempotency_key="once")


@pytest.mark.parametrize(
    "columns",
    [
        {"amount_minor": -1},
        {"credits": -1},
        {"credits": "NaN"},
        {"currency": "usd"},
        {"receipt_url": "javascript:alert(1)"},
        {"provider_reference": ""},
        {"provider_reference": "x" * 256},
        {"failure_reason": "x" * 1001},
        {"succeeded_at": "2026-11-01"},
        {"transaction_id": SOMETHING},
        {"charged_back_minor": 1000},
        {"credits_owed": 1},
    ],
)
def test_payment_that_makes_no_sense_is_refused(bench: Bench, columns: dict[str, Any]) -> None:
    user = bench.person()
    with refused("23514"):
        pay(bench, user, **columns)


def test_package_that_was_sold_stays(bench: Bench) -> None:
    with bench.undone():
        package = bench.value(
            "insert into public.credit_packages (slug, name, credits, price_minor, currency)"
            " values ('sold', 'Sold', 1, 100, 'EUR') returning id"
        )
        pay(bench, bench.person(), package_id=package)
        with refused("23503"):
            bench.run("delete from public.credit_packages where id = %s", package)


# Subscriptions ------------------------------------------------------------------------------------


def test_at_most_one_subscription_is_alive(bench: Bench) -> None:
    user = bench.person()
    first = subscribe(bench, user)
    with refused("23505"):
        subscribe(bench, user, status="past_due")
    bench.run(
        "update public.subscriptions set status = 'ended', ended_at = now() where id = %s", first
    )
    subscribe(bench, user)


def test_subscription_that_was_ended_stays_ended(bench: Bench) -> None:
    ended = {"status": "ended", "ended_at": "2026-11-15", "is_final": True}
    subscription = subscribe(bench, bench.person(), **ended)
    for assignment in (
        "status = 'active', ended_at = null, is_final = false",
        "is_final = false",
    ):
        with refused("PT409", "subscription_ended"):
            bench.run(f"update public.subscriptions set {assignment} where id = %s", subscription)
    # An earlier end may be heard of late.
    assert bench.run(
        "update public.subscriptions set ended_at = '2026-11-14' where id = %s", subscription
    )


def test_subscription_that_nobody_paid_in_time_may_go_on(bench: Bench) -> None:
    subscription = subscribe(bench, bench.person(), status="ended", ended_at="2026-11-15")
    assert bench.run(
        "update public.subscriptions set status = 'active', ended_at = null where id = %s",
        subscription,
    )


@pytest.mark.parametrize("column", ["user_id", "provider", "provider_reference"])
def test_subscription_never_changes_hands(bench: Bench, column: str) -> None:
    subscription = subscribe(bench, bench.person())
    value = {"user_id": bench.person(), "provider": "stripe", "provider_reference": "x"}[column]
    with refused("PT409", "subscription_is_settled"):
        bench.run(
            f"update public.subscriptions set {column} = %s where id = %s", value, subscription
        )


@pytest.mark.parametrize(
    "columns",
    [
        {"provider_reference": None},
        {"provider": None},
        {"current_period_ends_at": "2026-11-01"},
        {"status": "cancelled"},
        {"cancel_at_period_end": True},
        {"status": "ended"},
        {"ended_at": "2026-11-15"},
        {"is_final": True},
    ],
)
def test_subscription_that_makes_no_sense_is_refused(bench: Bench, columns: dict[str, Any]) -> None:
    user = bench.person()
    with refused("23514"):
        subscribe(bench, user, **columns)
