"""What the topology says of the flow against what a broker saw: each role runs alone, on what those before it left.

What a role reads is what its group was given, and where its offsets were committed. What it writes are the topics that have
more records after it than before.
Traffic makes every role say all that it can: drift, a poisonous event, a wrong outcome, an action that is none.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from app.config import Config
from app.dev.child import Child
from app.dev.servers import Servers
from app.topic_table import specs
from app.topology import FLOW
from tests.integration.committed import Publisher
from tests.integration.harness import PARTITIONS, ROOT, Service, eventually
from tests.integration.test_flow import CHAIN

pytestmark = pytest.mark.integration

WINDOWS = {"WINDOW": "4000", "GRACE": "1000", "DEDUPLICATION": "20000"}


class Broker:
    """What it knows of one prefix."""

    def __init__(self, service: Service) -> None:
        self._prefix = service.prefix
        self._admin = AdminClient({"bootstrap.servers": service.servers.bootstrap_servers})

    def ends(self) -> dict[str, int]:
        """The end offsets of each topic, added up."""
        places = [TopicPartition(self._prefix + spec.name, at) for spec in specs(Config()) for at in range(PARTITIONS)]
        ends = dict.fromkeys((spec.name for spec in specs(Config())), 0)
        for place, answer in self._admin.list_offsets({place: OffsetSpec.latest() for place in places}).items():
            ends[place.topic.removeprefix(self._prefix)] += answer.result().offset
        return ends

    def given_to(self, role: str) -> set[str]:
        """The topics of which the members of a role's group hold partitions now."""
        [answer] = self._admin.describe_consumer_groups([f"{self._prefix}gnomon-{role}"]).values()
        places = [place for member in answer.result().members for place in member.assignment.topic_partitions]
        return {place.topic.removeprefix(self._prefix) for place in places}

    def committed_by(self, role: str) -> set[str]:
        """The topics for which a role's group has committed offsets."""
        group = ConsumerGroupTopicPartitions(f"{self._prefix}gnomon-{role}")
        [answer] = self._admin.list_consumer_group_offsets([group]).values()
        return {place.topic.removeprefix(self._prefix) for place in answer.result().topic_partitions}


def send_all_that_a_role_can_speak_of(service: Service) -> None:
    command = [sys.executable, "-m", "load", "--scenario", "drift", "--requests", "12000", "--seed", "3", "--no-verify"]
    sending = Child(command, service.folder / "load.log", ROOT, service.environment)
    try:
        assert sending.wait_ended(60), sending.tail()
        assert sending.exit_code == 0, sending.tail()
    finally:
        sending.stop()
    publisher = Publisher(service.servers.bootstrap_servers, service.prefix)
    publisher.send("predictions.legacy", b"r", b"no event")
    publisher.send("outcomes", b"r", b"no outcome")
    publisher.send("actions", b"credit", b"no action")
    publisher.flush()


def run_alone(role: str, service: Service, broker: Broker) -> None:
    """One role, until it has read all and written to all that it should; then nothing else may have been touched."""
    topics, before = FLOW[role], broker.ends()
    commits = set() if topics.checkpoints is None else {topics.checkpoints}

    def grown() -> set[str]:
        return {topic for topic, end in broker.ends().items() if end > before[topic]}

    def is_done() -> bool:
        lags = worker.metric("gnomon_lag_records")
        return len(lags) == PARTITIONS and not sum(lags.values()) and grown() >= commits | set(topics.writes)

    worker = service.worker(role).ready()
    assert broker.given_to(role) == set(topics.reads)
    eventually(is_done, 60, lambda: f"{role} has written to {sorted(grown())} only")
    worker.terminate()
    assert grown() == commits | set(topics.writes)
    assert broker.committed_by(role) == (set(topics.reads) if commits else set())


def test_each_role_reads_and_writes_what_the_topology_says(servers: Servers, prefix: str, tmp_path: Path) -> None:
    settings = {f"GNOMON_PAIRING__{name}_MS": value for name, value in WINDOWS.items()}
    with Service(servers, prefix, tmp_path, toml=CHAIN, settings=settings) as service:
        broker = Broker(service)
        send_all_that_a_role_can_speak_of(service)
        for role in FLOW:
            run_alone(role, service, broker)
