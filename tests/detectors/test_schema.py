"""What is said when the features of a model's requests become others."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from app.domain.detection.drift_config import DriftConfig
from tests.detectors.stream import QUICK, Entry, Outbox, entries, feed, fold, pair

PAIRS, CHANGE, BACK = 6_000, 3_000, 3_600


def features(rng: np.random.Generator, **other: Any) -> dict[str, Any]:
    """One request's, with these in place of its own."""
    own = {"income": float(rng.normal()), "country": str(rng.choice(["DE", "FR"]))}
    rare = {"note": 1.0} if rng.random() < 0.2 else {}
    return own | rare | other


def log_of(*, from_change: dict[str, Any], until: int = PAIRS, without: str = "") -> list[Entry]:
    """A log in which, from the change on and up to ``until``, these features are there too, and one is not."""
    rng, pairs = np.random.default_rng(7), []
    for number in range(PAIRS):
        here = features(rng)
        if CHANGE <= number < until:
            here = {name: value for name, value in (here | from_change).items() if name != without}
        pairs.append(pair(number, features=here, timestamp=1_790_000_000_000 + 200 * number))
    return entries(pairs)


def schema(out: Outbox) -> list[dict[str, Any]]:
    """The records of the schema."""
    return [one.body for one in out if one.body["signal"]["kind"] == "schema"]


