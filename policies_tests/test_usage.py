"""What was spent on what: credit_usage_by_model counts each job on the day of its charge."""

import json
from decimal import Decimal

import pytest

from .clock import SETTABLE
from .harness import Bench, Shop

USAGE = (
    "select model_id, operation_type, day::text, jobs, credits"
    " from public.credit_usage_by_model order by day, model_id"
)


def be(bench: Bench, user: str | None) -> None:
    """Be a user until the transaction ends, or the superuser again."""
    bench.run("reset role")
    if user is not None:
        bench.run(
            "select set_config('request.jwt.claims', %s, true)",
            json.dumps({"role": "authenticated", "sub": user}),
        )
        bench.run("set local role authenticated")


def submit(bench: Bench, shop: Shop, user: str, at: str, outputs: int = 1) -> str:
    """Submit a job of seven credits an output at some time."""
    bench.run("select set_config('reelbase.now', %s, true)", at)
    be(bench, user)
    job = shop.submit(bench, p_output_count=outputs)
    be(bench, None)
    return job


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_refund_counts_on_the_day_of_what_it_returns(bench: Bench, shop: Shop, zone: str) -> None:
    with bench.undone():
        bench.run(SETTABLE)
        bench.run("select set_config('timezone', %s, true)", zone)
        bench.run("select set_config('reelbase.now', '2001-01-01 00:00Z', true)")
        user = bench.person()
        job = submit(bench, shop, user, "2001-01-01 23:59:59Z", 3)
        submit(bench, shop, user, "2001-01-02 00:00:00Z", 2)
        other = submit(bench, shop, user, "2001-01-02 23:59:59Z", 1)
        bench.run("select set_config('reelbase.now', '2001-03-01 00:00Z', true)")
        for amount in (1, 2, None):
            bench("private.refund_deduction", p_job_id=other, p_amount=amount)
        bench("private.refund_deduction", p_job_id=job, p_amount=Decimal("0.5"))
        be(bench, user)
        assert bench.rows(USAGE) == [
            (shop.model, "text_to_image", "2001-01-01", 1, Decimal("20.5")),
            (shop.model, "text_to_image", "2001-01-02", 2, 14),
        ]


def test_only_jobs_are_usage(bench: Bench, shop: Shop) -> None:
    user = bench.person()
    shop.job(user)
    bench("worker.grant_credits", p_user_id=user, p_amount=5, p_reason="x", p_operator="x")
    bench("worker.adjust_credits", p_user_id=user, p_amount=-5, p_reason="x", p_operator="x")
    with bench.owner(user) as session:
        assert [row[3:] for row in session.rows(USAGE)] == [(1, 7)]


def test_readers_see_their_own_usage_and_services_all(bench: Bench, shop: Shop) -> None:
    users = [bench.person(), bench.person()]
    for outputs, user in enumerate(users, start=1):
        shop.job(user, p_output_count=outputs)
    for outputs, user in enumerate(users, start=1):
        with bench.owner(user) as session:
            query = "select user_id::text, credits from public.credit_usage_by_model"
            assert session.rows(query) == [(user, 7 * outputs)]
    with bench.service() as session:
        assert sorted(
            session.column(
                "select credits from public.credit_usage_by_model where user_id = any(%s::uuid[])",
                users,
            )
        ) == [7, 14]
