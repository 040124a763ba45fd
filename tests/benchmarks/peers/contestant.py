"""The pair role by the contract of the peers' harness: topics and group from its environment, ``@first``, its record's form.

The worker is the product's own, with all that it does; it differs in the names of its two inputs (``worker``). It writes its
own records to topics of its own, and what is measured is their append time: when all is read the worker ends, and only then
each record is rewritten in the form that the harness checks, with the append time that it had (so the harness's topic takes
times as they are given). Rewriting lies behind the last measured moment, and the harness counts CPU up to there.
"""

import json
import os
import signal
import subprocess
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from tests.benchmarks.processes import SHADOWS, gnomon, scrape, total

__all__: list[str] = []

PORT = 18_094
STATUSES = {"paired": "pair", "legacy_only": "legacy_only", "shadow_only": "shadow_only"}


def settings() -> dict[str, str]:
    """Of the worker: the harness's window and grace, a prefix that nobody has had."""
    env = os.environ
    horizon_ms = int(env["PEERS_WINDOW_MS"]) + int(env["PEERS_GRACE_MS"])  # the least that is allowed
    return {
        "GNOMON_KAFKA__BOOTSTRAP_SERVERS": env["PEERS_BOOTSTRAP"], "GNOMON_TOPICS__PREFIX": env["PEERS_GROUP"] + ".",
        "GNOMON_TOPICS__PARTITIONS": env["PEERS_PARTITIONS"], "GNOMON_WEB__PORT": str(PORT), "GNOMON_LOG__LEVEL": "warning",
        "GNOMON_PAIRING__WINDOW_MS": env["PEERS_WINDOW_MS"], "GNOMON_PAIRING__GRACE_MS": env["PEERS_GRACE_MS"],
        "GNOMON_PAIRING__DEDUPLICATION_MS": str(horizon_ms),
    }  # fmt: skip


def stamped(topic: str, kind: str) -> None:
    """Which time the records of a topic have: when they were appended, or what their producer says."""
    entry = ConfigEntry("message.timestamp.type", kind, incremental_operation=AlterConfigOpType.SET)
    admin = AdminClient({"bootstrap.servers": os.environ["PEERS_BOOTSTRAP"]})
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
    for done in admin.incremental_alter_configs([resource]).values():
        done.result()


def consumer() -> Consumer:
    return Consumer(
        {"bootstrap.servers": os.environ["PEERS_BOOTSTRAP"], "group.id": "translator", "enable.partition.eof": True,
         "isolation.level": "read_committed", "enable.auto.commit": False}
    )  # fmt: skip


def places(topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, at, 0) for at in range(int(os.environ["PEERS_PARTITIONS"]))]


def records(topic: str) -> int:
    """How many there are in a topic without transactions."""
    client = consumer()
    ends = [client.get_watermark_offsets(place, timeout=20) for place in places(topic)]
    client.close()
    return sum(high - low for low, high in ends)


def translate(source: str, target: str) -> None:
    """Every record of the pair role in the harness's form."""
    client, producer = consumer(), Producer({"bootstrap.servers": os.environ["PEERS_BOOTSTRAP"], "compression.type": "lz4"})
    client.assign(places(source))
    left = len(places(source))
    while left:
        for message in client.consume(10_000, 1.0):
            if message.error():
                left -= 1
                continue
            producer.produce(
                target, translated(message.value() or b""), partition=message.partition(), timestamp=message.timestamp()[1]
            )
            producer.poll(0)
    producer.flush()
    client.close()


def translated(value: bytes) -> bytes:
    body = json.loads(value)
    legacy, shadow = body["legacy"], next(iter(body["shadows"]), None)
    record = {"request_id": body["request_id"], "status": STATUSES.get(body["status"], body["status"])}
    for name, half in (("legacy", legacy), ("shadow", shadow)):
        if half is not None:
            record |= {name: half["prediction"], f"{name}_ms": half["latency_ms"]}
    if legacy and shadow:
        record["diff"] = abs(shadow["difference"])
    return json.dumps(record).encode()


def main() -> None:
    env, environment = os.environ, settings()
    pairs = environment["GNOMON_TOPICS__PREFIX"] + "pairs"
    events = records(env["PEERS_LEGACY"]) + records(env["PEERS_SHADOW"])
    assert gnomon("topics", "create", environment=environment).wait() == 0
    stamped(pairs, "LogAppendTime")
    stamped(env["PEERS_OUT"], "CreateTime")
    command = [sys.executable, "-m", "tests.benchmarks.peers.worker", "worker", "--role", "pair", *SHADOWS]
    worker = subprocess.Popen(command, env=env | environment)
    while total(figures := scrape(PORT), "gnomon_events_read_total") < events:
        assert worker.poll() is None, f"the worker ended with {worker.returncode}"
        time.sleep(0.5)
    assert total(figures, "gnomon_pairing_unaccounted") == 0, "the equation does not hold"
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    translate(pairs, env["PEERS_OUT"])
    signal.pause()


if __name__ == "__main__":
    main()
