"""Three brokers that replicate: nodes that are killed, stopped, woken and restarted while the service runs on them.

Each node is a broker and a controller, from the jars that `app.dev` runs one of. Everything has three replicas of which two have
to be in sync, the service's topics by `gnomon topics create`. Who leads what is asked of the brokers; who is the active
controller stands in a file that each node keeps, since a broker names any node to clients. A node whose folder stays is the same
node after its restart; nothing is left at the end of the `with` block.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from confluent_kafka.admin import AdminClient

from app.dev.cache import data_folder
from app.dev.kafka_runtime import KafkaRuntime, kafka_runtime, new_id
from app.dev.kafka_server import KafkaServer
from app.dev.kafka_settings import kafka_settings, write_settings
from app.dev.ports import HOST, free_ports
from app.dev.redis_server import RedisServer, find_redis
from app.dev.servers import Servers
from tests.integration.harness import ROOT, Service

NODES = 3
#: Of the broker's internal topics, as in `app.dev`.
INTERNAL_PARTITIONS = 4
TOGETHER = {
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "offsets.topic.num.partitions": str(INTERNAL_PARTITIONS),
    "transaction.state.log.num.partitions": str(INTERNAL_PARTITIONS),
}
SMALL_HEAP = {"-Xms256m": "-Xms128m", "-Xmx512m": "-Xmx256m"}


class Node(KafkaServer):
    """One of the three: broker and controller. All ports are chosen before, since each has to know the controllers' ones."""

    ports_needed = 1

    def __init__(self, runtime: KafkaRuntime, folder: Path, number: int, port: int, voters: dict[int, int], cluster: str) -> None:
        super().__init__(runtime, folder, port)
        self.number, self._voters, self._cluster = number, voters, cluster

    def _command(self, ports: list[int]) -> list[str]:
        settings = kafka_settings(ports[0], self._voters[self.number], self.folder / "data") | TOGETHER
        settings["node.id"] = str(self.number)
        settings["controller.quorum.voters"] = ",".join(f"{number}@{HOST}:{port}" for number, port in self._voters.items())
        path = write_settings(self.folder / "server.properties", settings)
        if not (self.folder / "data" / "meta.properties").exists():
            self._runtime.format(path, self._cluster)
        return [SMALL_HEAP.get(word, word) for word in self._runtime.command("kafka.Kafka", str(path))]

    def end(self) -> None:
        """By force, whatever it is doing; a node without the others takes long to stop in order."""
        if self._child is not None:
            self.kill()

    def pause(self) -> None:
        """SIGSTOP."""
        os.kill(self.pid, signal.SIGSTOP)

    def wake(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    @property
    def quorum(self) -> tuple[int, int]:
        """The epoch of the controllers' last election that this node knows, and who won it (-1: nobody yet)."""
        path = self.folder / "data" / "__cluster_metadata-0" / "quorum-state"
        state: dict[str, Any] = json.loads(path.read_text())
        return state["leaderEpoch"], state["leaderId"]


class ClusterServers(Servers):
    """As `Servers`, with three nodes in place of one broker; `kafka` is the first of them."""

    nodes: list[Node]

    def __enter__(self) -> ClusterServers:
        with ExitStack() as started:
            runtime, redis = kafka_runtime(self._log), find_redis()
            folder = started.enter_context(data_folder(self._directory))
            ports, cluster = free_ports(2 * NODES), new_id()
            voters = dict(enumerate(ports[NODES:], 1))
            self.nodes = [
                Node(runtime, folder / f"kafka-{number}", number, ports[number - 1], voters, cluster) for number in voters
            ]
            self.kafka, self.redis = self.nodes[0], RedisServer(redis, folder / "redis")
            for node in self.nodes:
                started.callback(node.end)
            started.callback(self.redis.stop)
            self.redis.start()
            self.start(*self.nodes)
            self._cleanup = started.pop_all()
        return self

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(node.bootstrap_servers for node in self.nodes)

    def start(self, *nodes: Node) -> None:
        """All at once, since one alone does not answer; return when each does."""
        with ThreadPoolExecutor(NODES) as pool:
            for done in [pool.submit(node.start) for node in nodes]:
                done.result()

    def node(self, number: int) -> Node:
        """By its id."""
        return self.nodes[number - 1]

    @property
    def controller(self) -> Node:
        """The active controller, by the latest election that any node knows of."""
        return self.node(max(node.quorum for node in self.nodes)[1])

    def leader(self, topic: str, partition: int) -> Node:
        """Who leads a partition now."""
        return self.node(self._topics(topic)[topic].partitions[partition].leader)

    def out_of_sync(self) -> list[str]:
        """Partitions of which a replica is not in sync."""
        return [
            f"{name}-{number}"
            for name, topic in self._topics().items()
            for number, each in topic.partitions.items()
            if len(each.isrs) < len(each.replicas)
        ]

    def _topics(self, name: str | None = None) -> dict[str, Any]:
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers})
        found = admin.list_topics(timeout=20) if name is None else admin.list_topics(name, timeout=20)
        return dict(found.topics)


class ClusterService(Service):
    """Its topics have three replicas each, and are made by the product's own command."""

    def create_topics(self, *, but: tuple[str, ...] = ()) -> None:
        assert not but
        for word in ("create", "check"):
            command = [sys.executable, "-m", "app", "topics", word]
            done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, env=self.environment)
            assert done.returncode == 0, done.stdout + done.stderr


def coordinated_by(name: str) -> int:
    """Which partition of an internal topic an id belongs to: Java's hash of it, without the sign."""
    value = 0
    for letter in name:
        value = (31 * value + ord(letter)) & 0xFFFFFFFF
    return (value & 0x7FFFFFFF) % INTERNAL_PARTITIONS
