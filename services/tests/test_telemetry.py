"""What a dispatcher tells of itself: metrics, and spans that join whoever tells them."""

import socket
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from reelbase.providers.base import Permanent, Throttled, Transient, Unknown
from reelbase.telemetry import Telemetry
from reelbase.telemetry.recorder import traces_are_wanted

QUEUED_AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Claimed:
    """A task as the database hands it out, with what must never be told."""

    job_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    user_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    prompt: str = "A lighthouse that nobody may hear of."
    step: str = "submit"
    attempt: int = 1
    provider: str = "local"
    provider_model: str = "local-voice-1"
    kind: str = "voiceover"
    mode: str = "standard"
    queued_at: datetime = QUEUED_AT


class Clock:
    """Time that stands still unless it is told to go on."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def wall(self) -> int:
        return int(QUEUED_AT.timestamp() * 1e9 + self.seconds * 1e9)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def telemetry(clock: Clock) -> Telemetry:
    return Telemetry(clock=clock, wall=clock.wall)


def read(telemetry: Telemetry, name: str, **labels: str) -> float | None:
    """The value of one series as a scrape would show it."""
    for family in text_string_to_metric_families(generate_latest(telemetry.registry).decode()):
        for sample in family.samples:
            if (sample.name, sample.labels) == (name, labels):
                return float(sample.value)
    return None


def test_job_is_counted_and_timed_from_submission_to_its_end(
    telemetry: Telemetry, clock: Clock
) -> None:
    task = Claimed()
    here = {"provider": "local", "kind": "voiceover"}
    clock.seconds = 3
    telemetry.claimed([task], 0.004)
    work = telemetry.work(task)
    assert read(telemetry, "reelbase_tasks_held", **here) == 1
    with work.provider_call("submit"):
        clock.seconds += 20
    with work.storing() as stored:
        stored.bytes += 512
        clock.seconds += 2
    with work.telling("complete"):
        clock.seconds += 1
    work.done("completed")
    work.done("completed")

    assert read(telemetry, "reelbase_tasks_held", **here) == 0
    assert read(telemetry, "reelbase_claims_total", result="tasks") == 1
    assert read(telemetry, "reelbase_claim_duration_seconds_sum") == 0.004
    assert read(telemetry, "reelbase_claim_size_sum") == 1
    assert read(telemetry, "reelbase_job_start_delay_seconds_sum", **here) == 3
    ended = {**here, "status": "completed"}
    assert read(telemetry, "reelbase_jobs_ended_total", **ended) == 1
    assert read(telemetry, "reelbase_job_duration_seconds_sum", **ended) == 26
    let_go = {**here, "step": "submit", "outcome": "completed"}
    assert read(telemetry, "reelbase_tasks_total", **let_go) == 1
    assert read(telemetry, "reelbase_task_duration_seconds_sum", **here, step="submit") == 23
    call = {"provider": "local", "call": "submit", "outcome": "ok"}
    assert read(telemetry, "reelbase_provider_call_duration_seconds_sum", **call) == 20
    assert read(telemetry, "reelbase_storage_duration_seconds_sum", outcome="ok") == 2
    assert read(telemetry, "reelbase_stored_bytes_total") == 512


def test_job_that_is_parked_and_taken_up_again_starts_and_ends_once(telemetry: Telemetry) -> None:
    here = {"provider": "local", "kind": "voiceover"}
    for task, outcome in (
        (Claimed(), "parked"),
        (Claimed(step="poll"), "parked"),
        (Claimed(step="submit", attempt=2), "retried"),
        (Claimed(step="collect"), "completed"),
    ):
        telemetry.claimed([task], 0.001)
        telemetry.work(task).done(outcome)  # type: ignore[arg-type]
    assert read(telemetry, "reelbase_job_start_delay_seconds_count", **here) == 1
    assert read(telemetry, "reelbase_job_duration_seconds_count", **here, status="completed") == 1


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Permanent("refused", "No."), "permanent"),
        (Transient("busy", "Later."), "transient"),
        (Throttled("slow_down", "Slower."), "throttled"),
        (Unknown("lost", "Who knows."), "unknown"),
        (TimeoutError(), "timeout"),
        (ValueError("a prompt"), "error"),
        (KeyboardInterrupt(), "cancelled"),
    ],
)
def test_provider_call_that_fails_is_told_by_the_class_of_its_error(
    telemetry: Telemetry, error: BaseException, outcome: str
) -> None:
    with (
        pytest.raises(type(error)),
        telemetry.work(Claimed()).provider_call("submit"),
    ):
        raise error
    labels = {"provider": "local", "call": "submit", "outcome": outcome}
    assert read(telemetry, "reelbase_provider_call_duration_seconds_count", **labels) == 1


def test_cancelled_job_ends_where_its_task_is_dropped_and_a_lost_lease_ends_no_job(
    telemetry: Telemetry,
) -> None:
    telemetry.work(Claimed()).done("dropped", status="cancelled")
    telemetry.work(Claimed()).done("dropped")
    telemetry.work(Claimed()).done("retried", status="queued")
    here = {"provider": "local", "kind": "voiceover"}
    assert read(telemetry, "reelbase_jobs_ended_total", **here, status="cancelled") == 1
    families = text_string_to_metric_families(generate_latest(telemetry.registry).decode())
    (ended,) = (each for each in families if each.name == "reelbase_jobs_ended")
    assert len([sample for sample in ended.samples if sample.name.endswith("_total")]) == 1


def test_no_label_tells_of_a_job_a_user_or_a_message(telemetry: Telemetry) -> None:
    task = Claimed()
    telemetry.claimed([task], 0.1)
    work = telemetry.work(task)
    work.failed("made up", f"code-{task.job_id}")
    work.done("failed")
    shown = generate_latest(telemetry.registry).decode()
    for private in (task.job_id, task.user_id, "lighthouse", "made up", task.provider_model):
        assert private not in shown
    assert (
        read(
            telemetry,
            "reelbase_attempts_failed_total",
            provider="local",
            kind="voiceover",
            error_class="unknown",
        )
        == 1
    )


def test_outage_of_the_database_counts_once_however_often_it_is_noticed(
    telemetry: Telemetry,
) -> None:
    telemetry.claimed([], 0.001)
    assert telemetry.claiming
    for _ in range(3):
        telemetry.claim_failed("unavailable")
        telemetry.database(False)
    assert not telemetry.claiming
    assert read(telemetry, "reelbase_database_up") == 0
    assert read(telemetry, "reelbase_database_outages_total") == 1
    telemetry.claimed([], 0.001)
    assert read(telemetry, "reelbase_database_up") == 1
    assert read(telemetry, "reelbase_claims_total", result="unavailable") == 3


def test_loop_that_does_not_come_back_as_promised_is_stuck(
    telemetry: Telemetry, clock: Clock
) -> None:
    telemetry.alive("claiming", within=None)
    telemetry.alive("leases", within=20)
    clock.seconds = 30
    assert telemetry.stuck() == []
    clock.seconds = 30.1
    assert telemetry.stuck() == ["leases"]
    telemetry.alive("leases", within=20)
    assert telemetry.stuck() == []


def test_names_and_units_are_as_prometheus_wants_them(telemetry: Telemetry) -> None:
    for family in text_string_to_metric_families(generate_latest(telemetry.registry).decode()):
        if family.name.startswith("reelbase_") and family.type == "histogram":
            assert family.name.endswith(("_seconds", "_size"))
        assert family.documentation
        assert not family.name.endswith("_created")


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "x", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "x", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "x", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, False),
    ],
)
def test_traces_are_told_when_the_environment_names_a_collector(
    environment: Mapping[str, str], wanted: bool
) -> None:
    assert traces_are_wanted(environment) is wanted


PRELUDE = """
import dataclasses, datetime, sys, anyio
from reelbase.telemetry import open_telemetry

