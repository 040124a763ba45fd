"""Partitions that are added to one input while the workers run, then to all topics, as an operator would put it right.

With unequal counts halves cannot meet, and two workers would share a partition number: the service has to end, and to refuse
its start, by name, and what it did not take in has to wait. With the new number everywhere, the configuration included, it goes
on where it was. The traffic of `load` is over before; some requests come on each partition before the fault, while nobody reads
and at the end, on partitions that are named, both halves on the same.
"""

from __future__ import annotations

import json
import time

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined]  # it is there

from app.config import Config
from app.topic_table import specs
from tests.faults.campaign import Campaign
from tests.faults.logs_cut import INPUTS, settled
from tests.faults.onlooker import Follower, Onlooker
from tests.integration.committed import read_all
from tests.integration.harness import PARTITIONS, Worker, eventually

MORE = 6
REQUESTS = 120
#: A consumer looks at the topics again every thirty seconds; then the group is rebalanced.
NOTICED_SECONDS = 90.0
WORDS = "predictions.legacy has 6 partitions"


def partitions_added(run: Campaign) -> None:
    """One input from four to six; then all."""
    run.until(lambda: run.traffic.ended, "the traffic to be judged", 300)
    admin = AdminClient({"bootstrap.servers": run.service.servers.bootstrap_servers})
    _grow(run, admin, "predictions.legacy")
    began = time.monotonic()
    sent = _send(run, "at-work", PARTITIONS)
    reasons = [_end_of(worker, began) for worker in run.workers]
    sent += _send(run, "unread", PARTITIONS)
    refusals = [_refusal_of(worker) for worker in run.workers]
    _grow(run, admin, *(spec.name for spec in specs(Config()) if spec.name != "predictions.legacy"))
    run.service.partitions = MORE
    before = _look_on(run)
    for worker in run.workers:
        worker.set_up("GNOMON_TOPICS__PARTITIONS", str(MORE))
        worker.start()
    sent += _send(run, "after", MORE)
    run.until(lambda: _said(run) >= sent, f"{sent} requests to come out")
    settled(run)
    run.until(lambda: set(before) <= set(run.onlooker.seen), "the second onlooker to have seen what the first saw")
    run.faults.append(f"predictions.legacy from {PARTITIONS} to {MORE} partitions; later all topics and the configuration")
    run.notes += [*reasons, *refusals, f"with {MORE} everywhere {sent:,} requests came out, a part of them on new partitions"]


def _grow(run: Campaign, admin: AdminClient, *topics: str) -> None:
    for done in admin.create_partitions([NewPartitions(run.service.prefix + topic, MORE) for topic in topics]).values():
        done.result()


def _send(run: Campaign, word: str, partitions: int) -> int:
    """Requests with both halves, spread over so many partitions."""
    producer, now = Producer({"bootstrap.servers": run.service.servers.bootstrap_servers}), int(time.time() * 1000)
    for number in range(REQUESTS):
        for topic, version in zip(INPUTS, ("1.4.0", "2.0.0"), strict=True):
            key = f"added-{word}-{number}"
            value = {"request_id": key, "model": "added", "version": version, "timestamp": now, "prediction": 0.5}
            producer.produce(run.service.prefix + topic, json.dumps(value), key, number % partitions)
    assert producer.flush(30) == 0
    return REQUESTS


def _end_of(worker: Worker, began: float) -> str:
    """That it ended by itself and said why; nobody starts it again meanwhile."""
    eventually(lambda: worker.child.ended, NOTICED_SECONDS, lambda: f"{worker.name} goes on: {worker.get('/-/ready')}")
    said = next((line for line in worker.log().splitlines() if "worker ends" in line), "")
    assert WORDS in said, f"{worker.name} does not say why it ended:\n{worker.log()}"
    seconds, why = time.monotonic() - began, said.partition("reason=")[2]
    return f"{worker.name} ended with {worker.child.exit_code} after {seconds:.0f} s: {why}"


def _refusal_of(worker: Worker) -> str:
    """That it does not start, and says why."""
    worker.start()
    eventually(lambda: worker.child.ended, NOTICED_SECONDS, lambda: f"{worker.name} started: {worker.get('/-/ready')}")
    said = next((line for line in worker.log().splitlines() if "partitions is 6" in line), "")
    assert worker.child.exit_code == 1, f"{worker.name} ended with {worker.child.exit_code}\n{worker.log()}"
    assert said, f"{worker.name} does not say why it does not start:\n{worker.log()}"
    return f"{worker.name} refuses to start: {said}"


def _look_on(run: Campaign) -> list[tuple[str, int, int, int]]:
    """An onlooker that knows the new partitions, in place of the first; what that one has seen."""
    seen = run.onlooker.finish()
    servers = run.service.servers.bootstrap_servers
    run.onlooker = Onlooker(Follower(servers, run.service.prefix, ("pairs", "dead.letters"), MORE)).start()
    return seen


def _said(run: Campaign) -> int:
    records = read_all(run.service.servers.bootstrap_servers, run.service.prefix, "pairs", partitions=MORE)
    return sum(1 for each in records if json.loads(each.value or b"{}")["request_id"].startswith("added-"))
