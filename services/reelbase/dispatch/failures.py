"""What an error means for a job.

::

    Permanent          permanent: it fails at once; the credits return
    Transient          transient: another attempt, after the provider's pause if it named one
    Throttled          throttled: later; it does not count as an attempt
    Configuration      configuration: much later, as an operator has to act first; nor does that
    timeout            transient
    unusable output    transient; permanent where it was paid for and cannot be asked for again
    Storage refused    permanent
    Storage away       transient
    anything else      transient; the traceback is for the log and never for the user
    timeout or anything else, while a submission that must not be made twice was under way
                       unknown: it is looked for before anything is submitted again
    Unknown            unknown
    Unknowable         unknown, and the provider cannot be asked: it fails at once

Whether there is another attempt, and when, is decided in SQL.
"""

import traceback
from dataclasses import dataclass
from typing import Any

import structlog

from reelbase.database import Task
from reelbase.database_types import WorkerErrorClass
from reelbase.dispatch.held import Held
from reelbase.dispatch.outputs import UnusableOutput
from reelbase.errors import StorageError, StorageUnavailable
from reelbase.providers.base import (
    Configuration,
    Permanent,
    ProviderError,
    Throttled,
    Transient,
    Unknowable,
    Unknown,
)

__all__ = ["LOST_ANSWER", "Failure", "failure_of", "still_unknown"]

UNKNOWN_OUTCOME = "It is not known whether the provider received this job."
INTERNAL_ERROR = "Something went wrong on our side."
STORAGE_ERROR = "The result could not be stored."

log = structlog.stdlib.get_logger("reelbase.dispatch")


@dataclass(frozen=True, slots=True)
class Failure:
    """How an attempt ended badly. `message` is for the user; `retry_after` in seconds.

    With `is_final` a job of class "unknown" is given up; with `anew` one that its provider had
    accepted is submitted again.
    """

    error_class: WorkerErrorClass
    code: str
    message: str
    retry_after: float | None = None
    is_final: bool = False
    anew: bool = False

    def as_news(self) -> dict[str, Any]:
        """The form in which the database is told."""
        return {
            "error_class": self.error_class,
            "error_code": self.code,
            # PostgreSQL takes any character but this one.
            "error_message": self.message.replace("\0", ""),
            "retry_after_seconds": self.retry_after,
            "is_final": self.is_final,
            "anew": self.anew,
        }


LOST_ANSWER = Failure("unknown", "unknown_outcome", UNKNOWN_OUTCOME)
"""A submission was under way, and nobody will hear the answer."""


def failure_of(error: Exception, held: Held) -> Failure:
    """Decide what an error means for the job."""
    task = held.task
    if isinstance(error, UnusableOutput) and held.submitted:
        # It was delivered, and is billed: another submission would be another bill.
        return Failure("permanent", error.code, error.message)
    if isinstance(error, ProviderError):
        return failure_told(error, task)
    if held.submitted and not isinstance(error, StorageError):
        log.error("unknown_outcome", job_id=task.job_id, traceback=traceback_of(error, task))
        return LOST_ANSWER
    if isinstance(error, TimeoutError):
        return Failure("transient", "provider_timeout", "The provider took too long.")
    if isinstance(error, StorageUnavailable):
        return Failure("transient", "storage_unavailable", STORAGE_ERROR)
    if isinstance(error, StorageError):
        log.error("storage_refused", job_id=task.job_id, code=error.code, status=error.status)
        return Failure("permanent", "storage_refused", STORAGE_ERROR)
    log.error("internal_error", job_id=task.job_id, traceback=traceback_of(error, task))
    return Failure("transient", "internal_error", INTERNAL_ERROR)


def failure_told(error: ProviderError, task: Task) -> Failure:
    """Decide what a provider's own word means."""
    code, message = error.code, error.message
    match error:
        case Permanent():
            return Failure("permanent", code, message)
        case Transient():
            return Failure("transient", code, message, error.retry_after, anew=error.anew)
        case Throttled():
            return Failure("throttled", code, message, error.retry_after)
        case Configuration():
            log.error("provider_misconfigured", job_id=task.job_id, code=code)
            return Failure("configuration", code, message)
        case Unknown():
            return Failure("unknown", code, message, error.retry_after)
        case Unknowable():
            return Failure("unknown", code, message, is_final=True)
        case _:
            return Failure("transient", code, message)


def still_unknown(error: Exception, task: Task) -> Failure | None:
    """What it means that an earlier submission could not be looked for; None if that is known.

    Whatever hindered the look, the earlier submission may be under way as before.
    """
    if isinstance(error, Permanent | Unknowable) or (isinstance(error, Transient) and error.anew):
        return None
    if not isinstance(error, ProviderError | TimeoutError):
        log.error("internal_error", job_id=task.job_id, traceback=traceback_of(error, task))
    retry_after = error.retry_after if isinstance(error, Transient | Throttled) else None
    return Failure("unknown", "unknown_outcome", UNKNOWN_OUTCOME, retry_after)


def traceback_of(error: Exception, task: Task) -> str:
    """The traceback as text, without what the user wrote, which errors like to repeat."""
    text = "".join(traceback.format_exception(error))
    for written in (task.prompt, task.negative_prompt, task.audio_instructions):
        if written and len(written) > 3:
            text = text.replace(written, "[prompt]").replace(repr(written)[1:-1], "[prompt]")
    return text
