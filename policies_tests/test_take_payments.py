"""What providers tell of payments, and what it does to credits: one function after another."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from .clock import START, TimedBench
from .harness import Bench, Queue, Session, Shop, open_shop, refused

STARTER = "usd-starter"
PRICE = 999
CREDITS = 100
WELCOME = 100
NOBODY = "00000000-0000-4000-8000-0000000000ff"

EVENTS: dict[str, dict[str, Any]] = {
    "worker.advance_payment": {"p_is_processing": True},
    "worker.settle_payment": {"p_amount_minor": PRICE, "p_currency": "USD"},
    "worker.fail_payment": {"p_reason": "Declined"},
    "worker.refund_payment": {"p_refunded_minor": 1},
    "worker.open_dispute": {"p_dispute_reference": "dp_1"},
    "worker.close_dispute": {"p_dispute_reference": "dp_1", "p_outcome": "lost"},
}
"""Each function that tells something of a payment, with what it is told."""


@dataclass(frozen=True, slots=True)
class Till:
    """What the services tell of payments, and what came of it."""

    bench: Bench
    session: Session

    def call(self, function: str, **arguments: Any) -> str:
        """Call a function that returns a payment, and return the payment's id."""
        named = ", ".join(f"{name} => %s" for name in arguments)
        query = f"select id::text from worker.{function}({named})"
        return str(self.session.value(query, *arguments.values()))

    def open(self, user: str, **more: Any) -> str:
        """Open a payment, of 9.99 dollars for 100 credits unless told otherwise."""
        if not more.keys() & {"p_package_slug", "p_tier", "p_subscription_id"}:
            more["p_package_slug"] = STARTER
        arguments = {"p_provider": "sandbox", "p_idempotency_key": uuid4().hex} | more
        return self.call("open_payment", p_user_id=user, **arguments)

    def settle(self, payment: str, minor: int | None = PRICE, currency: str = "USD") -> None:
        """Tell that it was paid."""
        self.call("settle_payment", p_payment_id=payment, p_amount_minor=minor, p_currency=currency)

    def buy(self, user: str) -> str:
        """Open a payment and settle it."""
        payment = self.open(user)
        self.settle(payment)
        return payment

    def advance(self, payment: str, **more: Any) -> None:
        """Tell something harmless."""
        self.call("advance_payment", p_payment_id=payment, **more)

    def fail(self, payment: str, reason: str | None = None, *, expired: bool = False) -> None:
        """Tell that it was not paid."""
        self.call("fail_payment", p_payment_id=payment, p_reason=reason, p_has_expired=expired)

    def refund(self, payment: str, total: int | None) -> None:
        """Tell what was refunded up to now."""
        self.call("refund_payment", p_payment_id=payment, p_refunded_minor=total)

    def dispute(self, payment: str, minor: int | None = None, name: str | None = "dp_1") -> None:
        """Tell that a dispute was opened."""
        self.call(
            "open_dispute", p_payment_id=payment, p_dispute_reference=name, p_amount_minor=minor
        )

    def close(
        self, payment: str, outcome: str | None, minor: int | None = None, name: str = "dp_1"
    ) -> None:
        """Tell how a dispute ended."""
        self.call(
            "close_dispute",
            p_payment_id=payment,
            p_dispute_reference=name,
            p_outcome=outcome,
            p_amount_minor=minor,
        )

    def of(self, payment: str, column: str) -> Any:
        """Return a column of a payment."""
        return self.bench.value(f"select {column} from public.payments where id = %s", payment)

    def status(self, payment: str) -> str:
        """Return a payment's status."""
        return str(self.of(payment, "status"))

    def debt(self, user: str) -> Decimal:
        """Return what somebody owes."""
        return Decimal(
            self.bench.value("select debt from public.credit_accounts where user_id = %s", user)
        )

    def lots(self, user: str) -> dict[str, Decimal]:
        """Return what is left of somebody's credits, by kind."""
        return dict(
            self.bench.rows(
                "select kind::text, sum(remaining) from public.credit_grants"
                " where user_id = %s group by kind",
                user,
            )
        )

    def ledger(self, user: str) -> list[tuple[str, Any]]:
        """Return somebody's movements, the welcome bonus aside."""
        return [
            (str(kind), amount)
            for kind, amount in self.bench.rows(
                "select type, amount from public.credit_transactions where user_id = %s"
                " and idempotency_key is distinct from 'signup-bonus' order by version",
                user,
            )
        ]

    def give(self, user: str, amount: Any, **more: Any) -> None:
        """Give somebody credits."""
        self.session(
            "worker.grant_credits",
            p_user_id=user,
            p_amount=amount,
            p_reason="A gift",
            p_operator="tester",
            **more,
        )


