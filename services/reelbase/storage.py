"""Storage as the services see it: files go in under paths that name their content."""

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import quote

import anyio
import httpx
from storage3.exceptions import StorageApiError
from storage3.types import FileOptions
from supabase import AsyncClient

from reelbase.errors import AlreadyStored, StorageUnavailable, from_storage
from reelbase.settings import Settings

__all__ = ["Storage", "StoredFiles", "open_stored_files"]

T = TypeVar("T")

UPLOAD_ATTEMPTS = 4

CONNECT_SECONDS = 5.0
CLOSE_SECONDS = 5.0

KEPT_CONNECTIONS = 20
KEPT_SECONDS = 2.0
"""Less than servers keep a connection, so that none is used which is just being closed."""


class Storage:
    """Uploads through the Supabase client, which streams a file in small pieces."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client.storage

    async def upload(self, bucket: str, path: str, file: Path, mime_type: str) -> None:
        """Store a file; done as well when that path is taken, since paths name contents.

        Raises:
            StorageUnavailable: no answer after several attempts.
            StorageError: refused, such as for its size or type.
        """
        for attempt in range(1, UPLOAD_ATTEMPTS + 1):
            try:
                await self._upload_once(bucket, path, file, mime_type)
            except AlreadyStored:
                return
            except StorageUnavailable:
                if attempt == UPLOAD_ATTEMPTS:
                    raise
                await anyio.sleep(0.2 * 2**attempt)
            else:
                return

    async def _upload_once(self, bucket: str, path: str, file: Path, mime_type: str) -> None:
        # The client opens the file anew, reads it in pieces and closes it.
        options: FileOptions = {"content-type": mime_type, "x-upsert": "false"}
        await answer(self._client.from_(bucket).upload(path, file, options))

    async def remove(self, bucket: str, paths: Sequence[str]) -> None:
        """Remove files; one that is not there is no error.

        Raises:
            StorageUnavailable, StorageError: no answer, or refused.
        """
        await answer(self._client.from_(bucket).remove(list(paths)))

    async def ping(self) -> None:
        """Ask Storage for one of our buckets.

        Raises:
            StorageUnavailable, StorageError: no answer, or no such bucket.
        """
        await answer(self._client.get_bucket("final-videos"))


class StoredFiles:
    """Files as they are read: in pieces, which the Supabase client does not offer."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    @asynccontextmanager
    async def opened(
        self, method: Literal["GET", "HEAD"], bucket: str, path: str, headers: Mapping[str, str]
    ) -> AsyncIterator[httpx.Response]:
        """Ask for a file and hand over Storage's answer, of which no byte is read yet.

        Reading it raises `httpx.HTTPError` when Storage breaks off or stands still.

        Raises:
            StorageUnavailable: no answer.
        """
        address = f"object/authenticated/{quote(bucket, safe='')}/{quote(path)}"
        request = self._http.build_request(method, address, headers=headers)
        # A connection that is cancelled while it is made would stay in the pool for good
        # (encode/httpcore#1093); the time that this may take is bounded by itself.
        with anyio.CancelScope(shield=True):
            try:
                response = await self._http.send(request, stream=True)
            except httpx.HTTPError as error:
                message = f"Storage cannot be reached ({type(error).__name__})."
                raise StorageUnavailable(message) from error
        try:
            yield response
        finally:
            with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                await response.aclose()

    async def size(self, bucket: str, path: str) -> int | None:
        """Ask how many bytes a file has; None when Storage does not tell.

        Raises:
            StorageUnavailable: no answer.
        """
        async with self.opened("HEAD", bucket, path, {}) as response:
            length = response.headers.get("content-length", "")
            return int(length) if response.status_code == 200 and length.isdecimal() else None


@asynccontextmanager
async def open_stored_files(settings: Settings) -> AsyncIterator[StoredFiles]:
    """Files for reading, with connections of their own.

    There are as many connections as files being read; whoever reads bounds those.
    """
    key = settings.supabase_secret_key.get_secret_value()
    async with httpx.AsyncClient(
        base_url=f"{settings.supabase_url.rstrip('/')}/storage/v1/",
        # Bytes as they lie there, since ranges and lengths count those.
        headers={"apikey": key, "Authorization": f"Bearer {key}", "Accept-Encoding": "identity"},
        timeout=httpx.Timeout(settings.stream_stall_seconds, connect=CONNECT_SECONDS),
        limits=httpx.Limits(
            max_connections=None,
            max_keepalive_connections=KEPT_CONNECTIONS,
            keepalive_expiry=KEPT_SECONDS,
        ),
    ) as http:
        yield StoredFiles(http)


async def answer(call: Awaitable[T]) -> T:
    """Wait for an answer, and say in our words what went wrong."""
    try:
        return await call
    except httpx.HTTPError as error:
        message = f"Storage cannot be reached ({type(error).__name__})."
        raise StorageUnavailable(message) from error
    except StorageApiError as error:
        raise from_storage(error) from error
