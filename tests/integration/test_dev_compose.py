"""A real broker started with the Kafka settings of `docker-compose.yml`: only hosts, ports and the data folder are other ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from app.dev.answers import kafka_answers
from app.dev.child import Child, wait_until_answers
from app.dev.kafka_runtime import kafka_runtime
from app.dev.kafka_settings import write_settings
from app.dev.ports import free_ports
from tests.compose_file import kafka_environment, kafka_properties

pytestmark = pytest.mark.integration

COMPOSE_PORTS = ("9092", "19092", "29093")


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[dict[str, int]]:
    """Port in the file -> port of a broker that runs with the file's settings."""
    ports = dict(zip(COMPOSE_PORTS, free_ports(3), strict=True))
    here = {
        key: re.sub(r"(localhost|kafka|(?<=//)):(\d+)", lambda match: f"127.0.0.1:{ports[match[2]]}", value)
        for key, value in kafka_properties().items()
    }
    settings = write_settings(tmp_path / "server.properties", here | {"log.dirs": str(tmp_path / "data")})
    runtime = kafka_runtime(print)
    runtime.format(settings, kafka_environment()["CLUSTER_ID"])
    child = Child(runtime.command("kafka.Kafka", str(settings)), tmp_path / "log.txt", tmp_path)
    try:
        wait_until_answers(child, "Kafka", lambda: kafka_answers(ports["9092"]), 60)
        yield ports
    finally:
        child.stop()


def test_both_ways_in_answer_and_send_their_clients_back_to_themselves(ports: dict[str, int]) -> None:
    for port in (ports["9092"], ports["19092"]):
        admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}"})
        metadata = admin.list_topics(timeout=20)
        assert [(broker.id, broker.port) for broker in metadata.brokers.values()] == [(1, port)]
        assert metadata.cluster_id == kafka_environment()["CLUSTER_ID"]
    admin.create_topics([NewTopic("t", 4, 1)])["t"].result(20)
