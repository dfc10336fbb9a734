"""The services' settings, read from the environment."""

import os
import re
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from reelbase.errors import SettingsError

__all__ = ["LOOPBACK_HOSTS", "Settings", "load_settings"]

LOOPBACK_HOSTS = frozenset(["127.0.0.1", "localhost", "::1"])
"""Where plain HTTP is good enough: it does not leave the machine."""

LEAST_SECRET = 4
"""Characters of the shortest secret that is blotted out; less would blot out half of a log."""


def default_worker_name() -> str:
    """Name this process: host and pid."""
    return f"{socket.gethostname()}:{os.getpid()}"


def default_work_dir() -> Path:
    """The folder for work in progress: the machine's temporary one, apart for each user."""
    return Path(tempfile.gettempdir()) / f"reelbase-{os.getuid()}"


class Settings(BaseSettings):
    """Everything that the services can be told.

    Attributes:
        supabase_url: `SUPABASE_URL`, where PostgREST, Auth and Storage answer.
        supabase_secret_key: `SUPABASE_SECRET_KEY`, or else `SUPABASE_SERVICE_ROLE_KEY`.
        database_url: `DATABASE_URL`, a direct connection for LISTEN; polled without it.
        providers: `REELBASE_PROVIDERS`, names with commas between them.
        worker_name: `REELBASE_WORKER_NAME`, as it stands in leases and logs.
        worker_url: `REELBASE_WORKER_URL`, where a worker serves /health, /ready and /metrics;
            port 0 takes any free one. Nothing is served without it.
        worker_concurrency: `REELBASE_WORKER_CONCURRENCY`, jobs in flight in one process; a
            provider may set a lower limit of its own.
        lease_seconds: `REELBASE_LEASE_SECONDS`, how long a dead worker keeps a job from others.
        shutdown_seconds: `REELBASE_SHUTDOWN_SECONDS`, how long jobs and streams may go on after
            SIGTERM.
        poll_min_seconds, poll_max_seconds: `REELBASE_POLL_MIN_SECONDS` and `…_MAX_SECONDS`, the
            pause between looks into the queue, right after work and when long idle.
        listen_poll_seconds: `REELBASE_LISTEN_POLL_SECONDS`, that pause while LISTEN works.
        progress_seconds: `REELBASE_PROGRESS_SECONDS`, the least time between progress writes.
        step_seconds: `REELBASE_STEP_SECONDS`, the longest that one provider call may take.
        tend_seconds: `REELBASE_TEND_SECONDS`, the pause between rounds of the queue: taking over
            what lost its worker, ending what is overdue.
        housekeeping_seconds: `REELBASE_HOUSEKEEPING_SECONDS`, the pause between rounds of purging.
        work_dir: `REELBASE_WORK_DIR`, where files in the making lie.
        max_output_bytes: `REELBASE_MAX_OUTPUT_BYTES`, the largest file that is taken from a
            provider or handed to one.
        fetch_seconds: `REELBASE_FETCH_SECONDS`, the longest that fetching one file may take.
        private_hosts: `REELBASE_PRIVATE_HOSTS`, addresses ("127.0.0.1:8080") with commas between
            them, from which outputs may be fetched although they are private.
        public_url: `REELBASE_PUBLIC_URL`, where providers and browsers reach `reelbase api`: by
            HTTPS, or on loopback. Without it no provider is asked to call back.
        payments: `REELBASE_PAYMENTS`, the payment providers that may be paid through, with commas
            between them; none unless named.
        return_url: `REELBASE_RETURN_URL`, where a browser is sent after paying.
        allowed_origins: `REELBASE_ALLOWED_ORIGINS`, the sites, with commas between them, whose
            pages may call `reelbase api` from a browser; `*`, the default, for all. Users are known
            by a header that no site sends for another.
        auth_issuer: `REELBASE_AUTH_ISSUER`, who must have issued a user's token: `/auth/v1` at the
            Supabase URL unless given.
        max_connections: `REELBASE_MAX_CONNECTIONS`, connections to `reelbase api` at once.
        api_url: `REELBASE_API_URL`, where `reelbase api` listens.
        max_streams: `REELBASE_MAX_STREAMS`, shared files on their way at once in one process.
        stream_stall_seconds: `REELBASE_STREAM_STALL_SECONDS`, how long a shared file may stand
            still, for storage's sake or the client's, before it is cut.
        log_level: `REELBASE_LOG_LEVEL`.
    """

    model_config = SettingsConfigDict(
        env_ignore_empty=True, env_prefix="REELBASE_", extra="ignore", frozen=True
    )

    supabase_url: str = Field(validation_alias="SUPABASE_URL", pattern="^https?://[^/]+/?$")
    supabase_secret_key: SecretStr = Field(
        validation_alias=AliasChoices("SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY")
    )
    database_url: SecretStr | None = Field(default=None, validation_alias="DATABASE_URL")
    providers: Annotated[tuple[str, ...], NoDecode] = ("local",)
    worker_name: str = Field(default_factory=default_worker_name, min_length=1, max_length=200)
    worker_url: str | None = Field(default=None, pattern=r"^http://[^/:]+:\d+/?$")
    worker_concurrency: int = Field(default=50, ge=1, le=500)
    lease_seconds: int = Field(default=60, ge=1, le=3600)
    shutdown_seconds: float = Field(default=20, ge=0)
    poll_min_seconds: float = Field(default=0.2, gt=0)
    poll_max_seconds: float = Field(default=2, gt=0)
    listen_poll_seconds: float = Field(default=5, gt=0)
    progress_seconds: float = Field(default=1, gt=0)
    step_seconds: float = Field(default=3600, gt=0)
    tend_seconds: float = Field(default=2, gt=0)
    housekeeping_seconds: float = Field(default=60, gt=0)
    work_dir: Path = Field(default_factory=default_work_dir)
    max_output_bytes: int = Field(default=5 << 30, ge=1)
    fetch_seconds: float = Field(default=1800, gt=0)
    private_hosts: Annotated[frozenset[str], NoDecode] = frozenset()
    public_url: str | None = None
    payments: Annotated[tuple[str, ...], NoDecode] = ()
    return_url: str | None = None
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ("*",)
    auth_issuer: str | None = Field(default=None, pattern="^https?://.+$")
    max_connections: int = Field(default=2000, ge=10)
    api_url: str = Field(default="http://127.0.0.1:54325", pattern=r"^http://[^/:]+:\d+/?$")
    max_streams: int = Field(default=100, ge=1, le=10_000)
    stream_stall_seconds: float = Field(default=60, gt=0)
    log_level: str = Field(default="INFO", pattern="(?i)^(debug|info|warning|error)$")

    @field_validator("providers", "payments", "private_hosts", "allowed_origins", mode="before")
    @classmethod
    def split_names(cls, value: object) -> object:
        """Take names with commas between them, as an environment variable holds them."""
        if isinstance(value, str):
            # Each once, in the order in which they were written.
            return tuple(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))
        return value

    @field_validator("private_hosts")
    @classmethod
    def have_ports(cls, value: frozenset[str]) -> frozenset[str]:
        """See that each address has a port: a whole machine would be too much."""
        if not all(re.fullmatch(r"([^\s:/@]+|\[[0-9a-fA-F:]+\]):\d{1,5}", each) for each in value):
            message = "Each must be a host and a port, such as 127.0.0.1:8080"
            raise PydanticCustomError("address", message)
        return value

    @field_validator("public_url", "return_url")
    @classmethod
    def reach_browsers(cls, value: str | None) -> str | None:
        """See that an address is one for the outside world."""
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            good = parts.scheme == "https" and bool(parts.hostname)
            good = good or (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS)
            good = good and parts.username is None and (parts.port or 1) > 0
        except ValueError:
            good = False
        if not good:
            message = "It must begin with https://, or with http:// on loopback"
            raise PydanticCustomError("address", message)
        return value

    @property
    def callback_url(self) -> str | None:
        """Where providers call back, without their names; None when nothing is reached there."""
        return f"{self.public_url.rstrip('/')}/webhooks" if self.public_url else None

    def secrets(self) -> tuple[str, ...]:
        """What must never be seen in a log: our own keys, and those of whom we deal with.

        The environment is asked for what the named providers and payments call their secrets.
        """
        # They are told of the environment, and never know of these settings.
        from reelbase import providers  # noqa: PLC0415

        found = [self.supabase_secret_key.get_secret_value()]
        found += providers.secrets_of(self.providers, os.environ)
        if self.payments:
            from reelbase import payments  # noqa: PLC0415

            found += payments.secrets_of(self.payments, os.environ)
        if self.database_url is not None:
            found.append(self.database_url.get_secret_value())
        return spellings(found)


def spellings(secrets: Iterable[str]) -> tuple[str, ...]:
    """List the forms in which secrets may turn up: whole, apart at their commas, in an address.

    Longer ones come first, so that a part that is blotted out never hides the whole.
    """
    found: set[str] = set()
    for secret in secrets:
        for each in (secret, *secret.split(",")):
            found |= {each.strip(), quote(each.strip(), safe="")}
    return tuple(sorted((each for each in found if len(each) >= LEAST_SECRET), key=order))


def order(secret: str) -> tuple[int, str]:
    """Sort by length, the longest first."""
    return -len(secret), secret


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        SettingsError: names the first variable that is missing or garbled, never its value.
    """
    try:
        return Settings.model_validate({})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = variable_of(str(first["loc"][0]))
    if first["type"] == "missing":
        message = f"{name} is not set: export it, or start the embedded stack with `reelbase up`."
    else:
        message = f"{name} cannot be used: {first['msg'][0].lower()}{first['msg'][1:]}."
    raise SettingsError(message)


def variable_of(location: str) -> str:
    """Name the environment variable behind a field, as pydantic locates it."""
    return location if location.isupper() else f"REELBASE_{location.upper()}"
