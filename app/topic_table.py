"""The table of all topics: their names, and how the broker has to keep them. Who reads and writes them: ``app.topology``.

Every topic has the same number of partitions, which input records and placement rest on. The internal topics hold the
checkpoints of the roles and are for nobody else to read or to write. They are compacted and must never be anything else:
a checkpoint that the broker deletes for its age makes the role start from the beginning, and write everything twice.
"""

from typing import Literal, NamedTuple

from app.config import Config
from schemas.baseline import BASELINE_BYTES

__all__ = ["RoleTopics", "TopicSpec", "Topics", "specs"]

Kind = Literal["input", "output", "internal"]

KIB = 1024
MIB = 1024 * KIB
#: The largest checkpoint record: a role's snapshot of one partition, compressed.
CHECKPOINT_BYTES = 8 * MIB
#: Room for a record's key and headers, and for the framing of its batch.
ENVELOPE_BYTES = 64 * KIB
#: A pair carries the features and one prediction from each of legacy and shadows; eight of them may be as large as can be.
PAIR_PARTS = 8


class RoleTopics(NamedTuple):
    """By the contract's names: what a role reads, by side; what it writes; where it commits, if to Kafka; whose log it asks."""

    reads: tuple[str, ...]
    writes: tuple[str, ...]
    checkpoints: str | None = None
    asks: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Each topic once."""
        commits = () if self.checkpoints is None else (self.checkpoints,)
        return tuple(dict.fromkeys(self.reads + self.writes + commits + self.asks))


class TopicSpec(NamedTuple):
    """One topic as it should be. ``name`` has no prefix; ``settings`` are Kafka's topic settings."""

    name: str
    kind: Kind
    partitions: int
    replication_factor: int
    settings: dict[str, str]


class Topics:
    """The names of the topics, with and without the prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def full(self, name: str) -> str:
        """The topic's name at the broker."""
        return self.prefix + name

    def logical(self, full: str) -> str:
        """The contract's name of a topic at the broker; ``ValueError`` for a topic of somebody else."""
        if not full.startswith(self.prefix):
            msg = f"topic {full!r} does not begin with the prefix {self.prefix!r}"
            raise ValueError(msg)
        return full[len(self.prefix) :]


def specs(config: Config) -> list[TopicSpec]:
    """Every topic, in the order of the flow."""
    kept, kept_out = config.topics.input_retention_ms, config.topics.output_retention_ms
    record = config.limits.record_bytes
    # Twice the limit, so that what is somewhat over it still reaches the service, to be refused by name; what is over that
    # is refused to the producer by the broker.
    read = 2 * record + ENVELOPE_BYTES
    return [
        _spec(config, "predictions.legacy", "input", _deleted(kept, read)),
        _spec(config, "predictions.shadow", "input", _deleted(kept, read)),
        _spec(config, "outcomes", "input", _deleted(kept, read)),
        _spec(config, "models", "input", _compacted(read)),
        _spec(config, "retrain.status", "input", _deleted(kept_out, read)),
        _spec(config, "actions", "input", _deleted(kept_out, read)),
        _spec(config, "outcomes.placed", "output", _deleted(kept, read)),
        _spec(config, "pairs", "output", _deleted(kept_out, PAIR_PARTS * record + ENVELOPE_BYTES)),
        _spec(config, "drift.statistics", "output", _deleted(kept_out, MIB + ENVELOPE_BYTES)),
        _spec(config, "alerts", "output", _deleted(kept_out, MIB + ENVELOPE_BYTES)),
        _spec(config, "retrain.triggers", "output", _deleted(kept_out, MIB + ENVELOPE_BYTES)),
        _spec(config, "verdicts", "output", _deleted(kept_out, MIB + ENVELOPE_BYTES)),
        _spec(config, "dead.letters", "output", _deleted(kept_out, read + ENVELOPE_BYTES)),
        _spec(config, "baselines", "output", _compacted(BASELINE_BYTES + ENVELOPE_BYTES)),
        *(_spec(config, f"checkpoints.{role}", "internal", _checkpoint()) for role in ("pair", "detect", "decide", "notify")),
    ]


def _spec(config: Config, name: str, kind: Kind, settings: dict[str, str]) -> TopicSpec:
    replicas = config.topics.replication_factor
    return TopicSpec(name, kind, config.topics.partitions, replicas, settings | {"min.insync.replicas": str(min(2, replicas))})


def _deleted(retention_ms: int, max_message_bytes: int) -> dict[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": str(retention_ms), "max.message.bytes": str(max_message_bytes)}


def _compacted(max_message_bytes: int) -> dict[str, str]:
    return {"cleanup.policy": "compact", "max.message.bytes": str(max_message_bytes)}


def _checkpoint() -> dict[str, str]:
    """Small segments, quickly compacted.

    A checkpoint replaces the one before it ten times a second, and the topic is read as a whole at each start: at the
    broker's defaults a gigabyte. ``delete.retention.ms`` is how long the transaction markers stay, of which there are as
    many; a start takes seconds.
    """
    return {
        "cleanup.policy": "compact",
        "max.message.bytes": str(CHECKPOINT_BYTES),
        "segment.bytes": str(2 * CHECKPOINT_BYTES),
        "min.cleanable.dirty.ratio": "0.1",
        "delete.retention.ms": "60000",
    }
