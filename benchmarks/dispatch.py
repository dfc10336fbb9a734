"""What the queue does beside the best bare queues: both sides of each line in one run.

Run by `make bench-dispatch`, on a durable server of its own that is thrown away; about twenty
minutes and 30 GB of disk, less with --quick. The peers, pgqueuer and procrastinate, move rows that
mean nothing; ours carry a user, money, a file, attempts and events. Rounds take turns, so that a
noisy neighbour hits both sides; what counts is the median of the rounds' ratios.

    1  claim and complete in batches of fifty over SQL, beside the peers' own workers
    2  the whole path through the services: gateway, PostgREST, dispatchers
    3  from submit to start, on an idle machine
    4  a claim with much history and a long line, and with dead rows that nobody may remove
    5  four dispatchers beside one

`make chaos` shows that none of it gets lost when everything is killed. Absolute figures do not
carry over from one machine to another; ratios do.
"""

import argparse
import contextlib
import itertools
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from reelbase.local.binaries import find_binaries, find_project_root
from reelbase.local.errors import LocalError
from reelbase.local.postgres import PostgresServer, apply_migrations, prepare_database, url_for
from reelbase.local.pytest_plugin import RunningStack, free_port_block, running_stack
from reelbase.local.throwaway import find_system_postgres

HERE = Path(__file__).parent
PASSWORD = "benchmark"  # noqa: S105 (of a server that lives for minutes, on loopback)
CONNECTIONS = 4
BATCH = 50
USERS = 10_000
PROVIDER = "instant"
PROCESSES = 4
"""Dispatchers side by side, where there are several."""

CONCURRENCY = 100
"""Jobs in flight in one of them."""

PROCRASTINATE = ((1, 1), (1, 10), (1, 50), (2, 10), (2, 30), (4, 1), (4, 10))
"""Processes and concurrency, of which the best is taken."""

WARM = 2
"""Claims of a session that are not counted: plans are made then."""

PATIENCE = 120.0
"""Seconds after which something is stuck."""

PEOPLE = """
update private.settings set signup_bonus = 1000000;
update public.subscription_plans set max_active_jobs = 1000000, max_jobs_per_day = null;
insert into public.models (
  id, provider, provider_model, display_name, kinds, modes
) values (
  'instant-1', '{provider}', 'instant', 'Instant', '{{content_summary,text_to_image}}',
  '{{standard}}'
);
insert into public.model_prices (model_id, kind, mode, unit, credits) values
('instant-1', 'content_summary', 'standard', 'job', 1),
('instant-1', 'text_to_image', 'standard', 'job', 1);
insert into auth.users (id, email)
select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'bench-' || n || '@example.com'
from generate_series(1, {users}) as n;
create schema bench;
"""

UNCAPPED = "update public.subscription_plans set max_running_jobs = 1000"

# Jobs that wait, with their charges, events and tasks, as submit_generation leaves them. Past the
# triggers, through which each would take a millisecond. One transaction: nobody sees them before
# all are there, and the notification at its end starts the clock.
WAITING = """
begin;
set local session_replication_role = replica;
set local search_path = reelbase_ledger;
create temp table fresh on commit drop as
select gen_random_uuid() as job_id, gen_random_uuid() as id, accounts.user_id,
  grants.id as lot_id, n, accounts.version + each.n as version,
  accounts.balance - each.n as balance_after,
  clock_timestamp() as at
from public.credit_accounts as accounts
inner join public.credit_grants as grants
  on grants.user_id = accounts.user_id and not grants.is_spent
cross join generate_series(1, {each}) as each (n)
where accounts.user_id <= ('00000000-0000-4000-8000-' || lpad({users}::text, 12, '0'))::uuid
order by each.n, md5(accounts.user_id::text);
insert into public.generation_jobs (
  id, user_id, kind, model_id, prompt, status, credit_cost, credit_transaction_id, provider,
  queued_at
)
select job_id, user_id, '{kind}', 'instant-1', 'A harbour at dawn', 'queued', 1, id,
  '{provider}', at
from fresh;
insert into public.job_events (job_id, user_id, to_status, actor)
select job_id, user_id, 'queued', 'user' from fresh;
insert into public.credit_transactions (
  id, user_id, version, amount, balance_after, type, status, job_id, operation_type, model_id
)
select id, user_id, version, -1, balance_after, 'deduction', 'pending', job_id, '{kind}',
  'instant-1'
from fresh;
insert into public.credit_allocations (transaction_id, grant_id, amount)
select id, lot_id, -1 from fresh;
update public.credit_accounts set balance = balance - {each}, version = version + {each},
  lifetime_spent = lifetime_spent + {each}
where user_id in (select user_id from fresh);
update public.credit_grants set remaining = remaining - {each}
where id in (select lot_id from fresh);
insert into worker.tasks (job_id, user_id, provider, kind, created_at, deadline_at)
select job_id, user_id, '{provider}', '{kind}', at, now() + interval '2 days' from fresh;
set local session_replication_role = origin;
analyze worker.tasks;
insert into worker.lanes (provider, kind, priority)
select '{provider}', '{kind}', priority from unnest(array[0, 101]) as priority
on conflict do nothing;
select private.admit_tasks(array(select distinct user_id from fresh order by user_id));
notify reelbase_tasks, '{provider}';
commit;
"""

