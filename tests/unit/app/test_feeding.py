"""Feeding in turns: others get on between two steps, nothing is asked of a fold in the middle of a run, no side starves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from app.folds import feeding
from app.folds.fold import LogQuery, Run
from app.folds.ledger import Saved
from app.folds.shard import Shard
from tests import shard_fakes
from tests.shard_fakes import Bench, CountingFold, run, until


@pytest.fixture(autouse=True)
def _a_turn_is_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "TURN_S", 0.0)


async def opened(bench: Bench) -> Shard:
    """A shard that is live and has nothing to do."""
    shard = bench.shard()
    await shard.open()
    await until(lambda: shard.live and not shard.busy)
    return shard


async def test_others_get_on_between_two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_fakes, "INTERVAL_S", 60.0)  # a commit would be one of those who get on
    bench = Bench(fold=CountingFold(in_steps=True))
    shard = await opened(bench)
    shard.offer(0, run(0, 50))
    seen = []
    while shard.busy:
        seen.append(bench.fold.count)
        await asyncio.sleep(0)
    assert seen == [*range(51), 50], "a step a turn, and one turn to see that this was the last"
    assert bench.fold.count == 50
    await shard.close()


async def test_a_commit_waits_for_the_run_in_hand_and_for_no_other() -> None:
    bench = Bench(fold=CountingFold(in_steps=True))
    shard = await opened(bench)
    for at in range(0, 100_000, 1_000):
        shard.offer(0, run(at, at + 1_000))
    await until(lambda: bench.store.commits)
    first = bench.store.commits[0]
    assert first.next[0] % 1_000 == 0
    assert first.next[0] < 100_000, "all that waited went before the first commit"
    assert len(bench.store.outputs) == first.next[0]
    await until(lambda: not shard.busy)
    assert bench.fold.count == 100_000
    await shard.close()


async def test_what_comes_in_the_middle_of_a_run_waits() -> None:
    bench = Bench(fold=CountingFold(in_steps=True))
    shard = await opened(bench)
    shard.offer(0, run(0, 3))
    assert shard.offer(0, run(3, 5))
    assert bench.fold.fed == [(0, [0, 1, 2])]
    await until(lambda: not shard.busy)
    assert bench.fold.fed == [(0, [0, 1, 2]), (0, [3, 4])]
    await shard.close()


async def test_a_side_that_never_runs_dry_lets_the_other_on() -> None:
    bench = Bench()
    shard = await opened(bench)
    shard.offer(0, run(0, 1))
    shard.offer(1, run(0, 1))
    for at in range(1, 20):
        shard.offer(0, run(at, at + 1))
        await asyncio.sleep(0)
    assert (1, [0]) in bench.fold.fed[:3]
    await shard.close()


@pytest.mark.parametrize("first", [0, 1])
async def test_what_a_refusal_has_shown_lets_the_other_side_on(first: int) -> None:
    """One side waits until the other has been tried, though that one takes nothing of it."""
    bench, last = Bench(fold=CountingFold(reach=9)), 1 - first
    tried: list[int] = []

    def takes(side: int, run: Run) -> int | None:
        tried.append(side)
        return 0 if (side == first and last not in tried) or (side == last and not bench.fold.positions[first]) else None

    bench.fold.takes = takes
    bench.store.saved = Saved(b"{}", [3, 3], [0, 0], None, replays=True)
    bench.host.spans = [(0, 3), (0, 3)]
    shard = bench.shard()
    await shard.open()
    shard.offer(first, run(0, 3))
    shard.offer(last, run(0, 3))
    await until(lambda: shard.live)
    await shard.close()


async def test_a_rebuild_in_steps_is_silent_and_goes_live_after_the_last() -> None:
    bench = Bench(fold=CountingFold(reach=9, in_steps=True))
    bench.store.saved = Saved(b"{}", [5, 0], [0, 0], None, replays=True)
    bench.host.spans = [(0, 9), (0, 0)]
    shard = bench.shard()
    await shard.open()
    shard.offer(0, run(0, 9))
    assert not shard.live
    await until(lambda: bench.store.outputs)
    assert bench.fold.calls == ["restore", "rebuilt"]
    assert bench.store.outputs == [b"0:5:6", b"0:6:7", b"0:7:8", b"0:8:9"]
    await shard.close()


async def test_an_answer_waits_for_the_run_in_hand() -> None:
    bench = Bench(fold=CountingFold(in_steps=True))
    shard = await opened(bench)
    bench.fold.asks.append(LogQuery("pairs", 0, 3, 7, b"k"))
    for at in range(0, 50_000, 10_000):
        shard.offer(0, run(at, at + 10_000))
    await until(lambda: bench.fold.answers)  # the fold itself refuses to be asked at another time
    assert bench.errors == []
    await shard.close()


async def test_an_error_in_a_later_turn_ends_the_shard_and_commits_nothing() -> None:
    bench = Bench()

    def steps() -> Iterator[None]:
        yield
        raise ZeroDivisionError

    class Failing(CountingFold):
        def feed(self, side: int, run: Run, out: object) -> Iterator[None]:
            return steps()

    shard = bench.shard(Failing())
    await shard.open()
    shard.offer(0, run(0, 3))
    await until(lambda: bench.errors)
    assert isinstance(bench.errors[0], ZeroDivisionError)
    assert (shard.dead, shard.busy) == (True, False)
    await shard.close(drain=True)
    assert bench.store.commits == []


@pytest.mark.parametrize("drain", [True, False])
async def test_a_drain_finishes_the_run_in_hand_and_a_kill_does_not(drain: bool) -> None:
    bench = Bench(fold=CountingFold(in_steps=True))
    shard = await opened(bench)
    shard.offer(0, run(0, 200))
    await shard.close(drain=drain)
    assert len(bench.store.outputs) == (200 if drain else 0)


async def test_a_paused_side_waits_and_the_other_goes_on() -> None:
    bench = Bench()
    shard = await opened(bench)
    bench.fold.pauses_s[0] = 0.05
    shard.offer(0, run(0, 10))
    assert shard.paused == ["left"]
    shard.offer(0, run(10, 20))
    shard.offer(1, run(0, 5))
    await until(lambda: bench.store.commits and bench.store.commits[-1].next == [10, 5])
    assert bench.fold.fed == [(0, [*range(10)]), (1, [*range(5)])]
    assert bench.fold.idles[-1][0] is None, "what waits for the end of a pause is no silence"
    await until(lambda: bench.store.commits[-1].next == [20, 5])
    assert shard.paused == []
    await shard.close()


async def test_no_side_is_paused_in_a_rebuild() -> None:
    bench = Bench(fold=CountingFold(reach=10))
    bench.store.saved = Saved(b"{}", [10, 0], [0, 0], None, replays=True)
    bench.fold.pauses_s[0] = 60.0
    shard = bench.shard()
    await shard.open()
    shard.offer(0, run(0, 10))
    await until(lambda: shard.live)
    assert shard.paused == []
    await shard.close()
