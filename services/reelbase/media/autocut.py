"""Cutting the silence out of a film.

Everything is measured on one clock: it starts with the film's first picture, and its unit is the
*slot*, the time of one frame in the film that is made. A frame of the source fills the slots until
the next one comes, which makes any frame rate, a varying one too, a steady one. What is cut is a
whole number of slots, of pictures and of sound alike, so the two cannot drift apart.

FFmpeg's `silencedetect` says where nothing is heard. Frames are turned upright, and keep their size
and colours otherwise. A film that is mute, never silent, or silent throughout comes back whole.
"""

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import av.filter
from av.error import FFmpegError
from av.video.stream import VideoStream
from PIL import Image

from reelbase.media.encode import (
    AUDIO_RATE,
    VideoForm,
    picture_of,
    sound_of,
    stereo_frames,
    write_video,
)
from reelbase.media.sources import decoded, hear, opened, unreadable
from reelbase.media.spec import Cuts, Refused, Source

__all__ = ["Report", "autocut"]

_LONGEST = 3600  # seconds
_LARGEST = (4096, 2304)  # pixels, either way up
_MOST_PIXELS = 1.2e11  # of all frames together: half an hour of 1080p at 30 a second
_RATES = tuple(
    Fraction(*each)
    for each in ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1),
                 (60000, 1001), (60, 1))
)  # fmt: skip
_SLOWEST = 10  # frames a second; below that a slot is too long to cut by
_USUAL = Fraction(25)
_FADE = AUDIO_RATE // 200  # samples over which sound comes and goes at a cut
_THUMBNAIL_AT = 1.0  # seconds

Range = tuple[int, int]
"""First and end."""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a film: its length before, what was taken out (seconds), in how many cuts."""

    source_seconds: float
    cut_seconds: float
    cuts: int


@dataclass(frozen=True, slots=True)
class _Survey:
    """What a film is: `zero` is the time of its first picture and `end` that of its last one's end,
    both by the file's clock in seconds; `turn` is how far it is turned against the clock."""

    form: VideoForm
    coded: tuple[int, int]
    turn: int
    zero: Fraction
    end: Fraction


