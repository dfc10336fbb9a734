"""What moving credits costs beside pgbench's TPC-B-like transaction: both sides in one run.

Run by `make bench-credits`, on a durable server of its own that is thrown away; about five minutes
and 4 GB of disk, less with --quick. pgbench drives both sides with prepared statements and eight
clients: its own built-in script in one database, and in others of the same server the transaction
that PostgREST 12 makes of a submit, or the ledger's functions for batches of fifty jobs. Rounds
take turns, so that a noisy neighbour hits both sides; what counts is the median of their ratios.

The hot user is another one every quarter of a second: all clients always charge one and the same
account, and nobody has thousands of jobs waiting, which no plan allows.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from reelbase.local.binaries import find_binaries, find_project_root
from reelbase.local.errors import LocalError
from reelbase.local.postgres import (
    PostgresServer,
    apply_migrations,
    prepare_database,
    url_for,
)
from reelbase.local.pytest_plugin import free_port_block

CLIENTS = 8
BATCH = 50
USERS = 10_000
HOT_USERS = 2_000
FEW = 100
"""Users with one lot, and as many with MANY_LOTS."""

MANY_LOTS = 200
SMALL_LEDGER, BIG_LEDGER = 1_000, 5_000_000
TPCB_SCALE = 80
PASSWORD = "benchmark"  # noqa: S105 (of a server that lives for minutes, on loopback)

# The statements of one RPC, as PostgREST 12 sends them; it prepares them, too.
SUBMIT = """
\\set n random(1, :users)
begin isolation level read committed read write;
select set_config('search_path', '"public", "extensions"', true),
 set_config('plan_cache_mode', 'force_generic_plan', true),
 set_config('statement_timeout', '8s', true), set_config('role', 'authenticated', true),
 set_config('request.jwt.claims', '{"aal":"aal1","aud":"authenticated","role":"authenticated",'
 || '"sub":"00000000-0000-4000-8000-' || lpad((WHO)::text, 12, '0') || '"}', true),
 set_config('request.method', 'POST', true),
 set_config('request.path', '/rpc/submit_generation', true),
 set_config('request.headers', '{"user-agent":"pgbench"}', true),
 set_config('request.cookies', '{}', true);
with pgrst_source as (
 select pgrst_call.* from (
  select '{"p_kind":"text_to_image","p_prompt":"A harbour at dawn"}'::json as json_data
 ) as pgrst_payload,
 lateral (select p_kind, p_prompt from json_to_record(pgrst_payload.json_data)
  as _(p_kind public.generation_kind, p_prompt text) limit 1) as pgrst_body,
 lateral public.submit_generation(
  p_kind := pgrst_body.p_kind, p_prompt := pgrst_body.p_prompt) as pgrst_call)
select null::bigint as total_result_set, 1 as page_total,
 coalesce(json_agg(_postgrest_t) -> 0, 'null') as body,
 nullif(current_setting('response.headers', true), '') as response_headers,
 nullif(current_setting('response.status', true), '') as response_status
from (select generation_jobs.* from pgrst_source as generation_jobs limit 1000) as _postgrest_t;
commit;
"""
ONE_OF_MANY = ":first::bigint + :n::bigint"
HOT = f":first::bigint + 1 + floor(extract(epoch from clock_timestamp()) * 4)::bigint % {HOT_USERS}"
BATCHES = """
with next as materialized (select nextval('bench.batch') as n)
select CALL from next inner join bench.batches on batches.n = next.n;
"""
SETTLE = "private.settle_deductions(batches.job_ids)"
REFUND = "private.refund_deductions(batches.job_ids)"
END_JOBS = """
with next as materialized (select nextval('bench.batch') as n)
update public.generation_jobs as jobs set status = 'STATUS'
from next inner join bench.batches on batches.n = next.n
where jobs.id = any(batches.job_ids);
"""

PEOPLE = """
update private.settings set signup_bonus = 1000000;
update public.subscription_plans set max_active_jobs = 1000000, max_jobs_per_day = null;
insert into auth.users (id, email)
select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'bench-' || n || '@example.com'
from generate_series(1, {people}) as n;
create schema bench;
create table bench.batches (n bigint primary key, job_ids uuid[] not null);
create sequence bench.batch;
"""

# Lots for the last users: 199 more each, with the ledger entries that brought them.
LOTS = """
select private.grant_credits(
  ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 1000, 'bonus', 'lot ' || lot
)
from generate_series({first} + 1, {first} + {few}) as n, generate_series(2, {lots}) as lot;
"""

# Written past the triggers, since five million entries would take an hour through them. Each moves
# one credit into or out of its user's bonus, in turn, so that the books stay right.
HISTORY = """
alter table public.credit_transactions disable trigger all;
alter table public.credit_allocations disable trigger all;
alter table public.credit_accounts disable trigger all;
create temp table entries as
select gen_random_uuid() as id, grants.user_id, grants.id as lot_id, entry,
  case when entry % 2 = 1 then -1 else 1 end as amount, accounts.version + entry as version,
  accounts.balance - entry % 2 as balance_after
