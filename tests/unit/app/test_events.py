"""The event stream: a snapshot first, then changes, never too many clients, and never one that holds up the others."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from aiohttp import ClientResponse, TCPConnector
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from app.config import Config
from app.health import Health
from app.metrics import Metrics
from app.read_model.gathering import Gathering
from app.read_model.views import Overview
from app.web import create_web, event_frames, events
from app.web.briefs import Briefs
from app.web.event_frames import REVISIONS, Changes, body_of
from app.web.events import CLIENTS
from tests.read_model_records import ALERTS, STATISTICS, TRIGGERS, alert, fed, overview, statistics, trigger

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
    server, connector = TestServer(create_web(Config(), Health([]), shelf, metrics)), TCPConnector(limit=0)
    async with TestClient(server, connector=connector) as client:
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


def number(event: dict[str, Any]) -> int:
    """The revision in an event's id."""
    return int(event["id"].partition("-")[2])


async def test_a_snapshot_and_then_what_changed(client: TestClient[Any, Any], shelf: Shelf) -> None:
    response = await client.get("/api/v1/events")
    assert response.headers["Content-Type"] == "text/event-stream"
    first = await frame(response)
    assert (first["event"], number(first)) == ("snapshot", shelf.seen.revision)
    assert [model["name"] for model in first["data"]["models"]] == ["a", "b"]
    assert "history" not in first["data"]["models"][0]["signals"][0]
    other = overview(fed((STATISTICS, statistics("b", state="drift")))).models["b"]
    shelf.change(models={"b": other})
    second = await frame(response)
    assert (second["event"], number(second)) == ("update", shelf.seen.revision)
    assert [(model["name"], model["state"]) for model in second["data"]["models"]] == [("b", "drift")]
    assert second["data"]["removed"] == ["a"]
    assert not {"alerts", "triggers", "pipeline"} & second["data"].keys()
    shelf.change(alerts=[])
    third = await frame(response)
    assert third["data"]["alerts"] == third["data"]["models"] == []
    assert third["data"]["alerts_removed"] == [{"fingerprint": "f1", "startsAt": "2026-09-21T14:13:20.000Z"}]
    response.close()


async def test_a_page_is_told_the_revision_alone(client: TestClient[Any, Any], shelf: Shelf) -> None:
    response = await client.get("/api/v1/events?detail=revision")
    assert (await frame(response))["data"] == {"revision": shelf.seen.revision, "as_of": shelf.seen.as_of, "stale": None}
    shelf.change()
    assert (await frame(response))["data"]["revision"] == shelf.seen.revision
    response.close()


async def test_a_late_comer_gets_a_snapshot_and_then_the_same_frames(client: TestClient[Any, Any], shelf: Shelf) -> None:
    early = await client.get("/api/v1/events")
    await frame(early)
    shelf.change()
    await frame(early)
    late = await client.get("/api/v1/events")
    assert (await frame(late))["event"] == "snapshot"
    assert number(await frame(late)) == shelf.seen.revision  # what changed since the snapshot that both were given
    shelf.change()
    one, other = await frame(early), await frame(late)
    assert one == other
    assert number(one) == shelf.seen.revision
    early.close()
    late.close()


async def test_who_comes_back_gets_what_changed_since(client: TestClient[Any, Any], shelf: Shelf) -> None:
    first = await client.get("/api/v1/events")
    seen = (await frame(first))["id"]
    first.close()
    shelf.change(models={"a": shelf.seen.models["a"]})
    witness = await client.get("/api/v1/events?detail=revision")
    while number(await frame(witness)) != shelf.seen.revision:
        pass
    shelf.change(alerts=[])
    again = await client.get("/api/v1/events", headers={"Last-Event-ID": seen})
    event = await frame(again)
    while number(event) != shelf.seen.revision:
        assert event["event"] == "update"
        assert event["data"]["removed"] == ["b"]
        event = await frame(again)
    assert event["event"] == "update"
    assert event["data"]["alerts"] == []
    assert event["data"]["models"] == []
    for response in (witness, again):
        response.close()


async def test_who_comes_back_with_the_newest_hears_that_nothing_has_changed(client: TestClient[Any, Any], shelf: Shelf) -> None:
    first = await client.get("/api/v1/events")
    seen = (await frame(first))["id"]
    again = await client.get("/api/v1/events", headers={"Last-Event-ID": seen})
    event = await frame(again)
    assert (event["event"], event["id"]) == ("update", seen)
    assert event["data"].keys() == {"revision", "as_of", "stale", "models", "removed"}
    assert event["data"]["models"] == event["data"]["removed"] == []
    shelf.change()
    assert number(await frame(first)) == number(await frame(again)) == shelf.seen.revision
    first.close()
    again.close()


@pytest.mark.parametrize("id_", ["1", "00000000-1", "{life}-0", "{life}-999999", "{life}-", "{life}-x", "{life}-\u0663", "-", ""])
async def test_an_id_that_says_nothing_here_gives_a_snapshot(client: TestClient[Any, Any], shelf: Shelf, id_: str) -> None:
    first = await client.get("/api/v1/events")
    life = (await frame(first))["id"].partition("-")[0]
    again = await client.get("/api/v1/events", headers={"Last-Event-ID": id_.replace("{life}", life)})
    assert (await frame(again))["event"] == "snapshot"
    first.close()
    again.close()


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


def large(models: int) -> Overview:
    """A read model whose snapshot fits into no socket."""
    long = {f"{at}": "x" * 500 for at in range(8)}
    return overview(fed(*((STATISTICS, statistics(f"m{at:04}", segment=long, minute=at)) for at in range(models))))


