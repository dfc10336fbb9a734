"""`reelbase queue`: what waits, what runs, and how fast; and `queue pause`, `resume` and `limit`.

It reads the services' views of the queue, from the database itself, as `reelbase credits` does.
"""

import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelbase.cli.credits import (
    CreditsError,
    DryRun,
    Operator,
    Reason,
    StateDir,
    one_sentence,
    opened,
    reason_of,
    say_end,
    show_table,
    shown,
)
from reelbase.cli.jobs import (
    READ_PROVIDERS,
    duration_of,
    health_of,
    operate,
    read_duration,
    to_json,
)
from reelbase.cli.worker import DEFAULT_STATE_DIR

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import DictRow
    from rich.console import RenderableType

__all__ = ["register"]

PLACES = ("in_line", "held", "blocked", "parked", "running")
RATES = ("started_1m", "ended_1m", "completed_5m", "failed_5m")

ToProvider = Annotated[str, typer.Argument(help="Which provider.")]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its heading; the columns that `right` counts stand at the right."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[object]]
    right: frozenset[int]


def register(app: typer.Typer) -> None:
    """Add the commands to an app."""
    group = typer.Typer(name="queue")
    group.callback(invoke_without_command=True)(watch)
    for command in (pause, resume, limit):
        group.command()(command)
    app.add_typer(group)


# Seeing -------------------------------------------------------------------------------------------


def watch(
    context: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="Show it once and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Once, for machines.")] = False,
    interval: Annotated[float, typer.Option(min=0.1, help="Seconds between looks.")] = 2.0,
    users: Annotated[int, typer.Option(min=0, help="How many of the heaviest users.")] = 5,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Show what waits and what runs, live, until Ctrl-C; or hold providers back.

    In line: may be claimed. Held: its user has as much in line and running as the plan allows.
    Blocked: waits for other jobs. Parked: its provider works on it, or another attempt is due
    later. Running: a dispatcher has it.
    """
    if context.invoked_subcommand is not None:
        return
    if as_json:
        with one_sentence():
            typer.echo(to_json(look(state_dir, users)))
    elif once or not sys.stdout.isatty():
        with one_sentence():
            seen = look(state_dir, users)
        typer.echo(summary_of(seen))
        for table in tables_of(seen):
            typer.echo(f"\n{table.title}")
            show_table(table.headings, table.rows, right=set(table.right))
    else:
        watch_live(state_dir, users, interval)


def look(state_dir: Path, users: int) -> dict[str, Any]:
    """Read everything that there is to see, as of one moment."""
    with opened(state_dir) as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        return {
            "at": datetime.now(UTC),
            "depths": rows_of(
                connection, "select * from worker.queue_depths order by provider, kind"
            ),
            "rates": rows_of(
                connection, "select * from worker.queue_rates order by provider, kind"
            ),
            "statuses": rows_of(
                connection,
                "select * from worker.job_queue_status order by kind, status, provider",
            ),
            "providers": rows_of(connection, READ_PROVIDERS),
            "users": rows_of(
                connection,
                "select heaviest.*, profiles.email, profiles.subscription_tier::text as tier"
                " from (select * from worker.queue_users order by jobs desc, user_id limit %s)"
                " as heaviest left join public.profiles using (user_id)"
                " order by heaviest.jobs desc, heaviest.user_id",
                users,
            ),
        }


def rows_of(
    connection: "psycopg.Connection[DictRow]", query: str, *arguments: object
) -> "list[DictRow]":
    """Return a query's rows."""
    return connection.execute(query.encode(), arguments or None).fetchall()


def total(rows: Iterable[Mapping[str, Any]], column: str) -> int:
    """Add a column up."""
    return int(sum(row[column] for row in rows))


