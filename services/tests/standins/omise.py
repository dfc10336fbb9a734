"""Omise on loopback: charges by PromptPay, TrueMoney and card tokens, their refunds and disputes.

It knows no idempotency: who asks twice has two charges.
"""

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .frame import Standin

__all__ = ["OmiseStandin"]

VERSION = "2019-05-29"
KNOWN = {
    "amount",
    "currency",
    "description",
    "metadata[payment_id]",
    "return_uri",
    "card",
    "source[type]",
}


class OmiseStandin(Standin):
    """See the module. Payers and operators act by its methods, which return events of it."""

    name = "omise"
    key = "skey_test_standin0123456789abcdef"
    secret = base64.b64encode(b"omise-standin-secret-0123456789").decode()
    operations = (
        ("submit", "POST", r"/charges"),
        ("cancel", "POST", r"/charges/[^/]+/expire"),
        ("recover", "GET", r"/charges"),
        ("look_up", "GET", r"/charges/[^/]+"),
    )

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.charges: dict[str, Any] = {}
        # If set, what every look-up gets.
        self.answer: Any = None

    @property
    def environ(self) -> dict[str, str]:
        """What tells the adapter where this is, and its key."""
        return {
            "OMISE_SECRET_KEY": self.key,
            "OMISE_WEBHOOK_SECRET": self.secret,
            "REELBASE_OMISE_URL": self.url,
            "REELBASE_RETURN_URL": "https://app.example/done",
        }

    def routes(self) -> list[BaseRoute]:
        """The API."""
        return [
            Route("/charges", self._create, methods=["POST"]),
            Route("/charges", self._list),
            Route("/charges/{id}", self._show),
            Route("/charges/{id}/expire", self._expire, methods=["POST"]),
        ]

    # The API ------------------------------------------------------------------------------------

    def _refused(self, request: Request) -> Response | None:
        expected = base64.b64encode(f"{self.key}:".encode()).decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            return error(401, "authentication_failure", "authentication failed")
        if request.headers.get("omise-version") != VERSION:
            return error(400, "bad_request", "another version")
        return None

    async def _create(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        wanted = dict(parse_qsl((await request.body()).decode()))
        if unknown := set(wanted) - KNOWN:
            return error(400, "bad_request", f"unknown parameter {min(unknown)}")
        amount, kind = int(wanted["amount"]), wanted.get("source[type]")
        if amount < 2000:
            return error(400, "invalid_charge", "amount must be greater than or equal to 2000")
        if kind is not None and wanted["currency"].upper() != "THB":
            return error(400, "invalid_charge", "currency is not supported by the source")
        number = len(self.charges)
        charge_id = f"chrg_test_{number:04d}{hashlib.sha256(self.url.encode()).hexdigest()[:12]}"
        charge: dict[str, Any] = {
            "object": "charge",
            "id": charge_id,
            "livemode": False,
            "status": "pending",
            "amount": amount,
            "currency": wanted["currency"].upper(),
            "metadata": {"payment_id": wanted["metadata[payment_id]"]},
            "refunded_amount": 0,
            "authorize_uri": f"https://pay.example/{charge_id}",
            "return_uri": wanted["return_uri"],
            "created_at": stamp(time.time()),
            "expires_at": stamp(time.time() + 86400),
            "failure_code": None,
            "failure_message": None,
            "card": None,
            "source": None,
            "dispute": None,
        }
        if kind is None:
            charge["card"] = {"object": "card", "brand": "Visa"}
            charge["status"] = "successful" if wanted["card"] == "tokn_test_good" else "failed"
            if charge["status"] == "failed":
                charge["failure_message"] = "insufficient funds in the account"
        else:
            charge["source"] = {"object": "source", "type": kind}
        if kind == "promptpay":
            image = {"download_uri": f"https://codes.example/{charge_id}.svg"}
            charge["source"]["scannable_code"] = {"type": "qr", "image": image}
            charge["authorize_uri"] = None
        self.charges[charge_id] = charge
        return JSONResponse(charge)

    async def _list(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        asked = request.query_params
        found = [
            each
            for each in self._ordered(asked["order"])
            if asked["from"] <= each["created_at"] <= asked["to"]
        ]
        offset, limit = int(asked["offset"]), int(asked["limit"])
        return JSONResponse(
            {"object": "list", "data": found[offset : offset + limit], "total": len(found)}
        )

    def _ordered(self, order: str) -> list[Any]:
        """All charges; the newest first unless the other order is wanted."""
        charges = list(self.charges.values())
        return charges if order == "chronological" else charges[::-1]

    async def _show(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        if self.answer is not None:
            return JSONResponse(self.answer)
        charge = self.charges.get(request.path_params["id"])
        if charge is None:
            return error(404, "not_found", "charge was not found")
        return JSONResponse(charge)

    async def _expire(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        charge = self.charges[request.path_params["id"]]
        if charge["status"] != "pending":
            return error(400, "invalid_charge", "charge cannot be expired")
        charge["status"] = "expired"
        return JSONResponse(charge)

    # What happens there -------------------------------------------------------------------------

    def event(self, key: str, data: Any, **changes: Any) -> dict[str, Any]:
        """The event that tells of something."""
        told = {
            "object": "event",
            "id": f"evnt_test_{abs(hash((key, json.dumps(data)))) % 16**12:012x}",
            "livemode": False,
            "key": key,
            "created_at": stamp(time.time()),
            "data": json.loads(json.dumps(data)),
        }
        return {**told, **changes}

    def signed(self, event: Any) -> tuple[dict[str, str], bytes]:
        """Headers and body of a delivery."""
        body = json.dumps(event).encode()
        sent_at = str(int(time.time()))
        key = base64.b64decode(self.secret)
        signature = hmac.new(key, f"{sent_at}.".encode() + body, hashlib.sha256).hexdigest()
        return {
            "content-type": "application/json",
            "omise-signature": f"{'0' * 64},{signature}",
            "omise-signature-timestamp": sent_at,
        }, body

    def end(self, charge_id: str, status: str, message: str | None = None) -> dict[str, Any]:
        """A charge is paid, fails or expires."""
        charge = self.charges[charge_id]
        charge.update(status=status, failure_message=message)
        return self.event("charge.complete" if status != "expired" else "charge.expire", charge)

    def refund(self, charge_id: str, total: int) -> dict[str, Any]:
        """So much of a charge is returned altogether."""
        self.charges[charge_id]["refunded_amount"] = total
        return self.event(
            "refund.create", {"object": "refund", "id": "rfnd_1", "charge": charge_id}
        )

    def dispute(self, charge_id: str, status: str) -> dict[str, Any]:
        """The payer asks their bank for the money, or that is decided."""
        charge = self.charges[charge_id]
        dispute = {
            "object": "dispute",
            "id": "dspt_test_1",
            "status": status,
            "amount": charge["amount"],
            "charge": charge_id,
            "reason_code": "goods_or_services_not_provided",
        }
        charge["dispute"] = dispute
        return self.event("dispute.update", dispute)


def stamp(seconds: float) -> str:
    """A time as Omise writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def error(status: int, code: str, message: str) -> Response:
    """An answer that refuses."""
    return JSONResponse({"object": "error", "code": code, "message": message}, status)
