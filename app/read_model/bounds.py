"""How large numbers and how long texts may be that the serve role reads. What is over these cannot be read, and is counted.

Texts stand in documents, in the keys of tables and in lists that are read as a whole; numbers are added up. ``MOST`` is what a
JavaScript page reads without loss; the names of models and versions have the contract's length, and what it leaves open (names
of features, segments) has one that no name of a real feature reaches.
"""

from typing import Annotated

from msgspec import Meta

from schemas.limits import Limits
from schemas.offsets import OffsetRange, Window
from schemas.statistics import Coverage, Detector, DetectorState, Signal, SignalKind

__all__ = [
    "MOST", "BoundedCoverage", "BoundedDetector", "BoundedRange", "BoundedSignal", "BoundedWindow", "Count", "Link", "Name",
    "Segment", "Short", "Text",
]  # fmt: skip

MOST = 2**53
_SEGMENTS = Limits().segments
Count = Annotated[int, Meta(ge=0, le=MOST)]
#: A time in milliseconds, or an offset, which may be -1.
Place = Annotated[int, Meta(ge=-MOST, le=MOST)]
#: Of a model, a version, a detector; a fingerprint, a time in RFC 3339.
Short = Annotated[str, Meta(max_length=128)]
#: What somebody said.
Text = Annotated[str, Meta(max_length=1_000)]
#: Of a feature, a segment.
Name = Annotated[str, Meta(max_length=512)]
Segment = Annotated[dict[Name, Name], Meta(max_length=_SEGMENTS)]
#: A link has all names, each character of them as up to twelve.
Link = Annotated[str, Meta(max_length=16_384)]


class BoundedSignal(Signal, frozen=True, gc=False):
    """See there."""

    kind: SignalKind
    name: Name = ""


class BoundedWindow(Window, frozen=True, gc=False):
    """See there."""

    start: Place
    end: Place
    events: Count


class BoundedRange(OffsetRange, frozen=True, gc=False):
    """See there."""

    topic: str
    partition: Place
    start: Place
    end: Place


class BoundedDetector(Detector, frozen=True, gc=False):
    """See there."""

    name: Short
    state: DetectorState
    score: float
    threshold: float


class BoundedCoverage(Coverage, frozen=True, gc=False):
    """See there."""

    paired: Count = 0
    partial: Count = 0
    legacy_only: Count = 0
    shadow_only: Count = 0
