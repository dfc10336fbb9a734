"""What a provider of payments is: the one protocol between the web service and who takes the money.

A payment is a row of ours before its provider is asked for anything (`books`), and carries its own
id to the provider and back. A provider does three things with it: it opens a purchase and says
where the payer goes, it makes what an event tells into facts of our books, and it asks after a
payment whose event never came. What it enters is always checked against our own row, in SQL: an
event's word alone gives nobody credits.

::

    PaymentError(code, message)       is a ReelbaseError, as are the database's
    ├── Refused          the purchase cannot be made in this way; the message is for the payer
    ├── Away             no answer, or "not now": ask again, after `retry_after` seconds
    ├── Misconfigured    the operator must act: a key is refused, or is of another mode
    └── Contradiction    what the provider tells does not fit our books: an operator must look
"""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol, TypeVar
from urllib.parse import urlencode, urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from reelbase.database_types import (
    PublicPaymentMethod,
    PublicPaymentProvider,
    PublicPaymentStatus,
    PublicSubscriptionStatus,
    PublicSubscriptionTier,
)
from reelbase.errors import ReelbaseError
from reelbase.providers.base import (
    Configuration,
    Context,
    Permanent,
    ProviderError,
    Throttled,
    Transient,
)
from reelbase.webhooks import Event, NotGenuine, WebhookSource

__all__ = [
    "Applied",
    "Away",
    "Contradiction",
    "Misconfigured",
    "Opened",
    "Payment",
    "PaymentError",
    "PaymentProvider",
    "Purchase",
    "Refused",
    "Subscription",
    "event_in",
    "in_our_words",
    "object_in",
    "payment_id_in",
    "public_url_of",
    "read",
    "return_url_of",
    "text_in",
    "time_of",
    "with_payment",
]

Read = TypeVar("Read", bound=BaseModel)


class Payment(BaseModel):
    """A row of `public.payments`. Amounts are in minor units (cents, satang)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    user_id: str
    package_id: str | None = None
    tier: PublicSubscriptionTier | None = None
    subscription_id: str | None = None
    provider: PublicPaymentProvider
    method: PublicPaymentMethod | None = None
    amount_minor: int
    currency: str
    credits: float
    refunded_minor: int = 0
    status: PublicPaymentStatus
    provider_reference: str | None = None
    receipt_url: str | None = None
    failure_reason: str | None = None
    created_at: datetime
    succeeded_at: datetime | None = None
    expires_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may still be paid, as far as is known."""
        return self.status in {"pending", "processing"}


class Subscription(BaseModel):
    """A row of `public.subscriptions`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    user_id: str
    tier: PublicSubscriptionTier
    provider: PublicPaymentProvider | None = None
    provider_reference: str | None = None
    status: PublicSubscriptionStatus
    cancel_at_period_end: bool = False
    cancelled_at: datetime | None = None
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a payer wants to buy, and how.

    Attributes:
        title: What it is called, for the provider's page and receipt.
        email: The payer's, where they have one.
        method: How they want to pay; None lets the provider's page ask.
        token: What a provider's own script made of a card, where it needs that.
    """

    title: str
    email: str | None = None
    method: PublicPaymentMethod | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """Where the payer goes on: a page, or the picture of a code to scan. None where it is done.

    `expires_at` is until when that works, where the provider says so.
    """

    url: str | None = None
    qr_url: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of an event. "ignored": it is about nothing of ours, or tells nothing new."""

    status: Literal["processed", "ignored"]
    payment_id: str | None = None


class PaymentProvider(Protocol):
    """Whoever takes the money."""

    @property
    def name(self) -> PublicPaymentProvider: ...

    @property
    def methods(self) -> frozenset[str]: ...

    @property
    def webhooks(self) -> WebhookSource: ...

    @property
    def is_live(self) -> bool:
        """Whether it moves real money."""
        ...

    def vet(self, purchase: Purchase, currency: str, *, is_plan: bool) -> None:
        """See that something in a currency can be bought in the way that is wished.

        Raises:
            Refused: it cannot.
        """
        ...

    async def open(self, purchase: Purchase, payment: Payment) -> Opened:
        """Have a payment taken; the same one again goes on where it was.

        Raises:
            Refused: the provider says that it cannot be. The payment has failed then.
            Away, Misconfigured: it is not known what became of it; the payment stays open, and
                may be opened again.
        """
        ...

    async def apply(self, type: str, payload: Any, subject: str | None) -> Applied:  # noqa: A002
        """Enter in our books what a genuine event tells; twice is as good as once.

        Args:
            type: What the provider calls it.
            payload: The event's body, parsed.
            subject: The provider's own id of what it is about.

        Raises:
            PaymentError, DatabaseError, DatabaseUnavailable: it is to be tried again, and shown to
                an operator in the end.
        """
        ...

    async def check(self, payment: Payment) -> None:
        """Ask after a payment that stays open, and enter the answer.

        Raises:
            PaymentError, DatabaseError, DatabaseUnavailable: it is to be asked after again.
        """
        ...

    async def check_subscriptions(self) -> None:
        """Ask after subscriptions whose renewal has not been heard of.

        Raises:
            PaymentError, DatabaseError, DatabaseUnavailable: as with `check`.
        """
        ...

    async def portal(self, user_id: str) -> str:
        """Make the address of a page on which a subscriber changes or ends a subscription.

        Raises:
            Refused: there is none.
            Away, Misconfigured: there is none now.
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...


