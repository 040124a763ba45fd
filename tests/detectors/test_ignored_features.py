"""A feature is ignored that was watched: whoever does that in answer to an alert gets no other for it."""

from dataclasses import replace

import numpy as np
import pytest

from agents.detect import DetectFold
from app.domain.detection.drift_config import DriftConfig
from app.folds.fold import Silent, at_once
from tests.detectors.stream import QUICK, Entry, Outbox, entries, feed, fold, pair, run_of

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


def restarted(before: DetectFold, config: DriftConfig) -> DetectFold:
    """The same fold with other settings."""
    after = fold(config, before.snapshot(), before.save())
    after.rebuilt()
    return after


def test_who_is_watched_again_is_neither_new_nor_vanished(log: list[Entry]) -> None:
    """Rows without it are none of its gaps, as long as it is ignored; from then on they are."""
    before = fold(WATCHING)
    feed(before, log[:2_000])
    between = restarted(before, IGNORING)
    feed(between, log[2_000:4_000])
    after = restarted(restarted(between, IGNORING), WATCHING)
    said = feed(after, log[4_000:6_000])
    gone = feed(after, entries((pair(at, features={"age": 0.1 * (at % 9)}) for at in range(6_000, 6_500)), 6_000))
    schemas = [one.body["statistics"] for one in said + gone if one.body["signal"]["kind"] == "schema"]

    assert set(states(said, "schema", "")) == {"quiet"}
    assert {one["features"] for one in schemas} == {2}
    assert states(gone, "schema", "")[-1] == "drift"
    assert [one["name"] for one in schemas[-1]["vanished"]] == ["income"]
    assert schemas[-1]["change"]["offset"] == 5_999


def test_who_vanishes_while_it_is_ignored_is_told_once_it_is_watched_again(log: list[Entry]) -> None:
    before = fold(WATCHING)
    feed(before, log[:2_000])
    between = restarted(before, IGNORING)
    without = entries((pair(at, features={"age": 0.1 * (at % 9)}) for at in range(2_000, 4_000)), 2_000)
    feed(between, without[:1_000])
    said = feed(restarted(between, WATCHING), without[1_000:1_600])
    last = [one.body["statistics"] for one in said if one.body["signal"]["kind"] == "schema"][-1]

    assert [one["name"] for one in last["vanished"]] == ["income"]
    assert (last["change"]["offset"], last["change"]["events"]) == (2_999, 601)


def test_who_is_ignored_takes_no_place_and_no_part_of_the_budget(log: list[Entry]) -> None:
    """A feature that comes later is watched as if the one that is ignored had never been."""
    config = replace(WATCHING, features=3, false_alarms_per_week=0.5)
    ignoring = replace(config, ignored_features=("income",))
    rng = np.random.default_rng(2)
    later = entries(
        (pair(at, features={name: float(rng.normal()) for name in ("income", "age", "device", "visits")})
         for at in range(2_000, 4_000)), 2_000,
    )  # fmt: skip
    before, never = fold(config), fold(ignoring)
    feed(before, log[:2_000])
    feed(never, log[:2_000])
    after = restarted(before, ignoring)
    granted = [
        {
            one.key: one.body["statistics"]["values_between_false_alarms"]
            for one in feed(made, later)
            if one.body["signal"]["name"] in {"device", "visits"} and one.body["detector"]["state"] == "quiet"
        }
        for made in (after, never)
    ]

    assert len(granted[0]) == 4
    assert granted[0] == granted[1]
    assert after.figures()["refused"] == 0


def test_a_feature_that_was_still_warming_up_is_as_if_it_had_never_been(log: list[Entry]) -> None:
    before = fold(WATCHING)
    feed(before, log[:500])
    again = fold(IGNORING, before.snapshot(), before.save())
    again.rebuilt()
    rest = feed(again, log[500:])

    assert states(rest, "feature", "income") == states(rest, "missing", "income") == []
    assert set(states(rest, "schema", "")) == {"warming", "quiet"}


def ends(out: Outbox) -> list[tuple[str, bytes | None]]:
    """The ids and keys of last words that a feature is ignored."""
    ended = {"reason": "ignored", "successor": None}
    return [(dict(one.headers)["ce_id"].decode(), one.key) for one in out if one.body["statistics"].get("ended") == ended]


def crashed(log: list[Entry], snapshot_at: int, committed_at: int) -> tuple[DetectFold, Outbox, list[Entry]]:
    """A fold whose last snapshot is older than its last commit; what it has said; and the records between."""
    made, out = fold(WATCHING), Outbox()
    out.extend(feed(made, log[:snapshot_at]))
    snapshot, between = made.snapshot(), log[snapshot_at:committed_at]
    out.extend(feed(made, between) if between else [])
    return rebuilt(snapshot, made.save(), between), out, between


def rebuilt(snapshot: bytes, saved: bytes, between: list[Entry]) -> DetectFold:
    """A fold that ignores income, begun with a snapshot and the records behind it."""
    again = fold(IGNORING, snapshot, saved)
    if between:
        at_once(again.feed(0, run_of(between), Silent()))
    again.rebuilt()
    return again


@pytest.mark.parametrize(
    ("snapshot_at", "committed_at"), [(4_000, 4_000), (4_000, 4_100), (4_000, 4_300), (4_000, 6_000), (2_900, 3_500)]
)
def test_the_end_is_not_lost_in_a_rebuild(log: list[Entry], snapshot_at: int, committed_at: int) -> None:
    """1. A snapshot; 2. windows close, and it drifts; 3. a crash, and income is ignored. The drift may be the newer."""
    again, before, _ = crashed(log, snapshot_at, committed_at)
    assert states(before, "feature", "income")[-1] == "drift"
    said = feed(again, log[committed_at:])

    assert [key for _, key in ends(said)].count(b"credit|1|feature/income|") == 1
    assert len([one for one in said if one.body["signal"]["name"] == "income"]) == len(ends(said))


def test_the_end_is_said_without_any_more_traffic(log: list[Entry]) -> None:
    again, _, _ = crashed(log, 4_000, 4_300)
    out = Outbox()

    assert again.idle((None, None, None), out)
    assert [key for _, key in ends(out)] == [b"credit|1|feature/income|", b"credit|1|missing/income|"]
    assert not again.idle((None, None, None), out)


def test_the_end_waits_in_a_snapshot_and_is_said_again_only_from_before_it(log: list[Entry]) -> None:
    """Who died before the end was committed says it; who has a snapshot from behind it does not."""
    made = fold(WATCHING)
    feed(made, log[:4_000])
    snapshot, between = made.snapshot(), log[4_000:4_300]
    feed(made, between)
    first = rebuilt(snapshot, made.save(), between)
    waiting, saved = first.snapshot(), first.save()
    said = ends(feed(first, log[4_300:5_000]))
    again = ends(feed(rebuilt(snapshot, made.save(), between), log[4_300:4_400]))
    of_waiting = ends(feed(rebuilt(waiting, saved, []), log[4_300:]))
    later = rebuilt(first.snapshot(), first.save(), [])
    behind = later.snapshot()
    feed(later, log[5_000:5_500])

    assert said == again == of_waiting
    assert len(said) == 2
    assert ends(feed(rebuilt(first.snapshot(), first.save(), []), log[5_000:])) == []
    assert ends(feed(rebuilt(behind, later.save(), log[5_000:5_500]), log[5_500:])) == []
