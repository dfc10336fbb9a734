"""The database as the services see it: one method for each function of the schema `worker`.

All calls go through the Supabase client to PostgREST. Every function may be called twice with the
same arguments and does its work once, so a call whose answer got lost is simply made again.

What is told of jobs goes in batches: `advance_jobs`, `complete_jobs` and `fail_jobs` take many and
answer for each. Each entry comes as JSON already (`encode`), so that one which cannot be written as
JSON is the fault of its own job alone.
"""

import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import anyio
import httpx
import structlog
from postgrest.exceptions import APIError
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from supabase import AsyncClient, AsyncClientOptions, create_async_client

from reelbase.database_types import (
    PublicGenerationKind,
    PublicGenerationMode,
    PublicJobStatus,
    WorkerCallResult,
    WorkerTaskStep,
)
from reelbase.errors import DatabaseError, DatabaseUnavailable, from_postgrest
from reelbase.settings import Settings

__all__ = [
    "Cancellation",
    "Database",
    "HeldLease",
    "ShownFile",
    "Task",
    "TaskInput",
    "Verdict",
    "Wanted",
    "encode",
    "open_client",
]

T = TypeVar("T")

CALL_SECONDS = 10.0
"""The longest that one call may take; the functions themselves take milliseconds."""

DATABASE_CONNECTIONS = 6
"""Plenty for calls that take milliseconds; the pool looks through all of them at every request."""

log = structlog.stdlib.get_logger("reelbase.database")

OVERLOADED = frozenset([502, 503, 504, 520, 521, 522, 523, 524])
"""HTTP statuses of a gateway that did not get an answer from what lies behind it."""


class TaskInput(BaseModel):
    """A file that the user gave with a job, or that a job before it made."""

    model_config = ConfigDict(frozen=True)

    role: str
    bucket: str
    storage_path: str
    mime_type: str | None = None
    position: int = 0


class Task(BaseModel):
    """One claimed task with all that is needed to do it.

    `attempt` counts submissions from 1. `previous_outcome` says how the one before ended where
    nobody knows what became of it: "lost" when its worker vanished, "unknown" when the provider's
    answer did. `provider_state` is what the provider wanted to be reminded of. `has_lost_inputs`: a
    file that the job needs was deleted.
    """

    model_config = ConfigDict(frozen=True)

    job_id: str
    user_id: str
    step: WorkerTaskStep
    attempt: int
    max_attempts: int
    provider: str
    provider_model: str
    provider_job_id: str | None = None
    provider_state: dict[str, Any] | None = None
    previous_outcome: str | None = None
    has_lost_inputs: bool = False
    queued_at: datetime
    deadline_at: datetime | None = None
    kind: PublicGenerationKind
    mode: PublicGenerationMode
    model_id: str
    prompt: str
    negative_prompt: str | None = None
    audio_instructions: str | None = None
    art_style: str | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    duration_seconds: float | None = None
    output_count: int = 1
    parameters: dict[str, Any] = Field(default_factory=dict)
    inputs: tuple[TaskInput, ...] = ()


TASKS: TypeAdapter[list[Task]] = TypeAdapter(list[Task])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a dispatcher can start now of one provider: `limit` tasks, or as many as there are."""

    provider: str
    kinds: frozenset[str]
    limit: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The form in which the database is told."""
        return {"provider": self.provider, "kinds": sorted(self.kinds), "limit": self.limit}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the database answered for one job of a batch.

    Attributes:
        result: "busy": somebody else is at the job at this moment, tell it again. "lease_lost": the
            task belongs to somebody else now, or has ended. "refused": see `message`.
        message: Why, for the log.
        status: The job's status, where an attempt failed.
        due_in_seconds: When the job is tried again, where it is.
    """

    result: WorkerCallResult
    message: str | None = None
    status: PublicJobStatus | None = None
    due_in_seconds: float | None = None


class Cancellation(BaseModel):
    """A job that ended while its provider was at it, which has to be told.

    Without a `provider_job_id` where the answer to its submission was lost.
    """

    model_config = ConfigDict(frozen=True)

    job_id: str
    provider: str
    provider_job_id: str | None = None
    provider_state: dict[str, Any] | None = None


class HeldLease(BaseModel):
    """A job that this worker holds, as it is told to the database."""

    model_config = ConfigDict(frozen=True)

    job_id: str
    lease: str
    progress: int | None = None


class ShownFile(BaseModel):
    """A file that others may see, as a project's link or a public project shows it."""

    model_config = ConfigDict(frozen=True)

    bucket: str
    storage_path: str
    mime_type: str


