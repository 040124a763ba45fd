"""Pairs of one model as columns, gathered a few hundred at a time while what was decoded is still in the processor's cache.

Afterwards the decoded objects are given up: walking 3,000 of them once for each column, as was done before, cost an eighth of
the role's time in waiting for memory.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate, compress
from zlib import crc32

from msgspec import Struct
from msgspec.structs import astuple

from app.domain.detection.pair_records import Answer, Half, PairRecord
from app.domain.detection.signals import Value

__all__ = ["Features", "Halves", "PairColumns"]


class Features:
    """A column for each name, null where a row lacks it."""

    def __init__(self) -> None:
        self.rows = 0
        self.columns: dict[str, list[Value]] = {}

    def take(self, tables: Sequence[dict[str, Value]]) -> None:
        """Take the next rows in."""
        self._extend(_transposed(tables), len(tables))

    def take_structs(self, names: Sequence[str], structs: Sequence[Struct]) -> None:
        """Take the next rows in; the fields of each are those of ``names``, in their order."""
        columns = zip(names, zip(*map(astuple, structs), strict=True), strict=True) if names else ()
        self._extend(columns, len(structs))

    def _extend(self, columns: Iterable[tuple[str, Sequence[Value]]], rows: int) -> None:
        for name, column in columns:
            whole = self.columns.get(name)
            if whole is None:
                whole = self.columns[name] = [None] * self.rows
            whole += column
        self.rows += rows
        for whole in self.columns.values():
            if len(whole) < self.rows:
                whole += [None] * (self.rows - len(whole))

    def part(self, begin: int, end: int) -> "Features":
        """Some rows."""
        some = Features()
        some.rows, some.columns = end - begin, {name: column[begin:end] for name, column in self.columns.items()}
        return some

    def chosen(self, chosen: Sequence[bool]) -> "Features":
        """Those that are chosen."""
        some = Features()
        some.rows = sum(chosen)
        some.columns = {name: list(compress(column, chosen)) for name, column in self.columns.items()}
        return some


def _transposed(tables: Sequence[dict[str, Value]]) -> Iterable[tuple[str, Sequence[Value]]]:
    shapes = dict.fromkeys(map(tuple, tables))
    if len(shapes) == 1:  # all have the same names in the same order
        return zip(*shapes, zip(*map(dict.values, tables), strict=True), strict=True)
    names = dict.fromkeys(name for keys in shapes for name in keys)
    return [(name, [table.get(name) for table in tables]) for name in names]


class Halves:
    """Answers of one role, a row each; ``which`` has the number of each one's pair, rising."""

    def __init__(self, *, shadow: bool) -> None:
        self.shadow = shadow
        self.which: list[int] = []
        self.versions: list[str] = []
        self.predictions: list[Answer] = []
        self.latencies: list[Value] = []
        self.costs: list[Value] = []
        #: A shadow's alone.
        self.differences: list[Value] = []
        self.agrees: list[bool | None] = []

    def take(self, which: Iterable[int], halves: Sequence[Half]) -> None:
        """Take the next answers in."""
        self.which += which
        self.versions += [half.version for half in halves]
        self.predictions += [half.prediction for half in halves]
        self.latencies += [half.latency_ms for half in halves]
        self.costs += [half.cost for half in halves]
        if self.shadow:
            self.differences += [half.difference for half in halves]
            self.agrees += [half.agrees for half in halves]

    def part(self, begin: int, end: int) -> "Halves":
        """The answers to the pairs from number ``begin`` to ``end``, which are then counted from 0."""
        here = slice(bisect_left(self.which, begin), bisect_left(self.which, end))
        part = Halves(shadow=self.shadow)
        for name, column in vars(self).items():
            if name != "shadow":
                setattr(part, name, column[here])
        part.which = [at - begin for at in part.which]
        return part

    def by_version(self) -> dict[str, "Halves"]:
        """The answers of each version, in the order in which the versions came."""
        if self.versions and self.versions.count(self.versions[0]) == len(self.versions):
            self.versions = [self.versions[0]] * len(self.versions)  # one object, whose hash is known to whoever counts it
            return {self.versions[0]: self}
        return {version: self._of(version) for version in dict.fromkeys(self.versions)}

    def _of(self, version: str) -> "Halves":
        return self._chosen([other == version for other in self.versions])

    def _chosen(self, its: Sequence[bool]) -> "Halves":
        part = Halves(shadow=self.shadow)
        for name, column in vars(self).items():
            if name != "shadow":
                setattr(part, name, list(compress(column, its)))
        return part

    def of_pairs(self, chosen: Sequence[bool]) -> "Halves":
        """The answers to the pairs that are chosen, which are then counted from 0."""
        number = list(accumulate(chosen, initial=0))
        part = self._chosen([chosen[which] for which in self.which])
        part.which = [number[which] for which in part.which]
        return part


class PairColumns:
    """See the module's text. Features are kept of the pairs that have a legacy half: rows as in ``legacy``."""

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.times: list[int] = []
        self.ids: list[str] = []
        self.digests: list[int] = []
        self.statuses: list[str] = []
        #: Of a model that is watched by segments; else empty.
        self.segments: list[dict[str, str]] = []
        self.features = Features()
        self.legacy, self.shadows = Halves(shadow=False), Halves(shadow=True)

    def __len__(self) -> int:
        return len(self.offsets)

    def take(self, offsets: Sequence[int], pairs: Sequence[PairRecord], names: Sequence[str] | None) -> None:
        """Take the next pairs in; their features are structs where their ``names`` are given, else tables."""
        first = len(self)
        self.offsets += offsets
        self.times += [pair.timestamp for pair in pairs]
        ids = [pair.request_id for pair in pairs]
        self.ids += ids
        self.digests += [crc32(id_.encode()) for id_ in ids]
        self.statuses += [pair.status for pair in pairs]
        answered = [(at, pair) for at, pair in enumerate(pairs, first) if pair.legacy is not None]
        if answered:
            which, pairs_answered = zip(*answered, strict=True)
            features = [pair.features for pair in pairs_answered]
            if names is None:
                self.features.take(features)
            else:
                self.features.take_structs(names, features)
            self.legacy.take(which, [pair.legacy for pair in pairs_answered])
        shadows = [(at, half) for at, pair in enumerate(pairs, first) for half in pair.shadows]
        if shadows:
            self.shadows.take(*zip(*shadows, strict=True))

    def part(self, begin: int, end: int) -> "PairColumns":
        """Some of them."""
        if begin == 0 and end == len(self):
            return self
        part, here = PairColumns(), slice(begin, end)
        part.offsets, part.times, part.ids = self.offsets[here], self.times[here], self.ids[here]
        part.digests, part.statuses, part.segments = self.digests[here], self.statuses[here], self.segments[here]
        part.legacy, part.shadows = self.legacy.part(begin, end), self.shadows.part(begin, end)
        part.features = self.features.part(*(bisect_left(self.legacy.which, bound) for bound in (begin, end)))
        return part

    def chosen(self, chosen: Sequence[bool]) -> "PairColumns":
        """Those that are chosen."""
        part = PairColumns()
        part.offsets, part.times = list(compress(self.offsets, chosen)), list(compress(self.times, chosen))
        part.digests, part.statuses = list(compress(self.digests, chosen)), list(compress(self.statuses, chosen))
        part.ids, part.segments = list(compress(self.ids, chosen)), list(compress(self.segments, chosen))
        part.legacy, part.shadows = self.legacy.of_pairs(chosen), self.shadows.of_pairs(chosen)
        part.features = self.features.chosen([chosen[which] for which in self.legacy.which])
        return part
