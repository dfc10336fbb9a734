"""Files as they are read: download, info, list, and signed URLs.

A file that the caller may not see is answered exactly like one that does not exist. A file is
opened after its row was read; one that was replaced or removed in between is looked up again.
"""

import base64
import binascii
import json
import os
import time
from datetime import datetime
from typing import Any, BinaryIO, Literal

from psycopg.rows import DictRow
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from reelbase.local.gateway.storage_calls import Access, Call, route
from reelbase.local.gateway.storage_database import (
    SERVICE,
    NewObject,
    SortColumn,
    SortOrder,
    check_may_write,
    find_object,
    list_folder,
    list_page,
)
from reelbase.local.gateway.storage_downloads import file_response
from reelbase.local.gateway.storage_errors import (
    StorageError,
    invalid_parameter,
    no_such_bucket,
    no_such_key,
)
from reelbase.local.gateway.tokens import Caller

__all__ = ["read_routes"]

UPLOAD_URL_LIFETIME = 2 * 3600
"""Seconds that a signed upload URL is good for, as on the platform."""

MAX_URL_LIFETIME = 100 * 365 * 24 * 3600
MAX_LISTED = 1500
"""Entries of one list, whatever the caller asks for."""

MAX_PAGE = 1000
MAX_OFFSET = 2**31 - 1
OPEN_ATTEMPTS = 5

FIND_NAMES = "select name from storage.objects where bucket_id = %s and name = any(%s)"


class SortBy(BaseModel):
    """In which order to list."""

    column: SortColumn = "name"
    order: SortOrder = "asc"


class FolderListing(BaseModel):
    """What to list of a folder."""

    prefix: str
    limit: int = Field(default=100, ge=1)
    offset: int = Field(default=0, ge=0)
    sort_by: SortBy = Field(default_factory=SortBy, alias="sortBy")
    search: str = ""


class PageSortBy(BaseModel):
    """In which order to page through a bucket."""

    column: Literal["name", "updated_at", "created_at"] = "name"
    order: SortOrder = "asc"


class PageListing(BaseModel):
    """Which page of a bucket to list."""

    prefix: str = ""
    limit: int = Field(default=MAX_PAGE, ge=1)
    cursor: str | None = None
    with_delimiter: bool = False
    sort_by: PageSortBy = Field(default_factory=PageSortBy, alias="sortBy")


class Signing(BaseModel):
    """A signed URL to be made; supabase-py sends the number as a string."""

    expires_in: int = Field(alias="expiresIn", ge=1, le=MAX_URL_LIFETIME)


class SigningMany(Signing):
    """Signed URLs to be made."""

    paths: list[str] = Field(min_length=1, max_length=500)


# Downloads ----------------------------------------------------------------------------------------


async def reader_of(call: Call) -> Caller:
    """Return whose permission a download needs: nobody's in a public bucket, else the caller's.

    Raises:
        StorageError: There is no such bucket, or, for somebody without a key, no public one.
    """
    bucket = await call.bucket(call.bucket_id)
    if bucket.public:
        return SERVICE
    if not call.authenticated:
        raise no_such_bucket()
    return call.caller


async def opened(call: Call, reader: Caller) -> tuple[DictRow, BinaryIO]:
    """Return the row and the open file that the URL names.

    Raises:
        StorageError: The reader sees no such file.
    """
    bucket_id, key = call.bucket_id, call.key
    for _ in range(OPEN_ATTEMPTS):
        async with call.transaction(reader) as connection:
            row = await find_object(connection, bucket_id, key)
        try:
            return row, await call.service.files.open(row["version"] or "")
        except FileNotFoundError:
            continue
    raise no_such_key()


async def download(call: Call) -> Response:
    """Send a file to whoever may see it."""
    return await send_file(call, await reader_of(call))


async def download_public(call: Call) -> Response:
    """Send a file of a public bucket to anybody."""
    if not (await call.bucket(call.bucket_id)).public:
        raise no_such_bucket()
    return await send_file(call, SERVICE)


