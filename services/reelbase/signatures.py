"""How providers sign what they deliver, verified over the raw body.

Pure functions: they are given the keys, the delivery and the time. Each raises `NotGenuine` and
nothing else, whatever it is given; its message names what was wrong and never what was sent. Times
are bounded both ways, signatures are compared in constant time, and every scheme takes several
keys, so that keys can be exchanged: the new one is added, the provider told, the old one removed.

Nothing that is signed may be read in two ways: what is joined with a separator must not hold it.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from reelbase.webhooks import NotGenuine

__all__ = [
    "TOLERANCE_SECONDS",
    "Signed",
    "fal",
    "omise",
    "read_base64_secrets",
    "read_secrets",
    "sign_standard_webhooks",
    "standard_webhooks",
    "stripe",
]

TOLERANCE_SECONDS = 300
"""How far a delivery's time may lie from ours, before and after."""

MAX_SIGNATURES = 16
"""Whoever exchanges keys sends two; a delivery with many more is not worth the work."""

MAX_HEADER = 4096

LEAST_KEY = 16
"""Bytes; Standard Webhooks wants 24."""

TIME = re.compile(r"[0-9]{1,12}", re.ASCII)
# Visible characters, and no full stop: the delivery's id is followed by one.
STANDARD_ID = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,1000}")
# Visible characters, and so no line break, which follows each of them.
FAL_ID = re.compile(r"[\x21-\x7e]{1,1000}")
SHA256_HEX = re.compile(r"[0-9a-fA-F]{64}")
ED25519_HEX = re.compile(r"[0-9a-fA-F]{128}")


class Signed(NamedTuple):
    """What a signature vouches for besides the body: the delivery's id, and when it was sent.

    `timestamp` is in seconds since 1970.
    """

    id: str
    timestamp: int


# Secrets ------------------------------------------------------------------------------------------


def read_secrets(text: str) -> tuple[bytes, ...]:
    """Read secrets with commas between them, which are keys as they stand (Stripe).

    Raises:
        ValueError: there is none; the message does not tell what was there.
    """
    keys = tuple(each.strip().encode() for each in text.split(",") if each.strip())
    if not keys:
        raise ValueError("there is no secret in it")
    return keys


def read_base64_secrets(text: str) -> tuple[bytes, ...]:
    """Read secrets with commas between them, which are keys in base64 (Standard Webhooks, Omise).

    The prefix `whsec_` is left out, and padding may be missing.

    Raises:
        ValueError: there is none, or one is no base64 or too short; the message does not
            tell what was there.
    """
    keys = []
    for secret in read_secrets(text):
        bare = secret.removeprefix(b"whsec_").rstrip(b"=")
        try:
            key = base64.b64decode(bare + b"=" * (-len(bare) % 4), validate=True)
        except binascii.Error:
            raise ValueError("a secret in it is not in base64") from None
        if len(key) < LEAST_KEY:
            raise ValueError(f"a secret in it is shorter than {LEAST_KEY} bytes")
        keys.append(key)
    return tuple(keys)


# Verifying ----------------------------------------------------------------------------------------


def standard_webhooks(
    keys: Sequence[bytes], headers: Mapping[str, str], body: bytes, now: float
) -> Signed:
    """Verify a delivery as https://www.standardwebhooks.com has it (Replicate, the sandbox).

    HMAC-SHA256 over `id.timestamp.body` in base64, as one of the `v1,…` of `webhook-signature`.

    Args:
        keys: Of `read_base64_secrets`.
        headers: By lower-case name.
        body: The raw body.
        now: Seconds since 1970.

    Raises:
        NotGenuine: a header is missing, the time is out of bounds, or no signature fits.
    """
    message_id = header(headers, "webhook-id")
    timestamp = header(headers, "webhook-timestamp")
    signatures = header(headers, "webhook-signature")
    if STANDARD_ID.fullmatch(message_id) is None:
        raise NotGenuine("webhook-id is malformed")
    sent_at = checked_time(timestamp, now)
    found = [
        each.removeprefix("v1,").encode()
        for each in several(signatures, " ")
        if each.startswith("v1,") and each.isascii()
    ]
    signed = f"{message_id}.{timestamp}.".encode("ascii") + body
    check(found, [base64_of(hmac.digest(key, signed, "sha256")) for key in keys])
    return Signed(message_id, sent_at)


def sign_standard_webhooks(
    key: bytes, message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """Return the headers of a delivery of our own, as `standard_webhooks` verifies them.

    Args:
        key: Of `read_base64_secrets`.
        message_id: Visible ASCII without a full stop.
        timestamp: Seconds since 1970.
        body: The raw body.
    """
    if STANDARD_ID.fullmatch(message_id) is None:
        raise ValueError("This cannot be the id of a delivery.")
    signed = f"{message_id}.{timestamp}.".encode("ascii") + body
    signature = base64_of(hmac.digest(key, signed, "sha256"))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature.decode('ascii')}",
    }


