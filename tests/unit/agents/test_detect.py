"""The detect fold at its edges: what it sends where, what it refuses, what is held, what a restart says again."""

import msgspec
import numpy as np
import pytest

from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.state_codec import StateError, decode_state, encode_state
from app.folds.fold import Silent, at_once
from tests.detectors.stream import QUICK, START_MS, Entry, Outbox, entries, feed, fold, mixed, pair, run_of


def test_a_record_of_statistics_has_what_the_contract_lists() -> None:
    out = feed(fold(), entries(mixed(1, 2_100)))
    sent = next(one for one in out if one.key == b"credit|1|feature/income|" and one.body["detector"]["state"] == "quiet")
    body, headers = sent.body, dict(sent.headers)

    assert (sent.topic, sent.partition) == ("drift.statistics", 3)
    assert sorted(body) == sorted(
        [
            "model",
            "version",
            "role",
            "signal",
            "segment",
            "window",
            "statistics",
            "detector",
            "coverage",
            "offsets",
            "configuration",
        ]
    )
    assert (body["role"], body["signal"]) == ("legacy", {"kind": "feature", "name": "income"})
    assert body["window"] == {"start": START_MS, "end": START_MS + 9_990, "events": 1_000}
    assert body["offsets"] == [{"topic": "x.pairs", "partition": 3, "start": 0, "end": 1_000}]
    assert body["configuration"] == QUICK.digest
    assert headers["ce_type"] == b"io.gnomon.drift.statistics.v1"
    assert headers["ce_id"] == b"credit|1|feature/income|/3/1790000000000-1790000009990/1000"


def test_every_signal_of_a_pair_is_watched() -> None:
    out = feed(fold(), entries(mixed(1, 2_100)))
    names = {(one.body["role"], one.body["version"], one.key.decode().split("|")[2]) for one in out if one.key}
    features = {"income", "walk", "visits", "owner", "country", "note", "later"}

    assert names == (
        {("legacy", "1", f"{kind}/{name}") for kind in ("feature", "missing") for name in features}
        | {("legacy", "1", kind) for kind in ("prediction", "latency", "cost")}
        | {("shadow", "2", kind) for kind in ("prediction", "difference", "disagreement", "latency")}
        | {("all", "", "match_rate"), ("legacy", "1", "schema")}
    )  # version 1.1, a canary, has a tenth of the pairs: its first window is not full yet


def test_features_that_are_to_be_ignored_are() -> None:
    config = DriftConfig(warm_up=1_000, ignored_features=("x", "absent"))
    out = feed(fold(config), entries([pair(i, features={"x": 1.0, "y": 1.0}) for i in range(2_000)]))

    assert {one.body["signal"]["name"] for one in out} == {"y", ""}


def test_a_window_closes_by_time_with_enough_events() -> None:
    slow = [pair(i, timestamp=START_MS + 1_000 * i, features={"x": 1.0}) for i in range(250)]
    out = [one for one in feed(fold(), entries(slow)) if one.key == b"credit|1|feature/x|"]

    assert [one.body["window"]["events"] for one in out] == [100, 100]
    assert out[1].body["offsets"][0]["start"] == 100


def test_class_probabilities_are_one_signal_a_label() -> None:
    rows = []
    for i in range(2_000):
        good = (i % 10) / 10
        legacy = {"version": "1", "prediction": {"good": good, "bad": 1 - good}, "timestamp": START_MS}
        rows.append(pair(i, legacy=legacy))
    out = feed(fold(), entries(rows))

    assert {one.key for one in out} >= {b"credit|1|prediction/good|", b"credit|1|prediction/bad|"}


def test_classes_are_watched_as_categories() -> None:
    rows = [pair(i, legacy={"version": "1", "prediction": "no" if i % 3 else "yes", "timestamp": START_MS}) for i in range(2_000)]
    last = feed(fold(), entries(rows))[-1].body["statistics"]

    assert last["histogram"]["labels"] == ["no", "yes", "(other)"]
    assert last["histogram"]["counts"] == [667, 333, 0]  # since the warm-up ended


@pytest.mark.parametrize("value", [b"", None, b"{", b"null", b'{"model": 1}', b"\xff", b'{"request_id":"a"}', b"[" * 10_000])
def test_a_pair_record_that_is_none_is_counted_and_its_neighbours_are_not_harmed(value: bytes | None) -> None:
    records = entries([pair(i, features={"x": 1.0}) for i in range(2_000)])
    records[7] = records[7]._replace(value=value)
    made = fold()
    out = feed(made, records)

    assert made.figures()["pairs_malformed"] == 1
    assert made.figures()["pairs"] == 1_999
    assert not [one for one in out if one.body["detector"]["state"] == "drift"]


