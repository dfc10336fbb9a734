"""Runway: videos and images by its task API.

Wire format: the SDK `runwayml` 5.24 and https://docs.dev.runwayml.com (API version 2024-11-06).
`POST /v1/{text_to_video,image_to_video,text_to_image}` makes a task and answers with its id; `GET
/v1/tasks/{id}` tells its status: PENDING, THROTTLED (waiting as well), RUNNING, SUCCEEDED, FAILED
with a `failureCode`, CANCELLED. `DELETE` cancels one, or deletes it when it has ended. Addresses of
outputs live for a day or two. There are no webhooks. Tasks cannot be listed and carry nothing of
ours, so that a submission whose answer was lost cannot be found again.

A task says what it cost in credits, of which one is a cent; what failed may cost something, too.
"""

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

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
from reelbase.providers.wire import (
    Answer,
    Wire,
    base_of,
    countable,
    key_of,
    path_part,
    poll_pause,
)
from reelbase.providers.wishes import (
    ProviderId,
    address_of,
    age_of,
    born,
    gone,
    id_of,
    images_of,
    prompt_of,
    seconds_of,
)

__all__ = ["SECRETS", "RunwayProvider", "make"]

SECRETS: Final = ("RUNWAYML_API_SECRET",)

VERSION: Final = "2024-11-06"
USD_PER_CREDIT: Final = 0.01
INLINE_BYTES: Final = 3_700_000  # 5 MB of data: address
MIN_PAUSE: Final = 5.0  # "should not expect updates more frequent than once every five seconds"

# Width and height by resolution and aspect ratio. A model refuses what it does not have.
SIZES: Final[Mapping[str, Mapping[str, str]]] = {
    "720p": {
        "16:9": "1280:720",
        "9:16": "720:1280",
        "1:1": "960:960",
        "4:3": "1104:832",
        "3:4": "832:1104",
        "21:9": "1584:672",
    },
    "1080p": {
        "16:9": "1920:1080",
        "9:16": "1080:1920",
        "1:1": "1440:1440",
        "4:3": "1648:1248",
        "3:4": "1248:1648",
    },
}
IMAGE_SIZES: Final[Mapping[str, Mapping[str, str]]] = {
    "720p": {
        "16:9": "1280:720",
        "9:16": "720:1280",
        "1:1": "720:720",
        "4:3": "960:720",
        "3:4": "720:960",
        "21:9": "1680:720",
    },
    "1080p": {
        "16:9": "1920:1080",
        "9:16": "1080:1920",
        "1:1": "1080:1080",
        "4:3": "1440:1080",
        "3:4": "1080:1440",
        "21:9": "2112:912",
    },
}
LENGTHS: Final[Mapping[str, tuple[int, ...]]] = {
    "gen4_turbo": (5, 10),
    "veo3.1": (8, 4, 6),
    "veo3.1_fast": (8, 4, 6),
}
ANY_LENGTH: Final = (5, *range(2, 31))


class Made(BaseModel):
    """The answer to a submission."""

    id: ProviderId


class Task(BaseModel):
    """A task, as it is told of. `progress` is a part of 1; `cost` is {"credits": 60}.

    A film is not lost for a figure in a form that is not known.
    """

    id: str
    status: Literal["PENDING", "THROTTLED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"]
    progress: Any = None
    output: tuple[str, ...] | None = None
    failure_code: Annotated[str | None, Field(alias="failureCode")] = None
    cost: Any = None


def make(context: Context) -> "RunwayProvider":
    """Make the provider.

    Raises:
        Configuration: RUNWAYML_API_SECRET is missing, or REELBASE_RUNWAY_URL is unusable.
    """
    return RunwayProvider(context)