def oldest(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the longest wait of those in line, for people."""
    return duration_of(max((row["oldest_wait_seconds"] or 0 for row in rows), default=0) or None)


def summary_of(seen: Mapping[str, Any]) -> str:
    """Say in a line how the queue stands."""
    depths, rates = seen["depths"], seen["rates"]
    if not depths:
        said = "Nothing waits and nothing runs."
    else:
        counts = ", ".join(
            f"{total(depths, place):,} {place.replace('_', ' ')}" for place in reversed(PLACES)
        )
        since = oldest(depths)
        jobs = total(depths, "jobs")
        said = f"{jobs:,} {'job' if jobs == 1 else 'jobs'}: {counts}."
        said += f" The first in line waits for {since}." if since else ""
    return (
        f"{said} In the last minute {total(rates, 'started_1m'):,} attempts were begun and"
        f" {total(rates, 'ended_1m'):,} jobs ended."
    )


def tables_of(seen: Mapping[str, Any]) -> list[Table]:
    """Put what was read into tables for people; those without rows are left out."""
    depths, rates = seen["depths"], seen["rates"]
    providers = {row["name"]: row for row in seen["providers"]}
    names = sorted({*providers, *(row["provider"] for row in [*depths, *rates])})
    kinds = sorted({row["kind"] for row in [*depths, *rates]})
    head = (*(place.replace("_", " ") for place in PLACES), "oldest")
    speed = ("begun/min", "ended/min", "done/5 min", "failed/5 min")
    found = [
        Table(
            "Providers",
            ("provider", "is", "at work", "limit", "a minute", *head, *speed),
            [
                (
                    name,
                    health_of(providers.get(name)),
                    total(of(depths, "provider", name), "underway"),
                    providers[name]["max_running"] if name in providers else None,
                    providers[name]["starts_per_minute"] if name in providers else None,
                    *cells_of(of(depths, "provider", name), of(rates, "provider", name)),
                )
                for name in names
            ],
            frozenset(range(2, 15)),
        ),
        Table(
            "Kinds",
            ("kind", *head, *speed),
            [
                (kind, *cells_of(of(depths, "kind", kind), of(rates, "kind", kind)))
                for kind in kinds
            ],
            frozenset(range(1, 11)),
        ),
        Table(
            "States",
            ("kind", "status", "provider", "jobs", "average wait", "longest wait"),
            [
                (
                    row["kind"],
                    row["status"],
                    row["provider"],
                    f"{row['jobs']:,}",
                    duration_of(row["average_wait_seconds"]),
                    duration_of(row["longest_wait_seconds"]),
                )
                for row in seen["statuses"]
            ],
            frozenset(range(3, 6)),
        ),
        Table(
            "Heaviest users",
            ("user", "plan", "jobs", *head),
            [
                (
                    row["email"] or row["user_id"],
                    row["tier"],
                    f"{row['jobs']:,}",
                    *cells_of([row], [])[: len(head)],
                )
                for row in seen["users"]
            ],
            frozenset(range(2, 9)),
        ),
    ]
    return [table for table in found if table.rows]


def of(rows: Iterable[Mapping[str, Any]], column: str, value: object) -> list[Mapping[str, Any]]:
    """Return those rows that have a value in a column."""
    return [row for row in rows if row[column] == value]


def cells_of(
    depths: Sequence[Mapping[str, Any]], rates: Sequence[Mapping[str, Any]]
) -> tuple[str, ...]:
    """Return the cells of places, the longest wait and the rates, added up."""
    return (
        *(f"{total(depths, place):,}" for place in PLACES),
        oldest(depths),
        *(f"{total(rates, rate):,}" for rate in RATES),
    )


def watch_live(state_dir: Path, users: int, interval: float) -> None:
    """Show the queue on the whole terminal, again and again, until Ctrl-C."""
    import psycopg  # noqa: PLC0415
    from rich.live import Live  # noqa: PLC0415

    with one_sentence():
        seen = look(state_dir, users)
    took = 0.0
    try:
        with Live(render(seen, None), screen=True, auto_refresh=False) as live:
            while True:
                # Looking at a long queue takes a while: it is not to be what keeps the server busy.
                time.sleep(max(interval, 4 * took))
                began = time.monotonic()
                trouble = None
                try:
                    seen = look(state_dir, users)
                except (psycopg.Error, CreditsError) as error:
                    trouble = reason_of(error)
                took = time.monotonic() - began
                live.update(render(seen, trouble), refresh=True)
    except KeyboardInterrupt:
        return


def render(seen: Mapping[str, Any], trouble: str | None) -> "RenderableType":
    """Draw what was read, and what is in the way of reading it anew."""
    from rich import box  # noqa: PLC0415
    from rich.console import Group  # noqa: PLC0415
    from rich.table import Table as Drawn  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    parts: list[RenderableType] = [
        Text(f"{seen['at']:%Y-%m-%d %H:%M:%S} UTC", style="dim"),
        Text(summary_of(seen), style="bold"),
    ]
    if trouble:
        parts.append(Text(f"{trouble} This is how it was.", style="red"))
    for table in tables_of(seen):
        drawn = Drawn(title=table.title, title_justify="left", box=box.SIMPLE_HEAD)
        for number, heading in enumerate(table.headings):
            drawn.add_column(heading, justify="right" if number in table.right else "left")
        for row in table.rows:
            cells = [shown("" if cell is None else str(cell)) for cell in row]
            ill = table.title == "Providers" and cells[1] != "well"
            drawn.add_row(*(Text(cell) for cell in cells), style="yellow" if ill else None)
        parts.append(drawn)
    return Group(*parts)


# Holding back -------------------------------------------------------------------------------------


def pause(
    provider: ToProvider,
    *,
    reason: Reason,
    lasts: Annotated[
        str | None,
        typer.Option("--for", help="How long: 90s, 10m, 2h, 3d.", show_default="until resumed"),
    ] = None,
    operator: Operator = None,
    dry_run: DryRun = False,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Claim nothing of a provider, neither what is new nor what it has; no attempt is spent."""
    with one_sentence():
        lasting = None if lasts is None else read_duration(lasts)
        with opened(state_dir, undo=dry_run) as connection:
            settings = {}
            if lasting is not None:
                [row] = connection.execute(
                    "select (now() + %s)::text as until", [lasting]
                ).fetchall()
                settings = {"until": row["until"]}
            operate(
                connection,
                provider,
                "pause",
                reason=reason,
                operator=operator,
                settings=settings,
            )
    say_end(dry_run=dry_run)


def resume(
    provider: ToProvider,
    *,
    reason: Annotated[str, typer.Option(help="Why, for whoever reads it later.")] = "resumed",
    operator: Operator = None,
    dry_run: DryRun = False,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """End a provider's pause, an operator's or one that its failures brought about."""
    with one_sentence(), opened(state_dir, undo=dry_run) as connection:
        operate(connection, provider, "resume", reason=reason, operator=operator)
    say_end(dry_run=dry_run)


def limit(
    provider: ToProvider,
    *,
    reason: Reason,
    max_running: Annotated[
        str | None,
        typer.Option(help="Jobs at once, over all dispatchers, or none.", show_default="as it is"),
    ] = None,
    starts_per_minute: Annotated[
        str | None,
        typer.Option(help="Jobs begun in a minute, or none.", show_default="as it is"),
    ] = None,
    operator: Operator = None,
    dry_run: DryRun = False,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Say how many jobs of a provider run at once and begin in a minute; `none`: no limit."""
    with one_sentence():
        given = {"max_running": max_running, "starts_per_minute": starts_per_minute}
        settings = {name: read_limit(text) for name, text in given.items() if text is not None}
        if not settings:
            raise CreditsError("Give --max-running or --starts-per-minute, or both.")
        with opened(state_dir, undo=dry_run) as connection:
            operate(
                connection,
                provider,
                "limit",
                reason=reason,
                operator=operator,
                settings=settings,
            )
            [row] = rows_of(
                connection,
                "select max_running, starts_per_minute from worker.providers where name = %s",
                provider,
            )
        typer.echo(
            f"At once: {row['max_running'] or 'no limit'}. Begun in a minute:"
            f" {row['starts_per_minute'] or 'no limit'}."
        )
    say_end(dry_run=dry_run)


def read_limit(text: str) -> int | None:
    """Read a limit: a number above 0, or none.

    Raises:
        CreditsError: It is something else.
    """
    if text.strip() == "none":
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text.strip(), re.ASCII):
        raise CreditsError(f"“{shown(text)}” is no limit: give a number from 1, or none.")
    return int(text.strip())
