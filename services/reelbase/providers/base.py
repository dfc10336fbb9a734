"""What a provider is: the one protocol between the dispatcher and whoever makes the media.

A provider takes a :class:`Job`, and hands back files (in a folder of its own, which is made when it
asks for one) or structured results. It knows nothing of Supabase, credits or retries; the
dispatcher owns all of these. The errors say only what the dispatcher must know to decide::

    ProviderError(code, message)
    ├── Permanent       the job can never succeed as it is: fail it, give the credits back
    ├── Transient       worth trying again, after `retry_after` seconds if that is known
    ├── Throttled       the provider takes no more at this moment; the job is innocent
    ├── Configuration   the operator must act (a missing key, a missing binary); the job is innocent
    ├── Unknown         the submission was sent and its answer lost: it may be under way
    └── Unknowable      and the provider cannot be asked whether it is

No provider offers a submission that may be sent twice, and a second one is a second bill. So each
submission carries the job's id (`Job.reference`), and one whose answer was lost is looked for by
it (`recover`) before anything is submitted again.

A provider is one module of this package. It has `make(context)`, which returns the provider, and,
where the provider calls back, `make_webhooks(context)`, which returns a
:class:`reelbase.webhooks.WebhookSource`. What either needs to be told (keys, addresses) it reads
from `context.environ` by names of its own; `SECRETS` lists those whose values no log may show.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

__all__ = [
    "Accepted",
    "Call",
    "Configuration",
    "Context",
    "Finished",
    "Input",
    "Job",
    "Output",
    "Permanent",
    "Provider",
    "ProviderError",
    "Report",
    "Running",
    "Submission",
    "Throttled",
    "Transient",
    "Unknowable",
    "Unknown",
    "Workdir",
]

Report = Callable[[int], None]
"""Takes the progress in percent, 0 to 100. Cheap, and may be called from any thread."""

Workdir = Callable[[], Path]
"""Returns the folder of this attempt, which the first call makes and the caller removes."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call that was made to a provider, for the record of what providers cost.

    `model` is the provider's own name of it; `operation` is what was asked for: "submit",
    "look_up", "recover", "cancel", "fetch" (an output's bytes). `request_id` is the provider's own
    id of the call. `units` is what the provider bills by (seconds, outputs, tokens, characters),
    `cost_usd` what it says that it costs; None where it does not say. `status_code` is HTTP's, or
    what HTTP would have said; None when no answer came.
    """

    provider: str
    operation: str
    model: str | None = None
    job_id: str | None = None
    request_id: str | None = None
    latency_ms: int | None = None
    units: float | None = None
    cost_usd: float | None = None
    status_code: int | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What a provider is given when it is made.

    Attributes:
        environ: The environment, for the provider's own keys and addresses.
        webhook_url: Where the provider may call back; None: nowhere, so it has to be polled.
        on_call: Takes every call that was made. Cheap; may be called from any thread.
        private_hosts: Addresses ("127.0.0.1:8080") from which outputs may be fetched although they
            are private: for development and tests.
        max_output_bytes: The largest file that is taken from a provider.
        fetch_seconds: The longest that fetching one output may take.
    """

    environ: Mapping[str, str] = field(default_factory=dict)
    webhook_url: str | None = None
    on_call: Callable[[Call], None] = lambda call: None  # noqa: ARG005
    private_hosts: frozenset[str] = frozenset()
    max_output_bytes: int = 5 << 30
    fetch_seconds: float = 1800.0


class Input(Protocol):
    """A file that goes into a job: the user's own, or what a job before it made.

    `role` is "reference_image", "source_video" or "source_audio"; `position` orders the inputs of
    a role from 0; `mime_type` is what it was found to be when it was registered, which is a
    stranger's word for uploads.
    """

    @property
    def role(self) -> str: ...

    @property
    def mime_type(self) -> str | None: ...

    @property
    def position(self) -> int: ...

    async def save(self, folder: Path) -> Path:
        """Download it into a folder, under a name of our own making; return the file.

        Raises:
            Transient: storage is away.
            Permanent: `inputs_lost`, the file is gone.
        """
        ...

    async def link(self) -> str:
        """Return an address at which the provider may read it for an hour.

        Raises:
            Transient, Permanent: as with `save`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Job:
    """What a provider may know of a job.

    `model` is the provider's own name of the model; `attempt` counts from 1; `provider_job_id` and
    `provider_state` are what an earlier submission of this job returned, if there was one;
    `inputs` are its files, in order. `queued_at` is when the job was queued: no submission of it is
    older.
    """

    id: str
    user_id: str
    kind: str
    mode: str
    model: str
    attempt: int
    prompt: str
    negative_prompt: str | None = None
    audio_instructions: str | None = None
    art_style: str | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    duration_seconds: float | None = None
    output_count: int = 1
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()
    provider_job_id: str | None = None
    provider_state: Mapping[str, Any] = field(default_factory=dict)
    queued_at: datetime | None = None

    @property
    def reference(self) -> str:
        """What is told with every submission, so that it can be found again: the job's id."""
        return self.id


@dataclass(frozen=True, slots=True)
class Output:
    """One finished local file. Sizes are pixels as measured in the file, never as asked for.

    `role` is the asset's role ("result_video", "result_image", "result_audio"); `thumbnail` is a
    JPEG; `position` orders the outputs of a job from 0; `style` names the look that was applied.
    """

    role: str
    path: Path
    mime_type: str
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    thumbnail: Path | None = None
    position: int = 0
    style: str | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """The provider is done: there are files, or `yields`, or both.

    `yields` is the structured result of kinds that make no file, as `worker.complete_jobs` takes
    it: a concept's title and tone, a summary, the segments of a video. `units` is what the provider
    billed (seconds, tokens, images), `cost_usd` how much, where it says so.
    """

    outputs: tuple[Output, ...] = ()
    yields: Mapping[str, Any] | None = None
    units: float | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the job and works on it; look it up after that many seconds.

    `state` is what the provider wants to be reminded of when the job is looked up or cancelled:
    small (2 KB), and without secrets.
    """

    provider_job_id: str
    poll_after_seconds: float
    state: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Running:
    """Not done yet. `progress` is in percent, or None when the provider does not say."""

    progress: int | None
    poll_after_seconds: float


Submission = Finished | Accepted


class Provider(Protocol):
    """A maker of media.

    `kinds` are the kinds of generation that it can do; tasks of others are left to others.
    `concurrency` is how many jobs one process may have at it at once, None where it sets no limit
    of its own. `repeatable` is true when a submission whose answer was lost may simply be made
    again, because it costs nothing and leaves nothing behind. All files are written below
    `workdir()`, which belongs to this attempt alone and is deleted by the caller.
    """

    @property
    def name(self) -> str: ...

    @property
    def kinds(self) -> frozenset[str]: ...

    @property
    def concurrency(self) -> int | None: ...

    @property
    def repeatable(self) -> bool: ...

    async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:
        """Start the job, or do all of it, and tell the other side `job.reference`.

        Raises:
            ProviderError: see the module's docstring for which one means what. Whatever else is
                raised by a provider that is not `repeatable` counts as `Unknown`.
        """
        ...

    async def look_up(self, job: Job, workdir: Workdir) -> Finished | Running:
        """Ask after a job that was accepted earlier; fetch its outputs if it is done.

        Raises:
            ProviderError: `Transient(anew=True)` when the work failed there and may be submitted
                again as a new one.
        """
        ...

    async def recover(
        self, job: Job, workdir: Workdir, report: Report
    ) -> Finished | Accepted | Running | None:
        """Look for a submission of `job.reference` whose answer was lost.

        Never called where `repeatable` is true.

        Returns:
            What became of it; None when it never arrived and may be submitted.

        Raises:
            Unknowable: the provider cannot be asked. The job fails, and its credits return.
            ProviderError: it could not be asked at this moment, and will be asked again.
        """
        ...

    async def cancel(
        self, reference: str, provider_job_id: str | None, state: Mapping[str, Any]
    ) -> None:
        """Stop working on a job. Does nothing when the job is unknown or has ended."""
        ...


class ProviderError(Exception):
    """A provider could not do a job.

    `code` is stable and machine-readable; `message` is a sentence for the end user and holds no
    path, address or secret.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Permanent(ProviderError):  # noqa: N818 - named by what follows
    """The job as submitted can never succeed."""


class Transient(ProviderError):  # noqa: N818
    """The job may succeed if it is tried again, after `retry_after` seconds where that is known.

    With `anew` the provider says that the work it had accepted has failed: it is submitted again
    instead of asked after again.
    """

    def __init__(
        self, code: str, message: str, retry_after: float | None = None, *, anew: bool = False
    ) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after
        self.anew = anew


class Throttled(ProviderError):  # noqa: N818
    """Too much was asked for; no job is sent for `retry_after` seconds, and none is to blame."""

    def __init__(self, code: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after


class Configuration(ProviderError):  # noqa: N818
    """The installation is at fault and an operator must mend it; the job may wait for that."""


class Unknown(ProviderError):  # noqa: N818
    """A submission was sent and its answer lost: nobody knows whether it is under way.

    It is looked for after `retry_after` seconds: what is only just arriving may not be found yet,
    and what is not found is made again.
    """

    def __init__(self, code: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after


class Unknowable(ProviderError):  # noqa: N818
    """A submission whose answer was lost cannot be looked for: this provider offers no way."""
