"""One step of one job: drive the provider, store what it made, tell the database.

The usual job is told once, when it is done; what lasts is announced before: that the provider has
the job as soon as it reports progress, that outputs are being stored when that takes long.

What went wrong decides what becomes of the job: see `failures`. `LeaseLost` goes through to the
caller, as nothing may be written any more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import anyio
import structlog

from reelbase.database import Task, Verdict
from reelbase.dispatch.failures import Failure, failure_of, still_unknown
from reelbase.dispatch.held import Held
from reelbase.dispatch.inputs import StoredInput
from reelbase.dispatch.outbox import Outbox
from reelbase.dispatch.outputs import Outputs, UnusableOutput
from reelbase.dispatch.workroot import Folder, WorkRoot
from reelbase.errors import LeaseLost, StorageUnavailable
from reelbase.providers.base import (
    Accepted,
    Finished,
    Job,
    Permanent,
    Provider,
    Report,
    Running,
)
from reelbase.storage import Storage
from reelbase.telemetry import Outcome

__all__ = ["Outboxes", "Steps"]

T = TypeVar("T")

MAX_FIGURE = 1e8
"""What no job costs, in units or dollars; more fits into no column."""

STORING_SECONDS = 1.0
"""Storing that takes longer is announced."""

STORAGE_AWAY_SECONDS = 1.0
"""The pause before storing again what a provider will not hand out again."""

log = structlog.stdlib.get_logger("reelbase.dispatch")

Answer = Finished | Accepted | Running | Failure
"""What came of calling a provider."""


@dataclass(frozen=True, slots=True)
class Outboxes:
    """The functions that take news of jobs."""

    advance: Outbox
    complete: Outbox
    fail: Outbox

    def __len__(self) -> int:
        return len(self.advance) + len(self.complete) + len(self.fail)


class Steps:
    """Does the steps `submit`, `poll` and `collect`.

    `on_progress` is called in the event loop when a provider has reported; `on_parked` when a task
    was put aside by us, with the seconds until it is due.
    """

    def __init__(
        self,
        *,
        outboxes: Outboxes,
        storage: Storage,
        providers: Mapping[str, Provider],
        step_seconds: float,
        max_input_bytes: int,
        workroot: WorkRoot,
        on_progress: Callable[[], None],
        on_parked: Callable[[float], None],
    ) -> None:
        self._outboxes = outboxes
        self._storage = storage
        self._outputs = Outputs(storage)
        self._providers = providers
        self._step_seconds = step_seconds
        self._max_input_bytes = max_input_bytes
        self._workroot = workroot
        self._on_progress = on_progress
        self._on_parked = on_parked

    async def run(self, held: Held) -> Outcome:
        """Do the step that the task is at, to its end.

        Returns:
            What came of it: "completed", "parked", "failed" (the job is over) or "retried".

        Raises:
            LeaseLost: the task is somebody else's now, or the user has cancelled it.
        """
        workdir = self._workroot.folder(held.task.job_id)
        try:
            outcome = await self._drive(held, workdir)
            # From here on the answer is to be told, and a heartbeat does not end that.
            held.settling = not isinstance(outcome, Finished)
            if isinstance(outcome, Finished):
                return await self._complete(held, outcome, workdir)
        except LeaseLost:
            raise
        except Exception as error:
            held.settling = False
            outcome = failure_of(error, held)
        finally:
            await workdir.remove()
        if isinstance(outcome, Failure):
            return await self.fail(held, outcome)
        return await self._park(held, outcome)

    async def fail(self, held: Held, failure: Failure) -> Outcome:
        """Give the attempt up; the answer is as that of `run`."""
        held.work.failed(failure.error_class, failure.code)
        verdict = await self._settle(
            held, self._outboxes.fail, **failure.as_news(), latency_ms=held.latency_ms
        )
        if verdict.result == "refused":
            return self._not_taken(held, verdict)
        if verdict.due_in_seconds is not None:
            self._on_parked(verdict.due_in_seconds)
        log.info(
            "attempt_failed",
            job_id=held.task.job_id,
            error_class=failure.error_class,
            code=failure.code,
            status=verdict.status,
        )
        return "failed" if verdict.status == "failed" else "retried"

    async def _drive(self, held: Held, workdir: Folder) -> Answer:
        """Submit the job, unless its provider has it, or may have it."""
        task = held.task
        provider = self._providers[task.provider]
        job = job_of(task, self._storage, self._max_input_bytes)
        if task.provider_job_id is not None:
            return await self._ask(held, "look_up", provider.look_up(job, workdir))
        report = self._reporter(held)
        if is_in_doubt(task) and not provider.repeatable:
            found = await self._recover(held, provider.recover(job, workdir, report))
            if found is not None:
                return found
        if task.has_lost_inputs:
            raise Permanent("inputs_lost", "A file that this job needs was deleted.")
        held.submitting = held.submitted = not provider.repeatable
        try:
            return await self._ask(held, "submit", provider.submit(job, workdir, report))
        finally:
            held.submitting = False

    async def _recover(
        self, held: Held, asking: Coroutine[Any, Any, Finished | Accepted | Running | None]
    ) -> Answer | None:
        """Look for an earlier submission; None when there is none, so that one may be made."""
        try:
            found = await self._ask(held, "recover", asking)
        except Exception as error:
            if failure := still_unknown(error, held.task):
                return failure
            raise
        what = type(found).__name__ if found else None
        log.info("recovered", job_id=held.task.job_id, found=what)
        return found

    async def _ask(self, held: Held, call: str, asking: Coroutine[Any, Any, T]) -> T:
        """Wait for a provider's answer, not for ever, and time it."""
        began = anyio.current_time()
        try:
            with held.work.provider_call(call), anyio.fail_after(self._step_seconds):
                return await asking
        finally:
            held.latency_ms = round((anyio.current_time() - began) * 1000)

    async def _complete(self, held: Held, finished: Finished, workdir: Folder) -> Outcome:
        """Store the outputs and complete the job."""
        if not finished.outputs and not finished.yields:
            raise UnusableOutput("no_output", "The provider finished without a result.")
        assets: list[dict[str, Any]] = []
        if finished.outputs:
            assets = await self._store(held, finished, workdir)
        try:
            verdict = await self._settle(
                held,
                self._outboxes.complete,
                assets=assets,
                yields=finished.yields,
                latency_ms=held.latency_ms,
                units=figure(finished.units),
                cost_usd=figure(finished.cost_usd),
            )
        except ValueError as error:
            verdict = Verdict("refused", str(error))
        if verdict.result == "refused":
            log.error("result_refused", job_id=held.task.job_id, reason=verdict.message)
            raise UnusableOutput("unusable_output", "The provider returned what cannot be used.")
        log.info("completed", job_id=held.task.job_id, assets=len(assets))
        return "completed"

    async def _store(self, held: Held, finished: Finished, workdir: Folder) -> list[dict[str, Any]]:
        """Store the outputs, and say so if that takes long."""
        announcing = asyncio.get_running_loop().call_later(
            STORING_SECONDS, self._announce, held, "finalizing"
        )
        folder = f"{held.task.user_id}/{held.task.job_id}"
        try:
            with held.work.storing() as stored:
                while True:
                    try:
                        assets = await self._outputs.store(folder, finished.outputs, workdir())
                    except StorageUnavailable as error:
                        # What cannot be asked for again is worth waiting for, while it is ours.
                        if not held.submitted:
                            raise
                        log.warning(
                            "storage_unavailable", job_id=held.task.job_id, error=str(error)
                        )
                        await anyio.sleep(STORAGE_AWAY_SECONDS)
                    else:
                        stored.bytes += sum(asset["size_bytes"] for asset in assets)
                        return assets
        finally:
            announcing.cancel()

    async def _park(self, held: Held, outcome: Accepted | Running) -> Outcome:
        """Leave the job to the provider for a while, and give the lease up."""
        pause = max(0.0, outcome.poll_after_seconds)
        news: dict[str, Any] = {"status": "processing", "poll_after_seconds": pause}
        if isinstance(outcome, Accepted):
            news["provider_job_id"] = outcome.provider_job_id
            if outcome.state:
                news["provider_state"] = dict(outcome.state)
        else:
            news["progress"] = outcome.progress
        # An id that the database never hears of is work that nobody can stop.
        is_vital = isinstance(outcome, Accepted)
        verdict = await self._settle(held, self._outboxes.advance, is_vital=is_vital, **news)
        if verdict.result == "refused":
            return self._not_taken(held, verdict)
        held.submitted = False
        self._on_parked(pause)
        log.info("parked", job_id=held.task.job_id, poll_after_seconds=pause)
        return "parked"

    async def _settle(
        self, held: Held, outbox: Outbox, *, is_vital: bool = False, **news: Any
    ) -> Verdict:
        """Say the last word about the task; whoever holds it afterwards, we do not.

        What is vital is told even when the lease ends meanwhile and nobody waits any more.
        """
        held.settling = True
        answer: Awaitable[Verdict] = outbox.put(held.task.job_id, held.lease, **news)
        if is_vital:
            answer = asyncio.shield(answer)
        with held.work.telling(outbox.name):
            verdict = await answer
        if verdict.result == "lease_lost":
            raise LeaseLost("PT409", verdict.message or "The lease on this job is lost.")
        return verdict

    def _not_taken(self, held: Held, verdict: Verdict) -> Outcome:
        """Give up on telling: the lease will end, and then it is another attempt."""
        log.error("refused", job_id=held.task.job_id, reason=verdict.message)
        return "refused"

    def _reporter(self, held: Held) -> Report:
        """Make a progress function; with its first call the job is `processing`."""
        loop = asyncio.get_running_loop()

        def note() -> None:
            if held.announcement is None:
                self._announce(held, "processing")
            self._on_progress()

        def report(progress: int) -> None:
            progress = max(0, min(100, int(progress)))
            if held.progress is None or progress > held.progress:
                held.progress = progress
                loop.call_soon_threadsafe(note)

        return report

    def _announce(self, held: Held, status: Literal["processing", "finalizing"]) -> None:
        """Tell how far the job is, unless something is being told already. Waits for nothing."""
        if held.settling or (held.announcement is not None and not held.announcement.done()):
            return
        told = self._outboxes.advance.put(
            held.task.job_id, held.lease, status=status, progress=held.progress
        )
        told.add_done_callback(lambda answer: heed(answer, held))
        held.announcement = told


def heed(answer: asyncio.Future[Verdict], held: Held) -> None:
    """Look at what came of an announcement: only that the lease is lost matters."""
    if answer.cancelled():
        return
    if error := answer.exception():
        log.warning("announce_failed", job_id=held.task.job_id, error=type(error).__name__)
    elif answer.result().result == "lease_lost" and not held.settling and not held.submitting:
        held.scope.cancel()


def figure(told: float | None) -> float | None:
    """Take what a provider says that it billed, if that can be: no result is lost for it."""
    return told if told is not None and 0 <= told < MAX_FIGURE else None


def is_in_doubt(task: Task) -> bool:
    """Whether an earlier submission may have reached the provider, of which we have no id."""
    return task.step != "submit" or task.previous_outcome in {"lost", "unknown"}


def job_of(task: Task, storage: Storage, max_input_bytes: int) -> Job:
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
        inputs=tuple(StoredInput(each, storage, max_input_bytes) for each in task.inputs),
        provider_job_id=task.provider_job_id,
        provider_state=task.provider_state or {},
        queued_at=task.queued_at,
    )
