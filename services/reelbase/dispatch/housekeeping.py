"""What is done now and then rather than for a job: purging what was deleted, removing its files.

Any number of processes may do it side by side: the database hands out each piece once.
"""

from collections import defaultdict

import anyio
import structlog

from reelbase.database import Database
from reelbase.errors import DatabaseError, StorageError, Unavailable
from reelbase.storage import Storage

__all__ = ["keep_house", "remove_files"]

FILES_AT_ONCE = 100
"""Files claimed in one call and removed in one request a bucket."""

log = structlog.stdlib.get_logger("reelbase.housekeeping")


async def keep_house(database: Database, storage: Storage, pause_seconds: float) -> None:
    """Do the rounds for ever, with a pause between them."""
    while True:
        try:
            done = await database.housekeep()
            removed = await remove_files(database, storage)
        except (DatabaseError, Unavailable) as error:
            log.warning("housekeeping_failed", error=str(error))
        else:
            log.debug("housekeeping", **done, files=removed)
            if failed := [piece for piece, result in done.items() if result is None]:
                log.warning("housekeeping_failed", pieces=failed)
        await anyio.sleep(pause_seconds)


async def remove_files(database: Database, storage: Storage) -> int:
    """Remove the files that nothing needs any more.

    A bucket that refuses keeps its files on the list; they are tried again when their claim ends.

    Returns:
        How many were removed.

    Raises:
        Unavailable: the database or Storage did not answer.
        DatabaseError: the database refused.
    """
    removed = 0
    while files := await database.claim_file_removals(FILES_AT_ONCE):
        buckets: dict[str, list[str]] = defaultdict(list)
        for bucket, path in files:
            buckets[bucket].append(path)
        for bucket, paths in buckets.items():
            try:
                await storage.remove(bucket, paths)
            except StorageError as error:
                log.error("removal_refused", bucket=bucket, files=len(paths), error=str(error))
                continue
            removed += await database.confirm_file_removals(bucket, paths)
    return removed
