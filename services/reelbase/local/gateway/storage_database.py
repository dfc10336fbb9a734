"""Rows of the storage server, read and written as whoever is calling.

Every request is one transaction that first becomes the caller: the role, the claims that
`auth.uid()` reads, and `storage.operation`, all for this transaction only. Row-level security then
decides. What the platform does for a caller whose permission was just proven (the final write of
an upload, a look at the bucket's limits, a public or signed download) runs as `service_role`.
"""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from reelbase.local.gateway.pools import CheckedPool
from reelbase.local.gateway.storage_errors import (
    StorageError,
    access_denied,
    already_exists,
    invalid_parameter,
    no_such_bucket,
    no_such_key,
)
from reelbase.local.gateway.tokens import Caller

__all__ = [
    "ANONYMOUS",
    "SERVICE",
    "Bucket",
    "Connection",
    "NewObject",
    "Pool",
    "SortColumn",
    "SortOrder",
    "become",
    "check_may_write",
    "create_pool",
    "fetch",
    "find_bucket",
    "find_object",
    "list_folder",
    "list_page",
    "storage_error",
    "transaction",
    "write_object",
]

Connection: TypeAlias = AsyncConnection[DictRow]
Pool: TypeAlias = AsyncConnectionPool[Connection]
SortColumn: TypeAlias = Literal["name", "updated_at", "created_at", "last_accessed_at"]
SortOrder: TypeAlias = Literal["asc", "desc"]

POOL_SIZE = 10
STATEMENT_TIMEOUT = 30_000
"""Milliseconds."""

ANONYMOUS = Caller(role="anon", user_id=None, claims={"role": "anon"}, token="")
"""Somebody without a key: may only ask for what is public."""

SERVICE = Caller(role="service_role", user_id=None, claims={"role": "service_role"}, token="")
"""The server itself, where the platform acts as `service_role` too."""

BECOME = """
select
  set_config('role', %(role)s, true),
  set_config('request.jwt.claims', %(claims)s, true),
  set_config('request.jwt.claim.sub', %(sub)s, true),
  set_config('request.jwt.claim.role', %(role)s, true),
  set_config('storage.operation', %(operation)s, true),
  set_config('storage.allow_delete_query', 'true', true)
"""

FIND_BUCKET = """
select id, public, file_size_limit, allowed_mime_types
from storage.buckets
where id = %s
"""

FIND_OBJECT = """
select
  id, bucket_id, name, owner, owner_id, version, metadata, user_metadata, created_at, updated_at,
  last_accessed_at
from storage.objects
where bucket_id = %s and name = %s
"""

INSERT_OBJECT = """
insert into storage.objects (id, bucket_id, name, owner, owner_id, version, metadata, user_metadata)
values (
  %(id)s, %(bucket_id)s, %(name)s, %(owner)s, %(owner_id)s, %(version)s, %(metadata)s,
  %(user_metadata)s
)
"""

# Without `returning`, which would ask for SELECT permission that an upload does not need.
UPSERT_OBJECT = (
    INSERT_OBJECT
    + """
on conflict (bucket_id, name) do update set
  owner = excluded.owner,
  owner_id = excluded.owner_id,
  version = excluded.version,
  metadata = excluded.metadata,
  user_metadata = excluded.user_metadata
"""
)

# One path is written by one transaction at a time, so that each learns which file it replaces.
LOCK_OBJECT = "select pg_advisory_xact_lock(hashtextextended(%s, 0))"

# A folder's entries: everything below the prefix, cut at the next slash. The range on `name` under
# collation C is what an index can answer; chr(1114111) sorts after every other character.
ENTRIES = sql.SQL("""
with entries as (
  select
    substr(name, length(%(prefix)s) + 1) as rest, id, created_at, updated_at, last_accessed_at,
    metadata
  from storage.objects
  where
    bucket_id = %(bucket_id)s
    and name collate "C" >= %(prefix)s
    and name collate "C" < %(prefix)s || chr(1114111)
)
""")

LIST_FOLDER = sql.SQL(
    """
{entries}
select name, id, updated_at, created_at, last_accessed_at, metadata
from (
  select
    split_part(rest, '/', 1) as name, null::uuid as id, null::timestamptz as updated_at,
    null::timestamptz as created_at, null::timestamptz as last_accessed_at,
    null::jsonb as metadata, 0 as rank
  from entries
  where strpos(rest, '/') > 0
  group by 1
  union all
  select rest, id, updated_at, created_at, last_accessed_at, metadata, 1
  from entries
  where strpos(rest, '/') = 0
) as listed
where lower(name) like %(pattern)s
order by {order}
limit %(limit)s offset %(offset)s
"""
)

