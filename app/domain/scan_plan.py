"""Which windows the scan looks at, and where in memory their ends lie.

Level l has windows of w = 2^l rows, 14 levels in all. They are looked at on a grid of g = max(1, w/16) rows, so the sum of
a window is the running sum at a grid point less the running sum 16 grid points earlier (for w <= 16: w rows earlier). What
must be remembered is therefore, for each level from 4 on, the running sum at its last 16 grid points: 160 rows, level 4
serving all the levels below it.

The grid is counted from a panel's first row, never from an alarm, so that signals that were reset at different rows share
one plan. A plan depends on the row modulo 512 (the coarsest grid) and the number of rows only; the latest are remembered.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["COARSEST", "LEVELS", "MEMORY", "WIDTHS", "ScanPlan", "scan_plan"]

LEVELS = 14
WIDTHS = 2 ** np.arange(LEVELS, dtype=np.int64)
#: The grid of the highest level.
COARSEST = 512
#: Rows of running sums that are remembered: 16 for each of the levels 4 to 13.
MEMORY = 160

_Index = NDArray[np.intp]
_LEVEL = np.arange(LEVELS, dtype=np.intp)[:, None]
#: The grid of each level is 2^shift rows; level 4 and all below it are looked at at every row.
_SHIFT = np.maximum(_LEVEL - 4, 0)


class ScanPlan(NamedTuple):
    """The questions that a block of rows is asked, level by level: one question is one window ending at one row."""

    level: _Index
    #: The row of the block at which the window ends.
    row: _Index
    #: Where the running sum before the window lies: in the memory (below 160), else in the block (160 + row).
    before: _Index
    width: _Index
    #: For each level its first row, its grid, and its stretch of the questions.
    steps: tuple[tuple[int, int, int, int], ...]
    #: Where the memory after the block comes from, memory and block as in ``before``.
    memory: _Index


@lru_cache(maxsize=128)
def _whole_plan(phase: int, rows: int) -> ScanPlan:
    end = phase + 1 + np.arange(rows, dtype=np.intp)
    level, row = np.nonzero((end & ((1 << _SHIFT) - 1)) == 0)
    width = WIDTHS[level]
    shift = _SHIFT[level, 0]
    nth = (end[row] >> shift) - (phase >> shift) - 1
    remembered = shift * 16 + 16 + nth - np.minimum(width, 16)
    before = np.where(row >= width, MEMORY + row - width, remembered)
    bounds = np.searchsorted(level, np.arange(LEVELS + 1)).tolist()
    grids = [1 << max(level - 4, 0) for level in range(LEVELS)]
    steps = tuple(((-phase - 1) % grid, grid, *bounds[at : at + 2]) for at, grid in enumerate(grids))
    return ScanPlan(level, row, before, width, steps, _memory(phase, rows))


def _memory(phase: int, rows: int) -> _Index:
    """For each level from 4 on its last 16 grid points, of the memory followed by the block."""
    shift = _SHIFT[4:]
    grid = 1 << shift
    points = ((phase + rows) >> shift) - (phase >> shift)
    at = points + np.arange(16, dtype=np.intp)
    in_block = MEMORY + (-phase - 1) % grid + (at - 16) * grid
    return np.where(at < 16, shift * 16 + at, in_block).ravel()


@lru_cache(maxsize=128)
def scan_plan(phase: int, rows: int, lowest: int) -> ScanPlan:
    """The plan of ``rows`` rows after a row that is ``phase`` modulo 512, for the levels from ``lowest`` on."""
    whole = _whole_plan(phase, rows)
    skip = whole.steps[lowest][2]
    steps = tuple((first, grid, begin - skip, end - skip) for first, grid, begin, end in whole.steps[lowest:])
    return ScanPlan(whole.level[skip:], whole.row[skip:], whole.before[skip:], whole.width[skip:], steps, whole.memory)
