"""One call to a provider's API, and what its answer means.

::

    async with wire.calling("submit", "POST", "/v1/things", job=job, creates=True, json=wish) as a:
        thing = a.read(Thing)         # a pydantic model; what does not fit it is garbled
        a.bill(units=thing.seconds)   # reaches the record of this very call

Nothing is ever sent twice from here. With `creates` the call makes something that is paid for, and
each way in which it may end says whether that can have happened::

    no connection                     Transient      nothing was sent
    401, 403                          Configuration  402: of our account's balance
    425, 429                          Throttled      with the pause that the provider names
    other 4xx                         Permanent      with the provider's own words, cleaned
    5xx, 3xx, 408, no answer, a garbled one  Unknown  it may have been made

Without `creates` the last line is `Transient`, but for 408, which is `Throttled`; and where
something is only asked after, cancelled or fetched, all other 4xx are `Transient`, too, since they
say nothing against the job.

Answers are read in bounded memory and bounded time, however slowly they come and whatever they
unpack to. Redirects are not followed, as they would take the key elsewhere. Each call that creates
has a connection of its own: an idle one may die under it, and then nobody knows.
"""

import contextlib
import email.utils
import json
import math
import re
import time
import zlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from ssl import SSLContext
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import quote

import anyio
import httpx
from pydantic import BaseModel, ValidationError

from reelbase.providers.base import (
    Call,
    Configuration,
    Context,
    Job,
    Permanent,
    ProviderError,
    Throttled,
    Transient,
    Unknown,
)

__all__ = [
    "Answer",
    "Refusal",
    "Wire",
    "base_of",
    "countable",
    "key_of",
    "message_of",
    "no_cookies",
    "parse",
    "path_part",
    "poll_pause",
    "presentable",
    "retry_after_of",
    "tls_context",
]

ANSWER_BYTES: Final = 8 << 20
"""The longest answer that is read, unpacked."""

ERROR_BYTES: Final = 64 << 10
"""How much of an error is read; they are short."""

ERROR_SECONDS: Final = 5.0
"""How long an error's body is waited for; its status has said the most of it."""

CONNECT_SECONDS: Final = 5.0
ARRIVING_SECONDS: Final = 30.0
"""How long a submission may be on its way after its answer was lost, until a provider shows it."""

MAX_PAUSE: Final = 3600.0
MAX_MESSAGE: Final = 300
MAX_URL: Final = 4000

MAX_PARTS: Final = 1_000_000
"""The most values in one answer: an empty list is two bytes in it, and sixty in memory."""

MAX_FIGURE: Final = 1e8
"""What no call costs, in units or dollars; more is no figure, and no column holds it."""

GARBLED: Final = (httpx.InvalidURL, UnicodeError)
"""What httpx raises besides, for redirects to where no address leads."""

ASKING: Final = frozenset({"look_up", "recover", "cancel", "fetch"})
"""Operations that only speak of a job: that they are refused says nothing against it."""

REQUEST_IDS: Final = ("x-request-id", "request-id", "x-fal-request-id", "x-goog-request-id")

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

# What no user should see: addresses, paths, and words too long to be words.
ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}:/{0,2}[^\s]*[/@?=][^\s]*", re.IGNORECASE)
PATH = re.compile(r"(?<![\w.])(?:~|[A-Za-z]:)?[/\\](?:[\w.-]+[/\\])+[\w.-]*")
MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
NUMBERS = re.compile(r"(?a)\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b|\[[0-9a-f:.]*:[0-9a-f:.]*\]")
TOKEN = re.compile(r"[\x21-\x7e]{33,}")
KEY = re.compile(r"[\x21-\x7e]+")

Refusal = Callable[[int, Any], ProviderError | None]
"""An adapter's own reading of an error: status and parsed body in, None for the general rule."""

Model = TypeVar("Model", bound=BaseModel)


