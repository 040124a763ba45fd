"""The producer and the consumer that `app.folds.kafka_ledger` is given in place of aiokafka's, by the same names.

What they do without being told is what aiokafka does: a batch is sent again, under its number, until it is answered; a beginning
or an end that is put off is asked for again. An `EndTxn` without an answer is, as the seed draws it, either asked for again
in silence, which is aiokafka's way, or told to the caller as an error, who then does not know whether it was carried out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import (
    ConcurrentTransactions,
    InvalidProducerEpoch,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    ProducerFenced,
    RequestTimedOutError,
)

from app.folds.fold import Headers
from tests.simulation.broker import Broker
from tests.simulation.logs import Entry
from tests.simulation.loop import Process
from tests.simulation.network import Network

__all__ = ["Batch", "Clients", "Link", "SimulatedConsumer", "SimulatedProducer"]

_BACKOFF_S = 0.005
_BATCH_RECORDS = 20
_TRIES = 8


class Link:
    """What the clients of one process stand on. ``repeats_end``: whether an unanswered end is asked for again in silence."""

    def __init__(self, process: Process, broker: Broker, network: Network, clients: Clients, *, repeats_end: bool) -> None:
        self.process, self.broker, self.network, self.clients = process, broker, network, clients
        self.repeats_end = repeats_end

    async def ask(self, kind: str, carry_out: Callable[..., Any], *arguments: Any) -> Any:
        """One request."""
        return await self.network.ask(self.process, kind, carry_out, *arguments)

    async def insist(self, kind: str, carry_out: Callable[..., Any], *arguments: Any, tries: int = 1_000) -> Any:
        """One request, again and again until it is answered."""
        for _ in range(tries):
            try:
                return await self.ask(kind, carry_out, *arguments)
            except (RequestTimedOutError, ConcurrentTransactions):
                if self.network.down:
                    break
                await asyncio.sleep(_BACKOFF_S)
            except InvalidProducerEpoch as error:
                raise ProducerFenced from error
        raise KafkaConnectionError(f"{kind}: no answer")


class Clients(NamedTuple):
    """The classes that stand for aiokafka's."""

    producer: Callable[..., SimulatedProducer]
    consumer: Callable[..., SimulatedConsumer]


class Batch:
    """Records under construction."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def append(self, *, timestamp: None, key: bytes | None, value: bytes | None, headers: Headers) -> object | None:
        """None where the batch is full."""
        if len(self.entries) >= _BATCH_RECORDS:
            return None
        self.entries.append(Entry(key, value, headers, timestamp))
        return self


class SimulatedProducer:
    """A transactional producer. What it is given is on its way at once, beside what else is asked of the brokers."""

    def __init__(self, *, link: Link, transactional_id: str, **_: Any) -> None:
        self.link, self.name = link, transactional_id
        self.broker = link.broker
        self.epoch = -1
        self._numbers: dict[Any, int] = {}
        self._batches: list[tuple[str, int, list[Entry]]] = []
        self._sent: asyncio.Future[None] | None = None

    async def start(self) -> None:
        self.epoch = await self.link.insist("init", self.broker.init, self.name, tries=_TRIES)

    def create_batch(self) -> Batch:
        return Batch()

    async def begin_transaction(self) -> None:
        self._batches.clear()
        self._sent = None

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> asyncio.Future[None]:
        return self._send(topic, partition, batch.entries)

    async def send(self, topic: str, value: bytes, *, key: bytes, partition: int) -> asyncio.Future[None]:
        return self._send(topic, partition, [Entry(key, value, [], None)])

    def _send(self, topic: str, partition: int, entries: list[Entry]) -> asyncio.Future[None]:
        """All of a transaction is given without a pause, so that one future is enough."""
        self._batches.append((topic, partition, entries))
        if self._sent is None:
            self._sent = asyncio.get_running_loop().create_future()
            self.link.process.start(self._deliver(self._sent))
        return self._sent

    async def _deliver(self, sent: asyncio.Future[None]) -> None:
        try:
            await self.send_batches()
        except KafkaError as error:
            sent.set_exception(error)
        else:
            sent.set_result(None)

    async def send_offsets_to_transaction(self, offsets: dict[TopicPartition, int], group: str) -> None:
        await self.link.insist("offsets", self.broker.add_offsets, self.name, self.epoch, offsets)

    async def commit_transaction(self) -> None:
        await self.end()

    async def send_batches(self) -> None:
        """Write what the transaction has to the logs."""
        for topic, partition, entries in self._batches:
            log = self.broker.log(topic, partition)
            number = self._numbers[log] = self._numbers.get(log, -1) + 1
            await self.link.insist("produce", self.broker.produce, self.name, self.epoch, log, number, entries)

    async def end(self) -> None:
        """The decisive request."""
        arguments = ("end", self.broker.end, self.name, self.epoch, True)
        if self.link.repeats_end:
            await self.link.insist(*arguments)
            return
        while True:
            try:
                await self.link.ask(*arguments)
            except ConcurrentTransactions:
                await asyncio.sleep(_BACKOFF_S)
            except InvalidProducerEpoch as error:
                raise ProducerFenced from error
            else:
                return

    async def stop(self) -> None:
        """An open transaction stays open."""


class SimulatedConsumer:
    """A consumer that belongs to no group, as it reads checkpoints, answers questions, and looks up a group's offsets."""

    def __init__(self, *, link: Link, isolation_level: str = "read_uncommitted", **_: Any) -> None:
        self._link, self.committed_only = link, isolation_level == "read_committed"
        self._position = 0

    async def __aenter__(self) -> SimulatedConsumer:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is held."""

    def assign(self, places: Sequence[TopicPartition]) -> None:
        """Any place is read as it is asked for."""

    async def beginning_offsets(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        log = self._link.broker.any_log
        begins: dict[TopicPartition, int] = await self._ask("begin", lambda: {place: log(*place).begin for place in places})
        return begins

    async def end_offsets(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        log, committed = self._link.broker.any_log, self.committed_only
        ends: dict[TopicPartition, int] = await self._ask(
            "end of log", lambda: {place: log(*place).visible_end(committed=committed) for place in places}
        )
        return ends

    def seek(self, place: TopicPartition, position: int) -> None:
        self._position = position

    async def position(self, place: TopicPartition) -> int:
        return self._position

    async def getmany(self, place: TopicPartition, *, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        broker, position = self._link.broker, self._position
        found, self._position = await self._ask(
            "read", lambda: broker.any_log(*place).read(position, committed=self.committed_only)
        )
        return {place: found}

    async def committed(self, place: TopicPartition) -> int | None:
        """The group's offset; there is one group of a role."""
        offsets = self._link.broker.group_offsets
        found: int | None = await self._ask("offset", lambda: offsets[place][-1] if place in offsets else None)
        return found

    async def _ask(self, kind: str, carry_out: Callable[[], Any]) -> Any:
        try:
            return await self._link.insist(kind, carry_out, tries=3)
        except KafkaError as error:
            raise KafkaTimeoutError from error
