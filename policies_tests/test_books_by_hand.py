"""The books by hand: only their functions write them, their owner neither (promise C5).

What the tables' owner and a superuser try is refused by triggers, also while rows are replicated;
what services and users try, by missing grants. The one way out is the user's own: deleted at the
platform, with all that belongs to it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from uuid import uuid4

import psycopg
import pytest

from .cells import outcome_of
from .harness import LATCH, Bench, Session, open_shop, refused
from .matrix import LEDGER_FUNCTIONS

BOOKS = ("credit_accounts", "credit_transactions", "credit_grants", "credit_allocations")
MASTERS = ("owner of the tables", "superuser", "replica")
OTHERS = ("service", "user", "stranger", "visitor")

KEPT = "PT403 ledger_is_kept_by_functions"
APPEND_ONLY = "PT403 ledger_is_append_only"
REFUSALS = {KEPT, APPEND_ONLY, "PT403 payments_are_kept"}

# A row of each table that fits, so that nothing but who writes it speaks against it.
ROWS = {
    "credit_accounts": ("user_id", "'{bare}'"),
    "credit_transactions": (
        "user_id, version, amount, balance_after, type, created_at",
        "'{user}', 9, 1, 1, 'bonus', now()",
    ),
    "credit_grants": (
        "user_id, kind, amount, remaining, source_key, created_at",
        "'{user}', 'bonus', 1, 1, 'by hand', now()",
    ),
    "credit_allocations": ("transaction_id, grant_id, amount", "'{transaction}', '{grant}', 1"),
}
KEYS = {
    "credit_accounts": "user_id",
    "credit_transactions": "id",
    "credit_grants": "id",
    "credit_allocations": "transaction_id, grant_id",
}
OWN = {
    **dict.fromkeys(BOOKS, "user_id = '{user}'"),
    "credit_allocations": "transaction_id = '{transaction}'",
}
WORTH = {
    "credit_accounts": "balance",
    "credit_transactions": "amount",
    "credit_grants": "remaining",
    "credit_allocations": "amount",
}


@pytest.fixture(scope="module")
def names(bench: Bench) -> Mapping[str, str]:
    """Somebody who bought, spent and owes; a movement and a lot; a user who has no account."""
    user = open_shop(bench).borrower()
    transaction, grant, payment, job = bench.rows(
        "select transactions.id::text, allocations.grant_id::text, transactions.payment_id::text,"
        " (select id::text from public.generation_jobs where user_id = transactions.user_id)"
        " from public.credit_transactions as transactions"
        " inner join public.credit_allocations as allocations"
        " on allocations.transaction_id = transactions.id"
        " where transactions.user_id = %s and transactions.type = 'purchase'",
        user,
    )[0]
    return {
        "user": user,
        "bare": str(uuid4()),
        "transaction": transaction,
        "grant": grant,
        "payment": payment,
        "job": job,
    }


@contextmanager
def acting(bench: Bench, actor: str, user_id: str) -> Iterator[Session]:
    """A session of somebody's."""
    others: dict[str, Callable[[], Session]] = {
        "service": bench.service,
        "user": partial(bench.owner, user_id),
        "stranger": partial(bench.owner, str(uuid4())),
        "visitor": bench.anonymous,
    }
    with others.get(actor, bench.superuser)() as session:
        if actor == "owner of the tables":
            session.run("set role postgres")
        elif actor == "replica":
            session.run("set session_replication_role = replica")
        yield session


def outcome(session: Session, attempt: str | Callable[[Session], None]) -> str:
    """Try something, undo it, and tell what came of it."""
    try:
        with session.undone():
            if callable(attempt):
                attempt(session)
            else:
                session.run(attempt)
    except psycopg.Error as error:
        return outcome_of(error)
    return "done"


def copied(table: str, session: Session) -> None:
    """Send rows in bulk; none is enough."""
    statement = f"copy public.{table} ({ROWS[table][0]}) from stdin"
    with session.connection.cursor() as cursor, cursor.copy(statement.encode()):
        pass


