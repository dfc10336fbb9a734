"""What the tests of this folder share: people, sessions in their names, jobs, and races.

Sessions are plain connections on which role and claims are set as the API server sets them. Every
statement is a transaction of its own, as a request is, unless a test says `begin`.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self, TypeVar
from uuid import uuid4

import psycopg
import pytest
from psycopg.pq import TransactionStatus

__all__ = [
    "LATCH",
    "PACKAGE_PRICE",
    "Background",
    "Bench",
    "Job",
    "Queue",
    "RejectedError",
    "Session",
    "Shop",
    "advance",
    "claim",
    "complete",
    "fail",
    "held",
    "insist",
    "open_shop",
    "picture",
    "race",
    "refused",
    "rejected",
]

LATCH = "reelbase_ledger"
"""The search path of the functions that write the ledger; under another its triggers let nobody."""

PACKAGE_PRICE = {"p_amount_minor": 999, "p_currency": "USD"}
"""What `usd-starter` costs; it is of 100 credits."""

PATIENCE = 20.0
"""Seconds after which something that should happen will not."""

T = TypeVar("T")


class Session:
    """A connection that acts as one role with one user's claims."""

    def __init__(self, connection: psycopg.Connection, pool: list[psycopg.Connection]) -> None:
        self.connection = connection
        self._pool = pool

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.connection.rollback()
        self.run("discard all")
        self._pool.append(self.connection)

    def rows(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        return self.connection.execute(query.encode(), arguments or None).fetchall()

    def column(self, query: str, *arguments: Any) -> list[Any]:
        """Run a query and return its first column."""
        return [row[0] for row in self.rows(query, *arguments)]

    def value(self, query: str, *arguments: Any) -> Any:
        """Run a query that yields one row and return its first column."""
        [row] = self.rows(query, *arguments)
        return row[0]

    def run(self, query: str, *arguments: Any) -> int:
        """Run a statement and return how many rows it touched."""
        return self.connection.execute(query.encode(), arguments or None).rowcount

    @contextmanager
    def undone(self) -> Iterator[None]:
        """A transaction that is rolled back, come what may."""
        with self.connection.transaction(force_rollback=True):
            yield

    @contextmanager
    def tampering(self) -> Iterator[None]:
        """Write the ledger by hand, past the latch; names need their schemas meanwhile."""
        path = self.value("show search_path")
        self.run(f"set search_path = {LATCH}")
        try:
            yield
        finally:
            # A transaction that failed takes it back by itself.
            if self.connection.info.transaction_status != TransactionStatus.INERROR:
                self.rows("select set_config('search_path', %s, false)", path)

    def __call__(self, function: str, **arguments: Any) -> list[Any]:
        """Call a function by named arguments, as an RPC does, and return its rows' first column."""
        named = ", ".join(f"{name} => %s" for name in arguments)
        return self.column(f"select {function}({named})", *arguments.values())


class Bench(Session):
    """The database as superuser, and the way to other people's sessions."""

    def __init__(self, dsn: str) -> None:
        super().__init__(psycopg.connect(dsn, autocommit=True), [])
        self._dsn = dsn

    def __exit__(self, *error: object) -> None:
        for connection in (self.connection, *self._pool):
            connection.close()

    def _session(self, role: str | None = None, user_id: str | None = None) -> Session:
        # Connections are used again: a new one costs more than most tests.
        try:
            connection = self._pool.pop()
        except IndexError:
            # Prepared statements would not outlive `discard all`.
            connection = psycopg.connect(self._dsn, autocommit=True, prepare_threshold=None)
        session = Session(connection, self._pool)
        if role is not None:
            claims = {"role": role} | ({"sub": user_id} if user_id else {})
            session.run("select set_config('request.jwt.claims', %s, false)", json.dumps(claims))
            session.run(f"set role {role}")
        return session

    def person(
        self,
        email: str | None = None,
        metadata: Any = None,
        *,
        anonymous: bool = False,
        tier: str | None = None,
    ) -> str:
        """Sign somebody up, as the auth server's insert does, and return the id.

        A tier lets more than two of their jobs run at once, and first.
        """
        user_id = str(uuid4())
        self.run(
            "insert into auth.users (id, aud, role, email, raw_user_meta_data, is_anonymous)"
            " values (%s, 'authenticated', 'authenticated', %s, %s, %s)",
            user_id,
            None if anonymous else email or f"{user_id}@policies.example",
            json.dumps(metadata) if metadata is not None else None,
            anonymous,
        )
        if tier is not None:
            self.run(
                "update public.profiles set subscription_tier = %s where user_id = %s",
                tier,
                user_id,
            )
        return user_id

    def owner(self, user_id: str) -> Session:
        """A session with a signed-in user's rights."""
        return self._session("authenticated", user_id)

    def anonymous(self) -> Session:
        """A session with the rights of somebody who is not signed in."""
        return self._session("anon")

    def service(self) -> Session:
        """A session with the services' rights."""
        return self._session("service_role")

    def superuser(self) -> Session:
        """Another session with all rights."""
        return self._session()

    def balance(self, user_id: str) -> float:
        """Return a user's credits."""
        return float(
            self.value("select balance from public.credit_accounts where user_id = %s", user_id)
        )

    def complaints(self, *user_ids: str) -> list[tuple[Any, ...]]:
        """Return what the books' own check finds wrong about these users."""
        return self.rows(
            "select * from private.reconcile_credits() where user_id = any(%s::uuid[])",
            list(user_ids),
        )

    def wait_for(self, query: str, *arguments: Any) -> None:
        """Wait until a query's one value is true."""
        deadline = time.monotonic() + PATIENCE
        while not self.value(query, *arguments):
            assert time.monotonic() < deadline, f"never came true: {query}"
            time.sleep(0.002)


@dataclass(frozen=True, slots=True)
class Job:
    """A job in the shop, and the token of whoever works on it."""

    id: str
    user_id: str
    lease: str = ""


class RejectedError(psycopg.Error):
    """One of the queue's functions did not do for a job what it was asked.

    It is caught wherever what the database raises is, as the conflict that it is.

    Attributes:
        result: `lease_lost`, `busy` or `refused`.
        reason: What the database said of it.
    """

    sqlstate = "PT409"

    def __init__(self, result: str, reason: str | None) -> None:
        super().__init__(f"{result}: {reason}")
        self.result = result
        self.reason = reason


@contextmanager
def rejected(result: str, reason: str = "") -> Iterator[None]:
    """Expect that nothing is done for a job, for this reason, with these words in it."""
    with pytest.raises(RejectedError) as caught:
        yield
    assert caught.value.result == result, caught.value
    assert reason in (caught.value.reason or "")


def insist(call: Callable[[], T]) -> T:
    """Make a call again for as long as the job is locked by somebody else."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return call()
        except RejectedError as rejection:
            if rejection.result != "busy" or time.monotonic() > deadline:
                raise
            time.sleep(0.002)


def claim(
    session: Session,
    provider: str,
    limit: int = 1,
    lease: str | None = None,
    seconds: int = 60,
    **more: Any,
) -> list[Job]:
    """Claim tasks of a provider; the token is fresh unless given."""
    lease = lease or str(uuid4())
    arguments = {
        "p_lease": lease,
        "p_worker": "tester",
        "p_wanted": json.dumps([{"provider": provider}]),
        "p_limit": limit,
        "p_lease_seconds": seconds,
    } | more
    named = ", ".join(f"{name} => %s" for name in arguments)
    return [
        Job(str(job_id), str(user_id), lease)
        for job_id, user_id in session.rows(
            f"select job_id, user_id from worker.claim_tasks({named})", *arguments.values()
        )
    ]


def _tell(session: Session, function: str, columns: str, job: Job, **more: Any) -> tuple[Any, ...]:
    """Tell one of the functions that take many jobs about one, and return what it did."""
    told = json.dumps([{"job_id": job.id, "lease": job.lease} | more])
    [(result, message, *answer)] = session.rows(
        f"select result, message, {columns} from worker.{function}(%s)", told
    )
    if result != "done":
        raise RejectedError(result, message)
    return tuple(answer)


def advance(session: Session, job: Job, status: str, **more: Any) -> None:
    """Say how far a job is.

    Raises:
        RejectedError: The lease is lost, or the job is locked.
    """
    _tell(session, "advance_jobs", "job_id", job, status=status, **more)


def complete(session: Session, job: Job, **more: Any) -> None:
    """End a job well, with one picture unless told otherwise.

    Raises:
        RejectedError: The lease is lost, the job is locked, or its outputs are not right.
    """
    if not more:
        more = {"assets": [picture(job)]}
    _tell(session, "complete_jobs", "job_id", job, **more)


def fail(session: Session, job: Job, error_class: str = "permanent", **more: Any) -> str:
    """End an attempt badly, and return the job's state; what may be tried again is due at once.

    Raises:
        RejectedError: The lease is lost, or the job is locked.
    """
    told = {
        "error_class": error_class,
        "error_code": "broken",
        "error_message": "It broke.",
        "retry_after_seconds": None if error_class == "permanent" else 0,
    } | more
    [status] = _tell(session, "fail_jobs", "status", job, **told)
    return str(status)


@dataclass(frozen=True, slots=True)
class Queue:
    """A worker's calls, by the functions that it may use."""

    session: Session
    provider: str

    def claim(
        self, limit: int = 1, lease: str | None = None, seconds: int = 60, **more: Any
    ) -> list[Job]:
        """Claim tasks; the token is fresh unless given."""
        return claim(self.session, self.provider, limit, lease, seconds, **more)

    def advance(self, job: Job, status: str, **more: Any) -> None:
        """Say how far a job is."""
        advance(self.session, job, status, **more)

    def park(self, job: Job, provider_job_id: str = "p", seconds: float = 1000) -> None:
        """Say that the provider has a job and is to be asked again later."""
        self.advance(job, "processing", provider_job_id=provider_job_id, poll_after_seconds=seconds)

    def finalizing(self, limit: int = 1) -> list[Job]:
        """Claim and bring as far as one can without ending."""
        jobs = self.claim(limit)
        for job in jobs:
            self.advance(job, "processing")
            self.advance(job, "finalizing")
        return jobs

    def complete(self, job: Job, **more: Any) -> None:
        """End a job well, with one picture unless told otherwise."""
        complete(self.session, job, **more)

    def fail(self, job: Job, error_class: str = "permanent", **more: Any) -> str:
        """End an attempt badly."""
        return fail(self.session, job, error_class, **more)

    def release(self, *jobs: Job) -> list[str]:
        """Hand jobs back."""
        return [str(each) for each in self.session("worker.release_tasks", p_held=held(*jobs))]

    def extend(self, *jobs: Job, progress: int = 10) -> list[str]:
        """Extend leases and note progress."""
        return [
            str(each)
            for each in self.session("worker.extend_leases", p_held=held(*jobs, progress=progress))
        ]

    def tend(self) -> dict[str, Any]:
        """Take over what lost its lease, and mend what else a race may leave behind."""
        [did] = self.session("worker.tend_queue", p_limit=1000)
        assert isinstance(did, dict)
        return did

    def end_overdue(self) -> list[str]:
        """End what outlived its deadline or its last attempt, and return the jobs."""
        return [str(each) for each in self.session("worker.end_overdue_jobs", p_limit=1000)]


def held(*jobs: Job, progress: int = 10) -> str:
    """Return what extend_leases and release_tasks take."""
    return json.dumps([{"job_id": j.id, "lease": j.lease, "progress": progress} for j in jobs])


def picture(job: Job, name: str = "result.png") -> dict[str, Any]:
    """Return an output: one picture in the job's folder."""
    return {
        "role": "result_image",
        "bucket": "final-images",
        "storage_path": f"{job.user_id}/{job.id}/{name}",
        "mime_type": "image/png",
        "size_bytes": 1,
    }


@dataclass(frozen=True, slots=True)
class Shop:
    """A model of the test's own: text_to_image, 7 credits an output, free as a draft."""

    bench: Bench
    model: str
    provider: str

    def submit(self, session: Session, **more: Any) -> str:
        """Submit a job by the browser's function and return its id."""
        arguments = {"p_kind": "text_to_image", "p_prompt": "A harbour", "p_model_id": self.model}
        named = ", ".join(f"{name} => %s" for name in arguments | more)
        return str(
            session.value(
                f"select id from public.submit_generation({named})", *(arguments | more).values()
            )
        )

    def job(self, user_id: str, **more: Any) -> Job:
        """Submit a job in a user's name."""
        with self.bench.owner(user_id) as session:
            return Job(self.submit(session, **more), user_id)

    def draft(self, user_id: str, **columns: Any) -> Job:
        """Insert a draft in a user's name."""
        values = {
            "kind": "text_to_image",
            "prompt": "A harbour",
            "model_id": self.model,
            "status": "pending",
        } | columns
        with self.bench.owner(user_id) as session:
            job_id = session.value(
                f"insert into public.generation_jobs ({', '.join(values)})"
                f" values ({', '.join(['%s'] * len(values))}) returning id",
                *values.values(),
            )
        return Job(str(job_id), user_id)

    def borrower(self) -> str:
        """Sign up somebody who bought 100 credits, spent 7, and got all of the money back."""
        user_id = self.bench.person(anonymous=True)
        payment_id = self.bench.value(
            "select id from worker.open_payment(%s, 'sandbox', 'package',"
            " p_package_slug => 'usd-starter')",
            user_id,
        )
        self.bench("worker.settle_payment", p_payment_id=payment_id, **PACKAGE_PRICE)
        self.job(user_id)
        self.bench("worker.refund_payment", p_payment_id=payment_id, p_refunded_minor=999)
        return user_id

    @contextmanager
    def queue(self) -> Iterator[Queue]:
        """A worker that serves this shop alone."""
        with self.bench.service() as session:
            yield Queue(session, self.provider)

    def status(self, job: Job) -> str:
        """Return a job's state."""
        return str(
            self.bench.value("select status from public.generation_jobs where id = %s", job.id)
        )

    def expire_leases(self) -> None:
        """Let every lease of this shop have ended."""
        self.bench.run(
            "update worker.tasks set lease_expires_at = now() - interval '1 second'"
            " where provider = %s and lease is not null",
            self.provider,
        )

    def lose_leases(self) -> None:
        """Let every lease of this shop have ended, and others have noticed."""
        self.expire_leases()
        self.bench.value("select worker.tend_queue(1000)")


def open_shop(bench: Bench) -> Shop:
    """Put a model with a provider of its own into the catalogue."""
    name = f"policies-{uuid4().hex[:12]}"
    bench.run(
        "insert into public.models (id, provider, provider_model, display_name, kinds, modes,"
        " aspect_ratios, max_outputs, max_reference_images, sort_order)"
        " values (%s, %s, 'm', 'Of a test', '{text_to_image}', '{draft,standard}', '{1:1,16:9}',"
        " 10, 3, 1000)",
        name,
        name,
    )
    bench.run(
        "insert into public.model_prices (model_id, kind, mode, unit, credits)"
        " values (%s, 'text_to_image', 'standard', 'output', 7),"
        " (%s, 'text_to_image', 'draft', 'job', 0)",
        name,
        name,
    )
    return Shop(bench, name, name)


@contextmanager
def refused(sqlstate: str, hint: str | None = None) -> Iterator[None]:
    """Expect the database to refuse, with just this code and, if given, this hint."""
    with pytest.raises(psycopg.Error) as caught:
        yield
    assert caught.value.sqlstate == sqlstate, caught.value
    if hint is not None:
        assert caught.value.diag.message_hint == hint


class Background:
    """A call on a session of its own, in a thread, to be caught waiting or finished."""

    def __init__(self, bench: Bench, session: Session, call: Callable[[], Any]) -> None:
        self._bench = bench
        self._pid = session.connection.info.backend_pid
        self._call = call
        self._result: Any = None
        self._error: psycopg.Error | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result = self._call()
        except psycopg.Error as error:
            self._error = error

    def wait_until_blocked(self) -> Self:
        """Return once the call waits for somebody's lock."""
        self._bench.wait_for("select cardinality(pg_blocking_pids(%s)) > 0", self._pid)
        return self

    def wait_until_settled(self) -> Self:
        """Return once the call waits for somebody's lock, or has ended."""
        deadline = time.monotonic() + PATIENCE
        blocked = "select cardinality(pg_blocking_pids(%s)) > 0"
        while self._thread.is_alive() and not self._bench.value(blocked, self._pid):
            assert time.monotonic() < deadline, "the call neither waits nor ends"
            time.sleep(0.002)
        return self

    def result(self) -> Any:
        """Wait for the call's end and return its result.

        Raises:
            psycopg.Error: The call was refused.
        """
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the call never ended"
        if self._error is not None:
            raise self._error
        return self._result


def race(calls: Sequence[Callable[[], T]]) -> list[T | psycopg.Error]:
    """Run calls at once, each in its thread, and return results or errors in order."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T | psycopg.Error:
        barrier.wait(PATIENCE)
        try:
            return call()
        except psycopg.Error as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
