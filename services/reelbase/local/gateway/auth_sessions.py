"""Sessions: access tokens that last an hour, and refresh tokens that are good for one use."""

import secrets
import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from psycopg.rows import DictRow

from reelbase.local.gateway.auth_users import (
    Connection,
    find_user,
    is_banned,
    user_json,
)
from reelbase.local.gateway.errors import AuthApiError
from reelbase.local.gateway.tokens import ACCESS_TOKEN_LIFETIME, TokenVerifier

__all__ = ["Client", "Sessions", "end_sessions"]

REUSE_INTERVAL = 10
"""Seconds in which a client that lost the answer to a refresh may ask again."""

INSERT_SESSION = """
insert into auth.sessions (id, user_id, created_at, updated_at, aal, user_agent, ip)
values (%(session_id)s, %(user_id)s, now(), now(), 'aal1', %(user_agent)s, %(ip)s)
"""

INSERT_AMR_CLAIM = """
insert into auth.mfa_amr_claims (id, session_id, authentication_method, created_at, updated_at)
values (%s, %s, %s, now(), now())
"""

INSERT_REFRESH = """
insert into auth.refresh_tokens (
  instance_id, token, user_id, revoked, created_at, updated_at, parent, session_id
) values (
  '00000000-0000-0000-0000-000000000000', %(token)s, %(user_id)s, false, now(), now(), %(parent)s,
  %(session_id)s
)
"""

# The session is locked, so that two refreshes with one token follow each other.
LOCK_SESSION = """
select s.id, s.user_id, s.not_after is not null and s.not_after <= now() as is_over
from auth.sessions as s
where s.id = (select t.session_id from auth.refresh_tokens as t where t.token = %s)
for update
"""

REFRESH_STATE = """
select
  t.revoked,
  t.updated_at > clock_timestamp() - make_interval(secs => %(reuse_interval)s) as is_recent,
  (
    select c.token
    from auth.refresh_tokens as c
    where c.session_id = t.session_id and c.parent = t.token and not c.revoked
  ) as successor
from auth.refresh_tokens as t
where t.token = %(token)s
"""

AMR_CLAIMS = """
select authentication_method as method, extract(epoch from updated_at)::bigint as timestamp
from auth.mfa_amr_claims
where session_id = %s
order by updated_at
"""


@dataclass(frozen=True, slots=True)
class Client:
    """Where a sign-in comes from."""

    user_agent: str | None
    ip: str | None


