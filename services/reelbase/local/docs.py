"""`docs/schema.md`, written from the catalogue of the migrated database.

Run as a program (`make docs`) it migrates a database of its own, in a temporary folder, and writes
the file. What stands in it about a table or a function is its `comment on`; the migrations give the
order.
"""

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reelbase.local.binaries import find_project_root
from reelbase.local.catalogue import (
    COMMANDS,
    ROLES,
    Catalogue,
    Column,
    ForeignKey,
    Function,
    Policy,
    Relation,
    Trigger,
    Type,
    read_catalogue,
)

__all__ = ["SCHEMA_FILE", "main", "write_schema"]

SCHEMA_FILE = "docs/schema.md"

_CLIENTS = ROLES[:2]
_PRIVATE = "Private tables"

# Which migrations make up which part of `public`, in reading order. One that is not listed is a
# part of its own, named after its file.
_AREAS: Mapping[str, tuple[str, ...]] = {
    "Accounts": ("create_profiles", "create_user_preferences", "log_activity"),
    "Catalogue": ("create_catalogue", "create_prompt_templates"),
    "Billing": ("create_subscriptions", "create_payments"),
    "Credits": ("create_credits", "summarize_usage"),
    "Projects and sharing": ("create_projects", "share_projects"),
    "Generation": (
        "create_generation_jobs",
        "create_assets",
        "create_user_prompts",
        "rate_and_retry_generations",
    ),
    "What generation yields": (
        "create_conversations",
        "create_concepts",
        "create_segmentations",
        "create_characters",
        "show_results",
    ),
    "Studio": (
        "create_campaigns",
        "create_storyboards",
        "create_presets",
        "create_performance_metrics",
    ),
}

_INTRODUCTION = """\
# The schema

<!-- Written by `make docs`. What to edit are the comments in supabase/migrations. -->

What the database says about itself after all migrations. `public` is what a browser reads and
writes through PostgREST, under row-level security; `worker` is for the services, which come as
`service_role`; `private` is entered by nobody from outside.

How to read it:

- `text null` is a column that may be null; any other may not.
- *client writes* names the commands in which a signed-in user may give the column. All others are
  the server's: defaults, triggers and functions fill them.
- Who may do what is told by role. A condition is the row-level policy: it holds for every row that
  the command touches. A role that is not named may do nothing. `service_role` passes the policies,
  but has only the rights that are named.
- Two expressions that many policies share are written short. `visible(project_id)`: it names a
  project of the user's that is not deleted, or is null. `visible(job_id)`: it names a job that the
  user can see, or is null where it may be.
- In the diagrams, a table without columns belongs to another part. Every table with `user_id` hangs
  off `profiles` and goes with it; those lines are left out.
"""

_ABBREVIATIONS = (
    (
        re.compile(
            r"\(project_id is null or project_id in \(select projects\.id"
            r" from public\.projects where projects\.user_id = auth\.uid\(\)"
            r" and projects\.deleted_at is null\)\)"
        ),
        "visible(project_id)",
    ),
    (
        re.compile(
            r"(\(job_id is null or )?(exists \(select|\(select true)"
            r" from public\.generation_jobs jobs where jobs\.id = \w+\.job_id\)(?(1)\))"
        ),
        "visible(job_id)",
    ),
)


@dataclass(frozen=True, slots=True)
class _Origins:
    """Where the migrations make what: the file and the place in it, by schema and name."""

    places: Mapping[tuple[str, str], tuple[int, int]]
    files: Sequence[str]
    text: str

    def place(self, key: tuple[str, str]) -> tuple[int, int, str]:
        """Return what to sort by; what no file names comes last, by name."""
        return (*self.places.get(key, (len(self.files), 0)), key[1])

    def area(self, key: tuple[str, str]) -> str:
        """Return the heading under which it stands."""
        if key not in self.places:
            return "More"
        stem = self.files[self.places[key][0]].removesuffix(".sql").split("_", 1)[1]
        for title, migrations in _AREAS.items():
            if stem in migrations:
                return title
        return stem.split("_", 1)[-1].replace("_", " ").capitalize()


