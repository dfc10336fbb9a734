"""The metrics of one dispatcher, in a registry of its own.

Names and units follow Prometheus: base units, `_total` for what only grows. Labels come from small
sets alone: providers and kinds of the catalogue, steps, outcomes, classes of error. No user, job,
model or message is ever a label.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import Metric

from reelbase import __version__

__all__ = ["ERROR_CLASSES", "Metrics", "class_of"]

T = TypeVar("T", Counter, Gauge, Histogram)

CALL_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Seconds that a call to the database takes."""

WORK_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
"""Seconds that providers and storage take."""

JOB_BUCKETS = (0.01, 0.025, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)
"""Seconds that a job waits, or takes as a whole."""

BATCH_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
"""Tasks in one call."""

ERROR_CLASSES = frozenset(["permanent", "transient", "throttled", "configuration", "unknown"])
"""Why an attempt failed, as `worker.error_class` has them."""


class Registry(CollectorRegistry):
    """Tells all but when each series began, which would double their number."""

    def collect(self) -> Iterator[Metric]:
        """What there is to tell."""
        for metric in super().collect():
            metric.samples = [each for each in metric.samples if not each.name.endswith("_created")]
            yield metric


class Series(dict[tuple[str, ...], T], Generic[T]):
    """The series of a metric by their labels' values: `series["local", "voiceover"].inc()`.

    Each is looked up in the library once, as that costs more than the counting.
    """

    def __init__(self, metric: T) -> None:
        super().__init__()
        self._metric: T = metric

    def __missing__(self, labels: tuple[str, ...]) -> T:
        found: T = self._metric.labels(*labels)
        self[labels] = found
        return found


class Metrics:
    """The instruments. Each is made once; all belong to `registry`."""

    def __init__(self) -> None:
        self.registry = registry = Registry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        Gauge(
            "reelbase_worker_info",
            "The version that runs; always 1.",
            ["version"],
            registry=registry,
        ).labels(__version__).set(1)

        self.claims = Series(
            Counter(
                "reelbase_claims",
                "Calls that asked for tasks, by what came of them.",
                ["result"],
                registry=registry,
            )
        )
        self.claim_seconds = Histogram(
            "reelbase_claim_duration_seconds",
            "How long an answered claim took.",
            buckets=CALL_BUCKETS,
            registry=registry,
        )
        self.claim_size = Histogram(
            "reelbase_claim_size",
            "Tasks that one claim returned, empty ones left out.",
            buckets=BATCH_BUCKETS,
            registry=registry,
        )
        self.start_delay = Series(
            Histogram(
                "reelbase_job_start_delay_seconds",
                "From a job's submission to its first claim, waiting for parents included.",
                ["provider", "kind"],
                buckets=JOB_BUCKETS,
                registry=registry,
            )
        )
        self.held = Series(
            Gauge(
                "reelbase_tasks_held",
                "Tasks in this worker's hands.",
                ["provider", "kind"],
                registry=registry,
            )
        )
        self.tasks = Series(
            Counter(
                "reelbase_tasks",
                "Tasks that this worker let go of, by how.",
                ["provider", "kind", "step", "outcome"],
                registry=registry,
            )
        )
        self.task_seconds = Series(
            Histogram(
                "reelbase_task_duration_seconds",
                "How long a task was in this worker's hands.",
                ["provider", "kind", "step"],
                buckets=WORK_BUCKETS,
                registry=registry,
            )
        )
        self.attempts_failed = Series(
            Counter(
                "reelbase_attempts_failed",
                "Attempts that failed, by the class of their error.",
                ["provider", "kind", "error_class"],
                registry=registry,
            )
        )
        self.jobs = Series(
            Counter(
                "reelbase_jobs_ended",
                "Jobs that this worker brought to their end.",
                ["provider", "kind", "status"],
                registry=registry,
            )
        )
        self.job_seconds = Series(
            Histogram(
                "reelbase_job_duration_seconds",
                "From a job's submission to the end that this worker brought it to.",
                ["provider", "kind", "status"],
                buckets=JOB_BUCKETS,
                registry=registry,
            )
        )
        self.provider_seconds = Series(
            Histogram(
                "reelbase_provider_call_duration_seconds",
                'How long a provider took to answer, by "ok" or the class of its error.',
                ["provider", "call", "outcome"],
                buckets=WORK_BUCKETS,
                registry=registry,
            )
        )
        self.storage_seconds = Series(
            Histogram(
                "reelbase_storage_duration_seconds",
                "How long it took to look into and store all files of a job.",
                ["outcome"],
                buckets=WORK_BUCKETS,
                registry=registry,
            )
        )
        self.storage_bytes = Counter(
            "reelbase_stored_bytes",
            "Bytes of the files that were stored.",
            registry=registry,
        )
        self.flush_seconds = Series(
            Histogram(
                "reelbase_outbox_flush_duration_seconds",
                "How long an answered call took that told of several tasks.",
                ["call"],
                buckets=CALL_BUCKETS,
                registry=registry,
            )
        )
        self.flush_size = Series(
            Histogram(
                "reelbase_outbox_flush_size",
                "Tasks that one such call told of.",
                ["call"],
                buckets=BATCH_BUCKETS,
                registry=registry,
            )
        )
        self.heartbeats = Series(
            Counter(
                "reelbase_heartbeats",
                "Calls that extended leases, by what came of them.",
                ["result"],
                registry=registry,
            )
        )
        self.heartbeat_seconds = Histogram(
            "reelbase_heartbeat_duration_seconds",
            "How long an answered heartbeat took.",
            buckets=CALL_BUCKETS,
            registry=registry,
        )
        self.extended = Counter(
            "reelbase_leases_extended",
            "Leases that were told of in answered heartbeats.",
            registry=registry,
        )
        self.taken_over = Counter(
            "reelbase_leases_taken_over",
            "Leases of vanished workers that this one ended.",
            registry=registry,
        )
        self.overdue = Counter(
            "reelbase_jobs_overdue",
            "Jobs past their deadline or their last attempt that this worker ended.",
            registry=registry,
        )
        self.usage_dropped = Counter(
            "reelbase_provider_calls_unrecorded",
            "Calls to providers that are missing in the record of their costs.",
            registry=registry,
        )
        self.database_up = Gauge(
            "reelbase_database_up",
            "Whether the database answered the last call.",
            registry=registry,
        )
        self.outages = Counter(
            "reelbase_database_outages",
            "How often the database stopped answering.",
            registry=registry,
        )
        # A series that is there from the beginning at 0 has a rate at its first increase.
        for result in ("tasks", "empty", "unavailable", "refused"):
            _ = self.claims[result,]
        for result in ("ok", "failed"):
            _ = self.heartbeats[result,]


def class_of(error: BaseException) -> str:
    """Say in one word of a small set what went wrong, by the error's type."""
    if not isinstance(error, Exception):
        return "cancelled"
    if isinstance(error, TimeoutError):
        return "timeout"
    names = (each.__name__.lower() for each in type(error).__mro__)
    return next((name for name in names if name in ERROR_CLASSES or name == "unknowable"), "error")
