"""What every provider keeps, whatever it makes and however its API looks.

Each test runs over all registered providers, by the table that each stand-in's module ends with.
"""

import copy
import importlib
import pkgutil
import shutil
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
import standins as package
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standins.driving import accepted, carry_out, complaint
from standins.frame import (
    AfterAccepting,
    Contract,
    Corrupt,
    Cut,
    Garbage,
    GzipBomb,
    Loopback,
    Redirect,
    Standin,
    Status,
    Swap,
)

from reelbase.providers import (
    known_providers,
    load_providers,
    load_webhook_sources,
    secrets_of,
)
from reelbase.providers.base import (
    Accepted,
    Call,
    Configuration,
    Context,
    Finished,
    Job,
    Permanent,
    Provider,
    ProviderError,
    Running,
    Throttled,
    Transient,
    Unknowable,
    Unknown,
)
from reelbase.webhooks import NotGenuine

pytestmark = pytest.mark.anyio

MODULES = [
    importlib.import_module(f"standins.{module.name}")
    for module in pkgutil.iter_modules(package.__path__)
]
CONTRACTS: list[Contract] = [
    module.CONTRACT for module in MODULES if isinstance(getattr(module, "CONTRACT", None), Contract)
]
REMOTE = [each for each in CONTRACTS if each.standin is not None]
LATER = [each for each in REMOTE if not each.synchronous]

every = pytest.mark.parametrize("contract", CONTRACTS, ids=lambda each: each.provider)
remote = pytest.mark.parametrize("contract", REMOTE, ids=lambda each: each.provider)
callers = pytest.mark.parametrize(
    "contract", [each for each in REMOTE if each.calls_back], ids=lambda each: each.provider
)
later = pytest.mark.parametrize("contract", LATER, ids=lambda each: each.provider)


def no_report(progress: int) -> None:
    """Take the progress, and do nothing."""


def make(contract: Contract, context: Context) -> Provider:
    return load_providers([contract.provider], lambda name: context)[contract.provider]


def make_all(contract: Contract, context: Context) -> None:
    """Make the provider, and the source of its webhooks."""
    make(contract, context)
    load_webhook_sources([contract.provider], lambda name: context)


@pytest.fixture
def standin(contract: Contract, standins: Loopback) -> Standin:
    assert contract.standin is not None
    made = standins.open(contract.standin)
    made.plan = contract.plan
    return made


@pytest.fixture
async def provider(contract: Contract, standin: Standin) -> AsyncIterator[Provider]:
    made = make(contract, standin.context())
    yield made
    await made.aclose()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


# The registry -------------------------------------------------------------------------------------


def test_every_registered_provider_keeps_the_contract() -> None:
    assert sorted(each.provider for each in CONTRACTS) == list(known_providers())


def test_name_of_no_provider_is_refused_with_those_there_are() -> None:
    for load in (load_providers, load_webhook_sources):
        with pytest.raises(Configuration, match=r"named nobody; known: .*local.*replicate"):
            load(["local", "nobody"], lambda name: Context())
    assert secrets_of(["nobody", "local"], {"FAL_KEY": "k"}) == ()


def test_provider_that_is_not_named_is_not_asked_for_its_key() -> None:
    assert set(load_providers(["local", "local"], lambda name: Context())) == {"local"}
    assert load_webhook_sources(["local"], lambda name: Context()) == {}


@every
def test_provider_carries_the_name_of_its_module(contract: Contract, standins: Loopback) -> None:
    context = standins.open(contract.standin).context() if contract.standin else Context()
    made = make(contract, context)
    assert made.name == contract.provider
    assert made.kinds
    assert made.repeatable is (contract.provider == "local")
    anyio.run(made.aclose)


@every
def test_missing_key_is_named_and_none_is_shown(contract: Contract, standins: Loopback) -> None:
    if contract.standin is None:
        assert contract.keys == ()
        return
    environ = standins.open(contract.standin).environ
    for key in contract.keys:
        for value in ("", "  ", "k\u00e9y-secret", "se cret"):
            with pytest.raises(Configuration) as caught:
                make(contract, Context({**environ, key: value}))
            assert key in caught.value.message
            assert "secret" not in caught.value.message


@remote
def test_every_key_is_a_secret(contract: Contract, standin: Standin) -> None:
    values = secrets_of([contract.provider], standin.environ)
    assert standin.key in values


