"""What one signal is: first a warm-up, then numbers, a share, or categories, each with its frozen reference.

A signal is born at its first value that is not null. Its first ``warm_up`` values make its reference; the type that most of
them have decides what it is, and a later value of another type counts as missing. A warm-up ends at an exact record, so
nothing here depends on how records came together.

Bounded: a warm-up keeps at most 100,000 values, strings cut at 256 characters; categories beyond the heaviest are ``other``.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from itertools import repeat
from struct import pack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.detection.calibration import GATE, Floats, base_thresholds, block_scatter
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.opinion import Opinion, OtherOpinion, restored
from app.domain.detection.reference import SHARES, Reference, hashed
from app.domain.detection.scan_data import Columns

__all__ = ["OTHER", "Numbers", "Shares", "Value", "WarmUp", "as_numbers", "freeze_numbers", "freeze_shares"]

Value = float | bool | str | None
OTHER = "(other)"
_LONGEST = 256
#: Values at which a warm-up ends whatever event time it spans: 7 MB.
_MOST = 100_000


class WarmUp:
    """The first values of a signal, with the digests of their records' ids and their event times."""

    def __init__(self, first_ms: int) -> None:
        self.values: list[Value] = []
        self.digests: list[int] = []
        self.times: list[int] = []
        self.first_ms = self.last_ms = first_ms

    def take(self, values: Sequence[Value], digests: NDArray[np.uint32], times: NDArray[np.int64]) -> None:
        """Keep what is not null."""
        here = [at for at, value in enumerate(values) if value is not None]
        self.values += [value[:_LONGEST] if type(value) is str else value for value in map(values.__getitem__, here)]
        self.digests += digests[here].tolist()
        self.times += times[here].tolist()
        self.last_ms = max(self.last_ms, int(times.max()))

    def is_over(self, config: DriftConfig) -> bool:
        """Whether it holds enough."""
        n = len(self.values)
        return n >= config.warm_up and (self.last_ms - self.first_ms >= config.warm_up_ms or n >= _MOST)

    def ends_after(self, values: Sequence[Value], times: NDArray[np.int64], config: DriftConfig) -> int | None:
        """After how many of these rows it will hold enough."""
        if len(self.values) + len(values) < config.warm_up:
            return None
        counts = len(self.values) + np.cumsum([value is not None for value in values])
        spans = np.maximum.accumulate(np.maximum(times, self.last_ms)) - self.first_ms
        over = (counts >= config.warm_up) & ((spans >= config.warm_up_ms) | (counts >= _MOST))
        return int(np.argmax(over)) + 1 if over.any() else None

    def kind(self) -> type:
        """The type that most values have; of two that are as many, the one that came first."""
        return Counter(map(type, self.values)).most_common(1)[0][0]

    def dump(self) -> dict[str, Any]:
        """The state as plain data."""
        return {"values": self.values, "digests": np.array(self.digests, dtype=np.uint32),
                "times": np.array(self.times, dtype=np.int64), "first": self.first_ms, "last": self.last_ms}  # fmt: skip

    @classmethod
    def load(cls, state: dict[str, Any]) -> "WarmUp":
        """Take the state back."""
        warm_up = cls(state["first"])
        warm_up.values, warm_up.digests, warm_up.last_ms = state["values"], state["digests"].tolist(), state["last"]
        warm_up.times = state["times"].tolist()
        return warm_up


class Numbers:
    """A numeric signal: ranks, residuals, four scores."""

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
        self.boolean = len(labels) == 1
        self._code: dict[object, int] = {False: 0, True: 1} if self.boolean else {v: i for i, v in enumerate(labels[:-1])}
        self._type = bool if self.boolean else str

    @property
    def digest(self) -> str:
        """The digest of its reference."""
        content = repr((self.labels, self.values, self.reference.tolist()))
        return f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"

    def codes(self, values: Sequence[Value]) -> NDArray[np.int64]:
        """Which class each of these values is of; -1 where it is not of this signal's type."""
        kind, code, other = self._type, self._code, len(self.labels) - 1
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
                "opinions": [each.dump() for each in self.opinions]}  # fmt: skip

    @classmethod
    def load(cls, state: dict[str, Any]) -> "Shares":
        """Take the state back."""
        shares = cls(state["shares"], state["reference"], state["values"], state["slot"], state["first"])
        shares.opinions = list(map(restored, state["opinions"]))
        return shares


def as_numbers(values: Sequence[Value]) -> Floats:
    """The values as numbers, NaN for what is none."""
    kinds = list(map(type, values))
    if kinds.count(float) == len(values):  # counting and packing take half as long as a set of types and ``fromiter``
        return np.frombuffer(pack(f"{len(values)}d", *values), dtype=np.float64)
    if set(kinds) <= {float, type(None)}:
        return np.array(values, dtype=np.float64)
    return np.array([v if type(v) is float else None for v in values], dtype=np.float64)


def freeze_numbers(warm_up: WarmUp, salt: int, granted: float) -> tuple[Reference, Columns, Columns]:
    """The reference of a numeric signal; its location column, and its other three. ``granted``: values between false alarms."""
    here = [at for at, value in enumerate(warm_up.values) if type(value) is float]
    values = np.array([warm_up.values[at] for at in here], dtype=np.float64)
    digests, times = np.array(warm_up.digests, dtype=np.uint32)[here], np.array(warm_up.times, dtype=np.int64)[here]
    reference, columns = Reference.of(values, hashed(digests, salt), times)
    rest = reference.rest
    scatter, freedom = block_scatter(columns)
    sums = np.cumsum(columns, axis=0)[-1]
    gate, seasonal = (GATE, False) if rest is None else (rest.gate, rest.season is not None)
    budget = granted * (2 if seasonal else 1)
    base = np.stack([base_thresholds(budget / share) for share in SHARES], axis=1)
    parts = [
        Columns(sums[part], float(len(columns)), scatter[:, part], freedom[:, part], base[:, part], gate=gate)
        for part in (slice(0, 1), slice(1, 4))
    ]
    return reference, parts[0], parts[1]


def _labels(values: list[Value], most: int) -> list[str]:
    counts = Counter(v for v in values if type(v) is str and len(v) < _LONGEST)
    heaviest = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]
    return [label for label, _ in heaviest] + [OTHER]


def freeze_shares(warm_up: WarmUp, categories: int, granted: float, slot: int, first: int, side: int) -> tuple[Shares, Columns]:
    """The reference of a boolean or categorical signal, and its columns; ``slot`` and ``first`` say where they will be."""
    kind = warm_up.kind()
    labels = ["true"] if kind is bool else _labels(warm_up.values, categories)
    shares = Shares(labels, np.zeros(0), 0, slot, first)
    codes = shares.codes(warm_up.values)
    codes = codes[codes >= 0]
    lines = np.zeros((first + len(labels), len(codes)))
    shares.lines(codes, lines)
    columns = np.ascontiguousarray(lines[first:].T)
    sums = np.cumsum(columns, axis=0)[-1]
    shares.values, shares.reference = len(columns), sums / len(columns)
    scatter, freedom = block_scatter(columns)
    spread = shares.reference * (1 - shares.reference)
    # A class that is too rare for its blocks to hold one value says nothing of their variance.
    tell = spread * (2.0 ** np.arange(len(scatter)))[:, None] >= 1
    scatter = np.where(tell, scatter / np.where(spread > 0, spread, 1.0), 0.0)
    base = np.repeat(base_thresholds(granted * len(labels))[:, None], len(labels), axis=1)
    return shares, Columns(sums, float(len(columns)), scatter, np.where(tell, freedom, 0.0), base, side)
