"""What a warm-up leaves behind: the reference of a signal, and what its columns of the scan begin with.

It is all that values are compared with, and nothing of the budget: thresholds follow from it and from what the signal is granted
where it begins to be watched. So a signal that begins with what another has frozen decides to the bit as that one did.

Delivery guarantees: a function of the warm-up's values, times and ids alone; ``dump`` and ``load`` are bit for bit.
``load`` refuses by name what cannot be a frozen signal, since a baseline's file may come from anywhere.
"""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from app.domain.detection.calibration import GATE, UNREACHABLE, Floats, base_thresholds, block_scatter
from app.domain.detection.reference import SHARES, Reference, hashed
from app.domain.detection.scan_data import Columns
from app.domain.detection.scan_plan import LEVELS
from app.domain.detection.share_season import GATE as SEASON_GATE
from app.domain.detection.share_season import ShareSeason
from app.domain.detection.share_season import fit as fit_share_season
from app.domain.detection.signals import OTHER, Shares, Value, WarmUp

__all__ = ["Frozen", "FrozenNumbers", "FrozenShares"]

#: Longer labels are one with ``other``.
_LONGEST = 256


class FrozenNumbers(NamedTuple):
    """A numeric signal. ``sums``: of the reference's scores, one for each of the four; ``scatter``, ``freedom``: level by score.

    ``values``: how many scores that are, a few less than the reference's values where they depend on those before.
    """

    reference: Reference
    sums: Floats
    values: float
    scatter: Floats
    freedom: Floats

    @classmethod
    def of(cls, warm_up: WarmUp, salt: int) -> "FrozenNumbers":
        """Freeze the warm-up's numbers."""
        here = [at for at, value in enumerate(warm_up.values) if type(value) is float]
        values = np.array([warm_up.values[at] for at in here], dtype=np.float64)
        digests, times = np.array(warm_up.digests, dtype=np.uint32)[here], np.array(warm_up.times, dtype=np.int64)[here]
        reference, columns = Reference.of(values, hashed(digests, salt), times)
        return cls(reference, np.cumsum(columns, axis=0)[-1], float(len(columns)), *block_scatter(columns))

    def columns(self, granted: float) -> tuple[Columns, Columns]:
        """Its location column, and its other three. ``granted``: values between false alarms."""
        rest = self.reference.rest
        gate, seasonal = (GATE, False) if rest is None else (rest.gate, rest.season is not None)
        budget = granted * (2 if seasonal else 1)
        base = np.stack([base_thresholds(budget / share) for share in SHARES], axis=1)
        location, others = (
            Columns(self.sums[part], self.values, self.scatter[:, part], self.freedom[:, part], base[:, part], gate=gate)
            for part in (slice(0, 1), slice(1, 4))
        )
        return location, others

    def dump(self) -> dict[str, Any]:
        """The state as plain data and arrays."""
        return {"numbers": self.reference.dump(), "sums": self.sums, "values": self.values, "scatter": self.scatter,
                "freedom": self.freedom}  # fmt: skip


class FrozenShares(NamedTuple):
    """A boolean or categorical signal: ``reference`` has each label's share, ``sums`` its count of ``values``.

    ``season`` where its shares have one, with the same of the columns that are left of it.
    """

    labels: list[str]
    reference: Floats
    values: int
    sums: Floats
    scatter: Floats
    freedom: Floats
    season: ShareSeason | None = None
    seasonal: tuple[Floats, Floats, Floats] | None = None

    @classmethod
    def of(cls, warm_up: WarmUp, categories: int, *, sided: bool = False) -> "FrozenShares":
        """Freeze the warm-up's classes; of which no season is fitted where they are ``sided``: one direction counts."""
        labels = ["true"] if warm_up.kind() is bool else _labels(warm_up.values, categories)
        shares = Shares(labels, np.zeros(0), 0, 0, 0)
        codes = shares.codes(warm_up.values)
        times = np.array(warm_up.times, dtype=np.int64)[codes >= 0]
        codes = codes[codes >= 0]
        lines = np.zeros((len(labels), len(codes)))
        shares.lines(codes, lines)
        columns = np.ascontiguousarray(lines.T)
        sums = np.cumsum(columns, axis=0)[-1]
        reference = sums / len(columns)
        scatter, freedom = block_scatter(columns)
        spread = reference * (1 - reference)
        # A class that is too rare for its blocks to hold one value says nothing of their variance.
        tell = spread * (2.0 ** np.arange(len(scatter)))[:, None] >= 1
        scatter = np.where(tell, scatter / np.where(spread > 0, spread, 1.0), 0.0)
        frozen = cls(labels, reference, len(columns), sums, scatter, np.where(tell, freedom, 0.0))
        fitted = None if sided else fit_share_season(lines, times)
        if fitted is None:
            return frozen
        left = np.ascontiguousarray(fitted[1].T)
        return frozen._replace(season=fitted[0], seasonal=(np.cumsum(left, axis=0)[-1], *block_scatter(left)))

    def columns(self, granted: float, side: int, *, silent: bool = False) -> Columns:
        """One column for each label; ``side``: which direction counts; ``silent``: they never alarm, those without season do."""
        base = np.repeat(base_thresholds(granted * len(self.labels))[:, None], len(self.labels), axis=1)
        base = np.full_like(base, UNREACHABLE) if silent else base
        return Columns(self.sums, float(self.values), self.scatter, self.freedom, base, side)

    def seasonal_columns(self, granted: float) -> list[Columns]:
        """What is left of each label's column without its season; none without one."""
        if self.season is None or self.seasonal is None:
            return []
        base = base_thresholds(2 * granted * len(self.labels))[:, None]
        bases = np.where(self.season.silent_levels(), UNREACHABLE, base)
        sums, scatter, freedom = self.seasonal
        parts = [slice(at, at + 1) for at in range(len(self.labels))]
        return [
            Columns(sums[at], float(self.values), scatter[:, at], freedom[:, at], bases[:, at], gate=SEASON_GATE) for at in parts
        ]

    def dump(self) -> dict[str, Any]:
        """The state as plain data and arrays."""
        return {"shares": self.labels, "reference": self.reference, "values": self.values, "sums": self.sums,
                "scatter": self.scatter, "freedom": self.freedom,
                "season": None if self.season is None else self.season.dump(), "seasonal": self.seasonal}  # fmt: skip


