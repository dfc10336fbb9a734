"""`reelbase jobs list`, `show`, `retry`, `cancel` and `drain`: what becomes of jobs, and by hand.

They speak to the database itself, as `reelbase credits` does. With `--dry-run` everything happens,
checks and all, and is rolled back. What users wrote into their jobs is not shown.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from reelbase.cli.credits import (
    CONNECT_SECONDS,
    CreditsError,
    DryRun,
    Operator,
    Reason,
    StateDir,
    database_address,
    find_account,
    find_user,
    login_name,
    name_of,
    one_sentence,
    opened,
    read_id,
    say_end,
    show_table,
    shown,
)
from reelbase.cli.worker import DEFAULT_STATE_DIR

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import DictRow

__all__ = [
    "READ_PROVIDERS",
    "as_cell",
    "connected",
    "duration_of",
    "health_of",
    "operate",
    "read_duration",
    "register",
    "to_json",
]

MANY = 20
"""Jobs up to which each is named; of more there is a sum, and a line for every thousand."""

TURN_SECONDS = 0.5
"""How often a drain looks whether something is left, at most."""


class Status(StrEnum):
    """A job's state."""

    PENDING = "pending"
    QUEUED = "queued"
    STARTING = "starting"
    PROCESSING = "processing"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


LIVE = {Status.QUEUED, Status.STARTING, Status.PROCESSING, Status.FINALIZING}
ENDED = {Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.EXPIRED}


class Place(StrEnum):
    """Where in the queue the task of a job that has not ended is."""

    IN_LINE = "in_line"
    HELD = "held"
    BLOCKED = "blocked"
    PARKED = "parked"
    RUNNING = "running"


