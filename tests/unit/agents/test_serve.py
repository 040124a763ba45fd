"""The serve role's laws: the documents are the state, and a replay, a cut or another interleaving changes nothing."""

import random
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from agents.serve import BEAT_MS, INPUTS, STEP, ServeFold
from app.folds.fold import at_once
from app.read_model.capacity import Capacity
from app.read_model.documents import ModelDocument
from app.read_model.history import CHUNK
from app.read_model.state import PartitionState
from tests.read_model_records import (
    ACTIONS,
    ALERTS,
    LETTERS,
    MINUTE_MS,
    SIDES,
    START_MS,
    STATISTICS,
    STATUSES,
    TRIGGERS,
    VERDICTS,
    Record,
    Writes,
    action,
    alert,
    fed,
    letter,
    overview,
    pairing,
    refusal,
    run,
    statistics,
    status,
    trigger,
    verdict,
)  # fmt: skip

SMALL = Capacity(
    models=3, versions=2, minutes=4, signals=4, history=3, series=5, chunks=9, verdicts=3, firing=2, resolved=2, triggers=2,
    trainings=2, baselines=2, letter_topics=1, letters=2, silences=3, ended=2, acknowledged=2, said=2, refused=3,
)  # fmt: skip


PAIRING = {"role": "all", "signal": {"kind": "pairing"}}


def at(start: int) -> dict[str, object]:
    return {"topic": "pairs", "partition": 0, "start": start, "end": start}


def changed(record: Record, changes: dict[str, object]) -> Record:
    return Record(msgspec.json.encode(msgspec.json.decode(record.value or b"") | changes))


def traffic(seed: int, length: int = 60) -> list[list[Record]]:
    """Records for each side: some of everything, unreadable ones among them."""
    rng = random.Random(seed)
    states = ["warming", "quiet", "warning", "drift"]
    sides: list[list[Record]] = [[] for _ in INPUTS]
    for at in range(length):
        model = f"m{rng.randrange(5)}"
        sides[STATISTICS].append(
            rng.choice(
                [
                    statistics(
                        model, rng.choice("123"), name=rng.choice("ab"), minute=at, state=rng.choice(states), score=rng.random(),
                        role=rng.choice(["legacy", "shadow"]), baseline={"id": f"sha256:{rng.randrange(3)}", "owner": "risk"},
                    ),
                    pairing(model, minute=at, read=10, paired=rng.randrange(5), late=1),
                    statistics(model, "1", name="a", minute=at, ended={"successor": "2"}),
                    Record(b"{"),
                ]
            )
        )  # fmt: skip
        sides[ALERTS].append(alert(rng.choice(["firing", "resolved"]), minute=at % 7, model=model, fingerprint=f"f{at % 3}"))
        sides[TRIGGERS].append(rng.choice([trigger(f"t{at}", minute=at), Record(None)]))
        sides[LETTERS].append(letter(rng.choice(["late", "not_json", "invented"]), rng.choice(["a", "b"]), at))
        sides[STATUSES].append(
            rng.choice(
                [
                    status(rng.choice(["accepted", "running", "succeeded"]), f"t{at // 3}", model=model)._replace(offset=at),
                    Record(b"{}"),
                ]
            )
        )
        sides[LETTERS].append(refusal(rng.randrange(length), rng.choice(["actions", "retrain.status"])))
        sides[ACTIONS].append(some_action(rng, model, at))
        sides[VERDICTS].append(rng.choice([verdict(model=model, shadow=rng.choice("12"), minute=at), Record(b"{}")]))
    return sides


