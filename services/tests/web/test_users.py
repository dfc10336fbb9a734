"""Who calls: users' tokens as the platform issues them, and everything that only looks like one."""

import base64
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import Depends
from web.conftest import settings_of

from reelbase.local.keys import load_or_create_keys
from reelbase.local.pytest_plugin import RunningStack
from reelbase.web.app import create_app
from reelbase.web.users import USER_ANSWERS, AuthenticatedUser, user_of

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def who_am_i(stack: RunningStack, **more: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The service with a route that says who calls."""
    app = create_app(settings_of(stack, **more), {})

    async def tell(user: Annotated[AuthenticatedUser, Depends(user_of)]) -> AuthenticatedUser:
        return user

    app.add_api_route("/me", tell, responses=USER_ANSWERS)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://reelbase") as client,
    ):
        yield client


async def ask(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.get("/me", headers={"Authorization": f"Bearer {token}"})


def sign_up(stack: RunningStack, body: dict[str, Any]) -> dict[str, Any]:
    answer = httpx.post(
        f"{stack.supabase_url}/auth/v1/signup",
        json=body,
        headers={"apikey": stack.publishable_key},
    )
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


async def test_user_is_known_by_the_token_of_the_platform(stack: RunningStack) -> None:
    email = f"{uuid.uuid4()}@users.example"
    session = sign_up(stack, {"email": email, "password": "correct horse battery"})
    nobody = sign_up(stack, {})
    async with who_am_i(stack) as client:
        answer = await ask(client, session["access_token"])
        assert answer.json() == {"id": session["user"]["id"], "email": email, "is_anonymous": False}
        answer = await ask(client, nobody["access_token"])
        assert answer.json() == {"id": nobody["user"]["id"], "email": None, "is_anonymous": True}


async def test_whatever_is_not_a_users_token_is_refused(stack: RunningStack) -> None:
    keys = load_or_create_keys(stack.state_dir / "keys.json")
    private, kid = jwt.PyJWK(keys.signing_jwk, algorithm="ES256").key, keys.signing_jwk["kid"]
    stranger = ec.generate_private_key(ec.SECP256R1())
    now, issuer = int(time.time()), f"{stack.supabase_url}/auth/v1"
    claims = {
        "iss": issuer,
        "aud": "authenticated",
        "role": "authenticated",
        "sub": str(uuid.uuid4()),
        "exp": now + 600,
    }

    def made(key: Any = private, head: str = kid, algorithm: str = "ES256", **more: Any) -> str:
        told = {name: value for name, value in {**claims, **more}.items() if value is not None}
        return jwt.encode(told, key, algorithm=algorithm, headers={"kid": head})

    good = made()
    start, _, signature = good.rpartition(".")
    unsigned = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": kid}).encode()).decode()
    # The public key, which anybody has, taken for a secret.
    public = json.dumps(keys.public_jwks()["keys"][0])
    bad = {
        "signed by a stranger": made(stranger),
        "signed by a stranger under another name": made(stranger, "another"),
        "not signed": f"{unsigned.rstrip('=')}.{start.split('.')[1]}.",
        "signed by nobody": f"{unsigned.rstrip('=')}.{start.split('.')[1]}.AAAA",
        "signed with what is public": made(public * 2, algorithm="HS256"),
        "another signature": f"{start}.{signature[::-1]}",
        "expired": made(exp=now - 10),
        "of tomorrow": made(nbf=now + 60),
        "without an end": made(exp=None),
        "of another issuer": made(iss="https://other.example/auth/v1"),
        "of no issuer": made(iss=None),
        "for another audience": made(aud="other"),
        "for nobody": made(sub=None),
        "for no user": made(sub="me"),
        "of another role": made(role="service_role"),
        "an older project's key": stack.anon_key,
        "an older project's secret key": stack.service_role_key,
        "a new key": stack.publishable_key,
        "a new secret key": stack.secret_key,
        "much too long": "a" * 20_000 + ".b.c",
        "nothing": "",
        "no token": "x.y.z",
    }
    async with who_am_i(stack) as client:
        # As soon as it was issued, by a clock that is a little ahead.
        for token in (good, made(iat=now + 3, nbf=now + 3)):
            assert (await ask(client, token)).status_code == 200
        answers = {name: await ask(client, token) for name, token in bad.items()}
        without = await client.get("/me")
        other = await client.get("/me", headers={"Authorization": "Basic eDp5"})
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(bad, 401)
    assert {answer.headers["www-authenticate"] for answer in answers.values()} <= {
        'Bearer realm="reelbase", error="invalid_token"',
        'Bearer realm="reelbase"',
    }
    for answer in (without, other):
        assert (answer.status_code, answer.json()["error"]) == (401, "no_token")
        assert answer.headers["www-authenticate"] == 'Bearer realm="reelbase"'


async def test_older_projects_tokens_are_asked_about(stack: RunningStack) -> None:
    """They are signed with a secret that services are not to hold."""
    user = sign_up(stack, {"email": f"{uuid.uuid4()}@users.example", "password": "correct horse"})
    keys = load_or_create_keys(stack.state_dir / "keys.json")
    claims = {"aud": "authenticated", "role": "authenticated", "sub": user["user"]["id"]}
    now = int(time.time())

    def made(secret: str, exp: int) -> str:
        told = jwt.decode(user["access_token"], options={"verify_signature": False})
        return jwt.encode({**told, **claims, "exp": exp}, secret, algorithm="HS256")

    async with who_am_i(stack) as client:
        answer = await ask(client, made(keys.jwt_secret, now + 600))
        assert answer.json()["id"] == user["user"]["id"]
        for token in (made(keys.jwt_secret, now - 600), made("x" * 40, now + 600)):
            assert (await ask(client, token)).json()["error"] == "invalid_token"


async def test_while_auth_is_away_nobody_is_refused_for_good(stack: RunningStack) -> None:
    session = sign_up(stack, {})
    keys = load_or_create_keys(stack.state_dir / "keys.json")
    older = jwt.encode({"sub": "x"}, keys.jwt_secret, algorithm="HS256")
    async with who_am_i(stack, SUPABASE_URL="http://127.0.0.1:9") as client:
        for token in (session["access_token"], older):
            answer = await ask(client, token)
            assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
            assert int(answer.headers["retry-after"]) > 0


async def test_issuer_may_have_another_name_than_the_address(stack: RunningStack) -> None:
    session = sign_up(stack, {})
    async with who_am_i(stack, auth_issuer="https://auth.example/auth/v1") as client:
        assert (await ask(client, session["access_token"])).status_code == 401
    async with who_am_i(stack, auth_issuer=f"{stack.supabase_url}/auth/v1") as client:
        assert (await ask(client, session["access_token"])).status_code == 200
