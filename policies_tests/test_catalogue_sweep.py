"""The whole schema, looked at from above: what the database itself says of every object at once.

matrix.py says what each actor may do, and test_matrix.py tries it. Here the grants are read back
and must be just those, and every rule that goes for all objects is asked of all of them. At the end
each of these tests is shown a schema that breaks its rule.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from .harness import LATCH, Bench
from .matrix import LEDGER_FUNCTIONS, RELATIONS, ROUTINES

SCHEMAS = ["public", "worker", "private"]
POLICED = [*SCHEMAS, "storage"]
CLIENTS = ["anon", "authenticated"]

PUBLIC = [relation for relation in RELATIONS if relation.schema == "public"]
CATALOGUE = [relation.name for relation in PUBLIC if relation.owner is None]
LETTERS = {"s": "SELECT", "i": "INSERT", "u": "UPDATE", "d": "DELETE"}

# What the matrix says, in the words of the database: table privileges, complete.
TABLE_GRANTS: set[tuple[str, str, str]] = (
    {("anon", each.full_name, "SELECT") for each in PUBLIC if each.shared is not None}
    | {("authenticated", each.full_name, "SELECT") for each in PUBLIC}
    | {("authenticated", each.full_name, "DELETE") for each in PUBLIC if each.deletes}
    | {
        ("service_role", each.full_name, LETTERS[letter])
        for each in RELATIONS
        for letter in each.service
    }
)
# Column privileges, complete.
COLUMN_GRANTS: set[tuple[str, str, str, str]] = {
    ("authenticated", each.full_name, privilege, name)
    for each in PUBLIC
    for name, column in each.columns.items()
    for privilege, has in (("INSERT", column.insert), ("UPDATE", column.update))
    if has
} | {
    ("service_role", each.full_name, "UPDATE", name)
    for each in RELATIONS
    for name in each.service_updates.split()
}
# Functions, complete.
FUNCTION_GRANTS = {
    (role, routine.name.partition("(")[0])
    for routine in ROUTINES
    for actor, role in (
        ("anon", "anon"),
        ("owner", "authenticated"),
        ("service", "service_role"),
    )
    if actor in routine.outcomes
}
SERVICE_READS_ONLY = {
    "credit_accounts",
    "credit_transactions",
    "credit_grants",
    "credit_allocations",
    "credit_statement",
    "payments",
    "subscriptions",
    "generation_jobs",
    "job_events",
    "user_activity_logs",
}


def test_client_roles_enter_no_schema_but_public(bench: Bench) -> None:
    entered = bench.rows(
        "select role, nspname, has_schema_privilege(role, oid, 'create') from pg_namespace"
        " cross join unnest(array['anon', 'authenticated', 'service_role']) as role"
        " where nspname = any(%s) and has_schema_privilege(role, oid, 'usage') order by 1, 2",
        SCHEMAS,
    )
    assert entered == [
        ("anon", "public", False),
        ("authenticated", "public", False),
        ("service_role", "public", False),
        ("service_role", "worker", False),
    ]


def test_row_level_security_is_on_everywhere(bench: Bench) -> None:
    assert (
        bench.column(
            "select oid::regclass::text from pg_class where relkind in ('r', 'p')"
            " and relnamespace::regnamespace::text = any(%s) and not relrowsecurity",
            SCHEMAS,
        )
        == []
    )


def test_views_ask_as_the_caller(bench: Bench) -> None:
    assert (
        bench.column(
            "select oid::regclass::text from pg_class where relkind in ('v', 'm')"
            " and relnamespace::regnamespace::text = any(%s)"
            " and (relkind = 'm'"
            " or not coalesce('security_invoker=true' = any(reloptions), false))",
            SCHEMAS,
        )
        == []
    )


def test_policies_name_their_role_and_one_command(bench: Bench) -> None:
    assert (
        bench.rows(
            "select tablename, policyname from pg_policies where schemaname = any(%s)"
            " and ('public' = any(roles) or cmd = 'ALL' or permissive <> 'PERMISSIVE'"
            " or (cmd = 'UPDATE' and (qual is null or with_check is null)))",
            POLICED,
        )
        == []
    )


def test_one_policy_decides_for_a_command_and_a_role(bench: Bench) -> None:
    # Of several it is enough that one says yes: the laxest would be the rule.
    assert (
        bench.rows(
            "select schemaname, tablename, cmd, role, count(*) from pg_policies"
            " cross join unnest(roles) as role where schemaname = any(%s)"
            " group by schemaname, tablename, cmd, role having count(*) > 1",
            POLICED,
        )
        == []
    )


def test_no_policy_says_yes_to_everything(bench: Bench) -> None:
    assert (
        bench.rows(
            "select tablename, policyname from pg_policies where schemaname = any(%s)"
            " and (btrim(qual, '( )') = 'true' or btrim(with_check, '( )') = 'true')",
            POLICED,
        )
        == []
    )


def test_policies_ask_who_calls_once_a_statement(bench: Bench) -> None:
    # A bare auth.uid() is asked again for every row.
    policies = bench.rows(
        "select tablename || '.' || policyname, concat_ws(' ', qual, with_check)"
        " from pg_policies where schemaname = any(%s)",
        POLICED,
    )
    wrapped = re.compile(r"\( SELECT auth\.(uid|jwt|role|email)\(\) AS \1\)")
    assert len(policies) > 100
    assert [name for name, text in policies if "auth." in wrapped.sub("", text)] == []


def test_policies_and_grants_are_for_the_same(bench: Bench) -> None:
    # A policy without a grant is dead, and a grant without a policy lets nobody through.
    policies = bench.rows(
        "select distinct role::text, schemaname || '.' || tablename, cmd from pg_policies"
        " cross join unnest(roles) as role where schemaname = any(%s)",
        SCHEMAS,
    )
    views = {relation.full_name for relation in RELATIONS if relation.view}
    grants = TABLE_GRANTS | {grant[:3] for grant in COLUMN_GRANTS}
    assert set(policies) == {
        grant for grant in grants if grant[0] in CLIENTS and grant[1] not in views
    }


def test_tables_and_views_are_granted_as_the_matrix_says(bench: Bench) -> None:
    found = bench.rows(
        "select coalesce(r.rolname, 'public'), n.nspname || '.' || c.relname, a.privilege_type"
        " from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace"
        " cross join lateral aclexplode(c.relacl) as a left join pg_roles as r on r.oid = a.grantee"
        " where n.nspname = any(%s) and c.relkind <> 'S' and a.grantee <> c.relowner",
        SCHEMAS,
    )
    assert set(found) == TABLE_GRANTS


def test_columns_are_granted_as_the_matrix_says(bench: Bench) -> None:
    found = bench.rows(
        "select coalesce(r.rolname, 'public'), n.nspname || '.' || c.relname, a.privilege_type,"
        " t.attname from pg_attribute as t inner join pg_class as c on c.oid = t.attrelid"
        " inner join pg_namespace as n on n.oid = c.relnamespace"
        " cross join lateral aclexplode(t.attacl) as a left join pg_roles as r on r.oid = a.grantee"
        " where n.nspname = any(%s)",
        SCHEMAS,
    )
    assert set(found) == COLUMN_GRANTS


def test_nobody_is_granted_what_has_no_place_in_a_request(bench: Bench) -> None:
    # TRUNCATE asks no policy; TRIGGER and REFERENCES would let a client run or learn things;
    # MAINTAIN takes locks. On columns, too, and by way of PUBLIC.
    privileges = ["truncate", "references", "trigger"]
    if bench.connection.info.server_version >= 170000:
        privileges.append("maintain")
    assert (
        bench.rows(
            "select role, c.oid::regclass::text, privilege from pg_class as c"
            " cross join unnest(array['anon', 'authenticated', 'service_role']) as role"
            " cross join unnest(%s::text[]) as privilege"
            " where c.relkind in ('r', 'p', 'v', 'm')"
            " and c.relnamespace::regnamespace::text = any(%s)"
            " and (has_table_privilege(role, c.oid, privilege) or (privilege = 'references'"
            " and has_any_column_privilege(role, c.oid, privilege)))",
            privileges,
            SCHEMAS,
        )
        == []
    )


def test_nobody_uses_sequences_or_hands_rights_on(bench: Bench) -> None:
    assert (
        bench.rows(
            "select role, c.oid::regclass::text from pg_class as c"
            " cross join unnest(array['anon', 'authenticated', 'service_role']) as role"
            " where c.relkind = 'S' and c.relnamespace::regnamespace::text = any(%s)"
            " and has_sequence_privilege(role, c.oid, 'usage, select, update')",
            SCHEMAS,
        )
        == []
    )
    assert (
        bench.column(
            "select c.oid::regclass::text from pg_class as c"
            " left join pg_attribute as t on t.attrelid = c.oid"
            " cross join lateral unnest(c.relacl || t.attacl) as item"
            " cross join lateral aclexplode(array[item]) as a"
            " where c.relnamespace::regnamespace::text = any(%s)"
            " and a.is_grantable and a.grantee <> c.relowner",
            SCHEMAS,
        )
        == []
    )


def test_client_roles_own_nothing_and_are_nobody_else(bench: Bench) -> None:
    roles = [*CLIENTS, "service_role"]
    assert (
        bench.rows(
            "select classid::regclass, objid from pg_shdepend where deptype = 'o'"
            " and refobjid in (select oid from pg_roles where rolname = any(%s))"
            " and dbid = (select oid from pg_database where datname = current_database())",
            roles,
        )
        == []
    )
    assert (
        bench.rows(
            "select member::regrole, roleid::regrole from pg_auth_members"
            " where member in (select oid from pg_roles where rolname = any(%s))",
            roles,
        )
        == []
    )


def test_service_role_writes_no_money_and_no_state(bench: Bench) -> None:
    # What the services may not do by hand goes by function.
    written = bench.column(
        "select distinct c.relname::text from pg_class as c"
        " cross join unnest(array['insert', 'update', 'delete']) as privilege"
        " where c.relkind in ('r', 'v') and c.relnamespace = 'public'::regnamespace"
        " and (has_table_privilege('service_role', c.oid, privilege)"
        " or (privilege in ('insert', 'update')"
        " and has_any_column_privilege('service_role', c.oid, privilege)))"
    )
    assert set(written) & SERVICE_READS_ONLY == set()


def test_functions_are_executable_by_just_whom_the_matrix_says(bench: Bench) -> None:
    found = bench.rows(
        "select coalesce(r.rolname, 'public'), n.nspname || '.' || p.proname from pg_proc as p"
        " inner join pg_namespace as n on n.oid = p.pronamespace"
        " cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a"
        " left join pg_roles as r on r.oid = a.grantee"
        " where n.nspname = any(%s) and a.grantee <> p.proowner",
        SCHEMAS,
    )
    assert set(found) == FUNCTION_GRANTS


def test_definer_functions_of_the_services_are_theirs_alone(bench: Bench) -> None:
    assert (
        bench.rows(
            "select p.oid::regprocedure::text, role from pg_proc as p"
            " cross join unnest(array['anon', 'authenticated', 'service_role']) as role"
            " where p.pronamespace = 'worker'::regnamespace"
            " and has_function_privilege(role, p.oid, 'execute') <> (role = 'service_role')"
        )
        == []
    )


PATHLESS = {
    ("private", "now"),
    ("private", "current_actor"),
    ("private", "users_window"),
    ("private", "require_ledger"),
    ("public", "submit_generation"),
}
"""Bodies resolved when they were created, which a path of their own would keep from being inlined;
and the guard that asks for its caller's path. None is a definer."""


