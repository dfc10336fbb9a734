"""Replicate: what is sent, what states mean, how lost predictions are found, and its webhooks."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook
from standins.driving import accepted, carry_out, complaint
from standins.frame import (
    Corrupt,
    Cut,
    Given,
    Loopback,
    Plan,
    Status,
    a_job,
)
from standins.media import TINY_PNG
from standins.replicate import MODEL, ReplicateStandin

from reelbase.providers.base import (
    Accepted,
    Configuration,
    Context,
    Finished,
    Permanent,
    Running,
    Transient,
    Unknowable,
    Unknown,
)
from reelbase.providers.replicate import Replicate, ReplicateWebhooks
from reelbase.webhooks import NotGenuine, SourceUnavailable

pytestmark = pytest.mark.anyio

JOB = a_job(model=MODEL)
NOW = 1_790_000_000.0


def no_report(progress: int) -> None:
    """Take the progress, and do nothing."""


@pytest.fixture
def standin(standins: Loopback) -> ReplicateStandin:
    return standins.open(ReplicateStandin)


@pytest.fixture
async def replicate(standin: ReplicateStandin) -> AsyncIterator[Replicate]:
    provider = Replicate(standin.context(), now=lambda: NOW)
    yield provider
    await provider.aclose()


# Submitting ---------------------------------------------------------------------------------------


async def test_prediction_is_ordered_in_the_models_words_and_calls_back(
    replicate: Replicate, standin: ReplicateStandin, tmp_path: Path
) -> None:
    files = tuple(
        Given("reference_image", TINY_PNG, position=n, url=f"https://files.example/{n}")
        for n in range(2)
    )
    job = replace(JOB, parameters={"seed": 7}, negative_prompt="text", inputs=files)
    await replicate.submit(job, lambda: tmp_path, no_report)
    (submission,) = standin.of("submit")
    assert submission.json() == {
        "version": MODEL,
        "input": {
            "prompt": f"{JOB.prompt}\nAvoid: text",
            "aspect_ratio": "16:9",
            "resolution": "720p",
            "duration": 5,
            "seed": 7,
            "image": "https://files.example/0",
            "last_frame_image": "https://files.example/1",
        },
        "webhook": f"https://us.example/webhooks/replicate?job={JOB.id}",
        "webhook_events_filter": ["completed"],
    }
    assert submission.headers["cancel-after"] == "30m"
    assert submission.headers["authorization"] == f"Bearer {standin.key}"


async def test_file_that_only_this_machine_can_read_goes_into_the_request(
    replicate: Replicate, standin: ReplicateStandin, tmp_path: Path
) -> None:
    here = Given("reference_image", TINY_PNG, url="http://127.0.0.1:54321/signed")
    await replicate.submit(replace(JOB, inputs=(here,)), lambda: tmp_path, no_report)
    sent = standin.of("submit")[0].json()["input"]["image"]
    assert sent == f"data:image/png;base64,{base64.b64encode(TINY_PNG).decode()}"


async def test_without_an_address_of_ours_nobody_is_asked_to_call_back(
    standin: ReplicateStandin, tmp_path: Path
) -> None:
    provider = Replicate(standin.context(webhook_url=None))
    taken = await provider.submit(JOB, lambda: tmp_path, no_report)
    assert taken.poll_after_seconds == 2.0
    assert "webhook" not in standin.of("submit")[0].json()
    await provider.aclose()


async def test_models_inputs_are_read_once_an_hour(
    standin: ReplicateStandin, tmp_path: Path
) -> None:
    clock = [NOW]
    provider = Replicate(standin.context(), now=lambda: clock[0])
    for moment in (0, 3599, 3601):
        clock[0] = NOW + moment
        await provider.submit(JOB, lambda: tmp_path, no_report)
    assert len(standin.of("describe")) == 2
    # And what was read serves on when they cannot be.
    clock[0] = NOW + 9999
    standin.misbehave(Status(500), on="describe")
    await provider.submit(JOB, lambda: tmp_path, no_report)
    await provider.aclose()


async def test_model_that_does_not_say_is_told_by_the_usual_names(
    replicate: Replicate, standin: ReplicateStandin, tmp_path: Path
) -> None:
    standin.inputs = None
    await replicate.submit(JOB, lambda: tmp_path, no_report)
    sent = standin.of("submit")[0].json()["input"]
    assert sent["duration"] == 5
    assert sent["num_outputs"] == 1


async def test_nothing_is_ordered_while_the_models_inputs_are_not_to_be_had(
    replicate: Replicate, standin: ReplicateStandin, tmp_path: Path
) -> None:
    standin.misbehave(Status(503), on="describe")
    error = await complaint(replicate.submit(JOB, lambda: tmp_path, no_report))
    assert isinstance(error, Transient)
    assert standin.of("submit") == []


async def test_version_of_a_model_is_described_by_itself(
    replicate: Replicate, standin: ReplicateStandin, tmp_path: Path
) -> None:
    version = "ab" * 32
    job = replace(JOB, model=f"someone/some-model:{version}")
    await replicate.submit(job, lambda: tmp_path, no_report)
    assert standin.of("describe")[0].path == f"/v1/models/someone/some-model/versions/{version}"
    assert standin.of("submit")[0].json()["version"] == job.model


@pytest.mark.parametrize("model", ["model", "a/b/c", "../../account", "a/b:latest", ""])
async def test_name_of_no_model_is_the_operators_business(
    replicate: Replicate, standin: ReplicateStandin, tmp_path: Path, model: str
) -> None:
    error = await complaint(
        replicate.submit(replace(JOB, model=model), lambda: tmp_path, no_report)
    )
    assert isinstance(error, Configuration)
    assert standin.seen == []


async def test_answer_to_somebody_elses_submission_is_not_ours(
    replicate: Replicate, standin: ReplicateStandin, tmp_path: Path
) -> None:
    standin.misbehave(Corrupt(lambda told: told | {"webhook": "https://us.example/?job=another"}))
    error = await complaint(replicate.submit(JOB, lambda: tmp_path, no_report))
    assert isinstance(error, Unknown)


# Looking up ---------------------------------------------------------------------------------------


async def test_progress_and_bill_are_read_from_the_prediction(
    replicate: Replicate, standin: ReplicateStandin, tmp_path: Path
) -> None:
    standin.plan = Plan(looks=2)
    job = await accepted(replicate, JOB, tmp_path)
    first = await replicate.look_up(job, lambda: tmp_path)
    assert isinstance(first, Running)
    assert (first.progress, first.poll_after_seconds) == (42, 30.0)
    await replicate.look_up(job, lambda: tmp_path)
    done = await replicate.look_up(job, lambda: tmp_path)
    assert isinstance(done, Finished)
    assert done.units == 5
    assert [call.units for call in standin.calls if call.units is not None] == [5]


async def test_result_that_cannot_be_fetched_yet_is_billed_once(
    replicate: Replicate, standin: ReplicateStandin, tmp_path: Path
) -> None:
    standin.plan = Plan(looks=0)
    standin.misbehave(Status(500), on="fetch")
    job = await accepted(replicate, JOB, tmp_path)
    assert isinstance(await complaint(replicate.look_up(job, lambda: tmp_path)), Transient)
    await replicate.look_up(job, lambda: tmp_path)
    assert [call.units for call in standin.calls if call.units is not None] == [5]


@pytest.mark.parametrize(
    ("metrics", "units"),
    [
        ({"predict_time": 3.5}, 3.5),
        ({"predict_time": 3.5, "image_count": 2}, 2),
        ({"predict_time": "x"}, None),
        ({}, None),
        (None, None),
        ({"predict_time": -1}, None),
    ],
)
async def test_bill_is_what_the_model_counts(
    replicate: Replicate, standin: ReplicateStandin, tmp_path: Path, metrics: Any, units: Any
) -> None:
    standin.plan = Plan(looks=0)
    standin.misbehave(Corrupt(lambda told: told | {"metrics": metrics}), on="look_up")
    done = await carry_out(replicate, JOB, tmp_path)
    assert done.units == units


@pytest.mark.parametrize(
    ("status", "said", "kind", "code"),
    [
        ("failed", "NSFW content detected", Permanent, "provider_moderated"),
        ("failed", "flagged as sensitive (E005)", Permanent, "provider_moderated"),
        ("failed", "width must be a multiple of 8", Permanent, "provider_refused"),
        ("failed", "CUDA out of memory", Transient, "provider_failed"),
        ("failed", None, Transient, "provider_failed"),
        ("failed", {"a": 1}, Transient, "provider_failed"),
        ("canceled", None, Permanent, "provider_timeout"),
        ("aborted", None, Transient, "provider_aborted"),
        ("on fire", None, Transient, "provider_garbled"),
    ],
)
async def test_ends_of_predictions_mean_what_they_say(  # noqa: PLR0917
    replicate: Replicate, standin: ReplicateStandin, tmp_path: Path,
    status: str, said: Any, kind: type[Exception], code: str,
) -> None:  # fmt: skip
    job = await accepted(replicate, JOB, tmp_path)
    standin.misbehave(Corrupt(lambda told: told | {"status": status, "error": said}), on="look_up")
    error = await complaint(replicate.look_up(job, lambda: tmp_path))
    assert (type(error), error.code) == (kind, code)
    assert getattr(error, "anew", False) is (code in {"provider_failed", "provider_aborted"})


# Looking for what was lost ------------------------------------------------------------------------


async def lose(replicate: Replicate, standin: ReplicateStandin, folder: Path, job: Any) -> None:
    standin.misbehave(Cut(after_accepting=True))
    await complaint(replicate.submit(job, lambda: folder, no_report))


@pytest.mark.parametrize("shown", [{"list", "get"}, {"get"}])
async def test_lost_prediction_is_found_among_many_that_look_alike(
    replicate: Replicate, standin: ReplicateStandin, tmp_path: Path, shown: set[str]
) -> None:
    standin.page_size = 3
    standin.shows_webhooks = frozenset(shown)
    await replicate.submit(replace(JOB, id="another-job"), lambda: tmp_path, no_report)
    await lose(replicate, standin, tmp_path, JOB)
    (*_, lost) = standin.works
    for number in range(7):
        other = replace(JOB, id=f"other-{number}", prompt="Something else")
        await replicate.submit(other, lambda: tmp_path, no_report)
    found = await replicate.recover(JOB, lambda: tmp_path, no_report)
    assert isinstance(found, Accepted)
    assert found.provider_job_id == lost
    assert standin.of("recover")[0].query == {"created_after": "2026-09-21T11:13:20Z"}


async def test_submission_is_looked_for_since_its_job_was_queued(
    standin: ReplicateStandin, replicate: Replicate, tmp_path: Path
) -> None:
    job = replace(JOB, queued_at=datetime(2026, 9, 20, 8, 0, tzinfo=UTC))
    assert await replicate.recover(job, lambda: tmp_path, no_report) is None
    assert standin.of("recover")[0].query == {"created_after": "2026-09-20T07:55:00Z"}


async def test_nothing_alike_means_that_it_never_arrived(
    replicate: Replicate, standin: ReplicateStandin, tmp_path: Path
) -> None:
    standin.shows_webhooks = frozenset()
    other = replace(JOB, id="other", prompt="Something else")
    await replicate.submit(other, lambda: tmp_path, no_report)
    assert await replicate.recover(JOB, lambda: tmp_path, no_report) is None


async def test_one_that_does_not_say_whose_it_is_leaves_it_open(
    replicate: Replicate, standin: ReplicateStandin, tmp_path: Path
) -> None:
    standin.shows_webhooks = frozenset()
    await replicate.submit(replace(JOB, id="other"), lambda: tmp_path, no_report)
    error = await complaint(replicate.recover(JOB, lambda: tmp_path, no_report))
    assert isinstance(error, Unknowable)


async def test_without_calling_back_nobody_can_tell(
    standin: ReplicateStandin, tmp_path: Path
) -> None:
    provider = Replicate(standin.context(webhook_url=None))
    error = await complaint(provider.recover(JOB, lambda: tmp_path, no_report))
    assert isinstance(error, Unknowable)
    await provider.cancel(JOB.reference, None, {})
    assert standin.seen == []
    await provider.aclose()


async def test_list_that_leads_elsewhere_or_nowhere_is_not_followed(
    replicate: Replicate, standin: ReplicateStandin, tmp_path: Path
) -> None:
    await replicate.submit(replace(JOB, id="other"), lambda: tmp_path, no_report)
    standin.misbehave(
        Corrupt(lambda told: told | {"next": "https://evil.example/v1/predictions"}), on="recover"
    )
    error = await complaint(replicate.recover(JOB, lambda: tmp_path, no_report))
    assert isinstance(error, Transient)
    again = f"{standin.url}/v1/predictions"
    standin.misbehave(Corrupt(lambda told: told | {"next": again}), on="recover", times=50)
    error = await complaint(replicate.recover(JOB, lambda: tmp_path, no_report))
    assert isinstance(error, Unknowable)
    assert len(standin.of("recover")) == 21


async def test_lost_prediction_is_cancelled_all_the_same(
    replicate: Replicate, standin: ReplicateStandin, tmp_path: Path
) -> None:
    await lose(replicate, standin, tmp_path, JOB)
    (work,) = standin.works.values()
    await replicate.cancel(JOB.reference, None, {})
    assert work.ended == "cancelled"


# Webhooks -----------------------------------------------------------------------------------------

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes ...").decode()
BODY = json.dumps({"id": "ufawqhfynnddngldkgtslldrkq", "status": "succeeded"}).encode()


PATH = b'{"id": "../x", "status": "succeeded"}'


def signed(body: bytes = BODY, secret: str = SECRET, at: float = NOW) -> dict[str, str]:
    """Headers as the scheme's own library makes them."""
    moment = datetime.fromtimestamp(at, UTC)
    signature = Webhook(secret).sign("msg_1", moment, body.decode())
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at)),
        "webhook-signature": signature,
        "content-type": "application/json",
    }


