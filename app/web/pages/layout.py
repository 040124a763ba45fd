"""From the function of a page to an answer: templates, tags, and what all pages share.

``page`` makes a handler of a function that takes what is ``Asked`` and gives a ``Page``, which is a template and its values. The
answer has a tag, by which a client that has it already is told so; what was rendered is kept while nothing changes.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from app.web import charts, words
from app.web.context import CONTEXT, Context
from app.web.covering import silences_of, taking_back
from app.web.pages import links
from app.web.pages.asked import Asked
from app.web.present import figures_now
from app.web.probes import roles_of
from app.web.rendered import Rendered
from app.web.static_files import has_charts

__all__ = ["UNACCOUNTED", "Page", "page", "problem_page"]

UNACCOUNTED = "gnomon_pairing_unaccounted"
#: The sections of the head, and the paths that belong to each.
SECTIONS = (
    ("overview", "/", "Overview"),
    ("alerts", "/alerts", "Alerts"),
    ("triggers", "/triggers", "Retraining"),
    ("pipeline", "/pipeline", "Pipeline"),
    ("dead-letters", "/dead-letters", "Dead letters"),
)
Handler = Callable[[web.Request], Awaitable[web.Response]]

_environment = Environment(
    loader=PackageLoader("app.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_environment.filters |= {
    "amount": words.amount,
    "as_json": lambda value: msgspec.json.encode(value).decode(),
    "breakable": words.breakable,
    "clock": words.clock,
    "decimal": words.decimal,
    "iso": words.iso,
    "lasting": words.lasting,
    "percent": words.percent,
    "plain": words.plain,
    "quoted": links.quoted,
    "rfc3339": words.rfc3339,
    "segment": words.segment,
    "short": words.short,
}
_environment.globals |= {
    "figures_now": figures_now,
    "has_charts": has_charts,
    "links": links,
    "outcomes": charts.outcomes,
    "points": charts.points,
    "score_bar": charts.score_bar,
    "sections": SECTIONS,
    "silences_of": silences_of,
    "taking_back": taking_back,
    "sparkline": charts.sparkline,
    "words": words,
}


class Page(NamedTuple):
    """A template and its values. ``headline`` is what is said aloud when it changes; ``section`` is marked in the head."""

    template: str
    title: str
    section: str
    headline: str
    values: Mapping[str, Any]


def page(make: Callable[[Asked], Page]) -> Handler:
    """The handler of a page; ``make`` may raise a redirection or ``HTTPNotFound`` with what is not there."""

    async def answer(request: web.Request) -> web.Response:
        context = request.app[CONTEXT]
        asked = Asked(request, await context.read_model.current(), context)
        state = _state(asked)
        found = context.pages.get(request.path_qs, state, lambda: _rendered(asked, make(asked), state))
        headers = {"ETag": found.tag, "Cache-Control": "no-cache"}
        if request.headers.get("If-None-Match") == found.tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=found.body, content_type="text/html", charset="utf-8", headers=headers)

    return answer


def problem_page(status: int, title: str, detail: str, context: Context) -> web.Response:
    """An error for people."""
    values = {"status": status, "detail": detail}
    text = _render(Page("problem.html", title, "", title, values), context, {"firing_count": 0})
    return web.Response(text=text, status=status, content_type="text/html", headers={"Vary": "Accept"})


def _state(asked: Asked) -> object:
    """All that a page may depend on besides its address."""
    context = asked.context
    figure = context.metrics.shown_figures.total(UNACCOUNTED)
    lags = context.metrics.lags() if asked.request.path == "/pipeline" else None
    return (asked.seen.revision, asked.seen.stale, roles_of(context.health), figure, lags)


def _rendered(asked: Asked, made: Page, state: object) -> Rendered:
    context = asked.context
    shared = {
        "seen": asked.seen,
        "asked": asked,
        "firing_count": sum(alert.status == "firing" for alert in asked.seen.alerts),
        "roles": roles_of(context.health),
        "ready": context.health.ready,
    }
    body = _render(made, context, shared).encode()
    return Rendered(state, body, f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"')


def _render(made: Page, context: Context, shared: Mapping[str, Any]) -> str:
    return _environment.get_template(made.template).render(
        **shared,
        **made.values,
        version=context.metrics.version,
        prefix=context.prefix,
        title=made.title,
        section=made.section,
        headline=made.headline,
    )
