"""What season, dependence and clustered spread leave of a number: found where they are, not where they are not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.detection import clustered_spread, season
from app.domain.detection.autoregression import slow_variance
from app.domain.detection.reference import Reference
from app.domain.detection.rest import Rest
from app.domain.detection.season import DAY_MS, Calendar
from app.domain.detection.state_codec import decode_state, encode_state

Floats = NDArray[np.float64]
ROWS_A_DAY = 1_000


def _times(rows: int) -> NDArray[np.int64]:
    return 4 * 7 * DAY_MS + np.arange(rows, dtype=np.int64) * (DAY_MS // ROWS_A_DAY)  # from a Thursday's midnight on


def _daily(rng: np.random.Generator, rows: int) -> Floats:
    angle = 2 * np.pi * np.arange(rows) / ROWS_A_DAY
    values: Floats = 2 * np.sin(angle) + np.cos(3 * angle) + rng.normal(size=rows)
    return values


def _bursts(rng: np.random.Generator, rows: int) -> Floats:
    values, variance = np.empty(rows), 1.0
    for at, noise in enumerate(rng.normal(size=rows).tolist()):
        values[at] = noise * variance**0.5
        variance = 0.05 + 0.15 * values[at] ** 2 + 0.8 * variance
    return values


def test_a_season_is_found_and_taken_out() -> None:
    values, times = _daily(np.random.default_rng(4), 7_000), _times(7_000)
    found = season.fit(values, times)

    assert found is not None
    assert found.weights == pytest.approx([0, 2, 0, 0, 0, 0, 1, 0, 0], abs=0.06)
    assert found.explained == pytest.approx(2.5 / 3.5, abs=0.02)
    assert np.std(values - found.at(Calendar(times).lines)) == pytest.approx(1, abs=0.03)


def test_the_terms_of_a_season_are_the_sines_and_cosines_of_the_hour() -> None:
    times = _times(50)
    angle = 2 * np.pi * (times % DAY_MS) / DAY_MS
    expected = [np.ones(50)] + [wave(k * angle) for k in (1, 2, 3, 4) for wave in (np.sin, np.cos)]

    assert Calendar(times).lines[:9] == pytest.approx(np.array(expected))


def test_a_weekend_needs_two_weeks() -> None:
    rng = np.random.default_rng(4)
    weekend = np.isin(np.arange(20_000) // ROWS_A_DAY % 7, (2, 3))  # day 0 is a Thursday
    values = rng.normal(size=20_000) - np.where(weekend, 1.0, 0.0)
    long, short = season.fit(values, _times(20_000)), season.fit(_daily(rng, 13_000), _times(13_000))

    assert long is not None
    assert long.weights[-1] == pytest.approx(-1, abs=0.06)
    assert short is not None
    assert (long.has_weekend, short.has_weekend) == (True, False)


@pytest.mark.parametrize("days", [1.9, 7])
def test_where_there_is_none_no_season_is_fitted(days: float) -> None:
    rows = int(days * ROWS_A_DAY)
    values = np.random.default_rng(4).normal(size=rows) if days > 2 else _daily(np.random.default_rng(4), rows)

    assert season.fit(values, _times(rows)) is None


def test_bursts_are_found_and_evened_out() -> None:
    values = _bursts(np.random.default_rng(5), 8_000)
    found = clustered_spread.fit(values[:5_000])
    assert found is not None
    even = found.take(values[5_000:])

    def correlation(line: Floats) -> float:
        squares = line * line
        return float(np.corrcoef(squares[1:], squares[:-1])[0, 1])

    assert correlation(values) > 0.2
    assert abs(correlation(even)) < 0.06
    assert clustered_spread.fit(np.random.default_rng(5).normal(size=5_000)) is None
    assert clustered_spread.fit(np.zeros(5_000)) is None


def test_what_is_left_does_not_depend_on_how_values_are_cut_nor_on_a_restart() -> None:
    rng = np.random.default_rng(6)
    values, times, at = _daily(rng, 12_000) + _bursts(rng, 12_000), _times(12_000), rng.random(12_000)
    kept, _ = Reference.of(values[:7_000], at[:7_000], times[:7_000])
    assert kept.rest is not None
    assert None not in kept.rest.fitted[1:]
    saved = encode_state(kept.dump())
    lines = Calendar(times).lines

    def scored(cuts: list[int]) -> Floats:
        reference, out = Reference.load(decode_state(saved)), np.empty((4, 5_000))
        for begin, end in zip([7_000, *cuts], [*cuts, 12_000], strict=True):
            here, there = slice(begin, end), slice(begin - 7_000, end - 7_000)
            reference.take(values[here], at[here], Calendar(times[here]).lines.copy, out[0, there], out[1:, there])
            reference = Reference.load(decode_state(encode_state(reference.dump())))
        return out

    whole = np.empty((4, 5_000))
    kept.take(values[7_000:], at[7_000:], lambda: lines[:, 7_000:], whole[0], whole[1:])
    assert (scored([]) == whole).all()
    assert (scored([7_001, 7_002, 9_000, 11_999]) == whole).all()


def test_nothing_is_left_out_of_plain_values() -> None:
    values = np.random.default_rng(7).normal(size=5_000)
    rest, left = Rest.of(values, values, _times(5_000))

    assert rest is None
    assert len(left) == 5_000


def test_slow_waves_of_dependent_values_are_no_season() -> None:
    """AR(1) .95 over two and a half days: nine waves explain a tenth of it, and mean nothing."""
    rng, values = np.random.default_rng(9), np.zeros(5_000)
    for at, noise in enumerate(rng.normal(size=5_000).tolist()):
        values[at] = 0.95 * values[at - 1] + noise if at else noise
    times = 4 * 7 * DAY_MS + np.arange(5_000, dtype=np.int64) * (DAY_MS // 2_000)

    assert season.fit(values, times) is None
    rest, _ = Rest.of(values, values, times)
    assert rest is not None
    assert rest.scale is not None  # a twenty-fifth of the values is independent: ranks among them say little
    heavy, _ = Rest.of(values, np.exp(values), times)
    assert heavy is not None
    assert heavy.scale is None
    assert slow_variance(values) == pytest.approx(39, rel=0.3)
    assert slow_variance(np.random.default_rng(9).normal(size=5_000)) == 1
