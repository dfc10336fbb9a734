"""Storage as the services see it: files go in under paths that name their content."""

from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import TypeVar

import anyio
import httpx
from storage3.exceptions import StorageApiError
from storage3.types import FileOptions
from supabase import AsyncClient

from reelbase.errors import AlreadyStored, StorageUnavailable, from_storage

__all__ = ["Storage"]

T = TypeVar("T")

UPLOAD_ATTEMPTS = 4


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

    async def sign(self, bucket: str, path: str, seconds: int) -> str:
        """Make an address at which anybody may read a file for so many seconds.

        Raises:
            StorageUnavailable, StorageError: no answer, or no such file.
        """
        signed = await answer(self._client.from_(bucket).create_signed_url(path, seconds))
        return str(signed["signedURL"])

    async def ping(self) -> None:
        """Ask Storage for one of our buckets.

        Raises:
            StorageUnavailable, StorageError: no answer, or no such bucket.
        """
        await answer(self._client.get_bucket("final-videos"))


async def answer(call: Awaitable[T]) -> T:
    """Wait for an answer, and say in our words what went wrong."""
    try:
        return await call
    except httpx.HTTPError as error:
        message = f"Storage cannot be reached ({type(error).__name__})."
        raise StorageUnavailable(message) from error
    except StorageApiError as error:
        raise from_storage(error) from error
