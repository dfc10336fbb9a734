"""Uploads in pieces, by the TUS protocol 1.0.0 (https://tus.io/protocols/resumable-upload).

As on the platform: `bucketName`, `objectName`, `contentType`, `cacheControl` and `metadata` (JSON)
come in `Upload-Metadata`, the upload's address holds its path, and who may upload is asked at the
beginning, with each piece and at the end, by the same policies as of any other upload. What goes
wrong is told in plain text under its true status, as TUS has no body for it.

Of the protocol's extensions there are creation, creation-with-upload, expiration and termination.
With `x-signature`, the token of a signed upload URL, no key is needed; those have `/sign` in their
address.
"""

import base64
import binascii
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from reelbase.local.gateway.json_depth import check_depth
from reelbase.local.gateway.storage_calls import Access, Call, route
from reelbase.local.gateway.storage_database import SERVICE, NewObject, check_may_write
from reelbase.local.gateway.storage_errors import StorageError, too_large
from reelbase.local.gateway.storage_names import (
    MAX_OBJECT_SIZE,
    check_bucket_name,
    check_header_value,
    check_key,
)
from reelbase.local.gateway.storage_objects import (
    check_type,
    commit_object,
    file_metadata,
    size_limit,
)
from reelbase.local.gateway.storage_partials import Partial
from reelbase.local.gateway.tokens import Caller

__all__ = ["resumable_routes"]

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,termination"
CONTENT_TYPE = "application/offset+octet-stream"
PATH = "/upload/resumable"