class Sessions:
    """Begins and refreshes sessions.

    Args:
        verifier: Signs the access tokens.
        issuer: Their `iss`.
    """

    def __init__(self, verifier: TokenVerifier, issuer: str) -> None:
        self._verifier = verifier
        self._issuer = issuer

    async def begin(
        self, connection: Connection, user_id: str, method: str, client: Client
    ) -> dict[str, Any]:
        """Begin a session and return the answer to a sign-in.

        Args:
            method: How the user proved to be who they are: `password` or `anonymous`.
        """
        session_id = str(uuid4())
        row = {
            "session_id": session_id,
            "user_id": user_id,
            "user_agent": client.user_agent,
            "ip": client.ip,
        }
        await connection.execute(INSERT_SESSION, row)
        await connection.execute(INSERT_AMR_CLAIM, [uuid4(), session_id, method])
        await connection.execute(
            "update auth.users set last_sign_in_at = now() where id = %s", [user_id]
        )
        token = await issue_refresh_token(connection, user_id, session_id, parent=None)
        return await self._answer(connection, user_id, session_id, token)

    async def refresh(self, connection: Connection, token: str) -> dict[str, Any] | None:
        """Exchange a refresh token for a new one and a new access token.

        A token that was used before ends its session, because one of its two holders stole it.
        The exception is the latest one for some seconds: then the client lost the answer, and gets
        the successor once more.

        Returns:
            The answer, or None when the session was ended; commit in either case.

        Raises:
            AuthApiError: The token is unknown, or its session is over.
        """
        cursor = await connection.execute(LOCK_SESSION, [token])
        session = await cursor.fetchone()
        if session is None:
            message = "Invalid Refresh Token: Refresh Token Not Found"
            raise AuthApiError(400, "refresh_token_not_found", message)
        if session["is_over"]:
            raise AuthApiError(400, "session_expired", "Invalid Refresh Token: Session Expired")
        user_id, session_id = str(session["user_id"]), str(session["id"])
        user = await find_user(connection, user_id)
        if user is None or is_banned(user):
            raise AuthApiError(400, "user_banned", "Invalid Refresh Token: User Banned")
        # Read after the lock was granted: whoever held it may have used the token.
        state_row = {"token": token, "reuse_interval": REUSE_INTERVAL}
        cursor = await connection.execute(REFRESH_STATE, state_row)
        state = await cursor.fetchone()
        if state is None:
            message = "Invalid Refresh Token: Refresh Token Not Found"
            raise AuthApiError(400, "refresh_token_not_found", message)
        if not state["revoked"]:
            await connection.execute(
                "update auth.refresh_tokens set revoked = true, updated_at = clock_timestamp()"
                " where token = %s",
                [token],
            )
            successor = await issue_refresh_token(connection, user_id, session_id, parent=token)
        elif state["successor"] is not None and state["is_recent"]:
            successor = state["successor"]
        else:
            await connection.execute("delete from auth.sessions where id = %s", [session_id])
            return None
        await connection.execute(
            "update auth.sessions set updated_at = now(), refreshed_at = now() at time zone 'utc'"
            " where id = %s",
            [session_id],
        )
        return await self._answer(connection, user_id, session_id, successor)

    async def _answer(
        self, connection: Connection, user_id: str, session_id: str, refresh_token: str
    ) -> dict[str, Any]:
        user = await find_user(connection, user_id)
        if user is None:
            raise AuthApiError(403, "user_not_found", "User from sub claim in JWT does not exist")
        cursor = await connection.execute(AMR_CLAIMS, [session_id])
        now = int(time.time())
        claims = self._claims(user, session_id, await cursor.fetchall(), now)
        return {
            "access_token": self._verifier.sign(claims),
            "token_type": "bearer",
            "expires_in": ACCESS_TOKEN_LIFETIME,
            "expires_at": now + ACCESS_TOKEN_LIFETIME,
            "refresh_token": refresh_token,
            "user": user_json(user),
        }

    def _claims(
        self, user: DictRow, session_id: str, amr: list[DictRow], now: int
    ) -> dict[str, Any]:
        return {
            "iss": self._issuer,
            "sub": str(user["id"]),
            "aud": user["aud"] or "authenticated",
            "exp": now + ACCESS_TOKEN_LIFETIME,
            "iat": now,
            "email": user["email"] or "",
            "phone": user["phone"] or "",
            "app_metadata": user["app_metadata"],
            "user_metadata": user["user_metadata"],
            "role": user["role"] or "authenticated",
            "aal": "aal1",
            "amr": amr,
            "session_id": session_id,
            "is_anonymous": user["is_anonymous"],
        }


async def issue_refresh_token(
    connection: Connection, user_id: str, session_id: str, parent: str | None
) -> str:
    """Store a new refresh token and return it."""
    token = secrets.token_urlsafe(24)
    row = {"token": token, "user_id": user_id, "parent": parent, "session_id": session_id}
    await connection.execute(INSERT_REFRESH, row)
    return token


async def end_sessions(
    connection: Connection, user_id: str, *, only: str | None = None, keep: str | None = None
) -> None:
    """End a user's sessions: all of them, `only` one, or all but the one to `keep`."""
    await connection.execute(
        "delete from auth.sessions where user_id = %(user_id)s"
        " and (%(only)s::uuid is null or id = %(only)s::uuid)"
        " and (%(keep)s::uuid is null or id <> %(keep)s::uuid)",
        {"user_id": user_id, "only": only, "keep": keep},
    )