def write_schema(database_url: str, project_root: Path) -> str:
    """Return the text of `docs/schema.md`.

    Args:
        database_url: A migrated database, as a role that sees everything in it.
        project_root: The folder that holds `supabase/`.
    """
    catalogue = read_catalogue(database_url)
    origins = _read_origins(project_root)
    relations = sorted(catalogue.relations, key=lambda one: origins.place(one.key))
    computed: dict[tuple[str, str], list[Function]] = {}
    for function in catalogue.functions:
        if function.computes_for and function.roles:
            computed.setdefault(function.computes_for, []).append(function)

    sections: dict[str, list[Relation]] = {title: [] for title in _AREAS}
    for relation in relations:
        if relation.schema == "public":
            sections.setdefault(origins.area(relation.key), []).append(relation)
    sections["Worker"] = [one for one in relations if one.schema == "worker"]
    sections[_PRIVATE] = [one for one in relations if one.schema == "private"]
    sections = {title: found for title, found in sections.items() if found}

    lines = [_INTRODUCTION, *_contents(sections), ""]
    lines += ["## Overview", "", *_diagram([r for r in relations if r.schema == "public"]), ""]
    for title, found in sections.items():
        lines += [f"## {title}", ""]
        if title == _PRIVATE:
            lines += ["No role from outside may read or write any of them.", ""]
        diagram = _diagram(found, with_keys=True)
        lines += [*diagram, ""] if diagram else []
        for relation in found:
            lines += [*_relation(relation, computed.get(relation.key, [])), ""]
    lines += _types(catalogue, origins)
    lines += _functions(catalogue, origins)
    lines += _platform(catalogue, origins)
    return "\n".join(lines).rstrip() + "\n"


def _read_origins(project_root: Path) -> _Origins:
    made = re.compile(
        r"^create (?:or replace )?(?:table|view|type|domain|function)\s+(\w+)\.\"?(\w+)",
        re.MULTILINE,
    )
    places: dict[tuple[str, str], tuple[int, int]] = {}
    paths = sorted((project_root / "supabase" / "migrations").glob("*.sql"))
    texts = [path.read_text() for path in paths]
    for number, text in enumerate(texts):
        for found in made.finditer(text):
            places.setdefault((found[1], found[2]), (number, found.start()))
    return _Origins(places, [path.name for path in paths], "\n".join(texts))


# ---------------------------------------------------------------------------------------------
# Relations
# ---------------------------------------------------------------------------------------------


def _contents(sections: Mapping[str, Sequence[Relation]]) -> Iterator[str]:
    for title, found in sections.items():
        links = ", ".join(f"[`{each.name}`](#{_anchor(_title(each))})" for each in found)
        yield f"- [{title}](#{_anchor(title)}): {links}"
    for title in ("Types", "Functions for the browser", "Functions for the services"):
        yield f"- [{title}](#{_anchor(title)})"
    yield "- [Private functions](#private-functions)"
    yield "- [In the platform's schemas](#in-the-platforms-schemas)"


def _relation(relation: Relation, computed: Sequence[Function]) -> Iterator[str]:
    yield f"### `{_title(relation)}`"
    yield ""
    prefix = "View. " if relation.is_view else ""
    yield prefix + _prose(relation.comment)
    yield ""
    yield from _columns(relation)
    yield ""
    yield from _keys(relation)
    if computed:
        told = "; ".join(
            f"`{each.name}` ({_prose(each.comment.removeprefix('Computed column: ')).rstrip('.')})"
            for each in computed
        )
        yield f"- Computed columns: {told}"
    if relation.indexes:
        told = "; ".join(
            f"`{each.definition}`" + (" unique" if each.is_unique else "")
            for each in relation.indexes
        )
        yield f"- Indexes: {told}"
    if relation.triggers:
        yield f"- Triggers: {_triggers(relation.triggers)}"
    if relation.is_published:
        yield "- Changes are published to Realtime."
    yield from _rights(relation)


