"""What a restart with other settings gives up is told once more, so that whoever was alarmed knows that it is over."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.detection.baseline import Baseline
from app.domain.detection.drift_config import DriftConfig
from app.folds.fold import Silent, at_once
from tests.detectors.stream import QUICK, START_MS, Entry, Outbox, entries, feed, fold, pair, run_of
from tests.detectors.test_baselines import made_of

COUNT, CHANGE, SNAPSHOT, RESTART = 6_000, 3_000, 4_000, 4_300
WATCHING = replace(QUICK, window_events_most=200, segments=("channel",))
IGNORING = replace(WATCHING, ignored_features=("income",))


@pytest.fixture(scope="module")
def log() -> list[Entry]:
    """Two channels; from ``CHANGE`` on income is two standard deviations higher, and comes as a text now and again."""
    rng = np.random.default_rng(1)
    incomes, ages = rng.normal(size=COUNT), rng.normal(size=COUNT)
    incomes[CHANGE:] += 2
    return entries(
        pair(at, features={"income": "much" if at > CHANGE and at % 20 == 3 else income, "age": age},
             segments={"channel": "app" if at % 3 else "web"})
        for at, (income, age) in enumerate(zip(incomes.tolist(), ages.tolist(), strict=True))
    )  # fmt: skip


def restarted(
    log: list[Entry], settings: tuple[DriftConfig, DriftConfig], baselines: tuple[Baseline | None, Baseline | None], snapshot: int
) -> tuple[Outbox, Outbox]:
    """What was said before and after a restart with other settings, the last snapshot of before it being so old."""
    before, out = fold(settings[0], baseline=baselines[0]), Outbox()
    out.extend(feed(before, log[:snapshot]))
    saved, between = before.snapshot(), log[snapshot:RESTART]
    out.extend(feed(before, between) if between else [])
    after = fold(settings[1], saved, before.save(), baselines[1])
    if between:
        at_once(after.feed(0, run_of(between), Silent()))
    after.rebuilt()
    return out, feed(after, log[RESTART:])


def newest(out: Outbox) -> dict[str, str]:
    """By key the newest state."""
    return {(one.key or b"").decode(): one.body["detector"]["state"] for one in out}


def ended(out: Outbox) -> dict[str, str]:
    """By key the reason why it ended; each must have been the last word."""
    reasons: dict[str, str] = {}
    for one in out:
        key = (one.key or b"").decode()
        assert key not in reasons, "said behind the last word"
        if "ended" in one.body["statistics"]:
            assert one.body["detector"]["state"] == "quiet"
            reasons[key] = one.body["statistics"]["ended"]["reason"]
    return reasons


@pytest.mark.parametrize("snapshot", [RESTART, SNAPSHOT])
@pytest.mark.parametrize("which", [(0, 0), (None, 0), (0, None), (0, 1)])
def test_a_feature_that_is_ignored_when_the_baseline_changes_is_ended(
    log: list[Entry], which: tuple[int | None, int | None], snapshot: int
) -> None:
    baselines = [Baseline.decode(made_of(log[:count], WATCHING)) for count in (2_500, 2_400)]
    before, after = (None if at is None else baselines[at] for at in which)
    first, rest = restarted(log, (WATCHING, IGNORING), (before, after), snapshot)
    keys = [f"credit|1|feature/income|{part}" for part in ("", "channel=app", "channel=web")]

    assert {newest(first)[key] for key in keys} == {"drift"}
    assert {key: reason for key, reason in ended(rest).items() if "feature/income" in key} == dict.fromkeys(keys, "ignored")
    assert sorted(key for key in newest(rest) if "feature/income" in key) == keys


@pytest.mark.parametrize("snapshot", [RESTART, SNAPSHOT, 2_900])
def test_the_parts_of_a_segment_that_is_no_longer_named_are_ended(log: list[Entry], snapshot: int) -> None:
    first, rest = restarted(log, (WATCHING, replace(WATCHING, segments=("region",))), (None, None), snapshot)
    gone = {key for key, state in newest(first).items() if "channel=" in key and state == "drift"}

    assert gone >= {f"credit|1|{signal}|channel={value}" for signal in ("feature/income", "schema") for value in ("app", "web")}
    assert gone <= set(ended(rest))
    assert set(ended(rest).values()) == {"segment"}
    assert [key for key in newest(rest) if "channel=" in key and key not in ended(rest)] == []


def test_the_volume_is_ended_where_its_intervals_become_others() -> None:
    config = DriftConfig(warm_up=1_000, volume_interval_ms=1_000, volume_warm_up=1_000, volume_lateness_ms=0)
    rng = np.random.default_rng(2)
    times = np.cumsum(np.concatenate([rng.exponential(500, 3_000), rng.exponential(100, 3_000)])).astype(int)
    log = entries(pair(at, timestamp=START_MS + time_ms) for at, time_ms in enumerate(times.tolist()))
    first, rest = restarted(log, (config, replace(config, volume_interval_ms=2_000)), (None, None), SNAPSHOT)
    of_volume = [one.body for one in rest if one.body["signal"]["kind"] == "volume"]

    assert newest(first)["credit||volume|"] == "drift"
    assert [one["statistics"].get("ended") for one in of_volume[:2]] == [{"reason": "interval", "successor": None}, None]
    assert {one["detector"]["state"] for one in of_volume[1:]} == {"warming"}
