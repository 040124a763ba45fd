"""A Kafka record of an input topic, and the message in it or the reason why there is none.

``PredictionDecoder.decode`` is on the path of every event, so it is written for the ordinary record: plain JSON, parsed once
into a ``Half`` by its types, in which ``features``, ``segments`` and ``metadata`` stay JSON text; a second typed parse of the
features, to see that they are flat and finite; and a look into small sets for what comes again and again. Whatever is out of
the ordinary, be it good or bad, is decoded anew by ``_unusual``, which knows the fallbacks and raises ``DecodeError`` with the
reason of the contract; the record itself is never changed.

Each set of known names is bounded: when it is full it begins anew, which costs time and nothing else.
"""

from collections.abc import Callable
from typing import Annotated

import msgspec
import orjson
from msgspec import Meta, Raw, Struct

from schemas.envelope import PLAIN, unwrap
from schemas.errors import DecodeError, quoted, quoted_json
from schemas.half import Half
from schemas.json_text import check, count_members
from schemas.limits import DAY_MS, Limits
from schemas.pair import EMPTY_OBJECT
from schemas.prediction import PredictionValue
from schemas.record import SourceRecord
from schemas.shared_fields import SharedFields, parse, remember

__all__ = ["PredictionDecoder"]

_BRACKET = ord("[")
#: What is larger goes the unusual way at once: most likely it is refused in the end, and would have been decoded twice by then.
_ORDINARY_BYTES = 32_768
#: Headers that say nothing of the payload: a producer that writes its trace costs no more for it.
_ASIDE = frozenset({"traceparent", "tracestate"})
_NotNegative = Annotated[float, Meta(ge=0)]
_FlatValue = float | bool | str | None


class _Wire(Struct, gc=False):
    """A payload as the contract allows it: what may be missing stands in the envelope, the key or the record's time."""

    prediction: PredictionValue
    model: str
    version: str
    request_id: str | None = None
    timestamp: int | str | None = None
    features: Raw = EMPTY_OBJECT
    latency_ms: _NotNegative | None = None
    cost: _NotNegative | None = None
    segments: Raw = EMPTY_OBJECT
    metadata: Raw = EMPTY_OBJECT


_decode_half = msgspec.json.Decoder(Half).decode
_decode_wire = msgspec.json.Decoder(_Wire).decode
_decode_features = msgspec.json.Decoder(dict[str, _FlatValue]).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode


class PredictionDecoder:
    """Turns records of ``predictions.*`` into halves. ``decode`` raises ``DecodeError``."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._shared = SharedFields(limits)
        self._versions: dict[str, str] = {}
        self._segments: dict[bytes, bytes] = {}
        self.decode = self._decoder()

    def __call__(self, record: SourceRecord) -> Half:
        """The half in ``record``; for those to whom speed is nothing."""
        return self.decode(record)

    def _decoder(self) -> Callable[[SourceRecord], Half]:
        """A function over local names, a fifth faster than a method over attributes."""
        unusual, check_segments, check_metadata = self._unusual, self._check_segments, self._check_metadata
        decode_half, decode_features, refused, empty = _decode_half, _decode_features, msgspec.DecodeError, EMPTY_OBJECT
        most_bytes, most_features = min(self._limits.record_bytes, _ORDINARY_BYTES), self._limits.features
        model_of, version_of, segments = self._shared.models.get, self._versions.get, self._segments
        aside = _ASIDE
        braces = self._limits.nesting // 2  # so few cannot be nested too deeply; counted by taking them out, which is fastest

        def decode(record: SourceRecord) -> Half:
            value = record.value
            if (
                not value
                or not value.isascii()
                or len(value) > most_bytes
                or _BRACKET in value
                or len(value) - len(value.replace(b"{", b"")) > braces
                or (record.headers and not aside.issuperset([name for name, _ in record.headers]))
            ):
                return unusual(record)
            try:
                half = decode_half(value)
                features = half.features
                if features is not empty and len(decode_features(features)) > most_features:
                    return unusual(record)
            except (refused, RecursionError):
                return unusual(record)
            model, version = model_of(half.model), version_of(half.version)
            if half.timestamp > record.timestamp + DAY_MS or model is None or version is None or type(half.prediction) is dict:
                return unusual(record)
            half.model, half.version = model, version  # one string of each, not one an event: halves wait in great numbers
            if half.segments is not empty and bytes(half.segments) not in segments:
                check_segments(half, bytes(half.segments))
            if half.metadata is not empty:
                check_metadata(half, bytes(half.metadata))
            half.source = record
            return half

        return decode

    def _unusual(self, record: SourceRecord) -> Half:
        """Whatever the contract allows, or the reason why this is not it."""
        text: bytes | Raw = check(record.value, self._limits)
        envelope, shared = PLAIN, self._shared
        if record.headers:
            text, envelope = unwrap(bytes(text), record.headers)
        wire = parse(_decode_wire, text)
        request_id = shared.request_id(wire.request_id, envelope, record.key)
        timestamp = shared.timestamp(wire.timestamp, envelope, record.timestamp)
        shared.model(wire.model)
        self._check_version(wire.version)
        half = Half(
            request_id, wire.model, wire.version, timestamp, wire.prediction,
            wire.features, wire.latency_ms, wire.cost, wire.segments, wire.metadata, source=record,
        )  # fmt: skip
        if type(half.prediction) is dict:
            self._check_probabilities(half.prediction)
        if half.features is not EMPTY_OBJECT:
            self._check_features(half)
        if half.segments is not EMPTY_OBJECT:
            self._check_segments(half, bytes(half.segments))
        if half.metadata is not EMPTY_OBJECT:
            self._check_metadata(half, bytes(half.metadata))
        return half

    def _check_features(self, half: Half) -> None:
        count, text = 0, bytes(half.features)
        if len(text) > _ORDINARY_BYTES:
            count = count_members(text) or 0
        if count <= self._limits.features:
            try:
                count = len(_decode_features(text))
            except msgspec.ValidationError:
                count = _no_features(half)
        if count > self._limits.features:
            raise DecodeError("too_large", f"$.features: {count} members; at most {self._limits.features} are allowed")

    def _check_version(self, version: str) -> None:
        if not 0 < len(version) <= self._limits.version_characters:
            allowed = f"1 to {self._limits.version_characters} characters are allowed"
            raise DecodeError("invalid_schema", f"$.version: {quoted(version)}; {allowed}")
        remember(self._versions, version)

    def _check_probabilities(self, prediction: dict[str, float]) -> None:
        if not prediction:
            raise DecodeError("invalid_schema", "$.prediction: no label; an object of label to probability has at least one")
        if len(prediction) > self._limits.features:
            raise DecodeError("too_large", f"$.prediction: {len(prediction)} labels; {self._limits.features} are allowed")
        for label, probability in prediction.items():
            if not 0 <= probability <= 1:
                message = f"$.prediction[{quoted(label)}]: {probability!r}; a probability from 0 to 1 is expected"
                raise DecodeError("invalid_schema", message)

    def _check_segments(self, half: Half, text: bytes) -> None:
        if text == b"null":
            half.segments = EMPTY_OBJECT
            return
        segments = _members("$.segments", text)
        if len(segments) > self._limits.segments:
            message = f"$.segments: {len(segments)} members; at most {self._limits.segments} are allowed"
            raise DecodeError("invalid_schema", message)
        for name, value in segments.items():
            if bytes(value)[:1] != b'"':
                message = f"$.segments[{quoted(name)}]: {quoted_json(bytes(value))}; a string is expected"
                raise DecodeError("invalid_schema", message)
        _loads("$.segments", text)
        remember(self._segments, text)

    def _check_metadata(self, half: Half, text: bytes) -> None:
        if len(text) > self._limits.metadata_bytes:
            message = f"$.metadata: {len(text)} bytes; at most {self._limits.metadata_bytes} are allowed"
            raise DecodeError("too_large", message)
        if _loads("$.metadata", text) is None:
            half.metadata = EMPTY_OBJECT
        else:
            _check_object("$.metadata", text)


def _loads(where: str, text: bytes) -> object:
    """What the text stands for; refuses numbers that no double can hold and broken escapes, which a skipping parser lets pass."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise DecodeError("invalid_schema", f"{where}: {error}") from None


def _check_object(where: str, text: bytes) -> None:
    if text[:1] != b"{":
        raise DecodeError("invalid_schema", f"{where}: {quoted_json(text)}; an object is expected")


def _members(where: str, text: bytes) -> dict[str, Raw]:
    """The members of an object, their values as they came."""
    _check_object(where, text)
    try:
        return _decode_members(text)
    except msgspec.DecodeError as error:
        raise DecodeError("invalid_schema", f"{where}: {error}") from None


def _no_features(half: Half) -> int:
    """The features did not parse as flat: null stands for none, anything else is refused by the member that is to blame."""
    text = bytes(half.features)
    if text == b"null":
        half.features = EMPTY_OBJECT
        return 0
    allowed = "a number, boolean, string or null is expected"
    for name, value in _members("$.features", text).items():
        if bytes(value)[:1] in (b"[", b"{"):
            message = f"$.features[{quoted(name)}]: {quoted_json(bytes(value))}; {allowed}, nested values are refused"
            raise DecodeError("invalid_schema", message)
    _loads("$.features", text)
    raise DecodeError("invalid_schema", f"$.features: {allowed} for each member")
