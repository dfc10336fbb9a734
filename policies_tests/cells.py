"""From the matrix to statements: what each actor tries, and what must come of it.

A cell is one statement of one actor. Its outcome is told in the words of the matrix: a number of
rows, `denied` (no grant), `refused by policy` (a policy's check), or a state with its hint.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from .harness import LATCH, Session
from .matrix import (
    CHECKED,
    DENIED,
    FOREIGN,
    GENERATED,
    HIDDEN,
    ONE_ROW,
    PEOPLE,
    ROUTINES,
    SOME_ROWS,
    UNWRITABLE,
    Actor,
    Relation,
    Routine,
)
from .worlds import World

__all__ = [
    "Cell",
    "outcome_of",
    "policy_failures",
    "relation_cells",
    "relation_failures",
    "routine_cell",
    "routine_failures",
    "sample_of",
]

DEFAULT_SAMPLES = {
    "bigint": "1",
    "boolean": "true",
    "bytea": "'x'",
    "date": "current_date",
    "inet": "'192.0.2.1'",
    "integer": "1",
    "interval": "interval '1 hour'",
    "json": "'{}'",
    "jsonb": "'{}'",
    "numeric": "1",
    "smallint": "1",
    "text": "'x'",
    "text[]": "'{}'",
    "timestamp with time zone": "now()",
    "uuid": "gen_random_uuid()",
    "credit_amount": "1",
    "credit_balance": "1",
    "credit_movement": "1",
    "seconds": "1",
    "credit_total": "1",
    "job_cost": "1",
    "worker.provider_state": "'{}'",
}
"""Values for columns of which the matrix gives none, by type; an enum's is its first label."""


UNDO = "rollback to savepoint cell"


@dataclass(frozen=True, slots=True)
class Cell:
    """One statement and what must come of it.

    Attributes:
        name: What is tried, in words.
        statement: The SQL.
        expected: The outcome; several, separated by `|`, where the order of checks is nobody's.
        proof: A query that a superuser asks afterwards; its answer is part of the outcome.
        counts: Whether the number of rows is part of it, too.
    """

    name: str
    statement: str
    expected: str
    proof: str | None = None
    counts: bool = True


# Running ------------------------------------------------------------------------------------------


@contextmanager
def acting(world: World, actor: Actor, **more: str) -> Iterator[Session]:
    """Be an actor, as the API server makes one of a token, until the context ends.

    Args:
        world: Where.
        actor: Who.
        more: Other settings than a request has.
    """
    session = world.session
    session.run("savepoint actor")
    try:
        for name, value in (world.request(actor) | more).items():
            session.rows("select set_config(%s, %s, true)", name, value)
        session.run("savepoint cell")
        yield session
    finally:
        session.run("rollback to savepoint actor")
        session.run("release savepoint actor")


@contextmanager
def behind_the_wall(world: World) -> Iterator[None]:
    """Let everybody into all schemas for a while, to see that not only the wall keeps them out."""
    session = world.session
    session.run("savepoint wall")
    try:
        session.run("grant usage on schema worker, private to anon, authenticated, service_role")
        yield
    finally:
        session.run("rollback to savepoint wall")
        session.run("release savepoint wall")


def failures(world: World, actor: Actor, cells: list[Cell], **more: str) -> list[str]:
    """Try cells in an actor's name, undoing each, and tell which came out otherwise."""
    with acting(world, actor, **more) as session:
        return [
            f"{actor}: {cell.name}: expected {cell.expected}, saw {seen} ({cell.statement})"
            for cell in cells
            if not _fits(cell.expected, seen := _observe(session, cell))
        ]


def _fits(expected: str, seen: str) -> bool:
    some = seen.endswith(" rows") and seen != HIDDEN
    return seen in expected.split("|") or (expected == SOME_ROWS and some)


