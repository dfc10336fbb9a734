"""The demo data: what a front-end developer finds in a fresh stack."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from reelbase.local.binaries import find_project_root
from reelbase.local.errors import LocalError
from reelbase.local.postgres import read_project_config
from reelbase.local.pytest_plugin import RunningStack
from reelbase.local.seed_files import digest_of, find_seed_files, store_seed_files
from reelbase.local.stack import EmbeddedStack
from reelbase.local.throwaway import Database
from reelbase.media.probe import probe

ROOT = find_project_root(Path(__file__).parent)
SEED = (ROOT / "supabase" / "seed.sql").read_bytes()
ADA, BO, CEM = (f"{letter * 4}-0000-4000-8000-000000000001" for letter in ("0a", "0b", "0c"))
PEOPLE = [ADA, BO, CEM]
PASSWORD = "reelbase-demo"

WITHOUT_ADA: dict[str, str] = {}
"""What a client may read and where the demo has nothing of Ada's, with the reason."""


@pytest.fixture
def seeded(database: Database) -> Iterator[Connection[TupleRow]]:
    """The seeded database as role `postgres`, in a transaction that is rolled back."""
    with (
        psycopg.connect(database.url) as connection,
        connection.transaction(force_rollback=True),
    ):
        yield connection


@pytest.fixture
def fresh(seeded: Connection[TupleRow]) -> Connection[TupleRow]:
    """The same, seeded this moment: no other test has touched what is there."""
    seeded.execute("delete from auth.users where id = any(%s)", [PEOPLE])
    seeded.execute(SEED)
    return seeded


def rows(connection: Connection[TupleRow], query: str, *parameters: Any) -> list[TupleRow]:
    """Run a query and return its rows."""
    return connection.execute(query.encode(), parameters or None).fetchall()


def column(connection: Connection[TupleRow], query: str, *parameters: Any) -> list[Any]:
    """Run a query and return its first column."""
    return [row[0] for row in rows(connection, query, *parameters)]


def contents(connection: Connection[TupleRow]) -> dict[str, str]:
    """A digest of each table that the seed could have written."""
    tables = rows(
        connection,
        "select nspname, relname from pg_class join pg_namespace on pg_namespace.oid = relnamespace"
        " where relkind = 'r' and nspname in ('public', 'worker', 'private', 'auth')"
        " and has_table_privilege(pg_class.oid, 'select')",
    )
    query = "select md5(string_agg(t::text, '|' order by t::text collate \"C\")) from {} as t"
    return {
        table: str(
            connection.execute(sql.SQL(query).format(sql.Identifier(schema, table))).fetchone()
        )
        for schema, table in tables
    }


def become(connection: Connection[TupleRow], user_id: str | None) -> None:
    """Go on with the rights of a signed-in user, or of nobody."""
    claims = {"role": "authenticated", "sub": user_id} if user_id else {"role": "anon"}
    connection.execute(
        "select set_config('request.jwt.claims', %s, true), set_config('role', %s, true)",
        [json.dumps(claims), claims["role"]],
    )


def sign_in(stack: RunningStack, http: httpx.Client, name: str) -> dict[str, str]:
    """Sign in through the API; return the headers of a user's requests."""
    answer = http.post(
        f"{stack.supabase_url}/auth/v1/token?grant_type=password",
        headers={"apikey": stack.publishable_key},
        json={"email": f"{name}@example.com", "password": PASSWORD},
    )
    assert answer.status_code == 200, answer.text
    token = answer.json()["access_token"]
    return {"apikey": stack.publishable_key, "authorization": f"Bearer {token}"}


# Applied once, and again --------------------------------------------------------------------------


def test_seed_applied_again_changes_nothing(fresh: Connection[TupleRow]) -> None:
    before = contents(fresh)
    assert {"users", "identities", "credit_transactions", "tasks", "settings"} <= before.keys()
    fresh.execute(SEED)
    assert contents(fresh) == before


