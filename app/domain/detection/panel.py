"""A panel: signals whose values come together, one row a record, watched by one set of kernels.

A model has several: its inputs, the answers of each legacy version, the answers of each shadow version, and its matching.

The plan, for a stretch of rows: split it where a signal is born, where a warm-up ends and at multiples of 8,192 rows; turn
each part into scores; judge it in pieces; take in each piece up to the first row at which something happens (an alarm, a
change of state, a window that closes); say what happened; go on behind it. So every decision is made at an exact row, and
nothing depends on how the rows were cut: ``tests/detectors/test_cuts.py`` cuts them at random.

May not happen: taking in a row behind an alarm before the alarm was acted on. Bounded: signals by ``config.features``
beside those that are ignored by now, categories by ``config.categories``; what the bound refused is counted in ``refused``.

Delivery guarantees: a pure function of its rows; ``dump`` and ``load`` are bit for bit.
"""

from collections.abc import Sequence
from typing import Any, Self

from app.domain.detection.alarm_counts import AlarmCounts
from app.domain.detection.blocks import Block, Rows, encode
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.kernels import Heard, Kernels
from app.domain.detection.known_signals import KnownSignals
from app.domain.detection.missing_warm_up import MissingWarmUp, new_warm_up
from app.domain.detection.scan import STRETCH
from app.domain.detection.signals import Value, WarmUp
from app.domain.detection.states import States
from app.domain.detection.statistics_records import Emission, Source, end_report, report
from app.domain.detection.watched import Watched, is_ignored
from app.domain.detection.windows import OpenWindow, Positions
from schemas.statistics import Role, Signal

__all__ = ["Panel"]

#: Rows that are judged at once: what pays for the calls and stays in the processor's cache. No decision depends on it.
_PIECE, _SHORT = 3072, 32