def _observe(session: Session, cell: Cell) -> str:
    # Undoing the cell before and trying this one is one round trip, and there are thousands.
    try:
        done = session.connection.execute(f"{UNDO}; {cell.statement}".encode())
        while done.nextset():
            pass
        seen = [f"{done.rowcount} rows"] if cell.counts else []
        if cell.proof is not None:
            session.run("set local role none")
            seen.append(session.value(cell.proof))
    except psycopg.Error as error:
        return outcome_of(error)
    return ", ".join(seen)


def outcome_of(error: psycopg.Error) -> str:
    """Put a refusal into the words of the matrix."""
    message = error.diag.message_primary or ""
    state = error.sqlstate or str(error)
    if state == "42501" and message.startswith("permission denied"):
        # Let in, and stopped by something further inside, is another thing.
        return f"{DENIED} inside" if error.diag.context else DENIED
    if state == "42501" and "row-level security" in message:
        return CHECKED
    return f"{state} {error.diag.message_hint}" if state.startswith("PT") else state


def relation_failures(world: World, relation: Relation, actor: Actor) -> list[str]:
    """Try all that an actor could do with a table or view."""
    cells = relation_cells(world, relation, actor)
    found = failures(world, actor, cells)
    if relation.schema != "public":
        with behind_the_wall(world):
            found += failures(world, actor, cells)
    return found


def policy_failures(world: World, relation: Relation, actor: Actor) -> list[str]:
    """Try what only policies can refuse, after every right was granted to every user."""
    if actor == "service":
        return []  # no policy stops it
    cells = [*_policy_cells(world, relation, actor)]
    with behind_the_wall(world):
        world.session.run(
            f"grant select, insert, update, delete on {relation.full_name} to anon, authenticated"
        )
        # The ledger's triggers look at it, and would refuse before any policy is asked.
        return failures(world, actor, cells, search_path=LATCH)


def routine_failures(world: World, actor: Actor) -> list[str]:
    """Call every function in an actor's name: as things are, and behind the wall."""
    called = [routine_cell(world, routine, actor, inside=False) for routine in ROUTINES]
    found = failures(world, actor, called)
    with behind_the_wall(world):
        called = [
            routine_cell(world, routine, actor, inside=True)
            for routine in ROUTINES
            if routine.schema != "public"
        ]
        return found + failures(world, actor, called)


# Tables and views ---------------------------------------------------------------------------------


def relation_cells(world: World, relation: Relation, actor: Actor) -> list[Cell]:
    """Return all that an actor tries with a table or view."""
    if (relation.name, actor) not in world.cells:
        world.cells[relation.name, actor] = [
            *_select_cells(world, relation, actor),
            *_insert_cells(world, relation, actor),
            *_update_cells(world, relation, actor),
            *_delete_cells(world, relation, actor),
        ]
    return world.cells[relation.name, actor]


def may_read(relation: Relation, actor: Actor) -> bool:
    """Tell whether an actor has the grant to read."""
    if actor == "service":
        return "s" in relation.service
    if actor == "anon":
        return relation.shared is not None
    return relation.owner is not None or relation.shared is not None


def other_of(actor: Actor) -> Actor:
    """Return whose rows are another's for an actor."""
    return "stranger" if actor == "owner" else "owner"


def _select_cells(world: World, relation: Relation, actor: Actor) -> Iterator[Cell]:
    table, readable = relation.full_name, may_read(relation, actor)
    if not readable:
        yield Cell("select", f"select count(*) from {table}", DENIED)
    elif actor == "service":
        target = world.target(relation, "owner")
        yield Cell("select", f"select from {table} where {target}", ONE_ROW)
    else:
        seen = world.seen(relation, actor)
        rows = world.session.value(f"select count(*) from {table} where {seen}")
        # Together: just these rows and no others.
        yield Cell("select everything", f"select from {table}", f"{rows} rows")
        yield Cell("select what is to be seen", f"select from {table} where {seen}", f"{rows} rows")
        unseen = world.session.value(f"select count(*) from {table} where not ({seen})")
        assert unseen, f"{table} holds nothing that {actor} is not to see"
        if relation.owner is not None:
            yield Cell(
                "select another's row",
                f"select from {table} where {world.target(relation, other_of(actor))}",
                HIDDEN,
            )
        if relation.hidden is not None and actor in PEOPLE:
            deleted = f"{world.rows_of(relation, actor)} and ({world.fill(relation.hidden, actor)})"
            there = world.session.value(f"select count(*) from {table} where {deleted}")
            assert there, f"{table} has no deleted row to look for"
            yield Cell("select deleted rows", f"select from {table} where {deleted}", HIDDEN)
    for column in relation.all_columns:
        yield Cell(
            f"select {column}",
            f'select "{column}" from {table} limit 0',
            HIDDEN if readable else DENIED,
        )


