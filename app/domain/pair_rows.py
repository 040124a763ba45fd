"""A record of ``pairs`` as the detect role reads it: typed, only what is watched, and turned into columns.

What a pair record may hold is decided where it is written; a record that does not fit is none of ours and is counted.
"""

import zlib
from collections.abc import Collection, Mapping, Sequence

import msgspec
import numpy as np
from msgspec import Struct

from app.domain.blocks import Rows
from app.domain.signals import Value
from schemas.pair import PairStatus
from schemas.statistics import Signal, SignalKind

__all__ = ["Half", "PairRecord", "Placed", "answer_rows", "decode_pair", "input_rows", "matching_rows", "pair_rows"]


class Half(Struct, gc=False):
    """One model's answer; the last two are a shadow's."""

    version: str
    prediction: float | bool | str | dict[str, float]
    latency_ms: float | None = None
    cost: float | None = None
    difference: float | None = None
    agrees: bool | None = None


class PairRecord(Struct, gc=False):
    """What is read of a pair."""

    request_id: str
    model: str
    timestamp: int
    status: PairStatus
    legacy: Half | None
    shadows: list[Half]
    features: dict[str, float | bool | str | None] = {}


decode_pair = msgspec.json.Decoder(PairRecord).decode
#: A pair and its offset.
Placed = tuple[int, PairRecord]


def pair_rows(placed: Sequence[Placed]) -> Rows:
    """The rows of these pairs, without columns and without versions."""
    pairs = [pair for _, pair in placed]
    return Rows(
        offsets=np.array([offset for offset, _ in placed], dtype=np.int64),
        times=np.array([pair.timestamp for pair in pairs], dtype=np.int64),
        digests=np.array([zlib.crc32(pair.request_id.encode()) for pair in pairs], dtype=np.uint32),
        statuses=[pair.status for pair in pairs],
        versions=[""] * len(pairs),
    )


def _named(
    kind: SignalKind, tables: Sequence[Mapping[str, Value]], ignored: Collection[str] = ()
) -> dict[Signal, Sequence[Value]]:
    """A column for each name in these tables."""
    names = dict.fromkeys(name for keys in dict.fromkeys(map(tuple, tables)) for name in keys)
    return {Signal(kind, name): [table.get(name) for table in tables] for name in names if name not in ignored}


def input_rows(rows: Rows, pairs: Sequence[PairRecord], versions: list[str], ignored: Collection[str]) -> Rows:
    """The features of pairs that have a legacy half; the versions are those that answered."""
    rows.columns = _named("feature", [pair.features for pair in pairs], ignored)
    rows.versions = versions
    return rows


def answer_rows(rows: Rows, halves: Sequence[Half], *, shadow: bool) -> Rows:
    """The answers of one version, one half for each of these pairs."""
    rows.columns = _predictions([half.prediction for half in halves])
    rows.columns[Signal("latency")] = [half.latency_ms for half in halves]
    rows.columns[Signal("cost")] = [half.cost for half in halves]
    if shadow:
        rows.columns[Signal("difference")] = [half.difference for half in halves]
        agrees = [half.agrees for half in halves]
        rows.columns[Signal("disagreement")] = [None if yes is None else not yes for yes in agrees]
    return rows


def _predictions(values: list[float | bool | str | dict[str, float]]) -> dict[Signal, Sequence[Value]]:
    """A score or a class is one signal; probabilities are one for each label."""
    if dict not in set(map(type, values)):
        return {Signal("prediction"): values}  # type: ignore[dict-item]  # no dict is among them
    columns = _named("prediction", [value if isinstance(value, dict) else {} for value in values])
    columns[Signal("prediction")] = [None if isinstance(value, dict) else value for value in values]
    return columns


def matching_rows(rows: Rows) -> Rows:
    """Whether requests found all their answers; none of these pairs may be one for which no shadow was expected."""
    rows.columns = {Signal("match_rate"): [status == "paired" for status in rows.statuses]}
    return rows
