"""Crashes: PostgreSQL is killed under load, and what it had acknowledged is there afterwards.

The server is one of its own that writes as carefully as in production. Sixteen clients spend, pay,
return and grant; at some moment every process of the server gets SIGKILL. Started again, it must
hold each answer that a client had, whole; what was on its way when the server died is sent again
with its key, and then there once. private.reconcile_credits() finds nothing, each time.
"""

import os
import random
import secrets
import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from reelbase.local.binaries import find_binaries, find_project_root
from reelbase.local.postgres import PostgresServer, apply_migrations, prepare_database, url_for
from reelbase.local.processes import processes_in, wait_until
from reelbase.local.pytest_plugin import free_port_block

from .harness import Bench, Job, Session, Shop, advance, claim, complete, open_shop

__all__ = ["Wreck", "running_wreck"]

CLIENTS = 16
PATIENCE = 60.0
_CONNECTION_LOST = {"57P01", "57P02", "57P03", None}
"""States of a connection that ended because its server did; None: there was no time to say."""

Act = Callable[[Session], Any]


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that a client asked for, and may ask for again.

    Attributes:
        act: Asks for it. Every time, the answer is the same.
        proof: A query that is true when it is there, and its arguments.
    """

    act: Act
    proof: Callable[[Any], tuple[str, tuple[Any, ...]]]


@dataclass(slots=True)
class Journal:
    """What clients know: what was answered, and what was asked when the server died."""

    answered: list[tuple[Deed, Any]] = field(default_factory=list)
    unanswered: list[Deed] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    grown: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, count: int) -> None:
        """Return once so many answers have come in, or nobody is left to get one."""
        with self.grown:
            came = self.grown.wait_for(lambda: len(self.answered) >= count, PATIENCE)
        assert came, f"only {len(self.answered)} answers came; refused: {self.refused}"


class Wreck:
    """A server to be killed, people on it, and what they know.

    Args:
        server: Runs, and writes as in production.
        url: Its database, migrated, as superuser.
    """

    def __init__(self, server: PostgresServer, url: str) -> None:
        self.server = server
        self.url = url
        self.tally: Counter[str] = Counter()
        with Bench(url) as bench:
            self.people = [bench.person() for _ in range(5)]
            self.shop_name = open_shop(bench).model
            for user in self.people:
                # More than may run at once on a smaller plan, and more credits than they can spend.
                bench.value(
                    "select id from worker.start_subscription(%s, 'enterprise',"
                    " now() - interval '1 day', now() + interval '20 days')",
                    user,
                )

    def crash(self, seed: int, *, answers: int = 150) -> Journal:
        """Let clients work, kill the server under them, start it again, and see what is there."""
        journal = Journal()
        clients = [
            threading.Thread(target=self._work, args=(journal, seed * 100 + number), daemon=True)
            for number in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        try:
            journal.wait_for(answers)
        finally:
            self._kill()
        for client in clients:
            client.join(PATIENCE)
            assert not client.is_alive(), "a client did not notice that its server is gone"
        self.server.start()
        self.tally["crashes"] += 1
        self._check(journal)
        self.tally["operations"] += len(journal.answered) + journal.refused.total()
        return journal

    def _kill(self) -> None:
        process = self.server.pid
        assert process is not None
        # The postmaster first, so that it neither tidies up nor says farewell; then all others.
        os.kill(process, signal.SIGKILL)
        for record in processes_in(self.server.data_dir, "postgres"):
            try:
                os.kill(record.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        assert wait_until(lambda: self.server.pid is None, PATIENCE)

    def _work(self, journal: Journal, seed: int) -> None:
        chance = random.Random(seed)
        with ExitStack() as stack:
            try:
                bench = stack.enter_context(Bench(self.url))
                shop = Shop(bench, self.shop_name, self.shop_name)
            except psycopg.OperationalError:
                return
            while True:
                try:
                    deed = self._choose(bench, shop, chance)
                except psycopg.Error as error:
                    if error.sqlstate in _CONNECTION_LOST:
                        return
                    journal.refused[str(error.sqlstate)] += 1
                    continue
                try:
                    answer = deed.act(bench)
                except psycopg.Error as error:
                    if error.sqlstate in _CONNECTION_LOST:
                        journal.unanswered.append(deed)
                        return
                    journal.refused[str(error.sqlstate)] += 1
                    continue
                with journal.grown:
                    journal.answered.append((deed, answer))
                    journal.grown.notify_all()

    def _choose(self, bench: Bench, shop: Shop, chance: random.Random) -> Deed:
        user, key = chance.choice(self.people), uuid4().hex
        match chance.randrange(8):
            case 0 | 1:
                return submitting(bench, shop, user, key)
            case 2:
                return cancelling(bench, user, shop.job(user).id)
            case 3:
                shop.job(user)
                claimed = claim(bench, shop.provider)
                if not claimed:
                    return submitting(bench, shop, user, key)
                advance(bench, claimed[0], "processing")
                return completing(claimed[0])
            case 4:
                return granting(user, key, chance.randint(1, 20))
            case 5:
                return paying(open_payment(bench, user))
            case 6:
                payment = open_payment(bench, user)
                paying(payment).act(bench)
                return returning(payment, chance.randint(1, 999))
            case _:
                return losing(open_payment(bench, user))

    def _check(self, journal: Journal) -> None:
        with Bench(self.url) as bench:
            for deed in journal.unanswered:
                try:
                    answer = deed.act(bench)
                except psycopg.Error as error:
                    # Ended by another meanwhile, or there is nothing left to pay it with.
                    if error.sqlstate not in ("PT409", "PT402"):
                        raise
                else:
                    journal.answered.append((deed, answer))
            for deed, answer in journal.answered:
                query, arguments = deed.proof(answer)
                assert bench.value(query, *arguments), (query, arguments)
                # Asked for again it is the same, and nothing is done a second time.
            version = "select sum(version) from public.credit_accounts"
            before = bench.value(version)
            for deed, answer in journal.answered[-20:]:
                assert deed.act(bench) == answer
            assert bench.value(version) == before
            assert bench.rows("select * from private.reconcile_credits()") == []
            self.tally["answers"] += len(journal.answered)
            self.tally["unanswered"] += len(journal.unanswered)


def submitting(bench: Bench, shop: Shop, user: str, key: str) -> Deed:
    """A job in a user's name."""

    def act(session: Session) -> str:
        return shop_of(session, shop).job(user, p_idempotency_key=key).id

    return Deed(
        act,
        lambda job: (
            "select exists (select from public.generation_jobs as jobs"
            " inner join public.credit_transactions as holds on holds.job_id = jobs.id"
            " and holds.type = 'deduction' and holds.amount = -7"
            " where jobs.id = %s and jobs.idempotency_key = %s)",
            (job, key),
        ),
    )


