"""Ten thousand alert conditions through `kill -9` and an outage of Alertmanager: `make faults ONLY=alerts`.

Records of `drift.statistics` of three hours are written to a real Kafka at an even pace. Two workers with the roles `decide` and
`notify` tell a real Alertmanager, which notifies a receiver. Workers are killed and paused at moments drawn from the seed, once
at least while Alertmanager is away. When all is quiet, `alert_judge` compares the topics, Alertmanager and the receiver.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from app.dev.servers import Servers
from tests.faults.alert_conditions import GROUPS, Conditions, group_of
from tests.faults.alert_judge import AlertReport, fires, judge, told_of
from tests.faults.alert_receiver import PlainAlertmanager, Receiver
from tests.faults.alert_rules import Rules, expected, statement_of
from tests.faults.alert_schedule import Fault, schedule
from tests.faults.alert_traffic import AlertLog, Sender, by_partition, held_back, now_ms
from tests.integration.alertmanager_server import MISSING
from tests.integration.harness import Service, Worker

__all__ = ["Plan", "alerts"]

ROLES = ("decide", "notify")
#: Twice a session.
PAUSE_SECONDS = 12.0
#: Much longer than a rebalance and a backlog; what is not there by then is missing.
SETTLED_SECONDS = 600.0
_RULES = {group: Rules(**settings) for group, settings in GROUPS.items()}


@dataclass(frozen=True)
class Plan:
    """One run: how many conditions, in how many seconds of the clock, and what is done meanwhile."""

    name: str = "alerts"
    seed: int = 29
    conditions: int = 10_000
    seconds: float = 300.0
    kills: int = 6
    pauses: int = 1
    outage_seconds: float = 60.0
    resend_s: int = 60

    def run(self, say: Callable[[Any], None] = print) -> AlertReport:
        """On servers of its own; nothing is left."""
        assert shutil.which("prometheus-alertmanager"), MISSING
        with tempfile.TemporaryDirectory(prefix="gnomon-faults-") as folder, Servers(log=say) as servers:
            return alerts(servers, Path(folder), self, say)

    def schedule(self) -> list[Fault]:
        """The faults, in their order."""
        return schedule(self.seed, self.kills, self.pauses, self.outage_seconds / self.seconds)


class AlertService(Service):
    """Three times as many partitions, since one keeps a thousand alerts at most."""

    partitions = 12


def alerts(servers: Servers, folder: Path, plan: Plan, say: Callable[[Any], None] = print) -> AlertReport:
    """A run on topics of its own; no worker and no Alertmanager is left."""
    conditions, prefix = Conditions(plan.conditions, plan.seed), f"faults-{uuid.uuid4().hex[:8]}."
    receiver = Receiver()
    alertmanager = PlainAlertmanager(folder / "alertmanager", receiver)
    try:
        alertmanager.start()
        settings = {"GNOMON_NOTIFY__ALERTMANAGER_URLS": alertmanager.url, "GNOMON_NOTIFY__RESEND_S": str(plan.resend_s)}
        with AlertService(servers, prefix, folder, toml=conditions.toml(), settings=settings) as service:
            return _Run(plan, service, conditions, alertmanager, receiver, say).run()
    finally:
        alertmanager.stop()
        receiver.close()


@dataclass
class _Run:
    plan: Plan
    service: Service
    conditions: Conditions
    alertmanager: PlainAlertmanager
    receiver: Receiver
    say: Callable[[Any], None]
    faults: list[str] = field(default_factory=list)
    exits: list[str] = field(default_factory=list)
    #: What is to be ended, and when by the steady clock.
    later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    #: When Alertmanager was there, in milliseconds.
    there: list[tuple[int, int]] = field(default_factory=list)
    largest_mib: Counter[str] = field(default_factory=Counter)

    def run(self) -> AlertReport:
        """All of it; the workers are stopped in good order at the end."""
        begun = time.monotonic()
        self.workers = [self.service.worker(*ROLES) for _ in range(2)]
        for worker in self.workers:
            worker.ready(bool)
        sender = Sender(self.service, self.conditions.records(), self.plan.seconds)
        sender.start()
        try:
            self._inject(sender)
            self._until(lambda: not sender.is_alive(), "the records to be sent", self.plan.seconds * 2)
        finally:
            sender.stop()
        sent_s = time.monotonic() - begun
        report = self._settle()
        report.faults = self.faults
        report.problems += self.exits + [f"of {sender.sent:,} records not all were acknowledged"] * (not sender.whole)
        models, elapsed_s = len(self.conditions.models), time.monotonic() - begun
        report.notes += [
            f"{len(self.conditions):,} conditions of {models} models; {sender.sent:,} records",
            f"sent after {sent_s:.0f} s, judged after {elapsed_s:.0f} s; {self.receiver.posts:,} notifications",
            "largest resident memory: " + ", ".join(f"{name} {mib} MiB" for name, mib in sorted(self.largest_mib.items())),
        ]
        return report

    def _inject(self, sender: Sender) -> None:
        """Each fault when so much was sent; what it begins ends by the clock, and holds up nothing."""
        self._since_ms, due = now_ms(), self.plan.schedule()
        while self.later or (due and sender.is_alive()):
            if due and sender.share >= due[0].share:
                self._begin(due.pop(0), sender.share)
            for each in [each for each in self.later if time.monotonic() >= each[0]]:
                self.later.remove(each)
                each[1]()
            self._look_after()
            time.sleep(0.1)
        assert not due, f"the records ended before {due}"

    def _begin(self, fault: Fault, share: float) -> None:
        begin = {"kill": self._kill, "pause": self._pause, "outage": self._outage}[fault.what]
        away = " while Alertmanager was away" if self._since_ms == 0 else ""
        self.faults.append(f"{fault} at {share:.0%}{away}")
        self.say(self.faults[-1])
        begin([self.workers[number] for number in fault.workers])

    def _kill(self, workers: Sequence[Worker]) -> None:
        """`kill -9`, all at once, and start."""
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.start()

    def _pause(self, workers: Sequence[Worker]) -> None:
        """For longer than its session; it wakes when another has its partitions."""
        for worker in workers:
            worker.send(signal.SIGSTOP)
            self.later.append((time.monotonic() + PAUSE_SECONDS, partial(worker.send, signal.SIGCONT)))

    def _outage(self, _: Sequence[Worker]) -> None:
        self.alertmanager.stop()
        self.there.append((self._since_ms, now_ms()))
        self._since_ms = 0
        self.later.append((time.monotonic() + self.plan.outage_seconds, self._back))

    def _back(self) -> None:
        self.alertmanager.start()
        self._since_ms = now_ms()
        self.faults.append(f"Alertmanager was away for {(self._since_ms - self.there[-1][1]) / 1000:.1f} s")
        self.say(self.faults[-1])

    def _look_after(self) -> None:
        """A supervisor's work; and how much memory they need."""
        for worker in self.workers:
            self.largest_mib[worker.name] = max(self.largest_mib[worker.name], round(worker.resident_mib()))
            if worker.child.ended:
                self.exits.append(f"{worker.name} ended by itself with {worker.child.exit_code}: {worker.log()[-400:]}")
                self.say(self.exits[-1])
                worker.start()

    def _until(self, condition: Callable[[], bool], what: str, seconds: float) -> bool:
        """Wait; whether it came about in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            self._look_after()
            if time.monotonic() > deadline:
                self.say(f"waited {seconds:g} s for {what}: in vain")
                return False
            time.sleep(0.5)
        return True

    def _settle(self) -> AlertReport:
        """Wait for what should come, for a while; then judge what there is."""
        statistics = by_partition(self.service, "drift.statistics")
        wanted = sum(len(expected(map(statement_of, records), _rules_of)[0]) for records in statistics.values())
        alerts = AlertLog(self.service)
        try:
            self._until(lambda: alerts.count() >= wanted, f"{wanted:,} changes on the topic", SETTLED_SECONDS)
            firing = fires(told_of(each) for records in alerts.records.values() for each in records)
            self.say(f"{alerts.count():,} changes on the topic, {len(firing):,} alerts fire")
            self._until(lambda: self.alertmanager.fires() == firing, "Alertmanager to say the same", SETTLED_SECONDS)
            self._until(lambda: self.receiver.fires() == firing, "the receiver to be told", SETTLED_SECONDS)
            for worker in self.workers:
                worker.ready()
            held = held_back(self.workers)
            active, notified = self.alertmanager.active(), list(self.receiver.notified)
            drains = [worker.terminate() for worker in self.workers]
            alerts.count()  # once more: what came after all
        finally:
            alerts.close()
        there = [*self.there, (self._since_ms, now_ms())]
        report = judge(statistics, alerts.records, active, notified, _rules_of, held, there)
        report.notes.append(f"drained in {', '.join(f'{seconds:.1f} s' for seconds in drains)}")
        return report


def _rules_of(model: str) -> Rules:
    return _RULES[group_of(model)]


def main() -> int:
    """The command; 0 where nothing was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.alerts", description=__doc__.splitlines()[0])
    parser.add_argument("--conditions", type=int, default=Plan.conditions, metavar="N", help="default %(default)s")
    parser.add_argument("--seconds", type=float, default=Plan.seconds, metavar="S", help="of the clock (default %(default)s)")
    parser.add_argument("--kills", type=int, default=Plan.kills, metavar="N", help="default %(default)s")
    parser.add_argument("--pauses", type=int, default=Plan.pauses, metavar="N", help="default %(default)s")
    parser.add_argument("--outage", type=float, default=Plan.outage_seconds, metavar="S", help="default %(default)s")
    parser.add_argument("--seed", type=int, default=Plan.seed, metavar="N", help="of conditions and kills (default %(default)s)")
    options = parser.parse_args()
    counts = options.conditions, options.seconds, options.kills, options.pauses, options.outage
    report = Plan(Plan.name, options.seed, *counts).run()
    print("\n".join(report.lines()))
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
