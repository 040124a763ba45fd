"""One hour at 2,000 events a second with a fault a minute: `python -m tests.faults.soak --seconds 3600 --rate 2000`.

The campaign with its traffic, its onlooker and its oracle, for long, and a watch beside it that looks every two seconds:

- *The equation.* `gnomon_pairing_unaccounted` of each partition that somebody holds reads 0, every time.
- *Transactions.* None is open for longer than the broker lets one be: no last stable offset stands still below its log's end.
- *Memory.* A restart hides a leak, so the faults are dealt out unevenly. The first worker, the steadfast one, is paused, made a
  zombie and has its partitions taken and given back, but is never ended: its resident memory in the last sixth of the run is held
  against that in the second sixth; the first is for warming up. The second worker is killed and restarted; what it inherits
  through checkpoints and logs could grow as well, so its lives are compared at the same age. A sample counts only while a worker
  holds half of the partitions and is not stopped. Medians, since a rebalance holds two states for a moment.

Everything is drawn from the seed: what happens in which minute, to whom, and for how long.
"""

from __future__ import annotations

import argparse
import random
import resource
import signal
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # it is there

from app.dev.servers import Servers
from tests.faults.campaign import SETTINGS, TOML, Campaign
from tests.faults.report import OUTPUTS
from tests.integration.harness import PARTITIONS, Service, Worker

SEED = 21
EVENTS_A_REQUEST = 2.5  # of the scenario `mixed` with its four models, of which two have a second shadow
#: No stall of the sender is longer than this window. A request has to be known for as long as its late half may take, which is
#: 2.5 times window and grace; a half that comes later still opens a new request, as the contract says.
WINDOWS = {f"GNOMON_PAIRING__{name}_MS": ms for name, ms in (("WINDOW", "15000"), ("GRACE", "2000"), ("DEDUPLICATION", "60000"))}
MINUTE_SECONDS = 60.0
LOOK_SECONDS = 2.0
#: A life's samples between these ages are compared: long enough after its start that windows and copies known are as they stay.
AGES_SECONDS = 35.0, 55.0
GROWTH = 0.05
#: The client's transaction time-out, and the broker's look at it every ten seconds.
HANGING_SECONDS = 75.0
#: What is done, to which worker, and how often in proportion.
TABLE = (
    ("kill", 1, 5), ("restart", 1, 3), ("zombie", 1, 2), ("pause", 1, 2), ("zombie", 0, 2), ("pause", 0, 2),
)  # fmt: skip


class Sample(NamedTuple):
    """Resident memory of one worker; seconds since the start of the run, and of this life."""

    worker: int
    life: int
    at_s: float
    age_s: float
    mib: float


@dataclass
class Watch:
    """Looks at the workers and at the output logs from a thread of its own, from ``start`` to ``finish``."""

    run: Campaign
    samples: list[Sample] = field(default_factory=list)
    #: Readings of the equation, one a partition, and those that were not 0.
    readings: int = 0
    wrong: list[str] = field(default_factory=list)
    stopped: set[int] = field(default_factory=set)
    longest_open_s: float = 0.0
    error: BaseException | None = None
    _born: dict[tuple[int, int], float] = field(default_factory=dict)
    _open: dict[TopicPartition, tuple[int, float]] = field(default_factory=dict)
    _end: threading.Event = field(default_factory=threading.Event)

    def start(self) -> Watch:
        self._began = time.monotonic()
        self._admin = AdminClient({"bootstrap.servers": self.run.service.servers.bootstrap_servers})
        self._thread = threading.Thread(target=self._look, name="watch")
        self._thread.start()
        return self

    def finish(self) -> None:
        self._end.set()
        self._thread.join()
        if self.error is not None:
            raise self.error

    def _look(self) -> None:
        try:
            while not self._end.wait(LOOK_SECONDS):
                for number, worker in enumerate(self.run.workers):
                    if number not in self.stopped:
                        self._worker(number, worker)
                self._transactions()
        except BaseException as error:  # noqa: BLE001  told where the thread is joined
            self.error = error

    def _worker(self, number: int, worker: Worker) -> None:
        now, life = time.monotonic(), worker.lives
        born = self._born.setdefault((number, life), now)
        series = worker.metric("gnomon_pairing_unaccounted")
        self.readings += len(series)
        self.wrong += [
            f"{worker.name}{labels} {value:g} after {now - self._began:.0f} s" for labels, value in series.items() if value
        ]
        resident = worker.resident_mib()
        if resident and len(series) == PARTITIONS // 2 and number not in self.stopped and worker.lives == life:
            self.samples.append(Sample(number, life, now - self._began, now - born, resident))

    def _transactions(self) -> None:
        """A broker that is away says nothing of them."""
        places = [TopicPartition(self.run.service.prefix + topic, at) for topic in OUTPUTS for at in range(PARTITIONS)]
        now, ask = time.monotonic(), {place: OffsetSpec.latest() for place in places}  # type: ignore[no-untyped-call]  # as above
        stable, ends = (
            self._admin.list_offsets(ask, isolation_level=level, request_timeout=5)
            for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
        )
        for place in places:
            if stable[place].exception(10) or ends[place].exception(10):
                continue
            offset = stable[place].result().offset
            if offset == ends[place].result().offset or self._open.get(place, (offset,))[0] != offset:
                self._open[place] = offset, now
            self.longest_open_s = max(self.longest_open_s, now - self._open.setdefault(place, (offset, now))[1])


