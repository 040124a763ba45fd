"""Dagster: a sensor on ``retrain.triggers``, and a job that retrains once for each trigger.

Install ``dagster`` and what ``retrain_run.py`` needs, put ``retrain.py`` and ``retrain_run.py`` beside this file, set
``GNOMON_KAFKA__BOOTSTRAP_SERVERS``, turn the sensor on. ``TRAINING`` is the command of your training: it gets the window's
file, and the last line that it writes is the new version.

The cursor holds the next offset of each partition. It begins at the end: what was triggered before the sensor was turned on is
not run. Requests and cursor are stored together; a tick that is killed is read again, and a ``run_key`` is run once.
"""

import json
import os
from functools import partial
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from dagster import (
    Definitions,
    OpExecutionContext,
    Permissive,
    RunRequest,
    SensorEvaluationContext,
    SensorResult,
    job,
    op,
    sensor,
)
from retrain import request_of
from retrain_run import by_command, retrain

TOPIC = "retrain.triggers"
RECORDS_A_TICK = 100
WAIT_S = 10
TRAINING = ["python", "train.py"]


def consumer_of(servers: str) -> Consumer:
    """A consumer without a group's offsets: the cursor holds them. It tells the ends of partitions."""
    return Consumer({
        "bootstrap.servers": servers, "group.id": "dagster-retrain", "enable.auto.commit": False,
        "isolation.level": "read_committed", "auto.offset.reset": "earliest", "enable.partition.eof": True,
    })  # fmt: skip


def read_on(consumer: Consumer, cursor: str | None) -> tuple[list[dict[str, Any]], str]:
    """The retrainings asked for since the cursor, from at most RECORDS_A_TICK records, and the cursor behind them."""
    offsets = _offsets(consumer, cursor)
    consumer.assign([TopicPartition(TOPIC, int(partition), offset) for partition, offset in offsets.items()])
    requests, records, ended = [], 0, set()
    while records < RECORDS_A_TICK and len(ended) < len(offsets):
        message = consumer.poll(WAIT_S)
        if message is None:
            break
        if message.error():
            if message.error().code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                raise KafkaException(message.error())
            ended.add(message.partition())
            continue
        records += 1
        offsets[str(message.partition())] = message.offset() + 1
        request = request_of(message.value())
        if request is not None:
            requests.append(request)
    return requests, json.dumps(offsets)


def _offsets(consumer: Consumer, cursor: str | None) -> dict[str, int]:
    """Where to read on; a partition that the cursor does not know is begun at its end, or, where it is new, at its beginning."""
    offsets: dict[str, int] = json.loads(cursor) if cursor else {}
    for partition in consumer.list_topics(TOPIC, timeout=WAIT_S).topics[TOPIC].partitions:
        if str(partition) not in offsets:
            first, end = consumer.get_watermark_offsets(TopicPartition(TOPIC, partition), timeout=WAIT_S)
            offsets[str(partition)] = first if cursor else end
    return offsets


def run_of(request: dict[str, Any]) -> RunRequest:
    """The run of a request, by a key that Dagster runs once."""
    return RunRequest(
        run_key=f"{request['run_key']}/{request['state']}",
        run_config={"ops": {"retrain_model": {"config": request}}},
        tags={"gnomon/trigger_id": request["run_key"], "gnomon/model": request["model"], "gnomon/reason": request["reason"]},
    )


@op(config_schema=Permissive())
def retrain_model(context: OpExecutionContext) -> str:
    """One retraining, answered."""
    return retrain(context.op_config, partial(by_command, TRAINING))


@job
def retraining() -> None:
    """Retrains one model on the window of one trigger."""
    retrain_model()


@sensor(job=retraining, minimum_interval_seconds=30)
def retrain_triggers(context: SensorEvaluationContext) -> SensorResult:
    """Asks for a run for each trigger that may be acted on."""
    consumer = consumer_of(os.environ["GNOMON_KAFKA__BOOTSTRAP_SERVERS"])
    try:
        requests, cursor = read_on(consumer, context.cursor)
    finally:
        consumer.close()
    return SensorResult(run_requests=[run_of(one) for one in requests], cursor=cursor)


definitions = Definitions(jobs=[retraining], sensors=[retrain_triggers])
