"""One prediction event as the pairing reads it: a half of a pair."""

from typing import Annotated, Any

from msgspec import Meta, Raw, Struct, field

from schemas.limits import EARLIEST_MS
from schemas.pair import EMPTY_OBJECT
from schemas.prediction import PredictionValue

__all__ = ["Half"]

_NotNegative = Annotated[float, Meta(ge=0)]


class Half(Struct, gc=False):
    """One prediction event, decoded. ``source`` is its record; ``moment`` is set by whoever reads the log in order.

    The types are those of an ordinary payload, which is decoded straight into this; what is allowed besides, and how it
    becomes one of these, is in ``schemas.codec``. 64 characters of an id are at most 256 bytes.
    """

    request_id: Annotated[str, Meta(min_length=1, max_length=64)]
    model: str
    version: Annotated[str, Meta(min_length=1, max_length=128)]
    timestamp: Annotated[int, Meta(ge=EARLIEST_MS)]
    prediction: PredictionValue
    features: Raw = EMPTY_OBJECT
    latency_ms: _NotNegative | None = None
    cost: _NotNegative | None = None
    segments: Raw = EMPTY_OBJECT
    metadata: Raw = EMPTY_OBJECT
    # Not on the wire: what a payload has under these names is overwritten, or takes the longer way, which does not know them.
    moment: int = field(default=0, name="~moment")
    source: Any = field(default=None, name="~source")