class RunwayProvider:
    """Makes videos of texts and of images, and images.

    Aspect ratio, resolution, duration and the parameters `seed` and `audio` are told as such, what
    is unwanted to the models that have a field for it (Veo) and in the prompt to the others. Each
    task makes one output.
    """

    name = "runway"
    kinds = frozenset({"text_to_video", "image_to_video", "text_to_image"})
    concurrency = None
    repeatable = False

    def __init__(self, context: Context, now: Callable[[], float] = time.time) -> None:
        key = key_of(context, "RUNWAYML_API_SECRET")
        base = base_of(context, "REELBASE_RUNWAY_URL", "https://api.dev.runwayml.com")
        headers = {"Authorization": f"Bearer {key}", "X-Runway-Version": VERSION}
        self._wire = Wire(self.name, base, headers, context, refusal=refusal)
        self._context = context
        self._now = now

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wire.aclose()

    async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:  # noqa: ARG002
        """Make a task; the job's reference has no place in it."""
        answer = await self._wire.call(
            "submit",
            "POST",
            f"/v1/{job.kind}",
            job=job,
            creates=True,
            json=await wish(job, workdir),
        )
        made = answer.read(Made)
        return Accepted(made.id, MIN_PAUSE, born(self._now()))

    async def look_up(self, job: Job, workdir: Workdir) -> Finished | Running:
        """Ask after the task, and fetch what it made."""
        task_id = id_of(job)
        async with self._wire.calling(
            "look_up", "GET", f"/v1/tasks/{path_part(task_id)}", job=job, accept={404}
        ) as answer:
            if answer.status == 404:
                raise gone(job, self._now())
            task = answer.read(Task)
            if task.id != task_id:
                raise answer.garbled()
            return await self._outcome(task, job, workdir, answer)

    async def _outcome(
        self, task: Task, job: Job, workdir: Workdir, answer: Answer
    ) -> Finished | Running:
        credits_ = countable(task.cost.get("credits")) if isinstance(task.cost, dict) else None
        dollars = None if credits_ is None else credits_ * USD_PER_CREDIT
        if task.status in {"PENDING", "THROTTLED", "RUNNING"}:
            part = countable(task.progress)
            progress = None if part is None else min(99, int(part * 100))
            return Running(progress, max(MIN_PAUSE, poll_pause(age_of(job, self._now()))))
        if task.status == "CANCELLED":
            answer.bill(credits_, dollars)
            raise Permanent("provider_cancelled", "The job was cancelled at the provider.")
        if task.status == "FAILED":
            answer.bill(credits_, dollars)
            raise failure_of(task.failure_code)
        if not task.output:
            raise answer.garbled()
        # One is what was ordered and sold; further ones of a model would be its intermediate steps.
        fetched = await fetch(
            task.output[0],
            workdir(),
            context=self._context,
            provider=self.name,
            job=job,
            mime_kinds={"image" if job.kind == "text_to_image" else "video"},
        )
        answer.bill(credits_, dollars)
        return Finished((fetched.output(),), units=credits_, cost_usd=dollars)

    async def recover(
        self,
        job: Job,  # noqa: ARG002
        workdir: Workdir,  # noqa: ARG002
        report: Report,  # noqa: ARG002
    ) -> Finished | Accepted | Running | None:
        """Tasks cannot be listed.

        Raises:
            Unknowable: always.
        """
        raise Unknowable("provider_cannot_tell", "The provider's answer to this job was lost.")

    async def cancel(
        self,
        reference: str,
        provider_job_id: str | None,
        state: Mapping[str, Any],  # noqa: ARG002
    ) -> None:
        """Delete the task. Credits come back only while it waits."""
        if provider_job_id is not None:
            path = f"/v1/tasks/{path_part(provider_job_id)}"
            await self._wire.call("cancel", "DELETE", path, job=reference, accept={404})


async def wish(job: Job, workdir: Workdir) -> dict[str, Any]:
    """Make the body of a submission.

    Raises:
        ProviderError: the job asks for what no model has, or its inputs cannot be had.
    """
    has_negative = job.model.startswith("veo")
    body: dict[str, Any] = {
        "model": job.model,
        "promptText": prompt_of(job, negative=not has_negative),
        "ratio": ratio_of(job),
    }
    if has_negative and job.negative_prompt:
        body["negativePrompt"] = job.negative_prompt
    for name in ("seed", "audio"):
        if (value := job.parameters.get(name)) is not None:
            body[name] = value
    if job.kind == "text_to_image":
        images = images_of(job, at_most=3)
        if images:
            body["referenceImages"] = [
                {"uri": await address_of(image, workdir, INLINE_BYTES)} for image in images
            ]
        return body
    lengths = LENGTHS.get(job.model, ANY_LENGTH)
    body["duration"] = (
        lengths[0] if job.duration_seconds is None else seconds_of(job, sorted(lengths))
    )
    if job.kind == "image_to_video":
        images = images_of(job, at_most=2, required=True)
        addresses = [await address_of(image, workdir, INLINE_BYTES) for image in images]
        body["promptImage"] = (
            addresses[0]
            if len(addresses) == 1
            else [
                {"uri": address, "position": position}
                for address, position in zip(addresses, ("first", "last"), strict=True)
            ]
        )
    return body


def ratio_of(job: Job) -> str:
    """Name the size of the output, as the API does.

    Raises:
        Permanent: `size_unsupported`.
    """
    sizes = IMAGE_SIZES if job.kind == "text_to_image" else SIZES
    ratio = sizes.get(job.resolution or "720p", {}).get(job.aspect_ratio or "16:9")
    if ratio is None:
        message = "aspect_ratio: this model does not have it at this resolution."
        raise Permanent("size_unsupported", message)
    return ratio


def failure_of(code: str | None) -> ProviderError:
    """Read why a task failed (https://docs.dev.runwayml.com/errors/task-failures)."""
    parts = (code or "INTERNAL").upper().split(".")
    if "SAFETY" in parts:
        return Permanent("content_refused", "The provider's rules do not allow this content.")
    if parts[0] == "ASSET":
        return Permanent("input_refused", "The provider cannot use a file of this job.")
    if parts[0] in {"INTERNAL", "THIRD_PARTY"} or parts[-1] == "INTERNAL":
        message = "The provider failed to make this."
        return Transient("provider_failed", message, anew=True)
    return Permanent("provider_failed", "The provider could not make this.")


def refusal(status: int, told: Any) -> ProviderError | None:
    """Read an error of the API: {"error": "…"}; used-up credits come as a 400."""
    said = told.get("error") if isinstance(told, dict) else None
    if status == 400 and isinstance(said, str) and "not have enough credits" in said.lower():
        return Configuration("provider_quota", "Our account at the provider is used up.")
    return None
