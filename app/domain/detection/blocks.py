"""Rows of pairs as they come to a panel, and the same rows as the kernels want them: scores, indicators, presence.

The matrix is rectangular: one row a record, whatever is missing in it. A missing value has score 0 and presence 0, and its
signal's ``missing`` indicator is 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.domain.detection.calibration import Floats
from app.domain.detection.reference import hashed
from app.domain.detection.season import Calendar
from app.domain.detection.share_season import ShareSeason
from app.domain.detection.signals import Numbers, Shares, Value, WarmUp, as_numbers
from app.domain.detection.watched import Watched
from schemas.statistics import Signal

__all__ = ["Block", "Rows", "encode"]


@dataclass(slots=True)
class Rows:
    """Records that belong to one panel, in the log's order; ``columns`` has a value, or null, for each of them."""

    offsets: NDArray[np.int64]
    times: NDArray[np.int64]
    digests: NDArray[np.uint32]
    statuses: Sequence[str]
    versions: Sequence[str]
    columns: dict[Signal, Sequence[Value]] = field(default_factory=dict)
    #: Where outcomes are waited for: the pairs that were settled up to each of these, those without an outcome included.
    asked: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.offsets)

    def some(self, which: list[int]) -> "Rows":
        """Some of these rows, in their order, without columns."""
        if len(which) == len(self):
            return Rows(self.offsets, self.times, self.digests, self.statuses, self.versions)
        at = np.array(which, dtype=np.intp)
        statuses, versions = ([values[i] for i in which] for values in (self.statuses, self.versions))
        return Rows(self.offsets[at], self.times[at], self.digests[at], statuses, versions)


class Block(NamedTuple):
    """Rows as the kernels want them: a line for each column, by slot, along the records."""

    location: Floats
    shapes: Floats
    numbers_present: Floats
    raw: Floats
    classes: NDArray[np.intp]
    shares: Floats
    shares_present: Floats
    #: What is left of the columns of shares that have a season.
    seasonal: Floats
    seasonal_present: Floats

    def part(self, begin: int, end: int) -> "Block":
        """Some of its records."""
        here = slice(None), slice(begin, end)
        return Block(self.location[here], self.shapes[here], self.numbers_present[here], self.raw[here], self.classes[here],
                     self.shares[here], self.shares_present[here], self.seasonal[here], self.seasonal_present[here])  # fmt: skip


def encode(watched: Sequence[Watched], rows: Rows, at: int, end: int, sizes: tuple[int, int, int, int]) -> Block:
    """The rows ``at`` to ``end`` for all signals that are past their warm-up.

    ``sizes``: numbers, shares, columns of shares, and those of them that have a season.
    """
    n, (numbers, shares, columns, seasonal) = end - at, sizes
    block = Block(
        location=np.zeros((numbers, n)),
        shapes=np.zeros((3 * numbers, n)),
        numbers_present=np.ones((numbers, n)),
        raw=np.empty((numbers, n)),
        classes=np.zeros((numbers, n), dtype=np.intp),
        shares=np.zeros((columns, n)),
        shares_present=np.ones((shares, n)),
        seasonal=np.zeros((seasonal, n)),
        seasonal_present=np.ones((seasonal, n)),
    )
    empty: Sequence[Value] = [None] * n
    presence: dict[str, NDArray[np.bool_]] = {}
    calendar = Calendar(rows.times[at:end])
    for one in watched:
        stage, signal = one.stage, one.signal
        if signal.kind == "missing":
            if isinstance(stage, Shares):
                if one.retired:
                    block.shares_present[stage.slot] = 0.0
                else:
                    block.shares[stage.first] = ~presence[signal.name]
            continue
        column = rows.columns.get(signal)
        values = empty if column is None else column[at:end]
        present = _encode_one(one, stage, values, rows.digests[at:end], calendar, block)
        if signal.kind == "feature":
            presence[signal.name] = present
    return block


def _encode_one(
    one: Watched,
    stage: WarmUp | Numbers | Shares,
    values: Sequence[Value],
    digests: NDArray[np.uint32],
    calendar: Calendar,
    block: Block,
) -> NDArray[np.bool_]:
    if isinstance(stage, WarmUp):
        return np.array([value is not None for value in values], dtype=bool)
    if isinstance(stage, Shares):
        codes = stage.codes(values)
        stage.lines(codes, block.shares)
        present = codes >= 0
        if not present.all():
            block.shares_present[stage.slot] = present
        if stage.season is not None:
            _take_season_out(stage, stage.season, present, calendar, block)
        return present
    return _encode_numbers(stage, as_numbers(values), hashed(digests, one.salt), calendar, block)


def _take_season_out(stage: Shares, season: ShareSeason, present: NDArray[np.bool_], calendar: Calendar, block: Block) -> None:
    columns, left = (slice(first, first + len(stage.labels)) for first in (stage.first, stage.seasonal))
    block.seasonal[left] = season.lines(block.shares[columns], calendar.lines) * present
    block.seasonal_present[left] = present


def _encode_numbers(stage: Numbers, values: Floats, at: Floats, calendar: Calendar, block: Block) -> NDArray[np.bool_]:
    slot, shapes = stage.slot, slice(3 * stage.slot, 3 * stage.slot + 3)
    block.raw[slot] = values
    missing = np.isnan(values)
    if not missing.any():
        location, others = block.location[slot], block.shapes[shapes]
        block.classes[slot] = stage.reference.take(values, at, lambda: calendar.lines, location, others)
        return ~missing
    here = np.flatnonzero(~missing)
    block.numbers_present[slot, missing] = 0.0
    if len(here):
        location, others = np.empty(len(here)), np.empty((3, len(here)))
        block.classes[slot, here] = stage.reference.take(
            values[here], at[here], lambda: calendar.lines[:, here], location, others
        )
        block.location[slot, here], block.shapes[shapes, here] = location, others
    return ~missing
