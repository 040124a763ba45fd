"""Marks: the moments that explain what a chart shows, of alerts, retraining, deployments and references. Pure.

A page draws them, and the history of a signal has them as JSON for other dashboards. *Bounds*: of each kind the newest
``OF_A_KIND``, and of all the newest ``MARKS_AT_MOST``, so that an alert that flaps hides no deployment; the others are counted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from app.domain.decisions.alert_kinds import segment_label, signal_label
from app.read_model.documents import BaselineSeen
from app.read_model.series_views import Mark, MarkKind
from app.read_model.views import Alert, Model, Signal, Training, Trigger
from app.web.pages import links
from app.web.words import milliseconds, plain, short
from schemas.statistics import Signal as SignalName

__all__ = [
    "MARKS_AT_MOST", "NO_MARKS", "OF_A_KIND", "Marks", "chosen", "is_of", "of_alerts", "of_baselines", "of_model", "of_signal",
]  # fmt: skip

MARKS_AT_MOST, OF_A_KIND = 60, 20
#: A label has a name or two; the longest that can be deployed are whole.
_LABEL_CHARACTERS = 300
_WARM_UP = "warm-up:"
#: How a training ended, and the kind of its mark.
_ENDS: dict[str, tuple[MarkKind, str]] = {
    "succeeded": ("training_succeeded", "Training succeeded"),
    "failed": ("training_failed", "Training failed"),
    "rejected": ("training_failed", "Training rejected by the pipeline"),
}


class Marks(NamedTuple):
    """The newest first, and how many there are besides."""

    shown: list[Mark]
    left_out: int


NO_MARKS = Marks([], 0)


def chosen(found: Iterable[Mark], from_ms: int | None = None, to_ms: int | None = None) -> Marks:
    """Those of a stretch of event time, within the bounds; the same moment that several shards tell of is one."""
    within = {each for each in found if (from_ms is None or each.at >= from_ms) and (to_ms is None or each.at < to_ms)}
    newest = sorted(within, key=lambda each: (-each.at, each.kind, each.label, each.link or ""))
    counts: dict[str, int] = {}
    kept = []
    for each in newest:
        counts[each.kind] = counts.get(each.kind, 0) + 1
        if counts[each.kind] <= OF_A_KIND:
            kept.append(each)
    return Marks(kept[:MARKS_AT_MOST], len(newest) - min(len(kept), MARKS_AT_MOST))


def of_signal(alerts: Iterable[Alert], triggers: Iterable[Trigger], model: Model, same: list[Signal]) -> list[Mark]:
    """Of one signal, which each shard of the model may have: its alerts and references, and what concerns all of the model."""
    own = [alert for alert in alerts if same and is_of(alert, same[0])]
    return [*of_alerts(own), *of_baselines(same), *of_model(model, triggers)]


def of_model(model: Model, triggers: Iterable[Trigger]) -> list[Mark]:
    """What concerns all signals of a model: its versions, and its retraining."""
    mine = [each for each in triggers if each.trigger.model.name == model.name]
    return [*_deployments(model), *(mark for each in mine for mark in _retraining(each))]


def of_alerts(alerts: Iterable[Alert]) -> Iterator[Mark]:
    """When each fired and was resolved."""
    for alert in alerts:
        link, name = links.alert_url(alert.fingerprint), alert.labels.get("alertname", "Alert")
        if (at := milliseconds(alert.starts_at)) is not None:
            yield _mark("alert", at, f"{name} fires", link)
        if alert.ends_at and (at := milliseconds(alert.ends_at)) is not None:
            yield _mark("resolved", at, f"{name} resolved", link)


def of_baselines(signals: Iterable[Signal], *, named: bool = False) -> Iterator[Mark]:
    """When the reference of each signal was another one; ``named``: of which version it is, where there are several.

    Each shard changes it with a window of its own: a change is when the first of them did.
    """
    first: dict[tuple[str, BaselineSeen, int], int] = {}
    for signal in signals:
        whose = f" for {signal.role} {signal.version}" if named and signal.version else ""
        times: Counter[BaselineSeen] = Counter()
        for each in signal.baselines or ():
            what = msgspec.structs.replace(each, at=0)
            change = (whose, what, times[what])  # it may come back to one that it had
            times[what] += 1
            first[change] = min(each.at, first.get(change, each.at))
    for (whose, what, _), at in first.items():
        yield _mark("baseline", at, f"{_reference(what)}{whose}", None)


def is_of(alert: Alert, signal: Signal) -> bool:
    """Whether an alert of a model is about a signal of it."""
    mine = (signal.version, signal_label(SignalName(signal.kind, signal.name)), segment_label(signal.segment))
    return mine == tuple(alert.labels.get(name, "") for name in ("version", "signal", "segment"))


def _deployments(model: Model) -> Iterator[Mark]:
    link = links.model_url(model.name)
    for each in model.versions:
        for since, role in ((each.legacy_since, "live"), (each.shadow_since, "as a shadow")):
            if since is not None:
                yield _mark("deployment", since, f"{each.version} first seen {role}", link)


def _retraining(each: Trigger) -> Iterator[Mark]:
    link = links.trigger_url(each.trigger.trigger_id)
    if each.time and (at := milliseconds(each.time)) is not None:
        yield _mark("trigger", at, f"Retraining asked for: {plain(each.trigger.reason.code)}", link)
    if each.training is not None:
        yield from _training(each.training, link)


def _training(training: Training, link: str) -> Iterator[Mark]:
    if training.started is not None:
        yield _mark("training_started", training.started, "Training started", link)
    if training.ended is not None and training.status in _ENDS:
        kind, word = _ENDS[training.status]
        made = f": {training.new_version}" if kind == "training_succeeded" and training.new_version else ""
        yield _mark(kind, training.ended, word + made, link)


def _reference(each: BaselineSeen) -> str:
    if each.id.startswith(_WARM_UP):
        return "The reference is complete: its own warm-up"
    owner = f" of {each.owner}" if each.owner else ""
    return f"Baseline {each.version or short(each.id)}{owner} is the reference"


def _mark(kind: MarkKind, at: int, label: str, link: str | None) -> Mark:
    return Mark(at, kind, label[:_LABEL_CHARACTERS], link)
