"""What a history keeps of an interval of event time: one cell, merged from all records that fall in it. Pure.

Of a signal: how many events, the greatest score and threshold, the worst state, and of its main figure (a mean, or a share) as
much as is needed to merge two cells into what one record over both would have said: number of values, mean, sum of squared
deviations (Chan, Golub, LeVeque 1979); and the least and the greatest value that a single window had. Of a model's traffic:
counts.

An open cell is packed with full precision, since it is read back and goes on after a crash. A closed chunk is packed by
columns and compressed; scores, spreads, and how far least and greatest are from the mean have 24 bits there (seven digits).
"""

import math
from collections.abc import Sequence
from itertools import accumulate
from statistics import NormalDist
from struct import Struct
from typing import Any, NamedTuple

import numpy as np
from cramjam import DecompressionError, snappy
from numpy.typing import NDArray

from app.domain.decisions.amounts import is_number
from app.read_model.documents import COUNTS
from app.read_model.messages import Figures
from schemas.statistics import Detector, DetectorState

__all__ = [
    "STATES", "Cell", "SignalCell", "SignalCells", "TrafficCell", "TrafficCells", "interval", "signal_cell", "traffic_cell",
    "wilson",
]  # fmt: skip

#: From best to worst; a state is kept as its place here.
STATES: tuple[DetectorState, ...] = ("quiet", "warming", "warning", "drift")
NONE, MEAN, SHARE = range(3)
Column = NDArray[Any]
Z = NormalDist().inv_cdf(0.975)
#: The greatest number in 32 bits; a score stays there, of the rest what is larger is shown as nothing.
FLOAT32_MOST = 3.4e38
#: Of a figure: what is larger could not be squared and summed.
FIGURE_MOST = 1e150
COUNT_MOST = 2**32 - 1
#: Statistics of kinds that are neither a share nor a number have no main figure.
NO_FIGURE = (NONE, 0, 0.0, 0.0, 0.0, 0.0)


class SignalCell(NamedTuple):
    """``values``, ``mean`` and ``squares`` (the sum of squared deviations) are of the main figure, if ``figure`` is not NONE."""

    state: int
    events: int
    score: float
    threshold: float
    figure: int
    values: int
    mean: float
    squares: float
    least: float
    greatest: float


class TrafficCell(NamedTuple):
    """The counts of the pair role, all but ``misrouted``, which counts no events."""

    read: int
    paired: int
    partial: int
    legacy_only: int
    shadow_only: int
    solo: int
    late: int
    duplicate: int
    rejected: int


assert TrafficCell._fields == COUNTS[:9]  # noqa: S101  the order in which the counts of a minute are decoded
Cell = SignalCell | TrafficCell


def signal_cell(detector: Detector, events: int, figures: Figures) -> SignalCell:
    """One window as a cell."""
    return SignalCell(
        STATES.index(detector.state), max(0, min(events, COUNT_MOST)), detector.score, detector.threshold, *_figure(figures)
    )


def traffic_cell(counts: Sequence[int]) -> TrafficCell:
    """The counts of a minute, in the order of ``COUNTS``, as a cell."""
    return TrafficCell(*(max(0, min(count, COUNT_MOST)) for count in counts[: len(TrafficCell._fields)]))


def interval(cell: SignalCell) -> tuple[float, float] | None:
    """The 95 % interval of the main figure: of a mean for independent values, of a share Wilson's."""
    n = cell.values
    if cell.figure == SHARE:
        return wilson(cell.mean, n)
    if cell.figure == MEAN and n > 1:
        half = Z * math.sqrt(cell.squares / (n - 1) / n)
        return cell.mean - half, cell.mean + half
    return None


