"""The second half of deciding: triggers, from the cause to the end of the training.

The plan: a statement on a signal of the served model is judged as a cause (``judge``). Each record of its statistics moves the
model's event time, and with it what only time brings (``pass_time``): approvals expire, and what is due without drift begins.
All is decided at that time, the latest that statistics told of: late outcomes tell of pairs of yesterday, and ask today.
What pipelines answer (``hear``) and people decide (``act``) applies from the record of statistics after which it is read; a time
ahead of that is taken as now.

A trigger waits until the log has said what its window holds (``retrain_pending``). Nothing that is decided later depends on when
that answer comes, so neither the cut of the log nor a crash in between changes a byte. A trigger whose approval is decided is
written again, under an event id of its own.

Delivery guarantees: all that is remembered is in ``State``. A copy of an action or of a status is refused as such.
"""

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from app.domain.decisions.alert_cases import News, Said
from app.domain.decisions.alert_kinds import OF_OUTCOMES, OF_SIGNAL
from app.domain.decisions.alert_message import Links, alert_id
from app.domain.decisions.alert_subjects import Subject
from app.domain.decisions.alerting import Condition, Phase
from app.domain.decisions.decide_state import State, count
from app.domain.decisions.holding_back import Why
from app.domain.decisions.retrain_cause import stretch_of
from app.domain.decisions.retrain_courses import Stage, take
from app.domain.decisions.retrain_pending import PendingTriggers
from app.domain.decisions.retrain_renewal import note_served, renew
from app.domain.decisions.retrain_surroundings import around, first_needed, forgive
from app.domain.decisions.retrain_trigger import Ground, Request, compose, compose_request
from app.domain.decisions.retraining import (
    CODES,
    SETTLED,
    Around,
    Cause,
    Cooldown,
    RetrainPolicy,
    RetrainReason,
    judge_again,
    judge_any,
)
from app.domain.decisions.window_expiry import expires_at, said_of_expiry
from schemas.action import Action
from schemas.cloudevents import rfc3339
from schemas.errors import DecodeError, quoted
from schemas.statistics import DriftStatistics, Signal
from schemas.trigger import Approval, ReasonCode, RetrainStatus, RetrainTrigger, TriggerModel, TriggerPolicy

__all__ = ["Retraining"]

#: So long after a shadow was last spoken of a trigger still names it.
_SHADOW_MS = 24 * 3_600_000
#: Signals that do not count: a schedule waits for none.
_ENOUGH = 1_000_000
_ERRORS = Signal("error")


