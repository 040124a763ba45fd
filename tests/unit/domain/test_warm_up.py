"""Warm-ups that span more than they can keep."""

import numpy as np
import pytest

from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.missing_warm_up import MissingWarmUp
from app.domain.detection.signals import Value, WarmUp
from app.domain.detection.state_codec import decode_state, encode_state

COUNT, MOST, STRETCH = 350_000, 100_000, 512
CONFIG = DriftConfig(warm_up=1_000, warm_up_ms=COUNT - 1)


def fed(cuts: list[int]) -> WarmUp:
    """A warm-up with a value a millisecond, every seventh null, cut at these places."""
    values: list[Value] = [None if at % 7 == 3 else float(at) for at in range(COUNT)]
    digests, times = np.arange(COUNT, dtype=np.uint32), np.arange(COUNT, dtype=np.int64)
    warm_up = WarmUp(0)
    for begin, end in zip([0, *cuts], [*cuts, COUNT], strict=True):
        warm_up.take(values[begin:end], digests[begin:end], times[begin:end])
    return warm_up


@pytest.fixture(scope="module")
def whole() -> WarmUp:
    return fed([])


def test_a_part_is_kept_that_spans_it_all_in_stretches_of_neighbours(whole: WarmUp) -> None:
    assert whole.seen == COUNT - COUNT // 7
    assert len(whole.values) > MOST // 2
    assert len(whole.values) == len(whole.digests) == len(whole.times) <= MOST
    numbers = np.array([at - (at + 3) // 7 for at in whole.times])  # how many values came before
    assert set((numbers // STRETCH % whole.thinning).tolist()) == {0}
    assert numbers.max() >= COUNT - COUNT // 7 - 4 * STRETCH
    assert whole.values == [float(at) for at in whole.times]


@pytest.mark.parametrize("seed", [1, 2])
def test_how_it_was_cut_does_not_matter(whole: WarmUp, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cut = fed(sorted({*rng.integers(1, COUNT, 300).tolist(), 116_666, 116_667, 116_668}))
    assert (cut.values, cut.digests, cut.times) == (whole.values, whole.digests, whole.times)
    assert (cut.seen, cut.thinning) == (whole.seen, whole.thinning)


def test_it_is_over_once_it_has_spanned_the_time_however_many_there_were(whole: WarmUp) -> None:
    before = fed([])
    before.last_ms -= 1
    assert whole.is_over(CONFIG)
    assert not before.is_over(CONFIG)
    assert before.ends_after([1.0], np.array([COUNT], dtype=np.int64), CONFIG) == 1


def test_it_goes_on_from_what_was_saved(whole: WarmUp) -> None:
    half = COUNT // 2
    values: list[Value] = [None if at % 7 == 3 else float(at) for at in range(COUNT)]
    digests, times = np.arange(COUNT, dtype=np.uint32), np.arange(COUNT, dtype=np.int64)
    first = WarmUp(0)
    first.take(values[:half], digests[:half], times[:half])
    second = WarmUp.load(first.dump())
    second.take(values[half:], digests[half:], times[half:])
    assert (second.values, second.seen, second.thinning) == (whole.values, whole.seen, whole.thinning)


@pytest.mark.parametrize(("first", "second"), [(150_000, 50_000), (50_000, 150_000), (90_000, 90_000), (60_000, 30_000)])
def test_two_that_are_joined_have_the_shares_of_what_they_saw(first: int, second: int) -> None:
    """As for a model whose pairs lie on two partitions: neither counts more for having been thinned less."""
    parts = []
    for begin, count in ((0, first), (1_000_000, second)):
        part, at = WarmUp(begin), np.arange(begin, begin + count)
        part.take(at.astype(np.float64).tolist(), at.astype(np.uint32), at.astype(np.int64))
        parts.append(part)
    whole, kept = WarmUp(7), [part.dump()["values"].copy() for part in parts]
    for part in parts:
        whole.join(part)
    behind = sum(time >= 1_000_000 for time in whole.times)

    assert (whole.seen, whole.first_ms, whole.last_ms) == (first + second, 0, 1_000_000 + second - 1)
    assert MOST // 2 - STRETCH < len(whole.values) == len(whole.times) == len(whole.digests) <= MOST
    assert behind / len(whole.values) == pytest.approx(second / (first + second), abs=0.01)
    assert whole.times == sorted(whole.times)
    assert [part.values for part in parts] == kept


def test_what_a_missing_share_keeps_is_bounded_and_settled_by_the_type_that_it_is_told() -> None:
    held: list[Value] = [(1.0, 1.0, "N/A", None)[at % 4] for at in range(COUNT)]
    digests, times = np.arange(COUNT, dtype=np.uint32), np.arange(COUNT, dtype=np.int64)
    half = COUNT // 2
    first = MissingWarmUp(0)
    first.take(held[:half], digests[:half], times[:half])
    second = MissingWarmUp.load(decode_state(encode_state(first.dump())))
    second.take(held[half:], digests[half:], times[half:])

    assert MOST // 2 <= len(second.values) <= MOST
    assert second.seen == COUNT
    assert not second.is_over(CONFIG)
    assert second.ends_after([1.0], np.array([COUNT], dtype=np.int64), CONFIG) is None
    second.know(str)
    assert second.is_over(CONFIG)
    assert second.settled().values == [at % 4 != 2 for at in second.times]
