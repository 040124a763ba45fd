"""Kafka and Redis together, for as long as a `with` block lasts: what the tests, the demo and the benchmarks run on.

    with Servers() as servers:
        servers.bootstrap_servers, servers.redis_url
        servers.kafka.stop(); servers.kafka.start(); servers.redis.pid

At the end of the block, and when the process dies in it, both servers end; without a `directory` their data is removed, after a
`kill -9` of this process by the next start on the machine. Several at once do not meet: each has its own folder and ports.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from app.dev.cache import data_folder
from app.dev.errors import ServerEndedError
from app.dev.kafka_runtime import kafka_runtime
from app.dev.kafka_server import KafkaServer
from app.dev.redis_server import RedisServer, find_redis
from app.dev.server import Server

__all__ = ["Servers"]


class Servers:
    """Both servers; ports that are not given are free ones, `log` takes the lines for people."""

    kafka: KafkaServer
    redis: RedisServer

    def __init__(
        self,
        directory: Path | None = None,
        kafka_port: int | None = None,
        redis_port: int | None = None,
        log: Callable[[str], None] = lambda _: None,
        *,
        sustained: bool = False,
    ) -> None:
        self._directory = directory
        self._asked_ports = kafka_port or None, redis_port or None  # 0 asks for a free one, as everywhere
        self._log = log
        self._sustained = sustained
        self._cleanup = ExitStack()

    def __enter__(self) -> Servers:
        with ExitStack() as started:
            runtime = kafka_runtime(self._log)
            redis = find_redis()
            folder = started.enter_context(data_folder(self._directory))
            kafka_port, redis_port = self._asked_ports
            self.kafka = KafkaServer(runtime, folder / "kafka", kafka_port, sustained=self._sustained)
            self.redis = RedisServer(redis, folder / "redis", redis_port, keep=self._directory is not None)
            for server in (self.kafka, self.redis):
                started.callback(server.stop)
                server.start()
            self._cleanup = started.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._cleanup.close()

    @property
    def bootstrap_servers(self) -> str:
        return self.kafka.bootstrap_servers

    @property
    def redis_url(self) -> str:
        return self.redis.url

    def wait_for_an_end(self) -> None:
        """Wait until one of the servers ends by itself, and raise `ServerEndedError` with its last words."""
        ended, _, _ = select.select([self.kafka.child, self.redis.child], [], [])
        server: Server = self.kafka if self.kafka.child in ended else self.redis
        child = server.child
        child.wait_ended(1.0)
        raise ServerEndedError(
            f"{server.name} (process {child.pid}) ended with {child.exit_code}; the end of {child.log}:\n{child.tail()}"
        )
