"""How much time has passed for a model, and how many windows: what nobody speaks of any more is forgotten by it.

Time passes with the statistics that speak of it, without long gaps: what is quiet at night is not forgotten. Outcomes have a
time of their own, which may be a day behind, and so has the volume, which speaks of nights too; and so have the counts of the
pair role, which on a backlog are days ahead of what detectors say. Scenario: 1. outcomes come a day
late, and an alert on errors fires; 2. the next statistics of a feature are a day ahead of it; 3. the alert would be forgotten,
and fire anew with each statement. Held by
``tests/unit/agents/test_decide.py::test_an_alert_on_outcomes_that_come_late_is_not_forgotten``.

A signal of a slow model is spoken of a few times a day. So three windows of its version must have passed it over before it is
forgotten, or ten times as much time.

Bounded: ``_SOURCES`` versions and segments, the latest.
"""

from collections.abc import Mapping

from msgspec import Struct

from app.domain.decisions.alert_kinds import OF_OUTCOMES, OF_TRAFFIC, segment_label
from schemas.statistics import DriftStatistics

__all__ = ["Heard", "PassingTime"]

#: A longer gap between two statistics is a night, or a log that was not written.
_LONGEST_MS = 3_600_000
_WINDOWS, _LONG = 3, 10
_SOURCES = 200
#: Kinds that share their windows.
_PANELS = {"feature": "inputs", "missing": "inputs", "schema": "inputs", **dict.fromkeys(
    ("prediction", "latency", "cost", "difference", "disagreement"), "answers")}  # fmt: skip


class Heard(Struct, frozen=True, gc=False):
    """How much time had passed, and how many windows there had been, when something was spoken of."""

    passed: int = 0
    windows: int = 0


class PassingTime(Struct, gc=False, omit_defaults=True):
    """See the module's text.

    ``clocks``: of each kind of time the latest event time and how much has passed; ``windows``: of each version and segment the
    latest window's end and their number.
    """

    clocks: dict[str, tuple[int, int]] = {}
    windows: dict[str, tuple[int, int]] = {}

    def take(self, statistics: DriftStatistics) -> None:
        """Statistics speak of a window."""
        clock, at = _clock_of(statistics), statistics.window.end
        last, passed = self.clocks.get(clock, (at, 0))
        self.clocks[clock] = (_later(last, at), passed + min(max(at - last, 0), _LONGEST_MS))
        source = _source(statistics.signal.kind, statistics.role, statistics.version, segment_label(statistics.segment))
        last, windows = self.windows.pop(source, (0, 0))
        self.windows[source] = (_later(last, at), windows + (at != last))
        if len(self.windows) > _SOURCES:
            del self.windows[next(iter(self.windows))]

    def now(self, labels: Mapping[str, str]) -> Heard:
        """What an alert of these labels is spoken of at."""
        source = _source(_kind(labels), labels.get("role", ""), labels.get("version", ""), labels.get("segment", ""))
        return Heard(self.clocks.get(_clock_for(labels), (0, 0))[1], self.windows.get(source, (0, 0))[1])

    def is_over(self, labels: Mapping[str, str], heard: Heard, speaker: DriftStatistics, after_ms: int) -> bool:
        """Whether an alert that was spoken of then is forgotten, if these statistics do not speak of it."""
        now, kind = self.now(labels), _kind(labels)
        if _clock_of(speaker) != _clock_for(labels) or now.passed - heard.passed <= after_ms:
            return False
        has_windows = kind not in {"", "pairing"}
        return not has_windows or now.windows - heard.windows >= _WINDOWS or now.passed - heard.passed > _LONG * after_ms


def _kind(labels: Mapping[str, str]) -> str:
    return labels.get("signal", "").partition("/")[0]


def _later(last: int, at: int) -> int:
    """The later time; but one that was far ahead was a wrong clock's."""
    return at if at < last - _LONGEST_MS else max(last, at)


def _source(kind: str, role: str, version: str, segment: str) -> str:
    """Signals whose windows are the same: those of one panel of the detect role."""
    return f"{_PANELS.get(kind, kind)}|{'' if role == 'all' else role}|{version}|{segment}"


def _clock_of(statistics: DriftStatistics) -> str:
    """Whose time these statistics have."""
    kind = statistics.signal.kind
    return "outcomes" if kind in OF_OUTCOMES else kind if kind in {"volume", "pairing"} else ""


def _clock_for(labels: Mapping[str, str]) -> str:
    """Whose time the statistics have that speak of an alert with these labels."""
    if labels.get("alertname") in OF_TRAFFIC:
        return "pairing"
    kind = _kind(labels)
    return "outcomes" if kind in OF_OUTCOMES else kind if kind == "volume" else ""
