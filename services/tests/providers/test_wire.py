"""Calls to providers' APIs: bounded in every way, recorded once, and honest about what they did."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from standins.driving import complaint
from standins.frame import (
    Cut,
    Drip,
    Garbage,
    GzipBomb,
    Hang,
    Loopback,
    Redirect,
    Standin,
    Status,
    a_job,
    json_reply,
)
from standins.raw import raw_server
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from reelbase.providers.base import (
    Configuration,
    Context,
    Permanent,
    ProviderError,
    Throttled,
    Transient,
    Unknown,
)
from reelbase.providers.wire import (
    ANSWER_BYTES,
    Wire,
    base_of,
    key_of,
    parse,
    path_part,
    poll_pause,
    presentable,
    retry_after_of,
)

pytestmark = pytest.mark.anyio

JOB = a_job()
NOW = 1_700_000_000.0
PACKED = gzip.compress(b'{"id": "x", "seconds": 1}')


class Thing(BaseModel):
    id: str
    seconds: float


class ThingStandin(Standin):
    """An API with things in it, which sets a cookie."""

    name = "things"
    operations = (("submit", "POST", "/things"), ("look_up", "GET", "/things/.+"))

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/things", self._thing, methods=["POST"]),
            Route("/things/{id:path}", self._thing),
        ]

    @property
    def environ(self) -> dict[str, str]:
        return {"THINGS_KEY": self.key}

    async def _thing(self, request: Request) -> Response:
        if refused := self.check_key(request):
            return refused
        reply = json_reply({"id": "thing-1", "seconds": 4.5})
        headers = {"x-request-id": "req-7", "set-cookie": "a=b; Path=/"}
        return Response(reply.body, headers=headers, media_type="application/json")


@pytest.fixture
def standin(standins: Loopback) -> ThingStandin:
    return standins.open(ThingStandin)


def wire_to(standin: Standin, **changes: Any) -> Wire:
    headers = {"Authorization": f"Bearer {standin.key}"}
    changes.setdefault("context", standin.context())
    return Wire("things", standin.url, headers, changes.pop("context"), **changes)


@pytest.fixture
async def wire(standin: ThingStandin) -> AsyncIterator[Wire]:
    made = wire_to(standin)
    yield made
    await made.aclose()


# Records ------------------------------------------------------------------------------------------


async def test_what_is_known_after_reading_is_in_the_record_of_the_call(
    wire: Wire, standin: Standin
) -> None:
    async with wire.calling("submit", "POST", "/things", job=JOB, creates=True, json={}) as answer:
        thing = answer.read(Thing)
        answer.bill(units=thing.seconds, cost_usd=0.2)
        assert standin.calls == []
    (call,) = standin.calls
    assert (call.units, call.cost_usd, call.request_id) == (4.5, 0.2, "req-7")
    assert (call.operation, call.model, call.job_id) == ("submit", JOB.model, JOB.id)
    assert call.status_code == 200


async def test_call_whose_answer_was_of_no_use_is_recorded_once(
    wire: Wire, standin: Standin
) -> None:
    standin.misbehave(Garbage(b"[]"))
    with pytest.raises(Unknown):
        async with wire.calling("submit", "POST", "/things", job=JOB, creates=True) as answer:
            answer.read(Thing)
    standin.misbehave(Status(500), on="look_up")
    await complaint(wire.call("look_up", "GET", "/things/1", job="a-job"))
    assert [(call.operation, call.status_code) for call in standin.calls] == [
        ("submit", 200),
        ("look_up", 500),
    ]
    assert standin.calls[1].job_id == "a-job"


async def test_call_that_nobody_answered_is_recorded_without_a_status(standin: Standin) -> None:
    calls: list[Any] = []
    wire = Wire("things", "http://127.0.0.1:9", {}, Context(on_call=calls.append))
    error = await complaint(wire.call("submit", "POST", "/things", creates=True))
    assert isinstance(error, Transient)
    assert [call.status_code for call in calls] == [None]
    await wire.aclose()


@pytest.mark.parametrize("number", [-1, float("inf"), float("nan"), True, "5", None])
async def test_bill_that_cannot_be_true_is_left_out(
    wire: Wire, standin: Standin, number: Any
) -> None:
    async with wire.calling("look_up", "GET", "/things/1") as answer:
        answer.bill(units=number)
    assert standin.calls[0].units is None


# Bounds -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [Hang(), Drip()], ids=["silence", "drip"])
@pytest.mark.parametrize("creates", [True, False])
async def test_call_ends_however_slow_the_answer_is(
    standin: Standin, how: Any, creates: bool
) -> None:
    standin.misbehave(how)
    wire = wire_to(standin, call_seconds=0.2)
    error = await complaint(wire.call("submit", "POST", "/things", creates=creates))
    assert type(error) is (Unknown if creates else Transient)
    await wire.aclose()


@pytest.mark.parametrize(
    "how", [GzipBomb(), Garbage(b'"' + b"x" * (9 << 20) + b'"')], ids=["bomb", "large"]
)
async def test_answer_without_end_is_not_read_to_its_end(
    wire: Wire, standin: Standin, how: Any
) -> None:
    standin.misbehave(how, on="look_up")
    error = await complaint(wire.call("look_up", "GET", "/things/1"))
    assert (type(error), error.code) == (Transient, "provider_garbled")


@pytest.mark.parametrize(
    ("encoding", "body", "is_read"),
    [
        (b"gzip", PACKED, True),
        (b"gzip", PACKED[:-9], False),
        (b"gzip", b"not packed at all", False),
        (b"br", PACKED, False),
    ],
    ids=["gzip", "half", "plain", "other"],
)
async def test_packed_answer_is_read_and_a_damaged_one_is_not(
    encoding: bytes, body: bytes, is_read: bool
) -> None:
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Encoding: "
    async with raw_server(head + encoding + b"\r\n\r\n" + body) as port:
        wire = Wire("things", f"http://127.0.0.1:{port}", {}, Context())
        if is_read:
            assert (await wire.call("look_up", "GET", "/")).read(Thing).id == "x"
        else:
            error = await complaint(wire.call("look_up", "GET", "/"))
            assert error.code == "provider_garbled"
        await wire.aclose()


async def test_file_is_written_up_to_the_largest_output(standin: Standin, tmp_path: Path) -> None:
    path = tmp_path / "thing"
    wire = wire_to(standin, context=standin.context(max_output_bytes=10))
    standin.misbehave(Garbage(b"0123456789"), on="look_up")
    await wire.call("look_up", "GET", "/things/1", into=path)
    assert path.read_bytes() == b"0123456789"
    standin.misbehave(Garbage(b"0123456789A"), on="look_up")
    error = await complaint(wire.call("look_up", "GET", "/things/1", into=path))
    assert error.code == "provider_garbled"
    await wire.aclose()


# Where the key goes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/status",
        "http://127.0.0.1:9/things/1",
        "//evil.example/x",
        "file:///etc/passwd",
        "",
        "things/1",
        "http://[::1",
        "x" * 5000,
        "https://exa\0mple/",
    ],
)
async def test_address_that_a_provider_names_elsewhere_gets_no_call(
    wire: Wire, standin: Standin, url: str
) -> None:
    error = await complaint(wire.call("look_up", "GET", url))
    assert isinstance(error, ProviderError)
    assert not any(seen.operation for seen in standin.seen)


async def test_password_in_an_address_does_not_replace_the_key(
    wire: Wire, standin: Standin
) -> None:
    url = standin.url.replace("http://", "http://user:pass@")
    error = await complaint(wire.call("look_up", "GET", f"{url}/things/1"))
    assert error.code == "provider_garbled"
    assert standin.seen == []
    await wire.call("look_up", "GET", f"{standin.url}/things/1")


@pytest.mark.parametrize("location", [b"http://[", b"data:video/mp4;base64,AA", b"https://\xff/"])
async def test_redirect_that_leads_nowhere_is_a_garbled_answer(location: bytes) -> None:
    async with raw_server(b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\n\r\n") as port:
        wire = Wire("things", f"http://127.0.0.1:{port}", {}, Context())
        error = await complaint(wire.call("submit", "POST", "/", creates=True))
        await wire.aclose()
    assert isinstance(error, Unknown)


async def test_redirect_is_not_followed(wire: Wire, standin: Standin) -> None:
    standin.misbehave(Redirect(f"{standin.url}/things/2"), on="look_up")
    error = await complaint(wire.call("look_up", "GET", "/things/1"))
    assert isinstance(error, Transient)
    assert len(standin.seen) == 1


async def test_each_creation_has_a_connection_of_its_own_and_none_has_cookies(
    wire: Wire, standin: Standin
) -> None:
    for _ in range(3):
        await wire.call("submit", "POST", "/things", creates=True)
    for _ in range(3):
        await wire.call("look_up", "GET", "/things/1")
    ports = [seen.port for seen in standin.seen]
    assert len(set(ports[:3])) == 3
    assert len(set(ports[3:])) == 1
    assert not any("cookie" in seen.headers for seen in standin.seen)


# What errors mean ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "creating", "asking"),
    [
        (301, Unknown, Transient),
        (400, Permanent, Transient),
        (401, Configuration, Configuration),
        (402, Configuration, Configuration),
        (403, Configuration, Configuration),
        (404, Permanent, Transient),
        (408, Unknown, Throttled),
        (409, Permanent, Transient),
        (422, Permanent, Transient),
        (425, Throttled, Throttled),
        (429, Throttled, Throttled),
        (451, Permanent, Transient),
        (500, Unknown, Transient),
        (502, Unknown, Transient),
        (529, Unknown, Transient),
    ],
)
async def test_status_means_what_it_can_mean_for_the_job(
    wire: Wire,
    standin: Standin,
    status: int,
    creating: type[ProviderError],
    asking: type[ProviderError],
) -> None:
    standin.misbehave(Status(status))
    error = await complaint(wire.call("submit", "POST", "/things", creates=True))
    assert type(error) is creating
    standin.misbehave(Status(status), on="look_up")
    error = await complaint(wire.call("look_up", "GET", "/things/1"))
    assert type(error) is asking
    assert not getattr(error, "anew", False)


@pytest.mark.parametrize("how", [Status(500), Status(408), Cut(), Garbage(b"<html>")])
async def test_what_may_still_be_arriving_is_not_looked_for_at_once(
    wire: Wire, standin: Standin, how: Any
) -> None:
    standin.misbehave(how)

    async def make() -> Any:
        return (await wire.call("submit", "POST", "/things", creates=True)).read(Thing)

    error = await complaint(make())
    assert isinstance(error, Unknown)
    assert error.retry_after == 30.0


async def test_accepted_status_is_an_answer(wire: Wire, standin: Standin) -> None:
    standin.misbehave(Status(404, body={"why": "gone"}), on="look_up")
    answer = await wire.call("look_up", "GET", "/things/1", accept={404})
    assert (answer.status, answer.json()) == (404, {"why": "gone"})


async def test_pause_named_in_the_body_is_heeded_too(wire: Wire, standin: Standin) -> None:
    standin.misbehave(Status(429, body={"detail": "Slow down.", "retry_after": 9}))
    error = await complaint(wire.call("submit", "POST", "/things", creates=True))
    assert isinstance(error, Throttled)
    assert error.retry_after == 9


async def test_error_without_end_is_told_by_its_status() -> None:
    head = (
        b"HTTP/1.1 429 Slow\r\nRetry-After: 5\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 200_000
    )
    async with raw_server(head) as port:
        wire = Wire("things", f"http://127.0.0.1:{port}", {}, Context())
        error = await complaint(wire.call("submit", "POST", "/", creates=True))
        await wire.aclose()
    assert isinstance(error, Throttled)
    assert error.retry_after == 5


@pytest.mark.parametrize("parts", [b"[],", b"{},", b"0,"])
def test_answer_of_many_small_parts_is_not_unpacked(parts: bytes) -> None:
    body = b"[" + parts * 1_000_001 + b"0]"
    assert len(body) < ANSWER_BYTES
    with pytest.raises(ValueError, match="too many parts"):
        parse(body)


def test_no_bytes_on_the_wire_make_a_call_do_anything_but_complain() -> None:
    lines = st.sampled_from(
        [b"HTTP/1.1 200 OK", b"HTTP/1.1 302 Found", b"HTTP/1.1 429 No", b"HTTP/9 1", b"\xff\xfe",
         b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 9" + b"9" * 30,
         b"Transfer-Encoding: chunked", b"Location: http://[", b"Location: \xff\xff",
         b"Location: data:video/mp4;base64,AA",
         b"Content-Encoding: gzip", b"Set-Cookie: \x80=;;;", b"Retry-After: \xe9", b"", b"5",
         b"{}", b"x: " + b"y" * 200_000]
    )  # fmt: skip

    said: list[tuple[bool, type[ProviderError]]] = []

    async def play(answer: bytes) -> None:
        async with raw_server(answer) as port:
            wire = Wire("things", f"http://127.0.0.1:{port}", {}, Context(), call_seconds=2)
            try:
                for creates in (True, False):
                    try:
                        (await wire.call("x", "GET", "/", creates=creates)).read(Thing)
                    except ProviderError as error:
                        said.append((creates, type(error)))
            finally:
                await wire.aclose()

    @settings(max_examples=30, deadline=None, database=None)
    @given(st.lists(lines | st.binary(max_size=20), max_size=6))
    def run(parts: list[bytes]) -> None:
        anyio.run(play, b"\r\n".join(parts))

    run()
    # It may have been made, whatever came back.
    assert (True, Transient) not in said


# Words --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("The prompt was refused.", "The prompt was refused."),
        ("See https://x.example/a?key=1 for more", "See … for more"),
        ("failed: /srv/models/run.py line 3", "failed: … line 3"),
        ("C:\\models\\run.py", ""),
        ("Account ops@studio.example is over its limit.", "Account … is over its limit."),
        ("no answer of 10.1.2.3:5432 and [fd00::1]", "no answer of … and …"),
        ("Version 3.1 of 4:3 takes 1.5 s.", "Version 3.1 of 4:3 takes 1.5 s."),
        ("token 0123456789abcdef0123456789abcdef0", "token …"),
        ("the key is hunter2hunter2", "the key is …"),
        ("two\nlines\0 and\u202e more", "two lines and more"),
        ("ข้อความของคุณไม่ผ่านการตรวจสอบเนื้อหาของเรา", "ข้อความของคุณไม่ผ่านการตรวจสอบเนื้อหาของเรา"),
        ("a" * 20 + " b" * 500, "a" * 20 + " b" * 139 + "…"),
        ({"a": 1}, ""),
        ("...", ""),
    ],
)
def test_sentence_of_a_provider_is_made_presentable(said: object, shown: str) -> None:
    assert presentable(said, ["hunter2hunter2"]) == shown


@given(st.text(max_size=3000))
def test_whatever_is_said_is_one_short_line(said: str) -> None:
    shown = presentable(said)
    assert len(shown) <= 300
    assert shown.isprintable()
    assert "://" not in shown


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 1.5 ", 1.5),
        (3, 3.0),
        ("Tue, 14 Nov 2023 22:13:30 GMT", 10.0),
        ("Tue, 14 Nov 2023 22:13:10 GMT", 0.0),
        ("Tue, 14 Nov 2033 22:13:30 GMT", 3600.0),
        ("9" * 18, 3600.0),
        ("9" * 400, None),
        (10**400, 3600.0),
        ("-5", None),
        ("nan", None),
        (float("nan"), None),
        (True, None),
        (None, None),
        ("Tue, 99 Nov 2023 22:13:30 GMT", None),
        ([], None),
    ],
)
def test_pause_is_read_as_seconds_or_as_a_date(value: object, seconds: float | None) -> None:
    assert retry_after_of(value, NOW) == seconds


@given(st.text() | st.floats() | st.integers())
def test_pause_is_never_without_bounds(value: object) -> None:
    seconds = retry_after_of(value, NOW)
    assert seconds is None or 0 <= seconds <= 3600


# Keys and addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["", " ", "a b", "k\u00e9y", "key\r\nX-Evil: 1", "a\0b"])
def test_unusable_key_is_named_and_not_shown(key: str) -> None:
    with pytest.raises(Configuration) as caught:
        key_of(Context({"A_KEY": key}), "A_KEY")
    assert "A_KEY" in caught.value.message
    assert not key.strip() or key.strip() not in str(caught.value)


def test_key_may_have_a_line_break_at_its_end() -> None:
    assert key_of(Context({"A_KEY": "abc\n"}), "A_KEY") == "abc"


@pytest.mark.parametrize(
    ("written", "base"),
    [
        ("", "https://api.example"),
        ("https://proxy.example/x/", "https://proxy.example/x"),
        ("http://127.0.0.1:9/", "http://127.0.0.1:9"),
        ("http://localhost:9", "http://localhost:9"),
        ("http://[::1]:9", "http://[::1]:9"),
        ("http://proxy.example", None),
        ("http://127.0.0.1.evil.example", None),
        ("https://u:p@proxy.example", None),
        ("https://proxy.example/?a=b", None),
        ("https://", None),
        ("proxy", None),
        ("https://[::1", None),
    ],
)
def test_address_of_an_api_is_safe_for_keys(written: str, base: str | None) -> None:
    context = Context({"REELBASE_THINGS_URL": written})
    if base is None:
        with pytest.raises(Configuration, match="REELBASE_THINGS_URL"):
            base_of(context, "REELBASE_THINGS_URL", "https://api.example")
    else:
        assert base_of(context, "REELBASE_THINGS_URL", "https://api.example") == base


@pytest.mark.parametrize("text", ["..", ".", "a/b", "a?b", "a#b", "%2e%2e", "é"])
async def test_id_stays_one_part_of_a_path(wire: Wire, standin: Standin, text: str) -> None:
    await wire.call("look_up", "GET", f"/things/{path_part(text)}", accept={404, 405})
    (seen,) = standin.seen
    assert seen.path == f"/things/{text}"


def test_pauses_grow_with_a_jobs_age_and_are_long_where_it_calls_back() -> None:
    assert [poll_pause(age) for age in (0, 40, 1000)] == [2.0, 5.0, 15.0]
    assert poll_pause(0, calls_back=True) == 30.0
