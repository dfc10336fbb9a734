"""The auth server over plain HTTP: what it grants, what it refuses, and in which words."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg import sql

from reelbase.local.keys import StackKeys, load_or_create_keys
from reelbase.local.pytest_plugin import RunningStack

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"
API_VERSION = {"x-supabase-api-version": "2024-01-01"}


class Auth:
    """The auth server as a client without any library sees it."""

    def __init__(self, http: httpx.AsyncClient, stack: RunningStack) -> None:
        self.http = http
        self.stack = stack
        self.admin_headers = {
            "apikey": stack.secret_key,
            "authorization": f"Bearer {stack.secret_key}",
        }

    async def sign_up(self, **body: Any) -> dict[str, Any]:
        body = {"email": new_email(), "password": PASSWORD, **body}
        response = await self.http.post("/signup", json=body)
        assert response.status_code == 200, response.text
        content: dict[str, Any] = response.json()
        return content

    async def password_grant(self, email: str, password: str) -> httpx.Response:
        body = {"email": email, "password": password}
        return await self.http.post("/token", params={"grant_type": "password"}, json=body)

    async def refresh(self, token: str) -> httpx.Response:
        body = {"refresh_token": token}
        return await self.http.post("/token", params={"grant_type": "refresh_token"}, json=body)

    async def user(self, access_token: str) -> httpx.Response:
        return await self.http.get("/user", headers=bearer(access_token))

    async def admin(self, method: str, path: str = "", **kwargs: Any) -> httpx.Response:
        return await self.http.request(
            method, f"/admin/users{path}", headers=self.admin_headers, **kwargs
        )


@pytest.fixture
async def auth(stack: RunningStack) -> AsyncIterator[Auth]:
    """The auth server of the stack, asked with the publishable key."""
    headers = {"apikey": stack.publishable_key}
    async with httpx.AsyncClient(
        base_url=f"{stack.supabase_url}/auth/v1", headers=headers, timeout=30
    ) as http:
        yield Auth(http, stack)


@pytest.fixture
def keys(stack: RunningStack) -> StackKeys:
    return load_or_create_keys(stack.state_dir / "keys.json")


def new_email() -> str:
    return f"{uuid4().hex}@example.com"


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Return the status and the error code of a refusal, whose shape is checked."""
    content = response.json()
    assert content["code"] == response.status_code
    assert content["msg"]
    return response.status_code, content["error_code"]


# Who may ask --------------------------------------------------------------------------------------


async def test_a_request_without_an_api_key_is_refused(stack: RunningStack) -> None:
    async with httpx.AsyncClient() as http:
        response = await http.get(f"{stack.supabase_url}/auth/v1/settings")
    assert response.status_code == 401
    assert response.json() == {
        "message": "No API key found in request",
        "hint": "No `apikey` request header or url param was found.",
    }


async def test_a_wrong_api_key_is_refused(auth: Auth, stack: RunningStack) -> None:
    for wrong in ("nonsense", stack.secret_key[:-1], stack.anon_key + "x", "é"):
        headers = {"apikey": wrong.encode()}
        response = await auth.http.get("/settings", headers=headers)
        assert (response.status_code, response.json()["message"]) == (401, "Invalid API key")


async def test_a_users_token_is_no_api_key(auth: Auth) -> None:
    session = await auth.sign_up()
    headers = {"apikey": session["access_token"]}
    assert (await auth.http.get("/settings", headers=headers)).status_code == 401


async def test_the_api_key_may_stand_in_the_url(stack: RunningStack) -> None:
    async with httpx.AsyncClient() as http:
        url = f"{stack.supabase_url}/auth/v1/settings"
        response = await http.get(url, params={"apikey": stack.publishable_key})
    assert response.status_code == 200
    assert response.json()["mailer_autoconfirm"] is True


async def test_what_nothing_serves_is_told_in_json(stack: RunningStack) -> None:
    headers = {"apikey": stack.publishable_key}
    async with httpx.AsyncClient(base_url=stack.supabase_url, headers=headers) as http:
        for path in ("/", "/nothing", "/auth/v1/nothing", "/auth/v1/user/", "/auth/v1/%00"):
            response = await http.get(path)
            assert response.status_code == 404
            assert response.json() == {"message": "no Route matched with those values"}
        assert (await http.delete("/auth/v1/signup")).status_code == 405


async def test_health_names_every_part(stack: RunningStack) -> None:
    async with httpx.AsyncClient(base_url=stack.supabase_url) as http:
        response = await http.get("/health")
        assert response.json() == {"rest": True, "auth": True, "storage": True}
        assert (await http.get("/auth/v1/health")).status_code == 200


