"""Baselines on a real log: made from a window, pinned, shown; then `gnomon replay` and the service are begun with them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from app.dev.servers import Servers
from tests.integration.committed import Seen, read_all
from tests.integration.harness import ROOT, Service, eventually

pytestmark = pytest.mark.integration

Made = tuple[Path, dict[str, Any]]
TOML = """
[models.default]
shadows = ["2.0.0"]
[models.default.drift]
values_between_false_alarms = 1e7
"""
#: From the middle on, income is 1.6 times what it was.
REQUESTS, WINDOW = 6_000, 2_500


def gnomon(service: Service, *arguments: str, code: int = 0) -> tuple[str, str]:
    """What a command says on stdout and stderr."""
    command = [sys.executable, "-m", "app", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=service.environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


def records(service: Service, topic: str) -> list[Seen]:
    return read_all(service.servers.bootstrap_servers, service.prefix, topic)


def settle(service: Service, baseline: str) -> None:
    """Write the model's baseline into the configuration."""
    (service.folder / "gnomon.toml").write_text(f"{TOML}[models.credit.drift]\nbaseline = {json.dumps(baseline)}\n")


@pytest.fixture(scope="module")
def service(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A log of pairs with a drift in it."""
    folder = tmp_path_factory.mktemp("baselines")
    windows = {
        "GNOMON_PAIRING__WINDOW_MS": "4000",
        "GNOMON_PAIRING__GRACE_MS": "1000",
        "GNOMON_PAIRING__DEDUPLICATION_MS": "20000",
    }
    with Service(servers, "baselines.", folder, toml=TOML, settings=windows) as made:
        made.play_drift(REQUESTS)
        yield made


@pytest.fixture(scope="module")
def pairs(service: Service) -> list[Seen]:
    """The model's pairs, in the order of its partition."""
    return sorted(records(service, "pairs"), key=lambda pair: pair.offset)


@pytest.fixture(scope="module")
def made(service: Service, pairs: list[Seen]) -> Made:
    """A baseline of what lies before the drift, which expires behind it; its file, and what the command said."""
    file, middle = service.folder / "credit.baseline.json", json.loads(pairs[4_000].value or b"")["timestamp"]
    window = ["--to", str(pairs[WINDOW].timestamp), "--expires", str(middle), "--version", "7", "--owner", "risk-ml"]
    said, _ = gnomon(service, "baseline", "create", "--model", "credit", *window, "--out", str(file), "--json")
    return file, json.loads(said)


def replayed(service: Service, pairs: list[Seen], name: str) -> tuple[list[bytes], Any]:
    """The statistics of the log behind the window, and the episodes."""
    out = service.folder / name
    said, _ = gnomon(service, "replay", "--from", str(pairs[WINDOW].timestamp), "--json", "--out", str(out))
    return out.read_bytes().splitlines(), json.loads(said)["runs"][0]


def test_a_window_becomes_a_document(service: Service, pairs: list[Seen], made: Made) -> None:
    file, said = made
    [stretch] = said["source"]["offsets"]
    within = [pair for pair in pairs if stretch["start"] <= pair.offset < stretch["end"]]
    income = next(one for panel in said["panels"] for one in panel["signals"] if one.get("name") == "income")

    assert {(pair.partition, pair.key) for pair in within} == {(stretch["partition"], b"credit")}
    assert 2_000 < len(within) == stretch["pairs"] <= WINDOW
    assert stretch["digest"] == "sha256:" + sha256("\n".join(pair.header("ce_id") for pair in within).encode()).hexdigest()
    assert max(pair.timestamp for pair in within) < pairs[WINDOW].timestamp
    values = [json.loads(pair.value or b"")["features"]["income"] for pair in within]
    assert income["values"] == len(values) == income["reference"]["values"]
    assert income["reference"]["mean"] == pytest.approx(sum(values) / len(values))
    shown, _ = gnomon(service, "baseline", "show", str(file), "--json")
    assert json.loads(shown) == said


def test_what_is_pinned_is_found_by_its_id_and_lies_there_once(service: Service, made: Made) -> None:
    file, said = made
    first, again = (json.loads(gnomon(service, "baseline", "pin", str(file), "--json")[0]) for _ in range(2))
    [record] = records(service, "baselines")

    assert first == {
        "id": said["id"],
        "topic": "baselines.baselines",
        "partition": record.partition,
        "offset": 0,
        "already": False,
    }
    assert again == first | {"already": True}
    assert (record.key, record.value) == (said["id"].encode(), file.read_bytes())
    assert (record.header("ce_id"), record.header("ce_subject")) == (said["id"], "credit/7")
    assert json.loads(gnomon(service, "baseline", "show", said["id"], "--json")[0]) == said
    text, _ = gnomon(service, "baseline", "show", said["id"])
    assert f"{said['id']}\nmodel credit, version 7, owner risk-ml" in text
    assert "(EXPIRED)" in text

    settings = ("--model", "credit", "--owner", "other", "--version", "7", "--out", str(service.folder / "other.json"))
    gnomon(service, "baseline", "create", *settings)
    _, why = gnomon(service, "baseline", "pin", str(service.folder / "other.json"), code=1)
    assert f"credit/7 is pinned already, as {said['id']}: give the new one another version" in why
    assert len(records(service, "baselines")) == 1


def test_replay_begins_with_it_and_finds_the_drift(service: Service, pairs: list[Seen], made: Made) -> None:
    file, said = made
    known = {(one["kind"], one.get("name", "")) for panel in said["panels"] for one in panel["signals"]}
    [left_out] = [one["signal"] for panel in said["panels"] for one in panel.get("left_out", ())]
    settle(service, str(file))
    by_file, run = replayed(service, pairs, "by-file")
    settle(service, said["id"])
    by_id, _ = replayed(service, pairs, "by-id")
    bodies = [json.loads(line) for line in by_file]

    assert by_file == by_id
    begun = [body for body in bodies if (body["signal"]["kind"], body["signal"].get("name", "")) in known]
    assert {body["statistics"]["baseline"]["id"] for body in begun} == {said["id"]}
    assert "warming" not in {body["detector"]["state"] for body in begun}
    others = [(body["signal"], body["detector"]["state"]) for body in bodies if body not in begun]
    names = {f"{signal['kind']}/{signal.get('name', '')}".rstrip("/") for signal, _ in others}
    assert {left_out} <= names <= {left_out, "schema", "volume"}
    assert {state for signal, state in others if signal["kind"] == "feature"} == {"warming"}, "what it lacks warms up"
    income = next(each for each in run["episodes"] if each["signal"] == "feature/income" and each["drift_ms"] is not None)
    drifted = sorted(json.loads(pair.value or b"")["timestamp"] for pair in pairs)[REQUESTS // 2]
    assert 0 < income["drift_ms"] - drifted < 1_000
    settle(service, "")
    without, _ = replayed(service, pairs, "without")
    assert {json.loads(line)["detector"]["state"] for line in without} == {"warming"}, "5,000 values are not there"


def test_the_service_begins_with_it_and_says_that_it_has_expired(service: Service, made: Made) -> None:
    file, said = made
    gnomon(service, "baseline", "pin", str(file))
    settle(service, said["id"])
    gnomon(service, "reset", "--role", "detect", "--yes")
    before = len(records(service, "drift.statistics"))
    out = service.folder / "whole"
    gnomon(service, "replay", "--json", "--out", str(out))
    expected = sorted(out.read_bytes().splitlines())
    worker = service.worker("detect", "decide").ready()

    def written() -> list[bytes]:
        return sorted(each.value or b"" for each in records(service, "drift.statistics")[before:])

    eventually(lambda: len(written()) >= len(expected), 60, worker.log)
    assert written() == expected
    assert sum(said["id"].encode() in value for value in expected) > 50

    def stale() -> list[Any]:
        alerts = [json.loads(each.value or b"")["data"] for each in records(service, "alerts")]
        return [alert for alert in alerts if alert["labels"]["alertname"] == "BaselineStale"]

    [alert] = eventually(stale, 60, worker.log)
    assert alert["labels"] == {"alertname": "BaselineStale", "severity": "warning", "model": "credit"}
    assert alert["annotations"]["summary"].startswith("Baseline 7 of credit expired on ")
    assert alert["evidence"]["statistics"]["baseline"]["owner"] == "risk-ml"
    worker.terminate()


@pytest.mark.parametrize("command", [["worker", "--role", "detect"], ["replay"], ["worker"]])
def test_a_baseline_that_cannot_be_used_is_a_fault_of_the_configuration(service: Service, command: list[str]) -> None:
    unknown = "sha256:" + "0" * 64
    (service.folder / "damaged.json").write_bytes(b"{}")
    damaged = str(service.folder / "damaged.json")
    (service.folder / "gnomon.toml").write_text(
        f'[models.a.drift]\nbaseline = "{unknown}"\n[models.b.drift]\nbaseline = "{unknown}"\n'
    )
    said = " ".join(gnomon(service, *command, code=2)[1].split())
    assert "2 faults in the configuration" in said
    assert f'models.a.drift.baseline = "{unknown}": it is not pinned on baselines.baselines' in said

    settle(service, damaged)
    assert "models.credit.drift.baseline" in gnomon(service, *command, code=2)[1]
