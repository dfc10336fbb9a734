"""Who calls: the token of a signed-in user, as Supabase Auth issues it.

Tokens that are signed with the project's own keys (ES256, RS256, EdDSA) are verified here with the
public ones that Auth publishes. Older projects sign with a secret (HS256), which is not for
services to hold: Auth itself is asked about those.

    @router.post("/checkout", responses=USER_ANSWERS)
    async def check_out(user: Annotated[AuthenticatedUser, Depends(user_of)]) -> …
"""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import anyio
import httpx
import jwt
import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from reelbase.jwks import KeySet
from reelbase.web.answers import RETRY_SECONDS, Refusal
from reelbase.webhooks import SourceUnavailable

__all__ = ["USER_ANSWERS", "AuthenticatedUser", "NotAllowed", "Users", "user_of"]

AUDIENCE = "authenticated"

MAX_TOKEN = 16 * 1024

LEEWAY_SECONDS = 5.0
"""How far Auth's clock may be ahead of ours: a token is used as soon as it is issued."""

ASK_SECONDS = 5.0
"""How long Auth may take to say who somebody is."""

MAX_ANSWER_BYTES = 256 * 1024

# Three parts in base64url with points between them.
TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")

USER_ANSWERS: dict[int | str, dict[str, Any]] = {
    401: {"model": Refusal, "description": "There is no user's token, or it is not good any more."},
    503: {"model": Refusal, "description": "Something that this needs is away; come again."},
}

log = structlog.stdlib.get_logger("reelbase.web")


@dataclass(frozen=True, slots=True)
class AuthenticatedUser:
    """A signed-in user; an anonymous one has signed in without saying who they are."""

    id: str
    email: str | None = None
    is_anonymous: bool = False


class NotAllowed(Exception):  # noqa: N818 - a verdict
    """Whoever calls has not shown who they are. The app answers 401, or 503 where none can tell."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def headers(self) -> dict[str, str]:
        """What HTTP wants to be said with it."""
        if self.status == 503:
            return {"Retry-After": str(RETRY_SECONDS)}
        invalid = ', error="invalid_token"' if self.code == "invalid_token" else ""
        return {"WWW-Authenticate": f'Bearer realm="reelbase"{invalid}'}


class Users:
    """Knows users by their tokens.

    Args:
        http: Asks Auth.
        auth_url: Where Auth answers: `…/auth/v1`.
        api_key: A key that Auth takes from services.
        keys: The project's public keys.
        issuer: What tokens say of who issued them.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        auth_url: str,
        api_key: str,
        keys: KeySet,
        issuer: str,
    ) -> None:
        self._http = http
        self._user_url = f"{auth_url}/user"
        self._api_key = api_key
        self._keys = keys
        self._issuer = issuer

    async def read(self, token: str) -> AuthenticatedUser:
        """Return whose token this is.

        Raises:
            NotAllowed: it is nobody's, or nobody can tell at this moment.
        """
        if len(token) > MAX_TOKEN or TOKEN.fullmatch(token) is None:
            raise invalid("it is malformed")
        try:
            head = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise invalid(type(error).__name__) from None
        if head.get("alg") == "HS256":
            return read_user(await self._ask(token), "id")
        return read_user(await self._verify(token, head), "sub")

    async def _verify(self, token: str, head: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what a token says, if the project has signed it."""
        kid = head.get("kid")
        try:
            key = await self._keys.find(kid) if isinstance(kid, str) else None
        except SourceUnavailable:
            raise away() from None
        # The key says which algorithm it is for, never the token.
        if key is None or key.algorithm != head.get("alg"):
            raise invalid("its key is not known")
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key.public,
                algorithms=[key.algorithm],
                audience=AUDIENCE,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["aud", "exp", "iss", "sub"]},
            )
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise invalid(type(error).__name__) from None
        return claims

    async def _ask(self, token: str) -> Mapping[str, Any]:
        """Return what Auth says of whose token this is."""
        headers = {"apikey": self._api_key, "Authorization": f"Bearer {token}"}
        try:
            with anyio.fail_after(ASK_SECONDS):
                async with self._http.stream("GET", self._user_url, headers=headers) as answer:
                    status, body = answer.status_code, b""
                    async for piece in answer.aiter_bytes():
                        body += piece
                        if len(body) > MAX_ANSWER_BYTES:
                            raise ValueError("too long")
            found = json.loads(body)
        except (httpx.HTTPError, TimeoutError, ValueError, RecursionError) as error:
            log.warning("auth_unavailable", error=type(error).__name__)
            raise away() from None
        # 403 is what Auth says of tokens that are expired, forged, or of a session that is over.
        if status in {400, 401, 403, 404}:
            raise invalid("Auth does not know it")
        if status != 200 or not isinstance(found, dict):
            log.warning("auth_unavailable", status=status)
            raise away()
        if found.get("aud") != AUDIENCE:
            raise invalid("it is for another audience")
        return found


def read_user(claims: Mapping[str, Any], name: str) -> AuthenticatedUser:
    """Read a user from what was found out of them."""
    try:
        user_id = str(uuid.UUID(str(claims.get(name))))
    except ValueError:
        raise invalid("it is no user's") from None
    if claims.get("role") != AUDIENCE:
        raise invalid("it is no user's")
    email = claims.get("email")
    return AuthenticatedUser(
        user_id,
        email if isinstance(email, str) and email else None,
        claims.get("is_anonymous") is True,
    )


def invalid(reason: str) -> NotAllowed:
    """Say that a token is not good; why is for the log, and of use to nobody else."""
    log.info("token_refused", reason=reason)
    return NotAllowed(
        401, "invalid_token", "The token is not good, or not any more: sign in again."
    )


def away() -> NotAllowed:
    """Say that nobody can tell at this moment."""
    return NotAllowed(503, "unavailable", "Who you are cannot be told at this moment: come again.")


BEARER = HTTPBearer(
    auto_error=False, bearerFormat="JWT", description="The access token of a signed-in user."
)


async def user_of(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
) -> AuthenticatedUser:
    """Return who calls. A dependency of routes.

    Raises:
        NotAllowed: see there.
    """
    if credentials is None:
        raise NotAllowed(401, "no_token", "Send the access token of a signed-in user.")
    users: Users = request.app.state.users
    return await users.read(credentials.credentials)
