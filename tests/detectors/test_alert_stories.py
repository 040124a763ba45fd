"""What on-call is told of a trouble, through the folds of pair, detect and decide: the stories of the benchmark, shorter.

The long ones, with default settings, and what each decision was: ``python -m tests.benchmarks.alert_scenarios --explain``.
"""

from collections import Counter

import pytest

from app.config import ModelSettings
from app.domain.detection.drift_config import DriftConfig
from tests.benchmarks.alert_scenarios import Outcome, outcome, played
from tests.benchmarks.alert_stories import STORIES, Story
from tests.chain import Chain

SETTINGS = ModelSettings(shadows=("2.0.0",), drift=DriftConfig(warm_up=1_000))
STORY = {story.name: story for story in STORIES}


def play(name: str, minutes: int, ends: int) -> tuple[Chain, Outcome]:
    """A story that begins after a quarter of an hour."""
    story: Story = STORY[name]._replace(minutes=minutes, begins=15, ends=ends)
    chain = played(story, 3, SETTINGS)
    return chain, outcome(chain)


def reasons(chain: Chain, name: str) -> list[str]:
    """The reasons of the decisions on the only alert of this name, in order, as `gnomon alerts explain` tells them."""
    [mark] = [mark for mark, labels in chain.cases().items() if labels["alertname"] == name]
    return [f"{step.reason} {step.told or step.held}".strip() for step in chain.explained(mark)]


def test_fifteen_features_that_move_at_once_are_one_ticket_and_no_page() -> None:
    _, found = play("burst", 75, 35)
    assert (found.pages, found.tickets, found.resolved) == (0, 1, 1)
    assert found.firing == {"FeatureDrift": 1}
    assert found.held == {("FeatureDrift", "merged"): 14}
    assert found.contributors == 14
    assert found.triggers == {"data_drift": 1}


def test_a_silent_shadow_is_one_ticket_and_explains_the_match_rate() -> None:
    chain, found = play("silent shadow", 80, 40)
    assert (found.pages, found.tickets, found.resolved) == (0, 1, 1)
    assert found.firing == {"ShadowSilent": 1}
    assert found.held == {("MatchRateLow", "inhibited"): 1}
    assert reasons(chain, "ShadowSilent") == [
        "held firing",
        "goes_on",
        "first_clear",
        "waits_to_resolve",
        "stayed_clear resolved",
    ]
    assert reasons(chain, "MatchRateLow")[:3] == ["began", "waits_to_fire", "held inhibited"]


@pytest.mark.parametrize("name", ["retyped", "gone"])
def test_a_changed_schema_is_one_ticket_and_explains_what_follows_from_it(name: str) -> None:
    chain, found = play(name, 60, 22)  # over before a warm-up of rows has made it how things are
    assert (found.pages, found.tickets, found.resolved) == (0, 1, 1)
    assert found.firing == {"SchemaChanged": 1}
    assert found.held == {("MissingShare", "inhibited"): 1, ("PredictionDrift", "inhibited"): 2}
    assert reasons(chain, "MissingShare")[:3] == ["began", "waits_to_fire", "held inhibited"]
    assert found.triggers == Counter(data_quality=1)


def test_what_comes_and_goes_pages_three_times_and_then_stays() -> None:
    """Five times in five hours."""
    _, found = play("flapping", 15 + 5 * 60, 15 + 5 * 60)
    assert (found.pages, found.tickets, found.resolved) == (3, 3, 4)
    assert found.firing == {"PredictionDrift": 6}


def test_a_slow_ramp_is_told_once_of_each_signal() -> None:
    """The feature, the live scores, the shadow's: none of them explains another."""
    _, found = play("slow ramp", 200, 200)
    assert (found.pages, found.tickets, found.resolved) == (1, 2, 0)
    assert found.firing == {"FeatureDrift": 1, "PredictionDrift": 2}
