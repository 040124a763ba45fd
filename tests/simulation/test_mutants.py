"""What the simulation is worth: each rule of the protocol that is broken on purpose is found to be broken, within few seeds."""

from __future__ import annotations

import pytest

from tests.simulation.mutants import MUTANTS, GivesUpAtEnd, RepeatsEnd
from tests.simulation.seeds import check
from tests.simulation.simulation import Simulation

_STEP = 10


@pytest.mark.parametrize(("mutant", "within"), MUTANTS.items(), ids=[mutant.__name__ for mutant in MUTANTS])
def test_a_broken_rule_is_found(mutant: type[Simulation], within: int) -> None:
    for first in range(1, within + 1, _STEP):
        if check(first, first + _STEP - 1, mutant).violations:
            return
    pytest.fail(f"{within} seeds do not find it: {mutant.__doc__}")


def test_an_end_that_is_repeated_and_late_tears_the_next_transaction() -> None:
    """A limit of Kafka's transactions of version 1 with a client that repeats in silence; see ``tests.simulation.mutants``."""
    assert check(1, 300, RepeatsEnd).violations


def test_an_end_that_is_late_is_harmless_where_its_producer_begins_anew() -> None:
    outcome = check(1, 300, GivesUpAtEnd)
    assert not outcome.violations, outcome
    assert outcome.unanswered > 300
