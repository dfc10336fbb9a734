"""The whole schema, looked at from above: nothing is open that is not on a list here.

The lists are written by hand. A new table, grant or function makes a test fail until somebody says
here that it is meant.
"""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from .harness import Bench

ROOT = Path(__file__).parent.parent
SCHEMAS = ["public", "worker", "private"]
CLIENTS = ["anon", "authenticated"]

CATALOGUE = {"models", "model_prices", "subscription_plans", "credit_packages"}
OWNERS_TO_READ = {
    "profiles",
    "user_preferences",
    "projects",
    "credit_accounts",
    "credit_transactions",
    "credit_grants",
    "credit_allocations",
    "credit_statement",
    "generation_jobs",
    "job_events",
    "assets",
    "job_assets",
    "user_prompts",
}
JOB_WISH = {
    "project_id",
    "parent_job_id",
    "kind",
    "mode",
    "model_id",
    "prompt",
    "negative_prompt",
    "audio_instructions",
    "art_style",
    "aspect_ratio",
    "resolution",
    "duration_seconds",
    "output_count",
    "parameters",
}
# Table privileges of client roles, complete.
TABLE_GRANTS: set[tuple[str, str, str]] = (
    {(role, table, "SELECT") for role in CLIENTS for table in CATALOGUE}
    | {("authenticated", table, "SELECT") for table in OWNERS_TO_READ}
    | {
        ("authenticated", table, "DELETE")
        for table in ("projects", "assets", "job_assets", "user_prompts")
    }
)
# Column privileges of client roles, complete; anon has none.
COLUMN_GRANTS: dict[tuple[str, str], set[str]] = {
    ("profiles", "UPDATE"): {"username", "full_name", "first_name", "last_name", "avatar_url"},
    ("user_preferences", "UPDATE"): {
        "default_kind",
        "default_model_id",
        "default_mode",
        "default_aspect_ratio",
        "default_resolution",
        "default_duration_seconds",
        "notification_settings",
        "ui_settings",
    },
    ("projects", "INSERT"): {"name", "description", "is_public"},
    ("projects", "UPDATE"): {"name", "description", "is_public"},
    ("generation_jobs", "INSERT"): JOB_WISH | {"status", "idempotency_key"},
    ("generation_jobs", "UPDATE"): JOB_WISH,
    ("assets", "INSERT"): {"project_id", "kind", "bucket", "storage_path", "style"},
    ("job_assets", "INSERT"): {"job_id", "asset_id", "role", "position"},
    ("user_prompts", "INSERT"): {"prompt", "audio_input", "reference_asset_id", "mode", "job_id"},
}
# Functions that client roles may execute, complete.
FUNCTION_GRANTS = {
    ("anon", "public.quote_generation"),
    ("authenticated", "public.quote_generation"),
    ("authenticated", "public.submit_generation"),
    ("authenticated", "public.queue_generation"),
    ("authenticated", "public.cancel_generation"),
    ("authenticated", "private.queue_own_job"),
    ("authenticated", "private.cancel_own_job"),
}
SERVICE_FUNCTIONS = {
    "public.quote_generation",
    "worker.claim_tasks",
    "worker.extend_leases",
    "worker.advance_job",
    "worker.complete_job",
    "worker.fail_job",
    "worker.release_tasks",
    "worker.fail_exhausted_jobs",
}
SERVICE_READS_ONLY = {
    "credit_accounts",
    "credit_transactions",
    "credit_grants",
    "credit_allocations",
    "credit_statement",
    "generation_jobs",
    "job_events",
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
            SCHEMAS,
        )
        == []
    )


def test_client_roles_have_just_the_table_grants_listed(bench: Bench) -> None:
    found = bench.rows(
        "select coalesce(r.rolname, 'public'), c.relname, a.privilege_type from pg_class as c"
        " cross join lateral aclexplode(c.relacl) as a left join pg_roles as r on r.oid = a.grantee"
        " where c.relnamespace::regnamespace::text = any(%s)"
        " and coalesce(r.rolname, 'public') in ('anon', 'authenticated', 'public')",
        SCHEMAS,
    )
    assert set(found) == TABLE_GRANTS


def test_client_roles_have_just_the_column_grants_listed(bench: Bench) -> None:
    found: dict[tuple[str, str], set[str]] = {}
    for role, table, privilege, column in bench.rows(
        "select coalesce(r.rolname, 'public'), c.relname, a.privilege_type, t.attname"
        " from pg_attribute as t inner join pg_class as c on c.oid = t.attrelid"
        " cross join lateral aclexplode(t.attacl) as a left join pg_roles as r on r.oid = a.grantee"
        " where c.relnamespace::regnamespace::text = any(%s)"
        " and coalesce(r.rolname, 'public') in ('anon', 'authenticated', 'public')",
        SCHEMAS,
    ):
        assert role == "authenticated"
        found.setdefault((table, privilege), set()).add(column)
    assert found == COLUMN_GRANTS


def test_service_role_writes_no_money_and_no_state(bench: Bench) -> None:
    # The shared roles are on no list: what the services may not do by hand goes by function.
    written = bench.column(
        "select distinct c.relname::text from pg_class as c"
        " cross join unnest(array['insert', 'update', 'delete', 'truncate']) as privilege"
        " where c.relkind in ('r', 'v') and c.relnamespace = 'public'::regnamespace"
        " and (has_table_privilege('service_role', c.oid, privilege)"
        " or (privilege in ('insert', 'update')"
        " and has_any_column_privilege('service_role', c.oid, privilege)))"
    )
    assert set(written) & SERVICE_READS_ONLY == set()
    assert not any(
        bench.column(
            "select has_table_privilege('service_role', oid, 'truncate') from pg_class"
            " where relkind = 'r' and relnamespace::regnamespace::text = any(%s)",
            SCHEMAS,
        )
    )


