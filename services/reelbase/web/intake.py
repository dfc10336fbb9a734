"""`POST /webhooks/{provider}`: what providers tell us, verified, stored, and only then answered.

Nothing else happens in the request. What a delivery says is acted on later, by whoever it wakes:
a dispatcher asks the provider about the job, the inbox applies what concerns a payment. So an
answer of 200 means: it is written down, and nothing of it will be lost.

========  =====================================================================================
200       stored; or it was there already
401       not genuine, for whatever reason: one answer for all of them
404, 405  no such provider; not a POST
408       the body took longer than ten seconds
413       the body has more than one megabyte
415       a body that says of itself that it is not JSON, or that it is compressed
422       genuine, but it is no JSON object and cannot be stored: coming again would not help
503       not now: the database or the provider's keys are away, or too much waits; come again
========  =====================================================================================

It is plain ASGI and stands beside the framework: a provider that delivers a thousand events a
second meets nothing that an event does not need.
"""

import hashlib
import re
import time
from collections.abc import Callable, Collection, Mapping
from json.encoder import encode_basestring
from typing import Any

import structlog
from starlette.types import Receive, Scope, Send

from reelbase.errors import DatabaseError, DatabaseUnavailable
from reelbase.web.answers import refusal
from reelbase.web.bodies import Bodies, BodyRefused, ClientGone, answer_unread
from reelbase.web.commits import Full, GroupCommit, NotStored
from reelbase.web.tally import Tally
from reelbase.webhooks import Event, NotGenuine, SourceUnavailable, WebhookSource

__all__ = ["MAX_BODY", "Intake"]

MAX_BODY = 1 << 20
"""Bytes; the largest events of any provider have some tens of thousands."""

MAX_EVENT_ID = 255

JSON = re.compile(r"application/(?:[a-z0-9.+-]+\+)?json *(?:;.*)?", re.IGNORECASE)

RECEIVED: list[Any] = [
    {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"21")],
    },
    {"type": "http.response.body", "body": b'{"status":"received"}'},
]

log = structlog.stdlib.get_logger("reelbase.web")


class Intake:
    """Takes webhooks in. An ASGI application for all that lies below `/webhooks/`.

    Args:
        sources: By the names in the address.
        commits: Stores what is genuine.
        bodies: Reads bodies.
        tally: Counts what happens, for the log.
        urgent: Those whose events the inbox of this process applies.
        wake: Tells the inbox that there is one.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        sources: Mapping[str, WebhookSource],
        commits: GroupCommit,
        bodies: Bodies,
        tally: Tally,
        *,
        urgent: Collection[str] = (),
        wake: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sources = sources
        self._commits = commits
        self._bodies = bodies
        self._tally = tally
        self._urgent = frozenset(urgent)
        self._wake = wake
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a delivery."""
        name = scope["path"].removeprefix("/webhooks/")
        source = self._sources.get(name)
        if scope["method"] != "POST":
            response = refusal(405, "method_not_allowed", headers={"Allow": "POST"})
            await answer_unread(response, scope, receive, send)
            return
        if source is None:
            await answer_unread(refusal(404, "not_found"), scope, receive, send)
            return
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        if not is_json(headers):
            self._tally.note(name, "content_type")
            message = "Send JSON, and not compressed."
            await answer_unread(
                refusal(415, "unsupported_media_type", message), scope, receive, send
            )
            return
        try:
            body = await self._bodies.read(headers, receive)
        except BodyRefused as refused:
            self._tally.note(name, refused.code)
            await answer_unread(refusal(refused.status, refused.code), scope, receive, send)
            return
        except ClientGone:
            self._tally.note(name, "client_gone")
            return
        status, code = await self._take(name, source, headers, body)
        self._tally.note(name, code)
        if status == 200:
            for part in RECEIVED:
                await send(part)
        else:
            await refusal(status, code)(scope, receive, send)

    async def _take(
        self, name: str, source: WebhookSource, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, str]:
        """Verify a delivery and store it; return what to answer."""
        try:
            event = await source.verify(headers, body, self._clock())
        except NotGenuine as error:
            self._tally.explain(name, str(error))
            return 401, "not_genuine"
        except SourceUnavailable as error:
            self._tally.explain(name, str(error))
            return 503, "unavailable"
        except Exception:
            # A source that breaks has not verified anything.
            log.exception("source_failed", provider=name)
            return 503, "unavailable"
        try:
            payload = body.decode()
        except UnicodeDecodeError:
            payload = "\0"
        if "\0" in payload:
            log.error("webhook_unusable", provider=name, reason="it is not JSON")
            return 422, "unusable"
        event_id = event_id_of(event)
        try:
            is_new = await self._commits.put(
                name, event_id, entry_of(name, event_id, event, payload)
            )
        except Full:
            return 503, "busy"
        except NotStored:
            log.error("webhook_unusable", provider=name, reason="the database refuses it")
            return 422, "unusable"
        except (DatabaseUnavailable, DatabaseError):
            return 503, "unavailable"
        if name in self._urgent:
            self._wake()
        return 200, "received" if is_new else "repeated"


def is_json(headers: Mapping[str, str]) -> bool:
    """Whether a body may be JSON, as its headers have it; those who say nothing are believed."""
    kind = headers.get("content-type", "application/json")
    if kind != "application/json" and JSON.fullmatch(kind) is None:
        return False
    return headers.get("content-encoding", "identity") in {"identity", ""}


def event_id_of(event: Event) -> str:
    """Return an event's id as it can be stored; a digest of one that cannot."""
    event_id = event.event_id
    if len(event_id) <= MAX_EVENT_ID and event_id.isprintable() and event_id:
        return event_id
    digest = hashlib.sha256(event_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"sha256:{digest}"


def entry_of(provider: str, event_id: str, event: Event, payload: str) -> str:
    """Write an event as `worker.receive_webhooks` takes it.

    The payload goes as a text, and whether it is JSON is found out where it is stored.
    """
    subject = "null" if event.subject is None else written(event.subject)
    headers = ",".join([f"{written(key)}:{written(each)}" for key, each in event.headers.items()])
    return (
        f'{{"provider":{written(provider)},"event_id":{written(event_id)},'
        f'"type":{written(event.type)},"subject":{subject},"headers":{{{headers}}},'
        f'"payload":{encode_basestring(payload)}}}'
    )


def written(text: str) -> str:
    """Write a text as JSON, without what PostgreSQL cannot hold: NUL, and lone surrogates."""
    if not text.isprintable():
        text = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    return encode_basestring(text)
