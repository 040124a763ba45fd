"""A table of pairs as a Parquet file; needs the extra ``parquet``, which is pyarrow.

Two passes over lines that lie in a file: the kinds of the columns, then the rows, ``_BATCH`` at a time.
"""

from itertools import islice
from pathlib import Path
from typing import Any

from app.triggers.table import Columns, TableError, row_of

__all__ = ["load_pyarrow", "write_parquet"]

#: Some 10 MB of pairs with a hundred features.
_BATCH = 10_000


def load_pyarrow() -> tuple[Any, Any]:
    """The modules ``pyarrow`` and ``pyarrow.parquet``. Raises ``TableError`` where they are not installed."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        message = "Parquet needs pyarrow: install gnomon with its extra (pip install 'gnomon[parquet]'), or take --to jsonl"
        raise TableError(message) from error
    return pa, parquet


def write_parquet(lines: Path, out: Path, metadata: dict[str, str]) -> int:
    """Write the pairs in ``lines``, a JSON object a line, to ``out``; how many. ``metadata`` goes into the file's schema."""
    pa, parquet = load_pyarrow()
    columns = Columns()
    with lines.open("rb") as file:
        for line in file:
            columns.see(row_of(line))
    types = {"whole": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(), "text": pa.string(), "json": pa.string()}
    fields = [pa.field(name, types[kind] if kind else pa.null()) for name, kind in columns.kinds.items()]
    schema = pa.schema(fields, metadata=metadata)
    count = 0
    with parquet.ParquetWriter(out, schema) as writer, lines.open("rb") as file:
        while batch := [dict(columns.values(row_of(line))) for line in islice(file, _BATCH)]:
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            count += len(batch)
    return count
