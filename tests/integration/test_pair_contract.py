"""The whole contract of `pairs` and `dead.letters`, seen from outside: what is sent, and what comes of it.

All cases of `pair_cases` are played at once on one worker, since most of a case is waiting; then each is judged by itself,
and so is all that was written: keys, partitions, envelopes, untouched bytes, counts.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from app.dev.servers import Servers
from tests.integration.committed import Seen, read_all
from tests.integration.harness import PARTITIONS, Service, Worker, eventually
from tests.integration.pair_cases import CASES, TOML, murmur2
from tests.integration.scene import Played, Scene, Want, shown

pytestmark = pytest.mark.integration

INPUTS = ("predictions.legacy", "predictions.shadow")
COUNTS = ("read", "paired", "partial", "legacy_only", "shadow_only", "solo", "late", "duplicate", "rejected", "misrouted")


class Outcome(NamedTuple):
    """The play that all cases share, and all that the worker wrote."""

    service: Service
    worker: Worker
    played: Played

    def of(self, topic: str) -> list[Seen]:
        return [record for record in self.played.records if record.topic == topic]

    def read(self, *topics: str) -> list[Seen]:
        return read_all(self.service.servers.bootstrap_servers, self.service.prefix, *topics)


@pytest.fixture(scope="module")
def outcome(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    prefix = f"contract-{uuid.uuid4().hex[:8]}."
    with Service(servers, prefix, tmp_path_factory.mktemp("contract"), toml=TOML) as service:
        worker = service.worker("pair").ready()
        scene = Scene()
        for case in CASES:
            for second, event in case.sends:
                scene.at(second).send(event)
            for (first, last), want in case.wants:
                scene.between(first, last).want(_with_prefix(want, prefix))
        yield Outcome(service, worker, scene.play(service))


def _with_prefix(want: Want, prefix: str) -> Want:
    """The full name of a source topic has the prefix."""
    topic = want.like.get("source.topic")
    return want if topic is None else Want(want.topic, want.like | {"source.topic": prefix + topic})


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_case(outcome: Outcome, name: str) -> None:
    case = next(each for each in CASES if each.name == name)
    scene = Scene(wants=[(*between, _with_prefix(want, outcome.service.prefix)) for between, want in case.wants])
    keys = {event.key for _, event in case.sends}
    mine = [record for record in outcome.played.records if _is_of(record, keys, name)]
    Played(scene, outcome.played.start_ms, outcome.played.started, mine).check()


def _is_of(record: Seen, keys: set[bytes | None], name: str) -> bool:
    """Whether an output is of the case with these keys; where there is no key, the value has the case's name."""
    if record.topic == "pairs":
        return str(shown(record)["request_id"]).encode() in keys
    return record.key in keys if record.key is not None else name.encode() in (record.value or b"")


def test_nothing_else_came(outcome: Outcome) -> None:
    assert outcome.played.report() == ""


def test_a_pair_lies_where_its_model_is_placed(outcome: Outcome) -> None:
    for record in outcome.of("pairs"):
        found = shown(record)
        model = str(found["model"])
        placed_by = f"hot#{murmur2(str(found['request_id']).encode()) % 3}" if model == "hot" else model
        assert (record.key, record.partition) == (model.encode(), murmur2(placed_by.encode()) % PARTITIONS)
    assert len({record.partition for record in outcome.of("pairs") if record.key == b"hot"}) > 1


def test_the_envelope_of_a_pair(outcome: Outcome) -> None:
    ids = set()
    for record in outcome.of("pairs"):
        found = shown(record)
        halves = [half["timestamp"] for half in [found["legacy"], *found["shadows"]] if half is not None]
        assert dict(record.headers) == {
            "ce_specversion": b"1.0",
            "ce_type": b"io.gnomon.pair.v1",
            "ce_source": b"/gnomon/pair",
            "ce_id": f"{found['model']}/{found['request_id']}/{min(halves)}".encode(),
            "content-type": b"application/json",
        }
        ids.add(record.header("ce_id"))
    assert len(ids) == len(outcome.of("pairs"))


def test_a_dead_letter_is_its_source_untouched(outcome: Outcome) -> None:
    sources = {(each.topic, each.partition, each.offset): each for each in outcome.read(*INPUTS)}
    letters = outcome.of("dead.letters")
    for letter in letters:
        topic, partition = (
            letter.header("source.topic").removeprefix(outcome.service.prefix),
            int(letter.header("source.partition")),
        )
        source = sources.pop((topic, partition, int(letter.header("source.offset"))))
        assert (letter.key, letter.value or b"", letter.partition) == (source.key, source.value or b"", partition)
        assert int(letter.header("source.timestamp")) == source.timestamp
        carried = [
            (name.removeprefix("source.header."), value) for name, value in letter.headers if name.startswith("source.header.")
        ]
        assert carried == list(source.headers)
        assert letter.header("ce_id") == f"{topic}/{partition}/{source.offset}"
        assert letter.header("ce_type") == "io.gnomon.dead.letter.v1"
    assert any(letter.value is None for letter in letters)


def test_every_event_is_in_one_place(outcome: Outcome) -> None:
    pairs = [shown(record) for record in outcome.of("pairs")]
    in_pairs = sum(len(found["shadows"]) + (found["legacy"] is not None) for found in pairs)
    assert in_pairs + len(outcome.of("dead.letters")) == len(outcome.read(*INPUTS)) == sum(len(case.sends) for case in CASES)


def test_the_counts_add_up(outcome: Outcome) -> None:
    letters = Counter(record.header("reason") for record in outcome.of("dead.letters"))
    statuses = Counter(str(shown(record)["status"]) for record in outcome.of("pairs"))
    wanted = Counter({"read": sum(len(case.sends) for case in CASES)}) + statuses
    wanted += Counter({"late": letters["late"], "duplicate": letters["duplicate"]})
    wanted["rejected"] = letters.total() - letters["late"] - letters["duplicate"]

    def counted() -> Counter[str]:
        counts: Counter[str] = Counter()
        for found in map(_statistics, outcome.read("drift.statistics")):
            assert found["signal"]["kind"] == "pairing"
            counts.update({what: found["statistics"][what] for what in COUNTS})
        return +counts

    eventually(lambda: counted() == wanted, 10, lambda: f"{counted()} in place of {wanted}")
    assert set(outcome.worker.metric("gnomon_pairing_unaccounted").values()) == {0.0}
    assert sum(outcome.worker.metric("gnomon_pairing_read_total").values()) == wanted["read"]


def _statistics(record: Seen) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(record.value or b"")
    placed_by = found["model"] or found["signal"]["name"]
    assert record.partition == murmur2(placed_by.encode()) % PARTITIONS
    return found
