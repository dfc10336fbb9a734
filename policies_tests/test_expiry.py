"""What is left of credits when they end, and the one clock by which that is judged."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from .clock import START, TimedBench
from .harness import Bench, Session, Shop, open_shop, refused

EVERYBODY = 1_000_000
SOON = START + timedelta(days=10)
LATER = START + timedelta(days=20)

OTHER_CLOCKS = {
    # What was hidden, when, and when it may be purged.
    "private.hide_job()",
    "private.hide_project()",
    "private.cancel_hidden_jobs()",
    "private.cancel_jobs_of_hidden_projects()",
    "private.restore_own_job(uuid)",
    "private.restore_own_project(uuid)",
    "worker.purge_hidden(integer)",
    # Log entries of one transaction are put in order by the time of each, and so are tasks in line.
    "private.accept_job()",
    "private.admit_tasks(uuid[])",
    "private.claim_ready_tasks(uuid,text,jsonb,integer,integer,boolean)",
    "private.complete_held_jobs(jsonb)",
    "private.fail_held_job(uuid,uuid,worker.error_class,text,text,interval,boolean,boolean)",
    "private.follow_jobs()",
    "private.follow_parents(uuid[],uuid[])",
    "private.move_lanes_on()",
    "private.take_over_tasks(integer)",
    "worker.advance_jobs(jsonb)",
    "worker.end_overdue_jobs(integer)",
    "worker.release_tasks(jsonb)",
    "worker.tend_queue(integer)",
    "worker.wake_jobs(text,text[])",
    "private.wake_tasks(text[],text[])",
    # How often progress is written.
    "worker.extend_leases(jsonb,integer)",
    # Stamps of rows, and what another program runs.
    "private.guard_campaign_status()",
    "private.set_updated_at()",
    "private.stamp_job()",
    "private.schedule_work()",
    "private.now()",
}
"""Functions that ask for the time elsewhere; nothing of what they do with it is about money."""


@pytest.fixture
def services(timed: TimedBench) -> Iterator[Session]:
    """The services' session."""
    with timed.service() as session:
        yield session


@pytest.fixture
def hall(timed: TimedBench) -> Shop:
    """A shop in the database that has a clock."""
    return open_shop(timed)


def give(services: Session, user: str, amount: int, ends: datetime | None = None) -> None:
    """Give somebody credits that end."""
    services(
        "worker.grant_credits",
        p_user_id=user,
        p_amount=amount,
        p_reason="A gift",
        p_operator="tester",
        p_expires_at=ends,
    )


def sweep(services: Session, limit: int = EVERYBODY) -> int:
    """Write off what has ended."""
    return int(services.value("select worker.expire_credits(%s)", limit))


def expirations(bench: Bench, user: str) -> list[Decimal]:
    """Return what was written off."""
    return bench.column(
        "select amount from public.credit_transactions where user_id = %s and type = 'expiration'"
        " order by version",
        user,
    )


def test_nobody_but_the_services_writes_credits_off(timed: TimedBench) -> None:
    for session in (timed.owner(timed.person()), timed.anonymous()):
        with session, refused("42501"):
            session("worker.expire_credits")


def test_what_has_ended_is_not_spent_even_before_it_is_written_off(
    timed: TimedBench, services: Session, hall: Shop
) -> None:
    user = timed.person(anonymous=True)
    give(services, user, 70, SOON)
    timed.at(SOON - timedelta(microseconds=1))
    hall.job(user, p_output_count=5)
    timed.at(SOON)
    with refused("PT402", "insufficient_credits"):
        hall.job(user)
    assert timed.balance(user) == 35


def test_each_lot_that_has_ended_is_written_off_once(timed: TimedBench, services: Session) -> None:
    timed.at(LATER, services)
    sweep(services)
    timed.at(START, services)
    user = timed.person()
    give(services, user, 30, SOON)
    give(services, user, 20, SOON)
    give(services, user, 50, LATER)
    timed.at(SOON, services)
    assert sweep(services) == 2
    assert sweep(services) == 0
    assert sorted(expirations(timed, user)) == [-30, -20]
    assert timed.balance(user) == 150
    timed.at(LATER + timedelta(days=300), services)
    sweep(services)
    assert timed.balance(user) == 100
    assert timed.rows(
        "select lifetime_earned, lifetime_spent from public.credit_accounts where user_id = %s",
        user,
    ) == [(200, 0)]
    assert timed.complaints(user) == []


def test_only_what_is_left_is_written_off(timed: TimedBench, services: Session, hall: Shop) -> None:
    user = timed.person(anonymous=True)
    give(services, user, 75, SOON)
    give(services, user, 70, SOON + timedelta(days=1))
    hall.job(user, p_output_count=10)
    timed.at(LATER, services)
    sweep(services)
    assert expirations(timed, user) == [-5, -70]


