"""The four inputs of the serve role as it reads them. What cannot be read is a ``ValueError``, never a crash.

These are our own topics, yet anybody who may write to Kafka may write to them. Everything that is shown is therefore cut to
a length here, once, and whatever is open-ended (figures, evidence) stays JSON text of bounded size.
"""

import re
from collections.abc import Sequence
from typing import TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from app.read_model.documents import LetterExample
from schemas.alert import AlertStatus
from schemas.dead_letter import REASONS
from schemas.offsets import Window
from schemas.statistics import Coverage, Detector, Role, Signal
from schemas.trigger import RetrainTrigger

__all__ = ["AlertMessage", "StatisticsMessage", "read_alert", "read_letter", "read_statistics", "read_trigger", "small"]

#: Figures and evidence over this many bytes are not shown; a histogram of 20 bins takes about 1 KiB.
RAW_BYTES = 8_192
#: A trigger is shown whole, so its record may have this many bytes; ours have about 2 KiB.
TRIGGER_BYTES = 65_536
TEXT_CHARACTERS = 2_000
#: Ours have up to six levels.
NESTING = 32
LABELS = 64
NOTHING = Raw(b"{}")


class StatisticsMessage(Struct, kw_only=True, gc=False):
    """``drift.statistics``, its figures left as text."""

    model: str
    version: str
    role: Role
    signal: Signal
    segment: dict[str, str] | None = None
    window: Window
    statistics: Raw
    detector: Detector
    coverage: Coverage = Coverage()

    @property
    def ended(self) -> bool:
        """Whether this is the last word on the signal: its version is no longer there."""
        return _figures.decode(self.statistics).ended is not UNSET


class AlertMessage(Struct, kw_only=True, rename="camel", gc=False):
    """``data`` of a record of ``alerts``, its evidence left as text."""

    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: str
    ends_at: str | UnsetType | None = UNSET
    generator_url: str = field(name="generatorURL", default="")
    status: AlertStatus
    fingerprint: str
    evidence: Raw = NOTHING


class _AlertEvent(Struct, gc=False):
    data: AlertMessage


class _TriggerEvent(Struct, gc=False):
    data: RetrainTrigger
    time: str | None = None


class _Figures(Struct, gc=False):
    ended: Raw | UnsetType = UNSET


T = TypeVar("T")
_figures = msgspec.json.Decoder(_Figures)
_statistics = msgspec.json.Decoder(StatisticsMessage)
_alert = msgspec.json.Decoder(_AlertEvent)
_trigger = msgspec.json.Decoder(_TriggerEvent)


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


def read_letter(headers: Sequence[tuple[str, bytes]]) -> LetterExample:
    """The headers of one record of ``dead.letters``; what is not there is told as ``unknown`` and -1."""
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
    )


def small(text: Raw) -> tuple[Raw, bool]:
    """JSON text as it may be stored, and whether it had to be left out."""
    return (NOTHING, True) if len(text) > RAW_BYTES else (text, False)


_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_LETTER_HEADERS = {"reason", "detail", "source.topic", "source.partition", "source.offset", "source.timestamp"}


def _read(decoder: msgspec.json.Decoder[T], value: bytes | None) -> T:
    if value is None:
        message = "a record without a value"
        raise ValueError(message)
    if _depth(value) > NESTING:
        message = f"nested deeper than {NESTING} levels"
        raise ValueError(message)
    return decoder.decode(value)  # raises msgspec.ValidationError or DecodeError: both are ValueErrors


def _depth(value: bytes) -> int:
    """How deep the JSON in ``value`` may be nested, without parsing it: a parser would run out of stack."""
    if value.count(b"[") + value.count(b"{") <= NESTING:
        return 0
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", value)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _cut(texts: dict[str, str]) -> dict[str, str]:
    return {name[:128]: text[:TEXT_CHARACTERS] for name, text in list(texts.items())[:LABELS]}


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 19 else -1