from public.credit_grants as grants
inner join public.credit_accounts as accounts on accounts.user_id = grants.user_id
cross join generate_series(1, {each}) as entry
where grants.user_id <= ('00000000-0000-4000-8000-' || lpad({users}::text, 12, '0'))::uuid;
insert into public.credit_transactions (
  id, user_id, version, amount, balance_after, type, description
)
select id, user_id, version, amount, balance_after, 'adjustment', 'history' from entries
order by entry, user_id;
insert into public.credit_allocations (transaction_id, grant_id, amount)
select id, lot_id, amount from entries order by entry, user_id;
update public.credit_accounts as accounts
set version = version + {each}, lifetime_earned = lifetime_earned + {each} / 2
where user_id in (select user_id from entries);
alter table public.credit_transactions enable trigger all;
alter table public.credit_allocations enable trigger all;
alter table public.credit_accounts enable trigger all;
"""

# Jobs that wait to be settled or refunded, with their charges; likewise.
CHARGES = """
alter table public.generation_jobs disable trigger all;
alter table public.credit_transactions disable trigger all;
alter table public.credit_allocations disable trigger all;
alter table public.credit_accounts disable trigger all;
alter table public.credit_grants disable trigger all;
alter table worker.tasks disable trigger all;
create temp table charges as
select gen_random_uuid() as job_id, gen_random_uuid() as id, accounts.user_id,
  grants.id as lot_id, n, accounts.version + each.n as version,
  accounts.balance - each.n as balance_after, random() as place
from public.credit_accounts as accounts
inner join public.credit_grants as grants
  on grants.user_id = accounts.user_id and not grants.is_spent
cross join generate_series(1, {each}) as each (n)
where accounts.user_id <= ('00000000-0000-4000-8000-' || lpad({users}::text, 12, '0'))::uuid;
insert into public.generation_jobs (
  id, user_id, kind, model_id, prompt, status, credit_cost, credit_transaction_id, provider,
  queued_at
)
select job_id, user_id, 'text_to_image', 'local-still', 'A harbour at dawn', '{status}', 1, id,
  'local', now()
from charges;
insert into worker.tasks (job_id, user_id, provider, kind, is_admitted, ready_at, deadline_at)
select job_id, user_id, 'local', 'text_to_image', true, now(), now() + interval '2 days'
from charges;
insert into public.credit_transactions (
  id, user_id, version, amount, balance_after, type, status, job_id, operation_type, model_id
)
select id, user_id, version, -1, balance_after, 'deduction', 'pending', job_id, 'text_to_image',
  'local-still'
from charges;
insert into public.credit_allocations (transaction_id, grant_id, amount)
select id, lot_id, -1 from charges;
update public.credit_accounts set balance = balance - {each}, version = version + {each},
  lifetime_spent = lifetime_spent + {each}
