"""A detect fold over the logs of ``pairs`` and ``outcomes.placed`` of one partition, each read as far as the other allows.

What a worker's runner does for a live fold (``app.folds.feeding``), without a clock, turns and commits. Bounded: the runs that
wait (``wants``).
"""

from agents.detect import INPUTS, DetectFold
from app.folds.fold import Outbox, Run, at_once
from app.folds.intake import Intake

__all__ = ["TwoLogs"]


class TwoLogs:
    """See the module's text. Sides are the fold's; none of ``outcomes`` is fed, since what came of them is in the log."""

    def __init__(self, fold: DetectFold) -> None:
        self.fold, self._intake = fold, Intake(len(INPUTS))
        self._is_read = [False for _ in INPUTS]
        fold.restore(None, None, (0,) * len(INPUTS))
        fold.rebuilt()

    def take(self, side: int, run: Run, out: Outbox) -> None:
        """The next run of a side; whatever lies between it and the one before holds no records."""
        whole = Run(run)
        whole.start, whole.end = self._intake.expects(side), run.end
        self._intake.offer(side, whole)
        self._feed(out)

    def wants(self, side: int) -> bool:
        """Whether more of a side should be read."""
        return not self._intake.is_full(side)

    def is_read(self, side: int, out: Outbox) -> None:
        """Nothing more comes of a side."""
        self._is_read[side] = True
        self._feed(out)

    def _feed(self, out: Outbox) -> None:
        """Feed what the fold takes, side after side, until nothing moves."""
        while any(self._feed_one(side, out) for side in range(len(INPUTS))):
            pass

    def _feed_one(self, side: int, out: Outbox) -> bool:
        run = self._intake.first(side, silent=False)
        if run is None:
            return False
        waiting = self._intake.waiting()
        self.fold.sees_ends([read and not waits for read, waits in zip(self._is_read, waiting, strict=True)], 0)
        taken = self.fold.feed(side, run, out)
        if taken is not None and not isinstance(taken, int):
            at_once(taken)
            taken = None
        return self._intake.took(side, taken) is not None
