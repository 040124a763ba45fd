"""Retrain triggers on a real log: listed, verified, exported, approved, answered; and what is said once the log is cut."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from app.config import Config
from app.dev.child import Child
from app.dev.servers import Servers
from schemas.cloudevents import rfc3339
from tests.integration.committed import Publisher, Seen, read_all
from tests.integration.harness import ROOT, Service, eventually
from tests.integration.test_baselines import gnomon
from tests.integration.test_flow import CHAIN

pytestmark = pytest.mark.integration

WINDOWS = {"WINDOW": "4000", "GRACE": "1000", "DEDUPLICATION": "20000"}
ASKS = CHAIN + 'approval = "required"\n'


def records(service: Service, topic: str) -> list[Seen]:
    return read_all(service.servers.bootstrap_servers, service.prefix, topic)


def triggers(service: Service) -> list[dict[str, Any]]:
    """The events on the topic, in order."""
    return [json.loads(record.value or b"") for record in records(service, "retrain.triggers")]


@pytest.fixture(scope="module")
def service(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with one trigger that waits for approval, and its role decide at work."""
    settings = {f"GNOMON_PAIRING__{name}_MS": value for name, value in WINDOWS.items()}
    with Service(servers, "triggers.", tmp_path_factory.mktemp("triggers"), toml=ASKS, settings=settings) as made:
        made.worker("pair", "detect", "decide").ready()
        command = [sys.executable, "-m", "load", "--scenario", "drift", "--requests", "12000", "--seed", "3", "--no-verify"]
        sending = Child(command, made.folder / "load.log", ROOT, made.environment)
        try:
            assert sending.wait_ended(60), sending.tail()
        finally:
            sending.stop()
        eventually(lambda: triggers(made), 60, made.workers[0].log)
        yield made


@pytest.fixture(scope="module")
def trigger(service: Service) -> dict[str, Any]:
    """The trigger, as it was first written."""
    data: dict[str, Any] = triggers(service)[0]["data"]
    return data


def pairs_of(service: Service, trigger: dict[str, Any]) -> list[Seen]:
    """What the window holds, read by another client."""
    [stretch] = trigger["window"]["offsets"]
    pairs = [pair for pair in records(service, "pairs") if pair.partition == stretch["partition"] and pair.key == b"credit"]
    return sorted((pair for pair in pairs if stretch["start"] <= pair.offset < stretch["end"]), key=lambda pair: pair.offset)


def test_what_is_listed_and_shown_is_what_lies_on_the_topic(service: Service, trigger: dict[str, Any]) -> None:
    listed = json.loads(gnomon(service, "triggers", "list", "--json")[0])["triggers"]
    shown = json.loads(gnomon(service, "triggers", "show", trigger["trigger_id"])[0])
    assert [one["trigger_id"] for one in listed] == [trigger["trigger_id"]]
    assert trigger["evidence"]["window_expires"] == rfc3339(trigger["window"]["start"] + Config().topics.output_retention_ms)
    assert shown == listed[0] == trigger | {name: shown[name] for name in ("time", "partition", "offset")}
    assert gnomon(service, "triggers", "list", "--model", "nobody")[0] == ""
    _, said = gnomon(service, "triggers", "show", "rt-0", code=1)
    assert "there is no trigger 'rt-0' on triggers.retrain.triggers" in said


def test_the_window_is_verified_and_exported_to_the_last_byte(service: Service, trigger: dict[str, Any]) -> None:
    out = service.folder / "window.jsonl"
    verified = json.loads(gnomon(service, "triggers", "verify", trigger["trigger_id"], "--json")[0])
    _, said = gnomon(service, "triggers", "export", trigger["trigger_id"], "--out", str(out))
    pairs = pairs_of(service, trigger)
    assert verified["differences"] == []
    assert (verified["events"], verified["digest"]) == (trigger["window"]["events"], trigger["window"]["digest"])
    assert len(pairs) == trigger["window"]["events"] >= 1_000
    assert out.read_bytes().splitlines() == [pair.value for pair in pairs]
    assert f"written to {out}, {len(pairs):,} pairs" in said
    assert sorted(path.name for path in service.folder.glob("window*")) == ["window.jsonl"]


