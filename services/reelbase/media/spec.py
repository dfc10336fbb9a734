"""What the renderer is asked to make: a checked, plain order that travels as one line of JSON."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

__all__ = ["FPS", "Refused", "RenderSpec", "frame_size"]

FPS = 25
"""Frames a second of every film."""

_SHORT_SIDE = range(144, 2161)  # pixels
_FILM_SHORT_SIDE_MAX = 1080
_LONGEST_RATIO = 3.0
_SECONDS = (1.0, 60.0)
_OUTPUTS = range(1, 5)
_VOICE = re.compile(r"[a-z]{2,4}(-[a-z0-9]{2,8}){0,3}(\+[a-z][a-z0-9]{0,11})?")

Task = Literal["film", "still", "voice"]


class Refused(Exception):  # noqa: N818 - a verdict on the order, not a fault
    """The order cannot be carried out as it is; `message` is fit for the end user."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class RenderSpec:
    """One order.

    `text` is the user's prompt as it came. `width` and `height` are pixels, `seconds` the length of
    a film. `seed` makes another film of the same prompt. `voice` is a voice of espeak-ng ("en-gb",
    "th", "de+f3"), "none" for a film without speech, or None to choose it from the script.
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
    ) -> Self:
        """Check every field that a user may set, and fill in the defaults.

        Raises:
            Refused: with the code `unsupported_…` or `invalid_parameter`, naming the field.
        """
        width, height = frame_size(aspect_ratio or "16:9", resolution or "720p")
        if task == "film" and min(width, height) > _FILM_SHORT_SIDE_MAX:
            raise Refused(
                "unsupported_resolution",
                f"This model renders films up to {_FILM_SHORT_SIDE_MAX}p.",
            )
        length = 6.0 if seconds is None else float(seconds)
        if not _SECONDS[0] <= length <= _SECONDS[1]:
            raise Refused(
                "unsupported_duration",
                f"A film may last {_SECONDS[0]:g} to {_SECONDS[1]:g} seconds.",
            )
        if count not in _OUTPUTS:
            raise Refused("unsupported_output_count", "Ask for one to four outputs.")
        return cls(
            task=task,
            text=text,
            width=width,
            height=height,
            seconds=length,
            count=count,
            style=style,
            draft=draft,
            **_parameters(task, parameters),
        )

    @classmethod
    def from_json(cls, line: str | bytes) -> Self:
        return cls(**json.loads(line))

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


def _parameters(task: Task, given: Mapping[str, Any]) -> dict[str, Any]:
    known = {"film": {"voice", "seed"}, "still": {"seed"}, "voice": {"voice"}}[task]
    for name in sorted(given):
        if name not in known:
            raise Refused(
                "invalid_parameter",
                f"The parameter {name[:40]!r} is not known to this model; "
                f"known: {', '.join(sorted(known))}.",
            )
    voice, seed = given.get("voice"), given.get("seed", 0)
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**53:
        raise Refused("invalid_parameter", "The parameter 'seed' must be a whole number from 0.")
    if voice is not None and not isinstance(voice, str):
        raise Refused("invalid_parameter", "The parameter 'voice' must be a text.")
    silent = voice == "none" and task == "film"
    if voice is not None and not silent and not _VOICE.fullmatch(voice):
        raise Refused("unknown_voice", f"There is no voice named {voice[:40]!r}.")
    return {"voice": voice, "seed": seed}
