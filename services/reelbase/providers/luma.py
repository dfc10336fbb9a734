"""Luma: videos by Ray and images by Uni, through its Agents API.

Wire format: the SDK `luma-agents` 0.5 and https://docs.agents.lumalabs.ai (X-API-Version
2026-04-01). `POST /v1/generations` answers with the generation, `GET /v1/generations/{id}` tells
its state: queued, processing, completed, failed with a `failure_code`. Addresses of outputs live
for an hour. There are no webhooks, and neither a call that cancels nor one that lists, so that a
cancelled generation goes on there, and one whose answer was lost cannot be found again.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel

from reelbase.providers.base import (
    Accepted,
    Context,
    Finished,
    Job,
    Permanent,
    ProviderError,
    Report,
    Running,
    Submission,
    Transient,
    Unknowable,
    Workdir,
)
from reelbase.providers.fetch import fetch
from reelbase.providers.wire import Wire, base_of, key_of, path_part, poll_pause
from reelbase.providers.wishes import (
    ProviderId,
    age_of,
    born,
    gone,
    id_of,
    images_of,
    inline_of,
    prompt_of,
    seconds_of,
)

__all__ = ["SECRETS", "LumaProvider", "make"]

SECRETS: Final = ("LUMA_AGENTS_API_KEY",)

INLINE_BYTES: Final = 10 << 20
LENGTHS: Final = (5, 10)
FRAMES_A_SECOND: Final = 24
FIRST_PAUSE: Final = 3.0

REFUSED: Final[Mapping[str, tuple[str, str]]] = {
    "content_moderated": (
        "content_refused",
        "The provider's rules do not allow this content.",
    ),
    "image_too_large": ("input_refused", "A file of this job is too large for the provider."),
    "unsupported_format": ("input_refused", "The provider cannot use a file of this job."),
    "corrupt_input": ("input_refused", "The provider cannot read a file of this job."),
    "invalid_request": ("provider_refused", "The provider refused this job."),
}
QUOTA_SECONDS: Final = 900.0  # until somebody may have paid in


class Output(BaseModel):
    """One output."""

    url: str


class Made(BaseModel):
    """The answer to a submission."""

    id: ProviderId


class Generation(BaseModel):
    """A generation, as it is told of."""

    id: str
    state: Literal["queued", "processing", "completed", "failed"]
    failure_code: str | None = None
    output: tuple[Output, ...] | None = None


def make(context: Context) -> "LumaProvider":
    """Make the provider.

    Raises:
        Configuration: LUMA_AGENTS_API_KEY is missing, or REELBASE_LUMA_URL is unusable.
    """
    return LumaProvider(context)


class LumaProvider:
    """Makes videos of texts and of images (Ray), and images (Uni).

    Images of a video are its key frames, spread evenly over its length; those of an image are what
    it should resemble. What is unwanted and what is to be heard are said in the prompt. A
    generation makes one output.
    """

    name = "luma"
    kinds = frozenset({"text_to_video", "image_to_video", "text_to_image"})
    concurrency = None
    repeatable = False

    def __init__(self, context: Context, now: Callable[[], float] = time.time) -> None:
        key = key_of(context, "LUMA_AGENTS_API_KEY")
        base = base_of(context, "REELBASE_LUMA_URL", "https://agents.lumalabs.ai")
        self._wire = Wire(self.name, base, {"Authorization": f"Bearer {key}"}, context)
        self._context = context
        self._now = now

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wire.aclose()

    async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:  # noqa: ARG002
        """Make a generation; the job's reference has no place in it."""
        answer = await self._wire.call(
            "submit",
            "POST",
            "/v1/generations",
            job=job,
            creates=True,
            json=await wish(job, workdir),
        )
        return Accepted(answer.read(Made).id, FIRST_PAUSE, born(self._now()))

    async def look_up(self, job: Job, workdir: Workdir) -> Finished | Running:
        """Ask after the generation, and fetch what it made."""
        generation_id = id_of(job)
        async with self._wire.calling(
            "look_up", "GET", f"/v1/generations/{path_part(generation_id)}", job=job, accept={404}
        ) as answer:
            if answer.status == 404:
                raise gone(job, self._now())
            generation = answer.read(Generation)
            if generation.id != generation_id:
                raise answer.garbled()
            if generation.state in {"queued", "processing"}:
                return Running(None, max(FIRST_PAUSE, poll_pause(age_of(job, self._now()))))
            if generation.state == "failed":
                raise failure_of(generation.failure_code)
            if not generation.output:
                raise answer.garbled()
            is_image = job.kind == "text_to_image"
            fetched = await fetch(
                generation.output[0].url,
                workdir(),
                context=self._context,
                provider=self.name,
                job=job,
                mime_kinds={"image" if is_image else "video"},
            )
            units = 1.0 if is_image else float(seconds_of(job, LENGTHS))
            answer.bill(units)
            return Finished((fetched.output(),), units=units)

    async def recover(
        self,
        job: Job,  # noqa: ARG002
        workdir: Workdir,  # noqa: ARG002
        report: Report,  # noqa: ARG002
    ) -> Finished | Accepted | Running | None:
        """Generations cannot be listed.

        Raises:
            Unknowable: always.
        """
        raise Unknowable("provider_cannot_tell", "The provider's answer to this job was lost.")

    async def cancel(
        self, reference: str, provider_job_id: str | None, state: Mapping[str, Any]
    ) -> None:
        """Do nothing: there is no such call."""


async def wish(job: Job, workdir: Workdir) -> dict[str, Any]:
    """Make the body of a submission.

    Raises:
        ProviderError: the job asks for what the models do not have, or its inputs cannot be had.
    """
    body: dict[str, Any] = {"model": job.model, "prompt": prompt_of(job)}
    if job.aspect_ratio:
        body["aspect_ratio"] = job.aspect_ratio
    if job.kind == "text_to_image":
        body["type"] = "image"
        if images := images_of(job, at_most=9):
            body["image_ref"] = [await reference_of(image, workdir) for image in images]
        return body
    seconds = seconds_of(job, LENGTHS)
    video: dict[str, Any] = {"duration": f"{seconds}s", "resolution": job.resolution or "720p"}
    if (loop := job.parameters.get("loop")) is not None:
        video["loop"] = loop
    if job.kind == "image_to_video":
        images = images_of(job, at_most=64, required=True)
        last = seconds * FRAMES_A_SECOND
        gaps = max(1, len(images) - 1)
        video["keyframes"] = [await reference_of(image, workdir) for image in images]
        video["keyframe_indexes"] = [last * place // gaps for place in range(len(images))]
    return body | {"type": "video", "video": video}


async def reference_of(image: Any, workdir: Workdir) -> dict[str, str]:
    """Hand an image over: by its address, or within the request where that is not public."""
    link = await image.link()
    if link.startswith("https://"):
        return {"url": link}
    mime_type, data = await inline_of(image, workdir, INLINE_BYTES)
    return {"data": data, "media_type": mime_type}


def failure_of(code: str | None) -> ProviderError:
    """Read why a generation failed (https://docs.agents.lumalabs.ai/guides/error-handling)."""
    if code is not None and code in REFUSED:
        return Permanent(*REFUSED[code])
    message = "The provider failed to make this."
    if code in {"generation_failed", "output_not_found", None}:
        return Transient("provider_failed", message, anew=True)
    if code == "rate_limited":
        return Transient("provider_busy", message, 30.0, anew=True)
    if code == "budget_exhausted":
        message = "Our account at the provider is used up for the moment."
        return Transient("provider_quota", message, QUOTA_SECONDS, anew=True)
    return Permanent("provider_failed", "The provider could not make this.")
