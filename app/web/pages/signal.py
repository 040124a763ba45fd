"""``/models/NAME/signals/KIND/SIGNAL``: one signal, its reference beside its newest window, and how it came to that.

Its state: ``version`` and ``segment`` of the signal (a label of an alert, which may be cut, is understood), ``partition`` of
a model that is sharded, ``range`` of the charts.
"""

from typing import Any

from aiohttp import web

from app.domain.decisions.alert_kinds import segment_label, signal_label
from app.read_model.views import Model, Signal
from app.web.pages import links, marks
from app.web.pages.asked import Asked
from app.web.pages.distribution import distribution_of
from app.web.pages.drawings import drawing, time_range
from app.web.pages.effects import figure_of, sentences
from app.web.pages.layout import Page
from app.web.pages.model import alerts_of, model_asked
from app.web.words import STATES
from schemas.statistics import Signal as SignalName

__all__ = ["signal"]


def signal(asked: Asked) -> Page:
    """The page of one signal."""
    model = model_asked(asked)
    same = _same_name(asked, model)
    found = _chosen(asked, same)
    alerts = [alert for alert in alerts_of(asked, model.name) if marks.is_of(alert, found)]
    chosen_range, since = time_range(asked, [found])
    happened = marks.chosen(marks.of_signal(alerts, asked.seen.triggers, model, [found]))
    values: dict[str, Any] = {
        "model": model,
        "signal": found,
        "figure": figure_of(found),
        "effects": sentences(found),
        "distribution": distribution_of(found),
        "range": chosen_range,
        "drawings": [
            drawing("chart-score", "Score and threshold", "score", model.name, [found], since, happened),
            drawing("chart-value", "Its main figure", "figure", model.name, [found], since, happened),
        ],
        "happened": happened,
        "others": [(each, _url(model, each)) for each in same if each is not found],
        "alerts": alerts,
    }
    headline = f"{found.signal} of {model.name}: {STATES[found.state][1].lower()}."
    return Page("signal.html", f"{found.signal} of {model.name}", "overview", headline, values)


def _same_name(asked: Asked, model: Model) -> list[Signal]:
    """The signals of all versions and segments that have the name in the path."""
    kind = asked.part("kind")
    name = asked.part("signal") or asked.text("name")
    label = f"{kind}/{name}" if name else kind
    found = [each for each in model.signals if label in {each.signal, signal_label(SignalName(each.kind, each.name))}]
    if not found:
        raise web.HTTPNotFound(text=f"model {model.name!r} has no signal {label[:200]!r}; its page lists all it has")
    return found


def _chosen(asked: Asked, same: list[Signal]) -> Signal:
    """The one of the version and the segment that were asked for; without any, the worst of all traffic."""
    version, segment, partition = (asked.text(name) for name in ("version", "segment", "partition"))
    fitting = [
        each
        for each in same
        if segment_label(each.segment) == segment and version in {"", each.version} and partition in {"", str(each.partition)}
    ]
    if fitting:
        return fitting[0]
    if version or segment:
        raise web.HTTPNotFound(
            text=f"{same[0].signal} has no version {version!r} with the segment {segment!r}; "
            f"its versions: {', '.join(sorted({each.version for each in same}))[:300]}"
        )
    return same[0]


def _url(model: Model, each: Signal) -> str:
    return links.signal_url(model.name, each.kind, each.name, each.version, each.segment)
