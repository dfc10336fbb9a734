"""Google: what is told to it, what its interactions mean for a job, and its webhooks."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook
from standins.driving import accepted, carry_out, complaint
from standins.frame import Corrupt, Garbage, Given, Loopback, Plan, Redirect, Status, a_job
from standins.google import GoogleStandin
from standins.media import TINY_MP4, TINY_PNG

from reelbase.providers.base import (
    Configuration,
    Permanent,
    ProviderError,
    Running,
    Throttled,
    Transient,
    Unknowable,
    Unknown,
)
from reelbase.providers.google import ANSWER_BYTES, GoogleProvider, GoogleWebhooks, make_webhooks
from reelbase.webhooks import NotGenuine

pytestmark = pytest.mark.anyio

JOB = a_job(model="gemini-omni-1.2-flash")
STILL = a_job(kind="text_to_image", model="gemini-3.1-flash-image", resolution="2k")
NOW = 1_795_000_000


@pytest.fixture
def standin(standins: Loopback) -> GoogleStandin:
    return standins.open(GoogleStandin)


@pytest.fixture
async def google(standin: GoogleStandin) -> AsyncIterator[GoogleProvider]:
    provider = GoogleProvider(standin.context(), now=lambda: 1000.0)
    yield provider
    await provider.aclose()


def image(data: bytes = TINY_PNG, position: int = 0) -> Given:
    return Given("reference_image", data, position=position)


async def test_film_is_ordered_looked_up_and_fetched(
    google: GoogleProvider, standin: GoogleStandin, tmp_path: Path
) -> None:
    job = replace(
        JOB,
        duration_seconds=4.5,
        parameters={"seed": 3},
        art_style="woodcut",
        audio_instructions="waves",
        negative_prompt="text",
    )
    done = await carry_out(google, job, tmp_path)
    (output,) = done.outputs
    assert (output.role, output.path.read_bytes()) == ("result_video", TINY_MP4)
    assert standin.of("submit")[0].json() == {
        "model": "gemini-omni-1.2-flash",
        "input": f"{JOB.prompt}\nStyle: woodcut\nSound: waves\nAvoid: text",
        "background": True,
        "response_format": {
            "type": "video",
            "delivery": "uri",
            "aspect_ratio": "16:9",
            "resolution": "720p",
            "duration": "5s",
        },
        "generation_config": {"seed": 3, "video_config": {"task": "text_to_video"}},
    }


async def test_tokens_are_what_is_billed(
    google: GoogleProvider, standin: GoogleStandin, tmp_path: Path
) -> None:
    done = await carry_out(google, JOB, tmp_path)
    assert done.units == 46436.0
    assert [call.units for call in standin.calls] == [None, None, None, 46436.0]


@pytest.mark.parametrize(
    ("usage", "units"),
    [
        ({"total_output_tokens": 9, "total_thought_tokens": "x"}, 9.0),
        ({"total_output_tokens": 1 << 52}, None),
        ({"total_output_tokens": -9}, None),
        ([], None),
    ],
)
async def test_film_is_not_lost_for_a_figure_that_cannot_be_true(
    google: GoogleProvider, standin: GoogleStandin, tmp_path: Path, usage: Any, units: float | None
) -> None:
    standin.plan = Plan(looks=0)
    standin.misbehave(Corrupt(lambda told: told | {"usage": usage}), on="look_up")
    done = await carry_out(google, JOB, tmp_path)
    assert (len(done.outputs), done.units) == (1, units)


async def test_bytes_are_asked_for_with_the_key(
    google: GoogleProvider, standin: GoogleStandin, tmp_path: Path
) -> None:
    await carry_out(google, JOB, tmp_path)
    (download,) = standin.of("fetch")
    assert download.headers["x-goog-api-key"] == standin.key
    assert download.query == {"alt": "media"}


async def test_key_goes_to_nobody_else(standin: GoogleStandin, tmp_path: Path) -> None:
    """Neither to an address elsewhere, nor to where one of Google's sends us."""
    elsewhere = standin.host.replace("127.0.0.1", "localhost")

    def moved(told: Any) -> Any:
        return json.loads(json.dumps(told).replace(standin.host, elsewhere))

    hosts = frozenset({standin.host, elsewhere})
    provider = GoogleProvider(standin.context(private_hosts=hosts))
    standin.plan = Plan(looks=0)
    standin.misbehave(Corrupt(moved), on="look_up")
    await carry_out(provider, JOB, tmp_path)
    target = standin.file(TINY_MP4, "video/mp4").replace(standin.host, elsewhere)
    standin.misbehave(Redirect(target), on="fetch")
    folder = tmp_path / "second"
    folder.mkdir()
    await carry_out(provider, JOB, folder)
    await provider.aclose()
    keys = [("x-goog-api-key" in each.headers) for each in standin.of("fetch")]
    assert keys == [False, True, False]