async def test_anybody_may_read_the_verification_keys_and_no_secret_is_among_them(
    stack: RunningStack,
) -> None:
    async with httpx.AsyncClient() as http:
        response = await http.get(f"{stack.supabase_url}/auth/v1/.well-known/jwks.json")
    (key,) = response.json()["keys"]
    assert (key["kty"], key["alg"]) == ("EC", "ES256")
    assert not {"d", "k"} & key.keys()


# Signing up ---------------------------------------------------------------------------------------


async def test_access_token_carries_the_platforms_claims(auth: Auth) -> None:
    email = new_email()
    session = await auth.sign_up(email=email, data={"full_name": "Ada"})
    issuer = f"{auth.stack.supabase_url}/auth/v1"
    jwks = (await auth.http.get("/.well-known/jwks.json")).json()
    header = jwt.get_unverified_header(session["access_token"])
    assert header["alg"] == "ES256"
    assert header["kid"] == jwks["keys"][0]["kid"]
    claims = jwt.decode(
        session["access_token"],
        jwt.PyJWK(jwks["keys"][0]).key,
        algorithms=["ES256"],
        audience="authenticated",
        issuer=issuer,
    )
    assert claims["sub"] == session["user"]["id"]
    assert claims["email"] == email
    assert claims["phone"] == ""
    assert claims["role"] == "authenticated"
    assert claims["aal"] == "aal1"
    assert [each["method"] for each in claims["amr"]] == ["password"]
    assert claims["is_anonymous"] is False
    assert claims["exp"] - claims["iat"] == session["expires_in"] == 3600
    assert claims["exp"] == session["expires_at"]
    assert claims["app_metadata"] == {"provider": "email", "providers": ["email"]}
    assert claims["user_metadata"] == {
        "full_name": "Ada",
        "sub": claims["sub"],
        "email": email,
        "email_verified": True,
        "phone_verified": False,
    }


async def test_email_is_one_address_in_any_case(auth: Auth) -> None:
    email = new_email()
    await auth.sign_up(email=email.upper())
    body = {"email": email, "password": PASSWORD}
    assert refusal(await auth.http.post("/signup", json=body)) == (422, "user_already_exists")
    assert (await auth.password_grant(email.title(), PASSWORD)).status_code == 200


async def test_concurrent_sign_ups_with_one_email_make_one_user(auth: Auth) -> None:
    body = {"email": new_email(), "password": PASSWORD}
    answers = await asyncio.gather(*(auth.http.post("/signup", json=body) for _ in range(6)))
    assert sorted(each.status_code for each in answers) == [200] + [422] * 5


@pytest.mark.parametrize(
    "email",
    [
        "nobody",
        "@example.com",
        "a@",
        "a@b",
        "a b@example.com",
        "a\x00@example.com",
        "a@example.com\r\nBcc: x@example.com",
        "a@b@example.com",
        "a" * 250 + "@example.com",
        "a@exa\u0000mple.com",
    ],
)
async def test_what_is_no_email_address_is_refused(auth: Auth, email: str) -> None:
    response = await auth.http.post("/signup", json={"email": email, "password": PASSWORD})
    assert response.status_code == 400
    assert response.json()["error_code"] in {"validation_failed", "bad_json"}


@pytest.mark.parametrize(
    "data",
    [
        b'{"email": "x@example.com", "password": "secret1", "data": {"a": "\\u0000"}}',
        b'{"email": "x@example.com", "password": "secret1", "data": {"\\u0000": 1}}',
        b'{"email": "x@example.com", "password": "secret1", "data": {"a": "\\ud800"}}',
        b'{"email": "x@example.com", "password": "secret1", "data": {"a": NaN}}',
        b'{"email": "x@example.com", "password": "secret1", "data": {"a": 1e999}}',
        b'{"email": "x@example.com", "password": "secret1", "data": []}',
        b'{"email": ["x@example.com"], "password": "secret1"}',
        b'{"email": "x@example.com", "password": 1234567}',
        b'{"email": "x@example.com", "password": "secret1\\u0000"}',
        b"[" * 200_000,
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"{",
    ],
)
async def test_a_malformed_body_is_the_clients_fault(auth: Auth, data: bytes) -> None:
    response = await auth.http.post("/signup", content=data)
    status, code = refusal(response)
    assert (status, code) in {(400, "validation_failed"), (400, "bad_json")}


