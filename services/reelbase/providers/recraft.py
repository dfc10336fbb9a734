"""Recraft: images, while one waits.

Wire format: https://www.recraft.ai/docs/api-reference/endpoints. `POST /v1/images/generations`
answers when the images are there, with their addresses, which live for a day, and the API units
that they cost, of which a thousand are a dollar. Nothing can be asked after: when the answer is
lost, so are the images, though they may have been paid for.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field

from reelbase.providers.base import (
    Accepted,
    Configuration,
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
from reelbase.providers.wire import Wire, base_of, countable, key_of
from reelbase.providers.wishes import prompt_of

__all__ = ["SECRETS", "RecraftProvider", "make"]

SECRETS: Final = ("RECRAFT_API_TOKEN",)

UNITS_PER_USD: Final = 1000
MOST: Final = 6  # images of one call
FETCH_ATTEMPTS: Final = 4
LOST: Final = "The provider's answer to this job was lost."


class Image(BaseModel):
    """One image."""

    url: str


class Images(BaseModel):
    """The answer: as many images as were asked for, and what they cost in API units.

    Images that are paid for are not lost for a figure in a form that is not known.
    """

    data: Annotated[tuple[Image, ...], Field(min_length=1)]
    credits: Any = None


def make(context: Context) -> "RecraftProvider":
    """Make the provider.

    Raises:
        Configuration: RECRAFT_API_TOKEN is missing, or REELBASE_RECRAFT_URL is unusable.
    """
    return RecraftProvider(context)


class RecraftProvider:
    """Makes one to six images in one call.

    The aspect ratio is told as such; so are `style` and what is unwanted to the models of the third
    generation and before, which alone take them. Models that draw vectors are refused: what they
    answer is a program as much as a picture, and is not handed to browsers.
    """

    name = "recraft"
    kinds = frozenset({"text_to_image"})
    concurrency = None
    repeatable = False

    def __init__(self, context: Context) -> None:
        key = key_of(context, "RECRAFT_API_TOKEN")
        base = base_of(context, "REELBASE_RECRAFT_URL", "https://external.api.recraft.ai")
        headers = {"Authorization": f"Bearer {key}"}
        self._wire = Wire(self.name, base, headers, context, refusal=refusal, read_seconds=180.0)
        self._context = context

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wire.aclose()

    async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
        """Make the images, and fetch them.

        They are paid for when the answer comes, so that it is tried harder than elsewhere to fetch
        them, and never to make them again.
        """
        async with self._wire.calling(
            "submit",
            "POST",
            "/v1/images/generations",
            job=job,
            creates=True,
            seconds=200.0,
            json=wish(job),
        ) as answer:
            images = answer.read(Images)
            units = countable(images.credits)
            dollars = None if units is None else units / UNITS_PER_USD
            answer.bill(units, dollars)
        report(60)
        if len(images.data) < job.output_count:
            message = "The provider made fewer images than were ordered."
            raise Permanent("output_missing", message)
        outputs = []
        for position, image in enumerate(images.data[: job.output_count]):
            fetched = await fetch(
                image.url,
                workdir(),
                context=self._context,
                provider=self.name,
                job=job,
                mime_kinds={"image"},
                name=f"output-{position}",
                attempts=FETCH_ATTEMPTS,
            )
            outputs.append(fetched.output(position))
        return Finished(tuple(outputs), units=units, cost_usd=dollars)

    async def look_up(self, job: Job, workdir: Workdir) -> Finished | Running:  # noqa: ARG002
        """Never needed: a submission ends with the images."""
        raise Transient("provider_lost", LOST, anew=True)

    async def recover(
        self,
        job: Job,  # noqa: ARG002
        workdir: Workdir,  # noqa: ARG002
        report: Report,  # noqa: ARG002
    ) -> Finished | Accepted | Running | None:
        """Nothing can be asked after.

        Raises:
            Unknowable: always.
        """
        raise Unknowable("provider_cannot_tell", LOST)

    async def cancel(
        self, reference: str, provider_job_id: str | None, state: Mapping[str, Any]
    ) -> None:
        """Do nothing: what is being made is paid for."""


def wish(job: Job) -> dict[str, Any]:
    """Make the body of a submission.

    Raises:
        Configuration: the model draws vectors.
        Permanent: more images are asked for than one call makes.
    """
    if "vector" in job.model:
        message = "Models of Recraft that draw vectors are not offered."
        raise Configuration("unsupported_model", message)
    if not 1 <= job.output_count <= MOST:
        raise Permanent("output_count_unsupported", f"output_count: 1 to {MOST} images at once.")
    is_old = job.model.startswith(("recraftv2", "recraftv3"))
    body: dict[str, Any] = {
        "model": job.model,
        "prompt": prompt_of(job, negative=not is_old, sound=False),
        "n": job.output_count,
        "size": job.aspect_ratio or "1:1",
        "response_format": "url",
    }
    if is_old and job.negative_prompt:
        body["negative_prompt"] = job.negative_prompt
    if (style := job.parameters.get("style")) is not None:
        body["style"] = style
    return body


def refusal(status: int, told: Any) -> ProviderError | None:
    """Read an error of the API: {"code": "not_enough_credits", "message": "…"}."""
    code = told.get("code") if isinstance(told, dict) else None
    if not isinstance(code, str) or status >= 500:
        return None
    if "credit" in code or "balance" in code:
        message = "Our account at the provider is used up for the moment."
        return Configuration("provider_quota", message)
    if status == 400 and any(word in code for word in ("moderat", "nsfw", "policy", "safety")):
        return Permanent("content_refused", "The provider's rules do not allow this content.")
    return None
