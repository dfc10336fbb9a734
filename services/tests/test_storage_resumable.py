"""Uploads in pieces: as owner, stranger and anonymous try them, and as the services use them."""

import base64
import hashlib
import http.client
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import anyio
import httpx
import jwt
import psycopg
import pytest
from psycopg import sql
from standins.raw import raw_server

from reelbase.database import TaskInput, open_client
from reelbase.dispatch.inputs import StoredInput
from reelbase.errors import FileTooLarge, StorageError, StorageUnavailable
from reelbase.local.gateway.storage_errors import StorageError as Refusal
from reelbase.local.gateway.storage_files import FileStore
from reelbase.local.gateway.storage_partials import LIFETIME, Partials
from reelbase.local.keys import load_or_create_keys
from reelbase.local.pytest_plugin import RunningStack
from reelbase.providers.base import Permanent, Transient
from reelbase.settings import Settings
from reelbase.storage import PIECE_BYTES, Storage, upload_host

POLICIES = """
create policy {select} on storage.objects for select to authenticated
  using (bucket_id = {bucket} and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy {insert} on storage.objects for insert to authenticated
  with check (bucket_id = {bucket} and (storage.foldername(name))[1] = (select auth.uid())::text);
"""
LIMIT = 1_000_000
CONTENT = os.urandom(300_000)
FILM_BYTES = 2 * PIECE_BYTES + 1000


class Uploader:
    """Somebody who uploads in pieces."""

    def __init__(self, stack: RunningStack, token: str, user_id: str, bucket: str) -> None:
        self.id = user_id
        self.bucket = bucket
        self.http = httpx.Client(
            base_url=stack.supabase_url,
            headers={
                "apikey": stack.publishable_key,
                "authorization": f"Bearer {token}",
                "tus-resumable": "1.0.0",
            },
            verify=False,
        )

    def create(
        self, size: int, key: str = "", told: Mapping[str, str] | None = None, content: bytes = b""
    ) -> httpx.Response:
        """Begin an upload to a file of one's own, or to another."""
        values = {
            "bucketName": self.bucket,
            "objectName": key or f"{self.id}/film.mp4",
            "contentType": "video/mp4",
            **(told or {}),
        }
        pairs = [f"{name} {base64.b64encode(values[name].encode()).decode()}" for name in values]
        headers = {"upload-length": str(size), "upload-metadata": ",".join(pairs)}
        if content:
            headers["content-type"] = "application/offset+octet-stream"
        return self.http.post("/storage/v1/upload/resumable", headers=headers, content=content)

    def begin(self, size: int, key: str = "", **told: str) -> str:
        """Begin an upload; return its address."""
        response = self.create(size, key, told)
        assert (response.status_code, response.text) == (201, "")
        return response.headers["location"]

    def send(self, address: str, offset: int, content: bytes, **headers: str) -> httpx.Response:
        """Send a piece."""
        told = {
            "content-type": "application/offset+octet-stream",
            "upload-offset": str(offset),
            **{name.replace("_", "-"): headers[name] for name in headers},
        }
        return self.http.patch(address, headers=told, content=content)

    def offset(self, address: str) -> int:
        """Ask how far an upload came."""
        response = self.http.head(address)
        assert response.status_code == 200
        return int(response.headers["upload-offset"])

    def get(self, key: str = "") -> httpx.Response:
        """Download."""
        path = key or f"{self.id}/film.mp4"
        return self.http.get(f"/storage/v1/object/{self.bucket}/{path}")


@pytest.fixture
def bucket(stack: RunningStack) -> Iterator[str]:
    name = f"test-{uuid4().hex}"
    names: dict[str, sql.Composable] = {
        command: sql.Identifier(f"{name}_{command}") for command in ("select", "insert")
    }
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute(
            "insert into storage.buckets (id, name, file_size_limit, allowed_mime_types)"
            " values (%s, %s, %s, '{video/*}')",
            (name, name, LIMIT),
        )
        connection.execute(sql.SQL(POLICIES).format(bucket=sql.Literal(name), **names))
        yield name
        for policy in names.values():
            connection.execute(sql.SQL("drop policy {} on storage.objects").format(policy))


