"""`reelbase webhooks list`, `show` and `replay`: what providers told us, and having it done again.

They speak to the database itself, as `reelbase credits` does. With `--dry-run` everything happens,
checks and all, and is rolled back. What an event says is shown only when it is asked for: events of
payments hold names and addresses.
"""

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from reelbase.cli.credits import (
    CreditsError,
    DryRun,
    Operator,
    Reason,
    StateDir,
    login_name,
    one_sentence,
    opened,
    say_end,
    show_table,
    shown,
)
from reelbase.cli.jobs import as_cell, connected, duration_of, read_duration, to_json
from reelbase.cli.worker import DEFAULT_STATE_DIR

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import DictRow

__all__ = ["register"]

MANY = 20
"""Events up to which each is named; of more there is a line for every thousand."""


class Status(StrEnum):
    """What became of an event."""

    RECEIVED = "received"
    FAILED = "failed"
    DEAD = "dead"
    PROCESSED = "processed"
    IGNORED = "ignored"


OfStatus = Annotated[
    list[Status] | None,
    typer.Option(
        "--status", help="Only these; may be given again.", show_default="failed and dead"
    ),
]
OfProvider = Annotated[str | None, typer.Option("--provider", help="Only its events.")]
OfType = Annotated[str | None, typer.Option("--type", help="Only these, like charge.complete.")]
OlderThan = Annotated[
    str | None, typer.Option("--older-than", help="Only what came longer ago: 90s, 10m, 2h, 3d.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]
WRONG = (Status.FAILED, Status.DEAD)

# By the indexes of what is open, what is dead, and what is done: each in its own order.
WHICH = {
    "next_attempt_at is not null and status::text = any(%(statuses)s)": (
        "next_attempt_at",
        {Status.RECEIVED, Status.FAILED},
    ),
    "status = 'dead'": ("created_at desc", {Status.DEAD}),
    "processed_at is not null and status::text = any(%(statuses)s)": (
        "processed_at desc",
        {Status.PROCESSED, Status.IGNORED},
    ),
}

FIND = """
select id, provider, event_id, type, subject, status::text, attempts - forgiven as attempts, error,
  job_id, payment_id, created_at, next_attempt_at, processed_at,
  date_part('epoch', now() - created_at) as age_seconds
from worker.webhook_events
where {which}
  and (%(provider)s::text is null or provider = %(provider)s)
  and (%(type)s::text is null or type = %(type)s)
  and (%(older_than)s::interval is null or created_at < now() - %(older_than)s)
order by {order}
limit %(limit)s
"""

SHOW = """
select id, provider, event_id, type, subject, is_of_payment, headers, payload, status::text,
  attempts - forgiven as attempts, error, job_id, payment_id, created_at, next_attempt_at,
  processed_at, date_part('epoch', next_attempt_at - now()) as due_in_seconds
from worker.webhook_events
where id = %s
"""

ACTIONS = """
select created_at, operator, action, reason
from worker.operator_actions
where details ->> 'id' = %s and action = 'replay_webhook'
order by created_at
"""


def register(app: typer.Typer) -> None:
    """Add the commands to an app."""
    group = typer.Typer(
        name="webhooks",
        help="See what providers told us, and have it acted on again, with a name and a reason.",
        no_args_is_help=True,
    )
    group.command("list")(list_webhooks)
    for command in (show, replay):
        group.command()(command)
    app.add_typer(group)


# Seeing -------------------------------------------------------------------------------------------


def list_webhooks(
    *,
    status: OfStatus = None,
    provider: OfProvider = None,
    type: OfType = None,  # noqa: A002 (the name of the option)
    older_than: OlderThan = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 50,
    as_json: AsJson = False,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """List events: those that went wrong, unless other states are asked for."""
    with one_sentence(), opened(state_dir) as connection:
        connection.execute("set transaction read only")
        rows = find(
            connection,
            status or WRONG,
            limit,
            provider=provider,
            type=type,
            older_than=older_than,
        )
    if as_json:
        typer.echo(to_json(rows))
        return
    show_table(
        ("event", "provider", "type", "about", "status", "age", "tries", "error"),
        [
            (
                row["id"],
                row["provider"],
                row["type"],
                row["payment_id"] or row["job_id"] or row["subject"],
                row["status"],
                duration_of(row["age_seconds"]),
                row["attempts"],
                row["error"],
            )
            for row in rows
        ],
        right={5, 6},
    )
    if len(rows) == limit:
        typer.echo(f"… there may be more (--limit {limit}).")


def find(
    connection: "psycopg.Connection[DictRow]",
    statuses: Sequence[Status],
    limit: int,
    *,
    provider: str | None,
    type: str | None,  # noqa: A002
    older_than: str | None,
) -> "list[DictRow]":
    """Return events that a filter is for: the next to be tried, then the dead, then what is done.

    Raises:
        CreditsError: `older_than` is no length of time.
    """
    wanted: dict[str, Any] = {
        "statuses": [each.value for each in statuses],
        "provider": provider,
        "type": type,
        "older_than": None if older_than is None else read_duration(older_than),
    }
    found: list[DictRow] = []
    for which, (order, some) in WHICH.items():
        if some & set(statuses) and len(found) < limit:
            query = FIND.format(which=which, order=order)
            given = {**wanted, "limit": limit - len(found)}
            found += connection.execute(query.encode(), given).fetchall()
    return found


def show(
    event: Annotated[
        str, typer.Argument(help="An id as listed, or a provider and its id: stripe:evt_1.")
    ],
    *,
    payload: Annotated[
        bool, typer.Option("--payload", help="Also what it says, which may be private.")
    ] = False,
    as_json: AsJson = False,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Show one event: where it came from, what became of it, and what comes next."""
    with one_sentence(), opened(state_dir) as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        event_id = read_event(connection, event)
        row = connection.execute(SHOW, [event_id]).fetchone()
        if row is None:
            raise CreditsError(f"There is no event {event_id}.")
        actions = connection.execute(ACTIONS, [str(event_id)]).fetchall()
    if not payload:
        del row["payload"]
    if as_json:
        typer.echo(to_json({**row, "actions": actions}))
        return
    lines: list[tuple[str, object]] = [
        ("event", row["id"]),
        ("from", f"{row['provider']}, as {row['event_id']}"),
        ("type", row["type"] or None),
        ("about", row["subject"]),
        ("job", row["job_id"]),
        ("payment", row["payment_id"]),
        ("status", row["status"]),
        ("attempts", row["attempts"]),
        ("error", row["error"]),
        ("came", f"{as_cell(row['created_at'])} UTC"),
        ("done", f"{as_cell(row['processed_at'])} UTC" if row["processed_at"] else None),
        ("next", next_of(row)),
    ]
    for name, fact in lines:
        if fact is not None:
            typer.echo(f"{name:<10}{shown(str(fact))}")
    if row["headers"]:
        typer.echo("\nHeaders")
        show_table(("name", "value"), sorted(row["headers"].items()), right=set())
    if actions:
        typer.echo("\nBy hand")
        columns = ("created_at", "operator", "action", "reason")
        show_table(
            ("created", *columns[1:]),
            [[as_cell(each[column]) for column in columns] for each in actions],
            right=set(),
        )
    if payload:
        typer.echo("\nPayload")
        # Escaped where it is not printable: a terminal would obey it.
        typer.echo(json.dumps(row["payload"], indent=2))


def next_of(row: "DictRow") -> str | None:
    """Say what will become of an event."""
    if row["status"] == "dead":
        return f"nothing, unless: reelbase webhooks replay {row['id']} --reason …"
    if row["next_attempt_at"] is None:
        return None
    who = "`reelbase api`" if row["is_of_payment"] else "`reelbase worker`"
    if row["due_in_seconds"] <= 0:
        return f"{who} acts on it now"
    return f"{who} acts on it in {duration_of(row['due_in_seconds'])}"


def read_event(connection: "psycopg.Connection[DictRow]", text: str) -> UUID:
    """Return the id of an event, which may be told by its provider's.

    Raises:
        CreditsError: There is none, or it is something else.
    """
    provider, colon, event_id = text.strip().partition(":")
    if colon:
        row = connection.execute(
            "select id from worker.webhook_events where provider = %s and event_id = %s",
            [provider, event_id],
        ).fetchone()
        if row is None:
            raise CreditsError(f"{shown(provider)} has told us of no “{shown(event_id)}”.")
        found: UUID = row["id"]
        return found
    try:
        return UUID(text.strip())
    except ValueError:
        raise CreditsError(
            f"“{shown(text)}” is not the id of an event; a provider's own stands after its name"
            " and a colon."
        ) from None


# Doing --------------------------------------------------------------------------------------------


def replay(
    events: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="EVENT…",
            help="Ids as listed, or a provider and its id: stripe:evt_1.",
            show_default=False,
        ),
    ] = None,
    *,
    reason: Reason,
    everything: Annotated[
        bool, typer.Option("--all", help="All that are dead and that the filters leave.")
    ] = False,
    status: OfStatus = None,
    provider: OfProvider = None,
    type: OfType = None,  # noqa: A002
    older_than: OlderThan = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --all: do not ask.")] = False,
    operator: Operator = None,
    dry_run: DryRun = False,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Have events acted on again, at once; what they led to already is not done twice."""
    with one_sentence():
        who = operator or login_name()
        is_filtered = any((status, provider, type, older_than))
        if bool(events) == everything or (events and is_filtered):
            raise CreditsError("Name events, or say --all and which: --provider, --type, ….")
        if Status.RECEIVED in (status or ()):
            raise CreditsError("What is received is about to be acted on as it is.")
        with connected(state_dir) as connection:
            if everything:
                found = find(
                    connection,
                    status or [Status.DEAD],
                    10_000_000,
                    provider=provider,
                    type=type,
                    older_than=older_than,
                )
                ids = [row["id"] for row in found]
                typer.echo(f"{len(ids):,} events.")
                if ids and not (yes or dry_run):
                    typer.confirm("Act on all of them again?", abort=True)
            else:
                ids = [read_event(connection, each) for each in events or ()]
            replay_each(connection, ids, reason, who, dry_run=dry_run, some=everything)
    say_end(dry_run=dry_run)


def replay_each(
    connection: "psycopg.Connection[DictRow]",
    event_ids: Sequence[UUID],
    reason: str,
    operator: str,
    *,
    dry_run: bool,
    some: bool,
) -> None:
    """Replay events, each in a transaction of its own, so that nobody waits for all of them.

    Raises:
        psycopg.Error: One of them cannot be, and that is not because it changed meanwhile.
    """
    import psycopg  # noqa: PLC0415

    count, changed = 0, 0
    try:
        for event_id in event_ids:
            try:
                with connection.transaction(force_rollback=dry_run):
                    row = connection.execute(
                        "select provider, event_id, type from worker.replay_webhook(%s, %s, %s)",
                        [event_id, reason, operator],
                    ).fetchone()
                    assert row is not None
            except psycopg.Error as error:
                if not some or error.diag.message_hint not in {
                    "webhook_not_found",
                    "webhook_is_open",
                }:
                    raise
                changed += 1
                continue
            count += 1
            if len(event_ids) > MANY:
                if count % 1000 == 0:
                    typer.echo(f"{count:,} of {len(event_ids):,}")
            else:
                what = f"{row['provider']}, {row['type'] or row['event_id']}"
                typer.echo(f"{event_id}  {shown(what)}, is due now.")
    finally:
        if some or len(event_ids) > 1:
            other = f" {changed:,} had changed meanwhile." if changed else ""
            typer.echo(f"{count:,} are due now.{other}")