@remote
def test_keys_never_travel_in_the_clear(contract: Contract, standin: Standin) -> None:
    variables = [name for name, value in standin.environ.items() if value.startswith("http://")]
    assert variables
    for variable in variables:
        for url in ("http://api.example", "ftp://api.example", "https://u:p@api.example", "api"):
            with pytest.raises(Configuration) as caught:
                make_all(contract, Context({**standin.environ, variable: url}))
            assert variable in caught.value.message


# What it does -------------------------------------------------------------------------------------


@remote
async def test_job_is_carried_out_and_every_call_recorded(
    contract: Contract, provider: Provider, standin: Standin, tmp_path: Path
) -> None:
    done = await carry_out(provider, contract.job, tmp_path)
    assert done.outputs or done.yields
    for output, (data, mime_type) in zip(done.outputs, contract.plan.media, strict=False):
        assert output.path.read_bytes() == data
        assert output.path.is_relative_to(tmp_path)
        assert output.mime_type == mime_type
    assert len(standin.of("submit")) == 1
    assert len(standin.calls) == len(standin.seen)
    for call in standin.calls:
        assert (call.provider, call.job_id) == (contract.provider, contract.job.id)
        assert call.model == contract.job.model
        assert call.status_code in {200, 201, 202}
        assert call.latency_ms is not None
    assert standin.key not in repr(standin.calls)


@later
async def test_job_that_is_under_way_is_running(
    contract: Contract, provider: Provider, standin: Standin, tmp_path: Path
) -> None:
    standin.plan = replace(contract.plan, looks=10**6)
    submission = await provider.submit(contract.job, lambda: tmp_path, no_report)
    assert isinstance(submission, Accepted)
    assert submission.poll_after_seconds >= 1
    assert len(repr(dict(submission.state))) < 2000
    assert standin.key not in repr(submission)
    job = await accepted(provider, contract.job, tmp_path)
    for _ in range(2):
        running = await provider.look_up(job, lambda: tmp_path)
        assert isinstance(running, Running)
        assert running.progress is None or 0 <= running.progress <= 100
        assert running.poll_after_seconds >= 1


@remote
async def test_wrong_key_is_the_operators_business(
    contract: Contract, standin: Standin, tmp_path: Path
) -> None:
    variable = next(name for name, value in standin.environ.items() if value == standin.key)
    wrong = "wrong-key-0123456789"
    made = make(contract, standin.context(environ={**standin.environ, variable: wrong}))
    error = await complaint(carry_out(made, contract.job, tmp_path))
    await made.aclose()
    assert isinstance(error, Configuration)
    assert wrong not in repr((error, standin.calls))


@remote
async def test_provider_that_cannot_be_reached_was_told_nothing(
    contract: Contract, standin: Standin, tmp_path: Path
) -> None:
    gone = f"http://127.0.0.1:{closed_port()}"
    environ = {
        name: gone if value.startswith("http://") else value
        for name, value in standin.environ.items()
    }
    made = make(contract, standin.context(environ=environ))
    error = await complaint(made.submit(contract.job, lambda: tmp_path, no_report))
    await made.aclose()
    assert isinstance(error, Transient)


@remote
@pytest.mark.parametrize(
    ("headers", "pause"),
    [({}, None), ({"retry-after": "7"}, 7.0), ({"retry-after": "soon"}, None),
     ({"retry-after": "999999999999999999"}, 3600.0), ({"retry-after": "-5"}, None)],
    ids=["unnamed", "seconds", "garbled", "for-ever", "negative"],
)  # fmt: skip
async def test_throttling_is_heeded(  # noqa: PLR0917
    contract: Contract, provider: Provider, standin: Standin, tmp_path: Path,
    headers: dict[str, str], pause: float | None,
) -> None:  # fmt: skip
    standin.misbehave(Status(429, headers))
    error = await complaint(provider.submit(contract.job, lambda: tmp_path, no_report))
    assert isinstance(error, Throttled)
    assert error.retry_after == pause
    assert len(standin.of("submit")) == 1


