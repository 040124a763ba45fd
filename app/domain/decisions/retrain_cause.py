"""What is known of the change behind an alert, as a cause to retrain, and how it was judged.

A cause grows with each statement of its signal. It knows nothing of the model's other causes: those are ``Cooldown``'s.

Delivery guarantees: plain data that is saved whole; a statement that is read twice adds nothing.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from app.domain.decisions.alert_kinds import segment_label, short
from app.domain.decisions.retrain_policy import RetrainPolicy
from schemas.offsets import OffsetRange
from schemas.statistics import DriftStatistics, SignalKind

if TYPE_CHECKING:
    from app.domain.decisions.retrain_memory import Cooldown

__all__ = ["HELD_BACK", "SETTLED", "Cause", "Part", "RetrainReason", "about", "change_of", "stretch_of"]

#: What may lie before the alarm in a window that has drifted: one in so many of its events.
_SURE = 20
#: Kinds whose reference is the version's own: another version's drift is another drift.
_OWN: frozenset[SignalKind] = frozenset({"prediction", "error"})


class RetrainReason(StrEnum):
    """How a cause was judged; the numbers are those of the text of ``retraining``."""

    DISABLED = "disabled"  # 1
    NOT_LISTED = "not_listed"  # 1
    NO_WINDOW = "no_window"  # 2
    SAME_CHANGE = "same_change"  # 3
    SAME_SIGNAL = "same_signal"  # 4
    VETOED = "vetoed"  # 5
    COOLDOWN = "cooldown"  # 6
    IN_PROGRESS = "in_progress"  # 7
    QUORUM = "quorum"  # 8
    TOO_FEW_EVENTS = "too_few_events"  # 9
    TOO_FEW_LABELS = "too_few_labels"  # 10
    DAILY_MAXIMUM = "daily_maximum"  # 11
    QUIET_HOURS = "quiet_hours"  # 12
    TRIGGERED = "triggered"  # 13


SETTLED = frozenset({RetrainReason.TRIGGERED, RetrainReason.SAME_CHANGE})
HELD_BACK = frozenset(RetrainReason) - {RetrainReason.DISABLED, RetrainReason.NOT_LISTED, RetrainReason.TRIGGERED}


class Part(NamedTuple):
    """What is trained on: from this offset and event time on, so many events."""

    start: int
    since: int
    events: int


class Cause(Struct, gc=False, omit_defaults=True):
    """What is known of the change behind an alert: its stretch of ``pairs``, when it began, and the events since.

    ``end`` of 0: there is no stretch. ``window`` and ``counted`` are the first offset of the statistics' window and its
    events that are in ``events`` already: an open window is told more than once. ``judged`` is how it was judged last,
    ``held`` one more than the number of triggers before it was held back (0: it never was), ``attempts`` how many triggers for it
    came to nothing. ``alarm``, ``alarm_at`` and ``before``: the end of the first statement, and the events up to it. ``breaks``:
    it says that the data are broken. ``about``: which signal has moved which way (see ``about``). ``settled_by``: the trigger
    that speaks for it; empty: none does, or a training has seen it.
    """

    since: int
    events: int
    partition: int = 0
    start: int = 0
    end: int = 0
    window: int = 0
    counted: int = 0
    judged: RetrainReason | None = None
    held: int = 0
    attempts: int = 0
    alarm: int = 0
    alarm_at: int = 0
    before: int = 0
    breaks: bool = False
    about: str = ""
    settled_by: str = ""

    @classmethod
    def whole(cls, statistics: DriftStatistics, pairs: str) -> "Cause":
        """All of a statement, as the beginning of what is trained on without a drift."""
        window, stretch = statistics.window, stretch_of(statistics, pairs)
        if stretch is None:
            return cls(window.start, window.events)
        return cls(window.start, window.events, stretch.partition, stretch.start, stretch.end, stretch.start, window.events)

    @classmethod
    def of(cls, statistics: DriftStatistics, pairs: str) -> "Cause":
        """The change as the first statement tells it; ``pairs`` is the topic's full name."""
        window, change = statistics.window, change_of(statistics)
        since, events = change.get("timestamp", window.start), change.get("events", window.events)
        stretch = stretch_of(statistics, pairs)
        breaks = statistics.signal.kind != "schema" or any(statistics.statistics.get(name) for name in ("retyped", "vanished"))
        if stretch is None:
            return cls(since, events, breaks=breaks, about=about(statistics))
        start = min(change.get("offset", stretch.start), stretch.end)
        return cls(
            since, events, stretch.partition, start, stretch.end, stretch.start, window.events,
            alarm=stretch.end, alarm_at=window.end, before=events, breaks=breaks, about=about(statistics),
        )  # fmt: skip

    def follow(self, statistics: DriftStatistics, pairs: str) -> None:
        """Go on to the end of a later statement of the same signal, whatever it says."""
        stretch, told = stretch_of(statistics, pairs), statistics.window.events
        if stretch is None or stretch.partition != self.partition or stretch.end <= self.end:
            return
        self.events += told - self.counted if stretch.start == self.window else told
        self.end, self.window, self.counted = stretch.end, stretch.start, told

    def part(self, policy: RetrainPolicy) -> Part:
        """What is trained on."""
        if policy.window == "change" or self.before * _SURE <= self.events:
            return Part(self.start, self.since, self.events)
        return Part(self.alarm, self.alarm_at, self.events - self.before)

    def note(self, reason: RetrainReason, cooldown: "Cooldown") -> RetrainReason:
        """Remember how it was judged; what is held back for the first time is counted."""
        self.judged = reason
        if reason in HELD_BACK and not self.held:
            self.held = cooldown.triggers + 1
            cooldown.held_back += 1
        return reason

    def others_held_back(self, cooldown: "Cooldown") -> int:
        """The causes held back since the last trigger, this one apart."""
        return cooldown.held_back - (self.held == cooldown.triggers + 1)


def about(statistics: DriftStatistics) -> str:
    """Which signal of which segment has moved which way: what one trigger speaks for.

    Inputs are the same whichever version serves; a version's answers and errors are its own.
    """
    signal, direction = statistics.signal, statistics.statistics.get("direction")
    version = statistics.version if signal.kind in _OWN else ""
    way = direction if isinstance(direction, str) else ""
    return short("|".join((str(signal), segment_label(statistics.segment), version, way)))


def change_of(statistics: DriftStatistics) -> dict[str, int]:
    """``offset``, ``timestamp`` and ``events`` of the estimated change, as far as the statistics have them."""
    change = statistics.statistics.get("change")
    if not isinstance(change, dict):
        return {}
    return {name: value for name, value in change.items() if type(value) is int and value >= 0}


def stretch_of(statistics: DriftStatistics, pairs: str) -> OffsetRange | None:
    """The stretch of ``pairs`` that statistics speak of; ``pairs`` is the topic's full name."""
    return next((offsets for offsets in statistics.offsets if offsets.topic == pairs and offsets.end > offsets.start), None)
