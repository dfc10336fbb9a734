"""What providers tell: how events come in, wake jobs, are acted on, and are tried again.

Promises W2 and W3. That an event is genuine is found out before it gets here.
"""

import json
import random
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from .clock import START, TimedBench
from .harness import (
    Background,
    Bench,
    Job,
    Queue,
    Session,
    Shop,
    insist,
    open_shop,
    race,
    refused,
)

SOON = timedelta(seconds=1)
"""After how long an event that found no job is looked at again."""

ADA = {"p_operator": " ada ", "p_reason": " It was our bug "}

BAD: dict[str, dict[str, Any]] = {
    "no JSON": {"payload": "{"},
    "no payload": {"payload": None},
    "endlessly deep": {"payload": "[" * 100_000 + "]" * 100_000},
    "no id": {"event_id": None},
    "an empty id": {"event_id": ""},
    "an id that is too long": {"event_id": "x" * 256},
    "no provider": {"provider": None},
    "a provider that is too long": {"provider": "x" * 51},
}


def event(provider: str, subject: str | None = None, **more: Any) -> dict[str, Any]:
    """Return an event as it is told, of a new id unless given."""
    told = {"provider": provider, "event_id": uuid4().hex, "type": "completed", "payload": "{}"}
    return told | {"subject": subject} | more


def receive(session: Session, *events: Any) -> dict[tuple[str, str], bool]:
    """Deliver events; return of those that are stored, by provider and id, whether each is new."""
    return {
        (provider, event_id): is_new
        for provider, event_id, is_new in session.rows(
            "select * from worker.receive_webhooks(%s)", json.dumps(list(events))
        )
    }


def deliver(session: Session, provider: str, subject: str | None = None, **more: Any) -> str:
    """Deliver a new event, and return its id."""
    told: dict[str, Any] = event(provider, subject, **more)
    assert receive(session, told) == {(provider, told["event_id"]): True}
    return str(told["event_id"])


def look(bench: Bench, event_id: str, columns: str = "status") -> tuple[Any, ...]:
    """Return what is written down about an event."""
    [row] = bench.rows(f"select {columns} from worker.webhook_events where event_id = %s", event_id)
    return row


def place(bench: Bench, job: Job) -> str:
    """Return where in the queue a job is."""
    [(ready, due, is_woken)] = bench.rows(
        "select ready_at is not null, due_at is not null, is_woken from worker.tasks"
        " where job_id = %s",
        job.id,
    )
    return "in line" if ready else "parked" if due else "to be asked again" if is_woken else "held"


def known_as(shop: Shop, queue: Queue, provider_job_id: str | None = None) -> tuple[Job, str]:
    """Return a job that its provider works on, and what the provider calls it."""
    name = provider_job_id or uuid4().hex
    shop.job(shop.bench.person())
    [job] = queue.claim()
    queue.park(job, name)
    return job, name


def follow(bench: Bench, event_id: str) -> tuple[Any, ...]:
    """Look once more for the job of an event that is due now, and return what became of it."""
    bench.run(
        "update worker.webhook_events set next_attempt_at = now()"
        " where event_id = %s and next_attempt_at is not null",
        event_id,
    )
    with bench.service() as session:
        session.rows("select worker.follow_webhooks(10000)")
    return look(bench, event_id, "status, job_id::text, error")


# Taking in ----------------------------------------------------------------------------------------


def test_event_is_stored_once_however_often_it_is_delivered(bench: Bench) -> None:
    told = event("sandbox")
    sandbox, stripe = ("sandbox", told["event_id"]), ("stripe", told["event_id"])
    with bench.service() as session:
        assert receive(session, told, told) == {sandbox: True}
        assert receive(session, told | {"payload": '{"altered": true}'}) == {sandbox: False}
        assert receive(session, told, told | {"provider": "stripe"}) == {
            sandbox: False,
            stripe: True,
        }
    assert bench.rows(
        "select provider, payload::text from worker.webhook_events where event_id = %s"
        " order by provider",
        told["event_id"],
    ) == [("sandbox", "{}"), ("stripe", "{}")]


