"""A job's life beside a model of it: what each function does with a job in each situation.

Promises J3 and J4. The model is written from the domain's description, not read from the tables and
functions that enforce it. Each situation is made once, in a transaction that is undone; then each
function is tried on it, undone, and the next one tried. Whatever is done is done once more with the
same arguments, as a call over HTTP may be sent twice: that must change nothing.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import uuid4

import psycopg
import pytest

from .harness import Bench, Job, Queue, RejectedError, Shop, held, refused

STATES: Final = (
    "pending",
    "queued",
    "starting",
    "processing",
    "finalizing",
    "completed",
    "failed",
    "cancelled",
    "expired",
)
WORKED_ON: Final = ("starting", "processing", "finalizing")
ACTIVE: Final = ("queued", *WORKED_ON)
FRUITLESS: Final = ("failed", "cancelled", "expired")
ENDS: Final = ("completed", *FRUITLESS)

COST = 7
"""Credits; everybody begins with a hundred."""


# The guard ----------------------------------------------------------------------------------------


def is_allowed(before: str, after: str) -> bool:
    """Tell whether a job may go from one state to another."""
    if before in ENDS:
        return False
    if before == "pending":
        return after in ("queued", "cancelled")
    if after in FRUITLESS:
        return True
    if after == "queued":
        return before in WORKED_ON  # tried again later, or handed back
    if after == "starting":
        return before in ACTIVE  # claimed, or taken over
    # Work only goes on, as far at once as there is news.
    return before in WORKED_ON and after in ("completed", *WORKED_ON[WORKED_ON.index(before) + 1 :])


ROUTES: Final = {
    "pending": [],
    "queued": ["queued"],
    "starting": ["queued", "starting"],
    "processing": ["queued", "starting", "processing"],
    "finalizing": ["queued", "starting", "processing", "finalizing"],
    "completed": ["queued", "starting", "completed"],
    **{end: ["queued", end] for end in FRUITLESS},
}


@pytest.mark.parametrize("before", STATES)
def test_guard_lets_only_allowed_transitions_happen_and_each_is_recorded(
    bench: Bench, shop: Shop, before: str
) -> None:
    def move(status: str) -> None:
        bench.run(
            "update public.generation_jobs set status = %s, error_code = 'x', error_message = 'x',"
            " attempt_count = attempt_count + %s,"
            " finished_at = case when %s then finished_at end where id = %s",
            status,
            int(status == "starting"),
            status in ENDS,
            job.id,
        )

    with bench.undone():
        stage = Stage(bench, shop)
        job = stage.draft()
        for status in ROUTES[before]:
            move(status)
        events = "select count(*) from public.job_events where job_id = %s"
        recorded = bench.value(events, job.id)
        for after in STATES:
            with bench.undone():
                if before == after and after != "starting":
                    move(after)  # nothing changes
                    assert bench.value(events, job.id) == recorded
                elif is_allowed(before, after):
                    move(after)
                    assert bench.value(events, job.id) == recorded + 1, after
                    assert bench.complaints(stage.user) == []
                else:
                    with refused("PT409", "transition_not_allowed"), bench.undone():
                        move(after)
                    assert bench.value(events, job.id) == recorded, after


# Situations ---------------------------------------------------------------------------------------


class Stage:
    """A user and a worker, in a transaction that will be undone."""

    def __init__(self, bench: Bench, shop: Shop) -> None:
        self.bench = bench
        self.shop = shop
        self.user = bench.person()
        self.queue = Queue(bench, shop.provider)
        self.token = str(uuid4())
        self.be("service_role")

    def be(self, role: str, user: str | None = None) -> None:
        """Let what is done be done by somebody."""
        claims = {"role": role} | ({"sub": user} if user else {})
        self.bench.rows("select set_config('request.jwt.claims', %s, true)", json.dumps(claims))

    def owner(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Run a query as the owner."""
        self.be("authenticated", self.user)
        try:
            return self.bench.rows(query, *arguments)
        finally:
            if not self.bench.connection.broken:
                self._be_service_again()

    def _be_service_again(self) -> None:
        # After a refusal the caller's savepoint takes the claims back.
        if self.bench.connection.info.transaction_status.name != "INERROR":
            self.be("service_role")

    def submit(self, **more: Any) -> Job:
        """Submit a job."""
        self.be("authenticated", self.user)
        job = Job(self.shop.submit(self.bench, **more), self.user, str(uuid4()))
        self.be("service_role")
        return job

    def draft(self) -> Job:
        """Write a draft."""
        job_id = self.bench.value(
            "insert into public.generation_jobs (user_id, kind, prompt, model_id, status)"
            " values (%s, 'text_to_image', 'x', %s, 'pending') returning id::text",
            self.user,
            self.shop.model,
        )
        return Job(job_id, self.user, str(uuid4()))

    def claimed(self) -> Job:
        """Have a job that a worker holds."""
        self.submit()
        [job] = self.queue.claim()
        return job

    def set(self, job: Job, change: str) -> Job:
        """Write into a job's task by hand."""
        assert self.bench.run(f"update worker.tasks set {change} where job_id = %s", job.id) == 1
        return job


