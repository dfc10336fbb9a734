"""Reelbase's own web service: health for whatever restarts and routes, and shared files.

`GET /health` says that this process lives and nothing else. `GET /ready` goes through PostgREST
into the schema `worker` and through Storage to a bucket, and answers 503 with the parts that did
not answer in time.

`GET /shared/{token}/{asset_id}` and `GET /public/{project_id}/{asset_id}` hand out what a project's
link or a public project shows, by a redirect to a signed address. They are the paths that
`get_shared_project` and `get_public_project` name.
"""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import anyio
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from reelbase.database import Database, open_client
from reelbase.errors import ReelbaseError, Unavailable
from reelbase.settings import Settings
from reelbase.storage import Storage

__all__ = ["create_app", "run_api"]

SIGNED_SECONDS = 3600
"""How long a shared file's address is good; long enough to watch it."""

READY_SECONDS = 2.0
"""How long a part may take to answer."""

log = structlog.stdlib.get_logger("reelbase.web")


def create_app(settings: Settings) -> Starlette:
    """Make the application; it connects when it starts and lets go when it stops."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_client(settings) as client:
            app.state.parts = {
                "database": Database(client).ping,
                "storage": Storage(client).ping,
            }
            app.state.database = Database(client)
            app.state.storage = Storage(client)
            yield

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/ready", ready),
            Route("/shared/{token}/{asset_id:uuid}", shown_file),
            Route("/public/{project_id:uuid}/{asset_id:uuid}", shown_file),
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


async def shown_file(request: Request) -> Response:
    """Send whoever may see a file to where it lies; 404 for everything else, 503 for "not now"."""
    asked = request.path_params
    token, project_id = asked.get("token"), asked.get("project_id")
    try:
        found = await request.app.state.database.find_shown_file(
            str(asked["asset_id"]), token=token, project_id=project_id and str(project_id)
        )
        if found is None:
            return JSONResponse({"error": "not_found"}, status_code=404)
        address = await request.app.state.storage.sign(*found, SIGNED_SECONDS)
    except Unavailable:
        return JSONResponse({"error": "unavailable"}, status_code=503)
    except ReelbaseError as error:
        log.error("shown_file_refused", error=str(error))
        return JSONResponse({"error": "not_found"}, status_code=404)
    # Whoever keeps the answer must not send others to an address that has ended.
    return RedirectResponse(address, headers={"Cache-Control": "no-store"})


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