@dataclass(frozen=True, slots=True)
class Permission:
    """Whose permission counts, whose file it shall be, and whether it may replace one."""

    caller: Caller
    owner: str | None
    upsert: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Which upload an address names: `base64url(bucket/key/version)`, as on the platform."""

    bucket_id: str
    key: str
    version: str

    @staticmethod
    def of(call: Call) -> "Place":
        """Read the address of a call.

        Raises:
            StorageError: It is none.
        """
        text = decode(call.request.path_params["upload"], altchars=b"-_")
        bucket, _, rest = text.partition("/")
        key, _, version = rest.rpartition("/")
        if not (bucket and key and version):
            raise StorageError(404, "not_found", "The upload is not found")
        return Place(check_bucket_name(bucket), check_key(key), version)

    def address(self, *, signed: bool) -> str:
        """Return the address, below the host."""
        path = f"{self.bucket_id}/{self.key}/{self.version}".encode()
        name = base64.urlsafe_b64encode(path).decode().rstrip("=")
        return f"/storage/v1{PATH}{'/sign' if signed else ''}/{name}"


# The calls ----------------------------------------------------------------------------------------


async def options(call: Call) -> Response:  # noqa: ARG001 - the same for everybody
    """Say what there is."""
    headers = {
        "tus-version": VERSION,
        "tus-extension": EXTENSIONS,
        "tus-max-size": str(MAX_OBJECT_SIZE),
    }
    return answer(204, headers)


async def create(call: Call) -> Response:
    """Begin an upload; its first piece may come along."""
    check_version(call.request)
    size = number(call.request, "upload-length")
    told = metadata_of(call.request)
    bucket_id = check_bucket_name(told.get("bucketName", ""))
    key = check_key(told.get("objectName", ""))
    permission = permission_of(call, bucket_id, key)
    bucket = await call.bucket(bucket_id)
    if size > size_limit(bucket, key):
        raise too_large()
    mime_type = told.get("contentType") or "application/octet-stream"
    check_header_value("content-type", mime_type)
    check_type(bucket, key, mime_type)
    user_metadata = parse_json(told.get("metadata"))
    claimed = {"mimetype": mime_type, "contentLength": size}
    row = NewObject(bucket_id, key, permission.owner, "1", claimed, user_metadata)
    await check_allowed(call, permission, row)
    seconds = check_header_value("cache-control", told.get("cacheControl") or "no")
    partial = await call.service.partials.create(
        bucket_id,
        key,
        size=size,
        mime_type=mime_type,
        cache_control=f"max-age={seconds}" if seconds.isdecimal() else "no-cache",
        user_metadata=user_metadata,
    )
    place = Place(bucket_id, key, partial.version)
    headers = {"location": place.address(signed=is_signed(call)), **expiry(partial)}
    if call.request.headers.get("content-type") == CONTENT_TYPE or size == 0:
        headers["upload-offset"] = str(await receive(call, partial, permission, 0))
    return answer(201, headers)


async def look(call: Call) -> Response:
    """Say how far an upload has come."""
    check_version(call.request)
    partial = await find(call)
    if is_signed(call):
        permission_of(call, partial.bucket_id, partial.key)
    headers = {
        "upload-offset": str(await call.service.partials.offset(partial)),
        "upload-length": str(partial.size),
        **expiry(partial),
    }
    return answer(200, headers)


async def append(call: Call) -> Response:
    """Take the next piece."""
    check_version(call.request)
    if call.request.headers.get("content-type") != CONTENT_TYPE:
        raise StorageError(415, "invalid_mime_type", f"Content-Type must be {CONTENT_TYPE}")
    offset = number(call.request, "upload-offset")
    partial = await find(call)
    permission = permission_of(call, partial.bucket_id, partial.key)
    if partial.finished:
        raise StorageError(409, "Duplicate", "The upload is complete")
    row = NewObject(partial.bucket_id, partial.key, permission.owner, "1")
    await check_allowed(call, permission, row)
    reached = await receive(call, partial, permission, offset)
    return answer(204, {"upload-offset": str(reached), **expiry(partial)})


async def terminate(call: Call) -> Response:
    """Give an upload up. A file that it became stays."""
    check_version(call.request)
    partial = await find(call)
    permission = permission_of(call, partial.bucket_id, partial.key)
    if not partial.finished:
        row = NewObject(partial.bucket_id, partial.key, permission.owner, "1")
        await check_allowed(call, permission, row)
        async with call.service.partials.held(partial.version):
            await call.service.partials.remove(partial.version)
    return answer(204)


async def receive(call: Call, partial: Partial, permission: Permission, offset: int) -> int:
    """Take what a request brings, and make a file of it when it is all; return how far it is."""
    partials = call.service.partials
    async with partials.held(partial.version):
        if offset != await partials.offset(partial):
            raise StorageError(409, "Conflict", "Upload-Offset conflict")
        room = partial.size - offset
        length = call.request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > room:
            raise too_large("piece")
        await partials.append(partial, pieces_of(call.request), room)
        reached = await partials.offset(partial)
        if reached == partial.size:
            await complete(call, partial, permission)
    return reached


async def complete(call: Call, partial: Partial, permission: Permission) -> None:
    """Make a file of an upload that is whole."""
    partials = call.service.partials
    metadata = file_metadata(
        partial.mime_type, partial.cache_control, await partials.etag(partial), partial.size
    )
    new = NewObject(
        partial.bucket_id,
        partial.key,
        permission.owner,
        partial.version,
        metadata,
        partial.user_metadata,
    )

    async def publish() -> None:
        await partials.publish(partial)

    await commit_object(call, permission.caller, new, publish, upsert=permission.upsert)
    await partials.finish(partial)


# What a request says ------------------------------------------------------------------------------


def check_version(request: Request) -> None:
    """Check that the client speaks this version of the protocol.

    Raises:
        StorageError: It does not.
    """
    if request.headers.get("tus-resumable") != VERSION:
        headers = {"tus-version": VERSION}
        raise StorageError(412, "InvalidRequest", "Tus-Resumable Required", headers)


def number(request: Request, header: str) -> int:
    """Read a header that holds a count of bytes.

    Raises:
        StorageError: It is missing, or holds something else.
    """
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise StorageError(400, "InvalidRequest", f"{header} is missing or invalid")
    return int(text)


def metadata_of(request: Request) -> dict[str, str]:
    """Read `Upload-Metadata`: names, each with a value in base64, commas between them.

    Raises:
        StorageError: It is missing or malformed.
    """
    header = request.headers.get("upload-metadata", "")
    if not header:
        raise StorageError(400, "InvalidRequest", "Upload-Metadata is missing")
    told = {}
    for pair in header.split(","):
        name, _, value = pair.strip().partition(" ")
        told[name] = decode(value.strip())
    return told


def decode(text: str, altchars: bytes | None = None) -> str:
    """Decode base64 of UTF-8, padded or not.

    Raises:
        StorageError: It is malformed.
    """
    try:
        padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
        return base64.b64decode(padded, altchars, validate=True).decode()
    except (binascii.Error, ValueError):
        raise StorageError(400, "InvalidRequest", "Malformed base64") from None


def parse_json(text: str | None) -> dict[str, Any] | None:
    """Read an uploader's metadata; what is no JSON object counts as none, as on the platform."""
    try:
        metadata = json.loads(text or "null")
        check_depth(metadata)
    except (ValueError, RecursionError):
        return None
    return metadata if isinstance(metadata, dict) else None


