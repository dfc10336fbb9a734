"""The frame of all stand-ins: a server on loopback, and everything that may go wrong on the way.

One server, in a thread, serves all stand-ins of a test run, each below a path of its own; a test
has a stand-in to itself. What comes in is kept (`seen`), jobs run their course (`works`), and
`misbehave` says what shall happen instead of a plain answer, once or several times.
"""

import asyncio
import contextlib
import gzip
import json
import re
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Message, Receive, Scope, Send

from reelbase.providers.base import Call, Context, Job

from .media import TINY_MP4

__all__ = [
    "AfterAccepting",
    "Contract",
    "Corrupt",
    "Cut",
    "Drip",
    "Garbage",
    "Given",
    "GzipBomb",
    "Hang",
    "Loopback",
    "Plan",
    "Redirect",
    "Seen",
    "Standin",
    "Status",
    "Swap",
    "Work",
    "a_job",
    "json_reply",
    "loopback",
]

JOB_ID = "6f1d7f0a-0d3c-4c55-9c53-0f0f5a3b7e11"
USER_ID = "0b7f7d57-6f0e-4d59-8f0b-6f0f6b3b7e22"


# Jobs ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """What becomes of a job.

    It is queued, runs, and ends with the look-up after `looks` of them: "succeeded", "failed" (by
    the provider's own fault), "refused" (for what it shows) or "cancelled". With `calls_back` it
    ends at once instead, and the stand-in calls back.
    """

    looks: int = 1
    end: str = "succeeded"
    media: tuple[tuple[bytes | Path, str], ...] = ((TINY_MP4, "video/mp4"),)
    calls_back: bool = False


@dataclass
class Work:
    """A job that a stand-in has taken. `body` is what was asked for."""

    id: str
    body: Any
    plan: Plan
    query: Mapping[str, str] = field(default_factory=dict)
    looks: int = 0
    ended: str | None = None

    @property
    def state(self) -> str:
        """How it stands: "queued", "running", or how it ended."""
        return self.ended or ("running" if self.looks else "queued")

    def look(self) -> str:
        """Look at it, which is what time is counted by; how it stands is returned."""
        if self.ended is None and self.looks >= self.plan.looks:
            self.end()
        self.looks += 1
        return self.state

    def end(self, how: str | None = None) -> None:
        """End it, unless it has."""
        self.ended = self.ended or how or self.plan.end


@dataclass(frozen=True)
class Seen:
    """A request as it came. Names of headers are in lower case; `port` tells connections apart."""

    operation: str | None
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    port: int = 0

    def json(self) -> Any:
        """What was sent, parsed."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Given:
    """A file that goes into a job."""

    role: str
    data: bytes
    mime_type: str | None = "image/png"
    position: int = 0
    url: str = "https://files.example/signed?token=abc"

    async def save(self, folder: Path) -> Path:
        """Write it."""
        path = folder / f"{self.role}-{self.position}"
        path.write_bytes(self.data)
        return path

    async def link(self) -> str:
        """Name its address."""
        return self.url


# Misbehaviour -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reply:
    """An answer, whole."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    async def go(self, send: Send) -> None:
        """Send it."""
        headers = [(n.encode(), v.encode()) for n, v in self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def json_reply(told: Any, status: int = 200, **headers: str) -> Reply:
    """Make an answer in JSON."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Reply(status, (("content-type", "application/json"), *named), json.dumps(told).encode())


@dataclass(frozen=True)
class Exchange:
    """A request that is being answered badly."""

    standin: "Standin"
    seen: Seen
    accept: Callable[[], Any]
    """Has the stand-in do what was asked for; returns the `Reply` that it would have given."""
    receive: Receive
    send: Send

    def cut(self) -> None:
        """Drop the connection, as a machine does that dies."""
        self.send.__self__.transport.abort()  # type: ignore[attr-defined] # uvicorn's cycle


class How(ABC):
    """A way to misbehave."""

    @abstractmethod
    async def play(self, exchange: Exchange) -> None:
        """Do it."""


@dataclass(frozen=True)
class Status(How):
    """Answer with a status, and do nothing of what was asked for."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = field(default_factory=lambda: {"detail": "No."})

    async def play(self, exchange: Exchange) -> None:
        """Do it."""
        reply = json_reply(self.body, self.status)
        await replace(reply, headers=(*reply.headers, *self.headers.items())).go(exchange.send)


@dataclass(frozen=True)
class AfterAccepting(How):
    """Do what was asked for, and then misbehave."""

    how: How

    async def play(self, exchange: Exchange) -> None:
        """Do it."""
        await exchange.accept()
        await self.how.play(exchange)


@dataclass(frozen=True)
class Cut(How):
    """Drop the connection: before anything is done, after it, or in the middle of the answer."""

    after_accepting: bool = False
    midway: bool = False

    async def play(self, exchange: Exchange) -> None:
        """Do it."""
        if self.midway:
            reply = await exchange.accept()
            length = ("content-length", str(len(reply.body)))
            headers = [*(h for h in reply.headers if h[0] != "content-length"), length]
            await exchange.send(
                {
                    "type": "http.response.start",
                    "status": reply.status,
                    "headers": [(n.encode(), v.encode()) for n, v in headers],
                }
            )
            half = reply.body[: len(reply.body) // 2]
            await exchange.send({"type": "http.response.body", "body": half, "more_body": True})
        elif self.after_accepting:
            await exchange.accept()
        exchange.cut()


@dataclass(frozen=True)
class Garbage(How):
    """Do what was asked for, and answer with these bytes."""

    body: bytes = b'{"id": "x", "sta'
    status: int = 200
    mime: str = "application/json"

    async def play(self, exchange: Exchange) -> None:
        """Do it."""
        await exchange.accept()
        await Reply(self.status, (("content-type", self.mime),), self.body).go(exchange.send)


@dataclass(frozen=True)
class Hang(How):
    """Never answer."""

    async def play(self, exchange: Exchange) -> None:
        """Do it."""
        while (await exchange.receive())["type"] != "http.disconnect":
            pass
        exchange.cut()


@dataclass(frozen=True)
class Drip(How):
    """Answer without end, a byte at a time."""

    piece: bytes = b" "
    pause: float = 0.01
    headers: tuple[tuple[bytes, bytes], ...] = ((b"content-type", b"application/json"),)

    async def play(self, exchange: Exchange) -> None:
        """Do it."""
        start: Message = {"type": "http.response.start", "status": 200, "headers": self.headers}
        await exchange.send(start)
        gone = asyncio.ensure_future(exchange.receive())
        while not gone.done():
            await exchange.send(
                {"type": "http.response.body", "body": self.piece, "more_body": True}
            )
            await asyncio.sleep(self.pause)
        exchange.cut()


@dataclass(frozen=True)
class GzipBomb(How):
    """Answer with little that unpacks to much."""

    size: int = 24 << 20

    async def play(self, exchange: Exchange) -> None:
        """Do it."""
        headers = (("content-type", "application/json"), ("content-encoding", "gzip"))
        await Reply(200, headers, zeros(self.size)).go(exchange.send)


@cache
def zeros(size: int) -> bytes:
    """Pack a string of zeros, in JSON."""
    return gzip.compress(b'"' + b"0" * size + b'"', 6)


@dataclass(frozen=True)
class Redirect(How):
    """Send elsewhere."""

    url: str
    status: int = 302

    async def play(self, exchange: Exchange) -> None:
        """Do it."""
        await Reply(self.status, (("location", self.url),), b"").go(exchange.send)


@dataclass(frozen=True)
class Swap(How):
    """Answer about another job, as on a connection on which somebody answered once too often."""

    async def play(self, exchange: Exchange) -> None:
        """Do it."""
        reply = await exchange.accept()
        for each in exchange.standin.works:
            other = each[:-4] + ("beef" if not each.endswith("beef") else "dead")
            reply = replace(reply, body=reply.body.replace(each.encode(), other.encode()))
        await reply.go(exchange.send)


@dataclass(frozen=True)
class Corrupt(How):
    """Answer with something else made of the right answer's JSON, or of none."""

    change: Callable[[Any], Any]

    async def play(self, exchange: Exchange) -> None:
        """Do it."""
        reply = await exchange.accept()
        try:
            told = json.loads(reply.body)
        except ValueError:
            told = None
        body = json.dumps(self.change(told)).encode()
        headers = tuple(each for each in reply.headers if each[0] != "content-length")
        await replace(reply, body=body, headers=headers).go(exchange.send)


# Stand-ins ----------------------------------------------------------------------------------------


class Standin(ABC):
    """One provider on loopback, for one test.

    Attributes of a subclass:
        name: The provider's.
        key: The API key that it takes.
        operations: What a request is, by method and path below `url`.
    """

    name: ClassVar[str]
    key: ClassVar[str] = "sk-standin-0123456789abcdef"
    operations: ClassVar[Sequence[tuple[str, str, str]]]

    def __init__(self, url: str) -> None:
        self.url = url
        self.seen: list[Seen] = []
        self.calls: list[Call] = []
        self.works: dict[str, Work] = {}
        self.plan = Plan()
        self._files: list[tuple[bytes | Path, str]] = []
        self._tricks: dict[str, list[How]] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._app = Starlette(routes=[*self.routes(), Route("/files/{n:int}", self._serve)])

    # What a vendor fills in

    @abstractmethod
    def routes(self) -> list[BaseRoute]:
        """The API."""

    @property
    @abstractmethod
    def environ(self) -> dict[str, str]:
        """What tells the adapter where this is, and its key."""

    def check_key(self, request: Request) -> Response | None:
        """Refuse whoever has not the key; `Authorization: Bearer` unless overridden."""
        if request.headers.get("authorization") == f"Bearer {self.key}":
            return None
        return JSONResponse({"detail": "Invalid authentication credentials."}, 401)

    def delivery(self, work: Work) -> tuple[str, dict[str, str], bytes] | None:
        """What is delivered when a job has ended: address, headers, body; None: nothing."""
        return None

    # What tests use

    @property
    def host(self) -> str:
        """Where it listens, with its port."""
        return urlsplit(self.url).netloc

    def context(self, **changes: Any) -> Context:
        """What the adapter is given."""
        told: dict[str, Any] = {
            "environ": self.environ,
            "private_hosts": frozenset({self.host}),
            "on_call": self.calls.append,
            "max_output_bytes": 4 << 20,
            "fetch_seconds": 20.0,
        }
        return Context(**(told | changes))

    def file(self, data: bytes | Path, mime: str) -> str:
        """Serve a file; its address is returned."""
        self._files.append((data, mime))
        return f"{self.url}/files/{len(self._files) - 1}"

    def take(self, body: Any, query: Mapping[str, str] | None = None) -> Work:
        """Accept a job."""
        work = Work(self.new_id(len(self.works)), body, self.plan, dict(query or {}))
        self.works[work.id] = work
        return work

    def new_id(self, number: int) -> str:
        """Name a job."""
        return f"{self.name}-job-{number}-{abs(hash((self.url, number))) % 16**8:08x}"

    def media(self, work: Work) -> list[str]:
        """Serve what a job made; the addresses are returned."""
        return [self.file(data, mime) for data, mime in work.plan.media]

    def misbehave(self, how: How, on: str = "submit", times: int = 1) -> None:
        """Have the next requests of an operation answered badly; `fetch` is that of files."""
        self._tricks.setdefault(on, []).extend([how] * times)

    def of(self, operation: str) -> list[Seen]:
        """The requests of an operation."""
        return [each for each in self.seen if each.operation == operation]

    def call_back(self, work: Work, **changes: Any) -> int | None:
        """End a job if it has not, and deliver the news; the status of the answer is returned."""
        work.end()
        if (told := self.delivery(work)) is None:
            return None
        url, headers, body = told
        headers = headers | changes.get("headers", {})
        return httpx.post(url, content=changes.get("body", body), headers=headers).status_code

    # How it works

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        body = bytearray()
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        request = Request(scope)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        seen = Seen(
            self._operation(scope["method"], path),
            scope["method"],
            path,
            dict(request.query_params),
            dict(request.headers),
            bytes(body),
            scope["client"][1],
        )
        self.seen.append(seen)

        left = [bytes(body)]

        async def replay() -> Message:
            if left:
                return {"type": "http.request", "body": left.pop(), "more_body": False}
            return await receive()

        async def accept() -> Reply:
            parts: dict[str, Any] = {"body": b""}

            async def keep(message: Message) -> None:
                if message["type"] == "http.response.start":
                    parts["status"], parts["headers"] = message["status"], message["headers"]
                else:
                    parts["body"] += message.get("body", b"")

            await self._app(scope, replay, keep)
            headers = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in parts["headers"])
            return Reply(parts["status"], headers, parts["body"])

        before = set(self.works)
        if tricks := self._tricks.get(seen.operation or "", []):
            await tricks.pop(0).play(Exchange(self, seen, accept, receive, send))
        else:
            await self._app(scope, replay, send)
        for work in [self.works[each] for each in self.works if each not in before]:
            if work.plan.calls_back:
                task = asyncio.create_task(self._call_back(work))
                self._background.add(task)
                task.add_done_callback(self._background.discard)

    async def _call_back(self, work: Work) -> None:
        """Call back until somebody listens, as vendors do."""
        work.end()
        if (told := self.delivery(work)) is None:
            return
        url, headers, body = told
        async with httpx.AsyncClient() as client:
            for attempt in range(20):
                with contextlib.suppress(httpx.HTTPError):
                    answer = await client.post(url, content=body, headers=headers)
                    if answer.is_success:
                        return
                await asyncio.sleep(0.05 * attempt)

    def _operation(self, method: str, path: str) -> str | None:
        if path.startswith("/files/"):
            return "fetch"
        for operation, its_method, pattern in self.operations:
            if method == its_method and re.fullmatch(pattern, path):
                return operation
        return None

    async def _serve(self, request: Request) -> Response:
        number = request.path_params["n"]
        if number >= len(self._files):
            return JSONResponse({"detail": "Not found"}, 404)
        data, mime = self._files[number]
        if isinstance(data, Path):
            return FileResponse(data, media_type=mime)
        return Response(data, media_type=mime)


