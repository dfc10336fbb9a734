"""`/auth/v1`: the part of the platform's auth API that its clients' everyday calls use.

A development stand-in: a sign-up is confirmed at once, nothing sends mail, nothing is rate-limited.
"""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg.rows import DictRow
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reelbase.local.gateway import auth_users as users
from reelbase.local.gateway.auth_passwords import Passwords
from reelbase.local.gateway.auth_requests import (
    AdminUserBody,
    DeleteUserBody,
    PasswordGrantBody,
    RefreshGrantBody,
    SignUpBody,
    UserUpdateBody,
    ban_seconds,
    read_body,
    valid_email,
    valid_password,
    validation_failed,
)
from reelbase.local.gateway.auth_sessions import Client, Sessions, end_sessions
from reelbase.local.gateway.config import GatewayConfig
from reelbase.local.gateway.errors import (
    INVALID_API_KEY,
    NO_API_KEY,
    AuthApiError,
    error_response,
    unexpected_failure,
)
from reelbase.local.gateway.tokens import (
    Caller,
    InvalidToken,
    api_key_role,
    bearer_of,
    caller_of,
    verifier_of,
)

__all__ = ["AuthServer"]

logger = structlog.get_logger(__name__)

Handler = Callable[[Request], Awaitable[Response]]

PAGE = 50
LONGEST_PAGE = 1000


