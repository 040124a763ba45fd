"""Which stretch of the log a statistics record speaks of, and where in the log a row lies.

A window closes at the record at which it holds enough events and spans enough event time, or holds the most events: a
function of the log alone. Event times may go back and forth, so a window spans from its lowest to its highest.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.scan_plan import LEVELS
from schemas.offsets import Window
from schemas.statistics import Coverage

__all__ = ["OpenWindow", "Positions"]

Integers = NDArray[np.int64]


class OpenWindow:
    """The window that a panel is filling."""

    def __init__(self) -> None:
        self.events = self.start_ms = self.end_ms = self.first_offset = self.next_offset = 0
        #: Pairs that were settled for these events, where outcomes are waited for.
        self.asked = 0
        self.statuses: Counter[str] = Counter()
        self.versions: set[str] = set()
        self.last_version = ""

    @classmethod
    def after(cls, before: "OpenWindow") -> "OpenWindow":
        """One that begins behind another."""
        window = cls()
        window.start_ms = window.end_ms = before.end_ms
        window.first_offset = window.next_offset = before.next_offset
        return window

    def closes_at(self, times: Integers, config: DriftConfig) -> int | None:
        """The first of the next rows at which it closes."""
        if self.events + len(times) < config.window_events:
            return None
        low, high = np.minimum.accumulate(times), np.maximum.accumulate(times)
        if self.events:
            low, high = np.minimum(low, self.start_ms), np.maximum(high, self.end_ms)
        events = np.arange(self.events + 1, self.events + len(times) + 1)
        closed = (events >= config.window_events_most) | ((events >= config.window_events) & (high - low >= config.window_ms))
        return int(np.argmax(closed)) if closed.any() else None

    def take(self, times: Integers, offsets: Integers, statuses: Iterable[str], versions: Sequence[str]) -> None:
        """Take rows in, none beyond the closing one."""
        low, high = int(times.min()), int(times.max())
        if not self.events:
            self.start_ms, self.end_ms, self.first_offset = low, high, int(offsets[0])
        self.start_ms, self.end_ms = min(self.start_ms, low), max(self.end_ms, high)
        self.events += len(times)
        self.next_offset = int(offsets[-1]) + 1
        self.statuses.update(statuses)
        self.versions.update(versions)
        self.last_version = versions[-1]

    @property
    def span(self) -> Window:
        """Its event times and its number of records."""
        return Window(start=self.start_ms, end=self.end_ms, events=self.events)

    @property
    def coverage(self) -> Coverage:
        """How its records came out."""
        return Coverage(*(self.statuses[name] for name in ("paired", "partial", "legacy_only", "shadow_only")))

    def dump(self) -> dict[str, Any]:
        """The state as plain data."""
        return vars(self) | {"statuses": dict(self.statuses), "versions": sorted(self.versions)}

    @classmethod
    def load(cls, state: dict[str, Any]) -> "OpenWindow":
        """Take the state back."""
        window = cls()
        vars(window).update(state | {"statuses": Counter(state["statuses"]), "versions": set(state["versions"])})
        return window


class Positions:
    """Offset and event time of the rows at which a window of the scan may begin: on each grid the last 32 rows.

    The scan looks back 16 grid points and a part of one, so 32 are more than it can ask for.
    """

    _KEPT = 32

    def __init__(self) -> None:
        self.places = np.zeros((LEVELS - 4, self._KEPT, 2), dtype=np.int64)

    def take(self, row: int, offsets: Integers, times: Integers) -> None:
        """Take rows in, the first of which is the panel's row number ``row``."""
        for level in range(LEVELS - 4):
            grid = 1 << level
            first = -row % grid
            count = (len(offsets) - first + grid - 1) // grid
            if count <= 0:
                break
            first += max(0, count - self._KEPT) * grid
            at = (np.arange(row + first, row + len(offsets), grid) // grid) % self._KEPT
            self.places[level, at, 0] = offsets[first::grid]
            self.places[level, at, 1] = times[first::grid]

    def of(self, row: int, width: int) -> tuple[int, int]:
        """Offset and event time of the row at which a window of this width began."""
        level = max(0, width.bit_length() - 5)
        offset, time_ms = self.places[level, (row >> level) % self._KEPT].tolist()
        return offset, time_ms
