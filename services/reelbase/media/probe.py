"""What a media file really is, told from its content and never from its name.

Nothing is decoded: only headers are read, the demuxer is the one that the first bytes call for (a
playlist that names other files or hosts is no media file here), and sizes beyond reason are
refused before anybody allocates memory for them.

Of a film's headers FFmpeg keeps all there is, were it a title of two gigabytes. So a large file is
looked into by a process of its own (`probe_apart`), which may take only so much memory and time:
`python -m reelbase.media.probe PARENT FILE` prints what it found, as JSON.
"""

import json
import os
import subprocess
import sys
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import av
from av.error import FFmpegError
from PIL import Image

from reelbase.media.children import end_with_parent, environment, limit_resources

__all__ = ["MAX_PIXELS", "MediaInfo", "Unreadable", "probe", "probe_apart", "sniff"]

MAX_PIXELS = 100_000_000
"""The largest picture or frame that is accepted, in pixels."""

MAX_IMAGE_BYTES = 100 << 20
"""The largest picture that is looked into: Pillow reads a WebP, and any part of a PNG, as a whole.

It is also the most that is stored of one.
"""

LARGE_BYTES = 32 << 20
"""Files from this size on get a process; smaller ones cannot fill much memory."""

_SECONDS = 60
_MEMORY = 1 << 30
_LONGEST_MS = 24 * 3600 * 1000

Kind = Literal["image", "video", "audio"]

# MIME type → how to read it: a format of Pillow, or a demuxer of FFmpeg.
IMAGES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/gif": "GIF"}
CONTAINERS = {
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "audio/mp4": "mp4",
    "video/webm": "matroska",
    "video/x-matroska": "matroska",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
}


class Unreadable(Exception):  # noqa: N818 - says what the file is
    """The file is no media file of a known type, or its headers make no sense."""


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a file holds. Sizes in pixels as displayed, codecs by FFmpeg's names ("h264", "aac")."""

    mime_type: str
    kind: Kind
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    has_audio: bool = False
    video_codec: str | None = None
    audio_codec: str | None = None


def sniff(head: bytes) -> str | None:
    """The MIME type by the first bytes of a file (64 are enough), or None."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        if brand in (b"M4A ", b"M4B "):
            return "audio/mp4"
        return "video/quicktime" if brand == b"qt  " else "video/mp4"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if head.startswith(b"OggS"):
        return "audio/ogg"
    if head.startswith(b"fLaC"):
        return "audio/flac"
    # MPEG audio: an ID3 tag, or a frame header of layer III.
    if head.startswith(b"ID3") or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2):
        return "audio/mpeg"
    return None


def probe(path: Path) -> MediaInfo:
    """Read a file's headers. Blocking; call it in a thread from asynchronous code.

    Raises:
        Unreadable: for anything that is not a sound media file within bounds.
        OSError: the file cannot be opened.
    """
    with path.open("rb") as file:
        mime_type = sniff(file.read(64))
    if mime_type in IMAGES:
        return _image(path, mime_type)
    if mime_type in CONTAINERS:
        return _container(path, mime_type)
    raise Unreadable("not a media file of a known type")


def probe_apart(path: Path) -> MediaInfo:
    """As `probe`, but by a process of its own where the file is large. Blocking.

    Raises:
        Unreadable: as `probe`; or it takes too much memory or time.
        OSError: the file cannot be opened.
    """
    if path.stat().st_size < LARGE_BYTES:
        return probe(path)
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", __name__, str(os.getpid()), str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
            timeout=_SECONDS,
            check=True,
        )
        return MediaInfo(**json.loads(done.stdout))
    except (subprocess.SubprocessError, ValueError, TypeError) as error:
        raise Unreadable("the file's headers make no sense") from error


def _image(path: Path, mime_type: str) -> MediaInfo:
    if path.stat().st_size > MAX_IMAGE_BYTES:
        raise Unreadable("the image is larger than any that is stored")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=(IMAGES[mime_type],)) as image:
                width, height = image.size
    except (OSError, Image.DecompressionBombError, SyntaxError, ValueError) as error:
        raise Unreadable("the image's header makes no sense") from error
    _check_size(width, height)
    return MediaInfo(mime_type, "image", width, height)


def _container(path: Path, mime_type: str) -> MediaInfo:
    options = {"protocol_whitelist": "file"}
    try:
        with av.open(
            f"file:{path}",
            format=CONTAINERS[mime_type],
            options=options,
            metadata_errors="replace",
        ) as container:
            video = next(
                (
                    s
                    for s in container.streams.video
                    if not s.disposition & s.disposition.attached_pic
                ),
                None,
            )
            audio = next(iter(container.streams.audio), None)
            duration = container.duration
            if video is None and audio is None:
                raise Unreadable("the file holds neither picture nor sound")
            if any(each is not None and each.codec_context is None for each in (video, audio)):
                raise Unreadable("the file's codec is not known")
            duration_ms = None if duration is None else round(duration / 1000)
            if duration_ms is not None and not 0 <= duration_ms <= _LONGEST_MS:
                raise Unreadable("the file claims a length that makes no sense")
            width = height = None
            if video is not None:
                width, height = video.codec_context.width, video.codec_context.height
                _check_size(width, height)
            if video is None and mime_type.startswith("video/"):
                mime_type = {"video/webm": "audio/webm"}.get(mime_type, "audio/mp4")
            return MediaInfo(
                mime_type=mime_type,
                kind="video" if video is not None else "audio",
                width=width,
                height=height,
                duration_ms=duration_ms,
                has_audio=audio is not None,
                video_codec=video.codec_context.codec.canonical_name if video is not None else None,
                audio_codec=audio.codec_context.codec.canonical_name if audio is not None else None,
            )
    except (FFmpegError, ValueError) as error:
        raise Unreadable("the file's headers make no sense") from error


def _check_size(width: int, height: int) -> None:
    if not (width > 0 and height > 0 and width * height <= MAX_PIXELS):
        raise Unreadable(f"a picture of {width} by {height} pixels is out of bounds")


def main(parent: int, path: str) -> int:
    """Be the process; return its status."""
    end_with_parent(parent)
    limit_resources(memory=_MEMORY, file_bytes=0, processor_seconds=_SECONDS)
    try:
        found = probe(Path(path))
    except (Unreadable, OSError, MemoryError):
        return 1
    print(json.dumps(asdict(found)))  # noqa: T201 - it is what was asked for
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
