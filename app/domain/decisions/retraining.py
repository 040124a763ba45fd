"""When a drift of the served model becomes a retrain trigger, and what the trigger says.

A *cause* is one firing alert of the served model whose kind retraining can mend. It is judged when the alert fires and again
with each later statement that the condition still holds, until it is settled:

1. ``DISABLED``, ``NOT_LISTED``: the owner does not want one (judged again: he may change his mind while it fires).
2. ``NO_WINDOW``: the statistics name no stretch of ``pairs``, so there is nothing to train on.
3. Within the cooldown after a trigger: ``SAME_CHANGE``, settled, where the estimated change lies before the moment at which
   that trigger was decided: its window holds this change already, one trigger for one cause. Else ``COOLDOWN``: a change of
   its own, which gets its trigger if it still holds when the cooldown is over.
4. ``TOO_FEW_EVENTS`` since the change: it waits until there are ``minimum_events``.
5. Otherwise ``TRIGGERED``, settled.

2 to 4 are *held back*. A cause counts once, however often it is judged; the next trigger tells the number of the others in
``suppressed_since_last``. A shadow's drift is no cause: its alert is all there is.

The window is the stretch of ``pairs`` from the change as the detector estimated it first (each later alarm of one episode
estimates a change inside the new regime) to the statement that decided. All of it is known from the statistics alone, so
the decision never waits for the log; only the count and the digest of the window's records are asked for, and they
decide nothing.

Delivery guarantees: ``judge`` is a pure function. ``trigger_id`` is a digest of (model, reason code, fingerprint, startsAt),
so a replay decides the same trigger under the same id.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from app.domain.ranges import Range, outside
from schemas.offsets import OffsetRange
from schemas.statistics import DriftStatistics, SignalKind
from schemas.trigger import ReasonCode

__all__ = ["CODES", "HELD_BACK", "SETTLED", "Cause", "Cooldown", "RetrainPolicy", "RetrainReason", "judge", "trigger_id"]

#: What retraining can mend, and by which name pipelines know it. Latency, cost and the paired signals are none of it.
CODES: Mapping[SignalKind, ReasonCode] = {
    "feature": "data_drift",
    "missing": "data_quality",
    "schema": "data_quality",
    "prediction": "prediction_drift",
    "error": "performance_drop",
    "kpi": "performance_drop",
}
_DAY_S = 86_400


class RetrainReason(StrEnum):
    """Why there is a trigger, or none; the numbers are those of the module's text."""

    DISABLED = "disabled"  # 1
    NOT_LISTED = "not_listed"  # 1
    NO_WINDOW = "no_window"  # 2
    SAME_CHANGE = "same_change"  # 3
    COOLDOWN = "cooldown"  # 3
    TOO_FEW_EVENTS = "too_few_events"  # 4
    TRIGGERED = "triggered"  # 5


HELD_BACK = frozenset({RetrainReason.NO_WINDOW, RetrainReason.SAME_CHANGE, RetrainReason.COOLDOWN, RetrainReason.TOO_FEW_EVENTS})
SETTLED = frozenset({RetrainReason.TRIGGERED, RetrainReason.SAME_CHANGE})


@dataclass(frozen=True)
class RetrainPolicy:
    """The table ``[models.NAME.retrain]``.

    >>> RetrainPolicy(kinds=("latency",))
    Traceback (most recent call last):
    ValueError: retrain.kinds has 'latency': allowed are error, feature, kpi, missing, prediction, schema
    """

    RANGES: ClassVar[Mapping[str, Range]] = {
        "cooldown_s": Range(0, 365 * _DAY_S, "seconds"),
        "minimum_events": Range(0, 1_000_000_000, "events"),
    }

    #: Whether there are triggers at all.
    enabled: bool = True
    #: From one trigger of a model to its next, in event time: longer than a training and the look at its result.
    cooldown_s: int = 6 * 3_600
    #: Fewer events than this since the change are nothing to train on.
    minimum_events: int = 500
    #: Signal kinds whose alerts may trigger.
    kinds: Annotated[tuple[SignalKind, ...], Meta(extra={"allowed": f"a list, each one of {', '.join(CODES)}"})] = tuple(CODES)

    def __post_init__(self) -> None:
        """Refuse what cannot work, all faults at once."""
        faults = list(outside("retrain", self, self.RANGES))
        if unknown := [kind for kind in self.kinds if kind not in CODES]:
            faults.append(f"retrain.kinds has {', '.join(map(repr, unknown))}: allowed are {', '.join(sorted(CODES))}")
        if faults:
            raise ValueError("; ".join(faults))


