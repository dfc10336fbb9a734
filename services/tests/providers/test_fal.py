"""fal: what is sent, what its queue's answers mean, and its webhooks."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from standins.driving import accepted, carry_out, complaint
from standins.fal import APP, MODEL, FalStandin
from standins.frame import (
    Corrupt,
    Garbage,
    Given,
    Loopback,
    Plan,
    Redirect,
    Status,
    a_job,
)
from standins.media import TINY_MP4, TINY_PNG

from reelbase.jwks import KeySet
from reelbase.providers.base import (
    Configuration,
    Finished,
    Permanent,
    Running,
    Transient,
    Unknowable,
    Unknown,
)
from reelbase.providers.fal import Fal, FalWebhooks, make_webhooks
from reelbase.webhooks import NotGenuine, SourceUnavailable

pytestmark = pytest.mark.anyio

JOB = a_job(model=MODEL, resolution=None)
NOW = 1_790_000_000.0


def no_report(progress: int) -> None:
    """Take the progress, and do nothing."""


@pytest.fixture
def standin(standins: Loopback) -> FalStandin:
    return standins.open(FalStandin)


@pytest.fixture
async def fal(standin: FalStandin) -> AsyncIterator[Fal]:
    provider = Fal(standin.context(), now=lambda: NOW)
    yield provider
    await provider.aclose()


# Submitting ---------------------------------------------------------------------------------------


async def test_job_is_queued_in_the_models_words(
    fal: Fal, standin: FalStandin, tmp_path: Path
) -> None:
    job = replace(JOB, negative_prompt="text", duration_seconds=7)
    taken = await fal.submit(job, lambda: tmp_path, no_report)
    (submission,) = standin.of("submit")
    assert submission.path == f"/{MODEL}"
    assert submission.query == {}
    assert submission.headers["authorization"] == f"Key {standin.key}"
    assert submission.json() == {
        "prompt": JOB.prompt,
        "negative_prompt": "text",
        "duration": "10",
        "aspect_ratio": "16:9",
    }
    address = f"{standin.url}/{APP}/requests/{taken.provider_job_id}"
    assert taken.state == {
        "at": round(NOW),
        "response_url": address,
        "status_url": f"{address}/status",
        "cancel_url": f"{address}/cancel",
    }
    (describing,) = standin.of("describe")
    assert describing.query == {"endpoint_id": MODEL}
    assert "authorization" not in describing.headers


async def test_queue_is_told_where_to_call_back(standin: FalStandin, tmp_path: Path) -> None:
    hook = "https://us.example/webhooks/fal"
    provider = Fal(standin.context(webhook_url=hook))
    taken = await provider.submit(JOB, lambda: tmp_path, no_report)
    assert standin.of("submit")[0].query == {"fal_webhook": hook}
    assert taken.poll_after_seconds == 30.0
    await provider.aclose()


async def test_image_is_handed_over_by_its_address(
    fal: Fal, standin: FalStandin, tmp_path: Path
) -> None:
    standin.inputs = {"prompt": {}, "image_url": {"type": "string"}}
    job = replace(JOB, kind="image_to_video", inputs=(Given("reference_image", TINY_PNG),))
    await fal.submit(job, lambda: tmp_path, no_report)
    assert standin.of("submit")[0].json()["image_url"] == job.inputs[0].url  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "how", [Redirect("https://elsewhere.example/"), Garbage(b"<html>"), Status(404)]
)
async def test_model_that_does_not_say_is_told_by_the_usual_names(
    fal: Fal, standin: FalStandin, tmp_path: Path, how: Any
) -> None:
    standin.misbehave(how, on="describe")
    await fal.submit(JOB, lambda: tmp_path, no_report)
    sent = standin.of("submit")[0].json()
    assert (sent["aspect_ratio"], sent["duration"], sent["num_images"]) == ("16:9", 5, 1)


@pytest.mark.parametrize("model", ["model", "a//b", "../x/y", "a/b?c", "", "a/b/", "https://x/y"])
async def test_name_of_no_endpoint_is_the_operators_business(
    fal: Fal, standin: FalStandin, tmp_path: Path, model: str
) -> None:
    error = await complaint(fal.submit(replace(JOB, model=model), lambda: tmp_path, no_report))
    assert isinstance(error, Configuration)
    assert standin.seen == []


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        ({"detail": "User is locked. Reason: Exhausted balance."}, Configuration, "provider_quota"),
        ({"detail": "Forbidden"}, Configuration, "provider_key_refused"),
        ({"detail": [{"type": "content_policy_violation", "msg": "No."}]}, Permanent,
         "provider_moderated"),
        (None, Configuration, "provider_key_refused"),
    ],
)  # fmt: skip
async def test_what_is_forbidden_is_told_apart(  # noqa: PLR0917
    fal: Fal, standin: FalStandin, tmp_path: Path, body: Any, kind: type, code: str
) -> None:
    standin.misbehave(Status(403, body=body))
    error = await complaint(fal.submit(JOB, lambda: tmp_path, no_report))
    assert (type(error), error.code) == (kind, code)


# Looking up ---------------------------------------------------------------------------------------


async def test_job_is_followed_by_the_addresses_that_were_named(
    fal: Fal, standin: FalStandin, tmp_path: Path
) -> None:
    done = await carry_out(fal, JOB, tmp_path)
    assert done.units == 5.0
    assert done.outputs[0].path.read_bytes() == TINY_MP4
    assert [call.units for call in standin.calls if call.units is not None] == [5.0]
    looks, results = standin.of("look_up"), standin.of("result")
    assert (len(looks), len(results)) == (2, 1)
    assert results[0].port not in {look.port for look in looks}


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/status", "http://127.0.0.1:9/", None, 5, "x" * 3000]
)
async def test_addresses_elsewhere_are_not_kept_and_the_documented_ones_used(
    fal: Fal, standin: FalStandin, tmp_path: Path, elsewhere: Any
) -> None:
    changed = {"status_url": elsewhere, "response_url": elsewhere, "cancel_url": elsewhere}
    standin.misbehave(Corrupt(lambda told: told | changed))
    job = await accepted(fal, JOB, tmp_path)
    assert set(job.provider_state) == {"at"}
    assert isinstance(await fal.look_up(job, lambda: tmp_path), Running)
    assert standin.of("look_up")[0].path == f"/{APP}/requests/{job.provider_job_id}/status"


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "code", "anew"),
    [
        (422, {}, {"detail": [{"type": "content_policy_violation", "msg": "No."}]}, Permanent,
         "provider_moderated", False),
        (422, {}, {"detail": [{"type": "value_error", "msg": "No."}]}, Permanent,
         "provider_refused", False),
        (400, {}, {"detail": "No."}, Permanent, "provider_refused", False),
        (504, {}, {"detail": "x", "error_type": "request_timeout"}, Transient,
         "provider_failed", True),
        (503, {"x-fal-error-type": "runner_disconnected"}, None, Transient,
         "provider_failed", True),
        (500, {}, {"detail": [{"type": "internal_server_error", "msg": "x"}]}, Transient,
         "provider_failed", True),
        (502, {"retry-after": "4"}, "<html>nginx</html>", Transient, "provider_error", False),
        (500, {}, {"error_type": ["x"]}, Transient, "provider_error", False),
        (404, {}, {"detail": "x"}, Transient, "provider_not_found", False),
    ],
)  # fmt: skip
async def test_error_in_the_results_place_is_told_apart(  # noqa: PLR0917
    fal: Fal, standin: FalStandin, tmp_path: Path,
    status: int, headers: dict[str, str], body: Any, kind: type, code: str, anew: bool,
) -> None:  # fmt: skip
    standin.plan = Plan(looks=0)
    job = await accepted(fal, JOB, tmp_path)
    standin.misbehave(Status(status, headers, body), on="result")
    error = await complaint(fal.look_up(job, lambda: tmp_path))
    assert (type(error), error.code) == (kind, code)
    assert getattr(error, "anew", False) is anew


@pytest.mark.parametrize(
    ("changed", "kind", "code"),
    [
        ({"error": "It broke."}, Permanent, "provider_failed"),
        ({"error_type": "startup_timeout"}, Transient, "provider_failed"),
        ({"error_type": "client_cancelled"}, Permanent, "provider_cancelled"),
        ({"error_type": ["?"]}, Permanent, "provider_failed"),
        ({"status": "ON_FIRE"}, Transient, "provider_garbled"),
    ],
)
async def test_job_that_is_complete_may_have_failed(  # noqa: PLR0917
    fal: Fal, standin: FalStandin, tmp_path: Path, changed: Any, kind: type, code: str
) -> None:
    standin.plan = Plan(looks=0)
    job = await accepted(fal, JOB, tmp_path)
    standin.misbehave(Corrupt(lambda told: told | changed), on="look_up")
    error = await complaint(fal.look_up(job, lambda: tmp_path))
    assert (type(error), error.code) == (kind, code)
    assert getattr(error, "anew", False) is (changed == {"error_type": "startup_timeout"})


@pytest.mark.parametrize("has_ended", [True, False])
async def test_end_that_does_not_say_whose_it_is_is_asked_for_on_a_connection_of_its_own(
    fal: Fal, standin: FalStandin, tmp_path: Path, *, has_ended: bool
) -> None:
    standin.plan = Plan(looks=0 if has_ended else 9)
    job = await accepted(fal, JOB, tmp_path)
    left_over = {"status": "COMPLETED", "error_type": "runner_disconnected"}
    standin.misbehave(Corrupt(lambda _: left_over), on="look_up")
    assert isinstance(await fal.look_up(job, lambda: tmp_path), Finished if has_ended else Running)
    first, second = standin.of("look_up")
    assert first.port != second.port


async def test_result_that_is_not_everywhere_yet_is_waited_for(
    fal: Fal, standin: FalStandin, tmp_path: Path
) -> None:
    standin.plan = Plan(looks=9)
    job = await accepted(fal, JOB, tmp_path)
    standin.misbehave(Corrupt(lambda told: told | {"status": "COMPLETED"}), on="look_up")
    assert isinstance(await fal.look_up(job, lambda: tmp_path), Running)
    assert len(standin.of("result")) == 1


async def test_fewer_results_than_were_ordered_are_none(
    fal: Fal, standin: FalStandin, tmp_path: Path
) -> None:
    standin.plan = Plan(looks=0)
    standin.inputs = {"prompt": {"type": "string"}, "num_images": {"type": "integer"}}
    job = await accepted(fal, replace(JOB, output_count=2), tmp_path)
    error = await complaint(fal.look_up(job, lambda: tmp_path))
    assert (type(error), error.code) == (Permanent, "output_missing")


async def test_result_that_was_blackened_is_none(
    fal: Fal, standin: FalStandin, tmp_path: Path
) -> None:
    job = replace(JOB, kind="text_to_image", duration_seconds=None)
    address = standin.file(TINY_PNG, "image/png")
    images = [{"url": address, "content_type": "image/png"}] * 2
    standin.plan = Plan(looks=0)
    standin.result = {"images": images, "has_nsfw_concepts": [True, True]}
    error = await complaint(carry_out(fal, job, tmp_path))
    assert (type(error), error.code) == (Permanent, "provider_moderated")
    standin.result = {"images": images, "has_nsfw_concepts": [False, True]}
    done = await carry_out(fal, job, tmp_path)
    assert [output.role for output in done.outputs] == ["result_image"]


@pytest.mark.parametrize("result", [{}, [], None, "done", {"video": {"url": 5}}, {"video": None}])
async def test_result_without_an_address_is_none(
    fal: Fal, standin: FalStandin, tmp_path: Path, result: Any
) -> None:
    standin.plan = Plan(looks=0)
    standin.result = {"video": None} if result is None else result
    error = await complaint(carry_out(fal, JOB, tmp_path))
    assert (type(error), error.code) == (Permanent, "no_output")


@pytest.mark.parametrize("units", ["nan", "-1", "5 units", "1e9999", ""])
async def test_bill_that_is_no_number_is_left_out(
    fal: Fal, standin: FalStandin, tmp_path: Path, units: str
) -> None:
    standin.plan = Plan(looks=0)
    made = {"video": {"url": standin.file(TINY_MP4, "video/mp4")}}
    standin.misbehave(Status(200, {"x-fal-billable-units": units}, made), on="result")
    done = await carry_out(fal, JOB, tmp_path)
    assert done.units is None


async def test_job_is_cancelled_at_the_address_that_was_named(
    fal: Fal, standin: FalStandin, tmp_path: Path
) -> None:
    job = await accepted(fal, JOB, tmp_path)
    await fal.cancel(job.reference, job.provider_job_id, job.provider_state)
    assert standin.works[str(job.provider_job_id)].ended == "cancelled"
    standin.misbehave(Status(500), on="cancel")
    error = await complaint(fal.cancel(job.reference, job.provider_job_id, job.provider_state))
    assert isinstance(error, Transient)
    await fal.cancel(job.reference, None, {})
    assert len(standin.of("cancel")) == 2


async def test_state_that_was_tampered_with_takes_the_key_nowhere(
    fal: Fal, standin: FalStandin, tmp_path: Path
) -> None:
    job = await accepted(fal, JOB, tmp_path)
    state = {"status_url": "https://evil.example/", "cancel_url": "https://evil.example/"}
    for doing in (
        fal.look_up(replace(job, provider_state=state), lambda: tmp_path),
        fal.cancel(job.reference, job.provider_job_id, state),
    ):
        assert isinstance(await complaint(doing), Transient)


async def test_queue_cannot_tell_what_is_in_it(
    fal: Fal, standin: FalStandin, tmp_path: Path
) -> None:
    standin.misbehave(Garbage())
    assert isinstance(await complaint(fal.submit(JOB, lambda: tmp_path, no_report)), Unknown)
    assert isinstance(await complaint(fal.recover(JOB, lambda: tmp_path, no_report)), Unknowable)


# Webhooks -----------------------------------------------------------------------------------------

BODY = json.dumps({"request_id": "req-1", "status": "OK", "payload": {}}).encode()


@pytest.fixture
def source(standin: FalStandin) -> FalWebhooks:
    made = make_webhooks(standin.context())
    assert isinstance(made, FalWebhooks)
    return made


async def test_genuine_delivery_says_which_job_it_is_about(
    source: FalWebhooks, standin: FalStandin
) -> None:
    headers, body = standin.signed("req-1", BODY, round(NOW))
    event = await source.verify(headers, body, NOW)
    assert (event.event_id, event.type, event.subject) == ("req-1", "OK", "req-1")
    assert set(event.headers) == {"x-fal-webhook-request-id", "x-fal-webhook-timestamp"}


@pytest.mark.parametrize(
    ("its_id", "body", "sent", "changes"),
    [
        ("req-1", BODY, -301, {}),
        ("req-1", BODY, 301, {}),
        ("req-1", BODY, 0, {"x-fal-webhook-request-id": "req-2"}),
        ("req-1", BODY, 0, {"x-fal-webhook-user-id": "user-2"}),
        ("req-1", BODY, 0, {"x-fal-webhook-signature": "00" * 64}),
        ("req-1", BODY, 0, {"x-fal-webhook-signature": ""}),
        ("req-1", b"[]", 0, {}),
        ("req-1", b'{"request_id": "../x"}', 0, {}),
        ("req-1", b"{", 0, {}),
    ],
    ids=["old", "new", "id", "user", "zeros", "bare", "list", "path", "half"],
)
async def test_delivery_that_is_not_genuine_is_refused(  # noqa: PLR0917
    source: FalWebhooks, standin: FalStandin, its_id: str, body: bytes, sent: int,
    changes: dict[str, str],
) -> None:  # fmt: skip
    headers, body = standin.signed(its_id, body, round(NOW) + sent)
    with pytest.raises(NotGenuine):
        await source.verify(headers | changes, body, NOW)


async def test_key_that_is_new_is_fetched_once_a_minute_at_most(standin: FalStandin) -> None:
    clock = [0.0]
    keys = KeySet(f"{standin.url}/.well-known/jwks.json", clock=lambda: clock[0])
    source = FalWebhooks(keys)
    headers, body = standin.signed("req-1", BODY, round(NOW))
    await source.verify(headers, body, NOW)
    standin.private_key = Ed25519PrivateKey.generate()
    headers, body = standin.signed("req-1", BODY, round(NOW))
    for _ in range(3):
        with pytest.raises(NotGenuine):
            await source.verify(headers, body, NOW)
    assert len(standin.of("keys")) == 1
    clock[0] = 61.0
    await source.verify(headers, body, NOW)
    assert len(standin.of("keys")) == 2


async def test_nothing_is_let_through_while_the_keys_are_not_to_be_had(
    source: FalWebhooks, standin: FalStandin
) -> None:
    standin.misbehave(Status(500), on="keys")
    headers, body = standin.signed("req-1", BODY, round(NOW))
    with pytest.raises(SourceUnavailable):
        await source.verify(headers, body, NOW)


async def test_stand_ins_own_delivery_is_genuine(
    source: FalWebhooks, standin: FalStandin, tmp_path: Path
) -> None:
    provider = Fal(standin.context(webhook_url="https://us.example/webhooks/fal"))
    for end in ("succeeded", "refused"):
        standin.works.clear()
        standin.plan = Plan(end=end)
        await provider.submit(JOB, lambda: tmp_path, no_report)
        (work,) = standin.works.values()
        work.end()
        _, headers, body = standin.delivery(work) or ("", {}, b"")
        event = await source.verify(headers, body, float(headers["x-fal-webhook-timestamp"]))
        assert (event.subject, event.type) == (work.id, "OK" if end == "succeeded" else "ERROR")
    await provider.aclose()


def test_no_delivery_raises_anything_but_the_refusal(standin: FalStandin) -> None:
    headers, _ = standin.signed("req-1", BODY, 1)
    raw = standin.private_key.public_key().public_bytes_raw()
    x = base64.urlsafe_b64encode(raw).decode()

    async def fetched(url: str) -> bytes:
        return json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x}]}).encode()

    @settings(max_examples=30, deadline=None, database=None)
    @given(
        st.dictionaries(st.sampled_from(sorted(headers)), st.text(max_size=60)),
        st.binary(max_size=60) | st.just(BODY),
        st.floats(1e9, 1e12),
    )
    def run(changes: dict[str, str], body: bytes, now: float) -> None:
        source = FalWebhooks(KeySet("https://keys.example", fetched))
        with pytest.raises(NotGenuine):
            anyio.run(source.verify, headers | changes, body, now)

    run()
