"""Histories on a real Redis: written with the position, rebuilt equal, merged over partitions, and read over HTTP."""

import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from agents.serve import ServeFold
from app.config import Config
from app.dev.redis_server import RedisServer, find_redis
from app.folds.fold import at_once
from app.health import Health
from app.metrics import Metrics
from app.read_model import ReadModel, RedisLedger, SeriesReader, connect
from app.read_model.history import identity_of_signal, identity_of_traffic
from app.read_model.history_series import Series
from app.read_model.keys import keys_of
from app.read_model.resolutions import HOUR_MS, SIGNAL, TRAFFIC
from app.read_model.series import POINTS_AT_MOST, Asked, SeriesUnread
from app.read_model.series_views import points_of_signal
from app.web import create_web
from tests.read_model_records import ALERTS, MINUTE_MS, SIDES, START_MS, Record, Writes, alert, pairing, run, statistics

pytestmark = pytest.mark.integration

PARTITIONS = 2
SEGMENT = {"channel": "web"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test's own, since it is killed and flushed."""
    redis = RedisServer(find_redis(), tmp_path / "redis")
    redis.start()
    yield redis
    redis.stop()


@pytest.fixture
async def client(server: RedisServer) -> AsyncIterator[Redis]:
    redis = connect(server.url)
    yield redis
    await redis.aclose()


def some_log(seed: int, minutes: int = 300) -> list[Record]:
    """A model with a mean, a share of a segment, and counts."""
    rng, log = random.Random(seed), list[Record]()
    for minute in range(minutes):
        figures = {"values": 1000, "mean": rng.gauss(40, 2), "sd": 5.0} | ({"baseline": {"id": "sha256:a"}} if minute else {})
        log.append(statistics(minute=minute, state=rng.choice(["quiet", "drift"]), **figures))
        log.append(
            statistics(kind="disagreement", name="", version="2", role="shadow", minute=minute, values=1000,
                       share=rng.random(), segment=SEGMENT)
        )  # fmt: skip
        log.append(pairing(minute=minute, read=20, paired=9, late=1))
    return log


async def written(client: Redis, log: list[Record], partition: int = 0, rng: random.Random | None = None) -> int:
    """Have a log committed; with ``rng`` in pieces, with crashes between some of them. How often it was opened."""
    opened, position, fold, ledger = 0, 0, ServeFold(partition), RedisLedger(client, "", "serve", partition, SIDES)
    while opened == 0 or position < len(log):
        if opened == 0 or (rng is not None and rng.random() < 0.1):
            fold, ledger = ServeFold(partition), RedisLedger(client, "", "serve", partition, SIDES)
            saved = await ledger.open()
            position = 0 if saved is None else saved.next[0]
            fold.restore(None if saved is None else saved.saved, None, [position, *[0] * (SIDES - 1)])
            opened += 1
        writes, most = Writes(), len(log) if rng is None else rng.randint(1, 12)
        at_once(fold.feed(0, run(log[position : position + most], position), writes))
        position = min(len(log), position + most)
        fold.sees_ends([True] * SIDES, 0)
        fold.idle([0] * SIDES, writes)
        await ledger.commit(writes.sent, fold.save(), [position, *[0] * (SIDES - 1)])
    return opened


async def kept(client: Redis, partition: int = 0) -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
    keys = keys_of("", "serve", partition)
    return await client.hgetall(keys.series), await client.hgetall(keys.chunks)  # type: ignore[return-value]  # bytes here


def asked(resolution: str = "auto", from_ms: int | None = None, to_ms: int | None = None) -> Asked:
    return Asked(identity_of_signal("credit", "1.4.0", "feature/age", None), resolution, from_ms, to_ms)


@pytest.mark.parametrize("seed", range(3))
async def test_rebuilt_after_a_flush_with_other_cuts_and_crashes_it_is_the_same(client: Redis, seed: int) -> None:
    log = some_log(seed)
    await written(client, log)
    before = await kept(client)
    assert len(before[1]) > 20
    await client.flushall()
    assert await written(client, log, rng=random.Random(seed)) > 3
    assert await kept(client) == before
    await RedisLedger(client, "", "serve", 0, SIDES).discard()
    assert await client.keys() == []


async def test_a_reader_of_pages_is_told_of_no_history(client: Redis) -> None:
    await written(client, some_log(1))
    changed = await client.zrange(keys_of("", "serve", 0).changes, 0, -1)
    assert {field.split(b" ")[0] for field in changed} == {b"model", b"signal", b"partition"}


async def test_every_chunk_that_a_document_names_is_there_and_no_other(client: Redis) -> None:
    await written(client, some_log(1, minutes=2_000), rng=random.Random(1))
    series, chunks = await kept(client)
    assert len(chunks) == sum(Series.load(packed).closed for packed in series.values())
    assert len(chunks) > 80


async def test_shards_of_a_model_are_one_history(client: Redis) -> None:
    logs = [some_log(seed) for seed in range(PARTITIONS)]
    both, one = SeriesReader(client, "", PARTITIONS), SeriesReader(client, "", 1)
    await written(client, logs[0])
    alone = await one.read(asked("minutes"), SIGNAL)
    for partition, log in enumerate(logs):
        await written(client, log, partition)
    together = points_of_signal((await both.read(asked("minutes"), SIGNAL)).cells)
    assert together.start == [at for at, _ in alone.cells]
    assert together.events == [2 * cell.events for _, cell in alone.cells]  # type: ignore[union-attr]  # of a signal
    counts = await both.read(Asked(identity_of_traffic("credit"), "hours"), TRAFFIC)
    assert sum(cell.read for _, cell in counts.cells) == 2 * 300 * 20  # type: ignore[union-attr]  # of traffic


async def test_what_is_asked_for_is_what_is_given_and_auto_is_the_finest_that_reaches_back(client: Redis) -> None:
    await written(client, some_log(2))
    reader, last = SeriesReader(client, "", PARTITIONS), START_MS + 300 * MINUTE_MS
    assert (await reader.read(asked(), SIGNAL)).resolution.name == "seconds"
    for back_ms, name in ((HOUR_MS // 2, "seconds"), (4 * HOUR_MS, "minutes"), (30 * HOUR_MS, "hours"), (last, "hours")):
        assert (await reader.read(asked(from_ms=last - back_ms), SIGNAL)).resolution.name == name
    begin, end = START_MS + 100 * MINUTE_MS, START_MS + 160 * MINUTE_MS
    found = await reader.read(asked("minutes", begin, end), SIGNAL)
    starts = [at for at, _ in found.cells]
    assert starts == sorted(starts)
    assert len(starts) == 31  # that in which it begins among them
    assert begin - 2 * MINUTE_MS < starts[0] <= begin
    assert end - 2 * MINUTE_MS <= starts[-1] < end
    nothing = await reader.read(asked("minutes", last + HOUR_MS), SIGNAL)
    assert (nothing.cells, nothing.next_ms) == ([], None)


async def test_an_answer_is_bounded_and_the_next_begins_where_it_ended(client: Redis) -> None:
    for partition, hours in enumerate((range(1_300), range(1_300, 2_700))):  # shards whose times are apart
        await written(client, [statistics(minute=60 * hour, values=9, mean=1.0, sd=1.0) for hour in hours], partition)
    reader = SeriesReader(client, "", PARTITIONS)
    found = await reader.read(asked("hours"), SIGNAL)
    assert len(found.cells) == POINTS_AT_MOST
    rest = await reader.read(asked("hours", found.next_ms), SIGNAL)
    assert len(rest.cells) == 2_700 - POINTS_AT_MOST
    assert rest.cells[0][0] == found.next_ms
    assert rest.next_ms is None


async def test_what_somebody_else_wrote_is_passed_over(client: Redis) -> None:
    await written(client, some_log(1))
    keys, reader = keys_of("", "serve", 0), SeriesReader(client, "", PARTITIONS)
    whole = await reader.read(asked("minutes"), SIGNAL)
    for field in list(await client.hkeys(keys.chunks))[::2]:
        await client.hset(keys.chunks, field, b"nothing of ours")
    part = await reader.read(asked("minutes"), SIGNAL)
    assert 0 < len(part.cells) < len(whole.cells)
    await client.hset(keys.series, asked().identity, b"neither")
    assert (await reader.read(asked("minutes"), SIGNAL)).cells == []


async def test_redis_away_is_told(server: RedisServer) -> None:
    client = connect(server.url)
    await written(client, some_log(1, 5))
    server.kill()
    with pytest.raises(SeriesUnread, match="Redis does not answer: "):
        await SeriesReader(client, "", PARTITIONS).read(asked(), SIGNAL)
    await client.aclose()


async def alerted(client: Redis, partition: int, alerts: list[Record]) -> None:
    """Have alerts committed to a partition that was written."""
    ledger, fold, writes = RedisLedger(client, "", "serve", partition, SIDES), ServeFold(partition), Writes()
    saved = await ledger.open()
    assert saved is not None
    fold.restore(saved.saved, None, saved.next)
    fold.feed(ALERTS, run(alerts), writes)
    await ledger.commit(writes.sent, fold.save(), [len(alerts) if side == ALERTS else at for side, at in enumerate(saved.next)])


async def test_histories_are_answered_over_http(server: RedisServer) -> None:
    client = connect(server.url)
    for partition in range(PARTITIONS):
        await written(client, some_log(7), partition)
    labels = {"alertname": "FeatureDrift", "version": "1.4.0", "signal": "feature/age"}
    models = {"credit": 2, "search": 3}
    fired = [alert(minute=at, fingerprint=name, labels=labels | {"model": name}) for name, at in models.items()]
    await alerted(client, 0, fired)
    read_model, metrics = ReadModel(client, "", PARTITIONS), Metrics.on(CollectorRegistry(), "0")
    app = create_web(Config(), Health(["serve"]), read_model, metrics, SeriesReader(client, "", PARTITIONS))
    async with TestClient(TestServer(app)) as http:

        async def get(path: str, status: int = 200) -> dict[str, Any]:
            response = await http.get("/api/v1/models/" + path)
            assert response.status == status, await response.text()
            body: dict[str, Any] = await response.json(content_type=None)
            return body

        series = await get(f"credit/series?version=1.4.0&signal=feature/age&from={START_MS}")
        assert (series["role"], series["resolution_ms"], series["stale"]) == ("legacy", 120_000, None)
        points = series["points"]
        assert {len(column) for column in points.values()} == {150}
        assert sum(points["events"]) == 2 * 300 * 1000
        assert all(low < value < high for low, value, high in zip(points["low"], points["value"], points["high"], strict=True))
        assert set(points["state"]) == {"drift", "quiet"}
        assert series["marks_left_out"] == 0
        assert series["marks"] == [  # of both partitions, each once; and of this model alone
            {"at": START_MS + 2 * MINUTE_MS, "kind": "alert", "label": "FeatureDrift fires", "link": "/alerts/credit"},
            {"at": START_MS + MINUTE_MS, "kind": "baseline", "label": "Baseline a is the reference", "link": None},
            {"at": START_MS, "kind": "deployment", "label": "1.4.0 first seen live", "link": "/models/credit"},
            {"at": START_MS, "kind": "deployment", "label": "2 first seen as a shadow", "link": "/models/credit"},
        ]
        later = await get(f"credit/series?version=1.4.0&signal=feature/age&from={START_MS + MINUTE_MS}")
        assert [each["kind"] for each in later["marks"]] == ["alert", "baseline"]
        shares = await get("credit/series?version=2&signal=disagreement&segment=channel=web&resolution=hours")
        assert (shares["role"], shares["segment"], len(shares["points"]["start"])) == ("shadow", SEGMENT, 6)
        assert sum((await get("credit/traffic?resolution=hours"))["points"]["paired"]) == 2 * 300 * 9
        assert (await get("credit/series?signal=latency"))["points"]["start"] == []
        assert "no model 'other'" in (await get("other/series?signal=latency", 404))["detail"]
        assert "no model 'other'" in (await get("other/traffic", 404))["detail"]
        server.kill()
        assert "the history cannot be read: Redis" in (await get("credit/traffic", 503))["detail"]
        response = await http.get("/api/v1/models/credit/series?signal=latency")
        assert (response.status, response.headers["Retry-After"]) == (503, "2")
    await read_model.close()
    await client.aclose()
