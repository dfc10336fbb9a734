"""Races for credits: what many do at once leaves the books as if they had come one by one.

Every client here is a connection of its own, at least sixteen of them at a time, in READ COMMITTED
as PostgREST's are, and browsers act through their claims. What is told of a race is its end, which
must be the same however it went. No two of them may meet in a deadlock: the database's own count,
the server's log and every client's errors are asked.
"""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import psycopg
import pytest

from reelbase.local.pytest_plugin import SERVER_VARIABLE, RunningStack

from .harness import Bench, Job, RejectedError, Session, Shop, advance, claim, fail, insist
from .harness import complete as complete_once
from .harness import race as run_at_once

__all__ = ["RACES", "TALLY", "no_deadlocks", "turmoil"]

CROWD = 16

T = TypeVar("T")

Opener = Callable[[], Session]

TALLY: Counter[str] = Counter()
"""How many races there were in this process, and how many calls in them."""


# What the races share -----------------------------------------------------------------------------


@contextmanager
def no_deadlocks(bench: Bench, log: Path | None = None) -> Iterator[None]:
    """See that nobody meets in a deadlock meanwhile, by the server's own count and by its log."""
    count = "select deadlocks from pg_stat_database where datname = current_database()"
    before = bench.value(count)
    position = log.stat().st_size if log else 0
    yield
    bench.rows("select pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
    assert bench.value(count) == before, "the database counted a deadlock"
    if log:
        with log.open("rb") as lines:
            lines.seek(position)
            assert b"deadlock detected" not in lines.read(), f"{log} tells of a deadlock"


@contextmanager
def crowd(*openers: Opener) -> Iterator[list[Session]]:
    """Open sessions, as many as there are openers."""
    with ExitStack() as stack:
        sessions = [stack.enter_context(opener()) for opener in openers]
        yield sessions
        # What a session counted would otherwise be told some seconds later.
        for session in sessions:
            session.rows("select pg_stat_force_next_flush()")


def call(session: Session, function: str, columns: str = "id::text", **arguments: Any) -> Any:
    """Call a function that returns a row, and return a column of it, or several."""
    named = ", ".join(f"{name} => %s" for name in arguments)
    [row] = session.rows(f"select {columns} from {function}({named})", *arguments.values())
    return row[0] if len(row) == 1 else row


def race(calls: Sequence[Callable[[], T]]) -> list[T | psycopg.Error]:
    """Run calls at once, each in its thread, and return results or errors in order."""
    TALLY["races"] += 1
    TALLY["calls"] += len(calls)
    return run_at_once(calls)


def state_of(error: psycopg.Error) -> str:
    """Return an error's code and hint, in short."""
    if isinstance(error, RejectedError):
        return error.result
    return f"{error.sqlstate} {error.diag.message_hint}"


def done(results: Iterable[T | psycopg.Error], *refusals: str) -> list[T]:
    """Return what was answered; whatever was refused must have been refused for these reasons."""
    answers = []
    for result in results:
        if isinstance(result, psycopg.Error):
            assert state_of(result) in refusals, state_of(result)
        else:
            answers.append(result)
    return answers


def shuffled(calls: Sequence[Callable[[], T]], seed: int = 0) -> list[Callable[[], T]]:
    """Return the calls mixed up, so that no kind of them always comes first."""
    return random.Random(seed).sample(calls, len(calls))


def ledger(bench: Bench, user_id: str) -> Counter[tuple[str, float]]:
    """Return how often each type and amount is in somebody's ledger."""
    return Counter(
        (str(kind), float(amount))
        for kind, amount in bench.rows(
            "select type, amount from public.credit_transactions where user_id = %s", user_id
        )
    )


def give(session: Session, user_id: str, amount: Any, **more: Any) -> str:
    """Give credits as an operator does."""
    return str(
        call(
            session,
            "worker.grant_credits",
            p_user_id=user_id,
            p_amount=amount,
            p_reason="A race",
            p_operator="tester",
            **more,
        )
    )


def lend(session: Session, user_id: str, amount: Any, milliseconds: int) -> str:
    """Give credits that soon end."""
    return str(
        session.value(
            "select id from worker.grant_credits(p_user_id => %s, p_amount => %s,"
            " p_reason => 'A race', p_operator => 'tester',"
            " p_expires_at => clock_timestamp() + make_interval(secs => %s))",
            user_id,
            amount,
            milliseconds / 1000,
        )
    )


def adjust(session: Session, user_id: str, amount: Any, **more: Any) -> str:
    """Correct a balance as an operator does."""
    return str(
        call(
            session,
            "worker.adjust_credits",
            p_user_id=user_id,
            p_amount=amount,
            p_reason="A race",
            p_operator="tester",
            **more,
        )
    )


def give_back(session: Session, job_id: str, amount: Any = None, **more: Any) -> str:
    """Refund a job as an operator does."""
    return str(
        call(
            session,
            "worker.refund_job",
            p_job_id=job_id,
            p_reason="A race",
            p_operator="tester",
            p_amount=amount,
            **more,
        )
    )


def open_payment(session: Session, user_id: str, **more: Any) -> str:
    """Open a payment of 9.99 dollars for 100 credits."""
    arguments = {"p_idempotency_key": uuid4().hex, "p_package_slug": "usd-starter"} | more
    return str(
        call(session, "worker.open_payment", p_user_id=user_id, p_provider="sandbox", **arguments)
    )


def settle(session: Session, payment_id: str) -> str:
    """Tell that a payment of 9.99 dollars is paid, and return the status that it then has."""
    return str(
        call(
            session,
            "worker.settle_payment",
            "status",
            p_payment_id=payment_id,
            p_amount_minor=999,
            p_currency="USD",
        )
    )


def pay_back(session: Session, payment_id: str, total: int) -> int:
    """Tell what was returned of a payment up to now, and return what is now known of it."""
    return int(
        call(
            session,
            "worker.refund_payment",
            "refunded_minor",
            p_payment_id=payment_id,
            p_refunded_minor=total,
        )
    )


def dispute(session: Session, payment_id: str, outcome: str | None = None) -> str:
    """Open a dispute about a payment, or tell how it ended."""
    more = {} if outcome is None else {"p_outcome": outcome}
    return str(
        call(
            session,
            f"worker.{'open' if outcome is None else 'close'}_dispute",
            p_payment_id=payment_id,
            p_dispute_reference="the only one",
            **more,
        )
    )


def cancel(session: Session, job_id: str) -> str:
    """Cancel a job as its owner does."""
    return str(call(session, "public.cancel_generation", "status", p_job_id=job_id))


def complete(session: Session, job: Job) -> str:
    """End a job well."""
    insist(partial(complete_once, session, job))
    return "completed"


def expire(session: Session, job_id: str) -> str:
    """End a job because it is too old, whatever its deadline says."""
    with session.connection.transaction():
        session.rows("select private.lock_job(%s)", job_id)
        session.run("update public.generation_jobs set status = 'expired' where id = %s", job_id)
    return "expired"


def account(bench: Bench, user_id: str) -> tuple[float, float]:
    """Return somebody's balance and debt."""
    [(balance, debt)] = bench.rows(
        "select balance, debt from public.credit_accounts where user_id = %s", user_id
    )
    return float(balance), float(debt)


@pytest.fixture(autouse=True)
def _no_deadlocks(request: pytest.FixtureRequest, bench: Bench) -> Iterator[None]:
    log = None
    if SERVER_VARIABLE not in os.environ:
        stack: RunningStack = request.getfixturevalue("stack")
        log = stack.state_dir / "logs" / "postgres.log"
    with no_deadlocks(bench, log):
        yield


# One account --------------------------------------------------------------------------------------


def test_forty_jobs_at_once_spend_what_there_is_and_no_more(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    with crowd(*[partial(bench.owner, user)] * 40) as browsers:
        results = race([partial(shop.submit, browser) for browser in browsers])
    assert len(done(results, "PT402 insufficient_credits")) == 14
    assert account(bench, user) == (2, 0)
    assert ledger(bench, user) == {("bonus", 100): 1, ("deduction", -7): 14}
    assert bench.complaints(user) == []


def test_forty_jobs_at_once_over_http_get_fourteen_answers_and_twenty_six_402(
    bench: Bench, shop: Shop, stack: RunningStack
) -> None:
    key = {"apikey": stack.publishable_key}
    with httpx.Client(base_url=stack.supabase_url, headers=key, timeout=60) as http:
        signed_up = http.post(
            "/auth/v1/signup",
            json={"email": f"{uuid4().hex}@races.example", "password": "correct horse battery"},
        )
        assert signed_up.status_code == 200, signed_up.text
        session = signed_up.json()

        def submit() -> int:
            return http.post(
                "/rest/v1/rpc/submit_generation",
                json={
                    "p_kind": "text_to_image",
                    "p_prompt": "A harbour",
                    "p_model_id": shop.model,
                },
                headers={"Authorization": f"Bearer {session['access_token']}"},
            ).status_code

        assert Counter(race([submit] * 40)) == {200: 14, 402: 26}
    user = session["user"]["id"]
    assert account(bench, user) == (2, 0)
    assert bench.complaints(user) == []


def test_jobs_of_many_prices_at_once_spend_no_more_than_there_is(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    with crowd(*[partial(bench.owner, user)] * 24) as browsers:
        results = race(
            [
                partial(shop.submit, browser, p_output_count=1 + number % 5)
                for number, browser in enumerate(browsers)
            ]
        )
    assert done(results, "PT402 insufficient_credits")
    balance, _ = account(bench, user)
    # Whoever asked for one output was refused only when less than that was left.
    assert 0 <= balance < 7
    assert bench.complaints(user) == []


@pytest.mark.parametrize("outputs_wanted", [1, 2])
def test_one_key_sent_sixteen_times_is_one_job(
    bench: Bench, shop: Shop, outputs_wanted: int
) -> None:
    user = bench.person()
    with crowd(*[partial(bench.owner, user)] * CROWD) as browsers:
        results = race(
            [
                partial(
                    shop.submit,
                    browser,
                    p_idempotency_key="once",
                    p_output_count=1 + number % outputs_wanted,
                )
                for number, browser in enumerate(browsers)
            ]
        )
    answers = done(results, "PT409 idempotency_key_reused")
    assert len(set(answers)) == 1
    assert len(answers) == CROWD // outputs_wanted
    assert len(ledger(bench, user)) == 2
    assert bench.complaints(user) == []


@pytest.mark.parametrize("contents", [1, 2])
@pytest.mark.parametrize("way", ["grant", "adjust", "take", "refund a job", "open a payment"])
def test_one_key_sent_sixteen_times_by_the_services_is_one_movement(
    bench: Bench, shop: Shop, way: str, contents: int
) -> None:
    user = bench.person()
    job = spent(bench, shop, user)
    before = sum(ledger(bench, user).values())

    def send(session: Session, number: int) -> str:
        more = {"p_idempotency_key": "once"}
        other = number % contents
        if way == "grant":
            return give(session, user, 5 + other, **more)
        if way == "adjust":
            return adjust(session, user, 5 + other, **more)
        if way == "take":
            return adjust(session, user, -5 - other, **more)
        if way == "refund a job":
            return give_back(session, job, 3 + other, **more)
        package = ("usd-starter", "usd-pro")[other]
        return open_payment(session, user, p_package_slug=package, **more)

    with crowd(*[bench.service] * CROWD) as services:
        results = race([partial(send, each, number) for number, each in enumerate(services)])
    answers = done(results, "PT409 idempotency_key_reused")
    assert len(set(answers)) == 1
    assert len(answers) == CROWD // contents
    added = sum(ledger(bench, user).values()) - before
    assert added == (0 if way == "open a payment" else 1)
    assert bench.complaints(user) == []


def spent(bench: Bench, shop: Shop, user_id: str, **more: Any) -> str:
    """Let somebody have a job done, for seven credits unless more is asked, and return its id."""
    job = shop.job(user_id, **more)
    with shop.queue() as queue:
        for claimed in queue.finalizing(10):
            queue.complete(claimed)
    return job.id


def test_job_that_is_finished_cancelled_and_expired_at_once_ends_once(
    bench: Bench, shop: Shop
) -> None:
    with (
        crowd(*[bench.service] * 6) as workers,
        crowd(*[bench.superuser] * 5) as sweepers,
        shop.queue() as queue,
    ):
        for turn in range(6):
            user = bench.person()
            shop.job(user)
            [job] = queue.finalizing()
            with crowd(*[partial(bench.owner, user)] * 5) as browsers:
                calls = [partial(complete, worker, job) for worker in workers]
                calls += [partial(cancel, browser, job.id) for browser in browsers]
                calls += [partial(expire, sweeper, job.id) for sweeper in sweepers]
                ends = done(
                    race(shuffled(calls, turn)), "PT409 transition_not_allowed", "lease_lost"
                )
            [end] = set(ends)
            assert shop.status(job) == end
            assert account(bench, user) == (93 if end == "completed" else 100, 0)
            assert bench.complaints(user) == []


def test_ended_job_refunded_by_sixteen_at_once_returns_what_it_cost(
    bench: Bench, shop: Shop
) -> None:
    user = bench.person()
    job = spent(bench, shop, user)
    with crowd(*[bench.service] * CROWD) as services:
        results = race([partial(give_back, each, job, 2) for each in services])
    assert len(done(results, "PT409 refund_exceeds_charge")) == 3
    assert account(bench, user) == (99, 0)
    assert bench.complaints(user) == []


# Payments -----------------------------------------------------------------------------------------


def test_payment_settled_by_sixteen_at_once_credits_once(bench: Bench) -> None:
    user = bench.person()
    with crowd(*[bench.service] * CROWD) as services:
        payment = open_payment(services[0], user)
        results = race([partial(settle, each, payment) for each in services])
    assert done(results) == ["succeeded"] * CROWD
    assert ledger(bench, user) == {("bonus", 100): 1, ("purchase", 100): 1}
    assert bench.complaints(user) == []


@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_all_that_befalls_a_payment_at_once_ends_the_same(bench: Bench, outcome: str) -> None:
    with crowd(*[bench.service] * 20) as services:
        for turn in range(4):
            user = bench.person()
            payment = open_payment(services[0], user)
            events: list[Callable[[Session], Any]] = [
                *[partial(settle, payment_id=payment)] * 6,
                *[partial(pay_back, payment_id=payment, total=total) for total in (100, 333) * 3],
                *[partial(dispute, payment_id=payment)] * 4,
                *[partial(dispute, payment_id=payment, outcome=outcome)] * 4,
            ]
            calls = [
                partial(event, session) for event, session in zip(events, services, strict=True)
            ]
            done(race(shuffled(calls, turn)))
            status, refunded, owed = bench.rows(
                "select status, refunded_minor, credits_owed from public.payments where id = %s",
                payment,
            )[0]
            # A third is gone, or all of it.
            expected = ("succeeded", 333, 0) if outcome == "won" else ("refunded", 333, 0)
            assert (status, refunded, owed) == expected
            assert account(bench, user) == (166.67 if outcome == "won" else 100, 0)
            assert bench.complaints(user) == []


def test_refund_of_a_payment_against_spending_and_refunds_of_jobs(bench: Bench, shop: Shop) -> None:
    with crowd(*[bench.service] * 6) as services:
        for turn in range(4):
            user = bench.person()
            payment = open_payment(services[0], user)
            settle(services[0], payment)
            jobs = [shop.job(user, p_output_count=10).id for _ in range(2)]
            with crowd(*[partial(bench.owner, user)] * 12) as browsers:
                calls: list[Callable[[], Any]] = [
                    partial(pay_back, each, payment, total)
                    for each, total in zip(services, (333, 666, 999, 999, 666, 333), strict=True)
                ]
                calls += [partial(shop.submit, each) for each in browsers[:10]]
                calls += [
                    partial(cancel, each, job)
                    for each, job in zip(browsers[10:], jobs, strict=True)
                ]
                done(
                    race(shuffled(calls, turn)),
                    "PT402 insufficient_credits",
                    "PT402 account_in_debt",
                )
                cancel_all(bench, user)
            # All jobs came to nothing and all of the payment went back.
            assert account(bench, user) == (100, 0)
            assert bench.complaints(user) == []


def cancel_all(bench: Bench, user_id: str) -> None:
    """Let somebody cancel every job that has not ended."""
    with bench.owner(user_id) as session:
        for job in session.column(
            "select id from public.generation_jobs where finished_at is null"
        ):
            cancel(session, job)


def test_debt_is_paid_once_by_whatever_comes_in_at_once(bench: Bench, shop: Shop) -> None:
    user = bench.person(anonymous=True)
    with crowd(*[bench.service] * CROWD) as services, crowd(*[bench.service] * 4) as others:
        payment = open_payment(services[0], user)
        settle(services[0], payment)
        shop.job(user, p_output_count=10)
        job = spent(bench, shop, user, p_output_count=4)
        pay_back(services[0], payment, 999)
        assert account(bench, user) == (0, 98)
        calls: list[Callable[[], Any]] = [partial(give, each, user, 5) for each in services[:8]]
        calls += [partial(adjust, each, user, 6) for each in services[8:]]
        calls += [partial(give_back, each, job, 7, p_idempotency_key="back") for each in others]
        done(race(shuffled(calls)))
        assert account(bench, user) == (0, 3)
        give(services[0], user, 8)
        assert account(bench, user) == (5, 0)
    assert bench.complaints(user) == []


# Time ---------------------------------------------------------------------------------------------


def sweep_until_ended(session: Session, bench: Bench, user_id: str) -> int:
    """Sweep, again and again, until all that was about to end has ended."""
    count = 0
    with bench.superuser() as eye:
        while not eye.value(
            "select not exists (select from public.credit_grants where user_id = %s"
            " and remaining > 0 and expires_at < now() + interval '1 day')",
            user_id,
        ):
            count += int(session.value("select worker.expire_credits(1000)"))
    return count


def test_sweep_against_spending_refunds_and_grants_loses_and_makes_nothing(
    bench: Bench, shop: Shop
) -> None:
    for turn in range(3):
        user = bench.person(anonymous=True)
        with crowd(*[bench.service] * 8) as services:
            for number in range(6):
                lend(services[0], user, 10, 60 + 25 * number)
            give(services[0], user, 50)
            jobs = [shop.job(user).id for _ in range(4)]
            with crowd(*[partial(bench.owner, user)] * 10) as browsers:
                calls: list[Callable[[], Any]] = [
                    partial(sweep_until_ended, each, bench, user) for each in services[:4]
                ]
                calls += [partial(lend, each, user, 4, 150) for each in services[4:]]
                calls += [partial(shop.submit, each) for each in browsers[:6]]
                calls += [
                    partial(cancel, each, job) for each, job in zip(browsers[6:], jobs, strict=True)
                ]
                results = race(shuffled(calls, turn))
                done(results, "PT402 insufficient_credits")
        counted = ledger(bench, user)
        assert counted["bonus", 4] == 4
        # Each lot ended once, with whatever was left in it.
        given = 60 + 50 + 16
        lost = -sum(amount * n for (kind, amount), n in counted.items() if kind == "expiration")
        held = -sum(
            amount * n for (kind, amount), n in counted.items() if kind in ("deduction", "refund")
        )
        assert account(bench, user) == (given - lost - held, 0)
        assert bench.complaints(user) == []


def test_slice_of_allowance_is_given_once_by_sixteen_at_once(bench: Bench) -> None:
    user = bench.person()
    with crowd(*[bench.service] * CROWD) as services:
        started, now = (bench.value(f"select now() - interval '{n} days'") for n in (61, 0))
        ends = bench.value("select now() + interval '9 days'")
        start = {
            "p_user_id": user,
            "p_tier": "starter",
            "p_period_started_at": started,
            "p_period_ends_at": ends,
            "p_provider": "sandbox",
            "p_provider_reference": uuid4().hex,
        }
        ids = done(race([partial(call, s, "worker.start_subscription", **start) for s in services]))
        [subscription] = set(ids)
        calls: list[Callable[[], Any]] = [
            partial(s.value, "select worker.follow_subscriptions(1000)::text") for s in services[:8]
        ]
        calls += [
            partial(
                call,
                s,
                "worker.renew_subscription",
                p_subscription_id=subscription,
                p_period_started_at=started,
                p_period_ends_at=ends,
            )
            for s in services[8:]
        ]
        done(race(shuffled(calls)))
    slices = bench.column(
        "select amount from public.credit_grants where user_id = %s and kind = 'allowance'"
        " and expires_at > %s",
        user,
        now,
    )
    assert [float(each) for each in slices] == [100]
    assert bench.complaints(user) == []


def test_sweeps_of_many_accounts_at_once_are_no_deadlock(bench: Bench) -> None:
    people = [bench.person() for _ in range(8)]
    soon = "select clock_timestamp() + make_interval(secs => %s)"
    with crowd(*[bench.service] * CROWD) as services:
        subscriptions = [subscribe(services[0], bench, user) for user in people]
        for turn in range(3):
            # What ends first changes its plan last.
            for place, user in enumerate(people):
                lend(services[0], user, 5, 20 + place)
            for place, subscription in enumerate(reversed(subscriptions)):
                call(
                    services[0],
                    "worker.change_subscription",
                    p_subscription_id=subscription,
                    p_tier=("creator", "starter")[turn % 2],
                    p_effective_at=bench.value(soon, 0.02 + place / 1000),
                )
            bench.wait_for("select clock_timestamp() > %s", bench.value(soon, 0.03))
            sweeps = ("worker.expire_credits", "worker.follow_subscriptions", "worker.housekeep")
            calls = [
                partial(each.value, f"select {sweeps[number % 3]}(1000)::text")
                for number, each in enumerate(services)
            ]
            done(race(shuffled(calls, turn)))
    assert bench.complaints(*people) == []


def test_address_given_while_the_plan_changes_is_no_deadlock(bench: Bench) -> None:
    with crowd(*[bench.service] * CROWD) as services, bench.superuser() as platform:
        for turn in range(4):
            user = bench.person(anonymous=True)
            subscription = subscribe(services[0], bench, user)
            calls: list[Callable[[], Any]] = [
                partial(
                    call,
                    each,
                    "worker.change_subscription",
                    p_subscription_id=subscription,
                    p_tier=("creator", "starter")[number % 2],
                    p_effective_at=bench.value("select now() + %s * interval '1 ms'", number),
                )
                for number, each in enumerate(services)
            ]
            calls.append(
                partial(
                    platform.run,
                    "update auth.users set email = %s, is_anonymous = false where id = %s",
                    f"{user}@races.example",
                    user,
                )
            )
            done(race(shuffled(calls, turn)))
            assert ledger(bench, user)["bonus", 100] == 1
            assert bench.complaints(user) == []


def subscribe(session: Session, bench: Bench, user_id: str) -> str:
    """Let somebody have been on the smallest plan for forty days, and return the subscription."""
    return str(
        call(
            session,
            "worker.start_subscription",
            p_user_id=user_id,
            p_tier="starter",
            p_period_started_at=bench.value("select now() - interval '40 days'"),
            p_period_ends_at=bench.value("select now() + interval '20 days'"),
        )
    )


# Deletion -----------------------------------------------------------------------------------------

_OWNED = (
    "select count(*) from (select user_id from public.profiles"
    " union all select user_id from public.credit_accounts"
    " union all select user_id from public.credit_transactions"
    " union all select user_id from public.credit_grants"
    " union all select user_id from public.payments"
    " union all select user_id from worker.payment_disputes"
    " union all select user_id from public.subscriptions"
    " union all select user_id from public.generation_jobs"
    " union all select user_id from worker.tasks) as rows where user_id = %s"
)

GONE = (
    *("PT404 account_not_found", "PT404 payment_not_found", "PT404 job_not_found"),
    *("PT404 subscription_not_found", "PT404 user_not_found", "PT403 account_closed"),
    *("lease_lost", "PT402 insufficient_credits", "PT402 account_in_debt"),
    # The row that another is about to belong to has just gone.
    "23503 None",
)


def test_deletion_of_a_user_against_charges_settlements_and_sweeps_leaves_nothing(
    bench: Bench, shop: Shop
) -> None:
    with crowd(*[bench.service] * 14) as services, shop.queue() as queue:
        for turn in range(5):
            user = bench.person(tier="pro")
            paid, unpaid = (open_payment(services[0], user) for _ in range(2))
            settle(services[0], paid)
            for number in range(3):
                lend(services[0], user, 3, 1 + number)
            jobs = [shop.job(user).id for _ in range(2)]
            shop.job(user)
            working = queue.finalizing(3)
            with (
                crowd(*[partial(bench.owner, user)] * 6) as browsers,
                bench.superuser() as platform,
            ):
                calls: list[Callable[[], Any]] = [
                    partial(platform.run, "delete from auth.users where id = %s", user)
                ]
                calls += [partial(settle, each, unpaid) for each in services[:3]]
                calls += [partial(pay_back, services[3], paid, 500)]
                calls += [partial(dispute, services[4], paid, "lost")]
                calls += [
                    partial(each.value, "select worker.expire_credits(1000)")
                    for each in services[5:8]
                ]
                calls += [
                    partial(services[8].value, "select worker.follow_subscriptions(1000)::text")
                ]
                calls += [partial(give, each, user, 5) for each in services[9:11]]
                calls += [
                    partial(complete, each, job)
                    for each, job in zip(services[11:], working, strict=True)
                ]
                calls += [partial(shop.submit, each) for each in browsers[:4]]
                calls += [
                    partial(cancel, each, job) for each, job in zip(browsers[4:], jobs, strict=True)
                ]
                done(race(shuffled(calls, turn)), *GONE, "PT409 transition_not_allowed")
            assert bench.value(_OWNED, user) == 0
    assert bench.rows("select * from private.reconcile_credits() where user_id = %s", user) == []


# All at once --------------------------------------------------------------------------------------


def test_everything_at_once_on_few_users_keeps_the_books(bench: Bench, shop: Shop) -> None:
    turmoil(bench, shop, turns=12, seed=4)


_EXPECTED = {
    "PT402 insufficient_credits",
    "PT402 account_in_debt",
    "PT409 transition_not_allowed",
    "lease_lost",
    "PT409 adjustment_exceeds_balance",
    "PT409 refund_exceeds_charge",
    "PT409 idempotency_key_reused",
    "PT409 job_not_ended",
    "PT429 too_many_active_jobs",
    "PT429 too_many_jobs_today",
}


def turmoil(bench: Bench, shop: Shop, *, turns: int, seed: int) -> None:
    """Let twenty clients do whatever they may with five users."""
    people = [bench.person() for _ in range(5)]
    with bench.service() as service:
        payments = [open_payment(service, user) for user in people for _ in range(4)]
        subscriptions = [subscribe(service, bench, user) for user in people[:3]]

    def browse(session: Session, user: str, chance: random.Random) -> Any:
        if chance.random() < 0.7:
            return shop.submit(
                session,
                p_idempotency_key=f"key-{chance.randrange(400)}",
                p_output_count=chance.randint(1, 2),
            )
        jobs = session.column(
            "select id::text from public.generation_jobs where finished_at is null limit 5"
        )
        return cancel(session, chance.choice(jobs)) if jobs else None

    def work(session: Session, user: str, chance: random.Random) -> Any:
        jobs = claim(session, shop.provider, 2)
        for job in jobs:
            if chance.random() < 0.3:
                how = chance.choice(["permanent", "transient"])
                insist(partial(fail, session, job, how))
                continue
            insist(partial(advance, session, job, "processing"))
            complete(session, job)
        return len(jobs)

    def bill(session: Session, user: str, chance: random.Random) -> Any:
        payment = chance.choice(payments)
        match chance.randrange(5):
            case 0 | 1:
                return settle(session, payment)
            case 2:
                return pay_back(session, payment, chance.choice([1, 250, 999]))
            case 3:
                return dispute(session, payment)
            case _:
                return dispute(session, payment, chance.choice(["won", "lost"]))

    def operate(session: Session, user: str, chance: random.Random) -> Any:
        match chance.randrange(4):
            case 0:
                return lend(session, user, 9, chance.randrange(1, 40))
            case 1:
                return adjust(session, user, chance.choice([-3, 4]))
            case 2:
                jobs = session.column(
                    "select id::text from public.generation_jobs where user_id = %s"
                    " and status = 'completed' and not is_refunded limit 3",
                    user,
                )
                return give_back(session, chance.choice(jobs), 2) if jobs else None
            case _:
                return call(
                    session,
                    "worker.change_subscription",
                    p_subscription_id=chance.choice(subscriptions),
                    p_tier=chance.choice(["starter", "creator"]),
                    p_effective_at=session.value("select now()"),
                )

    def keep(session: Session, user: str, chance: random.Random) -> Any:
        match chance.randrange(3):
            case 0:
                return session.value("select worker.expire_credits(1000)")
            case 1:
                return session.value("select worker.follow_subscriptions(1000)::text")
            case _:
                return session.value("select worker.housekeep()::text")

    roles: list[tuple[Callable[[Session, str, random.Random], Any], bool]] = [
        *[(browse, True)] * 7,
        *[(work, False)] * 4,
        *[(bill, False)] * 4,
        *[(operate, False)] * 3,
        *[(keep, False)] * 2,
    ]

    def live(number: int) -> Counter[str]:
        act, is_browser = roles[number]
        chance = random.Random(seed * 1000 + number)
        seen: Counter[str] = Counter()
        user = people[number % len(people)]
        with bench.owner(user) if is_browser else bench.service() as session:
            for _ in range(turns):
                try:
                    act(session, user if is_browser else chance.choice(people), chance)
                    seen["done"] += 1
                except psycopg.Error as error:
                    seen[state_of(error)] += 1
            session.rows("select pg_stat_force_next_flush()")
        return seen

    seen: Counter[str] = Counter()
    for each in race([partial(live, number) for number in range(len(roles))]):
        assert isinstance(each, Counter), each
        seen += each
    assert set(seen) - {"done"} <= _EXPECTED, seen
    assert seen["done"] > 0
    assert bench.complaints(*people) == []
    TALLY["calls"] += seen.total()


RACES: tuple[Callable[[Bench, Shop], None], ...] = (
    test_forty_jobs_at_once_spend_what_there_is_and_no_more,
    test_jobs_of_many_prices_at_once_spend_no_more_than_there_is,
    *(
        partial(test_one_key_sent_sixteen_times_is_one_job, outputs_wanted=wanted)
        for wanted in (1, 2)
    ),
    *(
        partial(
            test_one_key_sent_sixteen_times_by_the_services_is_one_movement,
            way=way,
            contents=contents,
        )
        for way in ("grant", "adjust", "take", "refund a job", "open a payment")
        for contents in (1, 2)
    ),
    test_job_that_is_finished_cancelled_and_expired_at_once_ends_once,
    test_ended_job_refunded_by_sixteen_at_once_returns_what_it_cost,
    lambda bench, shop: test_payment_settled_by_sixteen_at_once_credits_once(bench),
    *(
        lambda bench, shop, outcome=outcome: test_all_that_befalls_a_payment_at_once_ends_the_same(
            bench, outcome
        )
        for outcome in ("won", "lost")
    ),
    test_refund_of_a_payment_against_spending_and_refunds_of_jobs,
    test_debt_is_paid_once_by_whatever_comes_in_at_once,
    test_sweep_against_spending_refunds_and_grants_loses_and_makes_nothing,
    lambda bench, shop: test_sweeps_of_many_accounts_at_once_are_no_deadlock(bench),
    lambda bench, shop: test_address_given_while_the_plan_changes_is_no_deadlock(bench),
    lambda bench, shop: test_slice_of_allowance_is_given_once_by_sixteen_at_once(bench),
    test_deletion_of_a_user_against_charges_settlements_and_sweeps_leaves_nothing,
)
"""Every race, for whoever wants to run them over and over."""
