"""The serve role's laws: the documents are the state, and a replay, a cut or another interleaving changes nothing."""

import random

import msgspec
import pytest
from msgspec import Raw

from agents.serve import BEAT_MS, INPUTS, ServeFold
from app.read_model.state import Capacity
from tests.read_model_records import (
    ALERTS,
    LETTERS,
    MINUTE_MS,
    START_MS,
    STATISTICS,
    TRIGGERS,
    Record,
    Writes,
    alert,
    fed,
    letter,
    pairing,
    run,
    statistics,
    trigger,
)  # fmt: skip

SMALL = Capacity(
    models=3, versions=2, minutes=4, signals=4, history=3, firing=2, resolved=2, triggers=2, letter_topics=1, letters=2
)


def traffic(seed: int, length: int = 60) -> list[list[Record]]:
    """Records for each side: some of everything, unreadable ones among them."""
    rng = random.Random(seed)
    states = ["warming", "quiet", "warning", "drift"]
    sides: list[list[Record]] = [[], [], [], []]
    for at in range(length):
        model = f"m{rng.randrange(5)}"
        sides[STATISTICS].append(
            rng.choice(
                [
                    statistics(
                        model, rng.choice("123"), name=rng.choice("ab"), minute=at, state=rng.choice(states), score=rng.random()
                    ),
                    pairing(model, minute=at, read=10, paired=rng.randrange(5), late=1),
                    statistics(model, "1", name="a", minute=at, ended={"successor": "2"}),
                    Record(b"{"),
                ]
            )
        )
        sides[ALERTS].append(alert(rng.choice(["firing", "resolved"]), minute=at % 7, model=model, fingerprint=f"f{at % 3}"))
        sides[TRIGGERS].append(rng.choice([trigger(f"t{at}", minute=at), Record(None)]))
        sides[LETTERS].append(letter(rng.choice(["late", "not_json", "invented"]), rng.choice(["a", "b"]), at))
    return sides


def in_any_order(sides: list[list[Record]], rng: random.Random) -> list[tuple[int, list[Record]]]:
    """The sides cut into runs and interleaved."""
    left = [list(side) for side in sides]
    runs = []
    while any(left):
        side = rng.choice([side for side in range(4) if left[side]])
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
    return msgspec.json.encode({"documents": {key.decode(): Raw(value) for key, value in reversed(writes.table.items())}})


@pytest.mark.parametrize("seed", range(20))
def test_documents_do_not_depend_on_cuts_and_interleaving(seed: int) -> None:
    sides, rng = traffic(seed), random.Random(seed)
    one, other = Writes(), Writes()
    fold, again = ServeFold(0), ServeFold(0)
    for side in range(4):
        fold.feed(side, run(sides[side]), one)
    for side, records in in_any_order(sides, rng):
        again.feed(side, run(records), other)
    assert without_order(one.table) == without_order(other.table)
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
            crashed.restore(saved(crashing), None, [0] * 4)
    assert crashing.table == through.table
    assert crashed.figures() == fold.figures()


@pytest.mark.parametrize("seed", range(5))
def test_nothing_grows_with_the_traffic(seed: int) -> None:
    writes, fold = Writes(), ServeFold(0, SMALL)
    for side, records in in_any_order(traffic(seed, 400), random.Random(seed)):
        fold.feed(side, run(records), writes)
    kinds = [key.split(b" ")[0].decode() for key in writes.table]
    assert {kind: kinds.count(kind) for kind in sorted(set(kinds))} == {
        "alert": 4, "letters": 1, "model": 3, "partition": 1, "signal": kinds.count("signal"), "trigger": 2,
    }  # fmt: skip
    assert 1 <= kinds.count("signal") <= 4
    partition = msgspec.json.decode(writes.table[b"partition"])
    assert partition["dropped"]["model"] > 0
    assert partition["dropped"]["trigger"] > 300 - 2 - partition["unreadable"]["retrain.triggers"]


def test_a_document_is_written_once_for_a_run() -> None:
    writes = Writes()
    ServeFold(3).feed(STATISTICS, run([statistics(minute=minute) for minute in range(50)]), writes)
    assert sorted(key.split(b" ")[0] for _, _, key, _, _ in writes.sent if key) == [b"model", b"partition", b"signal"]
    assert {(topic, partition) for topic, partition, *_ in writes.sent} == {("redis", 3)}


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


def test_a_signal_whose_version_has_ended_goes() -> None:
    writes = fed((STATISTICS, statistics()), (STATISTICS, statistics(minute=1, ended={"reason": "version"})))
    assert not [key for key in writes.table if key.startswith(b"signal")]


@pytest.mark.parametrize("side", range(4))
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
    good = [statistics(), alert(), trigger(), letter()][side]
    fold.feed(side, run([Record(value), good]), writes)
    partition = msgspec.json.decode(writes.table[b"partition"])
    expected = {} if side == LETTERS else {INPUTS[side]: 1}  # a dead letter is told by its headers, whatever its value
    assert partition["unreadable"] == expected
    assert partition["records"] == {INPUTS[side]: 2}
    assert len(writes.table) >= 2


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

    assert not caught_up_after(False, False, False, False)
    assert not caught_up_after(False, True, True, True)
    assert caught_up_after(True, False, False, True)
    assert caught_up_after(False, False, False, False)


def test_it_beats_while_there_is_nothing_to_read() -> None:
    fold, writes = ServeFold(0), Writes()
    assert fold.idle([10, 9_000, 9_000, 9_000], writes) is False
    assert writes.sent == []
    fold.sees_ends([True] * 4, 0)
    assert fold.idle([10, 9_000, 9_000, 9_000], writes) is True
    assert msgspec.json.decode(writes.table[b"partition"])["caught_up"] is True
    assert fold.idle([None, 9_000, 9_000, 9_000], writes) is False
    waits = [0, BEAT_MS - 1, BEAT_MS, BEAT_MS + 1, 2 * BEAT_MS, 10, BEAT_MS]
    assert [fold.idle([wait] * 4, writes) for wait in waits] == [False, False, True, False, True, False, True]


def test_figures_are_a_closed_set_that_is_there_from_the_start() -> None:
    names = set(ServeFold(0).figures())
    fold = ServeFold(0)
    fed(*[(side, record) for side, records in enumerate(traffic(1)) for record in records], fold=fold)
    assert set(fold.figures()) == names
    assert fold.figures()['dead_letters_total{reason="unknown"}'] > 0
