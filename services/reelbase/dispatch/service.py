"""`reelbase worker`: one dispatcher in a process of its own, and the signals that stop it."""

import os
import signal
from collections.abc import Callable, Mapping

import anyio
import structlog

from reelbase.database import Database, open_client
from reelbase.dispatch.dispatcher import Dispatcher
from reelbase.dispatch.frugal import be_frugal
from reelbase.dispatch.health import health_server
from reelbase.dispatch.housekeeping import keep_house
from reelbase.dispatch.workroot import make_private
from reelbase.errors import SettingsError
from reelbase.providers import load_providers
from reelbase.providers.base import Call, Configuration, Context, Provider
from reelbase.settings import Settings
from reelbase.storage import Storage
from reelbase.telemetry import open_telemetry
from reelbase.usage import UsageLog

__all__ = ["make_context", "run_worker"]

CLOSE_SECONDS = 2.0
"""How long providers may take to close their connections."""

log = structlog.stdlib.get_logger("reelbase.dispatch")


async def run_worker(settings: Settings, providers: Mapping[str, Provider] | None = None) -> None:
    """Run a dispatcher until SIGTERM or SIGINT; a second signal does not wait for jobs.

    Args:
        settings: What to connect to, and how to work.
        providers: By name; those that the settings name unless given.

    Raises:
        SettingsError: a provider that does not exist or cannot be set up, an unusable folder, or
            an address that is taken.
    """
    # Here already, since out of a task group it would come in a group.
    make_private(settings.work_dir)
    be_frugal()
    usage = UsageLog()
    if providers is None:
        try:
            providers = load_providers(
                settings.providers, lambda name: make_context(settings, name, usage.note)
            )
        except Configuration as error:
            raise SettingsError(f"REELBASE_PROVIDERS: {error.message}") from error
    async with (
        open_telemetry(settings.worker_name) as telemetry,
        open_client(settings) as client,
        open_client(settings, settings.worker_concurrency) as files,
    ):
        database, storage = Database(client), Storage(files)
        dispatcher = Dispatcher(database, storage, providers, settings, telemetry)
        # It answers until all is handed back, so that whoever stops us can see it.
        async with (
            health_server(settings.worker_url, telemetry, dispatcher, database, storage),
            anyio.create_task_group() as group,
        ):
            group.start_soon(stop_on_signals, dispatcher)
            group.start_soon(keep_house, database, storage, settings.housekeeping_seconds)
            group.start_soon(usage.run, database, telemetry)
            await dispatcher.run()
            await close(providers)
            group.cancel_scope.cancel()
        await usage.tell_rest(database, telemetry)


def make_context(settings: Settings, name: str, on_call: Callable[[Call], None]) -> Context:
    """What a provider is told when it is made.

    Args:
        settings: The services' settings.
        name: The provider's name.
        on_call: Takes every call that it makes.
    """
    callback_url = settings.callback_url
    return Context(
        environ=os.environ,
        webhook_url=None if callback_url is None else f"{callback_url}/{name}",
        on_call=on_call,
        private_hosts=settings.private_hosts,
        max_output_bytes=settings.max_output_bytes,
        fetch_seconds=settings.fetch_seconds,
    )


async def close(providers: Mapping[str, Provider]) -> None:
    """Have the providers let go of their connections; those that have none need no `aclose`."""
    for name, provider in providers.items():
        aclose = getattr(provider, "aclose", None)
        if aclose is None:
            continue
        try:
            with anyio.fail_after(CLOSE_SECONDS):
                await aclose()
        except Exception as error:
            log.warning("close_failed", provider=name, error=type(error).__name__)


async def stop_on_signals(dispatcher: Dispatcher) -> None:
    """Stop gently at the first signal, at once at the second."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for received in signals:
            log.info("signal", name=received.name)
            if dispatcher.stopping:
                dispatcher.stop_now()
            else:
                dispatcher.stop()