async def test_passwords_have_a_shortest_and_a_longest_length(auth: Auth) -> None:
    weak = await auth.http.post("/signup", json={"email": new_email(), "password": "12345"})
    assert refusal(weak) == (422, "weak_password")
    assert weak.json()["weak_password"] == {"reasons": ["length"]}
    long = await auth.http.post("/signup", json={"email": new_email(), "password": "é" * 37})
    assert refusal(long) == (400, "validation_failed")
    missing = await auth.http.post("/signup", json={"email": new_email()})
    assert refusal(missing) == (400, "validation_failed")


async def test_a_client_that_names_the_api_version_gets_its_shape_of_errors(auth: Auth) -> None:
    body = {"email": new_email(), "password": "12345"}
    response = await auth.http.post("/signup", json=body, headers=API_VERSION)
    assert response.status_code == 422
    assert response.headers["x-supabase-api-version"] == "2024-01-01"
    assert response.json() == {
        "code": "weak_password",
        "message": "Password should be at least 6 characters.",
        "weak_password": {"reasons": ["length"]},
    }


async def test_metadata_that_could_not_be_shown_again_is_refused(auth: Auth) -> None:
    for depth in (250, 900, 960, 990, 100_000):
        nested = '{"a":' + "[" * depth + "]" * depth + "}"
        body = f'{{"email": "{new_email()}", "password": "{PASSWORD}", "data": {nested}}}'
        response = await auth.http.post("/signup", content=body)
        assert refusal(response) == (400, "bad_json"), depth
    await auth.sign_up(data={"a": [[[["deep enough"]]]]})
    assert (await auth.admin("GET")).status_code == 200


async def test_connections_that_broke_cost_no_request(auth: Auth) -> None:
    await asyncio.gather(*(auth.admin("GET") for _ in range(16)))
    with psycopg.connect(auth.stack.admin_database_url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where application_name = 'reelbase-auth'"
        )
    answers = [(await auth.admin("GET")).status_code for _ in range(16)]
    assert answers == [200] * 16


async def test_a_body_of_ten_megabytes_is_refused(auth: Auth) -> None:
    body = {"email": new_email(), "password": PASSWORD, "data": {"a": "x" * 10_000_000}}
    response = await auth.http.post("/signup", json=body)
    assert refusal(response) == (413, "request_too_large")


async def test_a_body_without_a_length_is_refused_once_it_is_too_long(auth: Auth) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'{"email": "'
        for _ in range(200):
            sent += 65536
            yield b"x" * 65536

    response = await auth.http.post("/signup", content=endless())
    assert refusal(response) == (413, "request_too_large")
    assert sent > 1024 * 1024


async def test_metadata_of_a_sign_up_gives_no_rights(auth: Auth) -> None:
    data = {
        "role": "service_role",
        "app_metadata": {"role": "service_role"},
        "sub": str(uuid4()),
        "is_super_admin": True,
    }
    session = await auth.sign_up(
        data=data, role="service_role", app_metadata={"admin": True}, aud="other"
    )
    claims = jwt.decode(session["access_token"], options={"verify_signature": False})
    assert (claims["role"], claims["aud"]) == ("authenticated", "authenticated")
    assert claims["user_metadata"]["role"] == "service_role"
    assert claims["user_metadata"]["sub"] == claims["sub"] == session["user"]["id"]
    assert claims["app_metadata"] == {"provider": "email", "providers": ["email"]}
    response = await auth.http.get("/admin/users", headers=bearer(session["access_token"]))
    assert refusal(response) == (403, "not_admin")


async def test_a_trigger_that_fails_refuses_the_sign_up_and_says_nothing_of_itself(
    auth: Auth, stack: RunningStack
) -> None:
    name = sql.Identifier(f"refuse_{uuid4().hex}")
    email = f"refused-{uuid4().hex}@example.com"
    create = sql.SQL(
        """
        create function public.{name}() returns trigger language plpgsql as $$
        begin raise exception 'secret reason' using errcode = 'unique_violation'; end $$;
        create trigger {name} after insert on auth.users for each row
        when (new.email = {email}) execute function public.{name}()
        """
    ).format(name=name, email=sql.Literal(email))
    drop = sql.SQL("drop function public.{name}() cascade").format(name=name)
    with psycopg.connect(stack.admin_database_url, autocommit=True) as connection:
        connection.execute(create)
        try:
            body = {"email": email, "password": PASSWORD}
            response = await auth.http.post("/signup", json=body)
        finally:
            connection.execute(drop)
    assert refusal(response) == (500, "unexpected_failure")
    assert response.json()["msg"] == "Database error saving new user"
    assert "secret reason" not in response.text
    assert (await auth.password_grant(email, PASSWORD)).status_code == 400
    assert (await auth.http.post("/signup", json=body)).status_code == 200


