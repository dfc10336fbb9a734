"""A worker in a process of its own, for tests that kill, freeze and stop it.

Arguments: the provider's name, and the file that it waits for before it delivers.
"""

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio

from reelbase.dispatch import run_worker
from reelbase.logs import configure_logs
from reelbase.providers.base import Finished, Job, Report, Running, Submission, Workdir
from reelbase.settings import load_settings


def load_bench() -> ModuleType:
    """The workbench's module, which lies beside this file."""
    path = Path(__file__).with_name("conftest.py")
    spec = importlib.util.spec_from_file_location("bench", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Gated:
    """A provider that reports some progress and then waits for a file."""

    name = "gated"
    kinds = frozenset(["voiceover"])
    concurrency = None
    repeatable = True

    def __init__(self, gate: Path) -> None:
        self.gate = gate
        self.make_outputs = load_bench().make_outputs

    async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
        report(10)
        while not self.gate.exists():  # noqa: ASYNC110 - another process makes it
            await anyio.sleep(0.01)
        return self.make_outputs(job, workdir)

    async def look_up(self, job: Job, workdir: Workdir) -> Finished | Running:
        raise AssertionError("nothing was accepted")

    async def recover(self, job: Job, workdir: Workdir, report: Report) -> None:
        raise AssertionError("nothing needs to be looked for")

    async def cancel(
        self, reference: str, provider_job_id: str | None, state: Mapping[str, Any]
    ) -> None:
        return


if __name__ == "__main__":
    settings = load_settings()
    configure_logs(settings.log_level, settings.secrets())
    anyio.run(run_worker, settings, {sys.argv[1]: Gated(Path(sys.argv[2]))})
