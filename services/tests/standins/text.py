"""An endpoint for chat completions, as OpenAI's API reference describes it and many copy it."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .frame import Contract, Standin, a_job

__all__ = ["CONTRACT", "TextStandin"]


class TextStandin(Standin):
    """A model that says what `says` holds, and then whatever was asked for.

    Without `has_json_mode` it refuses `response_format`, as many who copied the API do.
    """

    name = "text"
    operations = (("submit", "POST", r"/v1/chat/completions"),)

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.says: list[str | None] = []
        self.has_json_mode = True
        self.finish_reason = "stop"

    def routes(self) -> list[BaseRoute]:
        """The API."""
        return [Route("/v1/chat/completions", self._complete, methods=["POST"])]

    @property
    def environ(self) -> dict[str, str]:
        """Where this is, and its key."""
        return {
            "REELBASE_TEXT_API_KEY": self.key,
            "REELBASE_TEXT_URL": f"{self.url}/v1",
        }

    async def _complete(self, request: Request) -> Response:
        if refused := self.check_key(request):
            return refused
        body = await request.json()
        if "response_format" in body and not self.has_json_mode:
            return refuse("Unsupported parameter: 'response_format'.", "unsupported_parameter")
        work = self.take(body)
        work.end()
        if work.ended == "refused":
            return refuse("The prompt was filtered.", "content_filter")
        if work.ended != "succeeded":
            return JSONResponse({"error": {"message": "Oh.", "type": "server_error"}}, 500)
        said = self.says.pop(0) if self.says else json.dumps(answer_to(body["messages"]))
        message = {"role": "assistant", "content": said, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason}
        usage = {"prompt_tokens": 300, "completion_tokens": 120, "total_tokens": 420}
        told = {"id": work.id, "object": "chat.completion", "model": body["model"]}
        return JSONResponse(told | {"choices": [choice], "usage": usage})


def refuse(message: str, code: str) -> Response:
    """Make an error as the vendor does."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return JSONResponse({"error": error}, 400)


def answer_to(messages: list[dict[str, str]]) -> dict[str, Any]:
    """What a model with good manners says: whatever any of the schemas wants."""
    material = json.loads(messages[1]["content"])
    wanted = material.get("prompt") or material.get("content")
    scenes = [
        {"visual": f"{wanted}, scene {place}", "narration": "And so it goes."}
        for place in range(1, 1 + material.get("segments", 3))
    ]
    return {
        "title": "An idea",
        "concept": f"It begins with this: {wanted}",
        "tone": material.get("tone", "calm"),
        "response": f"What is known of it: {wanted}",
        "summary": f"In short: {wanted}",
        "segments": scenes,
    }


CONTRACT = Contract(
    provider="text",
    standin=TextStandin,
    job=a_job(
        kind="concept",
        model="some-language-model",
        aspect_ratio=None,
        resolution=None,
        duration_seconds=None,
    ),
    keys=("REELBASE_TEXT_URL",),
    synchronous=True,
)
