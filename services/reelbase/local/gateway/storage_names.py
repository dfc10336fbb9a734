"""What may name a file or a bucket, and which types and sizes are well-formed.

A path arrives percent-encoded in the URL and is decoded exactly once: `%2F` separates folders like
`/` does, and `%252e` stays `%2e`, which no key may contain. A key is then 1 to 1024 bytes of the
platform's character set: ASCII letters, digits, `_` and `/ ! - . * ' ( ) space & $ @ = ; : + , ?`.
Stricter than the platform, which leaves that to its clients, a key has no empty, `.` or `..`
segment. Keys never become file names on disk, so that this is about policies and about clients
that normalise URLs, not about escaping from a folder.
"""

import re

from reelbase.local.gateway.storage_errors import (
    StorageError,
    invalid_key,
    invalid_mime_type,
    invalid_parameter,
    too_large,
)

__all__ = [
    "MAX_OBJECT_SIZE",
    "check_bucket_name",
    "check_header_value",
    "check_key",
    "check_mime_patterns",
    "check_mime_type",
    "parse_size_limit",
]

MAX_OBJECT_SIZE = 5 * 1024**3
"""Bytes of the largest file that one request may upload: 5 GiB, as on the platform."""

MAX_KEY_BYTES = 1024
KEY = re.compile(r"[A-Za-z0-9_/!\-.*'() &$@=;:+,?]+")
BUCKET_NAME = re.compile(r"[A-Za-z0-9_!\-.*'() &$@=;:+,?]{1,100}")
MIME_PATTERN = re.compile(
    r"[A-Za-z0-9\-+.]+/[A-Za-z0-9\-+.]+(;\s*charset=[A-Za-z0-9\-]+)?|[A-Za-z0-9\-+.]+/\*|\*(/\*)?"
)
HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,510}[\x21-\x7e])?")
SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)(gb|mb|kb|b)", re.IGNORECASE)
SIZE_UNITS = {"gb": 10**9, "mb": 10**6, "kb": 10**3, "b": 1}


def check_key(key: str) -> str:
    """Return the key if it can name a file.

    Raises:
        StorageError: It cannot.
    """
    well_formed = len(key) <= MAX_KEY_BYTES and KEY.fullmatch(key) is not None
    if not well_formed or any(segment in {"", ".", ".."} for segment in key.split("/")):
        raise invalid_key(key[:MAX_KEY_BYTES])
    return key


def check_bucket_name(name: str) -> str:
    """Return the name if a bucket may have it.

    Raises:
        StorageError: It may not.
    """
    if BUCKET_NAME.fullmatch(name) is None or name in {".", ".."}:
        raise StorageError(400, "Invalid Input", "Bucket name invalid")
    return name


def check_header_value(name: str, value: str) -> str:
    """Return the value if it can be sent back as a header some day.

    Raises:
        StorageError: It holds line breaks, control characters, or is over 512 characters.
    """
    if HEADER_VALUE.fullmatch(value) is None:
        raise StorageError(400, "invalid_header_char", f"Invalid character in {name}")
    return value


def check_mime_type(mime_type: str, allowed: list[str] | None) -> None:
    """Check a file's type against what its bucket takes, the way the platform does.

    Types are compared as they were sent, parameters and all: `video/webm;codecs=vp8` matches
    `video/*` and not `video/webm`.

    Raises:
        StorageError: The bucket does not take it.
    """
    if not allowed:
        return
    kind, _, subtype = mime_type.partition("/")
    for pattern in allowed:
        if pattern in {"*", "*/*"}:
            return
        allowed_kind, _, allowed_subtype = pattern.partition("/")
        if kind == allowed_kind and subtype and allowed_subtype in {"*", subtype}:
            return
    raise invalid_mime_type(mime_type)


def check_mime_patterns(patterns: list[str] | None) -> list[str] | None:
    """Return a bucket's allowed types without empty ones.

    Raises:
        StorageError: One of them is no type and no `type/*`.
    """
    if patterns is None:
        return None
    for pattern in patterns:
        if pattern and (len(pattern) > 1000 or MIME_PATTERN.fullmatch(pattern) is None):
            raise invalid_mime_type(pattern[:1000])
    return [pattern for pattern in patterns if pattern]


def parse_size_limit(limit: int | str | None) -> int | None:
    """Return a bucket's size limit in bytes; `"50MB"` means 50 000 000.

    Raises:
        StorageError: It cannot be read, or is over `MAX_OBJECT_SIZE`.
    """
    if limit is None:
        return None
    if isinstance(limit, str):
        match = SIZE.fullmatch(limit)
        if match is None:
            raise StorageError(
                400,
                "InvalidRequest",
                "Invalid file size format, hint: use 20GB / 20MB / 30KB / 3B",
            )
        limit = int(float(match[1]) * SIZE_UNITS[match[2].lower()])
    if limit < 0:
        raise invalid_parameter("body/file_size_limit must be >= 0")
    if limit > MAX_OBJECT_SIZE:
        raise too_large()
    return limit