async def test_image_is_made_while_one_waits(
    google: GoogleProvider, standin: GoogleStandin, tmp_path: Path
) -> None:
    standin.plan = Plan(media=((TINY_PNG, "image/png"),))
    done = await carry_out(google, replace(STILL, inputs=(image(),)), tmp_path)
    (output,) = done.outputs
    assert (output.role, output.path.read_bytes()) == ("result_image", TINY_PNG)
    (submission,) = standin.seen
    told = submission.json()
    assert told["response_format"] == {
        "type": "image",
        "aspect_ratio": "16:9",
        "image_size": "2K",
    }
    assert "background" not in told
    assert told["input"] == [
        {
            "type": "image",
            "data": base64.b64encode(TINY_PNG).decode(),
            "mime_type": "image/png",
        },
        {"type": "text", "text": STILL.prompt},
    ]
    assert standin.calls[0].units == 46436.0


@pytest.mark.parametrize(
    ("inputs", "task"),
    [((image(),), "image_to_video"), ((image(), image(position=1)), "reference_to_video")],
)
async def test_images_go_along_with_the_text(
    google: GoogleProvider,
    standin: GoogleStandin,
    tmp_path: Path,
    inputs: tuple[Given, ...],
    task: str,
) -> None:
    await accepted(google, replace(JOB, kind="image_to_video", inputs=inputs), tmp_path)
    told = standin.of("submit")[0].json()
    assert [each["type"] for each in told["input"]] == [*["image"] * len(inputs), "text"]
    assert told["generation_config"]["video_config"] == {"task": task}


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ((), "input_missing"),
        (
            (image(TINY_PNG + bytes(8 << 20)), image(TINY_PNG + bytes(8 << 20), 1)),
            "input_too_large",
        ),
        ((image(b"words"),), "input_unreadable"),
    ],
)
async def test_unusable_inputs_are_refused_before_anything_is_sent(
    google: GoogleProvider,
    standin: GoogleStandin,
    tmp_path: Path,
    inputs: tuple[Given, ...],
    code: str,
) -> None:
    job = replace(JOB, kind="image_to_video", inputs=inputs)
    error = await complaint(google.submit(job, lambda: tmp_path, lambda _: None))
    assert (type(error), error.code) == (Permanent, code)
    assert standin.seen == []


async def test_model_that_answers_with_words_has_refused(
    google: GoogleProvider, standin: GoogleStandin, tmp_path: Path
) -> None:
    standin.plan = Plan(looks=0, end="refused")
    job = await accepted(google, JOB, tmp_path)
    error = await complaint(google.look_up(job, lambda: tmp_path))
    assert (type(error), error.code) == (Permanent, "content_refused")
    assert standin.calls[-1].units == 15.0


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"code": "internal_error", "message": "Oh."}, (Transient, "provider_failed")),
        ({"code": 503, "status": "UNAVAILABLE"}, (Transient, "provider_failed")),
        (None, (Transient, "provider_failed")),
        ({"code": "errors/PROHIBITED_CONTENT"}, (Permanent, "content_refused")),
        (
            {"code": 400, "message": "Your request was blocked for safety reasons."},
            (Permanent, "content_refused"),
        ),
        ({"code": "invalid_request", "message": "Bad image."}, (Permanent, "provider_failed")),
    ],
)
async def test_failures_are_made_anew_only_if_they_were_the_providers(
    google: GoogleProvider,
    standin: GoogleStandin,
    tmp_path: Path,
    told: Any,
    expected: tuple[type[ProviderError], str],
) -> None:
    standin.plan, standin.error = Plan(looks=0, end="failed"), told
    job = await accepted(google, JOB, tmp_path)
    error = await complaint(google.look_up(job, lambda: tmp_path))
    assert (type(error), error.code) == expected
    assert getattr(error, "anew", False) == isinstance(error, Transient)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("cancelled", "provider_cancelled"),
        ("incomplete", "provider_failed"),
        ("budget_exceeded", "provider_failed"),
        ("requires_action", "provider_failed"),
    ],
)
async def test_other_ends_are_final(
    google: GoogleProvider, standin: GoogleStandin, tmp_path: Path, status: str, code: str
) -> None:
    standin.plan = Plan(looks=0, end=status)
    job = await accepted(google, JOB, tmp_path)
    error = await complaint(google.look_up(job, lambda: tmp_path))
    assert (type(error), error.code) == (Permanent, code)


