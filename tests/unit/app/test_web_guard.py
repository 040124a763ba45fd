"""Who is let in: nothing is open that is not meant to be, and no page of another site can have a browser write here."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from app.config import Config
from app.health import Health
from app.metrics import Metrics
from app.web import create_web, guard
from app.web.problems import SECURITY_HEADERS
from tests.web_parts import LOOKS, SAID, TOKENS, WRITES, Kept, Shelf, bearer, detail_of, refusals, serving, settings

ACKNOWLEDGE = "/api/v1/alerts/f1/acknowledge"
#: All that answers without a token where one is asked for.
OPEN = {
    ("GET", "/-/healthy"), ("HEAD", "/-/healthy"), ("GET", "/-/ready"), ("HEAD", "/-/ready"),
    ("GET", "/signin"), ("HEAD", "/signin"), ("POST", "/signin"), ("POST", "/signout"),
}  # fmt: skip


def routes() -> list[tuple[str, str]]:
    app = create_web(Config(), Health([]), Shelf(), Metrics.on(CollectorRegistry(), "0"), writer=Kept())
    return sorted({(route.method, route.resource.canonical) for route in app.router.routes() if route.resource is not None})


@pytest.fixture
async def client() -> AsyncIterator[TestClient[Any, Any]]:
    async with serving(settings()) as client:
        yield client


def test_there_are_routes_of_each_kind() -> None:
    assert len(routes()) > 30
    assert set(routes()) > OPEN
    assert {method for method, _ in routes()} == {"GET", "HEAD", "POST", "DELETE"}


@pytest.mark.parametrize(("method", "path"), [route for route in routes() if route not in OPEN])
@pytest.mark.parametrize(
    "headers",
    [{}, bearer("wrong-0123456789abcdef"), bearer(""), {"Authorization": f"Basic {WRITES}"}, {"Cookie": "gnomon_session=x.y.z"}],
    ids=["nothing", "wrong", "empty", "basic", "cookie"],
)
async def test_each_route_is_closed_without_a_token(
    client: TestClient[Any, Any], method: str, path: str, headers: dict[str, str]
) -> None:
    where = re.sub(r"{\w+}", "f1", path)
    response = await client.request(method, where, headers=headers, **({"json": SAID} if method in {"POST", "DELETE"} else {}))
    assert response.status == 401
    assert response.headers["WWW-Authenticate"].startswith('Bearer realm="gnomon"')
    assert all(response.headers[name] == value for name, value in SECURITY_HEADERS.items())


async def raw(client: TestClient[Any, Any], text: str) -> int:
    """The status of what comes back for these very bytes, since a client tidies up what it sends."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    try:
        writer.write(text.replace("HERE", f"{client.host}:{client.port}").encode())
        return int((await reader.readline()).split()[1])
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    "target",
    [
        "/nothing", "/api/v1/nothing", "/static/../signin", "/static/%2e%2e/signin", "/signin/", "//signin", "/-/", "/-/healthy/",
        "/-/healthy/../../metrics", "/SIGNIN", "/signin;x", "/signin%2f", "/-/ready%00", "http://evil.example/metrics",
    ],
)  # fmt: skip
async def test_what_is_not_there_is_closed_too(client: TestClient[Any, Any], target: str) -> None:
    assert await raw(client, f"GET {target} HTTP/1.1\r\nHost: HERE\r\n\r\n") == 401
    assert await raw(client, f"POST {target} HTTP/1.1\r\nHost: HERE\r\nContent-Length: 0\r\n\r\n") == 401


@pytest.mark.parametrize("host", ["", "Host: HERE\r\nHost: evil.example\r\n", "Host: HERE\r\nHost: HERE\r\n", "Host:\r\n"])
async def test_a_request_has_one_host(host: str) -> None:
    async with serving(settings(None)) as client:
        assert await raw(client, f"GET /metrics HTTP/1.1\r\n{host}\r\n") in {400, 421}
        assert await raw(client, f"GET /metrics HTTP/1.0\r\n{host}\r\n") in {400, 421}
        assert await raw(client, "GET /metrics HTTP/1.0\r\nHost: HERE\r\n\r\n") == 200


