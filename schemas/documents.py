"""Everything that is published about the messages: the JSON Schemas as files, and the AsyncAPI document.

``python -m schemas docs`` writes the JSON Schemas below ``docs/``, where they are committed. The AsyncAPI document names topics
with their settings, which only ``app`` knows: ``gnomon schema --kind asyncapi --out docs`` writes it. Tests fail when the
committed files and the types disagree. To change a document, change the types, the catalogue or the examples, and write both
anew.
"""

import msgspec

from schemas.asyncapi import asyncapi
from schemas.json_schema import json_schemas

__all__ = ["asyncapi", "documents", "json_schemas"]


def documents() -> dict[str, bytes]:
    """The files of the JSON Schemas: path below the folder, and the file's bytes."""
    return {
        f"schemas/{name}.json": msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"
        for name, schema in json_schemas().items()
    }
