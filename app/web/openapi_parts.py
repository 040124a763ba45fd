"""The parts that paths of the OpenAPI document have in common: parameters, answers, problems."""

from importlib.resources import files
from typing import Any

import msgspec

from app.web.asked import LIMIT, TEXT_CHARACTERS
from app.web.problems import PROBLEM_TYPE

__all__ = ["PROBLEM", "SCHEMAS", "cursor", "get", "limit", "path_parameter", "problems", "query", "text", "word"]

SCHEMAS = "#/components/schemas/{name}"
PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457. `detail` says what came and what is allowed.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
    },
    "additionalProperties": False,
}
_WORDS = {
    "400": "A parameter is not allowed, not known, or given twice",
    "404": "There is no such thing in the read model",
    "503": "Nothing is known yet; what is needed does not answer; there are too many already",
}
_DETAILS = {
    "400": ("Bad Request", "limit is '0'; allowed: 1 to 1000"),
    "404": ("Not Found", "there is no model 'none' in the read model; /api/v1/models lists all there are"),
    "503": ("Service Unavailable", "the read model cannot be read: Redis does not answer: Connection refused"),
}
#: Path to an answer: those of ``docs/http.md``, which a test compares.
_EXAMPLES: dict[str, Any] = msgspec.json.decode(files("app.web").joinpath("openapi_examples.json").read_bytes())


def get(
    path: str, summary: str, schema: str, parameters: list[dict[str, Any]], *refusals: str, tag: str = "read model"
) -> dict[str, Any]:
    """One path that answers GET and HEAD with JSON; 304, 400 and 503 go without saying."""
    content: dict[str, Any] = {"schema": {"$ref": SCHEMAS.format(name=schema)}}
    if path in _EXAMPLES:
        content["example"] = _EXAMPLES[path]
    headers = {"ETag": _header("Tells one answer from another, `as_of` left out", required=True),
               "Gnomon-As-Of": _header("`as_of`, which a 304 has here alone", required=False)}  # fmt: skip
    responses = {
        "200": {"description": summary, "headers": headers, "content": {"application/json": content}},
        "304": {"description": "As the `If-None-Match` of the request has it: only `as_of` is another", "headers": headers},
        **problems(*refusals, "400", "503"),
    }
    operation_id = "get_" + "_".join(part.strip("{}").replace("-", "_") for part in path.split("/")[3:])
    operation = {"operationId": operation_id, "summary": summary, "tags": [tag], "parameters": parameters}
    return {"get": operation | {"responses": responses}}


def problems(*statuses: str) -> dict[str, Any]:
    """The refusals of a path."""
    return {status: _problem(status) for status in sorted(statuses)}


def _problem(status: str) -> dict[str, Any]:
    title, detail = _DETAILS[status]
    example = {"type": "about:blank", "title": title, "status": int(status), "detail": detail}
    content = {PROBLEM_TYPE: {"schema": {"$ref": SCHEMAS.format(name="Problem")}, "example": example}}
    headers = {"Retry-After": _header("Seconds", required=False)} if status == "503" else {}
    return {"description": _WORDS[status], "content": content} | ({"headers": headers} if headers else {})


def query(name: str, description: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    """A parameter behind the question mark."""
    return {"name": name, "in": "query", "required": required, "description": description, "schema": schema}


def text(name: str, description: str, example: str, *, required: bool = False) -> dict[str, Any]:
    """A parameter that is any text of bounded length."""
    schema: dict[str, Any] = {"type": "string", "maxLength": TEXT_CHARACTERS} | ({"minLength": 1} if required else {})
    return query(name, description, schema, required=required) | {"example": example}


def word(name: str, description: str, allowed: tuple[str, ...], default: str | None = None) -> dict[str, Any]:
    """A parameter that is one of some words."""
    schema: dict[str, Any] = {"type": "string", "enum": list(allowed)} | ({} if default is None else {"default": default})
    return query(name, description, schema) | {"example": allowed[0]}


def limit(most_and_usual: tuple[int, int] = LIMIT) -> dict[str, Any]:
    """``limit``."""
    most, usual = most_and_usual
    return query("limit", "At most so many.", {"type": "integer", "minimum": 1, "maximum": most, "default": usual})


def cursor() -> dict[str, Any]:
    """``after``, where it is no name."""
    return query("after", "The `next` of the page before; nothing else is allowed.", {"type": "string", "format": "cursor"})


def path_parameter(name: str, description: str, example: str) -> dict[str, Any]:
    """A part of the path."""
    schema = {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema, "example": example}


def _header(description: str, *, required: bool) -> dict[str, Any]:
    return {"description": description, "required": required, "schema": {"type": "string"}}