def test_definer_functions_live_out_of_reach_and_pin_their_path(bench: Bench) -> None:
    functions = bench.rows(
        "select p.proname::text, n.nspname, p.prosecdef, p.proconfig from pg_proc as p"
        " inner join pg_namespace as n on n.oid = p.pronamespace where n.nspname = any(%s)",
        SCHEMAS,
    )
    assert len(functions) > 30
    assert [name for name, schema, definer, _ in functions if definer and schema == "public"] == []
    assert {(s, name) for name, s, definer, config in functions if not config} == PATHLESS
    assert not any(definer for name, s, definer, _ in functions if (s, name) in PATHLESS)
    # The latch of the ledger is a schema that there is not: as empty a path as an empty one.
    assert bench.value("select to_regnamespace(%s)", LATCH) is None
    latched = {("private", name) for name in LEDGER_FUNCTIONS}
    paths = {True: f"search_path={LATCH}", False: 'search_path=""'}
    assert [
        name
        for name, schema, _, config in functions
        if (schema, name) not in PATHLESS and paths[(schema, name) in latched] not in (config or [])
    ] == []


def test_no_default_privileges_go_to_clients(bench: Bench) -> None:
    assert (
        bench.rows(
            "select d.defaclrole::regrole::text, d.defaclobjtype, r.rolname, a.privilege_type"
            " from pg_default_acl as d cross join lateral aclexplode(d.defaclacl) as a"
            " left join pg_roles as r on r.oid = a.grantee"
            " where a.grantee = 0 or r.rolname in ('anon', 'authenticated', 'service_role')"
        )
        == []
    )


