"""Omise: PromptPay by a code to scan, TrueMoney by its app, cards by a token of Omise's script.

A purchase is a charge that carries our payment's id in its metadata. Omise promises no repeatable
creation: before a charge is made, one of that payment is looked for among those made since; should
two be made all the same, the payment keeps the first and the other is expired.

What an event says is never believed: the charge is fetched again, and its status, amount, currency
and mode looked at. Events may not come at all; the reconciler asks then.

Source of the wire formats: https://docs.omise.co/charges-api, https://docs.omise.co/promptpay and
https://docs.omise.co/truemoney-jumpapp, in version 2019-05-29.
"""

import base64
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictInt

from reelbase.database_types import PublicPaymentMethod
from reelbase.errors import DatabaseError
from reelbase.payments.base import (
    Applied,
    Away,
    Contradiction,
    Misconfigured,
    Opened,
    Payment,
    Purchase,
    Refused,
    event_in,
    in_our_words,
    object_in,
    payment_id_in,
    read,
    return_url_of,
    text_in,
    with_payment,
)
from reelbase.payments.books import Books
from reelbase.providers.base import Configuration, Context, ProviderError
from reelbase.providers.wire import Wire, base_of, key_of, presentable
from reelbase.signatures import omise as verify_omise
from reelbase.signatures import read_base64_secrets
from reelbase.webhooks import Event

__all__ = ["API_VERSION", "OmisePayments", "OmiseWebhooks", "make"]

API_VERSION: Final = "2019-05-29"

SOURCES: Final[Mapping[PublicPaymentMethod, str]] = {
    "promptpay": "promptpay",
    "truemoney": "truemoney_jumpapp",
}
BY_SOURCE: Final[Mapping[str, PublicPaymentMethod]] = {
    "promptpay": "promptpay",
    "truemoney": "truemoney",
    "truemoney_jumpapp": "truemoney",
    "truemoney_qr": "truemoney",
}

GONE_AFTER: Final = timedelta(hours=25)
"""A payment that has no charge by then never will have: nobody waits at its page any more."""

LISTED_PAGES: Final = 10
PAGE: Final = 100

CHARGE_ID = re.compile(r"chrg_[A-Za-z0-9_]{1,100}")
TOKEN = re.compile(r"tokn_[A-Za-z0-9_]{1,100}")


