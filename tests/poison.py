"""Records that no producer should write, what each must end as, and odd ones that are allowed all the same.

Each case is a record of ``predictions.*`` (or of ``outcomes``, where it says so), the reason of its dead letter, and what
the detail must say. Unit tests give them to the decoders, tests on the real broker to the service.
"""

import json
from typing import Any, NamedTuple

from schemas.dead_letter import Reason

NOW_MS = 1_790_000_000_500
DAY_MS = 86_400_000
STRUCTURED = (("content-type", b"application/cloudevents+json; charset=UTF-8"),)
GOOD = b'{"model":"m","version":"1","prediction":0.5}'


class Poison(NamedTuple):
    """A record and its end."""

    value: bytes | None
    reason: Reason
    detail: str
    headers: tuple[tuple[str, bytes], ...] = ()
    key: bytes | None = b"the-key"
    timestamp: int = NOW_MS
    topic: str = "predictions.legacy"


def prediction(**fields: Any) -> bytes:
    """A prediction in which these fields stand; a value of bytes is JSON text."""
    return text_of({"model": "m", "version": "1", "prediction": 0.5} | fields)


def outcome(**fields: Any) -> bytes:
    return text_of({"model": "m", "label": True} | fields)


def text_of(fields: dict[str, Any]) -> bytes:
    members = {name: value if isinstance(value, bytes) else json.dumps(value).encode() for name, value in fields.items()}
    return b"{" + b",".join(b'"%s":%s' % (name.encode(), text) for name, text in members.items()) + b"}"


def event(payload: bytes = GOOD, **attributes: Any) -> bytes:
    """A structured CloudEvent; None takes an attribute out."""
    whole = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": payload} | attributes
    return text_of({name: value for name, value in whole.items() if value is not None})


def sized(size: int) -> bytes:
    """A prediction of exactly so many bytes."""
    bare = len(prediction(other=""))
    return prediction(other="x" * (size - bare))


def nested(depth: int) -> bytes:
    """A prediction whose value is nested so deep: the object, its metadata, and lists."""
    return prediction(metadata=b'{"a":' + b"[" * (depth - 2) + b"]" * (depth - 2) + b"}")


