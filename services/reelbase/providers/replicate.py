"""Replicate: any model that runs there, by its name.

Wire formats: https://replicate.com/docs/reference/http and its OpenAPI document; states:
https://replicate.com/docs/topics/predictions/lifecycle; webhooks are Standard Webhooks.

A model's name is "owner/name", with ":version" where it is not one of Replicate's official ones.

There is no field for a reference of ours, but for the query of the webhook's address, which the
documents recommend for that, and which a prediction repeats. So a submission whose answer was lost
can be found, where we are called back.
"""

import contextlib
import re
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Set
from typing import Annotated, Any, Final

import anyio
import structlog
from pydantic import BaseModel, StringConstraints

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
    Transient,
    Unknowable,
    Workdir,
)
from reelbase.providers.fetch import fetch_all
from reelbase.providers.fitting import KINDS, Field, Fields, fields_of, fitted, links_of, media_in
from reelbase.providers.wire import Wire, base_of, key_of, path_part, poll_pause, presentable
from reelbase.providers.wishes import age_of, born, gone, id_of, prompt_of
from reelbase.signatures import read_base64_secrets, standard_webhooks
from reelbase.webhooks import Event, NotGenuine, SourceUnavailable, WebhookSource

__all__ = ["SECRETS", "Replicate", "ReplicateWebhooks", "make", "make_webhooks"]

SECRETS: Final = ("REPLICATE_API_TOKEN", "REPLICATE_WEBHOOK_SECRET")

BASE_URL: Final = "https://api.replicate.com"

CANCEL_AFTER: Final = "30m"
"""After that Replicate gives a prediction up by itself, whatever has become of us."""

LOST_SECONDS: Final = 3 * 3600
"""How far back a lost submission is looked for where it is not known when its job was queued. After
an hour Replicate shows no inputs any more; then what does not say whom it calls back for may be
anybody's, and ours."""

CLOCK_SECONDS: Final = 300
"""By how much Replicate's clock and ours may differ."""

PAGE_BYTES: Final = 32 << 20
"""A page is a hundred predictions with all that went into them."""

MAX_PAGES: Final = 20
MAX_LIKENESSES: Final = 20
SCHEMA_SECONDS: Final = 3600.0
SECRET_SECONDS: Final = 60.0
INLINE_BYTES: Final = 256 << 10
"""The largest file that goes into a request; Replicate wants larger ones by address."""

# What most models call their inputs.
USUAL: Final[Fields] = {
    name: Field()
    for name in ("prompt", "aspect_ratio", "resolution", "duration", "image", "num_outputs")
}

MODEL = re.compile(r"(?a)(\w[\w.-]{0,99})/(\w[\w.-]{0,99})(?::([0-9a-f]{64}))?")
PROGRESS = re.compile(r"\b(100|[0-9]{1,2})%\|")
MODERATED = re.compile(r"(?i)nsfw|flagged|moderat|safety|content policy|copyright|e005")
OWN_FAULT = re.compile(r"(?i)invalid|must be|not supported|unsupported|required|validation")

log = structlog.stdlib.get_logger("reelbase.providers")


