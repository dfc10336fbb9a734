"""What becomes of a job, by how its provider behaves."""

import io
import logging
import os
from collections.abc import Iterator
from typing import Any

import anyio
import psycopg
import pytest
import structlog

from reelbase.logs import configure_logs
from reelbase.providers.base import (
    Accepted,
    Configuration,
    Finished,
    Job,
    Output,
    Permanent,
    Report,
    Running,
    Submission,
    Throttled,
    Transient,
    Workdir,
)
from reelbase.providers.local import LocalProvider

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("kind", "roles", "buckets"),
    [
        ("voiceover", ["result_audio"], ["voiceovers"]),
        ("text_to_image", ["result_image", "thumbnail"], ["final-images", "thumbnails"]),
    ],
)
async def test_job_of_a_provider_that_answers_at_once_is_stored_settled_and_told(
    bench: Any, kind: str, roles: list[str], buckets: list[str]
) -> None:
    user = await bench.user()
    provider = bench.instant()
    async with bench.dispatcher(provider):
        job = await bench.submit(user, kind, parameters={"mood": "calm"})
        row = await bench.wait(job)
    assert (row["status"], row["progress"], row["error_code"]) == ("completed", 100, None)
    # What does not last is not announced.
    assert await bench.history(job) == ["queued", "starting", "completed"]
    assert await bench.moves(user) == [("deduction", "completed")]
    assert await bench.balance(user) == 98
    assert await bench.broken_promises(user) == []

    results = await bench.results(job)
    assert [each["role"] for each in results] == roles
    assert await bench.files(user) == sorted(
        f"{each['bucket']}/{each['storage_path']}" for each in results
    )
    assert [each["bucket"] for each in results] == buckets
    for each in results:
        assert each["storage_path"].startswith(f"{user}/{job}/{each['role']}-0-")
        assert each["sha256"][:16] in each["storage_path"]
    if kind == "voiceover":
        assert results[0]["mime_type"] == "audio/wav"
        assert results[0]["duration_ms"] > 0
    else:
        assert (results[0]["width"], results[0]["height"]) == (32, 32)
        assert results[0]["thumbnail_id"] == results[1]["id"]

    (told,) = provider.submitted
    assert (told.id, told.user_id, told.kind, told.attempt) == (job, user, kind, 1)
    assert told.model == "model-1"
    assert told.prompt == "A quiet harbour."
    assert told.parameters == {"mood": "calm"}


@pytest.mark.parametrize(
    ("kind", "model", "mime_type"),
    [
        ("text_to_video", "local-animatic", "video/mp4"),
        ("text_to_image", "local-still", "image/png"),
        ("voiceover", "local-voice", "audio/mpeg"),
    ],
)
async def test_job_of_every_kind_is_rendered_and_stored_by_the_local_provider(
    bench: Any, kind: str, model: str, mime_type: str
) -> None:
    wish: dict[str, Any] = {"mode": "fast", "model_id": model}
    if kind != "voiceover":
        wish["resolution"] = "480p"
    if kind == "text_to_video":
        wish["duration_seconds"] = 3
    user = await bench.user()
    async with bench.dispatcher(LocalProvider(), serving="local"):
        job = await bench.submit(user, kind, **wish)
        await bench.wait(job, "completed")
    (result,) = [each for each in await bench.results(job) if each["role"].startswith("result_")]
    assert result["mime_type"] == mime_type
    assert mime_type.startswith(result["kind"])
    if kind != "voiceover":
        assert result["height"] == 480
    if kind != "text_to_image":
        assert result["duration_ms"] > 500
    assert await bench.moves(user) == [("deduction", "completed")]
    assert await bench.broken_promises(user) == []


async def test_several_outputs_are_stored_in_their_order(bench: Any) -> None:
    user = await bench.user()
    async with bench.dispatcher(bench.instant()):
        job = await bench.submit(user, "text_to_image", output_count=3)
        await bench.wait(job, "completed")
    pictures = [each for each in await bench.results(job) if each["role"] == "result_image"]
    assert [(each["position"], each["width"]) for each in pictures] == [(0, 32), (1, 33), (2, 34)]


