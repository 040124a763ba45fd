"""The routes, and the server that answers them. Every worker runs one, whatever its roles."""

import structlog
from aiohttp import web

from app.actions import ActionWriter
from app.config import Config
from app.config.web import is_loopback
from app.health import Health
from app.metrics import Metrics
from app.samples import PairSamples
from app.web import api, api_letters, api_pairs, api_signals, openapi, probes, series
from app.web.actions import Actions, Writer
from app.web.auth import Authenticator
from app.web.context import CONTEXT, Context, NoSeries, Reader, SeriesSource
from app.web.events import EventStream
from app.web.guard import Guard
from app.web.malformed import Runner
from app.web.pages import ROUTES
from app.web.problems import add_headers, answer_properly
from app.web.sign_in import SignIn
from app.web.static_files import static_file

__all__ = ["WebServer", "create_web"]

#: No request that is meant carries more.
BODY_BYTES = 16 * 1024
log = structlog.get_logger(__name__)


def create_web(
    config: Config,
    health: Health,
    read_model: Reader,
    metrics: Metrics,
    histories: SeriesSource | None = None,
    *,
    writer: Writer | None = None,
) -> web.Application:
    """The application, without a socket; ``writer`` puts actions on their topic, by default with a producer of its own."""
    authenticator = Authenticator(config.web)
    guard = Guard(config.web, authenticator, metrics)
    app = web.Application(middlewares=[answer_properly, guard.check, openapi.refuse_unknown], client_max_size=BODY_BYTES)
    samples = PairSamples(config)
    app[CONTEXT] = Context(
        health, read_model, metrics, config.topics.prefix, samples, series=NoSeries() if histories is None else histories
    )
    events = EventStream(read_model, metrics, app[CONTEXT].briefs)
    sign_in = SignIn(config.web, authenticator, metrics)
    actions = Actions(read_model, ActionWriter(config) if writer is None else writer)
    app.add_routes([*ROUTES, *_read(events), *_written(actions), *_signed_in(sign_in)])
    app.on_response_prepare.append(add_headers)
    app.on_shutdown.append(events.close)
    app.on_cleanup.append(actions.close)
    app.on_cleanup.append(authenticator.close)
    app.on_cleanup.append(lambda _: samples.close())
    if not (authenticator.required or is_loopback(config.web.host)):
        log.warning("anybody in the network may look at this; web.auth says who may", host=config.web.host)
    return app


def _read(events: EventStream) -> list[web.RouteDef]:
    """What changes nothing: the API, the probes, the files of the pages."""
    return [
        web.get("/api/v1/models", api.models),
        web.get("/api/v1/models/{name:[^/]+}", api.model),
        web.get("/api/v1/models/{name:[^/]+}/series", series.series),
        web.get("/api/v1/models/{name:[^/]+}/traffic", series.traffic),
        web.get("/api/v1/models/{name:[^/]+}/signals", api_signals.signals),
        web.get("/api/v1/models/{name:[^/]+}/versions", api_signals.versions),
        web.get("/api/v1/models/{name:[^/]+}/histograms", api_signals.histograms),
        web.get("/api/v1/models/{name:[^/]+}/pairs", api_pairs.pairs),
        web.get("/api/v1/alerts", api.alerts),
        web.get("/api/v1/alerts/{fingerprint:[^/]+}", api.alert),
        web.get("/api/v1/silences", api.silences),
        web.get("/api/v1/triggers", api.triggers),
        web.get("/api/v1/triggers/{id:[^/]+}", api.trigger),
        web.get("/api/v1/dead-letters", api_letters.dead_letters),
        web.get("/api/v1/pipeline", api.pipeline),
        web.get("/api/v1/openapi.json", openapi.openapi),
        web.get("/api/v1/events", events.follow, allow_head=False),
        web.get("/metrics", probes.metrics),
        web.get("/-/healthy", probes.healthy),
        web.get("/-/ready", probes.ready),
        web.get("/static/{name:.+}", static_file),
    ]


def _written(actions: Actions) -> list[web.RouteDef]:
    """What people decide."""
    return [
        web.post("/api/v1/alerts/{fingerprint:[^/]+}/acknowledge", actions.acknowledge),
        web.post("/api/v1/silences", actions.silence),
        web.delete("/api/v1/silences/{id:[^/]*}", actions.unsilence),
        web.post("/api/v1/triggers/{id:[^/]+}/approve", actions.approve),
        web.post("/api/v1/triggers/{id:[^/]+}/reject", actions.reject),
        web.post("/api/v1/models/{name:[^/]+}/triggers", actions.fire),
    ]


def _signed_in(sign_in: SignIn) -> list[web.RouteDef]:
    """Who one is."""
    return [
        web.get("/api/v1/me", sign_in.me),
        web.get("/signin", sign_in.show),
        web.post("/signin", sign_in.sign_in),
        web.post("/signout", sign_in.sign_out),
    ]


class WebServer:
    """``start`` binds, ``stop`` lets the answers under way finish. Port 0 takes a free one; ``url`` says which."""

    def __init__(self, app: web.Application, host: str, port: int) -> None:
        self._runner = Runner(app, shutdown_timeout=2.0)
        self._host, self._port = host, port
        self.url = ""

    async def start(self) -> str:
        """Listen; the address that was bound. Raises OSError where it is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
        log.info("web is listening", url=self.url)
        return self.url

    async def stop(self) -> None:
        """Close the socket and the streams."""
        await self._runner.cleanup()