def key_of(context: Context, name: str) -> str:
    """Read a key from the environment.

    Raises:
        Configuration: it is not set, or holds what no header may hold.
    """
    key = context.environ.get(name, "").strip()
    if not key:
        raise Configuration("provider_key_missing", f"{name} is not set.")
    if not KEY.fullmatch(key):
        message = f"{name} holds spaces or characters that no key has."
        raise Configuration("provider_key_unusable", message)
    return key


def base_of(context: Context, name: str, default: str) -> str:
    """Read an API's address from the environment, without the slash at its end.

    Raises:
        Configuration: it is neither https nor on loopback, so that keys would be read on the way.
    """
    written = context.environ.get(name, "").strip() or default
    message = f"{name} must be an https:// address, or http:// on this machine."
    try:
        url = httpx.URL(written)
    except (httpx.InvalidURL, ValueError):
        raise Configuration("provider_address_unusable", message) from None
    is_safe = url.scheme == "https" or (url.scheme == "http" and url.host in LOOPBACK)
    if not url.host or not is_safe or url.userinfo or url.query or url.fragment:
        raise Configuration("provider_address_unusable", message)
    return str(url).rstrip("/")


def path_part(text: str) -> str:
    """Quote a provider's id as one part of a path."""
    return quote(text, safe="").replace(".", "%2E") if text in {".", ".."} else quote(text, safe="")


def poll_pause(age_seconds: float, *, calls_back: bool = False) -> float:
    """How long to wait before a job is looked up again: 2 s when it is new, 15 s when it is old.

    Args:
        age_seconds: How long the job has been with its provider.
        calls_back: The provider tells us when it is done; asking is for lost calls only.
    """
    return 30.0 if calls_back else min(15.0, max(2.0, age_seconds / 8))


def presentable(text: object, secrets: Collection[str] = ()) -> str:
    """Make a provider's sentence fit for users; empty when nothing is left of it.

    One line of at most 300 characters, without addresses, paths, keys and other long words.
    """
    if not isinstance(text, str):
        return ""
    line = text[: 4 * MAX_MESSAGE]
    for secret in secrets:
        line = line.replace(secret, "…")
    line = ADDRESS.sub("…", line)
    for pattern in (MAIL, NUMBERS, PATH):
        line = pattern.sub("…", line)
    line = TOKEN.sub("…", line)
    line = "".join(character if character.isprintable() else " " for character in line)
    line = " ".join(line.split())
    if len(line) > MAX_MESSAGE:
        line = line[: MAX_MESSAGE - 1].rstrip() + "…"
    return line if any(character.isalnum() for character in line) else ""


def retry_after_of(value: object, now: float) -> float | None:
    """Read `Retry-After`: seconds or a date (RFC 9110, 10.2.3); None for anything else.

    Returns:
        Seconds from now, 0 to 3600.
    """
    if isinstance(value, str) and not re.fullmatch(r"\s*\d{1,18}(\.\d{1,9})?\s*", value):
        try:
            pause = email.utils.parsedate_to_datetime(value).timestamp() - now
        except (ValueError, TypeError, OverflowError, IndexError):
            return None
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        pause = float(value) if not isinstance(value, int) or abs(value) < 1 << 53 else math.inf
    else:
        return None
    return None if math.isnan(pause) else min(MAX_PAUSE, max(0.0, pause))


def no_cookies() -> CookieJar:
    """Make a jar that takes none: what a provider sets for one job is nothing to the next."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))


@cache
def tls_context() -> SSLContext:
    """The one set of trusted authorities of this process; it is a few megabytes."""
    return httpx.create_ssl_context()


@dataclass(slots=True)
class Answer:
    """What a provider answered with a status of 2xx, or one that the caller accepts."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    creates: bool = False
    units: float | None = field(default=None, init=False)
    cost_usd: float | None = field(default=None, init=False)

    def json(self) -> Any:
        """Parse the body.

        Raises:
            Unknown, Transient: it is no JSON.
        """
        try:
            return parse(self.body)
        except ValueError:
            raise self.garbled() from None

    def object(self) -> dict[str, Any]:
        """Parse the body as an object; anything else that is JSON, or none, is an empty one."""
        try:
            told = parse(self.body)
        except ValueError:
            return {}
        return told if isinstance(told, dict) else {}

    def read(self, model: type[Model]) -> Model:
        """Parse the body into a model.

        Raises:
            Unknown, Transient: it is not in that form.
        """
        told = self.json()
        try:
            return model.model_validate(told)
        except (ValidationError, RecursionError):
            raise self.garbled() from None

    def garbled(self) -> ProviderError:
        """Make the error for an answer that does not say what it should."""
        message = "The provider answered in an unknown form."
        return lost("provider_garbled", message, creates=self.creates)

    def bill(self, units: float | None = None, cost_usd: float | None = None) -> None:
        """Note what the call cost; numbers that cannot be true are left out."""
        self.units = countable(units) if units is not None else self.units
        self.cost_usd = countable(cost_usd) if cost_usd is not None else self.cost_usd