def test_an_approval_is_written_and_then_the_pipeline_may_answer(service: Service, trigger: dict[str, Any]) -> None:
    id_ = trigger["trigger_id"]
    publisher = Publisher(service.servers.bootstrap_servers, service.prefix)

    def answer(status: str) -> None:
        publisher.send("retrain.status", b"credit", json.dumps({"trigger_id": id_, "model": "credit", "status": status}).encode())
        publisher.flush()

    def refused() -> list[tuple[str, str]]:
        return [(one.header("source.topic"), one.header("reason")) for one in records(service, "dead.letters")]

    answer("accepted")
    eventually(lambda: refused() == [("triggers.retrain.status", "unauthorised")], 30, lambda: str(refused()))
    gnomon(service, "triggers", "approve", id_, "--by", "ada", "--why", "the window is right")
    events = eventually(lambda: found if len(found := triggers(service)) == 2 else None, 30)
    assert [event["id"] for event in events] == [id_, f"{id_}/approved"]
    approval = events[1]["data"]["approval"]
    assert (approval["state"], approval["by"], approval["why"]) == ("approved", "ada", "the window is right")
    assert events[1]["data"]["window"] == trigger["window"]
    _, said = gnomon(service, "triggers", "approve", id_, "--by", "bob", "--why", "me too", code=1)
    assert "waits for no approval: its state is approved" in said
    for status in ("accepted", "accepted", "succeeded"):
        answer(status)
    eventually(lambda: refused()[1:] == [("triggers.retrain.status", "duplicate")], 30, lambda: str(refused()))
    taken = service.workers[0].metric("gnomon_decide_statuses_total")
    assert sum(taken.values()) == 2


def test_a_trigger_by_hand_has_what_came_since(service: Service, trigger: dict[str, Any]) -> None:
    before = len(triggers(service))
    gnomon(service, "triggers", "fire", "credit", "--by", "ada", "--why", "new features")
    events = eventually(lambda: found if len(found := triggers(service)) > before else None, 30)
    data = events[-1]["data"]
    assert (data["reason"]["code"], data["reason"]["detail"]) == ("manual", "new features (ada)")
    assert data["window"]["events"] == len(pairs_of(service, data)) > 0
    gnomon(service, "triggers", "verify", data["trigger_id"])


def test_once_retention_has_cut_the_window_it_is_said_by_name(service: Service, trigger: dict[str, Any]) -> None:
    id_, [stretch], pairs = trigger["trigger_id"], trigger["window"]["offsets"], pairs_of(service, trigger)
    admin, cut = AdminClient({"bootstrap.servers": service.servers.bootstrap_servers}), stretch["start"] + 100
    place = TopicPartition(stretch["topic"], stretch["partition"], cut)
    admin.delete_records([place])[place].result()
    said, _ = gnomon(service, "triggers", "verify", id_, code=1)
    lines = said.splitlines()
    assert f"begins at offset {cut:,}, the window at {stretch['start']:,}: 100 of its" in lines[0]
    assert [line.partition(":")[0] for line in lines] == ["retention", "events", "digest"]
    out = service.folder / "cut.jsonl"
    _, said = gnomon(service, "triggers", "export", id_, "--out", str(out), code=1)
    assert "--partial writes it all the same" in said
    assert not list(service.folder.glob("cut*"))
    gnomon(service, "triggers", "export", id_, "--out", str(out), "--partial")
    assert out.read_bytes().splitlines() == [pair.value for pair in pairs if pair.offset >= cut]


def test_a_file_that_cannot_be_written_and_a_form_that_is_not_installed(service: Service, tmp_path: Path) -> None:
    _, said = gnomon(service, "triggers", "export", "rt-0", "--out", str(tmp_path / "no" / "file"), code=2)
    assert f"there is no folder {tmp_path / 'no'}" in said
