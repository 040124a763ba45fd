"""Gain over threshold for columns and windows, made ready for one calibration; and which columns are asked together.

Columns are asked in tiles small enough for the processor's nearest cache: no answer depends on which share one. A scan of
numbers has equally many columns for each signal, and its tiles hold whole signals.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.domain.detection.calibration import Floats
from app.domain.detection.gains import Close, Side, number_ratio, set_aside, share_bound, share_ratio
from app.domain.detection.scan_plan import Step

__all__ = ["Ratios", "Tile", "raise_peaks"]

Index = NDArray[np.int64]
_TINY = 1e-300
#: Numbers of a column and row kind in one tile, 128 kB.
_TILE = 16_384


class Tile(NamedTuple):
    """Columns that are asked together, and what ``Ratios`` knows of each."""

    columns: slice
    #: Which signals the lines of counts are of that these columns use, and for each column which of those lines.
    signals: slice
    owner: Index
    sides: Sequence[Side]


class Ratios:
    """See the module's text. ``variance`` and ``threshold`` are levels by columns."""

    def __init__(self, variance: Floats, threshold: Floats, side: Floats, owner: Index, *, shares: bool) -> None:
        self._shares, self._side, self._owner = shares, side, owner
        inverse = 1 / threshold
        if shares:  # neighbours that depend make short windows of a share meaningless
            inverse[:5, variance[2] > 1.2] = 0.0
            self._scales = [(inverse / variance).T.copy()]
        else:
            self._scales = [(2 * threshold * part).T.copy() for part in (variance, variance[-1])]

    def tiles(self, rows: int) -> list[Tile]:
        """All columns, for a block of so many rows."""
        columns = len(self._owner)
        each = 1 if self._shares else columns // (int(self._owner[-1]) + 1)
        step = max(1, _TILE // (rows * each)) * each
        return [self.tile(slice(at, min(at + step, columns)), each) for at in range(0, columns, step)]

    def tile(self, columns: slice, each: int) -> Tile:
        """The tile of these columns."""
        if self._shares:
            return Tile(columns, slice(None), self._owner[columns], _sides(self._side[columns].tolist()))
        return Tile(columns, slice(columns.start // each, columns.stop // each), self._owner[columns], ())

    def scales(self, levels: NDArray[np.intp]) -> list[Floats]:
        """What belongs to columns and levels: what a share's ratio is multiplied by, or a number's two variances."""
        return [part.take(levels, axis=1) for part in self._scales]

    def precision(self, pooled: Floats) -> Floats:
        """1 / (p (1 - p)), finite for a class that never, or always, came: then it is multiplied by 0."""
        if not self._shares:
            return pooled
        spread = 1 - pooled
        spread *= pooled
        np.maximum(spread, _TINY, out=spread)
        return np.reciprocal(spread, out=spread)

    def of(
        self, tile: Tile, window: Floats, n: Floats, before: Floats, pooled: Floats, precision: Floats, scales: Sequence[Floats],
        bad: NDArray[np.bool_] | None,
    ) -> tuple[Floats, Close | None]:  # fmt: skip
        """G/h of windows, columns by questions, 0 where they are ``bad`` or set aside; ``window`` is used up by numbers."""
        if not self._shares:
            ratio = number_ratio(window, n, before, pooled, *scales)
            return _masked(ratio, None if bad is None else bad.repeat(len(window) // len(n), axis=0)), None
        bound = share_bound(window, n, before, pooled, tile.owner, tile.sides)
        bound *= precision
        bound *= scales[0]
        bad = bad if bad is None or len(bad) == 1 else bad.take(tile.owner, axis=0)
        return bound, set_aside(_masked(bound, bad), window, n, before, pooled, tile.owner, scales[0])


def raise_peaks(peaks: Floats, aside: Sequence[tuple[int, Step, Close]]) -> None:
    """Let questions that were set aside have their say: each with the first column of its tile, and its step.

    All at once: the calls, not the logarithms, are what costs.
    """
    if not aside:
        return
    rows = peaks.shape[1]
    at = [(first + close.column) * rows + step.rows_of(close.question) for first, step, close in aside]
    ratio = share_ratio(Close(*map(np.concatenate, zip(*(close for _, _, close in aside), strict=True))))
    np.maximum.at(peaks.reshape(-1), np.concatenate(at), ratio)


def _masked(ratio: Floats, bad: NDArray[np.bool_] | None) -> Floats:
    if bad is not None:
        np.copyto(ratio, 0.0, where=bad)
    return ratio


def _sides(side: list[float]) -> list[Side]:
    """The runs of columns of which one direction counts."""
    runs: list[Side] = []
    for at, this in enumerate(side):
        if not this:
            continue
        if runs and runs[-1][0].stop == at and runs[-1][1] == this:
            runs[-1] = slice(runs[-1][0].start, at + 1), this
        else:
            runs.append((slice(at, at + 1), this))
    return runs
