"""Files that nothing needs are removed; files that a project shows are handed out."""

import asyncio
import contextlib
import json
import re
import socket
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import psycopg
import pytest
import structlog
import uvicorn

from reelbase.database import Database, open_client
from reelbase.dispatch.housekeeping import keep_house, remove_files
from reelbase.local.pytest_plugin import RunningStack
from reelbase.settings import Settings
from reelbase.storage import Storage
from reelbase.web.app import create_app
from reelbase.web.server import Server

pytestmark = pytest.mark.anyio

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


@pytest.fixture
def admin(stack: RunningStack) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(stack.admin_database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def settings(stack: RunningStack) -> Settings:
    return Settings.model_validate(
        {"SUPABASE_URL": stack.supabase_url, "SUPABASE_SECRET_KEY": stack.secret_key}
    )


@asynccontextmanager
async def services(settings: Settings) -> Any:
    async with open_client(settings) as client:
        yield Database(client), Storage(client)


def sign_up(admin: psycopg.Connection[Any]) -> str:
    user = str(uuid.uuid4())
    admin.execute(
        "insert into auth.users (id, aud, role, email, is_anonymous)"
        " values (%s, 'authenticated', 'authenticated', %s, false)",
        (user, f"{user}@files.example"),
    )
    return user


async def make_result(
    admin: psycopg.Connection[Any], storage: Storage, user: str, folder: Path
) -> tuple[str, str, str]:
    """A finished job with one picture, in a project.

    Returns:
        Ids of project and asset, and the picture's path.
    """
    [project] = admin.execute(
        "insert into public.projects (user_id, name) values (%s, 'p') returning id::text", (user,)
    ).fetchone() or ("",)
    # A model whose provider nobody serves, so that no other test's worker has the job.
    model = f"files-{uuid.uuid4().hex[:12]}"
    admin.execute(
        "insert into public.models (id, provider, provider_model, display_name, kinds, modes)"
        " values (%s, %s, 'm', 'Of a test', '{text_to_image}', '{draft}')",
        (model, model),
    )
    admin.execute(
        "insert into public.model_prices (model_id, kind, mode, unit, credits)"
        " values (%s, 'text_to_image', 'draft', 'job', 0)",
        (model,),
    )
    with admin.transaction():
        admin.execute(
            "select set_config('request.jwt.claims', %s, true)", (json.dumps({"sub": user}),)
        )
        [job] = admin.execute(
            "select id::text from public.submit_generation('text_to_image', 'x', %s,"
            " p_mode => 'draft', p_project_id => %s)",
            (model, project),
        ).fetchone() or ("",)
    path = f"{user}/{job}/result.png"
    file = folder / f"{job}.png"
    file.write_bytes(PNG)
    await storage.upload("final-images", path, file, "image/png")
    lease = str(uuid.uuid4())
    admin.execute(
        "select worker.claim_tasks(%s, 'test', %s)", (lease, json.dumps([{"provider": model}]))
    )
    output = {
        "role": "result_image",
        "bucket": "final-images",
        "storage_path": path,
        "mime_type": "image/png",
        "size_bytes": len(PNG),
    }
    told = {"job_id": job, "lease": lease, "assets": [output]}
    [result] = admin.execute(
        "select result from worker.complete_jobs(%s)", (json.dumps([told]),)
    ).fetchone() or ("",)
    assert result == "done"
    [asset] = admin.execute(
        "select id::text from public.assets where storage_path = %s", (path,)
    ).fetchone() or ("",)
    return project, asset, path


def stored(admin: psycopg.Connection[Any], user: str) -> list[str]:
    rows = admin.execute(
        "select name from storage.objects where starts_with(name, %s) order by name", (user,)
    ).fetchall()
    return [name for (name,) in rows]


async def test_deleted_users_files_are_removed_and_nobody_elses(
    admin: psycopg.Connection[Any], settings: Settings, tmp_path: Path
) -> None:
    user, other = sign_up(admin), sign_up(admin)
    async with services(settings) as (database, storage):
        _, _, path = await make_result(admin, storage, user, tmp_path)
        _, _, others = await make_result(admin, storage, other, tmp_path)
        loose = tmp_path / "loose.png"
        loose.write_bytes(PNG)
        await storage.upload("reference-images", f"{user}/up/me.png", loose, "image/png")
        admin.execute("delete from auth.users where id = %s", (user,))
        assert stored(admin, user) == [path, f"{user}/up/me.png"]
        assert await remove_files(database, storage) >= 2
    assert stored(admin, user) == []
    assert stored(admin, other) == [others]
    left = admin.execute(
        "select from worker.file_removals where starts_with(storage_path, %s)", (user,)
    )
    assert left.fetchall() == []


async def test_bucket_that_is_gone_holds_up_no_other(
    admin: psycopg.Connection[Any], settings: Settings, tmp_path: Path
) -> None:
    user = sign_up(admin)
    async with services(settings) as (database, storage):
        _, _, path = await make_result(admin, storage, user, tmp_path)
        admin.execute(
            "insert into worker.file_removals (bucket, storage_path) values ('no-such-bucket', %s)",
            (path,),
        )
        admin.execute("delete from public.assets where storage_path = %s", (path,))
        await remove_files(database, storage)
    assert stored(admin, user) == []


async def test_rounds_purge_what_was_deleted_long_ago(
    admin: psycopg.Connection[Any], settings: Settings, tmp_path: Path
) -> None:
    user = sign_up(admin)
    async with services(settings) as (database, storage):
        project, _, path = await make_result(admin, storage, user, tmp_path)
        admin.execute(
            "update public.projects set deleted_at = now() - interval '1 year' where id = %s",
            (project,),
        )
        async with anyio.create_task_group() as group:
            group.start_soon(keep_house, database, storage, 0.05)
            with anyio.fail_after(30):
                while stored(admin, user):  # noqa: ASYNC110 - it is a database that is watched
                    await anyio.sleep(0.02)
            group.cancel_scope.cancel()
    assert path not in stored(admin, user)
    assert admin.execute("select from public.projects where id = %s", (project,)).fetchall() == []


@asynccontextmanager
async def web_client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://reelbase") as client,
    ):
        yield client


