"""What a dispatcher does for providers: their files, what they want to be reminded of, the record
of what they cost."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from PIL import Image

from reelbase.database import Database, open_client
from reelbase.dispatch.service import make_context
from reelbase.errors import DatabaseError, DatabaseUnavailable
from reelbase.providers.base import (
    Accepted,
    Call,
    Finished,
    Job,
    Output,
    Report,
    Running,
    Submission,
    Workdir,
)
from reelbase.telemetry import Telemetry
from reelbase.usage import UsageLog

pytestmark = pytest.mark.anyio


async def test_provider_is_reminded_of_what_it_wanted_when_asked_and_when_told_to_stop(
    bench: Any,
) -> None:
    state = {"status_url": "https://queue.example/1/status", "looks": [1, 2]}

    class Forgetful(bench.instant):  # type: ignore[misc, name-defined]
        repeatable = False

        def __init__(self) -> None:
            super().__init__()
            self.states: list[Mapping[str, Any]] = []

        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            assert job.provider_state == {}
            return Accepted(f"theirs-{job.id}", 0, state)

        async def look_up(self, job: Job, workdir: Workdir) -> Finished | Running:
            self.states.append(job.provider_state)
            return Running(None, 3600)

        async def cancel(
            self, reference: str, provider_job_id: str | None, state: Mapping[str, Any]
        ) -> None:
            self.states.append(state)
            await super().cancel(reference, provider_job_id, state)

    user = await bench.user()
    provider = Forgetful()
    async with bench.dispatcher(provider):
        job = await bench.submit(user)
        await bench.until(lambda: provider.states)
        await bench.cancel(user, job)
        await bench.until(lambda: provider.cancelled)
    assert provider.states == [state, state]
    assert provider.cancelled == [(job, f"theirs-{job}")]


async def test_provider_gets_at_the_files_of_its_job(bench: Any, tmp_path: Path) -> None:
    class Reading(bench.instant):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.read: list[tuple[str, str | None, bytes, str]] = []

        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            for each in job.inputs:
                content = await anyio.Path(await each.save(workdir())).read_bytes()
                self.read.append((each.role, each.mime_type, content[:4], await each.link()))
            return await super().submit(job, workdir, report)  # type: ignore[no-any-return]

    user = await bench.user()
    provider = Reading()
    async with bench.dispatcher(provider):
        made = await bench.submit(user, "text_to_image")
        await bench.wait(made, "completed")
        (asset,) = [row for row in await bench.results(made) if row["role"] == "result_image"]
        job = await bench.submit(
            user,
            "text_to_image",
            reference_asset_ids=[asset["id"]],
            reference_roles=["reference_image"],
        )
        await bench.wait(job, "completed")
    [(role, mime_type, head, link)] = provider.read
    assert (role, mime_type, head) == ("reference_image", "image/png", b"\x89PNG")
    assert link.startswith(f"{bench.stack.supabase_url}/storage/v1/object/sign/final-images/{user}")


async def test_picture_without_a_thumbnail_gets_one_unless_it_is_small(bench: Any) -> None:
    class Plain(bench.instant):  # type: ignore[misc, name-defined]
        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            sizes = [(1600, 900), (64, 64)]
            outputs = []
            for position, size in enumerate(sizes):
                path = workdir() / f"{position}.png"
                Image.new("RGBA", size, (200, 30, position, 128)).save(path)
                outputs.append(Output("result_image", path, "image/png", position=position))
            return Finished(tuple(outputs))

    user = await bench.user()
    async with bench.dispatcher(Plain()):
        job = await bench.submit(user, "text_to_image", output_count=2)
        await bench.wait(job, "completed")
    results = {(row["role"], row["position"]): row for row in await bench.results(job)}
    assert {key for key in results if key[0] != "result_image"} == {("thumbnail", 0)}
    made = results["thumbnail", 0]
    assert (made["width"], made["height"], made["mime_type"]) == (640, 360, "image/jpeg")
    assert (made["bucket"], len(made["sha256"])) == ("thumbnails", 64)


async def test_picture_that_cannot_be_decoded_does_without_a_thumbnail(bench: Any) -> None:
    class Torn(bench.instant):  # type: ignore[misc, name-defined]
        async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
            whole = workdir() / "whole.png"
            Image.effect_noise((900, 900), 90).save(whole)
            path = workdir() / "torn.png"
            path.write_bytes(whole.read_bytes()[:5000])
            return Finished((Output("result_image", path, "image/png"),))

    user = await bench.user()
    async with bench.dispatcher(Torn()):
        job = await bench.submit(user, "text_to_image")
        await bench.wait(job, "completed")
    assert [row["role"] for row in await bench.results(job)] == ["result_image"]


def call(provider: str, **told: Any) -> Call:
    return Call(provider, "submit", model="model-1", latency_ms=12, status_code=201, **told)


async def logged(bench: Any) -> list[tuple[Any, ...]]:
    rows = await bench.rows(
        "select job_id::text, request_id, units::float, cost_usd::float, created_at"
        " from worker.api_usage_logs where provider = %s order by request_id",
        bench.provider,
    )
    return [tuple(row.values()) for row in rows]


async def test_calls_to_providers_are_on_record_once(bench: Any) -> None:
    job = await bench.submit(await bench.user())
    at = datetime.now(UTC).replace(microsecond=0)
    log = UsageLog(lambda: at)
    async with open_client(bench.settings()) as client:
        database = Database(client)
        log.note(call(bench.provider, job_id=job, request_id="a", units=2.5, cost_usd=0.25))
        log.note(call(bench.provider, job_id=str(uuid.uuid4()), request_id="b"))
        log.note(call(bench.provider, request_id="c", units=float("nan"), cost_usd=1))
        told: list[list[str]] = []

        class Forgetting:
            """The database, whose first answer is lost."""

            async def log_api_usage(self, calls: list[str]) -> int:
                count = await database.log_api_usage(calls)
                told.append(calls)
                if len(told) == 1:
                    raise DatabaseUnavailable("The answer is lost.")
                return count

        telemetry = Telemetry()
        await log.flush(Forgetting(), telemetry)  # type: ignore[arg-type]
        assert len(log) == 3
        await log.flush(Forgetting(), telemetry)  # type: ignore[arg-type]
    assert len(log) == 0
    assert told[0] == told[1]
    assert await logged(bench) == [
        (job, "a", 2.5, 0.25, at),
        (None, "b", None, None, at),
        (None, "c", None, None, at),
    ]
    await bench.cancel(str((await bench.job(job))["user_id"]), job)


async def test_calls_are_told_at_once_when_there_are_many(bench: Any) -> None:
    log = UsageLog()

    def note_many() -> None:
        for number in range(250):
            log.note(call(bench.provider, request_id=str(number)))

    async with open_client(bench.settings()) as client, anyio.create_task_group() as group:
        group.start_soon(log.run, Database(client), Telemetry())
        await anyio.wait_all_tasks_blocked()
        # From a thread, as providers may.
        await anyio.to_thread.run_sync(note_many)
        with anyio.fail_after(20):
            while len(await logged(bench)) < 250:  # noqa: ASYNC110 - rows wake nobody
                await anyio.sleep(0.02)
        group.cancel_scope.cancel()
    assert len(log) == 0


async def test_calls_that_cannot_be_told_are_kept_up_to_a_bound_and_then_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken:
        """A database that is away, and then refuses."""

        error: Exception = DatabaseUnavailable("Away.")
        calls = 0

        async def log_api_usage(self, calls: list[str]) -> int:
            self.calls += 1
            raise self.error

    monkeypatch.setattr("reelbase.usage.KEPT", 5)
    database: Any = Broken()
    telemetry = Telemetry()
    log = UsageLog()

    def lost() -> float | None:
        return telemetry.registry.get_sample_value("reelbase_provider_calls_unrecorded_total")

    for number in range(7):
        log.note(call("x", request_id=str(number)))
    await log.flush(database, telemetry)
    assert (len(log), lost(), database.calls) == (5, 2, 1)
    database.error = DatabaseError("PGRST202", "There is no such function.")
    await log.flush(database, telemetry)
    assert (len(log), lost(), database.calls) == (0, 7, 2)


async def test_provider_is_told_of_its_environment_and_nothing_of_ours(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "k")
    settings = bench.settings(
        public_url="https://api.example.com/", private_hosts="127.0.0.1:1", max_output_bytes=7
    )
    calls: list[Call] = []
    context = make_context(settings, "replicate", calls.append)
    assert context.webhook_url == "https://api.example.com/webhooks/replicate"
    assert context.private_hosts == frozenset(["127.0.0.1:1"])
    assert context.max_output_bytes == 7
    assert context.environ["SOME_KEY"] == "k"
    context.on_call(call("replicate"))
    assert len(calls) == 1
    assert make_context(bench.settings(), "replicate", calls.append).webhook_url is None
