"""Recraft, as its API reference describes it: the answer comes when the images are there."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .frame import Contract, Plan, Standin, a_job
from .media import TINY_PNG

__all__ = ["CONTRACT", "RecraftStandin"]


class RecraftStandin(Standin):
    """Images, as many as are asked for, each a copy of the plan's first file."""

    name = "recraft"
    operations = (("submit", "POST", r"/v1/images/generations"),)

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.plan = Plan(media=((TINY_PNG, "image/png"),))
        self.short_by = 0

    def routes(self) -> list[BaseRoute]:
        """The API."""
        return [Route("/v1/images/generations", self._create, methods=["POST"])]

    @property
    def environ(self) -> dict[str, str]:
        """Where this is, and its key."""
        return {"RECRAFT_API_TOKEN": self.key, "REELBASE_RECRAFT_URL": self.url}

    async def _create(self, request: Request) -> Response:
        if refused := self.check_key(request):
            return refused
        body = await request.json()
        if not body.get("prompt") or not 1 <= body.get("n", 1) <= 6:
            told = {"code": "invalid_request_parameter", "message": "n must be from 1 to 6"}
            return JSONResponse(told, 400)
        work = self.take(body)
        work.end()
        if work.ended == "refused":
            told = {"code": "prompt_moderation_failed", "message": "The prompt was rejected."}
            return JSONResponse(told, 400)
        if work.ended != "succeeded":
            return JSONResponse({"code": "internal_error", "message": "Oh."}, 500)
        count = body.get("n", 1) - self.short_by
        data, mime = work.plan.media[0]
        images = [
            {"image_id": f"{work.id}-{place}", "url": self.file(data, mime)}
            for place in range(count)
        ]
        return JSONResponse({"created": 1795000000, "credits": 35 * count, "data": images})


CONTRACT = Contract(
    provider="recraft",
    standin=RecraftStandin,
    job=a_job(kind="text_to_image", model="recraftv4_1", resolution=None, duration_seconds=None),
    keys=("RECRAFT_API_TOKEN",),
    synchronous=True,
    plan=Plan(media=((TINY_PNG, "image/png"),)),
)
