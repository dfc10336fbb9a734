"""Files that a project's link or a public project shows, handed through from storage.

`get_shared_project` and `get_public_project` name their paths. The bytes go through here because
an address at storage tells the owner's user id and the job, and stays good after the link is
dropped. Each answer is made of what is named here; nothing else that storage says is passed on.

Nothing is held whole: a piece is read when the one before it has been taken. A stream ends when its
client goes, and is cut when it stands still; players come back for the rest with `Range`.
"""

import json
import logging
import re
from collections.abc import Mapping
from typing import Literal

import anyio
import httpx
import structlog
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from reelbase.database import Database, ShownFile
from reelbase.errors import ReelbaseError, StorageUnavailable, Unavailable
from reelbase.storage import StoredFiles

__all__ = ["SharedFiles", "shared_file"]

STREAM_SECONDS = 3600.0
"""The longest that one stream may take: it goes on after the link is dropped."""

RETRY_SECONDS = 5
"""When whoever was refused for the moment may come again."""

MAX_ERROR_BYTES = 8192
"""How much of storage's error is read; they are short."""

MAX_CONDITION = 1000

# The database makes tokens of letters and digits; what else is asked for is nobody's.
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,200}")
RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-[0-9]{0,18}|-([0-9]{1,18}))")
CONTENT_RANGE = re.compile(r"bytes [0-9]+-[0-9]+/(?:[0-9]+|\*)")
LENGTH = re.compile(r"[0-9]{1,18}")
TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')
TAGS = re.compile(rf"{TAG.pattern}(?: *, *{TAG.pattern})*")
# What a browser shows or plays and never runs; SVG can hold scripts.
MEDIA = re.compile(r"(?:image/(?!svg)|video/|audio/)[a-z0-9.+-]+|text/vtt")

# Whoever has the address may read the file, from any page, and no cookie decides.
ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
PREFLIGHT = {
    **ANY_ORIGIN,
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "If-None-Match, If-Range, Range",
    "Access-Control-Max-Age": "86400",
}
FILE_HEADERS = {
    **ANY_ORIGIN,
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Length, Content-Range, ETag",
    # Kept by nobody but the viewer, and shown again only after asking: the link may be dropped.
    "Cache-Control": "private, no-cache",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
# The sources let a browser show the file when its address is opened as a page.
CONTENT_HEADERS = {
    "Accept-Ranges": "bytes",
    "Content-Disposition": "inline",
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'"
    ),
}

log = structlog.stdlib.get_logger("reelbase.web")


class SharedFiles:
    """What the answers are made of.

    Args:
        database: Knows who may see what.
        files: Storage.
        max_streams: How many files may be on their way at once.
        stall_seconds: How long a client may leave a piece untaken.
    """

    def __init__(
        self, database: Database, files: StoredFiles, *, max_streams: int, stall_seconds: float
    ) -> None:
        self.database = database
        self.files = files
        self.places = anyio.Semaphore(max_streams)
        self.stall_seconds = stall_seconds


async def shared_file(request: Request) -> Response:
    """Hand a file to whoever may see it; 404 for everything else, 503 for "not now"."""
    if request.method == "OPTIONS":
        return Response(status_code=204, headers=PREFLIGHT)
    shared: SharedFiles = request.app.state.shared_files
    asked = request.path_params
    token, project_id = asked.get("token"), asked.get("project_id")
    if token is not None and TOKEN.fullmatch(token) is None:
        return refusal(404, "not_found")
    try:
        file = await shared.database.find_shown_file(
            str(asked["asset_id"]), token=token, project_id=project_id and str(project_id)
        )
    except ReelbaseError as error:
        # Refused, not only away: the installation is at fault, since what clients send was checked.
        level = logging.WARNING if isinstance(error, Unavailable) else logging.ERROR
        log.log(level, "shared_file_unavailable", error=str(error))
        return refusal(503, "unavailable")
    if file is None:
        return refusal(404, "not_found")
    return StreamedFile(shared, file, request.headers)


