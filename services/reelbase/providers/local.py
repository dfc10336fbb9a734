"""The `local` provider: every kind of job on this machine's processors, without any account.

The models: `animatic-1` (films), `still-1` (images), `voice-1` (speech), `slideshow-1` (films of
the user's images), `autocut-1` (films without their silence), `character-1` (character sheets) and
`text-1` (text steps). Each job that makes files is one child process in a process group of its own,
with limits of its own, so that nothing a prompt or an uploaded file does to a codec or a speech
engine can harm the dispatcher, and the job's memory goes back when it ends. Text is written here.
"""

import asyncio
import json
import math
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import anyio
import structlog
from anyio import CancelScope, to_thread

from reelbase.media.probe import Unreadable, probe
from reelbase.media.spec import Refused, RenderSpec, Source, Task
from reelbase.media.text import clean
from reelbase.media.writing import write
from reelbase.providers.base import (
    Call,
    Configuration,
    Context,
    Finished,
    Job,
    Output,
    Permanent,
    ProviderError,
    Report,
    Running,
    Submission,
    Transient,
    Unknowable,
    Workdir,
)
from reelbase.providers.yields import check_yields

__all__ = ["SECRETS", "LocalProvider", "make"]

SECRETS: tuple[str, ...] = ()

_TEXT_MODEL = "text-1"
_TEXT_KINDS = frozenset({"concept", "web_research", "content_summary", "video_segmentation"})
_MODELS: Final[Mapping[str, tuple[str, Task]]] = {
    "animatic-1": ("text_to_video", "film"),
    "still-1": ("text_to_image", "still"),
    "voice-1": ("voiceover", "voice"),
    "slideshow-1": ("image_to_video", "slideshow"),
    "autocut-1": ("video_edit", "autocut"),
    "character-1": ("character", "character"),
}
# What goes into a job of which task, and what it is called when there is one and when several.
_INPUTS: Final[Mapping[Task, Mapping[str, str]]] = {
    "slideshow": {"reference_image": "Image", "source_audio": "The sound"},
    "autocut": {"source_video": "The video"},
    "character": {"reference_image": "Image"},
}
_ONCE = {"source_audio", "source_video"}
_LINE_LIMIT = 1 << 20  # bytes of one message of the renderer
_TAIL = 2000  # bytes of the renderer's stderr that are logged
_ERRORS = "render-errors.txt"
_NEEDS_PROMPT = {"film", "still", "voice"}
_LONGEST_CUT = 3500.0  # seconds; the usual longest step of a dispatcher is 3600

# What a decoder dies of by its own doing; whoever stops a process otherwise sends other signals.
_CRASHES = frozenset(
    {
        signal.SIGSEGV,
        signal.SIGABRT,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGXCPU,
    }
)

_log = structlog.get_logger(__name__)


def make(context: Context) -> "LocalProvider":
    """Make the provider; it needs no settings."""
    return LocalProvider(context)


class LocalProvider:
    """Renders each job in a child process. Safe for any number of jobs at a time; more than there
    are processors only makes each slower.

    Prompt, art style, aspect ratio, resolution, duration, number of outputs and the mode (`draft`
    is quicker and plainer) are honoured where they have a meaning; so are the parameters that
    docs/providers.md lists by model. Negative prompt and audio instructions have no meaning for
    drawn pictures and read text, and change nothing. The same job gives the same bytes.

    `deadline` is how many seconds a job may take before it is stopped; None works it out from the
    length and the size of what was ordered, generously.
    """

    name = "local"
    kinds = frozenset(kind for kind, _ in _MODELS.values()) | _TEXT_KINDS
    concurrency = os.cpu_count() or 1
    repeatable = True

    def __init__(self, context: Context | None = None, *, deadline: float | None = None) -> None:
        self._on_call = (context or Context()).on_call
        self._deadline = deadline
        self._renders: dict[str, asyncio.subprocess.Process] = {}
        self._cancelled: set[str] = set()

    async def aclose(self) -> None:
        """Nothing is left open between jobs."""

    async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
        """Do all of the job; returns when its files, or its text, are there.

        Raises:
            Permanent: `empty_prompt`, `unknown_voice`, `invalid_parameter`, `unsupported_…`,
                `input_…` (a file that is missing, damaged, too large, too long or of the wrong
                type), `cancelled`.
            Transient: the renderer crashed or took too long.
            Configuration: an unknown model, or a package that is not installed.
        """
        began = anyio.current_time()
        status: int | None = None
        units: float | None = None
        try:
            finished = await self._make(job, workdir, report)
            status, units = 200, finished.units
        except ProviderError as error:
            if error.code != "cancelled":
                status = 422 if isinstance(error, Permanent) else 500
            raise
        finally:
            self._on_call(
                Call(
                    provider=self.name,
                    operation="submit",
                    model=job.model,
                    job_id=job.id,
                    latency_ms=round((anyio.current_time() - began) * 1000),
                    units=units,
                    status_code=status,
                )
            )
        return finished

    async def look_up(self, job: Job, workdir: Workdir) -> Finished | Running:  # noqa: ARG002
        """Never needed: a submission ends with the files, and a lost one may be made again."""
        message = "The rendering was interrupted and has to be started again."
        raise Transient("render_lost", message, anew=True)

    async def recover(self, job: Job, workdir: Workdir, report: Report) -> None:  # noqa: ARG002
        """Never needed: see `look_up`."""
        raise Unknowable("render_lost", "A rendering that was interrupted leaves nothing behind.")

    async def cancel(
        self,
        reference: str,
        provider_job_id: str | None,  # noqa: ARG002
        state: Mapping[str, Any],  # noqa: ARG002
    ) -> None:
        """Stop the job's process at once, if this provider object runs it."""
        if process := self._renders.get(reference):
            self._cancelled.add(reference)
            _kill(process)

    async def _make(self, job: Job, workdir: Workdir, report: Report) -> Finished:
        if job.model == _TEXT_MODEL and job.kind in _TEXT_KINDS:
            return await to_thread.run_sync(_written, job)
        spec = _spec_of(job)
        folder = workdir()
        sources = await _save_inputs(job, spec.task, folder)
        spec = replace(spec, sources=sources)
        try:
            async with asyncio.timeout(self._deadline or _deadline_of(spec)):
                made = await self._render(job.id, spec, folder, report)
        except TimeoutError:
            raise Transient("render_timeout", "Rendering took too long and was stopped.") from None
        outputs = [
            await to_thread.run_sync(_output, folder, position, fields)
            for position, fields in enumerate(made["outputs"])
        ]
        yields = made["yields"]
        if job.kind == "character":
            yields = check_yields("character", yields, prompt=job.prompt)
        elif yields is not None:
            _log.info("film_cut", job_id=job.id, **yields)
        return Finished(tuple(outputs), yields=yields, units=float(made["units"]))

    async def _render(
        self, key: str, spec: RenderSpec, workdir: Path, report: Report
    ) -> dict[str, Any]:
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
        reading = ""
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(spec.to_json().encode() + b"\n")  # stays open: see media.render
            last: dict[str, Any] = {}
            async for line in process.stdout:
                last = json.loads(line)
                reading = last.get("reading", reading)
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
        return self._verdict(key, process.returncode, last, reading, workdir)

    def _verdict(
        self, key: str, status: int | None, last: dict[str, Any], reading: str, workdir: Path
    ) -> dict[str, Any]:
        if "refused" in last:
            raise Permanent(last["refused"]["code"], last["refused"]["message"])
        if "fault" in last:
            raise Configuration(last["fault"], "The local renderer is not installed completely.")
        if status != 0 or "outputs" not in last:
            tail = (workdir / _ERRORS).read_bytes()[-_TAIL:].decode("utf-8", "replace")
            _log.error("render_crashed", job_id=key, status=status, reading=reading, stderr=tail)
            if reading and status is not None and -status in _CRASHES:
                message = f"{reading} cannot be read: the decoder fails on it."
                raise Permanent("input_unreadable", message)
            raise Transient("render_crashed", "The local renderer stopped unexpectedly.")
        return last


