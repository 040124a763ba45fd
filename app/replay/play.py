"""One configuration's detect folds over the history, and what they said.

They are the folds of a worker, fed the runs that a worker reads: over the same records from the log's beginning they write the
same records of ``drift.statistics``, ids included, to the byte. Outcomes are read where the service placed them; how both logs
go together stands in them, so one is read no further than the other allows (``wants``).
"""

from typing import IO, NamedTuple

from agents.detect import INPUTS, DetectFold
from app.baselines import in_force
from app.config import Config
from app.domain.detection.alarm_counts import AlarmCounts
from app.domain.detection.baseline import Baseline
from app.domain.pairing.pair_places import place_of_pair
from app.folds.fold import Headers, Record, Run
from app.replay.episodes import Account
from app.replay.injection import Injection
from app.replay.two_logs import TwoLogs
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

    topics = ("pairs", "outcomes.placed")

    def __init__(self, config: Config, model: str | None = None, injection: Injection | None = None) -> None:
        self._config, self._injection = config, injection
        self._baselines: dict[str, Baseline] = {}
        self.file: IO[bytes] | None = None
        self._model = None if model is None else model.encode()
        self._logs: dict[int, TwoLogs] = {}
        self.account = Account()
        self.pairs = 0
        #: For each partition the offset and the event time of the first pair that the injection could hit.
        self.hit: dict[int, tuple[int, int]] = {}

    async def prepare(self) -> None:
        """Find the baselines that the configuration names."""
        self._config, self._baselines = await in_force(self._config)

    def feed(self, topic: str, partition: int, run: Run) -> None:
        """The next run of a partition of ``pairs`` or ``outcomes.placed``, by the contract's name."""
        chosen = self._chosen(partition, run) if topic == "pairs" else run
        self._at(partition).take(INPUTS.index(topic), chosen, self)

    def wants(self, topic: str, partition: int) -> bool:
        """Whether more of this log should be read now."""
        return self._at(partition).wants(INPUTS.index(topic))

    def is_read(self, topic: str, partition: int) -> None:
        """Nothing more comes of this log."""
        self._at(partition).is_read(INPUTS.index(topic), self)

    def end(self) -> None:
        """All was read: what is held is looked at."""
        for logs in self._logs.values():
            logs.fold.idle((_LONG_MS,) * len(INPUTS), self)

    @property
    def alarms(self) -> AlarmCounts:
        """How many alarms there were, how many passed, and how many the budgets grant."""
        figures = [logs.fold.figures() for logs in self._logs.values()]
        return AlarmCounts().and_(
            *(AlarmCounts(int(one["alarms"]), int(one["alarms_passed"]), one["alarms_granted"]) for one in figures)
        )

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
        value, hit_ms = injection.apply(record.value or b"", partition)
        if hit_ms is not None:
            self.hit.setdefault(partition, (record.offset, hit_ms))
        return _Changed(record.offset, record.timestamp, record.key, value)

    def _at(self, partition: int) -> TwoLogs:
        logs = self._logs.get(partition)
        if logs is None:
            logs = self._logs[partition] = TwoLogs(self._fold(partition))
        return logs

    def _fold(self, partition: int) -> DetectFold:
        config, full = self._config, Topics(self._config.topics.prefix).full
        return DetectFold(
            partition, topics=(full(INPUTS[0]), full(INPUTS[1])), drift_config_for=lambda name: config.model(name).drift,
            place_of=lambda model, id_: place_of_pair(model, id_, config.model(model).shards, config.topics.partitions),
            limits=config.limits.of_records(), baselines=self._baselines,
        )  # fmt: skip
