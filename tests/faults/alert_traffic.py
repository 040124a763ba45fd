"""What goes in and comes out: statistics at an even pace, and the topics as a reader of committed records has them."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable

from confluent_kafka import Producer

from app.domain.placement import place
from tests.faults.alert_conditions import Record
from tests.integration.committed import CommittedReader, Seen, reader
from tests.integration.harness import Service, Worker

__all__ = ["AlertLog", "Sender", "by_partition", "held_back", "now_ms"]


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def by_partition(service: Service, topic: str) -> dict[int, list[Seen]]:
    """All that is committed now."""
    records = defaultdict[int, list[Seen]](list)
    with reader(service.servers.bootstrap_servers, service.prefix, topic, partitions=service.partitions) as reading:
        reading.to_end(lambda record: records[record.partition].append(record))
    return records


def held_back(workers: Iterable[Worker]) -> dict[str, float]:
    """How many alerts the service held back, by reason, over all partitions; reasons without any are left out."""
    held = Counter[str]()
    for worker in workers:
        for labels, value in worker.metric("gnomon_decide_alerts_held_back_total").items():
            held[labels.partition('reason="')[2].partition('"')[0]] += int(value)
    return {reason: float(count) for reason, count in held.items() if count}


class AlertLog:
    """The topic `alerts` as it grows, by partition."""

    def __init__(self, service: Service) -> None:
        self.records = defaultdict[int, list[Seen]](list)
        self._reader = CommittedReader(service.servers.bootstrap_servers, service.prefix, ("alerts",), service.partitions)

    def count(self) -> int:
        """Read on to the end; how many there are."""
        self._reader.to_end(lambda record: self.records[record.partition].append(record))
        return sum(map(len, self.records.values()))

    def close(self) -> None:
        self._reader.close()


class Sender(threading.Thread):
    """Writes the records, each on its model's partition, at an even pace of event time whatever the service does."""

    def __init__(self, service: Service, records: Iterable[Record], seconds: float) -> None:
        super().__init__(name="sender")
        self._topic, self._partitions = f"{service.prefix}drift.statistics", service.partitions
        settings = {"bootstrap.servers": service.servers.bootstrap_servers, "acks": "all", "linger.ms": 20}
        self._producer = Producer(settings | {"enable.idempotence": True})
        self._records, self._seconds = list(records), seconds
        self._end = threading.Event()
        self._acknowledged = 0
        self._error: BaseException | None = None
        self.sent = 0

    @property
    def share(self) -> float:
        """Of the records, how much is sent."""
        return self.sent / len(self._records)

    @property
    def whole(self) -> bool:
        """Whether every record was acknowledged."""
        return self._acknowledged == len(self._records)

    def stop(self) -> None:
        """End it, wait for that, and raise what went wrong in it."""
        self._end.set()
        self.join()
        if self._error is not None:
            raise self._error

    def run(self) -> None:
        try:
            self._send(time.monotonic())
        except BaseException as error:  # noqa: BLE001  told where the thread is joined
            self._error = error

    def _send(self, begun: float) -> None:
        first, last = self._records[0].at, self._records[-1].at
        for record in self._records:
            ahead_s = begun + self._seconds * (record.at - first) / (last - first) - time.monotonic()
            if ahead_s > 0 and self._end.wait(ahead_s):
                return
            headers = [("ce_id", record.id.encode())]
            at = place(record.model, self._partitions)
            self._producer.produce(self._topic, record.value, record.key, at, headers=headers, on_delivery=self._delivered)
            self._producer.poll(0)
            self.sent += 1
        self._producer.flush(60)

    def _delivered(self, error: object, _: object) -> None:
        self._acknowledged += error is None
