"""Credits: every movement is in the books, once, and never below nothing (promises C1 to C6)."""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from .harness import Bench, Job, Session, Shop, race, refused


def lots(bench: Bench, user_id: str) -> dict[str, Decimal]:
    """Return what is left of each lot, by source key."""
    return dict(
        bench.rows(
            "select source_key, remaining from public.credit_grants where user_id = %s", user_id
        )
    )


def grant(bench: Bench, user_id: str, amount: Any, key: str, **more: Any) -> bool:
    """Give a lot of bought credits."""
    [given] = bench(
        "private.grant_credits",
        p_user_id=user_id,
        p_amount=amount,
        p_kind="purchase",
        p_source_key=key,
        **more,
    )
    return bool(given)


def ledger(bench: Bench, user_id: str) -> list[tuple[Any, ...]]:
    """Return type, status and amount of a user's transactions in order."""
    return bench.rows(
        "select type, status, amount from public.credit_transactions where user_id = %s"
        " order by version",
        user_id,
    )


def end_lots(bench: Bench, user_id: str, *keys: str) -> None:
    """Let some lots have ended a moment ago."""
    with bench.tampering():
        bench.run(
            "update public.credit_grants set expires_at = now() - interval '1 second'"
            " where user_id = %s and source_key = any(%s)",
            user_id,
            list(keys),
        )


@contextmanager
def sessions(bench: Bench, user_id: str, count: int) -> Iterator[list[Session]]:
    """Open a user's connections."""
    with ExitStack() as stack:
        yield [stack.enter_context(bench.owner(user_id)) for _ in range(count)]


# A job's credits ----------------------------------------------------------------------------------


