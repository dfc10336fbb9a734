"""How much memory a dispatcher takes when there is much to carry.

Run by `make bench-memory`, on a stack of its own. A worker, as it is run, has fifty jobs in hand at
once: all are fetching films from a provider on loopback, which hands 49 of them out slowly and one
of 1 GB as fast as it goes. That one is fetched, looked into, hashed, given a thumbnail and stored
while the others are on their way; then they come all at once.

Printed is the most that the worker had resident at any moment (VmHWM), all in, as Linux counts it;
the thumbnails are made by short-lived processes of their own, whose peak is told apart. The command
fails when the worker took more than 200 MB.
"""

import argparse
import asyncio
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import av
import httpx
import psycopg
from PIL import Image
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import BaseRoute, Route

from reelbase.local.pytest_plugin import RunningStack, running_stack

# The provider is the one of the tests.
sys.path.insert(0, str(Path(__file__).parents[1] / "services" / "tests"))

from standins.frame import Plan, Work, loopback
from standins.runway import RunwayStandin

JOBS = 50
LARGE_BYTES = 1 << 30
LIMIT = 200 * 10**6
"""Bytes resident."""

SENT_BYTES = 128 << 10
"""What the provider has on its way on one connection."""

PATIENCE = 900.0
"""Seconds after which something is stuck."""

PACE_BYTES, PACE_SECONDS = 8 << 10, 0.5
"""How slowly the others are handed out."""


class Slow(RunwayStandin):
    """Runway, whose files come slowly until `is_open`, but for the large one."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.large = Path()
        self.small = Path()
        self.begun = 0
        self.is_open = False

    def routes(self) -> list[BaseRoute]:
        """The API, and slow files."""
        return [*super().routes(), Route("/slow/{name}", self._slow)]

    def media(self, work: Work) -> list[str]:
        """Where a job's film is."""
        if "large" in json.dumps(work.body):
            return [self.file(self.large, "video/mp4")]
        return [f"{self.url}/slow/{work.id}"]

    async def _slow(self, _request: Request) -> StreamingResponse:
        self.begun += 1
        headers = {"content-length": str(self.small.stat().st_size)}
        return StreamingResponse(self._pieces(), media_type="video/mp4", headers=headers)

    async def _pieces(self) -> AsyncIterator[bytes]:
        with self.small.open("rb") as file:
            while piece := file.read(PACE_BYTES):
                yield piece
                if not self.is_open:
                    await asyncio.sleep(PACE_SECONDS)