@pytest.fixture
def make(stack: RunningStack, bucket: str) -> Iterator[Callable[[], Uploader]]:
    """Make a signed-in user."""
    made = []

    def make_one() -> Uploader:
        user_id = str(uuid4())
        secret = load_or_create_keys(stack.state_dir / "keys.json").jwt_secret
        claims = {"role": "authenticated", "sub": user_id, "exp": int(time.time()) + 3600}
        made.append(Uploader(stack, jwt.encode(claims, secret, "HS256"), user_id, bucket))
        return made[-1]

    yield make_one
    for each in made:
        each.http.close()


@pytest.fixture
def owner(make: Callable[[], Uploader]) -> Uploader:
    return make()


@pytest.fixture
def stranger(make: Callable[[], Uploader]) -> Uploader:
    return make()


def notes(stack: RunningStack) -> Path:
    return stack.state_dir / "storage" / "incoming"


# The gateway's side -------------------------------------------------------------------------------


def test_file_comes_in_pieces_and_is_one_file_in_the_end(owner: Uploader) -> None:
    address = owner.begin(len(CONTENT), cacheControl="60", metadata='{"take": 2}')
    assert owner.get().status_code == 400
    assert owner.offset(address) == 0
    first = owner.send(address, 0, CONTENT[:200_000])
    assert (first.status_code, first.headers["upload-offset"]) == (204, "200000")
    assert "upload-expires" in first.headers
    assert owner.offset(address) == 200_000
    assert owner.get().status_code == 400
    last = owner.send(address, 200_000, CONTENT[200_000:])
    assert (last.status_code, last.headers["upload-offset"]) == (204, str(len(CONTENT)))
    response = owner.get()
    assert response.content == CONTENT
    assert response.headers["content-type"] == "video/mp4"
    assert response.headers["cache-control"] == "max-age=60"
    assert response.headers["etag"] == f'"{hashlib.md5(CONTENT).hexdigest()}"'
    info = owner.http.get(f"/storage/v1/object/info/{owner.bucket}/{owner.id}/film.mp4").json()
    assert info["metadata"] == {"take": 2}
    # Whoever did not hear the last answer learns it now, and cannot add to the file.
    assert owner.offset(address) == len(CONTENT)
    assert owner.send(address, len(CONTENT), b"more").status_code == 409
    assert owner.get().content == CONTENT


def test_small_file_may_come_with_its_announcement(owner: Uploader) -> None:
    response = owner.create(len(CONTENT), content=CONTENT)
    assert (response.status_code, response.headers["upload-offset"]) == (201, str(len(CONTENT)))
    assert owner.get().content == CONTENT


def test_browser_is_told_what_there_is_and_may_read_it(owner: Uploader) -> None:
    response = owner.http.options("/storage/v1/upload/resumable", headers={"origin": "http://a.b"})
    assert response.status_code == 204
    assert response.headers["tus-version"] == "1.0.0"
    assert "creation-with-upload" in response.headers["tus-extension"]
    assert {"upload-offset", "location"} <= set(
        response.headers["access-control-expose-headers"].split(", ")
    )


def test_broken_piece_keeps_what_arrived_and_is_continued(
    stack: RunningStack, owner: Uploader
) -> None:
    address = owner.begin(len(CONTENT))
    host = urlsplit(stack.supabase_url)
    connection = http.client.HTTPConnection(str(host.hostname), host.port, timeout=60)
    connection.putrequest("PATCH", address)
    told = {"content-type": "application/offset+octet-stream", "upload-offset": "0"}
    for name, value in {**owner.http.headers, **told, "content-length": str(len(CONTENT))}.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(CONTENT[:100_000])
    # Until the other request has been noticed to be gone, this one waits.
    threading.Timer(0.05, connection.close).start()
    reached = 0
    while not reached:
        reached = owner.offset(address)
    assert 0 < reached <= 100_000
    assert owner.get().status_code == 400
    assert owner.send(address, reached, CONTENT[reached:]).status_code == 204
    assert owner.get().content == CONTENT


