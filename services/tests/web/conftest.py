"""The web service on loopback, deliveries that are signed, and a way to the database to be cut."""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx
import psycopg
import pytest
from starlette.types import ASGIApp
from uvicorn import Config

from reelbase.local.pytest_plugin import RunningStack
from reelbase.settings import Settings
from reelbase.signatures import read_base64_secrets, sign_standard_webhooks, standard_webhooks
from reelbase.web.app import create_app
from reelbase.web.server import Server, bounded
from reelbase.webhooks import Event, NotGenuine

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KEY = read_base64_secrets(SECRET)[0]


PATIENCE = 30.0
"""Seconds after which something that should happen will not."""


class Signed:
    """A provider that signs as Standard Webhooks has it, and says which job it is about."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def verify(self, headers: Mapping[str, str], body: bytes, now: float) -> Event:
        signed = standard_webhooks([KEY], headers, body, now)
        try:
            told = json.loads(body)
        except (ValueError, RecursionError):
            told = {}
        if not isinstance(told, dict):
            raise NotGenuine("it is no object")
        sent = {"webhook-id": signed.id, "webhook-timestamp": str(signed.timestamp)}
        return Event(signed.id, "prediction", told.get("id"), sent)


def delivery(
    content: Any = None, *, event_id: str | None = None, at: float | None = None
) -> dict[str, Any]:
    """What to send: a body that is signed, and its headers."""
    event_id = event_id or f"msg_{uuid.uuid4().hex}"
    if not isinstance(content, bytes):
        content = json.dumps({"id": uuid.uuid4().hex} if content is None else content).encode()
    headers = sign_standard_webhooks(KEY, event_id, int(time.time() if at is None else at), content)
    return {"content": content, "headers": {**headers, "Content-Type": "application/json"}}


class Cable:
    """A way to a server on loopback that can be cut, and held up."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._open = anyio.Event()
        self._open.set()
        self._is_cut = False
        self._writers: set[asyncio.StreamWriter] = set()
        self.url = ""

    @asynccontextmanager
    async def laid(self) -> AsyncIterator["Cable"]:
        """Lie there as long as the context lasts."""
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            self.cut()
            self.let_go()
            server.close()
            await server.wait_closed()

    def cut(self) -> None:
        """Break what goes through, and let nothing through."""
        self._is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        self._is_cut = False

    def hold(self) -> None:
        """Let nothing more through, either way, until `let_go`."""
        self._open = anyio.Event()

    def let_go(self) -> None:
        self._open.set()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._writers |= {writer, back}
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._carry, reader, back)
                group.start_soon(self._carry, there, writer)
        finally:
            self._writers -= {writer, back}
            for each in (writer, back):
                each.close()

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(65536):
                await self._open.wait()
                sink.write(piece)
                await sink.drain()
        sink.close()


@pytest.fixture
def admin(stack: RunningStack) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(stack.admin_database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def settings(stack: RunningStack) -> Settings:
    return settings_of(stack)


def settings_of(stack: RunningStack, **more: Any) -> Settings:
    return Settings.model_validate(
        {
            "SUPABASE_URL": stack.supabase_url,
            "SUPABASE_SECRET_KEY": stack.secret_key,
            "providers": (),
            **more,
        }
    )


@pytest.fixture
def provider() -> str:
    """A provider of this test's own: nobody else's events have its name."""
    return f"test-{uuid.uuid4().hex[:12]}"


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that nobody tells."""
    with anyio.fail_after(PATIENCE):
        while not condition():  # noqa: ASYNC110
            await anyio.sleep(0.005)


@asynccontextmanager
async def served(app: ASGIApp, **bounds: Any) -> AsyncIterator[tuple[str, Server]]:
    """Serve an application as `reelbase api` does; yields its address and the server."""
    config = Config(
        app,
        host="127.0.0.1",
        port=0,
        http=bounded(**{"max_connections": 2000, **bounds}),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        timeout_graceful_shutdown=20,
    )
    server = Server(config)
    async with anyio.create_task_group() as group:
        group.start_soon(server.serve)
        try:
            await until(lambda: server.started or server.should_exit)
            assert server.started
            port = server.servers[0].sockets[0].getsockname()[1]
            yield f"http://127.0.0.1:{port}", server
        finally:
            server.should_exit = True


@asynccontextmanager
async def intake_of(settings: Settings, provider: str) -> AsyncIterator[httpx.AsyncClient]:
    """The whole service with one provider's webhooks, and a client of it."""
    app = create_app(settings, {provider: Signed(provider)})
    async with (
        served(app) as (url, _),
        httpx.AsyncClient(
            base_url=url, timeout=30, limits=httpx.Limits(max_connections=None)
        ) as client,
    ):
        yield client


def stored(admin: psycopg.Connection[Any], provider: str) -> list[tuple[Any, ...]]:
    """What is stored of a provider's events: id, type, subject, headers, payload, state."""
    return admin.execute(
        "select event_id, type, subject, headers, payload::text, status::text"
        " from worker.webhook_events where provider = %s order by created_at, event_id",
        (provider,),
    ).fetchall()
