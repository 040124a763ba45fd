"""Topics at the broker: made where they are missing, and compared with what they should be.

Nothing here changes or deletes a topic that is there: a difference is named, and left to whoever owns the cluster. A worker
refuses to start on topics that would make it place, lose or repeat records (``check_for_worker``).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from app.config import Config
from app.kafka import client_arguments
from app.topic_table import Topics, TopicSpec, specs

__all__ = [
    "Created",
    "Difference",
    "TopicSpec",
    "Topics",
    "check",
    "check_for_worker",
    "create_missing",
    "partitions_of",
    "specs",
]

#: A new topic is known to all brokers within milliseconds; a cluster that takes longer than this is in trouble.
_KNOWN_WITHIN_S = 30.0
_ASK_AGAIN_S = 0.05


class Difference(NamedTuple):
    """One thing about one topic that is not as it should be. ``found`` is None where the topic is missing."""

    topic: str
    setting: str
    found: str | None
    wanted: str

    def __str__(self) -> str:
        if self.setting == "topic":
            return f"{self.topic}: missing"
        return f"{self.topic}: {self.setting} is {self.found}, should be {self.wanted}"


class Created(NamedTuple):
    """Full names. ``failed`` has the broker's reason for each topic that it refused."""

    created: list[str]
    existed: list[str]
    failed: dict[str, str]


class _Found(NamedTuple):
    partitions: int
    replication_factor: int
    settings: dict[str, str]


@asynccontextmanager
async def _admin(config: Config) -> AsyncIterator[Any]:
    admin = AIOKafkaAdminClient(**client_arguments(config.kafka))
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def create_missing(config: Config) -> Created:
    """Make the topics that are not there; return when the broker shows them all."""
    topics = Topics(config.topics.prefix)
    async with _admin(config) as admin:
        there = set(await admin.list_topics())
        missing = [spec for spec in specs(config) if topics.full(spec.name) not in there]
        result = Created([], [topics.full(spec.name) for spec in specs(config) if spec not in missing], {})
        if not missing:
            return result
        answer = await admin.create_topics(
            [
                NewTopic(topics.full(spec.name), spec.partitions, spec.replication_factor, topic_configs=spec.settings)
                for spec in missing
            ]
        )
        for name, code, reason, *_ in answer.topic_errors:
            _sort_in(result, name, code, reason)
        await _until_known(admin, {*result.created, *result.existed})
        return result


def _sort_in(result: Created, name: str, code: int, reason: str | None) -> None:
    error = for_code(code)
    if code == 0:
        result.created.append(name)
    elif error is TopicAlreadyExistsError:  # somebody else made it since we asked
        result.existed.append(name)
    else:
        result.failed[name] = f"{error.__name__}: {reason}" if reason else error.__name__


async def _until_known(admin: Any, names: set[str]) -> None:
    deadline = time.monotonic() + _KNOWN_WITHIN_S
    while unknown := names.difference(await admin.list_topics()):
        if time.monotonic() > deadline:
            msg = f"made, but not shown by the broker after {_KNOWN_WITHIN_S:.0f} s: {', '.join(sorted(unknown))}"
            raise KafkaError(msg)
        await asyncio.sleep(_ASK_AGAIN_S)


async def check(config: Config) -> list[Difference]:
    """Every difference between the topics at the broker and what the configuration asks for."""
    wanted = specs(config)
    found = await _found(config, wanted)
    topics = Topics(config.topics.prefix)
    return [difference for spec in wanted for difference in _differences(topics.full(spec.name), spec, found.get(spec.name))]


def _differences(full: str, spec: TopicSpec, found: _Found | None) -> list[Difference]:
    if found is None:
        return [Difference(full, "topic", None, "present")]
    pairs = [
        ("partitions", str(found.partitions), str(spec.partitions)),
        ("replication factor", str(found.replication_factor), str(spec.replication_factor)),
        *((name, found.settings.get(name, "not known"), value) for name, value in spec.settings.items()),
    ]
    return [Difference(full, name, is_, wanted) for name, is_, wanted in pairs if is_ != wanted and not _same_number(is_, wanted)]


def _same_number(one: str, other: str) -> bool:
    number, other_number = _number(one), _number(other)
    return number is not None and number == other_number


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


async def partitions_of(config: Config, full: str) -> list[int]:
    """The partitions of a topic at the broker, by its full name; none where it is missing."""
    async with _admin(config) as admin:
        found = [topic["partitions"] for topic in await admin.describe_topics() if topic["topic"] == full]
    return sorted(each["partition"] for partitions in found for each in partitions)


async def check_for_worker(config: Config, used: Collection[str]) -> list[str]:
    """Why a worker that uses these topics (by the contract's names) must not start: nothing if it may.

    A topic is missing; has another number of partitions, so that halves would not meet or a model's
    records would be on two partitions; is a checkpoint topic that the broker would delete from; or takes smaller records
    than the service writes, so that one large record would stop its partition for good.
    """
    reasons = {
        "topic": "make it with `gnomon topics create`",
        "partitions": "topics.partitions has to hold for all topics",
        "cleanup.policy": "the broker would delete what is needed",
        "max.message.bytes": "a larger record would stop its partition",
    }
    differences = [difference for difference in await check(config) if difference.topic[len(config.topics.prefix) :] in used]
    return [f"{each}; {reasons[each.setting]}" for each in differences if each.setting in reasons and not _harmless(each)]


def _harmless(difference: Difference) -> bool:
    """A topic that takes larger records than it has to."""
    return difference.setting == "max.message.bytes" and (_number(difference.found) or 0) > int(difference.wanted)


async def _found(config: Config, wanted: Sequence[TopicSpec]) -> dict[str, _Found]:
    """What is at the broker, by the contract's name.

    All topics are listed, not the wanted ones alone: to ask for a missing topic by its name may make the broker create it.
    """
    topics = Topics(config.topics.prefix)
    names = {topics.full(spec.name): spec.name for spec in wanted}
    async with _admin(config) as admin:
        there = {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics() if topic["topic"] in names}
        settings = await _settings(admin, list(there))
    return {
        names[full]: _Found(
            len(partitions), min((len(each["replicas"]) for each in partitions), default=0), settings.get(full, {})
        )
        for full, partitions in there.items()
    }


async def _settings(admin: Any, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """The settings of each topic; a topic that was deleted since it was listed is left out."""
    if not names:
        return {}
    found: dict[str, dict[str, str]] = {}
    for response in await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names]):
        for code, reason, _, name, entries in response.resources:
            error = for_code(code)
            if error is UnknownTopicOrPartitionError:
                continue
            if code:
                msg = f"the settings of topic {name} cannot be read: {reason or ''}"
                raise error(msg)
            found[name] = {entry[0]: entry[1] for entry in entries}
    return found
