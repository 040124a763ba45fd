"""``docs/messages.md`` keeps its word: its examples fit the schemas, its producers publish, its figures are true."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from aiokafka.partitioner import DefaultPartitioner
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from app.domain.placement import partition_of
from schemas.catalogue import MESSAGES
from schemas.codec import PredictionDecoder
from schemas.envelope import parse_time
from schemas.json_schema import json_schemas
from schemas.limits import Limits

PAGE = (Path(__file__).parents[3] / "docs" / "messages.md").read_text()
BLOCKS = re.findall(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SCHEMAS = json_schemas()
PARTITIONS = 4
KEYS = [f"r-{number:06d}".encode() for number in range(2000)]


def examples() -> list[Any]:
    found = [(words.split(), json.loads(text)) for language, words, text in BLOCKS if language == "json"]
    return [pytest.param(words[-1], value["data"] if words[0] == "event" else value, id=words[-1]) for words, value in found]


@pytest.mark.parametrize(("name", "value"), examples())
def test_an_example_fits_the_schema_of_its_message(name: str, value: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(SCHEMAS[name]).validate(value)
    known = set(SCHEMAS[name]["properties"])
    assert {field for field in value if not field.startswith("source.header.")} <= known


def test_every_message_has_an_example_and_every_topic_a_chapter() -> None:
    assert {example.values[0] for example in examples()} == set(SCHEMAS)
    chapters = "".join(line for line in PAGE.splitlines() if line.startswith("### "))
    assert all(f"`{topic}`" in chapters for message in MESSAGES for topic in message.topics)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
def test_every_field_at_the_top_is_spoken_of(message: Any) -> None:
    fields = set(SCHEMAS[message.name]["properties"])
    assert {field for field in fields if field not in re.findall(r"[\w.]+", PAGE)} == set()


@pytest.fixture
def broker() -> Iterator[str]:
    """librdkafka's mock cluster: a broker within the process, up in milliseconds."""
    admin = AdminClient({"bootstrap.servers": "none", "test.mock.num.brokers": "1"})
    (address,) = (broker for broker in admin.list_topics(timeout=10).brokers.values())
    yield f"{address.host}:{address.port}"
    assert admin.poll(0) == 0  # it is the broker: kept until here


def python_block(word: str) -> dict[str, Any]:
    """The names that the page's Python example with this word in it defines."""
    (text,) = (text for language, _, text in BLOCKS if language == "python" and word in text)
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(text, "docs/messages.md", "exec"), names)
    return names


def received(broker: str, topic: str) -> Message:
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "page"})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    try:
        message = consumer.poll(30)
    finally:
        consumer.close()
    assert message is not None
    assert message.error() is None
    return message


class Read:
    """A record as the decoder takes it."""

    def __init__(self, message: Message) -> None:
        self.key, self.value, self.headers = message.key(), message.value(), message.headers() or []
        self.timestamp, self.offset = message.timestamp()[1], message.offset()


async def test_the_aiokafka_example_publishes_a_prediction_that_is_taken(broker: str) -> None:
    await python_block("AIOKafkaProducer")["publish"](broker)
    half = PredictionDecoder(Limits())(Read(received(broker, "predictions.legacy")))
    assert (half.request_id, half.model, half.prediction) == ("r-000123", "credit", 0.87)


def test_the_confluent_example_publishes_an_event_that_is_taken(broker: str) -> None:
    python_block("confluent_kafka")["publish"](broker)
    record = Read(received(broker, "predictions.shadow"))
    half = PredictionDecoder(Limits())(record)
    assert (half.request_id, half.model, half.prediction) == ("r-000123", "credit", 0.81)
    assert half.timestamp == parse_time(dict(record.headers)["ce_time"].decode(), "ce_time")


def placed(broker: str, **settings: str) -> list[int]:
    """Where a librdkafka client puts the keys."""
    found: dict[bytes, int] = {}
    producer = Producer({"bootstrap.servers": broker, **settings})

    def note(error: object, message: Message) -> None:
        assert error is None
        found[message.key()] = message.partition()

    for key in KEYS:
        producer.produce("predictions.legacy", b"{}", key=key, on_delivery=note)
    assert producer.flush(30) == 0
    return [found[key] for key in KEYS]


def test_librdkafka_places_keys_as_java_does_with_the_setting_and_by_chance_without(broker: str) -> None:
    wanted = [partition_of(key, PARTITIONS) for key in KEYS]
    assert placed(broker, partitioner="murmur2_random") == wanted
    agree = sum(here == there for here, there in zip(placed(broker), wanted, strict=True))
    assert abs(agree / len(KEYS) - 1 / PARTITIONS) < 0.05


def test_aiokafka_places_keys_as_java_does() -> None:
    everywhere = list(range(PARTITIONS))
    place = DefaultPartitioner()
    assert [place(key, everywhere, everywhere) for key in KEYS] == [partition_of(key, PARTITIONS) for key in KEYS]
