"""What a provider wants to be reminded of: kept with the job there, and given to whoever asks."""

import json
from typing import Any

import pytest

from .harness import Bench, Job, Queue, Shop

STATE = {"status_url": "https://queue.example/1", "cancel_url": "https://queue.example/2"}

ODD: dict[str, Any] = {
    "too large": {"a": "x" * 4096},
    "no object": ["x"],
    "a text": "x",
    "too deep": {"a": [[[[[[[[[1]]]]]]]]]},
    "a number without end": {"a": 10**16},
}


@pytest.fixture
def queue(shop: Shop) -> Any:
    """A worker that serves the shop."""
    with shop.queue() as queue:
        yield queue


def accept(queue: Queue, job: Job, name: str = "p", **more: Any) -> None:
    """Say that the provider has a job, and what it wants to be reminded of."""
    told = {"provider_job_id": name, "poll_after_seconds": 0, "provider_state": STATE} | more
    queue.advance(job, "processing", **told)


def begin(shop: Shop, queue: Queue, **more: Any) -> Job:
    """Return a new job that is at its provider."""
    shop.job(shop.bench.person())
    [job] = queue.claim()
    accept(queue, job, **more)
    return job


def claim(queue: Queue) -> tuple[Job, Any]:
    """Claim a job, and return it with what its provider is to be reminded of."""
    [job] = queue.claim()
    # The same token again tells the same.
    [state] = queue.session.column(
        "select provider_state from worker.claim_tasks(%s, 'tester', %s)",
        job.lease,
        json.dumps([{"provider": queue.provider}]),
    )
    return job, state


def stopped(queue: Queue) -> list[tuple[Any, ...]]:
    """Claim what is to be stopped."""
    return queue.session.rows(
        "select job_id::text, provider_job_id, provider_state from worker.claim_cancellations(%s)",
        [queue.provider],
    )


def test_state_comes_back_with_each_claim(shop: Shop, queue: Queue) -> None:
    shop.job(shop.bench.person())
    job, state = claim(queue)
    assert state == {}
    accept(queue, job)
    for more in (
        {"provider_job_id": None, "provider_state": None},
        {"provider_state": None},
        {"provider_job_id": None, "provider_state": {"other": 1}},
    ):
        job, state = claim(queue)
        assert state == STATE
        accept(queue, job, **{"name": "p"} | more)
    job, state = claim(queue)
    assert state == STATE
    accept(queue, job, provider_state={"newer": True})
    assert claim(queue)[1] == {"newer": True}


def test_state_belongs_to_the_id_that_it_was_told_with(shop: Shop, queue: Queue) -> None:
    begin(shop, queue)
    [job] = queue.claim()
    accept(queue, job, "another", provider_state=None)
    assert claim(queue)[1] == {}


def test_state_is_forgotten_when_the_job_is_submitted_anew(shop: Shop, queue: Queue) -> None:
    begin(shop, queue)
    [job] = queue.claim()
    queue.fail(job, "transient", anew=True)
    job, state = claim(queue)
    assert state == {}
    accept(queue, job, "p2", provider_state={})
    assert claim(queue)[1] == {}


def test_state_outlives_a_look_up_that_failed_and_a_dispatcher_that_died(
    shop: Shop, queue: Queue
) -> None:
    begin(shop, queue)
    [job] = queue.claim()
    queue.fail(job, "transient")
    queue.claim()
    shop.lose_leases()
    assert claim(queue)[1] == STATE


@pytest.mark.parametrize("odd", ODD)
def test_state_that_cannot_be_kept_is_left_out_and_the_id_is_not(
    shop: Shop, queue: Queue, odd: str
) -> None:
    shop.job(shop.bench.person())
    [job] = queue.claim()
    told = {"job_id": job.id, "lease": job.lease, "status": "processing", "provider_job_id": "p"}
    told |= {"provider_state": ODD[odd], "poll_after_seconds": 0}
    [(result, message)] = queue.session.rows(
        "select result, message from worker.advance_jobs(%s)", json.dumps([told])
    )
    assert result == "done"
    assert message.startswith("provider_state_left_out: ")
    job, state = claim(queue)
    assert state == {}
    with shop.bench.owner(job.user_id) as owner:
        owner("public.cancel_generation", p_job_id=job.id)
    assert stopped(queue) == [(job.id, "p", {})]


@pytest.mark.parametrize("end", ["cancelled", "failed", "expired", "lost", "too late"])
def test_state_is_told_to_whoever_stops_the_job(
    bench: Bench, shop: Shop, queue: Queue, end: str
) -> None:
    job = begin(shop, queue)
    if end == "cancelled":
        with bench.owner(job.user_id) as owner:
            owner("public.cancel_generation", p_job_id=job.id)
    elif end == "failed":
        [job] = queue.claim()
        queue.fail(job, "transient", is_final=True)
    elif end == "expired":
        bench.run("update worker.tasks set deadline_at = now() where job_id = %s", job.id)
        queue.end_overdue()
    elif end == "lost":
        queue.claim()
        bench.run("update worker.tasks set failures = 100 where job_id = %s", job.id)
        shop.expire_leases()
        queue.end_overdue()
    else:
        [job] = queue.claim()
        queue.fail(job, "transient", anew=True)
        [job] = queue.claim()
        with bench.owner(job.user_id) as owner:
            owner("public.cancel_generation", p_job_id=job.id)
        # Before the provider's answer was known there was nothing to tell.
        told = {"job_id": job.id, "lease": job.lease, "status": "processing"}
        told |= {"provider_job_id": "p", "provider_state": STATE}
        queue.session.rows("select worker.advance_jobs(%s)", json.dumps([told]))
    assert (job.id, "p", STATE) in stopped(queue)
