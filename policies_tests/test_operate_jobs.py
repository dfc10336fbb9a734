"""What operators see of the queue, and do to jobs and providers: by name and with a reason."""

import json
from typing import Any

import psycopg
import pytest

from .harness import Bench, Job, Session, Shop, insist, race, refused

ADA = {"p_operator": " ada ", "p_reason": " It hangs "}
LIVE = ["queued", "starting", "processing", "finalizing", "parked"]


def act(session: Session, function: str, **arguments: Any) -> tuple[str, str]:
    """Call an operator's function on a job, and return id and state of the job that it returns."""
    named = ", ".join(f"{name} => %s" for name in arguments | ADA)
    [(job_id, status)] = session.rows(
        f"select id::text, status::text from worker.{function}({named})",
        *(arguments | ADA).values(),
    )
    return job_id, status


def actions(bench: Bench, user_id: str) -> list[tuple[Any, ...]]:
    """Return what is written down about a user, oldest first."""
    return bench.rows(
        "select action, operator, reason, transaction_id, details from worker.operator_actions"
        " where user_id = %s order by created_at, id",
        user_id,
    )


def provider_actions(bench: Bench, provider: str) -> list[tuple[Any, ...]]:
    """Return what is written down about a provider, oldest first."""
    return bench.rows(
        "select action, operator, reason, user_id, details from worker.operator_actions"
        " where details ->> 'provider' = %s order by created_at, id",
        provider,
    )


def bring(shop: Shop, status: str) -> Job:
    """Return a job of a new user's that is in a state, or parked at its provider."""
    job = shop.job(shop.bench.person())
    if status == "queued":
        return job
    with shop.queue() as queue:
        [job] = queue.claim()
        if status == "parked":
            queue.park(job, "at-provider")
        elif status in ("processing", "finalizing"):
            queue.advance(job, status)
        elif status == "completed":
            queue.complete(job)
        elif status == "failed":
            queue.fail(job)
    return job


# Cancelling ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", LIVE)
def test_operator_cancels_a_job_in_any_state_and_it_is_refunded(
    bench: Bench, shop: Shop, status: str
) -> None:
    job = bring(shop, status)
    was = shop.status(job)
    with bench.service() as service:
        assert act(service, "cancel_job", p_job_id=job.id) == (job.id, "cancelled")
        # And again changes nothing.
        assert act(service, "cancel_job", p_job_id=job.id) == (job.id, "cancelled")
    assert bench.balance(job.user_id) == 100
    assert bench.rows("select from worker.tasks where job_id = %s", job.id) == []
    [refund] = bench.column(
        "select id from public.credit_transactions where job_id = %s and type = 'refund'", job.id
    )
    assert actions(bench, job.user_id) == [
        ("cancel_job", "ada", "It hangs", refund, {"job_id": job.id, "status": was})
    ]
    assert bench.complaints(job.user_id) == []


def test_provider_is_told_of_a_job_that_an_operator_cancels(bench: Bench, shop: Shop) -> None:
    job = bring(shop, "parked")
    with bench.service() as service:
        act(service, "cancel_job", p_job_id=job.id)
        assert service.rows(
            "select job_id::text, provider_job_id from worker.claim_cancellations(%s)",
            [shop.provider],
        ) == [(job.id, "at-provider")]


def test_what_waits_for_a_cancelled_job_goes_with_it(bench: Bench, shop: Shop) -> None:
    job = bring(shop, "queued")
    child = shop.job(job.user_id, p_after_job_ids=[job.id])
    with bench.service() as service:
        act(service, "cancel_job", p_job_id=job.id)
    assert shop.status(child) == "cancelled"
    assert bench.balance(job.user_id) == 100
    assert bench.complaints(job.user_id) == []


