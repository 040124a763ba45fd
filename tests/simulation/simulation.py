"""One seed: brokers, workers and faults put together, run until all is done, and looked at."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterator
from random import Random
from types import ModuleType
from typing import Any

from app.folds import kafka_ledger
from app.folds.kafka_ledger import KafkaLedger
from app.folds.shard import Shard, ShardSettings
from tests.simulation.broker import Broker
from tests.simulation.chaos import Chaos
from tests.simulation.clients import Clients, Link, SimulatedConsumer, SimulatedProducer
from tests.simulation.count_fold import CountAccount, CountFold
from tests.simulation.group import Group
from tests.simulation.logs import Entry, OutputLog
from tests.simulation.loop import Process, SimulatedLoop, new_loop
from tests.simulation.network import Network
from tests.simulation.oracle import CHECKPOINTS, Account, Violation, check_end
from tests.simulation.pair_account import PairAccount
from tests.simulation.plan import Plan, draw
from tests.simulation.reference import pair_fold
from tests.simulation.worker import Slips, Watch, Worker
from tests.simulation.workload import START_MS, TOPICS, make_logs

__all__ = ["Simulation", "in_place_of_kafka"]

GROUP = "gnomon-pair"
#: Seconds of the simulation's time by which a seed has to have come to its end; faults end after 3.
_AT_MOST_S = 60.0
#: So long a transaction that was under way at the end may still take.
_LAST_S = 5.0
_WATCH_S = 0.25


class Simulation:
    """See the module's text. The classes are what a mutant replaces."""

    clients = Clients(SimulatedProducer, SimulatedConsumer)
    network_type: type[Network] = Network
    worker: type[Worker] = Worker
    ledger: type[KafkaLedger] = KafkaLedger

    def __init__(self, seed: int) -> None:
        self.rng = rng = Random(seed)
        self.plan = plan = self.adjusted(draw(rng))
        self.loop = loop = new_loop(rng)
        loop.turn_ends = plan.turn_ends
        self.broker = Broker(loop, rng, make_logs(rng, plan, loop.time), plan.transaction_timeout_s)
        self.network = self.network_type(loop, rng, plan.loss, frozenset({"init", "produce", "end"}))
        self.group = Group(loop, rng, plan.partitions)
        self.watch = Watch(loop.failures)
        self.slips = Slips(plan.slips, plan.swallowed)
        self.chaos = Chaos(loop, rng, plan, self.network, self.group, self.slips, self._make_worker)
        account = CountAccount if plan.fold == "count" else PairAccount
        self.accounts: list[Account] = [account(self.broker, partition, plan) for partition in range(plan.partitions)]
        self._seen: dict[OutputLog, list[Entry]] = {}
        self._positions: dict[OutputLog, int] = {}
        self._finished = False

    def adjusted(self, plan: Plan) -> Plan:
        """The plan, for those who want another."""
        return plan

    # Building

    def _make_worker(self, process: Process) -> Worker:
        """What runs in a new process, with nothing but its configuration."""
        plan = self.plan
        link = Link(process, self.broker, self.network, self.clients, repeats_end=plan.repeats_end)
        return self.worker(
            link, self.group, self.rng, list(TOPICS), plan.partitions, self._make_shard, self.watch,
            self.slips, self._now,
        )  # fmt: skip

    def _now(self) -> float:
        return START_MS / 1000 + self.loop.time()

    def _make_shard(self, worker: Worker, partition: int, fail: Callable[[Shard, Exception], None]) -> Shard:
        plan = self.plan
        ledger = self.ledger(
            partition=partition,
            inputs=list(TOPICS),
            checkpoints=CHECKPOINTS,
            group=GROUP,
            full_name=str,
            producer_arguments={"link": worker.link, "transactional_id": f"{GROUP}-{partition}"},
            client_arguments={"link": worker.link},
        )
        settings = ShardSettings(plan.commit_interval_s, plan.snapshot_interval_s)
        fold = CountFold(partition) if plan.fold == "count" else pair_fold(partition, plan)
        return Shard(partition, fold, ledger, TOPICS, worker, settings, fail, now=worker.now)

    # Running

    def run(self) -> None:
        """Until all has been read, paired and committed, and looked at; raises ``Violation``."""
        loop = self.loop
        try:
            self.chaos.begin()
            self._look()
            loop.run(_AT_MOST_S)
            came_to_its_end = self._finished
            loop.run(loop.time() + 2 * self.plan.commit_interval_s)
            until_s = loop.time()
            last_s = until_s + _LAST_S
            while self.broker.hanging and until_s < last_s:
                loop.run(until_s := until_s + self.plan.commit_interval_s)
        finally:
            self.network.down = True
            self.chaos.resume_all()
            loop.finish()
        self._look()
        if loop.failures:
            raise Violation("; ".join(loop.failures))
        if not came_to_its_end:
            raise Violation("it stands still: not all was read and written")
        check_end(self.broker, self.accounts, self._seen)
        for account in self.accounts:
            account.check_end()

    def _look(self) -> None:
        """A reader that follows the outputs throughout."""
        for log in self.broker.outputs.values():
            position = self._positions.get(log, 0)
            if position == len(log.entries):
                continue
            found, self._positions[log] = log.read(position, committed=True)
            self._seen.setdefault(log, []).extend(found)
            if log.topic == CHECKPOINTS:
                for entry in found:
                    self.accounts[log.partition].take(entry)
        if not self._finished and self.chaos.over and all(account.finished for account in self.accounts):
            self._finished = self.loop.halted = True
        self.loop.outside(_WATCH_S, self._look)


@contextlib.contextmanager
def in_place_of_kafka() -> Iterator[None]:
    """Give the real ledger the simulated clients; the runner's modules get a clock that does not run by itself, and no log."""
    replaced: list[tuple[ModuleType, str, Any]] = [
        (kafka_ledger, "AIOKafkaProducer", lambda link, **rest: link.clients.producer(link=link, **rest)),
        (kafka_ledger, "AIOKafkaConsumer", lambda link, **rest: link.clients.consumer(link=link, **rest)),
    ]
    for name, module in sorted(sys.modules.items()):
        if name.startswith("app.folds."):
            replaced += [(module, "time", _Clock)] if hasattr(module, "time") else []
            replaced += [(module, "log", _Silence())] if hasattr(module, "log") else []
    before = [(module, name, getattr(module, name)) for module, name, _ in replaced]
    try:
        for module, name, value in replaced:
            setattr(module, name, value)
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)


class _Clock:
    """The module ``time``, by the running loop's clock."""

    @staticmethod
    def monotonic() -> float:
        return asyncio.get_running_loop().time()

    @staticmethod
    def perf_counter() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        return loop.stopwatch()

    @staticmethod
    def time() -> float:
        message = "the runner reads the wall clock where it was given one"
        raise AssertionError(message)


class _Silence:
    def __getattr__(self, _: str) -> Callable[..., None]:
        return lambda *_, **__: None
