"""Which season is fitted: none, waves, or a table of half hours."""

import numpy as np
import pytest

from app.domain.detection.season import DAY_MS, Calendar, Season, fit

THURSDAY_MS = 1_790_208_000_000
DAYS, A_DAY = 21, 400


def times(days: int = DAYS) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return (THURSDAY_MS + np.arange(days * A_DAY) * (DAY_MS // A_DAY)).astype(np.int64)


def hours(at: np.ndarray[tuple[int], np.dtype[np.int64]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return at % DAY_MS / 3_600_000


def found(values: np.ndarray[tuple[int], np.dtype[np.float64]], at: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Season:
    season = fit(values, at)
    assert season is not None
    return season


def test_noise_has_none() -> None:
    assert fit(np.random.default_rng(1).normal(size=len(times())), times()) is None
    assert fit(np.full(len(times()), 3.0), times()) is None


def test_a_few_records_with_an_old_time_make_no_days() -> None:
    rng = np.random.default_rng(6)
    at = (THURSDAY_MS + np.arange(5_000) * 2_000).astype(np.int64)  # three hours
    at[17] -= 3 * DAY_MS
    assert fit(rng.normal(size=5_000) + np.linspace(0, 1, 5_000), at) is None


def test_a_day_of_waves_is_told_by_waves() -> None:
    at = times()
    values = 2 * np.sin(2 * np.pi * hours(at) / 24) + np.random.default_rng(2).normal(size=len(at))
    season = found(values, at)

    assert not season.is_table
    assert season.explained == pytest.approx(2 / 3, abs=0.03)


def test_a_schedule_with_edges_and_another_one_at_the_weekend_is_a_table() -> None:
    at = times()
    open_ = (hours(at) >= 6.5) & (hours(at) < 22)
    weekend = np.isin(at // DAY_MS % 7, (2, 3))
    values = np.where(open_, np.where(weekend, 1.0, 3.0), 0.0) + np.random.default_rng(3).normal(scale=0.3, size=len(at))
    season = found(values, at)

    assert season.is_table
    assert season.has_weekend
    left = values - season.at(Calendar(at).lines)
    assert float(np.std(left)) == pytest.approx(0.3, abs=0.02)
    week = fit(values[: 7 * A_DAY], at[: 7 * A_DAY])
    assert week is None or not week.is_table, "a week is too short for it"


def test_half_hours_without_a_value_have_what_the_waves_say() -> None:
    at = times()
    day = (hours(at) >= 5) & (hours(at) < 23)
    values = np.where(hours(at) < 12, 2.0, -2.0) + np.random.default_rng(4).normal(scale=0.3, size=len(at))
    season = found(values[day], at[day])
    night = season.at(Calendar(at[~day]).lines)

    assert season.is_table
    assert np.isfinite(night).all()
    assert float(np.abs(night).max()) < 20


def test_a_table_is_the_same_after_it_was_saved() -> None:
    at = times()
    values = (hours(at) > 12) * 2.0 + np.random.default_rng(5).normal(size=len(at))
    season = found(values, at)

    assert season.is_table
    assert Season(**season.dump()) == season
