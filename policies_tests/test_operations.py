"""What keeps a product running: activity, costs, sums, streams, housekeeping."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from .harness import Bench, Session, Shop, race, refused

HOUSEKEEPING = {
    "ran",
    "overdue_jobs",
    "tended",
    "purged",
    "activity_logs",
    "webhook_events",
    "api_usage_logs",
    "payment_checks",
    "followed",
    "expired_lots",
}


def activity(bench: Bench, user_id: str) -> list[tuple[Any, ...]]:
    """Return a user's entries, oldest first, without the sign-up."""
    return bench.rows(
        "select action, details, host(ip_address), user_agent from public.user_activity_logs"
        " where user_id = %s and action <> 'sign_up' order by created_at, action",
        user_id,
    )


@contextmanager
def browser(bench: Bench, user_id: str, **headers: str) -> Iterator[Session]:
    """A signed-in user's session, with the request headers that the API server tells of."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    with bench.owner(user_id) as session:
        session.run("select set_config('request.headers', %s, false)", json.dumps(told))
        yield session


@contextmanager
def in_the_name_of(bench: Bench, user_id: str) -> Iterator[None]:
    """The bench itself as a signed-in user, with all that it changed and has not committed."""
    bench.run(
        "select set_config('request.jwt.claims', %s, true)",
        json.dumps({"role": "authenticated", "sub": user_id}),
    )
    bench.run("set local role authenticated")
    yield
    bench.run("reset role")


# Activity -----------------------------------------------------------------------------------------


def test_activity_is_logged_with_where_the_request_came_from(bench: Bench) -> None:
    user = bench.person()
    with browser(
        bench, user, x_forwarded_for="203.0.113.9, 198.51.100.7", user_agent="Films/1.0"
    ) as session:
        session("public.log_activity", p_action="export:mp4", p_details='{"job": 1}')
        session.rows("select public.log_activity('plain')")
        session.rows("select public.log_activity('null', null)")
    assert activity(bench, user) == [
        ("export:mp4", {"job": 1}, "198.51.100.7", "Films/1.0"),
        ("plain", {}, "198.51.100.7", "Films/1.0"),
        ("null", {}, "198.51.100.7", "Films/1.0"),
    ]


@pytest.mark.parametrize(
    ("entries", "address"),
    [
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("10.0.0.1 ,\t::ffff:192.0.2.1 ", "::ffff:192.0.2.1"),
        ("192.0.2.1,", None),
        ("192.0.2.0/24", None),
        ("192.0.2.256", None),
        ("1.2.3", None),
        ("fe80::1%eth0", None),
        ("unknown", None),
        ("'; drop table users; --", None),
        ("1" * 5000, None),
        ("", None),
    ],
)
def test_address_that_makes_no_sense_is_none(
    bench: Bench, entries: str, address: str | None
) -> None:
    user = bench.person()
    with browser(bench, user, x_forwarded_for=entries) as session:
        session("public.log_activity", p_action="look")
    assert activity(bench, user) == [("look", {}, address, None)]


@pytest.mark.parametrize(
    "headers",
    ["", "{", "null", "[1]", '"text"', "{}", '{"user-agent": "\\u0000"}', '{"user-agent": {}}'],
)
def test_no_headers_can_make_the_call_fail(bench: Bench, headers: str) -> None:
    user = bench.person()
    with bench.owner(user) as session:
        session.run("select set_config('request.headers', %s, false)", headers)
        session("public.log_activity", p_action="look")
    assert [entry[:3] for entry in activity(bench, user)] == [("look", {}, None)]


def test_user_agent_is_cut_and_cleaned(bench: Bench) -> None:
    user = bench.person()
    with browser(bench, user, user_agent="\x1b[31m\r\n" + "\U0001f3ac" + "x" * 600) as session:
        session("public.log_activity", p_action="look")
    [(_, _, _, agent)] = activity(bench, user)
    assert len(agent.encode()) <= 256
    assert agent.isprintable()


def test_address_header_is_a_setting(bench: Bench) -> None:
    user = bench.person()
    headers = {"cf-connecting-ip": "192.0.2.5", "x-forwarded-for": "192.0.2.6"}
    with bench.undone():
        bench.run("update private.settings set address_header = 'cf-connecting-ip'")
        bench.run("select set_config('request.headers', %s, true)", json.dumps(headers))
        with in_the_name_of(bench, user):
            bench("public.log_activity", p_action="look")
        assert activity(bench, user) == [("look", {}, "192.0.2.5", None)]


@pytest.mark.parametrize("action", [None, "", "Login", "a b", "x" * 101, "ü", "a\n"])
def test_action_is_a_plain_word(bench: Bench, action: str | None) -> None:
    with bench.owner(bench.person()) as session, refused("PT400", "invalid_action"):
        session("public.log_activity", p_action=action)


@pytest.mark.parametrize(
    "action", ["sign_up", "login", "project_create", "project_share", "project_delete"]
)
def test_client_cannot_say_what_the_server_says(bench: Bench, action: str) -> None:
    user = bench.person()
    with bench.owner(user) as session, refused("PT400", "invalid_action"):
        session("public.log_activity", p_action=action)
    with bench.undone(), refused("23514"):
        bench.run(
            "insert into public.user_activity_logs (user_id, action, by_server)"
            " values (%s, %s, false)",
            user,
            action,
        )
    assert activity(bench, user) == []


@pytest.mark.parametrize("details", ["[]", "1", '"x"', "null", '{"x": 1e99}'])
def test_details_are_a_small_object(bench: Bench, details: str) -> None:
    with bench.owner(bench.person()) as session:
        with refused("PT400", "invalid_details"):
            session("public.log_activity", p_action="look", p_details=details)
        with refused("PT400", "invalid_details"):
            session("public.log_activity", p_action="look", p_details=f'{{"x": "{"y" * 1020}"}}')


def test_entries_of_a_day_are_bounded_by_the_plan(bench: Bench) -> None:
    user = bench.person()
    with bench.undone():
        bench.run("update public.subscription_plans set max_rows = 3 where tier = 'free'")
        with in_the_name_of(bench, user):
            for _ in range(2):
                bench("public.log_activity", p_action="look")
            bench("public.log_activity", p_action="listen")
        with (
            in_the_name_of(bench, user),
            bench.undone(),
            refused("PT429", "row_limit_reached"),
        ):
            bench("public.log_activity", p_action="look")
        bench.run(
            "update public.user_activity_logs set created_at = created_at - interval '1 day'"
            " where user_id = %s",
            user,
        )
        with in_the_name_of(bench, user):
            bench("public.log_activity", p_action="look")


def test_no_noise_hides_what_happens_to_an_account(bench: Bench) -> None:
    user = bench.person()
    with bench.undone():
        bench.run("update public.subscription_plans set max_rows = 6 where tier = 'free'")
        with in_the_name_of(bench, user):
            for _ in range(6):
                bench("public.log_activity", p_action="noise")
            project = bench.value("insert into public.projects (name) values ('p') returning id")
            # What a user does is never refused because it cannot be written down.
            for _ in range(4):
                bench("public.share_project", p_project_id=project)
                bench("public.unshare_project", p_project_id=project)
            bench.run("delete from public.projects")
        bench.run("update auth.users set last_sign_in_at = now() where id = %s", user)
        told = bench.rows(
            "select action, by_server, count(*) from public.user_activity_logs"
            " where user_id = %s group by 1, 2 order by 1",
            user,
        )
    assert told == [
        ("login", True, 1),
        ("noise", False, 6),
        ("project_create", True, 1),
        ("project_delete", True, 1),
        ("project_share", True, 2),
        ("sign_up", True, 1),
    ]


def test_what_happens_to_an_account_is_logged_by_itself(bench: Bench) -> None:
    user = bench.person()
    bench.run("update auth.users set last_sign_in_at = now() where id = %s", user)
    bench.run("update auth.users set last_sign_in_at = last_sign_in_at where id = %s", user)
    with browser(bench, user, x_forwarded_for="192.0.2.1") as session:
        project = session.value("insert into public.projects (name) values ('p') returning id")
        for _ in range(2):
            session("public.share_project", p_project_id=project)
        session.run("update public.projects set name = 'q'")
        session.run("update public.projects set is_public = true")
        session.run("delete from public.projects")
    told = [entry[:3] for entry in activity(bench, user)]
    named = {"project_id": str(project)}
    assert told == [
        ("login", {}, None),
        ("project_create", named, "192.0.2.1"),
        ("project_share", named | {"how": "link"}, "192.0.2.1"),
        ("project_share", named | {"how": "public"}, "192.0.2.1"),
        ("project_delete", named, "192.0.2.1"),
    ]
    assert bench.column(
        "select action from public.user_activity_logs where user_id = %s order by created_at"
        " limit 1",
        user,
    ) == ["sign_up"]


def test_what_a_service_does_has_no_address(bench: Bench) -> None:
    user = bench.person()
    with bench.service() as session:
        session.run(
            "select set_config('request.headers', '{\"x-forwarded-for\": \"192.0.2.1\"}', false)"
        )
        session.run("insert into public.projects (user_id, name) values (%s, 'p')", user)
    assert [(entry[0], entry[2]) for entry in activity(bench, user)] == [("project_create", None)]


def test_project_that_is_removed_is_logged_as_deleted_once(bench: Bench) -> None:
    user = bench.person()
    with bench.owner(user) as owner, bench.service() as service:
        owner.run("insert into public.projects (name) values ('hidden first'), ('removed')")
        owner.run("delete from public.projects where name = 'hidden first'")
        assert service.run("delete from public.projects where user_id = %s", user) == 2
    actions = [entry[0] for entry in activity(bench, user)]
    assert actions.count("project_delete") == 2


def test_activity_is_read_by_its_owner_and_edited_by_nobody(bench: Bench) -> None:
    user, stranger = bench.person(), bench.person()
    seen = "select count(*) from public.user_activity_logs where user_id = %s"
    with bench.owner(user) as session:
        assert session.value(seen, user) == 1
    with bench.owner(stranger) as session:
        assert session.value(seen, user) == 0
    with bench.anonymous() as session:
        with refused("42501"):
            session.value(seen, user)
        with refused("42501"):
            session("public.log_activity", p_action="look")
    for session in (bench.owner(user), bench.service()):
        with session:
            for attempt in (
                f"insert into public.user_activity_logs (user_id, action) values ('{user}', 'x')",
                "update public.user_activity_logs set action = 'x'",
                "delete from public.user_activity_logs",
            ):
                with refused("42501"):
                    session.run(attempt)


def test_user_with_projects_and_activity_can_be_deleted(bench: Bench) -> None:
    user = bench.person()
    with bench.owner(user) as session:
        session.run("insert into public.projects (name, is_public) values ('p', true)")
        session("public.log_activity", p_action="look")
    assert bench.run("delete from auth.users where id = %s", user) == 1
    assert activity(bench, user) == []
    with bench.owner(user) as session, refused("PT403", "account_closed"):
        session("public.log_activity", p_action="look")


def test_closed_account_writes_nothing_into_the_log(bench: Bench) -> None:
    user = bench.person()
    bench.run("update public.profiles set deleted_at = now() where user_id = %s", user)
    with bench.owner(user) as session, refused("PT403", "account_closed"):
        session("public.log_activity", p_action="look")
    assert activity(bench, user) == []


def test_writing_activity_does_not_wait_for_a_user_who_is_being_deleted(bench: Bench) -> None:
    # It would wait with a row locked that the deletion wants: for ever, both of them.
    user = bench.person()
    with bench.owner(user) as owner, bench.superuser() as other:
        project = owner.value("insert into public.projects (name) values ('p') returning id")
        with other.connection.transaction(force_rollback=True):
            other.run("select 1 from public.profiles where user_id = %s for update", user)
            owner.run("set statement_timeout = '10s'")
            owner("public.share_project", p_project_id=project)
    assert [entry[0] for entry in activity(bench, user)] == ["project_create"]


# What is the services' alone ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "table",
    [
        "webhook_events",
        "api_usage_logs",
        "provider_costs",
        "job_queue_status",
        "payment_checks",
        "payment_customers",
    ],
)
def test_clients_reach_nothing_of_the_services(bench: Bench, table: str) -> None:
    for session in (bench.owner(bench.person()), bench.anonymous()):
        with session:
            with refused("42501"):
                session.rows(f"select * from worker.{table}")
            with refused("42501"):
                session.rows("select worker.housekeep()")


# Costs and sums -----------------------------------------------------------------------------------


def test_provider_costs_are_summed_by_day(bench: Bench) -> None:
    provider = uuid4().hex
    log = (
        "insert into worker.api_usage_logs (provider, model, operation, latency_ms, units,"
        " cost_usd, status_code, created_at) values (%s, 'm', 'submit', %s, %s, %s, %s, %s)"
    )
    bench.run(log, provider, 100, 4, "0.25", 200, "2026-11-01T23:59:59Z")
    bench.run(log, provider, 300, None, None, 503, "2026-11-01T00:00:00Z")
    bench.run(log, provider, None, None, None, None, "2026-11-01T12:00:00Z")
    bench.run(log, provider, 50, 1, "0.000001", 202, "2026-11-02T00:00:00Z")
    for unit, cost in (("NaN", 1), (1, "NaN"), (-1, 1), (1, -1)):
        with refused("23514"):
            bench.run(log, provider, 1, unit, cost, 200, "2026-11-01")
    with bench.service() as session:
        assert session.rows(
            "select day::text, calls, failures, units, cost_usd, average_latency_ms"
            " from worker.provider_costs where provider = %s order by day",
            provider,
        ) == [
            ("2026-11-01", 3, 2, 4, Decimal("0.25"), 200),
            ("2026-11-02", 1, 0, 1, Decimal("0.000001"), 50),
        ]
        for attempt in ("update worker.api_usage_logs set cost_usd = 0", "truncate worker.tasks"):
            with refused("42501"):
                session.run(attempt)


def test_queue_shows_what_waits_and_for_how_long(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    for _ in range(3):
        shop.job(user)
    with shop.queue() as queue:
        queue.claim()
        for change in (
            "update public.generation_jobs set queued_at = queued_at - interval '1 minute'",
            "update worker.tasks set created_at = created_at - interval '1 minute'",
        ):
            bench.run(f"{change} where user_id = %s", user)
        [queued, starting] = queue.session.rows(
            "select status, kind, jobs, average_wait_seconds >= 60, longest_wait_seconds >= 60"
            " from worker.job_queue_status where provider = %s order by status",
            shop.provider,
        )
    assert queued == ("queued", "text_to_image", 2, True, True)
    assert starting == ("starting", "text_to_image", 1, True, True)


def test_user_stats_count_what_its_reader_may_see(bench: Bench, shop: Shop) -> None:
    user, stranger = bench.person(), bench.person()
    shop.job(user)
    with shop.queue() as queue:
        [job] = queue.finalizing()
        queue.complete(job)
        shop.job(user)
        [job] = queue.claim()
        queue.fail(job)
    draft = shop.draft(user)
    query = (
        "select total_jobs, completed_jobs, failed_jobs, credits_spent from public.user_stats"
        " where user_id = %s"
    )
    with bench.owner(user) as session, bench.service() as service:
        assert session.rows(query, user) == service.rows(query, user) == [(3, 1, 1, 7)]
        assert session.value("select count(*) from public.user_stats") == 1
        # A deleted draft is gone; a deleted job is hidden from its owner, and still cost.
        session.run("delete from public.generation_jobs where id = %s", draft.id)
        session.run("delete from public.generation_jobs where status = 'completed'")
        assert session.rows(query, user) == [(1, 0, 1, 7)]
        assert service.rows(query, user) == [(2, 1, 1, 7)]
    with bench.owner(stranger) as session:
        assert session.rows(query, user) == []
        assert session.rows(query, stranger) == [(0, 0, 0, 0)]
    with bench.anonymous() as session, refused("42501"):
        session.rows(query, user)


def test_usage_by_model_is_net_of_refunds(bench: Bench, shop: Shop) -> None:
    user, stranger = bench.person(), bench.person()
    shop.job(user)
    shop.job(user, p_output_count=2)
    partly = shop.job(user, p_output_count=3)
    with shop.queue() as queue:
        [job] = queue.claim()
        queue.fail(job)
    bench("private.refund_deduction", p_job_id=partly.id, p_amount=1)
    query = "select operation_type, model_id, jobs, credits from public.credit_usage_by_model"
    with bench.owner(user) as session:
        assert session.rows(query) == [("text_to_image", shop.model, 3, 14 + 20)]
    with bench.owner(stranger) as session:
        assert session.rows(query) == []


def test_my_credits_tell_what_can_be_spent_and_what_is_lost_next(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    lots = {
        "ended": (10, "-1 second", 0),
        "a day": (20, "1 day", 0),
        "the same day": (5, "1 day", 0),
        "a week": (40, "7 days", 0),
        "spent": (7, "1 hour", 1),
    }
    for key, (amount, ends_in, priority) in lots.items():
        bench.rows(
            "select private.grant_credits(%s, %s, 'purchase', %s, date_trunc('day', now())"
            " + interval '1 hour' * 30 + %s::interval, %s::smallint)",
            user,
            amount,
            key,
            ends_in,
            priority,
        )
    with bench.tampering():
        bench.run(
            "update public.credit_grants set expires_at = now() - interval '1 second'"
            " where user_id = %s and source_key = 'ended'",
            user,
        )
    shop.job(user)
    with bench.owner(user) as session:
        [summary] = session.rows("select (public.my_credits()).*")
        names = [
            column.name
            for column in session.connection.execute("select (public.my_credits()).*").description
            or ()
        ]
        found = dict(zip(names, summary, strict=True))
        assert found["next_expiry_at"] == session.value(
            "select expires_at from public.credit_grants where source_key = 'a day'"
        )
    del found["next_expiry_at"]
    assert found == {
        "balance": 175,
        "spendable": 165,
        "in_flight": 7,
        "debt": 0,
        "next_expiry_credits": 25,
        "monthly_allowance": 0,
        "period_ends_at": None,
    }


def test_my_credits_of_a_fresh_account_have_no_nulls_but_what_is_not_there(bench: Bench) -> None:
    query = (
        "select balance, spendable, in_flight, debt, next_expiry_at, next_expiry_credits"
        " from public.my_credits()"
    )
    with bench.owner(bench.person()) as session:
        assert session.rows(query) == [(100, 100, 0, 0, None, 0)]
    with bench.owner(bench.person(anonymous=True)) as session:
        assert session.rows(query) == [(0, 0, 0, 0, None, 0)]


def test_nothing_can_be_spent_while_there_is_debt(bench: Bench, shop: Shop) -> None:
    user = shop.borrower()
    with bench.undone(), bench.tampering():
        # What has ended shows in the balance until it is swept.
        bench.rows("select private.grant_credits(%s, 17, 'bonus', 'more')", user)
        bench.run(
            "update public.credit_accounts set debt = 12 where user_id = %s",
            user,
        )
        with in_the_name_of(bench, user):
            assert bench.rows("select balance, spendable, debt from public.my_credits()") == [
                (10, 0, 12)
            ]


def test_my_credits_without_an_account_is_not_found(bench: Bench) -> None:
    with bench.owner(str(uuid4())) as session, refused("PT404", "account_not_found"):
        session("public.my_credits")
    with bench.anonymous() as session, refused("42501"):
        session("public.my_credits")


# Streams ------------------------------------------------------------------------------------------


def test_jobs_and_accounts_are_published_once(bench: Bench) -> None:
    published = (
        "select tablename from pg_publication_tables where pubname = 'supabase_realtime'"
        " and schemaname in ('public', 'worker', 'private') order by 1"
    )
    assert bench.column(published) == ["credit_accounts", "generation_jobs"]
    with bench.undone():
        assert bench("private.publish_changes") == [True]
        assert bench.column(published) == ["credit_accounts", "generation_jobs"]
        bench.run("drop publication supabase_realtime")
        assert bench("private.publish_changes") == [False]
        bench.run("create publication supabase_realtime for all tables")
        assert bench("private.publish_changes") == [True]


def test_deletion_of_a_user_tells_no_user_id_to_who_listens(bench: Bench, shop: Shop) -> None:
    if bench.value("show wal_level") != "logical":
        pytest.skip("the server writes no logical change stream: wal_level is not `logical`")
    user = bench.person()
    job = shop.job(user)
    realtime_id = bench.value(
        "select realtime_id::text from public.credit_accounts where user_id = %s", user
    )
    slot = f"policies_{uuid4().hex}"
    bench.rows("select pg_create_logical_replication_slot(%s, 'pgoutput', true)", slot)
    try:
        bench.run("delete from auth.users where id = %s", user)
        told = bench.column(
            "select data from pg_logical_slot_get_binary_changes(%s, null, null,"
            " 'proto_version', '1', 'publication_names', 'supabase_realtime')",
            slot,
        )
    finally:
        bench.rows("select pg_drop_replication_slot(%s)", slot)
    gone = b"".join(message for message in told if message.startswith(b"D"))
    assert job.id.encode() in gone
    assert realtime_id.encode() in gone
    assert user.encode() not in b"".join(told)


# Housekeeping -------------------------------------------------------------------------------------


def store(bench: Bench, table: str, key: str, **columns: Any) -> str:
    """Put a row where only functions write, and return its key."""
    return str(
        bench.value(
            f"insert into worker.{table} ({', '.join(columns)})"
            f" values ({', '.join(['%s'] * len(columns))}) returning {key}",
            *columns.values(),
        )
    )


def test_housekeeping_removes_what_is_old_and_nothing_else(bench: Bench) -> None:
    user = bench.person()
    with bench.owner(user) as owner:
        for action in ("old", "new"):
            owner("public.log_activity", p_action=action)
    bench.run(
        "update public.user_activity_logs set created_at = now() - interval '91 days'"
        " where user_id = %s and action = 'old'",
        user,
    )
    done = {"next_attempt_at": None, "processed_at": "2020-01-01"}

    def event(status: str, **columns: Any) -> str:
        told = {"provider": "sandbox", "event_id": uuid4().hex, "type": "", "payload": "{}"}
        told |= {"is_of_payment": "true", "status": status}
        return store(bench, "webhook_events", "id", **told | columns)

    def call(**columns: Any) -> str:
        told = {"provider": "x", "operation": "submit"}
        return store(bench, "api_usage_logs", "call_id", **told | columns)

    gone = [
        event("processed", **done),
        event("ignored", **done),
        call(created_at="2020-01-01"),
    ]
    kept = [
        event("received", created_at="2020-01-01"),
        event("failed", created_at="2020-01-01"),
        event("dead", next_attempt_at=None, created_at="2020-01-01"),
        event("ignored", **done | {"processed_at": "now"}),
        call(),
    ]
    there = (
        "select id::text from worker.webhook_events where id = any(%s::uuid[])"
        " union all select call_id::text from worker.api_usage_logs where call_id = any(%s::uuid[])"
    )
    # Others may be keeping house: each call does a piece, and in the end it is done.
    bench.wait_for(
        f"select (worker.housekeep() ->> 'ran')::boolean and not exists ({there})", gone, gone
    )
    assert set(bench.column(there, kept, kept)) == set(kept)
    assert [entry[0] for entry in activity(bench, user)] == ["new"]


def test_housekeeping_is_done_by_one_at_a_time(bench: Bench) -> None:
    with bench.service() as first, bench.service() as second:
        with first.connection.transaction():
            [done] = first("worker.housekeep")
            assert set(done) == HOUSEKEEPING
            assert None not in done.values()
            assert second("worker.housekeep") == [{"ran": False}]
        assert second("worker.housekeep") != [{"ran": False}]


def test_housekeeping_from_everywhere_at_once_goes_well(bench: Bench) -> None:
    with bench.service() as first, bench.service() as second, bench.service() as third:
        results = race([lambda s=s: s("worker.housekeep") for s in (first, second, third)])
    assert all(result[0]["ran"] in (True, False) for result in results)


def test_piece_of_housekeeping_that_goes_wrong_leaves_the_others_alone(bench: Bench) -> None:
    with bench.undone():
        bench.run(
            "create or replace function worker.purge_hidden(p_limit integer default 100)"
            " returns jsonb language plpgsql set search_path = ''"
            " as 'begin raise exception ''broken''; end'"
        )
        [done] = bench("worker.housekeep")
    assert done["purged"] is None
    assert set(done) == HOUSEKEEPING
    assert [key for key, value in done.items() if value is None] == ["purged"]


def test_one_with_whom_something_is_wrong_keeps_no_sweep_from_the_others(bench: Bench) -> None:
    unlucky, other = bench.person(), bench.person()
    for user in (unlucky, other):
        bench.rows(
            "select worker.start_subscription(%s, 'pro', now(), now() + interval '1 month')", user
        )
    both = [unlucky, other]
    with bench.undone():
        bench.run("update public.subscriptions set follow_at = now() where user_id = any(%s)", both)
        with bench.tampering():
            ended = "update public.credit_grants set expires_at = now() where user_id = any(%s)"
            bench.run(ended, both)
        bench.run(
            "create function pg_temp.break() returns trigger language plpgsql"
            " as 'begin raise exception ''broken''; end'"
        )
        for table in ("subscriptions", "credit_grants"):
            bench.run(
                f"create trigger break before update on public.{table} for each row"
                f" when (old.user_id = '{unlucky}') execute function pg_temp.break()"
            )
        bench.rows("select worker.follow_subscriptions(1000), worker.expire_credits(1000)")
        left = "select user_id::text from public.{} where user_id = any(%s::uuid[]) and {}"
        due = left.format("subscriptions", "follow_at <= now()")
        unspent = left.format("credit_grants", "not is_spent and expires_at <= now()")
        assert set(bench.column(due, both)) == {unlucky}
        assert set(bench.column(unspent, both)) == {unlucky}


def test_work_is_scheduled_only_where_there_is_a_scheduler(bench: Bench) -> None:
    installed = bench.value("select exists (select from pg_extension where extname = 'pg_cron')")
    with bench.undone():
        assert bench("private.schedule_work") == [installed]
