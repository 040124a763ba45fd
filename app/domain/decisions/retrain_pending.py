"""Triggers on their way out: decided, looked up in the log, written; and written again once their approval is decided.

The records of a model leave in the order of their decisions: what the log answers out of turn is kept until its turn comes. So
the order does not depend on when the log answers.

Delivery guarantees: what waits is in ``State.pending``, by the id of its event; what ``released`` gives is not, and has to be
written in the same transaction.
"""

from typing import Literal

from msgspec.structs import replace

from app.domain.decisions.decide_state import Pending, State, count
from app.domain.decisions.retrain_courses import Course, Stage, keep
from app.domain.decisions.retrain_trigger import answered, complete
from app.domain.decisions.retraining import Cooldown
from schemas.offsets import OffsetRange
from schemas.trigger import RetrainTrigger

__all__ = ["PendingTriggers"]

Verdict = Literal["approved", "rejected", "expired"]


class PendingTriggers:
    """See the module's text."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._ready: list[tuple[str, Pending]] = []

    def released(self) -> list[tuple[str, Pending]]:
        """What is to be written since this was last asked, by the id of its event."""
        ready, self._ready = self._ready, []
        return ready

    def complete(self, model: str, stretch: OffsetRange, events: int, digest: str, *, whole: bool) -> None:
        """What the log said of a stretch of the model's pairs, for all that wait for it."""
        for id_, waiting in self.state.pending.items():
            trigger = waiting.trigger
            if trigger.model.name == model and trigger.window.offsets == [stretch] and not waiting.ready:
                trigger = complete(trigger, events, digest, whole=whole)
                self.state.pending[id_] = replace(waiting, trigger=trigger, ready=True)
        self._release(model)

    def begin(self, trigger: RetrainTrigger, cooldown: Cooldown, at: int, caused_by: str, expires: int) -> None:
        """A trigger is decided: it has to be looked up in the log, and its course begins."""
        id_, waits = trigger.trigger_id, trigger.approval.required
        self.state.pending[id_] = Pending(trigger, caused_by, at)
        course = Course(Stage.WAITING, at, at, trigger, caused_by) if waits else Course(Stage.REQUESTED, at, at)
        course.version, course.expires, course.stretch = trigger.model.version, expires, trigger.window.offsets[0]
        course.reaches, cooldown.latest, cooldown.window = trigger.window.end, id_, trigger.window
        keep(cooldown.courses, id_, course)
        count(self.state.counters.triggers, trigger.reason.code)

    def answer(
        self,
        model: str,
        id_: str,
        course: Course,
        state: Verdict,
        at: int,
        caused_by: str = "",
        **said: str,
    ) -> None:
        """Write a trigger again, with what became of its approval."""
        waiting = self.state.pending.get(id_)
        trigger = course.trigger if waiting is None else waiting.trigger
        if trigger is None:
            return
        event = f"{id_}/{state}"
        again = answered(trigger, state, at, **said)
        self.state.pending[event] = Pending(again, caused_by or course.caused_by, at, ready=bool(again.window.digest))
        self._release(model)

    def _release(self, model: str) -> None:
        """Let go what the log has answered, up to the first of the model that it has not."""
        pending, subject = self.state.pending, self.state.subjects.get(model)
        for id_, waiting in [(id_, one) for id_, one in pending.items() if one.trigger.model.name == model]:
            if not waiting.ready:
                return
            del pending[id_]
            course = subject.cooldown.courses.get(id_) if subject is not None else None
            if course is not None and course.stage is Stage.WAITING:
                course.trigger = waiting.trigger
            self._ready.append((id_, waiting))
