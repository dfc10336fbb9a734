"""What a job asks for, in the forms in which APIs take it.

Those who make pictures have no field for an art style, and few have one for what is unwanted or
for the sound; then it is said in the prompt, each on a line of its own. Files are handed over by
their signed addresses. Where those can be read on this machine alone, which is so for a database in
development, and where an API takes no addresses, the file itself goes into the request, up to a
limit.
"""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import anyio.to_thread
from pydantic import StringConstraints

from reelbase.media.probe import sniff
from reelbase.providers.base import Input, Job, Permanent, ProviderError, Transient, Workdir

__all__ = [
    "ProviderId",
    "address_of",
    "age_of",
    "born",
    "gone",
    "id_of",
    "images_of",
    "inline_of",
    "prompt_of",
    "seconds_of",
]

ProviderId = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,200}$")]
"""What a provider calls a job; kept, and put into addresses."""

HEAD_BYTES: Final = 64
GRACE_SECONDS: Final = 60.0
"""How long a provider may take to know everywhere what it has accepted."""


def prompt_of(job: Job, *, negative: bool = True, sound: bool = True) -> str:
    """Say in one text what a job asks for.

    Args:
        negative: What is unwanted is said here, as the API has no field for it.
        sound: So is what is to be heard.
    """
    lines = [job.prompt.strip()]
    if job.art_style:
        lines.append(f"Style: {job.art_style.strip()}")
    if sound and job.audio_instructions:
        lines.append(f"Sound: {job.audio_instructions.strip()}")
    if negative and job.negative_prompt:
        lines.append(f"Avoid: {job.negative_prompt.strip()}")
    return "\n".join(lines)


def seconds_of(job: Job, steps: Sequence[int]) -> int:
    """Choose among the lengths that a model has the shortest that is long enough.

    Raises:
        Permanent: `duration_unsupported`: none is.
    """
    wanted = job.duration_seconds
    if wanted is None:
        return steps[0]
    for seconds in steps:
        if seconds >= wanted:
            return seconds
    message = f"duration_seconds: this model makes up to {steps[-1]} seconds."
    raise Permanent("duration_unsupported", message)


def images_of(job: Job, *, at_most: int, required: bool = False) -> tuple[Input, ...]:
    """The images that go into a job, in order.

    Raises:
        Permanent: `input_missing`, `too_many_inputs`.
    """
    images = tuple(given for given in job.inputs if given.role == "reference_image")
    if required and not images:
        raise Permanent("input_missing", "inputs: this job needs an image to begin with.")
    if len(images) > at_most:
        raise Permanent("too_many_inputs", f"inputs: this model takes up to {at_most} images.")
    return images


async def address_of(given: Input, workdir: Workdir, limit: int) -> str:
    """Name an address at which a provider can read a file: its signed one, or a data: address.

    Args:
        given: The file.
        workdir: Where it is put if it has to go into the request.
        limit: The largest file that may go into the request, in bytes.

    Raises:
        ProviderError: as `Input`'s; `input_too_large`, `input_unreadable`.
    """
    link = await given.link()
    if link.startswith("https://"):
        return link
    mime_type, data = await inline_of(given, workdir, limit)
    return f"data:{mime_type};base64,{data}"


async def inline_of(given: Input, workdir: Workdir, limit: int) -> tuple[str, str]:
    """Read a file of a limited size, in bytes.

    Returns:
        Its media type, which its first bytes say, and itself in base64.

    Raises:
        ProviderError: as `Input`'s; `input_too_large`, `input_unreadable`.
    """
    path = await given.save(workdir())
    data = await anyio.to_thread.run_sync(read_up_to, path, limit)
    if len(data) > limit:
        message = f"inputs: a file is larger than the {limit >> 20} MB that this model takes."
        raise Permanent("input_too_large", message)
    mime_type = sniff(data[:HEAD_BYTES])
    if mime_type is None:
        raise Permanent("input_unreadable", "inputs: a file is no image, video or sound.")
    return mime_type, base64.b64encode(data).decode("ascii")


def read_up_to(path: Path, limit: int) -> bytes:
    """Read a file, but not more than one byte beyond the limit."""
    with path.open("rb") as file:
        return file.read(limit + 1)


def born(now: float) -> Mapping[str, Any]:
    """What to be reminded of: when a job was accepted, in seconds since 1970."""
    return {"at": round(now)}


def age_of(job: Job, now: float) -> float:
    """How long a job has been with its provider, in seconds; long, where nobody knows."""
    at = job.provider_state.get("at")
    return now - at if isinstance(at, int | float) and not isinstance(at, bool) else 3600.0


def id_of(job: Job) -> str:
    """What the provider calls a job that it has accepted."""
    if job.provider_job_id is None:
        message = "The provider never named this job."
        raise Transient("provider_lost", message, anew=True)
    return job.provider_job_id


def gone(job: Job, now: float) -> ProviderError:
    """Make the error for a job that its provider does not know.

    A new one may not be known everywhere yet. An old one was deleted there, and made anew it would
    be paid for a second time.
    """
    message = "The provider does not know this job any more."
    if age_of(job, now) < GRACE_SECONDS:
        return Transient("provider_not_found", message)
    return Permanent("provider_lost", message)
