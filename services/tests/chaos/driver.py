"""Users, operator and saboteur: they play the plan on a real stack, and then call for the verdict.

The stack is one of its own, PostgreSQL, PostgREST and gateway under their supervisor, which starts
again what was killed; several dispatchers, which are started again here and reach the stack through
`postman`; and the fake provider.
Users speak HTTP with their tokens; webhooks go to a receiver that only passes them on.

Nothing is counted in seconds that need not be: blows fall at shares of the jobs submitted, and the
end is when nothing is left to do. If nothing moves for long, that is a finding, and so is whatever
`verdict` finds.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row

from reelbase.local.processes import (
    ProcessRecord,
    end_with_parent,
    is_running,
    processes_in,
    record_of,
)
from reelbase.local.pytest_plugin import RunningStack
from reelbase.local.stack import StackState

from .adapter import KINDS, URL_VARIABLE
from .fake_provider import answer, read_request
from .plan import FLAVOURS, Blow, JobPlan, plan_blows, plan_jobs
from .postman import Postman
from .verdict import Promise, Verdict, judge, read_books, read_journal

__all__ = ["Report", "Script", "play"]

HERE = Path(__file__).parent

PATIENCE = 60.0
"""Seconds for which a client insists, and for which nothing may move before that is a finding."""

TIERS = ("enterprise", "pro", None)
"""Plans of the users, in turn; None stays on the free one, which runs two jobs at once."""

STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Script:
    """How much of what.

    Attributes:
        jobs: Jobs that users submit.
        kills: Times that a process gets SIGKILL; freezing comes on top.
        seed: Decides everything that is left to chance.
        users: Between whom the jobs are shared.
        dispatchers: Processes side by side.
        lease_seconds: How long a dead dispatcher keeps a job from others.
        under_way: Jobs that may be under way at once; users wait for that.
        lasts_seconds: The deadline of the kind that has a short one.
        pause_seconds: What a provider's pause may last until the operator ends it.
    """

    jobs: int
    kills: int
    seed: int
    users: int = 12
    dispatchers: int = 3
    lease_seconds: int = 4
    under_way: int = 60
    lasts_seconds: float = 10.0
    pause_seconds: float = 15.0


@dataclass(slots=True)
class Report:
    """What was done, and what came of it."""

    verdict: Verdict
    blows: Counter[str]
    seconds: float
    journal: Path

    def lines(self) -> list[str]:
        """A summary for people."""
        kills = sum(count for name, count in self.blows.items() if name.endswith("kill"))
        tally = self.verdict.tally
        return [
            f"{kills} kills in {self.seconds:.0f} s: "
            + ", ".join(f"{name} {count}" for name, count in sorted(self.blows.items())),
            ", ".join(f"{name} {count}" for name, count in sorted(tally.items())),
            *self.verdict.violations,
            f"violations: {len(self.verdict.violations)}",
        ]


class ChaosError(Exception):
    """The play itself cannot go on; says nothing about what is tested."""


@dataclass(slots=True)
class Dispatcher:
    """A place for a dispatcher, and the process in it.

    Attributes:
        log: Where all that ran here wrote.
        begins_at: Bytes of the log that earlier ones wrote.
        is_wanted: Whether another is started when it ends.
    """

    number: int
    log: Path
    process: asyncio.subprocess.Process | None = None
    begins_at: int = 0
    is_wanted: bool = True

    @property
    def is_up(self) -> bool:
        """Whether it runs and has said that it works."""
        if self.process is None or self.process.returncode is not None:
            return False
        with self.log.open("rb") as file:
            file.seek(self.begins_at)
            return b'"event": "started"' in file.read(10_000)


class Play:
    """One run.

    Args:
        script: How much of what.
        stack: A stack of its own, just started.
        folder: For journal, logs and files in the making.
        say: Takes a line about how it goes.
    """

    def __init__(
        self, script: Script, stack: RunningStack, folder: Path, say: Callable[[str], None]
    ) -> None:
        self.script = script
        self.stack = stack
        self.folder = folder
        self.journal = folder / "journal.jsonl"
        self.blows: Counter[str] = Counter()
        self.findings: list[str] = []
        self.promises: list[Promise] = []
        self.tally: Counter[str] = Counter()
        self._say = say
        self._jobs = plan_jobs(script.seed, script.jobs, script.users)
        self._ids: dict[int, str | None] = {}
        self._known: dict[int, asyncio.Event] = {job.number: asyncio.Event() for job in self._jobs}
        self._tokens: list[str] = []
        self._under_way = 0
        self._tried = 0
        self._moved = asyncio.Condition()
        self._dispatchers = [
            Dispatcher(number, folder / f"dispatcher-{number}.log")
            for number in range(script.dispatchers)
        ]
        self._provider_url = ""
        self._gateway_url = ""
        self._http = httpx.AsyncClient(
            base_url=stack.supabase_url,
            timeout=5,
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=20),
        )

    async def run(self) -> Report:
        """Play it all."""
        began = time.monotonic()
        await asyncio.to_thread(self._prepare)
        postman = Postman(self.stack.supabase_url, self.script.seed)
        async with (
            self._http,
            self._receiver() as webhook,
            self._provider(webhook),
            postman.serve() as self._gateway_url,
        ):
            await self._sign_up()
            async with asyncio.TaskGroup() as services:
                keepers = [
                    services.create_task(self._keep(dispatcher)) for dispatcher in self._dispatchers
                ]
                others = [
                    services.create_task(self._watch()), services.create_task(self._operate()),
                ]  # fmt: skip
                await until(lambda: all(each.is_up for each in self._dispatchers), "a dispatcher")
                async with asyncio.TaskGroup() as action:
                    for user in range(self.script.users):
                        action.create_task(self._live(user))
                    action.create_task(self._strike_all())
                self._say("everything is submitted and struck; healed, it has to come to an end")
                await self._drain()
                for task in others:
                    task.cancel()
                await self._stop_dispatchers()
                await asyncio.gather(*keepers)
        # The gateway removes bytes that nothing names when it starts: as a crash may leave them.
        await self._kill_gateway()
        self._look_for_deadlocks()
        books = await asyncio.to_thread(
            read_books, self.stack.admin_database_url, self.stack.state_dir / "storage" / "objects"
        )
        verdict = judge(read_journal(self.journal), books, self.promises)
        verdict.violations[:0] = self.findings
        verdict.tally.update(self.tally)
        verdict.tally.update(postman.tally)
        return Report(verdict, self.blows, time.monotonic() - began, self.journal)

    # The stage -----------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Empty the stage, put the flavours into the catalogue, and let waits be short."""
        script = self.script
        with psycopg.connect(self.stack.admin_database_url, autocommit=True) as connection:
            # The demo's people wait for providers that are not here.
            connection.execute("delete from auth.users")
            for name, flavour in FLAVOURS.items():
                for kind in sorted(KINDS):
                    model = f"{name}-{kind.replace('_', '-')}"
                    connection.execute(
                        "insert into public.models (id, provider, provider_model, display_name,"
                        " kinds, modes, max_outputs, max_reference_images, sort_order)"
                        " values (%s, %s, 'model-1', 'Chaos', array[%s]::public.generation_kind[],"
                        " '{standard}', 4, 8, 1000)",
                        (model, flavour.name, kind),
                    )
                    connection.execute(
                        "insert into public.model_prices (model_id, kind, mode, unit, credits)"
                        " values (%s, %s, 'standard', 'output', 2)",
                        (model, kind),
                    )
            # Limits that all dispatchers share, one of each sort.
            connection.execute("select worker.limit_provider('chaos-cheap', 4, null)")
            connection.execute("select worker.limit_provider('chaos-quick', null, 600)")
            connection.execute(
                "update private.settings set signup_bonus = 100000, retry_backoff = '500 ms',"
                " retry_backoff_limit = '3 s'"
            )
            connection.execute(
                "update private.kind_deadlines set lasts = make_interval(secs => %s)"
                " where kind = 'voiceover'",
                (script.lasts_seconds,),
            )

    @asynccontextmanager
    async def _receiver(self) -> AsyncIterator[str]:
        """Take webhooks in, wake what they are about, and say whether that worked."""
        headers = {"apikey": self.stack.secret_key, "Content-Profile": "worker"}

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while (request := await read_request(reader)) is not None:
                    told = json.loads(request.body)
                    wish = {"p_provider": told["provider"], "p_provider_job_ids": [told["id"]]}
                    try:
                        response = await self._http.post(
                            "/rest/v1/rpc/wake_jobs", json=wish, headers=headers
                        )
                        status = response.status_code if is_told(response) else 503
                    except httpx.HTTPError:
                        status = 503
                    if 400 <= status < 500:
                        self.findings.append(f"wake_jobs was refused: {response.text}")
                    await answer(writer, status, {})
            writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"

    @asynccontextmanager
    async def _provider(self, webhook: str) -> AsyncIterator[None]:
        """Run the fake provider, and see that it lived to the end."""
        command = ["--journal", str(self.journal), "--seed", str(self.script.seed)]
        with (self.folder / "provider.log").open("ab") as log:
            process = await self._spawn(
                "chaos.fake_provider", *command, "--webhook", webhook, stderr=log, piped=True
            )
        assert process.stdout is not None
        self._provider_url = (await process.stdout.readline()).decode().strip()
        if not self._provider_url:
            raise ChaosError(f"the fake provider did not start; see {self.folder}/provider.log")
        try:
            yield
            if process.returncode is not None:
                raise ChaosError(f"the fake provider ended; see {self.folder}/provider.log")
        finally:
            await end(process)

    async def _spawn(
        self,
        module: str,
        *arguments: str,
        stderr: Any,
        piped: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> asyncio.subprocess.Process:
        path = os.pathsep.join(filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH"))))
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            env={**os.environ, "PYTHONPATH": path, **(environment or {})},
            stdout=asyncio.subprocess.PIPE if piped else stderr,
            stderr=stderr,
            preexec_fn=end_with_parent(signal.SIGKILL),
        )

    async def _keep(self, dispatcher: Dispatcher) -> None:
        """Keep a dispatcher running: whenever it ends, start another."""
        script = self.script
        environment = {
            "SUPABASE_URL": self._gateway_url,
            "SUPABASE_SECRET_KEY": self.stack.secret_key,
            URL_VARIABLE: self._provider_url,
            "REELBASE_WORKER_NAME": f"chaos-{dispatcher.number}",
            "REELBASE_WORKER_CONCURRENCY": "12",
            "REELBASE_WORK_DIR": str(self.folder / "work"),
            "REELBASE_LEASE_SECONDS": str(script.lease_seconds),
            "REELBASE_POLL_MIN_SECONDS": "0.05",
            "REELBASE_POLL_MAX_SECONDS": "0.5",
            "REELBASE_LISTEN_POLL_SECONDS": "1",
            "REELBASE_TEND_SECONDS": "0.5",
            "REELBASE_HOUSEKEEPING_SECONDS": "1",
            "REELBASE_STEP_SECONDS": "20",
            "REELBASE_SHUTDOWN_SECONDS": "3",
            # The last one hears of nothing and has to look.
            "DATABASE_URL": (
                "" if dispatcher.number == script.dispatchers - 1 else self.stack.database_url
            ),
        }
        while dispatcher.is_wanted:
            with dispatcher.log.open("ab") as log:
                dispatcher.begins_at = log.tell()
                process = await self._spawn(
                    "chaos.worker_process", stderr=log, environment=environment
                )
            dispatcher.process = process
            code = await process.wait()
            # SIGTERM as well, for one that had not yet said how it wants to be stopped.
            if code not in (0, -signal.SIGKILL, -signal.SIGTERM):
                self.findings.append(f"Dispatcher {dispatcher.number} ended with {code}.")
                await asyncio.sleep(1)

    async def _stop_dispatchers(self) -> None:
        for dispatcher in self._dispatchers:
            dispatcher.is_wanted = False
            process = dispatcher.process
            if process is None or process.returncode is not None:
                continue
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                self.findings.append(f"Dispatcher {dispatcher.number} did not stop.")
                await end(process)

    # Users ---------------------------------------------------------------------------------------

    async def _sign_up(self) -> None:
        for number in range(self.script.users):
            body = {"email": f"chaos-{number}@example.com", "password": uuid.uuid4().hex}
            response = await self._http.post(
                "/auth/v1/signup", json=body, headers={"apikey": self.stack.publishable_key}
            )
            response.raise_for_status()
            self._tokens.append(response.json()["access_token"])
            tier = TIERS[number % len(TIERS)]
            if tier is not None:
                wish = {
                    "p_user_id": response.json()["user"]["id"],
                    "p_tier": tier,
                    "p_period_started_at": "2026-01-01T00:00:00Z",
                    "p_period_ends_at": "2099-01-01T00:00:00Z",
                }
                response = await self._http.post(
                    "/rest/v1/rpc/start_subscription",
                    json=wish,
                    headers={"apikey": self.stack.secret_key, "Content-Profile": "worker"},
                )
                response.raise_for_status()

    async def _live(self, user: int) -> None:
        """Submit all jobs of a user, one after another, and do what else the user does."""
        async with asyncio.TaskGroup() as deeds:
            for job in self._jobs:
                if job.user != user:
                    continue
                async with self._moved:
                    await self._moved.wait_for(lambda: self._under_way < self.script.under_way)
                    self._under_way += 1
                self._ids[job.number] = await self._submit(job)
                self._tried += 1
                async with self._moved:
                    self._moved.notify_all()
                if self._ids[job.number] is not None and job.deed != "nothing":
                    deeds.create_task(self._do(job))

    async def _submit(self, job: JobPlan) -> str | None:
        """Submit until there is an answer; None when a parent has failed already."""
        parents = [self._ids[number] for number in job.parents]
        wish = {
            "p_kind": job.kind,
            "p_prompt": f"Number {job.number}: a quiet harbour.",
            "p_model_id": f"{job.flavour}-{job.kind.replace('_', '-')}",
            "p_output_count": job.outputs,
            "p_idempotency_key": f"chaos-{job.number}",
            "p_after_job_ids": [parent for parent in parents if parent is not None],
        }
        response = await self._insist(job.user, "POST", "/rest/v1/rpc/submit_generation", wish)
        told = response.json()
        if response.is_success:
            self.promises.append(Promise(job.number, told["id"], "submitted"))
            return str(told["id"])
        if told.get("hint") not in ("parent_failed", "job_not_found", "parent_not_found"):
            self.findings.append(f"Job number {job.number} was refused: {response.text}")
        self.tally[f"submissions refused: {told.get('hint')}"] += 1
        return None

    async def _do(self, job: JobPlan) -> None:
        """Cancel or delete a job."""
        own = self._ids[job.number]
        assert own is not None
        if job.deed == "cancel once it runs":
            await self._see_it_run(job.user, own)
        await asyncio.sleep(job.seconds / (4 if job.deed == "cancel once it runs" else 1))
        if job.deed == "delete":
            response = await self._insist(
                job.user, "DELETE", f"/rest/v1/generation_jobs?id=eq.{own}"
            )
            if response.is_success:
                self.promises.append(Promise(job.number, own, "deleted"))
            else:
                self.findings.append(f"Job {own} cannot be deleted: {response.text}")
            return
        response = await self._insist(
            job.user, "POST", "/rest/v1/rpc/cancel_generation", {"p_job_id": own}
        )
        if response.is_success:
            self.promises.append(Promise(job.number, own, "cancelled"))
        elif response.json().get("hint") == "transition_not_allowed":
            self.promises.append(Promise(job.number, own, "kept"))
        else:
            self.findings.append(f"Job {own} cannot be cancelled: {response.text}")

    async def _see_it_run(self, user: int, own: str) -> None:
        """Look until the provider has the job, or it has ended."""
        address = f"/rest/v1/generation_jobs?id=eq.{own}&select=status"
        while True:
            (row,) = (await self._insist(user, "GET", address)).json()
            if row["status"] not in ("queued", "starting"):
                return
            await asyncio.sleep(0.3)

    async def _insist(
        self, user: int, method: str, path: str, content: dict[str, Any] | None = None
    ) -> httpx.Response:
        """Ask again until there is an answer; "too many" is one to wait for another."""
        headers = {
            "apikey": self.stack.publishable_key,
            "Authorization": f"Bearer {self._tokens[user]}",
        }
        given_up = time.monotonic() + PATIENCE
        told = ""
        while time.monotonic() < given_up:
            try:
                response = await self._http.request(method, path, json=content, headers=headers)
            except httpx.HTTPError as error:
                told = type(error).__name__
            else:
                if response.status_code < 500 and response.status_code != 429 and is_told(response):
                    return response
                told = f"{response.status_code} {response.text}"
            await asyncio.sleep(0.1)
        raise ChaosError(f"{method} {path} had no answer for {PATIENCE:g} s: {told}")

    # The saboteur --------------------------------------------------------------------------------

    async def _strike_all(self) -> None:
        """Let the blows fall, each when its share of the jobs has been submitted."""
        script = self.script
        async with asyncio.TaskGroup() as thaws:
            for blow in plan_blows(script.seed, script.kills, script.lease_seconds):
                await self._play_on(blow.at)
                await asyncio.sleep(blow.pause)
                processes = await self._targets(blow)
                self._say(f"{self._tried} submitted: {blow.how} {blow.part} {blow.seconds:.1f} s")
                self.blows[f"{blow.part} {blow.how}"] += 1
                if blow.how == "kill":
                    hit(processes, signal.SIGKILL)
                elif blow.how == "stop":
                    hit(processes, signal.SIGTERM)
                else:
                    hit(processes, signal.SIGSTOP)
                    thaws.create_task(thaw(blow, processes))

    async def _play_on(self, share: float) -> None:
        """Wait until so much of the play is over: of the jobs' beginnings and ends together."""
        last, moved = -1, time.monotonic()
        async with self._moved:
            while (now := 2 * self._tried - self._under_way) < share * 2 * len(self._jobs):
                if now > last:
                    last, moved = now, time.monotonic()
                elif time.monotonic() - moved > PATIENCE:
                    self.findings.append(f"No job began or ended for {PATIENCE:g} s.")
                    return
                await self._moved.wait()

    async def _targets(self, blow: Blow) -> list[ProcessRecord]:
        """Find the processes to strike, waiting until there are any."""
        await until(lambda: bool(self._find(blow)), blow.part)
        return self._find(blow)

    def _find(self, blow: Blow) -> list[ProcessRecord]:
        if blow.part == "dispatcher":
            place = self._dispatchers[int(blow.which * len(self._dispatchers))]
            if place.process is None or not place.is_up:
                return []
            record = record_of(place.process.pid)
            return [record] if record else []
        state = StackState.load(self.stack.state_dir)
        part = state.parts.get(blow.part) if state else None
        if part is None or part.process is None or not is_running(part.process):
            return []
        if blow.part != "postgres":
            return [part.process]
        backends = [
            each
            for each in processes_in((self.stack.state_dir / "postgres").resolve(), "postgres")
            if each.pid != part.process.pid
        ]
        if blow.which < 0.5:
            return [backends[int(blow.which * 2 * len(backends))]] if backends else []
        # The postmaster first, so that it neither tidies up nor says farewell.
        return [part.process, *backends]

    async def _kill_gateway(self) -> None:
        """Kill the gateway once more, and wait until it is back."""
        state = StackState.load(self.stack.state_dir)
        assert state is not None
        before = state.parts["gateway"].process
        assert before is not None
        os.kill(before.pid, signal.SIGKILL)

        def is_back() -> bool:
            state = StackState.load(self.stack.state_dir)
            assert state is not None
            part = state.parts["gateway"]
            return part.process != before and part.state == "healthy"

        await until(is_back, "the gateway")

    # Watching ------------------------------------------------------------------------------------

    async def _ask(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """Ask the database as superuser, again while it is away."""
        given_up = time.monotonic() + PATIENCE
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self.stack.admin_database_url, autocommit=True, row_factory=dict_row,
                    connect_timeout=3,
                ) as connection:  # fmt: skip
                    async with asyncio.timeout(5):
                        cursor = await connection.execute(query.encode(), parameters)
                        return await cursor.fetchall() if cursor.description else []
            except (psycopg.OperationalError, TimeoutError) as error:
                if time.monotonic() > given_up:
                    raise ChaosError(f"the database had no answer for {PATIENCE:g} s") from error
            await asyncio.sleep(0.2)

    async def _watch(self) -> None:
        """Keep count of what is under way."""
        while True:
            (row,) = await self._ask(
                "select count(*) as count from public.generation_jobs"
                " where finished_at is null and status <> 'pending'"
            )
            async with self._moved:
                self._under_way = row["count"]
                self._moved.notify_all()
            await asyncio.sleep(0.25)

    async def _operate(self) -> None:
        """End the longer pauses of providers, as an operator would who has mended the cause."""
        while True:
            ended = await self._ask(
                "select worker.resume_provider(name) from worker.providers"
                " where paused_until > now() + make_interval(secs => %s)",
                self.script.pause_seconds,
            )
            self.tally["pauses ended by hand"] += len(ended)
            await asyncio.sleep(1)

    def _look_for_deadlocks(self) -> None:
        """See whether PostgreSQL had to break one: everybody locks in one order."""
        lines = (self.stack.state_dir / "logs" / "postgres.log").read_text().splitlines()
        for number, line in enumerate(lines):
            if "deadlock detected" in line:
                self.findings.append("\n    ".join(lines[number : number + 12]))

    async def _drain(self) -> None:
        """Wait until everything has come to its end, letting no time pass for what only waits."""
        last: dict[str, Any] = {}
        moved = time.monotonic()
        while True:
            (now,) = await self._ask(
                "select (select count(*) from public.generation_jobs"
                "    where finished_at is null and status <> 'pending') as jobs,"
                " (select count(*) from worker.tasks) as tasks,"
                " (select count(*) from worker.cancellations) as cancellations,"
                " (select count(*) from worker.upload_checks) as upload_checks,"
                " (select count(*) from worker.file_removals) as file_removals"
            )
            if not any(now.values()):
                return
            if now != last:
                last, moved = now, time.monotonic()
                self._say(", ".join(f"{name} {count}" for name, count in now.items()))
            elif time.monotonic() - moved > PATIENCE:
                self.findings.append(f"Nothing moved for {PATIENCE:g} s: {now}.")
                return
            if not now["jobs"]:
                # Claims of the dead, and checks that wait for the last late upload.
                await self._ask("update worker.cancellations set available_at = now()")
                await self._ask("update worker.upload_checks set due_at = now()")
                await self._ask("update worker.file_removals set available_at = now()")
            await asyncio.sleep(0.5)


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until something is up."""
    given_up = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > given_up:
            raise ChaosError(f"{what} did not come up within {PATIENCE:g} s")
        await asyncio.sleep(0.05)


def is_told(response: httpx.Response) -> bool:
    """Whether an answer says anything.

    PostgREST answers 400 and an error with nothing in it when its connection was lost meanwhile.
    """
    return response.is_success or bool(response.json().get("code"))


def hit(processes: list[ProcessRecord], number: signal.Signals) -> None:
    """Send a signal to those that are still there."""
    for process in processes:
        if is_running(process):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)


async def thaw(blow: Blow, processes: list[ProcessRecord]) -> None:
    """Let what is frozen go on, or kill it as it stands."""
    await asyncio.sleep(blow.seconds)
    if blow.how == "freeze and kill":
        hit(processes, signal.SIGKILL)
    else:
        # Whoever has children goes on last, and finds them alive.
        hit(processes[::-1], signal.SIGCONT)


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill a process that we started, and wait for it."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def play(
    script: Script, stack: RunningStack, folder: Path, say: Callable[[str], None] | None = None
) -> Report:
    """Play a script on a stack of its own.

    Raises:
        ChaosError: the play could not go on.
    """
    return asyncio.run(Play(script, stack, folder, say or (lambda _: None)).run())
