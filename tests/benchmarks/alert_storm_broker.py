"""The storm of ``tests.benchmarks.alert_storm`` on a real Kafka: a worker with the role decide reads it from the topic.

The statistics lie on the partitions of their models. Asserted: each drifting signal was told, held back, or refused and counted;
each model was told of; no id came twice. Measured: the CPU time of the worker from one round to the next, its memory, what lies
on ``alerts``. Retraining is off: the topic of pairs is empty, and triggers would ask for it.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable

import msgspec
from aiokafka import AIOKafkaProducer

from app.dev.ports import free_ports
from app.dev.servers import Servers
from app.domain.placement import place
from schemas.statistics import DriftStatistics
from tests.benchmarks.alert_storm import PAGES, SIGNALS, captured, statistics
from tests.benchmarks.processes import cpu_of, gnomon, peak_bytes_of, running, scrape, total
from tests.benchmarks.results import committed
from tests.benchmarks.workload import PARTITIONS
from tests.decide_builders import record_of

__all__ = ["on_a_broker"]

SETTINGS = ("--set", "models.default.retrain.enabled=false", "--set", f"models.default.alerts.pages_per_week={PAGES}",
            "--set", "models.default.alerts.cause_s=0")  # fmt: skip
_WAIT_S = 180.0


async def _write(bootstrap: str, said: Iterable[DriftStatistics]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=5)
    await producer.start()
    for one in said:
        record = record_of(one, 0)
        headers = list(record.headers)
        await producer.send("drift.statistics", record.value, record.key, place(one.model, PARTITIONS), headers=headers)
    await producer.stop()


async def _alerts(bootstrap: str) -> tuple[Counter[tuple[str, str]], int]:
    """By model and severity how many were told; how many bytes they are."""
    told, ids, size = Counter[tuple[str, str]](), Counter[str](), 0
    async for record in committed(bootstrap, ["alerts"]):
        event, size = msgspec.json.decode(record.value), size + len(record.value)
        ids[event["id"]] += 1
        labels = event["data"]["labels"]
        told[labels["model"], labels["severity"]] += 1
    assert max(ids.values()) == 1, "an alert was written twice"
    return told, size


def _wait(port: int, done: "Done") -> dict[str, float]:
    deadline = time.monotonic() + _WAIT_S
    while not done(figures := scrape(port)):
        assert time.monotonic() < deadline, figures
        time.sleep(0.05)
    return figures


class Done:
    """Whether so many records of the partitions' logs are committed."""

    def __init__(self, records: int) -> None:
        self.records = records

    def __call__(self, figures: dict[str, float]) -> bool:
        return total(figures, "gnomon_events_read_total") >= self.records and not total(figures, "gnomon_lag_records")


def on_a_broker(models: int) -> None:
    """Quiet, drift, drift goes on."""
    samples, port = captured(), free_ports(1)[0]
    rounds = (("quiet", "quiet", 0), ("drift", "drift", 1), ("goes on", "drift", 2))
    with Servers(log=lambda _: None) as servers:
        bootstrap = servers.bootstrap_servers
        environment = {"GNOMON_KAFKA__BOOTSTRAP_SERVERS": bootstrap, "GNOMON_TOPICS__PARTITIONS": str(PARTITIONS),
                       "GNOMON_WEB__PORT": str(port)}  # fmt: skip
        assert gnomon("topics", "create", environment=environment).wait() == 0
        with running(gnomon("worker", "--role", "decide", *SETTINGS, environment=environment)) as worker:
            _wait(port, bool)
            print("| round | records | µs of CPU a record, all included | peak MB |\n|---|---|---|---|")
            for number, (name, state, minute) in enumerate(rounds, start=1):
                before = cpu_of(worker.pid)
                asyncio.run(_write(bootstrap, statistics(models, state, minute, samples)))  # type: ignore[arg-type]
                figures = _wait(port, Done(number * models * len(SIGNALS)))
                cpu_us = (cpu_of(worker.pid) - before) / (models * len(SIGNALS)) * 1e6
                print(
                    f"| {name} | {models * len(SIGNALS):,} | {cpu_us:.0f} | {peak_bytes_of(worker.pid) / 1e6:.0f} |", flush=True
                )
                if name == "drift":
                    _check(models, figures)
            told, size = asyncio.run(_alerts(bootstrap))
            assert max(count for (_, severity), count in told.items() if severity == "critical") <= PAGES
            assert len({model for model, _ in told}) == models, "a model was told nothing"
            print(f"\n{told.total():,} alerts of {models:,} models, {size / 1e6:.1f} MB; {_said(figures)}")


def _check(models: int, figures: dict[str, float]) -> None:
    told, held = total(figures, "gnomon_decide_alerts_total"), total(figures, "gnomon_decide_alerts_held_back")
    refused = total(figures, "gnomon_decide_refused_total")
    assert told + held + refused == models * len(SIGNALS), (told, held, refused)


def _said(figures: dict[str, float]) -> dict[str, float]:
    names = ("alerts_total", "alerts_held_back_total", "refused_total")
    return {name: value for name in names if (value := total(figures, f"gnomon_decide_{name}"))}
