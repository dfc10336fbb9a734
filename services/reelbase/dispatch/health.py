"""A worker's own HTTP server: for whatever restarts it, and for Prometheus.

`GET /health` answers 503 when a loop of the dispatcher did not come back as it promised, so that a
restart helps; it asks nobody else. `GET /ready` answers 503 with the parts that are not well when
the database or Storage does not answer, or when the worker claims nothing. `GET /metrics` are the
metrics, with how much waits in the queue as the database has it.

Nothing is served unless `REELBASE_WORKER_URL` is set, so any number of workers may run side by side
without having been told of one another. Whoever reaches the address may read all of it: there are
no secrets and no users in it, but it is meant for loopback or a network of one's own.
"""

import math
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import anyio
import structlog
import uvicorn
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reelbase.errors import ReelbaseError, SettingsError, Unavailable
from reelbase.telemetry import Telemetry
from reelbase.web.health import READY_SECONDS, ready
from reelbase.web.server import Server

__all__ = ["QueueGauges", "Watched", "create_app", "health_server"]

QUEUE_SECONDS = 10.0
"""How old the queue's figures may be: counting them reads the whole task table."""

QUEUE_STATES = ("in_line", "held", "blocked", "parked", "running")

Rows = list[dict[str, Any]]

log = structlog.stdlib.get_logger("reelbase.dispatch")


class Watched(Protocol):
    """What is read of a dispatcher, whenever somebody asks."""

    @property
    def stopping(self) -> bool: ...
    @property
    def listening(self) -> bool: ...
    @property
    def capacity(self) -> int: ...
    @property
    def outbox(self) -> int: ...


class Counted(Protocol):
    """What is asked of the database."""

    async def ping(self) -> None: ...
    async def queue_depths(self) -> Rows: ...
    async def provider_states(self) -> Rows: ...


class Pinged(Protocol):
    """What is asked of Storage."""

    async def ping(self) -> None: ...


@asynccontextmanager
async def health_server(
    url: str | None,
    telemetry: Telemetry,
    dispatcher: Watched,
    database: Counted,
    storage: Pinged,
) -> AsyncIterator[str | None]:
    """Serve inside the block, or do nothing where there is no address.

    Args:
        url: `http://host:port`; port 0 takes any free one.
        telemetry: What is told at `/metrics`, and whether the loops go on.
        dispatcher: Whom it is about.
        database: Asked for readiness and the queue's figures.
        storage: Asked for readiness.

    Yields:
        The address that is served, with its port.

    Raises:
        SettingsError: the address cannot be had.
    """
    if url is None:
        yield None
        return
    listener = bind(url)
    host, port = listener.getsockname()[:2]
    address = f"http://{host}:{port}"
    server = Server(
        uvicorn.Config(
            create_app(telemetry, dispatcher, database, storage),
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
    )

    async def serve() -> None:
        # It stops in order, whatever ends the block, and within its own bound.
        with anyio.CancelScope(shield=True):
            await server.serve([listener])

    async with anyio.create_task_group() as group:
        group.start_soon(serve)
        log.info("serving", url=address)
        try:
            yield address
        finally:
            server.should_exit = True


def bind(url: str) -> socket.socket:
    """Take the address, so that it is known before anything is served there."""
    wanted = urlsplit(url)
    try:
        return socket.create_server((wanted.hostname or "127.0.0.1", wanted.port or 0))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsError(f"REELBASE_WORKER_URL: {url} cannot be served ({reason}).") from error


def create_app(
    telemetry: Telemetry, dispatcher: Watched, database: Counted, storage: Pinged
) -> Starlette:
    """Make the application."""
    gauges = QueueGauges(database, telemetry.clock)
    telemetry.registry.register(gauges)
    telemetry.registry.register(DispatcherGauges(dispatcher))

    async def claiming() -> None:
        if dispatcher.stopping:
            raise Unavailable("The worker is stopping.")
        if not telemetry.claiming:
            raise Unavailable("The last claim was not answered.")

    async def health(_request: Request) -> JSONResponse:
        if dispatcher.stopping:
            # Its loops come to their ends, and whoever stops it has a bound of his own.
            return JSONResponse({"status": "stopping"})
        if stuck := telemetry.stuck():
            log.error("stuck", loops=stuck)
            return JSONResponse({"status": "stuck", "loops": stuck}, status_code=503)
        return JSONResponse({"status": "ok"})

    async def metrics(request: Request) -> Response:
        await gauges.refresh()
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(telemetry.registry), headers={"Content-Type": content_type})

    app = Starlette(
        routes=[
            Route("/health", health),
            Route("/ready", ready),
            Route("/metrics", metrics),
        ]
    )
    app.state.parts = {"database": database.ping, "storage": storage.ping, "dispatcher": claiming}
    return app


