"""The judge is judged: each kind of harm done to a right answer must be found, and nothing else."""

from types import SimpleNamespace

import orjson
import pytest

from load.alerts import AlertCheck
from load.checker import Checker
from load.generator import Synthetic
from load.halves import LEGACY_VERSION
from load.planned import LEGACY, SHADOW
from load.scenarios import SCENARIOS, Spec
from load.truth import EITHER, ExpectedAlert, Truth, letter
from schemas.codec import PredictionDecoder
from schemas.limits import Limits


class RightAnswer:
    """What a service that does everything right would write for some traffic, made from the records and the truth."""

    def __init__(self, name: str, requests: int = 400) -> None:
        traffic = Synthetic(Spec(SCENARIOS[name], requests, rate=100, models=8 if name == "steady" else 1))
        records = [*traffic.priming(), *traffic.events()]
        self.truth = traffic.truth
        self.letters, halves = self._split_off(records)
        self.pairs = [self._pair(key, found) for key, found in halves.items()]

    def _split_off(self, records):
        """Letters, and the halves that are left by (model, request id); of equal copies the first is the good one."""
        wanted = {(one.key, one.value_crc): one.reason for one in self.truth.letters}
        decode, first, letters, halves = PredictionDecoder(Limits()), set(), [], {}
        for record in records:
            if record.topic not in (LEGACY, SHADOW):
                continue
            reason = wanted.get(letter("", record.key, record.value)[1:])
            if reason and (reason != "duplicate" or (record.topic, record.key) in first):
                letters.append((reason, record.key, record.value))
                continue
            first.add((record.topic, record.key))
            source = SimpleNamespace(timestamp=record.timestamp_ms, key=record.key, value=record.value, headers=record.headers)
            half = decode(source)
            halves.setdefault((half.model, half.request_id), []).append(half)
        return letters, halves

    def _pair(self, key, halves):
        legacy = next((half for half in halves if half.version == LEGACY_VERSION), None)
        shadows = [half for half in halves if half.version != LEGACY_VERSION]
        expected = self.truth.requests[key]
        status = "paired" if expected.status == EITHER else expected.status
        first = legacy or shadows[0]
        return {
            "request_id": key[1], "model": key[0], "timestamp": first.timestamp, "status": status,
            "legacy": None if legacy is None else half_of(legacy),
            "shadows": [half_of(shadow) | comparison(legacy, shadow) for shadow in shadows],
            "missing": list(expected.missing), "features": orjson.loads(bytes(first.features)),
            "segments": orjson.loads(bytes(first.segments)), "metadata": orjson.loads(bytes(first.metadata)),
        }  # fmt: skip

    def findings(self, pairs=None, letters=None):
        checker = Checker(self.truth)
        for record in self.pairs if pairs is None else pairs:
            checker.pair(orjson.dumps(record), after_s=100.0)
        for one in self.letters if letters is None else letters:
            checker.letter(*one)
        complete = checker.is_complete
        return checker.close(), complete


def half_of(half):
    return {name: getattr(half, name) for name in ("version", "prediction", "timestamp", "latency_ms", "cost")}


def comparison(legacy, shadow):
    if legacy is None:
        return {"difference": None, "agrees": None}
    left, right = legacy.prediction, shadow.prediction
    if isinstance(left, str):
        return {"difference": None, "agrees": left == right}
    difference = sum(abs(right[k] - left[k]) for k in left) / 2 if isinstance(left, dict) else right - left
    return {"difference": difference, "agrees": abs(difference) == 0}


@pytest.fixture(scope="module")
def steady():
    return RightAnswer("steady")


@pytest.fixture(scope="module")
def poisoned():
    return RightAnswer("poison")


@pytest.fixture(scope="module")
def repeated():
    return RightAnswer("duplicate")


@pytest.mark.parametrize("name", ["steady", "duplicate", "poison", "silent_shadow", "drift"])
def test_a_right_answer_has_no_fault(name):
    found, complete = RightAnswer(name).findings()
    assert not found.faults, found.examples
    assert complete