def test_new_function_is_nobodys_to_call(bench: Bench) -> None:
    with bench.undone():
        bench.run("set local role postgres")
        for schema in ("public", "worker", "private"):
            bench.run(f"create function {schema}.fresh() returns int language sql return 1")
            assert not any(
                bench.column(
                    "select has_function_privilege(role, %s, 'execute')"
                    " from unnest(array['anon', 'authenticated', 'service_role']) as role",
                    f"{schema}.fresh()",
                )
            )


def test_new_table_is_nobodys_to_read(bench: Bench) -> None:
    with bench.undone():
        bench.run("set local role postgres")
        for schema in ("public", "worker", "private"):
            bench.run(f"create table {schema}.fresh (id int)")
            assert not any(
                bench.column(
                    "select has_table_privilege(role, %s, 'select, insert, update, delete')"
                    " from unnest(array['anon', 'authenticated', 'service_role']) as role",
                    f"{schema}.fresh",
                )
            )


def test_every_foreign_key_is_indexed(bench: Bench) -> None:
    # Leading columns of an index, in any order; a partial one may leave out the nulls.
    assert (
        bench.rows(
            "select c.conrelid::regclass::text, c.conname from pg_constraint as c"
            " where c.contype = 'f' and c.connamespace::regnamespace::text = any(%s)"
            " and not exists (select from pg_index as i"
            "  where i.indrelid = c.conrelid and i.indisvalid"
            "  and (i.indpred is null"
            "   or pg_get_expr(i.indpred, i.indrelid) ~ '^\\(\\w+ IS NOT NULL\\)$')"
            "  and (select array_agg(k order by k)"
            "   from unnest((i.indkey::int2[])[0:cardinality(c.conkey) - 1]) as k)"
            "  = (select array_agg(k order by k) from unnest(c.conkey) as k))",
            SCHEMAS,
        )
        == []
    )


