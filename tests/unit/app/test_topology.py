"""What the topology says of each role against what is in the code of its fold, the table of topics, and the picture."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

from app import topology
from app.config import Config
from app.topic_table import specs

ROOT = Path(__file__).parents[3]
#: The read model's outputs are fields in Redis and no topic.
REDIS = "redis"
#: The message is settled and ``serve`` shows it; the role that writes it is still to come.
NOBODY_YET = {"verdicts"}


def sent_by(role: str) -> set[str]:
    """The topics that stand in the calls of ``send`` in the role's file."""
    tree = ast.parse((ROOT / "agents" / f"{role}.py").read_text("utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    topics = [call.args[0] for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "send"]
    assert all(isinstance(topic, ast.Constant) for topic in topics), "a topic that is sent to has to stand in the call"
    return {topic.value for topic in topics if isinstance(topic, ast.Constant)}  # type: ignore[misc]  # asserted above


def test_every_role_has_its_file_and_its_fold() -> None:
    files = {path.stem for path in (ROOT / "agents").glob("*.py")}
    assert files == set(topology.FLOW) == set(topology.topology(Config(), "http://127.0.0.1/"))


@pytest.mark.parametrize("role", topology.FLOW)
def test_a_role_reads_what_its_fold_names_and_writes_what_its_fold_sends(role: str) -> None:
    topics = topology.FLOW[role]
    assert topics.reads == importlib.import_module(f"agents.{role}").INPUTS
    assert set(topics.writes) == sent_by(role) - {REDIS}
    assert (topics.checkpoints is None) == (REDIS in sent_by(role)), "a role commits to Kafka or to Redis"


def test_all_topics_are_in_the_table_and_each_checkpoint_has_one_role() -> None:
    table = {spec.name: spec.kind for spec in specs(Config())}
    assert {topic for topics in topology.FLOW.values() for topic in topics.all} <= set(table)
    checkpoints = [topics.checkpoints for topics in topology.FLOW.values() if topics.checkpoints is not None]
    assert sorted(checkpoints) == sorted(name for name, kind in table.items() if kind == "internal")
    inputs = {topic for topics in topology.FLOW.values() for topic in topics.reads}
    outputs = {topic for topics in topology.FLOW.values() for topic in topics.writes}
    assert {table[topic] for topic in outputs} == {"output"}
    assert {topic for topic in inputs if table[topic] == "output"} <= outputs | NOBODY_YET, "somebody writes what is read"
    assert not NOBODY_YET & outputs


def test_the_picture_shows_every_role_and_every_topic() -> None:
    picture = topology.__doc__ or ""
    names = {topic for topics in topology.FLOW.values() for topic in topics.reads + topics.writes}
    assert [name for name in sorted(names | set(topology.FLOW)) if name not in picture] == []
    assert len((ROOT / "app" / "topology.py").read_text("utf-8").splitlines()) <= 60, "one screen"
