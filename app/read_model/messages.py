"""The inputs of the serve role as it reads them. What cannot be read is a ``ValueError``, never a crash.

These are our own topics, yet anybody who may write to Kafka may write to them. Everything that is shown is therefore cut to
a length here, once, or refused over it (``app.read_model.bounds``), and whatever is open-ended (figures, evidence) stays JSON
text of bounded size.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from app.read_model.bounds import (
    BoundedCoverage,
    BoundedDetector,
    BoundedRange,
    BoundedSignal,
    BoundedWindow,
    Link,
    Segment,
    Short,
)
from app.read_model.documents import LetterExample
from schemas.alert import AlertStatus
from schemas.dead_letter import REASONS
from schemas.errors import DecodeError
from schemas.json_text import shallow
from schemas.record import SourceRecord
from schemas.statistics import Role
from schemas.trigger import RetrainTrigger
from schemas.verdict import Verdict

__all__ = [
    "AlertMessage",
    "Figures",
    "StatisticsMessage",
    "read_alert",
    "read_decoded",
    "read_letter",
    "read_statistics",
    "read_trigger",
    "read_verdict",
    "small",
]

#: Figures and evidence over this many bytes are not shown; a histogram of 20 bins takes about 1 KiB.
RAW_BYTES = 8_192
#: A trigger is shown whole, so its record may have this many bytes; ours have about 2 KiB.
TRIGGER_BYTES = 65_536
#: And so is a verdict; a metric of one takes about 120 bytes.
VERDICT_BYTES = 16_384
TEXT_CHARACTERS = 2_000
#: Of a dead letter's value, to see what a producer sends; all of it is on ``dead.letters``.
VALUE_BYTES = 256
LABELS = 64
NOTHING = Raw(b"{}")


class Figures(Struct, gc=False):
    """What is read of the figures: the main one of a signal, of any type, its reference, and whether they are the last word."""

    ended: Raw | UnsetType = UNSET
    baseline: Raw | UnsetType = UNSET
    values: object = None
    mean: object = None
    sd: object = None
    share: object = None


class StatisticsMessage(Struct, kw_only=True, gc=False):
    """``drift.statistics``, its figures left as text."""

    model: Short
    version: Short
    role: Role
    signal: BoundedSignal
    segment: Segment | None = None
    window: BoundedWindow
    statistics: Raw
    detector: BoundedDetector
    coverage: BoundedCoverage = BoundedCoverage()
    offsets: list[BoundedRange] = []

    def figures(self) -> Figures:
        """See there."""
        return _figures.decode(self.statistics)


class AlertMessage(Struct, kw_only=True, rename="camel", gc=False):
    """``data`` of a record of ``alerts``, its evidence left as text."""

    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: Short
    ends_at: Short | UnsetType | None = UNSET
    generator_url: Link = field(name="generatorURL", default="")
    status: AlertStatus
    fingerprint: Short
    evidence: Raw = NOTHING


class _AlertEvent(Struct, gc=False):
    data: AlertMessage


class _TriggerEvent(Struct, gc=False):
    data: RetrainTrigger
    time: str | None = None


class _VerdictEvent(Struct, gc=False):
    data: Verdict
    time: str | None = None


T = TypeVar("T")
_object: msgspec.json.Decoder[dict[str, object]] = msgspec.json.Decoder(dict[str, object])
_figures = msgspec.json.Decoder(Figures)
_statistics = msgspec.json.Decoder(StatisticsMessage)
_alert = msgspec.json.Decoder(_AlertEvent)
_trigger = msgspec.json.Decoder(_TriggerEvent)
_verdict = msgspec.json.Decoder(_VerdictEvent)


def read_statistics(value: bytes | None) -> StatisticsMessage:
    """One record of ``drift.statistics``."""
    return _read(_statistics, value)


def read_alert(value: bytes | None) -> AlertMessage:
    """One record of ``alerts``, a structured CloudEvent."""
    alert = _read(_alert, value).data
    alert.labels = _cut(alert.labels)
    alert.annotations = _cut(alert.annotations)
    return alert


def read_trigger(value: bytes | None) -> tuple[str | None, RetrainTrigger]:
    """One record of ``retrain.triggers``, a structured CloudEvent: its time and the trigger."""
    if value is not None and len(value) > TRIGGER_BYTES:
        message = f"a retrain trigger of {len(value)} bytes; at most {TRIGGER_BYTES} are shown"
        raise ValueError(message)
    event = _read(_trigger, value)
    return event.time, event.data


def read_decoded(decode: Callable[[SourceRecord], T], record: SourceRecord) -> T:
    """One record of ``retrain.status`` or ``actions``, as the decide role decodes it, with the bounds that it has there."""
    try:
        return decode(record)
    except DecodeError as error:
        raise ValueError(str(error)) from error


def read_verdict(value: bytes | None) -> tuple[str | None, Verdict]:
    """One record of ``verdicts``, a structured CloudEvent: its time and the verdict."""
    if value is not None and len(value) > VERDICT_BYTES:
        message = f"a verdict of {len(value)} bytes; at most {VERDICT_BYTES} are shown"
        raise ValueError(message)
    event = _read(_verdict, value)
    return event.time, event.data


def read_letter(headers: Sequence[tuple[str, bytes]], value: bytes | None) -> LetterExample:
    """One record of ``dead.letters``; what is not in its headers is told as ``unknown`` and -1."""
    known = {name: value.decode(errors="replace") for name, value in headers if name in _LETTER_HEADERS and value is not None}
    reason = known.get("reason", "")
    timestamp = _number(known.get("source.timestamp"))
    return LetterExample(
        reason=reason if reason in REASONS else "unknown",
        detail=known.get("detail", "")[:300],
        topic=known.get("source.topic", "unknown")[:249],
        partition=_number(known.get("source.partition")),
        offset=_number(known.get("source.offset")),
        timestamp=timestamp if timestamp >= 0 else None,
        value=UNSET if value is None else value[:VALUE_BYTES],
        value_bytes=UNSET if value is None else len(value),
    )


def small(text: Raw) -> tuple[Raw, bool]:
    """JSON text as it may be stored, and whether it had to be left out; a ``ValueError`` if a reader could not take it.

    A ``Raw`` was skipped, not read: bytes that are no UTF-8, numbers out of range and what is no object come to light here.
    """
    if len(text) > RAW_BYTES:
        return NOTHING, True
    _object.decode(text)
    return text, False


_LETTER_HEADERS = {"reason", "detail", "source.topic", "source.partition", "source.offset", "source.timestamp"}


def _read(decoder: msgspec.json.Decoder[T], value: bytes | None) -> T:
    return decoder.decode(shallow(value))  # raises msgspec.ValidationError or DecodeError: both are ValueErrors


def _cut(texts: dict[str, str]) -> dict[str, str]:
    return {name[:128]: text[:TEXT_CHARACTERS] for name, text in list(texts.items())[:LABELS]}


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 19 else -1