def test_every_id_that_a_policy_asks_about_is_indexed(bench: Bench) -> None:
    # Of the table itself and of those that it looks into. States and flags tell too little apart.
    assert (
        bench.rows(
            "select distinct c.oid::regclass::text, a.attname from pg_depend as d"
            " inner join pg_policy as p on p.oid = d.objid"
            " inner join pg_class as c on c.oid = d.refobjid"
            " inner join pg_attribute as a on a.attrelid = c.oid and a.attnum = d.refobjsubid"
            " where d.classid = 'pg_policy'::regclass and d.refclassid = 'pg_class'::regclass"
            " and c.relnamespace::regnamespace::text = any(%s)"
            " and (a.atttypid = 'uuid'::regtype or a.attname ~ '(^|_)id$')"
            " and not exists (select from pg_index as i"
            "  where i.indrelid = c.oid and i.indisvalid and i.indkey[0] = a.attnum"
            "  and (i.indpred is null"
            "   or pg_get_expr(i.indpred, i.indrelid) ~ '^\\(\\w+ IS NOT NULL\\)$'))",
            SCHEMAS,
        )
        == []
    )


UNCOMMENTED = {
    "tables and views": (
        "select oid::regclass::text from pg_class where relkind in ('r', 'v', 'm', 'p')"
        " and relnamespace::regnamespace::text = any(%s)"
        " and obj_description(oid, 'pg_class') is null"
    ),
    "functions": (
        "select oid::regprocedure::text from pg_proc"
        " where pronamespace::regnamespace::text = any(%s)"
        " and obj_description(oid, 'pg_proc') is null"
    ),
    "types": (
        "select t.oid::regtype::text from pg_type as t"
        " left join pg_class as c on c.oid = t.typrelid"
        " where t.typnamespace::regnamespace::text = any(%s)"
        " and (t.typtype in ('e', 'd') or c.relkind = 'c')"
        " and obj_description(t.oid, 'pg_type') is null"
        " and (c.oid is null or obj_description(c.oid, 'pg_class') is null)"
    ),
    "schemas": (
        "select nspname::text from pg_namespace where nspname = any(%s)"
        " and obj_description(oid, 'pg_namespace') is null"
    ),
}


