"""Whether the pipelines that were asked to retrain a model are heard of in time, and before the data that they need are gone.

One alert of each kind for a model, however many of its triggers it speaks of; the words name the oldest. Time is event time, so a
model without traffic has no overdue trigger: nobody waits for its training either. It is the latest that the model's statistics
have told of: what late outcomes say of yesterday takes nothing back.
"""

from collections.abc import Callable, Iterator
from functools import partial

from app.domain.decisions.alert_cases import Said
from app.domain.decisions.alert_kinds import RETRAIN_OVERDUE, RETRAIN_WINDOW_EXPIRING, AlertKind, labels
from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.alert_subjects import Subject
from app.domain.decisions.alerting import Condition, Patience, Statement
from app.domain.decisions.retrain_courses import Course, Stage, expiring, overdue
from app.domain.decisions.retrain_policy import RetrainPolicy
from app.domain.decisions.traffic_words import Words, fitted, when
from app.domain.decisions.window_expiry import warn_ms
from schemas.statistics import DriftStatistics

__all__ = ["of_expiring", "of_overdue"]


def of_overdue(statistics: DriftStatistics, subject: Subject, alerts: AlertPolicy, retrain: RetrainPolicy) -> Iterator[Said]:
    """How the alert on the model's overdue triggers stands."""
    if subject.cooldown.courses:
        late = list(overdue(subject.cooldown.courses, subject.cooldown.now, retrain))
        yield from _said(RETRAIN_OVERDUE, statistics, subject, alerts, late, partial(_words, statistics.model, late, retrain))


def of_expiring(
    statistics: DriftStatistics, subject: Subject, alerts: AlertPolicy, retrain: RetrainPolicy, retention_ms: int
) -> Iterator[Said]:
    """How the alert on the triggers stands whose windows are about to be deleted."""
    if subject.cooldown.courses:
        soon = list(expiring(subject.cooldown.courses, subject.cooldown.now, warn_ms(retention_ms), retrain))
        say = partial(_words_of_expiry, statistics.model, soon, subject.cooldown.now)
        yield from _said(RETRAIN_WINDOW_EXPIRING, statistics, subject, alerts, soon, say)


Courses = list[tuple[str, Course]]


def _said(
    kind: AlertKind, statistics: DriftStatistics, subject: Subject, alerts: AlertPolicy, these: Courses, say: Callable[[], Words]
) -> Iterator[Said]:
    severity = alerts.severity(kind.name, kind.severity)
    if severity is not None and (these or subject.is_up(kind.name)):
        condition = Condition.HOLDS if these else Condition.CLEAR
        named = labels(kind, severity, model=statistics.model)
        yield Said(named, Statement(condition, subject.cooldown.now), Patience(), say)


def _words(model: str, late: Courses, policy: RetrainPolicy) -> Words:
    id_, course = late[0]
    others = f", and {len(late) - 1} more" if len(late) > 1 else ""
    if course.stage is Stage.REQUESTED:
        said, allowed = "No pipeline has answered", f"acknowledge_s allows {policy.acknowledge_s:,} s"
    else:
        said, allowed = (
            f"Nothing is heard of the training ({course.stage.value}) for",
            f"lease_s allows {policy.lease_s:,} s",
        )
    sentences = [
        f"It has been so since {when(course.since)}; {allowed}.",
        "A pipeline answers on the topic retrain.status, with the trigger's id and the model as the record's key.",
        "As long as it does not, nobody can say whether the model is being retrained.",
    ]
    return fitted(f"{said} the retrain trigger {id_} of {model}{others}", sentences)


def _words_of_expiry(model: str, soon: Courses, at: int) -> Words:
    id_, course = soon[0]
    others = f", and that of {len(soon) - 1} more" if len(soon) > 1 else ""
    sentences = [
        f"From {when(course.expires)} on the broker may delete the beginning of it; the trigger is still {course.stage.value}.",
        "What is gone cannot be trained on: gnomon triggers verify names it, gnomon triggers export saves what is there.",
        "topics.output_retention_ms says how long pairs are kept.",
    ]
    verb = "is about to be deleted" if at < course.expires else "may be deleted in part"
    return fitted(f"The window of the retrain trigger {id_} of {model}{others} {verb}", sentences)
