"""Replicate, as its HTTP API reference and OpenAPI document describe it.

A prediction shows its webhook, which the reference does not say but the real one does.
"""

import base64
import json
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from reelbase.providers.base import Context

from .frame import Contract, Standin, Work, a_job

__all__ = ["CONTRACT", "INPUTS", "MODEL", "ReplicateStandin"]

MODEL = "bytedance/seedance-1-pro"

INPUTS: dict[str, Any] = {
    "prompt": {"type": "string", "title": "Prompt"},
    "image": {"type": "string", "format": "uri", "nullable": True},
    "last_frame_image": {"type": "string", "format": "uri"},
    "duration": {"type": "integer", "minimum": 2, "maximum": 12, "default": 5},
    "resolution": {"allOf": [{"$ref": "#/components/schemas/resolution"}], "default": "1080p"},
    "aspect_ratio": {"allOf": [{"$ref": "#/components/schemas/aspect_ratio"}]},
    "seed": {"type": "integer", "nullable": True},
}
SCHEMAS: dict[str, Any] = {
    "resolution": {"type": "string", "enum": ["480p", "720p", "1080p"]},
    "aspect_ratio": {"type": "string", "enum": ["16:9", "4:3", "1:1", "9:16"]},
}
STATES = {
    "queued": "starting",
    "running": "processing",
    "refused": "failed",
    "cancelled": "canceled",
}
ERRORS = {
    "failed": "Prediction interrupted; please retry (code: PA)",
    "refused": "The input or output was flagged as sensitive. Please try again (E005)",
}
PROBLEM = "https://replicate.com/docs/reference/http#errors"


class ReplicateStandin(Standin):
    """Predictions, newest first in a list of pages of `page_size`."""

    name = "replicate"
    operations = (
        ("describe", "GET", r"/v1/models/.+"),
        ("submit", "POST", r"/v1/predictions"),
        ("recover", "GET", r"/v1/predictions"),
        ("look_up", "GET", r"/v1/predictions/[^/]+"),
        ("cancel", "POST", r"/v1/predictions/[^/]+/cancel"),
        ("secret", "GET", r"/v1/webhooks/default/secret"),
    )

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.page_size = 100
        self.inputs: dict[str, Any] | None = INPUTS
        self.secret = "whsec_" + base64.b64encode(f"standin of {url}".encode()).decode()
        self.shows_webhooks = frozenset({"list", "get"})

    def routes(self) -> list[BaseRoute]:
        """The API."""
        return [
            Route("/v1/models/{owner}/{model}", self._model),
            Route("/v1/models/{owner}/{model}/versions/{version}", self._model),
            Route("/v1/predictions", self._create, methods=["POST"]),
            Route("/v1/predictions", self._list),
            Route("/v1/predictions/{id}", self._get),
            Route("/v1/predictions/{id}/cancel", self._cancel, methods=["POST"]),
            Route("/v1/webhooks/default/secret", self._secret),
        ]

    @property
    def environ(self) -> dict[str, str]:
        """Where this is, and its key."""
        return {"REPLICATE_API_TOKEN": self.key, "REELBASE_REPLICATE_URL": self.url}

    def delivery(self, work: Work) -> tuple[str, dict[str, str], bytes] | None:
        """A prediction, signed as Standard Webhooks has it, by that project's own library."""
        if "webhook" not in work.body:
            return None
        body = json.dumps(self.told(work))
        sent, its_id = datetime.now(UTC), f"msg_{work.id}"
        headers = {
            "content-type": "application/json",
            "webhook-id": its_id,
            "webhook-timestamp": str(int(sent.timestamp())),
            "webhook-signature": Webhook(self.secret).sign(its_id, sent, body),
        }
        return work.body["webhook"], headers, body.encode()

    def context(self, **changes: Any) -> Context:
        """Call back unless told otherwise: without that nothing lost is found again."""
        return super().context(**{"webhook_url": "https://us.example/webhooks/replicate"} | changes)

    def told(self, work: Work, where: str = "get") -> dict[str, Any]:
        """A prediction as the API shows it."""
        state, media = work.state, None
        if state == "succeeded":
            found = self.media(work)
            media = found[0] if len(found) == 1 else found
        given = work.body["input"]
        webhook = {"webhook": work.body.get("webhook")} if where in self.shows_webhooks else {}
        return webhook | {
            "id": work.id,
            "model": work.body["version"].partition(":")[0],
            "version": "hidden",
            "input": given,
            "output": media,
            "logs": " 42%|████      | 21/50 [00:03<00:04]" if state == "running" else "",
            "error": ERRORS.get(state),
            "data_removed": False,
            "source": "api",
            "status": STATES.get(state, state),
            "created_at": "2026-11-22T01:00:00.000Z",
            "metrics": {"predict_time": 31.5, "video_output_duration_seconds": 5}
            if work.ended
            else {},
            "urls": {"get": f"{self.url}/v1/predictions/{work.id}"},
        }

    async def _model(self, request: Request) -> Response:
        if refused := self.check_key(request):
            return refused
        owner, model = request.path_params["owner"], request.path_params["model"]
        schemas = {**SCHEMAS, "Input": {"type": "object", "properties": self.inputs}}
        described = {
            "id": request.path_params.get("version", "0" * 64),
            "openapi_schema": {"components": {"schemas": schemas} if self.inputs else {}},
        }
        if "version" in request.path_params:
            return JSONResponse(described)
        return JSONResponse({"owner": owner, "name": model, "latest_version": described})

    async def _create(self, request: Request) -> Response:
        if refused := self.check_key(request):
            return refused
        body = await request.json()
        known = {"version", "input", "stream", "webhook", "webhook_events_filter"}
        given = body.get("input") if isinstance(body, dict) else None
        if not isinstance(given, dict) or not set(body) <= known:
            return problem(422, "Invalid request")
        if not isinstance(given.get("prompt"), str):
            return problem(422, "- input: prompt is required")
        if given.get("resolution", "720p") not in SCHEMAS["resolution"]["enum"]:
            return problem(422, "- input.resolution: must be one of the following")
        return JSONResponse(self.told(self.take(body)), 201)

    async def _list(self, request: Request) -> Response:
        if refused := self.check_key(request):
            return refused
        begin = int(request.query_params.get("cursor", 0))
        end = begin + self.page_size
        works = list(self.works.values())[::-1]
        more = f"{self.url}/v1/predictions?cursor={end}" if end < len(works) else None
        results = [self.told(each, "list") for each in works[begin:end]]
        return JSONResponse({"previous": None, "next": more, "results": results})

    async def _get(self, request: Request) -> Response:
        if refused := self.check_key(request):
            return refused
        if (work := self.works.get(request.path_params["id"])) is None:
            return problem(404, "Prediction not found")
        work.look()
        return JSONResponse(self.told(work))

    async def _cancel(self, request: Request) -> Response:
        if refused := self.check_key(request):
            return refused
        if (work := self.works.get(request.path_params["id"])) is None:
            return problem(404, "Prediction not found")
        work.end("cancelled")
        return JSONResponse(self.told(work))

    async def _secret(self, request: Request) -> Response:
        return self.check_key(request) or JSONResponse({"key": self.secret})


def problem(status: int, detail: str) -> Response:
    """An error as RFC 7807 has it."""
    told = {"type": PROBLEM, "title": "Error", "status": status, "detail": detail}
    return JSONResponse(told, status, media_type="application/problem+json")


CONTRACT = Contract(
    provider="replicate",
    standin=ReplicateStandin,
    job=a_job(model=MODEL),
    keys=("REPLICATE_API_TOKEN",),
    recovers=True,
    calls_back=True,
)
