"""The roles pair, detect and decide of one partition in this process, each fed what the one before it wrote, without a broker.

The folds are those that ``app.topology`` makes for a configuration, and they are fed as a worker's runner does it
(``app.folds.feeding``): a side as far as the others allow. Statistics of the roles pair and detect lie on one log in the order in
which they were written; with a broker that order is decided anew by each run. Questions about triggers are answered from the
pairs that were written. May not happen: that anything is replaced by a part made for a test.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from app.config import Config, ModelSettings, TopicSettings
from app.domain.decisions.alert_cases import News
from app.domain.decisions.alert_message import Links
from app.domain.decisions.deciding import Decider
from app.folds.fold import Fold, Headers, LogAnswer, LogQuery, Run, at_once
from app.folds.intake import Intake
from app.replay.explaining import Explaining, Step
from app.topic_table import Topics
from app.topology import FLOW, topology
from schemas.cloudevents import event_id

__all__ = ["Chain", "Kept", "as_run", "one_partition"]

ROLES = ("pair", "detect", "decide")


class Kept(NamedTuple):
    """A record of a log."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def one_partition(models: dict[str, ModelSettings]) -> Config:
    """The settings of these models, all else at its default, on one partition."""
    return Config(topics=TopicSettings(partitions=1), models=models)


def as_run(records: Sequence[Kept]) -> Run:
    """A run of these records."""
    run = Run(records)
    run.start, run.end = records[0].offset, records[-1].offset + 1
    return run


class _Role:
    """A fold, and how far it has read each of its topics."""

    def __init__(self, name: str, fold: Fold) -> None:
        self.inputs, self.fold = FLOW[name].reads, fold
        self.read = [0 for _ in self.inputs]
        self.intake = Intake(len(self.inputs))
        fold.restore(None, None, self.read)
        fold.rebuilt()

    def feed_one(self, side: int, chain: "Chain", ended: bool) -> bool:
        """Feed what is to be had of a side; whether anything moved."""
        log = chain.logs[self.inputs[side]]
        if self.read[side] < len(log) and not self.intake.is_full(side) and self.fold.wants(side):
            self.intake.offer(side, as_run(log[self.read[side] :]))
            self.read[side] = len(log)
        run = self.intake.first(side, silent=False)
        if run is None:
            return False
        self.fold.sees_ends([ended and not waits for waits in self.intake.waiting()], 0)
        taken = self.fold.feed(side, run, chain)
        if taken is not None and not isinstance(taken, int):
            at_once(taken)
            taken = None
        return self.intake.took(side, taken) is not None


class Chain:
    """See the module's text. ``logs`` has each topic's records, by the contract's name."""

    def __init__(self, config: Config) -> None:
        self.config, self.logs = config, defaultdict[str, list[Kept]](list)
        made = topology(config, "http://127.0.0.1:8080")
        self.roles = {name: _Role(name, made[name](0)) for name in ROLES}
        self._now_ms = 0

    def send(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers, *, at_ms: int | None = None
    ) -> None:
        """Append one record; what the roles write is written at the time of the input that was read last."""
        assert partition == 0, f"{topic}: expected partition 0, the only one, got {partition}"
        log, self._now_ms = self.logs[topic], self._now_ms if at_ms is None else at_ms
        log.append(Kept(len(log), self._now_ms, key, value, headers))

    def predict(self, halves: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Write these halves to their topics, and have the roles read them."""
        for topic, half in halves:
            self.send(topic, 0, half["request_id"].encode(), msgspec.json.encode(half), [], at_ms=half["timestamp"])
        self._go_on(ended=False)

    def end(self) -> None:
        """Nothing more comes: what waits is paired and looked at as on a log that is silent."""
        for _ in range(2):
            self._go_on(ended=True)
            for role in self.roles.values():
                role.fold.idle((3_600_000,) * len(role.inputs), self)
        self._go_on(ended=True)

    def _go_on(self, *, ended: bool) -> None:
        while any(role.feed_one(side, self, ended) for role in self.roles.values() for side in range(len(role.inputs))):
            decide = self.roles["decide"].fold
            for query in list(decide.questions()):
                decide.answer(query, self._answer(query), self)

    def _answer(self, query: LogQuery) -> LogAnswer:
        stretch = self.logs["pairs"][query.start : query.end]
        ids = [event_id(record.headers).encode() for record in stretch if record.key == query.key]
        return LogAnswer(len(ids), "sha256:" + sha256(b"\n".join(ids)).hexdigest(), complete=True)

    # What came of it

    def told(self, topic: str = "alerts") -> list[dict[str, Any]]:
        """The payloads of ``alerts``, or of ``retrain.triggers``, in order."""
        return [msgspec.json.decode(record.value or b"")["data"] for record in self.logs[topic]]

    def cases(self) -> dict[str, dict[str, str]]:
        """By fingerprint the labels of each alert that the statistics speak of, those that were told to nobody too."""
        found: dict[str, dict[str, str]] = {}

        def note(news: News, _: int) -> None:
            found.setdefault(news.fingerprint, news.case.labels)

        of, full = self.config.model, Topics(self.config.topics.prefix).full
        decider = Decider(full, lambda name: of(name).alerts, lambda name: of(name).retrain, Links("", ""), note)
        for record in self.logs["drift.statistics"]:
            decider.read(record.value, event_id(record.headers))
            decider.state.pending.clear()
        return found

    def explained(self, fingerprint: str) -> list[Step]:
        """Each decision on an alert, as ``gnomon alerts explain`` prints it."""
        explaining = Explaining(self.config, fingerprint)
        explaining.is_read("actions", 0)
        explaining.feed("drift.statistics", 0, as_run(self.logs["drift.statistics"]))
        return explaining.steps