where user_id in (select user_id from charges);
update public.credit_grants set remaining = remaining - {each}
where id in (select lot_id from charges);
insert into bench.batches (n, job_ids)
select (select coalesce(max(n), 0) from bench.batches) + place, job_ids
from (
  select (place - 1) / {batch} + 1 as place, array_agg(job_id) as job_ids
  from (select job_id, row_number() over (order by place) as place from charges) as shuffled
  group by 1
  having count(*) = {batch}
) as dealt;
drop table charges;
alter table public.generation_jobs enable trigger all;
alter table public.credit_transactions enable trigger all;
alter table public.credit_allocations enable trigger all;
alter table public.credit_accounts enable trigger all;
alter table public.credit_grants enable trigger all;
alter table worker.tasks enable trigger all;
"""


class BenchmarkError(Exception):
    """Something is missing, or pgbench did not do what it was told."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured.

    Attributes:
        rounds: Turns of both sides.
        seconds: Length of one turn; its first second is not counted.
        ledger: Entries in the big ledger.
        batches: Batches that a client settles or refunds in a turn.
    """

    rounds: int
    seconds: int
    ledger: int
    batches: int


@dataclass(slots=True)
class Pgbench:
    """pgbench, and the server that it is let loose on."""

    program: Path
    server: PostgresServer
    folder: Path
    scripts: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, text in {
            "many": SUBMIT.replace("WHO", ONE_OF_MANY),
            "hot": SUBMIT.replace("WHO", HOT),
            "settle": BATCHES.replace("CALL", SETTLE),
            "refund": BATCHES.replace("CALL", REFUND),
            "complete": END_JOBS.replace("STATUS", "completed"),
            "cancel": END_JOBS.replace("STATUS", "cancelled"),
        }.items():
            self.scripts[name] = self.folder / f"{name}.sql"
            # One line a statement: pgbench would take line ends inside for nothing else.
            self.scripts[name].write_text(text)

    def __call__(self, database: str, *arguments: str, user: str | None = None) -> str:
        """Run pgbench and return what it says."""
        environment = os.environ | {"PGPASSWORD": PASSWORD}
        command = [str(self.program), "-h", "127.0.0.1", "-p", str(self.server.port)]
        command += ["-U", user or "supabase_admin", *arguments, database]
        done = subprocess.run(
            command,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode or "aborted" in done.stdout:
            raise BenchmarkError(f"pgbench failed:\n{done.stdout[-2000:]}")
        return done.stdout

    def rate(self, database: str, seconds: int, *arguments: str, user: str | None = None) -> float:
        """Transactions a second, without the first second: sessions plan their statements then."""
        said = self(
            database,
            *("-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "1", "-P", "1"),
            *("-T", str(seconds + 1), *arguments),
            user=user,
        )
        told = [
            float(tps)
            for tps in re.findall(r"^progress: [\d.]+ s, ([\d.]+) tps", said, re.MULTILINE)
        ]
        if len(told) < seconds:
            raise BenchmarkError(f"pgbench told too little:\n{said[-2000:]}")
        return statistics.mean(told[1 : seconds + 1])

    def tpcb(self, seconds: int) -> float:
        """Transactions a second of the built-in script."""
        return self.rate("tpcb", seconds, "-b", "tpcb-like")

    def submits(
        self, database: str, seconds: int, script: str, users: int = USERS, first: int = 0
    ) -> float:
        """Charged submits a second."""
        return self.rate(
            database,
            seconds,
            *("-D", f"users={users}", "-D", f"first={first}", "-f", str(self.scripts[script])),
            user="authenticator",
        )

    def jobs(self, database: str, batches: int, script: str) -> float:
        """Jobs settled or refunded a second."""
        said = self(
            database,
            *("-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "1", "-t", str(batches)),
            *("-f", str(self.scripts[script])),
        )
        [tps] = re.findall(r"^tps = ([\d.]+)", said, re.MULTILINE)
        return float(tps) * BATCH


def find_pgbench() -> Path:
    """Return pgbench, from the path or from where Debian keeps it.

    Raises:
        BenchmarkError: It is not installed.
    """
    if found := shutil.which("pgbench"):
        return Path(found)
    if places := sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench")):
        return places[-1]
    raise BenchmarkError(
        "pgbench is not there: install postgresql-contrib (Debian: postgresql), which brings it."
    )


@contextmanager
def durable_server(folder: Path) -> Iterator[PostgresServer]:
    """Run an empty server that syncs what it commits, as long as the context lasts."""
    with free_port_block() as port:
        server = PostgresServer(
            find_binaries(find_project_root()).postgres,
            folder / "data",
            port,
            password=PASSWORD,
            log_path=folder / "postgres.log",
            durable=True,
            # Big enough that no checkpoint falls into one round and not into the next.
            settings={"max_wal_size": "8GB", "checkpoint_timeout": "30min"},
        )
        try:
            server.start()
            yield server
        finally:
            server.stop()


def run(server: PostgresServer, database: str, statements: str, **values: int | str) -> None:
    """Run statements as superuser, each committed, and have the planner look at what is there."""
    filled = statements.format(**values) if values else statements
    with psycopg.connect(server.dsn(database=database), autocommit=True) as connection:
        connection.execute("set search_path = reelbase_ledger, public, extensions")
        connection.execute("set maintenance_work_mem = '512MB'")
        connection.execute("set work_mem = '256MB'")
        connection.execute(filled.encode())


def without_indexes(server: PostgresServer, database: str, statements: str, **values: int) -> None:
    """Run a load without the ledger's secondary indexes, and make them again."""
    with psycopg.connect(server.dsn(database=database), autocommit=True) as connection:
        kept = connection.execute(
            "select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index"
            " where indrelid in ('public.credit_transactions'::regclass,"
            " 'public.credit_allocations'::regclass)"
            " and not exists (select from pg_constraint where conindid = indexrelid)"
        ).fetchall()
        for name, _ in kept:
            connection.execute(f"drop index {name}".encode())
    run(server, database, statements, **values)
    run(server, database, ";".join(definition for _, definition in kept))


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
        sys.stdout.write(
            f"{name:52} {statistics.median(ours):8.0f} / {statistics.median(theirs):8.0f} {unit:6}"
            f"   ratio {ratio:5.2f}{verdict}\n"
        )
        sys.stdout.flush()


