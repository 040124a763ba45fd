"""What the pair role does with one core, beside plain loops, on one broker in one run: ``make bench``.

    python -m tests.benchmarks.pairing [--requests 200000] [--runs 3] [--profile FILE] [--only NAME ...]

Both topics are filled first (``workload``), then each contestant reads them from the beginning, several rounds in turn; the
plain Faust apps get fewer requests of the same kind, since they would take minutes. Speed is input events by CPU seconds (user
and system, the whole process, from its first records to the last commit); the broker is apart. The results are asserted
(``results``): a fast wrong answer fails.
"""

import argparse
import asyncio
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from app.dev.servers import Servers
from tests.benchmarks.processes import SHADOWS, cpu_of, gnomon, running, scrape, total
from tests.benchmarks.results import check, check_plain
from tests.benchmarks.workload import PARTITIONS, fill

__all__ = ["measure_pair"]

GNOMON, LOOP, FAUST, TABLE = "gnomon pair", "aiokafka loop", "Faust, a dict", "Faust, a table"
#: Bootstrap servers, prefix, events, what must come out; events by CPU second and by second.
Contestant = Callable[[str, str, int, Counter[str]], tuple[float, float]]


def measure_pair(bootstrap: str, prefix: str, events: int, port: int, profile: str | None) -> tuple[float, float]:
    """Events by CPU second and by second."""
    environment = {
        "GNOMON_KAFKA__BOOTSTRAP_SERVERS": bootstrap, "GNOMON_TOPICS__PREFIX": prefix, "GNOMON_WEB__PORT": str(port),
        "GNOMON_LOG__LEVEL": "warning",
    }  # fmt: skip
    with running(gnomon("worker", "--role", "pair", *SHADOWS, environment=environment)) as worker:
        profiler = None
        first: tuple[float, float, float] | None = None
        while True:
            time.sleep(0.1)
            if worker.poll() is not None:
                raise SystemExit(f"the worker ended with {worker.returncode}")
            cpu, now, done = cpu_of(worker.pid), time.perf_counter(), total(scrape(port), "gnomon_events_read_total")
            if done and first is None:
                first = (cpu, now, done)
                if profile:
                    profiler = subprocess.Popen(
                        ["py-spy", "record", "-p", str(worker.pid), "-d", "600", "-f", "raw", "-o", profile, "-r", "200"]
                    )
            if first and done >= events:
                break
        if profiler:
            profiler.send_signal(signal.SIGINT)
            profiler.wait()
        assert total(scrape(port), "gnomon_pairing_unaccounted") == 0, "the equation does not hold"
        cpu0, now0, done0 = first
        return (events - done0) / (cpu - cpu0), (events - done0) / (now - now0)


def gnomon_pair(profile: str | None) -> Contestant:
    """The product; with the profile of each run written over the one before."""

    def run(bootstrap: str, prefix: str, events: int, expected: Counter[str]) -> tuple[float, float]:
        rates = measure_pair(bootstrap, prefix, events, 18_099, profile)
        asyncio.run(check(bootstrap, prefix, expected))
        return rates

    return run


def plain(module: str, *variant: str) -> Contestant:
    """A contestant of this folder that writes to a topic of its own and says what it took."""

    def run(bootstrap: str, prefix: str, events: int, expected: Counter[str]) -> tuple[float, float]:
        output = f"{prefix}{'.'.join((module, *variant))}.pairs"
        asyncio.run(create(bootstrap, output))
        command = [sys.executable, "-m", f"tests.benchmarks.{module}", bootstrap, prefix, str(events), output, *variant]
        said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        words = said[said.index("first") :]
        first, done, cpu = float(words[1]), float(words[3]), float(words[4])
        asyncio.run(check_plain(bootstrap, output, expected))
        return events / cpu, events / (done - first)

    return run


def fill_topics(bootstrap: str, prefix: str, requests: int) -> tuple[int, Counter[str]]:
    """Topics with so many requests; how many events there are, and what must come out."""
    environment = {"GNOMON_KAFKA__BOOTSTRAP_SERVERS": bootstrap, "GNOMON_TOPICS__PREFIX": prefix}
    assert gnomon("topics", "create", environment=environment).wait() == 0
    return asyncio.run(fill(bootstrap, prefix, requests))


async def create(bootstrap: str, topic: str) -> None:
    """A topic for one contestant's output."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    await admin.close()


def table(figures: dict[str, list[tuple[float, float]]], unit: str) -> str:
    """Medians, lowest and highest, and each median beside one contestant's."""
    base = statistics.median(row[0] for row in figures[unit])
    lines = ["| | events/CPU-s (median, lowest, highest) | events/s | ratio |", "|---|---|---|---|"]
    for name, rows in figures.items():
        by_cpu, wall = sorted(row[0] for row in rows), statistics.median(row[1] for row in rows)
        middle = statistics.median(by_cpu)
        lines.append(f"| {name} | {middle:,.0f} ({by_cpu[0]:,.0f}, {by_cpu[-1]:,.0f}) | {wall:,.0f} | {middle / base:.2f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--faust-requests", type=int, default=20_000, help="for the plain Faust apps, which take their time")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--profile", help="folded stacks of the last run of the pair role (needs py-spy)")
    parser.add_argument("--only", nargs="+", default=[GNOMON, LOOP, FAUST, TABLE], metavar="NAME", help="of %(default)s")
    options = parser.parse_args()
    every = {
        GNOMON: gnomon_pair(options.profile),
        LOOP: plain("floor"),
        FAUST: plain("plain_faust", "dict"),
        TABLE: plain("plain_faust", "table"),
    }
    contestants = {name: every[name] for name in options.only}
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    with Servers(log=lambda _: None) as servers:
        for number in range(options.runs):
            sizes = {"bench": options.requests, "faust": options.faust_requests}
            filled = {name: fill_topics(servers.bootstrap_servers, f"{name}{number}.", size) for name, size in sizes.items()}
            for name, contestant in contestants.items():
                size = "faust" if name in (FAUST, TABLE) else "bench"
                rates = contestant(servers.bootstrap_servers, f"{size}{number}.", *filled[size])
                figures[name].append(rates)
                print(f"round {number + 1}, {filled[size][0]:,} events, {name}: {rates[0]:,.0f} by CPU second", file=sys.stderr)
    print(table(figures, LOOP if LOOP in figures else options.only[0]))


if __name__ == "__main__":
    main()
