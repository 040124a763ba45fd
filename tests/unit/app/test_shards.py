"""The shards of a worker: rebalances that overtake each other, shards that fail and come back, holes, and too much output."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import TopicPartition

from app.folds.fold import Run
from app.folds.ledger import Saved
from app.folds.shard import Shard
from app.folds.shards import Shards
from tests.shard_fakes import TOPICS, Bench, CountingFold, FakeHost, run, until


def places(*partitions: int) -> set[TopicPartition]:
    return {TopicPartition(topic, at) for topic in TOPICS for at in partitions}


class Told:
    """Who is told; keeps what it was told."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Any]] = []

    def assigned(self, partitions: Iterable[int]) -> None:
        self.said.append(("assigned", sorted(partitions)))

    def opening(self, partition: int) -> None:
        self.said.append(("opening", partition))

    def live(self, shard: Shard) -> None:
        self.said.append(("live", shard.partition))

    def committed(self, shard: Shard, events: int, seconds: float) -> None:
        self.said.append(("committed", (shard.partition, events)))

    def failed(self, partition: int, error: Exception) -> None:
        self.said.append(("failed", (partition, type(error).__name__)))

    def forgotten(self, partition: int) -> None:
        self.said.append(("forgotten", partition))

    def all(self, what: str) -> list[Any]:
        return [about for said, about in self.said if said == what]


@dataclass
class Group:
    """Shards on benches in memory, one a partition."""

    host: FakeHost = field(default_factory=lambda: FakeHost(ours=places(0, 1)))
    told: Told = field(default_factory=Told)
    benches: dict[int, Bench] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.shards = Shards(list(TOPICS), 2, self._make, self.host, self.told, reopen_seconds=0.01)

    def bench(self, partition: int) -> Bench:
        return self.benches.setdefault(partition, Bench(host=self.host))

    def _make(self, partition: int, fail: Any) -> Shard:
        return self.bench(partition).shard(CountingFold(), fail, partition)


async def test_what_is_assigned_is_opened_and_read_from_where_it_says() -> None:
    group = Group()
    group.bench(1).store.saved = Saved(b"{}", [7, 3], [5, 0], None)
    group.host.spans = [(0, 9), (0, 9)]
    positions = await group.shards.take({0, 1})
    left, right = TOPICS
    assert positions == {
        TopicPartition(left, 0): 0, TopicPartition(right, 0): 0, TopicPartition(left, 1): 5, TopicPartition(right, 1): 0,
    }  # fmt: skip
    assert (group.told.all("assigned"), group.told.all("live")) == ([[0, 1]], [0])
    assert group.shards.wants(TopicPartition(left, 1))
    await group.shards.drop(drain=False)
    assert not group.shards.wants(TopicPartition(left, 1))


@pytest.mark.parametrize("drain", [True, False])
async def test_what_is_revoked_is_given_up(drain: bool) -> None:
    group = Group()
    await group.shards.take({0})
    await group.shards.feed("left", 0, run(0, 2))
    await group.shards.drop(drain=drain)
    await group.shards.feed("left", 0, run(2, 3))
    assert len(group.bench(0).store.outputs) == (2 if drain else 0)
    assert (group.shards.open, group.told.all("forgotten"), group.bench(0).store.closed) == ({}, [0], 1)


async def test_a_shard_that_failed_before_the_partition_was_given_up_is_forgotten_too() -> None:
    group = Group()
    await group.shards.take({0})
    group.host.ours = places(1)  # so it stays away
    group.shards.open[0].give_up(OSError("no broker"))
    assert (group.shards.open, group.told.all("forgotten")) == ({}, [])
    await group.shards.drop(drain=True)
    await group.shards.drop(drain=True)
    assert group.told.all("forgotten") == [0]  # and once


async def test_an_opening_that_a_rebalance_overtook_is_thrown_away() -> None:
    group = Group()
    store = group.bench(0).store
    store.gate = asyncio.Event()
    opening = asyncio.create_task(group.shards.take({0}))
    await until(lambda: store.epoch == 1)
    await group.shards.drop(drain=True)
    second = asyncio.create_task(group.shards.take({0}))
    store.gate.set()
    assert await opening == {}
    assert set(await second) == places(0)
    assert (store.epoch, store.closed, list(group.shards.open)) == (2, 1, [0])
    await group.shards.drop(drain=False)


