"""A workbench for tests of the dispatcher: a provider and a user of its own for every test.

Each test has models of its own, whose provider no other dispatcher serves, so that tests neither
claim each other's jobs nor wait for them.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import uuid
import wave
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import psycopg
import pytest
from PIL import Image
from psycopg.rows import dict_row

from reelbase.database import Database, open_client
from reelbase.dispatch import Dispatcher
from reelbase.local.processes import end_with_parent
from reelbase.local.pytest_plugin import RunningStack
from reelbase.providers.base import (
    Accepted,
    Finished,
    Job,
    Output,
    Report,
    Running,
    Submission,
    Workdir,
)
from reelbase.settings import Settings
from reelbase.storage import Storage

PATIENCE = 20.0
ENDS = ("completed", "failed", "cancelled", "expired")
WORKER_PROCESS = Path(__file__).with_name("worker_process.py")


def make_outputs(job: Job, workdir: Workdir) -> Finished:
    """Write small but real files, the same for the same job."""
    seed = uuid.UUID(job.id).bytes
    folder = workdir()
    outputs = []
    for position in range(job.output_count):
        if job.kind == "voiceover":
            path = folder / f"{position}.wav"
            with wave.open(str(path), "wb") as sound:
                sound.setnchannels(1)
                sound.setsampwidth(2)
                sound.setframerate(8000)
                sound.writeframes(seed * 200 + bytes([position, 0]))
            outputs.append(Output("result_audio", path, "audio/wav", position=position))
        else:
            path = folder / f"{position}.png"
            Image.frombytes("RGB", (4, 4), seed * 3).resize((32 + position, 32)).save(path)
            small = folder / f"{position}.jpg"
            Image.frombytes("RGB", (4, 4), seed * 3).save(small)
            outputs.append(
                Output("result_image", path, "image/png", thumbnail=small, position=position)
            )
    return Finished(tuple(outputs))


class Instant:
    """A provider that answers at once. It remembers what it was asked."""

    name = "instant"
    kinds = frozenset(["voiceover", "text_to_image", "concept"])
    concurrency: int | None = None
    repeatable = True

    def __init__(self) -> None:
        self.submitted: list[Job] = []
        self.looked_up: list[Job] = []
        self.recovered: list[Job] = []
        self.cancelled: list[tuple[str, str | None]] = []

    async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
        self.submitted.append(job)
        return make_outputs(job, workdir)

    async def look_up(self, job: Job, workdir: Workdir) -> Finished | Running:
        self.looked_up.append(job)
        return make_outputs(job, workdir)

    async def recover(
        self, job: Job, workdir: Workdir, report: Report
    ) -> Finished | Accepted | Running | None:
        self.recovered.append(job)
        return None

    async def cancel(
        self, reference: str, provider_job_id: str | None, state: Mapping[str, Any]
    ) -> None:
        self.cancelled.append((reference, provider_job_id))


class Workbench:
    """What a test needs to submit jobs, run dispatchers and look at what became of it."""

    instant = Instant

    def __init__(
        self, stack: RunningStack, connection: psycopg.AsyncConnection[dict[str, Any]], tmp: Path
    ) -> None:
        self.stack = stack
        self.connection = connection
        self.tmp = tmp
        self.provider = f"test-{uuid.uuid4().hex[:12]}"

    async def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """Ask the database as its owner."""
        return await (await self.connection.execute(query, parameters)).fetchall()

    async def one(self, query: str, *parameters: Any) -> dict[str, Any]:
        """Ask for exactly one row."""
        (row,) = await self.rows(query, *parameters)
        return row

    async def prepare(self) -> None:
        """Put models of a provider of our own into the catalogue."""
        for kind in ("voiceover", "text_to_image", "concept"):
            model = f"{self.provider}-{kind.replace('_', '-')}"
            await self.connection.execute(
                "insert into public.models (id, provider, provider_model, display_name, kinds,"
                " modes, max_outputs, max_reference_images, sort_order) values (%s, %s, 'model-1',"
                " 'Test', array[%s]::public.generation_kind[], '{standard}', 4, 2, 1000)",
                (model, self.provider, kind),
            )
            await self.connection.execute(
                "insert into public.model_prices (model_id, kind, mode, unit, credits)"
                " values (%s, %s, 'standard', 'output', 2)",
                (model, kind),
            )

    async def retry_quickly(self) -> None:
        """Let failed attempts be repeated at once, until this test ends."""
        await self.connection.execute("update private.settings set retry_backoff = '10 ms'")

    async def give_up_after(self, failures: int) -> None:
        """Let look-ups fail only so many times in a row, until this test ends."""
        await self.connection.execute(
            "update private.settings set look_up_failures = %s", (failures,)
        )

    async def health(self) -> dict[str, Any]:
        """What is known of the provider: its failures in a row and its pause."""
        return await self.one(
            "select failures, paused_until, pause_reason from worker.providers where name = %s",
            self.provider,
        )

    async def resume(self) -> None:
        """End the provider's pause, as an operator would."""
        await self.one("select name from worker.resume_provider(%s)", self.provider)

    async def vanish(self, job: str) -> None:
        """Be a worker that claims a job and is never heard of again."""
        (claimed,) = await self.rows(
            "select job_id from worker.claim_tasks(%s, 'gone', %s, 1, 0)",
            str(uuid.uuid4()),
            json.dumps([{"provider": self.provider}]),
        )
        assert str(claimed["job_id"]) == job

    async def close(self) -> None:
        """Take the models off the market again, and retry as usual."""
        await self.connection.execute(
            "update private.settings set retry_backoff = default, look_up_failures = default"
        )
        await self.connection.execute(
            "update public.models set is_active = false where provider = %s", (self.provider,)
        )

    async def user(self) -> str:
        """Sign a fresh user up."""
        user = str(uuid.uuid4())
        await self.connection.execute(
            "insert into auth.users (id, email, instance_id, aud, role, email_confirmed_at)"
            " values (%s, %s, '00000000-0000-0000-0000-000000000000', 'authenticated',"
            " 'authenticated', now())",
            (user, f"{user}@example.com"),
        )
        return user

    async def call(self, user: str, function: str, **parameters: Any) -> dict[str, Any]:
        """Call a function as a user, as PostgREST would."""
        claims = json.dumps({"sub": user, "role": "authenticated"})
        names = ", ".join(f"p_{name} => %s" for name in parameters)
        async with self.connection.transaction():
            await self.connection.execute(
                "select set_config('role', 'authenticated', true),"
                " set_config('request.jwt.claims', %s, true)",
                (claims,),
            )
            return await self.one(f"select * from public.{function}({names})", *parameters.values())

    async def submit(self, user: str, kind: str = "voiceover", **wish: Any) -> str:
        """Submit a job to this test's own provider; return its id."""
        wish.setdefault("prompt", "A quiet harbour.")
        wish.setdefault("model_id", f"{self.provider}-{kind.replace('_', '-')}")
        if "parameters" in wish:
            wish["parameters"] = json.dumps(wish["parameters"])
        return str((await self.call(user, "submit_generation", kind=kind, **wish))["id"])

    async def cancel(self, user: str, job: str) -> None:
        """Cancel a job as its user."""
        await self.call(user, "cancel_generation", job_id=job)

    async def job(self, job: str) -> dict[str, Any]:
        """Read a job."""
        return await self.one("select * from public.generation_jobs where id = %s", job)

    async def wait(self, job: str, *statuses: str) -> dict[str, Any]:
        """Wait until a job is in one of the states, or at its end."""
        row: dict[str, Any] = {}
        with anyio.move_on_after(PATIENCE):
            while row.get("status") not in (statuses or ENDS):
                row = await self.job(job)
                await anyio.sleep(0.02)
        assert row["status"] in (statuses or ENDS), f"{row['status']} {row['error_code']}"
        return row

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait until something is true."""
        with anyio.move_on_after(PATIENCE):
            while not condition():  # noqa: ASYNC110 - anything may make it true
                await anyio.sleep(0.01)
        assert condition()

    async def moves(self, user: str) -> list[tuple[str, str]]:
        """The user's ledger after the bonus: type and status."""
        rows = await self.rows(
            "select type::text, status::text from public.credit_transactions"
            " where user_id = %s and type <> 'bonus' order by version",
            user,
        )
        return [(row["type"], row["status"]) for row in rows]

    async def balance(self, user: str) -> float:
        """What the user has."""
        row = await self.one("select balance from public.credit_accounts where user_id = %s", user)
        return float(row["balance"])

    async def files(self, user: str) -> list[str]:
        """What lies in the user's folders of all buckets."""
        rows = await self.rows(
            "select bucket_id, name from storage.objects where name like %s order by 1, 2",
            f"{user}/%",
        )
        return [f"{row['bucket_id']}/{row['name']}" for row in rows]

    async def results(self, job: str) -> list[dict[str, Any]]:
        """The job's assets with their roles."""
        return await self.rows(
            "select job_assets.role::text, job_assets.position, assets.* from public.job_assets"
            " join public.assets on assets.id = job_assets.asset_id where job_id = %s"
            " order by role, position",
            job,
        )

    async def history(self, job: str) -> list[str]:
        """The states that the job went through."""
        rows = await self.rows(
            "select to_status::text from public.job_events where job_id = %s"
            " order by created_at, id",
            job,
        )
        return [row["to_status"] for row in rows]

    async def broken_promises(self, user: str) -> list[dict[str, Any]]:
        """What reconciliation finds wrong about the user."""
        return await self.rows("select * from private.reconcile_credits() where user_id = %s", user)

    def environment(self, **changes: Any) -> dict[str, str]:
        """The variables of a worker."""
        values = {
            "SUPABASE_URL": self.stack.supabase_url,
            "SUPABASE_SECRET_KEY": self.stack.secret_key,
            "DATABASE_URL": self.stack.database_url,
            "REELBASE_WORK_DIR": str(self.tmp / "work"),
            "REELBASE_LEASE_SECONDS": "30",
            "REELBASE_PROGRESS_SECONDS": "0.1",
            "REELBASE_POLL_MIN_SECONDS": "0.05",
            "REELBASE_POLL_MAX_SECONDS": "0.2",
            "REELBASE_LISTEN_POLL_SECONDS": "0.5",
            "REELBASE_TEND_SECONDS": "0.2",
        }
        return {**values, **{name.upper(): str(value) for name, value in changes.items()}}

    def settings(self, **changes: Any) -> Settings:
        """The settings of a worker; arguments are fields by name."""
        values = self.environment()
        aliased = {
            "supabase_url": "SUPABASE_URL",
            "supabase_secret_key": "SUPABASE_SECRET_KEY",
            "database_url": "DATABASE_URL",
        }
        fields = {
            name if name.startswith(("SUPABASE", "DATABASE")) else name[9:].lower(): value
            for name, value in values.items()
        }
        fields.update({aliased.get(name, name): value for name, value in changes.items()})
        return Settings(**fields)

    @asynccontextmanager
    async def dispatcher(
        self, provider: Any, *, serving: str = "", storage_url: str = "", **changes: Any
    ) -> AsyncIterator[Dispatcher]:
        """Run a dispatcher in this process; it stops at once at the block's end."""
        settings = self.settings(**changes)
        storing = self.settings(supabase_url=storage_url or settings.supabase_url)
        async with (
            open_client(settings) as client,
            open_client(storing, settings.worker_concurrency) as files,
            anyio.create_task_group() as group,
        ):
            dispatcher = Dispatcher(
                Database(client), Storage(files), {serving or self.provider: provider}, settings
            )
            group.start_soon(dispatcher.run)
            yield dispatcher
            dispatcher.stop_now()

    @asynccontextmanager
    async def process(
        self, *arguments: str, log: str = "worker.log", **changes: Any
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run a worker as a process; it is killed at the block's end if it still runs."""
        with (self.tmp / log).open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *(arguments or (str(WORKER_PROCESS), self.provider, str(self.gate))),
                env={**os.environ, **self.environment(**changes)},
                stdout=file,
                stderr=file,
                preexec_fn=end_with_parent(signal.SIGKILL),
            )
        try:
            yield process
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    @property
    def gate(self) -> Path:
        """The file that the provider of a worker process waits for before it delivers."""
        return self.tmp / "gate"

    def log(self, name: str = "worker.log") -> list[dict[str, Any]]:
        """The events that a worker process has logged."""
        lines = (self.tmp / name).read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def logged(self, event: str, name: str = "worker.log") -> Callable[[], bool]:
        """A condition: the worker has logged that."""
        return lambda: any(line["event"] == event for line in self.log(name))


@pytest.fixture
async def bench(stack: RunningStack, tmp_path: Path) -> AsyncIterator[Workbench]:
    async with await psycopg.AsyncConnection.connect(
        stack.admin_database_url, autocommit=True, row_factory=dict_row
    ) as connection:
        workbench = Workbench(stack, connection, tmp_path)
        await workbench.prepare()
        try:
            yield workbench
        finally:
            await workbench.close()