class DispatcherGauges(Collector):
    """What a dispatcher says of itself when it is asked."""

    def __init__(self, dispatcher: Watched) -> None:
        self._dispatcher = dispatcher

    def collect(self) -> Iterator[Metric]:
        """Read the dispatcher."""
        seen = self._dispatcher
        yield GaugeMetricFamily(
            "reelbase_tasks_capacity", "Tasks that this worker may hold.", value=seen.capacity
        )
        yield GaugeMetricFamily(
            "reelbase_outbox_waiting", "Tasks of which is yet to be told.", value=seen.outbox
        )
        yield GaugeMetricFamily(
            "reelbase_listening", "Whether notifications arrive.", value=seen.listening
        )
        yield GaugeMetricFamily(
            "reelbase_stopping", "Whether the worker was told to stop.", value=seen.stopping
        )


class QueueGauges(Collector):
    """What waits in the queue, for all workers together: each tells the same.

    The figures are kept for a while, and left out when the database does not give any.
    """

    def __init__(self, database: Counted, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._lock = anyio.Lock()
        self._until = -math.inf
        self._depths: Rows | None = None
        self._providers: Rows | None = None

    async def refresh(self) -> None:
        """Count again if the figures are old."""
        async with self._lock:
            now = self._clock()
            if now < self._until:
                return
            self._until = now + QUEUE_SECONDS
            self._depths = self._providers = None
            try:
                # For both together, as a scrape must not wait for long.
                with anyio.fail_after(READY_SECONDS):
                    self._depths = await self._database.queue_depths()
                    self._providers = await self._database.provider_states()
            except (ReelbaseError, TimeoutError) as error:
                log.warning("queue_not_counted", error=str(error) or type(error).__name__)

    def collect(self) -> Iterator[Metric]:
        """Turn the figures into metrics."""
        counted = self._depths is not None and self._providers is not None
        yield GaugeMetricFamily(
            "reelbase_queue_counted", "Whether the queue could be counted.", value=counted
        )
        tasks = GaugeMetricFamily(
            "reelbase_queue_tasks",
            "Jobs that have not ended, by where they are.",
            labels=["provider", "kind", "state"],
        )
        oldest = GaugeMetricFamily(
            "reelbase_queue_oldest_wait_seconds",
            "How long the oldest job has been in line.",
            labels=["provider", "kind"],
        )
        for row in self._depths or ():
            where = [row["provider"], row["kind"]]
            for state in QUEUE_STATES:
                tasks.add_metric([*where, state], row[state])
            oldest.add_metric(where, float(row["oldest_wait_seconds"] or 0))
        paused = GaugeMetricFamily(
            "reelbase_provider_paused",
            "Whether no jobs are sent to a provider, because it failed or an operator said so.",
            labels=["provider"],
        )
        for row in self._providers or ():
            paused.add_metric([row["name"]], row["is_drained"] or is_ahead(row["paused_until"]))
        yield from (tasks, oldest, paused)


def is_ahead(moment: str | None) -> bool:
    """Whether a moment, as PostgreSQL writes it, is yet to come."""
    if moment is None or moment == "-infinity":
        return False
    return moment == "infinity" or datetime.fromisoformat(moment) > datetime.now(UTC)
