"""One call of the storage API: who makes it, what it says, and how its errors are told."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

import psycopg
import structlog
from psycopg_pool import PoolTimeout
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from reelbase.local.gateway.storage_database import (
    ANONYMOUS,
    Bucket,
    Connection,
    Pool,
    find_bucket,
    storage_error,
    transaction,
)
from reelbase.local.gateway.storage_errors import StorageError, access_denied, error_response
from reelbase.local.gateway.storage_files import FileStore
from reelbase.local.gateway.storage_names import check_bucket_name, check_key
from reelbase.local.gateway.storage_partials import Partials
from reelbase.local.gateway.storage_signing import UrlSigner
from reelbase.local.gateway.tokens import Caller, InvalidToken, caller_of
from reelbase.local.keys import StackKeys

__all__ = ["Access", "Call", "StorageService", "route"]

MAX_JSON = 1024 * 1024
"""Bytes of a JSON body."""

BodyT = TypeVar("BodyT", bound=BaseModel)


class Access(Enum):
    """Who may make a call at all; row-level security says what comes of it."""

    CALLER = "caller"
    """Somebody with a valid key or token."""
    ANYBODY = "anybody"
    """Anybody; without a valid key or token only public buckets are there."""
    NOBODY = "nobody"
    """Anybody, whose key or token does not matter: the URL itself is the permission."""


@dataclass(frozen=True, slots=True)
class StorageService:
    """What the storage server works with.

    Attributes:
        pool: Connections as `supabase_storage_admin`.
        files: The stored files.
        partials: The uploads in pieces.
        signer: Makes and checks signed URLs.
        keys: The keys of the stack.
    """

    pool: Pool
    files: FileStore
    partials: Partials
    signer: UrlSigner
    keys: StackKeys


@dataclass(frozen=True, slots=True)
class Call:
    """A request to the storage API.

    Attributes:
        request: The request; its body is read once, by `body` or by an upload.
        service: What the server works with.
        caller: Who is calling.
        authenticated: Whether the caller showed a valid key or token.
        operation: What is being done, for `storage.operation()` in policies.
    """

    request: Request
    service: StorageService
    caller: Caller
    authenticated: bool
    operation: str

    @property
    def bucket_id(self) -> str:
        """The bucket that the URL names."""
        return check_bucket_name(self.request.path_params["bucket"])

    @property
    def key(self) -> str:
        """The path in the bucket that the URL names."""
        return check_key(self.request.path_params["key"])

    @property
    def upsert(self) -> bool:
        """Whether the caller wants to replace what is there."""
        return self.request.headers.get("x-upsert", "").lower() == "true"

    @asynccontextmanager
    async def transaction(self, caller: Caller | None = None) -> AsyncIterator[Connection]:
        """Run a block in one transaction, as the caller or somebody else."""
        who = self.caller if caller is None else caller
        async with transaction(self.service.pool, who, self.operation) as connection:
            yield connection

    async def bucket(self, bucket_id: str) -> Bucket:
        """Return a bucket as the server sees it.

        Raises:
            StorageError: There is none of that name.
        """
        async with self.service.pool.connection() as connection:
            return await find_bucket(connection, bucket_id)

    async def body(self, model: type[BodyT]) -> BodyT:
        """Read a JSON body; none at all counts as an empty object.

        Raises:
            StorageError: It is too large, or not what the call takes.
        """
        content = bytearray()
        async for data in self.request.stream():
            content += data
            if len(content) > MAX_JSON:
                message = "Request body is too large"
                raise StorageError(413, "FST_ERR_CTP_BODY_TOO_LARGE", message)
        try:
            # Python's own parser first: pydantic's refuses lone surrogates with another error.
            return model.model_validate(json.loads(content or b"{}"))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = "/".join(["body", *(str(part) for part in first["loc"])])
            raise StorageError(400, "Error", f"{where} {first['msg']}") from None
        except (ValueError, RecursionError):
            message = "Body is not valid JSON but content-type is set to 'application/json'"
            raise StorageError(400, "FST_ERR_CTP_INVALID_JSON_BODY", message) from None


Handler = Callable[[Call], Awaitable[Response]]
Refusal = Callable[[StorageError], Response]


def route(
    methods: str,
    path: str,
    handler: Handler,
    operation: str,
    access: Access = Access.CALLER,
    *,
    refusal: Refusal = error_response,
) -> Route:
    """Return a route of the storage API.

    Args:
        methods: HTTP methods, separated by spaces.
        path: The path below `/storage/v1`.
        handler: Answers the call.
        operation: What is being done, without the leading `storage.`.
        access: Who may call.
        refusal: Renders an error.
    """

    async def endpoint(request: Request) -> Response:
        service: StorageService = request.app.state.storage
        try:
            caller, authenticated = who_calls(request, service.keys, access)
            call = Call(request, service, caller, authenticated, f"storage.{operation}")
            return await handler(call)
        except StorageError as error:
            return refusal(error)
        except ClientDisconnect:
            # Nobody is there to read it.
            return Response(status_code=499)
        except PoolTimeout:
            message = "The connection to the database timed out"
            return refusal(StorageError(544, "DatabaseTimeout", message))
        except UnicodeEncodeError:
            message = "Invalid value format or type conversion failed"
            return refusal(StorageError(400, "InvalidParameter", message))
        except psycopg.Error as error:
            told = storage_error(error)
            if told.status >= 500:
                log = structlog.get_logger("storage")
                await log.aerror(
                    "storage.database_error", operation=operation, sqlstate=error.sqlstate
                )
            return refusal(told)
        except OSError as error:
            log = structlog.get_logger("storage")
            await log.aerror("storage.disk_error", operation=operation, errno=error.errno)
            return refusal(StorageError(500, "InternalError", "Internal server error"))

    # Starlette would add HEAD to GET; here the two are different calls.
    added = Route(path, endpoint, methods=methods.split())
    added.methods = set(methods.split())
    return added


def who_calls(request: Request, keys: StackKeys, access: Access) -> tuple[Caller, bool]:
    """Return the caller, and whether it showed a valid key or token.

    Raises:
        StorageError: It has to show one and did not.
    """
    if access is Access.NOBODY:
        return ANONYMOUS, False
    if access is Access.CALLER and not {"authorization", "apikey"} & set(request.headers.keys()):
        message = "headers must have required property 'authorization'"
        raise StorageError(400, "Error", message)
    try:
        return caller_of(request.headers, keys), True
    except InvalidToken as error:
        if access is Access.ANYBODY:
            return ANONYMOUS, False
        raise access_denied(str(error)) from None
