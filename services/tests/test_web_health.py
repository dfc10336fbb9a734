"""Health and readiness of the services."""

import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from reelbase.errors import SettingsError
from reelbase.local.pytest_plugin import RunningStack
from reelbase.settings import Settings
from reelbase.web.app import create_app, run_api

pytestmark = pytest.mark.anyio


def settings_for(url: str, key: str) -> Settings:
    return Settings.model_validate({"SUPABASE_URL": url, "SUPABASE_SECRET_KEY": key})


@asynccontextmanager
async def client_of(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://reelbase") as client,
    ):
        yield client


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_service_is_ready_when_database_and_storage_answer(stack: RunningStack) -> None:
    async with client_of(settings_for(stack.supabase_url, stack.secret_key)) as client:
        health = await client.get("/health")
        assert (health.status_code, health.json()) == (200, {"status": "ok"})
        ready = await client.get("/ready")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ready", "parts": {"database": "ok", "storage": "ok"}}


async def test_service_lives_but_is_not_ready_when_nothing_answers() -> None:
    async with client_of(settings_for(f"http://127.0.0.1:{closed_port()}", "key")) as client:
        assert (await client.get("/health")).status_code == 200
        ready = await client.get("/ready")
    assert ready.status_code == 503
    assert ready.json() == {
        "status": "not_ready",
        "parts": {"database": "unavailable", "storage": "unavailable"},
    }


async def test_service_with_a_key_that_may_not_work_is_not_ready(stack: RunningStack) -> None:
    async with client_of(settings_for(stack.supabase_url, stack.publishable_key)) as client:
        ready = await client.get("/ready")
    assert ready.status_code == 503
    assert stack.publishable_key not in ready.text
    assert ready.json()["parts"]["database"] == "unavailable"


async def test_part_that_does_not_answer_in_time_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = settings_for(f"http://127.0.0.1:{silent.getsockname()[1]}", "key")
        async with client_of(settings) as client:
            ready = await client.get("/ready")
    assert ready.status_code == 503
    assert ready.json()["parts"] == {"database": "unavailable", "storage": "unavailable"}


async def test_api_says_in_a_sentence_why_it_cannot_be_started(
    stack: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STRIPE_SECRET_KEY", raising=False)
    settings = settings_for(stack.supabase_url, stack.secret_key)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(SettingsError, match=r"REELBASE_API_URL: .* cannot be served"):
            await run_api(settings.model_copy(update={"api_url": address}))
    for wrong, told in (
        ({"payments": ("stripe",)}, "REELBASE_PAYMENTS: STRIPE_SECRET_KEY"),
        ({"providers": ("nobody",)}, "REELBASE_PROVIDERS: .*nobody"),
    ):
        with pytest.raises(SettingsError, match=told):
            await run_api(settings.model_copy(update={"api_url": stack.api_url, **wrong}))


def test_api_serves_on_its_address_and_stops_on_sigterm(stack: RunningStack) -> None:
    environment = {
        "PATH": "/usr/bin:/bin",
        "SUPABASE_URL": stack.supabase_url,
        "SUPABASE_SECRET_KEY": stack.secret_key,
        "REELBASE_API_URL": stack.api_url,
    }
    with subprocess.Popen(
        [sys.executable, "-c", "from reelbase.cli import app; app()", "api"],
        env=environment,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            deadline = time.monotonic() + 20
            while True:
                try:
                    ready = httpx.get(f"{stack.api_url}/ready")
                    break
                except httpx.ConnectError:
                    assert process.poll() is None
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            assert ready.status_code == 200
            process.terminate()
            assert process.wait(10) == 0
        finally:
            process.kill()
