"""Buying over HTTP: the service as it runs, a browser's requests, and providers on loopback."""

import os
import re
import secrets
import socket
import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import httpx
import pytest
import uvicorn
from standins.frame import Loopback, Status
from standins.omise import OmiseStandin
from standins.stripe import StripeStandin

from reelbase.local.pytest_plugin import RunningStack
from reelbase.payments import load_payments
from reelbase.payments.base import Applied, Payment
from reelbase.payments.sandbox import SandboxPayments, event_of
from reelbase.providers.base import Configuration, Context
from reelbase.settings import Settings
from reelbase.signatures import read_base64_secrets, sign_standard_webhooks
from reelbase.web.app import create_app

pytestmark = pytest.mark.anyio

PATIENCE = 20.0
JSON = {"content-type": "application/json"}
SECRET = "whsec_c2FuZGJveC1zZWNyZXQtb2YtdGhlLXRlc3RzLTAxMjM="


class Counter:
    """The service, and what a browser does with it."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        stack: RunningStack,
        stripe: StripeStandin,
        omise: OmiseStandin,
        app: Any,
    ) -> None:
        self.http = http
        self.stack = stack
        self.stripe = stripe
        self.omise = omise
        self.app = app

    @property
    def sandbox(self) -> SandboxPayments:
        """The service's sandbox."""
        found: SandboxPayments = self.app.state.till.sandbox
        return found

    async def sign_up(self, *, is_anonymous: bool = False) -> "Buyer":
        """Make a user, as a front end would."""
        wish = {"email": f"{uuid.uuid4()}@example.com", "password": secrets.token_urlsafe(16)}
        answer = await self.http.post(
            f"{self.stack.supabase_url}/auth/v1/signup",
            json={} if is_anonymous else wish,
            headers={"apikey": self.stack.publishable_key},
        )
        told = answer.raise_for_status().json()
        return Buyer(self, told["user"]["id"], told["access_token"])

    async def deliver(self, provider: str, headers: dict[str, str], body: bytes) -> int:
        """Deliver an event; the status of the answer."""
        answer = await self.http.post(f"/webhooks/{provider}", content=body, headers=headers)
        return answer.status_code


class Buyer:
    """A signed-in user."""

    def __init__(self, counter: Counter, user_id: str, token: str) -> None:
        self.counter = counter
        self.id = user_id
        self.headers = {"Authorization": f"Bearer {token}"}

    async def check_out(self, key: str | None = None, **wish: Any) -> httpx.Response:
        """Open a purchase, of 100 credits in the sandbox unless told otherwise."""
        wish = {"package": "usd-starter", "provider": "sandbox", **wish}
        wish = {name: value for name, value in wish.items() if value is not None}
        headers = {**self.headers, "Idempotency-Key": key or uuid.uuid4().hex}
        return await self.counter.http.post("/checkout", json=wish, headers=headers)

    async def opened(self, **wish: Any) -> dict[str, Any]:
        """Open a purchase that can be opened."""
        answer = await self.check_out(**wish)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def payment(self, payment_id: str) -> httpx.Response:
        """Ask how a payment is."""
        return await self.counter.http.get(f"/payments/{payment_id}", headers=self.headers)

    async def wait(self, payment_id: str, status: str) -> dict[str, Any]:
        """Wait, as a page does, until a payment is so."""
        told: dict[str, Any] = {}
        with anyio.move_on_after(PATIENCE):
            while told.get("status") != status:
                told = (await self.payment(payment_id)).raise_for_status().json()
                await anyio.sleep(0.02)
        assert told["status"] == status
        return told


