"""Buckets: who sees or changes them is for the policies on `storage.buckets`.

A project without such policies leaves them to `service_role`.
"""

from typing import Any, Literal

from psycopg import sql
from psycopg.rows import DictRow
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from reelbase.local.gateway.storage_calls import Call, route
from reelbase.local.gateway.storage_database import SERVICE, as_uuid, become, escape_like, fetch
from reelbase.local.gateway.storage_errors import (
    StorageError,
    access_denied,
    invalid_parameter,
    no_such_bucket,
)
from reelbase.local.gateway.storage_names import (
    check_bucket_name,
    check_mime_patterns,
    parse_size_limit,
)

__all__ = ["bucket_routes"]

COLUMNS = """
  id, name, owner_id, public, file_size_limit, allowed_mime_types, created_at, updated_at,
  type::text as type
"""

LIST_BUCKETS = sql.SQL(
    "select"
    + COLUMNS
    + """
from storage.buckets
where lower(name) like %s
order by {column} {direction}, id
limit %s offset %s
"""
)

GET_BUCKET = "select" + COLUMNS + "from storage.buckets where id = %s"

CREATE_BUCKET = """
insert into storage.buckets
  (id, name, owner, owner_id, public, file_size_limit, allowed_mime_types)
values (%s, %s, %s, %s, %s, %s, %s)
"""

UPDATE_BUCKET = """
update storage.buckets
set
  public = coalesce(%(public)s, public),
  file_size_limit =
    case when %(sets_limit)s then %(limit)s::bigint else file_size_limit end,
  allowed_mime_types =
    case when %(sets_types)s then %(types)s::text[] else allowed_mime_types end,
  updated_at = now()
where id = %(id)s
"""

EMPTY_BUCKET = "delete from storage.objects where bucket_id = %s returning version"
HAS_OBJECTS = "select 1 as one from storage.objects where bucket_id = %s limit 1"
DELETE_BUCKET = "delete from storage.buckets where id = %s"


class BucketSettings(BaseModel):
    """What of a bucket can be changed; a setting that is not given stays as it is."""

    public: bool | None = None
    file_size_limit: int | str | None = None
    allowed_mime_types: list[str] | None = None


class NewBucket(BucketSettings):
    """A bucket to be."""

    name: str
    id: str | None = None
    type: Literal["STANDARD"] | None = None


class BucketListing(BaseModel):
    """Which buckets to list; comes in the query string."""

    model_config = ConfigDict(populate_by_name=True)

    limit: int = Field(default=2**31 - 1, ge=1)
    offset: int = Field(default=0, ge=0)
    sort_column: Literal["id", "name", "created_at", "updated_at"] = Field(
        default="name", alias="sortColumn"
    )
    sort_order: Literal["asc", "desc"] = Field(default="asc", alias="sortOrder")
    search: str = ""


def rendered(row: DictRow) -> dict[str, Any]:
    """Return a bucket as clients read it; supabase-py insists on an owner."""
    return {
        "id": row["id"],
        "name": row["name"],
        "owner": row["owner_id"] or "",
        "public": bool(row["public"]),
        "type": row["type"],
        "file_size_limit": row["file_size_limit"],
        "allowed_mime_types": row["allowed_mime_types"],
        "created_at": row["created_at"].isoformat(),
        "updated_at": row["updated_at"].isoformat(),
    }


async def list_buckets(call: Call) -> Response:
    """List the buckets that the caller sees."""
    try:
        listing = BucketListing.model_validate(dict(call.request.query_params))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise invalid_parameter(f"querystring/{first['loc'][0]} {first['msg']}") from None
    query = LIST_BUCKETS.format(
        column=sql.Identifier(listing.sort_column), direction=sql.SQL(listing.sort_order)
    )
    parameters = (
        "%" + escape_like(listing.search.lower()) + "%",
        min(listing.limit, 2**31 - 1),
        min(listing.offset, 2**31 - 1),
    )
    async with call.transaction() as connection:
        cursor = await connection.execute(query, parameters)
        return JSONResponse([rendered(row) for row in await cursor.fetchall()])


