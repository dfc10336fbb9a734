"""The storage server as a process: what it takes in memory, and what a crash leaves behind."""

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import psycopg
import pytest

from reelbase.local.postgres import database_dsn
from reelbase.local.pytest_plugin import RunningStack

MEGABYTE = 1024 * 1024
SIZE = 64 * MEGABYTE
ALLOWED_GROWTH = 24 * MEGABYTE
"""Bytes: far below the file's size, and above what buffers and the allocator take."""

SERVER = """
import os, socket, sys
from pathlib import Path
import uvicorn
from reelbase.local.gateway.app import create_app
from reelbase.local.gateway.config import GatewayConfig
from reelbase.local.keys import load_or_create_keys

storage_dir, keys_path, auth_url, storage_url = sys.argv[1:]
listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
app = create_app(GatewayConfig(
    base_url=f"http://127.0.0.1:{port}", auth_database_url=auth_url,
    storage_database_url=storage_url, postgrest_url="http://127.0.0.1:9",
    storage_dir=Path(storage_dir), keys=load_or_create_keys(Path(keys_path)),
))
print(port, flush=True)
config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1)
uvicorn.Server(config).run(sockets=[listener])
"""

Start = Callable[[], AbstractContextManager[tuple[httpx.Client, int]]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "storage"


@pytest.fixture
def start(stack: RunningStack, folder: Path) -> Start:
    """Start a server of its own on the stack's database; give a client and the process id."""
    password = str(urlsplit(stack.admin_database_url).password)
    port = int(urlsplit(stack.admin_database_url).port or 0)
    arguments = [
        str(folder),
        str(stack.state_dir / "keys.json"),
        database_dsn(port, "supabase_auth_admin", password),
        database_dsn(port, "supabase_storage_admin", password),
    ]

    @contextmanager
    def run() -> Iterator[tuple[httpx.Client, int]]:
        command = [sys.executable, "-c", SERVER, *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                base_url = f"http://127.0.0.1:{server.stdout.readline().strip()}/storage/v1"
                headers = {"apikey": stack.secret_key}
                with httpx.Client(
                    base_url=base_url, headers=headers, timeout=120, verify=False
                ) as client:
                    assert client.get("/status").status_code == 200
                    yield client, server.pid
            finally:
                server.kill()

    return run


@pytest.fixture
def bucket(stack: RunningStack) -> str:
    name = f"test-{uuid4().hex}"
    with psycopg.connect(stack.database_url) as connection:
        connection.execute("insert into storage.buckets (id, name) values (%s, %s)", (name, name))
    return name


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it did not come true")


def peak_memory(pid: int) -> int:
    """Return the most bytes that a process ever had in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def pieces(size: int) -> Iterator[bytes]:
    piece = os.urandom(MEGABYTE)
    for _ in range(size // MEGABYTE):
        yield piece


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_large_files_pass_through_without_growing_the_process(start: Start, bucket: str) -> None:
    with start() as (client, pid):
        path = f"/object/{bucket}/large"
        video = {"content-type": "video/mp4"}
        assert client.post(path, content=b"x" * MEGABYTE, headers=video).status_code == 200
        assert len(client.get(path).content) == MEGABYTE
        before = peak_memory(pid)

        upsert = {**video, "x-upsert": "true"}
        assert client.post(path, content=pieces(SIZE), headers=upsert).status_code == 200
        form = {"file": ("large.mp4", b"".join(pieces(SIZE)), "video/mp4")}
        assert client.put(path, files=form).status_code == 200
        # One reader takes its time while another reads all of it.
        with client.stream("GET", path) as slow, client.stream("GET", path) as fast:
            assert slow.headers["content-length"] == str(SIZE)
            assert sum(len(data) for data in fast.iter_raw()) == SIZE
        address = begin(client, f"{bucket}/pieces", SIZE)
        for offset in range(0, SIZE, SIZE // 4):
            assert send(client, address, offset, pieces(SIZE // 4)).status_code == 204
        copied = {"bucketId": bucket, "sourceKey": "large", "destinationKey": "copy"}
        assert client.post("/object/copy", json=copied).status_code == 200
        assert peak_memory(pid) - before < ALLOWED_GROWTH


def begin(client: httpx.Client, path: str, size: int) -> str:
    """Begin an upload in pieces; return its address."""
    values = dict(zip(("bucketName", "objectName"), path.split("/"), strict=True))
    told = [f"{name} {base64.b64encode(values[name].encode()).decode()}" for name in values]
    headers = {
        "tus-resumable": "1.0.0",
        "upload-length": str(size),
        "upload-metadata": ",".join(told),
    }
    response = client.post("/upload/resumable", headers=headers)
    assert response.status_code == 201
    return response.headers["location"].removeprefix("/storage/v1")


def send(
    client: httpx.Client, address: str, offset: int, content: Iterator[bytes]
) -> httpx.Response:
    """Send a piece of an upload."""
    headers = {
        "tus-resumable": "1.0.0",
        "content-type": "application/offset+octet-stream",
        "upload-offset": str(offset),
    }
    return client.patch(address, content=content, headers=headers)


def test_crash_in_an_upload_leaves_no_row_and_no_file_but_what_comes_in_pieces(
    stack: RunningStack, start: Start, folder: Path, bucket: str
) -> None:
    incoming = folder / "incoming"
    with start() as (client, pid):
        assert client.post(f"/object/{bucket}/kept", content=b"kept").status_code == 200
        address = begin(client, f"{bucket}/pieces", 2 * MEGABYTE)
        assert send(client, address, 0, iter([b"a" * MEGABYTE])).status_code == 204
        unfinished = {path.name for path in incoming.iterdir()}

        def begun() -> list[Path]:
            return [path for path in incoming.iterdir() if path.name not in unfinished]

        def half() -> Iterator[bytes]:
            yield b"x" * 2 * MEGABYTE
            wait_until(lambda: any(path.stat().st_size for path in begun()))
            os.kill(pid, signal.SIGKILL)
            yield b"y"

        with pytest.raises(httpx.TransportError):
            client.post(f"/object/{bucket}/lost", content=half())
    assert len(begun()) == 1
    # What a crash between the last rename and the commit leaves.
    orphan = folder / "objects" / "ab" / f"ab{str(uuid4())[2:]}"
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"orphan")

    with start() as (client, _):
        wait_until(lambda: not orphan.exists() and not begun())
        assert client.get(f"/object/{bucket}/kept").content == b"kept"
        lost = client.get(f"/object/{bucket}/lost")
        assert lost.json()["error"] == "not_found"
        rest = iter([b"b" * MEGABYTE])
        assert send(client, address, MEGABYTE, rest).status_code == 204
        whole = client.get(f"/object/{bucket}/pieces").content
        assert whole == b"a" * MEGABYTE + b"b" * MEGABYTE
    with psycopg.connect(stack.admin_database_url) as connection:
        rows = connection.execute(
            "select name from storage.objects where bucket_id = %s order by name", (bucket,)
        ).fetchall()
    assert rows == [("kept",), ("pieces",)]