def prepare(bench: Pgbench, effort: Effort) -> None:
    """Make the databases: TPC-B's, one with a small ledger and one with a big one."""
    server = bench.server
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        for name in ("tpcb", "small"):
            connection.execute(
                sql.SQL("create database {} template template0 encoding 'UTF8'").format(
                    sql.Identifier(name)
                )
            )
    bench("tpcb", "-i", "-q", "-s", str(TPCB_SCALE))
    prepare_database(server.dsn(database="small"))
    apply_migrations(
        url_for(server.dsn(database="small"), user="postgres"), find_project_root(), seed=True
    )
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("alter role authenticator password {}").format(sql.Literal(PASSWORD))
        )
    people = USERS + HOT_USERS + 2 * FEW
    run(server, "small", PEOPLE, people=people)
    run(server, "small", LOTS, first=USERS + HOT_USERS + FEW, few=FEW, lots=MANY_LOTS)
    run(server, "small", "vacuum analyze")
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("create database big template small")
    without_indexes(server, "big", HISTORY, each=effort.ledger // USERS, users=USERS)
    run(server, "big", "vacuum analyze")
    # A turn of two of settling and refunding each; a turn more for the one that is thrown away.
    needed = effort.rounds * effort.batches * CLIENTS * BATCH
    each = -(-needed // USERS)
    for status in ("finalizing", "finalizing", "queued", "queued"):
        run(server, "small", CHARGES, each=each, users=USERS, status=status, batch=BATCH)
    run(server, "small", "vacuum analyze")
    run(server, "small", "checkpoint")


def measure(bench: Pgbench, effort: Effort) -> Report:
    """Take turns, round by round, and tell what came of it."""
    seconds, report = effort.seconds, Report()
    taken: dict[str, list[float]] = {}
    sides = {
        "tpcb": lambda: bench.tpcb(seconds),
        "many": lambda: bench.submits("small", seconds, "many"),
        "big": lambda: bench.submits("big", seconds, "many"),
        "hot": lambda: bench.submits("small", seconds, "hot", first=USERS),
        "one lot": lambda: bench.submits(
            "small", seconds, "many", users=FEW, first=USERS + HOT_USERS
        ),
        "many lots": lambda: bench.submits(
            "small", seconds, "many", users=FEW, first=USERS + HOT_USERS + FEW
        ),
    }
    for turn in range(effort.rounds):
        for name in sides if turn % 2 == 0 else reversed(sides):
            taken.setdefault(name, []).append(sides[name]())
    # In the order in which the batches were dealt out.
    batches = effort.rounds * effort.batches * CLIENTS
    with psycopg.connect(bench.server.dsn(database="small"), autocommit=True) as connection:
        [[dealt]] = connection.execute("select count(*) from bench.batches").fetchall()
        if dealt < 4 * batches:
            raise BenchmarkError(f"{dealt} batches were made, {4 * batches} are needed.")
        per_kind = dealt // 4
        for turn in range(effort.rounds):
            taken.setdefault("tpcb again", []).append(bench.tpcb(seconds))
            for place, script in enumerate(("settle", "complete", "refund", "cancel")):
                at = place * per_kind + turn * effort.batches * CLIENTS + 1
                connection.execute("select setval('bench.batch', %s, false)", [at])
                taken.setdefault(script, []).append(bench.jobs("small", effort.batches, script))
        [[wrong]] = connection.execute(
            "select count(*) from private.reconcile_credits()"
            " where promise not like 'an ended job is settled%'"
        ).fetchall()

    tpcb, again = taken["tpcb"], taken["tpcb again"]
    report.line("charged submit, 10 k users / TPC-B", taken["many"], tpcb, "tx/s", least=0.70)
    report.line("charged submit, one hot user / TPC-B", taken["hot"], tpcb, "tx/s", least=0.25)
    report.line("settled in batches of 50 / TPC-B", taken["settle"], again, "jobs/s", least=2)
    report.line("refunded in batches of 50 / TPC-B", taken["refund"], again, "jobs/s", least=2)
    report.line("jobs completed, 50 a statement / TPC-B", taken["complete"], again, "jobs/s")
    report.line("jobs cancelled, 50 a statement / TPC-B", taken["cancel"], again, "jobs/s")
    report.line(
        f"submit's cost, {effort.ledger:,} ledger rows / {SMALL_LEDGER:,}",
        [1e6 / rate for rate in taken["big"]],
        [1e6 / rate for rate in taken["many"]],
        "us",
        most=1.2,
    )
    report.line(
        f"submit's cost, {MANY_LOTS} lots of an account / 1",
        [1e6 / rate for rate in taken["many lots"]],
        [1e6 / rate for rate in taken["one lot"]],
        "us",
        most=1.2,
    )
    sys.stdout.write(f"private.reconcile_credits() afterwards: {wrong} rows\n")
    if wrong:
        raise BenchmarkError("The books do not balance after the measurement.")
    return report


def main() -> None:
    """Start a server, load it, measure, stop it."""
    parser = argparse.ArgumentParser(prog="make bench-credits")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, a smaller ledger")
    parser.add_argument("--rounds", type=int, help="turns of both sides")
    asked = parser.parse_args()
    effort = Effort(2, 3, 500_000, 6) if asked.quick else Effort(3, 4, BIG_LEDGER, 12)
    if asked.rounds:
        effort = Effort(asked.rounds, effort.seconds, effort.ledger, effort.batches)
    try:
        with tempfile.TemporaryDirectory(prefix="reelbase-bench-credits-") as name:
            folder = Path(name)
            folder.chmod(0o755)
            with durable_server(folder) as server:
                bench = Pgbench(find_pgbench(), server, folder)
                prepare(bench, effort)
                report = measure(bench, effort)
    except (BenchmarkError, LocalError) as error:
        sys.exit(str(error))
    sys.stdout.write(f"targets: {sum(report.met)} of {len(report.met)} met\n")


if __name__ == "__main__":
    main()
