"""The embedded Kafka: a real broker, one KRaft node. What it has written stays until the owner of the folder removes it."""

from __future__ import annotations

from pathlib import Path

from app.dev.answers import kafka_answers
from app.dev.kafka_runtime import KafkaRuntime
from app.dev.kafka_settings import kafka_settings, write_settings
from app.dev.ports import HOST
from app.dev.server import Server

__all__ = ["KafkaServer"]


class KafkaServer(Server):
    """One broker; `sustained` is for long loads: more memory, the optimising compiler."""

    name = "Kafka"
    ports_needed = 2  # the second one is the controller's

    def __init__(self, runtime: KafkaRuntime, folder: Path, port: int | None = None, *, sustained: bool = False) -> None:
        super().__init__(folder, port)
        self._runtime = runtime
        self._sustained = sustained

    @property
    def bootstrap_servers(self) -> str:
        return f"{HOST}:{self.port}"

    def _command(self, ports: list[int]) -> list[str]:
        port, controller_port = ports
        data = self.folder / "data"
        self._runtime.lay_storage(data)
        settings = write_settings(self.folder / "server.properties", kafka_settings(port, controller_port, data))
        return self._runtime.command("kafka.Kafka", str(settings), sustained=self._sustained)

    def _answers(self, port: int) -> bool:
        return kafka_answers(port)
