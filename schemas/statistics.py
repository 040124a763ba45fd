"""What the detect role (and, for the kind ``pairing``, the pair role) says of one signal in one window."""

from typing import Any, Literal

from msgspec import Struct

from schemas.offsets import OffsetRange, Window

__all__ = ["Coverage", "Detector", "DetectorState", "DriftStatistics", "Role", "Signal", "SignalKind"]

Role = Literal["legacy", "shadow", "all"]
SignalKind = Literal[
    "feature", "missing", "schema", "prediction", "difference", "disagreement", "latency", "cost", "error", "kpi",
    "match_rate", "volume", "pairing",
]  # fmt: skip
DetectorState = Literal["warming", "quiet", "warning", "drift"]


class Signal(Struct, frozen=True, gc=False):
    """What is watched: ``kind`` and, where one kind has many, ``name`` (a feature's name); else ``name`` is empty."""

    kind: SignalKind
    name: str = ""

    def __str__(self) -> str:
        """``kind/name``, the form that stands in alert labels and in record keys; ``kind`` alone without a name."""
        return f"{self.kind}/{self.name}" if self.name else self.kind


class Detector(Struct, frozen=True, gc=False):
    """The detector's opinion at the window's end. ``score`` of 1 times ``threshold`` or more is an alarm."""

    name: str
    state: DetectorState
    score: float
    threshold: float


class Coverage(Struct, frozen=True, gc=False):
    """How the window's pair records came out."""

    paired: int = 0
    partial: int = 0
    legacy_only: int = 0
    shadow_only: int = 0


class DriftStatistics(Struct, frozen=True, kw_only=True, gc=False):
    """One signal in one window: the figures, the detector's state, and the exact stretch of the log behind them.

    ``statistics`` holds JSON values only; which, depends on the kind (``docs/statistics.md``). ``configuration`` is the
    digest of every setting that the figures depend on.
    """

    model: str
    version: str
    role: Role
    signal: Signal
    segment: dict[str, str] | None = None
    window: Window
    statistics: dict[str, Any]
    detector: Detector
    coverage: Coverage = Coverage()
    offsets: list[OffsetRange]
    configuration: str

    @property
    def key(self) -> str:
        """``model|version|signal|segment``, the record's key."""
        segment = ",".join(f"{k}={v}" for k, v in sorted((self.segment or {}).items()))
        return f"{self.model}|{self.version}|{self.signal}|{segment}"
