"""The demo's processes: Kafka and Redis, the worker, the producer of flights.

Each is under a guard that ends it when this process ends, however it ends (``app.dev.guard``). They end in the order producer,
worker (which drains), servers. Nothing of the user's own GNOMON settings reaches them: the demo is the same everywhere.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.dev.cache import data_folder
from app.dev.child import Child
from app.dev.errors import DevError
from app.dev.ports import HOST, free_ports
from app.dev.servers import Servers
from load.flights.records import MODEL
from load.flights.replay import flights_configuration

__all__ = ["PARTITIONS", "WARM_UP", "DemoError", "Stage", "on_stage"]

#: Events a second: 300 flights a second, eight hours of New York's traffic.
RATE = 900
PARTITIONS = 4
#: The two weeks from here, up to the fault, are calm for the live model: what a storm does to weather and delays is a drift too.
#: The autumn that follows is not, and alerts by itself.
FIRST_DAY = "2013-09-09"
FAULT_AFTER = "50s"
#: A week of flights: with less, the first Sunday is a change.
WARM_UP = 7_000
#: Weather and delays move by a standard deviation within days; who runs this model wants to hear of more than that.
LEAST_EFFECT = 1.0
#: A flight's outcome is its arrival; the longest, to Honolulu, take eleven hours, and some are late.
LABEL_DELAY_MS = 14 * 3_600_000
#: A side is silent when nothing came for window and grace of wall time: the worker waits longer than the default for the first
#: flight, while the producer reads its data.
WINDOW_MS = 60_000
#: Event time runs 30,000 times as fast as the clock and stands still at night, so a day of it is nothing to resolve an alert for.
DAY_S = 86_400
READY_WITHIN_S = 90.0
#: The page is a commit interval behind the topics.
PAGE_WITHIN_S = 15.0


class DemoError(DevError):
    """A part of the demo did not come up, or went down; the message holds its last words."""


@dataclass(frozen=True)
class Stage:
    """What runs, and where."""

    bootstrap_servers: str
    redis_url: str
    url: str
    worker: Child
    traffic: Child

    def wait_for_page(self) -> None:
        """Until what the page shows has a paired flight, a drift, a firing alert and a trigger, or ``DemoError``."""
        deadline = time.monotonic() + PAGE_WITHIN_S
        while missing := self._missing_on_page():
            if time.monotonic() > deadline:
                raise DemoError(f"{self.url} does not show {', '.join(missing)} after {PAGE_WITHIN_S:.0f} s")
            self.worker.wait_ended(0.2)
            self.check()

    def _missing_on_page(self) -> list[str]:
        models = _ask_json(f"{self.url}api/v1/models").get("models", [])
        alerts = _ask_json(f"{self.url}api/v1/alerts?status=firing").get("alerts", [])
        triggers = _ask_json(f"{self.url}api/v1/triggers").get("triggers", [])
        shown = {
            "a paired flight": any(model["pairing"]["paired"] for model in models),
            "a drift": any(model["state"] == "drift" for model in models),
            "a firing alert": bool(alerts),
            "a retrain trigger": bool(triggers),
        }
        return [name for name, is_there in shown.items() if not is_there]

    def check(self) -> None:
        """Raise ``DemoError`` where the worker or, by a failure, the producer has ended."""
        for name, child in (("the worker", self.worker), ("the producer", self.traffic)):
            if child.ended and (child is self.worker or child.exit_code):
                raise DemoError(f"{name} ended with {child.exit_code}; the end of {child.log}:\n{child.tail()}")


@contextmanager
def on_stage(say: Callable[[str], None]) -> Iterator[Stage]:
    """Everything started and ready, for as long as the block lasts."""
    with ExitStack() as running:
        say("starting Kafka and Redis")
        servers = running.enter_context(Servers(log=say))
        folder = running.enter_context(data_folder(None))
        configuration = folder / "gnomon.toml"
        configuration.write_text(_configuration(), "utf-8")
        port = free_ports(1)[0]
        environment = _environment(servers, configuration, port)
        say("creating the topics")
        _run([sys.executable, "-m", "app", "topics", "create"], folder, environment)
        say("starting the service, all roles in one worker")
        worker = Child([sys.executable, "-m", "app", "worker"], folder / "worker.log", folder, environment)
        running.callback(worker.stop)
        traffic = Child(_traffic_command(), folder / "traffic.log", folder, environment)
        running.callback(traffic.stop)
        stage = Stage(servers.bootstrap_servers, servers.redis_url, f"http://{HOST}:{port}/", worker, traffic)
        _wait_until_ready(stage, say)
        yield stage


def _configuration() -> str:
    return f"""{flights_configuration()}
[pairing]
window_ms = {WINDOW_MS}
deduplication_ms = {2 * WINDOW_MS}

[models.{MODEL}.drift]
warm_up = {WARM_UP}
least_effect = {LEAST_EFFECT}
label_delay_ms = {LABEL_DELAY_MS}

[models.{MODEL}.alerts]
keep_firing_for_s = {DAY_S}
forget_after_s = {7 * DAY_S}

[models.{MODEL}.retrain]
cooldown_s = {7 * DAY_S}
"""


def _environment(servers: Servers, configuration: Path, port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GNOMON_")}
    return kept | {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])),
        "PYTHONUNBUFFERED": "1",
        "GNOMON_CONFIG": str(configuration),
        "GNOMON_KAFKA__BOOTSTRAP_SERVERS": servers.bootstrap_servers,
        "GNOMON_REDIS__URL": servers.redis_url,
        "GNOMON_TOPICS__PARTITIONS": str(PARTITIONS),
        "GNOMON_WEB__HOST": HOST,
        "GNOMON_WEB__PORT": str(port),
    }


def _traffic_command() -> list[str]:
    options = {"scenario": "flights", "rate": str(RATE), "from": FIRST_DAY, "fault": "seconds", "fault-at": FAULT_AFTER}
    return [sys.executable, "-m", "load", "--no-verify", *(word for k, v in options.items() for word in (f"--{k}", v))]


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - ours
    if done.returncode:
        raise DemoError(f"{' '.join(command[1:])} ended with {done.returncode}:\n{done.stderr}")


def _wait_until_ready(stage: Stage, say: Callable[[str], None]) -> None:
    """Until the worker answers 200 on ``/-/ready``; what it says meanwhile is passed on, each thing once."""
    deadline, told = time.monotonic() + READY_WITHIN_S, ""
    while (answer := _ask(f"{stage.url}-/ready"))[0] != 200:
        words = _not_ready(answer[1])
        if words != told:
            say(f"the service is not ready: {words}")
            told = words
        stage.worker.wait_ended(0.2)
        stage.check()
        if time.monotonic() > deadline:
            raise DemoError(f"the service was not ready within {READY_WITHIN_S:.0f} s; it says {words!r}:\n{stage.worker.tail()}")


def _not_ready(body: str) -> str:
    """The first role that is not live and why, in words."""
    try:
        roles = json.loads(body)["roles"]
    except (ValueError, KeyError):
        return "it does not answer yet"
    waiting = [f"{name} is {role['state']}: {role['reason']}" for name, role in roles.items() if role["state"] != "live"]
    return waiting[0] if waiting else "all roles are live"


def _ask(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own http address
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode(errors="replace")
    except OSError:
        return 0, ""


def _ask_json(url: str) -> dict[str, Any]:
    status, body = _ask(url)
    answer: dict[str, Any] = json.loads(body) if status == 200 else {}
    return answer
