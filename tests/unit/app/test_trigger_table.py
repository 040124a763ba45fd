"""Pairs as a table: which column has which kind, and what a row is in it."""

import builtins
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.triggers import parquet
from app.triggers.table import COLUMNS, Columns, TableError, row_of
from schemas.examples import EXAMPLES


def columns_of(*values: Any) -> Columns:
    columns = Columns()
    for value in values:
        columns.see({"features.x": value})
    return columns


def test_the_examples_of_pairs_are_rows() -> None:
    columns, rows = Columns(), [row_of(msgspec.json.encode(pair)) for pair in EXAMPLES["pair"]]
    for row in rows:
        columns.see(row)
    assert columns.kinds == {
        "request_id": "text", "timestamp": "whole", "status": "text", "legacy.version": "text", "legacy.prediction": "number",
        "legacy.latency_ms": "number", "legacy.cost": "number", "features.age": "number", "features.income": "number",
        "features.country": "text", "features.owner": "boolean", "features.note": None, "segments.channel": "text",
        "shadows": "json",
    }  # fmt: skip
    first, second = (dict(columns.values(row)) for row in rows)
    assert (first["features.age"], first["features.owner"], second["features.income"]) == (41.0, True, None)
    assert type(first["features.age"]) is float
    assert (first["timestamp"], msgspec.json.decode(first["shadows"])[0]["version"]) == (1_790_000_000_123, "2.0.0")


@pytest.mark.parametrize(
    ("values", "kind", "told"),
    [
        ([1, 2.5, None], "number", [1.0, 2.5, None]),
        ([None, True], "boolean", [None, True]),
        (["a", "b"], "text", ["a", "b"]),
        ([1, "a", True, None], "json", ["1", '"a"', "true", None]),
        ([{"a": 0.5}, {"b": 1}], "json", ['{"a":0.5}', '{"b":1}']),
        ([None, None], None, [None, None]),
    ],
)
def test_a_column_is_of_one_kind(values: list[Any], kind: str | None, told: list[Any]) -> None:
    columns = columns_of(*values)
    assert columns.kinds == {"features.x": kind}
    assert [dict(columns.values({"features.x": value}))["features.x"] for value in values] == told


def test_too_many_columns_are_refused_by_name() -> None:
    with pytest.raises(TableError, match=r"4,097 columns: allowed are 4,096; take --to jsonl"):
        Columns().see({f"features.{number}": 1 for number in range(COLUMNS + 1)})


def test_without_pyarrow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(TableError, match=r"pip install 'gnomon\[parquet\]'"):
        parquet.write_parquet(tmp_path / "lines", tmp_path / "out", {})
