"""Reelbase's own web service: webhooks, payments, shared files, and health.

`POST /webhooks/{provider}` takes in what providers tell (`intake`, `commits`), and the inbox
applies what concerns payments (`inbox`). `/checkout` and its neighbours are there when
`REELBASE_PAYMENTS` names whom to pay through (`payments`). `GET /shared/{token}/{asset_id}` and
`GET /public/{project_id}/{asset_id}` hand out what a project's link or a public project shows
(`shared_files`). `GET /health` and `GET /ready` are for whatever restarts and routes (`health`).

Everything is described at `/openapi.json`. Any number of these processes may run side by side.
"""

import math
import os
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from supabase import AsyncClient
from uvicorn import Config

from reelbase import __version__
from reelbase.database import Database, decode, open_client
from reelbase.errors import SettingsError, Unavailable
from reelbase.jwks import KeySet
from reelbase.payments import PaymentProvider, load_payments
from reelbase.providers import load_webhook_sources
from reelbase.providers.base import Configuration, Context
from reelbase.settings import Settings
from reelbase.storage import Storage, open_stored_files
from reelbase.usage import UsageLog
from reelbase.web.answers import refusal
from reelbase.web.bodies import Bodies, BodyRefused, ClientGone, answer_unread, replayed
from reelbase.web.commits import GroupCommit
from reelbase.web.health import health, ready
from reelbase.web.inbox import Inbox
from reelbase.web.intake import MAX_BODY, Intake
from reelbase.web.openapi import documented
from reelbase.web.server import Server, bounded, stop_on_signals, sweep
from reelbase.web.shared_files import SharedFiles, shared_file
from reelbase.web.tally import Tally
from reelbase.web.users import NotAllowed, Users
from reelbase.webhooks import WebhookSource

__all__ = ["config_of", "create_app", "run_api"]

MAX_FORM = 64 * 1024
"""Bytes of a body that is no webhook's."""

MAX_UNREAD = 64 << 20
"""Bytes of all bodies that are not complete yet."""

INBOX_SECONDS = 5.0
"""How long the inbox may go on with what it is at, after SIGTERM."""

AUTH_SECONDS = 5.0

CLOSE_SECONDS = 2.0

WEBHOOKS = "/webhooks/"

# They answer for themselves whom they let in.
OPEN_TO_ALL = (WEBHOOKS, "/shared/", "/public/")

log = structlog.stdlib.get_logger("reelbase.web")


class Service(FastAPI):
    """The application, with what goes past the framework: webhooks, and the reading of bodies.

    `intake` and `bodies` are there while it runs.
    """

    intake: Intake
    bodies: Bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        if scope["path"].startswith(WEBHOOKS):
            await self.intake(scope, receive, send)
            return
        if scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            await super().__call__(scope, receive, send)
            return
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        try:
            body = await self.bodies.read(headers, receive)
        except BodyRefused as refused:
            await answer_unread(refusal(refused.status, refused.code), scope, receive, send)
        except ClientGone:
            return
        else:
            await super().__call__(scope, replayed(body, receive), send)

    def openapi(self) -> dict[str, Any]:
        """Describe every route, those included that are no FastAPI's."""
        if self.openapi_schema is None:
            self.openapi_schema = documented(super().openapi())
        return self.openapi_schema


