"""What should be told of alerts, by the rules of `docs/alerts.md`: a second, simple account that shares no code with the first.

It is given every record of `drift.statistics` of a partition in order, and says which changes of which alert are to be told, at
what event times and on whose account; and what is held back, by its first reason. It knows the signals of detectors, without
silences, acknowledgements and what people say; time goes on without gaps in what it is given, and each window has so many events
that what another alert explained is believed at once when that is over.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.integration.committed import Seen

__all__ = ["Expected", "Rules", "Statement", "expected", "name_of", "statement_of"]

_KINDS = {
    "feature": ("FeatureDrift", "warning", "warning"), "missing": ("MissingShare", "warning", "warning"),
    "prediction": ("PredictionDrift", "critical", "warning"), "disagreement": ("DisagreementDrift", "critical", "critical"),
    "difference": ("DifferenceDrift", "critical", "critical"), "latency": ("LatencyRegressed", "critical", "warning"),
    "cost": ("CostRegressed", "warning", "warning"),
}  # fmt: skip
_WEEK_MS = 7 * 86_400_000


class Rules(NamedTuple):
    """The table of settings of a model, with its defaults."""

    for_s: int = 0
    keep_firing_for_s: int = 600
    forget_after_s: int = 21_600
    group_s: int = 3_600
    inhibit: bool = True
    cause_s: int = 180
    pages_per_week: int = 20
    flaps: int = 3
    flap_s: int = 21_600


class Statement(NamedTuple):
    """What one record says: of which alert, in which state, for which window (ms); ``id`` is its event's."""

    id: str
    model: str
    labels: Mapping[str, str]
    name: str
    state: str
    start: int
    end: int


class Expected(NamedTuple):
    """One change that is to be told. ``ends`` is 0 of one that fires; ``cause`` is the id of the record that decided."""

    name: str
    status: str
    starts: int
    ends: int
    cause: str


@dataclass
class _Case:
    labels: Mapping[str, str]
    name: str
    began: int
    heard: int = 0
    since: int = 0  # it has held for `for_s`
    clear: int = 0  # since when it is quiet
    told_at: int = 0
    starts: int = 0
    held: str = ""
    held_by: str = ""


def name_of(labels: Mapping[str, str]) -> str:
    """An alert is known by its labels."""
    return json.dumps(dict(sorted(labels.items())))


def statement_of(record: Seen) -> Statement:
    """A record of `drift.statistics`."""
    value = json.loads(record.value or b"")
    kind, named, role = value["signal"]["kind"], value["signal"]["name"], value["role"]
    alertname, severity, of_a_shadow = _KINDS[kind]
    labels = {
        "alertname": alertname, "severity": of_a_shadow if role == "shadow" else severity, "model": value["model"],
        "version": value["version"], "role": role, "signal": f"{kind}/{named}" if named else kind,
        "segment": ",".join(f"{label}={said}" for label, said in sorted((value["segment"] or {}).items())),
    }  # fmt: skip
    labels = {label: said for label, said in labels.items() if said}
    window = value["window"]
    return Statement(
        record.header("ce_id"),
        value["model"],
        labels,
        name_of(labels),
        value["detector"]["state"],
        window["start"],
        window["end"],
    )


def expected(statements: Iterable[Statement], rules_of: Callable[[str], Rules]) -> tuple[list[Expected], Counter[str]]:
    """What is to be told, in order, and how many were held back at first for which reason."""
    models: dict[str, _Model] = {}
    told = []
    for each in statements:
        model = models.get(each.model)
        if model is None:
            model = models[each.model] = _Model(rules_of(each.model))
        told += model.take(each)
    return told, sum((model.held for model in models.values()), Counter[str]())