def writes(bench: Bench, table: str, names: Mapping[str, str]) -> dict[str, str]:
    """Every way to write a table, but for copying."""
    columns, values = ROWS[table]
    own, key, worth = OWN[table], KEYS[table], WORTH[table]
    listed = bench.column(
        "select attname::text from pg_attribute where attrelid = %s::regclass and attnum > 0"
        " and not attisdropped and attgenerated = ''",
        f"public.{table}",
    )
    conflict = f"insert into public.{table} ({columns}) values ({values}) on conflict ({key}) do"
    merge = f"merge into public.{table} as t using (select 1) as s on"
    statements = {
        "insert": f"insert into public.{table} ({columns}) values ({values})",
        "insert nothing": (
            f"insert into public.{table} ({columns}) select {columns} from public.{table}"
            " where false"
        ),
        "insert unless there": f"{conflict} nothing",
        "insert or update": f"{conflict} update set {worth} = excluded.{worth} + 1",
        "update nothing": f"update public.{table} set {worth} = 1 where false",
        "update joined": (
            f"update public.{table} as t set {worth} = t.{worth} + 1 from public.profiles as p"
            f" where t.{own}"
        ),
        "update on the way": (
            f"with changed as (update public.{table} set {worth} = 1 where {own} returning 1)"
            " select count(*) from changed"
        ),
        "merge in": f"{merge} false when not matched then insert ({columns}) values ({values})",
        "merge over": f"{merge} t.{own} when matched then update set {worth} = 1",
        **{
            f"update {column}": f'update public.{table} set "{column}" = "{column}" where {own}'
            for column in listed
        },
    }
    return {name: statement.format_map(names) for name, statement in statements.items()}


def removals(table: str, names: Mapping[str, str]) -> dict[str, str]:
    """Every way to remove rows of a table."""
    own = OWN[table]
    statements = {
        "delete": f"delete from public.{table} where {own}",
        "delete using": (
            f"delete from public.{table} as t using public.profiles as p"
            f" where p.user_id = '{{user}}' and t.{own}"
        ),
        "merge away": (
            f"merge into public.{table} as t using (select 1) as s on t.{own}"
            " when matched then delete"
        ),
        "delete on the way": (
            f"with gone as (delete from public.{table} where {own} returning 1)"
            " select count(*) from gone"
        ),
        "truncate everything": f"truncate public.{table} cascade",
    }
    return {name: statement.format_map(names) for name, statement in statements.items()}


# The tables' owner and superusers -----------------------------------------------------------------


@pytest.mark.parametrize("actor", MASTERS)
@pytest.mark.parametrize("table", BOOKS)
def test_no_master_of_the_database_writes_the_books(
    bench: Bench, names: Mapping[str, str], table: str, actor: str
) -> None:
    with acting(bench, actor, names["user"]) as session:
        seen = {
            name: outcome(session, attempt)
            for name, attempt in (
                *writes(bench, table, names).items(),
                ("copy", partial(copied, table)),
            )
        }
    assert len(seen) > 12
    assert seen == dict.fromkeys(seen, KEPT)


@pytest.mark.parametrize("actor", MASTERS)
@pytest.mark.parametrize("table", BOOKS)
def test_no_master_of_the_database_removes_from_the_books(
    bench: Bench, names: Mapping[str, str], table: str, actor: str
) -> None:
    expected = APPEND_ONLY if table == "credit_transactions" else KEPT
    with acting(bench, actor, names["user"]) as session:
        seen = {name: outcome(session, each) for name, each in removals(table, names).items()}
        alone = outcome(session, f"truncate public.{table}")
        with session.tampering():
            opened = outcome(session, removals(table, names)["delete"])
    # A truncation reaches others, which may be first to refuse it.
    assert seen.pop("truncate everything") in REFUSALS
    assert seen == dict.fromkeys(seen, expected)
    assert alone in REFUSALS | {"0A000"}
    assert opened == expected


@pytest.mark.parametrize("actor", MASTERS)
@pytest.mark.parametrize(
    "attempt",
    [
        "update public.credit_statement set amount = amount + 1 where user_id = '{user}'",
        "update public.credit_statement set description = 'x' where user_id = '{user}'",
        "insert into public.credit_statement (user_id, version, amount, balance_after, type)"
        " values ('{user}', 9, 1, 1, 'bonus')",
        "delete from public.credit_statement where user_id = '{user}'",
    ],
)
def test_books_are_not_written_through_a_view(
    bench: Bench, names: Mapping[str, str], actor: str, attempt: str
) -> None:
    with acting(bench, actor, names["user"]) as session:
        assert outcome(session, attempt.format_map(names)) in {KEPT, APPEND_ONLY}