@dataclass(frozen=True, slots=True)
class Situation:
    """A job somewhere in its life.

    Attributes:
        make: How it comes there.
        status: Its state.
        place: Where its task is: `line`, `held`, `blocked`, `parked`, `leased`, or `` if it has
            none.
        step: What its task is at.
        is_known: Whether its provider has told an id.
        is_stale: Whether the lease on it has ended.
        is_due: Whether it is parked no longer.
        is_overdue: Whether it has outlived its deadline.
        is_last: Whether it has no attempt left after this one.
        is_hidden: Whether its owner deleted it.
    """

    make: Callable[[Stage], Job]
    status: str
    place: str = ""
    step: str = "submit"
    is_known: bool = False
    is_stale: bool = False
    is_due: bool = False
    is_overdue: bool = False
    is_last: bool = False
    is_hidden: bool = False

    @property
    def is_workers(self) -> bool:
        """Tell whether a worker holds it."""
        return self.place == "leased" and not self.is_stale


def new_lease(job: Job) -> Job:
    """Return the job as somebody sees it who never had it."""
    return replace(job, lease=str(uuid4()))


def held_back(stage: Stage) -> Job:
    """A plan that lets two run lets the third wait."""
    stage.submit()
    stage.submit()
    return stage.submit()


def blocked(stage: Stage) -> Job:
    return stage.submit(p_after_job_ids=[stage.submit().id])


def last_attempt(stage: Stage) -> Job:
    job = stage.claimed()
    stage.bench.run(
        "update public.generation_jobs set attempt_count = max_attempts where id = %s", job.id
    )
    return job


def waiting(stage: Stage) -> Job:
    job = stage.claimed()
    stage.queue.fail(job, "transient", retry_after_seconds=1000)
    return new_lease(job)


def processing(stage: Stage) -> Job:
    job = stage.claimed()
    stage.queue.advance(job, "processing")
    return job


def parked(stage: Stage) -> Job:
    job = stage.claimed()
    stage.queue.park(job)
    return new_lease(job)


def accepted(stage: Stage) -> Job:
    job = stage.claimed()
    stage.queue.advance(job, "processing", provider_job_id="p")
    return job


def polled(stage: Stage) -> Job:
    stage.set(parked(stage), "due_at = now()")
    [job] = stage.queue.claim()
    return job


def finalizing(stage: Stage) -> Job:
    job = processing(stage)
    stage.queue.advance(job, "finalizing")
    return job


def collected(stage: Stage) -> Job:
    job = polled(stage)
    stage.queue.advance(job, "finalizing")
    return job


def stale(make: Callable[[Stage], Job]) -> Callable[[Stage], Job]:
    """Let the lease have ended."""
    return lambda stage: stage.set(make(stage), "lease_expires_at = now()")


