"""fal: any model that runs there, by its endpoint.

Wire formats: https://docs.fal.ai/model-apis/model-endpoints/queue, the OpenAPI document of the
queue, https://docs.fal.ai/model-apis/errors and …/request-errors, and the vendor's own client;
webhooks: https://docs.fal.ai/model-apis/model-endpoints/webhooks.

A job has three addresses, which the answer to its submission names; they are kept as its state. The
queue tries again by itself what failed for want of a machine. It has no list of what waits in it,
so that a submission whose answer was lost cannot be looked for.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Final, NoReturn
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, StringConstraints

from reelbase.jwks import Key, KeySet
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
from reelbase.providers.wire import (
    Answer,
    Wire,
    base_of,
    key_of,
    message_of,
    path_part,
    poll_pause,
    presentable,
    retry_after_of,
)
from reelbase.providers.wishes import age_of, born, gone, id_of
from reelbase.signatures import fal as verified
from reelbase.webhooks import Event, NotGenuine, WebhookSource

__all__ = ["SECRETS", "Fal", "FalWebhooks", "make", "make_webhooks"]

SECRETS: Final = ("FAL_KEY",)

BASE_URL: Final = "https://queue.fal.run"
BACKUP: Final = "https://queue.falrun.com"
"""Where the queue is as well; answers may name addresses there."""

SCHEMA_URL: Final = "https://fal.ai/api/openapi/queue/openapi.json"
JWKS_URL: Final = "https://rest.fal.ai/.well-known/jwks.json"

SCHEMA_SECONDS: Final = 3600.0
INLINE_BYTES: Final = 4 << 20
MAX_ADDRESS: Final = 500

# What most models call their inputs.
USUAL: Final[Fields] = {
    name: Field()
    for name in ("prompt", "aspect_ratio", "resolution", "duration", "image_url", "num_images")
}

MODEL = re.compile(r"(?a)\w[\w.-]{0,99}(?:/\w[\w.-]{0,99}){1,8}")
QUOTA = re.compile(r"(?i)balance|locked|credit")
UNDER_WAY = re.compile(r"(?i)\b(still )?in (progress|queue)\b")
NAMESPACES: Final = frozenset({"workflows", "comfy"})

# Why the queue could not do a job, which is no fault of the job's.
OF_THE_QUEUE: Final = frozenset(
    {
        "internal_error",
        "request_timeout",
        "runner_connection_error",
        "runner_connection_refused",
        "runner_connection_timeout",
        "runner_disconnected",
        "runner_incomplete_response",
        "runner_scheduling_failure",
        "runner_server_error",
        "startup_timeout",
    }
)
NO_SCHEMA: Final = frozenset(range(300, 429)) | {451}
"""Whatever these say of a model's inputs, they will not say more a minute later."""

REFUSALS: Final = frozenset({400, 404, 405, 409, 410, 413, 415, 422, 500, 502, 503, 504})


class Submitted(BaseModel):
    """The answer to a submission."""

    request_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
    status_url: Any = None
    response_url: Any = None
    cancel_url: Any = None


class Status(BaseModel):
    """How a job stands: IN_QUEUE, IN_PROGRESS or COMPLETED, which does not mean success."""

    status: str
    request_id: str | None = None
    error: Any = None
    error_type: Any = None


class Delivered(BaseModel):
    """What is delivered when a job has ended; the result in it is not used."""

    request_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
    status: Annotated[str, StringConstraints(max_length=50)] = ""


def make(context: Context) -> "Fal":
    """Make the provider of FAL_KEY.

    Raises:
        Configuration: the key is missing, or an address cannot be used.
    """
    return Fal(context)


def make_webhooks(context: Context) -> WebhookSource:
    """Make the source of fal's webhooks, which are verified by keys that it publishes.

    Raises:
        Configuration: REELBASE_FAL_JWKS_URL cannot be used.
    """
    return FalWebhooks(KeySet(base_of(context, "REELBASE_FAL_JWKS_URL", JWKS_URL)))