class BrowserAccess(CORSMiddleware):
    """Lets pages of other sites call, but where a route answers that itself."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http" and scope["path"].startswith(OPEN_TO_ALL):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(settings: Settings, sources: Mapping[str, WebhookSource] | None = None) -> FastAPI:
    """Make the application; it connects when it starts and lets go when it stops.

    Args:
        settings: What to connect to, and how to work.
        sources: Of webhooks about jobs, by name; those of the settings' providers unless given.

    Raises:
        SettingsError: the webhooks of a provider cannot be set up.
    """
    usage = UsageLog()
    if sources is None:
        sources = load_sources(settings, usage)
    app = Service(
        title="Reelbase",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        # Where it would lead is for whoever calls to say, by the header Host.
        redirect_slashes=False,
        lifespan=lambda app: at_work(app, settings, sources, usage),
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
    )
    app.add_exception_handler(HTTPException, answer_http)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(NotAllowed, answer_not_allowed)
    app.add_exception_handler(Unavailable, answer_unavailable)
    app.add_exception_handler(Exception, answer_failure)
    app.add_middleware(
        BrowserAccess,
        allow_origins=settings.allowed_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
        expose_headers=["Retry-After"],
        max_age=86400,
    )
    if settings.payments:
        from reelbase.web.payments import payments_router  # noqa: PLC0415

        app.include_router(payments_router())
    return app


@asynccontextmanager
async def at_work(
    app: Service, settings: Settings, sources: Mapping[str, WebhookSource], usage: UsageLog
) -> AsyncIterator[None]:
    """Connect, and do what goes on beside the requests, for as long as the application runs."""
    async with (
        open_client(settings) as client,
        open_stored_files(settings) as files,
        httpx.AsyncClient(timeout=AUTH_SECONDS, trust_env=False) as http,
    ):
        database = Database(client)

        async def receive(entries: str) -> Any:
            content = await database.send("receive_webhooks", f'{{"p_events":{entries}}}')
            return decode("receive_webhooks", content)

        payments, reconcile = open_till(app, settings, client, usage)
        commits, inbox, tally = GroupCommit(receive), Inbox(database, payments), Tally()
        app.state.parts = {"database": database.ping, "storage": Storage(client).ping}
        app.state.shared_files = SharedFiles(
            database,
            files,
            max_streams=settings.max_streams,
            stall_seconds=settings.stream_stall_seconds,
        )
        app.state.users = users_of(settings, http)
        app.bodies = Bodies(limit=MAX_FORM, total=MAX_UNREAD // 4)
        app.intake = Intake(
            {**sources, **{name: each.webhooks for name, each in payments.items()}},
            commits,
            Bodies(limit=MAX_BODY, total=MAX_UNREAD),
            tally,
            urgent=payments,
            wake=inbox.wake,
        )
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(commits.run)
                group.start_soon(tally.run)
                group.start_soon(usage.run, database)
                if reconcile is not None:
                    group.start_soon(inbox.run)
                    group.start_soon(reconcile)
                yield
                # Every request has been answered by now.
                if reconcile is not None:
                    await inbox.stop(INBOX_SECONDS)
                group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                for each in (*sources.values(), *payments.values()):
                    await close(each)
                await usage.tell_rest(database)


def load_sources(settings: Settings, usage: UsageLog) -> dict[str, WebhookSource]:
    """Set up the webhooks of the providers that the settings name.

    Raises:
        SettingsError: one cannot be.
    """
    try:
        return load_webhook_sources(
            settings.providers, lambda name: context_of(settings, name, usage)
        )
    except Configuration as error:
        raise SettingsError(f"REELBASE_PROVIDERS: {error.message}") from error


def open_till(
    app: FastAPI, settings: Settings, client: AsyncClient, usage: UsageLog
) -> tuple[Mapping[str, PaymentProvider], Callable[[], Coroutine[Any, Any, None]] | None]:
    """Set up the payments that the settings name, and what asks after those that stay open.

    Nothing of them is loaded where none are named.
    """
    if not settings.payments:
        return {}, None
    from reelbase.payments.books import Books  # noqa: PLC0415
    from reelbase.payments.reconcile import Reconciler  # noqa: PLC0415
    from reelbase.web.payments import Till  # noqa: PLC0415

    books = Books(client)
    try:
        payments = load_payments(
            settings.payments, lambda name: context_of(settings, name, usage), books
        )
    except Configuration as error:
        app.state.failure = SettingsError(f"REELBASE_PAYMENTS: {error.message}")
        raise app.state.failure from error
    app.state.till = Till(payments, books)
    return payments, Reconciler(payments, books).run


def context_of(settings: Settings, name: str, usage: UsageLog) -> Context:
    """What a provider is told when its webhooks, or its payments, are set up."""
    callback_url = settings.callback_url
    return Context(
        environ=os.environ,
        webhook_url=None if callback_url is None else f"{callback_url}/{name}",
        on_call=usage.note,
        private_hosts=settings.private_hosts,
    )


def users_of(settings: Settings, http: httpx.AsyncClient) -> Users:
    """Make what knows users by their tokens."""
    auth_url = f"{settings.supabase_url.rstrip('/')}/auth/v1"
    return Users(
        http,
        auth_url,
        settings.supabase_secret_key.get_secret_value(),
        KeySet(f"{auth_url}/.well-known/jwks.json"),
        settings.auth_issuer or auth_url,
    )


async def close(each: object) -> None:
    """Let go of what holds connections, whatever it says."""
    aclose = getattr(each, "aclose", None)
    if aclose is None:
        return
    try:
        with anyio.fail_after(CLOSE_SECONDS):
            await aclose()
    except Exception as error:
        log.warning("close_failed", error=type(error).__name__)


# What goes wrong ----------------------------------------------------------------------------------


async def answer_http(_request: Request, error: Exception) -> Response:
    """Answer what the framework refuses: no such route, another method."""
    assert isinstance(error, HTTPException)
    if error.status_code == 400:
        # What is not even text; other bodies that cannot be read are 422 as well.
        return refusal(422, "invalid_request", "The body cannot be read.")
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    return refusal(error.status_code, code, headers=error.headers)


async def answer_invalid(_request: Request, error: Exception) -> Response:
    """Answer a request that is not of the form that is asked for: which field, and why."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part != "body")
    text = first["msg"][:1].lower() + first["msg"][1:]
    return refusal(422, "invalid_request", f"{place}: {text}." if place else f"{text}.")


