"""One trace from a producer's span to the alert: a producer with OpenTelemetry, the service, `gnomon traces`, a collector."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from app.dev.child import Child
from app.dev.ports import free_ports
from app.dev.servers import Servers
from schemas.alert import Alert, AlertStatus
from schemas.events import alert_event
from tests.integration.committed import Publisher, Seen
from tests.integration.harness import PARTITIONS, ROOT, Service, eventually
from tests.integration.test_flow import CHAIN
from tests.integration.traces_chain import REQUESTS, Chain, committed, forget_group, produce, running
from tests.otlp_receiver import OtlpServer, Told

pytestmark = pytest.mark.integration

#: The spans of the service, in the order of their times.
STEPS = ["gnomon pair", "gnomon detect", "gnomon decide"]


@pytest.fixture(scope="module")
def otlp() -> Iterator[OtlpServer]:
    receiver = OtlpServer(free_ports(1)[0])
    receiver.start()
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def chain(servers: Servers, otlp: OtlpServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """Income drifts in the middle of the traffic; one request in five is in a trace that is recorded, all are in one."""
    windows = {"WINDOW": "4000", "GRACE": "1000", "DEDUPLICATION": "20000"}
    settings = {f"GNOMON_PAIRING__{name}_MS": value for name, value in windows.items()}
    with Service(servers, "traces.", tmp_path_factory.mktemp("traces"), toml=CHAIN, settings=settings) as service:
        worker = service.worker("pair", "detect", "decide").ready()
        chain = Chain(service, produce(servers.bootstrap_servers, otlp))
        eventually(chain.alerts, 90, worker.log)
        eventually(lambda: sum(worker.metric("gnomon_lag_records").values()) == 0, 60, worker.log)
        worker.terminate()
        yield chain


def of_service(spans: list[Told]) -> dict[str, Told]:
    """The service's own, by their ids; one that came twice was the same both times."""
    found: dict[str, Told] = {}
    for span in spans:
        if span.service == "gnomon":
            assert found.setdefault(span.span_id, span) == span
    return found


def test_a_pair_goes_on_in_the_trace_of_its_legacy_half(chain: Chain) -> None:
    pairs = chain.read("pairs")
    assert len(pairs) == REQUESTS
    for record in pairs:
        wrote = chain.wrote[json.loads(record.value or b"")["request_id"]]
        assert {name: (value or b"").decode() for name, value in record.headers if name.startswith("trace")} == wrote


def test_one_trace_leads_from_the_producer_to_the_alert(chain: Chain, otlp: OtlpServer) -> None:
    """The collector is away when the alerts are read, and comes back; then all is told again to a new group."""
    alerts = chain.alerts()
    before = len(otlp.spans)
    otlp.stop()
    with running(chain.service, otlp.url) as traces:
        eventually(lambda: traces.count('gnomon_traces_failures_total{reason="unreachable"}') >= 2, 60, traces.child.tail)
        assert committed(chain.service) == 0, "nothing is done with that was not taken"
        otlp.start()
        traces.wait_for("exported", len(alerts))
        eventually(lambda: committed(chain.service) >= len(alerts), 30)
        assert traces.count("gnomon_traces_last_export_timestamp_seconds") > 0
    assert otlp.headers[-1]["x-tenant"] == "risk"
    first = of_service(otlp.spans[before:])
    for record, data in alerts:
        leads_to(chain, list(otlp.spans), first, record, data)

    forget_group(chain.service)
    again = len(otlp.spans)
    with running(chain.service, otlp.url) as traces:
        traces.wait_for("exported", len(alerts))
    assert of_service(otlp.spans[again:]) == first, "told twice, the same spans"


def leads_to(chain: Chain, every: list[Told], ours: dict[str, Told], record: Seen, data: dict[str, Any]) -> None:
    """The spans of one alert are children of the span of the newest request that is recorded, and end where they should."""
    newest = newest_recorded(chain, data["evidence"]["offsets"])
    value = json.loads(newest.value or b"")
    _, trace_id, parent_id, _ = chain.wrote[value["request_id"]]["traceparent"].split("-")
    [producer] = [span for span in every if span.span_id == parent_id]
    assert (producer.service, producer.name, producer.trace_id) == ("scoring", "predict", trace_id)

    [decided] = [each for each in chain.read("drift.statistics") if each.header("ce_id") == data["evidence"]["source"]]
    pair, detect, decide = (span_of(ours, name, each) for name, each in zip(STEPS, (newest, decided, record), strict=True))
    assert {(span.trace_id, span.parent_id, span.kind) for span in (pair, detect, decide)} == {(trace_id, parent_id, 4)}
    assert (pair.start_ms, pair.end_ms) == (value["timestamp"], newest.timestamp)
    assert (detect.start_ms, detect.end_ms) == (newest.timestamp, decided.timestamp)
    assert (decide.start_ms, decide.end_ms) == (decided.timestamp, record.timestamp)
    assert decide.attributes["gnomon.fingerprint"] == data["fingerprint"]
    [(name, at_ms, told)] = decide.events
    assert (name, at_ms, told["gnomon.summary"]) == ("alert", record.timestamp, data["annotations"]["summary"])


def span_of(ours: dict[str, Told], name: str, record: Seen) -> Told:
    """The one span of this record, as it says where that lies; an alert may fire again, and two may rest on one pair."""
    lies = ("messaging.destination.name", "messaging.destination.partition.id", "messaging.kafka.offset")
    there = (f"traces.{record.topic}", str(record.partition), record.offset)
    [span] = [each for each in ours.values() if each.name == name and tuple(map(each.attributes.get, lies)) == there]
    return span