def stripe(keys: Sequence[bytes], signature: str | None, body: bytes, now: float) -> int:
    """Verify a delivery of Stripe's (https://docs.stripe.com/webhooks#verify-manually).

    HMAC-SHA256 over `timestamp.body` in hex, as one of the `v1=…` beside `t=timestamp`.

    Args:
        keys: Of `read_secrets`: the whole secrets, `whsec_` included.
        signature: The header `Stripe-Signature`.
        body: The raw body.
        now: Seconds since 1970.

    Returns:
        When it was sent, in seconds since 1970.

    Raises:
        NotGenuine: the header is missing or malformed, the time is out of bounds, or no signature
            fits.
    """
    if not signature or len(signature) > MAX_HEADER:
        raise NotGenuine("stripe-signature is missing or too long")
    pairs = [each.strip().partition("=") for each in signature.split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    if len(times) != 1:
        raise NotGenuine("stripe-signature does not tell one time")
    sent_at = checked_time(times[0], now)
    found = hex_digests(value for name, _, value in pairs if name == "v1")
    check(found, hex_digests_of(keys, times[0], body))
    return sent_at


def omise(keys: Sequence[bytes], headers: Mapping[str, str], body: bytes, now: float) -> int:
    """Verify a delivery of Omise's (https://docs.omise.co/api-webhooks).

    HMAC-SHA256 over `timestamp.body` in hex; several with commas while keys are exchanged.

    Args:
        keys: Of `read_base64_secrets`.
        headers: By lower-case name.
        body: The raw body.
        now: Seconds since 1970.

    Returns:
        When it was sent, in seconds since 1970.

    Raises:
        NotGenuine: a header is missing, the time is out of bounds, or no signature fits.
    """
    timestamp = header(headers, "omise-signature-timestamp")
    signatures = header(headers, "omise-signature")
    sent_at = checked_time(timestamp, now)
    found = hex_digests(each.strip() for each in several(signatures, ","))
    check(found, hex_digests_of(keys, timestamp, body))
    return sent_at


def fal(
    keys: Iterable[Ed25519PublicKey], headers: Mapping[str, str], body: bytes, now: float
) -> Signed:
    """Verify a delivery of fal's (https://docs.fal.ai/model-apis/model-endpoints/webhooks).

    Ed25519 in hex over request id, user id, time and the body's SHA-256 in hex, on a line each. The
    delivery does not say which key signed it, so each is tried.

    Args:
        keys: Of fal's key set.
        headers: By lower-case name.
        body: The raw body.
        now: Seconds since 1970.

    Returns:
        With the id of the request.

    Raises:
        NotGenuine: a header is missing, the time is out of bounds, or no signature fits.
    """
    request_id = header(headers, "x-fal-webhook-request-id")
    user_id = header(headers, "x-fal-webhook-user-id")
    timestamp = header(headers, "x-fal-webhook-timestamp")
    signature = header(headers, "x-fal-webhook-signature")
    if not (FAL_ID.fullmatch(request_id) and FAL_ID.fullmatch(user_id)):
        raise NotGenuine("an id is malformed")
    sent_at = checked_time(timestamp, now)
    if ED25519_HEX.fullmatch(signature) is None:
        raise NotGenuine("the signature is malformed")
    body_hash = hashlib.sha256(body).hexdigest()
    message = f"{request_id}\n{user_id}\n{timestamp}\n{body_hash}".encode("ascii")
    for key in keys:
        try:
            key.verify(bytes.fromhex(signature), message)
        except InvalidSignature:
            continue
        return Signed(request_id, sent_at)
    raise NotGenuine("the signature does not fit")


def header(headers: Mapping[str, str], name: str) -> str:
    """Return a header, which must be there and not without end."""
    value = headers.get(name)
    if not value or len(value) > MAX_HEADER:
        raise NotGenuine(f"{name} is missing or too long")
    return value


def several(text: str, separator: str) -> list[str]:
    """Split a list of signatures, which must not be without end."""
    parts = text.split(separator)
    if len(parts) > MAX_SIGNATURES:
        raise NotGenuine("there are too many signatures")
    return parts


def checked_time(text: str, now: float) -> int:
    """Return a time, in seconds since 1970, that is neither long ago nor far ahead."""
    if TIME.fullmatch(text) is None:
        raise NotGenuine("the time is malformed")
    sent_at = int(text)
    if abs(now - sent_at) > TOLERANCE_SECONDS:
        raise NotGenuine("it was sent too long ago, or in the future")
    return sent_at


def base64_of(digest: bytes) -> bytes:
    """Return a digest in base64."""
    return binascii.b2a_base64(digest, newline=False)


def hex_digests_of(keys: Sequence[bytes], timestamp: str, body: bytes) -> list[bytes]:
    """Return the HMAC-SHA256 over `timestamp.body` with each key, in hex."""
    signed = f"{timestamp}.".encode("ascii") + body
    return [hmac.digest(key, signed, "sha256").hex().encode("ascii") for key in keys]


def hex_digests(texts: Iterable[str]) -> list[bytes]:
    """Return those of some texts that can be a SHA-256 in hex, in lower case."""
    return [text.lower().encode("ascii") for text in texts if SHA256_HEX.fullmatch(text)]


def check(found: Sequence[bytes], expected: Sequence[bytes]) -> None:
    """See that one of the signatures is one of those expected; never tells by time which."""
    if not 1 <= len(found) <= MAX_SIGNATURES:
        raise NotGenuine("there is no signature, or there are too many")
    fits = False
    for right in expected:
        for one in found:
            fits |= hmac.compare_digest(right, one)
    if not fits:
        raise NotGenuine("no signature fits")
