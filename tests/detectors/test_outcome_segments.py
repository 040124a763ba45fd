"""Outcomes by parts of the traffic: errors and figures of the requests that agree in a segment."""

import random
import time
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest

from app.domain.detection.awaited_pairs import Awaiting, Given, Label
from app.domain.detection.segments import SegmentedOutcomes
from app.domain.detection.statistics_records import Source
from tests.detectors.outcome_logs import CONFIG, PAIRS, PLACED, Worker, by_key, live, outcome
from tests.detectors.stream import START_MS, Entry, Sent, entries, pair

SEGMENTS = replace(CONFIG, segments=("channel",), segment_values=2)


def traffic_in_parts(seed: int) -> tuple[list[Entry], dict[int, list[Entry]]]:
    """A quarter is the app's, where the live model's errors triple and requests are worth less; some have no channel."""
    rng = np.random.default_rng(seed)
    pairs, outcomes = [], dict[int, list[Entry]]()
    for i in range(8_000):
        channel = str(rng.choice(["web", "app", "shop", ""], p=[0.6, 0.25, 0.1, 0.05]))
        moved = channel == "app" and i >= 5_000
        truth, wrong = bool(rng.random() < 0.5), rng.random() < (0.3 if moved else 0.1)
        legacy = {"version": "1", "prediction": truth != wrong, "timestamp": START_MS}
        pairs.append(pair(i, legacy=legacy, segments={"channel": channel, "note": str(i)} if channel else {}))
        due = i + int(rng.integers(0, 300))
        worth = float(rng.normal(loc=-1.0 if moved else 0.0))
        outcomes.setdefault(due, []).append(outcome(i, truth, START_MS + 10 * due, value=worth))
    return entries(pairs), outcomes


def channel_of(said: Sent) -> str:
    """Empty for the whole."""
    channel: str = (said.body["segment"] or {}).get("channel", "")
    return channel


@pytest.fixture(scope="module")
def in_parts() -> Worker:
    """A live worker that watches two values of a segment, and the logs that it left."""
    return live(*traffic_in_parts(5), SEGMENTS, seed=5)


def test_a_drop_of_quality_in_a_part_of_the_traffic_is_found_there(in_parts: Worker) -> None:
    said = [one for one in in_parts.said if one.body["signal"]["kind"] in {"error", "kpi"}]
    first: dict[tuple[str, str], int] = {}
    for one in said:
        if one.body["detector"]["state"] == "drift":
            first.setdefault((one.body["signal"]["kind"], channel_of(one)), one.body["offsets"][0]["end"])

    assert {channel_of(one) for one in said} == {"", "web", "app"}
    assert {place for place in first if place[1]} == {("error", "app"), ("kpi", "app")}
    assert 5_000 < first["error", "app"] < 6_000
    assert first["error", "app"] < first.get(("error", ""), 8_000), "the whole is moved by a quarter of it"
    assert {one.key for one in said if channel_of(one) == "app"} == {
        b"credit|1|error|channel=app", b"credit||kpi/value|channel=app",
    }  # fmt: skip


def test_the_whole_s_outcomes_are_judged_as_without_segments(in_parts: Worker) -> None:
    without = live(*traffic_in_parts(5), CONFIG, seed=5)
    one, other = (
        [each.body | {"configuration": ""} for each in worker.said if each.body["signal"]["kind"] in {"error", "kpi"}]
        for worker in (in_parts, without)
    )
    assert [each for each in one if each["segment"] is None] == other


@pytest.mark.parametrize("seed", range(4))
def test_parts_tell_one_story_however_the_logs_are_read_and_whoever_dies(in_parts: Worker, seed: int) -> None:
    died = live(*traffic_in_parts(6), SEGMENTS, seed=seed, deaths=8)
    for left in (in_parts, died):
        again = Worker(SEGMENTS, {side: list(log) for side, log in left.logs.items()})
        again.fold.rebuilt()
        again.read_all(random.Random(seed))
        again.look_at_the_rest()
        again.commit(snapshot=False)
        assert by_key(again.said) == by_key(left.said)
        assert again.fold.snapshot() == left.fold.snapshot()


def test_pairs_wait_through_a_change_of_the_segments_that_are_watched() -> None:
    """1. Pairs wait that were read without segments; 2. the setting comes, and pairs that have them; 3. outcomes of all come."""
    pairs, outcomes = traffic_in_parts(7)
    waiting = Worker(CONFIG, {PAIRS: pairs[:300], PLACED: []})
    waiting.fold.rebuilt()
    waiting.read_all(random.Random(1))
    waiting.look_at_the_rest()
    waiting.commit(snapshot=True)
    waiting.config = SEGMENTS
    waiting.die(random.Random(1))
    for end in range(400, 8_001, 100):
        placed, due = waiting.logs[PLACED], range(0 if end == 400 else end - 100, end)
        waiting.logs[PAIRS] += pairs[end - 100 : end]
        placed += [one._replace(offset=len(placed) + at) for at, one in enumerate(chain(*(outcomes.get(at, []) for at in due)))]
        waiting.read_all(random.Random(end))
        waiting.look_at_the_rest()
        waiting.commit(snapshot=False)

    assert waiting.fold.figures()["pairs_labelled"] > 6_000
    assert {channel_of(one) for one in waiting.said if one.body["signal"]["kind"] == "error"} == {"", "web", "app"}


def test_a_segment_with_a_value_for_each_pair_holds_nobody_up() -> None:
    """What a long reading settles at once is looked at in steps, however many values are refused."""
    count, label = 20_000, Label(True, None, {})
    pairs = [
        Awaiting(f"r-{at}", at, START_MS + at, at, "solo", Given("1", True), [], {"channel": f"user-{at}"}, 0, label)
        for at in range(count)
    ]
    watch = SegmentedOutcomes(Source("credit", "x.pairs", 3, ""), SEGMENTS)
    moments = [time.perf_counter()]
    moments += [time.perf_counter() for _ in watch.feed(pairs)]
    moments.append(time.perf_counter())

    assert watch.refused == count - 2
    assert max(np.diff(moments)) < 0.5, "nine seconds, where each refused value looks at all pairs"