def test_owner_reads_that_it_was_cancelled_and_neither_by_whom_nor_why(
    bench: Bench, shop: Shop
) -> None:
    job = bring(shop, "processing")
    secrets = {"p_operator": "ada@company", "p_reason": "suspected fraud"}
    with bench.service() as service:
        service("worker.cancel_job", p_job_id=job.id, **secrets)
    with bench.owner(job.user_id) as owner:
        assert owner.rows(
            "select status, error_code from public.generation_jobs where id = %s", job.id
        ) == [("cancelled", "cancelled_by_operator")]
        for table in ("generation_jobs", "job_events", "credit_transactions", "credit_statement"):
            seen = owner.value(f"select string_agg(t::text, '') from public.{table} as t")
            assert not any(secret in seen for secret in secrets.values())


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_what_has_ended_is_not_cancelled(bench: Bench, shop: Shop, status: str) -> None:
    job = bring(shop, status)
    with bench.service() as service, refused("PT409", "job_ended"):
        act(service, "cancel_job", p_job_id=job.id)
    assert shop.status(job) == status
    assert actions(bench, job.user_id) == []


def test_draft_is_its_owners_affair(bench: Bench, shop: Shop) -> None:
    draft = shop.draft(bench.person())
    with bench.service() as service:
        for function in ("cancel_job", "retry_job"):
            with refused("PT409", "job_is_draft"):
                act(service, function, p_job_id=draft.id)
    assert shop.status(draft) == "pending"


def test_dispatcher_of_a_cancelled_job_can_change_nothing(bench: Bench, shop: Shop) -> None:
    job = bring(shop, "finalizing")
    with bench.service() as service:
        act(service, "cancel_job", p_job_id=job.id)
    with shop.queue() as queue, pytest.raises(psycopg.Error, match="lease_lost"):
        queue.complete(job)
    assert bench.rows("select from public.job_assets where job_id = %s", job.id) == []


def test_cancelling_and_completing_at_once_exactly_one_wins(bench: Bench, shop: Shop) -> None:
    for _ in range(8):
        job = bring(shop, "finalizing")
        with bench.service() as service, shop.queue() as queue:
            cancelled, completed = race(
                [
                    lambda s=service, j=job: act(s, "cancel_job", p_job_id=j.id),
                    lambda q=queue, j=job: insist(lambda: q.complete(j)),
                ]
            )
        status = shop.status(job)
        if status == "cancelled":
            assert cancelled == (job.id, "cancelled")
            assert "lease_lost" in str(completed)
            assert bench.balance(job.user_id) == 100
        else:
            assert status == "completed"
            assert completed is None
            assert "completed already" in str(cancelled)
            assert bench.balance(job.user_id) == 93
        assert len(actions(bench, job.user_id)) == (status == "cancelled")
        assert bench.rows("select from worker.tasks where job_id = %s", job.id) == []
        assert bench.complaints(job.user_id) == []


# Retrying -----------------------------------------------------------------------------------------


def test_parked_job_is_due_at_once(bench: Bench, shop: Shop) -> None:
    job = bring(shop, "parked")
    with shop.queue() as queue:
        assert queue.claim() == []
        assert act(queue.session, "retry_job", p_job_id=job.id) == (job.id, "processing")
        act(queue.session, "retry_job", p_job_id=job.id)
        assert [each.id for each in queue.claim()] == [job.id]
    [(action, operator, reason, transaction, details)] = actions(bench, job.user_id)
    assert (action, operator, reason, transaction) == ("retry_job", "ada", "It hangs", None)
    assert details.keys() == {"job_id", "was_due_at"}
    assert bench.balance(job.user_id) == 93


