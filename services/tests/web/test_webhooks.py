"""Webhooks on a real server and a real database: what is taken in, and what is refused."""

import asyncio
import contextlib
import io
import json
import socket
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx
import psycopg
import pytest
from anyio.lowlevel import checkpoint
from web.conftest import (
    PATIENCE,
    SECRET,
    Cable,
    Signed,
    delivery,
    intake_of,
    served,
    settings_of,
    stored,
    until,
)

from reelbase.local.pytest_plugin import RunningStack
from reelbase.logs import configure_logs
from reelbase.settings import Settings
from reelbase.web import commits
from reelbase.web.app import create_app
from reelbase.web.bodies import Bodies
from reelbase.web.commits import GroupCommit
from reelbase.web.intake import Intake
from reelbase.web.server import drop_late
from reelbase.web.tally import Tally
from reelbase.webhooks import Event, SourceUnavailable

pytestmark = pytest.mark.anyio

Admin = psycopg.Connection[Any]


async def test_genuine_event_is_stored_once_to_the_letter(
    settings: Settings, admin: Admin, provider: str
) -> None:
    told = '{"id": "p-1",  "n": 1e2, "ท่าเรือ": "\\u0000\\ud800 \'\\\\\\""}'.encode()
    sent = delivery(told, event_id="msg_1")
    async with intake_of(settings, provider) as client:
        for _ in range(3):
            answer = await client.post(f"/webhooks/{provider}", **sent)
            assert (answer.status_code, answer.json()) == (200, {"status": "received"})
    [(event_id, kind, subject, headers, payload, status)] = stored(admin, provider)
    assert (event_id, kind, subject, status) == ("msg_1", "prediction", "p-1", "received")
    assert headers == {
        "webhook-id": "msg_1",
        "webhook-timestamp": sent["headers"]["webhook-timestamp"],
    }
    assert payload == told.decode()


async def test_nothing_that_is_not_genuine_is_stored_and_all_get_the_same_answer(
    settings: Settings, admin: Admin, provider: str
) -> None:
    good = delivery({"id": "p"})
    forgeries: list[dict[str, Any]] = [
        {"content": good["content"], "headers": {"Content-Type": "application/json"}},
        {**good, "content": good["content"] + b" "},
        {**good, "headers": {**good["headers"], "webhook-id": "msg_other"}},
        {**good, "headers": {**good["headers"], "webhook-signature": "v1,AAAA"}},
        {**good, "headers": {**good["headers"], "webhook-timestamp": "1"}},
        delivery({"id": "p"}, at=time.time() - 1000),
        delivery({"id": "p"}, at=time.time() + 1000),
        delivery(b"[]"),
        {"content": b"\0\xff" * 100, "headers": {}},
        {"content": b"", "headers": {}},
    ]
    async with intake_of(settings, provider) as client:
        answers = [await client.post(f"/webhooks/{provider}", **each) for each in forgeries]
    assert {(each.status_code, each.text) for each in answers} == {(401, '{"error":"not_genuine"}')}
    assert stored(admin, provider) == []


async def test_what_is_no_delivery_is_refused_before_it_is_looked_at(
    settings: Settings, admin: Admin, provider: str
) -> None:
    good = delivery()
    async with intake_of(settings, provider) as client:

        async def post(headers: dict[str, str], path: str = provider) -> tuple[int, str]:
            found = {**good["headers"], **headers}
            answer = await client.post(f"/webhooks/{path}", content=good["content"], headers=found)
            return answer.status_code, answer.json()["error"]

        for path in ("other", f"{provider}/", f"{provider}/x", ""):
            assert await post({}, path) == (404, "not_found")
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx", "x"):
            assert await post({"Content-Type": kind}) == (415, "unsupported_media_type")
        assert await post({"Content-Encoding": "gzip"}) == (415, "unsupported_media_type")
        for method in ("GET", "PUT", "DELETE", "HEAD", "OPTIONS"):
            answer = await client.request(method, f"/webhooks/{provider}")
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert stored(admin, provider) == []
        for kind in ("application/json; charset=utf-8", "application/cloudevents+json", ""):
            headers = {**good["headers"], "Content-Type": kind}
            if not kind:
                del headers["Content-Type"]
            answer = await client.post(
                f"/webhooks/{provider}", content=good["content"], headers=headers
            )
            assert answer.status_code == 200
    assert len(stored(admin, provider)) == 1