@pytest.fixture
def till(bench: Bench) -> Iterator[Till]:
    """The services at work."""
    with bench.service() as session:
        yield Till(bench, session)


def empty(shop: Shop, user: str, outputs: int = 10) -> None:
    """Spend 70 credits, or 7 for each output."""
    shop.job(user, p_output_count=outputs)


# Who may ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        *EVENTS.items(),
        (
            "worker.open_payment",
            {"p_user_id": NOBODY, "p_provider": "sandbox", "p_idempotency_key": "k"},
        ),
    ],
)
def test_nobody_but_the_services_tells_of_payments(
    bench: Bench, till: Till, function: str, arguments: dict[str, Any]
) -> None:
    user = bench.person()
    arguments = {"p_payment_id": till.open(user)} | arguments if len(arguments) < 3 else arguments
    for session in (bench.owner(user), bench.anonymous()):
        with session, refused("42501"):
            session(function, **arguments)
    with bench.service() as session:
        for attempt in ("insert into {} select", "update {} set outcome = 'won'", "delete from {}"):
            with refused("42501"):
                session.run(attempt.format("worker.payment_disputes"))


@pytest.mark.parametrize("function", EVENTS)
def test_event_of_an_unknown_payment_is_refused(till: Till, function: str) -> None:
    for payment in (NOBODY, None):
        with refused("PT404", "payment_not_found"):
            till.session(function, p_payment_id=payment, **EVENTS[function])


# Opening ------------------------------------------------------------------------------------------


def test_price_and_credits_of_a_payment_are_the_catalogues(bench: Bench, till: Till) -> None:
    user = bench.person()
    columns = "row(status, amount_minor, currency, credits, method)::text"
    package = till.open(user, p_package_slug="thb-popular", p_method="promptpay")
    assert till.of(package, columns) == "(pending,29900,THB,10.00,promptpay)"
    plan = till.open(user, p_tier="creator")
    assert till.of(plan, columns) == "(pending,2999,USD,400.00,)"
    assert bench.balance(user) == WELCOME


def test_same_key_is_the_same_payment_whatever_it_costs_by_now(bench: Bench, till: Till) -> None:
    user, other = bench.person(), bench.person()
    slug = f"once-{uuid4().hex}"
    bench.run(
        "insert into public.credit_packages (slug, name, credits, price_minor, currency)"
        " values (%s, 'Once', 5, 100, 'EUR')",
        slug,
    )
    first = till.open(user, p_package_slug=slug, p_idempotency_key="key")
    assert till.open(other, p_package_slug=slug, p_idempotency_key="key") != first
    bench.run(
        "update public.credit_packages set is_active = false, price_minor = 1 where slug = %s", slug
    )
    assert till.open(user, p_package_slug=slug, p_idempotency_key="key") == first
    till.settle(first, 100, "EUR")
    assert till.open(user, p_package_slug=slug, p_idempotency_key="key") == first
    with refused("PT404", "package_not_available"):
        till.open(user, p_package_slug=slug)


@pytest.mark.parametrize(
    "other",
    [
        {"p_package_slug": "usd-pro"},
        {"p_package_slug": STARTER, "p_provider": "stripe"},
        {"p_tier": "pro"},
    ],
)
def test_same_key_for_something_else_is_refused(
    bench: Bench, till: Till, other: dict[str, Any]
) -> None:
    user = bench.person()
    till.open(user, p_idempotency_key="key")
    with refused("PT409", "idempotency_key_reused"):
        till.open(user, p_idempotency_key="key", **other)
    assert bench.value("select count(*) from public.payments where user_id = %s", user) == 1


@pytest.mark.parametrize(
    "purchase",
    [
        {"p_package_slug": None, "p_tier": None},
        {"p_package_slug": STARTER, "p_tier": "pro"},
        {"p_package_slug": STARTER, "p_provider": None},
        {"p_package_slug": STARTER, "p_idempotency_key": None},
        {"p_package_slug": STARTER, "p_amount_minor": 1, "p_currency": "USD"},
        {"p_tier": "pro", "p_amount_minor": 1, "p_currency": "USD"},
    ],
)
def test_payment_for_both_or_neither_or_at_ones_own_price_is_refused(
    bench: Bench, till: Till, purchase: dict[str, Any]
) -> None:
    user = bench.person()
    with refused("PT400", "invalid_purchase"):
        till.open(user, **purchase)


