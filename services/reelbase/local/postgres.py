"""A PostgreSQL server on this machine, and a database made ready for the project.

PostgreSQL refuses to run as root. Started by root, the server, and only it, runs as the data
folder's owner, or as `nobody` when there is no data folder yet. Where that user cannot reach the
binaries or the data folder (a clone below a folder with mode 0700), the server is given the one
capability that lets it pass, and nothing else.
"""

import contextlib
import hashlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from reelbase.local.binaries import find_binaries
from reelbase.local.errors import (
    BinaryMissingError,
    DataFolderMismatchError,
    LocalError,
    MigrationFailedError,
    MigrationsRewrittenError,
    PartFailedError,
)
from reelbase.local.processes import (
    LOOPBACK,
    ProcessRecord,
    end_processes,
    end_with_parent,
    is_running,
    processes_in,
    record_of,
    wait_until,
)

__all__ = [
    "ROLES_MARK",
    "SUPERUSER",
    "PostgresServer",
    "apply_migrations",
    "database_dsn",
    "platform_version",
    "prepare_database",
    "read_project_config",
    "run_cli",
    "url_for",
]

SUPERUSER = "supabase_admin"
ROLES_MARK = "Prepared by Reelbase"
"""What the comment on role `authenticator` begins with on a server whose roles we made."""
_UNPRIVILEGED_USER = "nobody"
_LOGIN_ROLES = ("postgres", "authenticator", "supabase_auth_admin", "supabase_storage_admin")
_PLATFORM_MARK = f"{ROLES_MARK}, platform "
_BUILTIN_LOCALES_SINCE = 17
_USUAL_PORT = 5432
_START_PATIENCE = 30.0
_CLI_PATIENCE = 600

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    # Publications are of use only with it; measured, it costs nothing that one would notice.
    "wal_level": "logical",
    # Short queries only: compiling them takes longer than running them.
    "jit": "off",
    "log_line_prefix": "%m [%p] %u@%d ",
}
# Commits still survive a killed server, as tests kill it; without fsync that costs little.
THROWAWAY_SETTINGS = {"fsync": "off", "full_page_writes": "off"}


def database_dsn(port: int, user: str, password: str, database: str = "postgres") -> str:
    """Return a connection URL for a database on this machine."""
    return f"postgresql://{user}:{quote(password, safe='')}@{LOOPBACK}:{port}/{quote(database)}"


