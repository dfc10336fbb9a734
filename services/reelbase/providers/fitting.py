"""Fit a job to the inputs that a model says it has.

Replicate and fal run hundreds of models, and each has names and values of its own: a length is 5,
"5" or "5s", a picture to begin with is `image`, `image_url` or `start_image`. Both publish every
model's inputs as a JSON schema, so that what is sent is made by that, and a new model is a row in
the catalogue. What a model does not say is sent under the usual names.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

from reelbase.providers.base import Job, Permanent, Workdir
from reelbase.providers.wishes import address_of, prompt_of

__all__ = ["KINDS", "Field", "fields_of", "fitted", "links_of", "media_in"]

KINDS: Final = {
    "text_to_video": "video",
    "image_to_video": "video",
    "video_edit": "video",
    "text_to_image": "image",
    "voiceover": "audio",
}
"""What a kind of generation makes."""

PROMPTS: Final = ("prompt", "text", "input_text")
NEGATIVES: Final = ("negative_prompt",)
RATIOS: Final = ("aspect_ratio", "ratio", "image_size")
RESOLUTIONS: Final = ("resolution", "quality")
LENGTHS: Final = ("duration", "duration_seconds", "seconds")
COUNTS: Final = ("num_outputs", "num_images", "number_of_images", "num_videos")
FIRST_FRAMES: Final = (
    "image",
    "image_url",
    "start_image",
    "start_image_url",
    "first_frame_image",
    "first_frame_url",
    "first_frame",
    "input_image",
)
LAST_FRAMES: Final = (
    "last_frame_image",
    "last_frame_url",
    "last_frame",
    "end_image",
    "end_image_url",
    "tail_image_url",
    "tail_image",
)
IMAGES: Final = (
    "image_urls",
    "image_input",
    "input_images",
    "reference_images",
    "reference_image_urls",
    "images",
)
VIDEOS: Final = ("video", "video_url", "input_video", "input_video_url")
SOUNDS: Final = ("audio", "audio_url", "audio_file", "input_audio")

# fal's names of ratios, where a model takes a size.
SIZES: Final = {
    "1:1": "square_hd",
    "4:3": "landscape_4_3",
    "16:9": "landscape_16_9",
    "3:4": "portrait_4_3",
    "9:16": "portrait_16_9",
}

MAX_DEPTH: Final = 6
MAX_PARTS: Final = 100
"""How many parts of an input's schema are read: references can make a short one endless."""

