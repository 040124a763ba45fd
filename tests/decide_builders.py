"""Statistics as the pair and detect roles write them, and what the decide role makes of them, for tests."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Literal, NamedTuple

import msgspec

from agents.decide import DecideFold
from app.domain.decisions.alert_message import Links
from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.retraining import RetrainPolicy
from app.domain.decisions.window_expiry import FOR_EVER
from app.folds.fold import Headers, LogAnswer, LogQuery, Run
from schemas.limits import Limits
from schemas.offsets import OffsetRange, Window
from schemas.statistics import Coverage, Detector, DetectorState, DriftStatistics, Role, Signal, SignalKind

__all__ = [
    "START", "Desk", "LogRecord", "Outbox", "Sent", "ahead", "answers", "as_run", "drift", "fold", "gaps", "minute",
    "misrouted", "of_type", "record_of", "send_all",
]  # fmt: skip

#: 2026-09-21T14:13:20Z.
START = 1_790_000_000_000
MINUTE_MS = 60_000
_EVENTS = 1_000


class Sent(NamedTuple):
    """One record that a fold sent; ``event`` is its decoded envelope."""

    topic: str
    partition: int
    key: bytes | None
    event: dict[str, Any]

    @property
    def data(self) -> dict[str, Any]:
        """The payload."""
        data: dict[str, Any] = self.event["data"]
        return data


class LogRecord(NamedTuple):
    """A record as a fold reads it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


class Outbox(list[Sent]):
    """Keeps what is sent."""

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        if topic == "dead.letters":
            self.append(Sent(topic, partition, key, {"value": value, **dict(headers)}))
            return
        assert headers == [("content-type", b"application/cloudevents+json; charset=UTF-8")]
        self.append(Sent(topic, partition, key, msgspec.json.decode(value or b"")))


def drift(
    minute: int,
    state: DetectorState,
    kind: SignalKind = "feature",
    name: str = "income",
    *,
    model: str = "credit",
    version: str = "1.4.0",
    role: Role = "legacy",
    change: int | None = None,
    segment: dict[str, str] | None = None,
    prefix: str = "",
    **figures: Any,
) -> DriftStatistics:
    """A detector's statistics of the window that is minute number ``minute``: 1,000 events, ten offsets an event.

    ``change`` is the minute at whose beginning the estimated change lies.
    """
    statistics: dict[str, Any] = {"mean": 5_127.4, "reference_mean": 4_811.0, "difference_sd": 0.41} | figures
    if change is not None:
        events = (minute + 1 - change) * _EVENTS
        statistics["change"] = {"offset": change * 10 * _EVENTS, "timestamp": START + change * MINUTE_MS, "events": events}
    return DriftStatistics(
        model=model, version=version, role=role, signal=Signal(kind, name), segment=segment,
        window=Window(START + minute * MINUTE_MS, START + minute * MINUTE_MS + 59_999, _EVENTS),
        statistics=statistics, detector=Detector("scan", state, 31.2, 18.0), coverage=Coverage(paired=_EVENTS),
        offsets=[OffsetRange(f"{prefix}pairs", 2, minute * 10 * _EVENTS, (minute + 1) * 10 * _EVENTS)],
        configuration="sha256:" + "0" * 64,
    )  # fmt: skip


def minute(number: int, *, model: str = "credit", unexpected: dict[str, int] | None = None, **counts: int) -> DriftStatistics:
    """The pair role's counts of one model in one minute."""
    return _pairing(number, model, "", {**counts, "unexpected": unexpected or {}}, "predictions.legacy", 2)


def misrouted(number: int, count: int, sampled: int, *, partition: int = 0, topic: str = "predictions.legacy") -> DriftStatistics:
    """The pair role's count of misrouted keys of one source partition in one minute."""
    return _pairing(number, "", topic, {"misrouted": count, "sampled": sampled}, topic, partition)


def ahead(number: int, count: int, sampled: int, *, partition: int = 0, far_ms: int = 7_200_000) -> DriftStatistics:
    """The pair role's count of sampled events from the future, of one source partition in one minute."""
    counts: dict[str, Any] = {"misrouted": 0, "sampled": sampled}
    if count:
        counts["ahead"] = {"events": count, "allowed_ms": 300_000, "median_ms": far_ms, "most_ms": far_ms + 3_000}
    return _pairing(number, "", "predictions.legacy", counts, "predictions.legacy", partition)


def gaps(number: int, apart: int, compared: int = 10, *, version: str = "2.0.0", partition: int = 2) -> DriftStatistics:
    """The pair role's comparison of the clocks of a shadow version and the live model; ``apart`` below zero: it is behind."""
    mean_ms = 7_000 * apart // compared
    gap = {"compared": compared, "ahead": max(apart, 0), "behind": max(-apart, 0), "mean_ms": mean_ms, "most_ms": 9_000}
    return _pairing(number, "credit", "", {"paired": 99, "clock_gaps": {version: gap}}, "predictions.legacy", partition)


def refused(
    number: int, count: int, *, paused: int = 0, partition: int = 0, topic: str = "predictions.shadow"
) -> DriftStatistics:
    """The pair role's count of refused records among a hundred of one source partition in one minute."""
    counts = {"read": count, "rejected": count} | ({"paused": paused} if paused else {})
    return _pairing(number, "", topic, counts, "predictions.shadow", partition)