async def get_bucket(call: Call) -> Response:
    """Return one bucket."""
    async with call.transaction() as connection:
        row = await fetch(connection, GET_BUCKET, call.bucket_id)
    if row is None:
        raise no_such_bucket()
    return JSONResponse(rendered(row))


async def create_bucket(call: Call) -> Response:
    """Create a bucket."""
    body = await call.body(NewBucket)
    name = check_bucket_name(body.name)
    bucket_id = check_bucket_name(body.id or name)
    parameters = (
        bucket_id,
        name,
        as_uuid(call.caller.user_id),
        call.caller.user_id,
        bool(body.public),
        parse_size_limit(body.file_size_limit),
        check_mime_patterns(body.allowed_mime_types),
    )
    async with call.transaction() as connection:
        await connection.execute(CREATE_BUCKET, parameters)
    return JSONResponse({"name": name})


async def update_bucket(call: Call) -> Response:
    """Change a bucket's settings; files that are there already stay, whatever they are."""
    body = await call.body(BucketSettings)
    parameters = {
        "id": call.bucket_id,
        "public": body.public,
        "sets_limit": "file_size_limit" in body.model_fields_set,
        "limit": parse_size_limit(body.file_size_limit),
        "sets_types": "allowed_mime_types" in body.model_fields_set,
        "types": check_mime_patterns(body.allowed_mime_types),
    }
    async with call.transaction() as connection:
        cursor = await connection.execute(UPDATE_BUCKET, parameters)
    if cursor.rowcount == 0:
        raise no_such_bucket()
    return JSONResponse({"message": "Successfully updated"})


async def empty_bucket(call: Call) -> Response:
    """Remove all files of a bucket, or none if the caller may not remove each of them."""
    bucket_id = call.bucket_id
    async with call.transaction() as connection:
        if await fetch(connection, GET_BUCKET, bucket_id) is None:
            raise no_such_bucket()
        cursor = await connection.execute(EMPTY_BUCKET, (bucket_id,))
        versions = [row["version"] for row in await cursor.fetchall()]
        if await fetch(connection, HAS_OBJECTS, bucket_id) is not None:
            raise access_denied("Cannot delete: you may have SELECT but not DELETE permissions")
    await call.service.files.remove(versions)
    return JSONResponse({"message": "Successfully emptied"})


async def delete_bucket(call: Call) -> Response:
    """Delete an empty bucket."""
    bucket_id = call.bucket_id
    async with call.transaction() as connection:
        cursor = await connection.execute(
            "select id from storage.buckets where id = %s", (bucket_id,)
        )
        if await cursor.fetchone() is None:
            raise no_such_bucket()
        await become(connection, SERVICE, call.operation)
        if await fetch(connection, HAS_OBJECTS, bucket_id) is not None:
            message = "The bucket you tried to delete is not empty"
            raise StorageError(409, "ResourceNotEmpty", message)
        await become(connection, call.caller, call.operation)
        if (await connection.execute(DELETE_BUCKET, (bucket_id,))).rowcount == 0:
            raise no_such_bucket()
    return JSONResponse({"message": "Successfully deleted"})


def bucket_routes() -> list[BaseRoute]:
    """Return the routes of buckets, below `/storage/v1`."""
    return [
        route("GET", "/bucket", list_buckets, "bucket.list"),
        route("GET", "/bucket/", list_buckets, "bucket.list"),
        route("POST", "/bucket", create_bucket, "bucket.create"),
        route("POST", "/bucket/", create_bucket, "bucket.create"),
        route("GET", "/bucket/{bucket}", get_bucket, "bucket.get"),
        route("PUT", "/bucket/{bucket}", update_bucket, "bucket.update"),
        route("DELETE", "/bucket/{bucket}", delete_bucket, "bucket.delete"),
        route("POST", "/bucket/{bucket}/empty", empty_bucket, "bucket.empty"),
    ]
