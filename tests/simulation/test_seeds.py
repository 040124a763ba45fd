"""The protocol holds under 20,000 seeds; and a seed is the same whenever it is run."""

from __future__ import annotations

from functools import reduce

from tests.simulation.seeds import Outcome, check_all
from tests.simulation.simulation import Simulation, in_place_of_kafka

SEEDS = 20_000


def test_nothing_is_lost_or_written_twice_in_any_seed() -> None:
    total = reduce(Outcome.plus, check_all(1, SEEDS))
    assert not total.violations, total
    assert total.seeds == SEEDS
    assert total.transactions > 3 * SEEDS, "little was written"
    assert total.given_up > SEEDS // 10, "the faults do not reach the shards"


def test_a_seed_replays_step_by_step() -> None:
    with in_place_of_kafka():
        for seed in range(100, 130):
            first, second = Simulation(seed), Simulation(seed)
            first.run()
            second.run()
            assert _story(first) == _story(second)


def _story(simulation: Simulation) -> object:
    logs = simulation.broker.outputs
    written = {place: [entry and (entry.key, entry.value, entry.headers) for entry in log.entries] for place, log in logs.items()}
    return simulation.loop.steps, simulation.loop.time(), written
