"""Pairs as a table for training: one row a pair, one column a value, each column of one type.

``request_id``, ``timestamp``, ``status``; ``legacy.version``, ``legacy.prediction``, ``legacy.latency_ms``, ``legacy.cost``;
``features.NAME`` and ``segments.NAME`` for each name that occurs; ``shadows`` as JSON text. A column is a whole number, a number,
a boolean or text, as its values are; where they are of several kinds, or objects, it is JSON text. What a pair has not is null.

Bounded: ``COLUMNS``; a pair with more names is refused by name.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from schemas.json_text import shallow_pair

__all__ = ["COLUMNS", "Columns", "Kind", "TableError", "row_of"]

Kind = Literal["whole", "number", "boolean", "text", "json"]
#: Features of a pair, its segments, and what every pair has.
COLUMNS = 4_096
_WHOLE = {"timestamp"}
_LEGACY = ("version", "prediction", "latency_ms", "cost")


class TableError(Exception):
    """The pairs do not fit a table."""


def row_of(value: bytes) -> dict[str, Any]:
    """The values of one record of ``pairs``, by column. Raises ``TableError`` where it is none.

    >>> row_of(b'{"request_id":"r","timestamp":1,"status":"solo","legacy":null,"features":{"age":41},"shadows":[]}')
    {'request_id': 'r', 'timestamp': 1, 'status': 'solo', 'features.age': 41, 'shadows': []}
    """
    try:
        pair = msgspec.json.decode(shallow_pair(value), type=dict[str, Any])
    except msgspec.DecodeError as error:
        message = f"a record is no pair: {error}; take --to jsonl"
        raise TableError(message) from error
    row = {name: pair.get(name) for name in ("request_id", "timestamp", "status")}
    legacy = pair.get("legacy") or {}
    row |= {f"legacy.{name}": legacy[name] for name in _LEGACY if name in legacy}
    for part in ("features", "segments"):
        row |= {f"{part}.{name}": one for name, one in (pair.get(part) or {}).items()}
    return row | {"shadows": pair.get("shadows", [])}


class Columns:
    """The columns of all rows seen, in the order in which they were, and what kind each is."""

    def __init__(self) -> None:
        self.kinds: dict[str, Kind | None] = {}

    def see(self, row: Mapping[str, Any]) -> None:
        """Take a row's kinds in. Raises ``TableError`` where there are too many columns."""
        for name, value in row.items():
            known, kind = self.kinds.get(name), _kind_of(name, value)
            self.kinds[name] = known if kind is None else kind if known in {None, kind} else "json"
        if len(self.kinds) > COLUMNS:
            message = f"{len(self.kinds):,} columns: allowed are {COLUMNS:,}; take --to jsonl"
            raise TableError(message)

    def values(self, row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """A row's value for each column, as the column's kind has it; None where there is none."""
        for name, kind in self.kinds.items():
            value = row.get(name)
            if value is not None and kind == "json":
                value = msgspec.json.encode(value).decode()
            elif value is not None and kind == "number":
                value = float(value)
            yield name, value


def _kind_of(name: str, value: Any) -> Kind | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "whole" if name in _WHOLE else "number"
    return "text" if isinstance(value, str) else "json"
