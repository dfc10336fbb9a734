"""`reelbase worker`: one dispatcher in a process of its own, and the signals that stop it."""

import signal
from collections.abc import Mapping

import anyio
import structlog

from reelbase.database import Database, open_client
from reelbase.dispatch.dispatcher import Dispatcher
from reelbase.dispatch.health import health_server
from reelbase.dispatch.housekeeping import keep_house
from reelbase.dispatch.workroot import make_private
from reelbase.errors import SettingsError
from reelbase.providers import load_providers
from reelbase.providers.base import Configuration, Provider
from reelbase.settings import Settings
from reelbase.storage import Storage
from reelbase.telemetry import open_telemetry

__all__ = ["run_worker"]

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
    if providers is None:
        try:
            providers = load_providers(settings.providers)
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
            await dispatcher.run()
            group.cancel_scope.cancel()


async def stop_on_signals(dispatcher: Dispatcher) -> None:
    """Stop gently at the first signal, at once at the second."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for received in signals:
            log.info("signal", name=received.name)
            if dispatcher.stopping:
                dispatcher.stop_now()
            else:
                dispatcher.stop()
