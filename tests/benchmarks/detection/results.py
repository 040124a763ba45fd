"""The results of a whole contest, as they are kept in ``docs/detection.json`` for tables and figures."""

from pathlib import Path

import msgspec
from msgspec import Struct

from tests.benchmarks.detection.contest import Heard

__all__ = ["RESULTS", "Results", "read", "write"]

RESULTS = Path(__file__).parents[3] / "docs" / "detection.json"


class Results(Struct):
    """``rows``: for each row of the contest, by contestant."""

    budget: float
    first_seed: int
    repetitions: int
    rows: dict[str, dict[str, Heard]]


def read(path: Path) -> Results:
    """What was written."""
    return msgspec.json.decode(path.read_bytes(), type=Results)


def write(results: Results, path: Path) -> None:
    """A line for each row."""
    head = msgspec.json.encode(msgspec.structs.replace(results, rows={}))[:-2]
    rows = b",\n".join(msgspec.json.encode(name) + b":" + msgspec.json.encode(said) for name, said in results.rows.items())
    path.write_bytes(head + b"\n" + rows + b"\n}}\n")
