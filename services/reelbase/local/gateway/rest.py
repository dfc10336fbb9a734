"""`/rest/v1`: a streaming reverse proxy to PostgREST.

It does not look into tokens: PostgREST verifies them and answers as on the platform. It checks the
API key, exchanges new-style keys for the JWTs behind them, and decides what PostgREST gets to
believe about where a request comes from.

This is the hot path of every benchmark, so it speaks HTTP/1.1 over a pool of plain asyncio streams
instead of going through an HTTP client's object model.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from time import monotonic
from urllib.parse import urlsplit

import structlog
from starlette.types import Receive, Scope, Send

from reelbase.local.gateway.errors import INVALID_API_KEY, NO_API_KEY
from reelbase.local.gateway.tokens import InvalidToken, api_key_role, api_keys
from reelbase.local.keys import StackKeys

__all__ = ["RestProxy"]

logger = structlog.get_logger(__name__)

Headers = list[tuple[bytes, bytes]]

PREFIX = b"/rest/v1"
IDLE_LIMIT = 20.0
"""Seconds after which an idle connection is not used again; PostgREST closes them at 30."""
POOL_LIMIT = 32
HEAD_LIMIT = 256 * 1024
CHUNK = 64 * 1024
CONNECT_TIMEOUT = 5.0
CONTINUE_TIMEOUT = 1.0
"""Seconds to wait for word to send a large body; HTTP lets a server give none."""

HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
REQUEST_DROPPED = HOP_BY_HOP | {
    b"host",
    b"expect",
    b"content-length",
    b"authorization",
    # A key is for the gateway. SQL can read request headers, and so could a log.
    b"apikey",
    b"forwarded",
    b"x-real-ip",
    b"true-client-ip",
    b"cf-connecting-ip",
}
# `request.*` are the settings that PostgREST makes for SQL; no header may look like one.
REQUEST_DROPPED_PREFIXES = (b"x-forwarded-", b"x-original-", b"x-rewrite-", b"request.")
# CORS is the gateway's business, and uvicorn adds the other two itself.
RESPONSE_DROPPED = HOP_BY_HOP | {b"date", b"server"}
REPEATABLE = frozenset(("GET", "HEAD", "OPTIONS"))


class UpstreamError(Exception):
    """PostgREST could not be reached, or broke off."""


class ClientGone(Exception):  # noqa: N818 (it is nobody's error)
    """The client went away before its request was complete."""


UPSTREAM_ERRORS = (
    UpstreamError,
    OSError,
    asyncio.IncompleteReadError,
    asyncio.LimitOverrunError,
    ValueError,
)
"""What a PostgREST that is down, or dies in the middle, makes of a request."""


class Reader(asyncio.StreamReader):
    """Keeps what has arrived before a connection broke: to read on is to reach the end too early.

    PostgREST answers a request that it refuses without reading its body, and hangs up.
    """

    broken = False

    def set_exception(self, exc: Exception) -> None:  # noqa: ARG002
        """Note that the connection broke."""
        self.broken = True
        self.feed_eof()


@dataclass(slots=True)
class Connection:
    """A connection to PostgREST.

    Attributes:
        used: Whether it has carried a request before, so that PostgREST may have closed it.
        idle_since: Monotonic seconds.
    """

    reader: Reader
    writer: asyncio.StreamWriter
    used: bool = False
    idle_since: float = 0.0

    def is_fresh(self) -> bool:
        """Tell whether it may carry another request."""
        return (
            monotonic() - self.idle_since < IDLE_LIMIT
            and not self.reader.at_eof()
            and not self.writer.is_closing()
        )


@dataclass(slots=True)
class Response:
    """The head of an answer of PostgREST, and how its body is framed.

    Attributes:
        length: Bytes of the body, or None when it is chunked or ends with the connection.
    """

    status: int
    headers: Headers = field(default_factory=list)
    length: int | None = None
    chunked: bool = False
    reusable: bool = True


class RestProxy:
    """The ASGI application under `/rest/v1`.

    Args:
        postgrest_url: Where PostgREST listens, `http://host:port`.
        keys: The keys of this stack.
    """

    def __init__(self, postgrest_url: str, keys: StackKeys) -> None:
        address = urlsplit(postgrest_url)
        self._host = address.hostname or "127.0.0.1"
        self._port = address.port or 80
        self._authority = address.netloc.encode()
        self._base_path = address.path.rstrip("/").encode()
        self._keys = keys
        self._pool: list[Connection] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        raw_path: bytes = scope["raw_path"]
        if not raw_path.startswith(PREFIX + b"/") and raw_path != PREFIX:
            # The prefix was spelled with escapes; nobody's client does that.
            await answer(send, 404, {"message": "no Route matched with those values"})
            return
        query: bytes = scope["query_string"]
        try:
            headers, query = self.outgoing(scope, query)
        except InvalidToken as error:
            await answer(send, 401, NO_API_KEY if error.args == () else INVALID_API_KEY)
            return
        target = self._base_path + (raw_path[len(PREFIX) :] or b"/")
        if query:
            target += b"?" + query
        method: str = scope["method"]
        chunked, length = framing(scope["headers"])
        lines = [method.encode() + b" " + target + b" HTTP/1.1\r\n"]
        lines += [name + b": " + value + b"\r\n" for name, value in headers]
        if chunked:
            lines.append(b"transfer-encoding: chunked\r\n")
        elif length is not None:
            lines.append(b"content-length: " + length + b"\r\n")
        lines.append(b"\r\n")
        body = RequestBody(receive, chunked=chunked) if chunked or length is not None else None
        sent = Sent(send)
        try:
            await self.exchange(method, b"".join(lines), body, sent)
        except ClientGone:
            return
        except UPSTREAM_ERRORS as error:
            # Paths and queries hold users' data: neither is logged.
            logger.warning("postgrest_unreachable", error=type(error).__name__, method=method)
            # Once the head is out, ending without the rest is what tells the client.
            if not sent.started:
                await answer(send, 503, {"message": "The database API cannot be reached"})

    async def aclose(self) -> None:
        """Close all idle connections."""
        pool, self._pool = self._pool, []
        for connection in pool:
            await close(connection)

    async def ping(self) -> bool:
        """Tell whether PostgREST answers requests with its schema cache loaded."""
        head = b"OPTIONS / HTTP/1.1\r\nhost: " + self._authority + b"\r\nconnection: close\r\n\r\n"
        try:
            connection = await self._connect()
            try:
                connection.writer.write(head)
                response = await read_head(connection.reader, "OPTIONS")
            finally:
                await close(connection)
        except UPSTREAM_ERRORS:
            return False
        return response.status == 200

    def outgoing(self, scope: Scope, query: bytes) -> tuple[Headers, bytes]:
        """Return the headers and query that PostgREST gets.

        Raises:
            InvalidToken: The API key is missing (no message) or unknown.
        """
        api_key: bytes | None = None
        authorization: bytes | None = None
        dropped: set[bytes] = set()
        incoming: Headers = scope["headers"]
        for name, value in incoming:
            if name == b"apikey" and api_key is None:
                api_key = value
            elif name == b"authorization" and authorization is None:
                authorization = value
            elif name == b"connection":
                dropped.update(token.strip().lower() for token in value.split(b","))
        if b"apikey=" in query:
            in_query, query = take_api_key(query)
            api_key = in_query if api_key is None else api_key
        if not api_key:
            raise InvalidToken
        caller = api_key_role(api_key.decode("latin-1"), self._keys)
        if authorization is None:
            authorization = b"Bearer " + caller.token.encode()
        else:
            scheme, _, token = authorization.partition(b" ")
            exchanged = api_keys(self._keys).get(token.strip().decode("latin-1"))
            if exchanged is not None and scheme.lower() == b"bearer":
                authorization = b"Bearer " + exchanged.encode()
        headers = [
            (name, value)
            for name, value in incoming
            if name not in REQUEST_DROPPED
            and name not in dropped
            and not name.startswith(REQUEST_DROPPED_PREFIXES)
        ]
        headers.append((b"host", self._authority))
        headers.append((b"authorization", authorization))
        client = scope.get("client")
        # A server that believes the client's own X-Forwarded-For (uvicorn's `proxy_headers`) puts
        # that address here with port 0, which no connection has.
        if client and client[1]:
            headers.append((b"x-forwarded-for", client[0].encode()))
        return headers, query

    async def exchange(
        self, method: str, head: bytes, body: "RequestBody | None", sent: "Sent"
    ) -> None:
        """Send one request and relay its answer."""
        while True:
            connection = await self._acquire()
            async with AsyncExitStack() as stack:
                # Whatever goes wrong, a connection in an unknown state is not used again.
                stack.push_async_callback(close, connection)
                sending: asyncio.Task[None] | None = None
                try:
                    if body is None:
                        connection.writer.write(head)
                    elif await body.send_if_small(connection.writer, head):
                        pass
                    elif (refusal := await go_ahead(connection.reader, method)) is not None:
                        refusal.reusable = False
                        await relay(refusal, connection.reader, sent)
                        return
                    else:
                        sending = asyncio.create_task(body.send_to(connection.writer))
                        stack.push_async_callback(end, sending)
                    response = await read_head(connection.reader, method)
                except (OSError, asyncio.IncompleteReadError):
                    if sending is not None and sending.done():
                        # Why it broke: the client may have gone.
                        sending.result()
                    if connection.used and body is None and method in REPEATABLE:
                        continue
                    raise
                await relay(response, connection.reader, sent)
                all_sent = sending is None or (sending.done() and sending.exception() is None)
                if all_sent and response.reusable and len(self._pool) < POOL_LIMIT:
                    stack.pop_all()
                    connection.used = True
                    connection.idle_since = monotonic()
                    self._pool.append(connection)
            return

    async def _acquire(self) -> Connection:
        while self._pool:
            connection = self._pool.pop()
            if connection.is_fresh():
                return connection
            await close(connection)
        return await self._connect()

    async def _connect(self) -> Connection:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                loop = asyncio.get_running_loop()
                reader = Reader(limit=HEAD_LIMIT, loop=loop)
                protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
                transport, _ = await loop.create_connection(
                    lambda: protocol, self._host, self._port
                )
                writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        except TimeoutError:
            raise UpstreamError("connecting took too long") from None
        return Connection(reader, writer)


class RequestBody:
    """The body of a request, streamed on in the framing that it came in."""

    __slots__ = ("_first", "_more", "chunked", "receive")

    def __init__(self, receive: Receive, *, chunked: bool) -> None:
        self.receive = receive
        self.chunked = chunked
        self._first = b""
        self._more = False

    async def send_if_small(self, writer: asyncio.StreamWriter, head: bytes) -> bool:
        """Send head and body in one packet, or for a large body only the head; return which."""
        self._first, self._more = await self._piece()
        if self._more:
            # PostgREST refuses a bad token without reading the body, and hangs up; its answer would
            # be lost on a connection that is being written to.
            writer.write(head[:-2] + b"expect: 100-continue\r\n\r\n")
        else:
            writer.write(head + self._first)
        await writer.drain()
        return not self._more

    async def send_to(self, writer: asyncio.StreamWriter) -> None:
        """Send a large body; a client that goes away ends the connection."""
        data, more = self._first, self._more
        self._first = b""
        while True:
            writer.write(data)
            await writer.drain()
            if not more:
                return
            try:
                data, more = await self._piece()
            except ClientGone:
                writer.transport.abort()
                raise

    async def _piece(self) -> tuple[bytes, bool]:
        message = await self.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        data: bytes = message.get("body", b"")
        more: bool = message.get("more_body", False)
        if self.chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
            data += b"" if more else b"0\r\n\r\n"
        return data, more


class Sent:
    """An ASGI `send` that remembers whether the answer has begun."""

    __slots__ = ("send", "started")

    def __init__(self, send: Send) -> None:
        self.send = send
        self.started = False

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head of the answer."""
        self.started = True
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    async def body(self, data: bytes, *, more: bool) -> None:
        """Send a piece of the body."""
        await self.send({"type": "http.response.body", "body": data, "more_body": more})


