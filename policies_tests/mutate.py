"""Makes holes in the schema, one at a time, and sees whether the suite finds each: `make mutate`.

The migrations are applied once. For each hole in mutants.py that database is copied, the hole is
made in the copy, and the tests run against it until one fails: first those that should find it,
then all others about what somebody can do, and at last the sweeps, which look at the catalogue
alone. Tests over HTTP are left out, and so are those that make holes of their own, and those that
start servers of their own. Tests that want a fresh database get another copy with the same hole.

One line a hole says what found it; the last line is the score. Exits 1 unless every hole is found,
the untouched schema passes, and each hole can be made.
"""

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.context import ForkProcess
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from reelbase.local.binaries import find_binaries, find_project_root
from reelbase.local.postgres import url_for
from reelbase.local.processes import end_with_parent
from reelbase.local.throwaway import Database, fresh_database, running_server

from .mutants import MUTANTS, Mutant

__all__ = ["Suite", "Verdict", "examine", "load_tests", "main", "run_all", "run_suite", "suites"]

HERE = Path(__file__).parent
SWEEPS = ("catalogue_sweep", "coverage")
"""Modules that look at what is written in the catalogue, not at what comes of it."""

LEFT_OUT = ("browser_attacks", "ledger_crash", "matrix_rest", "mutants", "plans")
"""Modules that need more than a database, or ask how fast something is."""

PATIENCE = 600.0
"""Seconds after which a run of tests that has not ended never will; that counts as a failure."""

LOCK_PATIENCE = 30.0
"""Seconds after which a statement that waits for a lock fails: longer than any test would wait."""

_FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True, slots=True)
class Suite:
    """Test modules, and of these only the tests with one of some words in their names, if given."""

    modules: tuple[str, ...]
    words: tuple[str, ...] = ()

    @classmethod
    def named(cls, name: str) -> "Suite":
        """Read `module` or `module:word|word`."""
        module, _, words = name.partition(":")
        return cls((module,), tuple(filter(None, words.split("|"))))


@dataclass(slots=True)
class Verdict:
    """What became of a mutant.

    Attributes:
        mutant: Which one.
        found_by: The test that failed; None when none did.
        level: `behaviour`, `sweep`, or `` when nothing failed.
        expected: Whether it was found where it was expected.
        error: Why it could not be tried.
        seconds: How long all of it took.
    """

    mutant: Mutant
    found_by: str | None = None
    level: str = ""
    expected: bool = True
    error: str | None = None
    seconds: float = 0.0

    def __str__(self) -> str:
        words = {"behaviour": "killed", "sweep": "swept", "": "ALIVE"}
        said = "BROKEN" if self.error else words[self.level]
        why = self.error or self.found_by or "no test failed"
        late = " (not where expected)" if self.level == "behaviour" and not self.expected else ""
        return f"{said:7} {self.mutant.area}: {self.mutant.name}. {why}{late}, {self.seconds:.1f} s"


def suites() -> tuple[Suite, Suite]:
    """Return all modules about behaviour, and the sweeps."""
    names = sorted(path.stem.removeprefix("test_") for path in HERE.glob("test_*.py"))
    behaviour = [name for name in names if name not in (*SWEEPS, *LEFT_OUT)]
    # The matrix finds most, and everything after it is slower.
    behaviour.sort(key=lambda name: name != "matrix")
    return Suite(tuple(behaviour)), Suite(tuple(name for name in names if name in SWEEPS))


# One run of tests ---------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class _Probe:
    """A pytest plugin that hands tests a ready database and remembers the first failure."""

    database: Database
    failed: str | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Database | None:
        if fixturedef.argname != "database":
            return None
        fixturedef.cached_result = (self.database, fixturedef.cache_key(request), None)
        return self.database

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        left_out = [
            item
            for item in items
            if "stack" in getattr(item, "fixturenames", ()) or "turns_red" in item.name
        ]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and self.failed is None:
            self.failed = report.nodeid.removeprefix(f"{HERE.name}/test_")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and self.failed is None:
            self.failed = f"{report.nodeid} cannot be collected"


def run_suite(suite: Suite, database: Database, spare: Database) -> str | None:
    """Run tests on a database, up to the first failure, in a process of their own.

    Args:
        suite: Which tests.
        database: Where.
        spare: The same once more, to be copied for tests that want one of their own; nobody may be
            connected to it.

    Returns:
        The test that failed; None when all pass.

    Raises:
        RuntimeError: There was no test to run, or they could not be run.
    """
    answers: SimpleQueue[tuple[str | None, str | None]] = _FORK.SimpleQueue()
    child = _fork(_run_tests, suite, database, spare, answers)
    child.join(PATIENCE)
    if child.is_alive():
        child.kill()
        child.join()
        return "a test that never ends"
    if answers.empty():
        raise RuntimeError(f"the tests of {suite} ended with {child.exitcode}")
    failed, error = answers.get()
    if error is not None:
        raise RuntimeError(error)
    return failed