class Retraining:
    """See the module's text; ``pairs`` is the topic's full name, ``retention_ms`` how long the broker keeps them."""

    def __init__(
        self, state: State, pairs: str, policy_for: Callable[[str], RetrainPolicy], links: Links, retention_ms: int
    ) -> None:
        self.state, self.pending = state, PendingTriggers(state)
        self._pairs, self._policy_for, self._links, self._retention_ms = pairs, policy_for, links, retention_ms

    def pass_time(self, statistics: DriftStatistics, subject: Subject) -> None:
        """Go on to the end of a record of a model's statistics."""
        cooldown, policy = subject.cooldown, self._policy_for(statistics.model)
        at = cooldown.now = max(cooldown.now, statistics.window.end)
        cooldown.read(stretch_of(statistics, self._pairs))
        for id_, course in cooldown.courses.items():
            if course.stage is Stage.WAITING and at >= course.since + policy.approval_expires_s * 1000:
                self.pending.answer(statistics.model, id_, course, "expired", at)
                course.go(Stage.EXPIRED, at)
                forgive(subject, id_, course)
        if statistics.role == "legacy" and statistics.segment is None:
            if statistics.signal.kind == "prediction":
                self._serve(statistics, subject, policy)
            elif policy.minimum_label_share and statistics.signal == _ERRORS:
                self._count_labels(statistics, subject, policy)

    def _serve(self, statistics: DriftStatistics, subject: Subject, policy: RetrainPolicy) -> None:
        """What the served model answered, which is what a trigger without a drift is about."""
        cooldown, at = subject.cooldown, statistics.window.end
        note_served(cooldown, statistics)
        if cooldown.fresh is None:
            cooldown.fresh = Cause.whole(statistics, self._pairs)
        else:
            cooldown.fresh.follow(statistics, self._pairs)
        for code, after_s, since in self._due(cooldown, policy):
            if policy.enabled and after_s and at >= since + after_s * 1000:
                self._request_by_time(code, after_s, subject, statistics.model, policy)
                return

    def _count_labels(self, statistics: DriftStatistics, subject: Subject, policy: RetrainPolicy) -> None:
        stretch = stretch_of(statistics, self._pairs)
        if stretch is not None:
            needed = first_needed(subject, policy, stretch.end)
            subject.cooldown.count_labels(statistics, stretch.start, stretch.end, needed)

    @staticmethod
    def _due(cooldown: Cooldown, policy: RetrainPolicy) -> Iterator[tuple[ReasonCode, int, int]]:
        began = cooldown.fresh.since if cooldown.fresh else cooldown.now
        yield "schedule", policy.schedule_s, cooldown.last or began
        yield "staleness", policy.staleness_s, cooldown.serves

    def _request_by_time(self, code: ReasonCode, after_s: int, subject: Subject, model: str, policy: RetrainPolicy) -> None:
        cooldown = subject.cooldown
        fresh, at = cooldown.fresh, cooldown.now
        if fresh is None:
            return
        whole = Around(_ENOUGH, around(subject, policy).broken)
        held = fresh.held
        reason = fresh.note(judge_any(fresh, code, cooldown, policy, at, whole), cooldown)
        if fresh.held != held:
            count(self.state.counters.held_back, reason)
        if reason is not RetrainReason.TRIGGERED:
            return
        said = "since the last trigger" if code == "schedule" else f"of serving by {cooldown.version}"
        request = Request(
            self._running(model, subject, at), code, f"{after_s:,} s {said} have passed", "", at,
            self._links.page(model=model), _approval(policy),
        )  # fmt: skip
        cooldown.serves = at
        self._request(subject, fresh, request, policy, caused_by="")

    def judge(self, statistics: DriftStatistics, id_: str, subject: Subject, said: Said, news: News) -> None:
        """Judge whether a signal's alert is a cause to retrain the served model."""
        kind, case, cooldown = statistics.signal.kind, news.case, subject.cooldown
        if kind not in CODES or statistics.role == "shadow" or not statistics.model or case.held is Why.INHIBITED:
            return
        if case.labels["alertname"] != OF_SIGNAL[kind].name:
            return
        if case.cause is None:
            case.cause = Cause.of(statistics, self._pairs)
        else:
            case.cause.follow(statistics, self._pairs)
        holds = said.statement.condition is Condition.HOLDS and case.episode.phase is Phase.FIRING
        if not holds or case.cause.judged in SETTLED:
            return
        policy, held = self._policy_for(statistics.model), case.cause.held
        reason = judge_again(case.cause, kind, cooldown, policy, cooldown.now, around(subject, policy))
        if case.cause.held != held:
            count(self.state.counters.held_back, reason)
        if reason is RetrainReason.TRIGGERED:
            self._trigger(statistics, id_, subject, news, case.cause)

    def _trigger(self, statistics: DriftStatistics, id_: str, subject: Subject, news: News, cause: Cause) -> None:
        case, at, links, policy = news.case, subject.cooldown.now, self._links, self._policy_for(statistics.model)
        part, suppressed = cause.part(policy), cause.others_held_back(subject.cooldown)
        subject.cooldown.begin(at)
        running = self._running(statistics.model, subject, at)
        told = case if case.told_at else subject.cases.get(case.held_by)
        own = "" if statistics.signal.kind in OF_OUTCOMES else statistics.version
        mark = news.fingerprint if case.told_at else case.held_by if told is not None else ""
        ground = Ground(
            fingerprint=news.fingerprint,
            told=mark,
            summary=case.summary,
            starts=case.episode.starts,
            served=own or running.version or statistics.version,
            shadows=running.shadow_versions,
            dashboard=links.page(model=statistics.model),
            runbook=links.runbook(case.labels["alertname"]),
            statistics_id=id_,
            approval=_approval(policy),
        )
        limits = TriggerPolicy(policy.cooldown_s, rfc3339(subject.cooldown.until(policy)), suppressed)
        trigger = compose(statistics, self._pairs, cause, part, ground, limits)
        cause.settled_by = trigger.trigger_id
        subject.cooldown.ask(cause.about, trigger.trigger_id, at, trigger.window.end)
        self._begin(trigger, subject, at, policy, id_ if told is None else alert_id(mark, "firing", told.episode.starts))

    def _begin(self, trigger: RetrainTrigger, subject: Subject, at: int, policy: RetrainPolicy, caused_by: str) -> None:
        expires = expires_at(trigger.window.start, self._retention_ms)
        said = said_of_expiry(expires, at, policy, waits=trigger.approval.required)
        self.pending.begin(replace(trigger, evidence=trigger.evidence | said), subject.cooldown, at, caused_by, expires)

    def _request(self, subject: Subject, fresh: Cause, request: Request, policy: RetrainPolicy, caused_by: str) -> None:
        cooldown = subject.cooldown
        suppressed = fresh.others_held_back(cooldown)
        cooldown.begin(request.at)
        limits = TriggerPolicy(policy.cooldown_s, rfc3339(cooldown.until(policy)), suppressed)
        self._begin(compose_request(self._pairs, fresh, request, limits), subject, request.at, policy, caused_by)

    def _running(self, model: str, subject: Subject, at: int) -> TriggerModel:
        shadows = sorted(version for version, seen in subject.shadows.items() if seen > at - _SHADOW_MS)
        return TriggerModel(model, subject.legacy, tuple(shadows))

    def hear(self, status: RetrainStatus) -> None:
        """Take what a pipeline says of a trigger; ``DecodeError`` where it cannot be so."""
        subject = self.state.subjects.get(status.model)
        cooldown = Cooldown() if subject is None else subject.cooldown
        course = take(cooldown.courses, status, cooldown.now)
        if subject is None or course.stage not in {Stage.SUCCEEDED, Stage.FAILED, Stage.REJECTED}:
            return
        if course.stage is Stage.SUCCEEDED:
            cooldown.succeed(course)
            renew(cooldown, status.trigger_id, course, status.new_version)
        else:
            forgive(subject, status.trigger_id, course)

    def act(self, action: Action) -> None:
        """Approve, reject or fire a trigger; ``DecodeError`` where there is nothing of the kind."""
        subject = self.state.subjects.get(action.subject)
        if subject is None:
            which = f"{quoted(action.subject)} is no model that statistics have told of on this partition"
            raise DecodeError("invalid_schema", f"$.subject: {which}; the key of the record has to be the model")
        if action.action == "trigger":
            self._fire(action, subject)
            return
        id_ = action.trigger_id or ""
        course = subject.cooldown.courses.get(id_)
        if course is None:
            which = f"{quoted(id_)} is no trigger of {action.subject} that is known on this partition"
            raise DecodeError("invalid_schema", f"$.trigger_id: {which}")
        if course.stage is not Stage.WAITING:
            message = f"$.action: {action.action!r}; the trigger {id_} is {course.stage.value!r} and waits for no approval"
            raise DecodeError("late", message)
        at = max(course.since, min(action.timestamp, subject.cooldown.now))
        yes = action.action == "approve"
        self.pending.answer(
            action.subject, id_, course, "approved" if yes else "rejected", at, f"action/{action.id}",
            by=action.by, why=action.why,
        )  # fmt: skip
        course.go(Stage.REQUESTED if yes else Stage.WITHDRAWN, at)

    def _fire(self, action: Action, subject: Subject) -> None:
        cooldown, model, policy = subject.cooldown, action.subject, self._policy_for(action.subject)
        fresh = cooldown.fresh
        if fresh is None or not fresh.end:
            message = f"$.subject: {model} has no pairs since its last trigger that statistics have told of: nothing to train on"
            raise DecodeError("invalid_schema", message)
        at, detail = cooldown.now, f"{action.why} ({action.by})"
        request = Request(
            self._running(model, subject, at), "manual", detail, action.id, at, self._links.page(model=model)
        )  # fmt: skip
        id_ = compose_request(self._pairs, fresh, request, TriggerPolicy(0, "", 0)).trigger_id
        if id_ in cooldown.courses or id_ in cooldown.fired:
            raise DecodeError("duplicate", f"$.id: {quoted(action.id)} has fired the trigger {id_} already")
        cooldown.fire(id_)
        self._request(subject, fresh, request, policy, caused_by=f"action/{action.id}")


def _approval(policy: RetrainPolicy) -> Approval:
    return Approval() if policy.approval == "off" else Approval(required=True, state="pending")