async def test_genuine_delivery_says_which_prediction_it_is_about() -> None:
    source = ReplicateWebhooks(Context({"REPLICATE_WEBHOOK_SECRET": SECRET}))
    event = await source.verify(signed(), BODY, NOW)
    assert (event.event_id, event.type) == ("msg_1", "prediction.succeeded")
    assert event.subject == "ufawqhfynnddngldkgtslldrkq"
    assert set(event.headers) == {"webhook-id", "webhook-timestamp"}


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (signed(), BODY + b" "),
        (signed(at=NOW - 301), BODY),
        (signed(at=NOW + 301), BODY),
        (signed() | {"webhook-id": "msg_2"}, BODY),
        (signed(secret="whsec_" + base64.b64encode(b"another").decode()), BODY),
        ({}, BODY),
        (signed(b"[]"), b"[]"),
        (signed(b"{"), b"{"),
        (signed(PATH), PATH),
    ],
    ids=["body", "old", "new", "id", "secret", "bare", "list", "half", "path"],
)  # fmt: skip
async def test_delivery_that_is_not_genuine_is_refused(
    headers: dict[str, str], body: bytes
) -> None:
    source = ReplicateWebhooks(Context({"REPLICATE_WEBHOOK_SECRET": SECRET}))
    with pytest.raises(NotGenuine):
        await source.verify(headers, body, NOW)


