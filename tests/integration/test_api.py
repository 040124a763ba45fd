"""What the API says of a service at work, held against what lies on the topics, as another client reads them."""

from __future__ import annotations

import base64
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest

from app.config import Config, KafkaSettings, TopicSettings
from app.dev.child import Child
from app.dev.servers import Servers
from app.samples import PairSamples, SampleError, reading
from tests.integration.committed import Publisher, Seen, read_all
from tests.integration.harness import ROOT, Service, Worker, eventually
from tests.integration.test_flow import CHAIN

pytestmark = pytest.mark.integration

REQUESTS = 6_000
CLASSES = 300
WINDOWS = {"WINDOW": "4000", "GRACE": "1000", "DEDUPLICATION": "20000"}
MODELS = CHAIN + '[models.colours]\nshadows = ["s"]\n'
BROKEN = b'\xff\xfe{"request_id": '
LATIN = '{"request_id": "Z\u00fcrich, \u20ac", \'model\': '.encode() + b"x" * 300


def colours(at: int) -> tuple[str, str]:
    """What legacy and the shadow say of a request."""
    legacy = ("red", "green", "blue")[at % 3]
    return legacy, "red" if at % 5 == 0 else legacy


def send_classes(publisher: Publisher, start_ms: int) -> None:
    for at in range(CLASSES):
        for topic, version, answer in zip(("legacy", "shadow"), ("l", "s"), colours(at), strict=True):
            event = {"model": "colours", "version": version, "timestamp": start_ms + at, "prediction": answer}
            publisher.send(f"predictions.{topic}", f"c-{at}".encode(), json.dumps(event | {"features": {"at": at}}).encode())