def _pairing(number: int, model: str, name: str, statistics: dict[str, Any], topic: str, partition: int) -> DriftStatistics:
    start = START + number * MINUTE_MS
    return DriftStatistics(
        model=model, version="", role="all", signal=Signal("pairing", name), window=Window(start, start + 59_999, 100),
        statistics=statistics, detector=Detector("none", "quiet", 0.0, 0.0),
        offsets=[OffsetRange(topic, partition, number * 100, number * 100 + 100)], configuration="sha256:" + "0" * 64,
    )  # fmt: skip


def record_of(statistics: DriftStatistics, offset: int) -> LogRecord:
    """The statistics as a record of ``drift.statistics``."""
    id_ = f"{statistics.key}/{statistics.window.start}"
    value = msgspec.json.encode(statistics)
    return LogRecord(offset, statistics.window.end, statistics.key.encode(), value, [("ce_id", id_.encode())])


def as_run(records: Iterable[LogRecord], start: int, end: int) -> Run:
    """A run of the records in ``[start, end)``."""
    run = Run(record for record in records if start <= record.offset < end)
    run.start, run.end = start, end
    return run


def fold(
    alerts: AlertPolicy | None = None, retrain: RetrainPolicy | None = None, *, prefix: str = "",
    window: Literal["drifted", "change"] = "change", retention_ms: int = FOR_EVER,
) -> DecideFold:  # fmt: skip
    """A decide fold with the same policies for every model; ``window`` stands over the policy's. By default no alert waits for
    its cause: each statement is one of its own.
    """
    policy = replace(retrain or RetrainPolicy(), window=window)
    return DecideFold(
        2, 4, lambda topic: prefix + topic,
        lambda model: alerts or AlertPolicy(cause_s=0), lambda model: policy,
        Links("http://127.0.0.1:8080", "https://runbooks.example.com"), Limits(), retention_ms,
    )  # fmt: skip


def answers(decide: DecideFold, out: Outbox) -> None:
    """Answer all questions as a log would: a tenth of the offsets are the model's."""
    for query in list(decide.questions()):
        decide.answer(query, log_answer(query), out)


def log_answer(query: LogQuery) -> LogAnswer:
    """What the log says: a function of the question."""
    digest = sha256(repr(query).encode()).hexdigest()
    return LogAnswer((query.end - query.start) // 10, f"sha256:{digest}", complete=True)


def send_all(statistics: Iterable[DriftStatistics], decide: DecideFold | None = None) -> list[Sent]:
    """Everything that a fold sends for these statistics, in one run, questions answered at its end."""
    decide, out = decide or fold(), Outbox()
    records = [record_of(one, offset) for offset, one in enumerate(statistics)]
    decide.feed(0, as_run(records, 0, len(records)), out)
    answers(decide, out)
    return out


class Desk:
    """A decide fold, and all that was said to it and that it said, record by record; the log answers at once, or not at all."""

    def __init__(
        self, retrain: RetrainPolicy | None = None, *, answering: bool = True, window: Literal["drifted", "change"] = "change",
        retention_ms: int = FOR_EVER, alerts: AlertPolicy | None = None,
    ) -> None:  # fmt: skip
        self.fold = fold(alerts, retrain, window=window, retention_ms=retention_ms)
        self.out, self._answering = Outbox(), answering
        self._offsets = [0, 0, 0]

    def read(self, *statistics: DriftStatistics) -> "Desk":
        """Take statistics."""
        for one in statistics:
            self._feed(0, record_of(one, self._offsets[0]))
        return self

    def say(self, trigger: str, status: str, at: int = START, **more: Any) -> "Desk":
        """Take a status."""
        return self.take(1, {"trigger_id": trigger, "model": "credit", "status": status, "timestamp": at} | more)

    def act(self, action: str, **more: Any) -> "Desk":
        """Take an action."""
        given = {"id": "a1", "action": action, "subject": "credit", "by": "ada", "why": "so", "timestamp": START}
        return self.take(2, given | more)

    def take(self, side: int, value: Any) -> "Desk":
        """Take any value, at the time of the newest record."""
        at = START + 30 * 86_400_000
        self._feed(side, LogRecord(self._offsets[side], at, b"credit", msgspec.json.encode(value)))
        return self

    def _feed(self, side: int, record: LogRecord) -> None:
        self.fold.feed(side, as_run([record], record.offset, record.offset + 1), self.out)
        self._offsets[side] += 1
        if self._answering:
            answers(self.fold, self.out)

    @property
    def triggers(self) -> list[dict[str, Any]]:
        """The payloads of the triggers so far."""
        return of_type(self.out, "retrain.triggers")

    @property
    def ids(self) -> list[str]:
        """The ids of their events."""
        return [one.event["id"] for one in self.out if one.topic == "retrain.triggers"]

    @property
    def letters(self) -> list[tuple[str, str]]:
        """Reason and detail of each dead letter."""
        return [(one.event["reason"].decode(), one.event["detail"].decode()) for one in self.out if one.topic == "dead.letters"]


def of_type(sent: Iterable[Sent], topic: str) -> list[dict[str, Any]]:
    """The payloads of one topic."""
    return [one.data for one in sent if one.topic == topic]
