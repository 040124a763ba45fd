"""What one partition of the read model is, as a pure fold of the records of the serve role.

Four inputs come in any interleaving; since each document depends on records of one input only, the same logs give the same
documents however they were cut. All of it lies in the tables, so a state that was stored and loaded again goes on as if
nothing had happened. A record that cannot be read is counted and passed over: it can neither stop the role nor show up.

*Bounds* (for each partition): ``Capacity``. What a full table lets go is counted by kind in the partition's document, and
the page says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from msgspec import Raw

from app.read_model.documents import (
    COUNTS,
    KINDS,
    AlertDocument,
    HistoryPoint,
    LetterExample,
    LettersDocument,
    ModelDocument,
    PartitionDocument,
    SignalDocument,
    TriggerDocument,
    VersionSeen,
)
from app.read_model.messages import AlertMessage, StatisticsMessage, small
from app.read_model.table import Changes, Table
from schemas.dead_letter import REASONS
from schemas.trigger import RetrainTrigger

__all__ = ["Capacity", "PartitionState"]

OTHER = "other"
_Minute = msgspec.defstruct("_Minute", [(name, int, 0) for name in COUNTS])
_minute = msgspec.json.Decoder(_Minute)


@dataclass(frozen=True)
class Capacity:
    """How many of each a partition keeps. 10,000 signals are 500 models with 20 each."""

    models: int = 2_000
    versions: int = 32
    minutes: int = 60
    signals: int = 10_000
    history: int = 60
    firing: int = 1_000
    resolved: int = 200
    triggers: int = 100
    letter_topics: int = 16
    letters: int = 20


DEFAULT = Capacity()


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

    def load(self, stored: Mapping[str, Raw]) -> None:
        """Take back what was written, by field; into an empty state only."""
        found: dict[str, list[tuple[str, object]]] = {kind: [] for kind in KINDS}
        for name, text in stored.items():
            kind, _, identity = name.partition(" ")
            if kind in KINDS:
                found[kind].append((identity, msgspec.json.decode(text, type=KINDS[kind])))
        self.models.load((i, d) for i, d in found["model"] if isinstance(d, ModelDocument))
        self.signals.load((i, d) for i, d in found["signal"] if isinstance(d, SignalDocument))
        self.triggers.load((i, d) for i, d in found["trigger"] if isinstance(d, TriggerDocument))
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
        for table in (self.models, self.signals, self.firing, self.resolved, self.triggers):
            if table.dropped:
                _add(self.partition.dropped, table.kind, table.dropped)
                table.dropped = 0
        self.changes["partition"] = self.partition

    def catch_up(self) -> bool:
        """All that there is has been read; whether that is news."""
        if self.partition.caught_up:
            return False
        self.partition.caught_up = True
        self.changes["partition"] = self.partition
        return True

    def statistics(self, message: StatisticsMessage) -> None:
        """One signal in one window, or the pairing counts of one minute."""
        model = self.models.get(message.model) or ModelDocument(order=0, model=message.model)
        if message.signal.kind == "pairing":
            self._count(model, message)
        elif message.ended:
            self.signals.remove(_signal_identity(message))
        else:
            self._signal(message)
        if message.role != "all":
            model.versions.pop(message.version, None)
            model.versions[message.version] = VersionSeen(message.role, message.window.end)
            _limit(model.versions, self.capacity.versions)
        model.order = self._next()
        self.models.put(model.model, model)

    def alert(self, message: AlertMessage) -> None:
        """One change of an alert's state; an episode is its fingerprint and its start."""
        evidence, trimmed = small(message.evidence)
        document = AlertDocument(
            order=self._next(), fingerprint=message.fingerprint, status=message.status, labels=message.labels,
            annotations=message.annotations, starts_at=message.starts_at, ends_at=message.ends_at or None,
            generator_url=message.generator_url, evidence=evidence, trimmed=trimmed,
        )  # fmt: skip
        episode = f"{message.fingerprint} {message.starts_at}"
        if message.status == "resolved":
            self.firing.remove(episode)
            self.resolved.put(episode, document)
        else:
            self.firing.put(episode, document)

    def trigger(self, time: str | None, trigger: RetrainTrigger) -> None:
        """One retrain trigger."""
        self.triggers.put(trigger.trigger_id, TriggerDocument(order=self._next(), time=time, trigger=trigger))

    def letter(self, example: LetterExample) -> None:
        """One dead letter."""
        counts = self.letters.counts
        known = example.topic in counts or len(counts) < self.capacity.letter_topics
        _add(counts.setdefault(example.topic if known else OTHER, {}), example.reason, 1)
        self.letters.newest = [example, *self.letters.newest][: self.capacity.letters]
        self.letters.order = self._next()
        self.changes["letters"] = self.letters

    def figures(self) -> dict[str, float]:
        """How much there is of what."""
        figures: dict[str, float] = {
            "models": len(self.models) - (self.models.get("") is not None),
            "signals": len(self.signals),
            "alerts_firing": len(self.firing),
            "retrain_triggers": len(self.triggers),
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

    def _signal(self, message: StatisticsMessage) -> None:
        identity = _signal_identity(message)
        before, detector, window = self.signals.get(identity), message.detector, message.window
        same = before is not None and before.state == detector.state
        statistics, trimmed = small(message.statistics)
        history = [*(before.history if before else ()), HistoryPoint(window.end, detector.score, detector.state)]
        document = SignalDocument(
            order=self._next(), model=message.model, version=message.version, role=message.role, kind=message.signal.kind,
            name=message.signal.name, segment=message.segment, state=detector.state,
            since=before.since if before and same else window.end, detector=detector.name, score=detector.score,
            threshold=detector.threshold, start=window.start, end=window.end, events=window.events,
            coverage=message.coverage, statistics=statistics, trimmed=trimmed, history=history[-self.capacity.history :],
        )  # fmt: skip
        self.signals.put(identity, document)


def _signal_identity(message: StatisticsMessage) -> str:
    """The key of ``drift.statistics``, as JSON, so that no name can pass for another by a ``|`` in it."""
    segment = sorted((message.segment or {}).items())
    return msgspec.json.encode([message.model, message.version, str(message.signal), segment]).decode()


def _add(counts: dict[str, int], name: str, count: int) -> None:
    counts[name] = counts.get(name, 0) + count


def _limit(versions: dict[str, VersionSeen], most: int) -> None:
    if len(versions) > most:
        del versions[next(iter(versions))]
