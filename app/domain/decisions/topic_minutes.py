"""What the pair role counted of an input topic, or of a version, minute by minute, the minutes of all partitions side by side.

Minutes are counted, not timed, since partitions of one topic may be hours apart while a backlog is read. A partition that has
been silent while the others went on by ``forget_ms`` no longer counts, so what it last said cannot hold an alert up for ever; one
that lies behind them and speaks does, however far behind.
"""

from typing import NamedTuple

__all__ = ["RECENT", "Minute", "Minutes", "note", "totals"]

#: So many minutes of each partition are looked at.
RECENT = 10


class Minute(NamedTuple):
    """Of one source partition, in a minute that ended at ``end`` (event time, milliseconds): ``bad`` ones of those ``seen``.

    ``usual``, ``most``: how bad, where that has a measure: usually, and at most. ``heard``: how far the furthest partition was.
    """

    end: int
    bad: int
    seen: int
    usual: int = 0
    most: int = 0
    heard: int = 0


#: Source partition, as text, to its recent minutes, oldest first.
Minutes = dict[str, list[Minute]]


def note(minutes: Minutes, partition: int, minute: Minute, forget_ms: int) -> None:
    """Take one more minute in, and let go what is too old to count."""
    newest = max([minute.end, *(past[-1].heard for past in minutes.values())])
    recent = minutes.setdefault(str(partition), [])
    recent.append(minute._replace(heard=newest))
    del recent[:-RECENT]
    for name in [name for name, past in minutes.items() if past[-1].heard < newest - forget_ms]:
        del minutes[name]


def totals(minutes: Minutes) -> tuple[int, int]:
    """Bad and seen ones of all recent minutes."""
    recent = [minute for past in minutes.values() for minute in past]
    return sum(minute.bad for minute in recent), sum(minute.seen for minute in recent)
