"""How one signal's state moves: warming, quiet, warning, drift, and quiet again.

    warming --reference frozen--> quiet --G > 3/4 h--> warning --alarm, effect large enough--> drift
                                    ^----- no G > 1/2 h for ``hold`` rows -----/------------------/

An alarm is G > h. It makes ``drift``, or ``warning`` where its effect is below the least effect: with a baseline that grows
everything is significant one day. ``hold`` is the width of the loudest window, at least 1,000 rows. A change that stays
alarms again and again, which keeps the episode open; its ``since`` and its change point stay those of its first alarm.

``first_event`` finds the first row of a block at which any of this happens, since nothing may be taken in beyond it.
"""

from typing import Any

import numpy as np

from app.domain.detection.calibration import Floats
from app.domain.detection.gains import CALM
from schemas.statistics import DetectorState

__all__ = ["ALARM", "OPEN", "WARNING", "Episode"]

ALARM, WARNING = 1.0, 0.75
_LEAST_HOLD = 1_000
#: States in which something was noticed and is not over.
OPEN: frozenset[DetectorState] = frozenset({"warning", "drift"})


class Episode:
    """One signal's state, and the evidence for it."""

    def __init__(self) -> None:
        self.state: DetectorState = "warming"
        #: Event time at which the state began.
        self.since_ms = 0
        #: The number of rows up to the last one that was not calm, and for how many rows it must stay calm.
        self.restless_row = self.hold = 0
        self.evidence: dict[str, Any] = {}
        self.alarms = 0

    def enter(self, state: DetectorState, since_ms: int) -> None:
        """Change the state."""
        self.state, self.since_ms = state, since_ms
        if state == "quiet":
            self.evidence = {}

    @property
    def is_open(self) -> bool:
        """Whether something was noticed and is not over."""
        return self.state in OPEN

    def first_event(self, peaks: Floats, row: int) -> int | None:
        """The first of these rows (the panel having ``row`` before them) that alarms or changes the state."""
        loud = np.flatnonzero(peaks > (ALARM if self.is_open else WARNING))
        first = int(loud[0]) if len(loud) else None
        if not self.is_open:
            return first
        restless = np.flatnonzero(peaks > CALM)
        ends = self.hold + np.concatenate([[self.restless_row - row], restless + 1]) - 1
        over = ends[(ends >= 0) & (ends < np.append(restless, len(peaks)))]
        return int(over[0]) if len(over) and (first is None or over[0] < first) else first

    def take(self, peaks: Floats, row: int) -> None:
        """Take rows in, none of them an event but perhaps the last."""
        restless = np.flatnonzero(peaks > CALM)
        if len(restless):
            self.restless_row = row + int(restless[-1]) + 1

    def is_over(self, row: int) -> bool:
        """Whether it was calm for long enough."""
        return self.is_open and row - self.restless_row >= self.hold

    def hold_for(self, width: int) -> None:
        """Stay open until it was calm for as long as the window that spoke."""
        self.hold = max(width, _LEAST_HOLD)

    def dump(self) -> dict[str, Any]:
        """The state as plain data."""
        return {"state": self.state, "since": self.since_ms, "restless": self.restless_row, "hold": self.hold,
                "evidence": self.evidence, "alarms": self.alarms}  # fmt: skip

    @classmethod
    def load(cls, state: dict[str, Any]) -> "Episode":
        """Take the state back."""
        episode = cls()
        episode.state, episode.since_ms, episode.evidence = state["state"], state["since"], state["evidence"]
        episode.restless_row, episode.hold, episode.alarms = state["restless"], state["hold"], state["alarms"]
        return episode