def test_renewal_may_say_its_own_amount(bench: Bench, till: Till) -> None:
    user = bench.person()
    subscription = bench.value(
        "select id::text from worker.start_subscription(%s, 'creator', now(), now() + '30 days')",
        user,
    )
    renewal = {"p_subscription_id": subscription, "p_amount_minor": 1234, "p_currency": "eur"}
    payment = till.open(user, p_idempotency_key="in_1", **renewal)
    assert till.of(payment, "row(amount_minor, currency, tier)::text") == "(1234,EUR,creator)"
    assert till.open(user, p_idempotency_key="in_1", **renewal) == payment
    with refused("PT409", "idempotency_key_reused"):
        till.open(user, p_idempotency_key="in_1", **renewal | {"p_amount_minor": 1235})
    for wrong in (
        {"p_amount_minor": -1},
        {"p_currency": "EURO"},
        {"p_currency": None},
        {"p_amount_minor": None},
    ):
        with refused("PT400", "invalid_purchase"):
            till.open(user, **renewal | wrong)
    with refused("PT404", "subscription_not_found"):
        till.open(bench.person(), **renewal)


def test_plan_that_is_not_on_sale_is_paid_by_its_subscribers_alone(
    bench: Bench, till: Till
) -> None:
    user = bench.person()
    subscription = bench.value(
        "select id::text from worker.start_subscription(%s, 'creator', now(), now() + '30 days')",
        user,
    )
    with bench.undone():
        bench.run("update public.subscription_plans set is_active = false where tier = 'creator'")
        Till(bench, bench).open(user, p_subscription_id=subscription)
        with refused("PT404", "plan_not_available"):
            Till(bench, bench).open(user, p_tier="creator")


@pytest.mark.parametrize("slug", ["no-such-package", ""])
def test_unknown_package_is_refused(bench: Bench, till: Till, slug: str) -> None:
    with refused("PT404", "package_not_available"):
        till.open(bench.person(), p_package_slug=slug)


def test_unknown_user_pays_nothing(till: Till) -> None:
    with refused("PT404", "user_not_found"):
        till.open(NOBODY)


def test_closed_account_buys_no_more_but_gets_what_it_paid(bench: Bench, till: Till) -> None:
    user = bench.person()
    payment = till.open(user, p_idempotency_key="before")
    bench.run("update public.profiles set deleted_at = now() where user_id = %s", user)
    with refused("PT403", "account_closed"):
        till.open(user)
    assert till.open(user, p_idempotency_key="before") == payment
    till.settle(payment)
    till.refund(payment, PRICE)
    assert till.ledger(user) == [("purchase", 100), ("chargeback", -100)]


# What costs nothing -------------------------------------------------------------------------------


def test_free_package_is_settled_at_once_and_given_once_a_person(bench: Bench, till: Till) -> None:
    name = uuid4().hex
    user = bench.person(f"{name}@policies.example")
    free = {"p_package_slug": "thb-trial"}
    payment = till.open(user, p_idempotency_key="key", **free)
    assert till.status(payment) == "succeeded"
    assert bench.balance(user) == WELCOME + 1
    assert till.open(user, p_idempotency_key="key", **free) == payment
    twin = bench.person(f"{name}+again@policies.example")
    for person in (user, twin):
        with refused("PT409", "package_already_claimed"):
            till.open(person, **free)
    bench.run("delete from auth.users where id = any(%s::uuid[])", [user, twin])
    with refused("PT409", "package_already_claimed"):
        till.open(bench.person(f"{name}@policies.example"), **free)


def test_free_package_needs_an_address(bench: Bench, till: Till) -> None:
    user = bench.person(anonymous=True)
    with refused("PT403", "identity_required"):
        till.open(user, p_package_slug="thb-trial")
    till.buy(user)
    assert bench.balance(user) == CREDITS


def test_free_package_that_is_refunded_stays_given(bench: Bench, till: Till) -> None:
    user = bench.person()
    payment = till.open(user, p_package_slug="thb-trial")
    till.settle(payment, 0, "THB")
    till.refund(payment, 0)
    till.dispute(payment)
    till.close(payment, "lost")
    assert till.status(payment) == "succeeded"
    assert bench.balance(user) == WELCOME + 1
    with refused("PT409", "refund_exceeds_amount"):
        till.refund(payment, 1)