async def test_anonymous_user_becomes_a_known_one_by_adding_an_email(auth: Auth) -> None:
    session = (await auth.http.post("/signup", json={"data": {"guest": True}})).json()
    assert session["user"]["is_anonymous"] is True
    headers = bearer(session["access_token"])
    only_password = await auth.http.put("/user", headers=headers, json={"password": PASSWORD})
    assert refusal(only_password) == (400, "validation_failed")
    email = new_email()
    body = {"email": email, "password": PASSWORD}
    user = (await auth.http.put("/user", headers=headers, json=body)).json()
    assert (user["is_anonymous"], user["email"]) == (False, email)
    assert user["app_metadata"]["providers"] == ["email"]
    signed_in = (await auth.password_grant(email, PASSWORD)).json()
    assert signed_in["user"]["id"] == session["user"]["id"]


# Signing in ---------------------------------------------------------------------------------------


async def test_wrong_password_and_unknown_email_are_told_alike(auth: Auth) -> None:
    session = await auth.sign_up()
    wrong = await auth.password_grant(session["user"]["email"], "wrong password")
    unknown = await auth.password_grant(new_email(), "wrong password")
    assert refusal(wrong) == refusal(unknown) == (400, "invalid_credentials")
    assert wrong.content == unknown.content


@pytest.mark.parametrize("marker", ["$2a$", "$2b$"])
async def test_a_seeded_user_signs_in_by_its_bcrypt_hash(
    auth: Auth, stack: RunningStack, marker: str
) -> None:
    email = new_email()
    insert = """
        insert into auth.users (id, email, encrypted_password, email_confirmed_at)
        select gen_random_uuid(), %s, %s || substr(hash, 5), now()
        from extensions.crypt(%s, extensions.gen_salt('bf', 4)) as hash
    """
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute(insert, [email.title(), marker, PASSWORD])
    assert refusal(await auth.password_grant(email, "wrong")) == (400, "invalid_credentials")
    session = (await auth.password_grant(email, PASSWORD)).json()
    assert session["user"]["role"] in {"", "authenticated"}
    assert (await auth.user(session["access_token"])).status_code == 200


async def test_a_user_without_a_password_cannot_sign_in_by_one(
    auth: Auth, stack: RunningStack
) -> None:
    for stored in (None, "", "not a hash", "$argon2id$broken", "$2a$broken"):
        email = new_email()
        with psycopg.connect(stack.database_url, autocommit=True) as connection:
            connection.execute(
                "insert into auth.users (id, email, encrypted_password, email_confirmed_at)"
                " values (gen_random_uuid(), %s, %s, now())",
                [email, stored],
            )
        for password in ("", "nobody's password", str(stored)):
            response = await auth.password_grant(email, password)
            assert response.status_code == 400, stored


async def test_an_unknown_grant_is_refused(auth: Auth) -> None:
    response = await auth.http.post("/token", params={"grant_type": "magic"}, json={})
    assert refusal(response) == (400, "invalid_credentials")


# Refreshing ---------------------------------------------------------------------------------------


async def test_a_refresh_token_is_replaced_by_its_use(auth: Auth) -> None:
    first = await auth.sign_up()
    second = (await auth.refresh(first["refresh_token"])).json()
    third = (await auth.refresh(second["refresh_token"])).json()
    tokens = {each["refresh_token"] for each in (first, second, third)}
    assert len(tokens) == 3
    sessions = {
        jwt.decode(each["access_token"], options={"verify_signature": False})["session_id"]
        for each in (first, second, third)
    }
    assert len(sessions) == 1


async def test_reuse_of_an_older_refresh_token_ends_the_session(auth: Auth) -> None:
    first = await auth.sign_up()
    second = (await auth.refresh(first["refresh_token"])).json()
    third = (await auth.refresh(second["refresh_token"])).json()
    other = (await auth.password_grant(first["user"]["email"], PASSWORD)).json()

    stolen = await auth.refresh(first["refresh_token"])
    assert refusal(stolen) == (400, "refresh_token_already_used")
    assert refusal(await auth.refresh(third["refresh_token"])) == (400, "refresh_token_not_found")
    assert refusal(await auth.user(third["access_token"])) == (403, "session_not_found")
    assert (await auth.user(other["access_token"])).status_code == 200