def share(admin: psycopg.Connection[Any], project: str) -> str:
    token = uuid.uuid4().hex + uuid.uuid4().hex
    admin.execute("update public.projects set share_token = %s where id = %s", (token, project))
    return token


async def test_link_leads_to_the_file_until_it_is_dropped(
    admin: psycopg.Connection[Any], settings: Settings, tmp_path: Path
) -> None:
    user = sign_up(admin)
    async with services(settings) as (_, storage):
        project, asset, _ = await make_result(admin, storage, user, tmp_path)
        _, private, _ = await make_result(admin, storage, user, tmp_path)
    token = share(admin, project)
    async with web_client(settings) as client:
        answer = await client.get(f"/shared/{token}/{asset}")
        assert (answer.status_code, answer.content) == (200, PNG)
        for nothing in (
            f"/shared/{token}/{private}",
            f"/shared/{'0' * 64}/{asset}",
            f"/shared/{token}/{uuid.uuid4()}",
            f"/public/{project}/{asset}",
            f"/shared/{token}/not-a-uuid",
        ):
            assert (await client.get(nothing)).status_code == 404
        admin.execute(
            "update public.projects set share_token = null, is_public = true where id = %s",
            (project,),
        )
        tag = {"If-None-Match": answer.headers["etag"]}
        assert (await client.get(f"/shared/{token}/{asset}", headers=tag)).status_code == 404
        assert (await client.get(f"/public/{project}/{asset}")).content == PNG


