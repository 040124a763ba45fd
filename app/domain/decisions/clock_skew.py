"""Whether the clocks of producers are wrong, as the pair role counts it (``app.domain.pairing.clocks``), minute by minute.

Of an input topic: sampled events that are further ahead of their own records than is allowed. Judged as misrouted keys are: one
producer of a hundred is enough, and one event by hand is not.

Of a shadow version: compared requests of which the shadow's timestamp and the live model's lie apart by more than half the time
that a request waits. Of the recent minutes (``topic_minutes``), those since the first that had any, *bad* are those that are
apart in the more frequent direction, *seen* all that were compared:

- it HOLDS with at least ``LEAST`` bad ones that are at least ``ENTER`` of those seen: a clock is wrong for all of its events, a
  queue that is slow now and then for some;
- it is CLEAR where the last ``CLEAN`` minutes of all partitions had less than ``LEAVE``. What came before is then forgotten;
- otherwise it is WEAK.
"""

from statistics import median
from typing import NamedTuple

from msgspec import Struct

from app.domain.decisions import misrouting
from app.domain.decisions.alerting import Condition
from app.domain.decisions.amounts import Count, Milliseconds
from app.domain.decisions.topic_minutes import Minute, Minutes, totals

__all__ = ["CLEAN", "ENTER", "LEAST", "LEAVE", "Ahead", "Extent", "Gap", "assess_ahead", "assess_gaps", "extent"]

CLEAN = 3
LEAST, ENTER, LEAVE = 5, 0.5, 0.25


class Ahead(Struct, gc=False):
    """Events of an input topic that were ahead by more than ``allowed_ms``, in one minute."""

    events: Count
    allowed_ms: Milliseconds
    median_ms: Milliseconds
    most_ms: Milliseconds


class Gap(Struct, gc=False):
    """Requests that were compared for one version in one minute; ``mean_ms`` of the bad ones, below zero where it is behind."""

    compared: Count
    ahead: Count
    behind: Count
    mean_ms: Milliseconds
    most_ms: Milliseconds

    def minute(self, end: int) -> Minute:
        """What is remembered of it."""
        return Minute(end, max(self.ahead, self.behind), self.compared, self.mean_ms, self.most_ms)


class Extent(NamedTuple):
    """How far clocks are apart in the recent minutes: bad ones, seen ones, what is usual, the most."""

    bad: int
    seen: int
    usual_ms: int
    most_ms: int


def extent(minutes: Minutes) -> Extent:
    """The figures of all recent minutes; how far, of those that had bad ones."""
    bad = [minute for past in minutes.values() for minute in past if minute.bad]
    usual = int(median(minute.usual for minute in bad)) if bad else 0
    return Extent(*totals(minutes), usual, max((minute.most for minute in bad), default=0))


def assess_ahead(minutes: Minutes) -> Condition:
    """How it stands with an input topic now; what is clear is forgotten."""
    return misrouting.assess(minutes)


def assess_gaps(minutes: Minutes) -> Condition:
    """How it stands with a shadow version now; what is clear is forgotten."""
    bad, seen = totals({name: past[-CLEAN:] for name, past in minutes.items()})
    if bad < LEAVE * seen or not seen:
        for past in minutes.values():
            del past[:-CLEAN]
        return Condition.CLEAR
    bad, seen = totals(minutes)
    return Condition.HOLDS if bad >= LEAST and bad >= ENTER * seen else Condition.WEAK