@pytest.fixture(scope="module")
def service(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose traffic has been worked off: a drift, classes that differ, two values that are no JSON."""
    settings = {f"GNOMON_PAIRING__{name}_MS": value for name, value in WINDOWS.items()}
    with Service(servers, "api.", tmp_path_factory.mktemp("api"), toml=MODELS, settings=settings) as made:
        worker = made.worker().ready()
        command = [sys.executable, "-m", "load", "--scenario", "drift", "--requests", str(REQUESTS), "--seed", "3", "--no-verify"]
        sending = Child([*command, "--rate", "3000"], made.folder / "load.log", ROOT, made.environment)
        try:
            assert sending.wait_ended(60), sending.tail()
            publisher = Publisher(servers.bootstrap_servers, "api.")
            send_classes(publisher, time.time_ns() // 1_000_000)
            for value in (BROKEN, LATIN):
                publisher.send("predictions.legacy", b"broken", value)
            publisher.flush()
        finally:
            sending.stop()
        eventually(lambda: settled(worker), 90, lambda: f"{worker.get('/api/v1/pipeline')}\n{worker.log()}")
        yield made


def settled(worker: Worker) -> bool:
    """All that was sent is in pairs or refused, and the read model has read that."""
    status, body = worker.get("/api/v1/pipeline")
    if status != 200:
        return False
    told = json.loads(body)
    equation = told["process"]["equation"]
    lags = [each["lag"] for role in told["process"]["roles"] for each in role["partitions"]]
    known = {each["name"]: each for each in json.loads(worker.get("/api/v1/models")[1])["models"]}
    return (
        equation is not None
        and equation["waiting"] == 0
        and equation["in_records"] >= 2 * CLASSES + REQUESTS
        and not any(lags)
        and bool(known.get("credit", {"signals": []})["signals"])
        and "colours" in known
        and told["dead_letters"]["total"] >= 2
    )


@pytest.fixture(scope="module")
def worker(service: Service) -> Worker:
    return service.workers[0]


def get(worker: Worker, path: str) -> dict[str, Any]:
    status, body = worker.get("/api/v1/" + path)
    assert status == 200, (path, status, body)
    answer: dict[str, Any] = json.loads(body)
    return answer


def pairs_of(service: Service, model: str) -> list[tuple[Seen, dict[str, Any]]]:
    pairs = read_all(service.servers.bootstrap_servers, service.prefix, "pairs")
    return [(seen, json.loads(seen.value or b"")) for seen in pairs if seen.key == model.encode()]


def test_the_sample_has_the_pairs_that_differ_most(service: Service, worker: Worker) -> None:
    said = get(worker, "models/credit/pairs?limit=7")
    looked_at = {each["partition"]: range(each["start"], each["end"]) for each in said["offsets"]}
    every = [each for each in pairs_of(service, "credit") if each[0].offset in looked_at[each[0].partition]]
    both = [(seen, pair, pair["shadows"][0]) for seen, pair in every if pair["legacy"] is not None and pair["shadows"]]
    rank = [(abs(shadow["difference"]), pair["timestamp"], seen.partition, seen.offset) for seen, pair, shadow in both]
    assert said["sampled"] == len(every) > 1_000
    assert max(map(len, looked_at.values())) == 5_000
    assert {each["topic"] for each in said["offsets"]} == {"api.pairs"}
    assert said["by_status"] == Counter(pair["status"] for _, pair in every)
    assert [(each["disagreement"], each["timestamp"], each["partition"], each["offset"]) for each in said["pairs"]] == sorted(
        rank, reverse=True
    )[:7]
    [shadow] = said["shadows"]
    assert (shadow["version"], shadow["compared"], shadow["confusion"]) == ("2.0.0", len(both), None)
    assert shadow["disagreeing"] == sum(not each["agrees"] for _, _, each in both)
    worst = next(pair for seen, pair in every if pair["request_id"] == said["pairs"][0]["request_id"])
    assert said["pairs"][0]["features"] == worst["features"]
    assert (said["cut_short"], said["malformed"], said["shadows_left_out"]) == (None, 0, 0)
    assert get(worker, "models/credit/pairs?version=9")["pairs"] == []


async def test_a_sample_is_given_again_and_says_where_it_was_cut(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = KafkaSettings(bootstrap_servers=service.servers.bootstrap_servers)
    samples = PairSamples(Config(kafka=kafka, topics=TopicSettings(prefix="api.", partitions=4)))
    whole = await samples.of("credit", range(4))
    assert await samples.of("credit", range(4)) is whole
    assert whole.cut_short is None
    monkeypatch.setattr(reading, "FRESH_SECONDS", 0)
    monkeypatch.setattr(reading, "_ALL_BYTES", 1)
    monkeypatch.setattr(reading, "_FETCH_BYTES", 10_000)
    cut = await samples.of("credit", range(4))
    assert cut.cut_short == "not all was read within 0 MiB"
    assert 0 < cut.sample.sampled < whole.sample.sampled
    lengths = [sum(each.end - each.start for each in one.offsets) for one in (cut, whole)]
    assert 0 < lengths[0] < lengths[1]
    monkeypatch.setattr(reading, "SECONDS", 0)
    with pytest.raises(SampleError, match="Kafka has not answered within 0 s"):
        await samples.of("credit", range(4))
    await samples.close()


def test_classes_are_counted_as_they_met(service: Service, worker: Worker) -> None:
    said = get(worker, "models/colours/pairs?limit=100")
    [shadow] = said["shadows"]
    labels, counts = shadow["confusion"]["labels"], shadow["confusion"]["counts"]
    met = Counter(colours(at) for at in range(CLASSES))
    assert labels == ["blue", "green", "red"]
    places = product(enumerate(labels), enumerate(labels))
    assert {(one, other): counts[i][j] for (i, one), (j, other) in places if counts[i][j]} == met
    assert shadow["disagreeing"] == sum(count for (one, other), count in met.items() if one != other) == len(said["pairs"])
    assert all(each["disagreement"] == 1 and each["difference"] is None for each in said["pairs"])
    assert worker.get("/api/v1/models/nobody/pairs")[0] == 404


def test_dead_letters_show_what_was_sent_and_how_to_mend_it(worker: Worker) -> None:
    said = get(worker, f"dead-letters?reason=not_json&topic={quote('api.predictions.legacy')}")
    encoded = get(worker, "dead-letters?reason=unsupported_encoding")
    examples = said["examples"] + encoded["examples"]
    values = {each["value"]["bytes"]: each["value"] for each in examples}
    assert {length: base64.b64decode(value["base64"]) for length, value in values.items()} == {
        len(BROKEN): BROKEN, len(LATIN): LATIN[:256],
    }  # fmt: skip
    assert (values[len(BROKEN)]["text"], values[len(BROKEN)]["cut"]) == (None, False)
    assert (values[len(LATIN)]["text"], values[len(LATIN)]["cut"]) == (LATIN.decode()[:253], True)
    for each in (said, encoded):
        [count] = each["counts"]
        assert (count["topic"], count["count"], each["total"]) == ("api.predictions.legacy", 1, 1)
        assert count["mend"]
    assert "base64" not in worker.get("/api/v1/pipeline")[1]


def test_a_histogram_is_that_of_the_newest_statistics(service: Service, worker: Worker) -> None:
    [found] = get(worker, "models/credit/histograms?signal=feature/income")["histograms"]
    records = read_all(service.servers.bootstrap_servers, service.prefix, "drift.statistics")
    newest = [each for each in (json.loads(seen.value or b"") for seen in records) if each["signal"]["name"] == "income"]
    figures = next(each for each in reversed(newest) if each["signal"]["kind"] == "feature")["statistics"]
    assert found["edges"] == figures["histogram"]["ends"]
    assert found["current"]["counts"] == figures["histogram"]["counts"]
    assert found["reference"]["shares"] == figures["histogram"]["reference_shares"]
    assert sum(found["current"]["shares"]) == pytest.approx(1)
    assert sum(found["reference"]["counts"]) == pytest.approx(figures["reference"]["values"])
    distances = ("psi", "ks", "jensen_shannon")
    assert [found[name] for name in distances] == [figures[name] for name in distances]
    assert found["wasserstein"] == figures.get("effect", {}).get("wasserstein")


def test_the_process_names_itself_and_its_equation_holds(worker: Worker) -> None:
    process = get(worker, "pipeline")["process"]
    assert process["pid"] > 0
    assert process["equation"]["holds"]
    assert process["equation"]["rejected"] == 2
    terms = ("in_records", "waiting", "duplicate", "late", "rejected")
    assert process["equation"]["read"] == sum(process["equation"][name] for name in terms)
    [pair] = [role for role in process["roles"] if role["role"] == "pair"]
    assert [each["partition"] for each in pair["partitions"]] == [0, 1, 2, 3]
    assert sum(each["read"] for each in pair["partitions"]) == process["equation"]["read"]
    rates = [each["read_per_s"] for role in process["roles"] for each in role["partitions"]]
    assert process["rate_over_s"] >= 1
    assert all(rate is not None and rate >= 0 for rate in rates)


def test_what_fires_can_be_asked_for_by_itself(worker: Worker) -> None:
    alerts = get(worker, "alerts")["alerts"]
    assert alerts
    one = get(worker, f"alerts/{alerts[0]['fingerprint']}")
    assert one["alerts"] == [each for each in alerts if each["fingerprint"] == alerts[0]["fingerprint"]]
    for trigger in get(worker, "triggers")["triggers"]:
        assert get(worker, f"triggers/{trigger['trigger']['trigger_id']}")["triggers"] == [trigger]
