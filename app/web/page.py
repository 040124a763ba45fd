"""The one page: what is wrong, with which model, and whether the stream itself is well.

Rendered here, whole, for each request, from ``templates``; escaping is the template engine's, switched on for all of them. The
script in ``static/live.js`` fetches the same page again when the event stream says that something changed, and
takes over what differs: there is one way to render, and without the script the page is the same, only still.
"""

import hashlib
from typing import Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from app.read_model.views import STATE_ORDER, Model, Overview
from app.web import charts, words
from app.web.context import CONTEXT, Context
from app.web.present import figures_now
from app.web.probes import roles_of

__all__ = ["MODELS_SHOWN", "page", "render"]

#: Models on the page, the worst first; the rest are in the API. 20 with 20 signals are 500 KB of HTML and 35 ms to render.
MODELS_SHOWN = 20
ALERTS_SHOWN = 100
TRIGGERS_SHOWN = 20
UNACCOUNTED = "gnomon_pairing_unaccounted"

_environment = Environment(
    loader=PackageLoader("app.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_environment.filters |= {
    "amount": words.amount,
    "breakable": words.breakable,
    "clock": words.clock,
    "decimal": words.decimal,
    "iso": words.iso,
    "percent": words.percent,
    "rfc3339": words.rfc3339,
    "segment": words.segment,
    "short": words.short,
}
_environment.globals |= {
    "figures_now": figures_now,
    "outcomes": charts.outcomes,
    "score_bar": charts.score_bar,
    "sparkline": charts.sparkline,
    "words": words,
}
_template = _environment.get_template("page.html")


async def page(request: web.Request) -> web.Response:
    """``GET /``."""
    context = request.app[CONTEXT]
    body, tag = _rendered(await context.read_model.current(), context)
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("If-None-Match") == tag:
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="text/html", charset="utf-8", headers=headers)


def _rendered(seen: Overview, context: Context) -> tuple[bytes, str]:
    """The page and its tag; rendered once for all who look while nothing changes."""
    state = (seen.revision, seen.stale, roles_of(context.health), context.metrics.shown_figures.total(UNACCOUNTED))
    if context.page.state != state:
        body = render(seen, context).encode()
        context.page.state = state
        context.page.body, context.page.tag = body, f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    return context.page.body, context.page.tag


def render(seen: Overview, context: Context) -> str:
    """The page for what is known now."""
    models = sorted(seen.models.values(), key=_urgency)
    return _template.render(
        version=context.metrics.version,
        prefix=context.prefix,
        seen=seen,
        models=models[:MODELS_SHOWN],
        model_count=len(models),
        states=_states(models),
        firing=[alert for alert in seen.alerts if alert.status == "firing"][:ALERTS_SHOWN],
        resolved=[alert for alert in seen.alerts if alert.status != "firing"][:ALERTS_SHOWN],
        triggers=seen.triggers[:TRIGGERS_SHOWN],
        pipeline=seen.pipeline,
        unaccounted=context.metrics.shown_figures.total(UNACCOUNTED),
        roles=roles_of(context.health),
        ready=context.health.ready,
    )


def _urgency(model: Model) -> tuple[Any, ...]:
    state = len(STATE_ORDER) if model.state is None else STATE_ORDER.index(model.state)
    return (model.alerts_open == 0, state, model.name)


def _states(models: list[Model]) -> dict[str, int]:
    """How many models are in each state."""
    counts = dict.fromkeys(STATE_ORDER, 0)
    for model in models:
        if model.state is not None:
            counts[model.state] += 1
    return {str(state): count for state, count in counts.items()}
