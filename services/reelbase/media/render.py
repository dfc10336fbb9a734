"""The renderer as a process: `python -m reelbase.media.render PARENT_PID`, in a folder of its own.

One line of JSON comes in on stdin, a :class:`RenderSpec`; stdin then stays open, and its end is an
order to stop. Lines of JSON go to stdout::

    {"reading": "Image 2"}
    {"progress": 40}
    {"outputs": [{"role": "result_video", "file": "film.mp4", "thumbnail": "film.jpg"}],
     "units": 6.0, "yields": null}
    {"refused": {"code": "unknown_voice", "message": "There is no voice named 'xx'."}}
    {"fault": "fonts_missing"}

The last line is one of the last three. Files are written to the working directory. `reading` names
the user's file that is being decoded from then on ("": none): what the process dies of then is
likely to lie in that file.
"""

import json
import os
import signal
import sys
import threading
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from reelbase.media.autocut import autocut
from reelbase.media.character import draw_character
from reelbase.media.children import end_with_parent, limit_resources
from reelbase.media.encode import AUDIO_RATE, Planes, image_of, speech_of, write_film, write_mp3
from reelbase.media.film import (
    Scene,
    Span,
    Still,
    film_frames,
    painted,
    poster,
    schedule,
    spans_of,
)
from reelbase.media.fonts import FontsMissing
from reelbase.media.shots import plan_shots
from reelbase.media.slideshow import shown
from reelbase.media.sound import Cue, gain_for, mix_track
from reelbase.media.sources import hear, load_picture
from reelbase.media.spec import FPS, Refused, RenderSpec, Source
from reelbase.media.speech import (
    SAMPLE_RATE,
    Samples,
    Script,
    Speaking,
    SpeechFailed,
    start_speaking,
)
from reelbase.media.text import clean, columns, language_of, scenes_of, shortened

__all__ = ["Rendered", "Teller", "render"]

_LEAD = 0.3  # seconds before the first word
_REST = 0.35  # seconds of picture without speech in each scene
_SHORTEST_SCENE = 1.0
_SHORTEST_SPEECH = 0.1  # seconds; below that there is only the engine's click
_THUMBNAIL = 640  # pixels, the longer side
_STILL_COLUMNS = 260  # what a single still can carry
_PCM = "speech.pcm"
_MEMORY = 2 << 30  # bytes; the largest pictures and films that are accepted take half of that
_LARGEST_FILE = 4 << 30  # bytes; an hour of film, or hours of speech
_PROCESSOR_SECONDS = 2 * 3600  # what a film of the greatest length and size takes, twice


@dataclass(frozen=True, slots=True)
class Teller:
    """Hears how it goes: the progress in percent, and which file of the user's is being read."""

    progress: Callable[[int], None]
    reading: Callable[[str], None] = lambda name: None  # noqa: ARG005


@dataclass(frozen=True, slots=True)
class Rendered:
    """What was made: `outputs` as in the module's docstring; `units` is how much of it (seconds,
    pictures, characters); `yields` what there is to say of it."""

    outputs: list[dict[str, str]]
    units: float
    yields: dict[str, Any] | None = None


def render(spec: RenderSpec, folder: Path, tell: Teller) -> Rendered:
    """Make what the order asks for in `folder`.

    Raises:
        Refused: the order cannot be carried out.
        FontsMissing: the installation is not whole.
    """
    text = clean(spec.text)
    tell.progress(1)
    if spec.task == "slideshow":
        return _slideshow(spec, text, folder, tell)
    if spec.task == "autocut":
        return _autocut(spec, folder, tell)
    if spec.task == "character":
        return _character(spec, text, folder, tell)
    if not text:
        raise Refused("empty_prompt", "The prompt is empty.")
    if spec.task == "film":
        return _film(spec, text, folder, tell)
    if spec.task == "still":
        return _stills(spec, text, folder, tell)
    return _voice(spec, text, folder, tell)


def _film(spec: RenderSpec, text: str, folder: Path, tell: Teller) -> Rendered:
    captions = scenes_of(text, spec.seconds)
    speaking = _speak_film(spec, captions, folder)
    shots = plan_shots(spec, captions)
    counts = _counts(spec, speaking, len(captions))
    lengths = _lengths(spec.seconds, captions, counts)
    scenes = schedule(lengths)
    spans = spans_of(captions, scenes)
    speech, cues = _spoken(folder, lengths, counts)

    def paint(number: int) -> Still:
        return painted(shots[number], (spec.width, spec.height), spec.draft)

    output = _write(spec, folder, (scenes, spans, paint), (speech, cues), partial(_from, tell, 5))
    return Rendered([output | {"style": shots[0].look.name}], spec.seconds)


