"""Outcomes meet their pairs: the same errors are found however the two logs are cut and interleaved, and after crashes."""

import random
from collections.abc import Iterator

import numpy as np
import pytest

from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.labelled import Labelled
from app.domain.detection.last_words import LastWords
from app.domain.detection.pair_columns import PairColumns
from app.domain.detection.pair_records import Half, PairRecord
from app.domain.detection.placed_outcomes import encode_mark, encode_outcome
from app.domain.detection.state_codec import decode_state, encode_state
from app.domain.detection.statistics_records import Source
from app.folds.fold import at_once
from schemas.prediction import Outcome
from tests.detectors.outcome_logs import CONFIG, PAIRS, PLACED, THIN, Worker, by_key, live, outcome
from tests.detectors.stream import START_MS, Entry, entries, pair

_COUNT, _CHANGE = 6_000, 3_500


def traffic(seed: int, count: int = _COUNT, change: int | None = _CHANGE) -> tuple[list[Entry], dict[int, list[Entry]]]:
    """Pairs with classes, a shadow, and outcomes: errors are known late, successes soon; live errors double at ``change``.

    Some outcomes come before their pair, some twice, some are corrected, some never come, and some are of no pair.
    """
    rng = np.random.default_rng(seed)
    pairs, outcomes = [], dict[int, list[Entry]]()
    for i in range(count):
        wrong = rng.random() < (0.1 if change is None or i < change else 0.3)
        truth = bool(rng.random() < 0.5)
        shadow = {"version": "2", "prediction": truth != (rng.random() < 0.1), "timestamp": START_MS}
        legacy = {"version": "1", "prediction": truth != wrong, "timestamp": START_MS}
        pairs.append(pair(i, legacy=legacy, shadows=[shadow] if i % 10 else [], status="paired" if i % 10 else "legacy_only"))
        due = max(0, i + int(rng.integers(400, 700) if wrong else rng.integers(-20, 200)))
        at = START_MS + 10 * due
        fate = rng.random()
        if fate < 0.05:
            continue
        outcomes.setdefault(due, []).append(
            outcome(i, truth, at, value=float(rng.normal()), kpis={"usd": float(rng.integers(7))})
        )
        if fate < 0.1:
            outcomes.setdefault(due + 3, []).append(outcome(i, truth, at, correction=fate < 0.07))
        if fate > 0.99:
            outcomes.setdefault(due, []).append(outcome(10**6 + i, truth, at))
    return entries(pairs), outcomes


@pytest.fixture(scope="module")
def worker() -> Worker:
    """A live worker that never crashed, and the logs that it left."""
    return live(*traffic(1), CONFIG, seed=1)


def test_a_drop_of_quality_is_found_and_the_shadow_is_not_blamed(worker: Worker) -> None:
    said = [one for one in worker.said if one.body["signal"]["kind"] in {"error", "kpi"}]
    drifts = {one.key: one.body for one in reversed(said) if one.body["detector"]["state"] == "drift"}

    assert set(drifts) == {b"credit|1|error|", b"credit|2|error/only_legacy|"}
    first = drifts[b"credit|1|error|"]
    assert first["statistics"]["direction"] == "share up"
    assert _CHANGE - 100 < first["statistics"]["change"]["offset"] < _CHANGE + 50
    assert first["offsets"][0]["topic"] == "x.pairs"
    assert first["offsets"][0]["end"] - _CHANGE < 300
    names = {one.key.decode().split("|", 1)[1] for one in said if one.key}
    assert names == {"1|error|", "2|error|", "2|error/only_shadow|", "2|error/only_legacy|", "|kpi/value|", "|kpi/usd|"}


def test_errors_that_are_known_late_are_no_drift() -> None:
    quiet = live(*traffic(2, change=None), CONFIG, seed=2)
    said = [one.body for one in quiet.said if one.body["signal"]["kind"] == "error"]

    assert len(said) > 10
    assert {one["detector"]["state"] for one in said} <= {"warming", "quiet"}
    shares = [one["statistics"]["share"] for one in said if one["version"] == "1" and one["statistics"].get("share") is not None]
    assert np.mean(shares) == pytest.approx(0.1, abs=0.03)


def test_what_became_of_pairs_and_outcomes_adds_up(worker: Worker) -> None:
    figures = worker.fold.figures()
    placed = [one for one in worker.logs[PLACED] if one.key is not None]

    settled = figures["pairs_labelled"] + figures["pairs_unlabelled"]
    assert settled + figures["pairs_awaiting"] + figures["pairs_not_awaited"] == _COUNT
    assert figures["pairs_unlabelled"] / settled == pytest.approx(0.05, abs=0.02)
    assert figures["outcomes_repeated"] == pytest.approx(0.03 * _COUNT, abs=60)
    assert len(placed) > _COUNT * 0.95
    shares = [one.body["statistics"].get("label_share") for one in worker.said if one.key == b"credit|1|error|"]
    assert shares[-1] == pytest.approx(0.95, abs=0.04)


