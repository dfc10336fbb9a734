"""Recraft: images in one call, which must not be made a second time."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from standins.driving import carry_out, complaint
from standins.frame import AfterAccepting, Corrupt, Cut, Garbage, Loopback, Plan, Status
from standins.media import TINY_PNG
from standins.recraft import CONTRACT, RecraftStandin

from reelbase.providers.base import (
    Configuration,
    Permanent,
    ProviderError,
    Throttled,
    Transient,
    Unknowable,
    Unknown,
)
from reelbase.providers.recraft import RecraftProvider

pytestmark = pytest.mark.anyio

JOB = CONTRACT.job
NOW = {"retry-after": "0"}


@pytest.fixture
def standin(standins: Loopback) -> RecraftStandin:
    return standins.open(RecraftStandin)


@pytest.fixture
async def recraft(standin: RecraftStandin) -> AsyncIterator[RecraftProvider]:
    provider = RecraftProvider(standin.context())
    yield provider
    await provider.aclose()


async def test_images_come_of_one_call_in_order(
    recraft: RecraftProvider, standin: RecraftStandin, tmp_path: Path
) -> None:
    done = await carry_out(recraft, replace(JOB, output_count=3, art_style="ink"), tmp_path)
    assert [(each.role, each.mime_type, each.position) for each in done.outputs] == [
        ("result_image", "image/png", 0),
        ("result_image", "image/png", 1),
        ("result_image", "image/png", 2),
    ]
    assert {each.path.read_bytes() for each in done.outputs} == {TINY_PNG}
    assert [each.json() for each in standin.of("submit")] == [
        {
            "model": "recraftv4_1",
            "prompt": f"{JOB.prompt}\nStyle: ink",
            "n": 3,
            "size": "16:9",
            "response_format": "url",
        }
    ]


@pytest.mark.parametrize("credits_", [-1, 1e300, "70", None])
async def test_images_are_not_lost_for_a_figure_that_cannot_be_true(
    recraft: RecraftProvider, standin: RecraftStandin, tmp_path: Path, credits_: Any
) -> None:
    standin.misbehave(Corrupt(lambda told: told | {"credits": credits_}))
    done = await carry_out(recraft, JOB, tmp_path)
    assert (len(done.outputs), done.units, done.cost_usd) == (1, None, None)


async def test_what_images_cost_comes_with_the_answer(
    recraft: RecraftProvider, standin: RecraftStandin, tmp_path: Path
) -> None:
    done = await carry_out(recraft, replace(JOB, output_count=2), tmp_path)
    assert (done.units, done.cost_usd) == (70.0, 0.07)
    assert [(call.operation, call.cost_usd) for call in standin.calls] == [
        ("submit", 0.07),
        ("fetch", None),
        ("fetch", None),
    ]


async def test_what_is_unwanted_is_told_as_each_generation_of_models_takes_it(
    recraft: RecraftProvider, standin: RecraftStandin, tmp_path: Path
) -> None:
    job = replace(JOB, negative_prompt="people", parameters={"style": "vector_illustration"})
    await carry_out(recraft, replace(job, model="recraftv3"), tmp_path)
    told = standin.of("submit")[0].json()
    assert told["prompt"] == JOB.prompt
    assert (told["negative_prompt"], told["style"]) == ("people", "vector_illustration")


async def test_images_that_were_paid_for_are_fetched_again_and_never_made_again(
    recraft: RecraftProvider, standin: RecraftStandin, tmp_path: Path
) -> None:
    standin.misbehave(Status(503, NOW), on="fetch", times=2)
    done = await carry_out(recraft, JOB, tmp_path)
    assert len(done.outputs) == 1
    assert [each.operation for each in standin.seen] == ["submit", "fetch", "fetch", "fetch"]


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ([Status(503, NOW)] * 4, "output_unavailable"),
        ([Status(404)], "output_gone"),
        ([Garbage(b"<html>", mime="text/html")], "output_refused"),
    ],
)
async def test_images_that_cannot_be_fetched_end_the_job(
    recraft: RecraftProvider, standin: RecraftStandin, tmp_path: Path, how: list[Any], code: str
) -> None:
    for each in how:
        standin.misbehave(each, on="fetch")
    error = await complaint(carry_out(recraft, JOB, tmp_path))
    assert (type(error), error.code) == (Permanent, code)
    assert len(standin.of("submit")) == 1


async def test_fewer_images_than_were_ordered_are_no_result(
    recraft: RecraftProvider, standin: RecraftStandin, tmp_path: Path
) -> None:
    standin.short_by = 1
    error = await complaint(carry_out(recraft, replace(JOB, output_count=2), tmp_path))
    assert (type(error), error.code) == (Permanent, "output_missing")
    assert standin.calls[0].cost_usd == 0.035


@pytest.mark.parametrize(
    "how", [Cut(after_accepting=True), Cut(midway=True), AfterAccepting(Status(502)), Garbage()]
)
async def test_lost_answer_is_unknown_and_cannot_be_asked_for(
    recraft: RecraftProvider, standin: RecraftStandin, tmp_path: Path, how: Any
) -> None:
    standin.misbehave(how)
    lost = await complaint(recraft.submit(JOB, lambda: tmp_path, lambda _: None))
    assert type(lost) is Unknown
    unknowable = await complaint(recraft.recover(JOB, lambda: tmp_path, lambda _: None))
    assert type(unknowable) is Unknowable
    assert len(standin.seen) == 1


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "not_enough_credits", (Configuration, "provider_quota")),
        (400, "prompt_moderation_failed", (Permanent, "content_refused")),
        (400, "invalid_request_parameter", (Permanent, "provider_refused")),
        (401, "unauthorized", (Configuration, "provider_key_refused")),
        (429, "too_many_requests", (Throttled, "provider_busy")),
        (500, "not_enough_credits", (Unknown, "provider_error")),
    ],
)
async def test_errors_are_what_their_code_says(
    recraft: RecraftProvider, standin: RecraftStandin, status: int, code: str, expected: Any
) -> None:
    standin.misbehave(Status(status, body={"code": code, "message": "No."}))
    error = await complaint(recraft.submit(JOB, Path, lambda _: None))
    assert (type(error), error.code) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"model": "recraftv4_1_vector"}, (Configuration, "unsupported_model")),
        ({"output_count": 7}, (Permanent, "output_count_unsupported")),
    ],
)
async def test_impossible_wishes_are_refused_before_anything_is_sent(
    recraft: RecraftProvider,
    standin: RecraftStandin,
    changes: dict[str, Any],
    expected: tuple[type[ProviderError], str],
) -> None:
    error = await complaint(recraft.submit(replace(JOB, **changes), Path, lambda _: None))
    assert (type(error), error.code) == expected
    assert standin.seen == []


async def test_refusal_for_what_it_shows_is_final(
    recraft: RecraftProvider, standin: RecraftStandin
) -> None:
    standin.plan = Plan(end="refused")
    error = await complaint(recraft.submit(JOB, Path, lambda _: None))
    assert (type(error), error.code) == (Permanent, "content_refused")


async def test_look_up_of_what_was_never_accepted_starts_anew(
    recraft: RecraftProvider, tmp_path: Path
) -> None:
    error = await complaint(recraft.look_up(JOB, lambda: tmp_path))
    assert isinstance(error, Transient)
    assert error.anew