async def test_bodies_are_taken_in_pieces_and_up_to_a_megabyte(
    settings: Settings, admin: Admin, provider: str
) -> None:
    longest = delivery(b'{"id":"' + b"x" * ((1 << 20) - 9) + b'"}')
    over = delivery(b'{"id":"' + b"x" * ((1 << 20) - 8) + b'"}')

    async def pieces(body: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(body), 100_000):
            yield body[start : start + 100_000]

    async with intake_of(settings, provider) as client:

        async def post(sent: dict[str, Any], *, chunked: bool) -> int:
            body = pieces(sent["content"]) if chunked else sent["content"]
            answer = await client.post(
                f"/webhooks/{provider}", content=body, headers=sent["headers"]
            )
            return answer.status_code

        for chunked in (False, True):
            assert await post(over, chunked=chunked) == 413
        assert stored(admin, provider) == []
        assert await post(delivery(), chunked=True) == 200
        assert await post(longest, chunked=True) == 200
        assert await post(longest, chunked=False) == 200
    assert len(stored(admin, provider)) == 2


async def test_genuine_word_that_cannot_be_stored_is_said_to_be_unusable_and_spoils_no_other(
    settings: Settings, admin: Admin, provider: str
) -> None:
    class Lax(Signed):
        async def verify(self, headers: Any, body: bytes, now: float) -> Event:
            return Event(headers["webhook-id"], "t\0\ud800", "s\0\ud800", {"h": "\0"})

    unusable = [b"", b"no json", b"\xff", b'{"a":"\0"}', b"[" * 1_000_000, b'{"a":NaN}']
    app = create_app(settings, {provider: Lax(provider)})
    async with served(app) as (url, _), httpx.AsyncClient(base_url=url) as client:
        answers: list[int] = []

        async def post(body: bytes, event_id: str) -> None:
            sent = delivery(body, event_id=event_id)
            answers.append((await client.post(f"/webhooks/{provider}", **sent)).status_code)

        async with anyio.create_task_group() as group:
            for number, body in enumerate(unusable):
                group.start_soon(post, body, f"bad-{number}")
                group.start_soon(post, b'{"a":1}', f"good-{number}")
        long_id = "x" * 1000
        await post(b"{}", long_id)
    assert sorted(answers) == [200] * (len(unusable) + 1) + [422] * len(unusable)
    rows = stored(admin, provider)
    assert len(rows) == len(unusable) + 1
    assert {row[0][:5] for row in rows} == {"good-", "sha25"}
    assert rows[0][1:4] == ("t\ufffd?", "s\ufffd?", {"h": "\ufffd"})


async def test_same_event_on_many_connections_at_once_is_stored_once(
    settings: Settings, admin: Admin, provider: str
) -> None:
    same, others = delivery(event_id="same"), [delivery() for _ in range(20)]
    codes: list[int] = []
    first, second = (create_app(settings, {provider: Signed(provider)}) for _ in range(2))
    async with served(first) as (one, _), served(second) as (two, _):
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(timeout=30, limits=limits) as client:

            async def post(url: str, sent: dict[str, Any]) -> None:
                codes.append((await client.post(f"{url}/webhooks/{provider}", **sent)).status_code)

            async with anyio.create_task_group() as group:
                for other in others:
                    for url in (one, two):
                        group.start_soon(post, url, same)
                        group.start_soon(post, url, other)
    assert codes == [200] * 80
    assert len(stored(admin, provider)) == 21


async def test_event_wakes_the_task_that_its_job_is_parked_in(
    settings: Settings, admin: Admin, provider: str
) -> None:
    user, lease = str(uuid.uuid4()), str(uuid.uuid4())
    admin.execute(
        "insert into auth.users (id, aud, role, email)"
        " values (%s, 'authenticated', 'authenticated', %s)",
        (user, f"{user}@webhooks.example"),
    )
    admin.execute(
        "insert into public.models (id, provider, provider_model, display_name, kinds, modes)"
        " values (%(name)s, %(name)s, 'm', 'M', '{text_to_image}', '{standard}')",
        {"name": provider},
    )
    admin.execute(
        "insert into public.model_prices (model_id, kind, mode, unit, credits)"
        " values (%s, 'text_to_image', 'standard', 'job', 1)",
        (provider,),
    )
    try:
        with admin.transaction():
            claims = json.dumps({"role": "authenticated", "sub": user})
            admin.execute("select set_config('request.jwt.claims', %s, true)", (claims,))
            admin.execute("set local role authenticated")
            [(job,)] = admin.execute(
                "select id from public.submit_generation('text_to_image', 'A harbour',"
                " p_mode => 'standard', p_model_id => %s)",
                (provider,),
            ).fetchall()
        wanted = json.dumps([{"provider": provider}])
        admin.execute("select worker.claim_tasks(%s, 'test', %s)", (lease, wanted))
        parked = {
            "job_id": str(job),
            "lease": lease,
            "status": "processing",
            "provider_job_id": "p-1",
            "poll_after_seconds": 3600,
        }
        admin.execute("select worker.advance_jobs(%s)", (json.dumps([parked]),))
        place = "select place from worker.queue_jobs where job_id = %s"
        assert admin.execute(place, (job,)).fetchall() == [("parked",)]
        async with intake_of(settings, provider) as client:
            sent = delivery({"id": "p-1"})
            assert (await client.post(f"/webhooks/{provider}", **sent)).status_code == 200
        assert admin.execute(place, (job,)).fetchall() == [("in_line",)]
        assert [row[5] for row in stored(admin, provider)] == ["processed"]
    finally:
        admin.execute("delete from auth.users where id = %s", (user,))
        admin.execute("delete from public.models where id = %s", (provider,))