@dataclass
class _Model:
    rules: Rules
    cases: dict[str, _Case] = field(default_factory=dict)
    fired: dict[str, list[int]] = field(default_factory=dict)
    pages: list[int] = field(default_factory=list)
    ended: dict[str, int] = field(default_factory=dict)
    held: Counter[str] = field(default_factory=Counter)

    def take(self, said: Statement) -> Iterator[Expected]:
        """One record; and what nobody has spoken of for long is over."""
        case = self.cases.get(said.name)
        if case is None and said.state == "drift":
            case = self.cases[said.name] = _Case(said.labels, said.name, said.end)
        if case is not None:
            case.heard = said.end
            yield from self._step(case, said)
        for other in list(self.cases.values()):
            if said.end - other.heard > self.rules.forget_after_s * 1000:
                yield from self._end(other, said, said.start)

    def _step(self, case: _Case, said: Statement) -> Iterator[Expected]:
        if said.state in {"drift", "warning"}:
            if case.clear and self._flaps(case, case.clear):
                self.fired[case.name].append(said.end)
            case.clear = 0
        if said.state == "quiet":
            yield from self._quiet(case, said)
        if said.state == "drift":
            if not case.since and said.end - case.began >= self._for_ms(case):
                case.since = said.end
            if case.since and not case.told_at:
                yield from self._tell(case, said)

    def _quiet(self, case: _Case, said: Statement) -> Iterator[Expected]:
        if not case.since:
            del self.cases[case.name]
            return
        case.clear = case.clear or said.end
        merged = any(other.held == "merged" and other.held_by == case.name for other in self.cases.values())
        if said.end - case.clear >= self._keep_ms(case) and not merged:
            yield from self._end(case, said, said.end)

    def _for_ms(self, case: _Case) -> int:
        waits = self.rules.inhibit and case.labels["alertname"] == "MissingShare"
        return 1000 * max(self.rules.for_s, self.rules.cause_s if waits else 0)

    def _keep_ms(self, case: _Case) -> int:
        return 1000 * max(self.rules.keep_firing_for_s, self.rules.flap_s if self._flaps(case, case.clear) else 0)

    def _flaps(self, case: _Case, since: int) -> bool:
        """By how often it fired before it began to be clear."""
        lately = [
            fired for fired in self.fired.get(case.name, ())[-self.rules.flaps :] if fired > since - self.rules.flap_s * 1000
        ]
        return 0 < self.rules.flaps <= len(lately)

    def _end(self, case: _Case, said: Statement, at: int) -> Iterator[Expected]:
        del self.cases[case.name]
        if case.told_at:
            ends = max(at, case.starts)
            self.ended[case.name] = ends
            yield Expected(case.name, "resolved", case.starts, ends, said.id)

    def _tell(self, case: _Case, said: Statement) -> Iterator[Expected]:
        reason, by = self._held_back(case, said.end)
        if reason:
            self.held[reason] += not case.held
            case.held, case.held_by = reason, by
            return
        case.held = case.held_by = ""
        case.told_at, case.starts = said.end, max(said.end, self.ended.get(case.name, -1) + 1)
        self.fired.setdefault(case.name, []).append(said.end)
        if case.labels["severity"] == "critical":
            self.pages.append(said.end)
        yield Expected(case.name, "firing", case.starts, 0, said.id)

    def _held_back(self, case: _Case, at: int) -> tuple[str, str]:
        others = [other for other in self.cases.values() if other is not case]
        told = [other for other in others if other.told_at]
        for other in others:
            if self.rules.inhibit and _explains(other.labels, case.labels) and self._is_at_work(other, at):
                return "inhibited", other.name
        for other in told:
            if abs(case.since - other.told_at) < self.rules.group_s * 1000 and _same_kind(other.labels, case.labels):
                return "merged", other.name
        lately = sum(page > at - _WEEK_MS for page in self.pages)
        if case.labels["severity"] == "critical" and lately >= self.rules.pages_per_week:
            return "over_budget", ""
        return "", ""

    def _is_at_work(self, cause: _Case, at: int) -> bool:
        if not cause.since:
            return 0 <= cause.began + self._for_ms(cause) - at <= self.rules.cause_s * 1000
        return not cause.clear or at - cause.clear <= self.rules.keep_firing_for_s * 1000


def _explains(cause: Mapping[str, str], effect: Mapping[str, str]) -> bool:
    """`MissingShare` the predictions' drift, and the drift of its feature; the whole model's alert that of a segment."""
    if "segment" in cause and cause["segment"] != effect.get("segment"):
        return False
    names = cause["alertname"], effect["alertname"]
    features = [labels["signal"].partition("/")[2] for labels in (cause, effect)]
    if names == ("MissingShare", "PredictionDrift") or (names == ("MissingShare", "FeatureDrift") and features[0] == features[1]):
        return True
    return "segment" in effect and cause == {name: said for name, said in effect.items() if name != "segment"}


def _same_kind(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    def kind(labels: Mapping[str, str]) -> dict[str, Any]:
        return {name: said for name, said in labels.items() if name != "signal"}

    return kind(one) == kind(other) and one["signal"] != other["signal"]