@pytest.mark.parametrize("fault", BAD)
def test_event_that_cannot_be_stored_is_missing_and_spoils_no_other(
    bench: Bench, shop: Shop, fault: str
) -> None:
    with shop.queue() as queue:
        job, name = known_as(shop, queue)
        first, last = event("sandbox"), event(shop.provider, name)
        told = (first, event("sandbox") | BAD[fault], None, 1, [], "x", last)
        assert receive(queue.session, *told) == {
            ("sandbox", first["event_id"]): True,
            (shop.provider, last["event_id"]): True,
        }
    assert look(bench, last["event_id"], "status, job_id::text") == ("processed", job.id)
    assert place(bench, job) == "in line"


@pytest.mark.parametrize("told", ["null", "{}", "1", '"x"'])
def test_events_are_an_array(bench: Bench, told: str) -> None:
    with bench.service() as session:
        with refused("PT400", "invalid_events"):
            session.rows("select worker.receive_webhooks(%s)", told)
        assert receive(session) == {}


def test_what_else_is_told_of_an_event_is_bounded(bench: Bench) -> None:
    with bench.service() as session:
        long = deliver(session, "sandbox", "s" * 300, type="t" * 300, headers={"a": "x" * 20_000})
        odd = deliver(session, "sandbox", "", type=None, headers=["webhook-id"])
        good = deliver(session, "sandbox", "s", headers={"webhook-id": "m"})
    assert look(bench, long, "subject, type, headers") == ("s" * 255, "t" * 255, {})
    assert look(bench, odd, "subject, type, headers") == (None, "", {})
    assert look(bench, good, "subject, type, headers") == ("s", "completed", {"webhook-id": "m"})


@pytest.mark.parametrize(
    "payload", ['{"a":1,"a":2}', '{"a": "\\u0000\\ud800"}', " [1e400 ]", '"\u2028"', "null"]
)
def test_payload_is_handed_on_to_the_letter(timed: TimedBench, payload: str) -> None:
    with timed.service() as session:
        deliver(session, "omise", payload=payload)
        with session.connection.transaction(force_rollback=True):
            told = session.column("select payload::text from worker.claim_webhooks('{omise}', 100)")
    assert payload in told


def test_batches_with_the_same_events_at_once_store_each_once(bench: Bench) -> None:
    events = [event("sandbox") for _ in range(60)]

    def send(seed: int) -> list[str]:
        shuffled = random.Random(seed).sample(events, len(events))
        with bench.service() as session:
            answers = [receive(session, *shuffled[at : at + 20]) for at in (0, 20, 40)]
        return [key for part in answers for (_, key), is_new in part.items() if is_new]

    answers = race([partial(send, seed) for seed in range(4)])
    new = [key for answer in answers if isinstance(answer, list) for key in answer]
    assert sorted(new) == sorted(each["event_id"] for each in events)
    assert all(isinstance(answer, list) for answer in answers)


def test_batches_wait_for_each_other_in_one_direction(bench: Bench) -> None:
    first, *others = sorted((event("sandbox") for _ in range(30)), key=lambda e: e["event_id"])
    with bench.service() as one, bench.service() as two:
        with one.connection.transaction():
            receive(one, first)
            # It stores nothing before the first of all, and so holds nothing up.
            call = Background(bench, two, lambda: receive(two, *reversed(others), first))
            call.wait_until_blocked()
            assert all(receive(one, *others).values())
        assert set(call.result().values()) == {False}