def test_functions_are_executable_by_just_whom_it_says_here(bench: Bench) -> None:
    found = bench.rows(
        "select coalesce(r.rolname, 'public'), n.nspname || '.' || p.proname from pg_proc as p"
        " inner join pg_namespace as n on n.oid = p.pronamespace"
        " cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a"
        " left join pg_roles as r on r.oid = a.grantee"
        " where n.nspname = any(%s) and a.grantee <> p.proowner",
        SCHEMAS,
    )
    expected = FUNCTION_GRANTS | {("service_role", name) for name in SERVICE_FUNCTIONS}
    assert set(found) == expected


def test_definer_functions_live_out_of_reach_and_pin_their_path(bench: Bench) -> None:
    functions = bench.rows(
        "select p.oid::regprocedure::text, n.nspname, p.prosecdef, p.proconfig from pg_proc as p"
        " inner join pg_namespace as n on n.oid = p.pronamespace where n.nspname = any(%s)",
        SCHEMAS,
    )
    assert len(functions) > 30
    assert [name for name, schema, definer, _ in functions if definer and schema == "public"] == []
    assert [
        name for name, _, _, config in functions if 'search_path=""' not in (config or [])
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
            " and not exists (select from pg_index as i where i.indrelid = c.conrelid"
            "  and (i.indpred is null"
            "   or pg_get_expr(i.indpred, i.indrelid) ~ '^\\(\\w+ IS NOT NULL\\)$')"
            "  and (select array_agg(k order by k)"
            "   from unnest((i.indkey::int2[])[0:cardinality(c.conkey) - 1]) as k)"
            "  = (select array_agg(k order by k) from unnest(c.conkey) as k))",
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
            "  and t.tgfoid = 'private.set_updated_at'::regproc)",
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
    # Limits of models, written by the services alone.
    assert {(table.removeprefix("public."), column) for table, column in plain} <= {
        ("models", column) for column in ("min_seconds", "max_seconds", "default_seconds")
    }


def test_buckets_are_private_and_limited(bench: Bench) -> None:
    buckets = bench.rows(
        "select id, public, file_size_limit > 0, cardinality(allowed_mime_types) > 0"
        " from storage.buckets order by id"
    )
    names = ["final-images", "final-videos", "raw-videos", "reference-images", "thumbnails"]
    assert buckets == [(name, False, True, True) for name in [*names, "voiceovers"]]


# Prices and seed ----------------------------------------------------------------------------------

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
    tables = ["models", "model_prices", "subscription_plans", "credit_packages"]
    with bench.undone():
        for table in tables:
            if table != "model_prices":
                bench.run(f"update public.{table} set is_active = false")
        for role in CLIENTS:
            bench.run(f"set local role {role}")
            assert [bench.value(f"select count(*) from public.{table}") for table in tables] == [
                0,
                0,
                0,
                0,
            ]
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


def test_seed_applied_again_changes_nothing(bench: Bench) -> None:
    seed = (ROOT / "supabase" / "seed.sql").read_bytes()
    counts = (
        "select (select count(*) from auth.users), (select count(*) from auth.identities),"
        " (select count(*) from public.projects), (select sum(balance) from public.credit_accounts)"
    )
    with bench.undone():
        bench.connection.execute(seed)
        before = bench.rows(counts)
        bench.connection.execute(seed)
        assert bench.rows(counts) == before
        assert (
            bench.value(
                "select balance from public.credit_accounts"
                " inner join public.profiles using (user_id)"
                " where email = 'ada@example.com'"
            )
            == 100
        )


# The sweep itself ---------------------------------------------------------------------------------

SABOTAGE = {
    "alter table public.projects disable row level security": (
        test_row_level_security_is_on_everywhere
    ),
    "create view public.leak as select * from public.profiles": test_views_ask_as_the_caller,
    "create policy leak on public.projects for all to authenticated using (true)": (
        test_policies_name_their_role_and_one_command
    ),
    "grant usage on schema worker to authenticated": (test_client_roles_enter_no_schema_but_public),
    "grant update on public.credit_accounts to authenticated": (
        test_client_roles_have_just_the_table_grants_listed
    ),
    "grant select on private.settings to public": (
        test_client_roles_have_just_the_table_grants_listed
    ),
    "grant update (credit_cost) on public.generation_jobs to authenticated": (
        test_client_roles_have_just_the_column_grants_listed
    ),
    "grant update (amount) on public.credit_transactions to service_role": (
        test_service_role_writes_no_money_and_no_state
    ),
    "grant execute on function private.settle_deduction to public": (
        test_functions_are_executable_by_just_whom_it_says_here
    ),
    "alter function public.queue_generation security definer": (
        test_definer_functions_live_out_of_reach_and_pin_their_path
    ),
    "alter function worker.fail_job reset search_path": (
        test_definer_functions_live_out_of_reach_and_pin_their_path
    ),
    "alter default privileges grant select on tables to anon": (
        test_no_default_privileges_go_to_clients
    ),
    "drop index public.generation_jobs_parent_job_id_user_id_idx": (
        test_every_foreign_key_is_indexed
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
