"""The detect role: pairs, and later their outcomes, in; what is known of each signal out, as ``drift.statistics``.

Side 0 is ``pairs``, side 1 ``outcomes``. What is found in pairs, and how, is in
``app.domain.detection.watching``, what becomes of outcomes in ``app.domain.detection.outcomes``; here both meet the messages.

Delivery guarantees: the state is a function of the two logs alone, each side's of its own log. A snapshot holds all of it,
bit for bit, so a restart from a snapshot and the records behind it writes the same bytes as a run that never stopped. Pairs
are held up to a second (``app.domain.detection.holding``); how far they were looked at is in ``save``. Ids are deterministic.
"""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from msgspec import Struct

from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.holding import WAIT_MS, Kept
from app.domain.detection.outcomes import Outcomes
from app.domain.detection.watching import Watching
from app.folds.fold import Fold, Outbox, Run, Silent, Steps, at_once
from schemas.events import statistics_event
from schemas.limits import Limits

__all__ = ["INPUTS", "DetectFold"]

INPUTS = ("pairs", "outcomes")
#: Twice as much freed memory stays with the process.
_KEPT_BYTES = 16 << 20


def _keep_freed_memory() -> None:
    """Have the allocator keep what is freed: a look at pairs takes some megabytes and gives them back, again and again.

    glibc hands the end of its heap back to the system beyond a bound, twice the largest block that it ever took back. At the
    bound that it begins with, each look pays for fresh pages: a twentieth of the role's time. An untouched block costs nothing.
    """
    np.empty(_KEPT_BYTES, dtype=np.uint8)


class _Saved(Struct):
    looked_at: int


class DetectFold(Fold):
    """See the module's text. ``topics`` are the full names, prefix included, of the two inputs."""

    snapshots = True

    def __init__(
        self, partition: int, *, topics: tuple[str, str], drift_config_for: Callable[[str], DriftConfig], limits: Limits
    ) -> None:
        _keep_freed_memory()
        self._partition = partition
        self._watching = Watching(topics[0], partition, drift_config_for)
        self._outcomes = Outcomes(topics[1], partition, limits, self._watching.counts)
        self._readers = (self._read_pairs, self._read_outcomes)

    def restore(self, saved: bytes | None, snapshot: bytes | None, position: Sequence[int]) -> None:
        """Begin with what a snapshot holds, or with nothing."""
        if snapshot is not None:
            self._watching.load(snapshot)
        self._watching.holding.rebuild_to(msgspec.json.decode(saved, type=_Saved).looked_at if saved else None)

    def feed(self, side: int, run: Run, out: Outbox) -> Steps | None:
        """Fold in one run of one side."""
        return self._readers[side](run, out)

    def _read_pairs(self, run: Run, out: Outbox) -> Steps:
        return self._look(self._watching.holding.take(run), out)

    def _look(self, due: Sequence[Kept], out: Outbox) -> Steps:
        for emission in (yield from self._watching.look(due)):
            key, value, headers = statistics_event("/gnomon/detect", emission.id, emission.statistics)
            out.send("drift.statistics", self._partition, key, value, headers)

    def _read_outcomes(self, run: Run, out: Outbox) -> None:
        for letter in self._outcomes.refused(run):
            out.send("dead.letters", self._partition, *letter)

    def rebuilt(self) -> None:
        """Catch up with what the first run had looked at, and said."""
        at_once(self._look(self._watching.holding.go_live(), Silent()))

    def idle(self, idle_ms: Sequence[int | None], out: Outbox) -> bool:
        """On a silent log nobody comes to keep the held pairs company."""
        if idle_ms[0] is None or idle_ms[0] < WAIT_MS:
            return False
        due = self._watching.holding.release()
        at_once(self._look(due, out))
        return bool(due)

    def save(self) -> bytes:
        """How far the pairs were looked at; all else is in the snapshot and the log behind it."""
        return msgspec.json.encode(_Saved(self._watching.holding.looked_at))

    def replays(self) -> bool:
        """Always: a snapshot without the records behind it is an old state."""
        return True

    def snapshot(self) -> bytes:
        """The whole state."""
        return self._watching.dump()

    def figures(self) -> dict[str, float]:
        """Counts since the log's beginning, and what is watched now."""
        return self._watching.figures()
