"""The read model on a real Redis: rebuilt equal after a flush, atomic with its position, patient while Redis is away."""

import asyncio
import contextlib
import random
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from agents.serve import ServeFold
from app.dev.redis_server import RedisServer, find_redis
from app.folds.fold import at_once
from app.read_model import ReadModel, ReadModelLost, RedisLedger, connect
from app.read_model.keys import CHANGES, keys_of
from app.read_model.mirror import SLOW_SECONDS
from app.read_model.views import Overview
from tests.read_model_records import ALERTS, SIDES, STATISTICS, Record, Writes, action, alert, fed, letter, pairing, run

from tests.read_model_records import statistics, status, trigger, verdict  # isort: skip

pytestmark = pytest.mark.integration
#: Of all inputs but the first.
EMPTY: list[list[Record]] = [[] for _ in range(SIDES - 1)]

PATIENCE_SECONDS = 20.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test's own, since it is killed and flushed; it keeps what it has over a restart."""
    redis = RedisServer(find_redis(), tmp_path / "redis", keep=True)
    redis.start()
    yield redis
    redis.stop()


@pytest.fixture
async def client(server: RedisServer) -> AsyncIterator[Redis]:
    redis = connect(server.url)
    yield redis
    await redis.aclose()


class Shard:
    """What the runner does with the fold and the ledger of one partition, over logs that lie in lists."""

    def __init__(self, client: Redis, logs: Sequence[Sequence[Record]], partition: int = 0, prefix: str = "") -> None:
        self.ledger = RedisLedger(client, prefix, "serve", partition, SIDES)
        self.fold = ServeFold(partition)
        self.logs = logs
        self.next = [0] * SIDES

    async def open(self) -> bool:
        """Whether something was found."""
        saved = await self.ledger.open()
        self.next = [0] * SIDES if saved is None else list(saved.next)
        self.fold.restore(None if saved is None else saved.saved, None, self.next)
        return saved is not None

    async def step(self, most: int = 10**9) -> None:
        """Read up to ``most`` records of each side, and commit."""
        writes = Writes()
        for side, log in enumerate(self.logs):
            records = log[self.next[side] : self.next[side] + most]
            at_once(self.fold.feed(side, run(records, self.next[side]), writes))
            self.next[side] += len(records)
        if all(position == len(log) for position, log in zip(self.next, self.logs, strict=True)):
            self.fold.sees_ends([True] * SIDES, 0)
            self.fold.idle([0] * SIDES, writes)
        await self.ledger.commit(writes.sent, self.fold.save(), self.next)


def some_logs(seed: int = 1, length: int = 40) -> list[list[Record]]:
    rng = random.Random(seed)
    states = ("quiet", "warning", "drift")
    references = [{"id": f"sha256:{at // 9}"} for at in range(length)]
    signals = [
        statistics(f"m{rng.randrange(4)}", minute=at, state=rng.choice(states), baseline=reference)
        for at, reference in enumerate(references)
    ]
    alerts = [alert(rng.choice(["firing", "resolved"]), minute=at % 5, fingerprint=f"f{at % 3}") for at in range(length)]
    return [
        [*signals, *(pairing(f"m{at % 4}", minute=at, read=8, paired=4) for at in range(length))],
        alerts,
        [trigger(f"t{at}", minute=at) for at in range(5)],
        [letter(offset=at) for at in range(length)],
        [verdict(minute=at, model=f"m{at % 4}") for at in range(5)],
        [status(said, f"t{at}") for at in range(5) for said in ("accepted", "succeeded")],
        [some_action(rng, at) for at in range(length)],
    ]


def some_action(rng: random.Random, at: int) -> Record:
    said: dict[str, Any] = {"minute": at, "offset": at, "subject": f"m{rng.randrange(4)}"}
    return rng.choice(
        [
            action(id=f"s{at % 5}", matchers={"signal": "feature/age"}, **said),
            action("unsilence", silence=f"s{at % 5}", **said),
            action("acknowledge", fingerprint=f"f{at % 3}", **said),
        ]
    )


async def table(client: Redis, partition: int = 0) -> dict[bytes, bytes]:
    return await client.hgetall(keys_of("", "serve", partition).documents)  # type: ignore[return-value]  # bytes here


async def histories(client: Redis, partition: int = 0) -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
    keys = keys_of("", "serve", partition)
    return await client.hgetall(keys.series), await client.hgetall(keys.chunks)  # type: ignore[return-value]  # bytes here


async def fresh(client: Redis, partitions: int = 1) -> Overview:
    """What a reader sees that reads everything."""
    model = ReadModel(client, "", partitions)
    return await model.current()


