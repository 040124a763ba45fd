"""What the serve role shows of silences and acknowledgements is what the role decide has, however their topics interleave."""

import random
from typing import Any

import msgspec
import pytest

from agents.decide import DecideFold
from agents.serve import ServeFold
from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.silences import SILENCES
from app.folds.fold import Headers
from app.read_model.capacity import Capacity
from app.read_model.views import Overview
from schemas.statistics import DetectorState
from tests.decide_builders import START, LogRecord, as_run, drift, fold, record_of
from tests.read_model_records import (
    ACTIONS,
    ALERTS,
    LETTERS,
    MINUTE_MS,
    SIDES,
    START_MS,
    STATISTICS,
    Record,
    Writes,
    action,
    alert,
    fed,
    overview,
    pairing,
    refusal,
    run,
    statistics,
)

#: Where the builders have their decide role.
PARTITION = 2
SEEN = {"by": "ada", "why": "a roll-out", "at": "2026-09-21T14:16:20.000Z"}


def shown(*records: tuple[int, Record]) -> Overview:
    return overview(fed(*records))


def by_id(seen: Overview) -> dict[str, str]:
    return {each.id: each.status for each in seen.silences}


class Decided:
    """A decide fold, and the logs of all that it read and wrote, as the serve role reads them."""

    def __init__(self) -> None:
        self.fold: DecideFold = fold(AlertPolicy(cause_s=0, keep_firing_for_s=0, group_s=0))
        self.logs: list[list[Record]] = [[] for _ in range(SIDES)]
        self._read = [0, 0, 0]

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        side = {"alerts": ALERTS, "dead.letters": LETTERS}.get(topic)
        if side is not None:
            self.logs[side].append(Record(value, headers, len(self.logs[side]), 0, key))

    def read(self, minute: int, state: DetectorState, name: str) -> None:
        record = record_of(drift(minute, state, name=name), self._read[0])
        self._take(0, STATISTICS, record)

    def act(self, name: str, minute: int, **fields: Any) -> None:
        said = action(name, minute=minute, offset=self._read[2], **fields)
        self._take(2, ACTIONS, LogRecord(said.offset, said.timestamp, b"credit", said.value))

    @property
    def up(self) -> list[str]:
        """The fingerprints of the alerts that were told and go on."""
        return [mark for mark, case in self.cases.items() if case.told_at]

    @property
    def cases(self) -> dict[str, Any]:
        return self.fold._decider.state.subjects["credit"].cases

    @property
    def silences(self) -> dict[str, Any]:
        return self.fold._decider.state.subjects["credit"].silences

    def _take(self, side: int, of: int, record: LogRecord) -> None:
        self.fold.feed(side, as_run([record], record.offset, record.offset + 1), self)
        self.logs[of].append(Record(record.value, record.headers, record.offset, record.timestamp, record.key))
        self._read[side] += 1


def story(rng: random.Random, length: int) -> Decided:
    """Two signals that come and go, and people who say something of them, some of it to no effect."""
    decided, names = Decided(), ("income", "age")
    decided.read(0, "quiet", "income")
    for minute in range(1, length):
        decided.read(minute, rng.choice(["drift", "drift", "quiet"]), rng.choice(names))
        matchers = {"model": "credit", "signal": f"feature/{rng.choice(names)}"}
        said = rng.randrange(7)
        if said == 0:
            until = START + (minute + rng.randrange(-1, 30)) * MINUTE_MS
            decided.act("silence", minute, id=f"s{rng.randrange(4)}", matchers=matchers, until=until)
        elif said == 1:
            decided.act("unsilence", minute, silence=f"s{rng.randrange(4)}")
        elif said == 2:
            decided.act("unsilence", minute, matchers=matchers)
        elif said in {3, 4} and decided.up:
            decided.act("acknowledge", minute, fingerprint=rng.choice(decided.up), why=f"seen in {minute}")
        elif said == 5:
            decided.act("acknowledge", minute, fingerprint="nobody")
            decided.act("silence", minute, subject="nobody", matchers={"model": "nobody"})
    return decided