def overdue(make: Callable[[Stage], Job]) -> Callable[[Stage], Job]:
    """Let the deadline be over."""
    return lambda stage: stage.set(make(stage), "deadline_at = now()")


def taken_over(stage: Stage) -> Job:
    job = stale(Stage.claimed)(stage)
    stage.queue.tend()
    return job


def completed(stage: Stage) -> Job:
    job = stage.claimed()
    stage.queue.complete(job)
    return new_lease(job)


def failed(stage: Stage) -> Job:
    job = stage.claimed()
    stage.queue.fail(job)
    return new_lease(job)


def cancelled(stage: Stage) -> Job:
    job = stage.claimed()
    stage.owner("select public.cancel_generation(%s)", job.id)
    return job


def expired(stage: Stage) -> Job:
    job = overdue(Stage.claimed)(stage)
    assert job.id in stage.queue.end_overdue()
    return job


def deleted(make: Callable[[Stage], Job]) -> Callable[[Stage], Job]:
    """Let the owner have deleted it."""

    def make_and_delete(stage: Stage) -> Job:
        job = make(stage)
        delete(stage, job)
        return job

    return make_and_delete


SITUATIONS: Final = {
    "a draft": Situation(Stage.draft, "pending"),
    "in line": Situation(Stage.submit, "queued", "line"),
    "held": Situation(held_back, "queued", "held"),
    "blocked": Situation(blocked, "queued", "blocked"),
    "overdue in line": Situation(overdue(Stage.submit), "queued", "line", is_overdue=True),
    "waiting for another attempt": Situation(waiting, "queued", "parked"),
    "claimed": Situation(Stage.claimed, "starting", "leased"),
    "claimed for the last time": Situation(last_attempt, "starting", "leased", is_last=True),
    "claimed and left": Situation(stale(Stage.claimed), "starting", "leased", is_stale=True),
    "claimed for the last time and left": Situation(
        stale(last_attempt), "starting", "leased", is_stale=True, is_last=True
    ),
    "taken over": Situation(taken_over, "starting", "line"),
    "worked on": Situation(processing, "processing", "leased"),
    "overdue while worked on": Situation(
        overdue(processing), "processing", "leased", is_overdue=True
    ),
    "accepted": Situation(accepted, "processing", "leased", "poll", is_known=True),
    "at its provider": Situation(parked, "processing", "parked", "poll", is_known=True),
    "at its provider and due": Situation(
        lambda stage: stage.set(parked(stage), "due_at = now()"),
        "processing",
        "parked",
        "poll",
        is_known=True,
        is_due=True,
    ),
    "looked up": Situation(polled, "processing", "leased", "poll", is_known=True),
    "looked up and left": Situation(
        stale(polled), "processing", "leased", "poll", is_known=True, is_stale=True
    ),
    "being stored": Situation(finalizing, "finalizing", "leased"),
    "being collected": Situation(collected, "finalizing", "leased", "collect", is_known=True),
    "completed": Situation(completed, "completed"),
    "failed": Situation(failed, "failed"),
    "cancelled": Situation(cancelled, "cancelled"),
    "expired": Situation(expired, "expired"),
    "deleted while worked on": Situation(deleted(processing), "cancelled", is_hidden=True),
    "deleted when completed": Situation(deleted(completed), "completed", is_hidden=True),
}


# Functions ----------------------------------------------------------------------------------------


def delete(stage: Stage, job: Job) -> str:
    """Delete a job as its owner does in the app."""
    stage.be("authenticated", stage.user)
    stage.bench.run("set local role authenticated")
    stage.bench.run("delete from public.generation_jobs where id = %s", job.id)
    stage.bench.run("set local role none")
    stage.be("service_role")
    return "done"


def by_owner(function: str) -> Callable[[Stage, Job], str]:
    """Have the owner call a function."""

    def call(stage: Stage, job: Job) -> str:
        stage.owner(f"select public.{function}(%s)", job.id)
        return "done"

    return call


