"""Pairs of one model that are to meet their outcomes, as columns: what an outcome has to say of them, and nothing else.

Columns since most models have no outcomes: a pair that waits for none costs a place in a few lists.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from app.domain.detection.pair_columns import Halves, PairColumns
from app.domain.detection.pair_records import Answer

__all__ = ["AwaitedPairs", "Awaiting", "Given", "Label"]


class Given(Struct, frozen=True, array_like=True, gc=False):
    """What one version answered."""

    version: str
    prediction: Answer


class Label(Struct, frozen=True, array_like=True, gc=False):
    """What an outcome said."""

    label: bool | float | str
    value: float | None
    kpis: dict[str, float]


class Awaiting(Struct, array_like=True, gc=False):
    """One pair. ``moment_ms``: when it came, by the clock of the pairs; ``label``: its outcome, once that is known.

    ``segments`` are kept of a model that is watched by them.
    """

    request_id: str
    offset: int
    time_ms: int
    digest: int
    status: str
    legacy: Given | None
    shadows: list[Given]
    segments: dict[str, str]
    moment_ms: int = 0
    label: Label | None = None


class _Answers:
    """Answers of one role; ``which`` has the number of each one's pair, rising."""

    def __init__(self, which: list[int], versions: list[str], predictions: list[Answer]) -> None:
        self.which, self.versions, self.predictions = which, versions, predictions

    @classmethod
    def of(cls, halves: Halves) -> "_Answers":
        return cls(halves.which, halves.versions, halves.predictions)

    def extend(self, other: "_Answers", pairs: int) -> None:
        """Take in the answers to the pairs from number ``pairs`` on."""
        self.which += [at + pairs for at in other.which]
        self.versions += other.versions
        self.predictions += other.predictions

    def part(self, begin: int, end: int) -> "_Answers":
        """The answers to the pairs ``[begin, end)``, which are then counted from 0."""
        here = slice(bisect_left(self.which, begin), bisect_left(self.which, end))
        return _Answers([at - begin for at in self.which[here]], self.versions[here], self.predictions[here])

    def dump(self) -> list[Any]:
        return [self.which, self.versions, self.predictions]


class AwaitedPairs:
    """See the module's text."""

    _COLUMNS = ("ids", "offsets", "times", "digests", "statuses")

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.offsets: list[int] = []
        self.times: list[int] = []
        self.digests: list[int] = []
        self.statuses: list[str] = []
        #: Of each pair, or of none.
        self.segments: list[dict[str, str]] = []
        self.legacy, self.shadows = _Answers([], [], []), _Answers([], [], [])

    @classmethod
    def of(cls, pairs: PairColumns) -> "AwaitedPairs":
        """Those columns of pairs that matter, which are shared."""
        made = cls()
        for name in cls._COLUMNS:
            setattr(made, name, getattr(pairs, name))
        made.segments = pairs.segments
        made.legacy, made.shadows = _Answers.of(pairs.legacy), _Answers.of(pairs.shadows)
        return made

    def __len__(self) -> int:
        return len(self.offsets)

    def joined(self, others: "AwaitedPairs") -> "AwaitedPairs":
        """These and those after them. Whichever is whole stays as it is; else these are used up."""
        if not len(self):
            return others
        if len(others):
            pairs = len(self)
            self.legacy.extend(others.legacy, pairs)
            self.shadows.extend(others.shadows, pairs)
            if self.segments or others.segments:  # of one of them there are none where the setting has changed between them
                self.segments = self.segments_of_each()
                self.segments += others.segments_of_each()
            for name in self._COLUMNS:
                getattr(self, name).extend(getattr(others, name))
        return self

    def segments_of_each(self) -> list[dict[str, str]]:
        """The segments of each pair, where none were kept too."""
        return self.segments or [{} for _ in range(len(self))]

    def below(self, offset: int) -> int:
        """How many of them lie below this offset."""
        return bisect_left(self.offsets, offset)

    def part(self, begin: int, end: int) -> "AwaitedPairs":
        """Some of them."""
        if begin == 0 and end == len(self):
            return self
        part = AwaitedPairs()
        for name in self._COLUMNS:
            setattr(part, name, getattr(self, name)[begin:end])
        part.segments = self.segments[begin:end]
        part.legacy, part.shadows = self.legacy.part(begin, end), self.shadows.part(begin, end)
        return part

    def each(self) -> Iterator[Awaiting]:
        """One after another."""
        legacy: list[Given | None] = [None] * len(self)
        shadows: list[list[Given]] = [[] for _ in range(len(self))]
        for at, version, prediction in zip(self.legacy.which, self.legacy.versions, self.legacy.predictions, strict=True):
            legacy[at] = Given(version, prediction)
        for at, version, prediction in zip(self.shadows.which, self.shadows.versions, self.shadows.predictions, strict=True):
            shadows[at].append(Given(version, prediction))
        columns = (getattr(self, name) for name in self._COLUMNS)
        return map(Awaiting, *columns, legacy, shadows, self.segments_of_each())

    def dump(self) -> list[Any]:
        """The state as plain data."""
        return [*(getattr(self, name) for name in self._COLUMNS), self.segments, self.legacy.dump(), self.shadows.dump()]

    @classmethod
    def load(cls, state: list[Any]) -> "AwaitedPairs":
        """Take the state back."""
        made = cls()
        *columns, made.segments, legacy, shadows = state
        for name, column in zip(cls._COLUMNS, columns, strict=True):
            setattr(made, name, column)
        made.legacy, made.shadows = _Answers(*legacy), _Answers(*shadows)
        return made
