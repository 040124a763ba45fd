"""The three small drawings of the page as numbers; the templates turn them into SVG, with the same in words beside it.

Coordinates are in the units of the drawings' view boxes. Whatever comes in, what goes out is finite and inside the box.
"""

import math
from typing import NamedTuple, Protocol

from msgspec import UNSET

from app.read_model.documents import HistoryPoint
from app.read_model.views import Pairing, Signal

__all__ = ["Bar", "Part", "Spark", "outcomes", "points", "score_bar", "sparkline"]

#: A bar ends at one and a half times the threshold, whose mark stands at two thirds.
FULL = 1.5
BAR_WIDTH = 120
SPARK_WIDTH, SPARK_HEIGHT = 140, 28


class Line(Protocol):
    """Scores by window, and the threshold they are measured by."""

    @property
    def history(self) -> list[HistoryPoint]:
        """The windows, the oldest first."""

    @property
    def threshold(self) -> float:
        """From here it is drift."""


class Bar(NamedTuple):
    """A score beside its threshold."""

    width: float
    mark: float
    total: int


class Spark(NamedTuple):
    """Score by window: a line, the threshold's height, and the windows in which there was drift."""

    points: str
    threshold_y: float
    drifts: list[tuple[float, float]]
    length: int


class Part(NamedTuple):
    """One stretch of the bar of outcomes, in per cent of it."""

    name: str
    word: str
    requests: int
    x: float
    width: float


def score_bar(signal: Signal) -> Bar:
    """How far the score is on its way to the threshold, and beyond."""
    return Bar(round(_height(signal.score, signal.threshold) * BAR_WIDTH, 1), round(BAR_WIDTH / FULL, 1), BAR_WIDTH)


def sparkline(signal: Signal) -> Spark | None:
    """The last windows; None for fewer than two."""
    history = [] if signal.history is UNSET else signal.history
    if len(history) < 2:
        return None
    step = SPARK_WIDTH / (len(history) - 1)
    places = [(round(i * step, 1), _y(_height(point.score, signal.threshold))) for i, point in enumerate(history)]
    drifts = [place for place, point in zip(places, history, strict=True) if point.state == "drift"]
    return Spark(" ".join(f"{x},{y}" for x, y in places), _y(1 / FULL), drifts, len(history))


def points(line: Line) -> str:
    """The scores of a line as a polyline, for who has no script."""
    step = SPARK_WIDTH / max(len(line.history) - 1, 1)
    heights = [_y(_height(point.score, line.threshold)) for point in line.history]
    return " ".join(f"{round(i * step, 1)},{y}" for i, y in enumerate(heights))


def outcomes(pairing: Pairing) -> list[Part]:
    """How requests came out, as the stretches of one bar; those that never happened are left out."""
    counts = [(name, word, getattr(pairing, name)) for name, word in _OUTCOMES]
    total = sum(count for _, _, count in counts)
    parts, x = [], 0.0
    for name, word, count in counts:
        if count > 0:
            width = 100 * count / total
            parts.append(Part(name, word, count, round(x, 3), round(width, 3)))
            x += width
    return parts


_OUTCOMES = (
    ("paired", "paired"),
    ("partial", "partial"),
    ("legacy_only", "legacy only"),
    ("shadow_only", "shadow only"),
    ("solo", "solo"),
)


def _height(score: float, threshold: float) -> float:
    """Score in thresholds, from 0 to ``FULL``, as a share of ``FULL``."""
    if not (math.isfinite(score) and math.isfinite(threshold)) or threshold <= 0:
        return 1.0 if score > 0 else 0.0
    return min(max(score / threshold, 0.0), FULL) / FULL


def _y(height: float) -> float:
    return round(SPARK_HEIGHT - 3 - height * (SPARK_HEIGHT - 6), 1)
