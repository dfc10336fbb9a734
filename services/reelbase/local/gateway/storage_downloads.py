"""Answers that carry a stored file: conditions, one range, headers, and the bytes in pieces."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any, BinaryIO
from urllib.parse import quote

import anyio
from anyio import to_thread
from psycopg.rows import DictRow
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from reelbase.local.gateway.storage_errors import StorageError
from reelbase.local.gateway.storage_names import HEADER_VALUE

__all__ = ["file_response"]

READ_SIZE = 256 * 1024
"""Bytes that are in memory at a time."""

RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))")


@dataclass(frozen=True, slots=True)
class Span:
    """Part of a file: where it starts and how many bytes it has."""

    start: int
    length: int


class StreamedFile(Response):
    """A response whose body is read from an open file, which it closes.

    Args:
        file: The file.
        span: What of it to send.
        status_code: 200 or 206.
        headers: All headers.
    """

    def __init__(
        self, file: BinaryIO, span: Span, status_code: int, headers: Mapping[str, str]
    ) -> None:
        super().__init__(status_code=status_code, headers=headers)
        self._file = file
        self._span = span

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response, and stop reading when the client goes away."""
        with self._file:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
                return
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(cancel_on_disconnect, receive, tasks.cancel_scope)
                await self._send_body(send)
                tasks.cancel_scope.cancel()

    async def _send_body(self, send: Send) -> None:
        position, left = self._span.start, self._span.length
        while left > 0:
            data = await to_thread.run_sync(
                os.pread, self._file.fileno(), min(READ_SIZE, left), position
            )
            if not data:
                # Stored files never change; one cut short from outside must not pass for whole.
                message = "a stored file is shorter than its row says"
                raise RuntimeError(message)
            position += len(data)
            left -= len(data)
            await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def cancel_on_disconnect(receive: Receive, scope: anyio.CancelScope) -> None:
    """Cancel the scope once the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def file_response(
    request_headers: Headers,
    row: DictRow,
    file: BinaryIO,
    *,
    download: str | None = None,
    expires: int | None = None,
) -> Response:
    """Return the answer to a download; it closes the file.

    Args:
        request_headers: May hold conditions and a range.
        row: The file's row.
        file: The file, open.
        download: The query parameter of that name: a file name to save under, or empty.
        expires: When a signed URL expires, in seconds since the epoch.

    Raises:
        StorageError: The range lies outside of the file.
    """
    try:
        size = os.fstat(file.fileno()).st_size
        headers = file_headers(row, size, download=download, expires=expires)
        if is_unchanged(request_headers, headers):
            file.close()
            return not_modified(headers)
        span = requested_span(request_headers, headers, size)
    except BaseException:
        file.close()
        raise
    if span is None:
        return StreamedFile(file, Span(0, size), 200, headers)
    headers["content-range"] = f"bytes {span.start}-{span.start + span.length - 1}/{size}"
    headers["content-length"] = str(span.length)
    return StreamedFile(file, span, 206, headers)


def not_modified(headers: Mapping[str, str]) -> Response:
    """Return an answer without a body."""
    kept = ("etag", "last-modified", "cache-control", "expires")
    return Response(
        status_code=304, headers={name: headers[name] for name in kept if name in headers}
    )


def file_headers(
    row: DictRow, size: int, *, download: str | None = None, expires: int | None = None
) -> dict[str, str]:
    """Return the headers that describe a whole file.

    HTML is served as plain text, as on the platform, and no type is guessed from content, so that
    an upload does not run as a page of this origin.
    """
    metadata: dict[str, Any] = row["metadata"] or {}
    mime_type = header_text(metadata.get("mimetype"), "application/octet-stream")
    headers = {
        "accept-ranges": "bytes",
        "content-type": "text/plain" if "text/html" in mime_type.lower() else mime_type,
        "content-length": str(size),
        "etag": etag_of(row),
        "last-modified": format_datetime(row["updated_at"].astimezone(UTC), usegmt=True),
        "x-content-type-options": "nosniff",
    }
    if expires is None:
        headers["cache-control"] = header_text(metadata.get("cacheControl"), "no-cache")
    else:
        headers["expires"] = format_datetime(datetime.fromtimestamp(expires, UTC), usegmt=True)
    if download == "":
        headers["content-disposition"] = "attachment;"
    elif download is not None:
        name = quote(download, safe="!~*'()", errors="replace")
        headers["content-disposition"] = f"attachment; filename={name}; filename*=UTF-8''{name};"
    return headers


def header_text(value: Any, default: str) -> str:
    """Return a stored value if it can be a header; rows may be written by SQL too."""
    return value if isinstance(value, str) and HEADER_VALUE.fullmatch(value) else default


def etag_of(row: DictRow) -> str:
    """Return the content's tag; a version is as good where none was stored."""
    metadata: dict[str, Any] = row["metadata"] or {}
    return header_text(metadata.get("eTag"), f'"{row["version"]}"')


def is_unchanged(request: Headers, headers: Mapping[str, str]) -> bool:
    """Return whether the client has this content already, by `etag` or else by date."""
    wanted = request.get("if-none-match")
    if wanted is not None:
        tags = [tag.strip().removeprefix("W/") for tag in wanted.split(",")]
        return "*" in tags or headers["etag"] in tags
    since = http_date(request.get("if-modified-since"))
    modified = http_date(headers["last-modified"])
    return since is not None and modified is not None and modified <= since


def http_date(text: str | None) -> datetime | None:
    """Read a date header; a malformed one counts as none."""
    try:
        return None if text is None else parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def requested_span(request: Headers, headers: Mapping[str, str], size: int) -> Span | None:
    """Return the part that the client asks for, or None for all of it.

    Several ranges, another unit or malformed text mean the whole file, as HTTP allows.

    Raises:
        StorageError: The range is well-formed and lies outside of the file.
    """
    match = RANGE.fullmatch(request.get("range", "").strip())
    if match is None:
        return None
    condition = request.get("if-range")
    if condition is not None and condition not in {headers["etag"], headers["last-modified"]}:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        length = min(int(suffix), size)
        span = Span(size - length, length)
    else:
        start = int(first)
        end = min(int(last), size - 1) if last else size - 1
        if last and int(last) < start:
            return None
        span = Span(start, end - start + 1)
    if span.length <= 0:
        raise StorageError(
            416,
            "InvalidRange",
            "The requested range is not satisfiable",
            {"content-range": f"bytes */{size}"},
        )
    return span
