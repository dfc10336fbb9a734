"""Uploads that come in pieces, on disk: each grows in a file of its own until it is whole.

    incoming/<version>         what has arrived so far
    incoming/<version>.json    where it shall go, and until when it may

How far an upload is, is the size of its file and nothing else, so that neither a broken connection
nor a crash can make that wrong. One that is not whole by its hour is removed. What is said of one
that became a file stays until then, for clients that did not hear so.
"""

import hashlib
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from anyio import Lock, fail_after, to_thread

from reelbase.local.gateway.storage_errors import StorageError
from reelbase.local.gateway.storage_files import WRITE_SIZE, FileStore, is_version, new_version

__all__ = ["LIFETIME", "Partial", "Partials"]

LIFETIME = 24 * 3600
"""Seconds that an upload may take, as on the platform."""

PATIENCE = 5.0
"""Seconds that a request waits for another one of the same upload."""


@dataclass(frozen=True, slots=True)
class Partial:
    """An upload on its way.

    Attributes:
        version: Names it, and the file that it becomes.
        bucket_id: The bucket.
        key: The path in it.
        size: Bytes that it will have.
        mime_type: Its type, as the client says.
        cache_control: What downloads shall say in `cache-control`.
        user_metadata: Free JSON, or None.
        expires_at: Until when it may come, in seconds since the epoch.
        finished: Whether it became a file.
    """

    version: str
    bucket_id: str
    key: str
    size: int
    mime_type: str
    cache_control: str
    user_metadata: dict[str, Any] | None
    expires_at: int
    finished: bool = False


@dataclass(slots=True)
class Turn:
    """Whose turn it is with an upload, and how many want one."""

    lock: Lock = field(default_factory=Lock)
    wanted: int = 0


class Partials:
    """The uploads in pieces of one stack.

    Args:
        files: Where whole files lie.
        now: Tells the time, in seconds since the epoch.
    """

    def __init__(self, files: FileStore, now: Callable[[], float] = time.time) -> None:
        self._files = files
        self._folder = files.incoming
        self._now = now
        self._turns: dict[str, Turn] = {}

    async def create(
        self,
        bucket_id: str,
        key: str,
        *,
        size: int,
        mime_type: str,
        cache_control: str,
        user_metadata: dict[str, Any] | None,
    ) -> Partial:
        """Begin an upload."""
        partial = Partial(
            version=new_version(),
            bucket_id=bucket_id,
            key=key,
            size=size,
            mime_type=mime_type,
            cache_control=cache_control,
            user_metadata=user_metadata,
            expires_at=int(self._now()) + LIFETIME,
        )

        def begin() -> None:
            self._path(partial.version).touch(mode=0o600, exist_ok=False)
            self._note(partial)

        await to_thread.run_sync(begin)
        return partial

    async def find(self, version: str) -> Partial:
        """Return an upload.

        Raises:
            StorageError: There is none of that name, or none any more.
        """
        partial = await to_thread.run_sync(self._read, version)
        if partial is None:
            raise StorageError(404, "not_found", "The upload is not found")
        if partial.expires_at <= self._now():
            raise StorageError(410, "gone", "The upload has expired")
        return partial

    async def offset(self, partial: Partial) -> int:
        """Return how many bytes have arrived."""
        if partial.finished:
            return partial.size
        try:
            return await to_thread.run_sync(lambda: self._path(partial.version).stat().st_size)
        except FileNotFoundError:
            raise StorageError(404, "not_found", "The upload is not found") from None

    @asynccontextmanager
    async def held(self, version: str) -> AsyncIterator[None]:
        """Be the only request of an upload for as long as the block lasts.

        A request whose client has gone notices that soon, so that the next one waits a little.

        Raises:
            StorageError: Another one is at it.
        """
        turn = self._turns.setdefault(version, Turn())
        turn.wanted += 1
        try:
            try:
                with fail_after(PATIENCE):
                    await turn.lock.acquire()
            except TimeoutError:
                raise StorageError(423, "ResourceLocked", "The upload is in use") from None
            try:
                yield
            finally:
                turn.lock.release()
        finally:
            turn.wanted -= 1
            if not turn.wanted:
                del self._turns[version]

    async def append(self, partial: Partial, body: AsyncIterator[bytes], room: int) -> None:
        """Add to what has arrived. What came before a break stays.

        Args:
            partial: The upload, which the caller holds.
            body: The piece.
            room: Bytes that it may have at most.

        Raises:
            StorageError: It has more.
        """
        file = await to_thread.run_sync(self._path(partial.version).open, "ab")
        pending: list[bytes] = []
        waiting = 0
        try:
            async for data in body:
                room -= len(data)
                if room < 0:
                    message = "The piece goes beyond the end of the upload"
                    raise StorageError(400, "InvalidRequest", message)
                pending.append(data)
                waiting += len(data)
                if waiting >= WRITE_SIZE:
                    whole, pending, waiting = b"".join(pending), [], 0
                    await to_thread.run_sync(file.write, whole)
        finally:
            # Not handed to a thread: a request that was broken off cannot wait any more.
            if pending and room >= 0:
                file.write(b"".join(pending))
            file.close()

    async def etag(self, partial: Partial) -> str:
        """Put the content on disk for good, and return its quoted MD5."""

        def read() -> str:
            digest = hashlib.md5(usedforsecurity=False)
            with self._path(partial.version).open("rb") as file:
                os.fsync(file.fileno())
                while data := file.read(WRITE_SIZE):
                    digest.update(data)
            return f'"{digest.hexdigest()}"'

        return await to_thread.run_sync(read)

    async def publish(self, partial: Partial) -> None:
        """Give the whole file its final name."""
        await to_thread.run_sync(self._files.adopt, self._path(partial.version), partial.version)

    async def finish(self, partial: Partial) -> None:
        """Remember that an upload became a file."""
        done = replace(partial, finished=True, user_metadata=None)
        await to_thread.run_sync(self._note, done)

    async def remove(self, version: str) -> None:
        """Forget an upload, and what has arrived of it."""
        await to_thread.run_sync(self._remove, version)

    def living(self) -> set[Path]:
        """Return the files of the uploads that may still go on; blocks."""
        found: set[Path] = set()
        for note in self._folder.glob("*.json"):
            partial = self._read(note.stem)
            if partial is not None and partial.expires_at > self._now():
                found |= {note, self._path(partial.version)}
        return found

    def expire(self) -> int:
        """Remove the uploads whose hour has come; return how many; blocks."""
        living = self.living()
        late = [note for note in self._folder.glob("*.json") if note not in living]
        for note in late:
            self._remove(note.stem)
        return len(late)

    def _path(self, version: str) -> Path:
        return self._folder / version

    def _note(self, partial: Partial) -> None:
        note = self._folder / f"{partial.version}.json"
        fresh = note.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(partial)))
        fresh.rename(note)

    def _read(self, version: str) -> Partial | None:
        if not is_version(version):
            return None
        with suppress(OSError, ValueError, TypeError):
            return Partial(**json.loads((self._folder / f"{version}.json").read_text()))
        return None

    def _remove(self, version: str) -> None:
        self._path(version).unlink(missing_ok=True)
        (self._folder / f"{version}.json").unlink(missing_ok=True)
