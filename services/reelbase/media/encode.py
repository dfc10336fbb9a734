"""Writing finished files with FFmpeg's libraries: MP4 (H.264 and AAC) and MP3.

Every encoder is told to be bit-exact and how many threads to use: the same frames give the same
bytes, however many cores a machine has.
"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.filter
from av.codec.context import Flags
from av.video.plane import VideoPlane
from PIL import Image

from reelbase.media.spec import FPS
from reelbase.media.speech import SAMPLE_RATE, Samples

__all__ = [
    "AUDIO_RATE",
    "Planes",
    "VideoForm",
    "image_of",
    "picture_of",
    "planes_of",
    "sound_of",
    "speech_of",
    "stereo_frames",
    "write_film",
    "write_mp3",
    "write_video",
]

Planes = tuple[Image.Image, Image.Image, Image.Image]
"""Luma and both chromas (half size) of a frame, BT.709, limited range."""

AUDIO_RATE = 48_000
"""Samples a second of the sound of films."""

_CHUNK = 1 << 14  # samples


def planes_of(image: Image.Image) -> Planes:
    """The planes of an RGB image with even sides."""
    source = av.VideoFrame(*image.size, "rgb24")
    _store(source.planes[0], image, 3)
    frame = source.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
    y, u, v = (
        Image.frombytes("L", (p.width, p.height), bytes(p), "raw", "L", p.line_size, 1)
        for p in frame.planes
    )
    return y, u, v


def _store(plane: VideoPlane, image: Image.Image, depth: int) -> None:
    """Copy an image of `depth` bytes a pixel into a plane, whose rows may be longer."""
    data, row = image.tobytes(), image.width * depth
    if plane.line_size != row:
        pad = bytes(plane.line_size - row)
        data = b"".join(data[at : at + row] + pad for at in range(0, len(data), row))
    plane.update(data)


def _frame(planes: Planes) -> av.VideoFrame:
    frame = av.VideoFrame(*planes[0].size, "yuv420p")
    for plane, image in zip(frame.planes, planes, strict=True):
        _store(plane, image, 1)
    return frame


def image_of(planes: Planes) -> Image.Image:
    """Planes as RGB, in the colours that a player shows."""
    return picture_of(_frame(planes), "ITU709")


def picture_of(frame: av.VideoFrame, space: str | None = None) -> Image.Image:
    """A frame as RGB; `space` names its colours where the frame itself does not."""
    plain = frame.reformat(
        format="rgb24", src_colorspace=space, src_color_range="MPEG", dst_color_range="JPEG"
    )
    plane = plain.planes[0]
    size = plain.width, plain.height
    return Image.frombytes("RGB", size, bytes(plane), "raw", "RGB", plane.line_size, 1)


def write_film(
    path: Path, size: tuple[int, int], frames: Iterable[Planes], sound: Samples, draft: bool
) -> None:
    """Write a film of our own drawing.

    `frames` are consumed one by one, at :data:`FPS`; `sound` is mono at the speech's rate and as
    long as the film.
    """
    pieces = _resampled(
        _frames_of(_chunks_of(sound)), rate=AUDIO_RATE, layout="stereo", form="fltp", size=1024
    )
    form = VideoForm(*size, Fraction(FPS), draft)
    write_video(path, form, map(_frame, frames), pieces)


@dataclass(frozen=True, slots=True)
class VideoForm:
    """What a film is encoded as: pixels, frames a second, and by FFmpeg's numbers the colours
    (range, space, primaries, transfer); `aspect` is that of one pixel."""

    width: int
    height: int
    rate: Fraction
    draft: bool
    colours: tuple[int, int, int, int] = (1, 1, 1, 1)  # limited range, BT.709
    aspect: Fraction | None = None


def write_video(
    path: Path,
    form: VideoForm,
    frames: Iterable[av.VideoFrame],
    sound: Iterator[av.AudioFrame] | None,
) -> None:
    """Write an MP4 that starts to play before it has been loaded whole.

    `frames` (yuv420p) and `sound` (fltp, stereo, :data:`AUDIO_RATE`, 1024 samples each; None: the
    film is mute) are consumed one by one.
    """
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        video = container.add_stream("libx264", rate=form.rate)
        video.width, video.height = form.width, form.height
        video.pix_fmt = "yuv420p"
        video.options = {
            "preset": "ultrafast" if form.draft else "superfast",
            "crf": "25" if form.draft else "22",
            "profile": "high",
            "bf": "2",
        }
        context = video.codec_context
        context.thread_count = 2
        context.gop_size = max(1, round(2 * form.rate))
        context.flags |= Flags.bitexact
        context.time_base = 1 / form.rate
        context.color_range, context.colorspace = form.colours[:2]
        context.color_primaries, context.color_trc = form.colours[2:]
        if form.aspect is not None:
            context.sample_aspect_ratio = form.aspect
        audio = None
        if sound is not None:
            audio = container.add_stream("aac", rate=AUDIO_RATE, layout="stereo")
            audio.bit_rate = 128_000
            audio.codec_context.flags |= Flags.bitexact

        # Interleaved as they go: whatever sound belongs before the frame goes in before it.
        packets = sound or iter(())
        heard = 0.0
        for number, frame in enumerate(frames):
            frame.pts, frame.time_base = number, 1 / form.rate
            container.mux(video.encode(frame))
            due = float(number / form.rate) + 0.5
            while audio and heard <= due and (piece := next(packets, None)) is not None:
                heard += piece.samples / AUDIO_RATE
                container.mux(audio.encode(piece))
        container.mux(video.encode(None))
        if audio is not None:
            for piece in packets:
                container.mux(audio.encode(piece))
            container.mux(audio.encode(None))


def sound_of(pieces: Iterable[bytes]) -> Iterator[av.AudioFrame]:
    """Samples (16 bits, stereo, :data:`AUDIO_RATE`) as `write_video` takes them."""
    return _resampled(
        stereo_frames(pieces), rate=AUDIO_RATE, layout="stereo", form="fltp", size=1024
    )


def stereo_frames(pieces: Iterable[bytes]) -> Iterator[av.AudioFrame]:
    """Samples (16 bits, stereo, :data:`AUDIO_RATE`) as frames, with their times."""
    position = 0
    for piece in pieces:
        frame = av.AudioFrame(format="s16", layout="stereo", samples=len(piece) // 4)
        frame.planes[0].update(piece)
        frame.sample_rate = AUDIO_RATE
        frame.pts, frame.time_base = position, Fraction(1, AUDIO_RATE)
        position += len(piece) // 4
        yield frame


def speech_of(pieces: Iterable[bytes]) -> Samples:
    """Samples (16 bits, stereo, :data:`AUDIO_RATE`) as mono at the rate of speech."""
    frames = stereo_frames(pieces)
    samples = array("h")
    for frame in _resampled(frames, rate=SAMPLE_RATE, layout="mono", form="s16", size=0):
        samples.frombytes(bytes(frame.planes[0])[: 2 * frame.samples])
    return samples


def write_mp3(path: Path, source: Path, gain: float) -> None:
    """Encode a file of raw speech at `gain`, piece by piece; its length does not matter."""
    with av.open(str(path), "w", format="mp3", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libmp3lame", rate=SAMPLE_RATE, layout="mono")
        stream.bit_rate = 64_000
        stream.codec_context.flags |= Flags.bitexact
        # The filter, not a loop over samples: a long prompt makes ten minutes of speech.
        graph = av.filter.Graph()
        graph.link_nodes(
            graph.add_abuffer(
                sample_rate=SAMPLE_RATE,
                format="s16",
                layout="mono",
                time_base=Fraction(1, SAMPLE_RATE),
            ),
            graph.add("volume", f"{gain:.4f}"),
            graph.add("abuffersink"),
        ).configure()
        louder = _through(graph, _frames_of(_chunks_of_file(source)))
        for frame in _resampled(louder, rate=SAMPLE_RATE, layout="mono", form="s16p", size=576):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _chunks_of(samples: Samples) -> Iterator[Samples]:
    for start in range(0, len(samples), _CHUNK):
        yield samples[start : start + _CHUNK]


def _chunks_of_file(path: Path) -> Iterator[Samples]:
    with path.open("rb") as file:
        while data := file.read(2 * _CHUNK):
            yield array("h", data)


def _frames_of(pieces: Iterable[Samples]) -> Iterator[av.AudioFrame]:
    position = 0
    for samples in pieces:
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(samples))
        frame.planes[0].update(samples.tobytes())
        frame.sample_rate = SAMPLE_RATE
        frame.pts, frame.time_base = position, Fraction(1, SAMPLE_RATE)
        position += len(samples)
        yield frame


def _through(graph: av.filter.Graph, frames: Iterable[av.AudioFrame]) -> Iterator[av.AudioFrame]:
    """What one filter, which gives a frame for each that it takes, makes of the frames."""
    for frame in frames:
        graph.push(frame)
        answer = graph.pull()
        assert isinstance(answer, av.AudioFrame)
        yield answer


def _resampled(
    frames: Iterable[av.AudioFrame], *, rate: int, layout: str, form: str, size: int
) -> Iterator[av.AudioFrame]:
    """The frames as an encoder takes them, `size` samples each (0: as many as come)."""
    resampler = av.AudioResampler(format=form, layout=layout, rate=rate, frame_size=size or None)
    for frame in frames:
        yield from resampler.resample(frame)
    yield from resampler.resample(None)
