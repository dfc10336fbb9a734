"""What Reelbase costs beside the bare parts under it: both sides of each ratio in one run.

Run by `make bench`, on a stack of its own. Absolute figures do not carry over; ratios do.
"""

import asyncio
import json
import statistics
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import psycopg

from reelbase.local.pytest_plugin import RunningStack, running_stack
from reelbase.local.stack import Ports

USERS = 500
CONNECTIONS = 4
ROUNDS = 5
SECONDS = 2.0

TPCB_TABLES = """
create schema bench;
create table bench.accounts (id int primary key, balance int not null);
create table bench.tellers (id int primary key, balance int not null);
create table bench.branches (id int primary key, balance int not null);
create table bench.history (tid int, bid int, aid int, delta int, mtime timestamptz);
insert into bench.accounts select n, 0 from generate_series(1, 100000) as n;
insert into bench.tellers select n, 0 from generate_series(1, 500) as n;
insert into bench.branches select n, 0 from generate_series(1, 50) as n;
"""


async def tpcb(connection: psycopg.AsyncConnection, n: int) -> None:
    """One transaction of the kind that pgbench runs by default."""
    aid, tid, bid, delta = n * 7919 % 100000 + 1, n % 500 + 1, n % 50 + 1, n % 100
    async with connection.transaction():
        await connection.execute(
            "update bench.accounts set balance = balance + %s where id = %s", [delta, aid]
        )
        await connection.execute("select balance from bench.accounts where id = %s", [aid])
        await connection.execute(
            "update bench.tellers set balance = balance + %s where id = %s", [delta, tid]
        )
        await connection.execute(
            "update bench.branches set balance = balance + %s where id = %s", [delta, bid]
        )
        await connection.execute(
            "insert into bench.history values (%s, %s, %s, %s, now())", [tid, bid, aid, delta]
        )


def submitter(users: list[str]) -> Callable[[psycopg.AsyncConnection, int], Awaitable[None]]:
    """Return a submit as PostgREST would run it, by one user after another."""
    claims = [json.dumps({"sub": user, "role": "authenticated"}) for user in users]

    async def submit(connection: psycopg.AsyncConnection, n: int) -> None:
        async with connection.transaction():
            await connection.execute(
                "select set_config('role', 'authenticated', true),"
                " set_config('request.jwt.claims', %s, true)",
                [claims[n % len(claims)]],
            )
            await connection.execute(
                "select id from public.submit_generation('text_to_image', 'A harbour at dawn')"
            )

    return submit


async def rate(
    connections: list[psycopg.AsyncConnection],
    work: Callable[[psycopg.AsyncConnection, int], Awaitable[None]],
) -> float:
    """Transactions a second over all connections."""
    end = time.perf_counter() + SECONDS

    async def run(connection: psycopg.AsyncConnection, start: int) -> int:
        n = start
        while time.perf_counter() < end:
            await work(connection, n)
            n += CONNECTIONS
        return (n - start) // CONNECTIONS

    done = await asyncio.gather(*(run(one, start) for start, one in enumerate(connections)))
    return sum(done) / SECONDS


async def http_rate(client: httpx.AsyncClient, url: str, headers: dict[str, str]) -> float:
    """Requests a second with as many in flight as there are connections."""
    end = time.perf_counter() + SECONDS

    async def run() -> int:
        n = 0
        while time.perf_counter() < end:
            response = await client.get(url, headers=headers)
            response.raise_for_status()
            n += 1
        return n

    return sum(await asyncio.gather(*(run() for _ in range(CONNECTIONS)))) / SECONDS


def report(name: str, ours: list[float], theirs: list[float], unit: str) -> None:
    """Print the median of the rounds' ratios."""
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    print(
        f"{name:48} {statistics.median(ours):8.0f} / {statistics.median(theirs):8.0f} {unit}"
        f"   ratio {ratio:.2f}"
    )


async def measure(stack: RunningStack) -> None:
    """Run the pairs in turn, round by round, so that a noisy neighbour hits both sides."""
    async with await psycopg.AsyncConnection.connect(stack.admin_database_url) as admin:
        await admin.execute(TPCB_TABLES)
        await admin.execute("update private.settings set signup_bonus = 1000000")
        await admin.execute(
            "update public.subscription_plans"
            " set max_active_jobs = 1000000, max_jobs_per_day = null"
        )
        cursor = await admin.execute(
            "insert into auth.users (id, email) select gen_random_uuid(),"
            " 'bench-' || n || '@example.com' from generate_series(1, %s) as n returning id",
            [USERS],
        )
        users = [str(row[0]) for row in await cursor.fetchall()]
        await admin.commit()
        await admin.set_autocommit(True)
        await admin.execute("analyze")

    connections = [
        await psycopg.AsyncConnection.connect(
            stack.admin_database_url, autocommit=True, prepare_threshold=0
        )
        for _ in range(CONNECTIONS)
    ]
    bare, many, hot = [], [], []
    for _ in range(ROUNDS):
        bare.append(await rate(connections, tpcb))
        many.append(await rate(connections, submitter(users)))
        hot.append(await rate(connections, submitter(users[:1])))
    report("charged submit, many users / TPC-B-like", many, bare, "tx/s")
    report("charged submit, one hot user / TPC-B-like", hot, bare, "tx/s")
    for connection in connections:
        await connection.close()

    postgrest = f"http://127.0.0.1:{Ports(int(stack.supabase_url.rsplit(':', 1)[1])).postgrest}"
    through, direct = [], []
    async with httpx.AsyncClient() as client:
        path = "/models?select=id&limit=1"
        for _ in range(ROUNDS):
            direct.append(
                await http_rate(
                    client, postgrest + path, {"Authorization": f"Bearer {stack.anon_key}"}
                )
            )
            through.append(
                await http_rate(
                    client, stack.supabase_url + "/rest/v1" + path, {"apikey": stack.anon_key}
                )
            )
    report("one small read, gateway / PostgREST alone", through, direct, "req/s")


def main() -> None:
    """Start a stack, measure, stop it."""
    with tempfile.TemporaryDirectory(prefix=f"reelbase-bench-{uuid.uuid4().hex[:6]}-") as folder:
        began = time.perf_counter()
        with running_stack(Path(folder)) as stack:
            print(f"stack up, cold, migrated: {time.perf_counter() - began:.1f} s")
            asyncio.run(measure(stack))


if __name__ == "__main__":
    main()