def newest_recorded(chain: Chain, offsets: list[dict[str, Any]]) -> Seen:
    """The newest pair of the evidence whose traceparent has the flag, by a reader of its own."""
    found = of_stretch(chain, offsets)
    recorded = [record for record in found if is_recorded(record)]
    assert len(recorded) < len(found), "most requests are in no trace that is recorded"
    return max(recorded, key=lambda record: record.offset)


def is_recorded(pair: Seen) -> bool:
    """The lowest bit of the flags; the next one says that the trace id is random."""
    return bool(int(pair.header("traceparent")[-2:], 16) & 1)


def of_stretch(chain: Chain, offsets: list[dict[str, Any]]) -> list[Seen]:
    [stretch] = offsets
    return [
        record
        for record in chain.read("pairs")
        if record.partition == stretch["partition"] and stretch["start"] <= record.offset < stretch["end"]
    ]


def last_recorded_before(chain: Chain, pair: Seen) -> Seen:
    """The last pair before this one, in its partition, whose trace is recorded."""
    before = [record for record in chain.read("pairs") if record.partition == pair.partition and record.offset < pair.offset]
    return max(filter(is_recorded, before), key=lambda record: record.offset)


def an_alert(service: Service, name: str, stretch: dict[str, Any], status: AlertStatus = "firing", **more: Any) -> Alert:
    return Alert(
        labels={"alertname": name, "severity": "warning", "model": "credit"},
        annotations={},
        starts_at="2026-09-21T14:14:19.999Z",
        generator_url="",
        status=status,
        fingerprint=name,
        evidence={"offsets": [{"topic": f"{service.prefix}pairs"} | stretch]} | more,
    )


def test_what_leads_nowhere_is_counted_and_holds_up_nothing(chain: Chain, otlp: OtlpServer) -> None:
    """Records that are no alerts, evidence that the log has not got, a collector that refuses: the last are told all the same."""
    service, publisher = chain.service, Publisher(chain.service.servers.bootstrap_servers, chain.service.prefix)
    real = chain.alerts()[0][1]["evidence"]["offsets"]
    unrecorded = next(each for each in of_stretch(chain, real) if not is_recorded(each))
    alone = {"partition": unrecorded.partition, "start": unrecorded.offset, "end": unrecorded.offset + 1}
    earlier = last_recorded_before(chain, unrecorded)
    told = [
        an_alert(service, "Resolved", {"partition": 0, "start": 0, "end": 9}, "resolved"),
        an_alert(service, "AnotherTopic", {"topic": "x.pairs", "partition": 0, "start": 0, "end": 9}),
        an_alert(service, "NoPartition", {"partition": PARTITIONS, "start": 0, "end": 9}),
        an_alert(service, "BehindTheEnd", {"partition": 0, "start": 1 << 40, "end": 1 << 41}),
        an_alert(service, "TheWrongWayRound", {"partition": 0, "start": 9, "end": -9}, statistics={"change": {"offset": "no"}}),
        an_alert(service, "AnotherModels", {"partition": (alone["partition"] + 1) % PARTITIONS, "start": 0, "end": 1 << 62}),
        an_alert(service, "NotRecorded", alone),
        an_alert(service, "SinceTheChange", alone, statistics={"change": {"offset": earlier.offset}}),
        an_alert(service, "Real", real[0]),
    ]
    good = len(chain.alerts())
    nested = b'{"id": "a", "data": {"evidence": {"statistics": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}}}"
    for value in (b"", b"\xff", b"{}", nested, b'{"id": "a", "data": {"labels": {"model": 1}}}'):
        publisher.send("alerts", b"credit", value)
    for alert in told:
        publisher.send("alerts", b"credit", alert_event(f"{alert.fingerprint}/firing/1", alert, at=1, caused_by="").value)
    publisher.flush()

    forget_group(service)
    before, otlp.answer = len(otlp.spans), 400
    with running(service, otlp.url) as traces:
        traces.wait_for("refused", good + 2)
        wanted = {"unreadable": 5, "no_pairs": 2, "no_trace": 4, "exported": 0}
        eventually(lambda: {name: traces.done(name) for name in wanted} == wanted, 30, traces.child.tail)
        assert traces.done("resolved") >= 1
    assert len(otlp.spans) == before
    forget_group(service)
    otlp.answer = 200
    with running(service, otlp.url) as traces:
        traces.wait_for("exported", good + 2)
    for name in ("Real", "SinceTheChange"):
        [decide] = [span for span in otlp.spans[before:] if span.attributes.get("gnomon.alertname") == name]
        of_pair = [each for each in otlp.spans[before:] if each.trace_id == decide.trace_id and each.name == "gnomon pair"]
        assert {each.end_ms for each in of_pair} == {decide.start_ms}, "without the statistics the decision begins with the pair"
        if name == "SinceTheChange":
            assert earlier.offset in {each.attributes["messaging.kafka.offset"] for each in of_pair}


def test_a_prefix_without_topics_is_said(chain: Chain) -> None:
    command = [sys.executable, "-m", "app", "traces", "--set", "topics.prefix=nobody."]
    environment = chain.service.environment | {"GNOMON_TELEMETRY__ENDPOINT": "http://127.0.0.1:1"}
    child = Child(command, chain.service.folder / "nobody.log", ROOT, environment)
    try:
        assert child.wait_ended(60), child.tail()
        assert (child.exit_code, "there is no topic nobody.alerts" in child.tail()) == (1, True), child.tail()
    finally:
        child.stop()