class PaymentError(ReelbaseError):
    """A payment could not be opened, or what is told of it not be entered.

    `code` is stable and machine-readable; `message` is a sentence that holds no secret.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Refused(PaymentError):  # noqa: N818 - named by what follows
    """The purchase cannot be made in this way; another way may work."""


class Away(PaymentError):  # noqa: N818
    """The provider did not answer, or only "not now"."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__("provider_away", message)
        self.retry_after = retry_after


class Misconfigured(PaymentError):  # noqa: N818
    """The installation is at fault: the provider refuses our key, or it is of another mode."""


class Contradiction(PaymentError):  # noqa: N818
    """What the provider tells does not fit our books, or cannot be read."""


def in_our_words(error: ProviderError) -> PaymentError:
    """Turn what a call to a provider came to into what it means for a payment."""
    if isinstance(error, Configuration):
        return Misconfigured(error.code, error.message)
    if isinstance(error, Permanent):
        return Refused(error.code, error.message)
    pause = error.retry_after if isinstance(error, Transient | Throttled) else None
    return Away(error.message, pause)


# What strangers write --------------------------------------------------------------------------


def read(model: type[Read], told: Any, what: str) -> Read:
    """Read what a provider told, as far as we need it.

    Raises:
        Contradiction: it has another form. The message names the places, never what stood there.
    """
    try:
        return model.model_validate(told)
    except (ValidationError, RecursionError) as error:
        found = error.errors(include_input=False) if isinstance(error, ValidationError) else []
        places = sorted({".".join(map(str, each["loc"])) for each in found})[:5]
        raise Contradiction(
            "unknown_form", f"{what} cannot be read: {', '.join(places) or 'it is no object'}."
        ) from None


def object_in(told: Any, *names: str) -> Mapping[str, Any]:
    """Go down into objects by name; an empty one where there is none."""
    for name in names:
        told = told.get(name) if isinstance(told, Mapping) else None
    return told if isinstance(told, Mapping) else {}


def text_in(told: Mapping[str, Any], name: str) -> str | None:
    """A text of an object, in characters that the database takes; None where there is none."""
    value = told.get(name)
    return value if isinstance(value, str) and value and "\0" not in value else None


UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def payment_id_in(metadata: Any) -> str | None:
    """Our own id of a payment among what a provider was given to keep; None if it is not ours."""
    found = text_in(object_in({"metadata": metadata}, "metadata"), "payment_id")
    return str(uuid.UUID(found)) if found is not None and UUID.fullmatch(found) else None


def time_of(seconds: Any) -> datetime | None:
    """A time that was told in seconds since 1970; None for what is none, or not of this age."""
    if isinstance(seconds, int) and 946_684_800 <= seconds < 7_258_118_400:
        return datetime.fromtimestamp(seconds, UTC)
    return None


NAME = re.compile(r"[\x21-\x7e]{1,255}")


def event_in(body: bytes, type_name: str, *subject: str) -> Event:
    """Read from a genuine delivery's body which event it is; its id is a field of that name.

    Args:
        body: The raw body.
        type_name: The field that says what happened.
        subject: The way down to the id of what it is about.

    Raises:
        NotGenuine: it is no event.
    """
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise NotGenuine("the body is no JSON") from None
    event_id, kind = (text_in(object_in(told), name) for name in ("id", type_name))
    about = text_in(object_in(told, *subject[:-1]), subject[-1])
    if event_id is None or NAME.fullmatch(event_id) is None:
        raise NotGenuine("the body is no event")
    return Event(
        event_id,
        kind if kind and NAME.fullmatch(kind) else "",
        about if about and NAME.fullmatch(about) else None,
    )


# Where browsers go -----------------------------------------------------------------------------


def public_url_of(context: Context, name: str) -> str:
    """Where browsers reach this service: what lies before `/webhooks/{name}`.

    Raises:
        Configuration: it is not said.
    """
    if context.webhook_url is None:
        raise Configuration(
            "configuration", f"REELBASE_PUBLIC_URL is not set, which {name} cannot do without."
        )
    return context.webhook_url.removesuffix(f"/webhooks/{name}")


def return_url_of(context: Context, name: str) -> str:
    """Where a browser is sent after paying: `REELBASE_RETURN_URL`, or a page of this service.

    Raises:
        Configuration: neither is known.
    """
    return context.environ.get("REELBASE_RETURN_URL") or f"{public_url_of(context, name)}/paid"


def with_payment(url: str, payment_id: str) -> str:
    """Name a payment in an address, beside what it asks for already."""
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, urlencode({"payment_id": payment_id})) if part)
    return parts._replace(query=query).geturl()
