"""A producer that has gone wrong altogether: its partition is paused, somebody is told, and all comes out in the end."""

from __future__ import annotations

import json
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from app.dev.servers import Servers
from tests.integration.committed import read_all
from tests.integration.harness import PARTITIONS, Service, eventually

pytestmark = pytest.mark.integration

#: The fourth: the key of a good event that lies there is known.
PARTITION, POISON, GOOD = 3, 4_000, 600
SETTINGS = {
    "GNOMON_REFUSALS__EVENTS": "500",
    "GNOMON_REFUSALS__PAUSE_MS": "5000",
    # Longer than all pauses together: what waits for the paused topic is not given up.
    "GNOMON_PAIRING__WINDOW_MS": "600000",
    "GNOMON_PAIRING__DEDUPLICATION_MS": "900000",
}


class Sender:
    """Puts records on one partition, whatever their keys: the partition is what a pause is about."""

    def __init__(self, service: Service) -> None:
        self._producer, self._prefix = Producer({"bootstrap.servers": service.servers.bootstrap_servers}), service.prefix

    def poison(self, count: int) -> None:
        """So many records that are no JSON, each too large for more than some hundred to be fetched at once."""
        for number in range(count):
            self._producer.produce(f"{self._prefix}predictions.shadow", b"no event " * 400, b"p%d" % number, PARTITION)
            self._producer.poll(0)
        self._producer.flush(30)

    def good(self, count: int, first_ms: int) -> None:
        """So many requests with both halves, one a second of event time."""
        for number in range(count):
            for topic, version in (("predictions.legacy", "1"), ("predictions.shadow", "2")):
                event = {
                    "request_id": f"r{number}", "model": "credit", "version": version,
                    "timestamp": first_ms + number * 1_000, "prediction": 0.5,
                }  # fmt: skip
                self._producer.produce(f"{self._prefix}{topic}", json.dumps(event).encode(), b"r%d" % number, PARTITION)
            self._producer.poll(0)
        self._producer.flush(30)


def alerts(service: Service) -> list[dict[str, Any]]:
    found = read_all(service.servers.bootstrap_servers, service.prefix, "alerts")
    told = [json.loads(record.value or b"{}")["data"] for record in found]
    return [alert for alert in told if alert["labels"]["alertname"] == "InputPaused"]


def refused(service: Service) -> Counter[str]:
    found = read_all(service.servers.bootstrap_servers, service.prefix, "dead.letters")
    return Counter(record.header("source.offset") for record in found)


def test_nearly_all_refused_pauses_a_partition_and_drops_nothing(servers: Servers, prefix: str, tmp_path: Path) -> None:
    with Service(servers, prefix, tmp_path, toml='[models.default]\nshadows = ["2"]\n', settings=SETTINGS) as service:
        worker = service.worker("pair", "decide").ready(lambda live: len(live["pair"]) == len(live["decide"]) == PARTITIONS)
        sender = Sender(service)
        sender.poison(POISON)
        sender.good(GOOD, int(time.time() * 1000) - GOOD * 1_000)
        [alert] = eventually(lambda: alerts(service), 60, worker.log)
        assert alert["status"] == "firing"
        assert alert["labels"]["topic"] == "predictions.shadow"
        assert f"partition {PARTITION} is paused" in alert["annotations"]["description"]
        assert len(refused(service)) < POISON, "all was read before the alert"
        # The worker looks once a second, and between two pauses it reads.
        ready = partial(worker.get, "/-/ready")
        said = eventually(lambda: [each for each in [ready()] if "predictions.shadow paused" in each[1]], 20, worker.log)
        assert [status for status, _ in said] == [200]

        def paired() -> int:
            return len(read_all(service.servers.bootstrap_servers, service.prefix, "pairs"))

        eventually(lambda: paired() == GOOD, 120, lambda: f"{paired()} paired, {len(refused(service))} refused\n{worker.log()}")
        assert refused(service) == Counter(str(offset) for offset in range(POISON))
        assert not sum(worker.metric("gnomon_pairing_unaccounted").values())
        assert sum(worker.metric("gnomon_pairing_pauses_total").values()) >= 2
        told = eventually(lambda: [each for each in alerts(service) if each["status"] == "resolved"], 60, worker.log)
        assert [each["startsAt"] for each in told] == [alert["startsAt"]]
        eventually(lambda: "paused" not in worker.get("/-/ready")[1], 30, worker.log)
        assert worker.lives == 1