@dataclasses.dataclass(frozen=True)
class Claimed:
    job_id: str
    step: str
    queued_at: datetime.datetime
    user_id: str = "user-who-is-nobodys-business"
    prompt: str = "A lighthouse that nobody may hear of."
    attempt: int = 1
    provider: str = "local"
    provider_model: str = "local-voice-1"
    kind: str = "voiceover"
    mode: str = "standard"

QUEUED_AT = datetime.datetime.fromtimestamp(1_700_000_000, datetime.UTC)
"""

SUBMITS = """
async def main():
    async with open_telemetry("first") as telemetry:
        task = Claimed(sys.argv[1], "submit", QUEUED_AT)
        telemetry.claimed([task], 0.002)
        work = telemetry.work(task)
        with work.provider_call("submit"):
            pass
        with work.telling("advance"):
            pass
        work.done("parked")
anyio.run(main)
"""

COLLECTS = """
async def main():
    async with open_telemetry("second") as telemetry:
        task = Claimed(sys.argv[1], "poll", QUEUED_AT)
        telemetry.claimed([task], 0.002)
        work = telemetry.work(task)
        try:
            with work.provider_call("look_up"):
                raise ValueError(task.prompt)
        except ValueError:
            work.failed("transient", "hiccup")
        with work.storing() as stored:
            stored.bytes += 512
        with work.telling("complete"):
            pass
        work.done("completed")
