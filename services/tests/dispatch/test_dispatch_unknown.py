"""Submissions whose answer was lost are looked for, and never sent again blindly."""

from datetime import timedelta
from typing import Any

import anyio
import pytest

from reelbase.providers.base import (
    Accepted,
    Configuration,
    Finished,
    Job,
    Report,
    Running,
    Submission,
    Throttled,
    Transient,
    Unknowable,
    Unknown,
    Workdir,
)

pytestmark = pytest.mark.anyio

ERRORS = [
    ConnectionResetError("cut in the middle"),
    TimeoutError(),
    RuntimeError("a bug"),
    Unknown("answer_lost", "The answer was lost."),
]


async def outcomes(bench: Any, job: str) -> list[str]:
    """How the attempts at a job ended."""
    rows = await bench.rows(
        "select outcome from worker.attempts where job_id = %s order by attempt", job
    )
    return [row["outcome"] for row in rows]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_submission_whose_answer_was_lost_is_found_and_followed(
    bench: Any, error: Exception
) -> None:
    class Billing(bench.instant):  # type: ignore[misc, name-defined]
        repeatable = False

        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            self.submitted.append(job)
            raise error

        async def recover(
            self, job: Job, workdir: Workdir, report: Report
        ) -> Finished | Accepted | Running | None:
            self.recovered.append(job)
            return Accepted("found-1", 0.01)

    await bench.retry_quickly()
    user = await bench.user()
    provider = Billing()
    async with bench.dispatcher(provider):
        job = await bench.submit(user)
        row = await bench.wait(job, "completed")
    assert [each.reference for each in provider.submitted] == [job]
    assert [each.reference for each in provider.recovered] == [job]
    assert [each.provider_job_id for each in provider.looked_up] == ["found-1"]
    assert row["provider_job_id"] == "found-1"
    assert await outcomes(bench, job) == ["unknown", "succeeded"]
    assert await bench.moves(user) == [("deduction", "completed")]


@pytest.mark.parametrize("found", ["nothing", "the result", "work in progress"])
async def test_vanished_submission_is_looked_for_before_anything_is_submitted(
    bench: Any, found: str
) -> None:
    class Billing(bench.instant):  # type: ignore[misc, name-defined]
        repeatable = False

        async def recover(
            self, job: Job, workdir: Workdir, report: Report
        ) -> Finished | Accepted | Running | None:
            self.recovered.append(job)
            if found == "nothing":
                return None
            if found == "work in progress" and len(self.recovered) == 1:
                return Running(50, 0.01)
            return await self.look_up(job, workdir)  # type: ignore[no-any-return]

    user = await bench.user()
    job = await bench.submit(user)
    await bench.vanish(job)
    provider = Billing()
    async with bench.dispatcher(provider):
        await bench.wait(job, "completed")
    assert len(provider.recovered) == (2 if found == "work in progress" else 1)
    assert len(provider.submitted) == (1 if found == "nothing" else 0)
    assert (await outcomes(bench, job))[0] == "lost"
    assert await bench.moves(user) == [("deduction", "completed")]


async def test_what_may_still_be_arriving_is_looked_for_after_a_while(bench: Any) -> None:
    class Billing(bench.instant):  # type: ignore[misc, name-defined]
        repeatable = False

        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            self.submitted.append(job)
            raise Unknown("answer_lost", "The answer was lost.", 3600.0)

    user = await bench.user()
    provider = Billing()
    async with bench.dispatcher(provider):
        job = await bench.submit(user)
        await bench.until(lambda: provider.submitted)
    # It has told what it knew before it ended.
    query = "select due_at - now() as pause from worker.tasks where job_id = %s"
    assert (await bench.one(query, job))["pause"] > timedelta(minutes=50)
    assert await outcomes(bench, job) == ["unknown"]


async def test_vanished_submission_that_may_be_repeated_is_repeated(bench: Any) -> None:
    user = await bench.user()
    job = await bench.submit(user)
    await bench.vanish(job)
    provider = bench.instant()
    async with bench.dispatcher(provider):
        row = await bench.wait(job, "completed")
    assert row["attempt_count"] == 2
    assert len(provider.submitted) == 1
    assert provider.recovered == []


