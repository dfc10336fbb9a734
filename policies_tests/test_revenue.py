"""What the books tell an operator about money: sold, earned, given back, lapsed and owed, by month.

Each test makes a history of its own, long ago, in one transaction in which it says what time it is,
and undoes it. What others have sold is of later years, and the months of a test never see it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .clock import SETTABLE
from .harness import Bench, Shop, refused

CURRENCY = "GBP"
REPORTS = (
    "debt_changes",
    "sold_lots",
    "revenue_entries",
    "revenue_by_month",
    "credit_liability",
    "credits_by_month",
)


@dataclass(frozen=True, slots=True)
class Past:
    """A history in the making."""

    bench: Bench
    shop: Shop

    def at(self, time: str) -> None:
        """Let it be another time."""
        self.bench.run("select set_config('reelbase.now', %s, true)", f"{time} 00:00:00+00")

    def person(self) -> str:
        """Sign somebody up to whom nothing is given."""
        return self.bench.person(anonymous=True)

    def payment(self, user: str, credits_: int, price: int, currency: str = CURRENCY) -> str:
        """Sell a package."""
        slug = f"of-a-test-{uuid4().hex}"
        self.bench.run(
            "insert into public.credit_packages (slug, name, credits, price_minor, currency)"
            " values (%s, 'Of a test', %s, %s, %s)",
            slug,
            credits_,
            price,
            currency,
        )
        [payment] = self.bench.column(
            "select id from worker.open_payment(%s, 'sandbox', %s, %s)", user, slug, slug
        )
        self.bench(
            "worker.settle_payment", p_payment_id=payment, p_amount_minor=price, p_currency=currency
        )
        return str(payment)

    def gift(self, user: str, amount: int) -> None:
        """Give somebody credits that nobody has paid for, to be spent last."""
        self.bench.rows(
            "select private.grant_credits(%s, %s, 'bonus', %s, p_priority => -1::smallint)",
            user,
            amount,
            uuid4().hex,
        )

    def job(self, user: str, outputs: int = 1) -> str:
        """Submit a job of seven credits an output."""
        self.bench.run(
            "select set_config('request.jwt.claims', %s, true)",
            json.dumps({"role": "authenticated", "sub": user}),
        )
        self.bench.run("set local role authenticated")
        job = self.shop.submit(self.bench, p_output_count=outputs)
        self.bench.run("reset role")
        return job

    def end(self, job: str, status: str = "completed") -> None:
        """Bring a job to its end."""
        for each in ("starting", "processing", "finalizing", status):
            reason = "of a test" if each == "failed" else None
            self.bench.run(
                "update public.generation_jobs"
                " set status = %s, error_code = %s, error_message = %s where id = %s",
                each,
                reason,
                reason,
                job,
            )

    def done(self, user: str, outputs: int = 1) -> str:
        """Submit a job and complete it."""
        job = self.job(user, outputs)
        self.end(job)
        return job

    def return_of(self, job: str, amount: float | None = None) -> None:
        """Return what a job cost, or a part of it."""
        self.bench("worker.refund_job", p_job_id=job, p_reason="x", p_operator="x", p_amount=amount)

    def months(self, *columns: str, currency: str = CURRENCY) -> list[tuple[Any, ...]]:
        """Read some columns of the report, up to now."""
        return self.bench.rows(
            f"select to_char(month, 'YYYY-MM'), {', '.join(columns)} from worker.revenue_by_month"
            " where currency = %s and month <= (private.now() at time zone 'UTC') order by month",
            currency,
        )

    def set_plans(self) -> None:
        """Let there be starter, 100 credits for 1000, and creator, 400 for 3000."""
        self.bench.run(
            "update public.subscription_plans set currency = %s, rollover_periods = 0,"
            " monthly_allowance = case tier when 'starter' then 100 else 400 end,"
            " price_minor = case tier when 'starter' then 1000 else 3000 end"
            " where tier in ('starter', 'creator')",
            CURRENCY,
        )

    def sums(self, payment: str) -> dict[str, tuple[Decimal, Decimal]]:
        """Read what became of a payment's credits: credits and money, by effect."""
        return {
            effect: (credits_, money)
            for effect, credits_, money in self.bench.rows(
                "select effect, sum(credits), round(sum(amount_minor), 2)"
                " from worker.revenue_entries where payment_id = %s group by effect"
                " having sum(credits) <> 0 or round(sum(amount_minor), 2) <> 0",
                payment,
            )
        }

    def check(self, *users: str) -> None:
        """See that everything agrees: the books, the equation, and both ways to the liability."""
        assert self.bench.complaints(*users) == []
        for currency, *parts in self.bench.rows(
            "select currency, sum(sold_credits), sum(recognised_credits), sum(returned_credits),"
            " sum(expired_credits), sum(withdrawn_credits),"
            " (array_agg(liability_credits order by month desc))[1],"
            " (array_agg(liability_minor order by month desc))[1]"
            " from worker.revenue_by_month group by currency"
        ):
            sold, *rest, liability, worth = parts
            assert sold == sum(rest) + liability, currency
            assert self.bench.rows(
                "select liability_credits, liability_minor from worker.credit_liability"
                " where currency = %s",
                currency,
            ) in ([(liability, worth)], [] if liability == 0 else None)
        assert (
            self.bench.rows(
                "select payments.id from public.payments left join worker.debt_changes as changes"
                " on changes.payment_id = payments.id where payments.user_id = any(%s::uuid[])"
                " group by payments.id having sum(coalesce(changes.amount, 0)) <> credits_owed",
                list(users),
            )
            == []
        )


