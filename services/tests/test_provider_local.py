"""The local provider: jobs in, files out, and no process left behind whatever happens."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from reelbase.providers import load_providers
from reelbase.providers.base import Configuration, Finished, Job, Permanent, Transient
from reelbase.providers.local import LocalProvider

pytestmark = pytest.mark.anyio

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def job(**changes: Any) -> Job:
    fields: dict[str, Any] = {
        "id": "job-1",
        "user_id": "user-1",
        "kind": "text_to_video",
        "mode": "draft",
        "model": "animatic-1",
        "attempt": 1,
        "prompt": "A lighthouse at dawn",
        "resolution": "144p",
        "duration_seconds": 2.0,
    }
    return Job(**(fields | changes))


LONG = {
    "prompt": "A long walk by the sea.",
    "duration_seconds": 60.0,
    "resolution": "480p",
    "parameters": {"voice": "none"},
}


def living(group: int) -> list[int]:
    """The processes of a group that are not dead."""

    def stats() -> Iterator[tuple[int, list[str]]]:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                yield int(entry.name), fields

    return [pid for pid, f in stats() if int(f[2]) == group and f[0] not in "ZX"]


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(20):
        while not condition():  # noqa: ASYNC110 - what other processes do raises no event
            await anyio.sleep(0.01)


async def started(provider: LocalProvider, workdir: Path) -> tuple[asyncio.Task[Any], int]:
    """A long job that has begun, and the process group that renders it."""
    seen: list[int] = []
    task = asyncio.create_task(provider.submit(job(**LONG), lambda: workdir, seen.append))
    await until(lambda: any(progress > 1 for progress in seen))
    return task, provider._renders["job-1"].pid


async def outcome(awaitable: Awaitable[Any]) -> BaseException | None:
    try:
        await awaitable
    except (Exception, asyncio.CancelledError) as error:
        return error
    return None


async def test_film_is_finished_measured_and_has_a_thumbnail(tmp_path: Path) -> None:
    progress: list[int] = []
    submission = await LocalProvider().submit(job(), lambda: tmp_path, progress.append)
    assert isinstance(submission, Finished)
    (output,) = submission.outputs
    assert (output.role, output.mime_type, output.position) == ("result_video", "video/mp4", 0)
    assert (output.width, output.height) == (256, 144)
    assert output.duration_ms == pytest.approx(2000, abs=60)
    assert output.path.parent == tmp_path
    assert output.thumbnail is not None
    assert output.thumbnail.read_bytes()[:3] == b"\xff\xd8\xff"
    assert progress == sorted(progress)


async def test_images_come_in_order(tmp_path: Path) -> None:
    ordered = job(kind="text_to_image", model="still-1", output_count=2, aspect_ratio="1:1")
    submission = await LocalProvider().submit(ordered, lambda: tmp_path, lambda _: None)
    assert isinstance(submission, Finished)
    assert [(o.role, o.mime_type, o.width, o.position) for o in submission.outputs] == [
        ("result_image", "image/png", 144, 0),
        ("result_image", "image/png", 144, 1),
    ]


async def test_voice_over_has_a_length_and_no_picture(tmp_path: Path) -> None:
    ordered = job(kind="voiceover", model="voice-1")
    submission = await LocalProvider().submit(ordered, lambda: tmp_path, lambda _: None)
    assert isinstance(submission, Finished)
    (output,) = submission.outputs
    assert (output.role, output.mime_type) == ("result_audio", "audio/mpeg")
    assert (output.width, output.thumbnail) == (None, None)
    assert output.duration_ms is not None
    assert output.duration_ms > 400


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"prompt": " \n\u200b"}, "empty_prompt"),
        ({"parameters": {"voice": "xx-none"}}, "unknown_voice"),
        ({"parameters": {"colour": "red"}}, "invalid_parameter"),
        ({"aspect_ratio": "wide"}, "unsupported_aspect_ratio"),
        ({"duration_seconds": 600.0}, "unsupported_duration"),
    ],
)
async def test_impossible_jobs_fail_for_good(
    tmp_path: Path, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(Permanent) as failure:
        await LocalProvider().submit(job(**changes), lambda: tmp_path, lambda _: None)
    assert failure.value.code == code
    assert str(tmp_path) not in failure.value.message


@pytest.mark.parametrize("changes", [{"model": "none-1"}, {"kind": "voiceover"}])
async def test_wrong_catalogue_is_not_the_job_s_fault(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises(Configuration):
        await LocalProvider().submit(job(**changes), lambda: tmp_path, lambda _: None)


@needs_proc
async def test_cancelled_task_leaves_no_process(tmp_path: Path) -> None:
    task, group = await started(LocalProvider(), tmp_path)
    assert living(group)
    task.cancel()
    assert isinstance(await outcome(task), asyncio.CancelledError)
    await until(lambda: not living(group))


@needs_proc
async def test_cancelled_job_ends_at_once_and_for_good(tmp_path: Path) -> None:
    provider = LocalProvider()
    task, group = await started(provider, tmp_path)
    await provider.cancel(job().reference, None)
    error = await outcome(task)
    assert isinstance(error, Permanent)
    assert error.code == "cancelled"
    await until(lambda: not living(group))


async def test_cancelling_an_unknown_job_does_nothing() -> None:
    await LocalProvider().cancel("never heard of", None)


@needs_proc
async def test_render_that_hangs_is_stopped_at_its_deadline(tmp_path: Path) -> None:
    provider = LocalProvider(deadline=1.0)
    task = asyncio.create_task(provider.submit(job(**LONG), lambda: tmp_path, lambda _: None))
    await until(lambda: "job-1" in provider._renders)
    group = provider._renders["job-1"].pid
    error = await outcome(task)
    assert isinstance(error, Transient)
    assert error.code == "render_timeout"
    await until(lambda: not living(group))


@needs_proc
async def test_crash_of_the_renderer_is_worth_another_try(tmp_path: Path) -> None:
    task, group = await started(LocalProvider(), tmp_path)
    os.kill(group, signal.SIGSEGV)
    error = await outcome(task)
    assert isinstance(error, Transient)
    assert error.code == "render_crashed"
    await until(lambda: not living(group))


ORPHAN = """
import asyncio, json, sys
from pathlib import Path
from reelbase.providers.base import Job
from reelbase.providers.local import LocalProvider

