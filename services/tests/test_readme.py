"""What the README says can be done, is done here."""

import base64
import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from reelbase.local.pytest_plugin import RunningStack

PATIENCE = 30
"""Seconds until a service must answer."""


@pytest.fixture(scope="module")
def root(request: pytest.FixtureRequest) -> Path:
    return request.config.rootpath


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    return (root / "README.md").read_text()


def test_front_end_examples_run_as_printed(
    readme: str, root: Path, stack: RunningStack, tmp_path: Path
) -> None:
    example, purchase = re.findall(r"```js\n(.*?)```", readme, re.DOTALL)
    imports, body = example.split("\n\n", 1)
    values = {
        "url": stack.supabase_url,
        "api": stack.api_url,
        "publishableKey": stack.publishable_key,
        "email": f"readme-{uuid.uuid4().hex}@example.com",
        "password": uuid.uuid4().hex,
    }
    lines = [f"const {name} = {json.dumps(value)}" for name, value in values.items()]
    told = "console.log(JSON.stringify({ job, error, data, opened, payment }))"
    script = root / "node_modules" / f".readme-{uuid.uuid4().hex}.mjs"
    # Inside node_modules, so that the import resolves as it would in a front end.
    script.write_text("\n".join([imports, *lines, body, purchase, told]))
    try:
        with served(stack, tmp_path / "api.log"):
            done = subprocess.run(
                ["node", "--experimental-websocket", script],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
    finally:
        script.unlink()
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["error"] is None
    assert answer["job"]["status"] == "queued"
    assert answer["data"] == {
        "status": "queued",
        "progress": 0,
        "credit_cost": answer["job"]["credit_cost"],
        "job_assets": [],
    }
    assert answer["opened"]["url"].startswith(stack.api_url)
    assert answer["payment"]["id"] == answer["opened"]["payment_id"]
    assert answer["payment"]["status"] == "pending"
    assert answer["payment"]["credits"] == 500


@contextmanager
def served(stack: RunningStack, log: Path) -> Iterator[None]:
    """Run `reelbase api` with the sandbox, at the address that the stack keeps for it."""
    environment = {
        **{key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ},
        "SUPABASE_URL": stack.supabase_url,
        "SUPABASE_SECRET_KEY": stack.secret_key,
        "REELBASE_API_URL": stack.api_url,
        "REELBASE_PUBLIC_URL": stack.api_url,
        "REELBASE_PAYMENTS": "sandbox",
        "REELBASE_SANDBOX_SECRET": "whsec_" + base64.b64encode(os.urandom(24)).decode(),
    }
    with (
        log.open("wb") as written,
        subprocess.Popen(
            [sys.executable, "-c", "from reelbase.cli import app; app()", "api"],
            env=environment,
            stdout=written,
            stderr=written,
        ) as api,
    ):
        try:
            for attempt in range(PATIENCE * 10):
                assert api.poll() is None, log.read_text()
                with suppress(httpx.TransportError):
                    httpx.get(f"{stack.api_url}/health")
                    break
                assert attempt < PATIENCE * 10 - 1, log.read_text()
                time.sleep(0.1)
            yield
        finally:
            api.terminate()


def test_make_targets_of_the_documents_exist(readme: str, root: Path) -> None:
    text = readme + (root / "CONTRIBUTING.md").read_text()
    named = {
        target
        for line in re.findall(r"`(make [a-z -]+)`|^(make [a-z -]+)$", text, re.MULTILINE)
        for target in "".join(line).split()[1:]
    }
    makefile = (root / "Makefile").read_text()
    offered = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert named
    assert named <= offered


def test_commands_of_the_readme_exist(readme: str) -> None:
    named = {
        name
        for span in re.findall(r"`reelbase ([a-z |]+)`|reelbase ([a-z]+)$", readme, re.MULTILINE)
        for name in "".join(span).replace("|", " ").split()
    }
    assert {"up", "down", "worker", "demo"} <= named
    for name in sorted(named):
        done = subprocess.run(
            [sys.executable, "-c", "from reelbase.cli import app; app()", name, "--help"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"reelbase {name}: {done.stderr}"
