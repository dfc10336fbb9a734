"""What a migrated database says about itself: relations, types, functions, and who may do what.

Read from the system catalogue in an order that is the same for every database and version of
PostgreSQL: no object ids, and nothing that a newer server merely words differently.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from reelbase.local.shorten import shorten, shorten_index, shorten_type

__all__ = [
    "COMMANDS",
    "ROLES",
    "Bucket",
    "Catalogue",
    "Column",
    "ForeignKey",
    "Function",
    "Index",
    "Policy",
    "Privilege",
    "Relation",
    "Trigger",
    "Type",
    "Unique",
    "read_catalogue",
]

ROLES = ("anon", "authenticated", "service_role")
COMMANDS = ("select", "insert", "update", "delete")
_SCHEMAS = ["public", "worker", "private"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a relation or an attribute of a composite type.

    Attributes:
        name: Its name.
        type: Its type, shortened.
        is_nullable: Whether it may be null.
        default: The expression of its default or, if generated, of its value; shortened.
        generated: `stored`, `identity`, or nothing.
        comment: What the migrations say about it.
    """

    name: str
    type: str
    is_nullable: bool = True
    default: str = ""
    generated: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Unique:
    """A primary key or unique constraint."""

    name: str
    columns: tuple[str, ...]
    is_primary: bool


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key; `on_delete` is empty where a deletion is refused."""

    name: str
    columns: tuple[str, ...]
    target: tuple[str, str]
    target_columns: tuple[str, ...]
    on_delete: str


@dataclass(frozen=True, slots=True)
class Index:
    """An index that no constraint made; `definition` begins with its columns."""

    name: str
    columns: tuple[str, ...]
    is_unique: bool
    definition: str


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger of ours."""

    table: tuple[str, str]
    name: str
    when: str
    function: str


@dataclass(frozen=True, slots=True)
class Policy:
    """A row-level policy, its expressions shortened."""

    table: tuple[str, str]
    name: str
    commands: tuple[str, ...]
    roles: tuple[str, ...]
    using: str
    check: str


@dataclass(frozen=True, slots=True)
class Privilege:
    """A role's right to a command; on `columns` only, where these are given."""

    role: str
    command: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view with all that hangs on it."""

    schema: str
    name: str
    is_view: bool
    is_invoker: bool
    is_published: bool
    comment: str
    columns: tuple[Column, ...]
    uniques: tuple[Unique, ...]
    foreign_keys: tuple[ForeignKey, ...]
    checks: tuple[str, ...]
    indexes: tuple[Index, ...]
    triggers: tuple[Trigger, ...]
    policies: tuple[Policy, ...]
    privileges: tuple[Privilege, ...]

    @property
    def key(self) -> tuple[str, str]:
        """Schema and name."""
        return self.schema, self.name

    def has_one_row_for(self, columns: tuple[str, ...]) -> bool:
        """Tell whether no two rows can agree in these columns."""
        return any(set(unique.columns) <= set(columns) for unique in self.uniques) or any(
            index.is_unique
            and set(index.columns) <= set(columns)
            and " where " not in index.definition
            for index in self.indexes
        )


@dataclass(frozen=True, slots=True)
class Type:
    """An enum with its labels, a domain with its checks, or a composite type with its columns."""

    schema: str
    name: str
    kind: str
    comment: str
    labels: tuple[str, ...] = ()
    base: str = ""
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """A function; `computes_for` is the table that it is a computed column of, if it is one."""

    schema: str
    name: str
    arguments: tuple[str, ...]
    returns: str
    volatility: str
    is_definer: bool
    is_trigger: bool
    computes_for: tuple[str, str] | None
    roles: tuple[str, ...]
    comment: str


@dataclass(frozen=True, slots=True)
class Bucket:
    """A storage bucket."""

    name: str
    is_public: bool
    size_limit: int | None
    mime_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All of it.

    Attributes:
        relations: Tables and views of our schemas.
        types: Enums, domains and composite types of our schemas.
        functions: Functions of our schemas.
        platform_triggers: Our triggers on the platform's tables.
        platform_policies: Our policies on the platform's tables.
        buckets: The storage buckets.
    """

    relations: tuple[Relation, ...]
    types: tuple[Type, ...]
    functions: tuple[Function, ...]
    platform_triggers: tuple[Trigger, ...]
    platform_policies: tuple[Policy, ...]
    buckets: tuple[Bucket, ...]


