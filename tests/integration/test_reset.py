"""Checkpoints that were lost: a worker refuses to begin anew by itself, and does when it is told to."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.dev.servers import Servers
from tests.integration.committed import Publisher, read_all
from tests.integration.harness import PARTITIONS, ROOT, Service, eventually

pytestmark = pytest.mark.integration

INPUTS = ("predictions.legacy", "predictions.shadow")
REQUESTS = 200


def send(service: Service) -> None:
    publisher, now = Publisher(service.servers.bootstrap_servers, service.prefix), int(time.time() * 1000)
    for number in range(REQUESTS):
        for topic, version in zip(INPUTS, ("1", "2"), strict=True):
            event = {"request_id": f"r{number}", "model": "credit", "version": version, "timestamp": now, "prediction": 0.5}
            publisher.send(topic, b"r%d" % number, json.dumps(event).encode())
    publisher.flush()


def pairs(service: Service) -> int:
    return len(read_all(service.servers.bootstrap_servers, service.prefix, "pairs"))


def reset(service: Service, role: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app", "reset", "--role", role, "--yes"]
    return subprocess.run(command, cwd=ROOT, env=service.environment, capture_output=True, text=True, timeout=90, check=False)


def test_lost_checkpoints_are_refused_until_the_role_is_reset(servers: Servers, tmp_path: Path) -> None:
    toml = '[models.default]\nshadows = ["2"]\n'
    with Service(servers, f"{tmp_path.name}.", tmp_path, toml=toml) as service:
        send(service)
        worker = service.worker("pair").ready(lambda live: len(live["pair"]) == PARTITIONS)
        eventually(lambda: pairs(service) == REQUESTS, 60)
        running = reset(service, "pair")
        assert running.returncode == 1
        assert "has 1 members: stop the workers of this role first" in running.stderr
        worker.terminate()
        service.lose_checkpoints()

        worker.start()
        eventually(lambda: "the checkpoints were lost" in worker.log(), 60, worker.log)
        assert "run `gnomon reset`" in worker.log()
        worker.kill()
        assert pairs(service) == REQUESTS

        eventually(lambda: reset(service, "pair").returncode == 0, 30)  # until the group has noticed the kill
        worker.start()
        worker.ready(lambda live: len(live["pair"]) == PARTITIONS)
        eventually(lambda: pairs(service) == 2 * REQUESTS, 60)
        assert reset(service, "serve").returncode == 1
