"""The privates of Faust that the transport replaces: each is as it was when they were read, or an upgrade needs a look.

That they work is shown by every integration test; this says which one changed, before anything else fails in its own way.
"""

from __future__ import annotations

import inspect
from importlib.metadata import version
from typing import Any, NamedTuple

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer import fetcher
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faust.tables.recovery import Recovery
from faust.transport import consumer
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import ConsumerMessage

from app.config import KafkaSettings, Secret
from app.folds import transport
from app.folds.transport import create_app
from app.kafka import client_arguments, faust_credentials

ARGUMENTS = {
    "bootstrap_servers": ["a:1", "b:2"], "group_id": "g", "session_timeout_ms": 6_000, "heartbeat_interval_ms": 2_000,
    "request_timeout_ms": 40_000,
}  # fmt: skip


class Private(NamedTuple):
    """Where it is, which parameters it has, and what its source has that ours answers to."""

    owner: Any
    name: str
    parameters: tuple[str, ...]
    says: tuple[str, ...]


REPLACED = (
    Private(
        driver.AIOKafkaConsumerThread, "_create_worker_consumer", ("self", "transport"),
        ("RoundRobinPartitionAssignor", 'isolation_level: str = "read_uncommitted"', "fetch_max_wait_ms=1500", "_assignor = "),
    ),
    Private(
        driver.AIOKafkaConsumerThread, "_fetch_records", ("self", "consumer", "active_partitions", "timeout", "max_records"),
        ("if not self.consumer.flow_active:", "fetcher.fetched_records("),
    ),
    Private(driver.Consumer, "_new_consumer_thread", ("self",), ("ConsumerThread(self, loop=self.loop, beacon=self.beacon)",)),
    Private(consumer.ThreadDelegateConsumer, "seek_to_committed", ("self",), ("self._thread.seek_to_committed()",)),
    Private(
        consumer.Consumer, "getmany", ("self", "timeout"),
        ("self._wait_next_records(timeout)", "perform_seek()", "yield tp, to_message"),
    ),
)  # fmt: skip
#: What the replacements call, and who calls them.
RELIED_ON = (
    Private(consumer.Consumer, "_wait_next_records", ("self", "timeout"), ("self.can_resume_flow",)),
    Private(consumer.Consumer, "perform_seek", ("self",), ("await self.seek_to_committed()", "read_offset.update(")),
    Private(consumer.Consumer, "_drain_messages", ("self", "fetcher"), ("get_read_offset(tp)", "or offset >= r_offset:")),
    Private(consumer.ConsumerThread, "call_thread", ("self", "fun", "args", "kwargs"), ()),
    Private(driver.AIOKafkaConsumerThread, "getmany", ("self", "active_partitions", "timeout"), ("self._fetch_records,",)),
    Private(Recovery, "_resume_streams", ("self", "generation_id"), ("if assignment:", "consumer.perform_seek()")),
    Private(AIOKafkaConsumer, "highwater", ("self", "partition"), ("highwater",)),
    Private(AIOKafkaConsumer, "last_poll_timestamp", ("self", "partition"), ("timestamp",)),
)  # fmt: skip


@pytest.mark.parametrize("private", REPLACED + RELIED_ON, ids=lambda private: f"{private.owner.__name__}.{private.name}")
def test_it_is_as_it_was(private: Private) -> None:
    changed = f"faust-streaming {version('faust-streaming')}, aiokafka {version('aiokafka')}: {private.name} changed"
    member = inspect.unwrap(inspect.getattr_static(private.owner, private.name))
    assert tuple(inspect.signature(member).parameters) == private.parameters, changed
    source = inspect.getsource(member)
    assert [part for part in private.says if part not in source] == [], changed


def test_the_replacements_stand_where_faust_looks_for_them() -> None:
    for private, ours in zip(REPLACED, (transport._Thread, transport._Thread, *[transport._Consumer] * 3), strict=True):
        assert private.name in vars(ours), private.name
        assert issubclass(ours, private.owner)
    assert driver.Transport.Consumer is driver.Consumer
    assert transport._Transport.Consumer is transport._Consumer