async def test_a_client_that_lost_the_answer_gets_the_successor_once_more(auth: Auth) -> None:
    first = await auth.sign_up()
    second = (await auth.refresh(first["refresh_token"])).json()
    again = (await auth.refresh(first["refresh_token"])).json()
    assert again["refresh_token"] == second["refresh_token"]
    assert (await auth.user(again["access_token"])).status_code == 200


async def test_the_grace_for_lost_answers_runs_out(auth: Auth, stack: RunningStack) -> None:
    first = await auth.sign_up()
    second = (await auth.refresh(first["refresh_token"])).json()
    with psycopg.connect(stack.admin_database_url, autocommit=True) as connection:
        connection.execute(
            "update auth.refresh_tokens set updated_at = updated_at - interval '11 seconds'"
            " where token = %s",
            [first["refresh_token"]],
        )
    late = await auth.refresh(first["refresh_token"])
    assert refusal(late) == (400, "refresh_token_already_used")
    assert (await auth.refresh(second["refresh_token"])).status_code == 400


async def test_concurrent_refreshes_with_one_token_make_one_successor(
    auth: Auth, stack: RunningStack
) -> None:
    session = await auth.sign_up()
    lock = "select from auth.sessions where user_id = %s for update"
    waiting = """
        select count(*) from pg_stat_activity
        where usename = 'supabase_auth_admin' and wait_event_type = 'Lock'
    """
    connecting = psycopg.AsyncConnection.connect
    async with (
        await connecting(stack.admin_database_url) as holder,
        await connecting(stack.admin_database_url, autocommit=True) as watcher,
    ):
        # All of them have begun before the first may go on.
        await holder.execute(lock, [session["user"]["id"]])
        refreshes = [asyncio.create_task(auth.refresh(session["refresh_token"])) for _ in range(4)]
        async with asyncio.timeout(20):
            while (await (await watcher.execute(waiting)).fetchone()) != (4,):
                assert not any(each.done() for each in refreshes)
        await holder.commit()
        answers = await asyncio.gather(*refreshes)
    assert {each.status_code for each in answers} == {200}
    assert len({each.json()["refresh_token"] for each in answers}) == 1


async def test_an_invented_refresh_token_is_unknown(auth: Auth) -> None:
    for token in ("invented", "' or true --", "x" * 5000):
        assert refusal(await auth.refresh(token)) == (400, "refresh_token_not_found")
    assert refusal(await auth.refresh("")) == (400, "validation_failed")


async def test_a_session_past_its_end_is_not_refreshed(auth: Auth, stack: RunningStack) -> None:
    session = await auth.sign_up()
    with psycopg.connect(stack.admin_database_url, autocommit=True) as connection:
        connection.execute(
            "update auth.sessions set not_after = now() where user_id = %s", [session["user"]["id"]]
        )
    assert refusal(await auth.refresh(session["refresh_token"])) == (400, "session_expired")


# Signing out --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "alive"),
    [("global", [False, False]), ("local", [False, True]), ("others", [True, False])],
)
async def test_signing_out_ends_the_sessions_of_its_scope(
    auth: Auth, scope: str, alive: list[bool]
) -> None:
    this = await auth.sign_up()
    other = (await auth.password_grant(this["user"]["email"], PASSWORD)).json()
    stranger = await auth.sign_up()
    response = await auth.http.post(
        "/logout", params={"scope": scope}, headers=bearer(this["access_token"])
    )
    assert response.status_code == 204
    seen = [(await auth.user(each["access_token"])).status_code == 200 for each in (this, other)]
    refreshed = [
        (await auth.refresh(each["refresh_token"])).status_code == 200 for each in (this, other)
    ]
    assert seen == refreshed == alive
    assert (await auth.user(stranger["access_token"])).status_code == 200


async def test_an_unknown_scope_ends_nothing(auth: Auth) -> None:
    session = await auth.sign_up()
    headers = bearer(session["access_token"])
    response = await auth.http.post("/logout", params={"scope": "all"}, headers=headers)
    assert refusal(response) == (400, "validation_failed")
    assert (await auth.user(session["access_token"])).status_code == 200


# The user's own account ---------------------------------------------------------------------------


async def test_user_changes_its_metadata_key_by_key(auth: Auth) -> None:
    session = await auth.sign_up(data={"a": 1, "b": 2})
    headers = bearer(session["access_token"])
    body = {"data": {"b": None, "c": {"d": [3]}}}
    metadata = (await auth.http.put("/user", headers=headers, json=body)).json()["user_metadata"]
    assert (metadata["a"], metadata["c"]) == (1, {"d": [3]})
    assert "b" not in metadata