def test_seed_leaves_alone_what_people_did_since(fresh: Connection[TupleRow]) -> None:
    fresh.execute("update public.projects set name = 'Renamed' where user_id = %s", [ADA])
    fresh.execute("delete from public.style_presets where user_id = %s", [ADA])
    fresh.execute("update auth.users set last_sign_in_at = now() where id = %s", [ADA])
    fresh.execute("update auth.users set email = 'bo@example.net' where id = %s", [BO])
    fresh.execute("delete from auth.users where id = %s", [CEM])
    before = contents(fresh)
    fresh.execute(SEED)
    assert contents(fresh) == before


def test_nothing_is_seeded_where_somebody_has_one_of_the_addresses(
    seeded: Connection[TupleRow],
) -> None:
    seeded.execute("delete from auth.users where id = any(%s)", [PEOPLE])
    seeded.execute(
        "insert into auth.users (id, email) values (gen_random_uuid(), 'Bo@Example.com')"
    )
    before = contents(seeded)
    seeded.execute(SEED)
    assert contents(seeded) == before


# What is there ------------------------------------------------------------------------------------


def test_jobs_are_in_all_nine_states_and_of_every_kind_on_offer(
    fresh: Connection[TupleRow],
) -> None:
    states = column(fresh, "select unnest(enum_range(null::public.job_status))::text")
    assert len(states) == 9
    found = column(
        fresh, "select distinct status::text from public.generation_jobs where user_id = %s", ADA
    )
    assert set(found) == set(states)
    offered = column(
        fresh,
        "select distinct unnest(kinds)::text from public.models where is_active"
        " and provider = 'local'",
    )
    made = column(
        fresh,
        "select distinct kind::text from public.generation_jobs"
        " where user_id = any(%s) and status = 'completed'",
        PEOPLE,
    )
    assert set(made) == set(offered)


def test_books_of_the_demo_are_right(fresh: Connection[TupleRow]) -> None:
    assert rows(fresh, "select * from private.reconcile_credits()") == []
    kinds = column(
        fresh, "select type::text from public.credit_transactions where user_id = %s", ADA
    )
    assert {"purchase", "deduction", "refund"} <= set(kinds)
    partial = column(
        fresh,
        "select count(*) from public.credit_transactions as refunds"
        " inner join public.credit_transactions as charges on charges.id = refunds.reverses_id"
        " where charges.status = 'completed' and refunds.user_id = %s",
        ADA,
    )
    assert partial == [1]


def test_people_are_on_three_plans_and_each_bought_something(fresh: Connection[TupleRow]) -> None:
    tiers = column(
        fresh,
        "select subscription_tier::text from public.profiles where user_id = any(%s)"
        " order by user_id",
        PEOPLE,
    )
    assert tiers == ["free", "creator", "pro"]
    paid = rows(
        fresh,
        "select payments.user_id::text, payments.credits, transactions.amount"
        " from public.payments inner join public.credit_transactions as transactions"
        " on transactions.payment_id = payments.id"
        " where payments.user_id = any(%s) and payments.status = 'succeeded' order by 1",
        PEOPLE,
    )
    assert [row[0] for row in paid] == PEOPLE
    assert all(bought == booked for _, bought, booked in paid)


def test_every_project_can_be_seen_by_those_who_should(fresh: Connection[TupleRow]) -> None:
    [token] = column(
        fresh,
        "select share_token from public.projects where share_token is not null and user_id = %s",
        ADA,
    )
    become(fresh, None)
    [shared] = column(fresh, "select results from public.get_shared_project(%s)", token)
    assert [result["prompt"] for result in shared] == [None]
    public = rows(fresh, "select project_id, username from public.list_public_projects(100)")
    mine = [project for project, username in public if username in {"ada", "bo.coffee"}]
    assert len(mine) == 2
    for project in mine:
        [results] = column(fresh, "select results from public.get_public_project(%s)", project)
        assert results
        assert all(result["prompt"] for result in results)
    become(fresh, ADA)
    assert "First tries" not in column(fresh, "select name from public.projects")
    [restored] = column(
        fresh,
        "select name from public.restore_project('0a0a0a0a-0000-4000-8000-000000000103')",
    )
    assert restored == "First tries"


