"""The examples for Argo Events and GitHub, on real records: what is acted on, by which name, and that all they read is there."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.domain.decisions.retraining import RetrainPolicy
from schemas.catalogue import MESSAGES
from schemas.examples import EXAMPLES
from tests.decide_builders import Desk, drift

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "examples"
SOURCE, SENSOR = yaml.safe_load_all((FOLDER / "argo-events-retrain.yaml").read_text())
GITHUB_TEXT = (FOLDER / "github-retrain.yml").read_text()
GITHUB = yaml.safe_load(GITHUB_TEXT)
(JOB,) = GITHUB["jobs"].values()


def event(approval: Any = "off", action: str | None = None) -> dict[str, Any]:
    """The newest event of a trigger, as the decide role writes it."""
    desk = Desk(RetrainPolicy(approval=approval)).read(drift(5, "drift", change=3))
    if action is not None:
        desk.act(action, trigger_id=desk.triggers[0]["trigger_id"])
    written: dict[str, Any] = [one.event for one in desk.out if one.topic == "retrain.triggers"][-1]
    return written


GOLDEN = json.loads((ROOT / "tests/golden/messages/retrain.triggers.json").read_text())["value"]
cases = pytest.mark.parametrize(
    ("trigger", "acts"),
    [
        pytest.param(GOLDEN, True, id="golden"),
        pytest.param(GOLDEN | {"data": EXAMPLES["retrain-trigger"][0]}, True, id="schema"),
        pytest.param(event(), True, id="not_required"),
        pytest.param(event("required"), False, id="pending"),
        pytest.param(event("required", "approve"), True, id="approved"),
        pytest.param(event("required", "reject"), False, id="rejected"),
    ],
)


def at(path: str, value: Any) -> Any:
    """What lies at a dotted path; ``LookupError`` where nothing does."""
    for name in path.split("."):
        value = value[int(name)] if isinstance(value, list) else value[name]
    return value


def put(path: str, root: Any, value: str) -> None:
    """Sets a field that is in an object, or in an entry that a list has, as a sensor's ``dest`` does."""
    *way, last = path.split(".")
    at(".".join(way), root)[last] = value


def passes(filters: list[dict[str, Any]], given: dict[str, Any]) -> bool:
    """Argo's data filters: all of them, each with one of its regular expressions somewhere in the value."""
    assert {one["type"] for one in filters} == {"string"}
    return all(any(re.search(value, at(one["path"], given)) for value in one["value"]) for one in filters)


