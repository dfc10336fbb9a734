"""The renderer as a process: `python -m reelbase.media.render PARENT_PID`, in a folder of its own.

One line of JSON comes in on stdin, a :class:`RenderSpec`; stdin then stays open, and its end is an
order to stop. Lines of JSON go to stdout::

    {"progress": 40}
    {"outputs": [{"file": "film.mp4", "thumbnail": "film.jpg", "style": "cinematic"}]}
    {"refused": {"code": "unknown_voice", "message": "There is no voice named 'xx'."}}
    {"fault": "fonts_missing"}

The last line is one of the last three. Files are written to the working directory.
"""

import json
import os
import resource
import signal
import sys
import threading
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from reelbase.media.children import end_with_parent
from reelbase.media.encode import Planes, image_of, write_film, write_mp3
from reelbase.media.film import film_frames, poster, schedule
from reelbase.media.fonts import FontsMissing
from reelbase.media.shots import plan_shots
from reelbase.media.sound import Cue, gain_for, mix_track
from reelbase.media.spec import FPS, Refused, RenderSpec
from reelbase.media.speech import SAMPLE_RATE, Script, Speaking, SpeechFailed, start_speaking
from reelbase.media.text import clean, columns, language_of, scenes_of, shortened

__all__ = ["render"]

_LEAD = 0.3  # seconds before the first word
_REST = 0.35  # seconds of picture without speech in each scene
_SHORTEST_SCENE = 1.0
_SHORTEST_SPEECH = 0.1  # seconds; below that there is only the engine's click
_THUMBNAIL = 640  # pixels, the longer side
_STILL_COLUMNS = 260  # what a single still can carry
_PCM = "speech.pcm"
_LARGEST_FILE = 1 << 30  # bytes; hours of speech, which no prompt is long enough for

Report = Callable[[int], None]


def render(spec: RenderSpec, folder: Path, report: Report) -> list[dict[str, str]]:
    """Make what the order asks for in `folder`; return the outputs as in the module's docstring.

    Raises:
        Refused: the order cannot be carried out.
        FontsMissing: the installation is not whole.
    """
    text = clean(spec.text)
    if not text:
        raise Refused("empty_prompt", "The prompt is empty.")
    report(1)
    if spec.task == "film":
        return _film(spec, text, folder, report)
    if spec.task == "still":
        return _stills(spec, text, folder, report)
    return _voice(spec, text, folder, report)


def _film(spec: RenderSpec, text: str, folder: Path, report: Report) -> list[dict[str, str]]:
    captions = scenes_of(text, spec.seconds)
    speaking = _speak_film(spec, captions, folder)
    shots = plan_shots(spec, captions)
    counts = _counts(spec, speaking, len(captions))
    lengths = _lengths(spec.seconds, captions, counts)
    scenes = schedule(shots, lengths)

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
    total = max(scene.first + scene.frames for scene in scenes)
    sound = mix_track(speech, cues, total * SAMPLE_RATE // FPS, spec.digest("sound"))

    size = spec.width, spec.height
    frames = film_frames(scenes, size, spec.draft)
    keep = min(total - 1, round(FPS * min(1.4, lengths[0] * 0.7)))
    thumbnail = folder / "film.jpg"

    def watched() -> Iterator[Planes]:
        for number, planes in enumerate(frames):
            if number == keep:
                _thumbnail_of(planes, thumbnail)
            if number % 5 == 0:
                report(5 + 93 * number // total)
            yield planes

    write_film(folder / "film.mp4", size, watched(), sound, spec.draft)
    style = shots[0].look.name
    return [{"file": "film.mp4", "thumbnail": thumbnail.name, "style": style}]


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


def _thumbnail_of(planes: Planes, path: Path) -> None:
    image = image_of(planes)
    image.thumbnail((_THUMBNAIL, _THUMBNAIL), Image.Resampling.LANCZOS)
    image.save(path, "JPEG", quality=86)


def _stills(spec: RenderSpec, text: str, folder: Path, report: Report) -> list[dict[str, str]]:
    caption = shortened(text, _STILL_COLUMNS)
    outputs = []
    for number in range(spec.count):
        shot = plan_shots(spec, [caption], variation=number)[0]
        image = poster(shot, (spec.width, spec.height))
        name = f"still-{number + 1}"
        image.save(folder / f"{name}.png", "PNG", compress_level=1 if spec.draft else 5)
        image.thumbnail((_THUMBNAIL, _THUMBNAIL), Image.Resampling.LANCZOS)
        image.save(folder / f"{name}.jpg", "JPEG", quality=86)
        outputs.append({"file": f"{name}.png", "thumbnail": f"{name}.jpg", "style": shot.look.name})
        report(5 + 93 * (number + 1) // spec.count)
    return outputs


def _voice(spec: RenderSpec, text: str, folder: Path, report: Report) -> list[dict[str, str]]:
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
    report(40)
    opening = array("h")
    with samples.open("rb") as file:
        opening.frombytes(file.read(2 * 30 * SAMPLE_RATE))
    write_mp3(folder / "voice.mp3", samples, gain_for(opening))
    samples.unlink()
    return [{"file": "voice.mp3"}]


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
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_FILE, _LARGEST_FILE))
    spec = RenderSpec.from_json(sys.stdin.buffer.readline())
    if os.getpgrp() == os.getpid():  # never somebody else's group
        threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
    try:
        _say({"outputs": render(spec, Path.cwd(), lambda progress: _say({"progress": progress}))})
    except Refused as verdict:
        _say({"refused": {"code": verdict.code, "message": verdict.message}})
    except FontsMissing:
        _say({"fault": "fonts_missing"})


if __name__ == "__main__":
    _main(int(sys.argv[1]))
