"""Stripe: hosted Checkout for packages and plans, renewals by invoices, the customer portal.

A purchase is a Checkout Session that carries our payment's id, in its metadata and in that of the
payment or subscription which it leads to. Creating it is safe to repeat: the Idempotency-Key is the
payment's id.

Events come twice, late and in any order, and in the API version of the account's endpoint. So all
that is taken from one is which object it is about; the object is fetched as it is now, in our own
version, and what is true of it becomes facts of the books. Old news are then no news.

Source of the wire formats: https://docs.stripe.com/api in version 2026-10-28.endive, and the SDK's
own parameters of that version.
"""

import contextlib
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeVar, cast

import anyio
import httpx
import stripe
import structlog
from pydantic import BaseModel, ConfigDict, Field, StrictInt
from stripe.params.billing_portal import SessionCreateParams as PortalParams
from stripe.params.checkout import SessionCreateParams

from reelbase.database_types import PublicPaymentMethod, PublicSubscriptionTier
from reelbase.errors import DatabaseError
from reelbase.payments.base import (
    Applied,
    Away,
    Contradiction,
    Misconfigured,
    Opened,
    Payment,
    PaymentError,
    Purchase,
    Refused,
    Subscription,
    event_in,
    object_in,
    payment_id_in,
    read,
    return_url_of,
    text_in,
    time_of,
    with_payment,
)
from reelbase.payments.books import Books
from reelbase.providers.base import Call, Configuration, Context
from reelbase.providers.wire import base_of, key_of, presentable, retry_after_of, tls_context
from reelbase.signatures import read_secrets
from reelbase.signatures import stripe as verify_stripe
from reelbase.webhooks import Event

__all__ = ["API_VERSION", "StripePayments", "StripeWebhooks", "make"]

API_VERSION: Final = "2026-10-28.endive"

CALL_SECONDS: Final = 30.0
"""The longest that one call may take, the SDK's second try included."""

CONNECT_SECONDS: Final = 5.0

MAX_ANSWER: Final = 8 << 20
"""Bytes of the longest answer that is read."""

KEY_LIFE: Final = timedelta(hours=20)
"""Stripe forgets idempotency keys after 24 hours; an older payment is looked for first."""

GONE_AFTER: Final = timedelta(hours=25)
"""A Checkout Session lives 24 hours: a payment that has none by then never will have."""

LISTED_PAGES: Final = 10
"""How many pages of a hundred sessions are looked through for one whose answer was lost."""

TIERS: Final = ("free", "starter", "creator", "pro", "business", "enterprise")
"""Of plans, as the database has them: each gives more than the one before."""

METHODS: Final[frozenset[PublicPaymentMethod]] = frozenset({"card", "promptpay"})

ID = re.compile(r"[A-Za-z0-9_]{1,255}")

Told = TypeVar("Told")

log = structlog.stdlib.get_logger("reelbase.payments")


# What is read of Stripe's objects -------------------------------------------------------------


class Thing(BaseModel):
    """An object of Stripe's, as far as we read it. Amounts are in the currency's minor units."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,255}$")]
    livemode: bool
    metadata: Any = None


class Session(Thing):
    """A Checkout Session."""

    mode: str
    status: str | None = None
    payment_status: str
    amount_total: StrictInt | None = None
    currency: str | None = None
    url: str | None = None
    expires_at: StrictInt | None = None
    customer: Any = None
    subscription: Any = None
    invoice: Any = None
    payment_intent: Any = None


class Invoice(Thing):
    """An invoice."""

    status: str | None = None
    billing_reason: str | None = None
    amount_due: StrictInt
    amount_paid: StrictInt
    currency: str
    created: StrictInt
    attempted: bool = False
    hosted_invoice_url: str | None = None
    parent: Any = None
    lines: Any = None


class Deal(Thing):
    """A subscription, as Stripe has it."""

    status: str
    start_date: StrictInt
    cancel_at: StrictInt | None = None
    cancel_at_period_end: bool = False
    canceled_at: StrictInt | None = None
    ended_at: StrictInt | None = None
    customer: Any = None
    items: Any = None
    latest_invoice: Any = None


class Charge(Thing):
    """A charge."""

    amount_refunded: StrictInt
    currency: str
    payment_intent: Any = None


class Dispute(Thing):
    """A dispute about a charge."""

    status: str
    amount: StrictInt
    currency: str
    charge: Any = None
    reason: str | None = None


class Intent(Thing):
    """A payment intent."""


AnyThing = TypeVar("AnyThing", bound=Thing)

PATHS: Mapping[type[Thing], str] = {
    Session: "checkout/sessions",
    Invoice: "invoices",
    Deal: "subscriptions",
    Charge: "charges",
    Dispute: "disputes",
    Intent: "payment_intents",
}
EXPANDED: Mapping[type[Thing], list[str]] = {
    Session: ["payment_intent.latest_charge"],
    Deal: ["latest_invoice", "items.data.price.product"],
}

DISPUTES_WON: Final = frozenset({"won", "warning_closed", "prevented"})
"""An inquiry that came to nothing, and a dispute that was averted, take nothing either."""

NOT_BEGUN: Final = frozenset({"incomplete", "incomplete_expired"})


class NotThere(Contradiction):
    """Stripe knows no such object."""

    def __init__(self) -> None:
        super().__init__("not_found", "Stripe knows nothing of that id.")


class KeyWorn(Away):
    """An idempotency key answers for something else, or repeats a failure of Stripe's for ever."""

    def __init__(self) -> None:
        super().__init__("Stripe cannot open the payment at this moment.")


