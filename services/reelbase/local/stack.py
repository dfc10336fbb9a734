"""The embedded stack as a whole: starting it, stopping it, and telling how it is.

One supervisor process per state folder holds a lock there for as long as it lives, and owns
everything that runs. Commands talk to it by signals and read `stack.json`, which it keeps true.
A second lock lets one command at a time act on a state folder.
"""

import base64
import contextlib
import fcntl
import hmac
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

from reelbase.local.binaries import find_binaries
from reelbase.local.errors import LocalError, PartFailedError, PortTakenError
from reelbase.local.postgres import (
    SUPERUSER,
    PostgresServer,
    apply_migrations,
    database_dsn,
    url_for,
)
from reelbase.local.processes import (
    LOOPBACK,
    ProcessRecord,
    end_processes,
    is_running,
    port_is_free,
    wait_until,
)
from reelbase.local.seed_files import digest_of, find_seed_files, store_seed_files

__all__ = [
    "DEFAULT_PORT",
    "PORTS_IN_BLOCK",
    "EmbeddedStack",
    "PartStatus",
    "Ports",
    "StackState",
    "StackStatus",
]

DEFAULT_PORT = 54321
PORTS_IN_BLOCK = 5
_START_PATIENCE = 60.0
_STOP_PATIENCE = 40.0
_DYING_PATIENCE = 0.5
_STATE_VERSION = 1
_KEYS = ("publishable_key", "secret_key", "anon_jwt", "service_role_jwt", "database_password")
_DATA = ("postgres", "postgres.unfinished", "storage", "logs")
_SEED_FILES = "seed_files.sha256"


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of one stack: a block from one base port on."""

    base: int

    @property
    def gateway(self) -> int:
        """Where clients go."""
        return self.base

    @property
    def postgres(self) -> int:
        """The database."""
        return self.base + 1

    @property
    def postgrest(self) -> int:
        """PostgREST, which the gateway passes requests on to."""
        return self.base + 2

    @property
    def postgrest_admin(self) -> int:
        """PostgREST's health."""
        return self.base + 3

    @property
    def api(self) -> int:
        """Reelbase's own web API; it is no part of the stack, but keeps its place."""
        return self.base + 4


@dataclass(slots=True)
class PartState:
    """What the supervisor knows of one part."""

    port: int
    state: str = "stopped"
    process: ProcessRecord | None = None
    restarts: int = 0


@dataclass(slots=True)
class StackState:
    """What `stack.json` holds; no secrets.

    Attributes:
        port: The base port, remembered from one start to the next.
        project_root: The folder that holds `supabase/` and `node_modules/`.
        durable: Whether the database outlives the machine's crash.
        database: Somebody else's database that serves instead of one of the stack's own: its
            address as superuser, without the password.
        phase: `stopped`, `starting`, `running`, `stopping` or `failed`.
        error: Why it failed.
        database_prepared: Whether the database is ready for migrations in this run.
        supervisor: The supervisor's process.
        parts: The parts by name.
    """

    port: int
    project_root: str
    durable: bool = True
    database: str | None = None
    phase: str = "stopped"
    error: str | None = None
    database_prepared: bool = False
    supervisor: ProcessRecord | None = None
    parts: dict[str, PartState] = field(default_factory=dict)

    def database_url(self, password: str, user: str | None = None) -> str:
        """Return the database's address for a role, or the superuser; they share one password."""
        if self.database is None:
            return database_dsn(Ports(self.port).postgres, user or SUPERUSER, password)
        return url_for(self.database, user=user, password=password)

    def save(self, state_dir: Path) -> None:
        """Replace `stack.json` in one step."""
        descriptor, name = tempfile.mkstemp(dir=state_dir, prefix="stack-", suffix=".json")
        path = Path(name)
        try:
            with os.fdopen(descriptor, "w") as file:
                json.dump({"version": _STATE_VERSION, **asdict(self)}, file, indent=2)
            path.chmod(0o644)
            path.replace(state_dir / "stack.json")
        except OSError:
            # A full disk: what was there before stays.
            path.unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, state_dir: Path) -> "StackState | None":
        """Read `stack.json`; None when there is none.

        Raises:
            LocalError: It cannot be understood.
        """
        path = state_dir / "stack.json"
        try:
            held = json.loads(path.read_text())
            if held.pop("version") != _STATE_VERSION:
                raise LocalError(
                    f"{path} was written by another version of Reelbase: stop the stack with that "
                    "one, then delete the folder."
                )
            held["supervisor"] = _record(held["supervisor"])
            held["parts"] = {
                name: PartState(**{**part, "process": _record(part["process"])})
                for name, part in held["parts"].items()
            }
            return cls(**held)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LocalError(f"{path} is damaged ({error}).") from error


