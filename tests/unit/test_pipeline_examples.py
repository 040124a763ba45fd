"""The examples in Python, on real records and a Kafka client; of Airflow and Dagster stand in the few names that they use."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from app.domain.placement import partition_of
from schemas.control_codec import StatusDecoder
from schemas.limits import Limits
from tests.decide_builders import START, LogRecord
from tests.unit.test_trigger_examples import FOLDER, GOLDEN, ROOT, cases, event

PARTITIONS = 4  # of the mock cluster's topics
REQUEST = {"run_key": "rt-1", "model": "credit"}


class Thing(SimpleNamespace):
    """An object of a framework: keeps what it was made of."""

    __hash__ = object.__hash__


class Framework:
    """What the examples use of Airflow and Dagster: decorators keep the functions, the rest what it was made of."""

    def __init__(self) -> None:
        self.functions: dict[str, Any] = {}
        self.started: list[tuple[dict[str, Any], Any]] = []

    def decorator(self, function: Any = None, **_: Any) -> Any:
        if function is None:
            return self.decorator
        self.functions[function.__name__] = function
        return function

    def task(self, function: Any = None, **_: Any) -> Any:
        if function is None:
            return self.task
        self.functions[function.__name__] = function
        return lambda: function.__name__

    def dag(self, **_: Any) -> Any:
        return lambda function: function

    def partial(self, **words: Any) -> Any:
        return Thing(expand_kwargs=lambda runs: self.started.append((words, runs)))


@pytest.fixture
def frame(monkeypatch: pytest.MonkeyPatch) -> Iterator[Framework]:
    frame = Framework()
    asset = lambda name, **words: Thing(name=name, **words)  # noqa: E731 - one line says it
    sdk = {"Asset": asset, "AssetWatcher": Thing, "dag": frame.dag, "task": frame.task}
    made = ["Definitions", "OpExecutionContext", "Permissive", "RunRequest", "SensorEvaluationContext", "SensorResult"]
    modules: dict[str, dict[str, Any]] = {
        "airflow.providers.common.messaging.triggers.msg_queue": {"MessageQueueTrigger": Thing},
        "airflow.providers.standard.operators.trigger_dagrun": {"TriggerDagRunOperator": Thing(partial=frame.partial)},
        "airflow.sdk": sdk,
        "dagster": dict.fromkeys(made, Thing) | dict.fromkeys(["job", "op", "sensor"], frame.decorator),
    }
    for path, names in modules.items():
        module = ModuleType(path)
        vars(module).update(names)
        monkeypatch.setitem(sys.modules, path, module)
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])
    yield frame
    for name in ("retrain", "retrain_run", "airflow_retrain", "dagster_retrain"):
        sys.modules.pop(name, None)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """librdkafka's mock cluster: a broker within the process."""
    admin = AdminClient({"bootstrap.servers": "none", "test.mock.num.brokers": "1"})
    (address,) = (broker for broker in admin.list_topics(timeout=10).brokers.values())
    monkeypatch.setenv("GNOMON_KAFKA__BOOTSTRAP_SERVERS", f"{address.host}:{address.port}")
    yield f"{address.host}:{address.port}"
    assert admin.poll(0) == 0  # it is the broker: kept until here


def write(broker: str, *triggers: dict[str, Any]) -> None:
    producer = Producer({"bootstrap.servers": broker, "partitioner": "murmur2"})
    for one in triggers:
        producer.produce("retrain.triggers", json.dumps(one), b"credit")
    assert producer.flush(30) == 0


def statuses(broker: str, model: bytes, count: int) -> list[Any]:
    """The first answers on the partition that is the model's."""
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "test"})
    consumer.assign([TopicPartition("retrain.status", partition_of(model, PARTITIONS), 0)])
    try:
        taken = [consumer.poll(30) for _ in range(count)]
    finally:
        consumer.close()
    assert [one.error() for one in taken] == [None] * count
    return [StatusDecoder(Limits())(LogRecord(0, START, one.key(), one.value())) for one in taken]


@cases
def test_airflow_s_watcher_takes_what_may_be_acted_on(frame: Framework, trigger: dict[str, Any], acts: bool) -> None:
    example = importlib.import_module("airflow_retrain")
    (watcher,) = example.TRIGGERS.watchers
    module, function = watcher.trigger.apply_function.split(".")
    apply = getattr(importlib.import_module(module), function)
    assert watcher.trigger.topics == ["retrain.triggers"]
    payload = apply(Thing(value=lambda: json.dumps(trigger).encode()))
    assert (payload is not None) is acts
    assert apply(Thing(value=lambda: None)) is None