MAX_REFERENCE: Final = 500
MAX_FOUND: Final = 50
SECONDS = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,3})?) ?(?:s|sec|seconds)?")
SUFFIXES: Final = {
    "video": (".mp4", ".webm", ".mov", ".mkv", ".m4v"),
    "image": (".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif"),
    "audio": (".mp3", ".wav", ".ogg", ".m4a", ".flac", ".aac"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One input of a model: the types it may have, as JSON schema calls them, and its values."""

    types: frozenset[str] = frozenset()
    choices: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


Fields = Mapping[str, Field]


def fields_of(document: Any, schema: Any) -> dict[str, Field] | None:
    """Read the inputs of a model from its OpenAPI document.

    Args:
        document: The document, or anything else: strangers wrote it.
        schema: The object's schema in it, or a reference.

    Returns:
        By name; None where it does not say.
    """
    properties = resolved(document, schema).get("properties")
    if not isinstance(properties, dict):
        return None
    found = {
        name: read_field(document, told)
        for name, told in list(properties.items())[:200]
        if isinstance(name, str)
    }
    return found or None


async def links_of(
    job: Job, workdir: Workdir, limit: int
) -> tuple[list[str], list[str], list[str]]:
    """Name addresses at which the provider can read a job's images, videos and sounds.

    Raises:
        ProviderError: as `address_of`.
    """
    found: dict[str, list[str]] = {}
    for given in job.inputs:
        link = await address_of(given, workdir, limit)
        found.setdefault(given.role, []).append(link)
    return tuple(  # type: ignore[return-value]
        found.get(role, []) for role in ("reference_image", "source_video", "source_audio")
    )


def fitted(
    job: Job,
    fields: Fields | None,
    usual: Fields,
    *,
    images: Sequence[str] = (),
    videos: Sequence[str] = (),
    sounds: Sequence[str] = (),
) -> dict[str, Any]:
    """Say what a job asks for in the model's own words.

    Args:
        job: The job.
        fields: The model's inputs; None where it does not say.
        usual: The inputs that models of this provider usually have.
        images, videos, sounds: Addresses of the job's files.

    Raises:
        Permanent: `invalid_parameter`, `duration_unsupported`, `too_many_inputs` or
            `input_unsupported`: the model cannot do this. The message begins with the field.
    """
    for given in job.parameters:
        if fields is not None and given not in fields:
            refuse(f"parameters.{given}: this model has no such input.")
    is_known, fields = fields is not None, usual if fields is None else fields
    wish: dict[str, Any] = dict(job.parameters)
    has_negative = any(name in fields for name in NEGATIVES)
    wish[first_of(PROMPTS, fields) or "prompt"] = prompt_of(job, negative=not has_negative)
    if job.negative_prompt and has_negative:
        wish[NEGATIVES[0]] = job.negative_prompt
    if job.aspect_ratio and (name := first_of(RATIOS, fields)):
        value = SIZES.get(job.aspect_ratio) if name == "image_size" else job.aspect_ratio
        wish[name] = chosen(
            fields[name], value, f"aspect_ratio: this model has no {job.aspect_ratio}."
        )
    if job.resolution and (name := first_of(RESOLUTIONS, fields)):
        complaint = f"resolution: this model has no {job.resolution}."
        wish[name] = chosen(fields[name], job.resolution, complaint)
    if job.duration_seconds is not None and (name := first_of(LENGTHS, fields)):
        wish[name] = length_of(fields[name], job.duration_seconds)
    if name := first_of(COUNTS, fields):
        most = fields[name].maximum
        if most is not None and job.output_count > most:
            refuse(f"output_count: this model makes up to {most:g} at a time.")
        wish[name] = job.output_count
    elif job.output_count > 1:
        refuse("output_count: this model makes one at a time.")
    wish |= placed_images(fields, images, is_known=is_known)
    for links, names, what in ((videos, VIDEOS, "video"), (sounds, SOUNDS, "sound")):
        if links:
            name = first_of(names, fields)
            if name is None or len(links) > 1:
                message = (
                    f"inputs: this model does not take {'more than one' if name else 'a'} {what}."
                )
                raise Permanent("input_unsupported", message)
            wish[name] = links[0]
    return wish


def placed_images(fields: Fields, images: Sequence[str], *, is_known: bool) -> dict[str, Any]:
    """Put images where the model takes them: as first and last frame, or as a list."""
    if not images:
        return {}
    first, last = first_of(FIRST_FRAMES, fields), first_of(LAST_FRAMES, fields)
    several = first_of(IMAGES, fields)
    if first and len(images) == 1:
        return {first: images[0]}
    if first and last and len(images) == 2:
        return {first: images[0], last: images[1]}
    if several and (is_known or not first):
        most = fields[several].maximum
        if most is not None and len(images) > most:
            raise Permanent("too_many_inputs", f"inputs: this model takes up to {most:g} images.")
        return {several: list(images)}
    if not first:
        raise Permanent("input_unsupported", "inputs: this model does not take an image.")
    message = f"inputs: this model takes up to {2 if last else 1} images."
    raise Permanent("too_many_inputs", message)


def length_of(field: Field, wanted: float) -> Any:
    """Choose the shortest length that a model has and that is long enough."""
    if field.choices:
        lengths = [(found, each) for each in field.choices if (found := seconds_in(each))]
        if not lengths:
            return field.choices[0]
        enough = [pair for pair in lengths if pair[0] >= wanted - 0.01]
        if not enough:
            too_long(max(found for found, _ in lengths))
        return min(enough, key=lambda pair: pair[0])[1]
    if field.maximum is not None and wanted > field.maximum + 0.01:
        too_long(field.maximum)
    wanted = max(wanted, field.minimum or 0)
    if field.types and "number" not in field.types and "integer" not in field.types:
        return str(math.ceil(wanted))
    if "number" in field.types and not float(wanted).is_integer():
        return wanted
    return math.ceil(wanted)


def too_long(most: float) -> NoReturn:
    """Refuse a length."""
    message = f"duration_seconds: this model makes up to {most:g} seconds."
    raise Permanent("duration_unsupported", message)


def refuse(message: str) -> NoReturn:
    """Refuse a value."""
    raise Permanent("invalid_parameter", message)


def chosen(field: Field, value: str | None, complaint: str) -> Any:
    """Find a value among those of a field, in whatever case it is written there."""
    if value is None:
        refuse(complaint)
    if not field.choices:
        return value
    for choice in field.choices:
        if isinstance(choice, str) and choice.lower() == value.lower():
            return choice
    refuse(complaint)


def first_of(names: Sequence[str], fields: Fields) -> str | None:
    """Choose the first name that a model has."""
    return next((name for name in names if name in fields), None)


def seconds_in(choice: Any) -> float | None:
    """Read a length such as 5, "5" or "5s"."""
    if isinstance(choice, bool):
        return None
    if isinstance(choice, int | float):
        return float(choice) if 0 < choice < 10_000 else None
    if isinstance(choice, str) and (found := SECONDS.fullmatch(choice)):
        return float(found[1])
    return None


# Reading schemas ----------------------------------------------------------------------------------


def read_field(document: Any, told: Any) -> Field:
    """Read one input; alternatives count together."""
    types: set[str] = set()
    choices: list[Any] = []
    bounds: dict[str, list[float]] = {"min": [], "max": []}
    left = MAX_PARTS

    def visit(schema: Any, depth: int) -> None:
        nonlocal left
        if left == 0:
            return
        left -= 1
        schema = resolved(document, schema)
        if isinstance(schema.get("type"), str):
            types.add(schema["type"])
        if isinstance(schema.get("enum"), list):
            choices.extend(schema["enum"][:100])
        if "const" in schema:
            choices.append(schema["const"])
        for key, names in (("min", ("minimum",)), ("max", ("maximum", "maxItems"))):
            bounds[key] += [
                float(schema[name])
                for name in names
                if isinstance(schema.get(name), int | float) and abs(schema[name]) < 1e9
            ]
        if depth:
            for name in ("allOf", "anyOf", "oneOf"):
                for part in listed(schema.get(name))[:20]:
                    visit(part, depth - 1)

    visit(told, MAX_DEPTH)
    return Field(
        frozenset(types - {"null"}),
        tuple(each for each in choices if each is not None),
        min(bounds["min"], default=None),
        max(bounds["max"], default=None),
    )


def resolved(document: Any, schema: Any) -> dict[str, Any]:
    """Follow references within a document; what leads nowhere says nothing."""
    for _ in range(MAX_DEPTH):
        if not isinstance(schema, dict):
            return {}
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        if len(reference) > MAX_REFERENCE:
            return {}
        schema = document
        for part in reference.removeprefix("#/").split("/"):
            schema = schema.get(part) if isinstance(schema, dict) else None
    return {}


def listed(told: Any) -> list[Any]:
    """Take a list; anything else is an empty one."""
    return told if isinstance(told, list) else []


# Reading results ----------------------------------------------------------------------------------


def media_in(told: Any, kind: str) -> list[str]:
    """Find the addresses of a kind of media in a result, whatever its form.

    A result is an address, a list of them, or an object such as {"video": {"url": …,
    "content_type": …}, "seed": …}. What calls itself another kind is left out: a film's preview.

    Args:
        told: The result.
        kind: "video", "image" or "audio".

    Returns:
        In order, each once.
    """
    found: list[tuple[str, bool | None]] = []

    def visit(part: Any, name: str, depth: int) -> None:
        if len(found) >= MAX_FOUND or depth == 0:
            return
        if isinstance(part, str):
            if part[:8].lower().startswith(("https://", "http://", "data:")):
                found.append((part, is_of(part, name, kind)))
        elif isinstance(part, list):
            for each in part[:MAX_FOUND]:
                visit(each, name, depth - 1)
        elif isinstance(part, dict):
            says = part.get("content_type")
            if isinstance(says, str) and says.partition("/")[0] in SUFFIXES:
                name = says.partition("/")[0]
            for key, each in list(part.items())[:MAX_FOUND]:
                visit(each, name if key in {"url", "uri"} else str(key), depth - 1)

    visit(told, "", MAX_DEPTH)
    certain = [address for address, fits in found if fits]
    likely = [address for address, fits in found if fits is not False]
    return list(dict.fromkeys(certain or likely))


def is_of(address: str, name: str, kind: str) -> bool | None:
    """Whether an address is of a kind, by its name or its ending; None: it does not say."""
    if any(word in name.lower() for word in ("thumbnail", "preview", "poster")):
        return False
    said = next((each for each in SUFFIXES if each in name.lower()), None)
    if said is None:
        try:
            path = urlsplit(address[:2000]).path.lower()
        except ValueError:
            return None
        said = next((each for each, ends in SUFFIXES.items() if path.endswith(ends)), None)
    return None if said is None else said == kind