async def test_user_cannot_change_its_app_metadata_or_role(auth: Auth) -> None:
    session = await auth.sign_up()
    headers = bearer(session["access_token"])
    body = {"app_metadata": {"tier": "pro"}, "data": {"x": 1}}
    assert refusal(await auth.http.put("/user", headers=headers, json=body)) == (403, "not_admin")
    body = {"role": "service_role", "raw_app_meta_data": {"tier": "pro"}, "aud": "x", "id": "y"}
    await auth.http.put("/user", headers=headers, json=body)
    user = (await auth.user(session["access_token"])).json()
    assert user["role"] == "authenticated"
    assert user["app_metadata"] == {"provider": "email", "providers": ["email"]}
    assert "x" not in user["user_metadata"]


async def test_a_new_password_ends_the_other_sessions(auth: Auth) -> None:
    this = await auth.sign_up()
    email = this["user"]["email"]
    other = (await auth.password_grant(email, PASSWORD)).json()
    headers = bearer(this["access_token"])
    same = await auth.http.put("/user", headers=headers, json={"password": PASSWORD})
    assert refusal(same) == (422, "same_password")
    response = await auth.http.put("/user", headers=headers, json={"password": "another one"})
    assert response.status_code == 200
    assert (await auth.user(this["access_token"])).status_code == 200
    assert (await auth.user(other["access_token"])).status_code == 403
    assert (await auth.password_grant(email, PASSWORD)).status_code == 400
    assert (await auth.password_grant(email, "another one")).status_code == 200


async def test_user_cannot_take_anothers_email(auth: Auth) -> None:
    one, two = await auth.sign_up(), await auth.sign_up()
    headers = bearer(one["access_token"])
    body = {"email": two["user"]["email"].upper(), "data": {"x": 1}}
    assert refusal(await auth.http.put("/user", headers=headers, json=body)) == (
        422,
        "email_exists",
    )
    user = (await auth.user(one["access_token"])).json()
    assert user["email"] == one["user"]["email"]
    assert "x" not in user["user_metadata"]
    email = new_email()
    user = (await auth.http.put("/user", headers=headers, json={"email": email})).json()
    assert user["email"] == user["identities"][0]["email"] == email


async def test_account_calls_want_a_users_token(auth: Auth, stack: RunningStack) -> None:
    for method, path in (("GET", "/user"), ("PUT", "/user"), ("POST", "/logout")):
        missing = await auth.http.request(method, path)
        assert refusal(missing) == (401, "no_authorization")
        headers = bearer(stack.anon_key)
        no_user = await auth.http.request(method, path, headers=headers)
        assert refusal(no_user) == (403, "bad_jwt")


# Forgery ------------------------------------------------------------------------------------------


def forgeries(token: str, keys: StackKeys) -> dict[str, str]:
    """Return tokens that say what nobody signed, each under the name of its trick."""
    claims = jwt.decode(token, options={"verify_signature": False})
    admin = {**claims, "role": "service_role"}
    kid = {"kid": keys.signing_jwk["kid"]}
    head, payload, signature = token.split(".")
    stranger = ec.generate_private_key(ec.SECP256R1())
    public_key = jwt.PyJWK(keys.public_jwks()["keys"][0]).key
    public_pem = public_key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
    own_key = jwt.PyJWK(keys.signing_jwk, algorithm="ES256").key
    unsigned = jwt.encode(admin, None, algorithm="none", headers=kid)
    admin_payload = jwt.encode(admin, "x" * 32).split(".")[1]
    return {
        "algorithm none": unsigned,
        "algorithm none with a signature": unsigned + signature,
        "claims exchanged": f"{head}.{admin_payload}.{signature}",
        "signature cut off": f"{head}.{payload}.",
        "signature of zeros": f"{head}.{payload}." + "A" * 86,
        "signed by a stranger": jwt.encode(admin, stranger, algorithm="ES256", headers=kid),
        "signed by a stranger who names another key": jwt.encode(
            admin, stranger, algorithm="ES256", headers={"kid": "another"}
        ),
        "public key as the secret": hs256(admin, public_pem, kid),
        "public JWK as the secret": hs256(admin, json.dumps(keys.public_jwks()["keys"][0]), kid),
        "secret guessed": hs256(admin, "super-secret-jwt-token-with-at-least-32-characters", kid),
        "key brought along": jwt.encode(
            admin,
            stranger,
            algorithm="ES256",
            headers={"jwk": json.loads(jwt.algorithms.ECAlgorithm.to_jwk(stranger.public_key()))},
        ),
        "expired": jwt.encode(
            {**claims, "exp": int(time.time()) - 3600}, own_key, algorithm="ES256", headers=kid
        ),
        "not a token": "a.b.c",
    }


