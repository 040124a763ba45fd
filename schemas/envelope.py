"""The three forms in which a payload comes: plain JSON, CloudEvents binary mode, CloudEvents structured mode.

``unwrap`` finds out which by the Kafka binding's rule (a ``content-type`` that begins with ``application/cloudevents`` is
structured mode; anything else is the payload itself) and gives the payload with what the envelope says of the request id
and the time. Source: cloudevents/spec, kafka-protocol-binding.md 1.0.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct

from schemas.errors import DecodeError, quoted

__all__ = ["PLAIN", "Envelope", "parse_time", "unwrap"]

_RFC3339 = r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$"
_matches_rfc3339 = re.compile(_RFC3339).match


class Envelope(NamedTuple):
    """What surrounds a payload: ``correlationid`` stands in for a request id, ``time`` (RFC 3339) for a timestamp."""

    correlationid: str | None = None
    time: str | None = None


PLAIN = Envelope()


_ABSENT = Raw()


class _Structured(Struct):
    specversion: str
    id: str
    source: str
    type: str
    data: Raw = _ABSENT
    data_base64: Raw = _ABSENT
    correlationid: str | None = None
    time: str | None = None


_decode_structured = msgspec.json.Decoder(_Structured).decode


def unwrap(value: bytes, headers: Sequence[tuple[str, bytes | None]]) -> tuple[bytes | Raw, Envelope]:
    """The payload's JSON text and its envelope; raises ``DecodeError`` for an envelope that is not one."""
    found: dict[str, bytes] = {name.lower(): text for name, text in headers if text is not None}
    content_type = found.get("content-type", b"").decode("utf-8", "replace").lower()
    if content_type.startswith("application/cloudevents"):
        return _open_structured(value, content_type)
    return value, Envelope(_text(found, "ce_correlationid"), _text(found, "ce_time"))


def _text(headers: dict[str, bytes], name: str) -> str | None:
    text = headers.get(name)
    if text is None:
        return None
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise DecodeError("invalid_schema", f"header {name}: {quoted(text)} is not UTF-8") from None


def _open_structured(value: bytes, content_type: str) -> tuple[Raw, Envelope]:
    if content_type.startswith("application/cloudevents-batch"):
        raise DecodeError("invalid_schema", "content-type: a batch of CloudEvents; one event a record is expected")
    try:
        event = _decode_structured(value)
    except msgspec.ValidationError as error:
        raise DecodeError("invalid_schema", f"CloudEvents envelope: {error}") from None
    except msgspec.DecodeError as error:
        raise DecodeError("not_json", str(error)) from None
    if event.specversion != "1.0":
        raise DecodeError("invalid_schema", f"$.specversion: {quoted(event.specversion)}; '1.0' is expected")
    if event.data_base64 is not _ABSENT:
        raise DecodeError("invalid_schema", "$.data_base64: binary payloads are not taken; JSON in `data` is expected")
    if event.data is _ABSENT:
        raise DecodeError("invalid_schema", "$.data: missing; the payload as a JSON object is expected")
    return event.data, Envelope(event.correlationid, event.time)


def parse_time(text: str, where: str) -> int:
    """An RFC 3339 time in milliseconds since the epoch; ``where`` is the field path for the refusal.

    >>> parse_time("2026-09-21T14:13:20.123Z", "$.timestamp")
    1790000000123
    """
    if _matches_rfc3339(text):
        try:
            moment = datetime.fromisoformat(text.upper().replace(" ", "T"))
        except ValueError:
            pass
        else:
            whole = int(moment.replace(microsecond=0).timestamp())
            return whole * 1000 + moment.microsecond // 1000
    allowed = "milliseconds since the epoch, or an RFC 3339 time such as 2026-09-21T14:13:20.123Z"
    raise DecodeError("invalid_schema", f"{where}: {quoted(text)}; {allowed}")
