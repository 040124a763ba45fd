"""What a scan remembers of running sums; and how many values of each signal there were, which scans of the same signals share.

Counts are remembered at the same rows as sums (``scan_plan``), and at the multiples of 64 rows of the present stretch.
"""

from typing import Any

import numpy as np

from app.domain.detection.calibration import STEP, Floats
from app.domain.detection.scan_plan import COARSEST, MEMORY, memory_after

__all__ = ["POINTS", "STRETCH", "Counts", "points_in", "running"]

#: Quiet rows after which their blocks join the calibration, and the places of a stretch at which sums are kept.
STRETCH = 8_192
POINTS = STRETCH // STEP + 1


def points_in(row: int, rows: int) -> tuple[slice, slice]:
    """Which points of the stretch lie in so many rows behind this one, and where in a judged block."""
    first = (-row - 1) % STEP
    at = (row % STRETCH + first + 1) // STEP
    return slice(at, at + (rows - 1 - first) // STEP + 1), slice(MEMORY + first, MEMORY + max(rows, first), STEP)


def running(memory: Floats, values: Floats) -> Floats:
    """What is remembered, then the running sums, its newest added first: the same however the rows are cut."""
    around = np.empty((len(values), MEMORY + values.shape[1]))
    around[:, :MEMORY] = memory
    line = values.copy()
    line[:, 0] += memory[:, -1]
    np.cumsum(line, axis=1, out=around[:, MEMORY:])
    return around


class Counts:
    """See the module's text. ``memory``: signals by ``MEMORY``; ``stretch``: points by signals."""

    def __init__(self) -> None:
        self.memory, self.stretch = np.zeros((0, MEMORY)), np.zeros((POINTS, 0))

    def add(self) -> None:
        """Take a signal in."""
        self.memory = np.concatenate([self.memory, np.zeros((1, MEMORY))])
        self.stretch = np.concatenate([self.stretch, np.zeros((POINTS, 1))], axis=1)

    def take(self, counts: Floats, row: int, rows: int) -> None:
        """Take in the first rows of a judged block that begins behind this row; twice is as once."""
        self.memory = counts.take(memory_after(row % COARSEST, rows), axis=1)
        points, grid = points_in(row, rows)
        self.stretch[points] = counts[:, grid].T

    def begin_stretch(self) -> None:
        """What is counted so far is behind us."""
        self.stretch[0] = self.memory[:, -1]

    def dump(self) -> list[Floats]:
        """The state as arrays."""
        return [self.memory, self.stretch]

    def load(self, state: list[Any]) -> None:
        """Take the state back."""
        self.memory, self.stretch = state
