"""What the renderer is asked to make: a checked, plain order that travels as one line of JSON."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

__all__ = ["FPS", "Cuts", "Figure", "Refused", "RenderSpec", "Slides", "Source", "frame_size"]

FPS = 25
"""Frames a second of every film."""

_SHORT_SIDE = range(144, 2161)  # pixels
_FILM_SHORT_SIDE_MAX = 1080
_LONGEST_RATIO = 3.0
_SECONDS = {"film": (1.0, 60.0), "slideshow": (1.0, 300.0)}
_OUTPUTS = range(1, 5)
_SLIDE_SECONDS = (0.5, 60.0)
_MOST_IMAGES = {"slideshow": 20, "character": 6}
_VIEWS = range(2, 9)
_NAME_CHARACTERS = 200
_SEEDS = range(2**53)
_VOICE = re.compile(r"[a-z]{2,4}(-[a-z0-9]{2,8}){0,3}(\+[a-z][a-z0-9]{0,11})?")

Task = Literal["film", "still", "voice", "slideshow", "autocut", "character"]

_PARAMETERS: Mapping[Task, frozenset[str]] = {
    "film": frozenset({"voice", "seed"}),
    "still": frozenset({"seed"}),
    "voice": frozenset({"voice"}),
    "slideshow": frozenset({"voice", "seed", "durations", "transition", "caption"}),
    "autocut": frozenset({"min_silence_seconds", "threshold_db", "keep_seconds"}),
    # Which of the user's characters it is, is between the user and the database.
    "character": frozenset({"name", "seed", "views", "character_id"}),
}


class Refused(Exception):  # noqa: N818 - a verdict on the order, not a fault
    """The order cannot be carried out as it is; `message` is fit for the end user."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the user's: where it lies, and what it is called to the user ("Image 2")."""

    role: str
    path: str
    name: str


@dataclass(frozen=True, slots=True)
class Slides:
    """How pictures follow one another: how many seconds each is shown, whether one fades into the
    next, and whether the prompt is written over them."""

    seconds: tuple[float, ...]
    fades: bool
    captions: bool


@dataclass(frozen=True, slots=True)
class Cuts:
    """What is cut out: stretches of at least `min_silence` seconds in which no sound is louder
    than `threshold_db` (full scale is 0), but for `keep` seconds at either end of each."""

    min_silence: float
    threshold_db: float
    keep: float


@dataclass(frozen=True, slots=True)
class Figure:
    """A character: its name, if it has one, and from how many sides it is drawn."""

    name: str | None
    views: int


