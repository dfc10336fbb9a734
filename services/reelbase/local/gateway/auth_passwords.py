"""Password hashes: argon2id for new ones, bcrypt for those that seeds made with pgcrypto."""

import anyio
import anyio.to_thread
import psycopg
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from reelbase.local.gateway.auth_users import Pool

__all__ = ["Passwords"]

CONCURRENT_HASHES = 2


class Passwords:
    """Makes and checks password hashes in threads, so that a sign-in holds up nobody else.

    Args:
        pool: Asked about bcrypt hashes.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        # OWASP's smallest recommended argon2id parameters: 19 MiB, two passes, one lane.
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._limiter = anyio.CapacityLimiter(CONCURRENT_HASHES)
        # Made now, so that not even the first unknown address takes longer than a known one.
        self._decoy = self._hasher.hash("nobody's password")

    async def hash(self, password: str) -> str:
        """Return a new argon2id hash."""
        return await anyio.to_thread.run_sync(self._hasher.hash, password, limiter=self._limiter)

    async def matches(self, stored: str | None, password: str) -> bool:
        """Tell whether a password fits a stored hash.

        Args:
            stored: The hash; None or empty when there is no such user or no password, which takes
                as long as a wrong password.
            password: What the client sent.
        """
        if stored and stored.startswith(("$2a$", "$2b$", "$2y$")):
            # pgcrypto knows `$2a$` only; `$2b$` and `$2y$` name the same algorithm.
            row = {"password": password, "hash": "$2a$" + stored[4:]}
            async with self._pool.connection() as connection:
                try:
                    cursor = await connection.execute(
                        "select extensions.crypt(%(password)s, %(hash)s) = %(hash)s as matches", row
                    )
                except psycopg.DataError:
                    return False  # a broken hash
                result = await cursor.fetchone()
            return result is not None and bool(result["matches"])
        return await anyio.to_thread.run_sync(
            self._matches_argon2, stored, password, limiter=self._limiter
        )

    def _matches_argon2(self, stored: str | None, password: str) -> bool:
        try:
            matches = self._hasher.verify(stored or self._decoy, password)
        except (Argon2Error, InvalidHashError):
            return False
        return matches and bool(stored)
