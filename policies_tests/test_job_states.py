"""The queue behind jobs, and what happens when two want the same thing; promises J2 and J4.

What each function does with a job in each state is in test_job_machine.
"""

import contextlib
import json
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from .harness import (
    Background,
    Bench,
    Job,
    Queue,
    RejectedError,
    Session,
    Shop,
    insist,
    picture,
    race,
    refused,
    rejected,
)


def test_life_of_a_job_can_be_read_back(bench: Bench, shop: Shop) -> None:
    job = shop.job(bench.person())
    with shop.queue() as queue:
        queue.fail(queue.claim()[0], "transient")
        [claimed] = queue.finalizing()
        queue.complete(claimed)
    assert bench.rows(
        "select from_status, to_status, actor, note from public.job_events where job_id = %s"
        " order by id",
        job.id,
    ) == [
        (None, "queued", "user", None),
        ("queued", "starting", "service", None),
        ("starting", "queued", "service", "broken"),
        ("queued", "starting", "service", "attempt 2"),
        ("starting", "processing", "service", None),
        ("processing", "finalizing", "service", None),
        ("finalizing", "completed", "service", None),
    ]


# Leases -------------------------------------------------------------------------------------------

CALLS: dict[str, Callable[[Queue, Job], Any]] = {
    "advance": lambda queue, job: queue.advance(job, "processing"),
    "park": lambda queue, job: queue.park(job),
    "complete": lambda queue, job: queue.complete(job),
    "fail": lambda queue, job: queue.fail(job),
    "try again": lambda queue, job: queue.fail(job, "transient"),
}


def trace(bench: Bench, job: Job) -> list[tuple[Any, ...]]:
    """Return all that the database remembers of a job's work."""
    return bench.rows(
        "select to_jsonb(j) - 'updated_at', to_jsonb(t),"
        " (select jsonb_agg(to_jsonb(a) order by attempt) from worker.attempts as a"
        "  where a.job_id = j.id),"
        " (select jsonb_agg(to_jsonb(x) order by asset_id) from public.job_assets as x"
        "  where x.job_id = j.id),"
        " (select count(*) from public.job_events as e where e.job_id = j.id),"
        " (select count(*) from public.credit_transactions as c where c.job_id = j.id)"
        " from public.generation_jobs as j left join worker.tasks as t on t.job_id = j.id"
        " where j.id = %s",
        job.id,
    )


def test_job_that_does_not_exist_is_a_lost_lease(shop: Shop) -> None:
    nobody = Job(str(uuid4()), str(uuid4()), str(uuid4()))
    with shop.queue() as queue:
        for call in CALLS.values():
            with rejected("lease_lost"):
                call(queue, nobody)
        assert queue.extend(nobody) == queue.release(nobody) == []


@pytest.mark.parametrize("call", CALLS)
def test_call_repeated_while_the_first_still_runs_changes_nothing(
    bench: Bench, shop: Shop, call: str
) -> None:
    user = bench.person()
    shop.job(user)
    with shop.queue() as first, shop.queue() as second:
        [job] = first.claim()
        with first.session.connection.transaction():
            CALLS[call](first, job)
            # It is answered that the job is locked, or waits for the owner's account.
            again = Background(bench, second.session, lambda: CALLS[call](second, job))
            again.wait_until_settled()
        before = trace(bench, job)
        with contextlib.suppress(RejectedError):
            again.result()
        CALLS[call](second, job)
        assert trace(bench, job) == before
    assert bench.complaints(user) == []


def test_parking_again_after_a_poll_is_repeatable(bench: Bench, shop: Shop) -> None:
    shop.job(bench.person())
    with shop.queue() as queue:
        [job] = queue.claim()
        queue.park(job, seconds=0)
        [job] = queue.claim()
        queue.advance(job, "processing", poll_after_seconds=5)
        before = trace(bench, job)
        queue.advance(job, "processing", poll_after_seconds=5)
        assert trace(bench, job) == before


