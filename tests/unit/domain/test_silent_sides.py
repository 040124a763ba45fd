"""Who has fallen silent."""

import pytest

from app.domain.decisions.alerting import Condition
from app.domain.decisions.silent_sides import LEAST_REQUESTS, PairingCounts, silence

HOLDS, CLEAR, UNKNOWN = Condition.HOLDS, Condition.CLEAR, Condition.UNKNOWN

# Unanswered and answered requests of each minute, and how the silence then stands.
STORIES: dict[str, list[tuple[tuple[int, int], Condition | None]]] = {
    "answers": [((0, 100), CLEAR), ((90, 1), CLEAR)],
    "a minute without any request says nothing": [((0, 0), None), ((30, 0), HOLDS), ((0, 0), None)],
    "a few requests are not enough": [((LEAST_REQUESTS - 1, 0), UNKNOWN), ((1, 0), HOLDS)],
    "an answer begins the count anew": [((19, 0), UNKNOWN), ((19, 1), CLEAR), ((19, 0), UNKNOWN)],
}


@pytest.mark.parametrize("story", STORIES)
def test_story(story: str) -> None:
    requests, found = 0, []
    for counts, _ in STORIES[story]:
        requests, condition = silence(requests, *counts)
        found.append(condition)
    assert found == [condition for _, condition in STORIES[story]]


@pytest.mark.parametrize(
    ("counts", "of_shadow", "of_legacy"),
    [
        (PairingCounts(paired=5), (0, 5), (0, 5)),
        (PairingCounts(partial=5), (0, 5), (0, 5)),
        (PairingCounts(legacy_only=5), (5, 0), (0, 5)),
        (PairingCounts(shadow_only=5), (0, 5), (5, 0)),
        (PairingCounts(solo=5), (0, 0), (0, 5)),
    ],
)
def test_who_answered(counts: PairingCounts, of_shadow: tuple[int, int], of_legacy: tuple[int, int]) -> None:
    assert (counts.of_shadow, counts.of_legacy) == (of_shadow, of_legacy)
