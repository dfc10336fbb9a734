"""ElevenLabs: text in, sound out, and never a second bill for it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from standins.driving import carry_out, complaint
from standins.elevenlabs import CONTRACT, ElevenLabsStandin
from standins.frame import AfterAccepting, Cut, Garbage, Loopback, Status
from standins.media import TINY_MP3

from reelbase.providers.base import (
    Configuration,
    Permanent,
    ProviderError,
    Throttled,
    Unknowable,
    Unknown,
)
from reelbase.providers.elevenlabs import ElevenLabsProvider

pytestmark = pytest.mark.anyio

JOB = CONTRACT.job


@pytest.fixture
def standin(standins: Loopback) -> ElevenLabsStandin:
    return standins.open(ElevenLabsStandin)


@pytest.fixture
async def elevenlabs(standin: ElevenLabsStandin) -> AsyncIterator[ElevenLabsProvider]:
    provider = ElevenLabsProvider(standin.context())
    yield provider
    await provider.aclose()


def left_in(folder: Path) -> list[str]:
    """What lies in a folder."""
    return [each.name for each in folder.iterdir()]


async def test_text_is_spoken(
    elevenlabs: ElevenLabsProvider, standin: ElevenLabsStandin, tmp_path: Path
) -> None:
    done = await carry_out(elevenlabs, JOB, tmp_path)
    (output,) = done.outputs
    assert (output.role, output.mime_type) == ("result_audio", "audio/mpeg")
    assert output.path.read_bytes() == TINY_MP3
    (submission,) = standin.seen
    assert submission.path == "/v1/text-to-speech/JBFqnCBsd6RMkjVDRZzb"
    assert submission.query == {"output_format": "mp3_44100_128"}
    assert submission.json() == {"text": JOB.prompt, "model_id": "eleven_multilingual_v2"}


async def test_characters_that_were_billed_are_recorded(
    elevenlabs: ElevenLabsProvider, standin: ElevenLabsStandin, tmp_path: Path
) -> None:
    done = await carry_out(elevenlabs, JOB, tmp_path)
    (call,) = standin.calls
    assert done.units == call.units == len(JOB.prompt)
    assert call.request_id == f"request-{next(iter(standin.works))}"


async def test_parameters_are_told_in_the_vendors_words(
    elevenlabs: ElevenLabsProvider, standin: ElevenLabsStandin, tmp_path: Path
) -> None:
    parameters = {
        "voice": "21m00Tcm4TlvDq8ikWAM",
        "seed": 0,
        "language": "th",
        "stability": 0.4,
        "speed": 1.1,
    }
    await carry_out(elevenlabs, replace(JOB, parameters=parameters), tmp_path)
    (submission,) = standin.seen
    assert submission.path.endswith("/21m00Tcm4TlvDq8ikWAM")
    told = submission.json()
    assert (told["seed"], told["language_code"]) == (0, "th")
    assert told["voice_settings"] == {"stability": 0.4, "speed": 1.1}


async def test_operator_chooses_the_voice_where_nobody_else_does(
    standin: ElevenLabsStandin, tmp_path: Path
) -> None:
    environ = standin.environ | {"REELBASE_ELEVENLABS_VOICE": "21m00Tcm4TlvDq8ikWAM"}
    provider = ElevenLabsProvider(standin.context(environ=environ))
    await carry_out(provider, JOB, tmp_path)
    await provider.aclose()
    assert standin.seen[0].path.endswith("/21m00Tcm4TlvDq8ikWAM")


def test_voice_of_the_operators_that_is_none_is_said_at_the_start(
    standin: ElevenLabsStandin,
) -> None:
    environ = standin.environ | {"REELBASE_ELEVENLABS_VOICE": "../voices"}
    with pytest.raises(Configuration, match="REELBASE_ELEVENLABS_VOICE"):
        ElevenLabsProvider(standin.context(environ=environ))


@pytest.mark.parametrize("voice", ["../../v1/history", "a b", "x" * 65, "zzz"])
async def test_unknown_voice_is_refused(
    elevenlabs: ElevenLabsProvider, standin: ElevenLabsStandin, tmp_path: Path, voice: str
) -> None:
    job = replace(JOB, parameters={"voice": voice})
    error = await complaint(elevenlabs.submit(job, lambda: tmp_path, lambda _: None))
    assert (type(error), error.code) == (Permanent, "unknown_voice")
    assert all(each.operation == "submit" for each in standin.seen)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (401, "invalid_api_key", (Configuration, "provider_key_refused")),
        (401, "quota_exceeded", (Configuration, "provider_quota")),
        (400, "max_character_limit_exceeded", (Permanent, "prompt_too_long")),
        (403, "content_against_policy", (Permanent, "content_refused")),
        (429, "too_many_concurrent_requests", (Throttled, "provider_busy")),
        (429, "system_busy", (Throttled, "provider_busy")),
        (400, "something_new", (Permanent, "provider_refused")),
    ],
)
async def test_errors_are_what_their_code_says(
    elevenlabs: ElevenLabsProvider,
    standin: ElevenLabsStandin,
    tmp_path: Path,
    status: int,
    *,
    code: str,
    expected: tuple[type[ProviderError], str],
) -> None:
    standin.misbehave(Status(status, body={"detail": {"status": code, "message": "No."}}))
    error = await complaint(elevenlabs.submit(JOB, lambda: tmp_path, lambda _: None))
    assert (type(error), error.code) == expected


@pytest.mark.parametrize("voice", ["somebodyElse", None])
async def test_voice_that_the_account_may_not_use_keeps_nobody_else_waiting(
    elevenlabs: ElevenLabsProvider, standin: ElevenLabsStandin, tmp_path: Path, voice: str | None
) -> None:
    said = "Free users cannot use library voices via the API. Please upgrade your subscription."
    detail = {"status": "payment_required", "code": "paid_plan_required", "message": said}
    standin.misbehave(Status(402, body={"detail": detail}))
    job = replace(JOB, parameters={"voice": voice} if voice else {})
    error = await complaint(elevenlabs.submit(job, lambda: tmp_path, lambda _: None))
    # Where the operator chose the voice, it is the operator's affair.
    assert type(error) is (Permanent if voice else Configuration)


@pytest.mark.parametrize(
    "how", [Cut(after_accepting=True), Cut(midway=True), AfterAccepting(Status(500))]
)
async def test_lost_answer_is_unknown_and_cannot_be_asked_for(
    elevenlabs: ElevenLabsProvider, standin: ElevenLabsStandin, tmp_path: Path, how: Any
) -> None:
    standin.misbehave(how)
    lost = await complaint(elevenlabs.submit(JOB, lambda: tmp_path, lambda _: None))
    assert type(lost) is Unknown
    unknowable = await complaint(elevenlabs.recover(JOB, lambda: tmp_path, lambda _: None))
    assert type(unknowable) is Unknowable
    assert len(standin.seen) == 1


async def test_answer_that_is_no_sound_is_no_result(
    elevenlabs: ElevenLabsProvider, standin: ElevenLabsStandin, tmp_path: Path
) -> None:
    standin.misbehave(Garbage(b'{"detail": "ok"}'))
    error = await complaint(elevenlabs.submit(JOB, lambda: tmp_path, lambda _: None))
    assert (type(error), error.code) == (Unknown, "provider_garbled")
    assert left_in(tmp_path) == []


async def test_endless_answer_is_cut_off_at_the_largest_output(
    standin: ElevenLabsStandin, tmp_path: Path
) -> None:
    standin.misbehave(Garbage(TINY_MP3 + bytes(2000), mime="audio/mpeg"))
    provider = ElevenLabsProvider(standin.context(max_output_bytes=1000))
    error = await complaint(provider.submit(JOB, lambda: tmp_path, lambda _: None))
    await provider.aclose()
    assert isinstance(error, Unknown)
