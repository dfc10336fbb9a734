"""Storage as the services see it: files go in under paths that name their content.

A file goes up in one request while it is small. Above 6 MB it goes up by the TUS protocol 1.0.0
(https://tus.io/protocols/resumable-upload), as the platform wants it: the upload is created with a
POST, its pieces follow with one PATCH each, and after a broken one a HEAD tells how far it came.
Nothing is ever in memory as a whole, whichever way it goes.
"""

import base64
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, TypeVar
from urllib.parse import quote

import anyio
import anyio.to_thread
import httpx
from storage3.exceptions import StorageApiError
from storage3.types import FileOptions
from supabase import AsyncClient

from reelbase.errors import (
    AlreadyStored,
    FileTooLarge,
    StorageUnavailable,
    from_storage,
)
from reelbase.settings import Settings

__all__ = ["Storage", "StoredFiles", "open_stored_files"]

T = TypeVar("T")

UPLOAD_ATTEMPTS = 4
"""Attempts in a row that may fail; an upload in pieces counts anew after each piece."""

DOWNLOAD_ATTEMPTS = 3

PIECE_BYTES = 6 << 20
"""What goes up in one request: the platform takes pieces of this size and no other."""

CHUNK_BYTES = 256 << 10
"""Bytes of a file that are in memory at once."""

CACHE_SECONDS = "3600"
"""How long readers may keep a file; as the Supabase client says it, too."""

CONNECT_SECONDS = 5.0
CLOSE_SECONDS = 5.0

KEPT_CONNECTIONS = 20
KEPT_SECONDS = 2.0
"""Less than servers keep a connection, so that none is used which is just being closed."""