def test_stranger_and_anonymous_can_neither_begin_nor_touch_an_upload(
    stack: RunningStack, owner: Uploader, stranger: Uploader
) -> None:
    key = f"{owner.id}/film.mp4"
    refused = stranger.create(10, key)
    assert (refused.status_code, refused.text) == (
        403,
        "new row violates row-level security policy",
    )
    address = owner.begin(10)
    assert stranger.send(address, 0, b"0123456789").status_code == 403
    assert stranger.http.delete(address).status_code == 403
    anonymous = Uploader(stack, stack.publishable_key, owner.id, owner.bucket)
    assert anonymous.create(10, key).status_code == 403
    assert anonymous.send(address, 0, b"0123456789").status_code == 403
    del anonymous.http.headers["authorization"], anonymous.http.headers["apikey"]
    assert anonymous.http.head(address).status_code == 400
    anonymous.http.close()
    assert owner.offset(address) == 0
    assert owner.http.delete(address).status_code == 204
    assert owner.http.head(address).status_code == 404


def test_address_of_an_upload_leads_nowhere_else(owner: Uploader) -> None:
    address = owner.begin(10)
    name = address.rpartition("/")[2]
    version = base64.urlsafe_b64decode(name + "==").decode().rpartition("/")[2]
    for path in (
        f"{owner.bucket}/{owner.id}/other.mp4/{version}",
        f"final-videos/{owner.id}/film.mp4/{version}",
        f"{owner.bucket}/{owner.id}/film.mp4/{uuid4()}",
        f"{owner.bucket}/{owner.id}/film.mp4/../../keys",
        "nothing",
    ):
        forged = base64.urlsafe_b64encode(path.encode()).decode().rstrip("=")
        response = owner.send(address.replace(name, forged), 0, b"0123456789")
        assert response.status_code in {400, 404}
    assert owner.send(address.replace(name, "%00"), 0, b"0").status_code in {400, 404}
    assert owner.offset(address) == 0


@pytest.mark.parametrize(
    ("size", "told", "status"),
    [
        (LIMIT + 1, {}, 413),
        (10, {"contentType": "text/html"}, 415),
        (10, {"contentType": "video/mp4\r\nx: y"}, 400),
        (10, {"bucketName": "no-such-bucket"}, 404),
        (10, {"bucketName": "../etc"}, 400),
        (10, {"objectName": "../../etc/passwd"}, 400),
        (10, {"objectName": ""}, 400),
    ],
)
def test_announcement_that_breaks_a_rule_begins_nothing(
    stack: RunningStack, owner: Uploader, size: int, told: dict[str, str], status: int
) -> None:
    before = set(notes(stack).iterdir())
    assert owner.create(size, told=told).status_code == status
    assert set(notes(stack).iterdir()) == before


def test_request_that_is_not_of_the_protocol_is_refused(owner: Uploader) -> None:
    address = owner.begin(10)
    assert owner.send(address, 0, b"0", tus_resumable="0.2.2").status_code == 412
    assert owner.send(address, 0, b"0", content_type="text/plain").status_code == 415
    assert owner.send(address, 5, b"0").status_code == 409
    assert owner.send(address, 0, b"0", upload_offset="-1").status_code == 400
    assert owner.send(address, 0, b"01234567890").status_code == 413
    pieces = iter([b"01234", b"567890"])
    headers = {"content-type": "application/offset+octet-stream", "upload-offset": "0"}
    assert owner.http.patch(address, headers=headers, content=pieces).status_code == 400
    post = owner.http.post
    assert post("/storage/v1/upload/resumable", headers={"upload-length": "1"}).status_code == 400
    garbage = {"upload-length": "1", "upload-metadata": "bucketName ***"}
    assert post("/storage/v1/upload/resumable", headers=garbage).status_code == 400
    assert owner.get().status_code == 400