def shop_of(session: Session, shop: Shop) -> Shop:
    """Return the same shop, seen through another bench."""
    assert isinstance(session, Bench)
    return Shop(session, shop.model, shop.provider)


def cancelling(bench: Bench, user: str, job: str) -> Deed:
    """The cancellation of a job."""

    def act(session: Session) -> str:
        assert isinstance(session, Bench)
        with session.owner(user) as owner:
            return str(owner.value("select status from public.cancel_generation(%s)", job))

    return Deed(
        act,
        lambda _: (
            "select status = 'cancelled' and is_refunded from public.generation_jobs where id = %s",
            (job,),
        ),
    )


def completing(job: Job) -> Deed:
    """The good end of a job."""

    def act(session: Session) -> str:
        complete(session, job)
        return "completed"

    return Deed(
        act,
        lambda _: (
            "select jobs.status = 'completed' and holds.status = 'completed' and exists ("
            " select from public.job_assets where job_id = jobs.id)"
            " from public.generation_jobs as jobs inner join public.credit_transactions as holds"
            " on holds.id = jobs.credit_transaction_id where jobs.id = %s",
            (job.id,),
        ),
    )


def granting(user: str, key: str, amount: int) -> Deed:
    """A gift by an operator."""

    def act(session: Session) -> str:
        return str(
            session.value(
                "select id from worker.grant_credits(p_user_id => %s, p_amount => %s,"
                " p_reason => 'A crash', p_operator => 'tester', p_idempotency_key => %s)",
                user,
                amount,
                key,
            )
        )

    return Deed(
        act,
        lambda transaction: (
            "select exists (select from public.credit_transactions"
            " where id = %s and user_id = %s and amount = %s)",
            (transaction, user, amount),
        ),
    )


