"""Why the queue is fair the way it is: five designs side by side, each in its smallest form.

Run by `make bench-dispatch`. One user, the hog, has nine tenths of what waits. Each design claims
fifty and finishes them, and each job that is done makes room for another of the same user, so that
the queue stays as long as it was.

    age              oldest first: what most queues do
    age, cap         the same; a claim passes over users who have as many running as they may
    numbered         row_number() over each user's waiting jobs, everybody's first one first
    virtual time     each job is stamped when it is submitted: its user's last stamp, or the queue's
                     first, and one more; smallest stamp first
    virtual, cap     the same; a claim passes over users who have as many running as they may
    window           what Reelbase does: only as many of a user's jobs stand in line as may run, and
                     whatever ends lets the next one in, at the end of the line

What counts: jobs a second with a thousand waiting and with a hundred thousand (flat, or not); after
how many claimed jobs fifty newcomers with one job each have all started; and what it costs to look
when the only one who waits is at the cap, as dispatchers do all the time. On two cores:

                    jobs/s, 1,000  jobs/s, 100,000  slower  newcomers by  look at the cap
    age                    15,728           14,156    1.1x       100,050           no cap
    age, cap               15,225           14,861    1.0x       100,050         27.37 ms
    numbered                8,088              386   20.9x            67         84.54 ms
    virtual time           11,159            9,279    1.2x           100           no cap
    virtual, cap           12,681            8,694    1.5x           100         23.59 ms
    window                  8,590            9,600    0.9x            82          0.31 ms

Stamps are as fair and as flat, but know no cap: a claim that has to pass over users at theirs reads
all that these wait for. The window holds that back, and is fair by the same stroke.
"""

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
from credits import durable_server

from reelbase.local.errors import LocalError

BATCH = 50
CAP = 16
"""Jobs of one user that may run at once, where a design knows a cap."""

NEWCOMERS = 50
HOG = 0

TABLES = """
drop schema if exists fair cascade;
create schema fair;
create sequence fair.now;
create table fair.users (
  user_id integer primary key, running integer not null default 0,
  admitted integer not null default 0, stamp bigint not null default 0
) with (fillfactor = 50);
create table fair.tasks (
  id bigint generated always as identity primary key, user_id integer not null,
  stamp bigint not null default 0, in_line_since bigint default 0,
  is_running boolean not null default false
) with (
  fillfactor = 60, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_cost_delay = 0
);
"""

# The tail of each claim: what was chosen runs from now on. By arrays of keys, so that a plan which
# was made for any number of rows looks them up and does not read the table.
TAKE = """
, taken as (
  update fair.tasks set is_running = true where id = any(array(select id from ready))
  returning tasks.id, tasks.user_id
), counted as (
  update fair.users set running = running + mine.n
  from (select user_id, count(*) as n from taken group by user_id) as mine
  where users.user_id = mine.user_id
)
select array_agg(id), array_agg(user_id) from taken
"""
FINISH = """
with gone as (
  delete from fair.tasks where id = any(%(ids)s) returning user_id
)
update fair.users set running = running - mine.n, admitted = admitted - mine.n
from (select user_id, count(*) as n from gone group by user_id) as mine
where users.user_id = mine.user_id
"""
ADMIT = """
with room as materialized (
  select user_id, %(cap)s - admitted as room from fair.users
  where user_id = any(%(users)s) and admitted < %(cap)s
), next as (
  select held.id, held.user_id from room cross join lateral (
    select tasks.id, tasks.user_id from fair.tasks
    where tasks.user_id = room.user_id and tasks.in_line_since is null
    order by tasks.id limit room.room
  ) as held
), admitted as (
  update fair.tasks set in_line_since = nextval('fair.now')
  where id = any(array(select id from next))
)
update fair.users set admitted = admitted + mine.n
from (select user_id, count(*) as n from next group by user_id) as mine
where users.user_id = mine.user_id
"""
SUBMIT = "insert into fair.tasks (user_id) select unnest(%(users)s)"
STAMPED = """
with first as materialized (
  select coalesce((select min(stamp) from fair.tasks where not is_running), 0) as stamp
), mine as materialized (
  select user_id, row_number() over (partition by user_id) as n from unnest(%(users)s) as user_id
), made as (
  insert into fair.tasks (user_id, stamp)
  select user_id, greatest(users.stamp, first.stamp) + mine.n
  from mine inner join fair.users using (user_id) cross join first
)
update fair.users set stamp = greatest(users.stamp, first.stamp) + latest.n
from first, (select user_id, max(n) as n from mine group by user_id) as latest
where users.user_id = latest.user_id
"""
HELD = "insert into fair.tasks (user_id, in_line_since) select unnest(%(users)s), null"


