"""Tries to break the ledger for as long as one likes: `make soak MINUTES=10`.

Two things go on at once, each on a server of its own:
  lives    accounts whose lives hypothesis makes up, compared with a model after each step
           (test_ledger_machine.py), another selection each time;
  races    every race of test_ledger_races.py, over and over, and all of it mixed, on a server that
           writes as in production and is killed five times under load (test_ledger_crash.py).

The last lines say how much was done. Exits 1 at the first finding, which is told in full.
"""

import argparse
import multiprocessing
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.context import ForkProcess
from multiprocessing.queues import SimpleQueue
from pathlib import Path

from hypothesis import settings

from reelbase.local.binaries import find_binaries, find_project_root
from reelbase.local.processes import end_with_parent
from reelbase.local.throwaway import running_server

from .harness import Bench, open_shop
from .test_ledger_crash import running_wreck
from .test_ledger_machine import BRIEFLY, live, open_books
from .test_ledger_races import RACES, TALLY, no_deadlocks, turmoil

__all__ = ["Report", "main", "soak"]

CRASHES = 5
LONGER = settings(BRIEFLY, max_examples=10, stateful_step_count=80)
"""Lives that are twice as long as those for which the tests have time."""

PATIENCE = 600.0
"""Seconds that hypothesis may take to simplify what it has found."""

_FORK = multiprocessing.get_context("fork")


@dataclass(slots=True)
class Report:
    """How much was done, and what was found.

    Attributes:
        tally: How much, by kind.
        audit: How many things were looked at by promise, at the end.
        finding: What broke; empty when nothing did.
    """

    tally: Counter[str] = field(default_factory=Counter)
    audit: Counter[str] = field(default_factory=Counter)
    finding: str = ""


def main() -> None:
    """Run both for some minutes, and say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m policies_tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=None, help="default: the time")
    asked = parser.parse_args()
    seed = int(time.time()) if asked.seed is None else asked.seed
    sys.stdout.write(f"Soaking for {asked.minutes:g} minutes, with seed {seed}.\n")
    sys.stdout.flush()
    reports = soak(asked.minutes * 60, seed, find_project_root())
    sys.stdout.write("\n".join(describe(*reports)) + "\n")
    sys.exit(any(report.finding for report in reports))


def soak(seconds: float, seed: int, project: Path) -> tuple[Report, Report]:
    """Live and race for so many seconds; return the reports of both."""
    until = time.monotonic() + seconds
    queue: SimpleQueue[Report] = _FORK.SimpleQueue()
    ask_kernel = end_with_parent(signal.SIGTERM)
    process = ForkProcess(
        target=_live_apart, args=(queue, until, seed, project, ask_kernel), daemon=True
    )
    process.start()
    races = race_and_crash(until, seconds, seed, project)
    # A finding of the lives is simplified first, which takes its time.
    process.join(PATIENCE + max(0.0, until - time.monotonic()))
    if not queue.empty():
        return queue.get(), races
    process.terminate()
    return Report(finding="The lives did not come to an end."), races


def _live_apart(
    queue: "SimpleQueue[Report]",
    until: float,
    seed: int,
    project: Path,
    ask_kernel: Callable[[], None] | None,
) -> None:
    if ask_kernel:
        ask_kernel()
    queue.put(live_on(until, seed, project))


def live_on(until: float, seed: int, project: Path) -> Report:
    """Compare lives of accounts with the model's until some time."""
    report = Report()
    try:
        with (
            running_server(find_binaries(project).postgres) as server,
            open_books(server, project) as books,
        ):
            try:
                while time.monotonic() < until:
                    live(books, seed, LONGER)
                    seed += 1
            finally:
                report.tally.update(books.tally)
    except Exception:
        report.finding = traceback.format_exc()
    return report


def race_and_crash(until: float, seconds: float, seed: int, project: Path) -> Report:
    """Run every race again and again until some time, and kill the server now and then."""
    report = Report()
    begun = until - seconds
    try:
        with running_wreck(project) as wreck:
            try:
                turn = 0
                while turn == 0 or time.monotonic() < until:
                    with Bench(wreck.url) as bench, no_deadlocks(bench, wreck.server.log_path):
                        race = RACES[turn % len(RACES)]
                        race(bench, open_shop(bench))
                        turmoil(bench, open_shop(bench), turns=8, seed=seed + turn)
                    turn += 1
                    due = (time.monotonic() - begun) / seconds * (CRASHES + 1)
                    if wreck.tally["crashes"] < min(CRASHES, int(due)):
                        wreck.crash(seed + turn)
                while wreck.tally["crashes"] < CRASHES:
                    wreck.crash(seed + wreck.tally["crashes"])
                with Bench(wreck.url) as bench:
                    for promise, checked, broken in bench.rows(
                        "select promise, checked, broken from worker.audit_credits()"
                    ):
                        report.audit[str(promise)] += int(checked)
                        assert broken == 0, f"{promise}: {broken} of {checked}"
            finally:
                report.tally.update(wreck.tally)
                report.tally.update(TALLY)
    except Exception:
        report.finding = traceback.format_exc()
    return report


def describe(lives: Report, races: Report) -> list[str]:
    """Return what is printed at the end."""
    told = [f"{name}\n{report.finding}" for name, report in _named(lives, races) if report.finding]
    told += [f"  {count:>9,}  {promise}" for promise, count in sorted(races.audit.items())]
    operations = lives.tally["operations"] + races.tally["calls"] + races.tally["operations"]
    told.append(
        f"operations: {operations:,} ({lives.tally['operations']:,} in {lives.tally['lives']:,} "
        f"lives, {races.tally['calls']:,} in races, {races.tally['operations']:,} before crashes)"
    )
    told.append(f"races: {races.tally['races']:,}, no deadlock")
    told.append(
        f"crashes: {races.tally['crashes']}; {races.tally['answers']:,} acknowledged answers were "
        f"there afterwards, {races.tally['unanswered']} unacknowledged ones went well again"
    )
    checked = lives.tally["comparisons"] + races.audit.total()
    told.append(
        f"invariants: {checked:,} rows compared or audited, "
        f"{lives.tally['reconciliations']:,} times all books reconciled"
    )
    found = sum(bool(report.finding) for report in (lives, races))
    told.append(f"findings: {found or 'none'}")
    return told


def _named(lives: Report, races: Report) -> tuple[tuple[str, Report], ...]:
    return (
        ("FOUND by the lives of accounts:", lives),
        ("FOUND by races and crashes:", races),
    )


if __name__ == "__main__":
    main()
