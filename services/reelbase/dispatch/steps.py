"""One step of one job: drive the provider, store what it made, tell the database.

What went wrong decides what becomes of the job::

    Permanent          it fails at once; the credits return
    Transient          another attempt, after the provider's pause if it named one
    Configuration      another attempt, much later: an operator has to act first
    timeout            another attempt
    Storage refused    it fails at once
    Storage away       another attempt
    anything else      another attempt; the traceback is for the log and never for the user
    timeout or anything else, while a provider that cannot be asked twice was being asked
                       it fails at once: what became of the call is not known

Whether there is another attempt, and when, is decided in SQL. `LeaseLost` goes through to the
caller, as nothing may be written any more.
"""

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import anyio
import structlog

from reelbase.database import Database, HeldLease, Task
from reelbase.dispatch.outputs import store_outputs
from reelbase.dispatch.workroot import WorkRoot
from reelbase.errors import DatabaseUnavailable, LeaseLost, StorageError, StorageUnavailable
from reelbase.providers.base import (
    Accepted,
    Configuration,
    Finished,
    Job,
    Permanent,
    Provider,
    ProviderError,
    Running,
    Transient,
)
from reelbase.settings import Settings
from reelbase.storage import Storage

__all__ = ["Held", "Steps"]

T = TypeVar("T")

UNKNOWN_OUTCOME = "It is not known whether the provider received this job."
INTERNAL_ERROR = "Something went wrong on our side."
STORAGE_ERROR = "The result could not be stored."

log = structlog.stdlib.get_logger("reelbase.dispatch")


@dataclass(slots=True, eq=False)
class Held:
    """A task in this worker's hands.

    Attributes:
        lease: The token under which it was claimed.
        scope: Ends the work. Its deadline is the end of the lease, in the event loop's time, and
            only a heartbeat that got through moves it.
        progress: In percent, as last reported by the provider.
        submitting: A call that must not be made twice was begun, and its answer is not on record.
        settling: The last word about this task is on its way; a heartbeat that does not find the
            task any more proves nothing.
        released: The work was ended to hand the task back.
        reported: Set by the provider's first report.
        announced: The database knows that the provider has the job.
    """

    task: Task
    lease: str
    scope: anyio.CancelScope
    progress: int | None = None
    submitting: bool = False
    settling: bool = False
    released: bool = False
    reported: anyio.Event = field(default_factory=anyio.Event)
    announced: bool = False

    def as_lease(self) -> HeldLease:
        """The form in which the database is told."""
        return HeldLease(job_id=self.task.job_id, lease=self.lease, progress=self.progress)


@dataclass(frozen=True, slots=True)
class Failure:
    """How an attempt ended badly. `message` is for the user; `retry_after` in seconds."""

    code: str
    message: str
    retry: bool
    retry_after: float | None = None