@remote
@pytest.mark.parametrize(
    "how",
    [
        AfterAccepting(Status(500)),
        AfterAccepting(Status(503, {"retry-after": "1"})),
        Cut(),
        Cut(after_accepting=True),
        Cut(midway=True),
        Garbage(),
        Garbage(b""),
        Garbage(b"<html>All is well</html>", mime="text/html"),
        Garbage(b'{"unrelated": true}'),
        Garbage(b"[" * 100_000),
        GzipBomb(),
        Redirect("http://127.0.0.1:9/"),
    ],
    ids=["500", "503", "cut", "cut-after", "cut-midway", "half", "empty", "html", "unrelated",
         "deep", "bomb", "redirect"],
)  # fmt: skip
async def test_submission_whose_answer_is_lost_is_unknown_and_not_repeated(
    contract: Contract, provider: Provider, standin: Standin, tmp_path: Path, how: Any
) -> None:
    if contract.provider == "text" and how == AfterAccepting(Status(503, {"retry-after": "1"})):
        pytest.skip("503 is what its vendors document for: no capacity, nothing done")
    standin.misbehave(how)
    error = await complaint(provider.submit(contract.job, lambda: tmp_path, no_report))
    # What was answered whole and is no result was made, and is not made twice either.
    is_whole = contract.synchronous and isinstance(how, Garbage)
    assert isinstance(error, Unknown | Unknowable | Permanent if is_whole else Unknown | Unknowable)
    assert len(standin.of("submit")) == 1


@remote
@pytest.mark.parametrize("status", [400, 413, 422])
async def test_refusal_is_final_and_says_why_without_addresses(
    contract: Contract, provider: Provider, standin: Standin, tmp_path: Path, status: int
) -> None:
    said = (
        f"No lighthouses. See https://x.example/y?k={standin.key} or /srv/app/main.py {standin.key}"
    )
    for body in ({"detail": said}, {"error": {"message": said}}, {"message": said}, None, "no"):
        standin.misbehave(Status(status, body=body))
        error = await complaint(provider.submit(contract.job, lambda: tmp_path, no_report))
        assert isinstance(error, Permanent)
        for hidden in (standin.key, "https:", "/srv", "example"):
            assert hidden not in error.message
    assert len(standin.of("submit")) == 5


@remote
async def test_empty_purse_is_the_operators_business(
    contract: Contract, provider: Provider, standin: Standin, tmp_path: Path
) -> None:
    standin.misbehave(Status(402))
    error = await complaint(provider.submit(contract.job, lambda: tmp_path, no_report))
    assert isinstance(error, Configuration)


# Looking up ---------------------------------------------------------------------------------------


@later
@pytest.mark.parametrize(
    "how",
    [
        Status(429, {"retry-after": "3"}),
        Status(500),
        Status(400),
        Cut(),
        Cut(midway=True),
        Garbage(),
        Garbage(b'{"unrelated": true}'),
        Garbage(b"null"),
        GzipBomb(),
        Redirect("http://127.0.0.1:9/"),
        Swap(),
    ],
    ids=["429", "500", "400", "cut", "cut-midway", "half", "unrelated", "null", "bomb", "redirect",
         "anothers"],
)  # fmt: skip
async def test_look_that_fails_changes_nothing(
    contract: Contract, provider: Provider, standin: Standin, tmp_path: Path, how: Any
) -> None:
    standin.plan = replace(contract.plan, looks=0)
    job = await accepted(provider, contract.job, tmp_path)
    standin.misbehave(how, on="look_up")
    error = await complaint(provider.look_up(job, lambda: tmp_path))
    assert isinstance(error, Transient | Throttled)
    assert not getattr(error, "anew", False)
    done = await provider.look_up(job, lambda: tmp_path)
    assert isinstance(done, Finished)
    assert len(standin.of("submit")) == 1


@later
@pytest.mark.parametrize("end", ["failed", "refused", "cancelled"])
async def test_failure_over_there_is_told_apart(
    contract: Contract, provider: Provider, standin: Standin, tmp_path: Path, end: str
) -> None:
    standin.plan = replace(contract.plan, looks=0, end=end)
    job = await accepted(provider, contract.job, tmp_path)
    error = await complaint(provider.look_up(job, lambda: tmp_path))
    assert isinstance(error, Permanent | Transient)
    # Nothing is asked after again that has ended.
    assert isinstance(error, Permanent) or error.anew
    if end == "refused":
        assert isinstance(error, Permanent)
    assert error.message


@later
async def test_job_that_the_provider_lost_is_not_made_anew(
    contract: Contract, provider: Provider, standin: Standin, tmp_path: Path
) -> None:
    job = await accepted(provider, contract.job, tmp_path)
    standin.works.clear()
    error = await complaint(provider.look_up(job, lambda: tmp_path))
    assert isinstance(error, Permanent | Transient)
    assert not getattr(error, "anew", False)