def test_outputs_lie_in_the_jobs_folder_where_no_user_writes(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    shop.job(user)
    with shop.queue() as queue:
        [job] = queue.claim()
        output = picture(job)
        paths = (f"{uuid4()}/{job.id}/x.png", f"{user}/x.png", f"{user}/{job.id}x/x.png", "x")
        thumbnail = picture(job, "small.png") | {"bucket": "thumbnails"}
        wrong = [output | {"storage_path": path} for path in paths]
        wrong += [each | {"thumbnail": thumbnail} for each in wrong]
        for bucket in ("raw-videos", "reference-images", "elsewhere"):
            wrong.append(output | {"bucket": bucket})
            wrong.append(output | {"thumbnail": output | {"bucket": bucket}})
        before = trace(bench, job)
        for each in wrong:
            with rejected("refused"):
                queue.complete(job, assets=[each])
        assert trace(bench, job) == before
        assert bench.column("select from public.assets where user_id = %s", user) == []
        queue.complete(job)
    assert bench.complaints(user) == []


def test_wrong_job_does_not_spoil_the_others_of_its_batch(bench: Bench, shop: Shop) -> None:
    user = bench.person(tier="pro")
    for _ in range(3):
        shop.job(user)
    with shop.queue() as queue:
        jobs = queue.claim(3)
        told = [{"job_id": job.id, "lease": job.lease, "assets": [picture(job)]} for job in jobs]
        told[0]["lease"] = str(uuid4())
        told[1]["assets"] = [picture(jobs[1]) | {"mime_type": None}]
        answers = dict(
            queue.session.rows(
                "select job_id::text, result from worker.complete_jobs(%s)", json.dumps(told)
            )
        )
    assert [answers[job.id] for job in jobs] == ["lease_lost", "refused", "done"]
    assert [shop.status(job) for job in jobs] == ["starting", "starting", "completed"]
    assert bench.balance(user) == 79
    assert bench.complaints(user) == []


@pytest.mark.parametrize(
    "status", ["starting", "processing", "finalizing", "completed", "failed", "cancelled"]
)
def test_client_begins_a_job_at_its_beginning(bench: Bench, shop: Shop, status: str) -> None:
    user = bench.person()
    with refused("42501"):
        shop.draft(user, status=status)
    assert bench.balance(user) == 100


def test_failure_without_words_still_fails_the_job(bench: Bench, shop: Shop) -> None:
    shop.job(bench.person())
    with shop.queue() as queue:
        [job] = queue.claim()
        assert queue.fail(job, error_code=None, error_message=None) == "failed"


def test_progress_grows_and_stays_below_a_hundred(bench: Bench, shop: Shop) -> None:
    shop.job(bench.person())
    seen = []
    with shop.queue() as queue:
        [job] = queue.claim()
        for progress in (30, 20, 100, -1, 99):
            # It is written once a second at most.
            with bench.connection.transaction():
                bench.run("set local session_replication_role = replica")
                bench.run(
                    "update public.generation_jobs set updated_at = now() - interval '2 s'"
                    " where id = %s",
                    job.id,
                )
            assert queue.extend(job, progress=progress) == [job.id]
            seen.append(
                bench.value("select progress from public.generation_jobs where id = %s", job.id)
            )
    assert seen == [30, 30, 30, 30, 99]


# Attempts -----------------------------------------------------------------------------------------


def attempts(bench: Bench, job: Job) -> list[tuple[Any, ...]]:
    """Return number and outcome of a job's attempts."""
    return bench.rows(
        "select attempt, outcome from worker.attempts where job_id = %s order by attempt", job.id
    )


def test_release_does_not_count_the_attempt(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    job = shop.job(user)
    with shop.queue() as queue:
        for _ in range(5):
            [claimed] = queue.claim()
            assert queue.release(claimed) == [job.id]
            assert queue.release(claimed) == []
        [claimed] = queue.finalizing()
        queue.complete(claimed)
    assert attempts(bench, job) == [
        *((number, "handed_back") for number in range(1, 6)),
        (6, "succeeded"),
    ]
    assert counted(bench, job) == 1
    assert bench.complaints(user) == []


def counted(bench: Bench, job: Job) -> int:
    """Return how many attempts count against those that a job has."""
    return int(
        bench.value("select attempt_count from public.generation_jobs where id = %s", job.id)
    )


def test_lost_attempts_count_until_none_is_left_and_the_job_is_refunded(
    bench: Bench, shop: Shop
) -> None:
    user = bench.person()
    job = shop.job(user)
    with shop.queue() as queue:
        for _ in range(3):
            assert [each.id for each in queue.claim()] == [job.id]
            assert job.id not in queue.end_overdue()
            shop.lose_leases()
        assert queue.claim() == []
        assert job.id in queue.end_overdue()
        assert job.id not in queue.end_overdue()
    assert attempts(bench, job) == [(1, "lost"), (2, "lost"), (3, "lost")]
    assert shop.status(job) == "failed"
    assert bench.balance(user) == 100
    assert bench.complaints(user) == []


def test_failed_attempts_end_the_job_at_the_last(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    job = shop.job(user)
    with shop.queue() as queue:
        ends = [queue.fail(queue.claim()[0], "transient") for _ in range(3)]
    assert ends == ["queued", "queued", "failed"]
    assert bench.balance(user) == 100
    assert attempts(bench, job) == [(1, "failed"), (2, "failed"), (3, "failed")]


def test_retry_waits_as_long_as_it_was_told(bench: Bench, shop: Shop) -> None:
    job = shop.job(bench.person())
    with shop.queue() as queue:
        queue.fail(queue.claim()[0], "transient", retry_after_seconds=1000)
        assert queue.claim() == []
    assert bench.value(
        "select due_at between now() + interval '900 s' and now() + interval '1000 s'"
        " from worker.tasks where job_id = %s",
        job.id,
    )


def test_parked_task_is_claimed_again_without_a_new_attempt(bench: Bench, shop: Shop) -> None:
    job = shop.job(bench.person())
    with shop.queue() as queue:
        [claimed] = queue.claim()
        queue.park(claimed, "p-1")
        assert queue.claim() == []
        bench.run("update worker.tasks set due_at = now() where job_id = %s", job.id)
        [claimed] = queue.claim()
        assert bench.rows(
            "select t.step, j.status, j.attempt_count, j.provider_job_id from worker.tasks as t"
            " inner join public.generation_jobs as j on j.id = t.job_id where t.job_id = %s",
            job.id,
        ) == [("poll", "processing", 1, "p-1")]
        queue.advance(claimed, "finalizing")
        queue.complete(claimed)
    assert attempts(bench, job) == [(1, "succeeded")]


# Claiming -----------------------------------------------------------------------------------------


def test_claims_go_by_priority_then_age(bench: Bench, shop: Shop) -> None:
    tiers = ["free", "pro", "free", "enterprise", "pro"]
    jobs = [shop.job(bench.person(tier=tier)).id for tier in tiers]
    with shop.queue() as queue:
        claimed = [queue.claim()[0].id for _ in jobs]
    assert claimed == [jobs[index] for index in (3, 1, 4, 0, 2)]


def test_claim_takes_only_what_it_was_asked_for(bench: Bench, shop: Shop) -> None:
    user = bench.person(tier="pro")
    for _ in range(5):
        shop.job(user)
    with shop.queue() as queue:
        for wanted in (
            [],
            [{"provider": shop.provider, "kinds": []}],
            [{"provider": shop.provider, "kinds": ["voiceover"]}],
            [{"provider": shop.provider, "limit": 0}],
        ):
            assert queue.claim(5, p_wanted=json.dumps(wanted)) == []
        wanted = [{"provider": shop.provider, "kinds": ["text_to_image"], "limit": 1}]
        assert len(queue.claim(5, p_wanted=json.dumps(wanted))) == 1
        lease = str(uuid4())
        first = queue.claim(2, lease)
        assert len(first) == 2
        assert queue.claim(2, lease) == first
        assert len(queue.claim(10)) == 2


def test_one_lease_claimed_twice_at_once_holds_no_more_than_its_limit(
    bench: Bench, shop: Shop
) -> None:
    user = bench.person(tier="pro")
    for _ in range(6):
        shop.job(user)
    lease = str(uuid4())
    with shop.queue() as first, shop.queue() as second:
        with first.session.connection.transaction():
            held_first = first.claim(2, lease)
            again = Background(bench, second.session, lambda: second.claim(2, lease))
            again.wait_until_settled()
        assert len(again.result()) in (0, 2)
        assert len(held_first) == 2
    assert bench.value("select count(*) from worker.tasks where lease = %s", lease) == 2


def test_lease_that_was_used_up_claims_nothing_more(bench: Bench, shop: Shop) -> None:
    shop.job(bench.person())
    with shop.queue() as queue:
        [job] = queue.claim()
        queue.fail(job, "transient")
        assert queue.claim(1, job.lease) == []


def test_claim_that_arrives_after_its_repetition_claims_nothing(bench: Bench, shop: Shop) -> None:
    lease = str(uuid4())
    with shop.queue() as queue:
        assert queue.claim(1, lease, p_is_repeat=True) == []
        shop.job(bench.person())
        assert queue.claim(1, lease) == []
        assert len(queue.claim()) == 1


def test_no_two_of_sixteen_claimers_get_one_task(bench: Bench, shop: Shop) -> None:
    people = [bench.person(tier="enterprise") for _ in range(10)]
    for user in people:
        with bench.owner(user) as session:
            session.run(
                "insert into public.generation_jobs (kind, prompt, model_id, mode)"
                " select 'text_to_image', 'x', %s, 'draft' from generate_series(1, 50)",
                shop.model,
            )
    with ExitStack() as stack:
        queues = [stack.enter_context(shop.queue()) for _ in range(16)]

        def claim_all(queue: Queue) -> list[str]:
            claimed = []
            empty = 0
            # Another's locks may hide tasks for a moment; two empty answers are no proof, but
            # sixteen claimers that all stop early would leave tasks, and that is seen below.
            while empty < 3:
                batch = queue.claim(7)
                claimed += [job.id for job in batch]
                empty = 0 if batch else empty + 1
            return claimed

        batches = race([partial(claim_all, q) for q in queues])
        queues[0].tend()
        rest = claim_all(queues[0])
    errors = [each for each in batches if isinstance(each, psycopg.Error)]
    assert errors == []
    claimed = [job for batch in batches if isinstance(batch, list) for job in batch] + rest
    assert len(claimed) == len(set(claimed)) == 500
    assert (
        bench.value(
            "select count(*) from worker.attempts as a inner join public.generation_jobs as j"
            " on j.id = a.job_id where j.provider = %s",
            shop.provider,
        )
        == 500
    )


# Races --------------------------------------------------------------------------------------------


def test_complete_while_the_job_is_being_cancelled_is_busy_and_then_lost(
    bench: Bench, shop: Shop
) -> None:
    user = bench.person()
    job = shop.job(user)
    with shop.queue() as queue, bench.owner(user) as browser:
        [claimed] = queue.finalizing()
        with browser.connection.transaction():
            browser.rows("select public.cancel_generation(%s)", job.id)
            with rejected("busy"):
                queue.complete(claimed)
        with rejected("lease_lost"):
            queue.complete(claimed)
    assert shop.status(job) == "cancelled"
    assert bench.balance(user) == 100
    assert bench.complaints(user) == []


def test_cancel_while_the_job_is_being_completed_waits_and_comes_too_late(
    bench: Bench, shop: Shop
) -> None:
    user = bench.person()
    job = shop.job(user)
    with shop.queue() as queue, bench.owner(user) as browser:
        [claimed] = queue.finalizing()
        with queue.session.connection.transaction():
            queue.complete(claimed)
            late = Background(
                bench,
                browser,
                lambda: browser.rows("select public.cancel_generation(%s)", job.id),
            ).wait_until_blocked()
        with refused("PT409", "transition_not_allowed"):
            late.result()
    assert shop.status(job) == "completed"
    assert bench.balance(user) == 93
    assert bench.complaints(user) == []


def test_cancels_and_completes_at_once_leave_right_books(bench: Bench, shop: Shop) -> None:
    user = bench.person(tier="pro")
    jobs = [shop.job(user) for _ in range(10)]
    with ExitStack() as stack:
        queue = stack.enter_context(shop.queue())
        claimed = {job.id: job for job in queue.finalizing(10)}
        queues = [stack.enter_context(shop.queue()) for _ in jobs]
        browsers = [stack.enter_context(bench.owner(user)) for _ in jobs]
        calls: list[Callable[[], Any]] = []
        for job, worker, browser in zip(jobs, queues, browsers, strict=True):
            calls.append(partial(insist, partial(worker.complete, claimed[job.id])))
            calls.append(partial(browser.rows, "select public.cancel_generation(%s)", job.id))
        results = race(calls)
    for completed, cancelled in zip(results[::2], results[1::2], strict=True):
        failures = [e for e in (completed, cancelled) if isinstance(e, psycopg.Error)]
        assert [code_of(each) for each in failures] in (["PT409"], ["lease_lost"])
    done = sum(shop.status(job) == "completed" for job in jobs)
    assert bench.balance(user) == 100 - 7 * done
    assert bench.complaints(user) == []


def code_of(error: psycopg.Error) -> str:
    """Return an error's state, or how a call was answered that did nothing."""
    return error.result if isinstance(error, RejectedError) else str(error.sqlstate)


def hold_path(session: Session, job: Job) -> None:
    """Take the place of a job's output, uncommitted, so that complete_jobs waits in its middle."""
    session.run(
        "insert into public.assets (user_id, kind, bucket, storage_path, mime_type, size_bytes)"
        " values (%s, 'image', 'final-images', %s, 'image/png', 1)",
        job.user_id,
        f"{job.user_id}/{job.id}/result.png",
    )


def test_project_deleted_while_its_job_completes_is_no_deadlock(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    with bench.owner(user) as browser, shop.queue() as queue, bench.superuser() as holder:
        project = browser.value("insert into public.projects (name) values ('p') returning id")
        shop.job(user, p_project_id=project)
        [job] = queue.finalizing()
        with holder.connection.transaction(force_rollback=True):
            hold_path(holder, job)
            completing = Background(bench, queue.session, lambda: queue.complete(job))
            completing.wait_until_blocked()
            deleting = Background(
                bench,
                browser,
                lambda: browser.run("delete from public.projects where id = %s", project),
            ).wait_until_blocked()
        completing.result()
        deleting.result()
        assert browser.value("select count(*) from public.projects") == 0
    assert shop.status(job) == "completed"
    assert bench.complaints(user) == []


def test_user_deleted_while_a_job_completes_is_no_deadlock(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    shop.job(user)
    with shop.queue() as queue, bench.superuser() as holder, bench.superuser() as admin:
        [job] = queue.finalizing()
        with holder.connection.transaction(force_rollback=True):
            hold_path(holder, job)
            completing = Background(bench, queue.session, lambda: queue.complete(job))
            completing.wait_until_blocked()
            deleting = Background(
                bench, admin, lambda: admin.run("delete from auth.users where id = %s", user)
            ).wait_until_blocked()
        completing.result()
        assert deleting.result() == 1


def test_release_and_the_sweep_of_lost_jobs_are_no_deadlock(bench: Bench, shop: Shop) -> None:
    # Two users in the one order, their jobs in the other.
    users = sorted(bench.person() for _ in range(2))
    while True:
        jobs = [shop.job(user, p_mode="draft") for user in users]
        if jobs[0].id > jobs[1].id:
            break
        for job in jobs:
            with bench.owner(job.user_id) as session:
                session.rows("select public.cancel_generation(%s)", job.id)
    with shop.queue() as worker, shop.queue() as sweeper, bench.superuser() as holder:
        claimed = worker.claim(2)
        bench.run(
            "update public.generation_jobs set attempt_count = max_attempts where provider = %s",
            shop.provider,
        )
        shop.expire_leases()
        with holder.connection.transaction(force_rollback=True):
            holder.rows(
                "select 1 from public.credit_accounts where user_id = %s for update", users[1]
            )
            sweeping = Background(bench, sweeper.session, lambda: sweep(sweeper))
            sweeping.wait_until_settled()
            releasing = Background(bench, worker.session, lambda: worker.release(*claimed))
            releasing.wait_until_settled()
        # What was locked when it came by is for the next round.
        assert {job.id for job in jobs} <= {*sweeping.result(), *sweep(sweeper)}
        assert releasing.result() == []


def sweep(queue: Queue) -> list[str]:
    """Take over what lost its lease, and return what that was the end of."""
    queue.tend()
    return queue.end_overdue()


def test_sweep_spares_a_job_that_was_handed_back_at_the_last_moment(
    bench: Bench, shop: Shop
) -> None:
    user = bench.person()
    shop.job(user)
    with shop.queue() as worker, shop.queue() as sweeper:
        for _ in range(2):
            worker.claim()
            shop.lose_leases()
        [job] = worker.claim()
        with worker.session.connection.transaction():
            # The release judges by the time at which it began: its lease ends just after that.
            worker.session.rows("select now()")
            bench.run(
                "update worker.tasks set lease_expires_at = clock_timestamp() where job_id = %s",
                job.id,
            )
            assert worker.release(job) == [job.id]
            sweeping = Background(bench, sweeper.session, lambda: sweep(sweeper))
            sweeping.wait_until_settled()
        assert job.id not in sweeping.result()
        assert job.id not in sweep(sweeper)
    assert shop.status(job) == "queued"
    assert attempts(bench, job)[-1] == (3, "handed_back")


def test_heartbeat_and_release_of_the_same_tasks_are_no_deadlock(bench: Bench, shop: Shop) -> None:
    user = bench.person(tier="pro")
    for _ in range(3):
        shop.job(user)
    with shop.queue() as queue, shop.queue() as beat, bench.superuser() as holder:
        jobs = sorted(queue.claim(3), key=lambda job: job.id)
        with holder.connection.transaction(force_rollback=True):
            holder.rows("select 1 from public.generation_jobs where id = %s for update", jobs[1].id)
            beating = Background(bench, beat.session, lambda: beat.extend(*reversed(jobs)))
            beating.wait_until_settled()
            releasing = Background(bench, queue.session, lambda: queue.release(*jobs))
            releasing.wait_until_settled()
        beating.result()
        # What somebody else has locked is not waited for; its lease ends by itself.
        assert set(releasing.result()) == {jobs[0].id, jobs[2].id}
    assert bench.complaints(user) == []


def test_many_at_once_on_few_users_never_deadlock(bench: Bench, shop: Shop) -> None:
    people = [bench.person(tier="pro") for _ in range(3)]
    for user in people:
        bench(
            "private.grant_credits",
            p_user_id=user,
            p_amount=5000,
            p_kind="purchase",
            p_source_key="plenty",
        )
    deadlocks = "select deadlocks from pg_stat_database where datname = current_database()"
    before = bench.value(deadlocks)

    def browse(number: int) -> list[str]:
        codes = []
        with bench.owner(people[number % 3]) as session:
            for turn in range(12):
                try:
                    job = shop.submit(session, p_idempotency_key=f"key-{turn % 8}-{number % 6}")
                    if (number + turn) % 3 == 0:
                        session.rows("select public.cancel_generation(%s)", job)
                except psycopg.Error as error:
                    codes.append(code_of(error))
        return codes

    def work(number: int) -> list[str]:
        codes = []
        with shop.queue() as queue:
            for turn in range(8):
                jobs = queue.claim(4)
                steps: list[Callable[[], Any]] = [partial(queue.extend, *reversed(jobs))]
                for place, job in enumerate(jobs):
                    choice = (number + turn + place) % 4
                    if choice < 2:
                        steps += [
                            partial(queue.advance, job, "processing"),
                            partial(queue.complete, job),
                        ]
                    elif choice == 2:
                        steps.append(partial(queue.fail, job, ("permanent", "transient")[turn % 2]))
                steps.append(partial(queue.release, *jobs))
                steps.append(lambda: sweep(queue))
                for step in steps:
                    try:
                        step()
                    except psycopg.Error as error:
                        codes.append(code_of(error))
        return codes

    calls: list[Callable[[], list[str]]] = [partial(browse, n) for n in range(12)]
    calls += [partial(work, n) for n in range(8)]
    codes = {code for result in race(calls) for code in as_codes(result)}
    assert codes <= {"PT409", "PT402", "PT429", "lease_lost", "busy"}
    bench.rows("select pg_stat_clear_snapshot()")
    assert bench.value(deadlocks) == before
    assert bench.complaints(*people) == []


def as_codes(result: list[str] | psycopg.Error) -> list[str]:
    """Return the states that a thread of the hunt saw."""
    return result if isinstance(result, list) else [code_of(result)]


def test_task_that_is_named_twice_is_handed_back_once(bench: Bench, shop: Shop) -> None:
    shop.job(bench.person())
    with shop.queue() as queue:
        [job] = queue.claim()
        assert queue.release(job, job) == [job.id]
    assert shop.status(job) == "queued"