def test_sweep_takes_so_many_users_at_a_time_those_first_that_wait_longest(
    timed: TimedBench, services: Session
) -> None:
    timed.at(LATER, services)
    sweep(services)
    timed.at(START, services)
    users = [timed.person(anonymous=True) for _ in range(3)]
    for number, user in enumerate(users):
        give(services, user, 10, SOON - timedelta(days=number))
    timed.at(LATER, services)
    for waiting in (2, 1, 0):
        assert sweep(services, 1) == 1
        assert [timed.balance(user) for user in users] == [10] * waiting + [0] * (3 - waiting)


def test_account_that_somebody_works_on_is_left_for_the_next_time(
    timed: TimedBench, services: Session
) -> None:
    busy, other = timed.person(anonymous=True), timed.person(anonymous=True)
    for user in (busy, other):
        give(services, user, 10, SOON)
    timed.at(LATER, services)
    with timed.superuser() as somebody, somebody.connection.transaction():
        somebody.rows("select private.lock_account(%s)", busy)
        sweep(services)
        assert (timed.balance(busy), timed.balance(other)) == (10, 0)
    sweep(services)
    assert timed.balance(busy) == 0


def test_housekeeping_writes_off_what_has_ended(timed: TimedBench, services: Session) -> None:
    timed.at(LATER, services)
    sweep(services)
    timed.at(START, services)
    user = timed.person(anonymous=True)
    give(services, user, 10, SOON)
    timed.at(LATER, services)
    [done] = services("worker.housekeep")
    assert done["expired_lots"] == 1
    assert timed.balance(user) == 0


def test_refund_of_what_has_ended_may_be_spent_for_some_days_and_then_ends(
    timed: TimedBench, services: Session, hall: Shop
) -> None:
    user = timed.person(anonymous=True)
    give(services, user, 70, SOON)
    job = hall.job(user, p_output_count=10)
    timed.at(LATER, services)
    sweep(services)
    with timed.owner(user) as session:
        session("public.cancel_generation", p_job_id=job.id)
    assert timed.rows(
        "select kind::text, remaining, expires_at from public.credit_grants"
        " where user_id = %s and not is_spent",
        user,
    ) == [("refund", 70, LATER + timedelta(days=7))]
    timed.at(LATER + timedelta(days=6))
    again = hall.job(user, p_output_count=10)
    timed.at(LATER + timedelta(days=8), services)
    with timed.owner(user) as session:
        session("public.cancel_generation", p_job_id=again.id)
    # Grace is given once.
    with refused("PT402", "insufficient_credits"):
        hall.job(user)
    sweep(services)
    assert expirations(timed, user) == [-70]
    assert timed.balance(user) == 0
    assert timed.complaints(user) == []


# The clock ----------------------------------------------------------------------------------------


def test_no_client_sets_the_time(bench: Bench) -> None:
    user = bench.person()
    for session in (bench.owner(user), bench.anonymous(), bench.service()):
        with session:
            with refused("42501"):
                session.value("select private.now()")
            with refused("42501"):
                session.run("create or replace function private.now() returns date return null")
    with bench.undone():
        bench.run("set local reelbase.now = '2131-01-01'")
        assert bench.value("select private.now() = pg_catalog.now()")


def test_setting_of_tests_moves_no_money_elsewhere(bench: Bench) -> None:
    user = bench.person(anonymous=True)
    with bench.service() as session:
        session.run(
            "select worker.grant_credits(%s, 10, 'A gift', 'tester',"
            " p_expires_at => pg_catalog.now() + interval '1 hour')",
            user,
        )
        session.run("select set_config('reelbase.now', '2131-01-01', false)")
        session("worker.expire_credits")
    assert bench.balance(user) == 10


def test_money_knows_no_other_clock(bench: Bench) -> None:
    found = bench.column(
        "select oid::regprocedure::text from pg_proc where prokind in ('f', 'p')"
        " and pronamespace in ('public'::regnamespace, 'private'::regnamespace,"
        " 'worker'::regnamespace) and pg_get_functiondef(oid) ~* %s",
        r"(?<!private\.)\m(now\s*\(|(clock|statement|transaction)_timestamp|timeofday\s*\("
        r"|current_(date|time|timestamp)\M|local(time|timestamp)\M|'(now|today)')",
    )
    assert set(found) == OTHER_CLOCKS
    stamps = bench.column(
        "select attrelid::regclass || '.' || attname from pg_attrdef"
        " inner join pg_attribute on attrelid = adrelid and attnum = adnum"
        " where attrelid::regclass::text ~ 'credit_(acc|tra|gra|all)|payment|subscription_facts'"
        " and pg_get_expr(adbin, adrelid) ~ '(?<!private\\.)\\mnow\\(|_timestamp'"
    )
    assert set(stamps) <= {
        "credit_accounts.updated_at",
        "payments.created_at",
        "payments.updated_at",
    }