class Fal:
    """Runs jobs through fal's queue."""

    name = "fal"
    kinds = frozenset(KINDS)
    concurrency = None
    repeatable = False

    def __init__(self, context: Context, now: Callable[[], float] = time.time) -> None:
        key = key_of(context, "FAL_KEY")
        base = base_of(context, "REELBASE_FAL_URL", BASE_URL)
        self._context = context
        self._wire = Wire(
            self.name,
            base,
            {"Authorization": f"Key {key}"},
            context,
            refusal=refusal,
            origins=(BACKUP,) if base == BASE_URL else (),
        )
        # Models describe themselves in public; the key has no business there.
        schemas = base_of(context, "REELBASE_FAL_SCHEMA_URL", SCHEMA_URL)
        self._describing = Wire(self.name, schemas, {}, context)
        self._now = now
        self._schemas: dict[str, tuple[float, Fields | None]] = {}

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wire.aclose()
        await self._describing.aclose()

    async def submit(self, job: Job, workdir: Workdir, report: Report) -> Accepted:  # noqa: ARG002
        """Put a job into the queue.

        Raises:
            ProviderError: as with any call; `invalid_parameter` and the like where the model's
                inputs do not fit the job.
        """
        if MODEL.fullmatch(job.model) is None:
            message = f"{job.model[:100]} is no endpoint of fal's: owner/name/…"
            raise Configuration("provider_model_unknown", message)
        fields = await self._fields(job)
        images, videos, sounds = await links_of(job, workdir, INLINE_BYTES)
        wish = fitted(job, fields, USUAL, images=images, videos=videos, sounds=sounds)
        hook = self._context.webhook_url
        answer = await self._wire.call(
            "submit",
            "POST",
            f"/{quote(job.model)}",
            job=job,
            creates=True,
            json=wish,
            params=None if hook is None else {"fal_webhook": hook},
        )
        made = answer.read(Submitted)
        state = dict(born(self._now()))
        for name in ("status_url", "response_url", "cancel_url"):
            address = getattr(made, name)
            if (
                isinstance(address, str)
                and len(address) <= MAX_ADDRESS
                and self._wire.takes(address)
            ):
                state[name] = address
        return Accepted(made.request_id, self._pause(0), state)

    async def look_up(self, job: Job, workdir: Workdir) -> Finished | Running:
        """Ask how a job stands, and fetch what it made.

        Raises:
            ProviderError: as with any call; `provider_moderated`, `provider_refused`,
                `provider_failed`, `provider_cancelled`, `provider_lost`.
        """
        told = await self._status(job)
        if told.status == "COMPLETED" and told.request_id is None:
            # It does not say whose end that is: another's would have this job made anew, and paid.
            told = await self._status(job, fresh=True)
        if told.status != "COMPLETED":
            return Running(None, self._pause(age_of(job, self._now())))
        if (error := of_the_queue(told.error_type)) is not None:
            raise error
        # The result does not say whose it is: nothing may have been left over on the connection.
        async with self._wire.calling(
            "look_up",
            "GET",
            self._address(job, "response_url"),
            job=job,
            fresh=True,
            accept=REFUSALS,
        ) as answer:
            if answer.status == 400 and UNDER_WAY.search(presentable(message_of(answer.object()))):
                # Not every machine of theirs has heard of the end.
                return Running(None, self._pause(age_of(job, self._now())))
            if answer.status >= 400:
                self._fail(answer, job)
            result = answer.json()
            if told.error or told.error_type:
                answer.bill(units=units_of(answer))
                message = presentable(told.error) or "The model failed."
                raise Permanent("provider_failed", message)
            if is_flagged(result):
                answer.bill(units=units_of(answer))
                message = "The provider held the result back because of what it shows."
                raise Permanent("provider_moderated", message)
            kind = KINDS.get(job.kind, "video")
            outputs = await fetch_all(
                media_in(result, kind),
                workdir,
                context=self._context,
                provider=self.name,
                job=job,
                mime_kind=kind,
            )
            # Not before: it will be looked up again if it cannot be fetched.
            answer.bill(units=units_of(answer))
            return Finished(outputs, units=answer.units)

    async def _status(self, job: Job, *, fresh: bool = False) -> Status:
        """Ask how a job stands; `fresh` leaves no room for what was meant for another one."""
        answer = await self._wire.call(
            "look_up",
            "GET",
            self._address(job, "status_url"),
            job=job,
            fresh=fresh,
            accept={404, 410},
        )
        if answer.status in {404, 410}:
            raise gone(job, self._now())
        told = answer.read(Status)
        is_known = told.status in {"IN_QUEUE", "IN_PROGRESS", "COMPLETED"}
        if not is_known or told.request_id not in {None, id_of(job)}:
            raise answer.garbled()
        return told

    async def recover(self, job: Job, workdir: Workdir, report: Report) -> NoReturn:  # noqa: ARG002
        """Raises Unknowable: the queue cannot be asked what is in it."""
        message = "The provider cannot tell whether it received this job."
        raise Unknowable("provider_unknowable", message)

    async def cancel(
        self, reference: str, provider_job_id: str | None, state: Mapping[str, Any]
    ) -> None:
        """Take a job out of the queue, or stop it; one without an id cannot be found."""
        address = state.get("cancel_url")
        if provider_job_id and isinstance(address, str):
            accept = {400, 404, 409, 410, 422}  # it is unknown, or has ended
            await self._wire.call("cancel", "PUT", address, job=reference, accept=accept)

    def _pause(self, age: float) -> float:
        return poll_pause(age, calls_back=self._context.webhook_url is not None)

    def _address(self, job: Job, name: str) -> str:
        """The address that fal named; where it named none, the one that its documents say."""
        address = job.provider_state.get(name)
        if isinstance(address, str):
            return address
        parts = job.model.split("/")
        app = "/".join(parts[: 3 if parts[0] in NAMESPACES else 2])
        path = f"/{quote(app)}/requests/{path_part(id_of(job))}"
        return f"{path}/status" if name == "status_url" else path

    def _fail(self, answer: Answer, job: Job) -> NoReturn:
        """Raise what it means that there is an error where the result should be."""
        told = answer.object()
        said = presentable(message_of(told))
        if answer.status >= 500:
            error = of_the_queue(told.get("error_type") or answer.headers.get("x-fal-error-type"))
            if error is None and isinstance(told.get("detail"), list):
                error = Transient("provider_failed", said or "The model failed.", anew=True)
            pause = retry_after_of(answer.headers.get("retry-after"), self._now())
            raise error or Transient("provider_error", "The provider had an error.", pause)
        if answer.status in {404, 410}:
            raise gone(job, self._now())
        if is_moderation(told):
            raise Permanent("provider_moderated", said or "The provider refused what this shows.")
        raise Permanent("provider_refused", said or "The provider refused this job.")

    async def _fields(self, job: Job) -> Fields | None:
        """Read which inputs a model has; None where it does not say. Kept for an hour."""
        kept = self._schemas.get(job.model)
        if kept is not None and self._now() - kept[0] < SCHEMA_SECONDS:
            return kept[1]
        try:
            answer = await self._describing.call(
                "describe", "GET", self._describing.base_url, job=job,
                params={"endpoint_id": job.model}, accept=NO_SCHEMA,
            )  # fmt: skip
            document = answer.object()
        except Transient:
            if kept is None:
                raise
            return kept[1]
        fields = fields_of(document, input_schema(document, job.model))
        self._schemas[job.model] = (self._now(), fields)
        return fields


