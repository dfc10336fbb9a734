"""Connection pools that a restart of the database costs nothing."""

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool

__all__ = ["CheckedPool"]

Connection = AsyncConnection[DictRow]


class CheckedPool(AsyncConnectionPool[Connection]):
    """Hands out connections that work.

    The pool's own `check` waits longer and longer between one broken connection and the next, and
    gives up before it has found all of them. Here they are dropped at once, and replaced.
    """

    async def getconn(self, timeout: float | None = None) -> Connection:  # noqa: ASYNC109
        """Take a connection out of the pool.

        Raises:
            PoolTimeout: None could be had in time.
        """
        while True:
            connection = await super().getconn(timeout)
            try:
                await self.check_connection(connection)
            except psycopg.Error:
                await self.putconn(connection)
            except BaseException:
                await self.putconn(connection)
                raise
            else:
                return connection
