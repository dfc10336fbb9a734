"""Jobs that nobody wants any more: their work ends here, and at the provider."""

from collections.abc import Mapping
from typing import Any

import anyio
import pytest

from reelbase.providers.base import (
    Accepted,
    Finished,
    Job,
    Permanent,
    Report,
    Running,
    Submission,
    Transient,
    Workdir,
)

pytestmark = pytest.mark.anyio


async def notify(bench: Any) -> None:
    """Have dispatchers look, as the database does when there is something new."""
    await bench.rows("select pg_notify('reelbase_tasks', %s)", bench.provider)


async def test_user_who_cancels_stops_the_work_and_gets_the_credits_back(bench: Any) -> None:
    class Slow(bench.instant):  # type: ignore[misc, name-defined]
        stopped = False

        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            report(40)
            try:
                await anyio.sleep_forever()
            finally:
                self.stopped = True

    user = await bench.user()
    provider = Slow()
    async with bench.dispatcher(provider, lease_seconds=2) as dispatcher:
        job = await bench.submit(user)
        await bench.wait(job, "processing")
        await bench.cancel(user, job)
        await bench.until(lambda: provider.stopped and dispatcher.held == 0)
    assert (await bench.job(job))["status"] == "cancelled"
    assert provider.cancelled == [(job, None)]
    assert await bench.moves(user) == [("deduction", "refunded"), ("refund", "completed")]
    assert await bench.balance(user) == 100
    assert await bench.broken_promises(user) == []


@pytest.mark.parametrize("how", ["cancelled", "taken over"])
async def test_provider_is_told_to_stop_only_when_nobody_wants_the_job_any_more(
    bench: Any, how: str
) -> None:
    class Remote(bench.instant):  # type: ignore[misc, name-defined]
        asked = False

        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            return Accepted("remote-1", 0)

        async def look_up(self, job: Job, workdir: Workdir) -> Finished | Running:
            self.asked = True
            return await anyio.sleep_forever()  # type: ignore[no-any-return]

    user = await bench.user()
    job = await bench.submit(user)
    provider = Remote()
    async with bench.dispatcher(provider, lease_seconds=2) as dispatcher:
        await bench.until(lambda: provider.asked)
        if how == "cancelled":
            await bench.cancel(user, job)
        else:
            await bench.rows(
                "update worker.tasks set lease = gen_random_uuid(), worker = 'other',"
                " lease_expires_at = now() + interval '1 h' where job_id = %s returning 1",
                job,
            )
        await bench.until(lambda: dispatcher.held == 0)
        if how == "cancelled":
            await bench.until(lambda: provider.cancelled == [(job, "remote-1")])
    if how == "taken over":
        assert provider.cancelled == []
        await bench.cancel(user, job)


@pytest.mark.parametrize("how", ["at once", "when it is heard", "never"])
async def test_provider_is_told_to_stop_a_parked_job(bench: Any, how: str) -> None:
    class Parked(bench.instant):  # type: ignore[misc, name-defined]
        repeatable = False

        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            return Accepted("parked-1", 3600)

        async def cancel(
            self, reference: str, provider_job_id: str | None, state: Mapping[str, Any]
        ) -> None:
            await super().cancel(reference, provider_job_id, state)
            if how == "never":
                raise Permanent("not_possible", "What was begun is finished.")
            if how == "when it is heard" and len(self.cancelled) == 1:
                raise Transient("provider_busy", "Busy.")

    async def left() -> list[dict[str, Any]]:
        return await bench.rows(  # type: ignore[no-any-return]
            "select tries from worker.cancellations where job_id = %s", job
        )

    user = await bench.user()
    provider = Parked()
    async with bench.dispatcher(provider):
        job = await bench.submit(user)
        await bench.wait(job, "processing")
        await bench.cancel(user, job)
        await bench.until(lambda: provider.cancelled)
        if how == "when it is heard":
            assert await left() == [{"tries": 1}]
            await bench.rows(
                "update worker.cancellations set available_at = now() where job_id = %s"
                " returning 1",
                job,
            )
            await notify(bench)
            await bench.until(lambda: len(provider.cancelled) == 2)
        with anyio.fail_after(20):
            while await left():  # noqa: ASYNC110 - a database
                await anyio.sleep(0.02)
    assert set(provider.cancelled) == {(job, "parked-1")}
    assert len(provider.cancelled) == (2 if how == "when it is heard" else 1)
    assert await bench.balance(user) == 100


async def test_what_was_accepted_after_its_job_was_cancelled_is_stopped_at_the_provider(
    bench: Any,
) -> None:
    class Late(bench.instant):  # type: ignore[misc, name-defined]
        repeatable = False

        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            self.submitted.append(job)
            await answer.wait()
            # Which finds the lease lost, while the answer is on its way.
            report(10)
            return Accepted("late-1", 0.01)

    def heartbeats() -> float:
        registry = dispatcher.telemetry.registry
        labels = {"result": "ok"}
        return registry.get_sample_value("reelbase_heartbeats_total", labels) or 0.0

    answer = anyio.Event()
    user = await bench.user()
    provider = Late()
    async with bench.dispatcher(provider, lease_seconds=2) as dispatcher:
        job = await bench.submit(user)
        await bench.until(lambda: provider.submitted)
        await bench.cancel(user, job)
        told = heartbeats()
        # The call is not broken off: its answer says what is to be stopped.
        await bench.until(lambda: heartbeats() > told)
        assert dispatcher.held == 1
        answer.set()
        await bench.until(lambda: (job, "late-1") in provider.cancelled)
        await bench.until(lambda: dispatcher.held == 0)
    assert (await bench.job(job))["status"] == "cancelled"
    assert await bench.balance(user) == 100
