"""Films made for tests: small, and white wherever they sound."""

import math
from array import array
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from PIL import Image

RATE = 48_000

SILENCE = array("h", bytes(2048))
TONE = array("h", [round(16000 * math.sin(math.tau * 10 * n / 1024)) for n in range(1024)])

Spans = Sequence[tuple[float, float]]


def write_clip(
    path: Path,
    loud: Spans,
    seconds: float,
    *,
    size: tuple[int, int] = (64, 48),
    times: Iterable[float] | None = None,
    sound: bool = True,
    turn: int = 0,
    late: float = 0.0,
    right: bool = False,
) -> Path:
    """Write a film (H.264 and AAC) that beeps and is white during the spans, else silent and black.

    `times` are those of its frames (else 25 a second), `turn` is told as its rotation, `late` how
    long after the picture the sound begins, and with `right` only the right half gets white.
    """

    def is_loud(at: float) -> bool:
        return any(first <= at < end for first, end in loud)

    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        video.options = {"preset": "ultrafast", "crf": "20"}
        video.codec_context.time_base = Fraction(1, 1000)
        if turn:
            video.set_display_rotation(turn)
        audio = container.add_stream("aac", rate=RATE, layout="mono") if sound else None
        for at in times if times is not None else [n / 25 for n in range(round(25 * seconds))]:
            image = Image.new("RGB", size)
            if is_loud(at):
                image.paste((255, 255, 255), (size[0] // 2 if right else 0, 0, *size))
            frame = av.VideoFrame.from_image(image)
            frame.pts, frame.time_base = round(at * 1000), Fraction(1, 1000)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            for begin in range(0, round((seconds - late) * RATE), 1024):
                at = [late + n / RATE for n in (begin, begin + 1023)]
                samples = TONE if is_loud(at[0]) else SILENCE
                if is_loud(at[0]) != is_loud(at[1]):
                    samples = array(
                        "h", [TONE[n] * is_loud(late + (begin + n) / RATE) for n in range(1024)]
                    )
                piece = av.AudioFrame(format="s16", layout="mono", samples=1024)
                piece.planes[0].update(samples.tobytes())
                piece.sample_rate = RATE
                piece.pts, piece.time_base = begin + round(late * RATE), Fraction(1, RATE)
                container.mux(audio.encode(piece))
            container.mux(audio.encode(None))
    return path


def lit(path: Path) -> list[tuple[float, bool]]:
    """Each frame's time, and whether it is white."""
    with av.open(str(path)) as container:
        return [
            (frame.time, bytes(frame.reformat(1, 1, "gray").planes[0])[0] > 120)
            for frame in container.decode(video=0)
        ]


def heard(path: Path, step: float = 0.02) -> list[tuple[float, bool]]:
    """The time of each short stretch of sound, and whether anything is heard."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=8000)
        pieces = [p for f in container.decode(audio=0) for p in resampler.resample(f)]
    samples = array("h")
    for piece in pieces:
        samples.frombytes(bytes(piece.planes[0])[: 2 * piece.samples])
    size = round(8000 * step)
    return [(at / 8000, max(samples[at : at + size]) > 4000) for at in range(0, len(samples), size)]


def turns(told: list[tuple[float, bool]]) -> list[float]:
    """When it changes."""
    return [at for (_, before), (at, after) in pairwise(told) if before != after]
