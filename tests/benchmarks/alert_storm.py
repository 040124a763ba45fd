"""A storm: many models drift within one minute, each by twenty signals: ``python -m tests.benchmarks.alert_storm [--broker]``.

The statistics are those that the detect role writes: one quiet record and one alarm, captured from its fold, then told of each
model and signal in turn. All lie on one partition, the worst that there is. Rounds: quiet, drift, drift goes on, quiet again
until all is resolved. Asserted: each signal of the second round is told, held back with a reason, or refused and counted;
no model has more pages than it may; every model is told of. Printed, as Markdown: for each round the CPU time of a record, the
outputs, the memory of the process and the saved state. With ``--broker`` the drift is read by a worker from a real Kafka.
"""

import argparse
import gc
import resource
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from agents.decide import DecideFold
from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.decide_state import CASES, SUBJECTS
from app.domain.decisions.retraining import RetrainPolicy
from schemas.offsets import OffsetRange, Window
from schemas.statistics import DetectorState, DriftStatistics, Signal, SignalKind
from tests.decide_builders import START, LogRecord, answers, as_run, fold, record_of
from tests.detectors import stream

__all__ = ["SIGNALS", "Round", "Storm", "statistics"]

#: Of a live model: 14 features, three missing shares, three that page.
SIGNALS: tuple[tuple[SignalKind, str], ...] = (
    *(("feature", f"f{number:02d}") for number in range(14)), *(("missing", f"f{number:02d}") for number in range(11, 14)),
    ("prediction", ""), ("difference", ""), ("disagreement", ""),
)  # fmt: skip
_RUN = 2_000
_MINUTE_MS = 60_000
PAGES = 2


class Round(NamedTuple):
    """What one round took and gave; bytes are those of the process after it, and of the state as it is saved."""

    name: str
    records: int
    cpu_us: float
    sent: int
    sent_bytes: int
    resident_mb: float
    saved_kb: float
    save_ms: float


class _Outbox:
    """Counts what is sent, and keeps of alerts what is asked about them."""

    def __init__(self) -> None:
        self.sent, self.bytes, self.alerts = Counter[str](), 0, list[dict[str, Any]]()

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Any) -> None:
        self.sent[topic] += 1
        self.bytes += len(value or b"")
        if topic == "alerts":
            self.alerts.append(msgspec.json.decode(value or b"")["data"]["labels"] | {"status": b'"firing"' in (value or b"")})


def captured() -> dict[DetectorState, DriftStatistics]:
    """A quiet record and an alarm as the detect role writes them, figures and histograms included."""
    sent = stream.feed(stream.fold(), stream.entries(stream.mixed(1, 4_000, drift_at=2_500)))
    found = [msgspec.json.decode(one.value or b"", type=DriftStatistics) for one in sent if one.topic == "drift.statistics"]
    of_income = [one for one in found if one.signal == Signal("feature", "income") and one.version == "1"]
    return {state: next(one for one in of_income if one.detector.state == state) for state in ("quiet", "drift")}


def statistics(
    models: int, state: DetectorState, minute: int, samples: dict[DetectorState, DriftStatistics]
) -> Iterator[DriftStatistics]:
    """What is said of each signal of each model in this minute, the models in turn."""
    sample, end = samples[state], START + (minute + 1) * _MINUTE_MS
    for kind, name in SIGNALS:
        for number in range(models):
            yield msgspec.structs.replace(
                sample, model=f"model-{number:04d}", version="1", signal=Signal(kind, name),
                window=Window(end - _MINUTE_MS, end - models + number, 1_000),
                offsets=[OffsetRange("pairs", 2, 10_000 * minute, 10_000 * (minute + 1))],
            )  # fmt: skip


class Storm:
    """The decide fold of one partition, and what it is told."""

    def __init__(self, models: int, policy: AlertPolicy, retrain: RetrainPolicy | None = None) -> None:
        self.models, self.samples = models, captured()
        self.fold: DecideFold = fold(policy, retrain)
        self.out, self._offset = _Outbox(), 0

    def round(self, name: str, state: DetectorState, minutes: range) -> Round:
        """Feed all of some minutes, run by run."""
        records, cpu_s, before, sent_bytes = 0, 0.0, self.out.sent.total(), self.out.bytes
        for minute in minutes:
            said = statistics(self.models, state, minute, self.samples)
            while run := [record_of(one, self._offset + at) for at, one in zip(range(_RUN), said, strict=False)]:
                cpu_s += self._feed(run)
                records += len(run)
        begun = time.process_time()
        saved = len(self.fold.save())
        save_s = time.process_time() - begun
        gc.collect()
        sent = self.out.sent.total() - before
        return Round(
            name, records, cpu_s / records * 1e6, sent, self.out.bytes - sent_bytes, resident_mb(), saved / 1e3, save_s * 1e3
        )

    def _feed(self, run: list[LogRecord]) -> float:
        end, begun = self._offset + len(run), time.process_time()
        self.fold.feed(0, as_run(run, self._offset, end), self.out)
        answers(self.fold, self.out)  # type: ignore[arg-type]  # it sends the same
        self._offset = end
        return time.process_time() - begun

    def check_nothing_is_lost(self, signals: int) -> None:
        """Each of so many signals that drift was told, or held back, or refused; each model of one was told of."""
        figures = self.fold.figures()
        told = sum(one["status"] for one in self.out.alerts)
        accounts = (told, figures["alerts_held_back"], figures["alerts_pending"], figures["refused_total"])
        assert sum(accounts) == signals, (accounts, signals)
        pages = Counter(one["model"] for one in self.out.alerts if one["status"] and one["severity"] == "critical")
        assert max(pages.values()) <= PAGES, pages.most_common(3)
        assert len({one["model"] for one in self.out.alerts}) == min(self.models, SUBJECTS), "a model was told nothing"


def resident_mb() -> float:
    """Of this process, now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def _table(rounds: list[Round]) -> None:
    print("| round | records | µs of CPU a record | records out | MB out | resident MB | state saved, kB | ms to save |")
    print("|---|---|---|---|---|---|---|---|")
    for one in rounds:
        cells = (one.name, f"{one.records:,}", f"{one.cpu_us:.0f}", f"{one.sent:,}", f"{one.sent_bytes / 1e6:.1f}",
                 f"{one.resident_mb:.0f}", f"{one.saved_kb:,.0f}", f"{one.save_ms:.0f}")  # fmt: skip
        print(f"| {' | '.join(cells)} |")


def main() -> None:
    """Play the storm, directly or on a broker."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--models", type=int, default=1_000)
    parser.add_argument("--broker", action="store_true")
    options = parser.parse_args()
    if options.broker:
        from tests.benchmarks.alert_storm_broker import on_a_broker

        on_a_broker(options.models)
        return
    storm = Storm(options.models, AlertPolicy(pages_per_week=PAGES, cause_s=0))
    print(f"{options.models:,} models, {len(SIGNALS)} signals each; resident before: {resident_mb():.0f} MB")
    rounds = [storm.round("quiet", "quiet", range(2)), storm.round("drift", "drift", range(2, 3))]
    storm.check_nothing_is_lost(options.models * len(SIGNALS))
    rounds += [storm.round("goes on", "drift", range(3, 5)), storm.round("quiet again", "quiet", range(5, 18))]
    _table(rounds)
    figures = {name: value for name, value in storm.fold.figures().items() if value}
    print(f"\nat most {SUBJECTS:,} models and {CASES:,} alerts of a partition; {figures}")
    assert not figures.get("alerts_firing"), "all is over"


if __name__ == "__main__":
    main()
