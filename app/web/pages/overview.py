"""``/``: are models, data and stream well, what fires, and each model in a row, the worst first.

``model``, ``signal`` and ``topic`` in its query, which older links of alerts have, lead on to the page of that thing.
"""

from collections import Counter
from typing import Any, NamedTuple

from aiohttp import web

from app.read_model.views import STATE_ORDER, Model, Overview, Trigger
from app.web.pages import links, standing
from app.web.pages.asked import Asked
from app.web.pages.layout import UNACCOUNTED, Page
from app.web.probes import roles_of

__all__ = ["overview"]

ALERTS_SHOWN = 8
SORTS = ("worst", "name", "match", "newest")


class Row(NamedTuple):
    """One model in the list."""

    model: Model
    states: dict[str, int]
    last_seen: int | None
    trigger: Trigger | None


def overview(asked: Asked) -> Page:
    """The first page."""
    _lead_on(asked)
    seen = asked.seen
    found = _chosen(asked)
    part = asked.slice(len(found))
    newest = _newest_triggers(seen)
    unaccounted = asked.context.metrics.shown_figures.total(UNACCOUNTED)
    three = standing.standings(seen, roles_of(asked.context.health), unaccounted)
    firing = [alert for alert in seen.alerts if alert.status == "firing"]
    firing.sort(key=lambda alert: not standing.is_critical(alert))
    values = {
        "standings": three,
        "rows": [_row(model, newest.get(model.name)) for model in found[part.start : part.end]],
        "part": part,
        "search": asked.search,
        "state": asked.one_of("state", "", *STATE_ORDER),
        "sort": asked.one_of("sort", *SORTS),
        "states": Counter(model.state for model in seen.models.values()),
        "firing": firing[:ALERTS_SHOWN],
    }
    headline = " ".join(f"{each.area.capitalize()}: {each.word.lower()}." for each in three)
    return Page("overview.html", "Overview", "overview", headline, values)


def _lead_on(asked: Asked) -> None:
    """Redirect what asks for one thing to its page."""
    model, signal, topic = (asked.text(name) for name in ("model", "signal", "topic"))
    if model and signal:
        kind, _, name = signal.partition("/")
        where = links.signal_url(model, kind, name, asked.text("version"), asked.text("segment"))
        raise web.HTTPSeeOther(where)
    if model:
        raise web.HTTPSeeOther(links.model_url(model))
    if topic:
        raise web.HTTPSeeOther(links.topic_url(topic))


def _chosen(asked: Asked) -> list[Model]:
    search, state = asked.search.casefold(), asked.one_of("state", "", *STATE_ORDER)
    found = [
        model
        for model in asked.seen.models.values()
        if search in model.name.casefold() and state in {"", model.state}
    ]  # fmt: skip
    order: dict[str, Any] = {
        "worst": standing.urgency,
        "name": lambda model: model.name,
        "match": lambda model: (model.pairing.match_rate is None, model.pairing.match_rate or 0.0, model.name),
        "newest": lambda model: (-(_last_seen(model) or 0), model.name),
    }
    return sorted(found, key=order[asked.one_of("sort", *SORTS)])


def _row(model: Model, trigger: Trigger | None) -> Row:
    states = Counter(signal.state for signal in model.signals)
    return Row(model, {state: states[state] for state in STATE_ORDER if states[state]}, _last_seen(model), trigger)


def _last_seen(model: Model) -> int | None:
    """Event time up to which anything is known of a model."""
    times = [version.last_seen for version in model.versions]
    return max([*times, *([model.pairing.until] if model.pairing.until is not None else [])], default=None)


def _newest_triggers(seen: Overview) -> dict[str, Trigger]:
    """The newest trigger of each model; the list has the newest first."""
    newest: dict[str, Trigger] = {}
    for trigger in seen.triggers:
        newest.setdefault(trigger.trigger.model.name, trigger)
    return newest