async def test_status_of_no_known_name_is_asked_for_again(
    google: GoogleProvider, standin: GoogleStandin, tmp_path: Path
) -> None:
    standin.plan = Plan(looks=0, end="meditating")
    job = await accepted(google, JOB, tmp_path)
    error = await complaint(google.look_up(job, lambda: tmp_path))
    assert (type(error), error.code) == (Transient, "provider_garbled")


def refused(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"} | more}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (
            400,
            refused("API key not valid. Please pass a valid API key."),
            (Configuration, "provider_key_refused"),
        ),
        (
            400,
            [refused("No.", details=[{"reason": "API_KEY_INVALID"}])],
            (Configuration, "provider_key_refused"),
        ),
        (
            400,
            refused("It was blocked by our policies."),
            (Permanent, "content_refused"),
        ),
        (
            400,
            {"error": {"code": 400, "status": "FAILED_PRECONDITION", "message": "Pay first."}},
            (Configuration, "provider_account_refused"),
        ),
        (400, refused("duration is not valid"), (Permanent, "provider_refused")),
        (403, refused("No."), (Configuration, "provider_key_refused")),
        (500, refused("Oh."), (Unknown, "provider_error")),
    ],
)
async def test_refused_submissions_are_what_their_error_says(
    google: GoogleProvider,
    standin: GoogleStandin,
    status: int,
    body: Any,
    expected: tuple[type[ProviderError], str],
) -> None:
    standin.misbehave(Status(status, body=body))
    error = await complaint(google.submit(JOB, Path, lambda _: None))
    assert (type(error), error.code) == expected


async def test_pause_that_the_provider_names_is_kept(
    google: GoogleProvider, standin: GoogleStandin
) -> None:
    details = [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure"},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"},
    ]
    standin.misbehave(Status(429, body=refused("Slow down.", details=details)))
    error = await complaint(google.submit(JOB, Path, lambda _: None))
    assert isinstance(error, Throttled)
    assert error.retry_after == 34.5


@pytest.mark.parametrize(
    ("how", "since", "expected"),
    [
        (None, 990, (Transient, "provider_not_found")),
        (None, 100, (Permanent, "provider_lost")),
        (Status(404), 100, (Permanent, "provider_lost")),
        (Status(400, body=refused("Something else.")), 100, (Transient, "provider_refused")),
        (
            Status(400, body=refused("API key expired. Renew it.")),
            100,
            (Configuration, "provider_key_refused"),
        ),
        (Garbage(b"<html>", status=400), 100, (Transient, "provider_refused")),
    ],
)
async def test_look_up_that_is_refused_says_little_against_the_job(
    google: GoogleProvider,
    standin: GoogleStandin,
    tmp_path: Path,
    how: Any,
    *,
    since: int,
    expected: tuple[type[ProviderError], str],
) -> None:
    if how is not None:
        standin.misbehave(how, on="look_up")
    job = replace(JOB, provider_job_id="gone", provider_state={"at": since})
    error = await complaint(google.look_up(job, lambda: tmp_path))
    assert (type(error), error.code) == expected
    assert not getattr(error, "anew", False)


