"""Seeded streams of pairs, and a fold to feed them to: shared by the tests of detection."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec
import numpy as np

from agents.detect import DetectFold
from app.domain.detection.baseline import Baseline
from app.domain.detection.drift_config import DriftConfig
from app.folds.fold import Run, at_once
from schemas.limits import Limits

START_MS = 1_790_000_000_000
QUICK = DriftConfig(warm_up=1_000)


class Entry(NamedTuple):
    """A record of the log."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


class Sent(NamedTuple):
    """What a fold sent."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = msgspec.json.decode(self.value or b"")
        return body


class Outbox(list[Sent]):
    """Keeps what is sent."""

    def __init__(self, sent: Iterable[Sent] = ()) -> None:
        super().__init__(sent)
        #: Outcomes and marks; when marks are written depends on how the log is cut.
        self.placed: list[Sent] = []

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        (self.placed if topic == "outcomes.placed" else self).append(Sent(topic, partition, key, value, headers))


def pair(number: int, **fields: Any) -> dict[str, Any]:
    """One pair record; ``fields`` replace its own."""
    legacy = {"version": "1", "prediction": 0.5, "timestamp": START_MS}
    return {
        "request_id": f"r-{number:07d}", "model": "credit", "timestamp": START_MS + 10 * number, "status": "solo",
        "legacy": legacy, "shadows": [], "missing": [], "features": {}, "segments": {}, "metadata": {},
    } | fields  # fmt: skip


def mixed(seed: int, count: int, drift_at: int | None = None) -> list[dict[str, Any]]:
    """Numbers, ties, categories, booleans, gaps, a shadow, two versions; from ``drift_at`` on income is 1 sd higher."""
    rng = np.random.default_rng(seed)
    walk = np.zeros(count)
    noise = rng.normal(size=count)
    for i in range(1, count):
        walk[i] = 0.7 * walk[i - 1] + noise[i]
    out = []
    for i in range(count):
        income = float(rng.normal(loc=1.0 if drift_at is not None and i >= drift_at else 0.0))
        features = {
            "income": income, "walk": float(walk[i]), "visits": float(rng.poisson(2)), "owner": bool(rng.random() < 0.3),
            "country": str(rng.choice(["DE", "FR", "US"])), "note": None if rng.random() < 0.3 else float(rng.random()),
        }  # fmt: skip
        if i >= count // 3:
            features["later"] = float(rng.exponential())
        score = float(rng.random())
        shadow = {"version": "2", "prediction": score + 0.1, "timestamp": START_MS, "difference": 0.1,
                  "agrees": bool(rng.random() < 0.9), "latency_ms": float(rng.lognormal(4, 0.5))}  # fmt: skip
        there = bool(rng.random() < 0.95)
        legacy = {"version": "1.1" if rng.random() < 0.1 else "1", "prediction": score, "timestamp": START_MS,
                  "latency_ms": float(rng.lognormal(4, 0.5)), "cost": 0.001}  # fmt: skip
        out.append(pair(i, legacy=legacy, shadows=[shadow] if there else [], features=features,
                        status="paired" if there else "legacy_only", missing=[] if there else ["2"]))  # fmt: skip
    return out


def entries(pairs: Iterable[dict[str, Any]], first: int = 0, step: int = 1) -> list[Entry]:
    """Records of the log with these pairs."""
    return [Entry(first + step * i, 0, b"credit", msgspec.json.encode(one)) for i, one in enumerate(pairs)]


def run_of(records: Sequence[Entry], start: int | None = None) -> Run:
    """A run of these records."""
    run = Run(records)
    run.start = records[0].offset if start is None else start
    run.end = records[-1].offset + 1 if records else run.start
    return run


def fold(
    config: DriftConfig = QUICK, snapshot: bytes | None = None, saved: bytes | None = None, baseline: Baseline | None = None
) -> DetectFold:
    """A detect fold, begun; with a ``baseline`` for every model, if there is one."""
    if baseline is not None:
        config = replace(config, baseline=baseline.id)
    baselines = {} if baseline is None else {baseline.id: baseline}
    made = DetectFold(
        3,
        topics=("x.pairs", "x.outcomes"),
        drift_config_for=lambda _: config,
        place_of=lambda *_: 3,
        limits=Limits(),
        baselines=baselines,
    )
    made.restore(saved, snapshot, (0, 0, 0))
    return made


def feed(made: DetectFold, records: Sequence[Entry], cuts: Iterable[int] = ()) -> Outbox:
    """Feed these records, cut into runs at these places, and the marks that the fold writes as it reads them."""
    out, at = Outbox(), 0
    for cut in [*sorted(cuts), len(records)]:
        if cut > at:
            at_once(made.feed(0, run_of(records[at:cut]), out))
            at = cut
            _read_marks(made, out)
    made.idle((60_000,) * 3, out)
    _read_marks(made, out)
    return out


def _read_marks(made: DetectFold, out: Outbox) -> None:
    marks = [Entry(0, 0, one.key, one.value) for one in out.placed]
    out.placed.clear()
    if marks:
        at_once(made.feed(2, run_of(marks), out))
