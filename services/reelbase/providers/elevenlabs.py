"""ElevenLabs: speech, while one waits.

Wire format: the SDK `elevenlabs` 2.78 and https://elevenlabs.io/docs/api-reference/text-to-speech.
`POST /v1/text-to-speech/{voice_id}` answers with the sound itself; `character-cost` says how many
characters it cost. Errors are {"detail": {"status": "…", "message": "…"}}; a used-up account and a
wrong key are both a 401. Nothing can be asked after: when the answer is lost, so is the sound,
though its characters may have been paid for.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from reelbase.providers.base import (
    Accepted,
    Configuration,
    Context,
    Finished,
    Job,
    Permanent,
    ProviderError,
    Report,
    Running,
    Submission,
    Transient,
    Unknowable,
    Workdir,
)
from reelbase.providers.fetch import keep_file
from reelbase.providers.wire import Wire, base_of, key_of

__all__ = ["SECRETS", "ElevenLabsProvider", "make"]

SECRETS: Final = ("ELEVENLABS_API_KEY",)

FORMAT: Final = "mp3_44100_128"
VOICE: Final = "JBFqnCBsd6RMkjVDRZzb"  # the one of the vendor's own examples
VOICE_ID = re.compile(r"[A-Za-z0-9]{1,64}", re.ASCII)
SETTINGS: Final = ("stability", "similarity_boost", "style", "speed")
LOST: Final = "The provider's answer to this job was lost."

QUOTA: Final = frozenset({"quota_exceeded", "payment_required", "insufficient_credits"})
VOICES = re.compile(r"(?i)\bvoices?\b")
NO_VOICE: Final = "provider_voice_refused"
REFUSED: Final[Mapping[str, tuple[str, str]]] = {
    "voice_not_found": ("unknown_voice", "parameters.voice: there is no such voice."),
    "max_character_limit_exceeded": ("prompt_too_long", "prompt: it is too long for this model."),
    "text_too_long": ("prompt_too_long", "prompt: it is too long for this model."),
    "content_policy_violation": (
        "content_refused",
        "The provider's rules do not allow this content.",
    ),
    "content_against_policy": (
        "content_refused",
        "The provider's rules do not allow this content.",
    ),
}


def make(context: Context) -> "ElevenLabsProvider":
    """Make the provider.

    Raises:
        Configuration: ELEVENLABS_API_KEY is missing, or REELBASE_ELEVENLABS_URL or
            REELBASE_ELEVENLABS_VOICE is unusable.
    """
    return ElevenLabsProvider(context)


class ElevenLabsProvider:
    """Speaks texts; each job makes one MP3.

    The parameters are `voice` (the vendor's id of one; else REELBASE_ELEVENLABS_VOICE), `seed`,
    `language` (two letters), `stability`, `similarity_boost`, `style` and `speed`.
    """

    name = "elevenlabs"
    kinds = frozenset({"voiceover"})
    concurrency = None
    repeatable = False

    def __init__(self, context: Context) -> None:
        key = key_of(context, "ELEVENLABS_API_KEY")
        base = base_of(context, "REELBASE_ELEVENLABS_URL", "https://api.elevenlabs.io")
        self._voice = context.environ.get("REELBASE_ELEVENLABS_VOICE", "").strip() or VOICE
        if not VOICE_ID.fullmatch(self._voice):
            message = "REELBASE_ELEVENLABS_VOICE must be the id of a voice."
            raise Configuration("provider_voice_unusable", message)
        headers = {"xi-api-key": key}
        self._wire = Wire(self.name, base, headers, context, refusal=refusal, read_seconds=120.0)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wire.aclose()

    async def submit(self, job: Job, workdir: Workdir, report: Report) -> Submission:  # noqa: ARG002
        """Have the text spoken."""
        voice = str(job.parameters.get("voice") or self._voice)
        if not VOICE_ID.fullmatch(voice):
            raise Permanent(*REFUSED["voice_not_found"])
        body = wish(job)
        path = workdir() / "output-0"
        try:
            async with self._wire.calling(
                "submit",
                "POST",
                f"/v1/text-to-speech/{voice}",
                job=job,
                creates=True,
                headers={"Accept": "audio/mpeg"},
                params={"output_format": FORMAT},
                json=body,
                into=path,
                seconds=600.0,
            ) as answer:
                units = characters(answer.headers.get("character-cost"), len(job.prompt))
                answer.bill(units)
                try:
                    spoken = await keep_file(path, mime_kinds={"audio"})
                except Permanent:
                    raise answer.garbled() from None
        except Configuration as error:
            if error.code == NO_VOICE and job.parameters.get("voice"):
                # A user's choice, which must not keep everybody else's jobs waiting.
                message = "parameters.voice: this voice cannot be used."
                raise Permanent("unknown_voice", message) from None
            raise
        return Finished((spoken.output(),), units=units)

    async def look_up(self, job: Job, workdir: Workdir) -> Finished | Running:  # noqa: ARG002
        """Never needed: a submission ends with the sound."""
        raise Transient("provider_lost", LOST, anew=True)

    async def recover(
        self,
        job: Job,  # noqa: ARG002
        workdir: Workdir,  # noqa: ARG002
        report: Report,  # noqa: ARG002
    ) -> Finished | Accepted | Running | None:
        """Nothing can be asked after.

        Raises:
            Unknowable: always.
        """
        raise Unknowable("provider_cannot_tell", LOST)

    async def cancel(
        self, reference: str, provider_job_id: str | None, state: Mapping[str, Any]
    ) -> None:
        """Do nothing: what is being spoken is paid for."""


def wish(job: Job) -> dict[str, Any]:
    """Make the body of a submission."""
    body: dict[str, Any] = {"text": job.prompt, "model_id": job.model}
    if (seed := job.parameters.get("seed")) is not None:
        body["seed"] = seed
    if (language := job.parameters.get("language")) is not None:
        body["language_code"] = language
    settings = {name: job.parameters[name] for name in SETTINGS if name in job.parameters}
    if settings:
        body["voice_settings"] = settings
    return body


def characters(told: str | None, sent: int) -> float:
    """How many characters were billed: as the answer says, else as many as were sent."""
    return float(told) if told and re.fullmatch(r"[0-9]{1,9}", told) else float(sent)


def refusal(status: int, told: Any) -> ProviderError | None:
    """Read an error of the API, whose `status` (of late: `code`) says more than HTTP's."""
    detail = told.get("detail") if isinstance(told, dict) else None
    if not isinstance(detail, dict) or not 400 <= status < 500:
        return None
    for name in ("status", "code"):
        code = detail.get(name)
        if not isinstance(code, str):
            continue
        said = detail.get("message")
        if status in {401, 402, 403} and isinstance(said, str) and VOICES.search(said[:1000]):
            # "Free users cannot use library voices via the API", as a `payment_required`.
            return Configuration(NO_VOICE, "Our account at the provider may not use this voice.")
        if code in QUOTA:
            message = "Our account at the provider is used up for the moment."
            return Configuration("provider_quota", message)
        if code in REFUSED:
            return Permanent(*REFUSED[code])
    return None