async def stubborn(client: TestClient[Any, Any]) -> socket.socket:
    """A client that asks and then reads nothing."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, (client.host, client.port))
    await loop.sock_sendall(sock, b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    return sock


async def until_dropped(metrics: Metrics) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while metrics.registry.get_sample_value("gnomon_web_event_clients_dropped_total") != 1:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_client_that_takes_nothing_is_dropped_and_the_others_are_not(
    client: TestClient[Any, Any], shelf: Shelf, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "SEND_SECONDS", 0.5)
    shelf.seen = large(3_000)
    slow = await stubborn(client)
    quick = await client.get("/api/v1/events?detail=revision")
    await frame(quick)
    await until_dropped(metrics)
    assert metrics.registry.get_sample_value("gnomon_web_event_clients") == 1
    shelf.change()
    assert number(await frame(quick)) == shelf.seen.revision
    slow.close()
    quick.close()


async def test_a_client_that_reads_slowly_is_dropped_when_its_revision_is_forgotten(
    client: TestClient[Any, Any], shelf: Shelf, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "PERIOD_SECONDS", 0.01)
    shelf.seen = large(3_000)
    slow = await stubborn(client)
    quick = await client.get("/api/v1/events?detail=revision")
    await frame(quick)
    for _ in range(REVISIONS + 2):
        shelf.change()
        while number(await frame(quick)) != shelf.seen.revision:
            pass
    loop, read = asyncio.get_running_loop(), 0
    dropped = asyncio.create_task(until_dropped(metrics))
    while not dropped.done() and (some := await loop.sock_recv(slow, 1 << 20)):
        read += len(some)
    await dropped
    assert read > 1 << 20
    slow.close()
    quick.close()


async def test_a_frame_of_a_large_read_model_has_what_changed_and_no_more(client: TestClient[Any, Any], shelf: Shelf) -> None:
    records = [(STATISTICS, statistics(f"m{at:03}", name=f"f{of}")) for at in range(40) for of in range(20)]
    shelf.seen = overview(fed(*records, *((ALERTS, alert(model=f"m{at:03}", fingerprint=f"f{at}")) for at in range(40))))
    response = await client.get("/api/v1/events")
    snapshot = await frame(response)
    assert len(snapshot["data"]["models"]) == len(snapshot["data"]["alerts"]) == 40
    changed = overview(fed((STATISTICS, statistics("m007", state="drift")))).models["m007"]
    resolved = msgspec.structs.replace(shelf.seen.alerts[3], status="resolved")
    alerts = [*shelf.seen.alerts[:3], resolved, *shelf.seen.alerts[4:]]
    shelf.change(models=dict(shelf.seen.models) | {"m007": changed}, alerts=alerts)
    update = (await frame(response))["data"]
    assert [model["name"] for model in update["models"]] == ["m007"]
    assert [each["fingerprint"] for each in update["alerts"]] == [resolved.fingerprint]
    assert update["alerts_removed"] == []
    assert len(msgspec.json.encode(update)) < len(msgspec.json.encode(snapshot)) / 50
    response.close()


def test_what_changed_is_remembered_by_name_and_within_bounds() -> None:
    changes, states = Changes(), ("quiet", "drift")
    seen = overview(fed((STATISTICS, statistics("a")), (STATISTICS, statistics("b")), (ALERTS, alert()), (TRIGGERS, trigger())))
    assert changes.note(seen)
    first = seen.revision
    for at in range(3):
        other = overview(fed((STATISTICS, statistics("a", state=states[at % 2])))).models["a"]
        seen = msgspec.structs.replace(seen, revision=seen.revision + 1, models={"a": other, "b": seen.models["b"]})
        assert changes.note(seen)
    assert not changes.note(seen)
    step = changes.since(first)
    assert step is not None
    assert (step.models, step.alerts, step.triggers) == ({"a"}, frozenset(), frozenset())
    body = body_of(seen, step, Briefs())
    assert [msgspec.json.decode(model)["name"] for model in body["models"]] == ["a"]
    assert body.keys() == {"models", "removed"}
    seen = msgspec.structs.replace(seen, revision=seen.revision + 1, triggers=[], alerts=list(seen.alerts))
    changes.note(seen)
    step = changes.since(first)
    assert step is not None
    assert body_of(seen, step, Briefs())["triggers_removed"] == ["t1"]
    assert not step.alerts
    for _ in range(REVISIONS):
        assert changes.since(first) is not None
        seen = msgspec.structs.replace(seen, revision=seen.revision + 1)
        changes.note(seen)
        first += seen.revision - first > REVISIONS
    assert changes.since(first - 1) is None


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
    body = body_of(Gathering().view(0, None, {}), None, Briefs())
    assert (body["models"], body["removed"], body["alerts"]) == ([], [], [])


def test_a_change_of_everything_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_frames, "_NAMES", 1)
    changes, seen = Changes(), overview(fed((STATISTICS, statistics("a")), (STATISTICS, statistics("b"))))
    changes.note(seen)
    changes.note(msgspec.structs.replace(seen, revision=seen.revision + 1, models={}))
    assert changes.since(seen.revision) is None


async def test_who_keeps_up_gets_a_snapshot_where_all_has_changed_at_once(
    client: TestClient[Any, Any], shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_frames, "_NAMES", 1)
    response = await client.get("/api/v1/events?detail=revision")
    assert (await frame(response))["event"] == "snapshot"
    shelf.change(models=overview(fed(*((STATISTICS, statistics(name)) for name in "abc"))).models)
    again = await frame(response)
    assert (again["event"], number(again)) == ("snapshot", shelf.seen.revision)
    response.close()
