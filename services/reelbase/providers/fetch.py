"""Fetch what a provider made, from an address that it names, and trust neither.

An address in an answer may have come from a stranger: from a model that repeats its prompt, or a
provider that was broken into. So each is treated as if an attacker had written it, who also runs
the name server and the web server behind it:

- https alone, on its usual port, with no name or password inside;
- the name is resolved once, every address that comes of it must be a public one, and the connection
  goes to the address that was checked, so that a second answer of the name server changes nothing;
- redirects are followed by hand, at most five, each checked like the first, and without the
  headers that the first one got;
- nothing is unpacked; size, time and idleness are bounded, whatever the server promised;
- what it is, the first bytes say.

A file goes to disk piece by piece: any size in a quarter of a megabyte.
"""

import base64
import binascii
import ipaddress
import re
import socket
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import unquote_to_bytes

import anyio
import anyio.to_thread
import httpx

from reelbase.media.probe import sniff
from reelbase.providers.base import Call, Context, Job, Output, Permanent, Transient, Workdir
from reelbase.providers.wire import MAX_PAUSE, no_cookies, retry_after_of, tls_context

__all__ = [
    "Fetched",
    "Resolve",
    "fetch",
    "fetch_all",
    "is_public",
    "keep",
    "keep_file",
    "system_resolve",
]

PIECE_BYTES: Final = 256 << 10
HEAD_BYTES: Final = 64

WINDOW_BYTES: Final = 256 << 10
"""What may be on its way on a connection. Unbounded, the kernel gathers megabytes for a fast one
while others are served, and the event loop takes all of it into memory at once."""

MAX_REDIRECTS: Final = 5
MAX_URL: Final = 8000
MAX_ADDRESSES: Final = 4

CONNECT_SECONDS: Final = 10.0
RESOLVE_SECONDS: Final = 10.0
HEADER_SECONDS: Final = 60.0
STALL_SECONDS: Final = 30.0
"""How long a server may be silent."""

SLOW_SECONDS: Final = 60.0
SLOW_BYTES: Final = 64 << 10
"""Less than this in that time is no download but a way to hold us."""

RETRY_SECONDS: Final = 1.0
MAX_RETRY_SECONDS: Final = 10.0

SUFFIXES: Final = {
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
    "video/x-matroska": ".mkv",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/ogg": ".ogg",
    "audio/mp4": ".m4a",
    "audio/flac": ".flac",
}
ROLES: Final = {"video": "result_video", "image": "result_image", "audio": "result_audio"}

DATA_URL = re.compile(r"data:[^,;]{0,100}(?:;[^,;]{1,100}){0,4}?(;base64)?,", re.IGNORECASE)
LENGTH = re.compile(r"[0-9]{1,20}")
PRINTABLE = re.compile(r"[\x21-\x7e\x80-\U0010ffff]+")

# Public by number, but of the machines that run this one.
HOSTS_OF_CLOUDS = frozenset({ipaddress.ip_address("168.63.129.16")})
UNUSUAL = tuple(
    ipaddress.ip_network(each)
    for each in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "3fff::/20")
)
GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Turns a name and a port into addresses; raises OSError."""

REFUSED = "The provider delivered its result at an address that is not fetched from."


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that is here. `mime_type` is what its first bytes say; `size` is in bytes."""

    path: Path
    mime_type: str
    size: int

    def output(self, position: int = 0) -> Output:
        """Make an output of it, in the role that its kind of media has."""
        role = ROLES[self.mime_type.partition("/")[0]]
        return Output(role, self.path, self.mime_type, position=position)


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, whatever it is wrapped in."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if found in NAT64:
            return is_public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
        if found not in GLOBAL_V6 or int(found) >> 32 & 0xFDFFFFFF == 0x00005EFE:  # ISATAP
            return False
    return (
        found.is_global
        and not found.is_multicast
        and not found.is_reserved
        and found not in HOSTS_OF_CLOUDS
        and not any(found.version == net.version and found in net for net in UNUSUAL)
    )


