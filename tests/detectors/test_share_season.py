"""Shares that have a day: how often a class comes by the hour."""

from typing import Any

import numpy as np
import pytest

from app.domain.detection.blocks import Rows
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.frozen import Frozen, FrozenShares
from app.domain.detection.panel import Panel
from app.domain.detection.signals import WarmUp
from app.domain.detection.state_codec import decode_state, encode_state
from app.domain.detection.statistics_records import Emission, Source
from schemas.statistics import Signal

DAY, WARM_UP, PAIRS, CHANGE = 1_000, 5_000, 12_000, 9_000
CONFIG = DriftConfig(warm_up=WARM_UP, values_between_false_alarms=1e6)
SOURCE = Source("m", "pairs", 0, "sha256:")
FLAG, LETTER = Signal("feature", "flag"), Signal("feature", "letter")


def columns(factor: float = 1.0) -> dict[Signal, list[Any]]:
    """A boolean that is true in 5 to 25 % of the rows, by the hour, from the change on ``factor`` times as often; letters too."""
    rng, number = np.random.default_rng(5), np.arange(PAIRS)
    wave = np.sin(2 * np.pi * number / DAY)
    share = (0.15 + 0.1 * wave) * np.where(number >= CHANGE, factor, 1.0)
    flags = [bool(one) for one in rng.random(PAIRS) < share]
    night = rng.random(PAIRS) < 0.5 - 0.3 * wave
    letters = np.where(night, "n", rng.choice(["a", "b"], PAIRS)).tolist()
    return {FLAG: [None if at % 50 == 7 else flag for at, flag in enumerate(flags)], LETTER: letters}


def rows_of(values: dict[Signal, list[Any]], begin: int, end: int) -> Rows:
    number = np.arange(begin, end)
    return Rows(
        offsets=number.astype(np.int64),
        times=1_790_000_000_000 + (number * 86_400_000 // DAY).astype(np.int64),
        digests=np.random.default_rng(3).integers(0, 2**32, PAIRS, dtype=np.uint32)[begin:end],
        statuses=["solo"] * len(number),
        versions=["1"] * len(number),
        columns={signal: column[begin:end] for signal, column in values.items()},
    )


def watched(factor: float = 1.0) -> list[Emission]:
    return Panel("legacy", "1", SOURCE, CONFIG).feed(rows_of(columns(factor), 0, PAIRS))


def drifts(said: list[Emission]) -> list[Emission]:
    return [one for one in said if one.statistics.detector.state == "drift"]


def test_a_day_is_no_drift_and_stands_in_the_statistics() -> None:
    said = watched()
    last = {one.statistics.signal: one.statistics.statistics for one in said}

    assert drifts(said) == []
    assert last[FLAG]["season"]["explained"] == pytest.approx(0.04, abs=0.02)
    assert last[LETTER]["season"]["explained"] == pytest.approx(0.18, abs=0.04)
    assert last[LETTER]["season"]["weekend"] is False
    assert last[Signal("missing", "flag")]["season"] is None


def test_a_change_is_found_whatever_the_hour_and_told_as_shares() -> None:
    first = drifts(watched(1.6))[0]
    evidence = first.statistics.statistics
    move = evidence["effect"]["moved_most"][0]

    assert first.statistics.signal == FLAG
    assert CHANGE < first.offset < CHANGE + 700
    assert evidence["direction"] == "share up"
    assert 0.05 < evidence["scan"]["difference"] < 0.2
    assert evidence["effect"]["unit"] == "Cohen's h"
    assert 0.1 < evidence["effect"]["size"] < 0.6
    flags = [
        flag
        for flag in columns(1.6)[FLAG][first.offset + 1 - evidence["change"]["events"] : first.offset + 1]
        if flag is not None
    ]
    assert move["share"] == pytest.approx(sum(flags) / len(flags))


def test_what_a_baseline_keeps_of_it_begins_as_the_warm_up_did() -> None:
    values, rows = columns()[LETTER][:WARM_UP], rows_of(columns(), 0, WARM_UP)
    warm_up = WarmUp(int(rows.times[0]))
    warm_up.take(values, rows.digests, rows.times)
    frozen = Frozen.of(warm_up, 1, 31, sided=False)
    again = Frozen.load(decode_state(encode_state(frozen.dump())))

    assert repr(again.dump()) == repr(frozen.dump())
    assert isinstance(again.stage, FrozenShares)
    assert again.stage.season is not None
    assert len(again.stage.seasonal_columns(1e6)) == len(again.stage.labels) == 4
    state = frozen.dump()
    with pytest.raises(ValueError, match="seasonal sums"):
        Frozen.load(state | {"seasonal": [np.zeros(2), *state["seasonal"][1:]]})


@pytest.mark.parametrize("seed", [1, 2])
def test_neither_cuts_nor_a_restart_change_what_is_said(seed: int) -> None:
    values, whole, panel = columns(1.6), Panel("legacy", "1", SOURCE, CONFIG), Panel("legacy", "1", SOURCE, CONFIG)
    expected = whole.feed(rows_of(values, 0, PAIRS))
    cuts = sorted({*np.random.default_rng(seed).integers(1, PAIRS, 60).tolist(), CHANGE + 3})
    said: list[Emission] = []
    for begin, end in zip([0, *cuts], [*cuts, PAIRS], strict=True):
        said += panel.feed(rows_of(values, begin, end))
        panel = Panel.load(panel.dump(), SOURCE, CONFIG)

    assert said == expected
    assert repr(panel.dump()) == repr(whole.dump())