def by_operator(function: str) -> Callable[[Stage, Job], str]:
    """Have an operator call a function."""

    def call(stage: Stage, job: Job) -> str:
        stage.bench.rows(f"select worker.{function}(%s, 'A reason', 'tester')", job.id)
        return "done"

    return call


def failing(error_class: str, **more: Any) -> Callable[[Stage, Job], str]:
    """Have the worker say that it failed, to be tried again later, if at all."""
    later = {} if error_class == "permanent" else {"retry_after_seconds": 60}

    def call(stage: Stage, job: Job) -> str:
        stage.queue.fail(job, error_class, **(later | more))
        return "done"

    return call


def telling(
    method: Callable[..., Any], *arguments: Any, **more: Any
) -> Callable[[Stage, Job], str]:
    """Have the worker say something."""

    def call(stage: Stage, job: Job) -> str:
        method(stage.queue, job, *arguments, **more)
        return "done"

    return call


def listing(name: str) -> Callable[[Stage, Job], str]:
    """Have the worker call a function that returns those jobs with which it did something."""

    def call(stage: Stage, job: Job) -> str:
        found = stage.bench.column(f"select x::text from worker.{name}(%s) as x", held(job))
        return "done" if job.id in found else "nothing"

    return call


def claiming(stage: Stage, job: Job) -> str:
    """Claim whatever there is; the token is the same each time."""
    claimed = stage.queue.claim(10, stage.token)
    return "done" if job.id in [each.id for each in claimed] else "nothing"


def waking(stage: Stage, job: Job) -> str:
    """Have the provider say that there is news."""
    found = stage.bench.column(
        "select x::text from worker.wake_jobs(%s, '{p}') as x", stage.shop.provider
    )
    return "done" if job.id in found else "nothing"


def tending(stage: Stage, job: Job) -> str:
    stage.queue.tend()
    return "done"


def ending(stage: Stage, job: Job) -> str:
    stage.queue.end_overdue()
    return "done"


FUNCTIONS: Final[dict[str, Callable[[Stage, Job], str]]] = {
    "claim": claiming,
    "extend": listing("extend_leases"),
    "release": listing("release_tasks"),
    "advance to processing": telling(Queue.advance, "processing"),
    "advance to finalizing": telling(Queue.advance, "finalizing"),
    "advance to another state": telling(Queue.advance, "completed"),
    "park": telling(Queue.park),
    "complete": telling(Queue.complete),
    "complete with nothing": telling(Queue.complete, assets=[]),
    "fail for good": failing("permanent"),
    "fail for now": failing("transient"),
    "be throttled": failing("throttled"),
    "be misconfigured": failing("configuration"),
    "hear nothing": failing("unknown"),
    "hear nothing, ever": failing("unknown", is_final=True),
    "begin anew": failing("transient", anew=True),
    "wake": waking,
    "tend": tending,
    "end overdue": ending,
    "cancel": by_owner("cancel_generation"),
    "queue": by_owner("queue_generation"),
    "delete": delete,
    "cancel as operator": by_operator("cancel_job"),
    "retry as operator": by_operator("retry_job"),
}


# The model ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """What must come of a call: an answer, and where the job is then."""

    answer: str
    status: str
    place: str
    step: str = "submit"


BY_LEASE: Final = {
    "advance to processing",
    "advance to finalizing",
    "advance to another state",
    "park",
    "complete",
    "complete with nothing",
    *("fail for good", "fail for now", "be throttled", "be misconfigured"),
    *("hear nothing", "hear nothing, ever", "begin anew"),
}


