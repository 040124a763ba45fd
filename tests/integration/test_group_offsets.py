"""The consumer group's offsets, as somebody sees them who watches the lag: once a second, and none is left at the end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # it is there

from app.dev.servers import Servers
from tests.integration.committed import Publisher, read_all
from tests.integration.harness import PARTITIONS, Service, eventually

pytestmark = pytest.mark.integration
INPUTS = ("predictions.legacy", "predictions.shadow")
#: No prediction: a letter at once. What is sent last is committed within an interval, and then nothing comes.
POISON = b"no event"


def lags(service: Service) -> dict[tuple[str, int], int]:
    """What the role ``pair`` has not said to have read, by input and partition."""
    admin = AdminClient({"bootstrap.servers": service.servers.bootstrap_servers})
    places = [TopicPartition(service.prefix + topic, at) for topic in INPUTS for at in range(PARTITIONS)]
    ends = admin.list_offsets({place: OffsetSpec.latest() for place in places})  # type: ignore[no-untyped-call]  # as above
    group = ConsumerGroupTopicPartitions(f"{service.prefix}gnomon-pair", places)
    [answer] = admin.list_consumer_group_offsets([group]).values()
    said = {(each.topic, each.partition): max(0, each.offset) for each in answer.result().topic_partitions}
    return {
        (place.topic, place.partition): end.result().offset - said[place.topic, place.partition] for place, end in ends.items()
    }


def send(service: Service, count: int, pause_s: float) -> None:
    """Letters for each partition, in bursts that end in different transactions."""
    publisher = Publisher(service.servers.bootstrap_servers, service.prefix)
    for number in range(count):
        for topic in INPUTS:
            for at in range(3 * PARTITIONS):
                publisher.send(topic, b"%d-%d" % (number, at), POISON)
        publisher.flush()
        time.sleep(pause_s)  # the distance of the bursts, not a wait


def letters(service: Service) -> int:
    return len(read_all(service.servers.bootstrap_servers, service.prefix, "dead.letters"))


def test_no_lag_is_left_when_all_is_read_nor_when_the_worker_leaves(servers: Servers, prefix: str, tmp_path: Path) -> None:
    with Service(servers, prefix, tmp_path) as service:
        worker = service.worker("pair").ready(lambda held: len(held["pair"]) == PARTITIONS)
        send(service, 4, 0.15)
        eventually(lambda: not any(lags(service).values()), 10, lambda: str(lags(service)))
        send(service, 2, 0.15)
        eventually(lambda: letters(service) == 6 * len(INPUTS) * 3 * PARTITIONS, 20, lambda: str(letters(service)))
        worker.terminate()
        assert not any(lags(service).values()), lags(service)