def _run_tests(
    suite: Suite,
    database: Database,
    spare: Database,
    answers: "SimpleQueue[tuple[str | None, str | None]]",
) -> None:
    # This process ends with the tests, so that nobody has to put these back. Who waits for a lock
    # that the same test holds waits in vain.
    os.environ["PGOPTIONS"] = f"-c lock_timeout={LOCK_PATIENCE:.0f}s"
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{__package__}.") and hasattr(module, "fresh_database"):
            vars(module)["fresh_database"] = partial(_copy_instead, spare)
    probe = _Probe(database)
    code, said = _pytest(suite, probe)
    if code == pytest.ExitCode.OK:
        answers.put((None, None))
    elif probe.failed is not None:
        answers.put((probe.failed, None))
    else:
        answers.put((None, f"pytest ended with {code} for {suite}: {said[-300:]}"))


def _fork(target: Callable[..., None], *arguments: Any) -> ForkProcess:
    """Start a process that knows all that this one does, and ends with it."""
    tie = end_with_parent(signal.SIGKILL)

    def run() -> None:
        if tie is not None:
            tie()
        target(*arguments)

    child = _FORK.Process(target=run)
    child.start()
    return child


def load_tests() -> None:
    """Import all tests once, so that no process forked from this one needs to.

    Raises:
        SystemExit: Some cannot be imported.
    """
    behaviour, sweeps = suites()
    code, said = _pytest(Suite((*behaviour.modules, *sweeps.modules)), "--collect-only")
    if code != pytest.ExitCode.OK:
        sys.exit(f"The tests cannot be collected:\n{said}")


def _pytest(suite: Suite, *more: "_Probe | str") -> tuple[int, str]:
    """Run pytest in this process, and return its exit code and all that was said."""
    options = ["--exitfirst", "--quiet", "--no-header", "--tb=no", "-p", "no:cacheprovider"]
    # This process has the plugin with the fixtures already, and needs no better messages of it.
    options += ["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"]
    options += ["-k", " or ".join(suite.words)] if suite.words else []
    options += [each for each in more if isinstance(each, str)]
    options += [str(HERE / f"test_{module}.py") for module in suite.modules]
    plugins = [each for each in more if isinstance(each, _Probe)]
    code: int = pytest.ExitCode.INTERNAL_ERROR
    with tempfile.TemporaryFile() as said, _output_to(said.fileno()):
        try:
            code = pytest.main(options, plugins=plugins)
        except Exception:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        said.seek(0)
        return code, said.read().decode(errors="replace")


@contextmanager
def _output_to(descriptor: int) -> Iterator[None]:
    kept = [os.dup(1), os.dup(2)]
    try:
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        yield
    finally:
        for number, old in enumerate(kept, start=1):
            os.dup2(old, number)
            os.close(old)


# One mutant ---------------------------------------------------------------------------------------


@contextmanager
def _copy_of(template: Database, name: str) -> Iterator[Database]:
    """Copy a database to which nobody is connected, and drop the copy at the end."""
    server_url = url_for(template.admin_url, database="postgres")
    original = conninfo_to_dict(template.admin_url)["dbname"]
    copied, copy = sql.Identifier(str(original)), sql.Identifier(name)
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(sql.SQL("drop database if exists {} with (force)").format(copy))
        server.execute(
            sql.SQL("create database {} template {} owner postgres").format(copy, copied)
        )
        try:
            yield Database(
                admin_url=url_for(template.admin_url, database=name),
                url=url_for(template.url, database=name),
            )
        finally:
            server.execute(sql.SQL("drop database if exists {} with (force)").format(copy))


@contextmanager
def _copy_instead(spare: Database, *_: object) -> Iterator[Database]:
    """Copy a database where a test would make one from the migrations."""
    with _copy_of(spare, f"mutant_{uuid4().hex}") as database:
        yield database


@contextmanager
def _pair_of(template: Database, name: str, hole: str = "") -> Iterator[tuple[Database, Database]]:
    """Copy a database twice, with the same hole in both."""
    with _copy_of(template, name) as database:
        if hole:
            with psycopg.connect(database.admin_url, autocommit=True) as connection:
                connection.execute(hole.encode())
        with _copy_of(database, f"{name}_spare") as spare:
            yield database, spare