async def download_signed(call: Call) -> Response:
    """Send a file to whoever holds a signed URL."""
    token = call.request.query_params.get("token")
    if token is None:
        raise StorageError(400, "Error", "querystring must have required property 'token'")
    path = f"{call.bucket_id}/{call.key}"
    claims = call.service.signer.verify("read", path, token)
    return await send_file(call, SERVICE, expires=claims["exp"])


async def send_file(call: Call, reader: Caller, expires: int | None = None) -> Response:
    """Send a file, or for HEAD only its headers."""
    row, file = await opened(call, reader)
    return file_response(
        call.request.headers,
        row,
        file,
        download=call.request.query_params.get("download"),
        expires=expires,
    )


async def info(call: Call) -> Response:
    """Describe a file to whoever may see it."""
    return await describe(call, await reader_of(call))


async def info_public(call: Call) -> Response:
    """Describe a file of a public bucket to anybody."""
    if not (await call.bucket(call.bucket_id)).public:
        raise no_such_bucket()
    return await describe(call, SERVICE)


async def describe(call: Call, reader: Caller) -> Response:
    """Describe a file."""
    row, file = await opened(call, reader)
    with file:
        size = os.fstat(file.fileno()).st_size
    metadata: dict[str, Any] = row["metadata"] or {}
    return JSONResponse(
        {
            "id": str(row["id"]),
            "name": row["name"],
            "version": row["version"],
            "bucket_id": row["bucket_id"],
            "size": metadata.get("size", size),
            "content_type": metadata.get("mimetype"),
            "cache_control": metadata.get("cacheControl"),
            "etag": metadata.get("eTag"),
            "metadata": row["user_metadata"],
            "last_modified": row["updated_at"].isoformat(),
            "created_at": row["created_at"].isoformat(),
        },
        headers={"cache-control": "no-store"},
    )


# Lists --------------------------------------------------------------------------------------------


async def list_objects(call: Call) -> Response:
    """List what the caller sees directly in a folder."""
    bucket_id = call.bucket_id
    listing = await call.body(FolderListing)
    prefix = listing.prefix.lstrip("/")
    if prefix and not prefix.endswith("/"):
        prefix += "/"
    async with call.transaction() as connection:
        rows = await list_folder(
            connection,
            bucket_id,
            prefix,
            search=listing.search,
            column=listing.sort_by.column,
            order=listing.sort_by.order,
            limit=min(listing.limit, MAX_LISTED),
            offset=min(listing.offset, MAX_OFFSET),
        )
    return JSONResponse([rendered_entry(row) for row in rows])


async def list_objects_v2(call: Call) -> Response:
    """List a page of the files, and with a delimiter the folders, that the caller sees."""
    bucket_id = call.bucket_id
    listing = await call.body(PageListing)
    limit = min(listing.limit, MAX_PAGE)
    async with call.transaction() as connection:
        rows = await list_page(
            connection,
            bucket_id,
            listing.prefix,
            with_delimiter=listing.with_delimiter,
            column=listing.sort_by.column,
            order=listing.sort_by.order,
            after=None if listing.cursor is None else read_cursor(listing.cursor),
            limit=limit + 1,
        )
    page = rows[:limit]
    content: dict[str, Any] = {
        "hasNext": len(rows) > limit,
        "folders": [{"key": row["key"], "name": row["name"]} for row in page if row["is_folder"]],
        "objects": [
            {**rendered_entry(row), "key": row["key"]} for row in page if not row["is_folder"]
        ],
    }
    if len(rows) > limit:
        content["nextCursor"] = write_cursor(page[-1]["sort_value"], page[-1]["name"])
    return JSONResponse(content)


def rendered_entry(row: DictRow) -> dict[str, Any]:
    """Return one entry of a list; a folder has a name and nulls."""
    return {
        "name": row["name"],
        "id": None if row["id"] is None else str(row["id"]),
        "updated_at": time_text(row["updated_at"]),
        "created_at": time_text(row["created_at"]),
        "last_accessed_at": time_text(row["last_accessed_at"]),
        "metadata": row["metadata"],
    }


def time_text(value: datetime | None) -> str | None:
    """Return a time as JSON has it."""
    return None if value is None else value.isoformat()


