"""The sandbox: a whole purchase without an account anywhere, for development and tests.

It does what a real provider does, over the same ways: a page where the payer pays or declines, a
signed event (Standard Webhooks) to `/webhooks/sandbox` over HTTP, and back to where the payer came
from. Nothing is paid. It is off unless `REELBASE_PAYMENTS` names it and `REELBASE_SANDBOX_SECRET`
is set.

The page's address holds a token that is bound to its payment, so that nobody pays for another. The
events of one page have one id for each answer: however often the button is pressed, it is one.
"""

import hashlib
import hmac
import html
import json
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import httpx

from reelbase.payments.base import (
    Applied,
    Away,
    Contradiction,
    Opened,
    Payment,
    Purchase,
    Refused,
    event_in,
    object_in,
    payment_id_in,
    public_url_of,
    return_url_of,
    text_in,
    with_payment,
)
from reelbase.payments.books import Books
from reelbase.providers.base import Configuration, Context
from reelbase.signatures import (
    read_base64_secrets,
    sign_standard_webhooks,
    standard_webhooks,
)
from reelbase.webhooks import Event

__all__ = [
    "Decision",
    "SandboxPayments",
    "SandboxWebhooks",
    "event_of",
    "make",
    "page",
    "page_headers",
]

Decision = Literal["pay", "decline"]

TYPES: Final[Mapping[Decision, str]] = {"pay": "payment.succeeded", "decline": "payment.failed"}

PAGE_LIFE: Final = timedelta(hours=24)
"""A payment that nobody has answered by then has expired."""

MONTH: Final = timedelta(days=30)

SEND_SECONDS: Final = 10.0


class SandboxWebhooks:
    """Verifies what the sandbox delivers.

    Args:
        keys: Of `read_base64_secrets`.
    """

    name = "sandbox"

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._keys = keys

    async def verify(self, headers: Mapping[str, str], body: bytes, now: float) -> Event:
        """See `reelbase.webhooks.WebhookSource`."""
        signed = standard_webhooks(self._keys, headers, body, now)
        told = event_in(body, "type", "data", "payment_id")
        # The delivery's id is what is signed beside the body, and what repetitions share.
        return Event(signed.id[:255], told.type, told.subject)