def hs256(claims: dict[str, Any], secret: str, headers: dict[str, str]) -> str:
    """Sign as PyJWT refuses to when the secret is a public key."""
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    encode = jwt.utils.base64url_encode
    head = {"alg": "HS256", "typ": "JWT", **headers}
    signed = b".".join(encode(json.dumps(each).encode()) for each in (head, claims))
    return (signed + b"." + encode(algorithm.sign(signed, secret.encode()))).decode()


async def test_forged_tokens_are_refused_everywhere(
    auth: Auth, stack: RunningStack, keys: StackKeys
) -> None:
    session = await auth.sign_up()
    genuine = session["access_token"]
    rest = f"{stack.supabase_url}/rest/v1/"
    assert (await auth.http.get(rest, headers=bearer(genuine))).status_code == 200
    storage = f"{stack.supabase_url}/storage/v1/bucket"
    assert (await auth.http.get(storage, headers=bearer(genuine))).status_code == 200
    for trick, token in forgeries(genuine, keys).items():
        headers = bearer(token)
        assert refusal(await auth.user(token)) == (403, "bad_jwt"), trick
        admin = await auth.http.get("/admin/users", headers=headers)
        assert refusal(admin) == (403, "bad_jwt"), trick
        assert (await auth.http.get(rest, headers=headers)).status_code == 401, trick
        assert (await auth.http.get(storage, headers=headers)).status_code in {400, 401, 403}, trick


async def test_a_developers_own_token_works_as_on_the_platform(auth: Auth, keys: StackKeys) -> None:
    session = await auth.sign_up()
    claims = {"sub": session["user"]["id"], "role": "authenticated", "exp": time.time() + 600}
    token = jwt.encode(claims, keys.jwt_secret, algorithm="HS256")
    assert (await auth.user(token)).json()["id"] == session["user"]["id"]


async def test_the_token_of_a_deleted_user_is_refused(auth: Auth) -> None:
    session = await auth.sign_up()
    assert (await auth.admin("DELETE", f"/{session['user']['id']}")).status_code == 200
    assert refusal(await auth.user(session["access_token"])) == (403, "user_not_found")
    refreshed = await auth.refresh(session["refresh_token"])
    assert refusal(refreshed) == (400, "refresh_token_not_found")


# Administration -----------------------------------------------------------------------------------


async def test_only_the_service_role_administers_users(auth: Auth, stack: RunningStack) -> None:
    session = await auth.sign_up()
    victim = f"/admin/users/{session['user']['id']}"
    calls = [
        ("GET", "/admin/users"),
        ("POST", "/admin/users"),
        ("GET", victim),
        ("PUT", victim),
        ("DELETE", victim),
    ]
    tokens = [stack.publishable_key, stack.anon_key, session["access_token"]]
    for method, path in calls:
        assert refusal(await auth.http.request(method, path)) == (403, "not_admin")
        for token in tokens:
            # The API key says only that somebody may ask; who asks is the bearer.
            for api_key in (stack.publishable_key, stack.secret_key):
                headers = {**bearer(token), "apikey": api_key}
                response = await auth.http.request(method, path, headers=headers)
                assert refusal(response) == (403, "not_admin"), (method, path)
    assert (await auth.user(session["access_token"])).status_code == 200


async def test_admin_pages_through_users(auth: Auth) -> None:
    made = [(await auth.sign_up())["user"]["id"] for _ in range(3)]
    page = await auth.admin("GET", params={"page": 1, "per_page": 2})
    assert [each["id"] for each in page.json()["users"]] == [made[2], made[1]]
    assert page.json()["aud"] == "authenticated"
    total = int(page.headers["x-total-count"])
    assert total >= 3
    assert 'page=2&per_page=2>; rel="next"' in page.headers["link"]
    second = await auth.admin("GET", params={"page": 2, "per_page": 2})
    assert second.json()["users"][0]["id"] == made[0]
    beyond = await auth.admin("GET", params={"page": total + 1, "per_page": 1000})
    assert beyond.json()["users"] == []
    empty = await auth.admin("GET", params={"page": "", "per_page": ""})
    assert len(empty.json()["users"]) == min(total, 50)
    for wrong in ("-1", "0", "x", "9" * 30, "²"):
        response = await auth.admin("GET", params={"page": wrong})
        assert refusal(response) == (400, "validation_failed")


