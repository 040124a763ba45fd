"""Logs and checkpoints that are not what they were: each is refused by name, and what it does not touch goes on.

The traffic of `load` is over and judged before. Then the workers end in good order, the inputs are noted, some requests are sent
that nobody reads yet, something is broken, and the workers start again. At the end the oracle judges the noted inputs together
with those requests that were not to be refused: a refused partition may say nothing at all of what it was not able to read.
"""

from __future__ import annotations

import json
import re
import time

from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.faults.campaign import Campaign
from tests.integration.committed import Publisher, read_all

INPUTS = ("predictions.legacy", "predictions.shadow")
#: The partition that is broken, and requests that are sent while nobody reads.
BROKEN, UNREAD = 1, 400
SETTLED_SECONDS = 10.0


def _down(run: Campaign) -> AdminClient:
    """All traffic through; the workers end; a few requests more."""
    run.until(lambda: run.traffic.ended, "the traffic to be judged", 300)
    for worker in run.workers:
        worker.terminate()
    publisher, now = Publisher(run.service.servers.bootstrap_servers, run.service.prefix), int(time.time() * 1000)
    for number in range(UNREAD):
        for topic, version in zip(INPUTS, ("1.4.0", "2.0.0"), strict=True):
            key = f"unread-{number}"
            value = {"request_id": key, "model": "unread", "version": version, "timestamp": now, "prediction": 0.5}
            publisher.send(topic, key.encode(), json.dumps(value).encode())
    publisher.flush()
    run.inputs = read_all(run.service.servers.bootstrap_servers, run.service.prefix, *INPUTS)
    return AdminClient({"bootstrap.servers": run.service.servers.bootstrap_servers})


def _refused(run: Campaign, words: str, partitions: set[int]) -> None:
    """Start; the partitions fail with these words, the others take up what waited; nothing of the former is said."""
    for worker in run.workers:
        worker.start()
    began = time.monotonic()
    run.until(lambda: _failed(run, words).keys() == partitions, f"{sorted(partitions)} to be refused with {words!r}")
    run.notes.append(f"refused after {time.monotonic() - began:.1f} s: {next(iter(_failed(run, words).values()))}")
    run.refused = partitions
    # A request whose halves are in a refused partition waits there: not lost, not said.
    waiting = [each for each in run.inputs or () if each.partition in partitions and (each.key or b"").startswith(b"unread-")]
    gone = {(each.topic, each.partition, each.offset) for each in waiting}
    run.inputs = [each for each in run.inputs or () if (each.topic, each.partition, each.offset) not in gone]
    before, wanted = run.onlooker.pairs, UNREAD - len(waiting) // 2
    run.until(lambda: _unread_pairs(run) >= wanted, f"the other partitions to say {wanted} requests", 60)
    assert _unread_pairs(run) == wanted, f"{_unread_pairs(run)} requests said, {wanted} wanted; {before} pairs before"
    run.notes.append(f"{wanted} requests of the other partitions came out, {UNREAD - wanted} of the refused one wait unsaid")
    settled(run)


def _unread_pairs(run: Campaign) -> int:
    records = read_all(run.service.servers.bootstrap_servers, run.service.prefix, "pairs")
    return sum(1 for each in records if json.loads(each.value or b"{}")["request_id"].startswith("unread-"))


def _failed(run: Campaign, words: str) -> dict[int, str]:
    """Which partitions of the pair role some worker says are refused so; ``/-/ready`` names one of a worker, its log all."""
    lines = [line for worker in run.workers for line in worker.log().splitlines() if "thrown away" in line and words in line]
    told = [(re.search(r"partition=(\d+)", line), line) for line in lines if "role=pair" in line]
    return {int(number[1]): line.partition("error=")[2].partition(" partition=")[0] for number, line in told if number}


def settled(run: Campaign) -> None:
    """Until detect has said all it has to say: nothing more for ten seconds."""
    known, since, service = -1, time.monotonic(), run.service

    def still() -> bool:
        nonlocal known, since
        topic, partitions = "drift.statistics", service.partitions
        count = len(read_all(service.servers.bootstrap_servers, service.prefix, topic, partitions=partitions))
        if count != known:
            known, since = count, time.monotonic()
        return time.monotonic() - since > SETTLED_SECONDS

    run.until(still, "the statistics to settle")


def log_cut(run: Campaign) -> None:
    """DeleteRecords up to the end of one partition of the legacy topic: records that nobody has read."""
    admin, name = _down(run), f"{run.service.prefix}predictions.legacy"
    done = admin.delete_records([TopicPartition(name, BROKEN, -1)])
    begins = [each.result().low_watermark for each in done.values()]
    run.faults.append(f"predictions.legacy-{BROKEN} cut up to offset {begins[0]}, past what was read")
    _refused(run, "LogCutError", {BROKEN})


def checkpoint_garbage(run: Campaign) -> None:
    """A record that is no checkpoint under the key of one."""
    _down(run)
    producer = Producer({"bootstrap.servers": run.service.servers.bootstrap_servers})
    producer.produce(f"{run.service.prefix}checkpoints.pair", b'{"format": 1, "sequence": 7, "gar', str(BROKEN), BROKEN)
    assert producer.flush(30) == 0
    run.faults.append(f"garbage written into checkpoints.pair-{BROKEN}")
    _refused(run, "CheckpointError", {BROKEN})


def checkpoint_deleted(run: Campaign) -> None:
    """The whole topic is gone: to begin anew would write everything twice."""
    _down(run)
    run.service.lose_checkpoints()
    run.faults.append("the topic checkpoints.pair deleted and made again, empty")
    _refused(run, "the checkpoints were lost", set(range(run.service.partitions)))