# What is told before it is paid -------------------------------------------------------------------


def test_payment_is_processed_only_while_nothing_else_is_known(bench: Bench, till: Till) -> None:
    user = bench.person()
    payment = till.open(user)
    till.advance(payment)
    assert till.status(payment) == "pending"
    till.advance(payment, p_is_processing=True)
    assert till.status(payment) == "processing"
    for expired in (False, True):
        till.fail(payment, expired=expired)
        before = till.status(payment)
        till.advance(payment, p_is_processing=True)
        assert till.status(payment) == before


def test_reference_is_noted_once_and_is_one_payments(bench: Bench, till: Till) -> None:
    user = bench.person()
    reference = uuid4().hex
    payment, other = till.open(user), till.open(user)
    till.advance(payment, p_provider_reference=reference)
    till.advance(payment, p_provider_reference=reference)
    with refused("PT409", "reference_differs"):
        till.advance(payment, p_provider_reference=uuid4().hex)
    with refused("PT409", "reference_taken"):
        till.advance(other, p_provider_reference=reference)
    for wrong, hint in ((payment, "differs"), (other, "taken")):
        with refused("PT409", f"reference_{hint}"):
            till.session(
                "worker.settle_payment",
                p_payment_id=wrong,
                p_provider_reference=uuid4().hex if wrong == payment else reference,
                **EVENTS["worker.settle_payment"],
            )
        assert till.status(wrong) == "pending"
    elsewhere = till.open(user, p_provider="stripe")
    till.advance(elsewhere, p_provider_reference=reference)
    assert till.of(elsewhere, "provider_reference") == reference


@pytest.mark.parametrize(
    "receipt",
    [
        *(
            "javascript:alert(1)",
            "ftp://pay.example/1",
            "https://",
            "https://a b",
            "https://<i>",
            "",
        ),
        "https://pay.example/" + "1" * 2048,
    ],
)
def test_receipt_that_is_no_address_is_left_out(bench: Bench, till: Till, receipt: str) -> None:
    payment = till.open(bench.person())
    till.advance(payment, p_receipt_url=receipt, p_is_processing=True)
    till.call(
        "settle_payment",
        p_payment_id=payment,
        p_receipt_url=receipt,
        **EVENTS["worker.settle_payment"],
    )
    assert till.of(payment, "receipt_url") is None
    assert till.status(payment) == "succeeded"
    till.advance(payment, p_receipt_url="https://pay.example/1")
    assert till.of(payment, "receipt_url") == "https://pay.example/1"


def test_last_day_to_pay_only_moves_on(bench: Bench, till: Till) -> None:
    payment = till.open(bench.person(), p_expires_at="2031-01-01T00:00Z")
    for told in ("2032-01-01T00:00Z", "2031-06-01T00:00Z", None):
        till.advance(payment, p_expires_at=told)
    assert till.of(payment, "expires_at at time zone 'UTC' = '2032-01-01'")


def test_failure_is_told_with_its_reason_and_expiry_comes_after_it(
    bench: Bench, till: Till
) -> None:
    payment = till.open(bench.person())
    till.fail(payment, "x" * 2000)
    assert till.of(payment, "row(status, char_length(failure_reason))::text") == "(failed,1000)"
    till.fail(payment, "Too late", expired=True)
    till.fail(payment, "Declined")
    assert till.of(payment, "row(status, failure_reason)::text") == '(expired,"Too late")'


# Settling -----------------------------------------------------------------------------------------


def test_settled_payment_credits_once(bench: Bench, till: Till) -> None:
    user = bench.person()
    payment = till.open(user)
    for currency in ("USD", "usd", "USD"):
        till.settle(payment, currency=currency)
    assert till.ledger(user) == [("purchase", CREDITS)]
    assert till.of(payment, "succeeded_at is not null and transaction_id is not null")
    assert bench.rows(
        "select grants.kind::text, grants.priority, grants.expires_at, entries.payment_id::text"
        " from public.payments inner join public.credit_transactions as entries"
        " on entries.id = payments.transaction_id"
        " inner join public.credit_allocations as parts on parts.transaction_id = entries.id"
        " inner join public.credit_grants as grants on grants.id = parts.grant_id"
        " where payments.id = %s",
        payment,
    ) == [("purchase", 0, None, payment)]


