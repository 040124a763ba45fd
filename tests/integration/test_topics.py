"""Topics at a real broker: made once, found again, and every difference named."""

import asyncio
import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from app.config import Config, KafkaSettings, TopicSettings
from app.topics import check, check_for_worker, create_missing, specs
from app.topology import FLOW

pytestmark = pytest.mark.integration

USED = {topic for topics in FLOW.values() for topic in topics.all}

ROOT = Path(__file__).parents[2]


def configured(servers: Any, prefix: str, **topics: Any) -> Config:
    return Config(kafka=KafkaSettings(bootstrap_servers=servers.bootstrap_servers), topics=TopicSettings(prefix=prefix, **topics))


@pytest.fixture
async def admin(servers: Any) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=servers.bootstrap_servers)
    await client.start()
    yield client
    await client.close()


async def alter(admin: AIOKafkaAdminClient, topic: str, **settings: str) -> None:
    named = {name.replace("_", "."): value for name, value in settings.items()}
    [answer] = await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, named)])
    assert [resource[0] for resource in answer.resources] == [0]


async def settled(ask: Callable[[], Awaitable[Sequence[object]]], wanted: set[str]) -> set[str]:
    """What is answered once it is ``wanted``, or after 10 s: a broker learns of a change shortly after it was accepted."""
    deadline = time.monotonic() + 10
    while True:
        found = {str(each) for each in await ask()}
        if found == wanted or time.monotonic() > deadline:
            return found
        await asyncio.sleep(0.05)


async def test_what_is_missing_is_made_and_what_is_made_is_as_it_should_be(servers: Any, prefix: str) -> None:
    config = configured(servers, prefix)
    names = sorted(prefix + spec.name for spec in specs(config))
    assert sorted(str(each) for each in await check(config)) == sorted(f"{name}: missing" for name in names)
    first = await create_missing(config)
    assert (sorted(first.created), first.existed, first.failed) == (names, [], {})
    again = await create_missing(config)
    assert (again.created, sorted(again.existed), again.failed) == ([], names, {})
    assert await check(config) == []
    assert await check_for_worker(config, USED) == []


async def test_to_check_makes_no_topic(servers: Any, prefix: str, admin: AIOKafkaAdminClient) -> None:
    config = configured(servers, prefix)
    await check(config)
    await check_for_worker(config, USED)
    assert [name for name in await admin.list_topics() if name.startswith(prefix)] == []


async def test_each_difference_is_named(servers: Any, prefix: str, admin: AIOKafkaAdminClient) -> None:
    config = configured(servers, prefix)
    await create_missing(config)
    await admin.create_partitions({f"{prefix}outcomes": NewPartitions(6)})
    await alter(
        admin, f"{prefix}checkpoints.pair", cleanup_policy="delete", max_message_bytes="8388608", segment_bytes="16777216"
    )
    await admin.delete_topics([f"{prefix}alerts"])
    wanted = {
        f"{prefix}alerts: missing",
        f"{prefix}outcomes: partitions is 6, should be 4",
        f"{prefix}checkpoints.pair: cleanup.policy is delete, should be compact",
        f"{prefix}checkpoints.pair: min.cleanable.dirty.ratio is 0.5, should be 0.1",
        f"{prefix}checkpoints.pair: delete.retention.ms is 86400000, should be 60000",
    }
    assert await settled(lambda: check(config), wanted) == wanted


async def test_a_worker_is_refused_only_for_what_would_harm_it(servers: Any, prefix: str, admin: AIOKafkaAdminClient) -> None:
    config = configured(servers, prefix)
    await create_missing(config)
    await admin.create_partitions({f"{prefix}outcomes": NewPartitions(6)})
    await alter(admin, f"{prefix}checkpoints.pair", cleanup_policy="delete", max_message_bytes="8388608")
    await alter(admin, f"{prefix}dead.letters", max_message_bytes="1000000", cleanup_policy="delete", retention_ms="5")
    await alter(admin, f"{prefix}predictions.legacy", max_message_bytes="99000000", cleanup_policy="delete")
    await admin.delete_topics([f"{prefix}alerts"])
    refused = {
        "pair": {
            f"{prefix}checkpoints.pair: cleanup.policy is delete, should be compact; the broker would delete what is needed",
            f"{prefix}dead.letters: max.message.bytes is 1000000, should be 2228224; a larger record would stop its partition",
        },
        "detect": {
            f"{prefix}outcomes: partitions is 6, should be 4; topics.partitions has to hold for all topics",
            f"{prefix}dead.letters: max.message.bytes is 1000000, should be 2228224; a larger record would stop its partition",
        },
        "decide": {
            f"{prefix}alerts: missing; make it with `gnomon topics create`",
            f"{prefix}dead.letters: max.message.bytes is 1000000, should be 2228224; a larger record would stop its partition",
        },
    }
    for role, wanted in refused.items():
        assert await settled(functools.partial(check_for_worker, config, FLOW[role].all), wanted) == wanted


async def test_what_the_broker_refuses_is_said_and_the_others_are_as_they_were(servers: Any, prefix: str) -> None:
    config = configured(servers, prefix, replication_factor=3)
    made = await create_missing(config)
    assert made.created == []
    assert len(made.failed) == len(specs(config))
    assert all("InvalidReplicationFactor" in reason for reason in made.failed.values())


async def test_a_topic_that_somebody_else_made_is_left_as_it_is(servers: Any, prefix: str, admin: AIOKafkaAdminClient) -> None:
    await admin.create_topics([NewTopic(f"{prefix}pairs", 1, 1)])
    config = configured(servers, prefix)
    made = await create_missing(config)
    assert made.existed == [f"{prefix}pairs"]
    assert f"{prefix}pairs: partitions is 1, should be 4" in {str(each) for each in await check(config)}


def gnomon(servers: Any, prefix: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {
        "GNOMON_KAFKA__BOOTSTRAP_SERVERS": servers.bootstrap_servers,
        "GNOMON_TOPICS__PREFIX": prefix,
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "app", "topics", *arguments]
    return subprocess.run(command, check=False, env=os.environ | environ, capture_output=True, text=True, timeout=120)


def test_the_commands(servers: Any, prefix: str) -> None:
    missing = gnomon(servers, prefix, "check", "--json")
    assert missing.returncode == 1
    assert len(json.loads(missing.stdout)["differences"]) == len(specs(Config()))
    created = gnomon(servers, prefix, "create")
    assert (created.returncode, len(created.stdout.splitlines())) == (0, len(specs(Config())))
    assert f"created {prefix}pairs" in created.stdout.splitlines()
    existing = gnomon(servers, prefix, "create", "--json")
    assert (existing.returncode, json.loads(existing.stdout)["created"], json.loads(existing.stdout)["differences"]) == (
        0,
        [],
        [],
    )
    kept = gnomon(servers, prefix, "check")
    assert (kept.returncode, kept.stdout) == (0, "")
    assert "as they should be" in kept.stderr
    other = gnomon(servers, prefix, "check", "--set", "topics.partitions=5")
    assert other.returncode == 1
    assert f"{prefix}pairs: partitions is 4, should be 5" in other.stdout
    refused = gnomon(servers, f"{prefix}x.", "create", "--set", "topics.replication_factor=3")
    assert refused.returncode == 1
    assert f"refused {prefix}x.pairs: InvalidReplicationFactorError" in refused.stderr