async def system_resolve(host: str, port: int) -> list[str]:
    """Ask the machine's resolver, as every other program here would."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


async def fetch(
    url: str,
    folder: Path,
    *,
    context: Context,
    provider: str,
    job: Job,
    mime_kinds: Collection[str],
    name: str = "output-0",
    headers: Mapping[str, str] | None = None,
    model: str | None = None,
    attempts: int = 1,
    resolve: Resolve = system_resolve,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
) -> Fetched:
    """Fetch one output into a folder.

    Args:
        url: Where the provider says that it is: https, or data.
        folder: Where the file goes.
        context: The bounds, the private hosts that are allowed, and where calls are recorded.
        provider: The provider's name, for the record.
        job: Whose output it is.
        mime_kinds: What it may be: "video", "image", "audio".
        name: The file's name, without a suffix.
        headers: For the address itself; a redirect does not get them.
        model: For the record, where it is not the job's.
        attempts: How often to try. A provider that answers once only cannot be asked where its
            output is a second time, so that the last failure of several is final.
        resolve: The name server.
        sleep: Waits between attempts.

    Raises:
        Permanent: `output_refused` for an address or a file that is not taken, `output_too_large`,
            `output_gone`, and, after several attempts, `output_unavailable`.
        Transient: `output_unavailable`.
    """
    if url[:5].lower() == "data:":
        return await keep(
            decoded(url, context.max_output_bytes),
            folder,
            name=name,
            mime_kinds=mime_kinds,
            max_bytes=context.max_output_bytes,
        )
    path = folder / name
    for attempt in range(1, attempts + 1):
        visit = Visit(context, resolve)
        began = time.perf_counter()
        try:
            await visit.download(url, path, headers or {})
        except Transient as error:
            if attempt == attempts:
                if attempts == 1:
                    raise
                raise Permanent(error.code, error.message) from None
            pause = error.retry_after if error.retry_after is not None else RETRY_SECONDS * attempt
            await sleep(min(MAX_RETRY_SECONDS, pause))
        else:
            return await keep_file(path, mime_kinds=mime_kinds)
        finally:
            context.on_call(
                Call(
                    provider,
                    "fetch",
                    model=model or job.model,
                    job_id=job.id,
                    latency_ms=round((time.perf_counter() - began) * 1000),
                    status_code=visit.status,
                )
            )
    raise ValueError("attempts must be 1 or more")


async def fetch_all(
    urls: Sequence[str],
    workdir: Workdir,
    *,
    context: Context,
    provider: str,
    job: Job,
    mime_kind: str,
) -> tuple[Output, ...]:
    """Fetch a job's outputs of one kind, as many as it asked for.

    Raises:
        Permanent: as with `fetch`; `no_output` if there is none, `output_missing` if there are
            fewer than were paid for.
        Transient: as with `fetch`.
    """
    if not urls:
        raise Permanent("no_output", "The provider finished without a result.")
    if len(urls) < job.output_count:
        raise Permanent("output_missing", "The provider made fewer outputs than were ordered.")
    outputs = []
    for position, url in enumerate(urls[: max(1, job.output_count)]):
        fetched = await fetch(
            url,
            workdir(),
            context=context,
            provider=provider,
            job=job,
            mime_kinds={mime_kind},
            name=f"output-{position}",
        )
        outputs.append(fetched.output(position))
    return tuple(outputs)


async def keep(
    data: bytes, folder: Path, *, name: str, mime_kinds: Collection[str], max_bytes: int
) -> Fetched:
    """Write bytes that are in hand already, under the same conditions.

    Raises:
        Permanent: `output_too_large`, `output_refused`.
    """
    if len(data) > max_bytes:
        raise too_large()
    path = folder / name
    await anyio.to_thread.run_sync(path.write_bytes, data)
    return await keep_file(path, mime_kinds=mime_kinds)


async def keep_file(path: Path, *, mime_kinds: Collection[str]) -> Fetched:
    """Look at a file that is here, and give it the suffix of what it is.

    Raises:
        Permanent: `output_refused`: it is empty, or nothing of these kinds. It is gone then.
    """
    return await anyio.to_thread.run_sync(looked_at, path, frozenset(mime_kinds))


class Visit:
    """One attempt to download. `status` is the last one that was answered."""

    def __init__(self, context: Context, resolve: Resolve) -> None:
        self.status: int | None = None
        self._context = context
        self._resolve = resolve

    async def download(self, url: str, path: Path, headers: Mapping[str, str]) -> None:
        """Write what is at an address into a file; what is left half written is removed.

        Raises:
            Permanent, Transient: as `fetch`.
        """
        is_whole = False
        try:
            with anyio.fail_after(self._context.fetch_seconds):
                await self._follow(url, path, headers)
            is_whole = True
        except TimeoutError:
            raise unavailable() from None
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, UnicodeError):
            # Their texts hold addresses, and those hold signatures.
            raise unavailable() from None
        finally:
            if not is_whole:
                discard(path)

    async def _follow(self, url: str, path: Path, headers: Mapping[str, str]) -> None:
        target = parsed(url)
        transport = httpx.AsyncHTTPTransport(
            verify=tls_context(),
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
            socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW_BYTES)],
        )
        async with httpx.AsyncClient(
            transport=transport,
            timeout=httpx.Timeout(STALL_SECONDS, connect=CONNECT_SECONDS),
            cookies=no_cookies(),
            trust_env=False,
            follow_redirects=False,
        ) as client:
            for _ in range(MAX_REDIRECTS + 1):
                response = await self._open(client, target, headers)
                try:
                    self.status = response.status_code
                    if not response.is_redirect:
                        return await self._take(response, path)
                    location = response.headers.get("location", "")
                finally:
                    await response.aclose()
                target, headers = parsed(location, target), {}
        raise refused()

    async def _open(
        self, client: httpx.AsyncClient, url: httpx.URL, headers: Mapping[str, str]
    ) -> httpx.Response:
        """Connect to an address that was checked, and wait for the answer's headers."""
        addresses = await self._addresses(url)
        with anyio.fail_after(HEADER_SECONDS):
            for address in addresses:
                request = client.build_request(
                    "GET",
                    url.copy_with(host=address),
                    headers={
                        **headers,
                        "Host": url.netloc.decode("ascii"),
                        "Accept": "*/*",
                        "Accept-Encoding": "identity",
                        "User-Agent": "reelbase",
                    },
                    extensions={"sni_hostname": url.raw_host.decode("ascii")},
                )
                try:
                    return await client.send(request, stream=True)
                except (httpx.ConnectError, httpx.ConnectTimeout):
                    continue
        raise unavailable()

    async def _addresses(self, url: httpx.URL) -> list[str]:
        """Resolve a name, once, and see that every address of it may be connected to."""
        host = url.raw_host.decode("ascii")
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            with anyio.fail_after(RESOLVE_SECONDS):
                addresses = await self._resolve(host, port)
        except (OSError, ValueError):
            raise unavailable() from None
        if not addresses:
            raise unavailable()
        allowed = self._context.private_hosts
        if authority(host, port) in allowed or all(
            authority(each, port) in allowed for each in addresses
        ):
            return addresses[:MAX_ADDRESSES]
        if url.scheme != "https" or port != 443 or not all(map(is_public, addresses)):
            raise refused()
        return addresses[:MAX_ADDRESSES]

    async def _take(self, response: httpx.Response, path: Path) -> None:
        """Write a body to disk, as long as it behaves."""
        self._judge(response)
        limit = self._context.max_output_bytes
        length, since, counted = 0, anyio.current_time(), 0
        file = await anyio.to_thread.run_sync(open_new, path)
        try:
            waiting = bytearray()
            # As it comes: whoever drips would be seen only when the first piece is full.
            async for part in response.aiter_raw():
                length += len(part)
                if length > limit:
                    raise too_large()
                waiting += part
                if len(waiting) >= PIECE_BYTES:
                    await anyio.to_thread.run_sync(file.write, waiting)
                    waiting = bytearray()
                if (now := anyio.current_time()) - since >= SLOW_SECONDS:
                    if length - counted < SLOW_BYTES:
                        raise unavailable()
                    since, counted = now, length
            await anyio.to_thread.run_sync(file.write, waiting)
        finally:
            file.close()

    def _judge(self, response: httpx.Response) -> None:
        """Refuse by status and headers what need not be read."""
        status, told = response.status_code, response.headers
        if status in {404, 410}:
            raise Permanent("output_gone", "The provider does not keep the result any more.")
        if status != 200:
            raise unavailable(retry_after_of(told.get("retry-after"), time.time()))
        if told.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
            raise Permanent("output_refused", "The provider delivered its result packed.")
        length = told.get("content-length", "")
        if LENGTH.fullmatch(length) and int(length) > self._context.max_output_bytes:
            raise too_large()