@pytest.mark.parametrize("end", ["failed", "cancelled", "expired"])
def test_job_that_came_to_nothing_is_submitted_anew_at_its_owners_expense(
    bench: Bench, shop: Shop, end: str
) -> None:
    job = bring(shop, "failed" if end == "failed" else "queued")
    if end != "failed":
        bench.run("update public.generation_jobs set status = %s where id = %s", end, job.id)
    with bench.service() as service:
        new_id, status = act(service, "retry_job", p_job_id=job.id)
        assert act(service, "retry_job", p_job_id=job.id) == (new_id, "queued")
        assert service.value("select auth.uid()") is None
    assert status == "queued"
    assert bench.rows(
        "select user_id::text, prompt, credit_cost from public.generation_jobs where id = %s",
        new_id,
    ) == [(job.user_id, "A harbour", 7)]
    assert bench.balance(job.user_id) == 93
    [charge] = bench.column(
        "select id from public.credit_transactions where job_id = %s and type = 'deduction'", new_id
    )
    assert actions(bench, job.user_id) == [
        ("retry_job", "ada", "It hangs", charge, {"job_id": job.id, "new_job_id": new_id})
    ]
    assert bench.column("select actor from public.job_events where job_id = %s", new_id) == [
        "service"
    ]
    assert bench.complaints(job.user_id) == []


def test_owner_and_operators_at_once_retry_a_job_once(bench: Bench, shop: Shop) -> None:
    job = bring(shop, "failed")
    with bench.owner(job.user_id) as owner, bench.service() as one, bench.service() as two:
        found = race(
            [
                lambda: owner.value("select id::text from public.retry_generation(%s)", job.id),
                lambda: act(one, "retry_job", p_job_id=job.id)[0],
                lambda: act(two, "retry_job", p_job_id=job.id)[0],
            ]
        )
    assert len(set(found)) == 1
    assert bench.balance(job.user_id) == 93
    assert len(actions(bench, job.user_id)) <= 1
    assert bench.complaints(job.user_id) == []


def test_retry_that_its_owner_cannot_pay_is_refused_and_writes_nothing(
    bench: Bench, shop: Shop
) -> None:
    job = bring(shop, "failed")
    with bench.service() as service:
        service(
            "worker.adjust_credits",
            p_user_id=job.user_id,
            p_amount=-94,
            p_reason="x",
            p_operator="x",
        )
        with refused("PT402", "insufficient_credits"):
            act(service, "retry_job", p_job_id=job.id)
        assert service.value("select auth.uid()") is None
    assert bench.balance(job.user_id) == 6
    assert [action for action, *_ in actions(bench, job.user_id)] == ["adjust_credits"]
    assert (
        len(bench.rows("select from public.generation_jobs where user_id = %s", job.user_id)) == 1
    )


@pytest.mark.parametrize(
    ("status", "hint"),
    [("queued", "job_in_line"), ("processing", "job_running"), ("completed", "job_completed")],
)
def test_there_is_nothing_to_retry(bench: Bench, shop: Shop, status: str, hint: str) -> None:
    job = bring(shop, status)
    with bench.service() as service, refused("PT409", hint):
        act(service, "retry_job", p_job_id=job.id)
    assert actions(bench, job.user_id) == []


def test_what_waits_for_its_turn_or_for_others_cannot_be_pushed_ahead(
    bench: Bench, shop: Shop
) -> None:
    user = bench.person()
    jobs = [shop.job(user) for _ in range(3)]
    blocked = shop.job(user, p_after_job_ids=[jobs[0].id])
    with bench.service() as service:
        for job, hint in ((jobs[2], "job_held"), (blocked, "job_blocked")):
            with refused("PT409", hint):
                act(service, "retry_job", p_job_id=job.id)


def test_what_its_owner_has_deleted_stays_so(bench: Bench, shop: Shop) -> None:
    job = bring(shop, "failed")
    with bench.owner(job.user_id) as owner:
        owner.run("delete from public.generation_jobs where id = %s", job.id)
    with bench.service() as service, refused("PT409", "job_deleted"):
        act(service, "retry_job", p_job_id=job.id)


@pytest.mark.parametrize("function", ["cancel_job", "retry_job"])
def test_job_that_is_not_there_is_not_found(bench: Bench, shop: Shop, function: str) -> None:
    with bench.service() as service, refused("PT404", "job_not_found"):
        act(service, function, p_job_id=bench.person())


