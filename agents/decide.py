"""The decide role: statistics in, alerts and retrain triggers out.

What is decided, and why, is in ``app.domain.decisions.deciding``; here it meets the messages. An alert lies on the partition
of its model, or of its topic's name where it has no model; a trigger on that of its model. What a trigger's window holds only
the log of ``pairs`` knows: it is asked, and the trigger waits for the answer.

Delivery guarantees: the whole state is in ``save``, so nothing is replayed and nothing is forgotten: a crash goes on from the
last transaction, with the alerts that fire, the waits that run and the triggers whose questions are open. Event ids are
functions of what was decided. A statistics record that cannot be decoded is counted and passed over.
"""

from collections.abc import Callable, Sequence

from app.domain.decisions.alert_message import Links
from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.decide_state import State
from app.domain.decisions.deciding import Decider
from app.domain.decisions.retraining import RetrainPolicy
from app.domain.placement import place
from app.folds.fold import Fold, LogAnswer, LogQuery, Outbox, Run
from schemas.cloudevents import event_id
from schemas.events import alert_event, trigger_event
from schemas.offsets import OffsetRange

__all__ = ["INPUTS", "DecideFold"]

INPUTS = ("drift.statistics",)
#: With so many triggers waiting for the log, statistics wait in the broker.
_PENDING = 200


class DecideFold(Fold):
    """See the module's text."""

    def __init__(
        self,
        partitions: int,
        full_name: Callable[[str], str],
        alert_policy_for: Callable[[str], AlertPolicy],
        retrain_policy_for: Callable[[str], RetrainPolicy],
        links: Links,
    ) -> None:
        self._partitions, self._pairs = partitions, full_name("pairs")
        self._decider = Decider(full_name, alert_policy_for, retrain_policy_for, links)

    def restore(self, saved: bytes | None, snapshot: bytes | None, position: Sequence[int]) -> None:
        """Go on from what was saved."""
        if saved is not None:
            self._decider.load(State.load(saved))

    def feed(self, side: int, run: Run, out: Outbox) -> None:
        """Decide, record by record."""
        for record in run:
            for told in self._decider.read(record.value, event_id(record.headers)):
                event = alert_event(told.id, told.alert, at=told.at, caused_by=told.caused_by)
                out.send("alerts", place(told.alert.subject, self._partitions), *event)

    def wants(self, side: int) -> bool:
        """Not while many triggers wait for the log."""
        return len(self._decider.state.pending) < _PENDING

    def questions(self) -> Sequence[LogQuery]:
        """The window of each trigger that waits, as a question to the log of pairs."""
        triggers = [pending.trigger for pending in self._decider.state.pending.values()]
        stretches = [(trigger.window.offsets[0], trigger.model.name.encode()) for trigger in triggers]
        return [LogQuery("pairs", where.partition, where.start, where.end, model) for where, model in stretches]

    def answer(self, query: LogQuery, answer: LogAnswer, out: Outbox) -> None:
        """Send the triggers whose window this is."""
        model, stretch = query.key.decode(), OffsetRange(self._pairs, query.partition, query.start, query.end)
        for done in self._decider.complete(model, stretch, answer.events, answer.digest, whole=answer.complete):
            event = trigger_event(done.trigger, at=done.at, caused_by=done.caused_by)
            out.send("retrain.triggers", place(model, self._partitions), *event)

    def save(self) -> bytes:
        """The whole state."""
        return self._decider.state.dump()

    def figures(self) -> dict[str, float]:
        """Counters of this partition, and what stands now."""
        return self._decider.state.figures()
