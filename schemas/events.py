"""What the service says as records: key, value and headers of a message in its CloudEvents envelope.

``drift.statistics`` is binary, the value the payload alone; ``alerts`` and ``retrain.triggers`` are structured, since whoever
acts on them is often handed the value and nothing else. An alert's key is its fingerprint and a trigger's its model.
"""

from typing import NamedTuple

import msgspec

from schemas.alert import Alert
from schemas.cloudevents import binary_headers, structured
from schemas.statistics import DriftStatistics
from schemas.trigger import RetrainTrigger

__all__ = ["EventRecord", "alert_event", "statistics_event", "trigger_event"]

_DECIDE = "/gnomon/decide"
_encode = msgspec.json.Encoder().encode


class EventRecord(NamedTuple):
    """One record, but for its topic and partition."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


def statistics_event(source: str, id_: str, statistics: DriftStatistics) -> EventRecord:
    """A record of ``drift.statistics``; its time is the window's end."""
    key = statistics.key
    headers = binary_headers("io.gnomon.drift.statistics.v1", source, id_, statistics.window.end, key)
    return EventRecord(key.encode(), _encode(statistics), headers)


def alert_event(id_: str, alert: Alert, *, at: int, caused_by: str) -> EventRecord:
    """A record of ``alerts``; ``caused_by`` is the id of the statistics event, empty where it had none."""
    value, headers = structured(
        "io.gnomon.alert.v1", _DECIDE, id_, alert,
        time_ms=at, subject=alert.subject, correlationid=alert.fingerprint, causationid=caused_by or None,
    )  # fmt: skip
    return EventRecord(alert.fingerprint.encode(), value, headers)


def trigger_event(trigger: RetrainTrigger, *, at: int, caused_by: str) -> EventRecord:
    """A record of ``retrain.triggers``; ``caused_by`` is the id of the alert's event."""
    model = trigger.model.name
    value, headers = structured(
        "io.gnomon.retrain.trigger.v1", _DECIDE, trigger.trigger_id, trigger,
        time_ms=at, subject=model, correlationid=trigger.links["alerts"][0], causationid=caused_by,
    )  # fmt: skip
    return EventRecord(model.encode(), value, headers)
