"""How long it takes to migrate a database from nothing, on each PostgreSQL that is at hand.

Run by `make bench`. The Supabase CLI does it, as in production; its start is part of the time.
"""

import time

import psycopg

from reelbase.local.binaries import find_binaries, find_project_root
from reelbase.local.postgres import apply_migrations
from reelbase.local.throwaway import find_system_postgres, fresh_database, running_server

ROUNDS = 3
PROMISED = 5.0
"""Seconds from an empty, prepared database to a migrated one."""


def main() -> None:
    """Print one line a server."""
    root = find_project_root()
    for native in filter(None, (find_binaries(root).postgres, find_system_postgres())):
        taken = []
        with running_server(native) as server:
            with psycopg.connect(server) as connection:
                version = connection.info.parameter_status("server_version")
            for _ in range(ROUNDS):
                with fresh_database(server, root, migrate=False) as database:
                    began = time.perf_counter()
                    apply_migrations(database.url, root, seed=False)
                    taken.append(time.perf_counter() - began)
        print(
            f"migrations from nothing, PostgreSQL {version}: {min(taken):.2f} s"
            f" (slowest of {ROUNDS} {max(taken):.2f} s; promised {PROMISED:.0f} s)"
        )


if __name__ == "__main__":
    main()
