"""Page, REST and probes over HTTP on a loopback socket, with a read model in memory."""

import doctest
from collections.abc import AsyncIterator, Callable
from html.parser import HTMLParser
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it has no stubs
import msgspec
import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from app.config import Config
from app.health import Health
from app.metrics import Metrics
from app.read_model.gathering import Gathering
from app.read_model.views import Overview, Pairing, Signal, Stale
from app.web import WebServer, charts, create_web, words
from app.web.openapi import document
from app.web.page import MODELS_SHOWN
from app.web.problems import SECURITY_HEADERS
from tests.read_model_records import ALERTS, LETTERS, START_MS, STATISTICS, TRIGGERS, alert, fed, letter, overview, pairing

from tests.read_model_records import statistics, trigger  # isort: skip

HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}{%raw%}&lt;\u202e"
NOTHING = Gathering().view(0, START_MS, {0: START_MS})


class Shelf:
    """A read model that is what a test puts in."""

    def __init__(self) -> None:
        self.seen = overview(
            fed(
                (STATISTICS, pairing(read=20, paired=9, legacy_only=1, duplicate=2)),
                (STATISTICS, statistics(state="warning", mean=3.5)),
                (STATISTICS, statistics(minute=1, state="drift", score=1.4, mean=4.5)),
                (STATISTICS, statistics("search", "8")),
                (ALERTS, alert()),
                (ALERTS, alert("resolved", fingerprint="f2")),
                (TRIGGERS, trigger()),
                (LETTERS, letter()),
            )
        )

    async def current(self) -> Overview:
        return self.seen


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def health() -> Health:
    return Health(["pair", "serve"])


@pytest.fixture
def metrics() -> Metrics:
    return Metrics.on(CollectorRegistry(), "0.1.0")


@pytest.fixture
async def client(shelf: Shelf, health: Health, metrics: Metrics) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(create_web(Config(), health, shelf, metrics))) as client:
        yield client


