"""`gnomon worker` as a process of its own on the session's Kafka and Redis, and all that a test does to it from outside.

A `Service` is one prefix: its topics, its configuration, its workers. A `Worker` is one process under the guard of
`app.dev.child`, so it ends with the tests however they end; leaving the `with` block of the service kills what still runs.
Every wait is for a condition, has a bound, and fails with the end of the worker's log.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from app.config import Config, TopicSettings
from app.dev.child import Child
from app.dev.ports import free_ports
from app.dev.servers import Servers
from app.topic_table import specs

ROOT = Path(__file__).parents[2]
PARTITIONS = 4
ALL_ROLES = ("pair", "detect", "decide", "notify", "serve")
#: A slow machine takes 4 s to import and to join; the broker waits for the session of a killed member besides.
READY_SECONDS = 60.0
DRAIN_SECONDS = 10.0
WINDOW_MS, GRACE_MS, DEDUPLICATION_MS = 1_500, 500, 5_000

#: Small windows, so that a test sees a request given up within seconds.
SMALL = {
    "GNOMON_PAIRING__WINDOW_MS": str(WINDOW_MS),
    "GNOMON_PAIRING__GRACE_MS": str(GRACE_MS),
    "GNOMON_PAIRING__DEDUPLICATION_MS": str(DEDUPLICATION_MS),
    "GNOMON_KAFKA__SESSION_TIMEOUT_MS": "6000",
    "GNOMON_KAFKA__HEARTBEAT_INTERVAL_MS": "1000",
}


def eventually(condition: Callable[[], Any], seconds: float, otherwise: Callable[[], str] = lambda: "") -> Any:
    """The first true value of ``condition``; fails with ``otherwise()`` when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {otherwise()}")
        time.sleep(0.05)
    return found