def is_signed(call: Call) -> bool:
    """Whether a call carries its permission with it."""
    return call.request.url.path.startswith(f"/storage/v1{PATH}/sign")


def permission_of(call: Call, bucket_id: str, key: str) -> Permission:
    """Say whose permission counts: the caller's, or that of who signed an address for this path.

    Raises:
        StorageError: The signature is not good for it.
    """
    if not is_signed(call):
        return Permission(call.caller, call.caller.user_id, call.upsert)
    token = call.request.headers.get("x-signature", "")
    claims = call.service.signer.verify("upload", f"{bucket_id}/{key}", token)
    return Permission(SERVICE, claims.get("owner"), claims.get("upsert") is True)


async def check_allowed(call: Call, permission: Permission, row: NewObject) -> None:
    """Try the row's write as whoever may do it."""
    async with call.transaction(permission.caller) as connection:
        await check_may_write(connection, row, upsert=permission.upsert)


async def find(call: Call) -> Partial:
    """Return the upload that an address names.

    Raises:
        StorageError: There is none.
    """
    place = Place.of(call)
    partial = await call.service.partials.find(place.version)
    if (partial.bucket_id, partial.key) != (place.bucket_id, place.key):
        raise StorageError(404, "not_found", "The upload is not found")
    return partial


async def pieces_of(request: Request) -> AsyncIterator[bytes]:
    """Return the pieces of a body."""
    async for data in request.stream():
        if data:
            yield data


# What is answered ---------------------------------------------------------------------------------


def expiry(partial: Partial) -> dict[str, str]:
    """Say until when an upload may come; nothing of one that has become a file."""
    if partial.finished:
        return {}
    return {"upload-expires": formatdate(partial.expires_at, usegmt=True)}


def answer(status: int, headers: dict[str, str] | None = None) -> Response:
    """Return an answer without a body."""
    told = {"tus-resumable": VERSION, "cache-control": "no-store", **(headers or {})}
    return Response(status_code=status, headers=told)


def refusal(error: StorageError) -> Response:
    """Render an error: its message, under its own status."""
    status = 503 if error.status == 544 else error.status
    headers = {"tus-resumable": VERSION, "cache-control": "no-store", **(error.headers or {})}
    message = error.message.encode(errors="replace").decode()
    return Response(message, status, headers, media_type="text/plain")


def resumable_routes() -> list[BaseRoute]:
    """Return the routes of uploads in pieces, below `/storage/v1`; fixed words come first."""
    caller, nobody = Access.CALLER, Access.NOBODY
    routes: list[BaseRoute] = []
    for path, access in ((f"{PATH}/sign", nobody), (PATH, caller)):
        suffix = "_signed" if access is nobody else ""
        upload = f"{path}/{{upload}}"
        for methods, where, handler, operation, who in (
            ("OPTIONS", path, options, "options", nobody),
            ("OPTIONS", upload, options, "options", nobody),
            ("POST", path, create, f"upload.create{suffix}", access),
            ("POST", f"{path}/", create, f"upload.create{suffix}", access),
            ("HEAD", upload, look, f"upload.get{suffix}", access),
            ("PATCH", upload, append, f"upload.part{suffix}", access),
            ("DELETE", upload, terminate, f"upload.delete{suffix}", access),
        ):
            routes.append(route(methods, where, handler, f"tus.{operation}", who, refusal=refusal))
    return routes
