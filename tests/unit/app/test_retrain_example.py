"""What the example for pipelines makes of real triggers, and that its answers are taken."""

import importlib.util
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.domain.decisions.retraining import RetrainPolicy
from schemas.control_codec import StatusDecoder
from schemas.limits import Limits
from tests.decide_builders import START, Desk, LogRecord, drift

FILE = Path(__file__).parents[3] / "docs" / "examples" / "retrain.py"


@pytest.fixture
def example() -> Any:
    spec = importlib.util.spec_from_file_location("retrain_example", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def values(approval: Any = "off", action: str | None = None) -> list[bytes]:
    """The records of one trigger, as they lie on the topic."""
    desk = Desk(RetrainPolicy(approval=approval)).read(drift(5, "drift", change=3))
    if action is not None:
        desk.act(action, trigger_id=desk.triggers[0]["trigger_id"])
    return [msgspec.json.encode(one.event) for one in desk.out if one.topic == "retrain.triggers"]


@pytest.mark.parametrize(
    ("approval", "action", "acts"),
    [("off", None, [True]), ("required", None, [False]), ("required", "approve", [False, True]),
     ("required", "reject", [False, False])],
)  # fmt: skip
def test_a_trigger_is_acted_on_once_it_may_be(example: Any, approval: str, action: str | None, acts: list[bool]) -> None:
    records = values(approval, action)
    assert [example.request_of(value) is not None for value in records] == acts
    assert [example.dispatch_of(value) is not None for value in records] == acts


def test_the_request_is_flat_and_fits_github(example: Any) -> None:
    [value] = values()
    request, dispatch = example.request_of(value), example.dispatch_of(value)
    assert all(isinstance(one, str | int) for one in request.values())
    assert (request["run_key"], request["events"]) == (dispatch["client_payload"]["trigger_id"], 3_000)
    assert len(dispatch["client_payload"]) <= 10
    assert len(dispatch["event_type"]) <= 100


def test_its_answer_is_taken(example: Any) -> None:
    [value] = values()
    key, answer = example.status_of(example.request_of(value), "succeeded", new_version="1.5.0")
    status = StatusDecoder(Limits())(LogRecord(0, START, key, answer))
    assert (key, status.status, status.new_version) == (b"credit", "succeeded", "1.5.0")
