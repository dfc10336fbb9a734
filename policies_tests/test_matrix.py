"""Who may do what, cell by cell, in the database itself.

matrix.py says what must come of each cell. Here every one of them is run, with the role and the
claims that the API server would set, and undone. A table, view, column or function that the matrix
does not know fails the suite, and so does one that is gone.
"""

from collections import Counter
from collections.abc import Iterator

import pytest

from .cells import (
    policy_failures,
    relation_cells,
    relation_failures,
    routine_cell,
    routine_failures,
)
from .harness import Bench
from .matrix import ACTORS, DENIED, PEOPLE, RELATIONS, ROUTINES, Actor, Relation
from .worlds import World, open_world


@pytest.fixture(scope="module")
def world(bench: Bench) -> Iterator[World]:
    """One world for all cells: none of them leaves a trace."""
    with open_world(bench) as world:
        yield world


@pytest.fixture(autouse=True)
def undone(world: World) -> Iterator[None]:
    """Whatever goes wrong in one test is over with it."""
    world.session.run("savepoint test")
    yield
    world.session.run("rollback to savepoint test")
    world.session.run("release savepoint test")


# The cells ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.name)
def test_table_gives_and_takes_just_what_the_matrix_says(
    world: World, relation: Relation, actor: Actor
) -> None:
    assert relation_failures(world, relation, actor) == []


@pytest.mark.parametrize("actor", [actor for actor in ACTORS if actor != "service"])
@pytest.mark.parametrize(
    "relation",
    [relation for relation in RELATIONS if not relation.view],
    ids=lambda relation: relation.name,
)
def test_policies_hold_even_where_every_right_was_granted(
    world: World, relation: Relation, actor: Actor
) -> None:
    # Two locks: most of what is refused is not granted to begin with.
    assert policy_failures(world, relation, actor) == []


@pytest.mark.parametrize("actor", ACTORS)
def test_functions_answer_just_whom_the_matrix_says(world: World, actor: Actor) -> None:
    assert routine_failures(world, actor) == []


def test_every_actor_tries_thousands_of_cells(world: World) -> None:
    counts = Counter(
        actor
        for actor in ACTORS
        for relation in RELATIONS
        for _ in relation_cells(world, relation, actor)
    )
    assert min(counts.values()) > 1500, counts
    # What is refused to everybody proves little: each person is allowed a good deal, too.
    for actor in PEOPLE:
        allowed = [
            cell
            for relation in RELATIONS
            for cell in relation_cells(world, relation, actor)
            if cell.expected.startswith("1 rows")
        ]
        assert len(allowed) > 250


# Nothing is left out ------------------------------------------------------------------------------


def test_every_table_and_view_is_in_the_matrix(world: World) -> None:
    known = {relation.full_name for relation in RELATIONS}
    missing, gone = set(world.catalogue.views) - known, known - set(world.catalogue.views)
    assert not missing, f"add a Relation for each to RELATIONS in matrix.py: {sorted(missing)}"
    assert not gone, f"take out of RELATIONS in matrix.py what is gone: {sorted(gone)}"
    assert len(known) == len(RELATIONS), "a table is in RELATIONS twice"


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.name)
def test_every_column_is_in_the_matrix(world: World, relation: Relation) -> None:
    found, known = set(world.catalogue.columns[relation.full_name]), set(relation.all_columns)
    assert not found - known, (
        f"add to {relation.name} in matrix.py, to `columns` if users may write it, else to"
        f" `server`: {sorted(found - known)}"
    )
    assert not known - found, f"take out of {relation.name}: {sorted(known - found)}"
    assert len(known) == len(relation.all_columns), "a column is named twice"
    assert relation.view == world.catalogue.views[relation.full_name]


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.name)
def test_every_reference_that_users_set_is_tried_with_anothers_id(
    world: World, relation: Relation
) -> None:
    facts = world.catalogue.columns[relation.full_name]
    untried = [
        name
        for name, column in relation.columns.items()
        if facts[name].refers
        and world.fill(column.sample, "owner") == world.fill(column.sample, "stranger")
    ]
    # The catalogue is everybody's.
    assert set(untried) <= {"model_id"}, f"give a sample with $ for {untried} of {relation.name}"