def served(decided: Decided, rng: random.Random) -> Overview:
    """Its logs read in any interleaving, through crashes."""
    writes, left = Writes(), [list(log) for log in decided.logs]
    serve = ServeFold(PARTITION)
    while any(left):
        side = rng.choice([side for side in range(SIDES) if left[side]])
        cut = rng.randint(1, 9)
        serve.feed(side, run(left[side][:cut]), writes)
        left[side] = left[side][cut:]
        if rng.random() < 0.2:
            serve = ServeFold(PARTITION)
            documents = {key.decode(): msgspec.Raw(value) for key, value in reversed(writes.table.items())}
            series = {key.decode(): value for key, value in writes.series.items()}
            serve.restore(msgspec.json.encode({"documents": documents, "series": series}), None, [0] * SIDES)
    return overview(*[Writes() for _ in range(PARTITION)], writes)


@pytest.mark.parametrize("seed", range(25))
def test_what_is_shown_is_what_decide_has(seed: int) -> None:
    rng = random.Random(seed)
    decided = story(rng, 120)
    seen = served(decided, rng)
    newest = msgspec.json.decode(decided.logs[STATISTICS][-1].value or b"")["window"]["end"]

    held = {id_ for id_, silence in decided.silences.items() if silence.until > newest}
    assert {id_ for id_, status in by_id(seen).items() if status == "active"} == held
    firing = [each for each in seen.alerts if each.status == "firing"]
    assert sorted(each.fingerprint for each in firing) == sorted(decided.up)
    for each in firing:
        case = decided.cases[each.fingerprint]
        said = each.acknowledged and each.acknowledged.why
        assert said == (case.acknowledged and case.acknowledged.why)
        assert set(each.silenced_by) == {
            id_ for id_, it in decided.silences.items() if it.covers(each.fingerprint, each.labels, newest)
        }
    assert {silence.subject for silence in seen.silences if silence.status == "refused"} == {"nobody"}


def test_the_stories_have_what_they_are_about() -> None:
    """Else the law above would say little."""
    found = set()
    for seed in range(25):
        seen = served(story(random.Random(seed), 120), random.Random(seed))
        found |= {f"silence {each.status} {each.end}" for each in seen.silences}
        found |= {f"{each.status} acknowledged" for each in seen.alerts if each.acknowledged}
        found |= {"silenced" for each in seen.alerts if each.silenced_by}
    assert found >= {
        "silence active None", "silence ended taken_back", "silence ended time", "silence refused None",
        "firing acknowledged", "resolved acknowledged", "silenced",
    }  # fmt: skip


def test_a_silence_is_shown_with_who_and_why_and_who_took_it_back() -> None:
    records = [(STATISTICS, statistics()), (ALERTS, alert())]
    silence = (ACTIONS, action(matchers={"model": "credit"}, offset=3))
    seen = shown(*records, silence)
    assert [each.silenced_by for each in seen.alerts] == [["credit:silence-0"]]
    (found,) = seen.silences
    assert (found.status, found.by, found.why, found.fingerprint) == ("active", "ada", "a roll-out", None)
    assert (found.starts, found.until) == (START_MS, START_MS + 60 * MINUTE_MS)

    back = (ACTIONS, action("unsilence", minute=2, silence=found.id, by="bob", why="over", offset=4))
    seen = shown(*records, silence, back)
    (found,) = seen.silences
    assert (found.status, found.end) == ("ended", "taken_back")
    assert found.taken_back is not None
    assert (found.taken_back.by, found.taken_back.why, found.taken_back.at) == ("bob", "over", START_MS + 2 * MINUTE_MS)
    assert seen.alerts[0].silenced_by == []


@pytest.mark.parametrize(
    ("fields", "covered"),
    [
        ({"matchers": {"model": "credit"}}, True),
        ({"matchers": {"signal": "feature/age", "alertname": "FeatureDrift"}}, True),
        ({"matchers": {"signal": "feature/income"}}, False),
        ({"matchers": {"topic": "credit"}}, False),
        ({"fingerprint": "f1"}, True),
        ({"fingerprint": "f2"}, False),
        ({"matchers": {"model": "credit"}, "subject": "fraud"}, False),
    ],
)
def test_an_alert_is_silenced_by_what_covers_it(fields: dict[str, Any], covered: bool) -> None:
    seen = shown((STATISTICS, statistics()), (ALERTS, alert()), (ACTIONS, action(**fields)))
    assert bool(seen.alerts[0].silenced_by) == covered