class Storage:
    """Uploads and downloads, in pieces, and what else there is to do with files.

    `pause_seconds` is the pause after a first attempt that failed; it doubles with each.
    """

    def __init__(self, client: AsyncClient, *, pause_seconds: float = 0.4) -> None:
        self._pause_seconds = pause_seconds
        self._client = client.storage
        self._http = client.storage.session
        key = client.supabase_key
        # Bytes as they lie there, since lengths count those.
        self._headers = {
            "apikey": key,
            "Authorization": f"Bearer {key}",
            "Accept-Encoding": "identity",
        }
        self._url = httpx.URL(f"{client.supabase_url}/storage/v1/")
        self._uploads = upload_host(self._url).join("upload/resumable")

    async def upload(self, bucket: str, path: str, file: Path, mime_type: str) -> None:
        """Store a file; done as well when that path is taken, since paths name contents.

        Raises:
            StorageUnavailable: no answer after several attempts.
            StorageError: refused, such as for its size or type.
        """
        size = (await anyio.Path(file).stat()).st_size
        try:
            if size > PIECE_BYTES:
                upload = Upload(bucket, path, file, mime_type, size)
                await self._upload_in_pieces(upload)
            else:
                await self._upload_whole(bucket, path, file, mime_type)
        except AlreadyStored:
            return

    async def _upload_whole(self, bucket: str, path: str, file: Path, mime_type: str) -> None:
        options: FileOptions = {"content-type": mime_type, "x-upsert": "false"}
        for attempt in range(1, UPLOAD_ATTEMPTS + 1):
            try:
                # The client opens the file anew, reads it in pieces and closes it.
                await answer(self._client.from_(bucket).upload(path, file, options))
            except StorageUnavailable:
                if attempt == UPLOAD_ATTEMPTS:
                    raise
                await self._pause(attempt)
            else:
                return

    async def _upload_in_pieces(self, upload: "Upload") -> None:
        """Store a large file; what broke off goes on where the other side says that it is."""
        failures = 0
        address: httpx.URL | None = None
        offset = 0
        while True:
            try:
                if address is None:
                    address, offset = await self._create(upload), 0
                elif failures:
                    if await self._is_stored(upload):
                        return
                    offset = await self._find_offset(address, upload)
                    if offset == upload.size:
                        # All of it has arrived and has not become a file.
                        raise UploadGone
                while offset < upload.size:
                    offset = await self._send_piece(address, upload, offset)
                    failures = 0
            except UploadGone:
                failures, address = failures + 1, None
                if failures == UPLOAD_ATTEMPTS:
                    message = "Storage has lost an upload again and again."
                    raise StorageUnavailable(message) from None
                await self._pause(failures)
            except StorageUnavailable:
                failures += 1
                if failures == UPLOAD_ATTEMPTS:
                    raise
                await self._pause(failures)
            else:
                return

    async def _create(self, upload: "Upload") -> httpx.URL:
        """Announce an upload; return its address."""
        headers = {"Upload-Length": str(upload.size), "Upload-Metadata": upload.metadata()}
        response = await self._tell("POST", self._uploads, headers)
        refuse(response, 201)
        location = response.headers.get("location", "")
        # Only the path is taken: the key goes to nobody whom an answer names.
        path = self._uploads.join(location).raw_path
        return self._uploads.copy_with(raw_path=path)

    async def _send_piece(self, address: httpx.URL, upload: "Upload", offset: int) -> int:
        """Send the next piece; return how many bytes the other side has."""
        length = min(PIECE_BYTES, upload.size - offset)
        headers = {
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(length),
            "Upload-Offset": str(offset),
        }
        content = piece_of(upload.file, offset, length)
        response = await self._tell("PATCH", address, headers, content)
        refuse_upload(response)
        reached = response.headers.get("upload-offset", "")
        if not reached.isdecimal() or not offset < int(reached) <= upload.size:
            raise StorageUnavailable("Storage does not say how far an upload came.")
        return int(reached)

    async def _find_offset(self, address: httpx.URL, upload: "Upload") -> int:
        """Ask how many bytes of an upload have arrived."""
        response = await self._tell("HEAD", address, {})
        refuse_upload(response)
        reached = response.headers.get("upload-offset", "")
        if not reached.isdecimal() or int(reached) > upload.size:
            raise StorageUnavailable("Storage does not say how far an upload came.")
        return int(reached)

    async def _is_stored(self, upload: "Upload") -> bool:
        """Whether there is a file of that size at the upload's path."""
        address = self._url.join(object_path(upload.bucket, upload.path))
        response = await self._tell("HEAD", address, {})
        return response.status_code == 200 and response.headers.get("content-length") == str(
            upload.size
        )

    async def _tell(
        self,
        method: str,
        address: httpx.URL,
        headers: Mapping[str, str],
        content: AsyncIterator[bytes] | None = None,
    ) -> httpx.Response:
        """Make one request of an upload; whatever is answered is for the caller to judge."""
        told = {**self._headers, "Tus-Resumable": "1.0.0", "x-upsert": "false", **headers}
        return await answer(self._http.request(method, address, headers=told, content=content))

    async def _pause(self, failures: int) -> None:
        """Wait before another attempt, the longer the more have failed."""
        await anyio.sleep(self._pause_seconds * 2 ** (failures - 1))

    async def download(self, bucket: str, path: str, target: Path, max_bytes: int) -> None:
        """Write a stored file to a local one.

        Args:
            bucket: Where it lies.
            path: Its path there.
            target: The file to be written; what it held is lost.
            max_bytes: The most that is taken.

        Raises:
            StorageUnavailable: no answer, or none to its end, after several attempts.
            FileTooLarge: it has more bytes.
            StorageError: refused; `status` is 404 when there is no such file.
        """
        for attempt in range(1, DOWNLOAD_ATTEMPTS + 1):
            try:
                await self._download_once(bucket, path, target, max_bytes)
            except StorageUnavailable:
                if attempt == DOWNLOAD_ATTEMPTS:
                    raise
                await self._pause(attempt)
            else:
                return

    async def _download_once(self, bucket: str, path: str, target: Path, max_bytes: int) -> None:
        address = self._url.join(object_path(bucket, path))
        request = self._http.build_request("GET", address, headers=self._headers)
        async with opened(self._http, request) as response:
            if response.status_code != 200:
                await answer(response.aread())
                refuse(response, 200)
            length = response.headers.get("content-length", "")
            if length.isdecimal() and int(length) > max_bytes:
                raise too_large(max_bytes)
            with await anyio.to_thread.run_sync(target.open, "wb") as file:
                await answer(write(response, file, max_bytes))

    async def link(self, bucket: str, path: str, seconds: int) -> str:
        """Return an address at which anybody may read a file for so many seconds.

        Raises:
            StorageUnavailable, StorageError: as with `download`.
        """
        told = await answer(self._client.from_(bucket).create_signed_url(path, seconds))
        if not (address := told["signedURL"]):
            raise StorageUnavailable("Storage gave no address for a file.")
        return address

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


