"""What the service says as records: key, value and headers of a message in its CloudEvents envelope.

``drift.statistics`` and ``baselines`` are binary, the value the payload alone; ``alerts`` and ``retrain.triggers`` are
structured, since whoever acts on them is often handed the value and nothing else. An alert's key is its fingerprint and a
trigger's its model.
"""

from typing import NamedTuple

import msgspec

from schemas.action import Action
from schemas.alert import Alert
from schemas.baseline import BaselineDocument
from schemas.cloudevents import binary_headers, structured
from schemas.statistics import DriftStatistics
from schemas.trigger import RetrainTrigger

__all__ = ["EventRecord", "action_event", "alert_event", "baseline_event", "statistics_event", "trigger_event"]

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


def baseline_event(document: BaselineDocument, data: bytes) -> EventRecord:
    """A record of ``baselines``: the document's own bytes under its id; its subject is ``model/version``."""
    subject = f"{document.model}/{document.version}"
    headers = binary_headers("io.gnomon.baseline.v1", "/gnomon/baseline", document.id, subject=subject)
    return EventRecord(document.id.encode(), data, headers)


def action_event(action: Action) -> EventRecord:
    """A record of ``actions``, plain JSON without what is absent; its key is the subject."""
    members = {name: value for name, value in msgspec.to_builtins(action).items() if value not in (None, {})}
    return EventRecord(action.subject.encode(), _encode(members), [])


def alert_event(id_: str, alert: Alert, *, at: int, caused_by: str) -> EventRecord:
    """A record of ``alerts``; ``caused_by`` is the id of the statistics event, empty where it had none."""
    value, headers = structured(
        "io.gnomon.alert.v1", _DECIDE, id_, alert,
        time_ms=at, subject=alert.subject, correlationid=alert.fingerprint, causationid=caused_by or None,
    )  # fmt: skip
    return EventRecord(alert.fingerprint.encode(), value, headers)


def trigger_event(id_: str, trigger: RetrainTrigger, *, at: int, caused_by: str) -> EventRecord:
    """A record of ``retrain.triggers``; ``caused_by`` is the id of the event that it follows from, an alert's or an action's."""
    model, alerts = trigger.model.name, trigger.links["alerts"]
    value, headers = structured(
        "io.gnomon.retrain.trigger.v1", _DECIDE, id_, trigger,
        time_ms=at, subject=model, correlationid=alerts[0] if alerts else trigger.trigger_id, causationid=caused_by,
    )  # fmt: skip
    return EventRecord(model.encode(), value, headers)