def test_the_two_attributes_are_there() -> None:
    assert "_thread" in consumer.ThreadDelegateConsumer.__annotations__
    assert "_read_offset" in consumer.Consumer.__annotations__


def test_a_message_is_made_as_we_make_it() -> None:
    names = list(inspect.signature(ConsumerMessage).parameters)
    assert names[:12] == [
        "topic", "partition", "offset", "timestamp", "timestamp_type", "headers", "key", "value", "checksum",
        "serialized_key_size", "serialized_value_size", "tp",
    ]  # fmt: skip
    assert "generation_id" in names


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("PartitionRecords", "FetchResult"):
        monkeypatch.setattr(fetcher, name, getattr(fetcher, name))  # `create_app` replaces them in the whole process
    return create_app("g", ARGUMENTS, 4)


def test_an_app_is_a_host_and_nothing_else(app: Any) -> None:
    conf = app.conf
    assert (conf.id, [str(url) for url in conf.broker]) == ("g", ["kafka://a:1", "kafka://b:2"])
    assert (conf.web_enabled, conf.topic_disable_leader, conf.topic_allow_declare, conf.stream_wait_empty) == (
        False,
        True,
        False,
        False,
    )
    assert (conf.broker_session_timeout, conf.broker_heartbeat_interval, conf.broker_request_timeout) == (6.0, 2.0, 40.0)
    assert isinstance(app.transport, transport._Transport)


def test_the_producer_of_fausts_own_logs_in_too(app: Any) -> None:
    settings = KafkaSettings(
        security_protocol="SASL_PLAINTEXT", sasl_mechanism="SCRAM-SHA-512", sasl_username="me", sasl_password=Secret("hunter2")
    )
    guarded = create_app("g", ARGUMENTS, 4, faust_credentials(settings))
    arguments = driver.credentials_to_aiokafka_auth(guarded.conf.broker_credentials)
    wanted = client_arguments(settings)
    assert {name: wanted.get(name) for name in arguments} == dict(arguments)


async def test_the_consumer_is_made_with_our_arguments(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []

    def make(**arguments: Any) -> object:
        made.append(arguments)
        return object()

    monkeypatch.setattr("aiokafka.AIOKafkaConsumer", make)
    app.consumer_arguments = {"group_id": "g", "isolation_level": "read_committed", "auto_offset_reset": "earliest"}
    thread = object.__new__(transport._Thread)
    thread.consumer = type("Faust", (), {"app": app})()
    thread.app = app
    thread._create_worker_consumer(app.transport)
    [arguments] = made
    assert arguments["partition_assignment_strategy"] == [RangePartitionAssignor]
    assert (arguments["isolation_level"], arguments["auto_offset_reset"]) == ("read_committed", "none")
    assert arguments["max_poll_records"] is None  # a run is not cut by a count of records
    assert arguments["fetch_max_wait_ms"] < 100
    inspect.signature(AIOKafkaConsumer).bind(**arguments)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"legacy": 4, "shadow": 4}, None),
        ({"legacy": 4, "shadow": 0}, None),  # nothing is known of it just now
        ({"legacy": 6, "shadow": 4}, r"legacy has 6 partitions, topics\.partitions is 4"),
        ({"legacy": 4, "shadow": 5}, r"shadow has 5 partitions, topics\.partitions is 4"),
    ],
)
async def test_partitions_that_were_added_are_refused_by_name(app: Any, counts: dict[str, int], words: str | None) -> None:
    class Thread:
        async def call_thread(self, _: Any) -> dict[str, int]:
            return counts

    consumer = object.__new__(transport._Consumer)
    consumer.app, consumer._thread = app, Thread()
    if words is None:
        await consumer._look_at_counts()
        return
    with pytest.raises(transport.PartitionCountError, match=words):
        await consumer._look_at_counts()
