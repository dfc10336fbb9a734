"""docs/coverage.md keeps its word: what it points at is there, and nothing asked for is missing.

The page has one part for each of the five products. A row is what the product's document asks for,
where that is here (names in backticks, of a form listed at the top of the page), and a remark. The
documents themselves are not part of this repository; where they lie beside it, the page is checked
to be complete.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .harness import Bench

PAGE = Path(__file__).parent.parent / "docs" / "coverage.md"
REQUIREMENTS = PAGE.parents[2] / "shared" / "requirements"
NOWHERE = "—"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the page."""

    number: int
    asked: str
    targets: tuple[str, ...]
    place: str
    remark: str


def plain(text: str) -> str:
    """Return a text without Markdown's marks and without doubled spaces."""
    text = re.sub(r"\\(.)", r"\1", text.replace("**", "").replace("`", ""))
    return " ".join(text.split()).strip(" *")


def read_page() -> dict[str, list[Row]]:
    """Return the rows of each product, by its letter."""
    found: dict[str, list[Row]] = {}
    rows: list[Row] = []
    for number, line in enumerate(PAGE.read_text().splitlines(), 1):
        if heading := re.match(r"## ([a-e])\b", line):
            rows = found.setdefault(heading[1], [])
        elif line.startswith("## "):
            rows = []
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 3 and cells[0] != "asked for" and set(cells[0]) - set("-: "):
            targets = tuple(re.findall(r"`([^`]+)`", cells[1]))
            rows.append(Row(number, plain(cells[0]), targets, cells[1], plain(cells[2])))
    return found


PAGE_ROWS = read_page()
ROWS = [row for rows in PAGE_ROWS.values() for row in rows]


# ---------------------------------------------------------------------------------------------
# What a target points at
# ---------------------------------------------------------------------------------------------

