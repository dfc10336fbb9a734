"""Buying: `/checkout`, a payment as its payer sees it, the subscriber's portal, the sandbox's page.

A purchase is written down before any provider hears of it, under the buyer's own key: whoever
presses twice, in two tabs or after a broken connection, has opened it once. A provider that is away
leaves it open, and the same key goes on where it was. Nothing here credits anything; that is for
what the provider tells (`inbox`), or is asked (`payments.reconcile`).
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, Literal, cast
from urllib.parse import parse_qs
from uuid import UUID
from weakref import WeakValueDictionary

import anyio
import structlog
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from reelbase.database_types import (
    PublicPaymentMethod,
    PublicPaymentProvider,
    PublicPaymentStatus,
    PublicSubscriptionTier,
)
from reelbase.errors import DatabaseError
from reelbase.payments.base import (
    Away,
    Misconfigured,
    Opened,
    Payment,
    PaymentError,
    PaymentProvider,
    Purchase,
    Refused,
    with_payment,
)
from reelbase.payments.books import Books, Ware
from reelbase.payments.sandbox import Decision, SandboxPayments, page, page_headers
from reelbase.web.answers import Refusal, refusal
from reelbase.web.users import USER_ANSWERS, AuthenticatedUser, user_of

__all__ = ["Till", "payments_router"]

KEY_PATTERN = r"^[!-~]{1,150}$"

# Ours for renewals begin otherwise, so that nobody can take the place of one.
KEY_PREFIX = "checkout:"

User = Annotated[AuthenticatedUser, Depends(user_of)]

log = structlog.stdlib.get_logger("reelbase.web")


class Till:
    """What the routes are made of.

    Args:
        providers: Those that may be paid through, by name.
        books: Where payments are written down.
    """

    def __init__(self, providers: Mapping[str, PaymentProvider], books: Books) -> None:
        self.providers = providers
        self.books = books
        self._locks: WeakValueDictionary[str, anyio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def alone_with(self, payment_id: str) -> AsyncIterator[None]:
        """Let one request at a time speak of a payment to its provider, in this process."""
        lock = self._locks.get(payment_id)
        if lock is None:
            lock = self._locks[payment_id] = anyio.Lock()
        async with lock:
            yield

    @property
    def sandbox(self) -> SandboxPayments | None:
        """The sandbox, if it is on."""
        found = self.providers.get("sandbox")
        return found if isinstance(found, SandboxPayments) else None


# What is sent and answered ----------------------------------------------------------------------


class Wish(BaseModel):
    """What somebody wants to buy, and how: a package of credits, or a plan by its tier."""

    model_config = ConfigDict(extra="forbid")

    package: str | None = Field(
        None, pattern=r"^[!-~]{1,100}$", description="A package's slug.", examples=["usd-starter"]
    )
    tier: PublicSubscriptionTier | None = Field(None, description="A plan's tier.")
    provider: PublicPaymentProvider = Field(description="Whom to pay through.")
    method: PublicPaymentMethod | None = Field(
        None, description="How to pay; left out, the provider's page asks where it has one."
    )
    token: str | None = Field(
        None,
        pattern=r"^[!-~]{1,200}$",
        description="What the provider's own script made of a card, where it needs that (Omise).",
    )
    idempotency_key: str | None = Field(
        None,
        pattern=KEY_PATTERN,
        description="The buyer's own: the same one again is the same purchase. May be sent as the "
        "header Idempotency-Key instead.",
    )

    @model_validator(mode="after")
    def buys_one_thing(self) -> "Wish":
        """See that it is one thing."""
        if (self.package is None) == (self.tier is None):
            raise ValueError("name either a package or a tier")
        return self


class Purchased(BaseModel):
    """A purchase that is open, and where the payer goes on; nowhere where it is done already."""

    payment_id: UUID
    status: PublicPaymentStatus
    url: str | None = Field(None, description="A page to send the browser to.")
    qr_url: str | None = Field(None, description="The picture of a code to be scanned.")
    expires_at: datetime | None = Field(None, description="Until when that works.")


class PaymentShown(BaseModel):
    """A payment as its payer sees it. Amounts are in minor units (cents, satang)."""

    id: UUID
    status: PublicPaymentStatus
    provider: PublicPaymentProvider
    method: PublicPaymentMethod | None
    tier: PublicSubscriptionTier | None = Field(description="The plan; null for a package.")
    credits: float
    amount_minor: int
    currency: str
    refunded_minor: int
    receipt_url: str | None
    failure_reason: str | None
    created_at: datetime
    succeeded_at: datetime | None
    expires_at: datetime | None


class PortalWish(BaseModel):
    """Whose portal is wanted."""

    model_config = ConfigDict(extra="forbid")

    provider: Literal["stripe"] = "stripe"


class Portal(BaseModel):
    """Where a subscriber changes or ends a subscription."""

    url: str


def refused(description: str) -> dict[str, Any]:
    """Describe an answer without what was asked for."""
    return {"model": Refusal, "description": description}


CHECKOUT_ANSWERS: dict[int | str, dict[str, Any]] = {
    **USER_ANSWERS,
    400: refused("It cannot be bought in this way; the message says why."),
    403: refused("The account is closed, or has no e-mail address, which what is free needs."),
    404: refused("There is no such package or plan on sale, or provider."),
    409: refused("The key was used for something else, or it is bought already."),
    422: refused("The wish is not of the form that is asked for."),
    429: refused("Too many purchases are open."),
    503: refused("The provider is away. The purchase stays open; the same key tries again."),
}
PORTAL_ANSWERS: dict[int | str, dict[str, Any]] = {
    **USER_ANSWERS,
    400: refused("The body cannot be read."),
    404: refused("There is no portal, or nothing to manage in it."),
    422: refused("The wish is not of the form that is asked for."),
    503: refused("The provider is away."),
}
PAYMENT_ANSWERS: dict[int | str, dict[str, Any]] = {
    **USER_ANSWERS,
    404: refused("There is no such payment of this user's."),
    422: refused("This is no payment's id."),
}
REFUSED = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
PAGE = {"text/html": {"schema": {"type": "string"}}}
PAGE_ANSWERS: dict[int | str, dict[str, Any]] = {
    404: {"description": "There is no such page, or the token is not its own.", "content": REFUSED},
    422: {"description": "It is not of the form that is asked for.", "content": REFUSED},
    503: {
        "description": "Not now, or the event could not be delivered: try again.",
        "content": {**REFUSED, **PAGE},
    },
}


# Routes -----------------------------------------------------------------------------------------


def payments_router() -> APIRouter:
    """Make the routes. They find the `Till` at `app.state.till`."""
    router = APIRouter(tags=["payments"])
    router.add_api_route(
        "/checkout",
        check_out,
        methods=["POST"],
        status_code=201,
        response_model=Purchased,
        responses=CHECKOUT_ANSWERS,
        summary="Open a purchase.",
    )
    router.add_api_route(
        "/payments/{payment_id}",
        show_payment,
        methods=["GET"],
        response_model=PaymentShown,
        responses=PAYMENT_ANSWERS,
        summary="A payment of one's own, for a page that waits.",
    )
    router.add_api_route(
        "/portal",
        open_portal,
        methods=["POST"],
        response_model=Portal,
        responses=PORTAL_ANSWERS,
        summary="Where a subscriber changes or ends a subscription.",
    )
    router.add_api_route(
        "/sandbox/{payment_id}",
        show_page,
        methods=["GET"],
        response_class=HTMLResponse,
        responses=PAGE_ANSWERS,
        summary="The sandbox's page: pay or decline.",
    )
    router.add_api_route(
        "/sandbox/{payment_id}/answer",
        answer_page,
        methods=["POST"],
        status_code=303,
        response_class=RedirectResponse,
        responses=PAGE_ANSWERS,
        summary="What the payer answered on the sandbox's page.",
        openapi_extra={"requestBody": {"required": True, "content": DECISION_FORM}},
    )
    router.add_api_route(
        "/paid",
        show_thanks,
        methods=["GET"],
        response_class=HTMLResponse,
        summary="Where a browser comes after paying, if REELBASE_RETURN_URL says nothing else.",
    )
    return router


async def check_out(
    wish: Wish,
    request: Request,
    user: User,
    idempotency_key: Annotated[
        str | None, Header(pattern=KEY_PATTERN, description="As in the body.")
    ] = None,
) -> Any:
    """Write a purchase down, have its provider take it, and say where the payer goes on."""
    till: Till = request.app.state.till
    provider = till.providers.get(wish.provider)
    if provider is None:
        return refusal(404, "provider_not_available", "That provider is not set up here.")
    if idempotency_key is not None and wish.idempotency_key not in {None, idempotency_key}:
        return refusal(400, "idempotency_key_differs", "Header and body hold different keys.")
    key = idempotency_key or wish.idempotency_key
    if key is None:
        message = "Send an Idempotency-Key of your own: the same one again is the same purchase."
        return refusal(400, "idempotency_key_missing", message)
    try:
        return await buy(till, provider, wish, user, KEY_PREFIX + key)
    except DatabaseError as error:
        return meant_by(error)
    except PaymentError as error:
        return told_of(error)


async def buy(
    till: Till, provider: PaymentProvider, wish: Wish, user: AuthenticatedUser, key: str
) -> Purchased:
    """Open the purchase, or go on with the one of that key."""
    ware = await till.books.ware(wish.package, wish.tier)
    if await till.books.payment_by_key(user.id, key) is None:
        await vet(till, provider, wish, ware, user)
    # Where it is not on sale, or the key was used for another, this is who says so.
    payment = await till.books.open_payment(
        user.id,
        provider.name,
        key,
        package=wish.package,
        tier=wish.tier,
        method=wish.method,
    )
    opened = Opened()
    if payment.is_open:
        async with till.alone_with(payment.id):
            # Somebody else may have come first.
            payment = await till.books.payment(payment.id) or payment
            if payment.is_open:
                opened = await provider.open(purchase_of(wish, ware, user), payment)
                payment = await till.books.payment(payment.id) or payment
    return Purchased(
        payment_id=UUID(payment.id),
        status=payment.status,
        url=opened.url,
        qr_url=opened.qr_url,
        expires_at=opened.expires_at or payment.expires_at,
    )


async def vet(
    till: Till,
    provider: PaymentProvider,
    wish: Wish,
    ware: Ware | None,
    user: AuthenticatedUser,
) -> None:
    """See, before anything is written down, that the provider can take this.

    Raises:
        Refused: it cannot.
    """
    # What costs nothing needs no provider.
    if ware is None or ware.price_minor == 0:
        return
    provider.vet(purchase_of(wish, ware, user), ware.currency, is_plan=ware.is_plan)
    if ware.is_plan and await till.books.living_subscription(user.id) is not None:
        message = "There is a subscription already; the portal changes it to another plan."
        raise Refused("subscription_exists", message)


def purchase_of(wish: Wish, ware: Ware | None, user: AuthenticatedUser) -> Purchase:
    """What a provider is told of a purchase."""
    title = ware.title if ware is not None else f"{wish.package or wish.tier}"
    return Purchase(title, user.email, wish.method, wish.token)


async def show_payment(payment_id: UUID, request: Request, response: Response, user: User) -> Any:
    """Show a payment to whoever opened it."""
    till: Till = request.app.state.till
    payment = await till.books.payment(str(payment_id), user_id=user.id)
    if payment is None:
        return refusal(404, "payment_not_found", "There is no such payment of yours.")
    response.headers["Cache-Control"] = "no-store"
    return PaymentShown.model_validate(payment.model_dump())


async def open_portal(request: Request, user: User, wish: PortalWish | None = None) -> Any:
    """Make the address of the provider's portal for a subscriber."""
    till: Till = request.app.state.till
    provider = till.providers.get((wish or PortalWish()).provider)
    if provider is None:
        return refusal(404, "no_portal", "That provider is not set up here.")
    try:
        return Portal(url=await provider.portal(user.id))
    except Refused as error:
        return refusal(404, error.code, error.message)
    except PaymentError as error:
        return told_of(error)


