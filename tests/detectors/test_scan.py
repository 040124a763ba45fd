"""The common suite for the scan: quiet streams stay quiet, a known change is found at an exact row, and so on.

Streams are seeded, so indices are exact; a change of a formula moves them, and must then say so here.
"""

from typing import Any

import numpy as np
import pytest

from app.domain.detection.blocks import Rows
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.panel import Panel
from app.domain.detection.statistics_records import Emission, Source
from schemas.statistics import Signal

WARM_UP = 2_000
CONFIG = DriftConfig(warm_up=WARM_UP, values_between_false_alarms=1e6)
SIGNAL = Signal("feature", "x")
SOURCE = Source("m", "pairs", 0, "sha256:")


def panel_of(config: DriftConfig = CONFIG) -> Panel:
    return Panel("legacy", "1", SOURCE, config)


def rows_of(values: list[Any], first: int = 0, signal: Signal = SIGNAL) -> Rows:
    number = np.arange(first, first + len(values))
    return Rows(
        offsets=number.astype(np.int64),
        times=1_790_000_000_000 + 10 * number.astype(np.int64),
        digests=np.random.default_rng(first + 7).integers(0, 2**32, len(values), dtype=np.uint32),
        statuses=["solo"] * len(values),
        versions=["1"] * len(values),
        columns={signal: values},
    )


def states(emissions: list[Emission]) -> list[tuple[int, str, str]]:
    """Offset, signal and state of each change."""
    last: dict[str, str] = {}
    out = []
    for emission in emissions:
        signal, state = str(emission.statistics.signal), emission.statistics.detector.state
        if last.get(signal, "warming") != state:
            out.append((emission.offset, signal, state))
        last[signal] = state
    return out


def streams(rng: np.random.Generator, n: int) -> dict[str, list[Any]]:
    noise = rng.normal(size=n)
    walk = np.zeros(n)
    for i in range(1, n):
        walk[i] = 0.8 * walk[i - 1] + noise[i]
    day = 2 * np.sin(np.arange(n) * (2 * np.pi / 500))
    return {
        "normal": rng.normal(size=n).tolist(),
        "lognormal": rng.lognormal(4, 0.5, n).tolist(),
        "heavy": rng.standard_t(3, n).tolist(),
        "poisson": rng.poisson(3, n).astype(float).tolist(),
        "constant": [7.0] * n,
        "two values": rng.integers(0, 2, n).astype(float).tolist(),
        "rounded": np.round(rng.normal(size=n), 1).tolist(),
        "huge": (rng.normal(size=n) * 1e300).tolist(),
        "autoregressive": walk.tolist(),
        "daily": (day + noise).tolist(),
        "boolean": (rng.random(n) < 0.05).tolist(),
        "rare boolean": (rng.random(n) < 0.001).tolist(),
        "few categories": [f"c{k}" for k in rng.integers(0, 5, n)],
        "many categories": [f"c{min(k, 5_000)}" for k in rng.zipf(1.5, n)],
        "gaps": [None if u < 0.9 else float(x) for u, x in zip(rng.random(n), noise, strict=True)],
    }


@pytest.mark.parametrize("name", list(streams(np.random.default_rng(0), 2)))
def test_a_stationary_stream_stays_quiet(name: str) -> None:
    panel = panel_of()
    out = panel.feed(rows_of(streams(np.random.default_rng(11), 22_000)[name]))

    assert panel.states.alarms == 0
    assert {state for _, _, state in states(out)} <= {"quiet", "warning"}
    if name != "gaps":  # which has a tenth of the values, and warms up for ten times as many rows
        assert (WARM_UP - 1, "feature/x", "quiet") in states(out)


CHANGES: dict[str, tuple[Any, int, int, str]] = {
    # stream after the change at row 10,000: (values, the row of the alarm, the estimated change, direction)
    "mean +0.25 sd": (lambda rng, n: rng.normal(0.25, 1, n).tolist(), 10_303, 10_048, "location up"),
    "mean -1 sd": (lambda rng, n: rng.normal(-1, 1, n).tolist(), 10_021, 9_990, "location down"),
    "mean +5 sd": (lambda rng, n: rng.normal(5, 1, n).tolist(), 10_003, 10_000, "location up"),
    "sd x 1.5": (lambda rng, n: rng.normal(0, 1.5, n).tolist(), 10_111, 9_984, "spread up"),
    "sd x 0.5": (lambda rng, n: rng.normal(0, 0.5, n).tolist(), 10_059, 9_996, "spread down"),
    "stuck": (lambda _, n: [0.3] * n, 10_029, 9_998, "spread down"),
}


@pytest.mark.parametrize("name", list(CHANGES))
def test_a_change_of_a_number_is_found_at_an_exact_row(name: str) -> None:
    after, alarm, change, direction = CHANGES[name]
    rng = np.random.default_rng(3)
    values = rng.normal(size=10_000).tolist() + after(rng, 3_000)
    out = panel_of().feed(rows_of(values))

    drift = next(one for one in out if one.statistics.detector.state == "drift")
    figures = drift.statistics.statistics
    assert (drift.offset, figures["change"]["offset"], figures["direction"]) == (alarm, change, direction)
    assert figures["change"]["timestamp"] == 1_790_000_000_000 + 10 * change
    assert figures["change"]["events"] == alarm + 1 - change


SHARE_CHANGES: dict[str, tuple[Any, Any, int, int, str]] = {
    "boolean .05 to .15": (lambda u: bool(u < 0.05), lambda u: bool(u < 0.15), 10_103, 9_976, "share up"),
    "a new category": (lambda u: "a" if u < 0.6 else "b", lambda u: "new" if u < 0.05 else "b", 10_015, 10_000, "share of b up"),
    "a category swap": (lambda u: "a" if u < 0.6 else "b", lambda u: "b" if u < 0.6 else "a", 10_127, 10_000, "share of b up"),
}


