"""How many pairs of a stretch have an outcome: by the latest windows of the served model's errors.

They are kept only where the policy asks for labels.

Bounded: ``LABELLED`` windows of a model, the latest and those that a cause may ask about; of more, two of the older half become
one, so that a share is told a little lower than it is.
Delivery guarantees: pure functions of plain data that is saved whole.
"""

from collections.abc import Sequence
from typing import NamedTuple

from schemas.statistics import DriftStatistics

__all__ = ["LABELLED", "Labelled", "share_with_labels", "with_labels"]

#: About 100 bytes each.
LABELLED = 32


class Labelled(NamedTuple):
    """A window of errors: its stretch of ``pairs``, the pairs in it that have an outcome, and those that were waited for.

    ``settled`` of 0: the statistics did not say.
    """

    version: str
    start: int
    end: int
    labelled: int
    settled: int

    def and_(self, other: "Labelled") -> "Labelled":
        """Both as one."""
        start, end = min(self.start, other.start), max(self.end, other.end)
        return Labelled("", start, end, self.labelled + other.labelled, self.settled + other.settled)


def with_labels(before: Sequence[Labelled], statistics: DriftStatistics, start: int, end: int, needed: int) -> list[Labelled]:
    """With a window of the live model's errors, whose pairs lie in this stretch; an open one that is told again takes its place.

    ``needed``: where the first stretch begins that may be asked about.
    """
    share, labelled = statistics.statistics.get("label_share"), statistics.window.events
    settled = round(labelled / share) if isinstance(share, float) and 0 < share <= 1 else 0
    window = Labelled(statistics.version, start, end, labelled, settled)
    windows = [one for one in before if (one.version, one.start) != window[:2]] + [window]
    latest = len(windows) - LABELLED // 2
    kept = [one for at, one in enumerate(windows) if at >= latest or one.start >= needed]
    if len(kept) > LABELLED:
        at = min(range(LABELLED // 2), key=lambda at: kept[at].labelled + kept[at + 1].labelled)
        kept[at : at + 2] = [kept[at].and_(kept[at + 1])]
    return kept


def share_with_labels(windows: Sequence[Labelled], start: int, end: int, pairs: int) -> float:
    """The share of pairs of a stretch that have an outcome, by the windows that lie in it as a whole: at least so many.

    ``pairs`` of 0: among those that were waited for, not all of the stretch.
    """
    inside = [one for one in windows if start <= one.start and one.end <= end]
    labelled = sum(one.labelled for one in inside if pairs or one.settled)
    of = pairs or sum(one.settled for one in inside)
    return labelled / of if of else 0.0