def _columns(relation: Relation) -> Iterator[str]:
    if relation.is_view and not any(each.comment for each in relation.columns):
        yield ", ".join(f"`{each.name}` {each.type}" for each in relation.columns)
        return
    written = {
        column.name: [
            command for command in ("insert", "update") if _writes(relation, command, column.name)
        ]
        for column in relation.columns
    }
    has_written = any(written.values())
    header = ["column", "type", *([] if relation.is_view else ["default"])]
    header += ["client writes"] if has_written else []
    yield from _table(
        [*header, "meaning"],
        (
            [
                f"`{column.name}`",
                f"`{column.type}{_null(column, relation)}`",
                *([] if relation.is_view else [_default(column)]),
                *([", ".join(written[column.name])] if has_written else []),
                _prose(column.comment),
            ]
            for column in relation.columns
        ),
    )


def _null(column: Column, relation: Relation) -> str:
    return " null" if column.is_nullable and not relation.is_view else ""


def _default(column: Column) -> str:
    if column.generated == "identity":
        return "identity"
    if column.generated:
        return f"always `{column.default}`"
    return f"`{column.default}`" if column.default else ""


def _writes(relation: Relation, command: str, column: str) -> bool:
    return any(
        right.command == command
        and right.role in _CLIENTS
        and column in (right.columns or (column,))
        for right in relation.privileges
    )


def _keys(relation: Relation) -> Iterator[str]:
    if relation.uniques:
        told = "; ".join(
            f"`{', '.join(each.columns)}`" + (" (primary)" if each.is_primary else "")
            for each in relation.uniques
        )
        yield f"- Keys: {told}"
    if relation.foreign_keys:
        yield f"- References: {'; '.join(map(_reference, relation.foreign_keys))}"
    if relation.checks:
        yield f"- Checks: {', '.join(f'`{name}`' for name in relation.checks)}"


def _reference(key: ForeignKey) -> str:
    schema, table = key.target
    name = table if schema == "public" else f"{schema}.{table}"
    told = f"`{', '.join(key.columns)}` → `{name}`"
    return f"{told} (on delete {key.on_delete})" if key.on_delete else told


def _triggers(triggers: Sequence[Trigger]) -> str:
    by_time: dict[str, list[str]] = {}
    for trigger in sorted(triggers, key=lambda one: (one.when.startswith("after"), one.when)):
        by_time.setdefault(trigger.when, []).append(f"`{trigger.function}`")
    return "; ".join(f"{when}: {', '.join(names)}" for when, names in by_time.items())


def _rights(relation: Relation) -> Iterator[str]:
    for role in ROLES:
        # Commands on the same columns under the same condition are told together.
        told: dict[tuple[tuple[str, ...], str], list[str]] = {}
        for right in relation.privileges:
            if right.role == role:
                condition = _condition(relation, role, right.command)
                if condition != "never":
                    told.setdefault((right.columns, condition), []).append(right.command)
        parts = [
            " ".join(
                filter(None, (", ".join(commands), _of_columns(role, commands, columns), condition))
            )
            for (columns, condition), commands in told.items()
        ]
        if len(parts) == 1:
            yield f"- **{role}** may {parts[0]}"
        elif parts:
            yield f"- **{role}** may"
            yield from (f"  - {part}" for part in parts)


def _of_columns(role: str, commands: Sequence[str], columns: Sequence[str]) -> str:
    if not columns:
        return ""
    if role not in _CLIENTS or commands[0] == "select" or len(columns) <= 3:
        return f"({', '.join(f'`{name}`' for name in columns)})"
    return "(the columns marked above)"


def _condition(relation: Relation, role: str, command: str) -> str:
    """Return under which policy a role may use a command, or `never` where none lets it."""
    if relation.is_view and not relation.is_invoker:
        return "with the rights of the view's owner"
    if role == "service_role":
        return ""
    if relation.is_view:
        return "what its tables show them"
    policies = [
        policy
        for policy in relation.policies
        if command in policy.commands and {role, "public"} & set(policy.roles)
    ]
    return " or ".join(_policy(policy, command) for policy in policies) or "never"


def _policy(policy: Policy, command: str) -> str:
    using, check = _abbreviate(policy.using), _abbreviate(policy.check)
    if command in ("select", "delete"):
        return f"if `{using}`"
    if command == "insert":
        return f"if `{check}`"
    if check in ("", using):
        return f"if `{using}`"
    return f"if `{using}`, so that `{check}`"


