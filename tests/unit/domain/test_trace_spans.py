"""An alert as the end of a trace: which spans there are, whose children, from when to when, and the same each time."""

from typing import Any

import pytest

from app.domain.trace_spans import AlertRecord, Evidence, Span, TracedPair, Written, spans_of
from schemas.trace_context import TraceContext

PARENT = TraceContext("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", True, "vendor=1")
PAIR = TracedPair(PARENT, "r-1", 1_000, Written("credit/r-1/1000", "x.pairs", 2, 40, 1_500))
STATISTICS = Written("credit|1|feature/income|/2/0-9/3", "x.drift.statistics", 2, 7, 1_900)
TOLD = Written("058b/firing/2026", "x.alerts", 2, 3, 2_300)
ALERT = AlertRecord(
    labels={"alertname": "FeatureDrift", "severity": "warning", "model": "credit"},
    annotations={"summary": "income is higher"},
    starts_at="2026-09-21T14:14:19.999Z",
    status="firing",
    fingerprint="058b",
    evidence=Evidence([], STATISTICS.id),
)


def by_name(spans: list[Span]) -> dict[str, Span]:
    assert len({span.span_id for span in spans}) == len(spans)
    return {span.name: span for span in spans}


def test_three_spans_follow_each_other_and_are_children_of_the_producer_s() -> None:
    spans = spans_of(ALERT, TOLD, PAIR, STATISTICS)
    assert [(span.name, span.start_ms, span.end_ms) for span in spans] == [
        ("gnomon pair", 1_000, 1_500),
        ("gnomon detect", 1_500, 1_900),
        ("gnomon decide", 1_900, 2_300),
    ]
    assert {span.parent for span in spans} == {PARENT}
    assert all(len(span.span_id) == 16 and int(span.span_id, 16) for span in spans)


def test_each_says_where_its_record_lies() -> None:
    spans = by_name(spans_of(ALERT, TOLD, PAIR, STATISTICS))
    assert spans["gnomon decide"].attributes == {
        "messaging.system": "kafka",
        "messaging.operation.type": "send",
        "messaging.operation.name": "send",
        "messaging.destination.name": "x.alerts",
        "messaging.destination.partition.id": "2",
        "messaging.kafka.offset": 3,
        "gnomon.ce_id": "058b/firing/2026",
        "gnomon.model": "credit",
        "gnomon.alertname": "FeatureDrift",
        "gnomon.fingerprint": "058b",
    }
    assert spans["gnomon pair"].attributes["gnomon.request_id"] == "r-1"
    assert spans["gnomon detect"].attributes["messaging.destination.name"] == "x.drift.statistics"


def test_the_alert_is_an_event_of_the_last() -> None:
    spans = by_name(spans_of(ALERT, TOLD, PAIR, STATISTICS))
    [event] = spans["gnomon decide"].events
    assert (event.name, event.at_ms) == ("alert", 2_300)
    assert event.attributes == {
        "gnomon.alertname": "FeatureDrift",
        "gnomon.severity": "warning",
        "gnomon.fingerprint": "058b",
        "gnomon.status": "firing",
        "gnomon.starts_at": "2026-09-21T14:14:19.999Z",
        "gnomon.summary": "income is higher",
    }


def test_without_statistics_the_decision_begins_with_the_pair() -> None:
    spans = spans_of(ALERT, TOLD, PAIR, None)
    assert [(span.name, span.start_ms, span.end_ms) for span in spans] == [
        ("gnomon pair", 1_000, 1_500),
        ("gnomon decide", 1_500, 2_300),
    ]


def test_an_id_is_of_its_record_alone() -> None:
    """So the same told again is the same, and two alerts of one pair and one statistics record share two spans."""
    spans = by_name(spans_of(ALERT, TOLD, PAIR, STATISTICS))
    assert spans == by_name(spans_of(ALERT, TOLD, PAIR, STATISTICS))
    other = by_name(spans_of(ALERT, TOLD._replace(id="1f00/firing/2026"), PAIR, STATISTICS))
    assert [spans[name] == other[name] for name in spans] == [True, True, False]
    assert spans["gnomon pair"].span_id == "4ce94aab944fb3a5", "a release that makes another id tells all of it twice"


TIMES: dict[str, tuple[dict[str, int], list[tuple[int, int]]]] = {
    "an event that is ahead of the broker": ({"event_ms": 9_000}, [(1_500, 1_500), (1_500, 1_900), (1_900, 2_300)]),
    "an event of before the epoch": ({"event_ms": -5}, [(0, 1_500), (1_500, 1_900), (1_900, 2_300)]),
    "an alert of a clock that is behind": ({"told_ms": 1_000}, [(1_000, 1_500), (1_500, 1_900), (1_000, 1_000)]),
    "no times": ({"event_ms": -1, "told_ms": -1}, [(0, 1_500), (1_500, 1_900), (0, 0)]),
    "a time that no span can have": ({"told_ms": 1 << 62}, [(1_000, 1_500), (1_500, 1_900), (1_900, (1 << 63) // 1_000_000)]),
}


@pytest.mark.parametrize(("times", "wanted"), TIMES.values(), ids=TIMES)
def test_no_span_ends_before_it_begins(times: dict[str, int], wanted: list[tuple[int, int]]) -> None:
    told = TOLD._replace(at_ms=times.get("told_ms", TOLD.at_ms))
    pair = PAIR._replace(event_ms=times.get("event_ms", PAIR.event_ms))
    assert [(span.start_ms, span.end_ms) for span in spans_of(ALERT, told, pair, STATISTICS)] == wanted


def test_an_alert_without_labels_is_told_all_the_same() -> None:
    bare: Any = AlertRecord({}, {}, "", "firing", "f", Evidence())
    assert by_name(spans_of(bare, TOLD, PAIR, None))["gnomon decide"].attributes["gnomon.model"] == ""
