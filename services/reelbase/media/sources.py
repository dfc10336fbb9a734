"""Opening what strangers uploaded: pictures, films and sound that go into a job.

Only inside of the renderer's process, whose memory, time and files are bounded: a decoder may do
with a hostile file whatever it likes. What a file is, is told from its first bytes, and they choose
the one decoder that may have it: a playlist that is named like a film is no film. Nothing but local
files is ever opened from inside of one.

Whatever is wrong with a file is a :class:`Refused` that says which of the user's files it is.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Discard, Stream
from PIL import Image, ImageCms, ImageOps

from reelbase.media.encode import AUDIO_RATE
from reelbase.media.probe import CONTAINERS, IMAGES, MAX_PIXELS, sniff
from reelbase.media.spec import Refused, Source

__all__ = ["Sound", "decoded", "hear", "load_picture", "opened", "unreadable"]

_HEAD = 64
_PAPER = (255, 255, 255)
_LARGEST_PROFILE = 4 << 20
_VIDEO_TYPES = {"video/mp4", "video/quicktime", "video/webm", "video/x-matroska"}
_CODECS = {
    "video": {"h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mjpeg", "prores"},
    "audio": {"aac", "mp3", "opus", "vorbis", "flac", "alac", "ac3", "eac3"},
}
_GAP = AUDIO_RATE // 10  # samples that sound may be early or late before it is moved
_FAULTS = 500  # damaged packets that are passed over


def unreadable(source: Source) -> Refused:
    """The verdict on a file that is damaged, or that no decoder can make sense of."""
    return Refused("input_unreadable", f"{source.name} is damaged and cannot be read.")


# ---------------------------------------------------------------------------------------------
# Pictures
# ---------------------------------------------------------------------------------------------


def load_picture(source: Source, longest: int) -> Image.Image:
    """The first picture of a file, upright, in sRGB, without transparency.

    Args:
        source: PNG, JPEG, WebP or GIF.
        longest: Pixels that its longer side may have; larger ones are reduced.

    Raises:
        Refused: `input_wrong_type`, `input_too_large`, `input_unreadable`.
    """
    form = IMAGES.get(_type_of(source) or "")
    if form is None:
        message = f"{source.name} is no picture of a known type: use PNG, JPEG or WebP."
        raise Refused("input_wrong_type", message)
    too_large = Refused(
        "input_too_large",
        f"{source.name} is too large: a picture may have {MAX_PIXELS // 10**6} million pixels.",
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(source.path, formats=(form,)) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise too_large
                return _plain(image, longest)
    except (Image.DecompressionBombError, MemoryError) as error:
        raise too_large from error
    except Refused:
        raise
    except Exception as error:  # decoders in Python raise whatever comes to them
        raise unreadable(source) from error


def _plain(image: Image.Image, longest: int) -> Image.Image:
    image.draft("RGB", (longest, longest))  # JPEG: decoded at an eighth to all of its size
    profile = image.info.get("icc_profile")
    plain: Image.Image = image
    if image.mode.startswith("I"):  # sixteen bits a pixel
        plain = image.point(lambda level: level * (1 / 256)).convert("L")
    elif image.mode in ("P", "PA"):
        plain = image.convert("RGBA" if "transparency" in image.info else "RGB")
    elif image.mode in ("1", "LA"):
        plain = image.convert("L" if image.mode == "1" else "RGBA")
    plain.thumbnail((longest, longest), Image.Resampling.LANCZOS, reducing_gap=3.0)
    with suppress(Exception):  # how it is turned is told by a stranger, too
        plain = ImageOps.exif_transpose(plain)
    if plain.mode in ("RGBA", "RGBa"):
        paper = Image.new("RGB", plain.size, _PAPER)
        paper.paste(plain.convert("RGB"), (0, 0), plain.getchannel("A"))
        plain = paper
    return _standard(plain, profile)


def _standard(image: Image.Image, profile: object) -> Image.Image:
    """The picture in sRGB, by its own profile where it has a sound one."""
    if isinstance(profile, bytes) and 128 < len(profile) <= _LARGEST_PROFILE:
        try:
            turned = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
        except Exception:
            turned = None
        if turned is not None:
            return turned
    return image.convert("RGB")


# ---------------------------------------------------------------------------------------------
# Films and sound
# ---------------------------------------------------------------------------------------------


def _type_of(source: Source) -> str | None:
    with Path(source.path).open("rb") as file:
        return sniff(file.read(_HEAD))


@contextmanager
def opened(source: Source, kind: str) -> Iterator[tuple[InputContainer, Stream | None]]:
    """Open a film or a sound, with its first stream of a kind ("video", "audio") and no other.

    Whatever FFmpeg says about the file while it is open becomes a `Refused`.

    Raises:
        Refused: `input_wrong_type`, `input_unreadable`, `input_too_large`.
    """
    mime_type = _type_of(source)
    if mime_type not in CONTAINERS or (
        source.role == "source_video" and mime_type not in _VIDEO_TYPES
    ):
        known = "MP4, MOV, WebM or MKV"
        if source.role != "source_video":
            known = "MP3, M4A, WAV, OGG, FLAC or a film"
        message = f"{source.name} is of no known type: use {known}."
        raise Refused("input_wrong_type", message)
    try:
        with av.open(
            f"file:{source.path}",
            format=CONTAINERS[mime_type],
            options={"protocol_whitelist": "file", "max_streams": "64"},
            metadata_errors="replace",
        ) as container:
            yield container, _select(container, source, kind)
    except MemoryError as error:
        message = f"{source.name} needs more memory than a job may have."
        raise Refused("input_too_large", message) from error
    except (FFmpegError, ValueError, OverflowError, ZeroDivisionError) as error:
        raise unreadable(source) from error


def _select(container: InputContainer, source: Source, kind: str) -> Stream | None:
    chosen: Stream | None = None
    for stream in container.streams:
        cover = stream.disposition & stream.disposition.attached_pic
        if chosen is None and stream.type == kind and not cover:
            chosen = stream
        else:
            stream.discard = Discard.all
    if chosen is None:
        return None
    context = chosen.codec_context
    name = None if context is None else context.codec.canonical_name
    if name is None or not (name in _CODECS[kind] or name.startswith("pcm_")):
        message = f"{source.name} is in a format that cannot be read."
        raise Refused("input_unreadable", message)
    # Another size in the middle of a film would be decoded before anybody can refuse it.
    context.options = {"max_pixels": str(MAX_PIXELS)}
    context.thread_count = 2
    context.thread_type = "AUTO"
    return chosen


def decoded(container: InputContainer, stream: Stream) -> Iterator[Any]:
    """The frames of a stream; a damaged packet costs its frames and no more.

    Raises:
        FFmpegError: there is more damage than sense in the file.
    """
    faults = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except FFmpegError:  # a file that was cut off ends where it was cut
            packet = None
        if packet is None:
            return
        try:
            yield from packet.decode()
        except (av.error.EOFError, av.error.InvalidDataError):
            faults += 1
            if faults > _FAULTS:
                raise


Sound = Iterator[bytes]
"""Pieces of samples, in order and without a gap: 16 bits, stereo, :data:`AUDIO_RATE`."""


def hear(source: Source, zero: Fraction | None = None) -> Sound:
    """The sound of a file from a moment on (in seconds of the file's own clock; None: its start).

    Sound that comes late is preceded by silence, and what is too early or told twice is left out,
    so that the number of samples before a point tells when it is heard.

    Raises:
        Refused: as `opened` does.
    """
    with opened(source, "audio") as (container, stream):
        if stream is None:
            return
        resampler = av.AudioResampler(format="s16", layout="stereo", rate=AUDIO_RATE)
        told = 0
        surplus = 0
        for frame in decoded(container, stream):
            if frame.pts is not None and frame.time_base is not None:
                heard = frame.pts * frame.time_base
                if zero is None:
                    zero = heard
                early = told - round((heard - zero) * AUDIO_RATE)
                if told == 0 or abs(early) > _GAP:
                    surplus = max(0, early)
                    for piece in _silence(-early):
                        told += len(piece) // 4
                        yield piece
            frame.pts = None
            for even in resampler.resample(frame):
                piece = bytes(even.planes[0])[4 * surplus : 4 * even.samples]
                surplus = max(0, surplus - even.samples)
                if piece:
                    told += len(piece) // 4
                    yield piece
        for even in resampler.resample(None):
            yield bytes(even.planes[0])[: 4 * even.samples]


def _silence(samples: int) -> Sound:
    while samples > 0:
        part = min(samples, AUDIO_RATE)
        yield bytes(4 * part)
        samples -= part