@dataclass
class Soak:
    """The script of the campaign: a fault a minute, until a minute before the traffic ends."""

    seconds: float
    problems: list[str] = field(default_factory=list)

    def __call__(self, run: Campaign) -> None:
        rng, begun, counts = random.Random(run.seed), time.monotonic(), Counter[str]()
        watch = Watch(run).start()
        try:
            for minute in range(1, round(self.seconds / MINUTE_SECONDS)):
                run.until(lambda due=begun + minute * MINUTE_SECONDS: time.monotonic() > due, "the next minute")  # type: ignore[misc]  # default
                assert watch.error is None, watch.error
                assert not run.traffic.ended, f"the traffic is over in minute {minute}:\n{run.traffic.tail()}"
                what, number, _ = rng.choices(TABLE, [weight for *_, weight in TABLE])[0]
                memory = " and ".join(f"{each.resident_mib():.0f} MiB" for each in run.workers)
                run.say(
                    f"minute {minute}: {run.onlooker.pairs:,} pairs, {len(watch.wrong)} wrong, {memory}; {what}, worker {number}"
                )
                self._fault(run, watch, what, number, rng.uniform(1.0, 4.0))
                counts[f"{what} of worker {number}"] += 1
            run.until(lambda: time.monotonic() > begun + self.seconds - 5, "the end of the traffic")
        finally:
            watch.finish()
        run.faults.append(", ".join(f"{count} times {what}" for what, count in sorted(counts.items())))
        self._judge(run, watch)

    def _fault(self, run: Campaign, watch: Watch, what: str, number: int, pause_s: float) -> None:
        worker, mark = run.workers[number], run.onlooker.pairs
        if what == "kill":
            run.kill(worker, run.onlooker)
        elif what == "restart":
            run.restart(worker, run.onlooker)
        else:
            watch.stopped.add(number)
            if what == "zombie":
                run.zombie(worker, run.onlooker)
            else:  # shorter than its session
                worker.send(signal.SIGSTOP)
                time.sleep(pause_s)
                worker.send(signal.SIGCONT)
            watch.stopped.discard(number)
        run.until_it_goes_on(mark)

    def _judge(self, run: Campaign, watch: Watch) -> None:
        sixth = self.seconds / 6
        steady = [each for each in watch.samples if each.worker == 0]
        after = [median([each.mib for each in steady if int(each.at_s / sixth) == k] or [0.0]) for k in range(6)]
        lives: dict[int, list[float]] = {}
        for each in watch.samples:
            if each.worker == 1 and AGES_SECONDS[0] <= each.age_s <= AGES_SECONDS[1] and each.at_s > sixth:
                lives.setdefault(each.life, []).append(each.mib)
        ages = [median(found) for _, found in sorted(lives.items())]
        third = max(1, len(ages) // 3)
        inherited = median(ages[-third:]) / median(ages[:third]) - 1 if len(ages) > 1 else 0.0
        growth = after[5] / after[1] - 1 if after[1] else 1.0
        run.notes.append(
            f"the equation read {watch.readings:,} times, {len(watch.wrong)} times not 0; a transaction was open for "
            f"{watch.longest_open_s:.1f} s at most; longest silence of the output {run.onlooker.longest_silence_s:.1f} s"
        )
        run.notes.append(
            f"resident memory of the steadfast worker, medians of the sixths of the run: {_mib(after)}; {growth:+.1%}"
        )
        run.notes.append(
            f"of {len(ages)} lives of the other one at the age of {AGES_SECONDS[0]:g} to {AGES_SECONDS[1]:g} s: in their order "
            f"{_mib(ages)}; median of the last third against that of the first {inherited:+.1%}"
        )
        if run.workers[0].lives != 1:
            self.problems.append(f"the steadfast worker has had {run.workers[0].lives} lives")
        self.problems += [f"the equation: {text}" for text in watch.wrong[:5]]
        if watch.longest_open_s > HANGING_SECONDS:
            self.problems.append(f"a transaction was open for {watch.longest_open_s:.0f} s")
        self.problems += [f"resident memory grew by {value:.1%}" for value in (growth, inherited) if value >= GROWTH]


def _mib(values: list[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values) + " MiB"


def main() -> int:
    """The command; 0 where nothing was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3_600.0, metavar="S", help="default %(default)s")
    parser.add_argument(
        "--rate", type=float, default=2_000.0, metavar="R", help="prediction events a second (default %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=SEED, metavar="N", help="of the traffic and of the faults (default %(default)s)"
    )
    options = parser.parse_args()
    soak, requests = Soak(options.seconds), int(options.seconds * options.rate / EVENTS_A_REQUEST)
    with tempfile.TemporaryDirectory(prefix="gnomon-soak-") as folder, Servers(log=print, sustained=True) as servers:
        prefix = f"soak-{uuid.uuid4().hex[:8]}."
        with Service(servers, prefix, Path(folder), toml=TOML, settings=SETTINGS | WINDOWS) as service:
            report = Campaign(service, requests, options.rate, (), print, options.seed, soak).run()
    report.problems += soak.problems
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report.notes.append(f"this process needed {peak:,.0f} MiB at most, most of it for the oracle")
    print("\n".join(report.lines()))
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
