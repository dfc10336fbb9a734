"""The `local` provider: real images, films and voice on this machine's CPU, without any account.

Three models: `animatic-1` (films), `still-1` (images), `voice-1` (speech). Each job is one child
process in a process group of its own, so that nothing a prompt does to a codec or a speech engine
can harm the dispatcher, and the job's memory goes back when it ends.
"""

import asyncio
import json
import math
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import structlog
from anyio import CancelScope, to_thread

from reelbase.media.probe import Unreadable, probe
from reelbase.media.spec import Refused, RenderSpec, Task
from reelbase.media.text import clean
from reelbase.providers.base import (
    Configuration,
    Finished,
    Job,
    Output,
    Permanent,
    Report,
    Running,
    Submission,
    Transient,
    Unknowable,
    Workdir,
)

__all__ = ["LocalProvider"]

_MODELS: Final[Mapping[str, tuple[str, Task]]] = {
    "animatic-1": ("text_to_video", "film"),
    "still-1": ("text_to_image", "still"),
    "voice-1": ("voiceover", "voice"),
}
_ROLES: Final[Mapping[Task, str]] = {
    "film": "result_video",
    "still": "result_image",
    "voice": "result_audio",
}
_LINE_LIMIT = 1 << 16  # bytes of one message of the renderer
_TAIL = 2000  # bytes of the renderer's stderr that are logged
_ERRORS = "render-errors.txt"

_log = structlog.get_logger(__name__)


class LocalProvider:
    """Renders each job in a child process. Safe for any number of jobs at a time; more than there
    are processors only makes each slower.

    Prompt, art style, aspect ratio, resolution, duration, number of outputs and the mode (`draft`
    is quicker and plainer) are honoured; so are the parameters `voice` (a voice of espeak-ng such
    as "en-gb", or "none" for a film without speech) and `seed`. Negative prompt and audio
    instructions have no meaning for drawn pictures and read text, and change nothing.

    `deadline` is how many seconds a job may take before it is stopped; None works it out from the
    length and the size of what was ordered, generously.
    """

    name = "local"
    kinds = frozenset(kind for kind, _ in _MODELS.values())
    concurrency = os.cpu_count() or 1
    repeatable = True

    def __init__(self, deadline: float | None = None) -> None:
        self._deadline = deadline
        self._renders: dict[str, asyncio.subprocess.Process] = {}
        self._cancelled: set[str] = set()

    async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
        """Render the job; returns when its files are there.

        Raises:
            Permanent: `empty_prompt`, `unknown_voice`, `invalid_parameter`, `unsupported_…`,
                `cancelled`.
            Transient: the renderer crashed or took too long.
            Configuration: an unknown model, or a package that is not installed.
        """
        spec = _spec_of(job)
        folder = workdir()
        seconds = self._deadline or _deadline_of(spec)
        try:
            async with asyncio.timeout(seconds):
                outputs = await self._render(job.id, spec, folder, report)
        except TimeoutError:
            raise Transient("render_timeout", "Rendering took too long and was stopped.") from None
        return Finished(
            tuple(
                [
                    await to_thread.run_sync(_output, spec, folder, position, fields)
                    for position, fields in enumerate(outputs)
                ]
            )
        )

    async def look_up(self, job: Job, workdir: Workdir) -> Finished | Running:  # noqa: ARG002
        """Never needed: a submission ends with the files, and a lost one may be made again."""
        message = "The rendering was interrupted and has to be started again."
        raise Transient("render_lost", message, anew=True)

    async def recover(self, job: Job, workdir: Workdir, report: Report) -> None:  # noqa: ARG002
        """Never needed: see `look_up`."""
        raise Unknowable("render_lost", "A rendering that was interrupted leaves nothing behind.")

    async def cancel(self, reference: str, provider_job_id: str | None) -> None:  # noqa: ARG002
        """Stop the job's process at once, if this provider object runs it."""
        if process := self._renders.get(reference):
            self._cancelled.add(reference)
            _kill(process)

    async def _render(
        self, key: str, spec: RenderSpec, workdir: Path, report: Report
    ) -> list[dict[str, str]]:
        with (workdir / _ERRORS).open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # what lies in the job's folder is no Python module
                "-m",
                "reelbase.media.render",
                str(os.getpid()),
                cwd=workdir,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=_environment(workdir),
                start_new_session=True,
                limit=_LINE_LIMIT,
            )
        self._renders[key] = process
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(spec.to_json().encode() + b"\n")  # stays open: see media.render
            last: dict[str, Any] = {}
            async for line in process.stdout:
                last = json.loads(line)
                if "progress" in last:
                    report(int(last["progress"]))
            await process.wait()
        except ValueError:  # not a message of ours
            last = {}
        finally:
            _kill(process)
            with CancelScope(shield=True):
                await process.wait()
            if process.stdin is not None:
                process.stdin.close()
            self._renders.pop(key, None)
            cancelled = key in self._cancelled
            self._cancelled.discard(key)
        if cancelled:
            raise Permanent("cancelled", "The job was cancelled.")
        return self._verdict(key, process.returncode, last, workdir)

    def _verdict(
        self, key: str, status: int | None, last: Mapping[str, Any], workdir: Path
    ) -> list[dict[str, str]]:
        if "refused" in last:
            raise Permanent(last["refused"]["code"], last["refused"]["message"])
        if "fault" in last:
            raise Configuration(last["fault"], "The local renderer is not installed completely.")
        if status != 0 or "outputs" not in last:
            tail = (workdir / _ERRORS).read_bytes()[-_TAIL:].decode("utf-8", "replace")
            _log.error("render_crashed", job_id=key, status=status, stderr=tail)
            raise Transient("render_crashed", "The local renderer stopped unexpectedly.")
        outputs: list[dict[str, str]] = last["outputs"]
        return outputs