anyio.run(main)
"""

IS_SILENT = """
from reelbase.telemetry.traces import open_traces
async def main():
    traces = open_traces("third")
    traces.begin(Claimed(sys.argv[1], "submit", QUEUED_AT)).end()
    await traces.close(0.01)
anyio.run(main)
"""

IS_PLAIN = """
async def main():
    async with open_telemetry("fourth") as telemetry:
        assert telemetry.traces is None
anyio.run(main)
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""


def run(script: str, job_id: str, **environment: str) -> None:
    """Run a script in a process of its own, which must end well."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PRELUDE + script, job_id],
        env={"PATH": "/usr/bin:/bin", **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert (done.returncode, done.stderr) == (0, "")


def attributes(entries: Any) -> dict[str, str | int]:
    """Attributes as they came, by name."""
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value") or "string_value")
        for each in entries
    }


def test_spans_of_a_job_join_in_one_trace_whichever_process_tells_them(
    collector: Any,
) -> None:
    job_id = str(uuid.uuid4())
    run(SUBMITS, job_id, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    run(COLLECTS, job_id, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)

    told = collector.spans(job_id)
    assert {name: len(spans) for name, spans in told.items()} == {
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
    (job,), (submit,), (poll,) = told["job"], told["submit"], told["poll"]
    assert job.span_id == uuid.UUID(job_id).bytes[:8]
    assert not job.parent_span_id
    for name in ("queue", "claim", "submit", "poll"):
        assert {span.parent_span_id for span in told[name]} == {job.span_id}
    for name, parent in (
        ("provider submit", submit),
        ("advance", submit),
        ("provider look_up", poll),
        ("store", poll),
        ("complete", poll),
    ):
        assert {span.parent_span_id for span in told[name]} == {parent.span_id}
    every = [span for spans in told.values() for span in spans]
    assert len({span.span_id for span in every}) == len(every)
    assert job.start_time_unix_nano == 1_700_000_000 * 10**9
    assert all(
        job.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
        for span in every
    )
    assert job.end_time_unix_nano >= submit.end_time_unix_nano

    assert attributes(job.attributes) == {
        "gen_ai.operation.name": "generate_content",
        "gen_ai.provider.name": "local",
        "gen_ai.request.model": "local-voice-1",
        "reelbase.job.kind": "voiceover",
        "reelbase.job.mode": "standard",
        "reelbase.job.status": "completed",
    }
    assert attributes(told["provider look_up"][0].attributes)["error.type"] == "error"
    processes = [attributes(each.resource.attributes) for each in collector.told()]
    assert {each["service.instance.id"] for each in processes} == {"first", "second"}
    assert {each["service.name"] for each in processes} == {"reelbase-worker"}
    for body in collector.bodies:
        assert b"lighthouse" not in body
        assert b"nobodys-business" not in body


def test_stopping_worker_does_not_wait_for_a_collector_that_is_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        run(
            IS_SILENT,
            str(uuid.uuid4()),
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}",
            OTEL_EXPORTER_OTLP_TIMEOUT="3600",
        )


def test_garbled_variable_of_tracing_does_not_stop_a_worker() -> None:
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    run(IS_PLAIN.partition("assert not")[0], "", OTEL_BSP_MAX_QUEUE_SIZE="-1", **endpoint)


def test_without_a_collector_nothing_of_tracing_is_imported() -> None:
    run(IS_PLAIN, str(uuid.uuid4()))


def test_ratio_of_traced_jobs_is_kept_and_the_same_for_all_processes() -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

    from reelbase.telemetry.traces import JobIds, Traces

    jobs = [str(uuid.uuid5(uuid.NAMESPACE_URL, str(number))) for number in range(1000)]
    for ratio in (0.0, 0.1, 0.5, 1.0):
        first, second = (
            Traces(TracerProvider(shutdown_on_exit=False), JobIds(), ParentBasedTraceIdRatio(ratio))
            for _ in range(2)
        )
        traced = [job for job in jobs if first.wants(job)]
        assert abs(len(traced) - 1000 * ratio) < 50
        assert traced == [job for job in jobs if second.wants(job)]