@contextmanager
def past_of(bench: Bench, shop: Shop) -> Iterator[Past]:
    """Open a history and forget it."""
    with bench.undone():
        bench.run(SETTABLE)
        past = Past(bench, shop)
        past.at("2001-01-10")
        yield past


@pytest.fixture
def past(bench: Bench, shop: Shop) -> Iterator[Past]:
    with past_of(bench, shop) as past:
        yield past


# Months -------------------------------------------------------------------------------------------


def test_sale_is_earned_when_jobs_are_done_and_less_when_they_are_refunded(past: Past) -> None:
    user = past.person()
    payment = past.payment(user, 100, 1000)
    job = past.job(user, 4)
    past.at("2001-02-28")
    past.end(job)
    past.at("2001-03-01")
    past.return_of(job, 7)
    past.at("2001-05-31")
    past.return_of(job)
    past.check(user)
    assert past.months(
        "sold_credits", "sold_minor", "recognised_credits", "recognised_minor",
        "liability_credits", "liability_minor",
    ) == [
        ("2001-01", 100, 1000, 0, 0, 100, 1000),
        ("2001-02", 0, 0, 28, 280, 72, 720),
        ("2001-03", 0, 0, -7, -70, 79, 790),
        ("2001-04", 0, 0, 0, 0, 79, 790),
        ("2001-05", 0, 0, -21, -210, 100, 1000),
    ]  # fmt: skip
    assert past.sums(payment) == {"sold": (100, 1000)}


def test_hold_is_a_liability_and_no_revenue_whatever_comes_of_it(past: Past) -> None:
    user = past.person()
    payment = past.payment(user, 100, 1000)
    failed, partly, waiting = past.job(user, 2), past.job(user, 3), past.job(user, 1)
    past.at("2001-02-10")
    past.bench("private.refund_deduction", p_job_id=partly, p_amount=7)
    effects = "select distinct effect from worker.revenue_entries where payment_id = %s"
    assert past.bench.column(effects, payment) == ["sold"]
    past.at("2001-03-10")
    past.end(failed, "failed")
    past.end(partly)
    past.check(user)
    assert past.months("recognised_credits", "recognised_minor", "liability_credits") == [
        ("2001-01", 0, 0, 100),
        ("2001-02", 0, 0, 100),
        ("2001-03", 14, 140, 86),
    ]
    assert past.bench.rows(
        "select unspent_credits, held_credits, liability_credits, liability_minor, owed_credits"
        " from worker.credit_liability where currency = %s",
        CURRENCY,
    ) == [(79, 7, 86, 860, 0)]
    past.end(waiting)
    past.check(user)


