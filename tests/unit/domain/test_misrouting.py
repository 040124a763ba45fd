"""When keys on wrong partitions are an alert."""

import pytest

from app.domain.decisions.alerting import Condition
from app.domain.decisions.misrouting import CLEAN, assess
from app.domain.decisions.topic_minutes import RECENT, Minute, Minutes, note, totals

HOLDS, WEAK, CLEAR = Condition.HOLDS, Condition.WEAK, Condition.CLEAR
FOREVER_MS = 10**12

# Source partition, misrouted, sampled, and how it then stands.
STORIES = {
    "good keys": [(0, 0, 100, CLEAR), (1, 0, 100, CLEAR)],
    "four keys are too few": [(0, 4, 4, WEAK)],
    "five keys that are all there are": [(0, 5, 5, HOLDS)],
    "five keys of 501 are too small a share": [(0, 5, 501, WEAK)],
    "five keys of 500 are one in a hundred": [(0, 5, 500, HOLDS)],
    "keys add up over partitions": [(0, 2, 10, WEAK), (1, 2, 10, WEAK), (2, 1, 10, HOLDS)],
    "keys add up over minutes": [(0, 2, 10, WEAK), (0, 2, 10, WEAK), (0, 2, 10, HOLDS)],
    "three clean minutes end it": [(0, 9, 10, HOLDS), (0, 0, 10, HOLDS), (0, 0, 10, HOLDS), (0, 0, 10, CLEAR)],
    "each partition must be clean": [
        (0, 9, 10, HOLDS), (1, 9, 10, HOLDS),
        (0, 0, 10, HOLDS), (0, 0, 10, HOLDS), (0, 0, 10, HOLDS),
        (1, 0, 10, HOLDS), (1, 0, 10, HOLDS), (1, 0, 10, CLEAR),
    ],
    "what was before a clean stretch is forgotten": [
        (0, 9, 10, HOLDS), *[(0, 0, 10, HOLDS)] * (CLEAN - 1), (0, 0, 10, CLEAR), (0, 1, 10, WEAK),
    ],
    "a small share among few keys takes more of them to be over": [
        (0, 6, 120, HOLDS), *[(0, 0, 10, HOLDS)] * 5, (0, 0, 10, CLEAR),
    ],
    "one key now and then neither fires nor resolves": [(0, 9, 10, HOLDS), (0, 0, 1_000, WEAK), (0, 1, 1_000, WEAK)],
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_story(story: str) -> None:
    minutes: Minutes = {}
    found = []
    for number, (partition, misrouted, sampled, _) in enumerate(STORIES[story]):
        note(minutes, partition, Minute(number * 60_000, misrouted, sampled), FOREVER_MS)
        found.append(assess(minutes))
    assert found == [condition for *_, condition in STORIES[story]]


def test_only_recent_minutes_count() -> None:
    minutes: Minutes = {}
    for number in range(RECENT + 5):
        note(minutes, 0, Minute(number, 1, 10), FOREVER_MS)
    assert totals(minutes) == (RECENT, RECENT * 10)


def test_a_partition_that_fell_silent_does_not_hold_the_alert_up() -> None:
    minutes: Minutes = {}
    note(minutes, 0, Minute(0, 9, 10), 1_000)
    note(minutes, 1, Minute(1_001, 0, 10), 1_000)
    assert (assess(minutes), list(minutes)) == (CLEAR, ["1"])


def test_a_partition_that_lies_far_behind_and_speaks_counts() -> None:
    """Two partitions of a backlog, seven hours apart, take turns; then the one behind falls silent."""
    minutes: Minutes = {}
    for number in range(5):
        note(minutes, 0, Minute(7_000 + number, 0, 10), 6_000)
        note(minutes, 1, Minute(number, 9, 10), 6_000)
    assert totals(minutes) == (45, 100)
    note(minutes, 0, Minute(14_000, 0, 10), 6_000)
    assert list(minutes) == ["0"]
