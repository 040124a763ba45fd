"""What the scan is given and what it answers: the columns of a signal, a judged block, a finding."""

from typing import NamedTuple

from app.domain.calibration import Floats

__all__ = ["Columns", "Finding", "Judged"]


class Columns(NamedTuple):
    """The columns of one new signal, from its reference. Arrays are one value a column, or levels by columns."""

    sums: Floats
    values: float
    scatter: Floats
    freedom: Floats
    base: Floats
    #: 1: only a rise counts, -1: only a fall, 0: both.
    side: int = 0


class Judged(NamedTuple):
    """A block of rows, judged but not yet taken in. ``peaks``: max G/h for each row and signal."""

    peaks: Floats
    sums: Floats
    counts: Floats
    sums_around: Floats
    counts_around: Floats
    #: Whether no value was missing since each signal's last alarm: counts then follow from the rows.
    full: bool


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
