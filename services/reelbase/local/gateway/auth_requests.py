"""What clients may send to the auth server, checked before anything is done with it."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request

from reelbase.local.gateway.errors import AuthApiError
from reelbase.local.gateway.json_depth import check_depth

__all__ = [
    "AdminUserBody",
    "DeleteUserBody",
    "PasswordGrantBody",
    "RefreshGrantBody",
    "SignUpBody",
    "UserUpdateBody",
    "ban_seconds",
    "read_body",
    "valid_email",
    "valid_password",
    "valid_phone",
]

BODY_LIMIT = 1024 * 1024
"""Bytes of the longest body that is read."""
MINIMUM_PASSWORD = 6
MAXIMUM_PASSWORD = 72
"""Bytes: the platform hashes with bcrypt, which sees no more."""
MAXIMUM_EMAIL = 254

# One `@`, no spaces or control characters, a domain of labels. Whether mail arrives is the only
# full test; this keeps out what no mail server would take.
EMAIL = re.compile(
    r"[^\s@\x00-\x1f\x7f<>(),;:\\\"\[\]]+@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
    r"(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+"
)
PHONE = re.compile(r"[1-9]\d{1,14}")
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|h|m|s))+")
DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|h|m|s)")
UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
MAXIMUM_BAN = 292 * 365 * 24 * 3600.0


class Body(BaseModel):
    """A request body. Unknown fields are ignored, as on the platform; types are not bent."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class SignUpBody(Body):
    """`POST /signup`."""

    email: str | None = None
    phone: str | None = None
    password: str | None = None
    data: dict[str, Any] | None = None


class PasswordGrantBody(Body):
    """`POST /token?grant_type=password`."""

    email: str | None = None
    phone: str | None = None
    password: str | None = None


class RefreshGrantBody(Body):
    """`POST /token?grant_type=refresh_token`."""

    refresh_token: str | None = None


class UserUpdateBody(Body):
    """`PUT /user`. `app_metadata` is read only to be refused."""

    email: str | None = None
    phone: str | None = None
    password: str | None = None
    data: dict[str, Any] | None = None
    app_metadata: dict[str, Any] | None = None


class AdminUserBody(Body):
    """`POST /admin/users` and `PUT /admin/users/{id}`."""

    id: str | None = None
    aud: str | None = None
    role: str | None = None
    email: str | None = None
    phone: str | None = None
    password: str | None = None
    email_confirm: bool = False
    phone_confirm: bool = False
    user_metadata: dict[str, Any] | None = None
    app_metadata: dict[str, Any] | None = None
    ban_duration: str | None = None

    def checked(self) -> Self:
        """Return it with e-mail and phone in their stored form.

        Raises:
            AuthApiError: A field does not hold what it should.
        """
        changes: dict[str, Any] = {}
        if self.email:
            changes["email"] = valid_email(self.email)
        if self.phone:
            changes["phone"] = valid_phone(self.phone)
        if self.id:
            try:
                changes["id"] = str(UUID(self.id))
            except ValueError:
                raise validation_failed("ID must conform to the uuid v4 format") from None
        if self.ban_duration:
            ban_seconds(self.ban_duration)
        return self.model_copy(update=changes)


class DeleteUserBody(Body):
    """`DELETE /admin/users/{id}`."""

    should_soft_delete: bool = False


BodyT = TypeVar("BodyT", bound=Body)


def validation_failed(message: str) -> AuthApiError:
    """Return the error for a field that does not hold what it should."""
    return AuthApiError(400, "validation_failed", message)


async def read_body(request: Request, model: type[BodyT]) -> BodyT:
    """Read and check a JSON body.

    Raises:
        AuthApiError: It is too long (413), no JSON object, or has wrong types (400).
    """
    raw = await read_limited(request)
    if not raw:
        return model()
    try:
        content = json.loads(raw, parse_constant=refuse_constant)
        check_depth(content)
        for text in texts(content):
            if "\x00" in text:
                raise ValueError("NUL")
            text.encode()
    except (ValueError, RecursionError):
        message = f"Could not parse request body as JSON: {request.url.path}"
        raise AuthApiError(400, "bad_json", message) from None
    try:
        return model.model_validate(content)
    except ValidationError as error:
        fields = sorted({str(each["loc"][0]) for each in error.errors() if each["loc"]})
        named = ", ".join(fields) if fields else "not an object"
        raise validation_failed(f"Invalid request body: {named}") from None


async def read_limited(request: Request) -> bytes:
    """Read a body of at most `BODY_LIMIT` bytes."""
    too_large = AuthApiError(413, "request_too_large", "Request body is too large")
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > BODY_LIMIT:
        raise too_large
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_LIMIT:
            raise too_large
    return bytes(body)


def refuse_constant(name: str) -> None:
    """Refuse NaN and the infinities, which are no JSON."""
    raise ValueError(name)


def texts(content: Any) -> Iterator[str]:
    """Yield every string in a JSON value, without recursion.

    Raises:
        ValueError: A number is too large for JSON's readers.
    """
    pending = [content]
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, float) and not math.isfinite(value):
            raise ValueError("number out of range")
        elif isinstance(value, list):
            pending.extend(value)
        elif isinstance(value, dict):
            pending.extend(value)
            pending.extend(value.values())


def valid_email(email: str) -> str:
    """Return an e-mail address as it is stored: lower case.

    Raises:
        AuthApiError: It is no e-mail address.
    """
    email = email.lower()
    if len(email) > MAXIMUM_EMAIL or not EMAIL.fullmatch(email):
        raise validation_failed("Unable to validate email address: invalid format")
    return email


def valid_phone(phone: str) -> str:
    """Return a phone number as it is stored: E.164 without the plus.

    Raises:
        AuthApiError: It is no phone number.
    """
    phone = phone.replace(" ", "").removeprefix("+")
    if not PHONE.fullmatch(phone):
        raise validation_failed("Invalid phone number format (E.164 required)")
    return phone


def valid_password(password: str) -> str:
    """Return a new password if it may be used.

    Raises:
        AuthApiError: It is too short (422) or too long (400).
    """
    if len(password.encode()) > MAXIMUM_PASSWORD:
        message = f"Password cannot be longer than {MAXIMUM_PASSWORD} characters"
        raise validation_failed(message)
    if len(password) < MINIMUM_PASSWORD:
        message = f"Password should be at least {MINIMUM_PASSWORD} characters."
        raise AuthApiError(422, "weak_password", message, ["length"])
    return password


def ban_seconds(duration: str) -> float | None:
    """Return the seconds of a duration such as `1h30m`, or None for `none`.

    Raises:
        AuthApiError: It is no duration, or one past three hundred years.
    """
    if duration == "none":
        return None
    seconds = math.inf
    if len(duration) < 64 and DURATION.fullmatch(duration):
        parts = DURATION_PART.findall(duration)
        seconds = sum(float(number) * UNITS[unit] for number, unit in parts)
    if seconds > MAXIMUM_BAN:
        raise validation_failed("invalid format for ban duration")
    return seconds
