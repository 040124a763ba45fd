"""The REST API of histories: how a signal, or the traffic of a model, went over time.

A history is read from Redis when it is asked for, so Redis away is 503 here, where the other paths give what was last known. What
is stale about the read model itself (not built yet, nobody keeps it) is told as everywhere.
"""

from collections.abc import Callable

from aiohttp import web

from app.read_model.history import identity_of_signal, identity_of_traffic
from app.read_model.resolutions import SIGNAL, TRAFFIC, Resolution
from app.read_model.series import Asked, Found, SeriesUnread
from app.read_model.series_views import Mark, SignalSeries, TrafficSeries, points_of_signal, points_of_traffic
from app.read_model.views import Overview
from app.web.api import no_model
from app.web.asked import choice_of, refused, segment_text, text_of
from app.web.context import CONTEXT
from app.web.given import answer as given
from app.web.given import not_known
from app.web.pages import marks
from app.web.problems import problem

__all__ = ["series", "traffic"]

Resolutions = tuple[Resolution, ...]
Answer = Callable[[Overview, Found], SignalSeries | TrafficSeries]


async def series(request: web.Request) -> web.Response:
    """``GET /api/v1/models/NAME/series``: one signal."""
    name, signal, version = request.match_info["name"], text_of(request, "signal", least=1), text_of(request, "version") or ""
    if signal is None:
        raise refused("signal", "", "kind/name or kind, as /api/v1/models/{name}/signals lists them")
    segment = _segment(request, await request.app[CONTEXT].read_model.current())

    def answer(seen: Overview, found: Found) -> SignalSeries:
        happened = marks.chosen(_marks(seen, name, (version, signal, segment)), asked.from_ms, asked.to_ms)
        return SignalSeries(
            as_of=seen.as_of, stale=seen.stale, model=name, version=version, role=found.role, signal=signal, segment=segment,
            resolution_ms=found.resolution.width_ms, points=points_of_signal(found.cells),
            marks=happened.shown, marks_left_out=happened.left_out, next=found.next_ms,
        )  # fmt: skip

    asked = _asked(request, identity_of_signal(name, version, signal, segment), SIGNAL)
    return await _answer(request, asked, SIGNAL, answer)


async def traffic(request: web.Request) -> web.Response:
    """``GET /api/v1/models/NAME/traffic``: the pair role's counts of a model."""
    name = request.match_info["name"]

    def answer(seen: Overview, found: Found) -> TrafficSeries:
        return TrafficSeries(
            as_of=seen.as_of, stale=seen.stale, model=name, resolution_ms=found.resolution.width_ms,
            points=points_of_traffic(found.cells), next=found.next_ms,
        )  # fmt: skip

    return await _answer(request, _asked(request, identity_of_traffic(name), TRAFFIC), TRAFFIC, answer)


async def _answer(request: web.Request, asked: Asked, resolutions: Resolutions, answer: Answer) -> web.Response:
    """The history of a model that there is."""
    context, name = request.app[CONTEXT], request.match_info["name"]
    seen = await context.read_model.current()
    if unknown := not_known(seen):
        return unknown
    if name not in seen.models:
        return no_model(name)
    try:
        found = await context.series.read(asked, resolutions)
    except SeriesUnread as failure:
        return problem(503, f"the history cannot be read: {failure}", {"Retry-After": "2"})
    return given(request, seen, answer(seen, found))


def _marks(seen: Overview, name: str, of: tuple[str, str, dict[str, str] | None]) -> list[Mark]:
    """Of the signal with this version, name and segment, in all shards of a model that there is."""
    model = seen.models[name]
    same = [each for each in model.signals if (each.version, each.signal, each.segment) == of]
    alerts = [alert for alert in seen.alerts if alert.labels.get("model") == name]
    return marks.of_signal(alerts, seen.triggers, model, same)


def _asked(request: web.Request, identity: str, resolutions: Resolutions) -> Asked:
    resolution = choice_of(request, "resolution", ["auto", *(each.name for each in resolutions)]) or "auto"
    from_ms, to_ms = _time(request, "from"), _time(request, "to")
    if from_ms is not None and to_ms is not None and from_ms >= to_ms:
        raise refused("from", str(from_ms), f"before to, which is {to_ms}")
    return Asked(identity, resolution, from_ms, to_ms)


def _time(request: web.Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise refused(name, text, "milliseconds since the epoch, at most 15 digits")
    return int(text)


def _segment(request: web.Request, seen: Overview) -> dict[str, str] | None:
    """The segment of that text which the model has; else what the text says, of which there is no history."""
    text = text_of(request, "segment")
    if not text:
        return None
    model = seen.models.get(request.match_info["name"])
    for signal in model.signals if model is not None else ():
        if segment_text(signal.segment) == text:
            return signal.segment
    parts = [part.partition("=") for part in text.split(",")]
    if not all(name and equals for name, equals, _ in parts):
        raise refused("segment", text, "name=value, sorted by name and joined by commas")
    return {name: value for name, _, value in parts}
