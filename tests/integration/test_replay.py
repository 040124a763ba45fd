"""`gnomon replay` on a real log: it decides as the service did, to the byte, and sees what is put into history."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.dev.servers import Servers
from tests.integration.committed import read_all
from tests.integration.harness import ROOT, Service

pytestmark = pytest.mark.integration

TOML = """
[models.default]
shadows = ["2.0.0"]
[models.default.drift]
warm_up = 1000
values_between_false_alarms = 1e7
"""
REQUESTS = 6_000


@pytest.fixture(scope="module")
def service(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A log of pairs with a drift in it, and what the service said of it."""
    folder = tmp_path_factory.mktemp("replay")
    windows = {
        f"GNOMON_PAIRING__{name}_MS": value
        for name, value in {"WINDOW": "4000", "GRACE": "1000", "DEDUPLICATION": "20000"}.items()
    }
    with Service(servers, "replay.", folder, toml=TOML, settings=windows) as made:
        made.play_drift(REQUESTS)
        yield made


def replay(service: Service, *arguments: str) -> Any:
    command = [sys.executable, "-m", "app", "replay", "--json", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=service.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def said(service: Service) -> list[bytes]:
    """What the detect role wrote, in the order of each partition."""
    records = read_all(service.servers.bootstrap_servers, service.prefix, "drift.statistics")
    return [each.value or b"" for each in records if each.header("ce_source") == "/gnomon/detect"]


def test_replay_decides_as_the_service_did_to_the_last_byte(service: Service, tmp_path: Path) -> None:
    told = replay(service, "--out", str(tmp_path / "statistics"))
    live = said(service)

    assert sorted((tmp_path / "statistics").read_bytes().splitlines()) == sorted(live)
    [run] = told["runs"]
    assert run["statistics"] == len(live) > 50
    drifts = [each for each in run["episodes"] if each["drift_ms"] is not None and each["role"] == "legacy"]
    assert "feature/income" in {each["signal"] for each in drifts}


def test_two_configurations_stand_side_by_side(service: Service, tmp_path: Path) -> None:
    deaf = tmp_path / "deaf.toml"
    deaf.write_text(TOML + "least_effect = 9.0\n")
    told = replay(service, "--compare", service.environment["GNOMON_CONFIG"], str(deaf))
    drifts = [sum(each["drift_ms"] is not None for each in run["episodes"]) for run in told["runs"]]

    assert [run["configuration"] for run in told["runs"]] == [service.environment["GNOMON_CONFIG"], str(deaf)]
    assert drifts[0] > 0
    assert drifts[1] == 0  # what is found is the same, and too small to be called drift


def test_a_drift_that_is_put_in_is_found_and_a_foreign_model_is_left_alone(service: Service) -> None:
    """Pairs lie in the order in which they were complete: those before the moment and those after it are mixed."""
    records = read_all(service.servers.bootstrap_servers, service.prefix, "pairs")
    times = [json.loads(each.value or b"")["timestamp"] for each in sorted(records, key=lambda record: record.offset)]
    moment = sorted(times)[REQUESTS // 3]
    first = next(at for at, time_ms in enumerate(times) if time_ms >= moment)
    mixed = sum(time_ms < moment for time_ms in times[first:])
    told = replay(service, "--inject", f"latency:+3sd@{moment}")
    latencies = [row for row in told["injected"]["found"] if row["subject"].endswith(" latency")]

    assert told["injected"]["alarms_before"] == 0
    assert {row["subject"].split()[2] for row in latencies} == {"(legacy)", "(shadow)"}
    most = 500 + 2 * mixed
    assert [row for row in latencies if not (0 < row["delay_events"] < most and row["direction"].endswith(" up"))] == []
    assert replay(service, "--model", "nobody")["runs"][0]["pairs"] == 0


def test_stretches_meet_without_a_gap(service: Service) -> None:
    """What lies before a time, between two and after the other is all there is; where they part, Kafka's index says."""
    times = sorted(each.timestamp for each in read_all(service.servers.bootstrap_servers, service.prefix, "pairs"))
    first, second = str(times[len(times) // 4]), str(times[len(times) // 2])
    stretches = [("--to", first), ("--from", first, "--to", second), ("--from", second)]
    counts = [replay(service, *stretch)["runs"][0]["pairs"] for stretch in stretches]

    assert sum(counts) == len(times)
    assert all(0.1 < count / len(times) < 0.7 for count in counts), counts
    assert replay(service, "--from", str(times[-1] + 3_600_000))["runs"][0]["pairs"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "yesterday"], "'yesterday' is no time"),
        (["--from", "2026-11-01T00:00:00"], "has no time zone"),
        (["--inject", "income +1"], "'income +1' is no injection: allowed is SIGNAL:CHANGE"),
        (["--inject", "latency:+1.2.3sd@0"], "is no injection: allowed is SIGNAL:CHANGE"),
        (["--out", "/no/such/folder/file"], "'/no/such/folder/file': No such file or directory"),
        (["--inject", "shadow feature/income:+1@0"], "a feature belongs to the request"),
    ],
)
def test_what_cannot_be_replayed_is_refused_by_name(service: Service, arguments: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app", "replay", *arguments],
        cwd=ROOT,
        env=service.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
