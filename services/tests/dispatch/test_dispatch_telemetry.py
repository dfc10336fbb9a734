"""What workers on a real stack tell: one trace a job, the queue, and how they are."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from reelbase.database import Database, open_client
from reelbase.dispatch import Dispatcher
from reelbase.dispatch.health import QUEUE_SECONDS, create_app
from reelbase.storage import Storage
from reelbase.telemetry import Telemetry

pytestmark = pytest.mark.anyio

PATIENCE = 20.0

WORKER = """
import sys, wave, anyio
from reelbase.dispatch import run_worker
from reelbase.logs import configure_logs
from reelbase.providers.base import Accepted, Finished, Output
from reelbase.settings import load_settings

class Elsewhere:
    name = "elsewhere"
    kinds = frozenset(["voiceover"])
    concurrency = None
    repeatable = False

    async def submit(self, job, workdir, report):
        return Accepted(f"elsewhere-{job.id}", 3600)

    async def look_up(self, job, workdir):
        path = workdir() / "0.wav"
        with wave.open(str(path), "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(8000)
            sound.writeframes(bytes(1600))
        return Finished((Output("result_audio", path, "audio/wav"),))

settings = load_settings()
configure_logs(settings.log_level, settings.secrets())
anyio.run(run_worker, settings, {sys.argv[1]: Elsewhere()})
"""


def series(text: str) -> dict[tuple[str, ...], float]:
    """What a scrape shows: by name, and by the labels' values in the order of their names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def eventually(condition: Callable[[], Awaitable[Any]]) -> None:
    """Wait until something is true."""
    with anyio.fail_after(PATIENCE):
        while not await condition():  # noqa: ASYNC110 - another process makes it
            await anyio.sleep(0.02)


async def test_trace_of_a_job_joins_the_workers_that_had_it_in_hand(
    bench: Any, collector: Any
) -> None:
    prompt = f"A lighthouse {uuid.uuid4()}."
    user = await bench.user()
    told = {
        "otel_exporter_otlp_endpoint": collector.url,
        "reelbase_worker_url": "http://127.0.0.1:0",
    }

    async with bench.process("-c", WORKER, bench.provider, log="first.log", **told) as first:
        job = await bench.submit(user, prompt=prompt)
        await bench.until(bench.logged("parked", "first.log"))
        first.terminate()
        assert await first.wait() == 0
    assert set(collector.spans(job)) == {"queue", "claim", "submit", "provider submit", "advance"}

    async with bench.process("-c", WORKER, bench.provider, log="second.log", **told) as second:
        await bench.until(bench.logged("serving", "second.log"))
        await bench.rows("select worker.wake_jobs(%s, %s)", bench.provider, [f"elsewhere-{job}"])
        assert (await bench.wait(job))["status"] == "completed"
        (serving,) = (line for line in bench.log("second.log") if line["event"] == "serving")
        async with httpx.AsyncClient(base_url=serving["url"]) as client:
            ended = ("reelbase_jobs_ended_total", "voiceover", bench.provider, "completed")

            async def has_counted() -> bool:
                return series((await client.get("/metrics")).text).get(ended) == 1

            await eventually(has_counted)
            found = series((await client.get("/metrics")).text)
            ready = await client.get("/ready")
            health = await client.get("/health")
        assert (ready.status_code, health.status_code) == (200, 200)
        assert found["reelbase_tasks_total", "voiceover", "completed", bench.provider, "poll"] == 1
        assert found["reelbase_tasks_held", "voiceover", bench.provider] == 0
        call = ("look_up", "ok", bench.provider)
        assert found["reelbase_provider_call_duration_seconds_count", *call] == 1
        assert found["reelbase_outbox_flush_size_sum", "complete"] == 1
        assert found["reelbase_stored_bytes_total",] > 1600
        assert found["reelbase_database_up",] == 1
        second.terminate()
        assert await second.wait() == 0

    spans = collector.spans(job)
    (root,) = spans["job"]
    assert root.span_id == uuid.UUID(job).bytes[:8]
    assert {span.parent_span_id for name in ("submit", "poll") for span in spans[name]} == {
        root.span_id
    }
    assert {name: len(each) for name, each in spans.items()} == {
        "job": 1,
        "queue": 1,
        "claim": 2,
        "submit": 1,
        "provider submit": 1,
        "advance": 1,
        "poll": 1,
        "provider look_up": 1,
        "store": 1,
        "complete": 1,
    }
    for body in collector.bodies:
        for private in (prompt, user, bench.stack.secret_key, "127.0.0.1"):
            assert private.encode() not in body


async def test_scrape_shows_what_waits_and_which_providers_are_paused(bench: Any) -> None:
    now = 100.0
    user = await bench.user()
    jobs = [await bench.submit(user) for _ in range(2)]
    await bench.rows("select worker.drain_provider(%s, true)", bench.provider)
    settings = bench.settings()
    async with open_client(settings) as client:
        database, storage = Database(client), Storage(client)
        dispatcher = Dispatcher(database, storage, {}, settings)
        app = create_app(Telemetry(clock=lambda: now), dispatcher, database, storage)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://worker") as worker:

            async def scrape() -> dict[tuple[str, ...], float]:
                return series((await worker.get("/metrics")).text)

            found = await scrape()
            where = ("voiceover", bench.provider)
            assert found["reelbase_queue_counted",] == 1
            assert found["reelbase_queue_tasks", *where, "in_line"] == 2
            assert found["reelbase_queue_tasks", *where, "running"] == 0
            assert found["reelbase_queue_oldest_wait_seconds", *where] >= 0
            assert found["reelbase_provider_paused", bench.provider] == 1
            assert found["reelbase_tasks_capacity",] == dispatcher.capacity

            await bench.cancel(user, jobs[0])
            assert (await scrape())["reelbase_queue_tasks", *where, "in_line"] == 2
            now += QUEUE_SECONDS
            assert (await scrape())["reelbase_queue_tasks", *where, "in_line"] == 1
