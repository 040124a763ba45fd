"""What the pair role says of each request: one record for each (model, request id)."""

from typing import Literal

from msgspec import Raw, Struct

from schemas.prediction import PredictionValue

__all__ = ["EMPTY_OBJECT", "LegacyHalf", "Pair", "PairStatus", "ShadowHalf"]

PairStatus = Literal["paired", "partial", "legacy_only", "shadow_only", "solo"]
EMPTY_OBJECT = Raw(b"{}")


class LegacyHalf(Struct, gc=False):
    """The live model's answer. ``timestamp`` in milliseconds since the epoch, ``latency_ms`` in milliseconds."""

    version: str
    prediction: PredictionValue
    timestamp: int
    latency_ms: float | None = None
    cost: float | None = None


class ShadowHalf(Struct, gc=False):
    """One shadow's answer, and how it stands to the live one.

    ``difference`` is shadow minus legacy for scores, the total variation distance for probabilities, null for classes,
    for unlike types and where legacy is missing; ``agrees`` is null only where legacy is missing.
    """

    version: str
    prediction: PredictionValue
    timestamp: int
    latency_ms: float | None = None
    cost: float | None = None
    difference: float | None = None
    agrees: bool | None = None


class Pair(Struct, gc=False):
    """One request as all its models answered it.

    ``timestamp``, ``features``, ``segments`` and ``metadata`` are the legacy half's, else the first shadow's. ``missing``
    names what was waited for in vain: shadow versions, and ``"legacy"``.
    """

    request_id: str
    model: str
    timestamp: int
    status: PairStatus
    legacy: LegacyHalf | None
    shadows: tuple[ShadowHalf, ...]
    missing: tuple[str, ...] = ()
    features: Raw = EMPTY_OBJECT
    segments: Raw = EMPTY_OBJECT
    metadata: Raw = EMPTY_OBJECT
