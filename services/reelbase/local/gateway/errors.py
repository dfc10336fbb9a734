"""Errors of the auth server, in the shapes that the platform's clients read."""

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

__all__ = [
    "API_VERSION",
    "INVALID_API_KEY",
    "NO_API_KEY",
    "AuthApiError",
    "error_response",
    "unexpected_failure",
]

API_VERSION = "2024-01-01"
VERSION_HEADER = "x-supabase-api-version"

NO_API_KEY = {
    "message": "No API key found in request",
    "hint": "No `apikey` request header or url param was found.",
}
INVALID_API_KEY = {
    "message": "Invalid API key",
    "hint": "Double check your Supabase `anon` or `service_role` API key.",
}


class AuthApiError(Exception):
    """An answer other than success.

    Args:
        status: The HTTP status.
        error_code: The stable code that clients switch on.
        message: What went wrong, for people.
        weak_password: Why a password was refused (`length`, …), with code `weak_password`.
    """

    def __init__(
        self, status: int, error_code: str, message: str, weak_password: list[str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.message = message
        self.weak_password = weak_password


def unexpected_failure(message: str) -> AuthApiError:
    """Return the error for what is the server's or the database's fault."""
    return AuthApiError(500, "unexpected_failure", message)


def error_response(request: Request, error: AuthApiError) -> JSONResponse:
    """Render an error as the client's API version expects it.

    A client that names version 2024-01-01 or a later one gets `code` and `message`, with the
    version repeated in the answer; any other gets `code` (the status), `error_code` and `msg`.
    """
    headers = {"x-sb-error-code": error.error_code}
    content: dict[str, Any]
    version = request.headers.get(VERSION_HEADER, "")
    # Versions are dates in ISO form, which sort as text.
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", version) and version >= API_VERSION:
        headers[VERSION_HEADER] = API_VERSION
        content = {"code": error.error_code, "message": error.message}
    else:
        content = {"code": error.status, "error_code": error.error_code, "msg": error.message}
    if error.weak_password is not None:
        content["weak_password"] = {"reasons": error.weak_password}
    return JSONResponse(content, status_code=error.status, headers=headers)
