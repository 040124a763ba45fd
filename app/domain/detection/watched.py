"""One watched signal of a panel: its stage of life, its episode, and its baseline."""

import zlib
from collections.abc import Collection, Mapping
from math import comb
from typing import Any, NamedTuple

from app.domain.detection.episodes import Episode
from app.domain.detection.missing_warm_up import MissingWarmUp
from app.domain.detection.signals import Numbers, Shares, WarmUp
from schemas.statistics import Signal

__all__ = ["COSTLY", "SIDES", "Tail", "Watched", "is_ignored", "salt_of"]

#: Kinds of which only one direction hurts: more missing, more disagreement, fewer pairs, more and larger errors.
SIDES = {"missing": 1, "disagreement": 1, "match_rate": -1, "error": 1}
#: Numbers that hurt where they are larger, and also where most are smaller and only the largest have grown in number: what
#: makes most answers faster and some slow is no improvement for those who wait.
COSTLY = frozenset({"latency", "cost"})
#: The largest values: those above an end of the reference's classes that at least so much of it is above ...
_TAIL = 0.04
#: ... are more than before if chance alone makes them so many once in a million times: it is asked with each alarm of a fall.
_CHANCE = 1e-6


def salt_of(signal: Signal) -> int:
    """What makes the hashes of a signal its own."""
    return zlib.crc32(str(signal).encode())


def is_ignored(signal: Signal, features: Collection[str]) -> bool:
    """Whether a signal is of one of these features."""
    return signal.kind in {"feature", "missing"} and signal.name in features


class Watched:
    """A signal, first in warm-up, then with its numbers or its shares."""

    def __init__(self, signal: Signal, stage: WarmUp | Numbers | Shares) -> None:
        self.signal, self.stage = signal, stage
        self.salt = salt_of(signal)
        self.side = SIDES.get(signal.kind, 0)
        self.episode = Episode()
        #: The largest G/h since the window began.
        self.score = 0.0
        self.baseline: dict[str, Any] = {}
        #: Values that are to pass between two false alarms; known from the end of the warm-up on.
        self.granted = 0.0
        #: The panel's row from which on it could alarm.
        self.live_row = 0
        #: Of a feature that is ignored now and was not: it has no values any more, and nothing is said of it.
        self.retired = False

    def is_better(self, evidence: dict[str, Any]) -> bool:
        """Whether what was found does not hurt: numbers, of which more is worse, are lower, or lower on average.

        The scan asks numbers for both directions and for their shape, of a share that has a side for one direction alone.
        """
        if not isinstance(self.stage, Numbers) or (self.side <= 0 and self.signal.kind not in COSTLY):
            return False
        direction: str = evidence["direction"]
        if direction.startswith("location"):
            return direction.endswith("down") and "tail" not in evidence
        return bool((evidence["effect"].get("difference_sd") or 0.0) < 0) and "tail" not in evidence

    def dump(self) -> dict[str, Any]:
        """The state as plain data and arrays."""
        return {"kind": self.signal.kind, "name": self.signal.name, "stage": self.stage.dump(),
                "episode": self.episode.dump(), "score": self.score, "baseline": self.baseline,
                "granted": self.granted, "live_row": self.live_row, "retired": self.retired}  # fmt: skip

    @classmethod
    def load(cls, state: dict[str, Any]) -> "Watched":
        """Take the state back."""
        stage = state["stage"]
        warm_up = MissingWarmUp if state["kind"] == "missing" else WarmUp
        kind = Numbers if "numbers" in stage else Shares if "shares" in stage else warm_up
        watched = cls(Signal(state["kind"], state["name"]), kind.load(stage))
        watched.episode = Episode.load(state["episode"])
        watched.score, watched.baseline, watched.granted = state["score"], state["baseline"], state["granted"]
        watched.live_row = state["live_row"]
        return watched


class Tail(NamedTuple):
    """Of the latest ``values`` the share that is ``above`` an end of the reference's classes, and the reference's share."""

    values: int
    above: float
    share: float
    reference_share: float

    @classmethod
    def of(cls, latest: Mapping[str, Any]) -> "Tail | None":
        """The largest of what ``effect_sizes.number_effects`` speaks of; None where all are one class."""
        classes, values = latest.get("histogram"), latest["values"]
        if classes is None or not classes["ends"]:
            return None
        ends, now, before = classes["ends"], classes["shares"], classes["reference_shares"]
        first = next((at for at in range(len(ends), 0, -1) if sum(before[at:]) >= _TAIL), 1)
        return cls(values, ends[first - 1], sum(now[first:]), sum(before[first:]))

    def is_larger(self) -> bool:
        """Whether there are more of them than in the reference, be it by chance."""
        return self.share > self.reference_share

    def has_grown(self) -> bool:
        """Whether there are more of them than chance makes them."""
        count = round(self.share * self.values)
        return self.is_larger() and _at_least(count, self.values, self.reference_share) <= _CHANCE


def _at_least(count: int, values: int, share: float) -> float:
    """The chance of so many of independent ``values``, each with this chance."""
    return sum(comb(values, k) * share**k * (1 - share) ** (values - k) for k in range(count, values + 1))