# What is away -------------------------------------------------------------------------------------


async def test_what_was_answered_is_stored_though_the_database_comes_and_goes(
    stack: RunningStack, admin: Admin, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "AGAIN_SECONDS", 0.1)
    answered: dict[str, list[int]] = {}
    async with Cable(stack.supabase_url).laid() as cable:
        settings = settings_of(stack, SUPABASE_URL=cable.url)
        async with intake_of(settings, provider) as client:

            async def deliver(number: int) -> None:
                """Come again until it is taken, as providers do."""
                event_id = f"msg_{number}"
                codes = answered.setdefault(event_id, [])
                while 200 not in codes:
                    answer = await client.post(
                        f"/webhooks/{provider}", **delivery(event_id=event_id)
                    )
                    codes.append(answer.status_code)
                    if answer.status_code == 503:
                        assert int(answer.headers["retry-after"]) > 0
                        cable.mend()

            async with anyio.create_task_group() as group:
                for number in range(60):
                    if number % 20 == 10:
                        cable.cut()
                    group.start_soon(deliver, number)
                    await checkpoint()
    assert {code for codes in answered.values() for code in codes} == {200, 503}
    assert {row[0] for row in stored(admin, provider)} == set(answered)


async def test_service_that_stops_answers_what_it_has_taken_in(
    stack: RunningStack, admin: Admin, provider: str
) -> None:
    async with Cable(stack.supabase_url).laid() as cable:
        app = create_app(settings_of(stack, SUPABASE_URL=cable.url), {provider: Signed(provider)})
        async with served(app) as (url, server), httpx.AsyncClient(timeout=30) as client:
            codes: list[int] = []

            async def post() -> None:
                answer = await client.post(f"{url}/webhooks/{provider}", **delivery())
                codes.append(answer.status_code)

            async with anyio.create_task_group() as group:
                cable.hold()
                for _ in range(30):
                    group.start_soon(post)
                await until(lambda: len(server.server_state.tasks) == 30)
                server.should_exit = True
                await until(lambda: not server.servers[0].is_serving())
                assert codes == []
                cable.let_go()
    assert codes == [200] * 30
    assert len(stored(admin, provider)) == 30


async def test_keys_that_are_away_are_no_verdict(settings: Settings, provider: str) -> None:
    class Unsure(Signed):
        async def verify(self, headers: Any, body: bytes, now: float) -> Event:
            if body == b"broken":
                raise RuntimeError("a fault of ours")
            raise SourceUnavailable("no keys")

    app = create_app(settings, {provider: Unsure(provider)})
    async with served(app) as (url, _), httpx.AsyncClient(base_url=url) as client:
        for body in (b"{}", b"broken"):
            answer = await client.post(f"/webhooks/{provider}", content=body)
            assert (answer.status_code, answer.json()) == (503, {"error": "unavailable"})
            assert answer.headers["retry-after"] == "5"


# What strangers do --------------------------------------------------------------------------------


def intake(provider: str, **bounds: Any) -> Intake:
    """An intake without a database: nothing of what these tests send is to come that far."""

    async def never(entries: str) -> Any:
        raise AssertionError("something was to be stored")

    bodies = Bodies(**{"limit": 1 << 20, "total": 1 << 20, **bounds})
    return Intake({provider: Signed(provider)}, GroupCommit(never), bodies, Tally())