class AuthServer:
    """The auth server of one stack.

    Args:
        config: Addresses and keys.
        pool: Connections as `supabase_auth_admin`, in autocommit mode, with rows as dicts.
    """

    def __init__(self, config: GatewayConfig, pool: users.Pool) -> None:
        self._keys = config.keys
        self._pool = pool
        self._verifier = verifier_of(config.keys)
        self._sessions = Sessions(self._verifier, f"{config.base_url}/auth/v1")
        self._passwords = Passwords(pool)

    def routes(self) -> list[Route]:
        """Return the routes, to be mounted at `/auth/v1`."""
        return [
            Route("/signup", self._guarded(self.sign_up), methods=["POST"]),
            Route("/token", self._guarded(self.token), methods=["POST"]),
            Route("/user", self._guarded(self.get_user), methods=["GET"]),
            Route("/user", self._guarded(self.update_user), methods=["PUT"]),
            Route("/logout", self._guarded(self.log_out), methods=["POST"]),
            Route("/settings", self._guarded(self.settings), methods=["GET"]),
            Route("/admin/users", self._guarded(self.admin_list), methods=["GET"]),
            Route("/admin/users", self._guarded(self.admin_create), methods=["POST"]),
            Route("/admin/users/{user_id}", self._guarded(self.admin_get), methods=["GET"]),
            Route("/admin/users/{user_id}", self._guarded(self.admin_update), methods=["PUT"]),
            Route("/admin/users/{user_id}", self._guarded(self.admin_delete), methods=["DELETE"]),
            # Public on the platform too: a verifier elsewhere has no API key.
            Route("/.well-known/jwks.json", self.jwks, methods=["GET"]),
            Route("/health", self.health, methods=["GET"]),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        """Ask for an API key first, and turn every error into the platform's shape."""

        async def guarded(request: Request) -> Response:
            api_key = request.headers.get("apikey") or request.query_params.get("apikey")
            if not api_key:
                return JSONResponse(NO_API_KEY, status_code=401)
            try:
                api_key_role(api_key, self._keys)
            except InvalidToken:
                return JSONResponse(INVALID_API_KEY, status_code=401)
            try:
                return await handler(request)
            except AuthApiError as error:
                if error.status >= 500:
                    log_failure(error.__cause__ or error)
                return error_response(request, error)
            except ClientDisconnect:
                return Response(status_code=499)
            except Exception as error:
                log_failure(error)
                message = "Unexpected failure, please check server logs for more information"
                return error_response(request, unexpected_failure(message))

        return guarded

    # Signing up and in ---------------------------------------------------------------------------

    async def sign_up(self, request: Request) -> Response:
        """Register a user, or an anonymous one when there is no address."""
        body = await read_body(request, SignUpBody)
        data = body.data or {}
        if body.email:
            return await self._sign_up_with_email(request, body.email, body.password, data)
        if body.phone:
            raise AuthApiError(400, "phone_provider_disabled", "Phone signups are disabled")
        async with self._pool.connection() as connection, connection.transaction():
            user_id = await users.create_user(connection, user_metadata=data)
            answer = await self._sessions.begin(
                connection, user_id, "anonymous", client_of(request)
            )
        return JSONResponse(answer)

    async def _sign_up_with_email(
        self, request: Request, email: str, password: str | None, data: dict[str, Any]
    ) -> Response:
        if not password:
            raise validation_failed("Signup requires a valid password")
        email, password = valid_email(email), valid_password(password)
        already = AuthApiError(422, "user_already_exists", "User already registered")
        async with self._pool.connection() as connection:
            if await users.email_taken(connection, email):
                raise already
        # No connection is held while the hash is made.
        password_hash = await self._passwords.hash(password)
        async with self._pool.connection() as connection, connection.transaction():
            try:
                user_id = await users.create_user(
                    connection, email=email, password_hash=password_hash, user_metadata=data
                )
            except AuthApiError as error:
                if error.error_code == "email_exists":
                    raise already from None
                raise
            claims = {"sub": user_id, "email": email, "phone_verified": False}
            await users.confirm_email(connection, user_id, claims)
            answer = await self._sessions.begin(connection, user_id, "password", client_of(request))
        return JSONResponse(answer)

    async def token(self, request: Request) -> Response:
        """Exchange a password or a refresh token for a session."""
        match request.query_params.get("grant_type"):
            case "password":
                return await self._grant_by_password(request)
            case "refresh_token":
                return await self._grant_by_refresh_token(request)
            case _:
                raise AuthApiError(400, "invalid_credentials", "unsupported_grant_type")

    async def _grant_by_password(self, request: Request) -> Response:
        body = await read_body(request, PasswordGrantBody)
        if not body.email:
            raise validation_failed("missing email or phone")
        async with self._pool.connection() as connection:
            user = await users.find_user_by_email(connection, body.email.lower())
        stored = None if user is None else user["encrypted_password"]
        matches = await self._passwords.matches(stored, body.password or "")
        if user is None or not matches:
            raise AuthApiError(400, "invalid_credentials", "Invalid login credentials")
        if users.is_banned(user):
            raise AuthApiError(400, "user_banned", "User is banned")
        if user["email_confirmed_at"] is None:
            raise AuthApiError(400, "email_not_confirmed", "Email not confirmed")
        async with self._pool.connection() as connection, connection.transaction():
            answer = await self._sessions.begin(
                connection, str(user["id"]), "password", client_of(request)
            )
        return JSONResponse(answer)

    async def _grant_by_refresh_token(self, request: Request) -> Response:
        body = await read_body(request, RefreshGrantBody)
        if not body.refresh_token:
            raise validation_failed("refresh_token required")
        async with self._pool.connection() as connection, connection.transaction():
            answer = await self._sessions.refresh(connection, body.refresh_token)
        if answer is None:
            logger.warning("refresh_token_reused")
            message = "Invalid Refresh Token: Already Used"
            raise AuthApiError(400, "refresh_token_already_used", message)
        return JSONResponse(answer)

    # The user's own account ----------------------------------------------------------------------

    async def get_user(self, request: Request) -> Response:
        """Return the caller."""
        async with self._pool.connection() as connection:
            _, user = await self._current_user(request, connection)
        return JSONResponse(users.user_json(user))

    async def update_user(self, request: Request) -> Response:
        """Change the caller's address, password or metadata."""
        body = await read_body(request, UserUpdateBody)
        password = valid_password(body.password) if body.password else None
        email = valid_email(body.email) if body.email else None
        if body.app_metadata is not None:
            message = "Updating app_metadata requires admin privileges"
            raise AuthApiError(403, "not_admin", message)
        if body.phone:
            raise AuthApiError(400, "phone_provider_disabled", "Phone signups are disabled")
        async with self._pool.connection() as connection:
            caller, user = await self._current_user(request, connection)
        user_id = str(user["id"])
        changes: dict[str, Any] = {} if body.data is None else {"user_metadata": body.data}
        if password is not None:
            if user["is_anonymous"] and email is None:
                raise validation_failed(
                    "Updating password of an anonymous user without an email or phone"
                    " is not allowed"
                )
            if await self._passwords.matches(user["encrypted_password"], password):
                message = "New password should be different from the old password."
                raise AuthApiError(422, "same_password", message)
            changes["encrypted_password"] = await self._passwords.hash(password)
        async with self._pool.connection() as connection, connection.transaction():
            if changes:
                await users.set_columns(connection, user_id, changes)
            if password is not None:
                # Whoever knew the old password is signed out; the caller stays.
                session_id = caller.claims.get("session_id")
                await end_sessions(connection, user_id, keep=session_id)
            if email is not None and email != user["email"]:
                await users.set_email(connection, user, email, confirm=True)
            answer = await loaded(connection, user_id)
        return JSONResponse(users.user_json(answer))

    async def log_out(self, request: Request) -> Response:
        """End the caller's sessions: `global` (all), `local` (this one) or `others`."""
        scope = request.query_params.get("scope") or "global"
        if scope not in {"global", "local", "others"}:
            raise validation_failed('Unsupported logout scope; use "global", "local" or "others"')
        async with self._pool.connection() as connection:
            caller, user = await self._current_user(request, connection)
            session_id = caller.claims.get("session_id")
            await end_sessions(
                connection,
                str(user["id"]),
                only=session_id if scope == "local" else None,
                keep=session_id if scope == "others" else None,
            )
        return Response(status_code=204)

    async def _current_user(
        self, request: Request, connection: users.Connection
    ) -> tuple[Caller, DictRow]:
        """Return the caller and its row.

        Raises:
            AuthApiError: There is no token (401); it is not valid, or its session or user is gone
                (403).
        """
        if bearer_of(request.headers) is None:
            message = "This endpoint requires a valid Bearer token"
            raise AuthApiError(401, "no_authorization", message)
        caller = self._caller(request)
        if caller.user_id is None:
            raise AuthApiError(403, "bad_jwt", "invalid claim: missing sub claim")
        user_id = uuid_or_none(caller.user_id)
        if user_id is None:
            raise AuthApiError(403, "bad_jwt", "invalid claim: sub claim must be a UUID")
        user = await users.find_user(connection, user_id)
        if user is None:
            raise AuthApiError(403, "user_not_found", "User from sub claim in JWT does not exist")
        if (session_id := caller.claims.get("session_id")) is not None:
            cursor = await connection.execute(
                "select 1 from auth.sessions where id = %s and user_id = %s",
                [uuid_or_none(str(session_id)), user_id],
            )
            if await cursor.fetchone() is None:
                message = "Session from session_id claim in JWT does not exist"
                raise AuthApiError(403, "session_not_found", message)
        return caller, user

    def _caller(self, request: Request) -> Caller:
        try:
            return caller_of(request.headers, self._keys)
        except InvalidToken as error:
            raise AuthApiError(403, "bad_jwt", str(error)) from None

    # Administration ------------------------------------------------------------------------------

    def _require_admin(self, request: Request) -> None:
        """Let `service_role` pass.

        Raises:
            AuthApiError: The caller is somebody else (403).
        """
        if self._caller(request).role != "service_role":
            raise AuthApiError(403, "not_admin", "User not allowed")

    async def admin_list(self, request: Request) -> Response:
        """List users, newest first, by page."""
        self._require_admin(request)
        page = number(request, "page", default=1)
        per_page = min(number(request, "per_page", default=PAGE), LONGEST_PAGE)
        async with self._pool.connection() as connection:
            found, total = await users.list_users(
                connection, limit=per_page, offset=(page - 1) * per_page
            )
        last = max(1, -(-total // per_page))
        links = [("last", last)] if page >= last else [("next", page + 1), ("last", last)]
        headers = {
            "x-total-count": str(total),
            "link": ", ".join(
                f'<{request.url.path}?page={to}&per_page={per_page}>; rel="{rel}"'
                for rel, to in links
            ),
        }
        content = {"users": [users.user_json(user) for user in found], "aud": "authenticated"}
        return JSONResponse(content, headers=headers)

    async def admin_get(self, request: Request) -> Response:
        """Return a user."""
        self._require_admin(request)
        async with self._pool.connection() as connection:
            user = await addressed_user(request, connection)
        return JSONResponse(users.user_json(user))

    async def admin_create(self, request: Request) -> Response:
        """Create a user, confirmed only if `email_confirm` says so."""
        self._require_admin(request)
        body = (await read_body(request, AdminUserBody)).checked()
        if not body.email and not body.phone:
            message = "Cannot create a user without either an email or phone"
            raise validation_failed(message)
        # Without a password nobody can sign in by one, which is what a random one says.
        password_hash = await self._passwords.hash(body.password or secrets.token_urlsafe(32))
        async with self._pool.connection() as connection, connection.transaction():
            if body.email and await users.email_taken(connection, body.email):
                raise users.exists("email")
            user_id = await users.create_user(
                connection,
                email=body.email or None,
                phone=body.phone or None,
                password_hash=password_hash,
                user_metadata=body.user_metadata,
                app_metadata=body.app_metadata,
                role=body.role or "authenticated",
                aud=body.aud or "authenticated",
                user_id=body.id or None,
                failure="Database error creating new user",
            )
            await self._apply(connection, user_id, body.model_copy(update=FIRST_SET_BY_CREATION))
            answer = await loaded(connection, user_id)
        return JSONResponse(users.user_json(answer))

    async def admin_update(self, request: Request) -> Response:
        """Change anything about a user."""
        self._require_admin(request)
        body = (await read_body(request, AdminUserBody)).checked()
        password = valid_password(body.password) if body.password else None
        password_hash = None if password is None else await self._passwords.hash(password)
        async with self._pool.connection() as connection, connection.transaction():
            user = await addressed_user(request, connection)
            user_id = str(user["id"])
            if body.email and body.email != user["email"]:
                await users.set_email(connection, user, body.email, confirm=False)
            if body.phone and body.phone != user["phone"]:
                user = await loaded(connection, user_id)
                await users.set_phone(connection, user, body.phone)
            await self._apply(connection, user_id, body)
            if password_hash is not None:
                changes = {"encrypted_password": password_hash}
                await users.set_columns(connection, user_id, changes)
                await end_sessions(connection, user_id)
            answer = await loaded(connection, user_id)
        return JSONResponse(users.user_json(answer))

    async def _apply(self, connection: users.Connection, user_id: str, body: AdminUserBody) -> None:
        """Apply what creating and updating a user have in common."""
        changes: dict[str, Any] = {}
        if body.role:
            changes["role"] = body.role
        if body.app_metadata is not None:
            changes["app_metadata"] = body.app_metadata
        user_metadata = {"email_verified": True} if body.email_confirm else {}
        user_metadata |= body.user_metadata or {}
        if user_metadata:
            changes["user_metadata"] = user_metadata
        if body.ban_duration:
            changes["banned_seconds"] = ban_seconds(body.ban_duration)
        confirm = {"email": body.email_confirm, "phone": body.phone_confirm}
        chosen = tuple(name for name, is_chosen in confirm.items() if is_chosen)
        if changes or chosen:
            await users.set_columns(connection, user_id, changes, confirm=chosen)

    async def admin_delete(self, request: Request) -> Response:
        """Delete a user, or only forget who it was."""
        self._require_admin(request)
        body = await read_body(request, DeleteUserBody)
        async with self._pool.connection() as connection, connection.transaction():
            user = await addressed_user(request, connection)
            delete = users.soft_delete_user if body.should_soft_delete else users.delete_user
            await delete(connection, str(user["id"]))
        return JSONResponse({})

    # About the server ----------------------------------------------------------------------------

    async def jwks(self, request: Request) -> Response:  # noqa: ARG002
        """Return the keys that access tokens are verified with."""
        headers = {"cache-control": "public, max-age=600"}
        return JSONResponse(self._keys.public_jwks(), headers=headers)

    async def settings(self, request: Request) -> Response:  # noqa: ARG002
        """Return what sign-in methods there are."""
        return JSONResponse(
            {
                "external": {"anonymous_users": True, "email": True, "phone": False},
                "disable_signup": False,
                "mailer_autoconfirm": True,
                "phone_autoconfirm": False,
                "sms_provider": "",
                "saml_enabled": False,
                "mfa_enabled": False,
            }
        )

    async def health(self, request: Request) -> Response:  # noqa: ARG002
        """Tell whether the database answers."""
        description = "Development stand-in for the platform's auth server"
        status = 200 if await self.ping() else 503
        return JSONResponse({"name": "Reelbase", "description": description}, status_code=status)

    async def ping(self) -> bool:
        """Tell whether the schema `auth` can be read."""
        try:
            async with self._pool.connection(timeout=2) as connection:
                await connection.execute("select 1 from auth.users limit 1")
        except psycopg.Error:
            return False
        return True


FIRST_SET_BY_CREATION = {"role": None, "app_metadata": None, "user_metadata": None}


def client_of(request: Request) -> Client:
    """Return where a request comes from."""
    return Client(
        user_agent=request.headers.get("user-agent"),
        ip=None if request.client is None else request.client.host,
    )


def uuid_or_none(text: str) -> str | None:
    """Return a UUID in its usual spelling, or None if it is none."""
    try:
        return str(UUID(text))
    except ValueError:
        return None


def number(request: Request, name: str, default: int) -> int:
    """Return a positive whole number of the query.

    Raises:
        AuthApiError: It is something else.
    """
    text = request.query_params.get(name)
    if not text:
        return default
    if not text.isdecimal() or not text.isascii() or not 0 < len(text) < 9 or int(text) == 0:
        raise validation_failed(f"Bad Pagination Parameters: {name} must be a positive number")
    return int(text)


async def addressed_user(request: Request, connection: users.Connection) -> DictRow:
    """Return the user whose id is in the path.

    Raises:
        AuthApiError: There is none (404).
    """
    user_id = uuid_or_none(request.path_params["user_id"])
    if user_id is None:
        raise AuthApiError(404, "validation_failed", "user_id must be an UUID")
    user = await users.find_user(connection, user_id)
    if user is None:
        raise AuthApiError(404, "user_not_found", "User not found")
    return user


async def loaded(connection: users.Connection, user_id: str) -> DictRow:
    """Return a user that this transaction has just written."""
    user = await users.find_user(connection, user_id)
    if user is None:
        raise unexpected_failure("Database error loading user")
    return user


def log_failure(error: BaseException) -> None:
    """Log what kind of error it was; its text may hold a user's data, and stays out."""
    logger.error(
        "auth_request_failed",
        error=type(error).__name__,
        sqlstate=error.sqlstate if isinstance(error, psycopg.Error) else None,
    )
