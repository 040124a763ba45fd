"""A shard without a broker: what it takes, what it feeds, what it commits, and how it ends."""

from __future__ import annotations

import json
import random

import pytest

from app.folds import feeding
from app.folds.checkpoint import CheckpointError
from app.folds.fold import LogQuery, Run
from app.folds.ledger import Saved
from app.folds.log_ends import FetchState
from app.folds.opening import LogCutError
from app.folds.shard import Shard
from tests.shard_fakes import Bench, CountingFold, FencedError, run, until


@pytest.fixture(autouse=True)
def _no_turn_ends_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows looks at what one turn did; on a machine that does other things as well five milliseconds are soon over."""
    monkeypatch.setattr(feeding, "TURN_S", 60.0)


async def test_outputs_state_and_positions_are_one_commit() -> None:
    bench = Bench()
    shard = bench.shard()
    assert await shard.open() == [0, 0]
    assert shard.offer(0, run(0, 3))
    assert shard.offer(1, run(0, 5, 2))
    await until(lambda: bench.store.commits)
    assert bench.store.outputs == [b"0:0:1", b"0:1:2", b"0:2:3", b"1:2:4"]
    assert bench.store.saved == Saved(b'{"count": 4}', [3, 5], None, None, replays=True)
    await shard.close()


async def test_nothing_is_committed_where_nothing_moved() -> None:
    bench = Bench()
    shard = bench.shard()
    await shard.open()
    await until(lambda: len(bench.fold.idles) > 3)
    await shard.close(drain=True)
    assert bench.store.commits == []


@pytest.mark.parametrize(
    ("offered", "taken", "fed"),
    [
        (run(2, 5), False, []),  # from before a seek
        (run(8, 9), False, []),  # a hole before it
        (run(5, 5), False, []),  # nothing
        (run(5, 7), True, [5, 6]),
        (run(3, 7), True, [5, 6]),  # begins too early: trimmed
        (run(5, 9, 6), True, [6]),  # markers around it
        (Run(), False, []),
    ],
)  # fmt: skip
async def test_a_run_is_taken_where_the_shard_stands(offered: Run, taken: bool, fed: list[int]) -> None:
    if not hasattr(offered, "start"):
        offered.start = offered.end = 0
    bench = Bench()
    bench.host.spans = [(5, 9), (0, 0)]
    shard = bench.shard()
    assert await shard.open() == [5, 0]
    assert shard.offer(0, offered) is taken
    assert [offset for _, offsets in bench.fold.fed for offset in offsets] == fed
    assert shard.expects(0) == (offered.end if taken else 5)
    await shard.close()


async def test_a_run_without_records_moves_the_position() -> None:
    bench = Bench()
    shard = bench.shard()
    await shard.open()
    empty = Run()
    empty.start, empty.end = 0, 4
    assert shard.offer(0, empty)
    await until(lambda: bench.store.commits)
    assert list(bench.store.commits[-1].next) == [4, 0]
    await shard.close()


async def test_a_rebuild_is_silent_and_ends_at_the_checkpoint_in_the_middle_of_a_run() -> None:
    bench = Bench(fold=CountingFold(reach=4))
    bench.store.saved = Saved(b'{"count": 9}', [6, 2], [2, 0], None, replays=True)
    bench.host.spans = [(0, 10), (0, 10)]
    shard = bench.shard()
    assert await shard.open() == [2, 0]
    assert shard.offer(0, run(2, 9))
    assert bench.fold.fed == [(0, [2, 3, 4, 5])]  # 6 on waits for the other side's rebuild
    assert (shard.live, bench.fold.calls) == (False, ["restore"])
    assert shard.offer(1, run(0, 3))
    assert bench.fold.fed[1:] == [(1, [0, 1]), (0, [6, 7, 8]), (1, [2])]
    assert (shard.live, bench.fold.calls) == (True, ["restore", "rebuilt"])
    await until(lambda: bench.store.outputs)
    assert bench.store.outputs == [b"0:6:7", b"0:7:8", b"0:8:9", b"1:2:10"]
    await shard.close()


async def test_a_rebuild_tells_what_is_read_up_to_the_checkpoint() -> None:
    bench = Bench()
    bench.store.saved = Saved(b"{}", [2, 1], [0, 0], None, replays=True)
    bench.host.spans = [(0, 9), (0, 9)]
    shard = bench.shard()
    await shard.open()
    shard.offer(1, run(0, 1))
    shard.offer(0, run(0, 2))
    assert bench.fold.ends[:2] == [[False, False], [False, True]]
    await shard.close()


async def test_what_a_fold_does_not_take_is_fed_again_when_another_side_moved() -> None:
    bench = Bench()
    bench.fold.takes = lambda side, offered: None if side or bench.fold.positions[1] else 2
    shard = bench.shard()
    await shard.open()
    bench.fold.takes = lambda side, offered: (
        2 if not side and not bench.fold.positions[0] else (None if bench.fold.positions[1] or side else 0)
    )
    shard.offer(0, run(0, 5))
    assert (bench.fold.fed, shard.positions) == ([(0, [0, 1])], [2, 0])
    shard.offer(1, run(0, 1))
    assert bench.fold.fed == [(0, [0, 1]), (1, [0]), (0, [2, 3, 4])]
    assert shard.positions == [5, 1]
    await shard.close()


async def test_so_many_runs_may_wait() -> None:
    bench = Bench()
    bench.fold.takes = lambda side, offered: 0
    shard = bench.shard()
    await shard.open()
    wanted = []
    for at in range(5):
        wanted.append(shard.wants(0))
        shard.offer(0, run(at, at + 1))
    assert wanted == [True, True, True, True, False]
    assert shard.wants(1)
    await shard.close()


@pytest.mark.parametrize("drain", [True, False])
async def test_only_a_drain_commits_the_last_interval(drain: bool) -> None:
    bench = Bench()
    shard = bench.shard()
    await shard.open()
    shard.offer(0, run(0, 2))
    await shard.close(drain=drain)
    assert bench.store.outputs == ([b"0:0:1", b"0:1:2"] if drain else [])
    assert bench.store.closed == 1
    assert not shard.offer(0, run(2, 3))


async def test_a_commit_that_does_not_end_ends_the_shard() -> None:
    bench = Bench(commit_timeout_s=0.05)
    bench.store.hangs = True
    shard = bench.shard()
    await shard.open()
    shard.offer(0, run(0, 2))
    await until(lambda: bench.errors)
    assert str(bench.errors[0]) == "a commit had no end within 0.05 s: the broker has aborted its transaction by then"
    assert shard.dead
    await shard.close(drain=True)


@pytest.mark.parametrize("in_the_log", [True, False])
async def test_after_an_unknown_commit_the_next_shard_goes_on_from_what_is_in_the_log(in_the_log: bool) -> None:
    bench = Bench()
    bench.store.fails = (TimeoutError("unknown"), in_the_log)
    shard = bench.shard()
    await shard.open()
    shard.offer(0, run(0, 2))
    await until(lambda: bench.errors)
    assert [str(error) for error in bench.errors] == ["unknown"]
    assert shard.dead
    assert not shard.offer(0, run(2, 3))
    await shard.close(drain=True)
    bench.host.spans = [(0, 2), (0, 0)]
    successor = bench.shard(CountingFold(reach=9))
    start = (await successor.open())[0]
    successor.offer(0, run(start, 3))
    await successor.close(drain=True)
    assert [output.split(b":")[1] for output in bench.store.outputs] == [b"0", b"1", b"2"]
    assert len(bench.errors) == 1


async def test_a_predecessor_that_wakes_can_write_no_more() -> None:
    bench = Bench()
    zombie = bench.shard()
    await zombie.open()
    zombie.offer(0, run(0, 1))
    successor = bench.shard(CountingFold())
    await successor.open()
    successor.offer(0, run(0, 1))
    await successor.close(drain=True)
    await until(lambda: bench.errors)
    assert isinstance(bench.errors[0], FencedError)
    assert bench.store.outputs == [b"0:0:1"]
    await zombie.close()


async def test_a_fold_that_raises_is_the_callers_to_throw_away() -> None:
    bench = Bench()

    def refuse(side: int, offered: Run) -> int | None:
        raise ZeroDivisionError

    bench.fold.takes = refuse
    shard = bench.shard()
    await shard.open()
    with pytest.raises(ZeroDivisionError):
        shard.offer(0, run(0, 1))
    await shard.close(drain=True)
    assert bench.store.commits == []


CUT: list[tuple[str, Saved, list[tuple[int, int]], str | None]] = [
    (
        "the position is gone",
        Saved(b"{}", [5, 0], None),
        [(7, 9), (0, 0)],
        "left-0 begins at offset 7, but offset 5 on .* 2 records",
    ),
    ("of the second side", Saved(b"{}", [5, 5], None), [(0, 9), (6, 9)], "right-0 begins at offset 6"),
    (
        "what is replayed is gone",
        Saved(b"{}", [8, 0], [3, 0], None, replays=True),
        [(4, 9), (0, 0)],
        "but offset 3 on .* 1 records",
    ),
    ("what could be replayed is gone", Saved(b"{}", [8, 0], [3, 0], None, replays=False), [(4, 9), (0, 0)], None),
    ("all is there", Saved(b"{}", [8, 0], [4, 0], None, replays=True), [(4, 9), (0, 0)], None),
]


@pytest.mark.parametrize(("saved", "spans", "message"), [row[1:] for row in CUT], ids=[row[0] for row in CUT])
async def test_a_log_that_was_cut_is_refused_by_name(saved: Saved, spans: list[tuple[int, int]], message: str | None) -> None:
    bench = Bench()
    bench.store.saved, bench.host.spans = saved, spans
    shard = bench.shard()
    if message is None:
        # What can be replayed is, on both sides or on neither: one log alone would bring back halves of what was done.
        assert await shard.open() == ([4, 0] if spans[0][0] <= saved.low[0] else list(saved.next))
    else:
        with pytest.raises(LogCutError, match=message):
            await shard.open()
    await shard.close()


async def test_a_checkpoint_of_another_log_is_discarded() -> None:
    bench = Bench()
    bench.store.saved = Saved(b"{}", [500, 0], None)
    bench.host.spans = [(0, 3), (0, 0)]
    shard = bench.shard()
    assert await shard.open() == [0, 0]
    assert (bench.store.discarded, bench.store.epoch) == (1, 2)
    await shard.close()


async def test_a_rebuild_begins_at_the_snapshot_and_not_at_the_position() -> None:
    bench = Bench(fold=CountingFold(snapshots=True))
    shard = bench.shard()
    await shard.open()
    shard.offer(0, run(0, 2))
    await until(lambda: bench.store.commits)
    shard.offer(0, run(2, 5))
    await until(lambda: len(bench.store.commits) == 2)
    first, second = bench.store.commits
    assert (first.snapshot, list(first.low or ()), list(first.next)) == (b"2", [2, 0], [2, 0])
    assert (second.snapshot, list(second.low or ()), list(second.next)) == (None, [2, 0], [5, 0])
    await shard.close()  # without draining: a kill
    bench.host.spans = [(0, 5), (0, 0)]
    fold = CountingFold(snapshots=True)
    successor = bench.shard(fold)
    assert await successor.open() == [2, 0]
    assert fold.count == 2
    successor.offer(0, run(2, 6))
    await successor.close(drain=True)
    assert bench.store.outputs[-1] == b"0:5:6"
    assert bench.store.commits[-1].snapshot == b"6"  # a drain always takes one


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_silence_is_counted_in_answers_of_the_broker() -> None:
    clock = Clock()
    bench = Bench(clock=clock)
    shard = bench.shard()
    await shard.open()
    shard.offer(0, run(0, 3))
    await idled(bench, shard, None, None)
    await idled(bench, shard, 0, None, states=[FetchState(3, 101.0), FetchState(None, 101.0)])
    clock.now = 500.0  # time alone says nothing
    await idled(bench, shard, 0, None)
    await idled(bench, shard, 1_000, 1_000, states=[FetchState(3, 102.0), FetchState(0, 102.0)])
    await idled(bench, shard, None, 2_000, states=[FetchState(4, 103.0), FetchState(0, 102.5)])
    shard.offer(0, run(3, 4))
    await idled(bench, shard, 0, 2_500, states=[FetchState(4, 501.0), FetchState(0, 103.0)])
    await idled(bench, shard, 1_000, 2_500, states=[FetchState(4, 502.0), FetchState(0, 103.0)])
    await shard.close()


async def test_it_is_known_for_how_long_no_broker_has_answered() -> None:
    seconds = 100.0
    bench = Bench(clock=lambda: seconds)
    shard = bench.shard()
    await shard.open()
    seconds = 130.0
    assert shard.unanswered_s() == 30.0  # nobody has answered since it was opened
    bench.host.states = [FetchState(0, 129.0), FetchState(0, 125.0)]
    assert shard.unanswered_s() == 5.0
    await shard.close()


async def test_a_large_answer_that_is_handed_on_bit_by_bit_is_heard_all_the_while() -> None:
    """A fetch of 4 MiB held all outcomes of a partition, and the worker ended after two minutes of reading from it."""
    seconds = 100.0
    bench = Bench(clock=lambda: seconds)
    shard = bench.shard()
    await shard.open()
    bench.host.states = [FetchState(3, 101.0), FetchState(2, 101.0)]
    for at in range(2):
        seconds += 60.0
        assert shard.offer(0, run(at, at + 1))
        assert shard.offer(1, run(at, at + 1))
        assert shard.unanswered_s() == 0.0
    seconds += 60.0
    assert not shard.offer(1, run(7, 8))
    assert shard.offer(0, run(2, 3))
    assert shard.unanswered_s() == 60.0  # of the other side
    await shard.close()


async def test_an_answer_from_before_a_pause_is_no_silence() -> None:
    """The broker's answer lay in a buffer while the process was stopped; it is looked at an hour later."""
    clock = Clock()
    bench = Bench(clock=clock)
    shard = bench.shard()
    await shard.open()
    await idled(bench, shard, 0, 0, states=[FetchState(0, 100.5), FetchState(0, 100.5)])
    await idled(bench, shard, 500, 500, states=[FetchState(0, 101.0), FetchState(0, 101.0)])
    clock.now = 3_700.0
    await idled(bench, shard, 1_000, 1_000, states=[FetchState(0, 3_700.0), FetchState(0, 3_700.0)])
    await idled(bench, shard, 3_600_000, None, states=[FetchState(0, 3_700.5), FetchState(1, 3_700.5)])
    await shard.close()


