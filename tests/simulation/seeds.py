"""Many seeds, over the cores there are; a failing one is told with the command that replays it."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from tests.simulation.oracle import Violation
from tests.simulation.simulation import Simulation, in_place_of_kafka

__all__ = ["Outcome", "check", "check_all"]

_CHUNK = 250
#: So many violations of a chunk are told; the others are like them.
_TOLD = 5


class Outcome(NamedTuple):
    """Of some seeds. What was struck, and what went wrong, by seed."""

    seeds: int
    given_up: int  # shards that were thrown away after an error
    transactions: int  # that were committed
    unanswered: int  # requests
    violations: list[tuple[int, str]]

    def __add__(self, other: Outcome) -> Outcome:  # type: ignore[override]  # a sum, and not a longer tuple
        return Outcome(*(one + two for one, two in zip(self, other, strict=True)))

    def __str__(self) -> str:
        counts = f"{self.transactions:,} transactions, {self.unanswered:,} unanswered requests, {self.given_up:,} shards given up"
        lines = [f"{self.seeds:,} seeds, {counts}: {len(self.violations)} violations"]
        lines += [f"seed {seed}: {text}\n    make simulate SEEDS={seed}..{seed}" for seed, text in self.violations[:_TOLD]]
        return "\n".join(lines)


def check(first: int, last: int, kind: type[Simulation] = Simulation) -> Outcome:
    """Run the seeds ``first..last`` one after another."""
    given_up = transactions = unanswered = 0
    violations = []
    with in_place_of_kafka():
        for seed in range(first, last + 1):
            simulation = kind(seed)
            try:
                simulation.run()
            except Violation as violation:
                violations.append((seed, str(violation)))
            given_up += simulation.watch.given_up
            transactions += sum(len(account.transactions) for account in simulation.accounts)
            unanswered += simulation.network.unanswered
    return Outcome(last - first + 1, given_up, transactions, unanswered, violations)


def check_all(first: int, last: int) -> Iterator[Outcome]:
    """Run many on all cores; the outcomes of some hundred each, in their order."""
    starts = range(first, last + 1, _CHUNK)
    ends = [min(start + _CHUNK - 1, last) for start in starts]
    if len(starts) == 1:
        yield check(first, last)
        return
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(check, starts, ends)
