"""What operators do to somebody's credits: by name, with a reason, written down, and once."""

from decimal import Decimal
from typing import Any

import pytest

from .harness import PACKAGE_PRICE, Bench, Job, Session, Shop, race, refused

GRANT, ADJUST, REFUND = "worker.grant_credits", "worker.adjust_credits", "worker.refund_job"
ADA = {"p_operator": " ada ", "p_reason": " A gift "}


def act(session: Session, function: str, **arguments: Any) -> tuple[str, Decimal]:
    """Call an operator's function, and return the id and the amount of the movement."""
    named = ", ".join(f"{name} => %s" for name in arguments)
    [(movement, amount)] = session.rows(
        f"select id::text, amount from {function}({named})", *arguments.values()
    )
    return movement, amount


def actions(bench: Bench, user_id: str) -> list[tuple[Any, ...]]:
    """Return what is written down about a user, oldest first."""
    return bench.rows(
        "select action, operator, reason, transaction_id::text, details"
        " from worker.operator_actions where user_id = %s order by created_at, id",
        user_id,
    )


def done_job(shop: Shop) -> Job:
    """Return a job that is done and was paid for with 7 credits."""
    job = shop.job(shop.bench.person())
    with shop.queue() as queue:
        [claimed] = queue.finalizing()
        queue.complete(claimed)
    return job


def calls(user_id: str, job: Job) -> dict[str, dict[str, Any]]:
    """Return the arguments of one good call of each function."""
    return {
        GRANT: {"p_user_id": user_id, "p_amount": 5},
        ADJUST: {"p_user_id": user_id, "p_amount": -5},
        REFUND: {"p_job_id": job.id, "p_amount": 5},
    }


def test_grant_is_a_bonus_with_a_name_and_a_reason_written_down(bench: Bench) -> None:
    user = bench.person()
    with bench.service() as service:
        given, amount = act(service, GRANT, p_user_id=user, p_amount=Decimal("2.50"), **ADA)
    assert amount == Decimal("2.50")
    assert bench.balance(user) == 102.5
    assert bench.rows(
        "select type, status, description from public.credit_transactions where id = %s", given
    ) == [("bonus", "completed", "Credits given")]
    assert actions(bench, user) == [
        ("grant_credits", "ada", "A gift", given, {"amount": 2.5, "expires_at": None})
    ]
    assert bench.complaints(user) == []


@pytest.mark.parametrize("function", [GRANT, ADJUST, REFUND])
def test_user_learns_neither_who_nor_why(bench: Bench, shop: Shop, function: str) -> None:
    job = done_job(shop)
    secrets = {"p_operator": "ada@company", "p_reason": "suspected fraud"}
    with bench.service() as service:
        act(service, function, **calls(job.user_id, job)[function], **secrets)
    with bench.owner(job.user_id) as session:
        for table in ("credit_transactions", "credit_grants", "credit_statement"):
            seen = session.value(f"select string_agg(t::text, '') from public.{table} as t")
            assert not any(secret in seen for secret in secrets.values())


def test_grant_may_end_but_not_before_now(bench: Bench) -> None:
    user = bench.person()
    with bench.service() as service:
        act(service, GRANT, p_user_id=user, p_amount=5, p_expires_at="2999-01-01", **ADA)
        for end in ("2020-01-01", "infinity", "-infinity"):
            with refused("PT400", "invalid_expiry"):
                act(service, GRANT, p_user_id=user, p_amount=5, p_expires_at=end, **ADA)
    assert bench.column(
        "select expires_at::date::text from public.credit_grants"
        " where user_id = %s and expires_at is not null",
        user,
    ) == ["2999-01-01"]


def test_adjustment_goes_up_and_down(bench: Bench) -> None:
    user = bench.person()
    with bench.service() as service:
        assert act(service, ADJUST, p_user_id=user, p_amount=5, **ADA)[1] == 5
        assert act(service, ADJUST, p_user_id=user, p_amount=-105, **ADA)[1] == -105
    assert bench.balance(user) == 0
    assert bench.column(
        "select type::text from public.credit_transactions where user_id = %s order by version",
        user,
    ) == ["bonus", "adjustment", "adjustment"]
    assert [action for action, *_ in actions(bench, user)] == ["adjust_credits"] * 2
    assert bench.complaints(user) == []


