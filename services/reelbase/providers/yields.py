"""What jobs yield that make no file: their shapes, and how one is read out of an untrusted answer.

The database takes these shapes (`private.check_yields`) and refuses others, by which time the job
has been paid for. So they are checked here first, with the same limits, and with messages that can
be shown to the model that made the mistake. Lengths are in characters where the database counts
characters, and in bytes of UTF-8 where it counts those.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

__all__ = [
    "Character",
    "Concept",
    "ContentSummary",
    "Segment",
    "VideoSegmentation",
    "WebResearch",
    "check_yields",
    "parse_yields",
    "schema_of",
]

_LONGEST = 1 << 20  # characters of an answer that are looked at; none that fits is longer
_FAULTS = 5  # that are named at once
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", str_strip_whitespace=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _keep_what_can_be_stored(cls, value: object) -> object:
        """PostgreSQL stores neither NUL nor half of a surrogate pair."""
        if not isinstance(value, dict):
            return value
        return {
            key: _UNSTORABLE.sub("", item) if isinstance(item, str) else item
            for key, item in value.items()
        }


class Concept(_Shape):
    """An idea for a video."""

    title: Annotated[str, Field(min_length=1, max_length=300)]
    concept: Annotated[str, Field(min_length=1, max_length=20_000)]
    tone: Annotated[str | None, Field(max_length=1_000)] = None
    goal: Annotated[str | None, Field(max_length=5_000)] = None
    web_info: Annotated[str | None, Field(max_length=49_152)] = None


class WebResearch(_Shape):
    """What was found out."""

    response: Annotated[str, Field(min_length=1, max_length=100_000)]


class ContentSummary(_Shape):
    """A text, made short."""

    summary: Annotated[str, Field(min_length=1, max_length=100_000)]


class Segment(_Shape):
    """One scene: what is seen, what is said, how it moves."""

    visual: Annotated[str, Field(min_length=1, max_length=8_192)]
    narration: Annotated[str | None, Field(max_length=8_192)] = None
    animation: Annotated[str | None, Field(max_length=8_192)] = None


class VideoSegmentation(_Shape):
    """A video, cut into scenes."""

    segments: Annotated[list[Segment], Field(min_length=1, max_length=1_000)]
    concept: Annotated[str | None, Field(max_length=20_000)] = None


class Character(_Shape):
    """Somebody who appears in videos; the pictures of them are the job's files."""

    name: Annotated[str | None, Field(max_length=200)] = None
    description: Annotated[str | None, Field(max_length=5_000)] = None
    visual_prompt: Annotated[str | None, Field(max_length=10_000)] = None
    message: Annotated[str | None, Field(max_length=5_000)] = None


_SHAPES: Final[Mapping[str, type[_Shape]]] = {
    "concept": Concept,
    "web_research": WebResearch,
    "content_summary": ContentSummary,
    "video_segmentation": VideoSegmentation,
    "character": Character,
}


def parse_yields(
    kind: str, text: str, *, prompt: str = "", segments: int | None = None
) -> dict[str, Any]:
    """Read what a model answered.

    Args:
        kind: The kind of job.
        text: The model's answer: a JSON object, perhaps between ``` fences or sentences. Further
            keys are dropped, and so is what PostgreSQL cannot store.
        prompt, segments: see `check_yields`.

    Returns:
        The yields, as the database takes them.

    Raises:
        ValueError: with a message that tells the model what to mend.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"The answer is longer than {_LONGEST} characters.")
    begin, end = text.find("{"), text.rfind("}")
    if begin < 0 or end < begin:
        raise ValueError("The answer holds no JSON object.")
    text = text[begin : end + 1]
    try:
        # Line breaks inside of strings are the commonest mistake, and can be understood.
        value = json.loads(text, strict=False)
    except json.JSONDecodeError as error:
        message = f"The answer is not valid JSON: {error.msg} at character {error.pos}."
        raise ValueError(message) from None
    except (ValueError, RecursionError):  # a number of thousands of digits, a thousand brackets
        raise ValueError("The answer is not JSON that can be read.") from None
    return check_yields(kind, value, prompt=prompt, segments=segments)


def check_yields(
    kind: str, value: object, *, prompt: str = "", segments: int | None = None
) -> dict[str, Any]:
    """See that something has the shape of what a kind of job yields.

    Args:
        kind: The kind of job.
        value: JSON as Python has it.
        prompt: The job's prompt, which shares a row and its limit with what is yielded.
        segments: How many segments there must be, if that was ordered.

    Returns:
        The yields, as the database takes them; what is null is left out.

    Raises:
        ValueError: with a message that says what is wrong where, and quotes nothing.
    """
    if not isinstance(value, dict):
        raise ValueError("The answer must be one JSON object.")
    try:
        shape = _SHAPES[kind].model_validate(value)
    except ValidationError as refusal:
        faults = refusal.errors(include_url=False, include_context=False, include_input=False)
        raise ValueError("; ".join(map(_fault, faults[:_FAULTS])) + ".") from None
    for fault in _misfits(shape, prompt, segments):
        raise ValueError(fault)
    return shape.model_dump(mode="json", exclude_none=True)


def schema_of(kind: str) -> dict[str, Any]:
    """The JSON schema of what a kind of job yields, to show to a model."""
    return _SHAPES[kind].model_json_schema()


def _fault(fault: ErrorDetails) -> str:
    """`segments[3].visual: Field required`."""
    places = "".join(
        f"[{place}]" if isinstance(place, int) else f".{place}" for place in fault["loc"]
    )
    return f"{places.removeprefix('.') or 'The answer'}: {fault['msg']}"


def _misfits(shape: _Shape, prompt: str, segments: int | None) -> list[str]:
    """What a row cannot hold although each text by itself is short enough."""
    faults = []
    if isinstance(shape, Concept):
        texts = (prompt, shape.web_info, shape.title, shape.concept, shape.tone, shape.goal)
        if _bytes_of(*texts) > 49_152:
            faults.append("The texts together are too long; write less than half as much.")
    elif isinstance(shape, VideoSegmentation):
        if segments is not None and len(shape.segments) != segments:
            faults.append(f"segments: there must be {segments}, not {len(shape.segments)}.")
        if _bytes_of(prompt, shape.concept) > 32_768:
            faults.append("concept: it is too long; write less than half as much.")
        for index, segment in enumerate(shape.segments):
            if _bytes_of(segment.visual, segment.narration, segment.animation) > 8_192:
                faults.append(f"segments[{index}]: it is too long; write less than half as much.")
    elif isinstance(shape, Character) and (
        _bytes_of(shape.description, shape.visual_prompt) > 20_480
    ):
        faults.append("The texts together are too long; write less than half as much.")
    return faults


def _bytes_of(*texts: str | None) -> int:
    return sum(len(text.encode()) for text in texts if text)
