"""The event stream: a snapshot first, then changes, never too many clients, and never one that holds up the others."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from app.config import Config
from app.health import Health
from app.metrics import Metrics
from app.read_model.gathering import Gathering
from app.read_model.views import Overview
from app.web import create_web, events
from app.web.events import CLIENTS, FRAMES, EventStream
from tests.read_model_records import ALERTS, STATISTICS, alert, fed, overview, statistics

PATIENCE_SECONDS = 10.0


class Shelf:
    """A read model that is what a test puts in, and counts how often it is looked at."""

    def __init__(self) -> None:
        self.seen = overview(fed((STATISTICS, statistics("a")), (STATISTICS, statistics("b")), (ALERTS, alert(model="a"))))
        self.looks = 0

    async def current(self) -> Overview:
        self.looks += 1
        return self.seen

    def change(self, **changes: Any) -> None:
        self.seen = msgspec.structs.replace(self.seen, revision=self.seen.revision + 1, **changes)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics.on(CollectorRegistry(), "0.1.0")


@pytest.fixture
async def client(shelf: Shelf, metrics: Metrics) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(create_web(Config(), Health([]), shelf, metrics))) as client:
        yield client


async def frame(response: ClientResponse) -> dict[str, Any]:
    """The next event: its name, id and data."""
    fields: dict[str, Any] = {}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            line = (await response.content.readline()).decode().rstrip("\r\n")
            if not line and "data" in fields:
                return fields | {"data": msgspec.json.decode(fields["data"])}
            name, _, value = line.partition(": ")
            fields[name] = value


async def test_a_snapshot_and_then_what_changed(client: TestClient[Any, Any], shelf: Shelf) -> None:
    response = await client.get("/api/v1/events")
    assert response.headers["Content-Type"] == "text/event-stream"
    first = await frame(response)
    assert (first["event"], first["id"]) == ("snapshot", str(shelf.seen.revision))
    assert [model["name"] for model in first["data"]["models"]] == ["a", "b"]
    assert "history" not in first["data"]["models"][0]["signals"][0]
    other = overview(fed((STATISTICS, statistics("b", state="drift")))).models["b"]
    shelf.change(models={"b": other})
    second = await frame(response)
    assert (second["event"], second["id"]) == ("update", str(shelf.seen.revision))
    assert [(model["name"], model["state"]) for model in second["data"]["models"]] == [("b", "drift")]
    assert second["data"]["removed"] == ["a"]
    assert not {"alerts", "triggers", "pipeline"} & second["data"].keys()
    shelf.change(alerts=[])
    third = await frame(response)
    assert third["data"]["alerts"] == []
    assert third["data"]["models"] == []
    response.close()


async def test_a_page_is_told_the_revision_alone(client: TestClient[Any, Any], shelf: Shelf) -> None:
    response = await client.get("/api/v1/events?detail=revision")
    assert (await frame(response))["data"] == {"revision": shelf.seen.revision, "as_of": shelf.seen.as_of, "stale": None}
    shelf.change()
    assert (await frame(response))["data"]["revision"] == shelf.seen.revision
    response.close()


async def test_a_late_comer_gets_a_snapshot_whatever_it_had_seen(client: TestClient[Any, Any], shelf: Shelf) -> None:
    early = await client.get("/api/v1/events")
    await frame(early)
    shelf.change()
    await frame(early)
    late = await client.get("/api/v1/events", headers={"Last-Event-ID": "1"})
    assert (await frame(late))["event"] == "snapshot"
    shelf.change()
    assert (await frame(early))["id"] == (await frame(late))["id"] == str(shelf.seen.revision)
    early.close()
    late.close()


async def test_not_more_than_two_frames_a_second(client: TestClient[Any, Any], shelf: Shelf) -> None:
    response = await client.get("/api/v1/events?detail=revision")
    await frame(response)
    loop = asyncio.get_running_loop()
    began, frames = loop.time(), 0
    while loop.time() - began < 1.5:
        shelf.change()
        with_patience = asyncio.create_task(frame(response))
        done, _ = await asyncio.wait({with_patience}, timeout=1.0)
        frames += len(done)
    assert 2 <= frames <= 4
    response.close()


async def test_the_clients_are_counted_and_capped(shelf: Shelf, metrics: Metrics, client: TestClient[Any, Any]) -> None:
    followers = [await client.get("/api/v1/events") for _ in range(CLIENTS)]
    assert metrics.registry.get_sample_value("gnomon_web_event_clients") == CLIENTS
    refused = await client.get("/api/v1/events")
    assert refused.status == 503
    assert refused.headers["Retry-After"] == "10"
    assert metrics.registry.get_sample_value("gnomon_web_event_clients_refused_total") == 1
    for follower in followers:
        assert (await frame(follower))["event"] == "snapshot"
        follower.close()


async def test_a_client_that_falls_behind_is_dropped_and_the_others_are_not(shelf: Shelf, metrics: Metrics) -> None:
    stream = EventStream(shelf, metrics)
    slow, quick = stream._join("revision"), stream._join("full")
    for _ in range(FRAMES + 3):
        shelf.change()
        stream._send(shelf.seen)
        assert (await asyncio.wait_for(quick.frames.get(), PATIENCE_SECONDS)) is not None
    waiting = [slow.frames.get_nowait() for _ in range(slow.frames.qsize())]
    assert waiting[-1] is None
    assert len(waiting) <= FRAMES + 1
    assert metrics.registry.get_sample_value("gnomon_web_event_clients_dropped_total") == 1
    assert metrics.registry.get_sample_value("gnomon_web_event_clients") == 1
    await stream.close()


async def test_nobody_is_asked_while_nobody_follows(
    client: TestClient[Any, Any], shelf: Shelf, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.05)  # a client that is gone is found out by a heartbeat
    response = await client.get("/api/v1/events")
    await frame(response)
    response.close()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while metrics.registry.get_sample_value("gnomon_web_event_clients"):  # noqa: ASYNC110  no event tells of it
            await asyncio.sleep(0.02)
        looks = -1
        while looks != shelf.looks:
            looks = shelf.looks
            await asyncio.sleep(2 * events.PERIOD_SECONDS)


async def test_a_server_that_stops_ends_its_streams(shelf: Shelf, metrics: Metrics) -> None:
    async with TestClient(TestServer(create_web(Config(), Health([]), shelf, metrics))) as client:
        response = await client.get("/api/v1/events")
        await frame(response)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await client.server.close()
            assert await response.content.read() == b""


def test_an_empty_read_model_is_a_snapshot_too() -> None:
    body = events._changes(None, Gathering().view(0, None, {}))
    assert (body["models"], body["removed"], body["alerts"]) == ([], [], [])
