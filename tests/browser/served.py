"""A server of pages in a thread of its own, with a read model in memory."""

import asyncio
import threading
from typing import Any

from prometheus_client import CollectorRegistry

from app.config import Config
from app.health import Health
from app.metrics import Metrics
from app.read_model.views import Overview
from app.web import WebServer, create_web
from tests.browser.filled import filled

__all__ = ["Served"]


class Served:
    """Pages of a read model that a test puts in; ``stop`` and ``start`` keep the port."""

    def __init__(self) -> None:
        self.seen: Overview = filled()
        self.health = Health(["pair", "serve"])
        for role in ("pair", "serve"):
            self.health.assign(role, [0])
            self.health.shard(role, 0, "live")
        self.metrics = Metrics.on(CollectorRegistry(), "0.1.0")
        self.metrics.figures("pair", 0, {"unaccounted": 0})
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._port = 0
        self.start()

    async def current(self) -> Overview:
        return self.seen

    def start(self) -> None:
        self._server = WebServer(create_web(Config(), self.health, self, self.metrics), "127.0.0.1", self._port)
        self.url = self._run(self._server.start()).rstrip("/")
        self._port = int(self.url.rpartition(":")[2])

    def stop(self) -> None:
        self._run(self._server.stop())

    def close(self) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)
