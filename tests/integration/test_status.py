"""`gnomon status` on a real Redis: what it says, that it follows, and that it says so when there is nothing to read."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import IO

import pytest
from redis.asyncio import Redis

from agents.serve import ServeFold
from app.read_model import RedisLedger, connect
from tests.integration.harness import ROOT
from tests.read_model_records import ALERTS, SIDES, STATISTICS, Writes, alert, pairing, run, statistics

pytestmark = pytest.mark.integration


class Filled:
    """One partition of the serve role, as the runner fills it."""

    def __init__(self, client: Redis, prefix: str) -> None:
        self.ledger, self.fold = RedisLedger(client, prefix, "serve", 0, SIDES), ServeFold(0)

    async def open(self) -> None:
        await self.ledger.open()
        self.fold.restore(None, None, [0] * SIDES)

    async def put(self, side: int, record: object) -> None:
        writes = Writes()
        self.fold.feed(side, run([record]), writes)  # type: ignore[list-item]  # of the builders
        self.fold.sees_ends([True] * SIDES, 0)
        self.fold.idle([0] * SIDES, writes)
        await self.ledger.commit(writes.sent, self.fold.save(), [0] * SIDES)


@pytest.fixture
async def filled(redis_url: str, prefix: str) -> AsyncIterator[Filled]:
    client = connect(redis_url)
    made = Filled(client, prefix)
    await made.open()
    await made.put(STATISTICS, pairing(read=20, paired=10))
    await made.put(STATISTICS, statistics())
    await made.put(STATISTICS, statistics(kind="prediction", name=""))
    yield made
    await made.ledger.discard()
    await client.aclose()


def start(redis_url: str, prefix: str, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {
        "GNOMON_REDIS__URL": redis_url, "GNOMON_TOPICS__PREFIX": prefix, "GNOMON_TOPICS__PARTITIONS": "1",
    }  # fmt: skip
    command = [sys.executable, "-m", "app", "status", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    )


def told(redis_url: str, prefix: str, *arguments: str) -> tuple[int, str]:
    process = start(redis_url, prefix, *arguments)
    out, _ = process.communicate(timeout=60)
    return process.returncode, out


async def test_it_says_what_the_page_says(filled: Filled, redis_url: str, prefix: str) -> None:
    code, text = told(redis_url, prefix, "--check")
    assert code == 0
    assert "✓  models  Healthy: 1 signal quiet." in text
    assert "0 alerts firing" in text
    await filled.put(ALERTS, alert(labels={"alertname": "PredictionDrift", "severity": "critical", "model": "credit"}))
    code, text = told(redis_url, prefix, "--check", "--json")
    assert code == 1
    document = json.loads(text)
    assert [each["level"] for each in document["standings"]] == ["bad", "good", "good"]
    assert document["alerts"][0]["labels"]["alertname"] == "PredictionDrift"
    assert document["models"][0]["pairing"]["paired"] == 10


async def test_it_follows_until_it_is_interrupted(filled: Filled, redis_url: str, prefix: str) -> None:
    watching = start(redis_url, prefix, "--watch", "--json")
    try:
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())["alerts"] == []
        await filled.put(ALERTS, alert())
        assert _line_with_an_alert(watching.stdout)
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 0
    finally:
        watching.kill()
        watching.communicate()


def _line_with_an_alert(lines: IO[str]) -> bool:
    return any(json.loads(line)["alerts"] for line in lines)


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_without_a_read_model_it_says_why_and_fails(arguments: tuple[str, ...], prefix: str) -> None:
    code, text = told("redis://127.0.0.1:1", prefix, *arguments)
    assert code == 1
    assert "Redis does not answer" in text
