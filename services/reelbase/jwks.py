"""Sets of public keys (JWKS, RFC 7517) that others publish, fetched now and then.

Keys are kept for a day. Whoever meets a key that is not among them has the set fetched again, once
a minute at most, so that neither an exchange of keys nor a flood of made-up ones does harm. While
the source is down the keys that are there are used for another day, and then no more: a key that
was withdrawn must not be good for ever. One fetch is under way at a time, and all wait for it.

A symmetric key has no place in a set that anybody may read; only Ed25519, P-256 and RSA keys are
taken, each for its own algorithm and no other.
"""

import base64
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import anyio
import httpx
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from reelbase.webhooks import SourceUnavailable

__all__ = ["Fetch", "Key", "KeySet", "fetch_key_set"]

Fetch = Callable[[str], Awaitable[bytes]]
"""Returns what lies at an address, in bounded time and size; raises `OSError`, `httpx.HTTPError` or
`ValueError` when there is nothing to be had."""

FRESH_SECONDS = 24 * 3600.0
"""How long keys are used without asking again."""

STALE_SECONDS = 48 * 3600.0
"""How long they are used while the source is down."""

RENEWAL_SECONDS = 60.0
"""How often at most the set is fetched for the sake of a key that is not in it."""

RETRY_SECONDS = 5.0
"""How long nobody asks again after the source failed and there are no keys."""

FETCH_SECONDS = 5.0

# Not compressed, so that what is counted is what there is.
FETCH_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}

MAX_SET_BYTES = 256 * 1024

MAX_KEYS = 100

BASE64URL = re.compile(r"[A-Za-z0-9_-]+={0,2}")

log = structlog.stdlib.get_logger("reelbase.jwks")


@dataclass(frozen=True, slots=True)
class Key:
    """A public key: `algorithm` is the one it is good for ("EdDSA", "ES256" or "RS256")."""

    kid: str | None
    algorithm: str
    public: Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey


