"""Our sides of `make bench-dispatch` that are processes of their own.

    python sides.py worker              a dispatcher, with a provider that answers at once
    python sides.py listener DSN        the least that a queue with LISTEN can be, by hand

Each tells the port in BENCH_PORT, if there is one, what it starts and when, by a datagram on
loopback: the job's id and the machine's monotonic clock in nanoseconds, which all processes share.
"""

import os
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any

import anyio
import psycopg

from reelbase.cli.worker import prepare
from reelbase.dispatch import run_worker
from reelbase.providers.base import Finished, Job, Output, Report, Workdir

PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c6360a0390000004700015f76d2a10000000049454e44ae426082"
)


class Instant:
    """A provider that is done as soon as it is asked, or after BENCH_SECONDS."""

    name = "instant"
    kinds = frozenset(["content_summary", "text_to_image"])
    concurrency = None
    repeatable = True

    def __init__(self) -> None:
        port = os.environ.get("BENCH_PORT")
        self._told = socket.socket(socket.AF_INET, socket.SOCK_DGRAM) if port else None
        self._seconds = float(os.environ.get("BENCH_SECONDS", "0"))
        self._address = ("127.0.0.1", int(port or 0))

    async def submit(self, job: Job, workdir: Workdir, report: Report) -> Finished:  # noqa: ARG002
        """Summarise nothing, or paint a dot."""
        if self._told is not None:
            self._told.sendto(f"{job.id} {time.monotonic_ns()}".encode(), self._address)
        if self._seconds:
            await anyio.sleep(self._seconds)
        if job.kind == "content_summary":
            return Finished(yields={"summary": "A harbour."})
        path = workdir() / "dot.png"
        path.write_bytes(PICTURE)
        return Finished((Output("result_image", path, "image/png", width=1, height=1),))

    async def look_up(self, job: Job, workdir: Workdir) -> Finished:  # noqa: ARG002
        """Never called: nothing is ever left to be looked up."""
        raise AssertionError(f"{job.id} was done at once, and is looked up all the same")

    async def recover(self, job: Job, workdir: Workdir, report: Report) -> None:  # noqa: ARG002
        """Never called: a submission may be repeated."""
        raise AssertionError(f"{job.id} may be submitted again, and is looked for all the same")

    async def cancel(
        self, reference: str, provider_job_id: str | None, state: Mapping[str, Any]
    ) -> None:
        """Nothing is ever under way."""


async def listener(dsn: str) -> None:
    """Wait for a notification, take the one row that is there, tell of it."""
    told = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    address = ("127.0.0.1", int(os.environ["BENCH_PORT"]))
    async with (
        await psycopg.AsyncConnection.connect(dsn, autocommit=True) as ear,
        await psycopg.AsyncConnection.connect(dsn, autocommit=True) as hand,
    ):
        await ear.execute("listen bench_line")
        told.sendto(b"ready 0", address)
        async for _ in ear.notifies():
            cursor = await hand.execute(
                "update bench.line set is_taken = true where id = ("
                "select id from bench.line where not is_taken order by id limit 1"
                " for update skip locked) returning id",
                prepare=True,
            )
            for [row_id] in await cursor.fetchall():
                told.sendto(f"{row_id} {time.monotonic_ns()}".encode(), address)


def main() -> None:
    """Be one of them until a signal comes."""
    if sys.argv[1] == "listener":
        anyio.run(listener, sys.argv[2], backend_options={"use_uvloop": True})
    else:
        from pathlib import Path  # noqa: PLC0415

        # As `reelbase worker` does.
        anyio.run(
            run_worker,
            prepare(Path()),
            {"instant": Instant()},
            backend_options={"use_uvloop": True},
        )


if __name__ == "__main__":
    main()
