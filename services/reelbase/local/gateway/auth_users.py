"""Rows of `auth.users` and `auth.identities`, and the JSON that clients see of them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from reelbase.local.gateway.errors import AuthApiError, unexpected_failure

__all__ = [
    "Connection",
    "Pool",
    "confirm_email",
    "create_user",
    "delete_user",
    "email_taken",
    "find_user",
    "find_user_by_email",
    "is_banned",
    "list_users",
    "merged",
    "set_columns",
    "set_email",
    "set_phone",
    "soft_delete_user",
    "user_json",
]

Connection = AsyncConnection[DictRow]
Pool = AsyncConnectionPool[Connection]

EMAIL_INDEX = "users_email_partial_key"
PHONE_INDEX = "users_phone_key"

USER = """
select
  u.id, u.aud, u.role, u.email, u.phone, u.encrypted_password, u.email_confirmed_at,
  u.phone_confirmed_at, u.confirmed_at, u.invited_at, u.confirmation_sent_at, u.recovery_sent_at,
  u.email_change, u.email_change_sent_at, u.last_sign_in_at, u.banned_until, u.deleted_at,
  u.is_anonymous, coalesce(u.raw_app_meta_data, '{}') as app_metadata,
  coalesce(u.raw_user_meta_data, '{}') as user_metadata,
  coalesce(u.created_at, 'epoch') as created_at,
  coalesce(u.updated_at, u.created_at, 'epoch') as updated_at,
  coalesce(
    (
      select
        jsonb_agg(
          jsonb_build_object(
            'identity_id', i.id, 'id', i.provider_id, 'user_id', i.user_id,
            'identity_data', i.identity_data, 'provider', i.provider,
            'last_sign_in_at', i.last_sign_in_at, 'created_at', i.created_at,
            'updated_at', i.updated_at, 'email', i.email
          )
          order by i.created_at, i.id
        )
      from auth.identities as i
      where i.user_id = u.id
    ),
    '[]'
  ) as identities
from auth.users as u
"""

INSERT_USER = """
insert into auth.users (
  instance_id, id, aud, role, email, phone, encrypted_password, confirmation_token, recovery_token,
  email_change_token_new, email_change, raw_app_meta_data, raw_user_meta_data, is_anonymous,
  created_at, updated_at
) values (
  '00000000-0000-0000-0000-000000000000', %(id)s, %(aud)s, %(role)s, %(email)s, %(phone)s,
  %(password_hash)s, '', '', '', '', %(app_metadata)s, %(user_metadata)s, %(is_anonymous)s,
  now(), now()
)
"""

INSERT_IDENTITY = """
insert into auth.identities (
  provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at
) values (
  %(user_id)s::text, %(user_id)s::uuid, %(data)s, %(provider)s, now(), now(), now()
)
on conflict (provider_id, provider) do update
  set identity_data = auth.identities.identity_data || excluded.identity_data, updated_at = now()
"""

SOFT_DELETE_USER = """
update auth.users
set
  email = encode(sha256(convert_to(id::text || coalesce(email, ''), 'UTF8')), 'hex'),
  phone = null, encrypted_password = null, email_change = '', phone_change = '',
  confirmation_token = '', recovery_token = '', email_change_token_new = '',
  email_change_token_current = '', phone_change_token = '', reauthentication_token = '',
  raw_user_meta_data = '{}', raw_app_meta_data = '{}', deleted_at = now(), updated_at = now()
where id = %(id)s and deleted_at is null
"""

SOFT_DELETE_IDENTITIES = """
update auth.identities
set
  provider_id = encode(sha256(convert_to(id::text || provider_id, 'UTF8')), 'hex'),
  identity_data = '{}', updated_at = now()
