"""The scan asks: is the mean of the last w values different from all that came before, on 14 scales of w at once.

    m = mean of the window - mean of everything older, the reference included
    numbers  G = m^2 / 2 / (v_l / n_w + v_13 / n_b)
    shares   G = [n_w KL(a || p) + n_b KL(b || p)] / v_l     a, b the shares in the window and before, p in both

n_w and n_b are the values that were *present*: rows are rectangular, a missing value adds nothing to sum or count. An alarm
is G > h_l. ``Scan`` holds the running sums of many columns, several to a signal, and asks all windows of a block of rows in
one pass; v and h come from ``app.domain.calibration``, which windows there are from ``app.domain.scan_plan``.

May not happen: a block's answers may not depend on where the block was cut. Sums are carried into ``cumsum``, which adds one
after another; no BLAS, no pairwise sum over rows. ``judge`` changes nothing; ``commit`` takes the first rows of what was
judged; the caller never commits across a multiple of 8,192 rows (``STRETCH``), where the scan learns, nor beyond an alarm.

Delivery guarantees: ``dump`` and ``load`` give the state back bit for bit, so a replay from a snapshot decides the same.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.calibration import STEP, Floats, calibrate, stretch_scatter
from app.domain.gains import number_ratio, share_ratio
from app.domain.scan_data import Columns, Finding, Judged
from app.domain.scan_plan import COARSEST, LEVELS, MEMORY, WIDTHS, ScanPlan, scan_plan

__all__ = ["STRETCH", "Scan"]

#: Quiet rows after which their blocks join the calibration.
STRETCH = 8_192
_POINTS = STRETCH // STEP


def _running(carry: Floats, values: Floats) -> Floats:
    """The running sums, the carry added first: the same however the rows are cut."""
    sums = np.empty((len(values) + 1, len(carry)))
    sums[0] = carry
    sums[1:] = values
    return np.cumsum(sums, axis=0)[1:]


class Scan:
    """One kernel: all columns of one form, numbers or shares, of one panel."""

    _ARRAYS = ("sums", "counts", "sums_memory", "counts_memory", "start", "reference_sums", "reference_counts", "scatter",
               "freedom", "base", "variance", "threshold", "side", "stretch", "count_stretch", "owner", "first")  # fmt: skip

    def __init__(self, *, shares: bool, lowest: int, least: int, row: int = 0) -> None:
        self.shares, self.lowest, self.least, self.row = shares, lowest, float(least), row
        self.sums, self.counts = np.zeros(0), np.zeros(0)
        self.sums_memory, self.counts_memory = np.zeros((MEMORY, 0)), np.zeros((MEMORY, 0))
        self.start = np.zeros(0, dtype=np.int64)
        self.reference_sums, self.reference_counts = np.zeros(0), np.zeros(0)
        self.scatter, self.freedom, self.base = (np.zeros((LEVELS, 0)) for _ in range(3))
        self.variance, self.threshold = np.zeros((LEVELS, 0)), np.zeros((LEVELS, 0))
        self.side = np.zeros(0)
        #: Running sums at each multiple of 64 rows of the present stretch, and at its beginning (row 0).
        self.stretch, self.count_stretch = np.zeros((_POINTS + 1, 0)), np.zeros((_POINTS + 1, 0))
        self.owner, self.first = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        self._invert()

    def add(self, columns: Columns) -> int:
        """Take a signal in, from the next row on; its index."""
        signal, width = len(self.counts), len(columns.sums)
        self.first = np.append(self.first, len(self.sums))
        self.owner = np.append(self.owner, np.full(width, signal))
        self.sums, self.counts = np.append(self.sums, np.zeros(width)), np.append(self.counts, 0.0)
        self.start = np.append(self.start, self.row)
        self.reference_sums = np.append(self.reference_sums, columns.sums)
        self.reference_counts = np.append(self.reference_counts, columns.values)
        self.side = np.append(self.side, np.full(width, float(columns.side)))
        for name, part in (("scatter", columns.scatter), ("freedom", columns.freedom), ("base", columns.base)):
            setattr(self, name, np.concatenate([getattr(self, name), part], axis=1))
        for name, rows, more in (("sums_memory", MEMORY, width), ("counts_memory", MEMORY, 1),
                                 ("stretch", _POINTS + 1, width), ("count_stretch", _POINTS + 1, 1)):  # fmt: skip
            setattr(self, name, np.concatenate([getattr(self, name), np.zeros((rows, more))], axis=1))
        self._recalibrate()
        return signal

    def _recalibrate(self) -> None:
        self.variance, self.threshold = calibrate(self.scatter, self.freedom, self.base)
        self._invert()

    def _invert(self) -> None:
        self._inverse = 1 / self.threshold
        if self.shares:  # neighbours that depend make short windows of a share meaningless
            self._inverse[:5, self.variance[2] > 1.2] = 0.0
        self._scale = self._inverse / self.variance
        self._lowest, self._highest = np.where(self.side > 0, 0.0, -np.inf), np.where(self.side < 0, 0.0, np.inf)

    def judge(self, values: Floats, present: Floats) -> Judged:
        """Ask all windows that end in these rows (values: rows by columns, 0 where missing; present: rows by signals)."""
        plan = scan_plan(self.row % COARSEST, len(values), self.lowest)
        sums, counts = _running(self.sums, values), _running(self.counts, present)
        judged = Judged(
            peaks=np.zeros((len(values), len(self.counts))),
            sums=sums,
            counts=counts,
            sums_around=np.concatenate([self.sums_memory, sums]),
            counts_around=np.concatenate([self.counts_memory, counts]),
            full=bool(np.all(counts[-1] == self.row + len(values) - self.start)),
        )
        if not len(self.first):  # no signal yet
            return judged
        ratios = self._ratios(judged, plan)
        if len(self.first) < len(self.sums):
            ratios = np.maximum.reduceat(ratios, self.first, axis=1)
        for first, grid, begin, end in plan.steps:
            seen = judged.peaks[first::grid]
            np.maximum(seen, ratios[begin:end], out=seen)
        return judged

    def _ratios(self, judged: Judged, plan: ScanPlan) -> Floats:
        """G/h of each question and column."""
        now = judged.sums.take(plan.row, axis=0)
        window = now - judged.sums_around.take(plan.before, axis=0)
        n, before, bad = self._counts(judged, plan)
        with np.errstate(all="ignore"):
            if self.shares:
                share, precision = (part.take(plan.row, axis=0) for part in self._pooled(judged))
                scale = self._scale.take(plan.level, axis=0)
                ratios = share_ratio(window, n, before, share, precision, scale, self._lowest, self._highest)
            else:
                now -= window
                now += self.reference_sums
                variance, inverse = self.variance.take(plan.level, axis=0), self._inverse.take(plan.level, axis=0)
                ratios = number_ratio(window, n, now, before, variance, self.variance[-1], inverse)
        if bad is not None:
            ratios[bad] = 0.0
        return ratios

    def _pooled(self, judged: Judged) -> tuple[Floats, Floats]:
        """The share of ones in window and past together, and 1 / (p (1 - p)): they depend on the row alone."""
        share = (judged.sums + self.reference_sums) / (judged.counts + self.reference_counts).take(self.owner, axis=1)
        return share, 1 / (share * (1 - share))

    def _counts(self, judged: Judged, plan: ScanPlan) -> tuple[Floats, Floats, NDArray[np.bool_] | None]:
        """How many values each window holds, and all before it; and which windows do not count."""
        end = (self.row + 1) + plan.row
        begin = end - plan.width
        young = None if begin.min() >= self.start.max() else begin[:, None] < self.start
        if judged.full:
            n: Floats = plan.width[:, None].astype(np.float64)
            before = begin[:, None] + (self.reference_counts - self.start)
        else:
            counts = judged.counts.take(plan.row, axis=0)
            n = counts - judged.counts_around.take(plan.before, axis=0)
            before = counts - n + self.reference_counts
            few = n < self.least
            young = few if young is None else few | young
        if len(self.first) < len(self.sums):
            n = n if judged.full else n.take(self.owner, axis=1)
            before = before.take(self.owner, axis=1)
            young = None if young is None else young.take(self.owner, axis=1)
        return n, before, young

    def explain(self, judged: Judged, row: int, signal: int) -> Finding:
        """Which window, and which of the signal's columns, was the loudest at a row of the block."""
        plan = scan_plan(self.row % COARSEST, len(judged.sums), self.lowest)
        asked = np.flatnonzero(plan.row == row)
        plan = plan._replace(**{name: getattr(plan, name)[asked] for name in ("level", "row", "before", "width")})
        columns = np.flatnonzero(self.owner == signal)
        ratios = self._ratios(judged, plan)[:, columns]
        question, column = divmod(int(np.argmax(ratios)), len(columns))
        level, at, before_at = int(plan.level[question]), int(columns[column]), int(plan.before[question])
        windows = judged.sums[row, columns] - judged.sums_around[before_at, columns]
        n = float(judged.counts[row, signal] - judged.counts_around[before_at, signal])
        before = float(judged.counts[row, signal] + self.reference_counts[signal]) - n
        window = float(windows[column])
        older = float(judged.sums[row, at] + self.reference_sums[at]) - window
        v, v_last = float(self.variance[level, at]), float(self.variance[-1, at])
        if self.shares:
            p = (window + older) / (n + before)
            deviation = (p * (1 - p) * v * (1 / n + 1 / before)) ** 0.5
        else:
            deviation = (v / n + v_last / before) ** 0.5
        return Finding(
            score=float(ratios[question, column]),
            threshold=float(self.threshold[level, at]),
            column=column,
            width=int(WIDTHS[level]),
            window_mean=window / n,
            before_mean=older / before,
            window_count=n,
            before_count=before,
            deviation=deviation,
            window_shares=(windows / n).tolist(),
        )

    def commit(self, judged: Judged, rows: int, alarmed: Sequence[int] = ()) -> None:
        """Take in the first rows of what was judged; the signals that alarmed at the last of them begin anew behind it."""
        memory = scan_plan(self.row % COARSEST, rows, self.lowest).memory
        self.sums_memory = judged.sums_around.take(memory, axis=0)
        self.counts_memory = judged.counts_around.take(memory, axis=0)
        self.sums, self.counts = judged.sums[rows - 1].copy(), judged.counts[rows - 1].copy()
        first = (-self.row - 1) % STEP
        if first < rows:
            at = (self.row % STRETCH + first + 1) // STEP
            points = slice(at, at + (rows - 1 - first) // STEP + 1)
            self.stretch[points] = judged.sums[first:rows:STEP]
            self.count_stretch[points] = judged.counts[first:rows:STEP]
        self.row += rows
        for signal in alarmed:
            self._reset(signal)
        if self.row % STRETCH == 0:
            self._learn()

    def _learn(self) -> None:
        """Let a stretch without an alarm tell how much its blocks vary."""
        quiet = self.start[self.owner] <= self.row - STRETCH
        older, older_count = self.reference_sums + self.stretch[0], self.reference_counts + self.count_stretch[0]
        scatter, freedom = stretch_scatter(
            self.stretch, self.count_stretch[:, self.owner], older, older_count[self.owner], self.least, shares=self.shares
        )
        self.scatter += np.where(quiet, scatter, 0.0)
        self.freedom += np.where(quiet, freedom, 0.0)
        self.stretch[0], self.count_stretch[0] = self.sums, self.counts
        if bool(np.any(quiet)):
            self._recalibrate()

    def _reset(self, signal: int) -> None:
        """Forget a signal's values since the last alarm; reference and calibration stay."""
        columns = self.owner == signal
        self.sums[columns] = 0.0
        self.sums_memory[:, columns] = 0.0
        self.counts[signal] = 0.0
        self.counts_memory[:, signal] = 0.0
        self.start[signal] = self.row

    def dump(self) -> dict[str, Any]:
        """The state as plain data and arrays."""
        return {"row": self.row} | {name: getattr(self, name) for name in self._ARRAYS}

    def load(self, state: dict[str, Any]) -> None:
        """Take the state back."""
        self.row = state["row"]
        for name in self._ARRAYS:
            setattr(self, name, state[name])
        self._invert()
