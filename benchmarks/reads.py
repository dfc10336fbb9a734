"""What a front end's usual reads cost at a million jobs, and which indexes they use.

Run by `make bench`, on a stack of its own that is thrown away; takes ten minutes and 8 GB of disk,
less with --jobs and --users. Each read is asked of PostgREST in turn by its owner, under row-level
security, and by the service role, whom no policy binds, with a filter that names the owner. The
newest jobs are also asked in SQL, in turn under the owner's role and as superuser. Absolute figures
do not carry over; ratios do.

A plan is right when no table of 10 000 rows or more is read whole and the index made for the read
carries it. `policies_tests/test_plans.py` asserts the same of the statements in `load.py`; here it
is seen that PostgREST sends what is planned like them.
"""

import argparse
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import jwt
import psycopg
from load import NEWEST, READS, Read, load, names

from reelbase.local.keys import read_keys
from reelbase.local.pytest_plugin import RunningStack, running_stack
from reelbase.local.stack import Ports

BIG_ROWS = 10_000
NEWEST_RATIO = 1.15
NEWEST_ROUNDS = 3
"""Times as many rounds as the others: this ratio is a target."""

WARM_UP = 15
"""Requests before the clock counts: by then PostgreSQL has settled on plans."""

PLAN_TYPE = "application/vnd.pgrst.plan+json"
MET = "select relname, seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables"

Names = Mapping[str, str]


class Bench:
    """A loaded database, PostgREST before it, and how many targets were met so far."""

    def __init__(self, stack: RunningStack, rounds: int) -> None:
        port = Ports(int(stack.supabase_url.rsplit(":", 1)[1])).postgrest
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}")
        self.rounds = rounds
        self.met: list[bool] = []
        self._secret = read_keys(stack.state_dir / "keys.json").jwt_secret
        self.service = {"Authorization": f"Bearer {stack.service_role_key}"}
        self.admin = psycopg.RawCursor(psycopg.connect(stack.admin_database_url, autocommit=True))
        self.admin.connection.prepare_threshold = 0
        self.big = dict(
            self.rows(
                "select relname, reltuples::bigint from pg_class"
                " where relkind = 'r' and reltuples >= $1 order by reltuples desc",
                BIG_ROWS,
            )
        )
        # PostgREST applies them to each request of the role.
        self.settings = dict(
            self.rows(
                "select split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1)"
                " from pg_db_role_setting cross join unnest(setconfig) as setting"
                " where setrole = 'authenticated'::regrole and setdatabase = 0"
            )
        )

    def rows(self, statement: str, *arguments: Any) -> list[Any]:
        """Run a statement and return its rows."""
        return self.admin.execute(statement.encode(), arguments).fetchall()

    def run(self, statement: str, *arguments: Any) -> None:
        """Run a statement."""
        self.admin.execute(statement.encode(), arguments)

    def get(self, path: str, headers: dict[str, str]) -> Any:
        """Ask PostgREST."""
        response = self.http.get(path, headers=headers)
        response.raise_for_status()
        return response.json()

    def owner(self, about: Names) -> dict[str, str]:
        """Headers of the user whose things are asked about."""
        claims = {"sub": about["user_id"], "role": "authenticated", "exp": int(time.time()) + 86400}
        return {"Authorization": f"Bearer {jwt.encode(claims, self._secret, algorithm='HS256')}"}

    def become(self, about: Names, role: str = "authenticated") -> None:
        """Be that user for the rest of a transaction, as PostgREST is; or, as `none`, superuser."""
        settings = {
            "role": role,
            "request.jwt.claims": json.dumps({"sub": about["user_id"], "role": role}),
            **(self.settings if role == "authenticated" else {}),
        }
        calls = (f"set_config(${2 * n + 1}, ${2 * n + 2}, true)" for n in range(len(settings)))
        self.run(f"select {', '.join(calls)}", *itertools.chain(*settings.items()))

    def let_plans_be_told(self) -> None:
        """Let PostgREST show plans, which it does not by default."""
        self.run("alter role authenticator set pgrst.db_plan_enabled = 'true'")
        self.run("notify pgrst, 'reload config'")
        deadline = time.monotonic() + 20
        while self.http.get("/models", headers=self.service | {"Accept": PLAN_TYPE}).is_error:
            assert time.monotonic() < deadline, "PostgREST shows no plans"
            time.sleep(0.05)

    def target(self, name: str, *, met: bool) -> None:
        """Count a target and say whether it was met."""
        self.met.append(met)
        print(f"    {'met' if met else 'MISSED'}: {name}")


def in_turn(rounds: int, *sides: Callable[[], object]) -> list[float]:
    """Run the sides in turn, so that noise hits all of them; return each one's median in ms."""
    taken: list[list[float]] = [[] for _ in sides]
    for n in range(WARM_UP + rounds):
        for side, times in zip(sides, taken, strict=True):
            began = time.perf_counter()
            side()
            if n >= WARM_UP:
                times.append(1000 * (time.perf_counter() - began))
    return [statistics.median(times) for times in taken]