def wilson(share: float, n: float) -> tuple[float, float]:
    """The 95 % interval of a share of ``n`` independent values, as Wilson has it (1927)."""
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * math.sqrt(max(0.0, share * (1 - share)) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


class SignalCells:
    """Cells of signals: how two are merged, and how they are written down."""

    open = Struct("<BBIddBIdddd")
    _rows = np.dtype([("at", "<u1"), *zip(SignalCell._fields, ("<u1 <u4 <f8 <f8 <u1 <u4" + 4 * " <f8").split(), strict=True)])
    _columns = ("<u1", "<u1", "<u4", "<f4", "<f4", "<u1", "<u4", "<f8", "<f4", "<f4", "<f4")

    @staticmethod
    def merge(one: SignalCell, other: SignalCell) -> SignalCell:
        """Two cells of the same interval, in any order. Where they have figures of two sorts, that of more values stays."""
        state, events, score, threshold, figure, values, mean, squares, least, greatest = one
        if figure and figure == other.figure:
            n = min(values + other.values, COUNT_MOST)
            apart = other.mean - mean
            squares += other.squares + (apart * apart * values * other.values / n if figure == MEAN else 0.0)
            mean += apart * other.values / n
            values, least, greatest = n, min(least, other.least), max(greatest, other.greatest)
        elif (other.values, other.figure) > (values, figure):
            _, _, _, _, figure, values, mean, squares, least, greatest = other
        return SignalCell(
            max(state, other.state), min(events + other.events, COUNT_MOST), max(score, other.score),
            max(threshold, other.threshold), figure, values, mean, squares, least, greatest,
        )  # fmt: skip

    @classmethod
    def close(cls, packed: bytes | bytearray) -> bytes:
        """Open cells as a chunk is kept."""
        rows = np.frombuffer(packed, cls._rows)
        columns = [rows["at"], *(rows[name] for name in SignalCell._fields)]
        columns[-2:] = rows["mean"] - rows["least"], rows["greatest"] - rows["mean"]
        return _by_columns(columns, cls._columns)

    @classmethod
    def opened(cls, chunk: bytes) -> list[tuple[int, SignalCell]]:
        """What ``close`` wrote, by the cells' places."""
        *columns, below, above = _columns_of(chunk, cls._columns)
        columns[3:5] = (np.clip(column, -FLOAT32_MOST, FLOAT32_MOST) for column in columns[3:5])
        mean = columns[-2]
        rows = zip(*(column.tolist() for column in (*columns, mean - below, mean + above)), strict=True)
        return [(row[0], SignalCell(*row[1:])) for row in rows]

    @classmethod
    def unpack(cls, packed: bytes | bytearray, start: int) -> tuple[int, SignalCell]:
        """One open cell and its place."""
        row = cls.open.unpack_from(packed, start)
        return row[0], SignalCell._make(row[1:])


class TrafficCells:
    """Cells of a model's traffic, in the same shape."""

    open = Struct("<B9I")
    _rows = np.dtype([("at", "<u1"), *((name, "<u4") for name in TrafficCell._fields)])
    _columns = ("<u1", *("<u4" for _ in TrafficCell._fields))

    @staticmethod
    def merge(one: TrafficCell, other: TrafficCell) -> TrafficCell:
        """Added up."""
        return TrafficCell(*(min(a + b, COUNT_MOST) for a, b in zip(one, other, strict=True)))

    @classmethod
    def close(cls, packed: bytes | bytearray) -> bytes:
        """Open cells as a chunk is kept."""
        rows = np.frombuffer(packed, cls._rows)
        return _by_columns([rows["at"], *(rows[name] for name in TrafficCell._fields)], cls._columns)

    @classmethod
    def opened(cls, chunk: bytes) -> list[tuple[int, TrafficCell]]:
        """What ``close`` wrote, by the cells' places."""
        rows = zip(*(column.tolist() for column in _columns_of(chunk, cls._columns)), strict=True)
        return [(row[0], TrafficCell(*row[1:])) for row in rows]

    @classmethod
    def unpack(cls, packed: bytes | bytearray, start: int) -> tuple[int, TrafficCell]:
        """One open cell and its place."""
        row = cls.open.unpack_from(packed, start)
        return row[0], TrafficCell._make(row[1:])


def _figure(figures: Figures) -> tuple[int, int, float, float, float, float]:
    """Sort, values, mean, squares, least and greatest of a window; what is no figure is none."""
    values = _number(figures.values)
    if values is None or not 1 <= values <= COUNT_MOST:
        return NO_FIGURE
    if (mean := _number(figures.mean)) is not None:
        sd = _number(figures.sd) or 0.0
        return MEAN, int(values), mean, sd * sd * int(values), mean, mean
    if (share := _number(figures.share)) is not None and 0 <= share <= 1:
        return SHARE, int(values), share, 0.0, share, share
    return NO_FIGURE


def _number(value: object) -> float | None:
    """A figure that can be reckoned with, whatever was sent."""
    return float(value) if is_number(value) and -FIGURE_MOST < value < FIGURE_MOST else None


def _by_columns(columns: Sequence[Column], kinds: Sequence[str]) -> bytes:
    """The same numbers lie side by side and are packed best. Snappy: an eighth of zlib's time for 5 % more bytes."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bytes(
            snappy.compress_raw(b"".join(column.astype(kind).tobytes() for column, kind in zip(columns, kinds, strict=True)))
        )


def _columns_of(chunk: bytes, kinds: Sequence[str]) -> list[Column]:
    """What ``_by_columns`` packed; a ``ValueError`` where that is not what it is."""
    try:
        packed = bytes(snappy.decompress_raw(chunk))
    except DecompressionError as fault:
        raise ValueError(str(fault)) from fault
    sizes = [np.dtype(kind).itemsize for kind in kinds]
    n, rest = divmod(len(packed), sum(sizes))
    if rest:
        message = f"{len(packed)} bytes are no cells of {sum(sizes)}"
        raise ValueError(message)
    ends = [n * end for end in accumulate(sizes)]
    return [np.frombuffer(packed[end - n * size : end], kind) for end, size, kind in zip(ends, sizes, kinds, strict=True)]
