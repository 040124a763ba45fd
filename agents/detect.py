"""The detect role: pairs and their outcomes in; what is known of each signal out, as ``drift.statistics``.

Side 0 is ``pairs``, side 1 ``outcomes``, side 2 ``outcomes.placed``, which this role writes itself: an outcome lies on its
request's partition and is placed once more where its model's pairs lie. What is found in pairs, and how, is in
``app.domain.detection.watching``; what becomes of outcomes in ``outcomes``, ``placed_outcomes`` and ``labelling`` beside it; here
they meet the messages.

Two logs have no order between them, and a pair waits for its outcome in bounded memory. So each look at pairs writes a *mark* to
``outcomes.placed``, and that log is read no further than to a mark whose pairs were not read yet; the pairs in turn are read no
further than ``_UNMARKED`` beyond the last mark. May not happen: that both wait for each other. So a mark is waited for only while
there are pairs to read, and pairs wait only while there are outcomes to read that do not wait themselves. Scenario: 1. a rebuild
is fed all pairs first; 2. they would wait for marks that the log holds only behind what waits for them. Held by
``tests/detectors/test_outcomes.py::test_neither_log_waits_for_ever``.

Delivery guarantees: the state is a function of ``pairs`` and ``outcomes.placed`` alone. A snapshot holds all of it,
bit for bit, so a restart from a snapshot and the records behind it writes the same bytes as a run that never stopped. Pairs
are held up to a second (``app.domain.detection.holding``); how far they were looked at is in ``save``. Ids are deterministic.
What other settings have given up is told first of all (``app.domain.detection.last_words``).
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import msgspec
import numpy as np
from msgspec import Struct

from app.domain.detection.baseline import Baseline
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.holding import WAIT_MS, Kept
from app.domain.detection.outcomes import Letter, Outcomes
from app.domain.detection.placed_outcomes import encode_mark, readable
from app.domain.detection.statistics_records import Emission
from app.domain.detection.watching import Watching
from app.folds.fold import Fold, Outbox, Record, Run, Silent, Steps, at_once
from schemas.events import statistics_event
from schemas.limits import Limits

__all__ = ["INPUTS", "Baselines", "DetectFold"]

INPUTS = ("pairs", "outcomes", "outcomes.placed")
Baselines = Mapping[str, Baseline]
#: Pairs that were looked at and are not marked yet, beyond which no more are read: some seconds of them, 20 MB.
_UNMARKED = 65_536
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
    """See the module's text. ``topics`` are the full names, prefix included, of ``pairs`` and ``outcomes``.

    ``place_of`` says, for a model and a request id, on which partition the record of ``pairs`` lies; ``baselines`` has, by
    id, each that a model's settings name.
    """

    snapshots = True

    def __init__(
        self,
        partition: int,
        *,
        topics: tuple[str, str],
        drift_config_for: Callable[[str], DriftConfig],
        place_of: Callable[[str, str], int],
        limits: Limits,
        baselines: Baselines = MappingProxyType({}),
    ) -> None:
        _keep_freed_memory()
        self._partition = partition
        self._watching = Watching(topics[0], partition, drift_config_for, baselines)
        self._outcomes = Outcomes(topics[1], partition, limits, place_of, self._watching.counts)
        self._readers = (self._read_pairs, self._read_outcomes, self._read_placed)
        self._pairs_end, self._ends = 0, [True for _ in INPUTS]
        self._awaits_pairs = self._live = False

    def restore(self, saved: bytes | None, snapshot: bytes | None, position: Sequence[int]) -> None:
        """Begin with what a snapshot holds, or with nothing."""
        if snapshot is not None:
            self._watching.load(snapshot)
        self._pairs_end = position[0]
        self._watching.holding.rebuild_to(msgspec.json.decode(saved, type=_Saved).looked_at if saved else None)

    def feed(self, side: int, run: Run, out: Outbox) -> int | Steps | None:
        """Fold in one run of one side, as far as the other sides allow."""
        self._say_last_words(out)
        return self._readers[side](run, out)

    def sees_ends(self, ends: Sequence[bool], answered_ms: int) -> None:
        """Note where there is nothing to wait for."""
        self._ends = list(ends)

    def wants(self, side: int) -> bool:
        """Whether pairs are not too far ahead of their marks."""
        return side != 0 or self._watching.labelled.unmarked < _UNMARKED

    def _read_pairs(self, run: Run, out: Outbox) -> int | Steps:
        if self._watching.labelled.unmarked >= _UNMARKED and not self._ends[2] and not self._awaits_pairs:
            return 0
        self._pairs_end = run.end
        return self._look(self._watching.holding.take(run), out)

    def _look(self, due: Sequence[Kept], out: Outbox) -> Steps:
        if due:
            self._say((yield from self._watching.look(due)), out)
            out.send("outcomes.placed", self._partition, None, encode_mark(due[-1].offset + 1), [])

    def _say(self, emissions: Sequence[Emission], out: Outbox) -> None:
        for emission in emissions:
            key, value, headers = statistics_event("/gnomon/detect", emission.id, emission.statistics)
            out.send("drift.statistics", self._partition, key, value, headers)

    def _read_outcomes(self, run: Run, out: Outbox) -> None:
        for one in self._outcomes.sorted_out(run):
            if isinstance(one, Letter):
                out.send("dead.letters", self._partition, *one)
            else:
                out.send("outcomes.placed", *one, [])

    def _read_placed(self, run: Run, out: Outbox) -> int | Steps:
        """Up to the first mark whose pairs are still to be read; where their topic was made anew, they never come."""
        count, mark = readable(run, None if self._ends[0] else self._pairs_end)
        self._awaits_pairs = count < len(run)
        steps = self._look_at_outcomes(run[:count], mark, out)
        if not self._awaits_pairs:
            return steps
        at_once(steps)
        return count

    def _look_at_outcomes(self, records: Sequence[Record], mark: int, out: Outbox) -> Steps:
        yield from self._look(self._watching.holding.release_for(mark), out)
        self._say((yield from self._watching.look_at_outcomes(records)), out)

    def rebuilt(self) -> None:
        """Catch up with what the first run had looked at, and said."""
        at_once(self._look(self._watching.holding.go_live(), Silent()))
        self._live = True

    def _say_last_words(self, out: Outbox) -> bool:
        """Say what a rebuild must not throw away: the last words on what the settings have given up; whether there were any."""
        words = self._watching.last_words() if self._live else []
        self._say(words, out)
        return bool(words)

    def idle(self, idle_ms: Sequence[int | None], out: Outbox) -> bool:
        """On a silent log nobody comes to keep the held pairs company."""
        said = self._say_last_words(out)
        if idle_ms[0] is None or idle_ms[0] < WAIT_MS:
            return said
        due = self._watching.holding.release()
        at_once(self._look(due, out))
        return said or bool(due)

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
