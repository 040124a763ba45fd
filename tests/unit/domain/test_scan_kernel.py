"""The scan against the formula written out plainly, one window at a time; its plan, gains and calibration."""

from math import log

import numpy as np
import pytest

from app.domain.detection.calibration import GATE, base_thresholds, block_scatter, calibrate, gate_quantile
from app.domain.detection.gains import CALM
from app.domain.detection.scan import Scan
from app.domain.detection.scan_data import Columns
from app.domain.detection.scan_plan import LEVELS, MEMORY, memory_after, questions_at, steps


def _columns(reference: np.ndarray, budget: float = 1e5, side: int = 0) -> Columns:
    values = reference[:, None]
    scatter, freedom = block_scatter(values)
    return Columns(values.sum(axis=0), float(len(values)), scatter * 0, freedom * 0, base_thresholds(budget)[:, None], side)


def _plain_numbers(reference: np.ndarray, values: list[float | None], lowest: int, budget: float) -> list[float]:
    """max over levels of G/h at each row, from the definition."""
    peaks = []
    for t in range(1, len(values) + 1):
        best = 0.0
        for level in range(lowest, LEVELS):
            w = 2**level
            if t % max(1, w // 16) or w > t:
                continue
            window = [v for v in values[t - w : t] if v is not None]
            older = [v for v in values[: t - w] if v is not None] + reference.tolist()
            if not window:
                continue
            m = sum(window) / len(window) - sum(older) / len(older)
            gain = m * m / 2 / (1 / len(window) + 1 / len(older))
            best = max(best, gain / log(budget * 14 / w))
        peaks.append(best)
    return peaks


def _plain_shares(reference: np.ndarray, values: list[int], lowest: int, budget: float) -> list[float]:
    def divergence(k: float, n: float, p: float) -> float:
        return (k * log(k / n / p) if k else 0.0) + ((n - k) * log((1 - k / n) / (1 - p)) if n > k else 0.0)

    peaks = []
    for t in range(1, len(values) + 1):
        best = 0.0
        for level in range(lowest, LEVELS):
            w = 2**level
            if t % max(1, w // 16) or w > t:
                continue
            a, b, nb = sum(values[t - w : t]), sum(values[: t - w]) + float(reference.sum()), len(reference) + t - w
            p = (a + b) / (w + nb)
            gain = 0.0 if p in {0.0, 1.0} else divergence(a, w, p) + divergence(b, nb, p)
            best = max(best, gain / log(budget * 14 / w))
        peaks.append(best)
    return peaks


@pytest.mark.parametrize("gaps", [False, True])
def test_numbers_are_judged_as_the_formula_says(gaps: bool) -> None:
    rng = np.random.default_rng(1)
    reference, values = rng.normal(size=100), rng.normal(size=600).tolist()
    if gaps:
        values = [None if u < 0.4 else v for u, v in zip(rng.random(600), values, strict=True)]
    scan = Scan(shares=False, lowest=0, least=1)
    scan.add(_columns(reference))
    present = np.array([v is not None for v in values], dtype=float)[None]
    filled = np.array([v or 0.0 for v in values])[None]

    peaks = []
    for begin in range(0, 600, 75):
        judged = scan.judge(filled[:, begin : begin + 75], present[:, begin : begin + 75])
        scan.commit(judged, 75)
        peaks += judged.peaks[0].tolist()

    assert peaks == pytest.approx(_plain_numbers(reference, values, 0, 1e5), rel=1e-9)


def test_shares_are_judged_as_the_formula_says_wherever_something_is_decided() -> None:
    rng = np.random.default_rng(2)
    reference = (rng.random(200) < 0.02).astype(float)
    values = [*(rng.random(400) < 0.02).astype(int).tolist(), *(rng.random(200) < 0.2).astype(int).tolist()]
    scan = Scan(shares=True, lowest=2, least=4)
    scan.add(_columns(reference))
    judged = scan.judge(np.array(values, dtype=float)[None], np.ones((1, 600)))
    plain = _plain_shares(reference, values, 2, 1e5)

    decided = [at for at, peak in enumerate(plain) if peak > CALM]
    assert len(decided) > 50
    assert judged.peaks[0, decided] == pytest.approx([plain[at] for at in decided], rel=1e-9)
    assert all(judged.peaks[0, at] <= CALM for at in set(range(600)) - set(decided))


def test_only_the_side_that_hurts_counts() -> None:
    reference = np.array([0.0, 1.0] * 100)
    for side, values, loud in ((1, 1.0, True), (1, 0.0, False), (-1, 0.0, True), (-1, 1.0, False)):
        scan = Scan(shares=True, lowest=2, least=4)
        scan.add(_columns(reference, side=side))
        assert bool(scan.judge(np.full((1, 64), values), np.ones((1, 64))).peaks.max() > 1) is loud


def test_an_alarm_forgets_the_values_and_keeps_the_reference() -> None:
    rng = np.random.default_rng(1)
    reference, values = rng.normal(size=500), rng.normal(size=(1, 300))
    scan, fresh = (Scan(shares=False, lowest=0, least=1) for _ in range(2))
    scan.add(_columns(reference))
    fresh.row = 512  # the grid is counted from the panel's first row
    fresh.add(_columns(reference))
    scan.commit(scan.judge(np.full((1, 512), 3.0), np.ones((1, 512))), 512, alarmed=[0])

    assert scan.judge(values, np.ones((1, 300))).peaks.tolist() == fresh.judge(values, np.ones((1, 300))).peaks.tolist()


@pytest.mark.parametrize("phase", [0, 1, 17, 511])
@pytest.mark.parametrize("rows", [1, 15, 16, 17, 300, 512])
def test_a_plan_points_at_the_sums_that_a_window_lies_between(phase: int, rows: int) -> None:
    """The memory is filled with the row numbers that it should hold, so each answer can be read off."""
    base = 8_192 * 4 + phase
    memory = [(base // g - (15 - i)) * g for g in (2**k for k in range(9, -1, -1)) for i in range(16)]
    around = np.array(memory + [base + 1 + i for i in range(rows)], dtype=float)
    asked = set()
    for step in steps(phase, rows, 0):
        level = np.broadcast_to(step.levels, step.first_rows.shape)
        row = step.first_rows + 2**level - 1
        assert step.windows(around[None]).tolist() == [(2**level).tolist()]
        assert step.at_ends(np.arange(rows, dtype=float)[None]).tolist() == [row.tolist()]
        asked |= set(zip(level.tolist(), row.tolist(), strict=True))
        for first, grid, begin, end in step.places:
            assert row[begin:end].tolist() == list(range(first, rows, grid))

    assert asked == {(k, row) for k in range(LEVELS) for row in range(rows) if (base + row + 1) % max(1, 2**k // 16) == 0}
    for row in {0, rows // 2, rows - 1}:
        levels, begins = questions_at(phase, row, 0)
        assert levels.tolist() == [level for level in range(LEVELS) if (level, row) in asked]
        assert (around[MEMORY + row] - around[begins]).tolist() == [2**level for level in levels.tolist()]
    after = [((base + rows) // g - (15 - i)) * g for g in (2**k for k in range(9, -1, -1)) for i in range(16)]
    assert around[memory_after(phase, rows)].tolist() == after


def test_independent_values_keep_their_thresholds() -> None:
    scatter, freedom = block_scatter(np.random.default_rng(4).normal(size=(5_000, 3)))
    base = np.repeat(base_thresholds(1e5)[:, None], 3, axis=1)
    variance, threshold = calibrate(scatter, freedom, base, np.full(3, gate_quantile(GATE)))

    assert (variance < 1.5).all()
    assert threshold[0] == pytest.approx([log(1e5 * 14)] * 3)


def test_dependence_raises_variance_and_threshold_on_the_scales_where_it_acts() -> None:
    noise = np.random.default_rng(4).normal(size=5_000)
    day = np.sin(np.arange(5_000) * (2 * np.pi / 500))
    scatter, freedom = block_scatter((noise + day)[:, None] / np.sqrt(1.5))
    variance, threshold = calibrate(scatter, freedom, base_thresholds(1e5)[:, None], np.array([gate_quantile(GATE)]))

    assert variance[0, 0] < 1.2
    assert variance[7, 0] > 10
    assert (threshold[8:, 0] > base_thresholds(1e5)[8:]).all()


def test_quiet_life_is_learnt_and_a_stretch_with_an_alarm_is_not() -> None:
    def swinging(rng: np.random.Generator) -> np.ndarray:
        return rng.normal(size=(1, 8_192)) + np.repeat(rng.normal(size=(1, 16)) / 4, 512, axis=1)

    scans = []
    for alarmed in ([], [0]):
        rng = np.random.default_rng(6)
        scan = Scan(shares=False, lowest=0, least=1)
        scan.add(_columns(rng.normal(size=1_000)))
        for _ in range(3):
            values = swinging(rng)
            for begin in range(0, 8_192, 512):
                part = values[:, begin : begin + 512]
                scan.commit(scan.judge(part, np.ones((1, 512))), 512, alarmed if begin == 4_096 else ())
        scans.append(scan)

    assert scans[0].freedom[9, 0] == 3 * 16
    assert scans[0].variance[9, 0] > 10
    assert scans[1].freedom[9, 0] == 0
    assert scans[1].variance[9, 0] == 1


def test_a_class_that_never_came_is_no_news() -> None:
    for value in (0.0, 1.0):
        scan = Scan(shares=True, lowest=2, least=4)
        scan.add(_columns(np.full(90, value)))
        assert scan.judge(np.full((1, 64), value), np.ones((1, 64))).peaks.tolist() == [[0.0] * 64]
