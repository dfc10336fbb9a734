"""pgqueuer's side of `make bench-dispatch`; runs in the peers' environment.

    python pgqueuer_side.py DSN install
    python pgqueuer_side.py DSN load JOBS
    python pgqueuer_side.py DSN work BATCH      one worker process

A worker says `ready`, waits for a line, works until the queue is empty, and says `done`. Its driver
is asyncpg and its loop uvloop, the faster ones of those that pgqueuer offers.
"""

import asyncio
import sys
from datetime import timedelta

import asyncpg
import uvloop
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries
from pgqueuer.types import QueueExecutionMode

CHUNK = 5_000


async def main(dsn: str, what: str, *rest: str) -> None:
    """Do what the command line says."""
    connection = await asyncpg.connect(dsn)
    queries = Queries(AsyncpgDriver(connection))
    if what == "install":
        await queries.install()
        return
    if what == "load":
        for first in range(0, int(rest[0]), CHUNK):
            many = min(CHUNK, int(rest[0]) - first)
            await queries.enqueue(["work"] * many, [b"{}"] * many, [0] * many)
        return

    manager = QueueManager(queries)

    @manager.entrypoint("work")
    async def work(job: Job) -> None:
        """Do nothing."""

    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await manager.run(
        batch_size=int(rest[0]),
        mode=QueueExecutionMode.drain,
        dequeue_timeout=timedelta(seconds=1),
    )
    print("done", flush=True)


uvloop.run(main(*sys.argv[1:]))
