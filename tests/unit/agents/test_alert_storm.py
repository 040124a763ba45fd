"""Many models drift within a minute: nothing is lost, nobody is paged more often than may be, and what is kept is bounded."""

from collections import Counter

from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.decide_state import CASES, SUBJECTS, State
from app.domain.decisions.retraining import RetrainPolicy
from tests.benchmarks.alert_storm import PAGES, SIGNALS, Storm, captured, statistics
from tests.decide_builders import fold, send_all

POLICY = AlertPolicy(pages_per_week=PAGES, cause_s=0)
OFF = RetrainPolicy(enabled=False)


def told(storm: Storm) -> Counter[str]:
    """Firing alerts by name."""
    return Counter(one["alertname"] for one in storm.out.alerts if one["status"])


def test_each_signal_of_a_storm_that_there_is_room_for_is_told_or_held_back_for_a_reason() -> None:
    models = CASES // len(SIGNALS)
    storm = Storm(models, POLICY, OFF)
    storm.round("drift", "drift", range(3))
    figures = storm.fold.figures()

    storm.check_nothing_is_lost(models * len(SIGNALS))
    held = {why: figures[f'alerts_held_back_total{{reason="{why}"}}'] / models for why in ("merged", "inhibited", "over_budget")}
    assert told(storm) == dict.fromkeys(("FeatureDrift", "MissingShare", "DifferenceDrift", "DisagreementDrift"), models)
    # of a model: 13 features and two missing shares are one with the first, a missing share explains the predictions
    assert held == {"merged": 13 + 2, "inhibited": 1, "over_budget": 0}
    assert figures["refused_total"] == 0


def test_the_budget_of_pages_is_each_models_own() -> None:
    models, policy = 10, AlertPolicy(pages_per_week=PAGES, cause_s=0, inhibit=False)
    storm = Storm(models, policy, OFF)
    storm.round("drift", "drift", range(3))
    pages = Counter(one["model"] for one in storm.out.alerts if one["status"] and one["severity"] == "critical")
    assert set(pages.values()) == {PAGES}
    assert storm.fold.figures()['alerts_held_back_total{reason="over_budget"}'] == models


def test_a_storm_beyond_all_bounds_hides_no_model_and_keeps_a_bounded_state() -> None:
    models = SUBJECTS + 50
    decide, drifts = fold(POLICY, OFF), list(statistics(models, "drift", 0, captured()))
    send_all(drifts, decide)
    state, figures = State.load(decide.save()), decide.figures()

    severities = [Counter(case.labels["severity"] for case in subject.cases.values()) for subject in state.subjects.values()]
    assert len(severities) == SUBJECTS
    assert all(one == {"warning": 1, "critical": 1} for one in severities), "each model's first of each severity"
    assert figures["alerts_firing"] + figures["alerts_held_back"] == 2 * SUBJECTS <= CASES + 3 * SUBJECTS
    assert figures["refused_total"] == len(drifts) - 2 * SUBJECTS
