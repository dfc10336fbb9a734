"""`reelbase credits audit`, `statement`, `grant`, `adjust` and `refund`: the operator's tools.

They speak to the database itself, as its owner: DATABASE_URL, or else the embedded stack's. With
`--dry-run` everything happens, checks and all, and is rolled back.
"""

import csv
import getpass
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from reelbase.cli.worker import DEFAULT_STATE_DIR, embedded_environment, refuse

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import DictRow

__all__ = ["register"]

CONNECT_SECONDS = 10

StateDir = Annotated[
    Path,
    typer.Option(
        envvar="REELBASE_STATE_DIR",
        help="State folder of an embedded stack, for when neither DATABASE_URL nor SUPABASE_URL is "
        "set.",
    ),
]
User = Annotated[str, typer.Option(help="Whose credits: a user's id or e-mail address.")]
Reason = Annotated[str, typer.Option(help="Why, for the books and whoever reads them later.")]
Operator = Annotated[str | None, typer.Option(help="Who does it.", show_default="your login name")]
Key = Annotated[
    str | None, typer.Option(help="Makes it safe to repeat: the same key does it once.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Do it in full, show it, and take all of it back.")
]


class Form(StrEnum):
    """How a statement is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class CreditsError(Exception):
    """Something cannot be done; the message is one sentence for the operator."""


def register(app: typer.Typer) -> None:
    """Add the commands to an app."""
    group = typer.Typer(
        name="credits",
        help="Check the books, and correct them by hand, with a name and a reason.",
        no_args_is_help=True,
    )
    for command in (audit, statement, grant, adjust, refund):
        group.command()(command)
    app.add_typer(group)


# Reading ------------------------------------------------------------------------------------------


def audit(
    limit: Annotated[int, typer.Option(min=0, help="Broken rows to show at most.")] = 20,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Check every promise about credits over all rows; exit with 1 when one is broken."""
    began = time.monotonic()
    with one_sentence(), opened(state_dir) as connection:
        # Both questions about the same moment, however long the answers take.
        connection.execute("set transaction isolation level repeatable read, read only")
        connection.execute("set local statement_timeout = 0")
        promises = connection.execute(
            "select promise, coalesce(checked, 0) as checked, broken"
            " from worker.audit_credits() order by broken desc, promise"
        ).fetchall()
        broken = sum(row["broken"] for row in promises)
        found = connection.execute(
            "select promise, user_id, subject_id, expected, found"
            " from private.reconcile_credits() order by promise, user_id, subject_id limit %s",
            [limit if broken else 0],
        ).fetchall()
    show_table(
        ("promise", "checked", "broken"),
        [(row["promise"], f"{row['checked']:,}", f"{row['broken']:,}") for row in promises],
        right={1, 2},
    )
    checked = sum(row["checked"] for row in promises)
    typer.echo(
        f"\n{len(promises)} promises, {checked:,} things looked at in"
        f" {time.monotonic() - began:.1f} s: {f'{broken:,} broken.' if broken else 'all is well.'}"
    )
    if not broken:
        return
    typer.echo()
    show_table(
        ("broken promise", "user", "subject", "expected", "found"),
        [tuple(row.values()) for row in found],
        right={3, 4},
    )
    if broken > len(found):
        typer.echo(f"… and {broken - len(found):,} more (--limit).")
    raise typer.Exit(1)