NOT_JSON = {
    "a tombstone": Poison(None, "not_json", "tombstone"),
    "nothing": Poison(b"", "not_json", "empty"),
    "blanks alone": Poison(b" \n\t ", "not_json", ""),
    "a truncated object": Poison(GOOD[:-1], "not_json", ""),
    "half a record": Poison(GOOD[: len(GOOD) // 2], "not_json", ""),
    "a second object behind the first": Poison(GOOD + GOOD, "not_json", "byte 45"),
    "NaN": Poison(prediction(prediction=b"NaN"), "not_json", "byte 40"),
    "Infinity": Poison(prediction(prediction=b"Infinity"), "not_json", "byte 40"),
    "minus Infinity": Poison(prediction(prediction=b"-Infinity"), "not_json", "byte 41"),
    "NaN among the features": Poison(prediction(features=b'{"a":NaN}'), "not_json", "byte"),
    "NaN in a field of no concern": Poison(prediction(other=b"NaN"), "not_json", "byte"),
    "a leading zero": Poison(prediction(prediction=b"01"), "not_json", "byte"),
    "a trailing comma": Poison(GOOD[:-1] + b",}", "not_json", "byte"),
    "single quotes": Poison(GOOD.replace(b'"', b"'"), "not_json", "byte"),
    "a control character in a string": Poison(prediction(request_id=b'"a\x01b"'), "not_json", "byte"),
    "invalid UTF-8": Poison(prediction(version=b'"\xe9"'), "not_json", "byte 24 is not UTF-8"),
    "overlong UTF-8": Poison(prediction(version=b'"\xc0\x80"'), "not_json", "not UTF-8"),
    "a surrogate as UTF-8": Poison(prediction(version=b'"\xed\xa0\x80"'), "not_json", "not UTF-8"),
    "a lone surrogate as the request id": Poison(prediction(request_id=b'"\\ud800"', more=1), "not_json", "surrogate"),
    "a lone surrogate among the features": Poison(prediction(features=b'{"a":"\\udc00"}', more=1), "not_json", "surrogate"),
    "a lone surrogate as a feature's name": Poison(prediction(features=b'{"\\udc00":1}', more=1), "not_json", "surrogate"),
    "a lone surrogate in metadata": Poison(prediction(metadata=b'{"a":"\\udc00"}', more=1), "not_json", "surrogate"),
    "compressed bytes": Poison(b"\x1f\x8b\x08\x00\x00", "not_json", "not UTF-8"),
    "malformed behind a wrong type": Poison(prediction(version=b"1", more=b"[1,}"), "not_json", ""),
    "an event in structured mode that is cut off": Poison(event()[:-3], "not_json", "", STRUCTURED),
    "an outcome with NaN": Poison(outcome(value=b"NaN"), "not_json", "byte", topic="outcomes"),
    "an outcome's tombstone": Poison(None, "not_json", "tombstone", topic="outcomes"),
}
ENCODING = {
    "Confluent's framing": Poison(b"\x00\x00\x00\x00\x07" + GOOD, "unsupported_encoding", "schema id 7"),
    "Confluent's framing around Avro": Poison(b"\x00\x00\x00\x01\x00\x02\xff\xfe", "unsupported_encoding", "schema id 256"),
    "a zero byte alone": Poison(b"\x00", "unsupported_encoding", "0x00"),
    "a byte order mark": Poison(b"\xef\xbb\xbf" + GOOD, "unsupported_encoding", "byte order mark of UTF-8"),
    "UTF-16": Poison(GOOD.decode().encode("utf-16"), "unsupported_encoding", "byte order mark of UTF-16"),
    "UTF-16, the other way round": Poison(b"\xfe\xff" + GOOD.decode().encode("utf-16-be"), "unsupported_encoding", "UTF-16"),
    "a framed event with headers": Poison(b"\x00\x00\x00\x00\x07{}", "unsupported_encoding", "0x00", (("ce_id", b"1"),)),
}
TOO_LARGE = {
    "a value of a byte more than 1 MiB": Poison(sized((1 << 20) + 1), "too_large", "1048577 bytes"),
    "20 MB": Poison(sized(20_000_000), "too_large", "at most 1048576"),
    "33 levels": Poison(nested(33), "too_large", "32 levels"),
    "1,023 levels": Poison(nested(1023), "too_large", "32 levels"),
    "a million brackets": Poison(b"[" * 1_000_000, "too_large", "32 levels"),
    "nesting in a field of no concern": Poison(prediction(other=b"[" * 40 + b"]" * 40), "too_large", "32 levels"),
    "2,049 features": Poison(prediction(features={f"f{i}": i for i in range(2049)}), "too_large", r"\$\.features: 2049"),
    "10,000 features": Poison(prediction(features={f"f{i}": i for i in range(10_000)}), "too_large", r"\$\.features: 10000"),
    "4,097 bytes of metadata": Poison(prediction(metadata={"a": "x" * 4088}), "too_large", r"\$\.metadata: 4097 bytes"),
    "a bracket bomb in an event": Poison(event(b"[" * 5000 + b"]" * 5000), "too_large", "32 levels", STRUCTURED),
}
TIME = {
    "zero": Poison(prediction(timestamp=0), "timestamp_out_of_range", r"\$\.timestamp: 0 "),
    "negative": Poison(prediction(timestamp=-1), "timestamp_out_of_range", r"\$\.timestamp: -1 "),
    "seconds for milliseconds": Poison(prediction(timestamp=NOW_MS // 1000), "timestamp_out_of_range", "seconds"),
    "the last millisecond of 1999": Poison(prediction(timestamp=946_684_799_999), "timestamp_out_of_range", "2000-01-01"),
    "1999 as text": Poison(prediction(timestamp="1999-12-31T23:59:59.999Z"), "timestamp_out_of_range", "2000-01-01"),
    "a day and a millisecond ahead": Poison(prediction(timestamp=NOW_MS + DAY_MS + 1), "timestamp_out_of_range", "24 h"),
    "microseconds": Poison(prediction(timestamp=NOW_MS * 1000), "timestamp_out_of_range", "24 h"),
    "the year 9999": Poison(prediction(timestamp="9999-12-31T23:59:59Z"), "timestamp_out_of_range", "24 h"),
    "2**64": Poison(prediction(timestamp=2**64), "timestamp_out_of_range", r"\$\.timestamp"),
    "400 digits": Poison(prediction(timestamp=b"9" * 400), "timestamp_out_of_range", r"\$\.timestamp"),
    "an envelope's time": Poison(GOOD, "timestamp_out_of_range", "24 h", (("ce_time", b"2036-01-01T00:00:00Z"),)),
    "a record without a time of its own": Poison(GOOD, "timestamp_out_of_range", "2000-01-01", timestamp=-1),
    "an outcome from 1970": Poison(outcome(timestamp=1), "timestamp_out_of_range", "2000-01-01", topic="outcomes"),
}
SCHEMA = {
    "a list": Poison(b"[" + GOOD + b"]", "invalid_schema", "array"),
    "a string": Poison(b'"prediction"', "invalid_schema", "str"),
    "null": Poison(b"null", "invalid_schema", "null"),
    "no model": Poison(b'{"version":"1","prediction":0.5}', "invalid_schema", "model"),
    "no version": Poison(b'{"model":"m","prediction":0.5}', "invalid_schema", "version"),
    "no prediction": Poison(b'{"model":"m","version":"1"}', "invalid_schema", "prediction"),
    "a number as version": Poison(prediction(version=1), "invalid_schema", r"`str`.*`int`.*\$\.version"),
    "an empty version": Poison(prediction(version=""), "invalid_schema", r"\$\.version"),
    "a version of 129 characters": Poison(prediction(version="v" * 129), "invalid_schema", r"\$\.version"),
    "a model with a slash": Poison(prediction(model="a/b"), "invalid_schema", r"\$\.model: 'a/b'"),
    "a model with a line's end": Poison(prediction(model="a\n"), "invalid_schema", r"\$\.model"),
    "a model of 129 characters": Poison(prediction(model="a" * 129), "invalid_schema", r"\$\.model"),
    "an empty model": Poison(prediction(model=""), "invalid_schema", r"\$\.model"),
    "a prediction of null": Poison(prediction(prediction=None), "invalid_schema", r"\$\.prediction"),
    "a list as prediction": Poison(prediction(prediction=[0.5]), "invalid_schema", r"\$\.prediction"),
    "no class at all": Poison(prediction(prediction={}), "invalid_schema", r"\$\.prediction"),
    "a probability over 1": Poison(prediction(prediction={"a": 1.5}), "invalid_schema", r"\$\.prediction.*'a'.*1\.5"),
    "a negative probability": Poison(prediction(prediction={"a": -0.1}), "invalid_schema", r"\$\.prediction"),
    "1e999": Poison(prediction(prediction=b"1e999"), "invalid_schema", r"\$\.prediction"),
    "an integer of 400 digits": Poison(prediction(prediction=b"9" * 400), "invalid_schema", r"\$\.prediction"),
    "1e999 as a feature": Poison(prediction(features=b'{"a":1e999}'), "invalid_schema", r"\$\.features"),
    "1e999 as a segment": Poison(prediction(segments=b'{"a":1e999}'), "invalid_schema", r"\$\.segments"),
    "1e999 in metadata": Poison(prediction(metadata=b'{"a":1e999}'), "invalid_schema", r"\$\.metadata"),
    "1e999 as a probability": Poison(prediction(prediction=b'{"a":1e999}'), "invalid_schema", r"\$\.prediction"),
    "a nested feature": Poison(prediction(features={"a": 1, "b": {"c": 1}}), "invalid_schema", r"\$\.features\S*b"),
    "a nested feature with a name of 100,000": Poison(prediction(features={"n" * 10**5: []}), "invalid_schema", r"\$\.features"),
    "a list of features": Poison(prediction(features=[1]), "invalid_schema", r"\$\.features"),
    "a negative latency": Poison(prediction(latency_ms=-1), "invalid_schema", r"\$\.latency_ms"),
    "a cost as text": Poison(prediction(cost="free"), "invalid_schema", r"\$\.cost"),
    "nine segments": Poison(prediction(segments={f"s{i}": "a" for i in range(9)}), "invalid_schema", r"\$\.segments: 9"),
    "a number as a segment": Poison(prediction(segments={"a": 1}), "invalid_schema", r"\$\.segments\S*a"),
    "a segment with a name of 100,000": Poison(prediction(segments={"n" * 10**5: 1}), "invalid_schema", r"\$\.segments"),
    "metadata that is a list": Poison(prediction(metadata=[]), "invalid_schema", r"\$\.metadata"),
    "a number as request id": Poison(prediction(request_id=7), "invalid_schema", r"\$\.request_id"),
    "an empty request id": Poison(prediction(request_id=""), "invalid_schema", r"\$\.request_id"),
    "a request id of 258 bytes": Poison(prediction(request_id="€" * 86), "invalid_schema", r"\$\.request_id.*258 bytes"),
    "neither request id nor key": Poison(GOOD, "invalid_schema", r"\$\.request_id.*no key", key=None),
    "an empty key": Poison(GOOD, "invalid_schema", "key", key=b""),
    "a key that is no text": Poison(GOOD, "invalid_schema", "key.*not UTF-8", key=b"\xff"),
    "a key of 257 bytes": Poison(GOOD, "invalid_schema", "key.*257 bytes", key=b"k" * 257),
    "a correlation id that is no text": Poison(GOOD, "invalid_schema", "ce_correlationid", (("ce_correlationid", b"\xff"),)),
    "an empty correlation id": Poison(GOOD, "invalid_schema", "ce_correlationid", (("ce_correlationid", b""),)),
    "a time that is none": Poison(prediction(timestamp="yesterday"), "invalid_schema", r"\$\.timestamp: 'yesterday'.*RFC 3339"),
    "a time without an offset": Poison(prediction(timestamp="2026-09-21T14:13:20"), "invalid_schema", r"\$\.timestamp"),
    "the 30th of February": Poison(prediction(timestamp="2026-02-30T00:00:00Z"), "invalid_schema", r"\$\.timestamp"),
    "milliseconds as text": Poison(prediction(timestamp=str(NOW_MS)), "invalid_schema", r"\$\.timestamp"),
    "an envelope's time that is none": Poison(GOOD, "invalid_schema", "ce_time", (("ce_time", b"yesterday"),)),
    "an event without data": Poison(event(data=None), "invalid_schema", r"\$\.data: missing", STRUCTURED),
    "an event with data_base64": Poison(event(data=None, data_base64="e30="), "invalid_schema", "data_base64", STRUCTURED),
    "an event of version 0.3": Poison(event(specversion="0.3"), "invalid_schema", "specversion", STRUCTURED),
    "an event without an id": Poison(event(id=None), "invalid_schema", "id", STRUCTURED),
    "an event with text as data": Poison(event(b'"text"'), "invalid_schema", "str", STRUCTURED),
    "an event with a wrong field": Poison(event(prediction(version=1)), "invalid_schema", r"\$\S*\.version", STRUCTURED),
    "a batch of events": Poison(
        b"[" + event() + b"]", "invalid_schema", "batch", (("content-type", b"application/cloudevents-batch+json"),)
    ),
    "plain JSON that says it is an event": Poison(GOOD, "invalid_schema", "specversion", STRUCTURED),
    "an outcome without a label": Poison(b'{"model":"m"}', "invalid_schema", "label", topic="outcomes"),
    "an outcome with a list as label": Poison(outcome(label=[1]), "invalid_schema", r"\$\.label", topic="outcomes"),
    "an outcome with 1e999": Poison(outcome(value=b"1e999"), "invalid_schema", r"\$\.value", topic="outcomes"),
    "an outcome with text as a figure": Poison(outcome(kpis={"a": "b"}), "invalid_schema", r"\$\.kpis", topic="outcomes"),
    "an outcome with a correction of 1": Poison(outcome(correction=1), "invalid_schema", r"\$\.correction", topic="outcomes"),
}
POISON = NOT_JSON | ENCODING | TOO_LARGE | TIME | SCHEMA

ACCEPTED = {
    "exactly 1 MiB": sized(1 << 20),
    "32 levels": nested(32),
    "brackets in a string": prediction(metadata={"a": "[" * 2000 + '"' + "{" * 2000}),
    "2,048 features": prediction(features={f"f{i}": i for i in range(2048)}),
    "4,096 bytes of metadata": prediction(metadata={"a": "x" * 4087}),
    "a request id of 255 bytes in 85 characters": prediction(request_id="€" * 85),
    "a zero character in a request id": prediction(request_id="a\0b"),
    "exactly 2000-01-01": prediction(timestamp=946_684_800_000),
    "exactly 24 hours ahead": prediction(timestamp=NOW_MS + DAY_MS),
    "2**64 as a score": prediction(prediction=2**64),
    "minus zero": prediction(prediction=b"-0.0"),
    "a number too small for a double": prediction(prediction=b"1e-400"),
    "a surrogate pair": prediction(version=b'"\\ud83d\\ude00"'),
    "an empty class": prediction(prediction=""),
    "blanks around": b" \r\n" + GOOD + b"\n",
    "a key twice: the last one counts": GOOD[:-1] + b',"prediction":0.9}',
    "null for what is optional": prediction(features=None, segments=None, metadata=None, cost=None, timestamp=None),
    "1e999 in a field of no concern": prediction(other=b"1e999"),
    "fields of no concern with the names of our own members": prediction(moment="x", source=[], offset={}),
}
