"""What taking a webhook in costs, beside a route of the same server that only reads and answers.

Run by `make bench-webhooks`, on a durable server of its own that is thrown away; some minutes, less
with --quick. `reelbase api`, PostgREST, PostgreSQL and whoever delivers share the machine, so each
event costs all of them; what counts are ratios of one run.

    1  events a second, each verified, stored and then answered, beside a route of the same service
       that reads the body and answers; and beside a function that does so without the framework,
       where webhooks are taken in as well, and which is the least that the server can do
    2  50 000 events, a fifth of which come twice: each is stored once
    3  how long an answer takes at half of that rate, deliveries coming when they come

Events are Replicate's, of about 900 bytes, signed as it signs. They are about jobs that nobody
knows, so that each stays to be followed up.

Deliveries are made before the clock starts and sent over plain sockets: whoever delivers costs
about as much as a client in C would.
"""

import argparse
import base64
import hmac
import json
import os
import random
import select
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import psycopg
from dispatch import Report, durable_server

from reelbase.local.binaries import find_project_root
from reelbase.local.errors import LocalError
from reelbase.local.postgres import PostgresServer, apply_migrations, prepare_database, url_for
from reelbase.local.pytest_plugin import RunningStack, running_stack
from reelbase.signatures import read_base64_secrets

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 (of a server that lives for minutes)
KEY = read_base64_secrets(SECRET)[0]
INTAKE, BARE, FRAMEWORK = "/webhooks/replicate", "/bare", "/framework"
CONNECTIONS = 256
DUPLICATES = 0.2
ANSWER_END = b"}"[0]
PATIENCE = 60.0
"""Seconds after which something is stuck."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: deliveries of a turn, turns, and seconds of line 3."""

    deliveries: int = 50_000
    rounds: int = 3
    seconds: int = 20


QUICK = Effort(10_000, 3, 5)


class BenchmarkError(Exception):
    """Something did not do what it was told."""


# -------------------------------------------------------------------------------------------------
# The server: `reelbase api`, and two routes beside
# -------------------------------------------------------------------------------------------------