LIST_PAGE = sql.SQL(
    """
{entries}
select name, key, id, updated_at, created_at, last_accessed_at, metadata, is_folder, sort_value
from (
  select
    %(prefix)s || split_part(rest, '/', 1) || '/' as name, split_part(rest, '/', 1) as key,
    null::uuid as id, null::timestamptz as updated_at, null::timestamptz as created_at,
    null::timestamptz as last_accessed_at, null::jsonb as metadata, true as is_folder,
    {folder_value} as sort_value
  from entries
  where %(with_delimiter)s and strpos(rest, '/') > 0
  group by 1, 2
  union all
  select
    %(prefix)s || rest, case when %(with_delimiter)s then rest else %(prefix)s || rest end,
    id, updated_at, created_at, last_accessed_at, metadata, false, {file_value}
  from entries
  where not %(with_delimiter)s or strpos(rest, '/') = 0
) as listed
where
  %(after_name)s::text is null
  or (sort_value, name collate "C") {beyond} (%(after_value)s::timestamptz, %(after_name)s)
order by sort_value {direction}, name collate "C" {direction}
limit %(limit)s
"""
)


@dataclass(frozen=True, slots=True)
class Bucket:
    """What an upload or a download has to know of a bucket.

    Attributes:
        id: Its id.
        public: Whether anybody may read its files by URL.
        file_size_limit: Bytes that one file may have, or None.
        allowed_mime_types: Types that files may have; None or empty for any.
    """

    id: str
    public: bool
    file_size_limit: int | None
    allowed_mime_types: list[str] | None


@dataclass(frozen=True, slots=True)
class NewObject:
    """A row to be.

    Attributes:
        bucket_id: The bucket.
        name: The key in it.
        owner: The uploader's user id, or None.
        version: Names the file.
        metadata: What the server knows of the file.
        user_metadata: What the uploader said of it.
    """

    bucket_id: str
    name: str
    owner: str | None
    version: str | None = None
    metadata: dict[str, Any] | None = None
    user_metadata: dict[str, Any] | None = None

    def parameters(self) -> dict[str, Any]:
        """Return the values of the row, with an id in case it is new."""
        return {
            "id": uuid.uuid4(),
            "bucket_id": self.bucket_id,
            "name": self.name,
            "owner": as_uuid(self.owner),
            "owner_id": self.owner,
            "version": self.version,
            "metadata": None if self.metadata is None else Jsonb(self.metadata),
            "user_metadata": None if self.user_metadata is None else Jsonb(self.user_metadata),
        }


def create_pool(database_url: str) -> Pool:
    """Return a pool, not yet open, of connections as `supabase_storage_admin`."""
    return CheckedPool(
        database_url,
        open=False,
        min_size=1,
        max_size=POOL_SIZE,
        kwargs={
            "autocommit": True,
            "row_factory": dict_row,
            "application_name": "storage",
            "options": f"-c statement_timeout={STATEMENT_TIMEOUT}",
        },
    )


@asynccontextmanager
async def transaction(pool: Pool, caller: Caller, operation: str) -> AsyncIterator[Connection]:
    """Run a block in one transaction as the caller."""
    async with pool.connection() as connection, connection.transaction():
        await become(connection, caller, operation)
        yield connection


async def become(connection: Connection, caller: Caller, operation: str) -> None:
    """Act as the caller until the transaction ends or becomes somebody else."""
    await connection.execute(
        BECOME,
        {
            "role": caller.role,
            "claims": json.dumps(caller.claims),
            "sub": caller.user_id or "",
            "operation": operation,
        },
    )


async def fetch(connection: Connection, query: str, *parameters: Any) -> DictRow | None:
    """Return the first row of a query."""
    cursor = await connection.execute(query.encode(), parameters)
    return await cursor.fetchone()


async def find_bucket(connection: Connection, bucket_id: str) -> Bucket:
    """Return a bucket that the current role sees.

    Raises:
        StorageError: It sees none of that name.
    """
    row = await fetch(connection, FIND_BUCKET, bucket_id)
    if row is None:
        raise no_such_bucket()
    return Bucket(**{**row, "public": bool(row["public"])})


async def find_object(connection: Connection, bucket_id: str, name: str) -> DictRow:
    """Return the row of a file that the current role sees.

    Raises:
        StorageError: It sees none of that name.
    """
    row = await fetch(connection, FIND_OBJECT, bucket_id, name)
    if row is None:
        raise no_such_key()
    return row


async def check_may_write(connection: Connection, row: NewObject, *, upsert: bool) -> None:
    """Try a write as the current role and undo it.

    Raises:
        psycopg.Error: The role may not, or the name is taken and `upsert` is false.
    """
    async with connection.transaction(force_rollback=True):
        await connection.execute(UPSERT_OBJECT if upsert else INSERT_OBJECT, row.parameters())


