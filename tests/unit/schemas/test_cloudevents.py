"""What ``schemas.cloudevents`` writes, read by the CloudEvents SDK: the oracle knows nothing of our code."""

from typing import Any, NamedTuple

import msgspec
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka, from_kafka_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalogue import MESSAGES
from schemas.cloudevents import binary_headers, rfc3339, structured
from schemas.dead_letter import dead_letter
from schemas.envelope import parse_time
from schemas.examples import EXAMPLES

BINARY = [message for message in MESSAGES if message.form == "binary"]
STRUCTURED = [message for message in MESSAGES if message.form == "structured"]
TIME_MS = 1_790_000_000_123
TIMES = st.integers(0, 4_102_444_800_000)  # to the year 2100


def attributes(event: Any) -> dict[str, Any]:
    """The attributes but for the record's key, which the SDK adds, with the time as text."""
    found = {name: value for name, value in event.get_attributes().items() if name != "partitionkey"}
    return {name: value if isinstance(value, str) else value.isoformat() for name, value in found.items()}


@pytest.mark.parametrize("message", BINARY, ids=lambda message: message.name)
def test_the_sdk_reads_what_goes_out_in_binary_mode(message: Any) -> None:
    for example in EXAMPLES[message.name]:
        headers = binary_headers(message.event, "/gnomon/pair", "credit/r-000123", TIME_MS, "credit")
        value = msgspec.json.encode(msgspec.json.decode(msgspec.json.encode(example), type=message.type))
        event = from_kafka_event(KafkaMessage(dict(headers), "credit", value))
        assert event.get_data() == example
        assert attributes(event) == {
            "specversion": "1.0",
            "type": message.event,
            "source": "/gnomon/pair",
            "id": "credit/r-000123",
            "time": "2026-09-21T14:13:20.123000+00:00",
            "subject": "credit",
            "datacontenttype": "application/json",
        }


@pytest.mark.parametrize("message", STRUCTURED, ids=lambda message: message.name)
def test_the_sdk_reads_what_goes_out_in_structured_mode(message: Any) -> None:
    for example in EXAMPLES[message.name]:
        value, headers = structured(
            message.event,
            "/gnomon/decide",
            "id-1",
            msgspec.convert(example, message.type),
            time_ms=TIME_MS,
            subject="credit",
            correlationid="r-000123",
            causationid="id-0",
        )
        event = from_kafka_event(KafkaMessage(dict(headers), "credit", value))
        assert event.get_data() == example
        assert attributes(event) == {
            "specversion": "1.0",
            "type": message.event,
            "source": "/gnomon/decide",
            "id": "id-1",
            "time": "2026-09-21T14:13:20.123000+00:00",
            "subject": "credit",
            "correlationid": "r-000123",
            "causationid": "id-0",
            "datacontenttype": "application/json",
        }
        assert dict(headers)["content-type"].startswith(b"application/cloudevents+json")


def test_a_message_without_the_optional_attributes_has_the_required_ones_alone() -> None:
    headers = dict(binary_headers("io.gnomon.pair.v1", "/gnomon/pair", "1"))
    assert headers.keys() == {"ce_specversion", "ce_type", "ce_source", "ce_id", "content-type"}
    value, _ = structured("io.gnomon.alert.v1", "/gnomon/decide", "1", {})
    assert msgspec.json.decode(value).keys() == {"specversion", "type", "source", "id", "datacontenttype", "data"}


class Refused(NamedTuple):
    """A record that went to the dead letters."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


def test_the_sdk_reads_a_dead_letter_of_bytes_that_are_no_json() -> None:
    record = Refused(7, TIME_MS, b"k", b"\x00\xff", [("ce_id", b"the producer's own"), ("traceparent", b"00")])
    key, value, headers = dead_letter(
        "test.outcomes", "outcomes", 3, record, "unsupported_encoding", "the first byte is 0x00", 1 << 21
    )
    assert (key, value) == (b"k", b"\x00\xff")
    event = from_kafka(KafkaMessage(dict(headers), key, value), Untouched(), CloudEvent)
    assert (event.get_type(), event.get_id(), event.get_data()) == ("io.gnomon.dead.letter.v1", "outcomes/3/7", value)


class Untouched(JSONFormat):
    """The SDK's format for data that is not JSON: a dead letter has no content type of its own."""

    def read_data(self, body: bytes, datacontenttype: str | None) -> bytes:
        assert datacontenttype is None
        return body


@given(TIMES)
def test_a_time_comes_back_from_its_text(time_ms: int) -> None:
    assert parse_time(rfc3339(time_ms), "$.time") == time_ms