@dataclass(frozen=True, slots=True)
class RenderSpec:
    """One order.

    `text` is the user's prompt as it came. `width` and `height` are pixels, `seconds` the length of
    a film. `seed` makes another film of the same prompt. `voice` is a voice of espeak-ng ("en-gb",
    "th", "de+f3"), "none" for a film without speech, or None to choose it from the script.
    `sources` are the user's files, in order; `slides`, `cuts` and `figure` belong to the tasks
    `slideshow`, `autocut` and `character`, and are None for the others.
    """

    task: Task
    text: str
    width: int
    height: int
    seconds: float
    count: int
    style: str | None
    draft: bool
    voice: str | None
    seed: int
    slides: Slides | None = None
    cuts: Cuts | None = None
    figure: Figure | None = None
    sources: tuple[Source, ...] = ()

    @classmethod
    def checked(
        cls,
        *,
        task: Task,
        text: str,
        aspect_ratio: str | None,
        resolution: str | None,
        seconds: float | None,
        count: int,
        style: str | None,
        draft: bool,
        parameters: Mapping[str, Any],
        roles: Sequence[str] = (),
    ) -> Self:
        """Check every field that a user may set, and fill in the defaults.

        `roles` are those of the files that go in: the files themselves are put into `sources` once
        they are there.

        Raises:
            Refused: with the code `unsupported_…`, `invalid_parameter` or `input_missing`, naming
                the field.
        """
        square = "1:1" if task == "character" else "16:9"
        width, height = frame_size(aspect_ratio or square, resolution or "720p")
        if task in _SECONDS and min(width, height) > _FILM_SHORT_SIDE_MAX:
            raise Refused(
                "unsupported_resolution",
                f"This model renders films up to {_FILM_SHORT_SIDE_MAX}p.",
            )
        if count not in _OUTPUTS:
            raise Refused("unsupported_output_count", "Ask for one to four outputs.")
        _check_names(task, parameters)
        images = _images(task, roles)
        slides = None
        if task == "slideshow":
            slides, seconds = _slides(parameters, images, seconds)
        length = 6.0 if seconds is None else float(seconds)
        shortest, longest = _SECONDS.get(task, _SECONDS["film"])
        if task in _SECONDS and not shortest <= length <= longest:
            raise Refused(
                "unsupported_duration", f"A film may last {shortest:g} to {longest:g} seconds."
            )
        return cls(
            task=task,
            text=text,
            width=width,
            height=height,
            seconds=length,
            count=count,
            style=style,
            draft=draft,
            voice=_voice(task, parameters.get("voice")),
            seed=_whole(parameters, "seed", 0, _SEEDS),
            slides=slides,
            cuts=_cuts(parameters) if task == "autocut" else None,
            figure=_figure(parameters) if task == "character" else None,
        )

    @classmethod
    def from_json(cls, line: str | bytes) -> Self:
        fields = json.loads(line)
        if fields["slides"] is not None:
            slides = fields["slides"]
            fields["slides"] = Slides(**(slides | {"seconds": tuple(slides["seconds"])}))
        if fields["cuts"] is not None:
            fields["cuts"] = Cuts(**fields["cuts"])
        if fields["figure"] is not None:
            fields["figure"] = Figure(**fields["figure"])
        fields["sources"] = tuple(Source(**source) for source in fields["sources"])
        return cls(**fields)

    def to_json(self) -> str:
        """One line of ASCII; a lone surrogate in the prompt survives as an escape."""
        return json.dumps(asdict(self))

    def digest(self, *salt: object) -> int:
        """A number that depends on the prompt, the seed and the salt, and on nothing else."""
        text = self.text.encode("utf-8", "surrogatepass")
        tail = json.dumps([self.seed, *salt]).encode()
        return int.from_bytes(hashlib.sha256(text + b"\0" + tail).digest()[:8], "big")


def frame_size(aspect_ratio: str, resolution: str) -> tuple[int, int]:
    """Width and height in even pixels: the resolution ("720p") is the length of the shorter side.

    Raises:
        Refused: a text of another form, a ratio beyond 3:1, or a size out of range.
    """
    sides = re.fullmatch(r"([1-9][0-9]{0,3}):([1-9][0-9]{0,3})", aspect_ratio)
    ratio = int(sides[1]) / int(sides[2]) if sides else 0.0
    if not 1 / _LONGEST_RATIO <= ratio <= _LONGEST_RATIO:
        raise Refused(
            "unsupported_aspect_ratio",
            "The aspect ratio must look like 16:9 and lie between 1:3 and 3:1.",
        )
    lines = re.fullmatch(r"([1-9][0-9]{2,3})p", resolution)
    if lines is None or int(lines[1]) not in _SHORT_SIDE:
        raise Refused(
            "unsupported_resolution",
            f"The resolution must look like 720p, from {_SHORT_SIDE[0]}p to {_SHORT_SIDE[-1]}p.",
        )
    short = round(int(lines[1]) / 2) * 2
    long = round(short * max(ratio, 1 / ratio) / 2) * 2
    return (long, short) if ratio >= 1 else (short, long)


def _refused(name: str, problem: str) -> Refused:
    return Refused("invalid_parameter", f"parameters.{name}: {problem}")