class Panel:
    """See the module's text. ``version`` is whose signals these are; it moves on where ``follows`` versions that succeed.

    ``part``: of the model's budget of false alarms, for all signals of the panel together.
    """

    def __init__(
        self, role: Role, version: str, source: Source, config: DriftConfig, *, part: float = 1.0, follows: bool = False
    ) -> None:
        self.role, self.version, self.source, self.config, self.follows = role, version, source, config, follows
        self.part = part
        self.row = self.refused = 0
        self.watched: list[Watched] = []
        self.by_signal: dict[Signal, Watched] = {}
        self.kernels = Kernels()
        self.window, self.positions = OpenWindow(), Positions()
        self.states = States(self.kernels, self.positions, config.least_effect)
        self._piece = _PIECE
        self.known = KnownSignals(source, role, "" if follows else version, config.ignored_features)

    @property
    def counts(self) -> AlarmCounts:
        """How many alarms there were, passed, and were granted."""
        granted = sum((self.row - one.live_row) / one.granted for one in self.kernels.live)
        return AlarmCounts(self.states.alarms, self.states.passed, granted)

    def feed(self, rows: Rows) -> list[Emission]:
        """Take rows in; what there is to say of them, each tied to the record at which it became true."""
        out: list[Emission] = []
        at = 0
        while at < len(rows):
            self._bear(rows, at)
            end = self._part_end(rows, at)
            self._count_refused(rows, at, end)
            block = encode(self.watched, rows, at, end, self.kernels.sizes)
            begin = at
            while at < end:
                at += self._take_piece(rows, block, begin, at, end, out)
        return out

    def _has_room(self) -> bool:
        return sum(one.signal.kind != "missing" for one in self.watched if not one.retired) < self.config.features

    @property
    def _part_of_each(self) -> float:
        """Each signal's part of the model's budget."""
        return self.part / sum(not one.retired for one in self.watched)

    def _bear(self, rows: Rows, at: int) -> None:
        """Begin to watch the signals that have their first value in this row, with the first row also those of the baseline."""
        born = {signal for signal, column in rows.columns.items() if signal not in self.by_signal and column[at] is not None}
        if not self.row:
            born.update(self.known)
        before = len(self.watched)
        for signal in sorted(born, key=str):
            if not self._has_room():
                break
            self._watch(signal, int(rows.times[at]))
            if signal.kind == "feature":
                self._watch(Signal("missing", signal.name), int(rows.times[at]))
        if new := self.watched[before:]:
            self.known.begin(new, self.kernels, self.config, self._part_of_each, int(rows.times[at]))
            for one in new:
                self._tell_type(one)

    def _watch(self, signal: Signal, time_ms: int) -> None:
        one = Watched(signal, new_warm_up(signal, time_ms))
        one.episode.since_ms = time_ms
        self.watched.append(one)
        self.by_signal[signal] = one

    def _part_end(self, rows: Rows, at: int) -> int:
        """Where the next birth, end of a warm-up or multiple of 8,192 rows is."""
        end = min(len(rows), at + STRETCH - self.row % STRETCH)
        if self._has_room():
            for signal, column in rows.columns.items():
                if signal not in self.by_signal:
                    end = next((i for i in range(at, end) if column[i] is not None), end)
        for one in self.watched:
            if isinstance(one.stage, WarmUp) and not one.retired:
                rest = one.stage.ends_after(self._warm_column(one, rows, at, end), rows.times[at:end], self.config)
                end = end if rest is None else at + rest
        return end

    def _count_refused(self, rows: Rows, at: int, end: int) -> None:
        for signal, column in rows.columns.items():
            if signal not in self.by_signal:
                self.refused += sum(value is not None for value in column[at:end])

    def _take_piece(self, rows: Rows, block: Block, begin: int, at: int, end: int, out: list[Emission]) -> int:
        """Judge some rows, take in those up to the first event, and say what happened; how many rows that were."""
        end = min(end, at + self._piece)
        heard = self.kernels.judge(block.part(at - begin, end - begin))
        taken = self.states.first_event(heard.peaks)
        self._piece = _SHORT if taken < end - at else min(_PIECE, 2 * self._piece)
        last = at + taken
        self.positions.take(self.row, rows.offsets[at:last], rows.times[at:last])
        stop = at
        while stop < last:
            start = stop
            closes = self.window.closes_at(rows.times[start:last], self.config)
            stop = last if closes is None else start + closes + 1
            self._count(rows, heard, slice(start, stop), slice(start - at, stop - at))
            changed = self.states.move(heard, taken, int(rows.times[last - 1])) if stop == last else []
            self.row += stop - start
            changed += self._warm(rows, start, stop)
            self._say(changed, closed=closes is not None, out=out)
        return taken

    def _count(self, rows: Rows, heard: Heard, here: slice, part: slice) -> None:
        """Count rows into the window; they are that ``part`` of what was heard."""
        self.window.take(rows.times[here], rows.offsets[here], rows.statuses[here], rows.versions[here])
        if rows.asked is not None:
            self.window.asked += int(rows.asked[here].sum())
        self.kernels.count(heard, part)

    def _warm(self, rows: Rows, at: int, end: int) -> list[Watched]:
        """Give the warm-ups their rows; the signals whose reference is now frozen."""
        frozen = []
        for one in self.watched:
            if not isinstance(one.stage, WarmUp) or one.retired:
                continue
            column = self._warm_column(one, rows, at, end)
            one.stage.take(column, rows.digests[at:end], rows.times[at:end])
            if one.stage.is_over(self.config):
                self.kernels.freeze(one, self.config, self._part_of_each)
                self._tell_type(one)
                one.episode.enter("quiet", int(rows.times[end - 1]))
                one.live_row = self.row
                frozen.append(one)
        return frozen

    def _warm_column(self, one: Watched, rows: Rows, at: int, end: int) -> Sequence[Value]:
        column = rows.columns.get(Signal("feature", one.signal.name) if one.signal.kind == "missing" else one.signal)
        return [None] * (end - at) if column is None else column[at:end]

    def _tell_type(self, one: Watched) -> None:
        """Tell a missing share that warms up which type its feature's reference takes, once there is one."""
        missing = self.by_signal.get(Signal("missing", one.signal.name)) if one.signal.kind == "feature" else None
        if missing is not None and isinstance(missing.stage, MissingWarmUp) and not isinstance(one.stage, WarmUp):
            missing.stage.know(one.stage.takes)

    def _say(self, changed: list[Watched], *, closed: bool, out: list[Emission]) -> None:
        """Report what changed, or everything where the window closes, which then begins anew."""
        if closed and self.follows and self.version not in self.window.versions:
            out += self.end(successor=self.window.last_version)
            self.version = self.window.last_version
        for one in self.watched if closed else changed:
            if not one.retired:
                out.append(report(self, one))
        if closed:
            out += self._beside()
            self.window = OpenWindow.after(self.window)
            self.kernels.tally.clear()
            for one in self.watched:
                one.score = 0.0

    def _beside(self) -> list[Emission]:
        """What there is to say at a window's end beside the signals."""
        return []

    def end(self, successor: str | None) -> list[Emission]:
        """Close what is open under this version's name, since nothing more will be said under it."""
        return [end_report(self, one.signal, "version", successor) for one in self.watched if one.episode.is_open]

    def dump(self) -> dict[str, Any]:
        """The state as plain data and arrays."""
        return {"role": self.role, "version": self.version, "follows": self.follows, "part": self.part, "row": self.row,
                "refused": self.refused, "alarms": self.states.alarms, "passed": self.states.passed,
                "watched": [one.dump() for one in self.watched], "kernels": self.kernels.dump(),
                "window": self.window.dump(), "positions": self.positions.places}  # fmt: skip

    @classmethod
    def load(cls, state: dict[str, Any], source: Source, config: DriftConfig) -> Self:
        """Take the state back; a panel with a signal that was compared with another baseline than now begins anew.

        A feature that is ignored by now keeps its reference, should it be watched again, and is quiet: see ``last_words``.
        """
        panel = cls(state["role"], state["version"], source, config, part=state["part"], follows=state["follows"])
        panel.refused, panel.states.alarms, panel.states.passed = state["refused"], state["alarms"], state["passed"]
        if panel.known.differ(state["watched"]):
            return panel
        panel.row = state["row"]
        panel.watched = [Watched.load(one) for one in state["watched"]]
        panel.by_signal = {one.signal: one for one in panel.watched}
        for one in panel.watched:
            one.retired = is_ignored(one.signal, config.ignored_features)
            if one.retired and one.episode.is_open:
                one.episode.enter("quiet", state["window"]["end_ms"])
        panel.kernels.load(state["kernels"], panel.watched)
        panel.window, panel.positions.places = OpenWindow.load(state["window"]), state["positions"]
        return panel
