"""The REST API: the read model as JSON, for whoever does not look at pages. Signals of one model: ``app.web.api_signals``.

Every answer says when it was true (``as_of``) and, where it no longer is, since when and why (``stale``); Redis away gives the
last that was known and not an error, unless nothing was ever known: that is 503. Lists are bounded, and come in pages.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web

from app.read_model.silence_views import Silence
from app.read_model.views import Alert, Alerts, Models, Overview, Silences, Trigger, Triggers
from app.web.asked import choice_of, cut, limit_of, page_of, text_of
from app.web.context import CONTEXT
from app.web.given import answer, not_known
from app.web.problems import problem
from app.web.process import process_of
from app.web.shapes import PipelineAnswer

__all__ = [
    "SILENCE_STATUSES",
    "STATUSES",
    "alert",
    "alerts",
    "from_overview",
    "model",
    "models",
    "no_model",
    "pipeline",
    "silences",
    "trigger",
    "triggers",
]

STATUSES = ("firing", "resolved")
SILENCE_STATUSES = ("active", "ended", "refused")
Handler = Callable[[web.Request], Awaitable[web.Response]]


def from_overview(handler: Callable[[web.Request, Overview], web.Response]) -> Handler:
    """A handler of what is known now; 503 as long as nothing is."""

    async def handle(request: web.Request) -> web.Response:
        seen = await request.app[CONTEXT].read_model.current()
        return not_known(seen) or handler(request, seen)

    return handle


@from_overview
def models(request: web.Request, seen: Overview) -> web.Response:
    """``GET /api/v1/models``: by name, without the figures and the history of the signals."""
    limit, after = limit_of(request), text_of(request, "after") or ""
    names = [name for name in seen.models if name > after]
    page = request.app[CONTEXT].briefs.of(seen.models, names[:limit])
    following = names[limit - 1] if len(names) > limit else None
    return answer(request, seen, {"as_of": seen.as_of, "stale": seen.stale, "models": page, "next": following})


@from_overview
def model(request: web.Request, seen: Overview) -> web.Response:
    """``GET /api/v1/models/NAME``: one model, with everything."""
    name = request.match_info["name"]
    if name not in seen.models:
        return no_model(name)
    return answer(request, seen, Models(as_of=seen.as_of, stale=seen.stale, models=[seen.models[name]], next=None))


@from_overview
def alerts(request: web.Request, seen: Overview) -> web.Response:
    """``GET /api/v1/alerts``: firing first, then the newest; ``status`` and ``model`` choose."""
    status, name = choice_of(request, "status", STATUSES), text_of(request, "model")
    found = [each for each in seen.alerts if status in {None, each.status} and name in {None, each.labels.get("model")}]
    return _alerts(request, seen, found)


@from_overview
def alert(request: web.Request, seen: Overview) -> web.Response:
    """``GET /api/v1/alerts/FINGERPRINT``: the episodes of one alert."""
    fingerprint = request.match_info["fingerprint"]
    found = [each for each in seen.alerts if each.fingerprint == fingerprint]
    if not found:
        return problem(404, f"there is no alert {fingerprint!r} in the read model; /api/v1/alerts lists all there are")
    return _alerts(request, seen, found)


@from_overview
def silences(request: web.Request, seen: Overview) -> web.Response:
    """``GET /api/v1/silences``: active ones first, then the newest; ``status`` and ``model`` choose."""
    status, name = choice_of(request, "status", SILENCE_STATUSES), text_of(request, "model")
    found = [each for each in seen.silences if status in {None, each.status} and name in {None, each.subject}]
    page, following = page_of(request, found, _silence_key, newest_first=True)
    return answer(request, seen, Silences(as_of=seen.as_of, stale=seen.stale, silences=page, next=following))


@from_overview
def triggers(request: web.Request, seen: Overview) -> web.Response:
    """``GET /api/v1/triggers``: the newest first; ``model`` chooses."""
    name = text_of(request, "model")
    found = [each for each in seen.triggers if name in {None, each.trigger.model.name}]
    page, following = page_of(request, found, _trigger_key, newest_first=True)
    return answer(request, seen, Triggers(as_of=seen.as_of, stale=seen.stale, triggers=page, next=following))


@from_overview
def trigger(request: web.Request, seen: Overview) -> web.Response:
    """``GET /api/v1/triggers/ID``: one trigger."""
    id_ = request.match_info["id"]
    found = [each for each in seen.triggers if each.trigger.trigger_id == id_]
    if not found:
        return problem(404, f"there is no trigger {id_!r} in the read model; /api/v1/triggers lists all there are")
    return answer(request, seen, Triggers(as_of=seen.as_of, stale=seen.stale, triggers=found, next=None))


@from_overview
def pipeline(request: web.Request, seen: Overview) -> web.Response:
    """``GET /api/v1/pipeline``: pairing over all models, dead letters, partitions of the read model, and this process."""
    told = PipelineAnswer(
        as_of=seen.as_of,
        stale=seen.stale,
        pairing=seen.pipeline.pairing,
        dead_letters=seen.pipeline.dead_letters,
        partitions=seen.pipeline.partitions,
        process=process_of(request.app[CONTEXT]),
    )
    return answer(request, seen, told)


def no_model(name: str) -> web.Response:
    """The refusal of a model that there is not."""
    return problem(404, f"there is no model {name!r} in the read model; /api/v1/models lists all there are")


def _alerts(request: web.Request, seen: Overview, found: list[Alert]) -> web.Response:
    page, following = page_of(request, found, _alert_key, newest_first=True)
    return answer(request, seen, Alerts(as_of=seen.as_of, stale=seen.stale, alerts=page, next=following))


def _alert_key(each: Alert) -> tuple[bool, str, str, str]:
    """The order of ``seen.alerts``, as one that is strict."""
    return (each.status == "firing", cut(each.ends_at or each.starts_at), cut(each.fingerprint), cut(each.starts_at))


def _silence_key(each: Silence) -> tuple[bool, int, str, str, int]:
    """The order of ``seen.silences``."""
    return (each.status == "active", each.starts, cut(each.subject), cut(each.id), each.partition)


def _trigger_key(each: Trigger) -> tuple[int, str]:
    return (each.trigger.window.end, cut(each.trigger.trigger_id))
