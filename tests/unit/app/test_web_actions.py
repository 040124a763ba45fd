"""What people decide over HTTP becomes the very action that the command writes, once; what cannot be is refused by name."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it has no stubs
import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiokafka.errors import KafkaConnectionError
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from app.actions import ActionWriter, NoTopicError, Sent
from app.config import Config, KafkaSettings
from app.health import Health
from app.metrics import Metrics
from app.read_model.gathering import Gathering
from app.web import actions, create_web, repeats
from app.web.openapi import document
from schemas.action import Action
from schemas.control_codec import ActionDecoder
from schemas.events import action_event
from schemas.limits import Limits
from tests.read_model_records import ACTIONS, START_MS, STATISTICS, Record, fed, overview, statistics

from tests.read_model_records import action as said_of  # isort: skip
from tests.web_parts import SAID, WRITES, Kept, Shelf, bearer, detail_of, serving, settings

ACKNOWLEDGE = "/api/v1/alerts/f1/acknowledge"
HOUR_MS = 3_600_000


@pytest.fixture
def writer() -> Kept:
    return Kept()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
async def client(writer: Kept, shelf: Shelf) -> AsyncIterator[TestClient[Any, Any]]:
    async with serving(settings(None), writer, shelf) as client:
        yield client


WAYS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("POST", ACKNOWLEDGE, {}, {"action": "acknowledge", "subject": "credit", "fingerprint": "f1"}),
    (
        "POST", "/api/v1/alerts/f3/acknowledge", {},
        {"action": "acknowledge", "subject": "predictions.shadow", "fingerprint": "f3"},
    ),
    ("POST", "/api/v1/triggers/waits/approve", {}, {"action": "approve", "subject": "credit", "trigger_id": "waits"}),
    ("POST", "/api/v1/triggers/waits/reject", {}, {"action": "reject", "subject": "credit", "trigger_id": "waits"}),
    ("POST", "/api/v1/models/credit/triggers", {}, {"action": "trigger", "subject": "credit"}),
    (
        "POST", "/api/v1/silences", {"model": "credit", "minutes": 60, "match": {"signal": "feature/age"}},
        {"action": "silence", "subject": "credit", "matchers": {"signal": "feature/age"}},
    ),
    (
        "POST", "/api/v1/silences", {"model": "credit", "minutes": 60},
        {"action": "silence", "subject": "credit", "matchers": {"model": "credit"}},
    ),
    (
        "POST", "/api/v1/silences", {"topic": "predictions.legacy", "minutes": 60},
        {"action": "silence", "subject": "predictions.legacy", "matchers": {"topic": "predictions.legacy"}},
    ),
    (
        "DELETE", "/api/v1/silences/credit:9d2c", {},
        {"action": "unsilence", "subject": "credit", "silence": "credit:9d2c"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "expected"), WAYS)
async def test_each_decision_is_an_action_that_decide_can_read(
    client: TestClient[Any, Any], writer: Kept, method: str, path: str, body: dict[str, Any], expected: dict[str, Any]
) -> None:
    before = int(time.time() * 1000)
    with capture_logs() as logs:
        response = await client.request(method, path, json=SAID | body)
    assert response.status == 202, await response.text()
    [action] = writer.actions
    seen = msgspec.to_builtins(action)
    assert seen | expected | SAID == seen
    assert before <= action.timestamp <= time.time() * 1000
    assert (action.until is None) == (action.action != "silence")
    answer = await response.json()
    assert {name: answer[name] for name in ("id", "subject", "by", "until")} == {
        name: seen[name] for name in ("id", "subject", "by", "until")
    }
    assert (answer["topic"], answer["partition"], answer["offset"]) == ("actions", 2, 0)
    event = action_event(action)
    record = Record(event.value, event.headers, 0, action.timestamp, event.key)
    assert ActionDecoder(Limits())(record) == action
    assert ("an action was written", "ada") in [(line["event"], line.get("by")) for line in logs]


async def test_a_silence_lasts_as_long_as_was_said_and_its_id_takes_it_back(client: TestClient[Any, Any], writer: Kept) -> None:
    body = SAID | {"model": "credit", "minutes": 60}
    answer = await (await client.post("/api/v1/silences", json=body)).json()
    assert 0 <= writer.actions[0].timestamp + HOUR_MS - answer["until"] < 1_000
    assert answer["id"].startswith("credit:")
    assert (await client.delete(f"/api/v1/silences/{answer['id']}", json=SAID)).status == 202
    assert writer.actions[1].silence == writer.actions[0].id


async def test_a_silence_is_taken_back_by_any_id_that_it_has_and_only_while_it_holds(
    client: TestClient[Any, Any], writer: Kept, shelf: Shelf
) -> None:
    silences = [said_of(id=id_, matchers={"signal": id_}) for id_ in ("mine", "credit:over")]
    over = said_of("unsilence", minute=1, silence="credit:over")
    shelf.seen = overview(fed((STATISTICS, statistics()), *((ACTIONS, each) for each in (*silences, over))))
    assert (await client.delete("/api/v1/silences/mine", json=SAID)).status == 202
    assert [(each.subject, each.silence) for each in writer.actions] == [("credit", "mine")]
    response = await client.delete("/api/v1/silences/credit:over", json=SAID)
    assert (response.status, await detail_of(response)) == (409, "the silence 'credit:over' holds nothing back: it is ended")
    assert len(writer.actions) == 1


async def test_a_silence_of_which_the_time_is_over_is_taken_back_too_since_it_may_still_hold_for_an_older_time(
    client: TestClient[Any, Any], writer: Kept, shelf: Shelf
) -> None:
    silence = said_of(id="mine", matchers={"model": "credit"})
    shelf.seen = overview(fed((ACTIONS, silence), (STATISTICS, statistics(minute=90))))
    assert [(each.status, each.end) for each in shelf.seen.silences] == [("ended", "time")]
    assert (await client.delete("/api/v1/silences/mine", json=SAID)).status == 202
    assert [each.silence for each in writer.actions] == ["mine"]


async def test_of_two_silences_of_one_id_the_subject_says_which(client: TestClient[Any, Any], writer: Kept, shelf: Shelf) -> None:
    silences = [said_of(id=id_, subject=name, matchers={"model": name}) for id_ in ("x", "..") for name in ("fraud", "credit")]
    known = [(STATISTICS, statistics()), (STATISTICS, statistics("fraud"))]
    shelf.seen = overview(fed(*known, *((ACTIONS, each) for each in silences)))
    response = await client.delete("/api/v1/silences/x", json=SAID)
    assert (response.status, await detail_of(response)) == (
        409, "there are silences 'x' of credit, fraud; the parameter `model` says which",
    )  # fmt: skip
    headers = {"Idempotency-Key": "k"}
    for query in ("x?model=fraud", "x?model=credit", "?id=..&model=credit", "let-go?model=fraud"):
        assert (await client.delete(f"/api/v1/silences/{query}", json=SAID, headers=headers)).status == 202
    taken = [(each.subject, each.silence) for each in writer.actions]
    assert taken == [("fraud", "x"), ("credit", "x"), ("credit", ".."), ("fraud", "let-go")]
    refused = {"x?model=none": 404, "?model=credit": 404, "": 404, f"x?model={'l' * 1_025}": 400, f"x?id={'l' * 1_025}": 400}
    for query, status in refused.items():
        assert (await client.delete(f"/api/v1/silences/{query}", json=SAID)).status == status


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("POST", "/api/v1/alerts/none/acknowledge", SAID, 404, "there is no alert 'none'"),
        ("POST", "/api/v1/alerts/f2/acknowledge", SAID, 409, "the alert f2 is resolved"),
        ("POST", "/api/v1/triggers/none/approve", SAID, 404, "there is no trigger 'none'"),
        ("POST", "/api/v1/triggers/approved/approve", SAID, 409, "its state is approved"),
        ("POST", "/api/v1/triggers/approved/reject", SAID, 409, "its state is approved"),
        ("POST", "/api/v1/models/none/triggers", SAID, 404, "there is no model 'none'"),
        ("DELETE", "/api/v1/silences/9d2c", SAID, 404, "there is no silence '9d2c' in the read model"),
        ("DELETE", "/api/v1/silences/none:9d2c", SAID, 404, "there is no silence 'none:9d2c'"),
        ("POST", ACKNOWLEDGE, {"why": "x"}, 422, "missing required field `by`"),
        ("POST", ACKNOWLEDGE, {"by": "x"}, 422, "missing required field `why`"),
        ("POST", ACKNOWLEDGE, SAID | {"why": ""}, 422, "length >= 1 - at `$.why`"),
        ("POST", ACKNOWLEDGE, SAID | {"why": "x" * 1_001}, 422, "length <= 1000 - at `$.why`"),
        ("POST", ACKNOWLEDGE, SAID | {"by": 5}, 422, "at `$.by`"),
        ("POST", ACKNOWLEDGE, SAID | {"note": "x"}, 422, "unknown field `note`"),
        ("POST", ACKNOWLEDGE, [SAID], 422, "Expected `object`"),
        ("POST", "/api/v1/silences", SAID | {"model": "credit"}, 422, "missing required field `minutes`"),
        ("POST", "/api/v1/silences", SAID | {"minutes": 5}, 422, "one of `model` and `topic` is needed"),
        ("POST", "/api/v1/silences", SAID | {"minutes": 5, "model": "credit", "topic": "pairs"}, 422, "and not both"),
        ("POST", "/api/v1/silences", SAID | {"minutes": 5, "model": "none"}, 404, "there is no model 'none'"),
        ("POST", "/api/v1/silences", SAID | {"minutes": 5, "topic": "pairs"}, 422, "allowed: predictions.legacy, pred"),
        ("POST", "/api/v1/silences", SAID | {"minutes": 0, "model": "credit"}, 422, ">= 1 - at `$.minutes`"),
        ("POST", "/api/v1/silences", SAID | {"minutes": 129_601, "model": "credit"}, 422, "<= 129600 - at `$.minutes`"),
        ("POST", "/api/v1/silences", SAID | {"minutes": 1.5, "model": "credit"}, 422, "at `$.minutes`"),
        ("POST", "/api/v1/silences", SAID | {"minutes": 5, "model": "credit", "match": {"a": 1}}, 422, "at `$.match[...]`"),
        (
            "POST", "/api/v1/silences",
            SAID | {"minutes": 5, "model": "credit", "match": {f"l{n}": "x" for n in range(17)}}, 422, "at `$.match`",
        ),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_and_nothing_is_written(
    client: TestClient[Any, Any], writer: Kept, method: str, path: str, body: Any, status: int, says: str
) -> None:
    response = await client.request(method, path, json=body)
    assert response.status == status, await response.text()
    assert says in await detail_of(response)
    assert writer.actions == []
    operations: dict[str, Any] = document()["paths"]
    assert any(str(status) in each.get(method.lower(), {}).get("responses", {}) for each in operations.values())


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"by": "x", "why": "\\ud800"}', b"[" * 5_000])
async def test_a_body_that_is_no_json_is_refused(client: TestClient[Any, Any], body: bytes) -> None:
    response = await client.post(ACKNOWLEDGE, data=body, headers={"Content-Type": "application/json"})
    assert response.status in {400, 422}
    assert await detail_of(response)


@pytest.mark.parametrize("name", ["<script>", "../../x", "%00", "é" * 200, "a\r\nb"])
async def test_a_hostile_name_is_a_name_that_there_is_not(client: TestClient[Any, Any], name: str) -> None:
    for path in ("alerts/{}/acknowledge", "triggers/{}/approve", "models/{}/triggers"):
        url = client.make_url("/api/v1/") / path.split("/")[0] / name / path.split("/")[2]
        response = await client.session.post(url, json=SAID)
        assert response.status == 404
        assert response.headers["Content-Type"].startswith("application/problem+json")


async def test_who_decides_is_who_is_signed_in(writer: Kept) -> None:
    async with serving(settings(), writer) as client:
        for body, status in (({"why": "x"}, 202), ({"why": "x", "by": "ada"}, 202), ({"why": "x", "by": "eve"}, 422)):
            assert (await client.post(ACKNOWLEDGE, json=body, headers=bearer(WRITES))).status == status
    assert [action.by for action in writer.actions] == ["ada", "ada"]


async def test_the_same_key_twice_is_one_action_whatever_has_become_of_it_by_then(
    client: TestClient[Any, Any], writer: Kept, shelf: Shelf
) -> None:
    headers, path = {"Idempotency-Key": "k1"}, "/api/v1/triggers/waits/approve"
    first = await client.post(path, json=SAID, headers=headers)
    shelf.seen = msgspec.structs.replace(shelf.seen, triggers=[])
    again = await client.post(path, json=SAID, headers=headers)
    assert (first.status, again.status) == (202, 202)
    assert await first.json() == await again.json()
    assert len(writer.actions) == 1
    other = await client.post(path, json=SAID | {"why": "other"}, headers=headers)
    assert (other.status, await detail_of(other)) == (
        422, "the header Idempotency-Key has come with another body before; allowed is a new key",
    )  # fmt: skip
    assert (await client.post(path, json=SAID, headers={"Idempotency-Key": "k2"})).status == 404
    bad = await client.post(path, json=SAID, headers={"Idempotency-Key": "é"})
    assert (bad.status, (await client.post(path, json=SAID, headers={"Idempotency-Key": "k" * 256})).status) == (400, 400)


async def test_another_worker_gives_the_same_key_the_same_id_and_no_other_request() -> None:
    ids = []
    for _ in range(2):
        writer = Kept()
        async with serving(settings(None), writer) as client:
            for path in (ACKNOWLEDGE, "/api/v1/models/credit/triggers", "/api/v1/triggers/waits/reject"):
                await client.post(path, json=SAID, headers={"Idempotency-Key": "k1"})
            await client.post(ACKNOWLEDGE, json=SAID | {"by": "bob"}, headers={"Idempotency-Key": "k1"})
            await client.post(ACKNOWLEDGE, json=SAID)
        ids.append([action.id for action in writer.actions])
    assert ids[0][:4] == ids[1][:4]
    assert len(set(ids[0] + ids[1])) == 6
    assert all(len(id_) == 32 for id_ in ids[0])


async def test_what_was_not_written_is_written_when_it_is_sent_again(client: TestClient[Any, Any], writer: Kept) -> None:
    headers = {"Idempotency-Key": "k1"}
    for fault in (KafkaConnectionError(), TimeoutError(), OSError("refused"), NoTopicError("there is no topic actions")):
        writer.fault = fault
        response = await client.post(ACKNOWLEDGE, json=SAID, headers=headers)
        assert (response.status, response.headers["Retry-After"]) == (503, "10")
        assert "ask again with the same Idempotency-Key" in await detail_of(response)
    writer.fault = None
    assert (await client.post(ACKNOWLEDGE, json=SAID, headers=headers)).status == 202
    assert len(writer.actions) == 1


class Slow(Kept):
    """A writer that waits until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go, self.began = asyncio.Event(), asyncio.Event()

    async def write(self, action: Action) -> Sent:
        self.began.set()
        await self.go.wait()
        return await super().write(action)


