"""The wire samples in ``tests/golden/messages``: what was once written or accepted stays so.

A sample is never edited, only added: a message may gain an optional field, and then an old sample still decodes. A sample
has one record; ``value`` stands for its compact JSON text, members in the order of the wire.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import msgspec
import pytest

from schemas.catalogue import MESSAGES, Message
from schemas.cloudevents import binary_headers, rfc3339, structured
from schemas.codec import PredictionDecoder
from schemas.control_codec import ActionDecoder, StatusDecoder
from schemas.dead_letter import dead_letter
from schemas.envelope import parse_time
from schemas.json_schema import json_schemas
from schemas.limits import Limits
from schemas.outcome_codec import OutcomeDecoder

FOLDER = Path(__file__).parents[2] / "golden" / "messages"
SAMPLES: dict[str, Any] = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
BY_NAME = {message.name: message for message in MESSAGES}
SCHEMAS = json_schemas()
DECODERS: dict[str, Any] = {
    "prediction": PredictionDecoder, "outcome": OutcomeDecoder, "retrain-status": StatusDecoder, "action": ActionDecoder,
}  # fmt: skip


class Record(NamedTuple):
    """What the codecs read of a record."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    timestamp: int
    offset: int = 0


def named(*forms: str, decoded: bool | None = None) -> list[str]:
    """The samples of these forms; of inputs, those with or without a decoder."""
    names = [name for name, sample in SAMPLES.items() if BY_NAME[sample["message"]].form in forms]
    return [name for name in names if decoded is None or ("decoded" in SAMPLES[name]) is decoded]


def headers_of(sample: dict[str, Any]) -> list[tuple[str, bytes]]:
    return [(name, text.encode()) for name, text in sample["headers"].items()]


def value_of(sample: dict[str, Any]) -> bytes:
    return msgspec.json.encode(sample["value"])


def payload_of(sample: dict[str, Any]) -> Any:
    """What the message's schema speaks of."""
    return sample["value"]["data"] if "specversion" in sample.get("value", {}) else sample.get("value", sample["headers"])


def test_every_topic_of_the_contract_has_a_sample() -> None:
    assert {sample["topic"] for sample in SAMPLES.values()} == {topic for message in MESSAGES for topic in message.topics}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_on_its_topic_and_fits_its_published_schema(name: str) -> None:
    message: Message = BY_NAME[SAMPLES[name]["message"]]
    assert SAMPLES[name]["topic"] in message.topics
    jsonschema.Draft202012Validator(SCHEMAS[message.name]).validate(payload_of(SAMPLES[name]))


@pytest.mark.parametrize("name", named("any", decoded=True))
def test_an_input_sample_decodes_to_what_it_says(name: str) -> None:
    sample = SAMPLES[name]
    decode = DECODERS[sample["message"]](Limits())
    message = decode(Record(sample["key"].encode(), value_of(sample), headers_of(sample), sample["timestamp"]))
    assert (
        msgspec.json.decode(msgspec.json.encode({name: getattr(message, name) for name in sample["decoded"]}))
        == sample["decoded"]
    )


@pytest.mark.parametrize("name", named("any", decoded=False))
def test_a_sample_of_a_message_that_no_role_reads_yet_converts_to_its_type(name: str) -> None:
    sample = SAMPLES[name]
    type_ = BY_NAME[sample["message"]].type
    assert msgspec.json.encode(msgspec.json.decode(value_of(sample), type=type_)) == value_of(sample)


@pytest.mark.parametrize("name", named("binary"))
def test_a_payload_in_binary_mode_is_written_again_byte_for_byte(name: str) -> None:
    sample, message = SAMPLES[name], BY_NAME[SAMPLES[name]["message"]]
    assert msgspec.json.encode(msgspec.json.decode(value_of(sample), type=message.type)) == value_of(sample)
    given = sample["headers"]
    time_ms = parse_time(given["ce_time"], "ce_time") if "ce_time" in given else None
    written = binary_headers(given["ce_type"], given["ce_source"], given["ce_id"], time_ms, given.get("ce_subject"))
    assert (dict(written), given["ce_type"]) == (dict(headers_of(sample)), message.event)


@pytest.mark.parametrize("name", named("structured"))
def test_an_event_in_structured_mode_is_written_again_byte_for_byte(name: str) -> None:
    sample, message = SAMPLES[name], BY_NAME[SAMPLES[name]["message"]]
    event = sample["value"]
    data = msgspec.json.decode(msgspec.json.encode(event["data"]), type=message.type)
    optional = {name: event.get(name) for name in ("subject", "correlationid", "causationid")}
    time_ms = parse_time(event["time"], "$.time")
    value, headers = structured(event["type"], event["source"], event["id"], data, time_ms=time_ms, **optional)
    assert (value, headers, event["type"]) == (value_of(sample), headers_of(sample), message.event)
    assert event["time"] == rfc3339(time_ms)


@pytest.mark.parametrize("name", named("source"))
def test_a_dead_letter_has_the_source_bytes_and_tells_where_they_lie(name: str) -> None:
    sample = SAMPLES[name]
    source, headers = sample["source"], sample["headers"]
    value = None if sample["text"] is None else sample["text"].encode()
    key = None if sample["key"] is None else sample["key"].encode()
    record = Record(key, value, headers_of(source), source["timestamp"], source["offset"])
    place = (source["full_topic"], source["topic"], source["partition"])
    written = dead_letter(*place, record, headers["reason"], headers["detail"], 1 << 21)
    assert (written[0], written[1], dict(written[2])) == (key, value, dict(headers_of(sample)))
