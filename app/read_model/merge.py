"""From documents to views: the partitions of a sharded model become one model. Pure.

The counts of a model's shards are added up, its signals stand side by side with their partition, and its state is the
worst of all.
"""

from collections.abc import Iterable

import msgspec

from app.read_model.documents import (
    COUNTS,
    AlertDocument,
    Counts,
    LetterExample,
    LettersDocument,
    ModelDocument,
    PartitionDocument,
    SignalDocument,
    TriggerDocument,
)
from app.read_model.views import (
    STATE_ORDER,
    Alert,
    DeadLetters,
    Model,
    Pairing,
    PartitionStatus,
    Pipeline,
    Signal,
    Trigger,
    Version,
)
from schemas.offsets import Window

__all__ = ["alerts_of", "letters_of", "model_of", "pairing_of", "pipeline_of", "status_of", "triggers_of"]

#: How many dead letters are shown one by one, of all partitions together.
LETTERS_SHOWN = 20


def model_of(name: str, parts: Iterable[tuple[int, ModelDocument | SignalDocument]], alerts_open: int) -> Model:
    """One model from its documents; each comes with its partition."""
    parts = list(parts)
    heads = [document for _, document in parts if isinstance(document, ModelDocument)]
    signals = [_signal(partition, document) for partition, document in parts if isinstance(document, SignalDocument)]
    signals.sort(key=_rank)
    return Model(
        name=name,
        state=signals[0].state if signals else None,
        versions=_versions(heads),
        pairing=pairing_of(heads),
        signals=signals,
        partitions=sorted({partition for partition, _ in parts}),
        alerts_open=alerts_open,
    )


def pairing_of(documents: Iterable[ModelDocument]) -> Pairing:
    """The counts of all documents together."""
    documents = list(documents)
    counts = {name: sum(d.counts.get(name, 0) for d in documents) for name in COUNTS}
    expected = counts["paired"] + counts["partial"] + counts["legacy_only"] + counts["shadow_only"]
    return Pairing(
        **counts,
        match_rate=counts["paired"] / expected if expected else None,
        since=min((d.since for d in documents if d.since is not None), default=None),
        until=max((d.until for d in documents if d.until is not None), default=None),
    )


def alerts_of(documents: Iterable[AlertDocument]) -> list[Alert]:
    """Firing ones first, then the newest."""
    newest = sorted(documents, key=lambda d: (d.ends_at or d.starts_at, d.fingerprint, d.starts_at), reverse=True)
    return [_alert(document) for document in sorted(newest, key=lambda d: d.status != "firing")]


def triggers_of(documents: Iterable[TriggerDocument]) -> list[Trigger]:
    """The newest first, by the end of their window."""
    newest = sorted(documents, key=lambda d: (d.trigger.window.end, d.trigger.trigger_id), reverse=True)
    return [Trigger(document.time, document.trigger) for document in newest]


def letters_of(documents: Iterable[LettersDocument]) -> DeadLetters:
    """All partitions together."""
    by_topic: dict[str, Counts] = {}
    newest: list[LetterExample] = []
    for document in documents:
        newest.extend(document.newest)
        for topic, counts in document.counts.items():
            into = by_topic.setdefault(topic, {})
            for reason, count in counts.items():
                into[reason] = into.get(reason, 0) + count
    newest.sort(key=lambda letter: (letter.timestamp or 0, letter.offset, letter.topic, letter.partition), reverse=True)
    total = sum(sum(counts.values()) for counts in by_topic.values())
    return DeadLetters(total, dict(sorted(by_topic.items())), newest[:LETTERS_SHOWN])


def status_of(partition: int, written_at: int | None, document: PartitionDocument | None) -> PartitionStatus:
    """One partition; ``written_at`` is None where nothing was committed yet."""
    found = document or PartitionDocument(order=0)
    return PartitionStatus(
        partition=partition,
        written_at=written_at,
        caught_up=found.caught_up,
        records=found.records,
        unreadable=found.unreadable,
        dropped=found.dropped,
    )


def pipeline_of(models: Iterable[Model], letters: DeadLetters, partitions: list[PartitionStatus]) -> Pipeline:
    """The stream as a whole."""
    parts = [model.pairing for model in models]
    counts = {name: sum(getattr(part, name) for part in parts) for name in COUNTS}
    expected = counts["paired"] + counts["partial"] + counts["legacy_only"] + counts["shadow_only"]
    pairing = Pairing(
        **counts,
        match_rate=counts["paired"] / expected if expected else None,
        since=min((part.since for part in parts if part.since is not None), default=None),
        until=max((part.until for part in parts if part.until is not None), default=None),
    )
    return Pipeline(pairing, letters, partitions)


def _rank(signal: Signal) -> tuple[object, ...]:
    """The worst first, and then an order that does not depend on how documents were read."""
    segment = sorted((signal.segment or {}).items())
    return (STATE_ORDER.index(signal.state), signal.kind, signal.name, signal.version, signal.partition, segment)


def _versions(documents: Iterable[ModelDocument]) -> list[Version]:
    newest: dict[str, Version] = {}
    for document in documents:
        for version, seen in document.versions.items():
            known = newest.get(version)
            if known is None or known.last_seen < seen.last_seen:
                newest[version] = Version(version, seen.role, seen.last_seen)
    return sorted(newest.values(), key=lambda v: (v.role != "legacy", v.version))


def _signal(partition: int, document: SignalDocument) -> Signal:
    return Signal(
        version=document.version,
        role=document.role,
        signal=f"{document.kind}/{document.name}" if document.name else document.kind,
        kind=document.kind,
        name=document.name,
        segment=document.segment,
        partition=partition,
        state=document.state,
        since=document.since,
        detector=document.detector,
        score=document.score,
        threshold=document.threshold,
        window=Window(document.start, document.end, document.events),
        coverage=document.coverage,
        statistics=msgspec.json.decode(document.statistics, type=dict),
        statistics_trimmed=document.trimmed,
        history=document.history,
    )


def _alert(document: AlertDocument) -> Alert:
    return Alert(
        fingerprint=document.fingerprint,
        status=document.status,
        labels=document.labels,
        annotations=document.annotations,
        starts_at=document.starts_at,
        ends_at=document.ends_at,
        generator_url=document.generator_url,
        evidence=msgspec.json.decode(document.evidence, type=dict),
        evidence_trimmed=document.trimmed,
    )
