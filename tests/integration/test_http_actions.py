"""People act over HTTP on a real log: what they decide is on the topic once, and the role decide does it in their name."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from confluent_kafka import Producer

from app.dev.child import Child
from app.dev.servers import Servers
from tests.integration.committed import Seen, read_all
from tests.integration.harness import ROOT, Service, Worker, eventually
from tests.integration.test_flow import CHAIN

pytestmark = pytest.mark.integration

ADA, BOB = "ada-0123456789abcdef", "bob-0123456789abcdef"
SETTINGS = {
    "GNOMON_PAIRING__WINDOW_MS": "4000", "GNOMON_PAIRING__GRACE_MS": "1000", "GNOMON_PAIRING__DEDUPLICATION_MS": "20000",
    "GNOMON_WEB__AUTH__TOKENS": f"ada write {ADA}\nbob read {BOB}", "GNOMON_WEB__AUTH__METRICS": "true",
}  # fmt: skip
ASKS = CHAIN + 'approval = "required"\n'


def ask(worker: Worker, method: str, path: str, body: Any = None, token: str = ADA, **headers: str) -> tuple[int, Any]:
    """Status and body of a request, with a token."""
    sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} | headers
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(worker.url + path, data, sent, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def records(service: Service, topic: str) -> list[Seen]:
    return read_all(service.servers.bootstrap_servers, service.prefix, topic)


def events(service: Service, topic: str) -> list[dict[str, Any]]:
    return [json.loads(record.value or b"") for record in records(service, topic)]


@pytest.fixture(scope="module")
def service(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A drift has been seen: its alert fires, its trigger waits for approval, and two workers can be asked."""
    with Service(servers, "http-actions.", tmp_path_factory.mktemp("http"), toml=ASKS, settings=SETTINGS) as made:
        made.worker("pair", "detect", "decide", "serve").ready()
        made.worker("serve").ready()
        command = [sys.executable, "-m", "load", "--scenario", "drift", "--requests", "12000", "--seed", "3", "--no-verify"]
        sending = Child(command, made.folder / "load.log", ROOT, made.environment)
        try:
            assert sending.wait_ended(60), sending.tail()
        finally:
            sending.stop()

        def shown(worker: Worker) -> bool:
            alerts = ask(worker, "GET", "/api/v1/alerts?status=firing")[1].get("alerts")
            triggers = ask(worker, "GET", "/api/v1/triggers")[1].get("triggers")
            return bool(alerts and triggers)

        for worker in made.workers:
            eventually(lambda worker=worker: shown(worker), 60, made.workers[0].log)  # type: ignore[misc]
        yield made


@pytest.fixture(scope="module")
def alert(service: Service) -> dict[str, Any]:
    """The alert that fires."""
    found: dict[str, Any] = ask(service.workers[0], "GET", "/api/v1/alerts?status=firing")[1]["alerts"][0]
    return found


def test_nobody_without_a_right_writes(service: Service, alert: dict[str, Any]) -> None:
    path, said = f"/api/v1/alerts/{alert['fingerprint']}/acknowledge", {"why": "looking"}
    worker = service.workers[0]
    assert ask(worker, "POST", path, said, token="wrong-0123456789abcdef")[0] == 401
    assert ask(worker, "POST", path, said, token=BOB)[0] == 403
    assert ask(worker, "POST", path, said, Origin="https://evil.example")[0] == 403
    assert ask(worker, "POST", path, said, Host="evil.example")[0] == 421
    assert worker.get("/")[0] == 401
    assert records(service, "actions") == []


