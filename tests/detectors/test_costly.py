"""Of a latency and a cost only a rise is a drift, be it one of most values or of the largest alone."""

from typing import Any

import numpy as np
import pytest

from schemas.statistics import Signal
from tests.detectors.test_scan import panel_of, rows_of, states

LATENCY, COST = Signal("latency"), Signal("cost")
REFERENCE = 4_000


def lognormal(rng: np.random.Generator, count: int, factor: float = 1.0) -> list[float]:
    values: list[float] = (factor * rng.lognormal(4, 0.5, count)).tolist()
    return values


def slow_tail(rng: np.random.Generator, count: int) -> list[float]:
    """Most are twice as fast, and 15 % take ten times as long: a cache that is hit, or missed."""
    factors = np.where(rng.random(count) < 0.15, 10.0, 0.5)
    values: list[float] = (factors * rng.lognormal(4, 0.5, count)).tolist()
    return values


def found(values: list[float], signal: Signal = LATENCY) -> tuple[list[str], list[dict[str, Any]]]:
    """The states in their order, and the figures of each record since the first that is not quiet."""
    out = panel_of().feed(rows_of(values, signal=signal))
    return [state for _, _, state in states(out)], [
        one.statistics.statistics for one in out if "scan" in one.statistics.statistics
    ]


@pytest.mark.parametrize("signal", [LATENCY, COST], ids=str)
def test_a_rise_is_a_drift(signal: Signal) -> None:
    rng = np.random.default_rng(1)
    said, figures = found(lognormal(rng, REFERENCE) + lognormal(rng, 2_000, 1.5), signal)
    assert said == ["quiet", "warning", "drift"]
    assert "better" not in figures[-1]


@pytest.mark.parametrize("signal", [LATENCY, COST], ids=str)
def test_a_fall_is_a_warning_that_says_so_however_large_it_is(signal: Signal) -> None:
    rng = np.random.default_rng(2)
    said, figures = found(lognormal(rng, REFERENCE) + lognormal(rng, 20_000, 0.3), signal)
    assert said == ["quiet", "warning"]
    assert figures[-1]["better"] is True
    assert figures[-1]["again"] > 100, "it goes on to alarm, and its largest values are never taken for more"


def test_a_rise_behind_a_fall_is_a_drift() -> None:
    rng = np.random.default_rng(3)
    said, figures = found(lognormal(rng, REFERENCE) + lognormal(rng, 3_000, 0.5) + lognormal(rng, 2_000, 1.5))
    assert said == ["quiet", "warning", "drift"]
    assert "better" not in figures[-1]
    assert figures[-1]["direction"].endswith("up")


def test_back_at_the_reference_neither_a_fall_nor_a_rise_is_left() -> None:
    rng = np.random.default_rng(3)
    back = lognormal(rng, REFERENCE) + lognormal(rng, 3_000, 0.5) + lognormal(rng, 6_000)
    assert found(back)[0] == ["quiet", "warning", "quiet"]
    mended = lognormal(rng, REFERENCE) + lognormal(rng, 3_000, 1.5) + lognormal(rng, 6_000)
    assert found(mended)[0] == ["quiet", "warning", "drift", "quiet"]


def test_a_fall_below_the_reference_ends_the_drift_of_a_rise() -> None:
    rng = np.random.default_rng(5)
    said, figures = found(lognormal(rng, REFERENCE) + lognormal(rng, 3_000, 1.5) + lognormal(rng, 3_000, 0.5))
    assert said == ["quiet", "warning", "drift", "warning"]
    assert figures[-1]["better"] is True


def test_most_are_faster_and_some_much_slower_is_a_drift() -> None:
    rng = np.random.default_rng(6)
    said, figures = found(lognormal(rng, REFERENCE) + slow_tail(rng, 4_000))
    assert said == ["quiet", "warning", "drift"]
    assert "better" not in figures[-1]


def test_some_are_slower_though_every_mean_is_lower() -> None:
    """Of eight one takes four times as long, the others a fifth: that is a fall, until its largest values are seen to be more."""
    rng = np.random.default_rng(6)
    values = np.array(lognormal(rng, REFERENCE + 4_000))
    values[REFERENCE:] *= np.where(np.arange(4_000) % 8 == 0, 4.0, 0.2)
    said, figures = found(values.tolist())
    assert said == ["quiet", "warning", "drift"]
    tail = figures[-1]["tail"]
    assert tail["values"] <= 512
    assert tail["share"] > 1.5 * tail["reference_share"]


def test_a_tail_that_grows_in_the_midst_of_a_fall_is_found() -> None:
    rng = np.random.default_rng(7)
    values = lognormal(rng, REFERENCE) + lognormal(rng, 3_000, 0.5) + slow_tail(rng, 4_000)
    changes = states(panel_of().feed(rows_of(values, signal=LATENCY)))
    assert [state for _, _, state in changes[:3]] == ["quiet", "warning", "drift"]
    assert changes[-1][2] == "drift"
    assert changes[-1][0] < REFERENCE + 3_000 + 512, "and it stays so, once that many values have passed"


def test_features_alert_both_ways() -> None:
    rng = np.random.default_rng(8)
    values = lognormal(rng, REFERENCE) + lognormal(rng, 2_000, 0.5)
    assert found(values, Signal("feature", "x"))[0][-1] == "drift"