def test_airflow_s_runs_are_named_by_trigger_and_state(frame: Framework) -> None:
    example = importlib.import_module("airflow_retrain")
    assert frame.started == [({"task_id": "start", "trigger_dag_id": "gnomon_retrain", "skip_when_already_exists": True}, "runs")]
    payloads = [example.request_of(json.dumps(one)) for one in (GOLDEN, event("required", "approve"))]
    events = {example.TRIGGERS: [Thing(extra={"from_trigger": True, "payload": one}) for one in payloads]}
    runs = frame.functions["runs"](triggering_asset_events=events)
    assert [one["trigger_run_id"] for one in runs] == [f"{one['run_key']}:{one['state']}" for one in payloads]
    assert runs[1]["trigger_run_id"].endswith(":approved")
    assert [json.loads(json.dumps(one["conf"])) for one in runs] == payloads


def test_dagster_s_sensor_begins_at_the_end_and_goes_on_at_its_cursor(frame: Framework, broker: str) -> None:
    example = importlib.import_module("dagster_retrain")
    write(broker, GOLDEN)
    first = example.retrain_triggers(Thing(cursor=None))
    assert first.run_requests == []
    write(broker, event("required"), event("required", "approve"), event("required", "approve"), event())
    second = example.retrain_triggers(Thing(cursor=first.cursor))
    approved, same, plain = (one.run_key for one in second.run_requests)
    assert approved == same == f"{event('required')['data']['trigger_id']}/approved"
    assert plain == f"{event()['data']['trigger_id']}/not_required"
    config = second.run_requests[0].run_config["ops"]["retrain_model"]["config"]
    assert config == example.request_of(json.dumps(event("required", "approve")))
    assert example.retrain_triggers(Thing(cursor=second.cursor)).run_requests == []


def test_dagster_s_sensor_takes_a_bounded_number_and_leaves_the_rest(frame: Framework, broker: str) -> None:
    example = importlib.import_module("dagster_retrain")
    write(broker, *[GOLDEN] * (example.RECORDS_A_TICK + 1))
    start = json.dumps({str(partition): 0 for partition in range(PARTITIONS)})
    first = example.retrain_triggers(Thing(cursor=start))
    rest = example.retrain_triggers(Thing(cursor=first.cursor))
    assert (len(first.run_requests), len(rest.run_requests)) == (example.RECORDS_A_TICK, 1)


def test_a_partition_that_is_new_is_read_from_its_beginning(frame: Framework, broker: str) -> None:
    example = importlib.import_module("dagster_retrain")
    write(broker, GOLDEN)
    others = {str(partition): 0 for partition in range(PARTITIONS) if partition != partition_of(b"credit", PARTITIONS)}
    assert len(example.retrain_triggers(Thing(cursor=json.dumps(others))).run_requests) == 1


def test_a_training_is_answered_step_by_step(frame: Framework) -> None:
    run, said = importlib.import_module("retrain_run"), []
    read = lambda request, file: file.write_text(request["run_key"])  # noqa: E731 - one line says it
    version = run.retrain(
        REQUEST, lambda window: window.read_text() + "-new", lambda *words, **more: said.append((words[1], more)), read
    )
    assert version == "rt-1-new"
    assert said == [("accepted", {}), ("running", {}), ("succeeded", {"new_version": version})]


@pytest.mark.parametrize(("broken", "steps"), [("read", ["accepted", "failed"]), ("train", ["accepted", "running", "failed"])])
def test_a_training_that_fails_is_answered_and_fails(frame: Framework, broken: str, steps: list[str]) -> None:
    run, said = importlib.import_module("retrain_run"), []

    def part(name: str) -> str:
        if name == broken:
            raise OSError("no room " * 1_000)
        return "1.5.0"

    with pytest.raises(OSError, match="no room"):
        run.retrain(
            REQUEST, lambda _: part("train"), lambda *words, **more: said.append((words[1], more)), lambda *_: part("read")
        )
    assert [status for status, _ in said] == steps
    assert len(said[-1][1]["detail"]) == run.DETAIL_CHARS


def test_the_command_exports_trains_and_answers(broker: str, tmp_path: Path) -> None:
    """Its gnomon parses the words as ours does, and writes the trigger's id as the window."""
    gnomon = tmp_path / "gnomon"
    gnomon.write_text(
        f"#!{sys.executable}\nimport sys\nfrom app.triggers_command import export\n"
        "assert sys.argv[1:3] == ['triggers', 'export']\n"
        "words = export.make_context('export', sys.argv[3:]).params\nwords['out'].write_text(words['trigger'])\n"
    )
    gnomon.chmod(0o755)
    train = [sys.executable, "-c", "import sys; print('learning'); print('after-' + open(sys.argv[1]).read())"]
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, str(FOLDER / "retrain_run.py"), "rt-1", "churn", *train], check=True, env=environment, timeout=60
    )
    said = statuses(broker, b"churn", 3)  # where librdkafka's own partitioner does not put it
    assert [(one.trigger_id, one.status) for one in said] == [("rt-1", "accepted"), ("rt-1", "running"), ("rt-1", "succeeded")]
    assert said[-1].new_version == "after-rt-1"
