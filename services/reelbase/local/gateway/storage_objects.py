"""Files as they change: upload, replace, move, copy, remove.

An upload's permission is tried before its body is read and once more, in the transaction that
writes its row, after the content is on disk. The final write itself is the server's, as on the
platform, so that triggers on `storage.objects` see the same role here and there.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from psycopg.rows import DictRow
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from reelbase.local.gateway.storage_calls import Access, Call, route
from reelbase.local.gateway.storage_database import (
    SERVICE,
    Bucket,
    NewObject,
    as_uuid,
    become,
    check_may_write,
    find_object,
    write_object,
)
from reelbase.local.gateway.storage_errors import no_such_key, too_large
from reelbase.local.gateway.storage_files import new_version
from reelbase.local.gateway.storage_names import (
    MAX_OBJECT_SIZE,
    check_bucket_name,
    check_header_value,
    check_key,
    check_mime_type,
)
from reelbase.local.gateway.storage_uploads import (
    UploadHeader,
    decode_metadata,
    receive_upload,
)
from reelbase.local.gateway.tokens import Caller

__all__ = ["check_type", "commit_object", "file_metadata", "object_routes", "size_limit"]

FOLDER_PLACEHOLDER = ".emptyFolderPlaceholder"

DELETE_OBJECTS = """
delete from storage.objects
where bucket_id = %s and name = any(%s)
returning
  id, bucket_id, name, owner, owner_id, version, metadata, user_metadata, created_at, updated_at,
  last_accessed_at
"""

MOVE_OBJECT = """
update storage.objects
set
  bucket_id = %(to_bucket)s,
  name = %(to_name)s,
  owner = coalesce(%(owner)s, owner),
  owner_id = coalesce(%(owner_id)s, owner_id)
where bucket_id = %(bucket)s and name = %(name)s
"""


class Removal(BaseModel):
    """Which files to remove, by their full names."""

    prefixes: list[str] = Field(min_length=1, max_length=1000)


class Relocation(BaseModel):
    """From where to where a file shall go."""

    bucket_id: str = Field(alias="bucketId")
    source_key: str = Field(alias="sourceKey")
    destination_key: str = Field(alias="destinationKey")
    destination_bucket: str | None = Field(default=None, alias="destinationBucket")


class CopyMetadata(BaseModel):
    """What a copy shall say of itself instead of what its source says."""

    cache_control: str | None = Field(default=None, alias="cacheControl")
    mime_type: str | None = Field(default=None, alias="mimetype")


class Copying(Relocation):
    """A copy to be made."""

    metadata: CopyMetadata | None = None
    copy_metadata: bool = Field(default=True, alias="copyMetadata")


# Uploads ------------------------------------------------------------------------------------------


async def upload(call: Call) -> Response:
    """Store a new file, or replace one if the caller says so."""
    row = await store(call, call.caller, upsert=call.upsert)
    key = f"{row['bucket_id']}/{row['name']}"
    return JSONResponse({"Id": str(row["id"]), "Key": key})


async def update(call: Call) -> Response:
    """Replace a file, or store it where there is none."""
    row = await store(call, call.caller, upsert=True)
    key = f"{row['bucket_id']}/{row['name']}"
    return JSONResponse({"Id": str(row["id"]), "Key": key})


async def upload_signed(call: Call) -> Response:
    """Store a file with the permission that a signed URL carries."""
    path = f"{call.bucket_id}/{call.key}"
    token = call.request.query_params.get("token", "")
    claims = call.service.signer.verify("upload", path, token)
    owner = claims.get("owner")
    row = await store(call, SERVICE, upsert=claims.get("upsert") is True, owner=owner)
    return JSONResponse({"Key": f"{row['bucket_id']}/{row['name']}"})


async def store(
    call: Call, permitted_as: Caller, *, upsert: bool, owner: str | None = None
) -> DictRow:
    """Stream the request's file to disk and write its row; return the row.

    Args:
        call: The call.
        permitted_as: Whose permission counts.
        upsert: Whether a file that is there may be replaced.
        owner: Whose file it shall be; the caller's unless given.
    """
    name = call.key
    bucket = await call.bucket(call.bucket_id)
    limit = size_limit(bucket, name)
    owner = owner or permitted_as.user_id

    async def on_header(header: UploadHeader) -> None:
        if header.content_length is not None and header.content_length > limit:
            raise too_large()
        check_type(bucket, name, header.mime_type)
        claimed: dict[str, Any] = {"mimetype": header.mime_type}
        if header.content_length is not None:
            claimed["contentLength"] = header.content_length
        row = NewObject(bucket.id, name, owner, "1", claimed, header.user_metadata)
        async with call.transaction(permitted_as) as connection:
            await check_may_write(connection, row, upsert=upsert)

    async with call.service.files.receive(limit) as incoming:
        header = await receive_upload(call.request, incoming, on_header)
        # A form's fields may also come behind its file, and name another type.
        check_type(bucket, name, header.mime_type)
        new = NewObject(
            bucket.id,
            name,
            owner,
            incoming.version,
            file_metadata(header.mime_type, header.cache_control, incoming.etag, incoming.size),
            header.user_metadata,
        )
        return await commit_object(call, permitted_as, new, incoming.publish, upsert=upsert)


async def commit_object(
    call: Call,
    permitted_as: Caller,
    new: NewObject,
    publish: Callable[[], Awaitable[None]],
    *,
    upsert: bool,
) -> DictRow:
    """Write the row of a file whose content is on disk, and remove what it replaces.

    The file gets its final name as the last step inside of the transaction: if it commits, the
    file is there. Should the commit itself fail, the file stays until the next start, because a
    commit whose answer was lost may have happened.
    """
    async with call.transaction(permitted_as) as connection:
        await check_may_write(connection, new, upsert=upsert)
        await become(connection, SERVICE, call.operation)
        row, replaced = await write_object(connection, new, upsert=upsert)
        await publish()
    await call.service.files.remove([replaced])
    return row


def file_metadata(mime_type: str, cache_control: str, etag: str, size: int) -> dict[str, Any]:
    """Return what the server knows of an uploaded file, in the platform's terms."""
    return {
        "eTag": etag,
        "size": size,
        "mimetype": mime_type,
        "cacheControl": cache_control,
        "lastModified": now_text(),
        "contentLength": size,
        "httpStatusCode": 200,
    }