# What a product asks for in `public` is there for whoever is signed in, or it is not there.
READABLE = (
    "(split_part(%(table)s, '.', 1) <> 'public'"
    " or has_any_column_privilege('authenticated', to_regclass(%(table)s), 'select'))"
)
COLUMN = (
    "select from pg_attribute where attrelid = to_regclass(%(table)s) and attname = %(name)s"
    " and attnum > 0 and not attisdropped"
    " and (split_part(%(table)s, '.', 1) <> 'public'"
    " or has_column_privilege('authenticated', attrelid, attnum, 'select'))"
)
# By the word before the name: how the name is split, and what must return a row.
KINDS: dict[str, tuple[str, str]] = {
    "table": (
        r"(?P<table>\w+\.\w+)",
        "select from pg_class where oid = to_regclass(%(table)s) and relkind in ('r', 'p') and "
        + READABLE,
    ),
    "column": (
        r"(?P<table>\w+\.\w+)\.(?P<name>\w+)",
        COLUMN + " and (select relkind in ('r', 'p') from pg_class where oid = attrelid)",
    ),
    "view": (
        r"(?P<table>\w+\.\w+)",
        "select from pg_class where oid = to_regclass(%(table)s) and relkind = 'v' and " + READABLE,
    ),
    "view column": (
        r"(?P<table>\w+\.\w+)\.(?P<name>\w+)",
        COLUMN + " and (select relkind = 'v' from pg_class where oid = attrelid)",
    ),
    "computed": (
        r"(?P<schema>\w+)\.(?P<relation>\w+)\.(?P<name>\w+)",
        "select from pg_proc inner join pg_class on reltype = proargtypes[0]"
        " where pronamespace = to_regnamespace(%(schema)s) and proname = %(name)s and pronargs = 1"
        " and relnamespace = pronamespace and relname = %(relation)s"
        " and has_function_privilege('authenticated', pg_proc.oid, 'execute')",
    ),
    "function": (
        r"(?P<schema>\w+)\.(?P<name>\w+)",
        "select from pg_proc where pronamespace = to_regnamespace(%(schema)s)"
        " and proname = %(name)s",
    ),
    "argument": (
        r"(?P<schema>\w+)\.(?P<name>\w+)\.(?P<argument>\w+)",
        "select from pg_proc where pronamespace = to_regnamespace(%(schema)s)"
        " and proname = %(name)s and %(argument)s = any(proargnames)",
    ),
    "trigger": (
        r"(?P<table>\w+\.\w+)\.(?P<name>\w+)",
        "select from pg_trigger where tgrelid = to_regclass(%(table)s) and tgname = %(name)s"
        " and tgenabled <> 'D'",
    ),
    "policy": (
        r"(?P<table>\w+\.\w+)\.(?P<name>\w+)",
        "select from pg_policy inner join pg_class on pg_class.oid = polrelid"
        " where polrelid = to_regclass(%(table)s) and polname = %(name)s and relrowsecurity",
    ),
    "constraint": (
        r"(?P<table>\w+\.\w+)\.(?P<name>\w+)",
        "select from pg_constraint where conrelid = to_regclass(%(table)s) and conname = %(name)s",
    ),
    "reference": (
        r"(?P<table>\w+\.\w+)\.(?P<name>\w+)",
        "select from pg_constraint inner join pg_attribute"
        " on attrelid = conrelid and attnum = any(conkey)"
        " where conrelid = to_regclass(%(table)s) and contype = 'f' and attname = %(name)s",
    ),
    "index": (
        r"(?P<table>\w+\.\w+) \((?P<columns>.+)\)",
        "select from pg_index where indrelid = to_regclass(%(table)s) and indisvalid and ("
        " select string_agg(pg_get_indexdef(indexrelid, place, true), ', ' order by place)"
        " from generate_series(1, cardinality(string_to_array(%(columns)s, ', '))) as place"
        ") = %(columns)s",
    ),
    "index name": (
        r"(?P<index>\w+\.\w+)",
        "select from pg_index where indexrelid = to_regclass(%(index)s) and indisvalid",
    ),
    "enum": (
        r"(?P<type>\w+\.\w+)(?::(?P<label>\w+))?",
        "select from pg_enum where enumtypid = to_regtype(%(type)s)"
        " and enumlabel = coalesce(%(label)s, enumlabel)",
    ),
    "domain": (
        r"(?P<type>\w+\.\w+)",
        "select from pg_type where oid = to_regtype(%(type)s) and typtype in ('d', 'c')",
    ),
    "bucket": (r"(?P<name>[\w-]+)", "select from storage.buckets where id = %(name)s"),
    "package": (
        r"(?P<name>[\w-]+)",
        "select from public.credit_packages where slug = %(name)s and is_active",
    ),
}


def is_there(bench: Bench, target: str) -> bool:
    """Tell whether the database has what a target names."""
    kind, name = target.split(" ", 1) if re.match(r"[a-z]+ ", target) else ("", target)
    if kind in ("", "view"):
        kind = f"{kind} column".strip() if name.count(".") == 2 else kind or "table"
    elif kind == "index" and "(" not in name:
        kind = "index name"
    if kind not in KINDS:
        return False
    pattern, query = KINDS[kind]
    parts = re.fullmatch(pattern, name)
    if parts is None:
        return False
    return bool(bench.connection.execute(query.encode(), parts.groupdict()).fetchall())


def test_every_target_is_in_the_database(bench: Bench) -> None:
    missing = [
        f"line {row.number}: {row.asked} → {target}"
        for row in ROWS
        for target in row.targets
        if not is_there(bench, target)
    ]
    assert missing == []


@pytest.mark.parametrize(
    "target",
    [
        "public.nowhere",
        "public.projects.nowhere",
        "view public.projects",
        "public.credit_statement",
        "computed public.projects.name",
        "function public.nowhere",
        "policy public.projects.nowhere",
        "enum public.job_status:nowhere",
        "index public.projects (name)",
        "bucket nowhere",
        "whatever public.projects",
    ],
)
def test_target_that_is_not_there_is_noticed(bench: Bench, target: str) -> None:
    assert not is_there(bench, target)


def test_every_row_says_where_or_why_not() -> None:
    silent = [
        f"line {row.number}: {row.asked}"
        for row in ROWS
        if not (row.targets or (row.place == NOWHERE and len(row.remark.split()) >= 4))
    ]
    assert silent == []


