"""Whether a shadow is better: the record of the judge role."""

from typing import Any, Literal

from msgspec import Struct

from schemas.offsets import Window
from schemas.statistics import Coverage

__all__ = ["Verdict", "VerdictBounds", "VerdictMetric"]


class VerdictMetric(Struct, frozen=True, gc=False):
    """One metric: its estimate, its interval, and the margin within which the two models count as equal."""

    name: str
    estimate: float
    lower: float
    upper: float
    margin: float
    events: int


class VerdictBounds(Struct, frozen=True, gc=False):
    """What is known of the difference even if all unseen pairs had gone the worst way, or the best."""

    lower: float
    upper: float


class Verdict(Struct, frozen=True, kw_only=True, gc=False):
    """The comparison of one shadow version with the served one, as far as the evidence goes."""

    model: str
    legacy_version: str
    shadow_version: str
    verdict: Literal["promote", "equivalent", "reject", "continue", "inconclusive"]
    metrics: list[VerdictMetric]
    coverage: Coverage
    bounds: VerdictBounds
    specification: str
    window: Window
    evidence: dict[str, Any] = {}
