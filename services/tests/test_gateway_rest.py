"""The proxy to PostgREST: what passes, what does not, and what happens when PostgREST fails."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import psycopg
import pytest
from psycopg import sql
from starlette.types import Message

from reelbase.local.gateway.rest import RestProxy
from reelbase.local.keys import StackKeys, load_or_create_keys
from reelbase.local.pytest_plugin import RunningStack

pytestmark = pytest.mark.anyio

SCHEMA = """
create table public.{things} (id integer primary key, body text not null);
insert into public.{things} select n, 'thing ' || n from generate_series(1, 20) as n;
grant select, insert, update, delete on public.{things} to anon;
create function public.{probe}(p_text text default '') returns jsonb language sql stable as $$
  select jsonb_build_object(
    'role', current_user,
    'text', p_text,
    'claims', current_setting('request.jwt.claims', true)::jsonb,
    'headers', current_setting('request.headers', true)::jsonb
  )
$$;
create function public.{repeat}(p_length integer) returns text language sql stable as $$
  select repeat('0123456789abcdef', p_length / 16)
$$;
create function public.{measure}(p_text text) returns integer language sql stable as $$
  select length(p_text)
$$;
notify pgrst, 'reload schema';
"""


class Rest:
    """The REST API, and the names of what a test finds there."""

    def __init__(self, http: httpx.AsyncClient, stack: RunningStack, names: dict[str, str]) -> None:
        self.http = http
        self.stack = stack
        self.names = names

    async def probe(self, headers: Any = None, **params: str) -> dict[str, Any]:
        """Return what SQL sees of a request."""
        response = await self.http.get(
            f"/rpc/{self.names['probe']}", headers=headers, params=params or None
        )
        assert response.status_code == 200, response.text
        seen: dict[str, Any] = response.json()
        return seen


@pytest.fixture(scope="module")
def names(stack: RunningStack) -> Iterator[dict[str, str]]:
    """A table and functions for this module, known to PostgREST."""
    made = {key: f"{key}_{uuid4().hex}" for key in ("things", "probe", "repeat", "measure")}
    identifiers = {key: sql.Identifier(name) for key, name in made.items()}
    drop = """
        drop table public.{things};
        drop function public.{probe}, public.{repeat}, public.{measure}
    """
    with psycopg.connect(stack.admin_database_url, autocommit=True) as connection:
        connection.execute(sql.SQL(SCHEMA).format(**identifiers))
        # PostgREST finds a table without its schema cache, but no function.
        url = f"{stack.supabase_url}/rest/v1/rpc/{made['probe']}"
        headers = {"apikey": stack.publishable_key}
        with httpx.Client(headers=headers) as client:
            for _ in range(3000):
                if client.get(url).status_code == 200:
                    break
            else:
                pytest.fail("PostgREST does not know the new functions")
        yield made
        connection.execute(sql.SQL(drop).format(**identifiers))


@pytest.fixture
async def rest(stack: RunningStack, names: dict[str, str]) -> AsyncIterator[Rest]:
    headers = {"apikey": stack.publishable_key}
    async with httpx.AsyncClient(
        base_url=f"{stack.supabase_url}/rest/v1", headers=headers, timeout=60
    ) as http:
        yield Rest(http, stack, names)


@pytest.fixture
def keys(stack: RunningStack) -> StackKeys:
    return load_or_create_keys(stack.state_dir / "keys.json")


async def raw(stack: RunningStack, request: bytes) -> bytes:
    """Send bytes as they are, and return all that comes back until the gateway hangs up."""
    address = httpx.URL(stack.supabase_url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(request)
        await writer.drain()
        async with asyncio.timeout(20):
            return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


def head(stack: RunningStack, line: bytes, *lines: bytes) -> bytes:
    """Return the head of a request that asks to hang up afterwards."""
    key = b"apikey: " + stack.publishable_key.encode()
    return b"\r\n".join([line, b"host: localhost", key, b"connection: close", *lines, b"", b""])


# Keys ---------------------------------------------------------------------------------------------


async def test_a_request_without_an_api_key_is_refused_as_on_the_platform(
    stack: RunningStack,
) -> None:
    async with httpx.AsyncClient() as http:
        response = await http.get(f"{stack.supabase_url}/rest/v1/")
    assert response.status_code == 401
    assert response.json() == {
        "message": "No API key found in request",
        "hint": "No `apikey` request header or url param was found.",
    }


async def test_a_wrong_api_key_is_refused(rest: Rest) -> None:
    token = jwt.encode({"role": "service_role", "exp": time.time() + 60}, "x" * 32)
    for wrong in ("wrong", token, rest.stack.publishable_key + "x"):
        response = await rest.http.get("/", headers={"apikey": wrong})
        assert (response.status_code, response.json()["message"]) == (401, "Invalid API key")


async def test_each_key_acts_as_its_role(rest: Rest) -> None:
    stack = rest.stack
    roles = {
        stack.publishable_key: "anon",
        stack.anon_key: "anon",
        stack.secret_key: "service_role",
        stack.service_role_key: "service_role",
    }
    for key, role in roles.items():
        alone = await rest.probe({"apikey": key})
        repeated = await rest.probe({"apikey": key, "authorization": f"Bearer {key}"})
        assert alone["role"] == repeated["role"] == role


async def test_the_bearer_decides_who_acts_and_not_the_api_key(rest: Rest) -> None:
    stack = rest.stack
    headers = {"apikey": stack.secret_key, "authorization": f"Bearer {stack.publishable_key}"}
    assert (await rest.probe(headers))["role"] == "anon"
    basic = {"apikey": stack.secret_key, "authorization": "Basic c2VydmljZV9yb2xlOg=="}
    assert (await rest.probe(basic))["role"] == "anon"


async def test_the_api_key_may_stand_in_the_url_and_stays_out_of_the_query(rest: Rest) -> None:
    url = f"{rest.stack.supabase_url}/rest/v1/{rest.names['things']}"
    params = {"id": "eq.3", "apikey": rest.stack.publishable_key, "select": "body"}
    async with httpx.AsyncClient() as http:
        response = await http.get(url, params=params)
    assert response.json() == [{"body": "thing 3"}]


async def test_an_expired_token_gets_postgrests_own_answer(rest: Rest, keys: StackKeys) -> None:
    claims = {"role": "authenticated", "aud": "authenticated", "exp": int(time.time()) - 3600}
    key = jwt.PyJWK(keys.signing_jwk, algorithm="ES256").key
    token = jwt.encode(claims, key, algorithm="ES256", headers={"kid": keys.signing_jwk["kid"]})
    response = await rest.http.get("/", headers={"authorization": f"Bearer {token}"})
    assert response.status_code == 401
    assert response.json()["code"] == "PGRST301"
    assert "www-authenticate" in response.headers


# What passes --------------------------------------------------------------------------------------


async def test_a_bad_token_is_told_even_if_a_large_body_comes_with_it(rest: Rest) -> None:
    # PostgREST answers such a request, and hangs up, without reading all of it.
    for length in (2_000_000, 20_000_000):
        response = await rest.http.post(
            f"/{rest.names['things']}",
            content=b"[" + b" " * length + b"]",
            headers={"authorization": "Bearer no.such.token", "content-type": "application/json"},
        )
        assert (response.status_code, response.json()["code"]) == (401, "PGRST301")


@pytest.mark.parametrize(
    "beginning",
    [
        "GET /health HTTP/1.1\r\nx: ",
        "GET /",
        "POST /rest/v1/x HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1;",
        "POST /rest/v1/x HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: ",
    ],
)
async def test_a_head_that_does_not_end_is_cut_off(stack: RunningStack, beginning: str) -> None:
    address = httpx.URL(stack.supabase_url)
    _, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(beginning.encode())
    most = 64 * 1024 * 1024
    sent = 0
    with suppress(ConnectionError):
        while sent < most:
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536
    writer.transport.abort()
    assert sent < most


async def test_rows_are_written_read_and_deleted_with_every_method(rest: Rest) -> None:
    path = f"/{rest.names['things']}"
    number = 100_000 + uuid4().int % 1_000_000
    at = {"id": f"eq.{number}"}
    prefer = {"prefer": "return=representation"}
    row = {"id": number, "body": "a"}
    created = await rest.http.post(path, json=row, headers=prefer)
    assert (created.status_code, created.json()) == (201, [row])
    upserted = await rest.http.put(path, params=at, json={"id": number, "body": "b"})
    assert upserted.status_code in {200, 204}
    patched = await rest.http.patch(path, params=at, json={"body": "c"}, headers=prefer)
    assert patched.json() == [{"id": number, "body": "c"}]
    counted = await rest.http.head(path, params=at, headers={"prefer": "count=exact"})
    assert (counted.headers["content-range"], counted.content) == ("0-0/1", b"")
    deleted = await rest.http.delete(path, params=at)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert (await rest.http.get(path, params=at)).json() == []
    allowed = await rest.http.options(path)
    assert "PATCH" in allowed.headers["allow"]


async def test_range_prefer_and_profile_headers_pass_both_ways(rest: Rest) -> None:
    path = f"/{rest.names['things']}"
    headers = {"range": "5-9", "range-unit": "items", "prefer": "count=exact"}
    params = {"order": "id", "id": "lte.20"}
    page = await rest.http.get(path, params=params, headers=headers)
    assert page.status_code == 206
    assert page.headers["content-range"] == "5-9/20"
    assert [each["id"] for each in page.json()] == [6, 7, 8, 9, 10]
    unknown = await rest.http.get(path, headers={"accept-profile": "auth"})
    assert (unknown.status_code, unknown.json()["code"]) == (406, "PGRST106")
    single = await rest.http.get(
        path, params={"id": "eq.1"}, headers={"accept": "application/vnd.pgrst.object+json"}
    )
    assert single.json() == {"id": 1, "body": "thing 1"}
    as_csv = await rest.http.get(path, params={"id": "eq.1"}, headers={"accept": "text/csv"})
    assert as_csv.text == 'id,body\n1,"thing 1"'


@pytest.mark.parametrize("text", ["a+b c&d=e%f", "ü\u2603\U0001f600", '"),(', "100%25", "apikey=x"])
async def test_the_query_string_arrives_byte_for_byte(rest: Rest, text: str) -> None:
    assert (await rest.probe(p_text=text))["text"] == text


async def test_a_large_body_streams_up_with_and_without_a_length(rest: Rest) -> None:
    path = f"/rpc/{rest.names['measure']}"
    length = 3_000_000
    content = json.dumps({"p_text": "x" * length}).encode()
    headers = {"content-type": "application/json"}
    whole = await rest.http.post(path, content=content, headers=headers)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 50_000):
            yield content[start : start + 50_000]

    chunked = await rest.http.post(path, content=pieces(), headers=headers)
    assert (whole.json(), chunked.json()) == (length, length)


async def test_a_large_answer_streams_down(rest: Rest) -> None:
    length = 16 * 500_000
    response = await rest.http.get(f"/rpc/{rest.names['repeat']}", params={"p_length": str(length)})
    assert response.json() == "0123456789abcdef" * 500_000


async def test_many_requests_at_once_each_get_their_own_answer(rest: Rest) -> None:
    texts = [uuid4().hex for _ in range(100)]
    seen = await asyncio.gather(*(rest.probe(p_text=text) for text in texts))
    assert [each["text"] for each in seen] == texts


# What does not pass -------------------------------------------------------------------------------


async def test_headers_that_only_a_proxy_may_set_are_its_own(rest: Rest) -> None:
    forged = {
        "x-forwarded-for": "203.0.113.7",
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "https",
        "x-real-ip": "203.0.113.7",
        "forwarded": "for=203.0.113.7",
        "cf-connecting-ip": "203.0.113.7",
        "true-client-ip": "203.0.113.7",
        "request.jwt.claims": '{"role": "service_role"}',
        "request.jwt.claim.role": "service_role",
        "connection": "close, x-secret-hop",
        "x-secret-hop": "1",
        "proxy-authorization": "Basic eDp5",
        "te": "trailers",
    }
    seen = (await rest.probe(forged))["headers"]
    text = json.dumps(seen)
    for value in ("203.0.113.7", "evil.example", "service_role", "x-secret-hop", "eDp5"):
        assert value not in text
    assert not {"te", "proxy-authorization"} & seen.keys()
    assert (await rest.probe())["headers"]["x-forwarded-for"] == "127.0.0.1"


async def test_headers_named_like_a_role_change_nothing_and_pass(rest: Rest) -> None:
    seen = await rest.probe(
        {"role": "service_role", "x-role": "service_role", "x-client-info": "t"}
    )
    assert seen["role"] == "anon"
    assert seen["claims"]["role"] == "anon"
    assert seen["headers"]["x-client-info"] == "t"


async def test_the_api_key_does_not_reach_sql(rest: Rest) -> None:
    seen = await rest.probe({"apikey": rest.stack.secret_key})
    assert seen["role"] == "service_role"
    assert rest.stack.secret_key not in json.dumps(seen)


async def test_the_first_of_two_authorizations_is_the_only_one(rest: Rest) -> None:
    stack = rest.stack
    headers = [
        ("authorization", f"Bearer {stack.publishable_key}"),
        ("authorization", f"Bearer {stack.secret_key}"),
        ("apikey", stack.publishable_key),
    ]
    assert (await rest.probe(headers))["role"] == "anon"


@pytest.mark.parametrize(
    "target",
    [
        b"/rest/v1/../auth/v1/admin/users",
        b"/rest/v1/%2e%2e/auth/v1/admin/users",
        b"/rest/v1/..%2f..%2fauth%2fv1%2fadmin%2fusers",
        b"/rest%2fv1/",
        b"/rest/v1%2f../health",
        b"//rest/v1/",
        b"/rest/v1/;/../../health",
        b"/rest/v1//",
        b"/auth/v1/../../rest/v1/",
        b"/rest/v1/rpc/../../../../etc/passwd",
        b"/rest/v1/%00",
        b"/rest/v1",
    ],
)
async def test_path_tricks_lead_nowhere(stack: RunningStack, target: bytes) -> None:
    answer = await raw(stack, head(stack, b"GET " + target + b" HTTP/1.1"))
    status = int(answer.split(b" ")[1])
    assert status in {400, 404}, answer
    assert b"users" not in answer.partition(b"\r\n\r\n")[2].replace(b"/admin/users", b"")


@pytest.mark.parametrize(
    "lines",
    [
        [b"content-length: 6", b"transfer-encoding: chunked"],
        [b"content-length: 0", b"content-length: 44"],
        [b"content-length: 0, 44"],
        [b"transfer-encoding: chunked, identity"],
        [b"transfer-encoding: xchunked"],
        [b"content-length: +5"],
        [b"content-length : 44"],
        [b"x: y\r\n z: folded", b"content-length: 0"],
    ],
)
async def test_two_readings_of_a_length_never_make_a_second_request(
    stack: RunningStack, names: dict[str, str], lines: list[bytes]
) -> None:
    line = f"POST /rest/v1/rpc/{names['measure']} HTTP/1.1".encode()
    smuggled = f"GET /rest/v1/rpc/{names['probe']} HTTP/1.1\r\nhost: x\r\n\r\n".encode()
    answer = await raw(stack, head(stack, line, *lines) + b"0\r\n\r\n" + smuggled)
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert b'"role"' not in answer


async def test_a_websocket_is_refused(stack: RunningStack) -> None:
    lines = [
        b"upgrade: websocket",
        b"sec-websocket-version: 13",
        b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    request = head(stack, b"GET /rest/v1/ HTTP/1.1", *lines)
    answer = await raw(stack, request.replace(b"connection: close", b"connection: upgrade"))
    assert int(answer.split(b" ")[1]) == 403


# Browsers -----------------------------------------------------------------------------------------


async def test_a_browser_of_any_origin_may_call(rest: Rest) -> None:
    origin = {"origin": "http://localhost:5173"}
    preflight = await rest.http.options(
        f"/{rest.names['things']}",
        headers={
            **origin,
            "apikey": "",
            "access-control-request-method": "PATCH",
            "access-control-request-headers": "apikey,authorization,prefer,x-client-info",
        },
    )
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    allowed = preflight.headers["access-control-allow-headers"]
    assert {"apikey", "authorization", "prefer"} <= {each.strip() for each in allowed.split(",")}

    response = await rest.http.get(f"/{rest.names['things']}", headers=origin)
    assert response.headers.get_list("access-control-allow-origin") == ["*"]
    exposed = response.headers.get_list("access-control-expose-headers")
    assert len(exposed) == 1
    assert "content-range" in exposed[0]
    assert "access-control-allow-credentials" not in response.headers
    refused = await rest.http.get("/", headers={**origin, "apikey": "wrong"})
    assert refused.headers["access-control-allow-origin"] == "*"


# PostgREST that fails -----------------------------------------------------------------------------


@asynccontextmanager
async def upstream(*scripts: list[bytes]) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve one connection after the other: answer each request by the next part of its script.

    A connection is closed when its script has ended. Yields the address, and the requests seen.
    """
    seen: list[bytes] = []
    waiting = list(scripts)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in waiting.pop(0) if waiting else []:
            request = await reader.readuntil(b"\r\n\r\n")
            if b"content-length: 2\r\n" in request:
                request += await reader.readexactly(2)
            seen.append(request)
            writer.write(answer)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", seen


