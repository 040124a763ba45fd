"""What one signal is: first a warm-up, then numbers, a share, or categories, each with its frozen reference.

A signal is born at its first value that is not null. Its first ``warm_up`` values make its reference; the type that most of
them have decides what it is, and a later value of another type counts as missing. A warm-up ends at an exact record, so
nothing here depends on how records came together.

Bounded: a warm-up keeps at most 100,000 values, strings cut at 256 characters; categories beyond the heaviest are ``other``. One
that has to span more event time than so many values do is thinned when it is full: every other stretch of 512 values is
dropped, and of what comes then as many, so that neighbours stay neighbours and the reference spans all of the time.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from itertools import compress, repeat
from struct import pack
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from app.domain.detection.calibration import Floats
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.opinion import Opinion, OtherOpinion, restored
from app.domain.detection.reference import Reference
from app.domain.detection.share_season import ShareSeason

__all__ = ["OTHER", "Numbers", "Shares", "Value", "WarmUp", "as_numbers"]

Value = float | bool | str | None
OTHER = "(other)"
_LONGEST = 256
#: Values that a warm-up keeps: 7 MB; and those in a row that are kept or dropped together when it has to be thinned.
_MOST, _STRETCH = 100_000, 512


class WarmUp:
    """The first values of a signal, with the digests of their records' ids and their event times.

    ``seen`` counts all that came. Of every ``thinning`` stretches of values one is kept.
    """

    def __init__(self, first_ms: int) -> None:
        self.values: list[Value] = []
        self.digests: list[int] = []
        self.times: list[int] = []
        self.first_ms = self.last_ms = first_ms
        self.seen, self.thinning = 0, 1

    def take(self, values: Sequence[Value], digests: NDArray[np.uint32], times: NDArray[np.int64]) -> None:
        """Keep what is not null."""
        here = [at for at, value in enumerate(values) if value is not None]
        while here:
            kept = here if self.thinning == 1 else [at for i, at in enumerate(here, self.seen) if self._keeps(i)]
            room = _MOST - len(self.values)
            if len(kept) > room:  # all up to the one for which there is none
                taken, kept = here.index(kept[room]), kept[:room]
            else:
                taken = len(here)
            self.values += [value[:_LONGEST] if type(value) is str else value for value in map(values.__getitem__, kept)]
            self.digests += digests[kept].tolist()
            self.times += times[kept].tolist()
            self.seen += taken
            here = here[taken:]
            if here:
                self.thin()
        self.last_ms = max(self.last_ms, int(times.max()))

    def _keeps(self, number: int) -> bool:
        return number // _STRETCH % self.thinning == 0

    def thin(self) -> None:
        """Drop every other stretch."""
        stays = [at // _STRETCH % 2 == 0 for at in range(len(self.values))]
        self.values = list(compress(self.values, stays))
        self.digests, self.times = (list(compress(part, stays)) for part in (self.digests, self.times))
        self.thinning *= 2

    def join(self, other: "WarmUp") -> None:
        """Take in what another has kept, behind what this one has, both thinned alike; nothing more is to be taken then."""
        theirs = WarmUp.load(other.dump())
        while self.thinning != theirs.thinning:
            (self if self.thinning < theirs.thinning else theirs).thin()
        self.values += theirs.values
        self.digests += theirs.digests
        self.times += theirs.times
        self.seen += theirs.seen
        self.first_ms, self.last_ms = min(self.first_ms, theirs.first_ms), max(self.last_ms, theirs.last_ms)
        while len(self.values) > _MOST:
            self.thin()

    def is_over(self, config: DriftConfig) -> bool:
        """Whether it has seen enough."""
        return self.seen >= config.warm_up and self.last_ms - self.first_ms >= config.warm_up_ms

    def ends_after(self, values: Sequence[Value], times: NDArray[np.int64], config: DriftConfig) -> int | None:
        """After how many of these rows it will have seen enough."""
        if self.seen + len(values) < config.warm_up:
            return None
        counts = self.seen + np.cumsum([value is not None for value in values])
        spans = np.maximum.accumulate(np.maximum(times, self.last_ms)) - self.first_ms
        over = (counts >= config.warm_up) & (spans >= config.warm_up_ms)
        return int(np.argmax(over)) + 1 if over.any() else None

    def kind(self) -> type:
        """The type that most values have; of two that are as many, the one that came first."""
        return Counter(map(type, self.values)).most_common(1)[0][0]

    def settled(self) -> "WarmUp":
        """What is frozen of it."""
        return self

    def dump(self) -> dict[str, Any]:
        """The state as plain data."""
        return {"values": self.values, "digests": np.array(self.digests, dtype=np.uint32),
                "times": np.array(self.times, dtype=np.int64), "first": self.first_ms, "last": self.last_ms,
                "seen": self.seen, "thinning": self.thinning}  # fmt: skip

    @classmethod
    def load(cls, state: dict[str, Any]) -> Self:
        """Take the state back."""
        warm_up = cls(state["first"])
        warm_up.values, warm_up.digests, warm_up.last_ms = state["values"], state["digests"].tolist(), state["last"]
        warm_up.times, warm_up.seen, warm_up.thinning = state["times"].tolist(), state["seen"], state["thinning"]
        return warm_up


class Numbers:
    """A numeric signal: ranks, residuals, four scores."""

    #: The type of its values; those of another are missing.
    takes: ClassVar[type] = float

    def __init__(self, reference: Reference, opinions: list[Opinion | OtherOpinion], slot: int) -> None:
        self.reference, self.opinions, self.slot = reference, opinions, slot

    @property
    def digest(self) -> str:
        """The digest of its reference."""
        return self.reference.digest

    def dump(self) -> dict[str, Any]:
        """The state as plain data and arrays."""
        return {"numbers": self.reference.dump(), "opinions": [each.dump() for each in self.opinions], "slot": self.slot}

    @classmethod
    def load(cls, state: dict[str, Any]) -> "Numbers":
        """Take the state back."""
        return cls(Reference.load(state["numbers"]), list(map(restored, state["opinions"])), state["slot"])


class Shares:
    """A signal of classes: one 0/1 column each. A boolean has one column, a categorical one more than it has labels."""

    def __init__(self, labels: list[str], reference: Floats, values: int, slot: int, first: int) -> None:
        self.labels, self.reference, self.values, self.slot, self.first = labels, reference, values, slot, first
        self.opinions: list[Opinion | OtherOpinion] = []
        #: What its shares owe to the hour, and its first column among those that are left of it.
        self.season: ShareSeason | None = None
        self.seasonal = 0
        self.boolean = labels[-1] != OTHER
        self._code: dict[object, int] = {False: 0, True: 1} if self.boolean else {v: i for i, v in enumerate(labels[:-1])}
        self.takes: type = bool if self.boolean else str

    @property
    def digest(self) -> str:
        """The digest of its reference."""
        season = () if self.season is None else (self.season,)
        content = repr((self.labels, self.values, self.reference.tolist(), *season))
        return f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"

    def codes(self, values: Sequence[Value]) -> NDArray[np.int64]:
        """Which class each of these values is of; -1 where it is not of this signal's type."""
        kind, code, other = self.takes, self._code, len(self.labels) - 1
        if list(map(type, values)).count(kind) == len(values):
            if self.boolean:
                return np.frombuffer(bytes(values), dtype=np.uint8).astype(np.int64)  # type: ignore[arg-type]  # all are bool
            return np.fromiter(map(code.get, values, repeat(other)), dtype=np.int64, count=len(values))
        return np.array([code.get(v, other) if type(v) is kind else -1 for v in values], dtype=np.int64)

    def lines(self, codes: NDArray[np.int64], out: Floats) -> None:
        """Write the 0/1 lines of these classes where this signal's are; they hold 0."""
        at = np.flatnonzero(codes == 1 if self.boolean else codes >= 0)
        out[self.first if self.boolean else self.first + codes[at], at] = 1.0

    def dump(self) -> dict[str, Any]:
        """The state as plain data and arrays."""
        return {"shares": self.labels, "reference": self.reference, "values": self.values, "slot": self.slot, "first": self.first,
                "season": None if self.season is None else self.season.dump(), "seasonal": self.seasonal,
                "opinions": [each.dump() for each in self.opinions]}  # fmt: skip

    @classmethod
    def load(cls, state: dict[str, Any]) -> "Shares":
        """Take the state back."""
        shares = cls(state["shares"], state["reference"], state["values"], state["slot"], state["first"])
        shares.opinions, shares.seasonal = list(map(restored, state["opinions"])), state["seasonal"]
        shares.season = None if state["season"] is None else ShareSeason.load(state["season"])
        return shares


def as_numbers(values: Sequence[Value]) -> Floats:
    """The values as numbers, NaN for what is none."""
    kinds = list(map(type, values))
    if kinds.count(float) == len(values):  # counting and packing take half as long as a set of types and ``fromiter``
        return np.frombuffer(pack(f"{len(values)}d", *values), dtype=np.float64)
    if set(kinds) <= {float, type(None)}:
        return np.array(values, dtype=np.float64)
    return np.array([v if type(v) is float else None for v in values], dtype=np.float64)
