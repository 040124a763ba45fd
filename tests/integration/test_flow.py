"""The flow on a real broker: silence, backlogs and pauses at the pair role; the whole chain from events to a retrain trigger."""

from __future__ import annotations

import hashlib
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from app.dev.child import Child
from app.dev.servers import Servers
from tests.integration.committed import Publisher, Seen, read_all
from tests.integration.harness import GRACE_MS, ROOT, WINDOW_MS, Service, eventually
from tests.integration.pair_cases import an_id
from tests.integration.scene import Event, Scene, encoded, legacy, pair, shadow

pytestmark = pytest.mark.integration

LIMIT_S = (WINDOW_MS + GRACE_MS) / 1000
TOML = '[models.default]\nshadows = ["2.0.0"]\n'


def test_a_shadow_that_goes_silent(servers: Servers, prefix: str, tmp_path: Path) -> None:
    """Out within window + grace + 2 s: with no further event on any topic, and where legacy goes on."""
    scene = Scene()
    alone, busy = [an_id(f"alone-{n}", 0) for n in range(3)], [an_id(f"busy-{n}", 1) for n in range(16)]
    for partition, ids in enumerate((alone, busy)):
        primed = an_id(f"primed-{partition}", partition)
        scene.at(0.0).send(legacy(primed, "m", 0.5), shadow(primed, "m", 0.5))
        scene.between(0.0, 2.0).want(pair(primed, "m", "paired"))
        seconds = [0.2 + 0.4 * number for number in range(len(ids))]
        for second, request_id in zip(seconds, ids, strict=True):
            scene.at(second).send(legacy(request_id, "m", 0.5, timestamp=second))
            scene.between(second + LIMIT_S, second + LIMIT_S + 2).want(pair(request_id, "m", "legacy_only", missing=["2.0.0"]))
    with Service(servers, prefix, tmp_path, toml=TOML) as service:
        service.worker("pair").ready()
        scene.play(service).check()


def test_a_backlog_is_never_silent(servers: Servers, prefix: str, tmp_path: Path) -> None:
    """The shadow half was sent long after the legacy half and lies in the log when the worker comes: they are paired."""
    request_id, start_ms = an_id("r", 0), time.time_ns() // 1_000_000
    with Service(servers, prefix, tmp_path, toml=TOML) as service:
        publisher = Publisher(servers.bootstrap_servers, prefix)
        publish(publisher, start_ms, legacy(request_id, "m", 0.5))
        time.sleep(LIMIT_S + 0.5)  # what is tested is that so much wall time means nothing
        publish(publisher, start_ms, shadow(request_id, "m", 0.5))
        service.worker("pair").ready()
        assert statuses(service, 1) == {request_id: "paired"}


def test_a_pause_of_the_worker_is_no_silence(servers: Servers, prefix: str, tmp_path: Path) -> None:
    """1. A legacy half is read; 2. the worker stands still; 3. its shadow half comes; 4. the worker goes on, late."""
    with Service(servers, prefix, tmp_path, toml=TOML, settings={"GNOMON_KAFKA__SESSION_TIMEOUT_MS": "30000"}) as service:
        worker = service.worker("pair").ready()
        publisher = Publisher(servers.bootstrap_servers, prefix)
        wanted: dict[str, str] = {}
        for number in range(4):
            ids, start_ms = [an_id(f"r-{number}-{at}", at) for at in range(4)], time.time_ns() // 1_000_000
            publish(publisher, start_ms, *(legacy(request_id, "m", 0.5) for request_id in ids))
            eventually(lambda: sum(worker.metric("gnomon_pairing_waiting").values()) == 4, 5)
            worker.send(signal.SIGSTOP)
            time.sleep(LIMIT_S + 0.5)  # as above
            publish(publisher, start_ms, *(shadow(request_id, "m", 0.5) for request_id in ids))
            worker.send(signal.SIGCONT)
            wanted |= dict.fromkeys(ids, "paired")
            assert statuses(service, len(wanted)) == wanted


def publish(publisher: Publisher, start_ms: int, *events: Event) -> None:
    for event in events:
        publisher.send(event.topic, event.key, encoded(event.value, start_ms), event.headers)
    publisher.flush()


