"""docs/schema.md is what the migrated database says, and reads as it should."""

import difflib
import re
from itertools import groupby, islice
from pathlib import Path

import pytest

from reelbase.local.docs import SCHEMA_FILE, write_schema
from reelbase.local.pytest_plugin import RunningStack
from reelbase.local.shorten import shorten, shorten_index


@pytest.fixture(scope="module")
def generated(stack: RunningStack, request: pytest.FixtureRequest) -> str:
    return write_schema(stack.database_url, request.config.rootpath)


def test_page_in_the_tree_is_that_of_the_database(
    generated: str, request: pytest.FixtureRequest
) -> None:
    path = Path(request.config.rootpath, SCHEMA_FILE)
    written = path.read_text() if path.exists() else ""
    changes = difflib.unified_diff(
        written.splitlines(), generated.splitlines(), "in the tree", "generated", lineterm="", n=0
    )
    shown = "\n".join(islice(changes, 40))
    assert not shown, f"The schema changed: run `make docs`.\n{shown}"


def test_rows_of_a_table_have_as_many_cells_as_its_header(generated: str) -> None:
    for is_table, block in groupby(generated.splitlines(), lambda line: line.startswith("|")):
        if is_table:
            cells = {len(re.split(r"(?<!\\)\|", line)): line for line in block}
            assert len(cells) == 1, cells


def test_links_lead_to_headings(generated: str) -> None:
    headings = [
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^##+ (.+)$", generated, re.MULTILINE)
    ]
    assert sorted(set(headings)) == sorted(headings)
    assert set(re.findall(r"\]\(#([^)]*)\)", generated)) <= set(headings)


def test_diagrams_hold_only_what_the_syntax_allows(generated: str) -> None:
    diagrams = re.findall(r"```mermaid\nerDiagram\n(.*?)```", generated, re.DOTALL)
    assert len(diagrams) > 5
    entity = r"  \w+ \{"
    attribute = r"    [a-z]\w* \w+ (PK|FK|UK)(, (PK|FK|UK))*"
    relation = r'  \w+ \|[|o]--(o\{|o\|) \w+ : "[\w, ]*"'
    for line in "".join(diagrams).splitlines():
        assert re.fullmatch(rf"{entity}|{attribute}|  \}}|{relation}", line), line


@pytest.mark.parametrize(
    ("printed", "short"),
    [
        ("(user_id = ( SELECT auth.uid() AS uid))", "user_id = auth.uid()"),
        ("'{}'::jsonb", "'{}'"),
        ("('a (b) and c'::text || (name)::text)", "'a (b) and c' || name"),
        ("((price_minor)::numeric / 100.0)", "price_minor / 100.0"),
        (
            "(status = ANY (ARRAY['pending'::public.job_status, 'queued'::public.job_status]))",
            "status in ('pending', 'queued')",
        ),
        ("(NOT (a = ANY (kinds)))", "not (a = any (kinds))"),
        ("((a IS NULL) OR ((b > 1) AND (c < 2)))", "a is null or (b > 1 and c < 2)"),
        (
            "(id IN ( SELECT t.id\n   FROM public.t\n  WHERE ((t.x = 1) AND t.is_active)))",
            "id in (select t.id from public.t where t.x = 1 and t.is_active)",
        ),
        (
            "((a = 1) AND ( SELECT true\n   FROM public.t\n  WHERE (t.x = u.x)))",
            "a = 1 and (select true from public.t where t.x = u.x)",
        ),
    ],
)
def test_expressions_are_told_as_somebody_would_write_them(printed: str, short: str) -> None:
    assert shorten(printed) == short


@pytest.mark.parametrize(
    ("definition", "short"),
    [
        ("CREATE INDEX i ON public.t USING btree (a, b DESC)", "(a, b desc)"),
        (
            "CREATE UNIQUE INDEX i ON public.t USING btree (a, lower(b)) WHERE (c IS NOT NULL)",
            "(a, lower(b)) where c is not null",
        ),
        ("CREATE INDEX i ON public.t USING gin (tags)", "gin (tags)"),
        (
            "CREATE UNIQUE INDEX i ON public.t USING btree (a) NULLS NOT DISTINCT WHERE b",
            "(a) nulls not distinct where b",
        ),
    ],
)
def test_indexes_are_told_by_what_they_are_on(definition: str, short: str) -> None:
    assert shorten_index(definition) == short
