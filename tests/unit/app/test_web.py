"""Page, REST and probes over HTTP on a loopback socket, with a read model in memory."""

import doctest
from collections.abc import Callable
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it has no stubs
import msgspec
import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient

from app.config import Config
from app.health import Health
from app.metrics import Metrics
from app.read_model.views import Pairing, Signal, Stale
from app.web import WebServer, charts, create_web, words
from app.web.openapi import document
from app.web.problems import SECURITY_HEADERS
from tests.page_parts import NOTHING, Shelf, hostile
from tests.read_model_records import STATISTICS, fed, overview, statistics


async def test_models_are_given_by_name_without_what_makes_them_large(client: TestClient[Any, Any]) -> None:
    body = await (await client.get("/api/v1/models")).json()
    assert [model["name"] for model in body["models"]] == ["credit", "search"]
    credit = body["models"][0]
    assert (credit["state"], credit["alerts_open"], credit["pairing"]["match_rate"]) == ("drift", 1, 0.9)
    assert "history" not in credit["signals"][0]
    assert not {"statistics", "history", "baselines"} & credit["signals"][0].keys()
    one = (await (await client.get("/api/v1/models/credit")).json())["models"][0]
    assert one["signals"][0]["statistics"] == {"mean": 4.5}
    assert [point[2] for point in one["signals"][0]["history"]] == ["warning", "drift"]


async def test_models_come_in_pages(client: TestClient[Any, Any], shelf: Shelf) -> None:
    shelf.seen = overview(fed(*((STATISTICS, statistics(f"m{at}")) for at in range(5))))
    names: list[list[str]] = []
    after: str | None = ""
    while after is not None:
        body = await (await client.get("/api/v1/models", params={"limit": 2, "after": after})).json()
        names.append([model["name"] for model in body["models"]])
        after = body["next"]
    assert names == [["m0", "m1"], ["m2", "m3"], ["m4"]]


async def test_alerts_and_triggers_can_be_chosen(client: TestClient[Any, Any]) -> None:
    async def fingerprints(query: str) -> list[str]:
        return [found["fingerprint"] for found in (await (await client.get(f"/api/v1/alerts?{query}")).json())["alerts"]]

    assert await fingerprints("") == ["f1", "f2"]
    assert await fingerprints("status=resolved") == ["f2"]
    assert await fingerprints("model=search") == []
    assert await fingerprints("limit=1") == ["f1"]
    body = await (await client.get("/api/v1/triggers?model=credit")).json()
    assert body["triggers"][0]["trigger"]["reason"]["code"] == "data_drift"
    assert (await (await client.get("/api/v1/triggers?model=x")).json())["triggers"] == []


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/api/v1/nothing", 404, "there is no /api/v1/nothing"),
        ("/api", 404, "there is no /api"),
        ("/nothing", 404, "there is no /nothing"),
        ("/static/../application.py", 404, "there is no"),
        ("/static/nothing.js", 404, "there is no"),
        ("/api/v1/models/nobody", 404, "there is no model 'nobody'"),
        ("/api/v1/models?limit=0", 400, "limit is '0'; allowed: 1 to 1000"),
        ("/api/v1/models?limit=1001", 400, "allowed: 1 to 1000"),
        ("/api/v1/alerts?limit=x", 400, "limit is 'x'"),
        ("/api/v1/triggers?limit=%D9%A3", 400, "allowed: 1 to 1000"),
        ("/api/v1/alerts?status=open", 400, "status is 'open'; allowed: firing, resolved"),
        ("/api/v1/events?detail=all", 400, "detail is 'all'; allowed: full, revision"),
        ("/api/v1/alerts?state=firing", 400, "there is no parameter 'state'; allowed: after, limit, model, status"),
        ("/api/v1/pipeline?x=1", 400, "there is no parameter 'x'; allowed: none"),
        ("/api/v1/openapi.json?x=1", 400, "there is no parameter 'x'; allowed: none"),
        ("/api/v1/alerts?limit=1&limit=2", 400, "limit is given 2 times; allowed: once"),
        ("/api/v1/alerts?after=x", 400, "after is 'x'; allowed: the `next` of an answer to the same path"),
        ("/api/v1/alerts?after=WzFd", 400, "after is 'WzFd'; allowed: the `next`"),
        ("/api/v1/alerts?after=%C3%BC", 400, "allowed: the `next`"),
        (f"/api/v1/alerts?model={'x' * 1025}", 400, "allowed: 0 to 1024 characters"),
        ("/api/v1/models/credit/signals?kind=pairing", 400, "kind is 'pairing'; allowed: feature, missing, "),
        ("/api/v1/models/credit/signals?state=bad", 400, "allowed: drift, warning, warming, quiet"),
        ("/api/v1/models/credit/histograms", 400, "signal is ''; allowed: kind/name or kind"),
        ("/api/v1/models/credit/histograms?signal=feature/x", 404, "'credit' has no signal 'feature/x'"),
        ("/api/v1/models/credit/histograms?signal=feature/age&limit=101", 400, "allowed: 1 to 100"),
        ("/api/v1/models/credit/pairs?order=newest", 400, "order is 'newest'; allowed: disagreement"),
        ("/api/v1/models/nobody/signals", 404, "there is no model 'nobody'"),
        ("/api/v1/models/nobody/versions", 404, "there is no model 'nobody'"),
        ("/api/v1/models/nobody/histograms?signal=x", 404, "there is no model 'nobody'"),
        ("/api/v1/models/nobody/pairs", 404, "there is no model 'nobody'"),
        ("/api/v1/alerts/f9", 404, "there is no alert 'f9'"),
        ("/api/v1/triggers/t9", 404, "there is no trigger 't9'"),
        ("/api/v1/dead-letters?reason=bad", 400, "reason is 'bad'; allowed: not_json, "),
    ],
)
async def test_refusals_are_problems_that_say_what_is_allowed(
    client: TestClient[Any, Any], path: str, status: int, detail: str
) -> None:
    response = await client.get(path)
    assert response.status == status
    body = await problem_of(response)
    assert body["status"] == status
    assert detail in body["detail"]