class UploadGone(Exception):  # noqa: N818 - a state
    """The other side knows an upload no more, or not as we do."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way into a bucket. `size` is in bytes."""

    bucket: str
    path: str
    file: Path
    mime_type: str
    size: int

    def metadata(self) -> str:
        """What there is to say of it, in the form of `Upload-Metadata`."""
        told = {
            "bucketName": self.bucket,
            "objectName": self.path,
            "contentType": self.mime_type,
            "cacheControl": CACHE_SECONDS,
        }
        return ",".join(
            f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in told.items()
        )


def upload_host(url: httpx.URL) -> httpx.URL:
    """Where large files go: hosted projects have a host of its own for these.

    `{ref}.supabase.co` becomes `{ref}.storage.supabase.co`, as in supabase-js.
    """
    if not url.host.endswith(".supabase.co") or url.host.endswith(".storage.supabase.co"):
        return url
    return url.copy_with(host=f"{url.host.removesuffix('.supabase.co')}.storage.supabase.co")


def object_path(bucket: str, path: str) -> str:
    """Where a file is read, below `/storage/v1`."""
    return f"object/authenticated/{quote(bucket, safe='')}/{quote(path)}"


async def piece_of(path: Path, offset: int, length: int) -> AsyncIterator[bytes]:
    """Read a part of a file, bit by bit."""
    with await anyio.to_thread.run_sync(path.open, "rb") as file:
        await anyio.to_thread.run_sync(file.seek, offset)
        while length > 0:
            chunk = await anyio.to_thread.run_sync(file.read, min(CHUNK_BYTES, length))
            if not chunk:
                # The request stays short of what it announced, and is refused.
                return
            length -= len(chunk)
            yield chunk


async def write(response: httpx.Response, file: BinaryIO, max_bytes: int) -> None:
    """Write a body to a file, bit by bit."""
    size = 0
    async for chunk in response.aiter_raw(CHUNK_BYTES):
        size += len(chunk)
        if size > max_bytes:
            raise too_large(max_bytes)
        await anyio.to_thread.run_sync(file.write, chunk)


def too_large(max_bytes: int) -> FileTooLarge:
    """Say that a file has more bytes than were asked for."""
    return FileTooLarge(413, "too_large", f"The file is larger than {max_bytes} bytes.")


def refuse(response: httpx.Response, expected: int) -> None:
    """Raise what another status than the expected one means."""
    if response.status_code == expected:
        return
    # An error is JSON as a rule; uploads in pieces are refused in plain text.
    try:
        body = response.json()
        status, code, message = body["statusCode"], body["error"], body["message"]
    except (ValueError, KeyError, TypeError):
        status, code, message = response.status_code, response.reason_phrase, response.text[:300]
    raise from_storage(StorageApiError(str(message), str(code), status))


def refuse_upload(response: httpx.Response) -> None:
    """Raise what the answer to a piece, or to the question after one, means.

    409 is another offset than ours, or a path that somebody has taken meanwhile; 423 is a request
    of our own that is still being answered. Asking again shows which.
    """
    if response.status_code in {404, 410}:
        raise UploadGone
    if response.status_code in {408, 409, 423}:
        raise StorageUnavailable(
            f"Storage has an upload in another state ({response.status_code})."
        )
    if not response.is_success:
        refuse(response, 204)


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
        request = self._http.build_request(method, object_path(bucket, path), headers=headers)
        async with opened(self._http, request) as response:
            yield response

    async def size(self, bucket: str, path: str) -> int | None:
        """Ask how many bytes a file has; None when Storage does not tell.

        Raises:
            StorageUnavailable: no answer.
        """
        async with self.opened("HEAD", bucket, path, {}) as response:
            length = response.headers.get("content-length", "")
            return int(length) if response.status_code == 200 and length.isdecimal() else None


@asynccontextmanager
async def opened(http: httpx.AsyncClient, request: httpx.Request) -> AsyncIterator[httpx.Response]:
    """Send a request and hand over the answer, of which no byte is read yet.

    Raises:
        StorageUnavailable: no answer.
    """
    # A connection that is cancelled while it is made would stay in the pool for good
    # (encode/httpcore#1093); the time that this may take is bounded by itself.
    with anyio.CancelScope(shield=True):
        response = await answer(http.send(request, stream=True))
    try:
        yield response
    finally:
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            await response.aclose()


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