def _insert_cells(world: World, relation: Relation, actor: Actor) -> Iterator[Cell]:
    row = relation.service_row if actor == "service" else relation.user_row
    writable = {name for name, column in relation.columns.items() if column.insert}
    if actor == "service":
        writable = set(relation.all_columns) if "i" in relation.service else set()
    elif actor == "anon":
        writable = set()
    usual = FOREIGN if actor == "nobody" else ONE_ROW
    base = row if writable else {}

    if writable:
        expected = relation.outcome(actor, "insert", "-", usual)
        yield Cell("insert a row", _insert(world, relation, actor, base), expected)
    for column in relation.all_columns:
        if column in base:
            continue
        expected = DENIED
        if column in writable:
            usual = relation.foreign_outcome(column) if actor == "nobody" else ONE_ROW
            expected = relation.outcome(actor, "insert", column, usual)
        yield Cell(
            f"insert a row with {column}",
            _insert(world, relation, actor, {**base, column: sample_of(world, relation, column)}),
            _limit(relation, column, expected),
        )
    if not writable or actor not in PEOPLE:
        return
    other = world.names(other_of(actor))
    if "user_id" in relation.server.split():
        another = {**base, "user_id": f"'{other['me']}'"}
        yield Cell("insert a row for another", _insert(world, relation, actor, another), DENIED)
    for column, theirs in _references(world, relation, actor):
        if column not in writable:
            continue
        yield Cell(
            f"insert a row with another's {column}",
            _insert(world, relation, actor, {**base, column: theirs}),
            relation.foreign_outcome(column),
        )
        lost = _lost(world, relation, column)
        if lost is not None:
            yield Cell(
                f"insert a row with a deleted {column}",
                _insert(world, relation, actor, {**base, column: lost}),
                relation.lost.get(column, CHECKED),
            )


def _update_cells(world: World, relation: Relation, actor: Actor) -> Iterator[Cell]:
    table = relation.full_name
    writable = {name for name, column in relation.columns.items() if column.update}
    own = world.target(relation, actor)
    other = world.target(relation, other_of(actor))
    for column in relation.all_columns:
        if actor == "service":
            granted = "u" in relation.service or column in relation.service_updates.split()
        else:
            granted = column in writable and actor != "anon"
        # What is not the client's is set to what it is: no check but the grant refuses that.
        value = (
            world.fill(relation.columns[column].sample, actor)
            if column in writable
            else f'"{column}"'
        )
        assignment = f'update {table} set "{column}" = {value}'
        if actor in PEOPLE or actor == "service":
            usual = ONE_ROW if granted else DENIED
            yield Cell(
                f"update {column}",
                f"{assignment} where {own}",
                _limit(
                    relation,
                    column,
                    relation.outcome(actor, "update", column, usual) if granted else DENIED,
                ),
            )
        if actor != "service" and relation.owner is not None:
            yield Cell(
                f"update {column} of another's row",
                f"{assignment} where {other}",
                _limit(relation, column, HIDDEN if granted else DENIED),
            )
    if not writable or actor in ("anon", "service"):
        return
    if "user_id" in relation.server.split():
        yield Cell(
            "give a row away",
            f"update {table} set user_id = '{world.names(other_of(actor))['me']}' where {own}",
            DENIED,
        )
    for column, theirs in _references(world, relation, actor):
        if column in writable and actor in PEOPLE:
            yield Cell(
                f"update {column} to another's",
                f'update {table} set "{column}" = {theirs} where {own}',
                relation.foreign_outcome(column),
            )
            lost = _lost(world, relation, column)
            if lost is not None:
                yield Cell(
                    f"update {column} to a deleted one",
                    f'update {table} set "{column}" = {world.fill(lost, actor)} where {own}',
                    relation.lost.get(f"update {column}", CHECKED),
                )
    # Without a condition no other policy but that for updates decides what is touched.
    # Nor may the new value read the row, or the policy for reading would decide as well.
    column = relation.blind or min(
        name for name in writable if "$" not in relation.columns[name].sample
    )
    value = relation.columns[column].sample
    condition = f"{world.seen_own(relation, actor)} and ({world.fill(relation.writable, actor)})"
    rows = world.session.value(f"select count(*) from {table} where {condition}")
    yield Cell("update everything", f'update {table} set "{column}" = {value}', f"{rows} rows")


