"""The gateway: one ASGI application with the platform's paths.

A development stand-in for the platform. It is meant for loopback only, which whoever runs it sees
to; it shows no tracebacks, and neither keys nor tokens reach its logs.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg
from psycopg.rows import dict_row
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, Router

from reelbase.local.gateway.auth import AuthServer
from reelbase.local.gateway.auth_users import Pool
from reelbase.local.gateway.config import GatewayConfig
from reelbase.local.gateway.pools import CheckedPool
from reelbase.local.gateway.rest import RestProxy
from reelbase.local.gateway.storage import storage_is_healthy, storage_lifespan, storage_routes

__all__ = ["create_app"]

AUTH_CONNECTIONS = 8

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
EXPOSED_HEADERS = (
    "content-disposition",
    "content-encoding",
    "content-location",
    "content-profile",
    "content-range",
    "content-type",
    "date",
    "etag",
    "link",
    "location",
    "preference-applied",
    "range-unit",
    "server",
    "transfer-encoding",
    "tus-extension",
    "tus-max-size",
    "tus-resumable",
    "tus-version",
    "upload-expires",
    "upload-length",
    "upload-metadata",
    "upload-offset",
    "x-sb-error-code",
    "x-supabase-api-version",
    "x-total-count",
)
PREFLIGHT_LIFETIME = 3600
"""Seconds that a browser may remember an answer to a preflight request."""


def create_app(config: GatewayConfig) -> Starlette:
    """Return the gateway of one stack; its pools open and close with its lifespan."""
    auth_pool = make_auth_pool(config)
    auth = AuthServer(config, auth_pool)
    rest = RestProxy(config.postgrest_url, config.keys)

    async def health(request: Request) -> Response:
        parts = {
            "rest": await rest.ping(),
            "auth": await auth.ping(),
            "storage": await storage_answers(request.app),
        }
        return JSONResponse(parts, status_code=200 if all(parts.values()) else 503)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(auth_pool)
            stack.push_async_callback(rest.aclose)
            await stack.enter_async_context(storage_lifespan(app.state, config))
            yield

    app = Starlette(
        debug=False,
        routes=[
            Mount("/rest/v1", app=rest),
            # A redirect would be made of the Host header, and the platform sends none.
            Mount("/auth/v1", app=Router(auth.routes(), redirect_slashes=False)),
            *storage_routes(config),
            Route("/health", health, methods=["GET"]),
        ],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=["*"],
                allow_methods=METHODS,
                allow_headers=["*"],
                expose_headers=EXPOSED_HEADERS,
                max_age=PREFLIGHT_LIFETIME,
            )
        ],
        exception_handlers={HTTPException: not_routed},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


async def storage_answers(app: Starlette) -> bool:
    """Tell whether the storage server reaches its tables."""
    try:
        return await storage_is_healthy(app.state)
    except psycopg.Error:
        return False


def make_auth_pool(config: GatewayConfig) -> Pool:
    """Return the auth server's pool, not yet open."""
    return CheckedPool(
        config.auth_database_url,
        min_size=1,
        max_size=AUTH_CONNECTIONS,
        kwargs={
            "autocommit": True,
            "row_factory": dict_row,
            "options": "-c search_path=auth",
            "application_name": "reelbase-auth",
        },
        open=False,
        name="auth",
        timeout=10,
    )


async def not_routed(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """Answer a path or method that nothing here serves, as the platform's gateway does."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    message = "no Route matched with those values" if status == 404 else "Method not allowed"
    return JSONResponse({"message": message}, status_code=status, headers=headers)