async def idled(bench: Bench, shard: Shard, *wanted: int | None, states: list[FetchState] | None = None) -> None:
    """Let the broker answer, and see for how long both sides are said to have been silent."""
    bench.host.states = states or bench.host.states
    seen = len(bench.fold.idles)
    await until(lambda: len(bench.fold.idles) > seen + 1)
    assert bench.fold.idles[-1] == list(wanted)


async def test_a_question_is_asked_once_and_its_answer_is_committed() -> None:
    bench = Bench()
    shard = bench.shard()
    await shard.open()
    bench.fold.asks.append(LogQuery("pairs", 0, 3, 7, b"k"))
    await until(lambda: bench.store.outputs)
    assert [answer.events for answer in bench.fold.answers] == [4]
    assert bench.store.outputs == [b"answer"]
    await shard.close()


async def test_a_question_that_cannot_be_answered_ends_the_shard() -> None:
    bench = Bench()
    shard = bench.shard()
    await shard.open()
    bench.fold.asks.append(LogQuery("pairs", 0, 3, 7, b"unanswerable"))
    await until(lambda: bench.errors)
    assert isinstance(bench.errors[0], OSError)
    await shard.close()


@pytest.mark.parametrize("seed", range(40))
async def test_any_cut_and_any_crash_give_the_same_outputs(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two logs, cut at random, with holes; kills, failed commits, zombies: what is committed is what one run would have said."""
    rng = random.Random(seed)
    in_steps = bool(seed % 4 // 2)
    if in_steps:
        monkeypatch.setattr(feeding, "TURN_S", 0.0)  # each turn is one step
    logs = [sorted(rng.sample(range(60), 40)) for _ in range(2)]
    ends = [60, 60]
    bench = Bench(fold=CountingFold(snapshots=bool(seed % 2), reach=20, in_steps=in_steps))
    bench.host.spans = [(0, 60), (0, 60)]
    for _ in range(200):
        shard = bench.shard(CountingFold(snapshots=bool(seed % 2), reach=20, in_steps=in_steps))
        positions = await shard.open()
        life = rng.randint(1, 12)
        while life and any(at < end for at, end in zip(positions, ends, strict=True)):
            life -= 1
            side = rng.choice([at for at in (0, 1) if positions[at] < ends[at]])
            start, end = positions[side], min(60, positions[side] + rng.randint(1, 12))
            part = Run(entry for entry in run(start, end) if entry.offset in logs[side])
            part.start, part.end = start, end
            if shard.offer(side, part):
                positions[side] = end
            if rng.random() < 0.1:
                bench.store.fails = (TimeoutError(), rng.random() < 0.5)
            if rng.random() < 0.5:
                await until(lambda s=shard: s.dead or not (s.busy or (s.live and s._dirty)))  # type: ignore[misc]  # a default binds it
        await shard.close(drain=rng.random() < 0.5)
        if bench.store.saved is not None and list(bench.store.saved.next) == ends:
            break
    told = [tuple(map(int, output.split(b":")[:2])) for output in bench.store.outputs]
    assert sorted(told) == sorted((side, offset) for side in (0, 1) for offset in logs[side])
    assert json.loads(bench.store.saved.saved if bench.store.saved else b"{}")


async def test_a_checkpoint_of_another_number_of_inputs_is_refused_by_name() -> None:
    """As of a version before a role read one topic more: what its snapshot holds is of another making as well."""
    bench = Bench()
    bench.store.saved, bench.host.spans = Saved(b'{"count": 4}', [3], None, None), [(0, 5), (0, 5)]
    with pytest.raises(CheckpointError, match=r"positions in 1 topics, but this version reads 2: .*gnomon reset"):
        await bench.shard().open()