def test_a_silence_is_over_when_statistics_of_its_subject_have_reached_its_end() -> None:
    silence = (ACTIONS, action(matchers={"model": "credit"}))
    before = (STATISTICS, statistics(minute=58))
    assert by_id(shown(silence, before, (STATISTICS, statistics("fraud", minute=90)))) == {"credit:silence-0": "active"}
    seen = shown(silence, before, (STATISTICS, statistics(minute=59)), (ALERTS, alert()))
    assert by_id(seen) == {"credit:silence-0": "ended"}
    assert (seen.silences[0].end, seen.alerts[0].silenced_by) == ("time", [])


def test_a_silence_that_is_over_stays_so_when_outcomes_come_for_windows_of_days_before() -> None:
    records = [(ACTIONS, action(matchers={"model": "credit"})), (STATISTICS, statistics(minute=59))]
    outcome = (STATISTICS, statistics(kind="error", name="log_loss", minute=-1380))
    assert by_id(shown(*records, outcome)) == {"credit:silence-0": "ended"}
    assert by_id(shown(records[0], outcome)) == {"credit:silence-0": "active"}
    assert by_id(shown(records[0], outcome, (STATISTICS, pairing(minute=59, read=7)))) == {"credit:silence-0": "ended"}


def test_a_silence_of_an_input_topic_is_compared_with_the_minutes_that_were_counted() -> None:
    labels = {"alertname": "ProducerMisrouted", "severity": "warning", "topic": "predictions.legacy"}
    records = [
        (ALERTS, alert(labels=labels)),
        (ACTIONS, action(subject="predictions.legacy", matchers={"topic": labels["topic"]})),
    ]
    for minute, status, silenced in ((58, "active", True), (59, "ended", False)):
        seen = shown((STATISTICS, pairing("", minute=minute, read=7)), *records)
        assert list(by_id(seen).values()) == [status]
        assert bool(seen.alerts[0].silenced_by) == silenced
    topics = [statistics("", "", "pairing", f"predictions.{at}", minute=at, role="all") for at in range(90)]
    assert list(by_id(shown(*records, *((STATISTICS, each) for each in topics))).values()) == ["active"], "they are of others"


def test_a_silence_of_a_model_that_is_not_known_stays_active() -> None:
    unknown = (ACTIONS, action(subject="gone", matchers={"model": "gone"}))
    assert by_id(shown(unknown, (STATISTICS, pairing("", minute=90, read=7)))) == {"gone:silence-0": "active"}


def test_more_silences_than_a_subject_may_have_displace_the_one_that_ends_first() -> None:
    many = [
        (ACTIONS, action(id=f"s{at}", matchers={"signal": str(at)}, until=START_MS + (60 + at) * MINUTE_MS))
        for at in range(SILENCES + 2)
    ]
    ended = {each.id: each.end for each in shown(*many).silences if each.status == "ended"}
    assert ended == {"s0": "displaced", "s1": "displaced"}


def test_of_more_silences_than_are_kept_the_one_that_ends_first_goes_and_is_counted() -> None:
    said = [
        (ACTIONS, action(id=id_, subject=id_, matchers={"model": id_}, until=START_MS + end * MINUTE_MS))
        for id_, end in (("long", 900), ("short", 5), ("later", 60), ("later", 61), ("new", 1))
    ]
    writes = fed(*said, fold=ServeFold(0, Capacity(silences=3)))
    seen = overview(writes)
    assert set(by_id(seen)) == {"long", "later", "new"}
    assert seen.pipeline.partitions[0].dropped == {"silence": 1}


def test_a_silence_that_is_sent_again_is_one_and_one_that_had_ended_holds_anew() -> None:
    one, back = action(id="s", matchers={"model": "credit"}), action("unsilence", minute=1, silence="s")
    assert by_id(shown((ACTIONS, one), (ACTIONS, one))) == {"s": "active"}
    assert by_id(shown((ACTIONS, one), (ACTIONS, back))) == {"s": "ended"}
    seen = shown((ACTIONS, one), (ACTIONS, back), (ACTIONS, action(id="s", minute=2, matchers={"model": "credit"})))
    assert by_id(seen) == {"s": "active"}
    assert seen.silences[0].taken_back is None


