"""The README does what it says: its commands run, and its example comes out as it says, on a real broker."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from app.dev.servers import Servers
from tests.integration.harness import PARTITIONS, Service, eventually

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_the_example_becomes_one_pair(servers: Servers, prefix: str, tmp_path: Path) -> None:
    [example] = blocks("python")
    here = example.replace(
        '"predictions.', f'"{prefix}predictions.'
    )  # the broker is shared: other tests have no prefix of theirs
    [settings] = blocks("toml")
    with Service(servers, prefix, tmp_path, toml=settings) as service:
        service.worker("pair").ready()
        environment = os.environ | {"GNOMON_KAFKA__BOOTSTRAP_SERVERS": servers.bootstrap_servers}
        subprocess.run([sys.executable, "-c", here], env=environment, check=True, timeout=60)
        consumer = Consumer(
            {"bootstrap.servers": servers.bootstrap_servers, "group.id": prefix, "isolation.level": "read_committed"}
        )
        consumer.assign([TopicPartition(f"{prefix}pairs", at, 0) for at in range(PARTITIONS)])
        try:
            message = eventually(lambda: consumer.poll(0.5), 30)
        finally:
            consumer.close()
    pair = json.loads(message.value())
    assert (pair["request_id"], pair["status"]) == ("r-000123", "paired")
    assert pair["shadows"][0]["difference"] == pytest.approx(-0.06)


def test_the_commands_are_there() -> None:
    commands = re.findall(r"\.venv/bin/gnomon ([a-z ]+?)\s*(?:#|$)", "\n".join(blocks("console")), re.MULTILINE)
    assert [command.strip() for command in commands] == ["topics create", "config", "worker"]
    for command in commands:
        ran = subprocess.run(
            [sys.executable, "-m", "app", *command.split(), "--help"], cwd=ROOT, capture_output=True, timeout=60, check=False
        )
        assert ran.returncode == 0, ran.stderr


def test_the_make_targets_are_there() -> None:
    targets = set(re.findall(r"`make ([a-z]+)`", README)) | {"demo"}
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    assert targets <= set(re.findall(r"make ([a-z]+)", listed))


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert not missing