def statuses(service: Service, count: int) -> dict[str, str]:
    """How the requests came out, once there are so many records."""

    def read() -> dict[str, str]:
        records = [json.loads(each.value or b"") for each in read_all(service.servers.bootstrap_servers, service.prefix, "pairs")]
        return {each["request_id"]: each["status"] for each in records} if len(records) >= count else {}

    found: dict[str, str] = eventually(read, 20, lambda: f"{count} records of pairs")
    return found


#: Partitions that are read at different paces may let a drift be gone for a moment: within a minute it is the same alert.
CHAIN = """
[models.credit]
shadows = ["2.0.0"]
[models.credit.drift]
warm_up = 1000
values_between_false_alarms = 1e7
[models.credit.alerts]
keep_firing_for_s = 60
[models.credit.retrain]
minimum_events = 1000
"""


def test_from_events_to_a_retrain_trigger(servers: Servers, prefix: str, tmp_path: Path) -> None:
    """A feature drifts in the middle of the traffic: statistics say so, one alert fires, one trigger names the drifted data."""
    windows = {"WINDOW": "4000", "GRACE": "1000", "DEDUPLICATION": "20000"}
    settings = {f"GNOMON_PAIRING__{name}_MS": value for name, value in windows.items()}
    with Service(servers, prefix, tmp_path, toml=CHAIN, settings=settings) as service:
        service.worker("pair", "detect", "decide").ready()
        command = [sys.executable, "-m", "load", "--scenario", "drift", "--requests", "12000", "--rate", "3000", "--seed", "3"]
        sending = Child([*command, "--no-verify"], tmp_path / "load.log", ROOT, service.environment)
        try:
            assert sending.wait_ended(60), sending.tail()
            assert sending.exit_code == 0, sending.tail()
            eventually(lambda: events_of(service, "retrain.triggers"), 30, lambda: "a retrain trigger")
        finally:
            sending.stop()
        [trigger] = events_of(service, "retrain.triggers")
        alerts = events_of(service, "alerts")
        pairs = read_all(servers.bootstrap_servers, prefix, "pairs")
        statistics = [json.loads(each.value or b"") for each in read_all(servers.bootstrap_servers, prefix, "drift.statistics")]
    drifting = [each for each in statistics if each["detector"]["state"] == "drift" and each["role"] == "legacy"]
    assert {each["signal"]["name"] for each in drifting if each["signal"]["kind"] == "feature"} == {"income"}
    firing = [each["data"] for each in alerts if each["data"]["status"] == "firing"]
    [alert] = [each for each in firing if each["labels"]["signal"] == "feature/income"]
    assert (alert["labels"]["alertname"], alert["labels"]["model"]) == ("FeatureDrift", "credit")
    assert len({(each["fingerprint"], each["startsAt"]) for each in firing}) == len(firing)
    check_trigger(trigger["data"], pairs, prefix)


def events_of(service: Service, topic: str) -> list[dict[str, Any]]:
    """The structured CloudEvents of a topic."""
    return [json.loads(each.value or b"") for each in read_all(service.servers.bootstrap_servers, service.prefix, topic)]


def check_trigger(trigger: dict[str, Any], pairs: list[Seen], prefix: str) -> None:
    """Its window is recomputed from the log: as many events, with this digest, of which most have drifted."""
    assert (trigger["model"]["name"], trigger["model"]["version"]) == ("credit", "1.4.0")
    assert trigger["reason"]["code"] == "data_drift"
    [stretch] = trigger["window"]["offsets"]
    assert stretch["topic"] == f"{prefix}pairs"
    inside = [
        record
        for record in sorted(pairs, key=lambda each: each.offset)
        if record.partition == stretch["partition"]
        and stretch["start"] <= record.offset < stretch["end"]
        and record.key == b"credit"
    ]
    ids = "\n".join(record.header("ce_id") for record in inside)
    assert trigger["window"]["digest"] == f"sha256:{hashlib.sha256(ids.encode()).hexdigest()}"
    assert trigger["window"]["events"] == len(inside) >= 1_000
    incomes = [json.loads(record.value or b"")["features"].get("income") for record in inside]
    before = [json.loads(record.value or b"")["features"].get("income") for record in pairs[:4_000] if record.key == b"credit"]
    assert mean(incomes) > 1.5 * mean(before)  # 1.6 for all that drifted


def mean(values: list[float | None]) -> float:
    there = [value for value in values if value is not None]
    return sum(there) / len(there)
