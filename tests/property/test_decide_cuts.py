"""The decide fold gives the same records however the log was cut, whenever it was stopped, and whenever the log answered.

The invariant: outputs that were committed, in order for each topic and key, are a function of the log of statistics alone.
"""

from collections import defaultdict
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.decide import DecideFold
from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.retraining import RetrainPolicy
from schemas.statistics import DriftStatistics
from tests.decide_builders import LogRecord, Outbox, Sent, answers, as_run, drift, fold, log_answer, minute, misrouted, record_of

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
logs = st.lists(drifts | drifts | pairings | keys, max_size=60).map(
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
