"""What is remembered of a subject, a model or an input topic, and how one statement on it becomes news.

Every alert that is not quiet is a *case*: its labels, its episode, the words it fired with (a resolve repeats them), and the
cause that may ask for retraining. A quiet case is dropped, so a subject without trouble is a few numbers.

``startsAt`` is the event time of the statement that made the alert fire, or what ``told_before`` makes of it.

Bounded: ``CASES_OF_A_SUBJECT``; what the bound refuses is said, and asked again with the next statement that it holds.
Delivery guarantees: plain data that is saved whole; the same statements give the same news.
"""

from collections.abc import Iterator

from msgspec import Struct, field
from msgspec.structs import replace

from app.domain.decisions.alert_cases import REFUSED, Case, Contributor, News, Said
from app.domain.decisions.alert_kinds import fingerprint
from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.alerting import Condition, Patience, Phase, Reason, Statement, step
from app.domain.decisions.coming_and_going import damped, is_flapping, noted, recent
from app.domain.decisions.holding_back import WEEK_MS, Others, Why, hold
from app.domain.decisions.passing_time import PassingTime
from app.domain.decisions.retrain_renewal import is_settled
from app.domain.decisions.retraining import Cooldown
from app.domain.decisions.silences import Acknowledged, Silence
from app.domain.decisions.told_before import ToldBefore
from app.domain.decisions.topic_minutes import Minute
from schemas.statistics import DriftStatistics

__all__ = ["CASES_OF_A_SUBJECT", "Subject"]

#: A model with more alerts than this at a time has one trouble, not a hundred.
CASES_OF_A_SUBJECT = 100
#: What another alert explained is not believed before so many events since that was over: the scan says drift until as many
#: values were calm. Scenario: 1. a shadow was silent and answers again; 2. its alert is resolved; 3. the match rate, calm for as
#: long, still says drift, and would page. Held by
#: ``tests/unit/agents/test_held_back.py::test_what_is_over_with_its_cause_is_not_told_for_its_slow_detector``.
CALM_EVENTS = 1_000
#: Signals that one alert names as its own.
CONTRIBUTORS = 50