def _delete_cells(world: World, relation: Relation, actor: Actor) -> Iterator[Cell]:
    table = relation.full_name
    own, other = world.target(relation, actor), world.target(relation, other_of(actor))
    if actor == "service":
        expected = relation.outcome(actor, "delete", "-", ONE_ROW)
        yield Cell(
            "delete",
            f"delete from {table} where {own}",
            expected if "d" in relation.service else _limit(relation, "", DENIED),
        )
        return
    if not relation.deletes or actor == "anon":
        for name, statement in (
            ("delete", f"delete from {table} where {own}"),
            ("delete another's row", f"delete from {table} where {other}"),
            ("delete everything", f"delete from {table}"),
        ):
            yield Cell(name, statement, _limit(relation, "", DENIED))
        return
    if actor in PEOPLE:
        seen = f"{own} and {world.seen_own(relation, actor)}"
        yield Cell(
            "delete",
            f"delete from {table} where {own}",
            "0 rows, 0 left|1 rows, 0 left" if relation.keeps else "1 rows, 0 left",
            f"select count(*) || ' left' from {table} where {seen}",
        )
    if relation.owner is not None:
        theirs = f"{other} and {world.seen_own(relation, other_of(actor))}"
        yield Cell(
            "delete another's row",
            f"delete from {table} where {other}",
            "0 rows, 1 left",
            f"select count(*) || ' left' from {table} where {theirs}",
        )
    # Without a condition no other policy but that for deletes decides what is touched.
    gone = f"{world.seen_own(relation, actor)} and ({world.fill(relation.deletable, actor)})"
    spared = f"not {world.rows_of(relation, actor)}" if relation.keeps else f"not ({gone})"
    rows = world.session.value(f"select count(*) from {table} where {spared}")
    yield Cell(
        "delete everything",
        f"delete from {table}",
        f"0 own and {rows} others left",
        f"select count(*) filter (where {gone}) || ' own and '"
        f" || count(*) filter (where {spared}) || ' others left' from {table}",
        counts=False,
    )


