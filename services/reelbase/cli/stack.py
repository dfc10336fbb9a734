"""`reelbase up`, `down`, `status`, `env` and `reset`: the embedded stack."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from reelbase.local.stack import EmbeddedStack

__all__ = ["register"]

NOT_RUNNING = 3
"""Exit code of `status` when there is nothing to look at, as service managers have it."""

StateDir = Annotated[
    Path,
    typer.Option(
        envvar="REELBASE_STATE_DIR",
        help="Folder that holds the stack's database, files, keys and logs.",
    ),
]
Port = Annotated[
    int | None,
    typer.Option(
        envvar="REELBASE_PORT",
        help="First of five ports. Remembered by the state folder; 54321 for a new one.",
    ),
]
DEFAULT_STATE_DIR = Path(".reelbase")


def register(app: typer.Typer) -> None:
    """Add the commands to an app."""
    for command in (up, down, status, env, reset):
        app.command()(command)


def up(state_dir: StateDir = DEFAULT_STATE_DIR, port: Port = None) -> None:
    """Start the embedded stack, apply migrations and seed, and leave it running."""
    from reelbase.local.binaries import find_project_root  # noqa: PLC0415
    from reelbase.local.stack import EmbeddedStack  # noqa: PLC0415

    began = time.monotonic()
    with _one_sentence_errors():
        stack = EmbeddedStack(state_dir)
        started = stack.up(find_project_root(), port=port)
        url = stack.environment()["SUPABASE_URL"]
    if started:
        typer.echo(f"Reelbase is up on {url} ({time.monotonic() - began:.1f} s).")
    else:
        typer.echo(f"Reelbase is already running on {url}; its migrations are up to date.")
    typer.echo("`reelbase env` prints addresses and keys, `reelbase down` stops it.")


def down(state_dir: StateDir = DEFAULT_STATE_DIR, port: Port = None) -> None:
    """Stop everything that `up` started."""
    with _opened(state_dir, port) as stack:
        stopped = stack.down()
    typer.echo("Reelbase is down." if stopped else "Nothing was running.")


def status(state_dir: StateDir = DEFAULT_STATE_DIR, port: Port = None) -> None:
    """Show each part with its process, port and health; exit with 3 when nothing runs."""
    with _opened(state_dir, port) as stack:
        seen = stack.status()
    if not seen.running:
        typer.echo("Reelbase is not running.")
        raise typer.Exit(NOT_RUNNING)
    typer.echo(f"{'part':<12}{'pid':>8}{'port':>8}  health")
    for part in seen.parts:
        health = "healthy" if part.healthy else "unhealthy"
        if part.restarts:
            health += f", restarted {part.restarts}×"
        typer.echo(f"{part.name:<12}{part.pid or '-':>8}{part.port or '-':>8}  {health}")
    if not seen.healthy:
        raise typer.Exit(1)


def env(state_dir: StateDir = DEFAULT_STATE_DIR, port: Port = None) -> None:
    """Print the stack's addresses and keys as KEY=VALUE lines."""
    with _opened(state_dir, port) as stack:
        values = stack.environment()
    for name, value in values.items():
        typer.echo(f"{name}={value}")


def reset(state_dir: StateDir = DEFAULT_STATE_DIR, port: Port = None) -> None:
    """Stop the stack and delete its database, files and logs; its keys and port stay."""
    with _opened(state_dir, port) as stack:
        existed = stack.reset()
    typer.echo(
        "Reelbase is down, and its data is deleted." if existed else "There was no stack to reset."
    )


@contextmanager
def _opened(state_dir: Path, port: int | None) -> "Iterator[EmbeddedStack]":
    from reelbase.local.errors import LocalError  # noqa: PLC0415
    from reelbase.local.stack import EmbeddedStack  # noqa: PLC0415

    with _one_sentence_errors():
        stack = EmbeddedStack(state_dir)
        if port is not None and stack.port not in (None, port):
            raise LocalError(f"The stack in {stack.state_dir} has port {stack.port}, not {port}.")
        yield stack


@contextmanager
def _one_sentence_errors() -> Iterator[None]:
    from reelbase.local.errors import LocalError  # noqa: PLC0415

    try:
        yield
    except LocalError as error:
        typer.secho(f"Error: {error}", err=True, fg=typer.colors.RED)
        raise typer.Exit(1) from None