@pytest.mark.parametrize("seed", range(8))
def test_the_logs_tell_one_story_however_they_are_read(worker: Worker, seed: int) -> None:
    rng = random.Random(seed)
    again = Worker(CONFIG, worker.logs)
    again.fold.rebuilt()
    again.read_all(rng)
    again.look_at_the_rest()
    again.commit(snapshot=False)

    assert by_key(again.said) == by_key(worker.said)
    assert again.fold.snapshot() == worker.fold.snapshot()


@pytest.mark.parametrize("config", [CONFIG, THIN], ids=["room for all", "thinned"])
@pytest.mark.parametrize("seed", range(4))
def test_a_worker_that_dies_again_and_again_says_what_its_logs_say(seed: int, config: DriftConfig) -> None:
    """Each crash rebuilds in silence, in another order; what all its lives said is what one life says of the same logs."""
    died = live(*traffic(3), config, seed=seed, deaths=12)
    again = Worker(config, {side: list(log) for side, log in died.logs.items()})
    again.fold.rebuilt()
    again.read_all(random.Random(seed))
    again.look_at_the_rest()
    again.commit(snapshot=False)

    assert by_key(again.said) == by_key(died.said)
    assert again.fold.snapshot() == died.fold.snapshot()
    assert (died.fold.figures()["pairs_not_awaited"] > 1_000) == (config is THIN)
    assert died.fold.figures()["pairs_labelled"] > 300


def test_neither_log_waits_for_ever(monkeypatch: pytest.MonkeyPatch, worker: Worker) -> None:
    """Pairs may be read only a little beyond their marks, and marks not before their pairs: still all is read, in any order."""
    monkeypatch.setattr("agents.detect._UNMARKED", 50)
    for seed in range(5):
        again = Worker(CONFIG, worker.logs)
        again.fold.rebuilt()
        again.read_all(random.Random(seed))
        again.look_at_the_rest()
        assert again.fold.snapshot() == worker.fold.snapshot()


def test_pairs_are_not_read_far_beyond_their_marks(monkeypatch: pytest.MonkeyPatch, worker: Worker) -> None:
    monkeypatch.setattr("agents.detect._UNMARKED", 1_000)
    again = Worker(CONFIG, worker.logs)
    again.fold.rebuilt()
    while again.read(PAIRS, 100):
        pass
    assert not again.fold.wants(PAIRS)
    assert again.position[PAIRS] < 4_000  # a thousand unmarked, and what was held for company
    assert again.read(PLACED, 10)


def test_a_mark_of_a_log_that_was_made_anew_holds_nothing_up(worker: Worker) -> None:
    again = Worker(CONFIG, {PAIRS: worker.logs[PAIRS][:10], PLACED: worker.logs[PLACED]})
    again.fold.rebuilt()
    again.read_all(random.Random(1))
    assert again.position == {PAIRS: 10, PLACED: len(worker.logs[PLACED])}


@pytest.mark.parametrize(("factor", "states"), [(3.0, {"drift"}), (0.3, {"warning"})], ids=["worse", "better"])
def test_only_larger_errors_of_scores_are_a_drift(factor: float, states: set[str]) -> None:
    rng = np.random.default_rng(4)
    pairs, outcomes = [], {}
    for i in range(5_000):
        error = 0.1 * rng.standard_normal() * (factor if i >= 3_000 else 1.0)
        legacy = {"version": "1", "prediction": 10.0 + error, "timestamp": START_MS}
        shadow = {"version": "2", "prediction": 10.0 + 0.1 * rng.standard_normal(), "timestamp": START_MS}
        pairs.append(pair(i, legacy=legacy, shadows=[shadow], status="paired"))
        outcomes[i] = [outcome(i, 10.0)]
    said = [one for one in live(entries(pairs), outcomes, CONFIG, seed=4).said if one.key == b"credit|1|error|"]

    assert {one.body["detector"]["state"] for one in said} - {"warming", "quiet"} >= states
    assert ("drift" in {one.body["detector"]["state"] for one in said}) == ("drift" in states)


