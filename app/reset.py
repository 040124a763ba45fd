"""A role begins anew, on purpose: its checkpoints are made empty and its group's offsets are set to the beginning.

What the role wrote before stays, and it writes the same events again, with the same ids. A worker never does this by itself:
where a checkpoint is missing although the group has got somewhere, it refuses to start on that partition.

A crash half way leaves the offsets as they were, since they come last: the worker refuses still, and a second try does the rest.
"""

import asyncio
import time
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import NoError, UnknownTopicOrPartitionError, for_code

from app.config import Config
from app.kafka import client_arguments, producer_arguments
from app.topic_table import Topics
from app.topics import check_for_worker, create_missing
from app.topology import FLOW

__all__ = ["ResetError", "reset"]

_WITHIN_S = 30.0


class ResetError(Exception):
    """The role cannot begin anew; the message says why and what to do."""


async def reset(config: Config, role: str) -> list[str]:
    """What was done, in words."""
    checkpoints, group, full = FLOW[role].checkpoints, config.group(role), Topics(config.topics.prefix).full
    if checkpoints is None:
        raise ResetError(f"{role} keeps nothing in Kafka: what it shows is built anew by itself when it is missing in Redis")
    if reasons := await check_for_worker(config, FLOW[role].reads):
        raise ResetError("; ".join(reasons))
    admin = AIOKafkaAdminClient(**client_arguments(config.kafka))
    await admin.start()
    try:
        await _refuse_members(admin, group)
        await _fence(config, role)
        await _empty(admin, config, full(checkpoints))
    finally:
        await admin.close()
    places = [TopicPartition(full(topic), at) for topic in FLOW[role].reads for at in range(config.topics.partitions)]
    async with AIOKafkaConsumer(**client_arguments(config.kafka), group_id=group, enable_auto_commit=False) as consumer:
        consumer.assign(places)
        await consumer.commit(dict.fromkeys(places, 0))
    return [f"{full(checkpoints)} is empty", f"the group {group} is at the beginning of {len(places)} partitions"]


async def _refuse_members(admin: Any, group: str) -> None:
    """A running worker would commit over it."""
    for answer in await admin.describe_consumer_groups([group]):
        for code, _, _, _, _, members, *_ in answer.groups:
            if code:
                raise ResetError(f"the broker does not say who is in the group {group} ({for_code(code).__name__}); try again")
            if members:
                raise ResetError(f"the group {group} has {len(members)} members: stop the workers of this role first")


async def _fence(config: Config, role: str) -> None:
    """A worker that is only paused has left the group, and would commit when it wakes."""
    for partition in range(config.topics.partitions):
        producer = AIOKafkaProducer(**producer_arguments(config, role, partition))
        try:
            await producer.start()
        finally:
            await producer.stop()


async def _empty(admin: Any, config: Config, topic: str) -> None:
    """A compacted topic can be emptied only by making it anew."""
    for name, code in (await admin.delete_topics([topic])).topic_error_codes:
        if code not in (NoError.errno, UnknownTopicOrPartitionError.errno):
            raise ResetError(f"the broker does not delete {name}: {for_code(code).__name__}")
    ends, reason = time.monotonic() + _WITHIN_S, "the broker has not finished deleting it"
    while time.monotonic() < ends:
        made = await create_missing(config)
        if topic in made.created:
            return
        reason = made.failed.get(topic, reason)
        await asyncio.sleep(0.2)
    raise ResetError(f"{topic} was deleted and could not be made anew: {reason}. Run `gnomon reset` again")
