"""Driving an adapter as the dispatcher does, without the dispatcher."""

from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path
from typing import Any

from reelbase.providers.base import Accepted, Finished, Job, Provider, ProviderError, Running

__all__ = ["accepted", "carry_out", "complaint"]


def no_report(progress: int) -> None:
    """Take the progress, and do nothing."""


async def accepted(provider: Provider, job: Job, folder: Path) -> Job:
    """Submit a job; it is returned as the dispatcher looks it up later."""
    submission = await provider.submit(job, lambda: folder, no_report)
    assert isinstance(submission, Accepted)
    state = submission.state
    return replace(job, provider_job_id=submission.provider_job_id, provider_state=state)


async def carry_out(provider: Provider, job: Job, folder: Path) -> Finished:
    """Submit a job and look it up until it is done; nobody waits in between."""
    done: Finished | Accepted | Running = await provider.submit(job, lambda: folder, no_report)
    if isinstance(done, Accepted):
        job = replace(job, provider_job_id=done.provider_job_id, provider_state=done.state)
        for _ in range(20):
            done = await provider.look_up(job, lambda: folder)
            if isinstance(done, Finished):
                break
    assert isinstance(done, Finished)
    return done


async def complaint(doing: Awaitable[Any]) -> ProviderError:
    """What an adapter complains of; it has to."""
    try:
        done = await doing
    except ProviderError as error:
        return error
    raise AssertionError(f"no complaint, but {done!r}")