async def test_a_copy_that_comes_while_the_first_is_under_way_waits_and_no_more_than_some_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writer = Slow()
    monkeypatch.setattr(actions, "WRITES", 1)
    async with serving(settings(None), writer) as client:
        first = asyncio.create_task(client.post(ACKNOWLEDGE, json=SAID, headers={"Idempotency-Key": "k1"}))
        await writer.began.wait()
        copy = await client.post(ACKNOWLEDGE, json=SAID, headers={"Idempotency-Key": "k1"})
        assert (copy.status, copy.headers["Retry-After"]) == (409, "1")
        other = await client.post(ACKNOWLEDGE, json=SAID, headers={"Idempotency-Key": "k2"})
        assert (other.status, other.headers["Retry-After"]) == (503, "1")
        writer.go.set()
        assert (await first).status == 202
        assert (await client.post(ACKNOWLEDGE, json=SAID, headers={"Idempotency-Key": "k1"})).status == 202
        assert len(writer.actions) == 1
    assert writer.closed


async def test_what_takes_too_long_is_given_up_and_the_key_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Slow()
    monkeypatch.setattr(actions, "WRITE_SECONDS", 0.05)
    async with serving(settings(None), writer) as client:
        assert (await client.post(ACKNOWLEDGE, json=SAID, headers={"Idempotency-Key": "k1"})).status == 503
        writer.go.set()
        assert (await client.post(ACKNOWLEDGE, json=SAID, headers={"Idempotency-Key": "k1"})).status == 202