@later
@pytest.mark.parametrize(
    "how",
    [
        Garbage(b"<!doctype html><title>Sign in</title>", mime="video/mp4"),
        Garbage(b'{"error": "expired"}'),
        Garbage(b""),
        Status(404),
        Redirect("http://127.0.0.1:9/admin"),
        Redirect("http://169.254.169.254/latest/meta-data/"),
        Redirect("https://[::ffff:127.0.0.1]/"),
        Redirect("file:///etc/passwd"),
    ],
    ids=["html", "json", "empty", "gone", "loopback", "metadata", "mapped", "file"],
)
async def test_result_that_is_none_is_refused(
    contract: Contract, provider: Provider, standin: Standin, tmp_path: Path, how: Any
) -> None:
    standin.plan = replace(contract.plan, looks=0)
    standin.misbehave(how, on="fetch")
    job = await accepted(provider, contract.job, tmp_path)
    error = await complaint(provider.look_up(job, lambda: tmp_path))
    assert isinstance(error, Permanent | Transient)
    assert error.code.startswith("output_")
    assert not getattr(error, "anew", False)
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240


@later
async def test_key_goes_nowhere_but_to_the_provider(
    contract: Contract, provider: Provider, standin: Standin, tmp_path: Path
) -> None:
    ((data, mime_type),) = contract.plan.media
    standin.misbehave(Redirect(standin.file(data, mime_type)), on="fetch")
    await carry_out(provider, contract.job, tmp_path)
    *_, fetched = standin.of("fetch")
    assert standin.key not in repr(fetched)


# Looking for what was lost, and cancelling --------------------------------------------------------


@remote
async def test_lost_submission_is_found_again_or_nobody_can_tell(
    contract: Contract, provider: Provider, standin: Standin, tmp_path: Path
) -> None:
    standin.misbehave(Cut(after_accepting=True))
    await complaint(provider.submit(contract.job, lambda: tmp_path, no_report))
    if not contract.recovers:
        error = await complaint(provider.recover(contract.job, lambda: tmp_path, no_report))
        assert isinstance(error, Unknowable)
        return
    found = await provider.recover(contract.job, lambda: tmp_path, no_report)
    assert isinstance(found, Accepted)
    assert [found.provider_job_id] == list(standin.works)
    assert len(standin.of("submit")) == 1


@remote
async def test_submission_that_never_arrived_may_be_made(
    contract: Contract, provider: Provider, standin: Standin, tmp_path: Path
) -> None:
    other = replace(contract.job, id="00000000-0000-4000-8000-00000000beef")
    await provider.submit(other, lambda: tmp_path, no_report)
    if not contract.recovers:
        error = await complaint(provider.recover(contract.job, lambda: tmp_path, no_report))
        assert isinstance(error, Unknowable)
        return
    assert await provider.recover(contract.job, lambda: tmp_path, no_report) is None


@remote
@pytest.mark.parametrize("how", [Status(500), Status(400), Cut(), Garbage(), Status(429)])
async def test_look_for_a_lost_submission_that_fails_decides_nothing(
    contract: Contract, provider: Provider, standin: Standin, tmp_path: Path, how: Any
) -> None:
    standin.misbehave(how, on="recover")
    error = await complaint(provider.recover(contract.job, lambda: tmp_path, no_report))
    assert isinstance(error, Transient | Throttled if contract.recovers else Unknowable)
    assert not getattr(error, "anew", False)


@remote
async def test_cancelling_stops_a_job_and_is_no_mistake_afterwards(
    contract: Contract, provider: Provider, standin: Standin, tmp_path: Path
) -> None:
    if contract.synchronous:
        await provider.cancel(contract.job.id, None, {})
        assert standin.seen == []
        return
    standin.plan = replace(contract.plan, looks=10**6)
    job = await accepted(provider, contract.job, tmp_path)
    (work,) = standin.works.values()
    for _ in range(2):
        await provider.cancel(job.reference, job.provider_job_id, job.provider_state)
    await provider.cancel(job.reference, "never-heard-of-it", {})
    if any(operation == "cancel" for operation, *_ in standin.operations):
        assert work.ended == "cancelled"


# Calling back -------------------------------------------------------------------------------------