def test_months_are_those_of_utc(past: Past) -> None:
    user = past.person()
    past.bench.run("set local timezone = 'Pacific/Kiritimati'")
    past.at("2001-02-01")
    past.payment(user, 10, 100)
    past.bench.run("set local timezone = 'Pacific/Pago_Pago'")
    past.at("2001-04-01")
    past.done(user)
    assert past.months("sold_credits", "recognised_credits") == [
        ("2001-02", 10, 0),
        ("2001-03", 0, 0),
        ("2001-04", 0, 7),
    ]


def test_each_payment_has_its_own_price_and_currency(past: Past) -> None:
    user, other = past.person(), past.person()
    past.payment(user, 7, 100)
    past.payment(user, 7, 333)
    past.payment(other, 3, 1000, "EUR")
    past.gift(other, 100)
    past.done(other)
    past.done(user, 2)
    past.check(user, other)
    columns = ("sold_credits", "sold_minor", "recognised_credits", "recognised_minor")
    assert past.months(*columns) == [("2001-01", 14, 433, 14, 433)]
    assert past.months(*columns, currency="EUR") == [("2001-01", 3, 1000, 3, 1000)]


def test_what_nobody_paid_for_is_no_revenue(past: Past) -> None:
    user = past.bench.person()
    slug = f"free-{uuid4().hex}"
    past.bench.run(
        "insert into public.credit_packages (slug, name, credits, price_minor, currency)"
        " values (%s, 'Trial', 5, 0, %s)",
        slug,
        CURRENCY,
    )
    past.bench.rows("select id from worker.open_payment(%s, 'sandbox', 'k', %s)", user, slug)
    past.bench("worker.adjust_credits", p_user_id=user, p_amount=9, p_reason="x", p_operator="x")
    past.done(user)
    past.check(user)
    assert past.months("sold_credits") == []
    assert past.bench.rows(
        "select month::text, type, credits, entries from worker.credits_by_month"
        " where month < '2011-01-01' order by type"
    ) == [
        ("2001-01-01", "purchase", 5, 1),
        ("2001-01-01", "deduction", -7, 1),
        ("2001-01-01", "bonus", 100, 1),
        ("2001-01-01", "adjustment", 9, 1),
    ]
    free = "select unspent_credits from worker.credit_liability where currency is null"
    before = past.bench.value(free)
    past.gift(user, 1)
    assert past.bench.value(free) == before + 1


# Returned money -----------------------------------------------------------------------------------


def test_refund_of_unspent_credits_takes_from_the_liability(past: Past) -> None:
    user = past.person()
    payment = past.payment(user, 100, 1000)
    past.done(user, 2)
    past.at("2001-02-10")
    past.bench("worker.refund_payment", p_payment_id=payment, p_refunded_minor=500)
    past.check(user)
    assert past.months(
        "recognised_minor", "returned_credits", "returned_minor", "liability_credits"
    ) == [("2001-01", 140, 0, 0, 86), ("2001-02", 0, 50, 500, 36)]