class Prediction(BaseModel):
    """What Replicate says of a prediction, as far as it matters."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
    status: str
    input: dict[str, Any] | None = None
    output: Any = None
    error: Any = None
    logs: str | None = None
    metrics: dict[str, Any] | None = None
    webhook: str | None = None


class Page(BaseModel):
    """A part of the list of predictions; `next` is the address of the part after it."""

    results: list[Prediction]
    next: str | None = None


def make(context: Context) -> "Replicate":
    """Make the provider of REPLICATE_API_TOKEN.

    Raises:
        Configuration: the token is missing, or REELBASE_REPLICATE_URL cannot be used.
    """
    return Replicate(context)


def make_webhooks(context: Context) -> WebhookSource:
    """Make the source of Replicate's webhooks.

    Its secret is REPLICATE_WEBHOOK_SECRET, several with commas during an exchange; without it
    Replicate is asked.

    Raises:
        Configuration: neither secret nor token can be used.
    """
    return ReplicateWebhooks(context)


def wire_of(context: Context, refusal: Callable[[int, Any], ProviderError | None] | None) -> Wire:
    """Make the wire to Replicate."""
    token = key_of(context, "REPLICATE_API_TOKEN")
    base = base_of(context, "REELBASE_REPLICATE_URL", BASE_URL)
    headers = {"Authorization": f"Bearer {token}"}
    return Wire("replicate", base, headers, context, refusal=refusal)


class Replicate:
    """Runs jobs as predictions."""

    name = "replicate"
    kinds = frozenset(KINDS)
    concurrency = None
    repeatable = False

    def __init__(self, context: Context, now: Callable[[], float] = time.time) -> None:
        self._context = context
        self._wire = wire_of(context, None)
        self._now = now
        self._schemas: dict[str, tuple[float, Fields | None]] = {}

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wire.aclose()

    async def submit(self, job: Job, workdir: Workdir, report: Report) -> Accepted:  # noqa: ARG002
        """Create a prediction.

        Raises:
            ProviderError: as with any call; `invalid_parameter` and the like where the model's
                inputs do not fit the job.
        """
        fields = await self._fields(job)
        images, videos, sounds = await links_of(job, workdir, INLINE_BYTES)
        wish = fitted(job, fields, USUAL, images=images, videos=videos, sounds=sounds)
        body: dict[str, Any] = {"version": job.model, "input": wish}
        if (webhook := self._webhook(job.reference)) is not None:
            body |= {"webhook": webhook, "webhook_events_filter": ["completed"]}
        answer = await self._wire.call(
            "submit",
            "POST",
            "/v1/predictions",
            job=job,
            creates=True,
            json=body,
            headers={"Cancel-After": CANCEL_AFTER},
        )
        made = answer.read(Prediction)
        if made.webhook not in {None, webhook}:
            raise answer.garbled()
        return Accepted(made.id, self._pause(0), born(self._now()))

    async def look_up(self, job: Job, workdir: Workdir) -> Finished | Running:
        """Ask after a prediction, and fetch what it made.

        Raises:
            ProviderError: as with any call; `provider_moderated`, `provider_failed`,
                `provider_timeout`, `provider_aborted`, `provider_lost`.
        """
        its_id = id_of(job)
        async with self._wire.calling(
            "look_up", "GET", f"/v1/predictions/{path_part(its_id)}", job=job, accept={404}
        ) as answer:
            if answer.status == 404:
                raise gone(job, self._now())
            told = answer.read(Prediction)
            if told.id != its_id:
                raise answer.garbled()
            if told.status in {"starting", "processing"}:
                return Running(progress_of(told), self._pause(age_of(job, self._now())))
            if told.status != "succeeded":
                answer.bill(units=units_of(told))
                raise failure_of(told) or answer.garbled()
            kind = KINDS.get(job.kind, "video")
            outputs = await fetch_all(
                media_in(told.output, kind),
                workdir,
                context=self._context,
                provider=self.name,
                job=job,
                mime_kind=kind,
            )
            # Not before: it will be looked up again if it cannot be fetched.
            answer.bill(units=units_of(told))
            return Finished(outputs, units=answer.units)

    async def recover(self, job: Job, workdir: Workdir, report: Report) -> Accepted | None:  # noqa: ARG002
        """Look through the last hours' predictions for the one that was made for this job.

        Raises:
            Unknowable: we are not called back; or one looks like it and does not say whose it is;
                or there are too many to look through.
            ProviderError: as with any call.
        """
        prompts = {prompt_of(job), prompt_of(job, negative=False)}
        found = await self._find(job, job.reference, prompts)
        return None if found is None else Accepted(found, self._pause(0), born(self._now()))

    async def cancel(
        self,
        reference: str,
        provider_job_id: str | None,
        state: Mapping[str, Any],  # noqa: ARG002
    ) -> None:
        """Cancel a prediction; one whose id is not known is looked for, as far as that goes."""
        if not provider_job_id:
            with contextlib.suppress(Unknowable):
                provider_job_id = await self._find(reference, reference, set())
        if provider_job_id:
            await self._wire.call(
                "cancel",
                "POST",
                f"/v1/predictions/{path_part(provider_job_id)}/cancel",
                job=reference,
                accept={400, 404, 409, 410, 422},  # it is unknown, or has ended
            )

    def _pause(self, age: float) -> float:
        return poll_pause(age, calls_back=self._context.webhook_url is not None)

    def _webhook(self, reference: str) -> str | None:
        """Where to call back for a job."""
        url = self._context.webhook_url
        return None if url is None else f"{url}?job={reference}"

    async def _find(self, job: Job | str, reference: str, prompts: Set[str]) -> str | None:
        """Find the prediction that calls back for a job.

        The list may not show where predictions call back; then those that have such a prompt, or
        whose input is gone, are looked at one by one.

        Raises:
            Unknowable: none does, but one may be it.
        """
        unknowable = Unknowable(
            "provider_unknowable", "The provider cannot tell whether it received this job."
        )
        if (webhook := self._webhook(reference)) is None:
            raise unknowable
        alike = []
        async with contextlib.aclosing(self._listed(job, unknowable)) as listed:
            async for each in listed:
                if each.webhook == webhook:
                    return each.id
                if each.webhook is None and is_alike(each, prompts):
                    alike.append(each.id)
        if len(alike) > MAX_LIKENESSES:
            raise unknowable
        for its_id in alike:
            answer = await self._wire.call(
                "recover", "GET", f"/v1/predictions/{path_part(its_id)}", job=job
            )
            told = answer.read(Prediction)
            if told.id != its_id:
                raise answer.garbled()
            if told.webhook == webhook:
                return its_id
            if told.webhook is None:
                raise unknowable
        return None

    async def _listed(
        self, job: Job | str, too_many: Unknowable
    ) -> AsyncGenerator[Prediction, None]:
        """Read the predictions since a job was queued, the newest first."""
        began = self._now() - LOST_SECONDS
        if isinstance(job, Job) and job.queued_at is not None:
            began = job.queued_at.timestamp() - CLOCK_SECONDS
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began))
        address = f"/v1/predictions?created_after={since}"
        for _ in range(MAX_PAGES):
            answer = await self._wire.call("recover", "GET", address, job=job, limit=PAGE_BYTES)
            page = answer.read(Page)
            for each in page.results:
                yield each
            if page.next is None:
                return
            address = page.next
        raise too_many

    async def _fields(self, job: Job) -> Fields | None:
        """Read which inputs a model has; None where it does not say. Kept for an hour."""
        kept = self._schemas.get(job.model)
        if kept is not None and self._now() - kept[0] < SCHEMA_SECONDS:
            return kept[1]
        if (named := MODEL.fullmatch(job.model)) is None:
            message = (
                f"{job.model[:100]} is no model of Replicate's: owner/name or owner/name:version."
            )
            raise Configuration("provider_model_unknown", message)
        owner, name, version = named.groups()
        path = f"/v1/models/{path_part(owner)}/{path_part(name)}"
        try:
            answer = await self._wire.call(
                "describe", "GET", f"{path}/versions/{version}" if version else path, job=job
            )
            told = answer.object()
        except Transient:
            if kept is None:
                raise
            return kept[1]
        described = told if version else told.get("latest_version")
        document = described.get("openapi_schema") if isinstance(described, dict) else None
        fields = fields_of(document, {"$ref": "#/components/schemas/Input"})
        self._schemas[job.model] = (self._now(), fields)
        return fields


def is_alike(told: Prediction, prompts: Set[str]) -> bool:
    """Whether a prediction has one of these prompts, or does not show its input any more."""
    return bool(prompts) and (
        not told.input
        or any(isinstance(each, str) and each in prompts for each in told.input.values())
    )


def units_of(told: Prediction) -> float | None:
    """What is billed: pictures, seconds of film, else seconds of running."""
    metrics = told.metrics or {}
    for name in ("image_count", "video_output_duration_seconds", "predict_time"):
        value = metrics.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9:
            return float(value)
    return None


def progress_of(told: Prediction) -> int | None:
    """The last percentage that the model's log shows, as tqdm writes them."""
    found = PROGRESS.findall((told.logs or "")[-4000:])
    return int(found[-1]) if found else None