@callers
async def test_delivery_is_genuine_and_nothing_made_of_it_is(
    contract: Contract, standin: Standin, tmp_path: Path
) -> None:
    context = standin.context(webhook_url="https://us.example/webhooks")
    if hasattr(standin, "webhook_url"):  # where the vendor is told once, and not by each job
        standin.webhook_url = context.webhook_url
    made = make(contract, context)
    await made.submit(contract.job, lambda: tmp_path, no_report)
    await made.aclose()
    (work,) = standin.works.values()
    work.end()
    told = standin.delivery(work)
    assert told is not None
    url, headers, body = told
    assert url.startswith("https://us.example/webhooks")
    source = load_webhook_sources([contract.provider], lambda name: context)[contract.provider]
    assert source.name == contract.provider
    now = time.time()
    event = await source.verify(headers, body, now)
    assert event.subject == work.id
    assert 1 <= len(event.event_id) <= 255
    assert not any("signature" in name for name in event.headers)
    # The same event again is the same event.
    assert (await source.verify(headers, body, now)).event_id == event.event_id
    forged = [(headers, body + b" "), (headers, b""), ({}, body)]
    forged += [
        ({name: value for name, value in headers.items() if name != left_out}, body)
        for left_out in headers
        if left_out != "content-type"
    ]
    for some_headers, some_body in forged:
        with pytest.raises(NotGenuine):
            await source.verify(some_headers, some_body, now)
    for moment in (now + 400, now - 400):
        with pytest.raises(NotGenuine):
            await source.verify(headers, body, moment)
    if close := getattr(source, "aclose", None):
        await close()


# Whatever is answered -----------------------------------------------------------------------------

json_leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["", "\0", "..", "../..", "a/b", "x" * 3000, "https://127.0.0.1/", "\u2028"])
)
json_values = st.recursive(
    json_leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(told: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All places in a JSON value."""
    found = [path]
    inner = (
        told.items()
        if isinstance(told, dict)
        else enumerate(told if isinstance(told, list) else [])
    )
    for key, value in inner:
        found += places(value, (*path, key))
    return found


@st.composite
def changes(draw: st.DrawFn) -> Any:
    """Ways to spoil a JSON value: another value in one or two places, or one left out."""
    seeds = draw(
        st.lists(
            st.tuples(st.integers(0, 10**6), json_values, st.booleans()), min_size=1, max_size=2
        )
    )

    def change(told: Any) -> Any:
        told = copy.deepcopy(told)
        for number, value, leaves_out in seeds:
            found = places(told)
            path = found[number % len(found)]
            if not path:
                told = value
                continue
            inner = told
            for key in path[:-1]:
                inner = inner[key]
            if leaves_out:
                del inner[path[-1]]
            else:
                inner[path[-1]] = value
        return told

    return change


@remote
def test_no_answer_makes_an_adapter_do_anything_but_complain(
    contract: Contract, standin: Standin, tmp_path: Path
) -> None:
    complaints: list[str] = []
    operations = sorted({name for name, *_ in standin.operations} - {"cancel", "keys", "secret"})

    async def play(spoilt: list[tuple[str, Any]]) -> None:
        standin.works.clear()
        standin.plan = replace(contract.plan, looks=0)
        for operation in operations:
            standin._tricks.pop(operation, None)
        for operation, change in spoilt:
            standin.misbehave(Corrupt(change), on=operation)
        made = make(contract, standin.context())
        job: Job = contract.job
        try:
            done: Any = await made.submit(job, lambda: tmp_path, no_report)
            if isinstance(done, Accepted):
                job = replace(job, provider_job_id=done.provider_job_id, provider_state=done.state)
                done = await made.look_up(job, lambda: tmp_path)
            assert isinstance(done, Finished | Running)
        except ProviderError as error:
            complaints.append(error.message)
        finally:
            await made.aclose()

    @settings(
        max_examples=8,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.lists(st.tuples(st.sampled_from(operations), changes()), min_size=1, max_size=2))
    def run(spoilt: list[tuple[str, Any]]) -> None:
        anyio.run(play, spoilt)
        shutil.rmtree(tmp_path)
        tmp_path.mkdir()

    run()
    for message in complaints:
        assert message.isprintable()
        assert 0 < len(message) < 500


def test_record_of_a_call_says_nothing_of_what_was_sent() -> None:
    assert set(Call.__dataclass_fields__) == {
        "provider", "operation", "model", "job_id", "request_id", "latency_ms", "units",
        "cost_usd", "status_code",
    }  # fmt: skip
