"""A record of ``pairs`` as the detect role reads it: typed, only what is watched.

What a pair record may hold is decided where it is written; a record that does not fit is none of ours and is left out.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

import msgspec
from msgspec import Struct

from app.domain.detection.holding import Kept
from app.domain.detection.signals import Value
from schemas.json_text import shallow_pair
from schemas.pair import PairStatus

__all__ = ["Answer", "Decoded", "Half", "PairDecoder", "PairRecord", "segments_of"]

#: More names than these are decoded as tables.
_MOST_NAMES = 256
#: Chunks until structs are tried again, at most.
_LONGEST_PAUSE = 64
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
    """What is read of a pair; ``features`` is a table, or a struct with a field for each of a chunk's names."""

    request_id: str
    model: str
    timestamp: int
    status: PairStatus
    legacy: Half | None
    shadows: list[Half]
    features: Any = None


class _WithTable(PairRecord, gc=False):
    features: dict[str, Value] = {}


class _Segments(Struct, gc=False):
    segments: dict[str, str] = {}


_decode_segments = msgspec.json.Decoder(_Segments).decode
_Decode = Callable[[bytes], PairRecord]
_decode: _Decode = msgspec.json.Decoder(_WithTable).decode


@lru_cache(maxsize=64)
def _decoder_for(names: tuple[str, ...]) -> _Decode | None:
    """A decoder of pairs whose features are a struct of these names, which takes none but these; None where that cannot be."""
    fields = [(f"f{at}", Value, None) for at in range(len(names))]
    renamed = {f"f{at}": name for at, name in enumerate(names)}
    try:
        features = msgspec.defstruct("Features", fields, rename=renamed, forbid_unknown_fields=True, gc=False)
    except ValueError:  # a name with a quote, a backslash or a control character
        return None
    field = ("features", features, msgspec.field(default_factory=features))
    record = msgspec.defstruct("PairWithStruct", [field], bases=(PairRecord,), gc=False)
    return msgspec.json.Decoder(cast("type[PairRecord]", record)).decode


class Decoded(NamedTuple):
    """Pairs, and the offset of each. Where ``names`` are given, their features are structs with these fields, in this order."""

    offsets: list[int]
    pairs: list[PairRecord]
    names: tuple[str, ...] | None = None


class PairDecoder:
    """Decodes records some at a time; what comes out depends on the records alone, how fast on those before them.

    A table has to be built and asked for its names for each pair, a struct not: so the features of a model whose names are known
    from the records before are decoded into one. Where that fails, the tables do it, and the structs are tried again later.
    """

    def __init__(self) -> None:
        self._names: tuple[str, ...] | None = None
        self._wait, self._pause = 0, 1

    def decode(self, records: Sequence[Kept]) -> Decoded:
        """The pairs in these records; those that do not fit are left out."""
        decode = None if self._names is None else _decoder_for(self._names)
        if decode is not None:
            try:
                read = [decode(shallow_pair(record.value)) for record in records]
            except ValueError:
                self._wait = self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            else:
                self._pause = max(1, self._pause // 2)
                return Decoded([record.offset for record in records], read, self._names)
        decoded = _with_tables(records)
        self._wait -= 1
        self._names = None if self._wait >= 0 else _names_of(decoded.pairs)
        return decoded


def _names_of(pairs: Sequence[PairRecord]) -> tuple[str, ...] | None:
    """The names of all features, where one model has them all, and they are few enough."""
    if len({pair.model for pair in pairs}) != 1:
        return None
    names = tuple(dict.fromkeys(name for pair in pairs for name in pair.features))
    return names if len(names) <= _MOST_NAMES else None


def segments_of(records: Sequence[Kept], offsets: Sequence[int], names: Sequence[str]) -> list[dict[str, str]]:
    """The segments with these names of the records at these offsets, all of which are pairs.

    Read apart, since few models are watched by them. A pair whose segments are no table of texts is as one without any.
    """
    values = {record.offset: record.value or b"" for record in records}
    every = [_segments(values[offset]) for offset in offsets]
    return [{name: segments[name] for name in names if name in segments} for segments in every]


def _segments(value: bytes) -> dict[str, str]:
    try:
        return _decode_segments(value).segments
    except ValueError:  # not as the pair role writes them: such a pair is of no segment
        return {}


def _with_tables(records: Sequence[Kept]) -> Decoded:
    try:
        read = [_decode(shallow_pair(record.value)) for record in records]
    except ValueError:  # one of them: the others are none the worse
        fitting = [(record.offset, pair) for record in records for pair in _decoded(record.value)]
        return Decoded([offset for offset, _ in fitting], [pair for _, pair in fitting])
    return Decoded([record.offset for record in records], read)


def _decoded(value: bytes | None) -> Iterable[PairRecord]:
    try:
        return (_decode(shallow_pair(value)),)
    except ValueError:
        return ()