def test_path_that_is_taken_meanwhile_keeps_its_file(owner: Uploader) -> None:
    first, second = owner.begin(10), owner.begin(10)
    assert owner.send(first, 0, b"0123456789").status_code == 204
    refused = owner.send(second, 0, b"abcdefghij")
    assert (refused.status_code, refused.text) == (409, "The resource already exists")
    assert owner.create(10).status_code == 409
    assert owner.get().content == b"0123456789"


def test_permission_that_is_lost_before_the_last_piece_stores_nothing(
    stack: RunningStack, owner: Uploader
) -> None:
    address = owner.begin(10)
    assert owner.send(address, 0, b"01234").status_code == 204
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        policy = sql.Identifier(f"{owner.bucket}_insert")
        change = sql.SQL("alter policy {} on storage.objects with check (false)")
        connection.execute(change.format(policy))
    assert owner.send(address, 5, b"56789").status_code == 403
    assert owner.get().status_code == 400


def test_signed_address_takes_one_file_without_a_key(stack: RunningStack, owner: Uploader) -> None:
    key = f"{owner.id}/film.mp4"
    made = owner.http.post(f"/storage/v1/object/upload/sign/{owner.bucket}/{key}").json()
    values = {"bucketName": owner.bucket, "objectName": key, "contentType": "video/mp4"}
    pairs = [f"{name} {base64.b64encode(values[name].encode()).decode()}" for name in values]
    headers = {
        "tus-resumable": "1.0.0",
        "upload-length": "10",
        "upload-metadata": ",".join(pairs),
        "x-signature": made["token"],
    }
    with httpx.Client(base_url=stack.supabase_url, verify=False) as anybody:
        path = "/storage/v1/upload/resumable/sign"
        forged = {**headers, "x-signature": made["token"][:-2]}
        assert anybody.post(path, headers=forged).status_code == 400
        begun = anybody.post(path, headers=headers)
        assert begun.status_code == 201
        piece = {"upload-offset": "0", "content-type": "application/offset+octet-stream"}
        told = {**headers, **piece}
        address = begun.headers["location"]
        assert anybody.patch(address, headers={**told, **forged, **piece}, content=b"0" * 10)
        assert anybody.patch(address, headers=told, content=b"0123456789").status_code == 204
    assert owner.get().content == b"0123456789"


def test_upload_that_is_not_whole_in_time_is_gone(stack: RunningStack, owner: Uploader) -> None:
    address = owner.begin(10)
    assert owner.send(address, 0, b"01234").status_code == 204
    version = (
        base64.urlsafe_b64decode(address.rpartition("/")[2] + "==").decode().rpartition("/")[2]
    )
    note = notes(stack) / f"{version}.json"
    note.write_text(json.dumps(json.loads(note.read_text()) | {"expires_at": int(time.time())}))
    assert owner.http.head(address).status_code == 410
    assert owner.send(address, 5, b"56789").status_code == 410


@pytest.mark.anyio
async def test_expired_uploads_are_removed_and_living_ones_kept(tmp_path: Path) -> None:
    now = 1_000_000.0
    files = FileStore(tmp_path)
    partials = Partials(files, lambda: now)

    async def begin() -> str:
        partial = await partials.create(
            "b", "k", size=10, mime_type="video/mp4", cache_control="no-cache", user_metadata=None
        )
        await partials.append(partial, body(), 10)
        return partial.version

    async def body() -> AsyncIterator[bytes]:
        yield b"01234"

    old = await begin()
    now += LIFETIME / 2
    young = await begin()
    assert partials.expire() == 0
    now += LIFETIME / 2
    assert partials.expire() == 1
    with pytest.raises(Refusal):
        await partials.find(old)
    # What a start finds is of the living one alone.
    assert {path.name for path in files.leftovers()} == {young, f"{young}.json"}
    assert partials.living() == set(files.leftovers())
    again = await Partials(files, lambda: now).find(young)
    assert await partials.offset(again) == 5