@pytest.mark.parametrize(
    ("minor", "currency", "hint"),
    [
        (998, "USD", "amount_differs"),
        (1000, "USD", "amount_differs"),
        (-999, "USD", "amount_differs"),
        (None, "USD", "amount_differs"),
        (999, "THB", "currency_differs"),
        (999, "", "currency_differs"),
        (999, None, "amount_differs"),
    ],
)
def test_another_sum_or_currency_settles_nothing(
    bench: Bench, till: Till, minor: int | None, currency: str, hint: str
) -> None:
    user = bench.person()
    payment = till.open(user)
    with refused("PT409", hint):
        till.settle(payment, minor, currency)
    assert till.status(payment) == "pending"
    assert till.ledger(user) == []
    with refused("PT409", "currency_differs"):
        till.session(
            "worker.refund_payment", p_payment_id=payment, p_refunded_minor=1, p_currency="THB"
        )


@pytest.mark.parametrize("expired", [False, True])
def test_paid_after_failed_is_paid_and_stays_so(bench: Bench, till: Till, expired: bool) -> None:
    user = bench.person()
    payment = till.open(user)
    till.fail(payment, "Declined", expired=expired)
    till.settle(payment)
    till.fail(payment, "Declined", expired=expired)
    assert till.of(payment, "row(status, failure_reason)::text") == "(succeeded,)"
    assert bench.balance(user) == WELCOME + CREDITS


def test_account_that_is_full_leaves_the_payment_to_be_told_again(bench: Bench, till: Till) -> None:
    user = bench.person()
    payment = till.open(user)
    till.give(user, "89999850")
    with refused("PT409", "credit_limit_reached"):
        till.settle(payment)
    assert till.status(payment) == "pending"
    till.session(
        "worker.adjust_credits",
        p_user_id=user,
        p_amount=-100,
        p_reason="A mistake",
        p_operator="tester",
    )
    till.settle(payment)
    assert bench.balance(user) == 89999950


# Refunds ------------------------------------------------------------------------------------------


def test_refund_that_is_told_first_counts_once_it_is_paid(bench: Bench, till: Till) -> None:
    user = bench.person()
    payment = till.open(user)
    till.refund(payment, 333)
    assert till.of(payment, "row(status, refunded_minor)::text") == "(pending,333)"
    assert till.ledger(user) == []
    till.settle(payment)
    assert till.ledger(user) == [("purchase", 100), ("chargeback", Decimal("-33.33"))]
    assert till.status(payment) == "succeeded"


def test_refunds_are_totals_of_which_the_greatest_counts(bench: Bench, till: Till) -> None:
    user = bench.person()
    payment = till.buy(user)
    for told, left in ((333, "66.67"), (666, "33.33"), (333, "33.33"), (0, "33.33"), (999, "0")):
        till.refund(payment, told)
        assert till.lots(user)["purchase"] == Decimal(left)
        assert till.status(payment) == ("refunded" if told == 999 else "succeeded")
    assert bench.balance(user) == WELCOME


@pytest.mark.parametrize(
    ("total", "code", "hint"),
    [
        (1000, "PT409", "refund_exceeds_amount"),
        (-1, "PT400", "invalid_refund"),
        (None, "PT400", "invalid_refund"),
    ],
)
def test_refund_of_what_was_not_paid_is_refused(
    bench: Bench, till: Till, total: int | None, code: str, hint: str
) -> None:
    payment = till.buy(bench.person())
    with refused(code, hint):
        till.refund(payment, total)
    assert till.of(payment, "refunded_minor") == 0


# Giving back --------------------------------------------------------------------------------------


def test_what_was_bought_is_taken_back_first(bench: Bench, till: Till) -> None:
    user = bench.person()
    till.give(user, 50, p_expires_at="2126-01-01")
    payment = till.buy(user)
    till.refund(payment, PRICE)
    assert till.lots(user) == {"bonus": 150, "purchase": 0}