def open_payment(session: Session, user: str) -> str:
    """Open a payment of 9.99 dollars."""
    return str(
        session.value(
            "select id from worker.open_payment(p_user_id => %s, p_provider => 'sandbox',"
            " p_idempotency_key => %s, p_package_slug => 'usd-starter')",
            user,
            uuid4().hex,
        )
    )


def paying(payment: str) -> Deed:
    """The news that a payment is paid."""

    def act(session: Session) -> bool:
        return bool(
            session.value(
                "select succeeded_at is not null from worker.settle_payment(%s, 999, 'USD')",
                payment,
            )
        )

    return Deed(
        act,
        lambda _: (
            "select (select succeeded_at is not null from public.payments where id = %s)"
            " and (select count(*) = 1 from public.credit_transactions"
            " where payment_id = %s and type = 'purchase' and amount = 100)",
            (payment, payment),
        ),
    )


def returning(payment: str, total: int) -> Deed:
    """The news that something of a payment was returned."""

    def act(session: Session) -> int:
        return int(
            session.value(
                "select refunded_minor from worker.refund_payment(%s, %s)", payment, total
            )
        )

    return Deed(
        act,
        lambda known: (
            "select refunded_minor = %s and credits_owed - (select coalesce(sum(amount), 0)"
            " from public.credit_transactions where payment_id = payments.id"
            " and type = 'chargeback') = round(100.0 * refunded_minor / 999, 2)"
            " from public.payments where id = %s",
            (known, payment),
        ),
    )


def losing(payment: str) -> Deed:
    """The news that a dispute about a payment is lost, before the news that it is paid."""

    def act(session: Session) -> int:
        return int(
            session.value(
                "select charged_back_minor from worker.close_dispute(%s, 'a dispute', 'lost', 500)",
                payment,
            )
        )

    return Deed(
        act,
        lambda known: (
            "select charged_back_minor = %s and exists (select from worker.payment_disputes"
            " where payment_id = payments.id and outcome = 'lost')"
            " from public.payments where id = %s",
            (known, payment),
        ),
    )


@contextmanager
def running_wreck(project: Path | None = None) -> Iterator[Wreck]:
    """Run a server that writes as carefully as in production, with a migrated database on it."""
    root = find_project_root(project)
    with (
        tempfile.TemporaryDirectory(prefix="reelbase-wreck-") as name,
        free_port_block() as port,
    ):
        folder = Path(name)
        folder.chmod(0o755)
        make = partial(
            PostgresServer,
            find_binaries(root).postgres,
            folder / "data",
            port,
            password=secrets.token_urlsafe(24),
            log_path=folder / "postgres.log",
        )
        # What is migrated may be lost with the machine; what comes after may not.
        server = make(durable=False)
        try:
            server.start()
            with psycopg.connect(server.dsn(), autocommit=True) as connection:
                connection.execute("create database wreck template template0 encoding 'UTF8'")
            url = url_for(server.dsn(), database="wreck")
            prepare_database(url)
            apply_migrations(url_for(url, user="postgres"), root)
            server.stop()
            server = make(durable=True)
            server.start()
            with psycopg.connect(url) as connection:
                assert connection.execute("show fsync").fetchone() == ("on",)
            yield Wreck(server, url)
            log = (folder / "postgres.log").read_text(errors="replace")
            assert "PANIC" not in log
            assert "deadlock detected" not in log
        finally:
            server.stop()


@pytest.fixture(scope="module")
def wreck(request: pytest.FixtureRequest) -> Iterator[Wreck]:
    """A server to be killed."""
    with running_wreck(request.config.rootpath) as wreck:
        yield wreck


@pytest.mark.parametrize("seed", [1, 2])
def test_server_killed_under_load_keeps_what_it_acknowledged(wreck: Wreck, seed: int) -> None:
    journal = wreck.crash(seed)
    assert journal.answered
    assert set(journal.refused) <= {"PT402", "PT409"}
