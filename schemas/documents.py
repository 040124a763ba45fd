"""Everything that is published about the messages, as files: the JSON Schemas and the AsyncAPI document.

``python -m schemas docs`` writes them below ``docs/``, where they are committed; a test fails when the committed files and
the types disagree. To change a document, change the types, the catalogue or the examples, and write them anew.
"""

import msgspec

from schemas.asyncapi import asyncapi
from schemas.json_schema import json_schemas

__all__ = ["asyncapi", "documents", "json_schemas"]


def documents(prefix: str = "", partitions: int = 4) -> dict[str, bytes]:
    """Every document: path below the folder, and the file's bytes."""
    files = {f"schemas/{name}.json": schema for name, schema in json_schemas().items()}
    files["asyncapi.json"] = asyncapi(prefix, partitions)
    return {path: msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n" for path, document in files.items()}