def autocut(
    source: Source,
    cuts: Cuts,
    path: Path,
    *,
    draft: bool,
    report: Callable[[int], None],
    thumbnail: Callable[[Image.Image], None],
) -> Report:
    """Write the film without its silence.

    `report` takes the progress from 5 to 98; `thumbnail` one picture of the film.

    Raises:
        Refused: `input_wrong_type`, `input_unreadable`, `input_too_large`, `input_too_long`.
    """
    film = _survey(source, draft)
    rate = film.form.rate
    report(5)
    quiet, heard = _silences(source, film, cuts)
    total = max(1, round(max(film.end - film.zero, heard) * rate))
    _check_work(source, film.form, total)
    kept = _kept(quiet, total, rate, cuts.keep)
    report(15)
    length = sum(end - first for first, end in kept)
    wanted = min(length - 1, int(_THUMBNAIL_AT * rate), length // 3)

    def watched() -> Iterator[av.VideoFrame]:
        for number, frame in enumerate(_pictures(source, film, kept, total)):
            if number == wanted:
                thumbnail(_shown(frame, film.form))
            if number % 25 == 0:
                report(15 + 83 * number // length)
            yield frame

    sound = None
    if heard:
        edges = [(_sample(first, rate), _sample(end, rate)) for first, end in kept]
        sound = sound_of(_joined(hear(source, film.zero), edges, _sample(total, rate)))
    write_video(path, film.form, watched(), sound)
    return Report(
        source_seconds=float(total / rate),
        cut_seconds=float((total - length) / rate),
        cuts=_cuts_in(kept, total),
    )


def _sample(slot: int, rate: Fraction) -> int:
    return round(slot * AUDIO_RATE / rate)


def _cuts_in(kept: Sequence[Range], total: int) -> int:
    return len(kept) - 1 + (kept[0][0] > 0) + (kept[-1][1] < total)


def _survey(source: Source, draft: bool) -> _Survey:
    """Look at a film: its first picture, and the times of all others."""
    with opened(source, "video") as (container, stream):
        if not isinstance(stream, VideoStream):
            raise Refused("input_unreadable", f"{source.name} holds no pictures.")
        if container.duration is not None:
            _check_length(source, Fraction(container.duration, 1_000_000))
        context = stream.codec_context
        _check_size(source, context.width, context.height)
        first = next(decoded(container, stream), None)
        if first is None:
            raise Refused("input_unreadable", f"{source.name} holds no pictures.")
        _check_size(source, first.width, first.height)
        zero = first.pts * first.time_base if first.pts is not None else Fraction(0)
        turn = round(first.rotation / 90) % 4 * 90
        rate = _rate_of(stream)
        form = _form(first, stream, turn, rate, draft)
        size = first.width, first.height
    with opened(source, "video") as (container, stream):
        assert isinstance(stream, VideoStream)
        end = _end_of(source, container.demux(stream), zero)
    return _Survey(form, size, turn, zero, max(end, zero + 1 / rate))


def _check_length(source: Source, seconds: Fraction) -> None:
    if seconds > _LONGEST:
        message = f"{source.name} is too long: it may last {_LONGEST // 60} minutes."
        raise Refused("input_too_long", message)


def _check_size(source: Source, width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise unreadable(source)
    if max(width, height) > _LARGEST[0] or min(width, height) > _LARGEST[1]:
        most = "{} × {}".format(*_LARGEST)
        message = f"{source.name} is too large: it has {width} × {height} pixels, of at most {most}"
        raise Refused("input_too_large", f"{message}.")


def _check_work(source: Source, form: VideoForm, total: int) -> None:
    _check_length(source, total / form.rate)
    if total * form.width * form.height > _MOST_PIXELS:
        minutes = _MOST_PIXELS / (form.width * form.height * float(form.rate) * 60)
        raise Refused(
            "input_too_long",
            f"{source.name} is too long for its size: {form.width} × {form.height} pixels at "
            f"{float(form.rate):.0f} frames a second may last {minutes:.0f} minutes.",
        )


def _end_of(source: Source, packets: "Iterator[av.Packet[Any]]", zero: Fraction) -> Fraction:
    """When the last picture ends; nothing is decoded."""
    end = zero
    while True:
        try:
            packet = next(packets, None)
        except FFmpegError:  # cut off
            packet = None
        if packet is None:
            return end
        if packet.pts is not None and packet.time_base is not None:
            end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
            _check_length(source, end - zero)


def _rate_of(stream: VideoStream) -> Fraction:
    """A rate that misses no picture: the one on which all times lie, else the average."""
    told = [rate for rate in (stream.base_rate, stream.average_rate) if rate is not None]
    rate = next((rate for rate in told if _SLOWEST <= rate <= _RATES[-1]), None)
    if rate is None:
        return _RATES[-1] if any(rate > _RATES[-1] for rate in told) else _USUAL
    nearest = min(_RATES, key=lambda known: abs(known - rate))
    return nearest if abs(nearest - rate) < rate / 100 else rate.limit_denominator(1001)


def _form(
    first: av.VideoFrame, stream: VideoStream, turn: int, rate: Fraction, draft: bool
) -> VideoForm:
    width, height = (max(16, side // 2 * 2) for side in (first.width, first.height))
    aspect = stream.sample_aspect_ratio
    if aspect is None or not Fraction(1, 4) <= aspect <= 4 or aspect == 1:
        aspect = None
    if turn % 180:
        width, height = height, width
        aspect = None if aspect is None else 1 / aspect
    space = first.colorspace if first.colorspace in range(1, 11) else 2
    if space == 2 or first.format.is_rgb:
        space = 1 if first.height >= 720 or first.format.is_rgb else 5
    colours = (1, int(space), _known(first.color_primaries), _known(first.color_trc))
    return VideoForm(width, height, rate, draft, colours, aspect)


def _known(value: int) -> int:
    """A number of ITU-T H.273, or 2, which says that it is not known."""
    return value if 1 <= value <= 18 else 2


# ---------------------------------------------------------------------------------------------
# What is kept
# ---------------------------------------------------------------------------------------------


def _silences(
    source: Source, film: _Survey, cuts: Cuts
) -> tuple[list[tuple[float, float]], Fraction]:
    """Where nothing is heard (seconds; `inf`: to the end), and how long there is sound at all."""
    graph = av.filter.Graph()
    graph.link_nodes(
        graph.add_abuffer(
            sample_rate=AUDIO_RATE, format="s16", layout="stereo", time_base=Fraction(1, AUDIO_RATE)
        ),
        graph.add("silencedetect", f"noise={cuts.threshold_db:g}dB:duration={cuts.min_silence:g}"),
        graph.add("abuffersink"),
    ).configure()
    told = 0

    def counted() -> Iterator[bytes]:
        nonlocal told
        for piece in hear(source, film.zero):
            told += len(piece) // 4
            _check_length(source, Fraction(told, AUDIO_RATE))
            yield piece

    found: list[tuple[float, float]] = []
    begin: float | None = None
    for metadata in _metadata(graph, chain(counted(), _rest(film, lambda: told))):
        if "lavfi.silence_start" in metadata:
            begin = max(0.0, float(metadata["lavfi.silence_start"]))
        if "lavfi.silence_end" in metadata and begin is not None:
            found.append((begin, float(metadata["lavfi.silence_end"])))
            begin = None
    if begin is not None:
        found.append((begin, math.inf))
    if not told:
        return [], Fraction(0)
    return found, Fraction(told, AUDIO_RATE)


def _rest(film: _Survey, told: Callable[[], int]) -> Iterator[bytes]:
    """The silence from the end of the sound to the last picture."""
    left = round((film.end - film.zero) * AUDIO_RATE) - told()
    while left > 0 and told():
        part = min(left, AUDIO_RATE)
        yield bytes(4 * part)
        left -= part


def _metadata(graph: av.filter.Graph, pieces: Iterable[bytes]) -> Iterator[dict[str, str]]:
    for frame in stereo_frames(pieces):
        graph.push(frame)
        while True:
            try:
                answer: Any = graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                break
            if metadata := dict(answer.metadata):
                yield metadata


def _kept(
    quiet: Sequence[tuple[float, float]], total: int, rate: Fraction, keep: float
) -> list[Range]:
    """The slots that stay; all, if none would."""
    kept: list[Range] = []
    at = 0
    for begin, end in quiet:
        # Before the first sound and after the last there is nobody to be cut off.
        first = 0 if begin <= 0 else math.ceil((begin + keep) * rate)
        last = total if end == math.inf else min(total, math.floor((end - keep) * rate))
        if last > max(first, at):
            if first > at:
                kept.append((at, first))
            at = last
    if at < total:
        kept.append((at, total))
    return kept or [(0, total)]


# ---------------------------------------------------------------------------------------------
# What is made of it
# ---------------------------------------------------------------------------------------------


def _pictures(
    source: Source, film: _Survey, kept: Sequence[Range], total: int
) -> Iterator[av.VideoFrame]:
    """The frame of each slot that stays."""
    with opened(source, "video") as (container, stream):
        assert stream is not None
        wanted = _wanted(kept)
        turned = _turner(film)
        rate = film.form.rate
        slot = 0
        held: av.VideoFrame | None = None
        for frame in chain(decoded(container, stream), (None,)):
            begin = total
            if frame is not None:
                seen = slot / rate + film.zero
                if frame.pts is not None:
                    seen = frame.pts * frame.time_base
                begin = min(total, max(0, round((seen - film.zero) * rate)))
            ready: av.VideoFrame | None = None
            while slot < begin:
                if held is not None and wanted(slot):
                    ready = ready or turned(held)
                    yield ready
                slot += 1
            held = frame


def _wanted(kept: Sequence[Range]) -> Callable[[int], bool]:
    """Whether a slot stays; asked in order."""
    ranges = iter(kept)
    current = next(ranges)

    def wanted(slot: int) -> bool:
        nonlocal current
        while slot >= current[1]:
            following = next(ranges, None)
            if following is None:
                return False
            current = following
        return slot >= current[0]

    return wanted


def _turner(film: _Survey) -> Callable[[av.VideoFrame], av.VideoFrame]:
    """What makes a decoded frame one that can be encoded: upright, in the film's size and form."""
    form = film.form
    size = (form.height, form.width) if film.turn % 180 else (form.width, form.height)
    graph: av.filter.Graph | None = None
    if film.turn:
        graph = av.filter.Graph()
        steps = {90: ["cclock"], 180: ["clock", "clock"], 270: ["clock"]}[film.turn]
        graph.link_nodes(
            graph.add_buffer(
                width=size[0],
                height=size[1],
                format=av.VideoFormat("yuv420p"),
                time_base=Fraction(1, 1000),
            ),
            *(graph.add("transpose", step) for step in steps),
            graph.add("buffersink"),
        ).configure()

    def turned(frame: av.VideoFrame) -> av.VideoFrame:
        full = frame.color_range == 2 or frame.format.name.startswith("yuvj")
        plain = frame.reformat(
            width=size[0],
            height=size[1],
            format="yuv420p",
            src_color_range="JPEG" if full else "MPEG",
            dst_color_range="MPEG",
            dst_colorspace="ITU709" if frame.format.is_rgb else None,
        )
        if graph is None:
            return plain
        plain.pts, plain.time_base = 0, Fraction(1, 1000)
        graph.push(plain)
        answer = graph.pull()
        assert isinstance(answer, av.VideoFrame)
        return answer

    return turned


def _shown(frame: av.VideoFrame, form: VideoForm) -> Image.Image:
    """A frame as a picture with square pixels."""
    image = picture_of(frame)
    if form.aspect is not None:
        image = image.resize((max(1, round(image.width * form.aspect)), image.height))
    return image


def _joined(pieces: Iterable[bytes], kept: Sequence[Range], total: int) -> Iterator[bytes]:
    """The samples that stay, with a soft edge at each cut, to the film's very end."""
    ranges = iter(kept)
    first, end = next(ranges)
    at = 0
    for piece in chain(pieces, _endless()):
        if at >= total:
            return
        behind = at + len(piece) // 4
        while True:
            low, high = max(at, first), min(behind, end)
            if low < high:
                part = piece[4 * (low - at) : 4 * (high - at)]
                yield _softened(part, low, first or None, end if end < total else None)
            if end > behind:
                break
            following = next(ranges, None)
            if following is None:
                return
            first, end = following
        at = behind


def _endless() -> Iterator[bytes]:
    while True:
        yield bytes(4 * AUDIO_RATE)


def _softened(piece: bytes, at: int, first: int | None, end: int | None) -> bytes:
    """Let the samples, which begin at `at`, come after `first` and go before `end`."""
    behind = at + len(piece) // 4
    rising = range(at, min(behind, first + _FADE)) if first is not None else range(0)
    falling = range(max(at, end - _FADE), behind) if end is not None else range(0)
    if not rising and not falling:
        return piece
    shares = [(place, place - (first or 0)) for place in rising]
    shares += [(place, (end or 0) - place) for place in falling]
    samples = array("h", piece)
    for place, share in shares:
        for index in (2 * (place - at), 2 * (place - at) + 1):
            samples[index] = samples[index] * share // _FADE
    return samples.tobytes()