def expected(name: str, now: Situation) -> Outcome:
    """Return what a function must do with a job."""
    same = Outcome("done", now.status, now.place, now.step)
    gone = replace(same, place="", step="")
    if name == "advance to another state":
        return replace(same, answer="refused")
    if name in BY_LEASE:
        return of_worker(name, now) if now.is_workers else replace(same, answer="lease_lost")
    nothing = replace(same, answer="nothing")
    match name:
        case "claim":
            if now.place != "line" and not now.is_due:
                return nothing
            status = "starting" if now.step == "submit" else now.status
            return replace(same, status=status, place="leased")
        case "extend":
            return same if now.is_workers else nothing
        case "release":
            if not now.is_workers:
                return nothing
            status = "queued" if now.step == "submit" else now.status
            return replace(same, status=status, place="line")
        case "wake":
            if not now.is_known:
                return nothing
            return replace(same, place="line") if now.place == "parked" else same
        case "tend":
            is_lost = now.is_stale and not now.is_last
            return replace(same, place="line") if is_lost or now.is_due else same
        case "end overdue":
            if now.is_overdue:
                return replace(gone, status="expired")
            return replace(gone, status="failed") if now.is_stale and now.is_last else same
    return of_people(name, now, same, gone)


def of_worker(name: str, now: Situation) -> Outcome:
    """Return what a call of whoever holds the lease must do."""
    same = Outcome("done", now.status, now.place, now.step)
    gone = replace(same, place="", step="")
    stored = "collect" if now.is_known else now.step
    match name:
        case "advance to processing":
            return replace(
                same, status="finalizing" if now.status == "finalizing" else "processing"
            )
        case "advance to finalizing":
            return replace(same, status="finalizing", step=stored)
        case "park":
            if now.status == "finalizing":  # it does not go back
                return replace(same, place="parked", step="collect")
            return replace(same, status="processing", place="parked", step="poll")
        case "complete":
            return replace(gone, status="completed")
        case "complete with nothing":
            return replace(same, answer="refused")
        case "fail for good" | "hear nothing, ever":
            return replace(gone, status="failed")
    counts = name in ("fail for now", "hear nothing", "begin anew")
    if counts and now.is_last:
        return replace(gone, status="failed")
    if now.is_known and name != "begin anew":
        return replace(same, place="parked", step="poll")
    return Outcome("done", "queued", "parked", "submit")


def of_people(name: str, now: Situation, same: Outcome, gone: Outcome) -> Outcome:
    """Return what its owner or an operator must be able to do."""
    is_active = now.status in ACTIVE
    missing = replace(same, answer="PT404 job_not_found")
    match name:
        case "cancel":
            if now.is_hidden:
                return missing
            if is_active or now.status == "pending":
                return replace(gone, status="cancelled")
            if now.status == "cancelled":
                return same
            return replace(same, answer="PT409 transition_not_allowed")
        case "queue":
            if now.is_hidden:
                return missing
            if now.status == "pending":
                return replace(same, status="queued", place="line")
            return same
        case "delete":
            if now.status == "pending":
                return replace(gone, status="none")
            return replace(gone, status="cancelled") if is_active else same
        case "cancel as operator":
            if now.status == "pending":
                return replace(same, answer="PT409 job_is_draft")
            if is_active:
                return replace(gone, status="cancelled")
            return same if now.status == "cancelled" else replace(same, answer="PT409 job_ended")
        case "retry as operator":
            if now.status == "pending":
                return replace(same, answer="PT409 job_is_draft")
            if now.status == "completed":
                return replace(same, answer="PT409 job_completed")
            if now.is_hidden:
                return replace(same, answer="PT409 job_deleted")
            places = {"leased": "running", "line": "in_line"}
            if is_active and now.place != "parked":
                place = places.get(now.place, now.place)
                return replace(same, answer=f"PT409 job_{place}")
            return same
    raise ValueError(name)


# Both beside each other ---------------------------------------------------------------------------

_LOOK = """
select coalesce(j.status::text, 'none'),
  case
    when t.job_id is null then '' when t.lease is not null then 'leased'
    when t.ready_at is not null then 'line' when t.due_at is not null then 'parked'
    when t.waits_for > 0 then 'blocked' else 'held'
  end,
  coalesce(t.step::text, ''),
  (select balance from public.credit_accounts where user_id = asked.user_id),
  to_jsonb(j) - 'updated_at', to_jsonb(t),
  (select jsonb_agg(to_jsonb(a) order by attempt) from worker.attempts as a where a.job_id = j.id),
  (select jsonb_agg(to_jsonb(x) order by asset_id) from public.job_assets as x
    where x.job_id = j.id),
  (select jsonb_agg(to_jsonb(e) order by id) from public.job_events as e where e.job_id = j.id)
from (select %s::uuid as id, %s::uuid as user_id) as asked
left join public.generation_jobs as j on j.id = asked.id
left join worker.tasks as t on t.job_id = asked.id
"""

