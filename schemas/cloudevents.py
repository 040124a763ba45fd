"""CloudEvents 1.0 around our messages, as the Kafka protocol binding lays them out.

Binary mode keeps the payload as the record's value and puts each attribute into a ``ce_`` header; structured mode puts both
into one JSON object, since some consumers hand on the record's value and nothing else. An event's ``id`` is deterministic:
the same input gives the same id whatever crashed in between, so a consumer that keeps ids never acts twice.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

__all__ = ["JSON_TYPE", "STRUCTURED_TYPE", "binary_headers", "event_id", "id_bytes", "rfc3339", "structured"]

JSON_TYPE = "application/json"
STRUCTURED_TYPE = "application/cloudevents+json; charset=UTF-8"

_encode = msgspec.json.Encoder().encode


def rfc3339(time_ms: int) -> str:
    """A time in milliseconds since the epoch, in UTC, with three decimals.

    >>> rfc3339(1_790_000_000_123)
    '2026-09-21T14:13:20.123Z'
    """
    return datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{time_ms % 1000:03d}Z"


def binary_headers(
    type_: str, source: str, id_: str, time_ms: int | None = None, subject: str | None = None
) -> list[tuple[str, bytes]]:
    """The headers of an event whose payload is the record's value."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_type", type_.encode()),
        ("ce_source", source.encode()),
        ("ce_id", id_.encode()),
        ("content-type", JSON_TYPE.encode()),
    ]
    if time_ms is not None:
        headers.append(("ce_time", rfc3339(time_ms).encode()))
    if subject is not None:
        headers.append(("ce_subject", subject.encode()))
    return headers


def id_bytes(headers: Sequence[tuple[str, bytes | None]]) -> bytes:
    """The id in an event's headers, as it was written; empty where there is none. Kafka allows a header without a value.

    >>> id_bytes([("ce_type", b"t"), ("ce_id", b"1")]), id_bytes([("ce_id", None)]), id_bytes([])
    (b'1', b'', b'')
    """
    return next((value or b"" for name, value in headers if name == "ce_id"), b"")


def event_id(headers: Sequence[tuple[str, bytes | None]]) -> str:
    """The same as text."""
    return id_bytes(headers).decode(errors="replace")


def structured(
    type_: str,
    source: str,
    id_: str,
    data: object,
    *,
    time_ms: int | None = None,
    subject: str | None = None,
    correlationid: str | None = None,
    causationid: str | None = None,
) -> tuple[bytes, list[tuple[str, bytes]]]:
    """The value and the headers of an event that carries its payload inside; ``data`` is what msgspec can encode."""
    event: dict[str, Any] = {"specversion": "1.0", "type": type_, "source": source, "id": id_}
    optional = {"subject": subject, "correlationid": correlationid, "causationid": causationid}
    event.update((name, value) for name, value in optional.items() if value is not None)
    if time_ms is not None:
        event["time"] = rfc3339(time_ms)
    event["datacontenttype"] = JSON_TYPE
    event["data"] = data
    return _encode(event), [("content-type", STRUCTURED_TYPE.encode())]
