"""The OpenAPI 3.1 document of the REST API: paths by hand, schemas from the types that are encoded.

It is also what requests are held to: a parameter that it does not name for a path is refused (``refuse_unknown``), since a filter
with a slip of the pen in its name would silently give everything.
"""

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

import msgspec
from aiohttp import ETag, web

from app.read_model.resolutions import SIGNAL, TRAFFIC, Resolution
from app.read_model.series_views import SignalSeries, TrafficSeries
from app.read_model.views import STATE_ORDER, Alerts, Models, Silences, Triggers
from app.web.action_document import SECURITY, TYPES, action_paths, guarded
from app.web.api import SILENCE_STATUSES, STATUSES
from app.web.api_letters import SHOWN_REASONS
from app.web.api_pairs import ORDERS, PAIRS
from app.web.api_signals import HISTOGRAMS, KINDS
from app.web.events import DETAILS
from app.web.given import sent, tag_of
from app.web.openapi_parts import PROBLEM, SCHEMAS, cursor, get, limit, path_parameter, problems, query, text, word
from app.web.problems import PROBLEM_TYPE, problem
from app.web.shapes import DeadLettersAnswer, Histograms, PairsAnswer, PipelineAnswer, Signals, Versions

__all__ = ["document", "openapi", "refuse_unknown"]

_ANSWERS = [
    Models, Alerts, Silences, Triggers, PipelineAnswer, Signals, Versions, Histograms, PairsAnswer, DeadLettersAnswer,
    SignalSeries, TrafficSeries,
]  # fmt: skip


async def openapi(request: web.Request) -> web.Response:
    """``GET /api/v1/openapi.json``."""
    body, tag = _encoded()
    return sent(request, body, ETag(tag))