def failure_of(told: Prediction) -> ProviderError | None:
    """What a prediction that ended without success means; None for a state that there is not."""
    said = presentable(told.error)
    match told.status:
        case "failed" if MODERATED.search(said):
            return Permanent("provider_moderated", said)
        case "failed" if OWN_FAULT.search(said):
            return Permanent("provider_refused", said)
        case "failed":
            return Transient("provider_failed", said or "The model failed.", anew=True)
        case "canceled":
            return Permanent("provider_timeout", "The provider took too long and gave it up.")
        case "aborted":
            message = "The provider did not come to it in time."
            return Transient("provider_aborted", message, anew=True)
        case _:
            return None


class ReplicateWebhooks:
    """Verifies what Replicate delivers, by the secret that is set, or else by the account's."""

    name = "replicate"

    def __init__(self, context: Context, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys: tuple[bytes, ...] = ()
        self._wire: Wire | None = None
        self._clock = clock
        self._asked_at: float | None = None
        self._lock = anyio.Lock()
        if secret := context.environ.get("REPLICATE_WEBHOOK_SECRET", "").strip():
            try:
                self._keys = read_base64_secrets(secret)
            except ValueError as error:
                message = f"REPLICATE_WEBHOOK_SECRET: {error}."
                raise Configuration("provider_key_unusable", message) from None
        else:
            self._wire = wire_of(context, None)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._wire is not None:
            await self._wire.aclose()

    async def verify(self, headers: Mapping[str, str], body: bytes, now: float) -> Event:
        """See that a delivery is genuine, and which prediction it is about.

        Raises:
            NotGenuine: it is not.
            SourceUnavailable: the secret cannot be had at this moment.
        """
        if not self._keys and not await self._ask():
            raise SourceUnavailable("Replicate does not tell its secret at this moment.")
        try:
            signed = standard_webhooks(self._keys, headers, body, now)
        except NotGenuine:
            # The account's secret may have been exchanged.
            if not await self._ask():
                raise
            signed = standard_webhooks(self._keys, headers, body, now)
        try:
            told = Prediction.model_validate_json(body)
        except ValueError:
            raise NotGenuine("the body is no prediction") from None
        kept = {name: headers[name] for name in ("webhook-id", "webhook-timestamp")}
        return Event(signed.id, f"prediction.{told.status[:50]}", told.id, kept)

    async def _ask(self) -> bool:
        """Ask Replicate for the secret, once a minute at most; whether there is a new answer."""
        if self._wire is None:
            return False
        async with self._lock:
            now = self._clock()
            if self._asked_at is not None and now - self._asked_at < SECRET_SECONDS:
                return False
            self._asked_at = now
            try:
                answer = await self._wire.call(
                    "secret", "GET", "/v1/webhooks/default/secret", seconds=5.0
                )
                told = answer.json()
                key = told.get("key") if isinstance(told, dict) else None
                self._keys = read_base64_secrets(key if isinstance(key, str) else "")
            except (ProviderError, ValueError) as error:
                log.warning("secret_unavailable", provider=self.name, error=type(error).__name__)
                return False
            return True