def test_a_refused_action_has_no_effect_wherever_its_dead_letter_is_read() -> None:
    said = [
        (ACTIONS, action(matchers={"model": "credit"}, offset=7)),
        (ACTIONS, action("acknowledge", fingerprint="f1", offset=8)),
    ]
    refused = [(LETTERS, refusal(7)), (LETTERS, refusal(8))]
    for records in ([*said, *refused], [*refused, *said]):
        seen = shown((STATISTICS, statistics()), (ALERTS, alert()), *records)
        assert by_id(seen) == {"credit:silence-0": "refused"}
        assert (seen.alerts[0].silenced_by, seen.alerts[0].acknowledged) == ([], None)
    seen = shown((STATISTICS, statistics()), (ALERTS, alert()), *said, (LETTERS, refusal(7, "outcomes")))
    assert by_id(seen) == {"credit:silence-0": "active"}, "the offset is one of another topic"
    elsewhere = refusal(7)._replace(headers=[*refusal(7).headers, ("source.partition", b"1")])
    assert by_id(shown(*said, (LETTERS, elsewhere))) == {"credit:silence-0": "active"}, "and this one of another partition"


def test_an_acknowledgement_that_was_sent_to_another_partition_hides_none() -> None:
    said = [(ACTIONS, action("acknowledge", minute=2, fingerprint="f1", by="ada", offset=1))]
    misplaced = [(ACTIONS, action("acknowledge", minute=3, fingerprint="f1", by="bob", offset=5))]
    refused = refusal(5)._replace(headers=[*refusal(5).headers, ("source.partition", b"1")])
    home = fed((STATISTICS, statistics()), (ALERTS, alert()), *said)

    def seen_by(*elsewhere: tuple[int, Record]) -> str | None:
        seen = overview(home, fed(*elsewhere, fold=ServeFold(1))).alerts[0].acknowledged
        return seen and seen.by

    assert seen_by(*misplaced, (LETTERS, refused)) == "ada"
    assert seen_by(*misplaced) == "bob", "until its refusal is read, the newest"
    earlier = (ACTIONS, action("acknowledge", minute=1, fingerprint="f1", by="eve", offset=6))
    assert seen_by(earlier) == "ada"


def test_an_acknowledgement_is_of_the_episode_that_fires_and_stays_with_it() -> None:
    def episode(minute: int, *more: tuple[int, Record]) -> tuple[dict[str, Any] | None, ...]:
        seen = shown((ACTIONS, action("acknowledge", minute=3, fingerprint="f1")), (ALERTS, alert()), *more)
        return tuple(msgspec.to_builtins(each.acknowledged) for each in seen.alerts)

    over = (ALERTS, alert("resolved", evidence={"acknowledged": SEEN}))
    assert episode(3) == (SEEN,)
    assert episode(3, over) == (SEEN,)
    assert episode(3, over, (ALERTS, alert(minute=20))) == (None, SEEN)
    later = (ACTIONS, action("acknowledge", minute=30, fingerprint="f1", by="bob"))
    of_both = episode(3, over, (ALERTS, alert(minute=20)), later)
    assert [each and each["by"] for each in of_both] == ["bob", "ada"]


def test_of_several_acknowledgements_the_last_is_shown_and_none_of_a_past_episode() -> None:
    said = [(ACTIONS, action("acknowledge", minute=at, fingerprint="f1", by=by)) for at, by in ((2, "bob"), (3, "ada"))]
    seen = shown(*said, (ALERTS, alert()))
    assert seen.alerts[0].acknowledged is not None
    assert seen.alerts[0].acknowledged.by == "ada"
    over = (ALERTS, alert("resolved", evidence={"acknowledged": SEEN}))
    assert shown(*said, (ALERTS, alert()), over, (ALERTS, alert(minute=20))).alerts[0].acknowledged is None


def test_of_one_alert_the_newest_few_acknowledgements_are_kept() -> None:
    many = [(ACTIONS, action("acknowledge", minute=at, fingerprint="f1", by=f"b{at}")) for at in range(9)]
    table = fed(*many, fold=ServeFold(0, Capacity(said=3))).table
    (document,) = (msgspec.json.decode(value) for key, value in table.items() if key.startswith(b"acknowledged"))
    assert [each["said"]["by"] for each in document["said"]] == ["b6", "b7", "b8"]


