"""The dispatcher: claims what it can start, keeps it alive, and lets go of what is not its own.

One asyncio process holds up to `worker_concurrency` tasks, each in a task of its own, and of each
provider as many as that allows. It looks for work when it is notified, when a slot gets free, when
something that it put aside is due, and now and then in any case. Beside the jobs run the services
that keep their leases (`leases`), tell the database of them (`outbox`), tend the queue (`tending`)
and tell providers to stop (`cancellations`).
"""

import asyncio
from collections.abc import Mapping

import anyio
import anyio.abc
import structlog

from reelbase.database import Database
from reelbase.dispatch.cancellations import Cancellations
from reelbase.dispatch.claims import Claims
from reelbase.dispatch.failures import LOST_ANSWER
from reelbase.dispatch.held import Held, Slots
from reelbase.dispatch.leases import Leases
from reelbase.dispatch.outbox import Outbox
from reelbase.dispatch.steps import Outboxes, Steps
from reelbase.dispatch.tending import tend
from reelbase.dispatch.wakeup import Agenda, Wakeup, listen
from reelbase.dispatch.workroot import WorkRoot
from reelbase.errors import DatabaseError, DatabaseUnavailable, LeaseLost
from reelbase.providers.base import Provider
from reelbase.settings import Settings
from reelbase.storage import Storage
from reelbase.telemetry import Outcome, Telemetry

__all__ = ["Dispatcher"]

LAST_WORD_SECONDS = 2.0
"""How long a stopping worker waits for the answer to the last word about a job."""

CANCEL_SECONDS = 5.0
"""How long ending what nobody wants any more may take."""

HAND_BACK_SECONDS = 5.0
"""The longest that a stopping worker tries to hand back what it holds."""

log = structlog.stdlib.get_logger("reelbase.dispatch")