async def close(connection: Connection) -> None:
    """Close a connection at once, sending nothing that is still buffered."""
    connection.writer.transport.abort()
    with suppress(OSError):
        await connection.writer.wait_closed()


async def go_ahead(reader: Reader, method: str) -> Response | None:
    """Wait for word to send a body; return the answer if that is one already."""
    try:
        async with asyncio.timeout(CONTINUE_TIMEOUT):
            response = await read_head(reader, method, interim=True)
    except TimeoutError:
        return None
    return response if response.status >= 200 else None


async def end(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end, whatever that is."""
    task.cancel()
    with suppress(asyncio.CancelledError, ClientGone, *UPSTREAM_ERRORS):
        await task


def take_api_key(query: bytes) -> tuple[bytes | None, bytes]:
    """Split `apikey=…` off a query string; all else stays as it is, byte for byte."""
    pairs = query.split(b"&")
    found = [pair for pair in pairs if pair.startswith(b"apikey=")]
    rest = b"&".join(pair for pair in pairs if not pair.startswith(b"apikey="))
    return (found[0][len(b"apikey=") :] if found else None), rest


def framing(headers: Headers) -> tuple[bool, bytes | None]:
    """Return whether a request is chunked, else its length; chunked wins, as RFC 9112 says."""
    length: bytes | None = None
    for name, value in headers:
        if name == b"transfer-encoding":
            return True, None
        if name == b"content-length":
            length = value
    return False, length


async def read_head(reader: Reader, method: str, *, interim: bool = False) -> Response:
    """Read the head of an answer; interim ones are skipped unless asked for."""
    while True:
        block = await reader.readuntil(b"\r\n\r\n")
        status_line, *lines = block[:-4].split(b"\r\n")
        response = Response(status=int(status_line.partition(b" ")[2][:3]))
        if interim or response.status >= 200:
            break
    for line in lines:
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip()
        if name == b"content-length":
            response.length = int(value)
        elif name == b"transfer-encoding":
            response.chunked = b"chunked" in value.lower()
        elif name == b"connection":
            response.reusable = value.lower() != b"close"
        if name not in RESPONSE_DROPPED and not name.startswith(b"access-control-"):
            response.headers.append((name, value))
    if method == "HEAD" or response.status in {204, 304}:
        response.chunked = False
        response.length = 0
    elif not response.chunked and response.length is None:
        response.reusable = False
    return response


async def relay(response: Response, reader: Reader, sent: Sent) -> None:
    """Pass an answer on, holding no more of it than one piece."""
    pieces = chunks(reader) if response.chunked else plain(reader, response.length)
    async for piece, more in pieces:
        if not sent.started:
            if response.chunked and not more:
                # Known to be whole: without chunks it costs the server one system call less.
                response.headers.append((b"content-length", b"%d" % len(piece)))
            await sent.start(response.status, response.headers)
        await sent.body(piece, more=more)


async def plain(reader: Reader, length: int | None) -> AsyncIterator[tuple[bytes, bool]]:
    """Yield a body of known length, or one that ends with the connection."""
    if length is None:
        while data := await reader.read(CHUNK):
            yield data, True
        if reader.broken:
            raise UpstreamError("the connection broke")
        yield b"", False
        return
    while length > CHUNK:
        length -= CHUNK
        yield await reader.readexactly(CHUNK), True
    yield await reader.readexactly(length), False


async def chunks(reader: Reader) -> AsyncIterator[tuple[bytes, bool]]:
    """Yield a chunked body, gathering small chunks so that a small answer is one piece."""
    gathered = bytearray()
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        if size == 0:
            while await reader.readuntil(b"\r\n") != b"\r\n":
                pass
            yield bytes(gathered), False
            return
        while size:
            data = await reader.readexactly(min(size, CHUNK))
            size -= len(data)
            gathered += data
            if len(gathered) >= CHUNK:
                yield bytes(gathered), True
                gathered.clear()
        await reader.readexactly(2)


async def answer(send: Send, status: int, content: dict[str, str]) -> None:
    """Answer without PostgREST."""
    sent = Sent(send)
    body = json.dumps(content).encode()
    headers = [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    await sent.start(status, headers)
    await sent.body(body, more=False)
