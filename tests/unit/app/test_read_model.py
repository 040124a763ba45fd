"""The read model without Redis: what documents become when they are shown, and that a change costs what it changes."""

import asyncio
import doctest
from typing import cast

import msgspec
import pytest
from redis.asyncio import Redis

from app.read_model import keys
from app.read_model.documents import FORMAT, KINDS, ModelDocument
from app.read_model.gathering import Gathering
from app.read_model.mirror import BEATEN_MS, ReadModel, unattended
from app.read_model.table import Changes, Table
from app.read_model.views import Overview, PartitionStatus
from tests.read_model_records import (
    ACTIONS,
    ALERTS,
    LETTERS,
    START_MS,
    STATISTICS,
    STATUSES,
    TRIGGERS,
    VERDICTS,
    Writes,
    action,
    alert,
    fed,
    letter,
    overview,
    pairing,
    refusal,
)

from tests.read_model_records import statistics, status, trigger, verdict  # isort: skip


def gathered(writes: Writes) -> Gathering:
    gathering = Gathering()
    for key, value in writes.table.items():
        put(gathering, key, value)
    gathering.gather()
    return gathering


def put(gathering: Gathering, key: bytes, value: bytes | None) -> None:
    field = key.decode()
    document = None if value is None else msgspec.json.decode(value, type=KINDS[field.partition(" ")[0]])
    gathering.put(0, field, document)


def test_counts_of_minutes_and_shards_are_added_up() -> None:
    first = fed(
        (STATISTICS, pairing(read=20, paired=8, legacy_only=1)), (STATISTICS, pairing(minute=1, read=4, paired=2, late=1))
    )
    second = fed((STATISTICS, pairing(minute=2, read=3, shadow_only=1, solo=5)))
    pairing_shown = overview(first, second).models["credit"].pairing
    assert (pairing_shown.read, pairing_shown.paired, pairing_shown.solo, pairing_shown.late) == (27, 10, 5, 1)
    assert pairing_shown.match_rate == 10 / 12
    assert (pairing_shown.since, pairing_shown.until) == (START_MS, START_MS + 180_000)


def test_what_belongs_to_no_model_counts_for_the_pipeline_and_is_no_model() -> None:
    shown = overview(fed((STATISTICS, pairing(read=5, paired=2)), (STATISTICS, pairing("", read=7, rejected=7))))
    assert list(shown.models) == ["credit"]
    assert (shown.pipeline.pairing.read, shown.pipeline.pairing.rejected) == (12, 7)


def test_a_model_is_as_well_as_its_worst_signal() -> None:
    records = [statistics(name=state, state=state) for state in ("quiet", "drift", "warming", "warning")]
    model = overview(fed(*((STATISTICS, record) for record in records))).models["credit"]
    assert [signal.state for signal in model.signals] == ["drift", "warning", "warming", "quiet"]
    assert model.state == "drift"


def test_versions_are_shown_by_role_and_a_segment_is_another_signal() -> None:
    writes = fed(
        (STATISTICS, statistics(version="2.0.0", role="shadow")),
        (STATISTICS, statistics(version="1.4.0", segment={"channel": "web"})),
        (STATISTICS, statistics(version="1.4.0")),
    )
    model = overview(writes).models["credit"]
    assert [(version.version, version.role) for version in model.versions] == [("1.4.0", "legacy"), ("2.0.0", "shadow")]
    assert len(model.signals) == 3


def test_names_that_look_alike_stay_apart() -> None:
    records = [statistics("a|b", "c"), statistics("a", "b|c"), statistics("a", "b", name="x|y"), statistics('a","b')]
    shown = overview(fed(*((STATISTICS, record) for record in records)))
    assert sum(len(model.signals) for model in shown.models.values()) == 4


