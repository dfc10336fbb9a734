"""What the dispatcher calls while it works. Counts always; traces only when somebody wants them.

Every method is synchronous, takes microseconds and raises nothing. Traces are told when the
standard's `OTEL_EXPORTER_OTLP_ENDPOINT` is set, or the same for traces alone; without it not even
their library is imported.

A trace looks like this, whichever processes took part::

    job                                  from submission to the end, told by whoever ended it
    ├── queue                            from submission to the first claim
    ├── claim                            the call that brought a task, once for each task
    ├── submit, poll or collect          a task in a worker's hands
    │   ├── provider submit, …           a call to the provider
    │   ├── store                        looking into the files and uploading them
    │   └── advance, complete or fail    telling the database, the wait for others included
    └── …
"""

import math
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal, Self

import structlog
from prometheus_client import CollectorRegistry

from reelbase.telemetry.metrics import ERROR_CLASSES, Metrics, class_of
from reelbase.telemetry.tasks import TracedTask, is_first, nanoseconds

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from reelbase.telemetry.traces import Traces

__all__ = ["Outcome", "Stored", "Telemetry", "Work", "open_telemetry", "traces_are_wanted"]

FLUSH_SECONDS = 5.0
"""The longest that a stopping worker waits for its last spans to leave."""

GRACE_SECONDS = 10.0
"""How late a loop may be before it counts as stuck."""

Outcome = Literal[
    "completed", "parked", "failed", "retried", "released", "dropped", "refused", "abandoned"
]
"""How a worker lets go of a task. "completed" and "failed" are the end of the job as well."""

JOB_STATUSES = frozenset(["completed", "failed", "cancelled", "expired"])

JOB_ENDS: Mapping[Outcome, str | None] = {
    "completed": "completed",
    "failed": "failed",
    "dropped": None,
}
"""Outcomes with which a job may have ended, and the status that it has then unless one is told."""

FAILURES = frozenset(["failed", "retried", "refused", "abandoned"])
"""Those that make a span an error."""

log = structlog.stdlib.get_logger("reelbase.telemetry")


