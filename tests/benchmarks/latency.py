"""How long a request waits for its pair record while one worker holds all roles: steady traffic, planned times, several rounds.

    python -m tests.benchmarks.latency [--rate 1000] [--requests 20000] [--rounds 3] [--roles pair] [CHECKOUT …]

Each round starts a worker on topics of its own and sends `steady` to it; every request must come out paired. With several
checkouts of this repository the worker is each in turn, so that two states of the code stand side by side in one sitting.
The delay is the traffic's own: from the planned time of a request's last half to the sight of its committed pair record.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from app.dev.servers import Servers
from load.report import Report
from tests.benchmarks.processes import cpu_of, running
from tests.integration.harness import ALL_ROLES, PARTITIONS, ROOT, Service

__all__: list[str] = []


def measure(service: Service, checkout: Path, roles: str | None, load: list[str]) -> tuple[Report, float]:
    """What the traffic says, and the worker's CPU seconds."""
    environment = service.environment | {"PYTHONPATH": str(checkout), "GNOMON_WEB__PORT": "18098"}
    command = [sys.executable, "-m", "app", "worker", *(["--role", roles] if roles else [])]
    traffic = [sys.executable, "-m", "load", "--scenario", "steady", "--json", *load]
    path = service.folder / "worker.log"
    with (
        path.open("w") as log,
        running(
            subprocess.Popen(command, cwd=checkout, env=environment, stdout=log, stderr=log, start_new_session=True)
        ) as worker,
    ):
        wait_until_live(path, PARTITIONS * (roles.count(",") + 1 if roles else len(ALL_ROLES)))
        before = cpu_of(worker.pid)
        said = subprocess.run(traffic, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        return msgspec.json.decode(said.stdout, type=Report), cpu_of(worker.pid) - before


def wait_until_live(log: Path, shards: int) -> None:
    deadline = time.monotonic() + 60
    while log.read_text().count(" live ") < shards:
        if time.monotonic() > deadline:
            raise SystemExit(f"the worker is not live after a minute:\n{log.read_text()}")
        time.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--models", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--roles", help="only these; all by default")
    parser.add_argument("checkouts", nargs="*", type=Path, default=[ROOT])
    options = parser.parse_args()
    load = ["--rate", str(options.rate), "--requests", str(options.requests), "--models", str(options.models)]
    windows = {"WINDOW": "10000", "GRACE": "2000", "DEDUPLICATION": "60000"}
    settings = {f"GNOMON_PAIRING__{name}_MS": value for name, value in windows.items()}
    print("| checkout | p50 ms | p99 ms | max ms | worker CPU s |\n|---|---|---|---|---|")
    with Servers() as servers, tempfile.TemporaryDirectory() as folder:
        for number in range(options.rounds):
            for checkout in options.checkouts:
                prefix = f"latency{number}-{checkout.resolve().name}."
                service = Service(servers, prefix, Path(folder), settings=settings)
                report, cpu_s = measure(service, checkout.resolve(), options.roles, load)
                delay = report.complete
                assert report.passed, report.examples
                assert delay is not None
                print(
                    f"| {checkout.name} | {delay.p50_ms:,.0f} | {delay.p99_ms:,.0f} | {delay.max_ms:,.0f} | {cpu_s:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
