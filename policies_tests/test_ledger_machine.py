"""Lives of accounts, in any order: after each step the database holds what a plain model holds.

Hypothesis makes up what happens: people come and go, spend, buy, are refunded, dispute, subscribe,
change, cancel; operators give and take; providers tell all of it late, twice and in any order; time
goes on. Each thing is done to a real database and told to the model beside it (model.py). Both must
answer alike, refuse alike, and afterwards hold the same balances, debts, lots, payments,
subscriptions and tiers, with books that reconcile.

`make test` runs a short, fixed selection; `make soak` goes on for as long as one likes.
"""

import contextlib
import copy
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from reelbase.local.throwaway import Database, fresh_database

from .harness import Bench, Job, RejectedError, advance, claim, complete, fail, open_shop
from .model import NOTHING, PLANS, Account, Model, RefusedError, months_later

__all__ = ["BRIEFLY", "Books", "LedgerMachine", "Tally", "live", "open_books"]

BEGINNING = datetime(2027, 1, 31, 10, 30, tzinfo=UTC)
"""When every life begins: a day that many months do not have."""

ZONES = ("UTC", "America/New_York", "Asia/Bangkok")
"""Clients' time zones, in turn; nothing may hang on them."""

COSTS = {"draft": NOTHING, "fast": Decimal("0.33"), "standard": Decimal(7)}
"""What one output costs, by mode."""

_CLOCK = """
create or replace function private.now()
returns timestamptz
language sql
stable
set search_path = ''
return coalesce(
  nullif(current_setting('reelbase.now', true), '')::timestamptz, pg_catalog.now()
)
"""

_SNAPSHOT = {
    "accounts": (
        "select accounts.user_id::text, balance, debt, version, lifetime_earned, lifetime_spent,"
        " monthly_allowance, period_started_at, period_ends_at, subscription_tier"
        " from public.credit_accounts as accounts"
        " inner join public.profiles on profiles.user_id = accounts.user_id"
    ),
    "lots": (
        "select user_id::text, id::text, kind, amount, remaining, priority, expires_at"
        " from public.credit_grants"
    ),
    "entries": "select user_id::text, type, status, amount from public.credit_transactions",
    "jobs": (
        "select user_id::text, id::text, status, credit_cost, is_refunded"
        " from public.generation_jobs"
    ),
    "payments": (
        "select user_id::text, id::text, status, refunded_minor, charged_back_minor, credits_owed"
        " from public.payments"
    ),
    # What is over for good is history: nothing but that is told of it.
    "subscriptions": (
        "select user_id::text, id::text, status, is_final, case when not is_final then tier end,"
        " case when not is_final then cancel_at_period_end end,"
        " case when not is_final then current_period_started_at end,"
        " case when not is_final then current_period_ends_at end from public.subscriptions"
    ),
    "complaints": "select * from private.reconcile_credits_again()",
}

_AGAIN = """
create function private.reconcile_credits_again()
returns table (promise text, user_id uuid, subject_id uuid, expected numeric, found numeric)
language plpgsql
stable
set search_path = ''
as $again$
#variable_conflict use_column
begin
  return query %s
end;
$again$
"""
"""The same query, whose plan is kept: to plan it takes three times as long as to run it."""

Snapshot = dict[str, list[tuple[Any, ...]]]


class Tally(Counter[str]):
    """How much was done and looked at."""


