"""``/models/NAME``: the live model beside its shadows, and every signal that is watched for it.

Its state: ``range`` of the charts, ``version`` and ``segment`` to be looked at, ``search`` and ``sort`` of the signals.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from aiohttp import web

from app.domain.decisions.alert_kinds import segment_label
from app.read_model.views import STATE_ORDER, Alert, Model, Signal
from app.web.pages import links, marks, standing
from app.web.pages.asked import Asked
from app.web.pages.drawings import Drawing, drawing, marks_data, time_range, traffic_data
from app.web.pages.effects import Figure, figure_of
from app.web.pages.layout import Page
from app.web.words import plain

__all__ = ["alerts_of", "model", "model_asked"]

SIGNALS_PER_PAGE = 25
ALERTS_SHOWN = 10
SORTS = ("worst", "name", "score", "newest")
#: What is compared between versions, in the order of the table; one row for each name that a kind has.
_COMPARED = {
    "prediction": "Answers", "disagreement": "Disagreement", "difference": "Score difference", "error": "Error",
    "latency": "Latency (ms)", "cost": "Cost of an answer",
}  # fmt: skip
#: What outcomes say may lie days behind the requests.
_OF_OUTCOMES = ("error", "kpi")
#: One chart for each, if the model has the signal: title, kind, and the signals' name.
_CHARTS = (
    ("difference", "Score difference, shadow less live"),
    ("disagreement", "Disagreement"),
    ("prediction", "Answers"),
    ("error", "Error, by what outcomes say"),
    ("latency", "Latency (ms)"),
    ("cost", "Cost of an answer"),
)


class Cell(NamedTuple):
    """What one version says of one measure."""

    signal: Signal
    figure: Figure
    url: str


def model(asked: Asked) -> Page:
    """The page of one model."""
    found = model_asked(asked)
    mine = alerts_of(asked, found.name)
    whole = [signal for signal in found.signals if not signal.segment]
    segment = asked.text("segment")
    charted = _in_segment(found.signals, segment) or whole
    of_requests = [each for each in charted if each.kind not in _OF_OUTCOMES]
    chosen_range, since = time_range(asked, of_requests or charted, found.pairing.until)
    triggers = [each for each in asked.seen.triggers if each.trigger.model.name == found.name]
    shared = marks.chosen(marks.of_model(found, triggers))
    signals = _chosen(asked, found)
    part = asked.slice(len(signals), SIGNALS_PER_PAGE)
    values: dict[str, Any] = {
        "model": found,
        "standings": standing.of_model(found, mine),
        "comparison": _comparison(found.name, charted, asked.text("version")),
        "compared_versions": _versions(found, asked.text("version")),
        "drawings": _drawings(found, charted, mine, asked),
        "range": chosen_range,
        "traffic": traffic_data(found.name, since),
        "shared_marks": shared,
        "shared_data": marks_data(shared),
        "signals": signals[part.start : part.end],
        "part": part,
        "versions": sorted({signal.version for signal in found.signals if signal.version}),
        "segments": sorted({segment_label(signal.segment) for signal in found.signals if signal.segment}),
        "version_asked": asked.text("version"),
        "segment_asked": segment,
        "search": asked.search,
        "sort": asked.one_of("sort", *SORTS),
        "firing": [alert for alert in mine if alert.status == "firing"][:ALERTS_SHOWN],
        "past": [alert for alert in mine if alert.status != "firing"][:ALERTS_SHOWN],
        "alert_count": len(mine),
        "triggers": triggers[:ALERTS_SHOWN],
        "model_verdicts": getattr(found, "verdicts", None) or [],
    }
    state = standing.LEVELS[max(values["standings"], key=lambda each: _LEVEL_ORDER.index(each.level)).level][1]
    headline = f"{found.name}: {state.lower()}; {found.alerts_open} alerts firing."
    return Page("model.html", found.name, "overview", headline, values)


_LEVEL_ORDER = ("good", "unknown", "warn", "bad")


def model_asked(asked: Asked) -> Model:
    """The model that the path names."""
    name = asked.part("name")
    found = asked.seen.models.get(name)
    if found is None:
        known = f"; {len(asked.seen.models):,} others are on the overview" if asked.seen.models else ""
        why = f" ({asked.seen.stale.reason})" if asked.seen.stale is not None else ""
        raise web.HTTPNotFound(text=f"there is no model {name[:128]!r} in the read model{why}{known}")
    return found


def alerts_of(asked: Asked, name: str) -> list[Alert]:
    """The alerts of a model: firing ones first, and of these the critical ones."""
    mine = [alert for alert in asked.seen.alerts if alert.labels.get("model") == name]
    return sorted(
        mine, key=lambda alert: (alert.status != "firing", alert.status == "firing" and not standing.is_critical(alert))
    )


def _chosen(asked: Asked, found: Model) -> list[Signal]:
    version, segment = asked.text("version"), asked.text("segment")
    signals = [
        signal
        for signal in found.signals
        if asked.search.casefold() in signal.signal.casefold()
        and version in {"", signal.version}
        and segment in {"", segment_label(signal.segment)}
    ]
    order: dict[str, Any] = {
        "worst": lambda signal: (STATE_ORDER.index(signal.state), -_reach(signal), signal.signal, signal.version),
        "name": lambda signal: (signal.signal, signal.version),
        "score": lambda signal: (-_reach(signal), signal.signal),
        "newest": lambda signal: (-signal.since, signal.signal),
    }
    return sorted(signals, key=order[asked.one_of("sort", *SORTS)])


def _reach(signal: Signal) -> float:
    return signal.score / signal.threshold if signal.threshold > 0 else signal.score


def _in_segment(signals: Iterable[Signal], segment: str) -> list[Signal]:
    return [signal for signal in signals if segment and segment_label(signal.segment) == segment]


def _versions(found: Model, chosen: str) -> list[tuple[str, str]]:
    """Role and version of each column: all legacy ones, then the shadows that were asked for."""
    pairs = [(version.role, version.version) for version in found.versions if version.role != "all"]
    return [pair for pair in pairs if pair[0] == "legacy" or not chosen or pair[1] == chosen]


def _comparison(name: str, signals: list[Signal], chosen: str) -> list[tuple[str, dict[str, Cell]]]:
    """Measures by version; of a sharded model the worst shard speaks."""
    rows: dict[tuple[str, str], dict[str, Cell]] = {}
    for signal in signals:
        if signal.kind in _COMPARED and (signal.role == "legacy" or chosen in {"", signal.version}):
            url = links.signal_url(name, signal.kind, signal.name, signal.version, signal.segment)
            rows.setdefault((signal.kind, signal.name), {}).setdefault(signal.version, Cell(signal, figure_of(signal), url))
    order = list(_COMPARED)
    return [
        (f"{_COMPARED[kind]} ({plain(label)})" if label else _COMPARED[kind], cells)
        for (kind, label), cells in sorted(rows.items(), key=lambda row: (order.index(row[0][0]), row[0][1]))
    ]


def _drawings(found: Model, signals: list[Signal], alerts: list[Alert], asked: Asked) -> list[Drawing]:
    """A chart for each measure that the model has, with the marks of its own alerts and references."""
    chosen, drawn = asked.text("version"), []
    for kind, title in _CHARTS:
        mine = [s for s in signals if s.kind == kind and not s.name and (s.role == "legacy" or chosen in {"", s.version})]
        if mine:
            own = marks.of_alerts(alert for alert in alerts if any(marks.is_of(alert, signal) for signal in mine))
            marked = marks.chosen([*own, *marks.of_baselines(mine, named=True)])
            _, since = time_range(asked, mine)
            drawn.append(drawing(f"chart-{kind}", title, "value", found.name, _each_once(mine), since, marked))
    return drawn


def _each_once(signals: list[Signal]) -> list[Signal]:
    """One signal for each version, legacy first: the history of a sharded one is merged where it is read."""
    once = {signal.version: signal for signal in reversed(signals)}
    return sorted(once.values(), key=lambda signal: (signal.role != "legacy", signal.version))
