"""The part of the OpenAPI document that is about writing, and about who one is."""

from collections.abc import Sequence
from typing import Any

from app.web.action_bodies import Said, SilenceSaid, Written
from app.web.openapi_parts import text
from app.web.repeats import HEADER
from app.web.sign_in import Me

__all__ = ["SECURITY", "TYPES", "action_paths", "guarded"]

TYPES = (Said, SilenceSaid, Written, Me)
#: With authentication each path but the probes needs one of these; without it none does.
SECURITY: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": "gnomon_session"},
}
_WORDS = {
    "400": "The body is no JSON, or a header or parameter is not allowed",
    "401": "Nobody is known to have sent this",
    "403": "Whoever sent this may not write, or a page of another origin did, or nothing can be written here",
    "404": "There is no such alert, trigger, model or silence",
    "408": "The body did not come in time",
    "409": "It is not in a state for that, or the first request with this key is still under way",
    "413": "The body is larger than 16 KiB",
    "415": "The body is not application/json",
    "421": "This is not the name of this service",
    "422": "A field of the body is not allowed, or the key has come with another body",
    "503": "Kafka, the read model or the provider of tokens does not answer, or too much is under way",
}
_SCHEMAS = "#/components/schemas/{name}"


def action_paths(problem_type: str) -> dict[str, Any]:
    """The paths; their refusals are of this content type."""
    problems = {"content": {problem_type: {"schema": {"$ref": _SCHEMAS.format(name="Problem")}}}}
    refusals = {status: {"description": words, **problems} for status, words in _WORDS.items()}

    def write(summary: str, *names: str, body: str = "Said", asked: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
        parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
        return {
            "summary": summary,
            "parameters": [*parameters, *asked, _KEY],
            "requestBody": {"required": True, **_json(body)},
            "responses": {"202": {"description": "It is on the topic `actions`", **_json("Written")}, **refusals},
        }

    answers = {"200": {"description": "Who asks", **_json("Me", _ME)}}
    return {
        "/api/v1/alerts/{fingerprint}/acknowledge": {"post": write("Say that somebody has seen an alert", "fingerprint")},
        "/api/v1/silences": {"post": write("Hold back alerts that would fire, for a while", body="SilenceSaid")},
        "/api/v1/silences/{id}": {"delete": write("Take a silence back", "id", asked=_WHICH)},
        "/api/v1/triggers/{id}/approve": {"post": write("Approve a trigger that waits for it", "id")},
        "/api/v1/triggers/{id}/reject": {"post": write("Reject a trigger that waits for approval", "id")},
        "/api/v1/models/{name}/triggers": {"post": write("Ask for a retraining of a model", "name")},
        "/api/v1/me": {"get": {"summary": "Who asks, and what they may", "parameters": [], "responses": answers}},
    }


def guarded(paths: dict[str, Any], problem_type: str) -> dict[str, Any]:
    """The same with what the guard may answer in place of any handler."""
    content = {problem_type: {"schema": {"$ref": _SCHEMAS.format(name="Problem")}}}
    for operations in paths.values():
        for operation in operations.values():
            for status in ("401", "421", "503"):
                operation["responses"].setdefault(status, {"description": _WORDS[status], "content": content})
    return paths


_ME = {"name": "ada", "may_write": True, "authentication": True, "until": 1_795_560_000_000}
_WHICH = (
    text("model", "Of this model, or input topic, where several have a silence of this id.", "flight-delay"),
    text("id", "In place of the one in the path, which is empty then: for an id that no path can have, `.` or `..`.", ".."),
)
_KEY = {
    "name": HEADER,
    "in": "header",
    "description": "Sent again with a request of which the answer is not known, so that both are one.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


def _json(name: str, example: dict[str, Any] | None = None) -> dict[str, Any]:
    schema = {"schema": {"$ref": _SCHEMAS.format(name=name)}}
    return {"content": {"application/json": schema | ({} if example is None else {"example": example})}}