def statement(
    user: User,
    limit: Annotated[int, typer.Option(min=1, help="How many of the newest entries.")] = 50,
    form: Annotated[Form, typer.Option("--format", help="How it is written.")] = Form.TABLE,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Show a user's ledger with its running balance, newest entries last."""
    with one_sentence(), opened(state_dir) as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        person = find_user(connection, user)
        account = find_account(connection, person["user_id"])
        entries = connection.execute(
            "select * from public.credit_statement where user_id = %s"
            " order by version desc limit %s",
            [person["user_id"], limit],
        )
        columns = [column.name for column in entries.description or ()]
        rows = entries.fetchall()[::-1]
    if form is Form.JSON:
        typer.echo(json.dumps(rows, default=str, ensure_ascii=False, indent=2))
    elif form is Form.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(row.values() for row in rows)
    else:
        owed = f", {account['debt']} owed" if account["debt"] else ""
        typer.echo(f"{name_of(person)}: {account['balance']} credits{owed}")
        typer.echo(f"{len(rows):,} of {account['version']:,} entries\n")
        show_table(
            ("", "when (UTC)", "type", "status", "amount", "balance", "for"),
            [
                (
                    row["version"],
                    f"{row['created_at']:%Y-%m-%d %H:%M:%S}",
                    row["type"],
                    row["status"],
                    f"{row['amount']:+}",
                    row["balance_after"],
                    purpose_of(row),
                )
                for row in rows
            ],
            right={0, 4, 5},
        )


def purpose_of(row: Mapping[str, Any]) -> str:
    """Say in a few words what an entry was for."""
    ids = {name: row.get(f"{name}_id") for name in ("job", "payment")}
    named = (f"{name} {value}" for name, value in ids.items() if value)
    texts = (row["operation_type"], row["model_id"], row["description"])
    return ", ".join([*filter(None, texts), *named])


# Writing ------------------------------------------------------------------------------------------


def grant(
    *,
    user: User,
    amount: Annotated[str, typer.Option(help="Credits to give, like 25 or 12.50.")],
    reason: Reason,
    operator: Operator = None,
    idempotency_key: Key = None,
    expires_in_days: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=36_500,
            help="Days until what is unspent lapses, at midnight UTC.",
            show_default="never",
        ),
    ] = None,
    dry_run: DryRun = False,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Give a user credits, as a bonus."""
    with one_sentence():
        arguments = {
            "p_amount": read_amount(amount),
            "p_reason": reason,
            "p_operator": operator or login_name(),
            "p_idempotency_key": idempotency_key,
        }
        with opened(state_dir, undo=dry_run) as connection:
            person = find_user(connection, user)
            if expires_in_days is not None:
                # By the books' clock, at a midnight: repeated with its key, the same is the same.
                row = connection.execute(
                    "select date_trunc('day', private.now(), 'UTC')"
                    " + make_interval(days => %s) as at",
                    [expires_in_days + 1],
                ).fetchone()
                arguments["p_expires_at"] = row and row["at"]
            book(connection, person, "worker.grant_credits", arguments)
    say_end(dry_run=dry_run)


def adjust(
    *,
    user: User,
    amount: Annotated[
        str, typer.Option(help="Credits to give or, with a minus, to take, like -12.50.")
    ],
    reason: Reason,
    operator: Operator = None,
    idempotency_key: Key = None,
    dry_run: DryRun = False,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Correct a user's credits, up or down; never below what can be spent."""
    with one_sentence():
        arguments = {
            "p_amount": read_amount(amount),
            "p_reason": reason,
            "p_operator": operator or login_name(),
            "p_idempotency_key": idempotency_key,
        }
        with opened(state_dir, undo=dry_run) as connection:
            book(connection, find_user(connection, user), "worker.adjust_credits", arguments)
    say_end(dry_run=dry_run)


