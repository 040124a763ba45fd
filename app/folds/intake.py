"""The runs of a partition's inputs that wait for its fold, and where each side stands.

A side has three offsets: up to its *position* the fold has taken the log; up to what was *received* there are runs in the
inbox; and in a rebuild the fold is fed in silence up to the checkpoint's position, *silent until*.

May not happen: a record that is fed twice, or one that is left out. So a run is accepted only where it begins at what was
received: whatever a buffer holds from before a seek falls to that rule. And a run that reaches over the checkpoint's position
is cut there, so that no run is fed half in silence.

Bounded: ``RUNS_WAITING`` a side, beyond which ``is_full`` says that no more is to be fetched (what is on its way still comes).
"""

from collections import deque
from collections.abc import Sequence

from app.folds.fold import Run

__all__ = ["RUNS_WAITING", "Intake"]

#: Runs of one side that wait before no more is fetched: some thousand records.
RUNS_WAITING = 4


class Intake:
    """See the module's text."""

    def __init__(self, sides: int) -> None:
        self.positions = [0] * sides
        self._received = [0] * sides
        self._silent_until = [0] * sides
        self._inboxes: list[deque[Run]] = [deque() for _ in range(sides)]

    def begin(self, low: Sequence[int], silent_until: Sequence[int]) -> None:
        """Stand at ``low``."""
        self.positions, self._received, self._silent_until = list(low), list(low), list(silent_until)

    def offer(self, side: int, run: Run) -> bool:
        """Let a run wait that begins where this side stands; False for any other, with a hole before it or from before a seek."""
        received = self._received[side]
        if run.start > received or run.end <= received:
            return False
        if run.start < received:
            run = _cut(run, received, run.end)
        self._received[side] = run.end
        self._inboxes[side].append(run)
        return True

    def expects(self, side: int) -> int:
        """The offset at which the next run of this side has to begin."""
        return self._received[side]

    def is_full(self, side: int) -> bool:
        """Whether no more of this side should be fetched."""
        return len(self._inboxes[side]) >= RUNS_WAITING

    def waiting(self) -> list[bool]:
        """On which sides a run waits."""
        return [bool(inbox) for inbox in self._inboxes]

    def replayed(self) -> list[bool]:
        """Which sides have been taken up to the checkpoint's position."""
        return [at >= until for at, until in zip(self.positions, self._silent_until, strict=True)]

    def first(self, side: int, *, silent: bool) -> Run | None:
        """The run to feed next; in silence only what lies before the checkpoint's position."""
        inbox = self._inboxes[side]
        if not inbox:
            return None
        run, until = inbox[0], self._silent_until[side]
        if not silent or run.end <= until:
            return run
        if run.start >= until:
            return None
        inbox[0] = _cut(run, run.start, until)
        inbox.insert(1, _cut(run, until, run.end))
        return inbox[0]

    def took(self, side: int, taken: int | None) -> int | None:
        """Note that so many records of the first run were taken, None: all; how many that were, None: nothing moved."""
        inbox = self._inboxes[side]
        run = inbox[0]
        if taken is None or taken >= len(run):
            inbox.popleft()
            self.positions[side] = run.end
            return len(run)
        if not taken:
            return None
        self.positions[side] = run[taken].offset
        inbox[0] = _cut(run, run[taken].offset, run.end)
        return taken


def _cut(run: Run, start: int, end: int) -> Run:
    """The part of a run that lies in ``[start, end)``."""
    part = Run(record for record in run if start <= record.offset < end)
    part.start, part.end = start, end
    return part