# The sandbox's page -----------------------------------------------------------------------------

DECISION_FORM = {
    "application/x-www-form-urlencoded": {
        "schema": {
            "type": "object",
            "required": ["decision"],
            "properties": {"decision": {"type": "string", "enum": ["pay", "decline"]}},
        }
    }
}

Token = Annotated[str, Query(max_length=200, description="As the purchase's address has it.")]


async def show_page(payment_id: UUID, request: Request, token: Token) -> Response:
    """Show the page of a payment to whoever has its address."""
    till: Till = request.app.state.till
    found = await page_of(till, payment_id, token)
    if found is None:
        return refusal(404, "not_found")
    sandbox, payment = found
    title = await till.books.title_of(payment)
    return HTMLResponse(
        page(payment, title, token, sandbox.return_url), headers=page_headers(sandbox.return_url)
    )


async def answer_page(payment_id: UUID, request: Request, token: Token) -> Response:
    """Send the event of what the payer answered, then send them back where they came from."""
    till: Till = request.app.state.till
    found = await page_of(till, payment_id, token)
    if found is None:
        return refusal(404, "not_found")
    sandbox, payment = found
    decisions = parse_qs((await request.body()).decode("utf-8", "replace")).get("decision", [])
    if len(decisions) != 1 or decisions[0] not in {"pay", "decline"}:
        return refusal(422, "invalid_request", "decision: either pay or decline.")
    headers = page_headers(sandbox.return_url)
    if payment.is_open:
        try:
            await sandbox.answer(payment, cast("Decision", decisions[0]))
        except Away as error:
            log.warning("sandbox_event_not_taken", payment_id=payment.id, error=error.message)
            title = await till.books.title_of(payment)
            problem = "That could not be delivered. Try again."
            again = page(payment, title, token, sandbox.return_url, problem)
            return HTMLResponse(again, 503, {**headers, "Retry-After": "1"})
    return RedirectResponse(with_payment(sandbox.return_url, payment.id), 303, headers)


