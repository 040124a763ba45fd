"""Why an event is not part of a pair: the reasons, and the headers of a record on ``dead.letters``.

The value of a dead letter is the source's value, byte for byte; its key and its partition number are the source's.
"""

from typing import Literal, get_args

from schemas.record import SourceRecord

__all__ = ["REASONS", "Reason", "dead_letter"]

Reason = Literal[
    "not_json", "invalid_schema", "too_large", "timestamp_out_of_range", "unsupported_encoding", "duplicate", "late",
    "unauthorised",
]  # fmt: skip
REASONS: tuple[Reason, ...] = get_args(Reason)


def dead_letter(
    full_topic: str, topic: str, partition: int, record: SourceRecord, reason: Reason, detail: str, room_bytes: int
) -> tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]:
    """Key, value and headers of the dead letter for ``record``.

    The headers say why, where it came from, the CloudEvents attributes, and the source's own headers. ``topic`` is the
    contract's name, which the id is made of; ``full_topic`` has the prefix. Numbers are decimal text.

    What is larger than ``room_bytes`` would be refused by the broker and hold up its partition for good (a compressed batch
    can unpack to far more than a topic takes). Then the source's headers are left out, and if need be the value too; the
    header ``source.omitted`` says what, and the source's topic and offset say where it still is.
    """
    headers = [
        ("reason", reason.encode()),
        ("detail", detail.encode("utf-8", "replace")),
        ("source.topic", full_topic.encode()),
        ("source.partition", b"%d" % partition),
        ("source.offset", b"%d" % record.offset),
        ("source.timestamp", b"%d" % record.timestamp),
        ("ce_specversion", b"1.0"),
        ("ce_type", b"io.gnomon.dead.letter.v1"),
        ("ce_source", b"/gnomon/dead.letters"),
        ("ce_id", f"{topic}/{partition}/{record.offset}".encode()),
    ]
    own = [(f"source.header.{name}", value) for name, value in record.headers]
    key, value = record.key, record.value
    size = len(key or b"") + len(value or b"") + sum(map(_size, headers))
    if size + sum(map(_size, own)) <= room_bytes:
        return key, value, headers + own
    omitted = f"headers {len(own)}"
    if size > room_bytes:
        omitted += f", value of {len(value or b'')} bytes"
        value = None
        if len(key or b"") > room_bytes // 2:
            omitted += f", key of {len(key or b'')} bytes"
            key = None
    return key, value, [*headers, ("source.omitted", omitted.encode())]


def _size(header: tuple[str, bytes | None]) -> int:
    """What a header takes in a record, its two lengths included."""
    return len(header[0]) + len(header[1] or b"") + 10
