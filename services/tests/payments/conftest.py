"""A shop for tests of payments: users of their own, the books, and providers on loopback."""

import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from standins.frame import Loopback, loopback
from standins.omise import OmiseStandin
from standins.stripe import StripeStandin

from reelbase.database import open_client
from reelbase.local.pytest_plugin import RunningStack
from reelbase.payments.base import Applied, Payment, Purchase
from reelbase.payments.books import Books
from reelbase.payments.omise import OmisePayments
from reelbase.payments.omise import make as make_omise
from reelbase.payments.stripe import StripePayments
from reelbase.payments.stripe import make as make_stripe
from reelbase.settings import Settings

BONUS = 100.0
WELCOME = "Starter: 100 credits"


@pytest.fixture(scope="session")
def standins() -> Iterator[Loopback]:
    """The server of all stand-ins."""
    with loopback() as server:
        yield server


class Shop:
    """What a test needs to buy, and to look at what became of it."""

    def __init__(self, books: Books, connection: psycopg.AsyncConnection[dict[str, Any]]) -> None:
        self.books = books
        self.connection = connection

    async def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """Ask the database as its owner."""
        return await (await self.connection.execute(query, parameters)).fetchall()

    async def user(self) -> str:
        """Sign a fresh user up."""
        user = str(uuid.uuid4())
        await self.connection.execute(
            "insert into auth.users (id, email, instance_id, aud, role, email_confirmed_at)"
            " values (%s, %s, '00000000-0000-0000-0000-000000000000', 'authenticated',"
            " 'authenticated', now())",
            (user, f"{user}@example.com"),
        )
        return user

    async def open_payment(self, provider: Any, user: str | None = None, **wish: Any) -> Payment:
        """Write a purchase down: a package of 100 credits for 9.99 USD, unless told otherwise."""
        wish = wish or {"package": "usd-starter"}
        key = uuid.uuid4().hex
        return await self.books.open_payment(user or await self.user(), provider.name, key, **wish)

    async def open(
        self, provider: Any, user: str | None = None, **wish: Any
    ) -> tuple[Payment, Any]:
        """Write a purchase down and have its provider take it; the payment, and where to go."""
        payment = await self.open_payment(provider, user, **wish)
        opened = await provider.open(Purchase(WELCOME, "a@example.com"), payment)
        return await self.payment(payment.id), opened

    async def tell(self, provider: Any, event: dict[str, Any]) -> Applied:
        """Apply an event as the inbox does."""
        kind = event.get("type") or event["key"]
        applied: Applied = await provider.apply(kind, event, None)
        return applied

    async def payment(self, payment_id: str) -> Payment:
        """Read a payment."""
        payment = await self.books.payment(payment_id)
        assert payment is not None
        return payment

    async def bought(self, user: str) -> float:
        """The user's credits beyond the welcome bonus."""
        (row,) = await self.rows(
            "select balance from public.credit_accounts where user_id = %s", user
        )
        return float(row["balance"]) - BONUS

    async def tier(self, user: str) -> str:
        """The user's tier."""
        (row,) = await self.rows(
            "select subscription_tier::text as tier from public.profiles where user_id = %s", user
        )
        return str(row["tier"])

    async def subscription(self, user: str) -> dict[str, Any]:
        """The user's only subscription."""
        (row,) = await self.rows("select * from public.subscriptions where user_id = %s", user)
        return row

    async def is_sound(self, user: str) -> bool:
        """Whether reconciliation finds nothing wrong about the user."""
        return not await self.rows(
            "select * from private.reconcile_credits() where user_id = %s", user
        )


@pytest.fixture(scope="module")
async def shop(stack: RunningStack, anyio_backend: str) -> AsyncIterator[Shop]:
    settings = Settings.model_validate(
        {"SUPABASE_URL": stack.supabase_url, "SUPABASE_SECRET_KEY": stack.secret_key}
    )
    async with (
        open_client(settings) as client,
        await psycopg.AsyncConnection.connect(
            stack.admin_database_url, autocommit=True, row_factory=dict_row
        ) as connection,
    ):
        yield Shop(Books(client), connection)


@pytest.fixture
def stripe_standin(standins: Loopback) -> StripeStandin:
    return standins.open(StripeStandin)


@pytest.fixture
async def stripe(stripe_standin: StripeStandin, shop: Shop) -> AsyncIterator[StripePayments]:
    made = make_stripe(stripe_standin.context(), shop.books)
    yield made
    await made.aclose()


@pytest.fixture
def omise_standin(standins: Loopback) -> OmiseStandin:
    return standins.open(OmiseStandin)


@pytest.fixture
async def omise(omise_standin: OmiseStandin, shop: Shop) -> AsyncIterator[OmisePayments]:
    made = make_omise(omise_standin.context(), shop.books)
    yield made
    await made.aclose()
