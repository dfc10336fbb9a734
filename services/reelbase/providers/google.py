"""Google: videos and images by the Gemini API's interactions.

Wire format: the SDK `google-genai` 3.4 and https://ai.google.dev/api/interactions. `POST
/v1beta/interactions` makes an interaction; with `background` it answers at once, and `GET
/v1beta/interactions/{id}` tells the rest. What was made stands in `steps`, in the content of those
of type `model_output`: videos at an address that wants our key, images in base64. An interaction
that is completed without any is how a model refuses. Interactions cannot be listed, so that one
whose answer was lost cannot be found again.

Google calls back where a webhook was registered with the project (`POST /v1beta/webhooks`), signed
as Standard Webhooks have it, with the secret that this answers once: GEMINI_WEBHOOK_SECRET. A call
is a hint only; what happened is asked for. (Those that can be ordered with an interaction are
signed in another way, and are not used.)

It bills by tokens, of which a second of video or an image is a number that depends on its size.
"""

import base64
import binascii
import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final

import httpx
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
    Throttled,
    Transient,
    Unknowable,
    Workdir,
)
from reelbase.providers.fetch import Fetched, fetch, keep
from reelbase.providers.wire import (
    Answer,
    Wire,
    base_of,
    countable,
    key_of,
    path_part,
    poll_pause,
    presentable,
)
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
from reelbase.signatures import read_base64_secrets, standard_webhooks
from reelbase.webhooks import Event, NotGenuine

__all__ = ["SECRETS", "GoogleProvider", "GoogleWebhooks", "make", "make_webhooks"]

SECRETS: Final = ("GEMINI_API_KEY", "GEMINI_WEBHOOK_SECRET")

API: Final = "https://generativelanguage.googleapis.com"
LENGTHS: Final = tuple(range(3, 16))
SECONDS: Final = 8  # where nobody says how long
INLINE_BYTES: Final = 14 << 20  # of files; a request may have 20 MB, a third of them for base64
ANSWER_BYTES: Final = 48 << 20  # an image in 4K, in base64
AT_ONCE: Final = 8  # each may hold a request of 20 MB, or an answer of 48, several times over
FIRST_PAUSE: Final = 4.0

UNSAFE = re.compile(r"(IMAGE_)?(SAFETY|PROHIBITED_CONTENT|BLOCKLIST|SPII|RECITATION)")
BLOCKED = re.compile(r"\bblocked\b[^.]*\b(safety|polic(y|ies))\b", re.IGNORECASE)
PASSING: Final = frozenset(
    {
        "INTERNAL",
        "INTERNAL_ERROR",
        "UNAVAILABLE",
        "ABORTED",
        "DEADLINE_EXCEEDED",
        "RESOURCE_EXHAUSTED",
        "UNKNOWN",
        "500",
        "503",
        "504",
    }
)
REFUSED: Final = "The provider's rules do not allow this content."


class Interaction(BaseModel):
    """An interaction, as it is told of. What models say of themselves has no fixed form.

    `usage` says how many tokens were made: {"total_output_tokens": 9, "total_thought_tokens": 1}.
    What was made is not lost for a figure in a form that is not known.
    """

    id: ProviderId
    status: Annotated[str, Field(max_length=100)]
    steps: Any = None
    error: Any = None
    errors: Any = None
    output_video: Any = None
    output_image: Any = None
    usage: Any = None


def make(context: Context) -> "GoogleProvider":
    """Make the provider.

    Raises:
        Configuration: GEMINI_API_KEY is missing, or REELBASE_GOOGLE_URL is unusable.
    """
    return GoogleProvider(context)


def make_webhooks(context: Context) -> "GoogleWebhooks | None":
    """Make the verifier of what Google delivers; None where no webhook was registered.

    Raises:
        Configuration: GEMINI_WEBHOOK_SECRET is unusable.
    """
    secrets = context.environ.get("GEMINI_WEBHOOK_SECRET", "").strip()
    if not secrets:
        return None
    try:
        return GoogleWebhooks(read_base64_secrets(secrets))
    except ValueError as error:
        message = f"GEMINI_WEBHOOK_SECRET is unusable: {error}."
        raise Configuration("provider_key_unusable", message) from None