async def test_admin_creates_unconfirmed_users_unless_told_otherwise(auth: Auth) -> None:
    email = new_email()
    user_id = str(uuid4())
    body = {"id": user_id, "email": email, "password": PASSWORD, "app_metadata": {"tier": "pro"}}
    user = (await auth.admin("POST", json=body)).json()
    assert user["id"] == user_id
    assert "email_confirmed_at" not in user
    assert user["app_metadata"] == {"provider": "email", "providers": ["email"], "tier": "pro"}
    assert refusal(await auth.password_grant(email, PASSWORD)) == (400, "email_not_confirmed")
    assert refusal(await auth.admin("POST", json=body)) == (422, "email_exists")
    email = new_email()
    moved = (await auth.admin("PUT", f"/{user_id}", json={"email": email})).json()
    assert moved["email"] == email
    assert "email_confirmed_at" not in moved
    confirmed = await auth.admin("PUT", f"/{user_id}", json={"email_confirm": True})
    assert confirmed.json()["email_confirmed_at"]
    assert (await auth.password_grant(email, PASSWORD)).status_code == 200
    assert refusal(await auth.admin("POST", json={})) == (400, "validation_failed")


async def test_admin_sets_role_ban_email_and_phone(auth: Auth) -> None:
    session = await auth.sign_up()
    path = f"/{session['user']['id']}"
    phone = f"+1{uuid4().int % 10**10:010d}"
    email = new_email()
    body = {"role": "service_role", "phone": phone, "email": email, "ban_duration": "1h30m"}
    user = (await auth.admin("PUT", path, json=body)).json()
    assert (user["role"], user["phone"], user["email"]) == ("service_role", phone[1:], email)
    assert user["banned_until"]
    assert refusal(await auth.password_grant(email, PASSWORD)) == (400, "user_banned")
    assert refusal(await auth.refresh(session["refresh_token"])) == (400, "user_banned")
    user = (await auth.admin("PUT", path, json={"ban_duration": "none"})).json()
    assert "banned_until" not in user
    assert (await auth.password_grant(email, PASSWORD)).status_code == 200
    for wrong in ("forever", "1y", "-1h", "9" * 40 + "h", "1h 30m"):
        response = await auth.admin("PUT", path, json={"ban_duration": wrong})
        assert refusal(response) == (400, "validation_failed")


async def test_a_password_set_by_an_admin_ends_all_sessions(auth: Auth) -> None:
    session = await auth.sign_up()
    path = f"/{session['user']['id']}"
    response = await auth.admin("PUT", path, json={"password": "another one"})
    assert response.status_code == 200
    assert (await auth.user(session["access_token"])).status_code == 403
    assert (await auth.password_grant(session["user"]["email"], "another one")).status_code == 200


async def test_a_softly_deleted_user_is_forgotten_but_kept(auth: Auth) -> None:
    session = await auth.sign_up(data={"full_name": "Ada"})
    path = f"/{session['user']['id']}"
    deleted = await auth.admin("DELETE", path, json={"should_soft_delete": True})
    assert deleted.json() == {}
    user = (await auth.admin("GET", path)).json()
    assert user["deleted_at"]
    assert user["user_metadata"] == {}
    assert session["user"]["email"] not in json.dumps(user)
    assert (await auth.user(session["access_token"])).status_code == 403
    assert (await auth.password_grant(session["user"]["email"], PASSWORD)).status_code == 400
    await auth.sign_up(email=session["user"]["email"])


async def test_admin_asks_for_users_that_are_not_there(auth: Auth) -> None:
    assert refusal(await auth.admin("GET", f"/{uuid4()}")) == (404, "user_not_found")
    assert refusal(await auth.admin("GET", "/me")) == (404, "validation_failed")
    assert refusal(await auth.admin("DELETE", f"/{uuid4()}")) == (404, "user_not_found")


# Logs ---------------------------------------------------------------------------------------------


async def test_logs_hold_no_token_and_no_password(auth: Auth, stack: RunningStack) -> None:
    password = uuid4().hex
    session = await auth.sign_up(password=password)
    second = (await auth.refresh(session["refresh_token"])).json()
    await auth.refresh(second["refresh_token"])
    await auth.refresh(session["refresh_token"])
    await auth.user(session["access_token"])
    logs = list((stack.state_dir / "logs").iterdir())
    assert logs
    text = b"".join(each.read_bytes() for each in logs if each.is_file()).decode(errors="replace")
    for secret in (
        password,
        session["refresh_token"],
        session["access_token"].split(".")[2],
        stack.secret_key,
    ):
        assert secret not in text