def test_then_what_would_be_spent_first_and_then_it_is_owed(
    bench: Bench, till: Till, shop: Shop
) -> None:
    user = bench.person(anonymous=True)
    payment, lasting = till.buy(user), till.buy(user)
    empty(shop, user)
    till.give(user, 60, p_expires_at="2126-01-01")
    before = till.lots(user)
    assert before == {"purchase": 130, "bonus": 60}
    own, others = bench.rows(
        "select grants.remaining from public.payments"
        " inner join public.credit_allocations as parts"
        " on parts.transaction_id = payments.transaction_id"
        " inner join public.credit_grants as grants on grants.id = parts.grant_id"
        " where payments.id = any(%s::uuid[]) order by payments.id <> %s",
        [payment, lasting],
        payment,
    )
    till.refund(payment, PRICE)
    missing = CREDITS - own[0]
    assert till.lots(user) == {
        "bonus": 60 - min(missing, 60),
        "purchase": others[0] - max(missing - 60, 0),
    }
    assert till.debt(user) == 0
    till.refund(lasting, PRICE)
    assert sum(till.lots(user).values()) == 0
    assert till.debt(user) == 10
    assert till.of(lasting, "credits_owed") == 10


@pytest.fixture
def debtor(bench: Bench, till: Till, shop: Shop) -> str:
    """Somebody who bought 100 credits, spent 70, and got the money back: 70 are owed."""
    user = bench.person(anonymous=True)
    payment = till.buy(user)
    empty(shop, user)
    till.refund(payment, PRICE)
    assert till.ledger(user)[2:] == [("chargeback", -30)]
    assert till.debt(user) == till.of(payment, "credits_owed") == 70
    return user


def test_who_owes_credits_spends_none(bench: Bench, till: Till, shop: Shop, debtor: str) -> None:
    with refused("PT402", "account_in_debt"):
        shop.job(debtor)
    till.buy(debtor)
    assert till.debt(debtor) == 0
    assert till.ledger(debtor)[-2:] == [("purchase", 100), ("chargeback", -70)]
    shop.job(debtor, p_output_count=4)
    assert bench.balance(debtor) == 2
    assert bench.complaints(debtor) == []


def test_whatever_comes_in_pays_debt_first(bench: Bench, till: Till, shop: Shop) -> None:
    user = bench.person(anonymous=True)
    payment = till.buy(user)
    job = shop.job(user, p_output_count=3)
    empty(shop, user)
    till.refund(payment, PRICE)
    assert till.debt(user) == 91
    till.give(user, "0.01")
    assert till.debt(user) == Decimal("90.99")
    till.session(
        "worker.adjust_credits",
        p_user_id=user,
        p_amount="0.99",
        p_reason="A mistake",
        p_operator="tester",
    )
    assert till.debt(user) == 90
    with bench.owner(user) as session:
        session("public.cancel_generation", p_job_id=job.id)
    assert till.debt(user) == 69
    bench.run(
        "select worker.start_subscription(%s, 'starter', now(), now() + interval '30 days')", user
    )
    assert till.debt(user) == 0
    assert till.lots(user)["allowance"] == bench.balance(user) == 31
    assert bench.complaints(user) == []


def test_refund_of_a_job_that_failed_pays_debt(bench: Bench, till: Till, shop: Shop) -> None:
    user = bench.person(anonymous=True)
    payment = till.buy(user)
    empty(shop, user)
    till.refund(payment, PRICE)
    with shop.queue() as queue:
        fail_next(queue)
    assert till.debt(user) == 0
    assert bench.balance(user) == 0
    assert till.ledger(user)[-2:] == [("refund", 70), ("chargeback", -70)]


def fail_next(queue: Queue) -> None:
    """Let the next job of a shop come to nothing."""
    [job] = queue.claim()
    queue.fail(job)


def test_oldest_debt_is_paid_first(bench: Bench, till: Till, shop: Shop) -> None:
    user = bench.person(anonymous=True)
    first, second = till.buy(user), till.buy(user)
    empty(shop, user)
    empty(shop, user)
    till.refund(second, PRICE)
    till.refund(first, PRICE)
    assert till.debt(user) == 140
    owed = [till.of(each, "credits_owed") for each in (first, second)]
    till.give(user, owed[0] + 1)
    assert [till.of(each, "credits_owed") for each in (first, second)] == [0, owed[1] - 1]


# Disputes -----------------------------------------------------------------------------------------


def test_dispute_that_is_opened_takes_nothing(bench: Bench, till: Till, shop: Shop) -> None:
    user = bench.person(anonymous=True)
    payment = till.buy(user)
    till.dispute(payment)
    assert till.status(payment) == "disputed"
    empty(shop, user)
    assert bench.balance(user) == 30
    till.close(payment, "won")
    assert till.status(payment) == "succeeded"
    assert bench.balance(user) == 30


