"""Runway, as its API reference (2024-11-06) and the types of `runwayml` 5.24 describe it."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .frame import Contract, Standin, Work, a_job

__all__ = ["CONTRACT", "RunwayStandin"]

VIDEO_RATIOS = {"1280:720", "720:1280", "1920:1080", "1080:1920", "1104:832", "832:1104", "960:960"}
STATUSES = {"queued": "THROTTLED", "running": "RUNNING", "succeeded": "SUCCEEDED"}
FAILURES = {
    "failed": ("An unexpected error occurred.", "INTERNAL.BAD_OUTPUT.CODE01"),
    "refused": ("Your prompt was moderated.", "SAFETY.INPUT.TEXT"),
}


class RunwayStandin(Standin):
    """Tasks of three sorts. `failure` replaces the code of those that fail."""

    name = "runway"
    operations = (
        ("submit", "POST", r"/v1/(text_to_video|image_to_video|text_to_image)"),
        ("look_up", "GET", r"/v1/tasks/[^/]+"),
        ("cancel", "DELETE", r"/v1/tasks/[^/]+"),
    )

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.failure: str | None = FAILURES["failed"][1]

    def routes(self) -> list[BaseRoute]:
        """The API."""
        return [
            Route("/v1/tasks/{id}", self._task, methods=["GET", "DELETE"]),
            Route("/v1/{sort}", self._create, methods=["POST"]),
        ]

    @property
    def environ(self) -> dict[str, str]:
        """Where this is, and its key."""
        return {"RUNWAYML_API_SECRET": self.key, "REELBASE_RUNWAY_URL": self.url}

    async def _create(self, request: Request) -> Response:
        if refused := self.check_key(request):
            return refused
        if request.headers.get("x-runway-version") != "2024-11-06":
            return JSONResponse({"error": "X-Runway-Version is missing."}, 400)
        body = await request.json()
        if fault := faults_of(request.path_params["sort"], body):
            return JSONResponse({"error": f"Validation of body failed: {fault}"}, 400)
        return JSONResponse({"id": self.take(body).id})

    async def _task(self, request: Request) -> Response:
        if refused := self.check_key(request):
            return refused
        work = self.works.get(request.path_params["id"])
        if work is None:
            return JSONResponse({"error": "Task not found."}, 404)
        if request.method == "DELETE":
            work.end("cancelled")
            del self.works[work.id]
            return Response(status_code=204)
        return JSONResponse(self._told(work, work.look()))

    def _told(self, work: Work, state: str) -> dict[str, Any]:
        told: dict[str, Any] = {"id": work.id, "createdAt": "2026-11-22T01:00:00.000Z"}
        if state in FAILURES:
            reason, code = FAILURES[state]
            if state == "failed":
                code = self.failure  # type: ignore[assignment] # none is a code, too
            cost = {"credits": 0}
            return told | {"status": "FAILED", "failure": reason, "failureCode": code, "cost": cost}
        if state == "cancelled":
            return told | {"status": "CANCELLED", "cost": {"credits": 0}}
        told["status"] = STATUSES[state]
        if state == "running":
            told["progress"] = 0.42
        if state == "succeeded":
            return told | {"output": self.media(work), "cost": {"credits": 60}}
        return told | {"estimatedCost": {"credits": 60}}


def faults_of(sort: str, body: dict[str, Any]) -> str | None:
    """What the API would not take."""
    if not 1 <= len(body.get("promptText", "")) <= 1000:
        return "promptText must have 1 to 1000 characters."
    if sort == "text_to_image":
        return None
    if body.get("ratio") not in VIDEO_RATIOS:
        return "ratio is not one of them."
    if not isinstance(body.get("duration"), int) or not 2 <= body["duration"] <= 10:
        return "duration must be an integer from 2 to 10."
    if (sort == "image_to_video") != ("promptImage" in body):
        return "promptImage belongs to image_to_video."
    return None


CONTRACT = Contract(
    provider="runway",
    standin=RunwayStandin,
    job=a_job(model="gen4.5"),
    keys=("RUNWAYML_API_SECRET",),
)