def now_text() -> str:
    """Return the time as JavaScript writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check_type(bucket: Bucket, name: str, mime_type: str) -> None:
    """Check a file's type, as its uploader says it.

    Raises:
        StorageError: The bucket does not take it.
    """
    if not name.endswith(FOLDER_PLACEHOLDER):
        check_mime_type(mime_type, bucket.allowed_mime_types)


def size_limit(bucket: Bucket, name: str) -> int:
    """Return how many bytes a file of that name may have."""
    if name.endswith(FOLDER_PLACEHOLDER):
        return 0
    if bucket.file_size_limit is None:
        return MAX_OBJECT_SIZE
    return min(bucket.file_size_limit, MAX_OBJECT_SIZE)


# Moves, copies, removals --------------------------------------------------------------------------


async def move(call: Call) -> Response:
    """Give a file another name, in this bucket or another; its content stays where it is."""
    body = await call.body(Relocation)
    source, destination, to_bucket = await places(call, body)
    owner = call.caller.user_id
    async with call.transaction() as connection:
        row = await find_object(connection, *source)
        if to_bucket.id != row["bucket_id"]:
            check_fits(to_bucket, destination, row["metadata"])
        cursor = await connection.execute(
            MOVE_OBJECT,
            {
                "bucket": source[0],
                "name": source[1],
                "to_bucket": to_bucket.id,
                "to_name": destination,
                "owner": as_uuid(owner),
                "owner_id": owner,
            },
        )
        if cursor.rowcount == 0:
            raise no_such_key()
    content = {"message": "Successfully moved", "Id": str(row["id"]), "Key": destination}
    return JSONResponse(content)


async def copy(call: Call) -> Response:
    """Store a file's content under a second name, in this bucket or another."""
    body = await call.body(Copying)
    source, destination, to_bucket = await places(call, body)
    async with call.transaction() as connection:
        origin = await find_object(connection, *source)
    metadata = {**(origin["metadata"] or {}), "lastModified": now_text()}
    user_metadata = origin["user_metadata"]
    if not body.copy_metadata:
        user_metadata = decode_metadata(call.request.headers.get("x-metadata"))
        changes = body.metadata or CopyMetadata()
        if changes.cache_control is not None:
            metadata["cacheControl"] = check_header_value("cache-control", changes.cache_control)
        if changes.mime_type is not None:
            metadata["mimetype"] = check_header_value("content-type", changes.mime_type)
    check_fits(to_bucket, destination, metadata)
    version = new_version()
    new = NewObject(
        to_bucket.id, destination, call.caller.user_id, version, metadata, user_metadata
    )

    async def publish() -> None:
        try:
            await call.service.files.copy(origin["version"] or "", version)
        except FileNotFoundError:
            # Removed or replaced since it was looked up.
            raise no_such_key() from None

    row = await commit_object(call, call.caller, new, publish, upsert=call.upsert)
    key = f"{to_bucket.id}/{destination}"
    return JSONResponse({"Id": str(row["id"]), "Key": key, **rendered(row)})