class SandboxPayments:
    """Takes payments in play. See `reelbase.payments.base.PaymentProvider`.

    Args:
        books: Where facts are entered.
        keys: Of `read_base64_secrets`; the first one signs.
        http: Delivers events.
        webhook_url: Where to.
        page_url: Where the pages are: `…/sandbox`.
        return_url: Where browsers come back to.
        now: The clock.
    """

    name: Final = "sandbox"
    methods: frozenset[str] = frozenset({"card", "promptpay", "truemoney"})
    is_live: Final = False

    def __init__(
        self,
        books: Books,
        keys: tuple[bytes, ...],
        http: httpx.AsyncClient,
        *,
        webhook_url: str,
        page_url: str,
        return_url: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.webhooks = SandboxWebhooks(keys)
        self.return_url = return_url
        self._books = books
        self._keys = keys
        self._http = http
        self._webhook_url = webhook_url
        self._page_url = page_url
        self._now = now

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._http.aclose()

    def vet(self, purchase: Purchase, currency: str, *, is_plan: bool) -> None:  # noqa: ARG002
        """Everything can be bought in play, except with a card."""
        if purchase.token is not None:
            raise Refused("token_not_taken", "The sandbox wants no card, and no token of one.")

    async def open(self, purchase: Purchase, payment: Payment) -> Opened:  # noqa: ARG002
        """Say where the payment's page is."""
        expires_at = payment.created_at + PAGE_LIFE
        await self._books.advance(
            payment.id, reference=reference_of(payment.id), expires_at=expires_at
        )
        url = f"{self._page_url}/{payment.id}?token={self.token_of(payment.id)}"
        return Opened(url, None, expires_at)

    def token_of(self, payment_id: str) -> str:
        """What whoever answers a payment's page must have."""
        return hmac.new(self._keys[0], f"page.{payment_id}".encode(), hashlib.sha256).hexdigest()

    def is_token(self, payment_id: str, token: str) -> bool:
        """Whether a token is that of a payment's page."""
        return hmac.compare_digest(self.token_of(payment_id).encode(), token.encode("utf-8"))

    async def answer(self, payment: Payment, decision: Decision) -> None:
        """Tell ourselves what the payer did, as a provider would.

        Raises:
            Away: the event was not taken; it may be sent again.
        """
        event_id, body = event_of(decision, payment.id, payment.amount_minor, payment.currency)
        signed = sign_standard_webhooks(self._keys[0], event_id, int(time.time()), body)
        headers = {"Content-Type": "application/json", **signed}
        try:
            answer = await self._http.post(self._webhook_url, content=body, headers=headers)
        except httpx.HTTPError:
            raise Away("The sandbox's event could not be delivered.") from None
        if not answer.is_success:
            message = f"The sandbox's event was not taken ({answer.status_code})."
            raise Away(message)

    async def apply(self, type: str, payload: Any, subject: str | None) -> Applied:  # noqa: A002, ARG002
        """Enter that a payment was paid or declined."""
        if type not in TYPES.values():
            return Applied("ignored")
        data = object_in(payload, "data")
        payment_id = payment_id_in(data)
        payment = None if payment_id is None else await self._books.payment(payment_id)
        if payment is None or payment.provider != "sandbox":
            message = "There is no such payment of the sandbox in these books."
            raise Contradiction("unknown_payment", message)
        if type == TYPES["decline"]:
            await self._books.fail(payment.id, "Declined in the sandbox.")
            return Applied("processed", payment.id)
        amount, currency = data.get("amount_minor"), text_in(data, "currency")
        if not isinstance(amount, int) or currency is None:
            raise Contradiction("unknown_form", "The event tells no amount.")
        paid = await self._books.settle(
            payment.id, amount, currency, reference=text_in(data, "reference")
        )
        if paid.tier is not None:
            # For a month, and no longer: nobody renews in play.
            started_at = paid.succeeded_at or self._now()
            await self._books.start_subscription(
                paid.user_id,
                paid.tier,
                (started_at, started_at + MONTH),
                "sandbox",
                reference=reference_of(paid.id),
                payment_id=paid.id,
            )
        return Applied("processed", paid.id)

    async def check(self, payment: Payment) -> None:
        """Let a payment expire that nobody has answered for a day."""
        if self._now() - payment.created_at > PAGE_LIFE:
            await self._books.fail(payment.id, "Nobody paid in time.", has_expired=True)

    async def check_subscriptions(self) -> None:
        """There is nobody to ask."""

    async def portal(self, user_id: str) -> str:  # noqa: ARG002
        """There is none."""
        raise Refused("no_portal", "The sandbox has no page for subscribers.")


def reference_of(payment_id: str) -> str:
    """What the sandbox calls a payment, or the subscription that it began."""
    return f"sandbox_{payment_id}"


def event_of(
    decision: Decision, payment_id: str, amount_minor: int, currency: str
) -> tuple[str, bytes]:
    """The event of a payer's answer: its id, the same however often it is given, and its body."""
    event_id = f"evt_{payment_id}_{decision}"
    told = {
        "id": event_id,
        "type": TYPES[decision],
        "data": {
            "payment_id": payment_id,
            "reference": reference_of(payment_id),
            "amount_minor": amount_minor,
            "currency": currency,
        },
    }
    return event_id, json.dumps(told).encode()


# The page ---------------------------------------------------------------------------------------

STYLE: Final = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { margin: 0; min-height: 100vh; display: grid; place-items: center;
  background: Canvas; color: CanvasText }
main { box-sizing: border-box; width: min(26rem, 100%); padding: 2rem }
small { display: inline-block; padding: .1rem .6rem; border: 1px solid; border-radius: 1rem;
  letter-spacing: .04em }
h1 { font-size: 1.15rem; font-weight: 500; margin: 1.5rem 0 0 }
p { margin: .25rem 0 }
.amount { font-size: 2.25rem; font-weight: 650; font-variant-numeric: tabular-nums }
.quiet { opacity: .7 }
form { display: flex; gap: .75rem; margin-top: 1.75rem }
button { flex: 1; padding: .75rem 1rem; font: inherit; font-weight: 600; border-radius: .6rem;
  border: 1px solid; background: transparent; color: inherit; cursor: pointer }
button.pay { background: #14532d; border-color: #14532d; color: #fff }
button:focus-visible { outline: 3px solid Highlight; outline-offset: 2px }
a { color: inherit }
"""

STYLE_HASH: Final = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode("ascii")

SAID: Final[Mapping[str, str]] = {
    "succeeded": "This is paid.",
    "refunded": "This was paid, and returned.",
    "disputed": "This was paid, and is disputed.",
    "failed": "This was declined.",
    "expired": "Nobody paid in time.",
}


def money(amount_minor: int, currency: str) -> str:
    """Write an amount for people. The catalogue's currencies have two decimals."""
    return f"{amount_minor // 100:,}.{amount_minor % 100:02d} {currency}"


def page(
    payment: Payment, title: str, token: str, return_url: str, problem: str | None = None
) -> str:
    """Write the page on which a payment is paid or declined, or says that it is over."""
    safe_token = html.escape(token, quote=True)
    if payment.is_open:
        end = (
            f'<form method="post" action="{payment.id}/answer?token={safe_token}">'
            '<button class="pay" name="decision" value="pay">Pay</button>'
            '<button name="decision" value="decline">Decline</button></form>'
        )
    else:
        back = html.escape(with_payment(return_url, payment.id), quote=True)
        end = f'<p>{SAID[payment.status]}</p><p><a href="{back}">Go back</a></p>'
    if problem is not None:
        end = f'<p role="alert">{html.escape(problem)}</p>{end}'
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Sandbox payment</title><style>{STYLE}</style></head><body><main>"
        "<small>Sandbox: nothing is charged</small>"
        f"<h1>{html.escape(title)}</h1>"
        f'<p class="amount">{html.escape(money(payment.amount_minor, payment.currency))}</p>'
        f'<p class="quiet">Payment {html.escape(payment.id[:8])}</p>{end}</main></body></html>'
    )


def page_headers(return_url: str) -> dict[str, str]:
    """What a browser must keep to on that page: no scripts, no frames, no telling of its address.

    Where the form leads in the end counts as where it goes, so that is named.
    """
    parts = urlsplit(return_url)
    policy = (
        f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; "
        f"form-action 'self' {parts.scheme}://{parts.netloc}; frame-ancestors 'none'"
    )
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


def make(context: Context, books: Books) -> SandboxPayments:
    """Make the sandbox from `REELBASE_SANDBOX_SECRET` and `REELBASE_PUBLIC_URL`.

    Raises:
        Configuration: one of them is missing or garbled.
    """
    public_url = public_url_of(context, "sandbox")
    try:
        keys = read_base64_secrets(context.environ.get("REELBASE_SANDBOX_SECRET", ""))
    except ValueError as error:
        message = f"REELBASE_SANDBOX_SECRET cannot be used: {error}."
        raise Configuration("configuration", message) from None
    if min(map(len, keys)) < 24:
        message = "REELBASE_SANDBOX_SECRET is too short: whsec_ and 24 random bytes in base64."
        raise Configuration("configuration", message)
    return SandboxPayments(
        books,
        keys,
        httpx.AsyncClient(timeout=SEND_SECONDS, trust_env=False),
        webhook_url=f"{public_url}/webhooks/sandbox",
        page_url=f"{public_url}/sandbox",
        return_url=return_url_of(context, "sandbox"),
    )