@pytest.mark.parametrize(("minute", "said"), [(0, True), (5, True), (6, False), (25 * 60, False)])
def test_an_acknowledgement_that_was_said_before_an_episode_began_is_not_of_it(minute: int, said: bool) -> None:
    """Two clocks are compared, and that of the events may be five minutes ahead."""
    seen = shown((ACTIONS, action("acknowledge", fingerprint="f1")), (ALERTS, alert(minute=minute)))
    assert bool(seen.alerts[0].acknowledged) == said


@pytest.mark.parametrize("others", [199, 200])
def test_an_acknowledgement_stays_with_its_episode_when_that_is_let_go(others: int) -> None:
    over = [alert("resolved", evidence={"acknowledged": SEEN})]
    over += [alert("resolved", fingerprint=f"o{at}", minute=1) for at in range(others)]
    said = (ACTIONS, action("acknowledge", minute=3, fingerprint="f1"))
    seen = shown((ALERTS, alert()), said, *((ALERTS, each) for each in over), (ALERTS, alert(minute=60)))
    assert [each.acknowledged for each in seen.alerts if each.status == "firing"] == [None]


def test_an_acknowledgement_of_what_was_never_told_is_not_of_the_next_episode() -> None:
    decided = Decided()
    decided.read(0, "quiet", "income")
    decided.act("silence", 0, id="s", matchers={"model": "credit"}, until=START + 10 * MINUTE_MS)
    decided.read(1, "drift", "income")
    decided.act("acknowledge", 2, fingerprint=next(iter(decided.cases)))
    for minute in range(3, 12):
        decided.read(minute, "quiet", "income")
    decided.read(20, "drift", "income")
    assert not decided.logs[LETTERS], "it was of an alert that was up"
    (fires,) = shown(*((side, each) for side in (ACTIONS, ALERTS) for each in decided.logs[side])).alerts
    assert (fires.status, fires.acknowledged) == ("firing", None)


@pytest.mark.parametrize(
    "told", [{"acknowledged": 3}, {"acknowledged": {"by": "ada"}}, {"acknowledged": None}, {"e": "x" * 9_000}]
)
def test_a_resolve_that_says_it_oddly_is_shown_all_the_same(told: dict[str, Any]) -> None:
    (found,) = shown((ALERTS, alert("resolved", evidence=told))).alerts
    assert (found.status, found.acknowledged) == ("resolved", None)


def test_who_acknowledged_is_known_where_the_evidence_is_too_large_to_be_shown() -> None:
    (found,) = shown((ALERTS, alert("resolved", evidence={"e": "x" * 9_000, "acknowledged": SEEN}))).alerts
    assert found.evidence_trimmed
    assert msgspec.to_builtins(found.acknowledged) == SEEN


def test_an_action_of_a_time_that_no_calendar_has_is_counted_and_stops_nobody() -> None:
    far = action("acknowledge", fingerprint="f1", timestamp=10**15)._replace(timestamp=10**15)
    writes = fed((ALERTS, alert()), (ACTIONS, far))
    assert msgspec.json.decode(writes.table[b"partition"])["unreadable"] == {"actions": 1}
    assert overview(writes).alerts[0].acknowledged is None


def test_an_action_with_a_label_too_long_for_decide_is_counted() -> None:
    large = action(matchers={"model": "credit", "x" * 129: "y"})
    writes = fed((ACTIONS, large))
    assert msgspec.json.decode(writes.table[b"partition"])["unreadable"] == {"actions": 1}
    assert not [key for key in writes.table if key.startswith(b"silence")]


@pytest.mark.parametrize("character", ["\x01", '"', "é", "😀"])
def test_the_largest_action_that_decide_takes_is_shown(character: str) -> None:
    said = {"id": character * 256, "by": character * 256, "why": character * 1_000}
    matchers = {f"{at:02}{character * 126}": character * 256 for at in range(16)}
    decided = Decided()
    decided.read(0, "quiet", "income")
    decided.act("silence", 0, matchers=matchers, foreign="x" * 50_000, **said)
    assert list(decided.silences) == [said["id"]]
    writes = fed((ACTIONS, decided.logs[ACTIONS][0]))
    assert by_id(overview(writes)) == {said["id"]: "active"}
    (document,) = (value for key, value in writes.table.items() if key.startswith(b"silence"))
    assert len(document) < 50_000