def test_outcomes_are_counted_and_bad_ones_are_dead_letters() -> None:
    good = {"request_id": "r", "model": "credit", "timestamp": START_MS, "label": True, "value": 2.5, "kpis": {"usd": 1}}
    values = [msgspec.json.encode(good), b"not json", msgspec.json.encode(good | {"label": None}),
              msgspec.json.encode(good | {"model": "no such name"}), msgspec.json.encode(good | {"timestamp": 12})]  # fmt: skip
    made, out = fold(), Outbox()
    at_once(made.feed(1, run_of([Entry(i, START_MS, b"r", value) for i, value in enumerate(values)]), out))

    assert made.figures()["outcomes"] == 1
    assert made.figures()["outcomes_refused"] == 4
    assert {(one.topic, one.partition) for one in out} == {("dead.letters", 3)}
    reasons = [dict(one.headers)["reason"] for one in out]
    assert reasons == [b"not_json", b"invalid_schema", b"invalid_schema", b"timestamp_out_of_range"]
    assert dict(out[0].headers)["source.topic"] == b"x.outcomes"
    assert [one.value for one in out] == values[1:]


def test_pairs_wait_for_company_and_a_silent_log_ends_the_wait() -> None:
    made, out = fold(), Outbox()
    at_once(made.feed(0, run_of(entries([pair(i) for i in range(10)])), out))

    assert made.figures()["pairs"] == 0
    assert not made.idle((None, None), out), "there is more to read"
    assert not made.idle((999, 5_000), out)
    assert made.idle((1_000, None), out)
    assert made.figures()["pairs"] == 10
    assert not made.idle((2_000, None), out), "nothing is left"


def test_pairs_that_have_waited_are_looked_at_without_silence() -> None:
    made, out = fold(), Outbox()
    at_once(
        made.feed(0, run_of([one._replace(timestamp=100 * one.offset) for one in entries([pair(i) for i in range(11)])]), out)
    )

    assert made.figures()["pairs"] == 11


@pytest.mark.parametrize("with_snapshot", [True, False])
def test_what_was_held_at_a_crash_is_said_after_it(with_snapshot: bool) -> None:
    """1. Pairs are held at a commit behind them. 2. The worker dies. 3. The rebuild must not say them in silence."""
    records = entries(mixed(2, 3_000))
    whole = feed(fold(), records, [800, 2_500])

    first, said = fold(), Outbox()
    at_once(first.feed(0, run_of(records[:800]), said))
    first.idle((60_000, 60_000), said)
    snapshot = first.snapshot() if with_snapshot else None
    at_once(first.feed(0, run_of(records[800:2_500]), said))  # committed, held
    saved = first.save()

    second = fold(snapshot=snapshot, saved=saved)
    at_once(second.feed(0, run_of(records[800 if with_snapshot else 0 : 2_500]), Silent()))
    second.rebuilt()
    rest = feed(second, records[2_500:])

    assert said + rest == whole


def test_what_was_said_before_a_crash_is_not_said_again() -> None:
    """As above, but the clock of the rebuild would have held what the first run had looked at."""
    records = entries(mixed(2, 3_000))
    first, said = fold(), Outbox()
    at_once(first.feed(0, run_of(records[:2_400]), said))
    first.idle((60_000, 60_000), said)
    second = fold(saved=first.save())
    at_once(second.feed(0, run_of(records[:2_400]), Silent()))
    second.rebuilt()

    assert second.snapshot() == first.snapshot()
    assert said + feed(second, records[2_400:]) == feed(fold(), records)


@pytest.mark.parametrize("harm", [lambda b: b[:-1], lambda b: b[:60] + b"x" + b[61:], lambda b: b"else" + b, lambda b: b""])
def test_a_snapshot_that_was_harmed_is_refused_by_name(harm: object) -> None:
    made = fold()
    feed(made, entries(mixed(2, 1_200)))

    with pytest.raises(StateError, match="saved state"):
        fold(snapshot=harm(made.snapshot()))  # type: ignore[operator]  # a function of bytes, from the table