@pytest.mark.parametrize("actor", MASTERS[:2])
@pytest.mark.parametrize(
    "attempt",
    [
        "delete from public.profiles where user_id = '{user}'",
        "update public.profiles set user_id = gen_random_uuid() where user_id = '{user}'",
        "delete from public.payments where id = '{payment}'",
        "truncate public.profiles cascade",
        "truncate public.payments cascade",
        "truncate auth.users cascade",
    ],
)
def test_books_do_not_go_with_anything_but_the_user(
    bench: Bench, names: Mapping[str, str], actor: str, attempt: str
) -> None:
    with acting(bench, actor, names["user"]) as session:
        seen = outcome(session, attempt.format_map(names))
    # Users are the platform's, and the tables' owner no master of them.
    assert seen in REFUSALS | {"23503"} or (seen, actor) == ("denied", MASTERS[0])


def test_books_stay_when_a_job_is_removed(bench: Bench, names: Mapping[str, str]) -> None:
    # Deleting a job hides it; somebody took that away first, and what would have cascaded.
    written = "select count(*), sum(amount) from public.credit_transactions where job_id = %s"
    before = bench.rows(written, names["job"])
    remove = f"delete from public.generation_jobs where id = '{names['job']}'"
    with bench.undone():
        bench.run("alter table public.generation_jobs disable trigger user")
        assert outcome(bench, remove) == APPEND_ONLY
        bench.run("set local session_replication_role = replica")
        assert bench.run(remove) == 1
        assert bench.rows(written, names["job"]) == before
    assert before[0][0] == 1


@pytest.mark.parametrize("path", ["''", "public", "pg_catalog", f"{LATCH}, public", '"$user"'])
def test_latch_opens_for_one_path_alone(bench: Bench, names: Mapping[str, str], path: str) -> None:
    with bench.undone():
        bench.run(f"set local search_path = {path}")
        attempt = writes(bench, "credit_grants", names)["insert"]
        assert outcome(bench, attempt) == KEPT


def test_latch_is_shut_again_after_each_call(bench: Bench, names: Mapping[str, str]) -> None:
    attempt = writes(bench, "credit_transactions", names)["insert"]
    with bench.undone():
        path = bench.value("show search_path")
        bench.rows("select private.grant_credits(%s, 1, 'bonus', 'x')", names["user"])
        assert outcome(bench, attempt) == KEPT
        with refused("PT409", "idempotency_key_reused"), bench.connection.transaction():
            bench.rows("select private.grant_credits(%s, 2, 'bonus', 'x')", names["user"])
        assert outcome(bench, attempt) == KEPT
        assert bench.value("show search_path") == path


# Services, users and visitors ---------------------------------------------------------------------


@pytest.mark.parametrize("actor", OTHERS)
@pytest.mark.parametrize("table", BOOKS)
def test_nobody_else_writes_or_removes_even_past_the_latch(
    bench: Bench, names: Mapping[str, str], table: str, actor: str
) -> None:
    attempts = (
        *writes(bench, table, names).items(),
        *removals(table, names).items(),
        ("truncate", f"truncate public.{table}"),
        ("copy", partial(copied, table)),
    )
    with acting(bench, actor, names["user"]) as session:
        seen = {name: outcome(session, attempt) for name, attempt in attempts}
        with session.tampering():
            opened = {name: outcome(session, attempt) for name, attempt in attempts}
    assert seen == dict.fromkeys(seen, "denied")
    assert opened == seen


# Who has the latch --------------------------------------------------------------------------------


def test_latch_is_handed_to_the_ledgers_own_functions_alone(bench: Bench) -> None:
    found = bench.column(
        "select p.oid::regproc::text from pg_proc as p"
        " where exists (select from unnest(p.proconfig) as setting where setting ilike %s)",
        f"%{LATCH}%",
    )
    assert sorted(found) == [f"private.{name}" for name in LEDGER_FUNCTIONS]
    assert (
        bench.column(
            "select setrole::regrole::text from pg_db_role_setting"
            " where array_to_string(setconfig, ' ') ilike %s",
            f"%{LATCH}%",
        )
        == []
    )