async def test_interaction_is_asked_after_rarely_where_google_calls_back(
    google: GoogleProvider, standin: GoogleStandin, tmp_path: Path
) -> None:
    standin.plan = Plan(looks=9)
    job = await accepted(google, JOB, tmp_path)
    assert await google.look_up(job, lambda: tmp_path) == Running(None, 4.0)
    context = standin.context(webhook_url="https://reelbase.example/webhooks/google")
    provider = GoogleProvider(context, now=lambda: 1000.0)
    assert await provider.look_up(job, lambda: tmp_path) == Running(None, 30.0)
    await provider.aclose()


async def test_interaction_is_cancelled_once(
    google: GoogleProvider, standin: GoogleStandin, tmp_path: Path
) -> None:
    job = await accepted(google, JOB, tmp_path)
    for _ in range(2):
        await google.cancel(job.reference, job.provider_job_id, job.provider_state)
    await google.cancel(job.reference, None, {})
    assert [work.ended for work in standin.works.values()] == ["cancelled"]
    assert [call.status_code for call in standin.calls[1:]] == [200, 400]


async def test_no_more_jobs_are_in_hand_than_there_is_room_for(google: GoogleProvider) -> None:
    assert google.concurrency * ANSWER_BYTES <= 512 << 20


async def test_lost_submission_cannot_be_found(google: GoogleProvider, tmp_path: Path) -> None:
    error = await complaint(google.recover(JOB, lambda: tmp_path, lambda _: None))
    assert isinstance(error, Unknowable)


# Webhooks -----------------------------------------------------------------------------------------


@pytest.fixture
def webhooks(standin: GoogleStandin) -> GoogleWebhooks:
    made = make_webhooks(standin.context())
    assert made is not None
    return made


def signed(body: bytes, secret: str = GoogleStandin.secret) -> dict[str, str]:
    """Sign a delivery as the standard's own library does."""
    signature = Webhook(secret).sign("msg-1", datetime.fromtimestamp(NOW, UTC), body.decode())
    return {
        "webhook-id": "msg-1",
        "webhook-timestamp": str(NOW),
        "webhook-signature": signature,
    }


@pytest.mark.parametrize(
    ("event", "subject"),
    [
        ({"type": "interaction.completed", "data": {"id": "abc"}}, "abc"),
        ({"type": "interaction.failed", "data": {"name": "interactions/abc"}}, "abc"),
        ({"type": "batch.succeeded", "data": {}}, None),
        ({"type": "interaction.completed", "data": [1]}, None),
    ],
)
async def test_genuine_event_names_its_interaction(
    webhooks: GoogleWebhooks, event: Any, subject: str | None
) -> None:
    body = json.dumps(event).encode()
    told = await webhooks.verify(signed(body), body, NOW + 10)
    assert (told.event_id, told.type, told.subject) == ("msg-1", event["type"], subject)
    assert "webhook-signature" not in told.headers


@pytest.mark.parametrize(
    ("body", "secret", "now"),
    [
        (b'{"type": "x"} ', GoogleStandin.secret, NOW),
        (b'{"type": "x"}', "whsec_" + base64.b64encode(b"another").decode(), NOW),
        (b'{"type": "x"}', GoogleStandin.secret, NOW + 301),
        (b'{"type": "x"}', GoogleStandin.secret, NOW - 301),
        (b"[1]", GoogleStandin.secret, NOW),
        (b"{", GoogleStandin.secret, NOW),
        (b"[" * 50_000, GoogleStandin.secret, NOW),
    ],
)
async def test_everything_else_is_not_genuine(
    webhooks: GoogleWebhooks, body: bytes, secret: str, now: int
) -> None:
    headers = signed(body.rstrip(), secret)
    with pytest.raises(NotGenuine):
        await webhooks.verify(headers, body, now)


def test_webhooks_are_left_out_where_none_was_registered(standin: GoogleStandin) -> None:
    environ = standin.environ | {"GEMINI_WEBHOOK_SECRET": " "}
    assert make_webhooks(standin.context(environ=environ)) is None


def test_unusable_secret_is_named_and_not_told(standin: GoogleStandin) -> None:
    environ = standin.environ | {"GEMINI_WEBHOOK_SECRET": "whsec_!!!!"}
    with pytest.raises(Configuration, match="GEMINI_WEBHOOK_SECRET") as caught:
        make_webhooks(standin.context(environ=environ))
    assert "!!!!" not in str(caught.value)
