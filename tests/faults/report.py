"""The judgement of a campaign: the oracle over the logs, the recomputed statistics, and the lines that are printed."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from confluent_kafka import Consumer, TopicPartition

from app.domain.detection.drift_config import DriftConfig
from tests.faults.checker import SIDES, Checker
from tests.faults.recompute import first_difference, of_detect, recomputed
from tests.integration.committed import Seen, reader
from tests.integration.harness import Service

#: As `campaign.TOML` has it.
DRIFT = DriftConfig(warm_up=1_000)
OUTPUTS = ("pairs", "outcomes.placed", "dead.letters", "drift.statistics", "alerts", "retrain.triggers")
#: For one reading of a log; an hour's takes minutes on a busy machine.
READING_SECONDS = 1_800.0


@dataclass
class Report:
    """What was done, what was found; ``problems`` is empty where the campaign has passed."""

    checker: Checker
    faults: list[str]
    exits: list[str]
    load: dict[str, Any]
    statistics: int
    alerts: int
    drains: list[float]
    elapsed_s: float
    problems: list[str]
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Nothing wrong, by anybody's account."""
        return not self.problems

    def lines(self) -> Iterator[str]:
        """For people."""
        checker = self.checker
        yield f"Python {platform.python_version()}, {self.elapsed_s:,.0f} s; faults: {'; '.join(self.faults)}"
        yield from self.notes
        yield f"workers that ended by themselves: {len(self.exits)}" + "".join(f"\n    {text}" for text in self.exits)
        yield f"events read {checker.events:,}; request ids {checker.requests:,}; records {_counts(checker.statuses)}"
        yield f"dead letters {_counts(checker.reasons)}"
        yield from checker.lines()
        yield f"statistics compared with an uncrashed run: {self.statistics:,} records; alerts and triggers: {self.alerts:,}"
        yield f"by load's truth: {self.load['faults'] or 'nothing wrong'}"
        yield f"drained in {', '.join(f'{seconds:.1f} s' for seconds in self.drains)}"
        yield "passed" if self.passed else "FAILED\n  " + "\n  ".join(self.problems)


def judge(
    service: Service,
    seen: Sequence[tuple[str, int, int, int]],
    load: dict[str, Any],
    equation: Sequence[dict[str, float]],
    drains: list[float],
    faults: list[str],
    exits: list[str],
    elapsed_s: float,
    inputs: Sequence[Seen] | None = None,
) -> Report:
    """Read all logs from their beginnings, and compare; ``inputs`` in place of what the input topics still hold."""
    checker, problems, statistics, said = Checker(service.prefix), list[str](), 0, list[Seen]()
    for partition in range(service.partitions):  # one after the other: an hour's outputs are too much for the memory
        outputs = _outputs(service, partition)
        for topic in ("pairs", "dead.letters"):
            for record in outputs[topic]:
                checker.output(record)
            problems += _onlooker(seen, topic, partition, outputs[topic])
        written = [record for record in outputs["drift.statistics"] if of_detect(record)]
        problems += _statistics(service.prefix, partition, outputs, written)
        statistics += len(written)
        said += outputs["alerts"] + outputs["retrain.triggers"]
    checker.inputs_begin()
    _events(service, checker, inputs)
    problems[:0] = [f"{kind}: {count}" for kind, count in checker.close().faults.items()]
    problems += _ids_twice(said)
    problems += _hanging(service)
    problems += _equation(equation, service.partitions) if inputs is None else ()
    problems += [f"by load's truth: {kind}: {count}, as {load['examples'][kind][0]}" for kind, count in load["faults"].items()]
    problems += [f"a drain took {seconds:.1f} s" for seconds in drains if seconds > 10]
    return Report(checker, faults, exits, load, statistics, len(said), drains, elapsed_s, problems)


def _outputs(service: Service, partition: int) -> dict[str, list[Seen]]:
    outputs: dict[str, list[Seen]] = {topic: [] for topic in OUTPUTS}
    with reader(service.servers.bootstrap_servers, service.prefix, *OUTPUTS, partitions=(partition,)) as reading:
        reading.to_end(lambda record: outputs[record.topic].append(record), READING_SECONDS)
    return outputs


def _events(service: Service, checker: Checker, inputs: Sequence[Seen] | None) -> None:
    for topic in SIDES:
        if inputs is not None:
            for record in inputs:
                if record.topic == topic:
                    checker.event(record)
            continue
        with reader(service.servers.bootstrap_servers, service.prefix, topic, partitions=range(service.partitions)) as reading:
            reading.to_end(checker.event, READING_SECONDS)


def _statistics(prefix: str, partition: int, outputs: dict[str, list[Seen]], written: Sequence[Seen]) -> Iterator[str]:
    logs = outputs["pairs"], outputs["outcomes.placed"]
    difference = first_difference(written, recomputed(*logs, partition, prefix, lambda _: DRIFT, seed=partition))
    if difference:
        yield f"statistics of partition {partition}: {difference}"


def _ids_twice(records: Sequence[Seen]) -> Iterator[str]:
    """Alerts and triggers are CloudEvents in structured mode; each id once."""
    values = [record.value for record in records]
    if len(set(values)) != len(values):
        yield f"alerts or triggers twice: {len(values) - len(set(values))}"


def _onlooker(seen: Sequence[tuple[str, int, int, int]], topic: str, partition: int, records: Sequence[Seen]) -> Iterator[str]:
    """What was read during the faults is what stands in the log: the same records, in the same order, each once."""
    live = [(at, digest) for name, where, at, digest in seen if (name, where) == (topic, partition)]
    there = [(each.offset, crc32(each.value or b"")) for each in records]
    if live != there:
        yield f"the onlooker saw {len(live)} records of {topic}-{partition}, the log has {len(there)}"


def _hanging(service: Service) -> Iterator[str]:
    """A transaction that is neither committed nor aborted holds the last stable offset below the end."""
    ends = []
    for isolation in ("read_committed", "read_uncommitted"):
        settings = {"group.id": "none", "isolation.level": isolation, "bootstrap.servers": service.servers.bootstrap_servers}
        consumer = Consumer(settings)
        places = [TopicPartition(service.prefix + topic, at) for topic in OUTPUTS for at in range(service.partitions)]
        ends.append({(at.topic, at.partition): consumer.get_watermark_offsets(at, timeout=10)[1] for at in places})
        consumer.close()
    if ends[0] != ends[1]:
        yield f"a transaction hangs: stable up to {ends[0]}, ends {ends[1]}"


def _equation(series: Sequence[dict[str, float]], partitions: int) -> Iterator[str]:
    """Read minus accounted for, over all partitions, each of which one worker has."""
    values = [value for of_worker in series for value in of_worker.values()]
    if values != [0.0] * partitions:
        yield f"gnomon_pairing_unaccounted reads {list(series)}; wanted 0 for each of {partitions} partitions"


def _counts(counts: Any) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
