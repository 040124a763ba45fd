"""Outcomes on a real broker: they meet their pairs on another partition, a drop of quality alerts and triggers.

What the service said, killed again and again, is held against its fold, fed offline from the committed logs, and against
`gnomon replay`: to the last byte.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from app.config import load
from app.dev.servers import Servers
from tests.faults.recompute import first_difference, of_detect, recomputed
from tests.integration.committed import Publisher, Seen, read_all
from tests.integration.harness import PARTITIONS, ROOT, Service, Worker, eventually

pytestmark = pytest.mark.integration

TOML = """
[models.default]
shadows = ["2.0.0"]
[models.default.drift]
warm_up = 1000
values_between_false_alarms = 1e7
label_delay_ms = 5000
[models.default.alerts]
keep_firing_for_s = 60
[models.default.retrain]
minimum_events = 500
[models.sharded]
shadows = ["2.0.0"]
shards = 4
[models.sharded.drift]
segments = ["channel"]
warm_up = 1000
values_between_false_alarms = 1e7
label_delay_ms = 5000
"""
CHANGE, BURST = 4_500, 200
#: The pair role reads its partitions at paces of their own: its pairs of a model are mixed by about so many requests.
MIXED = 800
#: By number, of which each is 10 ms of event time: those that count, and after a gap those that settle them.
REQUESTS, TAIL = range(8_000), range(10_000, 10_800)
PAIRS = sum(2 if number % 8 == 0 else 1 for number in (*REQUESTS, *TAIL))
#: What becomes of a pair.
BECAME = ("labelled_total", "unlabelled_total", "not_awaited_total", "awaiting")


class Played(NamedTuple):
    """What the logs hold when all was read, by topic; ``figures`` are those of detect, added up over the partitions."""

    service: Service
    logs: dict[str, list[Seen]]
    figures: dict[str, float]

    def data(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(each.value or b"")["data"] for each in self.logs[topic]]


def send(publisher: Publisher, start_ms: int, number: int, rng: random.Random) -> None:
    """A request of each model. From ``CHANGE`` on the live model is wrong three times as often, and never the shadow."""
    truth, at = rng.random() < 0.5, start_ms + 10 * number
    wrong = rng.random() < (0.1 if number < CHANGE else 0.3)
    for model in ("credit", "sharded") if number % 8 == 0 else ("credit",):
        name, part = f"{model}-{number:06d}", {"channel": "web" if number % 16 else "app"}
        for topic, version, answer in (
            ("predictions.legacy", "1.4.0", truth != wrong),
            ("predictions.shadow", "2.0.0", truth != (number % 10 == 0)),
        ):
            event = {
                "request_id": name,
                "model": model,
                "version": version,
                "timestamp": at,
                "prediction": answer,
                "segments": part,
            }
            publisher.send(topic, name.encode(), json.dumps(event).encode())


def send_outcome(publisher: Publisher, start_ms: int, number: int, rng: random.Random) -> None:
    """As ``send``, with the same random numbers; errors are known three seconds after successes."""
    truth = rng.random() < 0.5
    wrong = rng.random() < (0.1 if number < CHANGE else 0.3)
    at = start_ms + 10 * number + (4_000 if wrong else 1_000)
    for model in ("credit", "sharded") if number % 8 == 0 else ("credit",):
        name = f"{model}-{number:06d}"
        event = {"request_id": name, "model": model, "timestamp": at, "label": truth, "kpis": {"usd": number % 3}}
        publisher.send("outcomes", name.encode(), json.dumps(event).encode())


def play(service: Service) -> Worker:
    """Pairs, their outcomes a little later, and detect killed again and again meanwhile."""
    others, detect = service.worker("pair", "decide").ready(), service.worker("detect").ready()
    publisher, start_ms = Publisher(service.servers.bootstrap_servers, service.prefix), time.time_ns() // 1_000_000 - 120_000
    requests, outcomes = random.Random(7), random.Random(7)

    def burst(asked: range, known: range) -> None:
        for number in asked:
            send(publisher, start_ms, number, requests)
        for number in known:
            send_outcome(publisher, start_ms, number, outcomes)
        publisher.flush()

    before = range(0)
    for at in range(0, len(REQUESTS), BURST):
        burst(REQUESTS[at : at + BURST], before)
        before = REQUESTS[at : at + BURST]
        if at % MIXED == 0:
            eventually(lambda events=2 * (at + BURST) * 9 // 8: read_by_pair(others) == events, 30, others.log)  # type: ignore[misc]
        if at in {1_600, 3_200, 5_000}:
            detect.kill()
            detect.start()
            detect.ready()
    burst(range(0), before)
    eventually(lambda: sum(became(detect).values()) == PAIRS - len(TAIL) - len(TAIL) // 8, 60, lambda: f"{became(detect)}")
    burst(TAIL, TAIL)
    eventually(lambda: is_all_read(service, others, detect), 60, lambda: f"{became(detect)}\n{others.log()}")
    return detect


def read_by_pair(worker: Worker) -> float:
    return sum(count for labels, count in worker.metric("gnomon_events_read_total").items() if 'role="pair"' in labels)


def became(detect: Worker) -> dict[str, float]:
    """How many pairs are settled, and wait."""
    return {name: sum(detect.metric(f"gnomon_detect_pairs_{name}").values()) for name in BECAME}


def is_all_read(service: Service, others: Worker, detect: Worker) -> bool:
    """All marks have come back as well: each pair is settled, or is of the tail; and a retraining is asked for."""
    lags = [*others.metric("gnomon_lag_records").values(), *detect.metric("gnomon_lag_records").values()]
    if sum(became(detect).values()) != PAIRS or sum(lags):
        return False
    return bool(read_all(service.servers.bootstrap_servers, service.prefix, "retrain.triggers"))


@pytest.fixture(scope="module")
def played(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    with Service(servers, "outcomes.", tmp_path_factory.mktemp("outcomes"), toml=TOML) as service:
        detect = play(service)
        figures = became(detect)
        for worker in service.workers:
            worker.terminate()
        topics = ("pairs", "outcomes", "outcomes.placed", "drift.statistics", "alerts", "retrain.triggers")
        logs = {topic: read_all(servers.bootstrap_servers, service.prefix, topic) for topic in topics}
        yield Played(service, logs, figures)


def test_each_outcome_is_placed_once_where_the_pair_of_its_request_lies(played: Played) -> None:
    placed = [each for each in played.logs["outcomes.placed"] if each.key is not None]
    pairs = {json.loads(each.value or b"")["request_id"]: each.partition for each in played.logs["pairs"]}

    assert len(placed) == len({each.key for each in placed}) == len(played.logs["outcomes"])
    assert [each for each in placed if pairs[(each.key or b"").decode()] != each.partition] == []
    assert {each.partition for each in played.logs["outcomes"]} == set(range(PARTITIONS))
    assert len({each.partition for each in placed if (each.key or b"").startswith(b"credit")}) == 1
    assert len({each.partition for each in placed if (each.key or b"").startswith(b"sharded")}) > 1


def test_pairs_met_their_outcomes(played: Played) -> None:
    figures, pairs = played.figures, len(played.logs["pairs"])

    assert sum(figures.values()) == pairs
    assert figures["not_awaited_total"] == 0
    assert figures["unlabelled_total"] < 0.02 * pairs, "a source of outcomes that nobody knew yet was read late"
    assert figures["labelled_total"] > 0.75 * pairs, "of the sharded model some wait, which has few outcomes of each source"


def test_a_drop_of_quality_alerts_once_and_triggers_a_retraining(played: Played) -> None:
    firing = [each for each in played.data("alerts") if each["status"] == "firing" and each["labels"]["model"] == "credit"]
    drops = {(each["labels"]["role"], each["labels"]["signal"], each["labels"]["severity"]) for each in firing}

    assert drops == {("legacy", "error", "critical"), ("shadow", "error/only_legacy", "warning"),
                     ("shadow", "disagreement", "critical")}  # fmt: skip
    [trigger] = played.data("retrain.triggers")
    assert (trigger["model"]["name"], trigger["reason"]["code"]) == ("credit", "performance_drop")
    [stretch] = trigger["window"]["offsets"]
    assert stretch["topic"] == f"{played.service.prefix}pairs"
    inside = [
        json.loads(each.value or b"")
        for each in played.logs["pairs"]
        if each.partition == stretch["partition"] and stretch["start"] <= each.offset < stretch["end"] and each.key == b"credit"
    ]
    numbers = [int(each["request_id"].rpartition("-")[2]) for each in inside]
    assert trigger["window"]["events"] == len(inside) >= 500
    # It begins where the window that alarmed did, up to 1,024 pairs early.
    assert min(numbers) > CHANGE - 1_024 - 2 * MIXED
    assert sum(number >= CHANGE for number in numbers[-200:]) > 100


def test_what_was_said_is_what_the_logs_say_to_the_last_byte(played: Played) -> None:
    config, prefix = load(file=played.service.environment["GNOMON_CONFIG"]).config, played.service.prefix
    for partition in range(PARTITIONS):
        mine = {topic: [each for each in log if each.partition == partition] for topic, log in played.logs.items()}
        written = [each for each in mine["drift.statistics"] if of_detect(each)]
        logs = mine["pairs"], mine["outcomes.placed"]
        said = recomputed(*logs, partition, prefix, lambda model: config.model(model).drift, seed=partition)
        assert first_difference(written, said) is None
    segments = [
        json.loads(each.value or b"")["segment"] for each in played.logs["drift.statistics"] if b"|error|" in (each.key or b"")
    ]
    assert {"channel": "app"} in segments


def test_replay_says_the_same_to_the_last_byte(played: Played, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "app", "replay", "--json", "--out", str(tmp_path / "statistics")]
    done = subprocess.run(command, cwd=ROOT, env=played.service.environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    live = [each.value or b"" for each in played.logs["drift.statistics"] if of_detect(each)]
    assert sorted((tmp_path / "statistics").read_bytes().splitlines()) == sorted(live)
    [run] = json.loads(done.stdout)["runs"]
    assert "error" in {each["signal"] for each in run["episodes"] if each["drift_ms"] is not None}
