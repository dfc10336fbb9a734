"""What a plan allows: rows in each table, drafts, jobs a day, bytes of uploads."""

import json
from contextlib import ExitStack
from functools import partial
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from .harness import Bench, Session, Shop, race, refused


@pytest.fixture
def tight(bench: Bench) -> str:
    """A user of a plan that allows five rows a table, five jobs a day, 1000 bytes of uploads."""
    user = bench.person()
    # A tier of its own would need another enum value: nobody else in these tests is enterprise.
    bench.run(
        "update public.subscription_plans set max_rows = 5, max_jobs_per_day = 5,"
        " max_storage_bytes = 1000 where tier = 'enterprise'"
    )
    bench.run(
        "update public.profiles set subscription_tier = 'enterprise' where user_id = %s", user
    )
    return user


def add_presets(session: Session, count: int) -> int:
    return session.run(
        "insert into public.style_presets (name) select 'p' || n from generate_series(1, %s) as n",
        count,
    )


def test_rows_of_a_table_are_limited_one_by_one_and_in_bulk(bench: Bench, tight: str) -> None:
    with bench.owner(tight) as session:
        assert add_presets(session, 4) == 4
        with refused("PT429", "row_limit_reached"):
            add_presets(session, 2)
        assert add_presets(session, 1) == 1
        with refused("PT429", "row_limit_reached"):
            add_presets(session, 1)
        with pytest.raises(psycopg.Error) as caught:
            add_presets(session, 1)
        assert json.loads(caught.value.diag.message_detail or "") == {
            "table": "style_presets",
            "limit": 5,
        }
        assert session.value("select count(*) from public.style_presets") == 5


def test_limit_holds_against_many_at_once(bench: Bench, tight: str) -> None:
    with ExitStack() as stack:
        sessions = [stack.enter_context(bench.owner(tight)) for _ in range(8)]
        results = race([partial(add_presets, each, 1) for each in sessions])
    refusals = [each.sqlstate for each in results if isinstance(each, psycopg.Error)]
    assert refusals == ["PT429"] * 3
    assert results.count(1) == 5


def test_hidden_projects_count_and_deleted_presets_do_not(bench: Bench, tight: str) -> None:
    with bench.owner(tight) as session:
        insert = "insert into public.projects (name) values ('p')"
        for _ in range(5):
            session.run(insert)
        session.run("delete from public.projects")
        with refused("PT429", "row_limit_reached"):
            session.run(insert)
        add_presets(session, 5)
        session.run("delete from public.style_presets")
        add_presets(session, 5)


def test_one_users_rows_do_not_count_for_another(bench: Bench, tight: str) -> None:
    with bench.owner(tight) as session:
        add_presets(session, 5)
    other = bench.person()
    bench.run(
        "update public.profiles set subscription_tier = 'enterprise' where user_id = %s", other
    )
    with bench.owner(other) as session:
        assert add_presets(session, 5) == 5


def test_drafts_are_limited_and_jobs_are_not_drafts(bench: Bench, shop: Shop, tight: str) -> None:
    for _ in range(5):
        shop.draft(tight)
    with refused("PT429", "row_limit_reached"):
        shop.draft(tight)
    shop.job(tight)


def test_rows_of_uploads_are_limited_though_their_files_are_gone(bench: Bench, tight: str) -> None:
    def register(session: Session, name: str) -> None:
        path = f"{tight}/up/{name}.png"
        bench.run(
            "insert into storage.objects (bucket_id, name, metadata) values"
            ' (\'reference-images\', %s, \'{"mimetype": "image/png", "size": 1}\')',
            path,
        )
        session.run(
            "insert into public.assets (kind, bucket, storage_path)"
            " values ('image', 'reference-images', %s)",
            path,
        )

    with bench.owner(tight) as session:
        for number in range(5):
            register(session, str(number))
        session.run("set storage.allow_delete_query = 'true'")
        assert session.run("delete from storage.objects") == 5
        with refused("PT429", "row_limit_reached"):
            register(session, "one more")


def test_jobs_a_day_count_what_was_cancelled_deleted_and_free(
    bench: Bench, shop: Shop, tight: str
) -> None:
    with bench.owner(tight) as session:
        for _ in range(5):
            job = shop.submit(session, p_mode="draft")
            session.run("select public.cancel_generation(%s)", job)
            session.run("delete from public.generation_jobs where id = %s", job)
        with refused("PT429", "too_many_jobs_today"):
            shop.submit(session, p_mode="draft")
    bench.run(
        "update public.generation_jobs set queued_at = queued_at - interval '25 hours'"
        " where user_id = %s",
        tight,
    )
    shop.job(tight)


def test_old_drafts_count_on_the_day_they_are_queued(bench: Bench, shop: Shop, tight: str) -> None:
    drafts = [shop.draft(tight, mode="draft") for _ in range(5)]
    bench.run(
        "update public.generation_jobs set created_at = created_at - interval '25 hours'"
        " where user_id = %s",
        tight,
    )
    with bench.owner(tight) as session:
        for draft in drafts:
            session.rows("select public.queue_generation(%s)", draft.id)
        with refused("PT429", "too_many_jobs_today"):
            shop.submit(session, p_mode="draft")