class Subject(Struct, gc=False, omit_defaults=True):
    """One model, or one input topic (then only ``minutes``, ``refused``, ``ahead``, ``cases``, ``told`` are used).

    ``told``: when its alerts began and ended. ``legacy``: the served version as statistics named it last. ``shadows``: shadow
    versions, and when they were last spoken of. ``unanswered_*``: requests in a row that a side left unanswered. ``pages``: when
    its critical alerts of the last week were told; ``fired``: by fingerprint, when an alert fired, as long as it may be flapping.
    ``gaps``: by shadow version, how far its clock is from the live model's.
    """

    cases: dict[str, Case] = {}
    told: ToldBefore = field(default_factory=ToldBefore)
    cooldown: Cooldown = field(default_factory=Cooldown)
    legacy: str = ""
    shadows: dict[str, int] = {}
    unanswered_by_shadow: int = 0
    unanswered_by_legacy: int = 0
    time: PassingTime = field(default_factory=PassingTime)
    silences: dict[str, Silence] = {}
    pages: list[int] = []
    fired: dict[str, list[int]] = {}
    minutes: dict[str, list[Minute]] = {}
    refused: dict[str, list[Minute]] = {}
    ahead: dict[str, list[Minute]] = {}
    gaps: dict[str, dict[str, list[Minute]]] = {}

    def is_up(self, name: str) -> bool:
        """Whether an alert of this name is not quiet."""
        return any(case.labels["alertname"] == name for case in self.cases.values())

    def hear(self, said: "Said", policy: AlertPolicy, *, crowded: bool) -> "News | None":
        """Take one statement; None where it concerns no case and opens none, ``REFUSED`` where there is no room for it.

        Where it is ``crowded`` there is room for the first alert of each severity: no model is told nothing of.
        """
        mark = fingerprint(said.labels)
        case = self.cases.get(mark)
        if case is None:
            if said.statement.condition is not Condition.HOLDS:
                return None
            if len(self.cases) >= CASES_OF_A_SUBJECT or (crowded and self._has(said.labels["severity"])):
                return REFUSED
            case = Case(said.labels)
        if said.statement.condition is Condition.HOLDS:
            case.explains = said.explains
        case.heard = self.time.now(case.labels)
        return self._take(mark, case, said, policy)

    def _has(self, severity: str) -> bool:
        return any(case.labels["severity"] == severity for case in self.cases.values())

    def acknowledge(self, mark: str, said: Acknowledged) -> bool:
        """Note that somebody has seen an alert; whether it is one that is not quiet."""
        case = self.cases.get(mark)
        if case is not None:
            case.acknowledged = said
        return case is not None

    def forget(self, speaker: DriftStatistics, policy: AlertPolicy) -> Iterator["News"]:
        """Close the cases that these statistics could have spoken of, and nobody has for ``forget_after_s``."""
        after_ms, at = policy.forget_after_s * 1000, speaker.window.start
        for mark, case in list(self.cases.items()):
            if self.time.is_over(case.labels, case.heard, speaker, after_ms):
                yield self._take(mark, case, Said(case.labels, Statement(Condition.SILENT, at), Patience()), policy)

    def settle(self, at: int, policy: AlertPolicy) -> Iterator["News"]:
        """Close the cases of a version in whose place the one that was trained for them serves."""
        for mark, case in list(self.cases.items()) if self.cooldown.renewal else ():
            if is_settled(self.cooldown, case):
                over = Said(case.labels, Statement(Condition.SILENT, at), Patience(), reason=Reason.RETRAINED)
                yield self._take(mark, case, over, policy)

    def _take(self, mark: str, case: Case, said: "Said", policy: AlertPolicy) -> "News":
        statement = said.statement
        since = case.episode.since if case.episode.phase is Phase.CLEARING else statement.at
        flaps = "model" in case.labels and is_flapping(self.fired.get(mark, ()), since, policy)
        decision = step(case.episode, statement, damped(said.patience, policy) if flaps else said.patience)
        if flaps and decision.reason is Reason.CAME_BACK:
            self.fired[mark] = noted(self.fired[mark], statement.at, policy)
        if decision.change == "resolved":
            if statement.condition is Condition.CLEAR and self._is_joined(mark):
                case.episode = replace(case.episode, heard=max(case.episode.heard, statement.at))
                return News(mark, case, Reason.OTHERS_HOLD)
            return self._end(mark, case, said.reason or decision.reason, statement.at)
        case.episode = decision.episode
        if decision.episode.phase is Phase.QUIET:
            self.cases.pop(mark, None)
            return News(mark, case, decision.reason)
        self.cases[mark] = case
        if not case.told_at and decision.episode.phase is Phase.FIRING and statement.condition is Condition.HOLDS:
            return self._fire(mark, case, said, policy, decision.reason)
        return News(mark, case, decision.reason)

    def _is_joined(self, mark: str) -> bool:
        """Whether signals that are one alert with this one still hold."""
        return any(other.held is Why.MERGED and other.held_by == mark for other in self.cases.values())

    def _fire(self, mark: str, case: Case, said: "Said", policy: AlertPolicy, reason: Reason) -> "News":
        """Tell that an alert fires, unless it is held back."""
        at = said.statement.at
        held = hold(mark, case, Others(self.cases, self.silences, self.pages), policy, case.episode.starts, at)
        if held is None or not case.summary:  # a trigger may speak of what is held back
            case.summary, case.description = said.words()
        if held is not None:
            first, case.since_cause = case.held is None, 0
            case.held, case.held_by = held
            case.explained = case.explained or held.why is Why.INHIBITED
            lead = self.cases.get(held.by)
            if held.why is Why.MERGED and lead is not None and len(lead.contributors) < CONTRIBUTORS:
                lead.contributors.setdefault(mark, Contributor(case.labels.get("signal", ""), at, said.size))
            return News(mark, case, reason, held_first=first)
        if case.explained and (told := case.since_cause + said.statement.events) < CALM_EVENTS:
            case.since_cause = told
            return News(mark, case, reason)
        starts = self.told.begin(mark, at)
        case.episode = replace(case.episode, starts=starts)
        case.told_at, case.held, case.held_by, case.explained = at, None, "", False
        self._note(mark, case, at, policy)
        return News(mark, case, reason, "firing", starts)

    def _note(self, mark: str, case: Case, at: int, policy: AlertPolicy) -> None:
        if case.labels["severity"] == "critical":
            self.pages = [*(page for page in self.pages if page > at - WEEK_MS), at]
        self.fired = recent(self.fired, at, policy, self.cases)
        if policy.flaps and (mark in self.fired or len(self.fired) < CASES_OF_A_SUBJECT):
            self.fired[mark] = noted(self.fired.get(mark, ()), at, policy)

    def _end(self, mark: str, case: Case, reason: Reason, at: int) -> "News":
        del self.cases[mark]
        if not case.told_at:
            return News(mark, case, reason)
        starts = case.episode.starts
        ends = max(at, starts)
        self.told.end(mark, ends)
        return News(mark, case, reason, "resolved", starts, ends)