OfStatus = Annotated[
    list[Status] | None,
    typer.Option("--status", help="Only these; may be given again.", show_default="not ended"),
]
OfPlace = Annotated[
    list[Place] | None,
    typer.Option("--place", help="Only these of what has not ended; may be given again."),
]
OfKind = Annotated[str | None, typer.Option("--kind", help="Only these, like text_to_video.")]
OfProvider = Annotated[str | None, typer.Option("--provider", help="Only its jobs.")]
OfUser = Annotated[
    str | None, typer.Option("--user", help="Only theirs: a user's id or e-mail address.")
]
OlderThan = Annotated[
    str | None,
    typer.Option(
        "--older-than", help="Only what was queued, or has ended, longer ago: 90s, 10m, 2h, 3d."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]

FIND_LIVE = """
select job_id, place, step::text, worker, due_at, lease_expires_at, deadline_at,
  date_part('epoch', now() - created_at) as age_seconds
from worker.queue_jobs
where (%(statuses)s::text[] is null or status::text = any(%(statuses)s))
  and (%(places)s::text[] is null or place = any(%(places)s))
  and (%(kind)s::text is null or kind::text = %(kind)s)
  and (%(provider)s::text is null or provider = %(provider)s)
  and (%(user_id)s::uuid is null or user_id = %(user_id)s)
  and (%(older_than)s::interval is null or created_at < now() - %(older_than)s)
order by created_at
limit %(limit)s
"""

FIND_DRAFTS = """
select id as job_id, date_part('epoch', now() - created_at) as age_seconds
from public.generation_jobs
where queued_at is null and status = 'pending'
  and (%(kind)s::text is null or kind::text = %(kind)s)
  and (%(provider)s::text is null or provider = %(provider)s)
  and (%(user_id)s::uuid is null or user_id = %(user_id)s)
  and (%(older_than)s::interval is null or created_at < now() - %(older_than)s)
order by created_at
limit %(limit)s
"""

FIND_ENDED_OF_USER = """
select id as job_id, date_part('epoch', now() - finished_at) as age_seconds
from public.generation_jobs
where user_id = %(user_id)s and status::text = any(%(statuses)s)
  and (%(kind)s::text is null or kind::text = %(kind)s)
  and (%(provider)s::text is null or provider = %(provider)s)
  and (%(older_than)s::interval is null or finished_at < now() - %(older_than)s)
order by finished_at desc
limit %(limit)s
"""

# By the index on times of events: no other knows when jobs ended.
FIND_ENDED = """
select jobs.id as job_id, date_part('epoch', now() - jobs.finished_at) as age_seconds
from public.job_events as events
inner join public.generation_jobs as jobs on jobs.id = events.job_id
where events.to_status::text = any(%(statuses)s)
  and events.created_at > now() - %(within)s::interval
  and (%(older_than)s::interval is null or events.created_at < now() - %(older_than)s)
  and (%(kind)s::text is null or jobs.kind::text = %(kind)s)
  and (%(provider)s::text is null or jobs.provider = %(provider)s)
order by events.created_at desc
limit %(limit)s
"""

DESCRIBE = """
select jobs.id as job_id, jobs.status::text, jobs.kind::text, jobs.provider, jobs.user_id,
  profiles.email, jobs.progress, jobs.attempt_count, jobs.max_attempts, jobs.credit_cost,
  jobs.error_code, jobs.created_at, jobs.queued_at, jobs.started_at, jobs.finished_at
from public.generation_jobs as jobs
left join public.profiles using (user_id)
where jobs.id = any(%s)
"""

READ_PROVIDERS = """
select name, max_running, starts_per_minute, failures, is_drained, pause_reason,
  paused_until::text,  -- it may be infinite, and Python knows no such time
  paused_until > now() as is_paused,
  case when isfinite(paused_until) then to_char(paused_until, 'HH24:MI:SS') end as paused_until_time
from worker.providers
order by name
"""

WINDOWS = [timedelta(hours=1), timedelta(days=1), timedelta(days=30), timedelta(days=36_500)]
"""How far back to look for what has ended, until enough is found."""


def register(app: typer.Typer) -> None:
    """Add the commands to an app."""
    group = typer.Typer(
        name="jobs",
        help="See what becomes of jobs, and act on them by hand, with a name and a reason.",
        no_args_is_help=True,
    )
    group.command("list")(list_jobs)
    for command in (show, retry, cancel, drain):
        group.command()(command)
    app.add_typer(group)


# Seeing -------------------------------------------------------------------------------------------


def list_jobs(
    *,
    status: OfStatus = None,
    place: OfPlace = None,
    kind: OfKind = None,
    provider: OfProvider = None,
    user: OfUser = None,
    older_than: OlderThan = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 50,
    as_json: AsJson = False,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """List jobs: what has not ended, oldest first; what has ended, newest first."""
    with one_sentence(), opened(state_dir) as connection:
        connection.execute("set transaction read only")
        wanted = read_filter(
            connection,
            statuses=status,
            places=place,
            kind=kind,
            provider=provider,
            user=user,
            older_than=older_than,
        )
        rows = find_jobs(connection, wanted, limit)
    if as_json:
        typer.echo(to_json(rows))
        return
    show_table(
        ("job", "status", "place", "kind", "provider", "user", "age", "tries", "credits", "error"),
        [
            (
                row["job_id"],
                row["status"],
                row.get("place", "").replace("_", " "),
                row["kind"],
                row["provider"],
                row["email"] or row["user_id"],
                duration_of(row["age_seconds"]),
                f"{row['attempt_count']}/{row['max_attempts']}",
                row["credit_cost"],
                row["error_code"],
            )
            for row in rows
        ],
        right={6, 7, 8},
    )
    if len(rows) == limit:
        typer.echo(f"… there may be more (--limit {limit}).")


def find_jobs(
    connection: "psycopg.Connection[DictRow]", wanted: Mapping[str, Any], limit: int
) -> "list[DictRow]":
    """Return jobs that a filter is for: those that live, drafts, and those that have ended."""
    statuses = {Status(each) for each in wanted["statuses"] or LIVE}
    found: list[DictRow] = []

    def find(query: str, some: "set[Status]", **more: Any) -> "list[DictRow]":
        given = {**wanted, "statuses": [each.value for each in some] or None, **more}
        left = limit - len(found)
        return connection.execute(query.encode(), {**given, "limit": left}).fetchall()

    if live := statuses & LIVE:
        found += find(FIND_LIVE, set() if live == LIVE else live)
    if not wanted["places"]:  # nothing else has one
        if Status.PENDING in statuses:
            found += find(FIND_DRAFTS, set())
        if (ended := statuses & ENDED) and wanted["user_id"]:
            found += find(FIND_ENDED_OF_USER, ended)
        elif ended:
            for window in WINDOWS:
                latest = find(FIND_ENDED, ended, within=window)
                if len(found) + len(latest) == limit:
                    break
            found += latest
    described = connection.execute(DESCRIBE, [[row["job_id"] for row in found]]).fetchall()
    by_id = {row["job_id"]: row for row in described}
    return [{**by_id[row["job_id"]], **row} for row in found]


def read_filter(
    connection: "psycopg.Connection[DictRow]",
    *,
    statuses: Sequence[Status] | None,
    places: Sequence[Place] | None,
    kind: str | None,
    provider: str | None,
    user: str | None,
    older_than: str | None,
) -> dict[str, Any]:
    """Return what is wanted, as the queries take it.

    Raises:
        CreditsError: Something in it does not exist.
    """
    if kind is not None:
        kinds = [
            row["kind"]
            for row in connection.execute(
                "select unnest(enum_range(null::public.generation_kind))::text as kind"
            )
        ]
        if kind not in kinds:
            raise CreditsError(f"There is no kind “{shown(kind)}”; there are: {', '.join(kinds)}.")
    return {
        "statuses": [each.value for each in statuses] if statuses else None,
        "places": [each.value for each in places] if places else None,
        "kind": kind,
        "provider": provider,
        "user_id": None if user is None else find_user(connection, user)["user_id"],
        "older_than": None if older_than is None else read_duration(older_than),
    }


def show(
    job: Annotated[str, typer.Argument(help="The id of a job.")],
    as_json: AsJson = False,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Show one job: its state, its money, where it is, what was tried, and what comes next."""
    with one_sentence():
        job_id = read_id(job, "job")
        with opened(state_dir, undo=True) as connection:
            connection.execute("set transaction isolation level repeatable read")
            facts = look_at(connection, job_id)
    if as_json:
        typer.echo(to_json(facts))
        return
    show_facts(facts)


def look_at(connection: "psycopg.Connection[DictRow]", job_id: UUID) -> dict[str, Any]:
    """Read all that there is to tell about a job.

    Raises:
        CreditsError: There is none.
    """
    job = connection.execute(
        "select jobs.id, jobs.status::text, jobs.kind::text, jobs.mode::text, jobs.model_id,"
        " jobs.provider, jobs.provider_job_id, jobs.user_id, jobs.project_id, jobs.parent_job_id,"
        " jobs.progress, jobs.priority, jobs.attempt_count, jobs.max_attempts, jobs.credit_cost,"
        " jobs.is_refunded, jobs.error_code, jobs.error_message, jobs.created_at, jobs.queued_at,"
        " jobs.started_at, jobs.finished_at, jobs.hidden_at, jobs.purged_at, jobs.has_lost_inputs"
        " from public.generation_jobs as jobs where jobs.id = %s",
        [job_id],
    ).fetchone()
    if job is None:
        raise CreditsError(f"There is no job {job_id}.")
    task = connection.execute(
        "select queue.place, tasks.step::text, tasks.priority, tasks.waits_for, tasks.ready_at,"
        " tasks.due_at, tasks.deadline_at, tasks.tries, tasks.is_uncertain, tasks.worker,"
        " tasks.lease_expires_at,"
        " date_part('epoch', now() - tasks.ready_at) as in_line_seconds,"
        " date_part('epoch', tasks.due_at - now()) as due_in_seconds,"
        " date_part('epoch', tasks.lease_expires_at - now()) as lease_seconds,"
        " date_part('epoch', tasks.deadline_at - now()) as deadline_in_seconds"
        " from worker.tasks inner join worker.queue_jobs as queue using (job_id)"
        " where job_id = %s",
        [job_id],
    ).fetchone()
    facts: dict[str, Any] = {
        "job": job,
        "owner": find_user(connection, str(job["user_id"])),
        "account": find_account(connection, job["user_id"]),
        "task": task,
        "provider": find_provider(connection, job["provider"]),
        "ledger": connection.execute(
            "select version, created_at, type::text, status::text, amount, balance_after"
            " from public.credit_transactions where job_id = %s order by version",
            [job_id],
        ).fetchall(),
        "attempts": connection.execute(
            "select attempt, outcome, worker, provider_job_id, error_class::text, error_code,"
            " error_message, latency_ms, units, cost_usd, started_at, finished_at"
            " from worker.attempts where job_id = %s order by attempt",
            [job_id],
        ).fetchall(),
        "events": connection.execute(
            "select created_at, from_status::text, to_status::text, actor::text, note"
            " from public.job_events where job_id = %s order by id",
            [job_id],
        ).fetchall(),
        "parents": connection.execute(
            "select jobs.id, jobs.status::text from public.job_dependencies"
            " inner join public.generation_jobs as jobs"
            " on jobs.id = job_dependencies.depends_on_job_id"
            " where job_dependencies.job_id = %s order by job_dependencies.position",
            [job_id],
        ).fetchall(),
        "cancellations": connection.execute(
            "select provider, provider_job_id, tries, available_at"
            " from worker.cancellations where job_id = %s",
            [job_id],
        ).fetchall(),
        "actions": connection.execute(
            "select created_at, operator, action, reason from worker.operator_actions"
            " where user_id = %s and details ->> 'job_id' = %s order by created_at",
            [job["user_id"], str(job_id)],
        ).fetchall(),
    }
    facts["next"] = what_comes_next(connection, facts)
    return facts


def what_comes_next(connection: "psycopg.Connection[DictRow]", facts: Mapping[str, Any]) -> str:
    """Say what will happen to a job if nobody does anything."""
    job, task, provider = facts["job"], facts["task"], facts["provider"]
    if task is None:
        return what_comes_after(connection, facts)
    ill = health_of(provider)
    blocked_by = "" if ill == "well" else f" Its provider is {ill}."
    match task["place"]:
        case "blocked":
            unfinished = [each for each in facts["parents"] if each["status"] != "completed"]
            names = ", ".join(f"{each['id']} ({each['status']})" for each in unfinished)
            then = f"It gets in line when they are completed: {names}."
        case "held":
            room = connection.execute(
                "select plans.max_running_jobs, plans.tier::text,"
                " (select count(*) from worker.tasks where tasks.user_id = profiles.user_id"
                " and tasks.is_admitted) as admitted"
                " from public.profiles inner join public.subscription_plans as plans"
                " on plans.tier = profiles.subscription_tier where profiles.user_id = %s",
                [job["user_id"]],
            ).fetchone()
            assert room is not None
            then = (
                f"It gets in line after others of its owner: {room['admitted']} of theirs are in"
                f" line or running, and the plan {room['tier']} lets"
                f" {room['max_running_jobs']} run at once."
            )
        case "in_line":
            ahead = connection.execute(
                "select count(*) as count from (select from worker.tasks"
                " where provider = %(provider)s and ready_at is not null"
                " and (priority > %(priority)s"
                " or (priority = %(priority)s and ready_at < %(ready_at)s))"
                " limit 10001) as ahead",
                {**task, "provider": job["provider"]},
            ).fetchone()
            assert ahead is not None
            count = "more than 10,000" if ahead["count"] > 10_000 else f"{ahead['count']:,}"
            then = f"It is claimed when a dispatcher has room; {count} are ahead of it."
        case "parked":
            what = f"attempt {job['attempt_count'] + 1} of {job['max_attempts']} begins"
            if task["step"] != "submit":
                what = "its provider is asked how far it is"
            elif task["is_uncertain"]:
                what = "it is found out whether its provider has it, since an answer was lost"
            due = task["due_in_seconds"]
            when = "Now" if due <= 0 else f"In {duration_of(due)}"
            then = f"{when} {what}."
        case _:
            left = task["lease_seconds"]
            runs = f"has it for {duration_of(left)} more" if left > 0 else "has lost it"
            then = (
                f"{shown(task['worker'])} {runs}, unless it extends its lease; if it does not,"
                " another takes over."
            )
    limit = task["deadline_in_seconds"]
    end = (
        f" If it has not ended in {duration_of(limit)}, it expires and is refunded."
        if limit > 0
        else " It outlived its deadline: it expires, with a refund, when a dispatcher looks next."
    )
    return then + blocked_by + end


def what_comes_after(connection: "psycopg.Connection[DictRow]", facts: Mapping[str, Any]) -> str:
    """Say what can be done about a job that is not in the queue."""
    import psycopg  # noqa: PLC0415

    job = facts["job"]
    if job["status"] == Status.PENDING:
        return "Nothing, until its owner submits it: it is a draft."
    if job["status"] == Status.COMPLETED:
        return "Nothing: it is done."
    told = (
        f" Its provider has yet to be told to stop ({len(facts['cancellations'])})."
        if facts["cancellations"]
        else ""
    )
    retried = connection.execute(
        "select id, status::text from public.generation_jobs"
        " where user_id = %s and idempotency_key = %s",
        [job["user_id"], f"retry:{job['id']}"],
    ).fetchone()
    if retried:
        return f"It was retried, as job {retried['id']} ({retried['status']}).{told}"
    if job["hidden_at"] or job["purged_at"]:
        return f"Nothing: its owner has deleted it.{told}"
    try:
        with connection.transaction():
            quote = connection.execute(
                "select (public.quote_generation(kind, prompt, model_id, mode, aspect_ratio,"
                " resolution, duration_seconds, output_count, is_edit_call, parameters)).credits"
                " from public.generation_jobs where id = %s",
                [job["id"]],
            ).fetchone()
    except psycopg.Error as error:
        if not (error.sqlstate or "").startswith("PT"):
            raise
        return f"It cannot be retried: {shown(error.diag.message_primary or '')}{told}"
    assert quote is not None
    return (
        f"Nothing, by itself. Retried, it would cost {quote['credits']} credits today; its owner"
        f" has {facts['account']['balance']}.{told}"
    )


def show_facts(facts: Mapping[str, Any]) -> None:
    """Print what is known about a job."""
    job, task = facts["job"], facts["task"]
    lines: list[tuple[str, str | None]] = [
        ("job", f"{job['id']}{', deleted by its owner' if job['hidden_at'] else ''}"),
        ("owner", name_of(facts["owner"])),
        ("what", f"{job['kind']}, {job['mode']}, by {job['model_id']} of {job['provider']}"),
        ("status", f"{job['status']}, {job['progress']} %" if task else job["status"]),
        ("place", where_is(task) if task else None),
        ("attempts", f"{job['attempt_count']} of {job['max_attempts']}"),
        ("at provider", job["provider_job_id"]),
        (
            "error",
            f"{job['error_code']}: {job['error_message']}" if job["error_code"] else None,
        ),
        ("cost", f"{job['credit_cost']} credits{', returned' if job['is_refunded'] else ''}"),
        ("next", facts["next"]),
    ]
    for name, fact in lines:
        if fact is not None:
            typer.echo(f"{name:<13}{shown(fact)}")
    sections: list[tuple[str, Sequence[str], Sequence[Mapping[str, Any]], set[int]]] = [
        ("Waits for", ("id", "status"), facts["parents"], set()),
        (
            "Credits",
            ("created_at", "type", "status", "amount", "balance_after"),
            facts["ledger"],
            {3, 4},
        ),
        (
            "Attempts",
            (
                *("attempt", "outcome", "started_at", "finished_at", "worker", "provider_job_id"),
                *("error_class", "error_code", "latency_ms", "cost_usd"),
            ),
            facts["attempts"],
            {0, 8, 9},
        ),
        (
            "History",
            ("created_at", "from_status", "to_status", "actor", "note"),
            facts["events"],
            set(),
        ),
        ("By hand", ("created_at", "operator", "action", "reason"), facts["actions"], set()),
    ]
    for title, columns, rows, right in sections:
        if rows:
            typer.echo(f"\n{title}")
            show_table(
                [column.removesuffix("_at").replace("_", " ") for column in columns],
                [[as_cell(row[column]) for column in columns] for row in rows],
                right=right,
            )


def where_is(task: Mapping[str, Any]) -> str:
    """Say in a few words where a task is."""
    match task["place"]:
        case "running":
            return (
                f"running: {task['step']}, leased by {task['worker']} until"
                f" {as_cell(task['lease_expires_at'])} UTC"
            )
        case "in_line":
            return f"in line: {task['step']}, for {duration_of(task['in_line_seconds'])}"
        case "parked":
            return f"parked: {task['step']}, until {as_cell(task['due_at'])} UTC"
        case "blocked":
            return f"blocked: waits for {task['waits_for']} other jobs to end"
        case _:
            return "held: its owner has as much in line and running as the plan allows"


# Doing --------------------------------------------------------------------------------------------


def retry(
    jobs: Annotated[
        list[str],
        typer.Argument(metavar="JOB…", help="Ids of jobs, parked or ended without result."),
    ],
    *,
    reason: Reason,
    operator: Operator = None,
    dry_run: DryRun = False,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Try again: a parked job now; one that ended, as a new job at its owner's expense."""
    with one_sentence():
        job_ids = [read_id(job, "job") for job in jobs]
        who = operator or login_name()
        with connected(state_dir) as connection:
            for job_id in job_ids:
                with connection.transaction(force_rollback=dry_run):
                    for line in retry_one(connection, job_id, reason, who, dry_run=dry_run):
                        typer.echo(line)
    say_end(dry_run=dry_run)


def retry_one(
    connection: "psycopg.Connection[DictRow]",
    job_id: UUID,
    reason: str,
    operator: str,
    *,
    dry_run: bool,
) -> list[str]:
    """Have a job tried again, and say what that did."""
    before = find_owner(connection, job_id)
    known = connection.execute(
        "select id from public.generation_jobs where user_id = %s and idempotency_key = %s",
        [before["user_id"], f"retry:{job_id}"],
    ).fetchone()
    row = connection.execute(
        "select id, status::text, credit_cost, provider from worker.retry_job(%s, %s, %s)",
        [job_id, reason, operator],
    ).fetchone()
    assert row is not None
    # What would stop the commit is to stop a dry run as well.
    connection.execute("set constraints all immediate")
    if row["id"] == job_id:
        return [f"{job_id}  is due now."]
    if known is not None:
        return [f"{job_id}  was retried before, as {row['id']}, which is {row['status']}."]
    after = find_account(connection, before["user_id"])
    name = "a new job" if dry_run else row["id"]
    return [
        f"{job_id}  is tried again as {name}, for {row['credit_cost']} credits of its owner's"
        f" ({before['balance']} → {after['balance']})."
    ]


def cancel(
    jobs: Annotated[
        list[str] | None, typer.Argument(metavar="JOB…", help="Ids of jobs.", show_default=False)
    ] = None,
    *,
    reason: Reason,
    everything: Annotated[
        bool, typer.Option("--all", help="All that has not ended and that the filters leave.")
    ] = False,
    status: OfStatus = None,
    place: OfPlace = None,
    kind: OfKind = None,
    provider: OfProvider = None,
    user: OfUser = None,
    older_than: OlderThan = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --all: do not ask.")] = False,
    operator: Operator = None,
    dry_run: DryRun = False,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Cancel jobs, return what they cost, and tell their providers."""
    with one_sentence():
        who = operator or login_name()
        job_ids = [read_id(job, "job") for job in jobs or ()]
        is_filtered = any((status, place, kind, provider, user, older_than))
        if bool(job_ids) == everything or (job_ids and is_filtered):
            raise CreditsError("Name jobs, or say --all and which: --user, --kind, --provider, ….")
        if set(status or ()) - LIVE:
            raise CreditsError("Only what is queued and has not ended can be cancelled.")
        with connected(state_dir) as connection:
            if everything:
                wanted = read_filter(
                    connection,
                    statuses=status,
                    places=place,
                    kind=kind,
                    provider=provider,
                    user=user,
                    older_than=older_than,
                )
                found = find_jobs(connection, wanted, 10_000_000)
                # What waits for others first, or it would go along with them.
                found.sort(key=lambda row: (row["user_id"], row["age_seconds"]))
                job_ids = [row["job_id"] for row in found]
                credits_back = sum((row["credit_cost"] for row in found), Decimal(0))
                typer.echo(f"{len(job_ids):,} jobs, which cost {credits_back:,} credits.")
                if job_ids and not (yes or dry_run):
                    typer.confirm("Cancel all of them?", abort=True)
            cancel_each(connection, job_ids, reason, who, dry_run=dry_run, some=everything)
    say_end(dry_run=dry_run)


def cancel_each(
    connection: "psycopg.Connection[DictRow]",
    job_ids: Sequence[UUID],
    reason: str,
    operator: str,
    *,
    dry_run: bool,
    some: bool,
) -> None:
    """Cancel jobs, each in a transaction of its own, so that nobody waits for all of them.

    Raises:
        CreditsError: One of them cannot be, and that is not because it ended meanwhile.
    """
    import psycopg  # noqa: PLC0415

    count, late, credits_back = 0, 0, Decimal(0)
    try:
        for job_id in job_ids:
            try:
                with connection.transaction(force_rollback=dry_run):
                    before = find_owner(connection, job_id)
                    row = connection.execute(
                        "select status::text, credit_cost, is_refunded"
                        " from worker.cancel_job(%s, %s, %s)",
                        [job_id, reason, operator],
                    ).fetchone()
                    assert row is not None
                    connection.execute("set constraints all immediate")
            except psycopg.Error as error:
                if not some or error.diag.message_hint != "job_ended":
                    raise
                late += 1
                continue
            if before["finished_at"]:
                late += 1
                if not some:
                    typer.echo(f"{job_id}  was cancelled before.")
                continue
            returned = row["credit_cost"] if row["is_refunded"] else Decimal(0)
            count += 1
            credits_back += returned
            if len(job_ids) > MANY:
                if count % 1000 == 0:
                    typer.echo(f"{count:,} of {len(job_ids):,}")
            else:
                typer.echo(
                    f"{job_id}  {before['status']} → {row['status']}, {returned} credits returned"
                )
    finally:
        if some or len(job_ids) > 1:
            ended = f" {late:,} had ended meanwhile." if late else ""
            typer.echo(f"{count:,} cancelled, {credits_back:,} credits returned.{ended}")


def drain(
    provider: Annotated[
        str | None, typer.Argument(help="Whose jobs.", show_default="all providers")
    ] = None,
    *,
    reason: Annotated[
        str | None, typer.Option(help="Why, for whoever wonders later; --resume needs none.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Begin new jobs again.")] = False,
    wait: Annotated[bool, typer.Option(help="Return when nothing that was begun is left.")] = True,
    timeout: Annotated[
        float | None,
        typer.Option(min=0, help="Seconds to wait; then exit with 1, drained as it is."),
    ] = None,
    operator: Operator = None,
    dry_run: DryRun = False,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Begin nothing new of a provider, or of any, and wait until what was begun has ended."""
    with one_sentence():
        if reason is None and not resume:
            raise CreditsError("Say why, with --reason.")
        with opened(state_dir, undo=dry_run) as connection:
            names = [provider] if provider is not None else find_providers(connection, resume)
            for name in names:
                operate(
                    connection,
                    name,
                    "undrain" if resume else "drain",
                    reason=reason or "drained no more",
                    operator=operator,
                )
        if not names:
            typer.echo("No provider is being drained.")
        if wait and not resume and not dry_run:
            wait_for_end(state_dir, names, timeout)
            typer.echo("Drained: nothing runs. `reelbase jobs drain --resume` begins anew.")
            return
    say_end(dry_run=dry_run)


def wait_for_end(state_dir: Path, providers: Sequence[str], timeout: float | None) -> None:
    """Wait until nothing that was begun is left of some providers, and say what is.

    Raises:
        CreditsError: It takes longer than `timeout` seconds.
    """
    began = time.monotonic()
    last = ""
    while True:
        asked = time.monotonic()
        with opened(state_dir) as connection:
            left = connection.execute(
                "select provider, sum(begun) as begun, sum(running) as running"
                " from worker.queue_depths where provider = any(%s) and begun > 0"
                " group by provider order by provider",
                [list(providers)],
            ).fetchall()
        if not left:
            return
        line = "; ".join(
            f"{shown(row['provider'])}: {row['begun']:,} not done, {row['running']:,} of them"
            " with a dispatcher"
            for row in left
        )
        if line != last:
            typer.echo(line)
            last = line
        now = time.monotonic()
        if timeout is not None and now - began >= timeout:
            raise CreditsError(
                "Something still runs; nothing new is begun until `reelbase jobs drain --resume`."
            )
        # There is no notification of jobs that end; and the question is not to be what is busy.
        time.sleep(max(TURN_SECONDS, 5 * (now - asked)))


# Providers ----------------------------------------------------------------------------------------


def operate(
    connection: "psycopg.Connection[DictRow]",
    provider: str,
    action: str,
    *,
    reason: str,
    operator: str | None,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Do something to a provider, in an operator's name, and say how it is now."""
    connection.execute(
        "select worker.operate_provider(%s, %s, %s, %s, %s)",
        [provider, action, reason, operator or login_name(), json.dumps(settings or {})],
    )
    typer.echo(f"{shown(provider)} is {health_of(find_provider(connection, provider))}.")


def find_provider(connection: "psycopg.Connection[DictRow]", name: str) -> "DictRow | None":
    """Read how a provider is; one that has no row is well."""
    rows = connection.execute(READ_PROVIDERS).fetchall()
    return next((row for row in rows if row["name"] == name), None)


def find_providers(connection: "psycopg.Connection[DictRow]", drained: bool) -> list[str]:
    """Return the names of all providers, or of those that are being drained."""
    rows = connection.execute(
        "select name from worker.providers where is_drained order by name"
        if drained
        else "select provider as name from public.models union select name from worker.providers"
        " union select provider from worker.tasks order by name"
    ).fetchall()
    return [row["name"] for row in rows]


def health_of(provider: Mapping[str, Any] | None) -> str:
    """Say in a few words how a provider is; without a row it is well."""
    if provider is None:
        return "well"
    said = []
    if provider["is_paused"]:
        at = provider["paused_until_time"]
        said.append(f"paused{f' until {at} UTC' if at else ''} ({provider['pause_reason']})")
    elif provider["paused_until"] is not None:
        said.append(f"tried with one job at a time ({provider['pause_reason']})")
    if provider["is_drained"]:
        said.append("drained")
    return ", ".join(said) or "well"


# Finding ------------------------------------------------------------------------------------------


@contextmanager
def connected(state_dir: Path) -> "Iterator[psycopg.Connection[DictRow]]":
    """A connection on which each statement, or what is put together, is a transaction."""
    import psycopg  # noqa: PLC0415
    from psycopg.rows import dict_row  # noqa: PLC0415

    with psycopg.connect(
        database_address(state_dir),
        row_factory=dict_row,
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        prepare_threshold=None,  # a pooler may stand in between
    ) as connection:
        yield connection


def find_owner(connection: "psycopg.Connection[DictRow]", job_id: UUID) -> "DictRow":
    """Read whose a job is, how it is, and what its owner has.

    Raises:
        CreditsError: There is no such job.
    """
    row = connection.execute(
        "select jobs.user_id, jobs.status::text, jobs.finished_at, accounts.balance"
        " from public.generation_jobs as jobs"
        " inner join public.credit_accounts as accounts on accounts.user_id = jobs.user_id"
        " where jobs.id = %s",
        [job_id],
    ).fetchone()
    if row is None:
        raise CreditsError(f"There is no job {job_id}.")
    return row


# Words --------------------------------------------------------------------------------------------


def read_duration(text: str) -> timedelta:
    """Read a length of time: a number with s, m, h or d.

    Raises:
        CreditsError: It is something else.
    """
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", text.strip(), re.ASCII)
    if match is None:
        raise CreditsError(f"“{shown(text)}” is no length of time: say 90s, 10m, 2h or 3d.")
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[match[2]]
    return timedelta(**{unit: int(match[1])})


def duration_of(seconds: float | Decimal | None) -> str:
    """Write a length of time for people, in two units at most."""
    if seconds is None:
        return ""
    left = max(0, round(seconds))
    if left < 60:
        return f"{left} s"
    minutes, left = divmod(left, 60)
    if minutes < 60:
        return f"{minutes} min {left} s" if minutes < 10 and left else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def as_cell(value: Any) -> Any:
    """Write a time short, and leave all else as it is."""
    return f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "strftime") else value


def to_json(value: Any) -> str:
    """Write rows for machines: times as ISO 8601, amounts as texts."""
    return json.dumps(
        value,
        default=lambda each: each.isoformat() if hasattr(each, "isoformat") else str(each),
        ensure_ascii=False,
        indent=2,
    )
