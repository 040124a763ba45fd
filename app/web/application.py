"""The routes, and the server that answers them. Every worker runs one, whatever its roles."""

import structlog
from aiohttp import web

from app.config import Config
from app.health import Health
from app.metrics import Metrics
from app.web import api, openapi, page, probes
from app.web.context import CONTEXT, Context, Reader
from app.web.events import EventStream
from app.web.problems import add_headers, answer_properly
from app.web.static_files import static_file

__all__ = ["WebServer", "create_web"]

log = structlog.get_logger(__name__)


def create_web(config: Config, health: Health, read_model: Reader, metrics: Metrics) -> web.Application:
    """The application, without a socket."""
    app = web.Application(middlewares=[answer_properly], client_max_size=1024)
    app[CONTEXT] = Context(health, read_model, metrics, config.topics.prefix)
    events = EventStream(read_model, metrics)
    app.add_routes(
        [
            web.get("/", page.page),
            web.get("/api/v1/models", api.models),
            web.get("/api/v1/models/{name}", api.model),
            web.get("/api/v1/alerts", api.alerts),
            web.get("/api/v1/triggers", api.triggers),
            web.get("/api/v1/pipeline", api.pipeline),
            web.get("/api/v1/openapi.json", openapi.openapi),
            web.get("/api/v1/events", events.follow, allow_head=False),
            web.get("/metrics", probes.metrics),
            web.get("/-/healthy", probes.healthy),
            web.get("/-/ready", probes.ready),
            web.get("/static/{name}", static_file),
        ]
    )
    app.on_response_prepare.append(add_headers)
    app.on_shutdown.append(events.close)
    return app


class WebServer:
    """``start`` binds, ``stop`` lets the answers under way finish. Port 0 takes a free one; ``url`` says which."""

    def __init__(self, app: web.Application, host: str, port: int) -> None:
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
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