async def test_of_an_opening_that_a_rebalance_overtook_nothing_more_is_told() -> None:
    group = Group()
    store = group.bench(0).store
    store.gate = asyncio.Event()
    opening = asyncio.create_task(group.shards.take({0}))
    await until(lambda: store.epoch == 1)
    await group.shards.drop(drain=True)
    assert group.told.said[-1] == ("forgotten", 0)
    store.gate.set()
    assert await opening == {}
    assert store.closed == 1
    assert group.told.said[-1] == ("forgotten", 0)  # its figures would stay, since nobody gives it up again


async def test_a_shard_that_fails_is_opened_anew_while_it_is_ours() -> None:
    group = Group()
    store = group.bench(0).store
    await group.shards.take({0})
    first = group.shards.open[0]
    store.fails = (TimeoutError(), False)
    await group.shards.feed("left", 0, run(0, 2))
    await until(lambda: group.host.seeks)
    assert group.told.all("failed") == [(0, "TimeoutError")]
    assert group.shards.open[0] is not first
    assert group.host.seeks == [dict.fromkeys(places(0), 0)]
    await group.shards.feed("left", 0, run(0, 2))
    await until(lambda: store.outputs)
    assert store.outputs == [b"0:0:1", b"0:1:2"]
    await group.shards.drop(drain=False)


async def test_a_shard_that_failed_stays_away_when_the_group_has_moved_on() -> None:
    group = Group()
    await group.shards.take({0})
    group.host.ours = places(1)
    shard = group.shards.open[0]
    shard.give_up(TimeoutError())
    await until(lambda: not group.shards._tasks)
    assert (group.shards.open, group.host.seeks, group.bench(0).store.epoch) == ({}, [], 1)


async def test_an_opening_that_fails_is_tried_again() -> None:
    group = Group()
    store = group.bench(0).store
    store.saved = Saved(b"{}", [4, 0], None)
    group.host.spans = [(9, 9), (0, 0)]  # what it builds on was deleted
    assert await group.shards.take({0}) == {}
    assert group.told.all("failed") == [(0, "LogCutError")]
    group.host.spans = [(0, 9), (0, 0)]  # the operator has mended it
    await until(lambda: group.host.seeks)
    assert group.host.seeks == [{TopicPartition("left", 0): 4, TopicPartition("right", 0): 0}]
    await group.shards.drop(drain=False)


async def test_a_fold_that_raises_is_thrown_away_and_its_interval_with_it() -> None:
    group = Group()
    await group.shards.take({0})
    await group.shards.feed("left", 0, run(0, 2))

    def refuse(side: int, offered: Run) -> int | None:
        raise ZeroDivisionError

    group.bench(0).fold.takes = refuse
    await group.shards.feed("left", 0, run(2, 3))
    assert group.told.all("failed") == [(0, "ZeroDivisionError")]
    await until(lambda: group.host.seeks)
    assert group.bench(0).store.commits == []
    await group.shards.drop(drain=False)


async def test_a_hole_that_stays_is_read_again_from_its_beginning() -> None:
    group = Group()
    await group.shards.take({0})
    await group.shards.feed("left", 0, run(3, 5))
    assert group.host.seeks == []  # it may be on its way
    async with asyncio.timeout(5):
        while not group.host.seeks:
            await group.shards.feed("left", 0, run(3, 5))
            await asyncio.sleep(0.05)
    assert group.host.seeks == [{TopicPartition("left", 0): 0}]
    await group.shards.drop(drain=False)


async def test_nothing_more_is_fed_while_too_much_waits_for_its_commit() -> None:
    group = Group()
    await group.shards.take({0})
    store = group.bench(0).store
    await group.shards.feed("left", 0, run(0, 30))
    waiting = asyncio.create_task(group.shards.feed("left", 0, run(30, 31)))
    await asyncio.sleep(0)
    assert (waiting.done(), store.outputs) == (False, [])
    await waiting
    assert len(store.outputs) == 30
    await group.shards.drop(drain=True)
    assert len(store.outputs) == 31


async def test_who_waits_for_room_is_let_go_when_the_shard_dies() -> None:
    group = Group()
    await group.shards.take({0})
    group.bench(0).store.fails = (TimeoutError(), False)
    await group.shards.feed("left", 0, run(0, 30))
    await asyncio.wait_for(group.shards.feed("left", 0, run(30, 31)), 5)
    await group.shards.drop(drain=False)
    assert group.bench(0).store.outputs == []
