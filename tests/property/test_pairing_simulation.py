"""Pairing under random cuts, crashes, jitter and silence; run this file with a number for that many seeds more."""

import random
import sys
from collections import Counter

import pytest

from app.domain.pairing.pairing_state import PairingPolicy
from tests.pair_simulation import POLICY, Simulation, expected_outcome, make_logs

BLOCKS = range(20)


def check_exact(seed: int) -> int:
    """Without silences the outcome is known from the logs, record by record, refusal by refusal."""
    rng = random.Random(seed)
    versions = rng.choice((("2",), ("2", "3"), ()))
    farthest_ms = rng.choice((1, 4)) * (POLICY.wait_ms + POLICY.deduplication_ms)
    logs = make_logs(rng, rng.choice((40, 150)), versions or ("2",), farthest_ms)
    simulation = Simulation(rng, logs, versions, silences=False)
    got = simulation.run()
    if versions:
        records, refused = expected_outcome(logs, versions)
        assert sorted(got.records) == records, f"seed {seed}"
        assert sorted((s, o, None if r not in ("duplicate", "late") else r) for s, o, r in got.refused) == refused, f"seed {seed}"
    check_accounts(logs, got, seed)
    otherwise = Simulation(random.Random(seed + 1), logs, versions, silences=False).run()
    assert got.gaps == otherwise.gaps, f"seed {seed}: what is said of clocks depends on how the logs were cut"
    return simulation.crashes


def check_accounts(logs, got, seed: int) -> None:
    """Every event is in exactly one place, and the minutes add up to the same."""
    places = Counter(half for record in got.records for half in record[4])
    places.update((side, offset) for side, offset, _ in got.refused)
    events = Counter((side, record.offset) for side in (0, 1) for record in logs[side])
    assert places == events, f"seed {seed}: {(places - events) or (events - places)}"
    counted = Counter()
    for (_, _, what), count in got.counts.items():
        counted[what] += count
    statuses = Counter(record[2] for record in got.records)
    reasons = Counter("rejected" if row[2] not in ("late", "duplicate") else row[2] for row in got.refused)
    assert counted == Counter({"read": sum(events.values())}) + statuses + reasons, f"seed {seed}"


def check_silences(seed: int) -> int:
    """With silences, and shadows that are learned: nothing lost, nothing twice, whatever else."""
    rng = random.Random(seed)
    versions = rng.choice((("2",), ("2", "3")))
    logs = make_logs(rng, rng.choice((40, 150)), versions)
    simulation = Simulation(rng, logs, rng.choice(("auto", "auto", versions, ("2", "9"))))
    got = simulation.run()
    check_accounts(logs, got, seed)
    return simulation.crashes


def check_new_settings(seed: int) -> int:
    """Each worker comes with other settings: window, horizon and shadows change at a crash, and nothing is lost by it."""
    rng = random.Random(seed)
    logs = make_logs(rng, 120, ("2", "3"))
    simulation = Simulation(rng, logs, "auto", crashes=0.02)
    simulation.policies = [POLICY, PairingPolicy(400, 100, 1_000), PairingPolicy(3_000, 0, 9_000)]
    simulation.choose_shadows = lambda: rng.choice(("auto", ("2",), ("2", "3"), ()))
    got = simulation.run()
    check_accounts(logs, got, seed)
    return simulation.crashes


@pytest.mark.parametrize("block", BLOCKS[:5])
def test_settings_may_change_at_a_restart(block: int) -> None:
    assert sum(check_new_settings(seed) for seed in range(block * 40, block * 40 + 40)) > 20


@pytest.mark.parametrize("block", BLOCKS)
def test_outcome_is_what_the_logs_say(block: int) -> None:
    crashes = sum(check_exact(seed) for seed in range(block * 60, block * 60 + 60))
    assert crashes > 60


@pytest.mark.parametrize("block", BLOCKS)
def test_nothing_is_lost_or_written_twice_over_silences(block: int) -> None:
    crashes = sum(check_silences(seed) for seed in range(block * 60, block * 60 + 60))
    assert crashes > 60


if __name__ == "__main__":
    total = sum(check_exact(seed) + check_silences(seed) for seed in range(int(sys.argv[1]), int(sys.argv[2])))
    print(f"{int(sys.argv[2]) - int(sys.argv[1])} seeds, {total} crashes, nothing wrong")
