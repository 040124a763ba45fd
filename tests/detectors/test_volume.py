"""How many requests a model gets, as a signal."""

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from app.domain.detection.drift_config import DriftConfig
from tests.detectors.stream import START_MS, Entry, Outbox, entries, feed, fold, pair

CONFIG = DriftConfig(warm_up=1_000, volume_interval_ms=1_000, volume_warm_up=1_000, volume_lateness_ms=2_000)
SECONDS, CHANGE = 2_400, 1_600


def log_of(rates: list[float], seed: int = 3, ahead_ms: int = 0) -> list[Entry]:
    """Requests at these rates, second by second, mixed by up to a second; one in 20 with a clock that is ahead."""
    rng = np.random.default_rng(seed)
    times = [
        START_MS + 1_000 * second + int(rng.integers(1_000))
        for second, rate in enumerate(rates)
        for _ in range(rng.poisson(rate))
    ]
    order = np.argsort([at + int(rng.integers(1_000)) for at in times], kind="stable")
    wrong = rng.random(len(times)) < 0.05
    pairs = [pair(int(i), timestamp=times[i] + (ahead_ms if wrong[i] else 0)) for i in order.tolist()]
    return entries(pairs)


def volumes(out: Outbox) -> list[dict[str, Any]]:
    """The records of the volume."""
    return [one.body for one in out if one.body["signal"]["kind"] == "volume"]


def first_drift(out: Outbox) -> dict[str, Any]:
    """The first record that says drift."""
    return next(one for one in volumes(out) if one["detector"]["state"] == "drift")


def second_of(time_ms: int) -> float:
    return (time_ms - START_MS) / 1_000


def test_even_traffic_is_quiet_and_counted_to_the_last_request() -> None:
    log = log_of([5.0] * SECONDS)
    said = volumes(feed(fold(CONFIG), log))
    reference = next(one["statistics"]["reference"] for one in said if "reference" in one["statistics"])

    assert {one["detector"]["state"] for one in said} == {"warming", "quiet"}
    assert reference["values"] == 1_000
    assert reference["mean"] == pytest.approx(5.0, abs=0.3)
    windows = [one for one in said if one["statistics"].get("values") == 15]
    assert len(windows) > 80
    for one in windows:
        begin, end = one["window"]["start"], one["window"]["end"] + 1_000
        requests = sum(begin <= record["timestamp"] < end for record in map(_body, log))
        assert one["statistics"]["mean"] * one["statistics"]["values"] == pytest.approx(requests)


@pytest.mark.parametrize(("rate", "way"), [(0.0, "down"), (1.0, "down"), (20.0, "up")])
def test_fewer_and_more_requests_are_found_within_half_a_minute_of_seconds(rate: float, way: str) -> None:
    rates = [5.0] * CHANGE + [rate] * (SECONDS - CHANGE - 5) + [5.0] * 5
    first = first_drift(feed(fold(CONFIG), log_of(rates)))

    assert first["statistics"]["direction"] == f"location {way}"
    assert CHANGE <= second_of(first["window"]["end"]) < CHANGE + 30
    assert abs(second_of(first["statistics"]["change"]["timestamp"]) - CHANGE) <= 16


def test_a_producer_whose_clock_is_an_hour_ahead_makes_no_alarm() -> None:
    made = fold(CONFIG)
    said = volumes(feed(made, log_of([5.0] * SECONDS, ahead_ms=3_600_000)))

    assert {one["detector"]["state"] for one in said} == {"warming", "quiet"}


@pytest.mark.parametrize("ahead_ms", [23 * 3_600_000, -2 * 86_400_000])
def test_the_first_record_s_clock_is_not_believed(ahead_ms: int) -> None:
    log = [_body(one) for one in log_of([5.0] * 1_400)]
    log[0]["timestamp"] += ahead_ms
    said = volumes(feed(fold(CONFIG), entries(log)))
    reference = next(one["statistics"]["reference"] for one in said if "reference" in one["statistics"])

    assert {one["detector"]["state"] for one in said} == {"warming", "quiet"}
    assert reference["mean"] == pytest.approx(5.0, abs=0.3)


def test_a_gap_of_years_is_bounded() -> None:
    years = 5 * 366 * 86_400_000
    before, after = log_of([5.0] * 1_200), log_of([5.0] * 300, seed=4)
    later = [record | {"timestamp": record["timestamp"] + years} for record in map(_body, after)]
    said = volumes(feed(fold(CONFIG), entries([*map(_body, before), *later])))

    assert sum(one["window"]["events"] for one in said) < 4_000


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_neither_cuts_nor_a_restart_change_what_is_said(seed: int) -> None:
    log = log_of([5.0] * CHANGE + [15.0] * 60 + [0.0] * 30 + [5.0] * 60, ahead_ms=7_000)
    rng, whole = np.random.default_rng(seed), fold(CONFIG)
    expected = feed(whole, log)
    cut = int(rng.integers(len(log) // 2, len(log)))
    before, out = fold(CONFIG), Outbox()
    out.extend(feed(before, log[:cut], rng.integers(1, cut, 200).tolist()))
    again = fold(CONFIG, snapshot=before.snapshot(), saved=before.save())
    again.rebuilt()
    out.extend(feed(again, log[cut:], rng.integers(1, len(log) - cut + 1, 50).tolist()))

    assert out == expected
    assert again.snapshot() == whole.snapshot()


@pytest.mark.parametrize("interval_ms", [1_000, 2_000, 4_000])
def test_another_interval_begins_the_volume_anew(interval_ms: int) -> None:
    """The requests of seconds are no reference for those of other intervals, nor are the numbers of the seconds theirs."""
    log, config = log_of([5.0] * 12_000), replace(CONFIG, volume_interval_ms=2_000)
    cut = len(log) // 2
    before = fold(config)
    assert volumes(feed(before, log[:cut]))[-1]["detector"]["state"] == "quiet"
    again = fold(replace(config, volume_interval_ms=interval_ms), before.snapshot(), before.save())
    again.rebuilt()
    said = volumes(feed(again, log[cut:]))
    states = [one["detector"]["state"] for one in said]

    assert states[0] == ("quiet" if interval_ms == 2_000 else "warming")
    assert states[-1] == "quiet"
    assert set(states) <= {"warming", "quiet"}
    assert {one["window"]["start"] // 86_400_000 for one in said} == {START_MS // 86_400_000}


def _body(record: Entry) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.json.decode(record.value or b"")
    return body
