"""Every kind of record that is no message, with the reason that its dead letter must have.

The list is that of *What is refused* in ``docs/messages.md``, one entry a cause. Each record is made from a good
prediction in which one thing is wrong, so that a service that refuses it refuses it for that and for nothing else.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from schemas.cloudevents import STRUCTURED_TYPE
from schemas.limits import Limits

__all__ = ["KINDS", "Kind", "Poison", "make"]


class Poison(NamedTuple):
    """A record that must be refused."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    reason: str


class Kind(NamedTuple):
    """One way to be wrong: ``make`` takes a good payload and gives the record's value; ``keyless`` drops the record's key."""

    name: str
    reason: str
    make: Callable[[bytes], bytes | None]
    headers: Sequence[tuple[str, bytes]] = ()
    keyless: bool = False


def _prediction(text: bytes) -> Callable[[bytes], bytes]:
    return lambda good: good.replace(b'"prediction":0.5', b'"prediction":' + text)


def _member(name: bytes, text: bytes) -> Callable[[bytes], bytes]:
    return lambda good: good[:-1] + b',"' + name + b'":' + text + b"}"


def _timestamp(text: bytes) -> Callable[[bytes], bytes]:
    def change(good: bytes) -> bytes:
        head, _, rest = good.partition(b'"timestamp":')
        return head + b'"timestamp":' + text + rest[rest.index(b",") :]

    return change


def _without(name: bytes) -> Callable[[bytes], bytes]:
    """The member gets another name, and so is missing."""
    return lambda good: good.replace(b'"' + name + b'":', b'"not_' + name + b'":')


def _id(text: bytes) -> Callable[[bytes], bytes]:
    def change(good: bytes) -> bytes:
        head, _, rest = good.partition(b'"request_id":')
        return head + b'"request_id":' + text + rest[rest.index(b",") :]

    return change


def _many_features(good: bytes) -> bytes:
    return _member(b"features", b"{" + b",".join(b'"f%d":1' % k for k in range(10_000)) + b"}")(good)


_DEEP = b"[" * 1_100 + b"]" * 1_100
_DEEPEST = b"[" * 100_000 + b"]" * 100_000
_STRUCTURED = [("content-type", STRUCTURED_TYPE.encode())]
_BATCH = [("content-type", b"application/cloudevents-batch+json")]
_EVENT = b'{"specversion":"1.0","id":"p","source":"/p","type":"p",'