def examine(mutant: Mutant, template: Database, name: str) -> Verdict:
    """Make a hole in a copy of a database, and see what finds it.

    Args:
        mutant: The hole.
        template: What to copy; nobody may be connected to it.
        name: What to call the copy.
    """
    verdict = Verdict(mutant)
    began = time.monotonic()
    behaviour, sweeps = suites()
    stages = [
        *(("behaviour", Suite.named(killer), True) for killer in mutant.killers),
        ("behaviour", behaviour, False),
        ("sweep", sweeps, False),
    ]
    try:
        with _pair_of(template, name, mutant.sql) as pair:
            for level, suite, expected in stages:
                verdict.found_by = run_suite(suite, *pair)
                if verdict.found_by is not None:
                    verdict.level, verdict.expected = level, expected
                    break
    except (psycopg.Error, RuntimeError) as error:
        verdict.error = " ".join(str(error).split())
    verdict.seconds = time.monotonic() - began
    return verdict


# All of them --------------------------------------------------------------------------------------


def _work(
    jobs: Sequence[Suite | Mutant],
    template: Database,
    name: str,
    tasks: "SimpleQueue[int | None]",
    results: "SimpleQueue[Verdict | str | None]",
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while (task := tasks.get()) is not None:
        job = jobs[task]
        if isinstance(job, Mutant):
            results.put(examine(job, template, name))
            continue
        try:
            with _pair_of(template, name) as pair:
                results.put(run_suite(job, *pair))
        except (psycopg.Error, RuntimeError) as error:
            results.put(str(error))


def run_all(mutants: Sequence[Mutant], template: Database, processes: int) -> list[Verdict]:
    """See that the untouched schema passes, then examine each mutant, and print what comes of it.

    Raises:
        SystemExit: The untouched schema does not pass.
    """
    untouched = [Suite((module,)) for suite in suites() for module in suite.modules]
    jobs = [*untouched, *mutants]
    # Numbers only: a pipe holds them all, so that neither end ever waits for the other.
    tasks: SimpleQueue[int | None] = _FORK.SimpleQueue()
    results: SimpleQueue[Any] = _FORK.SimpleQueue()
    workers = [
        _fork(_work, jobs, template, f"mutant_{number}", tasks, results)
        for number in range(processes)
    ]
    try:
        for task in range(len(untouched)):
            tasks.put(task)
        failed = [found for found in (results.get() for _ in untouched) if found is not None]
        if failed:
            sys.exit(f"The untouched schema does not pass: {'; '.join(failed)}")
        for task in range(len(untouched), len(jobs)):
            tasks.put(task)
        verdicts: list[Verdict] = []
        for _ in mutants:
            verdicts.append(results.get())
            print(f"{len(verdicts):3}/{len(mutants)} {verdicts[-1]}", flush=True)
        return verdicts
    finally:
        for worker in workers:
            worker.kill()


def _report(verdicts: Sequence[Verdict], seconds: float) -> int:
    """Print the score and return the exit status."""
    levels = {level: [v for v in verdicts if v.level == level] for level in ("behaviour", "sweep")}
    lost = [verdict for verdict in verdicts if not verdict.found_by]
    if levels["sweep"]:
        print("\nFound by a sweep alone:")
        print("\n".join(f"  {verdict.mutant.name}" for verdict in levels["sweep"]))
    if lost:
        print("\nNot found:")
        print("\n".join(f"  {verdict}" for verdict in lost))
    print(
        f"\n{len(levels['behaviour'])} by what somebody could do, {len(levels['sweep'])} by the"
        f" catalogue alone, in {seconds:.0f} s"
        f"\nmutants: {len(verdicts) - len(lost)} of {len(verdicts)} killed"
    )
    return 1 if lost else 0


def main() -> int:
    """Examine all mutants, or those whose area or name has a word in it."""
    parser = argparse.ArgumentParser(prog="python -m policies_tests.mutate", description=__doc__)
    parser.add_argument("word", nargs="?", default="", help="only these: part of area or name")
    parser.add_argument("-n", "--processes", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    mutants = [
        each for each in MUTANTS if asked.word.lower() in f"{each.area}: {each.name}".lower()
    ]
    if not mutants:
        sys.exit(f"There is no mutant with {asked.word!r} in its area or name.")
    began = time.monotonic()
    # A polite end reaches the server, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    load_tests()
    root = find_project_root(HERE)
    with (
        running_server(find_binaries(root).postgres) as server_url,
        fresh_database(server_url, root) as template,
    ):
        verdicts = run_all(mutants, template, asked.processes)
    return _report(verdicts, time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main())
