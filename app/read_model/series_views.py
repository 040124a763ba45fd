"""Histories as the REST API gives them: the types, and how cells become columns. Pure.

Times are integer milliseconds of event time. The lists of ``points`` are of one length and belong together; a number that
does not exist is null.
"""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from app.read_model.cells import STATES, Cell, SignalCell, TrafficCell, interval
from app.read_model.views import Stale
from schemas.statistics import DetectorState, Role

__all__ = [
    "Mark", "MarkKind", "SeriesPoints", "SignalSeries", "TrafficPoints", "TrafficSeries", "points_of_signal", "points_of_traffic",
]  # fmt: skip

MarkKind = Literal[
    "alert", "resolved", "trigger", "training_started", "training_succeeded", "training_failed", "deployment", "baseline"
]


class SeriesPoints(Struct, frozen=True, kw_only=True):
    """One entry a cell. ``start``: where the cell begins; a window counts where it ends.

    ``events`` are summed, ``score`` and ``threshold`` the greatest, ``state`` the worst. ``value`` is the signal's main figure
    over all values of the cell, a mean or a share, with its 95 % interval ``low`` to ``high`` (for independent values; of a
    share, Wilson's); ``least`` and ``greatest`` are those of single windows.
    """

    start: list[int]
    events: list[int]
    score: list[float]
    threshold: list[float]
    state: list[DetectorState]
    value: list[float | None]
    low: list[float | None]
    high: list[float | None]
    least: list[float | None]
    greatest: list[float | None]


class TrafficPoints(Struct, frozen=True, kw_only=True):
    """One entry a cell: the counts of the minutes in it."""

    start: list[int]
    read: list[int]
    paired: list[int]
    partial: list[int]
    legacy_only: list[int]
    shadow_only: list[int]
    solo: list[int]
    late: list[int]
    duplicate: list[int]
    rejected: list[int]


class Mark(Struct, frozen=True):
    """A moment that explains what the line does; ``link`` is a page of this service, null where there is none."""

    at: int
    kind: MarkKind
    label: str
    link: str | None


class SignalSeries(Struct, frozen=True, kw_only=True):
    """The history of one signal. ``next`` is the ``from`` of what was left out, null where nothing was.

    ``marks`` are the newest moments between ``from`` and ``to``, the newest first; ``marks_left_out`` counts those before them.
    """

    as_of: int | None
    stale: Stale | None
    model: str
    version: str
    role: Role | None
    signal: str
    segment: dict[str, str] | None
    resolution_ms: int
    points: SeriesPoints
    marks: list[Mark]
    marks_left_out: int
    next: int | None


class TrafficSeries(Struct, frozen=True, kw_only=True):
    """The history of a model's requests and events."""

    as_of: int | None
    stale: Stale | None
    model: str
    resolution_ms: int
    points: TrafficPoints
    next: int | None


def points_of_signal(found: Sequence[tuple[int, Cell]]) -> SeriesPoints:
    """As columns."""
    cells = [(at, cell) for at, cell in found if isinstance(cell, SignalCell)]
    has = [cell.figure > 0 for _, cell in cells]
    limits = [interval(cell) for _, cell in cells]
    return SeriesPoints(
        start=[at for at, _ in cells],
        events=[cell.events for _, cell in cells],
        score=[cell.score for _, cell in cells],
        threshold=[cell.threshold for _, cell in cells],
        state=[STATES[cell.state] for _, cell in cells],
        value=[cell.mean if known else None for known, (_, cell) in zip(has, cells, strict=True)],
        low=[None if limit is None else limit[0] for limit in limits],
        high=[None if limit is None else limit[1] for limit in limits],
        least=[cell.least if known else None for known, (_, cell) in zip(has, cells, strict=True)],
        greatest=[cell.greatest if known else None for known, (_, cell) in zip(has, cells, strict=True)],
    )


def points_of_traffic(cells: Sequence[tuple[int, Cell]]) -> TrafficPoints:
    """As columns."""
    columns = {name: [getattr(cell, name) for _, cell in cells] for name in TrafficCell._fields}
    return TrafficPoints(start=[at for at, _ in cells], **columns)
