"""A small picture of a picture or a film, for lists: one JPEG of at most 640 pixels.

What is looked at was made by strangers, and is decoded here for the first time. So that is done by
a process of its own, which may take only so much memory and time, holds no secrets, and whose crash
costs nothing but the thumbnail. A film is not read as a whole, however long it is: a seek leads to
a key frame near its beginning, and one picture is decoded.

`python -m reelbase.media.thumbnails PARENT SOURCE TARGET` is that process. It ends with status 0
when TARGET is there.
"""

import asyncio
import contextlib
import os
import sys
from pathlib import Path

import anyio
from av.error import FFmpegError
from PIL import Image

from reelbase.media.children import end_with_parent, environment, limit_resources
from reelbase.media.probe import IMAGES, sniff
from reelbase.media.sources import decoded, load_picture, opened, unreadable
from reelbase.media.spec import Refused, Source

__all__ = ["LONGER_SIDE", "is_small", "make_thumbnail"]

LONGER_SIDE = 640
"""Pixels of a thumbnail's longer side."""

LIMIT_SECONDS = 30.0
"""How long one may take."""

PROCESSOR_SECONDS = 20
MEMORY = 1 << 30
FILE_BYTES = 4 << 20

BEGINNING = 0.1
"""How far into a film its picture is taken, as a part of it: the first one is black too often."""

QUALITY = 82


def is_small(width: int | None, height: int | None) -> bool:
    """Whether a picture is as small as its thumbnail would be, and needs none."""
    return width is not None and height is not None and max(width, height) <= LONGER_SIDE


async def make_thumbnail(source: Path, target: Path) -> bool:
    """Make a thumbnail in a process of its own; say whether there is one.

    Args:
        source: An image or a film, within the bounds of `probe`.
        target: The JPEG to be.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # what lies beside the file is no Python module
            "-m",
            "reelbase.media.thumbnails",
            str(os.getpid()),
            str(source),
            str(target),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=target.parent,
            env=environment(),
        )
    except OSError:
        # Too many processes, or too little memory: what was made is there, and is paid for.
        return False
    try:
        with anyio.move_on_after(LIMIT_SECONDS):
            return await process.wait() == 0 and await anyio.Path(target).is_file()
        return False
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            with anyio.CancelScope(shield=True):
                await process.wait()


def paint(source: Path, target: Path) -> None:
    """Write the thumbnail of a file.

    Raises:
        Refused: The file is no image and no film, or cannot be decoded.
        OSError: The thumbnail cannot be written.
    """
    with source.open("rb") as file:
        mime_type = sniff(file.read(64))
    if mime_type in IMAGES:
        picture = load_picture(Source("reference_image", str(source), "The image"), LONGER_SIDE)
    else:
        picture = frame_of(Source("source_video", str(source), "The film"))
    picture.thumbnail((LONGER_SIDE, LONGER_SIDE), Image.Resampling.LANCZOS)
    picture.convert("RGB").save(target, "JPEG", quality=QUALITY, optimize=True)


def frame_of(film: Source) -> Image.Image:
    """Decode one picture near a film's beginning, or else its first one.

    Raises:
        Refused: There is none that can be decoded.
    """
    with opened(film, "video") as (container, stream):
        if stream is None:
            raise unreadable(film)
        for place in (int((container.duration or 0) * BEGINNING), 0):
            # To the key frame before that place; not every film can be sought in.
            with contextlib.suppress(FFmpegError):
                container.seek(place)
            frame = next(decoded(container, stream), None)
            if frame is not None:
                picture: Image.Image = frame.to_image()
                return picture.rotate(frame.rotation, expand=True) if frame.rotation else picture
    raise unreadable(film)


def main(parent: int, source: str, target: str) -> int:
    """Be the process; return its status."""
    end_with_parent(parent)
    limit_resources(memory=MEMORY, file_bytes=FILE_BYTES, processor_seconds=PROCESSOR_SECONDS)
    try:
        paint(Path(source), Path(target))
    except (Refused, OSError, FFmpegError, ValueError, MemoryError):
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
