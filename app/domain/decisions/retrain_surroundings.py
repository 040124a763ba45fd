"""The causes of one model side by side: how many signals have drifted, whether its data are broken, what a failed trigger frees.

Delivery guarantees: functions of the subject, which is saved whole.
"""

from app.domain.decisions.alert_cases import Case
from app.domain.decisions.alert_subjects import Subject
from app.domain.decisions.alerting import Phase
from app.domain.decisions.retrain_courses import Course
from app.domain.decisions.retraining import SETTLED, Around, RetrainPolicy, RetrainReason

__all__ = ["around", "first_needed", "forgive"]


#: What has been clear for so long breaks nothing any more, though it may be up, since it comes and goes.
_CALM_MS = 600_000


def around(subject: Subject, policy: RetrainPolicy) -> Around:
    """The signals of the served model that have drifted, and whether its data are broken."""
    firing = [case for case in subject.cases.values() if case.episode.phase is not Phase.PENDING]
    signals = {(case.labels.get("signal"), case.labels.get("segment")) for case in firing if case.cause is not None}
    vetoing = [case for case in subject.cases.values() if case.labels["alertname"] in policy.veto]
    return Around(len(signals), any(_breaks(case, subject.cooldown.now) for case in vetoing))


def _breaks(case: Case, now: int) -> bool:
    """Whether the data are broken, by an alert that is up or waits to be told."""
    if case.clear_since and now - case.clear_since > _CALM_MS:
        return False
    return case.labels.get("role") != "shadow" and (case.cause is None or case.cause.breaks)


def first_needed(subject: Subject, policy: RetrainPolicy, newest: int) -> int:
    """Where in ``pairs`` the first stretch begins that a trigger may come to name; ``newest`` where there is none."""
    causes = [case.cause for case in subject.cases.values()]
    if policy.schedule_s or policy.staleness_s:
        causes.append(subject.cooldown.fresh)
    return min((cause.start for cause in causes if cause is not None and cause.end), default=newest)


def forgive(subject: Subject, trigger: str, course: Course) -> None:
    """A trigger came to nothing: what it settled is a cause again, once the cooldown is over.

    So is what no trigger speaks for: what a training has seen is settled again when it is judged again.
    """
    subject.cooldown.come_to_nothing(trigger, course)
    for case in subject.cases.values():
        cause = case.cause
        if cause is None or cause.judged not in SETTLED:
            continue
        if cause.settled_by == trigger or (not cause.settled_by and cause.since <= course.decided):
            cause.attempts += cause.judged is RetrainReason.TRIGGERED
            cause.judged, cause.settled_by = None, ""