async def test_the_open_ones_answer_without_a_token(client: TestClient[Any, Any]) -> None:
    statuses = {route: (await client.request(*route, allow_redirects=False)).status for route in OPEN}
    assert {status for (_, path), status in statuses.items() if path == "/-/healthy"} == {200}
    assert {status for (_, path), status in statuses.items() if path == "/-/ready"} == {503}
    assert statuses["GET", "/signin"] == 200
    assert statuses["POST", "/signin"] == 415
    assert statuses["POST", "/signout"] == 303


async def test_metrics_are_open_where_that_is_set() -> None:
    web = settings()
    async with serving(replace(web, auth=replace(web.auth, metrics=True))) as client:
        assert (await client.get("/metrics")).status == 200
        assert (await client.get("/api/v1/models")).status == 401


async def test_a_token_lets_look_and_the_right_one_lets_write(client: TestClient[Any, Any]) -> None:
    for token in (LOOKS, WRITES):
        for path in ("/", "/api/v1/models", "/static/live.js", "/metrics"):
            assert (await client.get(path, headers=bearer(token))).status == 200
    refused = await client.post(ACKNOWLEDGE, json={"why": "x"}, headers=bearer(LOOKS))
    assert (refused.status, await detail_of(refused)) == (403, "bob may look, and not write")
    assert (await client.post(ACKNOWLEDGE, json={"why": "x"}, headers=bearer(WRITES))).status == 202
    assert (await refusals(client)) == {"rights": 1}