def authority(host: str, port: int) -> str:
    """Write host and port as addresses have them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parsed(url: str, base: httpx.URL | None = None) -> httpx.URL:
    """Parse an address, as the client that connects to it does.

    Raises:
        Permanent: `output_refused`.
    """
    try:
        if len(url) > MAX_URL or not PRINTABLE.fullmatch(url):
            raise refused()
        found = httpx.URL(url) if base is None else base.join(url)
        if found.scheme not in {"https", "http"} or not found.host or found.userinfo:
            raise refused()
        found.raw_host.decode("ascii")
        return found.copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError, TypeError):  # UnicodeError is a ValueError
        raise refused() from None


def decoded(url: str, limit: int) -> bytes:
    """Read a data: address (RFC 2397).

    Raises:
        Permanent: `output_refused`, `output_too_large`.
    """
    if (head := DATA_URL.match(url)) is None:
        raise refused()
    if len(url) - head.end() > 3 * limit:
        raise too_large()
    try:
        data = unquote_to_bytes(url[head.end() :])
        return base64.b64decode(data, validate=True) if head[1] else data
    except (binascii.Error, ValueError):
        raise refused() from None


def looked_at(path: Path, mime_kinds: frozenset[str]) -> Fetched:
    """Blocking part of `keep_file`."""
    with path.open("rb") as file:
        mime_type = sniff(file.read(HEAD_BYTES))
    if mime_type not in SUFFIXES or mime_type.partition("/")[0] not in mime_kinds:
        discard(path)
        raise Permanent("output_refused", "The provider delivered what is no result.")
    kept = path.with_name(path.name + SUFFIXES[mime_type])
    path.rename(kept)
    return Fetched(kept, mime_type, kept.stat().st_size)


def open_new(path: Path) -> BinaryIO:
    """Open a file for writing that was not there."""
    return path.open("xb")


def discard(path: Path) -> None:
    """Remove a file, if there is one."""
    path.unlink(missing_ok=True)


def unavailable(retry_after: float | None = None) -> Transient:
    """Make the error for what may work later."""
    pause = None if retry_after is None else min(MAX_PAUSE, retry_after)
    message = "The provider's result cannot be fetched at the moment."
    return Transient("output_unavailable", message, pause)


def refused() -> Permanent:
    """Make the error for an address that is not connected to."""
    return Permanent("output_refused", REFUSED)


def too_large() -> Permanent:
    """Make the error for more than is taken."""
    return Permanent("output_too_large", "The provider's result is too large.")
