"""Connections: how many there may be, how long one may be idle, and what on one is no HTTP.

What is no HTTP, or too long to be read as it, is answered like every other refusal: as a problem, counted, with no trace logged.

The library refuses such requests before there is a route, with plain text that repeats what came, and with an error and its
trace in the log, which anybody could fill. It logs one too for a body that cannot be unpacked, even where nobody reads it; so
none is unpacked, and ``bodies`` refuses them.

*Bounds.* ``CONNECTIONS`` at once, since an answer stays in memory until it is taken, long after the guard has counted its request
as over; the next one is closed at once and counted. ``IDLE_SECONDS`` until the next request has come, or the first.
"""

import asyncio
from collections.abc import Callable

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from app.metrics import Metrics
from app.web.context import CONTEXT
from app.web.problems import SECURITY_HEADERS, problem

__all__ = ["CONNECTIONS", "IDLE_SECONDS", "Runner"]

#: Four for each request that may be under way.
CONNECTIONS = 1_024
#: Longer than the 60 s for which proxies keep theirs, so that it is they who close.
IDLE_SECONDS = 75.0
log = structlog.get_logger(__name__)
_DETAIL = "this cannot be read as HTTP; allowed: HTTP/1.1, the first line and each header in at most 8190 bytes"


class _Handler(web.RequestHandler):
    """A connection. The class is put in the place of the library's on connections that it has made."""

    __slots__ = ()
    #: Set by the runner's own subclass.
    metrics: Metrics

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection, or close it where there are too many."""
        if self._manager is None or len(self._manager.connections) < CONNECTIONS:
            super().connection_made(transport)
            return
        self.metrics.web_refused.labels("connections").inc()
        self.force_close()
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Refuse what could not be read; all else is as the library has it."""
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        self.metrics.web_requests.labels("unknown", "4xx").inc()
        log.debug("a request cannot be read", reason=type(exc).__name__)
        response = problem(400, _DETAIL, dict(SECURITY_HEADERS))
        response.force_close()
        return response


class Runner(web.AppRunner):
    """A runner whose connections answer so."""

    def __init__(self, app: web.Application, *, shutdown_timeout: float) -> None:
        super().__init__(
            app, access_log=None, shutdown_timeout=shutdown_timeout, keepalive_timeout=IDLE_SECONDS, auto_decompress=False
        )
        self._handler = type("_CountingHandler", (_Handler,), {"__slots__": (), "metrics": app[CONTEXT].metrics})

    @property
    def server(self) -> Callable[[], web.RequestHandler] | None:  # type: ignore[override]  # all that a site does with it
        """What makes a connection."""
        made = super().server
        if made is None:
            return None

        def make() -> web.RequestHandler:
            handler = made()
            handler.__class__ = self._handler
            return handler

        return make
