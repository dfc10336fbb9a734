"""The command line: `reelbase`."""

from importlib import import_module
from importlib.util import find_spec

import typer

__all__ = ["app"]

_MODULES = ("stack", "worker", "demo")


def _build() -> typer.Typer:
    built = typer.Typer(
        name="reelbase",
        help="Sell AI-generated video, images and voice on Supabase.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_show_locals=False,  # they may hold keys
    )
    for name in _MODULES:
        path = f"{__name__}.{name}"
        if find_spec(path) is not None:
            import_module(path).register(built)
    return built


app = _build()
