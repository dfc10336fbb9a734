"""The local provider: jobs in, files out, and no process left behind whatever happens."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from clips import write_clip
from PIL import Image

from reelbase.media.probe import probe
from reelbase.providers import load_providers
from reelbase.providers.base import (
    Call,
    Configuration,
    Context,
    Finished,
    Job,
    Permanent,
    Transient,
)
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


class Given:
    """A file that goes into a job."""

    def __init__(self, role: str, path: Path, position: int = 0) -> None:
        self.role, self.position, self.mime_type = role, position, None
        self._path = path

    async def save(self, folder: Path) -> Path:
        return Path(shutil.copy(self._path, folder / "file"))

    async def link(self) -> str:
        raise AssertionError("nobody else is told where the file is")


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
    await provider.cancel(job().reference, None, {})
    error = await outcome(task)
    assert isinstance(error, Permanent)
    assert error.code == "cancelled"
    await until(lambda: not living(group))


async def test_cancelling_an_unknown_job_does_nothing() -> None:
    await LocalProvider().cancel("never heard of", None, {})


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
    await provider.cancel(job().reference, None, {})
    assert isinstance(await outcome(task), Permanent)


async def test_lost_rendering_is_to_be_started_again(tmp_path: Path) -> None:
    with pytest.raises(Transient) as failure:
        await LocalProvider().look_up(job(provider_job_id="x"), lambda: tmp_path)
    assert failure.value.anew


def test_no_more_is_rendered_at_once_than_there_are_processors() -> None:
    assert LocalProvider.concurrency == os.cpu_count()
    assert len(LocalProvider.kinds) == 10


def test_local_needs_no_settings() -> None:
    assert load_providers(["local"], lambda name: Context())["local"].repeatable


@pytest.mark.parametrize(
    ("kind", "parameters", "field"),
    [
        ("concept", {"tone": "calm"}, "concept"),
        ("web_research", {}, "response"),
        ("content_summary", {"content": "One. Two. Three. Four.", "sentences": 2}, "summary"),
        ("video_segmentation", {"segments": 3}, "segments"),
    ],
)
async def test_text_steps_yield_without_a_file_or_a_process(
    kind: str, parameters: dict[str, Any], field: str
) -> None:
    def no_folder() -> Path:
        raise AssertionError("text needs no folder")

    calls: list[Call] = []
    provider = LocalProvider(Context(on_call=calls.append))
    ordered = job(kind=kind, model="text-1", parameters=parameters)
    finished = await provider.submit(ordered, no_folder, lambda _: None)
    assert isinstance(finished, Finished)
    assert finished.outputs == ()
    assert finished.yields is not None
    assert finished.yields[field]
    again = await provider.submit(ordered, no_folder, lambda _: None)
    assert again == finished
    assert [(call.model, call.status_code) for call in calls] == [("text-1", 200)] * 2


async def test_images_become_a_film(tmp_path: Path) -> None:
    Image.new("RGB", (80, 60), (200, 40, 40)).save(tmp_path / "a.png")
    (tmp_path / "work").mkdir()
    ordered = job(
        kind="image_to_video",
        model="slideshow-1",
        duration_seconds=1.0,
        inputs=tuple(Given("reference_image", tmp_path / "a.png", n) for n in range(2)),
    )
    finished = await LocalProvider().submit(ordered, lambda: tmp_path / "work", lambda _: None)
    assert isinstance(finished, Finished)
    (output,) = finished.outputs
    assert (output.role, output.mime_type, output.width) == ("result_video", "video/mp4", 256)
    assert output.duration_ms == pytest.approx(1000, abs=60)
    assert finished.units == 1.0


async def test_film_is_cut_and_told_how_much(tmp_path: Path) -> None:
    film = write_clip(tmp_path / "film.mp4", [(0.0, 0.6)], 2.0)
    (tmp_path / "work").mkdir()
    ordered = job(
        kind="video_edit",
        model="autocut-1",
        duration_seconds=None,
        resolution=None,
        inputs=(Given("source_video", film),),
    )
    finished = await LocalProvider().submit(ordered, lambda: tmp_path / "work", lambda _: None)
    assert isinstance(finished, Finished)
    (output,) = finished.outputs
    assert (output.role, output.width, output.height) == ("result_video", 64, 48)
    assert finished.yields is not None
    assert finished.yields["cuts"] == 1
    assert output.duration_ms == pytest.approx(
        1000 * (finished.yields["source_seconds"] - finished.yields["cut_seconds"]), abs=60
    )


async def test_character_comes_with_its_pictures_and_what_there_is_to_say(tmp_path: Path) -> None:
    ordered = job(
        kind="character",
        model="character-1",
        duration_seconds=None,
        parameters={"name": "Mali", "views": 2},
    )
    finished = await LocalProvider().submit(ordered, lambda: tmp_path, lambda _: None)
    assert isinstance(finished, Finished)
    assert [(o.role, o.position) for o in finished.outputs] == [
        ("result_image", 0),
        ("result_image", 1),
        ("sprite_sheet", 2),
        ("final_character", 3),
    ]
    assert all(o.mime_type == "image/png" for o in finished.outputs)
    assert all(o.thumbnail and probe(o.thumbnail).mime_type for o in finished.outputs)
    assert finished.yields is not None
    assert finished.yields["name"] == "Mali"


async def test_file_that_cannot_be_read_is_named_and_counts_against_the_job(
    tmp_path: Path,
) -> None:
    (tmp_path / "b.png").write_bytes(b"#EXTM3U\nfile:///etc/passwd\n")
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "work").mkdir()
    calls: list[Call] = []
    inputs = [Given("reference_image", tmp_path / name) for name in ("a.png", "b.png")]
    ordered = job(kind="image_to_video", model="slideshow-1", inputs=tuple(inputs))
    with pytest.raises(Permanent, match="Image 2") as failure:
        await LocalProvider(Context(on_call=calls.append)).submit(
            ordered, lambda: tmp_path / "work", lambda _: None
        )
    assert failure.value.code == "input_wrong_type"
    (call,) = calls
    assert (call.operation, call.status_code, call.job_id) == ("submit", 422, "job-1")


@needs_proc
async def test_file_on_which_the_decoder_crashes_counts_against_the_job(tmp_path: Path) -> None:
    film = write_clip(tmp_path / "film.mp4", [], 1.0, times=[0, 1500], sound=False)
    (tmp_path / "work").mkdir()
    ordered = job(kind="video_edit", model="autocut-1", inputs=(Given("source_video", film),))
    provider = LocalProvider()
    seen: list[int] = []
    task = asyncio.create_task(provider.submit(ordered, lambda: tmp_path / "work", seen.append))
    await until(lambda: any(progress >= 15 for progress in seen))
    os.kill(provider._renders["job-1"].pid, signal.SIGSEGV)
    error = await outcome(task)
    assert isinstance(error, Permanent)
    assert error.message.startswith("The video ")


LIMITED = """
from reelbase.media.children import limit_resources
limit_resources(memory=300 << 20, file_bytes=1 << 20, processor_seconds=60)
try:
    bytearray(400 << 20)
except MemoryError:
    print("memory")
try:
    with open("large", "wb") as file:
        file.write(bytes(2 << 20))
except OSError:
    print("file")
"""


@needs_proc
async def test_renderer_cannot_take_more_than_its_share(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LIMITED, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    assert told.split() == [b"memory", b"file"]