def test_refund_of_spent_credits_is_no_revenue_any_more_though_others_pay_for_it(
    past: Past,
) -> None:
    user = past.person()
    spent = past.payment(user, 28, 2800)
    past.done(user, 4)
    past.at("2001-02-10")
    other = past.payment(user, 20, 1000)
    past.gift(user, 5)
    past.bench("worker.refund_payment", p_payment_id=spent, p_refunded_minor=2800)
    past.check(user)
    # All of it is returned: by 20 credits of the other payment, 5 of a gift, and 3 that are owed.
    assert past.sums(spent) == {"sold": (28, 2800), "returned": (28, 2800)}
    assert past.sums(other) == {"sold": (20, 1000), "recognised": (20, 1000)}
    assert past.months("recognised_credits", "recognised_minor", "returned_minor") == [
        ("2001-01", 28, 2800, 0),
        ("2001-02", 20 - 28, 1000 - 2800, 2800),
    ]
    owed = past.bench.rows(
        "select owed_credits, owed_minor from worker.credit_liability where currency = %s", CURRENCY
    )
    assert owed == [(3, 300)]


def test_debt_that_is_paid_later_is_revenue_of_what_paid_it(past: Past) -> None:
    user = past.person()
    spent = past.payment(user, 28, 2800)
    past.done(user, 4)
    past.at("2001-02-10")
    past.bench("worker.open_dispute", p_payment_id=spent, p_dispute_reference="d")
    past.bench(
        "worker.close_dispute", p_payment_id=spent, p_dispute_reference="d", p_outcome="lost"
    )
    assert past.sums(spent) == {"sold": (28, 2800), "returned": (28, 2800)}
    past.at("2001-04-10")
    other = past.payment(user, 100, 1000)
    past.check(user)
    assert past.sums(spent) == {"sold": (28, 2800), "returned": (28, 2800)}
    assert past.sums(other) == {"sold": (100, 1000), "recognised": (28, 280)}
    assert past.months("recognised_minor", "returned_minor", "liability_credits") == [
        ("2001-01", 2800, 0, 0),
        ("2001-02", -2800, 2800, 0),
        ("2001-03", 0, 0, 0),
        ("2001-04", 280, 0, 72),
    ]


def test_dispute_that_is_won_after_all_undoes_itself(past: Past) -> None:
    user = past.person()
    payment = past.payment(user, 100, 1000)
    job = past.done(user, 10)
    past.gift(user, 20)
    before = past.sums(payment)
    past.at("2001-02-10")
    for outcome in ("lost", "won"):
        past.bench(
            "worker.close_dispute", p_payment_id=payment, p_dispute_reference="d", p_outcome=outcome
        )
        past.check(user)
        past.at("2001-03-10")
    assert past.sums(payment) == before
    past.return_of(job)
    past.check(user)
    assert past.sums(payment) == {"sold": (100, 1000)}


# Plans --------------------------------------------------------------------------------------------


def subscribe(past: Past, user: str, tier: str, until: str) -> tuple[str, str]:
    """Start a subscription now and pay for it, and return it and its payment."""
    key = uuid4().hex
    payment, price = past.bench.rows(
        "select id, amount_minor from worker.open_payment(%s, 'sandbox', %s, p_tier => %s)",
        user,
        key,
        tier,
    )[0]
    subscription = past.bench.value(
        "select id from worker.start_subscription(%s, %s, private.now(), %s, 'sandbox', %s, %s)",
        user,
        tier,
        f"{until} 00:00+00",
        key,
        payment,
    )
    past.bench(
        "worker.settle_payment", p_payment_id=payment, p_amount_minor=price, p_currency=CURRENCY
    )
    past.bench.rows("select private.follow_plan(%s)", user)
    return str(subscription), str(payment)


@pytest.fixture
def plans(past: Past) -> Past:
    past.set_plans()
    return past