@pytest.fixture(scope="module")
async def counter(
    stack: RunningStack, standins: Loopback, anyio_backend: str
) -> AsyncIterator[Counter]:
    stripe, omise = standins.open(StripeStandin), standins.open(OmiseStandin)
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    settings = Settings(
        SUPABASE_URL=stack.supabase_url,
        SUPABASE_SECRET_KEY=stack.secret_key,
        providers=(),
        payments=("sandbox", "stripe", "omise"),
        public_url=url,
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("STRIPE_", "OMISE_", "REELBASE_")):
                patch.delenv(name)
        for name, value in {**stripe.environ, **omise.environ}.items():
            patch.setenv(name, value)
        patch.setenv("REELBASE_SANDBOX_SECRET", SECRET)
        patch.setenv("REELBASE_RETURN_URL", "https://app.example/done?a=1&b=<2>")
        app = create_app(settings)
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", ws="none")
        )
        async with (
            httpx.AsyncClient(base_url=url, timeout=PATIENCE) as http,
            anyio.create_task_group() as group,
        ):
            group.start_soon(server.serve, [listening])
            yield Counter(http, stack, stripe, omise, app)
            server.should_exit = True
    listening.close()


@pytest.fixture(scope="module")
async def buyer(counter: Counter) -> Buyer:
    """A buyer for tests that buy nothing."""
    return await counter.sign_up()


# The sandbox ------------------------------------------------------------------------------------


async def test_purchase_in_the_sandbox_credits_once_though_its_event_comes_five_times(
    counter: Counter, shop: Any
) -> None:
    buyer = await counter.sign_up()
    opened = await buyer.opened()
    page = await counter.http.get(opened["url"])
    assert page.status_code == 200
    assert "9.99 USD" in page.text
    assert "Starter: 100 credits" in page.text
    assert f'action="{opened["payment_id"]}/answer?token=' in page.text
    gone = await counter.http.post(answer_url(opened), data={"decision": "pay"})
    assert gone.status_code == 303
    assert gone.headers["location"] == (
        f"https://app.example/done?a=1&b=%3C2%3E&payment_id={opened['payment_id']}"
    )
    # Delivered again, and again under another id, as no provider should.
    event_id, body = event_of("pay", opened["payment_id"], 999, "USD")
    for name in (event_id, event_id, f"{event_id}_a", f"{event_id}_b"):
        key = read_base64_secrets(SECRET)[0]
        headers = sign_standard_webhooks(key, name, int(time.time()), body)
        assert await counter.deliver("sandbox", JSON | headers, body) == 200
    shown = await buyer.wait(opened["payment_id"], "succeeded")
    assert (shown["credits"], shown["amount_minor"], shown["currency"]) == (100, 999, "USD")
    await settled(shop, opened["payment_id"], 3)
    assert await shop.bought(buyer.id) == 100
    assert await shop.is_sound(buyer.id)
    over = await counter.http.get(opened["url"])
    assert "This is paid." in over.text
    assert "<form" not in over.text


def answer_url(opened: dict[str, Any]) -> str:
    """Where a page's form leads."""
    page, _, token = opened["url"].partition("?")
    return f"{page}/answer?{token}"


async def settled(shop: Any, payment_id: str, events: int) -> None:
    """Wait until so many events of a payment have been applied."""
    count = 0
    with anyio.move_on_after(PATIENCE):
        while count < events:
            (row,) = await shop.rows(
                "select count(*) from worker.webhook_events"
                " where payment_id = %s and status = 'processed'",
                payment_id,
            )
            count = row["count"]
            await anyio.sleep(0.02)
    assert count == events


async def test_declined_purchase_brings_nothing(counter: Counter, shop: Any) -> None:
    buyer = await counter.sign_up()
    opened = await buyer.opened()
    answer = await counter.http.post(answer_url(opened), data={"decision": "decline"})
    assert answer.status_code == 303
    shown = await buyer.wait(opened["payment_id"], "failed")
    assert shown["failure_reason"] == "Declined in the sandbox."
    assert await shop.bought(buyer.id) == 0
    # Whoever goes back and pays after all does nothing.
    answer = await counter.http.post(answer_url(opened), data={"decision": "pay"})
    assert answer.status_code == 303
    assert (await buyer.payment(opened["payment_id"])).json()["status"] == "failed"


