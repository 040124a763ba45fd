"""Whether models, data and stream are well, each in a word and a sentence: what somebody wants to know who opens a page.

Firing alerts decide: each kind belongs to one of the three. ``bad`` is a critical one (or, of the stream, a figure that must
never be), ``warn`` any other, ``good`` none while something is watched, ``unknown`` where nothing is watched yet. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from app.read_model.views import STATE_ORDER, Alert, Model, Overview
from app.web.words import amount, clock, percent

__all__ = ["LEVELS", "Standing", "area_of", "is_critical", "of_model", "standings", "urgency"]

Level = Literal["good", "warn", "bad", "unknown"]
Area = Literal["models", "data", "stream"]
#: Level to sign and word; the sign has a shape of its own, since colour is never alone.
LEVELS: Mapping[Level, tuple[str, str]] = {
    "good": ("✓", "Healthy"),
    "warn": ("◆", "Needs a look"),
    "bad": ("▲", "Unhealthy"),
    "unknown": ("◌", "Not known yet"),
}
_DATA = {"FeatureDrift", "MissingShare", "SchemaChanged", "VolumeAnomaly"}
_STREAM = {
    "MatchRateLow", "ShadowSilent", "LegacySilent", "UnexpectedVersion", "ProducerMisrouted", "DeadLettersHigh", "InputPaused",
    "ClockSkew",
}  # fmt: skip
_OF_ANSWERS = {"prediction", "difference", "disagreement", "latency", "cost", "error", "kpi"}
_OF_INPUTS = {"feature", "missing", "schema", "volume"}


class Standing(NamedTuple):
    """How one of the three is. ``url`` leads to what the sentence speaks of."""

    area: Area
    level: Level
    sentence: str
    url: str

    @property
    def sign(self) -> str:
        """Its shape."""
        return LEVELS[self.level][0]

    @property
    def word(self) -> str:
        """Its word."""
        return LEVELS[self.level][1]


def area_of(alert: Alert) -> Area:
    """What an alert speaks of; kinds that are not known here speak of models."""
    name = alert.labels.get("alertname", "")
    return "data" if name in _DATA else "stream" if name in _STREAM else "models"


def is_critical(alert: Alert) -> bool:
    """Whether it pages somebody."""
    return alert.labels.get("severity") == "critical"


def urgency(model: Model) -> tuple[object, ...]:
    """A key by which the worst model is first: one with alerts, by its state, by how many alerts."""
    state = len(STATE_ORDER) if model.state is None else STATE_ORDER.index(model.state)
    return (model.alerts_open == 0, state, -model.alerts_open, model.name)


def standings(seen: Overview, roles: Mapping[str, Mapping[str, Any]], unaccounted: float | None) -> list[Standing]:
    """Models, data and stream, over all models."""
    firing = [alert for alert in seen.alerts if alert.status == "firing"]
    models = list(seen.models.values())
    return [
        _of_signals("models", firing, models, _OF_ANSWERS, "/alerts?area=models"),
        _of_signals("data", firing, models, _OF_INPUTS, "/alerts?area=data"),
        _of_stream(seen, [alert for alert in firing if area_of(alert) == "stream"], roles, unaccounted),
    ]


def of_model(model: Model, alerts: Iterable[Alert]) -> list[Standing]:
    """The same for one model; its stream is its pairing."""
    firing = [alert for alert in alerts if alert.status == "firing"]
    of_stream = [alert for alert in firing if area_of(alert) == "stream"]
    rate = model.pairing.match_rate
    sentence = "No shadow is expected." if rate is None else f"{percent(rate)} of requests are paired."
    level: Level = _level(of_stream) or ("good" if model.pairing.read else "unknown")
    return [
        _of_signals("models", firing, [model], _OF_ANSWERS, "#answers"),
        _of_signals("data", firing, [model], _OF_INPUTS, "#signals"),
        Standing("stream", level, " ".join(filter(None, (_alerts_said(of_stream), sentence))), "#traffic"),
    ]


def _of_signals(area: Area, firing: list[Alert], models: list[Model], kinds: set[str], url: str) -> Standing:
    mine = [alert for alert in firing if area_of(alert) == area]
    states = Counter(signal.state for model in models for signal in model.signals if signal.kind in kinds)
    watched = sum(states.values())
    if level := _level(mine):
        return Standing(area, level, _alerts_said(mine), url)
    if not watched:
        return Standing(area, "unknown", "Nothing is watched yet." if models else "No prediction has been seen yet.", url)
    if loud := states["drift"] + states["warning"]:
        return Standing(area, "warn", f"No alert fires; {_counted(loud, 'signal')} of {amount(watched)} moved.", url)
    if states["warming"] == watched:
        return Standing(area, "unknown", f"{_counted(watched, 'signal')} still warming up.", url)
    still = f"; {amount(states['warming'])} still warming up" if states["warming"] else ""
    return Standing(area, "good", f"{_counted(states['quiet'], 'signal')} quiet{still}.", url)


def _of_stream(
    seen: Overview, firing: list[Alert], roles: Mapping[str, Mapping[str, Any]], unaccounted: float | None
) -> Standing:
    pairing = seen.pipeline.pairing
    if seen.stale is not None:
        since = f" since {clock(seen.stale.since)}" if seen.stale.since is not None else ""
        return Standing("stream", "warn", f"What is shown is not new{since}: {seen.stale.reason}.", "/pipeline")
    if unaccounted:
        return Standing("stream", "bad", f"{_counted(int(unaccounted), 'event')} unaccounted for.", "/pipeline")
    if level := _level(firing):
        return Standing("stream", level, _alerts_said(firing), "/alerts?area=stream")
    waiting = sorted(role for role, state in roles.items() if state["state"] not in {"live", "without_partitions"})
    if waiting:
        return Standing("stream", "warn", f"This worker is not ready: {', '.join(waiting)}.", "/pipeline")
    if not pairing.read:
        return Standing("stream", "unknown", "No minute of traffic is over yet.", "/pipeline")
    refused = seen.pipeline.dead_letters.total
    said = f"{percent(pairing.match_rate)} paired" if pairing.match_rate is not None else "No shadow is expected"
    return Standing("stream", "good", f"{said}; {_counted(refused, 'dead letter')}.", "/pipeline")


def _level(firing: list[Alert]) -> Level | None:
    if not firing:
        return None
    return "bad" if any(map(is_critical, firing)) else "warn"


def _alerts_said(firing: list[Alert]) -> str:
    """How many, of which severity."""
    if not firing:
        return ""
    critical = sum(map(is_critical, firing))
    said = f", {amount(critical)} critical" if critical else ""
    return f"{_counted(len(firing), 'alert')} firing{said}."


def _counted(count: int, what: str) -> str:
    return f"{amount(count)} {what}{'' if count == 1 else 's'}"
