"""One scenario by the platform's two clients, unchanged, with each style of API keys."""

import json
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import httpx
import psycopg
import pytest
from postgrest.exceptions import APIError
from psycopg import sql
from supabase import AsyncClient, AsyncClientOptions, acreate_client
from supabase_auth.errors import AuthApiError, AuthError, AuthWeakPasswordError

from reelbase.local.pytest_plugin import RunningStack

CLIENTS = Path(__file__).parent / "clients"
PASSWORD = "correct horse battery"
UNAUTHENTICATED_ID = "00000000-0000-0000-0000-000000000001"

EXPECTED: dict[str, Any] = {
    "sign_up": {
        "has_session": True,
        "email": "EMAIL",
        "full_name": "Ada",
        "provider": "email",
        "role": "authenticated",
        "is_confirmed": True,
        "identities": ["email"],
        "is_anonymous": False,
    },
    "sign_up_again": {"status": 422, "code": "user_already_exists"},
    "sign_up_weak": {"status": 422, "code": "weak_password", "reasons": ["length"]},
    "sign_in_wrong": {"status": 400, "code": "invalid_credentials"},
    "sign_in": {"same_user": True, "expires_in": 3600},
    "get_user": "EMAIL",
    "refresh": {"same_user": True, "rotated": True},
    "update_user": {"full_name": "Grace", "city": "Bern"},
    "claims": {
        "sub": True,
        "role": "authenticated",
        "aud": "authenticated",
        "iss": True,
        "aal": "aal1",
        "amr": ["password"],
    },
    "insert": {"body": "first", "owned": True},
    "insert_for_stranger": "42501",
    "select": ["first"],
    "count": 1,
    "update": ["second"],
    "rpc": "authenticated: a&b=c d%ü",
    "anon_select": [],
    "service_select": ["second"],
    "delete": 1,
    "sign_out": True,
    "session_after_sign_out": True,
    "old_token_refused": True,
    "admin_create": {"full_name": "Emmy", "tier": "pro", "provider": "email"},
    "admin_list": 2,
    "admin_get": "OTHER_EMAIL",
    "admin_update": {"tier": "free", "full_name": "Emmy", "city": "Ulm"},
    "admin_sign_in": True,
    "admin_by_user": {"status": 403, "code": "not_admin"},
    "admin_get_deleted": {"status": 404, "code": "user_not_found"},
    "anonymous": {"is_anonymous": True, "guest": True},
}

NOTES = """
create table public.{table} (
  id bigint generated always as identity primary key,
  user_id uuid not null default auth.uid(),
  body text not null
);
alter table public.{table} enable row level security;
create policy owner_only on public.{table} for all to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
grant select on public.{table} to anon;
grant select, insert, update, delete on public.{table} to authenticated, service_role;
create function public.{rpc}(p_text text) returns text language sql stable
  as $$ select current_user || ': ' || p_text $$;
notify pgrst, 'reload schema';
"""


@pytest.fixture
def notes(stack: RunningStack) -> Iterator[dict[str, str]]:
    """A table that rows' owners see, and a function, both known to PostgREST."""
    names = {"table": f"notes_{uuid4().hex}", "rpc": f"echo_{uuid4().hex}"}
    identifiers = {key: sql.Identifier(name) for key, name in names.items()}
    with psycopg.connect(stack.admin_database_url, autocommit=True) as connection:
        connection.execute(sql.SQL(NOTES).format(**identifiers))
        wait_until_served(stack, names["rpc"])
        yield names
        connection.execute(
            sql.SQL("drop table public.{table}; drop function public.{rpc}").format(**identifiers)
        )


def wait_until_served(stack: RunningStack, rpc: str) -> None:
    """Wait until PostgREST has read the schema again: without that it finds no function."""
    url = f"{stack.supabase_url}/rest/v1/rpc/{rpc}"
    headers = {"apikey": stack.publishable_key}
    with httpx.Client(headers=headers) as client:
        for _ in range(3000):
            if client.get(url, params={"p_text": ""}).status_code == 200:
                return
    pytest.fail("PostgREST does not know the new function")


def failure(error: AuthError) -> dict[str, Any]:
    return {"status": getattr(error, "status", None), "code": error.code}


