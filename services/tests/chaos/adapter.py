"""How workers call the fake provider: as plain and as careful as an adapter should be.

Whatever happened to a submission after it went out is `Unknown`, unless the provider answered and
said no. Looking and asking may be done again, so that anything wrong with them is `Transient`. A
server that answers once too often has its second answer read by whoever asks next on that
connection, so that each answer must say what it is about.
"""

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from reelbase.providers.base import (
    Accepted,
    Configuration,
    Finished,
    Job,
    Output,
    Permanent,
    Report,
    Running,
    Submission,
    Throttled,
    Transient,
    Unknowable,
    Unknown,
    Workdir,
)

from .plan import FLAVOURS, Flavour

__all__ = ["URL_VARIABLE", "ChaosProvider", "load_chaos_providers"]

URL_VARIABLE = "CHAOS_PROVIDER_URL"
"""Names where the provider listens."""

CALL_SECONDS = 2.0
POLL_SECONDS = 0.5

KINDS = frozenset({"text_to_image", "voiceover"})


class ChaosProvider:
    """One flavour of the fake provider."""

    kinds = KINDS
    concurrency = None

    def __init__(self, flavour: Flavour, url: str) -> None:
        self.name = flavour.name
        self.repeatable = flavour.is_repeatable
        self._flavour = flavour
        self._http = httpx.AsyncClient(base_url=f"{url}/{flavour.name}/", timeout=CALL_SECONDS)

    async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
        """Send it once."""
        wish = {
            "reference": job.reference,
            "prompt": job.prompt,
            "kind": job.kind,
            "outputs": job.output_count,
        }
        try:
            response = await self._http.post("submissions", json=wish)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Transient("unreachable", "The provider cannot be reached.") from error
        except httpx.HTTPError as error:
            raise Unknown("no_answer", "The provider did not answer.") from error
        refuse(response)
        if response.is_server_error:
            raise Unknown("server_error", "The provider had an error.")
        told = read(response)
        # An answer to something else says nothing about this submission.
        if told is None or told.get("reference") != job.reference:
            raise Unknown("garbled_answer", "The provider answered in an unknown form.")
        report(10)
        if self._flavour.is_asynchronous:
            return Accepted(told["id"], POLL_SECONDS)
        files = [base64.b64decode(each) for each in told["files"]]
        return self._finished(job, workdir(), files)

    async def look_up(self, job: Job, workdir: Workdir) -> Finished | Running:
        """Ask after it; fetch what it made."""
        response = await self._ask(f"submissions/{job.provider_job_id}")
        if response.status_code == 404:
            raise Transient("forgotten", "The provider has lost the job.", anew=True)
        told = self._told(response)
        if told.get("reference") != job.reference:
            raise Transient("garbled_answer", "The provider answered in an unknown form.")
        return await self._outcome(told, job, workdir)

    async def recover(
        self, job: Job, workdir: Workdir, report: Report
    ) -> Finished | Accepted | Running | None:
        """Ask what it has of this job."""
        if not self._flavour.can_be_asked:
            raise Unknowable("unknowable", "It is not known whether the provider has the job.")
        found = await self._search(job.reference)
        if not found:
            return None
        newest = found[-1]
        if newest["status"] == "failed":
            raise failure(newest)
        return Accepted(newest["id"], 0 if newest["status"] == "succeeded" else POLL_SECONDS)

    async def cancel(
        self, reference: str, provider_job_id: str | None, state: Mapping[str, Any]
    ) -> None:
        """Tell it to stop whatever it has of a job."""
        if provider_job_id is not None:
            running = [provider_job_id]
        elif self._flavour.can_be_asked:
            found = await self._search(reference)
            running = [each["id"] for each in found if each["status"] == "running"]
        else:
            raise Unknowable("unknowable", "It is not known whether the provider has the job.")
        for each in running:
            try:
                response = await self._http.post(f"submissions/{each}/cancel")
            except httpx.HTTPError as error:
                raise Transient("no_answer", "The provider did not answer.") from error
            if response.status_code not in (200, 404):
                raise Transient("server_error", "The provider had an error.")

    async def _search(self, reference: str) -> list[dict[str, Any]]:
        told = self._told(await self._ask("submissions", reference=reference))
        if told.get("searched") != reference:
            raise Transient("garbled_answer", "The provider answered in an unknown form.")
        found: list[dict[str, Any]] = told["submissions"]
        return found

    async def _ask(self, path: str, **query: str) -> httpx.Response:
        try:
            response = await self._http.get(path, params=query)
        except httpx.HTTPError as error:
            raise Transient("no_answer", "The provider did not answer.") from error
        if response.status_code != 404:
            refuse(response)
        if response.is_server_error:
            raise Transient("server_error", "The provider had an error.")
        return response

    def _told(self, response: httpx.Response) -> dict[str, Any]:
        told = read(response)
        if told is None:
            raise Transient("garbled_answer", "The provider answered in an unknown form.")
        return told

    async def _outcome(
        self, told: dict[str, Any], job: Job, workdir: Workdir
    ) -> Finished | Running:
        match told["status"]:
            case "running":
                return Running(told["progress"], POLL_SECONDS)
            case "succeeded":
                files = [(await self._ask(address)).content for address in told["outputs"]]
                return self._finished(job, workdir(), files)
            case "failed":
                raise failure(told)
            case _:
                raise Permanent("stopped", "The provider was told to stop.")

    def _finished(self, job: Job, folder: Path, files: list[bytes]) -> Finished:
        sound = job.kind == "voiceover"
        outputs = []
        for position, content in enumerate(files):
            path = folder / f"{position}.{'wav' if sound else 'png'}"
            path.write_bytes(content)
            outputs.append(
                Output(
                    "result_audio" if sound else "result_image",
                    path,
                    "audio/wav" if sound else "image/png",
                    position=position,
                )
            )
        return Finished(tuple(outputs), units=float(len(outputs)), cost_usd=0.01 * len(outputs))


def refuse(response: httpx.Response) -> None:
    """Raise what a clear refusal means."""
    match response.status_code:
        case 429:
            pause = response.headers.get("retry-after")
            message = "The provider takes no more at this moment."
            raise Throttled("throttled", message, float(pause) if pause else None)
        case 401 | 403:
            raise Configuration("forbidden", "The provider does not know us.")
        case status if 400 <= status < 500:
            raise Permanent("refused", "The provider does not make that.")


def failure(told: dict[str, Any]) -> Exception:
    """What a submission that failed means."""
    if told["is_final"]:
        return Permanent("failed_there", "The provider failed for good.")
    return Transient("failed_there", "The provider failed.", anew=True)


def read(response: httpx.Response) -> dict[str, Any] | None:
    """Read an answer; None for one that makes no sense."""
    try:
        told = response.json()
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def load_chaos_providers() -> dict[str, ChaosProvider]:
    """All flavours, by name."""
    url = os.environ[URL_VARIABLE]
    return {name: ChaosProvider(flavour, url) for name, flavour in FLAVOURS.items()}
