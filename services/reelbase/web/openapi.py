"""What the routes that are no FastAPI's answer, for `/openapi.json`."""

from typing import Any

from reelbase.web.answers import Refusal

__all__ = ["PATHS", "documented"]

Json = dict[str, Any]

REFUSAL = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}


def refused(description: str, headers: Json | None = None) -> Json:
    """An answer without what was asked for."""
    answer: Json = {"description": description, "content": REFUSAL}
    return {**answer, "headers": headers} if headers else answer


def status_of(*values: str, **more: Json) -> Json:
    """The form of an answer that tells a state."""
    properties = {"status": {"type": "string", "enum": list(values)}, **more}
    schema = {"type": "object", "required": list(properties), "properties": properties}
    return {"application/json": {"schema": schema}}


def parameter(name: str, schema: Json, description: str, place: str = "path") -> Json:
    """A parameter of a route."""
    found = {"name": name, "in": place, "schema": schema, "description": description}
    return {**found, "required": place == "path"}


def header(schema: Json | None = None) -> Json:
    """A header of an answer."""
    return {"schema": schema or {"type": "string"}}


RETRY = {"Retry-After": header({"type": "string"})}
TEXT = {"type": "string"}
UUID = {"type": "string", "format": "uuid"}
BYTES = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
FILE_HEADERS = {
    "Accept-Ranges": header(),
    "ETag": header(),
    "Content-Length": header({"type": "string"}),
}
PART_STATES = {
    "type": "object",
    "additionalProperties": {"type": "string", "enum": ["ok", "unavailable"]},
}


def shared(summary: str, *parameters: Json) -> Json:
    """A route that hands a file out."""
    answers = {
        "200": {"description": "The file.", "content": BYTES, "headers": FILE_HEADERS},
        "206": {"description": "The part of it.", "content": BYTES, "headers": FILE_HEADERS},
        "304": {"description": "It is as the asker has it."},
        "404": refused("There is none, or not for whoever asks."),
        "416": refused("The file has no such part."),
        "503": refused("Not now: storage is away, or too many files are on their way.", RETRY),
    }
    asked = [
        parameter("Range", TEXT, "One range of bytes.", "header"),
        parameter("If-None-Match", TEXT, "ETags that the asker has.", "header"),
    ]
    common = {"tags": ["shared files"], "parameters": [*parameters, *asked], "responses": answers}
    return {
        "get": {**common, "summary": summary},
        "head": {**common, "summary": f"{summary} Without the file."},
    }


ASSET = parameter("asset_id", UUID, "As the project's results name it.")

PATHS: Json = {
    "/health": {
        "get": {
            "tags": ["health"],
            "summary": "Whether this process lives.",
            "responses": {"200": {"description": "It does.", "content": status_of("ok")}},
        }
    },
    "/ready": {
        "get": {
            "tags": ["health"],
            "summary": "Whether all that the service needs answers.",
            "responses": {
                "200": {
                    "description": "It does.",
                    "content": status_of("ready", parts=PART_STATES),
                },
                "503": {
                    "description": "It does not; `parts` tells what.",
                    "content": status_of("not_ready", parts=PART_STATES),
                },
            },
        }
    },
    "/shared/{token}/{asset_id}": shared(
        "A file of a project that its link shows.",
        parameter("token", TEXT, "The link's."),
        ASSET,
    ),
    "/public/{project_id}/{asset_id}": shared(
        "A file of a public project.", parameter("project_id", UUID, "The project's."), ASSET
    ),
    "/webhooks/{provider}": {
        "post": {
            "tags": ["webhooks"],
            "summary": "Take in what a provider tells.",
            "description": (
                "Verified over the raw body by the provider's own signature. Answered once it is "
                "stored; one that comes again is answered in the same way and stored once."
            ),
            "parameters": [parameter("provider", TEXT, "One of those that are set up.")],
            "requestBody": {
                "required": True,
                "description": "One JSON object, up to one megabyte.",
                "content": {"application/json": {"schema": {"type": "object"}}},
            },
            "responses": {
                "200": {"description": "It is stored.", "content": status_of("received")},
                "401": refused("It is not genuine, or was sent too long ago."),
                "404": refused("There is no such provider."),
                "408": refused("The body took longer than ten seconds."),
                "413": refused("The body has more than one megabyte."),
                "415": refused("The body says that it is not JSON, or that it is compressed."),
                "422": refused("It is genuine, but cannot be stored."),
                "503": refused("Not now; come again.", RETRY),
            },
        }
    },
}


UNREAD = {
    "408": refused("The body took longer than ten seconds."),
    "413": refused("The body has more than 64 kilobytes."),
}


def documented(schema: Json) -> Json:
    """Add these routes to what FastAPI knows of its own, and what every body may meet."""
    for path in schema.get("paths", {}).values():
        if "post" in path:
            path["post"]["responses"] = {**UNREAD, **path["post"]["responses"]}
    found = {**schema, "paths": {**PATHS, **schema.get("paths", {})}}
    components = found.setdefault("components", {})
    components.setdefault("schemas", {}).setdefault("Refusal", Refusal.model_json_schema())
    return found
