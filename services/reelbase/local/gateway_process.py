"""The gateway as a process of the stack: `python -m reelbase.local.gateway_process STATE_DIR`.

Its code takes longer to load than the database takes to start, so it is started first, and begins
to serve at the first line on standard input. When standard input closes, its owner is gone, and it
ends.
"""

import asyncio
import sys
from pathlib import Path

import uvicorn

from reelbase.local.gateway.app import create_app
from reelbase.local.gateway.config import GatewayConfig
from reelbase.local.gateway.protocol import BoundedProtocol
from reelbase.local.keys import load_or_create_keys
from reelbase.local.processes import LOOPBACK
from reelbase.local.stack import Ports, StackState

__all__ = ["main"]


def main() -> None:
    """Serve the gateway of a state folder."""
    state_dir = Path(sys.argv[1])
    state = StackState.load(state_dir)
    if state is None or not sys.stdin.buffer.readline():
        return
    ports = Ports(state.port)
    keys = load_or_create_keys(state_dir / "keys.json")
    storage_dir = state_dir / "storage"
    storage_dir.mkdir(mode=0o700, exist_ok=True)
    config = GatewayConfig(
        base_url=f"http://{LOOPBACK}:{ports.gateway}",
        auth_database_url=state.database_url(keys.database_password, "supabase_auth_admin"),
        storage_database_url=state.database_url(keys.database_password, "supabase_storage_admin"),
        postgrest_url=f"http://{LOOPBACK}:{ports.postgrest}",
        storage_dir=storage_dir,
        keys=keys,
    )
    server_config = uvicorn.Config(
        create_app(config),
        http=BoundedProtocol,
        host=LOOPBACK,
        port=ports.gateway,
        log_level="warning",
        access_log=False,
        server_header=False,
        # Nothing stands before it: whoever claims to forward for somebody else does not.
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(server_config)
    with asyncio.Runner(loop_factory=server_config.get_loop_factory()) as runner:
        runner.run(_serve(server))
    if not server.started:
        sys.exit(1)


async def _serve(server: uvicorn.Server) -> None:
    def owner_is_gone() -> None:
        server.should_exit = True

    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), owner_is_gone)
    await server.serve()


if __name__ == "__main__":
    main()
