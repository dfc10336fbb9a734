"""The dispatcher: claims what it can start, keeps it alive, and lets go of what is not its own.

One asyncio process holds up to `worker_concurrency` tasks, each in a task of its own. A task's
cancel scope ends with its lease, and only a heartbeat that got through moves that end. So whatever
keeps this process from the database for longer than a lease (a broken network, a frozen machine)
also ends its work, as by then another worker may have it. Time is the event loop's.

It looks for work when it is notified, when a slot gets free, when something that it put aside is
due, and now and then in any case.
"""

import heapq
import uuid
from collections.abc import Mapping

import anyio
import anyio.abc
import structlog

from reelbase.database import Database, Task
from reelbase.dispatch.steps import Held, Steps
from reelbase.dispatch.wakeup import Wakeup, listen
from reelbase.dispatch.workroot import WorkRoot
from reelbase.errors import DatabaseError, DatabaseUnavailable, LeaseLost
from reelbase.providers.base import Provider
from reelbase.settings import Settings
from reelbase.storage import Storage

__all__ = ["Dispatcher"]

LAST_CLAIM_SECONDS = 2.0
"""How long a stopping worker waits for the answer to a claim."""

SWEEP_SECONDS = 15
"""The longest pause between looks for jobs that nobody will claim any more."""

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
    ) -> None:
        self._database = database
        self._providers = providers
        self._settings = settings
        self._workroot = WorkRoot(settings.work_dir)
        self._work = Wakeup()
        self._beat = Wakeup()
        self._steps = Steps(
            database=database,
            storage=storage,
            providers=providers,
            settings=settings,
            workroot=self._workroot,
            on_progress=self._beat.wake,
            on_parked=self._expect,
        )
        self._held: dict[tuple[str, str], Held] = {}
        self._handing_back: list[Held] = []
        self._due: list[float] = []
        self._stopping = False
        self._stopping_now = False
        self._claiming = anyio.CancelScope()

    @property
    def held(self) -> int:
        """How many tasks are in hand."""
        return len(self._held)

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
        # A claim on its way is waited for, as nobody else can have its tasks before their lease
        # ends; but not for as long as the database may be away.
        self._claiming.deadline = anyio.current_time() + LAST_CLAIM_SECONDS
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
                services.start_soon(self._keep_leases)
                services.start_soon(self._sweep)
                if settings.database_url is not None:
                    url = settings.database_url.get_secret_value()
                    services.start_soon(listen, url, self._work)
                async with anyio.create_task_group() as jobs:
                    await self._look_for_work(jobs)
                    await self._drain()
                await self._hand_back()
                services.cancel_scope.cancel()
        log.info("stopped", worker=settings.worker_name)

    async def _look_for_work(self, jobs: anyio.abc.TaskGroup) -> None:
        """Claim and start whatever there is; sleep while there is nothing, or no free slot."""
        pause = self._settings.poll_min_seconds
        while not self._stopping:
            free = self._settings.worker_concurrency - len(self._held)
            if free <= 0:
                await self._work.sleep()
                continue
            if await self._claim(free, jobs):
                # Only the first task in an empty queue is notified, so look for those behind it.
                pause = self._settings.poll_min_seconds
                continue
            if await self._work.sleep(self._until_due(pause)):
                pause = self._settings.poll_min_seconds
            else:
                pause = min(pause * 2, self._longest_pause())

    async def _claim(self, limit: int, jobs: anyio.abc.TaskGroup) -> int:
        """Claim up to `limit` tasks and start them; return how many there were."""
        sent = anyio.current_time()
        while self._due and self._due[0] <= sent:
            heapq.heappop(self._due)
        lease = str(uuid.uuid4())
        tasks: list[Task] = []
        with self._claiming:
            tasks = await self._claimed_under(lease, limit, sent + self._settings.lease_seconds)
        self._claiming = anyio.CancelScope(deadline=self._claiming.deadline)
        for task in tasks:
            # The lease began later than `sent`, so this end comes before the database's.
            scope = anyio.CancelScope(deadline=sent + self._settings.lease_seconds)
            held = Held(task, lease, scope)
            if self._stopping:
                self._handing_back.append(held)
            else:
                self._held[task.job_id, lease] = held
                jobs.start_soon(self._work_on, held)
        return len(tasks)

    async def _claimed_under(self, lease: str, limit: int, until: float) -> list[Task]:
        """Claim under one token, again and again while the database is away.

        The token stays the same because a claim whose answer got lost may have been carried out.
        When such a lease would have run out, the tasks are free again and so are we.
        """
        away = False
        while anyio.current_time() < until and not (away and self._stopping):
            try:
                tasks = await self._database.claim_tasks(
                    lease,
                    self._settings.worker_name,
                    sorted(self._providers),
                    limit,
                    self._settings.lease_seconds,
                )
            except DatabaseUnavailable as error:
                if not away:
                    log.warning("database_unavailable", error=str(error))
                away = True
                await anyio.sleep(self._settings.poll_min_seconds)
                continue
            except DatabaseError as error:
                # Refused: a wrong key, or migrations that are not there. An operator has to act,
                # and this process shall go on by itself then.
                log.error("claim_refused", code=error.code, error=str(error))
                await anyio.sleep(self._settings.poll_max_seconds)
                return []
            if away:
                log.info("database_available")
            return tasks
        return []

    def _longest_pause(self) -> float:
        if self._work.listening:
            return self._settings.listen_poll_seconds
        return self._settings.poll_max_seconds

    def _until_due(self, pause: float) -> float:
        """Shorten a pause to when the next task that was put aside is due, in seconds."""
        if self._due:
            pause = min(pause, max(0.0, self._due[0] - anyio.current_time()))
        return pause

    def _expect(self, seconds: float) -> None:
        """Look again when a task that was put aside is due: no notification tells of that."""
        heapq.heappush(self._due, anyio.current_time() + seconds)
        self._work.wake()

    async def _work_on(self, held: Held) -> None:
        """Do one task, and clean up when it turns out not to be ours any more."""
        job_id = held.task.job_id
        log.info("claimed", job_id=job_id, step=held.task.step, attempt=held.task.attempt)
        lost = False
        try:
            with held.scope:
                try:
                    await self._steps.run(held)
                except LeaseLost:
                    lost = True
                except Exception:
                    # Not even the failure could be told. The lease will end, and then it is
                    # another attempt.
                    log.exception("abandoned", job_id=job_id)
            if held.released:
                self._handing_back.append(held)
            elif lost or held.scope.cancelled_caught:
                log.warning("dropped", job_id=job_id, reason="lease_lost")
                await self._steps.cancel(held)
        finally:
            del self._held[job_id, held.lease]
            self._work.wake()

    async def _keep_leases(self) -> None:
        """Extend all leases in one call, every third of a lease, or sooner to show progress."""
        settings = self._settings
        third = settings.lease_seconds / 3
        pause = third
        while True:
            called = anyio.current_time()
            if await self._beat.sleep(pause):
                # Progress: as soon as is decent after the last call.
                least = min(settings.progress_seconds, third)
                await anyio.sleep(max(0.0, called + least - anyio.current_time()))
            pause = third if await self._extend_leases(third) else min(1.0, third / 4)

    async def _extend_leases(self, patience: float) -> bool:
        """Extend what is held, and drop what is not ours any more; False if nobody answered."""
        held = [each for each in self._held.values() if not each.scope.cancel_called]
        if not held:
            return True
        sent = anyio.current_time()
        try:
            with anyio.fail_after(patience):
                kept = await self._database.extend_leases(
                    [each.as_lease() for each in held], self._settings.lease_seconds
                )
        except (DatabaseUnavailable, TimeoutError):
            log.warning("heartbeat_failed", held=len(held))
            return False
        except DatabaseError as error:
            log.error("heartbeat_refused", code=error.code, error=str(error))
            return False
        for each in held:
            if each.task.job_id in kept:
                each.scope.deadline = sent + self._settings.lease_seconds
            elif not each.settling:
                each.scope.cancel()
        return True

    async def _sweep(self) -> None:
        """Now and then end the jobs whose last worker vanished: nobody will claim them."""
        while True:
            try:
                failed = await self._database.fail_exhausted_jobs()
                if failed:
                    log.warning("exhausted", job_ids=sorted(failed))
            except (DatabaseUnavailable, DatabaseError) as error:
                log.warning("sweep_failed", error=str(error))
            await anyio.sleep(min(SWEEP_SECONDS, self._settings.lease_seconds))

    async def _drain(self) -> None:
        """Let jobs come to their end for a while, then stop them."""
        if self._held:
            log.info("stopping", held=len(self._held))
        with anyio.move_on_after(self._settings.shutdown_seconds):
            while self._held and not self._stopping_now:
                await self._work.sleep()
        for held in self._held.values():
            # A call that must not be made twice is not handed on as if it had not been made.
            held.released = not held.submitting
            held.scope.cancel()

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