def test_allowance_that_was_paid_for_and_ends_unspent_is_breakage(plans: Past) -> None:
    user = plans.person()
    _, payment = subscribe(plans, user, "starter", "2001-02-10")
    job = plans.done(user, 2)
    plans.at("2001-03-10")
    plans.bench.rows("select worker.expire_credits(1000)")
    plans.check(user)
    assert plans.sums(payment) == {
        "sold": (100, 1000),
        "recognised": (14, 140),
        "expired": (86, 860),
    }
    # What is refunded now comes back for a while, and is still what was paid for.
    plans.return_of(job, 7)
    plans.check(user)
    assert plans.months("recognised_minor", "expired_minor", "liability_minor") == [
        ("2001-01", 140, 0, 860),
        ("2001-02", 0, 0, 860),
        ("2001-03", -70, 860, 70),
    ]
    plans.at("2001-06-10")
    plans.bench.rows("select worker.expire_credits(1000)")
    plans.check(user)
    assert plans.sums(payment) == {
        "sold": (100, 1000),
        "recognised": (7, 70),
        "expired": (93, 930),
    }


def test_allowance_that_a_smaller_plan_takes_back_is_withdrawn(plans: Past) -> None:
    user = plans.person()
    subscription, payment = subscribe(plans, user, "creator", "2001-02-09")
    plans.at("2001-01-25")
    plans.bench(
        "worker.change_subscription",
        p_subscription_id=subscription,
        p_tier="starter",
        p_effective_at="2001-01-25 00:00+00",
    )
    plans.check(user)
    assert plans.sums(payment) == {"sold": (400, 3000), "withdrawn": (150, 1125)}


def test_payment_for_several_months_is_sold_month_by_month(plans: Past) -> None:
    user = plans.person()
    plans.bench.run("update public.subscription_plans set price_minor = 12000")
    _, payment = subscribe(plans, user, "starter", "2002-01-10")
    plans.done(user, 5)
    first = [("2001-01", 100, 1000, 350)]
    columns = ("sold_credits", "sold_minor", "recognised_minor")
    assert plans.months(*columns) == first
    for month in ("02", "03"):
        plans.at(f"2001-{month}-10")
        plans.bench.rows("select private.follow_plan(%s)", user)
    plans.check(user)
    assert plans.months(*columns) == [*first, ("2001-02", 100, 1000, 0), ("2001-03", 100, 1000, 0)]
    assert plans.sums(payment)["sold"] == (300, 3000)


def test_what_an_operator_takes_is_withdrawn(past: Past) -> None:
    user = past.person()
    payment = past.payment(user, 100, 1000)
    past.bench("worker.adjust_credits", p_user_id=user, p_amount=-30, p_reason="x", p_operator="x")
    past.check(user)
    assert past.sums(payment) == {"sold": (100, 1000), "withdrawn": (30, 300)}


# Any history --------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "buy",
                "gift",
                "job",
                "end",
                "fail",
                "give back",
                "refund",
                "lose",
                "win",
                "take",
                "plan",
                "wait",
            ]
        ),
        st.integers(0, 1),
        st.integers(1, 9),
    ),
    min_size=5,
    max_size=25,
)


@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_everything_adds_up_after_any_history(bench: Bench, shop: Shop, steps: Any) -> None:
    with past_of(bench, shop) as past:
        past.set_plans()
        people = [past.person(), past.person()]
        payments: list[list[str]] = [[], []]
        jobs: list[list[str]] = [[], []]
        day = 0
        for step, who, number in [("buy", 0, 9), ("buy", 1, 3), *steps]:
            try:
                with bench.connection.transaction():
                    play(
                        past,
                        step,
                        people[who],
                        payments=payments[who],
                        jobs=jobs[who],
                        number=number,
                    )
            except psycopg.Error as error:
                # What the books refuse is not what this is about.
                if not (error.sqlstate or "").startswith("PT"):
                    raise
            if step == "wait":
                day += 9 * number
                past.at(bench.value("select (date '2001-01-10' + %s)::text", day))
                bench.rows("select worker.expire_credits(1000), worker.follow_subscriptions(1000)")
        past.check(*people)