async def test_plan_in_the_sandbox_is_for_a_month(counter: Counter, shop: Any) -> None:
    buyer = await counter.sign_up()
    opened = await buyer.opened(package=None, tier="starter")
    await counter.http.post(answer_url(opened), data={"decision": "pay"})
    await settled(shop, opened["payment_id"], 1)
    assert await shop.tier(buyer.id) == "starter"
    assert await shop.bought(buyer.id) == 100
    again = await buyer.check_out(package=None, tier="creator")
    assert (again.status_code, again.json()["error"]) == (409, "subscription_exists")


async def test_sandbox_page_is_for_whoever_has_its_address(counter: Counter, buyer: Buyer) -> None:
    one, other = await buyer.opened(), await buyer.opened()
    page, token = one["url"].split("?token=")
    strange = other["url"].split("?token=")[1]
    for address in (page, f"{page}?token=", f"{page}?token={strange}", f"{page}?token=%E2%82%AC"):
        assert (await counter.http.get(address)).status_code in {404, 422}
        form = answer_url({"url": address})
        answer = await counter.http.post(form, data={"decision": "pay"})
        assert answer.status_code in {404, 422}
    # No redirect: where to would be for the header Host to say, token and all.
    elsewhere = await counter.http.get(f"{page}/?token={token}", headers={"Host": "evil.example"})
    assert elsewhere.status_code == 404
    unknown = uuid.uuid4()
    nobody = f"/sandbox/{unknown}?token={counter.sandbox.token_of(str(unknown))}"
    assert (await counter.http.get(nobody)).status_code == 404
    for form in ({}, {"decision": "steal"}, {"decision": ["pay", "decline"]}):
        assert (await counter.http.post(answer_url(one), data=form)).status_code == 422
    assert (await buyer.payment(one["payment_id"])).json()["status"] == "pending"
    assert token not in (await counter.http.get(one["url"])).headers.values()


async def test_sandbox_page_runs_nothing_and_stands_in_no_frame(
    counter: Counter, buyer: Buyer, shop: Any
) -> None:
    await shop.connection.execute(
        "insert into public.credit_packages (slug, name, credits, price_minor, currency)"
        " values ('hostile', '<script>alert(1)</script>\"', 7, 700, 'USD') on conflict do nothing"
    )
    page = await counter.http.get((await buyer.opened(package="hostile"))["url"])
    assert "&lt;script&gt;" in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' https://app.example;" in policy
    assert "script" not in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(r"<script|\son\w+=|javascript:", page.text)


