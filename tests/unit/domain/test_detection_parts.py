"""The small parts of detection: settings, hashes and ranks, autoregression, the second opinion, effects, windows, state."""

import random

import numpy as np
import pytest
from river.drift import ADWIN

from app.domain.detection.autoregression import fit, residuals
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.effect_sizes import (
    cohens_h,
    jensen_shannon,
    mean_difference,
    number_effects,
    population_stability,
    share_effects,
)
from app.domain.detection.episodes import ALARM, Episode
from app.domain.detection.gains import CALM
from app.domain.detection.opinion import Opinion
from app.domain.detection.reference import Reference, hashed
from app.domain.detection.state_codec import StateError, decode_state, encode_state
from app.domain.detection.windows import OpenWindow, Positions


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"warm_up": 999}, "drift.warm_up is 999: allowed is 1,000 to 100,000 values"),
        ({"warm_up_ms": -1}, "drift.warm_up_ms is -1: allowed is 0 to"),
        ({"values_between_false_alarms": 10}, "drift.values_between_false_alarms is 10: allowed is 1,000 to 1e\\+15 values"),
        ({"false_alarms_per_week": -1}, "drift.false_alarms_per_week is -1: allowed is 0 to 1,000 alarms"),
        ({"least_effect": -0.1}, "drift.least_effect is -0.1: allowed is 0 to 10"),
        ({"window_events": 5_000}, "no window could close by time"),
        ({"features": 0}, "drift.features is 0: allowed is 1 to 2,048"),
        ({"categories": 256}, "drift.categories is 256: allowed is 1 to 255"),
        ({"detectors": ("scan", "scan")}, "drift.detectors has 2 entries: allowed are 9, each once"),
        ({"segments": ("channel", "region", "channel")}, "drift.segments has 3 entries: allowed is each once"),
        ({"detectors": ("adwin",)}, "drift.detectors lacks 'scan'"),
        ({"warm_up": 1, "versions": 0}, "drift.warm_up is 1.*; drift.versions is 0"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_by_name(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        DriftConfig(**settings)  # type: ignore[arg-type]  # that is the point


def test_each_setting_is_in_the_digest() -> None:
    changed = {
        "warm_up": 6_000, "warm_up_ms": 1, "values_between_false_alarms": 1e8, "false_alarms_per_week": 0.1, "least_effect": 0.06,
        "baseline": "sha256:0", "window_events": 101, "window_ms": 60_001, "window_events_most": 2_001,
        "features": 255, "ignored_features": ("x",), "categories": 30, "versions": 9,
        "segments": ("channel",), "segment_values": 9,
        "volume_interval_ms": 1_000, "volume_warm_up": 1_000, "volume_lateness_ms": 0,
        "detectors": ("scan",),
        "label_delay_ms": 1_000, "label_pairs": 1_000,
    }  # fmt: skip
    assert set(changed) == set(DriftConfig.__slots__)
    digests = {DriftConfig(**{name: value}).digest for name, value in changed.items()}  # type: ignore[arg-type]  # see above
    assert len(digests | {DriftConfig().digest}) == len(changed) + 1


def test_hashes_are_even_and_unrelated_between_salts() -> None:
    digests = np.arange(20_000, dtype=np.uint32)  # ids that differ in one bit
    one, two = hashed(digests, 1), hashed(digests, 2)

    assert np.histogram(one, 20, (0, 1))[0] == pytest.approx([1_000] * 20, abs=150)
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.03
    assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 0.03


@pytest.mark.parametrize("name", ["normal", "lognormal", "poisson", "constant", "two values"])
def test_scores_have_mean_0_and_variance_1_whatever_the_distribution(name: str) -> None:
    rng = np.random.default_rng(3)
    draw = {
        "normal": lambda n: rng.normal(size=n), "lognormal": lambda n: rng.lognormal(4, 0.5, n),
        "poisson": lambda n: rng.poisson(3, n).astype(float), "constant": lambda n: np.full(n, 7.0),
        "two values": lambda n: rng.integers(0, 2, n).astype(float),
    }[name]  # fmt: skip
    reference, _ = Reference.of(draw(20_000), rng.random(20_000), np.zeros(20_000, dtype=np.int64))
    lines = np.empty((4, 50_000))
    reference.take(draw(50_000), rng.random(50_000), lambda: np.zeros((0, 0)), lines[0], lines[1:])
    scores = lines.T

    assert np.mean(scores, axis=0) == pytest.approx([0] * 4, abs=0.03)
    assert np.var(scores, axis=0) == pytest.approx([1] * 4, abs=0.04)
    expected = np.eye(4)
    expected[0, 2] = expected[2, 0] = 0.19  # a normal score is not a polynomial
    assert np.corrcoef(scores.T) == pytest.approx(expected, abs=0.04)


@pytest.mark.parametrize("rare", [0.0003, 0.003, 0.03])
def test_an_episode_ends_at_its_row_however_long_the_block(rare: float) -> None:
    """A block may be longer than the calm that ends an episode, and hold several restless rows."""
    peaks = np.where(np.random.default_rng(8).random(6_000) < rare, CALM + 0.2, 0.0)
    peaks[5_900] = ALARM + 1
    episode = Episode()
    episode.enter("warning", 0)
    episode.restless_row, episode.hold = 90, 1_000
    expected, restless = None, 90 - 100
    for row, peak in enumerate(peaks.tolist()):
        restless = row + 1 if peak > CALM else restless
        if peak > ALARM or row + 1 - restless >= episode.hold:
            expected = row
            break

    assert episode.first_event(peaks, 100) == expected
    assert expected is not None


def test_autoregression_is_found_and_taken_out() -> None:
    rng = np.random.default_rng(3)
    noise, values = rng.normal(size=5_000), np.zeros(5_000)
    for i in range(2, 5_000):
        values[i] = 0.5 * values[i - 1] + 0.3 * values[i - 2] + noise[i]
    weights = fit(values)

    assert weights[:2] == pytest.approx([0.5, 0.3], abs=0.05)
    assert residuals(values[5:], values[:5], [0.5, 0.3, 0, 0, 0]) == pytest.approx(noise[5:])
    assert fit(noise) == []
    assert fit(np.zeros(100)) == []


def test_the_opinion_is_rivers() -> None:
    rng = random.Random(2)
    values = [rng.gauss(0 if i < 3_000 or i > 6_000 else 0.5, 1) for i in range(9_000)]
    adwin, cuts = ADWIN(), []
    for number, value in enumerate(values, start=1):
        adwin.update(value)
        if adwin.drift_detected:
            cuts.append(number)
    opinion = Opinion()
    for begin in range(0, 9_000, 700):
        opinion.take(values[begin : begin + 700])

    assert opinion.cuts == cuts
    assert len(cuts) >= 2
    assert opinion.as_evidence()["window"] == adwin.width
    assert opinion.as_evidence()["mean"] == adwin.estimation


def test_an_opinion_of_another_river_starts_anew_and_says_since_when() -> None:
    opinion = Opinion()
    opinion.take([0.0] * 500)
    state = decode_state(encode_state(opinion.dump()))
    assert Opinion.load(state).as_evidence() == opinion.as_evidence()
    assert Opinion.load(state | {"version": "0.1"}).as_evidence()["window"] == 0
    assert Opinion.load(state | {"version": "0.1"}).since == 500


def test_state_comes_back_bit_for_bit() -> None:
    state = {"a": np.array([[0.1, np.nan], [np.inf, -0.0]]), "b": np.zeros((3, 0)), "c": 0.1 + 0.2, "d": [None, "x", 2**62],
             "e": b"\x00", "f": np.array([1, 2**32 - 1], dtype=np.uint32)}  # fmt: skip
    back = decode_state(encode_state(state))

    assert encode_state(back) == encode_state(state)
    assert back["a"].tobytes() == state["a"].tobytes()  # type: ignore[attr-defined]  # an array
    assert back["b"].shape == (3, 0)


def test_a_state_of_another_version_is_refused() -> None:
    data = bytearray(encode_state({}))
    data[len(b"gnomon-detect")] = 9
    with pytest.raises(StateError, match=r"version 09, expected \d\d"):
        decode_state(bytes(data))


def test_effects_of_a_shifted_number() -> None:
    rng = np.random.default_rng(3)
    reference, _ = Reference.of(rng.normal(100, 10, 5_000), rng.random(5_000), np.zeros(5_000, dtype=np.int64))
    effects = number_effects(rng.normal(105, 10, 500), reference)

    low, high = effects["difference_sd_interval"]
    assert low < 0.5 < high
    assert high - low == pytest.approx(2 * 1.96 * (1 / 500 + 1 / 5_000) ** 0.5, rel=0.1)
    assert effects["wasserstein"] == pytest.approx(5, abs=1)
    assert effects["ks"] == pytest.approx(0.197, abs=0.05)
    assert effects["psi"] > effects["psi_99_without_drift"] > effects["psi_mean_without_drift"]
    assert sum(effects["histogram"]["shares"]) == pytest.approx(1)
    assert sum(effects["histogram"]["reference_shares"]) == pytest.approx(1)
    assert len(effects["histogram"]["shares"]) == len(effects["histogram"]["ends"]) + 1


def test_a_constant_reference_has_no_standard_deviations_to_tell_in() -> None:
    assert mean_difference(1.0, 0.0, 10, {"mean": 0.0, "sd": 0.0, "values": 10})["difference_sd"] is None


def test_the_jensen_shannon_distance_is_between_0_and_1_and_as_worked_out_by_hand() -> None:
    half, sure = np.array([0.5, 0.5]), np.array([1.0, 0.0])
    assert jensen_shannon(half, half) == 0.0
    assert jensen_shannon(half, sure) == jensen_shannon(sure, half) == pytest.approx(0.311278**0.5, abs=1e-6)
    assert population_stability(np.array([30.0, 10.0]), half, 1e9)["jensen_shannon"] == pytest.approx(
        jensen_shannon(np.array([0.75, 0.25]), half)
    )


def test_psi_without_drift_is_as_it_says() -> None:
    rng = np.random.default_rng(3)
    shares = np.full(10, 0.1)
    drawn = [population_stability(rng.multinomial(500, shares).astype(float), shares, 1e9) for _ in range(400)]
    values = [one["psi"] for one in drawn]

    assert np.mean(values) == pytest.approx(drawn[0]["psi_mean_without_drift"], rel=0.1)
    assert np.mean([value > drawn[0]["psi_99_without_drift"] for value in values]) == pytest.approx(0.01, abs=0.015)


def test_the_categories_that_moved_most_come_first() -> None:
    effects = share_effects([0.2, 0.5, 0.3], 100, np.array([0.2, 0.3, 0.5]), 1_000, ["a", "b", "c"])

    assert [move["label"] for move in effects["moved_most"]] == ["b", "c", "a"]
    assert effects["moved_most"][0]["cohens_h"] == pytest.approx(cohens_h(0.5, 0.3))
    assert cohens_h(1.0, 0.0) == pytest.approx(np.pi)


def test_a_window_closes_by_events_or_by_events_and_time() -> None:
    config = DriftConfig(window_events=3, window_ms=100, window_events_most=5)
    cases = [([0, 50, 99, 100], 3), ([0, 200, 201], 2), ([0, 1, 2, 3, 4, 5], 4), ([0, 1, 2], None), ([500, 0, 1], 2)]
    for times, closes in cases:
        assert OpenWindow().closes_at(np.array(times, dtype=np.int64), config) == closes, times
        window = OpenWindow()
        window.take(np.array(times[:1], dtype=np.int64), np.array([9]), ["paired"], ["1"])
        rest = window.closes_at(np.array(times[1:], dtype=np.int64), config)
        assert (None if rest is None else rest + 1) == closes, times


@pytest.mark.parametrize("cut", [1, 7, 512])
def test_positions_of_every_window_that_the_scan_may_name(cut: int) -> None:
    positions, n = Positions(), 20_000
    for begin in range(0, n, cut):
        number = np.arange(begin, min(n, begin + cut), dtype=np.int64)
        positions.take(begin, 3 * number, 5 * number)
    for row in range(n - 512, n + 1):
        for level in range(14):
            width, grid = 2**level, max(1, 2**level // 16)
            if row % grid == 0 and row + grid > n:  # the newest grid point
                assert positions.of(row - width, width) == (3 * (row - width), 5 * (row - width))