async def places(call: Call, body: Relocation) -> tuple[tuple[str, str], str, Bucket]:
    """Return bucket and key of the source, then key and bucket of the destination."""
    source = (check_bucket_name(body.bucket_id), check_key(body.source_key))
    to_bucket = check_bucket_name(body.destination_bucket or body.bucket_id)
    return source, check_key(body.destination_key), await call.bucket(to_bucket)


def check_fits(bucket: Bucket, name: str, metadata: dict[str, Any] | None) -> None:
    """Check a file that is here already against the limits of the bucket it is to be in.

    Raises:
        StorageError: It is too large, or of a type that the bucket does not take.
    """
    known = metadata or {}
    # Rows may be written by SQL too, and then say anything.
    size, mime_type = known.get("size"), known.get("mimetype")
    if isinstance(size, int) and size > size_limit(bucket, name):
        raise too_large()
    if not isinstance(mime_type, str):
        mime_type = "application/octet-stream"
    check_mime_type(mime_type, bucket.allowed_mime_types)


async def remove_many(call: Call) -> Response:
    """Remove files by name and return the rows of those that the caller could remove."""
    bucket_id = call.bucket_id
    names = (await call.body(Removal)).prefixes
    async with call.transaction() as connection:
        cursor = await connection.execute(DELETE_OBJECTS, (bucket_id, names))
        rows = await cursor.fetchall()
    await call.service.files.remove(row["version"] for row in rows)
    return JSONResponse([rendered(row) for row in rows])


async def remove_one(call: Call) -> Response:
    """Remove one file."""
    async with call.transaction() as connection:
        cursor = await connection.execute(DELETE_OBJECTS, (call.bucket_id, [call.key]))
        row = await cursor.fetchone()
    if row is None:
        raise no_such_key()
    await call.service.files.remove([row["version"]])
    return JSONResponse({"message": "Successfully deleted"})


def rendered(row: DictRow) -> dict[str, Any]:
    """Return a file's row as clients read it."""
    return {
        "id": str(row["id"]),
        "bucket_id": row["bucket_id"],
        "name": row["name"],
        "owner": row["owner_id"],
        "owner_id": row["owner_id"],
        "version": row["version"],
        "metadata": row["metadata"],
        "user_metadata": row["user_metadata"],
        "created_at": row["created_at"].isoformat(),
        "updated_at": row["updated_at"].isoformat(),
        "last_accessed_at": row["last_accessed_at"].isoformat(),
    }


def object_routes() -> list[BaseRoute]:
    """Return the routes that change files, below `/storage/v1`; fixed words come first."""
    return [
        route("POST", "/object/move", move, "object.move"),
        route("POST", "/object/copy", copy, "object.copy"),
        route(
            "PUT",
            "/object/upload/sign/{bucket}/{key:path}",
            upload_signed,
            "object.upload_signed",
            Access.NOBODY,
        ),
        route("DELETE", "/object/{bucket}", remove_many, "object.delete_many"),
        route("POST", "/object/{bucket}/{key:path}", upload, "object.upload"),
        route("PUT", "/object/{bucket}/{key:path}", update, "object.upload_update"),
        route("DELETE", "/object/{bucket}/{key:path}", remove_one, "object.delete"),
    ]
