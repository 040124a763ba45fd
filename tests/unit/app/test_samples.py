"""What is kept of pairs that are read: those that differ most, classes as they met, nothing without a bound."""

import random
from typing import Any

import msgspec
import pytest

from app.samples import sample
from app.samples.sample import LABELS, OTHER, PAIRS_KEPT, PairSample, class_of


def record(at: int = 0, legacy: Any = 0.5, *shadows: tuple[str, Any, float | None, bool | None], **changes: Any) -> bytes:
    """One record of ``pairs``."""
    halves = [
        {"version": version, "prediction": answer, "timestamp": at, "difference": difference, "agrees": agrees}
        for version, answer, difference, agrees in shadows
    ]
    half = None if legacy is None else {"version": "1", "prediction": legacy, "timestamp": at}
    body = {"request_id": f"r{at}", "model": "m", "timestamp": at, "status": "paired", "legacy": half, "shadows": halves,
            "features": {"at": at}}  # fmt: skip
    return msgspec.json.encode(body | changes)


@pytest.mark.parametrize("count", [0, 1, PAIRS_KEPT, 3 * PAIRS_KEPT])
def test_those_that_differ_most_are_kept_whatever_their_order(count: int) -> None:
    rng, taken = random.Random(count), PairSample()
    differences = [round(rng.uniform(-1, 1), 1) for _ in range(count)]
    offsets = list(range(count))
    rng.shuffle(offsets)
    for at in offsets:
        taken.take(0, at, record(at, 0.5, ("s", 0.5 + differences[at], differences[at], differences[at] == 0)))
    wanted = sorted(((abs(each), at) for at, each in enumerate(differences) if each), reverse=True)[:PAIRS_KEPT]
    kept = taken.shadows["s"].pairs if count else []
    assert [(pair.disagreement, pair.offset) for pair in kept] == wanted
    assert taken.sampled == count
    if count:
        assert taken.shadows["s"].disagreeing == sum(each != 0 for each in differences)
        assert taken.shadows["s"].confusion() is None


def test_rare_classes_are_told_together() -> None:
    taken = PairSample()
    for at in range(1_000):
        label = f"c{at % (LABELS + 5)}"
        taken.take(0, at, record(at, label, ("s", label, None, True)))
    found = taken.shadows["s"].confusion()
    assert found is not None
    labels, counts = found
    assert len(labels) == LABELS + 1
    assert labels[-1] == OTHER
    assert sum(map(sum, counts)) == 1_000
    assert all(counts[i][j] == 0 for i in range(LABELS + 1) for j in range(LABELS + 1) if i != j)
    assert taken.shadows["s"].pairs == []


def test_everything_has_a_bound_and_what_is_over_it_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "_MEETINGS", 2)
    taken = PairSample()
    taken.take(0, 0, record(0, "a", *((f"s{at}", "b", None, False) for at in range(10))))
    assert (len(taken.shadows), taken.shadows_left_out) == (8, 2)
    for at, label in enumerate("abcd"):
        taken.take(0, at, record(at, label, ("s0", label, None, True)))
    assert taken.shadows["s0"].confusion() == (["(other)", "a", "b"], [[3, 0, 0], [0, 1, 1], [0, 0, 0]])
    for value in (None, b"", b"{", b"[" * 100_000, b'"' + b"x" * 2_000_000 + b'"', record(1, 0.5, status="else")):
        taken.take(0, 9, value)
    assert (taken.malformed, taken.sampled) == (6, 11)


def test_large_and_deep_features_are_left_out() -> None:
    taken = PairSample()
    for at, features in enumerate(({"x": "y" * 5_000}, {"x": [[[[[[[[[1]]]]]]]]]}, {"x": 1})):
        taken.take(0, at, record(at, 0.5, ("s", 0.1, -0.4, False), features=features))
    assert [pair.features for pair in taken.shadows["s"].pairs] == [{"x": 1}, None, None]


def test_what_cannot_be_compared_is_not_kept() -> None:
    taken = PairSample()
    taken.take(0, 1, record(1, None, ("s", 0.1, None, None), status="shadow_only"))
    taken.take(0, 2, record(2, 0.5, status="legacy_only"))
    assert (taken.shadows, dict(taken.by_status)) == ({}, {"shadow_only": 1, "legacy_only": 1})
    taken.take(0, 3, record(3, {"a": 0.9, "b": 0.1}, ("s", {"a": 0.2, "b": 0.8}, 0.7, False)))
    taken.take(0, 4, record(4, "x", ("s", 0.5, None, False)))
    [far, near] = taken.shadows["s"].pairs
    assert (far.offset, far.disagreement, near.offset, near.disagreement) == (4, 1.0, 3, 0.7)
    assert taken.shadows["s"].confusion() == (["a", "b"], [[0, 1], [0, 0]])
    assert class_of({}) is None
