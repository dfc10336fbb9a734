"""What the web service answers when it does not do what it was asked for: one form for all."""

from collections.abc import Mapping

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

__all__ = ["RETRY_SECONDS", "Refusal", "refusal"]

RETRY_SECONDS = 5
"""When whoever was refused for the moment may come again."""


class Refusal(BaseModel):
    """Why not: a stable code for programs, and a sentence for people where there is more to say."""

    error: str = Field(description="Stable and machine-readable.", examples=["not_found"])
    message: str | None = Field(None, description="A sentence for people.")


def refusal(
    status: int, code: str, message: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Make such an answer, which nobody keeps; "not now" says when to come again.

    Args:
        status: HTTP's.
        code: As in `Refusal.error`.
        message: As in `Refusal.message`.
        headers: Further ones, or others than usual.
    """
    found = {"Cache-Control": "no-store"}
    if status in {429, 503}:
        found["Retry-After"] = str(RETRY_SECONDS)
    body = {"error": code} if message is None else {"error": code, "message": message}
    return JSONResponse(body, status_code=status, headers={**found, **(headers or {})})