_EVENTS = """
select from_status, to_status from public.job_events where job_id = %s order by id desc limit 1
"""


def answer_of(stage: Stage, name: str, job: Job) -> str:
    """Call a function and return how it answered; what is refused is undone."""
    try:
        with stage.bench.connection.transaction():
            return FUNCTIONS[name](stage, job)
    except RejectedError as rejection:
        return rejection.result
    except psycopg.Error as error:
        return f"{error.sqlstate} {error.diag.message_hint}"


def look(stage: Stage, job: Job) -> tuple[Any, ...]:
    """Return state, place and step of a job, its owner's balance, and all that is known of it."""
    [row] = stage.bench.rows(_LOOK, job.id, job.user_id)
    return row


def differences(
    stage: Stage, name: str, now: Situation, job: Job, before: tuple[Any, ...]
) -> list[str]:
    """Call a function, twice, and return where it does not do what the model says."""
    wanted = expected(name, now)
    answer = answer_of(stage, name, job)
    after = look(stage, job)
    found = Outcome(answer, *after[:3])
    if found != replace(wanted, step=wanted.step if wanted.place else ""):
        return [f"{name}: {found}, not {wanted}"]
    wrong = []
    earned = 0
    if wanted.status != now.status:
        if wanted.status != "none":
            assert is_allowed(now.status, wanted.status)
            [event] = stage.bench.rows(_EVENTS, job.id)
            if event != (now.status, wanted.status):
                wrong.append(f"{name}: {event} is what was recorded")
        if now.status in ACTIVE and wanted.status in FRUITLESS:
            earned = COST
    if (name, now.status) == ("queue", "pending") or (
        name == "retry as operator" and answer == "done" and now.status in FRUITLESS
    ):
        earned = -COST
    if after[3] - before[3] != earned:
        wrong.append(f"{name}: {after[3]} credits, after {before[3]}")
    if answer != "done":
        # Another job of the same user may have been claimed, and let this one in line.
        return wrong if after == before or name == "claim" else [*wrong, f"{name}: did something"]
    again = answer_of(stage, name, job)
    if name in REPEATED and again != answer:
        wrong.append(f"{name}: answered {answer} first, and {again} when it was sent again")
    if look(stage, job) != after:
        wrong.append(f"{name}: done twice it did more")
    return wrong


REPEATED: Final = set(FUNCTIONS) - {"release", "wake", "delete"}
"""What answers the same when it is sent again; the others say what they did this time."""


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_function_does_with_a_job_what_the_model_says(
    bench: Bench, shop: Shop, situation: str
) -> None:
    now = SITUATIONS[situation]
    wrong = []
    with bench.undone():
        stage = Stage(bench, shop)
        job = now.make(stage)
        before = look(stage, job)
        assert before[:3] == (now.status, now.place, now.step if now.place else "")
        for name in FUNCTIONS:
            with bench.undone():
                wrong += differences(stage, name, now, job, before)
        # Whoever does not hold the lease, though somebody does, can do nothing.
        stranger = replace(now, is_stale=True, is_last=True)
        for name in (*sorted(BY_LEASE), "extend", "release"):
            with bench.undone():
                wrong += differences(stage, name, stranger, new_lease(job), before)
    assert wrong == []


def test_model_knows_every_state_and_every_function_that_moves_a_job(bench: Bench) -> None:
    assert {each.status for each in SITUATIONS.values()} == set(STATES)
    allowed = {(x, y) for x in STATES for y in STATES if is_allowed(x, y)}
    assert set(bench.rows("select from_status, to_status from private.job_transitions")) == allowed