@web.middleware
async def refuse_unknown(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse parameters that the document does not name, and those that are given twice."""
    resource = request.match_info.route.resource
    known = _parameters().get("" if resource is None else resource.canonical)
    for name in request.query if known is not None else ():
        if name not in (known or ()):
            allowed = ", ".join(sorted(known or ())) or "none"
            return problem(400, f"there is no parameter {name[:40]!r}; allowed: {allowed}")
        if len(request.query.getall(name)) > 1:
            return problem(400, f"{name} is given {len(request.query.getall(name))} times; allowed: once")
    return await handler(request)


def document() -> dict[str, Any]:
    """The whole document."""
    _, schemas = msgspec.json.schema_components([*_ANSWERS, *TYPES], ref_template=SCHEMAS)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gnomon",
            "version": "1",
            "summary": "What gnomon knows of machine-learning models in production",
            "description": (
                "Times are milliseconds since the epoch, UTC, event time unless said otherwise. Every path answers HEAD as well, "
                "takes `If-None-Match`, and is compressed with gzip for whoever accepts that. Parameters that a path does not "
                "have are refused."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "Any worker: all say the same, the process of the pipeline apart"}],
        "tags": [
            {"name": "read model", "description": "What the role serve keeps in Redis"},
            {"name": "log", "description": "What is read from Kafka when asked for"},
            {"name": "stream", "description": "What changes, as it changes"},
        ],
        "paths": guarded(_every_path(), PROBLEM_TYPE),
        "components": {"schemas": schemas | {"Problem": PROBLEM}, "securitySchemes": SECURITY},
        "security": [{}, *({name: []} for name in SECURITY)],
    }


def _every_path() -> dict[str, Any]:
    """What is read and what is written; a path may have both."""
    read, written = _paths(), action_paths(PROBLEM_TYPE)
    return {path: read.get(path, {}) | written.get(path, {}) for path in read | written}


def _paths() -> dict[str, Any]:
    return _model_paths() | {
        "/api/v1/alerts": get(
            "/api/v1/alerts", "Alerts, firing first, then the newest", "Alerts",
            [limit(), cursor(), word("status", "Only in this state.", STATUSES), _of_model()],
        ),
        "/api/v1/alerts/{fingerprint}": get(
            "/api/v1/alerts/{fingerprint}", "The episodes of one alert", "Alerts",
            [path_parameter("fingerprint", "The alert's fingerprint.", "a1e20086cfa72e70"), limit(), cursor()], "404",
        ),
        "/api/v1/silences": get(
            "/api/v1/silences", "Silences, active ones first, then the newest", "Silences",
            [limit(), cursor(), word("status", "Only in this state.", SILENCE_STATUSES),
             text("model", "Only of this model, or input topic.", "flight-delay")],
        ),
        "/api/v1/triggers": get(
            "/api/v1/triggers", "Retrain triggers, the newest first", "Triggers", [limit(), cursor(), _of_model()]
        ),
        "/api/v1/triggers/{id}": get(
            "/api/v1/triggers/{id}", "One retrain trigger", "Triggers",
            [path_parameter("id", "The trigger's id.", "rt-8ba1789171925680")], "404",
        ),
        "/api/v1/dead-letters": get(
            "/api/v1/dead-letters", "What was refused, with examples and how the producer is mended", "DeadLettersAnswer",
            [limit(), cursor(), text("topic", "Only of this source topic, by its full name.", "predictions.legacy"),
             word("reason", "Only for this reason.", SHOWN_REASONS)],
        ),
        "/api/v1/pipeline": get(
            "/api/v1/pipeline", "Pairing counts, dead letters, partitions; lag and rates of the process", "PipelineAnswer", []
        ),
        "/api/v1/events": _events(),
    }  # fmt: skip


def _model_paths() -> dict[str, Any]:
    name = path_parameter("name", "The model's name.", "flight-delay")
    after = text("after", "The `next` of the page before: a model's name.", "")
    version = text("version", "Only of this version.", "2013.01")
    segment = text("segment", "Only of this segment: `name=value`, sorted by name, joined by commas; empty: of all requests.", "")
    of_parts = segment | {"schema": segment["schema"] | {"pattern": "^([^=,]+=[^,]*(,[^=,]+=[^,]*)*)?$"}}
    signal = text("signal", "The signal, `kind/name` or `kind`.", "feature/wind", required=True)
    kind, state = word("kind", "Only of this kind.", KINDS), word("state", "Only in this state.", STATE_ORDER)
    order = word("order", "What comes first.", ORDERS, ORDERS[0])
    at = "/api/v1/models/{name}"
    return {
        "/api/v1/models": get("/api/v1/models", "Models by name, without figures and history", "Models", [limit(), after]),
        at: get(at, "One model, with everything", "Models", [name], "404"),
        f"{at}/signals": get(
            f"{at}/signals", "Signals of a model, without figures and history", "Signals",
            [name, limit(), cursor(), kind, state, version, segment], "404",
        ),
        f"{at}/versions": get(f"{at}/versions", "Versions of a model", "Versions", [name, limit(), cursor()], "404"),
        f"{at}/histograms": get(
            f"{at}/histograms", "A signal's newest window beside its reference", "Histograms",
            [name, signal, version, segment, limit(HISTOGRAMS), cursor()], "404",
        ),
        f"{at}/pairs": get(
            f"{at}/pairs", "The newest pairs on which legacy and shadows differ most", "PairsAnswer",
            [name, order, text("version", "Only of this shadow version.", "online-1"), limit(PAIRS)], "404", tag="log",
        ),
        f"{at}/series": get(
            f"{at}/series", "A signal over time", "SignalSeries", [name, signal, version, of_parts, *_stretch(SIGNAL)], "404"
        ),
        f"{at}/traffic": get(
            f"{at}/traffic", "Requests and events of a model over time", "TrafficSeries", [name, *_stretch(TRAFFIC)], "404"
        ),
    }  # fmt: skip


def _stretch(resolutions: tuple[Resolution, ...]) -> list[dict[str, Any]]:
    time, allowed = {"type": "integer", "minimum": 0, "maximum": 10**15 - 1}, ("auto", *(each.name for each in resolutions))
    return [
        word("resolution", "`auto` is the finest that reaches back to `from`.", allowed, "auto"),
        query("from", "Cells that begin from this event time on.", time),
        query("to", "Cells that begin before this event time.", time),
    ]


def _events() -> dict[str, Any]:
    last = {"name": "Last-Event-ID", "in": "header", "required": False, "schema": {"type": "string"},
            "description": "The id of the last event that was seen: what changed since comes first, where known."}  # fmt: skip
    stream = 'id: 5f1c2a90-334\nevent: update\ndata: {"revision":334,"as_of":1795531277234,"stale":null}\nretry: 2000\n\n'
    content = {"text/event-stream": {"schema": {"type": "string"}, "example": stream}}
    return {
        "get": {
            "operationId": "get_events",
            "summary": "Server-sent events: `snapshot`, then `update` with what changed, at most two a second",
            "tags": ["stream"],
            "parameters": [word("detail", "`revision` leaves the views out.", DETAILS, "full"), last],
            "responses": {"200": {"description": "A stream", "content": content}, **problems("400", "503")},
        }
    }


def _of_model() -> dict[str, Any]:
    return text("model", "Only of this model.", "flight-delay")


@cache
def _encoded() -> tuple[bytes, str]:
    body = msgspec.json.encode(document())
    return body, tag_of(body)


@cache
def _parameters() -> dict[str, frozenset[str]]:
    """By path, the parameters behind the question mark that GET has."""
    named = {
        path: frozenset(each["name"] for each in operations["get"]["parameters"] if each["in"] == "query")
        for path, operations in _every_path().items()
        if "get" in operations
    }
    return named | {"/api/v1/openapi.json": frozenset()}
