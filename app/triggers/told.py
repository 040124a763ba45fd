"""The triggers on ``retrain.triggers``, each in its latest state, oldest first.

A trigger is written once, and again when its approval is decided; both records lie on the model's partition, in order. Bounded:
``KEPT`` triggers, the newest; what is no trigger is passed over and counted.
"""

from typing import NamedTuple

import msgspec
from aiokafka import TopicPartition
from msgspec import Struct

from app.config import Config
from app.topic_table import Topics
from app.topics import partitions_of
from app.triggers.log import LogError, Span, read, reader
from schemas.json_text import shallow
from schemas.trigger import RetrainTrigger

__all__ = ["KEPT", "TOPIC", "Told", "TriggerList", "find", "told"]

TOPIC = "retrain.triggers"
#: About 2 kB each.
KEPT = 10_000


class Told(NamedTuple):
    """A trigger, its event time (RFC 3339), and where its latest record lies."""

    trigger: RetrainTrigger
    time: str
    partition: int
    offset: int


class TriggerList(NamedTuple):
    """The triggers by id, and how many records were none, or let go for their number."""

    triggers: dict[str, Told]
    unreadable: int
    dropped: int


class _Event(Struct):
    data: RetrainTrigger
    time: str = ""


_decode = msgspec.json.Decoder(_Event).decode


async def told(config: Config, model: str | None = None) -> TriggerList:
    """All that lie on the topic, or those of one model. Raises ``LogError`` where there is no such topic."""
    full = Topics(config.topics.prefix).full(TOPIC)
    places = [TopicPartition(full, number) for number in await partitions_of(config, full)]
    if not places:
        message = f"there is no topic {full}; is topics.prefix right?"
        raise LogError(message)
    found: dict[str, Told] = {}
    unreadable = dropped = 0
    async with reader(config) as consumer:
        begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        async for record in read(consumer, {place: Span(begins[place], ends[place]) for place in places}):
            try:
                event = _decode(shallow(record.value))
            except msgspec.MsgspecError:
                unreadable += 1
                continue
            if model is None or event.data.model.name == model:
                found.pop(event.data.trigger_id, None)
                found[event.data.trigger_id] = Told(event.data, event.time, record.partition, record.offset)
            if len(found) > KEPT:
                del found[next(iter(found))]
                dropped += 1
    in_time = sorted(found.items(), key=lambda item: (item[1].trigger.window.end, item[0]))
    return TriggerList(dict(in_time), unreadable, dropped)


async def find(config: Config, id_: str) -> Told:
    """One trigger. Raises ``LogError`` where there is none with this id."""
    triggers = (await told(config)).triggers
    if id_ not in triggers:
        message = f"there is no trigger {id_!r} on {Topics(config.topics.prefix).full(TOPIC)}; `gnomon triggers list` names all"
        raise LogError(message)
    return triggers[id_]
