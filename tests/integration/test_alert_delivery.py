"""From the topic `alerts` to a real Alertmanager and on to a web hook: firing, grouped, inhibited, resolved, through outages."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from msgspec import UNSET

from app.dev.ports import HOST, free_ports
from app.dev.servers import Servers
from app.domain.placement import place
from schemas.alert import Alert, AlertStatus
from schemas.events import alert_event
from tests.integration.alertmanager_server import EXAMPLE, Alertmanager, Hook, program
from tests.integration.harness import PARTITIONS, ROOT, Service, eventually

pytestmark = pytest.mark.integration

#: What event times say does not matter to Alertmanager: these are of 2013.
STARTS, ENDS = "2013-10-02T09:00:00.000Z", "2013-10-02T11:30:00.000Z"
OUTAGE_SECONDS = 60.0
SEVERITIES = {"PredictionDrift": "critical", "MatchRateLow": "critical"}


def alert(name: str, model: str, status: AlertStatus = "firing", **labels: str) -> Alert:
    """As the decide role writes it."""
    return Alert(
        labels={"alertname": name, "severity": SEVERITIES.get(name, "warning"), "model": model, "signal": "feature/income"}
        | labels,
        annotations={
            "summary": f"{name} of {model}: the mean rose from 4,811 to 5,127",
            "description": "That rests on 512 values.",
            "runbook_url": f"docs/runbooks/{name}.md",
            "dashboard_url": f"http://127.0.0.1:8080/?model={model}",
        },
        starts_at=STARTS,
        ends_at=ENDS if status == "resolved" else UNSET,
        generator_url=f"http://127.0.0.1:8080/?model={model}&signal=feature%2Fincome",
        status=status,
        fingerprint=f"{name}-{model}",
        evidence={"reason": "held", "detector": {"score": 1.31}},
    )


def publish(service: Service, *alerts: Alert) -> None:
    """On the partition of each alert's model."""
    producer = Producer({"bootstrap.servers": service.servers.bootstrap_servers, "acks": "all"})
    for each in alerts:
        record = alert_event(f"{each.fingerprint}/{each.status}/{STARTS}", each, at=1_380_000_000_000, caused_by="")
        at = place(each.subject, PARTITIONS)
        producer.produce(f"{service.prefix}alerts", record.value, record.key, at, headers=record.headers)
    assert producer.flush(30) == 0


@pytest.fixture
def hook() -> Iterator[Hook]:
    listening = Hook()
    yield listening
    listening.close()


@pytest.fixture
def alertmanager(tmp_path: Path, hook: Hook) -> Iterator[Alertmanager]:
    running = Alertmanager(tmp_path / "alertmanager", hook)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def service(servers: Servers, prefix: str, tmp_path: Path, alertmanager: Alertmanager) -> Iterator[Service]:
    """Told twice: to the Alertmanager, and to one of its cluster that is not there."""
    [nobody] = free_ports(1)
    urls = f"{alertmanager.url},http://{HOST}:{nobody}"
    settings = {"GNOMON_NOTIFY__ALERTMANAGER_URLS": urls, "GNOMON_NOTIFY__RESEND_S": "2", "GNOMON_NOTIFY__TIMEOUT_S": "2"}
    with Service(servers, prefix, tmp_path, settings=settings) as made:
        yield made


