"""`/health` and `/ready`, for whatever restarts and routes.

`GET /health` says that this process lives and nothing else. `GET /ready` asks the parts in
`app.state.parts`, by name, and answers 503 with those that did not answer in time.
"""

from collections.abc import Awaitable, Callable

import anyio
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse

from reelbase.errors import ReelbaseError

__all__ = ["READY_SECONDS", "health", "ready"]

READY_SECONDS = 2.0
"""How long a part may take to answer."""

log = structlog.stdlib.get_logger("reelbase.web")


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