def test_services_write_events_by_functions_alone(bench: Bench) -> None:
    with bench.service() as session:
        event_id = deliver(session, "sandbox")
        for attempt in (
            "update worker.webhook_events set payload = '{}' where event_id = %s",
            "update worker.webhook_events set status = 'processed' where event_id = %s",
            "delete from worker.webhook_events where event_id = %s",
            "insert into worker.webhook_events (provider, event_id, type, is_of_payment, payload)"
            " values ('x', %s, '', false, '{}')",
        ):
            with refused("42501"):
                session.run(attempt, event_id)
    assert look(bench, event_id) == ("received",)


# Waking -------------------------------------------------------------------------------------------


def test_event_has_its_job_looked_up_now(bench: Bench, shop: Shop) -> None:
    with shop.queue() as queue, bench.superuser() as listener:
        job, name = known_as(shop, queue)
        other, _ = known_as(shop, queue)
        listener.run("listen reelbase_tasks")
        event_id = deliver(queue.session, shop.provider, name)
        # With the answer to any question comes what was told before.
        listener.rows("select 1")
        assert shop.provider in {n.payload for n in listener.connection.notifies(timeout=0)}
        assert look(bench, event_id, "status, job_id::text, next_attempt_at") == (
            "processed",
            job.id,
            None,
        )
        assert (place(bench, job), place(bench, other)) == ("in line", "parked")
        assert [each.id for each in queue.claim(10)] == [job.id]


def test_event_that_comes_while_its_job_is_looked_up_has_it_looked_up_again(
    bench: Bench, shop: Shop
) -> None:
    with shop.queue() as queue:
        _, name = known_as(shop, queue)
        deliver(queue.session, shop.provider, name)
        [job] = queue.claim()
        assert place(bench, job) == "held"
        deliver(queue.session, shop.provider, name)
        assert place(bench, job) == "to be asked again"
        queue.park(job, name)
        assert place(bench, job) == "in line"


def test_repeated_event_wakes_nobody(bench: Bench, shop: Shop) -> None:
    told = event(shop.provider, "again")
    with shop.queue() as queue:
        known_as(shop, queue, "again")
        receive(queue.session, told)
        [job] = queue.claim()
        queue.park(job, "again")
        receive(queue.session, told, told)
    assert place(bench, job) == "parked"


def test_event_wakes_no_job_of_another_provider(bench: Bench, shop: Shop) -> None:
    other = open_shop(bench)
    name = uuid4().hex
    with shop.queue() as queue:
        job, _ = known_as(shop, queue, name)
        # In one batch with one of the job's own provider, and about another job there.
        receive(queue.session, event(other.provider, name), event(shop.provider, uuid4().hex))
    assert place(bench, job) == "parked"


def test_event_of_a_payments_provider_wakes_no_job(bench: Bench) -> None:
    shop = open_shop(bench)
    bench.run("update public.models set provider = 'sandbox' where id = %s", shop.model)
    try:
        with Shop(bench, shop.model, "sandbox").queue() as queue:
            job, name = known_as(shop, queue)
            event_id = deliver(queue.session, "sandbox", name)
        assert place(bench, job) == "parked"
        assert look(bench, event_id, "status, is_of_payment, job_id") == ("received", True, None)
    finally:
        bench.run("update public.models set provider = id where id = %s", shop.model)


@pytest.mark.parametrize("end", ["complete", "fail", "cancel", "submitted anew"])
def test_event_of_work_that_is_over_is_ignored(bench: Bench, shop: Shop, end: str) -> None:
    with shop.queue() as queue:
        job, name = known_as(shop, queue)
        if end == "cancel":
            with bench.owner(job.user_id) as owner:
                owner("public.cancel_generation", p_job_id=job.id)
        else:
            deliver(queue.session, shop.provider, name)
            [job] = queue.claim()
            if end == "complete":
                queue.complete(job)
            elif end == "fail":
                queue.fail(job)
            else:
                queue.fail(job, "transient", anew=True)
        status = shop.status(job)
        event_id = deliver(queue.session, shop.provider, name)
    assert look(bench, event_id, "status, job_id::text, error") == (
        "ignored",
        job.id,
        "The work that it is about is over.",
    )
    assert shop.status(job) == status


