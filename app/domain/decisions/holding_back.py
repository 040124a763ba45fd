"""Which alerts are held back though their condition holds: on-call wants few, and each for a cause of its own.

Asked when an alert would fire, and again with each later statement that its condition still holds; the first rule that fits:

1. ``SILENCED``: somebody said so (``silences``).
2. ``INHIBITED``: another alert of the model that is up explains this one, whether it was told or is held back itself, unless it
   has been clear for longer than ``keep_firing_for_s`` and only damping keeps it up; or one that waits and may be told within
   ``cause_s``: a missing feature the drift of the same feature and of the predictions, a changed schema (a feature gone or of
   another type) those and the missing share, a silent side the match rate; and the whole model's alert that of a segment.
3. ``MERGED``: an alert of the same kind, version and segment was told within ``group_s`` of when this one began, and is not over:
   signals that move together are one alert. It names them, ranked, when it is resolved, and it is not resolved before they are.
4. ``OVER_BUDGET``: it would page, and the model had ``pages_per_week`` pages in the seven days before.

What is held back goes on as a case of its own. It is told as soon as nothing holds it back and its condition still holds; it is
counted, and seen on the page, when it is never told.

Delivery guarantees: a pure function of the cases; times are event times.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.silences import Silence, silenced_by

__all__ = ["WEEK_MS", "Hold", "Holdable", "Others", "Why", "hold"]

WEEK_MS = 7 * 86_400_000
#: Which alert explains which others of the same model, whatever their signal.
_EXPLAINS: Mapping[str, frozenset[str]] = {
    "ShadowSilent": frozenset({"MatchRateLow"}),
    "LegacySilent": frozenset({"MatchRateLow"}),
    "MissingShare": frozenset({"PredictionDrift"}),
    "SchemaChanged": frozenset({"PredictionDrift", "MissingShare", "FeatureDrift"}),
}


class Why(StrEnum):
    """Why an alert is held back; the numbers are those of the module's text."""

    SILENCED = "silenced"  # 1
    INHIBITED = "inhibited"  # 2
    MERGED = "merged"  # 3
    OVER_BUDGET = "over_budget"  # 4


class Hold(NamedTuple):
    """Why, and by what: another alert's fingerprint, a silence's id, empty for neither."""

    why: Why
    by: str = ""


class Holdable(Protocol):
    """What is asked of a case. ``told_at``: since when it is told, 0 where it is not; ``explains``: whether as a cause.

    ``waits_since``: since when it waits to be told, ``clear_since``: since when it is clear; 0 where it does, or is, not.
    """

    labels: dict[str, str]
    told_at: int
    explains: bool

    @property
    def waits_since(self) -> int: ...

    @property
    def clear_since(self) -> int: ...


class Others(NamedTuple):
    """What stands beside a case: all cases of its subject, its silences, and when its last pages were told."""

    cases: Mapping[str, Holdable]
    silences: Mapping[str, Silence]
    pages: Sequence[int]


def hold(mark: str, case: Holdable, others: "Others", policy: AlertPolicy, began: int, at: int) -> Hold | None:
    """Whether the case with this fingerprint, whose condition ``began`` to hold then, is held back at ``at``."""
    silence = silenced_by(others.silences, mark, case.labels, at)
    if silence is not None:
        return Hold(Why.SILENCED, silence)
    cases, pages = others.cases, others.pages
    if policy.inhibit:
        for other, it in cases.items():
            if other != mark and it.explains and _explains(it.labels, case.labels) and _is_at_work(it, policy, at):
                return Hold(Why.INHIBITED, other)
    for other, it in cases.items():
        if other != mark and it.told_at and abs(began - it.told_at) < policy.group_s * 1000 and _is_alike(it.labels, case.labels):
            return Hold(Why.MERGED, other)
    if case.labels["severity"] == "critical" and sum(at - WEEK_MS < page for page in pages) >= policy.pages_per_week:
        return Hold(Why.OVER_BUDGET)
    return None


def _is_at_work(cause: Holdable, policy: AlertPolicy, at: int) -> bool:
    """Whether what it says holds now, or may be told soon."""
    if cause.waits_since:
        left_ms = cause.waits_since + policy.for_ms(cause.labels["alertname"]) - at
        return 0 <= left_ms <= policy.cause_s * 1000
    return not cause.clear_since or at - cause.clear_since <= policy.keep_firing_for_s * 1000


def _explains(cause: Mapping[str, str], effect: Mapping[str, str]) -> bool:
    if cause.get("segment", "") not in {"", effect.get("segment", "")}:
        return False
    if effect["alertname"] in _EXPLAINS.get(cause["alertname"], ()):
        return True
    if (cause["alertname"], effect["alertname"]) == ("MissingShare", "FeatureDrift"):
        return _name(cause) == _name(effect)
    alike = all(cause.get(label) == effect.get(label) for label in ("alertname", "version", "role", "signal"))
    return alike and "segment" not in cause and "segment" in effect


def _name(labels: Mapping[str, str]) -> str:
    return labels.get("signal", "").partition("/")[2]


def _is_alike(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether both say the same of two signals."""
    same = all(one.get(label) == other.get(label) for label in ("alertname", "model", "version", "role", "segment", "severity"))
    return same and "model" in one and one.get("signal") != other.get("signal")