@pytest.mark.parametrize(
    ("minor", "left", "status"),
    [(None, "0", "refunded"), (999, "0", "refunded"), (333, "66.67", "succeeded"), (1500, "0", "")],
)
def test_dispute_that_is_lost_takes_its_share(
    bench: Bench, till: Till, minor: int | None, left: str, status: str
) -> None:
    user = bench.person()
    payment = till.buy(user)
    till.dispute(payment, minor)
    till.close(payment, "lost")
    assert till.lots(user)["purchase"] == Decimal(left)
    assert till.status(payment) == (status or "refunded")
    assert till.of(payment, "charged_back_minor") == min(minor or PRICE, PRICE)


def test_dispute_may_be_lost_before_it_is_heard_of(bench: Bench, till: Till) -> None:
    user = bench.person()
    payment = till.open(user)
    till.close(payment, "lost", 500)
    till.dispute(payment, 500)
    assert till.status(payment) == "pending"
    till.settle(payment)
    assert till.status(payment) == "succeeded"
    assert till.ledger(user) == [("purchase", 100), ("chargeback", Decimal("-50.05"))]


def test_dispute_that_is_won_after_all_returns_what_it_took(bench: Bench, till: Till) -> None:
    user = bench.person()
    payment = till.buy(user)
    till.dispute(payment)
    till.close(payment, "lost")
    till.close(payment, "won")
    assert till.status(payment) == "succeeded"
    assert till.lots(user) == {"bonus": 100, "purchase": 100}
    till.close(payment, "lost")
    till.dispute(payment)
    assert till.status(payment) == "succeeded"
    assert till.ledger(user)[1:] == [("chargeback", -100), ("adjustment", 100)]
    assert bench.rows(
        "select earned.lifetime_earned, reversed.payment_id::text from"
        " public.credit_accounts as earned inner join public.credit_transactions as reversed"
        " on reversed.user_id = earned.user_id and reversed.reverses_id is not null"
        " where earned.user_id = %s",
        user,
    ) == [(200, payment)]


def test_dispute_that_is_won_after_all_cancels_the_debt_first(
    bench: Bench, till: Till, shop: Shop
) -> None:
    user = bench.person(anonymous=True)
    payment = till.buy(user)
    empty(shop, user)
    till.close(payment, "lost")
    assert till.debt(user) == 70
    till.close(payment, "won")
    assert till.debt(user) == 0
    assert till.of(payment, "credits_owed") == 0
    assert bench.balance(user) == 30
    assert bench.complaints(user) == []


@pytest.mark.parametrize("refunded_first", [True, False])
def test_what_was_taken_last_comes_back_first(
    bench: Bench, till: Till, shop: Shop, refunded_first: bool
) -> None:
    user = bench.person(anonymous=True)
    payment = till.buy(user)
    empty(shop, user, 1)
    till.give(user, 40, p_expires_at="2126-01-01")
    if refunded_first:
        till.refund(payment, 333)
    till.close(payment, "lost")
    assert till.lots(user) == {"purchase": 0, "bonus": 33}
    till.refund(payment, 333)
    till.close(payment, "won")
    # A third of what was bought is gone, and nothing else.
    assert till.lots(user) == {"purchase": Decimal("59.67"), "bonus": 40}
    assert bench.complaints(user) == []


def test_two_disputes_are_two(bench: Bench, till: Till) -> None:
    user = bench.person()
    payment = till.buy(user)
    till.dispute(payment, 333, "dp_1")
    till.dispute(payment, 333, "dp_2")
    till.close(payment, "lost", name="dp_1")
    assert till.status(payment) == "disputed"
    assert till.lots(user)["purchase"] == Decimal("66.67")
    till.close(payment, "lost", name="dp_2")
    assert till.lots(user)["purchase"] == Decimal("33.33")
    till.close(payment, "won", name="dp_1")
    assert till.lots(user)["purchase"] == Decimal("66.67")
    assert till.status(payment) == "succeeded"


def test_refund_and_dispute_together_take_no_more_than_all(bench: Bench, till: Till) -> None:
    user = bench.person()
    payment = till.buy(user)
    till.refund(payment, 600)
    till.close(payment, "lost")
    assert till.lots(user) == {"bonus": 100, "purchase": 0}
    assert till.status(payment) == "refunded"
    till.close(payment, "won")
    assert till.status(payment) == "succeeded"
    assert till.lots(user) == {"bonus": 100, "purchase": Decimal("39.94")}