@pytest.mark.parametrize("missing", ["operator", "reason"])
@pytest.mark.parametrize("value", [None, "", "   ", "x" * 501])
def test_nothing_is_done_without_a_name_and_a_reason(
    bench: Bench, shop: Shop, missing: str, value: str | None
) -> None:
    job, done = bring(shop, "parked"), bring(shop, "failed")
    said = ADA | {f"p_{missing}": value}
    with bench.service() as service:
        for function, arguments in (
            ("cancel_job", {"p_job_id": job.id}),
            ("retry_job", {"p_job_id": job.id}),
            ("retry_job", {"p_job_id": done.id}),
            ("operate_provider", {"p_provider": shop.provider, "p_action": "drain"}),
        ):
            with refused("PT400", f"{missing}_required"):
                service(f"worker.{function}", **(arguments | said))
    assert actions(bench, job.user_id) == []
    assert provider_actions(bench, shop.provider) == []


# Providers ----------------------------------------------------------------------------------------


def operate(session: Session, shop: Shop, action: str, **settings: Any) -> tuple[Any, ...]:
    """Do something to the shop's provider, and return how it is then."""
    [row] = session.rows(
        "select max_running, starts_per_minute, paused_until::text, pause_reason, is_drained"
        " from worker.operate_provider(%s, %s, ' A test ', ' ada ', %s)",
        shop.provider,
        action,
        json.dumps(settings),
    )
    return row


def test_provider_is_paused_and_resumed(bench: Bench, shop: Shop) -> None:
    shop.job(bench.person())
    with shop.queue() as queue:
        assert operate(queue.session, shop, "pause") == (None, None, "infinity", "A test", False)
        assert queue.claim() == []
        until = "2999-01-01T00:00:00+00:00"
        assert operate(queue.session, shop, "pause", until=until)[2].startswith("2999-01-01")
        assert operate(queue.session, shop, "resume") == (None, None, None, None, False)
        assert len(queue.claim()) == 1
        with refused("PT400", "invalid_time"):
            operate(queue.session, shop, "pause", until="2020-01-01")
    assert provider_actions(bench, shop.provider) == [
        ("pause_provider", "ada", "A test", None, {"provider": shop.provider}),
        ("pause_provider", "ada", "A test", None, {"provider": shop.provider, "until": until}),
        ("resume_provider", "ada", "A test", None, {"provider": shop.provider}),
    ]


def test_each_limit_is_set_by_itself(bench: Bench, shop: Shop) -> None:
    with bench.service() as service:
        assert operate(service, shop, "limit", max_running=4)[:2] == (4, None)
        assert operate(service, shop, "limit", starts_per_minute=60)[:2] == (4, 60)
        assert operate(service, shop, "limit", max_running=None)[:2] == (None, 60)
        for wrong in (0, -1, "many", 1.5, 10**9):
            with refused("PT400", "invalid_limit"):
                operate(service, shop, "limit", starts_per_minute=wrong)
        assert operate(service, shop, "limit")[:2] == (None, 60)


def test_drained_provider_begins_nothing_new_until_that_is_over(bench: Bench, shop: Shop) -> None:
    parked = bring(shop, "parked")
    shop.job(bench.person())
    with shop.queue() as queue:
        assert operate(queue.session, shop, "drain")[4] is True
        act(queue.session, "retry_job", p_job_id=parked.id)
        assert [job.id for job in queue.claim(5)] == [parked.id]
        assert operate(queue.session, shop, "undrain")[4] is False
        assert len(queue.claim(5)) == 1


def test_provider_that_nobody_knows_is_a_slip(bench: Bench) -> None:
    with bench.service() as service, refused("PT404", "provider_not_found"):
        service(
            "worker.operate_provider",
            p_provider="relicate",
            p_action="drain",
            **ADA,
        )


def test_unknown_action_is_refused(bench: Bench, shop: Shop) -> None:
    with bench.service() as service, refused("PT400", "unknown_action"):
        operate(service, shop, "explode")


# Seeing -------------------------------------------------------------------------------------------