# What is over: jobs with their attempt and an event. The order of their ids is that of nothing.
FINISHED = """
set session_replication_role = replica;
create temp table past as
select gen_random_uuid() as job_id,
  ('00000000-0000-4000-8000-' || lpad((n % {users} + 1)::text, 12, '0'))::uuid as user_id,
  now() - interval '1 hour' - n * interval '1 second' as at
from generate_series(1, {jobs}) as n
order by 1;
insert into public.generation_jobs (
  id, user_id, kind, model_id, prompt, status, progress, credit_cost, provider, attempt_count,
  created_at, queued_at, started_at, finished_at, updated_at
)
select job_id, user_id, 'text_to_image', 'instant-1', 'A harbour at dawn', 'completed', 100, 1,
  '{provider}', 1, at, at, at, at, at
from past;
insert into worker.attempts (
  job_id, attempt, lease, worker, provider, outcome, started_at, finished_at
)
select job_id, 1, job_id, 'bench', '{provider}', 'succeeded', at, at from past;
insert into public.job_events (job_id, user_id, from_status, to_status, actor, created_at)
select job_id, user_id, 'finalizing', 'completed', 'service', at from past;
drop table past;
"""
SECONDARY_INDEXES = """
select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index
where indrelid = any(array[
  'public.generation_jobs', 'worker.attempts', 'public.job_events'
]::regclass[])
and not exists (select from pg_constraint where conindid = indexrelid)
"""

CLAIM = "select * from worker.claim_tasks(%s, 'bench', %s, %s)"
COMPLETE = "select job_id, result, message from worker.complete_jobs(%s)"
LEFT = "select exists (select from worker.tasks where provider = %s)"
SERVED = (
    "select extract(epoch from max(finished_at) - min(started_at)),"
    " count(*) filter (where outcome = 'succeeded')"
    " from worker.attempts where provider = %s and started_at > %s"
)
SUBMIT = "select id from public.submit_generation('content_summary', 'A harbour at dawn')"


class BenchmarkError(Exception):
    """Something is missing, or did not do what it was told."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured.

    Attributes:
        rounds: Turns of all sides of a line.
        each: Waiting jobs of each of 1 000 users in a turn of line 1.
        served: The same in a turn of the lines 2 and 5.
        peers: Jobs in a turn of pgqueuer's default; its best has twice as many, procrastinate a
            tenth.
        starts: Submits of line 3.
        finished, waiting: Jobs of line 4.
        churn: Jobs that come and go while a transaction is held open.
    """

    rounds: int = 5
    each: int = 16
    served: int = 4
    peers: int = 16_000
    starts: int = 200
    finished: int = 10_000_000
    waiting: int = 1_000_000
    churn: int = 200_000


QUICK = Effort(3, 8, 2, 6_000, 60, 1_000_000, 100_000, 20_000)


