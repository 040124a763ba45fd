import json
from collections import defaultdict
from functools import cache

import pytest

from load.generator import Synthetic
from load.halves import SHADOW_VERSIONS, model_name
from load.planned import LEGACY, OUTCOMES, SHADOW
from load.scenarios import SCENARIOS, Pairing, ScenarioError, Spec
from load.truth import EITHER, SPLIT
from tests.unit.load.brute_force import outcome

SMALL = {name: Spec(SCENARIOS[name], 3_000, models=4 if name == "mixed" else 2, rate=600) for name in SCENARIOS}
LIMIT_MS = 12_000


@cache
def made(spec: Spec):
    traffic = Synthetic(spec)
    return [*traffic.priming(), *traffic.events()], traffic.truth


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_scenario_and_seed_give_the_same_bytes(name):
    first, truth = made(SMALL[name])
    second, again = made.__wrapped__(SMALL[name])
    assert first == second
    assert truth == again


def test_another_seed_and_another_start_give_other_requests():
    spec = SMALL["steady"]
    names = [
        {record.key for record in made(s)[0]}
        for s in (spec, Spec(spec.scenario, 3_000, 2), Spec(spec.scenario, 3_000, start_ms=1))
    ]
    assert not names[0] & names[1]
    assert not names[0] & names[2]
    values = [
        [r.value.split(b'"features":')[1] for r in made(s)[0] if b'"features":' in r.value]
        for s in (spec, Spec(spec.scenario, 3_000, 2, 600, 2))
    ]
    assert values[0] != values[1]


@pytest.mark.parametrize("name", SCENARIOS)
def test_records_come_in_the_order_of_sending(name):
    offsets = [record.offset_s for record in made(SMALL[name])[0]]
    assert offsets == sorted(offsets)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_truth_is_what_the_contract_makes_of_the_records(name):
    spec = SMALL[name]
    records, truth = made(spec)
    shadows = {
        model_name(m): set(SHADOW_VERSIONS if spec.scenario.second_shadow and m % 2 else SHADOW_VERSIONS[:1]) for m in range(8)
    }
    found = outcome(records, spec.partitions, LIMIT_MS, shadows)
    assert found.statuses.keys() == truth.requests.keys()
    for key, expected in truth.requests.items():
        if expected.status == SPLIT:
            assert found.statuses[key] == {"legacy_only": 1, "shadow_only": 1}
        elif expected.status != EITHER:
            assert found.statuses[key] == {expected.status: 1}, key
    assert found.letters == truth.letters


@pytest.mark.parametrize("name", ["late", "mixed", "out_of_order"])
def test_no_half_is_near_the_limit(name):
    """So the truth holds whatever jitter a broker or a window's edge adds."""
    spec = SMALL[name]
    shadows = {model_name(m): set(SHADOW_VERSIONS) for m in range(8)}
    margins = outcome(made(spec)[0], spec.partitions, LIMIT_MS, shadows).margins
    assert max(share for share, late in margins if not late) < 0.7
    assert all(share > 1.3 for share, late in margins if late)


def test_a_scenario_has_the_shares_that_it_names():
    records, truth = made(Spec(SCENARIOS["mixed"], 40_000, models=4))
    statuses, reasons = truth.statuses(), truth.reasons()
    lost = statuses["legacy_only"] + statuses["shadow_only"] + statuses["partial"]
    assert 0.010 < lost / 40_000 < 0.020  # one side missing, or late
    assert 0.015 < reasons["duplicate"] / 40_000 < 0.025
    assert 0.001 < reasons["late"] / 40_000 < 0.007
    assert sum(reasons.values()) - reasons["duplicate"] - reasons["late"] == 80
    assert {"not_json", "invalid_schema", "unsupported_encoding", "too_large", "timestamp_out_of_range"} <= reasons.keys()
    assert len(records) > 2 * 40_000


