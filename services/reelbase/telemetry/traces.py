"""Traces by OpenTelemetry, imported only when somebody wants them.

A job's trace needs no propagation: the trace id is the job's uuid, and the root span's id is the
uuid's first eight bytes. So any process that has the job's id can hang its spans under the root,
which is told by whoever ends the job; the spans of a job that several workers had in hand, one
after the other, join by themselves. What share of the jobs is traced is the standard's
`OTEL_TRACES_SAMPLER` with its argument; it depends on the id alone, so all processes agree.

Attributes that the standard has a name for go by that name. No prompt, no address, no user and no
message of an error is ever told: errors are told by their codes.
"""

import logging
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import anyio
import anyio.to_thread
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Decision, Sampler
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from reelbase import __version__
from reelbase.telemetry.tasks import TracedTask, is_first, nanoseconds

__all__ = ["Traces", "open_traces"]

RANDOM_BITS = 56
"""The last bits of a uuid, among which there is neither its version nor its variant."""

Facts = Mapping[str, str | int]


class Traces:
    """The spans of jobs, and their way out. Times are nanoseconds since 1970."""

    def __init__(self, provider: TracerProvider, ids: "JobIds", sampler: Sampler) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("reelbase", __version__)
        self._ids = ids
        self._sampler = sampler

    def wants(self, job_id: str) -> bool:
        """Whether a job is among those that are traced.

        A ratio is compared with the last eight bytes of a trace's id. Those of a uuid never begin
        with a zero bit, and for a ratio of one half no job would be traced; so it is the random
        bits that are compared.
        """
        spread = (uuid.UUID(job_id).int << (64 - RANDOM_BITS)) & ((1 << 64) - 1)
        decision = self._sampler.should_sample(Context(), spread, "job").decision
        return decision is Decision.RECORD_AND_SAMPLE

    def claimed(self, task: TracedTask, size: int, start: int, end: int) -> None:
        """Tell of the claim that brought a task, and of the wait before, if it was the first."""
        if not self.wants(task.job_id):
            return
        if is_first(task):
            queued = min(nanoseconds(task.queued_at), end)
            self._start("queue", self._root_of(task.job_id), start=queued).end(end)
        facts: Facts = {
            "messaging.system": "reelbase",
            "messaging.operation.name": "claim",
            "messaging.batch.message_count": size,
        }
        span = self._start("claim", self._root_of(task.job_id), SpanKind.CLIENT, facts, start)
        span.end(end)

    def begin(self, task: TracedTask) -> Span | None:
        """Begin with a task."""
        if not self.wants(task.job_id):
            return None
        facts = {**facts_of(task), "reelbase.attempt": task.attempt}
        return self._start(task.step, self._root_of(task.job_id), SpanKind.CONSUMER, facts)

    def call(self, name: str, parent: Span | str, facts: Facts | None = None) -> Span | None:
        """Begin a call to somebody else, for a task in hand or for a job by its id."""
        if isinstance(parent, str):
            if not self.wants(parent):
                return None
            parent = self._root_of(parent)
        return self._start(name, parent, SpanKind.CLIENT, facts)

    def end(self, span: Span, error: str | None = None, facts: Facts | None = None) -> None:
        """End a span; an error is told by its code."""
        for name, fact in (facts or {}).items():
            span.set_attribute(name, fact)
        if error is not None:
            span.set_attribute("error.type", error)
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def ended(self, task: TracedTask, status: str, error: str | None, end: int) -> None:
        """Tell of a job as a whole. Whoever ended it does so, once."""
        if not self.wants(task.job_id):
            return
        start = min(nanoseconds(task.queued_at), end)
        facts = {
            **facts_of(task),
            "gen_ai.operation.name": "generate_content",
            "gen_ai.request.model": task.provider_model,
            "reelbase.job.mode": task.mode,
            "reelbase.job.status": status,
        }
        with self._ids.of(task.job_id):
            span = self._tracer.start_span("job", Context(), attributes=facts, start_time=start)
        if status != "completed":
            span.set_attribute("error.type", error or status)
            span.set_status(Status(StatusCode.ERROR))
        span.end(end)

    async def close(self, seconds: float) -> None:
        """Send what is waiting, but wait no longer than that; what is left then is lost."""
        # A daemon thread, for which the process does not wait: the exporter's own bounds are wider.
        thread = threading.Thread(target=self._provider.shutdown, daemon=True)
        thread.start()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(thread.join, seconds)

    def _start(
        self,
        name: str,
        parent: Span,
        kind: SpanKind = SpanKind.INTERNAL,
        facts: Facts | None = None,
        start: int | None = None,
    ) -> Span:
        # A context of its own: what the libraries of a provider leave in the current one is theirs.
        context = trace.set_span_in_context(parent, Context())
        return self._tracer.start_span(name, context, kind, facts, start_time=start)

    def _root_of(self, job_id: str) -> Span:
        return NonRecordingSpan(root_of(uuid.UUID(job_id)))


class JobIds(RandomIdGenerator):
    """Random ids, but for a root span, which bears its job's. Used by one thread."""

    def __init__(self) -> None:
        self._root: SpanContext | None = None

    @contextmanager
    def of(self, job_id: str) -> Iterator[None]:
        """Give out a job's ids inside the block."""
        self._root = root_of(uuid.UUID(job_id))
        try:
            yield
        finally:
            self._root = None

    def generate_trace_id(self) -> int:
        """The trace's id: 128 bits."""
        return self._root.trace_id if self._root else super().generate_trace_id()

    def generate_span_id(self) -> int:
        """The span's id: 64 bits."""
        return self._root.span_id if self._root else super().generate_span_id()


def root_of(job_id: uuid.UUID) -> SpanContext:
    """The root span of a job, whoever tells it."""
    return SpanContext(
        trace_id=job_id.int,
        span_id=job_id.int >> 64,
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED | TraceFlags.RANDOM_TRACE_ID),
    )


def facts_of(task: TracedTask) -> dict[str, str | int]:
    """What every span of a task tells of it."""
    return {"gen_ai.provider.name": task.provider, "reelbase.job.kind": task.kind}


def open_traces(worker: str) -> Traces:
    """Set tracing up as the standard's environment variables say.

    Spans wait for the collector in a queue of `OTEL_BSP_MAX_QUEUE_SIZE`; when it is full the oldest
    are lost, and the work goes on.

    Args:
        worker: The name of this process, told as `service.instance.id`.
    """
    # One line for each batch that is lost, and none for each try to send it.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
    found = Resource.create()
    facts = {"service.version": __version__, "service.instance.id": worker}
    if str(found.attributes.get(SERVICE_NAME, "unknown_service")).startswith("unknown_service"):
        facts[SERVICE_NAME] = "reelbase-worker"
    ids = JobIds()
    provider = TracerProvider(
        resource=found.merge(Resource(facts)), id_generator=ids, shutdown_on_exit=False
    )
    # What the environment wants is asked before there is any span.
    sampler, provider.sampler = provider.sampler, ALWAYS_ON
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Traces(provider, ids, sampler)