def test_nothing_is_told_twice() -> None:
    for product, rows in PAGE_ROWS.items():
        asked = [row.asked for row in rows]
        assert sorted({one for one in asked if asked.count(one) > 1}) == [], product


def test_packages_are_sold_at_the_prices_asked_for(bench: Bench) -> None:
    sold = {
        slug: (float(amount), float(price), discount)
        for slug, amount, price, discount in bench.rows(
            "select slug, credits, price, discount_percent from public.credit_packages"
        )
    }
    told = {}
    for row in ROWS:
        for target in row.targets:
            if target.startswith("package "):
                numbers = [
                    float(one.replace(",", "")) for one in re.findall(r"\d[\d,.]*", row.remark)
                ]
                told[target.removeprefix("package ")] = (*numbers, 0.0)[:3]
    assert len(told) == 10
    assert {slug: sold[slug] for slug in told} == told


# ---------------------------------------------------------------------------------------------
# What the documents ask for
# ---------------------------------------------------------------------------------------------


def asked_by_a(text: str) -> Iterator[str]:
    """Tables as numbered headings, columns as bullets, then relations, notes and wishes."""
    tables, rest = text.split("### Entity Relationships")
    table = ""
    for line in tables.splitlines():
        if heading := re.match(r"#### \d+\. \*\*(.+)\*\*", line):
            table = plain(heading[1])
            yield table
        elif line.strip().startswith("* **PK:**"):
            yield f"{table}: primary key"
        elif column := re.match(r"  \* ((?:`\w+`(?: / )?)+) \(.+?\): (.*)", line):
            for name in re.findall(r"`(\w+)`", column[1]):
                yield f"{table}.{name}"
                if "FK" not in column[2]:
                    yield from (
                        f"{table}.{name}: {value}" for value in re.findall(r"`([\w/]+)`", column[2])
                    )
    relations, wishes = rest.split("### Future Extensions")
    yield from (plain(line[2:]) for line in relations.splitlines() if line.startswith("* "))
    yield from re.findall(r"^\* `(\w+)`", wishes, re.MULTILINE)


def asked_by_b(text: str) -> Iterator[str]:
    """Tables of columns with their policies, then functions, indexes and the security model."""
    part = table = ""
    for line in text.splitlines():
        if heading := re.match(r"(##+) (.+)", line):
            part, table = (heading[2], "") if heading[1] == "##" else (part, heading[2])
            if table:
                yield table.removesuffix("()")
        elif part == "Tables Overview" and (
            column := re.match(r"\| ([a-z_]+) \| [\w\[\]]+ \| (.+) \|", line)
        ):
            yield f"{table}.{column[1]}"
            values = re.search(r"(?:^|\()([\w-]+(?:/[\w-]+)+)$|\((veo.+)\)", column[2])
            for value in re.split(r"/|, ", values[1] or values[2]) if values else []:
                yield f"{table}.{column[1]}: {value}"
        elif unique := re.match(r"\*\*Unique Constraint:\*\* (.+)", line):
            yield f"{table}: unique {unique[1]}"
        elif part in ("Tables Overview", "Functions") and line.startswith("- "):
            yield f"{table.removesuffix('()')}: {plain(line[2:])}"
        elif part == "Indexes" and line.startswith("- "):
            yield f"Indexes: {plain(line[2:])}"
        elif part == "Security Model" and (rule := re.match(r"\d\. (.+)|Exception: (.+)", line)):
            yield f"Security: {plain(rule[1] or rule[2])}"


def asked_by_c(text: str) -> Iterator[str]:
    """Drizzle tables, their indexes, relationships and notes."""
    table = part = ""
    for line in text.splitlines():
        if found := re.search(r"pgTable\('(\w+)'", line):
            table = found[1]
            yield table
        elif found := re.match(r"\s+\w+: \w+\('(\w+)'\)(.*)", line):
            yield f"{table}.{found[1]}"
            examples = found[2].partition("//")[2] + "".join(
                re.findall(r"default\('\w+'\)", found[2])
            )
            values = dict.fromkeys(re.findall(r"'([\w-]+)'", examples))
            yield from (f"{table}.{found[1]}: {value}" for value in values)
        elif found := re.match(r"createIndex\('(\w+)'", line):
            yield found[1]
        elif found := re.match(r"## (.+)", line):
            part = found[1]
        elif part in ("Relationships", "Implementation Notes") and (
            found := re.match(r"(?:\d\.|-) (.+)", line)
        ):
            yield plain(found[1])


