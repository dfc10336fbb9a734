"""Reelbase's own web service: health for whatever restarts and routes, and shared files.

`GET /health` says that this process lives and nothing else. `GET /ready` goes through PostgREST
into the schema `worker` and through Storage to a bucket, and answers 503 with the parts that did
not answer in time.

`GET /shared/{token}/{asset_id}` and `GET /public/{project_id}/{asset_id}` hand out what a project's
link or a public project shows (`shared_files`).
"""

import math
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import anyio
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from reelbase.database import Database, open_client
from reelbase.errors import ReelbaseError
from reelbase.settings import Settings
from reelbase.storage import Storage, open_stored_files
from reelbase.web.shared_files import SharedFiles, shared_file

__all__ = ["create_app", "run_api"]

READY_SECONDS = 2.0
"""How long a part may take to answer."""

log = structlog.stdlib.get_logger("reelbase.web")


def create_app(settings: Settings) -> Starlette:
    """Make the application; it connects when it starts and lets go when it stops."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_client(settings) as client, open_stored_files(settings) as files:
            app.state.parts = {
                "database": Database(client).ping,
                "storage": Storage(client).ping,
            }
            app.state.shared_files = SharedFiles(
                Database(client),
                files,
                max_streams=settings.max_streams,
                stall_seconds=settings.stream_stall_seconds,
            )
            yield

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/ready", ready),
            Route("/shared/{token}/{asset_id:uuid}", shared_file, methods=["GET", "OPTIONS"]),
            Route(
                "/public/{project_id:uuid}/{asset_id:uuid}",
                shared_file,
                methods=["GET", "OPTIONS"],
            ),
        ],
        lifespan=lifespan,
    )


async def health(_request: Request) -> JSONResponse:
    """Say that the process lives."""
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> JSONResponse:
    """Say whether all that the services need answers, and which part does not."""
    parts: dict[str, str] = {}

    async def check(name: str, ping: Callable[[], Awaitable[None]]) -> None:
        parts[name] = "unavailable"
        try:
            with anyio.fail_after(READY_SECONDS):
                await ping()
        except (ReelbaseError, TimeoutError) as error:
            # The reason is for the log: whoever may ask here need not learn it.
            log.warning("not_ready", part=name, error=str(error) or type(error).__name__)
        else:
            parts[name] = "ok"

    async with anyio.create_task_group() as group:
        for name, ping in request.app.state.parts.items():
            group.start_soon(check, name, ping)
    good = all(state == "ok" for state in parts.values())
    return JSONResponse(
        {"status": "ready" if good else "not_ready", "parts": parts},
        status_code=200 if good else 503,
    )


async def run_api(settings: Settings) -> None:
    """Serve on the address in `REELBASE_API_URL` until SIGTERM or SIGINT.

    Raises:
        SystemExit: the address is taken.
    """
    address = urlsplit(settings.api_url)
    config = uvicorn.Config(
        create_app(settings),
        host=address.hostname or "127.0.0.1",
        port=address.port or 54325,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=math.ceil(settings.shutdown_seconds),
    )
    server = Server(config)
    async with anyio.create_task_group() as group:
        group.start_soon(stop_on_signals, server)
        await server.serve()
        group.cancel_scope.cancel()


class Server(uvicorn.Server):
    """A server whose signals are ours: uvicorn would die of them after having stopped in order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


async def stop_on_signals(server: Server) -> None:
    """Finish what is being answered, then stop."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            server.should_exit = True