def refund(
    *,
    job: Annotated[str, typer.Option(help="The id of a job that has ended.")],
    reason: Reason,
    amount: Annotated[
        str | None,
        typer.Option(help="Credits to return.", show_default="all that is left of the charge"),
    ] = None,
    operator: Operator = None,
    idempotency_key: Key = None,
    dry_run: DryRun = False,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Return what a job cost, or a part of it."""
    with one_sentence():
        arguments = {
            "p_job_id": read_id(job, "job"),
            "p_reason": reason,
            "p_operator": operator or login_name(),
            "p_amount": None if amount is None else read_amount(amount),
            "p_idempotency_key": idempotency_key,
        }
        with opened(state_dir, undo=dry_run) as connection:
            owner = connection.execute(
                "select user_id from public.generation_jobs where id = %s", [arguments["p_job_id"]]
            ).fetchone()
            if owner is None:
                raise CreditsError(f"There is no job {arguments['p_job_id']}.")
            person = find_user(connection, str(owner["user_id"]))
            book(connection, person, "worker.refund_job", arguments, with_user=False)
    say_end(dry_run=dry_run)


def book(
    connection: "psycopg.Connection[DictRow]",
    person: Mapping[str, Any],
    function: str,
    arguments: Mapping[str, Any],
    *,
    with_user: bool = True,
) -> None:
    """Call one of the operator's functions and show what it did to the account."""
    from psycopg import sql  # noqa: PLC0415

    before = find_account(connection, person["user_id"])
    given = {**({"p_user_id": person["user_id"]} if with_user else {}), **arguments}
    call = sql.SQL("select * from {}({})").format(
        sql.Identifier(*function.split(".")),
        sql.SQL(", ").join(
            sql.SQL("{} => {}").format(sql.Identifier(name), sql.Placeholder(name))
            for name in given
        ),
    )
    row = connection.execute(call, given).fetchone()
    if row is None or row["id"] is None:
        raise CreditsError("There is nothing to do: nothing is left of the charge.")
    # What would stop the commit is to stop a dry run as well.
    connection.execute("set constraints all immediate")
    after = find_account(connection, person["user_id"])

    facts = [("user", name_of(person))]
    if arguments.get("p_job_id"):
        facts.append(("job", str(arguments["p_job_id"])))
    facts += [
        ("entry", f"{row['type']} of {row['amount']:+} credits, number {row['version']}"),
        ("reason", shown(arguments["p_reason"])),
        ("operator", shown(arguments["p_operator"])),
    ]
    if arguments.get("p_expires_at"):
        facts.append(("lapses", f"{arguments['p_expires_at']:%Y-%m-%d}, 00:00 UTC"))
    if row["version"] <= before["version"]:
        facts.append(("balance", f"{after['balance']}, unchanged"))
        facts.append(("note", f"this key did this on {row['created_at']:%Y-%m-%d %H:%M} UTC"))
    else:
        facts.append(("balance", f"{row['balance_after'] - row['amount']} → {after['balance']}"))
        if before["debt"] or after["debt"]:
            facts.append(("debt", f"{before['debt']} → {after['debt']}"))
    for name, fact in facts:
        typer.echo(f"{name:<10}{fact}")


def say_end(*, dry_run: bool) -> None:
    """Say whether it stays."""
    typer.echo(
        "Dry run: nothing was written. This is what would happen without --dry-run."
        if dry_run
        else "Done."
    )


# Finding ------------------------------------------------------------------------------------------


def find_user(connection: "psycopg.Connection[DictRow]", wanted: str) -> "DictRow":
    """Find a user by id or e-mail address.

    Raises:
        CreditsError: There is none, or more than one.
    """
    wanted = wanted.strip()
    try:
        user_id = UUID(wanted)
    except ValueError:
        user_id = None
    rows = connection.execute(
        "select user_id, email, deleted_at from public.profiles"
        " where user_id = %s or lower(email) = lower(%s) order by user_id limit 5",
        [user_id, wanted],
    ).fetchall()
    if not rows:
        raise CreditsError(f"There is no user “{shown(wanted)}”.")
    if len(rows) > 1:
        ids = ", ".join(str(row["user_id"]) for row in rows)
        raise CreditsError(f"“{shown(wanted)}” is the address of several users; name one: {ids}.")
    return rows[0]


def find_account(connection: "psycopg.Connection[DictRow]", user_id: UUID) -> "DictRow":
    """Read how a user's account stands.

    Raises:
        CreditsError: The user has none.
    """
    row = connection.execute(
        "select balance, debt, version from public.credit_accounts where user_id = %s", [user_id]
    ).fetchone()
    if row is None:
        raise CreditsError(f"User {user_id} has no credit account.")
    return row


def name_of(person: Mapping[str, Any]) -> str:
    """Name a user for people."""
    address = f"{shown(person['email'])} ({person['user_id']})" if person["email"] else ""
    closed = ", closed" if person["deleted_at"] else ""
    return f"{address or person['user_id']}{closed}"


def login_name() -> str:
    """Return the name of who is logged in.

    Raises:
        CreditsError: Nobody knows.
    """
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        raise CreditsError("Nobody knows who you are: say it with --operator.") from None


def read_amount(text: str) -> Decimal:
    """Read an amount of credits: digits and at most two decimals, nothing cleverer.

    Raises:
        CreditsError: It is something else.
    """
    if not re.fullmatch(r"[+-]?[0-9]{1,12}(\.[0-9]{1,2})?", text.strip(), re.ASCII):
        raise CreditsError(
            f"“{shown(text)}” is not an amount: give a plain number with at most two decimals, "
            "like 25 or 12.50."
        )
    return Decimal(text.strip())


def read_id(text: str, what: str) -> UUID:
    """Read an id.

    Raises:
        CreditsError: It is something else.
    """
    try:
        return UUID(text.strip())
    except ValueError:
        raise CreditsError(f"“{shown(text)}” is not the id of a {what}.") from None


# Talking ------------------------------------------------------------------------------------------


@contextmanager
def one_sentence() -> Iterator[None]:
    """End the command with one sentence when something goes wrong."""
    import psycopg  # noqa: PLC0415

    try:
        yield
    except (psycopg.Error, CreditsError) as error:
        refuse(CreditsError(reason_of(error)))


@contextmanager
def opened(state_dir: Path, *, undo: bool = False) -> "Iterator[psycopg.Connection[DictRow]]":
    """A transaction on the database, to be undone at the end if wanted."""
    import psycopg  # noqa: PLC0415
    from psycopg.rows import dict_row  # noqa: PLC0415

    with (
        psycopg.connect(
            database_address(state_dir),
            row_factory=dict_row,
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            prepare_threshold=None,  # a pooler may stand in between
        ) as connection,
        connection.transaction(force_rollback=undo),
    ):
        connection.execute("set local timezone = 'UTC'")
        yield connection


def database_address(state_dir: Path) -> str:
    """Return where the database is.

    Raises:
        CreditsError: Nobody has said it.
    """
    address = os.environ.get("DATABASE_URL")
    # All or nothing: somebody's project from here and another one's database would be a mistake.
    if not address and not os.environ.get("SUPABASE_URL"):
        address = embedded_environment(state_dir).get("DATABASE_URL")
    if not address:
        raise CreditsError(
            "DATABASE_URL is not set: export the address of the database, or start the embedded "
            "stack with `reelbase up`."
        )
    return address


def reason_of(error: Exception) -> str:
    """Put what went wrong into one sentence, without what may be secret in it."""
    import psycopg  # noqa: PLC0415

    if not isinstance(error, psycopg.Error):
        return str(error)
    state, message = error.sqlstate, shown(error.diag.message_primary or "")
    if state is None and isinstance(error, psycopg.OperationalError):
        return "The database does not answer, or stopped answering. See what the statement says."
    if state is None:
        return f"DATABASE_URL cannot be used ({type(error).__name__})."  # its text repeats it
    if state.startswith("PT"):
        return f"{message} ({error.diag.message_hint or state})"
    if state == "42501":
        return f"DATABASE_URL names a role that may not do this; use the owner's: {message}."
    if state in {"3F000", "42P01", "42883"}:
        return f"The database lacks a migration, or is another one: {message}."
    return f"The database refused: {message} ({state})"


def shown(text: str) -> str:
    """Make a text safe for a terminal: what cannot be printed would be obeyed."""
    return "".join(character if character.isprintable() else "�" for character in text)


def show_table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, right: "set[int]"
) -> None:
    """Print columns of equal width; those that `right` counts stand at the right."""
    lines = [
        list(headings),
        *([shown("" if cell is None else str(cell)) for cell in row] for row in rows),
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    for line in lines:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        typer.echo("  ".join(cells).rstrip())
