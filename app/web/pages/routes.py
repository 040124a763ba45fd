"""The paths of the pages. A name in a path may hold anything, quoted; that of a signal may be empty."""

from aiohttp import web

from app.web.pages.alerts import alert, alerts
from app.web.pages.layout import page
from app.web.pages.model import model
from app.web.pages.overview import overview
from app.web.pages.pipeline import dead_letters, pipeline
from app.web.pages.signal import signal
from app.web.pages.silences import silences
from app.web.pages.triggers import trigger, triggers

__all__ = ["ROUTES"]

ROUTES = (
    web.get("/", page(overview)),
    web.get("/models/{name:[^/]+}", page(model)),
    web.get("/models/{name:[^/]+}/signals/{kind:[^/]+}/{signal:[^/]*}", page(signal)),
    web.get("/alerts", page(alerts)),
    web.get("/alerts/{fingerprint:[^/]+}", page(alert)),
    web.get("/silences", page(silences)),
    web.get("/triggers", page(triggers)),
    web.get("/triggers/{id:[^/]+}", page(trigger)),
    web.get("/pipeline", page(pipeline)),
    web.get("/dead-letters", page(dead_letters)),
)
