"""Who has fallen silent, as the pair role's counts tell it minute by minute.

A side is *silent* when it left at least ``LEAST_REQUESTS`` requests unanswered, in a row of minutes in which it answered
none. One answer ends that. A minute in which there was nothing to answer says nothing.

A shadow that the pair role has learned from the traffic is no longer expected some ten windows after its last answer; its
requests are then ``solo``, which says nothing of shadows. The alert stays until the shadow answers or is forgotten.
"""

from msgspec import Struct

from app.domain.decisions.alerting import Condition
from app.domain.decisions.amounts import Count
from app.domain.decisions.clock_skew import Ahead, Gap

__all__ = ["LEAST_REQUESTS", "PairingCounts", "silence"]

#: Fewer may be the handful of requests that came while a model server was restarted.
LEAST_REQUESTS = 20


class PairingCounts(Struct, gc=False):
    """The counts of one model, or of one input topic, in one minute."""

    paired: Count = 0
    partial: Count = 0
    legacy_only: Count = 0
    shadow_only: Count = 0
    solo: Count = 0
    misrouted: Count = 0
    sampled: Count = 0
    rejected: Count = 0
    paused: Count = 0
    unexpected: dict[str, Count] = {}
    ahead: Ahead | None = None
    clock_gaps: dict[str, Gap] = {}

    @property
    def of_shadow(self) -> tuple[int, int]:
        """Requests that no shadow answered though one was expected, and those that one answered."""
        return self.legacy_only, self.paired + self.partial + self.shadow_only

    @property
    def of_legacy(self) -> tuple[int, int]:
        """Requests that legacy did not answer, and those that it did."""
        return self.shadow_only, self.paired + self.partial + self.legacy_only + self.solo


def silence(before: int, unanswered: int, answered: int) -> tuple[int, Condition | None]:
    """The requests in a row that a side has left unanswered, and how its silence stands; None where that is not said.

    >>> silence(15, 10, 0)
    (25, <Condition.HOLDS: 'holds'>)
    """
    if answered:
        return 0, Condition.CLEAR
    if not unanswered:
        return before, None
    requests = before + unanswered
    return requests, Condition.HOLDS if requests >= LEAST_REQUESTS else Condition.UNKNOWN