def test_event_that_is_about_nothing_is_ignored(bench: Bench, shop: Shop) -> None:
    with bench.service() as session:
        event_id = deliver(session, shop.provider, None)
    assert look(bench, event_id, "status, next_attempt_at") == ("ignored", None)


def test_event_that_comes_before_its_job_is_known_wakes_it_then(bench: Bench, shop: Shop) -> None:
    name = uuid4().hex
    with shop.queue() as queue:
        shop.job(bench.person())
        [job] = queue.claim()
        # The provider is done before its answer to the submission is.
        event_id = deliver(queue.session, shop.provider, name)
        assert look(bench, event_id, "status, job_id") == ("received", None)
        assert follow(bench, event_id) == ("received", None, "There is no such job.")
        queue.park(job, name)
        assert place(bench, job) == "parked"
        bench.run(
            "update worker.webhook_events set next_attempt_at = now() where event_id = %s", event_id
        )
        # What every dispatcher does once a second.
        assert queue.tend()["webhooks"] >= 1
    assert look(bench, event_id, "status, job_id::text, error") == ("processed", job.id, None)
    assert place(bench, job) == "in line"


def test_job_that_is_locked_is_not_waited_for_and_is_woken_afterwards(
    bench: Bench, shop: Shop
) -> None:
    with shop.queue() as queue, bench.superuser() as other:
        job, name = known_as(shop, queue)
        for lock in (
            "select from worker.tasks where job_id = %s for no key update",
            "select from public.generation_jobs where id = %s for update",
        ):
            with other.connection.transaction():
                other.rows(lock, job.id)
                event_id = deliver(queue.session, shop.provider, name)
                assert follow(bench, event_id)[0] == "received"
            assert follow(bench, event_id)[:2] == ("processed", job.id)
            [job] = queue.claim()
            queue.park(job, name)


def test_event_of_a_job_that_is_just_being_deleted_is_stored_all_the_same(
    bench: Bench, shop: Shop
) -> None:
    with shop.queue() as queue, bench.superuser() as other:
        job, name = known_as(shop, queue)
        with other.connection.transaction():
            other.run("delete from auth.users where id = %s", job.user_id)
            event_id = deliver(queue.session, shop.provider, name)
        assert follow(bench, event_id) == ("received", None, "There is no such job.")


def test_events_go_with_the_user_of_their_job(bench: Bench, shop: Shop) -> None:
    with shop.queue() as queue:
        job, name = known_as(shop, queue)
        event_id = deliver(queue.session, shop.provider, name)
    bench.run("delete from auth.users where id = %s", job.user_id)
    assert bench.rows("select from worker.webhook_events where event_id = %s", event_id) == []


def test_deliveries_and_dispatchers_at_once_neither_block_nor_lose_a_wake(bench: Bench) -> None:
    shop = open_shop(bench)
    user = bench.person(tier="enterprise")
    with shop.queue() as queue:
        for _ in range(8):
            shop.job(user)
        names = {}
        for job in queue.claim(8):
            names[job.id] = uuid4().hex
            queue.park(job, names[job.id])

        def tell(seed: int) -> None:
            some = list(names.values())
            with bench.service() as session:
                for _ in range(12):
                    random.Random(seed).shuffle(some)
                    receive(session, *(event(shop.provider, name) for name in some))

        def work() -> None:
            with shop.queue() as dispatcher:
                for _ in range(12):
                    for job in dispatcher.claim(8):
                        insist(partial(dispatcher.park, job, names[job.id]))
                    dispatcher.tend()

        assert race([lambda: tell(1), lambda: tell(2), work, work]) == [None] * 4
        # The last word wakes all that are not in line already.
        last = [deliver(queue.session, shop.provider, name) for name in names.values()]
        assert {look(bench, each)[0] for each in last} == {"processed"}
        assert {job.id for job in queue.claim(8)} == set(names)