@dataclass(frozen=True, slots=True)
class Design:
    """One way to be fair.

    Attributes:
        index: What its claim walks.
        claim: Chooses; TAKE follows.
        submit: Puts jobs of the users %(users)s into the queue.
        after: What is to be done after submitting and after finishing, if anything.
    """

    name: str
    index: str
    claim: str
    submit: str = SUBMIT
    after: str = ""


DESIGNS = (
    Design(
        "age",
        "create index on fair.tasks (id) where not is_running",
        "select id from fair.tasks where not is_running order by id limit %(limit)s"
        " for update skip locked",
    ),
    # Counted as it was when the claim began: a batch may overshoot, which is kind to this design.
    Design(
        "age, cap",
        "create index on fair.tasks (id) where not is_running",
        "select tasks.id from fair.tasks inner join fair.users using (user_id)"
        " where not tasks.is_running and users.running < %(cap)s"
        " order by tasks.id limit %(limit)s for update of tasks skip locked",
    ),
    Design(
        "numbered",
        "create index on fair.tasks (user_id, id) where not is_running",
        "select tasks.id from fair.tasks inner join ("
        " select numbered.id, numbered.n from ("
        "  select id, user_id, row_number() over (partition by user_id order by id) as n"
        "  from fair.tasks where not is_running"
        " ) as numbered inner join fair.users using (user_id)"
        " where numbered.n + users.running <= %(cap)s order by numbered.n, numbered.id"
        " limit %(limit)s"
        ") as chosen using (id) order by chosen.n, tasks.id for update of tasks skip locked",
    ),
    Design(
        "virtual time",
        "create index on fair.tasks (stamp, id) where not is_running",
        "select id from fair.tasks where not is_running order by stamp, id limit %(limit)s"
        " for update skip locked",
        STAMPED,
    ),
    Design(
        "virtual, cap",
        "create index on fair.tasks (stamp, id) where not is_running",
        "select tasks.id from fair.tasks inner join fair.users using (user_id)"
        " where not tasks.is_running and users.running < %(cap)s"
        " order by tasks.stamp, tasks.id limit %(limit)s for update of tasks skip locked",
        STAMPED,
    ),
    Design(
        "window",
        "create index on fair.tasks (in_line_since)"
        " where in_line_since is not null and not is_running;"
        "create index on fair.tasks (user_id, id) where in_line_since is null",
        "select id from fair.tasks where in_line_since is not null and not is_running"
        " order by in_line_since limit %(limit)s for update skip locked",
        HELD,
        ADMIT,
    ),
)


class Queue:
    """One design on an empty queue."""

    def __init__(self, connection: psycopg.Connection, design: Design) -> None:
        self._connection = connection
        self._design = design
        connection.execute(TABLES)
        connection.execute(design.index.encode())
        # As production's statements in functions: planned once, by key and in an index's order.
        connection.execute(
            "set plan_cache_mode = force_generic_plan; set enable_seqscan = off;"
            " set enable_bitmapscan = off; set jit = off"
        )
        self._claim = f"with ready as materialized ({design.claim}){TAKE}"

    def _run(self, statement: str, **values: object) -> psycopg.Cursor:
        given = {name: each for name, each in values.items() if f"%({name})s" in statement}
        return self._connection.execute(statement.encode(), given, prepare=True)

    def fill(self, users: dict[int, int]) -> None:
        """Make users, and as many jobs of each as it says: the first user's first."""
        with self._connection.transaction():
            self._connection.execute(
                "insert into fair.users (user_id) select unnest(%s::integer[])", [list(users)]
            )
            for user, jobs in users.items():
                self._run(self._design.submit, users=[user] * jobs)
            self._after(list(users))
        self._connection.execute("vacuum analyze fair.tasks, fair.users")

    def claim(self, limit: int) -> tuple[list[int], list[int]]:
        """Claim; return the jobs and their users."""
        [row] = self._run(self._claim, limit=limit, cap=CAP).fetchall()
        return row[0] or [], row[1] or []

    def finish(self, jobs: list[int], users: list[int], *, refill: bool) -> None:
        """End jobs, and let their users submit as many again."""
        with self._connection.transaction():
            self._run(FINISH, ids=jobs)
            if refill:
                self._run(self._design.submit, users=users)
            self._after(sorted(set(users)))

    def _after(self, users: list[int]) -> None:
        if self._design.after:
            self._run(self._design.after, users=users, cap=CAP)


