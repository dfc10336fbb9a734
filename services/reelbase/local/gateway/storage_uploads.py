"""Bodies of uploads: read piece by piece, raw or as a form, never held in memory as a whole.

supabase-py always sends a form (`cacheControl`, `metadata`, then the file); supabase-js sends a
form for a Blob and the raw body for everything else, with `cache-control`, `content-type` and
`x-metadata` (base64 of JSON) in the headers.
"""

import base64
import binascii
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from reelbase.local.gateway.json_depth import check_depth
from reelbase.local.gateway.storage_errors import StorageError, too_large
from reelbase.local.gateway.storage_files import IncomingFile
from reelbase.local.gateway.storage_names import check_header_value

__all__ = ["UploadHeader", "decode_metadata", "receive_upload"]

MAX_USER_METADATA = 1024 * 1024
"""Bytes of JSON that an uploader may attach to a file."""

MAX_FORM_FIELDS = 10
MAX_FORM_HEADERS = 16 * 1024


@dataclass(frozen=True, slots=True)
class UploadHeader:
    """What a client says of a file.

    Attributes:
        mime_type: Its type, unchecked.
        cache_control: What downloads shall say in `cache-control`.
        user_metadata: Free JSON, or None.
        content_length: Bytes of the file if the client said so, else None.
    """

    mime_type: str
    cache_control: str
    user_metadata: dict[str, Any] | None
    content_length: int | None = None


async def receive_upload(
    request: Request,
    incoming: IncomingFile,
    on_header: Callable[[UploadHeader], Awaitable[None]],
) -> UploadHeader:
    """Stream a request's file to disk.

    Args:
        request: The request, its body unread.
        incoming: Takes the content, and enforces its limit.
        on_header: Called as soon as it is known what the client says of the file and before any
            of it is read; raises to refuse it.

    Raises:
        StorageError: The body is malformed or too large, or `on_header` refused it.
        ClientDisconnect: The client went away.
    """
    content_type = request.headers.get("content-type", "")
    if content_type.lower().startswith("multipart/form-data"):
        header = await receive_form(request, incoming, on_header, content_type)
    else:
        header = raw_header(request)
        await on_header(header)
        async for data in request.stream():
            if data:
                await incoming.write(data)
    await incoming.finish()
    return header


def raw_header(request: Request) -> UploadHeader:
    """Read what the headers of a raw upload say."""
    length = request.headers.get("content-length")
    return UploadHeader(
        mime_type=check_header_value(
            "content-type", request.headers.get("content-type") or "application/octet-stream"
        ),
        cache_control=check_header_value(
            "cache-control", request.headers.get("cache-control") or "no-cache"
        ),
        user_metadata=decode_metadata(request.headers.get("x-metadata")),
        content_length=int(length) if length is not None and length.isdecimal() else None,
    )


def decode_metadata(header: str | None) -> dict[str, Any] | None:
    """Read the header `x-metadata`: an uploader's metadata as base64 of JSON."""
    return None if header is None else parse_metadata(decode_base64(header))


def decode_base64(text: str) -> bytes:
    """Decode base64 in either alphabet, padded or not; nothing if it is malformed."""
    standard = text.translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def parse_metadata(content: bytes) -> dict[str, Any] | None:
    """Read an uploader's metadata; what is no JSON object counts as none, as on the platform.

    So does what is nested too deeply.

    Raises:
        StorageError: It is over its limit.
    """
    if len(content) > MAX_USER_METADATA:
        raise too_large("user_metadata")
    try:
        metadata = json.loads(content)
        check_depth(metadata)
    except (ValueError, RecursionError):
        return None
    return metadata if isinstance(metadata, dict) else None


async def receive_form(
    request: Request,
    incoming: IncomingFile,
    on_header: Callable[[UploadHeader], Awaitable[None]],
    content_type: str,
) -> UploadHeader:
    """Stream the one file of a form to disk."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise malformed("Multipart: Boundary not found")
    form = Form(boundary)
    announced = False
    async for file_data in form.read(body_of(request)):
        if not announced:
            await on_header(form.header())
            announced = True
        for data in file_data:
            await incoming.write(data)
    if not announced:
        raise malformed("No content provided")
    return form.header()


async def body_of(request: Request) -> AsyncIterator[bytes]:
    """Return the pieces of a body."""
    async for data in request.stream():
        if data:
            yield data


def malformed(message: str) -> StorageError:
    """Return the error for a form that cannot be read."""
    return StorageError(400, "InvalidRequest", message)


class Form:
    """A form being read: small fields in memory, the file's content passed on.

    Args:
        boundary: What separates its parts.
    """

    def __init__(self, boundary: bytes) -> None:
        self._fields: dict[str, bytearray] = {}
        self._file_type: str | None = None
        self._file_data: list[bytes] = []
        self._field: bytearray | None = None
        self._in_file = False
        self._ended = False
        self._header_name = b""
        self._header_value = b""
        self._header_size = 0
        self._headers: dict[bytes, bytes] = {}
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_end": self._on_end,
            },
        )

    async def read(self, body: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
        """Return the file's content in pieces, beginning as soon as its part has begun.

        Raises:
            StorageError: The form is malformed, or has a second file or too large a field.
        """
        async for data in body:
            try:
                self._parser.write(data)
            except FormParserError:
                raise malformed("Multipart: malformed form") from None
            if self._file_type is not None:
                pieces, self._file_data = self._file_data, []
                yield pieces
        if not self._ended:
            raise malformed("Multipart: unexpected end of form")

    def header(self) -> UploadHeader:
        """Return what the form says of its file so far."""
        mime_type = self._text("contentType") or self._file_type or "application/octet-stream"
        seconds = self._text("cacheControl")
        metadata = self._fields.get("metadata", self._fields.get("userMetadata"))
        return UploadHeader(
            mime_type=check_header_value("content-type", mime_type),
            cache_control=check_header_value(
                "cache-control", f"max-age={seconds}" if seconds else "no-cache"
            ),
            user_metadata=None if metadata is None else parse_metadata(bytes(metadata)),
        )

    def _text(self, field: str) -> str:
        return self._fields.get(field, bytearray()).decode(errors="replace")

    def _on_part_begin(self) -> None:
        self._headers = {}
        self._header_size = 0

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]
        self._count_header(end - start)

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]
        self._count_header(end - start)

    def _count_header(self, size: int) -> None:
        self._header_size += size
        if self._header_size > MAX_FORM_HEADERS:
            raise malformed("Multipart: headers too large")

    def _on_header_end(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        self._in_file = b"filename" in options
        if self._in_file:
            if self._file_type is not None:
                raise malformed("reach files limit")
            content_type = self._headers.get(b"content-type", b"application/octet-stream")
            self._file_type = content_type.decode("latin-1")
            return
        if len(self._fields) >= MAX_FORM_FIELDS:
            raise malformed("reach fields limit")
        name = options.get(b"name", b"").decode(errors="replace")
        self._field = self._fields.setdefault(name, bytearray())

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._file_data.append(data[start:end])
        elif self._field is not None:
            self._field += data[start:end]
            if len(self._field) > MAX_USER_METADATA:
                raise too_large("user_metadata")

    def _on_end(self) -> None:
        self._ended = True
