"""Who is measured: the product's panel, and what River and common practice offer, each told of a stream, each giving its alarms.

An alarm is the number of the row at which it was raised, counted from the end of the warm-up. Every contestant begins anew after
an alarm, as its documentation asks. ``raw`` detectors see the values as they are, ``z`` ones what is left after subtracting the
warm-up's mean and dividing by its standard deviation.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import drift
from river.drift import binary
from scipy import stats

from app.domain.detection.blocks import Rows
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.panel import Panel
from app.domain.detection.states import States
from app.domain.detection.statistics_records import Source
from app.domain.detection.watched import Watched
from schemas.statistics import Signal
from tests.benchmarks.detection.streams import Floats, Values

__all__ = ["CATEGORY_RIVALS", "KSWIN", "KSWIN_ROWS", "NUMBER_RIVALS", "SHARE_RIVALS", "product"]

START_MS = 1_790_000_000_000 // 86_400_000 * 86_400_000
DAY_MS = 86_400_000
_PIECE = 2_048
WINDOW = 500


class Recording(States):
    """The states of a panel's signals, with every alarm, those of an open episode too."""

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel.kernels, panel.positions, panel.config.least_effect)
        self.raised: dict[str, list[int]] = {}
        panel.states = self

    def _open(self, one: Watched, evidence: dict[str, Any], time_ms: int, *, alarm: bool) -> None:
        super()._open(one, evidence, time_ms, alarm=alarm)
        if alarm and one.signal.kind == "feature":
            self.raised.setdefault(one.signal.name, []).append(self.kernels.row)


def _column(values: Values) -> list[Any]:
    if values.dtype == np.float64:
        return [None if value != value else value for value in values.tolist()]
    return values.tolist() if values.dtype == np.bool_ else [f"c{number}" for number in values.tolist()]


def product(
    streams: Sequence[Values], days: Floats, seed: int, budget: float, warm_up: int, change: int | None = None
) -> tuple[list[list[int]], int]:
    """The alarms of each of these streams, which are the features of one model; after how many rows all was known.

    Where a ``change``, counted from the warm-up's end, was found in all, what follows is left out: an alarm is said again and
    again while a change stays.
    """
    config = DriftConfig(
        warm_up=warm_up, values_between_false_alarms=budget, least_effect=0.0, detectors=("scan",), window_events=2_000
    )
    panel = Panel("legacy", "1", Source("m", "pairs", 0, config.digest), config)
    recording = Recording(panel)
    columns = {f"x{at:03d}": _column(values) for at, values in enumerate(streams)}
    digests = np.random.default_rng(seed).integers(0, 2**32, len(days), dtype=np.uint32)
    times = (START_MS + days * DAY_MS).astype(np.int64)
    for begin in range(0, len(days), _PIECE):
        end = min(begin + _PIECE, len(days))
        panel.feed(
            Rows(
                offsets=np.arange(begin, end, dtype=np.int64),
                times=times[begin:end],
                digests=digests[begin:end],
                statuses=["solo"] * (end - begin),
                versions=["1"] * (end - begin),
                columns={Signal("feature", name): column[begin:end] for name, column in columns.items()},
            )
        )
        raised = [[row - warm_up for row in recording.raised.get(name, [])] for name in columns]
        if change is not None and all(alarms and alarms[-1] > change for alarms in raised):
            break
    return raised, end


Rival = Callable[[Values, int], list[int]]


def _standardised(values: Floats, warm_up: int) -> Floats:
    reference = values[:warm_up]
    return (values - np.mean(reference)) / (np.std(reference) or 1.0)


def _river(make: Callable[[], Any], *, standardised: bool = False) -> Rival:
    """A detector of River's, value by value from the first one of the warm-up on."""

    def run(values: Values, warm_up: int) -> list[int]:
        line = values[~np.isnan(values)] if values.dtype == np.float64 else values
        if standardised:
            line = _standardised(line, warm_up)
        alarms, detector = [], make()
        for row, value in enumerate(line.tolist(), 1 - warm_up):
            detector.update(value)
            if detector.drift_detected:
                if row > 0:
                    alarms.append(row)
                detector = make()
        return alarms

    return run