def store(bench: Bench, user_id: str, size: int) -> None:
    bench.run(
        "insert into storage.objects (bucket_id, name, metadata) values ('raw-videos', %s, %s)",
        f"{user_id}/{uuid4()}/film.mp4",
        json.dumps({"size": size, "mimetype": "video/mp4"}),
    )


def try_upload(session: Session, user_id: str) -> int:
    return session.run(
        "insert into storage.objects (bucket_id, name) values ('raw-videos', %s)",
        f"{user_id}/{uuid4()}/film.mp4",
    )


def test_uploads_end_when_the_bytes_do(bench: Bench, tight: str) -> None:
    store(bench, tight, 999)
    store(bench, bench.person(), 5000)
    with bench.owner(tight) as session:
        with session.undone():
            assert try_upload(session, tight) == 1
        store(bench, tight, 1)
        with refused("42501"):
            try_upload(session, tight)


def test_uploads_end_when_their_number_does(bench: Bench, tight: str) -> None:
    for _ in range(5):
        store(bench, tight, 1)
    with bench.owner(tight) as session:
        with refused("42501"):
            try_upload(session, tight)
        # The policy says so before anything is sent, and for what takes the place of a file, too.
        with refused("42501"):
            session.run("update storage.objects set version = 'x'")


def test_closed_account_starts_no_job(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    bench.run("update public.profiles set deleted_at = now() where user_id = %s", user)
    with refused("PT403", "account_closed"):
        shop.job(user)
    assert bench.balance(user) == 100


def test_my_limits_tells_use_and_allowance(bench: Bench, shop: Shop, tight: str) -> None:
    store(bench, tight, 300)
    shop.draft(tight)
    shop.job(tight)
    with bench.owner(tight) as session:
        add_presets(session, 2)
        rows = session.rows("select * from public.my_limits()")
    limits: dict[str, tuple[Any, Any]] = {name: (used, allowed) for name, used, allowed in rows}
    assert len(limits) == len(rows)
    assert limits["storage_bytes"] == (300, 1000)
    assert limits["generation_jobs"] == (1, 5)
    assert limits["active_jobs"][0] == 1
    assert limits["jobs_per_day"] == (1, 5)
    assert limits["style_presets"] == (2, 5)
    assert limits["conversations"] == (0, 10)


def test_plan_that_costs_nothing_is_limited_in_all(bench: Bench) -> None:
    with bench.owner(bench.person()) as session:
        limits = dict(session.rows("select resource, allowed from public.my_limits()"))
    assert limits["active_jobs"] <= 100
    assert limits["jobs_per_day"] <= 1000
    assert limits["storage_bytes"] <= 10 * 2**30
    assert max(limits[table] for table in ("projects", "assets", "style_presets")) <= 1000


def test_every_tier_has_a_plan_that_limits_what_it_allows(bench: Bench) -> None:
    plans = bench.rows(
        "select max_active_jobs < 100000, max_running_jobs <= max_active_jobs, max_rows < 1000000,"
        " max_storage_bytes < 100 * 2::numeric ^ 40 from public.subscription_plans"
        " right join unnest(enum_range(null::public.subscription_tier)) as tiers (tier)"
        " using (tier)"
    )
    assert len(plans) == 6
    assert set(plans) == {(True, True, True, True)}


# What a user cannot pile up although they may insert it: see the header of limit_rows.
UNLIMITED = {"job_assets", "feedback", "character_reference_images"}


def test_every_table_that_clients_insert_into_is_limited(bench: Bench) -> None:
    insertable = set(
        bench.column(
            "select relname::text from pg_class where relkind = 'r'"
            " and relnamespace = 'public'::regnamespace"
            " and has_any_column_privilege('authenticated', oid, 'insert')"
        )
    )
    limited = set(bench.column("select table_name from private.row_limits"))
    triggered = set(
        bench.column(
            "select tgrelid::regclass::text from pg_trigger"
            " where tgfoid in ('private.limit_rows()'::regprocedure,"
            " 'private.limit_loose_prompts()'::regprocedure)"
        )
    )
    # Drafts are limited by what accepts jobs.
    triggered.add("generation_jobs")
    assert {name.removeprefix("public.") for name in triggered} == limited
    assert insertable - limited == UNLIMITED


def test_draft_that_was_cancelled_counts_until_it_is_deleted(
    bench: Bench, shop: Shop, tight: str
) -> None:
    with bench.owner(tight) as session:
        for _ in range(5):
            session("public.cancel_generation", p_job_id=shop.draft(tight).id)
        with refused("PT429", "row_limit_reached"):
            shop.draft(tight)
        assert session.run("delete from public.generation_jobs where status = 'cancelled'") == 5
        assert shop.draft(tight).id


def test_drafts_and_jobs_of_one_statement_wait_for_another_in_one_order(
    bench: Bench, shop: Shop
) -> None:
    user = bench.person()

    def insert(session: Session, first: str, second: str) -> int:
        return sum(
            session.run(
                "insert into public.generation_jobs (kind, mode, prompt, model_id, status) values"
                " ('text_to_image', 'draft', 'x', %s, %s), ('text_to_image', 'draft', 'x', %s, %s)",
                *(shop.model, first, shop.model, second),
            )
            for _ in range(10)
        )

    with bench.owner(user) as one, bench.owner(user) as other:
        results = race(
            [partial(insert, one, "pending", "queued"), partial(insert, other, "queued", "pending")]
        )
    assert results == [20, 20]
