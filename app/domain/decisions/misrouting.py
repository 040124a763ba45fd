"""Whether a producer sends an input topic's keys to the wrong partitions.

Halves of one request that lie on different partitions can never meet. The pair role compares sampled keys of each source
partition with the Java client's partitioner and writes the counts once a minute of event time. Of the recent minutes
(``topic_minutes``), *bad* are the misrouted keys, *seen* the sampled ones:

- it HOLDS with at least ``LEAST_KEYS`` misrouted keys that are at least ``LEAST_SHARE`` of the sampled ones. One key may be
  a test by hand; a wrong partitioner misroutes (n - 1)/n of all keys on n partitions, one producer of a hundred a share of that;
- it is CLEAR where each partition's last ``CLEAN`` minutes had none and, since a share may hide among few keys, the keys in
  clean minutes since then would have shown three misrouted ones at the share before (the rule of three: 95 %). What came
  before is then forgotten, or the first key after the mending would fire again;
- otherwise it is WEAK: a few keys neither fire nor let it be resolved.
"""

from itertools import takewhile

from app.domain.decisions.alerting import Condition
from app.domain.decisions.topic_minutes import Minute, Minutes, totals

__all__ = ["CLEAN", "LEAST_KEYS", "LEAST_SHARE", "assess"]

CLEAN = 3
LEAST_KEYS, LEAST_SHARE = 5, 0.01


def assess(minutes: Minutes) -> Condition:
    """How it stands now; what is clear is forgotten."""
    misrouted, sampled = totals(minutes)
    since = sum(map(_clean_keys, minutes.values()))
    clean = all(not minute.bad for past in minutes.values() for minute in past[-CLEAN:])
    if clean and since * misrouted >= 3 * (sampled - since):
        minutes.update({name: [minute._replace(bad=0) for minute in past] for name, past in minutes.items()})
        return Condition.CLEAR
    if misrouted >= LEAST_KEYS and misrouted >= LEAST_SHARE * sampled:
        return Condition.HOLDS
    return Condition.WEAK


def _clean_keys(past: list[Minute]) -> int:
    """The keys sampled since the last minute that had misrouted ones."""
    return sum(minute.seen for minute in takewhile(lambda minute: not minute.bad, reversed(past)))
