"""What is accepted on the input topics, held against two things that know nothing of the decoders.

The CloudEvents SDK makes events in both modes, and the decoders must read them as they read the plain payload. The
published JSON Schema says what a producer may write, and the decoders must take exactly that.
"""

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

import jsonschema
import msgspec
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import PredictionDecoder
from schemas.errors import DecodeError
from schemas.inputs import OutcomeInput, PredictionInput, RetrainStatusInput
from schemas.json_schema import json_schemas
from schemas.limits import Limits
from schemas.outcome_codec import OutcomeDecoder
from schemas.trigger import RetrainStatus

NOW_MS = 1_790_000_000_500
SCHEMAS = json_schemas()


class Record(NamedTuple):
    """What the decoders read of a record."""

    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    key: bytes | None = b"the-key"
    timestamp: int = NOW_MS


DECODERS: dict[str, Any] = {"prediction": PredictionDecoder(Limits()), "outcome": OutcomeDecoder(Limits())}
TYPES: dict[str, Any] = {"prediction": PredictionInput, "outcome": OutcomeInput, "retrain-status": RetrainStatusInput}
SHOWN = {
    "prediction": "request_id model version timestamp prediction features latency_ms cost segments metadata",
    "outcome": "request_id model timestamp label value kpis correction",
}


def decoded(name: str, record: Record) -> dict[str, Any]:
    """The message in ``record`` as plain values, the JSON text in it parsed."""
    message = DECODERS[name](record)
    return json.loads(msgspec.json.encode({field: getattr(message, field) for field in SHOWN[name].split()}))


# --- three forms, one meaning -----------------------------------------------------------------------------------------

LABELS = st.text(min_size=1, max_size=12)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
ANSWERS = st.one_of(FINITE, st.booleans(), st.text(max_size=12), st.dictionaries(LABELS, st.floats(0, 1), min_size=1, max_size=4))
TIMES = st.one_of(
    st.integers(946_684_800_000, NOW_MS + 86_400_000),
    st.datetimes(datetime(2000, 1, 2), datetime(2026, 9, 20), timezones=st.just(UTC)).map(datetime.isoformat),  # noqa: DTZ001
)
NAMES = st.from_regex(r"[A-Za-z0-9._-]{1,128}", fullmatch=True)
FLAT = st.one_of(FINITE, st.booleans(), st.text(max_size=12), st.none())
PREDICTIONS = st.fixed_dictionaries(
    {"model": NAMES, "version": st.text(min_size=1, max_size=128), "prediction": ANSWERS},
    optional={
        "request_id": st.text(min_size=1, max_size=64),
        "timestamp": TIMES,
        "features": st.dictionaries(st.text(max_size=12), FLAT, max_size=8),
        "latency_ms": st.floats(0, 1e6),
        "cost": st.floats(0, 1e6),
        "segments": st.dictionaries(st.text(max_size=12), st.text(max_size=12), max_size=8),
        "metadata": st.dictionaries(st.text(max_size=12), st.recursive(FLAT, st.lists, max_leaves=4), max_size=4),
        "of-no-concern": st.recursive(FLAT, st.lists, max_leaves=4),
    },
)
OUTCOMES = st.fixed_dictionaries(
    {"model": NAMES, "label": st.one_of(FINITE, st.booleans(), st.text(max_size=12))},
    optional={
        "request_id": st.text(min_size=1, max_size=64),
        "timestamp": TIMES,
        "value": FINITE,
        "kpis": st.dictionaries(st.text(max_size=12), FINITE, max_size=8),
        "correction": st.booleans(),
    },
)
MESSAGES = st.one_of(st.tuples(st.just("prediction"), PREDICTIONS), st.tuples(st.just("outcome"), OUTCOMES))


def event(data: Any, **attributes: str) -> CloudEvent:
    """An event as a producer with the SDK makes it; the SDK adds an id, and a time unless one is given."""
    given_time = {"time": datetime.fromisoformat(attributes.pop("time"))} if "time" in attributes else {}
    head = {"type": "com.example.scored", "source": "/scoring", "datacontenttype": "application/json"}
    return CloudEvent({**head, **given_time, **attributes}, data)


def record(message: KafkaMessage, key: bytes | None = b"the-key") -> Record:
    return Record(message.value, tuple(message.headers.items()), key)


@given(MESSAGES)
def test_the_same_payload_means_the_same_in_all_three_forms(named: tuple[str, dict[str, Any]]) -> None:
    name, payload = named
    moment = datetime.fromtimestamp(NOW_MS / 1000, UTC).isoformat()
    plain = decoded(name, Record(json.dumps(payload).encode()))
    assert decoded(name, record(to_binary_event(event(payload, time=moment)))) == plain
    assert decoded(name, record(to_structured_event(event(payload, time=moment)))) == plain
    assert plain == plain | {field: value for field, value in payload.items() if field not in ("timestamp", "of-no-concern")}


@pytest.mark.parametrize("to_message", [to_binary_event, to_structured_event])
@pytest.mark.parametrize(("name", "payload"), [("prediction", {"version": "1", "prediction": 0.5}), ("outcome", {"label": True})])
def test_what_the_payload_lacks_is_taken_from_the_envelope(name: str, payload: dict[str, Any], to_message: Any) -> None:
    made = event({"model": "m", **payload}, time="2026-09-21T16:13:20.123+02:00", correlationid="from-the-envelope")
    message = decoded(name, record(to_message(made)))
    assert (message["request_id"], message["timestamp"]) == ("from-the-envelope", 1_790_000_000_123)


