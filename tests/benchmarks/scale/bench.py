"""A broker, topics filled with a stream, workers of the pair role that read them to the end, and what they wrote.

A worker's time counts from the first sample with events to the first with all of them; it is sampled every 100 ms, and what
``gnomon_events_read_total`` says is committed. What came out is read back by another client: each request exactly once, as
many of each status as there must be; the conservation equation comes from the worker.
"""

import asyncio
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, NamedTuple

from confluent_kafka import Consumer, TopicPartition

from tests.benchmarks.processes import SHADOWS, cpu_of, gnomon, peak_bytes_of, running, scrape, total
from tests.benchmarks.scale.stream import Stream, Written, fill
from tests.benchmarks.workload import PARTITIONS

__all__ = ["Bench", "Reading", "Sample"]

PORT = 18_095
WAIT_S = 900.0


class Sample(NamedTuple):
    """What all workers together had read and used at a moment."""

    at_s: float
    cpu_s: float
    events: float


class Reading(NamedTuple):
    """From the first events to the last, and the largest resident size of a worker."""

    samples: list[Sample]
    peak_bytes: int

    def between(self, first: float, last: float) -> tuple[float, float]:
        """Events by CPU second and by second, in the stretch from one count of events to another."""
        begin = next(each for each in self.samples if each.events >= first)
        end = next(each for each in self.samples if each.events >= last)
        events = end.events - begin.events
        return events / (end.cpu_s - begin.cpu_s), events / (end.at_s - begin.at_s)

    def whole(self) -> tuple[float, float]:
        """The same for all of it."""
        return self.between(1, self.samples[-1].events)


class Bench:
    """One broker; each measurement has a prefix of its own."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    def environment(self, prefix: str, number: int = 0) -> dict[str, str]:
        """What a worker is started with."""
        return {
            "GNOMON_KAFKA__BOOTSTRAP_SERVERS": self.bootstrap, "GNOMON_TOPICS__PREFIX": prefix,
            "GNOMON_WEB__PORT": str(PORT + number), "GNOMON_LOG__LEVEL": "warning",
        }  # fmt: skip

    def fill(self, prefix: str, stream: Stream, rate: float = 0.0) -> Written:
        """Topics with this in them."""
        assert gnomon("topics", "create", environment=self.environment(prefix)).wait() == 0
        return asyncio.run(fill(self.bootstrap, prefix, stream, rate))

    @contextmanager
    def workers(
        self, prefix: str, count: int = 1, log: IO[bytes] | None = None, settings: dict[str, str] | None = None
    ) -> Iterator[list[subprocess.Popen[bytes]]]:
        """So many workers of the pair role."""
        with ExitStack() as stack:
            environments = [self.environment(prefix, number) | (settings or {}) for number in range(count)]
            started = [gnomon("worker", "--role", "pair", *SHADOWS, environment=each, log=log) for each in environments]
            yield [stack.enter_context(running(worker)) for worker in started]

    def read(self, workers: list[subprocess.Popen[bytes]], events: int) -> Reading:
        """Until all is read; the equation is asserted."""
        samples, deadline = list[Sample](), time.monotonic() + WAIT_S
        while not samples or samples[-1].events < events:
            time.sleep(0.1)
            assert time.monotonic() < deadline, f"{samples[-1:]} of {events} events"
            assert all(worker.poll() is None for worker in workers), "a worker has ended"
            cpu_s = sum(cpu_of(worker.pid) for worker in workers)
            scrapes = [scrape(PORT + number) for number in range(len(workers))]
            read = sum(total(each, "gnomon_events_read_total") for each in scrapes)
            if read:
                samples.append(Sample(time.perf_counter(), cpu_s, read))
        for number in range(len(workers)):
            assert total(scrape(PORT + number), "gnomon_pairing_unaccounted") == 0, "the equation does not hold"
        return Reading(samples, max(peak_bytes_of(worker.pid) for worker in workers))

    def check(self, prefix: str, stream: Stream, expected: Written) -> None:
        """Each request of the stream once in ``pairs``, with the right status."""
        seen, statuses = bytearray(stream.first + stream.requests), Counter[str]()
        for value in self._values(prefix + "pairs"):
            if value.startswith(b'{"request_id":"r'):
                number = int(value[16:28])
                assert not seen[number], f"request {number} was written twice"
                seen[number] = 1
            statuses["paired" if b'"status":"paired"' in value else "alone"] += 1
        assert all(seen[stream.first :]), "a request is missing"
        assert statuses == +Counter(paired=expected.paired, alone=expected.legacy_only), (statuses, expected)

    def _values(self, topic: str) -> Iterator[bytes]:
        consumer = Consumer(
            {"bootstrap.servers": self.bootstrap, "group.id": "scale", "isolation.level": "read_committed",
             "enable.partition.eof": True, "enable.auto.commit": False}
        )  # fmt: skip
        consumer.assign([TopicPartition(topic, at, 0) for at in range(PARTITIONS)])
        left = PARTITIONS
        while left:
            for message in consumer.consume(10_000, 1.0):
                if message.error():
                    left -= 1
                elif (value := message.value()) is not None:
                    yield value
        consumer.close()