def test_firing_alerts_come_first_and_count_for_their_model() -> None:
    shown = overview(
        fed(
            (STATISTICS, statistics()),
            (ALERTS, alert(fingerprint="a")),
            (ALERTS, alert("resolved", fingerprint="a")),
            (ALERTS, alert(fingerprint="b")),
            (ALERTS, alert(fingerprint="c", minute=5)),
            (ALERTS, alert(fingerprint="d", minute=6, model="unseen")),
        )
    )
    assert [found.fingerprint for found in shown.alerts] == ["d", "c", "b", "a"]
    assert shown.models["credit"].alerts_open == 2
    assert list(shown.models) == ["credit"]


def test_dead_letters_are_counted_by_topic_and_reason_over_partitions() -> None:
    letters = overview(
        fed((LETTERS, letter()), (LETTERS, letter("not_json", "outcomes", 9))), fed((LETTERS, letter(offset=8)))
    ).pipeline.dead_letters
    assert letters.total == 3
    assert letters.by_topic == {"outcomes": {"not_json": 1}, "predictions.legacy": {"late": 2}}
    assert [example.offset for example in letters.newest] == [9, 8, 7]


def test_triggers_come_newest_first() -> None:
    shown = overview(
        fed((TRIGGERS, trigger("a", minute=1)), (TRIGGERS, trigger("b", minute=3)), (TRIGGERS, trigger("c", minute=2)))
    )
    assert [found.trigger.trigger_id for found in shown.triggers] == ["b", "c", "a"]
    assert shown.triggers[0].time == "2026-09-21T14:16:20.000Z"


def test_a_model_has_the_newest_verdict_on_each_of_its_shadows() -> None:
    first = fed((STATISTICS, statistics()), (VERDICTS, verdict("continue")), (VERDICTS, verdict("promote", minute=2)))
    other = fed((VERDICTS, verdict("reject", minute=1)), (VERDICTS, verdict("inconclusive", shadow="1.9", minute=1)))
    found = overview(first, other).models["credit"].verdicts
    assert [(each.verdict.shadow_version, each.verdict.verdict) for each in found] == [
        ("1.9", "inconclusive"),
        ("2.0.0", "promote"),
    ]
    assert found[1].time == "2026-09-21T14:15:20.000Z"
    assert "verdicts" in msgspec.json.decode(msgspec.json.encode(overview(fed((VERDICTS, verdict()))).models["credit"]))


def test_what_did_not_change_stays_the_same_object() -> None:
    gathering = gathered(fed((STATISTICS, statistics("a")), (STATISTICS, statistics("b")), (ALERTS, alert(model="b"))))
    before = gathering.view(1, 0, {0: 0})
    for key, value in fed((STATISTICS, statistics("a", minute=1))).table.items():
        put(gathering, key, value)
    gathering.gather()
    after = gathering.view(2, 0, {0: 0})
    assert after.models["b"] is before.models["b"]
    assert after.models["a"] is not before.models["a"]
    assert after.alerts is before.alerts


def test_a_silence_is_over_for_who_looks_as_soon_as_statistics_say_so_and_nothing_is_made_anew_before() -> None:
    said = (ACTIONS, action(matchers={"model": "credit"}))
    gathering = gathered(fed((STATISTICS, statistics()), (ALERTS, alert()), said))
    before = gathering.view(1, 0, {0: 0})
    for minute, state in ((1, "active"), (90, "ended")):
        for key, value in fed((STATISTICS, statistics(minute=minute))).table.items():
            put(gathering, key, value)
        gathering.gather()
        seen = gathering.view(2, 0, {0: 0})
        assert [each.status for each in seen.silences] == [state]
        assert (seen.alerts is before.alerts, seen.silences is before.silences) == (state == "active", state == "active")
    assert seen.alerts[0].silenced_by == []


def test_a_trigger_is_shown_anew_when_an_answer_comes_and_when_it_was_refused() -> None:
    trained, gathering = [], gathered(fed((TRIGGERS, trigger())))
    for writes in (fed((STATUSES, status())), fed((LETTERS, refusal(0, "retrain.status")))):
        for key, value in writes.table.items():
            put(gathering, key, value)
        gathering.gather()
        trained.append(gathering.triggers[0].training is not None)
    assert trained == [True, False]


