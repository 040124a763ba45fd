"""What a role does about shards that are gone: they are cleared away before the next one is opened."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from app.folds.shard import Shard
from app.folds.shards import Shards
from app.health import Health
from app.metrics import Metrics
from app.role import _Watch
from tests.shard_fakes import TOPICS, Bench, CountingFold, FakeHost, run, until
from tests.unit.app.test_shards import places


@pytest.fixture(autouse=True)
def _no_collection_by_itself() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


class Group:
    """Shards on fresh benches, as a role watches them; knows the first fold that was made by a weak reference alone."""

    def __init__(self) -> None:
        self.first: weakref.ref[CountingFold] | None = None
        watch = _Watch("pair", Metrics.on(CollectorRegistry(), "1"), Health(["pair"]))
        self.shards = Shards(list(TOPICS), 2, self._make, FakeHost(ours=places(0, 1)), watch, reopen_seconds=0.01)

    def _make(self, partition: int, fail: Any) -> Shard:
        fold = CountingFold()
        self.first = self.first or weakref.ref(fold)
        return Bench().shard(fold, fail, partition)

    @property
    def first_is_there(self) -> bool:
        assert self.first is not None
        return self.first() is not None


async def test_what_a_rebalance_took_is_gone_when_the_next_shard_is_opened() -> None:
    group = Group()
    await group.shards.take({0})
    await group.shards.feed("left", 0, run(0, 2))
    await group.shards.drop(drain=True)
    assert group.first_is_there, "without a cycle in it this test shows nothing"
    await group.shards.take({1})
    assert not group.first_is_there
    await group.shards.drop(drain=False)


async def test_a_shard_that_failed_is_gone_when_it_is_opened_anew() -> None:
    group = Group()
    await group.shards.take({0})
    failed = weakref.ref(group.shards.open[0])
    group.shards.open[0].give_up(RuntimeError("broken"))
    await until(lambda: 0 in group.shards.open)
    assert (failed(), group.first_is_there) == (None, False)
    await group.shards.drop(drain=False)