async def call(
    proxy: RestProxy, keys: StackKeys, method: str = "GET", body: bytes | None = None
) -> list[Message]:
    """Call the proxy as an ASGI server does, and return what it sends."""
    sent: list[Message] = []
    headers = [(b"apikey", keys.publishable_key.encode())]
    if body is not None:
        headers.append((b"content-length", str(len(body)).encode()))
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": "/rest/v1/x",
        "raw_path": b"/rest/v1/x",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": body or b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await proxy(scope, receive, send)
    return sent


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@pytest.fixture
def own_keys(tmp_path: Path) -> StackKeys:
    return load_or_create_keys(tmp_path / "keys.json")


async def test_a_postgrest_that_is_down_gives_503(own_keys: StackKeys) -> None:
    async with upstream() as (url, _):
        pass
    proxy = RestProxy(url, own_keys)
    sent = await call(proxy, own_keys)
    assert sent[0]["status"] == 503
    assert await proxy.ping() is False


async def test_connections_are_kept_and_used_again(own_keys: StackKeys) -> None:
    async with upstream([OK, OK, OK]) as (url, seen):
        proxy = RestProxy(url, own_keys)
        answers = [await call(proxy, own_keys) for _ in range(3)]
        await proxy.aclose()
    assert [each[0]["status"] for each in answers] == [200] * 3
    assert len(seen) == 3


