"""Stripe on loopback: Checkout, subscriptions with their invoices, refunds, disputes, the portal.

Parameters that the API of its version does not know are refused, as are calls in another version;
idempotency keys answer with what they answered before, failures included.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from stripe.params.checkout import SessionCreateParams

from .frame import Standin

__all__ = ["StripeStandin"]

VERSION = "2026-10-28.endive"
MONTH = 30 * 86400

# The options of a request are no parameters of it.
KNOWN = set(SessionCreateParams.__annotations__) - {
    "api_key",
    "stripe_version",
    "stripe_account",
    "stripe_context",
    "max_network_retries",
    "idempotency_key",
    "content_type",
    "headers",
}

KINDS = {
    "checkout/sessions": "checkout.session",
    "invoices": "invoice",
    "subscriptions": "subscription",
    "charges": "charge",
    "disputes": "dispute",
    "payment_intents": "payment_intent",
    "refunds": "refund",
}


class StripeStandin(Standin):
    """See the module. Payers and operators act by its methods, which return the event they cause.

    `now` is its clock, in seconds since 1970; `breaks` how many creations end in a failure of its
    own, which their idempotency keys then repeat; `answer`, if set, what every look-up gets.
    """

    name = "stripe"
    key = "sk_test_standin0123456789abcdef"
    secret = "whsec_standin0123456789abcdef"
    operations = (
        ("submit", "POST", r"/v1/checkout/sessions"),
        ("portal", "POST", r"/v1/billing_portal/sessions"),
        ("cancel", "POST", r"/v1/checkout/sessions/[^/]+/expire"),
        ("cancel", "DELETE", r"/v1/subscriptions/[^/]+"),
        ("recover", "GET", r"/v1/checkout/sessions"),
        ("look_up", "GET", r"/v1/.+"),
    )

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.now = int(time.time())
        self.breaks = 0
        self._made = 0
        self.answer: Any = None
        self.things: dict[str, Any] = {}
        self.paid_by: dict[str, str] = {}
        self._answers: dict[str, tuple[bytes, Any, int]] = {}

    @property
    def environ(self) -> dict[str, str]:
        """What tells the adapter where this is, and its key."""
        return {
            "STRIPE_SECRET_KEY": self.key,
            "STRIPE_WEBHOOK_SECRET": f"whsec_old,{self.secret}",
            "REELBASE_STRIPE_URL": self.url,
            "REELBASE_RETURN_URL": "https://app.example/done?from=stripe",
        }

    def routes(self) -> list[BaseRoute]:
        """The API."""
        return [
            Route("/v1/checkout/sessions", self._create_session, methods=["POST"]),
            Route("/v1/checkout/sessions", self._list_sessions),
            Route("/v1/checkout/sessions/{id}/expire", self._expire_session, methods=["POST"]),
            Route("/v1/subscriptions/{id}", self._cancel, methods=["DELETE"]),
            Route("/v1/billing_portal/sessions", self._open_portal, methods=["POST"]),
            Route("/v1/invoice_payments", self._list_invoice_payments),
            Route("/v1/{kind:path}/{id}", self._show),
        ]

    # The API ------------------------------------------------------------------------------------

    def _refused(self, request: Request) -> Response | None:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return error(401, f"Invalid API Key provided: {self.key[:8]}***")
        if request.headers.get("stripe-version") != VERSION:
            return error(400, "Another version.")
        if request.method == "POST" and not request.headers.get("idempotency-key"):
            return error(400, "No Idempotency-Key.")
        return None

    async def _create_session(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        body = await request.body()
        key = request.headers["idempotency-key"]
        if key in self._answers:
            before, answer, status = self._answers[key]
            if before != body:
                return error(400, "Keys are for the same parameters.", "idempotency_error")
            return JSONResponse(answer, status, {"Idempotent-Replayed": "true"})
        told, status = self._session(unfold(body))
        if self.breaks:
            self.breaks -= 1
            told, status = {"error": {"type": "api_error", "message": "Oops."}}, 500
        self._answers[key] = (body, told, status)
        return JSONResponse(told, status)

    def _session(self, wanted: dict[str, Any]) -> tuple[Any, int]:
        unknown = set(wanted) - KNOWN
        if unknown:
            return wrong(f"Received unknown parameter: {min(unknown)}"), 400
        price = wanted["line_items"]["0"]["price_data"]
        amount, currency = int(price["unit_amount"]), price["currency"]
        methods = list(wanted.get("allowed_payment_method_types", {}).values())
        if amount < 50:
            return wrong(
                "The Checkout Session's total amount must convert to at least 50 cents."
            ), 400
        if "promptpay" in methods and (currency != "thb" or wanted["mode"] != "payment"):
            return wrong("No valid payment method types for this Checkout Session."), 400
        if wanted["mode"] == "subscription" and "recurring" not in price:
            return wrong("You must provide at least one recurring price."), 400
        customer = wanted.get("customer")
        if customer is not None and customer not in self.things:
            return wrong(f"No such customer: '{customer}'", "resource_missing", "customer"), 400
        session = self.add(
            "checkout.session",
            "cs_test",
            mode=wanted["mode"],
            ui_mode=wanted.get("ui_mode", "hosted_page"),
            status="open",
            payment_status="unpaid",
            amount_total=amount,
            currency=currency,
            client_reference_id=wanted.get("client_reference_id"),
            metadata=wanted.get("metadata", {}),
            customer=customer,
            expires_at=self.now + 86400,
            success_url=wanted["success_url"],
            payment_intent=None,
            subscription=None,
        )
        session["url"] = f"https://checkout.example/{session['id']}"
        session["_wanted"] = wanted
        return shown(session), 200

    async def _list_sessions(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        asked = request.query_params
        first, last = int(asked.get("created[gte]", 0)), int(asked.get("created[lte]", 1 << 40))
        found = [
            each
            for each in reversed(self.things.values())
            if each["object"] == "checkout.session" and first <= each["created"] <= last
        ]
        after = asked.get("starting_after")
        ids = [each["id"] for each in found]
        found = found[ids.index(after) + 1 :] if after in ids else found
        limit = int(asked.get("limit", 10))
        page = {"object": "list", "data": [shown(each) for each in found[:limit]]}
        return JSONResponse({**page, "has_more": len(found) > limit})

    async def _expire_session(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        session = self.things.get(request.path_params["id"])
        if session is None:
            return error(404, "No such checkout session", "invalid_request_error")
        if session["status"] != "open":
            return error(400, "Only Checkout Sessions with a status of open can be expired.")
        session.update(status="expired", url=None)
        return JSONResponse(shown(session))

    async def _show(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        if self.answer is not None:
            return JSONResponse(self.answer)
        thing = self.things.get(request.path_params["id"])
        if thing is None or KINDS.get(request.path_params["kind"]) != thing["object"]:
            return error(404, "No such thing", "invalid_request_error")
        expand = [value for name, value in request.query_params.items() if "expand" in name]
        return JSONResponse(self._expanded(thing, expand))

    def _expanded(self, thing: dict[str, Any], expand: list[str]) -> Any:
        """An object with what was asked for in the place of ids."""
        told = json.loads(json.dumps(shown(thing)))
        for path in expand:
            places = [told]
            *way, name = path.split(".")
            for step in (*way, name):
                following: list[Any] = []
                for place in places:
                    if isinstance(place.get(step), str) and place[step] in self.things:
                        place[step] = shown(json.loads(json.dumps(self.things[place[step]])))
                    inner = place.get(step)
                    following += inner if isinstance(inner, list) else [inner] if inner else []
                places = [each for each in following if isinstance(each, dict)]
        return told

    async def _cancel(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        deal = self.things.get(request.path_params["id"])
        if deal is None or deal["status"] == "canceled":
            return error(404, "No such subscription", "invalid_request_error")
        self.end(deal["id"])
        return JSONResponse(shown(deal))

    async def _open_portal(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        wanted = unfold(await request.body())
        if wanted.get("customer") not in self.things:
            return JSONResponse(wrong("No such customer", "resource_missing", "customer"), 400)
        url = f"https://billing.example/{wanted['customer']}"
        return JSONResponse(shown(self.add("billing_portal.session", "bps", url=url)))

    async def _list_invoice_payments(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        invoice = self.paid_by.get(request.query_params.get("payment[payment_intent]", ""))
        data = [{"object": "invoice_payment", "id": "inpay_1", "invoice": invoice}]
        return JSONResponse({"object": "list", "data": data if invoice else [], "has_more": False})

    # What happens there -------------------------------------------------------------------------

    def add(self, kind: str, prefix: str, **fields: Any) -> Any:
        """Make an object."""
        self._made += 1
        thing_id = f"{prefix}_{self._made:06d}{hashlib.sha256(self.url.encode()).hexdigest()[:8]}"
        thing = {
            "id": thing_id,
            "object": kind,
            "livemode": False,
            "created": self.now,
            "metadata": {},
            **fields,
        }
        self.things[thing_id] = thing
        return thing

    def event(self, kind: str, thing_id: str, **changes: Any) -> dict[str, Any]:
        """The event that says something of an object as it is now."""
        number = len(self.things)
        told = {
            "id": f"evt_{number}{abs(hash((kind, thing_id, self.now))) % 16**8:08x}",
            "object": "event",
            "type": kind,
            "created": self.now,
            "livemode": False,
            "data": {"object": json.loads(json.dumps(shown(self.things[thing_id])))},
        }
        return {**told, **changes}

    def signed(self, event: Any) -> tuple[dict[str, str], bytes]:
        """Headers and body of a delivery."""
        body = json.dumps(event).encode()
        sent_at = int(time.time())
        mac = hmac.new(self.secret.encode(), f"{sent_at}.".encode() + body, hashlib.sha256)
        signature = f"t={sent_at},v1={mac.hexdigest()}"
        return {"content-type": "application/json", "stripe-signature": signature}, body

    def _charge(self, amount: int, currency: str, metadata: Mapping[str, str], method: str) -> Any:
        """Take money: an intent with its charge."""
        intent = self.add("payment_intent", "pi", status="succeeded", metadata=dict(metadata))
        charge = self.add(
            "charge",
            "ch",
            amount=amount,
            amount_refunded=0,
            currency=currency,
            metadata=dict(metadata),
            payment_intent=intent["id"],
            receipt_url=f"https://pay.example/receipts/{intent['id']}",
            payment_method_details={"type": method},
        )
        intent["latest_charge"] = charge["id"]
        return charge

    def pay(self, session_id: str, method: str = "card") -> dict[str, Any]:
        """The payer pays."""
        session = self.things[session_id]
        wanted = session["_wanted"]
        session.update(status="complete", payment_status="paid", url=None)
        if session["customer"] is None and session["mode"] == "subscription":
            session["customer"] = self.add("customer", "cus")["id"]
        amount, currency = session["amount_total"], session["currency"]
        if session["mode"] == "payment":
            metadata = wanted["payment_intent_data"]["metadata"]
            charge = self._charge(amount, currency, metadata, method)
            session["payment_intent"] = charge["payment_intent"]
        else:
            price = wanted["line_items"]["0"]["price_data"]
            product = self.add("product", "prod", metadata=price["product_data"]["metadata"])
            item = {
                "object": "subscription_item",
                "id": f"si_{len(self.things)}",
                "current_period_start": self.now,
                "current_period_end": self.now + MONTH,
                "price": {
                    "id": "price_1",
                    "metadata": {},
                    "lookup_key": None,
                    "product": product["id"],
                },
            }
            deal = self.add(
                "subscription",
                "sub",
                status="active",
                start_date=self.now,
                cancel_at=None,
                cancel_at_period_end=False,
                canceled_at=None,
                ended_at=None,
                customer=session["customer"],
                metadata=wanted["subscription_data"]["metadata"],
                items={"object": "list", "data": [item]},
            )
            session["subscription"] = deal["id"]
            self.invoice(deal["id"], "subscription_create", amount, currency)
            session["invoice"] = deal["latest_invoice"]
        return self.event("checkout.session.completed", session_id)

    def promise(self, session_id: str) -> dict[str, Any]:
        """The payer has done their part; the money is on its way."""
        session = self.things[session_id]
        metadata = session["_wanted"]["payment_intent_data"]["metadata"]
        intent = self.add("payment_intent", "pi", status="processing", metadata=metadata)
        session.update(status="complete", url=None, payment_intent=intent["id"])
        return self.event("checkout.session.completed", session_id)

    def arrive(self, session_id: str) -> dict[str, Any]:
        """The money comes."""
        self.pay(session_id, "promptpay")
        return self.event("checkout.session.async_payment_succeeded", session_id)

    def bounce(self, session_id: str) -> dict[str, Any]:
        """The money does not come."""
        session = self.things[session_id]
        self.things[session["payment_intent"]].update(
            status="requires_payment_method", last_payment_error={"message": "The bank said no."}
        )
        return self.event("checkout.session.async_payment_failed", session_id)

    def leave(self, session_id: str) -> dict[str, Any]:
        """The payer leaves the page for good."""
        self.things[session_id].update(status="expired", url=None)
        return self.event("checkout.session.expired", session_id)

    def invoice(
        self, deal_id: str, reason: str, amount: int, currency: str, *, is_paid: bool = True
    ) -> dict[str, Any]:
        """Bill a subscription."""
        deal = self.things[deal_id]
        item = deal["items"]["data"][0]
        line = {
            "object": "line_item",
            "amount": amount,
            "pricing": {"price_details": {"price": item["price"]["id"]}},
            "period": {"start": item["current_period_start"], "end": item["current_period_end"]},
            "parent": {
                "type": "subscription_item_details",
                "subscription_item_details": {"proration": reason == "subscription_update"},
            },
        }
        invoice = self.add(
            "invoice",
            "in",
            status="paid" if is_paid else "open",
            billing_reason=reason,
            amount_due=amount,
            amount_paid=amount if is_paid else 0,
            currency=currency,
            attempted=True,
            hosted_invoice_url="https://pay.example/invoice",
            lines={"object": "list", "data": [line]},
            parent={
                "type": "subscription_details",
                "subscription_details": {"subscription": deal_id, "metadata": deal["metadata"]},
            },
        )
        deal["latest_invoice"] = invoice["id"]
        if is_paid:
            charge = self._charge(amount, currency, {}, "card")
            self.paid_by[charge["payment_intent"]] = invoice["id"]
            invoice["_charge"] = charge["id"]
        return self.event("invoice.paid" if is_paid else "invoice.payment_failed", invoice["id"])

    def renew(
        self, deal_id: str, amount: int, currency: str, *, is_paid: bool = True
    ) -> dict[str, Any]:
        """A month is over, and the next one is billed."""
        deal = self.things[deal_id]
        item = deal["items"]["data"][0]
        item["current_period_start"] = item["current_period_end"]
        item["current_period_end"] += MONTH
        deal["status"] = "active" if is_paid else "past_due"
        return self.invoice(deal_id, "subscription_cycle", amount, currency, is_paid=is_paid)

    def settle_invoice(self, invoice_id: str) -> dict[str, Any]:
        """A bill that could not be paid is paid after all."""
        invoice = self.things[invoice_id]
        invoice.update(status="paid", amount_paid=invoice["amount_due"])
        details = invoice["parent"]["subscription_details"]
        self.things[details["subscription"]]["status"] = "active"
        return self.event("invoice.paid", invoice_id)

    def change(
        self, deal_id: str, tier: str, amount: int, currency: str, *, is_paid: bool = True
    ) -> dict[str, Any]:
        """Another plan is chosen in the portal, and the difference billed at once."""
        item = self.things[deal_id]["items"]["data"][0]
        item["price"] = {
            "id": f"price_{tier}",
            "metadata": {},
            "lookup_key": tier,
            "product": None,
        }
        if amount:
            self.invoice(deal_id, "subscription_update", amount, currency, is_paid=is_paid)
        return self.event("customer.subscription.updated", deal_id)

    def cancel_later(self, deal_id: str) -> dict[str, Any]:
        """It is not to be renewed."""
        self.things[deal_id].update(cancel_at_period_end=True, canceled_at=self.now)
        return self.event("customer.subscription.updated", deal_id)

    def resume(self, deal_id: str) -> dict[str, Any]:
        """It is to be renewed after all."""
        self.things[deal_id].update(cancel_at_period_end=False, canceled_at=None)
        return self.event("customer.subscription.updated", deal_id)

    def end(self, deal_id: str) -> dict[str, Any]:
        """It is over."""
        self.things[deal_id].update(status="canceled", ended_at=self.now, canceled_at=self.now)
        return self.event("customer.subscription.deleted", deal_id)

    def refund(self, charge_id: str, total: int) -> dict[str, Any]:
        """So much of a charge is returned altogether."""
        self.things[charge_id]["amount_refunded"] = total
        return self.event("charge.refunded", charge_id)

    def dispute(self, charge_id: str, status: str, **changes: Any) -> dict[str, Any]:
        """The payer asks their bank for the money, or that is decided."""
        charge = self.things[charge_id]
        dispute = next((t for t in self.things.values() if t.get("charge") == charge_id), None)
        if dispute is None:
            dispute = self.add(
                "dispute",
                "dp",
                charge=charge_id,
                amount=charge["amount"],
                currency=charge["currency"],
                reason="fraudulent",
            )
        dispute.update(status=status, **changes)
        is_closed = status in {"won", "lost", "warning_closed"}
        kind = "charge.dispute.closed" if is_closed else "charge.dispute.created"
        return self.event(kind, dispute["id"])

    def charge_of(self, thing_id: str) -> str:
        """The charge by which a session or an invoice was paid."""
        thing = self.things[thing_id]
        if thing["object"] == "invoice":
            return str(thing["_charge"])
        return str(self.things[thing["payment_intent"]]["latest_charge"])


def shown(thing: dict[str, Any]) -> dict[str, Any]:
    """An object without what is only ours."""
    return {name: value for name, value in thing.items() if not name.startswith("_")}


def wrong(message: str, code: str | None = None, param: str | None = None) -> dict[str, Any]:
    """What is said of a request that cannot be."""
    told = {"type": "invalid_request_error", "message": message, "code": code, "param": param}
    return {"error": told}


def error(status: int, message: str, kind: str = "invalid_request_error") -> Response:
    """An answer that refuses."""
    return JSONResponse({"error": {"type": kind, "message": message}}, status)


def unfold(body: bytes) -> dict[str, Any]:
    """Read a form whose names are paths: `a[b][0]`."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(body.decode(), keep_blank_values=True):
        *way, last = name.replace("]", "").split("[")
        place = found
        for step in way:
            place = place.setdefault(step, {})
        place[last] = value
    return found
