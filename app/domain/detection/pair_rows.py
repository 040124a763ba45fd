"""A record of ``pairs`` as the detect role reads it: typed, only what is watched, and turned into columns.

What a pair record may hold is decided where it is written; a record that does not fit is none of ours and is counted.
"""

import zlib
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec import Struct

from app.domain.detection.blocks import Rows
from app.domain.detection.holding import Kept
from app.domain.detection.signals import Value
from schemas.pair import PairStatus
from schemas.statistics import Signal, SignalKind

__all__ = ["Half", "PairRecord", "Placed", "answer_rows", "decode_pairs", "input_rows", "matching_rows", "pair_rows"]


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


_decode = msgspec.json.Decoder(PairRecord).decode


class Placed(NamedTuple):
    """Pairs, and the offset of each."""

    offsets: list[int]
    pairs: list[PairRecord]

    def part(self, begin: int, end: int) -> "Placed":
        """Some of them."""
        return Placed(self.offsets[begin:end], self.pairs[begin:end])


def decode_pairs(records: Sequence[Kept]) -> Placed:
    """The pairs in these records; those that do not fit are left out."""
    try:
        return Placed([record.offset for record in records], [_decode(record.value or b"") for record in records])
    except ValueError:  # one of them: the others are none the worse
        read = [(record.offset, pair) for record in records for pair in _decoded(record.value or b"")]
        return Placed([offset for offset, _ in read], [pair for _, pair in read])


def _decoded(value: bytes) -> Iterable[PairRecord]:
    try:
        return (_decode(value),)
    except ValueError:
        return ()


def pair_rows(placed: Placed) -> Rows:
    """The rows of these pairs, without columns and without versions."""
    offsets, pairs = placed
    return Rows(
        offsets=np.array(offsets, dtype=np.int64),
        times=np.array([pair.timestamp for pair in pairs], dtype=np.int64),
        digests=np.array([zlib.crc32(pair.request_id.encode()) for pair in pairs], dtype=np.uint32),
        statuses=[pair.status for pair in pairs],
        versions=[""] * len(pairs),
    )


def _named(kind: SignalKind, tables: Sequence[dict[str, Value]], ignored: Collection[str] = ()) -> dict[Signal, Sequence[Value]]:
    """A column for each name in these tables."""
    shapes = dict.fromkeys(map(tuple, tables))
    if len(shapes) == 1:  # all have the same names in the same order
        columns = zip(*map(dict.values, tables), strict=True)
        return {Signal(kind, name): column for name, column in zip(*shapes, columns, strict=True) if name not in ignored}
    names = dict.fromkeys(name for keys in shapes for name in keys)
    return {Signal(kind, name): [table.get(name) for table in tables] for name in names if name not in ignored}


def input_rows(rows: Rows, features: Sequence[dict[str, Value]], versions: list[str], ignored: Collection[str]) -> Rows:
    """The features of pairs that have a legacy half; the versions are those that answered."""
    rows.columns = _named("feature", features, ignored)
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
    columns = _named("prediction", [{**value} if isinstance(value, dict) else {} for value in values])
    columns[Signal("prediction")] = [None if isinstance(value, dict) else value for value in values]
    return columns


def matching_rows(rows: Rows) -> Rows:
    """Whether requests found all their answers; none of these pairs may be one for which no shadow was expected."""
    rows.columns = {Signal("match_rate"): [status == "paired" for status in rows.statuses]}
    return rows