def _spec_of(job: Job) -> RenderSpec:
    if job.model not in _MODELS:
        raise Configuration("unknown_model", f"The local provider has no model {job.model!r}.")
    kind, task = _MODELS[job.model]
    if job.kind != kind:
        raise Configuration("wrong_model", f"The model {job.model!r} does not make {job.kind!r}.")
    if not clean(job.prompt):
        raise Permanent("empty_prompt", "The prompt is empty.")
    try:
        return RenderSpec.checked(
            task=task,
            text=job.prompt,
            aspect_ratio=job.aspect_ratio,
            resolution=job.resolution,
            seconds=job.duration_seconds,
            count=job.output_count,
            style=job.art_style,
            draft=job.mode == "draft",
            parameters=job.parameters,
        )
    except Refused as verdict:
        raise Permanent(verdict.code, verdict.message) from verdict


def _deadline_of(spec: RenderSpec) -> float:
    megapixels = spec.width * spec.height / 1e6
    if spec.task == "voice":
        return 60.0 + len(spec.text) / 20
    work = spec.seconds * 12 if spec.task == "film" else spec.count * 10
    return 60.0 + work * math.ceil(megapixels)


def _environment(workdir: Path) -> dict[str, str]:
    """What the renderer may know of ours: how to find Python's modules, and no secrets."""
    kept = ("PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "SYSTEMROOT")
    return {name: os.environ[name] for name in kept if name in os.environ} | {
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "TMPDIR": str(workdir),
    }


def _kill(process: asyncio.subprocess.Process) -> None:
    """Kill the renderer and whatever it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _output(spec: RenderSpec, workdir: Path, position: int, fields: Mapping[str, str]) -> Output:
    path = workdir / fields["file"]
    try:
        info = probe(path)
    except Unreadable as error:
        raise Transient("render_unreadable", "The rendered file could not be read back.") from error
    return Output(
        role=_ROLES[spec.task],
        path=path,
        mime_type=info.mime_type,
        width=info.width,
        height=info.height,
        duration_ms=info.duration_ms,
        thumbnail=workdir / fields["thumbnail"] if "thumbnail" in fields else None,
        position=position,
        style=fields.get("style"),
    )