class StreamedFile(Response):
    """An answer whose bytes come from storage as the client takes them.

    Its place among the streams and its connection to storage are taken and given back within one
    call: what a body's iterator holds is never given back if nobody begins to read it.

    Args:
        shared: What the answer is made of.
        file: The file, which the client may see.
        asked: The request's headers.
    """

    def __init__(self, shared: SharedFiles, file: ShownFile, asked: Headers) -> None:
        super().__init__()
        self._shared = shared
        self._file = file
        self._asked = asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and let go of everything once the client has gone."""
        try:
            self._shared.places.acquire_nowait()
        except anyio.WouldBlock:
            await refusal(503, "too_many_streams")(scope, receive, send)
            return
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(cancel_when_gone, receive, group.cancel_scope)
                other = await self._stream("HEAD" if scope["method"] == "HEAD" else "GET", send)
                if other is not None:
                    await other(scope, receive, send)
                group.cancel_scope.cancel()
        finally:
            self._shared.places.release()

    async def _stream(self, method: Literal["GET", "HEAD"], send: Send) -> Response | None:
        """Send the file, or return what to answer instead."""
        file, files = self._file, self._shared.files
        wanted = wanted_of(self._asked, method)
        try:
            async with files.opened(method, file.bucket, file.storage_path, wanted) as stored:
                status = await meaning_of(stored)
                if status in {200, 206}:
                    await self._hand_through(stored, method, send)
                    return None
                if status == 304:
                    tag = named(stored, {"etag": TAG})
                    return Response(status_code=304, headers={**FILE_HEADERS, **tag})
            if status == 404:
                return refusal(404, "not_found")
            if span := RANGE.fullmatch(wanted.get("Range", "")):
                # The platform answers 416 in several ways, 500 among them, and without the size.
                size = await files.size(file.bucket, file.storage_path)
                if size is not None and lies_outside(span, size):
                    return refusal(
                        416, "range_not_satisfiable", {"Content-Range": f"bytes */{size}"}
                    )
        except StorageUnavailable as error:
            log.warning("shared_file_unavailable", error=str(error))
        else:
            log.error("shared_file_unavailable", status=status)
        return refusal(503, "unavailable")

    async def _hand_through(
        self, stored: httpx.Response, method: Literal["GET", "HEAD"], send: Send
    ) -> None:
        """Send what storage sends, one piece after the other."""
        mime_type = self._file.mime_type
        headers = {
            **FILE_HEADERS,
            **CONTENT_HEADERS,
            "Content-Type": mime_type if MEDIA.fullmatch(mime_type) else "application/octet-stream",
            **named(stored, {"content-length": LENGTH, "etag": TAG}),
        }
        if stored.status_code == 206:
            headers |= named(stored, {"content-range": CONTENT_RANGE})
        try:
            with anyio.fail_after(STREAM_SECONDS):
                await self._send(
                    send,
                    {
                        "type": "http.response.start",
                        "status": stored.status_code,
                        "headers": [
                            (name.lower().encode(), value.encode())
                            for name, value in headers.items()
                        ],
                    },
                )
                if method == "GET":
                    async for piece in stored.aiter_raw():
                        await self._send(
                            send, {"type": "http.response.body", "body": piece, "more_body": True}
                        )
                await self._send(send, {"type": "http.response.body", "body": b""})
        # The body is left without its end, so that the server breaks the connection off and the
        # client knows.
        except httpx.HTTPError as error:
            log.warning("stream_cut", reason=f"storage: {type(error).__name__}")
        except TimeoutError:
            log.info("stream_cut", reason="the client took nothing, or too long")

    async def _send(self, send: Send, message: Message) -> None:
        """Send once the client has taken what was sent before, or give up."""
        with anyio.fail_after(self._shared.stall_seconds):
            await send(message)


async def cancel_when_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    """Cancel the scope once the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def refusal(status: int, code: str, headers: Mapping[str, str] | None = None) -> Response:
    """Make an answer without a file, which nobody keeps."""
    found = {**ANY_ORIGIN, "Cache-Control": "no-store", **(headers or {})}
    if status == 503:
        found["Retry-After"] = str(RETRY_SECONDS)
    return JSONResponse({"error": code}, status_code=status, headers=found)


def wanted_of(asked: Headers, method: Literal["GET", "HEAD"]) -> dict[str, str]:
    """Return what of a request storage is told: a condition and one range, both well-formed.

    Several ranges, or one that is bound to a date, get the whole file, as HTTP allows.
    """
    wanted = {}
    tags = asked.get("if-none-match", "")
    if len(tags) <= MAX_CONDITION and TAGS.fullmatch(tags):
        wanted["If-None-Match"] = tags
    if method == "GET" and RANGE.fullmatch(span := asked.get("range", "").strip()):
        condition = asked.get("if-range")
        if condition is None:
            wanted["Range"] = span
        elif len(condition) <= MAX_CONDITION and TAG.fullmatch(condition):
            wanted |= {"Range": span, "If-Range": condition}
    return wanted


async def meaning_of(stored: httpx.Response) -> int:
    """Read which status storage means.

    The platform answers most errors with 400 and a body that says which; to HEAD without one, and
    then it is that there is no such file.
    """
    if stored.status_code != 400:
        return stored.status_code
    if stored.request.method == "HEAD":
        return 404
    body = b""
    try:
        async for piece in stored.aiter_raw():
            body += piece
            if len(body) > MAX_ERROR_BYTES:
                return 400
        error = json.loads(body)
        return int(error["statusCode"]) if isinstance(error, dict) else 400
    except (httpx.HTTPError, ValueError, KeyError, TypeError, RecursionError):
        return 400


def named(stored: httpx.Response, patterns: Mapping[str, re.Pattern[str]]) -> dict[str, str]:
    """Return the named headers of storage's answer, those that are of the form given."""
    found = {name: stored.headers.get(name, "") for name in patterns}
    return {name: value for name, value in found.items() if patterns[name].fullmatch(value)}


def lies_outside(span: re.Match[str], size: int) -> bool:
    """Return whether nothing of a file lies in a range."""
    first, suffix = span.groups()
    return int(first) >= size if suffix is None else min(int(suffix), size) == 0