def _abbreviate(condition: str) -> str:
    for pattern, short in _ABBREVIATIONS:
        condition = pattern.sub(short, condition)
    return condition


# ---------------------------------------------------------------------------------------------
# Diagrams
# ---------------------------------------------------------------------------------------------


def _diagram(relations: Sequence[Relation], *, with_keys: bool = False) -> list[str]:
    """Draw the tables, with their keys if asked for, and what they refer to; nothing if nothing."""
    tables = [each for each in relations if not each.is_view]
    names = {each.key for each in tables}
    edges: list[str] = []
    for table in tables:
        for key in table.foreign_keys:
            if key.target == ("public", "profiles") and not (with_keys and key.target in names):
                continue
            edge = f"  {_entity(key.target)} {_cardinality(table, key)} {_entity(table.key)}"
            label = ", ".join(name for name in key.columns if name != "user_id") or "user_id"
            line = f'{edge} : "{label if with_keys else ""}"'
            if line not in edges:
                edges.append(line)
    if not edges:
        return []
    lines = ["```mermaid", "erDiagram"]
    for table in tables if with_keys else []:
        lines += [f"  {_entity(table.key)} {{", *_key_columns(table), "  }"]
    return [*lines, *edges, "```"]


def _key_columns(table: Relation) -> Iterator[str]:
    primary = {name for each in table.uniques if each.is_primary for name in each.columns}
    foreign = {name for each in table.foreign_keys for name in each.columns}
    unique = {each.columns[0] for each in table.uniques if len(each.columns) == 1}
    for column in table.columns:
        marks = [
            mark
            for mark, names in (("PK", primary), ("FK", foreign), ("UK", unique - primary))
            if column.name in names
        ]
        if marks and (column.name != "user_id" or column.name in primary):
            kind = re.sub(r"\W+", "_", column.type).strip("_")
            yield f"    {kind} {column.name} {', '.join(marks)}"


def _cardinality(table: Relation, key: ForeignKey) -> str:
    nullable = {column.name for column in table.columns if column.is_nullable}
    parent = "|o" if nullable & set(key.columns) else "||"
    return f"{parent}--{'o|' if table.has_one_row_for(key.columns) else 'o{'}"


def _entity(key: tuple[str, str]) -> str:
    return key[1] if key[0] == "public" else f"{key[0]}_{key[1]}"


# ---------------------------------------------------------------------------------------------
# Types, functions, and what lies in the platform's schemas
# ---------------------------------------------------------------------------------------------


def _types(catalogue: Catalogue, origins: _Origins) -> Iterator[str]:
    types = sorted(catalogue.types, key=lambda one: origins.place((one.schema, one.name)))
    yield "## Types"
    yield ""
    yield from _table(
        ["enum", "values", "meaning"],
        (
            [f"`{_name(each)}`", ", ".join(f"`{one}`" for one in each.labels), _prose(each.comment)]
            for each in types
            if each.kind == "enum"
        ),
    )
    yield ""
    yield from _table(
        ["domain", "of", "checks", "meaning"],
        (
            [
                f"`{_name(each)}`",
                f"`{each.base}`",
                ", ".join(f"`{one}`" for one in each.labels),
                _prose(each.comment),
            ]
            for each in types
            if each.kind == "domain"
        ),
    )
    yield ""
    yield from _table(
        ["composite", "attributes", "meaning"],
        (
            [
                f"`{_name(each)}`",
                ", ".join(f"`{one.name}` {one.type}" for one in each.columns),
                _prose(each.comment),
            ]
            for each in types
            if each.kind == "composite"
        ),
    )
    yield ""