def test_all_three_forms_are_used_and_the_sizes_are_realistic():
    records, _ = made(SMALL["steady"])
    headers = [dict(record.headers) for record in records]
    structured = [h for h in headers if h.get("content-type", b"").startswith(b"application/cloudevents+json")]
    binary = [h for h in headers if "ce_specversion" in h]
    plain = [record for record in records if not record.headers]
    assert min(len(structured), len(binary)) > 0.05 * len(records)
    assert len(plain) > 0.7 * len(records)
    assert 300 < sum(len(record.value) for record in plain) / len(plain) < 500
    assert any(b'"request_id"' not in record.value for record in plain)  # the key says it


def test_the_drift_moves_the_feature_and_nothing_before_it():
    traffic = Synthetic(Spec(SCENARIOS["drift"], 4_000))
    incomes = defaultdict(list)
    for record in traffic.events():
        if record.topic == LEGACY and b'"income":' in record.value:
            late = record.timestamp_ms >= traffic.truth.change_ms
            incomes[late].append(float(record.value.split(b'"income":')[1].split(b",")[0]))
    before, after = (sorted(incomes[late])[len(incomes[late]) // 2] for late in (False, True))
    assert 1.45 < after / before < 1.75
    assert [(a.signal, a.model) for a in traffic.truth.alerts] == [("feature/income", "credit")]


def test_a_silent_shadow_stays_expected_and_never_comes_back():
    spec = Spec(SCENARIOS["silent_shadow"], 4_000, rate=40)  # 200 s: the silence must not outlast the memory of ten windows
    traffic = Synthetic(spec)
    records = list(traffic.events())
    last = {topic: max(r.timestamp_ms for r in records if r.topic == topic) for topic in (LEGACY, SHADOW)}
    assert 45_000 < last[LEGACY] - last[SHADOW] <= 10 * spec.pairing.window_ms - 40_000
    assert traffic.truth.statuses()["legacy_only"] == sum(
        1 for r in records if r.topic == LEGACY and r.timestamp_ms >= traffic.truth.change_ms
    )


def test_misrouted_shadows_lie_where_librdkafka_puts_them():
    records, truth = made(SMALL["misrouted"])
    wrong = [record for record in records if record.partition is not None and b"prime" not in record.key]
    assert {record.topic for record in wrong} == {SHADOW}
    share = truth.statuses()[SPLIT] / 3_000
    assert 0.65 < share < 0.85  # a quarter of the keys land right by chance


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (Spec(SCENARIOS["steady"], 0), "at least one"),
        (Spec(SCENARIOS["steady"], 100, rate=2, models=8), "send at least"),
        (Spec(SCENARIOS["late"], 100, models=2), "send at least"),
    ],
)
def test_what_would_leave_the_truth_open_is_refused(spec, says):
    with pytest.raises(ScenarioError, match=says):
        Synthetic(spec)


def test_a_short_stream_with_late_halves_is_stretched_in_event_time_only():
    spec = Spec(SCENARIOS["late"], 2_000, rate=2_000, pairing=Pairing(1_000, 500, 5_000))
    records, truth = made(spec)
    assert spec.stretch > 1
    assert truth.reasons()["late"] > 50
    assert max(record.offset_s for record in records) < 2.5 * spec.send_span_s


def test_outcomes_say_in_the_terms_of_each_model_what_it_should_have_answered():
    traffic = Synthetic(Spec(SCENARIOS["regression"], 4_000, models=8))
    answers, labels = {}, {}
    for record in traffic.events():
        if record.topic == LEGACY and record.value.startswith(b'{"request_id"'):
            body = json.loads(record.value)
            answers[record.key] = body["model"], body["prediction"]
        elif record.topic == OUTCOMES:
            labels[record.key] = json.loads(record.value)["label"]
    kinds = {(model, type(answer), type(labels[key])) for key, (model, answer) in answers.items()}
    assert len(kinds) == 8
    assert {kind[1:] for kind in kinds} == {(float, bool), (str, str), (dict, str)}
    classes = [(answer, labels[key]) for key, (_, answer) in answers.items() if isinstance(answer, str)]
    assert 0.6 < sum(answer == label for answer, label in classes) / len(classes) < 0.95