def _check_names(task: Task, given: Mapping[str, Any]) -> None:
    known = _PARAMETERS[task]
    for name in sorted(given):
        if name not in known:
            raise _refused(
                name[:40], f"it is not known to this model; known: {', '.join(sorted(known))}."
            )


def _images(task: Task, roles: Sequence[str]) -> int:
    """How many pictures go in, once it is sure that all is there that the task needs."""
    images = roles.count("reference_image")
    if task == "slideshow" and not images:
        raise Refused("input_missing", "inputs: give one image or more.")
    if images > _MOST_IMAGES.get(task, images):
        most = _MOST_IMAGES[task]
        raise Refused("too_many_inputs", f"inputs: this model takes up to {most} images.")
    if task == "autocut" and "source_video" not in roles:
        raise Refused("input_missing", "inputs: give the video that is to be cut.")
    return images


def _voice(task: Task, voice: object) -> str | None:
    if voice is None:
        return None
    if not isinstance(voice, str):
        raise _refused("voice", "it must be a text.")
    if not (voice == "none" and task != "voice") and not _VOICE.fullmatch(voice):
        raise Refused("unknown_voice", f"There is no voice named {voice[:40]!r}.")
    return voice


def _whole(given: Mapping[str, Any], name: str, default: int, allowed: range) -> int:
    value = given.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value not in allowed:
        raise _refused(name, f"it must be a whole number from {allowed[0]} to {allowed[-1]}.")
    return value


def _number(
    given: Mapping[str, Any], name: str, default: float, bounds: tuple[float, float]
) -> float:
    value = given.get(name, default)
    if not _is_number(value, bounds):
        raise _refused(name, f"it must be a number from {bounds[0]:g} to {bounds[1]:g}.")
    return float(value)


def _is_number(value: object, bounds: tuple[float, float]) -> bool:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return bounds[0] <= value <= bounds[1]


def _slides(
    given: Mapping[str, Any], images: int, seconds: float | None
) -> tuple[Slides, float | None]:
    """How the pictures follow one another, and how long all of it lasts."""
    transition, caption = given.get("transition", "fade"), given.get("caption", True)
    if transition not in ("fade", "none"):
        raise _refused("transition", "it must be 'fade' or 'none'.")
    if not isinstance(caption, bool):
        raise _refused("caption", "it must be true or false.")
    durations = given.get("durations")
    if durations is None:
        total = 3.0 * images if seconds is None else float(seconds)
        parts = (total / images,) * images
        return Slides(parts, transition == "fade", caption), total
    if not isinstance(durations, list | tuple) or not all(
        _is_number(each, _SLIDE_SECONDS) for each in durations
    ):
        low, high = _SLIDE_SECONDS
        raise _refused("durations", f"they must be numbers from {low:g} to {high:g}, in seconds.")
    if len(durations) != images:
        raise _refused(
            "durations", f"there are {len(durations)} for {images} images; give one for each."
        )
    total = float(sum(durations))
    # The length is kept, and paid for, in hundredths.
    if seconds is not None and abs(total - seconds) > 0.02:
        raise _refused("durations", f"they add up to {total:g} seconds, not {seconds:g}.")
    return Slides(tuple(map(float, durations)), transition == "fade", caption), total


def _cuts(given: Mapping[str, Any]) -> Cuts:
    return Cuts(
        min_silence=_number(given, "min_silence_seconds", 0.5, (0.1, 10.0)),
        threshold_db=_number(given, "threshold_db", -35.0, (-80.0, -10.0)),
        keep=_number(given, "keep_seconds", 0.15, (0.0, 2.0)),
    )


def _figure(given: Mapping[str, Any]) -> Figure:
    name = given.get("name")
    if name is not None and (not isinstance(name, str) or len(name) > _NAME_CHARACTERS):
        raise _refused("name", f"it must be a text of up to {_NAME_CHARACTERS} characters.")
    return Figure(name, _whole(given, "views", 4, _VIEWS))