class Wire:
    """Speaks to one provider's API.

    Args:
        provider: Its name in the catalogue.
        base_url: Where its API is, without a slash at the end.
        headers: Those of every call, the key among them.
        context: Where calls are recorded, and how large a file may be.
        refusal: Reads errors before the general rule does; must not raise.
        origins: Other origins ("https://host") to which the key may be sent.
        read_seconds: How long the provider may be silent.
        call_seconds: How long a call may take altogether.
        now: The clock, in seconds since 1970.
    """

    def __init__(
        self,
        provider: str,
        base_url: str,
        headers: Mapping[str, str],
        context: Context,
        *,
        refusal: Refusal | None = None,
        origins: Collection[str] = (),
        read_seconds: float = 60.0,
        call_seconds: float = 120.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.provider = provider
        self.base_url = base_url
        self._context = context
        self._refusal = refusal
        self._origins = {origin_of(httpx.URL(each)) for each in (base_url, *origins)}
        self._call_seconds = call_seconds
        self._now = now
        self._secrets = tuple(
            word for value in headers.values() for word in value.split() if len(word) > 7
        )
        timeout = httpx.Timeout(read_seconds, connect=CONNECT_SECONDS)
        self._asking, self._creating = (
            httpx.AsyncClient(
                headers={"Accept": "application/json", "User-Agent": "reelbase", **headers},
                timeout=timeout,
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=kept),
                cookies=no_cookies(),
                verify=tls_context(),
                trust_env=False,
                follow_redirects=False,
            )
            for kept in (20, 0)
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._asking.aclose()
        await self._creating.aclose()

    async def call(self, operation: str, method: str, path_or_url: str, **told: Any) -> Answer:
        """Make a call that has nothing to bill; arguments and errors are those of `calling`."""
        async with self.calling(operation, method, path_or_url, **told) as answer:
            return answer

    @contextlib.asynccontextmanager
    async def calling(
        self,
        operation: str,
        method: str,
        path_or_url: str,
        *,
        job: Job | str | None = None,
        model: str | None = None,
        creates: bool = False,
        fresh: bool = False,
        accept: Collection[int] = (),
        limit: int = ANSWER_BYTES,
        into: Path | None = None,
        seconds: float | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        data: Mapping[str, Any] | None = None,
        files: Any = None,
    ) -> AsyncIterator[Answer]:
        """Make one call, and record it when the block ends.

        Args:
            operation: What the record calls it: "submit", "look_up", "recover", "cancel" …
            method: HTTP's.
            path_or_url: A path below the base, or an address at the same origin that the provider
                has named.
            job: Whom it is for; its id, where no more is known.
            model: For the record, where it is not the job's.
            creates: Something is made that must not be made twice.
            fresh: Take a connection of its own, for an answer that does not say whose it is.
            accept: Statuses besides 2xx that are returned and not raised.
            limit: The longest answer, in bytes, unpacked.
            into: The file that an answer's body is written to, up to the largest output.
            seconds: How long the call may take altogether.
            headers, params, json, content, data, files: As httpx takes them.

        Raises:
            ProviderError: as the module's docstring says.
        """
        request = {"headers": headers, "params": params, "json": json, "content": content}
        request |= {"data": data, "files": files}
        client = self._creating if creates or fresh else self._asking
        record: dict[str, Any] = {}
        began = time.perf_counter()
        answer: Answer | None = None
        try:
            url = self._url(path_or_url, creates)
            try:
                with anyio.fail_after(self._call_seconds if seconds is None else seconds):
                    answer = await self._exchange(
                        client.build_request(method, url, **request),
                        client,
                        record,
                        limit=limit,
                        into=into,
                        creates=creates,
                        accept=accept,
                    )
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
                message = "The provider cannot be reached at the moment."
                raise Transient("provider_unreachable", message) from None
            except (httpx.HTTPError, httpx.StreamError, *GARBLED, TimeoutError):
                # The request may have arrived whole.
                message = "The provider did not answer."
                raise lost("provider_no_answer", message, creates=creates) from None
            finally:
                record["latency_ms"] = round((time.perf_counter() - began) * 1000)
            if not (answer.status in accept or 200 <= answer.status < 300):
                self._refuse(answer, operation)
            yield answer
        finally:
            self._context.on_call(
                Call(
                    self.provider,
                    operation,
                    model=model or (job.model if isinstance(job, Job) else None),
                    job_id=job.id if isinstance(job, Job) else job,
                    units=answer.units if answer else None,
                    cost_usd=answer.cost_usd if answer else None,
                    **record,
                )
            )

    def takes(self, url: str) -> bool:
        """Whether an address that a provider names is one to which the key may go."""
        try:
            parsed = httpx.URL(url)
            return (
                len(url) <= MAX_URL and origin_of(parsed) in self._origins and not parsed.userinfo
            )
        except (httpx.InvalidURL, ValueError, TypeError):
            return False

    def _url(self, path_or_url: str, creates: bool) -> httpx.URL:
        if path_or_url.startswith("/"):
            return httpx.URL(self.base_url + path_or_url)
        if not self.takes(path_or_url):
            raise Answer(0, {}, creates=creates).garbled()
        return httpx.URL(path_or_url)

    async def _exchange(
        self,
        request: httpx.Request,
        client: httpx.AsyncClient,
        record: dict[str, Any],
        *,
        limit: int,
        into: Path | None,
        creates: bool,
        accept: Collection[int],
    ) -> Answer:
        """Send the request and read the answer, as far as it is worth reading."""
        # Nobody needs small answers packed; those who pack them nevertheless are read with care.
        request.headers["Accept-Encoding"] = "identity"
        response = await client.send(request, stream=True)
        try:
            headers = {name.lower(): value for name, value in response.headers.items()}
            record["status_code"] = response.status_code
            record["request_id"] = request_id_of(headers)
            answer = Answer(response.status_code, headers, creates=creates)
            is_good = response.is_success or response.status_code in accept
            if into is not None and response.is_success:
                with into.open("wb") as file:
                    async for piece in unpacked(response, self._context.max_output_bytes, answer):
                        file.write(piece)
            elif is_good:
                answer.body = b"".join([piece async for piece in unpacked(response, limit, answer)])
            else:
                answer.body = await beginning(response, answer)
            return answer
        finally:
            await response.aclose()

    def _refuse(self, answer: Answer, operation: str) -> NoReturn:
        """Raise what a status outside 2xx means."""
        status, creates = answer.status, answer.creates
        try:
            told = parse(answer.body)
        except ValueError:
            told = None
        if self._refusal is not None and (error := self._refusal(status, told)) is not None:
            raise error
        said = presentable(message_of(told), self._secrets)
        hint = told.get("retry_after") if isinstance(told, dict) else None
        pause = retry_after_of(answer.headers.get("retry-after", hint), self._now())
        if status == 402:
            message = "Our account at the provider is used up for the moment."
            raise Configuration("provider_quota", message)
        if status in {401, 403}:
            raise Configuration("provider_key_refused", "The provider does not accept our key.")
        # 408 is what gateways say, too, who have waited too long for what they passed on.
        if status in {425, 429} or (status == 408 and not creates):
            message = "The provider takes no more work at the moment."
            raise Throttled("provider_busy", message, pause)
        if status < 400 or status >= 500 or status == 408:
            message = "The provider had an error."
            if creates:
                raise lost("provider_error", message, creates=True)
            raise Transient("provider_error", message, pause)
        if operation in ASKING:
            code = "provider_not_found" if status in {404, 410} else "provider_refused"
            raise Transient(code, said or "The provider did not answer our question.", pause)
        if status in {404, 410}:
            message = "The provider does not offer this model."
            raise Permanent("provider_not_found", said or message)
        raise Permanent("provider_refused", said or "The provider refused this job.")


def lost(code: str, message: str, *, creates: bool) -> ProviderError:
    """Make the error for an answer that was lost: what was asked for may have been made."""
    if creates:
        return Unknown(code, message, ARRIVING_SECONDS)
    return Transient(code, message)


def parse(body: bytes) -> Any:
    """Parse JSON as its standard has it.

    Raises:
        ValueError: it is not JSON, too deep, or of too many parts.
    """

    def refuse(name: str) -> NoReturn:
        raise ValueError(name)

    if sum(map(body.count, (b",", b"[", b"{"))) > MAX_PARTS:
        raise ValueError("too many parts")
    try:
        return json.loads(body, parse_constant=refuse)
    except RecursionError:
        raise ValueError("too deep") from None


def message_of(told: Any) -> object:
    """Find the sentence in the usual forms of an error.

    They are {"detail": "…"} and {"detail": [{"msg": "…"}]} (FastAPI's, of Replicate and fal),
    {"error": {"message": "…"}} (Google's, OpenAI's), {"error": "…"}, {"message": "…"}, and
    {"detail": {"message": "…"}} (of ElevenLabs).
    """
    for _ in range(4):
        if isinstance(told, list) and told:
            told = told[0]
        if not isinstance(told, dict):
            break
        names = ("detail", "error", "message", "msg", "title")
        told = next((told[name] for name in names if told.get(name)), None)
    return told


def origin_of(url: httpx.URL) -> tuple[str, str, int | None]:
    """Name what an address belongs to: scheme, host and port."""
    return url.scheme, url.host, url.port or {"https": 443, "http": 80}.get(url.scheme)


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """Find the provider's own id of the call."""
    for name in REQUEST_IDS:
        if (found := headers.get(name)) and found.isprintable():
            return found[:200]
    return None


def countable(value: object) -> float | None:
    """Take a number of units or dollars, if it is one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < MAX_FIGURE else None


async def beginning(response: httpx.Response, answer: Answer) -> bytes:
    """Read the beginning of an error's body; what cannot be read is left out."""
    body = bytearray()
    with (
        anyio.move_on_after(ERROR_SECONDS),
        contextlib.suppress(ProviderError, httpx.HTTPError, httpx.StreamError),
    ):
        async for piece in unpacked(response, ERROR_BYTES, answer):
            body += piece
    return bytes(body)


async def unpacked(response: httpx.Response, limit: int, answer: Answer) -> AsyncIterator[bytes]:
    """Read a body in pieces, unpacked, of no more than a limit.

    httpx unpacks a piece whole, and a piece of a bomb is a bomb.

    Raises:
        ProviderError: as for a garbled answer: it is longer, or packed in a way of its own.
    """
    packing = response.headers.get("content-encoding", "").strip().lower()
    if packing not in {"", "identity", "gzip", "x-gzip", "deflate"}:
        raise answer.garbled()
    unpacker = None if packing in {"", "identity"} else zlib.decompressobj(zlib.MAX_WBITS | 32)
    length = 0
    async for piece in response.aiter_raw():
        rest = piece
        while rest:
            if unpacker is None:
                part, rest = rest, b""
            else:
                try:
                    part = unpacker.decompress(rest, 64 << 10)
                except zlib.error:
                    raise answer.garbled() from None
                rest = unpacker.unconsumed_tail
            length += len(part)
            if length > limit:
                raise answer.garbled()
            yield part
    if unpacker is not None and not unpacker.eof:
        raise answer.garbled()
