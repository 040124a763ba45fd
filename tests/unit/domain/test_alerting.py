"""The state machine of one alert."""

from typing import Any

import pytest

from app.domain.decisions.alerting import (
    CONDITIONS,
    DUE,
    TRANSITIONS,
    Condition,
    Decision,
    Episode,
    Patience,
    Phase,
    Reason,
    Statement,
    step,
)

HOLDS, WEAK, CLEAR, UNKNOWN, SILENT = Condition.HOLDS, Condition.WEAK, Condition.CLEAR, Condition.UNKNOWN, Condition.SILENT
QUIET, PENDING, FIRING, CLEARING = Phase.QUIET, Phase.PENDING, Phase.FIRING, Phase.CLEARING

AT_ONCE = Patience()
FOR_60 = Patience(for_ms=60)
KEEP_60 = Patience(keep_ms=60)
KEEP_60_AND_300_EVENTS = Patience(keep_ms=60, events=300)


def tell(patience: Patience, *statements: tuple[int, Condition]) -> list[Decision]:
    """All decisions on statements over 100 events each."""
    episode, decisions = Episode(), []
    for at, condition in statements:
        decisions.append(step(episode, Statement(condition, at, 100), patience))
        episode = decisions[-1].episode
    return decisions


# Each statement carries the phase, the reason and the change that it must lead to.
STORIES: dict[str, tuple[Any, ...]] = {
    "quiet stays quiet": (
        AT_ONCE,
        (10, CLEAR, QUIET, Reason.NOTHING, None),
        (20, WEAK, QUIET, Reason.NOTHING, None),
        (30, UNKNOWN, QUIET, Reason.NOTHING, None),
    ),
    "fires and is resolved at once where nobody asks for patience": (
        AT_ONCE,
        (10, HOLDS, FIRING, Reason.HELD, "firing"),
        (20, HOLDS, FIRING, Reason.GOES_ON, None),
        (30, CLEAR, QUIET, Reason.STAYED_CLEAR, "resolved"),
        (40, HOLDS, FIRING, Reason.HELD, "firing"),
    ),
    "for: fires once it has held for long enough": (
        FOR_60,
        (10, HOLDS, PENDING, Reason.BEGAN, None),
        (69, HOLDS, PENDING, Reason.WAITS_TO_FIRE, None),
        (70, HOLDS, FIRING, Reason.HELD, "firing"),
    ),
    "for: over before that, nobody hears of it": (
        FOR_60,
        (10, HOLDS, PENDING, Reason.BEGAN, None),
        (40, CLEAR, QUIET, Reason.PASSED, None),
        (80, HOLDS, PENDING, Reason.BEGAN, None),
    ),
    "for: weak neither ends the wait nor fires": (
        FOR_60,
        (10, HOLDS, PENDING, Reason.BEGAN, None),
        (80, WEAK, PENDING, Reason.WAITS_TO_FIRE, None),
        (90, UNKNOWN, PENDING, Reason.WAITS_TO_FIRE, None),
        (91, HOLDS, FIRING, Reason.HELD, "firing"),
    ),
    "keep: resolved once it was clear for long enough": (
        KEEP_60,
        (10, HOLDS, FIRING, Reason.HELD, "firing"),
        (20, CLEAR, CLEARING, Reason.FIRST_CLEAR, None),
        (79, CLEAR, CLEARING, Reason.WAITS_TO_RESOLVE, None),
        (80, CLEAR, QUIET, Reason.STAYED_CLEAR, "resolved"),
    ),
    "keep: a flapping signal is one episode": (
        KEEP_60,
        (10, HOLDS, FIRING, Reason.HELD, "firing"),
        (20, CLEAR, CLEARING, Reason.FIRST_CLEAR, None),
        (70, HOLDS, FIRING, Reason.CAME_BACK, None),
        (80, CLEAR, CLEARING, Reason.FIRST_CLEAR, None),
        (130, HOLDS, FIRING, Reason.CAME_BACK, None),
        (140, CLEAR, CLEARING, Reason.FIRST_CLEAR, None),
        (200, CLEAR, QUIET, Reason.STAYED_CLEAR, "resolved"),
    ),
    "keep: weak begins the wait anew, unknown does not": (
        KEEP_60,
        (10, HOLDS, FIRING, Reason.HELD, "firing"),
        (20, CLEAR, CLEARING, Reason.FIRST_CLEAR, None),
        (30, WEAK, FIRING, Reason.CAME_BACK, None),
        (40, CLEAR, CLEARING, Reason.FIRST_CLEAR, None),
        (90, UNKNOWN, CLEARING, Reason.WAITS_TO_RESOLVE, None),
        (100, CLEAR, QUIET, Reason.STAYED_CLEAR, "resolved"),
    ),
    "keep: time alone does not resolve where events are asked for too": (
        KEEP_60_AND_300_EVENTS,
        (10, HOLDS, FIRING, Reason.HELD, "firing"),
        (20, CLEAR, CLEARING, Reason.FIRST_CLEAR, None),
        (900, CLEAR, CLEARING, Reason.WAITS_TO_RESOLVE, None),
        (901, CLEAR, QUIET, Reason.STAYED_CLEAR, "resolved"),
    ),
    "keep: events alone do not resolve either": (
        KEEP_60_AND_300_EVENTS,
        (10, HOLDS, FIRING, Reason.HELD, "firing"),
        *((at, CLEAR, CLEARING, Reason.FIRST_CLEAR if at == 20 else Reason.WAITS_TO_RESOLVE, None) for at in range(20, 80, 5)),
        (80, CLEAR, QUIET, Reason.STAYED_CLEAR, "resolved"),
    ),
    "keep: clear events before it came back do not count": (
        KEEP_60_AND_300_EVENTS,
        (10, HOLDS, FIRING, Reason.HELD, "firing"),
        (20, CLEAR, CLEARING, Reason.FIRST_CLEAR, None),
        (30, CLEAR, CLEARING, Reason.WAITS_TO_RESOLVE, None),
        (40, HOLDS, FIRING, Reason.CAME_BACK, None),
        (50, CLEAR, CLEARING, Reason.FIRST_CLEAR, None),
        (110, CLEAR, CLEARING, Reason.WAITS_TO_RESOLVE, None),
        (111, CLEAR, QUIET, Reason.STAYED_CLEAR, "resolved"),
    ),
    "a detector that warms up anew says nothing": (
        AT_ONCE,
        (10, HOLDS, FIRING, Reason.HELD, "firing"),
        (20, UNKNOWN, FIRING, Reason.GOES_ON, None),
        (30, CLEAR, QUIET, Reason.STAYED_CLEAR, "resolved"),
    ),
    "forgotten while firing is resolved": (
        KEEP_60,
        (10, HOLDS, FIRING, Reason.HELD, "firing"),
        (20, SILENT, QUIET, Reason.FORGOTTEN, "resolved"),
    ),
    "forgotten while clearing is resolved": (
        KEEP_60,
        (10, HOLDS, FIRING, Reason.HELD, "firing"),
        (20, CLEAR, CLEARING, Reason.FIRST_CLEAR, None),
        (30, SILENT, QUIET, Reason.FORGOTTEN, "resolved"),
    ),
    "forgotten while pending was never heard of": (
        FOR_60,
        (10, HOLDS, PENDING, Reason.BEGAN, None),
        (20, SILENT, QUIET, Reason.FORGOTTEN, None),
    ),
    "times that go back: a wait begun too far ahead is not waited out": (
        KEEP_60,
        (10, HOLDS, FIRING, Reason.HELD, "firing"),
        (9_000, CLEAR, CLEARING, Reason.FIRST_CLEAR, None),
        (30, CLEAR, CLEARING, Reason.WAITS_TO_RESOLVE, None),
        (90, CLEAR, QUIET, Reason.STAYED_CLEAR, "resolved"),
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_story(story: str) -> None:
    patience, *lines = STORIES[story]
    decisions = tell(patience, *((at, condition) for at, condition, *_ in lines))
    told = [(decision.episode.phase, decision.reason, decision.change) for decision in decisions]
    assert told == [(phase, reason, change) for _, _, phase, reason, change in lines]


def test_an_episode_starts_with_the_statement_that_made_it_fire() -> None:
    decisions = tell(Patience(for_ms=60, keep_ms=60), (10, HOLDS), (70, HOLDS), (80, CLEAR), (90, HOLDS))
    assert [decision.episode.starts for decision in decisions] == [0, 70, 70, 70]


def test_an_episode_knows_when_it_was_last_spoken_of() -> None:
    decisions = tell(AT_ONCE, (10, HOLDS), (40, HOLDS), (30, WEAK))
    assert [decision.episode.heard for decision in decisions] == [10, 40, 40]


def test_a_quiet_episode_remembers_nothing() -> None:
    assert tell(AT_ONCE, (10, HOLDS), (20, CLEAR))[-1].episode == Episode()


def test_the_table_has_every_phase_and_condition() -> None:
    assert {phase: set(row) for phase, row in TRANSITIONS.items()} == {phase: set(Condition) for phase in Phase}


def test_only_waiting_phases_end_by_time() -> None:
    assert set(DUE) == {(PENDING, HOLDS), (CLEARING, CLEAR)}


def test_every_state_of_a_detector_reads_as_a_condition() -> None:
    assert CONDITIONS == {"drift": HOLDS, "warning": WEAK, "quiet": CLEAR, "warming": UNKNOWN}


def test_the_table_on_top_of_the_module_is_the_code() -> None:
    from app.domain.decisions import alerting

    rows = [
        line.split("|")[1:-1] for line in (alerting.__doc__ or "").splitlines() if line.startswith("| ") and "phase" not in line
    ]
    written = {row[0].strip(): [cell.split(",")[0].split(":")[0].strip() for cell in row[1:]] for row in rows}
    order = (HOLDS, WEAK, CLEAR, UNKNOWN, SILENT)
    for phase, cells in written.items():
        after = [TRANSITIONS[Phase[phase]][condition][0].name for condition in order]
        assert [phase if cell.startswith("(") else cell for cell in cells] == after
    assert set(written) == set(Phase.__members__)