def _functions(catalogue: Catalogue, origins: _Origins) -> Iterator[str]:
    functions = [
        each
        for each in sorted(catalogue.functions, key=lambda f: origins.place((f.schema, f.name)))
        if not each.computes_for
    ]
    groups: dict[str, list[Function]] = {
        "Functions for the browser": [],
        "Functions for the services": [],
        "Private functions": [],
    }
    for function in functions:
        if function.schema == "private":
            groups["Private functions"].append(function)
        elif set(function.roles) & set(_CLIENTS):
            groups["Functions for the browser"].append(function)
        else:
            groups["Functions for the services"].append(function)
    for title in ("Functions for the browser", "Functions for the services"):
        yield f"## {title}"
        yield ""
        for function in groups[title]:
            yield from _function(function)
    yield "## Private functions"
    yield ""
    yield (
        "Triggers, and what the functions above are made of. Those that a role may execute are "
        "called by them in its name; no role can reach them from outside."
    )
    yield ""
    yield from _table(
        ["function", "runs as", "execute", "what it does"],
        (
            [
                f"`{each.name}`",
                "definer" if each.is_definer else "invoker",
                ", ".join(f"`{role}`" for role in each.roles),
                _prose(each.comment),
            ]
            for each in groups["Private functions"]
        ),
    )
    yield ""


def _function(function: Function) -> Iterator[str]:
    yield f"### `{_name(function)}`"
    yield ""
    call = f"{_name(function)}({', '.join(function.arguments)}) returns {function.returns}"
    if len(call) <= 90:
        yield f"`{call}`"
    else:
        yield "```sql"
        yield f"{_name(function)}("
        yield from (
            f"  {each}{',' if place < len(function.arguments) else ''}"
            for place, each in enumerate(function.arguments, 1)
        )
        yield f") returns {function.returns}"
        yield "```"
    yield ""
    rights = ", ".join(function.roles) or "nobody"
    kind = f"{function.volatility}{', definer' if function.is_definer else ''}"
    yield f"{_prose(function.comment)} *({kind}; for {_prose(rights)})*"
    yield ""


def _platform(catalogue: Catalogue, origins: _Origins) -> Iterator[str]:
    yield "## In the platform's schemas"
    yield ""
    yield from _table(
        ["table", "trigger", "when", "calls"],
        (
            [
                f"`{'.'.join(each.table)}`",
                f"`{each.name}`",
                each.when,
                f"`{each.function}`",
            ]
            for each in catalogue.platform_triggers
        ),
    )
    yield ""
    yield from _table(
        ["table", "policy", "command", "for", "condition"],
        (
            [
                f"`{'.'.join(each.table)}`",
                f"`{each.name}`",
                ", ".join(each.commands) if each.commands != COMMANDS else "all",
                ", ".join(f"`{role}`" for role in each.roles),
                _policy(each, each.commands[0]),
            ]
            for each in catalogue.platform_policies
        ),
    )
    yield ""
    yield from _table(
        ["bucket", "open to all", "largest file", "types"],
        (
            [
                f"`{each.name}`",
                "yes" if each.is_public else "no",
                f"{each.size_limit / 2**20:,.0f} MiB" if each.size_limit else "",
                ", ".join(each.mime_types),
            ]
            for each in catalogue.buckets
            # Whoever runs the database may have made others.
            if f"'{each.name}'" in origins.text
        ),
    )


# ---------------------------------------------------------------------------------------------
# Markdown
# ---------------------------------------------------------------------------------------------


def _name(one: Type | Function) -> str:
    return one.name if one.schema == "public" else f"{one.schema}.{one.name}"


def _title(relation: Relation) -> str:
    return relation.name if relation.schema == "public" else f"{relation.schema}.{relation.name}"


def _anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _prose(text: str) -> str:
    """Return a comment so that Markdown takes none of its characters for its own."""
    text = re.sub(r"([\\`*<>\[\]])", r"\\\1", " ".join(text.split()))
    return re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", text)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a table; nothing when it has no rows."""
    found = list(rows)
    for cells in [header, ["---"] * len(header), *found] if found else []:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def main() -> None:
    """Write the file from a database that holds all migrations and nothing else."""
    from reelbase.local.pytest_plugin import running_stack  # noqa: PLC0415

    project_root = find_project_root()
    with (
        tempfile.TemporaryDirectory(prefix="reelbase-docs-") as folder,
        running_stack(Path(folder)) as stack,
    ):
        text = write_schema(stack.database_url, project_root)
    (project_root / SCHEMA_FILE).write_text(text)


if __name__ == "__main__":
    main()