class Charge(BaseModel):
    """A charge, as far as we read it. Amounts are in minor units (satang)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Annotated[str, Field(pattern=r"^chrg_[A-Za-z0-9_]{1,100}$")]
    livemode: bool
    status: str
    amount: StrictInt
    currency: str
    metadata: Any = None
    refunded_amount: StrictInt = 0
    authorize_uri: str | None = None
    expires_at: AwareDatetime | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    source: Any = None
    card: Any = None
    dispute: Any = None


class OmiseWebhooks:
    """Verifies what Omise delivers.

    Args:
        keys: Of `read_base64_secrets`.
    """

    name = "omise"

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._keys = keys

    async def verify(self, headers: Mapping[str, str], body: bytes, now: float) -> Event:
        """See `reelbase.webhooks.WebhookSource`."""
        verify_omise(self._keys, headers, body, now)
        return event_in(body, "key", "data", "id")


class OmisePayments:
    """Takes payments through Omise. See `reelbase.payments.base.PaymentProvider`.

    Args:
        wire: Speaks to its API with our key.
        books: Where facts are entered.
        webhooks: Verifies its deliveries.
        return_url: Where browsers come back to.
        is_live: Whether the key is for real money.
        now: The clock.
    """

    name: Final = "omise"
    methods: frozenset[PublicPaymentMethod] = frozenset({"card", "promptpay", "truemoney"})

    def __init__(
        self,
        wire: Wire,
        books: Books,
        webhooks: OmiseWebhooks,
        *,
        return_url: str,
        is_live: bool,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.webhooks = webhooks
        self._wire = wire
        self._books = books
        self._return_url = return_url
        self.is_live = is_live
        self._now = now

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._wire.aclose()

    # Opening ------------------------------------------------------------------------------------

    def vet(self, purchase: Purchase, currency: str, *, is_plan: bool) -> None:
        """A way to pay must be named: there is no page of Omise's that asks for it."""
        if is_plan:
            message = "A plan cannot be subscribed to through Omise; packages can be bought."
            raise Refused("plan_not_available", message)
        if purchase.method is None:
            message = "Say how to pay through Omise: promptpay, truemoney or card."
            raise Refused("method_missing", message)
        if purchase.method in SOURCES and currency.upper() != "THB":
            message = f"{purchase.method.capitalize()} pays in Thai baht only."
            raise Refused("method_not_available", message)
        if purchase.method == "card" and purchase.token is None:
            message = (
                "To pay by card through Omise, let its script make a token of the card first, and "
                "send that as `token`."
            )
            raise Refused("token_missing", message)
        if purchase.method == "card" and not TOKEN.fullmatch(purchase.token or ""):
            raise Refused("token_not_taken", "This is no token of a card of Omise's.")
        if purchase.method != "card" and purchase.token is not None:
            raise Refused("token_not_taken", "A token is for paying by card.")

    async def open(self, purchase: Purchase, payment: Payment) -> Opened:
        """Make the payment's charge, or go on with the one that it has."""
        if payment.provider_reference is not None:
            charge = await self._fetch(payment.provider_reference)
        else:
            charge = await self._find(payment) or await self._create(purchase, payment)
            charge = await self._noted(payment, charge)
        await self._follow(charge)
        if charge.status != "pending":
            return Opened()
        code = object_in(charge.source, "scannable_code", "image")
        return Opened(
            web_address(charge.authorize_uri),
            web_address(text_in(code, "download_uri")),
            charge.expires_at,
        )

    async def _create(self, purchase: Purchase, payment: Payment) -> Charge:
        wanted = {
            "amount": str(payment.amount_minor),
            "currency": payment.currency,
            "description": purchase.title,
            "metadata[payment_id]": payment.id,
            "return_uri": with_payment(self._return_url, payment.id),
        }
        if purchase.method == "card":
            wanted["card"] = purchase.token or ""
        elif purchase.method is not None:
            wanted["source[type]"] = SOURCES[purchase.method]
        try:
            answer = await self._wire.call(
                "submit",
                "POST",
                "/charges",
                creates=True,
                data=wanted,
                # Not promised, so not relied on; it can do no harm.
                headers={"Idempotency-Key": payment.id},
            )
            told = answer.json()
        except ProviderError as error:
            meant = in_our_words(error)
            if isinstance(meant, Refused):
                await self._books.fail(payment.id, meant.message)
            raise meant from None
        return self._own(told)

    async def _noted(self, payment: Payment, charge: Charge) -> Charge:
        """Note which charge is the payment's; the first stays, and another is expired at once."""
        method = BY_SOURCE.get(text_in(object_in(charge.source), "type") or "")
        try:
            await self._books.advance(
                payment.id,
                reference=charge.id,
                method=method or ("card" if charge.card else None),
                expires_at=charge.expires_at,
            )
        except DatabaseError as error:
            if error.hint != "reference_differs":
                raise
        else:
            return charge
        await self._expire(charge.id)
        known = await self._books.payment(payment.id)
        if known is None or known.provider_reference is None:
            raise Away("The payment is being opened elsewhere.")
        return await self._fetch(known.provider_reference)

    async def _expire(self, charge_id: str) -> None:
        """Have a charge paid by nobody any more. Does nothing if it is over already."""
        try:
            await self._wire.call(
                "cancel", "POST", f"/charges/{charge_id}/expire", accept={400, 404}
            )
        except ProviderError as error:
            raise in_our_words(error) from None

    async def _find(self, payment: Payment) -> Charge | None:
        """Look for a payment's charge among those that were made since it was opened."""
        since = payment.created_at.astimezone(UTC) - timedelta(minutes=10)
        until = payment.created_at.astimezone(UTC) + GONE_AFTER
        for page in range(LISTED_PAGES):
            wanted = {
                "from": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "to": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "order": "chronological",
                "limit": str(PAGE),
                "offset": str(page * PAGE),
            }
            listed = object_in(await self._get("recover", "/charges", wanted)).get("data")
            charges = listed if isinstance(listed, list) else []
            for each in charges:
                if payment_id_in(object_in(each).get("metadata")) == payment.id:
                    return self._own(each)
            if len(charges) < PAGE:
                return None
        raise Contradiction("too_many_charges", "Too many charges at Omise to find one among.")

    # Events -------------------------------------------------------------------------------------

    async def apply(
        self,
        type: str,  # noqa: A002
        payload: Any,
        subject: str | None,  # noqa: ARG002 - the payload says it, too
    ) -> Applied:
        """Fetch the charge that an event is about, and enter how it stands."""
        about = object_in(payload, "data")
        kind, _, _ = type.partition(".")
        if kind not in {"charge", "refund", "dispute"}:
            return Applied("ignored")
        self._check_mode(object_in(payload).get("livemode"))
        charge_id = about.get("id") if kind == "charge" else about.get("charge")
        if isinstance(charge_id, Mapping):
            charge_id = charge_id.get("id")
        return await self._follow(await self._fetch(charge_id))

    async def check(self, payment: Payment) -> None:
        """Ask after a payment's charge."""
        reference = payment.provider_reference
        charge = await (self._find(payment) if reference is None else self._fetch(reference))
        if charge is not None:
            await self._follow(charge)
        elif self._now() - payment.created_at > GONE_AFTER:
            await self._books.fail(payment.id, "It was never begun.", has_expired=True)

    async def check_subscriptions(self) -> None:
        """There are none."""

    async def portal(self, user_id: str) -> str:  # noqa: ARG002
        """There is none."""
        raise Refused("no_portal", "Omise has no page for subscribers.")

    async def _follow(self, charge: Charge) -> Applied:
        """Enter how far a charge has come."""
        payment_id = payment_id_in(charge.metadata)
        if payment_id is None:
            return Applied("ignored")
        payment = await self._books.payment(payment_id)
        if payment is None or payment.provider != "omise":
            raise Contradiction("unknown_payment", "There is no such payment in these books.")
        if charge.status == "successful":
            await self._books.settle(
                payment_id, charge.amount, charge.currency, reference=charge.id
            )
        elif charge.status in {"failed", "reversed"}:
            reason = presentable(charge.failure_message) or "The payment was declined."
            await self._failed(payment, charge, reason, has_expired=False)
        elif charge.status == "expired":
            await self._failed(payment, charge, "Nobody paid in time.", has_expired=True)
        else:
            await self._books.advance(payment_id, reference=charge.id, expires_at=charge.expires_at)
            return Applied("ignored", payment_id)
        if charge.refunded_amount > payment.refunded_minor:
            await self._books.refund(payment_id, charge.refunded_amount, charge.currency)
        await self._follow_dispute(charge, payment)
        return Applied("processed", payment_id)

    async def _failed(
        self, payment: Payment, charge: Charge, reason: str, *, has_expired: bool
    ) -> None:
        """Enter that a charge was not paid, unless it is one that was made beside the payment's."""
        if payment.provider_reference in {None, charge.id}:
            await self._books.advance(payment.id, reference=charge.id)
            await self._books.fail(payment.id, reason, has_expired=has_expired)

    async def _follow_dispute(self, charge: Charge, payment: Payment) -> None:
        """Enter that a payer asks their bank for the money, and how that was decided."""
        dispute = object_in(charge.dispute)
        reference, status = text_in(dispute, "id"), text_in(dispute, "status")
        if reference is None:
            return
        told = dispute.get("amount")
        amount = min(told, payment.amount_minor) if isinstance(told, int) and told > 0 else None
        if status == "won":
            await self._books.close_dispute(payment.id, reference, "won", amount)
        elif status == "lost":
            await self._books.close_dispute(payment.id, reference, "lost", amount)
        else:
            reason = text_in(dispute, "reason_code") or text_in(dispute, "message")
            await self._books.open_dispute(payment.id, reference, amount, reason)

    # How it is asked ----------------------------------------------------------------------------

    async def _fetch(self, charge_id: Any) -> Charge:
        """Fetch a charge as it is now."""
        if not isinstance(charge_id, str) or CHARGE_ID.fullmatch(charge_id) is None:
            raise Contradiction("unknown_form", "What it is about has no id of a charge.")
        charge = self._own(await self._get("look_up", f"/charges/{charge_id}", {}))
        if charge.id != charge_id:
            raise Away("Omise answered with another charge.")
        return charge

    async def _get(self, operation: str, path: str, wanted: Mapping[str, str]) -> Any:
        try:
            answer = await self._wire.call(operation, "GET", path, params=wanted, accept={404})
            told = answer.json()
        except ProviderError as error:
            raise in_our_words(error) from None
        if answer.status == 404:
            raise Contradiction("not_found", "Omise knows nothing of that id.")
        return told

    def _own(self, told: Any) -> Charge:
        charge = read(Charge, told, "Omise's charge")
        self._check_mode(charge.livemode)
        return charge

    def _check_mode(self, livemode: object) -> None:
        """See that play money is not taken for real, nor the other way round."""
        if livemode is not self.is_live:
            mode = "live" if self.is_live else "test"
            message = f"It is not of the {mode} mode, which OMISE_SECRET_KEY is for."
            raise Misconfigured("other_mode", message)


