"""From statistics to alerts and retrain triggers: the decide role's whole decision, one record at a time.

The plan for a record: find its subject (a model, or an input topic); take each statement in it; close the cases that nobody
has spoken of for long; for the served model, judge whether what fires is a cause to retrain. A trigger that was decided
waits in ``pending`` until the log has said how many records its window holds; nothing that is decided later depends on when
that answer comes, so neither the cut of the log nor a crash in between changes a trigger.

Two signals of one model that move together are two alerts and one trigger. A record that cannot be used changes nothing and
is counted: ``skipped``.

``refused`` counts what the bounds of the state refused: what still holds is asked again with its next record, so it is
late, not lost.

Delivery guarantees: ``State`` is plain data and all there is; a replay from it decides the same.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec
from msgspec import ValidationError
from msgspec.structs import replace

from app.domain.decisions import alert_statements
from app.domain.decisions.alert_kinds import OF_SIGNAL
from app.domain.decisions.alert_message import Links, alert_id, alert_message
from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.alert_subjects import REFUSED, News, Said, Subject
from app.domain.decisions.alerting import Condition, Phase
from app.domain.decisions.decide_state import CASES, Pending, State, count, note_version
from app.domain.decisions.evidence import evidence_of
from app.domain.decisions.retrain_trigger import Ground, complete, compose
from app.domain.decisions.retraining import CODES, SETTLED, Cause, RetrainPolicy, RetrainReason
from schemas.alert import Alert
from schemas.cloudevents import rfc3339
from schemas.offsets import OffsetRange
from schemas.statistics import DriftStatistics
from schemas.trigger import TriggerPolicy

__all__ = ["Decider", "Told"]

#: So long after a shadow was last spoken of a trigger still names it.
_SHADOW_MS = 24 * 3_600_000

_decode = msgspec.json.Decoder(DriftStatistics).decode


class Told(NamedTuple):
    """A change of an alert's state; ``at`` is its event time, ``caused_by`` the id of the statistics record."""

    id: str
    alert: Alert
    at: int
    caused_by: str


