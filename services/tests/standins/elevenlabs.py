"""ElevenLabs, as its API reference and `elevenlabs` 2.78 describe it: text in, sound out."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .frame import Contract, Plan, Standin, a_job
from .media import TINY_MP3

__all__ = ["CONTRACT", "ElevenLabsStandin"]


class ElevenLabsStandin(Standin):
    """Speech: the plan's first file, whatever the text; voices of `voices` only."""

    name = "elevenlabs"
    operations = (("submit", "POST", r"/v1/text-to-speech/[^/]+"),)
    voices = frozenset({"JBFqnCBsd6RMkjVDRZzb", "21m00Tcm4TlvDq8ikWAM"})

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.plan = Plan(media=((TINY_MP3, "audio/mpeg"),))

    def routes(self) -> list[BaseRoute]:
        """The API."""
        return [Route("/v1/text-to-speech/{voice}", self._speak, methods=["POST"])]

    @property
    def environ(self) -> dict[str, str]:
        """Where this is, and its key."""
        return {"ELEVENLABS_API_KEY": self.key, "REELBASE_ELEVENLABS_URL": self.url}

    def check_key(self, request: Request) -> Response | None:
        """The key has a header of its own."""
        if request.headers.get("xi-api-key") == self.key:
            return None
        return refuse(401, "invalid_api_key", "Invalid API key")

    async def _speak(self, request: Request) -> Response:
        if refused := self.check_key(request):
            return refused
        body = await request.json()
        if request.path_params["voice"] not in self.voices:
            return refuse(404, "voice_not_found", "A voice for the voice_id was not found.")
        if not body.get("model_id") or request.query_params.get("output_format") is None:
            return JSONResponse({"detail": [{"loc": ["body"], "msg": "Field required"}]}, 422)
        if len(body["text"]) > 10_000:
            return refuse(400, "max_character_limit_exceeded", "The text is too long.")
        work = self.take(body)
        work.end()
        if work.ended == "refused":
            return refuse(400, "content_against_policy", "This text may not be spoken.")
        if work.ended != "succeeded":
            return refuse(500, "internal_error", "Oh.")
        data, mime = work.plan.media[0]
        told = {
            "character-cost": str(len(body["text"])),
            "request-id": f"request-{work.id}",
            "history-item-id": f"history-{work.id}",
        }
        content = data.read_bytes() if isinstance(data, Path) else data
        return Response(content, media_type=mime, headers=told)


def refuse(status: int, code: str, message: str) -> Response:
    """Make an error as the vendor does."""
    return JSONResponse({"detail": {"status": code, "message": message}}, status)


CONTRACT = Contract(
    provider="elevenlabs",
    standin=ElevenLabsStandin,
    job=a_job(
        kind="voiceover",
        model="eleven_multilingual_v2",
        aspect_ratio=None,
        resolution=None,
        duration_seconds=None,
    ),
    keys=("ELEVENLABS_API_KEY",),
    synchronous=True,
    plan=Plan(media=((TINY_MP3, "audio/mpeg"),)),
)
