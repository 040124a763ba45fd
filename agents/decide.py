"""The decide role: statistics in, alerts and retrain triggers out.

What is decided, and why, is in ``app.domain.deciding``; here it meets the messages. An alert has its fingerprint as key, a
trigger its model; both lie on the model's partition, an alert without a model on that of its topic's name.

Delivery guarantees: the whole state is in ``save``, so nothing is replayed and nothing is forgotten: a crash goes on from the
last transaction, with the alerts that fire, the waits that run and the triggers whose questions are open. Event ids are
functions of what was decided. A statistics record that cannot be decoded is counted and passed over.

The state is JSON; from ``PLAIN_BYTES`` on it is deflated (alerts repeat each other's words; a storm of a thousand of them then
still fits one record of the checkpoint).
"""

import zlib
from base64 import b64encode
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from app.domain.alert_message import Links
from app.domain.alert_policy import AlertPolicy
from app.domain.decide_state import State
from app.domain.deciding import Decider, Told
from app.domain.placement import place
from app.domain.retrain_trigger import complete
from app.domain.retraining import RetrainPolicy
from app.folds.fold import LogAnswer, LogQuery, Outbox, Record, Run
from schemas.cloudevents import structured
from schemas.statistics import DriftStatistics
from schemas.trigger import RetrainTrigger

__all__ = ["INPUTS", "PLAIN_BYTES", "DecideFold"]

INPUTS = ("drift.statistics",)
PLAIN_BYTES = 131_072
#: With so many triggers waiting for the log, statistics wait in the broker.
_PENDING = 200
_SOURCE = "/gnomon/decide"

_decode = msgspec.json.Decoder(DriftStatistics).decode


class _Deflated(Struct):
    deflated: bytes


class DecideFold:
    """See the module's text."""

    snapshots = False

    def __init__(
        self,
        partition: int,
        partitions: int,
        full_name: Callable[[str], str],
        alert_policy_for: Callable[[str], AlertPolicy],
        retrain_policy_for: Callable[[str], RetrainPolicy],
        dashboard_url: str,
        runbook_url: str,
    ) -> None:
        self._partition, self._partitions = partition, partitions
        self._decider = Decider(full_name, alert_policy_for, retrain_policy_for, Links(dashboard_url, runbook_url))
        self._saved: bytes | None = None

    def restore(self, saved: bytes | None, snapshot: bytes | None, position: Sequence[int]) -> None:
        """Go on from what was saved."""
        if saved is not None:
            self._decider.load(_read(saved))

    def feed(self, side: int, run: Run, out: Outbox) -> None:
        """Decide, record by record."""
        self._saved = None
        for record in run:
            statistics = self._decoded(record)
            if statistics is not None:
                for told in self._decider.read(statistics, _id(record)):
                    self._send_alert(told, out)

    def rebuilt(self) -> None:
        """Nothing is replayed in silence, so nothing changes."""

    def idle(self, idle_ms: Sequence[int | None], out: Outbox) -> bool:
        """Nothing depends on wall time."""
        return False

    def wants(self, side: int) -> bool:
        """Not while many triggers wait for the log."""
        return len(self._decider.state.pending) < _PENDING

    def sees_ends(self, ends: Sequence[bool], answered_ms: int) -> None:
        """Nothing depends on what is still to be read."""

    def save(self) -> bytes:
        """The whole state."""
        if self._saved is None:
            plain = msgspec.json.encode(self._decider.state)
            deflated = {"deflated": b64encode(zlib.compress(plain, 1)).decode()} if len(plain) > PLAIN_BYTES else None
            self._saved = plain if deflated is None else msgspec.json.encode(deflated)
        return self._saved

    def low(self) -> None:
        """A rebuild reads nothing again."""

    def replays(self) -> bool:
        """Never: nothing is read again."""
        return False

    def snapshot(self) -> None:
        """There is none: ``save`` has it all."""

    def questions(self) -> Sequence[LogQuery]:
        """The window of each trigger that waits, as a question to the log of pairs."""
        return [_query(pending.trigger) for pending in self._decider.state.pending.values()]

    def answer(self, query: LogQuery, answer: LogAnswer, out: Outbox) -> None:
        """Send the triggers whose window this is."""
        pending = self._decider.state.pending
        for id_ in [id_ for id_, waiting in pending.items() if _query(waiting.trigger) == query]:
            waiting = pending.pop(id_)
            trigger = complete(waiting.trigger, answer.events, answer.digest, whole=answer.complete)
            self._send_trigger(trigger, waiting.caused_by, waiting.at, out)
            self._saved = None

    def figures(self) -> dict[str, float]:
        """Counters of this partition, and what stands now."""
        return self._decider.state.figures()

    def _decoded(self, record: Record) -> DriftStatistics | None:
        try:
            return _decode(record.value or b"")
        except (msgspec.DecodeError, msgspec.ValidationError):
            self._decider.state.counters.skipped += 1
            return None

    def _send_alert(self, told: Told, out: Outbox) -> None:
        labels, alert = told.alert.labels, told.alert
        subject = labels.get("model") or labels["topic"]
        value, headers = structured(
            "io.gnomon.alert.v1", _SOURCE, told.id, alert,
            time_ms=told.at, subject=subject, correlationid=alert.fingerprint, causationid=told.caused_by or None,
        )  # fmt: skip
        out.send("alerts", place(subject, self._partitions), alert.fingerprint.encode(), value, headers)

    def _send_trigger(self, trigger: RetrainTrigger, caused_by: str, at: int, out: Outbox) -> None:
        model = trigger.model.name
        fingerprint = trigger.links["alerts"][0]
        value, headers = structured(
            "io.gnomon.retrain.trigger.v1", _SOURCE, trigger.trigger_id, trigger,
            time_ms=at, subject=model, correlationid=fingerprint, causationid=caused_by,
        )  # fmt: skip
        out.send("retrain.triggers", place(model, self._partitions), model.encode(), value, headers)


def _read(saved: bytes) -> State:
    if saved.startswith(b'{"deflated"'):
        saved = zlib.decompress(msgspec.json.decode(saved, type=_Deflated).deflated)
    return msgspec.json.decode(saved, type=State)


def _query(trigger: RetrainTrigger) -> LogQuery:
    stretch = trigger.window.offsets[0]
    return LogQuery("pairs", stretch.partition, stretch.start, stretch.end, trigger.model.name.encode())


def _id(record: Record) -> str:
    """The id of the statistics event; empty where it has none."""
    return next((value.decode(errors="replace") for name, value in record.headers if name == "ce_id"), "")
