"""How the pair role's cost grows, with the results asserted each time.

    python -m tests.benchmarks.scale [--only memory alone workers models broker backlog restart] [--events 10000000]

memory: bytes of a half that waits. alone: the fold without Kafka in one process and in two. workers: two against one. models:
1 to 1,000 of them. broker: its disks and its CPU. backlog: cost by the events before, and the memory of catching up with all
of them. restart: kill -9 under traffic.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from app.dev.servers import Servers
from tests.benchmarks.scale.bench import Bench
from tests.benchmarks.scale.broker_load import broker_load
from tests.benchmarks.scale.fold_alone import bytes_kept, two_processes
from tests.benchmarks.scale.growth import backlog, models
from tests.benchmarks.scale.workers import restart, two_workers

EVERY = ["memory", "alone", "workers", "models", "broker", "backlog", "restart"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", default=EVERY, metavar="WHAT", help="of %(default)s")
    parser.add_argument("--events", type=int, default=10_000_000, help="of the backlog")
    options = parser.parse_args()
    if "memory" in options.only:
        bytes_kept(240_000)
    if "alone" in options.only:
        two_processes(800_000)
    measured = {
        "workers": lambda bench: two_workers(bench, 1_000_000),
        "models": lambda bench: models(bench, 600_000),
        "backlog": lambda bench: backlog(bench, options.events),
        "restart": restart,
    }
    for name, measure in measured.items():
        if name in options.only:
            with Servers() as servers:  # a broker each: what the one before has written is not the next one's load
                measure(Bench(servers.bootstrap_servers))
    if "broker" in options.only:
        with TemporaryDirectory() as folder, Servers(Path(folder)) as servers:
            broker_load(Bench(servers.bootstrap_servers), Path(folder) / "kafka" / "data", servers.kafka.child.pid)


if __name__ == "__main__":
    main()