@pytest.mark.parametrize("kind", UNCOMMENTED)
def test_everything_carries_a_comment(bench: Bench, kind: str) -> None:
    assert bench.column(UNCOMMENTED[kind], SCHEMAS) == []


def test_tables_with_updated_at_keep_it(bench: Bench) -> None:
    assert (
        bench.column(
            "select c.oid::regclass::text from pg_class as c inner join pg_attribute as a"
            " on a.attrelid = c.oid and a.attname = 'updated_at' where c.relkind = 'r'"
            " and c.relnamespace::regnamespace::text = any(%s) and not exists"
            " (select from pg_trigger as t where t.tgrelid = c.oid"
            "  and t.tgfoid in ('private.set_updated_at'::regproc, 'private.stamp_job'::regproc))",
            SCHEMAS,
        )
        == []
    )


def test_money_columns_cannot_hold_nan(bench: Bench) -> None:
    # Through a domain, or by a check that says so.
    plain = bench.rows(
        "select a.attrelid::regclass::text, a.attname::text from pg_attribute as a"
        " inner join pg_class as c on c.oid = a.attrelid"
        " where c.relkind = 'r' and c.relnamespace::regnamespace::text = any(%s)"
        " and a.atttypid = 'numeric'::regtype and a.attgenerated = ''"
        " and not exists (select from pg_constraint as k where k.conrelid = a.attrelid"
        "  and a.attnum = any(k.conkey) and pg_get_constraintdef(k.oid) like '%%NaN%%')",
        SCHEMAS,
    )
    # Limits of models, written by the services alone; and what private.is_sound_state looks at.
    assert "p_duration_seconds = 'NaN'" in bench.value(
        "select prosrc from pg_proc where proname = 'is_sound_state'"
    )
    assert {(table.removeprefix("public."), column) for table, column in plain} <= {
        ("generation_jobs", "duration_seconds"),
        *(("models", column) for column in ("min_seconds", "max_seconds", "default_seconds")),
    }


def test_buckets_are_private_and_limited(bench: Bench) -> None:
    buckets = bench.rows(
        "select id, public, file_size_limit > 0, cardinality(allowed_mime_types) > 0"
        " from storage.buckets order by id"
    )
    names = ["final-images", "final-videos", "raw-videos", "reference-images", "thumbnails"]
    assert buckets == [(name, False, True, True) for name in [*names, "voiceovers"]]


# Prices -------------------------------------------------------------------------------------------

PACKAGES = [
    ("USD", "Starter", 100, "9.99", 0),
    ("USD", "Creator", 500, "39.99", 0),
    ("USD", "Pro", 1500, "99.99", 0),
    ("USD", "Enterprise", 5000, "299.99", 0),
    ("THB", "Trial", 1, "0", 0),
    ("THB", "Starter", 3, "99", 0),
    ("THB", "Popular", 10, "299", 10),
    ("THB", "Pro", 25, "699", 15),
    ("THB", "Business", 50, "1299", 20),
    ("THB", "Enterprise", 100, "2399", 25),
]


def test_both_price_lists_are_there_for_everybody(bench: Bench) -> None:
    with bench.anonymous() as session:
        found = session.rows(
            "select currency, replace(name, ' Pack', ''), credits, price, discount_percent"
            " from public.credit_packages order by currency desc, sort_order"
        )
    assert found == [(*row[:3], Decimal(row[3]), row[4]) for row in PACKAGES]