async def test_file_is_handed_out_whole_in_part_and_by_condition(
    admin: psycopg.Connection[Any], settings: Settings, tmp_path: Path
) -> None:
    async with services(settings) as (_, storage):
        project, asset, _ = await make_result(admin, storage, sign_up(admin), tmp_path)
    path = f"/shared/{share(admin, project)}/{asset}"
    async with web_client(settings) as client:
        whole = await client.get(path)
        assert (whole.status_code, whole.content) == (200, PNG)
        assert dict(whole.headers) == {
            "accept-ranges": "bytes",
            "access-control-allow-origin": "*",
            "access-control-expose-headers": "Accept-Ranges, Content-Length, Content-Range, ETag",
            "cache-control": "private, no-cache",
            "content-disposition": "inline",
            "content-length": str(len(PNG)),
            "content-security-policy": "sandbox; default-src 'none'; img-src 'self';"
            " media-src 'self'; style-src 'unsafe-inline'",
            "content-type": "image/png",
            "cross-origin-resource-policy": "cross-origin",
            "etag": whole.headers["etag"],
            "x-content-type-options": "nosniff",
        }
        head = await client.head(path)
        assert (head.status_code, head.content, head.headers) == (200, b"", whole.headers)

        tag = whole.headers["etag"]
        for span, part, told in (
            ("bytes=2-5", PNG[2:6], f"bytes 2-5/{len(PNG)}"),
            ("bytes=30-", PNG[30:], f"bytes 30-{len(PNG) - 1}/{len(PNG)}"),
            ("bytes=-3", PNG[-3:], f"bytes {len(PNG) - 3}-{len(PNG) - 1}/{len(PNG)}"),
        ):
            some = await client.get(path, headers={"Range": span})
            assert (some.status_code, some.content) == (206, part)
            assert some.headers["content-range"] == told
            assert some.headers["content-length"] == str(len(part))
        for wanted in (
            {"Range": "bytes=0-1,4-5"},
            {"Range": "lines=1-2"},
            {"Range": "bytes=0-1", "If-Range": '"another"'},
            {"Range": "bytes=0-1", "If-Range": "Sat, 21 Nov 2026 00:00:00 GMT"},
            {"If-None-Match": '"another"'},
            {"If-None-Match": "nothing that is a tag"},
        ):
            assert (await client.get(path, headers=wanted)).content == PNG
        bound = await client.get(path, headers={"Range": "bytes=0-1", "If-Range": tag})
        assert bound.status_code == 206
        for span in (f"bytes={len(PNG)}-", "bytes=-0"):
            beyond = await client.get(path, headers={"Range": span})
            assert beyond.status_code == 416
            assert beyond.headers["content-range"] == f"bytes */{len(PNG)}"

        known = await client.get(path, headers={"If-None-Match": f'"another", {tag}'})
        assert (known.status_code, known.content) == (304, b"")
        assert (known.headers["etag"], known.headers["cache-control"]) == (tag, "private, no-cache")
        asked = await client.options(path, headers={"Access-Control-Request-Headers": "range"})
        assert asked.status_code == 204
        assert asked.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in asked.headers
        assert (await client.post(path)).status_code == 405


async def test_no_answer_tells_whose_file_it_is_or_where_it_lies(
    admin: psycopg.Connection[Any], settings: Settings, tmp_path: Path
) -> None:
    user = sign_up(admin)
    async with services(settings) as (_, storage):
        project, asset, path = await make_result(admin, storage, user, tmp_path)
        token = share(admin, project)
        async with web_client(settings) as client:
            answers = [
                await client.get(f"/shared/{token}/{asset}"),
                await client.head(f"/shared/{token}/{asset}"),
                await client.get(f"/shared/{token}/{asset}", headers={"Range": "bytes=1-2"}),
                await client.get(f"/shared/{token}/{asset}", headers={"Range": "bytes=999-"}),
                await client.get(f"/public/{project}/{asset}"),
            ]
            # The file is gone; the row that shows it is not.
            await storage.remove("final-images", [path])
            gone = [
                await client.get(f"/shared/{token}/{asset}"),
                await client.head(f"/shared/{token}/{asset}"),
                await client.get(f"/shared/{token}/{asset}", headers={"Range": "bytes=1-2"}),
            ]
    assert [answer.status_code for answer in answers] == [200, 200, 206, 416, 404]
    assert [answer.status_code for answer in gone] == [404, 404, 404]
    assert gone[0].json() == {"error": "not_found"}
    for answer in answers + gone:
        told = f"{answer.headers.multi_items()}{answer.text}".lower()
        for secret in (*path.lower().split("/"), "final-images", settings.supabase_url, "storage"):
            assert secret not in told


@pytest.mark.parametrize(
    "token", ["%00", "%ff%fe", "a%2Fb", "..%2F..", "%0d%0aX:1", "t" * 10_000, "%27 or 1=1", "é"]
)
async def test_odd_tokens_are_not_found_and_no_error(settings: Settings, token: str) -> None:
    async with web_client(settings) as client:
        with structlog.testing.capture_logs() as lines:
            assert (await client.get(f"/shared/{token}/{uuid.uuid4()}")).status_code == 404
    assert lines == []


VIDEO = b"0123456789" * 20_000
OWNER, JOB = str(uuid.uuid4()), str(uuid.uuid4())
ROW = {
    "bucket": "final-videos",
    "storage_path": f"{OWNER}/{JOB}/result_video.mp4",
    "mime_type": "video/mp4",
}


