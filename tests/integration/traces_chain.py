"""What `test_traces` stands on: a producer that writes W3C trace headers by OpenTelemetry, and `gnomon traces` as a process."""

from __future__ import annotations

import json
import random
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.dev.child import Child
from app.dev.ports import free_ports
from tests.integration.committed import Publisher, Seen, read_all
from tests.integration.harness import ROOT, Service, eventually
from tests.integration.scene import encoded, legacy, shadow
from tests.otlp_receiver import OtlpServer

REQUESTS, STEP_MS = 6_000, 8
#: One request in so many is in a trace that is recorded.
RECORDED_EACH = 5


class Chain:
    """A service whose log ends with an alert, and what the producer wrote: the headers of each request's legacy half."""

    def __init__(self, service: Service, wrote: dict[str, dict[str, str]]) -> None:
        self.service, self.wrote = service, wrote

    def read(self, topic: str) -> list[Seen]:
        return read_all(self.service.servers.bootstrap_servers, self.service.prefix, topic)

    def alerts(self) -> list[tuple[Seen, dict[str, Any]]]:
        """Those that fire and rest on pairs."""
        found = [(record, json.loads(record.value or b"")["data"]) for record in self.read("alerts")]
        return [(record, data) for record, data in found if data["status"] == "firing" and data["evidence"].get("offsets")]


def produce(bootstrap: str, otlp: OtlpServer) -> dict[str, dict[str, str]]:
    """As an application does it: a span for each request, its context into the headers, both halves sent."""
    providers = [provider(otlp, sampler) for sampler in (ALWAYS_ON, ALWAYS_OFF)]
    recorded, unrecorded = (each.get_tracer("scoring") for each in providers)
    propagator, publisher = TraceContextTextMapPropagator(), Publisher(bootstrap, "traces.")
    drawn, start_ms, wrote = random.Random(7), time.time_ns() // 1_000_000 - REQUESTS * STEP_MS, {}
    for number in range(REQUESTS):
        id_, carrier = f"r-{number}", dict[str, str]()
        tracer = unrecorded if number % RECORDED_EACH else recorded
        with tracer.start_as_current_span("predict"):
            propagator.inject(carrier)
        headers = [(name, value.encode()) for name, value in carrier.items()]
        income = drawn.gauss(5_000.0 if number < REQUESTS / 2 else 9_000.0, 800.0)
        about = {"timestamp": number * STEP_MS / 1_000, "features": {"income": income}}
        for half in (legacy(id_, "credit", drawn.random(), **about), shadow(id_, "credit", drawn.random(), **about)):
            publisher.send(half.topic, half.key, encoded(half.value, start_ms), headers if half.topic.endswith("legacy") else ())
        wrote[id_] = carrier
        if number % 500 == 499:
            publisher.flush()
    for each in providers:
        each.shutdown()
    return wrote


def provider(otlp: OtlpServer, sampler: Sampler) -> TracerProvider:
    made = TracerProvider(sampler, Resource({"service.name": "scoring"}))
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{otlp.url}/v1/traces")))
    return made


class Traces:
    """A running `gnomon traces`."""

    def __init__(self, service: Service, url: str) -> None:
        [self._port] = free_ports(1)
        settings = {
            "GNOMON_TELEMETRY__ENDPOINT": url,
            "GNOMON_TELEMETRY__METRICS_PORT": str(self._port),
            "GNOMON_TELEMETRY__HEADERS": "x-tenant=risk",
            "GNOMON_TELEMETRY__TIMEOUT_S": "2",
        }
        command = [sys.executable, "-m", "app", "traces"]
        self.child = Child(command, service.folder / "traces.log", ROOT, service.environment | settings)

    def count(self, series: str) -> float:
        """One series of its metrics; 0 before it serves them."""
        assert not self.child.ended, self.child.tail()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return 0.0
        return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{series} "))

    def done(self, result: str) -> float:
        return self.count(f'gnomon_traces_alerts_total{{result="{result}"}}')

    def wait_for(self, result: str, count: int) -> None:
        eventually(lambda: self.done(result) >= count, 60, self.child.tail)


@contextmanager
def running(service: Service, url: str) -> Iterator[Traces]:
    """Started; at the end it has to leave by itself, with 0."""
    traces = Traces(service, url)
    try:
        yield traces
        traces.child.stop()
        assert traces.child.exit_code == 0, traces.child.tail()
    finally:
        traces.child.stop()


def committed(service: Service) -> int:
    """Records of `alerts` that the group is done with."""
    group = [ConsumerGroupTopicPartitions(f"{service.prefix}gnomon-traces")]
    admin = AdminClient({"bootstrap.servers": service.servers.bootstrap_servers})
    [asked] = admin.list_consumer_group_offsets(group).values()
    return sum(max(0, place.offset) for place in asked.result(30).topic_partitions)


def forget_group(service: Service) -> None:
    admin = AdminClient({"bootstrap.servers": service.servers.bootstrap_servers})
    [asked] = admin.delete_consumer_groups([f"{service.prefix}gnomon-traces"]).values()
    asked.result(30)