def rate(connection: psycopg.Connection, design: Design, waiting: int, seconds: float) -> float:
    """Jobs a second, claimed and finished, while so many wait."""
    queue = Queue(connection, design)
    others = waiting // 100
    queue.fill({HOG: waiting - 10 * others} | dict.fromkeys(range(1, others + 1), 10))
    began, done = time.perf_counter(), 0
    while time.perf_counter() < began + seconds:
        jobs, users = queue.claim(BATCH)
        queue.finish(jobs, users, refill=True)
        done += len(jobs)
    return done / (time.perf_counter() - began)


def newcomers(connection: psycopg.Connection, design: Design, waiting: int) -> int:
    """How many jobs are claimed until fifty newcomers, behind the hog's, have all started."""
    queue = Queue(connection, design)
    queue.fill({HOG: waiting})
    queue.fill(dict.fromkeys(range(1, NEWCOMERS + 1), 1))
    claimed, started = 0, 0
    while True:
        jobs, users = queue.claim(BATCH)
        for user in users:
            claimed += 1
            started += user != HOG
            if started == NEWCOMERS:
                return claimed
        queue.finish(jobs, users, refill=False)


def idle(connection: psycopg.Connection, design: Design, waiting: int) -> tuple[float, int]:
    """A look's milliseconds when the hog, alone, is at the cap; and how many it found all the same.

    Designs without a cap find work, of course.
    """
    queue = Queue(connection, design)
    queue.fill({HOG: waiting})
    queue.claim(CAP)
    taken, found = [], 0
    for _ in range(5):
        began = time.perf_counter()
        jobs, _ = queue.claim(CAP)
        taken.append(time.perf_counter() - began)
        found = max(found, len(jobs))
    return sorted(taken)[2] * 1000, found


def main() -> None:
    """Start a server, measure each design on it, stop it."""
    parser = argparse.ArgumentParser(prog="benchmarks/fairness.py")
    parser.add_argument("--quick", action="store_true", help="10 k waiting instead of 100 k")
    quick = parser.parse_args().quick
    few, many, seconds = 1_000, 10_000 if quick else 100_000, 1.0 if quick else 3.0
    try:
        with tempfile.TemporaryDirectory(prefix="reelbase-bench-fairness-") as name:
            folder = Path(name)
            folder.chmod(0o755)
            with (
                durable_server(folder) as server,
                psycopg.connect(server.dsn(), autocommit=True) as connection,
            ):
                sys.stdout.write(
                    f"{'':14} {f'jobs/s, {few:,}':>14} {f'jobs/s, {many:,}':>16} {'slower':>7}"
                    f" {'newcomers by':>13} {'look at the cap':>16}\n"
                )
                for design in DESIGNS:
                    small = rate(connection, design, few, seconds)
                    big = rate(connection, design, many, seconds)
                    last = newcomers(connection, design, many)
                    took, found = idle(connection, design, many)
                    look = "no cap" if found else f"{took:.2f} ms"
                    sys.stdout.write(
                        f"{design.name:14} {small:14,.0f} {big:16,.0f} {small / big:6.1f}x"
                        f" {last:13,} {look:>16}\n"
                    )
                    sys.stdout.flush()
    except LocalError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