_RELATIONS = """
select c.oid, n.nspname as schema, c.relname as name, c.relkind = 'v' as is_view,
  coalesce(c.reloptions && array['security_invoker=true', 'security_invoker=on'], false)
    as is_invoker,
  exists (
    select from pg_publication_rel as p
    inner join pg_publication as publication on publication.oid = p.prpubid
    where p.prrelid = c.oid and publication.pubname = 'supabase_realtime'
  ) as is_published,
  coalesce(obj_description(c.oid, 'pg_class'), '') as comment
from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = any(%(schemas)s) and c.relkind in ('r', 'p', 'v')
order by n.nspname collate "C", c.relname collate "C"
"""

_COLUMNS = """
select a.attrelid as relation, a.attname as name,
  format_type(a.atttypid, a.atttypmod) as type, not a.attnotnull as is_nullable,
  coalesce(pg_get_expr(d.adbin, d.adrelid), '') as default,
  case when a.attgenerated <> '' then 'stored' when a.attidentity <> '' then 'identity' else '' end
    as generated,
  coalesce(col_description(a.attrelid, a.attnum), '') as comment
from pg_attribute as a
inner join pg_class as c on c.oid = a.attrelid
inner join pg_namespace as n on n.oid = c.relnamespace
left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
where n.nspname = any(%(schemas)s) and c.relkind in ('r', 'p', 'v', 'c')
  and a.attnum > 0 and not a.attisdropped
order by a.attrelid, a.attnum
"""

_CONSTRAINTS = """
select c.conrelid as relation, c.conname as name, c.contype as kind,
  array(
    select a.attname::text from unnest(c.conkey) with ordinality as k (number, place)
    inner join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = k.number order by k.place
  ) as columns,
  tn.nspname as target_schema, t.relname as target_name,
  array(
    select a.attname::text from unnest(c.confkey) with ordinality as k (number, place)
    inner join pg_attribute as a on a.attrelid = c.confrelid and a.attnum = k.number
    order by k.place
  ) as target_columns,
  case c.confdeltype when 'c' then 'cascade' when 'n' then 'set null' when 'd' then 'set default'
    else '' end as on_delete
from pg_constraint as c
inner join pg_namespace as n on n.oid = c.connamespace
left join pg_class as t on t.oid = c.confrelid
left join pg_namespace as tn on tn.oid = t.relnamespace
where n.nspname = any(%(schemas)s) and c.conrelid <> 0 and c.contype in ('p', 'u', 'f', 'c')
order by c.contype = 'p' desc, c.conkey, c.conname collate "C"
"""

_INDEXES = """
select i.indrelid as relation, c.relname as name, i.indisunique as is_unique,
  pg_get_indexdef(i.indexrelid) as definition,
  array(
    select coalesce(a.attname::text, '') from unnest(i.indkey) with ordinality as k (number, place)
    left join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.number
    where k.place <= i.indnkeyatts order by k.place
  ) as columns
from pg_index as i
inner join pg_class as c on c.oid = i.indexrelid
inner join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = any(%(schemas)s)
  and not exists (select from pg_constraint where conindid = i.indexrelid and contype in ('p', 'u'))
order by c.relname collate "C"
"""

_TRIGGERS = """
select t.tgrelid as relation, rn.nspname as schema, r.relname as table, t.tgname as name,
  t.tgtype::integer as type, fn.nspname || '.' || f.proname as function,
  array(
    select a.attname::text from unnest(t.tgattr) with ordinality as k (number, place)
    inner join pg_attribute as a on a.attrelid = t.tgrelid and a.attnum = k.number order by k.place
  ) as columns
from pg_trigger as t
inner join pg_class as r on r.oid = t.tgrelid
inner join pg_namespace as rn on rn.oid = r.relnamespace
inner join pg_proc as f on f.oid = t.tgfoid
inner join pg_namespace as fn on fn.oid = f.pronamespace
where not t.tgisinternal and fn.nspname = any(%(schemas)s)
order by rn.nspname collate "C", r.relname collate "C", t.tgname collate "C"
"""

_POLICIES = """
select p.polrelid as relation, n.nspname as schema, r.relname as table, p.polname as name,
  p.polcmd as command, coalesce(pg_get_expr(p.polqual, p.polrelid), '') as using,
  coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') as check,
  array(
    select coalesce(roles.rolname::text, 'public') from unnest(p.polroles) as of (role)
    left join pg_roles as roles on roles.oid = of.role order by 1
  ) as roles
from pg_policy as p
inner join pg_class as r on r.oid = p.polrelid
inner join pg_namespace as n on n.oid = r.relnamespace
where n.nspname = any(%(schemas)s)
  or n.nspname = 'storage' and starts_with(p.polname, 'reelbase_')
order by n.nspname collate "C", r.relname collate "C", p.polname collate "C"
"""