async def test_event_that_cannot_be_delivered_can_be_sent_again(
    counter: Counter, shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    buyer = await counter.sign_up()
    opened = await buyer.opened()
    with monkeypatch.context() as patch:
        patch.setattr(counter.sandbox, "_webhook_url", "http://127.0.0.1:1/webhooks/sandbox")
        answer = await counter.http.post(answer_url(opened), data={"decision": "pay"})
    assert answer.status_code == 503
    assert "Try again" in answer.text
    answer = await counter.http.post(answer_url(opened), data={"decision": "pay"})
    assert answer.status_code == 303
    await buyer.wait(opened["payment_id"], "succeeded")


async def test_forged_event_changes_nothing(counter: Counter, buyer: Buyer) -> None:
    opened = await buyer.opened()
    event_id, body = event_of("pay", opened["payment_id"], 999, "USD")
    signed = sign_standard_webhooks(b"x" * 32, event_id, int(time.time()), body)
    assert await counter.deliver("sandbox", JSON | signed, body) == 401
    assert (await buyer.payment(opened["payment_id"])).json()["status"] == "pending"


# The key ----------------------------------------------------------------------------------------


async def test_same_key_at_once_in_five_tabs_is_one_purchase(counter: Counter) -> None:
    buyer = await counter.sign_up()
    answers: list[httpx.Response] = []

    async def press() -> None:
        answers.append(await buyer.check_out("one", provider="omise", **BAHT))

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(press)
    assert {each.status_code for each in answers} == {201}
    assert len({each.text for each in answers}) == 1
    payment_id = answers[0].json()["payment_id"]
    charges = [c for c in counter.omise.charges.values() if payment_id in str(c["metadata"])]
    assert len(charges) == 1
    assert answers[0].json()["qr_url"]


BAHT = {"package": "thb-starter", "method": "promptpay"}


async def test_same_key_for_something_else_is_refused(counter: Counter) -> None:
    buyer = await counter.sign_up()
    assert (await buyer.check_out("one")).status_code == 201
    for other in ({"package": "usd-pro"}, {"provider": "stripe"}):
        answer = await buyer.check_out("one", **other)
        assert (answer.status_code, answer.json()["error"]) == (409, "idempotency_key_reused")
    # Another user's key is another key.
    assert (await (await counter.sign_up()).check_out("one")).status_code == 201


async def test_key_may_stand_in_the_body_but_must_stand_somewhere(
    counter: Counter, buyer: Buyer
) -> None:
    wish = {"package": "usd-starter", "provider": "sandbox"}
    post = counter.http.post
    answer = await post("/checkout", json=wish, headers=buyer.headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "idempotency_key_missing")
    wish["idempotency_key"] = "in-the-body"
    assert (await post("/checkout", json=wish, headers=buyer.headers)).status_code == 201
    headers = buyer.headers | {"Idempotency-Key": "another"}
    answer = await post("/checkout", json=wish, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "idempotency_key_differs")


# Who, and what ----------------------------------------------------------------------------------


async def test_payment_is_shown_to_its_payer_alone(counter: Counter, buyer: Buyer) -> None:
    opened = await buyer.opened()
    shown = (await buyer.payment(opened["payment_id"])).json()
    assert (shown["id"], shown["status"]) == (opened["payment_id"], "pending")
    stranger = await counter.sign_up()
    answer = await stranger.payment(opened["payment_id"])
    assert (answer.status_code, answer.json()["error"]) == (404, "payment_not_found")
    anybody = await counter.http.get(f"/payments/{opened['payment_id']}")
    assert anybody.status_code == 401
    assert (await buyer.payment(str(uuid.uuid4()))).status_code == 404
    assert (await buyer.payment("none")).status_code == 422


async def test_nobody_buys_without_a_token(counter: Counter) -> None:
    wish = {"package": "usd-starter", "provider": "sandbox", "idempotency_key": "x"}
    for headers in ({}, {"Authorization": "Bearer x.y.z"}):
        assert (await counter.http.post("/checkout", json=wish, headers=headers)).status_code == 401
        assert (await counter.http.post("/portal", headers=headers)).status_code == 401


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({"package": "no-such"}, 404, "package_not_available"),
        ({"package": None, "tier": "free"}, 404, "plan_not_available"),
        ({"package": None}, 422, "invalid_request"),
        ({"tier": "pro"}, 422, "invalid_request"),
        ({"price": 1}, 422, "invalid_request"),
        ({"provider": "paypal"}, 422, "invalid_request"),
        ({"provider": "omise"}, 400, "method_missing"),
        ({"provider": "omise", "method": "promptpay"}, 400, "method_not_available"),
        ({"provider": "stripe", "method": "truemoney"}, 400, "method_not_available"),
        ({"provider": "omise", "package": None, "tier": "pro"}, 400, "plan_not_available"),
        ({"token": "tokn_x"}, 400, "token_not_taken"),
    ],
)
async def test_what_cannot_be_bought_is_refused_and_leaves_nothing(
    buyer: Buyer, shop: Any, wish: dict[str, Any], status: int, code: str
) -> None:
    answer = await buyer.check_out("refused", **wish)
    assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert answer.json()["message"]
    assert await shop.books.payment_by_key(buyer.id, "checkout:refused") is None