class Telemetry:
    """The metrics of this process, its traces if they are wanted, and whether its loops go on.

    `clock` gives seconds that only grow, `wall` nanoseconds since 1970. A job begins by the
    database's clock and ends by ours; where that gives less than nothing, it counts as nothing.
    """

    def __init__(
        self,
        traces: "Traces | None" = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        self.metrics = Metrics()
        self.traces = traces
        self.clock = clock
        self.wall = wall
        self._promises: dict[str, float] = {}
        self._claiming = False
        self._database_up: bool | None = None

    @property
    def registry(self) -> CollectorRegistry:
        """Where the metrics are collected from."""
        return self.metrics.registry

    @property
    def claiming(self) -> bool:
        """Whether the last claim was answered."""
        return self._claiming

    def alive(self, loop: str, within: float | None) -> None:
        """Take a loop's promise to be back within so many seconds; None: nobody can say when."""
        self._promises[loop] = math.inf if within is None else self.clock() + within

    def stuck(self) -> list[str]:
        """The loops that have broken their promise, by more than some patience."""
        late = self.clock() - GRACE_SECONDS
        return sorted(loop for loop, promised in self._promises.items() if promised < late)

    def claimed(self, tasks: Sequence[TracedTask], seconds: float) -> None:
        """A claim was answered after so many seconds, perhaps with nothing."""
        metrics = self.metrics
        self._claiming = True
        self.database(True)
        metrics.claims["tasks" if tasks else "empty",].inc()
        metrics.claim_seconds.observe(seconds)
        if not tasks:
            return
        metrics.claim_size.observe(len(tasks))
        now = self.wall()
        for task in tasks:
            if is_first(task):
                delay = max(0, now - nanoseconds(task.queued_at)) / 1e9
                metrics.start_delay[task.provider, task.kind].observe(delay)
            if self.traces is not None:
                self.traces.claimed(task, len(tasks), now - round(seconds * 1e9), now)

    def claim_failed(self, reason: Literal["unavailable", "refused"]) -> None:
        """A claim was not answered, or was refused."""
        self._claiming = False
        self.metrics.claims[reason,].inc()
        self.database(reason == "refused")

    def database(self, available: bool) -> None:
        """It was found out, once more, whether the database answers."""
        if available is self._database_up:
            return
        self._database_up = available
        self.metrics.database_up.set(available)
        if not available:
            self.metrics.outages.inc()

    def flushed(self, call: str, size: int, seconds: float) -> None:
        """A call that told of so many tasks was answered after so many seconds."""
        self.metrics.flush_seconds[call,].observe(seconds)
        self.metrics.flush_size[call,].observe(size)

    def extended(self, held: int, seconds: float) -> None:
        """A heartbeat for so many tasks was answered after so many seconds."""
        self.metrics.heartbeats["ok",].inc()
        self.metrics.heartbeat_seconds.observe(seconds)
        self.metrics.extended.inc(held)

    def extend_failed(self) -> None:
        """A heartbeat was not answered, or was refused."""
        self.metrics.heartbeats["failed",].inc()

    def taken_over(self, leases: int) -> None:
        """So many leases of vanished workers were ended."""
        self.metrics.taken_over.inc(leases)

    def expired(self, jobs: int) -> None:
        """So many jobs were ended because nobody could go on with them."""
        self.metrics.overdue.inc(jobs)

    def usage_dropped(self, calls: int) -> None:
        """So many calls to providers will never be on record."""
        self.metrics.usage_dropped.inc(calls)

    def work(self, task: TracedTask) -> "Work":
        """Begin with a task; `done` has to be said of it at the end."""
        return Work(self, task)

    def provider_call(self, provider: str, call: str, job_id: str | None = None) -> "Timed":
        """Time a call to a provider that belongs to no task in hand."""
        return ProviderCall(self, provider, call, job_id)


class Timed:
    """Times a block, and tells a span of it.

    Args:
        telemetry: Whose clock and traces.
        name: The span's.
        parent: The span above, or the id of the job that it belongs to; None: no span.
        facts: What the span tells.
    """

    __slots__ = ("_began", "_span", "_telemetry")

    def __init__(
        self,
        telemetry: Telemetry,
        name: str,
        parent: "Span | str | None",
        facts: Mapping[str, str] | None = None,
    ) -> None:
        self._telemetry = telemetry
        self._span: Span | None = None
        if telemetry.traces is not None and parent is not None:
            self._span = telemetry.traces.call(name, parent, facts)
        self._began = telemetry.clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: object, error: BaseException | None, _traceback: object
    ) -> Literal[False]:
        telemetry = self._telemetry
        outcome = "ok" if error is None else class_of(error)
        self._observe(telemetry.metrics, outcome, telemetry.clock() - self._began)
        if telemetry.traces is not None and self._span is not None:
            telemetry.traces.end(self._span, None if error is None else outcome)
        return False

    def _observe(self, metrics: Metrics, outcome: str, seconds: float) -> None:
        """Count what was timed. `outcome` is "ok" or a class of error."""


class ProviderCall(Timed):
    """A call to a provider."""

    __slots__ = ("_call", "_provider")

    def __init__(
        self, telemetry: Telemetry, provider: str, call: str, parent: "Span | str | None"
    ) -> None:
        self._provider = provider
        self._call = call
        super().__init__(telemetry, f"provider {call}", parent, {"gen_ai.provider.name": provider})

    def _observe(self, metrics: Metrics, outcome: str, seconds: float) -> None:
        metrics.provider_seconds[self._provider, self._call, outcome].observe(seconds)


class Stored(Timed):
    """The storing of a job's files; the block says how many bytes there were.

    Attributes:
        bytes: What has been stored so far.
    """

    __slots__ = ("bytes",)

    def __init__(self, telemetry: Telemetry, parent: "Span | None") -> None:
        self.bytes = 0
        super().__init__(telemetry, "store", parent)

    def _observe(self, metrics: Metrics, outcome: str, seconds: float) -> None:
        metrics.storage_seconds[outcome,].observe(seconds)
        metrics.storage_bytes.inc(self.bytes)