_PRIVILEGES = """
select c.oid as relation, role, command,
  case when command = 'delete' then has_table_privilege(role, c.oid, command)
    else has_table_privilege(role, c.oid, command)
      or has_any_column_privilege(role, c.oid, command) end as is_granted,
  case when has_table_privilege(role, c.oid, command) or command = 'delete' then '{}'
    else array(
      select a.attname::text from pg_attribute as a
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        and has_column_privilege(role, c.oid, a.attnum, command)
      order by a.attnum
    ) end as columns
from pg_class as c
inner join pg_namespace as n on n.oid = c.relnamespace
cross join unnest(%(roles)s::text[]) with ordinality as r (role, role_place)
cross join unnest(%(commands)s::text[]) with ordinality as m (command, command_place)
where n.nspname = any(%(schemas)s) and c.relkind in ('r', 'p', 'v')
  and has_schema_privilege(role, n.oid, 'usage')
order by c.oid, role_place, command_place
"""

_TYPES = """
select t.oid, n.nspname as schema, t.typname as name, t.typtype as kind, t.typrelid as relation,
  coalesce(obj_description(t.oid, 'pg_type'), '') as comment,
  array(
    select e.enumlabel::text from pg_enum as e where e.enumtypid = t.oid order by e.enumsortorder
  ) as labels,
  case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) else '' end as base,
  array(
    select c.conname::text from pg_constraint as c
    where c.contypid = t.oid and c.contype = 'c' order by c.conname collate "C"
  ) as checks
from pg_type as t inner join pg_namespace as n on n.oid = t.typnamespace
left join pg_class as c on c.oid = t.typrelid
where n.nspname = any(%(schemas)s) and (t.typtype in ('e', 'd') or c.relkind = 'c')
order by n.nspname collate "C", t.typname collate "C"
"""

_FUNCTIONS = """
select n.nspname as schema, f.proname as name,
  array(
    select concat_ws(' ',
      case f.proargmodes[place] when 'v' then 'variadic' when 'o' then 'out' when 'b' then 'inout'
      end,
      f.proargnames[place], format_type(argument, null),
      'default ' || pg_get_function_arg_default(f.oid, place::integer)
    )
    from unnest(coalesce(f.proallargtypes, f.proargtypes::oid[])) with ordinality
      as a (argument, place)
    where coalesce(f.proargmodes[place], 'i') <> 't' order by place
  ) as arguments,
  pg_get_function_result(f.oid) as returns,
  case f.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end
    as volatility,
  f.prosecdef as is_definer, f.prorettype = 'trigger'::regtype as is_trigger,
  (
    select array[rn.nspname::text, r.relname::text]
    from pg_class as r inner join pg_namespace as rn on rn.oid = r.relnamespace
    where f.pronargs = 1 and r.reltype = f.proargtypes[0] and r.relkind in ('r', 'v')
      and rn.oid = f.pronamespace
  ) as computes_for,
  array(
    select role from unnest(%(roles)s::text[]) with ordinality as r (role, place)
    where has_function_privilege(role, f.oid, 'execute') order by place
  ) as roles,
  coalesce(obj_description(f.oid, 'pg_proc'), '') as comment
from pg_proc as f inner join pg_namespace as n on n.oid = f.pronamespace
where n.nspname = any(%(schemas)s)
order by n.nspname collate "C", f.proname collate "C", oidvectortypes(f.proargtypes) collate "C"
"""

_BUCKETS = """
select id as name, public as is_public, file_size_limit as size_limit,
  coalesce(allowed_mime_types, '{}') as mime_types
from storage.buckets order by id collate "C"
"""


def read_catalogue(database_url: str) -> Catalogue:
    """Read the catalogue of a migrated database.

    Args:
        database_url: The database, as a role that sees everything in it.
    """
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        # Expressions then name every schema, whoever asks.
        connection.execute("set local search_path = ''")
        parameters = {"schemas": _SCHEMAS, "roles": list(ROLES), "commands": list(COMMANDS)}

        def rows(query: str) -> list[dict[str, Any]]:
            return connection.execute(query.encode(), parameters).fetchall()

        columns = _by_relation(rows(_COLUMNS))
        triggers, policies = rows(_TRIGGERS), rows(_POLICIES)
        parts = {
            "columns": columns,
            "constraints": _by_relation(rows(_CONSTRAINTS)),
            "indexes": _by_relation(rows(_INDEXES)),
            "triggers": _by_relation(triggers),
            "policies": _by_relation(policies),
            "privileges": _by_relation(rows(_PRIVILEGES)),
        }
        return Catalogue(
            relations=tuple(_relation(row, parts) for row in rows(_RELATIONS)),
            types=tuple(_type(row, columns) for row in rows(_TYPES)),
            functions=tuple(_function(row) for row in rows(_FUNCTIONS)),
            platform_triggers=tuple(
                _trigger(row) for row in triggers if row["schema"] not in _SCHEMAS
            ),
            platform_policies=tuple(
                _policy(row) for row in policies if row["schema"] not in _SCHEMAS
            ),
            buckets=tuple(
                Bucket(**row | {"mime_types": tuple(row["mime_types"])}) for row in rows(_BUCKETS)
            ),
        )


