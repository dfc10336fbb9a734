"""The books: payments, refunds, disputes and subscriptions, as the functions of `worker` keep them.

Every method notes a fact, and facts only grow: the same one again changes nothing, and in whatever
order they come, the end is the same. So a call whose answer was lost is simply made again. What is
credited, and what is refused for its amount or currency, is decided in SQL.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from supabase import AsyncClient

from reelbase.database import Database, asked
from reelbase.database_types import (
    PublicPaymentMethod,
    PublicPaymentProvider,
    PublicSubscriptionTier,
)
from reelbase.payments.base import Payment, Subscription, read

__all__ = ["Books", "OpenPayment", "Ware"]

MAX_REASON = 1000


@dataclass(frozen=True, slots=True)
class Ware:
    """What is for sale: a package of credits or a monthly plan. `price_minor` in minor units."""

    title: str
    price_minor: int
    currency: str
    is_plan: bool


@dataclass(frozen=True, slots=True)
class OpenPayment:
    """A payment that nobody has told the end of, claimed to be asked after."""

    payment_id: str
    provider: PublicPaymentProvider


class Books:
    """The functions of the schema `worker` that are about money.

    Every method raises `DatabaseUnavailable` when the database did not answer in time, and another
    `DatabaseError` when it refused; its `hint` says why ("amount_differs").
    """

    def __init__(self, client: AsyncClient, *, retry_seconds: float = 10.0) -> None:
        self._client = client
        self._database = Database(client, retry_seconds=retry_seconds)

    # Payments -----------------------------------------------------------------------------------

    async def open_payment(
        self,
        user_id: str,
        provider: PublicPaymentProvider,
        key: str,
        *,
        package: str | None = None,
        tier: PublicSubscriptionTier | None = None,
        subscription_id: str | None = None,
        method: PublicPaymentMethod | None = None,
        amount_minor: int | None = None,
        currency: str | None = None,
    ) -> Payment:
        """Open a payment for a package, a plan or a subscription; the same key is the same one."""
        return await self._payment(
            "open_payment",
            p_user_id=user_id,
            p_provider=provider,
            p_idempotency_key=key,
            p_package_slug=package,
            p_tier=tier,
            p_subscription_id=subscription_id,
            p_method=method,
            p_amount_minor=amount_minor,
            p_currency=currency,
        )

    async def advance(
        self,
        payment_id: str,
        *,
        reference: str | None = None,
        method: PublicPaymentMethod | None = None,
        expires_at: datetime | None = None,
        is_processing: bool = False,
    ) -> Payment:
        """Note what the provider calls a payment, and that the payer has done their part."""
        return await self._payment(
            "advance_payment",
            p_payment_id=payment_id,
            p_provider_reference=reference,
            p_method=method,
            p_expires_at=written(expires_at),
            p_is_processing=is_processing,
        )

    async def settle(
        self,
        payment_id: str,
        amount_minor: int,
        currency: str,
        *,
        reference: str | None = None,
        receipt_url: str | None = None,
        method: PublicPaymentMethod | None = None,
    ) -> Payment:
        """Note that so much was paid; credits come with it, once, if it is what was asked for."""
        return await self._payment(
            "settle_payment",
            p_payment_id=payment_id,
            p_amount_minor=amount_minor,
            p_currency=currency,
            p_provider_reference=reference,
            p_receipt_url=receipt_url,
            p_method=method,
        )

    async def fail(
        self, payment_id: str, reason: str | None = None, *, has_expired: bool = False
    ) -> Payment:
        """Note that nothing was paid, or not in time. Changes nothing if it was paid."""
        return await self._payment(
            "fail_payment",
            p_payment_id=payment_id,
            p_reason=reason and reason.replace("\0", "")[:MAX_REASON],
            p_has_expired=has_expired,
        )

    async def refund(self, payment_id: str, refunded_minor: int, currency: str) -> Payment:
        """Note that so much of a payment was returned up to now."""
        return await self._payment(
            "refund_payment",
            p_payment_id=payment_id,
            p_refunded_minor=refunded_minor,
            p_currency=currency,
        )

    async def open_dispute(
        self,
        payment_id: str,
        reference: str,
        amount_minor: int | None = None,
        reason: str | None = None,
    ) -> Payment:
        """Note that a payer asks their bank to take a payment back, all of it if not said."""
        return await self._payment(
            "open_dispute",
            p_payment_id=payment_id,
            p_dispute_reference=reference,
            p_amount_minor=amount_minor,
            p_reason=reason and reason.replace("\0", "")[:MAX_REASON],
        )

    async def close_dispute(
        self,
        payment_id: str,
        reference: str,
        outcome: Literal["won", "lost"],
        amount_minor: int | None = None,
    ) -> Payment:
        """Note how a dispute was decided: it is "won" when the payment stays."""
        return await self._payment(
            "close_dispute",
            p_payment_id=payment_id,
            p_dispute_reference=reference,
            p_outcome=outcome,
            p_amount_minor=amount_minor,
        )

    async def payment(self, payment_id: str, *, user_id: str | None = None) -> Payment | None:
        """Read a payment; None when there is none, or none of that user's."""
        owner = {} if user_id is None else {"user_id": user_id}
        return await self._one_payment(id=payment_id, **owner)

    async def payment_by_key(self, user_id: str, key: str) -> Payment | None:
        """Read the payment that a user opened with a key."""
        return await self._one_payment(user_id=user_id, idempotency_key=key)

    async def payment_by_reference(
        self, provider: PublicPaymentProvider, reference: str
    ) -> Payment | None:
        """Read a payment by its provider's id of it."""
        return await self._one_payment(provider=provider, provider_reference=reference)

    async def open_plan_payments(
        self, user_id: str, provider: PublicPaymentProvider
    ) -> list[Payment]:
        """A user's payments for plans that may still be paid, and that their provider knows."""
        query = (
            self._client.table("payments")
            .select("*")
            .eq("user_id", user_id)
            .eq("provider", provider)
            .in_("status", ["pending", "processing"])
            .not_.is_("tier", "null")
            .is_("subscription_id", "null")
            .not_.is_("provider_reference", "null")
            .limit(20)
            .retry(False)
        )
        rows: Any = (await asked("payments", query.execute)).data
        return [read(Payment, row, "A payment of ours") for row in rows]

    async def claim_open_payments(
        self, providers: Sequence[str], limit: int, lease_seconds: int
    ) -> list[OpenPayment]:
        """Take up to `limit` payments to be asked after now; they return, less and less often."""
        rows = await self._call(
            "claim_open_payments",
            p_providers=list(providers),
            p_limit=limit,
            p_lease_seconds=lease_seconds,
        )
        return [OpenPayment(row["payment_id"], row["provider"]) for row in rows]

    # Subscriptions ------------------------------------------------------------------------------

    async def start_subscription(
        self,
        user_id: str,
        tier: PublicSubscriptionTier,
        period: tuple[datetime, datetime],
        provider: PublicPaymentProvider,
        *,
        reference: str,
        payment_id: str,
    ) -> Subscription:
        """Note that a subscription begins with a payment; it counts once that is paid."""
        return await self._subscription(
            "start_subscription",
            p_user_id=user_id,
            p_tier=tier,
            p_period_started_at=written(period[0]),
            p_period_ends_at=written(period[1]),
            p_provider=provider,
            p_provider_reference=reference,
            p_payment_id=payment_id,
        )

    async def renew_subscription(
        self, subscription_id: str, period: tuple[datetime, datetime], payment_id: str
    ) -> Subscription:
        """Note another period, which counts once its payment is paid."""
        return await self._subscription(
            "renew_subscription",
            p_subscription_id=subscription_id,
            p_period_started_at=written(period[0]),
            p_period_ends_at=written(period[1]),
            p_payment_id=payment_id,
        )

    async def change_subscription(
        self,
        subscription_id: str,
        tier: PublicSubscriptionTier,
        effective_at: datetime,
        payment_id: str | None,
    ) -> Subscription:
        """Note another tier from some time on; with a payment it counts once that is paid."""
        return await self._subscription(
            "change_subscription",
            p_subscription_id=subscription_id,
            p_tier=tier,
            p_effective_at=written(effective_at),
            p_payment_id=payment_id,
        )

    async def cancel_subscription(
        self, subscription_id: str, occurred_at: datetime, *, resume: bool = False
    ) -> Subscription:
        """Note that it is not to be renewed, or is after all."""
        return await self._subscription(
            "cancel_subscription",
            p_subscription_id=subscription_id,
            p_occurred_at=written(occurred_at),
            p_resume=resume,
        )

    async def lapse_subscription(self, subscription_id: str, occurred_at: datetime) -> Subscription:
        """Note that a renewal was not paid."""
        return await self._subscription(
            "lapse_subscription",
            p_subscription_id=subscription_id,
            p_occurred_at=written(occurred_at),
        )

    async def end_subscription(self, subscription_id: str, ended_at: datetime) -> Subscription:
        """Note that it is over for good."""
        return await self._subscription(
            "end_subscription", p_subscription_id=subscription_id, p_ended_at=written(ended_at)
        )

    async def subscription(
        self, provider: PublicPaymentProvider, reference: str
    ) -> Subscription | None:
        """Read a subscription by its provider's id of it."""
        found = await self._subscriptions(provider=provider, provider_reference=reference)
        return found[0] if found else None

    async def living_subscription(self, user_id: str) -> Subscription | None:
        """Read the subscription that a user has now, unless an operator gave it."""
        rows = await self._subscriptions(user_id=user_id)
        alive = [each for each in rows if each.status != "ended" and each.provider is not None]
        return alive[0] if alive else None

    async def overdue_subscriptions(self, provider: PublicPaymentProvider) -> list[Subscription]:
        """Read some subscriptions whose renewal is late, those first that are so since lately."""
        query = (
            self._client.table("subscriptions")
            .select("*")
            .eq("provider", provider)
            .eq("status", "past_due")
            .order("current_period_ends_at", desc=True)
            .limit(50)
            .retry(False)
        )
        rows: Any = (await asked("subscriptions", query.execute)).data
        return [read(Subscription, row, "A subscription of ours") for row in rows]

    # What is sold, and to whom ------------------------------------------------------------------

    async def ware(self, package: str | None, tier: str | None) -> Ware | None:
        """Read what a package or a plan on sale is and costs; None when it is not on sale."""
        if package is not None:
            columns = ("name", "credits", "price_minor", "currency")
            rows = await self._rows("credit_packages", *columns, slug=package, is_active="true")
        else:
            columns = ("name", "monthly_allowance", "price_minor", "currency")
            rows = await self._rows("subscription_plans", *columns, tier=tier, is_active="true")
        if not rows:
            return None
        row = rows[0]
        amount = float(row["credits" if package is not None else "monthly_allowance"])
        title = f"{row['name']}: {amount:g} credits"
        return Ware(
            title if package is not None else f"{title} a month",
            row["price_minor"],
            row["currency"],
            package is None,
        )

    async def title_of(self, payment: Payment) -> str:
        """Say what a payment is for; credits are those of its own row, whatever is sold now."""
        if payment.package_id is not None:
            rows = await self._rows("credit_packages", "name", id=payment.package_id)
        else:
            rows = await self._rows("subscription_plans", "name", tier=payment.tier)
        name = f"{rows[0]['name']}: " if rows else ""
        return f"{name}{payment.credits:g} credits{'' if payment.package_id else ' a month'}"

    async def keep_customer(
        self, user_id: str, provider: PublicPaymentProvider, reference: str
    ) -> None:
        """Note what a provider calls a user; the first word stays."""
        await self._call(
            "keep_payment_customer",
            p_user_id=user_id,
            p_provider=provider,
            p_provider_reference=reference,
        )

    async def customer(self, user_id: str, provider: PublicPaymentProvider) -> str | None:
        """Read what a provider calls a user."""
        query = (
            self._client.schema("worker")
            .from_("payment_customers")
            .select("provider_reference")
            .eq("user_id", user_id)
            .eq("provider", provider)
            .retry(False)
        )
        rows: Any = (await asked("payment_customers", query.execute)).data
        return str(rows[0]["provider_reference"]) if rows else None

    # How it is asked ----------------------------------------------------------------------------

    async def _call(self, function: str, **parameters: Any) -> Any:
        return await self._database.call(function, **parameters)

    async def _payment(self, function: str, **parameters: Any) -> Payment:
        return read(Payment, await self._call(function, **parameters), "A payment of ours")

    async def _subscription(self, function: str, **parameters: Any) -> Subscription:
        row = await self._call(function, **parameters)
        return read(Subscription, row, "A subscription of ours")

    async def _one_payment(self, **equal: str) -> Payment | None:
        rows = await self._rows("payments", "*", **equal)
        return read(Payment, rows[0], "A payment of ours") if rows else None

    async def _subscriptions(self, **equal: str) -> list[Subscription]:
        rows = await self._rows("subscriptions", "*", **equal)
        return [read(Subscription, row, "A subscription of ours") for row in rows]

    async def _rows(self, table: str, *columns: str, **equal: str | None) -> list[dict[str, Any]]:
        """Read some rows of a table. Asks once."""
        query = self._client.table(table).select(*columns).limit(20).retry(False)
        for column, value in equal.items():
            query = query.eq(column, value)
        rows: Any = (await asked(table, query.execute)).data
        return list(rows)


def written(at: datetime | None) -> str | None:
    """Write a time as the database reads it."""
    return None if at is None else at.isoformat()