async def test_either_secret_is_good_during_an_exchange() -> None:
    other = "whsec_" + base64.b64encode(b"the one that comes next").decode()
    source = ReplicateWebhooks(Context({"REPLICATE_WEBHOOK_SECRET": f"{SECRET}, {other}"}))
    for secret in (SECRET, other):
        await source.verify(signed(secret=secret), BODY, NOW)


@pytest.mark.parametrize("secret", ["whsec_???", ",", "whsec_"])
def test_secret_that_is_none_is_named_and_not_shown(secret: str) -> None:
    with pytest.raises(Configuration, match="REPLICATE_WEBHOOK_SECRET") as caught:
        ReplicateWebhooks(Context({"REPLICATE_WEBHOOK_SECRET": secret}))
    assert secret == "," or secret not in str(caught.value)


async def test_secret_of_the_account_is_asked_for_once_and_again_after_an_exchange(
    standin: ReplicateStandin,
) -> None:
    clock = [0.0]
    source = ReplicateWebhooks(standin.context(), clock=lambda: clock[0])
    for _ in range(3):
        await source.verify(signed(secret=standin.secret), BODY, NOW)
    assert len(standin.of("secret")) == 1
    standin.secret = SECRET
    for _ in range(3):  # a flood of forgeries asks no more often than once a minute
        with pytest.raises(NotGenuine):
            await source.verify(signed(), BODY, NOW)
    assert len(standin.of("secret")) == 1
    clock[0] = 61.0
    await source.verify(signed(), BODY, NOW)
    assert len(standin.of("secret")) == 2
    await source.aclose()


