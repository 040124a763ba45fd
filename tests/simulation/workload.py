"""The two logs of a seed: jitter, copies, halves that are missing, late or too old, poison, ids that come again."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from app.domain.placement import place
from tests.simulation.logs import InputLog, SourceEvent
from tests.simulation.plan import Plan

__all__ = ["START_MS", "TOPICS", "make_logs"]

TOPICS = ("predictions.legacy", "predictions.shadow")
#: The wall time at which a simulation begins.
START_MS = 1_700_000_000_000
_POISON = (b"{", b'{"model":"m0"}', b"", b"\xff\xfe", b'{"model":"m0","version":"1","timestamp":1,"prediction":0.5}')

_Row = tuple[int, int, str, bytes, Any]  # arrival in event time, side, key, value, identity


def make_logs(rng: Random, plan: Plan, now: Callable[[], float]) -> dict[tuple[str, int], InputLog]:
    """By topic and partition. Keys lie where the Java client would put them."""
    rows = _rows(rng, plan)
    rows.sort(key=lambda row: row[0])
    first, span = rows[0][0], max(rows[-1][0] - rows[0][0], 1)
    scale = plan.arrivals_s / span
    events: dict[tuple[int, int], list[SourceEvent]] = {(s, p): [] for s in (0, 1) for p in range(plan.partitions)}
    for arrival, side, key, value, identity in rows:
        arrival_s = (arrival - first) * scale
        event = SourceEvent(arrival_s, START_MS + int(arrival_s * 1000), key.encode(), value, identity)
        events[side, place(key, plan.partitions)].append(event)
    return {(TOPICS[side], partition): _log(rng, found, now) for (side, partition), found in events.items()}


def _log(rng: Random, events: list[SourceEvent], now: Callable[[], float]) -> InputLog:
    begin = at = rng.choice((0, 0, 7))
    holes = rng.choice((0.0, 0.1, 0.5))
    for event in events:
        if rng.random() < holes:
            at += rng.choice((1, 1, 3))
        event.offset = at
        at += 1
    return InputLog(events, begin, at + (1 if rng.random() < holes else 0), now)


def _rows(rng: Random, plan: Plan) -> list[_Row]:
    random, choice = rng.random, rng.choice
    wait, horizon = plan.policy.wait_ms, plan.policy.deduplication_ms
    farthest = wait // 2 + horizon if plan.exact else (wait + horizon) * 2
    # An exact seed ends in the past, so that what is left over is not ahead of its time.
    now = START_MS - (60_000 if plan.exact else 0)
    # A clock that is ahead moves its log's time for good; what comes of that may depend on which log was read first.
    far_ahead = not plan.exact and random() < 0.3
    gaps = (1, wait // 100, wait // 25, wait // 25, wait // 4)
    rows: list[_Row] = []
    for number in range(plan.requests):
        now += choice(gaps)
        model = "m0" if number % 3 else "m1"
        request = f"r{number if random() < 0.97 else rng.randrange(number + 1)}"
        sides = [(0, "1"), *((1, version) for version in plan.versions)]
        if random() < 0.2:
            sides = rng.sample(sides, rng.randrange(1, len(sides) + 1))
        old = farthest // 2 if random() < 0.15 else 0
        for side, version in sides:
            timestamp = now - old + choice((0, 0, 0, -wait // 60, -wait // 6, wait // 50, wait // 2))
            if far_ahead and random() < 0.05:
                timestamp += choice((wait * 2, wait * 5, wait * 50))
            delay = choice((0, 0, wait // 400, wait // 20, wait // 3)) if random() < 0.96 else choice((wait * 5 // 4, farthest))
            rows.append(_row(now + delay, side, model, request, version, timestamp, 0.5))
            if random() < 0.08:
                again = now + delay + choice((0, wait // 10, wait, wait * 2, farthest + wait))
                rows.append(_row(again, side, model, request, version, timestamp, 0.5 if random() < 0.7 else 0.7))
        if random() < 0.05:
            rows.append((now, rng.randrange(2), request, choice(_POISON), None))
    return rows


def _row(arrival: int, side: int, model: str, request: str, version: str, timestamp: int, prediction: float) -> _Row:
    value = b'{"request_id":"%s","model":"%s","version":"%s","timestamp":%d,"prediction":%s}' % (
        request.encode(), model.encode(), version.encode(), timestamp, str(prediction).encode(),
    )  # fmt: skip
    return arrival, side, request, value, (side, model, request, version, timestamp, prediction)
