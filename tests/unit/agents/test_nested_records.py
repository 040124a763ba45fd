"""Records nested deeper than a parser can follow: whoever may write to a topic may write one, and no reader may die of it."""

from typing import Any

import msgspec
import pytest

from app.config import Config, TopicSettings
from app.domain.detection.drift_config import DriftConfig
from app.folds.fold import Fold, at_once
from app.replay.alerts_read import AlertsRead
from app.replay.explaining import Explaining
from app.replay.injection import Injection
from app.replay.window import Window
from app.topology import FLOW, topology
from app.triggers.table import TableError, row_of
from schemas.catalogue import MESSAGES
from schemas.examples import EXAMPLES
from tests.decide_builders import START, LogRecord, as_run
from tests.detectors import stream

DEPTHS = (500, 2_000, 100_000)
#: An example of what lies on each topic of the contract; outcomes are placed by a role for itself.
_OF_TOPIC = {topic: EXAMPLES[message.name][0] for message in MESSAGES for topic in message.topics if EXAMPLES.get(message.name)}
_PLACED = {"source": 0, "outcome": EXAMPLES["outcome"][0], "pairs": 9}
SIDES = [(role, topic) for role, topics in FLOW.items() for topic in topics.reads]


def nested(topic: str, levels: int) -> bytes:
    """A record that is right in all but a field that nobody knows, with the payload as it is and in an envelope."""
    payload = _OF_TOPIC.get(topic, _PLACED)
    text = msgspec.json.encode({"id": "1", "time": "2026-09-21T14:13:20Z", "data": payload} | payload)
    return b'{"x":' + b"[" * levels + b"]" * levels + b"," + text[1:]


class Sink:
    """Takes what a fold sends."""

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Any) -> None:
        """Nothing is looked at."""


def begun(role: str) -> Fold:
    fold = topology(Config(topics=TopicSettings(partitions=1)), "")[role](0)
    sides = len(FLOW[role].reads)
    fold.restore(None, None, [0] * sides)
    fold.rebuilt()
    return fold


def figures_after(role: str, topic: str, value: bytes) -> dict[str, float]:
    """Of a fold that read this record, with a key and without one, and all there is."""
    fold, sides, out = begun(role), len(FLOW[role].reads), Sink()
    run = as_run([LogRecord(0, START, None, value), LogRecord(1, START, b"credit", value)], 0, 2)
    steps = fold.feed(FLOW[role].reads.index(topic), run, out)
    if steps is not None and not isinstance(steps, int):
        at_once(steps)
    fold.sees_ends([True] * sides, 0)
    fold.idle([3_600_000] * sides, out)
    fold.save()
    return {name: figure for name, figure in fold.figures().items() if "reason" not in name}


@pytest.mark.parametrize("levels", DEPTHS)
@pytest.mark.parametrize(("role", "topic"), SIDES)
def test_a_role_takes_it_as_what_is_no_json(role: str, topic: str, levels: int) -> None:
    assert figures_after(role, topic, nested(topic, levels)) == figures_after(role, topic, b"{")


@pytest.mark.parametrize("levels", DEPTHS)
def test_a_command_takes_it_as_what_is_no_json(levels: int) -> None:
    explaining, alerts, window = Explaining(Config(), "f"), AlertsRead(), Window("credit", DriftConfig())
    for reader in (alerts, window, explaining):
        for topic in reader.topics:
            record = LogRecord(0, START, b"credit", nested(topic, levels))
            reader.feed(topic, 0, as_run([record], 0, 1))
            reader.is_read(topic, 0)
    assert (alerts.unreadable, alerts.latest) == (1, {})
    assert window.gathered().pairs == 0
    assert explaining.steps == []


@pytest.mark.parametrize("levels", DEPTHS)
def test_nor_is_it_a_pair_to_anybody(levels: int) -> None:
    value = nested("pairs", levels)
    assert Injection("latency:+30@0", lambda _: 0.0).apply(value, 0) == (value, None)
    with pytest.raises(TableError, match="a record is no pair: the value is nested deeper than 300 levels; take --to jsonl"):
        row_of(value)


def test_a_pair_with_the_deepest_metadata_that_the_settings_allow_is_one() -> None:
    metadata: Any = 1
    for _ in range(255):
        metadata = [metadata]
    log = stream.entries([stream.pair(0, metadata=metadata)])
    made = stream.fold()
    stream.feed(made, log)
    assert made.figures()["pairs"] == 1
    assert row_of(log[0].value or b"")["request_id"] == "r-0000000"


@pytest.mark.parametrize("segments", [{"channel": 1}, [], {"channel": [[1]]}])
def test_a_pair_whose_segments_are_none_is_of_no_segment(segments: object) -> None:
    log = stream.entries([stream.pair(0, segments=segments), stream.pair(1, segments={"channel": "web"})])
    made = stream.fold(DriftConfig(warm_up=1_000, segments=("channel",)))
    stream.feed(made, log)
    assert made.figures()["pairs"] == 2
