"""From statistics to alerts and retrain triggers: the decide role's whole decision, one record at a time.

The plan for a record: find its subject (a model, or an input topic); take each statement in it; close the cases that nobody
has spoken of for long; for the served model, judge whether what fires is a cause to retrain. What then becomes of a trigger,
and what pipelines and people say to it, is ``retrain_deciding``'s.

Two signals of one model that move together are two alerts and one trigger. A record that cannot be used changes nothing and
is counted: ``skipped``.

``refused`` counts what the bounds of the state refused: what still holds is asked again with its next record, so it is
late, not lost.

Delivery guarantees: ``State`` is plain data and all there is; a replay from it decides the same.
"""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, NamedTuple

import msgspec
from msgspec import ValidationError

from app.domain.decisions import alert_actions, alert_statements
from app.domain.decisions.alert_cases import REFUSED, News, Said
from app.domain.decisions.alert_kinds import OF_SIGNAL
from app.domain.decisions.alert_message import Links, alert_id, alert_message
from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.alert_subjects import Subject
from app.domain.decisions.alerting import Reason
from app.domain.decisions.decide_state import CASES, Pending, State, count, note_version
from app.domain.decisions.evidence import evidence_of, told_of
from app.domain.decisions.retrain_deciding import Retraining
from app.domain.decisions.retrain_renewal import marker
from app.domain.decisions.retrain_statements import of_expiring, of_overdue
from app.domain.decisions.retraining import RetrainPolicy
from app.domain.decisions.window_expiry import FOR_EVER
from schemas.action import Action
from schemas.alert import Alert
from schemas.json_text import shallow
from schemas.offsets import OffsetRange
from schemas.statistics import DriftStatistics
from schemas.trigger import RetrainStatus

__all__ = ["Decider", "Told"]

#: 9900-01-01T00:00:00Z. Times can be written up to the year 9999, and some that are told lie a cooldown later.
_LATEST_MS = 250_246_627_200_000

_decode = msgspec.json.Decoder(DriftStatistics).decode


class Told(NamedTuple):
    """A change of an alert's state; ``at`` is its event time, ``caused_by`` the id of the statistics record."""

    id: str
    alert: Alert
    at: int
    caused_by: str