def test_outcomes_of_models_that_do_not_exist_have_one_bound_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A producer that makes up names cannot fill the memory; a model whose pairs come later than its outcomes has them."""
    monkeypatch.setattr("app.domain.detection.labelled._STRANGERS", 100)
    placed = [outcome(at, True, model=f"made-up-{at % 50}") for at in range(1_000)] + [outcome(0, True)]
    again = Worker(CONFIG, {PAIRS: entries([pair(0)]), PLACED: []})
    again.fold.rebuilt()
    again.logs[PLACED] += [one._replace(offset=at) for at, one in enumerate(placed)]
    again.read(PLACED, 2_000)
    assert again.fold.figures()["outcomes_unmatched"] == 900, "two of each, and the first of another"
    again.read(PAIRS, 1)
    again.look_at_the_rest()
    again.commit(snapshot=True)
    again.die(random.Random(1))
    again.read(PLACED, 10)
    assert again.fold.figures()["pairs_awaiting"] == 1


def test_models_that_do_not_exist_lock_no_other_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """1. Outcomes of more made-up names than there is room for; 2. a model's pairs and outcomes come; 3. they meet."""
    monkeypatch.setattr("app.domain.detection.labelled.MODELS", 10)
    placed = [outcome(at, True, model=f"made-up-{at % 20}") for at in range(60)]
    logs = {PAIRS: entries([pair(at) for at in range(50)]), PLACED: []}
    again = Worker(CONFIG, logs)
    again.fold.rebuilt()
    again.logs[PLACED] += [one._replace(offset=at) for at, one in enumerate(placed)]
    again.read(PLACED, 60)
    assert again.fold.figures()["outcomes_unmatched"] == 50, "each name came when the ten before it were let go"
    again.read(PAIRS, 50)
    again.look_at_the_rest()
    again.commit(snapshot=True)
    again.logs[PLACED] += [outcome(at, True)._replace(offset=len(again.logs[PLACED]) + at) for at in range(50)]
    again.read_all(random.Random(1))
    assert again.fold.figures()["pairs_awaiting"] == 50
    assert again.fold.figures()["outcomes_unmatched"] == 51, "the oldest made room"

    for name in ("late", "after a restart"):
        begin = len(again.logs[PLACED])
        again.logs[PLACED] += [outcome(at, True, model=f"{name}-{at}")._replace(offset=begin + at) for at in range(20)]
        again.read_all(random.Random(1))
        assert again.fold.figures()["pairs_awaiting"] == 50, "a model with pairs is never let go"
        again.commit(snapshot=True)
        again.die(random.Random(1))


def test_who_makes_room_is_the_same_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.domain.detection.labelled.MODELS", 10)
    strangers = [outcome(at, True, model=f"made-up-{99 - at}") for at in range(18)]
    one, other = (Labelled(lambda model: (Source(model, "pairs", 0, "sha256:0"), CONFIG), {}) for _ in range(2))
    at_once(one.read(strangers[:12]))
    other.load(decode_state(encode_state(one.dump())), LastWords())
    for labelled in (one, other):
        at_once(labelled.read(strangers[12:]))
    assert [model for model, _ in one.dump()["labellings"]] == [f"made-up-{99 - at}" for at in range(8, 18)]
    assert encode_state(other.dump()) == encode_state(one.dump())


def _said(cut: int) -> list[str]:
    """What outcomes of three models say, read so many at a time; a version of one of them drifts, and comes no more."""
    labelled, count, out = Labelled(lambda model: (Source(model, "pairs", 0, "sha256:0"), CONFIG), {}), 4_000, list[str]()

    def read(records: list[Entry]) -> Iterator[None]:
        out.extend(one.id for one in (yield from labelled.read(records)))

    for at_model, model in enumerate("abc"):
        columns = PairColumns()
        for at in range(count):
            version = "2" if model == "b" and at < 2_000 else "1"
            half = Half(version, at % 4 == 0 or (version == "2" and at >= 1_500))
            record = PairRecord(f"{model}-{at}", model, START_MS + 1_000 * at, "legacy_only", half, [], {})
            columns.take([3 * at + at_model], [record], None)
        labelled.take_pairs(model, columns)
    records = [Entry(0, 0, None, encode_mark(3 * count // 2))]
    for at in range(count):
        if at == count // 4:
            records.append(Entry(0, 0, None, encode_mark(3 * count)))
        for model in "cab":
            value = Outcome(request_id=f"{model}-{at}", model=model, timestamp=START_MS + 1_000 * at, label=False)
            records.append(Entry(0, 0, b"r", encode_outcome(0, value)))
    for start in range(0, len(records), cut):
        at_once(read(records[start : start + cut]))
    return out


def test_what_outcomes_say_comes_in_the_order_of_the_records_however_they_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.domain.detection.outcome_watch._FORGET", 1_000)
    whole = _said(10**6)
    assert {each.split("|")[0] for each in whole} == set("abc")
    assert sum(each.startswith("b|2|") for each in whole) > 10
    assert whole == _said(7) == _said(500)