class Cooldown(Struct, gc=False, omit_defaults=True):
    """What a model's triggers leave behind.

    ``last``: when the last was decided (0: never). ``triggers``: how many there were. ``held_back``: causes since then.
    """

    last: int = 0
    triggers: int = 0
    held_back: int = 0

    def until(self, policy: RetrainPolicy) -> int:
        """The event time from which the next trigger may come."""
        return self.last + policy.cooldown_s * 1000 if self.last else 0

    def begin(self, at: int) -> None:
        """A trigger was decided."""
        self.last, self.triggers, self.held_back = at, self.triggers + 1, 0


class Cause(Struct, gc=False, omit_defaults=True):
    """What is known of the change behind an alert: its stretch of ``pairs``, when it began, and the events since.

    ``end`` of 0: there is no stretch. ``window`` and ``counted`` are the first offset of the statistics' window and its
    events that are in ``events`` already: an open window is told more than once. ``judged`` is how it was judged last,
    ``held`` one more than the number of triggers before it was held back (0: it never was).
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

    @classmethod
    def of(cls, statistics: DriftStatistics, pairs: str) -> "Cause":
        """The change as the first statement tells it; ``pairs`` is the topic's full name."""
        window, change = statistics.window, _change(statistics)
        since, events = change.get("timestamp", window.start), change.get("events", window.events)
        stretch = _stretch(statistics, pairs)
        if stretch is None:
            return cls(since, events)
        start = min(change.get("offset", stretch.start), stretch.end)
        return cls(since, events, stretch.partition, start, stretch.end, stretch.start, window.events)

    def follow(self, statistics: DriftStatistics, pairs: str) -> None:
        """Go on to the end of a later statement of the same signal, whatever it says."""
        stretch, told = _stretch(statistics, pairs), statistics.window.events
        if stretch is None or stretch.partition != self.partition or stretch.end <= self.end:
            return
        self.events += told - self.counted if stretch.start == self.window else told
        self.end, self.window, self.counted = stretch.end, stretch.start, told

    def judge(self, kind: SignalKind, cooldown: Cooldown, policy: RetrainPolicy, at: int) -> RetrainReason:
        """Judge again; what is held back for the first time is counted."""
        self.judged = judge(self, kind, cooldown, policy, at)
        if self.judged in HELD_BACK and not self.held:
            self.held = cooldown.triggers + 1
            cooldown.held_back += 1
        return self.judged

    def others_held_back(self, cooldown: Cooldown) -> int:
        """The causes held back since the last trigger, this one apart."""
        return cooldown.held_back - (self.held == cooldown.triggers + 1)


def judge(cause: Cause, kind: SignalKind, cooldown: Cooldown, policy: RetrainPolicy, at: int) -> RetrainReason:
    """Whether ``cause`` becomes a trigger at ``at`` (event time, milliseconds), and why not."""
    if not policy.enabled:
        return RetrainReason.DISABLED
    if kind not in policy.kinds:
        return RetrainReason.NOT_LISTED
    if not cause.end:
        return RetrainReason.NO_WINDOW
    if at < cooldown.until(policy):
        return RetrainReason.SAME_CHANGE if cause.since <= cooldown.last else RetrainReason.COOLDOWN
    if cause.events < policy.minimum_events:
        return RetrainReason.TOO_FEW_EVENTS
    return RetrainReason.TRIGGERED


def trigger_id(model: str, code: ReasonCode, fingerprint: str, starts: int) -> str:
    """The id of the trigger for one cause."""
    return "rt-" + hashlib.sha256(f"{model}\n{code}\n{fingerprint}\n{starts}".encode()).hexdigest()[:16]


def _change(statistics: DriftStatistics) -> dict[str, int]:
    """``offset``, ``timestamp`` and ``events`` of the estimated change, as far as the statistics have them."""
    change = statistics.statistics.get("change")
    if not isinstance(change, dict):
        return {}
    return {name: value for name, value in change.items() if type(value) is int and value >= 0}


def _stretch(statistics: DriftStatistics, pairs: str) -> OffsetRange | None:
    return next((offsets for offsets in statistics.offsets if offsets.topic == pairs and offsets.end > offsets.start), None)
