"""What lies in Redis: one hash of JSON documents for each partition of the serve role.

Every document is the latest state of one thing, so writing it twice is the same as writing it once, and a partition writes
only its own hash: two partitions, or two workers, never touch the same key. ``order`` says when a document was last written,
in records of the partition; by it the oldest is found when a table is full.

The field of a document is its kind and its identity, joined by a space. Fields are never taken apart again beyond the kind:
the document says everything that its field says, so an identity may hold any character.
"""

from typing import NamedTuple

from msgspec import UNSET, Raw, Struct, UnsetType

from app.read_model.action_documents import AcknowledgedDocument, Acknowledgement, RefusedDocument, SilenceDocument
from schemas.alert import AlertStatus
from schemas.statistics import Coverage, DetectorState, Role, SignalKind
from schemas.trigger import RetrainTrigger, StatusName
from schemas.verdict import Verdict

__all__ = [
    "COUNTS", "FORMAT", "KINDS", "AlertDocument", "Answer", "BaselineSeen", "Counts", "Document",
    "HistoryPoint", "LetterExample", "LettersDocument", "ModelDocument", "PartitionDocument", "RefusedAnswerDocument",
    "SignalDocument", "TrainingDocument", "TriggerDocument", "VerdictDocument", "VersionSeen",
]  # fmt: skip

#: Raised when a document changes its meaning: what an older release wrote is then thrown away and read anew from the log.
FORMAT = "5"

#: What the pair role counts for a model and a minute (the signal kind ``pairing``), in the order in which it is shown.
COUNTS = (
    "read", "paired", "partial", "legacy_only", "shadow_only", "solo", "late", "duplicate", "rejected", "misrouted",
)  # fmt: skip

Counts = dict[str, int]


class VersionSeen(Struct, gc=False):
    """One version of a model, and until when (event time, milliseconds) statistics spoke of it; since when, by its role then."""

    role: Role
    last_seen: int
    legacy_since: int | None = None
    shadow_since: int | None = None


class ModelDocument(Struct, kw_only=True):
    """One model (one of its shards): its versions, and the pairing counts summed over what the log still has.

    ``minutes`` are the last windows one by one, ``[start, counts…]`` in the order of ``COUNTS``. ``heard``, of what has no model:
    until when statistics spoke of each input topic. Times in milliseconds.
    """

    order: int
    model: str
    versions: dict[str, VersionSeen] = {}
    counts: Counts = {}
    since: int | None = None
    until: int | None = None
    minutes: list[list[int]] = []
    heard: dict[str, int] = {}


class HistoryPoint(NamedTuple):
    """One window of a signal, as a sparkline needs it. ``end`` is event time in milliseconds."""

    end: int
    score: float
    state: DetectorState


class BaselineSeen(Struct, frozen=True, gc=False):
    """What a signal was compared with from ``at`` on (event time, milliseconds); a warm-up has neither version nor owner."""

    at: int
    id: str
    version: str | None
    owner: str | None


class SignalDocument(Struct, kw_only=True):
    """The newest statistics of one signal, since when it has been in its state, its last windows and its last references.

    ``statistics`` is empty and ``trimmed`` true where the figures are too large for the read model.
    """

    order: int
    model: str
    version: str
    role: Role
    kind: SignalKind
    name: str
    segment: dict[str, str] | None
    state: DetectorState
    since: int
    detector: str
    score: float
    threshold: float
    start: int
    end: int
    events: int
    coverage: Coverage
    statistics: Raw
    trimmed: bool = False
    history: list[HistoryPoint] = []
    baselines: list[BaselineSeen] = []


class AlertDocument(Struct, kw_only=True):
    """One episode of an alert: it fires at ``starts_at``, and is as it was last said to be. Times are RFC 3339.

    ``acknowledged`` is what a resolve says of it; of an alert that fires, ``AcknowledgedDocument`` knows.
    """

    order: int
    fingerprint: str
    status: AlertStatus
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: str
    ends_at: str | None
    generator_url: str
    evidence: Raw
    trimmed: bool = False
    acknowledged: Acknowledgement | None = None


class TriggerDocument(Struct, kw_only=True):
    """One retrain trigger as it was last written, and when it was first (RFC 3339, event time) where its envelope says so."""

    order: int
    time: str | None
    trigger: RetrainTrigger


class Answer(Struct, frozen=True, gc=False):
    """One answer of a pipeline: by its own clock (milliseconds), and the offset at which it lies."""

    offset: int
    status: StatusName
    at: int
    new_version: str | None
    detail: str | None


class TrainingDocument(Struct, kw_only=True):
    """What pipelines have answered to one trigger, as it lies in the log; which answers are steps is found when it is shown."""

    order: int
    model: str
    trigger_id: str
    answers: list[Answer]


class RefusedAnswerDocument(Struct, kw_only=True):
    """An answer that the role decide refused, by its offset: it was no step."""

    order: int
    offset: int


class VerdictDocument(Struct, kw_only=True):
    """The newest verdict on one shadow version, and when (RFC 3339) where its envelope says so."""

    order: int
    model: str
    time: str | None
    verdict: Verdict


class LetterExample(Struct, kw_only=True, gc=False):
    """Where one dead letter came from, and why it is one; the first bytes of its value, and how many there are."""

    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    timestamp: int | None
    value: bytes | UnsetType = UNSET
    value_bytes: int | UnsetType = UNSET


class LettersDocument(Struct, kw_only=True):
    """Dead letters of one partition, counted by source topic and reason, and the newest few of them, of each reason some."""

    order: int
    counts: dict[str, Counts] = {}
    newest: list[LetterExample] = []


class PartitionDocument(Struct, kw_only=True):
    """What the serve role did on one partition: records by input, records it could not read, documents it let go.

    ``histories`` counts the records that went into histories, by which these are numbered. ``caught_up`` turns true when each
    input has been read to its end once.
    """

    order: int
    records: Counts = {}
    unreadable: Counts = {}
    dropped: Counts = {}
    histories: int = 0
    caught_up: bool = False


Document = (
    ModelDocument | SignalDocument | AlertDocument | SilenceDocument | AcknowledgedDocument | RefusedDocument | TriggerDocument
    | TrainingDocument | RefusedAnswerDocument | VerdictDocument | LettersDocument | PartitionDocument
)  # fmt: skip

#: The first word of a field, and what is under it.
KINDS: dict[str, type[Document]] = {
    "model": ModelDocument,
    "signal": SignalDocument,
    "alert": AlertDocument,
    "silence": SilenceDocument,
    "acknowledged": AcknowledgedDocument,
    "refused": RefusedDocument,
    "trigger": TriggerDocument,
    "training": TrainingDocument,
    "refused_answer": RefusedAnswerDocument,
    "verdict": VerdictDocument,
    "letters": LettersDocument,
    "partition": PartitionDocument,
}