def write_cursor(value: datetime, name: str) -> str:
    """Return a position in a list for the client to come back with."""
    return base64.urlsafe_b64encode(json.dumps([value.isoformat(), name]).encode()).decode()


def read_cursor(cursor: str) -> tuple[str, str]:
    """Read a position; it only says where to go on, and nothing of what may be seen.

    Raises:
        StorageError: It was not made here.
    """
    try:
        value, name = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        return datetime.fromisoformat(value).isoformat(), str(name)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise invalid_parameter("body/cursor is not valid") from None


# Signed URLs --------------------------------------------------------------------------------------


async def sign_one(call: Call) -> Response:
    """Make a URL with which anybody can read a file that the caller sees."""
    bucket_id, key = call.bucket_id, call.key
    body = await call.body(Signing)
    async with call.transaction() as connection:
        await find_object(connection, bucket_id, key)
    return JSONResponse({"signedURL": signed_url(call, f"{bucket_id}/{key}", body.expires_in)})


async def sign_many(call: Call) -> Response:
    """Make such URLs for several files; each stands for itself."""
    bucket_id = call.bucket_id
    body = await call.body(SigningMany)
    async with call.transaction() as connection:
        cursor = await connection.execute(FIND_NAMES, (bucket_id, body.paths))
        seen = {row["name"] for row in await cursor.fetchall()}
    missing = "Either the object does not exist or you do not have access to it"
    return JSONResponse(
        [
            {
                "error": None if path in seen else missing,
                "path": path,
                "signedURL": signed_url(call, f"{bucket_id}/{path}", body.expires_in)
                if path in seen
                else None,
            }
            for path in body.paths
        ]
    )


def signed_url(call: Call, path: str, lifetime: int) -> str:
    """Return a URL below `/storage/v1`; clients escape the path, which is why it is not here."""
    token = call.service.signer.sign("read", path, int(time.time()) + lifetime)
    return f"/object/sign/{path}?token={token}"


async def sign_upload(call: Call) -> Response:
    """Make a URL with which anybody can upload one file that the caller could upload."""
    bucket_id, key = call.bucket_id, call.key
    owner = call.caller.user_id
    await call.bucket(bucket_id)
    async with call.transaction() as connection:
        await check_may_write(connection, NewObject(bucket_id, key, owner, "1"), upsert=call.upsert)
    path = f"{bucket_id}/{key}"
    token = call.service.signer.sign(
        "upload",
        path,
        int(time.time()) + UPLOAD_URL_LIFETIME,
        {"owner": owner, "upsert": call.upsert},
    )
    return JSONResponse({"url": f"/object/upload/sign/{path}?token={token}", "token": token})


def read_routes() -> list[BaseRoute]:
    """Return the routes that read files, below `/storage/v1`; fixed words come first."""
    anybody, nobody = Access.ANYBODY, Access.NOBODY
    path = "{bucket}/{key:path}"
    return [
        route("POST", "/object/list/{bucket}", list_objects, "object.list"),
        route("POST", "/object/list-v2/{bucket}", list_objects_v2, "object.list_v2"),
        route("POST", "/object/sign/{bucket}", sign_many, "object.sign_many"),
        route("POST", f"/object/sign/{path}", sign_one, "object.sign"),
        route("POST", f"/object/upload/sign/{path}", sign_upload, "object.sign_upload_url"),
        route("GET HEAD", f"/object/sign/{path}", download_signed, "object.get_signed", nobody),
        route("GET", f"/object/info/public/{path}", info_public, "object.info_public", nobody),
        route("GET", f"/object/info/authenticated/{path}", info, "object.get_authenticated_info"),
        route("GET", f"/object/info/{path}", info, "object.get_authenticated_info", anybody),
        route("GET HEAD", f"/object/public/{path}", download_public, "object.get_public", nobody),
        route("GET", f"/object/authenticated/{path}", download, "object.get_authenticated"),
        route("HEAD", f"/object/authenticated/{path}", download, "object.head_authenticated_info"),
        route("GET", f"/object/{path}", download, "object.get_authenticated", anybody),
        route("HEAD", f"/object/{path}", download, "object.head_authenticated_info", anybody),
    ]