# The services' side -------------------------------------------------------------------------------


class Wire:
    """A relay on loopback in front of the gateway that breaks off after so many bytes."""

    def __init__(self, target: str) -> None:
        address = httpx.URL(target)
        self.target = (address.host, address.port or 80)
        self.url = ""
        self.sent = 0
        self.breaks: list[int] = []

    async def serve(self, *, task_status: Any) -> None:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        self.url = f"http://127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}"
        async with listener:
            task_status.started()
            await listener.serve(self.relay)

    async def relay(self, client: anyio.abc.SocketStream) -> None:
        async with (
            client,
            await anyio.connect_tcp(*self.target) as server,
            anyio.create_task_group() as group,
        ):
            group.start_soon(self.pump, client, server, group, True)
            await self.pump(server, client, group, False)

    async def pump(self, source: Any, sink: Any, group: anyio.abc.TaskGroup, counts: bool) -> None:
        try:
            while True:
                data = await source.receive()
                self.sent += len(data) if counts else 0
                await sink.send(data)
                if counts and self.breaks and self.sent >= self.breaks[0]:
                    self.breaks.pop(0)
                    break
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass
        group.cancel_scope.cancel()


@asynccontextmanager
async def storage_of(stack: RunningStack, url: str = "") -> AsyncIterator[Storage]:
    variables = {
        "SUPABASE_URL": url or stack.supabase_url,
        "SUPABASE_SECRET_KEY": stack.secret_key,
    }
    settings = Settings.model_validate(variables)
    async with open_client(settings) as client:
        yield Storage(client, pause_seconds=0.05)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A file of a little more than two pieces."""
    path = tmp_path / "film.mp4"
    path.write_bytes(os.urandom(FILM_BYTES))
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rows(stack: RunningStack, name: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(stack.admin_database_url) as connection:
        query = "select (metadata ->> 'size')::bigint from storage.objects where name = %s"
        return connection.execute(query, (name,)).fetchall()


@pytest.mark.anyio
async def test_large_file_is_stored_in_pieces_once_and_comes_back(
    stack: RunningStack, film: Path, tmp_path: Path
) -> None:
    name = f"{uuid4()}/film.mp4"
    size = FILM_BYTES
    async with storage_of(stack) as storage:
        await storage.upload("final-videos", name, film, "video/mp4")
        # Stored by somebody else, as it seems: nothing more is sent.
        await storage.upload("final-videos", name, film, "video/mp4")
        assert rows(stack, name) == [(size,)]
        back = tmp_path / "back"
        await storage.download("final-videos", name, back, size)
        assert digest(back) == digest(film)
        with pytest.raises(FileTooLarge):
            await storage.download("final-videos", name, back, size - 1)
        async with httpx.AsyncClient() as http:
            link = await storage.link("final-videos", name, 60)
            content = (await http.get(link)).content
            assert hashlib.sha256(content).hexdigest() == digest(film)


@pytest.mark.anyio
async def test_broken_upload_goes_on_where_it_broke(stack: RunningStack, film: Path) -> None:
    name = f"{uuid4()}/film.mp4"
    size = FILM_BYTES
    wire = Wire(stack.supabase_url)
    # In the second piece, and with all of it sent and no answer heard.
    wire.breaks = [PIECE_BYTES + PIECE_BYTES // 2, size]
    async with anyio.create_task_group() as group:
        await group.start(wire.serve)
        async with storage_of(stack, wire.url) as storage:
            await storage.upload("final-videos", name, film, "video/mp4")
        group.cancel_scope.cancel()
    assert wire.breaks == []
    assert rows(stack, name) == [(size,)]
    # Some of what was on its way is sent again, and never all of it.
    assert wire.sent < size + PIECE_BYTES


@pytest.mark.anyio
async def test_storage_that_stays_away_is_said_to_be_away(stack: RunningStack, film: Path) -> None:
    async with storage_of(stack, "http://127.0.0.1:9") as storage:
        with pytest.raises(StorageUnavailable):
            await storage.upload("final-videos", "a/b.mp4", film, "video/mp4")
        with pytest.raises(StorageUnavailable):
            await storage.download("final-videos", "a/b.mp4", film, 1)


@pytest.mark.anyio
async def test_upload_that_came_further_than_it_goes_is_not_taken_for_stored(
    stack: RunningStack, film: Path
) -> None:
    answers = (
        b"HTTP/1.1 201 Created\r\nLocation: /storage/v1/upload/resumable/x\r\n",
        b"HTTP/1.1 503 Away\r\n",
        b"HTTP/1.1 404 No such file\r\n",
        b"HTTP/1.1 200 OK\r\nUpload-Offset: 999999999999\r\n",
    )
    told = [answer + b"Content-Length: 0\r\nConnection: close\r\n\r\n" for answer in answers]
    async with (
        raw_server(*told) as port,
        storage_of(stack, f"http://127.0.0.1:{port}") as storage,
    ):
        with pytest.raises(StorageUnavailable):
            await storage.upload("final-videos", "a/b.mp4", film, "video/mp4")


@pytest.mark.anyio
async def test_large_file_that_its_bucket_does_not_take_is_refused(
    stack: RunningStack, film: Path
) -> None:
    async with storage_of(stack) as storage:
        with pytest.raises(StorageError) as refused:
            await storage.upload("final-videos", "a/b.txt", film, "text/plain")
        assert refused.value.status == 415
        with pytest.raises(FileTooLarge):
            await storage.upload("thumbnails", f"{uuid4()}/b.jpg", film, "image/jpeg")


@pytest.mark.anyio
async def test_input_of_a_job_is_read_from_storage_or_lost(
    stack: RunningStack, film: Path, tmp_path: Path
) -> None:
    name = f"{uuid4()}/film.mp4"
    row = TaskInput(
        role="source_video", bucket="final-videos", storage_path=name, mime_type="video/mp4"
    )
    folder = tmp_path / "job"
    folder.mkdir()
    async with storage_of(stack) as storage:
        gone = StoredInput(row, storage, 1 << 30)
        for ask in (lambda: gone.save(folder), gone.link):
            with pytest.raises(Permanent) as lost:
                await ask()
            assert lost.value.code == "inputs_lost"
        await storage.upload("final-videos", name, film, "video/mp4")
        there = StoredInput(row, storage, 1 << 30)
        path = await there.save(folder)
        assert path == folder / "source_video-0.mp4"
        assert digest(path) == digest(film)
        with pytest.raises(Permanent) as large:
            await StoredInput(row, storage, 1000).save(folder)
        assert large.value.code == "input_too_large"
        assert list(folder.iterdir()) == []
    async with storage_of(stack, "http://127.0.0.1:9") as storage:
        with pytest.raises(Transient):
            await StoredInput(row, storage, 1000).link()


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://abcdefgh.supabase.co/storage/v1/", "abcdefgh.storage.supabase.co"),
        ("https://abcdefgh.storage.supabase.co/storage/v1/", "abcdefgh.storage.supabase.co"),
        ("https://api.example.com/storage/v1/", "api.example.com"),
        ("http://127.0.0.1:54321/storage/v1/", "127.0.0.1"),
    ],
)
def test_hosted_projects_take_large_files_at_a_host_of_their_own(url: str, host: str) -> None:
    found = upload_host(httpx.URL(url))
    assert (found.host, found.path) == (host, "/storage/v1/")