def test_the_order_of_the_records_does_not_matter(steady):
    found, _ = steady.findings(pairs=steady.pairs[::-1])
    assert not found.faults


def _without_shadow(record):
    return record | {"status": "legacy_only", "shadows": [], "missing": ["2.0.0"]}


def _shadow(record, **changes):
    return record | {"shadows": [record["shadows"][0] | changes]}


SCORE, PROBABILITIES, CLASS = 40, 47, 46  # records of models that answer in this way
MUTANTS = {
    "status": ("wrong_status", SCORE, _without_shadow),
    "missing": ("altered", SCORE, lambda r: r | {"missing": ["2.0.0"]}),
    "timestamp": ("altered", SCORE, lambda r: r | {"timestamp": r["timestamp"] + 1}),
    "features": ("altered", SCORE, lambda r: r | {"features": r["features"] | {"age": r["features"]["age"] + 1}}),
    "feature gone": ("altered", SCORE, lambda r: r | {"features": {k: v for k, v in r["features"].items() if k != "note"}}),
    "segments": ("altered", SCORE, lambda r: r | {"segments": {}}),
    "metadata": ("altered", SCORE, lambda r: r | {"metadata": {"trace": "other"}}),
    "legacy answer": ("altered", SCORE, lambda r: r | {"legacy": r["legacy"] | {"prediction": 0.123}}),
    "legacy version": ("altered", SCORE, lambda r: r | {"legacy": r["legacy"] | {"version": "1.4.1"}}),
    "shadow answer": ("altered", SCORE, lambda r: _shadow(r, prediction=0.123)),
    "shadow latency": ("altered", SCORE, lambda r: _shadow(r, latency_ms=0.0)),
    "cost": ("altered", SCORE, lambda r: _shadow(r, cost=None)),
    "difference": ("altered", SCORE, lambda r: _shadow(r, difference=-r["shadows"][0]["difference"])),
    "difference gone": ("altered", SCORE, lambda r: _shadow(r, difference=None)),
    "distance": ("altered", PROBABILITIES, lambda r: _shadow(r, difference=r["shadows"][0]["difference"] * 2)),
    "class difference": ("altered", CLASS, lambda r: _shadow(r, difference=0.0)),
    "class agrees": ("altered", CLASS, lambda r: _shadow(r, agrees=not r["shadows"][0]["agrees"])),
    "agrees gone": ("altered", SCORE, lambda r: _shadow(r, agrees=None)),
    "shadow twice": ("altered", SCORE, lambda r: r | {"shadows": r["shadows"] * 2}),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_an_altered_record_is_found(steady, name):
    kind, at, harm = MUTANTS[name]
    pairs = [harm(record) if k == at else record for k, record in enumerate(steady.pairs)]
    assert pairs != steady.pairs
    found, _ = steady.findings(pairs=pairs)
    assert dict(found.faults) == {kind: 1}
    assert steady.pairs[at]["request_id"] in found.examples[kind][0]


def test_a_dropped_record_is_missing(steady):
    found, complete = steady.findings(pairs=steady.pairs[:50] + steady.pairs[51:])
    assert dict(found.faults) == {"missing": 1}
    assert not complete


def test_a_doubled_record_is_twice(steady):
    found, _ = steady.findings(pairs=[*steady.pairs, steady.pairs[60]])
    assert dict(found.faults) == {"twice": 1}


def test_two_records_that_differ_contradict_each_other(steady):
    found, _ = steady.findings(pairs=[*steady.pairs, _without_shadow(steady.pairs[60])])
    assert dict(found.faults) == {"contradictory": 1}


def test_a_record_of_other_traffic_is_passed_over(steady):
    found, _ = steady.findings(pairs=[*steady.pairs, steady.pairs[60] | {"request_id": "somebody-elses"}])
    assert not found.faults


def test_a_letter_that_never_came_is_missing(poisoned):
    found, complete = poisoned.findings(letters=poisoned.letters[1:])
    assert dict(found.faults) == {"letter_missing": 1}
    assert not complete


def test_a_letter_with_another_reason_is_missing(poisoned):
    reason, key, value = poisoned.letters[0]
    assert reason != "late"
    found, _ = poisoned.findings(letters=[("late", key, value), *poisoned.letters[1:]])
    assert found.faults["letter_missing"] == 1


def test_a_letter_whose_bytes_changed_is_missing(poisoned):
    reason, key, value = poisoned.letters[2]
    found, _ = poisoned.findings(letters=[(reason, key, (value or b"") + b" "), *poisoned.letters[:2], *poisoned.letters[3:]])
    assert found.faults["letter_missing"] == 1


def test_a_letter_that_comes_twice_is_found(poisoned):
    found, _ = poisoned.findings(letters=[*poisoned.letters, poisoned.letters[0]])
    assert dict(found.faults) == {"letter_twice": 1}


def test_a_letter_for_a_good_event_is_found(repeated):
    good = repeated.pairs[100]
    found, _ = repeated.findings(letters=[*repeated.letters, ("late", good["request_id"].encode(), b"{}")])
    assert dict(found.faults) == {"letter_unexpected": 1}


def test_split_requests_need_both_records():
    traffic = Synthetic(Spec(SCENARIOS["misrouted"], 200, rate=100))
    traffic.priming()
    list(traffic.events())
    checker = Checker(traffic.truth)
    split = [key for key, expected in traffic.truth.requests.items() if expected.status == "split"]
    for model, name in split:
        checker.pair(orjson.dumps({"model": model, "request_id": name, "status": "legacy_only"}))
    for model, name in split[1:]:
        checker.pair(orjson.dumps({"model": model, "request_id": name, "status": "shadow_only"}))
    checker.pair(orjson.dumps({"model": split[1][0], "request_id": split[1][1], "status": "shadow_only"}))
    found = checker.close()
    assert found.faults["twice"] == 1
    assert found.faults["missing"] == len(traffic.truth.requests) - len(split) + 1


def test_delays_count_from_the_planned_second_of_the_last_half(steady):
    found, _ = steady.findings()
    planned = sorted(e.last_half_s for e in steady.truth.requests.values() if e.status != EITHER)
    assert sorted(100.0 - delay for delay in found.complete_s) == pytest.approx(planned)


def alert(signal="feature/income", model="credit", at="2026-09-21T14:13:20.000Z", status="firing"):
    labels = {"alertname": "Drift", "model": model, "signal": signal}
    return orjson.dumps({"data": {"labels": labels, "status": status, "startsAt": at}})


@pytest.mark.parametrize(
    ("values", "faults"),
    [
        ([alert()], {}),
        ([], {"alert_missing": 1}),
        ([alert(signal="feature/age")], {"alert_missing": 1}),
        ([alert(model="fraud")], {"alert_missing": 1}),
        ([alert(at="2026-09-21T13:13:20.000Z")], {"alert_missing": 1}),
        ([alert(status="resolved")], {"alert_missing": 1}),
    ],
)
def test_an_expected_alert_must_fire_for_its_signal_after_its_cause(values, faults):
    truth = Truth(alerts=[ExpectedAlert("feature/income", "credit", 1_790_000_000_000)], models={"credit"})
    check = AlertCheck(truth, slack_ms=1_000)
    for value in values:
        check.alert(value)
    found = Checker(truth).found
    check.close(found)
    assert dict(found.faults) == faults
    assert check.is_complete is not bool(faults)


def test_every_alert_of_a_quiet_scenario_is_false():
    truth = Truth(quiet_otherwise=True, models={"credit"})
    check = AlertCheck(truth, slack_ms=0)
    check.alert(alert())
    check.alert(alert(model="somebody-elses"))
    check.trigger(orjson.dumps({"data": {"model": {"name": "credit"}}}))
    found = Checker(truth).found
    check.close(found)
    assert dict(found.faults) == {"alert_false": 1}
    assert check.triggers == 1