def _policy_cells(world: World, relation: Relation, actor: Actor) -> Iterator[Cell]:
    table = relation.full_name
    mine, other = world.names(actor)["me"], world.names(other_of(actor))["me"]
    signed_in = actor != "anon"
    is_owned = "user_id" in relation.all_columns

    seen = world.seen(relation, actor) if may_read(relation, actor) else "false"
    rows = world.session.value(f"select count(*) from {table} where {seen}")
    unseen = world.session.value(f"select count(*) from {table} where not ({seen})")
    assert unseen, f"{table} holds nothing that {actor} is not to see"
    yield Cell("select everything", f"select from {table}", f"{rows} rows")

    # Functions that columns and triggers call may stop anon before any policy does.
    stopped = "" if signed_in else f"|{DENIED}|{DENIED} inside"
    # A row for another, or any at all where users make none.
    row = {**relation.service_row, **({"user_id": f"'{other}'"} if is_owned else {})}
    yield Cell(
        "insert",
        _insert(world, relation, actor, row) if row else f"insert into {table} default values",
        relation.outcome(actor, "plant", "-", CHECKED) + stopped,
    )

    changes = signed_in and any(column.update for column in relation.columns.values())
    writable = f"{world.seen_own(relation, actor)} and ({world.fill(relation.writable, actor)})"
    own = world.session.value(f"select count(*) from {table} where {writable}") if changes else 0
    if is_owned:
        who = world.nobody if actor == "nobody" else mine
        yield Cell(
            "take everything", f"update {table} set user_id = '{who}'", f"{own} rows{stopped}"
        )
    else:
        column = relation.all_columns[0]
        yield Cell("change everything", f'update {table} set "{column}" = null', HIDDEN + stopped)
    if is_owned:
        # A condition would let the policy for reading judge the new row as well.
        yield Cell(
            "give everything away",
            f"update {table} set user_id = '{other}'",
            (CHECKED if own else HIDDEN) + stopped,
        )
    if not relation.deletes or not signed_in:
        yield Cell("delete everything", f"delete from {table}", HIDDEN)


def sample_of(world: World, relation: Relation, column: str) -> str:
    """Return a legal value of a column, in SQL, with names yet to be filled in."""
    if column in relation.columns:
        return relation.columns[column].sample
    if column in relation.samples:
        return relation.samples[column]
    if column == "user_id":
        return "'$me'"
    facts = world.catalogue.columns[relation.full_name][column]
    if facts.is_enum:
        return f"(enum_range(null::{facts.type}))[1]"
    return "'{}'" if facts.type.endswith("[]") else DEFAULT_SAMPLES[facts.type]


def _insert(world: World, relation: Relation, actor: Actor, row: Mapping[str, str]) -> str:
    columns = ", ".join(f'"{column}"' for column in row)
    values = ", ".join(world.fill(sample, actor) for sample in row.values())
    return f"insert into {relation.full_name} ({columns}) values ({values})"


def _references(world: World, relation: Relation, actor: Actor) -> Iterator[tuple[str, str]]:
    """Yield the columns that refer to something of a user's, and another's key for each."""
    for name, column in relation.columns.items():
        theirs = world.fill(column.sample, other_of(actor))
        if theirs != world.fill(column.sample, actor):
            yield name, theirs


def _lost(world: World, relation: Relation, column: str) -> str | None:
    """Return the key of something deleted that a column could refer to, if there is one."""
    if column.endswith("job_id"):
        return "'$lost_job'"
    lost = relation.columns[column].sample.replace("$", "$lost_")
    return lost if lost.strip("$'") in world.names("owner") else None


def _limit(relation: Relation, column: str, expected: str) -> str:
    """Say what is refused before anybody asks for grants."""
    if column in relation.generated.split():
        return GENERATED if relation.schema == "public" else f"{GENERATED}|{DENIED}"
    return f"{expected}|{UNWRITABLE}" if relation.view else expected


# Functions ----------------------------------------------------------------------------------------


def routine_cell(world: World, routine: Routine, actor: Actor, *, inside: bool) -> Cell:
    """Return an actor's call of a function.

    Args:
        world: Whose things it is about.
        routine: The function.
        actor: Who calls.
        inside: Whether everybody was let into its schema.
    """
    if routine.call is None:
        arguments = ", ".join(f"null::{type_}" for type_ in world.catalogue.routines[routine.name])
    else:
        arguments = world.fill(routine.call, "owner")
    enters = (
        inside or routine.schema == "public" or (routine.schema, actor) == ("worker", "service")
    )
    return Cell(
        f"call {routine.name}",
        f"select {routine.name.partition('(')[0]}({arguments})",
        routine.outcomes.get(actor, DENIED) if enters else DENIED,
    )
