"""Airflow 3: an asset that triggers of gnomon update, and a DAG that retrains once for each.

Install ``apache-airflow-providers-apache-kafka`` and ``apache-airflow-providers-common-messaging``, and what ``retrain_run.py``
needs. Put this file, ``retrain.py`` and ``retrain_run.py`` into the folder of DAGs, which has to be on the triggerer's
``PYTHONPATH`` too. The connection ``kafka_default`` has as its extra ``{"bootstrap.servers": "kafka:9092", "group.id":
"airflow-retrain", "auto.offset.reset": "latest", "isolation.level": "read_committed"}``. ``TRAINING`` is the command of your
training: it gets the window's file, and the last line that it writes is the new version.

A run is named after trigger and approval, and a name is run once: a record that is read twice is skipped. The watcher commits
before it tells, so a triggerer that is killed between may lose a trigger: set ``retrain.acknowledge_s``, and ``RetrainOverdue``
says so; the run is then started by hand, with what ``request_of`` makes of the record as its configuration.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

from airflow.providers.common.messaging.triggers.msg_queue import MessageQueueTrigger
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Asset, AssetWatcher, dag, task
from retrain import request_of
from retrain_run import by_command, retrain

TRAINING = ["python", "train.py"]


def request_in(message: Any) -> dict[str, Any] | None:
    """The retraining that a Kafka message asks for: the asset's event; None: the watcher reads on."""
    value = message.value()
    return None if value is None else request_of(value)


def runs_of(requests: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Name and configuration of the run for each request. The name has a colon since Airflow takes no slash there."""
    return [{"trigger_run_id": f"{one['run_key']}:{one['state']}", "conf": one} for one in requests]


TRIGGERS = Asset(
    "gnomon_retrain_triggers",
    watchers=[
        AssetWatcher(
            name="gnomon_retrain_triggers",
            trigger=MessageQueueTrigger(
                scheme="kafka",
                topics=["retrain.triggers"],
                apply_function="airflow_retrain.request_in",
                kafka_config_id="kafka_default",
            ),
        )
    ],
)


@dag(schedule=[TRIGGERS], catchup=False)
def gnomon_retrain_triggers() -> None:
    """Starts the run of each trigger: one run of this DAG may be for several events."""

    @task
    def runs(triggering_asset_events: Any = None) -> list[dict[str, Any]]:
        return runs_of(event.extra["payload"] for event in triggering_asset_events[TRIGGERS])

    start = TriggerDagRunOperator.partial(task_id="start", trigger_dag_id="gnomon_retrain", skip_when_already_exists=True)
    start.expand_kwargs(runs())


@dag(schedule=None, catchup=False)
def gnomon_retrain() -> None:
    """One retraining. No retries: what has been answered as failed comes again as a new trigger, after the cooldown."""

    @task(retries=0)
    def retrain_model(dag_run: Any = None) -> str:
        return retrain(dag_run.conf, partial(by_command, TRAINING))

    retrain_model()


gnomon_retrain_triggers()
gnomon_retrain()