# On another day -----------------------------------------------------------------------------------


@pytest.fixture
def services(timed: TimedBench) -> Iterator[Session]:
    """The services' session, on a day without events."""
    timed.run("delete from worker.webhook_events")
    with timed.service() as session:
        yield session


def claim(session: Session, providers: str = "{sandbox}", limit: int = 10) -> list[tuple[str, int]]:
    """Claim events for a minute, and return the id and number of the attempt of each."""
    return [
        (str(event_id), attempts)
        for event_id, attempts in session.rows(
            "select id, attempts from worker.claim_webhooks(%s, %s)", providers, limit
        )
    ]


def finish(session: Session, claimed: tuple[str, int], status: str, **more: Any) -> bool:
    """Say how acting on an event went, and tell whether that counted."""
    [counted] = session(
        "worker.finish_webhook", p_id=claimed[0], p_attempt=claimed[1], p_status=status, **more
    )
    return bool(counted)


def test_event_without_a_job_is_given_up_after_ten_minutes(
    timed: TimedBench, services: Session
) -> None:
    event_id = deliver(services, "replicate", "nobody's")
    now, tries = START, 0
    while look(timed, event_id) == ("received",):
        [due] = look(timed, event_id, "next_attempt_at")
        timed.at(due - timedelta(milliseconds=1), services)
        assert services("worker.follow_webhooks") == [0]
        timed.at(due, services)
        assert services("worker.follow_webhooks") == [1]
        now, tries = due, tries + 1
    assert look(timed, event_id, "status, error, job_id") == (
        "ignored",
        "There is no such job.",
        None,
    )
    assert timedelta(minutes=9) < now - START < timedelta(minutes=11)
    assert tries <= 7


def test_so_many_that_are_about_nothing_hold_up_no_other_for_long(
    timed: TimedBench, services: Session
) -> None:
    shop = open_shop(timed)
    with shop.queue() as queue:
        receive(services, *(event("replicate", f"nobody's {n}") for n in range(50)))
        timed.at(START + timedelta(milliseconds=1), services, queue.session)
        event_id = deliver(services, shop.provider, "early")
        job, _ = known_as(shop, queue, "early")
        timed.at(START + 2 * SOON, services, queue.session)
        assert [services("worker.follow_webhooks", p_limit=20) for _ in range(3)] == [
            [20],
            [20],
            [11],
        ]
    assert look(timed, event_id) == ("processed",)
    assert place(timed, job) == "in line"


def test_events_of_payments_are_claimed_oldest_first_by_one_at_a_time(
    timed: TimedBench, services: Session
) -> None:
    ids = []
    for n in range(4):
        timed.at(START + n * SOON, services)
        ids.append(deliver(services, "sandbox", f"pay_{n}"))
    deliver(services, "replicate", "a job")
    stripe = deliver(services, "stripe")
    keys = [str(look(timed, event_id, "id")[0]) for event_id in ids]
    assert claim(services, limit=2) == [(keys[0], 1), (keys[1], 1)]
    with timed.service() as other:
        assert claim(other) == [(keys[2], 1), (keys[3], 1)]
        assert claim(other) == []
    [told] = services.rows(
        "select provider, event_id, type, subject, payload::text from"
        " worker.claim_webhooks('{stripe,omise}')"
    )
    assert told == ("stripe", stripe, "completed", None, "{}")


def test_two_who_claim_at_once_never_get_the_same_event(
    timed: TimedBench, services: Session
) -> None:
    receive(services, *(event("sandbox") for _ in range(40)))

    def drain() -> list[tuple[str, int]]:
        with timed.service() as session:
            return [claimed for _ in range(15) for claimed in claim(session, limit=4)]

    answers = race([drain, drain])
    claimed = [each for answer in answers if isinstance(answer, list) for each in answer]
    assert len({event_id for event_id, _ in claimed}) == len(claimed) == 40