class Http(stripe.HTTPClient):
    """What the SDK speaks through: the SDK's own way of using httpx is one that httpx gives up.

    Answers are read in bounded memory, redirects are not followed, and no proxy is taken from the
    environment.
    """

    name = "httpx"

    def __init__(self) -> None:
        super().__init__()
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(CALL_SECONDS / 2, connect=CONNECT_SECONDS),
            verify=tls_context(),
            trust_env=False,
            follow_redirects=False,
        )

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Make a request."""
        body = b""
        try:
            async with self._http.stream(
                method, url, headers=headers, content=post_data
            ) as response:
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > MAX_ANSWER:
                        raise stripe.APIConnectionError(  # type: ignore[no-untyped-call]
                            "The answer is too long."
                        )
        except httpx.HTTPError as error:
            # Whatever creates something has a key, by which it is known the second time.
            raise stripe.APIConnectionError(  # type: ignore[no-untyped-call]
                type(error).__name__, should_retry=True
            ) from None
        return body, response.status_code, response.headers

    async def sleep_async(self, secs: float) -> None:
        """Wait between two tries."""
        await anyio.sleep(secs)

    async def close_async(self) -> None:
        """Let go of connections."""
        await self._http.aclose()


class StripeWebhooks:
    """Verifies what Stripe delivers.

    Args:
        keys: Of `read_secrets`.
    """

    name = "stripe"

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._keys = keys

    async def verify(self, headers: Mapping[str, str], body: bytes, now: float) -> Event:
        """See `reelbase.webhooks.WebhookSource`."""
        verify_stripe(self._keys, headers.get("stripe-signature"), body, now)
        return event_in(body, "type", "data", "object", "id")


class StripePayments:
    """Takes payments through Stripe. See `reelbase.payments.base.PaymentProvider`.

    Args:
        client: The SDK's client, with our key and version.
        http: What it speaks through, to be closed at the end.
        books: Where facts are entered.
        webhooks: Verifies its deliveries.
        context: Where calls are recorded.
        return_url: Where browsers come back to.
        is_live: Whether the key is for real money; None when it does not say.
        now: The clock.
    """

    name: Final = "stripe"
    methods = METHODS

    def __init__(
        self,
        client: stripe.StripeClient,
        http: Http,
        books: Books,
        webhooks: StripeWebhooks,
        context: Context,
        *,
        return_url: str,
        is_live: bool | None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.webhooks = webhooks
        self._client = client
        self._http = http
        self._books = books
        self._context = context
        self._return_url = return_url
        self._is_live = is_live
        self._now = now

    @property
    def is_live(self) -> bool:
        """Whether it moves real money, as far as is known."""
        return self._is_live is not False

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._http.close_async()

    # Opening ------------------------------------------------------------------------------------

    def vet(self, purchase: Purchase, currency: str, *, is_plan: bool) -> None:
        """PromptPay is for baht, and for once; a wallet is not offered here."""
        if purchase.token is not None:
            raise Refused("token_not_taken", "Stripe's own page asks for the card.")
        if purchase.method is not None and purchase.method not in METHODS:
            raise Refused("method_not_available", f"Stripe takes no {purchase.method} here.")
        if purchase.method == "promptpay" and (currency.upper() != "THB" or is_plan):
            message = "PromptPay is for single payments in Thai baht."
            raise Refused("method_not_available", message)

    async def open(self, purchase: Purchase, payment: Payment) -> Opened:
        """Make the payment's Checkout Session, or go on with the one that it has."""
        if payment.provider_reference is not None:
            session = await self._fetch(Session, payment.provider_reference)
        else:
            if payment.tier is not None:
                await self._close_other_sessions(payment)
            session = await self._noted(payment, await self._session_for(purchase, payment))
            if payment.tier is not None:
                try:
                    # Those that came at the same moment; each of the two may close the other.
                    await self._close_other_sessions(payment)
                except PaymentError:
                    await self._close_session(session.id)
                    raise
        if session.status == "open" and session.url is not None:
            return Opened(session.url, None, time_of(session.expires_at))
        await self._follow_session(session)
        return Opened()

    async def _session_for(self, purchase: Purchase, payment: Payment) -> Session:
        """Make a session, or find the one whose answer was lost."""
        wanted = await self._wanted(purchase, payment)
        found = None
        if self._now() - payment.created_at > KEY_LIFE:
            found = await self._find(payment)
        if found is not None:
            return found
        try:
            return await self._create(wanted, payment.id)
        except KeyWorn:
            # It may have been made all the same.
            found = await self._find(payment)
        except Refused as error:
            if error.code != NO_CUSTOMER or wanted.pop("customer", None) is None:
                await self._books.fail(payment.id, error.message)
                raise
        return found or await self._create(wanted, f"{payment.id}:again")

    async def _wanted(self, purchase: Purchase, payment: Payment) -> SessionCreateParams:
        """What Stripe is asked for. The same again for the same payment, or its key is worn."""
        metadata = {"payment_id": payment.id, "user_id": payment.user_id}
        url = with_payment(self._return_url, payment.id)
        item: dict[str, Any] = {
            "currency": payment.currency.lower(),
            "unit_amount": payment.amount_minor,
            "product_data": {"name": purchase.title},
        }
        wanted: dict[str, Any] = {
            "ui_mode": "hosted_page",
            "client_reference_id": payment.id,
            "metadata": metadata,
            "line_items": [{"quantity": 1, "price_data": item}],
            "success_url": url,
            "cancel_url": url,
            # In the buyer's currency it would be another amount than ours.
            "adaptive_pricing": {"enabled": False},
        }
        if payment.tier is not None:
            item["recurring"] = {"interval": "month"}
            item["product_data"]["metadata"] = {"tier": payment.tier}
            wanted["mode"] = "subscription"
            wanted["subscription_data"] = {"metadata": {**metadata, "tier": payment.tier}}
        else:
            wanted["mode"] = "payment"
            wanted["payment_intent_data"] = {"metadata": metadata}
        if purchase.method is not None:
            wanted["allowed_payment_method_types"] = [purchase.method]
        customer = await self._books.customer(payment.user_id, "stripe")
        if customer is not None:
            wanted["customer"] = customer
        elif purchase.email is not None:
            wanted["customer_email"] = purchase.email
        return cast("SessionCreateParams", wanted)

    async def _create(self, wanted: SessionCreateParams, key: str) -> Session:
        sessions = self._client.v1.checkout.sessions

        async def create() -> Any:
            return (await sessions.create_async(wanted, {"idempotency_key": key})).to_dict()

        return self._own(read(Session, await self._asked("submit", create), "Stripe's session"))

    async def _noted(self, payment: Payment, session: Session) -> Session:
        """Note which session is the payment's; the first stays, and another is closed at once."""
        try:
            await self._books.advance(
                payment.id, reference=session.id, expires_at=time_of(session.expires_at)
            )
        except DatabaseError as error:
            if error.hint != "reference_differs":
                raise
        else:
            return session
        await self._close_session(session.id)
        known = await self._books.payment(payment.id)
        if known is None or known.provider_reference is None:
            raise Away("The payment is being opened elsewhere.")
        return await self._fetch(Session, known.provider_reference)

    async def _close_other_sessions(self, payment: Payment) -> None:
        """See that a plan cannot be subscribed to twice, in two tabs: each would be billed."""
        for other in await self._books.open_plan_payments(payment.user_id, "stripe"):
            if other.id == payment.id or other.provider_reference is None:
                continue
            await self._close_session(other.provider_reference)
            try:
                session = await self._fetch(Session, other.provider_reference)
            except NotThere:
                # Of an account that is ours no longer: nobody can pay it.
                await self._books.fail(other.id, "It is gone at Stripe.", has_expired=True)
                continue
            await self._follow_session(session)
            if session.status != "expired":
                message = "Another payment for a plan is on its way; wait for that."
                await self._books.fail(payment.id, message)
                raise Refused("subscription_exists", message)

    async def _close_session(self, reference: str) -> None:
        """Have a session paid by nobody any more. Does nothing if it is over already."""
        sessions = self._client.v1.checkout.sessions
        try:
            await self._asked(
                "cancel",
                lambda: sessions.expire_async(
                    reference, {}, {"idempotency_key": f"expire:{reference}"}
                ),
            )
        except (Refused, NotThere, KeyWorn):
            return

    async def _find(self, payment: Payment) -> Session | None:
        """Look for a payment's session among those that were made since it was opened."""
        since = int(payment.created_at.timestamp())
        # Where it lies almost always, then where a later try would have made it.
        for first, last in ((since - 600, since + 1800), (since + 1801, since + 100_000)):
            found = await self._find_between(payment, first, last)
            if found is not None:
                return found
        return None

    async def _find_between(self, payment: Payment, first: int, last: int) -> Session | None:
        """Look among the sessions that were made between two times, in seconds since 1970."""
        wanted: dict[str, Any] = {"created": {"gte": first, "lte": last}, "limit": 100}
        for _ in range(LISTED_PAGES):
            page = await self._get("recover", "/v1/checkout/sessions", wanted)
            sessions = items_in(page)
            for each in sessions:
                if payment_id_in(each.get("metadata")) == payment.id:
                    return await self._fetch(Session, id_of(each))
            before = text_in(sessions[-1], "id") if sessions else None
            if not page.get("has_more") or before is None:
                return None
            wanted["starting_after"] = before
        raise Contradiction("too_many_sessions", "Too many sessions at Stripe to find one among.")

    # Events -------------------------------------------------------------------------------------

    async def apply(
        self,
        type: str,  # noqa: A002
        payload: Any,
        subject: str | None,  # noqa: ARG002 - the payload says it, too
    ) -> Applied:
        """Look at what an event is about, as it is now, and enter that."""
        event = object_in(payload)
        about = object_in(event, "data", "object")
        kind, _, _ = type.rpartition(".")
        if type not in HEARD:
            return Applied("ignored")
        self._check_mode(event.get("livemode"))
        at = time_of(event.get("created")) or self._now()
        if kind == "charge.dispute":
            return await self._follow_dispute(await self._fetch(Dispute, id_of(about)))
        if kind in {"charge", "charge.refund", "refund"}:
            charge_id = id_in(about if kind == "charge" else about.get("charge"))
            # What is returned without a charge was none of our sessions'.
            return Applied("ignored") if charge_id is None else await self._follow_charge(charge_id)
        if kind == "checkout.session":
            return await self._follow_session(await self._fetch(Session, id_of(about)))
        if kind == "invoice":
            return await self._follow_invoice(await self._fetch(Invoice, id_of(about)), at)
        return await self._follow_deal(await self._fetch(Deal, id_of(about)), at)

    async def check(self, payment: Payment) -> None:
        """Ask after a payment's session, or after the invoice of a renewal."""
        reference = payment.provider_reference
        if reference is not None and reference.startswith("in_"):
            invoice = await self._fetch(Invoice, reference)
            if invoice.status in {"void", "uncollectible"}:
                await self._books.fail(payment.id, "The bill was given up.")
            else:
                await self._follow_invoice(invoice, self._now())
            return
        session = await (
            self._find(payment) if reference is None else self._fetch(Session, reference)
        )
        if session is not None:
            await self._follow_session(session)
        elif self._now() - payment.created_at > GONE_AFTER:
            await self._books.fail(payment.id, "It was never begun.", has_expired=True)

    async def check_subscriptions(self) -> None:
        """Ask after subscriptions whose renewal is late: its event may have been lost."""
        for known in await self._books.overdue_subscriptions("stripe"):
            try:
                deal = await self._fetch(Deal, id_of(known.provider_reference))
                invoice = id_in(deal.latest_invoice)
                if invoice is not None:
                    await self._follow_invoice(await self._fetch(Invoice, invoice), self._now())
                await self._follow_deal(deal, self._now())
            except (Contradiction, DatabaseError, Refused) as error:
                # One must not keep the others from being asked about.
                log.warning("subscription_odd", subscription=known.id, error=str(error))

    async def portal(self, user_id: str) -> str:
        """Make the address of Stripe's customer portal for a user."""
        customer = await self._books.customer(user_id, "stripe")
        if customer is None:
            raise Refused("no_customer", "There is nothing to manage yet: nothing was bought.")
        sessions = self._client.v1.billing_portal.sessions

        async def create() -> Any:
            wanted: PortalParams = {"customer": customer, "return_url": self._return_url}
            return (await sessions.create_async(wanted)).to_dict()

        url = text_in(object_in(await self._asked("portal", create)), "url")
        if url is None:
            raise Away("Stripe gave no address of a portal.")
        return url

    # Facts --------------------------------------------------------------------------------------

    async def _follow_session(self, session: Session) -> Applied:
        """Enter how far a Checkout Session has come."""
        payment_id = payment_id_in(session.metadata)
        if payment_id is None:
            return Applied("ignored")
        payment = await self._ours(payment_id)
        charge = object_in(session.payment_intent, "latest_charge")
        method = method_of(charge)
        if session.payment_status == "paid":
            amount, currency = session.amount_total, session.currency
            if session.mode == "subscription":
                # A customer's balance at Stripe may have paid instead; only money counts.
                bill = await self._fetch(Invoice, id_of(session.invoice))
                amount, currency = bill.amount_paid, bill.currency
            await self._books.settle(
                payment_id,
                amount_of(amount),
                currency or "",
                reference=session.id,
                receipt_url=text_in(charge, "receipt_url"),
                method=method,
            )
        elif session.status == "expired":
            await self._books.advance(payment_id, reference=session.id)
            await self._books.fail(payment_id, "The payment page was left.", has_expired=True)
        elif session.status == "complete":
            await self._follow_delayed(session, payment_id)
        else:
            await self._books.advance(
                payment_id, reference=session.id, expires_at=time_of(session.expires_at)
            )
            return Applied("ignored", payment_id)
        await self._keep_customer(payment.user_id, session.customer)
        deal = id_in(session.subscription)
        if deal is not None:
            await self._follow_deal(await self._fetch(Deal, deal), self._now())
        return Applied("processed", payment_id)

    async def _follow_delayed(self, session: Session, payment_id: str) -> None:
        """Enter what became of a payment that takes its time, such as a bank's."""
        intent = object_in(session.payment_intent)
        if text_in(intent, "status") in {"requires_payment_method", "canceled"}:
            error = text_in(object_in(intent, "last_payment_error"), "message")
            reason = presentable(error) or "The money did not come."
            await self._books.fail(payment_id, reason)
        else:
            await self._books.advance(payment_id, reference=session.id, is_processing=True)

    async def _follow_invoice(self, invoice: Invoice, at: datetime) -> Applied:
        """Enter what was paid for a subscription, or not."""
        deal_id = id_in(object_in(invoice.parent, "subscription_details").get("subscription"))
        if deal_id is None:
            return Applied("ignored")
        deal = await self._fetch(Deal, deal_id)
        payment_id = payment_id_in(deal.metadata)
        if payment_id is None:
            return Applied("ignored")
        if invoice.billing_reason == "subscription_create":
            if invoice.status != "paid":
                # Whoever fails at first stays on the payment page and may try again.
                return Applied("ignored", payment_id)
            await self._ours(payment_id)
            await self._books.settle(
                payment_id,
                invoice.amount_paid,
                invoice.currency,
                receipt_url=invoice.hosted_invoice_url,
            )
            await self._follow_deal(deal, at)
            return Applied("processed", payment_id)
        known = await self._books.subscription("stripe", deal.id)
        if known is None:
            await self._follow_deal(deal, at)
            known = await self._books.subscription("stripe", deal.id)
        if known is None:
            raise Contradiction("unknown_subscription", "The subscription has not begun here.")
        if invoice.status == "paid":
            paid = await self._follow_renewal(known, deal, invoice)
            await self._follow_deal(deal, at)
            if known.is_final and invoice.amount_paid > 0:
                message = (
                    "A subscription that had ended here was billed on: end it at Stripe, and "
                    "refund its last invoice."
                )
                raise Contradiction("subscription_ended", message)
            return Applied("processed", paid.id)
        await self._follow_deal(deal, at)
        is_late = invoice.attempted and invoice.billing_reason == "subscription_cycle"
        if is_late and known.status != "past_due":
            await self._books.lapse_subscription(known.id, at)
        return Applied("processed")

    async def _follow_renewal(self, known: Subscription, deal: Deal, invoice: Invoice) -> Payment:
        """Enter a paid invoice that was not the first one."""
        payment = await self._invoice_payment(known, deal, invoice)
        settled = await self._books.settle(
            payment.id,
            invoice.amount_paid,
            invoice.currency,
            reference=invoice.id,
            receipt_url=invoice.hosted_invoice_url,
        )
        if invoice.billing_reason == "subscription_cycle":
            period = period_of(invoice) or current_period_of(deal)
            await self._books.renew_subscription(known.id, period, payment.id)
            tier = tier_of(deal)
            if tier is not None and tier != known.tier and renews(invoice, deal):
                # Chosen in the month before, and billed with this one.
                await self._books.change_subscription(known.id, tier, period[0], payment.id)
        return settled

    async def _invoice_payment(self, known: Subscription, deal: Deal, invoice: Invoice) -> Payment:
        """The payment of an invoice that Stripe made by itself; it is opened when first heard of.

        What it asks for is our row's amount from then on.
        """
        key = f"invoice:{invoice.id}"
        payment = await self._books.payment_by_key(known.user_id, key)
        return payment or await self._books.open_payment(
            known.user_id,
            "stripe",
            key,
            tier=tier_of(deal),
            subscription_id=known.id,
            amount_minor=amount_of(invoice.amount_due),
            currency=invoice.currency,
        )

    async def _follow_deal(self, deal: Deal, at: datetime) -> Applied:
        """Enter how a subscription stands: begun, for another plan, cancelled, late, over."""
        payment_id = payment_id_in(deal.metadata)
        if payment_id is None or deal.status in NOT_BEGUN:
            return Applied("ignored", payment_id)
        payment = await self._ours(payment_id)
        if payment.tier is None:
            raise Contradiction("payment_differs", "The subscription's payment is for no plan.")
        known = await self._books.subscription("stripe", deal.id)
        if known is None:
            known = await self._begin(deal, payment, payment.tier)
        await self._keep_customer(payment.user_id, deal.customer)
        if known.is_final:
            return Applied("processed", payment_id)
        tier = tier_of(deal)
        if tier is not None and tier != known.tier:
            await self._change(known, deal, tier, at)
        if deal.status == "canceled" or deal.ended_at is not None:
            await self._books.end_subscription(known.id, time_of(deal.ended_at) or at)
            return Applied("processed", payment_id)
        # An end that lies further ahead is for then: until it comes, it is renewed.
        ends_at = time_of(deal.cancel_at)
        is_cancelled = deal.cancel_at_period_end or (
            ends_at is not None and ends_at <= current_period_of(deal)[1]
        )
        if is_cancelled and not known.cancel_at_period_end:
            await self._books.cancel_subscription(known.id, time_of(deal.canceled_at) or at)
        elif known.cancel_at_period_end and not is_cancelled:
            cancelled_at = known.cancelled_at or at
            resumed_at = max(at, cancelled_at + timedelta(seconds=1))
            await self._books.cancel_subscription(known.id, resumed_at, resume=True)
        if deal.status in {"past_due", "unpaid"} and known.status != "past_due":
            await self._books.lapse_subscription(known.id, at)
        if tier is None:
            message = "The subscription's price does not say its plan: see docs/payments.md."
            raise Contradiction("unknown_plan", message)
        return Applied("processed", payment_id)

    async def _keep_customer(self, user_id: str, customer: Any) -> None:
        """Note what Stripe calls a user, for the portal; no payment is worth less without it."""
        reference = id_in(customer)
        if reference is None:
            return
        try:
            await self._books.keep_customer(user_id, "stripe", reference)
        except DatabaseError as error:
            if error.hint != "reference_taken":
                raise
            log.warning("customer_is_anothers", user_id=user_id, customer=reference)

    async def _begin(
        self, deal: Deal, payment: Payment, tier: PublicSubscriptionTier
    ) -> Subscription:
        """Enter a subscription that we had not heard of, and end at Stripe the one it replaces."""
        started_at, ends_at = current_period_of(deal)
        first = time_of(deal.start_date)
        if first is not None and started_at - first > timedelta(hours=1):
            # The first period is over already; its payment is not for the present one.
            started_at, ends_at = first, started_at
        before = await self._books.living_subscription(payment.user_id)
        known = await self._books.start_subscription(
            payment.user_id,
            tier,
            (started_at, ends_at),
            "stripe",
            reference=deal.id,
            payment_id=payment.id,
        )
        replaced = before.provider_reference if before and before.provider == "stripe" else None
        if replaced is not None and replaced != deal.id and known.status != "ended":
            log.warning("subscription_replaced", subscription=replaced, by=deal.id)
            subscriptions = self._client.v1.subscriptions
            # Unless it has ended there as well.
            with contextlib.suppress(Refused, NotThere):
                await self._asked("cancel", lambda: subscriptions.cancel_async(replaced))
        return known

    async def _change(
        self, known: Subscription, deal: Deal, tier: PublicSubscriptionTier, at: datetime
    ) -> None:
        """Enter another plan; if it is billed at once, it counts once that is paid.

        More for no money is not given: what is billed with the next month counts with that.
        """
        latest = object_in(deal.latest_invoice)
        if bills(latest, deal):
            invoice = read(Invoice, latest, "Stripe's invoice")
            if invoice.amount_due > 0:
                payment = await self._invoice_payment(known, deal, invoice)
                # By which it is asked after, should nobody tell that it was paid.
                await self._books.advance(payment.id, reference=invoice.id)
                effective_at = time_of(invoice.created) or at
                await self._books.change_subscription(known.id, tier, effective_at, payment.id)
                return
        elif TIERS.index(tier) > TIERS.index(known.tier):
            return
        await self._books.change_subscription(known.id, tier, at, None)

    async def _follow_charge(self, charge_id: str) -> Applied:
        """Enter how much of a charge was returned."""
        charge = await self._fetch(Charge, charge_id)
        payment = await self._payment_of(charge)
        if payment is None:
            return Applied("ignored")
        if charge.amount_refunded < payment.refunded_minor:
            message = (
                f"A refund did not arrive: {payment.refunded_minor - charge.amount_refunded} "
                f"{payment.currency} less were returned than the books say. Return it in another "
                "way, or give the payer their credits back."
            )
            raise Contradiction("refund_failed", message)
        if charge.amount_refunded == payment.refunded_minor:
            return Applied("ignored", payment.id)
        await self._books.refund(payment.id, charge.amount_refunded, charge.currency)
        return Applied("processed", payment.id)

    async def _follow_dispute(self, dispute: Dispute) -> Applied:
        """Enter that a payer asks their bank for the money, and how that was decided."""
        payment = await self._payment_of(await self._fetch(Charge, id_of(dispute.charge)))
        if payment is None:
            return Applied("ignored")
        # Told in the bank's own currency it says nothing of ours; it is all of it then.
        in_ours = dispute.currency.upper() == payment.currency
        amount = min(dispute.amount, payment.amount_minor) if in_ours else None
        if amount is not None and amount <= 0:
            amount = None
        if dispute.status in DISPUTES_WON:
            await self._books.close_dispute(payment.id, dispute.id, "won", amount)
        elif dispute.status == "lost":
            await self._books.close_dispute(payment.id, dispute.id, "lost", amount)
        else:
            await self._books.open_dispute(payment.id, dispute.id, amount, dispute.reason)
        return Applied("processed", payment.id)

    async def _payment_of(self, charge: Charge) -> Payment | None:
        """Whose charge it is: a purchase's, or that of a subscription's invoice. None: not ours."""
        payment_id = payment_id_in(charge.metadata)
        intent_id = id_in(charge.payment_intent)
        if payment_id is None and intent_id is not None:
            payment_id = payment_id_in((await self._fetch(Intent, intent_id)).metadata)
        if payment_id is not None:
            return await self._ours(payment_id)
        if intent_id is None:
            return None
        paid_by = {"type": "payment_intent", "payment_intent": intent_id}
        page = await self._get("look_up", "/v1/invoice_payments", {"payment": paid_by, "limit": 1})
        listed = items_in(page)
        invoice_id = id_in(listed[0].get("invoice")) if listed else None
        if invoice_id is None:
            return None
        invoice = await self._fetch(Invoice, invoice_id)
        details = object_in(invoice.parent, "subscription_details")
        payment_id = payment_id_in(details.get("metadata"))
        if payment_id is None:
            return None
        if invoice.billing_reason == "subscription_create":
            return await self._ours(payment_id)
        payment = await self._books.payment_by_reference("stripe", invoice.id)
        if payment is None:
            raise Contradiction("unknown_payment", "The invoice's payment is not known yet.")
        return payment

    async def _ours(self, payment_id: str) -> Payment:
        """The payment that an object of Stripe's names as its own."""
        payment = await self._books.payment(payment_id)
        if payment is None or payment.provider != "stripe":
            message = "There is no such payment at Stripe in these books."
            raise Contradiction("unknown_payment", message)
        return payment

    # How it is asked ----------------------------------------------------------------------------

    async def _fetch(self, model: type[AnyThing], thing_id: str) -> AnyThing:
        """Fetch an object as it is now."""
        if ID.fullmatch(thing_id) is None:
            raise Contradiction("unknown_form", "What it is about has no id of Stripe's.")
        expand = EXPANDED.get(model)
        told = await self._get(
            "look_up", f"/v1/{PATHS[model]}/{thing_id}", {"expand": expand} if expand else {}
        )
        thing = self._own(read(model, told, f"Stripe's {model.__name__.lower()}"))
        if thing.id != thing_id:
            raise Away("Stripe answered about something else.")
        return thing

    async def _get(self, operation: str, path: str, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask for JSON as it stands: what the SDK makes objects of must not be garbled."""
        answer = await self._asked(
            operation, lambda: self._client.raw_request_async("get", path, **wanted)
        )
        return object_in(answer.data)

    def _own(self, thing: AnyThing) -> AnyThing:
        self._check_mode(thing.livemode)
        return thing

    def _check_mode(self, livemode: object) -> None:
        """See that play money is not taken for real, nor the other way round."""
        if not isinstance(livemode, bool) or self._is_live not in {None, livemode}:
            mode = "live" if self._is_live else "test"
            message = f"It is not of the {mode} mode, which STRIPE_SECRET_KEY is for."
            raise Misconfigured("other_mode", message)

    async def _asked(self, operation: str, call: Callable[[], Awaitable[Told]]) -> Told:
        """Make one call through the SDK, record it, and say in our words what went wrong."""
        began = time.monotonic()
        status: int | None = None
        request_id: str | None = None
        try:
            with anyio.fail_after(CALL_SECONDS):
                answer = await call()
            status = 200
        except TimeoutError:
            raise Away("Stripe did not answer in time.") from None
        except stripe.StripeError as error:
            status, request_id = error.http_status, error.request_id
            # Without its cause: the SDK's errors hold the whole answer.
            raise meaning_of(error) from None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            # The SDK trips over an answer that is none of Stripe's objects.
            raise Away("Stripe answered in an unknown form.") from None
        finally:
            self._context.on_call(
                Call(
                    self.name,
                    operation,
                    request_id=request_id,
                    latency_ms=round((time.monotonic() - began) * 1000),
                    status_code=status,
                )
            )
        return answer


HEARD: Final = frozenset(
    [
        "charge.dispute.closed",
        "charge.dispute.created",
        "charge.dispute.funds_reinstated",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.refund.updated",
        "charge.refunded",
        "checkout.session.async_payment_failed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.completed",
        "checkout.session.expired",
        "customer.subscription.created",
        "customer.subscription.deleted",
        "customer.subscription.paused",
        "customer.subscription.resumed",
        "customer.subscription.updated",
        "invoice.paid",
        "invoice.payment_failed",
        "invoice.payment_succeeded",
        "refund.created",
        "refund.failed",
        "refund.updated",
    ]
)
"""The events that say something to our books; whatever else is sent is ignored."""


NO_CUSTOMER: Final = "customer_gone"


def meaning_of(error: stripe.StripeError) -> PaymentError:
    """Say what an error of the SDK's means, without its text where that may tell of our key."""
    status = error.http_status
    headers = error.headers or {}
    if status in {401, 403}:
        return Misconfigured("provider_key_refused", "Stripe refuses STRIPE_SECRET_KEY.")
    if status is None:
        return Away("Stripe cannot be reached.")
    if isinstance(error, stripe.IdempotencyError) or (
        status >= 500 and headers.get("idempotent-replayed") == "true"
    ):
        return KeyWorn()
    # Without an error of Stripe's form it is not Stripe who refuses.
    if status in {409, 429} or not 400 <= status < 500 or error.error is None:
        pause = retry_after_of(headers.get("retry-after"), time.time())
        return Away(f"Stripe is not available ({status}).", pause)
    if status == 404:
        return NotThere()
    reason = presentable(error.user_message) or "Stripe refuses this payment."
    is_customer = error.code == "resource_missing" and getattr(error, "param", None) == "customer"
    return Refused(NO_CUSTOMER if is_customer else "provider_refused", reason)


def id_in(value: Any) -> str | None:
    """The id of an object that is told as its id, or whole where it was expanded."""
    found = value if isinstance(value, str) else text_in(object_in(value), "id")
    return found if found is not None and ID.fullmatch(found) else None


def id_of(value: Any) -> str:
    """The id of an object that must be there.

    Raises:
        Contradiction: it is not.
    """
    found = id_in(value)
    if found is None:
        raise Contradiction("unknown_form", "What it is about has no id of Stripe's.")
    return found


def amount_of(amount: int | None) -> int:
    """An amount that must be there, in minor units.

    Raises:
        Contradiction: it is not.
    """
    if amount is None or amount < 0:
        raise Contradiction("unknown_form", "Stripe tells no amount.")
    return amount


def method_of(charge: Mapping[str, Any]) -> PublicPaymentMethod | None:
    """How a charge was paid, if that has a name here."""
    kind = text_in(object_in(charge, "payment_method_details"), "type")
    return kind if kind in METHODS else None


def items_in(told: Any) -> list[Mapping[str, Any]]:
    """The members of a list of Stripe's."""
    listed = object_in(told).get("data")
    found = listed if isinstance(listed, list) else []
    return [each for each in found if isinstance(each, Mapping)]


def tier_of(deal: Deal) -> PublicSubscriptionTier | None:
    """The plan that a subscription is for, by its price or that price's product."""
    for item in items_in(deal.items):
        price = object_in(item, "price")
        for name in (
            text_in(object_in(price, "metadata"), "tier"),
            text_in(price, "lookup_key"),
            text_in(object_in(price, "product", "metadata"), "tier"),
        ):
            if name in TIERS:
                return cast("PublicSubscriptionTier", name)
    return None


def bills(invoice: Mapping[str, Any], deal: Deal) -> bool:
    """Whether an invoice is for the change to what a subscription is for now, and no older one."""
    return text_in(invoice, "billing_reason") == "subscription_update" and any(
        is_for(line, deal) for line in items_in(invoice.get("lines"))
    )


def renews(invoice: Invoice, deal: Deal) -> bool:
    """Whether a renewal's invoice is for what a subscription is for now, and not for some days."""
    return any(
        is_for(line, deal)
        and object_in(line, "parent", "subscription_item_details").get("proration") is False
        for line in items_in(invoice.lines)
    )


def is_for(line: Mapping[str, Any], deal: Deal) -> bool:
    """Whether a line of an invoice is for what a subscription is for now."""
    prices = {id_in(item.get("price")) for item in items_in(deal.items)} - {None}
    return id_in(object_in(line, "pricing", "price_details").get("price")) in prices


def period_of(invoice: Invoice) -> tuple[datetime, datetime] | None:
    """The period that an invoice is for: that of the lines which correct no old one."""
    found = []
    for line in items_in(invoice.lines):
        details = object_in(line, "parent", "subscription_item_details")
        period = object_in(line, "period")
        started_at, ends_at = time_of(period.get("start")), time_of(period.get("end"))
        if details and not details.get("proration") and started_at and ends_at:
            found.append((started_at, ends_at))
    return max(found, key=lambda period: period[1], default=None)


def current_period_of(deal: Deal) -> tuple[datetime, datetime]:
    """The period in which a subscription is now.

    Raises:
        Contradiction: it does not say.
    """
    for item in items_in(deal.items):
        started_at = time_of(item.get("current_period_start"))
        ends_at = time_of(item.get("current_period_end"))
        if started_at and ends_at:
            return started_at, ends_at
    raise Contradiction("unknown_form", "The subscription does not tell its period.")


def make(context: Context, books: Books) -> StripePayments:
    """Make Stripe from `STRIPE_SECRET_KEY` and `STRIPE_WEBHOOK_SECRET`.

    Raises:
        Configuration: one of them is missing or garbled.
    """
    key = key_of(context, "STRIPE_SECRET_KEY")
    try:
        secrets = read_secrets(context.environ.get("STRIPE_WEBHOOK_SECRET", ""))
    except ValueError as error:
        message = f"STRIPE_WEBHOOK_SECRET cannot be used: {error}."
        raise Configuration("configuration", message) from None
    http = Http()
    client = stripe.StripeClient(
        key,
        stripe_version=API_VERSION,
        base_addresses={"api": base_of(context, "REELBASE_STRIPE_URL", "https://api.stripe.com")},
        # Whatever creates something has a key by which Stripe knows it again.
        max_network_retries=1,
        http_client=http,
    )
    is_live = True if "_live_" in key else False if "_test_" in key else None
    return StripePayments(
        client,
        http,
        books,
        StripeWebhooks(secrets),
        context,
        return_url=return_url_of(context, "stripe"),
        is_live=is_live,
    )