async def serve() -> None:
    """Serve until SIGTERM, as `reelbase api` does."""
    from fastapi import Request  # noqa: PLC0415

    from reelbase.logs import configure_logs  # noqa: PLC0415
    from reelbase.settings import load_settings  # noqa: PLC0415
    from reelbase.web.app import config_of, create_app  # noqa: PLC0415
    from reelbase.web.intake import RECEIVED  # noqa: PLC0415
    from reelbase.web.server import Server, calm_collector, stop_on_signals  # noqa: PLC0415

    settings = load_settings()
    configure_logs("WARNING", settings.secrets())
    app = create_app(settings)

    async def framework(request: Request) -> dict[str, str]:
        await request.body()
        return {"status": "received"}

    app.add_api_route(FRAMEWORK, framework, methods=["POST"])

    async def beside(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != BARE:
            await app(scope, receive, send)
            return
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        for part in RECEIVED:
            await send(part)

    server = Server(config_of(beside, settings))
    calm_collector()
    async with anyio.create_task_group() as group:
        group.start_soon(stop_on_signals, server)
        await server.serve()
        group.cancel_scope.cancel()


@contextmanager
def server_process(stack: RunningStack) -> Iterator[tuple[str, int]]:
    """Run the server as long as the context lasts; yields its host and port."""
    environment = {
        **os.environ,
        "SUPABASE_URL": stack.supabase_url,
        "SUPABASE_SECRET_KEY": stack.secret_key,
        "REELBASE_API_URL": stack.api_url,
        "REELBASE_PROVIDERS": "replicate",
        "REPLICATE_WEBHOOK_SECRET": SECRET,
    }
    host, port = stack.api_url.removeprefix("http://").split(":")
    address = (host, int(port))
    process = subprocess.Popen([sys.executable, __file__, "--serve"], env=environment)
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(address).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise BenchmarkError("The server does not start.") from None
                time.sleep(0.05)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


# -------------------------------------------------------------------------------------------------
# Whoever delivers
# -------------------------------------------------------------------------------------------------


def prediction(job: str, number: int) -> bytes:
    """What Replicate tells of a prediction that is done."""
    api = f"https://api.replicate.com/v1/predictions/{job}"
    return json.dumps(
        {
            "id": job,
            "model": "black-forest-labs/flux-schnell",
            "version": "5c7d5dc6dd8bf75c1acaa8565735e7986bc5b66206b55cca93cb72c9bf15ccaa",
            "input": {"prompt": "A harbour at dawn. Nets dry on the quay.", "seed": number},
            "logs": f"Using seed: {number}\n" * 3,
            "output": [f"https://replicate.delivery/xezq/{job}/out-0.webp"],
            "data_removed": False,
            "error": None,
            "source": "api",
            "status": "succeeded",
            "created_at": "2026-11-22T01:00:00.000Z",
            "started_at": "2026-11-22T01:00:01.000Z",
            "completed_at": "2026-11-22T01:00:02.000Z",
            "urls": {"cancel": f"{api}/cancel", "get": api},
            "metrics": {"image_count": 1, "predict_time": 0.3},
        }
    ).encode()


def deliveries(name: str, count: int, path: str, *, duplicates: float = 0.0) -> list[bytes]:
    """Make requests, signed now; some come twice, in any order."""
    now = str(int(time.time()))
    fresh = count - int(count * duplicates)
    made = []
    for number in range(fresh):
        body = prediction(f"{name}{number:08}", number)
        message_id = f"msg_{name}{number}"
        signed = f"{message_id}.{now}.".encode() + body
        signature = base64.b64encode(hmac.digest(KEY, signed, "sha256")).decode()
        lines = [
            f"POST {path} HTTP/1.1",
            "Host: 127.0.0.1",
            "User-Agent: Replicate/1.0",
            "Accept: */*",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            f"webhook-id: {message_id}",
            f"webhook-timestamp: {now}",
            f"webhook-signature: v1,{signature}",
        ]
        made.append("\r\n".join([*lines, "", ""]).encode() + body)
    drawn = random.Random(name)
    made += [made[drawn.randrange(fresh)] for _ in range(count - fresh)]
    if duplicates:
        drawn.shuffle(made)
    return made


class Line:
    """Connections to the server, each with one request at a time.

    Args:
        address: The server's.
        count: How many.
    """

    def __init__(self, address: tuple[str, int], count: int = CONNECTIONS) -> None:
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        for _ in range(count):
            each = socket.create_connection(address)
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            each.setblocking(False)
            self._sockets[each.fileno()] = each
            self._poll.register(each.fileno(), select.EPOLLIN)
        self.free = list(self._sockets)
        self.answers: Counter[bytes] = Counter()

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_error: object) -> None:
        for each in self._sockets.values():
            each.close()
        self._poll.close()

    def send(self, request: bytes) -> int:
        """Send a request on the connection that was free longest and return which."""
        # In turn: one that is left idle for some seconds is closed by the server.
        number = self.free.pop(0)
        self._sockets[number].send(request)
        return number

    def answered(self, seconds: float) -> list[int]:
        """Return the connections that got their answers, which are free again."""
        done = []
        for number, _ in self._poll.poll(seconds):
            told = self._sockets[number].recv(4096)
            if not told:
                raise BenchmarkError("The server hung up.")
            if told.startswith(b"HTTP/1.1 "):
                self.answers[told[9:12]] += 1
            if told[-1] == ANSWER_END:
                done.append(number)
        self.free += done
        return done

    def check(self) -> None:
        """See that all were answered with 200.

        Raises:
            BenchmarkError: one was not.
        """
        if set(self.answers) - {b"200"}:
            raise BenchmarkError(f"The server answered {dict(self.answers)}.")


def flood(address: tuple[str, int], requests: Sequence[bytes]) -> float:
    """Deliver as fast as they are answered; return how many a second."""
    with Line(address) as line:
        left = iter(requests)
        began = time.perf_counter()
        sent = answered = 0
        while answered < len(requests):
            while line.free and sent < len(requests):
                line.send(next(left))
                sent += 1
            answered += len(line.answered(PATIENCE))
        seconds = time.perf_counter() - began
        line.check()
    return len(requests) / seconds