async def test_provider_that_is_not_set_up_is_refused(
    counter: Counter, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counter.app.state.till, "providers", {})
    answer = await buyer.check_out()
    assert (answer.status_code, answer.json()["error"]) == (404, "provider_not_available")
    assert (await counter.http.post("/portal", headers=buyer.headers)).status_code == 404


async def test_what_is_free_is_given_at_once_and_once(counter: Counter, shop: Any) -> None:
    buyer = await counter.sign_up()
    opened = await buyer.opened(package="thb-trial", provider="stripe")
    assert (opened["status"], opened["url"]) == ("succeeded", None)
    assert await shop.bought(buyer.id) == 1
    again = await buyer.check_out(package="thb-trial", provider="stripe")
    assert (again.status_code, again.json()["error"]) == (409, "package_already_claimed")
    nobody = await counter.sign_up(is_anonymous=True)
    answer = await nobody.check_out(package="thb-trial")
    assert (answer.status_code, answer.json()["error"]) == (403, "identity_required")
    assert (await nobody.check_out()).status_code == 201


async def test_closed_account_buys_nothing(counter: Counter, shop: Any) -> None:
    buyer = await counter.sign_up()
    await shop.connection.execute(
        "update public.profiles set deleted_at = now() where user_id = %s", (buyer.id,)
    )
    answer = await buyer.check_out()
    assert (answer.status_code, answer.json()["error"]) == (403, "account_closed")


async def test_twenty_first_open_purchase_is_one_too_many(counter: Counter, shop: Any) -> None:
    buyer = await counter.sign_up()
    for _ in range(20):
        await shop.open_payment(counter.sandbox, buyer.id)
    answer = await buyer.check_out()
    assert (answer.status_code, answer.json()["error"]) == (429, "too_many_open_payments")
    assert answer.headers["retry-after"]


# Providers --------------------------------------------------------------------------------------


async def test_purchase_stays_open_while_its_provider_is_away(counter: Counter) -> None:
    buyer = await counter.sign_up()
    away = Status(503, {"retry-after": "9"}, {"error": {"message": "Not now."}})
    counter.stripe.misbehave(away, times=2)
    answer = await buyer.check_out("one", provider="stripe")
    assert (answer.status_code, answer.json()["error"]) == (503, "provider_away")
    assert answer.headers["retry-after"] == "9"
    answer = await buyer.check_out("one", provider="stripe")
    assert answer.status_code == 201
    assert answer.json()["url"].startswith("https://checkout.example/")


async def test_key_that_the_provider_refuses_is_nobodys_to_know(counter: Counter) -> None:
    buyer = await counter.sign_up()
    counter.stripe.misbehave(Status(401))
    answer = await buyer.check_out("one", provider="stripe")
    assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
    assert "key" not in answer.text.lower()


async def test_purchase_through_stripe_is_settled_by_its_signed_event(
    counter: Counter, shop: Any
) -> None:
    buyer = await counter.sign_up()
    opened = await buyer.opened(provider="stripe")
    payment: Payment = await shop.payment(opened["payment_id"])
    event = counter.stripe.pay(payment.provider_reference or "")
    headers, body = counter.stripe.signed(event)
    assert await counter.deliver("stripe", headers, body.replace(b"usd", b"thb")) == 401
    for _ in range(2):
        assert await counter.deliver("stripe", headers, body) == 200
    await buyer.wait(opened["payment_id"], "succeeded")
    await settled(shop, opened["payment_id"], 1)
    assert await shop.bought(buyer.id) == 100
    # The key still answers, and there is nowhere to go.
    assert (await buyer.payment(opened["payment_id"])).json()["receipt_url"]