class Frozen(NamedTuple):
    """A frozen signal, and the warm-up that it is from: how many values it saw, from when to when (event time, ms)."""

    stage: FrozenNumbers | FrozenShares
    values: int
    first_ms: int
    last_ms: int

    @classmethod
    def of(cls, warm_up: WarmUp, salt: int, categories: int, *, sided: bool) -> "Frozen":
        """Freeze a warm-up; ``salt`` is the signal's, ``sided`` whether only one direction of it counts."""
        settled = warm_up.settled()
        numeric = settled.kind() is float
        stage = FrozenNumbers.of(settled, salt) if numeric else FrozenShares.of(settled, categories, sided=sided)
        return cls(stage, warm_up.seen, warm_up.first_ms, warm_up.last_ms)

    @property
    def digest(self) -> str:
        """The digest of all that values are compared with."""
        stage = self.stage
        if isinstance(stage, FrozenNumbers):
            return stage.reference.digest
        shares = Shares(stage.labels, stage.reference, stage.values, 0, 0)
        shares.season = stage.season
        return shares.digest

    def dump(self) -> dict[str, Any]:
        """The state as plain data and arrays."""
        return self.stage.dump() | {"of": [self.values, self.first_ms, self.last_ms]}

    @classmethod
    def load(cls, state: dict[str, Any]) -> "Frozen":
        """Take the state back, each time a reference of its own; ``ValueError`` where it cannot be that of a frozen signal."""
        try:
            stage = _numbers(state) if "numbers" in state else _shares(state)
            values, first_ms, last_ms = map(int, state["of"])
            columns = 4 if isinstance(stage, FrozenNumbers) else len(stage.labels)
            shapes: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = [("sums", stage.sums.shape, (columns,))]
            shapes += [(name, getattr(stage, name).shape, (LEVELS, columns)) for name in ("scatter", "freedom")]
            if isinstance(stage, FrozenShares):
                shapes.append(("reference", stage.reference.shape, (columns,)))
                shapes += _season_shapes(stage, columns)
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            message = f"the state of a frozen signal does not hold what it has to: {type(error).__name__} {error}"
            raise ValueError(message) from error
        for name, shape, wanted in shapes:
            if shape != wanted or not columns:
                message = f"the state of a frozen signal has {name} of shape {shape}: expected {wanted}, and a column at least"
                raise ValueError(message)
        return cls(stage, values, first_ms, last_ms)


def _numbers(state: dict[str, Any]) -> FrozenNumbers:
    reference = Reference.load(state["numbers"])
    return FrozenNumbers(reference, state["sums"], float(state["values"]), state["scatter"], state["freedom"])


def _shares(state: dict[str, Any]) -> FrozenShares:
    labels = [str(label) for label in state["shares"]]
    season, seasonal = state["season"], state["seasonal"]
    return FrozenShares(
        labels, state["reference"], int(state["values"]), state["sums"], state["scatter"], state["freedom"],
        None if season is None else ShareSeason.load(season), None if seasonal is None else tuple(seasonal),
    )  # fmt: skip


def _season_shapes(stage: FrozenShares, columns: int) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    if stage.season is None:
        return []
    sums, scatter, freedom = stage.seasonal or (np.zeros(0),) * 3
    return [
        ("seasons", (len(stage.season.shares), len(stage.season.fits)), (columns, columns)),
        ("seasonal sums", sums.shape, (columns,)),
        ("seasonal scatter", scatter.shape, (LEVELS, columns)),
        ("seasonal freedom", freedom.shape, (LEVELS, columns)),
    ]


def _labels(values: list[Value], most: int) -> list[str]:
    counts = Counter(v for v in values if type(v) is str and len(v) < _LONGEST)
    heaviest = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]
    return [label for label, _ in heaviest] + [OTHER]