def test_adjustment_takes_no_more_than_can_be_spent(bench: Bench) -> None:
    user = bench.person()
    with bench.tampering():
        bench.run(
            "update public.credit_grants set expires_at = now() - interval '1 second'"
            " where user_id = %s",
            user,
        )
    with bench.service() as service:
        act(service, GRANT, p_user_id=user, p_amount=5, **ADA)
        with refused("PT409", "adjustment_exceeds_balance"):
            act(service, ADJUST, p_user_id=user, p_amount=Decimal("-5.01"), **ADA)
        act(service, ADJUST, p_user_id=user, p_amount=-5, **ADA)
        with refused("PT409", "adjustment_exceeds_balance"):
            act(service, ADJUST, p_user_id=user, p_amount=Decimal("-0.01"), **ADA)
    assert bench.balance(user) == 100
    assert len(actions(bench, user)) == 2


def test_what_is_given_to_who_owes_pays_the_debt_first(bench: Bench, shop: Shop) -> None:
    user = shop.borrower()
    with bench.service() as service:
        act(service, GRANT, p_user_id=user, p_amount=3, **ADA)
        assert bench.balance(user) == 0
        act(service, ADJUST, p_user_id=user, p_amount=5, **ADA)
    assert bench.balance(user) == 1
    assert bench.complaints(user) == []


def test_adjustment_is_not_taken_again_when_the_payment_is_returned(
    bench: Bench, shop: Shop
) -> None:
    user = bench.person(anonymous=True)
    payment = bench.value(
        "select id from worker.open_payment(%s, 'sandbox', 'x', p_package_slug => 'usd-starter')",
        user,
    )
    bench("worker.settle_payment", p_payment_id=payment, **PACKAGE_PRICE)
    with bench.service() as service:
        act(service, ADJUST, p_user_id=user, p_amount=-60, **ADA)
        service("worker.refund_payment", p_payment_id=payment, p_refunded_minor=999)
    assert bench.rows(
        "select balance, debt from public.credit_accounts where user_id = %s", user
    ) == [(0, 0)]
    assert bench.complaints(user) == []


def test_job_is_refunded_in_parts_and_no_further_than_it_cost(bench: Bench, shop: Shop) -> None:
    job = done_job(shop)
    with bench.service() as service:
        assert act(service, REFUND, p_job_id=job.id, p_amount=3, **ADA)[1] == 3
        with refused("PT409", "refund_exceeds_charge"):
            act(service, REFUND, p_job_id=job.id, p_amount=5, **ADA)
        assert act(service, REFUND, p_job_id=job.id, **ADA)[1] == 4
        with refused("PT409", "refund_exceeds_charge"):
            act(service, REFUND, p_job_id=job.id, **ADA)
    assert bench.balance(job.user_id) == 100
    assert [details for *_, details in actions(bench, job.user_id)] == [
        {"job_id": job.id, "amount": 3},
        {"job_id": job.id, "amount": None},
    ]
    assert bench.complaints(job.user_id) == []


def test_job_that_runs_is_cancelled_and_not_refunded(bench: Bench, shop: Shop) -> None:
    job = shop.job(bench.person())
    with bench.service() as service:
        with refused("PT409", "job_not_ended"):
            act(service, REFUND, p_job_id=job.id, **ADA)
        with refused("PT404", "job_not_found"):
            act(service, REFUND, p_job_id=job.user_id, **ADA)
    assert bench.balance(job.user_id) == 93


