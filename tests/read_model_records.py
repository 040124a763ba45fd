"""Records of the inputs of the serve role, made short; and a ledger in memory, in the shape of the one in Redis."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from agents.serve import INPUTS, ServeFold
from app.folds.fold import Headers, Run
from app.read_model.documents import KINDS
from app.read_model.gathering import Gathering
from app.read_model.history import CHUNK, SERIES
from app.read_model.views import Overview
from schemas.cloudevents import rfc3339, structured

_revisions = itertools.count(1)
START_MS = 1_790_000_000_000
MINUTE_MS = 60_000
STATISTICS, ALERTS, TRIGGERS, LETTERS, VERDICTS, STATUSES, ACTIONS = range(7)
SIDES = len(INPUTS)


class Record(NamedTuple):
    """A record as the runner hands it on."""

    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    offset: int = 0
    timestamp: int = 0
    key: bytes | None = b"k"


class Writes:
    """An outbox that keeps what it gets."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int, bytes | None, bytes | None, Headers]] = []

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        self.sent.append((topic, partition, key, value, headers))

    @property
    def table(self) -> dict[bytes, bytes]:
        """The documents after all writes, those of histories apart."""
        return {key: value for key, value in self._all().items() if not key.startswith((SERIES, CHUNK))}

    @property
    def series(self) -> dict[bytes, bytes]:
        """The histories' documents, by identity."""
        return {key.removeprefix(SERIES): value for key, value in self._all().items() if key.startswith(SERIES)}

    @property
    def chunks(self) -> dict[bytes, bytes]:
        """The closed chunks of histories, by field."""
        return {key.removeprefix(CHUNK): value for key, value in self._all().items() if key.startswith(CHUNK)}

    def _all(self) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        for _, _, key, value, _ in self.sent:
            assert key is not None
            if value is None:
                found.pop(key, None)
            else:
                found[key] = value
        return found


def run(records: Iterable[Record], start: int = 0) -> Run:
    """A run without holes."""
    made = Run(records)
    made.start, made.end = start, start + len(made)
    return made


def statistics(
    model: str = "credit", version: str = "1.4.0", kind: str = "feature", name: str = "age", *, minute: int = 0,
    state: str = "quiet", score: float = 0.25, role: str = "legacy", segment: dict[str, str] | None = None, **figures: Any,
) -> Record:  # fmt: skip
    """One signal in one window."""
    start = START_MS + minute * MINUTE_MS
    message = {
        "model": model, "version": version, "role": role, "signal": {"kind": kind, "name": name}, "segment": segment,
        "window": {"start": start, "end": start + MINUTE_MS, "events": 1000}, "statistics": figures,
        "detector": {"name": "scan", "state": state, "score": score, "threshold": 1.0}, "coverage": {"paired": 990},
        "offsets": [{"topic": "pairs", "partition": 1, "start": 5, "end": 9}], "configuration": "sha256:c",
    }  # fmt: skip
    return Record(msgspec.json.encode(message))


def pairing(model: str = "credit", *, minute: int = 0, **counts: Any) -> Record:
    """The counts of one minute."""
    return statistics(model, "", "pairing", "" if model else "predictions.legacy", minute=minute, role="all", **counts)


def alert(status: str = "firing", *, minute: int = 0, model: str = "credit", fingerprint: str = "f1", **changes: Any) -> Record:
    """One change of an alert's state; it ends ten minutes after it began."""
    start = START_MS + minute * MINUTE_MS
    data = {
        "labels": {"alertname": "FeatureDrift", "severity": "warning", "model": model, "signal": "feature/age"},
        "annotations": {"summary": "age has moved", "description": "by two years"},
        "startsAt": rfc3339(start), "generatorURL": "http://gnomon/", "status": status, "fingerprint": fingerprint,
        "evidence": {"score": 1.2},
    } | changes  # fmt: skip
    if status == "resolved":
        data["endsAt"] = rfc3339(start + 10 * MINUTE_MS)
    return Record(structured("io.gnomon.alert.v1", "/gnomon/decide", "a", data)[0])


