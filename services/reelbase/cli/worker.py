"""`reelbase worker` and `reelbase api`: the services."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from reelbase.settings import Settings

__all__ = ["register"]

StateDir = Annotated[
    Path,
    typer.Option(
        envvar="REELBASE_STATE_DIR",
        help="State folder of an embedded stack, for when SUPABASE_URL is not set.",
    ),
]
DEFAULT_STATE_DIR = Path(".reelbase")


def register(app: typer.Typer) -> None:
    """Add the commands to an app."""
    for command in (worker, api):
        app.command()(command)


def worker(state_dir: StateDir = DEFAULT_STATE_DIR) -> None:
    """Run jobs until SIGTERM or Ctrl-C: finish what is being done, or hand it back."""
    import anyio  # noqa: PLC0415

    from reelbase.dispatch import run_worker  # noqa: PLC0415
    from reelbase.errors import SettingsError  # noqa: PLC0415

    settings = prepare(state_dir)
    try:
        anyio.run(run_worker, settings, backend_options={"use_uvloop": True})
    except SettingsError as error:
        refuse(error)


def api(state_dir: StateDir = DEFAULT_STATE_DIR) -> None:
    """Serve webhooks, payments, shared files and health on REELBASE_API_URL, until Ctrl-C."""
    import anyio  # noqa: PLC0415

    from reelbase.errors import SettingsError  # noqa: PLC0415
    from reelbase.web.app import run_api  # noqa: PLC0415
    from reelbase.web.server import calm_collector  # noqa: PLC0415

    settings = prepare(state_dir)
    calm_collector()
    try:
        anyio.run(run_api, settings, backend_options={"use_uvloop": True})
    except SettingsError as error:
        refuse(error)


def prepare(state_dir: Path) -> "Settings":
    """Read the settings, if need be from the embedded stack, and set up logs."""
    from reelbase.errors import SettingsError  # noqa: PLC0415
    from reelbase.logs import configure_logs  # noqa: PLC0415
    from reelbase.settings import load_settings  # noqa: PLC0415

    if not os.environ.get("SUPABASE_URL"):
        # All or nothing: an address from here and a key from there would be nobody's wish.
        os.environ.update(embedded_environment(state_dir))
    try:
        settings = load_settings()
    except SettingsError as error:
        refuse(error)
    configure_logs(settings.log_level, settings.secrets())
    return settings


def embedded_environment(state_dir: Path) -> dict[str, str]:
    """The variables of the embedded stack that runs in a folder; none when none runs."""
    try:
        from reelbase.local.errors import LocalError  # noqa: PLC0415
        from reelbase.local.stack import EmbeddedStack  # noqa: PLC0415
    except ImportError:  # installed without the extra `local`
        return {}
    stack = EmbeddedStack(state_dir)
    try:
        return stack.environment() if stack.status().running else {}
    except LocalError:
        return {}


def refuse(error: Exception) -> NoReturn:
    """End with one sentence."""
    typer.secho(f"Error: {error}", err=True, fg=typer.colors.RED)
    raise typer.Exit(1) from None