def test_what_is_not_active_is_not_shown(bench: Bench) -> None:
    with bench.undone():
        for table in CATALOGUE:
            if table != "model_prices":
                bench.run(f"update public.{table} set is_active = false")
        for role in CLIENTS:
            bench.run(f"set local role {role}")
            counts = [bench.value(f"select count(*) from public.{table}") for table in CATALOGUE]
            assert counts == [0, 0, 0, 0]
            bench.run("reset role")


@pytest.mark.parametrize(
    ("arguments", "price"),
    [
        ("'text_to_image'", 1),
        ("'text_to_image', p_output_count => 4", 4),
        ("'text_to_image', p_mode => 'fast'", Decimal("0.5")),
        ("'text_to_image', p_mode => 'draft'", 0),
        ("'text_to_video'", 6),
        ("'text_to_video', p_duration_seconds => 3", 3),
        ("'text_to_video', p_duration_seconds => 60", 60),
        ("'text_to_video', p_mode => 'fast', p_duration_seconds => 7", Decimal("3.5")),
        ("'voiceover', p_prompt => repeat('x', 1000)", 1),
        ("'voiceover', p_prompt => repeat('x', 1001)", 2),
        ("'voiceover', p_prompt => ''", 1),
    ],
)
def test_quote_tells_the_price_and_the_job_costs_it(
    bench: Bench, arguments: str, price: Any
) -> None:
    with bench.anonymous() as session:
        quoted = session.value(f"select credits from public.quote_generation({arguments})")
    assert quoted == price
    if "p_prompt => ''" in arguments:
        return  # no prompt, no job
    prompt = "" if "p_prompt" in arguments else ", p_prompt => 'x'"
    with bench.undone():
        user = bench.person()
        bench.run("select set_config('request.jwt.claims', %s, true)", f'{{"sub": "{user}"}}')
        assert (
            bench.value(
                f"select credit_cost from public.submit_generation(p_kind => {arguments}{prompt})"
            )
            == price
        )


# The sweep itself ---------------------------------------------------------------------------------