def test_what_is_gone_is_gone() -> None:
    said = [(ACTIONS, action(matchers={"model": "credit"})), (ACTIONS, action("acknowledge", fingerprint="f1"))]
    told = [(ALERTS, alert()), (TRIGGERS, trigger()), (LETTERS, letter()), (LETTERS, refusal(9)), (STATUSES, status()),
            (LETTERS, refusal(8, "retrain.status"))]  # fmt: skip
    writes = fed((STATISTICS, statistics()), *told, *said)
    gathering = gathered(writes)
    for key in writes.table:
        put(gathering, key, None)
    gathering.gather()
    assert gathering.view(1, 0, {0: None}) == Gathering().view(1, 0, {0: None})


def test_a_full_table_lets_the_oldest_go_also_after_it_was_loaded() -> None:
    def document(order: int) -> ModelDocument:
        return ModelDocument(order=order, model=str(order))

    changes: Changes = {}
    table: Table[ModelDocument] = Table("model", 2, changes)
    table.load([("b", document(2)), ("a", document(1))])
    table.put("b", document(3))
    table.put("c", document(4))
    assert changes == {"model b": document(3), "model c": document(4), "model a": None}
    assert table.dropped == 1


@pytest.mark.parametrize(
    ("written_at", "caught_up", "now_ms", "since", "words"),
    [
        ((1_000, 2_000), (True, True), 1_000 + BEATEN_MS, "fresh", None),
        ((1_000, 2_000), (True, True), 1_001 + BEATEN_MS, 1_000, "partition 0"),
        ((1_000, None), (True, False), 1_000, None, "not built yet: partition 1"),
        ((1_000, 1_000), (True, False), 1_000, None, "being rebuilt from the log: partition 1"),
    ],
)
def test_a_read_model_says_when_nobody_keeps_it(
    written_at: tuple[int | None, ...], caught_up: tuple[bool, ...], now_ms: int, since: int | str | None, words: str | None
) -> None:
    partitions = [
        PartitionStatus(partition=at, written_at=written, caught_up=caught, records={}, unreadable={}, dropped={})
        for at, (written, caught) in enumerate(zip(written_at, caught_up, strict=True))
    ]
    stale = unattended(partitions, now_ms)
    if words is None:
        assert stale is None
    else:
        assert stale is not None
        assert stale.since == since
        assert words in stale.reason


class OddRedis:
    """Gives these answers, some of which no ledger writes, one after the other, and the last of them for ever."""

    def __init__(self, *answers: list[object]) -> None:
        self.answers = list(answers)

    def pipeline(self, *, transaction: bool) -> "OddRedis":
        return self

    async def __aenter__(self) -> "OddRedis":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def hmget(self, *_: object) -> None:
        pass

    def hgetall(self, *_: object) -> None:
        pass

    async def execute(self) -> list[object]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def test_a_look_that_fails_by_anything_at_all_is_told() -> None:
    async def looked() -> Overview:
        answers = OddRedis([(FORMAT.encode(), b"o", b"1", b"not a time")])
        return await ReadModel(cast("Redis", answers), "", 1).current()

    stale = asyncio.run(looked()).stale
    assert stale is not None
    assert "cannot be shown: ValueError" in stale.reason


def test_what_could_not_be_shown_is_not_taken_for_shown_when_nothing_more_comes() -> None:
    async def looked() -> list[Overview]:
        [(field, document)] = [item for item in fed((STATISTICS, statistics())).table.items() if item[0].startswith(b"signal")]
        odd = document.replace(b'"statistics":{}', b'"statistics":[1]')
        assert odd != document
        place = (FORMAT.encode(), b"o", b"1", b"1")
        model = ReadModel(cast("Redis", OddRedis([place], [place[1:], {field: odd}], [place])), "", 1)
        first = await model.current()
        model._looked = float("-inf")  # as when it is no longer fresh
        return [first, await model.current()]

    for seen in asyncio.run(looked()):
        assert seen.as_of is None
        assert seen.stale is not None
        assert "cannot be shown: ValidationError" in seen.stale.reason


def test_examples() -> None:
    assert doctest.testmod(keys).failed == 0
