"""`Servers` as the tests, the demo and the benchmarks use it: killed, stopped and started again at the same address."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest
import redis
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from app.dev.answers import kafka_answers, redis_answers
from app.dev.errors import ServerEndedError
from app.dev.servers import Servers
from tests.integration.dev_command import alive
from tests.integration.harness import eventually

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def killable() -> Iterator[Servers]:
    """Servers of this file alone, since other tests' would be disturbed."""
    with Servers() as running:
        yield running


@pytest.fixture
def own(killable: Servers) -> Servers:
    killable.kafka.start()
    killable.redis.start()
    return killable


def _write(bootstrap: str, topic: str, value: bytes) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1, config={"max.message.bytes": "8000000"})])[topic].result(30)
    refused = []
    producer = Producer({"bootstrap.servers": bootstrap, "message.max.bytes": 8_000_000})
    producer.produce(topic, value, on_delivery=lambda error, _: refused.append(error) if error else None)
    assert producer.flush(30) == 0
    assert refused == []


def _read(bootstrap: str, topic: str) -> bytes | None:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": topic, "fetch.message.max.bytes": 8_000_000})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        message = consumer.poll(30)
        return None if message is None or message.error() else message.value()
    finally:
        consumer.close()


def test_a_killed_broker_comes_back_at_the_same_address_with_its_records(own: Servers) -> None:
    address, pid = own.bootstrap_servers, own.kafka.pid
    _write(address, "before", b"x" * 2_000_000)
    os.kill(pid, signal.SIGKILL)
    own.kafka.start()
    assert own.kafka.pid != pid
    assert own.bootstrap_servers == address
    assert _read(address, "before") == b"x" * 2_000_000


def test_starting_what_runs_changes_nothing_and_stopping_twice_is_no_error(own: Servers) -> None:
    pid = own.redis.pid
    own.redis.start()
    assert own.redis.pid == pid
    own.redis.stop()
    own.redis.stop()
    assert not alive(pid)
    assert not redis_answers(own.redis.port)
    own.redis.start()
    assert redis_answers(own.redis.port)


def test_a_restarted_redis_is_empty(own: Servers) -> None:
    with redis.Redis.from_url(own.redis_url) as before:
        before.set("key", "value")
    own.redis.kill()
    own.redis.start()
    with redis.Redis.from_url(own.redis_url) as after:
        assert after.get("key") is None


def test_a_stopped_process_does_not_answer_and_can_be_ended(own: Servers) -> None:
    pid = own.kafka.pid
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: not kafka_answers(own.kafka.port), 30)  # a signal reaches the last of its threads a moment later
    own.kafka.stop()
    assert not alive(pid)
    with pytest.raises(ServerEndedError, match="Kafka is not running"):
        _ = own.kafka.pid


def test_the_servers_outlive_the_thread_that_started_them() -> None:
    servers = Servers()
    thread = threading.Thread(target=servers.__enter__)
    thread.start()
    thread.join()
    try:
        assert kafka_answers(servers.kafka.port)
        assert redis_answers(servers.redis.port)
    finally:
        servers.__exit__(None, None, None)