class Steps:
    """Does the steps `submit`, `poll` and `collect`.

    `on_progress` is called in the event loop when a provider has reported; `on_parked` when a task
    was put aside by us, with the seconds until it is due.
    """

    def __init__(
        self,
        *,
        database: Database,
        storage: Storage,
        providers: Mapping[str, Provider],
        settings: Settings,
        workroot: WorkRoot,
        on_progress: Callable[[], None],
        on_parked: Callable[[float], None],
    ) -> None:
        self._database = database
        self._storage = storage
        self._providers = providers
        self._settings = settings
        self._workroot = workroot
        self._on_progress = on_progress
        self._on_parked = on_parked

    async def run(self, held: Held) -> None:
        """Do the step that the task is at, to its end.

        Raises:
            LeaseLost: the task is somebody else's now, or the user has cancelled it.
        """
        task = held.task
        try:
            async with self._workroot.folder(task.job_id) as workdir:
                outcome = await self._drive(held, workdir)
                if isinstance(outcome, Finished):
                    await self._store(held, outcome, workdir)
                    return
        except LeaseLost:
            raise
        except Exception as error:
            outcome = self._failure_of(error, held)
        if isinstance(outcome, Failure):
            await self._fail(held, outcome)
        else:
            await self._park(held, outcome)

    async def cancel(self, held: Held) -> None:
        """Have the provider stop, if nobody wants the job any more. Never raises.

        A job that was merely taken over goes on: what the provider does is the new owner's now.
        """
        try:
            with anyio.move_on_after(5):
                if await self._database.is_unwanted(held.task.job_id):
                    await self._providers[held.task.provider].cancel(job_of(held.task))
        except Exception as error:
            log.warning("cancel_failed", job_id=held.task.job_id, error=type(error).__name__)

    async def _drive(self, held: Held, workdir: Path) -> Finished | Accepted | Running | Failure:
        """Call the provider."""
        task = held.task
        provider = self._providers[task.provider]
        job = job_of(task)
        if task.step != "submit" or task.provider_job_id is not None:
            with anyio.fail_after(self._settings.step_seconds):
                return await provider.look_up(job, workdir)
        # A vanished attempt may have reached the provider. A second call is a second bill.
        if task.previous_outcome == "lost" and not provider.repeatable:
            return Failure("unknown_outcome", UNKNOWN_OUTCOME, retry=False)
        async with self._announced(held) as report:
            held.submitting = not provider.repeatable
            with anyio.fail_after(self._settings.step_seconds):
                submission = await provider.submit(job, workdir, report)
        return submission

    @asynccontextmanager
    async def _announced(self, held: Held) -> AsyncIterator[Callable[[int], None]]:
        """Give out a progress function; with its first call the job is `processing`."""
        loop = asyncio.get_running_loop()

        def note() -> None:
            held.reported.set()
            self._on_progress()

        def report(progress: int) -> None:
            progress = max(0, min(100, int(progress)))
            if held.progress is None or progress > held.progress:
                held.progress = progress
                loop.call_soon_threadsafe(note)

        announcement = asyncio.create_task(self._announce(held))
        try:
            yield report
        finally:
            # One that has begun is waited for: "processing" must not arrive after what follows.
            if not held.reported.is_set():
                announcement.cancel()
            await asyncio.wait([announcement])

    async def _announce(self, held: Held) -> None:
        await held.reported.wait()
        try:
            await self._database.advance_job(held.task.job_id, held.lease, "processing")
            held.announced = True
        except LeaseLost:
            held.scope.cancel()
        except Exception as error:
            # Only the display suffers; the next call about this job will tell.
            log.warning("announce_failed", job_id=held.task.job_id, error=type(error).__name__)

    async def _store(self, held: Held, finished: Finished, workdir: Path) -> None:
        """Store the outputs and complete the job."""
        task = held.task
        if task.step == "submit" and not held.announced:
            await insist(lambda: self._database.advance_job(task.job_id, held.lease, "processing"))
        await insist(lambda: self._database.advance_job(task.job_id, held.lease, "finalizing"))
        assets = await store_outputs(
            self._storage, f"{task.user_id}/{task.job_id}", finished.outputs, workdir
        )
        held.settling = True
        await insist(lambda: self._database.complete_job(task.job_id, held.lease, assets))
        log.info("completed", job_id=task.job_id, assets=len(assets))

    async def _park(self, held: Held, outcome: Accepted | Running) -> None:
        """Leave the job to the provider for a while, and give the lease up."""
        task = held.task
        provider_job_id = (
            outcome.provider_job_id if isinstance(outcome, Accepted) else task.provider_job_id
        )
        pause = max(0.0, outcome.poll_after_seconds)
        if isinstance(outcome, Running) and outcome.progress is not None:
            held.progress = outcome.progress
            await insist(
                lambda: self._database.extend_leases(
                    [held.as_lease()], self._settings.lease_seconds
                )
            )
        held.settling = True
        await insist(
            lambda: self._database.advance_job(
                task.job_id, held.lease, "processing", provider_job_id, pause
            )
        )
        held.submitting = False
        self._on_parked(pause)
        log.info("parked", job_id=task.job_id, poll_after_seconds=pause)

    async def _fail(self, held: Held, failure: Failure) -> None:
        task = held.task
        held.settling = True
        status = await insist(
            lambda: self._database.fail_job(
                task.job_id,
                held.lease,
                failure.code,
                failure.message,
                retry=failure.retry,
                retry_after_seconds=failure.retry_after,
            )
        )
        if status != "failed" and failure.retry_after is not None:
            self._on_parked(failure.retry_after)
        log.info("attempt_failed", job_id=task.job_id, code=failure.code, status=status)

    def _failure_of(self, error: Exception, held: Held) -> Failure:
        """Decide what an error means for the job."""
        task = held.task
        if isinstance(error, Permanent):
            return Failure(error.code, error.message, retry=False)
        if isinstance(error, Transient):
            return Failure(error.code, error.message, True, error.retry_after)
        if isinstance(error, Configuration):
            log.error("provider_misconfigured", job_id=task.job_id, code=error.code)
            pause = self._settings.configuration_retry_seconds
            return Failure(error.code, error.message, True, pause)
        if isinstance(error, ProviderError):
            return Failure(error.code, error.message, retry=True)
        if held.submitting and not isinstance(error, StorageError | StorageUnavailable):
            log.error("unknown_outcome", job_id=task.job_id, traceback=traceback_of(error, task))
            return Failure("unknown_outcome", UNKNOWN_OUTCOME, retry=False)
        if isinstance(error, TimeoutError):
            return Failure("provider_timeout", "The provider took too long.", retry=True)
        if isinstance(error, StorageUnavailable):
            return Failure("storage_unavailable", STORAGE_ERROR, retry=True)
        if isinstance(error, StorageError):
            log.error("storage_refused", job_id=task.job_id, code=error.code, status=error.status)
            return Failure("storage_refused", STORAGE_ERROR, retry=False)
        log.error("internal_error", job_id=task.job_id, traceback=traceback_of(error, task))
        return Failure("internal_error", INTERNAL_ERROR, retry=True)


async def insist(call: Callable[[], Awaitable[T]]) -> T:
    """Make an idempotent call until the database answers; the lease's end ends the waiting."""
    while True:
        try:
            return await call()
        except DatabaseUnavailable as error:
            log.warning("database_unavailable", error=str(error))
        await anyio.sleep(0.5)


def job_of(task: Task) -> Job:
    """What the provider is told of a task."""
    return Job(
        id=task.job_id,
        user_id=task.user_id,
        kind=task.kind,
        mode=task.mode,
        model=task.provider_model,
        attempt=task.attempt,
        prompt=task.prompt,
        negative_prompt=task.negative_prompt,
        audio_instructions=task.audio_instructions,
        art_style=task.art_style,
        aspect_ratio=task.aspect_ratio,
        resolution=task.resolution,
        duration_seconds=task.duration_seconds,
        output_count=task.output_count,
        parameters=task.parameters,
        provider_job_id=task.provider_job_id,
    )


def traceback_of(error: Exception, task: Task) -> str:
    """The traceback as text, without what the user wrote, which errors like to repeat."""
    text = "".join(traceback.format_exception(error))
    for written in (task.prompt, task.negative_prompt, task.audio_instructions):
        if written and len(written) > 3:
            text = text.replace(written, "[prompt]").replace(repr(written)[1:-1], "[prompt]")
    return text