async def test_a_read_is_repeated_when_a_kept_connection_turns_out_closed(
    own_keys: StackKeys,
) -> None:
    async with upstream([OK, b""], [OK]) as (url, seen):
        proxy = RestProxy(url, own_keys)
        assert (await call(proxy, own_keys))[0]["status"] == 200
        assert (await call(proxy, own_keys))[0]["status"] == 200
        await proxy.aclose()
    assert len(seen) == 3


async def test_a_write_is_never_sent_twice(own_keys: StackKeys) -> None:
    async with upstream([OK, b""], [OK]) as (url, seen):
        proxy = RestProxy(url, own_keys)
        assert (await call(proxy, own_keys, "POST", b"{}"))[0]["status"] == 200
        assert (await call(proxy, own_keys, "POST", b"{}"))[0]["status"] == 503
        await proxy.aclose()
    assert len(seen) == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\n" + b"x" * 150_000,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n20000\r\n" + b"x" * 131_072,
    ],
)
async def test_an_answer_that_breaks_off_is_not_passed_off_as_whole(
    own_keys: StackKeys, answer: bytes
) -> None:
    async with upstream([answer]) as (url, _):
        sent = await call(RestProxy(url, own_keys), own_keys)
    assert sent[0]["status"] == 200
    assert all(message["more_body"] for message in sent[1:])


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000 + b"\r\n\r\n",
        b"",
    ],
)
async def test_an_answer_that_is_no_http_gives_503(own_keys: StackKeys, answer: bytes) -> None:
    async with upstream([answer]) as (url, _):
        sent = await call(RestProxy(url, own_keys), own_keys)
    assert sent[0]["status"] == 503


async def test_an_answer_that_ends_with_its_connection_is_whole(own_keys: StackKeys) -> None:
    async with upstream([b"HTTP/1.1 200 OK\r\n\r\nall of it"]) as (url, _):
        sent = await call(RestProxy(url, own_keys), own_keys)
    assert b"".join(message["body"] for message in sent[1:]) == b"all of it"
    assert sent[-1]["more_body"] is False