where user_id = %(id)s
"""

TIMES = (
    "email_confirmed_at",
    "phone_confirmed_at",
    "confirmed_at",
    "invited_at",
    "confirmation_sent_at",
    "recovery_sent_at",
    "email_change_sent_at",
    "last_sign_in_at",
    "banned_until",
    "deleted_at",
)


async def find_user(connection: Connection, user_id: str) -> DictRow | None:
    """Return a user, or None."""
    cursor = await connection.execute(USER + "where u.id = %s", [user_id])
    return await cursor.fetchone()


async def find_user_by_email(connection: Connection, email: str) -> DictRow | None:
    """Return the user who signs in with an address, in whatever case a seed wrote it."""
    cursor = await connection.execute(
        USER + "where lower(u.email) = %s and not u.is_sso_user order by u.created_at limit 1",
        [email],
    )
    return await cursor.fetchone()


async def email_taken(connection: Connection, email: str) -> bool:
    """Tell whether somebody has an address."""
    cursor = await connection.execute(
        "select 1 from auth.users where lower(email) = %s and not is_sso_user limit 1", [email]
    )
    return await cursor.fetchone() is not None


async def list_users(
    connection: Connection, *, limit: int, offset: int
) -> tuple[list[DictRow], int]:
    """Return a page of users, newest first, and how many there are in all."""
    cursor = await connection.execute(
        USER + "order by u.created_at desc nulls last, u.id limit %s offset %s", [limit, offset]
    )
    users = await cursor.fetchall()
    cursor = await connection.execute("select count(*) as total from auth.users")
    row = await cursor.fetchone()
    return users, 0 if row is None else int(row["total"])


async def create_user(
    connection: Connection,
    *,
    email: str | None = None,
    phone: str | None = None,
    password_hash: str | None = None,
    user_metadata: dict[str, Any] | None = None,
    app_metadata: dict[str, Any] | None = None,
    role: str = "authenticated",
    aud: str = "authenticated",
    user_id: str | None = None,
    failure: str = "Database error saving new user",
) -> str:
    """Insert an unconfirmed user with an identity for each of e-mail and phone.

    A user with neither is anonymous.

    Args:
        failure: What to tell the client when the database, or a trigger in it, refuses.

    Returns:
        The id.

    Raises:
        AuthApiError: `email_exists`, `phone_exists` (422), or `unexpected_failure`.
    """
    identifier = user_id or str(uuid4())
    addresses = {"email": email, "phone": phone}
    providers = [provider for provider, address in addresses.items() if address]
    default = {"provider": providers[0], "providers": providers} if providers else {}
    row = {
        "id": identifier,
        "aud": aud,
        "role": role,
        "email": email,
        "phone": phone,
        "password_hash": password_hash or "",
        "app_metadata": Jsonb(merged(default, app_metadata or {})),
        "user_metadata": Jsonb(user_metadata or {}),
        "is_anonymous": not providers,
    }
    try:
        await connection.execute(INSERT_USER, row)
        for provider in providers:
            await save_identity(connection, identifier, provider, str(addresses[provider]))
    except psycopg.Error as error:
        raise saving_failed(error, failure) from error
    return identifier


async def save_identity(
    connection: Connection, user_id: str, provider: str, address: str
) -> dict[str, Any]:
    """Insert or update the identity of a provider, `email` or `phone`; return its claims."""
    data = {"sub": user_id, provider: address, "email_verified": False, "phone_verified": False}
    row = {"user_id": user_id, "provider": provider, "data": Jsonb(data)}
    await connection.execute(INSERT_IDENTITY, row)
    return data


async def confirm_email(
    connection: Connection, user_id: str, user_metadata: dict[str, Any]
) -> None:
    """Confirm a user's e-mail address and add to what the user's metadata says of it."""
    await set_columns(
        connection,
        user_id,
        {"user_metadata": {"email_verified": True, **user_metadata}},
        confirm=("email",),
    )


async def set_email(connection: Connection, user: DictRow, email: str, *, confirm: bool) -> None:
    """Give a user another address; an anonymous user becomes a known one.

    Args:
        confirm: Whether the address counts as confirmed from now on.

    Raises:
        AuthApiError: `email_exists`, or `unexpected_failure`.
    """
    await set_address(connection, user, "email", email, confirm=confirm)


async def set_phone(connection: Connection, user: DictRow, phone: str) -> None:
    """Give a user another phone number, not confirmed.

    Raises:
        AuthApiError: `phone_exists`, or `unexpected_failure`.
    """
    await set_address(connection, user, "phone", phone, confirm=False)


async def set_address(
    connection: Connection, user: DictRow, provider: str, address: str, *, confirm: bool
) -> None:
    """Set e-mail or phone, and the identity that goes with it."""
    providers = [*user["app_metadata"].get("providers", [])]
    if provider not in providers:
        providers.append(provider)
    app_metadata = {"provider": providers[0], "providers": providers}
    try:
        if provider == "email" and await email_taken(connection, address):
            raise exists("email")
        await save_identity(connection, str(user["id"]), provider, address)
    except psycopg.Error as error:
        raise saving_failed(error, "Error updating user") from error
    await set_columns(
        connection,
        str(user["id"]),
        {provider: address, "app_metadata": app_metadata, "is_anonymous": False},
        confirm=(provider,) if confirm else (),
    )


async def set_columns(
    connection: Connection,
    user_id: str,
    changes: dict[str, Any],
    confirm: tuple[str, ...] = (),
) -> None:
    """Update a user.

    Args:
        changes: Among `email`, `phone`, `role`, `encrypted_password`, `is_anonymous`,
            `banned_seconds` (None lifts a ban), `app_metadata` and `user_metadata` (merged key by
            key into what is there; a null removes the key).
        confirm: Which of `email` and `phone` count as confirmed from now on.

    Raises:
        AuthApiError: An address is taken, or the database refuses.
    """
    settings = ["updated_at = now()"]
    values: dict[str, Any] = {"id": user_id}
    for name, value in changes.items():
        if name in {"app_metadata", "user_metadata"}:
            removed = [key for key, each in value.items() if each is None]
            kept = {key: each for key, each in value.items() if each is not None}
            column = f"raw_{name.removesuffix('_metadata')}_meta_data"
            merging = f"coalesce({column}, '{{}}') || %({name})s"
            settings.append(f"{column} = ({merging}) - %({name}_removed)s::text[]")
            values |= {name: Jsonb(kept), f"{name}_removed": removed}
        elif name == "banned_seconds":
            settings.append("banned_until = now() + make_interval(secs => %(banned_seconds)s)")
            values[name] = value
        else:
            settings.append(f"{name} = %({name})s")
            values[name] = value
    settings += [f"{each}_confirmed_at = coalesce({each}_confirmed_at, now())" for each in confirm]
    # Every name above is this module's; every value is a parameter.
    statement = f"update auth.users set {', '.join(settings)} where id = %(id)s"  # noqa: S608
    try:
        await connection.execute(statement.encode(), values)
    except psycopg.Error as error:
        raise saving_failed(error, "Error updating user") from error


async def delete_user(connection: Connection, user_id: str) -> None:
    """Delete a user and all that hangs on it."""
    try:
        await connection.execute("delete from auth.users where id = %s", [user_id])
    except psycopg.Error as error:
        raise saving_failed(error, "Database error deleting user") from error


async def soft_delete_user(connection: Connection, user_id: str) -> None:
    """Keep a user's row, forget who it was, and end its sessions."""
    try:
        await connection.execute(SOFT_DELETE_USER, {"id": user_id})
        await connection.execute(SOFT_DELETE_IDENTITIES, {"id": user_id})
        await connection.execute("delete from auth.sessions where user_id = %s", [user_id])
    except psycopg.Error as error:
        raise saving_failed(error, "Error soft deleting user") from error


