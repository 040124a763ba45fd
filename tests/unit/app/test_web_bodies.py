"""Bodies that do not come, break off or cannot be read; and connections, of which there may be only so many.

By whoever sends them they are no fault of ours: none is answered with 500, or logged with a trace.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from app.config import Config
from app.health import Health
from app.metrics import Metrics
from app.web import WebServer, bodies, create_web, guard, malformed
from tests.shard_fakes import until
from tests.web_parts import LOOKS, WRITES, Kept, Shelf, bearer, settings

ACKNOWLEDGE = "/api/v1/alerts/f1/acknowledge"
ROUTES = {"/signin": "/signin", ACKNOWLEDGE: "/api/v1/alerts/{fingerprint}/acknowledge"}
TYPES = {"/signin": "application/x-www-form-urlencoded", ACKNOWLEDGE: "application/json"}
PATHS = pytest.mark.parametrize("path", ["/signin", ACKNOWLEDGE])


class Served(NamedTuple):
    """A server as a worker has it, not that of a test client, which leaves out ``malformed``."""

    url: str
    port: int
    metrics: Metrics

    def refused(self, reason: str) -> float:
        return self.metrics.registry.get_sample_value("gnomon_web_refused_total", {"reason": reason}) or 0.0

    def answered(self, path: str, status: str) -> float:
        labels = {"route": ROUTES[path], "status": status}
        return self.metrics.registry.get_sample_value("gnomon_web_requests_total", labels) or 0.0


@asynccontextmanager
async def running() -> AsyncIterator[Served]:
    metrics = Metrics.on(CollectorRegistry(), "0.1.0")
    app = create_web(Config(web=settings()), Health(["serve"]), Shelf(), metrics, writer=Kept())
    server = WebServer(app, "127.0.0.1", 0)
    url = (await server.start()).rstrip("/")
    try:
        yield Served(url, int(url.rsplit(":", 1)[1]), metrics)
    finally:
        await server.stop()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with running() as served:
        yield served


@pytest.fixture
def faults(caplog: pytest.LogCaptureFixture) -> Iterator[list[Any]]:
    """What was logged as a fault, by us or by the library."""
    found: list[Any] = []
    with capture_logs() as logs:
        yield found
    found += [each for each in logs if each["log_level"] in {"error", "critical"}]
    found += [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert found == []


def head(path: str, framing: str, token: str = WRITES) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {token}",
        f"Content-Type: {TYPES[path]}",
        framing,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


@asynccontextmanager
async def connected(served: Served) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def status(reader: asyncio.StreamReader) -> int:
    """The status of the next answer, whose head is read; 0 where the connection was closed."""
    try:
        async with asyncio.timeout(30):
            return int((await reader.readuntil(b"\r\n\r\n")).split()[1])
    except (asyncio.IncompleteReadError, ConnectionError):
        return 0


async def get(session: aiohttp.ClientSession, served: Served, path: str) -> int:
    async with session.get(served.url + path, headers=bearer(LOOKS)) as response:
        return response.status


async def test_forms_that_do_not_come_keep_nobody_out(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "REQUESTS", guard.SIGN_INS)
    stuck = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(guard.SIGN_INS + 1)]
    for _, writer in stuck:
        writer.write(head("/signin", "Content-Length: 100"))
    await until(lambda: served.refused("busy") == 1)
    async with aiohttp.ClientSession() as session:
        assert [await get(session, served, path) for path in ("/api/v1/models", "/", "/signin", "/-/healthy")] == [200] * 4
        async with session.post(served.url + "/signin", data={"token": WRITES}) as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "1")
            assert f"{guard.SIGN_INS} sign-ins are under way" in await response.text()
        for _, writer in stuck:
            writer.close()
        await until(lambda: served.answered("/signin", "4xx") == guard.SIGN_INS)
        async with session.post(served.url + "/signin", data={"token": WRITES}, allow_redirects=False) as response:
            assert response.status == 303


@PATHS
async def test_a_body_that_does_not_come_is_waited_for_so_long(
    served: Served, path: str, monkeypatch: pytest.MonkeyPatch, faults: list[Any]
) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)
    async with connected(served) as (reader, writer):
        writer.write(head(path, "Content-Length: 100") + b"tok")
        assert await status(reader) == 408


@PATHS
async def test_a_body_that_breaks_off_is_no_fault_of_ours(served: Served, path: str, faults: list[Any]) -> None:
    async with connected(served) as (_, writer):
        writer.write(head(path, "Content-Length: 100") + b"tok")
        await writer.drain()
    await until(lambda: served.answered(path, "4xx") + served.answered(path, "5xx") == 1)
    assert served.answered(path, "5xx") == 0


@PATHS
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "identity", "x"])
async def test_a_body_in_a_coding_is_refused_unread(served: Served, path: str, coding: str, faults: list[Any]) -> None:
    async with connected(served) as (reader, writer):
        writer.write(head(path, f"Content-Encoding: {coding}\r\nContent-Length: 100"))
        assert await status(reader) == 415
        writer.write(b"\xff" * 100)
    async with connected(served) as (reader, writer):
        writer.write(head(path, f"Content-Encoding: {coding}\r\nContent-Length: 2") + b"zz")
        assert await status(reader) == 415


@PATHS
@pytest.mark.parametrize("token", [WRITES, "wrong"])
async def test_chunks_that_are_none_are_no_fault_of_ours(served: Served, path: str, token: str, faults: list[Any]) -> None:
    async with connected(served) as (reader, writer):
        writer.write(head(path, "Transfer-Encoding: chunked", token) + b"3\r\ntok\r\n")
        await writer.drain()
        writer.write(b"zz\r\n")
        assert await status(reader) in {400, 401}
    async with aiohttp.ClientSession() as session:
        assert await get(session, served, "/") == 200


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("", b"token=\xff", "the form is not UTF-8"),
        ("", b"a=1&" * (bodies.FIELDS + 1), "the form has more than 16 fields"),
        ("; charset=foo", b"token=x", "the charset of the form is 'foo'; allowed is utf-8"),
        ("; charset=hex", b"token=x", "allowed is utf-8"),
        ("; charset=zip", b"token=x", "allowed is utf-8"),
        ("; charset=utf-16", b"token=x", "allowed is utf-8"),
    ],
)
async def test_a_form_that_cannot_be_read_is_told_as_such(
    served: Served, kind: str, body: bytes, words: str, faults: list[Any]
) -> None:
    headers = {"Content-Type": TYPES["/signin"] + kind}
    async with (
        aiohttp.ClientSession() as session,
        session.post(served.url + "/signin", data=body, headers=headers) as response,
    ):
        assert response.status == 400
        assert words in (await response.json(content_type=None))["detail"]


async def test_of_a_field_that_is_there_twice_the_first_counts(served: Served) -> None:
    headers = {"Content-Type": TYPES["/signin"] + "; charset=UTF-8"}
    body = f"token={WRITES}&token=x&then=%2F%3Fmodel%3Dcredit"
    async with (
        aiohttp.ClientSession() as session,
        session.post(served.url + "/signin", data=body, headers=headers, allow_redirects=False) as response,
    ):
        assert (response.status, response.headers["Location"]) == (303, "/?model=credit")


async def test_no_more_connections_than_can_be_held(served: Served, monkeypatch: pytest.MonkeyPatch, faults: list[Any]) -> None:
    monkeypatch.setattr(malformed, "CONNECTIONS", 2)
    asked = b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with connected(served) as (reader, writer):
        writer.write(asked)
        assert await status(reader) == 200
        async with connected(served) as (other, writing):
            writing.write(asked)
            assert await status(other) == 200
            async with connected(served) as (third, refused):
                refused.write(asked)
                assert await status(third) == 0
            assert served.refused("connections") == 1

    async def answers() -> bool:
        async with connected(served) as (reader, writer):
            writer.write(asked)
            return await status(reader) == 200

    async with asyncio.timeout(30):
        while not await answers():
            pass


async def test_a_connection_that_asks_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(malformed, "IDLE_SECONDS", 0.05)
    async with running() as served, connected(served) as (reader, writer):
        assert await status(reader) == 0
    async with running() as served, connected(served) as (reader, writer):
        writer.write(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await status(reader) == 200
        async with asyncio.timeout(30):
            await reader.read()
