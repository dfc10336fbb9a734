"""Files on disk: written once under a fresh name, never changed, removed when no row names them.

    objects/<first two digits>/<version>    a stored file; `version` is a UUID made here
    incoming/<UUID>                         an upload that has not ended

No part of a path comes from a client. A file gets its final name just before its row is committed
and loses it just after the row is gone, so that a crash at any moment may leave a file without a
row, which the next start removes, and never a row without a file. One server has the
folder for itself. Uploads in pieces grow in `incoming`, too: see `storage_partials`.
"""

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from anyio import to_thread

from reelbase.local.gateway.storage_errors import StorageError, too_large

__all__ = ["WRITE_SIZE", "FileStore", "IncomingFile", "is_version", "new_version", "unlink_all"]

WRITE_SIZE = 1024 * 1024
"""Bytes gathered in memory before they are written."""


class IncomingFile:
    """An upload on its way to disk; leaving the context removes it unless it was published."""

    def __init__(self, store: "FileStore", limit: int) -> None:
        self.version = new_version()
        self.size = 0
        self._limit = limit
        self._store = store
        self._path = store.incoming / self.version
        self._file: BinaryIO | None = None
        self._hash = hashlib.md5(usedforsecurity=False)
        self._pending: list[bytes] = []
        self._pending_size = 0

    async def __aenter__(self) -> Self:
        self._file = await to_thread.run_sync(open_new, self._path)
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Not handed to a thread: a cancelled upload has to be cleaned up without awaiting.
        if self._file is not None:
            self._file.close()
        self._path.unlink(missing_ok=True)

    @property
    def etag(self) -> str:
        """The quoted MD5 of the content, which is what S3 answers."""
        return f'"{self._hash.hexdigest()}"'

    async def write(self, data: bytes) -> None:
        """Append to the file.

        Raises:
            StorageError: The file outgrew its limit.
        """
        self.size += len(data)
        if self.size > self._limit:
            raise too_large()
        self._pending.append(data)
        self._pending_size += len(data)
        if self._pending_size >= WRITE_SIZE:
            await self._flush()

    async def finish(self) -> None:
        """Put the whole content on disk, for good."""
        await self._flush(last=True)

    async def _flush(self, *, last: bool = False) -> None:
        pending, self._pending, self._pending_size = self._pending, [], 0
        await to_thread.run_sync(self._append, pending, last)

    def _append(self, pending: list[bytes], last: bool) -> None:
        if self._file is None:
            message = "the file is not open"
            raise RuntimeError(message)
        data = b"".join(pending)
        self._hash.update(data)
        self._file.write(data)
        if last:
            self._file.flush()
            os.fsync(self._file.fileno())

    async def publish(self) -> None:
        """Give the file its final name."""
        await to_thread.run_sync(self._store.adopt, self._path, self.version)


class FileStore:
    """The folder that holds the files of one stack.

    Args:
        root: The folder; made if it is missing.
    """

    def __init__(self, root: Path) -> None:
        self.objects = root / "objects"
        self.incoming = root / "incoming"
        for folder in (self.objects, self.incoming):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path_of(self, version: str) -> Path:
        """Return where a version lies.

        Raises:
            StorageError: No file can have that version; the row was not written by this server.
        """
        try:
            name = str(uuid.UUID(version))
        except ValueError:
            raise StorageError(404, "not_found", "Object not found") from None
        return self.objects / name[:2] / name

    def receive(self, limit: int) -> IncomingFile:
        """Start an upload.

        Args:
            limit: Bytes that it may have.
        """
        return IncomingFile(self, limit)

    def adopt(self, path: Path, version: str) -> None:
        """Rename a finished upload to its final place; blocks."""
        target = self.path_of(version)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        path.rename(target)

    async def open(self, version: str) -> BinaryIO:
        """Open a file for reading.

        Raises:
            FileNotFoundError: It is not there, or no longer.
        """
        return await to_thread.run_sync(open_existing, self.path_of(version))

    async def copy(self, source: str, target: str) -> None:
        """Make a second name for a file's content.

        Files never change, so that a hard link is as good as a copy and takes neither time nor
        space. Where the file system has none, the bytes are copied.

        Args:
            source: The version that is there.
            target: A new version.

        Raises:
            FileNotFoundError: The source is not there, or no longer.
        """
        await to_thread.run_sync(self._copy, self.path_of(source), self.path_of(target))

    def _copy(self, source: Path, target: Path) -> None:
        target.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            os.link(source, target)
        except FileNotFoundError:
            raise
        except OSError:
            shutil.copyfile(source, target)

    async def remove(self, versions: Iterable[str | None]) -> None:
        """Remove files that no row names any more; what is not there is no error."""
        paths = [self.path_of(version) for version in versions if version and is_version(version)]
        if paths:
            await to_thread.run_sync(unlink_all, paths)

    def leftovers(self) -> list[Path]:
        """Return every file that is there; blocks."""
        folders = [self.incoming, *self.objects.iterdir()]
        return [path for folder in folders for path in folder.iterdir()]


def new_version() -> str:
    """Return a name for a new file."""
    return str(uuid.uuid4())


def is_version(version: str) -> bool:
    """Return whether a row's version is one that this server made."""
    try:
        return str(uuid.UUID(version)) == version
    except ValueError:
        return False


def open_new(path: Path) -> BinaryIO:
    """Create a file for writing that must not exist yet."""
    return path.open("xb")


def open_existing(path: Path) -> BinaryIO:
    """Open a file for reading."""
    return path.open("rb", buffering=0)


def unlink_all(paths: Iterable[Path]) -> None:
    """Remove files."""
    for path in paths:
        path.unlink(missing_ok=True)
