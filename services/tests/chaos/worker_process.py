"""A worker with the fake provider's flavours: `python -m chaos.worker_process`."""

import anyio

from reelbase.dispatch import run_worker
from reelbase.logs import configure_logs
from reelbase.settings import load_settings

from .adapter import load_chaos_providers

__all__ = ["main"]


def main() -> None:
    """Run until stopped."""
    settings = load_settings()
    configure_logs(settings.log_level, settings.secrets())
    anyio.run(run_worker, settings, load_chaos_providers(), backend_options={"use_uvloop": True})


if __name__ == "__main__":
    main()