async def test_accepted_job_is_looked_up_until_it_is_done(bench: Any) -> None:
    class Parked(bench.instant):  # type: ignore[misc, name-defined]
        repeatable = False

        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            self.submitted.append(job)
            return Accepted("their-17", 0.01)

        async def look_up(self, job: Job, workdir: Workdir) -> Finished | Running:
            if len(self.looked_up) < 2:
                self.looked_up.append(job)
                return Running(30 * len(self.looked_up), 0.01)
            return await super().look_up(job, workdir)  # type: ignore[no-any-return]

    user = await bench.user()
    provider = Parked()
    async with bench.dispatcher(provider):
        job = await bench.submit(user)
        row = await bench.wait(job, "completed")
    assert row["provider_job_id"] == "their-17"
    assert len(provider.submitted) == 1
    assert [each.provider_job_id for each in provider.looked_up] == ["their-17"] * 3
    assert [each.attempt for each in provider.looked_up] == [1, 1, 1]
    assert await bench.moves(user) == [("deduction", "completed")]


@pytest.mark.parametrize(("failures", "end"), [(2, "completed"), (9, "failed")])
async def test_failed_look_up_is_repeated_and_the_job_never_submitted_again(
    bench: Any, failures: int, end: str
) -> None:
    class Unreachable(bench.instant):  # type: ignore[misc, name-defined]
        repeatable = False

        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            self.submitted.append(job)
            return Accepted("their-19", 0.01)

        async def look_up(self, job: Job, workdir: Workdir) -> Finished | Running:
            if len(self.looked_up) < failures:
                self.looked_up.append(job)
                raise Transient("provider_busy", "Busy.", retry_after=0.01)
            return await super().look_up(job, workdir)  # type: ignore[no-any-return]

    await bench.give_up_after(3)
    user = await bench.user()
    provider = Unreachable()
    async with bench.dispatcher(provider):
        job = await bench.submit(user)
        row = await bench.wait(job, end)
        if end == "failed":
            # It may be at work still.
            await bench.until(lambda: provider.cancelled == [(job, "their-19")])
    assert len(provider.submitted) == 1
    assert [each.provider_job_id for each in provider.looked_up] == ["their-19"] * 3
    assert row["attempt_count"] == 1
    assert await bench.moves(user) == (
        [("deduction", "completed")]
        if end == "completed"
        else [("deduction", "refunded"), ("refund", "completed")]
    )
    assert await bench.broken_promises(user) == []


async def test_parked_job_is_taken_up_when_it_is_due_without_a_notification(bench: Any) -> None:
    class Parked(bench.instant):  # type: ignore[misc, name-defined]
        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            return Accepted("their-18", 0.2)

    user = await bench.user()
    # Polling alone would find it after a minute.
    pauses = {"poll_min_seconds": 60, "poll_max_seconds": 60, "listen_poll_seconds": 60}
    async with bench.dispatcher(Parked(), **pauses):
        job = await bench.submit(user)
        await bench.wait(job, "completed")


async def test_permanent_failure_ends_the_job_and_returns_the_credits(bench: Any) -> None:
    class Refusing(bench.instant):  # type: ignore[misc, name-defined]
        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            await super().submit(job, workdir, report)
            raise Permanent("unknown_voice", "There is no such voice.")

    user = await bench.user()
    provider = Refusing()
    async with bench.dispatcher(provider):
        job = await bench.submit(user)
        row = await bench.wait(job, "failed")
    assert (row["error_code"], row["error_message"]) == ("unknown_voice", "There is no such voice.")
    assert len(provider.submitted) == 1
    assert await bench.moves(user) == [("deduction", "refunded"), ("refund", "completed")]
    assert await bench.balance(user) == 100
    assert await bench.files(user) == []
    assert await bench.broken_promises(user) == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Transient("provider_busy", "Busy.", retry_after=0.01), "provider_busy"),
        (RuntimeError("a bug"), "internal_error"),
        (TimeoutError(), "provider_timeout"),
    ],
)
async def test_failed_attempt_is_repeated_and_then_succeeds(
    bench: Any, error: Exception, code: str
) -> None:
    class Moody(bench.instant):  # type: ignore[misc, name-defined]
        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            finished = await super().submit(job, workdir, report)
            if len(self.submitted) == 1:
                raise error
            return finished  # type: ignore[no-any-return]

    await bench.retry_quickly()
    user = await bench.user()
    provider = Moody()
    async with bench.dispatcher(provider):
        job = await bench.submit(user)
        row = await bench.wait(job, "completed")
    assert [each.attempt for each in provider.submitted] == [1, 2]
    assert row["attempt_count"] == 2
    assert row["error_code"] is None
    failed = await bench.rows(
        "select error_code from worker.attempts where job_id = %s and outcome = 'failed'", job
    )
    assert [each["error_code"] for each in failed] == [code]
    assert await bench.moves(user) == [("deduction", "completed")]


