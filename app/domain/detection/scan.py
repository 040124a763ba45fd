"""The scan asks: is the mean of the last w values different from all that came before, on 14 scales of w at once.

    m = mean of the window - mean of everything older, the reference included
    numbers  G = m^2 / 2 / (v_l / n_w + v_13 / n_b)
    shares   G = [n_w KL(a || p) + n_b KL(b || p)] / v_l     a, b the shares in the window and before, p in both

n_w and n_b are the values that were *present*: rows are rectangular, a missing value adds nothing to sum or count. An alarm
is G > h_l. ``Scan`` holds the running sums of many columns, several to a signal, and asks all windows of a block of rows in
one pass; v and h come from ``app.domain.detection.calibration``, which windows there are from ``app.domain.detection.scan_plan``.

May not happen: a block's answers may not depend on where the block was cut. Sums are carried into ``cumsum``, which adds one
after another; no BLAS, no pairwise sum over rows. ``judge`` changes nothing; ``commit`` takes the first rows of what was
judged; the caller never commits across a multiple of 8,192 rows (``STRETCH``), where the scan learns, nor beyond an alarm.

Delivery guarantees: ``dump`` and ``load`` give the state back bit for bit, so a replay from a snapshot decides the same.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.detection.calibration import Floats, calibrate, gate_quantile, stretch_scatter
from app.domain.detection.gains import Close, share_ratio
from app.domain.detection.scan_data import Asked, Columns, Finding, Judged
from app.domain.detection.scan_memory import POINTS, STRETCH, Counts, points_in, running
from app.domain.detection.scan_plan import COARSEST, LEVELS, MEMORY, WIDTHS, Step, memory_after, questions_at, steps
from app.domain.detection.scan_ratios import Ratios, Tile, raise_peaks

__all__ = ["STRETCH", "Scan"]


class Scan:
    """One kernel: all columns of one form, numbers or shares, of one panel.

    ``like``: a scan of the same signals, whose counts are these too. It counts before this one commits, and commits after it.
    """

    _ARRAYS = ("sums_memory", "start", "reference_sums", "reference_counts", "scatter", "freedom",
               "base", "variance", "threshold", "side", "gate", "stretch", "owner", "first")  # fmt: skip

    def __init__(self, *, shares: bool, lowest: int, least: int, row: int = 0, like: "Scan | None" = None) -> None:
        self.shares, self.lowest, self.least, self.row = shares, lowest, float(least), row
        self.sums_memory = np.zeros((0, MEMORY))
        self.counts: Counts = Counts() if like is None else like.counts
        self._counter = self.counts if like is None else None
        self.start = np.zeros(0, dtype=np.int64)
        self.reference_sums, self.reference_counts = np.zeros(0), np.zeros(0)
        self.scatter, self.freedom, self.base = (np.zeros((LEVELS, 0)) for _ in range(3))
        self.variance, self.threshold = np.zeros((LEVELS, 0)), np.zeros((LEVELS, 0))
        self.side, self.gate = np.zeros(0), np.zeros(0)
        #: Running sums at each multiple of 64 rows of the present stretch, and at its beginning (row 0).
        self.stretch = np.zeros((POINTS, 0))
        self.owner, self.first = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        self._invert()

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.owner)

    def add(self, columns: Columns) -> int:
        """Take a signal in, from the next row on; its index."""
        signal, width = len(self.first), len(columns.sums)
        self.first = np.append(self.first, self.width)
        self.owner = np.append(self.owner, np.full(width, signal))
        self.sums_memory = np.concatenate([self.sums_memory, np.zeros((width, MEMORY))])
        if self._counter is not None:
            self._counter.add()
        self.start = np.append(self.start, self.row)
        self.reference_sums = np.append(self.reference_sums, columns.sums)
        self.reference_counts = np.append(self.reference_counts, columns.values)
        self.side = np.append(self.side, np.full(width, float(columns.side)))
        self.gate = np.append(self.gate, np.full(width, gate_quantile(columns.gate)))
        for name, part in (("scatter", columns.scatter), ("freedom", columns.freedom), ("base", columns.base),
                           ("stretch", np.zeros((POINTS, width)))):  # fmt: skip
            setattr(self, name, np.concatenate([getattr(self, name), part], axis=1))
        self._recalibrate()
        return signal

    def _recalibrate(self) -> None:
        self.variance, self.threshold = calibrate(self.scatter, self.freedom, self.base, self.gate)
        self._invert()

    def _invert(self) -> None:
        self._ratios = Ratios(self.variance, self.threshold, self.side, self.owner, shares=self.shares)

    def judge(self, values: Floats, present: Floats, like: Judged | None = None) -> Judged:
        """Ask all windows that end in these rows (values: columns by rows, 0 where missing; present: signals by rows).

        ``like``: what the scan that counts for this one made of these rows.
        """
        rows = values.shape[1]
        sums = running(self.sums_memory, values)
        counts = running(self.counts.memory, present) if like is None else like.counts
        totals = counts[:, MEMORY:] + self.reference_counts[:, None] if like is None else like.totals
        judged = Judged(np.zeros((self.width, rows)), sums, counts, totals, np.empty((self.width, rows)))
        if not self.width:  # no signal yet
            return judged
        asked = self._asked(judged)
        with np.errstate(all="ignore"):
            raise_peaks(judged.peaks, [one for tile in self._ratios.tiles(rows) for one in self._judge(judged, tile, asked)])
        return judged._replace(peaks=self._loudest(judged.peaks))

    def _loudest(self, peaks: Floats) -> Floats:
        """Of each signal's columns the loudest, row by row."""
        signals = len(self.first)
        if self.width == signals:
            return peaks
        if self.shares:
            return np.maximum.reduceat(peaks, self.first, axis=0)
        loudest: Floats = np.max(peaks.reshape(signals, -1, peaks.shape[1]), axis=1)
        return loudest

    def _asked(self, judged: Judged) -> list[Asked]:
        """What all columns are asked, and what is known of it by signal; one line stands for all where signals are alike."""
        counts, totals, start = judged.counts, judged.totals, self.start
        if self.shares and all(bool((part == part[0]).all()) for part in (start, self.reference_counts, counts)):
            counts, totals, start = counts[:1], totals[:1], start[:1]
        asked = []
        for step in steps(self.row % COARSEST, judged.rows, self.lowest):
            n = step.windows(counts)
            bad = n < self.least if n.min() < self.least else None
            begins = self.row + step.first_rows
            if begins.min() < start.max():
                young: NDArray[np.bool_] = begins < start[:, None]
                bad = young if bad is None else young | bad
            asked.append(Asked(step, n, step.at_ends(totals) - n, bad, self._ratios.scales(step.levels)))
        return asked

    def _judge(self, judged: Judged, tile: Tile, asked: Sequence[Asked]) -> list[tuple[int, Step, Close]]:
        """Write the peaks of these columns, and their means; what of the peaks is set aside for later."""
        aside = []
        here, signals = tile.columns, tile.signals
        sums, peaks, pooled = judged.sums[here], judged.peaks[here], judged.pooled[here]
        np.add(sums[:, MEMORY:], self.reference_sums[here, None], out=pooled)
        pooled /= judged.totals.take(self.owner[here], axis=0)
        precision = self._ratios.precision(pooled)
        for step, n, before, bad, scales in asked:
            ratio, close = self._ratios.of(
                tile, step.windows(sums), n[signals], before[signals], step.at_ends(pooled), step.at_ends(precision),
                [scale[here] for scale in scales], None if bad is None else bad[signals],
            )  # fmt: skip
            if close is not None:
                aside.append((here.start, step, close))
            for first, grid, begin, end in step.places:
                seen = peaks[:, first::grid]
                np.maximum(seen, ratio[:, begin:end], out=seen)
        return aside

    def explain(self, judged: Judged, row: int, signal: int) -> Finding:
        """Which window, and which of the signal's columns, was the loudest at a row of the block."""
        levels, begins = questions_at(self.row % COARSEST, row, self.lowest)
        columns = slice(int(self.first[signal]), int(self.first[signal]) + int(np.sum(self.owner == signal)))
        windows = judged.sums[columns, MEMORY + row, None] - judged.sums[columns].take(begins, axis=1)
        n = judged.counts[signal, MEMORY + row] - judged.counts[signal, begins][None]
        before, pooled = judged.totals[signal, row] - n, judged.pooled[columns, row, None]
        pooled = np.broadcast_to(pooled, windows.shape)
        bad = (n < self.least) | (self.row + row + 1 - WIDTHS[levels] < self.start[signal])
        scales = [scale[columns] for scale in self._ratios.scales(levels)]
        tile = self._ratios.tile(columns, 1)
        with np.errstate(all="ignore"):
            ratios, close = self._ratios.of(tile, windows.copy(), n, before, pooled, self._ratios.precision(pooled), scales, bad)
            if close is not None:
                ratios[close.column, close.question] = share_ratio(close)
        column, question = divmod(int(np.argmax(ratios)), len(levels))
        at = int(columns.start) + column
        return self._finding(judged, row, signal, at, int(levels[question]), float(ratios[column, question]),
                             windows[:, question], float(n[0, question]))  # fmt: skip

    def shares_in(self, judged: Judged, row: int, signal: int, width: int) -> list[float]:
        """The shares of a signal's columns in the window of this width that ends at a row of the block."""
        levels, begins = questions_at(self.row % COARSEST, row, self.lowest)
        begin = int(begins[np.flatnonzero(WIDTHS[levels] == width)[0]])
        columns = self.owner == signal
        n = judged.counts[signal, MEMORY + row] - judged.counts[signal, begin]
        shares: list[float] = ((judged.sums[columns, MEMORY + row] - judged.sums[columns, begin]) / n).tolist()
        return shares

    def _finding(
        self, judged: Judged, row: int, signal: int, at: int, level: int, score: float, windows: Floats, n: float
    ) -> Finding:
        column = at - int(self.first[signal])
        window = float(windows[column])
        before = float(judged.totals[signal, row]) - n
        older = float(judged.sums[at, MEMORY + row] + self.reference_sums[at]) - window
        v, v_last = float(self.variance[level, at]), float(self.variance[-1, at])
        if self.shares:
            p = (window + older) / (n + before)
            deviation = (p * (1 - p) * v * (1 / n + 1 / before)) ** 0.5
        else:
            deviation = (v / n + v_last / before) ** 0.5
        return Finding(
            score=score, threshold=float(self.threshold[level, at]), column=column, width=int(WIDTHS[level]),
            window_mean=window / n, before_mean=older / before, window_count=n, before_count=before,
            deviation=deviation, window_shares=(windows / n).tolist(),
        )  # fmt: skip

    def commit(self, judged: Judged, rows: int, alarmed: Sequence[int] = ()) -> None:
        """Take in the first rows of what was judged; the signals that alarmed at the last of them begin anew behind it."""
        if self._counter is not None:
            self._counter.take(judged.counts, self.row, rows)
        self.sums_memory = judged.sums.take(memory_after(self.row % COARSEST, rows), axis=1)
        points, grid = points_in(self.row, rows)
        self.stretch[points] = judged.sums[:, grid].T
        self.row += rows
        for signal in alarmed:
            self._reset(signal)
        if self.row % STRETCH == 0:
            self._learn()

    def _learn(self) -> None:
        """Let a stretch without an alarm tell how much its blocks vary."""
        quiet = self.start[self.owner] <= self.row - STRETCH
        counts = self.counts.stretch
        older, older_count = self.reference_sums + self.stretch[0], self.reference_counts + counts[0]
        scatter, freedom = stretch_scatter(
            self.stretch, counts[:, self.owner], older, older_count[self.owner], self.least, shares=self.shares
        )
        self.scatter += np.where(quiet, scatter, 0.0)
        self.freedom += np.where(quiet, freedom, 0.0)
        self.stretch[0] = self.sums_memory[:, -1]
        if self._counter is not None:
            self._counter.begin_stretch()
        if bool(np.any(quiet)):
            self._recalibrate()

    def _reset(self, signal: int) -> None:
        """Forget a signal's values since the last alarm; reference and calibration stay."""
        self.sums_memory[self.owner == signal] = 0.0
        if self._counter is not None:
            self._counter.memory[signal] = 0.0
        self.start[signal] = self.row

    def dump(self) -> dict[str, Any]:
        """The state as plain data and arrays."""
        counts = {} if self._counter is None else {"counts": self._counter.dump()}
        return {"row": self.row} | {name: getattr(self, name) for name in self._ARRAYS} | counts

    def load(self, state: dict[str, Any]) -> None:
        """Take the state back."""
        self.row = state["row"]
        for name in self._ARRAYS:
            setattr(self, name, state[name])
        if self._counter is not None:
            self._counter.load(state["counts"])
        self._invert()
