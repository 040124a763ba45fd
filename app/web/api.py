"""The REST API: the read model as JSON, for whoever does not look at pages.

Every answer says when it was true (``as_of``) and, where it no longer is, since when and why (``stale``); Redis away gives the
last that was known and not an error, unless nothing was ever known: that is 503. Lists are bounded.
"""

from typing import Any

import msgspec
from aiohttp import web
from msgspec import UNSET

from app.read_model.views import Alerts, Model, Models, Overview, Triggers
from app.web.context import CONTEXT
from app.web.problems import problem

__all__ = ["LIMIT", "alerts", "brief", "model", "models", "pipeline", "triggers"]

#: Models, alerts or triggers in one answer: the most, and unless asked.
LIMIT = (1_000, 100)


async def models(request: web.Request) -> web.Response:
    """``GET /api/v1/models``: by name, without the figures and the history of the signals."""
    seen = await request.app[CONTEXT].read_model.current()
    limit, after = _limit(request), request.query.get("after", "")
    names = [name for name in seen.models if name > after]
    page = [brief(seen.models[name]) for name in names[:limit]]
    following = page[-1].name if page and len(names) > limit else None
    return _answer(seen, Models(as_of=seen.as_of, stale=seen.stale, models=page, next=following))


async def model(request: web.Request) -> web.Response:
    """``GET /api/v1/models/NAME``: one model, with everything."""
    seen = await request.app[CONTEXT].read_model.current()
    name = request.match_info["name"]
    if name not in seen.models and seen.as_of is not None:
        return problem(404, f"there is no model {name!r} in the read model; /api/v1/models lists all there are")
    found = [seen.models[name]] if name in seen.models else []
    return _answer(seen, Models(as_of=seen.as_of, stale=seen.stale, models=found, next=None))


async def alerts(request: web.Request) -> web.Response:
    """``GET /api/v1/alerts``: firing first, then the newest; ``status`` and ``model`` choose."""
    seen = await request.app[CONTEXT].read_model.current()
    status, name = request.query.get("status"), request.query.get("model")
    if status not in {None, "firing", "resolved"}:
        return problem(400, f"status is {status!r}; allowed: firing, resolved")
    found = [a for a in seen.alerts if status in {None, a.status} and name in {None, a.labels.get("model")}]
    return _answer(seen, Alerts(as_of=seen.as_of, stale=seen.stale, alerts=found[: _limit(request)]))


async def triggers(request: web.Request) -> web.Response:
    """``GET /api/v1/triggers``: the newest first; ``model`` chooses."""
    seen = await request.app[CONTEXT].read_model.current()
    name = request.query.get("model")
    found = [t for t in seen.triggers if name in {None, t.trigger.model.name}]
    return _answer(seen, Triggers(as_of=seen.as_of, stale=seen.stale, triggers=found[: _limit(request)]))


async def pipeline(request: web.Request) -> web.Response:
    """``GET /api/v1/pipeline``: pairing over all models, dead letters, partitions of the read model."""
    seen = await request.app[CONTEXT].read_model.current()
    return _answer(seen, seen.pipeline)


def brief(found: Model) -> Model:
    """A model without what makes it large: the figures and the history of its signals."""
    signals = [msgspec.structs.replace(signal, statistics=UNSET, history=UNSET) for signal in found.signals]
    return msgspec.structs.replace(found, signals=signals)


def _limit(request: web.Request) -> int:
    most, usual = LIMIT
    text = request.query.get("limit", str(usual))
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= most):
        raise web.HTTPBadRequest(text=f"limit is {text[:40]!r}; allowed: 1 to {most}")
    return int(text)


def _answer(seen: Overview, body: Any) -> web.Response:
    if seen.as_of is None:
        reason = seen.stale.reason if seen.stale is not None else "nothing was read yet"
        return problem(503, f"the read model cannot be read: {reason}", {"Retry-After": "2"})
    return web.Response(body=msgspec.json.encode(body), content_type="application/json", headers={"Cache-Control": "no-cache"})