KINDS: tuple[Kind, ...] = (
    Kind("nan", "not_json", _prediction(b"NaN")),
    Kind("infinity", "not_json", _prediction(b"-Infinity")),
    Kind("number_too_large", "invalid_schema", _prediction(b"1e999")),
    Kind("nan_feature", "not_json", _member(b"features", b'{"age":NaN}')),
    Kind("infinite_feature", "invalid_schema", _member(b"features", b'{"age":-1e999}')),
    Kind("integer_of_400_digits", "invalid_schema", _member(b"features", b'{"age":' + b"9" * 400 + b"}")),
    Kind("invalid_utf8", "not_json", _member(b"note", b'"\xff\xfe"')),
    Kind("truncated_utf8", "not_json", _member(b"note", b'"\xe2\x82"')),
    Kind("lone_surrogate", "not_json", _id(b'"\\ud800"')),
    Kind("control_character", "not_json", _id(b'"a\x01b"')),
    Kind("byte_order_mark", "unsupported_encoding", lambda good: b"\xef\xbb\xbf" + good),
    Kind("utf16", "unsupported_encoding", lambda good: good.decode().encode("utf-16")),
    Kind("confluent_framing", "unsupported_encoding", lambda good: b"\x00\x00\x00\x00\x2a" + good),
    Kind("empty", "not_json", lambda _: b""),
    Kind("tombstone", "not_json", lambda _: None),
    Kind("truncated", "not_json", lambda good: good[:-20]),
    Kind("trailing_text", "not_json", lambda good: good + b"}"),
    Kind("plain_text", "not_json", lambda _: b"ERROR upstream timed out"),
    Kind("list", "invalid_schema", lambda good: b"[" + good + b"]"),
    Kind("string", "invalid_schema", lambda _: b'"r-000123"'),
    Kind("number", "invalid_schema", lambda _: b"42"),
    Kind("null", "invalid_schema", lambda _: b"null"),
    Kind("nested_1100", "too_large", _member(b"metadata", b'{"x":' + _DEEP + b"}")),
    Kind("nested_100000", "too_large", lambda _: _DEEPEST),
    Kind("features_10000", "too_large", _many_features),
    Kind("metadata_over_4_kib", "too_large", _member(b"metadata", b'{"x":"' + b"y" * 4096 + b'"}')),
    Kind("value_over_the_limit", "too_large", _member(b"note", b'"' + b"z" * Limits().record_bytes + b'"')),
    Kind("timestamp_zero", "timestamp_out_of_range", _timestamp(b"0")),
    Kind("timestamp_negative", "timestamp_out_of_range", _timestamp(b"-1")),
    Kind("timestamp_in_seconds", "timestamp_out_of_range", _timestamp(b"1790000000")),
    Kind("timestamp_year_9999", "timestamp_out_of_range", _timestamp(b'"9999-12-31T23:59:59Z"')),
    Kind("timestamp_in_microseconds", "timestamp_out_of_range", _timestamp(b"1790000000000000")),
    Kind("timestamp_words", "invalid_schema", _timestamp(b'"yesterday"')),
    Kind("timestamp_fraction", "invalid_schema", _timestamp(b"1790000000000.5")),
    Kind("nested_feature", "invalid_schema", _member(b"features", b'{"age":{"years":41}}')),
    Kind("listed_feature", "invalid_schema", _member(b"features", b'{"age":[41]}')),
    Kind("features_no_object", "invalid_schema", _member(b"features", b"[1,2,3]")),
    Kind("segment_no_string", "invalid_schema", _member(b"segments", b'{"channel":7}')),
    Kind("nine_segments", "invalid_schema", _member(b"segments", b"{" + b",".join(b'"s%d":"a"' % k for k in range(9)) + b"}")),
    Kind("no_model", "invalid_schema", _without(b"model")),
    Kind("no_version", "invalid_schema", _without(b"version")),
    Kind("no_prediction", "invalid_schema", _without(b"prediction")),
    Kind("model_with_a_slash", "invalid_schema", lambda good: good.replace(b'"model":"', b'"model":"a/b')),
    Kind("prediction_null", "invalid_schema", _prediction(b"null")),
    Kind("prediction_list", "invalid_schema", _prediction(b"[0.5]")),
    Kind("probability_over_one", "invalid_schema", _prediction(b'{"approve":1.5}')),
    Kind("no_label", "invalid_schema", _prediction(b"{}")),
    Kind("latency_negative", "invalid_schema", _member(b"latency_ms", b"-1")),
    Kind("cost_text", "invalid_schema", _member(b"cost", b'"cheap"')),
    Kind("id_number", "invalid_schema", _id(b"123")),
    Kind("id_empty", "invalid_schema", _id(b'""')),
    Kind("id_over_256_bytes", "invalid_schema", _id(b'"' + b"r" * 257 + b'"')),
    Kind("no_id_anywhere", "invalid_schema", _without(b"request_id"), keyless=True),
    Kind("event_batch", "invalid_schema", lambda good: b"[" + good + b"]", _BATCH),
    Kind("event_base64", "invalid_schema", lambda _: _EVENT + b'"data_base64":"e30="}', _STRUCTURED),
    Kind("event_without_data", "invalid_schema", lambda _: _EVENT[:-1] + b"}", _STRUCTURED),
    Kind("event_version", "invalid_schema", lambda good: _EVENT.replace(b"1.0", b"0.3") + b'"data":' + good + b"}", _STRUCTURED),
)  # fmt: skip


def make(number: int, name: str, model: str, version: str, timestamp_ms: int) -> Poison:
    """The poison with this number: the kinds come in turn. ``name`` is a request id that nothing else uses."""
    kind = KINDS[number % len(KINDS)]
    good = b'{"request_id":"%b","timestamp":%d,"model":"%b","version":"%b","prediction":0.5}' % (
        name.encode(), timestamp_ms, model.encode(), version.encode(),
    )  # fmt: skip
    return Poison(None if kind.keyless else name.encode(), kind.make(good), kind.headers, kind.reason)