class GoogleProvider:
    """Makes videos of texts and of images (Omni), and images.

    Aspect ratio, resolution, duration and the parameter `seed` are told as such; art style, sound
    and what is unwanted in the prompt, which these models read as a text. The first image of a
    video is its first frame; where there are several, they are what it should resemble. An
    interaction makes one output.
    """

    name = "google"
    kinds = frozenset({"text_to_video", "image_to_video", "text_to_image"})
    concurrency = AT_ONCE
    repeatable = False

    def __init__(self, context: Context, now: Callable[[], float] = time.time) -> None:
        self._key = {"x-goog-api-key": key_of(context, "GEMINI_API_KEY")}
        self._base = base_of(context, "REELBASE_GOOGLE_URL", API)
        # Images are made while one waits.
        self._wire = Wire(
            self.name,
            self._base,
            self._key,
            context,
            refusal=refusal,
            read_seconds=180.0,
            call_seconds=240.0,
        )
        self._calls_back = bool(
            context.webhook_url and context.environ.get("GEMINI_WEBHOOK_SECRET", "").strip()
        )
        self._context = context
        self._now = now

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wire.aclose()

    async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:  # noqa: ARG002
        """Make an interaction; the job's reference has no place in it."""
        async with self._wire.calling(
            "submit",
            "POST",
            "/v1beta/interactions",
            job=job,
            creates=True,
            limit=ANSWER_BYTES,
            json=await wish(job, workdir),
        ) as answer:
            interaction = answer.read(Interaction)
            if interaction.status in {"queued", "in_progress"}:
                return Accepted(interaction.id, FIRST_PAUSE, born(self._now()))
            return await self._finished(interaction, job, workdir, answer)

    async def look_up(self, job: Job, workdir: Workdir) -> Finished | Running:
        """Ask after the interaction, and fetch what it made."""
        interaction_id = id_of(job)
        async with self._wire.calling(
            "look_up",
            "GET",
            f"/v1beta/interactions/{path_part(interaction_id)}",
            job=job,
            accept={400, 404},
            limit=ANSWER_BYTES,
        ) as answer:
            if answer.status != 200:
                raise self._not_found(answer, job)
            interaction = answer.read(Interaction)
            if interaction.id != interaction_id:
                raise answer.garbled()
            if interaction.status in {"queued", "in_progress"}:
                pause = poll_pause(age_of(job, self._now()), calls_back=self._calls_back)
                return Running(None, max(FIRST_PAUSE, pause))
            return await self._finished(interaction, job, workdir, answer)

    def _not_found(self, answer: Answer, job: Job) -> ProviderError:
        """Read a 400, by which an unknown interaction is reported, too, besides a 404."""
        try:
            error = error_of(answer.json())
        except ProviderError:
            error = {}
        said = error.get("message")
        is_unknown = isinstance(said, str) and "invalid interaction name" in said.lower()
        if answer.status == 404 or is_unknown:
            return gone(job, self._now())
        told = refusal(400, {"error": error})
        if isinstance(told, Configuration):
            return told
        return Transient("provider_refused", "The provider did not answer our question.")

    async def _finished(
        self, interaction: Interaction, job: Job, workdir: Workdir, answer: Answer
    ) -> Finished:
        """Fetch what an interaction that has ended made, or say why it made nothing."""
        tokens = tokens_of(interaction.usage)
        if interaction.status != "completed":
            answer.bill(tokens)
            raise failure_of(interaction, answer)
        kind = "image" if job.kind == "text_to_image" else "video"
        made = next(media_of(interaction, kind), None)
        if made is None:
            answer.bill(tokens)
            raise Permanent("content_refused", "The provider would not make this.")
        kept = await self._taken(made, kind, job, workdir, answer)
        answer.bill(tokens)
        return Finished((kept.output(),), units=tokens)

    async def _taken(
        self, made: Mapping[str, Any], kind: str, job: Job, workdir: Workdir, answer: Answer
    ) -> Fetched:
        uri, data = made.get("uri"), made.get("data")
        if isinstance(uri, str) and uri:
            address, headers = self._download(uri)
            # Where the interaction can be looked up again, so can its address.
            attempts = 1 if job.provider_job_id else 4
            return await fetch(
                address,
                workdir(),
                context=self._context,
                provider=self.name,
                job=job,
                mime_kinds={kind},
                headers=headers,
                attempts=attempts,
            )
        try:
            content = base64.b64decode(str(data), validate=True)
        except (binascii.Error, ValueError):
            raise answer.garbled() from None
        return await keep(
            content,
            workdir(),
            name="output-0",
            mime_kinds={kind},
            max_bytes=self._context.max_output_bytes,
        )

    def _download(self, uri: str) -> tuple[str, Mapping[str, str]]:
        """Make the address of a file's bytes, and the headers for it: our key, at Google's only."""
        try:
            url, base = httpx.URL(uri), httpx.URL(self._base)
            is_googles = (url.scheme, url.host, url.port) == (base.scheme, base.host, base.port)
            if not is_googles or url.userinfo:
                return uri, {}
            if "/files/" in url.path and "alt" not in url.params:
                url = url.copy_add_param("alt", "media")
            return str(url), self._key
        except (httpx.InvalidURL, ValueError, TypeError):
            return uri, {}  # which the fetcher refuses

    async def recover(
        self,
        job: Job,  # noqa: ARG002
        workdir: Workdir,  # noqa: ARG002
        report: Report,  # noqa: ARG002
    ) -> Finished | Accepted | Running | None:
        """Interactions cannot be listed.

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
        """Cancel the interaction. One that has ended answers with an error, and that is all."""
        if provider_job_id is not None:
            path = f"/v1beta/interactions/{path_part(provider_job_id)}/cancel"
            await self._wire.call("cancel", "POST", path, job=reference, accept={400, 404, 409})


class GoogleWebhooks:
    """Verifies what Google delivers: {"type": "interaction.completed", "data": {"id": "…"}}."""

    name = "google"

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._keys = keys

    async def verify(self, headers: Mapping[str, str], body: bytes, now: float) -> Event:
        """See that a delivery is genuine, and which interaction it is about.

        Raises:
            NotGenuine: it is not, or is no event.
        """
        signed = standard_webhooks(self._keys, headers, body, now)
        try:
            told = json.loads(body)
        except (ValueError, RecursionError):
            raise NotGenuine("it is no JSON") from None
        if not isinstance(told, dict):
            raise NotGenuine("it is no event")
        data = told.get("data")
        subject = next(
            (
                value.rpartition("/")[2]  # "interactions/…" as well as the bare id
                for name in ("id", "interaction_id", "name")
                if isinstance(data, dict) and isinstance(value := data.get(name), str) and value
            ),
            None,
        )
        kind = told.get("type")
        return Event(
            signed.id,
            type=kind if isinstance(kind, str) else "",
            subject=subject,
            headers={"webhook-id": signed.id, "webhook-timestamp": str(signed.timestamp)},
        )


async def wish(job: Job, workdir: Workdir) -> dict[str, Any]:
    """Make the body of a submission.

    Raises:
        ProviderError: the job asks for what no model has, or its inputs cannot be had.
    """
    images = images_of(job, at_most=10, required=job.kind == "image_to_video")
    text = prompt_of(job)
    body: dict[str, Any] = {"model": job.model, "input": text}
    if images:
        body["input"] = [*await contents_of(images, workdir), {"type": "text", "text": text}]
    form: dict[str, Any] = {}
    config: dict[str, Any] = {}
    if job.aspect_ratio:
        form["aspect_ratio"] = job.aspect_ratio
    if (seed := job.parameters.get("seed")) is not None:
        config["seed"] = seed
    if job.kind == "text_to_image":
        form["type"] = "image"
        if job.resolution:
            form["image_size"] = job.resolution.upper()
    else:
        seconds = SECONDS if job.duration_seconds is None else seconds_of(job, LENGTHS)
        form |= {"type": "video", "delivery": "uri", "duration": f"{seconds}s"}
        if job.resolution:
            form["resolution"] = job.resolution.lower()
        if images:
            task = "image_to_video" if len(images) == 1 else "reference_to_video"
            config["video_config"] = {"task": task}
        else:
            config["video_config"] = {"task": "text_to_video"}
        body["background"] = True
    body["response_format"] = form
    if config:
        body["generation_config"] = config
    return body


async def contents_of(images: tuple[Any, ...], workdir: Workdir) -> list[dict[str, str]]:
    """Put images into the request; the API reads no addresses but those of its own files."""
    contents = []
    left = INLINE_BYTES
    for image in images:
        mime_type, data = await inline_of(image, workdir, left)
        left -= math.ceil(len(data) * 3 / 4)
        contents.append({"type": "image", "data": data, "mime_type": mime_type})
    return contents


def media_of(interaction: Interaction, kind: str) -> Iterator[Mapping[str, Any]]:
    """Find what was made, in order: contents of a kind that hold an address or data."""
    steps = interaction.steps if isinstance(interaction.steps, list) else []
    contents: list[Any] = []
    for step in steps:
        if isinstance(step, dict) and step.get("type") == "model_output":
            found = step.get("content")
            contents += found if isinstance(found, list) else []
    contents += [interaction.output_video, interaction.output_image]
    for content in contents:
        if (
            isinstance(content, dict)
            and content.get("type", kind) == kind
            and any(isinstance(content.get(name), str) for name in ("uri", "data"))
        ):
            yield content


def tokens_of(usage: Any) -> float | None:
    """How many tokens are billed as output, where that is told; thinking is billed like it."""
    told = usage if isinstance(usage, dict) else {}
    tokens = countable(told.get("total_output_tokens"))
    if tokens is None:
        return None
    return tokens + (countable(told.get("total_thought_tokens")) or 0.0)


def error_of(told: Any) -> Mapping[str, Any]:
    """Find the error in {"error": {…}}, or in [{"error": {…}}], as Google's front end writes it."""
    if isinstance(told, list) and told:
        told = told[0]
    error = told.get("error") if isinstance(told, dict) else None
    return error if isinstance(error, dict) else {}