def test_event_whose_claimer_vanished_is_claimed_again_and_the_late_word_does_not_count(
    timed: TimedBench, services: Session
) -> None:
    event_id = deliver(services, "sandbox")
    [first] = claim(services)
    timed.at(START + timedelta(seconds=59), services)
    assert claim(services) == []
    timed.at(START + timedelta(seconds=60), services)
    [second] = claim(services)
    assert second == (first[0], 2)
    for word in ("processed", "ignored", "failed"):
        assert not finish(services, first, word)
    assert look(timed, event_id) == ("received",)
    assert finish(services, second, "processed")
    assert look(timed, event_id, "status, next_attempt_at") == ("processed", None)
    # And the same again, or another word, changes nothing.
    assert not finish(services, second, "failed")
    timed.at(START + timedelta(days=1), services)
    assert claim(services) == []
    assert look(timed, event_id) == ("processed",)


def test_late_claimer_whom_nobody_replaced_may_finish(timed: TimedBench, services: Session) -> None:
    event_id = deliver(services, "sandbox")
    [claimed] = claim(services)
    timed.at(START + timedelta(hours=1), services)
    assert finish(services, claimed, "ignored", p_error="Another environment's")
    assert look(timed, event_id, "status, error, processed_at") == (
        "ignored",
        "Another environment's",
        START + timedelta(hours=1),
    )


def test_event_that_nobody_claimed_cannot_be_finished(timed: TimedBench, services: Session) -> None:
    event_id = deliver(services, "sandbox")
    [key] = look(timed, event_id, "id::text")
    for attempt in (0, 1, -1):
        assert not finish(services, (key, attempt), "processed")
    assert not finish(services, (str(uuid4()), 1), "processed")
    for status in ("received", "dead", None):
        with refused("PT400", "invalid_status"):
            services("worker.finish_webhook", p_id=key, p_attempt=0, p_status=status)
    assert look(timed, event_id) == ("received",)


def test_event_that_fails_is_tried_again_after_longer_and_longer_until_it_is_dead(
    timed: TimedBench, services: Session
) -> None:
    event_id = deliver(services, "sandbox")
    now, waits = START, []
    for number in range(1, 13):
        [claimed] = claim(services)
        assert claimed[1] == number
        assert finish(services, claimed, "failed", p_error="e" * 9000)
        status, due = look(timed, event_id, "status, next_attempt_at")
        if due is None:
            break
        assert status == "failed"
        waits.append((due - now).total_seconds())
        now = due
        timed.at(now - timedelta(milliseconds=1), services)
        assert claim(services) == []
        timed.at(now, services)
    assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600]
    assert look(timed, event_id, "status, attempts, char_length(error)") == ("dead", 12, 5000)
    timed.at(START + timedelta(days=30), services)
    assert claim(services) == []


def test_event_that_kills_whoever_acts_on_it_is_dead_in_the_end(
    timed: TimedBench, services: Session
) -> None:
    event_id = deliver(services, "sandbox")
    other = deliver(services, "sandbox")
    timed.run("update worker.webhook_events set attempts = 11 where event_id = %s", event_id)
    assert {attempts for _, attempts in claim(services)} == {12, 1}
    timed.at(START + timedelta(hours=1), services)
    assert claim(services) == [(look(timed, other, "id::text")[0], 2)]
    status, attempts, error = look(timed, event_id, "status, attempts, error")
    assert (status, attempts) == ("dead", 12)
    assert error


