"""A broker that refuses one batch of a transaction for good: the rest of the transaction must not stand."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from app.dev.servers import Servers
from tests.integration.committed import Publisher, read_all
from tests.integration.harness import PARTITIONS, Service, eventually

pytestmark = pytest.mark.integration

INPUTS = ("predictions.legacy", "predictions.shadow")


def allow(service: Service, size: str) -> None:
    """Let `pairs` take records of this size."""
    admin = AdminClient({"bootstrap.servers": service.servers.bootstrap_servers})
    entry = ConfigEntry("max.message.bytes", size, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, f"{service.prefix}pairs", incremental_configs=[entry])
    for done in admin.incremental_alter_configs([resource]).values():
        done.result()


def send(service: Service, first: int, last: int, features: dict[str, str]) -> None:
    publisher, now = Publisher(service.servers.bootstrap_servers, service.prefix), int(time.time() * 1000)
    for number in range(first, last):
        for topic, version in zip(INPUTS, ("1", "2"), strict=True):
            event = {
                "request_id": f"r{number}", "model": "credit", "version": version, "timestamp": now,
                "prediction": 0.5, "features": features,
            }  # fmt: skip
            publisher.send(topic, b"r%d" % number, json.dumps(event).encode())
    publisher.flush()


def pairs(service: Service) -> Counter[str]:
    found = read_all(service.servers.bootstrap_servers, service.prefix, "pairs")
    return Counter(json.loads(record.value or b"{}")["request_id"] for record in found)


def test_what_was_refused_comes_out_once_it_may(servers: Servers, prefix: str, tmp_path: Path) -> None:
    wide = {f"f{number}": f"{number * 7919 % 1009:04d}-{number:x}" for number in range(1_500)}  # does not compress to nothing
    with Service(servers, prefix, tmp_path, toml='[models.default]\nshadows = ["2"]\n') as service:
        worker = service.worker("pair").ready(lambda live: len(live["pair"]) == PARTITIONS)
        send(service, 0, 20, {})
        eventually(lambda: len(pairs(service)) == 20, 60)
        allow(service, "4000")
        send(service, 20, 40, wide)
        eventually(lambda: "MessageSizeTooLarge" in worker.log(), 60, worker.log)
        allow(service, "4000000")
        send(service, 40, 60, {})
        eventually(lambda: len(pairs(service)) == 60, 90, lambda: f"{sorted(pairs(service))}\n{worker.log()}")
        assert set(pairs(service).values()) == {1}