class Work:
    """One task in this worker's hands."""

    __slots__ = ("_began", "_done", "_error", "_span", "_task", "_telemetry")

    def __init__(self, telemetry: Telemetry, task: TracedTask) -> None:
        self._telemetry = telemetry
        self._task = task
        self._began = telemetry.clock()
        self._done = False
        self._error: str | None = None
        self._span: Span | None = telemetry.traces.begin(task) if telemetry.traces else None
        telemetry.metrics.held[task.provider, task.kind].inc()

    def provider_call(self, call: str) -> Timed:
        """Time a call to the provider."""
        return ProviderCall(self._telemetry, self._task.provider, call, self._span)

    def storing(self) -> Stored:
        """Time the storing of the files."""
        return Stored(self._telemetry, self._span)

    def telling(self, call: str) -> Timed:
        """Time the telling of the database, the wait for others that are told with it included."""
        return Timed(self._telemetry, call, self._span)

    def failed(self, error_class: str, error_code: str) -> None:
        """The attempt failed, whatever becomes of the job."""
        task = self._task
        if error_class not in ERROR_CLASSES:
            error_class = "unknown"
        self._error = error_code
        self._telemetry.metrics.attempts_failed[task.provider, task.kind, error_class].inc()

    def done(self, outcome: Outcome, status: str | None = None) -> None:
        """Let go of the task. A second time does nothing.

        Args:
            outcome: How. "completed" and "failed" end the job.
            status: The job's, where somebody else may have ended it.
        """
        if self._done:
            return
        self._done = True
        task, metrics, traces = self._task, self._telemetry.metrics, self._telemetry.traces
        metrics.held[task.provider, task.kind].dec()
        metrics.tasks[task.provider, task.kind, task.step, outcome].inc()
        seconds = self._telemetry.clock() - self._began
        metrics.task_seconds[task.provider, task.kind, task.step].observe(seconds)
        if traces is not None and self._span is not None:
            error = (self._error or outcome) if outcome in FAILURES else None
            traces.end(self._span, error, {"reelbase.task.outcome": outcome})
        if outcome in JOB_ENDS:
            status = status if status in JOB_STATUSES else JOB_ENDS[outcome]
            if status is not None:
                self._end_job(status)

    def _end_job(self, status: str) -> None:
        task, telemetry = self._task, self._telemetry
        now = telemetry.wall()
        labels = (task.provider, task.kind, status)
        telemetry.metrics.jobs[labels].inc()
        seconds = max(0, now - nanoseconds(task.queued_at)) / 1e9
        telemetry.metrics.job_seconds[labels].observe(seconds)
        if telemetry.traces is not None:
            telemetry.traces.ended(task, status, self._error, now)


@asynccontextmanager
async def open_telemetry(worker: str) -> AsyncIterator[Telemetry]:
    """Telemetry as the environment wants it; its last spans leave at the block's end.

    Args:
        worker: The name of this process.
    """
    if not traces_are_wanted(os.environ):
        yield Telemetry()
        return
    from reelbase.telemetry.traces import open_traces  # noqa: PLC0415

    try:
        traces = open_traces(worker)
    except ValueError as error:
        # A garbled variable of tracing is no reason not to work.
        log.error("traces_off", reason=str(error))
        yield Telemetry()
        return
    try:
        yield Telemetry(traces)
    finally:
        await traces.close(FLUSH_SECONDS)


def traces_are_wanted(environ: Mapping[str, str]) -> bool:
    """Whether the standard's variables name a collector that we can talk to."""

    def told(name: str) -> str:
        return environ.get(f"OTEL_{name}", "").strip().lower()

    if not (told("EXPORTER_OTLP_ENDPOINT") or told("EXPORTER_OTLP_TRACES_ENDPOINT")):
        return False
    if told("SDK_DISABLED") == "true" or told("TRACES_EXPORTER") not in {"", "otlp"}:
        return False
    protocol = told("EXPORTER_OTLP_TRACES_PROTOCOL") or told("EXPORTER_OTLP_PROTOCOL")
    if protocol not in {"", "http/protobuf"}:
        log.warning("traces_off", reason="unknown_protocol", protocol=protocol)
        return False
    return True