@dataclass(slots=True)
class World:
    """What all lines are measured on.

    Attributes:
        databases: Those that were made, so that each is made once.
        procrastinate: Its best setting, once that is known.
    """

    server: PostgresServer
    folder: Path
    peers: Path
    effort: Effort
    databases: set[str] = field(default_factory=set)
    procrastinate: tuple[int, int] | None = None

    def dsn(self, name: str) -> str:
        """A database's address, as superuser."""
        return self.server.dsn(database=name)

    def execute(self, name: str, statements: str, **values: int | str) -> None:
        """Run statements as superuser, each committed."""
        filled = statements.format(**values) if values else statements
        with psycopg.connect(self.dsn(name), autocommit=True) as connection:
            connection.execute("set maintenance_work_mem = '512MB'; set work_mem = '256MB'")
            connection.execute(filled.encode())

    def make(self, name: str, template: str | None = None) -> None:
        """Make a database once: empty, or a copy of one without sessions."""
        if name in self.databases:
            return
        with psycopg.connect(self.server.dsn(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("create database {} template {} encoding 'UTF8'").format(
                    sql.Identifier(name), sql.Identifier(template or "template0")
                )
            )
        self.databases.add(name)

    def make_ours(self, name: str, *, capped: bool = False) -> None:
        """Make a database with ten thousand users and no jobs.

        Args:
            capped: Whether the plans' limits of running jobs are left as they are shipped.
        """
        if "reelbase" not in self.databases:
            self.make("reelbase")
            prepare_database(self.dsn("reelbase"))
            apply_migrations(
                url_for(self.dsn("reelbase"), user="postgres"), find_project_root(), seed=False
            )
            self.execute("reelbase", PEOPLE, users=USERS, provider=PROVIDER)
            self.execute("reelbase", "vacuum analyze")
        if name not in self.databases:
            self.make(name, "reelbase")
            # All of a prepared database is in the copy but its owner.
            self.execute(name, f"alter database {name} owner to postgres")
            if not capped:
                self.execute(name, UNCAPPED)

    def load(self, name: str, users: int, each: int, kind: str = "content_summary") -> int:
        """Have users wait for so many jobs each; return how many these are."""
        self.execute(name, WAITING, users=users, each=each, kind=kind, provider=PROVIDER)
        return users * each

    def tidy(self, name: str) -> None:
        """Leave nothing for autovacuum to do in the middle of a turn."""
        self.execute(name, "vacuum analyze")
        self.execute(name, "checkpoint")


class Report:
    """What was measured, and how many targets were met."""

    def __init__(self) -> None:
        self.met: list[bool] = []

    def line(
        self,
        name: str,
        ours: Sequence[float],
        theirs: Sequence[float],
        unit: str,
        *,
        least: float | None = None,
        most: float | None = None,
    ) -> None:
        """Print the median of the rounds' ratios, and the target if there is one."""
        ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        verdict = ""
        if least is not None:
            self.met.append(ratio >= least)
            verdict = f"   target >= {least:.2f}: {'met' if self.met[-1] else 'MISSED'}"
        if most is not None:
            self.met.append(ratio <= most)
            verdict = f"   target <= {most:.2f}: {'met' if self.met[-1] else 'MISSED'}"
        a, b = statistics.median(ours), statistics.median(theirs)
        digits = 0 if min(a, b) >= 100 else 2
        self.say(
            f"{name:66} {a:8.{digits}f} / {b:8.{digits}f} {unit:6}   ratio {ratio:5.2f}{verdict}"
        )

    def bound(self, name: str, value: float, unit: str, most: float) -> None:
        """Print a figure that has a target of its own."""
        self.met.append(value <= most)
        self.say(
            f"{name:66} {value:8.2f} {unit}   target <= {most:g} {unit}:"
            f" {'met' if self.met[-1] else 'MISSED'}"
        )

    def say(self, text: str) -> None:
        """Print a line."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


@contextmanager
def durable_server(folder: Path) -> Iterator[PostgresServer]:
    """Run an empty server that syncs what it commits, as long as the context lasts.

    The distribution's where there is one: npm's is compiled for size, and a fifth slower.
    """
    native = find_system_postgres() or find_binaries(find_project_root()).postgres
    with free_port_block() as port:
        server = PostgresServer(
            native,
            folder / "data",
            port,
            password=PASSWORD,
            log_path=folder / "postgres.log",
            durable=True,
            settings={
                # Big enough that no checkpoint falls into one round and not into the next.
                "max_wal_size": "48GB",
                "checkpoint_timeout": "30min",
                # Small beside ten million jobs, and enough for what is hot.
                "shared_buffers": "1GB",
                "track_functions": "none",
            },
        )
        try:
            server.start()
            yield server
        finally:
            server.stop()


# -------------------------------------------------------------------------------------------------
# 1: claim and complete
# -------------------------------------------------------------------------------------------------


def wanted() -> str:
    """What a dispatcher tells a claim: anything of our provider."""
    return json.dumps([{"provider": PROVIDER, "kinds": None, "limit": None}])


def claim(connection: psycopg.Connection, limit: int) -> tuple[str, list[tuple[str, str]]]:
    """Claim; return the lease, and each job with its user."""
    lease = str(uuid.uuid4())
    rows = connection.execute(CLAIM, [lease, wanted(), limit], prepare=True).fetchall()
    return lease, [(str(row[0]), str(row[1])) for row in rows]


def complete(connection: psycopg.Connection, lease: str, jobs: Sequence[tuple[str, str]]) -> None:
    """Complete jobs, each with a picture."""
    told = [
        {
            "job_id": job_id,
            "lease": lease,
            "assets": [
                {
                    "role": "result_image",
                    "bucket": "final-images",
                    "storage_path": f"{user_id}/{job_id}/result_image-0-0123456789abcdef.png",
                    "mime_type": "image/png",
                    "size_bytes": 48_213,
                    "sha256": "0123456789abcdef" * 4,
                    "width": 1280,
                    "height": 720,
                    "position": 0,
                }
            ],
            "latency_ms": 12,
        }
        for job_id, user_id in jobs
    ]
    while told:
        answers = connection.execute(COMPLETE, [json.dumps(told)], prepare=True).fetchall()
        if wrong := [answer for answer in answers if answer[1] not in ("done", "busy")]:
            raise BenchmarkError(f"A job was not completed: {wrong[0]}.")
        # Somebody else had it locked at that moment: once more, as a dispatcher does.
        busy = {str(answer[0]) for answer in answers if answer[1] == "busy"}
        told = [each for each in told if each["job_id"] in busy]


def drain(dsn: str, jobs: int) -> float:
    """Claim and complete so many jobs over four connections; return jobs a second."""
    left, lock, errors = jobs, threading.Lock(), []

    def work(connection: psycopg.Connection) -> None:
        nonlocal left
        try:
            while left > 0:
                lease, claimed = claim(connection, BATCH)
                if claimed:
                    complete(connection, lease, claimed)
                    with lock:
                        left -= len(claimed)
        except Exception as error:  # told by whoever waits for us
            errors.append(error)
            left = 0

    with contextlib.ExitStack() as open_connections:
        connections = [
            open_connections.enter_context(psycopg.connect(dsn, autocommit=True))
            for _ in range(CONNECTIONS)
        ]
        workers = [threading.Thread(target=work, args=[each]) for each in connections]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        took = time.perf_counter() - began
    if errors:
        raise errors[0]
    return jobs / took


@dataclass(frozen=True, slots=True)
class Peer:
    """Another queue: its script beside this file, run in the peers' environment."""

    world: World
    name: str

    def run(self, *arguments: str) -> None:
        """Run the script to its end."""
        subprocess.run(self._command(*arguments), check=True, stderr=subprocess.DEVNULL)

    def install(self) -> None:
        """Make its database, once."""
        if self.name not in self.world.databases:
            self.world.make(self.name)
            self.run("install")

    def rate(self, jobs: int, processes: int, setting: int) -> float:
        """Jobs a second of so many workers, from when they are told until the last is done."""
        self.run("load", str(jobs))
        self.world.tidy(self.name)
        workers = [
            subprocess.Popen(
                self._command("work", str(setting)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            for _ in range(processes)
        ]
        try:
            self._hear(workers, "ready")
            began = time.perf_counter()
            for worker in workers:
                assert worker.stdin is not None
                worker.stdin.write("go\n")
                worker.stdin.flush()
            self._hear(workers, "done")
            took = time.perf_counter() - began
        finally:
            end(workers)
        return jobs / took

    def _hear(self, workers: list[subprocess.Popen[str]], word: str) -> None:
        for worker in workers:
            assert worker.stdout is not None
            if worker.stdout.readline().strip() != word:
                raise BenchmarkError(f"A worker of {self.name} ended before it was {word}.")

    def _command(self, *arguments: str) -> list[str]:
        script = HERE / "peers" / f"{self.name}_side.py"
        return [str(self.world.peers), str(script), self.world.dsn(self.name), *arguments]


def end(processes: Sequence[subprocess.Popen[str]]) -> None:
    """Stop processes: gently, then not."""
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def best_of_procrastinate(peer: Peer, jobs: int) -> tuple[int, int]:
    """Which of the settings is fastest here; looked for once."""
    world = peer.world
    if world.procrastinate is None:
        world.procrastinate = max(PROCRASTINATE, key=lambda setting: peer.rate(jobs, *setting))
    return world.procrastinate


def lifecycle(world: World, report: Report) -> None:
    """Line 1."""
    effort = world.effort
    pgqueuer, procrastinate = Peer(world, "pgqueuer"), Peer(world, "procrastinate")
    pgqueuer.install()
    procrastinate.install()
    world.make_ours("lifecycle")
    world.make_ours("capped", capped=True)
    best = best_of_procrastinate(procrastinate, effort.peers // 10)

    def ours(name: str) -> float:
        jobs = world.load(name, 1_000, effort.each, "text_to_image")
        world.tidy(name)
        return drain(world.dsn(name), jobs)

    sides: dict[str, Callable[[], float]] = {
        "ours": lambda: ours("lifecycle"),
        "default": lambda: pgqueuer.rate(effort.peers, 1, 10),
        "best": lambda: pgqueuer.rate(2 * effort.peers, 4, 100),
        "procrastinate": lambda: procrastinate.rate(effort.peers // 10, *best),
        "capped": lambda: ours("capped"),
    }
    taken = take_turns(sides, effort.rounds)
    name = "1 claim + complete, money, file, events / "
    report.line(f"{name}pgqueuer, default", taken["ours"], taken["default"], "jobs/s", least=1.0)
    report.line(
        f"{name}procrastinate, {best[0]} x {best[1]}",
        *(taken["ours"], taken["procrastinate"], "jobs/s"),
        least=5.0,
    )
    report.line(f"{name}pgqueuer, 4 x 100 (aim)", taken["ours"], taken["best"], "jobs/s")
    report.line(
        "1 the same, two running jobs a user / pgqueuer, default",
        *(taken["capped"], taken["default"], "jobs/s"),
    )


def take_turns(sides: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measure all sides, round by round, there and back."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds):
        for name in sides if turn % 2 == 0 else reversed(sides):
            taken[name].append(sides[name]())
    return taken


# -------------------------------------------------------------------------------------------------
# 2, 3, 5: through the services
# -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Services:
    """A stack on the durable server, and dispatchers as they are needed."""

    world: World
    stack: RunningStack
    name: str = "services"

    @property
    def dsn(self) -> str:
        """The database, as superuser."""
        return self.world.dsn(self.name)

    @contextmanager
    def dispatchers(self, many: int, **told: str) -> Iterator[None]:
        """Have so many dispatchers listen, as long as the context lasts.

        Args:
            told: Further variables of theirs; see sides.py.
        """
        environment = os.environ | {
            "SUPABASE_URL": self.stack.supabase_url,
            "SUPABASE_SECRET_KEY": self.stack.secret_key,
            "DATABASE_URL": self.stack.database_url,
            "REELBASE_WORKER_CONCURRENCY": str(CONCURRENCY),
            "REELBASE_WORK_DIR": str(self.world.folder / "work"),
            **told,
        }
        with (self.world.folder / "dispatchers.log").open("ab") as log:
            running = [
                subprocess.Popen(
                    [sys.executable, str(HERE / "sides.py"), "worker"],
                    env=environment,
                    stderr=log,
                    stdout=log,
                    text=True,
                )
                for _ in range(many)
            ]
        try:
            with psycopg.connect(self.dsn, autocommit=True) as connection:
                self._wait(connection, running, many)
            yield
        finally:
            end(running)

    def _wait(
        self, connection: psycopg.Connection, running: Sequence[subprocess.Popen[str]], many: int
    ) -> None:
        given_up = time.monotonic() + PATIENCE
        while True:
            [[there]] = connection.execute(
                "select count(*) from pg_stat_activity where datname = current_database()"
                " and query = 'listen reelbase_tasks' and state = 'idle'"
            ).fetchall()
            if there >= many:
                return
            if any(each.poll() is not None for each in running) or time.monotonic() > given_up:
                log = (self.world.folder / "dispatchers.log").read_text()
                raise BenchmarkError(f"A dispatcher does not start:\n{log[-2000:]}")
            time.sleep(0.05)

    def rate(
        self,
        processes: int,
        kind: str = "content_summary",
        users: int = 1_000,
        seconds: float = 0,
    ) -> float:
        """Jobs a second, from the first one's start until the last one's end.

        Args:
            seconds: How long the provider takes for one.
        """
        with (
            self.dispatchers(processes, BENCH_SECONDS=str(seconds)),
            psycopg.connect(self.dsn, autocommit=True) as connection,
        ):
            [[before]] = connection.execute("select clock_timestamp()").fetchall()
            jobs = self.world.load(self.name, users, self.world.effort.served, kind)
            given_up = time.monotonic() + PATIENCE
            while connection.execute(LEFT, [PROVIDER]).fetchone() != (False,):
                if time.monotonic() > given_up:
                    raise BenchmarkError("The dispatchers do not finish.")
                time.sleep(0.05)
            [[took, succeeded]] = connection.execute(SERVED, [PROVIDER, before]).fetchall()
        if succeeded != jobs:
            raise BenchmarkError(f"{jobs - succeeded} of {jobs} jobs needed another attempt.")
        self.world.tidy(self.name)
        return jobs / float(took)


def through_services(world: World, report: Report, lines: Sequence[int]) -> None:
    """Lines 2, 3 and 5, on one stack."""
    world.make_ours("services")
    with running_stack(world.folder / "stack", database_url=world.dsn("services")) as stack:
        services = Services(world, stack)
        if 2 in lines or 5 in lines:
            throughput(services, report, lines)
        if 3 in lines:
            latency(services, report)


def throughput(services: Services, report: Report, lines: Sequence[int]) -> None:
    """Lines 2 and 5."""
    world = services.world
    effort = world.effort
    sides: dict[str, Callable[[], float]] = {
        "one": lambda: services.rate(1),
        "four": lambda: services.rate(PROCESSES),
    }
    if 5 in lines:
        sides["slow one"] = lambda: services.rate(1, users=500, seconds=0.5)
        sides["slow four"] = lambda: services.rate(PROCESSES, users=500, seconds=0.5)
    best = (0, 0)
    if 2 in lines:
        procrastinate = Peer(world, "procrastinate")
        procrastinate.install()
        best = best_of_procrastinate(procrastinate, effort.peers // 10)
        sides["file"] = lambda: services.rate(PROCESSES, "text_to_image", users=100)
        sides["procrastinate"] = lambda: procrastinate.rate(effort.peers // 10, *best)
    taken = take_turns(sides, effort.rounds)
    if 2 in lines:
        bare = f"procrastinate, {best[0]} x {best[1]}"
        theirs = taken["procrastinate"]
        report.line(
            f"2 whole path, {PROCESSES} dispatchers / {bare}",
            *(taken["four"], theirs, "jobs/s"),
            least=1.0,
        )
        report.line(f"2 whole path, one dispatcher / {bare}", taken["one"], theirs, "jobs/s")
        report.line(f"2 whole path with a stored file / {bare}", taken["file"], theirs, "jobs/s")
    if 5 in lines:
        report.line(
            f"5 {PROCESSES} dispatchers / one", taken["four"], taken["one"], "jobs/s", least=1.6
        )
        report.line(
            f"5 the same, {CONCURRENCY} jobs at once each, which take half a second",
            *(taken["slow four"], taken["slow one"], "jobs/s"),
        )


class Ear:
    """Hears by datagram what was started, and when."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(10)
        self.port: int = self._socket.getsockname()[1]

    def hear(self, name: str) -> int:
        """Wait until something is told of; return when that was, in the clock's nanoseconds."""
        while True:
            try:
                told, at = self._socket.recv(200).decode().split()
            except TimeoutError:
                raise BenchmarkError(f"{name} was never started.") from None
            if told == name:
                return int(at)


def latency(services: Services, report: Report) -> None:
    """Line 3: one job at a time on an idle stack, and beside it the least that is possible."""
    world = services.world
    world.execute(
        services.name,
        "create table bench.line (id bigint generated always as identity primary key,"
        " is_taken boolean not null default false);"
        "create index on bench.line (id) where not is_taken",
    )
    ear = Ear()
    from_call, from_commit, by_hand = [], [], []
    hand = subprocess.Popen(
        [sys.executable, str(HERE / "sides.py"), "listener", services.dsn],
        env=os.environ | {"BENCH_PORT": str(ear.port)},
        text=True,
    )
    try:
        ear.hear("ready")
        with (
            services.dispatchers(1, BENCH_PORT=str(ear.port)),
            psycopg.connect(services.dsn, autocommit=True) as connection,
        ):
            # The first few are for the plans.
            for n in range(-10, world.effort.starts):
                claims = json.dumps({"sub": user_id(n % USERS + 1), "role": "authenticated"})
                sent = time.monotonic_ns()
                with connection.pipeline(), connection.transaction():
                    connection.execute(
                        "select set_config('role', 'authenticated', true),"
                        " set_config('request.jwt.claims', %s, true)",
                        [claims],
                    )
                    cursor = connection.execute(SUBMIT)
                committed = time.monotonic_ns()
                job = str(cursor.fetchall()[0][0])
                started = ear.hear(job)
                # Until it has ended, and nothing else is going on.
                time.sleep(random.uniform(0.05, 0.1))
                sent_by_hand = time.monotonic_ns()
                [[row, _]] = connection.execute(
                    "with made as (insert into bench.line default values returning id)"
                    " select id, pg_notify('bench_line', '') from made"
                ).fetchall()
                started_by_hand = ear.hear(str(row))
                if n >= 0:
                    from_call.append((started - sent) / 1e6)
                    from_commit.append((started - committed) / 1e6)
                    by_hand.append((started_by_hand - sent_by_hand) / 1e6)
                time.sleep(random.uniform(0.02, 0.05))
    finally:
        end([hand])
    report.say(
        f"{'3 submit to start, from the call: p50, p95; from the commit: p50, p95':66}"
        f" {statistics.median(from_call):8.2f}, {p95(from_call):.2f};"
        f" {statistics.median(from_commit):.2f}, {p95(from_commit):.2f} ms"
    )
    report.line(
        "3 its p50 / LISTEN and a claim by hand",
        [statistics.median(from_call)],
        [statistics.median(by_hand)],
        "ms",
    )
    report.bound("3 submit to start, p95", p95(from_call), "ms", 10)


def p95(figures: Sequence[float]) -> float:
    """The figure that one in twenty exceeds."""
    return statistics.quantiles(figures, n=20)[-1]


def user_id(n: int) -> str:
    """The n-th user's id."""
    return f"00000000-0000-4000-8000-{n:012}"


# -------------------------------------------------------------------------------------------------
# 4: a claim's cost
# -------------------------------------------------------------------------------------------------


def claim_costs(dsn: str, times: int, limit: int) -> float:
    """The median of a claim's milliseconds; what is claimed is completed."""
    taken = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        for _ in range(WARM + times):
            began = time.perf_counter()
            lease, jobs = claim(connection, limit)
            taken.append(time.perf_counter() - began)
            if len(jobs) < limit:
                raise BenchmarkError(f"A claim of {limit} found {len(jobs)} jobs.")
            complete(connection, lease, jobs)
    return statistics.median(taken[WARM:]) * 1000


def history(world: World, report: Report) -> None:
    """Line 4: little and much."""
    effort = world.effort
    world.make_ours("small")
    world.make_ours("big")
    with psycopg.connect(world.dsn("big"), autocommit=True) as connection:
        indexes = connection.execute(SECONDARY_INDEXES).fetchall()
        for name, _ in indexes:
            connection.execute(f"drop index {name}".encode())
    world.execute("big", FINISHED, jobs=effort.finished, users=USERS, provider=PROVIDER)
    world.execute("big", ";".join(definition for _, definition in indexes))
    world.load("big", USERS, effort.waiting // USERS, "text_to_image")
    # No checkpoint: after one, the first change of each page logs all of it, which is the price of
    # checkpoints and not of claims.
    world.execute("big", "vacuum analyze")

    def cost(name: str, limit: int) -> float:
        if name == "small":
            world.load("small", 1_000, 1, "text_to_image")
        world.execute(name, "vacuum analyze worker.tasks")
        return claim_costs(world.dsn(name), 12, limit)

    sides: dict[str, Callable[[], float]] = {
        f"{name} {limit}": lambda name=name, limit=limit: cost(name, limit)
        for name, limit in itertools.product(("small", "big"), (50, 1))
    }
    taken = take_turns(sides, 2 * effort.rounds)
    many = f"{effort.finished // 1000:,} k finished, {effort.waiting // 1000:,} k waiting / 0, 1 k"
    for limit in (50, 1):
        report.line(
            f"4 claim of {limit}, {many}",
            *(taken[f"big {limit}"], taken[f"small {limit}"], "ms"),
            most=1.2,
        )


def churn(world: World, report: Report) -> None:
    """Line 4: after much coming and going, while somebody's old transaction keeps all dead rows."""
    effort = world.effort
    world.make_ours("churn")
    dsn = world.dsn("churn")
    waiting = world.load("churn", 1_000, 4, "text_to_image")
    world.tidy("churn")
    before = [claim_costs(dsn, 5, BATCH) for _ in range(5)]
    waiting -= 5 * (5 + WARM) * BATCH
    with psycopg.connect(dsn) as old, tended(dsn):
        old.execute("set transaction isolation level repeatable read")
        old.execute("select txid_current()")
        # What comes goes after what was there, as in life, until as much waits as before.
        for _ in range(effort.churn // 4_000):
            drain(dsn, waiting)
            waiting = world.load("churn", 1_000, 4, "text_to_image")
        world.execute("churn", "analyze")
        after = [claim_costs(dsn, 5, BATCH) for _ in range(5)]
        old.rollback()
    report.line(
        f"4 claim of {BATCH} after {effort.churn // 1000} k jobs, a transaction open / before",
        *(sorted(after), sorted(before), "ms"),
        most=2.0,
    )


@contextmanager
def tended(dsn: str) -> Iterator[None]:
    """Tend the queue every second, as dispatchers do, as long as the context lasts."""
    over = threading.Event()

    def tend() -> None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            while not over.wait(1):
                connection.execute("select worker.tend_queue()")

    tender = threading.Thread(target=tend)
    tender.start()
    try:
        yield
    finally:
        over.set()
        tender.join()


# -------------------------------------------------------------------------------------------------


def measure(world: World, lines: Sequence[int]) -> Report:
    """Take the lines that are asked for, the quick ones first."""
    report = Report()
    if 1 in lines:
        lifecycle(world, report)
    if {2, 3, 5} & set(lines):
        through_services(world, report, lines)
    if 4 in lines:
        churn(world, report)
        history(world, report)
    return report


def main() -> None:
    """Start a server, measure, stop it."""
    parser = argparse.ArgumentParser(prog="make bench-dispatch")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, less history")
    parser.add_argument("--rounds", type=int, help="turns of all sides")
    parser.add_argument("--only", type=int, action="append", help="a line, 1 to 5")
    parser.add_argument(
        "--peers", type=Path, default=Path(".venv/peers/bin/python"), help="the peers' Python"
    )
    asked = parser.parse_args()
    effort = QUICK if asked.quick else Effort()
    if asked.rounds:
        effort = Effort(asked.rounds, *(getattr(effort, name) for name in Effort.__slots__[1:]))
    try:
        if not asked.peers.exists():
            raise BenchmarkError(f"{asked.peers} is not there: run `make bench-dispatch`.")
        with tempfile.TemporaryDirectory(prefix="reelbase-bench-dispatch-") as name:
            folder = Path(name)
            folder.chmod(0o755)
            with durable_server(folder) as server:
                world = World(server, folder, asked.peers.absolute(), effort)
                report = measure(world, asked.only or (1, 2, 3, 4, 5))
    except (BenchmarkError, LocalError) as error:
        sys.exit(str(error))
    sys.stdout.write(f"targets: {sum(report.met)} of {len(report.met)} met\n")


if __name__ == "__main__":
    main()