async def main():
    provider = LocalProvider()
    def report(progress):
        if progress > 1:
            print(provider._renders["job-1"].pid, flush=True)
    folder = Path(sys.argv[2])
    await provider.submit(Job(**json.loads(sys.argv[1])), lambda: folder, report)

asyncio.run(main())
"""


@needs_proc
async def test_killed_dispatcher_leaves_no_process(tmp_path: Path) -> None:
    import dataclasses
    import json

    order = json.dumps(dataclasses.asdict(job(**LONG)))
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ORPHAN, order, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    group = int(await parent.stdout.readline())
    assert living(group)
    parent.kill()
    await parent.wait()
    await until(lambda: not living(group))


@needs_proc
async def test_secrets_of_the_dispatcher_do_not_reach_the_renderer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "sb_secret_of_the_test")
    provider = LocalProvider()
    task, group = await started(provider, tmp_path)
    environment = await anyio.Path(f"/proc/{group}/environ").read_bytes()
    assert b"PATH=" in environment
    assert b"sb_secret_of_the_test" not in environment
    await provider.cancel(job().reference, None)
    assert isinstance(await outcome(task), Permanent)


async def test_lost_rendering_is_to_be_started_again(tmp_path: Path) -> None:
    with pytest.raises(Transient) as failure:
        await LocalProvider().look_up(job(provider_job_id="x"), lambda: tmp_path)
    assert failure.value.anew


def test_no_more_is_rendered_at_once_than_there_are_processors() -> None:
    assert LocalProvider.concurrency == os.cpu_count()
    assert LocalProvider.kinds == {"text_to_video", "text_to_image", "voiceover"}


def test_registry_makes_known_providers_and_names_unknown_ones() -> None:
    assert load_providers(["local"])["local"].repeatable
    with pytest.raises(Configuration, match="nowhere"):
        load_providers(["local", "nowhere"])
