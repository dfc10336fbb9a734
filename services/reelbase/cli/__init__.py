"""The command line: `reelbase`."""

import typer

from reelbase.cli import credits as books
from reelbase.cli import demo, jobs, models, queue, stack, webhooks, worker

__all__ = ["app"]

app = typer.Typer(
    name="reelbase",
    help="Sell AI-generated video, images and voice on Supabase.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # they may hold keys
)
for module in (stack, worker, queue, jobs, webhooks, models, books, demo):
    module.register(app)
