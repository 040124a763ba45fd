"""The law of detection: what is said is a function of the log, not of how it was cut, nor of whether a worker restarted."""

import random

import pytest

from app.domain.detection.drift_config import DriftConfig
from app.folds.fold import at_once
from tests.detectors.stream import QUICK, Entry, Outbox, entries, feed, fold, mixed, pair, run_of

_CHANGE = 6_000


@pytest.fixture(scope="module")
def log() -> list[Entry]:
    """Across a multiple of 8,192 rows, an alarm and what follows it, births, gaps, two legacy versions; offsets have holes."""
    return entries(mixed(1, 9_000, drift_at=_CHANGE), first=5, step=2)


@pytest.fixture(scope="module")
def whole(log: list[Entry]) -> tuple[Outbox, bytes]:
    made = fold()
    return feed(made, log), made.snapshot()


def test_the_log_holds_what_the_law_is_about(log: list[Entry], whole: tuple[Outbox, bytes]) -> None:
    drifts = [one for one in whole[0] if one.body["detector"]["state"] == "drift"]
    first = drifts[0]
    assert first.key == b"credit|1|feature/income|"
    assert first.body["offsets"][0]["end"] == 5 + 2 * 6_029 + 1
    assert first.body["statistics"]["change"]["offset"] == 5 + 2 * 5_998
    assert {one.key for one in drifts} == {first.key}
    assert any(one.key == b"credit|1.1|latency|" for one in whole[0]), "the canary has signals of its own"


@pytest.mark.parametrize(("seed", "cuts"), [(1, 3), (2, 40), (3, 700)])
def test_random_cuts_say_the_same(log: list[Entry], whole: tuple[Outbox, bytes], seed: int, cuts: int) -> None:
    rng = random.Random(seed)
    made = fold()
    out = feed(made, log, [rng.randrange(1, len(log)) for _ in range(cuts)])

    assert out == whole[0]
    assert made.snapshot() == whole[1]


def test_a_panel_that_sees_one_pair_at_a_time_says_the_same(log: list[Entry]) -> None:
    """Past the holding of the fold: pairs go one by one around the warm-up's end, and around an alarm."""
    part = [one._replace(timestamp=10_000 * one.offset) for one in log]  # each has waited too long for company
    few = [*range(970, 1_030), *range(_CHANGE - 20, _CHANGE + 150)]

    assert feed(fold(), part, few) == feed(fold(), part)


@pytest.mark.parametrize("at", [1, 999, 1_001, 4_096, _CHANGE + 20, 8_192, 8_999])
def test_a_snapshot_goes_on_as_if_nothing_had_been(log: list[Entry], whole: tuple[Outbox, bytes], at: int) -> None:
    first = fold()
    before = Outbox()
    at_once(first.feed(0, run_of(log[:at]), before))
    second = fold(snapshot=first.snapshot(), saved=first.save())
    second.rebuilt()

    assert before + feed(second, log[at:]) == whole[0]
    assert second.snapshot() == whole[1]


def test_another_configuration_is_another_digest(log: list[Entry], whole: tuple[Outbox, bytes]) -> None:
    other = feed(fold(DriftConfig(warm_up=1_000, least_effect=0.1)), log[:2_000])

    assert whole[0][0].body["configuration"] == QUICK.digest
    assert other[0].body["configuration"] not in {QUICK.digest, ""}


def test_models_do_not_touch_each_other(log: list[Entry], whole: tuple[Outbox, bytes]) -> None:
    others = entries([pair(i, model="other", features={"x": float(i)}) for i in range(9_000)], first=6, step=2)
    both = [one for two in zip(log, others, strict=True) for one in two]
    out = feed(fold(), both, range(0, len(both), 777))

    assert [one for one in out if one.body["model"] == "credit"] == whole[0]
