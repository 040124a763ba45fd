"""Which windows the scan looks at, and where in memory their ends lie.

Level l has windows of w = 2^l rows, 14 levels in all. They are looked at on a grid of g = max(1, w/16) rows, so the sum of
a window is the running sum at a grid point less the running sum 16 grid points earlier (for w <= 16: w rows earlier). What
must be remembered is therefore, for each level from 4 on, the running sum at its last 16 grid points: 160 of them, the
highest level first, so that level 4, which serves all the levels below it, lies right before the block.

The grid is counted from a panel's first row, never from an alarm, so that signals that were reset at different rows share
one plan. A plan depends on the row modulo 512 (the coarsest grid) and the number of rows only; the latest are remembered.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["COARSEST", "LEVELS", "MEMORY", "WIDTHS", "Step", "memory_after", "questions_at", "steps"]

LEVELS = 14
WIDTHS = 2 ** np.arange(LEVELS, dtype=np.int64)
#: The grid of the highest level.
COARSEST = 512
#: Running sums that are remembered: 16 for each of the levels 4 to 13.
MEMORY = 160

Floats = NDArray[np.float64]
_Index = NDArray[np.intp]
_LEVEL = np.arange(LEVELS, dtype=np.intp)
#: The grid of each level is 2^shift rows; level 4 and all below it are looked at at every row.
_SHIFT = np.maximum(_LEVEL - 4, 0)


class Step(NamedTuple):
    """The windows of one level that end in a block of rows: at its row ``first`` and each ``grid`` rows on, ``asked`` in all."""

    level: int
    width: int
    first: int
    grid: int
    asked: int

    def windows(self, around: Floats) -> Floats:
        """The sums of the windows; ``around`` holds what is remembered, then the running sums of the block, row by row."""
        if self.grid == 1:
            sums: Floats = around[:, MEMORY:] - around[:, MEMORY - self.width : -self.width]
            return sums
        points, at = around[:, MEMORY + self.first :: self.grid], (LEVELS - 1 - self.level) * 16
        sums, head = np.empty(points.shape), min(self.asked, 16)
        np.subtract(points[:, :head], around[:, at : at + head], out=sums[:, :head])
        np.subtract(points[:, 16:], points[:, : max(self.asked - 16, 0)], out=sums[:, 16:])
        return sums


@lru_cache(maxsize=128)
def steps(phase: int, rows: int, lowest: int) -> tuple[Step, ...]:
    """What ``rows`` rows behind a row that is ``phase`` modulo 512 are asked, for the levels from ``lowest`` on."""
    plan = []
    for level in range(lowest, LEVELS):
        grid = 1 << max(level - 4, 0)
        first = (-phase - 1) % grid
        if first < rows:
            plan.append(Step(level, 1 << level, first, grid, (rows - first + grid - 1) // grid))
    return tuple(plan)


@lru_cache(maxsize=128)
def memory_after(phase: int, rows: int) -> _Index:
    """Where what must be remembered after a block lies in ``around``: for each level from 13 to 4 its last 16 grid points."""
    shift = _SHIFT[:3:-1, None]
    grid = 1 << shift
    points = ((phase + rows) >> shift) - (phase >> shift)
    at = points + np.arange(16, dtype=np.intp)
    in_block = MEMORY + (-phase - 1) % grid + (at - 16) * grid
    return np.where(at < 16, (LEVELS - 5 - shift) * 16 + at, in_block).ravel()


def questions_at(phase: int, row: int, lowest: int) -> tuple[_Index, _Index]:
    """The levels, from ``lowest`` on, whose windows end at this row of a block, and where in ``around`` they begin."""
    end = phase + 1 + row
    level = np.flatnonzero((end & ((1 << _SHIFT) - 1)) == 0)
    level = level[level >= lowest]
    shift, width = _SHIFT[level], WIDTHS[level]
    nth = (end >> shift) - (phase >> shift) - 1
    remembered = (LEVELS - 5 - shift) * 16 + 16 + nth - np.minimum(width, 16)
    return level, np.where(row >= width, MEMORY + row - width, remembered)