def _slideshow(spec: RenderSpec, text: str, folder: Path, tell: Teller) -> Rendered:
    slides = spec.slides
    assert slides is not None
    images = [source for source in spec.sources if source.role == "reference_image"]
    voice = next((source for source in spec.sources if source.role == "source_audio"), None)
    captions = scenes_of(text, spec.seconds) if text else []
    size = spec.width, spec.height
    stills = []
    # All of them first: who sent a file that cannot be read should not wait to hear of it.
    for number, image in enumerate(images):
        with _reading(image, tell):
            stills.append(shown(image, size, spec.digest("slide", number)))
        tell.progress(2 + 13 * (number + 1) // len(images))
    speaking = _speak_film(spec, captions, folder) if captions and voice is None else None
    counts = _counts(spec, speaking, len(captions))
    lengths = _lengths(spec.seconds, captions, counts) if captions else []
    speech, cues = _spoken(folder, lengths, counts)
    if voice is not None:
        with _reading(voice, tell):
            speech = speech_of(_beginning(hear(voice), spec.seconds))
        cues = [(0, len(speech), 0)] if speech else []

    scenes = schedule(slides.seconds) if slides.fades else schedule(slides.seconds, fade=0.0)
    spans = spans_of(captions, schedule(lengths, fade=0.0)) if slides.captions else []
    film = scenes, spans, stills.__getitem__
    output = _write(spec, folder, film, (speech, cues), partial(_from, tell, 15))
    return Rendered([output], spec.seconds)


def _autocut(spec: RenderSpec, folder: Path, tell: Teller) -> Rendered:
    assert spec.cuts is not None
    source = next(source for source in spec.sources if source.role == "source_video")
    thumbnail = folder / "film.jpg"
    with _reading(source, tell):
        cut = autocut(
            source,
            spec.cuts,
            folder / "film.mp4",
            draft=spec.draft,
            report=tell.progress,
            thumbnail=partial(_thumbnail_of, path=thumbnail),
        )
    output = {"role": "result_video", "file": "film.mp4", "thumbnail": thumbnail.name}
    return Rendered([output], cut.source_seconds, asdict(cut))


def _character(spec: RenderSpec, text: str, folder: Path, tell: Teller) -> Rendered:
    references = []
    for source in spec.sources:
        if source.role == "reference_image":
            with _reading(source, tell):
                references.append(load_picture(source, 2 * max(spec.width, spec.height)))
    tell.progress(10)
    drawn = draw_character(spec, text, references)
    outputs = []
    for number, (role, image) in enumerate(drawn.pictures):
        name = f"{role}-{number + 1}"
        image.save(folder / f"{name}.png", "PNG", compress_level=1 if spec.draft else 6)
        _thumbnail_of(image, folder / f"{name}.jpg")
        outputs.append({"role": role, "file": f"{name}.png", "thumbnail": f"{name}.jpg"})
        tell.progress(60 + 38 * (number + 1) // len(drawn.pictures))
    return Rendered(outputs, float(len(outputs)), drawn.yields)


class _reading:  # noqa: N801 - used like a function
    """While this lasts, a file of the user's is being decoded."""

    def __init__(self, source: Source, tell: Teller) -> None:
        self._source, self._tell = source, tell

    def __enter__(self) -> None:
        self._tell.reading(self._source.name)

    def __exit__(self, *_: object) -> None:
        self._tell.reading("")


def _from(tell: Teller, low: int, share: float) -> None:
    tell.progress(low + int((98 - low) * share))


def _beginning(pieces: Iterator[bytes], seconds: float) -> Iterator[bytes]:
    """As much of a sound as a film has room for."""
    left = round(seconds * AUDIO_RATE)
    for piece in pieces:
        yield piece[: 4 * left]
        left -= len(piece) // 4
        if left <= 0:
            return


def _spoken(
    folder: Path, lengths: Sequence[float], counts: Sequence[int]
) -> tuple[Samples, list[Cue]]:
    """The speech, and where each scene's part of it begins."""
    cues: list[Cue] = []
    begin, first = 0.0, 0
    for number, (length, count) in enumerate(zip(lengths, counts, strict=True)):
        at = begin + (_LEAD if number == 0 else _REST / 2)
        if count:
            cues.append((first, count, round(at * SAMPLE_RATE)))
        begin += length
        first += count
    speech = array("h")
    if cues:
        speech.frombytes((folder / _PCM).read_bytes())
    return speech, cues


def _write(
    spec: RenderSpec,
    folder: Path,
    film: tuple[Sequence[Scene], Sequence[Span], Callable[[int], Still]],
    told: tuple[Samples, Sequence[Cue]],
    report: Callable[[float], None],
) -> dict[str, str]:
    """Draw and encode a film; return its output. `report` takes the share that is done."""
    scenes, spans, paint = film
    size = spec.width, spec.height
    total = max(scene.first + scene.frames for scene in scenes)
    sound = mix_track(*told, total * SAMPLE_RATE // FPS, spec.digest("sound"))
    # When the first words are there; a fade would show two scenes at once.
    keep = min(total - 1, round(min(1.4 * FPS, scenes[0].frames * 0.7)))
    thumbnail = folder / "film.jpg"

    def watched() -> Iterator[Planes]:
        frames = film_frames(scenes, spans, size, paint, subtitles=spec.slides is not None)
        for number, planes in enumerate(frames):
            if number == keep:
                _thumbnail_of(image_of(planes), thumbnail)
            if number % 5 == 0:
                report(number / total)
            yield planes

    write_film(folder / "film.mp4", size, watched(), sound, spec.draft)
    return {"role": "result_video", "file": "film.mp4", "thumbnail": thumbnail.name}


def _speak_film(spec: RenderSpec, captions: list[str], folder: Path) -> Speaking | None:
    if spec.voice == "none":
        return None
    whole = language_of(" ".join(captions))
    voices = [spec.voice or whole for _ in captions]
    if not any(voices):
        return None
    budget = spec.seconds - _LEAD - _REST * len(captions)
    parts = tuple(zip(captions, voices, strict=True))
    return start_speaking(Script(parts, max(0.5, budget), str(folder / _PCM)))


def _counts(spec: RenderSpec, speaking: Speaking | None, scenes: int) -> list[int]:
    if speaking is None:
        return [0] * scenes
    try:
        return speaking.samples()
    except SpeechFailed as error:
        if error.code == "unknown_voice" and spec.voice is not None:
            raise _unknown_voice(spec.voice) from error
        # Pictures without a voice are still the film that was ordered.
        return [0] * scenes


def _unknown_voice(voice: str) -> Refused:
    return Refused("unknown_voice", f"There is no voice named {voice!r}.")


def _lengths(seconds: float, captions: list[str], counts: list[int]) -> list[float]:
    """How long each scene lasts: as long as its speech, and a fair share of what is left."""
    spoken = [count / SAMPLE_RATE for count in counts]
    read = [0.4 + columns(caption) / 22 for caption in captions]
    base = [
        max(s + _REST, _SHORTEST_SCENE) if any(spoken) else r
        for s, r in zip(spoken, read, strict=True)
    ]
    base[0] += _LEAD
    spare = seconds - sum(base)
    if spare >= 0:
        return [b + spare / len(base) for b in base]
    return [b * seconds / sum(base) for b in base]


def _thumbnail_of(image: Image.Image, path: Path) -> None:
    """Save a smaller copy of a picture, on white where one can see through it."""
    small = image.copy()
    small.thumbnail((_THUMBNAIL, _THUMBNAIL), Image.Resampling.LANCZOS)
    if small.mode == "RGBA":
        paper = Image.new("RGB", small.size, (255, 255, 255))
        paper.paste(small, (0, 0), small)
        small = paper
    small.save(path, "JPEG", quality=86)


def _stills(spec: RenderSpec, text: str, folder: Path, tell: Teller) -> Rendered:
    caption = shortened(text, _STILL_COLUMNS)
    outputs = []
    for number in range(spec.count):
        shot = plan_shots(spec, [caption], variation=number)[0]
        image = poster(shot, (spec.width, spec.height))
        name = f"still-{number + 1}"
        image.save(folder / f"{name}.png", "PNG", compress_level=1 if spec.draft else 5)
        _thumbnail_of(image, folder / f"{name}.jpg")
        outputs.append(
            {
                "role": "result_image",
                "file": f"{name}.png",
                "thumbnail": f"{name}.jpg",
                "style": shot.look.name,
            }
        )
        tell.progress(5 + 93 * (number + 1) // spec.count)
    return Rendered(outputs, float(spec.count))


def _voice(spec: RenderSpec, text: str, folder: Path, tell: Teller) -> Rendered:
    voice = spec.voice or language_of(text)
    if voice is None:
        raise Refused("unsupported_language", "There is no voice for the script of this prompt.")
    samples = folder / _PCM
    try:
        counts = start_speaking(Script(((text, voice),), None, str(samples))).samples()
    except SpeechFailed as error:
        if error.code == "unknown_voice":
            raise _unknown_voice(voice) from error
        raise Refused("unspeakable", "This prompt could not be spoken.") from error
    if sum(counts) < _SHORTEST_SPEECH * SAMPLE_RATE:
        raise Refused("unspeakable", "There is nothing in this prompt that can be spoken.")
    tell.progress(40)
    opening = array("h")
    with samples.open("rb") as file:
        opening.frombytes(file.read(2 * 30 * SAMPLE_RATE))
    write_mp3(folder / "voice.mp3", samples, gain_for(opening))
    samples.unlink()
    return Rendered([{"role": "result_audio", "file": "voice.mp3"}], float(len(text)))


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _stop_at_end_of_input() -> None:
    # The descriptor itself: a thread inside the buffered reader would hold up Python's own end.
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)


def _main(parent: int) -> None:
    end_with_parent(parent)
    limit_resources(memory=_MEMORY, file_bytes=_LARGEST_FILE, processor_seconds=_PROCESSOR_SECONDS)
    spec = RenderSpec.from_json(sys.stdin.buffer.readline())
    if os.getpgrp() == os.getpid():  # never somebody else's group
        threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
    tell = Teller(
        lambda progress: _say({"progress": progress}), lambda name: _say({"reading": name})
    )
    try:
        _say(asdict(render(spec, Path.cwd(), tell)))
    except Refused as verdict:
        _say({"refused": {"code": verdict.code, "message": verdict.message}})
    except FontsMissing:
        _say({"fault": "fonts_missing"})


if __name__ == "__main__":
    _main(int(sys.argv[1]))