def test_a_silence_is_shown_on_all_workers_and_after_redis_was_flushed(service: Service, alert: dict[str, Any]) -> None:
    """So is one that decide refuses: of a model that nobody knows, written to the topic by hand."""
    first, second = service.workers
    match = {"signal": alert["labels"]["signal"]}
    asked = {"model": "credit", "minutes": 60, "why": "the source <b>moves</b>", "match": match}
    status, silence = ask(first, "POST", "/api/v1/silences", asked)
    assert status == 202
    refused = {"id": "by-hand", "action": "silence", "subject": "nobody", "by": "eve", "why": "?",
               "matchers": {"model": "nobody"}, "until": silence["until"]}  # fmt: skip
    producer = Producer({"bootstrap.servers": service.servers.bootstrap_servers})
    producer.produce(f"{service.prefix}actions", json.dumps(refused).encode(), b"nobody")
    assert producer.flush(30) == 0

    def shown(worker: Worker) -> Any:
        seen, mine = ask(worker, "GET", "/api/v1/silences")[1], ask(worker, "GET", f"/api/v1/alerts/{alert['fingerprint']}")[1]
        statuses = {each["id"]: each["status"] for each in seen.get("silences", ())}
        if seen.get("stale") or mine.get("stale") or statuses != {silence["id"]: "active", "by-hand": "refused"}:
            return None
        return seen["silences"], mine["alerts"]

    before = eventually(lambda: shown(first), 30, first.log)
    [found] = ask(first, "GET", "/api/v1/silences?status=active&model=credit")[1]["silences"]
    told = (found["by"], found["why"], found["matchers"], found["starts"], found["until"], found["taken_back"])
    assert told == ("ada", asked["why"], match, silence["timestamp"], silence["until"], None)
    assert {tuple(each["silencedBy"]) for each in before[1]} == {(silence["id"],)}
    assert eventually(lambda: shown(second), 30, second.log) == before
    with redis.Redis.from_url(service.servers.redis_url) as client:
        client.flushall()
    assert ask(second, "GET", "/api/v1/silences?status=ended")[0] == 200
    for worker in service.workers:
        assert eventually(lambda worker=worker: shown(worker), 60, worker.log) == before  # type: ignore[misc]

    path = f"/api/v1/silences/{silence['id']}"
    assert ask(second, "DELETE", path, {"why": "it has moved"})[0] == 202

    def ended() -> Any:
        return ask(first, "GET", "/api/v1/silences?status=ended")[1]["silences"]

    [found] = eventually(ended, 30, first.log)
    assert (found["id"], found["end"], found["taken_back"]["by"]) == (silence["id"], "taken_back", "ada")
    assert found["taken_back"]["why"] == "it has moved"
    assert not any(each["silencedBy"] for each in ask(first, "GET", f"/api/v1/alerts/{alert['fingerprint']}")[1]["alerts"])
    assert ask(first, "DELETE", path, {"why": "again"})[0] == 409


def test_an_acknowledgement_is_told_with_the_resolve(service: Service, alert: dict[str, Any]) -> None:
    """Sent twice to one worker and once to another under one key; then the signal is quiet."""
    path, said, mark = f"/api/v1/alerts/{alert['fingerprint']}/acknowledge", {"why": "looking into it"}, alert["fingerprint"]
    first, second = service.workers
    taken = sum(first.metric("gnomon_decide_actions_total").values())
    answers = [ask(worker, "POST", path, said, **{"Idempotency-Key": "one"}) for worker in (first, first, second)]
    assert [status for status, _ in answers] == [202, 202, 202]
    assert len({body["id"] for _, body in answers}) == 1
    assert [event["by"] for event in events(service, "actions") if event["action"] == "acknowledge"] == ["ada", "ada"]
    eventually(lambda: sum(first.metric("gnomon_decide_actions_total").values()) == taken + 2, 30, first.log)

    def acknowledged() -> Any:
        episode = ask(second, "GET", f"/api/v1/alerts/{mark}")[1]["alerts"][0]  # an alert may fire again: the newest
        return episode["acknowledged"] and (episode["status"], episode["acknowledged"]["by"], episode["acknowledged"]["why"])

    assert eventually(acknowledged, 30, second.log) == ("firing", "ada", "looking into it")
    calm_down(service, alert)
    data = eventually(lambda: resolved(service, mark), 30, first.log)
    assert (data["evidence"]["acknowledged"]["by"], data["evidence"]["acknowledged"]["why"]) == ("ada", "looking into it")

    def shown() -> bool:
        alerts = ask(first, "GET", "/api/v1/alerts?status=resolved")[1]["alerts"]
        return mark in {each["fingerprint"] for each in alerts}

    eventually(shown, 30, first.log)
    eventually(lambda: acknowledged() == ("resolved", "ada", "looking into it"), 30, second.log)
    status, body = ask(first, "POST", path, said)
    assert (status, body["detail"]) == (409, f"the alert {mark} is resolved; only one that fires can be acknowledged")


