"""What telemetry wants to know of a task."""

from datetime import datetime
from typing import Protocol

__all__ = ["TracedTask", "is_first", "nanoseconds"]


class TracedTask(Protocol):
    """A claimed task, without what its user wrote."""

    @property
    def job_id(self) -> str: ...
    @property
    def step(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def provider(self) -> str: ...
    @property
    def provider_model(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def mode(self) -> str: ...
    @property
    def queued_at(self) -> datetime: ...


def is_first(task: TracedTask) -> bool:
    """Whether nobody has claimed the job before."""
    return task.step == "submit" and task.attempt == 1


def nanoseconds(moment: datetime) -> int:
    """Nanoseconds since 1970, to the microsecond."""
    return round(moment.timestamp() * 1e6) * 1000