def input_schema(document: Any, model: str) -> Any:
    """Find the schema of what is posted to an endpoint."""
    for name in ("paths", f"/{model}", "post", "requestBody", "content", "application/json"):
        document = document.get(name) if isinstance(document, dict) else None
    return document.get("schema") if isinstance(document, dict) else None


def refusal(status: int, told: Any) -> ProviderError | None:
    """Tell apart what fal means by 403, and moderation from other refusals."""
    said = message_of(told)
    if status == 403 and isinstance(said, str) and QUOTA.search(said):
        return Configuration("provider_quota", "Our account at the provider is used up for now.")
    if status in {400, 403, 422} and is_moderation(told):
        message = presentable(said) or "The provider refused what this shows."
        return Permanent("provider_moderated", message)
    return None


def is_moderation(told: Any) -> bool:
    """Whether an error says that the content was refused."""
    detail = told.get("detail") if isinstance(told, dict) else None
    errors = detail if isinstance(detail, list) else [told]
    kinds = {
        each[name] if isinstance(each[name], str) else None
        for each in errors
        if isinstance(each, dict)
        for name in ("type", "error_type")
        if name in each
    }
    return "content_policy_violation" in kinds


def of_the_queue(error_type: object) -> ProviderError | None:
    """What it means that the queue itself gave a job up; None where it did not."""
    if not isinstance(error_type, str):
        return None
    if error_type in OF_THE_QUEUE:
        message = "The provider had no machine that could do this job."
        return Transient("provider_failed", message, anew=True)
    if error_type in {"client_cancelled", "client_disconnected"}:
        return Permanent("provider_cancelled", "The job was cancelled at the provider.")
    return None


def is_flagged(result: Any) -> bool:
    """Whether all pictures were blackened."""
    flags = result.get("has_nsfw_concepts") if isinstance(result, dict) else None
    return isinstance(flags, list) and bool(flags) and all(each is True for each in flags)


def units_of(answer: Answer) -> float | None:
    """What is billed, in the model's own unit."""
    told = answer.headers.get("x-fal-billable-units", "")
    return float(told) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", told) else None


class FalWebhooks:
    """Verifies what fal delivers, by the keys that it publishes."""

    name = "fal"

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    async def verify(self, headers: Mapping[str, str], body: bytes, now: float) -> Event:
        """See that a delivery is genuine, and which job it is about.

        Raises:
            NotGenuine: it is not.
            SourceUnavailable: the keys cannot be had at this moment.
        """
        try:
            signed = verified(usable(await self._keys.keys()), headers, body, now)
        except NotGenuine:
            # The delivery does not say which key it was signed with: it may be a new one.
            if (renewed := await self._keys.renewed()) is None:
                raise
            signed = verified(usable(renewed), headers, body, now)
        try:
            told = Delivered.model_validate_json(body)
        except ValueError:
            raise NotGenuine("the body is no delivery of fal's") from None
        kept = {
            name: headers[name] for name in ("x-fal-webhook-request-id", "x-fal-webhook-timestamp")
        }
        return Event(signed.id, told.status, told.request_id, kept)


def usable(keys: Iterable[Key]) -> list[Ed25519PublicKey]:
    """Those of a set of keys that fal signs with."""
    return [key.public for key in keys if isinstance(key.public, Ed25519PublicKey)]