SABOTAGE: dict[str, Callable[[Bench], None]] = {
    "alter table public.projects disable row level security": (
        test_row_level_security_is_on_everywhere
    ),
    "create view public.leak as select * from public.profiles": test_views_ask_as_the_caller,
    "create policy leak on public.projects for all to authenticated using (name = '')": (
        test_policies_name_their_role_and_one_command
    ),
    "create policy leak on public.projects for select to public using (name = '')": (
        test_policies_name_their_role_and_one_command
    ),
    "create policy leak on public.feedback as restrictive for select to anon using (rating = 1)": (
        test_policies_name_their_role_and_one_command
    ),
    "create policy leak on storage.objects for select to authenticated using (name = '')": (
        test_one_policy_decides_for_a_command_and_a_role
    ),
    "create policy leak on public.projects for select to anon, authenticated using (name = '')": (
        test_one_policy_decides_for_a_command_and_a_role
    ),
    "alter policy projects_select_owner on public.projects using (true)": (
        test_no_policy_says_yes_to_everything
    ),
    "alter policy projects_insert_owner on public.projects with check (true)": (
        test_no_policy_says_yes_to_everything
    ),
    "alter policy projects_select_owner on public.projects using (user_id = auth.uid())": (
        test_policies_ask_who_calls_once_a_statement
    ),
    "alter policy projects_insert_owner on public.projects"
    " with check ((auth.jwt() ->> 'sub')::uuid = user_id)": (
        test_policies_ask_who_calls_once_a_statement
    ),
    "drop policy feedback_delete_owner on public.feedback": (
        test_policies_and_grants_are_for_the_same
    ),
    "create policy leak on public.payments for update to authenticated using (amount_minor = 0)"
    " with check (amount_minor = 0)": test_policies_and_grants_are_for_the_same,
    "grant usage on schema worker to authenticated": test_client_roles_enter_no_schema_but_public,
    "grant create on schema public to authenticated": test_client_roles_enter_no_schema_but_public,
    "grant update on public.credit_accounts to authenticated": (
        test_tables_and_views_are_granted_as_the_matrix_says
    ),
    "grant select on private.settings to public": (
        test_tables_and_views_are_granted_as_the_matrix_says
    ),
    "grant delete on public.payments to service_role": (
        test_tables_and_views_are_granted_as_the_matrix_says
    ),
    "grant update (credit_cost) on public.generation_jobs to authenticated": (
        test_columns_are_granted_as_the_matrix_says
    ),
    "revoke insert (prompt) on public.generation_jobs from authenticated": (
        test_columns_are_granted_as_the_matrix_says
    ),
    "grant truncate on public.projects to authenticated": (
        test_nobody_is_granted_what_has_no_place_in_a_request
    ),
    "grant references (id) on public.projects to anon": (
        test_nobody_is_granted_what_has_no_place_in_a_request
    ),
    "grant trigger on worker.tasks to public": (
        test_nobody_is_granted_what_has_no_place_in_a_request
    ),
    "grant usage on sequence public.job_events_id_seq to authenticated": (
        test_nobody_uses_sequences_or_hands_rights_on
    ),
    "grant select on public.projects to authenticated with grant option": (
        test_nobody_uses_sequences_or_hands_rights_on
    ),
    "grant update (name) on public.projects to authenticated with grant option": (
        test_nobody_uses_sequences_or_hands_rights_on
    ),
    "alter view public.credit_statement owner to service_role": (
        test_client_roles_own_nothing_and_are_nobody_else
    ),
    "grant service_role to authenticated": test_client_roles_own_nothing_and_are_nobody_else,
    "grant update (amount) on public.credit_transactions to service_role": (
        test_service_role_writes_no_money_and_no_state
    ),
    "grant execute on function private.settle_deduction to public": (
        test_functions_are_executable_by_just_whom_the_matrix_says
    ),
    "revoke execute on function public.my_credits from authenticated": (
        test_functions_are_executable_by_just_whom_the_matrix_says
    ),
    "grant execute on function worker.fail_jobs to anon": (
        test_definer_functions_of_the_services_are_theirs_alone
    ),
    "alter function public.queue_generation security definer": (
        test_definer_functions_live_out_of_reach_and_pin_their_path
    ),
    "alter function worker.fail_jobs reset search_path": (
        test_definer_functions_live_out_of_reach_and_pin_their_path
    ),
    "alter function worker.fail_jobs set search_path = reelbase_ledger": (
        test_definer_functions_live_out_of_reach_and_pin_their_path
    ),
    "alter function private.take_credits set search_path = ''": (
        test_definer_functions_live_out_of_reach_and_pin_their_path
    ),
    "create schema reelbase_ledger": test_definer_functions_live_out_of_reach_and_pin_their_path,
    "alter default privileges grant select on tables to anon": (
        test_no_default_privileges_go_to_clients
    ),
    "alter default privileges in schema public grant execute on functions to public": (
        test_no_default_privileges_go_to_clients
    ),
    "drop index public.generation_jobs_parent_job_id_user_id_idx": (
        test_every_foreign_key_is_indexed
    ),
    "drop index public.projects_user_id_created_at_idx": (
        test_every_id_that_a_policy_asks_about_is_indexed
    ),
    "drop trigger projects_set_updated_at on public.projects": test_tables_with_updated_at_keep_it,
    "alter table public.projects add column price numeric": test_money_columns_cannot_hold_nan,
    "update storage.buckets set public = true where id = 'thumbnails'": (
        test_buckets_are_private_and_limited
    ),
}


@pytest.mark.parametrize("sabotage", SABOTAGE)
def test_sweep_turns_red(bench: Bench, sabotage: str) -> None:
    # A test that sees nothing wrong whatever happens would be worse than none.
    with bench.undone():
        bench.run(sabotage)
        with pytest.raises(AssertionError):
            SABOTAGE[sabotage](bench)


@pytest.mark.parametrize("kind", UNCOMMENTED)
def test_sweep_sees_what_has_no_comment(bench: Bench, kind: str) -> None:
    with bench.undone():
        bench.run("create table public.bare (id int)")
        bench.run("create type public.bare_kind as enum ('x')")
        bench.run("create function private.bare() returns int language sql return 1")
        bench.run("comment on schema worker is null")
        assert len(bench.column(UNCOMMENTED[kind], SCHEMAS)) == 1
