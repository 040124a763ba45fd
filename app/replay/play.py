"""One configuration's detect folds over the history, and what they said.

They are the folds of a worker, fed the runs that a worker reads: over the same records from the log's beginning they write the
same records of ``drift.statistics``, ids included, to the byte. Outcomes are not read.
"""

from typing import IO, NamedTuple

from agents.detect import INPUTS, DetectFold
from app.config import Config
from app.folds.fold import Headers, Record, Run, at_once
from app.replay.episodes import Account
from app.replay.injection import Injection
from app.topic_table import Topics

__all__ = ["Play"]

#: What ``idle`` is told at the end: that nothing came for long.
_LONG_MS = 3_600_000


class _Changed(NamedTuple):
    """A record of the log with another value."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes
    headers: tuple[()] = ()


class Play:
    """``model``: only its pairs. What is said is written to ``file``, where there is one: a line for each record."""

    def __init__(self, config: Config, model: str | None = None, injection: Injection | None = None) -> None:
        self._config, self._injection = config, injection
        self.file: IO[bytes] | None = None
        self._model = None if model is None else model.encode()
        self._folds: dict[int, DetectFold] = {}
        self.account = Account()
        self.pairs = 0
        #: For each partition the offset and the event time of the first pair that the injection could hit.
        self.hit: dict[int, tuple[int, int]] = {}

    def feed(self, partition: int, run: Run) -> None:
        """The next run of a partition."""
        fold = self._folds.get(partition)
        if fold is None:
            fold = self._folds[partition] = self._begun(partition)
        at_once(fold.feed(0, self._chosen(partition, run), self))

    def end(self) -> None:
        """All was read: what is held is looked at."""
        for fold in self._folds.values():
            fold.idle((_LONG_MS, _LONG_MS), self)

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Take what a fold writes: as its outbox."""
        if topic == "drift.statistics" and value is not None:
            self.account.take(partition, value)
            if self.file is not None:
                self.file.write(value + b"\n")

    def _chosen(self, partition: int, run: Run) -> Run:
        """The run as this configuration is to see it: one model's records, with the drift in them."""
        chosen = run if self._model is None else [record for record in run if record.key == self._model]
        self.pairs += len(chosen)
        if self._injection is not None:
            chosen = [self._injected(partition, record, self._injection) for record in chosen]
        if chosen is run:
            return run
        other = Run(chosen)
        other.start, other.end = run.start, run.end
        return other

    def _injected(self, partition: int, record: Record, injection: Injection) -> Record:
        value, hit_ms = injection.apply(record.value or b"")
        if hit_ms is not None:
            self.hit.setdefault(partition, (record.offset, hit_ms))
        return _Changed(record.offset, record.timestamp, record.key, value)

    def _begun(self, partition: int) -> DetectFold:
        config, full = self._config, Topics(self._config.topics.prefix).full
        fold = DetectFold(
            partition, topics=(full(INPUTS[0]), full(INPUTS[1])), drift_config_for=lambda name: config.model(name).drift,
            limits=config.limits.of_records(),
        )  # fmt: skip
        fold.restore(None, None, (0, 0))
        fold.rebuilt()
        return fold