def test_ada_has_something_in_everything_that_a_client_reads(fresh: Connection[TupleRow]) -> None:
    relations = column(
        fresh,
        "select relname from pg_class where relnamespace = 'public'::regnamespace"
        " and relkind in ('r', 'v') and has_any_column_privilege('authenticated', oid, 'select')",
    )
    owned = set(
        column(
            fresh,
            "select relname from pg_class join pg_attribute on attrelid = pg_class.oid"
            " where relnamespace = 'public'::regnamespace and attname = 'user_id'",
        )
    )
    become(fresh, ADA)
    empty = set()
    for relation in relations:
        query = sql.SQL("select count(*) from {}").format(sql.Identifier("public", relation))
        if relation in owned:
            query += sql.SQL(" where user_id = {}").format(sql.Literal(ADA))
        [(count,)] = fresh.execute(query).fetchall()
        if not count:
            empty.add(relation)
    assert len(relations) > 40
    assert empty == WITHOUT_ADA.keys()


def test_jobs_of_the_demo_that_run_are_left_alone_and_take_no_place(
    fresh: Connection[TupleRow],
) -> None:
    waiting = "0a0a0a0a-0000-4000-8000-000000001007"
    claim = (
        "select job_id::text, step::text, attempt from"
        " worker.claim_tasks(gen_random_uuid(), 'test', '[{\"provider\": \"local\"}]', 100)"
        " where user_id = any(%s)"
    )
    assert rows(fresh, claim, PEOPLE) == [(waiting, "submit", 1)]
    become(fresh, ADA)
    [(job,)] = fresh.execute(
        "select id::text from public.submit_generation('text_to_image', 'A quay', 'local-still')"
    ).fetchall()
    fresh.execute("reset role")
    fresh.execute("select worker.tend_queue()")
    assert rows(fresh, claim, PEOPLE) == [(job, "submit", 1)]
    assert rows(fresh, "select * from private.reconcile_credits()") == []


# Files --------------------------------------------------------------------------------------------


def test_every_asset_of_the_demo_is_in_storage_as_its_row_says(
    stack: RunningStack, seeded: Connection[TupleRow], tmp_path: Path
) -> None:
    assets = rows(
        seeded,
        "select bucket || '/' || storage_path, mime_type, size_bytes, sha256, width, height,"
        " duration_ms from public.assets where id::text like any(%s)",
        [f"{user[:24]}00000000%" for user in PEOPLE],
    )
    keys = {"apikey": stack.secret_key, "authorization": f"Bearer {stack.secret_key}"}
    with httpx.Client(headers=keys) as http:
        for path, mime_type, size, sha256, *measures in assets:
            answer = http.get(f"{stack.supabase_url}/storage/v1/object/{path}")
            assert answer.status_code == 200, path
            assert answer.headers["content-type"] == mime_type
            assert len(answer.content) == size
            assert hashlib.sha256(answer.content).hexdigest() == sha256
            (tmp_path / "file").write_bytes(answer.content)
            info = probe(tmp_path / "file")
            assert [info.mime_type, info.width, info.height, info.duration_ms] == [
                mime_type,
                *measures,
            ]
    assert {path for path, *_ in assets} == find_seed_files(ROOT).keys()


def test_files_of_the_demo_are_small() -> None:
    assert sum(path.stat().st_size for path in find_seed_files(ROOT).values()) < 600_000


