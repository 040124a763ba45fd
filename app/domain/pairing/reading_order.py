"""How far one log had been read when the other was read beyond it.

While the two logs keep within a window of each other, the outcome is the same however they alternate. Where one is read
further, because there was nothing of the other yet, it may matter: a copy that comes after the horizon of a request opens a
new one, and whether the horizon was over depends on when the request was complete. Such a stretch is noted by its two ends,
as pairs of positions, and a rebuild passes through the same points: neither log goes beyond a point before the other is
there.

A live service whose logs keep up with each other notes nothing. Consecutive points at which one log stood still are one
stretch, so a silent topic costs two points, however long.
"""

from collections import deque

from msgspec import Struct

__all__ = ["OrderMark", "ReadingOrder"]

_FOREVER = 1 << 62


class OrderMark(Struct, frozen=True, array_like=True):
    """The legacy log stood at ``legacy`` when the shadow log stood at ``shadow``."""

    legacy: int
    shadow: int
    pinned: bool = False  # something was decided here: it is not merged into a longer stretch
    far: bool = False  # one log was read up to here from the point before, with nothing to be had of the other

    def of(self, side: int) -> int:
        """The position of one side."""
        return self.shadow if side else self.legacy


class ReadingOrder:
    """``marks`` in order; those that a rebuild has yet to pass are ahead."""

    __slots__ = ("_ahead", "marks")

    def __init__(self, marks: list[OrderMark]) -> None:
        self.marks = list(marks)
        self._ahead = deque(marks)

    def note(self, legacy: int, shadow: int, *, pinned: bool = False, far: bool = False) -> None:
        """One log is read beyond the other at this point, or something is decided at it."""
        mark, marks = OrderMark(legacy, shadow, pinned, far), self.marks
        if marks and (marks[-1].legacy, marks[-1].shadow) == (legacy, shadow):
            marks[-1] = OrderMark(legacy, shadow, pinned or marks[-1].pinned, far or marks[-1].far)
            return
        if len(marks) > 1 and not marks[-1].pinned and marks[-1].far == far:
            before, last = marks[-2:]
            if before.legacy == last.legacy == legacy or before.shadow == last.shadow == shadow:
                marks.pop()
        marks.append(mark)

    def boundary(self, side: int, positions: tuple[int, int]) -> int:
        """The offset that this side may not read yet."""
        ahead = self._ahead
        while ahead and positions[0] >= ahead[0].legacy and positions[1] >= ahead[0].shadow:
            ahead.popleft()
        return ahead[0].of(side) if ahead else _FOREVER

    def waits(self, side: int, positions: tuple[int, int]) -> bool | None:
        """Whether this side stands at the next point and waits for the other; None where no point is ahead."""
        return positions[side] >= self._ahead[0].of(side) if self._ahead else None

    def is_far(self) -> bool:
        """Whether what is read now was read with nothing to be had of the other log."""
        return bool(self._ahead) and self._ahead[0].far

    def forget(self, legacy_low: int, shadow_low: int) -> None:
        """Drop the points before these positions."""
        marks = self.marks
        while marks and marks[0].legacy <= legacy_low and marks[0].shadow <= shadow_low:
            del marks[0]