class Dispatcher:
    """Runs jobs until it is told to stop. Any number may run side by side."""

    def __init__(
        self,
        database: Database,
        storage: Storage,
        providers: Mapping[str, Provider],
        settings: Settings,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._database = database
        self._providers = providers
        self._settings = settings
        self.telemetry = telemetry or Telemetry()
        self._workroot = WorkRoot(settings.work_dir)
        self._work = Wakeup()
        self._agenda = Agenda()
        self._held: dict[tuple[str, str], Held] = {}
        self._handing_back: list[Held] = []
        self._slots = Slots(providers, settings.worker_concurrency)
        self._claims = Claims(database, settings, self.telemetry)
        self._leases = Leases(database, self._held, settings, self.telemetry)
        self._cancellations = Cancellations(database, providers, self.telemetry)
        self._outboxes = Outboxes(
            advance=Outbox("advance", database.advance_jobs, self.telemetry),
            complete=Outbox("complete", database.complete_jobs, self.telemetry),
            fail=Outbox("fail", database.fail_jobs, self.telemetry),
        )
        self._steps = Steps(
            outboxes=self._outboxes,
            storage=storage,
            providers=providers,
            step_seconds=settings.step_seconds,
            max_input_bytes=settings.max_output_bytes,
            workroot=self._workroot,
            on_progress=self._leases.show_progress,
            on_parked=self._expect,
        )
        self._stopping = False
        self._stopping_now = False

    @property
    def held(self) -> int:
        """How many tasks are in hand."""
        return len(self._held)

    @property
    def capacity(self) -> int:
        """How many tasks may be in hand."""
        return self._settings.worker_concurrency

    @property
    def outbox(self) -> int:
        """How much there is that the database was not told yet."""
        return len(self._outboxes)

    @property
    def listening(self) -> bool:
        """Whether notifications arrive."""
        return self._work.listening

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping

    def stop(self) -> None:
        """Claim nothing more; let jobs go on for `shutdown_seconds`, then hand them back."""
        self._stopping = True
        self._claims.stop()
        self._work.wake()

    def stop_now(self) -> None:
        """Claim nothing more and hand back at once."""
        self._stopping_now = True
        self.stop()

    async def run(self) -> None:
        """Work until stopped."""
        settings = self._settings
        log.info(
            "started",
            worker=settings.worker_name,
            providers=sorted(self._providers),
            concurrency=settings.worker_concurrency,
        )
        with self._workroot:
            async with anyio.create_task_group() as services:
                self._start(services)
                # A task in a group of asyncio's own costs a tenth of one in anyio's.
                async with asyncio.TaskGroup() as jobs:
                    await self._look_for_work(jobs)
                    await self._drain()
                await self._hand_back()
                services.cancel_scope.cancel()
        log.info("stopped", worker=settings.worker_name)

    def _start(self, services: anyio.abc.TaskGroup) -> None:
        """Start what goes on beside the jobs."""
        settings = self._settings
        for outbox in (self._outboxes.advance, self._outboxes.complete, self._outboxes.fail):
            services.start_soon(outbox.run)
        services.start_soon(self._leases.run)
        services.start_soon(self._cancellations.run)
        services.start_soon(
            tend, self._database, settings.tend_seconds, self.telemetry, self._work.wake
        )
        if settings.database_url is not None:
            url = settings.database_url.get_secret_value()
            wakeups = (self._work, self._cancellations.wakeup)
            services.start_soon(listen, url, frozenset(self._providers), wakeups)

    async def _look_for_work(self, jobs: asyncio.TaskGroup) -> None:
        """Claim and start whatever there is; sleep while there is nothing, or no free slot."""
        pause = self._settings.poll_min_seconds
        while not self._stopping:
            if not self._slots.wanted():
                self.telemetry.alive("claiming", within=None)
                await self._work.sleep()
                continue
            if await self._claim(jobs):
                # Only the first task in an empty queue is notified, so look for those behind it.
                pause = self._settings.poll_min_seconds
                continue
            self.telemetry.alive("claiming", within=pause)
            if await self._work.sleep(self._until_due(pause)):
                pause = self._settings.poll_min_seconds
            else:
                pause = min(pause * 2, self._longest_pause())
        self.telemetry.alive("claiming", within=None)

    async def _claim(self, jobs: asyncio.TaskGroup) -> int:
        """Claim as many tasks as can be started, and start them; return how many there were."""
        self._agenda.forget_past(anyio.current_time())
        claim = await self._claims.claim(self._slots.wanted(), self._slots.free)
        for task in claim.tasks:
            scope = anyio.CancelScope(deadline=claim.until)
            held = Held(task, claim.lease, scope, self.telemetry.work(task))
            if self._stopping:
                self._handing_back.append(held)
            else:
                self._held[task.job_id, claim.lease] = held
                self._slots.take(task.provider)
                jobs.create_task(self._work_on(held))
        if claim.tasks:
            log.debug("claimed", tasks=len(claim.tasks))
        return len(claim.tasks)

    def _longest_pause(self) -> float:
        if self._work.listening:
            return self._settings.listen_poll_seconds
        return self._settings.poll_max_seconds

    def _until_due(self, pause: float) -> float:
        """Shorten a pause to when the next task that was put aside is due, in seconds."""
        due = self._agenda.until_next(anyio.current_time())
        return pause if due is None else min(pause, due)

    def _expect(self, seconds: float) -> None:
        """Look again when a task that was put aside is due."""
        self._agenda.note(anyio.current_time() + seconds)
        self._work.wake()

    async def _work_on(self, held: Held) -> None:
        """Do one task, and clean up when it turns out not to be ours any more."""
        job_id = held.task.job_id
        outcome: Outcome = "abandoned"
        status = None
        try:
            with held.scope:
                try:
                    outcome = await self._steps.run(held)
                except LeaseLost:
                    outcome = "dropped"
                except Exception:
                    # Not even the failure could be told. The lease will end, and then it is
                    # another attempt.
                    log.exception("abandoned", job_id=job_id)
            if held.scope.cancelled_caught:
                outcome = "dropped"
                if self._stopping:
                    outcome = await self._give_up(held)
            if outcome == "dropped":
                log.warning("dropped", job_id=job_id, reason="lease_lost")
                status = await self._end_unwanted(held)
        finally:
            held.work.done(outcome, status)
            del self._held[job_id, held.lease]
            self._slots.give_back(held.task.provider)
            self._work.wake()

    async def _end_unwanted(self, held: Held) -> str | None:
        """Have the provider stop, if nobody wants the job any more. Never raises.

        A job that was merely taken over goes on: what the provider does is the new owner's now.

        Returns:
            The job's status, if it has ended so.
        """
        task = held.task
        status = None
        try:
            with anyio.move_on_after(CANCEL_SECONDS):
                status = await self._database.unwanted_status(task.job_id)
                if status is None:
                    return None
                # What the provider has an id for is on a list by now, which is heard of in time.
                self._cancellations.wakeup.wake()
                if task.provider_job_id is None:
                    with self.telemetry.provider_call(task.provider, "cancel", task.job_id):
                        await self._providers[task.provider].cancel(task.job_id, None, {})
        except Exception as error:
            log.warning("cancel_failed", job_id=task.job_id, error=type(error).__name__)
        return status

    async def _drain(self) -> None:
        """Let jobs come to their end for a while, then stop them."""
        if self._held:
            log.info("stopping", held=len(self._held))
        with anyio.move_on_after(self._settings.shutdown_seconds):
            while self._held and not self._stopping_now:
                await self._work.sleep()
        last = anyio.current_time() + LAST_WORD_SECONDS
        for held in self._held.values():
            held.released = True
            if held.settling:
                held.scope.deadline = min(held.scope.deadline, last)
            else:
                held.scope.cancel()

    async def _give_up(self, held: Held) -> Outcome:
        """Let go of what was stopped in the middle.

        A call that must not be made twice is not handed back as if it had not been made: it has to
        be looked for.
        """
        if not held.released:
            return "dropped"
        if not held.submitted:
            self._handing_back.append(held)
            return "released"
        if held.settling:
            # What came of it was being told and may have been heard. The lease's end decides.
            return "abandoned"
        try:
            with anyio.fail_after(LAST_WORD_SECONDS):
                return await self._steps.fail(held, LOST_ANSWER)
        except (DatabaseError, TimeoutError) as error:
            log.warning("give_up_failed", job_id=held.task.job_id, error=type(error).__name__)
        return "abandoned"

    async def _hand_back(self) -> None:
        """Release what was stopped, so that others need not wait for the leases to end."""
        if not self._handing_back:
            return
        leases = [held.as_lease() for held in self._handing_back]
        try:
            with anyio.fail_after(HAND_BACK_SECONDS):
                released = await self._database.release_tasks(leases)
            log.info("handed_back", job_ids=sorted(released))
        except (DatabaseUnavailable, DatabaseError, TimeoutError) as error:
            log.warning("hand_back_failed", held=len(leases), error=type(error).__name__)