class Database:
    """The functions of the schema `worker`.

    Every method raises `DatabaseUnavailable` when the database did not answer within
    `retry_seconds`, `LeaseLost` where a lease is given that is no longer good, and another
    `DatabaseError` when the call was refused.
    """

    def __init__(self, client: AsyncClient, *, retry_seconds: float = 10.0) -> None:
        self._jobs = client.table("generation_jobs")
        worker = client.schema("worker")
        self._worker = worker
        self._http = worker.session
        # Made once: what the client's builder does for each call costs as much as the call.
        self._url = httpx.URL(f"{str(worker.base_url).rstrip('/')}/rpc/")
        self._headers = httpx.Headers({**worker.headers, "Content-Type": "application/json"})
        self._retry_seconds = retry_seconds

    async def claim_tasks(
        self,
        lease: str,
        worker: str,
        wanted: Sequence[Wanted],
        limit: int,
        lease_seconds: int,
        *,
        is_repeat: bool = False,
    ) -> list[Task]:
        """Take up to `limit` tasks under a lease token of the caller's making. Asks once.

        The same token again, which must be said with `is_repeat`, returns the same tasks and takes
        no more.
        """
        content = await self.send(
            "claim_tasks",
            encode(
                {
                    "p_lease": lease,
                    "p_worker": worker,
                    "p_wanted": [each.as_json() for each in wanted],
                    "p_limit": limit,
                    "p_lease_seconds": lease_seconds,
                    "p_is_repeat": is_repeat,
                }
            ),
        )
        return read_tasks(content)

    async def unwanted_status(self, job_id: str) -> PublicJobStatus | None:
        """How a job has ended, if that was without a result; None while somebody may want it."""
        query = self._jobs.select("status").eq("id", job_id).retry(False)
        rows: Any = (await asked("generation_jobs", query.execute)).data
        # Gone altogether is as good as cancelled.
        status: PublicJobStatus = rows[0]["status"] if rows else "cancelled"
        return status if status in {"cancelled", "expired", "failed"} else None

    async def extend_leases(self, held: Sequence[HeldLease], lease_seconds: int) -> set[str]:
        """Keep jobs for another `lease_seconds` and write their progress.

        Returns:
            The ids of the jobs that are still held; work on all others must stop at once.
        """
        rows = await self.call(
            "extend_leases",
            p_held=[each.model_dump() for each in held],
            p_lease_seconds=lease_seconds,
        )
        return job_ids(rows)

    async def advance_jobs(self, entries: Sequence[str]) -> dict[str, Verdict]:
        """Say how far jobs have come; one with `poll_after_seconds` gives its lease up. Asks once.

        Args:
            entries: As JSON: job_id, lease, status ("processing" or "finalizing"), and where there
                are any: provider_job_id, provider_state, poll_after_seconds, progress.

        Returns:
            The answer for each, by job id.
        """
        return await self._tell("advance_jobs", entries)

    async def complete_jobs(self, entries: Sequence[str]) -> dict[str, Verdict]:
        """End jobs with their results; their charges are settled with it. Asks once.

        Args:
            entries: As JSON: job_id, lease, assets (see `dispatch.outputs`), and where there are
                any: yields, latency_ms, units, cost_usd.

        Returns:
            The answer for each, by job id.
        """
        return await self._tell("complete_jobs", entries)

    async def fail_jobs(self, entries: Sequence[str]) -> dict[str, Verdict]:
        """Give attempts up. Whether and when there is another is decided in SQL. Asks once.

        Args:
            entries: As JSON: job_id, lease, error_class, error_code, error_message, and where there
                are any: retry_after_seconds, is_final, anew, latency_ms.

        Returns:
            The answer for each, by job id. Its status is "failed" when the job is over.
        """
        return await self._tell("fail_jobs", entries)

    async def release_tasks(self, held: Sequence[HeldLease]) -> set[str]:
        """Hand jobs back unharmed; the attempts are not counted.

        Returns:
            The ids of the jobs that were handed back.
        """
        rows = await self.call(
            "release_tasks", p_held=[each.model_dump(exclude={"progress"}) for each in held]
        )
        return job_ids(rows)

    async def tend_queue(self) -> dict[str, Any]:
        """Have expired leases taken over, and whatever else the queue needs now and then.

        Returns:
            How much of what.
        """
        done: dict[str, Any] = await self.call("tend_queue")
        return done

    async def end_overdue_jobs(self, limit: int) -> set[str]:
        """End up to `limit` jobs that outlived their deadline or their last attempt; with refund.

        Returns:
            The ids of those jobs.
        """
        return job_ids(await self.call("end_overdue_jobs", p_limit=limit))

    async def claim_cancellations(
        self, providers: Sequence[str], limit: int, lease_seconds: int
    ) -> list[Cancellation]:
        """Take up to `limit` jobs that providers must stop; they return if not confirmed."""
        rows = await self.call(
            "claim_cancellations",
            p_providers=list(providers),
            p_limit=limit,
            p_lease_seconds=lease_seconds,
        )
        try:
            return [Cancellation.model_validate(row) for row in rows]
        except ValidationError as error:
            raise unknown_form("claim_cancellations") from error

    async def confirm_cancellations(self, told: Sequence[Cancellation]) -> None:
        """Forget what the providers were told."""
        done = [each.model_dump(include={"job_id", "provider_job_id"}) for each in told]
        await self.call("confirm_cancellations", p_done=done)

    async def log_api_usage(self, calls: Sequence[str]) -> int:
        """Put calls that were made to providers on record; one that is there already stays. Once.

        Args:
            calls: As JSON: see `reelbase.usage`.

        Returns:
            How many of them are new.
        """
        content = await self.send("log_api_usage", f'{{"p_calls":[{",".join(calls)}]}}')
        count: int = decode("log_api_usage", content) or 0
        return count

    async def housekeep(self) -> dict[str, Any]:
        """Purge, prune and end what is due; one round at a time, whoever asks.

        Returns:
            How much of what; None for what went wrong.
        """
        done: dict[str, Any] = await self.call("housekeep")
        return done

    async def claim_file_removals(self, limit: int) -> list[tuple[str, str]]:
        """Take up to `limit` files to remove from storage; they return if not confirmed.

        Returns:
            Bucket and path of each.
        """
        rows = await self.call("claim_file_removals", p_limit=limit)
        return [(row["bucket"], row["storage_path"]) for row in rows]

    async def confirm_file_removals(self, bucket: str, paths: Sequence[str]) -> int:
        """Forget files that are removed; return how many there were on the list."""
        files = [{"bucket": bucket, "storage_path": path} for path in paths]
        count: int = await self.call("confirm_file_removals", p_files=files)
        return count

    async def find_shown_file(
        self, asset_id: str, *, token: str | None = None, project_id: str | None = None
    ) -> ShownFile | None:
        """Find the file that a project's link or a public project shows; None when neither does."""
        rows = await self.call(
            "find_shown_file", p_asset_id=asset_id, p_token=token, p_project_id=project_id
        )
        return ShownFile.model_validate(rows[0]) if rows else None

    async def queue_depths(self) -> list[dict[str, Any]]:
        """How many jobs of each provider and kind are where in the queue, as the view has it."""
        return await self._read("queue_depths", "*")

    async def provider_states(self) -> list[dict[str, Any]]:
        """Which providers are limited, paused or drained; those without a row are well."""
        columns = ("name", "paused_until", "pause_reason", "is_drained", "max_running")
        return await self._read("providers", *columns)

    async def ping(self) -> None:
        """Go the whole way to the schema `worker` and back, once, changing nothing."""
        await self.send("extend_leases", encode({"p_held": [], "p_lease_seconds": 60}))

    async def _read(self, table: str, *columns: str) -> list[dict[str, Any]]:
        """Read all of a small table or view of the schema `worker`. Asks once."""
        query = self._worker.from_(table).select(*columns).retry(False)
        rows: Any = (await asked(table, query.execute)).data
        return list(rows)

    async def _tell(self, function: str, entries: Sequence[str]) -> dict[str, Verdict]:
        """Call one of the functions that take many jobs and answer for each."""
        content = await self.send(function, f'{{"p_jobs":[{",".join(entries)}]}}')
        try:
            return {
                row["job_id"]: Verdict(
                    row["result"], row.get("message"), row.get("status"), row.get("due_in_seconds")
                )
                for row in decode(function, content)
            }
        except (KeyError, TypeError, AttributeError) as error:
            raise unknown_form(function) from error

    async def call(self, function: str, **parameters: Any) -> Any:
        """Call an idempotent function, again while the database is away, within bounds.

        Returns:
            What it answered, of JSON; None where it answers nothing.
        """
        given_up = anyio.current_time() + self._retry_seconds
        pause = 0.05
        body = encode(parameters)
        while True:
            try:
                return decode(function, await self.send(function, body))
            except DatabaseUnavailable:
                if anyio.current_time() + pause > given_up:
                    raise
            await anyio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, 2.0)

    async def send(self, function: str, body: str) -> bytes:
        """Call a function once, within bounds of time, and say in our words what went wrong.

        Args:
            function: Its name in the schema `worker`.
            body: Its arguments by name, as JSON.

        Returns:
            What it answered, as JSON.
        """

        async def post() -> bytes:
            # A lone surrogate, which JSON may hold, is no text that PostgreSQL takes.
            response = await self._http.post(
                self._url.join(function),
                content=body.encode("utf-8", "replace"),
                headers=self._headers,
            )
            if not response.is_success:
                raise APIError(refusal_in(response))
            return response.content

        return await asked(function, post)


ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def encode(value: Mapping[str, Any]) -> str:
    """Write JSON.

    Raises:
        ValueError: there is something in it that JSON has no form for.
    """
    try:
        return ENCODER.encode(value)
    except (TypeError, RecursionError) as error:
        raise ValueError(f"This is no JSON: {error}") from error


