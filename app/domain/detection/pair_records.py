"""A record of ``pairs`` as the detect role reads it: typed, only what is watched.

What a pair record may hold is decided where it is written; a record that does not fit is none of ours and is left out.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from msgspec import Struct

from app.domain.detection.holding import Kept
from app.domain.detection.signals import Value
from schemas.pair import PairStatus

__all__ = ["Answer", "Decoded", "Half", "PairRecord", "decode_pairs"]

Answer = float | bool | str | dict[str, float]


class Half(Struct, gc=False):
    """One model's answer; the last two are a shadow's."""

    version: str
    prediction: Answer
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
    features: dict[str, Value] = {}


_decode = msgspec.json.Decoder(PairRecord).decode


class Decoded(NamedTuple):
    """Pairs, and the offset of each."""

    offsets: list[int]
    pairs: list[PairRecord]


def decode_pairs(records: Sequence[Kept]) -> Decoded:
    """The pairs in these records; those that do not fit are left out."""
    try:
        return Decoded([record.offset for record in records], [_decode(record.value or b"") for record in records])
    except ValueError:  # one of them: the others are none the worse
        read = [(record.offset, pair) for record in records for pair in _decoded(record.value or b"")]
        return Decoded([offset for offset, _ in read], [pair for _, pair in read])


def _decoded(value: bytes) -> Iterable[PairRecord]:
    try:
        return (_decode(value),)
    except ValueError:
        return ()
