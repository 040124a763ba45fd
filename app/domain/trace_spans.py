"""An alert as the end of a producer's trace: what happened to one of the requests behind it, as three spans.

``gnomon pair`` lasts from the event time of the half to the Kafka time of its record on ``pairs``, ``gnomon detect`` from
there to the record of ``drift.statistics`` that decided, ``gnomon decide`` from there to the alert. All three are children of
the span that wrote the half. Where the statistics are not found, ``gnomon detect`` is left out and ``gnomon decide`` begins
with the pair.

A span says only what its own record says, and its id is made of that record's ``ce_id``: whoever tells the same twice tells
the same span, and two alerts that rest on one pair share its span.

Attributes are OpenTelemetry's for messaging: each span is the sending of a record, and says where that lies. What has no name
there begins with ``gnomon.``. A clock that was behind makes no span of negative length: it begins where it ends at the latest.
"""

import hashlib
from typing import Any, NamedTuple

from msgspec import Struct

from schemas.offsets import OffsetRange
from schemas.trace_context import TraceContext

__all__ = ["AlertRecord", "Evidence", "Span", "SpanEvent", "TracedPair", "Written", "spans_of"]

_NEVER = "0" * 16
#: So far go 63 bits of nanoseconds: the year 2262.
_LATEST_MS = (1 << 63) // 1_000_000


class Evidence(Struct, frozen=True):
    """What an alert says of the log: stretches of it, the figures and the id of the statistics that decided."""

    offsets: list[OffsetRange] = []
    source: str = ""
    statistics: dict[str, Any] = {}

    @property
    def change(self) -> int | None:
        """The offset at which the change is estimated to have begun, if the figures have one."""
        change = self.statistics.get("change")
        offset = change.get("offset") if isinstance(change, dict) else None
        return offset if type(offset) is int else None


class AlertRecord(Struct, frozen=True, rename="camel"):
    """Of an alert, what a trace tells."""

    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: str
    status: str
    fingerprint: str
    evidence: Evidence


class Written(NamedTuple):
    """A record that a role has written: its ``ce_id``, where it lies, and its Kafka time."""

    id: str
    topic: str
    partition: int
    offset: int
    at_ms: int


class TracedPair(NamedTuple):
    """A pair in a trace: the span that wrote its half, and the half's event time."""

    context: TraceContext
    request_id: str
    event_ms: int
    written: Written


class SpanEvent(NamedTuple):
    """Something that happened in a span."""

    name: str
    at_ms: int
    attributes: dict[str, str]


class Span(NamedTuple):
    """One span, a child of ``parent``, in whose trace it is."""

    name: str
    span_id: str
    parent: TraceContext
    start_ms: int
    end_ms: int
    attributes: dict[str, Any]
    events: tuple[SpanEvent, ...] = ()


def spans_of(alert: AlertRecord, told: Written, pair: TracedPair, statistics: Written | None) -> list[Span]:
    """The spans of an alert that lies at ``told``, through ``pair`` and ``statistics``."""
    model = alert.labels.get("model", "")
    paired = {"gnomon.request_id": pair.request_id}
    named = {"gnomon.alertname": alert.labels.get("alertname", ""), "gnomon.fingerprint": alert.fingerprint}
    spans = [_span("pair", pair.context, pair.event_ms, pair.written, model, paired)]
    begin = pair.written.at_ms
    if statistics is not None:
        spans.append(_span("detect", pair.context, begin, statistics, model, {}))
        begin = statistics.at_ms
    decided = _span("decide", pair.context, begin, told, model, named)
    return [*spans, decided._replace(events=(_event(alert, decided.end_ms),))]


def _span(step: str, parent: TraceContext, start_ms: int, written: Written, model: str, more: dict[str, str]) -> Span:
    attributes = {
        "messaging.system": "kafka",
        "messaging.operation.type": "send",
        "messaging.operation.name": "send",
        "messaging.destination.name": written.topic,
        "messaging.destination.partition.id": str(written.partition),
        "messaging.kafka.offset": written.offset,
        "gnomon.ce_id": written.id,
        "gnomon.model": model,
    }
    name = f"gnomon {step}"
    end = min(max(written.at_ms, 0), _LATEST_MS)
    return Span(name, _span_id(name, written.id), parent, min(max(start_ms, 0), end), end, attributes | more)


def _span_id(name: str, id_: str) -> str:
    """Sixteen digits that only this step of this record has; all zeros are no id."""
    digits = hashlib.sha256(f"{name}\0{id_}".encode()).hexdigest()
    return digits[:16] if digits[:16] != _NEVER else digits[16:32]


def _event(alert: AlertRecord, at_ms: int) -> SpanEvent:
    told = {
        "gnomon.alertname": alert.labels.get("alertname", ""),
        "gnomon.severity": alert.labels.get("severity", ""),
        "gnomon.fingerprint": alert.fingerprint,
        "gnomon.status": alert.status,
        "gnomon.starts_at": alert.starts_at,
        "gnomon.summary": alert.annotations.get("summary", ""),
    }
    return SpanEvent("alert", at_ms, told)