def play(
    past: Past, step: str, user: str, *, payments: list[str], jobs: list[str], number: int
) -> None:
    """Do one thing of a history."""
    latest = payments[-1] if payments else None
    match step:
        case "buy":
            payments.append(past.payment(user, 7 * number, 100 * number + 33))
        case "plan":
            until = past.bench.value(
                "select (private.now() + make_interval(days => %s))::date::text", 12 * number
            )
            payments.append(subscribe(past, user, "starter", until)[1])
        case "gift":
            past.gift(user, number)
        case "job":
            jobs.append(past.job(user, number))
        case "end" | "fail" if jobs:
            past.end(jobs[-1], {"end": "completed", "fail": "failed"}[step])
        case "give back" if jobs:
            past.return_of(jobs[number % len(jobs)], number)
        case "refund" if latest:
            past.bench("worker.refund_payment", p_payment_id=latest, p_refunded_minor=60 * number)
        case "lose" | "win" if latest:
            past.bench(
                "worker.close_dispute",
                p_payment_id=latest,
                p_dispute_reference=str(number),
                p_outcome={"lose": "lost", "win": "won"}[step],
                p_amount_minor=50 * number,
            )
        case "take":
            past.bench(
                "worker.adjust_credits",
                p_user_id=user,
                p_amount=-number,
                p_reason="x",
                p_operator="x",
            )
        case _:
            pass


# Readers ------------------------------------------------------------------------------------------


def test_deletion_of_a_user_takes_their_part_along(past: Past) -> None:
    user = past.person()
    payment = past.payment(user, 28, 2800)
    past.done(user, 4)
    past.bench("worker.refund_payment", p_payment_id=payment, p_refunded_minor=2800)
    assert past.bench.column(
        "select amount from worker.debt_changes where payment_id = %s", payment
    ) == [28]
    past.bench.run("delete from auth.users where id = %s", user)
    assert past.sums(payment) == {}
    assert past.months("sold_credits") == []
    past.check(user)


@pytest.mark.parametrize("report", REPORTS)
def test_services_read_the_reports_and_nobody_else_does(bench: Bench, report: str) -> None:
    with bench.owner(bench.person()) as owner, bench.anonymous() as anonymous:
        for session in (owner, anonymous):
            with refused("42501"):
                session.rows(f"select * from worker.{report}")
    with bench.service() as service:
        service.rows(f"select * from worker.{report}")


def test_nobody_but_the_trigger_writes_when_debt_came_and_went(bench: Bench) -> None:
    with bench.service() as service:
        for attempt in (
            "insert into worker.debt_changes (payment_id, amount) values (gen_random_uuid(), 1)",
            "update worker.debt_changes set amount = 1",
            "delete from worker.debt_changes",
            "truncate worker.debt_changes",
        ):
            with refused("42501"):
                service.run(attempt)


def test_reports_show_a_reader_no_more_than_the_tables_do(bench: Bench) -> None:
    assert (
        bench.column(
            "select relname from pg_class where relnamespace = 'worker'::regnamespace"
            " and relname = any(%s) and relkind = 'v'"
            " and not coalesce(reloptions @> '{security_invoker=true}', false)",
            list(REPORTS),
        )
        == []
    )
    with bench.undone():
        past = Past(bench, Shop(bench, "", ""))
        user = past.person()
        past.payment(user, 10, 100)
        bench.run("grant usage on schema worker to authenticated")
        bench.run(
            f"grant select on {', '.join(f'worker.{name}' for name in REPORTS)} to authenticated"
        )
        bench.run("grant execute on function private.months_paid to authenticated")
        for reader, rows in ((past.person(), 0), (user, 1)):
            bench.run(
                "select set_config('request.jwt.claims', %s, true)",
                json.dumps({"role": "authenticated", "sub": reader}),
            )
            bench.run("set local role authenticated")
            assert bench.value("select count(*) from worker.revenue_by_month") == rows
            assert bench.value("select count(*) from worker.sold_lots") == rows
            bench.run("reset role")
