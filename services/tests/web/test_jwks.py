"""Sets of public keys: fetched, kept, exchanged, and used for a while when their source is down."""

import base64
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from reelbase.jwks import KeySet, fetch_key_set, read_key_set
from reelbase.webhooks import SourceUnavailable

pytestmark = pytest.mark.anyio

DAY = 24 * 3600.0


def entry(kid: str, seed: int = 1) -> dict[str, Any]:
    public = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32).public_key()
    made: dict[str, Any] = jwt.algorithms.OKPAlgorithm.to_jwk(public, as_dict=True)
    return {**made, "kid": kid, "use": "sig"}


class Source:
    """Where a set of keys lies, and a clock."""

    def __init__(self, *kids: str) -> None:
        self.kids = kids
        self.now = 0.0
        self.asked = 0
        self.down: Exception | None = None
        self.held: anyio.Event | None = None
        self.set = KeySet("https://keys.example/jwks.json", self.fetch, lambda: self.now)

    async def fetch(self, url: str) -> bytes:
        self.asked += 1
        if self.held is not None:
            await self.held.wait()
        if self.down is not None:
            raise self.down
        return json.dumps({"keys": [entry(kid) for kid in self.kids]}).encode()

    async def known(self) -> list[str | None]:
        return [key.kid for key in await self.set.keys()]


async def test_keys_are_fetched_once_a_day() -> None:
    source = Source("a")
    for source.now in (0, 1, DAY - 1):
        assert await source.known() == ["a"]
    assert source.asked == 1
    source.now, source.kids = DAY + 1, ("b",)
    assert await source.known() == ["b"]
    assert source.asked == 2


async def test_unknown_key_has_the_set_fetched_again_once_a_minute_at_most() -> None:
    source = Source("a")
    assert await source.set.find("b") is None
    assert source.asked == 1  # It had been fetched at this very moment.
    source.now, source.kids = 61, ("a", "b")
    found = await source.set.find("b")
    assert found is not None
    assert (found.kid, found.algorithm) == ("b", "EdDSA")
    for made_up in "cdefgh":
        assert await source.set.find(made_up) is None
    assert source.asked == 2
    source.now, source.kids = 122, ("b",)
    assert await source.set.find("x") is None
    assert await source.set.find("a") is None, "a key that was withdrawn is good no more"
    assert source.asked == 3


async def test_while_the_source_is_down_old_keys_are_good_for_another_day() -> None:
    source = Source("a")
    assert await source.known() == ["a"]
    source.down = OSError("down")
    for source.now in (DAY + 1, DAY + 2, DAY + 90, 2 * DAY - 1):
        assert await source.known() == ["a"]
    assert source.asked == 4, "it is asked again, though once a minute at most"
    source.now = 2 * DAY + 1
    with pytest.raises(SourceUnavailable):
        await source.set.keys()
    source.down, source.now = None, 2 * DAY + 70
    assert await source.known() == ["a"]


async def test_without_any_keys_nobody_can_tell_and_the_source_is_not_overrun() -> None:
    source = Source("a")
    source.down = httpx.ConnectError("down")
    for _ in range(5):
        with pytest.raises(SourceUnavailable):
            await source.set.find("a")
    assert source.asked == 1
    source.now, source.down = 6, None
    assert await source.set.find("a") is not None


async def test_many_who_need_the_keys_share_one_fetch() -> None:
    source = Source("a")
    source.held = anyio.Event()
    found: list[list[str | None]] = []

    async def ask() -> None:
        found.append(await source.known())

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        source.held.set()
    assert (found, source.asked) == ([["a"]] * 20, 1)


async def test_who_finds_others_fetching_goes_on_with_the_old_keys() -> None:
    source = Source("a")
    await source.set.keys()
    source.now, source.held = DAY + 1, anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(source.set.keys)
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(5):
            assert await source.known() == ["a"]
        source.held.set()


