"""fal, as the documents of its queue, its errors and its webhooks describe it."""

import base64
import hashlib
import json
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .frame import Contract, Standin, Work, a_job

__all__ = ["CONTRACT", "MODEL", "FalStandin"]

MODEL = "fal-ai/kling-video/v2.5-turbo/pro/text-to-video"
APP = "fal-ai/kling-video"

INPUTS: dict[str, Any] = {
    "prompt": {"type": "string", "maxLength": 2500},
    "duration": {"type": "string", "enum": ["5", "10"], "default": "5"},
    "aspect_ratio": {"anyOf": [{"enum": ["16:9", "9:16", "1:1"]}, {"type": "null"}]},
    "negative_prompt": {"type": "string"},
}


class FalStandin(Standin):
    """The queue. Jobs end with the look-ups at their status, as vendors count time otherwise."""

    name = "fal"
    operations = (
        ("describe", "GET", r"/schema"),
        ("keys", "GET", r"/\.well-known/jwks\.json"),
        ("look_up", "GET", r"/.+/requests/[^/]+/status"),
        ("result", "GET", r"/.+/requests/[^/]+"),
        ("cancel", "PUT", r"/.+/requests/[^/]+/cancel"),
        ("submit", "POST", r"/.+"),
    )

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.inputs: dict[str, Any] | None = INPUTS
        self.names_addresses = True
        self.private_key = Ed25519PrivateKey.generate()
        self.result: Any = None

    def routes(self) -> list[BaseRoute]:
        """The API."""
        return [
            Route("/schema", self._schema),
            Route("/.well-known/jwks.json", self._keys),
            Route("/{app:path}/requests/{id}/status", self._status),
            Route("/{app:path}/requests/{id}/cancel", self._cancel, methods=["PUT"]),
            Route("/{app:path}/requests/{id}", self._result),
            Route("/{model:path}", self._create, methods=["POST"]),
        ]

    @property
    def environ(self) -> dict[str, str]:
        """Where this is, and its key."""
        return {
            "FAL_KEY": self.key,
            "REELBASE_FAL_URL": self.url,
            "REELBASE_FAL_SCHEMA_URL": f"{self.url}/schema",
            "REELBASE_FAL_JWKS_URL": f"{self.url}/.well-known/jwks.json",
        }

    def check_key(self, request: Request) -> Response | None:
        """Refuse whoever has not the key."""
        if request.headers.get("authorization") == f"Key {self.key}":
            return None
        return JSONResponse({"detail": "Cannot access application. Authentication required."}, 401)

    def delivery(self, work: Work) -> tuple[str, dict[str, str], bytes] | None:
        """What fal posts, signed as its documents say."""
        if (url := work.query.get("fal_webhook")) is None:
            return None
        is_good = work.state == "succeeded"
        told: dict[str, Any] = {
            "request_id": work.id,
            "gateway_request_id": work.id,
            "status": "OK" if is_good else "ERROR",
            "payload": self.made(work) if is_good else {"detail": errors_of(work)},
        }
        if not is_good:
            told["error"] = "Unexpected status code: 422"
        return url, *self.signed(work.id, json.dumps(told).encode())

    def signed(
        self, its_id: str, body: bytes, sent: int | None = None
    ) -> tuple[dict[str, str], bytes]:
        """The headers of a delivery, and its body."""
        timestamp = str(int(time.time()) if sent is None else sent)
        message = "\n".join((its_id, "user-1", timestamp, hashlib.sha256(body).hexdigest()))
        headers = {
            "content-type": "application/json",
            "x-fal-webhook-request-id": its_id,
            "x-fal-webhook-user-id": "user-1",
            "x-fal-webhook-timestamp": timestamp,
            "x-fal-webhook-signature": self.private_key.sign(message.encode()).hex(),
        }
        return headers, body

    def made(self, work: Work) -> Any:
        """The result of a job."""
        if self.result is not None:
            return self.result
        (data, mime), *_ = work.plan.media
        address = self.file(data, mime)
        return {"video": {"url": address, "content_type": mime, "file_name": "output"}}

    async def _schema(self, request: Request) -> Response:
        model = request.query_params["endpoint_id"]
        if self.inputs is None:
            return JSONResponse({"detail": "Not found"}, 404)
        content = {"application/json": {"schema": {"$ref": "#/components/schemas/Input"}}}
        return JSONResponse(
            {
                "openapi": "3.0.4",
                "components": {"schemas": {"Input": {"properties": self.inputs}}},
                "paths": {f"/{model}": {"post": {"requestBody": {"content": content}}}},
            }
        )

    async def _keys(self, request: Request) -> Response:
        raw = self.private_key.public_key().public_bytes_raw()
        x = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        return JSONResponse({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x}]})

    async def _create(self, request: Request) -> Response:
        if refused := self.check_key(request):
            return refused
        body = await request.json()
        if not isinstance(body, dict) or not isinstance(body.get("prompt"), str):
            missing = {"loc": ["body", "prompt"], "msg": "Field required", "type": "missing"}
            return JSONResponse({"detail": [missing]}, 422)
        work = self.take(body, request.query_params)
        told = {"status": "IN_QUEUE", "request_id": work.id, "queue_position": 0}
        if self.names_addresses:
            address = f"{self.url}/{APP}/requests/{work.id}"
            told |= {
                "response_url": address,
                "status_url": f"{address}/status",
                "cancel_url": f"{address}/cancel",
            }
        return JSONResponse(told)

    async def _status(self, request: Request) -> Response:
        if refused := self.check_key(request):
            return refused
        if (work := self.works.get(request.path_params["id"])) is None:
            return JSONResponse({"detail": "Request not found"}, 404)
        state = work.look()
        told: dict[str, Any] = {"request_id": work.id}
        if state in {"queued", "running"}:
            status = "IN_QUEUE" if state == "queued" else "IN_PROGRESS"
            return JSONResponse(told | {"status": status, "queue_position": 1, "logs": None}, 202)
        told |= {"status": "COMPLETED", "logs": None, "metrics": {"inference_time": 3.1}}
        if state == "failed":
            told |= {"error": "Runner disconnected", "error_type": "runner_disconnected"}
        if state == "cancelled":
            told |= {"error": "Cancelled", "error_type": "client_cancelled"}
        return JSONResponse(told)

    async def _result(self, request: Request) -> Response:
        if refused := self.check_key(request):
            return refused
        work = self.works.get(request.path_params["id"])
        if work is None:
            return JSONResponse({"detail": "Request not found"}, 404)
        if work.state in {"queued", "running"}:
            return JSONResponse({"detail": "Request is still in progress"}, 400)
        if work.state != "succeeded":
            return JSONResponse({"detail": errors_of(work)}, 422)
        return JSONResponse(self.made(work), headers={"x-fal-billable-units": "5.0"})

    async def _cancel(self, request: Request) -> Response:
        if refused := self.check_key(request):
            return refused
        work = self.works.get(request.path_params["id"])
        if work is None:
            return JSONResponse({"status": "NOT_FOUND"}, 404)
        if work.ended:
            return JSONResponse({"status": "ALREADY_COMPLETED"}, 400)
        work.end("cancelled")
        return JSONResponse({"status": "CANCELLATION_REQUESTED"}, 202)


def errors_of(work: Work) -> list[dict[str, Any]]:
    """What is wrong with a job, as models say it."""
    return [
        {
            "loc": ["body", "prompt"],
            "msg": "The content could not be processed because it was flagged by a checker.",
            "type": "content_policy_violation",
            "url": "https://docs.fal.ai/errors#content_policy_violation",
            "ctx": {},
            "input": work.body.get("prompt"),
        }
    ]


CONTRACT = Contract(
    provider="fal",
    standin=FalStandin,
    job=a_job(model=MODEL, resolution=None),
    keys=("FAL_KEY",),
    calls_back=True,
)