@pytest.mark.parametrize("function", [GRANT, ADJUST, REFUND])
@pytest.mark.parametrize("missing", ["operator", "reason"])
@pytest.mark.parametrize("value", [None, "", "   ", "x" * 501])
def test_nothing_is_done_without_a_name_and_a_reason(
    bench: Bench, shop: Shop, function: str, missing: str, value: str | None
) -> None:
    job = done_job(shop)
    arguments = calls(job.user_id, job)[function] | ADA | {f"p_{missing}": value}
    with bench.service() as service, refused("PT400", f"{missing}_required"):
        act(service, function, **arguments)
    assert bench.balance(job.user_id) == 93
    assert actions(bench, job.user_id) == []


@pytest.mark.parametrize("function", [GRANT, ADJUST, REFUND])
@pytest.mark.parametrize(
    "amount", ["NaN", "Infinity", "-Infinity", "0", "0.001", "100000000", "1e131000"]
)
def test_amount_that_makes_no_sense_is_refused_and_nothing_is_written(
    bench: Bench, shop: Shop, function: str, amount: str
) -> None:
    job = done_job(shop)
    arguments = calls(job.user_id, job)[function] | {"p_amount": Decimal(amount)}
    with bench.service() as service, refused("PT400", "invalid_amount"):
        act(service, function, **arguments, **ADA)
    assert bench.balance(job.user_id) == 93
    assert actions(bench, job.user_id) == []


@pytest.mark.parametrize("function", [GRANT, REFUND])
def test_only_an_adjustment_may_take(bench: Bench, shop: Shop, function: str) -> None:
    job = done_job(shop)
    arguments = calls(job.user_id, job)[function] | {"p_amount": -1}
    with bench.service() as service, refused("PT400", "invalid_amount"):
        act(service, function, **arguments, **ADA)


@pytest.mark.parametrize("function", [GRANT, ADJUST])
def test_amount_that_is_missing_is_refused(bench: Bench, function: str) -> None:
    user = bench.person()
    with bench.service() as service, refused("PT400", "invalid_amount"):
        act(service, function, p_user_id=user, p_amount=None, **ADA)


@pytest.mark.parametrize("function", [GRANT, ADJUST, REFUND])
def test_same_key_does_it_once_also_at_once(bench: Bench, shop: Shop, function: str) -> None:
    job = done_job(shop)
    arguments = calls(job.user_id, job)[function] | {"p_idempotency_key": "once"} | ADA
    with bench.service() as one, bench.service() as two, bench.service() as three:
        found = race([lambda s=s: act(s, function, **arguments) for s in (one, two, three)])
        again = act(one, function, **(arguments | {"p_operator": "bo", "p_reason": "Again"}))
    assert set(found) == {again}
    assert len(actions(bench, job.user_id)) == 1
    assert bench.balance(job.user_id) == 93 + again[1]
    assert bench.complaints(job.user_id) == []


@pytest.mark.parametrize("function", [GRANT, ADJUST, REFUND])
def test_same_key_with_another_wish_is_refused(bench: Bench, shop: Shop, function: str) -> None:
    job = done_job(shop)
    known = calls(job.user_id, job)
    with bench.service() as service:
        act(service, function, **known[function], **ADA, p_idempotency_key="once")
        wishes = [(function, known[function] | {"p_amount": 1})]
        wishes += [(other, known[other]) for other in known if other != function]
        for other, arguments in wishes:
            with refused("PT409", "idempotency_key_reused"):
                act(service, other, **arguments, **ADA, p_idempotency_key="once")
    assert len(actions(bench, job.user_id)) == 1


@pytest.mark.parametrize("key", ["", "x" * 151])
def test_key_is_a_short_text(bench: Bench, key: str) -> None:
    user = bench.person()
    with bench.service() as service, refused("PT400", "invalid_idempotency_key"):
        act(service, GRANT, p_user_id=user, p_amount=1, p_idempotency_key=key, **ADA)


@pytest.mark.parametrize("function", [GRANT, ADJUST])
def test_who_is_not_there_gets_nothing(bench: Bench, shop: Shop, function: str) -> None:
    with bench.service() as service, refused("PT404", "user_not_found"):
        act(
            service,
            function,
            p_user_id="0a0a0a0a-0000-4000-8000-00000000ffff",
            p_amount=1,
            **ADA,
        )