@pytest.mark.parametrize("name", list(SHARE_CHANGES))
def test_a_change_of_a_share_is_found_at_an_exact_row(name: str) -> None:
    before, after, alarm, change, direction = SHARE_CHANGES[name]
    draws = np.random.default_rng(5).random(13_000)
    values = [before(u) for u in draws[:10_000]] + [after(u) for u in draws[10_000:]]
    out = panel_of().feed(rows_of(values))

    drift = next(one for one in out if one.statistics.detector.state == "drift")
    figures = drift.statistics.statistics
    assert (drift.offset, figures["change"]["offset"], figures["direction"]) == (alarm, change, direction)


def test_values_that_begin_to_be_missing_are_found() -> None:
    rng = np.random.default_rng(5)
    values: list[Any] = rng.normal(size=10_000).tolist() + [None if u < 0.3 else float(rng.normal()) for u in rng.random(200)]
    out = panel_of().feed(rows_of(values))

    assert states(out)[2:] == [(10_005, "missing/x", "drift")]


def test_fewer_missing_values_hurt_nobody() -> None:
    rng = np.random.default_rng(5)
    values: list[Any] = [None if u < 0.3 else 1.0 for u in rng.random(10_000)] + [1.0] * 3_000

    assert not [
        state for _, signal, state in states(panel_of().feed(rows_of(values))) if signal == "missing/x" and state == "drift"
    ]


def test_a_change_that_stays_keeps_the_episode_open_and_one_that_goes_ends_it() -> None:
    rng = np.random.default_rng(9)
    values = rng.normal(size=8_000).tolist() + rng.normal(1, 1, 4_000).tolist() + rng.normal(size=8_000).tolist()
    panel = panel_of()
    out = panel.feed(rows_of(values))

    changes = [(row, state) for row, signal, state in states(out) if signal == "feature/x"]
    assert [state for _, state in changes] == ["quiet", "warning", "drift", "quiet"]
    assert 8_000 < changes[2][0] < 8_060
    assert 12_999 <= changes[3][0] < 13_200  # a thousand calm rows behind the last loud one
    assert panel.states.alarms > 20
    closing = [one for one in out if one.statistics.signal == SIGNAL and one.statistics.detector.state == "drift"]
    assert len({one.statistics.statistics["change"]["offset"] for one in closing}) == 1


def test_an_alarm_whose_effect_is_below_the_least_effect_is_a_warning() -> None:
    rng = np.random.default_rng(9)
    values = rng.normal(size=8_000).tolist() + rng.normal(0.5, 1, 4_000).tolist()
    config = DriftConfig(warm_up=WARM_UP, values_between_false_alarms=1e6, least_effect=2.0)
    panel = panel_of(config)
    seen = {state for _, _, state in states(panel.feed(rows_of(values)))}

    assert seen == {"quiet", "warning"}
    assert panel.states.alarms == 0


def test_memory_is_bounded() -> None:
    """A panel's state after 30,000 rows is no larger than after 15,000, whatever comes."""
    rng = np.random.default_rng(1)
    panel = panel_of()
    panel.feed(rows_of([f"user-{k}" for k in rng.integers(0, 10**9, 15_000)]))
    first = sum(array.nbytes for array in panel.kernels.shares.dump().values() if isinstance(array, np.ndarray))
    panel.feed(rows_of([f"user-{k}" for k in rng.integers(0, 10**9, 15_000)], first=15_000))
    second = sum(array.nbytes for array in panel.kernels.shares.dump().values() if isinstance(array, np.ndarray))

    assert first == second
    assert panel.kernels.shares.width == CONFIG.categories + 1 + 1  # the categories, the others, and missing


def test_features_beyond_the_bound_are_counted_and_not_watched() -> None:
    panel = Panel("legacy", "1", SOURCE, DriftConfig(warm_up=1_000, features=2))
    rows = rows_of([1.0] * 10)
    rows.columns = {Signal("feature", name): [1.0] * 10 for name in ("c", "b", "a")}
    panel.feed(rows)

    assert sorted(str(one.signal) for one in panel.watched) == ["feature/a", "feature/b", "missing/a", "missing/b"]
    assert panel.refused == 10


def test_a_value_of_another_type_counts_as_missing() -> None:
    panel = panel_of()
    values: list[Any] = [1.0, 2.0] * (WARM_UP // 2) + ["a text"] * 100 + [True]
    panel.feed(rows_of(values))

    assert panel.kernels.tally.present.tolist() == [101.0]
    assert panel.kernels.tally.ones.tolist() == [101.0]
    assert panel.kernels.tally.count.tolist() == [0.0]


def test_a_model_s_budget_is_divided_over_its_signals_by_their_traffic() -> None:
    """A value each 10 ms, 60.48 million a week; half an alarm a week, of which each of two signals has a quarter."""
    config = DriftConfig(warm_up=WARM_UP, false_alarms_per_week=0.5)
    panel = Panel("legacy", "1", SOURCE, config, part=0.5)
    panel.feed(rows_of(np.random.default_rng(2).normal(size=WARM_UP + 1).tolist()))

    expected = 60_480_000 / (0.5 * 0.25)
    assert [one.granted for one in panel.watched] == pytest.approx([expected, expected], rel=0.001)
    assert panel.kernels.location.base[0, 0] == pytest.approx(np.log(expected / 0.6 * 14), rel=1e-4)