def test_greatest_amount_that_a_dispute_ever_named_counts(bench: Bench, till: Till) -> None:
    user = bench.person()
    payment = till.buy(user)
    till.dispute(payment, 999)
    till.close(payment, "lost", 333)
    assert till.lots(user)["purchase"] == 0


@pytest.mark.parametrize(
    ("name", "outcome", "minor"),
    [
        (None, "lost", None),
        ("", "lost", None),
        ("x" * 256, "lost", None),
        ("dp_1", None, None),
        ("dp_1", "open", None),
        ("dp_1", "draw", None),
        ("dp_1", "lost", 0),
        ("dp_1", "lost", -1),
    ],
)
def test_dispute_that_makes_no_sense_is_refused(
    bench: Bench, till: Till, name: str, outcome: str | None, minor: int | None
) -> None:
    payment = till.buy(bench.person())
    with refused("PT400", "invalid_dispute"):
        till.close(payment, outcome, minor, name)
    count = "select count(*) from worker.payment_disputes where payment_id = %s"
    assert bench.value(count, payment) == 0


# What has ended -----------------------------------------------------------------------------------


def test_what_is_not_returned_after_all_comes_back_though_its_lot_has_ended(
    timed: TimedBench,
) -> None:
    user = timed.person(anonymous=True)
    with timed.service() as session:
        till = Till(timed, session)
        payment = till.open(user)
        shop = open_shop(timed)
        till.settle(payment)
        empty(shop, user)
        till.give(user, 40, p_expires_at=START + timedelta(days=10))
        till.close(payment, "lost")
        assert till.lots(user) == {"purchase": 0, "bonus": 0}
        assert till.debt(user) == 30
        timed.at(START + timedelta(days=20), session)
        till.close(payment, "won")
        assert till.debt(user) == 0
        assert till.lots(user) == {"purchase": 30, "bonus": 0, "refund": 40}
        ends = "select expires_at from public.credit_grants where user_id = %s and kind = 'refund'"
        assert timed.value(ends, user) == START + timedelta(days=27)
    assert timed.complaints(user) == []


def test_what_pays_debt_has_not_ended(timed: TimedBench) -> None:
    user = timed.person(anonymous=True)
    with timed.service() as session:
        till = Till(timed, session)
        payment = till.buy(user)
        empty(open_shop(timed), user)
        till.give(user, 40, p_expires_at=START + timedelta(days=10))
        timed.at(START + timedelta(days=10), session)
        till.refund(payment, PRICE)
        assert till.debt(user) == 70
        # What had ended was written off, not taken.
        assert till.ledger(user)[2:] == [("bonus", 40), ("expiration", -40), ("chargeback", -30)]
    assert timed.complaints(user) == []


def test_free_package_is_given_once_a_user_whatever_the_address(bench: Bench, till: Till) -> None:
    user = bench.person()
    till.call(
        "open_payment",
        p_user_id=user,
        p_provider="sandbox",
        p_idempotency_key="one",
        p_package_slug="thb-trial",
    )
    bench.run("update auth.users set email = %s where id = %s", f"{uuid4()}@moved.example", user)
    with refused("PT409", "package_already_claimed"):
        till.call(
            "open_payment",
            p_user_id=user,
            p_provider="sandbox",
            p_idempotency_key="two",
            p_package_slug="thb-trial",
        )


def test_returns_of_the_largest_sum_add_up_and_no_sum_is_larger(bench: Bench, till: Till) -> None:
    most = 10**15
    user = bench.person()
    with bench.service() as session:
        sub = session.value(
            "select id from worker.start_subscription(%s, 'pro', now(), now() + interval '9 days')",
            user,
        )
        payment = session.value(
            "select id from worker.open_payment(%s, 'sandbox', 'big', p_subscription_id => %s,"
            " p_amount_minor => %s, p_currency => 'USD')",
            *(user, sub, most),
        )
        session.rows("select worker.settle_payment(%s, %s, 'USD')", payment, most)
        with refused("PT400", "invalid_purchase"):
            session(
                "worker.open_payment",
                p_user_id=user,
                p_provider="sandbox",
                p_idempotency_key="bigger",
                p_subscription_id=sub,
                p_amount_minor=most + 1,
                p_currency="USD",
            )
    till.refund(str(payment), most)
    till.dispute(str(payment))
    till.close(str(payment), "lost")
    assert till.status(str(payment)) == "refunded"
