"""The scans of one panel, the figures of its window, and its latest numbers, all fed in step.

There are four scans, by the shortest window in which their columns mean anything: locations (every single value), the
other scores of numbers, which are bounded (16 values), the 0/1 columns of shares (4 values), and what is left of such columns
without their season (16). Shares with a season are in the third too, where they never alarm: it has what they are in words. A
signal that is past its warm-up has an index: numeric ones first, by slot, then shares, by slot.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from app.domain.detection.blocks import Block
from app.domain.detection.calibration import Floats
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.frozen import Frozen, FrozenNumbers
from app.domain.detection.opinion import opinions_on
from app.domain.detection.scan import Scan
from app.domain.detection.scan_data import Finding, Judged
from app.domain.detection.signals import Numbers, Shares, WarmUp
from app.domain.detection.tally import Tally
from app.domain.detection.watched import Watched

__all__ = ["KEPT", "Heard", "Kernels"]

#: How many of a signal's latest numbers are kept for effect sizes: 4 kB.
KEPT = 512


class Heard(NamedTuple):
    """A block that was judged, not yet taken in. ``peaks``: max G/h for each live signal and each row."""

    block: Block
    peaks: Floats
    location: Judged
    shapes: Judged
    shares: Judged
    seasonal: Judged


class Kernels:
    """See the module's text."""

    def __init__(self) -> None:
        self.location = Scan(shares=False, lowest=0, least=1)
        self.shapes = Scan(shares=False, lowest=4, least=16, like=self.location)
        self.shares = Scan(shares=True, lowest=2, least=4)
        self.seasonal = Scan(shares=False, lowest=4, least=16)
        self.tally = Tally()
        self.numbers: list[Watched] = []
        self.classes: list[Watched] = []
        #: The signals past their warm-up, by index.
        self.live: list[Watched] = []
        self._latest = np.zeros((0, KEPT))

    @property
    def row(self) -> int:
        """How many rows were taken in."""
        return self.location.row

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """How many numeric signals, share signals, columns of shares, and of shares with a season there are."""
        return len(self.numbers), len(self.classes), self.shares.width, self.seasonal.width

    def freeze(self, one: Watched, config: DriftConfig, part: float) -> None:
        """End a signal's warm-up: make its reference, and give it its columns from the next row on.

        ``part`` is its part of the model's budget.
        """
        warm_up = one.stage
        if not isinstance(warm_up, WarmUp):
            message = f"signal {one.signal} is past its warm-up: only a warm-up can be frozen"
            raise TypeError(message)
        digest = self.begin(one, Frozen.of(warm_up, one.salt, config.categories, sided=bool(one.side)), config, part)
        one.baseline = {"id": f"warm-up:{warm_up.first_ms}-{warm_up.last_ms}", "digest": digest}

    def begin(self, one: Watched, frozen: Frozen, config: DriftConfig, part: float) -> str:
        """Have a signal judged against this reference from the next row on; the reference's digest."""
        one.granted = config.granted(frozen.values, frozen.last_ms - frozen.first_ms, part)
        if isinstance(frozen.stage, FrozenNumbers):
            reference = frozen.stage.reference
            location, others = frozen.stage.columns(one.granted)
            self.location.add(location)
            self.shapes.add(others)
            self.tally.add_number(reference.summary["mean"])
            one.stage = Numbers(reference, opinions_on(one.signal, config.detectors, boolean=False), len(self.numbers))
            self.numbers.append(one)
            self._latest = np.concatenate([self._latest, np.full((1, KEPT), np.nan)])
        else:
            labels, values = frozen.stage.labels, frozen.stage.values
            shares = Shares(labels, frozen.stage.reference, values, len(self.classes), self.shares.width)
            shares.season = frozen.stage.season
            self.shares.add(frozen.stage.columns(one.granted, one.side, silent=shares.season is not None))
            if shares.season is not None:
                shares.seasonal = self.seasonal.width
                for column in frozen.stage.seasonal_columns(one.granted):
                    self.seasonal.add(column)
            self.tally.add_shares(len(labels))
            if shares.boolean:
                shares.opinions = opinions_on(one.signal, config.detectors, boolean=True)
            one.stage = shares
            self.classes.append(one)
        self.live = self.numbers + self.classes
        return one.stage.digest

    def judge(self, block: Block) -> Heard:
        """Ask all windows that end in these rows."""
        location = self.location.judge(block.location, block.numbers_present)
        shapes = self.shapes.judge(block.shapes, block.numbers_present, location)
        shares = self.shares.judge(block.shares, block.shares_present)
        seasonal = self.seasonal.judge(block.seasonal, block.seasonal_present)
        numbers, classes = np.maximum(location.peaks, shapes.peaks), shares.peaks
        if self.seasonal.width:
            classes = classes.copy()
            for slot, columns in self._with_season():
                classes[slot] = seasonal.peaks[columns].max(axis=0)
        return Heard(block, np.concatenate([numbers, classes]), location, shapes, shares, seasonal)

    def _with_season(self) -> Iterator[tuple[int, slice]]:
        """The slot of each share with a season, and its columns."""
        for slot, one in enumerate(self.classes):
            if isinstance(one.stage, Shares) and one.stage.season is not None:
                yield slot, slice(one.stage.seasonal, one.stage.seasonal + len(one.stage.labels))

    def explain(self, heard: Heard, row: int, index: int) -> tuple[Finding, str]:
        """The loudest window of a signal at a row, and the kernel that heard it."""
        if index >= len(self.numbers):
            return self._explain_shares(heard, row, index - len(self.numbers)), "shares"
        if heard.location.peaks[index, row] >= heard.shapes.peaks[index, row]:
            return self.location.explain(heard.location, row, index), "location"
        return self.shapes.explain(heard.shapes, row, index), "shapes"

    def _explain_shares(self, heard: Heard, row: int, slot: int) -> Finding:
        stage = self.classes[slot].stage
        if not isinstance(stage, Shares) or stage.season is None:
            return self.shares.explain(heard.shares, row, slot)
        columns = slice(stage.seasonal, stage.seasonal + len(stage.labels))
        column = int(np.argmax(heard.seasonal.peaks[columns, row]))
        finding = self.seasonal.explain(heard.seasonal, row, stage.seasonal + column)
        shares = self.shares.shares_in(heard.shares, row, slot, finding.width)
        return stage.season.in_shares(finding, column, shares)

    def count(self, heard: Heard, part: slice) -> None:
        """Count some rows into the window's figures."""
        block = heard.block
        if self.numbers:
            self.tally.take_numbers(block.raw[:, part], block.numbers_present[:, part], block.classes[:, part])
        if self.classes:
            self.tally.take_shares(block.shares[:, part], block.shares_present[:, part])
        for one, peak in zip(self.live, heard.peaks[:, part].max(axis=1).tolist(), strict=True):
            if peak > one.score:
                one.score = peak

    def remember(self, heard: Heard, rows: int) -> None:
        """Keep the latest numbers, and ask for other opinions: of rows that will be committed."""
        for one in self.classes:
            if isinstance(one.stage, Shares) and one.stage.opinions:
                there = heard.block.shares_present[one.stage.slot, :rows] > 0
                flags = heard.block.shares[one.stage.first, :rows][there].astype(np.int64).tolist()
                for opinion in one.stage.opinions:
                    opinion.take(flags)
        if not self.numbers:
            return
        block, first = heard.block, max(0, rows - KEPT)
        self._latest[:, np.arange(self.row + first, self.row + rows) % KEPT] = block.raw[:, first:rows]
        for slot, one in enumerate(self.numbers):
            if isinstance(one.stage, Numbers):
                present = block.numbers_present[slot, :rows]
                for opinion in one.stage.opinions:
                    line = (block.raw if opinion.on_values else block.location)[slot, :rows]
                    opinion.take((line if present.all() else line[present > 0]).tolist())

    def latest(self, index: int, row: int, width: int) -> Floats:
        """A numeric signal's values in the last ``width`` rows before ``row``, as far as they are kept."""
        if index >= len(self.numbers):
            return np.zeros(0)
        values: Floats = self._latest[index, np.arange(row - min(width, KEPT), row) % KEPT]
        here: Floats = values[~np.isnan(values)]
        return here

    def commit(self, heard: Heard, rows: int, alarmed: Sequence[int]) -> None:
        """Take rows in; the signals that alarmed at the last of them begin anew behind it."""
        numbers = [index for index in alarmed if index < len(self.numbers)]
        classes = [index - len(self.numbers) for index in alarmed if index >= len(self.numbers)]
        self.location.counts.take(heard.location.counts, self.row, rows)
        self.shapes.commit(heard.shapes, rows, numbers)
        self.location.commit(heard.location, rows, numbers)
        self.shares.commit(heard.shares, rows, classes)
        columns = [at for slot, part in self._with_season() if slot in classes for at in range(part.start, part.stop)]
        self.seasonal.commit(heard.seasonal, rows, columns)

    def dump(self) -> dict[str, Any]:
        """The state as plain data and arrays."""
        return {"location": self.location.dump(), "shapes": self.shapes.dump(), "shares": self.shares.dump(),
                "seasonal": self.seasonal.dump(), "tally": self.tally.dump(), "latest": self._latest}  # fmt: skip

    def load(self, state: dict[str, Any], watched: Sequence[Watched]) -> None:
        """Take the state back; ``watched`` are the panel's signals, already loaded."""
        self.location.load(state["location"])
        self.shapes.load(state["shapes"])
        self.shares.load(state["shares"])
        self.seasonal.load(state["seasonal"])
        self.tally, self._latest = Tally.load(state["tally"]), state["latest"]
        stages = [(one.stage, one) for one in watched if not isinstance(one.stage, WarmUp)]
        self.numbers = [one for stage, one in sorted(stages, key=_slot) if isinstance(stage, Numbers)]
        self.classes = [one for stage, one in sorted(stages, key=_slot) if isinstance(stage, Shares)]
        self.live = self.numbers + self.classes


def _slot(entry: tuple[Numbers | Shares, Watched]) -> int:
    return entry[0].slot