async def problem_of(response: ClientResponse) -> dict[str, Any]:
    assert response.headers["Content-Type"].startswith("application/problem+json")
    body: dict[str, Any] = await response.json()
    assert set(body) == {"type", "title", "status", "detail"}
    return body


async def test_nothing_can_be_written(client: TestClient[Any, Any]) -> None:
    for path in ("/", "/api/v1/models", "/metrics", "/-/ready"):
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            response = await client.request(method, path)
            assert response.status == 405
            assert "allowed: GET" in (await problem_of(response))["detail"]


async def test_a_fault_of_ours_is_told_without_its_insides(client: TestClient[Any, Any], shelf: Shelf) -> None:
    shelf.seen = None  # type: ignore[assignment]  # what no reader gives
    response = await client.get("/api/v1/models")
    assert response.status == 500
    assert (await problem_of(response))["detail"] == "this is a fault of the service; its log says more"


async def test_a_read_model_that_was_never_read_is_503(client: TestClient[Any, Any], shelf: Shelf) -> None:
    shelf.seen = msgspec.structs.replace(NOTHING, as_of=None, stale=Stale(None, "Redis does not answer: refused"))
    for path in ("models", "models/x", "models/x/signals", "models/x/pairs", "alerts", "alerts/x", "triggers", "pipeline"):
        response = await client.get(f"/api/v1/{path}")
        assert response.status == 503
        assert "refused" in (await problem_of(response))["detail"]
    assert (await client.get("/")).status == 200


async def test_security_headers_are_on_every_answer(client: TestClient[Any, Any]) -> None:
    for path in ("/", "/api/v1/models", "/api/v1/events", "/nothing", "/static/live.js", "/metrics", "/-/healthy"):
        response = await client.get(path)
        assert SECURITY_HEADERS.items() <= response.headers.items(), path
        assert "Access-Control-Allow-Origin" not in response.headers
        response.close()


async def test_answers_are_what_the_openapi_document_says(client: TestClient[Any, Any], shelf: Shelf) -> None:
    served = await (await client.get("/api/v1/openapi.json")).json()
    assert served == msgspec.json.decode(msgspec.json.encode(document()))
    assert served["openapi"] == "3.1.0"
    app = client.server.app  # type: ignore[attr-defined]  # a TestServer has one
    routes = {route.canonical for route in app.router.resources() if route.canonical.startswith("/api/")}
    assert set(served["paths"]) == routes - {"/api/v1/openapi.json"}
    for seen in (shelf.seen, hostile(), NOTHING):
        shelf.seen = seen
        for path, operations in served["paths"].items():
            if path not in {"/api/v1/events", "/api/v1/models/{name}/pairs"} and "get" in operations:
                named = path.replace("{name}", "credit").replace("{fingerprint}", "f1").replace("{id}", "t1")
                query = "?signal=feature/age" if path.endswith(("/histograms", "/series")) else ""
                await answers_as_documented(client, named + query, operations["get"], served)


async def answers_as_documented(
    client: TestClient[Any, Any], path: str, operation: dict[str, Any], served: dict[str, Any]
) -> None:
    response = await client.get(path)
    content = operation["responses"][str(response.status)]["content"]
    schema = content[response.content_type]["schema"] | {"components": served["components"]}
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(await response.json(content_type=None), schema, cls=jsonschema.Draft202012Validator)


