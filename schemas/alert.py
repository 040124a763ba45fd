"""What on-call reads: one record for each change of an alert's state."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, field

__all__ = ["Alert", "AlertStatus"]

AlertStatus = Literal["firing", "resolved"]


class Alert(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """One alert as Alertmanager's v2 API takes it, and three fields more: ``status``, ``fingerprint``, ``evidence``.

    Label values are strings, always, and never a score: the label set is the identity, and ``fingerprint`` its digest.
    ``starts_at`` and ``ends_at`` are RFC 3339 and event time. A resolved alert repeats the annotations.
    """

    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: str
    ends_at: str | UnsetType = UNSET
    generator_url: str = field(name="generatorURL")
    status: AlertStatus
    fingerprint: str
    evidence: dict[str, Any]

    @property
    def subject(self) -> str:
        """What it is about: the model, or the input topic."""
        return self.labels.get("model") or self.labels["topic"]