def exists(address: str) -> AuthApiError:
    """Return the error for an `email` or `phone` that somebody has."""
    noun = "email address" if address == "email" else "phone number"
    message = f"A user with this {noun} has already been registered"
    return AuthApiError(422, f"{address}_exists", message)


def saving_failed(error: psycopg.Error, failure: str) -> AuthApiError:
    """Translate an error of the database; what a trigger said stays inside."""
    if isinstance(error, UniqueViolation):
        if error.diag.constraint_name == EMAIL_INDEX:
            return exists("email")
        if error.diag.constraint_name == PHONE_INDEX:
            return exists("phone")
    return unexpected_failure(failure)


def merged(base: dict[str, Any], updates: dict[str, Any]) -> dict[str, Any]:
    """Return metadata with updates merged in; a null removes a key."""
    return {key: value for key, value in {**base, **updates}.items() if value is not None}


def is_banned(user: DictRow) -> bool:
    """Tell whether a user may not sign in at present."""
    until = user["banned_until"]
    return until is not None and until > datetime.now(UTC)


def timestamp(value: datetime) -> str:
    """Write a time as the platform does: RFC 3339 in UTC with a `Z`."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def user_json(user: DictRow) -> dict[str, Any]:
    """Return what clients see of a user."""
    identifier: UUID = user["id"]
    return {
        "id": str(identifier),
        "aud": user["aud"] or "",
        "role": user["role"] or "",
        "email": user["email"] or "",
        "phone": user["phone"] or "",
        **{name: timestamp(user[name]) for name in TIMES if user[name] is not None},
        "app_metadata": user["app_metadata"],
        "user_metadata": user["user_metadata"],
        "identities": user["identities"],
        "created_at": timestamp(user["created_at"]),
        "updated_at": timestamp(user["updated_at"]),
        "is_anonymous": user["is_anonymous"],
    }