class Seen(HTMLParser):
    """Every element of a page with its attributes, and the text of each."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.text += "" if tag == "wbr" else " "

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


async def page_of(client: TestClient[Any, Any]) -> Seen:
    response = await client.get("/")
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    return Seen(await response.text())


def hostile() -> Overview:
    return overview(
        fed(
            (STATISTICS, statistics(HOSTILE, HOSTILE, name=HOSTILE, segment={HOSTILE: HOSTILE}, state="drift")),
            (STATISTICS, pairing(HOSTILE, read=1, legacy_only=1)),
            (ALERTS, alert(labels={"alertname": HOSTILE, "model": HOSTILE, "severity": HOSTILE, "signal": HOSTILE})),
            (ALERTS, alert(fingerprint="x", annotations={"summary": HOSTILE, "description": HOSTILE}, startsAt=HOSTILE)),
            (TRIGGERS, trigger(HOSTILE, model=HOSTILE)),
            (LETTERS, letter(HOSTILE, HOSTILE, 1, HOSTILE)),
        )
    )


async def test_the_page_shows_what_matters(client: TestClient[Any, Any]) -> None:
    seen = await page_of(client)
    for words_shown in (
        "Alerts firing 1", "FeatureDrift", "1 drifting", "90.00 %", "9 of 10", "feature/age", "▲ Drift", "1.40, drift from 1.00",
        "age has moved", "data drift", "pairs[1] 5 to 45", "0123456789ab…", "2 held back", "predictions.legacy[0] 7",
        "4 s too late", "1 resolved", "legacy 1.4.0", "duplicate 2",
    ):  # fmt: skip
        assert words_shown in seen.words, words_shown


async def test_a_firing_alert_has_what_its_signal_says_now_beside_it(client: TestClient[Any, Any], shelf: Shelf) -> None:
    labels = {"alertname": "FeatureDrift", "severity": "warning", "model": "credit", "version": "1.4.0", "signal": "feature/age"}
    newest = statistics(minute=3, state="drift", share=0.25, reference_share=0.5)
    shelf.seen = overview(fed((STATISTICS, newest), (ALERTS, alert(labels=labels))))
    said = "Newest window, 1,000 events up to 2026-09-21 14:17:20: 25.00 %, in the reference 50.00 %."
    assert f"age has moved by two years {said}" in (await page_of(client)).words
    shelf.seen = overview(fed((STATISTICS, newest), (ALERTS, alert(labels=labels)), (ALERTS, alert("resolved", labels=labels))))
    assert "Newest window" not in (await page_of(client)).words


async def test_drifting_models_come_first_and_no_more_than_can_be_read(client: TestClient[Any, Any], shelf: Shelf) -> None:
    records = [statistics(f"m{at:03}", state="drift" if at == MODELS_SHOWN + 7 else "quiet") for at in range(MODELS_SHOWN + 10)]
    shelf.seen = overview(fed(*((STATISTICS, record) for record in records)))
    seen = await page_of(client)
    assert len(seen.all("article")) == MODELS_SHOWN
    assert seen.words.index(f"m{MODELS_SHOWN + 7:03}") < seen.words.index("m000")
    assert f"{MODELS_SHOWN} that matter most of {MODELS_SHOWN + 10} models" in seen.words


async def test_hostile_names_stay_text(client: TestClient[Any, Any], shelf: Shelf) -> None:
    safe = await page_of(client)
    shelf.seen = hostile()
    seen = await page_of(client)
    assert seen.all("script") == safe.all("script") == [{"src": "/static/live.js", "defer": None}]
    assert seen.all("img") == safe.all("img")
    assert not [name for _, attributes in seen.elements for name in attributes if name.startswith("on") or name == "style"]
    assert {tag for tag, _ in seen.elements} <= {tag for tag, _ in safe.elements} | {"wbr"}
    assert seen.text.count("<script>alert(1)</script>") > 10
    assert "49" not in seen.text.split("gnomon 0.1.0")[0].replace("14:49", "")


async def test_the_page_needs_nothing_that_the_policy_forbids(client: TestClient[Any, Any]) -> None:
    response = await client.get("/")
    seen = Seen(await response.text())
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert not seen.all("style")
    assert not [attributes for _, attributes in seen.elements if "style" in attributes]
    links = [a["href"] for a in seen.all("link") + seen.all("a")] + [a["src"] for a in seen.all("img") + seen.all("script")]
    assert links
    for link in links:
        assert link is not None
        assert link.startswith(("/", "#")), link
        if link.startswith("/"):
            assert (await client.get(link)).status in {200, 503}, link
    ids = [attributes["id"] for _, attributes in seen.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in links if link and link.startswith("#")} <= set(ids)


async def test_tables_have_captions_and_drawings_have_words(client: TestClient[Any, Any]) -> None:
    seen = await page_of(client)
    tables = len(seen.all("table"))
    assert tables >= 9
    assert len(seen.all("caption")) == tables
    assert all(attributes.get("scope") in {"row", "col"} for attributes in seen.all("th"))
    assert all("aria-hidden" in attributes or attributes.get("role") == "img" for attributes in seen.all("svg"))
    assert [attributes["lang"] for attributes in seen.all("html")] == ["en"]


async def test_an_empty_page_says_what_to_do(client: TestClient[Any, Any], shelf: Shelf) -> None:
    shelf.seen = NOTHING
    seen = await page_of(client)
    for words_shown in (
        "Publish to predictions.legacy and predictions.shadow",
        "python -m load",
        "No alert is firing",
        "Nothing was refused",
    ):
        assert words_shown in seen.words
    shelf.seen = msgspec.structs.replace(NOTHING, stale=Stale(None, "being rebuilt from the log: partition 0"))
    seen = await page_of(client)
    assert "Not complete yet. being rebuilt from the log: partition 0" in seen.words
    assert "Nothing to show yet" in seen.words


async def test_a_stale_page_says_since_when_and_why(client: TestClient[Any, Any], shelf: Shelf) -> None:
    shelf.seen = msgspec.structs.replace(shelf.seen, stale=Stale(START_MS, "Redis does not answer: refused"))
    assert "Stale since 2026-09-21 14:13:20. Redis does not answer: refused" in (await page_of(client)).words


async def test_the_equation_is_shown_where_it_is_known(client: TestClient[Any, Any], metrics: Metrics) -> None:
    assert "Events unaccounted for counted by the workers with the role pair" in (await page_of(client)).words
    metrics.figures("pair", 0, {"unaccounted": 0})
    assert "Events unaccounted for ✓ 0" in (await page_of(client)).words
    metrics.figures("pair", 1, {"unaccounted": 3})
    assert "Events unaccounted for ▲ 3" in (await page_of(client)).words


async def test_a_page_that_did_not_change_is_not_sent_again(client: TestClient[Any, Any], shelf: Shelf, health: Health) -> None:
    tag = (await client.get("/")).headers["ETag"]
    assert (await client.get("/", headers={"If-None-Match": tag})).status == 304
    health.assign("pair", [])
    tag_of_health = (await client.get("/", headers={"If-None-Match": tag})).headers["ETag"]
    shelf.seen = NOTHING
    response = await client.get("/", headers={"If-None-Match": tag_of_health})
    assert response.status == 200
    assert len({tag, tag_of_health, response.headers["ETag"]}) == 3


async def test_models_are_given_by_name_without_what_makes_them_large(client: TestClient[Any, Any]) -> None:
    body = await (await client.get("/api/v1/models")).json()
    assert [model["name"] for model in body["models"]] == ["credit", "search"]
    credit = body["models"][0]
    assert (credit["state"], credit["alerts_open"], credit["pairing"]["match_rate"]) == ("drift", 1, 0.9)
    assert "history" not in credit["signals"][0]
    assert "statistics" not in credit["signals"][0]
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
    for path in ("models", "models/x", "alerts", "triggers", "pipeline"):
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
            if path != "/api/v1/events":
                await answers_as_documented(client, path.replace("{name}", "credit"), operations["get"], served)


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
