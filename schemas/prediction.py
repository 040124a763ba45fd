"""What producers publish: one model's answer to one request, and later the truth about it.

These are the payloads as they stand after decoding, with every fallback applied. How a Kafka record becomes one of them,
in any of the three accepted forms, and what is refused, stands in ``schemas.codec``.
"""

from msgspec import Raw, Struct

__all__ = ["Outcome", "Prediction", "PredictionValue"]

#: A score, a class (string or boolean), or a probability for each class label.
PredictionValue = bool | float | str | dict[str, float]


class Prediction(Struct, frozen=True, gc=False):
    """One half of a pair. The role, legacy or shadow, is the topic that it came from.

    ``timestamp`` is event time in milliseconds since the epoch. ``features``, ``segments`` and ``metadata`` stay as the
    JSON text that came: they are checked, and carried through byte for byte.
    """

    request_id: str
    model: str
    version: str
    timestamp: int
    prediction: PredictionValue
    features: Raw
    latency_ms: float | None
    cost: float | None
    segments: Raw
    metadata: Raw


class Outcome(Struct, frozen=True, kw_only=True, gc=False):
    """The truth about one request, and its worth. A ``correction`` replaces what was said before."""

    request_id: str
    model: str
    timestamp: int
    label: bool | float | str
    value: float | None = None
    kpis: dict[str, float] = {}
    correction: bool = False
