"""`/storage/v1`: buckets and files, with the platform's API and its row-level security.

A stored file is a row in `storage.objects` and a file in `storage_dir`; the row is the truth, and
the policies on the table decide every call. Image transformation and the S3 protocol are not here.
See the other `storage_*` modules: `storage_calls` for how a request becomes a caller's transaction,
`storage_files` and `storage_partials` for what lies on disk, `storage_resumable` for uploads that
come in pieces, `storage_names` for what a path may be.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import structlog
from anyio import create_task_group, sleep, to_thread
from psycopg_pool import PoolTimeout
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from reelbase.local.gateway.config import GatewayConfig
from reelbase.local.gateway.storage_buckets import bucket_routes
from reelbase.local.gateway.storage_calls import StorageService
from reelbase.local.gateway.storage_database import Pool, create_pool
from reelbase.local.gateway.storage_files import FileStore, unlink_all
from reelbase.local.gateway.storage_objects import object_routes
from reelbase.local.gateway.storage_partials import Partials
from reelbase.local.gateway.storage_reads import read_routes
from reelbase.local.gateway.storage_resumable import resumable_routes
from reelbase.local.gateway.storage_signing import UrlSigner

__all__ = ["storage_is_healthy", "storage_lifespan", "storage_routes"]

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
DATABASE_WAIT = 600
"""Seconds that the database may take to come up before tidying is left to the next start."""

EXPIRY_PAUSE = 600
"""Seconds between looks for uploads whose hour has come."""

KNOWN_VERSIONS = "select version from storage.objects where version is not null"


def storage_routes(config: GatewayConfig) -> list[Route | Mount]:  # noqa: ARG001 (the contract)
    """Return the routes of the storage server, below `/storage/v1`."""
    routes: list[BaseRoute] = [
        Route("/status", status),
        *bucket_routes(),
        *read_routes(),
        *object_routes(),
        *resumable_routes(),
        Route("/{path:path}", not_found, methods=METHODS),
    ]
    return [Mount("/storage/v1", routes=routes)]


@asynccontextmanager
async def storage_lifespan(app_state: State, config: GatewayConfig) -> AsyncIterator[None]:
    """Open the storage server's connections, tidy its folder, and close all of it at the end.

    The database need not be up yet: `storage_is_healthy` says when it is.

    Args:
        app_state: The application's state; `storage` is set on it.
        config: Addresses, keys and the folder.
    """
    files = await to_thread.run_sync(FileStore, config.storage_dir)
    partials = Partials(files)
    leftovers = await to_thread.run_sync(left_behind, files, partials)
    async with create_pool(config.storage_database_url) as pool, create_task_group() as tasks:
        signer = UrlSigner(config.keys.jwt_secret)
        app_state.storage = StorageService(pool, files, partials, signer, config.keys)
        tasks.start_soon(sweep, pool, leftovers)
        tasks.start_soon(expire, partials)
        yield
        tasks.cancel_scope.cancel()


def left_behind(files: FileStore, partials: Partials) -> list[Path]:
    """Return every file that is there, but for uploads that may go on; blocks."""
    living = partials.living()
    return [path for path in files.leftovers() if path not in living]


async def expire(partials: Partials) -> None:
    """Remove uploads that did not become whole in time, for ever."""
    while True:
        await sleep(EXPIRY_PAUSE)
        if gone := await to_thread.run_sync(partials.expire):
            await structlog.get_logger("storage").ainfo("storage.uploads_expired", uploads=gone)


async def sweep(pool: Pool, leftovers: list[Path]) -> None:
    """Remove what a crash left behind.

    Every new file gets a name of its own, so that a file which was there at the start and which no
    row names will never be named again, however late this runs.

    Args:
        pool: Connections to the database.
        leftovers: The files that were there before anything was served.
    """
    log = structlog.get_logger("storage")
    try:
        await pool.wait(timeout=DATABASE_WAIT)
        async with pool.connection() as connection:
            cursor = await connection.execute(KNOWN_VERSIONS)
            known = {row["version"] for row in await cursor.fetchall()}
    except (psycopg.Error, PoolTimeout) as error:
        # Nothing is lost: the next start tries again.
        await log.awarning("storage.not_swept", error=type(error).__name__)
        return
    stale = [path for path in leftovers if path.name not in known]
    await to_thread.run_sync(unlink_all, stale)
    if stale:
        await log.ainfo("storage.swept", files=len(stale))


async def storage_is_healthy(app_state: State) -> bool:
    """Return whether the storage server reaches its tables; raises what the database raises."""
    service: StorageService = app_state.storage
    async with service.pool.connection() as connection:
        await connection.execute("select id from storage.buckets limit 1")
    return True


async def status(request: Request) -> Response:
    """Say that the server is there."""
    await storage_is_healthy(request.app.state)
    return Response()


async def not_found(request: Request) -> Response:
    """Answer a path or a method that the storage server does not have."""
    message = f"Route {request.method}:{request.url.path} not found"
    content = {"message": message, "error": "Not Found", "statusCode": 404}
    return JSONResponse(content, status_code=404)