def trickle(address: tuple[str, int], requests: Sequence[bytes], rate: float) -> list[float]:
    """Deliver at a rate, whatever becomes of the answers; return how long each took, in ms.

    From when it was due: what waits for a connection waits for the server.
    """
    with Line(address) as line:
        took: list[float] = []
        due: dict[int, float] = {}
        began = time.perf_counter()
        sent = 0
        while len(took) < len(requests):
            now = time.perf_counter()
            while sent < len(requests) and line.free and began + sent / rate <= now:
                due[line.send(requests[sent])] = began + sent / rate
                sent += 1
            ahead = began + sent / rate - time.perf_counter() if sent < len(requests) else PATIENCE
            done = line.answered(ahead if ahead > 0.0005 else 0)
            now = time.perf_counter()
            took += [(now - due.pop(number)) * 1000 for number in done]
        line.check()
    return sorted(took)


# -------------------------------------------------------------------------------------------------
# What is measured
# -------------------------------------------------------------------------------------------------


def measure(stack: RunningStack, address: tuple[str, int], effort: Effort, report: Report) -> None:
    """Measure all lines."""
    with psycopg.connect(stack.admin_database_url, autocommit=True) as database:

        def stored(name: str) -> int:
            [(count,)] = database.execute(
                "select count(*) from worker.webhook_events"
                " where provider = 'replicate' and event_id like %s",
                (f"msg\\_{name}%",),
            ).fetchall()
            return int(count)

        for path in (BARE, FRAMEWORK, INTAKE):
            flood(address, deliveries("warm", 2000, path))
        rates: dict[str, list[float]] = {path: [] for path in (BARE, FRAMEWORK, INTAKE)}
        for turn in range(effort.rounds):
            name = f"t{turn}x"
            for path in (BARE, FRAMEWORK):
                some = deliveries(name, effort.deliveries // 2, path)
                rates[path].append(flood(address, some))
            database.execute("vacuum analyze worker.webhook_events")
            database.execute("checkpoint")
            every = deliveries(name, effort.deliveries, INTAKE, duplicates=DUPLICATES)
            rates[INTAKE].append(flood(address, every))
            expected = effort.deliveries - int(effort.deliveries * DUPLICATES)
            if (found := stored(name)) != expected:
                raise BenchmarkError(f"{found} events are stored instead of {expected}.")
            report.say(
                f"   {effort.deliveries:,} deliveries of {expected:,} events: each is stored once"
            )
        ours = rates[INTAKE]
        report.line(
            "webhooks taken in, beside a bare route", ours, rates[FRAMEWORK], "1/s", least=0.5
        )
        report.line("webhooks taken in, beside a bare function", ours, rates[BARE], "1/s")
        rate = statistics.median(rates[INTAKE]) / 2
        some = deliveries("calm", int(rate * effort.seconds), INTAKE, duplicates=DUPLICATES)
        took = trickle(address, some, rate)
        report.say(
            f"   at {rate:,.0f} a second the median answer takes {took[len(took) // 2]:.1f} ms"
        )
        report.bound(
            "99 of 100 answers at half of that rate", took[len(took) * 99 // 100], "ms", 50
        )


def main() -> None:
    """Start a server, measure, stop it."""
    parser = argparse.ArgumentParser(prog="make bench-webhooks")
    parser.add_argument("--quick", action="store_true", help="fewer deliveries")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        anyio.run(serve, backend_options={"use_uvloop": True})
        return
    effort = QUICK if options.quick else Effort()
    report = Report()
    try:
        with tempfile.TemporaryDirectory(prefix="reelbase-bench-webhooks-") as name:
            folder = Path(name)
            folder.chmod(0o755)
            with (
                durable_server(folder) as database,
                running_stack(folder / "stack", database_url=migrated(database)) as stack,
                server_process(stack) as address,
            ):
                measure(stack, address, effort, report)
    except (BenchmarkError, LocalError) as error:
        sys.exit(str(error))
    sys.stdout.write(f"targets: {sum(report.met)} of {len(report.met)} met\n")


def migrated(server: PostgresServer) -> str:
    """Make a database with the schema and nothing in it; return its address, as superuser."""
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("create database webhooks template template0 encoding 'UTF8'")
    dsn = server.dsn(database="webhooks")
    prepare_database(dsn)
    apply_migrations(url_for(dsn, user="postgres"), find_project_root(), seed=False)
    return dsn


if __name__ == "__main__":
    main()