async def test_ready_names_the_role_that_is_not_and_why(client: TestClient[Any, Any], health: Health) -> None:
    async def ready() -> tuple[int, dict[str, Any]]:
        response = await client.get("/-/ready")
        return response.status, await response.json()

    status, body = await ready()
    assert status == 503
    assert body["waiting_for"] == [f"{role}: starting: waiting for the consumer group" for role in ("pair", "serve")]
    health.assign("pair", [0, 1])
    health.assign("serve", [])
    health.shard("pair", 0, "live")
    health.shard("pair", 1, "rebuilding", "replays 500 records")
    assert (await ready())[1]["waiting_for"] == ["pair: rebuilding: partition 1: replays 500 records"]
    health.shard("pair", 1, "live")
    status, body = await ready()
    assert status == 200
    assert body["roles"]["serve"] == {
        "state": "without_partitions", "reason": "the consumer group gave this member no partition", "partitions": [],
    }  # fmt: skip
    health.shard("pair", 0, "failed", "fenced")
    assert (await ready())[0] == 503
    health.assign("pair", [1])
    assert (await ready())[0] == 200
    health.forget("pair", 1)
    assert (await ready())[1]["roles"]["pair"]["state"] == "starting"
    health.fail("serve", "crashed")
    assert (await ready())[1]["waiting_for"][1] == "serve: failed: crashed"


async def test_healthy_until_the_process_is_about_to_end(client: TestClient[Any, Any], health: Health) -> None:
    assert (await client.get("/-/healthy")).status == 200
    health.stop("pair makes no progress")
    response = await client.get("/-/healthy")
    assert response.status == 503
    assert (await response.json())["reason"] == "pair makes no progress"
    assert (await client.get("/-/ready")).status == 503


async def test_metrics_are_served_and_requests_counted_by_route(client: TestClient[Any, Any], health: Health) -> None:
    health.assign("serve", [])
    for path in ("/", "/", "/api/v1/models/credit", "/api/v1/models/x", "/secret-1", "/secret-2"):
        await client.get(path)
    response = await client.get("/metrics")
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    lines = (await response.text()).splitlines()
    for line in (
        'gnomon_web_requests_total{route="/",status="2xx"} 2.0',
        'gnomon_web_requests_total{route="/api/v1/models/{name}",status="4xx"} 1.0',
        'gnomon_web_requests_total{route="unknown",status="4xx"} 2.0',
        'gnomon_role_ready{role="serve"} 1.0',
        'gnomon_role_ready{role="pair"} 0.0',
    ):
        assert line in lines


async def test_the_server_takes_a_free_port_and_says_which(shelf: Shelf, health: Health, metrics: Metrics) -> None:
    first = WebServer(create_web(Config(), health, shelf, metrics), "127.0.0.1", 0)
    url = await first.start()
    assert url == first.url
    port = int(url.rsplit(":", 1)[1].rstrip("/"))
    assert port > 0
    second = WebServer(create_web(Config(), health, shelf, metrics), "127.0.0.1", port)
    with pytest.raises(OSError, match="address already in use"):
        await second.start()
    await second.stop()
    await first.stop()


@pytest.mark.parametrize(
    ("score", "threshold", "width"),
    [(0.5, 1.0, 40), (1.0, 1.0, 80), (9.0, 1.0, 120), (-1.0, 1.0, 0), (1.0, 0.0, 120), (0.0, 0.0, 0), (1e308, 1e-300, 120)],
)
def test_a_bar_ends_inside_its_track(score: float, threshold: float, width: float) -> None:
    model = overview(fed((STATISTICS, statistics()))).models["credit"]
    signal: Signal = msgspec.structs.replace(model.signals[0], score=score, threshold=threshold)
    assert charts.score_bar(signal).width == width
    assert charts.sparkline(signal) is None


def test_outcomes_fill_the_bar() -> None:
    parts = charts.outcomes(Pairing(paired=2, legacy_only=1, solo=1))
    assert [(part.name, part.x, part.width) for part in parts] == [("paired", 0, 50), ("legacy_only", 50, 25), ("solo", 75, 25)]
    assert charts.outcomes(Pairing()) == []


@pytest.mark.parametrize("word", [words.clock, words.iso, words.decimal])
def test_no_number_is_too_strange_to_show(word: Callable[[Any], str]) -> None:
    for number in (0, -1, 2**63, -(2**63), 10**30):
        assert word(number)


def test_examples() -> None:
    assert doctest.testmod(words).failed == 0