async def test_what_needs_a_token_is_kept_by_no_shared_cache(client: TestClient[Any, Any]) -> None:
    for path in ("/", "/api/v1/models", "/static/live.js"):
        assert "private" in (await client.get(path, headers=bearer(LOOKS))).headers["Cache-Control"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 202),
        ({"Origin": "http://HERE"}, 202),
        ({"Origin": "http://HERE", "Sec-Fetch-Site": "same-origin"}, 202),
        ({"Sec-Fetch-Site": "none"}, 202),
        ({"Origin": "https://gnomon.example"}, 202),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "https://HERE"}, 202),
        ({"Origin": "http://HERE.evil.example"}, 403),
        ({"Origin": "http://HERE/"}, 403),
        ({"Origin": "http://user@HERE"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "http://localhost"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://[::1"}, 403),
        ({"Origin": "http://gnomon.example:99999"}, 403),
        ({"Origin": "file://"}, 403),
        ({"Origin": "http://HERE", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
async def test_a_page_of_another_origin_writes_nothing(headers: dict[str, str], status: int) -> None:
    writer = Kept()
    async with serving(settings(None, allowed_hosts=("gnomon.example",)), writer) as client:
        here = f"{client.host}:{client.port}"
        sent = {name: value.replace("HERE", here) for name, value in headers.items()}
        for path, body in ((ACKNOWLEDGE, SAID), ("/api/v1/silences", SAID | {"model": "credit", "minutes": 5})):
            response = await client.post(path, json=body, headers=sent)
            assert response.status == status, await response.text()
        assert len(writer.actions) == (2 if status == 202 else 0)
        assert (await client.get("/api/v1/models", headers=sent)).status == 200, "looking is for the browser to refuse"


async def test_the_form_of_another_site_signs_nobody_in_or_out(client: TestClient[Any, Any]) -> None:
    for path in ("/signin", "/signout"):
        response = await client.post(path, data={"token": WRITES}, headers={"Origin": "https://evil.example"})
        assert response.status == 403
        assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
async def test_a_form_writes_nothing(content_type: str | None) -> None:
    """A browser sends these to anywhere without asking first."""
    writer = Kept()
    async with serving(settings(None), writer) as client:
        headers = {} if content_type is None else {"Content-Type": content_type}
        response = await client.post(ACKNOWLEDGE, data=b'{"by": "x", "why": "y"}', headers=headers)
        assert response.status == 415
        assert "allowed is application/json" in await detail_of(response)
    assert writer.actions == []


async def status_of(client: TestClient[Any, Any], host: str, method: str = "GET", path: str = "/api/v1/models") -> int:
    body = {"json": SAID} if method == "POST" else {}
    return (await client.request(method, path, headers={"Host": host}, **body)).status


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:80", "10.1.2.3", "a.localhost", "gnomon.example"]
)
async def test_a_name_that_is_ours_is_answered(host: str) -> None:
    async with serving(settings(None, allowed_hosts=("gnomon.example",))) as client:
        assert await status_of(client, host) == 200
        assert await status_of(client, host, "POST", ACKNOWLEDGE) == 202


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example",
        "x:y", ".",
    ],
)  # fmt: skip
async def test_a_name_that_was_made_to_lead_here_is_not(host: str) -> None:
    async with serving(settings(None)) as client:
        for method, path in (
            ("GET", "/"),
            ("GET", "/api/v1/events"),
            ("GET", "/metrics"),
            ("POST", ACKNOWLEDGE),
            ("GET", "/none"),
        ):
            assert await status_of(client, host, method, path) == 421
        assert await status_of(client, host, "GET", "/-/healthy") == 200
        assert (await refusals(client)) == {"host": 5}


async def test_in_a_network_any_name_may_look_and_with_a_token_write() -> None:
    async with serving(settings(None, host="0.0.0.0", writes="on")) as client:
        assert await status_of(client, "gnomon.example") == 200
        assert await status_of(client, "gnomon.example", "POST", ACKNOWLEDGE) == 421
        assert await status_of(client, "10.1.2.3", "POST", ACKNOWLEDGE) == 202
    async with serving(settings(None, host="0.0.0.0", allowed_hosts=("gnomon.example",))) as client:
        assert await status_of(client, "gnomon.example") == 200
        assert await status_of(client, "evil.example") == 421
    async with serving(settings(host="0.0.0.0")) as client:
        headers = bearer(WRITES) | {"Host": "gnomon.example"}
        assert (await client.post(ACKNOWLEDGE, json={"why": "x"}, headers=headers)).status == 202


@pytest.mark.parametrize(
    ("tokens", "host", "writes", "status"),
    [
        (None, "127.0.0.1", "auto", 202), (None, "::1", "auto", 202), (None, "localhost", "auto", 202),
        (None, "0.0.0.0", "auto", 403), (None, "10.1.2.3", "auto", 403), (None, "0.0.0.0", "on", 202),
        (None, "127.0.0.1", "off", 403), (TOKENS, "0.0.0.0", "auto", 202), (TOKENS, "0.0.0.0", "off", 403),
    ],
)  # fmt: skip
async def test_where_people_may_write(tokens: str | None, host: str, writes: str, status: int) -> None:
    async with serving(settings(tokens, host=host, writes=writes)) as client:
        response = await client.post(ACKNOWLEDGE, json={"by": "ada", "why": "x"}, headers=bearer(WRITES))
        assert response.status == status
        assert (await (await client.get("/api/v1/me", headers=bearer(WRITES))).json())["may_write"] == (status == 202)


async def test_no_more_requests_than_can_be_served_and_probes_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(settings(None)) as client:
        monkeypatch.setattr(guard, "REQUESTS", 0)
        refused = await client.get("/api/v1/models")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
        assert (await client.get("/-/healthy")).status == 200
        async with client.get("/api/v1/events") as stream:  # streams have a bound of their own
            assert stream.status == 200
        monkeypatch.setattr(guard, "REQUESTS", 1)
        assert (await client.get("/api/v1/models")).status == 200


async def test_a_body_that_is_too_large_is_refused() -> None:
    async with serving(settings(None)) as client:
        response = await client.post(ACKNOWLEDGE, json=SAID | {"why": "x" * 16_384})
        assert response.status == 413
        assert "16384" in await detail_of(response)
