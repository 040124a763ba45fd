"""`gnomon alerts` on a real log: what is told, and why each thing was told or held back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer

from app.dev.servers import Servers
from app.domain.placement import place
from tests.decide_builders import drift
from tests.integration.committed import read_all
from tests.integration.harness import PARTITIONS, ROOT, Service, eventually

pytestmark = pytest.mark.integration

TOML = """
[models.default.alerts]
keep_firing_for_s = 0
cause_s = 0
"""


@pytest.fixture(scope="module")
def service(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Two features that drift together and a prediction that a missing one explains; then all is well again."""
    story = [
        drift(5, "drift", name="age", prefix="alerts-commands."), drift(5, "drift", name="income", prefix="alerts-commands."),
        drift(6, "drift", "missing", "zip", prefix="alerts-commands."),
        drift(6, "drift", "prediction", "", prefix="alerts-commands."),
        *(drift(9, "quiet", kind, name, prefix="alerts-commands.") for kind, name in  # type: ignore[misc]
          [("feature", "income"), ("feature", "age"), ("prediction", "")]),
    ]  # fmt: skip
    with Service(servers, "alerts-commands.", tmp_path_factory.mktemp("alerts"), toml=TOML) as made:
        worker = made.worker("decide").ready()
        producer = Producer({"bootstrap.servers": servers.bootstrap_servers})
        for statistics in story:
            headers = [("ce_id", f"{statistics.key}/{statistics.window.start}".encode())]
            key, value = statistics.key.encode(), msgspec.json.encode(statistics)
            topic, partition = "alerts-commands.drift.statistics", place("credit", PARTITIONS)
            producer.produce(topic, value, key, partition=partition, headers=headers)
        producer.flush(30)
        eventually(lambda: sum(worker.metric("gnomon_decide_alerts_resolved_total").values()) == 1, 60, worker.log)
        yield made


def alerts(service: Service, *arguments: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "app", "alerts", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=service.environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def data(service: Service, *arguments: str) -> Any:
    return json.loads(alerts(service, *arguments, "--json"))


def test_what_fires_is_listed_and_what_was_resolved_on_demand(service: Service) -> None:
    firing, every = data(service, "list"), data(service, "list", "--all", "--model", "credit")

    assert [one["labels"]["alertname"] for one in firing] == ["MissingShare"]
    assert [(one["labels"]["signal"], one["status"]) for one in every] == [("feature/age", "resolved"), ("missing/zip", "firing")]
    assert "MissingShare: Feature zip of credit" in alerts(service, "list")
    assert data(service, "list", "--model", "other") == []


def test_one_alert_is_shown_with_those_that_are_one_with_it(service: Service) -> None:
    resolved = data(service, "list", "--all")[0]
    shown = alerts(service, "show", resolved["fingerprint"])

    assert data(service, "show", resolved["fingerprint"]) == resolved
    assert "alertname: FeatureDrift" in shown
    assert "together with: feature/income since" in shown
    assert "there is no alert 0123456789abcdef" in alerts(service, "show", "0123456789abcdef", code=1)


def test_each_decision_is_explained_those_that_nobody_was_told_too(service: Service) -> None:
    every = data(service, "list", "--all")
    age = data(service, "explain", every[0]["fingerprint"])
    income = data(service, "explain", every[0]["evidence"]["contributors"][0]["fingerprint"])

    assert [(step["reason"], step["told"]) for step in age["steps"]] == [("held", "firing"), ("stayed_clear", "resolved")]
    assert income["steps"][0]["held"] == "merged"
    assert income["steps"][0]["by"] == every[0]["fingerprint"]
    assert {step["told"] for step in income["steps"]} == {""}
    assert f"held back: merged by {every[0]['fingerprint']}" in alerts(service, "explain", income_mark(every))
    assert "nothing in the log" in alerts(service, "explain", "0123456789abcdef", code=1)


def income_mark(every: list[dict[str, Any]]) -> str:
    mark: str = every[0]["evidence"]["contributors"][0]["fingerprint"]
    return mark


def test_what_people_say_is_taken_and_an_alert_that_does_not_fire_cannot_be_acknowledged(service: Service) -> None:
    mark = data(service, "list")[0]["fingerprint"]
    said = ("--by", "jane", "--why", "looking into it")
    sent = [
        data(service, "ack", mark, *said), data(service, "silence", "credit", "--for", "60", "--match", "signal=cost", *said),
        data(service, "unsilence", "credit", "--match", "signal=cost", *said),
        data(service, "silence", "credit", "--for", "60", *said), data(service, "unsilence", "credit", *said),
    ]  # fmt: skip
    assert {one["topic"] for one in sent} == {f"{service.prefix}actions"}
    assert len({one["partition"] for one in sent}) == 1
    worker = service.workers[0]

    def all_taken() -> bool:
        return sum(worker.metric("gnomon_decide_actions_total").values()) == 5

    eventually(all_taken, 30, lambda: f"{worker.get('/metrics')[1]}")
    assert "no alert 0123456789abcdef fires" in alerts(service, "ack", "0123456789abcdef", *said, code=1)
    assert "expected LABEL=VALUE" in alerts(service, "silence", "credit", "--for", "5", "--match", "x", *said, code=2)


def test_an_explanation_tells_what_the_topic_tells(service: Service) -> None:
    records = read_all(service.servers.bootstrap_servers, service.prefix, "alerts")
    told = [json.loads(each.value or b"")["data"] for each in records]
    for mark in {one["fingerprint"] for one in told}:
        steps = data(service, "explain", mark)["steps"]
        assert [step["told"] for step in steps if step["told"]] == [one["status"] for one in told if one["fingerprint"] == mark]