async def test_exhausted_attempts_end_the_job_and_return_the_credits(bench: Any) -> None:
    class Broken(bench.instant):  # type: ignore[misc, name-defined]
        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            await super().submit(job, workdir, report)
            raise Transient("provider_busy", "Busy.", retry_after=0.01)

    user = await bench.user()
    provider = Broken()
    async with bench.dispatcher(provider):
        job = await bench.submit(user)
        row = await bench.wait(job, "failed")
    assert len(provider.submitted) == row["max_attempts"] == 3
    assert row["error_code"] == "provider_busy"
    assert await bench.moves(user) == [("deduction", "refunded"), ("refund", "completed")]
    assert await bench.balance(user) == 100


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged while the test runs."""
    stream = io.StringIO()
    handlers = logging.getLogger().handlers
    configure_logs("DEBUG", ["planted-secret"], stream)
    yield stream
    logging.getLogger().handlers = handlers
    structlog.reset_defaults()


async def test_unexpected_error_tells_the_user_nothing_and_the_log_everything_but_the_prompt(
    bench: Any, written: io.StringIO
) -> None:
    class Broken(bench.instant):  # type: ignore[misc, name-defined]
        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            raise RuntimeError(f"cannot render {job.prompt!r} with planted-secret")

    prompt = "My neighbour's secret: it's a fox"
    user = await bench.user()
    await bench.retry_quickly()
    async with bench.dispatcher(Broken()):
        job = await bench.submit(user, prompt=prompt)
        row = await bench.wait(job, "failed")
    assert row["error_code"] == "internal_error"
    assert row["error_message"] == "Something went wrong on our side."
    log = written.getvalue()
    assert "RuntimeError: cannot render" in log
    assert job in log
    assert "it's a fox" not in log
    assert "planted-secret" not in log


@pytest.mark.parametrize(
    "what", ["nothing", "text", "image for sound", "outside", "link", "pipe", "gone"]
)
async def test_unusable_output_is_never_stored(bench: Any, what: str) -> None:
    class Odd(bench.instant):  # type: ignore[misc, name-defined]
        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            made = await super().submit(job, workdir, report)
            good = made.outputs[0].path
            path = workdir() / "odd.wav"
            if what == "nothing":
                return Finished(())
            if what == "text":
                path.write_text("RIFF but no sound")
            elif what == "image for sound":
                path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
            elif what == "outside":
                path = good.rename(bench.tmp / "outside.wav")
            elif what == "link":
                path.symlink_to(good)
            elif what == "pipe":
                os.mkfifo(path)
            return Finished((Output("result_audio", path, "audio/wav"),))

    await bench.retry_quickly()
    user = await bench.user()
    async with bench.dispatcher(Odd()):
        job = await bench.submit(user)
        row = await bench.wait(job, "failed")
    assert row["error_code"] == ("no_output" if what == "nothing" else "unusable_output")
    assert await bench.files(user) == []
    assert await bench.balance(user) == 100


async def test_rejected_call_to_a_provider_that_bills_is_repeated(bench: Any) -> None:
    class Billing(bench.instant):  # type: ignore[misc, name-defined]
        repeatable = False

        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            finished = await super().submit(job, workdir, report)
            if len(self.submitted) == 1:
                raise Transient("provider_busy", "Busy.", retry_after=0.01)
            return finished  # type: ignore[no-any-return]

    user = await bench.user()
    provider = Billing()
    async with bench.dispatcher(provider):
        job = await bench.submit(user)
        await bench.wait(job, "completed")
    assert len(provider.submitted) == 2


async def test_throttled_job_waits_and_loses_no_attempt(bench: Any) -> None:
    class Throttling(bench.instant):  # type: ignore[misc, name-defined]
        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            finished = await super().submit(job, workdir, report)
            if len(self.submitted) <= 4:
                raise Throttled("too_many", "Too much at once.", retry_after=0.01)
            return finished  # type: ignore[no-any-return]

    user = await bench.user()
    provider = Throttling()
    async with bench.dispatcher(provider):
        job = await bench.submit(user)
        row = await bench.wait(job, "completed")
    # More often than a job may fail.
    assert len(provider.submitted) == 5 > row["max_attempts"]
    assert row["attempt_count"] == 1
    assert (await bench.health())["paused_until"] is None
    assert await bench.moves(user) == [("deduction", "completed")]


async def test_job_waits_while_its_provider_is_not_set_up_and_loses_no_attempt(bench: Any) -> None:
    class Misconfigured(bench.instant):  # type: ignore[misc, name-defined]
        is_mended = False

        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            finished = await super().submit(job, workdir, report)
            if not self.is_mended:
                raise Configuration("key_missing", "Not set up.")
            return finished  # type: ignore[no-any-return]

    await bench.retry_quickly()
    user = await bench.user()
    provider = Misconfigured()
    async with bench.dispatcher(provider):
        job = await bench.submit(user)
        await bench.until(lambda: provider.submitted)
        row = await bench.wait(job, "queued")
        assert (row["error_code"], row["attempt_count"]) == ("key_missing", 0)
        assert (await bench.health())["pause_reason"] == "configuration"
        provider.is_mended = True
        await bench.resume()
        row = await bench.wait(job, "completed")
    assert len(provider.submitted) == 2
    assert row["attempt_count"] == 1


async def test_work_that_failed_at_the_provider_is_submitted_anew(bench: Any) -> None:
    class Failing(bench.instant):  # type: ignore[misc, name-defined]
        repeatable = False

        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            self.submitted.append(job)
            return Accepted(f"their-{len(self.submitted)}", 0.01)

        async def look_up(self, job: Job, workdir: Workdir) -> Finished | Running:
            finished = await super().look_up(job, workdir)
            if job.provider_job_id == "their-1":
                raise Transient("out_of_memory", "It crashed there.", 0.01, anew=True)
            return finished  # type: ignore[no-any-return]

    user = await bench.user()
    provider = Failing()
    async with bench.dispatcher(provider):
        job = await bench.submit(user)
        row = await bench.wait(job, "completed")
    assert [each.provider_job_id for each in provider.submitted] == [None, None]
    assert [each.provider_job_id for each in provider.looked_up] == ["their-1", "their-2"]
    assert row["provider_job_id"] == "their-2"
    assert await bench.moves(user) == [("deduction", "completed")]


async def test_job_that_yields_text_needs_no_folder_and_no_file(bench: Any) -> None:
    class Writer(bench.instant):  # type: ignore[misc, name-defined]
        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            self.submitted.append(job)
            folders.extend((bench.tmp / "work").glob(f"worker-*/{job.id}*"))
            idea = {"title": "Harbour", "concept": "Boats at rest.", "tone": "calm"}
            return Finished(yields=idea, units=250, cost_usd=0.002)

    folders: list[Any] = []
    user = await bench.user()
    async with bench.dispatcher(Writer()):
        job = await bench.submit(user, "concept")
        await bench.wait(job, "completed")
    assert folders == []
    concept = await bench.one(
        "select title, tone from public.video_concepts where job_id = %s", job
    )
    assert concept == {"title": "Harbour", "tone": "calm"}
    attempt = await bench.one("select * from worker.attempts where job_id = %s", job)
    assert (float(attempt["units"]), float(attempt["cost_usd"])) == (250, 0.002)
    assert attempt["latency_ms"] is not None
    assert await bench.files(user) == []
    assert await bench.moves(user) == [("deduction", "completed")]


@pytest.mark.parametrize("yields", [{"title": 5}, {"title": float("nan")}])
async def test_unusable_text_fails_its_own_job_and_no_other(
    bench: Any, yields: dict[str, Any]
) -> None:
    class Writer(bench.instant):  # type: ignore[misc, name-defined]
        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            good = {"title": "Harbour", "concept": "Boats at rest."}
            return Finished(yields=good if job.prompt == "good" else good | yields)

    await bench.retry_quickly()
    user, other = await bench.user(), await bench.user()
    bad = await bench.submit(user, "concept", prompt="bad")
    jobs = [await bench.submit(other, "concept", prompt="good") for _ in range(2)]
    async with bench.dispatcher(Writer()):
        row = await bench.wait(bad, "failed")
        for job in jobs:
            await bench.wait(job, "completed")
    assert row["error_code"] == "unusable_output"
    assert await bench.balance(user) == 100


async def test_job_whose_input_was_deleted_fails_without_being_submitted(bench: Any) -> None:
    user = await bench.user()
    job = await bench.submit(user)
    await bench.rows(
        "update public.generation_jobs set has_lost_inputs = true where id = %s returning 1", job
    )
    provider = bench.instant()
    async with bench.dispatcher(provider):
        row = await bench.wait(job, "failed")
    assert row["error_code"] == "inputs_lost"
    assert provider.submitted == []
    assert await bench.balance(user) == 100


async def test_progress_is_told_while_the_provider_works(bench: Any) -> None:
    class Reporting(bench.instant):  # type: ignore[misc, name-defined]
        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            await anyio.to_thread.run_sync(report, 40)
            with anyio.fail_after(10):
                while (await bench.job(job.id))["progress"] != 40:  # noqa: ASYNC110 - a database
                    await anyio.sleep(0.02)
            return await super().submit(job, workdir, report)  # type: ignore[no-any-return]

    user = await bench.user()
    async with bench.dispatcher(Reporting()):
        job = await bench.submit(user)
        await bench.wait(job, "completed")


@pytest.mark.parametrize("limit", ["of the worker", "of the provider"])
async def test_no_more_is_claimed_than_can_be_started(bench: Any, limit: str) -> None:
    class Counting(bench.instant):  # type: ignore[misc, name-defined]
        concurrency = 2 if limit == "of the provider" else None
        running = most = most_leased = 0

        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            self.running += 1
            self.most = max(self.most, self.running)
            leased = await bench.rows(
                "select 1 from worker.tasks where provider = %s and lease is not null",
                bench.provider,
            )
            self.most_leased = max(self.most_leased, len(leased))
            self.running -= 1
            return await super().submit(job, workdir, report)  # type: ignore[no-any-return]

    users = [await bench.user() for _ in range(4)]
    jobs = [await bench.submit(user) for user in users for _ in range(2)]
    provider = Counting()
    async with bench.dispatcher(provider, worker_concurrency=2 if limit == "of the worker" else 50):
        for job in jobs:
            await bench.wait(job, "completed")
    assert provider.most == 2
    assert provider.most_leased == 2
    assert len(provider.submitted) == len(jobs)


async def test_kinds_that_a_provider_cannot_do_are_left_to_others(bench: Any) -> None:
    class Mute(bench.instant):  # type: ignore[misc, name-defined]
        kinds = frozenset(["text_to_image"])

    user = await bench.user()
    spoken = await bench.submit(user, "voiceover")
    provider = Mute()
    async with bench.dispatcher(provider):
        drawn = await bench.submit(user, "text_to_image")
        await bench.wait(drawn, "completed")
    assert (await bench.job(spoken))["status"] == "queued"
    assert [each.id for each in provider.submitted] == [drawn]
    await bench.cancel(user, spoken)


async def test_many_jobs_are_claimed_and_completed_in_few_calls(bench: Any) -> None:
    class Together(bench.instant):  # type: ignore[misc, name-defined]
        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            self.submitted.append(job)
            # All of them have been claimed before the first is done.
            await bench.until(lambda: len(self.submitted) == len(jobs))
            return Finished(yields={"title": "Harbour", "concept": "Boats at rest."})

    users = [await bench.user() for _ in range(12)]
    jobs = [await bench.submit(user, "concept") for user in users]
    async with bench.dispatcher(Together(), worker_name=bench.provider) as dispatcher:
        for job in jobs:
            await bench.wait(job, "completed")
        told = dispatcher.telemetry.registry.get_sample_value(
            "reelbase_outbox_flush_duration_seconds_count", {"call": "complete"}
        )
    claims = await bench.rows("select tasks from worker.claims where worker = %s", bench.provider)
    assert [each["tasks"] for each in claims] == [len(jobs)]
    # The first one goes at once, and the others in the meantime.
    assert told <= 2


async def test_completion_that_finds_its_job_locked_is_told_again(bench: Any) -> None:
    class Locking(bench.instant):  # type: ignore[misc, name-defined]
        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            await other.execute("begin")
            await other.execute(
                "select 1 from worker.tasks where job_id = %s for update", (job.id,)
            )
            return await super().submit(job, workdir, report)  # type: ignore[no-any-return]

    def answers() -> float:
        labels = {"call": "complete"}
        name = "reelbase_outbox_flush_duration_seconds_count"
        return dispatcher.telemetry.registry.get_sample_value(name, labels) or 0.0

    user = await bench.user()
    async with (
        await psycopg.AsyncConnection.connect(bench.stack.admin_database_url) as other,
        bench.dispatcher(Locking()) as dispatcher,
    ):
        job = await bench.submit(user)
        await bench.until(lambda: answers() >= 2)
        assert (await bench.job(job))["status"] == "starting"
        await other.rollback()
        await bench.wait(job, "completed")
    assert (await bench.job(job))["attempt_count"] == 1
    assert await bench.moves(user) == [("deduction", "completed")]


async def test_dispatcher_without_a_database_url_finds_jobs_by_looking(bench: Any) -> None:
    user = await bench.user()
    async with bench.dispatcher(bench.instant(), database_url=None):
        job = await bench.submit(user)
        await bench.wait(job, "completed")


async def test_notification_wakes_a_dispatcher_that_would_not_look_for_a_minute(
    bench: Any,
) -> None:
    user = await bench.user()
    pauses = {"poll_min_seconds": 60, "poll_max_seconds": 60, "listen_poll_seconds": 60}
    async with bench.dispatcher(bench.instant(), **pauses) as dispatcher:
        await bench.until(lambda: dispatcher.listening)
        job = await bench.submit(user)
        await bench.wait(job, "completed")
