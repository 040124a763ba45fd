"""Which windows the scan looks at, and where in memory their ends lie.

Level l has windows of w = 2^l rows, 14 levels in all. They are looked at on a grid of g = max(1, w/16) rows, so the sum of
a window is the running sum at a grid point less the running sum 16 grid points earlier (for w <= 16: w rows earlier). What
must be remembered is therefore, for each level from 4 on, the running sum at its last 16 grid points: 160 of them, the
highest level first, so that level 4, which serves all the levels below it, lies right before the block.

The grid is counted from a panel's first row, never from an alarm, so that signals that were reset at different rows share
one plan. A plan depends on the row modulo 512 (the coarsest grid) and the number of rows only; the latest are remembered.
"""

from functools import lru_cache
from itertools import accumulate
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
    """Windows that are asked together: those of one level that is asked at every row, or those of all higher levels."""

    #: The level of each question, or the one of all.
    levels: _Index
    #: Where in ``around`` each window ends and begins; none for a level that is asked at every row.
    ends: _Index | None
    begins: _Index | None
    #: Which row of the block, less than 0 where it lies before, each window begins with.
    first_rows: _Index
    #: For each level the first row that is asked, the grid, and its stretch of the questions.
    places: tuple[tuple[int, int, int, int], ...]

    def windows(self, around: Floats) -> Floats:
        """The sums of the windows; ``around`` holds what is remembered, then the running sums of the block, row by row."""
        if self.ends is None or self.begins is None:
            width = 1 << int(self.levels[0])
            sums: Floats = around[:, MEMORY:] - around[:, MEMORY - width : -width]
            return sums
        sums = around.take(self.ends, axis=1)
        sums -= around.take(self.begins, axis=1)
        return sums

    def at_ends(self, lines: Floats) -> Floats:
        """What lines along the rows of the block hold where the windows end."""
        return lines if self.ends is None else lines.take(self.ends - MEMORY, axis=1)

    def rows_of(self, questions: _Index) -> _Index:
        """The rows of the block in which the windows of these questions end."""
        return questions if self.ends is None else self.ends[questions] - MEMORY


@lru_cache(maxsize=64)
def steps(phase: int, rows: int, lowest: int) -> tuple[Step, ...]:
    """What ``rows`` rows behind a row that is ``phase`` modulo 512 are asked, for the levels from ``lowest`` on."""
    row = np.arange(rows, dtype=np.intp)
    each_row = [Step(np.array([k]), None, None, row + 1 - (1 << k), ((0, 1, 0, rows),)) for k in range(lowest, 5)]
    return (*each_row, *_coarse_step(phase, rows))


@lru_cache(maxsize=64)
def _coarse_step(phase: int, rows: int) -> tuple[Step, ...]:
    """The levels above the fourth; none where no window of theirs ends in these rows."""
    grids = [1 << shift for shift in _SHIFT[5:].tolist()]
    firsts = [(-phase - 1) % grid for grid in grids]
    ends = [np.arange(first, rows, grid, dtype=np.intp) for first, grid in zip(firsts, grids, strict=True)]
    counts = [len(at) for at in ends]
    if not any(counts):
        return ()
    row, level = np.concatenate(ends), np.repeat(_LEVEL[5:], counts)
    bounds = [0, *accumulate(counts)]
    places = tuple(zip(firsts, grids, bounds, bounds[1:], strict=False))
    return (Step(level, MEMORY + row, _begins(phase, row, level), row + 1 - WIDTHS[level], places),)


def _begins(phase: int, row: _Index | int, level: _Index) -> _Index:
    """Where in ``around`` the windows of these levels begin that end in these rows of a block."""
    shift, width = _SHIFT[level], WIDTHS[level]
    nth = ((phase + 1 + row) >> shift) - (phase >> shift) - 1
    remembered = (LEVELS - 5 - shift) * 16 + 16 + nth - np.minimum(width, 16)
    return np.where(row >= width, MEMORY + row - width, remembered)


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
    return level, _begins(phase, row, level)
