"""The trace of a request goes on from its halves to its pair: whose it is, and that neither a rebuild nor an order changes it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from agents.pair import INPUTS, ModelRules, PairFold
from app.domain.pairing.pairing_state import PairingPolicy
from app.domain.pairing.refusal_limit import RefusalPolicy
from app.folds.fold import Run
from schemas.limits import Limits

START = 1_790_000_000_000
LEGACY, SHADOW = 0, 1
LIVE, FIRST, SECOND = (f"00-{number:032x}-{number:016x}-01".encode() for number in (1, 2, 3))


@dataclass
class Event:
    """One half of request ``r`` with the traceparent that its producer wrote, if any."""

    offset: int
    version: str
    traceparent: bytes | None = None
    at: int = 0
    id: str = "r"
    timestamp: int = START

    @property
    def key(self) -> bytes:
        return self.id.encode()

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        return () if self.traceparent is None else [("traceparent", self.traceparent), ("tracestate", b"vendor=1")]

    @property
    def value(self) -> bytes:
        event = {
            "request_id": self.id,
            "model": "credit",
            "version": self.version,
            "timestamp": START + self.at,
            "prediction": 0.5,
        }
        return json.dumps(event).encode()


class Pairs:
    """Keeps the headers of the pairs that are sent, by their ``ce_id``."""

    def __init__(self) -> None:
        self.sent: dict[bytes, dict[str, bytes]] = {}

    def send(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]]
    ) -> None:
        if topic == "pairs":
            found = dict(headers)
            assert len(found) == len(headers)
            self.sent[found["ce_id"]] = found


def a_fold(shadows: tuple[str, ...]) -> PairFold:
    policy = PairingPolicy(window_ms=1_000, grace_ms=0, deduplication_ms=1_000)
    rules = ModelRules(shadows, 0.0, 1)
    return PairFold(0, 1, INPUTS, policy, lambda _: rules, Limits(), "sha256:0", RefusalPolicy(0, 1.0, 1))


def run(*events: Event, start: int = 0, end: int | None = None) -> Run:
    made = Run(events)
    made.start, made.end = start, events[-1].offset + 1 if end is None else end
    return made


def paired(shadows: tuple[str, ...], *runs: tuple[int, Run]) -> dict[str, bytes]:
    """The headers of the one pair that comes of these runs."""
    fold, out = a_fold(shadows), Pairs()
    fold.restore(None, None, [0, 0])
    fold.rebuilt()
    fold.sees_ends([True, True], START)
    for side, each in runs:
        fold.feed(side, each, out)
    return out.sent[b"credit/r/%d" % START]


CASES = {
    "legacy is the source": (("2",), [(LEGACY, run(Event(0, "1", LIVE))), (SHADOW, run(Event(0, "2", FIRST)))], LIVE),
    "whichever is read first": (("2",), [(SHADOW, run(Event(0, "2", FIRST))), (LEGACY, run(Event(0, "1", LIVE)))], LIVE),
    "legacy is in no trace": (("2",), [(LEGACY, run(Event(0, "1"))), (SHADOW, run(Event(0, "2", FIRST)))], None),
    "solo": ((), [(LEGACY, run(Event(0, "1", LIVE)))], LIVE),
    "nobody is in a trace": (("2",), [(LEGACY, run(Event(0, "1"))), (SHADOW, run(Event(0, "2")))], None),
    "a broken traceparent": (("2",), [(LEGACY, run(Event(0, "1", LIVE[:-1]))), (SHADOW, run(Event(0, "2")))], None),
    "of shadows alone, the first as configured": (
        ("b", "a"),
        [
            (SHADOW, run(Event(0, "a", FIRST), Event(1, "b", SECOND), Event(2, "b", at=9_000, id="later"))),
            (LEGACY, run(Event(0, "1", at=9_000, id="later"))),
        ],
        SECOND,
    ),
}


@pytest.mark.parametrize(("shadows", "runs", "parent"), CASES.values(), ids=CASES)
def test_the_trace_is_that_of_the_half_whose_features_are_carried(
    shadows: tuple[str, ...], runs: list[tuple[int, Run]], parent: bytes | None
) -> None:
    headers = paired(shadows, *runs)
    assert headers.get("traceparent") == parent
    assert headers.get("tracestate") == (None if parent is None else b"vendor=1")
    assert set(headers) - {"traceparent", "tracestate"} == {"ce_specversion", "ce_type", "ce_source", "ce_id", "content-type"}


def test_a_half_that_waits_over_a_restart_keeps_its_trace() -> None:
    """It is committed as waiting, the process ends, and the other half comes to the next one."""
    before, nothing = a_fold(("2",)), Pairs()
    before.restore(None, None, [0, 0])
    before.rebuilt()
    before.sees_ends([True, True], START)
    before.feed(LEGACY, run(Event(0, "1", LIVE)), nothing)
    low, saved = before.low(), before.save()
    assert before.replays()
    assert (list(low), nothing.sent) == ([0, 0], {})

    after, out = a_fold(("2",)), Pairs()
    after.restore(saved, None, low)
    after.feed(LEGACY, run(Event(0, "1", LIVE)), Pairs())
    after.rebuilt()
    after.sees_ends([True, True], START)
    after.feed(SHADOW, run(Event(0, "2", FIRST)), out)
    assert out.sent[b"credit/r/%d" % START]["traceparent"] == LIVE
