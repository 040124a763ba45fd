"""From documents to views: the partitions of a sharded model become one model. Pure.

The counts of a model's shards are added up, its signals stand side by side with their partition, and its state is the
worst of all.
"""

from collections.abc import Collection, Iterable, Mapping

import msgspec
from msgspec import UNSET

from app.read_model.documents import (
    COUNTS,
    AlertDocument,
    Answer,
    Counts,
    LetterExample,
    LettersDocument,
    ModelDocument,
    PartitionDocument,
    SignalDocument,
    TrainingDocument,
    TriggerDocument,
    VerdictDocument,
    VersionSeen,
)
from app.read_model.marks import Marks, Place
from app.read_model.moments import steps_of
from app.read_model.views import (
    STATE_ORDER,
    Alert,
    DeadLetters,
    Model,
    Pairing,
    PartitionStatus,
    Pipeline,
    ShadowVerdict,
    Signal,
    Training,
    Trigger,
    Version,
)
from schemas.offsets import Window

__all__ = ["alerts_of", "examples_of", "letters_of", "model_of", "pairing_of", "pipeline_of", "status_of", "triggers_of"]

#: How many dead letters are shown one by one, of all partitions together.
LETTERS_SHOWN = 20
#: What a model is made of.
ModelPart = ModelDocument | SignalDocument | VerdictDocument


def model_of(name: str, parts: Iterable[tuple[int, ModelPart]], alerts_open: int) -> Model:
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
        verdicts=_verdicts(document for _, document in parts if isinstance(document, VerdictDocument)),
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


def alerts_of(documents: Iterable[AlertDocument], marks: Marks) -> list[Alert]:
    """Firing ones first, then the newest, each with what people said of it."""
    newest = sorted(documents, key=lambda d: (d.ends_at or d.starts_at, d.fingerprint, d.starts_at), reverse=True)
    return [_alert(document, marks) for document in sorted(newest, key=lambda d: d.status != "firing")]


def triggers_of(
    documents: Iterable[tuple[int, TriggerDocument]],
    trainings: Iterable[tuple[int, TrainingDocument]],
    refused: Collection[Place],
) -> list[Trigger]:
    """The newest first, by the end of their window; each comes with its partition, where its training is answered for."""
    answers = {
        (partition, each.model, each.trigger_id): [said for said in each.answers if (partition, said.offset) not in refused]
        for partition, each in trainings
    }
    newest = sorted(documents, key=lambda found: (found[1].trigger.window.end, found[1].trigger.trigger_id), reverse=True)
    return [Trigger(document.time, document.trigger, _training(partition, document, answers)) for partition, document in newest]


def examples_of(documents: Iterable[LettersDocument]) -> list[LetterExample]:
    """Of all partitions, the newest first."""
    examples = [letter for document in documents for letter in document.newest]
    return sorted(examples, key=lambda each: (each.timestamp or 0, each.offset, each.topic, each.partition), reverse=True)


def letters_of(documents: Iterable[LettersDocument]) -> DeadLetters:
    """All partitions together; the newest without their values."""
    documents = list(documents)
    by_topic: dict[str, Counts] = {}
    for document in documents:
        for topic, counts in document.counts.items():
            into = by_topic.setdefault(topic, {})
            for reason, count in counts.items():
                into[reason] = into.get(reason, 0) + count
    newest = [
        msgspec.structs.replace(letter, value=UNSET, value_bytes=UNSET) for letter in examples_of(documents)[:LETTERS_SHOWN]
    ]
    total = sum(sum(counts.values()) for counts in by_topic.values())
    return DeadLetters(total, dict(sorted(by_topic.items())), newest)


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


def _training(partition: int, document: TriggerDocument, answers: Mapping[tuple[int, str, str], list[Answer]]) -> Training | None:
    """Of a trigger that may be trained for."""
    steps = steps_of(answers.get((partition, document.trigger.model.name, document.trigger.trigger_id), ()))
    if not steps or document.trigger.approval.state not in {"not_required", "approved"}:
        return None
    last = steps[-1]
    return Training(
        status=last.status,
        started=next((each.at for each in steps if each.status == "running"), None),
        ended=None if last.status in {"accepted", "running"} else last.at,
        new_version=last.new_version,
        detail=last.detail,
    )


def _versions(documents: Iterable[ModelDocument]) -> list[Version]:
    """Of a version that several shards have seen: its role from the newest, its first windows from the earliest."""
    found: dict[str, list[VersionSeen]] = {}
    for document in documents:
        for version, seen in document.versions.items():
            found.setdefault(version, []).append(seen)
    versions = [_version(version, seen) for version, seen in found.items()]
    return sorted(versions, key=lambda v: (v.role != "legacy", v.version))


def _version(version: str, seen: list[VersionSeen]) -> Version:
    newest = max(seen, key=lambda each: each.last_seen)
    legacy = min((each.legacy_since for each in seen if each.legacy_since is not None), default=None)
    shadow = min((each.shadow_since for each in seen if each.shadow_since is not None), default=None)
    return Version(version, newest.role, newest.last_seen, legacy, shadow)


def _verdicts(documents: Iterable[VerdictDocument]) -> list[ShadowVerdict]:
    """The newest on each shadow version, of all partitions."""
    newest: dict[str, VerdictDocument] = {}
    for document in sorted(documents, key=lambda d: (d.verdict.window.end, d.time or "")):
        newest[document.verdict.shadow_version] = document
    return [ShadowVerdict(document.time, document.verdict) for _, document in sorted(newest.items())]


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
        baselines=document.baselines,
    )


def _alert(document: AlertDocument, marks: Marks) -> Alert:
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
        acknowledged=marks.acknowledged(document),
        silenced_by=marks.silenced_by(document),
    )