async def test_fetch_that_others_wait_for_outlives_who_began_it() -> None:
    source = Source("a")
    source.held = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(source.set.keys)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
        source.held.set()
    assert await source.known() == ["a"]
    assert source.asked == 1


@contextmanager
def answering(status: int, body: bytes, **headers: str) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            return

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/jwks.json"
        finally:
            server.shutdown()
            thread.join()


async def test_set_is_fetched_over_http_within_bounds() -> None:
    body = json.dumps({"keys": [entry("a")]}).encode()
    with answering(200, body, Content_Type="application/json") as url:
        assert await fetch_key_set(url) == body
        assert [key.kid for key in await KeySet(url).keys()] == ["a"]
    with answering(200, b" " * 300_000) as url, pytest.raises(ValueError, match="large"):
        await fetch_key_set(url)
    for status, headers in ((500, {}), (404, {}), (302, {"Location": "http://127.0.0.1:1/"})):
        with answering(status, body, **headers) as url, pytest.raises(httpx.HTTPError):
            await fetch_key_set(url)
    with answering(500, b"") as url, pytest.raises(SourceUnavailable):
        await KeySet(url).keys()


def test_keys_of_other_kinds_are_left_out() -> None:
    small, right = (rsa.generate_private_key(65537, size).public_key() for size in (1024, 2048))
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    other = ec.generate_private_key(ec.SECP384R1()).public_key()
    of_rsa, of_ec = jwt.algorithms.RSAAlgorithm, jwt.algorithms.ECAlgorithm
    entries = [
        entry("ed"),
        {"x": entry("bare")["x"]},
        {**of_ec.to_jwk(curve, as_dict=True), "kid": "ec", "alg": "ES256"},
        {**of_rsa.to_jwk(right, as_dict=True), "kid": "rsa"},
        {**of_rsa.to_jwk(small, as_dict=True), "kid": "too short"},
        {**of_ec.to_jwk(other, as_dict=True), "kid": "other curve"},
        {**of_rsa.to_jwk(right, as_dict=True), "kid": "other use", "use": "enc"},
        {**of_rsa.to_jwk(right, as_dict=True), "kid": "other algorithm", "alg": "PS256"},
        {"kty": "oct", "k": base64.urlsafe_b64encode(b"k" * 32).decode(), "kid": "symmetric"},
        {**entry("other name"), "alg": ["EdDSA"]},
        "no key",
        None,
    ]
    keys = read_key_set(json.dumps({"keys": entries}).encode())
    assert [(key.kid, key.algorithm) for key in keys] == [
        ("ed", "EdDSA"),
        (None, "EdDSA"),
        ("ec", "ES256"),
        ("rsa", "RS256"),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=5), each),
    max_leaves=10,
)
PARTS = st.sampled_from(["", "AQAB", "AA==", "é", "A" * 43, "A" * 342]) | JSON
KEYS = st.fixed_dictionaries(
    {},
    optional={
        "kty": st.sampled_from(["OKP", "EC", "RSA", "oct"]) | JSON,
        "crv": st.sampled_from(["Ed25519", "P-256"]) | JSON,
        "alg": st.sampled_from(["EdDSA", "ES256", "RS256"]) | JSON,
        "use": st.just("sig") | JSON,
        **dict.fromkeys(["x", "y", "n", "e", "kid"], PARTS),
    },
)
SETS = st.one_of(
    st.binary(max_size=50),
    st.just(b'{"keys":' + b"[" * 100_000),
    st.lists(KEYS | JSON, max_size=4).map(lambda keys: json.dumps({"keys": keys}).encode()),
)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(body=SETS)
def test_whatever_is_published_nothing_is_raised_but_that_it_is_no_set(body: bytes) -> None:
    try:
        keys = read_key_set(body)
    except ValueError:
        return
    assert all(key.algorithm in {"EdDSA", "ES256", "RS256"} for key in keys)