async def test_purchase_through_omise_is_settled_by_its_signed_event(
    counter: Counter, shop: Any
) -> None:
    buyer = await counter.sign_up()
    opened = await buyer.opened(provider="omise", **BAHT)
    payment: Payment = await shop.payment(opened["payment_id"])
    event = counter.omise.end(payment.provider_reference or "", "successful")
    headers, body = counter.omise.signed(event)
    assert await counter.deliver("omise", headers, body + b" ") == 401
    assert await counter.deliver("omise", headers, body) == 200
    await buyer.wait(opened["payment_id"], "succeeded")
    assert await shop.bought(buyer.id) == 3


async def test_event_of_another_amount_is_left_for_an_operator(counter: Counter, shop: Any) -> None:
    buyer = await counter.sign_up()
    opened = await buyer.opened(provider="omise", **BAHT)
    payment: Payment = await shop.payment(opened["payment_id"])
    counter.omise.charges[payment.provider_reference or ""]["amount"] = 100
    event = counter.omise.end(payment.provider_reference or "", "successful")
    assert await counter.deliver("omise", *counter.omise.signed(event)) == 200
    row: dict[str, Any] = {}
    with anyio.move_on_after(PATIENCE):
        while row.get("status") != "failed":
            (row,) = await shop.rows(
                "select status::text, error from worker.webhook_events where event_id = %s",
                event["id"],
            )
            await anyio.sleep(0.02)
    assert row == {"status": "failed", "error": "The payment is of 9900 THB, not of 100 THB."}
    assert await shop.bought(buyer.id) == 0


async def test_subscriber_has_a_portal_and_no_second_subscription(
    counter: Counter, shop: Any
) -> None:
    buyer = await counter.sign_up()
    post: Callable[..., Any] = counter.http.post
    answer = await post("/portal", headers=buyer.headers)
    assert (answer.status_code, answer.json()["error"]) == (404, "no_customer")
    opened = await buyer.opened(provider="stripe", package=None, tier="starter")
    payment: Payment = await shop.payment(opened["payment_id"])
    event = counter.stripe.pay(payment.provider_reference or "")
    assert await counter.deliver("stripe", *counter.stripe.signed(event)) == 200
    await settled(shop, opened["payment_id"], 1)
    answer = await post("/portal", headers=buyer.headers, json={"provider": "stripe"})
    assert answer.json()["url"].startswith("https://billing.example/cus_")
    answer = await buyer.check_out(provider="stripe", package=None, tier="pro")
    assert (answer.status_code, answer.json()["error"]) == (409, "subscription_exists")


async def test_sandbox_believes_no_event_about_an_amount(counter: Counter, shop: Any) -> None:
    payment = await shop.open_payment(counter.sandbox)
    data = {"payment_id": payment.id, "amount_minor": 1, "currency": "USD"}
    with pytest.raises(Exception, match="not of 1 USD"):
        await counter.sandbox.apply("payment.succeeded", {"data": data}, None)
    other = await counter.sandbox.apply("payment.refunded", {"data": data}, None)
    assert other == Applied("ignored")


async def test_sandbox_does_not_stand_beside_real_money(counter: Counter, shop: Any) -> None:
    public_url = "https://api.example"
    environ = {**counter.stripe.environ, **counter.omise.environ, "REELBASE_SANDBOX_SECRET": SECRET}
    live = {"STRIPE_SECRET_KEY": "sk_live_1", "OMISE_SECRET_KEY": "skey_1"}

    def load(names: tuple[str, ...], environ: dict[str, str]) -> dict[str, Any]:
        return load_payments(
            names,
            lambda name: Context(environ, webhook_url=f"{public_url}/webhooks/{name}"),
            shop.books,
        )

    found = [load(("sandbox", "stripe", "omise"), environ)]
    found.append(load(("stripe", "omise"), {**environ, **live}))
    for name, variable in (("stripe", "STRIPE_SECRET_KEY"), ("omise", "OMISE_SECRET_KEY")):
        with pytest.raises(Configuration, match=f"what {name} takes real money for"):
            load(("sandbox", name), {**environ, variable: live[variable]})
    for each in found:
        for provider in each.values():
            await provider.aclose()