class KeySet:
    """The keys at an address.

    Args:
        url: Where they are.
        fetch: Gets them.
        clock: Seconds that only grow.
    """

    def __init__(
        self, url: str, fetch: Fetch | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url
        self._fetch = fetch or fetch_key_set
        self._clock = clock
        self._lock = anyio.Lock()
        self._keys: tuple[Key, ...] = ()
        self._fetched_at: float | None = None
        self._tried_at: float | None = None

    async def keys(self) -> tuple[Key, ...]:
        """Return the keys, fetched if they are not, or no longer.

        Raises:
            SourceUnavailable: the source is down, and the keys are too old or were never there.
        """
        if self._age() > FRESH_SECONDS:
            # Who finds others fetching takes the old keys, if they are any good.
            if not (self._lock.locked() and self._age() <= STALE_SECONDS):
                await self._try(RENEWAL_SECONDS if self._age() <= STALE_SECONDS else RETRY_SECONDS)
            if self._age() > STALE_SECONDS:
                raise SourceUnavailable("The public keys cannot be had at this moment.")
        return self._keys

    async def renewed(self) -> tuple[Key, ...] | None:
        """Return the keys as they are now; None where they were fetched so shortly ago that they
        cannot be asked for again, or cannot be had.
        """
        before = self._fetched_at
        await self._try(RENEWAL_SECONDS)
        return self._keys if self._fetched_at != before else None

    async def find(self, kid: str) -> Key | None:
        """Return the key of that id, fetching the set again if it is not there; None: none has it.

        Raises:
            SourceUnavailable: as with `keys`.
        """
        found = find_key(await self.keys(), kid)
        if found is None and (keys := await self.renewed()):
            found = find_key(keys, kid)
        return found

    def _age(self) -> float:
        """How old the keys are, in seconds; without end where there are none."""
        return float("inf") if self._fetched_at is None else self._clock() - self._fetched_at

    async def _try(self, pause: float) -> None:
        """Fetch the set, unless that was tried within the pause before."""
        async with self._lock:
            now = self._clock()
            if self._tried_at is not None and now - self._tried_at < pause:
                return
            # Whoever waits may go away; what others wait for as well goes on.
            with anyio.CancelScope(shield=True):
                self._tried_at = now
                try:
                    with anyio.fail_after(FETCH_SECONDS):
                        keys = read_key_set(await self._fetch(self._url))
                except (OSError, httpx.HTTPError, ValueError) as error:
                    # Only its kind: texts of httpx name addresses, and these may hold secrets.
                    log.warning("keys_unavailable", error=type(error).__name__)
                    return
                self._keys, self._fetched_at = keys, now


def find_key(keys: tuple[Key, ...], kid: str) -> Key | None:
    """Return the key of that id."""
    return next((key for key in keys if key.kid == kid), None)


async def fetch_key_set(url: str) -> bytes:
    """Return what lies at an address: no redirects, bounded in size. A `Fetch`.

    Raises:
        httpx.HTTPError: nobody answered, or not with the set.
        ValueError: there is more of it than any set may have.
    """
    async with (
        httpx.AsyncClient(timeout=FETCH_SECONDS, trust_env=False) as client,
        client.stream("GET", url, headers=FETCH_HEADERS) as response,
    ):
        if response.status_code != 200:
            raise httpx.HTTPError("The answer is not the set.")
        body = bytearray()
        async for piece in response.aiter_raw(65536):
            body += piece
            if len(body) > MAX_SET_BYTES:
                raise ValueError("The set is too large.")
        return bytes(body)


def read_key_set(body: bytes) -> tuple[Key, ...]:
    """Read a set of keys; those that are for something else are left out.

    Raises:
        ValueError: it is no set, or there is no key in it that can be used.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("This is no set of keys.") from None
    entries = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(entries, list):
        raise ValueError("This is no set of keys.")
    keys = []
    for entry in entries[:MAX_KEYS]:
        try:
            keys.append(read_key(entry))
        except ValueError:
            continue
    if not keys:
        raise ValueError("There is no key in the set that can be used.")
    return tuple(keys)


def read_key(entry: Any) -> Key:
    """Read one key (RFC 7517, RFC 7518 section 6, RFC 8037).

    Raises:
        ValueError: it is malformed, or none of those that are taken.
    """
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        raise ValueError("This is no key for signatures.")
    kid = entry.get("kid")
    # A bare `x` is what some of fal's own examples read.
    kind = (entry.get("kty", "OKP"), entry.get("crv", None if "kty" in entry else "Ed25519"))
    public: Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey
    if kind == ("OKP", "Ed25519"):
        algorithm = "EdDSA"
        public = Ed25519PublicKey.from_public_bytes(octets(entry, "x"))
    elif kind == ("EC", "P-256"):
        algorithm = "ES256"
        public = EllipticCurvePublicNumbers(
            number(entry, "x"), number(entry, "y"), SECP256R1()
        ).public_key()
    elif kind == ("RSA", None):
        algorithm = "RS256"
        public = RSAPublicNumbers(number(entry, "e"), number(entry, "n")).public_key()
        if public.key_size < 2048:
            raise ValueError("The key is too short.")
    else:
        raise ValueError("This is a key of another kind.")
    # RFC 9864 has another name for EdDSA with this curve.
    if entry.get("alg", algorithm) not in (algorithm, "Ed25519" if algorithm == "EdDSA" else None):
        raise ValueError("The key is for another algorithm.")
    return Key(kid if isinstance(kid, str) else None, algorithm, public)


def octets(entry: Mapping[str, Any], name: str) -> bytes:
    """Read a part of a key, which is in base64url."""
    text = entry.get(name)
    if not isinstance(text, str) or len(text) > 2000 or BASE64URL.fullmatch(text) is None:
        raise ValueError("A part of the key is malformed.")
    bare = text.rstrip("=")
    return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))


def number(entry: Mapping[str, Any], name: str) -> int:
    """Read a part of a key that is a number."""
    return int.from_bytes(octets(entry, name), "big")
