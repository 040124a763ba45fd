"""A JSON Schema 2020-12 for every message of the contract, made from the types that go over the wire.

Nothing in them is written by hand but the descriptions beside the types and the examples. Pure: the same types give the
same schemas, in the same order.
"""

import inspect
from typing import Any, get_args

import msgspec
from msgspec import Raw, Struct

from schemas.catalogue import MESSAGES
from schemas.examples import EXAMPLES
from schemas.inputs import PredictionInput

__all__ = ["DIALECT", "Schema", "components", "described", "json_schemas"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


def json_schemas() -> dict[str, Schema]:
    """The JSON Schema of each message's payload (of a dead letter: its headers), by the message's name."""
    schemas = {}
    for message in MESSAGES:
        parts = components("#/$defs/{name}", [described(message.type)])
        whole = parts.pop(message.type.__name__)
        head = {"$schema": DIALECT, "$id": f"urn:gnomon:{message.name}:v1", "title": message.title}
        schema = head | {name: part for name, part in whole.items() if name != "title"} | {"examples": EXAMPLES[message.name]}
        if parts:
            schema["$defs"] = parts
        schemas[message.name] = schema
    return schemas


def components(ref_template: str, types: list[type[Struct]]) -> dict[str, Schema]:
    """The schemas of ``types`` and of all that they are made of, by the name of the type."""
    _, parts = msgspec.json.schema_components(types, ref_template=ref_template)
    return {name: _tidy(schema) for name, schema in sorted(parts.items())}


def _tidy(node: Any) -> Any:
    """Docstrings as plain paragraphs, and nothing beside a ``$ref``, which older readers would ignore."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"$ref": node["$ref"]}
    tidied = {key: _tidy(value) for key, value in node.items()}
    if isinstance(tidied.get("description"), str):
        tidied["description"] = inspect.cleandoc(tidied["description"]).replace("``", "`")
    return tidied


def described(type_: type[Struct]) -> type[Struct]:
    """``type_`` in a form that can be described: members that stay JSON text get the types that a prediction gives them."""
    fields = msgspec.structs.fields(type_)
    if all(field.type is not Raw for field in fields):
        return type_
    carried = {field.name: get_args(field.type)[0] for field in msgspec.structs.fields(PredictionInput) if not field.required}
    members: list[Any] = []
    for field in fields:
        if field.type is Raw:
            members.append((field.encode_name, carried[field.name], {}))
        elif field.required:
            members.append((field.encode_name, field.type))
        else:
            members.append((field.encode_name, field.type, field.default))
    return msgspec.defstruct(type_.__name__, members, namespace={"__doc__": type_.__doc__})
