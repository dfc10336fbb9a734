"""The service does what its description says, whatever it is sent; and the description is whole."""

import itertools
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import anyio
import httpx
import pytest
import schemathesis
from hypothesis import Phase, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from web.conftest import SECRET, Signed, served, settings_of

from reelbase.local.pytest_plugin import RunningStack
from reelbase.web.app import create_app
from reelbase.web.payments import payments_router

PROVIDER = "replicate"

NOTHING_TO_GET_WRONG = {"/health", "/ready", "/paid"}

PHASES = [Phase.explicit, Phase.generate]


class Api:
    """The service with the sandbox for payments, in a thread, and a user of it."""

    def __init__(self, stack: RunningStack) -> None:
        settings = settings_of(stack, payments=("sandbox",))
        self.app: Any = create_app(settings, {PROVIDER: Signed(PROVIDER)})
        signed_up = httpx.post(
            f"{stack.supabase_url}/auth/v1/signup",
            json={"email": f"{uuid.uuid4()}@openapi.example", "password": "correct horse"},
            headers={"apikey": stack.publishable_key},
        )
        self.token: str = signed_up.raise_for_status().json()["access_token"]
        self.url = ""
        self._started = threading.Event()
        self._stop: Any = None
        self._thread = threading.Thread(target=lambda: anyio.run(self._serve))

    async def _serve(self) -> None:
        try:
            async with served(self.app) as (self.url, _):
                self._stop = anyio.Event()
                self._token = anyio.lowlevel.current_token()
                self._started.set()
                await self._stop.wait()
        finally:
            self._started.set()

    def __enter__(self) -> "Api":
        self._thread.start()
        assert self._started.wait(30)
        assert self.url
        return self

    def __exit__(self, *_error: object) -> None:
        anyio.from_thread.run_sync(self._stop.set, token=self._token)
        self._thread.join(30)


@pytest.fixture(scope="module")
def api(stack: RunningStack) -> Iterator[Api]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("REELBASE_SANDBOX_SECRET", SECRET)
        environment.setenv("REELBASE_PUBLIC_URL", "http://127.0.0.1:9")
        with Api(stack) as served_api:
            yield served_api


def test_service_does_what_its_description_says(api: Api) -> None:
    schema = schemathesis.openapi.from_url(f"{api.url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 10
    for operation, mode in itertools.product(operations, schemathesis.GenerationMode):
        if mode.is_negative and operation.path in NOTHING_TO_GET_WRONG:
            continue

        @settings(max_examples=3, derandomize=True, deadline=None, database=None, phases=PHASES)
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: Any) -> None:
            if "provider" in case.path_parameters:
                case.path_parameters["provider"] = PROVIDER
            case.call_and_validate(
                headers={"Authorization": f"Bearer {api.token}"},
                timeout=30,
                # What may be bought, and what is there, no schema says.
                excluded_checks=[positive_data_acceptance],
            )

        check()


def test_description_names_every_route_and_no_other(api: Api) -> None:
    told = httpx.get(f"{api.url}/openapi.json").json()["paths"]
    there = {route.path_format for route in payments_router().routes}
    there |= {route.path_format for route in api.app.routes if hasattr(route, "path_format")}
    assert set(told) == (there - {"/openapi.json"}) | {"/webhooks/{provider}"}
    for path, methods in told.items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            assert operation["tags"], (method, path)
            if method == "post":
                assert {"408", "413"} <= operation["responses"].keys()