async def write_object(
    connection: Connection, row: NewObject, *, upsert: bool
) -> tuple[DictRow, str | None]:
    """Write a row and return it, with the version that it replaced.

    Raises:
        psycopg.Error: The name is taken and `upsert` is false.
    """
    await connection.execute(LOCK_OBJECT, (f"{row.bucket_id}/{row.name}",))
    replaced = await fetch(connection, FIND_OBJECT + "for update", row.bucket_id, row.name)
    await connection.execute(UPSERT_OBJECT if upsert else INSERT_OBJECT, row.parameters())
    written = await find_object(connection, row.bucket_id, row.name)
    return written, None if replaced is None else replaced["version"]


async def list_folder(
    connection: Connection,
    bucket_id: str,
    prefix: str,
    *,
    search: str,
    column: SortColumn,
    order: SortOrder,
    limit: int,
    offset: int,
) -> list[DictRow]:
    """Return what lies directly in a folder and starts with `search`, whatever its case.

    Folders have a name and nothing else. By name, files and folders are mixed; by time, folders
    come first.
    """
    direction = sql.SQL("desc" if order == "desc" else "asc")
    by_name = sql.SQL('lower(name) collate "C" {0}, name collate "C" {0}').format(direction)
    by_time = sql.SQL("rank, {} {}, {}").format(sql.Identifier(column), direction, by_name)
    cursor = await connection.execute(
        LIST_FOLDER.format(entries=ENTRIES, order=by_name if column == "name" else by_time),
        {
            "bucket_id": bucket_id,
            "prefix": prefix,
            "pattern": escape_like(search.lower()) + "%",
            "limit": limit,
            "offset": offset,
        },
    )
    return await cursor.fetchall()


async def list_page(
    connection: Connection,
    bucket_id: str,
    prefix: str,
    *,
    with_delimiter: bool,
    column: Literal["name", "updated_at", "created_at"],
    order: SortOrder,
    after: tuple[str | None, str] | None,
    limit: int,
) -> list[DictRow]:
    """Return files, and with a delimiter folders, below a prefix, beyond a position.

    Args:
        connection: Whose role decides what is seen.
        bucket_id: The bucket.
        prefix: How names begin.
        with_delimiter: Whether to cut names at the next slash.
        column: What to sort by; a folder is as old as the oldest file that is seen in it.
        order: In which direction.
        after: Time and name of the last entry of the page before.
        limit: How many entries at most.
    """
    by_time = column != "name"
    # A null would make every comparison null: by name, all values are one constant.
    constant = sql.SQL("'epoch'::timestamptz")
    query = LIST_PAGE.format(
        entries=ENTRIES,
        folder_value=sql.SQL("min(created_at)") if by_time else constant,
        file_value=sql.Identifier(column) if by_time else constant,
        beyond=sql.SQL("<" if order == "desc" else ">"),
        direction=sql.SQL("desc" if order == "desc" else "asc"),
    )
    value, name = after if after is not None else (None, None)
    cursor = await connection.execute(
        query,
        {
            "bucket_id": bucket_id,
            "prefix": prefix,
            "with_delimiter": with_delimiter,
            "after_value": value if by_time else "epoch",
            "after_name": name,
            "limit": limit,
        },
    )
    return await cursor.fetchall()


def as_uuid(value: str | None) -> uuid.UUID | None:
    """Return a user id as the deprecated column `owner` takes it."""
    try:
        return None if value is None else uuid.UUID(value)
    except ValueError:
        return None


def escape_like(text: str) -> str:
    """Return a pattern that matches the text itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def storage_error(error: psycopg.Error) -> StorageError:
    """Return what a client is told of a database error, the way the platform puts it."""
    match error.sqlstate:
        case "42501":
            message = str(error.diag.message_primary)
            return access_denied() if "row-level security" in message else access_denied(message)
        case "23505":
            return already_exists()
        case "23503":
            return StorageError(404, "InvalidRequest", "The related resource does not exist")
        case "55P03":
            return StorageError(423, "ResourceLocked", "The resource is locked")
        case "57014":
            return StorageError(544, "DatabaseTimeout", "The connection to the database timed out")
        case "25006":
            message = "The database is currently in read-only mode. Please try again later."
            return StorageError(503, "DatabaseReadOnly", message)
        case "22P02" | "22P05" | "22021":
            return invalid_parameter("Invalid value format or type conversion failed")
        case "22023" if "role" in str(error.diag.message_primary):
            return access_denied("Invalid role")
        case None if isinstance(error, psycopg.DataError):
            # The driver itself refuses text with NUL.
            return invalid_parameter("Invalid value format or type conversion failed")
        case sqlstate:
            return StorageError(500, "DatabaseError", f"database error, code: {sqlstate}")
