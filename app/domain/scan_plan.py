"""Which windows the scan looks at, and where in memory their ends lie.

Level l has windows of w = 2^l rows, 14 levels in all. They are looked at on a grid of g = max(1, w/16) rows, so the sum of
a window is the running sum at a grid point less the running sum 16 grid points earlier (for w <= 16: w rows earlier). What
must be remembered is therefore, for each level from 4 on, the running sum at its last 16 grid points: 160 rows, level 4
serving all the levels below it.

The grid is counted from a panel's first row, never from an alarm, so that signals that were reset at different rows share
one plan. A plan depends on the row modulo 512 (the coarsest grid) and the number of rows only; it is remembered.
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


class ScanPlan(NamedTuple):
    """The questions that a block of rows is asked, level by level: one question is one window ending at one row."""

    level: _Index
    #: The row of the block at which the window ends.
    row: _Index
    #: Where the running sum before the window lies: in the memory (below 160), else in the block (160 + row).
    before: _Index
    width: NDArray[np.float64]
    #: For each level its first row, its grid, and its stretch of the questions.
    steps: tuple[tuple[int, int, int, int], ...]
    #: Where the memory after the block comes from, memory and block as in ``before``.
    memory: _Index


def _level(level: int, phase: int, rows: int) -> tuple[_Index, _Index, int, int]:
    grid = max(1, 2**level // 16)
    first = (-phase - 1) % grid
    row = np.arange(first, rows, grid, dtype=np.intp)
    if level < 4:
        before = row - 2**level
        before = np.where(before >= 0, MEMORY + before, 16 + before)
    else:
        memory = (level - 4) * 16 + np.arange(16, dtype=np.intp)
        before = np.concatenate([memory, MEMORY + row])[: len(row)]
    return row, before, first, grid


@lru_cache(maxsize=1024)
def scan_plan(phase: int, rows: int, lowest: int) -> ScanPlan:
    """The plan of ``rows`` rows after a row that is ``phase`` modulo 512, for the levels from ``lowest`` on."""
    parts = {level: _level(level, phase, rows) for level in range(min(lowest, 4), LEVELS)}
    memory = [
        np.concatenate([(level - 4) * 16 + np.arange(16, dtype=np.intp), MEMORY + parts[level][0]])[-16:]
        for level in range(4, LEVELS)
    ]
    asked = range(lowest, LEVELS)
    steps, at = [], 0
    for level in asked:
        row, _, first, grid = parts[level]
        steps.append((first, grid, at, at + len(row)))
        at += len(row)
    return ScanPlan(
        level=np.concatenate([np.full(len(parts[level][0]), level, dtype=np.intp) for level in asked]),
        row=np.concatenate([parts[level][0] for level in asked]),
        before=np.concatenate([parts[level][1] for level in asked]),
        width=np.concatenate([np.full(len(parts[level][0]), 2.0**level) for level in asked]),
        steps=tuple(steps),
        memory=np.concatenate(memory),
    )