def nodes(plan: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield kind, table and index of every node that reads something."""
    table, index = plan.get("Relation Name", ""), plan.get("Index Name", "")
    if table or index:
        yield plan["Node Type"], table, index
    for child in plan.get("Plans", []):
        yield from nodes(child)


def check_plan(bench: Bench, read: Read, about: Names) -> None:
    """Print what a read looks at, and see that it is no large table as a whole."""
    planned = {}
    for mode in ("custom", "generic"):
        with bench.admin.connection.transaction(force_rollback=True):
            bench.become(about)
            bench.run(f"set local plan_cache_mode = force_{mode}_plan")
            bench.run("deallocate all")
            bench.run(f"prepare asked as {read.statement()}")
            [[[plan]]] = bench.rows(f"explain (format json) {read.execution(about)}")
        planned[mode] = list(nodes(plan["Plan"]))
        if planned[mode] != planned["custom"]:
            print("    or, planned for any values:")
        if mode == "custom" or planned[mode] != planned["custom"]:
            for node in dict.fromkeys(planned[mode]):
                print(f"    {planned[mode].count(node)} x {' '.join(filter(None, node))}")
    bench.target(
        f"by {read.index}, no large table whole",
        met=all(
            any(index.startswith(str(read.index)) for *_, index in seen)
            and not any(kind == "Seq Scan" and table in bench.big for kind, table, _ in seen)
            for seen in planned.values()
        ),
    )
    # PostgREST explains for the values at hand.
    accept = {"Accept": f'{PLAN_TYPE}; for="application/json"'}
    [told] = bench.get(read.request(about), bench.owner(about) | accept)
    bench.target(
        "PostgREST sends what is planned so", met=list(nodes(told["Plan"])) == planned["custom"]
    )


def check_function(bench: Bench, read: Read, about: Names) -> None:
    """See by the counters what happens inside a function, whose plans nobody shows."""
    with bench.admin.connection.transaction(force_rollback=True):
        bench.become(about)
        before = dict(bench.rows(MET))
        bench.run(read.sql)
        after = dict(bench.rows(MET))
    met = {table: after[table] - before.get(table, 0) for table in after if table in bench.big}
    print(f"    rows met: {', '.join(f'{table} {rows}' for table, rows in met.items() if rows)}")
    bench.target(
        "no large table whole", met=all(rows < bench.big[table] / 2 for table, rows in met.items())
    )


def check_time(bench: Bench, read: Read, about: Names, owned: int) -> None:
    """Print what a read takes, and what it takes one whom no policy binds."""
    headers, path = bench.owner(about), read.request(about)
    rounds = bench.rounds * (NEWEST_ROUNDS if read is NEWEST else 1)
    if read.filters is None:
        [ours] = in_turn(rounds, lambda: bench.get(path, headers))
        print(f"    p50 {ours:7.2f} ms for a user with {owned} jobs")
        return
    unbound = read.request(about, unbound=True)
    ours, theirs = in_turn(
        rounds, lambda: bench.get(path, headers), lambda: bench.get(unbound, bench.service)
    )
    print(
        f"    p50 {ours:7.2f} ms, without policies {theirs:7.2f} ms, ratio {ours / theirs:.2f}"
        f" for a user with {owned} jobs"
    )
    if read is NEWEST:
        bench.target(f"ratio at most {NEWEST_RATIO}", met=ours / theirs <= NEWEST_RATIO)


def check_newest_in_sql(bench: Bench, about: Names) -> None:
    """Print what policies add to the newest jobs where nothing but SQL is timed."""
    order = " order by generation_jobs.created_at"
    owned = f" where generation_jobs.user_id = ${len(NEWEST.arguments) + 1}"
    bare = NEWEST.statement().replace(
        order, f"{owned} and generation_jobs.hidden_at is null{order}"
    )
    bound = NEWEST.statement()
    values = [argument.format(**about) for argument in NEWEST.arguments]

    def as_owner() -> None:
        with bench.admin.connection.transaction():
            bench.become(about)
            bench.rows(bound, *values)

    def as_superuser() -> None:
        with bench.admin.connection.transaction():
            bench.become(about, "none")
            bench.rows(bare, *values, about["user_id"])

    ours, theirs = in_turn(bench.rounds * NEWEST_ROUNDS, as_owner, as_superuser)
    ratio = ours / theirs
    print(f"    p50 {ours:7.2f} ms, as superuser    {theirs:10.2f} ms, ratio {ratio:.2f} in SQL")
    bench.target(f"ratio in SQL at most {NEWEST_RATIO}", met=ratio <= NEWEST_RATIO)


def read_all(stack: RunningStack, users: int, rounds: int) -> None:
    """Ask everything of the loaded database, and print what was seen."""
    bench = Bench(stack, rounds)
    print(", ".join(f"{name} {rows}" for name, rows in bench.big.items()))
    bench.let_plans_be_told()
    readers = []
    # Somebody with as many jobs as most have, and whoever has most.
    for n in (users // 4, 1):
        about = names(psycopg.Cursor(bench.admin.connection), n)
        [[owned]] = bench.rows(
            "select count(*) from public.generation_jobs where user_id = $1", about["user_id"]
        )
        readers.append((about, owned))
    for read in READS:
        print(read.name)
        (check_function if read.index is None else check_plan)(bench, read, readers[0][0])
        for about, owned in readers:
            check_time(bench, read, about, owned)
            if read is NEWEST:
                check_newest_in_sql(bench, about)
    print(f"targets: {sum(bench.met)} of {len(bench.met)} met")


def main() -> None:
    """Start a stack, load it, ask, throw it away."""
    parser = argparse.ArgumentParser(description="The front end's usual reads, at a million jobs.")
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=100)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="reelbase-reads-") as folder,
        running_stack(Path(folder)) as stack,
    ):
        began = time.perf_counter()
        with psycopg.connect(stack.admin_database_url, autocommit=True) as admin:
            load(admin, given.users, given.jobs, in_bulk=True, say=print)
        print(f"loaded in {time.perf_counter() - began:.0f} s")
        read_all(stack, given.users, given.rounds)


if __name__ == "__main__":
    main()
