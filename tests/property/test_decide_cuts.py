"""The decide fold gives the same records however the logs were cut, whenever it was stopped, and whenever the log answered.

The invariant: outputs that were committed, in order for each topic and key, are a function of the log of statistics alone; and,
where pipelines and people answer, of the order in which the three logs were read.
"""

from collections import defaultdict
from itertools import groupby, pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.decide import DecideFold
from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.retraining import RetrainPolicy
from schemas.statistics import DriftStatistics
from tests.decide_builders import (
    START,
    LogRecord,
    Outbox,
    Sent,
    ahead,
    answers,
    as_run,
    drift,
    fold,
    gaps,
    log_answer,
    minute,
    misrouted,
    of_type,
    record_of,
)  # fmt: skip

POLICIES = (
    AlertPolicy(for_s=60, keep_firing_for_s=120, forget_after_s=1_800),
    RetrainPolicy(cooldown_s=900, minimum_events=1_500),
)

states = st.sampled_from(["quiet", "quiet", "warning", "drift", "drift", "warming"])
minutes = st.integers(0, 120)
some = st.integers(0, 60)
drifts = st.builds(
    drift, minutes, states, st.sampled_from(["feature", "prediction", "latency", "difference"]),
    st.sampled_from(["income", "age"]),
    model=st.sampled_from(["credit", "fraud"]), role=st.sampled_from(["legacy", "legacy", "shadow"]), change=st.none() | minutes,
)  # fmt: skip
pairings = st.builds(
    minute, minutes, model=st.sampled_from(["credit", "fraud"]), paired=st.sampled_from([0, 0, 5]), legacy_only=some,
    shadow_only=st.sampled_from([0, 0, 30]), unexpected=st.dictionaries(st.sampled_from("345"), st.just(1)),
)  # fmt: skip
keys = st.builds(misrouted, minutes, st.sampled_from([0, 0, 3, 9]), st.just(60), partition=st.integers(0, 2))
clocks = st.builds(ahead, minutes, st.sampled_from([0, 0, 3, 9]), st.just(60), partition=st.integers(0, 2)) | st.builds(
    gaps, minutes, st.sampled_from([0, -9, 3, 9]), partition=st.integers(0, 2), version=st.sampled_from("23")
)
logs = st.lists(drifts | drifts | pairings | keys | clocks, max_size=60).map(
    lambda log: sorted(log, key=lambda one: one.window.start // 600_000)  # forwards at large, back and forth in between
)


def by_key(sent: list[Sent]) -> dict[tuple[str, bytes | None], list[Sent]]:
    keyed: dict[tuple[str, bytes | None], list[Sent]] = defaultdict(list)
    for one in sent:
        keyed[one.topic, one.key].append(one)
    return keyed


def new() -> DecideFold:
    return fold(*POLICIES)


def at_once(records: list[LogRecord]) -> list[Sent]:
    """One record a run, every question answered before the next."""
    decide, out = new(), Outbox()
    for record in records:
        decide.feed(0, as_run([record], record.offset, record.offset + 1), out)
        answers(decide, out)
    return out


def cut(records: list[LogRecord], choices: st.DataObject) -> list[Sent]:
    """Runs of any length; after each: commit or crash, go on or restart, and answer some questions or none."""
    decide, committed, position = new(), list[Sent](), 0
    saved: bytes | None = None
    while position < len(records) or decide.questions():
        out = Outbox()
        end = choices.draw(st.integers(position, len(records)))
        decide.feed(0, as_run(records, position, end), out)
        for query in list(decide.questions()):
            if end == len(records) or choices.draw(st.booleans()):
                decide.answer(query, log_answer(query), out)
        if choices.draw(st.sampled_from(["commit", "commit", "crash"])) == "commit":
            committed += out
            position, saved = end, decide.save()
            if choices.draw(st.booleans()):
                continue
        decide = new()
        decide.restore(saved, None, [position])
    return committed


@settings(max_examples=150, deadline=None)
@given(log=logs, choices=st.data())
def test_cuts_crashes_and_late_answers_change_nothing(log: list[DriftStatistics], choices: st.DataObject) -> None:
    records = [record_of(one, offset) for offset, one in enumerate(log)]
    assert by_key(cut(records, choices)) == by_key(at_once(records))


@settings(max_examples=100, deadline=None)
@given(log=logs)
def test_every_id_once_and_every_episode_in_order(log: list[DriftStatistics]) -> None:
    sent = at_once([record_of(one, offset) for offset, one in enumerate(log)])
    ids = [(one.topic, one.event["id"]) for one in sent]
    assert len(set(ids)) == len(ids)
    for (topic, _), events in by_key(sent).items():
        if topic == "alerts":
            statuses = [one.data["status"] for one in events]
            assert statuses == ["firing", "resolved"] * (len(statuses) // 2) + ["firing"] * (len(statuses) % 2)
            for one, other in pairwise(events):
                began, ended = one.data["startsAt"], other.data.get("endsAt", "")
                assert other.data["startsAt"] == began <= ended if ended else other.data["startsAt"] > one.data["endsAt"]


@settings(max_examples=50, deadline=None)
@given(log=logs)
def test_a_saved_state_is_restored_as_it_was(log: list[DriftStatistics]) -> None:
    decide, out, again = new(), Outbox(), new()
    decide.feed(0, as_run([record_of(one, offset) for offset, one in enumerate(log)], 0, len(log)), out)
    again.restore(decide.save(), None, [len(log)])
    assert (again._decider.state, again.figures()) == (decide._decider.state, decide.figures())


# --- with answers, versions and outcomes ------------------------------------------------------------------------------

Spoken = tuple[int, LogRecord]
ANSWERED = (
    AlertPolicy(keep_firing_for_s=120),
    RetrainPolicy(
        cooldown_s=300, minimum_events=1_500, quorum=1, daily_maximum=6, approval="required", approval_expires_s=900,
        acknowledge_s=600, lease_s=900, schedule_s=3_600, minimum_label_share=0.2, repeat_after_s=1_800,
    ),
)  # fmt: skip
KEPT_MS = 3_600_000
#: Outcomes tell of so long ago.
LATE_MS = 3_000_000
models, versions = st.sampled_from(["credit", "fraud"]), st.sampled_from(["1.4.0", "1.5.0"])
served = st.builds(drift, minutes, st.just("quiet"), st.just("prediction"), st.just(""), model=models, version=versions)
moved = st.builds(
    drift, minutes, st.sampled_from(["quiet", "drift", "drift"]), st.sampled_from(["feature", "prediction", "error"]),
    st.just(""), model=models, version=versions, change=st.none() | minutes,
    direction=st.sampled_from(["location up", "location down"]),
)  # fmt: skip
labelled = st.builds(
    drift, minutes, st.just("quiet"), st.just("error"), st.just(""), model=models, version=versions, label_share=st.just(0.9)
)
differs = st.builds(
    drift, minutes, st.just("drift"), st.just("difference"), st.just(""), model=models, role=st.just("shadow"),
    version=st.just("2.0.0"), change=minutes, since=minutes.map(lambda at: START + at * 60_000),
)  # fmt: skip
ended = st.builds(
    drift, minutes, st.just("quiet"), st.just("feature"), st.just(""), model=models,
    ended=st.just({"reason": "version", "successor": "1.5.0"}),
)  # fmt: skip
answered_logs = st.lists(drifts | served | served | moved | labelled | differs | ended | pairings, max_size=60).map(
    lambda log: sorted(log, key=lambda one: (one.window.start + LATE_MS * (one.signal.kind == "error")) // 600_000)
)
says = st.sampled_from(["accepted", "running", "succeeded", "failed", "approve", "approve", "approve", "reject", "trigger"])


def spoken(log: list[DriftStatistics], choices: st.DataObject) -> list[Spoken]:
    """The statistics, and among them what is said to the triggers that they give, and to some that they do not."""
    alone = play([(0, record_of(one, offset)) for offset, one in enumerate(log)])
    known = [(one["trigger_id"], one["model"]["name"]) for one in of_type(alone, "retrain.triggers")] or [("rt-0", "credit")]
    said: list[Spoken] = [(0, record_of(one, offset)) for offset, one in enumerate(log)]
    offsets = {1: 0, 2: 0}
    for at in sorted(choices.draw(st.lists(st.integers(0, len(log)), max_size=12)), reverse=True):
        (id_, model), word = choices.draw(st.sampled_from(known)), choices.draw(says)
        time = START + choices.draw(minutes) * 60_000
        value: dict[str, object] = {"trigger_id": id_, "model": model, "status": word, "timestamp": time}
        if word == "succeeded":
            value["new_version"] = choices.draw(versions)
        side = 1
        if word in ("approve", "reject", "trigger"):
            side = 2
            value = {
                "id": f"a{choices.draw(st.integers(0, 3))}", "action": word, "subject": model, "by": "ada", "why": "so",
                "timestamp": time, "trigger_id": id_,
            }  # fmt: skip
        said.insert(at, (side, LogRecord(0, START + 86_400_000, model.encode(), msgspec.json.encode(value))))
    for index, (side, record) in enumerate(said):  # offsets in the order in which they are read
        if side:
            said[index] = (side, record._replace(offset=offsets[side]))
            offsets[side] += 1
    return said


def runs(said: list[Spoken]) -> list[tuple[int, list[LogRecord]]]:
    """What is said, as runs of one side."""
    return [(side, [record for _, record in group]) for side, group in groupby(said, key=lambda one: one[0])]


def feed(decide: DecideFold, said: list[Spoken], out: Outbox) -> None:
    for side, records in runs(said):
        decide.feed(side, as_run(records, records[0].offset, records[-1].offset + 1), out)


def play(said: list[Spoken]) -> list[Sent]:
    """One record a run, every question answered before the next."""
    decide, out = fold(*ANSWERED, retention_ms=KEPT_MS), Outbox()
    for one in said:
        feed(decide, [one], out)
        answers(decide, out)
    return out


def play_cut(said: list[Spoken], choices: st.DataObject) -> list[Sent]:
    """The same in longer runs, with crashes, restarts and late answers."""
    decide, committed, position = fold(*ANSWERED, retention_ms=KEPT_MS), list[Sent](), 0
    saved: bytes | None = None
    while position < len(said) or decide.questions():
        out = Outbox()
        end = choices.draw(st.integers(position, len(said)))
        feed(decide, said[position:end], out)
        for query in list(decide.questions()):
            if end == len(said) or choices.draw(st.booleans()):
                decide.answer(query, log_answer(query), out)
        if choices.draw(st.sampled_from(["commit", "commit", "crash"])) == "commit":
            committed += out
            position, saved = end, decide.save()
            if choices.draw(st.booleans()):
                continue
        decide = fold(*ANSWERED, retention_ms=KEPT_MS)
        decide.restore(saved, None, [0, 0, 0])
    return committed


@settings(max_examples=200, deadline=None)
@given(log=answered_logs, choices=st.data())
def test_cuts_crashes_and_late_answers_change_no_trigger_and_no_approval(
    log: list[DriftStatistics], choices: st.DataObject
) -> None:
    said = spoken(log, choices)
    whole = play(said)
    assert by_key(play_cut(said, choices)) == by_key(whole)
    ids = [one.event["id"] for one in whole if one.topic == "retrain.triggers"]
    assert len(set(ids)) == len(ids)
    decided = [id_ for id_ in ids if "/" in id_]
    assert len({id_.partition("/")[0] for id_ in decided}) == len(decided), "a trigger is approved, rejected or expired, once"
