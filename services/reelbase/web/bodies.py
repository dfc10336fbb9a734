"""The bodies of requests, read within bounds of size and memory.

A body that comes at once costs nothing but itself. What comes in pieces is counted while it comes,
all requests together, so that a thousand slow ones cannot take all memory. Who is refused before
the body was read gets the whole answer first; then a bounded rest of the body is let go by, since
a connection that is closed with bytes unread breaks off the answer too.
"""

import re
from collections.abc import Mapping

import anyio
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

__all__ = ["Bodies", "BodyRefused", "ClientGone", "answer_unread", "replayed"]

LENGTH = re.compile(r"[0-9]{1,15}")

DRAIN_SECONDS = 2.0

DRAIN_BYTES = 4 << 20


class BodyRefused(Exception):  # noqa: N818 - a verdict
    """A body is too large, or one too many at this moment."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class ClientGone(Exception):  # noqa: N818 - it is nobody's error
    """The client went away before its request was complete."""


class Bodies:
    """Reads bodies. How long one may take is the server's business.

    Args:
        limit: Bytes of one.
        total: Bytes of all that are not complete yet.
    """

    def __init__(self, *, limit: int, total: int) -> None:
        self._limit = limit
        self._total = total
        self._held = 0

    async def read(self, headers: Mapping[str, str], receive: Receive) -> bytes:
        """Return a request's body.

        Args:
            headers: By lower-case name.
            receive: The request's.

        Raises:
            BodyRefused: with 413 or 503.
            ClientGone: before the end.
        """
        length = headers.get("content-length")
        if length is not None and (LENGTH.fullmatch(length) is None or int(length) > self._limit):
            raise BodyRefused(413, "too_large")
        message = await receive()
        body = piece_of(message)
        if not message.get("more_body", False):
            if len(body) > self._limit:
                raise BodyRefused(413, "too_large")
            return body
        pieces = bytearray()
        try:
            while True:
                pieces += body
                self._held += len(body)
                if len(pieces) > self._limit:
                    raise BodyRefused(413, "too_large")
                if self._held > self._total:
                    raise BodyRefused(503, "busy")
                if not message.get("more_body", False):
                    return bytes(pieces)
                message = await receive()
                body = piece_of(message)
        finally:
            self._held -= len(pieces)


def piece_of(message: Message) -> bytes:
    """Return the bytes of a message, which must be of a body."""
    if message["type"] != "http.request":
        raise ClientGone
    piece: bytes = message.get("body", b"")
    return piece


def replayed(body: bytes, receive: Receive) -> Receive:
    """Make a `receive` that gives a body that was read already, and then what comes."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def answer_unread(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request whose body was not read to its end, and close the connection.

    Args:
        response: A whole one, with its length.
        scope: The request's.
        receive: The request's.
        send: The request's.
    """
    response.headers["Connection"] = "close"

    async def hold_back(message: Message) -> None:
        if message["type"] == "http.response.body":
            await send({**message, "more_body": True})
        else:
            await send(message)

    await response(scope, receive, hold_back)
    with anyio.move_on_after(DRAIN_SECONDS):
        left = DRAIN_BYTES
        while left > 0:
            message = await receive()
            if message["type"] != "http.request" or not message.get("more_body", False):
                break
            left -= len(message.get("body", b""))
    await send({"type": "http.response.body", "body": b""})