def resolved(service: Service, mark: str) -> Any:
    told = [event["data"] for event in events(service, "alerts")]
    return next((data for data in told if (data["fingerprint"], data["status"]) == (mark, "resolved")), None)


def calm_down(service: Service, alert: dict[str, Any]) -> None:
    """Two more windows of the alert's signal, ten and twenty minutes later, in which its detector is quiet."""

    def is_of(record: Seen) -> bool:
        said = json.loads(record.value or b"")
        return (said["signal"], said["role"]) == (alert["evidence"]["signal"], alert["labels"]["role"])

    newest = next(record for record in reversed(records(service, "drift.statistics")) if is_of(record))
    statistics = json.loads(newest.value or b"")
    statistics["detector"]["state"] = "quiet"
    producer = Producer({"bootstrap.servers": service.servers.bootstrap_servers})
    for number in range(2):
        for end in ("start", "end"):
            statistics["window"][end] += 600_000
        value, headers = json.dumps(statistics).encode(), [("ce_id", f"calm-{number}".encode())]
        producer.produce(f"{service.prefix}drift.statistics", value, newest.key, partition=newest.partition, headers=headers)
    assert producer.flush(30) == 0


def test_a_trigger_is_approved_once_by_whoever_signed(service: Service) -> None:
    first, second = service.workers
    trigger = ask(first, "GET", "/api/v1/triggers")[1]["triggers"][0]["trigger"]
    id_, headers = trigger["trigger_id"], {"Idempotency-Key": "two"}
    assert trigger["approval"]["state"] == "pending"
    statuses = [
        ask(worker, "POST", f"/api/v1/triggers/{id_}/approve", {"why": "the window is right", "by": "ada"}, **headers)[0]
        for worker in (first, second)
    ]
    assert statuses in ([202, 202], [202, 409]), "the other worker may know of it by then"
    told = eventually(lambda: found if len(found := events(service, "retrain.triggers")) == 2 else None, 30, first.log)
    assert [event["id"] for event in told] == [id_, f"{id_}/approved"]
    approval = told[1]["data"]["approval"]
    assert (approval["state"], approval["by"], approval["why"]) == ("approved", "ada", "the window is right")

    def shown() -> bool:
        newest = ask(second, "GET", "/api/v1/triggers")[1]["triggers"][0]["trigger"]
        return bool(newest["approval"]["state"] == "approved")

    eventually(shown, 30, second.log)
    status, body = ask(second, "POST", f"/api/v1/triggers/{id_}/reject", {"why": "no"})
    assert (status, body["detail"]) == (409, f"the trigger {id_} waits for no approval: its state is approved")
    copies = statuses.count(202) - 1

    def letters() -> list[str]:
        found = [each for each in records(service, "dead.letters") if each.header("source.topic").endswith("actions")]
        return [reason for letter in found if (reason := letter.header("reason")) != "invalid_schema"]

    eventually(lambda: letters() == ["late"] * copies, 30, first.log)


def test_a_silence_is_taken_back_by_its_id_and_a_trigger_is_fired(service: Service) -> None:
    first, second = service.workers
    before = sum(first.metric("gnomon_decide_actions_total").values())
    status, silence = ask(first, "POST", "/api/v1/silences", {"model": "credit", "minutes": 60, "why": "a roll-out"})
    assert status == 202
    assert ask(second, "DELETE", f"/api/v1/silences/{silence['id']}", {"why": "over"})[0] == 202
    eventually(lambda: sum(first.metric("gnomon_decide_actions_total").values()) == before + 2, 30, first.log)
    status, fired = ask(first, "POST", "/api/v1/models/credit/triggers", {"why": "new features"})
    assert status == 202
    told = eventually(lambda: found if len(found := events(service, "retrain.triggers")) == 3 else None, 30, first.log)
    assert (told[2]["data"]["reason"]["code"], told[2]["data"]["reason"]["detail"]) == ("manual", "new features (ada)")
    assert told[2]["causationid"] == f"action/{fired['id']}"