def trigger(id_: str = "t1", *, model: str = "credit", minute: int = 0, **changes: Any) -> Record:
    """One retrain trigger."""
    end = START_MS + minute * MINUTE_MS
    data = {
        "trigger_id": id_, "model": {"name": model, "version": "1.4.0", "shadow_versions": ["2.0.0"]},
        "reason": {"code": "data_drift", "detail": "age has moved", "priority": "high"}, "evidence": {"score": 1.2},
        "window": {"start": end - MINUTE_MS, "end": end, "events": 40, "digest": "sha256:0123456789abcdef",
                   "offsets": [{"topic": "pairs", "partition": 1, "start": 5, "end": 45}]},
        "baseline": {"id": "b", "digest": "sha256:b"},
        "policy": {"cooldown_s": 60, "next_eligible": rfc3339(end + MINUTE_MS), "suppressed_since_last": 2},
        "approval": {"required": False, "state": "not_required"}, "links": {}, "lineage": {},
    } | changes  # fmt: skip
    return Record(structured("io.gnomon.retrain.trigger.v1", "/gnomon/decide", id_, data, time_ms=end)[0])


def status(said: str = "succeeded", id_: str = "t1", *, model: str = "credit", minute: int = 0, **changes: Any) -> Record:
    """What a pipeline says of a trigger."""
    at = START_MS + minute * MINUTE_MS
    message = {"trigger_id": id_, "model": model, "status": said, "timestamp": at} | changes
    return Record(msgspec.json.encode(message), timestamp=at)


def letter(reason: str = "late", topic: str = "predictions.legacy", offset: int = 7, detail: str = "4 s too late") -> Record:
    """One dead letter."""
    headers = {"reason": reason, "detail": detail, "source.topic": topic, "source.partition": "0",
               "source.offset": str(offset), "source.timestamp": str(START_MS + offset)}  # fmt: skip
    return Record(b"\xff not shown", [(name, value.encode()) for name, value in headers.items()])


def verdict(
    word: str = "equivalent", *, model: str = "credit", shadow: str = "2.0.0", minute: int = 0, **changes: Any
) -> Record:  # fmt: skip
    """What is known of one shadow version."""
    end = START_MS + minute * MINUTE_MS
    metric = {"name": "log_loss", "estimate": -0.0004, "lower": -0.0011, "upper": 0.0003, "margin": 0.002, "events": 84}
    data = {
        "model": model, "legacy_version": "1.4.0", "shadow_version": shadow, "verdict": word, "metrics": [metric],
        "coverage": {"paired": 84}, "bounds": {"lower": -0.0029, "upper": 0.0021}, "specification": "sha256:s",
        "window": {"start": end - MINUTE_MS, "end": end, "events": 84},
    } | changes  # fmt: skip
    return Record(structured("io.gnomon.verdict.v1", "/gnomon/judge", "v", data, time_ms=end)[0])


def action(name: str = "silence", *, minute: int = 0, subject: str = "credit", offset: int = 0, **fields: Any) -> Record:
    """What somebody said; a silence is for an hour unless it says otherwise."""
    at = START_MS + minute * MINUTE_MS
    said = {"id": f"{subject}:{name}-{minute}", "action": name, "subject": subject, "by": "ada", "why": "a roll-out",
            "timestamp": at} | ({"until": at + 60 * MINUTE_MS} if name == "silence" else {}) | fields  # fmt: skip
    return Record(msgspec.json.encode(said), offset=offset, timestamp=at)


def refusal(offset: int, topic: str = "actions") -> Record:
    """The dead letter of an action that the role decide refused."""
    return letter("invalid_schema", topic, offset, "$.subject: no model")


def fed(*records: tuple[int, Record], fold: ServeFold | None = None) -> Writes:
    """What a fold writes for these records, one run each, and then with nothing more to read."""
    fold, writes = fold or ServeFold(0), Writes()
    for side, record in records:
        fold.feed(side, run([record]), writes)
    fold.sees_ends([True] * SIDES, 0)
    fold.idle([10] * SIDES, writes)
    return writes


def overview(*partitions: Writes, as_of: int | None = START_MS) -> Overview:
    """The documents of these partitions as a reader shows them."""
    gathering = Gathering()
    for partition, writes in enumerate(partitions):
        for key, value in writes.table.items():
            field = key.decode()
            gathering.put(partition, field, msgspec.json.decode(value, type=KINDS[field.partition(" ")[0]]))
    gathering.gather()
    return gathering.view(next(_revisions), as_of, dict.fromkeys(range(len(partitions)), START_MS))
