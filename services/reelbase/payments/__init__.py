"""Whoever takes the money: one module each, loaded only when it is named.

A provider of payments is a module of this package with `make(context, books)`; its name is the
module's, the one in `public.payment_provider` and the one in `REELBASE_PAYMENTS`.
"""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from reelbase.payments.base import PaymentProvider
from reelbase.providers.base import Configuration, Context

if TYPE_CHECKING:
    from reelbase.payments.books import Books

__all__ = ["PaymentProvider", "known_payments", "load_payments", "secrets_of"]

SECRETS: Mapping[str, tuple[str, ...]] = {
    "stripe": ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"),
    "omise": ("OMISE_SECRET_KEY", "OMISE_WEBHOOK_SECRET"),
    "sandbox": ("REELBASE_SANDBOX_SECRET",),
}
"""The variables of each whose values no log may show."""


def known_payments() -> tuple[str, ...]:
    """The names that `REELBASE_PAYMENTS` may hold."""
    return tuple(SECRETS)


def secrets_of(names: Iterable[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """The values that no log may show, of those providers that are named. Loads nothing."""
    variables = [variable for name in names for variable in SECRETS.get(name, ())]
    return tuple(value for variable in variables if (value := environ.get(variable)))


def load_payments(
    names: Iterable[str], make_context: Callable[[str], Context], books: "Books"
) -> dict[str, PaymentProvider]:
    """Make the providers of payments that are named.

    Args:
        names: As in `REELBASE_PAYMENTS`.
        make_context: Gives each what it may know of the world.
        books: Where they enter what they hear.

    Raises:
        Configuration: a name is unknown, a provider lacks a setting (which it names, never its
            value), or the sandbox stands beside one that moves real money.
    """
    made: dict[str, PaymentProvider] = {}
    for name in names:
        if name not in SECRETS:
            known = ", ".join(SECRETS)
            message = f"There is no payment provider {name!r}; there are {known}."
            raise Configuration("unknown_provider", message)
        made[name] = import_module(f"reelbase.payments.{name}").make(make_context(name), books)
    live = [name for name, provider in made.items() if provider.is_live]
    if "sandbox" in made and live:
        message = f"The sandbox gives away what {live[0]} takes real money for: name one of them."
        raise Configuration("configuration", message)
    return made
