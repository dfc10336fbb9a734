"""Luma's Agents API, as its guides and the types of `luma-agents` 0.5 describe it."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .frame import Contract, Standin, Work, a_job

__all__ = ["CONTRACT", "LumaStandin"]

STATES = {"queued": "queued", "running": "processing", "succeeded": "completed"}
FAILURES = {"failed": "generation_failed", "refused": "content_moderated"}
ONE_OF = ("url", "data", "generation_id", "file_id")


class LumaStandin(Standin):
    """Generations. `failure` replaces the code of those that fail."""

    name = "luma"
    operations = (
        ("submit", "POST", r"/v1/generations"),
        ("look_up", "GET", r"/v1/generations/[^/]+"),
    )

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.failure: str | None = None

    def routes(self) -> list[BaseRoute]:
        """The API."""
        return [
            Route("/v1/generations", self._create, methods=["POST"]),
            Route("/v1/generations/{id}", self._generation, methods=["GET"]),
        ]

    @property
    def environ(self) -> dict[str, str]:
        """Where this is, and its key."""
        return {"LUMA_AGENTS_API_KEY": self.key, "REELBASE_LUMA_URL": self.url}

    async def _create(self, request: Request) -> Response:
        if refused := self.check_key(request):
            return refused
        body = await request.json()
        if fault := faults_of(body):
            return JSONResponse({"detail": fault}, 422)
        work = self.take(body)
        return JSONResponse(self._told(work, work.state), 201)

    async def _generation(self, request: Request) -> Response:
        if refused := self.check_key(request):
            return refused
        work = self.works.get(request.path_params["id"])
        if work is None:
            return JSONResponse({"detail": "Generation not found"}, 404)
        return JSONResponse(self._told(work, work.look()))

    def _told(self, work: Work, state: str) -> dict[str, Any]:
        told: dict[str, Any] = {
            "id": work.id,
            "type": work.body["type"],
            "model": work.body["model"],
            "created_at": "2026-11-22T01:00:00Z",
            "state": STATES.get(state, "failed"),
            "output": [],
            "failure_code": None,
            "failure_reason": None,
        }
        if told["state"] == "failed":
            code = self.failure or FAILURES.get(state, "generation_failed")
            told |= {"failure_code": code, "failure_reason": "It did not work."}
        if told["state"] == "completed":
            sort = "image" if work.body["type"] == "image" else "video"
            told["output"] = [{"type": sort, "url": url} for url in self.media(work)]
        return told


def faults_of(body: dict[str, Any]) -> str | None:
    """What the API would not take."""
    if not body.get("prompt"):
        return "prompt is required"
    if body.get("type") == "image":
        return None if body["model"].startswith("uni-") else "model does not make images"
    video = body.get("video", {})
    if video.get("duration") not in {"5s", "10s"}:
        return "video.duration must be 5s or 10s"
    frames, places = video.get("keyframes", []), video.get("keyframe_indexes", [])
    last = int(video["duration"][:-1]) * 24
    if len(frames) != len(places) or places != sorted(set(places)):
        return "video.keyframe_indexes must match video.keyframes"
    if any(not 0 <= place <= last for place in places):
        return "video.keyframe_indexes must lie within the video"
    if any(sum(name in frame for name in ONE_OF) != 1 for frame in frames):
        return "exactly one of url, data, generation_id, file_id"
    return None


CONTRACT = Contract(
    provider="luma",
    standin=LumaStandin,
    job=a_job(model="ray-3.2"),
    keys=("LUMA_AGENTS_API_KEY",),
)
