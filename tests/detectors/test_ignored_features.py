"""A feature is ignored that was watched: whoever does that in answer to an alert gets no other for it."""

from dataclasses import replace

import numpy as np
import pytest

from tests.detectors.stream import QUICK, Entry, Outbox, entries, feed, fold, pair

COUNT, CHANGE, RESTART = 8_000, 3_000, 4_000
WATCHING = replace(QUICK, window_events_most=200)
IGNORING = replace(WATCHING, ignored_features=("income",))


@pytest.fixture(scope="module")
def log() -> list[Entry]:
    """Two features; from ``CHANGE`` on income is two standard deviations higher."""
    rng = np.random.default_rng(1)
    incomes, ages = rng.normal(size=COUNT), rng.normal(size=COUNT)
    incomes[CHANGE:] += 2
    features = zip(incomes.tolist(), ages.tolist(), strict=True)
    return entries(pair(at, features={"income": income, "age": age}) for at, (income, age) in enumerate(features))


def states(out: Outbox, kind: str, name: str) -> list[str]:
    """How the detector of a signal stood, record by record."""
    return [one.body["detector"]["state"] for one in out if one.body["signal"] == {"kind": kind, "name": name}]


def test_its_alert_is_closed_and_it_is_neither_missing_nor_vanished(log: list[Entry]) -> None:
    """1. Income drifts; 2. it is ignored, and the worker restarts; 3. it comes as ever, and nothing more is said of it."""
    before = fold(WATCHING)
    first = feed(before, log[:RESTART])
    again = fold(IGNORING, before.snapshot(), before.save())
    again.rebuilt()
    rest = feed(again, log[RESTART:])

    assert states(first, "feature", "income")[-1] == "drift"
    ended = [one.body for one in rest if one.body["signal"]["name"] == "income"]
    assert [(one["signal"]["kind"], one["detector"]["state"], one["statistics"]) for one in ended] == [
        ("feature", "quiet", {"ended": {"reason": "ignored", "successor": None}})
    ]
    assert set(states(rest, "schema", "")) == {"quiet"}
    assert len(states(rest, "feature", "age")) == len(states(rest, "missing", "age")) == 20
    assert set(states(rest, "feature", "age")) == {"quiet"}, "the others go on as they were"


def test_the_end_is_said_once_whenever_the_worker_dies(log: list[Entry]) -> None:
    """A snapshot from before the end was said says it still, one from behind it does not say it again."""
    before = fold(WATCHING)
    feed(before, log[:RESTART])
    said, snapshot, saved = Outbox(), before.snapshot(), before.save()
    for begin in range(RESTART, COUNT, 37):
        one = fold(IGNORING, snapshot, saved)
        one.rebuilt()
        said.extend(feed(one, log[begin : begin + 37]))
        snapshot, saved = one.snapshot(), one.save()

    assert len([one for one in said if one.body["signal"]["name"] == "income"]) == 1


def test_it_is_watched_again_against_the_reference_that_it_had(log: list[Entry]) -> None:
    before = fold(WATCHING)
    feed(before, log[:2_000])
    between = fold(IGNORING, before.snapshot(), before.save())
    between.rebuilt()
    assert states(feed(between, log[2_000:2_900]), "feature", "income") == []
    after = fold(WATCHING, between.snapshot(), between.save())
    after.rebuilt()
    seen = states(feed(after, log[2_900:]), "feature", "income")

    assert "warming" not in seen
    assert seen[-1] == "drift"


def test_a_feature_that_was_still_warming_up_is_as_if_it_had_never_been(log: list[Entry]) -> None:
    before = fold(WATCHING)
    feed(before, log[:500])
    again = fold(IGNORING, before.snapshot(), before.save())
    again.rebuilt()
    rest = feed(again, log[500:])

    assert states(rest, "feature", "income") == states(rest, "missing", "income") == []
    assert set(states(rest, "schema", "")) == {"warming", "quiet"}