async def by_supabase_py(settings: dict[str, str]) -> dict[str, Any]:
    """Run the scenario with supabase-py."""
    async with AsyncExitStack() as stack:

        async def client(key: str) -> AsyncClient:
            options = AsyncClientOptions(
                persist_session=False,
                auto_refresh_token=False,
                # Without one of ours, supabase-py warns of its own deprecated use of another.
                httpx_client=await stack.enter_async_context(httpx.AsyncClient()),
            )
            return await acreate_client(settings["url"], key, options=options)

        return await scenario(client, settings)


async def scenario(
    client: Callable[[str], Awaitable[AsyncClient]], settings: dict[str, str]
) -> dict[str, Any]:
    """Do what `clients/client.mjs` does."""
    url, table = settings["url"], settings["table"]
    email, password = settings["email"], settings["password"]

    seen: dict[str, Any] = {}
    user = await client(settings["key"])
    admin = await client(settings["secretKey"])
    stranger = await client(settings["key"])
    guest = await client(settings["key"])

    signed_up = await user.auth.sign_up(
        {"email": email, "password": password, "options": {"data": {"full_name": "Ada"}}}
    )
    assert signed_up.user is not None
    user_id = signed_up.user.id
    seen["sign_up"] = {
        "has_session": signed_up.session is not None,
        "email": signed_up.user.email,
        "full_name": signed_up.user.user_metadata["full_name"],
        "provider": signed_up.user.app_metadata["provider"],
        "role": signed_up.user.role,
        "is_confirmed": signed_up.user.email_confirmed_at is not None,
        "identities": [identity.provider for identity in signed_up.user.identities or []],
        "is_anonymous": signed_up.user.is_anonymous,
    }
    with pytest.raises(AuthApiError) as refused:
        await stranger.auth.sign_up({"email": email, "password": password})
    seen["sign_up_again"] = failure(refused.value)
    with pytest.raises(AuthWeakPasswordError) as weak:
        await stranger.auth.sign_up({"email": settings["otherEmail"], "password": "short"})
    seen["sign_up_weak"] = {**failure(weak.value), "reasons": weak.value.reasons}
    with pytest.raises(AuthApiError) as refused:
        await stranger.auth.sign_in_with_password({"email": email, "password": "wrong password"})
    seen["sign_in_wrong"] = failure(refused.value)

    signed_in = await user.auth.sign_in_with_password(
        {"email": email.upper(), "password": password}
    )
    assert signed_in.user is not None
    assert signed_in.session is not None
    seen["sign_in"] = {
        "same_user": signed_in.user.id == user_id,
        "expires_in": signed_in.session.expires_in,
    }
    current = await user.auth.get_user()
    assert current is not None
    seen["get_user"] = current.user.email

    refreshed = await user.auth.refresh_session()
    assert refreshed.user is not None
    assert refreshed.session is not None
    seen["refresh"] = {
        "same_user": refreshed.user.id == user_id,
        "rotated": refreshed.session.refresh_token != signed_in.session.refresh_token,
    }
    updated = await user.auth.update_user({"data": {"full_name": "Grace", "city": "Bern"}})
    seen["update_user"] = {
        "full_name": updated.user.user_metadata["full_name"],
        "city": updated.user.user_metadata["city"],
    }
    verified = await user.auth.get_claims()
    assert verified is not None
    claims: dict[str, Any] = dict(verified["claims"])
    seen["claims"] = {
        "sub": claims["sub"] == user_id,
        "role": claims["role"],
        "aud": claims["aud"],
        "iss": claims["iss"] == f"{url}/auth/v1",
        "aal": claims["aal"],
        "amr": [each["method"] for each in claims["amr"]],
    }

    row: Any = (await user.table(table).insert({"body": "first"}).execute()).data[0]
    seen["insert"] = {"body": row["body"], "owned": row["user_id"] == user_id}
    with pytest.raises(APIError) as forged:
        await user.table(table).insert({"body": "x", "user_id": settings["strangerId"]}).execute()
    seen["insert_for_stranger"] = forged.value.code
    selected: Any = (await user.table(table).select("body").execute()).data
    seen["select"] = [each["body"] for each in selected]
    counted = await user.table(table).select("*", count="exact", head=True).execute()
    seen["count"] = counted.count
    changed: Any = (
        await user.table(table).update({"body": "second"}).eq("id", row["id"]).execute()
    ).data
    seen["update"] = [each["body"] for each in changed]
    seen["rpc"] = (await user.rpc(settings["rpc"], {"p_text": "a&b=c d%ü"}).execute()).data
    seen["anon_select"] = (await stranger.table(table).select("body").execute()).data
    served: Any = (await admin.table(table).select("body").eq("user_id", user_id).execute()).data
    seen["service_select"] = [each["body"] for each in served]
    deleted = await user.table(table).delete().eq("id", row["id"]).execute()
    seen["delete"] = len(deleted.data)

    old_token = refreshed.session.access_token
    await user.auth.sign_out()
    seen["sign_out"] = True
    seen["session_after_sign_out"] = await user.auth.get_session() is None
    with pytest.raises(AuthError):
        await user.auth.get_user(old_token)
    seen["old_token_refused"] = True

    created = (
        await admin.auth.admin.create_user(
            {
                "email": settings["otherEmail"],
                "password": password,
                "email_confirm": True,
                "user_metadata": {"full_name": "Emmy"},
                "app_metadata": {"tier": "pro"},
            }
        )
    ).user
    seen["admin_create"] = {
        "full_name": created.user_metadata["full_name"],
        "tier": created.app_metadata["tier"],
        "provider": created.app_metadata["provider"],
    }
    listed = await admin.auth.admin.list_users(page=1, per_page=1000)
    seen["admin_list"] = len([each for each in listed if each.id in {user_id, created.id}])
    seen["admin_get"] = (await admin.auth.admin.get_user_by_id(created.id)).user.email
    altered = (
        await admin.auth.admin.update_user_by_id(
            created.id,
            {
                "app_metadata": {"tier": "free"},
                "user_metadata": {"city": "Ulm"},
                "password": f"{password}2",
            },
        )
    ).user
    seen["admin_update"] = {
        "tier": altered.app_metadata["tier"],
        "full_name": altered.user_metadata["full_name"],
        "city": altered.user_metadata["city"],
    }
    second = await stranger.auth.sign_in_with_password(
        {"email": settings["otherEmail"], "password": f"{password}2"}
    )
    assert second.user is not None
    seen["admin_sign_in"] = second.user.id == created.id
    with pytest.raises(AuthApiError) as refused:
        await stranger.auth.admin.get_user_by_id(user_id)
    seen["admin_by_user"] = failure(refused.value)
    await admin.auth.admin.delete_user(created.id)
    with pytest.raises(AuthApiError) as refused:
        await admin.auth.admin.get_user_by_id(created.id)
    seen["admin_get_deleted"] = failure(refused.value)

    anonymous = await guest.auth.sign_in_anonymously({"options": {"data": {"guest": True}}})
    assert anonymous.user is not None
    seen["anonymous"] = {
        "is_anonymous": anonymous.user.is_anonymous,
        "guest": anonymous.user.user_metadata["guest"],
    }
    await admin.auth.admin.delete_user(anonymous.user.id)
    await admin.auth.admin.delete_user(user_id)
    return seen