def _written(job: Job) -> Finished:
    """Do a text step."""
    parameters = job.parameters
    content = parameters.get("content") if job.kind == "content_summary" else None
    if not clean(job.prompt) and not content:
        raise Permanent("empty_prompt", "The prompt is empty.")
    try:
        text, value = write(
            job.kind, job.prompt, parameters, job.duration_seconds, job.negative_prompt
        )
    except Refused as verdict:
        raise Permanent(verdict.code, verdict.message) from verdict
    yields = check_yields(job.kind, value, prompt=job.prompt, segments=parameters.get("segments"))
    return Finished(yields=yields, units=float(len(text)))


def _spec_of(job: Job) -> RenderSpec:
    if job.model not in _MODELS:
        raise Configuration("unknown_model", f"The local provider has no model {job.model!r}.")
    kind, task = _MODELS[job.model]
    if job.kind != kind:
        raise Configuration("wrong_model", f"The model {job.model!r} does not make {job.kind!r}.")
    if task in _NEEDS_PROMPT and not clean(job.prompt):
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
            roles=[given.role for given in job.inputs],
        )
    except Refused as verdict:
        raise Permanent(verdict.code, verdict.message) from verdict


async def _save_inputs(job: Job, task: Task, folder: Path) -> tuple[Source, ...]:
    """Download what the task has a use for, in order."""
    names = _INPUTS.get(task, {})
    sources: list[Source] = []
    for given in job.inputs:
        if given.role not in names:
            continue
        number = sum(source.role == given.role for source in sources) + 1
        if given.role in _ONCE and number > 1:
            continue
        below = folder / f"input-{len(sources)}"
        below.mkdir()
        path = await given.save(below)
        name = names[given.role]
        sources.append(
            Source(given.role, str(path), name if given.role in _ONCE else f"{name} {number}")
        )
    return tuple(sources)


def _deadline_of(spec: RenderSpec) -> float:
    megapixels = math.ceil(spec.width * spec.height / 1e6)
    if spec.task == "voice":
        return 60.0 + len(spec.text) / 20
    if spec.task == "autocut":  # the renderer refuses what is too long for it
        return _LONGEST_CUT
    if spec.task == "character":
        return 120.0 * megapixels
    work = spec.count * 10 if spec.task == "still" else spec.seconds * 12
    return 60.0 + 20.0 * len(spec.sources) + work * megapixels


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


def _output(workdir: Path, position: int, fields: Mapping[str, str]) -> Output:
    path = workdir / fields["file"]
    try:
        info = probe(path)
    except Unreadable as error:
        raise Transient("render_unreadable", "The rendered file could not be read back.") from error
    return Output(
        role=fields["role"],
        path=path,
        mime_type=info.mime_type,
        width=info.width,
        height=info.height,
        duration_ms=info.duration_ms,
        thumbnail=workdir / fields["thumbnail"] if "thumbnail" in fields else None,
        position=position,
        style=fields.get("style"),
    )
