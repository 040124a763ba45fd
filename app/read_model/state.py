"""What one partition of the read model is, as a pure fold of the records of the serve role.

The inputs come in any interleaving; since each document depends on records of one input only, the same logs give the same
documents however they were cut. All of it lies in the tables, so a state that was stored and loaded again goes on as if
nothing had happened. A record that cannot be read is counted and passed over: it can neither stop the role nor show up.

*Bounds* (for each partition): ``Capacity``. What a full table lets go is counted by kind in the partition's document, and
the page says so.
"""

from collections.abc import Mapping

import msgspec
from msgspec import UNSET, Raw

from app.read_model.action_messages import acknowledged_in
from app.read_model.action_tables import ActionTables
from app.read_model.bounds import Count
from app.read_model.capacity import DEFAULT, Capacity
from app.read_model.cells import signal_cell, traffic_cell
from app.read_model.documents import (
    COUNTS,
    KINDS,
    AlertDocument,
    Document,
    HistoryPoint,
    LetterExample,
    LettersDocument,
    ModelDocument,
    PartitionDocument,
    SignalDocument,
    TriggerDocument,
    VerdictDocument,
)
from app.read_model.flood import kept
from app.read_model.history import NO_OFFSET, History, Limits, identity_of_signal, identity_of_traffic
from app.read_model.messages import AlertMessage, Figures, StatisticsMessage, small
from app.read_model.moments import baselines_after, hear, trigger_after, version_after
from app.read_model.table import Changes, Table
from app.read_model.training_tables import TrainingTables
from schemas.dead_letter import REASONS
from schemas.trigger import RetrainTrigger
from schemas.verdict import Verdict

__all__ = ["PartitionState"]

OTHER = "other"
_Minute = msgspec.defstruct("_Minute", [(name, Count, 0) for name in COUNTS])
_minute = msgspec.json.Decoder(_Minute)