async def test_keys_are_bounded_and_the_oldest_goes_first(client: TestClient[Any, Any], writer: Kept, monkeypatch: Any) -> None:
    monkeypatch.setattr(repeats, "KEYS", 2)
    for key in ("k1", "k2", "k3", "k2", "k1"):
        assert (await client.post(ACKNOWLEDGE, json=SAID, headers={"Idempotency-Key": key})).status == 202
    assert len(writer.actions) == 4
    assert writer.actions[0].id == writer.actions[3].id


async def test_while_the_read_model_was_never_read_nothing_is_decided(
    client: TestClient[Any, Any], shelf: Shelf, writer: Kept
) -> None:
    shelf.seen = Gathering().view(0, START_MS, {0: START_MS})
    shelf.seen = msgspec.structs.replace(shelf.seen, as_of=None)
    response = await client.post(ACKNOWLEDGE, json=SAID)
    assert (response.status, response.headers["Retry-After"]) == (503, "2")
    assert writer.actions == []


async def test_a_broker_that_is_away_is_503_and_the_producer_is_tried_anew() -> None:
    config = Config(kafka=KafkaSettings(bootstrap_servers="127.0.0.1:1", request_timeout_ms=1_000))
    writer = ActionWriter(config)
    metrics = Metrics.on(CollectorRegistry(), "0")
    async with TestClient(TestServer(create_web(config, Health([]), Shelf(), metrics, writer=writer))) as client:
        for _ in range(2):
            response = await client.post(ACKNOWLEDGE, json=SAID)
            assert response.status == 503
            assert "127.0.0.1:1" not in await response.text()


@pytest.mark.parametrize(("method", "path", "body", "expected"), WAYS)
async def test_answers_are_what_the_openapi_document_says(
    client: TestClient[Any, Any], method: str, path: str, body: dict[str, Any], expected: dict[str, Any]
) -> None:
    served = document()
    parts = path.strip("/").split("/")
    [operation] = [
        operations[method.lower()]
        for template, operations in served["paths"].items()
        if method.lower() in operations and _fits(template.strip("/").split("/"), parts)
    ]
    sent = SAID | body
    reference = operation["requestBody"]["content"]["application/json"]["schema"]
    jsonschema.validate(sent, reference | {"components": served["components"]}, cls=jsonschema.Draft202012Validator)
    for given in (sent, {}):
        response = await client.request(method, path, json=given)
        schema = operation["responses"][str(response.status)]["content"][response.content_type]["schema"]
        whole = schema | {"components": served["components"]}
        jsonschema.validate(await response.json(content_type=None), whole, cls=jsonschema.Draft202012Validator)


def _fits(template: list[str], parts: list[str]) -> bool:
    return len(template) == len(parts) and all(t == p or t.startswith("{") for t, p in zip(template, parts, strict=True))