@pytest.mark.parametrize(
    "how", [Status(500), Status(401), Cut(), Corrupt(lambda told: []),
            Corrupt(lambda told: {"key": 5}), Corrupt(lambda told: {"key": "whsec_?"})]
)  # fmt: skip
async def test_nothing_is_let_through_while_the_secret_is_not_to_be_had(
    standin: ReplicateStandin, how: Any
) -> None:
    source = ReplicateWebhooks(standin.context())
    standin.misbehave(how, on="secret")
    with pytest.raises(SourceUnavailable):
        await source.verify(signed(secret=standin.secret), BODY, NOW)
    await source.aclose()


async def test_stand_ins_own_delivery_is_genuine(
    replicate: Replicate, standin: ReplicateStandin, tmp_path: Path
) -> None:
    await replicate.submit(JOB, lambda: tmp_path, no_report)
    (work,) = standin.works.values()
    work.end()
    _, headers, body = standin.delivery(work) or ("", {}, b"")
    source = ReplicateWebhooks(standin.context())
    event = await source.verify(headers, body, float(headers["webhook-timestamp"]))
    assert event.subject == work.id
    await source.aclose()


@settings(max_examples=30, deadline=None, database=None)
@given(
    st.dictionaries(st.sampled_from(sorted(signed())), st.text(max_size=60)),
    st.binary(max_size=60) | st.just(BODY),
    st.floats(-1e12, 1e12),
)
def test_no_delivery_raises_anything_but_the_refusal(
    changes: dict[str, str], body: bytes, now: float
) -> None:
    source = ReplicateWebhooks(Context({"REPLICATE_WEBHOOK_SECRET": SECRET}))
    with pytest.raises(NotGenuine):
        anyio.run(source.verify, signed(at=1e9) | changes, body, now)
