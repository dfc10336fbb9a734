"""A worker's own server: alive, ready, and what it tells Prometheus."""

import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from reelbase.database import Database, open_client
from reelbase.dispatch.health import create_app, health_server, is_ahead
from reelbase.errors import SettingsError
from reelbase.local.pytest_plugin import RunningStack
from reelbase.settings import Settings
from reelbase.storage import Storage
from reelbase.telemetry import Telemetry

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.anyio


@dataclass
class Seen:
    """What a dispatcher says of itself."""

    stopping: bool = False
    listening: bool = True
    capacity: int = 50
    outbox: int = 3


class Clock:
    """Time that stands still unless it is told to go on."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@asynccontextmanager
async def asked_of(
    telemetry: Telemetry, seen: Seen, database: Database, storage: Storage
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a worker's server."""
    transport = httpx.ASGITransport(create_app(telemetry, seen, database, storage))
    async with httpx.AsyncClient(transport=transport, base_url="http://worker") as client:
        yield client


@asynccontextmanager
async def services_at(url: str, key: str = "key") -> AsyncIterator[tuple[Database, Storage]]:
    """The database and Storage behind an address."""
    settings = Settings.model_validate({"SUPABASE_URL": url, "SUPABASE_SECRET_KEY": key})
    async with open_client(settings) as client:
        yield Database(client), Storage(client)


def nowhere() -> str:
    """An address where nobody answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def series(text: str) -> dict[tuple[str, ...], float]:
    """What a scrape shows: by name, and by the labels' values in the order of their names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_worker_is_ready_when_all_that_it_needs_answers_and_it_claims(
    stack: RunningStack,
) -> None:
    telemetry, seen = Telemetry(), Seen()
    async with (
        services_at(stack.supabase_url, stack.secret_key) as services,
        asked_of(telemetry, seen, *services) as worker,
    ):
        early = await worker.get("/ready")
        telemetry.claimed([], 0.001)
        ready = await worker.get("/ready")
        seen.stopping = True
        late = await worker.get("/ready")
        assert (await worker.get("/health")).status_code == 200
    assert early.status_code == late.status_code == 503
    assert early.json()["parts"]["dispatcher"] == "unavailable"
    assert ready.status_code == 200
    assert ready.json() == {
        "status": "ready",
        "parts": {"database": "ok", "storage": "ok", "dispatcher": "ok"},
    }


async def test_worker_with_a_loop_that_is_stuck_is_to_be_restarted() -> None:
    clock, seen = Clock(), Seen()
    telemetry = Telemetry(clock=clock)
    async with (
        services_at(nowhere()) as services,
        asked_of(telemetry, seen, *services) as worker,
    ):
        telemetry.alive("leases", within=20)
        telemetry.alive("claiming", within=None)
        assert (await worker.get("/health")).json() == {"status": "ok"}
        clock.seconds += 1000
        stuck = await worker.get("/health")
        seen.stopping = True
        assert (await worker.get("/health")).json() == {"status": "stopping"}
    assert (stuck.status_code, stuck.json()) == (503, {"status": "stuck", "loops": ["leases"]})


async def test_worker_lives_but_is_not_ready_while_nothing_answers() -> None:
    telemetry = Telemetry()
    telemetry.claim_failed("unavailable")
    async with (
        services_at(nowhere()) as services,
        asked_of(telemetry, Seen(), *services) as worker,
    ):
        ready = await worker.get("/ready")
        shown = await worker.get("/metrics")
        assert (await worker.get("/health")).status_code == 200
    assert ready.status_code == 503
    assert set(ready.json()["parts"].values()) == {"unavailable"}
    found = series(shown.text)
    assert found["reelbase_database_up",] == 0
    assert found["reelbase_queue_counted",] == 0
    assert not [name for name, *_ in found if name.startswith("reelbase_queue_tasks")]


async def test_metrics_come_in_the_form_that_is_asked_for_and_tell_of_the_worker() -> None:
    async with (
        services_at(nowhere()) as services,
        asked_of(Telemetry(), Seen(), *services) as worker,
    ):
        shown = await worker.get("/metrics")
        negotiated = await worker.get(
            "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
        )
    assert shown.headers["content-type"].startswith("text/plain; version=")
    assert negotiated.headers["content-type"].startswith("application/openmetrics-text")
    assert negotiated.text.endswith("# EOF\n")
    found = series(shown.text)
    assert found["reelbase_tasks_capacity",] == 50
    assert found["reelbase_outbox_waiting",] == 3
    assert found["reelbase_listening",] == 1
    assert found["reelbase_stopping",] == 0
    assert found["process_resident_memory_bytes",] > 0


async def test_every_metric_is_explained_and_every_explained_one_is_there() -> None:
    async with (
        services_at(nowhere()) as services,
        asked_of(Telemetry(), Seen(), *services) as worker,
    ):
        text = (await worker.get("/metrics")).text
    shown = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in text_string_to_metric_families(text)
    }
    explained = {
        name
        for line in (ROOT / "docs" / "operations.md").read_text().splitlines()
        if line.startswith("| `reelbase_")
        for name in re.findall(r"`(reelbase_\w+)`", line.split("|")[1])
    }
    assert explained == {name for name in shown if not name.startswith(("process_", "python_"))}


@pytest.mark.parametrize(
    ("moment", "ahead"),
    [
        (None, False),
        ("-infinity", False),
        ("2026-01-01T00:00:00+00:00", False),
        ("9999-01-01T00:00:00.12345+00:00", True),
        ("infinity", True),
    ],
)
def test_pause_is_on_until_its_end_has_come(moment: str | None, ahead: bool) -> None:
    assert is_ahead(moment) is ahead


async def test_workers_serve_side_by_side_on_ports_of_their_own() -> None:
    url = "http://127.0.0.1:0"
    async with (
        services_at(nowhere()) as services,
        httpx.AsyncClient() as client,
        health_server(url, Telemetry(), Seen(), *services) as one,
        health_server(url, Telemetry(), Seen(), *services) as other,
    ):
        assert one is not None
        assert one != other
        for address in (one, other):
            assert (await client.get(f"{address}/health")).json() == {"status": "ok"}
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{one}/health")


async def test_worker_without_an_address_serves_nothing() -> None:
    async with (
        services_at(nowhere()) as services,
        health_server(None, Telemetry(), Seen(), *services) as address,
    ):
        assert address is None


async def test_address_that_is_taken_is_refused_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with services_at(nowhere()) as services:
            with pytest.raises(SettingsError, match=f"REELBASE_WORKER_URL: {url} cannot be served"):
                async with health_server(url, Telemetry(), Seen(), *services):
                    pass
