"""The protocol broken on purpose, one rule at a time: each has to be found, or the simulation proves nothing.

The last two are about the `EndTxn` request, and no mutants of ours. Kafka's transactions of version 1 have no number for a
transaction, only the producer's epoch. So a client that repeats an unanswered `EndTxn` in silence, as aiokafka does, may end its
*next* transaction with the first request, when that arrives late: the outputs so far are committed without their
checkpoint. `RepeatsEnd` shows it. `GivesUpAtEnd` throws everything away instead and begins with a new epoch: harmless.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, RequestTimedOutError

from app.folds.fold import Run
from app.folds.kafka_ledger import KafkaLedger
from app.folds.ledger import Saved
from tests.simulation.clients import Clients, Link, SimulatedConsumer, SimulatedProducer
from tests.simulation.logs import Entry
from tests.simulation.loop import Process
from tests.simulation.network import Network
from tests.simulation.plan import Plan
from tests.simulation.simulation import Simulation
from tests.simulation.worker import Worker

__all__ = ["MUTANTS", "GivesUpAtEnd", "RepeatsEnd"]


class _IdOfProcess(SimulatedProducer):
    def __init__(self, *, link: Link, transactional_id: str, **rest: Any) -> None:
        super().__init__(link=link, transactional_id=f"{transactional_id}-{link.process.name}", **rest)


class _Mutant(Simulation):
    def adjusted(self, plan: Plan) -> Plan:
        """Few seeds have to do."""
        return plan._replace(loss=0.2, slips=1.0, repeats_end=False)


class NoFencing(_Mutant):
    """The transactional id belongs to the process: nobody is shut out."""

    clients = Clients(_IdOfProcess, SimulatedConsumer)


class _FencesLate(SimulatedProducer):
    async def start(self) -> None:
        """Not yet."""

    async def begin_transaction(self) -> None:
        if self.epoch < 0:
            await super().start()
        await super().begin_transaction()


class ReadsBeforeFence(_Mutant):
    """The checkpoint is read before whoever wrote before is shut out."""

    clients = Clients(_FencesLate, SimulatedConsumer)


class _CommitsAgain(SimulatedProducer):
    _offsets: dict[TopicPartition, int] | None = None

    async def begin_transaction(self) -> None:
        self._offsets = None
        await super().begin_transaction()

    async def send_offsets_to_transaction(self, offsets: dict[TopicPartition, int], group: str) -> None:
        self._offsets = offsets
        await super().send_offsets_to_transaction(offsets, group)

    async def end(self) -> None:
        try:
            await super().end()
        except RequestTimedOutError:
            await self.start()
            self._numbers.clear()
            self._batches = [(topic, at, [_copy(entry) for entry in entries]) for topic, at, entries in self._batches]
            if self._offsets is not None:
                await super().send_offsets_to_transaction(self._offsets, "")
            await self.send_batches()
            await super().end()


def _copy(entry: Entry) -> Entry:
    return Entry(entry.key, entry.value, entry.headers, None)


class CommitsAgain(_Mutant):
    """A commit of which nothing is known is done once more."""

    clients = Clients(_CommitsAgain, SimulatedConsumer)


class _KeepsState(KafkaLedger):
    async def commit(self, saved: Saved, *, ending: bool) -> None:
        try:
            await super().commit(saved, ending=ending)
        except KafkaError:
            await self.open()


class KeepsState(_Mutant):
    """After an error the shard goes on with the state that it has."""

    ledger = _KeepsState


class _Uncommitted(SimulatedConsumer):
    def __init__(self, *, link: Link, isolation_level: str, **rest: Any) -> None:
        super().__init__(link=link, isolation_level="read_uncommitted", **rest)


class ReadsUncommitted(_Mutant):
    """The checkpoint may be one that was aborted."""

    clients = Clients(SimulatedProducer, _Uncommitted)


class _BridgesHoles(Worker):
    async def _hand_on(self, place: TopicPartition, run: Run) -> None:
        shard = self.shards.open.get(place.partition)
        if shard is not None:
            run.start = min(run.start, shard.expects(self._side[place.topic]))
        await super()._hand_on(place, run)


class AcceptsAnyRun(_Mutant):
    """A run is accepted though it does not begin where the shard stands."""

    worker = _BridgesHoles

    def adjusted(self, plan: Plan) -> Plan:
        return super().adjusted(plan)._replace(swallowed=0.1)


MUTANTS: tuple[type[Simulation], ...] = (
    NoFencing, ReadsBeforeFence, CommitsAgain, KeepsState, ReadsUncommitted, AcceptsAnyRun,
)  # fmt: skip


class _DelaysEnd(Network):
    """An ``EndTxn`` without an answer arrives in the middle of the same producer's next transaction."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._late: list[tuple[Callable[..., Any], Any]] = []

    def _lose(self, process: Process, kind: str, answer: Any, carry_out: Callable[..., Any], arguments: Any) -> None:
        if kind == "end":
            self._late.append((carry_out, arguments))
            self.delayable = frozenset()
        super()._lose(process, kind, answer, carry_out, arguments)

    async def ask(self, process: Process, kind: str, carry_out: Callable[..., Any], *arguments: Any) -> Any:
        result = await super().ask(process, kind, carry_out, *arguments)
        if kind == "produce":
            late, self._late = self._late, []
            for request in late:
                self._arrive(None, *request)
        return result


class RepeatsEnd(Simulation):
    """An unanswered end is asked for again, and the first request comes late."""

    network_type = _DelaysEnd

    def adjusted(self, plan: Plan) -> Plan:
        return plan._replace(repeats_end=True, loss=0.08)


class GivesUpAtEnd(RepeatsEnd):
    """The same network; but what is not answered is an error, after which the shard begins anew."""

    def adjusted(self, plan: Plan) -> Plan:
        return plan._replace(repeats_end=False, loss=0.08)
