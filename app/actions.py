"""What people decide, on its way to the topic ``actions``: made and written in one way, whoever asks, a command or a page.

The record lies on the model's partition, where the role ``decide`` knows its triggers and alerts. It is written once,
acknowledged by all replicas. Who was cut off in between does not know whether it was written, and may write it again under the
same id: a second copy is refused by name where it would change something, and says the same again where it would not.

The id of a silence begins with its subject, so that it can be taken back by its id alone.
"""

import asyncio
import contextlib
import time
import uuid
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from app.config import Config
from app.domain.placement import place
from app.kafka import client_arguments
from app.topic_table import Topics
from app.topics import partitions_of
from schemas.action import Action, ActionName
from schemas.events import action_event

__all__ = ["INPUT_TOPICS", "TOPIC", "ActionWriter", "NoTopicError", "Sent", "all_alerts_of", "new_action", "subject_of_silence"]

TOPIC = "actions"
#: Input topics that alerts can be about: all else is a model.
INPUT_TOPICS = ("predictions.legacy", "predictions.shadow")
#: What a producer that goes may take to end.
_CLOSE_SECONDS = 5.0


class NoTopicError(Exception):
    """There is no topic to write actions to; the message says how it is made."""


class Sent(NamedTuple):
    """Where an action lies."""

    topic: str
    partition: int
    offset: int


def new_action(action: ActionName, subject: str, by: str, why: str, *, mark: str | None = None, **about: Any) -> Action:
    """A decision of this moment; ``about``: its further fields.

    ``mark`` is what its id is made of where a copy is to have the same id; by default no two have.
    """
    id_ = uuid.uuid4().hex if mark is None else mark
    if action == "silence":
        id_ = f"{subject}:{id_}"
    return Action(id=id_, action=action, subject=subject, by=by, why=why, timestamp=int(time.time() * 1000), **about)


def all_alerts_of(subject: str) -> dict[str, str]:
    """The labels that all alerts of a model, or of an input topic, have.

    >>> all_alerts_of("credit"), all_alerts_of("predictions.shadow")
    ({'model': 'credit'}, {'topic': 'predictions.shadow'})
    """
    return {"topic" if subject in INPUT_TOPICS else "model": subject}


def subject_of_silence(id_: str) -> str:
    """The subject that the id of a silence begins with; empty where it is an id of somebody else's making.

    >>> subject_of_silence("credit:9d2c"), subject_of_silence("9d2c")
    ('credit', '')
    """
    return id_.rpartition(":")[0]


class ActionWriter:
    """One producer, started with the first action. A producer that failed is given up, and the next action has another."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._full = Topics(config.topics.prefix).full(TOPIC)
        self._starting = asyncio.Lock()
        self._producer: AIOKafkaProducer | None = None

    async def write(self, action: Action) -> Sent:
        """Write an action. Raises ``NoTopicError``, or what Kafka says; how long it may take is the caller's to say."""
        producer = await self._started()
        try:
            at = place(action.subject, len(await producer.partitions_for(self._full)))
            event = action_event(action)
            sent = await producer.send_and_wait(self._full, event.value, event.key, at)
        except KafkaError:
            if self._producer is producer:
                self._producer = None
            await _stopped(producer)
            raise
        return Sent(self._full, at, sent.offset)

    async def close(self) -> None:
        """Let what is under way be written, and end."""
        async with self._starting:
            producer, self._producer = self._producer, None
            if producer is not None:
                await _stopped(producer)

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                if not await partitions_of(self._config, self._full):
                    message = f"there is no topic {self._full}; make it with `gnomon topics create`"
                    raise NoTopicError(message)
                producer = AIOKafkaProducer(**client_arguments(self._config.kafka), acks="all", enable_idempotence=True)
                try:
                    await producer.start()
                except BaseException:
                    await _stopped(producer)
                    raise
                self._producer = producer
            return self._producer


async def _stopped(producer: AIOKafkaProducer) -> None:
    with contextlib.suppress(KafkaError, TimeoutError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await producer.stop()
