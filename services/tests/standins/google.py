"""The Gemini API's interactions, as the types of `google-genai` 3.4 and its reference say.

Deliveries are signed by the `standardwebhooks` library and not by anything of ours.
"""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from standardwebhooks.webhooks import Webhook
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .frame import Contract, Standin, Work, a_job

__all__ = ["CONTRACT", "GoogleStandin"]

STATUSES = {"queued": "queued", "running": "in_progress", "succeeded": "completed"}
REFUSAL = "I cannot make a video of that."


class GoogleStandin(Standin):
    """Interactions: those in the background run their course, others are answered at the end.

    `error` is what those that fail tell; `webhook_url` is where the project's webhook goes.
    """

    name = "google"
    operations = (
        ("submit", "POST", r"/v1beta/interactions"),
        ("look_up", "GET", r"/v1beta/interactions/[^/]+"),
        ("cancel", "POST", r"/v1beta/interactions/[^/]+/cancel"),
    )
    secret = "whsec_" + base64.b64encode(b"the webhook secret of a project.").decode()

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.error: dict[str, Any] | None = {"code": "internal_error", "message": "Oh."}
        self.webhook_url: str | None = None

    def routes(self) -> list[BaseRoute]:
        """The API."""
        return [
            Route("/v1beta/interactions", self._create, methods=["POST"]),
            Route("/v1beta/interactions/{id}", self._interaction, methods=["GET"]),
            Route("/v1beta/interactions/{id}/cancel", self._cancel, methods=["POST"]),
        ]

    @property
    def environ(self) -> dict[str, str]:
        """Where this is, and its key."""
        return {
            "GEMINI_API_KEY": self.key,
            "GEMINI_WEBHOOK_SECRET": self.secret,
            "REELBASE_GOOGLE_URL": self.url,
        }

    def check_key(self, request: Request) -> Response | None:
        """The key has a header of its own, and a wrong one is a bad request."""
        if request.headers.get("x-goog-api-key") == self.key:
            return None
        details = [{"reason": "API_KEY_INVALID", "domain": "googleapis.com"}]
        message = "API key not valid. Please pass a valid API key."
        error = {"code": 400, "message": message, "status": "INVALID_ARGUMENT", "details": details}
        return JSONResponse({"error": error}, 400)

    def delivery(self, work: Work) -> tuple[str, dict[str, str], bytes] | None:
        """An event that names the interaction and says little else."""
        if self.webhook_url is None:
            return None
        event = {
            "type": f"interaction.{'completed' if work.ended == 'succeeded' else 'failed'}",
            "version": "v1",
            "data": {"id": work.id},
        }
        body = json.dumps(event)
        now = datetime.now(UTC)
        signature = Webhook(self.secret).sign(f"msg-{work.id}", now, body)
        headers = {
            "content-type": "application/json",
            "webhook-id": f"msg-{work.id}",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature,
        }
        return self.webhook_url, headers, body.encode()

    async def _create(self, request: Request) -> Response:
        if refused := self.check_key(request):
            return refused
        body = await request.json()
        form = body.get("response_format", {})
        if form.get("type") == "video" and not str(form.get("duration", "8s")).endswith("s"):
            return JSONResponse({"error": {"code": "invalid_request", "message": "duration"}}, 400)
        work = self.take(body)
        if not body.get("background"):
            work.end()
        return JSONResponse(self._told(work, work.state))

    async def _interaction(self, request: Request) -> Response:
        if refused := self.check_key(request):
            return refused
        work = self.works.get(request.path_params["id"])
        if work is None:
            message = "Invalid interaction name."
            return JSONResponse({"error": {"code": "invalid_request", "message": message}}, 400)
        return JSONResponse(self._told(work, work.look()))

    async def _cancel(self, request: Request) -> Response:
        if refused := self.check_key(request):
            return refused
        work = self.works.get(request.path_params["id"])
        if work is None or work.ended is not None:
            message = "The interaction has ended."
            return JSONResponse({"error": {"code": "invalid_request", "message": message}}, 400)
        work.end("cancelled")
        return JSONResponse(self._told(work, work.state))

    def _told(self, work: Work, state: str) -> dict[str, Any]:
        told: dict[str, Any] = {
            "id": work.id,
            "object": "interaction",
            "model": work.body["model"],
            "status": STATUSES.get(state, state),
            "created": "2026-11-22T01:00:00Z",
        }
        if state == "failed":
            return told | ({"errors": [self.error]} if self.error else {})
        if state == "refused":
            step = {"type": "model_output", "content": [{"type": "text", "text": REFUSAL}]}
            usage = {"total_output_tokens": 12, "total_thought_tokens": 3}
            return told | {"status": "completed", "steps": [step], "usage": usage}
        if state == "succeeded":
            steps = [
                {"type": "thought", "summary": [{"type": "text", "text": "Let me see."}]},
                {"type": "model_output", "content": self._contents(work)},
            ]
            usage = {"total_output_tokens": 46336, "total_thought_tokens": 100}
            return told | {"steps": steps, "usage": usage}
        return told

    def _contents(self, work: Work) -> list[dict[str, Any]]:
        form = work.body["response_format"]
        if form.get("delivery") == "uri":
            return [
                {"type": form["type"], "mime_type": mime, "uri": uri}
                for (_, mime), uri in zip(work.plan.media, self.media(work), strict=True)
            ]
        return [
            {
                "type": form["type"],
                "mime_type": mime,
                "data": base64.b64encode(
                    data.read_bytes() if isinstance(data, Path) else data
                ).decode(),
            }
            for data, mime in work.plan.media
        ]


CONTRACT = Contract(
    provider="google",
    standin=GoogleStandin,
    job=a_job(model="gemini-omni-1.2-flash"),
    keys=("GEMINI_API_KEY",),
    calls_back=True,
)
