"""Faust's Kafka transport, changed so that an agent gets runs and a fold says where reading begins.

Faust hosts the roles: it joins the consumer group, calls back when partitions come and go, and runs the agents. Of its
transport and app eight private parts are replaced, each because what is there is wrong for a fold:

======================================  =============================================================================
``Thread._create_worker_consumer``      round robin puts the halves of a request on two workers; reads uncommitted
                                        records; a fetch waits 1.5 s
``Thread._fetch_records``               would fetch what no fold wants yet, and end the app when asked before the seek
``Consumer._new_consumer_thread``       to have that thread
``Consumer.seek_to_committed``          the one place that positions partitions after a rebalance: fence, checkpoint, seek
``Consumer._read_offset``               set with each seek, or runs behind it are dropped in silence
``Consumer.getmany``                    one message a run; seeks to the group's offsets whenever the flow is stopped
``Consumer._thread``                    the consumer lives in another thread, with another event loop
``App._create_directories``             would leave a folder for tables, of which there are none
======================================  =============================================================================

``tests/unit/app/test_transport.py`` fails when an upgrade of Faust changes one of them. The group's offsets and Faust's own
acknowledgements are not used: topics are declared with ``acks=False``.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import aiokafka
import faust
from aiokafka import TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import NoOffsetForPartitionError
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import ConsumerMessage

from app.folds import brokers, runs
from app.folds.answer_times import AnswerTimes
from app.folds.log_ends import FetchState
from app.folds.shards import Shards

__all__ = ["FaustHost", "PartitionCountError", "create_app"]

#: A fetch that finds nothing is answered after this; it bounds how old the broker's word on the end of a log is.
_FETCH_WAIT_MS = 50
_FETCH_BYTES = 4 << 20
#: How late it is seen that a topic has more partitions; aiokafka's own is five minutes.
_METADATA_MAX_AGE_MS = 30_000
#: What is known is taken when a broker does not tell within this.
_COUNTS_SECONDS = 5.0
#: Runs between the transport and the agent. Faust counts messages, and a message is a run.
_BUFFERED_RUNS = 8


class PartitionCountError(Exception):
    """An input has another number of partitions than the configuration says: halves would not meet."""


class _Thread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust is not annotated
    def _create_worker_consumer(self, transport: Any) -> Any:
        self._assignor = RangePartitionAssignor
        return aiokafka.AIOKafkaConsumer(
            **self.app.consumer_arguments
            | {
                "auto_offset_reset": "none",
                "partition_assignment_strategy": [RangePartitionAssignor],
                "max_partition_fetch_bytes": _FETCH_BYTES,
                "fetch_max_wait_ms": _FETCH_WAIT_MS,
                "metadata_max_age_ms": _METADATA_MAX_AGE_MS,
                "max_poll_records": None,
            }
        )

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: Any,
        timeout: float | None = None,  # noqa: ASYNC109  the signature is Faust's
        max_records: int | None = None,
    ) -> Any:
        shards: Shards = self.app.shards
        wanted = {place for place in active_partitions if shards.wants(TopicPartition(*place))}
        if not wanted:
            await asyncio.sleep(_FETCH_WAIT_MS / 1000)
            return {}
        try:
            return await super()._fetch_records(consumer, wanted, timeout, max_records)
        except NoOffsetForPartitionError:  # asked before our seek
            return {}


class _Consumer(driver.Consumer):  # type: ignore[misc]  # as above
    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def seek_to_committed(self) -> Mapping[Any, int]:
        """Open the shards of what was assigned, and read on from where they say."""
        await self._look_at_counts()
        shards: Shards = self.app.shards
        positions = await shards.take({place.partition for place in self.assignment()})
        await self.seek_runs(positions)
        return {ensure_TP(place): position for place, position in positions.items()}

    async def _look_at_counts(self) -> None:
        """Raise where partitions were added: this member could get one topic's partition and another member the other's."""
        wanted = self.app.conf.topic_partitions
        for topic, found in sorted((await self._thread.call_thread(self._counts_in_thread)).items()):
            if found not in (0, wanted):  # 0: nothing is known of it just now
                message = (
                    f"{topic} has {found} partitions, topics.partitions is {wanted}: the halves of a request would not meet. "
                    f"Give all topics the same number, and topics.partitions too, and start again"
                )
                raise PartitionCountError(message)

    async def _counts_in_thread(self) -> dict[str, int]:
        consumer = self._thread._consumer  # noqa: SLF001  as below
        with suppress(TimeoutError):  # the member that assigned may know more than this one does yet
            await asyncio.wait_for(consumer._client.force_metadata_update(), _COUNTS_SECONDS)  # noqa: SLF001
        return {topic: len(consumer.partitions_for_topic(topic) or ()) for topic in consumer.subscription()}

    async def seek_runs(self, positions: Mapping[TopicPartition, int]) -> None:
        """Have each partition that is still ours read from its position."""
        ours = {place: position for place, position in positions.items() if ensure_TP(place) in self.assignment()}
        if ours:
            await self._thread.call_thread(self._seek_in_thread, ours)
            for place, position in ours.items():
                self._read_offset[ensure_TP(place)] = position or None

    async def _seek_in_thread(self, positions: Mapping[TopicPartition, int]) -> None:
        for place, position in positions.items():
            self._thread._consumer.seek(place, position)  # noqa: SLF001  Faust has no way to seek from another thread

    async def log_spans(self, places: list[TopicPartition]) -> list[tuple[int, int]]:
        """Where the logs of these partitions begin and end."""
        begins, ends = await self._thread.call_thread(self._spans_in_thread, places)
        return [(begins[place], ends[place]) for place in places]

    async def _spans_in_thread(self, places: list[TopicPartition]) -> tuple[dict[Any, int], dict[Any, int]]:
        consumer = self._thread._consumer  # noqa: SLF001  as above
        return await consumer.beginning_offsets(places), await consumer.end_offsets(places)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[Any, Any]]:  # noqa: ASYNC109  as above
        """One message for each run; nothing while the flow is stopped."""
        records, _ = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        for place, run in (records or {}).items():
            if self.should_stop or not self.flow_active or self.app.consumer_generation_id != generation:
                return
            message = ConsumerMessage(
                place.topic, place.partition, max(run.end - 1, 0), 0.0, 0, [], None, run, None, 0, 0, ensure_TP(place),
                generation_id=generation,
            )  # fmt: skip
            yield place, message


class _Transport(driver.Transport):  # type: ignore[misc]  # as above
    Consumer = _Consumer


class _App(faust.App):  # type: ignore[misc]  # as above
    def _create_directories(self) -> None:
        """Make none: there are no tables, and nothing is kept on disk."""


class FaustHost:
    """What shards need to know of the consumer of their app."""

    def __init__(self, app: Any, topics: list[str]) -> None:
        self._app, self._topics = app, topics
        self._answer_times = AnswerTimes()

    def assigned(self) -> set[TopicPartition]:
        """The partitions that the group gave this member."""
        return {TopicPartition(*place) for place in self._app.consumer.assignment()}

    def fetch_state(self, side: int, partition: int) -> FetchState:
        """The broker's last word on one partition."""
        place = TopicPartition(self._topics[side], partition)
        consumer = self._app.consumer._thread._consumer  # noqa: SLF001  Faust does not tell when the answer came
        try:
            answered_at = self._answer_times.steady(place, consumer.last_poll_timestamp(place))
            return FetchState(consumer.highwater(place), answered_at)
        except aiokafka.errors.IllegalStateError:  # not assigned any more: the shard is about to be given up
            return FetchState(None, 0.0)

    async def log_spans(self, partition: int) -> list[tuple[int, int]]:
        """Begin and end of the log of each side."""
        spans: list[tuple[int, int]] = await self._app.consumer.log_spans(
            [TopicPartition(topic, partition) for topic in self._topics]
        )
        return spans

    async def seek(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read on from these positions."""
        await self._app.consumer.seek_runs(positions)


def create_app(group: str, consumer_arguments: dict[str, Any], partitions: int, credentials: Any = None) -> Any:
    """A Faust app without web server, tables or leader, whose agents get runs; give it ``shards`` before it starts.

    ``credentials`` are for a producer of Faust's own, which nothing is sent with, and which has to connect all the same.
    """
    runs.install()
    brokers.install()
    app = _App(
        group,
        broker="kafka://" + ";kafka://".join(consumer_arguments["bootstrap_servers"]),
        broker_credentials=credentials,
        store="memory://",
        topic_partitions=partitions,
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        stream_wait_empty=False,
        stream_buffer_maxsize=_BUFFERED_RUNS,
        worker_redirect_stdouts=False,
        broker_session_timeout=consumer_arguments["session_timeout_ms"] / 1000,
        broker_heartbeat_interval=consumer_arguments["heartbeat_interval_ms"] / 1000,
        broker_request_timeout=consumer_arguments["request_timeout_ms"] / 1000,
    )
    app.transport = _Transport(app.conf.broker, app)
    app.consumer_arguments = consumer_arguments
    return app
