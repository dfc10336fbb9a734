"""The registry of providers: names from the settings in, provider objects out.

Each module of this package that has `make` is a provider, and its name is the provider's. A module
is imported when its provider is asked for, so that nobody carries what they do not use.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import ModuleType
from typing import Final

from reelbase.providers.base import Configuration, Context, Provider
from reelbase.webhooks import WebhookSource

__all__ = ["known_providers", "load_providers", "load_webhook_sources", "secrets_of"]

MakeContext = Callable[[str], Context]
"""Makes what a provider of that name is given."""

SHARED: Final = frozenset({"base", "fetch", "fitting", "wire", "wishes", "yields"})
"""Modules that providers share; none has a name like these."""


@cache
def known_providers() -> tuple[str, ...]:
    """Name all providers there are."""
    return tuple(
        sorted(
            module.name for module in pkgutil.iter_modules(__path__) if module.name not in SHARED
        )
    )


def load_providers(names: Iterable[str], make_context: MakeContext) -> dict[str, Provider]:
    """Make the named providers, each once.

    Raises:
        Configuration: a name that no provider has, or a key that is missing.
    """
    return {name: module.make(make_context(name)) for name, module in modules(names).items()}


def load_webhook_sources(
    names: Iterable[str], make_context: MakeContext
) -> dict[str, WebhookSource]:
    """Make the sources of webhooks of those among the named providers that call back.

    A provider whose webhooks are not set up returns None, and is left out.

    Raises:
        Configuration: as with `load_providers`.
    """
    makers = {
        name: module.make_webhooks
        for name, module in modules(names).items()
        if hasattr(module, "make_webhooks")
    }
    sources = {name: make(make_context(name)) for name, make in makers.items()}
    return {name: source for name, source in sources.items() if source is not None}


def secrets_of(names: Iterable[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """Read the values that no log may show: those of the named providers' keys.

    Names of no provider have no secrets.
    """
    known = set(names) & set(known_providers())
    variables = {variable for module in modules(known).values() for variable in module.SECRETS}
    return tuple(environ[name] for name in sorted(variables) if environ.get(name))


def modules(names: Iterable[str]) -> dict[str, ModuleType]:
    """Import the named providers' modules."""
    wanted = dict.fromkeys(names)
    if unknown := [name for name in wanted if name not in known_providers()]:
        known = ", ".join(known_providers())
        message = f"There is no provider named {', '.join(unknown)}; known: {known}."
        raise Configuration("unknown_provider", message)
    return {name: importlib.import_module(f"{__name__}.{name}") for name in wanted}