def some_action(rng: random.Random, model: str, at: int) -> Record:
    matchers = rng.choice([{"model": model}, {"model": model, "signal": "feature/age"}])
    return rng.choice(
        [
            action(minute=at, subject=model, offset=at, matchers=matchers),
            action(minute=at, subject=model, offset=at, id=f"{model}:{rng.randrange(3)}", fingerprint="f1"),
            action("unsilence", minute=at, subject=model, offset=at, matchers=matchers),
            action("unsilence", minute=at, subject=model, offset=at, silence=f"{model}:{rng.randrange(3)}"),
            action("acknowledge", minute=at, subject=model, offset=at, fingerprint=f"f{at % 3}"),
            action("approve", minute=at, subject=model, offset=at, trigger_id="t1"),
            Record(b"{", offset=at),
        ]
    )


def in_any_order(sides: list[list[Record]], rng: random.Random) -> list[tuple[int, list[Record]]]:
    """The sides cut into runs and interleaved."""
    left = [list(side) for side in sides]
    runs = []
    while any(left):
        side = rng.choice([side for side in range(SIDES) if left[side]])
        cut = rng.randint(1, 9)
        runs.append((side, left[side][:cut]))
        left[side] = left[side][cut:]
    return runs


def without_order(table: dict[bytes, bytes]) -> dict[bytes, dict[str, object]]:
    documents = {key: msgspec.json.decode(value) for key, value in table.items()}
    for document in documents.values():
        document.pop("order")
    return documents


def saved(writes: Writes) -> bytes:
    """The documents as ``RedisLedger.open`` gives them back, in another order than they were written."""
    documents = {key.decode(): Raw(value) for key, value in reversed(writes.table.items())}
    series = {key.decode(): value for key, value in reversed(writes.series.items())}
    return msgspec.json.encode({"documents": documents, "series": series})


@pytest.mark.parametrize("seed", range(20))
def test_documents_do_not_depend_on_cuts_and_interleaving(seed: int) -> None:
    sides, rng = traffic(seed), random.Random(seed)
    one, other = Writes(), Writes()
    fold, again = ServeFold(0), ServeFold(0)
    for side in range(SIDES):
        at_once(fold.feed(side, run(sides[side]), one))
    for side, records in in_any_order(sides, rng):
        again.feed(side, run(records), other)
    assert without_order(one.table) == without_order(other.table)
    assert (one.series, one.chunks) == (other.series, other.chunks)
    assert len(one.table) > 30


@pytest.mark.parametrize("seed", range(20))
def test_a_fold_that_is_restored_goes_on_as_if_nothing_had_happened(seed: int) -> None:
    rng = random.Random(seed)
    runs = in_any_order(traffic(seed), rng)
    through, crashing = Writes(), Writes()
    fold, crashed = ServeFold(0, SMALL), ServeFold(0, SMALL)
    for side, records in runs:
        fold.feed(side, run(records), through)
        crashed.feed(side, run(records), crashing)
        if rng.random() < 0.3:
            crashed = ServeFold(0, SMALL)
            crashed.restore(saved(crashing), None, [0] * SIDES)
    assert crashing.table == through.table
    assert (crashing.series, crashing.chunks) == (through.series, through.chunks)
    assert crashed.figures() == fold.figures()


@pytest.mark.parametrize("seed", range(5))
def test_nothing_grows_with_the_traffic(seed: int) -> None:
    writes, fold = Writes(), ServeFold(0, SMALL)
    for side, records in in_any_order(traffic(seed, 400), random.Random(seed)):
        fold.feed(side, run(records), writes)
    kinds = [key.split(b" ")[0].decode() for key in writes.table]
    assert {kind: kinds.count(kind) for kind in sorted(set(kinds))} == {
        "acknowledged": 2, "alert": 4, "letters": 1, "model": 3, "partition": 1, "refused": 3, "refused_answer": 3,
        "signal": kinds.count("signal"), "silence": kinds.count("silence"), "training": 2, "trigger": 2, "verdict": 3,
    }  # fmt: skip
    assert 1 <= kinds.count("signal") <= 4
    assert 1 <= kinds.count("silence") <= 3 + 2
    assert len(writes.series) == 5
    assert len(writes.chunks) <= 9
    partition = msgspec.json.decode(writes.table[b"partition"])
    assert partition["dropped"]["model"] > 0
    assert partition["dropped"]["series"] > 0
    assert partition["dropped"]["silence"] > 10
    assert partition["dropped"]["acknowledged"] > 10
    assert partition["dropped"]["trigger"] > 300 - 2 - partition["unreadable"]["retrain.triggers"]


