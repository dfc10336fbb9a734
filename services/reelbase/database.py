"""The database as the services see it: one method for each function of the schema `worker`.

All calls go through the Supabase client to PostgREST. Every function may be called twice with the
same arguments and does its work once, so a call whose answer got lost is simply made again.
"""

import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeVar

import anyio
import httpx
import structlog
from postgrest.exceptions import APIError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from supabase import AsyncClient, AsyncClientOptions, create_async_client

from reelbase.database_types import (
    PublicGenerationKind,
    PublicGenerationMode,
    PublicJobStatus,
    WorkerTaskStep,
)
from reelbase.errors import DatabaseError, DatabaseUnavailable, from_postgrest
from reelbase.settings import Settings

__all__ = ["Database", "HeldLease", "ShownFile", "Task", "TaskInput", "open_client"]

T = TypeVar("T")

CALL_SECONDS = 10.0
"""The longest that one call may take; the functions themselves take milliseconds."""

DATABASE_CONNECTIONS = 4
"""Plenty for calls that take milliseconds; the pool looks through all of them at every request."""

log = structlog.stdlib.get_logger("reelbase.database")

OVERLOADED = frozenset([502, 503, 504, 520, 521, 522, 523, 524])
"""HTTP statuses of a gateway that did not get an answer from what lies behind it."""


class TaskInput(BaseModel):
    """A file that the user gave with a job."""

    model_config = ConfigDict(frozen=True)

    role: str
    bucket: str
    storage_path: str
    mime_type: str | None = None
    position: int = 0


