"""Pairs and outcomes of one model: who meets whom, when a pair is settled, and what the bounds do."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest

from app.domain.detection.awaited_pairs import AwaitedPairs, Awaiting, Given, Label
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.labelling import BEFORE_FIRST, COUNTS, ModelLabelling
from app.domain.detection.outcome_rows import error_of, error_rows
from app.domain.detection.outcome_watch import OutcomeWatch
from app.domain.detection.pair_columns import PairColumns
from app.domain.detection.pair_records import Half, PairRecord
from app.domain.detection.placed_outcomes import PlacedOutcome
from app.domain.detection.state_codec import decode_state, encode_state
from app.domain.detection.statistics_records import Source
from app.folds.fold import at_once
from schemas.prediction import Outcome
from schemas.statistics import Signal

START_MS = 1_790_000_000_000
DELAY_MS = 10_000
CONFIG = DriftConfig(warm_up=1_000, label_delay_ms=DELAY_MS, label_pairs=1_000, versions=2)


def pairs(numbers: Iterable[int], version: str = "1", days: int = 0) -> AwaitedPairs:
    """A pair a second, of a clock that is so many days ahead."""
    columns = PairColumns()
    for number in numbers:
        half = Half(version, number % 2 == 0)
        time_ms = START_MS + 1_000 * number + 86_400_000 * days
        record = PairRecord(f"r-{number}", "m", time_ms, "paired", half, [Half("s", True)], {})
        columns.take([number], [record], None)
    return AwaitedPairs.of(columns)


def outcome(number: int, at: int, label: Any = True, *, correction: bool = False, source: int = 0) -> PlacedOutcome:
    """What became of a pair, known ``at`` this second."""
    said = Outcome(request_id=f"r-{number}", model="m", timestamp=START_MS + 1_000 * at, label=label, correction=correction)
    return PlacedOutcome(source, said)


class Model:
    """A labelling, and what it has settled."""

    def __init__(self, config: DriftConfig = CONFIG) -> None:
        self.config, self.counts = config, dict.fromkeys(COUNTS, 0)
        self.labelling = ModelLabelling(config, self.counts)
        self.settled: list[Awaiting] = []

    def hear(self, *said: AwaitedPairs | PlacedOutcome) -> Model:
        for one in said:
            took = self.labelling.take_outcome if isinstance(one, PlacedOutcome) else self.labelling.take_pairs
            self.settled += took(one)  # type: ignore[operator]  # either of the two
        return self

    def labels(self) -> dict[str, Any]:
        return {pair.request_id: None if pair.label is None else pair.label.label for pair in self.settled}

    def move_on(self, at: int) -> Model:
        """Sixteen outcomes of other requests say that it is so late."""
        return self.hear(*(outcome(900_000 + at * 100 + i, at) for i in range(16)))


CASES: dict[str, tuple[list[AwaitedPairs | PlacedOutcome], dict[str, Any]]] = {
    "in time": ([pairs([0]), outcome(0, 5, "yes")], {"r-0": "yes"}),
    "before its pair": ([outcome(0, 1, "yes"), pairs([0])], {"r-0": "yes"}),
    "never": ([pairs([0])], {"r-0": None}),
    "twice: the first counts": ([pairs([0]), outcome(0, 2, 1.0), outcome(0, 3, 2.0)], {"r-0": 1.0}),
    "corrected": ([pairs([0]), outcome(0, 2, 1.0), outcome(0, 3, 2.0, correction=True)], {"r-0": 2.0}),
    "corrected before its pair": ([outcome(0, 2, 1.0), outcome(0, 3, 2.0, correction=True), pairs([0])], {"r-0": 2.0}),
    "the correction comes first": ([pairs([0]), outcome(0, 2, 2.0, correction=True), outcome(0, 3, 1.0)], {"r-0": 2.0}),
    "in the order of the pairs": ([pairs([0, 1]), outcome(1, 2, "b"), outcome(0, 5, "a")], {"r-0": "a", "r-1": "b"}),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_pair_is_settled_with(case: str) -> None:
    said, wanted = CASES[case]
    model = Model().hear(*said)
    assert model.settled == [], "nothing is settled before its time"
    model.move_on(30)

    assert list(model.labels().items()) == list(wanted.items())


def test_a_pair_is_settled_when_outcomes_have_moved_on_by_the_delay_and_no_sooner() -> None:
    model = Model().hear(pairs(range(20))).move_on(9)
    assert model.labels() == {}
    model.move_on(13)
    assert list(model.labels()) == ["r-0", "r-1", "r-2", "r-3"], "the first four have the moment of the fourth"
    for at in range(4, 20):
        model.move_on(at + DELAY_MS // 1_000)
        assert list(model.labels())[-1] == f"r-{at}"


def test_an_outcome_that_comes_after_its_pair_was_settled_changes_nothing() -> None:
    model = Model().hear(pairs(range(5))).move_on(30).hear(outcome(0, 30, False, correction=True))
    assert model.labels() == dict.fromkeys([f"r-{number}" for number in range(5)])
    assert (model.counts["pairs_unlabelled"], model.counts["pairs_labelled"]) == (5, 0)


@pytest.mark.parametrize("ahead", [{0}, {2}, {0, 1, 2}, {50}, set(range(50, 62)), {99}], ids=str)
def test_pairs_whose_clock_is_a_day_ahead_hold_nothing_up(ahead: set[int]) -> None:
    model = Model().hear(outcome(-1, 0))
    for number in range(200):
        model.hear(pairs([number], days=int(number in ahead)), outcome(number, number + 5))

    assert len(model.settled) == 200 - 12 + 5 - DELAY_MS // 1_000
    assert set(model.labels().values()) == {True}


def test_of_the_latest_pairs_one_that_is_ahead_holds_the_others_up_until_twelve_more_have_come() -> None:
    model = Model().hear(pairs(range(20)), pairs([20], days=1)).move_on(100)
    assert len(model.settled) == 20
    model.hear(pairs(range(21, 32)))
    assert len(model.settled) == 20
    model.hear(pairs([32]))
    assert [pair.offset for pair in model.settled[20:]] == list(range(20, 33))


@pytest.mark.parametrize("start", [0, 60], ids=["at once", "later"])
def test_a_batch_of_outcomes_whose_clock_is_a_day_ahead_settles_nothing(start: int) -> None:
    model = Model()
    for number in range(200):
        model.hear(pairs([number]), outcome(number, number + (86_400 if start <= number < start + 12 else 5)))

    assert len(model.settled) == 200 - 12 + 5 - DELAY_MS // 1_000
    assert set(model.labels().values()) == {True}


def test_a_partition_that_is_read_late_is_waited_for() -> None:
    """1. Two partitions have outcomes; 2. a minute of one is placed before the other goes on; 3. its outcomes are not late."""
    model = Model().hear(pairs(range(100)), *(outcome(number, number + 1, source=number % 2) for number in range(40)))
    begun = len(model.settled)
    model.hear(*(outcome(number, number + 1, source=0) for number in range(40, 100, 2)))
    assert len(model.settled) == begun == 10, "the other partition has come to second 16 only"
    model.hear(*(outcome(number, number + 1, source=1) for number in range(41, 100, 2)))
    assert set(model.labels().values()) == {True}
    assert len(model.settled) > 60


@pytest.mark.parametrize("stray", [1, 4, 15])
def test_a_few_outcomes_of_a_partition_that_sends_no_more_hold_nothing_up(stray: int) -> None:
    model = Model().hear(pairs(range(200)), *(outcome(number, number, source=0) for number in range(100)))
    model.hear(*(outcome(900_000 + number, 50, source=99) for number in range(stray)))
    model.hear(*(outcome(number, number, source=0) for number in range(100, 200)))
    assert len(model.settled) == 200 - 12 - DELAY_MS // 1_000


def test_before_its_first_outcome_a_model_keeps_its_newest_pairs_however_they_came() -> None:
    whole = Model().hear(pairs(range(7_000)))
    parts = Model().hear(*(pairs(range(at, at + 70)) for at in range(0, 7_000, 70)))
    for model in (whole, parts):
        assert model.labelling.waiting == 0
        model.hear(outcome(6_999, 7_000))
    assert encode_state(whole.labelling.dump()) == encode_state(parts.labelling.dump())
    assert whole.labelling.waiting + whole.counts["pairs_not_awaited"] == 7_000
    assert all(pair.offset >= 7_000 - BEFORE_FIRST for pair in whole.labelling.dump()["queue"])


def test_more_pairs_than_there_is_room_for_are_thinned_evenly_and_no_outcome_of_the_others_is_kept() -> None:
    model = Model().hear(outcome(-1, 0))
    for number in range(20_000):
        model.hear(pairs([number]))
        assert model.labelling.waiting <= CONFIG.label_pairs
    for number in range(20_000):
        model.hear(outcome(number, 0, number))
    model.move_on(10**6)

    labels = model.labels()
    assert 250 < len(labels) <= 1_000
    assert all(label == int(name.removeprefix("r-")) for name, label in labels.items()), "each with its own outcome"
    assert model.counts["pairs_not_awaited"] + len(labels) == 20_000
    kept = [int(name.removeprefix("r-")) for name in labels]
    assert sum(number < 10_000 for number in kept) / len(kept) == pytest.approx(0.5, abs=0.12)


def test_thinning_is_taken_back_when_there_is_room_again() -> None:
    model = Model().hear(outcome(-1, 0), pairs(range(5_000))).move_on(10**6)
    before = model.counts["pairs_not_awaited"]
    model.hear(pairs(range(10**6, 10**6 + 100)))
    assert model.counts["pairs_not_awaited"] == before > 3_000


def test_outcomes_of_no_pair_are_let_go_the_oldest_first() -> None:
    model = Model().hear(*(outcome(number, 0) for number in range(1_500)), pairs([0, 1_499])).move_on(1_600)
    assert model.labels() == {"r-0": None, "r-1499": True}
    assert model.counts["outcomes_unmatched"] >= 500


def test_a_request_id_that_comes_again_while_the_first_waits_is_not_awaited() -> None:
    model = Model().hear(outcome(-1, 0), pairs([0]), pairs([0])).move_on(30)
    assert len(model.settled) == 1
    assert model.counts["pairs_not_awaited"] == 1


def test_the_state_is_restored_bit_for_bit_wherever_it_is_cut() -> None:
    rng = random.Random(5)
    said: list[AwaitedPairs | PlacedOutcome] = []
    for number in range(3_000):
        said.append(pairs([number], days=int(rng.random() < 0.1)))
        if rng.random() < 0.8:
            late = max(0, number - rng.randrange(12))
            said.append(outcome(late, number, rng.choice([True, 0.5, "x"]), correction=rng.random() < 0.1, source=number % 4))
    whole, cut = Model(), Model()
    for one in said:
        whole.hear(one)
        cut.hear(one)
        if rng.random() < 0.01:
            state = decode_state(encode_state(cut.labelling.dump()))
            cut.labelling = ModelLabelling.load(state, CONFIG, cut.counts)
    assert cut.settled == whole.settled
    assert encode_state(cut.labelling.dump()) == encode_state(whole.labelling.dump())
    assert cut.counts == whole.counts
    assert whole.counts["pairs_labelled"] > 1_000


@pytest.mark.parametrize(
    ("prediction", "label", "error"),
    [
        ("DE", "DE", False),
        ("DE", "FR", True),
        ("true", True, False),
        ("yes", True, None),
        ("1", 1.0, None),
        (True, False, True),
        (True, 1.0, False),
        (False, 1.0, True),
        (True, 0.5, None),
        (True, "true", None),
        (0.25, 1.0, 0.75),
        (3.0, 1.0, 2.0),
        (0.25, False, 0.25),
        (0.25, "no", None),
        ({"no": 0.4, "yes": 0.6}, "yes", False),
        ({"no": 0.5, "yes": 0.5}, "yes", True),
        ({"true": 0.9, "false": 0.1}, True, False),
        ({"true": 0.9, "false": 0.1}, 1.0, None),
        ({}, "yes", None),
        (-1.7e308, 1.7e308, None),
        (-0.8e308, 0.8e308, 1.6e308),
    ],
)
def test_how_wrong_an_answer_is(prediction: Any, label: Any, error: bool | float | None) -> None:
    found = error_of(prediction, label)
    assert (found, type(found)) == (error, type(error))


def test_what_is_too_far_apart_for_a_number_is_no_error_and_no_difference() -> None:
    far, near = Given("1", -1.7e308), Given("s", 1.6e308)
    label = Label(1.7e308, None, {})
    pair = Awaiting("r", 0, START_MS, 0, "paired", far, [near], {})
    columns = error_rows([(pair, label)], [near], [1], shadow=True).columns
    assert columns[Signal("error")] == [1.7e308 - 1.6e308]
    assert columns[Signal("error", "difference")] == [None]
    assert error_rows([(pair, label)], [far], [1], shadow=False).columns == {Signal("error"): [None]}


def settled(number: int, version: str) -> Awaiting:
    model = Model().hear(pairs([number], version), outcome(number, number, True)).move_on(10**6)
    return model.settled[0]


def test_versions_beyond_the_bound_are_counted_and_those_that_are_gone_make_room() -> None:
    watch = OutcomeWatch(Source("m", "pairs", 0, "sha256:0"), CONFIG)
    known = {version: settled(0, version) for version in "abc"}

    def feed(version: str, count: int) -> None:
        at_once(watch.feed([known[version]] * count))

    feed("a", 10)
    feed("b", 10)
    feed("c", 10)
    assert {version for role, version in watch.errors if role == "legacy"} == {"a", "b"}
    assert watch.refusals == 10
    feed("b", 20_980)
    assert {version for role, version in watch.errors if role == "legacy"} == {"b"}
    feed("c", 10)
    assert ("legacy", "c") in watch.errors
