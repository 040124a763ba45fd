"""A Kafka record of an input topic, and the message in it or the reason why there is none.

``PredictionDecoder`` is on the path of every event, so it is written for the ordinary record: one typed parse of the
payload in which ``features``, ``segments`` and ``metadata`` stay JSON text, one typed parse of the features to see that
they are flat and finite, and a look into small sets for what comes again and again (models, versions, segments). Whatever
is out of the ordinary raises ``DecodeError`` with the reason of the contract; the record itself is never changed.

Each set of known names is bounded: when it is full it begins anew, which costs time and nothing else.
"""

from typing import Annotated, Any

import msgspec
import orjson
from msgspec import Meta, Raw, Struct, field

from schemas.envelope import PLAIN, unwrap
from schemas.errors import DecodeError, quoted
from schemas.json_text import check
from schemas.limits import DAY_MS, EARLIEST_MS, Limits
from schemas.pair import EMPTY_OBJECT
from schemas.prediction import PredictionValue
from schemas.record import SourceRecord
from schemas.shared_fields import SharedFields, parse, remember

__all__ = ["Half", "PredictionDecoder", "SourceRecord"]

_BRACE = ord("{")
_NOT_NEGATIVE = Annotated[float, Meta(ge=0)]
_FlatValue = float | bool | str | None


class Half(Struct, gc=False):
    """One prediction event, decoded. ``source`` is its record; ``moment`` is set by whoever reads the log in order."""

    prediction: PredictionValue
    model: str
    version: str
    request_id: str | None = None
    timestamp: int | str | None = None
    features: Raw = EMPTY_OBJECT
    latency_ms: _NOT_NEGATIVE | None = None
    cost: _NOT_NEGATIVE | None = None
    segments: Raw = EMPTY_OBJECT
    metadata: Raw = EMPTY_OBJECT
    # Not on the wire: these names cannot be hit by accident, and both are set after each decoding.
    moment: int = field(default=0, name="~moment")
    source: Any = field(default=None, name="~source")


_decode_half = msgspec.json.Decoder(Half).decode
_decode_features = msgspec.json.Decoder(dict[str, _FlatValue]).decode


class PredictionDecoder:
    """Turns records of ``predictions.*`` into halves."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._most_bytes = limits.record_bytes
        self._shared = SharedFields(limits)
        self._versions: set[str] = set()
        self._segments: set[bytes] = set()
        self._few = limits.nesting // 2  # so few brackets of either kind cannot be nested too deeply

    def __call__(self, record: SourceRecord) -> Half:
        """The half in ``record``; raises ``DecodeError``."""
        value, headers, envelope = record.value, record.headers, PLAIN
        few = self._few
        if not (
            value
            and len(value) <= self._most_bytes
            and value.isascii()
            and value[0] == _BRACE
            and value.count(b"{") < few
            and value.count(b"[") < few
        ):  # anything but the ordinary, for which there is nothing to look at
            value = check(value, self._limits)
        text: bytes | Raw = value
        if headers:
            text, envelope = unwrap(value, headers)
        try:
            half = _decode_half(text)
        except (msgspec.DecodeError, RecursionError):
            half = parse(_decode_half, text)  # once more, for the reason
        now = record.timestamp
        request_id, time_ms, shared = half.request_id, half.timestamp, self._shared
        if request_id is None or not 0 < len(request_id) <= 64:  # 64 characters are at most 256 bytes
            half.request_id = shared.request_id(request_id, envelope, record.key)
        if type(time_ms) is not int or not EARLIEST_MS <= time_ms <= now + DAY_MS:
            half.timestamp = shared.timestamp(time_ms, envelope, now)
        if half.model not in shared.models or half.version not in self._versions or type(half.prediction) is dict:
            self._check_names(half)
        if half.features is not EMPTY_OBJECT:
            try:
                count = len(_decode_features(half.features))
            except msgspec.ValidationError:
                count = _no_features(half)
            if count > self._limits.features:
                raise DecodeError("too_large", f"$.features: {count} members; at most {self._limits.features} are allowed")
        if half.segments is not EMPTY_OBJECT and bytes(half.segments) not in self._segments:
            self._check_segments(half, bytes(half.segments))
        if half.metadata is not EMPTY_OBJECT:
            self._check_metadata(half, bytes(half.metadata))
        half.source = record
        return half

    def _check_names(self, half: Half) -> None:
        self._shared.model(half.model)
        self._check_version(half.version)
        if type(half.prediction) is dict:
            self._check_probabilities(half.prediction)

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
        try:
            segments = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise DecodeError("invalid_schema", f"$.segments: {error}") from None
        if segments is None:
            half.segments = EMPTY_OBJECT
            return
        _object("$.segments", segments)
        for name, value in segments.items():
            if type(value) is not str:
                raise DecodeError("invalid_schema", f"$.segments[{quoted(name)}]: {quoted(value)}; a string is expected")
        if len(segments) > self._limits.segments:
            message = f"$.segments: {len(segments)} members; at most {self._limits.segments} are allowed"
            raise DecodeError("invalid_schema", message)
        remember(self._segments, text)

    def _check_metadata(self, half: Half, text: bytes) -> None:
        if len(text) > self._limits.metadata_bytes:
            message = f"$.metadata: {len(text)} bytes; at most {self._limits.metadata_bytes} are allowed"
            raise DecodeError("too_large", message)
        try:
            metadata = orjson.loads(text)
        except orjson.JSONDecodeError as error:  # a number that no double can hold, which the skipping parser let pass
            raise DecodeError("invalid_schema", f"$.metadata: {error}") from None
        if metadata is None:
            half.metadata = EMPTY_OBJECT
        else:
            _object("$.metadata", metadata)


def _object(where: str, value: object) -> None:
    if type(value) is not dict:
        raise DecodeError("invalid_schema", f"{where}: {quoted(value)}; an object is expected")


def _no_features(half: Half) -> int:
    """The features did not parse as flat: null stands for none, anything else is refused by the member that is to blame."""
    text = bytes(half.features)
    if text == b"null":
        half.features = EMPTY_OBJECT
        return 0
    try:
        features = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise DecodeError("invalid_schema", f"$.features: {error}") from None
    _object("$.features", features)
    allowed = "a number, boolean, string or null is expected"
    for name, value in features.items():
        if isinstance(value, dict | list):
            raise DecodeError(
                "invalid_schema", f"$.features[{quoted(name)}]: {quoted(value)}; {allowed}, nested values are refused"
            )
    raise DecodeError("invalid_schema", f"$.features: {allowed} for each member")