def test_buckets_are_configured_as_the_migration_makes_them(
    seeded: Connection[TupleRow],
) -> None:
    units = {"MiB": 2**20, "GiB": 2**30}
    configured = {
        (
            name,
            bucket["public"],
            int(bucket["file_size_limit"][:-3]) * units[bucket["file_size_limit"][-3:]],
            tuple(bucket["allowed_mime_types"]),
        )
        for name, bucket in read_project_config(ROOT)["storage"]["buckets"].items()
    }
    made = rows(
        seeded,
        "select id, public, file_size_limit, allowed_mime_types from storage.buckets"
        " where id = any(%s)",
        [name for name, *_ in configured],
    )
    assert {(*row, tuple(types)) for *row, types in made} == configured
    named = set(column(seeded, "select distinct bucket from public.assets where id::text ~ '^0a'"))
    assert named <= {name for name, *_ in configured}


def test_files_that_are_there_are_not_stored_again(
    stack: RunningStack, seeded: Connection[TupleRow]
) -> None:
    stored = "select bucket_id, name, version, updated_at from storage.objects order by 1, 2"
    before = rows(seeded, stored)
    store_seed_files(find_seed_files(ROOT), port_of(stack), stack.secret_key)
    assert rows(seeded, stored) == before


def test_file_of_the_demo_that_was_deleted_stays_deleted(stack: RunningStack) -> None:
    files = find_seed_files(ROOT)
    name = next(iter(files))
    address = f"{stack.supabase_url}/storage/v1/object/{name}"
    keys = {"apikey": stack.secret_key, "authorization": f"Bearer {stack.secret_key}"}
    with httpx.Client(headers=keys) as http:
        assert http.delete(address).status_code == 200
        try:
            assert not EmbeddedStack(stack.state_dir).up(ROOT)
            assert http.get(address).status_code == 400
        finally:
            store_seed_files({name: files[name]}, port_of(stack), stack.secret_key)
        assert http.get(address).status_code == 200


def test_file_that_storage_refuses_is_named(stack: RunningStack, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("no picture")
    files = {"thumbnails/a.txt": tmp_path / "a.txt"}
    with pytest.raises(LocalError, match=r"thumbnails/a\.txt"):
        store_seed_files(files, port_of(stack), stack.secret_key)
    with pytest.raises(LocalError, match="could not be stored"):
        store_seed_files(files, 1, stack.secret_key)


def test_hidden_files_and_buckets_without_a_folder_are_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "supabase" / "files"
    (folder / "deep").mkdir(parents=True)
    for name in ("deep/b.png", ".DS_Store", "a.png"):
        (folder / name).write_text(name)
    (tmp_path / "supabase" / "config.toml").write_text(
        '[storage.buckets.pictures]\nobjects_path = "./files"\n[storage.buckets.others]\n'
    )
    found = find_seed_files(tmp_path)
    assert list(found) == ["pictures/a.png", "pictures/deep/b.png"]
    digest = digest_of(found)
    (folder / "a.png").write_text("another")
    assert digest_of(find_seed_files(tmp_path)) != digest


def port_of(stack: RunningStack) -> int:
    """The gateway's port."""
    return int(stack.supabase_url.rsplit(":", 1)[1])


# Through the API ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ada", "bo", "cem"])
def test_people_of_the_demo_sign_in_and_see_what_is_theirs(stack: RunningStack, name: str) -> None:
    with httpx.Client() as http:
        headers = sign_in(stack, http, name)
        answer = http.get(
            f"{stack.supabase_url}/rest/v1/generation_jobs",
            params={
                "select": "id,status,job_assets!inner(role,assets(bucket,storage_path,size_bytes))",
                "status": "eq.completed",
                "job_assets.role": "neq.thumbnail",
            },
            headers=headers,
        )
        assert answer.status_code == 200, answer.text
        results = [made["assets"] for job in answer.json() for made in job["job_assets"]]
        assert results
        for result in results:
            path = f"{result['bucket']}/{result['storage_path']}"
            file = http.get(
                f"{stack.supabase_url}/storage/v1/object/authenticated/{path}", headers=headers
            )
            assert file.status_code == 200
            assert len(file.content) == result["size_bytes"]
