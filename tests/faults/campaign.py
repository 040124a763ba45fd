"""`make faults`: 200,000 requests through kills and zombies, and an oracle that knows nothing of them.

Two workers on a real Kafka read the scenario `mixed` of `load`: duplicates, missing sides, late halves, poison. Faults come by a
table, each when so large a share of the requests is through. A reader of committed records looks on all the while. At the end
the oracle (`checker`) goes through Kafka's logs, the statistics are recomputed from `pairs` without any crash (`recompute`), and
`load` judges by the truth that it wrote down while it made the traffic. The rules for passing are Kafka Streams' own: nothing
missing, nothing twice, no transaction left hanging, and the live reader saw what stands in the log.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from app.dev.child import Child
from app.dev.servers import Servers
from tests.faults.onlooker import Follower, Onlooker
from tests.faults.report import Report, judge
from tests.integration.committed import Seen
from tests.integration.harness import DRAIN_SECONDS, PARTITIONS, ROOT, Service, Worker

REQUESTS, RATE, SEED = 200_000, 5_000.0, 20_261_124
ROLES = ("pair", "detect", "decide")
EVERYTHING = {role: list(range(PARTITIONS)) for role in ROLES}
#: A worker that holds all partitions again, traffic that moves on: much longer than a session and a rebalance.
PATIENCE_SECONDS = 120.0

TOML = "[models.default.drift]\nwarm_up = 1000\n"
SETTINGS = {
    # Longer than any stall of a busy machine: a silence that only the sender's machine made would be the truth's, not ours.
    "GNOMON_PAIRING__WINDOW_MS": "4000",
    "GNOMON_PAIRING__GRACE_MS": "1000",
    "GNOMON_PAIRING__DEDUPLICATION_MS": "20000",
    "GNOMON_DETECT__SNAPSHOT_INTERVAL_MS": "2000",
}


class Fault(NamedTuple):
    """What is done to which worker, when this share of the requests has come out."""

    share: float
    what: str
    worker: int


SCHEDULE = (
    Fault(0.08, "kill", 0),
    Fault(0.20, "kill", 1),
    Fault(0.32, "zombie", 0),
    Fault(0.46, "kill", 0),
    Fault(0.58, "zombie", 1),
    Fault(0.72, "kill", 1),
    Fault(0.86, "kill", 0),
)
#: Workers leave in good order and come back; the partitions move each time.
COMING_AND_GOING = (Fault(0.10, "restart", 0), Fault(0.30, "restart", 1))
SHORT = (Fault(0.15, "kill", 0), Fault(0.40, "zombie", 1), Fault(0.75, "kill", 1))


@dataclass
class Campaign:
    """One run; ``say`` takes the lines for people."""

    service: Service
    requests: int
    rate: float
    schedule: Sequence[Fault]
    say: Callable[[str], None]
    seed: int = SEED
    #: What is done in place of the schedule, from the first pair on.
    script: Callable[[Campaign], None] | None = None
    faults: list[str] = field(default_factory=list)
    #: What the oracle goes by where the inputs do not hold it any more, and partitions that are refused on purpose.
    inputs: list[Seen] | None = None
    refused: set[int] = field(default_factory=set)
    #: What was seen, for people.
    notes: list[str] = field(default_factory=list)
    exits: list[str] = field(default_factory=list)

    def run(self) -> Report:
        """All of it; the workers are stopped in good order at the end."""
        started = time.monotonic()
        self.workers = [self.service.worker(*ROLES) for _ in range(2)]
        for worker in self.workers:
            worker.ready(bool)
        servers, prefix = self.service.servers.bootstrap_servers, self.service.prefix
        self.onlooker = Onlooker(Follower(servers, prefix, ("pairs", "dead.letters"), PARTITIONS)).start()
        self.traffic = traffic = self._traffic()
        try:
            if self.script is None:
                self._inject(self.onlooker, traffic)
            else:
                self.until(lambda: self.onlooker.pairs > 0 or traffic.ended, "the first pair")
                self.script(self)
            self.until(lambda: traffic.ended, "the traffic to be judged", 240 + 2.5 * self.requests / self.rate)
            if not self.refused:
                for worker in self.workers:
                    worker.ready()
            equation = [worker.metric("gnomon_pairing_unaccounted") for worker in self.workers]
            self.say("all sent and judged; draining")
            drains = [worker.terminate() for worker in self.workers]
        finally:
            traffic.stop()
            seen = self.onlooker.finish()
        elapsed = time.monotonic() - started
        load_report: dict[str, Any] = json.loads((self.service.folder / "load.json").read_bytes())
        report = judge(self.service, seen, load_report, equation, drains, self.faults, self.exits, elapsed, self.inputs)
        report.notes = self.notes
        return report

    def _traffic(self) -> Child:
        command = [sys.executable, "-m", "load", "--scenario", "mixed", "--requests", str(self.requests)]
        command += ["--rate", str(self.rate), "--seed", str(self.seed), "--report", str(self.service.folder / "load.json")]
        command += ["--bootstrap-servers", self.service.servers.bootstrap_servers]
        return Child(command, self.service.folder / "load.log", ROOT, self.service.environment)

    def _inject(self, onlooker: Onlooker, traffic: Child) -> None:
        for fault in self.schedule:
            due = int(fault.share * self.requests)
            self.until(lambda due=due: onlooker.pairs >= due or traffic.ended, f"{due:,} pairs")  # type: ignore[misc]  # default
            assert not traffic.ended, f"the traffic is over before {fault}:\n{traffic.tail()}"
            self.say(f"{onlooker.pairs:,} of {self.requests:,} pairs: {fault.what} worker {fault.worker}")
            self.faults.append(f"{fault.what} of worker {fault.worker} at {onlooker.pairs:,} pairs")
            inject = {"kill": self.kill, "zombie": self.zombie, "restart": self.restart}[fault.what]
            inject(self.workers[fault.worker], onlooker)

    def kill(self, worker: Worker, _: Onlooker) -> None:
        """`kill -9`, and start."""
        worker.kill()
        worker.start()

    def restart(self, worker: Worker, onlooker: Onlooker) -> None:
        """SIGTERM, which takes less than 10 s; the other one takes all over at once; then it joins again."""
        seconds = worker.terminate()
        assert seconds < DRAIN_SECONDS, f"{worker.name} took {seconds:.1f} s to drain"
        [successor] = [other for other in self.workers if other is not worker]
        self.until(lambda: successor.partitions() == EVERYTHING, "the successor to hold everything", but=worker)
        worker.start()
        self.until(lambda: bool(worker.partitions()), "the worker to be a member again")

    def zombie(self, worker: Worker, onlooker: Onlooker) -> None:
        """Stop it for longer than its session, let the other one take all over and go on, and wake it."""
        [successor] = [other for other in self.workers if other is not worker]
        worker.send(signal.SIGSTOP)
        self.until(lambda: successor.partitions() == EVERYTHING, "the successor to hold everything", but=worker)
        mark = onlooker.pairs
        self.until(lambda: onlooker.pairs > mark, "the successor to go on", but=worker)
        worker.send(signal.SIGCONT)
        self.say(f"worker {self.workers.index(worker)} wakes after its successor took over")
        self.until(lambda: bool(worker.partitions()), "the zombie to be a member again")

    def until_it_goes_on(self, mark: int) -> None:
        """Until each worker is a member of its groups, and more than ``mark`` pairs have come out."""
        self.until(
            lambda: all(worker.partitions() for worker in self.workers) and self.onlooker.pairs > mark, "the service to go on"
        )

    def until(
        self, condition: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS, but: Worker | None = None
    ) -> None:
        """Wait; meanwhile do a supervisor's work, except for the worker that is stopped on purpose."""
        deadline = time.monotonic() + seconds
        while not condition():
            for worker in self.workers:
                if worker is not but and worker.child.ended:
                    self.exits.append(f"{worker.name} ended by itself with {worker.child.exit_code}: {worker.log()[-400:]}")
                    self.say(self.exits[-1])
                    worker.start()
            if time.monotonic() > deadline:
                logs = "\n".join(f"{worker.name}: {worker.get('/-/ready')}\n{worker.log()}" for worker in self.workers)
                raise AssertionError(f"waited {seconds:g} s for {what}\n{logs}")
            time.sleep(0.1)


