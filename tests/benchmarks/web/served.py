"""The process that is measured: the web server of a worker without roles, on one core, over a read model in Redis."""

import asyncio
import contextlib
import gc
import os
import sys

from prometheus_client import CollectorRegistry

from app.config import Config
from app.health import Health
from app.logs import set_up_logs
from app.metrics import Metrics
from app.read_model import ReadModel, connect
from app.web import WebServer, create_web
from app.worker import _GC_THRESHOLDS
from tests.benchmarks.web.filled import PARTITIONS

__all__: list[str] = []


async def _serve(redis_url: str) -> None:
    set_up_logs(Config().log)
    redis = connect(redis_url)
    read_model = ReadModel(redis, "", PARTITIONS)
    metrics = Metrics.on(CollectorRegistry(), "0", ())
    server = WebServer(create_web(Config(), Health(()), read_model, metrics), "127.0.0.1", 0)
    print(await server.start(), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    gc.set_threshold(*_GC_THRESHOLDS)  # as a worker has it
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(sys.argv[1]))