def asked_by_d(text: str) -> Iterator[str]:
    """Prisma models, enums, relationships, and the rules further down."""
    part = model = ""
    for line in text.splitlines():
        if found := re.match(r"## (.+)", line):
            part, model = found[1], ""
        elif found := re.match(r"### (.+)", line):
            model = found[1]
            if part in ("Models", "Enums"):
                yield model
        elif part == "Models" and (found := re.match(r"- `(\w+)` \(\w.*", line)):
            yield f"{model}.{found[1]}"
            yield from (
                f"{model}.{found[1]}: {value}" for value in re.findall(r'"(\w+)"', found[0])
            )
        elif part == "Models" and (found := re.match(r"- `\[(.+)\]`", line)):
            yield f"{model}: index {found[1]}"
        elif part == "Enums" and (found := re.match(r"- `(\w+)`", line)):
            yield f"{model}: {found[1]}"
        elif part == "Database Relationships" and (found := re.match(r"\d+\. \*\*(.+)\*\*", line)):
            yield found[1]
        elif part in (
            "Credit System",
            "Data Types",
            "Cascade Deletes",
            "Best Practices",
        ) and (found := re.match(r"(?:\d\.|-) (?:\*\*(.+)\*\*|`(\w+)`):", line)):
            yield f"{part}: {found[1] or found[2]}"


def asked_by_e(text: str) -> Iterator[str]:
    """Tables with their features, the automatic parts, packages, views, types, indexes, buckets."""
    part = section = ""
    for line in text.splitlines():
        if found := re.match(r"(##+) (.+)", line):
            part, section = (found[2], "") if found[1] == "##" else (part, plain(found[2]))
            section = re.sub(r"^\d+\. ", "", section)
            if part == "Views for Analytics" and section:
                yield section
        elif section == "Core Tables" and (found := re.match(r"\| `(\w+)` \|.*\| (.+) \|", line)):
            yield found[1]
            yield from (f"{found[1]}: {one}" for one in re.split(r", (?![^(]*\))", found[2]))
        elif section.startswith("Entity") and (
            found := re.match(r"(\w+) ──> (\w+) \(optional\)", line)
        ):
            yield f"{found[1]} → {found[2]}"
        elif part == "Initial Data" and (found := re.match(r"\| (.+?) \| \d+ \|", line)):
            yield found[1]
        elif part == "Custom Types" and (found := re.match(r"\d\. \*\*`(\w+)`\*\* - (.+)", line)):
            yield f"{found[1]}: {found[2]}"
        elif found := re.match(r"(?:-|\d\.) (?:✅ )?(.+)", line):
            if part in ("Key Features", "Views for Analytics"):
                yield f"{section}: {plain(found[1])}"
            elif part in ("Indexes", "Security Notes"):
                yield f"{section or part}: {plain(found[1])}"
        elif part == "Next Steps" and "buckets:" in line:
            yield from (f"bucket {name}" for name in re.findall(r"`([\w-]+)`", line))


PARSERS: dict[str, Callable[[str], Iterator[str]]] = {
    "a": asked_by_a,
    "b": asked_by_b,
    "c": asked_by_c,
    "d": asked_by_d,
    "e": asked_by_e,
}


@pytest.mark.parametrize("product", sorted(PARSERS))
def test_everything_that_a_product_asks_for_is_told(product: str) -> None:
    files = sorted(REQUIREMENTS.glob(f"{product}-*.md"))
    if not files:
        pytest.skip("the products' own documents do not lie beside this repository")
    asked = list(PARSERS[product](files[0].read_text()))
    assert len(asked) > 50
    told = {row.asked for row in PAGE_ROWS[product]}
    assert [one for one in dict.fromkeys(asked) if one not in told] == []