def campaign(servers: Servers, folder: Path, requests: int, rate: float, schedule: Sequence[Fault], say: Any = print) -> Report:
    """A campaign on topics of its own; no worker is left."""
    prefix = f"faults-{uuid.uuid4().hex[:8]}."
    with Service(servers, prefix, folder, toml=TOML, settings=SETTINGS) as service:
        return Campaign(service, requests, rate, schedule, say).run()


def main() -> int:
    """The command; 0 where nothing was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.campaign", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--requests", type=int, default=REQUESTS, metavar="N", help="default %(default)s; fewer: the short schedule"
    )
    parser.add_argument("--rate", type=float, default=RATE, metavar="R", help="prediction events a second (default %(default)s)")
    parser.add_argument(
        "--only", metavar="NAME", help="one fault of the table in tests/faults/catalogue.py; `all`: each of them in turn"
    )
    options = parser.parse_args()
    if options.only:
        return _only(options.only)
    schedule = SCHEDULE if options.requests >= REQUESTS else SHORT
    with tempfile.TemporaryDirectory(prefix="gnomon-faults-") as folder, Servers(log=print) as servers:
        report = campaign(servers, Path(folder), options.requests, options.rate, schedule)
    print("\n".join(report.lines()))
    return 0 if report.passed else 1


def _only(name: str) -> int:
    from tests.faults.catalogue import BY_NAME, ENTRIES  # the table is made of scripts that need this module

    chosen = ENTRIES if name == "all" else [BY_NAME[name]] if name in BY_NAME else []
    if not chosen:
        print(f"no such fault: {name!r}; there are all, {', '.join(BY_NAME)}", file=sys.stderr)
        return 2
    failed = 0
    for entry in chosen:
        print(f"== {entry.name}, seed {entry.seed}")
        report = entry.run()
        print("\n".join(report.lines()))
        failed += not report.passed
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
