"""From a provider's files to assets: look inside, hash, make a thumbnail, upload.

What a file is, is read from its content and never taken from whoever made it. A path holds the
job and the content's hash, so that storing the same output again, by whichever worker, finds it
there and leaves one file.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import structlog

from reelbase.media.probe import MediaInfo, Unreadable, probe_apart
from reelbase.media.thumbnails import is_small, make_thumbnail
from reelbase.providers.base import Output, Transient
from reelbase.storage import Storage

__all__ = ["BUCKETS", "Outputs", "UnusableOutput"]

BUCKETS = {
    "result_video": "final-videos",
    "result_image": "final-images",
    "sprite_sheet": "final-images",
    "final_character": "final-images",
    "result_audio": "voiceovers",
    "thumbnail": "thumbnails",
}
"""Where a role's files are stored."""

KINDS = {
    "result_video": "video",
    "result_image": "image",
    "sprite_sheet": "image",
    "final_character": "image",
    "result_audio": "audio",
    "thumbnail": "image",
}
"""What a role's files must be."""

EXTENSIONS = {
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/quicktime": "mov",
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/ogg": "ogg",
    "audio/mp4": "m4a",
    "audio/flac": "flac",
}
"""The types that are stored at all."""

CHUNK_BYTES = 256 << 10

THUMBNAILS_AT_ONCE = 2
"""Processes that make thumbnails in one dispatcher."""

INSPECTIONS_AT_ONCE = 4
"""Files that are looked into and hashed at once; each keeps a thread for as long as it is read."""

log = structlog.stdlib.get_logger("reelbase.dispatch")


class UnusableOutput(Transient):
    """What the provider delivered is no result: nothing, damaged, or not what was asked for."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """A file as it really is. `size_bytes` counts bytes, `sha256` is in hexadecimal."""

    size_bytes: int
    sha256: str
    info: MediaInfo


class Outputs:
    """Stores what providers made."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._inspections = anyio.CapacityLimiter(INSPECTIONS_AT_ONCE)
        self._thumbnails = anyio.CapacityLimiter(THUMBNAILS_AT_ONCE)

    async def store(
        self, folder: str, outputs: tuple[Output, ...], workdir: Path
    ) -> list[dict[str, Any]]:
        """Inspect and upload all outputs of a job.

        A film, or a picture that is not small already, gets a thumbnail if the provider made none
        and one can be made. It does without if not.

        Args:
            folder: The folder of the job in each bucket: `{user_id}/{job_id}`.
            outputs: What the provider says that it made.
            workdir: Where the provider was told to put its files; none is taken from elsewhere.

        Returns:
            The assets as `worker.complete_job` takes them.

        Raises:
            UnusableOutput: the provider returned nothing, or something that it should not have.
            StorageUnavailable, StorageError: see `Storage.upload`.
        """
        if not outputs:
            raise UnusableOutput("no_output", "The provider finished without a result.")
        assets = []
        for output in outputs:
            file = await self._inspect(output.path, output.role, workdir)
            asset = await self._upload(folder, output.role, output.position, output.path, file)
            asset |= {"style": output.style, "position": output.position}
            asset["thumbnail"] = await self._thumbnail(folder, output, file, workdir)
            assets.append(asset)
        return assets

    async def _inspect(self, path: Path, role: str, workdir: Path) -> Inspected:
        return await anyio.to_thread.run_sync(
            inspect, path, role, workdir, limiter=self._inspections
        )

    async def _thumbnail(
        self, folder: str, output: Output, shown: Inspected, workdir: Path
    ) -> dict[str, Any] | None:
        """Upload the thumbnail that the provider made, or one of our own making."""
        path = output.thumbnail
        if path is None:
            path = await self._make_thumbnail(output, shown, workdir)
        if path is None:
            return None
        file = await self._inspect(path, "thumbnail", workdir)
        told = await self._upload(folder, "thumbnail", output.position, path, file)
        # A thumbnail is told with the asset that it shows: only the file's own facts.
        return {key: told[key] for key in told.keys() - {"role", "duration_ms"}}

    async def _make_thumbnail(self, output: Output, shown: Inspected, workdir: Path) -> Path | None:
        info = shown.info
        if info.kind == "audio" or (info.kind == "image" and is_small(info.width, info.height)):
            return None
        # By the content's hash: nothing that the provider made has this name.
        target = workdir / f"thumbnail-{output.position}-{shown.sha256[:16]}.jpg"
        async with self._thumbnails:
            if await make_thumbnail(output.path, target):
                return target
        log.warning("no_thumbnail", role=output.role, mime_type=info.mime_type)
        return None

    async def _upload(
        self, folder: str, role: str, position: int, path: Path, file: Inspected
    ) -> dict[str, Any]:
        """Upload one file; return what there is to know of it."""
        mime_type = file.info.mime_type
        name = f"{role}-{position}-{file.sha256[:16]}.{EXTENSIONS[mime_type]}"
        await self._storage.upload(BUCKETS[role], f"{folder}/{name}", path, mime_type)
        return {
            "role": role,
            "bucket": BUCKETS[role],
            "storage_path": f"{folder}/{name}",
            "mime_type": mime_type,
            "size_bytes": file.size_bytes,
            "sha256": file.sha256,
            "width": file.info.width,
            "height": file.info.height,
            "duration_ms": file.info.duration_ms,
        }


def inspect(path: Path, role: str, workdir: Path) -> Inspected:
    """Read what a file is. Blocks; reads the file in pieces."""
    kind = KINDS.get(role)
    # A link could lead out of the folder to a file that is nobody's result; a pipe never ends.
    usable = path.is_file() and not path.is_symlink()
    if kind is None or not usable or not path.resolve().is_relative_to(workdir.resolve()):
        raise UnusableOutput("unusable_output", "The provider returned a file that cannot be used.")
    try:
        info = probe_apart(path)
    except (Unreadable, OSError) as error:
        message = f"The provider returned a damaged {kind}."
        raise UnusableOutput("unusable_output", message) from error
    if info.kind != kind or info.mime_type not in EXTENSIONS:
        raise UnusableOutput(
            "unusable_output", f"The provider returned {info.mime_type}, not {kind}."
        )
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as opened:
        while chunk := opened.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return Inspected(size, digest.hexdigest(), info)
