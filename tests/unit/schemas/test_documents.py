"""The published documents: valid by their own standards, true to the types, and the same as what is committed."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from schemas.__main__ import main
from schemas.asyncapi import asyncapi
from schemas.catalogue import MESSAGES, Message
from schemas.documents import documents, json_schemas
from schemas.examples import EXAMPLES

ROOT = Path(__file__).parents[3]
SCHEMAS = json_schemas()
OFFICIAL = json.loads((ROOT / "tests" / "golden" / "asyncapi" / "asyncapi-3.0.0.json").read_text())
DOCUMENT = asyncapi("", 4)

#: The contract's fields, by message; those that a record must have are marked. Kept by hand, so that a changed type shows.
CONTRACT = {
    "prediction": "request_id model* version* timestamp prediction* features latency_ms cost segments metadata",
    "outcome": "request_id model* timestamp label* value kpis correction",
    "model-manifest": "model* version* role* owner",
    "retrain-status": "trigger_id* model* status* new_version timestamp detail",
    "action": "id* action* subject* by* why* timestamp trigger_id fingerprint matchers until silence",
    "pair": "request_id* model* timestamp* status* legacy* shadows* missing features segments metadata",
    "pair/LegacyHalf": "version* prediction* timestamp* latency_ms cost",
    "pair/ShadowHalf": "version* prediction* timestamp* latency_ms cost difference agrees",
    "drift-statistics": "model* version* role* signal* segment window* statistics* detector* coverage offsets* configuration*",
    "drift-statistics/Signal": "kind* name",
    "drift-statistics/Window": "start* end* events*",
    "drift-statistics/Detector": "name* state* score* threshold*",
    "drift-statistics/Coverage": "paired partial legacy_only shadow_only",
    "drift-statistics/OffsetRange": "topic* partition* start* end*",
    "alert": "labels* annotations* startsAt* endsAt generatorURL* status* fingerprint* evidence*",
    "retrain-trigger": "trigger_id* model* reason* evidence* window* baseline* policy* approval* links* lineage*",
    "retrain-trigger/TriggerModel": "name* version* shadow_versions",
    "retrain-trigger/TriggerReason": "code* detail* priority",
    "retrain-trigger/TriggerWindow": "start* end* events* offsets* digest*",
    "retrain-trigger/TriggerPolicy": "cooldown_s* next_eligible* suppressed_since_last*",
    "retrain-trigger/Approval": "required state by why at",
    "verdict": "model* legacy_version* shadow_version* verdict* metrics* coverage* bounds* specification* window* evidence",
    "verdict/VerdictMetric": "name* estimate* lower* upper* margin* events*",
    "verdict/VerdictBounds": "lower* upper*",
    "baseline": "id algorithm* model* version* owner* created* expires source* panels*",
    "baseline/BaselineSource": "topic* offsets* first* last*",
    "baseline/BaselineStretch": "partition* start* end* pairs* digest*",
    "baseline/BaselinePanel": "role* version segment signals* left_out",
    "baseline/BaselineSignal": "kind* name values* first* last* reference shares digest* state*",
    "baseline/LeftOut": "signal* values*",
    "dead-letter": "reason* detail* source.topic* source.partition* source.offset* source.timestamp* "
    "ce_specversion* ce_type* ce_source* ce_id*",
}
VALUES = {
    ("pair", "status"): {"paired", "partial", "legacy_only", "shadow_only", "solo"},
    ("drift-statistics/Signal", "kind"): {
        "feature", "missing", "schema", "prediction", "difference", "disagreement", "latency", "cost", "error", "kpi",
        "match_rate", "volume", "pairing",
    },
    ("drift-statistics/Detector", "state"): {"warming", "quiet", "warning", "drift"},
    ("alert", "status"): {"firing", "resolved"},
    ("retrain-status", "status"): {"accepted", "running", "succeeded", "failed", "rejected"},
    ("action", "action"): {"approve", "reject", "trigger", "acknowledge", "silence", "unsilence"},
    ("retrain-trigger/TriggerReason", "code"): {
        "data_drift", "prediction_drift", "concept_drift", "performance_drop", "data_quality", "staleness", "schedule", "manual",
    },
    ("verdict", "verdict"): {"promote", "equivalent", "reject", "continue", "inconclusive"},
    ("dead-letter", "reason"): {
        "not_json", "invalid_schema", "too_large", "timestamp_out_of_range", "unsupported_encoding", "duplicate", "late",
        "unauthorised",
    },
}  # fmt: skip
TOPICS = (
    "predictions.legacy predictions.shadow outcomes models retrain.status actions "
    "pairs drift.statistics alerts retrain.triggers verdicts baselines dead.letters"
)


def part(path: str) -> Any:
    name, _, inner = path.partition("/")
    return SCHEMAS[name]["$defs"][inner] if inner else SCHEMAS[name]


def resolve(document: Any, ref: str) -> Any:
    for step in ref.removeprefix("#/").split("/"):
        document = document[step]
    return document


def nodes(node: Any) -> list[dict[str, Any]]:
    """Every object in a document, examples and defaults aside."""
    if isinstance(node, list):
        return [found for item in node for found in nodes(item)]
    if not isinstance(node, dict):
        return []
    return [node] + [found for key, item in node.items() if key not in ("examples", "default") for found in nodes(item)]


def subschemas(schema: dict[str, Any]) -> list[dict[str, Any]]:
    inner = list(schema.get("properties", {}).values()) + schema.get("anyOf", []) + schema.get("allOf", [])
    inner += [schema[word] for word in ("items", "additionalProperties") if word in schema]
    return [schema] + [found for item in inner for found in subschemas(item)]


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_valid_2020_12_and_names_itself(name: str) -> None:
    schema = SCHEMAS[name]
    jsonschema.Draft202012Validator.check_schema(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:gnomon:{name}:v1"
    assert schema["description"].endswith(".")
    assert schema["examples"]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
def test_each_example_fits_its_schema_and_decodes_to_its_type(message: Message) -> None:
    for example in EXAMPLES[message.name]:
        jsonschema.Draft202012Validator(SCHEMAS[message.name]).validate(example)
        assert msgspec.json.decode(msgspec.json.encode(example), type=message.type)


def test_every_message_has_examples_and_every_example_a_message() -> None:
    assert list(EXAMPLES) == [message.name for message in MESSAGES] == list(SCHEMAS)


@pytest.mark.parametrize("path", CONTRACT)
def test_the_fields_are_the_contract_s(path: str) -> None:
    schema = part(path)
    fields = CONTRACT[path].split()
    assert list(schema["properties"]) == [field.rstrip("*") for field in fields]
    assert set(schema["required"]) == {field.rstrip("*") for field in fields if field.endswith("*")}


@pytest.mark.parametrize(("path", "field"), VALUES)
def test_the_closed_sets_are_the_contract_s(path: str, field: str) -> None:
    assert set(part(path)["properties"][field]["enum"]) == VALUES[path, field]


def test_a_trigger_has_at_most_ten_fields_at_the_top() -> None:
    assert len(SCHEMAS["retrain-trigger"]["properties"]) <= 10


def test_the_committed_documents_are_what_the_types_give() -> None:
    committed = {path: (ROOT / "docs" / path).read_bytes() for path in documents()}
    different = [path for path, content in documents().items() if committed[path] != content]
    assert not different, f"write them anew with `python -m schemas docs`: {different}"
    on_disk = {f"schemas/{path.name}" for path in (ROOT / "docs" / "schemas").glob("*.json")}
    assert on_disk == set(documents())


def test_the_command_writes_every_document_and_prints_its_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(tmp_path)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {str(path.relative_to(tmp_path)): path.read_bytes() for path in written} == documents()
    assert sorted(capsys.readouterr().out.split()) == sorted(map(str, written))


@pytest.mark.parametrize(
    "document", [DOCUMENT, asyncapi("team-a.", 12, {"pairs": {"retention.ms": "86400000", "cleanup.policy": "delete"}})]
)
def test_the_asyncapi_document_is_valid_by_the_official_schema(document: dict[str, Any]) -> None:
    jsonschema.Draft7Validator(OFFICIAL).validate(document)


def test_the_official_schema_does_find_faults() -> None:
    broken = json.loads(json.dumps(DOCUMENT))
    broken["operations"]["sendPairs"]["action"] = "publish"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(OFFICIAL).validate(broken)


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    refs = [node["$ref"] for node in nodes(DOCUMENT) if "$ref" in node]
    assert len(refs) > 50
    assert all(resolve(DOCUMENT, ref) for ref in refs)


def test_every_topic_is_a_channel_with_the_prefix_and_the_partitions() -> None:
    channels = asyncapi("team-a.", 12)["channels"].values()
    assert [channel["address"] for channel in channels] == [f"team-a.{topic}" for topic in TOPICS.split()]
    for channel in channels:
        assert channel["bindings"]["kafka"]["topic"] == channel["address"]
        assert channel["bindings"]["kafka"]["partitions"] == 12


def test_settings_of_topics_are_passed_on_and_models_are_compacted() -> None:
    settings = {"models": {"retention.ms": "-1"}, "pairs": {"retention.ms": "86400000", "cleanup.policy": "compact,delete"}}
    channels = asyncapi("", 4, settings)["channels"]
    configuration = {name: channel["bindings"]["kafka"].get("topicConfiguration") for name, channel in channels.items()}
    assert configuration["models"] == {"cleanup.policy": ["compact"], "retention.ms": -1}
    assert configuration["pairs"] == {"cleanup.policy": ["compact", "delete"], "retention.ms": 86_400_000}
    assert configuration["alerts"] is None


def test_gnomon_receives_the_inputs_in_its_groups_and_sends_the_rest() -> None:
    operations = asyncapi("team-a.", 4)["operations"]
    inputs = {name for name, operation in operations.items() if operation["action"] == "receive"}
    assert inputs == {
        "receivePredictionsLegacy",
        "receivePredictionsShadow",
        "receiveOutcomes",
        "receiveModels",
        "receiveRetrainStatus",
        "receiveActions",
    }
    group = operations["receivePredictionsLegacy"]["bindings"]["kafka"]["groupId"]
    assert group == {"type": "string", "enum": ["team-a.gnomon-pair"]}


@pytest.mark.parametrize("name", DOCUMENT["components"]["messages"])
@pytest.mark.parametrize("validator", [jsonschema.Draft7Validator, jsonschema.Draft202012Validator])
def test_examples_fit_headers_and_payload_in_the_old_and_the_new_dialect(name: str, validator: Any) -> None:
    message = DOCUMENT["components"]["messages"][name]
    for example in message["examples"]:
        for place, value in example.items():
            validator({**message[place], "components": DOCUMENT["components"]}).validate(value)


@pytest.mark.parametrize("name", DOCUMENT["components"]["messages"])
def test_a_correlation_id_is_found_in_an_example_or_a_header(name: str) -> None:
    message = DOCUMENT["components"]["messages"][name]
    if name.startswith("modelManifest"):
        assert "correlationId" not in message
        return
    place, path = re.fullmatch(r"\$message\.(header|payload)#/(.+)", message["correlationId"]["location"]).groups()
    if place == "header":
        headers = message["headers"]["allOf"][0]["$ref"]
        assert path in resolve(DOCUMENT, headers)["required"]
    else:
        assert isinstance(resolve(message["examples"][0]["payload"], path), str)


def test_the_schemas_use_only_words_that_mean_the_same_in_both_dialects() -> None:
    shared = {
        "$ref", "additionalProperties", "allOf", "anyOf", "const", "contentEncoding", "default", "description", "enum",
        "examples", "format", "items", "maxLength", "maxProperties", "maximum", "minLength", "minProperties", "minimum",
        "pattern", "properties", "required", "title", "type",
    }  # fmt: skip
    components = DOCUMENT["components"]["schemas"].values()
    assert {word for schema in components for node in subschemas(schema) for word in node} <= shared