def test_the_example_is_a_configuration_that_alertmanager_takes() -> None:
    checked = subprocess.run([program("amtool"), "check-config", str(EXAMPLE)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def seconds_ago(text: str) -> float:
    return time.time() - datetime.fromisoformat(text).timestamp()


def test_alerts_are_grouped_inhibited_and_resolved(service: Service, alertmanager: Alertmanager, hook: Hook) -> None:
    worker = service.worker("notify").ready(lambda live: len(live["notify"]) == PARTITIONS)
    told = [
        alert("SchemaChanged", "credit"), alert("FeatureDrift", "credit"), alert("CostRegressed", "credit"),
        alert("FeatureDrift", "fraud"), alert("PredictionDrift", "fraud"),
    ]  # fmt: skip
    publish(service, *told)
    loud = {"SchemaChanged/credit", "CostRegressed/credit", "FeatureDrift/fraud", "PredictionDrift/fraud"}
    eventually(lambda: hook.alerts("firing").keys() == loud, 30, lambda: f"{hook.told}\n{worker.log()}")
    states = dict.fromkeys(loud, "active") | {"FeatureDrift/credit": "suppressed"}
    assert alertmanager.alerts() == states

    groups = {
        (to, each["groupLabels"]["model"], frozenset(a["labels"]["alertname"] for a in each["alerts"])) for to, each in hook.told
    }
    assert ("tickets", "credit", frozenset({"SchemaChanged", "CostRegressed"})) in groups, (
        "one notification for what is wrong with a model"
    )
    assert ("pager", "fraud", frozenset({"PredictionDrift"})) in groups
    firing = hook.alerts("firing")["CostRegressed/credit"]
    assert firing["labels"] == told[2].labels
    assert firing["annotations"] == told[2].annotations
    assert firing["generatorURL"] == told[2].generator_url
    assert seconds_ago(firing["startsAt"]) < 60, "a startsAt of long ago would have gone out before its group"

    failures = worker.metric("gnomon_notify_failures_total")
    assert failures['{reason="unreachable",receiver="alertmanager-1"}'] > 0, "one that is not there holds up nobody"
    assert failures['{reason="unreachable",receiver="alertmanager-0"}'] == 0
    body = json.loads(worker.get("/-/ready")[1])
    assert body["status"] == "ready"
    assert "alertmanager-1" in body["roles"]["notify"]["reason"]

    publish(service, *(alert(each.labels["alertname"], each.labels["model"], "resolved") for each in told))
    eventually(lambda: hook.alerts("resolved").keys() >= loud, 30, lambda: f"{hook.told}\n{worker.log()}")
    eventually(lambda: alertmanager.alerts() == {}, 10)
    resolved = hook.alerts("resolved")["CostRegressed/credit"]
    for name in ("labels", "annotations", "generatorURL"):
        assert resolved[name] == firing[name], name
    assert seconds_ago(resolved["endsAt"]) < 60
    waiting = worker.metric("gnomon_notify_resolves_waiting")
    assert sum(waiting.values()) == len(told), "the one that is not there is still owed all of them"


def test_firing_alerts_outlive_the_resolve_time_out_and_a_restart_of_alertmanager(
    service: Service, alertmanager: Alertmanager, hook: Hook
) -> None:
    service.worker("notify").ready()
    publish(service, alert("CostRegressed", "credit"))
    eventually(lambda: alertmanager.alerts() == {"CostRegressed/credit": "active"}, 30)
    alertmanager.kill()
    alertmanager.start()
    eventually(lambda: alertmanager.alerts() == {"CostRegressed/credit": "active"}, 30)
    assert hook.alerts("resolved") == {}


def test_one_alert_that_is_refused_holds_up_no_other(service: Service, alertmanager: Alertmanager) -> None:
    bad = alert("CostRegressed", "credit", **{"no-label": "x"})
    publish(service, *(alert("FeatureDrift", f"m{number}") for number in range(20)), bad, alert("FeatureDrift", "last"))
    worker = service.worker("notify").ready()
    eventually(lambda: len(alertmanager.alerts()) == 21, 30, worker.log)

    def refused() -> bool:  # the others were kept from the first batch on, before it was halved
        return worker.metric("gnomon_notify_failures_total").get('{reason="refused",receiver="alertmanager-0"}', 0) >= 1

    eventually(refused, 30, worker.log)
    assert "CostRegressed-credit" in worker.log()


def test_an_outage_of_a_minute_with_a_crash_in_it_loses_nothing(service: Service, alertmanager: Alertmanager, hook: Hook) -> None:
    worker = service.worker("notify").ready(lambda live: len(live["notify"]) == PARTITIONS)
    publish(service, *(alert(name, model) for name in ("CostRegressed", "FeatureDrift") for model in ("a", "b", "c")))
    eventually(lambda: len(hook.alerts("firing")) == 6, 30, lambda: f"{hook.told}\n{worker.log()}")

    alertmanager.stop()
    away_since = time.monotonic()
    publish(service, *(alert("CostRegressed", model, "resolved") for model in "ab"), alert("PredictionDrift", "d"))

    def failures() -> Any:
        return worker.metric("gnomon_notify_failures_total").get('{reason="unreachable",receiver="alertmanager-0"}', 0)

    eventually(lambda: failures() >= 4, 60, worker.log)
    worker.kill()
    publish(service, alert("FeatureDrift", "a", "resolved"), alert("CostRegressed", "b"))
    worker.start()
    worker.ready()
    eventually(lambda: failures() >= 2, 60, worker.log)
    eventually(lambda: time.monotonic() - away_since > OUTAGE_SECONDS, OUTAGE_SECONDS + 5)

    alertmanager.start()
    fires = {"CostRegressed/b", "CostRegressed/c", "FeatureDrift/b", "FeatureDrift/c", "PredictionDrift/d"}
    over = {"CostRegressed/a", "FeatureDrift/a"}
    eventually(lambda: alertmanager.alerts().keys() == fires, 40, lambda: f"{alertmanager.alerts()}\n{worker.log()}")
    eventually(lambda: hook.alerts("resolved").keys() == over, 40, lambda: f"{hook.told}\n{worker.log()}")
    eventually(lambda: "PredictionDrift/d" in hook.alerts("firing"), 40)
    for each in hook.alerts("resolved").values():
        assert each["annotations"]["summary"].endswith("the mean rose from 4,811 to 5,127")
    assert (ROOT / hook.alerts("resolved")["CostRegressed/a"]["annotations"]["runbook_url"]).exists()
    worker.terminate()