@pytest.mark.parametrize("layout", [None, 1])
def test_a_snapshot_of_another_release_is_refused_by_name(layout: int | None) -> None:
    made = fold()
    feed(made, entries(mixed(2, 1_200)))
    other = encode_state(decode_state(made.snapshot()) | {"layout": layout})

    with pytest.raises(StateError, match=rf"saved state: layout {layout}, expected \d+"):
        fold(snapshot=other)


def test_a_new_legacy_version_keeps_the_inputs_and_begins_its_answers_anew() -> None:
    rng = np.random.default_rng(4)

    def one(i: int) -> dict[str, object]:
        version = "1" if i < 5_000 else "2"
        legacy = {"version": version, "prediction": float(rng.normal()) + (9 if version == "2" else 0), "timestamp": START_MS}
        return pair(i, legacy=legacy, features={"x": float(rng.normal())})

    out = feed(fold(), entries([one(i) for i in range(12_000)]))
    states = {one.key: one.body["detector"]["state"] for one in out}
    named = [one.body["version"] for one in out if one.body["signal"]["name"] == "x" and one.body["signal"]["kind"] == "feature"]

    assert "drift" not in {one.body["detector"]["state"] for one in out}
    assert states[b"credit|2|feature/x|"] == states[b"credit|2|prediction|"] == "quiet"
    assert named[:4] == ["1", "1", "1", "1"]
    assert named[-1] == "2"
    first = next(one.body for one in out if one.key == b"credit|2|prediction|")
    assert first["window"]["events"] == 1_000, "its own warm-up ended"
    assert first["statistics"]["reference"]["mean"] == pytest.approx(9, abs=0.2)


def test_what_is_open_under_a_version_that_went_is_closed() -> None:
    rng = np.random.default_rng(4)

    def one(i: int) -> dict[str, object]:
        legacy = {"version": "1" if i < 5_000 else "2", "prediction": 0.5, "timestamp": START_MS}
        return pair(i, legacy=legacy, features={"x": float(rng.normal()) + (2 if i >= 3_000 else 0)})

    out = [one for one in feed(fold(), entries([one(i) for i in range(10_000)])) if one.body["signal"]["name"] == "x"]
    last = [one for one in out if one.key == b"credit|1|feature/x|"][-1].body

    assert last["detector"]["state"] == "quiet"
    assert last["statistics"] == {"ended": {"reason": "version", "successor": "2"}}
    assert out[-2].body["version"] == "2"
    assert {one.body["detector"]["state"] for one in out if one.key == b"credit|2|feature/x|"} == {"drift"}
    assert {one.body["detector"]["state"] for one in out if one.key == b"credit|2|missing/x|"} == {"quiet"}


def test_versions_and_models_beyond_the_bound_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.domain.detection.watching.MODELS", 1)
    made = fold()
    versions = [pair(i, legacy={"version": f"v{i}", "prediction": 0.5, "timestamp": START_MS}) for i in range(20)]
    feed(made, entries([*versions, pair(20, model="another")]))

    assert made.figures()["refused"] == 12
    assert made.figures()["pairs_refused"] == 1
    assert made.figures()["models"] == 1


@pytest.mark.parametrize("cuts", [[], [4_000, 9_999, 21_500, 22_001]])
def test_a_version_that_was_not_seen_for_long_is_given_up_at_one_record_however_the_log_is_cut(cuts: list[int]) -> None:
    rng = np.random.default_rng(4)

    def one(i: int) -> dict[str, object]:
        legacy = {"version": "1", "prediction": 0.5, "timestamp": START_MS}
        shadow = {"version": "gone-7", "prediction": float(rng.normal()) + (2 if i >= 2_000 else 0), "timestamp": START_MS}
        return pair(i, legacy=legacy, shadows=[shadow] if i < 2_500 else [], status="paired" if i < 2_500 else "solo")

    made = fold()
    out = feed(made, entries([one(i) for i in range(23_500)]), cuts)
    ended = [one for one in out if "ended" in one.body["statistics"]]

    assert [(one.key, one.body["statistics"]["ended"]["successor"]) for one in ended] == [(b"credit|gone-7|prediction|", None)]
    assert [[*one.key.split(b"|")][:2] for one in out if one.body["role"] == "shadow"][-1] == [b"credit", b"gone-7"]
    assert made.figures()["signals_quiet"] == 2  # match_rate, and version 1's prediction
    assert b"gone-7" not in made.snapshot()
