"""From a provider's files to assets: look inside, hash, upload.

What a file is, is read from its content and never taken from whoever made it. A path holds the
job and the content's hash, so that storing the same output again, by whichever worker, finds it
there and leaves one file.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio.to_thread

from reelbase.media.probe import MediaInfo, Unreadable, probe
from reelbase.providers.base import Output, Transient
from reelbase.storage import Storage

__all__ = ["BUCKETS", "UnusableOutput", "store_outputs"]

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

CHUNK_BYTES = 1 << 20


class UnusableOutput(Transient):
    """What the provider delivered is no result: nothing, damaged, or not what was asked for."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """A file as it really is. `size_bytes` counts bytes, `sha256` is in hexadecimal."""

    size_bytes: int
    sha256: str
    info: MediaInfo


async def store_outputs(
    storage: Storage, folder: str, outputs: tuple[Output, ...], workdir: Path
) -> list[dict[str, Any]]:
    """Inspect and upload all outputs of a job.

    Args:
        storage: Where they go.
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
        asset = await store_one(
            storage, folder, workdir, role=output.role, position=output.position, path=output.path
        )
        thumbnail = None
        if output.thumbnail is not None:
            thumbnail = await store_one(
                storage,
                folder,
                workdir,
                role="thumbnail",
                position=output.position,
                path=output.thumbnail,
            )
            # A thumbnail is told with the asset that it shows: only the file's own facts.
            thumbnail = {key: thumbnail[key] for key in thumbnail.keys() - {"role", "duration_ms"}}
        assets.append(
            {**asset, "style": output.style, "position": output.position, "thumbnail": thumbnail}
        )
    return assets


async def store_one(
    storage: Storage, folder: str, workdir: Path, *, role: str, position: int, path: Path
) -> dict[str, Any]:
    """Inspect and upload one file; return what there is to know of it."""
    file = await anyio.to_thread.run_sync(inspect, path, role, workdir)
    mime_type = file.info.mime_type
    name = f"{role}-{position}-{file.sha256[:16]}.{EXTENSIONS[mime_type]}"
    await storage.upload(BUCKETS[role], f"{folder}/{name}", path, mime_type)
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
        info = probe(path)
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