def test_each_job_stands_at_one_place(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    jobs = [shop.job(user) for _ in range(4)]
    blocked = shop.job(user, p_after_job_ids=[jobs[0].id])
    other = shop.job(bench.person())
    with shop.queue() as queue:
        by_id = {job.id: job for job in queue.claim(3)}
        queue.park(by_id[jobs[1].id])
        service = queue.session
        assert dict(
            service.rows(
                "select job_id::text, place from worker.queue_jobs where provider = %s",
                shop.provider,
            )
        ) == {
            jobs[0].id: "running",
            jobs[1].id: "parked",
            jobs[2].id: "held",
            jobs[3].id: "held",
            blocked.id: "blocked",
            other.id: "running",
        }
        [depths] = service.rows(
            "select kind, jobs, in_line, held, blocked, parked, running, underway, begun,"
            " oldest_wait_seconds from worker.queue_depths where provider = %s",
            shop.provider,
        )
        assert depths == ("text_to_image", 6, 0, 2, 1, 1, 2, 3, 3, None)
        shop.job(bench.person())
        queue.complete(by_id[jobs[0].id])
        [depths] = service.rows(
            "select in_line, held, blocked, oldest_wait_seconds >= 0"
            " from worker.queue_depths where provider = %s",
            shop.provider,
        )
        assert depths == (2, 2, 0, True)
        assert service.rows(
            "select jobs, in_line + held, parked, running, begun from worker.queue_users"
            " where user_id = %s",
            user,
        ) == [(4, 3, 1, 0, 1)]


def test_queue_knows_the_state_of_every_job_in_it(bench: Bench, shop: Shop) -> None:
    jobs = [bring(shop, status) for status in ("starting", "processing", "finalizing", "parked")]
    jobs.append(shop.job(bench.person()))
    with shop.queue() as queue:
        [again] = queue.claim()
        queue.fail(again, "transient", retry_after_seconds=1000)
    bring(shop, "completed")
    shop.job(bench.person())
    assert (
        bench.rows(
            "select queue.job_id from worker.queue_jobs as queue"
            " inner join public.generation_jobs as jobs on jobs.id = queue.job_id"
            " where queue.provider = %s and queue.status is distinct from jobs.status",
            shop.provider,
        )
        == []
    )
    with bench.service() as service:
        assert dict(
            service.rows(
                "select status::text, jobs from worker.job_queue_status where provider = %s",
                shop.provider,
            )
        ) == {"starting": 1, "processing": 2, "finalizing": 1, "queued": 2}


def test_rates_tell_what_was_begun_and_how_it_ended(bench: Bench, shop: Shop) -> None:
    for status in ("completed", "completed", "failed"):
        bring(shop, status)
    cancelled, expired = bring(shop, "starting"), bring(shop, "queued")
    dropped = shop.draft(bench.person())
    with bench.owner(dropped.user_id) as owner:
        owner("public.cancel_generation", p_job_id=dropped.id)
    with bench.service() as service:
        act(service, "cancel_job", p_job_id=cancelled.id)
        bench.run("update public.generation_jobs set status = 'expired' where id = %s", expired.id)
        rates = (
            "select kind, started_1m, ended_1m, started_5m, completed_5m, failed_5m, cancelled_5m,"
            " expired_5m from worker.queue_rates where provider = %s"
        )
        assert service.rows(rates, shop.provider) == [("text_to_image", 4, 5, 4, 2, 1, 1, 1)]
        bench.run(
            "update public.job_events set created_at = created_at - interval '2 minutes'"
            " where job_id in (select id from public.generation_jobs where provider = %s)",
            shop.provider,
        )
        assert service.rows(rates, shop.provider) == [("text_to_image", 0, 0, 4, 2, 1, 1, 1)]


@pytest.mark.parametrize("view", ["queue_jobs", "queue_depths", "queue_users", "queue_rates"])
def test_clients_see_nothing_of_the_queue(bench: Bench, view: str) -> None:
    for session in (bench.owner(bench.person()), bench.anonymous()):
        with session:
            with refused("42501"):
                session.rows(f"select * from worker.{view}")
            for function in ("cancel_job", "retry_job"):
                with refused("42501"):
                    act(session, function, p_job_id=bench.person())