@dataclass(frozen=True, slots=True)
class PartStatus:
    """How one part is, seen from outside."""

    name: str
    pid: int | None
    port: int | None
    healthy: bool
    restarts: int


@dataclass(frozen=True, slots=True)
class StackStatus:
    """How a stack is, seen from outside."""

    running: bool
    parts: tuple[PartStatus, ...]

    @property
    def healthy(self) -> bool:
        """Whether it runs and each part answers."""
        return self.running and all(part.healthy for part in self.parts)


class EmbeddedStack:
    """One embedded stack, which its state folder stands for.

    Args:
        state_dir: The state folder; `up` makes it.
    """

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir.absolute()
        self._supervisor: subprocess.Popen[bytes] | None = None

    def up(
        self,
        project_root: Path,
        *,
        port: int | None = None,
        durable: bool = True,
        tied_to_caller: bool = False,
        database_url: str | None = None,
    ) -> bool:
        """Start everything, apply migrations and seed, and return when all of it is healthy.

        Args:
            project_root: The folder that holds `supabase/` and `node_modules/`.
            port: The base port; None takes the remembered or the default one.
            durable: Off for a database that may be lost with the machine.
            tied_to_caller: Whether the stack ends when this process does, however it ends.
            database_url: A prepared database, as superuser, for a new stack to serve; None gives
                it a server of its own.

        Returns:
            Whether it was started now; False when it ran already.

        Raises:
            LocalError: It cannot be started; nothing is left running then, unless it ran before.
        """
        self._claim_folder()
        with self._one_command():
            state = self._state()
            lock = self._try_lock()
            if lock is None and state and state.phase in ("stopping", "failed"):
                wait_until(self._lock_is_free, _STOP_PATIENCE)
                lock = self._try_lock()
            if lock is None:
                if state and port not in (None, state.port):
                    raise LocalError(
                        f"The stack in {self.state_dir} already runs on port {state.port}: run "
                        f"`reelbase down` before moving it to {port}."
                    )
                try:
                    self._wait_until(_all_healthy)
                    self._migrate(project_root)
                    self._store_seed_files(project_root)
                except LocalError:
                    # Was it dying when we looked? Then it is to be started.
                    if not wait_until(self._lock_is_free, _DYING_PATIENCE):
                        raise
                    lock = self._try_lock()
                    if lock is None:
                        raise
                    state = self._state()
                else:
                    return False
            with lock:
                self._end_leftovers(state)
                state = StackState(
                    port=_checked_port(_first_given(port, state.port if state else None)),
                    project_root=str(project_root),
                    durable=durable,
                    database=self._borrow(database_url) if database_url else None,
                    phase="starting",
                )
                self._check(state)
                state.save(self.state_dir)
                self._spawn_supervisor(lock, tied_to_caller=tied_to_caller)
            try:
                self._wait_until(lambda now: now.database_prepared)
                self._migrate(project_root)
                self._wait_until(_all_healthy)
                self._store_seed_files(project_root)
            except LocalError:
                # When a part fails, whatever was using it fails as well: tell the cause.
                failed = self._state()
                self._stop()
                if failed is not None and failed.phase == "failed" and failed.error:
                    raise PartFailedError(failed.error) from None
                raise
            except BaseException:
                self._stop()
                raise
            if self._supervisor is not None and not tied_to_caller:
                # Left running on purpose: no reason to warn of it.
                self._supervisor.returncode = 0
            return True

    def down(self) -> bool:
        """Stop everything.

        Returns:
            Whether anything was running.

        Raises:
            PartFailedError: Something cannot be ended.
        """
        if not (self.state_dir / "stack.json").exists():
            return False
        with self._one_command():
            return self._stop()

    def reset(self) -> bool:
        """Stop everything and delete database, files and logs; keys and port stay.

        Returns:
            Whether there was a stack at all.
        """
        if not (self.state_dir / "stack.json").exists():
            return False
        with self._one_command():
            self._stop()
            (self.state_dir / _SEED_FILES).unlink(missing_ok=True)
            for name in _DATA:
                shutil.rmtree(self.state_dir / name, ignore_errors=True)
                if (self.state_dir / name).exists():
                    raise LocalError(f"{self.state_dir / name} cannot be deleted by this user.")
        return True

    def status(self) -> StackStatus:
        """Look at every part, asking each whether it is well."""
        state = self._state()
        if state is None or state.supervisor is None or not is_running(state.supervisor):
            return StackStatus(running=False, parts=())
        parts = [PartStatus("supervisor", state.supervisor.pid, None, state.phase == "running", 0)]
        for name, part in state.parts.items():
            alive = part.process is not None and is_running(part.process)
            parts.append(
                PartStatus(
                    name=name,
                    pid=part.process.pid if part.process and alive else None,
                    port=part.port,
                    healthy=alive and part.state == "healthy" and self._answers(name, state.port),
                    restarts=part.restarts,
                )
            )
        return StackStatus(running=True, parts=tuple(parts))

    def environment(self) -> dict[str, str]:
        """Return the settings that clients of this stack need, by name of environment variable.

        Raises:
            LocalError: No stack was ever started here.
        """
        state = self._state()
        if state is None or not (self.state_dir / "keys.json").exists():
            raise LocalError(f"There is no stack in {self.state_dir} yet: run `reelbase up`.")
        keys = self._keys()
        ports = Ports(state.port)
        return {
            "SUPABASE_URL": f"http://{LOOPBACK}:{ports.gateway}",
            "SUPABASE_PUBLISHABLE_KEY": keys["publishable_key"],
            "SUPABASE_SECRET_KEY": keys["secret_key"],
            "SUPABASE_ANON_KEY": keys["anon_jwt"],
            "SUPABASE_SERVICE_ROLE_KEY": keys["service_role_jwt"],
            "DATABASE_URL": state.database_url(keys["database_password"], "postgres"),
            "REELBASE_API_URL": f"http://{LOOPBACK}:{ports.api}",
            "REELBASE_PUBLIC_URL": f"http://{LOOPBACK}:{ports.api}",
            # Purchases without an account anywhere.
            "REELBASE_PAYMENTS": "sandbox",
            "REELBASE_SANDBOX_SECRET": _sandbox_secret(keys["secret_key"]),
        }

    def admin_database_url(self) -> str:
        """Return the database's address as superuser, which no client needs.

        Raises:
            LocalError: No stack was ever started here.
        """
        state = self._state()
        if state is None:
            raise LocalError(f"There is no stack in {self.state_dir} yet: run `reelbase up`.")
        return state.database_url(self._keys()["database_password"])

    def postgres_server(self, state: StackState) -> PostgresServer:
        """Return this stack's database server."""
        return PostgresServer(
            find_binaries(Path(state.project_root)).postgres,
            self.state_dir / "postgres",
            Ports(state.port).postgres,
            password=self._keys()["database_password"],
            log_path=self.state_dir / "logs" / "postgres.log",
            durable=state.durable,
        )

    @property
    def port(self) -> int | None:
        """The remembered base port."""
        state = self._state()
        return state.port if state else None

    def _state(self) -> StackState | None:
        return StackState.load(self.state_dir)

    def _keys(self) -> dict[str, str]:
        """Return the keys by the names that `StackKeys` gives them, making them if need be."""
        path = self.state_dir / "keys.json"
        try:
            if not path.exists():
                from reelbase.local.keys import load_or_create_keys  # noqa: PLC0415

                load_or_create_keys(path)
            # Read here, for the cryptography behind `keys` takes longer to load than all the rest.
            held = json.loads(path.read_text())
            return {name: held[name] for name in _KEYS}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LocalError(f"{path} cannot be used: {error}.") from error

    def _borrow(self, database_url: str) -> str:
        """Keep a database's password with the other secrets, and return its address without it."""
        self._keys()
        path = self.state_dir / "keys.json"
        held = json.loads(path.read_text())
        held["database_password"] = unquote(urlsplit(database_url).password or "")
        path.write_text(json.dumps(held, indent=2))
        return url_for(database_url, password="")

    def _claim_folder(self) -> None:
        """Make the state folder, or see that it is one: `reset` deletes by name in it."""
        try:
            self.state_dir.mkdir(parents=True, exist_ok=True)
            known = {"command.lock", "supervisor.lock", "keys.json", "logs"}
            others = {entry.name for entry in self.state_dir.iterdir()} - known
        except OSError as error:
            raise LocalError(
                f"{self.state_dir} cannot be used as state folder: {error.strerror}."
            ) from error
        if others and not (self.state_dir / "stack.json").exists():
            raise LocalError(
                f"{self.state_dir} holds other files and no stack: choose an empty or a new folder."
            )
        (self.state_dir / "logs").mkdir(mode=0o700, exist_ok=True)

    @contextlib.contextmanager
    def _one_command(self) -> Iterator[None]:
        try:
            file = (self.state_dir / "command.lock").open("ab")
        except OSError as error:
            raise LocalError(
                f"{self.state_dir} belongs to another user, who alone can do this."
            ) from error
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _try_lock(self) -> IO[bytes] | None:
        """Take the supervisor's lock; None while a supervisor lives."""
        file = (self.state_dir / "supervisor.lock").open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return file

    def _lock_is_free(self) -> bool:
        lock = self._try_lock()
        if lock is None:
            return False
        lock.close()
        return True

    def _check(self, state: StackState) -> None:
        """Find out here, where somebody reads it, whatever would keep the parts from starting."""
        find_binaries(Path(state.project_root))
        ports = Ports(state.port)
        own = [(ports.postgres, "PostgreSQL")] if state.database is None else []
        if own:
            self.postgres_server(state).check()
        for port, user in (
            (ports.gateway, "the gateway"),
            *own,
            (ports.postgrest, "PostgREST"),
            (ports.postgrest_admin, "PostgREST's health"),
        ):
            if not port_is_free(port):
                raise PortTakenError(
                    f"Port {port} ({user}) is taken by another program: choose another block of "
                    f"{PORTS_IN_BLOCK} ports with --port or REELBASE_PORT."
                )

    def _spawn_supervisor(self, lock: IO[bytes], *, tied_to_caller: bool) -> None:
        command = [sys.executable, "-P", "-m", "reelbase.local.supervisor", str(self.state_dir)]
        command += ["--tied"] if tied_to_caller else []
        with (self.state_dir / "logs" / "supervisor.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                # The lock goes over with its file, so that there is no moment without it.
                pass_fds=[lock.fileno()],
                cwd=self.state_dir,
                stdin=subprocess.PIPE if tied_to_caller else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        # Kept, so that a tied one's standard input stays open until this process ends.
        self._supervisor = process

    def _wait_until(self, condition: Callable[[StackState], bool]) -> None:
        """Wait for the supervisor to get somewhere.

        Raises:
            PartFailedError: It failed, died, or took too long.
        """
        deadline = time.monotonic() + _START_PATIENCE
        while True:
            state = self._state()
            if state is not None and condition(state):
                return
            if state is not None and state.phase == "failed":
                raise PartFailedError(state.error or "The stack failed to start.")
            if self._lock_is_free():
                raise PartFailedError(
                    "The supervisor ended unexpectedly; "
                    f"{self.state_dir / 'logs' / 'supervisor.log'} says why."
                )
            if time.monotonic() > deadline:
                raise PartFailedError(
                    f"The stack was not healthy within {_START_PATIENCE:.0f} s; look into "
                    f"{self.state_dir / 'logs'}."
                )
            time.sleep(0.02)

    def _migrate(self, project_root: Path) -> None:
        if not apply_migrations(self.environment()["DATABASE_URL"], project_root):
            return
        # PostgREST learns of changes by itself, but a moment later: who returns from `up` must
        # find the new schema served.
        state = self._state()
        assert state is not None
        assert state.supervisor is not None
        part = state.parts.get("postgrest")
        if part is None or part.process is None:
            return
        before = part.process
        os.kill(state.supervisor.pid, signal.SIGUSR1)

        def served_anew(now: StackState) -> bool:
            then = now.parts["postgrest"]
            return then.process != before and then.state == "healthy"

        self._wait_until(served_anew)

    def _store_seed_files(self, project_root: Path) -> None:
        """Store the files of the demo data, once: what was deleted since stays deleted."""
        found = find_seed_files(project_root)
        digest = digest_of(found)
        note = self.state_dir / _SEED_FILES
        if not found or (note.exists() and note.read_text() == digest):
            return
        state = self._state()
        assert state is not None
        store_seed_files(found, Ports(state.port).gateway, self._keys()["secret_key"])
        note.write_text(digest)

    def _stop(self) -> bool:
        state = self._state()
        was_running = not self._lock_is_free()
        if was_running:
            self._wait_for_supervisor_record()
            state = self._state()
            if state and state.supervisor:
                end_processes(
                    [state.supervisor], ((signal.SIGTERM, _STOP_PATIENCE), (signal.SIGKILL, 5))
                )
            if not wait_until(self._lock_is_free, 5):
                raise PartFailedError(f"The supervisor of {self.state_dir} cannot be ended.")
        self._forget_supervisor()
        left = self._end_leftovers(state)
        if state is not None:
            # Ended by the hand of a command: whatever the supervisor last wrote is history.
            state = self._state() or state
            state.phase = "stopped"
            state.supervisor = None
            state.parts = {}
            state.save(self.state_dir)
        return was_running or left

    def _forget_supervisor(self) -> None:
        if self._supervisor is not None:
            if self._supervisor.stdin is not None:
                self._supervisor.stdin.close()
            self._supervisor.wait()
            self._supervisor = None

    def _wait_for_supervisor_record(self) -> None:
        # It writes itself down first thing; a command that comes in between waits that long.
        def written() -> bool:
            state = self._state()
            known = state is not None and state.supervisor is not None
            return self._lock_is_free() or (
                known
                and state is not None
                and state.supervisor is not None
                and is_running(state.supervisor)
            )

        wait_until(written, 10)

    def _end_leftovers(self, state: StackState | None) -> bool:
        """End what a supervisor that was killed may have left; only what is provably ours."""
        if state is None:
            return False
        records = [part.process for part in state.parts.values() if part.process]
        alive = [record for record in records if is_running(record)]
        left = end_processes(alive, ((signal.SIGINT, 8), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)))
        if left:
            pids = ", ".join(str(record.pid) for record in left)
            raise PartFailedError(
                f"Processes of an earlier run cannot be ended by this user: {pids}."
            )
        if (self.state_dir / "postgres").exists():
            self.postgres_server(state).end_leftovers()
        return bool(alive)

    def _answers(self, name: str, base: int) -> bool:
        ports = Ports(base)
        if name == "postgres":
            return not port_is_free(ports.postgres)
        port, path = (
            (ports.gateway, "/health") if name == "gateway" else (ports.postgrest_admin, "/ready")
        )
        import http.client  # noqa: PLC0415  # only `status` asks

        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=3)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _sandbox_secret(secret_key: str) -> str:
    """Return the secret that signs the sandbox's events: as secret as the key it is made of."""
    made = hmac.digest(secret_key.encode(), b"reelbase sandbox", "sha256")
    return f"whsec_{base64.b64encode(made).decode('ascii')}"


def _record(held: dict[str, str] | None) -> ProcessRecord | None:
    return ProcessRecord(int(held["pid"]), held["started"]) if held else None


def _all_healthy(state: StackState) -> bool:
    return state.phase == "running" and all(
        part.state == "healthy" for part in state.parts.values()
    )


def _first_given(*ports: int | None) -> int:
    return next((port for port in ports if port is not None), DEFAULT_PORT)


def _checked_port(port: int) -> int:
    if not 1024 <= port <= 65535 - PORTS_IN_BLOCK:
        raise LocalError(
            f"{port} is no usable base port: choose one from 1024 to {65535 - PORTS_IN_BLOCK}."
        )
    return port