Kind = TypeVar("Kind", bound=Standin)


# The server ---------------------------------------------------------------------------------------


class Loopback:
    """The server of all stand-ins of a test run."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._standins: dict[str, Standin] = {}
        self._opened = 0
        config = uvicorn.Config(
            self._app,
            http="h11",
            ws="none",
            interface="asgi3",
            proxy_headers=False,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self.server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self.server.run, args=([self._socket],))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def open(self, kind: type[Kind]) -> Kind:
        """Open a stand-in of a kind, with a path of its own."""
        self._opened += 1
        standin = kind(f"{self.url}/{self._opened}")
        self._standins[str(self._opened)] = standin
        return standin

    def start(self) -> None:
        """Serve; connections wait in the backlog until it does."""
        self._thread.start()

    def stop(self) -> None:
        """Serve no more."""
        self.server.should_exit = True
        self._thread.join()
        self._socket.close()

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = scope["path"].split("/")[1]
        if (standin := self._standins.get(name)) is None:
            return await JSONResponse({"detail": "No such stand-in."}, 404)(scope, receive, send)
        return await standin({**scope, "root_path": f"/{name}"}, receive, send)


@contextmanager
def loopback() -> Iterator[Loopback]:
    """Serve stand-ins as long as this is open."""
    server = Loopback()
    server.start()
    try:
        yield server
    finally:
        server.stop()


# The contract -------------------------------------------------------------------------------------


def a_job(**changes: Any) -> Job:
    """Make a job."""
    told: dict[str, Any] = {
        "id": JOB_ID,
        "user_id": USER_ID,
        "kind": "text_to_video",
        "mode": "draft",
        "model": "some-model",
        "attempt": 1,
        "prompt": "A lighthouse in a storm, seen from the sea",
        "aspect_ratio": "16:9",
        "resolution": "720p",
        "duration_seconds": 5,
    }
    return Job(**(told | changes))


@dataclass(frozen=True)
class Contract:
    """What the tests of all providers must know of one.

    Attributes:
        provider: Its name.
        standin: The stand-in for it; None where it needs no network.
        job: A job that it can do.
        keys: The environment variables without which it cannot be made.
        synchronous: A submission ends with the result; there is nothing to look up.
        recovers: A submission whose answer was lost can be looked for.
        calls_back: It has webhooks.
        plan: What becomes of the jobs of the tests, where it is not a film.
    """

    provider: str
    standin: type[Standin] | None
    job: Job = field(default_factory=a_job)
    keys: tuple[str, ...] = ()
    synchronous: bool = False
    recovers: bool = False
    calls_back: bool = False
    plan: Plan = Plan()
