"""The process that owns an embedded stack: `python -m reelbase.local.supervisor STATE_DIR`.

It starts PostgreSQL, PostgREST and the gateway, restarts what dies, and ends all of them when it is
told to (SIGTERM). SIGUSR1 restarts PostgREST, so that it reads the schema anew. Each child asks the
kernel to be ended should this process be killed; what that misses, the next command finds in
`stack.json`.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelbase.local.binaries import find_binaries
from reelbase.local.errors import LocalError, PartFailedError
from reelbase.local.keys import load_or_create_keys
from reelbase.local.postgres import (
    PostgresServer,
    platform_version,
    prepare_database,
    read_project_config,
)
from reelbase.local.processes import LOOPBACK, end_with_parent, record_of
from reelbase.local.stack import EmbeddedStack, PartState, Ports, StackState

__all__ = ["Supervisor", "main"]

_READY_PATIENCE = 30.0
_SHORTEST_BACKOFF = 0.1
_LONGEST_BACKOFF = 5.0
_STEADY = 10.0
_LARGEST_LOG = 5_000_000


@dataclass(slots=True)
class Part:
    """One child process and how to deal with it."""

    name: str
    title: str
    spawn: Callable[[], "subprocess.Popen[bytes]"]
    is_ready: Callable[[], Awaitable[bool]]
    stop_signals: tuple[tuple[signal.Signals, float], ...]
    process: "subprocess.Popen[bytes] | None" = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    healthy: asyncio.Event = field(default_factory=asyncio.Event)
    replaced: bool = False
    interval: float = 0.03


class Supervisor:
    """Runs the parts of one stack until it is told to stop.

    Args:
        state_dir: The state folder, with `stack.json` saying what to start. The caller holds the
            folder's lock.
    """

    def __init__(self, state_dir: Path) -> None:
        state = StackState.load(state_dir)
        if state is None:
            raise LocalError(f"There is no stack.json in {state_dir}.")
        self._state_dir = state_dir
        self._state = state
        self._ports = Ports(state.port)
        self._keys = load_or_create_keys(state_dir / "keys.json")
        # There is none when the database is somebody else's, and ready.
        self._server = (
            EmbeddedStack(state_dir).postgres_server(state) if state.database is None else None
        )
        self._stopping = asyncio.Event()
        self._parts: list[Part] = []

    async def run(self, *, tied: bool) -> None:
        """Start everything, keep it running, and stop it at SIGTERM.

        Args:
            tied: Whether to stop as well when standard input closes.

        Raises:
            LocalError: A part did not start; the others are stopped again.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGCHLD, self._note_ends)
        loop.add_signal_handler(signal.SIGUSR1, self._restart_postgrest)
        if tied:
            loop.add_reader(sys.stdin.fileno(), self._stopping.set)
        self._state.supervisor = record_of(os.getpid())
        self._save()
        try:
            async with asyncio.TaskGroup() as group:
                stop = asyncio.create_task(self._stopping.wait())
                start = group.create_task(self._start(group))
                await asyncio.wait([stop, start], return_when=asyncio.FIRST_COMPLETED)
                if start.done() and not start.cancelled() and start.exception() is None:
                    await self._stopping.wait()
                raise _StoppedError
        except* _StoppedError:
            pass
        except* LocalError as failures:
            self._state.error = str(_first(failures))
            raise _first(failures) from None
        finally:
            await self._stop()

    async def _start(self, group: asyncio.TaskGroup) -> None:
        gateway = self._gateway_part()
        postgres = self._postgres_part(self._server) if self._server else None
        postgrest = self._postgrest_part()
        self._parts = [*([postgres] if postgres else []), postgrest, gateway]
        ports = {
            "postgres": self._ports.postgres,
            "postgrest": self._ports.postgrest,
            "gateway": self._ports.gateway,
        }
        self._state.parts = {part.name: PartState(port=ports[part.name]) for part in self._parts}
        # The slowest first: it loads its code while the database starts, and waits for the word.
        self._launch(gateway)
        if postgres and self._server:
            self._server.initialise()
            group.create_task(self._keep(postgres))
            await postgres.healthy.wait()
            self._prepare(self._server)
        self._state.database_prepared = True
        self._save()
        self._give_word(gateway)
        group.create_task(self._keep(postgrest))
        group.create_task(self._keep(gateway))
        await postgrest.healthy.wait()
        await gateway.healthy.wait()
        self._state.phase = "running"
        self._save()

    async def _keep(self, part: Part) -> None:
        """Start a part, and start it again whenever it ends."""
        backoff = _SHORTEST_BACKOFF
        first = True
        while not self._stopping.is_set():
            if part.process is None:
                self._launch(part)
                if part.name == "gateway":
                    self._give_word(part)
            began = time.monotonic()
            held = self._state.parts[part.name]
            if await self._becomes_ready(part):
                held.state = "healthy"
                self._save()
                part.healthy.set()
                first = False
                await part.ended.wait()
            elif first:
                if self._stopping.is_set():
                    return
                raise PartFailedError(
                    f"{part.title} did not start; {self._log_path(part.name)} says why"
                    f"{self._last_words(part.name)}."
                )
            else:
                await self._end(part)
            assert part.process is not None
            code = part.process.returncode
            part.process = None
            part.healthy.clear()
            held.state, held.process = "restarting", None
            held.restarts += not part.replaced
            self._save()
            _say("part ended", part=part.name, code=code)
            if part.replaced:
                part.replaced = False
                continue
            backoff = (
                _SHORTEST_BACKOFF
                if time.monotonic() - began > _STEADY
                else min(backoff * 2, _LONGEST_BACKOFF)
            )
            await _wait_for(self._stopping, backoff)

    def _launch(self, part: Part) -> None:
        part.ended.clear()
        part.process = part.spawn()
        held = self._state.parts[part.name]
        held.state, held.process = "starting", record_of(part.process.pid)
        self._save()
        _say("part started", part=part.name, pid=part.process.pid)

    async def _becomes_ready(self, part: Part) -> bool:
        deadline = time.monotonic() + _READY_PATIENCE
        while time.monotonic() < deadline and not self._stopping.is_set():
            if part.ended.is_set():
                return False
            if await part.is_ready():
                return True
            await _wait_for(part.ended, part.interval)
        return False

    def _note_ends(self) -> None:
        for part in self._parts:
            if part.process is not None and part.process.poll() is not None:
                part.ended.set()

    def _restart_postgrest(self) -> None:
        for part in self._parts:
            if part.name == "postgrest" and part.process is not None:
                _say("part restarts", part=part.name)
                part.replaced = True
                part.process.kill()

    async def _end(self, part: Part) -> None:
        if part.process is None:
            return
        for number, patience in part.stop_signals:
            if part.process.poll() is not None:
                break
            part.process.send_signal(number)
            await _wait_for(part.ended, patience)
        part.process.wait()
        self._state.parts[part.name].state = "stopped"
        self._state.parts[part.name].process = None

    async def _stop(self) -> None:
        self._stopping.set()
        self._state.phase = "failed" if self._state.error else "stopping"
        self._save()
        postgres = [part for part in self._parts if part.name == "postgres"]
        # Clients of the database first.
        await asyncio.gather(*(self._end(part) for part in self._parts if part not in postgres))
        for part in postgres:
            await self._end(part)
        self._state.phase = "failed" if self._state.error else "stopped"
        self._state.database_prepared = False
        self._state.supervisor = None
        self._save()

    @staticmethod
    def _prepare(server: PostgresServer) -> None:
        # The mark lies in the data folder and so shares its fate; it saves a connection.
        mark = server.data_dir / "reelbase.platform"
        if mark.exists() and mark.read_text() == platform_version():
            return
        prepare_database(server.dsn())
        mark.write_text(platform_version())

    def _postgres_part(self, server: PostgresServer) -> Part:
        async def is_ready() -> bool:
            return server.is_ready()

        def spawn() -> "subprocess.Popen[bytes]":
            # A busy query outlives its killed server, and keeps the next one from starting.
            server.end_leftovers()
            return server.spawn()

        _trim(self._log_path("postgres"))
        return Part(
            "postgres",
            "PostgreSQL",
            spawn,
            is_ready,
            ((signal.SIGINT, 10), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)),
            interval=0.01,
        )

    def _postgrest_part(self) -> Part:
        api = read_project_config(Path(self._state.project_root)).get("api", {})
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "PGRST_DB_URI": self._state.database_url(self._keys.database_password, "authenticator"),
            "PGRST_DB_SCHEMAS": ",".join(api.get("schemas", ["public", "worker"])),
            "PGRST_DB_EXTRA_SEARCH_PATH": ",".join(
                api.get("extra_search_path", ["public", "extensions"])
            ),
            "PGRST_DB_MAX_ROWS": str(api.get("max_rows", 1000)),
            "PGRST_DB_ANON_ROLE": "anon",
            "PGRST_DB_POOL": "20",
            # Checking a signature costs more than a small request; a cached token still expires.
            "PGRST_JWT_CACHE_MAX_LIFETIME": "3600",
            "PGRST_JWT_SECRET": json.dumps(self._keys.verification_jwks()),
            "PGRST_SERVER_HOST": LOOPBACK,
            "PGRST_SERVER_PORT": str(self._ports.postgrest),
            "PGRST_ADMIN_SERVER_PORT": str(self._ports.postgrest_admin),
            "PGRST_LOG_LEVEL": "warn",
        }
        program = find_binaries(Path(self._state.project_root)).postgrest

        def spawn() -> "subprocess.Popen[bytes]":
            return self._spawn("postgrest", [str(program)], environment, subprocess.DEVNULL)

        asked = (self._ports.postgrest_admin, "/ready")
        return self._http_part("postgrest", "PostgREST", spawn, *asked)

    def _gateway_part(self) -> Part:
        command = [sys.executable, "-P", "-m", "reelbase.local.gateway_process"]
        command += [str(self._state_dir)]
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("PG")
        }

        def spawn() -> "subprocess.Popen[bytes]":
            return self._spawn("gateway", command, environment, subprocess.PIPE)

        return self._http_part("gateway", "The gateway", spawn, self._ports.gateway, "/health")

    def _http_part(
        self,
        name: str,
        title: str,
        spawn: Callable[[], "subprocess.Popen[bytes]"],
        port: int,
        path: str,
    ) -> Part:
        _trim(self._log_path(name))

        async def is_ready() -> bool:
            return await _answers(port, path)

        return Part(name, title, spawn, is_ready, ((signal.SIGTERM, 5), (signal.SIGKILL, 5)))

    def _spawn(
        self, name: str, command: list[str], environment: dict[str, str], stdin: int
    ) -> "subprocess.Popen[bytes]":
        with self._log_path(name).open("ab") as log:
            return subprocess.Popen(
                command,
                env=environment,
                cwd=self._state_dir,
                stdin=stdin,
                stdout=log,
                stderr=log,
                preexec_fn=end_with_parent(signal.SIGKILL),  # noqa: PLW1509
            )

    @staticmethod
    def _give_word(gateway: Part) -> None:
        if gateway.process and gateway.process.stdin:
            try:
                gateway.process.stdin.write(b"\n")
                gateway.process.stdin.flush()
            except BrokenPipeError:
                return  # it is dead already, which is noticed elsewhere

    def _log_path(self, name: str) -> Path:
        return self._state_dir / "logs" / f"{name}.log"

    def _last_words(self, name: str) -> str:
        try:
            lines = self._log_path(name).read_text(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return f" ({lines[-1].strip()})" if lines else ""

    def _save(self) -> None:
        try:
            self._state.save(self._state_dir)
        except OSError as error:
            # A full disk must not take down what runs; the next change is written again.
            _say("state not saved", error=str(error))


class _StoppedError(Exception):
    """Ends the task group when the stack is told to stop."""


def main() -> None:
    """Run a supervisor; the lock of the state folder comes in as an open file."""
    state_dir = Path(sys.argv[1])
    try:
        asyncio.run(Supervisor(state_dir).run(tied="--tied" in sys.argv[2:]))
    except LocalError as error:
        _say("stack failed", error=str(error))
        state = StackState.load(state_dir)
        if state is not None and state.phase != "failed":
            state.phase, state.error, state.supervisor = "failed", str(error), None
            state.save(state_dir)
        sys.exit(1)


def _first(group: "ExceptionGroup[Any]") -> LocalError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, ExceptionGroup) else error


async def _answers(port: int, path: str) -> bool:
    """Tell whether GET on a loopback port yields 200; no HTTP library, to be up sooner."""
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(f"GET {path} HTTP/1.0\r\nHost: {LOOPBACK}\r\n\r\n".encode())
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


async def _wait_for(event: asyncio.Event, patience: float) -> None:
    try:
        async with asyncio.timeout(patience):
            await event.wait()
    except TimeoutError:
        return


def _trim(path: Path) -> None:
    if path.exists() and path.stat().st_size > _LARGEST_LOG:
        path.replace(path.with_suffix(".log.1"))


def _say(event: str, **details: Any) -> None:
    """Write one structured line; structlog would cost more to load than this process does."""
    line = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "event": event, **details}
    with contextlib.suppress(OSError):  # the disk is full
        sys.stderr.write(json.dumps(line) + "\n")
        sys.stderr.flush()


if __name__ == "__main__":
    main()