async def page_of(
    till: Till, payment_id: UUID, token: str
) -> tuple[SandboxPayments, Payment] | None:
    """The sandbox and a payment of its own, for whoever has the token; None for anybody else."""
    sandbox = till.sandbox
    if sandbox is None or not sandbox.is_token(str(payment_id), token):
        return None
    payment = await till.books.payment(str(payment_id))
    return (sandbox, payment) if payment is not None and payment.provider == "sandbox" else None


THANKS = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Thank you</title>'
    "</head><body><p>Thank you. You may close this window.</p></body></html>"
)


async def show_thanks() -> Response:
    """Say that there is nothing more to do here."""
    headers = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
    return HTMLResponse(THANKS, headers=headers)


# What goes wrong --------------------------------------------------------------------------------


def meant_by(error: DatabaseError) -> Response:
    """Answer what the database refused, if that is for the buyer to know.

    Raises:
        DatabaseError: it is not, but for us.
    """
    if error.code.startswith("PT4") and error.code[2:].isdecimal():
        return refusal(int(error.code[2:]), error.hint or "refused", str(error))
    raise error


def told_of(error: PaymentError) -> Response:
    """Answer what a provider of payments refused, or could not do."""
    if isinstance(error, Refused):
        status = 409 if error.code == "subscription_exists" else 400
        return refusal(status, error.code, error.message)
    if isinstance(error, Away):
        log.warning("payment_provider_away", error=error.message)
        headers = {} if error.retry_after is None else {"Retry-After": f"{error.retry_after:.0f}"}
        message = (
            "The payment provider is away. The purchase stays open; try again with the same key."
        )
        return refusal(503, error.code, message, headers)
    level = "payment_provider_misconfigured" if isinstance(error, Misconfigured) else "payment_odd"
    log.error(level, code=error.code, error=error.message)
    return refusal(503, "unavailable", "Payments are out of order at this moment; come again.")
