"""Runway: what is told to it, and what its tasks mean for a job."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from standins.driving import accepted, carry_out, complaint
from standins.frame import Corrupt, Given, Loopback, Plan, Status, a_job
from standins.media import TINY_MP4, TINY_PNG
from standins.runway import RunwayStandin

from reelbase.providers.base import (
    Configuration,
    Finished,
    Permanent,
    ProviderError,
    Running,
    Transient,
    Unknowable,
)
from reelbase.providers.runway import RunwayProvider

pytestmark = pytest.mark.anyio

JOB = a_job(model="gen4.5")


@pytest.fixture
def standin(standins: Loopback) -> RunwayStandin:
    return standins.open(RunwayStandin)


@pytest.fixture
async def runway(standin: RunwayStandin) -> AsyncIterator[RunwayProvider]:
    provider = RunwayProvider(standin.context(), now=lambda: 1000.0)
    yield provider
    await provider.aclose()


def image(position: int = 0, **changes: Any) -> Given:
    return Given("reference_image", TINY_PNG, position=position, **changes)


async def test_film_is_ordered_looked_up_and_fetched(
    runway: RunwayProvider, standin: RunwayStandin, tmp_path: Path
) -> None:
    job = replace(JOB, parameters={"seed": 7}, art_style="woodcut", negative_prompt="text")
    done = await carry_out(runway, job, tmp_path)
    (output,) = done.outputs
    assert (output.role, output.mime_type) == ("result_video", "video/mp4")
    assert output.path.read_bytes() == TINY_MP4
    assert (done.units, done.cost_usd) == (60.0, 0.6)
    (submission,) = standin.of("submit")
    assert submission.path == "/v1/text_to_video"
    assert submission.json() == {
        "model": "gen4.5",
        "promptText": f"{JOB.prompt}\nStyle: woodcut\nAvoid: text",
        "ratio": "1280:720",
        "duration": 5,
        "seed": 7,
    }


async def test_what_a_film_cost_is_recorded_once(
    runway: RunwayProvider, standin: RunwayStandin, tmp_path: Path
) -> None:
    await carry_out(runway, JOB, tmp_path)
    billed = [call for call in standin.calls if call.cost_usd is not None]
    assert [(call.operation, call.units, call.cost_usd) for call in billed] == [
        ("look_up", 60.0, 0.6)
    ]
    assert [call.operation for call in standin.calls] == ["submit", "look_up", "fetch", "look_up"]


async def test_result_that_cannot_be_fetched_yet_is_not_billed_twice(
    runway: RunwayProvider, standin: RunwayStandin, tmp_path: Path
) -> None:
    standin.plan = Plan(looks=0)
    job = await accepted(runway, JOB, tmp_path)
    standin.misbehave(Status(503), on="fetch")
    error = await complaint(runway.look_up(job, lambda: tmp_path))
    assert isinstance(error, Transient)
    assert not error.anew
    await runway.look_up(job, lambda: tmp_path)
    assert [call.units for call in standin.calls if call.units is not None] == [60.0]


@pytest.mark.parametrize("cost", [{"credits": -1}, {"credits": 1e300}, {"credits": "6"}, [], "x"])
async def test_film_is_not_lost_for_a_figure_that_cannot_be_true(
    runway: RunwayProvider, standin: RunwayStandin, tmp_path: Path, cost: Any
) -> None:
    standin.plan = Plan(looks=0)
    job = await accepted(runway, JOB, tmp_path)
    standin.misbehave(Corrupt(lambda told: told | {"cost": cost}), on="look_up")
    done = await runway.look_up(job, lambda: tmp_path)
    assert isinstance(done, Finished)
    assert (len(done.outputs), done.units, done.cost_usd) == (1, None, None)


@pytest.mark.parametrize("progress", [1e308, -4, "half", True])
async def test_progress_that_makes_no_sense_is_none(
    runway: RunwayProvider, standin: RunwayStandin, tmp_path: Path, progress: Any
) -> None:
    job = await accepted(runway, JOB, tmp_path)
    standin.misbehave(
        Corrupt(lambda told: told | {"progress": progress, "output": None}), on="look_up"
    )
    told = await runway.look_up(job, lambda: tmp_path)
    assert isinstance(told, Running)
    assert told.progress is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"aspect_ratio": "9:16"}, {"ratio": "720:1280"}),
        ({"aspect_ratio": None, "resolution": None}, {"ratio": "1280:720"}),
        ({"resolution": "1080p", "model": "veo3.1"}, {"ratio": "1920:1080", "duration": 6}),
        ({"duration_seconds": None, "model": "veo3.1"}, {"duration": 8}),
        ({"duration_seconds": 4.2}, {"duration": 5}),
        ({"negative_prompt": "rain", "model": "veo3.1"}, {"negativePrompt": "rain"}),
        ({"parameters": {"audio": False}, "model": "veo3.1"}, {"audio": False}),
    ],
)
async def test_wishes_are_told_in_the_vendors_words(
    runway: RunwayProvider,
    standin: RunwayStandin,
    tmp_path: Path,
    changes: dict[str, Any],
    expected: dict[str, Any],
) -> None:
    await accepted(runway, replace(JOB, **changes), tmp_path)
    told = standin.of("submit")[0].json()
    assert {name: told[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aspect_ratio": "5:4"}, "size_unsupported"),
        ({"model": "gen4_turbo", "duration_seconds": 11}, "duration_unsupported"),
        ({"kind": "image_to_video"}, "input_missing"),
        (
            {"kind": "image_to_video", "inputs": tuple(image(place) for place in range(3))},
            "too_many_inputs",
        ),
        (
            {
                "kind": "image_to_video",
                "inputs": (
                    Given("reference_image", TINY_PNG + bytes(4 << 20), url="http://127.0.0.1/a"),
                ),
            },
            "input_too_large",
        ),
        (
            {
                "kind": "image_to_video",
                "inputs": (Given("reference_image", b"words", url="http://127.0.0.1/a"),),
            },
            "input_unreadable",
        ),
    ],
)
async def test_impossible_wishes_are_refused_before_anything_is_sent(
    runway: RunwayProvider,
    standin: RunwayStandin,
    tmp_path: Path,
    changes: dict[str, Any],
    code: str,
) -> None:
    submitting = runway.submit(replace(JOB, **changes), lambda: tmp_path, lambda _: None)
    error = await complaint(submitting)
    assert (type(error), error.code) == (Permanent, code)
    assert standin.seen == []


async def test_image_is_handed_over_by_its_signed_address(
    runway: RunwayProvider, standin: RunwayStandin, tmp_path: Path
) -> None:
    job = replace(JOB, kind="image_to_video", inputs=(image(),))
    await accepted(runway, job, tmp_path)
    (submission,) = standin.of("submit")
    assert submission.path == "/v1/image_to_video"
    assert submission.json()["promptImage"] == image().url


async def test_image_goes_along_where_only_this_machine_can_read_it(
    runway: RunwayProvider, standin: RunwayStandin, tmp_path: Path
) -> None:
    inputs = (image(url="http://127.0.0.1:54321/signed"),)
    await accepted(runway, replace(JOB, kind="image_to_video", inputs=inputs), tmp_path)
    sent = standin.of("submit")[0].json()["promptImage"]
    assert sent.startswith("data:image/png;base64,iVBORw0KGgo")


async def test_two_images_are_the_first_frame_and_the_last(
    runway: RunwayProvider, standin: RunwayStandin, tmp_path: Path
) -> None:
    inputs = (image(0), image(1, url="https://files.example/second"))
    job = replace(JOB, kind="image_to_video", model="veo3.1", inputs=inputs)
    await accepted(runway, job, tmp_path)
    assert standin.of("submit")[0].json()["promptImage"] == [
        {"uri": inputs[0].url, "position": "first"},
        {"uri": inputs[1].url, "position": "last"},
    ]


async def test_image_is_made_of_text_and_images(
    runway: RunwayProvider, standin: RunwayStandin, tmp_path: Path
) -> None:
    standin.plan = Plan(media=((TINY_PNG, "image/png"),))
    job = a_job(kind="text_to_image", model="gen4_image", aspect_ratio="1:1", inputs=(image(),))
    done = await carry_out(runway, job, tmp_path)
    assert [output.role for output in done.outputs] == ["result_image"]
    told = standin.of("submit")[0].json()
    assert told["referenceImages"] == [{"uri": image().url}]
    assert told["ratio"] == "720:720"
    assert "duration" not in told


async def test_throttled_task_waits_and_a_running_one_tells_its_progress(
    runway: RunwayProvider, standin: RunwayStandin, tmp_path: Path
) -> None:
    standin.plan = Plan(looks=9)
    job = await accepted(runway, JOB, tmp_path)
    standin.misbehave(Corrupt(lambda told: {"id": told["id"], "status": "THROTTLED"}), on="look_up")
    assert await runway.look_up(job, lambda: tmp_path) == Running(None, 5.0)
    assert await runway.look_up(job, lambda: tmp_path) == Running(42, 5.0)
    old = replace(job, provider_state={"at": 400})
    assert await runway.look_up(old, lambda: tmp_path) == Running(42, 15.0)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("SAFETY.INPUT.TEXT", (Permanent, "content_refused")),
        ("SAFETY.OUTPUT.VIDEO", (Permanent, "content_refused")),
        ("INPUT_PREPROCESSING.SAFETY.TEXT", (Permanent, "content_refused")),
        ("ASSET.INVALID", (Permanent, "input_refused")),
        ("INTERNAL", (Transient, "provider_failed")),
        ("INTERNAL.BAD_OUTPUT.CODE01", (Transient, "provider_failed")),
        ("INPUT_PREPROCESSING.INTERNAL", (Transient, "provider_failed")),
        ("THIRD_PARTY.UNAVAILABLE", (Transient, "provider_failed")),
        (None, (Transient, "provider_failed")),
        ("SOMETHING.NEW", (Permanent, "provider_failed")),
    ],
)
async def test_failures_are_made_anew_only_if_they_were_the_providers(
    runway: RunwayProvider,
    standin: RunwayStandin,
    tmp_path: Path,
    code: str | None,
    expected: tuple[type[ProviderError], str],
) -> None:
    standin.plan, standin.failure = Plan(looks=0, end="failed"), code
    job = await accepted(runway, JOB, tmp_path)
    error = await complaint(runway.look_up(job, lambda: tmp_path))
    assert (type(error), error.code) == expected
    assert getattr(error, "anew", False) == isinstance(error, Transient)
    assert standin.calls[-1].cost_usd == 0.0


async def test_task_that_was_cancelled_at_the_provider_ends_the_job(
    runway: RunwayProvider, standin: RunwayStandin, tmp_path: Path
) -> None:
    standin.plan = Plan(looks=0, end="cancelled")
    job = await accepted(runway, JOB, tmp_path)
    error = await complaint(runway.look_up(job, lambda: tmp_path))
    assert (type(error), error.code) == (Permanent, "provider_cancelled")


async def test_unknown_task_is_asked_after_again_while_it_is_new_and_never_made_again(
    runway: RunwayProvider, tmp_path: Path
) -> None:
    job = replace(JOB, provider_job_id="gone", provider_state={"at": 990})
    error = await complaint(runway.look_up(job, lambda: tmp_path))
    assert isinstance(error, Transient)
    assert not error.anew
    old = replace(job, provider_state={"at": 100})
    error = await complaint(runway.look_up(old, lambda: tmp_path))
    assert (type(error), error.code) == (Permanent, "provider_lost")


async def test_used_up_credits_are_the_operators_affair(
    runway: RunwayProvider, standin: RunwayStandin, tmp_path: Path
) -> None:
    said = {"error": "You do not have enough credits to run this task."}
    standin.misbehave(Status(400, body=said))
    error = await complaint(runway.submit(JOB, lambda: tmp_path, lambda _: None))
    assert (type(error), error.code) == (Configuration, "provider_quota")


async def test_prompt_that_is_too_long_is_refused_in_the_providers_words(
    runway: RunwayProvider, tmp_path: Path
) -> None:
    job = replace(JOB, prompt="far " * 300)
    error = await complaint(runway.submit(job, lambda: tmp_path, lambda _: None))
    assert isinstance(error, Permanent)
    assert "1 to 1000 characters" in error.message


async def test_cancelled_task_is_deleted_and_an_unknown_one_left_alone(
    runway: RunwayProvider, standin: RunwayStandin, tmp_path: Path
) -> None:
    job = await accepted(runway, JOB, tmp_path)
    for _ in range(2):
        await runway.cancel(job.reference, job.provider_job_id, job.provider_state)
    await runway.cancel(job.reference, None, {})
    assert standin.works == {}
    assert [call.status_code for call in standin.calls[1:]] == [204, 404]


async def test_lost_submission_cannot_be_found(runway: RunwayProvider, tmp_path: Path) -> None:
    error = await complaint(runway.recover(JOB, lambda: tmp_path, lambda _: None))
    assert isinstance(error, Unknowable)
