"""When the owner of a model wants it retrained: the table ``[models.NAME.retrain]``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from app.domain.decisions.alert_kinds import ALERT_NAMES
from app.domain.ranges import Range, outside
from schemas.statistics import SignalKind
from schemas.trigger import ReasonCode

__all__ = ["CODES", "RetrainPolicy"]

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
_MINUTE_MS = 60_000
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True)
class RetrainPolicy:
    """The table ``[models.NAME.retrain]``.

    >>> RetrainPolicy(kinds=("latency",), quiet_hours="10pm")
    Traceback (most recent call last):
    ValueError: retrain.kinds has 'latency': allowed are error, feature, kpi, missing, prediction, schema; \
retrain.quiet_hours is '10pm': allowed is HH:MM-HH:MM in UTC, such as 22:00-06:00, or nothing
    """

    RANGES: ClassVar[Mapping[str, Range]] = {
        "cooldown_s": Range(0, 365 * _DAY_S, "seconds"),
        "minimum_events": Range(0, 1_000_000_000, "events"),
        "minimum_label_share": Range(0, 1, "of the pairs"),
        "repeat_after_s": Range(0, 365 * _DAY_S, "seconds"),
        "quorum": Range(1, 100, "signals"),
        "daily_maximum": Range(0, 100, "triggers"),
        "schedule_s": Range(0, 365 * _DAY_S, "seconds"),
        "staleness_s": Range(0, 3_650 * _DAY_S, "seconds"),
        "acknowledge_s": Range(0, 30 * _DAY_S, "seconds"),
        "lease_s": Range(60, 90 * _DAY_S, "seconds"),
        "approval_expires_s": Range(60, 90 * _DAY_S, "seconds"),
    }

    #: Whether there are triggers at all.
    enabled: bool = True
    #: From one trigger of a model to its next, in event time: longer than a training and the look at its result.
    cooldown_s: int = 6 * 3_600
    #: Fewer events than this since the change are nothing to train on.
    minimum_events: int = 500
    #: Of the pairs in the window so large a share must have an outcome, for a training that needs labels; 0: none need have.
    minimum_label_share: float = 0.0
    #: The same signal in the same direction triggers again after so long, where nobody has answered how the last one ended; 0:
    #: with each alert after the cooldown.
    repeat_after_s: int = 30 * _DAY_S
    #: Signal kinds whose alerts may trigger.
    kinds: Annotated[tuple[SignalKind, ...], Meta(extra={"allowed": f"a list, each one of {', '.join(CODES)}"})] = tuple(CODES)
    #: Where the window begins: where it is sure that the data have ``drifted``, behind the alarm, unless what lies between the
    #: change and the alarm is a twentieth at most; or at the estimated ``change``, which may lie before the true one.
    window: Literal["drifted", "change"] = "drifted"
    #: So many signals of the model must have drifted, each with an alert that fires, before one of them may trigger.
    quorum: int = 1
    #: At most so many triggers within 24 hours of event time; 0: any number.
    daily_maximum: int = 0
    #: Between these times of the day, in UTC, nothing triggers; a cause waits for their end.
    quiet_hours: Annotated[str, Meta(extra={"allowed": "HH:MM-HH:MM in UTC, such as 22:00-06:00, or nothing"})] = ""
    #: While one of these alerts of the model fires, its data are broken and nothing but ``data_quality`` triggers. A feature that
    #: is only new breaks nothing.
    veto: Annotated[tuple[str, ...], Meta(extra={"allowed": "a list of alert names"})] = (
        "LegacySilent", "MissingShare", "SchemaChanged",
    )  # fmt: skip
    #: Retrain so long after the last trigger, drift or not; 0: never.
    schedule_s: int = 0
    #: Retrain once a version has served for so long; 0: never.
    staleness_s: int = 0
    #: A pipeline has to answer a trigger on ``retrain.status`` within so long; 0: none is expected to answer.
    acknowledge_s: int = 0
    #: A training that was accepted has to be told of again, as running or over, within so long.
    lease_s: int = _DAY_S
    #: Whether somebody has to approve a trigger before a pipeline may act on it.
    approval: Literal["off", "required"] = "off"
    #: A trigger that nobody has approved within so long is void.
    approval_expires_s: int = _DAY_S

    def __post_init__(self) -> None:
        """Refuse what cannot work, all faults at once."""
        faults = list(outside("retrain", self, self.RANGES))
        if unknown := [kind for kind in self.kinds if kind not in CODES]:
            faults.append(f"retrain.kinds has {', '.join(map(repr, unknown))}: allowed are {', '.join(sorted(CODES))}")
        if strange := [name for name in self.veto if name not in ALERT_NAMES]:
            faults.append(f"retrain.veto has {', '.join(map(repr, strange))}: allowed are {', '.join(sorted(ALERT_NAMES))}")
        if self.quiet_hours and not _HOURS.fullmatch(self.quiet_hours):
            allowed = "HH:MM-HH:MM in UTC, such as 22:00-06:00, or nothing"
            faults.append(f"retrain.quiet_hours is {self.quiet_hours!r}: allowed is {allowed}")
        if faults:
            raise ValueError("; ".join(faults))

    def is_quiet(self, at: int) -> bool:
        """Whether ``at`` (milliseconds) lies in the quiet hours; their end does not.

        >>> night = RetrainPolicy(quiet_hours="22:00-06:00")
        >>> [night.is_quiet(hour * 3_600_000) for hour in (5, 6, 21, 22)]
        [True, False, False, True]
        """
        found = _HOURS.fullmatch(self.quiet_hours)
        if found is None:
            return False
        begin, end = (int(found[hour]) * 60 + int(found[hour + 1]) for hour in (1, 3))
        now = at // _MINUTE_MS % 1_440
        return begin <= now < end if begin < end else now >= begin or now < end