class Worker:
    """One running `gnomon worker`."""

    child: Child

    def __init__(self, name: str, command: list[str], environment: dict[str, str], folder: Path, port: int | None = None) -> None:
        self.name, self._port = name, port
        self._command, self._environment, self._folder = command, environment, folder
        self.lives = 0
        self.start()

    def start(self) -> None:
        """A new process under the old name, as a supervisor does it."""
        port = free_ports(1)[0] if self._port is None else self._port
        if self.lives:
            self.child.stop(signal.SIGKILL)
        self.lives += 1
        self.url = f"http://127.0.0.1:{port}"
        log = self._folder / f"{self.name}.log"
        self.child = Child(self._command, log, ROOT, self._environment | {"GNOMON_WEB__PORT": str(port)})

    def set_up(self, name: str, value: str) -> None:
        """Give its next life another setting."""
        self._environment = self._environment | {name: value}

    def get(self, path: str) -> tuple[int, str]:
        """Status and body; 0 while nobody answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, repr(error)

    def partitions(self) -> dict[str, list[int]]:
        """What each role of this worker holds, once it is ready; nothing before."""
        status, body = self.get("/-/ready")
        return {role: each["partitions"] for role, each in json.loads(body)["roles"].items()} if status == 200 else {}

    def ready(self, holds: Callable[[dict[str, list[int]]], bool] = lambda _: True) -> Worker:
        """Wait until it says so, and holds what it should."""
        eventually(
            self._ready_or_ended(holds), READY_SECONDS, lambda: f"{self.name} is not ready: {self.get('/-/ready')}\n{self.log()}"
        )
        return self

    def _ready_or_ended(self, holds: Callable[[dict[str, list[int]]], bool]) -> Callable[[], bool]:
        def look() -> bool:
            assert not self.child.ended, f"{self.name} ended with {self.child.exit_code}\n{self.log()}"
            held = self.partitions()
            return bool(held) and holds(held)

        return look

    def metric(self, name: str) -> dict[str, float]:
        """The series of one metric, by their labels as written."""
        status, body = self.get("/metrics")
        lines = [line for line in body.splitlines() if status == 200 and line.split("{")[0].split(" ")[0] == name]
        return {line.rpartition(" ")[0][len(name) :]: float(line.rpartition(" ")[2]) for line in lines}

    def resident_mib(self) -> float:
        """Its memory; 0 where the process has just ended."""
        with suppress(OSError, IndexError):
            pages = int(Path(f"/proc/{self.child.pid}/statm").read_text().split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
        return 0.0

    def kill(self) -> None:
        """`kill -9`, and wait for the end."""
        self.send(signal.SIGKILL)
        assert self.child.wait_ended(10), f"{self.name} survived kill -9"

    def send(self, number: int) -> None:
        """Any signal: SIGSTOP makes a zombie of it, SIGCONT wakes it."""
        with suppress(ProcessLookupError):
            os.kill(self.child.pid, number)

    def terminate(self) -> float:
        """SIGTERM; the seconds that it took to drain. Fails where the exit code is not 0."""
        started = time.monotonic()
        self.send(signal.SIGTERM)
        assert self.child.wait_ended(30), f"{self.name} does not end\n{self.log()}"
        assert self.child.exit_code == 0, f"{self.name} ended with {self.child.exit_code}\n{self.log()}"
        return time.monotonic() - started

    def log(self) -> str:
        """The end of its log."""
        return self.child.tail()


class Service:
    """One prefix with its topics, and the workers on it."""

    partitions = PARTITIONS

    def __init__(
        self,
        servers: Servers,
        prefix: str,
        folder: Path,
        *,
        toml: str = "",
        settings: dict[str, str] | None = None,
        create: bool = True,
    ) -> None:
        self.servers, self.prefix, self.folder = servers, prefix, folder
        config_file = folder / "gnomon.toml"
        config_file.write_text(toml)
        self.environment = os.environ | SMALL | {
            "GNOMON_CONFIG": str(config_file),
            "GNOMON_KAFKA__BOOTSTRAP_SERVERS": servers.bootstrap_servers,
            "GNOMON_REDIS__URL": servers.redis_url,
            "GNOMON_TOPICS__PREFIX": prefix,
            "GNOMON_TOPICS__PARTITIONS": str(self.partitions),
            "PYTHONPATH": str(ROOT),
        } | (settings or {})  # fmt: skip
        self.workers: list[Worker] = []
        if create:
            self.create_topics()

    def create_topics(self, *, but: tuple[str, ...] = ()) -> None:
        """As `gnomon topics create` makes them."""
        config = Config(topics=TopicSettings(prefix=self.prefix, partitions=self.partitions))
        wanted = [
            NewTopic(self.prefix + spec.name, spec.partitions, 1, config=spec.settings)
            for spec in specs(config)
            if spec.name not in but
        ]
        admin = AdminClient({"bootstrap.servers": self.servers.bootstrap_servers})
        for done in admin.create_topics(wanted).values():
            done.result()

    def lose_checkpoints(self) -> None:
        """Delete the topic of the role ``pair``, and have the command make it again, empty, as an operator would."""
        admin, name = AdminClient({"bootstrap.servers": self.servers.bootstrap_servers}), f"{self.prefix}checkpoints.pair"
        admin.delete_topics([name])[name].result()
        eventually(lambda: name not in admin.list_topics(timeout=10).topics, 30)
        command = [sys.executable, "-m", "app", "topics", "create"]
        eventually(
            lambda: subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, check=False).returncode == 0, 30
        )
        eventually(lambda: name in admin.list_topics(timeout=10).topics, 30)

    def play_drift(self, requests: int) -> None:
        """Have the load generator's drift paired and looked at by a worker, which then ends."""
        worker = self.worker("pair", "detect").ready()
        command = [sys.executable, "-m", "load", "--scenario", "drift", "--requests", str(requests), "--seed", "3", "--no-verify"]
        sending = Child([*command, "--rate", "3000"], self.folder / "load.log", ROOT, self.environment)
        try:
            assert sending.wait_ended(60), sending.tail()
        finally:
            sending.stop()

        def all_looked_at() -> bool:
            looked_at = sum(worker.metric("gnomon_detect_pairs_total").values())
            return looked_at >= requests and sum(worker.metric("gnomon_pairing_waiting").values()) == 0

        eventually(all_looked_at, 60, lambda: f"all pairs looked at: {worker.get('/metrics')[1]}")
        worker.terminate()

    def worker(self, *roles: str, port: int | None = None) -> Worker:
        """Start one more; with no role named, it has all of them."""
        command = [sys.executable, "-m", "app", "worker", *(["--role", ",".join(roles)] if roles else [])]
        worker = Worker(f"worker-{len(self.workers)}", command, self.environment, self.folder, port)
        self.workers.append(worker)
        return worker

    def __enter__(self) -> Service:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for worker in self.workers:
            worker.child.stop(signal.SIGKILL)
            print(f"{worker.name} ended with {worker.child.exit_code}, {worker.lives} lives; the end of its log:\n{worker.log()}")