class Alone:
    """An ASGI application around an intake, that starts and stops as servers want it to."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self.intake(scope, receive, send)
            return
        while True:
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        with anyio.fail_after(PATIENCE):
            yield reader, writer
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def head(provider: str, *lines: str) -> bytes:
    start = [f"POST /webhooks/{provider} HTTP/1.1", "Host: x", "Content-Type: application/json"]
    return "\r\n".join([*start, *lines, "", ""]).encode()


async def test_slow_body_is_given_up_and_told_so(provider: str) -> None:
    async with (
        served(Alone(intake(provider)), patience_seconds=0) as (url, server),
        connect(url) as (reader, writer),
    ):
        writer.write(head(provider, "Content-Length: 1000") + b"{")
        await until(lambda: server.server_state.tasks and drop_late(server))
        answer = await reader.read()
        await until(lambda: not server.server_state.tasks)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert answer.endswith(b'{"error":"too_slow"}')


async def test_announced_megabyte_is_refused_before_it_is_sent(provider: str) -> None:
    async with served(Alone(intake(provider))) as (url, _):
        for lines in (("Content-Length: 1048577",), ("Content-Length: 99999999999999999",)):
            async with connect(url) as (reader, writer):
                writer.write(head(provider, *lines, "Expect: 100-continue"))
                assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")


async def test_body_without_end_is_cut_off_and_its_sender_gets_the_answer(provider: str) -> None:
    most, sent = 64 << 20, 0
    async with served(Alone(intake(provider))) as (url, _), connect(url) as (reader, writer):
        writer.write(head(provider, "Transfer-Encoding: chunked"))
        answer = asyncio.create_task(reader.readline())
        with contextlib.suppress(ConnectionError):
            while sent < most and not writer.transport.is_closing():
                writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                sent += 65536
                await writer.drain()
                await checkpoint()
        assert (await answer).startswith(b"HTTP/1.1 413 ")
    assert sent < most


async def test_all_bodies_together_have_a_bound(provider: str) -> None:
    async with (
        served(Alone(intake(provider, total=600_000))) as (url, _),
        connect(url) as (one, first),
        connect(url) as (other, second),
    ):
        for writer in (first, second):
            writer.write(head(provider, "Content-Length: 900000") + b"x" * 500_000)
        # One of the two is one too many; which of them is nobody's business.
        answers = [asyncio.create_task(each.readline()) for each in (one, other)]
        done, waiting = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
        assert {each.result()[:13] for each in done} == {b"HTTP/1.1 503 "}
        for each in waiting:
            each.cancel()


async def test_client_that_leaves_in_the_middle_leaves_nothing_behind(provider: str) -> None:
    async with served(Alone(intake(provider))) as (url, server):
        state = server.server_state
        for _ in range(5):
            async with connect(url) as (_, writer):
                writer.write(head(provider, "Content-Length: 1000") + b"{")
                await until(lambda: state.tasks)
            await until(lambda: not state.tasks and not state.connections)


async def test_more_connections_than_may_be_are_let_go_and_the_others_are_served(
    provider: str,
) -> None:
    crowd: list[socket.socket] = []
    async with served(Alone(intake(provider)), max_connections=50) as (url, server):
        address = urlsplit(url)
        try:
            for _ in range(300):
                crowd.append(socket.create_connection((address.hostname, address.port)))
                await checkpoint()
            await until(lambda: sum(is_gone(each) for each in crowd) == 250)
            assert len(server.server_state.connections) == 50
        finally:
            for each in crowd:
                each.close()
        await until(lambda: not server.server_state.connections)
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.post(f"/webhooks/{provider}")).status_code == 401


def is_gone(connection: socket.socket) -> bool:
    """Whether the other side has let go of a connection."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


async def test_connection_that_says_nothing_or_never_ends_its_head_is_let_go(
    provider: str,
) -> None:
    async with (
        served(Alone(intake(provider)), patience_seconds=0) as (url, server),
        connect(url) as (silent, _),
        connect(url) as (begun, writer),
        connect(url) as (endless, other),
    ):
        writer.write(b"POST /webhooks/x HTTP/1.1\r\nHost")
        other.write(b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000)
        assert (await endless.read()).startswith(b"HTTP/1.1 400 ")
        await until(lambda: len(server.server_state.connections) == 2)
        await until(lambda: drop_late(server) or not server.server_state.connections)
        for reader in (silent, begun):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""


async def test_log_holds_no_secret_no_signature_and_nothing_of_what_was_said(
    stack: RunningStack, provider: str
) -> None:
    log = io.StringIO()
    configure_logs("DEBUG", (), log)
    try:
        async with intake_of(settings_of(stack), provider) as client:
            planted = {"id": "p", "said": "PLANTED-PAYLOAD"}
            good, forged = delivery(planted), delivery(planted, at=1)
            for sent in (good, good, forged):
                await client.post(f"/webhooks/{provider}?key=PLANTED-QUERY", **sent)
            await client.post(f"/webhooks/{provider}", **{**good, "content": b"PLANTED-BODY"})
    finally:
        configure_logs()
    written = log.getvalue()
    [line] = [json.loads(each) for each in written.splitlines() if '"webhooks"' in each]
    expected = {"provider": provider, "received": 1, "repeated": 1, "not_genuine": 2}
    assert {key: line.get(key) for key in expected} == expected
    assert line["reason"] == "no signature fits"
    assert "PLANTED" not in written
    assert SECRET not in written
    assert good["headers"]["webhook-signature"] not in written