def drifting_of(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of them that say that something changed."""
    return [one for one in said if one["detector"]["state"] == "drift"]


def drifting(out: Outbox) -> list[dict[str, Any]]:
    """Those of the schema that say that something changed."""
    return drifting_of(schema(out))


def episodes(said: list[dict[str, Any]]) -> int:
    """How many changes began."""
    states = [one["detector"]["state"] for one in said]
    return sum(after == "drift" != before for before, after in pairwise(states))


def test_what_stays_as_it_was_is_quiet_after_a_warm_up() -> None:
    said = schema(feed(fold(), log_of(from_change={})))

    states = [one["detector"]["state"] for one in said]
    assert states == sorted(states, key=["warming", "quiet"].index)
    assert {"warming", "quiet"} == set(states)
    assert said[-1]["statistics"]["features"] == 3


def test_a_new_feature_is_named_and_accepted_after_as_many_rows_as_a_warm_up() -> None:
    out = feed(fold(), log_of(from_change={"device": "phone"}))
    first = drifting(out)[0]

    assert first["statistics"]["new"] == [{"name": "device", "types": ["string"], "reference_types": []}]
    assert first["statistics"]["change"]["offset"] == CHANGE
    assert first["offsets"][0]["end"] <= CHANGE + 300, "within a window"
    accepted = [one["statistics"] for one in schema(out) if one["statistics"].get("accepted")]
    assert [one["accepted"] for one in accepted] == [["new device"]]
    assert accepted[0]["features"] == 4
    assert schema(out)[-1]["detector"]["state"] == "quiet"
    assert drifting(out)[-1]["offsets"][0]["end"] <= CHANGE + 300 + QUICK.warm_up


def test_a_retyped_feature_is_named_with_both_types_and_over_when_it_is_back() -> None:
    out = feed(fold(), log_of(from_change={"income": "12.5"}, until=BACK))

    assert drifting(out)[0]["statistics"]["retyped"] == [{"name": "income", "types": ["string"], "reference_types": ["number"]}]
    assert BACK <= drifting(out)[-1]["offsets"][0]["end"] <= BACK + 300
    assert schema(out)[-1]["statistics"]["retyped"] == []
    assert not any(one["statistics"].get("accepted") for one in schema(out))


@pytest.mark.parametrize("other", ["12.5", True])
def test_a_feature_whose_type_changes_for_good_is_one_change_and_is_accepted(other: str | bool) -> None:
    said = schema(feed(fold(), log_of(from_change={"income": other})))
    figures = [one["statistics"] for one in said if one["detector"]["state"] != "warming"]

    assert episodes(said) == 1
    assert [one["accepted"] for one in figures if one["accepted"]] == [["retyped income"]]
    assert not any(one["vanished"] or one["new"] for one in figures)
    assert said[-1]["detector"]["state"] == "quiet"
    assert figures[-1]["features"] == 3


def test_a_boolean_that_becomes_a_number_and_goes_back_later_was_of_both_types() -> None:
    rng, pairs = np.random.default_rng(10), []
    for number in range(PAIRS):
        owner = bool(rng.random() < 0.3)
        here = features(rng, owner=float(owner) if CHANGE <= number < CHANGE + 2_000 else owner)
        pairs.append(pair(number, features=here, timestamp=1_790_000_000_000 + 200 * number))
    said = schema(feed(fold(), entries(pairs)))

    assert drifting_of(said)[0]["statistics"]["retyped"] == [
        {"name": "owner", "types": ["number"], "reference_types": ["boolean"]}
    ]
    assert episodes(said) == 1
    assert said[-1]["detector"]["state"] == "quiet"


def test_a_retyped_feature_that_then_stays_away_has_vanished() -> None:
    log = log_of(from_change={"income": "12.5"}, until=CHANGE + 1_500)[: CHANGE + 1_500]
    rng = np.random.default_rng(11)
    for number in range(CHANGE + 1_500, PAIRS):
        here = {name: value for name, value in features(rng).items() if name != "income"}
        log += entries([pair(number, features=here, timestamp=1_790_000_000_000 + 200 * number)], first=number)
    last = drifting(feed(fold(), log))[-1]

    assert [one["name"] for one in last["statistics"]["vanished"]] == ["income"]
    assert last["statistics"]["vanished"][0]["reference_types"] == ["number", "string"]
    assert last["statistics"]["change"]["offset"] == CHANGE + 1_499


def test_a_vanished_feature_is_named_and_a_rare_one_only_when_chance_is_ruled_out() -> None:
    always = drifting(feed(fold(), log_of(from_change={}, without="income")))[0]
    rare = drifting(feed(fold(), log_of(from_change={}, without="note")))[0]

    assert [one["name"] for one in always["statistics"]["vanished"]] == ["income"]
    assert CHANGE - 2 <= always["statistics"]["change"]["offset"] <= CHANGE
    assert always["offsets"][0]["end"] <= CHANGE + 600
    assert [one["name"] for one in rare["statistics"]["vanished"]] == ["note"]


def test_a_single_odd_value_is_no_change_of_the_schema() -> None:
    log = log_of(from_change={"typo": 1.0}, until=CHANGE + 2)

    assert drifting(feed(fold(), log)) == []


def test_a_sparse_new_feature_is_one_change_and_is_accepted() -> None:
    rng = np.random.default_rng(8)
    pairs = [
        pair(
            n,
            features=features(rng, **({"rare": 1.0} if n >= CHANGE and rng.random() < 0.05 else {})),
            timestamp=1_790_000_000_000 + 200 * n,
        )
        for n in range(9_000)
    ]
    said = schema(feed(fold(), entries(pairs)))

    assert episodes(said) == 1
    assert said[-1]["detector"]["state"] == "quiet"


def test_a_feature_that_is_away_every_night_has_not_vanished() -> None:
    rng = np.random.default_rng(9)
    pairs = []
    for number in range(PAIRS):
        here = features(rng)
        if number % 500 >= 350:
            del here["income"]
        pairs.append(pair(number, features=here, timestamp=1_790_000_000_000 + 200 * number))

    assert drifting(feed(fold(), entries(pairs))) == []


def test_strings_that_are_all_too_long_are_one_class() -> None:
    log = entries(pair(number, features={"text": "u" * 300 + str(number)}) for number in range(2_000))
    out = feed(fold(), log)

    assert [one.body["statistics"]["histogram"]["labels"] for one in out if one.key == b"credit|1|feature/text|"][-1] == [
        "(other)"
    ]


def test_only_as_many_new_features_as_there_is_room_for_are_named_once() -> None:
    config = DriftConfig(warm_up=1_000, features=4)
    said = schema(feed(fold(config), log_of(from_change={f"f{number}": 1.0 for number in range(40)})))

    assert [one["name"] for one in drifting_of(said)[0]["statistics"]["new"]] == ["f0"]
    assert episodes(said) == 1
    assert [one["statistics"]["accepted"] for one in said if one["statistics"].get("accepted")] == [["new f0"]]
    assert said[-1]["detector"]["state"] == "quiet"


def test_features_beyond_the_bound_that_were_always_there_are_no_change() -> None:
    rng = np.random.default_rng(12)
    log = entries(
        pair(number, features={name: float(rng.normal()) for name in "abcd"}, timestamp=1_790_000_000_000 + 200 * number)
        for number in range(PAIRS)
    )
    said = schema(feed(fold(replace(QUICK, features=2)), log))

    assert drifting_of(said) == []
    assert said[-1]["statistics"]["features"] == 2


def test_all_features_within_the_bound_are_known_with_all_their_types() -> None:
    """A type is no feature: as many features as are watched may have two each."""
    rng = np.random.default_rng(13)
    log = entries(
        pair(
            number,
            features={name: float(rng.normal()) if rng.random() < 0.5 else "many" for name in "abcd"},
            timestamp=1_790_000_000_000 + 200 * number,
        )
        for number in range(PAIRS)
    )
    said = schema(feed(fold(replace(QUICK, features=4)), log))

    assert drifting_of(said) == []
    assert said[-1]["statistics"]["features"] == 4


@pytest.mark.parametrize("seed", [1, 2])
def test_neither_cuts_nor_a_restart_change_what_is_said(seed: int) -> None:
    log = log_of(from_change={"income": True, "device": "x", "note": "many"}, until=BACK)
    whole, rng = fold(), np.random.default_rng(seed)
    expected = feed(whole, log)
    cut = int(rng.integers(CHANGE, BACK))
    before = fold()
    out = Outbox()
    out.extend(feed(before, log[:cut], rng.integers(1, cut, 50).tolist()))
    again = fold(snapshot=before.snapshot(), saved=before.save())
    again.rebuilt()
    out.extend(feed(again, log[cut:], rng.integers(1, PAIRS - cut, 50).tolist()))

    assert out == expected
    assert again.snapshot() == whole.snapshot()