def web_address(url: str | None) -> str | None:
    """An address that a browser may be sent to; None for anything else."""
    return url if url is not None and re.match(r"https?://[^\s<>\"]+\Z", url) else None


def make(context: Context, books: Books) -> OmisePayments:
    """Make Omise from `OMISE_SECRET_KEY` and `OMISE_WEBHOOK_SECRET`.

    Raises:
        Configuration: one of them is missing or garbled.
    """
    key = key_of(context, "OMISE_SECRET_KEY")
    try:
        secrets = read_base64_secrets(context.environ.get("OMISE_WEBHOOK_SECRET", ""))
    except ValueError as error:
        message = f"OMISE_WEBHOOK_SECRET cannot be used: {error}."
        raise Configuration("configuration", message) from None
    credentials = base64.b64encode(f"{key}:".encode()).decode("ascii")
    wire = Wire(
        "omise",
        base_of(context, "REELBASE_OMISE_URL", "https://api.omise.co"),
        {"Authorization": f"Basic {credentials}", "Omise-Version": API_VERSION},
        context,
        read_seconds=20,
        call_seconds=30,
    )
    return OmisePayments(
        wire,
        books,
        OmiseWebhooks(secrets),
        return_url=return_url_of(context, "omise"),
        is_live="_test_" not in key,
    )