class Books:
    """A database of one's own, in which time is whatever a client says.

    Args:
        url: It, migrated, as superuser.
    """

    def __init__(self, url: str) -> None:
        self.tally = Tally()
        self.turn = 0
        self._connection = psycopg.connect(url, autocommit=True)
        with Bench(url) as bench:
            self.model_id = open_shop(bench).model
        self._run(_CLOCK)
        self._run("delete from auth.users")  # those of the demo
        [(query,)] = self._run(
            "select prosrc from pg_proc where oid = 'private.reconcile_credits'::regproc"
        )
        self._run(_AGAIN.replace("%s", query))
        self._run(
            "update public.models set modes = '{draft,fast,standard}' where id = %s", self.model_id
        )
        self._run(
            "insert into public.model_prices (model_id, kind, mode, unit, credits)"
            " values (%s, 'text_to_image', 'fast', 'output', %s)",
            self.model_id,
            COSTS["fast"],
        )
        # What fails in one life is no matter in the next, which begins earlier.
        self._run("update private.settings set breaker_failures = 30000")
        for tier, plan in PLANS.items():
            self._run(
                "update public.subscription_plans set monthly_allowance = %s,"
                " rollover_periods = %s, price_minor = %s, max_active_jobs = 100000,"
                " max_running_jobs = 100000, max_jobs_per_day = null where tier = %s",
                plan.allowance,
                plan.rollover,
                plan.price,
                tier,
            )

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    def act_as(self, role: str, now: datetime, user: str | None = None) -> None:
        """Be somebody, at a time, from somewhere in the world."""
        self.tally["operations"] += 1
        self.turn += 1
        claims = {"role": role} | ({"sub": user} if user else {})
        self._run(
            "select set_config('role', %s, false), set_config('request.jwt.claims', %s, false),"
            " set_config('reelbase.now', %s, false), set_config('timezone', %s, false)",
            role,
            json.dumps(claims),
            now.isoformat(),
            ZONES[self.turn % len(ZONES)],
        )

    def row(self, function: str, columns: str, **arguments: Any) -> tuple[Any, ...]:
        """Call a function by named arguments, and return columns of the row that it returns."""
        named = ", ".join(f"{name} => %s" for name in arguments)
        [row] = self._run(f"select {columns} from {function}({named})", *arguments.values())
        return row

    def rows(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Run a query."""
        return self._run(query, *arguments)

    def look(self) -> Snapshot:
        """Return all that the books say of everybody."""
        self._run("select set_config('role', 'none', false)")
        with self._connection.pipeline():
            cursors = {
                name: self._connection.execute(query.encode()) for name, query in _SNAPSHOT.items()
            }
        self.tally["reconciliations"] += 1
        return {name: cursor.fetchall() for name, cursor in cursors.items()}

    def _run(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(query.encode(), arguments or None)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def open_books(server_url: str, project: Path) -> Iterator[Books]:
    """Make a database on a server, for a machine alone, and drop it at the end."""
    with fresh_database(server_url, project) as database:
        books = Books(database.admin_url)
        try:
            yield books
        finally:
            books.close()


# What happens -------------------------------------------------------------------------------------

AMOUNTS = st.sampled_from(
    [Decimal(each) for each in ("0.01", "3", "7", "12.34", "50", "100", "333.33", "60000000")]
)
NONSENSE = st.sampled_from(
    [
        *(Decimal(each) for each in ("NaN", "Infinity", "-Infinity", "0", "1.005", "-0.001")),
        *(Decimal(each) for each in ("1e30", "100000000", "1e-30", "-1e30")),
        None,
    ]
)
KEYS = st.sampled_from([None, None, "a", "b", "c"])
TIERS = st.sampled_from(["starter", "creator", "pro"])
STEPS = st.sampled_from(
    [
        timedelta(seconds=1),
        timedelta(seconds=61),
        timedelta(hours=5),
        timedelta(days=1),
        timedelta(days=3),
        timedelta(days=8),
        timedelta(days=29),
        timedelta(days=70),
    ]
)
LATER = st.sampled_from([timedelta(0)] * 4 + [timedelta(seconds=61), timedelta(days=3)])
"""How long after what went before."""
ENDS = st.sampled_from(
    [
        None,
        *(timedelta(minutes=1), timedelta(days=2), timedelta(days=2), timedelta(days=20)),
        *(timedelta(days=40), timedelta(0)),
    ]
)
OFFSETS = st.sampled_from([timedelta(days=each) for each in (-40, -16, -2, 0, 0, 0, 1, 10)])
LENGTHS = st.sampled_from([1, 1, 1, 2, 12, 0.5, 1.5, -1])
"""In months; a half is 15 days."""
MAILBOXES = st.sampled_from(["ann", "ben", "cat", None])
TOTALS = st.sampled_from([0, 1, 300, 333, 998, 999, 29900, 29901, -1, None])
REFERENCES = st.sampled_from([None, None, None, "one", "two"])


def length_of(months: float, start: datetime) -> datetime:
    """Return the end of a period of so many months, or halves of one."""
    if months < 0:
        return start
    return months_later(start, int(months)) + timedelta(days=15 * (months % 1 > 0))


def about(*subjects: str) -> Callable[[Any], Any]:
    """Let something happen only in lives that are about one of these subjects, or about all."""
    return precondition(lambda self: self.subject in (*subjects, "everything"))


class LedgerMachine(RuleBasedStateMachine):
    """One world: a database in which nobody is yet, and the model beside it."""

    users = Bundle("users")
    jobs = Bundle("jobs")
    payments = Bundle("payments")
    subscriptions = Bundle("subscriptions")

    books: ClassVar[Books]

    def __init__(self) -> None:
        super().__init__()
        self.model = Model(BEGINNING, self.name_lot)
        self.world = uuid4().hex
        self.seen: Snapshot = {name: [] for name in _SNAPSHOT}
        self.known_lots: set[str] = set()
        self.claimed: dict[str, Job] = {}
        self.subject = "everything"
        self.books.tally["lives"] += 1
        self.books.turn = 0

    # Doing and telling ----------------------------------------------------------------------------

    def name_lot(
        self, user: str, kind: str, amount: Decimal, priority: int, ends: datetime | None
    ) -> str:
        """Return the database's id of a lot that the model makes: one like it that is new."""
        for owner, lot, *told in self.seen["lots"]:
            is_alike = (told[0], told[1], told[3], told[4]) == (kind, amount, priority, ends)
            if is_alike and owner == user and lot not in self.known_lots:
                self.known_lots.add(lot)
                return str(lot)
        return f"no such lot: {kind} of {amount}, {priority}, until {ends}"

    def both(self, ask: Callable[[], Any], tell: Callable[[Any], Any]) -> Any:
        """Ask the database and tell the model; both answer, or both refuse for the same reason."""
        answer, refusal = None, None
        try:
            answer = ask()
        except psycopg.Error as error:
            refusal = (
                error.result
                if isinstance(error, RejectedError)
                else f"{error.sqlstate} {error.diag.message_hint}"
            )
        before = self.seen
        self.seen = self.books.look()
        # Where the database refuses, so must the model, and nothing of what it began may stay.
        backup = copy.deepcopy((self.model.accounts, self.model.claims)) if refusal else None
        expected = None
        try:
            told = tell(answer)
        except RefusedError as refused:
            if backup:
                self.model.accounts, self.model.claims = backup
            expected, told = str(refused), None
        assert refusal == expected, f"the database: {refusal}; the model: {expected}"
        if refusal:
            self.books.tally["refusals"] += 1
            assert self.seen == before, "something was refused, and something was written"
        return told

    def receivers(self) -> set[str]:
        """Return who has a lot that the model does not know of yet."""
        return {owner for owner, lot, *_ in self.seen["lots"] if lot not in self.known_lots}

    def services(self) -> Books:
        """Be a service."""
        self.books.act_as("service_role", self.model.now)
        return self.books

    def owner(self, user: str) -> Books:
        """Be somebody with a browser."""
        self.books.act_as("authenticated", self.model.now, user)
        return self.books

    def platform(self) -> Books:
        """Be whoever may do everything."""
        self.books.act_as("none", self.model.now)
        return self.books

    def mailbox(self, name: str) -> tuple[str, str]:
        """Return somebody's mailbox and another address of it."""
        box = f"{name}.{self.world}@machine.example"
        return box, f"{name.title()}.{self.world}+{uuid4().hex}@Machine.example"

    @invariant()
    def books_hold_what_the_model_holds(self) -> None:
        """Compare everything."""
        assert self.seen["complaints"] == []
        remaining = {lot: left for _, lot, _, _, left, *_ in self.seen["lots"]}
        for account in self.model.accounts.values():
            for lot in account.lots:
                # When an ended lot is written off is the database's choice.
                surplus = lot.left - remaining.get(lot.id, lot.left)
                if surplus > 0 and lot.has_ended(self.model.now):
                    self.model.write_off(account, lot, surplus)
        told = self.told()
        self.books.tally["comparisons"] += sum(map(len, told.values()))
        for name, rows in told.items():
            found, wanted = Counter(self.seen[name]), Counter(rows)
            assert found == wanted, f"{name}: found {found - wanted}, wanted {wanted - found}"
        for account in self.model.accounts.values():
            assert not (account.debt and account.live_lots(self.model.now))

    def told(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return what the books should say, by the model."""
        everybody = self.model.accounts.values()
        return {
            "accounts": [
                (
                    each.id,
                    each.balance,
                    each.debt,
                    len(each.entries),
                    each.earned,
                    each.spent,
                    each.allowance,
                    *(each.month or (None, None)),
                    each.tier,
                )
                for each in everybody
            ],
            "lots": [
                (each.id, lot.id, lot.kind, lot.amount, lot.left, lot.priority, lot.ends)
                for each in everybody
                for lot in each.lots
            ],
            "entries": [
                (each.id, entry.kind, self.status_of(each, entry), entry.amount)
                for each in everybody
                for entry in each.entries
            ],
            "jobs": [
                (
                    each.id,
                    job.id,
                    job.status,
                    job.cost,
                    job.charge is not None and not job.charge.unreturned,
                )
                for each in everybody
                for job in each.jobs.values()
            ],
            "payments": [
                (each.id, paid.id, paid.status, paid.refunded, self.lost(paid), paid.owed)
                for each in everybody
                for paid in each.payments.values()
            ],
            "subscriptions": [
                (
                    each.id,
                    plan.id,
                    plan.status,
                    plan.is_final,
                    *(
                        (None, None, None, None)
                        if plan.is_final
                        else (plan.tier, plan.is_cancelled, *(plan.current or plan.first))
                    ),
                )
                for each in everybody
                for plan in each.subscriptions.values()
            ],
        }

    def lost(self, payment: Any) -> int:
        """Return what disputes took of a payment that was paid."""
        return payment.lost if payment.is_paid else 0

    def status_of(self, account: Account, entry: Any) -> str:
        """Return the status of a movement: jobs' holds are open until the job has ended."""
        for job in account.jobs.values():
            if job.charge is entry:
                if not job.charge.unreturned:
                    return "refunded"
                return "pending" if job.is_active else "completed"
        return "completed"

    def teardown(self) -> None:
        """Leave the database empty for the next life."""
        self.platform()
        self.books.rows("select set_config('role', 'none', false)")
        self.books.rows("delete from auth.users")
        seen = self.books.look()
        assert all(rows == [] for rows in seen.values()), seen

    # People ---------------------------------------------------------------------------------------

    @initialize(
        target=users,
        subject=st.sampled_from(["spending", "payments", "plans", "everything"]),
        name=st.sampled_from(["ann", None]),
    )
    def somebody_is_there(self, subject: str, name: str | None) -> str:
        """There is one user from the start, and what their life is about: not all at once."""
        self.subject = subject
        return self.sign_up(name)

    @precondition(lambda self: len(self.model.accounts) < 3)
    @rule(target=users, name=MAILBOXES)
    def somebody_signs_up(self, name: str | None) -> str:
        """Somebody comes, with a mailbox that may have had its bonus, or with none."""
        return self.sign_up(name)

    def sign_up(self, name: str | None) -> str:
        """Sign somebody up."""
        user = str(uuid4())
        box, address = self.mailbox(name) if name else (None, None)
        self.both(
            lambda: self.platform().rows(
                "insert into auth.users (id, aud, role, email, is_anonymous)"
                " values (%s, 'authenticated', 'authenticated', %s, %s)",
                user,
                address,
                name is None,
            ),
            lambda _: self.model.sign_up(user, box),
        )
        return user

    @rule(user=users, name=st.sampled_from(["ann", "dan"]))
    def somebody_gives_an_address(self, user: str, name: str) -> None:
        """Who was anonymous is not any more."""
        if user not in self.model.accounts or self.model.accounts[user].mailbox:
            return
        box, address = self.mailbox(name)
        self.both(
            lambda: self.platform().rows(
                "update auth.users set email = %s, is_anonymous = false where id = %s",
                address,
                user,
            ),
            lambda _: self.model.identify(user, box),
        )

    @rule(user=users, luck=st.integers(0, 9))
    def somebody_is_deleted(self, user: str, luck: int) -> None:
        """Somebody goes; seldom, or there would be nobody left."""
        if luck == 9:
            self.both(
                lambda: self.platform().rows("delete from auth.users where id = %s", user),
                lambda _: self.model.delete(user),
            )

    @rule()
    def a_moment_passes(self) -> None:
        """Nothing happens; hypothesis always tries the simplest life, which is made of this."""

    @rule(step=STEPS)
    def time_goes_on(self, step: timedelta) -> None:
        """It is later."""
        self.model.now += step

    @about("plans")
    @rule(subscription=subscriptions, days=st.integers(0, 4))
    def period_is_about_to_end(self, subscription: str, days: int) -> None:
        """It is later, and some days before or after a period's end, or to the second at it."""
        with contextlib.suppress(RefusedError):
            _, known = self.model.find_subscription(subscription)
            ends = (known.current or known.first)[1] + timedelta(days=days - 1)
            self.model.now = max(self.model.now, ends)

    @rule(user=users)
    def somebody_looks_at_their_credits(self, user: str) -> None:
        """What the browser shows is what is there."""
        if user not in self.model.accounts:
            return
        account = self.model.accounts[user]
        shown = self.owner(user).row("public.my_credits", "balance, spendable, in_flight, debt")
        assert shown == (
            account.balance,
            account.spendable(self.model.now),
            account.in_flight,
            account.debt,
        )

    # Operators ------------------------------------------------------------------------------------

    @about("spending", "payments")
    @rule(user=users, amount=AMOUNTS, key=KEYS, ends=ENDS, again=st.booleans())
    def operator_grants(
        self, user: str, amount: Decimal, key: str | None, ends: timedelta | None, again: bool
    ) -> None:
        """An operator gives credits, perhaps for some time."""
        until = None if ends is None else self.model.now + ends
        self.movement(
            "worker.grant_credits",
            lambda: self.model.grant(user, amount, key, until),
            again=again and key is not None,
            p_user_id=user,
            p_amount=amount,
            p_idempotency_key=key,
            p_expires_at=until,
        )

    @about("spending")
    @rule(
        later=LATER,
        user=users,
        amount=AMOUNTS,
        takes=st.booleans(),
        key=KEYS,
        again=st.booleans(),
    )
    def operator_adjusts(
        self,
        *,
        later: timedelta,
        user: str,
        amount: Decimal,
        takes: bool,
        key: str | None,
        again: bool,
    ) -> None:
        """An operator puts a balance right."""
        self.model.now += later
        amount = -amount if takes else amount
        self.movement(
            "worker.adjust_credits",
            lambda: self.model.adjust(user, amount, key),
            again=again and key is not None,
            p_user_id=user,
            p_amount=amount,
            p_idempotency_key=key,
        )

    @about("spending")
    @rule(
        later=LATER,
        job=jobs,
        amount=st.sampled_from([None, Decimal("0.33"), Decimal(2), Decimal("6.67"), Decimal(70)]),
        key=KEYS,
        again=st.booleans(),
    )
    def operator_refunds(
        self, later: timedelta, job: str, amount: Decimal | None, key: str | None, again: bool
    ) -> None:
        """An operator returns what a job cost, or some of it."""
        self.model.now += later
        self.movement(
            "worker.refund_job",
            lambda: self.model.refund_job(job, amount, key),
            again=again and key is not None,
            p_job_id=job,
            p_amount=amount,
            p_idempotency_key=key,
        )

    def movement(
        self, function: str, tell: Callable[[], Any], *, again: bool, **arguments: Any
    ) -> None:
        """Have an operator do something, perhaps twice with one key: that is one movement."""
        answers: list[tuple[Any, ...]] = []
        amounts: list[Decimal] = []

        def ask() -> None:
            answers.append(
                self.services().row(
                    function,
                    "id, amount",
                    p_reason="The machine's",
                    p_operator="machine",
                    **arguments,
                )
            )

        for _ in range(2 if again else 1):
            entry = self.both(ask, lambda _: tell())
            if entry is not None:
                amounts.append(entry.amount)
        assert [amount for _, amount in answers] == amounts
        assert len(set(answers)) <= 1

    @about("spending")
    @rule(user=users, job=jobs, amount=NONSENSE, way=st.sampled_from(["grant", "adjust", "refund"]))
    def operator_asks_for_nonsense(
        self, user: str, job: str, amount: Decimal | None, way: str
    ) -> None:
        """What is no amount is refused."""
        if way == "grant":
            self.movement(
                "worker.grant_credits",
                lambda: self.model.grant(user, amount, None, None),
                again=False,
                p_user_id=user,
                p_amount=amount,
            )
        elif way == "adjust":
            self.movement(
                "worker.adjust_credits",
                lambda: self.model.adjust(user, amount, None),
                again=False,
                p_user_id=user,
                p_amount=amount,
            )
        elif amount is not None:
            self.movement(
                "worker.refund_job",
                lambda: self.model.refund_job(job, amount, None),
                again=False,
                p_job_id=job,
                p_amount=amount,
            )

    # Jobs -----------------------------------------------------------------------------------------

    @about("spending", "payments", "plans")
    @rule(
        later=LATER,
        target=jobs,
        user=users,
        mode=st.sampled_from(["draft", "fast", "standard", "standard"]),
        count=st.sampled_from([1, 3, 10]),
        again=st.booleans(),
    )
    def somebody_submits(
        self, later: timedelta, user: str, mode: str, count: int, again: bool
    ) -> str:
        """Somebody wants something made, and perhaps says so twice."""
        self.model.now += later
        return self.submit(user, mode, count, again=again)

    def submit(self, user: str, mode: str, count: int, *, again: bool) -> str:
        """Submit a job, if there is anybody to do so."""
        if user not in self.model.accounts:
            return str(uuid4())
        key = uuid4().hex if again else None
        jobs: list[str] = []

        def ask() -> None:
            [job] = self.owner(user).row(
                "public.submit_generation",
                "id::text",
                p_kind="text_to_image",
                p_prompt="A harbour",
                p_model_id=self.books.model_id,
                p_mode=mode,
                p_output_count=count,
                p_idempotency_key=key,
            )
            jobs.append(job)

        cost = COSTS[mode] * (count if mode != "draft" else 0)

        def tell(_: Any) -> None:
            if len(jobs) < 2:
                self.model.submit(user, jobs[0] if jobs else "none", cost)

        for _ in range(2 if again else 1):
            self.both(ask, tell)
        assert len(set(jobs)) <= 1
        return jobs[0] if jobs else str(uuid4())

    @about("spending")
    @rule(target=jobs, user=users, count=st.sampled_from([1, 5]))
    def somebody_drafts(self, user: str, count: int) -> str:
        """Somebody keeps a wish for later."""
        if user not in self.model.accounts:
            return str(uuid4())
        cost = COSTS["standard"] * count
        made: list[str] = []

        def ask() -> None:
            made.append(
                str(
                    self.owner(user).rows(
                        "insert into public.generation_jobs"
                        " (kind, prompt, model_id, status, output_count)"
                        " values ('text_to_image', 'A harbour', %s, 'pending', %s) returning id",
                        self.books.model_id,
                        count,
                    )[0][0]
                )
            )

        self.both(ask, lambda _: self.model.submit(user, made[0], cost, as_draft=True))
        return made[0]

    def owner_of(self, job: str) -> str | None:
        """Return whose job it is, if it is there."""
        return next((each.id for each in self.model.accounts.values() if job in each.jobs), None)

    @about("spending")
    @rule(job=jobs, again=st.booleans())
    def somebody_queues(self, job: str, again: bool) -> None:
        """Somebody submits a draft, perhaps twice."""
        user = self.owner_of(job)
        for _ in range((user is not None) * (1 + again)):
            assert user is not None
            self.both(
                lambda: self.owner(user).row("public.queue_generation", "id", p_job_id=job),
                lambda _: self.model.queue(job),
            )

    @about("spending", "payments", "plans")
    @rule(later=LATER, job=jobs, again=st.booleans())
    def somebody_cancels(self, later: timedelta, job: str, again: bool) -> None:
        """Somebody does not want a job any more."""
        self.model.now += later
        user = self.owner_of(job)
        for _ in range((user is not None) * (1 + again)):
            assert user is not None
            self.both(
                lambda: self.owner(user).row("public.cancel_generation", "id", p_job_id=job),
                lambda _: self.model.cancel(job),
            )

    @about("spending", "payments")
    @rule(target=jobs, user=users)
    def job_outlives_its_credits(self, user: str) -> str:
        """Somebody cancels a job when the credits that it was paid with have ended."""
        until = self.model.now + timedelta(minutes=1)
        self.movement(
            "worker.grant_credits",
            lambda: self.model.grant(user, Decimal(9), None, until),
            again=False,
            p_user_id=user,
            p_amount=Decimal(9),
            p_expires_at=until,
        )
        self.books_hold_what_the_model_holds()
        job = self.submit(user, "standard", 1, again=False)
        self.books_hold_what_the_model_holds()
        self.model.now = until
        self.somebody_cancels(later=timedelta(0), job=job, again=False)
        return job

    @about("spending")
    @rule(later=LATER, again=st.booleans())
    def jobs_are_overdue(self, later: timedelta, again: bool) -> None:
        """Jobs are not worked on in time, or not any more."""
        self.model.now += later
        for _ in range(1 + again):
            self.both(
                lambda: self.services().rows("select worker.end_overdue_jobs(1000)"),
                lambda _: self.model.end_overdue(),
            )

    @about("spending", "payments")
    @precondition(lambda self: self.model.claimable())
    @rule(
        ends=st.lists(
            st.sampled_from(["complete", "fail", "retry", "leave"]), min_size=1, max_size=4
        )
    )
    def worker_works(self, ends: list[str]) -> None:
        """A worker takes some jobs, and brings each to some end, or to none."""
        for job, end in zip(self.claim(len(ends)), ends, strict=False):
            self.books_hold_what_the_model_holds()
            if end == "complete":
                self.worker_completes(job, False)
            elif end != "leave":
                self.worker_fails(job, end == "retry", False)

    def claim(self, count: int) -> list[str]:
        """Have a worker take some jobs, and return them."""
        expected = min(count, self.model.claimable())
        claimed: list[Job] = []

        def ask() -> None:
            self.services().row("worker.tend_queue", "*", p_limit=1000)
            claimed.extend(claim(self.services(), self.books.model_id, count))

        def tell(_: Any) -> None:
            for job in claimed:
                self.model.claim(job.id, job.lease, 60)
                self.claimed[job.id] = job

        self.both(ask, tell)
        assert len(claimed) == expected
        return [job.id for job in claimed]

    @precondition(lambda self: self.claimed)
    @about("spending")
    @rule(job=jobs, again=st.booleans())
    def worker_completes(self, job: str, again: bool) -> None:
        """A worker ends a job well."""
        user = self.owner_of(job)
        if user is None or job not in self.claimed:
            return
        claimed = self.claimed[job]
        if self.model.accounts[user].jobs[job].is_held(claimed.lease, self.model.now):
            advance(self.services(), claimed, "processing")
            self.model.accounts[user].jobs[job].status = "processing"
        for _ in range(1 + again):
            self.both(
                lambda: complete(self.services(), claimed),
                lambda _: self.model.complete(job, claimed.lease),
            )

    @precondition(lambda self: self.claimed)
    @about("spending")
    @rule(job=jobs, retry=st.booleans(), again=st.booleans())
    def worker_fails(self, job: str, retry: bool, again: bool) -> None:
        """A worker does not manage, and it is tried again or not."""
        if self.owner_of(job) is None or job not in self.claimed:
            return
        claimed = self.claimed[job]
        statuses: list[str] = []
        how = "transient" if retry else "permanent"
        for _ in range(1 + again):
            status = self.both(
                lambda: statuses.append(fail(self.services(), claimed, how)),
                lambda _: self.model.fail(job, claimed.lease, retry=retry),
            )
            assert status is None or statuses[-1] == status

    # Payments -------------------------------------------------------------------------------------

    @about("payments")
    @rule(
        target=payments,
        user=users,
        package=st.sampled_from(["usd-starter", "usd-starter", "thb-popular", "thb-trial"]),
        key=st.sampled_from([None, None, "a", "b"]),
        again=st.booleans(),
    )
    def somebody_buys(self, user: str, package: str, key: str | None, again: bool) -> str:
        """Somebody is about to pay for credits."""
        return self.open_payment(
            user,
            key,
            again,
            lambda payment, key: self.model.open_package(user, payment, key, package),
            p_package_slug=package,
        )

    @about("payments")
    @rule(target=payments, user=users)
    def somebody_buys_and_pays(self, user: str) -> str:
        """Somebody buys credits, as most do."""
        payment = self.open_payment(
            user,
            None,
            False,
            lambda payment, key: self.model.open_package(user, payment, key, "usd-starter"),
            p_package_slug="usd-starter",
        )
        self.payment_is_simply_paid(payment)
        return payment

    @about("payments")
    @rule(target=payments, user=users)
    def somebody_spends_and_wants_it_back(self, user: str) -> str:
        """Somebody buys credits, spends all they have, and is paid back: that makes debt."""
        payment = str(self.somebody_buys_and_pays(user))
        for count in (10, 10, 3):
            self.books_hold_what_the_model_holds()
            self.submit(user, "standard", count, again=False)
        self.books_hold_what_the_model_holds()
        self.payment_is_refunded(timedelta(0), payment, 999, False)
        return payment

    @about("plans")
    @rule(
        target=payments,
        user=users,
        tier=TIERS,
        key=st.sampled_from([None, None, "a", "b"]),
        again=st.booleans(),
    )
    def somebody_subscribes(self, user: str, tier: str, key: str | None, again: bool) -> str:
        """Somebody is about to pay for a plan."""
        return self.open_payment(
            user,
            key,
            again,
            lambda payment, key: self.model.open_plan(user, payment, key, tier, None),
            p_tier=tier,
        )

    @about("plans")
    @rule(target=payments, subscription=subscriptions, user=users, again=st.booleans())
    def renewal_is_due(self, subscription: str, user: str, again: bool) -> str:
        """Somebody is about to pay for another period of what they, or others, have."""
        return self.open_payment(
            user,
            None,
            again,
            lambda payment, key: self.model.open_plan(user, payment, key, None, subscription),
            p_subscription_id=subscription,
        )

    def open_payment(
        self,
        user: str,
        key: str | None,
        again: bool,
        tell: Callable[[str, str], str],
        **arguments: Any,
    ) -> str:
        """Open a payment, perhaps twice with one key."""
        wanted = key or uuid4().hex
        found: list[str] = []

        def ask() -> None:
            [payment] = self.services().row(
                "worker.open_payment",
                "id::text",
                p_user_id=user,
                p_provider="sandbox",
                p_idempotency_key=wanted,
                **arguments,
            )
            found.append(payment)

        for _ in range(1 + again):
            expected = self.both(ask, lambda _: tell(found[-1] if found else "none", wanted))
            assert expected is None or found[-1] == expected
        return found[0] if found else str(uuid4())

    def payment_of(self, payment: str) -> tuple[int, str]:
        """Return a payment's amount and currency; something, if it is not there."""
        try:
            _, found = self.model.find_payment(payment)
        except RefusedError:
            return 999, "USD"
        return found.amount, found.currency

    def event(
        self, function: str, tell: Callable[[], Any], *, again: bool, **arguments: Any
    ) -> None:
        """Have a provider tell something, perhaps twice."""
        for _ in range(1 + again):
            self.both(lambda: self.services().row(function, "id", **arguments), lambda _: tell())

    @about("payments")
    @rule(
        payment=payments,
        is_processing=st.booleans(),
        reference=REFERENCES,
        again=st.booleans(),
    )
    def payment_advances(
        self, payment: str, is_processing: bool, reference: str | None, again: bool
    ) -> None:
        """The payer has done something."""
        named = f"{self.world}-{reference}" if reference else None
        self.event(
            "worker.advance_payment",
            lambda: self.model.advance(payment, named, is_processing=is_processing),
            again=again,
            p_payment_id=payment,
            p_provider_reference=named,
            p_is_processing=is_processing,
        )

    @about("payments")
    @rule(
        payment=payments,
        surplus=st.sampled_from([0, 0, 0, 0, 1, None]),
        wrong=st.sampled_from([False, False, False, True]),
        reference=REFERENCES,
        again=st.booleans(),
    )
    def payment_is_paid(
        self, payment: str, surplus: int | None, wrong: bool, reference: str | None, again: bool
    ) -> None:
        """It is paid, or something else of which a provider says that it is this."""
        amount, currency = self.payment_of(payment)
        told = None if surplus is None else amount + surplus
        currency = "EUR" if wrong else currency
        named = f"{self.world}-{reference}" if reference else None
        self.event(
            "worker.settle_payment",
            lambda: self.model.settle(payment, told, currency, named),
            again=again,
            p_payment_id=payment,
            p_amount_minor=told,
            p_currency=currency,
            p_provider_reference=named,
        )

    @about("payments", "plans")
    @rule(payment=payments)
    def payment_is_simply_paid(self, payment: str) -> None:
        """It is paid, as most are."""
        self.payment_is_paid(payment, 0, False, None, False)

    @about("payments")
    @rule(payment=payments, has_expired=st.booleans(), again=st.booleans())
    def payment_fails(self, payment: str, has_expired: bool, again: bool) -> None:
        """It is not paid."""
        self.event(
            "worker.fail_payment",
            lambda: self.model.fail_payment(payment, has_expired=has_expired),
            again=again,
            p_payment_id=payment,
            p_has_expired=has_expired,
        )

    @about("payments", "plans")
    @rule(later=LATER, payment=payments, total=TOTALS, again=st.booleans())
    def payment_is_refunded(
        self, later: timedelta, payment: str, total: int | None, again: bool
    ) -> None:
        """Some of it went back, perhaps before anybody heard that it was paid."""
        self.model.now += later
        self.event(
            "worker.refund_payment",
            lambda: self.model.refund(payment, total),
            again=again,
            p_payment_id=payment,
            p_refunded_minor=total,
        )

    @about("payments", "plans")
    @rule(
        later=LATER,
        payment=payments,
        reference=st.sampled_from(["x", "x", "y"]),
        outcomes=st.lists(st.sampled_from(["open", "lost", "won"]), min_size=1, max_size=3),
        amount=st.sampled_from([None, None, 1, 500, 999, 100000, 0]),
        again=st.booleans(),
    )
    def payment_is_disputed(
        self,
        *,
        later: timedelta,
        payment: str,
        reference: str,
        outcomes: list[str],
        amount: int | None,
        again: bool,
    ) -> None:
        """A bank is asked to take it back, and decides, or all of it is told in another order."""
        self.model.now += later
        for outcome in outcomes:
            self.books_hold_what_the_model_holds()
            more = {} if outcome == "open" else {"p_outcome": outcome}
            self.event(
                f"worker.{'open' if outcome == 'open' else 'close'}_dispute",
                partial(self.model.dispute, payment, reference, outcome, amount),
                again=again,
                p_payment_id=payment,
                p_dispute_reference=reference,
                p_amount_minor=amount,
                **more,
            )

    # Subscriptions --------------------------------------------------------------------------------

    @precondition(lambda self: len(self.model.subscriptions()) < 3)
    @about("plans")
    @rule(
        target=subscriptions,
        user=users,
        tier=TIERS,
        offset=OFFSETS,
        months=LENGTHS,
        reference=st.sampled_from([None, "one", "two"]),
        payment=st.one_of(st.none(), payments),
        is_trial=st.sampled_from([False, False, True]),
        again=st.booleans(),
    )
    def subscription_starts(
        self,
        *,
        user: str,
        tier: str,
        offset: timedelta,
        months: float,
        reference: str | None,
        payment: str | None,
        is_trial: bool,
        again: bool,
    ) -> str:
        """Somebody subscribes, now, some time ago, or soon."""
        starts = self.model.now + offset
        named = f"{self.world}-{reference}" if reference else None
        for account in self.model.accounts.values():
            for known in account.subscriptions.values():
                if named is not None and known.reference == named:
                    starts = known.first[0]  # it began once
        ends = length_of(months, starts)
        found: list[str] = []

        def ask() -> None:
            [subscription] = self.services().row(
                "worker.start_subscription",
                "id::text",
                p_user_id=user,
                p_tier=tier,
                p_period_started_at=starts,
                p_period_ends_at=ends,
                p_provider="sandbox" if named else None,
                p_provider_reference=named,
                p_payment_id=payment,
                p_is_trial=is_trial,
            )
            found.append(subscription)

        for _ in range(1 + (again and named is not None)):
            expected = self.both(
                ask,
                lambda _: self.model.start(
                    user,
                    found[-1] if found else "none",
                    tier,
                    starts,
                    ends,
                    reference=named,
                    payment=payment,
                    is_trial=is_trial,
                ),
            )
            assert expected is None or found[-1] == expected
        return found[0] if found else str(uuid4())

    @about("plans")
    @rule(
        later=LATER,
        subscription=subscriptions,
        offset=st.one_of(st.none(), OFFSETS),
        months=LENGTHS,
        payment=st.one_of(st.none(), payments),
        again=st.booleans(),
    )
    def subscription_is_renewed(
        self,
        *,
        later: timedelta,
        subscription: str,
        offset: timedelta | None,
        months: float,
        payment: str | None,
        again: bool,
    ) -> None:
        """Another period follows, or one that is told late."""
        self.model.now += later
        starts = self.model.now + (offset or timedelta(0))
        with contextlib.suppress(RefusedError):
            _, known = self.model.find_subscription(subscription)
            if offset is None:
                starts = (known.current or known.first)[1]
            starts = max(starts, known.first[0])
        ends = length_of(months, starts)
        self.event(
            "worker.renew_subscription",
            lambda: self.model.renew(subscription, starts, ends, payment),
            again=again,
            p_subscription_id=subscription,
            p_period_started_at=starts,
            p_period_ends_at=ends,
            p_payment_id=payment,
        )

    @about("plans")
    @rule(
        later=LATER,
        subscription=subscriptions,
        tier=TIERS,
        offset=OFFSETS,
        payment=st.one_of(st.none(), st.none(), payments),
        again=st.booleans(),
    )
    def subscription_changes(
        self,
        *,
        later: timedelta,
        subscription: str,
        tier: str,
        offset: timedelta,
        payment: str | None,
        again: bool,
    ) -> None:
        """It is for another tier, since some time or from then on."""
        self.model.now += later
        since = self.model.now + offset
        self.event(
            "worker.change_subscription",
            lambda: self.model.change(subscription, tier, since, payment),
            again=again,
            p_subscription_id=subscription,
            p_payment_id=payment,
            p_tier=tier,
            p_effective_at=since,
        )

    @about("plans")
    @rule(
        subscription=subscriptions,
        kind=st.sampled_from(["cancel", "resume", "lapse", "recover", "end"]),
        offset=OFFSETS,
        again=st.booleans(),
    )
    def subscription_is_told_of(
        self, subscription: str, kind: str, offset: timedelta, again: bool
    ) -> None:
        """It is cancelled, a renewal fails, it ends, or the contrary."""
        when = self.model.now + offset
        more: dict[str, Any] = {"p_occurred_at": when}
        if kind in ("cancel", "resume"):
            function, more["p_resume"] = "worker.cancel_subscription", kind == "resume"
        elif kind in ("lapse", "recover"):
            function, more["p_has_recovered"] = "worker.lapse_subscription", kind == "recover"
        else:
            function, more = "worker.end_subscription", {"p_ended_at": when}
        self.event(
            function,
            lambda: self.model.note(subscription, kind, when),
            again=again,
            p_subscription_id=subscription,
            **more,
        )

    @about("plans")
    @rule(
        later=LATER,
        target=payments,
        subscription=subscriptions,
        offset=st.one_of(st.none(), OFFSETS),
        months=LENGTHS,
        events=st.permutations(["told", "paid"]),
        number=st.integers(1, 2),
    )
    def renewal_goes_its_usual_way(
        self,
        *,
        later: timedelta,
        subscription: str,
        offset: timedelta | None,
        months: float,
        events: list[str],
        number: int,
    ) -> str:
        """A payment is opened for another period, which is told of and paid, or not paid yet."""
        self.model.now += later
        owners = [
            each.id for each in self.model.accounts.values() if subscription in each.subscriptions
        ]
        user = owners[0] if owners else str(uuid4())
        payment = self.open_payment(
            user,
            None,
            False,
            lambda payment, key: self.model.open_plan(user, payment, key, None, subscription),
            p_subscription_id=subscription,
        )
        for event in events[:number]:
            self.books_hold_what_the_model_holds()
            if event == "paid":
                self.payment_is_simply_paid(payment)
            else:
                self.subscription_is_renewed(
                    later=timedelta(0),
                    subscription=subscription,
                    offset=offset,
                    months=months,
                    payment=payment,
                    again=False,
                )
        return payment

    # What time brings -----------------------------------------------------------------------------

    @precondition(lambda self: any(self.model.ended_lots()))
    @about("spending", "plans")
    @rule(later=LATER, again=st.booleans())
    def credits_are_swept(self, later: timedelta, again: bool) -> None:
        """What has ended is written off."""
        self.model.now += later
        for _ in range(1 + again):
            self.both(
                lambda: self.services().row("worker.expire_credits", "1", p_limit=1000),
                lambda _: self.model.expire_credits(),
            )

    @about("plans")
    @rule(later=LATER, again=st.booleans())
    def subscriptions_are_followed(self, later: timedelta, again: bool) -> None:
        """Periods end, tiers change, months begin."""
        self.model.now += later
        for _ in range(1 + again):
            self.both(
                lambda: self.services().row("worker.follow_subscriptions", "1", p_limit=1000),
                lambda _: self.model.follow(self.receivers()),
            )

    @about("spending", "plans", "payments")
    @rule()
    def house_is_kept(self) -> None:
        """All that is due is done at once."""

        def ask() -> None:
            self.services().rows("select worker.end_overdue_jobs(1000)")
            [done] = self.services().row("worker.housekeep", "*", p_limit=1000)
            assert None not in done.values(), done

        def tell(_: Any) -> None:
            self.model.end_overdue()
            self.model.follow(self.receivers())
            self.model.expire_credits()

        self.both(ask, tell)


BRIEFLY = settings(
    max_examples=6,
    stateful_step_count=40,
    derandomize=False,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
    print_blob=False,
)
"""A few lives, which begin with the simplest."""


def live(books: Books, number: int, how: settings = BRIEFLY) -> None:
    """Let some lives go by, for each number others, and the same each time."""
    machine = type("LedgerMachine", (LedgerMachine,), {"books": books})
    run_state_machine_as_test(seed(number)(machine), settings=how)


@pytest.fixture(scope="module")
def books(database: Database, request: pytest.FixtureRequest) -> Iterator[Books]:
    """A database of the machine's own, in which it sets the clock."""
    with open_books(database.admin_url, request.config.rootpath) as books:
        yield books


@pytest.mark.parametrize("number", range(12))
def test_lives_of_accounts_go_as_the_model_says(books: Books, number: int) -> None:
    live(books, number)