def as_text(value: Any) -> str:
    """A parameter as Argo hands it on: texts as they are, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def workflow(given: dict[str, Any]) -> dict[str, Any]:
    """The Workflow that the sensor creates."""
    ((trigger,), (dependency,)) = SENSOR["spec"]["triggers"], SENSOR["spec"]["dependencies"]
    made: dict[str, Any] = json.loads(json.dumps(trigger["template"]["k8s"]["source"]["resource"]))
    for parameter in trigger["template"]["k8s"]["parameters"]:
        assert parameter["src"]["dependencyName"] == dependency["name"]
        put(parameter["dest"], made, as_text(at(parameter["src"]["dataKey"], given)))
    return made


@cases
def test_argo_s_filters_let_pass_what_may_be_acted_on(trigger: dict[str, Any], acts: bool) -> None:
    filters = SENSOR["spec"]["dependencies"][0]["filters"]["data"]
    assert passes(filters, {"topic": "retrain.triggers", "key": "credit", "body": trigger}) is acts
    assert not passes(filters, {"body": trigger | {"type": "io.gnomon.retrain.trigger.v10"}})


@cases
def test_argo_s_workflow_is_filled_by_the_trigger(trigger: dict[str, Any], acts: bool) -> None:
    made, data = workflow({"topic": "retrain.triggers", "key": "credit", "body": trigger}), trigger["data"]
    given = {one["name"]: one["value"] for one in made["spec"]["arguments"]["parameters"]}
    offsets = json.loads(given.pop("offsets"))
    assert offsets == data["window"]["offsets"]
    assert given == {
        "trigger_id": data["trigger_id"], "model": "credit", "version": data["model"]["version"], "reason": "data_drift",
        "events": str(data["window"]["events"]), "digest": data["window"]["digest"],
    }  # fmt: skip
    assert made["metadata"] == {"name": data["trigger_id"], "labels": {"gnomon/approval": data["approval"]["state"]}}
    assert re.fullmatch("[a-z0-9]([-a-z0-9]*[a-z0-9])?", made["metadata"]["name"])
    assert "set-by-parameter" not in json.dumps(made)
    used = set(re.findall(r"\{\{workflow\.parameters\.(\w+)\}\}", json.dumps(made)))
    assert {"trigger_id", "model"} <= used <= {"offsets", *given}


def test_argo_s_sensor_hangs_on_its_source() -> None:
    (dependency,) = SENSOR["spec"]["dependencies"]
    assert dependency["eventSourceName"] == SOURCE["metadata"]["name"]
    source = SOURCE["spec"]["kafka"][dependency["eventName"]]
    assert source["topic"] in {topic for message in MESSAGES for topic in message.topics}
    assert source["jsonBody"] is True
    assert yaml.safe_load(source["config"]) == {"consumer": {"isolationLevel": 1}}


def github(expression: str, payload: dict[str, Any]) -> Any:
    """What an expression of the workflow is for a payload; only the forms that it uses."""
    expression = expression.strip()
    if found := re.fullmatch(r"github\.event\.client_payload\.([\w.]+)", expression):
        return at(found[1], payload)
    if found := re.fullmatch(r"toJSON\((.+)\)", expression):
        return json.dumps(github(found[1], payload))
    if found := re.fullmatch(r"contains\(fromJSON\('(.+)'\), (.+)\)", expression):
        return github(found[2], payload) in json.loads(found[1])
    assert expression in {"vars.KAFKA_BOOTSTRAP_SERVERS", "github.token"}
    return expression


def filled(text: str, payload: dict[str, Any]) -> str:
    """A text with its expressions evaluated."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: str(github(found[1], payload)), text)


@cases
def test_github_s_payload_is_the_data_and_fits(trigger: dict[str, Any], acts: bool) -> None:
    assert len(trigger["data"]) <= 10
    assert len(json.dumps({"event_type": "retrain", "client_payload": trigger["data"]})) < 65_536
    assert github(JOB["if"], trigger["data"]) is acts


@cases
def test_github_s_expressions_are_all_there(trigger: dict[str, Any], acts: bool) -> None:
    data = trigger["data"]
    expressions = re.findall(r"\$\{\{(.*?)\}\}", GITHUB_TEXT)
    assert len(expressions) > 10
    assert all(github(expression, data) not in ("", None) for expression in expressions)
    given = {name: filled(value, data) for name, value in JOB["env"].items()}
    assert json.loads(given.pop("OFFSETS")) == data["window"]["offsets"]
    assert given == {
        "GNOMON_KAFKA__BOOTSTRAP_SERVERS": "vars.KAFKA_BOOTSTRAP_SERVERS", "TRIGGER_ID": data["trigger_id"],
        "STATE": data["approval"]["state"], "MODEL": "credit", "VERSION": data["model"]["version"], "REASON": "data_drift",
        "EVENTS": str(data["window"]["events"]), "DIGEST": data["window"]["digest"],
    }  # fmt: skip


def test_github_s_run_is_known_by_its_name_and_its_scripts_hold_no_data() -> None:
    steps = [step for step in JOB["steps"] if "run" in step]
    (title,) = (step["env"]["TITLE"] for step in steps if "env" in step)
    assert title == GITHUB["run-name"]
    assert GITHUB[True]["repository_dispatch"]["types"] == ["retrain"]  # YAML 1.1 reads the word "on" so
    for step in steps:
        assert "${{" not in step["run"]
        known = {*JOB["env"], *step.get("env", {}), "GITHUB_REPOSITORY", "GITHUB_OUTPUT"}
        assert set(re.findall(r"\$(\w+)", step["run"])) <= known
