"""Whether too much of an input topic is refused, and whether reading it was paused for that.

The pair role counts what it refuses, and tells it as long as there is trouble and for some minutes after. Of the recent minutes
(``topic_minutes``), *bad* are the refused records, *seen* those that were read, which the offsets tell:

- it HOLDS with at least ``LEAST`` refused records that are at least ``ENTER`` of those read;
- it is CLEAR where the last ``CLEAN`` minutes of each partition had less than ``LEAVE``. What came before is then forgotten;
- otherwise it is WEAK: a refused event now and then neither fires nor keeps an alert up.

A pause is told with the minute in which it began. It is over where less than ``PAUSED`` of the last ``CLEAN`` minutes was
refused; what came before the last minute is then forgotten as well, or the end of one alert would be the beginning of another.
"""

from app.domain.decisions.alerting import Condition
from app.domain.decisions.topic_minutes import Minute, Minutes, totals

__all__ = ["CLEAN", "ENTER", "LEAST", "LEAVE", "PAUSED", "assess", "pausing"]

CLEAN = 3
LEAST, ENTER, LEAVE = 20, 0.05, 0.01
PAUSED = 0.5


def assess(minutes: Minutes) -> Condition:
    """How it stands now; what is clear is forgotten."""
    if all(_share(past) < LEAVE for past in minutes.values()):
        for past in minutes.values():
            del past[:-CLEAN]
        return Condition.CLEAR
    refused, read = totals(minutes)
    return Condition.HOLDS if refused >= LEAST and refused >= ENTER * read else Condition.WEAK


def pausing(minutes: Minutes, *, paused: bool, was: bool) -> Condition:
    """How it stands with the pause; ``paused`` where one has just begun, ``was`` where there had been one."""
    if paused:
        return Condition.HOLDS
    if any(_share(past) >= PAUSED for past in minutes.values()):
        return Condition.WEAK
    if was:
        for past in minutes.values():
            del past[:-1]
    return Condition.CLEAR


def _share(past: list[Minute]) -> float:
    """What was refused of the last minutes of a partition."""
    refused, read = totals({"": past[-CLEAN:]})
    return refused / read if read else 0.0
