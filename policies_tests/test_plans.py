"""The front end's usual reads go by an index, under row-level security, however much there is.

The plans are those that a database of 10 000 users and a million jobs would get, on a hundredth of
the rows: the tables' statistics are multiplied, so that the planner believes in the rest. Questions
and rows are those of `benchmarks/reads.py`, which measures the same with all rows there.

All of it happens in one transaction that is rolled back.
"""

import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pytest

from .harness import Bench, Session

USERS, JOBS, TIMES = 100, 10_000, 100
READER = 25
"""Somebody with as many jobs as most have."""

Mode = Literal["custom", "generic"]
"""PostgREST's statements are prepared: planned for their values at first, then for any."""


def _load_benchmark() -> ModuleType:
    path = Path(__file__).parents[1] / "benchmarks" / "load.py"
    spec = importlib.util.spec_from_file_location("reelbase_benchmarks_load", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_load = _load_benchmark()
BIG, NEWEST, READS = _load.BIG, _load.NEWEST, _load.READS
TABLES = [f"public.{table}" for table in BIG]
PLANNED = [read for read in READS if read.index is not None]
BY_NAME = {read.name: read for read in READS}

# Ids are as many as there are rows for them; of all else there is not more in a large database.
GROW = f"""
with grown as (
  select pg_class.oid, pg_class.reltuples
  from pg_class
  where pg_class.oid = any(%(tables)s::regclass[]) and pg_class.reltuples > 0
),
multiplied as (
  update pg_class set reltuples = pg_class.reltuples * {TIMES}
  where pg_class.oid in (
    select grown.oid from grown
    union all
    select pg_index.indexrelid from pg_index inner join grown on pg_index.indrelid = grown.oid
  )
)
update pg_statistic set stadistinct = -pg_statistic.stadistinct / grown.reltuples
from grown
inner join pg_attribute on pg_attribute.attrelid = grown.oid
where
  pg_statistic.starelid = grown.oid and pg_statistic.staattnum = pg_attribute.attnum
  and pg_attribute.atttypid = 'uuid'::regtype and pg_statistic.stadistinct > 0
"""


@dataclass(frozen=True, slots=True)
class Library:
    """A database full of rows that will never have been there.

    Attributes:
        session: As superuser, inside the transaction.
        about: What the reads of the reader are asked about.
        rows: How many there really are in each table.
    """

    session: Session
    about: dict[str, str]
    rows: dict[str, int]

    def prepare(self, read: Any, mode: Mode) -> None:
        """Become the reader, and prepare a read as PostgREST does."""
        claims = {"sub": self.about["user_id"], "role": "authenticated"}
        self.session.run(
            "select set_config('role', 'authenticated', true),"
            " set_config('request.jwt.claims', %s, true),"
            " set_config('plan_cache_mode', %s, true)",
            json.dumps(claims),
            f"force_{mode}_plan",
        )
        # What is prepared outlives a rollback.
        self.session.run("deallocate all")
        self.session.run(f"prepare asked as {read.statement()}")

    def complaints(self, read: Any, mode: Mode = "custom") -> list[str]:
        """Return what is wrong with a read's plan."""
        with self.session.undone():
            self.prepare(read, mode)
            [told] = self.session.value(
                f"explain (costs off, format json) {read.execution(self.about)}"
            )
        nodes = list(_nodes(told["Plan"]))
        indexes = {node["Index Name"] for node in nodes if "Index Name" in node}
        wrong = [
            f"{node['Relation Name']} is read whole"
            for node in nodes
            if node["Node Type"] == "Seq Scan" and node["Relation Name"] in BIG
        ]
        wrong += [
            f"{node['Index Name']} is read whole"
            for node in nodes
            if "Index Name" in node and "Index Cond" not in node
        ]
        if not any(index.startswith(read.index) for index in indexes):
            wrong.append(f"{read.index} is not used, but {sorted(indexes)}")
        return wrong

    def read_whole(self, read: Any, mode: Mode = "custom") -> list[str]:
        """Return the large tables of which a read, when it is executed, meets half the rows."""
        met = (
            "select relname, seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables"
            " where relid = any(%s::regclass[])"
        )
        with self.session.undone():
            self.prepare(read, mode)
            before = dict(self.session.rows(met, TABLES))
            self.session.run(read.execution(self.about))
            after = dict(self.session.rows(met, TABLES))
        return [
            table
            for table, rows in self.rows.items()
            if after.get(table, 0) - before.get(table, 0) > rows / 2
        ]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


LEDGER = (
    "credit_accounts",
    "credit_transactions",
    "credit_grants",
    "credit_allocations",
    "payments",
)


@pytest.fixture(scope="module")
def library(bench: Bench) -> Iterator[Library]:
    """The rows, and statistics that tell of a hundred times as many."""
    with bench.superuser() as session, session.undone():
        # What other tests have left would be part of the statistics.
        for table in LEDGER:
            session.run(f"alter table public.{table} disable trigger user")
        session.run("truncate public.profiles cascade")
        _load.load(session.connection, USERS, JOBS)
        about = _load.names(session.connection, READER)
        counted = session.rows(
            "select relname, reltuples::integer from pg_class where oid = any(%s::regclass[])",
            TABLES,
        )
        session.connection.execute(GROW.encode(), {"tables": TABLES})
        yield Library(session, about, dict(counted))


@pytest.mark.parametrize("mode", ["custom", "generic"])
@pytest.mark.parametrize("read", PLANNED, ids=lambda read: read.name)
def test_usual_read_goes_by_its_index(library: Library, read: Any, mode: Mode) -> None:
    assert library.complaints(read, mode) == []


@pytest.mark.parametrize("mode", ["custom", "generic"])
@pytest.mark.parametrize("read", READS, ids=lambda read: read.name)
def test_usual_read_meets_few_rows(library: Library, read: Any, mode: Mode) -> None:
    assert library.read_whole(read, mode) == []


def test_rows_keep_the_books(library: Library) -> None:
    assert library.session.rows("select * from private.reconcile_credits()") == []


def test_rows_keep_every_foreign_key(library: Library) -> None:
    # The rows came in past the triggers that check them; this checks them all again.
    with library.session.undone():
        keys = library.session.rows(
            "update pg_constraint set convalidated = false"
            " where contype = 'f' and conrelid = any(%s::regclass[])"
            " returning conrelid::regclass::text, conname",
            TABLES,
        )
        assert len(keys) > len(TABLES)
        for table, name in keys:
            library.session.run(f"alter table {table} validate constraint {name}")


def test_planner_believes_in_a_million_jobs(library: Library) -> None:
    [told] = library.session.value(
        "explain (format json) select id from public.generation_jobs where user_id ="
        " (select gen_random_uuid())"
    )
    assert told["Plan"]["Plan Rows"] == pytest.approx(100, rel=0.1)
    [told] = library.session.value("explain (format json) select id from public.generation_jobs")
    assert told["Plan"]["Plan Rows"] == pytest.approx(1_000_000, rel=0.1)


def test_missing_index_is_noticed_in_the_plan(library: Library) -> None:
    with library.session.undone():
        library.session.run("drop index public.generation_jobs_user_id_created_at_idx")
        assert library.complaints(NEWEST) != []


def test_table_read_whole_is_noticed_in_plan_and_execution(library: Library) -> None:
    read = BY_NAME["conversations of a project"]
    with library.session.undone():
        library.session.run(
            "drop index public.conversations_user_id_created_at_idx,"
            " public.conversations_project_id_user_id_created_at_idx"
        )
        assert "conversations is read whole" in library.complaints(read)
        assert library.read_whole(read) == ["conversations"]


def test_table_read_whole_inside_a_function_is_noticed(library: Library) -> None:
    with library.session.undone():
        library.session.run("drop index public.projects_public_idx")
        assert "projects" in library.read_whole(BY_NAME["list_public_projects"])