def test_queued_job_is_charged_as_a_hold(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    shop.job(user)
    assert bench.balance(user) == 93
    assert ledger(bench, user) == [
        ("bonus", "completed", 100),
        ("deduction", "pending", -7),
    ]


def test_draft_is_not_charged_until_it_is_queued(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    draft = shop.draft(user)
    assert bench.balance(user) == 100
    with bench.owner(user) as session:
        for _ in range(2):
            session.rows("select public.queue_generation(%s)", draft.id)
    assert bench.balance(user) == 93


def test_edited_draft_costs_what_it_then_asks_for(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    draft = shop.draft(user)
    with bench.owner(user) as session:
        assert session.run("update public.generation_jobs set output_count = 3") == 1
        session.rows("select public.queue_generation(%s)", draft.id)
    assert bench.balance(user) == 79


def test_price_that_changed_since_the_draft_is_the_one_that_counts(
    bench: Bench, shop: Shop
) -> None:
    user = bench.person()
    draft = shop.draft(user)
    bench.run("update public.model_prices set credits = 9 where model_id = %s", shop.model)
    with bench.owner(user) as session:
        session.rows("select public.queue_generation(%s)", draft.id)
    assert bench.balance(user) == 91


def test_completed_job_settles_its_charge(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    shop.job(user)
    with shop.queue() as queue:
        [job] = queue.finalizing()
        queue.complete(job)
    assert ledger(bench, user)[1:] == [("deduction", "completed", -7)]


@pytest.mark.parametrize("end", ["fail", "cancel"])
def test_job_that_came_to_nothing_is_refunded_whole(bench: Bench, shop: Shop, end: str) -> None:
    user = bench.person()
    job = shop.job(user)
    if end == "fail":
        with shop.queue() as queue:
            queue.fail(queue.claim()[0])
    else:
        with bench.owner(user) as session:
            session.rows("select public.cancel_generation(%s)", job.id)
    assert bench.balance(user) == 100
    assert ledger(bench, user)[1:] == [
        ("deduction", "refunded", -7),
        ("refund", "completed", 7),
    ]
    assert bench.value("select is_refunded from public.generation_jobs where id = %s", job.id)


def test_free_job_leaves_no_trace_in_the_ledger(bench: Bench, shop: Shop) -> None:
    user = bench.person(anonymous=True)
    job = shop.job(user, p_mode="draft")
    with shop.queue() as queue:
        queue.fail(queue.claim()[0])
    assert ledger(bench, user) == []
    assert not bench.value("select is_refunded from public.generation_jobs where id = %s", job.id)


def test_job_beyond_the_balance_is_402_and_leaves_nothing(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    shop.job(user, p_output_count=10)
    with refused("PT402", "insufficient_credits"):
        shop.job(user, p_output_count=5)
    counts = bench.rows(
        "select (select count(*) from public.generation_jobs where user_id = %(u)s),"
        " (select count(*) from public.user_prompts where user_id = %(u)s),"
        " (select count(*) from worker.tasks where user_id = %(u)s),"
        " (select count(*) from public.credit_transactions where user_id = %(u)s)".replace(
            "%(u)s", f"'{user}'"
        )
    )
    assert counts == [(1, 1, 1, 2)]


def test_debt_blocks_spending(bench: Bench, shop: Shop) -> None:
    user = shop.borrower()
    with refused("PT402", "account_in_debt"):
        shop.job(user)
    grant(bench, user, 7, "just enough to pay it")
    with refused("PT402", "insufficient_credits"):
        shop.job(user)
    grant(bench, user, 7, "and to go on")
    shop.job(user)
    assert bench.complaints(user) == []


def test_too_many_active_jobs_are_429(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    with bench.owner(user) as session:
        for _ in range(50):
            shop.submit(session, p_mode="draft")
        with refused("PT429", "too_many_active_jobs"):
            shop.submit(session, p_mode="draft")


# Edits --------------------------------------------------------------------------------------------


def edit_costs(bench: Bench, shop: Shop, user: str, parent: Job) -> Decimal:
    """Return what a job that names a parent costs, where an edit costs 2 and a new job 7."""
    bench.run("update public.model_prices set edit_credits = 2 where model_id = %s", shop.model)
    with bench.owner(user) as session:
        job = shop.submit(session, p_parent_job_id=parent.id)
    cost = bench.value("select credit_cost from public.generation_jobs where id = %s", job)
    assert isinstance(cost, Decimal)
    return cost


def test_edit_of_a_finished_job_costs_the_edit_price(bench: Bench, shop: Shop) -> None:
    parent = completed_job(bench, shop)
    assert edit_costs(bench, shop, parent.user_id, parent) == 2
    assert bench.complaints(parent.user_id) == []


@pytest.mark.parametrize("parent", ["pending", "queued", "failed", "refunded", "free"])
def test_edit_price_needs_a_parent_that_was_paid_for(bench: Bench, shop: Shop, parent: str) -> None:
    user = bench.person()
    with shop.queue() as queue:
        if parent == "pending":
            job = shop.draft(user)
        else:
            job = shop.job(user, p_mode="draft" if parent == "free" else "standard")
        if parent == "failed":
            queue.fail(queue.claim()[0])
        elif parent in ("refunded", "free"):
            [claimed] = queue.finalizing()
            queue.complete(claimed)
        if parent == "refunded":
            refund(bench, job)
    assert edit_costs(bench, shop, user, job) == 7


def test_draft_that_lets_its_parent_go_loses_the_edit_price(bench: Bench, shop: Shop) -> None:
    parent = completed_job(bench, shop)
    bench.run("update public.model_prices set edit_credits = 2 where model_id = %s", shop.model)
    draft = shop.draft(parent.user_id, parent_job_id=parent.id)
    with bench.owner(parent.user_id) as session:
        session.run(
            "update public.generation_jobs set parent_job_id = null where id = %s", draft.id
        )
        session.rows("select public.queue_generation(%s)", draft.id)
    assert bench.balance(parent.user_id) == 86


# Partial refunds ----------------------------------------------------------------------------------


def completed_job(bench: Bench, shop: Shop, outputs: int = 1) -> Job:
    """Return a job that is done and paid for."""
    job = shop.job(bench.person(), p_output_count=outputs)
    with shop.queue() as queue:
        [claimed] = queue.finalizing()
        queue.complete(claimed)
    return job


def refund(bench: Bench, job: Job, amount: Any = None) -> Any:
    """Call the function that refunds, and return how much it did."""
    [returned] = bench("private.refund_deduction", p_job_id=job.id, p_amount=amount)
    if returned is None:
        return 0
    return bench.value("select amount from public.credit_transactions where id = %s", returned)


def test_many_refunds_at_once_chain_and_go_back_to_their_lots(bench: Bench, shop: Shop) -> None:
    users = [bench.person() for _ in range(3)]
    jobs = [shop.job(user) for user in users for _ in range(3)]
    # One charge was returned in part before, and one user's lot has ended meanwhile.
    assert refund(bench, jobs[0], 2) == 2
    with bench.connection.transaction():
        bench.run("set local search_path = reelbase_ledger")
        bench.run(
            "update public.credit_grants set expires_at = now() - interval '1 day'"
            " where user_id = %s",
            users[2],
        )
    ids = [job.id for job in jobs]
    assert bench.value("select private.refund_deductions(%s::uuid[])", ids) == len(jobs)
    assert bench.value("select private.refund_deductions(%s::uuid[])", ids) == 0
    assert [bench.balance(user) for user in users] == [100, 100, 100]
    assert bench.column(
        "select count(*) from public.credit_grants where user_id = any(%s::uuid[])"
        " and kind = 'refund' and replaces_id is not null group by user_id",
        users,
    ) == [3]
    bench.run(
        "update public.generation_jobs set status = 'cancelled' where id = any(%s::uuid[])", ids
    )
    assert bench.complaints(*users) == []


def test_jobs_that_end_in_one_statement_are_each_settled_or_refunded(
    bench: Bench, shop: Shop
) -> None:
    users = [bench.person() for _ in range(2)]
    jobs = [shop.job(user) for user in users for _ in range(3)]
    ended = bench.run(
        "update public.generation_jobs set status = 'cancelled' where id = any(%s::uuid[])",
        [job.id for job in jobs],
    )
    assert ended == len(jobs)
    assert [bench.balance(user) for user in users] == [100, 100]
    assert bench.value(
        "select count(*) from public.job_events where job_id = any(%s::uuid[])"
        " and to_status = 'cancelled'",
        [job.id for job in jobs],
    ) == len(jobs)
    assert bench.complaints(*users) == []


def test_partial_refunds_add_up_to_the_charge_and_no_further(bench: Bench, shop: Shop) -> None:
    job = completed_job(bench, shop)
    assert refund(bench, job, 3) == 3
    assert ledger(bench, job.user_id)[1][1] == "completed"
    with refused("PT409", "refund_exceeds_charge"):
        refund(bench, job, Decimal("4.01"))
    assert refund(bench, job) == 4
    assert refund(bench, job) == 0
    assert ledger(bench, job.user_id)[1][1] == "refunded"
    assert bench.balance(job.user_id) == 100
    assert bench.complaints(job.user_id) == []


@pytest.mark.parametrize(
    "amount", ["-1", "0", "0.001", "6.995", "NaN", "Infinity", "-Infinity", "1e9", "1e131000"]
)
def test_refund_of_an_amount_that_makes_no_sense_is_refused(
    bench: Bench, shop: Shop, amount: str
) -> None:
    job = completed_job(bench, shop)
    with refused("PT400", "invalid_amount"):
        refund(bench, job, Decimal(amount))
    with refused("PT409", "refund_exceeds_charge"):
        refund(bench, job, 8)
    assert bench.balance(job.user_id) == 93
    assert bench.complaints(job.user_id) == []


def test_whole_refund_of_a_completed_job_shows_on_the_job(bench: Bench, shop: Shop) -> None:
    job = completed_job(bench, shop)
    refund(bench, job)
    assert bench.value("select is_refunded from public.generation_jobs where id = %s", job.id)


def test_job_that_fails_after_a_partial_refund_returns_the_rest(bench: Bench, shop: Shop) -> None:
    job = shop.job(bench.person())
    refund(bench, job, 2)
    with shop.queue() as queue:
        queue.fail(queue.claim()[0])
    assert bench.balance(job.user_id) == 100
    assert bench.complaints(job.user_id) == []


# Lots ---------------------------------------------------------------------------------------------


def test_lots_are_spent_by_priority_then_by_what_ends_soonest(bench: Bench, shop: Shop) -> None:
    user = bench.person(anonymous=True)
    soon, later = "2990-01-01", "2999-01-01"
    grant(bench, user, 5, "forever")
    grant(bench, user, 5, "later", p_expires_at=later)
    grant(bench, user, 5, "soon", p_expires_at=soon)
    grant(bench, user, 5, "first", p_priority=1)
    order = ["first", "soon", "later", "forever"]
    left = []
    for _ in range(2):
        shop.job(user)
        remaining = lots(bench, user)
        left.append([int(remaining[key]) for key in order])
    assert left == [[0, 3, 5, 5], [0, 0, 1, 5]]
    with refused("PT402"):
        shop.job(user)
    assert bench.complaints(user) == []


def test_ended_lot_cannot_be_spent(bench: Bench, shop: Shop) -> None:
    user = bench.person(anonymous=True)
    grant(bench, user, 100, "ended")
    end_lots(bench, user, "ended")
    with pytest.raises(psycopg.Error) as caught:
        shop.job(user)
    assert caught.value.sqlstate == "PT402"
    assert caught.value.diag.message_detail == '{"needed" : 7.00, "available" : 0.00}'


def test_refund_returns_to_the_lots_it_was_taken_from(bench: Bench, shop: Shop) -> None:
    user = bench.person(anonymous=True)
    grant(bench, user, 5, "a", p_priority=2)
    grant(bench, user, 5, "b", p_priority=1)
    job = shop.job(user)
    assert lots(bench, user) == {"a": 0, "b": 3}
    with bench.owner(user) as session:
        session.rows("select public.cancel_generation(%s)", job.id)
    assert lots(bench, user) == {"a": 5, "b": 5}


def test_refund_of_what_came_from_an_ended_lot_is_a_lot_with_grace(
    bench: Bench, shop: Shop
) -> None:
    user = bench.person(anonymous=True)
    grant(bench, user, 5, "month", p_priority=2)
    grant(bench, user, 5, "bought", p_priority=1)
    job = shop.job(user)
    end_lots(bench, user, "month")
    with bench.owner(user) as session:
        session.rows("select public.cancel_generation(%s)", job.id)
    fresh = bench.rows(
        "select kind, remaining, expires_at > now() + interval '6 days',"
        " expires_at <= now() + interval '7 days' from public.credit_grants"
        " where user_id = %s and source_key like 'refund:%%'",
        user,
    )
    assert fresh == [("refund", 5, True, True)]
    assert lots(bench, user)["month"] == 0
    assert lots(bench, user)["bought"] == 5
    shop.job(user)
    assert bench.complaints(user) == []


def test_partial_refund_fills_living_lots_first(bench: Bench, shop: Shop) -> None:
    user = bench.person(anonymous=True)
    grant(bench, user, 5, "month", p_priority=2)
    grant(bench, user, 5, "bought", p_priority=1)
    shop.job(user)
    with shop.queue() as queue:
        [job] = queue.finalizing()
        queue.complete(job)
    end_lots(bench, user, "month")
    refund(bench, job, 1)
    refund(bench, job, 1)
    assert lots(bench, user) == {"month": 0, "bought": 5}
    refund(bench, job, 2)
    refund(bench, job)
    assert sum(lots(bench, user).values()) == 10
    assert bench.complaints(user) == []


def test_grace_is_given_once(bench: Bench, shop: Shop) -> None:
    # Else credits that end could be carried on for ever: submit before the end, cancel after it.
    user = bench.person(anonymous=True)
    grant(bench, user, 7, "month")
    ends = []
    for _ in range(2):
        job = shop.job(user)
        with bench.tampering():
            bench.run(
                "update public.credit_grants set expires_at = now() - interval '1 second'"
                " where user_id = %s and remaining = 0",
                user,
            )
        with bench.owner(user) as session:
            session.rows("select public.cancel_generation(%s)", job.id)
        ends.append(
            bench.value(
                "select max(expires_at) from public.credit_grants"
                " where user_id = %s and remaining > 0",
                user,
            )
        )
        with bench.tampering():
            bench.run(
                "update public.credit_grants set expires_at = expires_at - interval '6 days'"
                " where user_id = %s and remaining > 0",
                user,
            )
    assert ends[1] is None or ends[1] < ends[0]


# Amounts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "amount",
    [
        None,
        "NaN",
        "-1",
        "0",
        "0.004",
        "6.995",
        "Infinity",
        "-Infinity",
        "1e8",
        "1e131000",
        "1e-999",
    ],
)
def test_grant_of_an_amount_that_makes_no_sense_is_refused(
    bench: Bench, amount: str | None
) -> None:
    user = bench.person()
    with refused("PT400", "invalid_amount"):
        grant(bench, user, amount and Decimal(amount), "strange")
    assert ledger(bench, user) == [("bonus", "completed", 100)]
    assert bench.complaints(user) == []


def test_account_holds_no_more_than_fits_when_all_that_is_held_comes_back(
    bench: Bench, shop: Shop
) -> None:
    user = bench.person(anonymous=True)
    grant(bench, user, 89_999_999, "nearly all")
    job = shop.job(user)
    with refused("PT409", "credit_limit_reached"):
        grant(bench, user, Decimal("1.01"), "too much")
    assert grant(bench, user, 1, "all")
    with bench.owner(user) as session:
        session.rows("select public.cancel_generation(%s)", job.id)
    assert bench.balance(user) == 90_000_000
    assert bench.complaints(user) == []


@pytest.mark.parametrize("total", ["lifetime_earned", "lifetime_spent"])
def test_sums_of_a_life_do_not_overflow(bench: Bench, shop: Shop, total: str) -> None:
    user = bench.person()
    job = shop.draft(user)
    with bench.undone():
        with bench.tampering():
            bench.run(
                f"update public.credit_accounts set {total} = 9999999999.98 where user_id = %s",
                user,
            )
        with refused("PT409", "credit_limit_reached"):
            if total == "lifetime_earned":
                grant(bench, user, 1, "one more")
            else:
                deduct(bench, shop, job, "1")


def deduct(bench: Bench, shop: Shop, job: Job, amount: str) -> None:
    """Call the function that charges."""
    bench.rows(
        "select private.deduct_credits(gen_random_uuid(), %s, %s::numeric, %s, 'text_to_image',"
        " %s, false)",
        job.user_id,
        amount,
        job.id,
        shop.model,
    )


@pytest.mark.parametrize("amount", ["NaN", "-1", "0", "0.004", "Infinity", "-Infinity", "1e9"])
def test_deduction_of_an_amount_that_makes_no_sense_is_refused(
    bench: Bench, shop: Shop, amount: str
) -> None:
    user = bench.person()
    job = shop.draft(user)
    with pytest.raises(psycopg.Error) as caught:
        deduct(bench, shop, job, amount)
    assert caught.value.sqlstate in ("PT402", "PT409", "23514", "22003")
    assert bench.balance(user) == 100
    assert bench.complaints(user) == []


@pytest.mark.parametrize("column", ["balance", "debt", "lifetime_earned", "monthly_allowance"])
def test_no_account_holds_nan(bench: Bench, column: str) -> None:
    user = bench.person()
    with bench.tampering(), refused("23514"):
        bench.run(f"update public.credit_accounts set {column} = 'NaN' where user_id = %s", user)


def test_grant_is_given_once_a_key(bench: Bench) -> None:
    user = bench.person()
    assert [grant(bench, user, 5, "order-1") for _ in range(3)] == [True, False, False]
    assert bench.balance(user) == 105


def test_grant_with_a_used_key_and_another_amount_is_refused(bench: Bench) -> None:
    user = bench.person()
    grant(bench, user, 5, "order-1")
    with refused("PT409", "idempotency_key_reused"):
        grant(bench, user, 6, "order-1")
    assert bench.balance(user) == 105


# The ledger is append-only ------------------------------------------------------------------------

REWRITES = {
    "amount": "update public.credit_transactions set amount = amount * 2",
    "owner": "update public.credit_transactions set user_id = gen_random_uuid()",
    "time": "update public.credit_transactions set created_at = now() - interval '1 day'",
    "text": "update public.credit_transactions set description = 'x'",
    "type": "update public.credit_transactions set type = 'adjustment' where type = 'bonus'",
    "reopen": "update public.credit_transactions set status = 'pending' where type = 'bonus'",
    "undo": "update public.credit_transactions set status = 'cancelled' where type = 'bonus'",
    "lose a hold": (
        "update public.credit_transactions set status = 'failed' where status = 'pending'"
    ),
    "drop a hold": (
        "update public.credit_transactions set status = 'cancelled' where status = 'pending'"
    ),
    "delete": "delete from public.credit_transactions",
    "delete the user's profile": "delete from public.profiles",
    "truncate": "truncate public.credit_transactions cascade",
    "truncate profiles": "truncate public.profiles cascade",
    "truncate users": "truncate auth.users cascade",
    "replace": (
        "insert into public.credit_transactions select * from public.credit_transactions"
        " on conflict (id) do update set amount = excluded.amount + 1"
    ),
}


@pytest.mark.parametrize(
    ("replication", "rewrite"),
    # As a replica nothing cascades, so that there the ledger outlives a profile.
    [
        (replication, rewrite)
        for replication in ("origin", "replica")
        for rewrite in REWRITES
        if (replication, rewrite) != ("replica", "delete the user's profile")
    ],
)
def test_ledger_cannot_be_rewritten_by_anybody(
    bench: Bench, shop: Shop, replication: str, rewrite: str
) -> None:
    # With the latch open, too; what is refused by hand alone is in test_books_by_hand.py.
    user = bench.person()
    shop.job(user)
    with bench.undone(), bench.tampering():
        bench.run(f"set local session_replication_role = {replication}")
        statement = REWRITES[rewrite]
        if statement.startswith(("update", "delete")):
            condition = " and " if " where " in statement else " where "
            statement += f"{condition}user_id = '{user}'"
        with pytest.raises(psycopg.Error) as caught:
            bench.run(statement)
        assert caught.value.sqlstate == "PT403"
        hints = {"ledger_is_append_only"}
        if "truncate" in rewrite or "profile" in rewrite:
            # These reach other books as well, which may be first to refuse it.
            hints |= {"payments_are_kept", "ledger_is_kept_by_functions"}
        assert caught.value.diag.message_hint in hints


def test_charge_that_was_returned_stays_returned(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    job = shop.job(user)
    with bench.owner(user) as session:
        session.run("select public.cancel_generation(%s)", job.id)
    again = "update public.credit_transactions set status = %s where job_id = %s"
    for status in ("pending", "completed"):
        with bench.tampering(), refused("PT403", "ledger_is_append_only"):
            bench.run(f"{again} and type = 'deduction'", status, job.id)


def test_job_is_charged_once_whatever_is_called(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    job = shop.job(user)
    with refused("23505"):
        deduct(bench, shop, job, "7")
    assert bench.balance(user) == 93


@pytest.mark.parametrize(
    "statement",
    [
        "update public.credit_accounts set balance = -0.01",
        "update public.credit_accounts set debt = -0.01",
        "update public.credit_accounts set balance = 'NaN'",
        "update public.credit_grants set remaining = amount + 0.01",
        "update public.credit_grants set remaining = -0.01",
        "update public.credit_grants set amount = 0, remaining = 0",
    ],
)
def test_books_hold_nothing_that_makes_no_sense(bench: Bench, statement: str) -> None:
    user = bench.person()
    with bench.tampering(), refused("23514"):
        bench.run(f"{statement} where user_id = %s", user)


@pytest.mark.parametrize("role", ["service_role", "authenticated", "anon"])
@pytest.mark.parametrize(
    "table", ["credit_accounts", "credit_transactions", "credit_grants", "credit_allocations"]
)
def test_no_client_role_may_write_the_books(bench: Bench, role: str, table: str) -> None:
    written = bench.column(
        "select privilege from unnest(array['insert', 'update', 'delete', 'truncate',"
        " 'references', 'trigger']) as privilege"
        " where has_table_privilege(%s, %s, privilege)"
        " or (privilege in ('insert', 'update') and has_any_column_privilege(%s, %s, privilege))",
        role,
        f"public.{table}",
        role,
        f"public.{table}",
    )
    assert written == []


# Idempotency --------------------------------------------------------------------------------------


def test_sixteen_submits_with_one_key_are_one_job_and_one_charge(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    with sessions(bench, user, 16) as clients:
        ids = race([partial(shop.submit, c, p_idempotency_key="once") for c in clients])
    assert len(set(ids)) == 1
    assert isinstance(ids[0], str)
    assert ledger(bench, user) == [("bonus", "completed", 100), ("deduction", "pending", -7)]
    assert bench.value("select count(*) from public.user_prompts where user_id = %s", user) == 1
    assert bench.value("select count(*) from worker.tasks where user_id = %s", user) == 1


def test_key_answers_the_same_job_however_it_ended(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    job = shop.job(user, p_idempotency_key="once")
    with bench.owner(user) as session:
        session.rows("select public.cancel_generation(%s)", job.id)
        assert shop.submit(session, p_idempotency_key="once") == job.id
    assert bench.balance(user) == 100


def test_key_answers_the_same_job_when_the_model_is_gone(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    job = shop.job(user, p_idempotency_key="once")
    bench.run("update public.models set is_active = false where id = %s", shop.model)
    assert shop.job(user, p_idempotency_key="once").id == job.id


def test_key_answers_the_same_job_when_nothing_is_left(bench: Bench, shop: Shop) -> None:
    user = bench.person(anonymous=True)
    grant(bench, user, 7, "just enough")
    job = shop.job(user, p_idempotency_key="once")
    assert shop.job(user, p_idempotency_key="once").id == job.id


@pytest.mark.parametrize(
    "change",
    [
        {"p_prompt": "Another"},
        {"p_mode": "draft"},
        {"p_output_count": 2},
        {"p_aspect_ratio": "16:9"},
        {"p_negative_prompt": "fog"},
        {"p_parameters": '{"seed": 1}'},
    ],
    ids=lambda change: next(iter(change)),
)
def test_key_with_another_wish_is_refused(bench: Bench, shop: Shop, change: dict[str, Any]) -> None:
    user = bench.person()
    shop.job(user, p_idempotency_key="once")
    with refused("PT409", "idempotency_key_reused"):
        shop.job(user, p_idempotency_key="once", **change)
    assert bench.balance(user) == 93


def test_key_is_the_users_own(bench: Bench, shop: Shop) -> None:
    one, other = bench.person(), bench.person()
    key = uuid4().hex
    assert shop.job(one, p_idempotency_key=key).id != shop.job(other, p_idempotency_key=key).id


# Races --------------------------------------------------------------------------------------------


def test_forty_jobs_at_once_never_spend_more_than_there_is(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    with sessions(bench, user, 40) as clients:
        results = race([partial(shop.submit, c) for c in clients])
    accepted = [each for each in results if isinstance(each, str)]
    states = {each.sqlstate for each in results if isinstance(each, psycopg.Error)}
    assert (len(accepted), states) == (14, {"PT402"})
    assert bench.balance(user) == 2
    assert bench.complaints(user) == []


def test_jobs_at_once_never_pass_the_plans_limit(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    with bench.owner(user) as session:
        for _ in range(45):
            shop.submit(session, p_mode="draft")
    with sessions(bench, user, 16) as clients:
        results = race([partial(shop.submit, c, p_mode="draft") for c in clients])
    assert sum(isinstance(each, str) for each in results) == 5
    assert {e.sqlstate for e in results if isinstance(e, psycopg.Error)} == {"PT429"}


def test_draft_queued_by_sixteen_at_once_is_charged_once(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    draft = shop.draft(user)
    with sessions(bench, user, 16) as clients:
        race([partial(c.rows, "select public.queue_generation(%s)", draft.id) for c in clients])
    assert bench.balance(user) == 93
    assert bench.complaints(user) == []


def test_job_cancelled_by_sixteen_at_once_is_refunded_once(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    job = shop.job(user)
    with sessions(bench, user, 16) as clients:
        race([partial(c.rows, "select public.cancel_generation(%s)", job.id) for c in clients])
    assert bench.balance(user) == 100
    assert len(ledger(bench, user)) == 3
    assert bench.complaints(user) == []


def test_grants_with_one_key_at_once_are_one(bench: Bench) -> None:
    user = bench.person()
    with ExitStack() as stack:
        clients = [stack.enter_context(bench.superuser()) for _ in range(16)]
        given = race(
            [
                partial(c.value, "select private.grant_credits(%s, 5, 'purchase', 'order')", user)
                for c in clients
            ]
        )
    assert sum(each is not None for each in given) == 1
    assert not any(isinstance(each, psycopg.Error) for each in given)
    assert bench.balance(user) == 105


# The books' own check -----------------------------------------------------------------------------

# By promise: what breaks it. Even with the latch open only who takes the triggers away can.
DAMAGES = {
    "balance is the sum of the ledger": "update public.credit_accounts set balance = balance + 1",
    "balance is the sum of the lots": "update public.credit_grants set remaining = 1",
    "version is the number of transactions": (
        "update public.credit_accounts set version = version + 1"
    ),
    "lifetime_spent is what jobs cost": "update public.credit_accounts set lifetime_spent = 1",
    "lifetime_earned is what came in": "update public.credit_accounts set lifetime_earned = 1",
    "balance_after chains": "update public.credit_transactions set balance_after = 1",
    "a transaction is the sum of its allocations": (
        "delete from public.credit_allocations where grant_id in"
        " (select id from public.credit_grants where {users})"
    ),
    "a lot holds what its allocations left in it": (
        "update public.credit_grants set remaining = remaining / 2"
    ),
    "refunds do not exceed the charge, and all of it is what refunded means": (
        "update public.credit_transactions set status = 'refunded' where status = 'pending'"
        " and {users}"
    ),
    "a job was charged what it costs, once": "update public.generation_jobs set credit_cost = 1",
    "an ended job is settled or refunded, another is on hold": (
        "update public.generation_jobs set is_refunded = true"
    ),
    "an active job has one task, an ended one none": "delete from worker.tasks",
    "debt is what payments owe": "update public.credit_accounts set debt = debt + 1",
    "who has debt has nothing that could be spent": "update public.credit_accounts set debt = 1",
    "a package that was paid is credited once, another never": (
        "update public.payments set transaction_id = null"
    ),
    "what a payment's return takes is its share": (
        "update public.payments set credits_owed = credits_owed + 1 where succeeded_at is not null"
        " and {users}"
    ),
    "a payment's status follows what is known of it": (
        "update public.payments set charged_back_minor = amount_minor - charged_back_minor"
    ),
    "a month's allowance is what was granted for it": (
        "update private.allowance_months set granted = granted + 1"
    ),
    "a subscriber has the tier of the subscription": (
        "update public.profiles set subscription_tier = 'free'"
    ),
}
UNGUARDED = (
    "credit_accounts",
    "credit_transactions",
    "credit_grants",
    "credit_allocations",
    "payments",
)


@pytest.fixture
def customers(bench: Bench, shop: Shop) -> list[str]:
    """Somebody with a plan and a job, and somebody who owes for a payment that was returned."""
    subscriber, borrower = bench.person(), shop.borrower()
    bench.rows(
        "select worker.start_subscription(%s, 'pro', now(), now() + interval '1 month')", subscriber
    )
    shop.job(subscriber)
    assert bench.complaints(subscriber, borrower) == []
    return [subscriber, borrower]


@pytest.mark.parametrize("promise", DAMAGES)
def test_reconcile_sees_damage(bench: Bench, customers: list[str], promise: str) -> None:
    users = "user_id = any(array['{}', '{}']::uuid[])".format(*customers)
    damage = DAMAGES[promise]
    damage = damage.format(users=users) if "{users}" in damage else f"{damage} where {users}"
    with bench.undone(), bench.tampering():
        for table in UNGUARDED:
            bench.run(f"alter table public.{table} disable trigger user")
        bench.run(damage)
        assert promise in {complaint for complaint, *_ in bench.complaints(*customers)}


def test_audit_knows_each_promise_and_counts_what_breaks_it(
    bench: Bench, customers: list[str]
) -> None:
    with bench.service() as service:
        audit = "select promise, checked, broken from worker.audit_credits()"
        found = {promise: counts for promise, *counts in service.rows(audit)}
    assert found.keys() == DAMAGES.keys()
    assert all(checked > 0 and broken == 0 for checked, broken in found.values())
    with bench.undone(), bench.tampering():
        bench.run(
            "update public.credit_accounts set version = version + 1"
            " where user_id = any(%s::uuid[])",
            customers,
        )
        broken = {promise: wrong for promise, _, wrong in bench.rows(audit) if wrong}
    assert broken == {"version is the number of transactions": 2}


def test_books_hold_after_a_mixed_life(bench: Bench, shop: Shop) -> None:
    people = [bench.person() for _ in range(4)]
    ends = itertools.cycle(["complete", "fail", "cancel", "leave"])
    for user, end in itertools.islice(zip(itertools.cycle(people), ends, strict=False), 24):
        job = shop.job(user)
        with shop.queue() as queue:
            if end == "complete":
                [claimed] = queue.finalizing()
                queue.complete(claimed)
            elif end == "fail":
                queue.fail(queue.claim()[0])
            elif end == "cancel":
                with bench.owner(user) as session:
                    session.rows("select public.cancel_generation(%s)", job.id)
    assert bench.complaints(*people) == []


@pytest.mark.parametrize("role", ["result_image", "thumbnail", "sprite_sheet", "subtitle"])
def test_nothing_goes_into_a_job_as_what_comes_out_of_one(
    bench: Bench, shop: Shop, role: str
) -> None:
    user = bench.person()
    with bench.owner(user) as session:
        asset = bench.value(
            "insert into public.assets (user_id, kind, bucket, storage_path, mime_type, size_bytes)"
            " values (%s, 'image', 'reference-images', %s, 'image/png', 1) returning id",
            user,
            f"{user}/upload/{role}.png",
        )
        with refused("PT400", "role_does_not_fit"):
            shop.submit(session, p_reference_asset_ids=[asset], p_reference_roles=[role])
        assert session.value("select count(*) from public.job_assets") == 0


def test_request_without_roles_is_the_same_when_it_is_sent_again(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    with bench.owner(user) as session:
        asset = bench.value(
            "insert into public.assets (user_id, kind, bucket, storage_path, mime_type, size_bytes)"
            " values (%s, 'image', 'reference-images', %s, 'image/png', 1) returning id",
            user,
            f"{user}/upload/again.png",
        )
        for more in (
            {"p_reference_roles": ["reference_image"], "p_idempotency_key": "no assets"},
            {
                "p_reference_asset_ids": [asset],
                "p_reference_roles": [None],
                "p_idempotency_key": "no role",
            },
        ):
            assert shop.submit(session, **more) == shop.submit(session, **more)


def test_token_of_nobody_submits_nothing(bench: Bench, shop: Shop) -> None:
    with bench.owner(str(uuid4())) as session, refused("42501", "user_not_found"):
        shop.submit(session)


def test_many_jobs_of_one_statement_are_looked_at_once(bench: Bench, shop: Shop) -> None:
    """The plan of a session's first small update must not be that of its large ones."""
    [body] = bench.column(
        "select prosrc from pg_proc where oid = 'private.follow_jobs()'::regprocedure"
    )
    with bench.superuser() as session, session.undone():
        session.run("create temp table jobs_before on commit drop as table public.generation_jobs")
        session.run("create temp table jobs_after on commit drop as table public.generation_jobs")
        query = body[body.index("    select\n      jobs.id") : body.index("  ),\n  events as (")]
        plan = str(session.value("explain (format json) " + query))
    assert "Join" not in plan, plan
    assert "Nested Loop" not in plan, plan