@pytest.mark.parametrize("to_message", [to_binary_event, to_structured_event])
@pytest.mark.parametrize("name", ["prediction", "outcome"])
def test_what_the_payload_has_stands_over_the_envelope(name: str, to_message: Any) -> None:
    payload = {"request_id": "own", "timestamp": NOW_MS, "model": "m", "version": "1", "prediction": 0.5, "label": True}
    made = event(payload, time="2020-01-01T00:00:00Z", correlationid="other")
    message = decoded(name, record(to_message(made)))
    assert (message["request_id"], message["timestamp"]) == ("own", NOW_MS)


def test_what_nobody_says_is_taken_from_the_record() -> None:
    message = decoded("prediction", Record(b'{"model":"m","version":"1","prediction":0.5}'))
    assert (message["request_id"], message["timestamp"]) == ("the-key", NOW_MS)


@pytest.mark.parametrize("to_message", [to_binary_event, to_structured_event])
def test_binary_data_in_an_event_of_the_sdk_is_refused_with_a_reason(to_message: Any) -> None:
    with pytest.raises(DecodeError) as refused:
        decoded("prediction", record(to_message(event(b"\x89PNG"))))
    assert refused.value.reason in ("invalid_schema", "not_json")


# --- the published schema and the decoders agree ------------------------------------------------------------------------

BASE: dict[str, dict[str, Any]] = {
    "prediction": {"model": "m", "version": "1", "prediction": 0.5},
    "outcome": {"model": "m", "label": True},
}
ODD: list[Any] = [
    None, True, False, 0, 1, -1, 0.5, -0.5, 1.5, "", "x", "a" * 128, "a" * 129, "a" * 257, "ä", [], [1], ["a"], {}, {"a": 1},
    {"a": 0.25, "b": 0.75}, {"a": "b"}, {"a": None}, {"a": True}, {"a": {"b": 1}}, {"a": [1]}, {"a": 1.5}, {"a": -0.5},
    {str(i): 1 for i in range(9)}, {str(i): "s" for i in range(9)}, {str(i): 1 for i in range(65)},
    {str(i): 0 for i in range(2049)}, 1_790_000_000_123, 946_684_800_000, 946_684_799_999, 10**20, -(10**20),
    "2026-09-21T14:13:20Z", "2026-09-21t14:13:20.123456789z", "2026-09-21 14:13:20+02:00", "2026-09-21T14:13:20",
    "2026-09-21", "1790000000123", "yesterday", "a.b-c_D9", "a/b", "a b", "a\nb",
]  # fmt: skip
#: Where JSON Schema cannot say what the decoder checks: times against the record's own, lengths in bytes.
BEYOND_SCHEMA = [("timestamp", 10**20), ("metadata", {str(i): 0 for i in range(2049)})]


@pytest.mark.parametrize("name", BASE)
@pytest.mark.parametrize("field", sorted({field for fields in SHOWN.values() for field in fields.split()}))
def test_the_decoder_takes_exactly_what_the_published_schema_allows(name: str, field: str) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMAS[name])
    disagree = []
    for value in ODD:
        payload = BASE[name] | {field: value}
        if (field, value) not in BEYOND_SCHEMA and takes(name, payload) is not validator.is_valid(payload):
            disagree.append(f"{value!r:.60}: the decoder {'takes' if takes(name, payload) else 'refuses'} it")
    assert not disagree


def takes(name: str, payload: Any) -> bool:
    try:
        DECODERS[name](Record(json.dumps(payload).encode()))
    except DecodeError:
        return False
    return True


@pytest.mark.parametrize("payload", [None, True, 1, "x", [], [{}], {}])
@pytest.mark.parametrize("name", BASE)
def test_what_is_no_object_or_lacks_a_field_is_neither_valid_nor_taken(name: str, payload: Any) -> None:
    assert not takes(name, payload)
    assert not jsonschema.Draft202012Validator(SCHEMAS[name]).is_valid(payload)
    for missing in BASE[name]:
        rest = {field: value for field, value in BASE[name].items() if field != missing}
        assert not takes(name, rest)
        assert not jsonschema.Draft202012Validator(SCHEMAS[name]).is_valid(rest)


@given(MESSAGES)
def test_what_a_producer_may_write_is_valid_for_the_schema_and_for_the_type(named: tuple[str, dict[str, Any]]) -> None:
    name, payload = named
    jsonschema.Draft202012Validator(SCHEMAS[name]).validate(payload)
    assert msgspec.json.decode(json.dumps(payload), type=TYPES[name]).model == payload["model"]


def test_a_status_is_the_same_on_both_sides() -> None:
    fields = {
        kind: {field.name: field.type for field in msgspec.structs.fields(kind)} for kind in (RetrainStatus, RetrainStatusInput)
    }
    assert fields[RetrainStatus]["status"] == fields[RetrainStatusInput]["status"]
    assert fields[RetrainStatus].keys() == fields[RetrainStatusInput].keys()
