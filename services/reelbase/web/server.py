"""The HTTP server: uvicorn, with bounds on what strangers may take.

uvicorn waits without end for a request to become complete, gathers a head for as long as it goes
on, and accepts whoever comes. Here a head has a size, and head and body have a time each; no more
connections are kept than the settings say, and those beyond are let go before anything is read.
"""

import asyncio
import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import anyio
import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = [
    "BoundedProtocol",
    "Server",
    "bounded",
    "calm_collector",
    "drop_late",
    "stop_on_signals",
    "sweep",
]

MAX_HEAD = 64 * 1024
"""Bytes that may arrive without a head, or a piece of a body, becoming complete."""

PATIENCE_SECONDS = 10.0
"""How long a head may take, since its first byte or since the connection was made; and a body."""

SWEEP_SECONDS = 2.0

TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\ncontent-length: 20\r\n"
    b'connection: close\r\n\r\n{"error":"too_slow"}'
)

log = structlog.stdlib.get_logger("reelbase.web")


class Server(uvicorn.Server):
    """A server whose signals are ours: uvicorn would die of them after having stopped in order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


class BoundedProtocol(HttpToolsProtocol):
    """A connection that is let go if it is one too many, or if a request does not end."""

    max_connections: ClassVar[int] = 2000
    patience_seconds: ClassVar[float] = PATIENCE_SECONDS

    _unfinished = 0
    _since: float | None = None
    _is_in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let it go at once if there are too many."""
        super().connection_made(transport)
        self._since = self.loop.time()
        if len(self.connections) > self.max_connections:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Count what led to nothing so far."""
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > MAX_HEAD and not self.transport.is_closing():
            self.send_400_response("Request header is too large.")

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._since = self.loop.time()

    def on_headers_complete(self) -> None:
        """A head has ended, and a body begins."""
        self._unfinished = 0
        self._since = self.loop.time()
        self._is_in_body = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body has come."""
        self._unfinished = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is complete."""
        self._since = None
        self._is_in_body = False
        super().on_message_complete()

    def is_late(self, now: float) -> bool:
        """Whether a request does not end. One that has others before it may wait."""
        return (
            self._since is not None
            and now - self._since > self.patience_seconds
            and not self.pipeline
        )

    def drop(self) -> None:
        """Let go of a connection, and say why to whoever is in the middle of a body."""
        if self._is_in_body and not self.cycle.response_started:
            self.transport.write(TOO_SLOW)
            self.transport.close()
        else:
            self.transport.abort()


def bounded(
    max_connections: int, patience_seconds: float = PATIENCE_SECONDS
) -> type[BoundedProtocol]:
    """Make the protocol of a server with these bounds."""
    bounds = {"max_connections": max_connections, "patience_seconds": patience_seconds}
    return type("BoundedProtocol", (BoundedProtocol,), bounds)


def drop_late(server: Server) -> int:
    """Let go of connections whose requests do not end; return how many there were."""
    now = asyncio.get_running_loop().time()
    late = [
        each
        for each in server.server_state.connections
        if isinstance(each, BoundedProtocol) and each.is_late(now)
    ]
    for each in late:
        each.drop()
    if late:
        log.info("connections_dropped", count=len(late), reason="a request did not end")
    return len(late)


def calm_collector() -> None:
    """Have the garbage collector leave alone what is there for good, and look at the rest seldom.

    What a request leaves goes without it. Otherwise it would walk through all that was imported,
    for a tenth of a second and while every request waits, as often as many are under way.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


async def sweep(server: Server) -> None:
    """Let go of such connections now and then, for as long as it serves."""
    while True:
        await anyio.sleep(SWEEP_SECONDS)
        drop_late(server)


async def stop_on_signals(server: Server) -> None:
    """Finish what is being answered, then stop."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            server.should_exit = True