class Decider:
    """See the module's text. Policies are asked for at each record, by model; a topic's alerts have the policy of ``""``.

    ``listen`` is told all that becomes of a case, also what is told to nobody, with its event time. ``retention_ms``: how long
    the broker keeps ``pairs``.
    """

    def __init__(
        self,
        full_name: Callable[[str], str],
        alert_policy_for: Callable[[str], AlertPolicy],
        retrain_policy_for: Callable[[str], RetrainPolicy],
        links: Links,
        listen: Callable[[News, int], None] | None = None,
        retention_ms: int = FOR_EVER,
    ) -> None:
        self.state, self._listen = State(), listen
        self._full_name, self._pairs, self._links = full_name, full_name("pairs"), links
        self._alert_policy_for, self._retrain_policy_for = alert_policy_for, retrain_policy_for
        self._retention_ms, self._open = retention_ms, 0
        self.load(self.state)

    def load(self, state: State) -> None:
        """Go on from a state that was saved."""
        self._retraining = Retraining(state, self._pairs, self._retrain_policy_for, self._links, self._retention_ms)
        self.state, self._open = state, sum(len(subject.cases) for subject in state.subjects.values())

    def read(self, value: bytes | None, id_: str) -> list[Told]:
        """Take one record of statistics, whose event has this id; what there is to tell."""
        try:
            statistics = _decode(shallow(value))
        except msgspec.DecodeError:
            statistics = None
        if statistics is None or not _is_usable(statistics):
            self.state.counters.skipped += 1
            return []
        return self._take(statistics, id_)

    def complete(self, model: str, stretch: OffsetRange, events: int, digest: str, *, whole: bool) -> None:
        """What the log said of this stretch of the model's pairs, for the triggers that wait for it."""
        self._retraining.pending.complete(model, stretch, events, digest, whole=whole)

    def released(self) -> list[tuple[str, Pending]]:
        """The triggers that are to be written since this was last asked, each with the id of its event."""
        return self._retraining.pending.released()

    def hear(self, status: RetrainStatus) -> None:
        """Take what a pipeline says of a trigger; raises ``DecodeError`` where it cannot be so, and changes nothing then."""
        self._retraining.hear(status)
        count(self.state.counters.statuses, status.status)

    def act(self, action: Action) -> None:
        """Take what somebody decided; raises ``DecodeError`` where it cannot be so, and changes nothing then."""
        if action.action in {"approve", "reject", "trigger"}:
            self._retraining.act(action)
        else:
            alert_actions.take(self.state, action)
        count(self.state.counters.actions, action.action)

    def _take(self, statistics: DriftStatistics, id_: str) -> list[Told]:
        model, counters, signal = statistics.model, self.state.counters, statistics.signal
        name = model or f"topic/{signal.name}"
        subject = self.state.subject(name, statistics.window.end, self._retrain_policy_for)
        if subject is None:
            counters.refused += 1
            return []
        before, told = len(subject.cases), []
        if model and signal.kind != "pairing":  # on a backlog the pair role's counts are days ahead of what detectors say
            self._retraining.pass_time(statistics, subject)
        try:
            told = self._read(statistics, id_, subject, self._alert_policy_for(model))
        except ValidationError:
            counters.skipped += 1
        self._open += len(subject.cases) - before
        return told

    def _read(self, statistics: DriftStatistics, id_: str, subject: Subject, policy: AlertPolicy) -> list[Told]:
        note_version(subject, statistics)
        told, start = list[Told](), statistics.window.start
        subject.time.take(statistics)
        for said in self._statements(statistics, subject, policy):
            news = subject.hear(said, policy, crowded=self._open >= CASES)
            if news is REFUSED:
                self.state.counters.refused += 1
            elif news is not None:
                told += self._tell(news, statistics, said.statement.at, id_)
                self._judge(statistics, id_, subject, said, news)
        for news in chain(subject.settle(statistics.window.end, policy), subject.forget(statistics, policy)):
            told += self._tell(news, None, start, id_)
        return told

    def _statements(self, statistics: DriftStatistics, subject: Subject, policy: AlertPolicy) -> Iterator[Said]:
        retrain = self._retrain_policy_for(statistics.model)
        triggers = chain(
            of_overdue(statistics, subject, policy, retrain),
            of_expiring(statistics, subject, policy, retrain, self._retention_ms),
        )
        if statistics.signal.kind != "pairing":
            speak = (alert_statements.of_signal, alert_statements.of_baseline)
            return chain(chain.from_iterable(each(statistics, subject, policy) for each in speak), triggers)
        if statistics.model:
            return chain(alert_statements.of_pairing(statistics, subject, policy), triggers)
        return alert_statements.of_topic(statistics, subject, policy, self._full_name)

    def _tell(self, news: News, statistics: DriftStatistics | None, at: int, id_: str) -> list[Told]:
        """The event that tells a change at this event time, with the ``statistics`` that speak of it, if any do."""
        if self._listen is not None:
            self._listen(news, at)
        if news.held_first and news.case.held is not None:
            count(self.state.counters.held, news.case.held)
        if news.change is None:
            return []
        if news.change == "firing":
            count(self.state.counters.alerts, news.case.labels["alertname"])
        else:
            self.state.counters.resolved += 1
        id_of_alert = alert_id(news.fingerprint, news.change, news.starts)
        evidence = {"reason": news.reason} if statistics is None else evidence_of(statistics, id_, news.reason)
        evidence |= told_of(news.case) | self._renewed(news)
        told_at = news.starts if news.change == "firing" else news.ends
        return [Told(id_of_alert, alert_message(news, evidence, self._links), told_at, id_)]

    def _renewed(self, news: News) -> dict[str, Any]:
        """Of a resolve because of a new version: which, and for which trigger it was made."""
        if news.reason is not Reason.RETRAINED:
            return {}
        renewal = self.state.subjects[news.case.labels["model"]].cooldown.renewal
        return {} if renewal is None else {"retrained": marker(renewal)}

    def _judge(self, statistics: DriftStatistics, id_: str, subject: Subject, said: Said, news: News) -> None:
        """Judge whether a signal's alert is a cause to retrain the served model."""
        self._retraining.judge(statistics, id_, subject, said, news)


def _is_usable(statistics: DriftStatistics) -> bool:
    """Whether it says whom it speaks of, and its times are such as an alert can speak of: of the years 1970 to 9899."""
    model, signal = statistics.model, statistics.signal
    if not (model or signal.name if signal.kind == "pairing" else model and signal.kind in OF_SIGNAL):
        return False
    change = statistics.statistics.get("change")
    told = [change.get("timestamp", 0)] if isinstance(change, dict) else []
    times = [statistics.window.start, statistics.window.end, *told]
    return all(isinstance(time_ms, int) and 0 <= time_ms <= _LATEST_MS for time_ms in times)
