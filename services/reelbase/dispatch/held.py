"""A task in this worker's hands, and how many more fit into them."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import anyio

from reelbase.database import HeldLease, Task, Verdict, Wanted
from reelbase.providers.base import Provider
from reelbase.telemetry import Work

__all__ = ["Held", "Slots"]


@dataclass(slots=True, eq=False)
class Held:
    """A task in this worker's hands.

    Attributes:
        lease: The token under which it was claimed.
        scope: Ends the work. Its deadline is the end of the lease, in the event loop's time, and
            only a heartbeat that got through moves it.
        work: Told what is done about the task, for metrics and traces.
        progress: In percent, as last reported by the provider.
        latency_ms: How long the provider took to answer.
        submitting: A call that must not be made twice is under way. It is not broken off when
            nobody wants the job any more: its answer says what to cancel at the provider.
        submitted: Such a call was made, and what came of it is not on record.
        settling: The last word about this task is on its way; a heartbeat that does not find the
            task any more proves nothing.
        released: The work was ended to hand the task back.
        announcement: The answer to telling that the job is `processing` or `finalizing`.
    """

    task: Task
    lease: str
    scope: anyio.CancelScope
    work: Work
    progress: int | None = None
    latency_ms: int | None = None
    submitting: bool = False
    submitted: bool = False
    settling: bool = False
    released: bool = False
    announcement: asyncio.Future[Verdict] | None = None

    def as_lease(self) -> HeldLease:
        """The form in which the database is told."""
        return HeldLease(job_id=self.task.job_id, lease=self.lease, progress=self.progress)


class Slots:
    """How many tasks may be in hand: all together, and of each provider."""

    def __init__(self, providers: Mapping[str, Provider], total: int) -> None:
        self._providers = dict(sorted(providers.items()))
        self._total = total
        self._taken: Counter[str] = Counter()

    @property
    def free(self) -> int:
        """How many more there may be, of whichever provider."""
        return self._total - self._taken.total()

    def wanted(self) -> list[Wanted]:
        """What can be started now, as a claim says it; nothing when all is taken."""
        if self.free <= 0:
            return []
        found = []
        for name, provider in self._providers.items():
            limit = provider.concurrency
            if limit is not None:
                limit -= self._taken[name]
            if limit is None or limit > 0:
                found.append(Wanted(name, provider.kinds, limit))
        return found

    def take(self, provider: str) -> None:
        """Count a task that has begun."""
        self._taken[provider] += 1

    def give_back(self, provider: str) -> None:
        """Count a task that is over."""
        self._taken[provider] -= 1