def test_payment_that_an_event_is_about_is_noted_and_takes_it_along(
    timed: TimedBench, services: Session
) -> None:
    user = timed.person()
    payment = timed.value(
        "select id::text from worker.open_payment(%s, 'sandbox', 'x',"
        " p_package_slug => 'usd-starter')",
        user,
    )
    ids = [deliver(services, "sandbox") for _ in range(2)]
    for claimed, told in zip(claim(services), (payment, str(uuid4())), strict=True):
        assert finish(services, claimed, "processed", p_payment_id=told)
    noted = {look(timed, each, "payment_id::text")[0] for each in ids}
    assert noted == {payment, None}
    timed.run("delete from auth.users where id = %s", user)
    assert len(timed.rows("select from worker.webhook_events")) == 1


# Again --------------------------------------------------------------------------------------------


def replay(session: Session, key: str, **more: Any) -> str:
    """Have an event tried again by name and with a reason, and return its state."""
    named = {"p_id": key} | ADA | more
    call = ", ".join(f"{name} => %s" for name in named)
    return str(session.value(f"select status from worker.replay_webhook({call})", *named.values()))


def test_operator_gives_a_dead_event_twelve_new_attempts(
    timed: TimedBench, services: Session
) -> None:
    event_id = deliver(services, "sandbox", "pay_1")
    timed.run("update worker.webhook_events set attempts = 11 where event_id = %s", event_id)
    [last] = claim(services)
    finish(services, last, "failed", p_error="Broken")
    assert look(timed, event_id) == ("dead",)
    timed.at(START + timedelta(days=3), services)
    assert replay(services, last[0]) == "received"
    # A late word of who acted on it before does not count.
    assert not finish(services, last, "processed")
    now = START + timedelta(days=3)
    for number in range(13, 25):
        [claimed] = claim(services)
        assert claimed == (last[0], number)
        assert not finish(services, last, "processed")
        assert finish(services, claimed, "failed")
        now += timedelta(hours=2)
        timed.at(now, services)
    assert look(timed, event_id, "status, attempts") == ("dead", 24)
    [told] = timed.rows(
        "select operator, reason, user_id, details from worker.operator_actions"
        " where action = 'replay_webhook' and details ->> 'event_id' = %s",
        event_id,
    )
    assert told[:3] == ("ada", "It was our bug", None)
    assert told[3] == {
        "id": last[0],
        "provider": "sandbox",
        "event_id": event_id,
        "type": "completed",
        "status": "dead",
    }


@pytest.mark.parametrize("status", ["processed", "ignored", "failed"])
def test_operator_has_any_event_tried_again_that_was_acted_on(
    timed: TimedBench, services: Session, status: str
) -> None:
    deliver(services, "sandbox")
    [claimed] = claim(services)
    finish(services, claimed, status)
    assert replay(services, claimed[0]) == "received"
    assert claim(services) == [(claimed[0], 2)]


def test_event_of_a_job_that_is_tried_again_wakes_it(timed: TimedBench, services: Session) -> None:
    shop = open_shop(timed)
    with shop.queue() as queue:
        job, _ = known_as(shop, queue, "again")
        event_id = deliver(services, shop.provider, "again")
        [job] = queue.claim()
        queue.park(job, "again")
        replay(services, look(timed, event_id, "id::text")[0])
        assert services("worker.follow_webhooks") == [1]
    assert place(timed, job) == "in line"
    assert look(timed, event_id) == ("processed",)
    assert (
        timed.value(
            "select user_id::text from worker.operator_actions where details ->> 'event_id' = %s",
            event_id,
        )
        == job.user_id
    )


def test_event_is_tried_again_by_name_and_with_a_reason_where_there_is_one(
    timed: TimedBench, services: Session
) -> None:
    event_id = deliver(services, "sandbox")
    [key] = look(timed, event_id, "id::text")
    with refused("PT409", "webhook_is_open"):
        replay(services, key)
    with refused("PT404", "webhook_not_found"):
        replay(services, str(uuid4()))
    with refused("PT400", "reason_required"):
        replay(services, key, p_reason=" ")
    with refused("PT400", "operator_required"):
        replay(services, key, p_operator=None)