def test_nobody_calls_what_has_the_latch(bench: Bench) -> None:
    assert (
        bench.rows(
            "select proname, role from pg_proc"
            " cross join unnest(array['anon', 'authenticated', 'service_role', 'authenticator',"
            " 'supabase_auth_admin', 'supabase_storage_admin']) as role"
            " where pronamespace = 'private'::regnamespace and proname = any(%s)"
            " and has_function_privilege(role, pg_proc.oid, 'execute')",
            list(LEDGER_FUNCTIONS),
        )
        == []
    )


def test_who_may_set_a_path_may_not_hide_behind_it(bench: Bench, names: Mapping[str, str]) -> None:
    # The name is of no schema, and nobody but the database's owner makes one.
    for actor in OTHERS:
        with acting(bench, actor, names["user"]) as session:
            assert outcome(session, f"create schema {LATCH}") == "denied"


# What operators did -------------------------------------------------------------------------------


@pytest.mark.parametrize("actor", [*MASTERS, *OTHERS])
def test_what_an_operator_did_is_not_rewritten(
    bench: Bench, names: Mapping[str, str], actor: str
) -> None:
    with bench.service() as service:
        service(
            "worker.grant_credits",
            p_user_id=names["user"],
            p_amount=1,
            p_reason="A gift",
            p_operator="ada",
        )
    mine = f"user_id = '{names['user']}'"
    attempts = {
        **{
            column: f"update worker.operator_actions set {column} = {column} where {mine}"
            for column in bench.column(
                "select attname::text from pg_attribute"
                " where attrelid = 'worker.operator_actions'::regclass and attnum > 0"
                " and not attisdropped"
            )
        },
        "delete": f"delete from worker.operator_actions where {mine}",
        "truncate": "truncate worker.operator_actions",
        "replace": "insert into worker.operator_actions select * from worker.operator_actions"
        f" where {mine} on conflict (id) do update set operator = 'bo'",
    }
    with acting(bench, actor, names["user"]) as session:
        seen = {name: outcome(session, attempt) for name, attempt in attempts.items()}
        with session.tampering():
            opened = {name: outcome(session, attempt) for name, attempt in attempts.items()}
    assert seen == opened == dict.fromkeys(seen, KEPT if actor in MASTERS else "denied")


# The one way out ----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["supabase_auth_admin", "supabase_admin"])
def test_all_books_of_a_user_go_with_the_user_and_nobody_elses(bench: Bench, role: str) -> None:
    shop = open_shop(bench)
    user, other = shop.borrower(), shop.borrower()
    for person in (user, other):
        payment = bench.value("select id from public.payments where user_id = %s", person)
        bench("worker.open_dispute", p_payment_id=payment, p_dispute_reference=uuid4().hex)
        bench.rows(
            "select worker.start_subscription(%s, 'pro', now(), now() + interval '1 month')", person
        )
        shop.job(person)
        bench("worker.adjust_credits", p_user_id=person, p_amount=-1, p_reason="x", p_operator="x")
    books = {
        "public.profiles": "user_id = %s",
        **{
            f"public.{table}": "user_id = %s" for table in (*BOOKS[:3], "payments", "subscriptions")
        },
        "public.credit_allocations": (
            "transaction_id in (select id from public.credit_transactions where user_id = %s)"
        ),
        "worker.payment_disputes": "user_id = %s",
        "worker.debt_changes": (
            "payment_id in (select id from public.payments where user_id = %s)"
        ),
        "private.allowance_months": "user_id = %s",
        "private.subscription_facts": (
            "subscription_id in (select id from public.subscriptions where user_id = %s)"
        ),
    }

    def kept(person: str) -> dict[str, int]:
        return {
            table: bench.value(f"select count(*) from {table} where {own}", person)
            for table, own in books.items()
        }

    before = kept(other)
    assert min(before.values()) > 0
    assert kept(user) == before
    rows_of_all = {table: bench.value(f"select count(*) from {table}") for table in books}
    with bench.superuser() as session:
        session.run(f"set role {role}")
        assert session.run("delete from auth.users where id = %s", user) == 1
    assert {
        table: rows - bench.value(f"select count(*) from {table}")
        for table, rows in rows_of_all.items()
    } == before
    assert kept(other) == before
    assert bench.complaints(other) == []
    # What an operator did to somebody stays.
    actions = "select count(*) from worker.operator_actions where user_id = %s"
    assert bench.value(actions, user) == 1