async def until_seen(
    model: ReadModel, wanted: Callable[[Overview], bool], meanwhile: Callable[[Overview], bool] = lambda _: True
) -> Overview:
    """Look until ``wanted(overview)`` holds; what is seen ``meanwhile`` must hold all the time."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not wanted(seen := await model.current()):
            assert meanwhile(seen), seen.stale
            await asyncio.sleep(0.02)
        assert meanwhile(seen), seen.stale
        return seen


class Clock:
    """A wall clock that a test moves."""

    now_ms = 1_790_000_000_000

    def __call__(self) -> int:
        return self.now_ms


async def one_shard(client: Redis, clock: Clock | None = None) -> None:
    """A read model of one signal, all of its log read."""
    shard = Shard(client, [[statistics()], *EMPTY])
    if clock is not None:
        shard.ledger = RedisLedger(client, "", "serve", 0, SIDES, now_ms=clock)
    await shard.open()
    await shard.step()


async def pause(client: Redis, milliseconds: int) -> None:
    """Let Redis answer nobody for so long."""
    await client.execute_command("CLIENT", "PAUSE", milliseconds, "ALL")  # type: ignore[no-untyped-call]  # redis-py's


async def test_a_crash_goes_on_from_the_last_commit_and_ends_with_the_same_documents(client: Redis) -> None:
    logs = some_logs()
    whole = Shard(client, logs, partition=1)
    assert not await whole.open()
    await whole.step()
    rng, crashing = random.Random(2), Shard(client, logs)
    found = [await crashing.open()]
    while crashing.next != whole.next:
        await crashing.step(rng.randint(1, 7))
        if rng.random() < 0.5:  # a crash between a commit and the next
            crashing.fold.feed(STATISTICS, run([statistics("lost")]), Writes())
            crashing = Shard(client, logs)
            found.append(await crashing.open())
    assert found[0] is False
    assert len(found) > 3
    assert all(found[1:])
    assert by_content(await table(client)) == by_content(await table(client, 1))
    assert await histories(client) == await histories(client, 1)


async def test_a_flush_while_running_is_noticed_and_the_rebuild_is_equal(client: Redis) -> None:
    shard = Shard(client, some_logs())
    await shard.open()
    await shard.step()
    before, shown, kept = await table(client), await fresh(client), await histories(client)
    await client.flushall()
    with pytest.raises(ReadModelLost, match=r"gnomon:\{serve-0\}:position.*flushed or restored"):
        await shard.step()
    assert await table(client) == {}
    again = Shard(client, shard.logs)
    assert await again.open() is False
    await again.step()
    assert await table(client) == before
    assert timeless(await fresh(client)) == timeless(shown)
    assert await histories(client) == kept
    assert all(kept)


async def test_half_a_read_model_is_not_trusted(client: Redis) -> None:
    shard = Shard(client, some_logs())
    await shard.open()
    await shard.step()
    before = await table(client)
    await client.hdel(keys_of("", "serve", 0).position, "next")
    assert await Shard(client, shard.logs).open() is False
    assert await table(client) == {}
    assert await histories(client) == ({}, {})
    await shard.ledger.close()
    again = Shard(client, shard.logs)
    await again.open()
    await again.step()
    assert await table(client) == before
    await client.hset(keys_of("", "serve", 0).position, "format", "0")
    assert await Shard(client, shard.logs).open() is False


async def test_documents_and_position_are_never_seen_apart(client: Redis) -> None:
    keys = keys_of("", "serve", 0)
    shard = Shard(client, some_logs(length=200))
    await shard.open()
    seen = set()

    async def look() -> None:
        while True:
            async with client.pipeline(transaction=True) as pipe:
                pipe.hget(keys.documents, "partition")
                pipe.hget(keys.position, "next")
                partition, position = await pipe.execute()
            if partition is not None:
                assert sum(msgspec.json.decode(partition)["records"].values()) == sum(msgspec.json.decode(position))
                seen.add(position)

    looking = asyncio.create_task(look())
    while shard.next[STATISTICS] < len(shard.logs[STATISTICS]):
        await shard.step(3)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert len(seen) > 20


async def test_a_commit_whose_answer_is_lost_is_sent_again_and_counts_once(server: RedisServer) -> None:
    async with cutting_proxy(server.port) as (port, cut_next_answer):
        client = connect(f"redis://127.0.0.1:{port}")
        shard = Shard(client, some_logs())
        await shard.open()
        await shard.step(5)
        cut_next_answer()
        await shard.step(5)
        await shard.step()
        revision = await client.hget(keys_of("", "serve", 0).position, "revision")
        assert revision is not None
        crashed = await table(client)
        whole = Shard(client, shard.logs, partition=1)
        await whole.open()
        for most in (5, 5, 10**9):
            await whole.step(most)
        assert int(revision) == 3
        assert crashed == await table(client, 1)
        await client.aclose()


async def test_redis_away_is_waited_for_and_told_once(server: RedisServer) -> None:
    client, told, waits = connect(server.url), list[str | None](), asyncio.Event()

    def waiting(reason: str | None) -> None:
        told.append(reason)
        waits.set()

    ledger = RedisLedger(client, "", "serve", 0, SIDES, waiting=waiting)
    await ledger.open()
    writes = fed((STATISTICS, statistics()))
    await ledger.commit(writes.sent, b"{}", [1, 0, 0, 0, 0])
    server.kill()
    commit = asyncio.create_task(ledger.commit(fed((ALERTS, alert())).sent, b"{}", [1, 1, 0, 0, 0]))
    await asyncio.wait_for(waits.wait(), PATIENCE_SECONDS)
    assert not commit.done()
    await asyncio.to_thread(server.start)
    with contextlib.suppress(ReadModelLost):  # killed before it had saved itself: then that is found out
        await asyncio.wait_for(commit, PATIENCE_SECONDS)
    assert told[0] is not None
    assert told[0].startswith("Redis: ")
    assert told[-1] is None or commit.exception() is not None
    await client.aclose()


async def test_waiting_for_redis_ends_with_the_task(server: RedisServer) -> None:
    client = connect(server.url)
    ledger = RedisLedger(client, "", "serve", 0, SIDES)
    await ledger.open()
    server.kill()
    commit = asyncio.create_task(ledger.commit([], b"{}", [0] * SIDES))
    done, _ = await asyncio.wait({commit}, timeout=0.3)
    assert not done
    commit.cancel()
    with pytest.raises(asyncio.CancelledError):
        await commit
    await client.aclose()


async def test_a_commit_can_always_be_cancelled(client: Redis) -> None:
    ledger = RedisLedger(client, "", "serve", 0, SIDES)
    await ledger.open()
    writes = fed((STATISTICS, statistics())).sent

    async def commit_for_ever() -> None:
        while True:
            await ledger.commit(writes, b"{}", [0] * SIDES)

    for at in range(60):  # a commit takes about a millisecond: this meets each of its waits
        await ledger.open()
        committing = asyncio.create_task(commit_for_ever())
        await asyncio.sleep(at * 0.0001)
        committing.cancel()
        done, _ = await asyncio.wait({committing}, timeout=2.0)
        assert done, f"the cancellation after {at * 0.1:.1f} ms was lost"
        assert committing.cancelled()


async def test_who_was_replaced_cannot_write(client: Redis) -> None:
    paused = Shard(client, some_logs())
    await paused.open()
    await paused.step(2)
    successor = Shard(client, paused.logs)
    assert await successor.open()
    await successor.step(2)
    before = await table(client)
    with pytest.raises(ReadModelLost, match="another worker has taken it over"):
        await paused.step()
    assert await table(client) == before
    await successor.step()
    await successor.ledger.discard()
    assert await client.keys() == []


async def test_a_reader_that_follows_sees_what_one_sees_that_reads_everything(client: Redis) -> None:
    shards = [Shard(client, some_logs(seed, 30), partition) for partition, seed in enumerate((1, 2))]
    follower = ReadModel(client, "", 2)
    assert (await follower.current()).stale is not None
    for shard in shards:
        await shard.open()
    while any(shard.next[STATISTICS] < len(shard.logs[STATISTICS]) for shard in shards):
        for shard in shards:
            await shard.step(9)
        read = sum(shard.next[STATISTICS] for shard in shards)
        seen = await until_seen(follower, has_read(read))
        assert timeless(seen) == timeless(await fresh(client, 2))
    assert seen.stale is None
    assert set(seen.models) == {"m0", "m1", "m2", "m3"}


async def test_a_reader_that_missed_too_much_reads_everything(client: Redis) -> None:
    shard = Shard(client, [[statistics()], *EMPTY])
    await shard.open()
    await shard.step()
    follower = ReadModel(client, "", 1)
    await follower.current()
    shard.logs[STATISTICS].extend(statistics(name=f"f{at}") for at in range(CHANGES + 10))  # type: ignore[attr-defined]  # lists
    await shard.step()
    seen = await until_seen(follower, has_read(2))
    assert len(seen.models["credit"].signals) == CHANGES + 11
    assert await client.zcard(keys_of("", "serve", 0).changes) == CHANGES


async def test_a_reader_says_since_when_it_is_stale_and_recovers(server: RedisServer) -> None:
    client = connect(server.url)
    shard = Shard(client, some_logs())
    await shard.open()
    await shard.step()
    follower = ReadModel(client, "", 1)
    before = await follower.current()
    assert before.stale is None
    server.kill()
    seen = await until_seen(follower, lambda o: o.stale is not None)
    assert seen.stale is not None
    assert seen.stale.since == seen.as_of
    assert "Redis does not answer" in seen.stale.reason
    assert seen.models == before.models
    await asyncio.to_thread(server.start)
    await client.flushall()
    seen = await until_seen(follower, lambda o: o.stale is None or o.stale.since is None)
    assert seen.stale is not None
    assert "not built yet" in seen.stale.reason
    again = Shard(client, shard.logs)
    await again.open()
    await again.step()
    seen = await until_seen(follower, lambda o: o.stale is None)
    assert timeless(seen) == timeless(before)
    await follower.close()
    await client.aclose()


async def test_a_redis_that_takes_a_moment_for_the_first_look_is_no_fault(client: Redis) -> None:
    await one_shard(client)
    follower = ReadModel(client, "", 1)
    await pause(client, milliseconds=1_500)
    seen = await follower.current()
    assert (seen.stale, list(seen.models)) == (None, ["credit"])


async def test_nobody_looking_for_long_is_no_fault_of_redis(client: Redis) -> None:
    clock = Clock()
    await one_shard(client, clock)
    follower = ReadModel(client, "", 1, now_ms=clock)
    before = await follower.current()
    assert before.stale is None
    clock.now_ms += 14_000  # nobody asked meanwhile
    await pause(client, milliseconds=1_500)
    seen = await until_seen(follower, lambda o: o.as_of != before.as_of, meanwhile=lambda o: o.stale is None)
    assert seen.as_of == clock.now_ms


async def test_a_worker_that_is_held_up_does_not_blame_redis(client: Redis) -> None:
    await one_shard(client)
    follower = ReadModel(client, "", 1)
    looking = asyncio.create_task(follower.current())
    await asyncio.sleep(0)  # it asks
    until = time.monotonic() + SLOW_SECONDS + 0.5
    while time.monotonic() < until:
        pass  # the loop stands still
    assert (await looking).stale is None


async def test_a_redis_that_does_not_answer_is_told_with_the_age_of_what_is_shown(client: Redis) -> None:
    await one_shard(client)
    follower = ReadModel(client, "", 1)
    before = await follower.current()
    await pause(client, milliseconds=7_000)
    seen = await until_seen(follower, lambda o: o.stale is not None)
    assert seen.stale is not None
    assert seen.stale.since == before.as_of
    assert re.fullmatch(r"Redis has not answered for \d+ s", seen.stale.reason)
    assert seen.models == before.models
    assert (await until_seen(follower, lambda o: o.stale is None)).models == before.models
    await follower.close()


async def test_prefixes_and_partitions_do_not_meet(client: Redis) -> None:
    for prefix, partition, model in (("", 0, "a"), ("", 1, "b"), ("x.", 0, "c")):
        shard = Shard(client, [[statistics(model)], *EMPTY], partition, prefix)
        await shard.open()
        await shard.step()
    assert set((await fresh(client, 2)).models) == {"a", "b"}
    assert set((await ReadModel(client, "x.", 1).current()).models) == {"c"}


def by_content(documents: dict[bytes, bytes]) -> dict[bytes, dict[str, object]]:
    """Without ``order``, which says how the sides alternated."""
    decoded = {field: msgspec.json.decode(text) for field, text in documents.items()}
    for document in decoded.values():
        document.pop("order")
    return decoded


def has_read(records: int) -> Callable[[Overview], bool]:
    """Whether so many records of ``drift.statistics`` are in what is seen."""
    return lambda seen: sum(part.records.get("drift.statistics", 0) for part in seen.pipeline.partitions) >= records


def timeless(seen: Overview) -> Overview:
    """Without when it was written and looked at."""
    partitions = [msgspec.structs.replace(part, written_at=None) for part in seen.pipeline.partitions]
    pipeline = msgspec.structs.replace(seen.pipeline, partitions=partitions)
    return msgspec.structs.replace(seen, revision=0, as_of=None, stale=None, pipeline=pipeline)


@contextlib.asynccontextmanager
async def cutting_proxy(port: int) -> AsyncIterator[tuple[int, Callable[[], None]]]:
    """In front of Redis; on demand it lets the next transaction through and closes the connection instead of answering."""
    armed = False

    def cut_next_answer() -> None:
        nonlocal armed
        armed = True

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_redis, to_redis = await asyncio.open_connection("127.0.0.1", port)
        cut = asyncio.Event()

        async def requests() -> None:
            nonlocal armed
            while request := await reader.read(1 << 16):
                if armed and request.endswith(b"EXEC\r\n"):
                    armed = False
                    cut.set()
                to_redis.write(request)

        async def answers() -> None:
            while (answer := await from_redis.read(1 << 16)) and not cut.is_set():
                writer.write(answer)

        both = [asyncio.create_task(requests()), asyncio.create_task(answers())]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for task in both:
            task.cancel()
        to_redis.close()
        writer.close()

    proxy = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield proxy.sockets[0].getsockname()[1], cut_next_answer
    finally:
        proxy.close()