async def answer_not_allowed(_request: Request, error: Exception) -> Response:
    """Answer whoever has not shown who they are."""
    assert isinstance(error, NotAllowed)
    return refusal(error.status, error.code, error.message, error.headers())


async def answer_unavailable(_request: Request, error: Exception) -> Response:
    """Answer while something is away."""
    log.warning("unavailable", error=str(error))
    return refusal(503, "unavailable", "Something that this needs is away; come again.")


async def answer_failure(_request: Request, _error: Exception) -> Response:
    """Answer where we are at fault; the server logs why."""
    return refusal(500, "internal_error", "It is not your fault. It has been noted.")


# Serving ------------------------------------------------------------------------------------------


def config_of(app: ASGIApp, settings: Settings) -> Config:
    """Say how an application is served: on the address of the settings, within their bounds."""
    address = urlsplit(settings.api_url)
    return Config(
        app,
        host=address.hostname or "127.0.0.1",
        port=address.port or 54325,
        http=bounded(settings.max_connections),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        timeout_graceful_shutdown=math.ceil(settings.shutdown_seconds),
    )


async def run_api(settings: Settings) -> None:
    """Serve on the address in `REELBASE_API_URL` until SIGTERM or SIGINT.

    Raises:
        SettingsError: a provider of media or payments cannot be set up, or the address is taken.
    """
    app = create_app(settings)
    config = config_of(app, settings)
    server = Server(config)
    with bind(config) as listener:
        async with anyio.create_task_group() as group:
            group.start_soon(stop_on_signals, server)
            group.start_soon(sweep, server)
            # What it would end the process for, we say in our words.
            with suppress(SystemExit):
                await server.serve([listener])
            group.cancel_scope.cancel()
    if not server.started:
        raise getattr(app.state, "failure", None) or SettingsError("It could not be started.")


def bind(config: Config) -> socket.socket:
    """Take the address, so that it is known before anything else is begun.

    Raises:
        SettingsError: it cannot be had.
    """
    try:
        return socket.create_server((config.host, config.port))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        message = f"REELBASE_API_URL: {config.host}:{config.port} cannot be served ({reason})."
        raise SettingsError(message) from error
