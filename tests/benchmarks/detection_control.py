"""The control: stationary pairs through the whole detect fold must not raise one alarm. Run by hand; minutes.

    python -m tests.benchmarks.detection_control [--pairs 1000000] [--seed 1] [--run 1000] [--drift] [--outcomes]

Ten features of mixed kinds, a score, latency, cost, one shadow version. Prints the alarms found and the pairs per
CPU-second of the fold; exits 1 when there was an alarm (with ``--drift``: when there was none).
"""

import argparse
import sys
import time
from collections import Counter
from typing import Any, NamedTuple

import msgspec
import numpy as np

from agents.detect import DetectFold
from app.domain.detection.drift_config import DriftConfig
from app.folds.fold import Run, at_once
from schemas.limits import Limits


class Entry(NamedTuple):
    """A record of the log."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class Outbox:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.placed: list[tuple[bytes | None, bytes]] = []
        self.bytes = 0

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Any) -> None:
        """Keep a record."""
        if topic == "outcomes.placed":
            self.placed.append((key, value or b""))
        else:
            self.sent.append((topic, value or b""))


def pairs(start: int, count: int, rng: np.random.Generator, drift: bool) -> list[bytes]:
    """``count`` pair records, stationary but for the drift that is asked for."""
    normal, log = rng.normal(size=(count, 3)), rng.lognormal(4, 0.5, size=(count, 2))
    if drift:
        normal[:, 0] += 0.5
    heavy, counts, uniform = rng.standard_t(3, size=count), rng.poisson(3, size=count), rng.random((count, 4))
    country = rng.choice(["DE", "FR", "US", "PL", "NL", "BR"], p=[0.4, 0.2, 0.2, 0.1, 0.06, 0.04], size=count).tolist()
    channel = rng.zipf(1.8, size=count).tolist()
    owner = (uniform[:, 0] < 0.3).tolist()
    score = (1 / (1 + np.exp(-normal @ [0.5, 0.3, 0.2]))).tolist()
    other = (np.array(score) + 0.02 * rng.normal(size=count)).tolist()
    encode, out = msgspec.json.Encoder().encode, []
    for i in range(count):
        features = {
            "a": float(normal[i, 0]), "b": float(normal[i, 1]), "c": round(float(normal[i, 2]), 1), "income": float(log[i, 0]),
            "heavy": float(heavy[i]), "visits": int(counts[i]), "country": country[i], "channel": f"c{min(channel[i], 400)}",
            "owner": owner[i], "note": None if uniform[i, 1] < 0.1 else float(uniform[i, 2]),
        }  # fmt: skip
        legacy = {"version": "1.4.0", "prediction": score[i], "timestamp": 0, "latency_ms": float(log[i, 1]), "cost": 0.0004}
        shadow = {"version": "2.0.0", "prediction": other[i], "timestamp": 0, "latency_ms": float(log[i, 1]) * 0.7,
                  "cost": 0.0002, "difference": other[i] - score[i], "agrees": abs(other[i] - score[i]) < 0.03}  # fmt: skip
        both = uniform[i, 3] > 0.01
        out.append(
            encode(
                {"request_id": f"r-{start + i:09d}", "model": "credit", "timestamp": 1_790_000_000_000 + 10 * (start + i),
                 "status": "paired" if both else "legacy_only", "legacy": legacy, "shadows": [shadow] if both else [],
                 "missing": [] if both else ["2.0.0"], "features": features, "segments": {"channel": "web"}, "metadata": {}}
            )
        )  # fmt: skip
    return out


def outcomes(start: int, count: int, rng: np.random.Generator) -> list[tuple[bytes | None, bytes]]:
    """Key and value of an outcome for each of the pairs, known five seconds later."""
    labels, out = rng.random(count) < 0.5, []
    for i, label in enumerate(labels.tolist(), start):
        out.append(
            (
                b"r-%09d" % i,
                b'{"request_id":"r-%09d","model":"credit","timestamp":%d,"label":%b,"value":1.5}'
                % (i, 1_790_000_005_000 + 10 * i, b"true" if label else b"false"),
            )
        )
    return out


def run_of(start: int, records: list[tuple[bytes | None, bytes]], time_ms: int = 0) -> Run:
    """A run of these keys and values."""
    run = Run(Entry(start + i, time_ms, key, value, []) for i, (key, value) in enumerate(records))
    run.start, run.end = start, start + len(records)
    return run


def main() -> int:
    """Run the control."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--run", type=int, default=1_000, help="records in a run")
    parser.add_argument("--outcomes", action="store_true", help="each pair has an outcome")
    parser.add_argument("--drift", action="store_true", help="feature a moves by half a standard deviation half way")
    options = parser.parse_args()
    fold = DetectFold(
        0, topics=("pairs", "outcomes"), drift_config_for=lambda _: DriftConfig(label_delay_ms=60_000), place_of=lambda *_: 0,
        limits=Limits(),
    )  # fmt: skip
    fold.restore(None, None, (0, 0, 0))
    rng, out, cpu, at = np.random.default_rng(options.seed), Outbox(), 0.0, 0
    changes: Counter[tuple[str, str]] = Counter()
    while at < options.pairs:
        values = pairs(at, min(options.run, options.pairs - at), rng, options.drift and at >= options.pairs // 2)
        run = run_of(at, [(b"credit", value) for value in values])
        truths = outcomes(at, len(values), rng) if options.outcomes else []
        before = time.process_time()
        at_once(fold.feed(0, run, out))
        at_once(fold.feed(1, run_of(at, truths, 1_790_000_000_000 + 10 * at), out))
        if at + len(values) == options.pairs:
            fold.idle((60_000,) * 3, out)
        at_once(fold.feed(2, run_of(0, out.placed), out))
        out.placed.clear()
        cpu += time.process_time() - before
        at += len(values)
        out.bytes += sum(len(value) for _, value in out.sent)
        for _, value in out.sent:
            record = msgspec.json.decode(value)
            if record["detector"]["state"] in {"warning", "drift"}:
                signal, direction = record["signal"], record["statistics"]["direction"]
                key = f"{record['role']} {signal['kind']}/{signal['name']} {direction}"
                changes[key, record["detector"]["state"]] += 1
        out.sent.clear()
    before = time.process_time()
    size = len(fold.snapshot())
    figures = fold.figures()
    print(f"pairs {at:,}  alarms {figures['alarms']:.0f}  pairs per CPU-second {at / cpu:,.0f}")
    print(f"statistics {figures['statistics']:,.0f} of {out.bytes / max(figures['statistics'], 1):,.0f} bytes, "
          f"snapshot {size / 1e6:.2f} MB in {time.process_time() - before:.3f} s")  # fmt: skip
    for (key, state), count in sorted(changes.items()):
        print(f"  {state} {key}: {count} records")
    return int(bool(figures["alarms"]) != options.drift)


if __name__ == "__main__":
    sys.exit(main())
