"""The registry of providers: names from the settings in, provider objects out."""

from collections.abc import Callable, Iterable, Mapping

from reelbase.providers.base import Configuration, Provider
from reelbase.providers.local import LocalProvider

__all__ = ["load_providers"]


def load_providers(names: Iterable[str]) -> dict[str, Provider]:
    """Make the named providers, each once.

    Raises:
        Configuration: a name that no provider has.
    """
    makers: Mapping[str, Callable[[], Provider]] = {"local": LocalProvider}
    unknown = sorted(set(names := tuple(names)) - makers.keys())
    if unknown:
        message = f"There is no provider named {', '.join(unknown)}; known: {', '.join(makers)}."
        raise Configuration("unknown_provider", message)
    return {name: makers[name]() for name in names}