class Task(BaseModel):
    """One claimed task with all that is needed to do it.

    `previous_outcome` says how the attempt before this one ended: "lost" when its worker vanished.
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
    previous_outcome: str | None = None
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
        self._http = worker.session
        # Made once: what the client's builder does for each call costs as much as the call.
        self._url = httpx.URL(f"{str(worker.base_url).rstrip('/')}/rpc/")
        self._headers = httpx.Headers({**worker.headers, "Content-Type": "application/json"})
        self._retry_seconds = retry_seconds

    async def claim_tasks(
        self, lease: str, worker: str, providers: Sequence[str], limit: int, lease_seconds: int
    ) -> list[Task]:
        """Take up to `limit` tasks under a lease token of the caller's making.

        The same token again returns the same tasks and takes no more.
        """
        rows = await self._call(
            "claim_tasks",
            p_lease=lease,
            p_worker=worker,
            p_providers=list(providers),
            p_limit=limit,
            p_lease_seconds=lease_seconds,
        )
        return [task for row in rows if (task := read_task(row)) is not None]

    async def is_unwanted(self, job_id: str) -> bool:
        """Whether a job has ended without a result, or is gone: nobody works on it any more."""
        query = self._jobs.select("status").eq("id", job_id)
        rows: Any = (await asked("generation_jobs", query.execute)).data
        return not rows or rows[0]["status"] in {"cancelled", "expired", "failed"}

    async def extend_leases(self, held: Sequence[HeldLease], lease_seconds: int) -> set[str]:
        """Keep jobs for another `lease_seconds` and write their progress.

        Returns:
            The ids of the jobs that are still held; work on all others must stop at once.
        """
        rows = await self._call(
            "extend_leases",
            p_held=[each.model_dump() for each in held],
            p_lease_seconds=lease_seconds,
        )
        return job_ids(rows)

    async def advance_job(
        self,
        job_id: str,
        lease: str,
        status: Literal["processing", "finalizing"],
        provider_job_id: str | None = None,
        poll_after_seconds: float | None = None,
    ) -> None:
        """Say how far a job has come. With `poll_after_seconds` the lease is given up."""
        await self._call(
            "advance_job",
            p_job_id=job_id,
            p_lease=lease,
            p_status=status,
            p_provider_job_id=provider_job_id,
            p_poll_after_seconds=poll_after_seconds,
        )

    async def complete_job(
        self, job_id: str, lease: str, assets: Sequence[Mapping[str, Any]]
    ) -> None:
        """End a job with its results; the charge is settled with it."""
        await self._call(
            "complete_job", p_job_id=job_id, p_lease=lease, p_assets=[dict(a) for a in assets]
        )

    async def fail_job(
        self,
        job_id: str,
        lease: str,
        error_code: str,
        error_message: str,
        *,
        retry: bool,
        retry_after_seconds: float | None = None,
    ) -> PublicJobStatus:
        """Give an attempt up.

        Returns:
            The job's status: "failed" when it is over; "queued" when it will be submitted again; as
            it was when its provider has it and will be asked again.
        """
        status: PublicJobStatus = await self._call(
            "fail_job",
            p_job_id=job_id,
            p_lease=lease,
            p_error_code=error_code,
            p_error_message=error_message,
            p_retry=retry,
            p_retry_after_seconds=retry_after_seconds,
        )
        return status

    async def release_tasks(self, held: Sequence[HeldLease]) -> set[str]:
        """Hand jobs back unharmed; the attempts are not counted.

        Returns:
            The ids of the jobs that were handed back.
        """
        rows = await self._call(
            "release_tasks", p_held=[each.model_dump(exclude={"progress"}) for each in held]
        )
        return job_ids(rows)

    async def fail_exhausted_jobs(self) -> set[str]:
        """Fail jobs whose last attempt vanished together with its worker; credits return.

        Returns:
            The ids of those jobs.
        """
        failed: set[str] = set()
        while more := job_ids(await self._call("fail_exhausted_jobs")):
            failed |= more
        return failed

    async def housekeep(self) -> dict[str, Any]:
        """Purge, prune and end what is due; one round at a time, whoever asks.

        Returns:
            How much of what; None for what went wrong.
        """
        done: dict[str, Any] = await self._call("housekeep")
        return done

    async def claim_file_removals(self, limit: int) -> list[tuple[str, str]]:
        """Take up to `limit` files to remove from storage; they return if not confirmed.

        Returns:
            Bucket and path of each.
        """
        rows = await self._call("claim_file_removals", p_limit=limit)
        return [(row["bucket"], row["storage_path"]) for row in rows]

    async def confirm_file_removals(self, bucket: str, paths: Sequence[str]) -> int:
        """Forget files that are removed; return how many there were on the list."""
        files = [{"bucket": bucket, "storage_path": path} for path in paths]
        count: int = await self._call("confirm_file_removals", p_files=files)
        return count

    async def find_shown_file(
        self, asset_id: str, *, token: str | None = None, project_id: str | None = None
    ) -> ShownFile | None:
        """Find the file that a project's link or a public project shows; None when neither does."""
        rows = await self._call(
            "find_shown_file", p_asset_id=asset_id, p_token=token, p_project_id=project_id
        )
        return ShownFile.model_validate(rows[0]) if rows else None

    async def ping(self) -> None:
        """Go the whole way to the schema `worker` and back, once, changing nothing."""
        await self._once("extend_leases", {"p_held": [], "p_lease_seconds": 60})

    async def _call(self, function: str, **parameters: Any) -> Any:
        """Call an idempotent function, again while the database is away, within bounds."""
        given_up = anyio.current_time() + self._retry_seconds
        pause = 0.05
        while True:
            try:
                return await self._once(function, parameters)
            except DatabaseUnavailable:
                if anyio.current_time() + pause > given_up:
                    raise
            await anyio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, 2.0)

    async def _once(self, function: str, parameters: dict[str, Any]) -> Any:
        """Call a function once, within bounds of time, and say in our words what went wrong."""

        async def post() -> Any:
            body = json.dumps(parameters, ensure_ascii=False, allow_nan=False)
            # A lone surrogate, which JSON may hold, is no text that PostgreSQL takes.
            response = await self._http.post(
                self._url.join(function),
                content=body.encode("utf-8", "replace"),
                headers=self._headers,
            )
            if not response.is_success:
                raise APIError(refusal_in(response))
            try:
                return response.json() if response.content else None
            except (ValueError, RecursionError) as error:
                message = f"The database answered {function} in an unknown form."
                raise DatabaseError("unknown_form", message) from error

        return await asked(function, post)


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
    if isinstance(body, dict) and body.get("code"):
        return body
    return {"code": str(response.status_code), "message": response.reason_phrase}


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
