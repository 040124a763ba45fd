"""What becomes of a trigger once it is written: its *course*, from the request to the end of the training.

    waiting ──approve──▶ requested ──▶ accepted ──▶ running ──▶ succeeded | failed | rejected
       ├──reject──▶ withdrawn   └─────────┴──────────────┴───────────▶
       └──time────▶ expired

A trigger begins as ``waiting`` where somebody has to approve it, else as ``requested``. Steps may be left out, never taken back;
``running`` may be said again, which renews the lease. What is no step is refused with the reason that its dead letter gets:
``unauthorised`` before the approval, ``duplicate`` for what was said already, ``late`` for what comes after something further.

*Overdue* is a trigger that no pipeline has answered in time, or a training of which nothing was heard for the length of its
lease. While a training holds its lease, and while a trigger waits for approval, the model gets no further one.

Bounded: ``COURSES`` of a model; the oldest that are over go first. A status for one that is gone is refused like any unknown one.
"""

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from app.domain.decisions.retrain_policy import RetrainPolicy
from schemas.errors import DecodeError, quoted
from schemas.offsets import OffsetRange
from schemas.trigger import RetrainStatus, RetrainTrigger

__all__ = ["COURSES", "Course", "Stage", "expiring", "is_busy", "keep", "overdue", "take"]

#: Enough to tell a late answer to the last few triggers from one to a trigger that never was.
COURSES = 4


class Stage(StrEnum):
    """How far a trigger has come."""

    WAITING = "waiting"
    REQUESTED = "requested"
    ACCEPTED = "accepted"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


_IN_TRAINING = (Stage.ACCEPTED, Stage.RUNNING)
_OPEN = (Stage.WAITING, Stage.REQUESTED, *_IN_TRAINING)
_ENDS = frozenset({Stage.SUCCEEDED, Stage.FAILED, Stage.REJECTED})
#: From each stage, what a pipeline may say.
_STEPS: dict[Stage, frozenset[Stage]] = {
    Stage.REQUESTED: _ENDS | {Stage.ACCEPTED, Stage.RUNNING},
    Stage.ACCEPTED: _ENDS | {Stage.RUNNING},
    Stage.RUNNING: _ENDS | {Stage.RUNNING},
}


class Course(Struct, gc=False, omit_defaults=True):
    """One trigger's. ``decided`` and ``since``: event times of its decision and of its present stage.

    ``trigger`` and ``caused_by`` are kept while it waits for approval, to be written again with what was said. ``version``: which
    one it is to replace. ``expires``: from when on the broker may delete the beginning of its window; 0: never. ``stretch``: of
    ``pairs``, what it asks to train on, and ``reaches``, the event time of its end, which lies behind ``decided`` where outcomes
    come late; 0: it is not known.
    """

    stage: Stage
    decided: int
    since: int
    trigger: RetrainTrigger | None = None
    caused_by: str = ""
    version: str = ""
    expires: int = 0
    stretch: OffsetRange | None = None
    reaches: int = 0

    def go(self, stage: Stage, at: int) -> None:
        """Take a step at ``at``; a course never goes back in time."""
        self.stage, self.since, self.trigger, self.caused_by = stage, max(self.since, at), None, ""

    def is_overdue(self, at: int, policy: RetrainPolicy) -> bool:
        """Whether a pipeline should have been heard of by ``at``."""
        if self.stage in _IN_TRAINING:
            return at >= self.since + policy.lease_s * 1000
        return self.stage is Stage.REQUESTED and 0 < policy.acknowledge_s * 1000 <= at - self.since

    def is_expiring(self, at: int, warn_ms: int, policy: RetrainPolicy) -> bool:
        """Whether a pipeline, or somebody who approves, still has use for a window that begins to be deleted about now.

        From ``warn_ms`` before until as long after: statistics that come seldom may tell of no time before it, and an alert ends.
        """
        awaited = self.stage in (Stage.WAITING, *_IN_TRAINING) or (self.stage is Stage.REQUESTED and policy.acknowledge_s > 0)
        return awaited and self.expires > 0 and self.expires - warn_ms <= at < self.expires + warn_ms


Courses = dict[str, Course]


def keep(courses: Courses, id_: str, course: Course) -> None:
    """Note a new one; where there are too many, the oldest that is over goes, else the oldest that waits for no approval."""
    courses[id_] = course
    if len(courses) > COURSES:
        over = [name for name, one in courses.items() if one.stage not in _OPEN]
        free = [name for name, one in courses.items() if one.stage is not Stage.WAITING]
        del courses[(over or free or list(courses))[0]]


def take(courses: Courses, status: RetrainStatus, now: int) -> Course:
    """Take what a pipeline says, at the latest event time ``now``; its course after the step. Raises ``DecodeError``."""
    course, said = courses.get(status.trigger_id), Stage(status.status)
    if course is None:
        whose = f"{quoted(status.trigger_id)} is no trigger of the model {quoted(status.model)} that is known on this partition"
        raise DecodeError("invalid_schema", f"$.trigger_id: {whose}; the key of the record has to be the model")
    if course.stage is Stage.WAITING:
        raise DecodeError("unauthorised", f"$.status: '{said}'; the trigger {status.trigger_id} waits for approval")
    if said not in _STEPS.get(course.stage, frozenset()):
        raise DecodeError(
            "duplicate" if said is course.stage else "late",
            f"$.status: '{said}'; the trigger {status.trigger_id} is '{course.stage}' already",
        )
    course.go(said, min(status.timestamp, now))
    return course


def is_busy(courses: Courses, at: int, policy: RetrainPolicy) -> bool:
    """Whether a trigger waits for approval, or a training holds its lease."""
    return any(
        course.stage is Stage.WAITING or (course.stage in _IN_TRAINING and not course.is_overdue(at, policy))
        for course in courses.values()
    )


def expiring(courses: Courses, at: int, warn_ms: int, policy: RetrainPolicy) -> Iterator[tuple[str, Course]]:
    """The triggers that are not over and whose window begins to be deleted about now, oldest first."""
    return ((id_, course) for id_, course in courses.items() if course.is_expiring(at, warn_ms, policy))


def overdue(courses: Courses, at: int, policy: RetrainPolicy) -> Iterator[tuple[str, Course]]:
    """The triggers of which nothing was heard in time, oldest first."""
    return ((id_, course) for id_, course in courses.items() if course.is_overdue(at, policy))