def test_a_document_is_written_once_for_a_run() -> None:
    writes = Writes()
    ServeFold(3).feed(STATISTICS, run([statistics(minute=minute) for minute in range(50)]), writes)
    fields = [key for _, _, key, _, _ in writes.sent if key and not key.startswith(CHUNK)]
    assert sorted(key.split(b" ")[0] for key in fields) == [b"model", b"partition", b"series", b"signal"]
    assert len(writes.sent) - len(fields) == len(writes.chunks) > 0
    assert {(topic, partition) for topic, partition, *_ in writes.sent} == {("redis", 3)}


def test_a_long_run_is_taken_in_steps_and_comes_to_the_same() -> None:
    records = [statistics(f"m{at % 7}", name=f"f{at % 150}", minute=at // 150) for at in range(5 * STEP)]
    whole, stepped, one, other = Writes(), Writes(), ServeFold(0), ServeFold(0)
    for record in records[: STEP // 2]:
        one.feed(STATISTICS, run([record]), whole)
    assert other.feed(STATISTICS, run(records[: STEP // 2]), stepped) is None
    for record in records[STEP // 2 :]:
        one.feed(STATISTICS, run([record]), whole)
    steps = other.feed(STATISTICS, run(records[STEP // 2 :]), stepped)
    assert steps is not None
    assert len(list(steps)) > 4
    assert (stepped.table, stepped.series, stepped.chunks) == (whole.table, whole.series, whole.chunks)


def test_since_is_when_the_state_began() -> None:
    states = ["quiet", "drift", "drift", "quiet", "quiet"]
    ends = []
    writes, fold = Writes(), ServeFold(0)
    for minute, state in enumerate(states):
        fold.feed(STATISTICS, run([statistics(minute=minute, state=state)]), writes)
        (signal,) = (msgspec.json.decode(value) for key, value in writes.table.items() if key.startswith(b"signal"))
        ends.append((signal["since"] - START_MS) // MINUTE_MS)
    assert ends == [1, 2, 2, 4, 4]
    assert [point[2] for point in signal["history"]] == states


def test_an_alert_is_one_document_from_firing_to_resolved_and_a_new_episode_another() -> None:
    writes = fed((ALERTS, alert()), (ALERTS, alert("resolved")), (ALERTS, alert(minute=30)))
    documents = [msgspec.json.decode(value) for key, value in writes.table.items() if key.startswith(b"alert")]
    assert [(found["status"], found["starts_at"][11:16]) for found in documents] == [
        ("resolved", "14:13"),
        ("firing", "14:43"),
    ]


def test_an_episode_that_fires_again_after_it_was_resolved_stays_when_older_resolved_ones_go() -> None:
    fold = ServeFold(0, SMALL)
    writes = fed((ALERTS, alert()), (ALERTS, alert("resolved")), (ALERTS, alert()), fold=fold)
    others = fed(*((ALERTS, alert("resolved", fingerprint=f"f{at}")) for at in range(2, 6)), fold=fold)
    assert [key for _, _, key, value, _ in others.sent if value is None and key in writes.table] == []
    assert fold.figures()["alerts_firing"] == 1


def test_a_signal_whose_version_has_ended_goes() -> None:
    writes = fed((STATISTICS, statistics()), (STATISTICS, statistics(minute=1, ended={"reason": "version"})))
    assert not [key for key in writes.table if key.startswith(b"signal")]


@pytest.mark.parametrize("side", range(SIDES))
@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"data":{}}',
        b'{"model":"a"}',
        b'{"model":3}',
        b'{"x":' + b"[" * 5000,
        b'{"x":' + b'["]",' * 5000,
        b'{"x":' + b'["\\"]",' * 5000,
    ],
)
def test_what_cannot_be_read_is_counted_and_passed_over(side: int, value: bytes | None) -> None:
    writes, fold = Writes(), ServeFold(0)
    good = [statistics(), alert(), trigger(), letter(), verdict(), status(), action(matchers={"model": "credit"})][side]
    fold.feed(side, run([Record(value), good]), writes)
    partition = msgspec.json.decode(writes.table[b"partition"])
    expected = {} if side == LETTERS else {INPUTS[side]: 1}  # a dead letter is told by its headers, whatever its value
    assert partition["unreadable"] == expected
    assert partition["records"] == {INPUTS[side]: 2}
    assert len(writes.table) >= 2


@pytest.mark.parametrize(
    "text", [b'{"x":1e999}', b'{"x":"\xff"}', b'{"x":' + b"9" * 5_000 + b"}", b'{"\xff":1}', b"null", b"[1]", b'"x"']
)
def test_figures_and_evidence_that_no_reader_could_take_are_unreadable(text: bytes) -> None:
    fold, writes = ServeFold(0), Writes()
    for side, record, within in ((STATISTICS, statistics(), b"{}"), (ALERTS, alert(), b'{"score":1.2}')):
        assert record.value is not None
        assert record.value.count(within) == 1
        fold.feed(side, run([Record(record.value.replace(within, text))]), writes)
    assert list(writes.table) == [b"partition"]
    assert msgspec.json.decode(writes.table[b"partition"])["unreadable"] == {"drift.statistics": 1, "alerts": 1}
    assert overview(fed((STATISTICS, statistics()), fold=fold)).models["credit"].signals


@pytest.mark.parametrize(
    ("side", "within", "beyond"),
    [
        (STATISTICS, {"model": "m" * 128}, {"model": "m" * 129}),
        (STATISTICS, {"version": "v" * 128}, {"version": "v" * 129}),
        (STATISTICS, {"signal": {"kind": "feature", "name": "n" * 512}}, {"signal": {"kind": "feature", "name": "n" * 513}}),
        (STATISTICS, {"segment": {"k" * 512: "s" * 512}}, {"segment": {"k": "s" * 513}}),
        (STATISTICS, {"segment": dict.fromkeys("12345678", "s")}, {"segment": dict.fromkeys("123456789", "s")}),
        (STATISTICS, {"window": {"start": -1, "end": 2**53, "events": 0}}, {"window": {"start": 0, "end": 2**54, "events": 0}}),
        (STATISTICS, {"window": {"start": 0, "end": 1, "events": 2**53}}, {"window": {"start": 0, "end": 1, "events": -1}}),
        (STATISTICS, {"coverage": {"paired": 2**53}}, {"coverage": {"paired": 2**53 + 1}}),
        (STATISTICS, {"offsets": [at(2**53)]}, {"offsets": [at(2**53 + 1)]}),
        (STATISTICS, PAIRING | {"statistics": {"read": 2**53}}, PAIRING | {"statistics": {"read": 2**53 + 1}}),
        (STATISTICS, PAIRING | {"statistics": {"late": 0}}, PAIRING | {"statistics": {"late": -1}}),
        (ALERTS, {"startsAt": "s" * 128}, {"startsAt": "s" * 129}),
        (ALERTS, {"endsAt": "s" * 128}, {"endsAt": "s" * 129}),
        (ALERTS, {"fingerprint": "f" * 128}, {"fingerprint": "f" * 129}),
        (ALERTS, {"generatorURL": "u" * 16_384}, {"generatorURL": "u" * 16_385}),
    ],
)  # fmt: skip
def test_numbers_and_texts_over_their_bounds_are_unreadable(side: int, within: dict[str, Any], beyond: dict[str, Any]) -> None:
    for changes, unreadable in ((within, {}), (beyond, {INPUTS[side]: 1})):
        record = changed(statistics(), changes) if side == STATISTICS else alert(**changes)
        assert msgspec.json.decode(fed((side, record)).table[b"partition"])["unreadable"] == unreadable


def test_counts_as_large_as_can_be_read_are_added_up() -> None:
    writes = fed(*((STATISTICS, pairing(minute=minute, read=2**53)) for minute in range(2_000)))
    assert overview(writes).models["credit"].pairing.read == 2_000 * 2**53


@pytest.mark.parametrize("fault", [{"read": 10**5_000}, {"\ud800": 1}])
def test_a_document_that_cannot_be_written_is_counted_and_left_out(fault: dict[str, int]) -> None:
    state = PartitionState()
    assert state.encoded("model m", ModelDocument(order=1, model="m", counts=fault)) is None
    assert state.partition.dropped == {"model": 1}
    assert state.encoded("model m", ModelDocument(order=1, model="m")) is not None


@pytest.mark.parametrize(("levels", "shown"), [(20, True), (40, False), (900, False)])
def test_deep_nesting_is_refused_and_not_stumbled_over_later(levels: int, shown: bool) -> None:
    deep: object = "]" * 50
    for _ in range(levels):
        deep = [deep]
    writes = fed(
        (STATISTICS, statistics(deep=deep)),
        (TRIGGERS, trigger(evidence={"deep": deep})),
        (ALERTS, alert(evidence={"deep": deep})),
    )
    kinds = {key.split(b" ")[0] for key in writes.table}
    assert kinds == ({b"partition", b"model", b"signal", b"trigger", b"alert"} if shown else {b"partition"})


def test_texts_and_figures_are_cut_to_what_a_page_can_show() -> None:
    writes = fed(
        (STATISTICS, statistics(figures=["x" * 9_000])),
        (ALERTS, alert(annotations={"summary": "s" * 9_000}, evidence={"e": "x" * 9_000})),
        (LETTERS, letter(detail="d" * 9_000, topic="t" * 9_000)),
    )
    assert max(map(len, writes.table.values())) < 4_000
    trimmed = [
        msgspec.json.decode(value).get("trimmed") for key, value in writes.table.items() if key[:5] in {b"signa", b"alert"}
    ]
    assert trimmed == [True, True]


def test_it_has_caught_up_when_each_input_was_read_to_its_end_once() -> None:
    fold, writes = ServeFold(0), Writes()

    def caught_up_after(*ends: bool) -> bool:
        fold.sees_ends(ends, 0)
        fold.feed(STATISTICS, run([statistics()]), writes)
        caught_up: bool = msgspec.json.decode(writes.table[b"partition"])["caught_up"]
        return caught_up

    others = [False] * (SIDES - 1)
    assert not caught_up_after(False, *others)
    assert not caught_up_after(False, *[True] * (SIDES - 1))
    assert caught_up_after(True, *others)
    assert caught_up_after(False, *others)


def test_it_beats_while_there_is_nothing_to_read() -> None:
    fold, writes = ServeFold(0), Writes()
    assert fold.idle([10, *[9_000] * (SIDES - 1)], writes) is False
    assert writes.sent == []
    fold.sees_ends([True] * SIDES, 0)
    assert fold.idle([10, *[9_000] * (SIDES - 1)], writes) is True
    assert msgspec.json.decode(writes.table[b"partition"])["caught_up"] is True
    assert fold.idle([None, *[9_000] * (SIDES - 1)], writes) is False
    waits = [0, BEAT_MS - 1, BEAT_MS, BEAT_MS + 1, 2 * BEAT_MS, 10, BEAT_MS]
    assert [fold.idle([wait] * SIDES, writes) for wait in waits] == [False, False, True, False, True, False, True]


def test_figures_are_a_closed_set_that_is_there_from_the_start() -> None:
    names = set(ServeFold(0).figures())
    fold = ServeFold(0)
    fed(*[(side, record) for side, records in enumerate(traffic(1)) for record in records], fold=fold)
    assert set(fold.figures()) == names
    assert fold.figures()['dead_letters_total{reason="unknown"}'] > 0