def _windows(is_other: Callable[[Values, Values], bool]) -> Rival:
    """A test of each window of 500 rows against the warm-up."""

    def run(values: Values, warm_up: int) -> list[int]:
        line = values[~np.isnan(values)] if values.dtype == np.float64 else values
        reference = line[:warm_up]
        ends = range(warm_up + WINDOW, len(line) + 1, WINDOW)
        return [end - warm_up for end in ends if is_other(reference, line[end - WINDOW : end])]

    return run


def _kolmogorov(reference: Values, window: Values) -> bool:
    return bool(stats.ks_2samp(reference, window, method="asymp").pvalue < 0.05)


def _stability(reference: Values, window: Values) -> bool:
    """PSI over the reference's tenths above 0.2."""
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, 11)[1:-1]))
    then = np.bincount(np.searchsorted(edges, reference), minlength=len(edges) + 1) / len(reference)
    now = np.bincount(np.searchsorted(edges, window), minlength=len(edges) + 1) / len(window)
    then, now = np.maximum(then, 1e-4), np.maximum(now, 1e-4)
    return bool(np.sum((now - then) * np.log(now / then)) > 0.2)


def _chi_squared(reference: Values, window: Values) -> bool:
    """Categories that have fewer than five values together are one."""
    codes = np.concatenate([reference, window])
    then, now = (np.bincount(part, minlength=int(codes.max()) + 1) for part in (reference, window))
    rare = (then + now) * len(window) / len(codes) < 5
    table = np.array([[*part[~rare], part[rare].sum()] for part in (then, now)])
    table = table[:, table.sum(axis=0) > 0]
    return table.shape[1] > 1 and bool(stats.chi2_contingency(table).pvalue < 0.05)


def _per_category(values: Values, warm_up: int) -> list[int]:
    """An ADWIN for each of the reference's 31 heaviest categories, and one for the rest; an alarm of one begins all anew."""
    heaviest = [int(code) for code in np.argsort(-np.bincount(values[:warm_up]), kind="stable")[:31]]
    place = {code: at for at, code in enumerate(heaviest)}
    lines: NDArray[np.int64] = np.array([place.get(code, len(heaviest)) for code in values.tolist()])
    alarms: list[int] = []
    detectors = [drift.ADWIN() for _ in range(len(heaviest) + 1)]
    for row, code in enumerate(lines.tolist(), 1 - warm_up):
        changed = False
        for at, detector in enumerate(detectors):
            detector.update(float(code == at))
            changed |= detector.drift_detected
        if changed:
            if row > 0:
                alarms.append(row)
            detectors = [drift.ADWIN() for _ in range(len(heaviest) + 1)]
    return alarms


#: It takes 0.3 ms a value, so it sees fewer of them, and only streams without drift.
KSWIN_ROWS = 4_000
KSWIN = _river(lambda: drift.KSWIN(seed=1))
NUMBER_RIVALS: dict[str, Rival] = {
    "ADWIN": _river(drift.ADWIN),
    "ADWIN z": _river(drift.ADWIN, standardised=True),
    "PageHinkley": _river(drift.PageHinkley),
    "PageHinkley z": _river(drift.PageHinkley, standardised=True),
    "KS .05 W500": _windows(_kolmogorov),
    "PSI .2 W500": _windows(_stability),
}
SHARE_RIVALS: dict[str, Rival] = {
    "ADWIN": _river(drift.ADWIN),
    "PageHinkley": _river(drift.PageHinkley),
    "DDM": _river(binary.DDM),
    "EDDM": _river(binary.EDDM),
    "HDDM_A": _river(binary.HDDMA),
}
CATEGORY_RIVALS: dict[str, Rival] = {"ADWIN per category": _per_category, "chi2 .05 W500": _windows(_chi_squared)}