class Platform:
    """A platform that shows one file, with a storage that does as a test says.

    Attributes:
        answer, head_answer: What storage answers to GET and to HEAD.
        goes_on: Whether it sends more and more after that.
        row: What the database knows of the file.
        asked: The heads of the requests to storage.
        let_go: Set when whoever asked storage has closed the connection.
    """

    def __init__(self, answer: bytes, head_answer: bytes = b"", *, goes_on: bool = False) -> None:
        self.answer = answer
        self.head_answer = head_answer
        self.goes_on = goes_on
        self.row = ROW
        self.asked: list[str] = []
        self.let_go = anyio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while "/storage/" not in (head := (await reader.readuntil(b"\r\n\r\n")).decode()):
                length = re.search(r"content-length: ([0-9]+)", head, re.IGNORECASE)
                assert length is not None
                await reader.readexactly(int(length[1]))
                writer.write(answer_of(200, json.dumps([self.row]).encode()))
            self.asked.append(head)
            try:
                writer.write(self.head_answer if head.startswith("HEAD") else self.answer)
                while self.goes_on:
                    writer.write(VIDEO)
                    await writer.drain()
                if self.answer:
                    await reader.read()
            finally:
                self.let_go.set()
        writer.close()


def answer_of(status: int, body: bytes = b"", length: int | None = None, **headers: str) -> bytes:
    named = {"Content-Length": str(len(body) if length is None else length), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} .\r\n{lines}\r\n".encode() + body


WHOLE = answer_of(200, VIDEO, ETag='"v"', Connection="close")
BEGUN = answer_of(200, VIDEO, len(VIDEO) * 1000)
SILENCE = b"HTTP/1.1"
HANGING_UP = b""


