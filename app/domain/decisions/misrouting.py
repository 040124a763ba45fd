"""Whether a producer sends an input topic's keys to the wrong partitions.

Halves of one request that lie on different partitions can never meet. The pair role compares sampled keys of each source
partition with the Java client's partitioner and writes the counts once a minute of event time; all minutes of one topic come
together here, from all its partitions. The last ``RECENT`` minutes of each are what is looked at:

- it HOLDS with at least ``LEAST_KEYS`` misrouted keys that are at least ``LEAST_SHARE`` of the sampled ones. One key may be
  a test by hand; a wrong partitioner misroutes (n - 1)/n of all keys on n partitions, one producer of a hundred a share of that;
- it is CLEAR where each partition's last ``CLEAN`` minutes had none and, since a share may hide among few keys, the keys in
  clean minutes since then would have shown three misrouted ones at the share before (the rule of three: 95 %). What came
  before is then forgotten, or the first key after the mending would fire again;
- otherwise it is WEAK: a few keys neither fire nor let it be resolved.

Minutes are counted, not timed, since partitions of one topic may be hours apart while a backlog is read. A partition that
has been silent for ``forget_ms`` behind the others no longer counts, so what it last said cannot hold the alert up for ever.
"""

from itertools import takewhile
from typing import NamedTuple

from app.domain.decisions.alerting import Condition

__all__ = ["CLEAN", "LEAST_KEYS", "LEAST_SHARE", "RECENT", "Minute", "Minutes", "assess", "note", "totals"]

RECENT, CLEAN = 10, 3
LEAST_KEYS, LEAST_SHARE = 5, 0.01


class Minute(NamedTuple):
    """The sampled keys of one source partition in one minute that ended at ``end`` (event time, milliseconds)."""

    end: int
    misrouted: int
    sampled: int


#: Source partition, as text, to its recent minutes, oldest first.
Minutes = dict[str, list[Minute]]


def note(minutes: Minutes, partition: int, minute: Minute, forget_ms: int) -> None:
    """Take one more minute in, and let go what is too old to count."""
    recent = minutes.setdefault(str(partition), [])
    recent.append(minute)
    del recent[:-RECENT]
    newest = max(past[-1].end for past in minutes.values())
    for name in [name for name, past in minutes.items() if past[-1].end < newest - forget_ms]:
        del minutes[name]


def assess(minutes: Minutes) -> Condition:
    """How it stands now; what is clear is forgotten."""
    misrouted, sampled = totals(minutes)
    since = sum(map(_clean_keys, minutes.values()))
    clean = all(not minute.misrouted for past in minutes.values() for minute in past[-CLEAN:])
    if clean and since * misrouted >= 3 * (sampled - since):
        minutes.update({name: [minute._replace(misrouted=0) for minute in past] for name, past in minutes.items()})
        return Condition.CLEAR
    if misrouted >= LEAST_KEYS and misrouted >= LEAST_SHARE * sampled:
        return Condition.HOLDS
    return Condition.WEAK


def _clean_keys(past: list[Minute]) -> int:
    """The keys sampled since the last minute that had misrouted ones."""
    return sum(minute.sampled for minute in takewhile(lambda minute: not minute.misrouted, reversed(past)))


def totals(minutes: Minutes) -> tuple[int, int]:
    """Misrouted and sampled keys of all recent minutes."""
    recent = [minute for past in minutes.values() for minute in past]
    return sum(minute.misrouted for minute in recent), sum(minute.sampled for minute in recent)