def test_every_function_is_in_the_matrix(world: World) -> None:
    known = {routine.name for routine in ROUTINES}
    missing, gone = set(world.catalogue.routines) - known, known - set(world.catalogue.routines)
    assert not missing, f"add a Routine for each to ROUTINES in matrix.py: {sorted(missing)}"
    assert not gone, f"take out of ROUTINES in matrix.py what is gone: {sorted(gone)}"


def test_functions_that_somebody_may_call_are_called_with_arguments(world: World) -> None:
    assert [each.name for each in ROUTINES if each.call is None and each.outcomes] == []
    for routine in ROUTINES:
        for actor in ACTORS:
            cell = routine_cell(world, routine, actor, inside=True)
            assert (cell.expected == DENIED) == (actor not in routine.outcomes)


# The matrix itself --------------------------------------------------------------------------------

SABOTAGE = {
    "a table without policies": (
        "alter table public.projects disable row level security",
        ["projects"],
    ),
    "a policy that is true": (
        "alter policy assets_select_owner on public.assets using (true)",
        ["assets"],
    ),
    "a policy that is added": (
        "create policy more on public.feedback for select to authenticated using (rating = 5)",
        ["feedback"],
    ),
    "an update that asks nothing": (
        "alter policy campaigns_update_owner on public.campaigns using (true) with check (true)",
        ["campaigns"],
    ),
    "a delete that asks nothing": (
        "alter policy conversations_delete_owner on public.conversations using (true)",
        ["conversations"],
    ),
    "an insert that asks nothing": (
        "alter policy feedback_insert_owner on public.feedback with check (true)",
        ["feedback"],
    ),
    "an insert that does not ask for whom": (
        "alter policy projects_insert_owner on public.projects with check (name <> '')",
        ["projects"],
    ),
    "a row that can be given away": (
        "alter policy style_presets_update_owner on public.style_presets with check (name <> '')",
        ["style_presets"],
    ),
    "a policy that forgets what was deleted": (
        "alter policy characters_select_owner on public.characters"
        " using (user_id = (select auth.uid()))",
        ["characters"],
    ),
    "a column granted": (
        "grant update (credit_cost) on public.generation_jobs to authenticated",
        ["generation_jobs"],
    ),
    "a column granted at insert": (
        "grant insert (user_id) on public.brand_guidelines to authenticated",
        ["brand_guidelines"],
    ),
    "a column taken away": (
        "revoke update (frames) on public.storyboard_sequences from authenticated",
        ["storyboard_sequences"],
    ),
    "a ledger that the services write": (
        "grant update (amount) on public.credit_transactions to service_role",
        ["credit_transactions"],
    ),
    "a catalogue that shows all": (
        "alter policy credit_packages_select_everybody on public.credit_packages using (true)",
        ["credit_packages"],
    ),
    "a view that asks as its owner": (
        "alter view public.credit_statement set (security_invoker = false)",
        ["credit_statement"],
    ),
    "a reference that is not tied to its owner": (
        "alter table public.campaigns drop constraint campaigns_brand_is_the_owners",
        ["campaigns"],
    ),
    "a table of the services' that users may read": (
        "grant select on worker.tasks to authenticated",
        ["worker.tasks"],
    ),
    "a function opened": (
        "grant execute on function private.grant_credits to authenticated",
        [],
    ),
    "a function for anon": (
        "grant execute on function public.cancel_generation, private.cancel_own_job to anon",
        [],
    ),
    "a function that does not ask whose": (
        "create or replace function private.share_own_project(p_project_id uuid) returns text"
        " language sql security definer set search_path = '' as"
        " $$ update public.projects set share_token = coalesce(share_token, repeat('x', 32))"
        " where id = p_project_id returning share_token $$",
        [],
    ),
}


@pytest.mark.parametrize("name", SABOTAGE)
def test_matrix_turns_red(world: World, name: str) -> None:
    # A matrix that finds nothing wrong whatever happens would be worse than none.
    statement, tables = SABOTAGE[name]
    world.session.run(statement)
    found = [
        failure
        for actor in ACTORS
        for relation in RELATIONS
        if relation.name in tables
        for failure in (
            *relation_failures(world, relation, actor),
            *([] if relation.view else policy_failures(world, relation, actor)),
        )
    ]
    if not tables:
        found = [failure for actor in ACTORS for failure in routine_failures(world, actor)]
    assert found
