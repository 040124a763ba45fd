"""One watched signal of a panel: its stage of life, its episode, and its baseline."""

import zlib
from typing import Any

from app.domain.detection.episodes import Episode
from app.domain.detection.signals import Numbers, Shares, WarmUp
from schemas.statistics import Signal

__all__ = ["SIDES", "Watched"]

#: Kinds of which only one direction hurts: more missing, more disagreement, fewer pairs.
SIDES = {"missing": 1, "disagreement": 1, "match_rate": -1}


class Watched:
    """A signal, first in warm-up, then with its numbers or its shares. ``salt`` makes its hashes its own."""

    def __init__(self, signal: Signal, stage: WarmUp | Numbers | Shares) -> None:
        self.signal, self.stage = signal, stage
        self.salt = zlib.crc32(str(signal).encode())
        self.side = SIDES.get(signal.kind, 0)
        self.episode = Episode()
        #: The largest G/h since the window began.
        self.score = 0.0
        self.baseline: dict[str, Any] = {}
        #: Values that are to pass between two false alarms; known from the end of the warm-up on.
        self.granted = 0.0

    def dump(self) -> dict[str, Any]:
        """The state as plain data and arrays."""
        return {"kind": self.signal.kind, "name": self.signal.name, "stage": self.stage.dump(),
                "episode": self.episode.dump(), "score": self.score, "baseline": self.baseline,
                "granted": self.granted}  # fmt: skip

    @classmethod
    def load(cls, state: dict[str, Any]) -> "Watched":
        """Take the state back."""
        stage = state["stage"]
        kind = Numbers if "numbers" in stage else Shares if "shares" in stage else WarmUp
        watched = cls(Signal(state["kind"], state["name"]), kind.load(stage))
        watched.episode = Episode.load(state["episode"])
        watched.score, watched.baseline, watched.granted = state["score"], state["baseline"], state["granted"]
        return watched
