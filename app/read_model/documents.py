"""What lies in Redis: one hash of JSON documents for each partition of the serve role.

Every document is the latest state of one thing, so writing it twice is the same as writing it once, and a partition writes
only its own hash: two partitions, or two workers, never touch the same key. ``order`` says when a document was last written,
in records of the partition; by it the oldest is found when a table is full.

The field of a document is its kind and its identity, joined by a space. Fields are never taken apart again beyond the kind:
the document says everything that its field says, so an identity may hold any character.
"""

from typing import NamedTuple

from msgspec import Raw, Struct

from schemas.alert import AlertStatus
from schemas.statistics import Coverage, DetectorState, Role, SignalKind
from schemas.trigger import RetrainTrigger

__all__ = [
    "COUNTS", "FORMAT", "KINDS", "AlertDocument", "Counts", "Document", "HistoryPoint", "LetterExample", "LettersDocument",
    "ModelDocument", "PartitionDocument", "SignalDocument", "TriggerDocument", "VersionSeen",
]  # fmt: skip

#: Raised when a document changes its meaning: what an older release wrote is then thrown away and read anew from the log.
FORMAT = "1"

#: What the pair role counts for a model and a minute (the signal kind ``pairing``), in the order in which it is shown.
COUNTS = (
    "read", "paired", "partial", "legacy_only", "shadow_only", "solo", "late", "duplicate", "rejected", "misrouted",
)  # fmt: skip

Counts = dict[str, int]


class VersionSeen(Struct, gc=False):
    """One version of a model, and until when (event time, milliseconds) statistics spoke of it."""

    role: Role
    last_seen: int


class ModelDocument(Struct, kw_only=True):
    """One model (one of its shards): its versions, and the pairing counts summed over what the log still has.

    ``minutes`` are the last windows one by one, ``[start, counts…]`` in the order of ``COUNTS``. Times in milliseconds.
    """

    order: int
    model: str
    versions: dict[str, VersionSeen] = {}
    counts: Counts = {}
    since: int | None = None
    until: int | None = None
    minutes: list[list[int]] = []


class HistoryPoint(NamedTuple):
    """One window of a signal, as a sparkline needs it. ``end`` is event time in milliseconds."""

    end: int
    score: float
    state: DetectorState


class SignalDocument(Struct, kw_only=True):
    """The newest statistics of one signal, since when it has been in its state, and its last windows.

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


class AlertDocument(Struct, kw_only=True):
    """One episode of an alert: it fires at ``starts_at``, and at most once it is resolved. Times are RFC 3339."""

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


class TriggerDocument(Struct, kw_only=True):
    """One retrain trigger as it was sent, and when (RFC 3339, event time) where its envelope says so."""

    order: int
    time: str | None
    trigger: RetrainTrigger


class LetterExample(Struct, kw_only=True, gc=False):
    """Where one dead letter came from, and why it is one. Its bytes stay in Kafka."""

    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    timestamp: int | None


class LettersDocument(Struct, kw_only=True):
    """Dead letters of one partition, counted by source topic and reason, and the newest few of them."""

    order: int
    counts: dict[str, Counts] = {}
    newest: list[LetterExample] = []


class PartitionDocument(Struct, kw_only=True):
    """What the serve role did on one partition: records by input, records it could not read, documents it let go.

    ``caught_up`` turns true when each input has been read to its end once.
    """

    order: int
    records: Counts = {}
    unreadable: Counts = {}
    dropped: Counts = {}
    caught_up: bool = False


Document = ModelDocument | SignalDocument | AlertDocument | TriggerDocument | LettersDocument | PartitionDocument

#: The first word of a field, and what is under it.
KINDS: dict[str, type[Document]] = {
    "model": ModelDocument,
    "signal": SignalDocument,
    "alert": AlertDocument,
    "trigger": TriggerDocument,
    "letters": LettersDocument,
    "partition": PartitionDocument,
}
