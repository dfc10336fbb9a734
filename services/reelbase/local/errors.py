"""What can go wrong with the embedded stack; each message is a sentence for whoever typed."""

__all__ = [
    "BinaryMissingError",
    "DataFolderMismatchError",
    "LocalError",
    "MigrationFailedError",
    "MigrationsRewrittenError",
    "PartFailedError",
    "PortTakenError",
]


class LocalError(Exception):
    """The embedded stack cannot do what was asked; the message says why and what helps."""


class BinaryMissingError(LocalError):
    """A program that the stack runs is not installed."""


class PortTakenError(LocalError):
    """Something else listens on a port that the stack needs."""


class DataFolderMismatchError(LocalError):
    """The data folder was made by another PostgreSQL, another Reelbase or another user."""


class MigrationsRewrittenError(LocalError):
    """Migrations that the database has already seen have changed since."""


class MigrationFailedError(LocalError):
    """The Supabase CLI refused or failed to apply the migrations or the seed."""


class PartFailedError(LocalError):
    """A part of the stack ended, or never became healthy, while it was being started."""
