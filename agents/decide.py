"""The decide role: statistics in, alerts and retrain triggers out; what pipelines and people say to these, in as well.

Side 0 is ``drift.statistics``, side 1 ``retrain.status``, side 2 ``actions``. What is decided, and why, is in
``app.domain.decisions.deciding``; here it meets the messages. An alert lies on the partition of its model, or of its topic's name
where it has no model; a trigger on that of its model. What a trigger's window holds only the log of ``pairs`` knows: it is asked,
and the trigger waits for the answer. A status or an action that cannot be taken is a dead letter.

Delivery guarantees: the whole state is in ``save``, so nothing is replayed and nothing is forgotten: a crash goes on from the
last transaction, with the alerts that fire, the waits that run and the triggers whose questions are open. How the sides
alternate is decided once, with the commit. Event ids are functions of what was decided. A statistics record that cannot be
decoded is counted and passed over.
"""

from collections.abc import Callable, Sequence

from app.domain.decisions.alert_message import Links
from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.decide_state import State, count
from app.domain.decisions.deciding import Decider
from app.domain.decisions.retraining import RetrainPolicy
from app.domain.placement import place
from app.folds.fold import Fold, LogAnswer, LogQuery, Outbox, Record, Run
from schemas.cloudevents import event_id
from schemas.control_codec import ActionDecoder, StatusDecoder
from schemas.dead_letter import dead_letter
from schemas.errors import DecodeError
from schemas.events import alert_event, trigger_event
from schemas.limits import Limits
from schemas.offsets import OffsetRange

__all__ = ["INPUTS", "DecideFold"]

INPUTS = ("drift.statistics", "retrain.status", "actions")
#: With so many triggers waiting for the log, statistics wait in the broker.
_PENDING = 200


class DecideFold(Fold):
    """See the module's text; ``retention_ms``: how long the broker keeps ``pairs``, -1 for ever."""

    def __init__(
        self,
        partition: int,
        partitions: int,
        full_name: Callable[[str], str],
        alert_policy_for: Callable[[str], AlertPolicy],
        retrain_policy_for: Callable[[str], RetrainPolicy],
        links: Links,
        limits: Limits,
        retention_ms: int,
    ) -> None:
        self._partition, self._partitions, self._pairs = partition, partitions, full_name("pairs")
        self._full_name, self._room_bytes = full_name, limits.dead_letter_bytes
        self._decode_status, self._decode_action = StatusDecoder(limits), ActionDecoder(limits)
        self._decider = Decider(full_name, alert_policy_for, retrain_policy_for, links, retention_ms=retention_ms)

    def restore(self, saved: bytes | None, snapshot: bytes | None, position: Sequence[int]) -> None:
        """Go on from what was saved."""
        if saved is not None:
            self._decider.load(State.load(saved))

    def feed(self, side: int, run: Run, out: Outbox) -> None:
        """Decide, record by record."""
        take = (self._read, self._hear, self._act)[side]
        for record in run:
            take(record, out)
            self._send_triggers(out)

    def _read(self, record: Record, out: Outbox) -> None:
        for told in self._decider.read(record.value, event_id(record.headers)):
            event = alert_event(told.id, told.alert, at=told.at, caused_by=told.caused_by)
            out.send("alerts", place(told.alert.subject, self._partitions), *event)

    def _hear(self, record: Record, out: Outbox) -> None:
        try:
            self._decider.hear(self._decode_status(record))
        except DecodeError as error:
            self._refuse("retrain.status", record, error, out)

    def _act(self, record: Record, out: Outbox) -> None:
        try:
            self._decider.act(self._decode_action(record))
        except DecodeError as error:
            self._refuse("actions", record, error, out)

    def _refuse(self, topic: str, record: Record, error: DecodeError, out: Outbox) -> None:
        count(self._decider.state.counters.dead, topic)
        full, room = self._full_name(topic), self._room_bytes
        letter = dead_letter(full, topic, self._partition, record, error.reason, error.detail, room)
        out.send("dead.letters", self._partition, *letter)

    def _send_triggers(self, out: Outbox) -> None:
        for id_, told in self._decider.released():
            event = trigger_event(id_, told.trigger, at=told.at, caused_by=told.caused_by)
            out.send("retrain.triggers", place(told.trigger.model.name, self._partitions), *event)

    def wants(self, side: int) -> bool:
        """Not while many triggers wait for the log."""
        return len(self._decider.state.pending) < _PENDING

    def questions(self) -> Sequence[LogQuery]:
        """The window of each trigger that waits, as a question to the log of pairs."""
        triggers = [pending.trigger for pending in self._decider.state.pending.values() if not pending.ready]
        stretches = [(trigger.window.offsets[0], trigger.model.name.encode()) for trigger in triggers]
        return [LogQuery("pairs", where.partition, where.start, where.end, model) for where, model in stretches]

    def answer(self, query: LogQuery, answer: LogAnswer, out: Outbox) -> None:
        """Send the triggers whose window this is."""
        model, stretch = query.key.decode(), OffsetRange(self._pairs, query.partition, query.start, query.end)
        self._decider.complete(model, stretch, answer.events, answer.digest, whole=answer.complete)
        self._send_triggers(out)

    def save(self) -> bytes:
        """The whole state."""
        return self._decider.state.dump()

    def figures(self) -> dict[str, float]:
        """Counters of this partition, and what stands now."""
        return self._decider.state.figures()