def words_of(error: Mapping[str, Any]) -> set[str]:
    """The words by which an error says of what sort it is: its code, status and reasons."""
    found = {str(error.get(name) or "") for name in ("code", "status")}
    details = error.get("details")
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, dict):
            found.add(str(detail.get("reason") or ""))
    return {word.rpartition("/")[2].upper()[:100] for word in found}


def is_unsafe(error: Mapping[str, Any]) -> bool:
    """Whether an error says that rules of conduct were broken."""
    said = error.get("message")
    return any(UNSAFE.fullmatch(word) for word in words_of(error)) or (
        isinstance(said, str) and BLOCKED.search(said[:2000]) is not None
    )


def failure_of(interaction: Interaction, answer: Answer) -> ProviderError:
    """Read why an interaction ended without success."""
    if interaction.status == "cancelled":
        return Permanent("provider_cancelled", "The job was cancelled at the provider.")
    told = [interaction.error]
    told += interaction.errors if isinstance(interaction.errors, list) else []
    errors = [error for error in told if isinstance(error, dict)]
    if any(map(is_unsafe, errors)):
        return Permanent("content_refused", REFUSED)
    if interaction.status == "failed":
        if not errors or any(words_of(error) & PASSING for error in errors):
            message = "The provider failed to make this."
            return Transient("provider_failed", message, anew=True)
        said = presentable(errors[0].get("message"))
        return Permanent("provider_failed", said or "The provider could not make this.")
    is_known = interaction.status in {"incomplete", "budget_exceeded"}
    if is_known or interaction.status.startswith("requires_"):
        return Permanent("provider_failed", "The provider did not finish this.")
    return answer.garbled()


def refusal(status: int, told: Any) -> ProviderError | None:
    """Read an error of the API; a wrong key is a 400 there."""
    error = error_of(told)
    if status == 400:
        said = error.get("message")
        is_key = isinstance(said, str) and said.startswith(("API key not valid", "API key expired"))
        if is_key or words_of(error) & {"API_KEY_INVALID", "API_KEY_EXPIRED"}:
            message = "The provider does not accept our key."
            return Configuration("provider_key_refused", message)
        if "FAILED_PRECONDITION" in words_of(error):  # no billing, or not from this country
            message = "The provider does not serve our account as it is set up."
            return Configuration("provider_account_refused", message)
        if is_unsafe(error):
            return Permanent("content_refused", REFUSED)
    if status == 429 and (pause := pause_of(error)) is not None:
        return Throttled("provider_busy", "The provider takes no more work at the moment.", pause)
    return None


def pause_of(error: Mapping[str, Any]) -> float | None:
    """Read google.rpc.RetryInfo, {"retryDelay": "34s"}: seconds, an hour at most."""
    details = error.get("details")
    for detail in details if isinstance(details, list) else []:
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str) and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?s", delay):
            return min(3600.0, float(delay[:-1]))
    return None
