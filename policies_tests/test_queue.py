"""Who is served when: fairness, plans, providers' limits and health, deadlines, what is left over.

Promises J1, J2 and J5. What a function does with a single job is in test_job_machine.
"""

from typing import Any
from uuid import uuid4

import pytest

from .harness import Bench, Job, Queue, Shop, picture, refused, rejected


def settle_pause(bench: Bench, shop: Shop) -> None:
    """Let the pause of a shop's provider be over."""
    bench.run(
        "update worker.providers set paused_until = now() - interval '1 s' where name = %s",
        shop.provider,
    )


def pause_of(bench: Bench, shop: Shop) -> tuple[int, str | None]:
    """Return for how many seconds a provider is paused, and why."""
    [(seconds, reason)] = bench.rows(
        "select coalesce(round(extract(epoch from paused_until - now())), 0)::integer, pause_reason"
        " from worker.providers where name = %s",
        shop.provider,
    )
    return seconds, reason


def counted(bench: Bench, job: Job) -> int:
    """Return how many attempts count against those that a job has."""
    return int(
        bench.value("select attempt_count from public.generation_jobs where id = %s", job.id)
    )


def previous_outcome(bench: Bench, queue: Queue) -> str | None:
    """Claim a job, and return what is told of the attempt before."""
    [outcome] = queue.session.column(
        "select previous_outcome from worker.claim_tasks(gen_random_uuid(), 'tester',"
        " jsonb_build_array(jsonb_build_object('provider', %s::text)))",
        queue.provider,
    )
    return None if outcome is None else str(outcome)


# Users --------------------------------------------------------------------------------------------


def test_first_job_of_each_stands_behind_few_of_who_has_many(bench: Bench, shop: Shop) -> None:
    hog = bench.person(tier="enterprise")
    with bench.owner(hog) as session:
        session.run(
            "insert into public.generation_jobs (kind, prompt, model_id, mode)"
            " select 'text_to_image', 'x', %s, 'draft' from generate_series(1, 80)",
            shop.model,
        )
    # A higher plan's start in line is for few jobs, not for many.
    tiers = ("free", "enterprise", "free", "starter")
    others = [shop.job(bench.person(tier=tier)).id for tier in tiers]
    with shop.queue() as queue:
        first = queue.claim(20)
        assert set(others) <= {job.id for job in first}
        # Their places are taken by the next of who has many.
        assert {job.user_id for job in queue.claim(100)} == {hog}


