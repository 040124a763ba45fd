"""The OpenAPI 3.1 document of the REST API: paths by hand, schemas from the types that are encoded."""

from typing import Any

import msgspec
from aiohttp import web

from app.read_model.views import Alerts, Models, Pipeline, Triggers
from app.web.api import LIMIT
from app.web.problems import PROBLEM_TYPE

__all__ = ["document", "openapi"]

_MOST, _USUAL = LIMIT
_SCHEMAS = "#/components/schemas/{name}"


async def openapi(request: web.Request) -> web.Response:
    """``GET /api/v1/openapi.json``."""
    return web.Response(body=msgspec.json.encode(document()), content_type="application/json")


def document() -> dict[str, Any]:
    """The whole document."""
    _, schemas = msgspec.json.schema_components([Models, Alerts, Triggers, Pipeline], ref_template=_SCHEMAS)
    schemas["Problem"] = {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gnomon",
            "version": "1",
            "description": "What gnomon knows of models in production. Times are milliseconds since the epoch, UTC.",
        },
        "paths": _paths(),
        "components": {"schemas": schemas},
    }


def _paths() -> dict[str, Any]:
    model = _query("model", "Only of this model.")
    status = _query("status", "Only in this state.", {"type": "string", "enum": ["firing", "resolved"]})
    detail = _query(
        "detail", "`revision` leaves the views out.", {"type": "string", "enum": ["full", "revision"], "default": "full"}
    )
    after = _query("after", "The `next` of the page before.")
    name = {**_query("name", "The model's name."), "in": "path", "required": True}
    return {
        "/api/v1/models": _get("Models by name, without figures and history", "Models", [_limit(), after], "400"),
        "/api/v1/models/{name}": _get("One model, with everything", "Models", [name], "404"),
        "/api/v1/alerts": _get("Alerts, firing first", "Alerts", [_limit(), status, model], "400"),
        "/api/v1/triggers": _get("Retrain triggers, newest first", "Triggers", [_limit(), model], "400"),
        "/api/v1/pipeline": _get("Pairing counts, dead letters, partitions", "Pipeline", []),
        "/api/v1/events": {
            "get": {
                "summary": "Server-sent events: `snapshot`, then `update` with what changed, at most two a second",
                "parameters": [detail],
                "responses": {
                    "200": {"description": "A stream", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
                    **_problems("400", "503"),
                },
            }
        },
    }


def _get(summary: str, schema: str, parameters: list[dict[str, Any]], *refusals: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _SCHEMAS.format(name=schema)}}}
    responses = {"200": {"description": summary, "content": content}, **_problems(*refusals, "503")}
    return {"get": {"summary": summary, "parameters": parameters, "responses": responses}}


def _problems(*statuses: str) -> dict[str, Any]:
    words = {"400": "A parameter is not allowed", "404": "There is no such model", "503": "Nothing is known yet; Redis is away"}
    content = {PROBLEM_TYPE: {"schema": {"$ref": _SCHEMAS.format(name="Problem")}}}
    return {status: {"description": words[status], "content": content} for status in statuses}


def _query(name: str, text: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": text, "schema": schema or {"type": "string"}}


def _limit() -> dict[str, Any]:
    return _query("limit", "At most so many.", {"type": "integer", "minimum": 1, "maximum": _MOST, "default": _USUAL})
