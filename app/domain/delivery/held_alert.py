"""An alert as it is kept for delivery: what Alertmanager has fields for, and when the change of its state was written.

The record on ``alerts`` says event times. Those are no times for Alertmanager (measured on Debian's 0.25): what has a
``startsAt`` further back than ``group_wait`` is notified at once, before the rest of its group and before what would inhibit it;
one that lies ahead is refused; an ``endsAt`` ahead does not resolve. And in a replay they are years old. So what is sent is what
Prometheus sends of its own alerts: when it was decided, by the clock. That is the record's own timestamp, which is the same after
every restart. The event times stand in the record, in the summary, and on the page.

Anybody who may write to Kafka may write to ``alerts``, so what is kept is bounded here.
"""

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from schemas.alert import AlertStatus
from schemas.cloudevents import rfc3339
from schemas.json_text import shallow

__all__ = ["ALERT_BYTES", "HeldAlert", "read_alert"]

#: Fingerprint, labels, annotations and link of one alert as JSON; ours have about 1.5 KB. Its times do not count: a resolve has
#: one more than what fired, and one that is refused would leave it firing for ever.
ALERT_BYTES = 8_192
#: For so long a firing alert holds without being told again: an upgrade, or a broker that is away, does not resolve it.
HOLDS_MS = 900_000


class HeldAlert(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``fired_ms`` and ``ended_ms`` are when the records were written (ms since the epoch); None: it fires."""

    fingerprint: str
    labels: dict[str, str]
    annotations: dict[str, str]
    generator_url: str
    fired_ms: int
    ended_ms: int | None = None

    @property
    def status(self) -> AlertStatus:
        """Whether it fires."""
        return "firing" if self.ended_ms is None else "resolved"

    def as_posted(self, now_ms: int, resend_ms: int) -> dict[str, Any]:
        """The alert for Alertmanager's v2 API, and nothing that it has no field for.

        A firing one says until when it holds, a quarter of an hour or five re-sends, whichever is longer: left away, it would
        hold for the receiver's own ``resolve_timeout``, and where that is shorter than a re-send, resolve and fire in turn.
        Nothing else lies ahead of ``now_ms``, whatever the clock said by which the record was written.

        >>> over = HeldAlert(fingerprint="f", labels={"a": "A"}, annotations={}, generator_url="", fired_ms=0, ended_ms=9_000)
        >>> [over.as_posted(now_ms=60_000, resend_ms=1_000)[name] for name in ("startsAt", "endsAt")]
        ['1970-01-01T00:00:00.000Z', '1970-01-01T00:00:09.000Z']
        """
        starts = max(0, min(self.fired_ms, now_ms))
        ends = now_ms + max(HOLDS_MS, 5 * resend_ms) if self.ended_ms is None else max(starts, min(self.ended_ms, now_ms))
        return {
            "labels": self.labels,
            "annotations": self.annotations,
            "startsAt": rfc3339(starts),
            "endsAt": rfc3339(ends),
            "generatorURL": self.generator_url,
        }


class _Data(Struct, rename="camel"):
    labels: dict[str, str]
    fingerprint: str
    status: AlertStatus
    annotations: dict[str, str] = {}
    generator_url: str | UnsetType = field(name="generatorURL", default=UNSET)


class _Event(Struct):
    data: _Data


_decode = msgspec.json.Decoder(_Event).decode
_encode = msgspec.json.Encoder().encode


def read_alert(value: bytes | None, at_ms: int) -> HeldAlert:
    """The alert of a record of ``alerts`` that was written then; ``ValueError`` for what cannot be read or is too large."""
    data = _decode(shallow(value)).data
    if not data.labels:
        message = "an alert has no labels; at least one is expected"
        raise ValueError(message)
    link = data.generator_url or ""
    size = len(_encode((data.fingerprint, data.labels, data.annotations, link)))
    if size > ALERT_BYTES:
        message = f"an alert of {size} bytes; at most {ALERT_BYTES} are kept for delivery"
        raise ValueError(message)
    return HeldAlert(
        fingerprint=data.fingerprint,
        labels=data.labels,
        annotations=data.annotations,
        generator_url=link,
        fired_ms=at_ms,
        ended_ms=at_ms if data.status == "resolved" else None,
    )
