"""The table of topics: complete, legal, and consistent with the limits."""

import re

import pytest

from app.config import Config, LimitSettings, TopicSettings
from app.topics import Topics, TopicSpec, specs
from schemas.baseline import BASELINE_BYTES

CONTRACT = {
    "predictions.legacy",
    "predictions.shadow",
    "outcomes",
    "models",
    "retrain.status",
    "actions",
    "pairs",
    "drift.statistics",
    "alerts",
    "retrain.triggers",
    "verdicts",
    "baselines",
    "dead.letters",
}
#: For gnomon's own use; kept as long as the inputs, from which it can be made again.
BETWEEN = {"outcomes.placed"}
INTERNAL = {"checkpoints.pair", "checkpoints.detect", "checkpoints.decide", "checkpoints.notify"}


def table(config: Config) -> dict[str, TopicSpec]:
    return {spec.name: spec for spec in specs(config)}


def largest(spec: TopicSpec) -> int:
    return int(spec.settings["max.message.bytes"])


def test_all_topics_of_the_contract_and_the_checkpoints() -> None:
    specs_ = specs(Config())
    assert {spec.name for spec in specs_} == CONTRACT | BETWEEN | INTERNAL
    assert len(specs_) == len(CONTRACT | BETWEEN | INTERNAL)
    assert {spec.name for spec in specs_ if spec.kind == "internal"} == INTERNAL


def test_the_number_of_partitions_holds_for_all() -> None:
    assert {spec.partitions for spec in specs(Config(topics=TopicSettings(partitions=7)))} == {7}


@pytest.mark.parametrize(("replicas", "in_sync"), [(1, "1"), (2, "2"), (3, "2"), (5, "2")])
def test_replicas(replicas: int, in_sync: str) -> None:
    for spec in specs(Config(topics=TopicSettings(replication_factor=replicas))):
        assert (spec.replication_factor, spec.settings["min.insync.replicas"]) == (replicas, in_sync)


def test_what_is_compacted() -> None:
    compacted = {spec.name for spec in specs(Config()) if spec.settings["cleanup.policy"] == "compact"}
    assert compacted == INTERNAL | {"models", "baselines"}
    assert all("retention.ms" not in spec.settings for spec in specs(Config()) if spec.name in compacted)


def test_retention_of_inputs_and_outputs() -> None:
    topics = table(Config(topics=TopicSettings(input_retention_ms=111_111, output_retention_ms=-1)))
    assert topics["predictions.legacy"].settings["retention.ms"] == "111111"
    assert topics["outcomes"].settings["retention.ms"] == "111111"
    assert topics["outcomes.placed"].settings["retention.ms"] == "111111"
    assert topics["pairs"].settings["retention.ms"] == "-1"


@pytest.mark.parametrize("record_bytes", [1_024, 1_048_576, 10_485_760])
def test_a_value_over_the_limit_still_arrives_and_fits_into_a_dead_letter(record_bytes: int) -> None:
    topics = table(Config(limits=LimitSettings(record_bytes=record_bytes, metadata_bytes=0)))
    inputs = {largest(spec) for spec in topics.values() if spec.kind == "input"}
    assert len(inputs) == 1
    assert min(inputs) > 2 * record_bytes
    assert largest(topics["dead.letters"]) == min(inputs) + 65_536
    assert largest(topics["pairs"]) > 8 * record_bytes


def test_the_largest_baseline_fits_beside_its_key_and_headers() -> None:
    assert largest(table(Config())["baselines"]) == BASELINE_BYTES + 65_536


def test_a_checkpoint_fits_into_a_segment() -> None:
    for name in INTERNAL:
        spec = table(Config())[name]
        assert largest(spec) <= int(spec.settings["segment.bytes"])


def test_names_with_and_without_the_prefix() -> None:
    topics = Topics("ml.")
    assert topics.full("pairs") == "ml.pairs"
    assert topics.logical("ml.pairs") == "pairs"
    assert Topics("").logical("pairs") == "pairs"
    with pytest.raises(ValueError, match=r"'pairs' does not begin with the prefix 'ml\.'"):
        topics.logical("pairs")


def test_the_longest_prefix_still_makes_legal_names() -> None:
    topics = Topics("a" * 200)
    for spec in specs(Config()):
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,249}", topics.full(spec.name))
