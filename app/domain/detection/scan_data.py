"""What the scan is given, asks and answers: the columns of a signal, windows, a judged block, a finding."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.domain.detection.calibration import GATE, Floats
from app.domain.detection.scan_plan import MEMORY, Step

__all__ = ["Asked", "Columns", "Finding", "Judged"]


class Columns(NamedTuple):
    """The columns of one new signal, from its reference. Arrays are one value a column, or levels by columns."""

    sums: Floats
    values: float
    scatter: Floats
    freedom: Floats
    base: Floats
    #: 1: only a rise counts, -1: only a fall, 0: both.
    side: int = 0
    #: The chance that a level of white noise is taken for dependent.
    gate: float = GATE


class Judged(NamedTuple):
    """A block of rows, judged but not yet taken in. ``peaks``: max G/h for each signal and row.

    The others have one line for each column (``counts``, ``totals``: each signal), along the rows; ``sums`` and ``counts``
    begin with what is remembered from before the block.
    """

    peaks: Floats
    sums: Floats
    counts: Floats
    #: How many values there were up to each row, and their mean, the reference included.
    totals: Floats
    pooled: Floats

    @property
    def rows(self) -> int:
        """How many rows were judged."""
        return int(self.sums.shape[1]) - MEMORY


class Asked(NamedTuple):
    """Windows, with what is known of them by signal (``n`` and ``before`` values, which do not count), and by column."""

    step: Step
    n: Floats
    before: Floats
    bad: NDArray[np.bool_] | None
    scales: list[Floats]


class Finding(NamedTuple):
    """The window that spoke loudest at one row. ``score`` is G/h; means are in the column's unit."""

    score: float
    threshold: float
    column: int
    width: int
    window_mean: float
    before_mean: float
    window_count: float
    before_count: float
    deviation: float
    window_shares: list[float]