class PartitionState:
    """The documents of one partition. ``changes`` is what to write; whoever writes it empties it."""

    def __init__(self, capacity: Capacity = DEFAULT) -> None:
        self.capacity = capacity
        self.changes: Changes = {}
        self.partition = PartitionDocument(order=0)
        self.letters = LettersDocument(order=0)
        self.models: Table[ModelDocument] = Table("model", capacity.models, self.changes)
        self.signals: Table[SignalDocument] = Table("signal", capacity.signals, self.changes)
        self.firing: Table[AlertDocument] = Table("alert", capacity.firing, self.changes)
        self.resolved: Table[AlertDocument] = Table("alert", capacity.resolved, self.changes)
        self.triggers: Table[TriggerDocument] = Table("trigger", capacity.triggers, self.changes)
        self.verdicts: Table[VerdictDocument] = Table("verdict", capacity.verdicts, self.changes)
        self.actions = ActionTables(capacity, self.changes, self._next)
        self.trainings = TrainingTables(capacity, self.changes, self._next)
        self._tables = (
            self.models, self.signals, self.firing, self.resolved, self.triggers, self.verdicts,
            *self.actions.tables, *self.trainings.tables,
        )  # fmt: skip
        self.history = History(Limits(capacity.series, capacity.chunks))

    def load(self, stored: Mapping[str, Raw], series: Mapping[str, bytes]) -> None:
        """Take back what was written, by field, and the histories by identity; into an empty state only."""
        self.history.load(series.items())
        found: dict[str, list[tuple[str, object]]] = {kind: [] for kind in KINDS}
        for name, text in stored.items():
            kind, _, identity = name.partition(" ")
            if kind in KINDS:
                found[kind].append((identity, msgspec.json.decode(text, type=KINDS[kind])))
        self.models.load((i, d) for i, d in found["model"] if isinstance(d, ModelDocument))
        self.signals.load((i, d) for i, d in found["signal"] if isinstance(d, SignalDocument))
        self.triggers.load((i, d) for i, d in found["trigger"] if isinstance(d, TriggerDocument))
        self.verdicts.load((i, d) for i, d in found["verdict"] if isinstance(d, VerdictDocument))
        self.actions.load(found)
        self.trainings.load(found)
        alerts = [(i, d) for i, d in found["alert"] if isinstance(d, AlertDocument)]
        self.firing.load((i, d) for i, d in alerts if d.status == "firing")
        self.resolved.load((i, d) for i, d in alerts if d.status == "resolved")
        for _, document in found["letters"]:
            self.letters = document if isinstance(document, LettersDocument) else self.letters
        for _, document in found["partition"]:
            self.partition = document if isinstance(document, PartitionDocument) else self.partition

    def read(self, topic: str, records: int, unreadable: int) -> None:
        """Count what came, after it was folded in."""
        _add(self.partition.records, topic, records)
        if unreadable:
            _add(self.partition.unreadable, topic, unreadable)
        for table in self._tables:
            if table.dropped:
                _add(self.partition.dropped, table.kind, table.dropped)
                table.dropped = 0
        for kind, count in self.history.dropped.items():
            _add(self.partition.dropped, kind, count)
        self.history.dropped = {}
        self.changes["partition"] = self.partition

    def catch_up(self) -> bool:
        """All that there is has been read; whether that is news."""
        if self.partition.caught_up:
            return False
        self.partition.caught_up = True
        self.changes["partition"] = self.partition
        return True

    def encoded(self, name: str, document: Document) -> bytes | None:
        """A document as it is written; None, and counted as dropped, where it cannot be: it must not hold up all others."""
        try:
            return msgspec.json.encode(document)
        except ValueError:  # an integer of more digits than Python writes, a lone surrogate; the input refuses them
            _add(self.partition.dropped, name.partition(" ")[0], 1)
            return None

    def statistics(self, message: StatisticsMessage) -> None:
        """One signal in one window, or the pairing counts of one minute."""
        model = self.models.get(message.model) or ModelDocument(order=0, model=message.model)
        if message.signal.kind == "pairing":
            self._count(model, message)
        elif (figures := message.figures()).ended is not UNSET:
            self.signals.remove(_signal_identity(message))
        else:
            self._signal(message, figures)
        if message.role != "all":
            before = model.versions.pop(message.version, None)
            model.versions[message.version] = version_after(before, message.role, message.window)
            if len(model.versions) > self.capacity.versions:
                del model.versions[next(iter(model.versions))]
        model.order = self._next()
        self.models.put(model.model, model)

    def alert(self, message: AlertMessage) -> None:
        """One change of an alert's state; an episode is its fingerprint and its start."""
        evidence, trimmed = small(message.evidence)
        document = AlertDocument(
            order=self._next(), fingerprint=message.fingerprint, status=message.status, labels=message.labels,
            annotations=message.annotations, starts_at=message.starts_at, ends_at=message.ends_at or None,
            generator_url=message.generator_url, evidence=evidence, trimmed=trimmed,
            acknowledged=acknowledged_in(message.evidence) if message.status == "resolved" else None,
        )  # fmt: skip
        episode = f"{message.fingerprint} {message.starts_at}"
        if message.status == "resolved":
            self.firing.remove(episode)
            self.resolved.put(episode, document)
        else:
            self.resolved.remove(episode)
            self.firing.put(episode, document)

    def trigger(self, time: str | None, trigger: RetrainTrigger) -> None:
        """One retrain trigger, or what was decided about it."""
        self.triggers.put(trigger.trigger_id, trigger_after(self.triggers.get(trigger.trigger_id), self._next(), time, trigger))

    def verdict(self, time: str | None, verdict: Verdict) -> None:
        """One verdict; it takes the place of that before on the same shadow version."""
        document = VerdictDocument(order=self._next(), model=verdict.model, time=time, verdict=verdict)
        self.verdicts.put(msgspec.json.encode([verdict.model, verdict.shadow_version]).decode(), document)

    def letter(self, example: LetterExample) -> None:
        """One dead letter."""
        counts = self.letters.counts
        known = example.topic in counts or len(counts) < self.capacity.letter_topics
        _add(counts.setdefault(example.topic if known else OTHER, {}), example.reason, 1)
        self.letters.newest = kept([example, *self.letters.newest], self.capacity.letters)
        self.letters.order = self._next()
        self.changes["letters"] = self.letters

    def figures(self) -> dict[str, float]:
        """How much there is of what."""
        figures: dict[str, float] = {
            "models": len(self.models) - (self.models.get("") is not None),
            "signals": len(self.signals),
            "alerts_firing": len(self.firing),
            "retrain_triggers": len(self.triggers),
            "histories": len(self.history),
            "history_chunks": self.history.chunks,
            "unreadable_records_total": sum(self.partition.unreadable.values()),
            "documents_dropped_total": sum(self.partition.dropped.values()),
        }
        for reason in (*REASONS, "unknown"):
            letters = sum(by_reason.get(reason, 0) for by_reason in self.letters.counts.values())
            figures[f'dead_letters_total{{reason="{reason}"}}'] = letters
        return figures

    def _next(self) -> int:
        self.partition.order += 1
        return self.partition.order

    def _count(self, model: ModelDocument, message: StatisticsMessage) -> None:
        minute: list[int] = list(msgspec.structs.astuple(_minute.decode(message.statistics)))
        for name, count in zip(COUNTS, minute, strict=True):
            _add(model.counts, name, count)
        start, end = message.window.start, message.window.end
        model.minutes = [*model.minutes, [start, *minute]][-self.capacity.minutes :]
        model.since = start if model.since is None else min(model.since, start)
        model.until = end if model.until is None else max(model.until, end)
        if not message.model:
            hear(model.heard, message.signal.name, end, self.capacity.letter_topics)
        else:
            self.partition.histories += 1
            self.history.traffic(identity_of_traffic(message.model), start, traffic_cell(minute), self.partition.histories)

    def _signal(self, message: StatisticsMessage, figures: Figures) -> None:
        identity = _signal_identity(message)
        before, detector, window = self.signals.get(identity), message.detector, message.window
        same = before is not None and before.state == detector.state
        statistics, trimmed = small(message.statistics)
        history = [*(before.history if before else ()), HistoryPoint(window.end, detector.score, detector.state)]
        baselines = baselines_after(before.baselines if before else [], figures.baseline, window, self.capacity.baselines)
        document = SignalDocument(
            order=self._next(), model=message.model, version=message.version, role=message.role, kind=message.signal.kind,
            name=message.signal.name, segment=message.segment, state=detector.state,
            since=before.since if before and same else window.end, detector=detector.name, score=detector.score,
            threshold=detector.threshold, start=window.start, end=window.end, events=window.events,
            coverage=message.coverage, statistics=statistics, trimmed=trimmed, history=history[-self.capacity.history :],
            baselines=baselines,
        )  # fmt: skip
        self.signals.put(identity, document)
        self.partition.histories += 1
        first = message.offsets[0].start if message.offsets else NO_OFFSET
        cell = signal_cell(detector, window.events, figures)
        self.history.signal(identity, message.role, window, first, cell, self.partition.histories)


def _signal_identity(message: StatisticsMessage) -> str:
    return identity_of_signal(message.model, message.version, str(message.signal), message.segment)


def _add(counts: dict[str, int], name: str, count: int) -> None:
    counts[name] = counts.get(name, 0) + count