def make_film(path: Path, width: int, height: int, size: int) -> None:
    """Write an MP4 of about that many bytes: a second of noise, as often as it takes."""
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=24, options={"crf": "24", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        packets = []
        for _ in range(24):
            picture = Image.effect_noise((width, height), 60).convert("RGB")
            packets += stream.encode(av.VideoFrame.from_image(picture))
        packets += stream.encode()
        told = [(bytes(each), each.pts, each.dts, each.is_keyframe) for each in packets]
        second = sum(len(content) for content, *_ in told)
        length = max(pts for _, pts, *_ in told) + (told[1][1] - told[0][1] or 1)
        time_base = packets[0].time_base
        for turn in range(max(1, size // second)):
            for content, pts, dts, is_keyframe in told:
                packet = av.Packet(content)
                packet.stream, packet.time_base = stream, time_base
                packet.pts, packet.dts = pts + turn * length, dts + turn * length
                packet.is_keyframe = is_keyframe
                film.mux(packet)


def peak(pid: int) -> int:
    """The most bytes that a process ever had resident."""
    return figure(pid, "VmHWM")


def figure(pid: int, name: str) -> int:
    """One of the figures that Linux keeps of a process's memory, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    line = next(each for each in lines if each.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def wait_for(what: str, condition: Callable[[], object]) -> None:
    """Wait until something is true."""
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            raise SystemExit(f"It takes too long until {what}.")
        time.sleep(0.1)


def submit(connection: psycopg.Connection[Any], user: str, prompt: str) -> str:
    """Order a film; return the job's id."""
    claims = json.dumps({"sub": user, "role": "authenticated"})
    with connection.transaction():
        connection.execute(
            "select set_config('role', 'authenticated', true),"
            " set_config('request.jwt.claims', %s, true)",
            (claims,),
        )
        row = connection.execute(
            "select id from public.submit_generation('text_to_video', %s, 'runway-gen4.5')",
            (prompt,),
        ).fetchone()
    assert row is not None
    return str(row[0])


def prepare(connection: psycopg.Connection[Any]) -> str:
    """Offer the model, and sign somebody up who may have all these jobs; return the user's id."""
    user = str(uuid.uuid4())
    connection.execute("update public.models set is_active = true where id = 'runway-gen4.5'")
    connection.execute(
        "insert into auth.users (id, email, instance_id, aud, role, email_confirmed_at)"
        " values (%s, %s, '00000000-0000-0000-0000-000000000000', 'authenticated',"
        " 'authenticated', now())",
        (user, f"{user}@example.com"),
    )
    connection.execute(
        "update public.profiles set subscription_tier = 'enterprise' where user_id = %s", (user,)
    )
    connection.execute("select worker.grant_credits(%s, 100000, 'Benchmark', 'bench')", (user,))
    return user


def measure(stack: RunningStack, folder: Path, large_bytes: int) -> int:
    """Run it, print what there is to tell, and return the worker's peak in bytes."""
    with (
        loopback() as server,
        psycopg.connect(stack.admin_database_url, autocommit=True) as connection,
    ):
        # What is on its way between machines is bounded by the network; on loopback it would be
        # the kernel's whole buffer, drawn into memory at one stroke.
        server._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENT_BYTES)  # noqa: SLF001
        provider = server.open(Slow)
        provider.plan = Plan(looks=0)
        provider.large, provider.small = folder / "large.mp4", folder / "small.mp4"
        make_film(provider.large, 1280, 720, large_bytes)
        make_film(provider.small, 640, 360, 0)
        size = provider.large.stat().st_size
        user = prepare(connection)
        environ = {
            **os.environ,
            **provider.environ,
            "SUPABASE_URL": stack.supabase_url,
            "SUPABASE_SECRET_KEY": stack.secret_key,
            "DATABASE_URL": stack.database_url,
            "REELBASE_PROVIDERS": "runway",
            "REELBASE_PRIVATE_HOSTS": provider.host,
            "REELBASE_WORK_DIR": str(folder / "work"),
            "REELBASE_WORKER_URL": "http://127.0.0.1:0",
            "REELBASE_WORKER_CONCURRENCY": str(JOBS),
        }
        log = folder / "worker.log"
        with log.open("wb") as file:
            command = [sys.executable, "-c", "from reelbase.cli import app; app()", "worker"]
            worker = subprocess.Popen(command, env=environ, stdout=file, stderr=file)
        try:
            wait_for("the worker listens", lambda: "listening" in log.read_text())
            idle = figure(worker.pid, "VmRSS")
            jobs = [
                submit(connection, user, f"A harbour, number {number}.")
                for number in range(JOBS - 1)
            ]
            wait_for("all others are on their way", lambda: provider.begun == JOBS - 1)
            began = time.monotonic()
            job = submit(connection, user, "A large harbour.")
            wait_for("all are in hand", lambda: held_by(log) == JOBS)

            def ended(ids: list[str]) -> bool:
                rows = connection.execute(
                    "select status::text from public.generation_jobs where id = any(%s::uuid[])",
                    (ids,),
                ).fetchall()
                return all(status in {"completed", "failed", "expired"} for (status,) in rows)

            wait_for("1 GB is stored", lambda: ended([job]))
            seconds = time.monotonic() - began
            stored = peak(worker.pid)
            provider.is_open = True
            wait_for("the others are stored", lambda: ended(jobs))
            most = peak(worker.pid)
        finally:
            worker.terminate()
            worker.wait()
        rows = connection.execute(
            "select assets.size_bytes, jobs.status::text from public.generation_jobs as jobs"
            " left join public.job_assets as shown on shown.job_id = jobs.id"
            " and shown.role = 'result_video'"
            " left join public.assets on assets.id = shown.asset_id"
            " where jobs.user_id = %s order by assets.size_bytes desc nulls last",
            (user,),
        ).fetchall()
    assert len(rows) == JOBS, f"{len(rows)} results of {JOBS} jobs"
    assert all(status == "completed" for _, status in rows), "some jobs failed"
    assert rows[0][0] == size, "what was stored is not what was made"
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(f"worker, idle                               {idle / 1e6:6.0f} MB")
    print(
        f"with {JOBS} jobs in hand, one of {size / 1e9:.2f} GB     {stored / 1e6:6.0f} MB at most"
    )
    print(f"until all {JOBS} were stored                  {most / 1e6:6.0f} MB at most")
    print(f"largest process of the benchmark           {children / 1e6:6.0f} MB")
    print(
        f"the large one took {seconds:.1f} s: {size / seconds / 1e6:.0f} MB/s, fetched and stored"
    )
    return most


def held_by(log: Path) -> int:
    """Ask a worker how many jobs it has in hand."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    url = next(line["url"] for line in lines if line["event"] == "serving")
    metrics = httpx.get(f"{url}/metrics").text.splitlines()
    held = [line for line in metrics if line.startswith("reelbase_tasks_held{")]
    return round(sum(float(line.rpartition(" ")[2]) for line in held))


def main() -> int:
    """Measure; fail when it is too much."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="128 MB instead of 1 GB")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder) / "stack") as stack:
        most = measure(stack, Path(folder), LARGE_BYTES // 8 if options.quick else LARGE_BYTES)
    print(f"{most / LIMIT:.2f} of the {LIMIT / 1e6:.0f} MB that a dispatcher may take")
    return 0 if most <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