async def by_supabase_js(settings: dict[str, str]) -> dict[str, Any]:
    """Run the scenario with supabase-js."""
    done = await anyio.run_process(
        ["node", "--experimental-websocket", str(CLIENTS / "client.mjs")],
        input=json.dumps(settings).encode(),
        check=False,
        env={**os.environ, "NODE_NO_WARNINGS": "1"},
    )
    assert done.returncode == 0, done.stderr.decode()
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


@pytest.mark.anyio
@pytest.mark.parametrize("style", ["new", "legacy"])
@pytest.mark.parametrize("run", [by_supabase_py, by_supabase_js])
async def test_both_clients_see_the_same_with_both_styles_of_keys(
    stack: RunningStack, notes: dict[str, str], run: Any, style: str
) -> None:
    is_new = style == "new"
    settings = {
        "url": stack.supabase_url,
        "key": stack.publishable_key if is_new else stack.anon_key,
        "secretKey": stack.secret_key if is_new else stack.service_role_key,
        "email": f"{uuid4().hex}@example.com",
        "otherEmail": f"{uuid4().hex}@example.com",
        "password": PASSWORD,
        "strangerId": UNAUTHENTICATED_ID,
        **notes,
    }
    text = json.dumps(EXPECTED).replace("OTHER_EMAIL", settings["otherEmail"])
    assert await run(settings) == json.loads(text.replace("EMAIL", settings["email"]))