def _by_relation(rows: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["relation"], []).append(row)
    return found


def _relation(
    row: dict[str, Any], parts: Mapping[str, dict[int, list[dict[str, Any]]]]
) -> Relation:
    of = {name: found.get(row["oid"], []) for name, found in parts.items()}
    return Relation(
        schema=row["schema"],
        name=row["name"],
        is_view=row["is_view"],
        is_invoker=row["is_invoker"],
        is_published=row["is_published"],
        comment=row["comment"],
        columns=tuple(_column(each) for each in of["columns"]),
        uniques=tuple(
            Unique(each["name"], tuple(each["columns"]), each["kind"] == "p")
            for each in of["constraints"]
            if each["kind"] in "pu"
        ),
        foreign_keys=tuple(
            ForeignKey(
                each["name"],
                tuple(each["columns"]),
                (each["target_schema"], each["target_name"]),
                tuple(each["target_columns"]),
                each["on_delete"],
            )
            for each in of["constraints"]
            if each["kind"] == "f"
        ),
        checks=tuple(each["name"] for each in of["constraints"] if each["kind"] == "c"),
        indexes=tuple(
            Index(
                each["name"],
                tuple(each["columns"]),
                each["is_unique"],
                shorten_index(each["definition"]),
            )
            for each in of["indexes"]
        ),
        triggers=tuple(_trigger(each) for each in of["triggers"]),
        policies=tuple(_policy(each) for each in of["policies"]),
        privileges=tuple(
            Privilege(each["role"], each["command"], tuple(each["columns"]))
            for each in of["privileges"]
            if each["is_granted"]
        ),
    )


def _column(row: dict[str, Any]) -> Column:
    return Column(
        name=row["name"],
        type=shorten_type(row["type"]),
        is_nullable=row["is_nullable"],
        default=shorten(row["default"]),
        generated=row["generated"],
        comment=row["comment"],
    )


def _trigger(row: dict[str, Any]) -> Trigger:
    # The bits of pg_trigger.tgtype: row 1, before 2, insert 4, delete 8, update 16, truncate 32.
    bits = row["type"]
    events = [
        name
        for bit, name in ((4, "insert"), (16, "update"), (8, "delete"), (32, "truncate"))
        if bits & bit
    ]
    when = ("before " if bits & 2 else "after ") + " or ".join(events)
    if row["columns"]:
        when += f" of {', '.join(row['columns'])}"
    if not bits & 1:
        when += " (by statement)"
    return Trigger((row["schema"], row["table"]), row["name"], when, row["function"])


def _policy(row: dict[str, Any]) -> Policy:
    commands = {"r": ("select",), "a": ("insert",), "w": ("update",), "d": ("delete",)}
    return Policy(
        table=(row["schema"], row["table"]),
        name=row["name"],
        commands=commands.get(row["command"], COMMANDS),
        roles=tuple(row["roles"]),
        using=shorten(row["using"]),
        check=shorten(row["check"]),
    )


def _type(row: dict[str, Any], columns: dict[int, list[dict[str, Any]]]) -> Type:
    return Type(
        schema=row["schema"],
        name=row["name"],
        kind={"e": "enum", "d": "domain", "c": "composite"}[row["kind"]],
        comment=row["comment"],
        labels=tuple(row["labels"] or row["checks"]),
        base=shorten_type(row["base"]),
        columns=tuple(_column(each) for each in columns.get(row["relation"], [])),
    )


def _function(row: dict[str, Any]) -> Function:
    return Function(
        schema=row["schema"],
        name=row["name"],
        arguments=tuple(shorten_type(shorten(each)) for each in row["arguments"]),
        returns=shorten_type(re.sub(r"^(TABLE|SETOF)\b", lambda m: m[0].lower(), row["returns"])),
        volatility=row["volatility"],
        is_definer=row["is_definer"],
        is_trigger=row["is_trigger"],
        computes_for=tuple(row["computes_for"]) if row["computes_for"] else None,
        roles=tuple(row["roles"]),
        comment=row["comment"],
    )