def decode(function: str, content: bytes) -> Any:
    """Read what a function answered; None where it answers nothing."""
    try:
        return json.loads(content) if content else None
    except (ValueError, RecursionError) as error:
        raise unknown_form(function) from error


def unknown_form(function: str) -> DatabaseError:
    """Say that an answer could not be read."""
    return DatabaseError("unknown_form", f"The database answered {function} in an unknown form.")


async def asked(what: str, call: Callable[[], Awaitable[T]]) -> T:
    """Wait for an answer within bounds of time, and say in our words what went wrong."""
    try:
        with anyio.fail_after(CALL_SECONDS):
            return await call()
    except TimeoutError:
        message = f"The database did not answer {what} within {CALL_SECONDS:g} s."
        raise DatabaseUnavailable(message) from None
    except httpx.HTTPError as error:
        message = f"The database cannot be reached ({type(error).__name__})."
        raise DatabaseUnavailable(message) from error
    except APIError as error:
        raise from_postgrest(error) from error


def refusal_in(response: httpx.Response) -> dict[str, Any]:
    """Read PostgREST's error, or make one of the status where the body is not PostgREST's."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, dict) and isinstance(body.get("code"), str):
        return body
    return {"code": str(response.status_code), "message": response.reason_phrase}


def read_tasks(content: bytes) -> list[Task]:
    """Read claimed tasks, all at once unless one is in a form that we do not know."""
    try:
        return TASKS.validate_json(content)
    except ValidationError:
        rows = decode("claim_tasks", content)
        return [task for row in rows if (task := read_task(row)) is not None]


def read_task(row: Any) -> Task | None:
    """Read a claimed task; None, and a line in the log, for one in a form that we do not know.

    The lease of such a task runs out. The others of the same claim are done.
    """
    try:
        return Task.model_validate(row)
    except ValidationError as error:
        # The rows hold prompts, so only the places of the faults are told.
        places = sorted({".".join(map(str, each["loc"])) for each in error.errors()})
    job_id = row.get("job_id") if isinstance(row, dict) else None
    log.error("unknown_form", job_id=job_id, places=places)
    return None


def job_ids(rows: Any) -> set[str]:
    """Read job ids, whether they come as plain values or as rows of one column."""
    return {str(row["job_id"] if isinstance(row, dict) else row) for row in rows or ()}


async def refuse_overload(response: httpx.Response) -> None:
    """Make a gateway's "not now" look like the failed connection that it is."""
    if response.status_code in OVERLOADED:
        await response.aread()
        response.raise_for_status()


@asynccontextmanager
async def open_client(
    settings: Settings, connections: int = DATABASE_CONNECTIONS
) -> AsyncIterator[AsyncClient]:
    """A Supabase client with the secret key and a pool of lasting connections.

    Files should have a client of their own, so that long uploads never hold up a heartbeat.
    """
    async with httpx.AsyncClient(
        timeout=httpx.Timeout(60, connect=5),
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        event_hooks={"response": [refuse_overload]},
    ) as http:
        yield await create_async_client(
            settings.supabase_url,
            settings.supabase_secret_key.get_secret_value(),
            AsyncClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=http),
        )
