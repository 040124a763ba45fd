"""Event time as one partition of one topic tells it, as far as it was read.

The **moment** of a record is the highest timestamp of its log up to and including it: never falling, known from the log
alone, the same on every replay. A silence does not change it (``silences``).

``marks`` remember from which offset on the log has to be read again to know all that happened after a certain moment.
"""

from collections import deque

__all__ = ["UNKNOWN", "LogTime", "WallHistory"]

#: The time of a log of which nothing was read. Below every timestamp that is accepted.
UNKNOWN = -1
#: Offsets between two marks: a rebuild begins at most so much too early.
_STRETCH = 2_000
#: Looks at the clock that are remembered for each wait: a silence is found out so much of it too late, at most.
_LOOKS = 64


class LogTime:
    """Time of one input log. ``top`` is the moment of the last record, in milliseconds since the epoch."""

    __slots__ = ("_floor", "_marks", "position", "top")

    def __init__(self, position: int, floor: int = UNKNOWN) -> None:
        self.position = position
        self.top = floor
        self._floor = floor
        self._marks: deque[list[int]] = deque()  # [first offset of a stretch, moment at its end]

    def read(self, first: int, end: int, top: int) -> None:
        """Note that the records ``[first, end)`` were read and that the moment is now ``top``."""
        self.top, self.position = top, end
        marks = self._marks
        if not marks or first - marks[-1][0] >= _STRETCH:
            marks.append([first, top])
        else:
            marks[-1][1] = top

    def low(self, oldest: int) -> int:
        """The offset from which all records with a moment of at least ``oldest`` are; what lies before is forgotten."""
        marks = self._marks
        while len(marks) > 1 and marks[0][1] < oldest:
            self._floor = marks.popleft()[1]
        if not marks:
            return self.position
        return marks[0][0]

    @property
    def floor(self) -> int:
        """The moment just before ``low``."""
        return self._floor


class WallHistory:
    """What the time of a log was some while of wall time ago: how long a half has really waited.

    Event time can run faster than the clock (a replay after a pause); a half that has just come has not waited, whatever event
    time says. Nothing of this is kept over a restart: a wait begins anew then.
    """

    __slots__ = ("_looks", "_wait_ms")

    def __init__(self, wait_ms: int) -> None:
        self._wait_ms = wait_ms
        self._looks: deque[tuple[int, int]] = deque()

    def before(self, now_ms: int, top: int) -> int:
        """The log's time as of ``wait_ms`` ago, or ``UNKNOWN``; and note that it is ``top`` now."""
        looks = self._looks
        if not looks or (now_ms - looks[-1][0]) * _LOOKS >= self._wait_ms:
            looks.append((now_ms, top))
        while len(looks) > 1 and looks[1][0] <= now_ms - self._wait_ms:
            looks.popleft()
        return looks[0][1] if looks[0][0] <= now_ms - self._wait_ms else UNKNOWN
