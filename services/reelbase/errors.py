"""What can go wrong, as one tree; what comes back over HTTP is turned into it here and only here.

::

    ReelbaseError
    ├── SettingsError             the environment lacks a setting, or one is garbled
    ├── Unavailable               nobody answered, or only "not now": call again later
    │   ├── DatabaseUnavailable   PostgREST or PostgreSQL
    │   └── StorageUnavailable    Storage
    ├── DatabaseError             PostgreSQL or PostgREST refused: `code`, `hint`, `detail`
    │   ├── LeaseLost             the task belongs to somebody else now, or has ended
    │   ├── InsufficientCredits   HTTP 402: nothing was written
    │   └── KeyRefused            the API key or the token is not accepted, or may not do this
    └── StorageError              Storage refused: `status`, `code`
        ├── AlreadyStored         there is a file at that path, which was left as it is
        └── FileTooLarge          the file is larger than may be stored, or than was asked for

Every `hint` is a stable machine-readable code of the migrations ("lease_lost"); `detail` holds the
numbers; messages are sentences for people.
"""

from typing import Any

from postgrest.exceptions import APIError
from storage3.exceptions import StorageApiError

__all__ = [
    "AlreadyStored",
    "DatabaseError",
    "DatabaseUnavailable",
    "FileTooLarge",
    "InsufficientCredits",
    "KeyRefused",
    "LeaseLost",
    "ReelbaseError",
    "SettingsError",
    "StorageError",
    "StorageUnavailable",
    "Unavailable",
    "from_postgrest",
    "from_storage",
]


class ReelbaseError(Exception):
    """The root of everything that Reelbase raises on purpose."""


class SettingsError(ReelbaseError):
    """A setting is missing or garbled; the message is one sentence for the operator."""


class Unavailable(ReelbaseError):  # noqa: N818 - a state, not a mistake
    """Nobody answered, or the answer was "not now"."""


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached, or is starting, overloaded or shutting down."""


class StorageUnavailable(Unavailable):
    """Storage cannot be reached or has failed on its side."""


class DatabaseError(ReelbaseError):
    """The database refused a call.

    Attributes:
        code: The SQLSTATE, or PostgREST's own code ("PGRST202").
        hint: The stable code that the migrations give, or what PostgREST suggests.
        detail: The numbers, where there are any.
    """

    def __init__(
        self, code: str, message: str, hint: str | None = None, detail: Any = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint
        self.detail = detail


class LeaseLost(DatabaseError):  # noqa: N818 - says what happened
    """The lease has run out, was taken over, or the job has ended: touch it no more."""


class InsufficientCredits(DatabaseError):  # noqa: N818 - says what happened
    """The account holds less than the job costs; `detail` says how much of both."""


class KeyRefused(DatabaseError):  # noqa: N818 - says what happened
    """The API key or token is wrong, expired, or lacks the right."""


class StorageError(ReelbaseError):
    """Storage refused a call.

    Attributes:
        status: The HTTP status that the answer's body names.
        code: Storage's short name of the error ("Duplicate").
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class AlreadyStored(StorageError):  # noqa: N818 - says what happened
    """There is a file at that path already, and it was not replaced."""


class FileTooLarge(StorageError):  # noqa: N818 - says what happened
    """The file has more bytes than its bucket takes, or than whoever reads it."""


BY_HINT: dict[str, type[DatabaseError]] = {
    "lease_lost": LeaseLost,
    "insufficient_credits": InsufficientCredits,
}

# PostgREST: no connection, no connection in time, no schema cache, no free connection in time.
# PostgreSQL: serialisation failure, deadlock, statement timeout, shutting down, starting up.
PASSING_CODES = frozenset(
    [
        "PGRST000",
        "PGRST001",
        "PGRST002",
        "PGRST003",
        "40001",
        "40P01",
        "57014",
        "57P01",
        "57P02",
        "57P03",
    ]
)
# Connection exceptions and exhausted resources.
PASSING_CLASSES = ("08", "53")

KEY_CODES = frozenset(["PGRST301", "PGRST302", "PGRST303", "42501", "401", "403"])


def from_postgrest(error: APIError) -> ReelbaseError:
    """Say in our words what PostgREST answered.

    An answer without a code comes from something in front of PostgREST; only its failures are
    worth another try. An empty code is PostgREST's when its connection broke in the middle of a
    call, which may have been carried out.
    """
    if error.code == "":
        return DatabaseUnavailable("The database broke the connection off.")
    code = str(error.code or "")
    message = error.message or "The database refused the call without a reason."
    if code in PASSING_CODES or code.startswith(PASSING_CLASSES) or is_server_failure(code):
        return DatabaseUnavailable(f"The database is not available ({code}): {message}")
    kind = BY_HINT.get(error.hint or "")
    if kind is None:
        kind = KeyRefused if code in KEY_CODES else DatabaseError
    return kind(code, message, error.hint, error.details)


def is_server_failure(code: str) -> bool:
    """Whether a code is an HTTP status of 500 and above instead of a SQLSTATE."""
    return len(code) == 3 and code.isdigit() and code >= "500"


def from_storage(error: StorageApiError) -> ReelbaseError:
    """Say in our words what Storage answered."""
    status = int(error.status) if str(error.status).isdigit() else 500
    code = str(error.code)
    if status >= 500 or status == 429:
        return StorageUnavailable(f"Storage is not available ({status} {code}).")
    # The platform answers 400 with a body that says 409; older servers only name the error.
    if status == 409 or code in {"Duplicate", "ResourceAlreadyExists", "KeyAlreadyExists"}:
        return AlreadyStored(409, code, error.message)
    if status == 413:
        return FileTooLarge(status, code, error.message)
    return StorageError(status, code, error.message)
