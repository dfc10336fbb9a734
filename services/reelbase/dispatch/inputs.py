"""Files that go into a job, as a provider gets at them: downloaded, or by an address of their own.

They are read from Storage only when a provider asks for them, in pieces, and never beyond a bound:
what a row says of a file's size and type is a stranger's word.
"""

import contextlib
from pathlib import Path

from reelbase.database import TaskInput
from reelbase.errors import FileTooLarge, StorageError, StorageUnavailable
from reelbase.providers.base import Permanent, ProviderError, Transient
from reelbase.storage import Storage

__all__ = ["LINK_SECONDS", "StoredInput"]

LINK_SECONDS = 3600
"""How long a provider may read a file by its address."""

EXTENSIONS = {
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/quicktime": "mov",
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/ogg": "ogg",
    "audio/mp4": "m4a",
    "audio/flac": "flac",
}
"""How names end by type; others end in "bin"."""


class StoredInput:
    """One input of a job, in Storage.

    Args:
        row: What the task says of it.
        storage: Where it lies.
        max_bytes: The most that is downloaded of it.
    """

    def __init__(self, row: TaskInput, storage: Storage, max_bytes: int) -> None:
        self._row = row
        self._storage = storage
        self._max_bytes = max_bytes

    @property
    def role(self) -> str:
        """Which part it plays: "reference_image", "source_video", "source_audio"."""
        return self._row.role

    @property
    def mime_type(self) -> str | None:
        """Its type, as it was registered."""
        return self._row.mime_type

    @property
    def position(self) -> int:
        """Its place among the inputs of its role, from 0."""
        return self._row.position

    async def save(self, folder: Path) -> Path:
        """Download it into a folder, under a name of our own making; return the file.

        Raises:
            Transient: Storage is away.
            Permanent: The file is gone (`inputs_lost`), or too large (`input_too_large`).
        """
        extension = EXTENSIONS.get(self._row.mime_type or "", "bin")
        target = folder / f"{self._row.role}-{self._row.position}.{extension}"
        try:
            await self._storage.download(
                self._row.bucket, self._row.storage_path, target, self._max_bytes
            )
        except (StorageError, StorageUnavailable) as error:
            with contextlib.suppress(OSError):
                target.unlink()
            raise told(error) from error
        return target

    async def link(self) -> str:
        """Return an address at which the provider may read it for an hour.

        Raises:
            Transient, Permanent: As with `save`.
        """
        try:
            return await self._storage.link(self._row.bucket, self._row.storage_path, LINK_SECONDS)
        except (StorageError, StorageUnavailable) as error:
            raise told(error) from error


def told(error: StorageError | StorageUnavailable) -> ProviderError:
    """Say what Storage's refusal means for the job."""
    if isinstance(error, StorageUnavailable):
        return Transient("storage_unavailable", "A file that this job needs could not be read.")
    if isinstance(error, FileTooLarge):
        return Permanent("input_too_large", "A file that this job needs is too large.")
    if error.status == 404:
        return Permanent("inputs_lost", "A file that this job needs was deleted.")
    return Permanent("input_refused", "A file that this job needs could not be read.")