@asynccontextmanager
async def serving(platform: Platform, **more: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Run the web service on a port of its own; give a client of it."""
    behind = await asyncio.start_server(platform.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{behind.sockets[0].getsockname()[1]}"
    settings = Settings(
        SUPABASE_URL=url,
        SUPABASE_SECRET_KEY="sb_secret_key",
        **{"stream_stall_seconds": 30, **more},
    )
    with socket.create_server(("127.0.0.1", 0)) as front:
        server = Server(
            uvicorn.Config(
                create_app(settings), log_config=None, lifespan="on", timeout_graceful_shutdown=0
            )
        )
        address = f"http://127.0.0.1:{front.getsockname()[1]}"
        async with behind, anyio.create_task_group() as group:
            group.start_soon(server.serve, [front])
            try:
                async with httpx.AsyncClient(base_url=address, timeout=30) as client:
                    yield client
            finally:
                server.should_exit = True


SHOWN = f"/public/{uuid.uuid4()}/{uuid.uuid4()}"


async def test_storage_is_asked_with_the_key_and_nothing_else_of_the_client() -> None:
    platform = Platform(WHOLE)
    async with serving(platform) as client:
        headers = {"Cookie": "a=b", "Authorization": "Bearer mine", "X-Upsert": "true"}
        answer = await client.get(f"{SHOWN}?token=t&download=x", headers=headers)
    assert (answer.status_code, answer.content) == (200, VIDEO)
    [asked] = platform.asked
    assert asked.startswith(f"GET /storage/v1/object/authenticated/final-videos/{OWNER}/{JOB}/")
    assert "authorization: bearer sb_secret_key" in asked.lower()
    assert "accept-encoding: identity" in asked.lower()
    for nothing in ("cookie", "mine", "upsert", "download"):
        assert nothing not in asked.lower()


async def test_headers_of_storage_are_dropped_unless_named() -> None:
    path = f"{OWNER}/{JOB}"
    headers = {"Set_Cookie": path, "X_Path": path, "Location": path, "ETag": path, "Server": path}
    platform = Platform(answer_of(200, VIDEO, **headers, Cache_Control="max-age=9", Connection="x"))
    platform.row = {**ROW, "mime_type": "image/svg+xml"}
    async with serving(platform) as client, client.stream("GET", SHOWN) as answer:
        told = f"{answer.headers.multi_items()}"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "etag" not in answer.headers
    assert OWNER not in told
    assert JOB not in told


NOT_FOUND = json.dumps({"statusCode": "404", "error": "not_found", "message": JOB}).encode()
REFUSED = json.dumps({"statusCode": "403", "error": "Unauthorized", "message": JOB}).encode()
SIZE = answer_of(200, b"", len(VIDEO), Connection="close")


@pytest.mark.parametrize(
    ("answer", "method", "span", "status"),
    [
        (answer_of(400, NOT_FOUND, Connection="close"), "GET", None, 404),
        (answer_of(404, NOT_FOUND, Connection="close"), "GET", None, 404),
        (answer_of(400, REFUSED, Connection="close"), "GET", None, 503),
        (answer_of(400, b"[" * 99_999, Connection="close"), "GET", None, 503),
        (answer_of(302, Location=JOB, Connection="close"), "GET", None, 503),
        (answer_of(429, Connection="close"), "GET", None, 503),
        # As the platform's storage is known to answer a range that lies outside.
        (answer_of(500, Connection="close"), "GET", "bytes=200000-", 416),
        (answer_of(400, REFUSED, Connection="close"), "GET", "bytes=-0", 416),
        (answer_of(416, Connection="close"), "GET", "bytes=999999-999999", 416),
        (answer_of(500, Connection="close"), "GET", "bytes=199999-", 503),
        (HANGING_UP, "GET", "bytes=0-", 503),
        (HANGING_UP, "GET", None, 503),
    ],
)
async def test_what_storage_means_is_told_in_our_words(
    answer: bytes, method: str, span: str | None, status: int
) -> None:
    platform = Platform(answer, SIZE)
    async with serving(platform) as client:
        told = await client.request(method, SHOWN, headers={"Range": span} if span else {})
    assert told.status_code == status
    assert told.headers.get("content-range") == ("bytes */200000" if status == 416 else None)
    assert ("retry-after" in told.headers) == (status == 503)
    assert told.headers["cache-control"] == "no-store"
    assert told.headers["access-control-allow-origin"] == "*"
    assert JOB not in f"{told.text}{told.headers.multi_items()}"


async def test_file_that_the_platform_does_not_find_for_head_is_not_found() -> None:
    async with serving(Platform(b"", answer_of(400, b"", 99, Connection="close"))) as client:
        assert (await client.head(SHOWN)).status_code == 404


async def test_storage_that_does_not_answer_in_time_is_given_up() -> None:
    platform = Platform(SILENCE)
    async with serving(platform, stream_stall_seconds=0.2) as client:
        assert (await client.get(SHOWN)).status_code == 503
        with anyio.fail_after(10):
            await platform.let_go.wait()


async def test_storage_that_stands_still_is_cut_and_no_whole_file_is_feigned() -> None:
    platform = Platform(BEGUN)
    async with serving(platform, stream_stall_seconds=0.2) as client:
        got = b""
        with pytest.raises(httpx.RemoteProtocolError):  # noqa: PT012 - it breaks off while read
            async with client.stream("GET", SHOWN) as answer:
                async for piece in answer.aiter_raw():
                    got += piece
        with anyio.fail_after(10):
            await platform.let_go.wait()
    assert got == VIDEO


@pytest.mark.parametrize("goes_on", [False, True])
async def test_client_that_goes_ends_the_reading_from_storage(goes_on: bool) -> None:
    platform = Platform(answer_of(200, VIDEO, 10**15), goes_on=goes_on)
    async with serving(platform) as client:
        async with client.stream("GET", SHOWN) as answer:
            assert answer.status_code == 200
            await anext(answer.aiter_raw())
            assert not platform.let_go.is_set()
        with anyio.fail_after(10):
            await platform.let_go.wait()


async def test_client_that_takes_nothing_is_cut() -> None:
    platform = Platform(answer_of(200, VIDEO, 10**15), goes_on=True)
    stall = {"stream_stall_seconds": 0.2}
    async with serving(platform, **stall) as client, client.stream("GET", SHOWN):
        with anyio.fail_after(10):
            await platform.let_go.wait()


async def test_streams_over_the_limit_are_refused_until_a_place_is_free() -> None:
    platform = Platform(BEGUN)
    async with serving(platform, max_streams=3) as client, contextlib.AsyncExitStack() as streams:
        answers = [
            await streams.enter_async_context(client.stream("GET", SHOWN)) for _ in range(10)
        ]
        assert [answer.status_code for answer in answers] == [200] * 3 + [503] * 7
        for answer in answers[3:]:
            assert answer.headers["retry-after"] == "5"
            assert json.loads(await answer.aread()) == {"error": "too_many_streams"}
        assert len(platform.asked) == 3
        await answers[0].aclose()
        with anyio.fail_after(10):
            await platform.let_go.wait()
            platform.answer = WHOLE
            # Whoever lets go of storage gives the place back a moment later.
            while (again := await client.get(SHOWN)).status_code == 503:
                pass
        assert again.content == VIDEO
        assert (await client.get("/health")).status_code == 200