class Decider:
    """See the module's text. Policies are asked for at each record, by model; a topic's alerts have the policy of ``""``."""

    def __init__(
        self,
        full_name: Callable[[str], str],
        alert_policy_for: Callable[[str], AlertPolicy],
        retrain_policy_for: Callable[[str], RetrainPolicy],
        links: Links,
    ) -> None:
        self.state = State()
        self._full_name, self._pairs, self._links = full_name, full_name("pairs"), links
        self._alert_policy_for, self._retrain_policy_for = alert_policy_for, retrain_policy_for
        self._open = 0

    def load(self, state: State) -> None:
        """Go on from a state that was saved."""
        self.state, self._open = state, sum(len(subject.cases) for subject in state.subjects.values())

    def read(self, value: bytes | None, id_: str) -> list[Told]:
        """Take one record of statistics, whose event has this id; what there is to tell."""
        try:
            statistics = _decode(value or b"")
        except (msgspec.DecodeError, ValidationError):
            self.state.counters.skipped += 1
            return []
        return self._take(statistics, id_)

    def complete(self, model: str, stretch: OffsetRange, events: int, digest: str, *, whole: bool) -> list[Pending]:
        """The triggers that waited for this stretch of the model's pairs, with what the log said of it."""
        pending, done = self.state.pending, []
        for id_, waiting in list(pending.items()):
            if waiting.trigger.model.name == model and waiting.trigger.window.offsets == [stretch]:
                done.append(replace(pending.pop(id_), trigger=complete(waiting.trigger, events, digest, whole=whole)))
        return done

    def _take(self, statistics: DriftStatistics, id_: str) -> list[Told]:
        model, counters, signal = statistics.model, self.state.counters, statistics.signal
        if signal.kind != "pairing" and not (model and signal.kind in OF_SIGNAL):
            counters.skipped += 1
            return []
        name = model or f"topic/{signal.name}"
        subject = self.state.subject(name, statistics.window.end, self._retrain_policy_for)
        if subject is None:
            counters.refused += 1
            return []
        before, told = len(subject.cases), []
        try:
            told = self._read(statistics, id_, subject, self._alert_policy_for(model))
        except ValidationError:
            counters.skipped += 1
        self._open += len(subject.cases) - before
        return told

    def _read(self, statistics: DriftStatistics, id_: str, subject: Subject, policy: AlertPolicy) -> list[Told]:
        note_version(subject, statistics)
        told: list[Told] = []
        for said in self._statements(statistics, subject, policy):
            news = subject.hear(said, room=self._open < CASES)
            if news is REFUSED:
                self.state.counters.refused += 1
            elif news is not None:
                told += self._tell(news, statistics, id_)
                self._judge(statistics, id_, subject, said, news)
        start = statistics.window.start
        for news in subject.forget(start - policy.forget_after_s * 1000, start):
            told += self._tell(news, None, id_)
        return told

    def _statements(self, statistics: DriftStatistics, subject: Subject, policy: AlertPolicy) -> Iterator[Said]:
        if statistics.signal.kind != "pairing":
            return alert_statements.of_signal(statistics, subject, policy)
        if statistics.model:
            return alert_statements.of_pairing(statistics, subject, policy)
        return alert_statements.of_topic(statistics, subject, policy, self._full_name)

    def _tell(self, news: News, statistics: DriftStatistics | None, id_: str) -> list[Told]:
        """The event that tells a change, with the ``statistics`` that speak of it, if any do."""
        if news.change is None:
            return []
        if news.change == "firing":
            count(self.state.counters.alerts, news.case.labels["alertname"])
        else:
            self.state.counters.resolved += 1
        id_of_alert = alert_id(news.fingerprint, news.change, news.starts)
        evidence = {"reason": news.reason} if statistics is None else evidence_of(statistics, id_, news.reason)
        at = news.starts if news.change == "firing" else news.ends
        return [Told(id_of_alert, alert_message(news, evidence, self._links), at, id_)]

    def _judge(self, statistics: DriftStatistics, id_: str, subject: Subject, said: Said, news: News) -> None:
        """Judge whether an alert is a cause to retrain the served model."""
        kind, case, at = statistics.signal.kind, news.case, statistics.window.end
        if kind not in CODES or statistics.role == "shadow" or not statistics.model:
            return
        if case.cause is None:
            case.cause = Cause.of(statistics, self._pairs)
        else:
            case.cause.follow(statistics, self._pairs)
        holds = said.statement.condition is Condition.HOLDS and case.episode.phase is Phase.FIRING
        if not holds or case.cause.judged in SETTLED:
            return
        policy, held = self._retrain_policy_for(statistics.model), case.cause.held
        reason = case.cause.judge(kind, subject.cooldown, policy, at)
        if case.cause.held != held:
            count(self.state.counters.held_back, reason)
        if reason is RetrainReason.TRIGGERED:
            self._trigger(statistics, id_, subject, news, policy)

    def _trigger(self, statistics: DriftStatistics, id_: str, subject: Subject, news: News, policy: RetrainPolicy) -> None:
        case, cause, at, links = news.case, news.case.cause, statistics.window.end, self._links
        if cause is None:
            return
        suppressed = cause.others_held_back(subject.cooldown)
        subject.cooldown.begin(at)
        ground = Ground(
            fingerprint=news.fingerprint,
            summary=case.summary,
            starts=case.episode.starts,
            served=statistics.version or subject.legacy,
            shadows=tuple(sorted(version for version, seen in subject.shadows.items() if seen > at - _SHADOW_MS)),
            dashboard=links.page(model=statistics.model),
            runbook=links.runbook(case.labels["alertname"]),
            statistics_id=id_,
        )
        limits = TriggerPolicy(policy.cooldown_s, rfc3339(subject.cooldown.until(policy)), suppressed)
        trigger = compose(statistics, self._pairs, cause, ground, limits)
        caused_by = alert_id(news.fingerprint, "firing", case.episode.starts)
        self.state.pending[trigger.trigger_id] = Pending(trigger, caused_by, at)
        count(self.state.counters.triggers, trigger.reason.code)
