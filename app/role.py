"""One role of a worker: a Faust app in its consumer group, its agent, and the shards that it holds."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import structlog

from app.config import Config
from app.folds.brokers import BROKERS
from app.folds.fold import Fold
from app.folds.kafka_ledger import KafkaLedger
from app.folds.ledger import Ledger
from app.folds.opening import LogCutError
from app.folds.shard import Shard, ShardSettings
from app.folds.shards import Shards
from app.folds.transport import FaustHost, create_app
from app.garbage import clear_away
from app.health import Health
from app.kafka import client_arguments, consumer_arguments, faust_credentials, producer_arguments
from app.metrics import Metrics
from app.read_model import RedisLedger
from app.read_model.shard_ledger import ReadModelLedger
from app.topic_table import RoleTopics, Topics

__all__ = ["Role"]

log = structlog.get_logger(__name__)
#: The names of errors that everybody meets, as reasons of a failure.
_REASONS = {
    "ProducerFenced": "fenced", "InvalidProducerEpoch": "fenced", "ReadModelLost": "lost", "LogCutError": "log_cut",
    "CheckpointError": "log_cut", "TimeoutError": "timeout", "KafkaTimeoutError": "timeout",
}  # fmt: skip


class _Watch:
    """Tells metrics and the health board what the shards of one role are doing, and has those that are gone cleared away.

    A shard is full of cycles, and lives long enough to be looked at by a full collection alone, which a worker's thresholds put
    off for good (``app.worker``): ten megabytes would stay of each rebalance. So there is one before the first shard after it.
    """

    def __init__(self, role: str, metrics: Metrics, health: Health) -> None:
        self._role, self._metrics, self._health = role, metrics, health
        self._garbage = False

    def assigned(self, partitions: Iterable[int]) -> None:
        self._health.assign(self._role, partitions)

    def opening(self, partition: int) -> None:
        if self._garbage:
            self._garbage = False
            clear_away()
        self._metrics.assigned(self._role, partition)
        self._health.shard(self._role, partition, "rebuilding", "reading the log up to the checkpoint")

    def live(self, shard: Shard) -> None:
        seconds = shard.committed_at - shard.opened_at
        self._metrics.rebuilt(self._role, shard.partition, seconds)
        self._metrics.figures(self._role, shard.partition, shard.fold.figures())
        self._health.shard(self._role, shard.partition, "live")
        log.info("live", role=self._role, partition=shard.partition, after_seconds=round(seconds, 2), position=shard.positions)

    def committed(self, shard: Shard, events: int, seconds: float) -> None:
        self._metrics.committed(self._role, shard.partition, events, seconds)
        self._metrics.figures(self._role, shard.partition, shard.fold.figures())

    def failed(self, partition: int, error: Exception) -> None:
        self._garbage = True
        name = type(error).__name__
        self._metrics.failed(self._role, _REASONS.get(name, "fold" if not _is_outside(error) else "broker"))
        self._health.shard(self._role, partition, "failed", f"{name}: {error}")
        told = log.error if isinstance(error, LogCutError) or not _is_outside(error) else log.warning
        told("shard thrown away", role=self._role, partition=partition, error=f"{name}: {error}", exc_info=not _is_outside(error))

    def forgotten(self, partition: int) -> None:
        self._garbage = True
        self._metrics.forget(self._role, partition)
        self._health.forget(self._role, partition)


def _is_outside(error: Exception) -> bool:
    """Whether it came from a broker or a server, and not from our own code."""
    return type(error).__module__.startswith(("aiokafka", "redis", "app.")) or isinstance(error, OSError | TimeoutError)


class Role:
    """``start`` joins the group; ``stop`` commits what there is, gives the partitions up and leaves.

    ``told`` makes of a partition's ledger one whose commits are told to somebody.
    """

    def __init__(
        self,
        name: str,
        topics: RoleTopics,
        make_fold: Callable[[int], Fold],
        config: Config,
        metrics: Metrics,
        health: Health,
        redis: Any,
        told: Callable[[int, Ledger], Ledger] | None = None,
    ) -> None:
        self.name = name
        self._topics, self._make_fold, self._config, self._redis, self._told = topics, make_fold, config, redis, told
        self._metrics, self._health = metrics, health
        health.roles[name].cut_off = BROKERS.trouble
        self._full = Topics(config.topics.prefix).full
        self._inputs = [self._full(topic) for topic in topics.reads]
        arguments, credentials = consumer_arguments(config, name), faust_credentials(config.kafka)
        self.app = create_app(config.group(name), arguments, config.topics.partitions, credentials)
        self._host = FaustHost(self.app, self._inputs)
        self._watch = _Watch(name, metrics, health)
        self.shards = Shards(self._inputs, config.topics.partitions, self._make_shard, self._host, self._watch)
        self.app.shards = self.shards
        self._add_agent()

    def _add_agent(self) -> None:
        app, shards, watch = self.app, self.shards, self._watch

        async def read_runs(stream: Any) -> None:
            async for event in stream.events():
                message = event.message
                await shards.feed(message.topic, message.partition, message.value)

        async def give_up(*_: Any, **__: Any) -> None:
            await shards.drop(drain=True)

        async def note_assigned(_: Any, assigned: Iterable[Any] = (), **__: Any) -> None:
            if not assigned:  # Faust seeks nowhere then, so no shard would tell
                watch.assigned(())

        topic = app.topic(*self._inputs, acks=False, key_serializer="raw", value_serializer="raw")
        app.agent(topic, name=self.name)(read_runs)
        app.on_partitions_assigned.connect(note_assigned, weak=False)
        app.on_partitions_revoked.connect(give_up, weak=False)
        app.on_before_shutdown.connect(give_up, weak=False)

    def _make_shard(self, partition: int, fail: Any) -> Shard:
        config = self._config
        # Redis is waited for, as long as it takes.
        limit_s = None if self._topics.checkpoints is None else config.kafka.transaction_timeout_ms / 1000
        settings = ShardSettings(config.commit.interval_ms / 1000, config.detect.snapshot_interval_ms / 1000, limit_s)
        fold = self._make_fold(partition)
        return Shard(partition, fold, self._make_ledger(partition), self._inputs, self._host, settings, fail)

    def _make_ledger(self, partition: int) -> Ledger:
        config, name, checkpoints = self._config, self.name, self._topics.checkpoints
        if checkpoints is None:
            waiting = partial(self._waits_for_redis, partition)
            redis = RedisLedger(self._redis, config.topics.prefix, name, partition, len(self._inputs), waiting=waiting)
            return ReadModelLedger(redis)
        ledger = KafkaLedger(
            partition=partition,
            inputs=self._inputs,
            checkpoints=self._full(checkpoints),
            group=config.group(name),
            full_name=self._full_name,
            producer_arguments=producer_arguments(config, name, partition),
            client_arguments=client_arguments(config.kafka),
        )
        return ledger if self._told is None else self._told(partition, ledger)

    def _full_name(self, topic: str) -> str:
        """Of a topic that the fold writes to or asks; it must be one that the topology names."""
        named = self._topics.writes + self._topics.asks
        if topic not in named:
            message = f"role {self.name}: {topic!r} is no topic that app/topology.py names for it; it names {', '.join(named)}"
            raise LookupError(message)
        return self._full(topic)

    def _waits_for_redis(self, partition: int, why: str | None) -> None:
        self._metrics.waits_for_redis(partition, why is not None)
        self._health.shard(self.name, partition, "live" if why is None else "rebuilding", why or "")

    def lag(self, shard: Shard) -> int | None:
        """Records in the log that the shard has not taken; None as long as nobody has told where a log ends."""
        ends = [self._host.fetch_state(side, shard.partition).end for side in range(len(self._inputs))]
        known = [end for end in ends if end is not None]
        if len(known) < len(ends):
            return None
        return sum(max(0, end - at) for end, at in zip(known, shard.positions, strict=True))

    async def start(self) -> None:
        """Join the consumer group."""
        await self.app.start()

    async def stop(self) -> None:
        """Drain and leave."""
        await self.app.stop()
