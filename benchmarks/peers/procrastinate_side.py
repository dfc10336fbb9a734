"""procrastinate's side of `make bench-dispatch`; runs in the peers' environment.

    python procrastinate_side.py DSN install
    python procrastinate_side.py DSN load JOBS
    python procrastinate_side.py DSN work CONCURRENCY      one worker process

A worker says `ready`, waits for a line, works until the queue is empty, and says `done`.
"""

import asyncio
import sys

import procrastinate
import uvloop

CHUNK = 5_000


async def main(dsn: str, what: str, *rest: str) -> None:
    """Do what the command line says."""
    concurrency = int(rest[0]) if what == "work" else 1
    connector = procrastinate.PsycopgConnector(
        conninfo=dsn, min_size=2, max_size=max(4, min(concurrency + 2, 20))
    )
    app = procrastinate.App(connector=connector)

    @app.task(name="work")
    async def work() -> None:
        """Do nothing."""

    async with app.open_async():
        if what == "install":
            await app.schema_manager.apply_schema_async()
            return
        if what == "load":
            for first in range(0, int(rest[0]), CHUNK):
                many = min(CHUNK, int(rest[0]) - first)
                await work.batch_defer_async(*({} for _ in range(many)))
            return
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await app.run_worker_async(wait=False, concurrency=concurrency)
        print("done", flush=True)


uvloop.run(main(*sys.argv[1:]))
