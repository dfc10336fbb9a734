"""Luma: what is told to it, and what its generations mean for a job."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from standins.driving import accepted, carry_out, complaint
from standins.frame import Given, Loopback, Plan, Status, a_job
from standins.luma import LumaStandin
from standins.media import TINY_MP4, TINY_PNG

from reelbase.providers.base import (
    Configuration,
    Permanent,
    ProviderError,
    Running,
    Throttled,
    Transient,
    Unknowable,
)
from reelbase.providers.luma import LumaProvider

pytestmark = pytest.mark.anyio

JOB = a_job(model="ray-3.2", aspect_ratio="21:9", resolution="1080p")


@pytest.fixture
def standin(standins: Loopback) -> LumaStandin:
    return standins.open(LumaStandin)


@pytest.fixture
async def luma(standin: LumaStandin) -> AsyncIterator[LumaProvider]:
    provider = LumaProvider(standin.context(), now=lambda: 1000.0)
    yield provider
    await provider.aclose()


def image(position: int = 0, **changes: Any) -> Given:
    return Given("reference_image", TINY_PNG, position=position, **changes)


async def test_film_is_ordered_looked_up_and_fetched(
    luma: LumaProvider, standin: LumaStandin, tmp_path: Path
) -> None:
    job = replace(JOB, duration_seconds=6, audio_instructions="waves", parameters={"loop": True})
    done = await carry_out(luma, job, tmp_path)
    (output,) = done.outputs
    assert (output.role, output.path.read_bytes()) == ("result_video", TINY_MP4)
    assert standin.of("submit")[0].json() == {
        "model": "ray-3.2",
        "type": "video",
        "prompt": f"{JOB.prompt}\nSound: waves",
        "aspect_ratio": "21:9",
        "video": {"duration": "10s", "resolution": "1080p", "loop": True},
    }
    assert [call.units for call in standin.calls if call.units is not None] == [10.0]
    assert done.units == 10.0


@pytest.mark.parametrize(
    ("seconds", "places"),
    [(5, [0]), (5, [0, 120]), (10, [0, 240]), (5, [0, 40, 80, 120])],
)
async def test_images_become_key_frames_spread_over_the_film(
    luma: LumaProvider, standin: LumaStandin, tmp_path: Path, seconds: int, places: list[int]
) -> None:
    addresses = [f"https://files.example/{place}" for place in range(len(places))]
    inputs = tuple(image(place, url=url) for place, url in enumerate(addresses))
    job = replace(JOB, kind="image_to_video", inputs=inputs, duration_seconds=seconds)
    await accepted(luma, job, tmp_path)
    video = standin.of("submit")[0].json()["video"]
    assert video["keyframes"] == [{"url": given.url} for given in inputs]
    assert video["keyframe_indexes"] == places


async def test_image_goes_along_where_only_this_machine_can_read_it(
    luma: LumaProvider, standin: LumaStandin, tmp_path: Path
) -> None:
    inputs = (image(url="http://127.0.0.1:54321/signed"),)
    await accepted(luma, replace(JOB, kind="image_to_video", inputs=inputs), tmp_path)
    (frame,) = standin.of("submit")[0].json()["video"]["keyframes"]
    assert frame["media_type"] == "image/png"
    assert frame["data"].startswith("iVBORw0KGgo")


async def test_image_is_made_of_text_and_images(
    luma: LumaProvider, standin: LumaStandin, tmp_path: Path
) -> None:
    standin.plan = Plan(media=((TINY_PNG, "image/png"),))
    job = a_job(kind="text_to_image", model="uni-1", resolution=None, inputs=(image(),))
    done = await carry_out(luma, job, tmp_path)
    assert ([output.role for output in done.outputs], done.units) == (["result_image"], 1.0)
    told = standin.of("submit")[0].json()
    assert (told["type"], told["image_ref"]) == ("image", [{"url": image().url}])


async def test_longer_films_than_there_are_are_refused_before_anything_is_sent(
    luma: LumaProvider, standin: LumaStandin, tmp_path: Path
) -> None:
    job = replace(JOB, duration_seconds=11)
    error = await complaint(luma.submit(job, lambda: tmp_path, lambda _: None))
    assert (type(error), error.code) == (Permanent, "duration_unsupported")
    assert standin.seen == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("content_moderated", (Permanent, "content_refused")),
        ("image_too_large", (Permanent, "input_refused")),
        ("corrupt_input", (Permanent, "input_refused")),
        ("invalid_request", (Permanent, "provider_refused")),
        ("generation_failed", (Transient, "provider_failed")),
        ("output_not_found", (Transient, "provider_failed")),
        ("rate_limited", (Transient, "provider_busy")),
        ("budget_exhausted", (Transient, "provider_quota")),
        ("something_new", (Permanent, "provider_failed")),
    ],
)
async def test_failures_are_made_anew_only_if_they_were_the_providers(
    luma: LumaProvider,
    standin: LumaStandin,
    tmp_path: Path,
    code: str,
    expected: tuple[type[ProviderError], str],
) -> None:
    standin.plan, standin.failure = Plan(looks=0, end="failed"), code
    job = await accepted(luma, JOB, tmp_path)
    error = await complaint(luma.look_up(job, lambda: tmp_path))
    assert (type(error), error.code) == expected
    assert getattr(error, "anew", False) == isinstance(error, Transient)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(402, Configuration), (403, Configuration), (413, Permanent), (422, Permanent)],
)
async def test_refused_submissions_are_what_their_status_says(
    luma: LumaProvider,
    standin: LumaStandin,
    tmp_path: Path,
    status: int,
    expected: type[ProviderError],
) -> None:
    standin.misbehave(Status(status))
    error = await complaint(luma.submit(JOB, lambda: tmp_path, lambda _: None))
    assert type(error) is expected


async def test_pause_that_the_provider_names_is_kept(
    luma: LumaProvider, standin: LumaStandin, tmp_path: Path
) -> None:
    standin.misbehave(Status(429, {"retry-after": "17"}))
    error = await complaint(luma.submit(JOB, lambda: tmp_path, lambda _: None))
    assert isinstance(error, Throttled)
    assert error.retry_after == 17.0


async def test_old_generations_are_asked_after_less_often(
    luma: LumaProvider, standin: LumaStandin, tmp_path: Path
) -> None:
    standin.plan = Plan(looks=9)
    job = await accepted(luma, JOB, tmp_path)
    assert await luma.look_up(job, lambda: tmp_path) == Running(None, 3.0)
    old = replace(job, provider_state={"at": 920})
    assert await luma.look_up(old, lambda: tmp_path) == Running(None, 10.0)


async def test_unknown_generation_is_never_made_again(luma: LumaProvider, tmp_path: Path) -> None:
    job = replace(JOB, provider_job_id="gone", provider_state={"at": 100})
    error = await complaint(luma.look_up(job, lambda: tmp_path))
    assert (type(error), error.code) == (Permanent, "provider_lost")


async def test_nothing_can_be_cancelled_or_found(
    luma: LumaProvider, standin: LumaStandin, tmp_path: Path
) -> None:
    await luma.cancel(JOB.reference, "some-job", {})
    error = await complaint(luma.recover(JOB, lambda: tmp_path, lambda _: None))
    assert isinstance(error, Unknowable)
    assert standin.seen == []