@pytest.mark.parametrize("how", ["lost answer", "vanished worker"])
async def test_submission_that_cannot_be_looked_for_fails_and_returns_the_credits(
    bench: Any, how: str
) -> None:
    class Billing(bench.instant):  # type: ignore[misc, name-defined]
        repeatable = False

        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            await super().submit(job, workdir, report)
            raise ConnectionResetError("cut in the middle")

        async def recover(
            self, job: Job, workdir: Workdir, report: Report
        ) -> Finished | Accepted | Running | None:
            raise Unknowable("unknown_outcome", "The provider cannot be asked.")

    await bench.retry_quickly()
    user = await bench.user()
    job = await bench.submit(user)
    if how == "vanished worker":
        await bench.vanish(job)
    provider = Billing()
    async with bench.dispatcher(provider):
        row = await bench.wait(job, "failed")
    assert row["error_code"] == "unknown_outcome"
    assert len(provider.submitted) == (1 if how == "lost answer" else 0)
    assert await bench.balance(user) == 100
    assert await bench.broken_promises(user) == []


@pytest.mark.parametrize(
    "error",
    [
        Transient("provider_busy", "Busy.", retry_after=0.01),
        Throttled("too_many", "Too much at once.", retry_after=0.01),
        Configuration("key_missing", "Not set up."),
        OSError("no route"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_failed_look_for_a_submission_is_repeated_and_nothing_submitted_meanwhile(
    bench: Any, error: Exception
) -> None:
    class Billing(bench.instant):  # type: ignore[misc, name-defined]
        repeatable = False

        async def recover(
            self, job: Job, workdir: Workdir, report: Report
        ) -> Finished | Accepted | Running | None:
            self.recovered.append(job)
            if len(self.recovered) == 1:
                raise error
            assert self.submitted == []
            return None

    await bench.retry_quickly()
    user = await bench.user()
    job = await bench.submit(user)
    await bench.vanish(job)
    provider = Billing()
    async with bench.dispatcher(provider):
        await bench.wait(job, "completed")
    assert len(provider.recovered) == 2
    assert len(provider.submitted) == 1
    assert await outcomes(bench, job) == ["lost", "unknown", "succeeded"]


async def test_submission_under_way_when_a_worker_stops_is_looked_for_by_the_next(
    bench: Any,
) -> None:
    class Slow(bench.instant):  # type: ignore[misc, name-defined]
        repeatable = False

        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            self.submitted.append(job)
            return await anyio.sleep_forever()  # type: ignore[no-any-return]

    class Next(bench.instant):  # type: ignore[misc, name-defined]
        repeatable = False

        async def recover(
            self, job: Job, workdir: Workdir, report: Report
        ) -> Finished | Accepted | Running | None:
            self.recovered.append(job)
            return await self.look_up(job, workdir)  # type: ignore[no-any-return]

    await bench.retry_quickly()
    user = await bench.user()
    stopping, following = Slow(), Next()
    async with bench.dispatcher(stopping):
        job = await bench.submit(user)
        await bench.until(lambda: stopping.submitted)
    assert await outcomes(bench, job) == ["unknown"]
    async with bench.dispatcher(following):
        await bench.wait(job, "completed")
    assert len(following.recovered) == 1
    assert following.submitted == []
    assert await bench.moves(user) == [("deduction", "completed")]


async def test_paid_work_that_cannot_be_used_is_not_ordered_again(bench: Any) -> None:
    class Billing(bench.instant):  # type: ignore[misc, name-defined]
        repeatable = False

        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            self.submitted.append(job)
            return Finished(yields={"title": 5})

    await bench.retry_quickly()
    user = await bench.user()
    provider = Billing()
    async with bench.dispatcher(provider):
        job = await bench.submit(user, "concept")
        row = await bench.wait(job, "failed")
    assert row["error_code"] == "unusable_output"
    assert len(provider.submitted) == 1
    assert await bench.balance(user) == 100