def url_for(
    url: str, *, user: str | None = None, password: str | None = None, database: str | None = None
) -> str:
    """Return a connection URL with another user, password (none, if empty) or database.

    Raises:
        LocalError: It is no connection URL with a host and a user.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _USUAL_PORT
    except ValueError as error:
        raise LocalError(f"That is no connection URL: {error}.") from error
    if parts.scheme not in ("postgresql", "postgres") or not parts.hostname or not parts.username:
        raise LocalError(
            "A connection URL is needed: postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    name = parts.username if user is None else quote(user, safe="")
    secret = parts.password if password is None else quote(password, safe="")
    path = (parts.path or "/postgres") if database is None else f"/{quote(database, safe='')}"
    login = f"{name}:{secret}" if secret else name
    return parts._replace(netloc=f"{login}@{host}:{port}", path=path).geturl()


@dataclass(frozen=True, slots=True)
class _Identity:
    """Whom a server runs as: a uid and gid to become, or None to stay who we are."""

    uid: int
    gid: int
    prefix: tuple[str, ...]


class PostgresServer:
    """One PostgreSQL server on a loopback port.

    Args:
        native: The folder with PostgreSQL's `bin` and `lib`: npm's, or a distribution's.
        data_dir: The data folder; made by `initialise`. Its parent must exist.
        port: The port to listen on.
        password: The superuser's password, which a new cluster is given.
        log_path: The file that the server's messages are appended to.
        durable: Off for a cluster that may be lost with the machine: much faster to write to.
        settings: Further settings, over the default ones.
    """

    def __init__(
        self,
        native: Path,
        data_dir: Path,
        port: int,
        *,
        password: str,
        log_path: Path,
        durable: bool = True,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.native = native
        # The server's own working directory, told by the kernel, is free of links.
        self.data_dir = data_dir.parent.resolve() / data_dir.name
        self.port = port
        self.log_path = log_path
        self.settings = {
            **SETTINGS,
            **({} if durable else THROWAWAY_SETTINGS),
            **(settings or {}),
        }
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id, while it runs."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    def dsn(self, user: str = SUPERUSER, database: str = "postgres") -> str:
        """Return a connection URL; all login roles share one password."""
        return database_dsn(self.port, user, self._password, database)

    def check(self) -> None:
        """See whether the data folder, if there is one, is this server's to use.

        Raises:
            DataFolderMismatchError: It belongs to another version, to another user, or is none.
        """
        if not self.data_dir.exists():
            return
        owner = self.data_dir.stat().st_uid
        if os.geteuid() not in (0, owner):
            raise DataFolderMismatchError(
                f"The data folder {self.data_dir} belongs to another user (uid {owner}): run "
                "`reelbase reset` as that user or as root, or choose another --state-dir."
            )
        try:
            version = (self.data_dir / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            raise DataFolderMismatchError(
                f"{self.data_dir} holds no PostgreSQL data: run `reelbase reset`, or choose "
                "another --state-dir."
            ) from None
        ours = self._major_version()
        if version != ours:
            raise DataFolderMismatchError(
                f"The data folder {self.data_dir} belongs to PostgreSQL {version}, and this is "
                f"PostgreSQL {ours}: run `reelbase reset`, or choose another --state-dir."
            )

    def initialise(self) -> bool:
        """Make the cluster if there is none.

        It is made beside its place and moved there when it is whole, so that being killed halfway
        leaves nothing that looks like a cluster.

        Returns:
            Whether it was made now.

        Raises:
            DataFolderMismatchError: What is there is not this server's to use.
            PartFailedError: `initdb` failed.
        """
        self.check()
        if self.data_dir.exists():
            return False
        unfinished = self.data_dir.with_name(f"{self.data_dir.name}.unfinished")
        cluster, secret = unfinished / "cluster", unfinished / "password"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o755)
        cluster.mkdir(mode=0o700)
        secret.touch(mode=0o600)
        secret.write_text(self._password)
        identity = self._identity(cluster)
        if identity:
            for path in (cluster, secret):
                os.chown(path, identity.uid, identity.gid)
        command = [
            *self._command(identity, "initdb", signal.SIGKILL),
            "--pgdata",
            str(cluster),
            "--username",
            SUPERUSER,
            "--pwfile",
            str(secret),
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            # A machine that loses power in its first seconds loses an empty database.
            "--no-sync",
            "--locale=C",
            *(["--lc-ctype=C.UTF-8"] if sys.platform == "linux" else []),
        ]
        if int(self._major_version()) >= _BUILTIN_LOCALES_SINCE:
            # Case and classes by Unicode's rules, the same on every system.
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        done = subprocess.run(
            command,
            env=_clean_environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            preexec_fn=None if identity else end_with_parent(signal.SIGKILL),
        )
        if done.returncode:
            raise PartFailedError(f"initdb could not make the cluster:\n{done.stdout.strip()}")
        cluster.rename(self.data_dir)
        shutil.rmtree(unfinished)
        return True

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the server and return at once; it ends when the calling thread's process does."""
        self._drop_stale_pid_file()
        identity = self._identity(self.data_dir)
        command = [*self._command(identity, "postgres", signal.SIGINT), "-D", str(self.data_dir)]
        command += ["-p", str(self.port)]
        for name, value in self.settings.items():
            command += ["-c", f"{name}={value}"]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env=_clean_environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=None if identity else end_with_parent(signal.SIGINT),  # noqa: PLW1509
                process_group=0,  # Ctrl-C is for whoever started us
            )
        return self._process

    def is_ready(self) -> bool:
        """Tell whether the started server takes connections: it says so in its pid file."""
        try:
            lines = (self.data_dir / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def start(self) -> None:
        """Start the server, making its cluster first if there is none, and wait until it is ready.

        Raises:
            DataFolderMismatchError: The data folder is not this server's to use.
            PartFailedError: It ended, or was not ready in time.
        """
        self.initialise()
        self.end_leftovers()
        process = self.spawn()
        wait_until(lambda: self.is_ready() or process.poll() is not None, _START_PATIENCE, 0.01)
        if not self.is_ready():
            self.stop()
            raise PartFailedError(f"PostgreSQL did not start; {self.log_path} says why.")

    def stop(self) -> None:
        """Stop the server: politely, then less so."""
        if self._process is None:
            return
        # Fast shutdown, immediate shutdown, and the end.
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if self._process.poll() is not None:
                break
            self._process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=10)
        self._process = None

    def end_leftovers(self) -> None:
        """End what an earlier server on this data folder has left running.

        Raises:
            PartFailedError: Something cannot be ended.
        """
        left = end_processes(
            processes_in(self.data_dir, "postgres"),
            ((signal.SIGINT, 5), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)),
        )
        if left:
            pids = ", ".join(str(record.pid) for record in left)
            raise PartFailedError(f"Processes of an earlier PostgreSQL cannot be ended: {pids}.")

    def _major_version(self) -> str:
        program = self.native / "bin" / "postgres"
        told = subprocess.run(
            [program, "--version"],
            capture_output=True,
            text=True,
            check=False,
            env=_clean_environment(),
        )
        found = re.search(r"\) (\d+)", told.stdout)
        if not found:
            raise BinaryMissingError(
                f"PostgreSQL ({program}) does not run on this machine: {told.stderr.strip()}"
            )
        return found[1]

    def _drop_stale_pid_file(self) -> None:
        # PostgreSQL drops the file itself unless some process, by now another one, has that number.
        path = self.data_dir / "postmaster.pid"
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int(path.read_text().split()[0])
            record = record_of(pid)
            if record is None or not self._is_server(record):
                path.unlink()

    def _is_server(self, record: ProcessRecord) -> bool:
        if sys.platform == "linux":
            return record in processes_in(self.data_dir, "postgres")
        told = subprocess.run(
            ["ps", "-o", "command=", "-p", str(record.pid)],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        return is_running(record) and f"-D {self.data_dir}" in told

    def _command(
        self, identity: _Identity | None, program: str, ends_with: signal.Signals
    ) -> list[str]:
        path = str(self.native / "bin" / program)
        if identity is None:
            return [path]
        # After the change of user, which clears it.
        return [*identity.prefix, "--pdeathsig", ends_with.name, "--", path]

    def _identity(self, folder: Path) -> _Identity | None:
        """Choose whom to run as, and the least privilege that reaches everything needed."""
        if os.geteuid() != 0:
            return None
        if shutil.which("setpriv") is None:
            raise BinaryMissingError(
                "PostgreSQL refuses to run as root, and there is no `setpriv` (util-linux) to "
                "start it as another user: install it, or run this as an ordinary user."
            )
        owner = folder.stat().st_uid
        user = pwd.getpwuid(owner) if owner else pwd.getpwnam(_UNPRIVILEGED_USER)
        change = ["setpriv", "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid)]
        change += ["--clear-groups"]
        for capability in (None, "dac_read_search", "dac_override"):
            prefix = list(change)
            if capability:
                # Without the securebit access(2), which PostgreSQL asks about its own binaries,
                # would not count the capability.
                prefix += ["--securebits", "+no_setuid_fixup", "--inh-caps", f"+{capability}"]
                prefix += ["--ambient-caps", f"+{capability}"]
            if self._reaches(prefix, folder.parent):
                return _Identity(user.pw_uid, user.pw_gid, tuple(prefix))
        raise LocalError(
            f"PostgreSQL must run as user {user.pw_name}, who cannot reach {self.native} or "
            f"{folder.parent}: put both where everybody may enter."
        )

    def _reaches(self, prefix: list[str], folder: Path) -> bool:
        script = 'cd "$1" && "$2/bin/postgres" --version &&'
        # A distribution keeps it elsewhere, where everybody may read.
        script += ' { test ! -d "$2/share" || test -r "$2/share/postgresql"; }'
        arguments = ["sh", "-c", script, "sh", str(folder), str(self.native)]
        return (
            subprocess.run(
                [*prefix, "--", *arguments],
                env=_clean_environment(),
                cwd="/",
                capture_output=True,
                check=False,
            ).returncode
            == 0
        )


def platform_version() -> str:
    """Return a short hash of the platform SQL."""
    digest = hashlib.sha256()
    for name, text in _platform_sql():
        digest.update(f"{name}\n{text}\n".encode())
    return digest.hexdigest()[:12]


def prepare_database(admin_dsn: str) -> bool:
    """Turn an empty database into what the platform hands out: roles, schemas, grants.

    All in one transaction. May be run for several databases of one cluster, which share the roles.
    Databases made from this one as a template hold all of it but their owner, which is to be given:
    `create database … template … owner postgres`.

    Args:
        admin_dsn: The database as superuser, with the password that all login roles get.

    Returns:
        Whether there was anything to do.

    Raises:
        DataFolderMismatchError: It was prepared by other platform SQL than today's.
    """
    import psycopg  # noqa: PLC0415  # slow, and not needed to tell how things are

    mark = _PLATFORM_MARK + platform_version()
    with _without_user_settings(), psycopg.connect(admin_dsn) as connection:
        # Roles belong to the cluster: two databases must not make them at once, and only locks on
        # the cluster's own tables hold in both.
        connection.execute("lock table pg_catalog.pg_authid in share row exclusive mode")
        row = connection.execute(
            "select obj_description(to_regnamespace('extensions'), 'pg_namespace')"
        ).fetchone()
        present = row[0] if row else None
        if present is not None and present.startswith(_PLATFORM_MARK):
            if present != mark:
                raise DataFolderMismatchError(
                    "The database was prepared by another version of Reelbase: run "
                    "`reelbase reset`, then `reelbase up`."
                )
            return False
        for _, text in _platform_sql():
            connection.execute(text.encode())
        password = connection.info.password
        for role in _LOGIN_ROLES if password else ():
            # Hashed here, so that no log of statements can hold it.
            hashed = connection.pgconn.encrypt_password(
                password.encode(), role.encode(), b"scram-sha-256"
            )
            connection.execute(
                psycopg.sql.SQL("alter role {} password {}").format(
                    psycopg.sql.Identifier(role), hashed.decode()
                )
            )
        for marked in ("schema extensions", "role authenticator"):
            connection.execute(
                psycopg.sql.SQL("comment on {} is {}").format(
                    psycopg.sql.SQL(marked), psycopg.sql.Literal(mark)
                )
            )
    return True


def apply_migrations(database_url: str, project_root: Path, *, seed: bool = True) -> bool:
    """Apply the project's migrations, and its seed, with the real Supabase CLI.

    The CLI is not even started when nothing has changed since the last time.

    Args:
        database_url: The database as role `postgres`, with its password.
        project_root: The folder that holds `supabase/`.
        seed: Whether to run the seed files, too.

    Returns:
        Whether the CLI had to run.

    Raises:
        MigrationsRewrittenError: A file that was applied has changed or is gone.
        MigrationFailedError: The CLI failed; the message holds what it said.
    """
    import psycopg  # noqa: PLC0415

    migrations = _migration_hashes(project_root)
    project = _project_hash(project_root, seed=seed)
    try:
        with (
            _without_user_settings(),
            psycopg.connect(database_url, autocommit=True) as connection,
        ):
            applied, known = _applied_migrations(connection)
            _refuse_rewritten(applied, known, migrations)
            if known.get("project") == project and applied == set(migrations):
                return False
            include = ["--include-all", *(["--include-seed"] if seed else [])]
            run_cli(["db", "push", *include, "--yes"], database_url, project_root)
            applied, _ = _applied_migrations(connection)
            if applied:
                hashes = {version: migrations[version] for version in applied & set(migrations)}
                _remember_hashes(connection, hashes | {"project": project})
    except psycopg.Error as error:
        raise MigrationFailedError(
            f"The database failed while migrations were applied: {str(error).strip()}"
        ) from error
    return True


@contextlib.contextmanager
def _without_user_settings() -> Iterator[None]:
    """Hide what the user has set up for other databases (`PGSERVICE`, `PGOPTIONS`, …)."""
    hidden = {name: os.environ[name] for name in os.environ if name.startswith("PG")}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


def read_project_config(project_root: Path) -> dict[str, Any]:
    """Read `supabase/config.toml`.

    Raises:
        LocalError: It is no TOML.
    """
    path = project_root / "supabase" / "config.toml"
    try:
        return tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise LocalError(f"{path} cannot be read: {error}.") from error


def run_cli(arguments: Sequence[str], database_url: str, project_root: Path) -> str:
    """Run the Supabase CLI on a database, with nothing of the user's own configuration.

    Args:
        arguments: The command and its options, the target apart.
        database_url: The database as role `postgres`, with its password.
        project_root: The folder that holds `supabase/`.

    Returns:
        What it wrote on its standard output.

    Raises:
        MigrationFailedError: The CLI failed; the message holds what it said.
    """
    import psycopg  # noqa: PLC0415

    parts = psycopg.conninfo.conninfo_to_dict(database_url)
    password = str(parts.get("password") or "")
    # Other users of the machine can read a command line, but not an environment.
    bare_url = f"postgresql://{parts['user']}@{parts['host']}:{parts['port']}/{parts['dbname']}"
    command = [str(find_binaries(project_root).supabase), *arguments, f"--remote={bare_url}"]
    command += ["--workdir", str(project_root)]
    with tempfile.TemporaryDirectory(prefix="reelbase-cli-") as home:
        environment = {
            name: value
            for name, value in _clean_environment(os.environ).items()
            if not name.startswith("SUPABASE_")
        }
        environment |= {
            # Whatever is set up for a hosted project in the user's home has no business here.
            "HOME": home,
            "PGPASSWORD": password,
            "PGSSLMODE": str(parts.get("sslmode") or "disable"),
            "SUPABASE_TELEMETRY_DISABLED": "1",
            "NO_COLOR": "1",
        }
        try:
            done = subprocess.run(
                command,
                env=environment,
                cwd=project_root,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_CLI_PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise MigrationFailedError(
                f"The Supabase CLI did not finish within {_CLI_PATIENCE} seconds."
            ) from error
    if done.returncode:
        told = "\n".join(filter(None, (done.stdout.strip(), done.stderr.strip())))
        raise MigrationFailedError(
            f"The Supabase CLI failed (`supabase {' '.join(arguments)}`):\n{told}"
        )
    return done.stdout


def _refuse_rewritten(applied: set[str], known: dict[str, str], migrations: dict[str, str]) -> None:
    rewritten = sorted(
        version
        for version in applied
        if version not in migrations
        or known.get(version, migrations[version]) != migrations[version]
    )
    if rewritten:
        others = f" and {len(rewritten) - 1} more" if len(rewritten) > 1 else ""
        raise MigrationsRewrittenError(
            f"Migration {rewritten[0]}{others} changed after the database was built from it: run "
            "`reelbase reset`, then `reelbase up`."
        )


def _applied_migrations(connection: Any) -> tuple[set[str], dict[str, str]]:
    """Return the versions that the CLI has applied, and the hashes that we remember."""
    applied: set[str] = set()
    known: dict[str, str] = {}
    for relation, query in (
        ("schema_migrations", "select version from supabase_migrations.schema_migrations"),
        ("reelbase_hashes", "select name, sha256 from supabase_migrations.reelbase_hashes"),
    ):
        there = connection.execute(
            "select to_regclass(%s)", [f"supabase_migrations.{relation}"]
        ).fetchone()
        if there is None or there[0] is None:
            continue
        rows = connection.execute(query).fetchall()
        if relation == "schema_migrations":
            applied = {version for (version,) in rows}
        else:
            known = dict(rows)
    return applied, known


def _remember_hashes(connection: Any, hashes: dict[str, str]) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(
            """
            create table if not exists supabase_migrations.reelbase_hashes (
              name text primary key,
              sha256 text not null
            )
            """
        )
        cursor.executemany(
            """
            insert into supabase_migrations.reelbase_hashes (name, sha256) values (%s, %s)
            on conflict (name) do update set sha256 = excluded.sha256
            """,
            list(hashes.items()),
        )


def _migration_hashes(project_root: Path) -> dict[str, str]:
    hashes = {}
    for path in sorted((project_root / "supabase" / "migrations").glob("*.sql")):
        # The CLI passes over files with other names, too.
        if found := re.match(r"(\d+)_.*\.sql", path.name):
            hashes[found[1]] = hashlib.sha256(path.read_bytes()).hexdigest()
    return hashes


def _project_hash(project_root: Path, *, seed: bool) -> str:
    """Hash all that decides what the CLI would do: migrations, seeds and configuration."""
    digest = hashlib.sha256(f"seed={seed}".encode())
    folder = project_root / "supabase"
    for path in sorted([*folder.rglob("*.sql"), folder / "config.toml"]):
        if path.is_file():
            digest.update(f"\0{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _platform_sql() -> list[tuple[str, str]]:
    folder = files("reelbase.local.platform")
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return [(entry.name, entry.read_text()) for entry in sorted(found, key=lambda one: one.name)]


def _clean_environment(source: Any = None) -> dict[str, str]:
    """Return an environment in which no setting of ours or the user's reaches PostgreSQL."""
    if source is None:
        return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}
    return {name: value for name, value in source.items() if not name.startswith("PG")}
