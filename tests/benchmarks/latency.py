"""How long an answer takes at a steady pace: the pair role alone, all roles, alerts, and with one of two workers killed.

    python -m tests.benchmarks.latency [--rate 5000] [--seconds 30] [--only pair all alerts kill] [--profile] [--set ...]

Every request must come out paired, once and unaltered (``load.checker``), or the run fails. The goals: a pair is visible after
80 ms (median) and 150 ms (99 %), once the broker's first 20 s are over, which are told apart; with one worker killed by
``kill -9``, 99.9 % within 15 s. See ``paced`` for what counts.
"""

import argparse
import asyncio
import gc
import signal
import sys
import tempfile
from pathlib import Path

from app.dev.servers import Servers
from tests.benchmarks.paced import Sent, quantiles_ms, send
from tests.benchmarks.processes import cpu_of
from tests.integration.harness import PARTITIONS, Service, Worker

__all__: list[str] = []

SHARES = (0.5, 0.99, 0.999, 1.0)
#: The broker has just started, and its code is compiled while it runs; what comes in these seconds is told apart.
COLD_SECONDS = 20
WINDOWS = {
    "GNOMON_PAIRING__WINDOW_MS": "10000",
    "GNOMON_PAIRING__GRACE_MS": "2000",
    "GNOMON_PAIRING__DEDUPLICATION_MS": "60000",
    "GNOMON_LOG__LEVEL": "warning",
}


class Bench:
    """One pair of servers, a prefix for each measurement."""

    def __init__(
        self, servers: Servers, folder: Path, rate: int, seconds: int, settings: dict[str, str], *, profile: bool
    ) -> None:
        self._profile = profile
        self._servers, self._folder, self._rate, self._seconds, self._settings = servers, folder, rate, seconds, settings

    def _service(self, name: str) -> Service:
        return Service(self._servers, f"{name}.", self._folder, settings=WINDOWS | self._settings)

    def _send(self, service: Service, scenario: str, models: int = 1, kill: Worker | None = None) -> Sent:
        def during(after_s: float) -> None:
            if kill is not None and after_s > COLD_SECONDS + self._seconds / 3 and not kill.child.ended:
                kill.send(signal.SIGKILL)

        requests = self._rate // 2 * (COLD_SECONDS + self._seconds)
        sent = asyncio.run(send(self._servers.bootstrap_servers, service.prefix, scenario, self._rate, requests, models, during))
        assert not sent.findings.faults, sent.findings.examples
        return sent

    def _worker(self, service: Service, roles: tuple[str, ...]) -> Worker:
        if not self._profile:
            return service.worker(*roles)
        command = [sys.executable, "-m", "tests.benchmarks.commit_profile", "worker", *(["--role", *roles] if roles else [])]
        service.workers.append(worker := Worker("profiled", command, service.environment, self._folder))
        return worker

    def steady(self, name: str, *roles: str) -> None:
        """One worker with these roles, or with all."""
        with self._service(name) as service:
            worker = self._worker(service, roles).ready(lambda held: all(len(each) == PARTITIONS for each in held.values()))
            before = cpu_of(worker.child.pid)
            sent = self._send(service, "steady")
            took = (cpu_of(worker.child.pid) - before) / (COLD_SECONDS + self._seconds)
            commits, spent = (sum(worker.metric(f"gnomon_commit_duration_seconds_{end}").values()) for end in ("count", "sum"))
            worker.terminate()
            print(worker.log() if self._profile else "", file=sys.stderr)
        self._tell(name, sent)
        print(f"  a commit took {1000 * spent / commits:.1f} ms, {commits:,.0f} of them; {took:.2f} of a core", file=sys.stderr)

    def alerts(self) -> None:
        """All roles and a drift in eight models: from the last prediction of the window to the alert."""
        with self._service("alerts") as service:
            service.worker().ready(lambda held: all(len(each) == PARTITIONS for each in held.values()))
            sent = self._send(service, "drift", models=8)
        self._tell("drift, all roles, 8 models", sent)
        assert len(sent.alerts_s) >= 8, "every model drifts"
        figures = " | ".join(f"{each:,.0f}" for each in quantiles_ms(sent.alerts_s, SHARES))
        print(f"| prediction to alert | {len(sent.alerts_s)} | {figures} |", flush=True)

    def kill(self) -> None:
        """Two workers with half the partitions each; one is killed after a third of the time, and not started again."""
        with self._service("kill") as service:
            first, second = service.worker("pair"), service.worker("pair")
            for worker in (first, second):
                worker.ready(lambda held: len(held["pair"]) == PARTITIONS // 2)
            self._tell("one of two killed", self._send(service, "steady", kill=first))

    def _tell(self, name: str, sent: Sent) -> None:
        """Two rows of the table."""
        answers, cold = sent.findings.complete_s, self._rate // 2 * COLD_SECONDS
        for what, those in ((name, answers[cold:]), (f"{name}: the {COLD_SECONDS} s before", answers[:cold])):
            figures = " | ".join(f"{each:,.0f}" for each in quantiles_ms(those, SHARES))
            print(f"| {what} | {len(those):,} | {figures} |", flush=True)
        print(f"  the sender was {1000 * sent.behind_s:.0f} ms behind its plan at most", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rate", type=int, default=5_000, help="events a second")
    parser.add_argument("--seconds", type=int, default=30, help=f"after the first {COLD_SECONDS} (default %(default)s)")
    parser.add_argument("--only", nargs="+", default=["pair", "all", "alerts", "kill"], metavar="WHAT", help="of %(default)s")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="environment of the workers")
    parser.add_argument("--profile", action="store_true", help="say where the time of a commit goes")
    options = parser.parse_args()
    gc.disable()  # of the sender and reader: their pauses, up to 60 ms, are not the service's
    print(f"{options.rate:,} events/s\n\n| | answers | p50 ms | p99 ms | p99.9 ms | max ms |\n|---|---|---|---|---|---|")
    with Servers() as servers, tempfile.TemporaryDirectory() as folder:
        settings = dict(each.split("=", 1) for each in options.set)
        bench = Bench(servers, Path(folder), options.rate, options.seconds, settings, profile=options.profile)
        if "pair" in options.only:
            bench.steady("pair", "pair")
        if "all" in options.only:
            bench.steady("all")
        if "alerts" in options.only:
            bench.alerts()
        if "kill" in options.only:
            bench.kill()


if __name__ == "__main__":
    main()