def test_no_more_of_a_user_run_at_once_than_the_plan_allows(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    for _ in range(5):
        shop.job(user)
    with shop.queue() as queue:
        first, second = queue.claim(10)
        assert queue.claim(10) == []
        # What its provider works on runs as well.
        queue.park(first)
        assert queue.claim(10) == []
        queue.complete(second)
        [third] = queue.claim(10)
        queue.fail(third)
        assert len(queue.claim(10)) == 1
    assert bench.complaints(user) == []


def test_place_that_nobody_noticed_is_given_away_when_the_queue_is_tended(
    bench: Bench, shop: Shop
) -> None:
    user = bench.person()
    for _ in range(3):
        shop.job(user)
    with shop.queue() as queue:
        queue.claim(2)
        bench.run("update public.profiles set subscription_tier = 'pro' where user_id = %s", user)
        assert queue.claim(2) == []
        queue.tend()
        assert len(queue.claim(2)) == 1


def test_what_was_begun_comes_before_what_was_not(bench: Bench, shop: Shop) -> None:
    begun = shop.job(bench.person())
    with shop.queue() as queue:
        queue.park(queue.claim()[0])
        shop.job(bench.person(tier="enterprise"))
        bench("worker.wake_jobs", p_provider=shop.provider, p_provider_job_ids=["p"])
        assert [job.id for job in queue.claim()] == [begun.id]


def test_task_that_was_committed_late_is_found(bench: Bench, shop: Shop) -> None:
    job = shop.job(bench.person())
    bench.run(
        "update worker.lanes set oldest_at = now() + interval '1 hour' where provider = %s",
        shop.provider,
    )
    with shop.queue() as queue:
        assert [each.id for each in queue.claim()] == [job.id]


def test_dispatchers_are_woken_when_the_line_was_empty(bench: Bench, shop: Shop) -> None:
    with bench.superuser() as listener:

        def told() -> list[str]:
            listener.rows("select 1")
            heard = listener.connection.notifies(timeout=0)
            return [each.payload for each in heard if each.payload == shop.provider]

        listener.run("listen reelbase_tasks")
        shop.job(bench.person())
        assert told() == [shop.provider]
        waiting = shop.job(bench.person())
        assert told() == []
        with shop.queue() as queue:
            claimed, _ = queue.claim(2)
            assert queue.release(claimed) == [claimed.id]
            assert told() == [shop.provider]
            queue.park(queue.claim()[0])
            bench("worker.wake_jobs", p_provider=shop.provider, p_provider_job_ids=["p"])
            assert told() == [shop.provider]
        assert shop.status(waiting) == "starting"


# Providers ----------------------------------------------------------------------------------------


def crowd(bench: Bench, shop: Shop, count: int) -> list[Job]:
    """Have a job of each of some people."""
    return [shop.job(bench.person()) for _ in range(count)]


def test_no_more_run_at_once_than_the_provider_allows(bench: Bench, shop: Shop) -> None:
    crowd(bench, shop, 4)
    bench.rows("select worker.limit_provider(%s, 2, null)", shop.provider)
    with shop.queue() as queue, shop.queue() as other:
        first, second = queue.claim(10)
        assert other.claim(10) == []
        queue.park(first)
        assert other.claim(10) == []
        # What is at the provider is looked up all the same.
        bench("worker.wake_jobs", p_provider=shop.provider, p_provider_job_ids=["p"])
        assert [job.id for job in other.claim(10)] == [first.id]
        queue.complete(second)
        assert len(other.claim(10)) == 1


def test_no_more_begin_a_minute_than_the_provider_allows(bench: Bench, shop: Shop) -> None:
    crowd(bench, shop, 5)
    bench.rows("select worker.limit_provider(%s, null, 12)", shop.provider)
    with shop.queue() as queue:
        assert len(queue.claim(10)) == 2
        assert queue.claim(10) == []
        bench.run(
            "update worker.providers set tokens_at = tokens_at - interval '5 s' where name = %s",
            shop.provider,
        )
        assert len(queue.claim(10)) == 1


def test_drained_provider_begins_nothing_new_and_ends_what_it_began(
    bench: Bench, shop: Shop
) -> None:
    crowd(bench, shop, 2)
    with shop.queue() as queue:
        [job] = queue.claim()
        queue.park(job, seconds=0)
        bench.rows("select worker.drain_provider(%s)", shop.provider)
        [again] = queue.claim(10)
        assert again.id == job.id
        queue.complete(again)
        assert queue.claim(10) == []
        bench.rows("select worker.drain_provider(%s, false)", shop.provider)
        assert len(queue.claim(10)) == 1


def test_provider_that_fails_in_a_row_is_left_alone_and_tried_again_with_care(
    bench: Bench, shop: Shop
) -> None:
    crowd(bench, shop, 9)
    with shop.queue() as queue:
        jobs = queue.claim(9)
        for job in jobs[:4]:
            queue.fail(job, "transient", retry_after_seconds=1000)
        assert pause_of(bench, shop) == (0, None)
        queue.fail(jobs[4], "transient", retry_after_seconds=1000)
        assert pause_of(bench, shop) == (10, "transient")
        # From then on it is not the jobs' fault.
        assert [counted(bench, job) for job in jobs[:6]] == [1, 1, 1, 1, 0, 1]
        queue.release(*jobs[5:])
        assert queue.claim(10) == []
        settle_pause(bench, shop)
        [probe] = queue.claim(10)
        assert queue.claim(10) == []
        queue.fail(probe, "transient", retry_after_seconds=1000)
        assert pause_of(bench, shop) == (20, "transient")
        assert counted(bench, probe) == 0
        settle_pause(bench, shop)
        [probe] = queue.claim(10)
        queue.complete(probe)
        assert pause_of(bench, shop) == (0, None)
        assert len(queue.claim(10)) == 2


def test_provider_that_wants_to_be_left_alone_is_and_no_attempt_counts(
    bench: Bench, shop: Shop
) -> None:
    crowd(bench, shop, 3)
    with shop.queue() as queue:
        jobs = queue.claim(2)
        queue.fail(jobs[0], "throttled", retry_after_seconds=33)
        assert pause_of(bench, shop) == (33, "throttled")
        assert queue.claim(10) == []
        queue.fail(jobs[1], "configuration")
        assert pause_of(bench, shop) == (300, "configuration")
        assert [counted(bench, job) for job in jobs] == [0, 0]
        assert {shop.status(job) for job in jobs} == {"queued"}


def test_jobs_that_can_never_succeed_say_nothing_of_their_provider(
    bench: Bench, shop: Shop
) -> None:
    crowd(bench, shop, 7)
    with shop.queue() as queue:
        for job in queue.claim(6):
            queue.fail(job)
        assert len(queue.claim()) == 1


def test_pause_by_hand_is_ended_by_hand(bench: Bench, shop: Shop) -> None:
    crowd(bench, shop, 4)
    with shop.queue() as queue:
        one, two = queue.claim(2)
        bench.rows("select worker.pause_provider(%s, 'A bill is open')", shop.provider)
        queue.fail(two, "configuration")
        queue.complete(one)
        assert queue.claim(10) == []
        reason = "select pause_reason from worker.providers where name = %s"
        assert bench.value(reason, shop.provider) == "A bill is open"
        bench.rows("select worker.resume_provider(%s)", shop.provider)
        assert len(queue.claim(10)) == 3
    with refused("PT404", "provider_not_found"):
        bench.rows("select worker.resume_provider('nobody')")


# Answers that were lost ---------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["vanish", "hear nothing"])
def test_submission_whose_fate_is_not_known_stays_so_until_it_is(
    bench: Bench, shop: Shop, how: str
) -> None:
    shop.job(bench.person())
    with shop.queue() as queue:
        [job] = queue.claim()
        if how == "vanish":
            shop.lose_leases()
        else:
            queue.fail(job, "unknown")
        [job] = queue.claim()
        # Nobody looked: whoever comes next must.
        queue.release(job)
        [job] = queue.claim()
        queue.release(job)
        assert previous_outcome(bench, queue) == "unknown"
        shop.lose_leases()
        [job] = queue.claim()
        queue.fail(job, "throttled", retry_after_seconds=0)
        settle_pause(bench, shop)
        assert previous_outcome(bench, queue) == "failed"


@pytest.mark.parametrize("how", ["hand back", "vanish", "fail for now"])
def test_what_its_provider_has_is_asked_for_and_never_begun_again(
    bench: Bench, shop: Shop, how: str
) -> None:
    job = shop.job(bench.person())
    with shop.queue() as queue:
        [claimed] = queue.claim()
        queue.advance(claimed, "processing", provider_job_id="p")
        if how == "hand back":
            queue.release(claimed)
        elif how == "vanish":
            shop.lose_leases()
        else:
            queue.fail(claimed, "transient")
        assert queue.session.rows(
            "select job_id::text, step, provider_job_id from worker.claim_tasks(gen_random_uuid(),"
            " 'tester', jsonb_build_array(jsonb_build_object('provider', %s::text)))",
            shop.provider,
        ) == [(job.id, "poll", "p")]
    assert counted(bench, job) == 1
    assert bench.value("select count(*) from worker.attempts where job_id = %s", job.id) == 1


def test_news_of_a_job_that_is_being_looked_up_are_not_lost(bench: Bench, shop: Shop) -> None:
    shop.job(bench.person())
    with shop.queue() as queue:
        [job] = queue.claim()
        queue.advance(job, "processing", provider_job_id="p")
        found = queue.session(
            "worker.wake_jobs", p_provider=shop.provider, p_provider_job_ids=["p", "another"]
        )
        assert [str(each) for each in found] == [job.id]
        queue.park(job)
        assert [each.id for each in queue.claim()] == [job.id]
        wrong = {"p_provider": "another", "p_provider_job_ids": ["p"]}
        assert queue.session("worker.wake_jobs", **wrong) == []


def cancellations(queue: Queue, seconds: int = 60) -> list[tuple[Any, ...]]:
    """Claim what a provider must be told to stop."""
    return queue.session.rows(
        "select job_id::text, provider_job_id from worker.claim_cancellations(array[%s], 20, %s)",
        queue.provider,
        seconds,
    )


def test_provider_is_told_to_stop_what_was_cancelled(bench: Bench, shop: Shop) -> None:
    users = [bench.person() for _ in range(3)]
    for user in users:
        shop.job(user)
    with shop.queue() as queue:
        parked, late, done = queue.claim(3)
        queue.park(parked, "one")
        queue.park(done, "three", seconds=0)
        [done] = queue.claim()
        queue.complete(done)
        for job in (parked, late):
            with bench.owner(job.user_id) as owner:
                owner.rows("select public.cancel_generation(%s)", job.id)
        # It was accepted when nobody wanted it any more.
        with rejected("lease_lost"):
            queue.advance(late, "processing", provider_job_id="two")
        wanted = {(parked.id, "one"), (late.id, "two")}
        assert set(cancellations(queue, 0)) == wanted
        # Whoever claimed them may have died.
        assert set(cancellations(queue)) == wanted
        assert cancellations(queue) == []
        confirm = "select worker.confirm_cancellations(jsonb_build_array(jsonb_build_object("
        confirm += "'job_id', %s::text, 'provider_job_id', %s::text)))"
        assert queue.session.value(confirm, parked.id, "one") == 1
        assert queue.session.value(confirm, parked.id, "one") == 0
    assert bench.complaints(*users) == []


# What time brings ---------------------------------------------------------------------------------


def test_job_expires_by_the_deadline_of_its_kind_and_is_refunded(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    job = shop.job(user)
    lasts = "select lasts from private.kind_deadlines where kind = 'text_to_image'"
    assert bench.value(
        f"select t.deadline_at - j.queued_at = ({lasts}) from worker.tasks as t"
        " inner join public.generation_jobs as j on j.id = t.job_id where t.job_id = %s",
        job.id,
    )
    with shop.queue() as queue:
        assert job.id not in queue.end_overdue()
        bench.run("update worker.tasks set deadline_at = now() where job_id = %s", job.id)
        assert job.id in queue.end_overdue()
    assert shop.status(job) == "expired"
    assert bench.balance(user) == 100
    assert bench.complaints(user) == []


def test_files_that_nobody_registered_are_removed_and_no_others(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    shop.job(user)
    shop.job(user)
    with shop.queue() as queue:
        lost, done = queue.claim(2)
        # Both were worked on by somebody who may have left something behind.
        queue.release(done)
        [done] = queue.claim()
        paths = {job.id: f"{user}/{job.id}/result.png" for job in (lost, done)}
        for path in (*paths.values(), f"{user}/{uuid4()}/result.png"):
            bench.run(
                "insert into storage.objects (bucket_id, name) values ('final-images', %s)", path
            )
        queue.complete(done, assets=[picture(done)])
        with bench.owner(user) as owner:
            owner.rows("select public.cancel_generation(%s)", lost.id)
        removals = (
            "select storage_path from worker.file_removals where starts_with(storage_path, %s)"
        )
        queue.tend()
        assert bench.column(removals, user) == []
        bench.run("update worker.upload_checks set due_at = now() where user_id = %s", user)
        queue.tend()
    assert bench.column(removals, user) == [paths[lost.id]]
